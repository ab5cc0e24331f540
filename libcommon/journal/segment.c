#include "journal/segment.h"

#include "journal/crc32c.h"
#include "journal/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCAN_SZ (64u * 1024u)

int jn_pread(int fd, void *p, size_t n, uint64_t off)
{
	char *at = p;
	while (n) {
		ssize_t got = pread(fd, at, n, (off_t)off);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -ENODATA;
		at += got;
		off += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

int jn_pwrite(int fd, const void *p, size_t n, uint64_t off)
{
	const char *at = p;
	while (n) {
		ssize_t put = pwrite(fd, at, n, (off_t)off);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put < 0 ? -errno : -EIO;
		at += put;
		off += (uint64_t)put;
		n -= (size_t)put;
	}
	return 0;
}

/* ---- opening -------------------------------------------------------------------------------- */

static const char *head_wrong(const struct jn_seg *s)
{
	const struct jn_seg_head *h = &s->head;
	if (h->magic != JN_SEG_MAGIC)
		return "not a journal segment";
	if (h->version != JN_VERSION)
		return "written in another layout version: read it with the tools of that version";
	if (h->crc != nmw_crc32c(0, h, offsetof(struct jn_seg_head, crc)))
		return "damaged at offset 0: checksum";
	return NULL;
}

int jn_seg_open(struct jn_seg *s, const char *path, bool writable, uint8_t *batch,
		struct nmw_err *e)
{
	struct stat st;
	memset(s, 0, sizeof *s);
	snprintf(s->path, sizeof s->path, "%s", path);
	s->batch = batch;
	/* O_NONBLOCK: a FIFO of that name must not hold the start up */
	s->fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int rc = s->fd < 0 || fstat(s->fd, &st) ? -errno : 0;
	bool regular = !rc && S_ISREG(st.st_mode);
	if (regular)
		rc = jn_pread(s->fd, &s->head, sizeof s->head, 0);
	if (rc && rc != -ENODATA) {
		jn_seg_close(s);
		return nmw_err_set(e, rc, nmw_exit_of(rc), "%s: cannot read it: %s", path,
				   nmw_err_nofollow(rc));
	}
	const char *wrong = !regular ? "not a regular file"
			    : rc     ? "damaged at offset 0: cut within its head: restore it "
				       "from a copy"
				     : head_wrong(s);
	if (wrong) {
		jn_seg_close(s);
		return nmw_err_set(e, -EBADMSG, NMW_EXIT_DATA, "%s: %s", path, wrong);
	}
	s->size = (uint64_t)st.st_size;
	s->off = sizeof s->head;
	return 0;
}

void jn_seg_close(struct jn_seg *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* ---- what stands behind an offset ------------------------------------------------------------ */

/* Calls see with pieces of the file from off on, until it returns true or the end. Holes are passed
 * over: they are zero. Pieces start at multiples of 64. */
static bool scan(const struct jn_seg *s, uint64_t off,
		 bool (*see)(const uint8_t *p, size_t n, uint64_t at, void *arg), void *arg)
{
	uint8_t buf[SCAN_SZ];
	while (off < s->size) {
		off_t data = lseek(s->fd, (off_t)off, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			return false;
		if (data > 0 && (uint64_t)data > off)
			off = (uint64_t)data & ~(uint64_t)(JN_ALIGN - 1);
		ssize_t n = pread(s->fd, buf, sizeof buf, (off_t)off);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		if (see(buf, (size_t)n, off, arg))
			return true;
		off += (uint64_t)n;
	}
	return false;
}

static bool see_nonzero(const uint8_t *p, size_t n, uint64_t at, void *arg)
{
	(void)at;
	(void)arg;
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return true;
	return false;
}

static bool zero_behind(const struct jn_seg *s, uint64_t off)
{
	return !scan(s, off, see_nonzero, NULL);
}

static bool batch_head_ok(const struct jn_batch *b)
{
	const size_t from = offsetof(struct jn_batch, first);
	return b->magic == JN_BATCH_MAGIC && b->mark == JN_MARK &&
	       b->crc == nmw_crc32c(0, (const uint8_t *)b + from, sizeof *b - from) &&
	       b->bytes > sizeof *b && b->bytes <= JN_BATCH_MAX && b->bytes % JN_ALIGN == 0;
}

static bool see_durable(const uint8_t *p, size_t n, uint64_t at, void *arg)
{
	const uint64_t *record = arg;
	struct jn_batch b;
	(void)at;
	for (size_t i = 0; i + sizeof b <= n; i += JN_ALIGN) {
		memcpy(&b, p + i, sizeof b);
		if (batch_head_ok(&b) && b.durable >= *record)
			return true;
	}
	return false;
}

/* Something later says that this record was on disk: then what is wrong with it is no crash. */
static bool was_durable(const struct jn_seg *s, uint64_t off, uint64_t record)
{
	return s->has_next || scan(s, off, see_durable, &record);
}

/* ---- batches --------------------------------------------------------------------------------- */

static int damaged(const struct jn_seg *s, uint64_t off, uint64_t record, const char *what,
		   struct nmw_err *e)
{
	return nmw_err_set(e, -EBADMSG, NMW_EXIT_DATA,
			   "%s: damaged at offset %" PRIu64 ", record %" PRIu64
			   ": %s: restore the file from a copy; what comes before it can be read "
			   "with nmw-recv journal:DIR",
			   s->path, off, record, what);
}

/* What was cut by a crash is torn, unless it is known to have been on disk. */
static int torn_or_damaged(const struct jn_seg *s, uint64_t off, uint64_t record, const char *what,
			   struct nmw_err *e)
{
	if (was_durable(s, off + JN_ALIGN, record))
		return damaged(s, off, record, what, e);
	return JN_TORN;
}

/* A sector of the batch that is all zero never reached the disk. */
static bool lacks_sector(const uint8_t *p, uint64_t off, uint32_t bytes)
{
	uint64_t from = (off + JN_SECTOR - 1) / JN_SECTOR * JN_SECTOR;
	for (uint64_t at = from; at + JN_SECTOR <= off + bytes; at += JN_SECTOR)
		if (!see_nonzero(p + (at - off), JN_SECTOR, at, NULL))
			return true;
	return false;
}

/* The records of the batch in s->batch. *bad: offset in the batch of the first wrong one. */
static bool records_ok(const struct jn_seg *s, const struct jn_batch *b, uint32_t *bad)
{
	uint32_t at = sizeof *b, end = b->bytes - 8;
	for (uint32_t i = 0; i < b->n; i++) {
		struct jn_rec r;
		*bad = at;
		if (at + sizeof r + NMW_DESC_SZ > end)
			return false;
		memcpy(&r, s->batch + at, sizeof r);
		if (r.len > NMW_MSG_MAX || jn_rec_sz(r.len) > end - at ||
		    r.crc != nmw_crc32c(0, s->batch + at + sizeof r.crc,
					sizeof r - sizeof r.crc + NMW_DESC_SZ + r.len) ||
		    r.number != b->first + i)
			return false;
		at += jn_rec_sz(r.len);
	}
	return true;
}

/* A head that is none. */
static int no_head(const struct jn_seg *s, const struct jn_batch *b, uint64_t expect,
		   struct nmw_err *e)
{
	static const struct jn_batch zero;
	if (!memcmp(b, &zero, sizeof zero)) {
		if (zero_behind(s, s->off))
			return JN_END;
		return torn_or_damaged(s, s->off, expect, "a batch is missing", e);
	}
	if (((const uint8_t *)b)[sizeof *b - 1] == 0 && zero_behind(s, s->off + sizeof *b))
		return JN_TORN; /* cut within the head */
	return damaged(s, s->off, expect, "head of a batch: checksum", e);
}

static int check_batch(struct jn_seg *s, const struct jn_batch *b, struct nmw_err *e)
{
	uint64_t trailer;
	uint32_t bad = 0;
	if (s->off + b->bytes > s->size)
		return torn_or_damaged(s, s->off, b->first, "the file was cut", e);
	int rc = jn_pread(s->fd, s->batch, b->bytes, s->off);
	if (rc)
		return nmw_err_set(e, rc, NMW_EXIT_FAILED, "%s: cannot read at %" PRIu64 ": %s",
				   s->path, s->off, strerror(-rc));
	if (s->batch[b->bytes - 1] == 0)
		return torn_or_damaged(s, s->off, b->first, "the end of a batch is missing", e);
	memcpy(&trailer, s->batch + b->bytes - 8, 8);
	if (trailer != (JN_TRAILER ^ b->first))
		return damaged(s, s->off + b->bytes - 8, b->first, "end of a batch: wrong mark", e);
	if (records_ok(s, b, &bad))
		return JN_BATCH;
	if (lacks_sector(s->batch, s->off, b->bytes))
		return torn_or_damaged(s, s->off, b->first, "sectors of a batch are missing", e);
	return damaged(s, s->off + bad, b->first, "record: checksum", e);
}

int jn_seg_next(struct jn_seg *s, uint64_t expect, struct nmw_err *e)
{
	struct jn_batch b;
	if (s->finished || s->off >= s->size)
		return JN_END;
	int rc = s->off + sizeof b > s->size ? -ENODATA : jn_pread(s->fd, &b, sizeof b, s->off);
	if (rc == -ENODATA)
		return zero_behind(s, s->off) ? JN_END : JN_TORN;
	if (rc)
		return nmw_err_set(e, rc, NMW_EXIT_FAILED, "%s: cannot read at %" PRIu64 ": %s",
				   s->path, s->off, strerror(-rc));
	if (!batch_head_ok(&b))
		return no_head(s, &b, expect, e);
	if (b.first != expect)
		return damaged(s, s->off, expect, "another record stands there", e);
	rc = check_batch(s, &b, e);
	if (rc == JN_BATCH) {
		s->off += b.bytes;
		s->finished = b.flags & JN_LAST_OF_SEGMENT;
	}
	return rc;
}
