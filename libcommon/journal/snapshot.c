#include "journal/snapshot.h"

#include "base/clock.h"
#include "journal/crc32c.h"
#include "journal/dir.h"
#include "journal/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 65536u

static bool all_zero(const uint8_t *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* The region, its checksum, and what of it is not zero to the file. */
static int write_region(int fd, const struct jn_snap *s, uint32_t *crc)
{
	const uint8_t *p = s->region;
	int rc = 0;
	*crc = 0;
	for (size_t at = 0; at < s->region_sz && !rc; at += CHUNK) {
		size_t n = s->region_sz - at < CHUNK ? s->region_sz - at : CHUNK;
		*crc = nmw_crc32c(*crc, p + at, n);
		if (!all_zero(p + at, n))
			rc = jn_pwrite(fd, p + at, n, sizeof(struct jn_snap_head) + at);
	}
	return rc;
}

static void head_fill(struct jn_snap_head *h, const struct jn_snap *s, uint32_t crc)
{
	memset(h, 0, sizeof *h);
	h->magic = JN_SNAP_MAGIC;
	h->version = JN_VERSION;
	h->head_sz = sizeof *h;
	h->conf_hash = s->conf_hash;
	h->number = s->number;
	h->region_sz = s->region_sz;
	h->region_off = sizeof *h;
	h->created_ns = nmw_clock_real();
	snprintf(h->software, sizeof h->software, "%s", NMW_VERSION);
	h->region_crc = crc;
	h->user_sz = (uint32_t)s->user_sz;
	memcpy(h->user, s->user, s->user_sz);
	h->crc = nmw_crc32c(0, h, offsetof(struct jn_snap_head, crc));
}

static int write_file(int fd, const struct jn_snap *s)
{
	static struct jn_snap_head h;
	uint32_t crc;
	int rc = ftruncate(fd, (off_t)(sizeof h + s->region_sz)) ? -errno : 0;
	if (!rc && s->group && fchmod(fd, 0660))
		rc = -errno;
	if (!rc)
		rc = write_region(fd, s, &crc);
	if (rc)
		return rc;
	head_fill(&h, s, crc);
	rc = jn_pwrite(fd, &h, sizeof h, 0);
	return rc ? rc : fsync(fd) ? -errno : 0;
}

int jn_snap_write(const char *dir, const struct jn_snap *s, struct nmw_err *e)
{
	char path[PATH_MAX], tmp[PATH_MAX];
	jn_dir_path(path, dir, JN_SNAP, s->number);
	jn_dir_path(tmp, dir, JN_TMP JN_SNAP, s->number);
	int fd = open(tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int rc = fd < 0 ? -errno : write_file(fd, s);
	if (fd >= 0)
		close(fd);
	if (!rc && rename(tmp, path))
		rc = -errno;
	if (!rc)
		rc = jn_dir_sync(dir);
	if (!rc)
		return 0;
	unlink(tmp);
	return nmw_err_set(e, rc, nmw_exit_of(rc), "%s: cannot write the snapshot: %s", path,
			   strerror(-rc));
}

/* ---- reading -------------------------------------------------------------------------------- */

static const char *head_wrong(const struct jn_snap_head *h, size_t region_sz, size_t user_sz)
{
	if (h->magic != JN_SNAP_MAGIC || h->version != JN_VERSION)
		return "not a snapshot of this version";
	if (h->crc != nmw_crc32c(0, h, offsetof(struct jn_snap_head, crc)))
		return "damaged: checksum of its head";
	if (h->region_sz != region_sz || h->user_sz != user_sz || h->region_off != sizeof *h)
		return "of an engine of another size";
	return NULL;
}

static int bad(const char *path, const char *what, struct nmw_err *e)
{
	return nmw_err_set(e, -EBADMSG, NMW_EXIT_DATA, "%s: %s", path, what);
}

static int read_file(int fd, const char *path, uint64_t conf_hash, void *region, size_t region_sz,
		     void *user, size_t user_sz, struct nmw_err *e)
{
	static struct jn_snap_head h;
	if (jn_pread(fd, &h, sizeof h, 0))
		return bad(path, "cut within its head", e);
	const char *wrong = head_wrong(&h, region_sz, user_sz);
	if (wrong)
		return bad(path, wrong, e);
	if (h.conf_hash != conf_hash)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "%s: configuration %016" PRIx64 " found, %016" PRIx64
				   " expected: start with the options and the symbols file that it "
				   "was written under, or take another directory",
				   path, h.conf_hash, conf_hash);
	if (jn_pread(fd, region, region_sz, h.region_off))
		return bad(path, "cut", e);
	if (h.region_crc != nmw_crc32c(0, region, region_sz))
		return bad(path, "damaged: checksum", e);
	memcpy(user, h.user, user_sz);
	return 0;
}

int jn_snap_read(const char *dir, uint64_t number, uint64_t conf_hash, void *region,
		 size_t region_sz, void *user, size_t user_sz, struct nmw_err *e)
{
	char path[PATH_MAX];
	jn_dir_path(path, dir, JN_SNAP, number);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return nmw_err_set(e, -EBADMSG, NMW_EXIT_DATA, "%s: cannot open it: %s", path,
				   nmw_err_nofollow(errno));
	int rc = read_file(fd, path, conf_hash, region, region_sz, user, user_sz, e);
	close(fd);
	if (rc)
		memset(region, 0, region_sz);
	return rc;
}

void jn_snap_prune(const char *dir, unsigned keep)
{
	struct jn_list l;
	char path[PATH_MAX];
	if (jn_dir_list(dir, JN_SNAP, &l, NULL))
		return;
	for (size_t i = 0; i + keep < l.n; i++) {
		jn_dir_path(path, dir, JN_SNAP, l.number[i]);
		unlink(path);
	}
	jn_list_free(&l);
}
