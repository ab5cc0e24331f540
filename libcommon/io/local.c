#include "io/local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define DEAD_TRIES 50u
#define GROUPS_MAX 1024u /* groups of a process that are looked at */
#define WAITING	   64	 /* for one who takes them one after the other */
#define DEAD_NS	   (10l * 1000 * 1000)

static const char *name_in(const char *path)
{
	return strrchr(path, '/') + 1;
}

static int open_dir(const char *path)
{
	char dir[NMW_LOCAL_PATH_MAX];
	snprintf(dir, sizeof dir, "%.*s", (int)(name_in(path) - path), path);
	return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* An address holds 107 characters; a directory may be longer: it is named by a descriptor. Returns
 * the descriptor, to close when the address was used. */
static int address(struct sockaddr_un *a, const char *path, struct nmw_err *e)
{
	const char *name = name_in(path);
	int fd = open_dir(path);
	if (fd < 0)
		return nmw_err_set(e, -errno, nmw_exit_of(errno), "%.*s: %s", (int)(name - path),
				   path, strerror(errno));
	memset(a, 0, sizeof *a);
	a->sun_family = AF_UNIX;
	snprintf(a->sun_path, sizeof a->sun_path, "/proc/self/fd/%d/%.60s", fd, name);
	return fd;
}

static int new_socket(const struct nmw_local_kind *k, struct nmw_err *e)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return fd < 0 ? nmw_err_set(e, -errno, NMW_EXIT_RESOURCE, "%s: %s", k->name,
				    strerror(errno))
		      : fd;
}

/* The group that the directory of a socket is shared with. */
static bool shared_with(const char *path, gid_t *gid)
{
	struct stat st;
	int fd = open_dir(path);
	bool got = fd >= 0 && fstat(fd, &st) == 0;
	if (got)
		*gid = st.st_gid;
	if (fd >= 0)
		close(fd);
	return got;
}

/* Whether the process at the other end is in that group, by its own or a supplementary one. */
static bool peer_in(int fd, const struct ucred *c, gid_t gid)
{
	gid_t more[GROUPS_MAX];
	socklen_t n = sizeof more;
	bool in = c->gid == gid;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, more, &n) < 0)
		n = 0;
	for (size_t i = 0; i < n / sizeof more[0]; i++)
		in = in || more[i] == gid;
	return in;
}

int nmw_local_trusted(const struct nmw_local_kind *k, int fd, const char *path, bool group,
		      struct nmw_err *e)
{
	struct ucred c;
	socklen_t n = sizeof c;
	gid_t gid = (gid_t)-1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) < 0)
		return nmw_err_set(e, -errno, NMW_EXIT_PERM, "%s: %s", k->name, strerror(errno));
	if (c.uid == geteuid() || c.uid == 0)
		return 0;
	if (!group)
		return nmw_err_set(e, -EPERM, NMW_EXIT_PERM,
				   "%s: process %d of user %u found, user %u expected: run both as "
				   "one user, or with --group",
				   k->name, (int)c.pid, c.uid, geteuid());
	if (shared_with(path, &gid) && peer_in(fd, &c, gid))
		return 0;
	return nmw_err_set(e, -EPERM, NMW_EXIT_PERM,
			   "%s: process %d of user %u found, user %u or a member of group %u, the "
			   "directory's, expected",
			   k->name, (int)c.pid, c.uid, geteuid(), gid);
}

/* ---- listening ------------------------------------------------------------------------------ */

/* Whether somebody listens there: 1, 0, or a negative errno: it cannot be told, as when the file is
 * another user's. He does not notice: the type is not his; one whose type it is may have as many
 * that wait as he takes. */
static int answers(const struct sockaddr_un *a)
{
	struct stat st;
	if (lstat(a->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err = fd < 0 || connect(fd, (const struct sockaddr *)a, sizeof *a) < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	return !err || err == EPROTOTYPE || err == EAGAIN ? 1
	       : err == ECONNREFUSED || err == ENOENT	  ? 0
							  : -err;
}

/* Whose file it is, and what he or root may do about it. */
static int not_ours(const struct nmw_local_kind *k, const struct sockaddr_un *a, const char *path,
		    int rc, struct nmw_err *e)
{
	struct stat st = {0};
	if (rc == -ENOTSOCK)
		return nmw_err_set(e, rc, NMW_EXIT_RESOURCE,
				   "%s %s: a file that is no socket found: move it away", k->name,
				   path);
	if (lstat(a->sun_path, &st) < 0 || (rc != -EACCES && rc != -EPERM))
		return nmw_err_set(e, rc, nmw_exit_of(-rc), "%s %s: %s", k->name, path,
				   strerror(-rc));
	return nmw_err_set(e, rc, NMW_EXIT_PERM,
			   "%s %s: %s: it is user %u's, user %u expected: run both as one user or "
			   "with --group; what a dead process left, let user %u remove",
			   k->name, path, strerror(-rc), st.st_uid, geteuid(), st.st_uid);
}

/* Process that listens there; 0: the kernel does not say. */
static int owner_of(const struct nmw_local_kind *k, const struct sockaddr_un *a)
{
	struct ucred c = {.pid = 0};
	socklen_t n = sizeof c;
	int fd = new_socket(k, NULL);
	if (fd < 0)
		return 0;
	if (connect(fd, (const struct sockaddr *)a, sizeof *a) == 0)
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n);
	close(fd);
	return (int)c.pid;
}

/* The file goes to the group of its directory: ours may be another. */
static int share(const char *path, int dir)
{
	struct stat st;
	return fstat(dir, &st) || fchownat(dir, name_in(path), (uid_t)-1, st.st_gid,
					   AT_SYMLINK_NOFOLLOW)
		       ? -errno
		       : 0;
}

static int bind_at(int fd, const struct sockaddr_un *a, const char *path, int dir, bool group)
{
	mode_t old = umask(group ? 0117 : 0177);
	int rc = bind(fd, (const struct sockaddr *)a, sizeof *a) < 0 ? -errno : 0;
	umask(old);
	if (rc)
		return rc;
	rc = group ? share(path, dir) : 0;
	if (!rc && listen(fd, WAITING) < 0)
		rc = -errno;
	if (rc)
		unlink(path);
	return rc;
}

/* Takes the place of what a dead process left. Under the lock of the directory: of two that start
 * at once the second must not take the socket of the first away. -EADDRINUSE: somebody lives. */
static int take_path(int fd, const struct sockaddr_un *a, const char *path, int dir, bool group)
{
	if (flock(dir, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
	int rc = answers(a);
	if (rc == 0) {
		rc = unlink(path) < 0 && errno != ENOENT ? -errno
							 : bind_at(fd, a, path, dir, group);
	} else if (rc > 0) {
		rc = -EADDRINUSE;
	}
	flock(dir, LOCK_UN);
	return rc;
}

void nmw_local_reap(const char *path)
{
	struct sockaddr_un a;
	int dir = address(&a, path, NULL);
	if (dir < 0)
		return;
	if (flock(dir, LOCK_EX) == 0 && answers(&a) == 0)
		unlink(path);
	close(dir);
}

/* What a dead process listened on may outlive it by a moment: io_uring is taken down in the
 * background. */
static int bind_file(const struct nmw_local_kind *k, int fd, const char *path, bool group,
		     struct nmw_err *e)
{
	struct sockaddr_un a;
	int dir = address(&a, path, e), rc = -EADDRINUSE;
	if (dir < 0)
		return dir;
	for (unsigned i = 0; i < DEAD_TRIES && rc == -EADDRINUSE; i++) {
		if (i > 0)
			nanosleep(&(struct timespec){.tv_nsec = DEAD_NS}, NULL);
		rc = take_path(fd, &a, path, dir, group);
	}
	if (rc == -EADDRINUSE)
		nmw_err_set(e, rc, NMW_EXIT_RESOURCE, "%s %s: in use by pid %d: %s", k->name, path,
			    owner_of(k, &a), k->in_use);
	else if (rc)
		not_ours(k, &a, path, rc, e);
	close(dir);
	return rc;
}

int nmw_local_listen(const struct nmw_local_kind *k, const char *path, bool group,
		     struct nmw_err *e)
{
	int fd = new_socket(k, e);
	if (fd < 0)
		return fd;
	int rc = bind_file(k, fd, path, group, e);
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

/* ---- connecting ----------------------------------------------------------------------------- */

static int connect_fd(const struct nmw_local_kind *k, int fd, const char *path, struct nmw_err *e)
{
	struct sockaddr_un a;
	int dir = address(&a, path, e);
	if (dir < 0)
		return dir;
	int rc = connect(fd, (struct sockaddr *)&a, sizeof a) < 0 ? -errno : 0;
	if (rc == -EACCES)
		not_ours(k, &a, path, rc, e);
	else if (rc)
		nmw_err_set(e, rc, NMW_EXIT_PEER, "%s %s: %s: %s", k->name, path, strerror(-rc),
			    rc == -EAGAIN ? "as many as may wait for it do: try again" : k->absent);
	close(dir);
	return rc;
}

int nmw_local_connect(const struct nmw_local_kind *k, const char *path, bool group,
		      struct nmw_err *e)
{
	int fd = new_socket(k, e);
	if (fd < 0)
		return fd;
	int rc = connect_fd(k, fd, path, e);
	if (!rc)
		rc = nmw_local_trusted(k, fd, path, group, e);
	if (!rc)
		return fd;
	close(fd);
	return rc;
}
