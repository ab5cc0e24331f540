/* journal.h: the sequenced input of an engine on disk, and snapshots of its state.
 *
 *   first start          open, replay (nothing), put .. commit .. put .. commit, close
 *   after a crash        open, restore (newest snapshot), replay (what came after it), go on
 *
 * put copies a record into a buffer; commit writes the buffer with one write(2), before what
 * follows from the records is sent.  What can be lost:
 *
 *   process killed       nothing, in every mode: the kernel has what was written
 *   power or kernel gone NMW_SYNC_NONE: what the kernel had not written back (some 30 s)
 *                        NMW_SYNC_BATCH: the last NMW_JOURNAL_BATCH_NS, and what a sync takes
 *                        NMW_SYNC_ALWAYS: nothing: commit returns when the records are on disk
 *
 * Restart tells a tail that a crash cut (taken off and counted) from damage (refused: exit 3 with
 * file and offset).  One writer, by a kernel lock; readers need none.  One thread.  Memory is taken
 * at open.  After an error of commit nothing more is written and every later call fails: the caller
 * must send nothing that follows from those records.
 */
#ifndef NMW_JOURNAL_JOURNAL_H
#define NMW_JOURNAL_JOURNAL_H

#include "base/err.h"
#include "base/msg.h"
#include <stdbool.h>
#include <stddef.h>

#define NMW_JOURNAL_BATCH_NS	(10ull * 1000 * 1000)
#define NMW_JOURNAL_SEGMENT_DEF (64ull << 20) /* bytes */
#define NMW_JOURNAL_SEGMENT_MIN (4ull << 20)
#define NMW_JOURNAL_SEGMENT_MAX (4ull << 30)
#define NMW_JOURNAL_USER_MAX	4092u /* bytes of the caller's position in a snapshot */
#define NMW_JOURNAL_SNAPSHOTS	2u    /* that are kept */

enum nmw_journal_sync { NMW_SYNC_NONE, NMW_SYNC_BATCH, NMW_SYNC_ALWAYS };

enum nmw_journal_kind {
	NMW_JOURNAL_MESSAGE = 1, /* an input message, as it stood on its ring */
	NMW_JOURNAL_NOTE = 2,	 /* the caller's own: payload only */
	NMW_JOURNAL_KIND_MAX
};

struct nmw_journal_rec {
	enum nmw_journal_kind kind;
	uint16_t input;
	uint64_t number;	     /* from 1 */
	const struct nmw_slot *slot; /* descriptor; its payload is at `payload` */
	const uint8_t *payload;
	uint32_t len;
};

/* ---- writing -------------------------------------------------------------------------------- */

struct nmw_journal_conf {
	const char *dir;
	enum nmw_journal_sync sync;
	uint64_t segment_sz; /* bytes, 0 = default */
	uint64_t conf_hash;  /* of all that the output depends on beside the input */
	bool group;	     /* 0770 / 0660 instead of 0700 / 0600 */
};

struct nmw_journal_stat {
	uint64_t records, bytes, writes, syncs, snapshots; /* of this process */
	uint64_t torn_bytes;	/* cut off at open: the tail that a crash left */
	uint64_t bad_snapshots; /* passed over by restore */
	uint64_t last;		/* number of the last record */
};

struct nmw_journal;

/* Makes the directory if needed, locks it, reads what is there. Exit 6: another writer has it;
 * 2: written under another configuration; 3: damage; 5: no space. */
int nmw_journal_open(struct nmw_journal **out, const struct nmw_journal_conf *c, struct nmw_err *e);
/* Reads the newest valid snapshot of a region of that size into `region` and the caller's position
 * into user. 1: done; 0: there is none, region is untouched (or zero). */
int nmw_journal_restore(struct nmw_journal *j, void *region, size_t size, void *user,
			size_t user_sz, struct nmw_err *e);
/* Calls fn for every record after the snapshot (or from the first), then the journal is ready for
 * put. fn returns 0 or a negative errno, which ends it. */
int nmw_journal_replay(struct nmw_journal *j,
		       int (*fn)(const struct nmw_journal_rec *r, void *arg, struct nmw_err *e),
		       void *arg, struct nmw_err *e);

/* slot may be NULL (a note). len <= NMW_MSG_MAX. Never waits; writes when the buffer is full. */
void nmw_journal_put(struct nmw_journal *j, enum nmw_journal_kind kind, uint16_t input,
		     const struct nmw_slot *slot, const uint8_t *payload, uint32_t len);
/* What was put is written; with ALWAYS it is on disk; with BATCH when the last sync is
 * NMW_JOURNAL_BATCH_NS ago. */
int nmw_journal_commit(struct nmw_journal *j, struct nmw_err *e);
/* For idle times: commits and syncs what is due (NONE: nothing). */
int nmw_journal_tick(struct nmw_journal *j, struct nmw_err *e);
/* Writes the state after the last record: region and the caller's position. The caller waits for
 * the disk. */
int nmw_journal_snapshot(struct nmw_journal *j, const void *region, size_t size, const void *user,
			 size_t user_sz, struct nmw_err *e);
void nmw_journal_stat(const struct nmw_journal *j, struct nmw_journal_stat *out);
/* Commits, syncs, unlocks. */
int nmw_journal_close(struct nmw_journal *j, struct nmw_err *e);

/* ---- reading -------------------------------------------------------------------------------- */

struct nmw_journal_reader;

/* Reads a journal from its first record on, also while it is being written (it ends at what is
 * there). -ENOENT with exit 2: not a journal. */
int nmw_journal_reader_open(struct nmw_journal_reader **out, const char *dir, struct nmw_err *e);
/* 1: *r is the next record, valid until the next call; 0: the end; -EBADMSG, exit 3: damage. */
int nmw_journal_next(struct nmw_journal_reader *rd, struct nmw_journal_rec *r, struct nmw_err *e);
/* Bytes of a torn tail that the end was found at. */
uint64_t nmw_journal_reader_torn(const struct nmw_journal_reader *rd);
void nmw_journal_reader_close(struct nmw_journal_reader *rd);

#endif
