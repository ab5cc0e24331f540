#include "stat/metrics.h"

#include "base/parse.h"
#include "ring/shm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX	  "stat."
#define TMP_AGE_S 10 /* a block under its temporary name for that long was left by a dead tool */

static bool text_ok(const char *s, size_t n)
{
	if (strnlen(s, n) == n)
		return false;
	for (; *s; s++)
		if (*s < ' ' || *s > '~')
			return false;
	return true;
}

static const char *block_wrong(const struct nmw_metrics *m)
{
	if (m->magic != NMW_METRICS_MAGIC)
		return "not a counter block";
	if (m->version != NMW_METRICS_VERSION || m->size != sizeof *m ||
	    m->n_counters != NMW_M_COUNT || m->n_drops != NMW_DROP_COUNT ||
	    m->n_hists != NMW_H_COUNT || m->hist_sz != sizeof(struct nmw_hist))
		return "written by another version of the tools: use the nmw-stat of that version";
	bool ok = text_ok(m->tool, sizeof m->tool) && text_ok(m->instance, sizeof m->instance) &&
		  text_ok(m->out_ring, sizeof m->out_ring) && m->state <= NMW_TOOL_ENDED;
	for (unsigned i = 0; i < NMW_METRICS_RINGS - 1; i++)
		ok = ok && text_ok(m->in_ring[i], sizeof m->in_ring[i]);
	return ok ? NULL : "corrupt counter block";
}

/* The whole block by read(2): a file that shrinks meanwhile is a short read, not a fault. */
static int block_pread(int fd, struct nmw_metrics *out)
{
	size_t done = 0;
	while (done < sizeof *out) {
		ssize_t n = pread(fd, (char *)out + done, sizeof *out - done, (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		done += (size_t)n;
	}
	memset((char *)out + done, 0, sizeof *out - done);
	return 0;
}

int nmw_metrics_read(const char *path, struct nmw_metrics *out, bool *alive, struct nmw_err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0) {
		int err = -errno;
		return nmw_err_set(e, err, err == -EACCES ? NMW_EXIT_PERM : NMW_EXIT_PEER,
				   "%s: cannot open it: %s", path, strerror(-err));
	}
	/* The lock first: figures read afterwards are at least as new as the state shown. */
	*alive = nmw_shm_locked(fd, 0) == 1;
	int rc = block_pread(fd, out);
	close(fd);
	if (rc)
		return nmw_err_set(e, rc, NMW_EXIT_FAILED, "%s: cannot read it: %s", path,
				   strerror(-rc));
	const char *wrong = block_wrong(out);
	if (wrong)
		return nmw_err_set(e, -EPROTO, NMW_EXIT_PEER, "%s: %s", path, wrong);
	return 0;
}

/* A directory's block files, sorted. Returns how many, or a negative errno. */
static int is_block_name(const char *s)
{
	if (strncmp(s, PREFIX, sizeof PREFIX - 1) != 0 || nmw_parse_name(s, NAME_MAX, NULL) != 0)
		return 0;
	s += sizeof PREFIX - 1;
	size_t tool = strcspn(s, "."), pid = tool ? strspn(s + tool + 1, "0123456789") : 0;
	char end = pid ? s[tool + 1 + pid] : 'x';
	return end == '\0' || end == '.';
}

/* "stat.<tool>.<pid>[.<instance>]", nothing else: whatever has such a name may be removed. */
static int block_filter(const struct dirent *d)
{
	return is_block_name(d->d_name);
}

static int tmp_filter(const struct dirent *d)
{
	return d->d_name[0] == '.' && is_block_name(d->d_name + 1);
}

typedef int (*path_fn)(const char *path, void *arg);

/* Calls fn for every file of every ring directory that passes the filter. Another user's directory
 * is passed over while there is one that can be read: his tools are none of ours. */
static int each_path(int (*filter)(const struct dirent *), path_fn fn, void *arg, struct nmw_err *e)
{
	const char *closed = NULL;
	bool any = false;
	int rc = 0;
	for (const char *const *dir = nmw_shm_dirs(); *dir && !rc; dir++) {
		struct dirent **ent;
		int n = scandir(*dir, &ent, filter, alphasort);
		any = any || n >= 0;
		if (n < 0 && errno == EACCES)
			closed = *dir;
		if (n < 0 && errno != ENOENT && errno != ENOTDIR && errno != EACCES) {
			rc = -errno;
			return nmw_err_set(e, rc, NMW_EXIT_FAILED, "%s: cannot list it: %s", *dir,
					   strerror(-rc));
		}
		for (int i = 0; i < n; i++) {
			char path[4096];
			int len = snprintf(path, sizeof path, "%s/%s", *dir, ent[i]->d_name);
			if (!rc && len > 0 && (size_t)len < sizeof path)
				rc = fn(path, arg);
			free(ent[i]);
		}
		if (n >= 0)
			free(ent);
	}
	if (closed && !any)
		return nmw_err_set(e, -EACCES, NMW_EXIT_PERM,
				   "directory %s: cannot read it: %s: set NMW_DIR to another, or "
				   "ask its owner",
				   closed, strerror(EACCES));
	return rc;
}

struct each {
	int (*fn)(const struct nmw_metrics *m, bool alive, const char *path,
		  const struct nmw_err *why, void *arg);
	void *arg;
	struct nmw_metrics *copy;
};

static int each_block(const char *path, void *arg)
{
	struct each *x = arg;
	struct nmw_err why = NMW_ERR_INIT;
	bool alive = false;
	int rc = nmw_metrics_read(path, x->copy, &alive, &why);
	if (rc == -ENOENT)
		return 0; /* its tool ended in between */
	return x->fn(rc ? NULL : x->copy, alive, path, &why, x->arg);
}

int nmw_metrics_each(int (*fn)(const struct nmw_metrics *m, bool alive, const char *path,
			       const struct nmw_err *why, void *arg),
		     void *arg, struct nmw_err *e)
{
	struct each x = {fn, arg, malloc(sizeof *x.copy)};
	if (!x.copy)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "counters: no memory");
	int rc = each_path(block_filter, each_block, &x, e);
	free(x.copy);
	return rc;
}

struct reap {
	bool dry_run, tmp;
	int removed;
	void (*fn)(const char *path, const struct nmw_err *kept, void *arg);
	void *arg;
};

/* 1: its tool is dead and it may go; -errno: it is nothing of ours. */
static int dead_block(int fd, const char *path, bool tmp, struct nmw_err *e)
{
	struct stat st;
	uint64_t magic = 0;
	if (nmw_shm_locked(fd, 0) != 0)
		return 0;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return nmw_err_set(e, -EPROTO, NMW_EXIT_PEER, "%s: not a regular file", path);
	if (tmp) /* half made, at any stage of it */
		return time(NULL) - st.st_mtime > TMP_AGE_S;
	if (pread(fd, &magic, sizeof magic, 0) != sizeof magic || magic != NMW_METRICS_MAGIC)
		return nmw_err_set(e, -EPROTO, NMW_EXIT_PEER, "%s: not a counter block", path);
	return 1;
}

static int reap_path(const char *path, void *arg)
{
	struct reap *r = arg;
	struct nmw_err why = NMW_ERR_INIT;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int rc = fd < 0 ? -errno : dead_block(fd, path, r->tmp, &why);
	if (fd >= 0)
		close(fd);
	if ((rc > 0 && !r->dry_run && unlink(path)) || (rc < 0 && !why.err))
		rc = nmw_err_set(&why, -errno, nmw_exit_of(errno), "%s: %s", path, strerror(errno));
	r->removed += rc > 0;
	if (r->fn && rc && rc != -ENOENT && !(rc < 0 && r->tmp))
		r->fn(path, rc < 0 ? &why : NULL, r->arg);
	return 0;
}

int nmw_metrics_reap(bool dry_run,
		     void (*fn)(const char *path, const struct nmw_err *kept, void *arg), void *arg,
		     struct nmw_err *e)
{
	struct reap r = {dry_run, false, 0, fn, arg};
	int rc = each_path(block_filter, reap_path, &r, e);
	r.tmp = true;
	if (!rc)
		rc = each_path(tmp_filter, reap_path, &r, e);
	return rc ? rc : r.removed;
}
