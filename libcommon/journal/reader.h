/* reader.h: the reader's insides, which the writer uses to find where it goes on. */
#ifndef NMW_JOURNAL_READER_H
#define NMW_JOURNAL_READER_H

#include "journal/dir.h"
#include "journal/journal.h"
#include "journal/segment.h"

struct nmw_journal_reader {
	char dir[PATH_MAX];
	struct jn_list list; /* segments */
	size_t at;	     /* the one that is open */
	bool open, writable;
	struct jn_seg seg;
	uint8_t *batch;
	uint32_t batch_at, batch_left;
	uint64_t batch_first;
	uint64_t from; /* records before it are checked and passed over */
	uint64_t next; /* number of the next record */
	uint64_t torn;
};

/* Opens at the segment that holds record `from`; an empty directory is no error (list.n is 0). */
int jn_reader_open(struct nmw_journal_reader **out, const char *dir, uint64_t from, bool writable,
		   struct nmw_err *e);

#endif
