#include "ring/ring_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Looking at rings without joining them, and clearing away dead ones. */

static struct nmw_ring *look(const char *name, int flags, struct nmw_err *e)
{
	if (nmw_ring_name_check(name, e) != 0)
		return NULL;
	struct nmw_ring *r = calloc(1, sizeof *r);
	if (!r) {
		nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "ring %s: no memory", name);
		return NULL;
	}
	r->fd = -1;
	r->any_owner = true;
	snprintf(r->name, sizeof r->name, "%s", name);
	if (nmw_ring_file_open(r, flags, e) == 0 && nmw_ring_file_map(r, false, true, e) == 0)
		return r;
	nmw_ring_file_free(r);
	return NULL;
}

/* Names in the file may be anything; what people see is printable and ends. */
static void copy_text(char *dst, size_t cap, const char *src, size_t n)
{
	size_t i = 0;
	for (; i < n && i + 1 < cap && src[i]; i++)
		dst[i] = src[i] > ' ' && src[i] < 127 ? src[i] : '?';
	dst[i] = 0;
}

static enum nmw_ring_state state_of(const struct nmw_ring *r)
{
	uint32_t closed = __atomic_load_n(&r->hdr->p.closed, __ATOMIC_ACQUIRE);
	if (closed)
		return closed == 1 ? NMW_RING_CLOSED : NMW_RING_CORRUPT;
	return nmw_shm_locked(r->fd, NMW_RING_LOCK_PRODUCER) ? NMW_RING_LIVE : NMW_RING_DEAD;
}

_Static_assert(sizeof((struct nmw_ring_info *)0)->route ==
		       (size_t)NMW_ROUTES * (NMW_ROUTE_NAME_MAX + 1),
	       "all routes, each with a NUL");

static void add_routes(const struct nmw_ring *r, struct nmw_ring_info *out)
{
	const struct nmw_ring_progress *at = &r->hdr->at;
	for (unsigned i = 0; i < NMW_ROUTES && at->route[i][0]; i++)
		copy_text(out->route[out->routes++], sizeof out->route[i], at->route[i],
			  NMW_ROUTE_NAME_MAX);
}

static void add_consumer(const struct nmw_ring *r, unsigned i, struct nmw_ring_info *out)
{
	const struct nmw_ring_line *l = &r->ctl->line[i];
	uint32_t state = __atomic_load_n(&l->state, __ATOMIC_ACQUIRE);
	if (!nmw_ring_line_counts(state))
		return;
	unsigned n = out->consumers++;
	copy_text(out->consumer[n].name, sizeof out->consumer[n].name, l->name, sizeof l->name);
	uint32_t route = __atomic_load_n(&l->route, __ATOMIC_ACQUIRE);
	if (route)
		copy_text(out->consumer[n].route, sizeof out->consumer[n].route,
			  route <= out->routes ? out->route[route - 1] : "?", NMW_ROUTE_NAME_MAX);
	out->consumer[n].cursor = __atomic_load_n(&l->cursor, __ATOMIC_ACQUIRE);
	out->consumer[n].pid = l->pid;
	out->consumer[n].named = state == NMW_LINE_NAMED;
	out->consumer[n].alive = nmw_shm_locked(r->fd, NMW_RING_LOCK_CONSUMER(i)) == 1;
}

struct nmw_ring *nmw_ring_look(const char *name, struct nmw_err *e)
{
	return look(name, O_RDONLY, e);
}

int nmw_ring_inspect(const char *name, struct nmw_ring_info *out, struct nmw_err *e)
{
	struct nmw_err why = NMW_ERR_INIT;
	struct nmw_ring *r = look(name, O_RDONLY, &why);
	memset(out, 0, sizeof *out);
	if (e)
		*e = why;
	if (!r)
		return why.err;
	copy_text(out->name, sizeof out->name, r->name, sizeof r->name);
	copy_text(out->tool, sizeof out->tool, r->hdr->p.tool, sizeof r->hdr->p.tool);
	out->version = r->g.version;
	out->slots = r->g.slot_cnt;
	out->frame_bytes = r->g.frame_sz;
	out->file_bytes = r->g.file_sz;
	out->slot_sz = r->g.slot_sz;
	out->page_sz = r->g.page_sz;
	out->private_ring = (r->g.flags & NMW_RING_F_PRIVATE) != 0;
	out->created_ns = r->g.created_ns;
	out->producer_pid = r->hdr->p.pid;
	add_routes(r, out);
	for (unsigned i = 0; i < NMW_RING_CONSUMERS; i++)
		add_consumer(r, i, out);
	out->published = nmw_ring_published(r);
	out->state = state_of(r);
	out->flaw = out->state == NMW_RING_CLOSED ? nmw_ring_flaw_of(r) : NMW_RING_WHOLE;
	nmw_ring_file_free(r);
	return 0;
}

/* "orders.ring" -> "orders"; false: not a ring's file name. */
static bool ring_name(const char *file, char name[NMW_RING_NAME_MAX])
{
	size_t n = strlen(file), suffix = sizeof NMW_RING_SUFFIX - 1;
	if (n <= suffix || n - suffix >= NMW_RING_NAME_MAX ||
	    strcmp(file + n - suffix, NMW_RING_SUFFIX) != 0)
		return false;
	memcpy(name, file, n - suffix);
	name[n - suffix] = 0;
	return nmw_ring_name_check(name, NULL) == 0;
}

static int unreadable(const char *dir, int err, struct nmw_err *e)
{
	return nmw_err_set(
		e, -err, nmw_exit_of(err),
		"directory %.200s: cannot read it: %s: set NMW_DIR to another, or ask its "
		"owner",
		dir, strerror(err));
}

struct names {
	char (*v)[NMW_RING_NAME_MAX];
	int n, cap;
};

static int add_name(struct names *l, const char *name)
{
	if (l->n == l->cap) {
		int cap = l->cap ? 2 * l->cap : 16;
		void *more = realloc(l->v, (size_t)cap * sizeof *l->v);
		if (!more)
			return -ENOMEM;
		l->v = more;
		l->cap = cap;
	}
	memcpy(l->v[l->n++], name, sizeof *l->v);
	return 0;
}

static int list_dir(struct names *l, const char *path)
{
	DIR *dir = opendir(path);
	if (!dir)
		return -errno;
	struct dirent *f;
	int rc = 0;
	while (rc == 0 && (f = readdir(dir))) {
		char name[NMW_RING_NAME_MAX];
		if (ring_name(f->d_name, name))
			rc = add_name(l, name);
	}
	closedir(dir);
	return rc;
}

/* A directory that is closed to this user is left out while another can be read. */
static int list_dirs(struct names *l, struct nmw_err *e)
{
	const char *closed = NULL;
	bool any = false;
	for (const char *const *d = nmw_shm_dirs(); *d; d++) {
		int rc = list_dir(l, *d);
		any = any || rc == 0;
		if (rc == -EACCES)
			closed = *d;
		else if (rc == -ENOMEM)
			return nmw_err_set(e, rc, NMW_EXIT_RESOURCE, "directory %s: no memory", *d);
		else if (rc && rc != -ENOENT)
			return unreadable(*d, -rc, e);
	}
	return closed && !any ? unreadable(closed, EACCES, e) : 0;
}

/* All names first, so that the caller may remove files. Nothing is left to free after an error. */
static int list(struct names *l, struct nmw_err *e)
{
	*l = (struct names){0};
	int rc = list_dirs(l, e);
	if (rc) {
		free(l->v);
		*l = (struct names){0};
	}
	return rc;
}

int nmw_ring_each(int (*fn)(const char *name, void *arg), void *arg, struct nmw_err *e)
{
	struct names l;
	int rc = list(&l, e);
	for (int i = 0; i < l.n && rc == 0; i++)
		rc = fn(l.v[i], arg);
	free(l.v);
	return rc;
}

/* Is one of the locks that say "I live" held? */
static bool anybody(int fd)
{
	bool alive = nmw_shm_locked(fd, NMW_RING_LOCK_PRODUCER) != 0;
	for (unsigned i = 0; !alive && i < NMW_RING_CONSUMERS; i++)
		alive = nmw_shm_locked(fd, NMW_RING_LOCK_CONSUMER(i)) != 0;
	return alive;
}

enum reap_what { REAP_PRIVATE, REAP_CLOSED, REAP_ALL };

static bool wanted(struct nmw_ring *r, enum reap_what what)
{
	if (what == REAP_ALL || (r->g.flags & NMW_RING_F_PRIVATE))
		return true;
	return what == REAP_CLOSED && nmw_ring_file_map(r, false, true, NULL) == 0 &&
	       __atomic_load_n(&r->hdr->p.closed, __ATOMIC_ACQUIRE) != 0;
}

/* Removes the file if nobody lives: 1. */
static int remove_dead(const struct nmw_ring *r, bool dry_run, struct nmw_err *e)
{
	if (anybody(r->fd))
		return 0;
	if (dry_run)
		return 1;
	if (nmw_shm_lock(r->fd, NMW_RING_LOCK_PRODUCER) != 0 || !nmw_ring_file_current(r))
		return 0;
	nmw_ring_file_unlink(r);
	if (!nmw_ring_file_current(r))
		return 1;
	return nmw_err_set(e, -EACCES, NMW_EXIT_PERM,
			   "ring %s: %s: cannot be removed: ask the owner of the directory",
			   r->name, r->path);
}

/* 1: removed. What is no ring of this version is another's, and may hold messages: -errno, kept. */
static int reap_one(const char *name, enum reap_what what, bool dry_run, struct nmw_err *e)
{
	struct nmw_ring *r = calloc(1, sizeof *r);
	if (!r)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "ring %s: no memory", name);
	r->fd = -1;
	r->any_owner = true;
	snprintf(r->name, sizeof r->name, "%s", name);
	int rc = nmw_ring_file_open(r, O_RDWR, e);
	if (rc == 0)
		rc = wanted(r, what) ? remove_dead(r, dry_run, e) : 0;
	nmw_ring_file_free(r);
	return rc;
}

/* ".NAME.PID.N.tmp", nothing else: it may be removed. */
static bool is_tmp_name(const char *file)
{
	char name[NMW_RING_NAME_MAX];
	size_t n = strlen(file), suffix = sizeof ".tmp" - 1;
	if (n <= suffix || file[0] != '.' || strcmp(file + n - suffix, ".tmp") != 0)
		return false;
	n -= suffix;
	for (unsigned i = 0; i < 2; i++) { /* N, PID */
		size_t end = n;
		while (n > 1 && file[n - 1] >= '0' && file[n - 1] <= '9')
			n--;
		if (n == end || file[--n] != '.')
			return false;
	}
	if (n < 2 || n > sizeof name)
		return false;
	memcpy(name, file + 1, n - 1);
	name[n - 1] = 0;
	return nmw_ring_name_check(name, NULL) == 0;
}

/* A half-made file is locked by its maker as soon as it is there; one that is swept before that is
 * made anew. */
static void sweep_tmp(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *f;
	while (d && (f = readdir(d))) {
		if (!is_tmp_name(f->d_name))
			continue;
		char path[NMW_RING_PATH_MAX];
		snprintf(path, sizeof path, "%s/%s", dir, f->d_name);
		int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (fd < 0)
			continue;
		if (nmw_shm_lock(fd, NMW_RING_LOCK_PRODUCER) == 0)
			unlink(path);
		close(fd);
	}
	if (d)
		closedir(d);
}

static int reap(enum reap_what what, struct nmw_err *e)
{
	struct names l;
	int gone = list(&l, e);
	for (int i = 0; i < l.n; i++)
		gone += reap_one(l.v[i], what, false, NULL) == 1;
	free(l.v);
	for (const char *const *d = nmw_shm_dirs(); *d; d++)
		sweep_tmp(*d);
	return gone;
}

int nmw_ring_reap(bool closed_only, struct nmw_err *e)
{
	return reap(closed_only ? REAP_CLOSED : REAP_ALL, e);
}

int nmw_ring_reap_each(bool dry_run, nmw_ring_reap_fn fn, void *arg, struct nmw_err *e)
{
	struct names l;
	int rc = list(&l, e);
	for (int i = 0; i < l.n; i++) {
		struct nmw_ring_info info;
		struct nmw_err why = NMW_ERR_INIT;
		nmw_ring_inspect(l.v[i], &info, NULL); /* what it held, before it goes */
		int removed = reap_one(l.v[i], REAP_ALL, dry_run, &why);
		if (removed && removed != -ENOENT)
			fn(l.v[i], &info, removed < 0 ? &why : NULL, arg);
	}
	free(l.v);
	for (const char *const *d = nmw_shm_dirs(); rc == 0 && !dry_run && *d; d++)
		sweep_tmp(*d);
	return rc;
}

void nmw_ring_sweep(void)
{
	reap(REAP_PRIVATE, NULL);
}
