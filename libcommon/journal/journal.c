/* The writer: where a journal goes on, its buffer, its segments, when it syncs. */
#include "journal/journal.h"

#include "base/clock.h"
#include "journal/crc32c.h"
#include "journal/reader.h"
#include "journal/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAST_SZ (2u * JN_ALIGN) /* room at the end of a segment for its closing batch */

struct nmw_journal {
	struct nmw_journal_conf conf;
	char dir[PATH_MAX];
	int lock_fd;
	uint64_t restored; /* number of the snapshot that was loaded; 0 = none */
	bool ready;	   /* replayed: may be written */

	struct jn_seg seg; /* fd -1: none yet */
	uint8_t *buf;	   /* the batch that is being filled: JN_BATCH_MAX */
	uint32_t fill, n;
	uint64_t first; /* number of its first record */

	uint64_t written; /* last record that was written */
	uint64_t durable; /* last record that is known to be on disk */
	uint64_t synced_ns;
	struct nmw_err err; /* the first that hit; nothing is written after it */
	struct nmw_journal_stat st;
};

static int fail(struct nmw_journal *j, int err, const char *what, struct nmw_err *e)
{
	nmw_err_set(&j->err, err, nmw_exit_of(err),
		    "journal %s: %s: %s: record %" PRIu64 " and after were not taken%s",
		    j->seg.fd >= 0 ? j->seg.path : j->dir, what, strerror(-err), j->written + 1,
		    nmw_exit_of(err) == NMW_EXIT_RESOURCE ? ": free some space, then start again"
							  : "");
	if (e)
		*e = j->err;
	return err;
}

/* ---- opening -------------------------------------------------------------------------------- */

static int lock_take(struct nmw_journal *j, struct nmw_err *e)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/lock", j->conf.dir);
	j->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, j->conf.group ? 0660 : 0600);
	int rc = j->lock_fd < 0 ? -errno : 0;
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	if (!rc && fcntl(j->lock_fd, F_OFD_SETLK, &l))
		rc = errno == EACCES ? -EAGAIN : -errno;
	if (rc == -EAGAIN)
		return nmw_err_set(e, rc, NMW_EXIT_PEER,
				   "journal %s: another process writes it: stop that one, or take "
				   "another directory",
				   j->conf.dir);
	if (rc)
		return nmw_err_set(e, rc, nmw_exit_of(rc),
				   "journal %s: its file lock cannot be %s: %s: name a directory "
				   "that this user may write to",
				   j->conf.dir, j->lock_fd < 0 ? "opened" : "locked",
				   strerror(-rc));
	return 0;
}

static int conf_check(const struct nmw_journal_conf *c, struct nmw_err *e)
{
	if (c->segment_sz < NMW_JOURNAL_SEGMENT_MIN || c->segment_sz > NMW_JOURNAL_SEGMENT_MAX)
		return nmw_err_set(
			e, -ERANGE, NMW_EXIT_USAGE,
			"journal %s: segments of %" PRIu64 " bytes: %llu to %llu expected", c->dir,
			c->segment_sz, NMW_JOURNAL_SEGMENT_MIN, NMW_JOURNAL_SEGMENT_MAX);
	return 0;
}

int nmw_journal_open(struct nmw_journal **out, const struct nmw_journal_conf *c, struct nmw_err *e)
{
	struct nmw_journal *j = calloc(1, sizeof *j);
	if (!j || !(j->buf = calloc(1, JN_BATCH_MAX))) {
		free(j);
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "journal %s: no memory", c->dir);
	}
	j->conf = *c;
	if (!j->conf.segment_sz)
		j->conf.segment_sz = NMW_JOURNAL_SEGMENT_DEF;
	j->lock_fd = j->seg.fd = -1;
	int rc = conf_check(&j->conf, e);
	if (!rc)
		rc = jn_dir_make(c->dir, c->group, e);
	if (!rc) {
		snprintf(j->dir, sizeof j->dir, "%s", c->dir);
		j->conf.dir = j->dir;
		rc = lock_take(j, e);
	}
	if (rc) {
		if (j->lock_fd >= 0)
			close(j->lock_fd);
		free(j->buf);
		free(j);
		return rc;
	}
	jn_dir_clean(j->dir);
	*out = j;
	return 0;
}

/* ---- starting again ------------------------------------------------------------------------- */

int nmw_journal_restore(struct nmw_journal *j, void *region, size_t size, void *user,
			size_t user_sz, struct nmw_err *e)
{
	struct jn_list l;
	int rc = jn_dir_list(j->dir, JN_SNAP, &l, e);
	if (rc)
		return rc;
	for (size_t i = l.n; i-- > 0;) {
		rc = jn_snap_read(j->dir, l.number[i], j->conf.conf_hash, region, size, user,
				  user_sz, e);
		if (rc == 0) {
			j->restored = l.number[i];
			break;
		}
		if (rc != -EBADMSG)
			break;
		rc = 0;
		j->st.bad_snapshots++;
	}
	jn_list_free(&l);
	return rc ? rc : j->restored != 0;
}

static int conf_matches(const struct nmw_journal *j, const struct jn_seg *s, struct nmw_err *e)
{
	if (s->head.conf_hash == j->conf.conf_hash)
		return 0;
	return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
			   "%s: configuration %016" PRIx64 " found, %016" PRIx64
			   " expected: start with the options and the symbols file that it was "
			   "written under, or take another directory",
			   s->path, s->head.conf_hash, j->conf.conf_hash);
}

/* The reader's last segment becomes the one that is written on; what a crash left behind its last
 * whole batch is cut off. */
static int take_over(struct nmw_journal *j, struct nmw_journal_reader *rd, struct nmw_err *e)
{
	j->written = j->durable = rd->next - 1;
	j->st.torn_bytes = rd->torn;
	j->seg = rd->seg;
	rd->open = false;
	int fd = j->seg.fd, rc = 0;
	uint64_t size = j->seg.head.seg_sz;
	if (!j->seg.finished) {
		if (rd->torn && ftruncate(fd, (off_t)j->seg.off))
			rc = -errno;
		if (!rc)
			rc = -posix_fallocate(fd, 0, (off_t)size);
		j->seg.size = size;
	}
	if (!rc && fsync(fd))
		rc = -errno;
	j->seg.batch = NULL;
	return rc ? fail(j, rc, "cannot go on writing it", e) : 0;
}

static int replay_all(struct nmw_journal *j, struct nmw_journal_reader *rd,
		      int (*fn)(const struct nmw_journal_rec *r, void *arg, struct nmw_err *e),
		      void *arg, struct nmw_err *e)
{
	struct nmw_journal_rec r;
	int rc = conf_matches(j, &rd->seg, e);
	while (!rc && (rc = nmw_journal_next(rd, &r, e)) == 1)
		rc = fn(&r, arg, e);
	if (!rc && rd->next <= j->restored)
		rc = nmw_err_set(e, -EBADMSG, NMW_EXIT_DATA,
				 "%s: ends at record %" PRIu64
				 ", the snapshot was taken at %" PRIu64
				 ": records are missing: restore the segments",
				 rd->seg.path, rd->next - 1, j->restored);
	return rc;
}

int nmw_journal_replay(struct nmw_journal *j,
		       int (*fn)(const struct nmw_journal_rec *r, void *arg, struct nmw_err *e),
		       void *arg, struct nmw_err *e)
{
	struct nmw_journal_reader *rd;
	int rc = jn_reader_open(&rd, j->dir, j->restored + 1, true, e);
	if (rc)
		return rc;
	if (rd->list.n)
		rc = replay_all(j, rd, fn, arg, e);
	else if (j->restored)
		rc = nmw_err_set(e, -EBADMSG, NMW_EXIT_DATA,
				 "journal %s: a snapshot but no log: restore the segments", j->dir);
	if (!rc && rd->list.n)
		rc = take_over(j, rd, e);
	nmw_journal_reader_close(rd);
	j->ready = !rc;
	j->first = j->written + 1;
	j->fill = sizeof(struct jn_batch);
	j->st.last = j->written;
	return rc;
}

/* ---- segments ------------------------------------------------------------------------------- */

static int sync_now(struct nmw_journal *j, struct nmw_err *e)
{
	if (j->seg.fd >= 0 && j->durable < j->written) {
		if (fdatasync(j->seg.fd))
			return fail(j, -errno, "sync", e);
		j->durable = j->written;
		j->st.syncs++;
	}
	j->synced_ns = nmw_clock_mono();
	return 0;
}

static int seg_fill(const struct nmw_journal *j, struct jn_seg *s)
{
	struct jn_seg_head *h = &s->head;
	memset(h, 0, sizeof *h);
	h->magic = JN_SEG_MAGIC;
	h->version = JN_VERSION;
	h->head_sz = sizeof *h;
	h->conf_hash = j->conf.conf_hash;
	h->first = j->written + 1;
	h->seg_sz = j->conf.segment_sz;
	h->created_ns = nmw_clock_real();
	snprintf(h->software, sizeof h->software, "%s", NMW_VERSION);
	h->crc = nmw_crc32c(0, h, offsetof(struct jn_seg_head, crc));
	s->size = h->seg_sz;
	s->off = sizeof *h;
	int rc = j->conf.group && fchmod(s->fd, 0660) ? -errno : 0;
	if (!rc)
		rc = -posix_fallocate(s->fd, 0, (off_t)s->size);
	if (!rc)
		rc = jn_pwrite(s->fd, h, sizeof *h, 0);
	return rc ? rc : fsync(s->fd) ? -errno : 0;
}

/* A new segment appears under its name when it is whole. */
static int seg_new(struct nmw_journal *j, struct nmw_err *e)
{
	char tmp[PATH_MAX];
	struct jn_seg s = {.fd = -1};
	jn_dir_path(s.path, j->dir, JN_LOG, j->written + 1);
	jn_dir_path(tmp, j->dir, JN_TMP JN_LOG, j->written + 1);
	s.fd = open(tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int rc = s.fd < 0 ? -errno : seg_fill(j, &s);
	if (!rc && rename(tmp, s.path))
		rc = -errno;
	if (!rc)
		rc = jn_dir_sync(j->dir);
	if (!rc) {
		j->seg = s;
		return 0;
	}
	if (s.fd >= 0)
		close(s.fd);
	unlink(tmp);
	return fail(j, rc, "cannot make the next segment", e);
}

static void batch_seal(uint8_t *p, uint64_t first, uint32_t n, uint32_t bytes, uint64_t durable,
		       uint32_t flags)
{
	struct jn_batch b = {.magic = JN_BATCH_MAGIC,
			     .first = first,
			     .n = n,
			     .bytes = bytes,
			     .durable = durable,
			     .flags = flags,
			     .mark = JN_MARK};
	const size_t from = offsetof(struct jn_batch, first);
	const uint64_t trailer = JN_TRAILER ^ first;
	b.crc = nmw_crc32c(0, (const uint8_t *)&b + from, sizeof b - from);
	memcpy(p, &b, sizeof b);
	memcpy(p + bytes - sizeof trailer, &trailer, sizeof trailer);
}

/* Ends the segment: all of it is on disk before the next one exists. */
static int seg_finish(struct nmw_journal *j, struct nmw_err *e)
{
	uint8_t last[LAST_SZ] = {0};
	if (j->seg.fd < 0)
		return 0;
	if (!j->seg.finished) {
		batch_seal(last, j->written + 1, 0, sizeof last, j->durable, JN_LAST_OF_SEGMENT);
		int rc = jn_pwrite(j->seg.fd, last, sizeof last, j->seg.off);
		if (!rc && fdatasync(j->seg.fd))
			rc = -errno;
		if (rc)
			return fail(j, rc, "cannot end the segment", e);
		j->st.syncs++;
	}
	j->durable = j->written;
	jn_seg_close(&j->seg);
	return 0;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* What was written of a batch that did not fit the disk must not look like one. */
static void take_back(struct nmw_journal *j)
{
	if (!ftruncate(j->seg.fd, (off_t)j->seg.off))
		(void)!posix_fallocate(j->seg.fd, 0, (off_t)j->seg.size);
}

static int write_batch(struct nmw_journal *j, struct nmw_err *e)
{
	uint32_t bytes = jn_align(j->fill + 8);
	int rc = 0;
	if (j->seg.fd < 0 || j->seg.finished || j->seg.off + bytes + LAST_SZ > j->seg.size) {
		rc = seg_finish(j, e);
		if (!rc)
			rc = seg_new(j, e);
		if (rc)
			return rc;
	}
	memset(j->buf + j->fill, 0, bytes - j->fill);
	batch_seal(j->buf, j->first, j->n, bytes, j->durable, 0);
	rc = jn_pwrite(j->seg.fd, j->buf, bytes, j->seg.off);
	if (rc) {
		fail(j, rc, "write", e);
		take_back(j);
		return rc;
	}
	j->seg.off += bytes;
	j->written += j->n;
	j->st.records += j->n;
	j->st.bytes += bytes;
	j->st.writes++;
	j->st.last = j->written;
	j->first = j->written + 1;
	j->fill = sizeof(struct jn_batch);
	j->n = 0;
	return 0;
}

void nmw_journal_put(struct nmw_journal *j, enum nmw_journal_kind kind, uint16_t input,
		     const struct nmw_slot *slot, const uint8_t *payload, uint32_t len)
{
	static const uint8_t none[NMW_DESC_SZ];
	if (j->err.err)
		return;
	if (j->fill + jn_rec_sz(len) + 8 + JN_ALIGN > JN_BATCH_MAX && write_batch(j, NULL))
		return; /* commit says so */
	struct jn_rec r = {
		.len = len, .kind = (uint16_t)kind, .input = input, .number = j->first + j->n};
	uint8_t *p = j->buf + j->fill;
	uint32_t sz = jn_rec_sz(len), used = (uint32_t)sizeof r + NMW_DESC_SZ + len;
	memcpy(p + sizeof r, slot ? (const void *)slot : none, NMW_DESC_SZ);
	if (len)
		memcpy(p + sizeof r + NMW_DESC_SZ, payload, len);
	memset(p + used, 0, sz - used);
	memcpy(p, &r, sizeof r);
	r.crc = nmw_crc32c(0, p + sizeof r.crc, used - sizeof r.crc);
	memcpy(p, &r.crc, sizeof r.crc);
	j->fill += sz;
	j->n++;
}

/* Whoever has nothing that is not on disk does not look at the clock: the time that a record may
 * stay in memory begins with it. */
int nmw_journal_commit(struct nmw_journal *j, struct nmw_err *e)
{
	int rc = 0;
	bool clean = j->durable == j->written;
	if (!j->err.err && j->n)
		rc = write_batch(j, e);
	if (j->err.err) {
		if (e)
			*e = j->err;
		return j->err.err;
	}
	if (rc || j->conf.sync == NMW_SYNC_NONE)
		return rc;
	if (j->conf.sync == NMW_SYNC_ALWAYS)
		return sync_now(j, e);
	if (j->durable == j->written)
		return 0;
	uint64_t now = nmw_clock_mono();
	if (clean)
		j->synced_ns = now;
	return now - j->synced_ns >= NMW_JOURNAL_BATCH_NS ? sync_now(j, e) : 0;
}

int nmw_journal_tick(struct nmw_journal *j, struct nmw_err *e)
{
	return nmw_journal_commit(j, e);
}

int nmw_journal_snapshot(struct nmw_journal *j, const void *region, size_t size, const void *user,
			 size_t user_sz, struct nmw_err *e)
{
	const struct jn_snap s = {
		.conf_hash = j->conf.conf_hash,
		.region = region,
		.region_sz = size,
		.user = user,
		.user_sz = user_sz,
		.group = j->conf.group,
	};
	struct jn_snap at = s;
	int rc = nmw_journal_commit(j, e);
	if (!rc)
		rc = sync_now(j, e); /* a snapshot is never newer than the log */
	at.number = j->written;
	if (!rc && j->written)
		rc = jn_snap_write(j->dir, &at, e);
	if (rc || !j->written)
		return rc;
	j->st.snapshots++;
	jn_snap_prune(j->dir, NMW_JOURNAL_SNAPSHOTS);
	return 0;
}

void nmw_journal_stat(const struct nmw_journal *j, struct nmw_journal_stat *out)
{
	*out = j->st;
}

int nmw_journal_close(struct nmw_journal *j, struct nmw_err *e)
{
	if (!j)
		return 0;
	int rc = j->ready ? nmw_journal_commit(j, e) : 0;
	if (!rc && j->ready)
		rc = sync_now(j, e);
	if (j->seg.fd >= 0)
		jn_seg_close(&j->seg);
	if (j->lock_fd >= 0)
		close(j->lock_fd);
	free(j->buf);
	free(j);
	return rc;
}
