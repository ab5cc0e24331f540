#include "io/handover.h"

#include "ring/shm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define DEAD_TRIES 50u
#define DEAD_NS	   (10l * 1000 * 1000)

int nmw_handover_path(char path[NMW_HANDOVER_PATH_MAX], uint16_t port, bool group,
		      struct nmw_err *e)
{
	const char *dir = nmw_shm_run_dir(group, e);
	if (!dir)
		return e ? e->err : -EACCES;
	snprintf(path, NMW_HANDOVER_PATH_MAX, "%s/tcp-%u.sessions", dir, port);
	return 0;
}

/* An address holds 107 characters; a directory may be longer: it is named by a descriptor. Returns
 * the descriptor, to close when the address was used. */
static int address(struct sockaddr_un *a, const char *path, struct nmw_err *e)
{
	char dir[NMW_HANDOVER_PATH_MAX];
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

static int new_socket(struct nmw_err *e)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return fd < 0 ? nmw_err_set(e, -errno, NMW_EXIT_RESOURCE, "hand-over socket: %s",
				    strerror(errno))
		      : fd;
}

/* Whether the other end belongs to somebody who may have our clients' sockets, or give us some. */
static int trusted(int fd, bool group, struct nmw_err *e)
{
	struct ucred c;
	socklen_t n = sizeof c;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) < 0)
		return nmw_err_set(e, -errno, NMW_EXIT_PERM, "hand-over socket: %s",
				   strerror(errno));
	if (c.uid == geteuid() || c.uid == 0 || (group && c.gid == getegid()))
		return 0;
	return nmw_err_set(e, -EPERM, NMW_EXIT_PERM,
			   "hand-over socket: process %d of user %u found, user %u expected%s",
			   (int)c.pid, c.uid, geteuid(),
			   group ? " or the same group"
				 : ": run both as one user, or with --group");
}

/* ---- the reader's side ----------------------------------------------------------------------- */

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
static int owner_of(const struct sockaddr_un *a)
{
	struct ucred c = {.pid = 0};
	socklen_t n = sizeof c;
	int fd = new_socket(NULL);
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
	return rc == 0 && listen(fd, 4) < 0 ? -errno : rc;
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
static int bind_file(int fd, const char *path, bool group, struct nmw_err *e)
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
		nmw_err_set(e, rc, NMW_EXIT_RESOURCE,
			    "hand-over socket %s: in use by pid %d: another port, or another "
			    "NMW_DIR, is needed",
			    path, owner_of(&a));
	else if (rc)
		nmw_err_set(e, rc, nmw_exit_of(rc), "hand-over socket %s: %s", path, strerror(-rc));
	close(dir);
	return rc;
}

int nmw_handover_listen(struct nmw_handover_server *h, uint16_t port, bool group, struct nmw_err *e)
{
	*h = (struct nmw_handover_server){.listen_fd = -1, .peer = -1, .group = group};
	int rc = nmw_handover_path(h->path, port, group, e);
	if (rc)
		return rc;
	int fd = new_socket(e);
	if (fd < 0)
		return fd;
	rc = bind_file(fd, h->path, group, e);
	if (rc) {
		close(fd);
		return rc;
	}
	struct stat sb;
	if (stat(h->path, &sb) == 0) {
		h->dev = sb.st_dev;
		h->ino = sb.st_ino;
	}
	h->listen_fd = fd;
	return 0;
}

/* The writer says nothing: what can be read of it is its end. */
static bool peer_left(struct nmw_handover_server *h)
{
	char c[16];
	if (h->peer < 0)
		return false;
	ssize_t n;
	while ((n = recv(h->peer, c, sizeof c, MSG_DONTWAIT)) > 0)
		;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	close(h->peer);
	h->peer = -1;
	return true;
}

int nmw_handover_accept(struct nmw_handover_server *h, struct nmw_err *e)
{
	bool left = peer_left(h);
	int fd = accept4(h->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return left ? -EPIPE : 0;
	int rc = trusted(fd, h->group, e);
	if (!rc && h->peer >= 0)
		rc = nmw_err_set(e, -EBUSY, NMW_EXIT_PEER,
				 "hand-over socket %s: a second nmw-send was refused: one writes "
				 "to the clients already",
				 h->path);
	if (rc) {
		close(fd);
		return rc;
	}
	h->peer = fd;
	return 1;
}

int nmw_handover_give(struct nmw_handover_server *h, const struct nmw_handover *m, int fd)
{
	struct nmw_handover out = *m;
	out.magic = NMW_HANDOVER_MAGIC;
	out.version = NMW_HANDOVER_VERSION;
	struct iovec iov = {.iov_base = &out, .iov_len = sizeof out};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} u = {.bytes = {0}};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = u.bytes,
			     .msg_controllen = sizeof u.bytes};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	if (h->peer < 0)
		return -ENOTCONN;
	if (sendmsg(h->peer, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof out)
		return 0;
	/* ETOOMANYREFS: more descriptors are under way than this user may have open */
	return errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS ? -EAGAIN : -ENOTCONN;
}

void nmw_handover_end(struct nmw_handover_server *h)
{
	if (h->peer >= 0)
		close(h->peer);
	if (h->listen_fd >= 0) {
		struct stat sb;
		if (stat(h->path, &sb) == 0 && sb.st_dev == h->dev && sb.st_ino == h->ino)
			unlink(h->path);
		close(h->listen_fd);
	}
	h->peer = h->listen_fd = -1;
}

/* ---- the writer's side ----------------------------------------------------------------------- */

static int connect_fd(int fd, const char *path, struct nmw_err *e)
{
	struct sockaddr_un a;
	int dir = address(&a, path, e);
	if (dir < 0)
		return dir;
	int rc = connect(fd, (struct sockaddr *)&a, sizeof a) < 0 ? -errno : 0;
	close(dir);
	if (rc)
		nmw_err_set(e, rc, rc == -EACCES ? NMW_EXIT_PERM : NMW_EXIT_PEER,
			    "hand-over socket %s: %s: is nmw-recv tcp: running there?", path,
			    strerror(-rc));
	return rc;
}

int nmw_handover_connect(uint16_t port, bool group, struct nmw_err *e)
{
	char path[NMW_HANDOVER_PATH_MAX];
	int rc = nmw_handover_path(path, port, group, e);
	if (rc)
		return rc;
	int fd = new_socket(e);
	if (fd < 0)
		return fd;
	rc = connect_fd(fd, path, e);
	if (!rc)
		rc = trusted(fd, group, e);
	if (rc) {
		close(fd);
		return rc;
	}
	return fd;
}

int nmw_handover_reader(int fd)
{
	struct ucred c;
	socklen_t n = sizeof c;
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) < 0 ? 0 : (int)c.pid;
}

int nmw_handover_ports(bool group, uint16_t *port, struct nmw_err *e)
{
	const char *path = nmw_shm_run_dir(group, e);
	if (!path)
		return e ? e->err : -EACCES;
	DIR *d = opendir(path);
	if (!d)
		return nmw_err_set(e, -errno, nmw_exit_of(errno), "%s: %s", path, strerror(errno));
	int n = 0;
	for (const struct dirent *f; (f = readdir(d)) != NULL;) {
		unsigned p = 0;
		int len = 0;
		if (sscanf(f->d_name, "tcp-%5u.sessions%n", &p, &len) != 1 || !len ||
		    f->d_name[len] || !p || p > UINT16_MAX)
			continue;
		*port = (uint16_t)p;
		n++;
	}
	closedir(d);
	return n;
}

/* The descriptor of a packet, -1 = none; any others are closed. */
static int take_fd(struct msghdr *msg)
{
	int fd = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int one;
			memcpy(&one, CMSG_DATA(c) + i * sizeof one, sizeof one);
			if (fd < 0)
				fd = one;
			else
				close(one);
		}
	}
	return fd;
}

/* The kernel gives the packet without its descriptor when there is no place for it. */
static int no_files(const struct nmw_handover *m, struct nmw_err *e)
{
	return nmw_err_set(e, -EMFILE, NMW_EXIT_RESOURCE,
			   "hand-over socket: session %u of account %.10s came without its socket: "
			   "one more descriptor expected, as many as this process may have are "
			   "open: raise ulimit -n",
			   m->session, m->login.account);
}

int nmw_handover_take(int from, struct nmw_handover *m, int *fd, struct nmw_err *e)
{
	struct iovec iov = {.iov_base = m, .iov_len = sizeof *m};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} u;
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = u.bytes,
			     .msg_controllen = sizeof u.bytes};
	ssize_t n = recvmsg(from, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return nmw_err_set(e, -EPIPE, NMW_EXIT_PEER,
				   "hand-over socket: nmw-recv closed it: it ended, or another "
				   "nmw-send writes to its clients");
	*fd = take_fd(&msg);
	bool whole = n == (ssize_t)sizeof *m && !(msg.msg_flags & MSG_TRUNC);
	bool ours = whole && m->magic == NMW_HANDOVER_MAGIC && m->version == NMW_HANDOVER_VERSION;
	if (ours && *fd >= 0)
		return 1;
	if (ours && (msg.msg_flags & MSG_CTRUNC))
		return no_files(m, e);
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return nmw_err_set(e, -EPROTO, NMW_EXIT_PEER,
			   "hand-over socket: %zd bytes, version %u found, %zu bytes, version %u "
			   "and a socket expected: restart nmw-recv and nmw-send of one version",
			   n, whole ? m->version : 0, sizeof *m, NMW_HANDOVER_VERSION);
}
