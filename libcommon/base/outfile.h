/* outfile.h: a file or pipe to which whole records are written, and nothing but whole records.
 *
 *     buf  |record|record|record|..|            room            |
 *          0      ^end    ^end    len                          cap
 *
 * A record (a packet of a capture, a line, a message of a BinaryFILE) is built in place: ask for
 * room, fill it, commit it with the messages that it carries.  Written when the buffer is full or
 * on flush.  Interrupted and short writes go on where they stopped, so a signal never cuts a
 * record.  When the disk is full or the reader is gone the file fails for good: on a regular file
 * what was cut is taken back, so that it ends with a whole record; what was in whole records counts
 * as written, the rest as lost: messages committed = written + in the buffer + lost.
 *
 * One thread.  Memory: taken at open.  Only flush, room and close make system calls.
 */
#ifndef NMW_BASE_OUTFILE_H
#define NMW_BASE_OUTFILE_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define NMW_OUTFILE_BUF	  (1u << 20) /* bytes of the buffer, and of the longest record */
#define NMW_OUTFILE_MARKS 4096u	     /* records that the buffer holds */

struct nmw_outmark {
	uint32_t end;	/* offset of the record's end in the buffer */
	uint32_t msgs;	/* messages in it */
	uint32_t bytes; /* payload bytes of these */
};

struct nmw_outfile {
	int fd;		   /* -1: not open */
	bool owned;	   /* opened here: closed here; stdout is not */
	bool regular;	   /* a file that keeps what it gets: nobody waits at its other end */
	bool from_scratch; /* what the file holds is still there: see nmw_outfile_start */
	const char *name;  /* for messages */
	uint8_t *buf;
	uint32_t len, marks;
	struct nmw_outmark *mark;
	uint64_t msgs_written, bytes_written, records_written; /* bytes: of payload */
	uint64_t msgs_lost;
	struct nmw_err err; /* err.err: why it failed; -EPIPE: its reader closed */
	/* asked after an interrupted write: true gives up what is not yet written; NULL = never */
	bool (*give_up)(void *arg);
	void *give_up_arg;
};

/* Opens `path` (`-` = stdout) for writing, from scratch: a file is emptied by nmw_outfile_start.
 * `name` is what messages call it and must outlive the handle.  binary: refused on a terminal. Exit
 * 2 (a directory, a missing folder, a terminal, another writer), 4 (not permitted), 5 (disk full,
 * too many files). */
int nmw_outfile_open(struct nmw_outfile *o, const char *path, const char *name, bool binary,
		     struct nmw_err *e);

/* Before the first record: empties the file, once it is known that there is something to write.
 * Exit 2: somebody reads it as an input (base/claim.h). */
int nmw_outfile_start(struct nmw_outfile *o, struct nmw_err *e);

/* Goes on at the end of a file that is there, which keeps what it has.  `whole` says where its last
 * whole record ends, a negative errno when it is not such a file (exit 2); what lies behind, the
 * torn record of a writer that was killed, is cut off.  `-` is opened as above: it is the shell
 * that appends. */
int nmw_outfile_append(struct nmw_outfile *o, const char *path, const char *name, bool binary,
		       off_t (*whole)(int fd, off_t size), struct nmw_err *e);

/* Where the next record of up to n bytes (<= NMW_OUTFILE_BUF) is built; writes out what is there
 * when it does not fit.  NULL: the file has failed. */
uint8_t *nmw_outfile_room(struct nmw_outfile *o, uint32_t n);
/* Bytes that room() would give now without writing. */
static inline uint32_t nmw_outfile_left(const struct nmw_outfile *o)
{
	return NMW_OUTFILE_BUF - o->len;
}
/* The record at the last room() is complete: n bytes, msgs messages of `bytes` payload bytes. */
void nmw_outfile_commit(struct nmw_outfile *o, uint32_t n, uint32_t msgs, uint32_t bytes);
/* n messages for which there was no room: the file has failed. */
static inline void nmw_outfile_lose(struct nmw_outfile *o, uint32_t n)
{
	o->msgs_lost += n;
}
/* Writes what is in the buffer. 0 or o->err.err. */
int nmw_outfile_flush(struct nmw_outfile *o);
/* Flushes, closes, frees. 0 or o->err.err (which stays readable). */
int nmw_outfile_close(struct nmw_outfile *o);

#endif
