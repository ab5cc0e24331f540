#include "ring/ring_file.h"

#include "base/bits.h"
#include "base/clock.h"
#include "base/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CREATE_TRIES 100u /* sweeps that may get between making a file and locking it */

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

int nmw_ring_name_check(const char *name, struct nmw_err *e)
{
	struct nmw_err why = NMW_ERR_INIT;
	if (nmw_parse_name(name, NMW_RING_NAME_MAX - 1, &why) == 0)
		return 0;
	return nmw_err_set(e, why.err, why.exit, "ring %s", why.msg);
}

void nmw_ring_path(char path[NMW_RING_PATH_MAX], const char *dir, const char *name)
{
	snprintf(path, NMW_RING_PATH_MAX, "%s/%s%s", dir, name, NMW_RING_SUFFIX);
}

void nmw_ring_geom_lay(struct nmw_ring_geom *g)
{
	g->ctl_off = nmw_round_up(NMW_RING_HDR_SZ, g->page_sz);
	g->slots_off = g->ctl_off + nmw_round_up(NMW_RING_CTL_SZ, g->page_sz);
	g->frames_off = g->slots_off + nmw_round_up(g->slot_cnt * g->slot_sz, g->page_sz);
	g->frame_sz = nmw_round_up(g->frame_sz, g->page_sz);
	g->file_sz = g->frames_off + g->frame_sz;
}

uint64_t nmw_ring_geom_sum(const struct nmw_ring_geom *g)
{
	return nmw_fnv(NMW_FNV_START, g, offsetof(struct nmw_ring_geom, check));
}

static bool power_within(uint64_t n, uint64_t lo, uint64_t hi)
{
	return n >= lo && n <= hi && nmw_power_of_two(n);
}

int nmw_ring_geom_check(const struct nmw_ring_geom *g, uint64_t file_sz, uint64_t page_sz,
			const char *name, struct nmw_err *e)
{
	if (g->magic != NMW_RING_MAGIC)
		return nmw_err_set(e, -EPROTO, NMW_EXIT_PEER,
				   "ring %s: not a ring: magic %016llx found, %016llx expected: "
				   "remove the file",
				   name, (unsigned long long)g->magic,
				   (unsigned long long)NMW_RING_MAGIC);
	if (g->version != NMW_RING_VERSION)
		return nmw_err_set(e, -EPROTO, NMW_EXIT_PEER,
				   "ring %s: version %u found, %u expected: restart the producer",
				   name, g->version, NMW_RING_VERSION);
	struct nmw_ring_geom want = *g;
	bool ok = nmw_ring_geom_sum(g) == g->check && g->hdr_sz == NMW_RING_HDR_SZ &&
		  g->consumers == NMW_RING_CONSUMERS &&
		  power_within(g->slot_cnt, NMW_RING_SLOTS_MIN, NMW_RING_SLOTS_MAX) &&
		  power_within(g->slot_sz, NMW_LINE, NMW_RING_SLOT_SZ_MAX) &&
		  power_within(g->page_sz, 4096, NMW_RING_PAGE_MAX) && g->page_sz == page_sz &&
		  g->frame_sz <= NMW_RING_FRAMES_MAX && g->frame_sz > 0;
	if (ok) {
		nmw_ring_geom_lay(&want);
		ok = memcmp(&want, g, sizeof want) == 0;
	}
	if (!ok)
		return nmw_err_set(e, -EPROTO, NMW_EXIT_PEER,
				   "ring %s: geometry is corrupt: remove the file and restart the "
				   "producer",
				   name);
	if (g->file_sz != file_sz)
		return nmw_err_set(e, -EPROTO, NMW_EXIT_PEER,
				   "ring %s: file of %llu bytes found, %llu expected: truncated; "
				   "remove it and restart the producer",
				   name, (unsigned long long)file_sz,
				   (unsigned long long)g->file_sz);
	return 0;
}

static int map_part(struct nmw_ring *r, void **out, uint64_t off, uint64_t len, bool write,
		    int flags, struct nmw_err *e)
{
	int prot = PROT_READ | (write ? PROT_WRITE : 0);
	void *p = mmap(NULL, len, prot, MAP_SHARED | flags, r->fd, (off_t)off);
	if (p == MAP_FAILED)
		return nmw_err_set(e, -errno, NMW_EXIT_RESOURCE,
				   "ring %s: %llu bytes cannot be mapped: %s", r->name,
				   (unsigned long long)len, strerror(errno));
	*out = p;
	return 0;
}

int nmw_ring_file_map(struct nmw_ring *r, bool producer, bool tap, struct nmw_err *e)
{
	const struct nmw_ring_geom *g = &r->g;
	void *hdr = NULL, *ctl = NULL, *slots = NULL, *frames = NULL;
	int flags = tap ? 0 : MAP_POPULATE;
	uint64_t ctl_sz = g->slots_off - g->ctl_off, slots_sz = g->frames_off - g->slots_off;
	int rc = map_part(r, &hdr, 0, g->ctl_off, producer, flags, e);
	if (rc == 0)
		rc = map_part(r, &ctl, g->ctl_off, ctl_sz, !tap, flags, e);
	if (rc == 0)
		rc = map_part(r, &slots, g->slots_off, slots_sz, producer, flags, e);
	if (rc == 0)
		rc = map_part(r, &frames, g->frames_off, g->frame_sz, producer, flags, e);
	r->hdr = hdr;
	r->ctl = ctl;
	r->slots = slots;
	r->frames = frames;
	return rc;
}

static void unmap(struct nmw_ring *r)
{
	const struct nmw_ring_geom *g = &r->g;
	if (r->hdr)
		munmap(r->hdr, g->ctl_off);
	if (r->ctl)
		munmap(r->ctl, g->slots_off - g->ctl_off);
	if (r->slots)
		munmap(r->slots, g->frames_off - g->slots_off);
	if (r->frames)
		munmap(r->frames, g->frame_sz);
	r->hdr = NULL;
	r->ctl = NULL;
	r->slots = r->frames = NULL;
}

void nmw_ring_file_free(struct nmw_ring *r)
{
	if (!r)
		return;
	unmap(r);
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}

static uint64_t page_of(int fd)
{
	char proc[40];
	snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
	uint64_t huge = nmw_shm_huge_page(proc);
	return huge ? huge : 4096;
}

static int no_memory(const struct nmw_ring *r, const char *dir, int err, struct nmw_err *e)
{
	unsigned long long need = r->g.file_sz, page = r->g.page_sz;
	if (page > 4096)
		return nmw_err_set(e, -err, NMW_EXIT_RESOURCE,
				   "ring %s: %llu free huge pages of %llu KiB needed in %s: %s: "
				   "sysctl vm.nr_hugepages=N, or --pages normal",
				   r->name, need / page, page >> 10, dir, strerror(err));
	return nmw_err_set(e, -err, NMW_EXIT_RESOURCE,
			   "ring %s: %llu bytes needed in %s: %s: %s, or lower --slots, --frames",
			   r->name, need, dir, strerror(err),
			   err == EFBIG ? "raise ulimit -f" : "free some");
}

/* Without the pages behind it a file in shared memory ends in SIGBUS at the first touch, so they
 * are taken here, where it can be refused. */
static int take_pages(struct nmw_ring *r, const char *dir, struct nmw_err *e)
{
	int err;
	struct statvfs fs;
	if (fstatvfs(r->fd, &fs) == 0 && fs.f_blocks > 0 &&
	    r->g.file_sz / fs.f_frsize > fs.f_bavail)
		return no_memory(r, dir, ENOSPC, e); /* before it is filled up in vain */
	if (ftruncate(r->fd, (off_t)r->g.file_sz) != 0)
		return no_memory(r, dir, errno, e);
	do
		err = posix_fallocate(r->fd, 0, (off_t)r->g.file_sz);
	while (err == EINTR);
	return err ? no_memory(r, dir, err, e) : 0;
}

static void write_header(struct nmw_ring *r)
{
	struct nmw_ring_geom g = r->g;
	g.magic = NMW_RING_MAGIC;
	g.version = NMW_RING_VERSION;
	g.hdr_sz = NMW_RING_HDR_SZ;
	g.consumers = NMW_RING_CONSUMERS;
	g.created_ns = nmw_clock_real();
	g.check = nmw_ring_geom_sum(&g);
	r->g = g;
	r->hdr->at.claim = 1;
	g.magic = 0;
	r->hdr->g = g;
	__atomic_store_n(&r->hdr->g.magic, NMW_RING_MAGIC, __ATOMIC_RELEASE);
}

/* Makes, sizes, maps and fills the file under its temporary name. */
static int make_tmp(struct nmw_ring *r, const char *dir, const char *tmp, bool group,
		    struct nmw_err *e)
{
	r->fd = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (r->fd < 0)
		return nmw_err_set(e, -errno, errno == EACCES ? NMW_EXIT_PERM : NMW_EXIT_RESOURCE,
				   "ring %s: %s cannot be made: %s", r->name, tmp, strerror(errno));
	int rc = nmw_shm_lock(r->fd, NMW_RING_LOCK_PRODUCER);
	if (rc != 0)
		return nmw_err_set(e, rc, NMW_EXIT_RESOURCE, "ring %s: lock in %s: %s", r->name,
				   dir, strerror(-rc));
	rc = group ? nmw_shm_share(r->fd, tmp, 0660, e) : 0;
	if (rc != 0 && e)
		nmw_err_prefix(e, "ring %s", r->name);
	if (rc != 0)
		return rc;
	r->g.page_sz = (uint32_t)page_of(r->fd);
	nmw_ring_geom_lay(&r->g);
	rc = take_pages(r, dir, e);
	if (rc == 0)
		rc = nmw_ring_file_map(r, true, false, e);
	if (rc == 0)
		write_header(r);
	return rc;
}

/* -EAGAIN: a sweep took the half-made file for one that a dead process left. */
static int create_once(struct nmw_ring *r, const char *dir, bool group, bool over,
		       struct nmw_err *e)
{
	static unsigned serial;
	char tmp[NMW_RING_PATH_MAX];
	snprintf(tmp, sizeof tmp, "%s/.%s.%d.%u.tmp", dir, r->name, (int)getpid(),
		 __atomic_fetch_add(&serial, 1, __ATOMIC_RELAXED));
	int rc = make_tmp(r, dir, tmp, group, e);
	if (rc == 0 && syscall(SYS_renameat2, AT_FDCWD, tmp, AT_FDCWD, r->path,
			       over ? 0 : RENAME_NOREPLACE) != 0)
		rc = nmw_err_set(e, errno == ENOENT ? -EAGAIN : -errno, NMW_EXIT_RESOURCE,
				 "ring %s: %s: %s", r->name, r->path, strerror(errno));
	if (rc == 0)
		return 0;
	if (r->fd >= 0)
		unlink(tmp);
	unmap(r);
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
	return rc;
}

int nmw_ring_file_create(struct nmw_ring *r, const char *dir, bool group, const char *replace,
			 struct nmw_err *e)
{
	nmw_ring_path(r->path, dir, r->name);
	bool over = replace && strcmp(replace, r->path) == 0;
	int rc = -EAGAIN;
	for (unsigned i = 0; i < CREATE_TRIES && rc == -EAGAIN; i++)
		rc = create_once(r, dir, group, over, e);
	return rc;
}

static int read_geom(struct nmw_ring *r, struct nmw_err *e)
{
	struct stat st;
	if (fstat(r->fd, &st) != 0 || !S_ISREG(st.st_mode))
		return nmw_err_set(e, -EPROTO, NMW_EXIT_PEER, "ring %s: %s: not a regular file",
				   r->name, r->path);
	if (!r->any_owner && st.st_uid != 0 && st.st_uid != geteuid())
		return nmw_err_set(e, -EPERM, NMW_EXIT_PERM,
				   "ring %s: %s belongs to another user (uid %u): share it with "
				   "--group on both sides",
				   r->name, r->path, (unsigned)st.st_uid);
	uint64_t page = page_of(r->fd);
	if ((uint64_t)st.st_size < page)
		return nmw_err_set(e, -EPROTO, NMW_EXIT_PEER,
				   "ring %s: file of %lld bytes found, at least %llu expected: "
				   "remove it",
				   r->name, (long long)st.st_size, (unsigned long long)page);
	/* mapped, because hugetlbfs of older kernels cannot be read */
	void *p = mmap(NULL, page, PROT_READ, MAP_SHARED, r->fd, 0);
	if (p == MAP_FAILED)
		return nmw_err_set(e, -errno, NMW_EXIT_RESOURCE, "ring %s: %s: %s", r->name,
				   r->path, strerror(errno));
	memcpy(&r->g, p, sizeof r->g);
	munmap(p, page);
	return nmw_ring_geom_check(&r->g, (uint64_t)st.st_size, page, r->name, e);
}

/* A directory that is closed to this user (root's, a group's) is no reason to stop while there is
 * one that is his own. */
static int not_found(const struct nmw_ring *r, const char *searched, const char *closed,
		     struct nmw_err *e)
{
	if (!closed)
		return nmw_err_set(e, -ENOENT, NMW_EXIT_PEER,
				   "ring %s: no such ring in %s: start its producer, or --wait",
				   r->name, searched);
	return nmw_err_set(e, -ENOENT, NMW_EXIT_PEER,
			   "ring %s: no such ring in %s, and %s is closed to uid %u: start its "
			   "producer, or --wait",
			   r->name, searched, closed, (unsigned)geteuid());
}

static const char *remedy_of(int err)
{
	switch (err) {
	case EACCES:
	case EPERM:
		return ": ask its owner to start its producer with --group";
	case EMFILE:
	case ENFILE:
		return ": raise the limit (ulimit -n)";
	default:
		return "";
	}
}

int nmw_ring_file_open(struct nmw_ring *r, int flags, struct nmw_err *e)
{
	const char *searched = NULL, *closed = NULL;
	int err = ENOENT;
	for (const char *const *d = nmw_shm_dirs(); *d; d++) {
		nmw_ring_path(r->path, *d, r->name);
		r->fd = open(r->path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (r->fd >= 0)
			return read_geom(r, e);
		int why = errno;
		if (why == EACCES && access(*d, X_OK) != 0) {
			closed = *d;
			continue;
		}
		searched = searched ? searched : *d;
		err = why == ENOENT ? err : why;
	}
	if (err == ENOENT && searched)
		return not_found(r, searched, closed, e);
	err = searched ? err : EACCES;
	if (err == ENOTDIR || err == ENAMETOOLONG)
		return nmw_err_set(e, -err, NMW_EXIT_USAGE,
				   "ring %s: directory %.200s: %s: set NMW_DIR to a directory",
				   r->name, searched, strerror(err));
	enum nmw_exit exit = err == EACCES ? NMW_EXIT_PERM : NMW_EXIT_PEER;
	return nmw_err_set(e, -err, exit, "ring %s: %s%s", r->name, nmw_err_nofollow(err),
			   remedy_of(err));
}

bool nmw_ring_file_current(const struct nmw_ring *r)
{
	struct stat here, there;
	return fstat(r->fd, &here) == 0 && lstat(r->path, &there) == 0 &&
	       here.st_ino == there.st_ino && here.st_dev == there.st_dev;
}

int nmw_ring_file_lock(const struct nmw_ring *r, uint64_t byte, unsigned wait_ms)
{
	uint64_t end = nmw_clock_mono() + wait_ms * 1000000ull;
	for (;;) {
		int rc = nmw_shm_lock(r->fd, byte);
		if (rc != -EAGAIN || nmw_clock_mono() >= end)
			return rc;
		struct timespec t = {0, 200000};
		nanosleep(&t, NULL);
	}
}

void nmw_ring_file_unlink(const struct nmw_ring *r)
{
	if (nmw_ring_file_current(r))
		unlink(r->path);
}

uint64_t nmw_ring_published(const struct nmw_ring *r)
{
	uint64_t at = __atomic_load_n(&r->hdr->at.published, __ATOMIC_ACQUIRE);
	for (uint64_t i = 0; i < r->g.slot_cnt; i++, at++)
		if (__atomic_load_n(&nmw_ring_slot(r, at + 1)->seq, __ATOMIC_ACQUIRE) != at + 1)
			break;
	return at;
}

unsigned nmw_ring_needed_by(const struct nmw_ring *r)
{
	unsigned n = 0;
	uint64_t last = nmw_ring_published(r);
	for (unsigned i = 0; i < NMW_RING_CONSUMERS; i++) {
		const struct nmw_ring_line *l = &r->ctl->line[i];
		uint32_t state = __atomic_load_n(&l->state, __ATOMIC_ACQUIRE);
		if (state == NMW_LINE_FREE)
			continue;
		bool alive = nmw_shm_locked(r->fd, NMW_RING_LOCK_CONSUMER(i)) == 1;
		bool kept = state == NMW_LINE_NAMED && !(r->g.flags & NMW_RING_F_PRIVATE) &&
			    __atomic_load_n(&l->cursor, __ATOMIC_RELAXED) < last;
		n += alive || kept;
	}
	return n;
}

void nmw_ring_file_remove_unneeded(struct nmw_ring *r)
{
	bool closed = __atomic_load_n(&r->hdr->p.closed, __ATOMIC_ACQUIRE) != 0;
	if (!closed && !(r->g.flags & NMW_RING_F_PRIVATE))
		return;
	if (nmw_shm_lock(r->fd, NMW_RING_LOCK_PRODUCER) != 0)
		return;
	if (nmw_ring_needed_by(r) == 0)
		nmw_ring_file_unlink(r);
	nmw_shm_unlock(r->fd, NMW_RING_LOCK_PRODUCER);
}

int nmw_ring_futex_wait(const uint32_t *word, uint32_t val, uint64_t timeout_ns)
{
	struct timespec t = {(time_t)(timeout_ns / NMW_NS_PER_S),
			     (long)(timeout_ns % NMW_NS_PER_S)};
	return syscall(SYS_futex, word, FUTEX_WAIT, val, &t, NULL, 0) == 0 ? 0 : -errno;
}

void nmw_ring_futex_wake(uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}
