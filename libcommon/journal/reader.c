/* Reading a journal from a record on, segment after segment. */
#include "journal/reader.h"

#include "journal/crc32c.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int open_segment(struct nmw_journal_reader *rd, struct nmw_err *e)
{
	char path[PATH_MAX];
	uint64_t number = rd->list.number[rd->at];
	jn_dir_path(path, rd->dir, JN_LOG, number);
	int rc = jn_seg_open(&rd->seg, path, rd->writable, rd->batch, e);
	if (rc)
		return rc;
	rd->open = true;
	rd->seg.has_next = rd->at + 1 < rd->list.n;
	if (rd->seg.head.first != number)
		return nmw_err_set(e, -EBADMSG, NMW_EXIT_DATA,
				   "%s: its head says record %" PRIu64 ": it was renamed", path,
				   rd->seg.head.first);
	return 0;
}

int jn_reader_open(struct nmw_journal_reader **out, const char *dir, uint64_t from, bool writable,
		   struct nmw_err *e)
{
	struct nmw_journal_reader *rd = calloc(1, sizeof *rd);
	if (!rd || !(rd->batch = malloc(JN_BATCH_MAX))) {
		free(rd);
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "journal %s: no memory", dir);
	}
	snprintf(rd->dir, sizeof rd->dir, "%s", dir);
	rd->writable = writable;
	rd->seg.fd = -1;
	int rc = jn_dir_list(dir, JN_LOG, &rd->list, e);
	while (!rc && rd->at + 1 < rd->list.n && rd->list.number[rd->at + 1] <= from)
		rd->at++;
	if (!rc && rd->list.n)
		rc = open_segment(rd, e);
	if (!rc && rd->list.n) {
		rd->next = rd->list.number[rd->at];
		if (rd->next > from)
			rc = nmw_err_set(e, -EBADMSG, NMW_EXIT_DATA,
					 "journal %s: starts at record %" PRIu64 ", %" PRIu64
					 " is needed: restore the segments before",
					 dir, rd->next, from);
	}
	rd->from = from;
	if (rc)
		nmw_journal_reader_close(rd);
	else
		*out = rd;
	return rc;
}

int nmw_journal_reader_open(struct nmw_journal_reader **out, const char *dir, struct nmw_err *e)
{
	int rc = jn_reader_open(out, dir, 1, false, e);
	if (rc)
		return rc;
	if ((*out)->list.n)
		return 0;
	nmw_journal_reader_close(*out);
	*out = NULL;
	return nmw_err_set(e, -ENOENT, NMW_EXIT_USAGE,
			   "journal %s: holds no segment log.N: not a journal", dir);
}

/* The next segment must go on where this one ended. */
static int next_segment(struct nmw_journal_reader *rd, struct nmw_err *e)
{
	uint64_t number = rd->list.number[rd->at + 1];
	if (number != rd->next)
		return nmw_err_set(e, -EBADMSG, NMW_EXIT_DATA,
				   "%s: ends before record %" PRIu64 ", the next segment starts "
				   "at %" PRIu64 ": records are missing",
				   rd->seg.path, rd->next, number);
	jn_seg_close(&rd->seg);
	rd->open = false;
	rd->at++;
	return open_segment(rd, e);
}

/* The next batch: 1, 0 at the end. */
static int next_batch(struct nmw_journal_reader *rd, struct nmw_err *e)
{
	struct jn_batch b;
	for (;;) {
		if (!rd->open)
			return 0;
		int rc = jn_seg_next(&rd->seg, rd->next, e);
		if (rc < 0)
			return rc;
		if (rc == JN_BATCH) {
			memcpy(&b, rd->batch, sizeof b);
			rd->batch_at = sizeof b;
			rd->batch_left = b.n;
			rd->batch_first = b.first;
			if (b.n)
				return 1;
			continue;
		}
		rd->torn = rc == JN_TORN ? rd->seg.size - rd->seg.off : 0;
		if (rd->at + 1 >= rd->list.n)
			return 0;
		rc = next_segment(rd, e);
		if (rc)
			return rc;
	}
}

int nmw_journal_next(struct nmw_journal_reader *rd, struct nmw_journal_rec *r, struct nmw_err *e)
{
	for (;;) {
		if (!rd->batch_left) {
			int rc = next_batch(rd, e);
			if (rc <= 0)
				return rc;
		}
		struct jn_rec h;
		const uint8_t *p = rd->batch + rd->batch_at;
		memcpy(&h, p, sizeof h);
		rd->batch_at += jn_rec_sz(h.len);
		rd->batch_left--;
		rd->next = h.number + 1;
		if (h.number < rd->from)
			continue;
		*r = (struct nmw_journal_rec){
			.kind = (enum nmw_journal_kind)h.kind,
			.input = h.input,
			.number = h.number,
			.slot = (const struct nmw_slot *)(const void *)(p + sizeof h),
			.payload = p + sizeof h + NMW_DESC_SZ,
			.len = h.len,
		};
		return 1;
	}
}

uint64_t nmw_journal_reader_torn(const struct nmw_journal_reader *rd)
{
	return rd->torn;
}

void nmw_journal_reader_close(struct nmw_journal_reader *rd)
{
	if (!rd)
		return;
	if (rd->open)
		jn_seg_close(&rd->seg);
	jn_list_free(&rd->list);
	free(rd->batch);
	free(rd);
}
