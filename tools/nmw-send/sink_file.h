/* sink_file.h: what the sinks that write to a file share: the file, and its counts and error as the
 * sink's own. */
#ifndef NMW_SEND_SINK_FILE_H
#define NMW_SEND_SINK_FILE_H

#include "base/outfile.h"
#include "sink.h"

/* Idle time after which a reader gets to see what is in the buffer. */
#define SINK_FILE_IDLE_NS 200000ull

/* whole: see base/outfile.h; NULL: this kind of file cannot be appended to. */
int sink_file_open(struct sink *k, struct nmw_outfile *o, const char *path, bool binary,
		   off_t (*whole)(int fd, off_t size), const struct sink_conf *conf,
		   struct nmw_err *e);
/* Brings the sink's counts and error up to the file's. */
void sink_file_sync(struct sink *k, const struct nmw_outfile *o);
/* The flush of a sink whose records are all in the file's buffer. */
void sink_file_flush(struct sink *k, struct nmw_outfile *o, uint64_t idle_ns);

#endif
