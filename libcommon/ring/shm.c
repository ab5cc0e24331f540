#include "ring/shm.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define HUGETLBFS_MAGIC 0x958458f6
#define DIRS_MAX	5
#define GROUPS_MAX	1024 /* groups of a process that are looked at */

/* The directories are worked out once a thread; $NMW_DIR is not expected to change under it, but
 * tests do that, so what was seen is kept beside the answer. */
static _Thread_local struct {
	char env[PATH_MAX];
	bool done, env_set;
	char path[DIRS_MAX][PATH_MAX + 32];
	const char *list[DIRS_MAX + 1];
	char mount[PATH_MAX];  /* hugetlbfs, empty = none */
	uint64_t mount_page;   /* its page size, bytes */
	char closed[PATH_MAX]; /* one that is there and that this process may not use */
} dirs;

uint64_t nmw_shm_huge_page(const char *path)
{
	struct statfs fs;
	if (statfs(path, &fs) != 0 || (unsigned long)fs.f_type != HUGETLBFS_MAGIC)
		return 0;
	return (uint64_t)fs.f_bsize;
}

/* root and groups share nmw/; every other user has a directory of his own beside it, because two
 * users cannot both own one directory of mode 0700. */
static const char *user_suffix(bool group)
{
	static _Thread_local char s[16];
	if (group || geteuid() == 0)
		return "";
	snprintf(s, sizeof s, "-%u", (unsigned)geteuid());
	return s;
}

/* May a ring be made or found there: in the mount itself, or in a directory that is there for us?
 */
static bool usable(const char *mount)
{
	char sub[PATH_MAX + 32];
	if (access(mount, W_OK | X_OK) == 0)
		return true;
	for (unsigned group = 0; group < 2; group++) {
		snprintf(sub, sizeof sub, "%s/nmw%s", mount, user_suffix(group));
		if (access(sub, R_OK | X_OK) == 0)
			return true;
	}
	return false;
}

/* The hugetlbfs mount with the smallest pages that this process may use. */
static void find_mount(void)
{
	FILE *f = setmntent("/proc/mounts", "re");
	struct mntent m;
	char text[3 * PATH_MAX];
	dirs.mount[0] = dirs.closed[0] = 0;
	dirs.mount_page = 0;
	while (f && getmntent_r(f, &m, text, sizeof text)) {
		if (strcmp(m.mnt_type, "hugetlbfs") != 0 || strlen(m.mnt_dir) >= PATH_MAX)
			continue;
		uint64_t page = nmw_shm_huge_page(m.mnt_dir);
		if (!page || !usable(m.mnt_dir))
			snprintf(dirs.closed, sizeof dirs.closed, "%s", m.mnt_dir);
		else if (!dirs.mount_page || page < dirs.mount_page) {
			snprintf(dirs.mount, sizeof dirs.mount, "%s", m.mnt_dir);
			dirs.mount_page = page;
		}
	}
	if (f)
		endmntent(f);
}

const char *const *nmw_shm_dirs(void)
{
	const char *env = getenv("NMW_DIR");
	bool set = env && *env;
	if (dirs.done && set == dirs.env_set && (!set || strcmp(env, dirs.env) == 0))
		return dirs.list;
	unsigned n = 0;
	memset(dirs.list, 0, sizeof dirs.list);
	dirs.done = true;
	dirs.env_set = set;
	if (set) {
		snprintf(dirs.env, sizeof dirs.env, "%s", env);
		snprintf(dirs.path[0], sizeof dirs.path[0], "%s", env);
		dirs.list[0] = dirs.path[0];
		return dirs.list;
	}
	find_mount();
	const char *base[2] = {dirs.mount[0] ? dirs.mount : NULL, "/dev/shm"};
	for (unsigned b = 0; b < 2; b++)
		for (unsigned own = 0; own < 2; own++) {
			const char *suffix = user_suffix(!own);
			if (!base[b] || (!own && !*user_suffix(false)))
				continue;
			snprintf(dirs.path[n], sizeof dirs.path[n], "%s/nmw%s", base[b], suffix);
			dirs.list[n] = dirs.path[n];
			n++;
		}
	return dirs.list;
}

static bool in_group(gid_t gid)
{
	gid_t more[GROUPS_MAX];
	int n = getgroups(GROUPS_MAX, more);
	bool in = gid == getegid();
	for (int i = 0; i < n; i++)
		in = in || more[i] == gid;
	return in;
}

/* Whose owner may put any file in the place of a ring: root and ourselves; and, where rings are
 * shared, who opened his directory to a group that is ours too. root joins nobody. */
static bool trusted(const struct stat *st, bool group)
{
	if (st->st_uid == 0 || st->st_uid == geteuid())
		return true;
	return group && geteuid() != 0 && (st->st_mode & S_IWGRP) && in_group(st->st_gid);
}

/* The directory belongs to somebody trusted, and not everybody may put names into it. */
static int check_dir(const char *path, bool group, struct nmw_err *e)
{
	struct stat st;
	if (lstat(path, &st) != 0)
		return nmw_err_set(e, -errno, NMW_EXIT_PERM, "directory %s: %s", path,
				   strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return nmw_err_set(e, -ENOTDIR, NMW_EXIT_USAGE, "%s: not a directory", path);
	if (st.st_mode & S_IWOTH)
		return nmw_err_set(e, -EPERM, NMW_EXIT_PERM,
				   "directory %s: writable by everybody: chmod o-w %s, or set "
				   "NMW_DIR",
				   path, path);
	if (access(path, W_OK | X_OK) != 0)
		return nmw_err_set(e, -errno, NMW_EXIT_PERM,
				   "directory %s: not writable (owner uid %u): set NMW_DIR", path,
				   (unsigned)st.st_uid);
	if (!trusted(&st, group))
		return nmw_err_set(e, -EPERM, NMW_EXIT_PERM,
				   "directory %s: belongs to another user (uid %u): set NMW_DIR "
				   "to one of your own, or share it with --group%s",
				   path, (unsigned)st.st_uid,
				   group ? ": mode 0770, of a group that both are in; root shares "
					   "only its own"
					 : "");
	return 0;
}

static int make_dir(const char *path, bool group, struct nmw_err *e)
{
	mode_t mode = group ? 0770 : 0700;
	if (mkdir(path, mode) == 0) {
		if (chmod(path, mode) != 0)
			return nmw_err_set(e, -errno, NMW_EXIT_PERM, "directory %s: %s", path,
					   strerror(errno));
		return 0;
	}
	int err = errno;
	/* -ENOENT is a ring that is not there; here it is the directory above. */
	if (err != EEXIST)
		return nmw_err_set(e, err == ENOENT ? -ENOTDIR : -err,
				   err == EACCES ? NMW_EXIT_PERM : NMW_EXIT_RESOURCE,
				   "directory %s: cannot be made: %s: set NMW_DIR to a writable "
				   "directory",
				   path, strerror(err));
	return check_dir(path, group, e);
}

/* $NMW_DIR may be a symbolic link that the user set: what it points at counts. */
static const char *env_dir(enum nmw_pages pages, bool group, struct nmw_err *e)
{
	static _Thread_local char real[PATH_MAX];
	const char *path = dirs.list[0];
	if (realpath(path, real))
		path = real;
	if (make_dir(path, group, e) != 0)
		return NULL;
	bool huge = nmw_shm_huge_page(path) != 0;
	if (pages == NMW_PAGES_HUGE && !huge) {
		nmw_err_set(e, -EINVAL, NMW_EXIT_RESOURCE,
			    "NMW_DIR %s: not on hugetlbfs, but huge pages were asked for: mount "
			    "-t hugetlbfs none DIR, or unset NMW_DIR",
			    path);
		return NULL;
	}
	if (pages == NMW_PAGES_NORMAL && huge) {
		nmw_err_set(e, -EINVAL, NMW_EXIT_RESOURCE,
			    "NMW_DIR %s: on hugetlbfs, but normal pages were asked for: set "
			    "NMW_DIR to a directory elsewhere",
			    path);
		return NULL;
	}
	return path;
}

const char *nmw_shm_no_huge(char *why, size_t cap)
{
	nmw_shm_dirs();
	if (dirs.env_set)
		snprintf(why, cap, "no hugetlbfs in NMW_DIR");
	else if (dirs.closed[0])
		snprintf(why, cap, "hugetlbfs on %s is not writable for uid %u", dirs.closed,
			 (unsigned)geteuid());
	else
		snprintf(why, cap, "no hugetlbfs is mounted");
	return why;
}

static void no_mount(struct nmw_err *e)
{
	char why[PATH_MAX + 64];
	unsigned uid = (unsigned)geteuid();
	nmw_shm_no_huge(why, sizeof why);
	if (dirs.closed[0])
		nmw_err_set(e, -EACCES, NMW_EXIT_PERM,
			    "huge pages: %s: let root install -d -o %u -m 700 %s/nmw-%u", why, uid,
			    dirs.closed, uid);
	else
		nmw_err_set(e, -ENODEV, NMW_EXIT_RESOURCE,
			    "huge pages: %s: mount -t hugetlbfs none /dev/hugepages", why);
}

const char *nmw_shm_dir(enum nmw_pages pages, bool group, struct nmw_err *e)
{
	static _Thread_local char path[2][PATH_MAX + 32];
	nmw_shm_dirs();
	if (dirs.env_set)
		return env_dir(pages, group, e);
	bool huge = pages != NMW_PAGES_NORMAL;
	if (huge && !dirs.mount[0]) {
		if (pages == NMW_PAGES_HUGE) {
			no_mount(e);
			return NULL;
		}
		huge = false;
	}
	char *p = path[huge];
	snprintf(p, sizeof path[0], "%s/nmw%s", huge ? dirs.mount : "/dev/shm", user_suffix(group));
	if (make_dir(p, group, e) == 0)
		return p;
	if (!huge || pages == NMW_PAGES_HUGE)
		return NULL;
	return nmw_shm_dir(NMW_PAGES_NORMAL, group, e);
}

const char *nmw_shm_run_dir(bool group, struct nmw_err *e)
{
	nmw_shm_dirs();
	return nmw_shm_dir(dirs.env_set ? NMW_PAGES_AUTO : NMW_PAGES_NORMAL, group, e);
}

static struct flock lock_of(short type, uint64_t byte)
{
	return (struct flock){
		.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)byte, .l_len = 1};
}

/* A file gets the group that its process runs as, which the others may not be in: the directory's
 * is the one that all share. */
int nmw_shm_share(int fd, const char *path, mode_t mode, struct nmw_err *e)
{
	char dir[PATH_MAX + 32];
	struct stat d = {0}, f;
	snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(path, '/') - path + 1), path);
	if (stat(dir, &d) == 0 && fstat(fd, &f) == 0 &&
	    (d.st_gid == f.st_gid || fchown(fd, (uid_t)-1, d.st_gid) == 0) && fchmod(fd, mode) == 0)
		return 0;
	int err = errno;
	return nmw_err_set(e, -err, nmw_exit_of(err),
			   "%s: cannot be given to group %u, the directory's (--group): %s%s", path,
			   (unsigned)d.st_gid, strerror(err),
			   err == EPERM ? ": be a member of it, or chgrp the directory to a group "
					  "that all who share it are in"
					: "");
}

int nmw_shm_lock(int fd, uint64_t byte)
{
	struct flock l = lock_of(F_WRLCK, byte);
	if (fcntl(fd, F_OFD_SETLK, &l) == 0)
		return 0;
	return errno == EACCES ? -EAGAIN : -errno;
}

int nmw_shm_unlock(int fd, uint64_t byte)
{
	struct flock l = lock_of(F_UNLCK, byte);
	return fcntl(fd, F_OFD_SETLK, &l) == 0 ? 0 : -errno;
}

int nmw_shm_locked(int fd, uint64_t byte)
{
	struct flock l = lock_of(F_WRLCK, byte);
	if (fcntl(fd, F_OFD_GETLK, &l) != 0)
		return -errno;
	return l.l_type != F_UNLCK;
}
