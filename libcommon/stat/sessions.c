#include "stat/sessions.h"

#include "ring/shm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t bytes_of(uint32_t rows)
{
	return sizeof(struct nmw_sessions_head) + (size_t)rows * sizeof(struct nmw_session_row);
}

int nmw_sessions_publish(struct nmw_sessions_table *t, uint32_t max, bool group, struct nmw_err *e)
{
	const char *dir = nmw_shm_run_dir(group, e);
	t->head = NULL;
	t->fd = -1;
	if (!dir)
		return e ? e->err : -EACCES;
	snprintf(t->path, sizeof t->path, "%.4000s/sessions.%d", dir, (int)getpid());
	t->max = max < NMW_SESSIONS_MAX ? max : NMW_SESSIONS_MAX;
	unlink(t->path); /* of a dead process that had this number */
	t->fd = open(t->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	void *p = MAP_FAILED;
	int rc = t->fd >= 0 && group ? nmw_shm_share(t->fd, t->path, 0640, e) : 0;
	if (rc) {
		nmw_sessions_withdraw(t);
		return rc;
	}
	if (t->fd >= 0 && ftruncate(t->fd, (off_t)bytes_of(t->max)) == 0 &&
	    nmw_shm_lock(t->fd, 0) == 0)
		p = mmap(NULL, bytes_of(t->max), PROT_READ | PROT_WRITE, MAP_SHARED, t->fd, 0);
	if (p == MAP_FAILED) {
		int err = errno;
		nmw_sessions_withdraw(t);
		return nmw_err_set(e, -err, NMW_EXIT_RESOURCE, "session table %s: %s", t->path,
				   strerror(err));
	}
	t->head = p;
	t->row = (struct nmw_session_row *)(void *)(t->head + 1);
	t->head->version = NMW_SESSIONS_VERSION;
	t->head->row_sz = sizeof *t->row;
	t->head->pid = (uint32_t)getpid();
	__atomic_store_n(&t->head->magic, NMW_SESSIONS_MAGIC, __ATOMIC_RELEASE);
	return 0;
}

void nmw_sessions_withdraw(struct nmw_sessions_table *t)
{
	if (t->head)
		munmap(t->head, bytes_of(t->max));
	if (t->fd > 0) {
		unlink(t->path);
		close(t->fd);
	}
	t->head = NULL;
	t->fd = -1;
}

/* ---- reader --------------------------------------------------------------------------------- */

/* Texts out of a file end on terminals. */
static void plain(char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] && (s[i] < ' ' || s[i] > '~'))
			s[i] = '?';
}

static void each_row(int fd, const struct nmw_sessions_head *h, bool alive,
		     void (*fn)(const struct nmw_session_row *, uint32_t, bool, void *), void *arg)
{
	struct nmw_session_row r;
	for (uint32_t i = 0; i < h->rows && i < NMW_SESSIONS_MAX; i++) {
		if (pread(fd, &r, sizeof r, (off_t)bytes_of(i)) != (ssize_t)sizeof r)
			return;
		plain(r.account, sizeof r.account);
		plain(r.name, sizeof r.name);
		plain(r.protocol, sizeof r.protocol);
		r.protocol[sizeof r.protocol - 1] = 0;
		fn(&r, h->pid, alive, arg);
	}
}

static void each_table(const char *path,
		       void (*fn)(const struct nmw_session_row *, uint32_t, bool, void *),
		       void *arg)
{
	struct nmw_sessions_head h;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	if (pread(fd, &h, sizeof h, 0) == (ssize_t)sizeof h && h.magic == NMW_SESSIONS_MAGIC &&
	    h.version == NMW_SESSIONS_VERSION && h.row_sz == sizeof(struct nmw_session_row)) {
		bool alive = nmw_shm_locked(fd, 0) == 1;
		each_row(fd, &h, alive, fn, arg);
	}
	close(fd);
}

/* Calls fn with the path of each table. */
static int each_path(void (*fn)(const char *path, void *arg), void *arg, struct nmw_err *e)
{
	char path[4400];
	const char *dir = nmw_shm_run_dir(false, e);
	if (!dir)
		return e ? e->err : -EACCES;
	DIR *d = opendir(dir);
	if (!d && errno == ENOENT)
		return 0;
	if (!d)
		return nmw_err_set(e, -errno, nmw_exit_of(errno), "%s: %s", dir, strerror(errno));
	for (struct dirent *f; (f = readdir(d));) {
		if (strncmp(f->d_name, "sessions.", 9) != 0)
			continue;
		snprintf(path, sizeof path, "%.4000s/%.255s", dir, f->d_name);
		fn(path, arg);
	}
	closedir(d);
	return 0;
}

struct rows_arg {
	void (*fn)(const struct nmw_session_row *, uint32_t, bool, void *);
	void *arg;
};

static void table_rows(const char *path, void *arg)
{
	const struct rows_arg *a = arg;
	each_table(path, a->fn, a->arg);
}

int nmw_sessions_each(void (*fn)(const struct nmw_session_row *r, uint32_t pid, bool alive,
				 void *arg),
		      void *arg, struct nmw_err *e)
{
	struct rows_arg a = {fn, arg};
	return each_path(table_rows, &a, e);
}

struct reap_arg {
	bool dry_run;
	int n;
	void (*fn)(const char *path, void *arg);
	void *arg;
};

static void reap_one(const char *path, void *arg)
{
	struct reap_arg *a = arg;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool dead = fd >= 0 && nmw_shm_locked(fd, 0) == 0;
	if (fd >= 0)
		close(fd);
	if (!dead || (!a->dry_run && unlink(path)))
		return;
	a->n++;
	if (a->fn)
		a->fn(path, a->arg);
}

int nmw_sessions_reap(bool dry_run, void (*fn)(const char *path, void *arg), void *arg,
		      struct nmw_err *e)
{
	struct reap_arg a = {dry_run, 0, fn, arg};
	int rc = each_path(reap_one, &a, e);
	return rc ? rc : a.n;
}
