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
#define WAITING	   64 /* for one who takes them one after the other */
#define DEAD_NS	   (10l * 1000 * 1000)

/* An address holds 107 characters; a directory may be longer: it is named by a descriptor. Returns
 * the descriptor, to close when the address was used. */
static int address(struct sockaddr_un *a, const char *path, struct nmw_err *e)
{
	char dir[NMW_LOCAL_PATH_MAX];
	const char *name = strrchr(path, '/') + 1;
	snprintf(dir, sizeof dir, "%.*s", (int)(name - path), path);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return nmw_err_set(e, -errno, nmw_exit_of(errno), "%s: %s", dir, strerror(errno));
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

int nmw_local_trusted(const struct nmw_local_kind *k, int fd, bool group, struct nmw_err *e)
{
	struct ucred c;
	socklen_t n = sizeof c;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) < 0)
		return nmw_err_set(e, -errno, NMW_EXIT_PERM, "%s: %s", k->name, strerror(errno));
	if (c.uid == geteuid() || c.uid == 0 || (group && c.gid == getegid()))
		return 0;
	return nmw_err_set(
		e, -EPERM, NMW_EXIT_PERM, "%s: process %d of user %u found, user %u expected%s",
		k->name, (int)c.pid, c.uid, geteuid(),
		group ? " or the same group" : ": run both as one user, or with --group");
}

/* ---- listening ------------------------------------------------------------------------------ */

/* Whether somebody listens there. He does not notice: the type is not his. */
static bool answers(const struct sockaddr_un *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool yes = fd >= 0 && connect(fd, (const struct sockaddr *)a, sizeof *a) < 0 &&
		   errno == EPROTOTYPE;
	if (fd >= 0)
		close(fd);
	return yes;
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

static int bind_at(int fd, const struct sockaddr_un *a, bool group)
{
	mode_t old = umask(group ? 0117 : 0177);
	int rc = bind(fd, (const struct sockaddr *)a, sizeof *a) < 0 ? -errno : 0;
	umask(old);
	return rc == 0 && listen(fd, WAITING) < 0 ? -errno : rc;
}

/* Takes the place of what a dead process left. Under the lock of the directory: of two that start
 * at once the second must not take the socket of the first away. -EADDRINUSE: somebody lives. */
static int take_path(int fd, const struct sockaddr_un *a, const char *path, int dir, bool group)
{
	if (flock(dir, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
	int rc = -EADDRINUSE;
	if (!answers(a)) {
		unlink(path);
		rc = bind_at(fd, a, group);
	}
	flock(dir, LOCK_UN);
	return rc;
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
		nmw_err_set(e, rc, nmw_exit_of(rc), "%s %s: %s", k->name, path, strerror(-rc));
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
	close(dir);
	if (rc)
		nmw_err_set(e, rc, rc == -EACCES ? NMW_EXIT_PERM : NMW_EXIT_PEER, "%s %s: %s: %s",
			    k->name, path, strerror(-rc),
			    rc == -EAGAIN ? "as many as may wait for it do: try again" : k->absent);
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
		rc = nmw_local_trusted(k, fd, group, e);
	if (!rc)
		return fd;
	close(fd);
	return rc;
}
