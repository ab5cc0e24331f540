#include "io/handover.h"

#include "io/local.h"
#include "ring/shm.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int nmw_handover_path(char path[NMW_HANDOVER_PATH_MAX], uint16_t port, bool group,
		      struct nmw_err *e)
{
	const char *dir = nmw_shm_run_dir(group, e);
	if (!dir)
		return e ? e->err : -EACCES;
	snprintf(path, NMW_HANDOVER_PATH_MAX, "%s/tcp-%u.sessions", dir, port);
	return 0;
}

static const struct nmw_local_kind kind = {.name = "hand-over socket",
					   .in_use = "another port, or another NMW_DIR, is needed",
					   .absent = "is nmw-recv tcp: running there?"};

/* ---- the reader's side ----------------------------------------------------------------------- */

int nmw_handover_listen(struct nmw_handover_server *h, uint16_t port, bool group, struct nmw_err *e)
{
	*h = (struct nmw_handover_server){.listen_fd = -1, .peer = -1, .group = group};
	int rc = nmw_handover_path(h->path, port, group, e);
	if (rc)
		return rc;
	int fd = nmw_local_listen(&kind, h->path, group, e);
	if (fd < 0)
		return fd;
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
	int rc = nmw_local_trusted(&kind, fd, h->path, h->group, e);
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

int nmw_handover_connect(uint16_t port, bool group, struct nmw_err *e)
{
	char path[NMW_HANDOVER_PATH_MAX];
	int rc = nmw_handover_path(path, port, group, e);
	return rc ? rc : nmw_local_connect(&kind, path, group, e);
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
