/* segment.h: one segment of a journal: reading it batch by batch, and telling a tail that a crash
 * cut from damage (format.h). */
#ifndef NMW_JOURNAL_SEGMENT_H
#define NMW_JOURNAL_SEGMENT_H

#include "base/err.h"
#include "journal/format.h"
#include <limits.h>
#include <stdbool.h>

struct jn_seg {
	int fd;
	char path[PATH_MAX];
	struct jn_seg_head head;
	uint64_t size;	/* bytes of the file */
	uint64_t off;	/* next batch */
	bool has_next;	/* a later segment exists: all of this one was on disk before */
	bool finished;	/* its last batch was read */
	uint8_t *batch; /* JN_BATCH_MAX bytes: the one that was read last */
};

enum jn_verdict { JN_END = 0, JN_BATCH = 1, JN_TORN = 2 };

/* Opens a segment and checks its head; batch is the caller's buffer. -EBADMSG, exit 3: damage. */
int jn_seg_open(struct jn_seg *s, const char *path, bool writable, uint8_t *batch,
		struct nmw_err *e);
/* Reads the batch at s->off, whose first record must be `expect`, and goes on behind it.
 * JN_END, JN_TORN: nothing more; s->off is where the next batch belongs. -EBADMSG: damage. */
int jn_seg_next(struct jn_seg *s, uint64_t expect, struct nmw_err *e);
void jn_seg_close(struct jn_seg *s);

/* All n bytes: 0, a negative errno, or -ENODATA when the file ends before. */
int jn_pread(int fd, void *p, size_t n, uint64_t off);
int jn_pwrite(int fd, const void *p, size_t n, uint64_t off);

#endif
