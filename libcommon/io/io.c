#include "io/io_back.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static const struct nmw_io_ops *const backends[] = {
	[NMW_IO_URING] = &nmw_io_uring_ops,
	[NMW_IO_EPOLL] = &nmw_io_epoll_ops,
};

static int check(const struct nmw_io_spec *s, struct nmw_err *e)
{
	if (s->socks < 1 || s->socks > NMW_IO_SOCKS_MAX)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, "%u sockets: 1 to %u are possible",
				   s->socks, NMW_IO_SOCKS_MAX);
	if (s->bufs && (s->buf_cnt < 1 || s->buf_cnt > NMW_IO_BUFS_MAX))
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "%u receive buffers: 1 to %u are possible", s->buf_cnt,
				   NMW_IO_BUFS_MAX);
	return 0;
}

static int open_kind(struct nmw_io *io, enum nmw_io_kind kind, struct nmw_err *e)
{
	io->ops = backends[kind];
	int rc = io->ops->open(io, &io->spec, e);
	if (rc)
		io->ops = NULL;
	return rc;
}

bool nmw_io_passing(struct nmw_io *io, int err)
{
	switch (err) {
	case ECONNREFUSED:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case ENOPROTOOPT:
	case EPROTO:
	case EACCES:
		io->net_errors++;
		return true;
	default:
		return false;
	}
}

int nmw_io_open(struct nmw_io *io, const struct nmw_io_spec *spec, struct nmw_err *e)
{
	memset(io, 0, sizeof *io);
	io->spec = *spec;
	int rc = check(spec, e);
	if (rc)
		return rc;
	if (spec->kind != NMW_IO_AUTO)
		return open_kind(io, spec->kind, e);
	struct nmw_err why = NMW_ERR_INIT;
	if (open_kind(io, NMW_IO_URING, &why) == 0)
		return 0;
	snprintf(io->why, sizeof io->why, "%s", why.msg);
	return open_kind(io, NMW_IO_EPOLL, e);
}

void nmw_io_close(struct nmw_io *io)
{
	if (io->ops)
		io->ops->close(io);
	io->ops = NULL;
}

const char *nmw_io_name(const struct nmw_io *io)
{
	return io->ops->name;
}

/* ---- sockets --------------------------------------------------------------------------------- */

void nmw_io_give(struct nmw_io *io, uint32_t buf)
{
	io->ops->give(io, buf);
}

static bool is_stream(int fd)
{
	int type = 0;
	socklen_t n = sizeof type;
	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_STREAM;
}

int nmw_io_add(struct nmw_io *io, int fd, void *owner)
{
	int fl = fcntl(fd, F_GETFL);
	if (fl < 0 || fcntl(fd, F_SETFL, fl | O_NONBLOCK) < 0)
		return -errno;
	io->syscalls += 3;
	return io->ops->add(io, fd, is_stream(fd), owner);
}

int nmw_io_fd(const struct nmw_io *io, uint32_t sock)
{
	return io->ops->fd(io, sock);
}

void nmw_io_remove(struct nmw_io *io, uint32_t sock)
{
	io->ops->remove(io, sock);
}

void nmw_io_accept(struct nmw_io *io, uint32_t sock)
{
	io->ops->start(io, sock, NMW_IO_LISTENS, false);
}

void nmw_io_recv(struct nmw_io *io, uint32_t sock)
{
	io->ops->start(io, sock, NMW_IO_RECEIVES, false);
}

void nmw_io_once(struct nmw_io *io, uint32_t sock)
{
	io->ops->start(io, sock, NMW_IO_RECEIVES, true);
}

void nmw_io_watch(struct nmw_io *io, uint32_t sock)
{
	io->ops->start(io, sock, NMW_IO_WATCHES, false);
}

void nmw_io_hold(struct nmw_io *io, uint32_t sock)
{
	io->ops->hold(io, sock);
}

/* ---- the poll -------------------------------------------------------------------------------- */

unsigned nmw_io_poll(struct nmw_io *io, struct nmw_io_event *ev, unsigned max, uint64_t timeout_ns)
{
	return io->ops->poll(io, ev, max, timeout_ns);
}

uint32_t nmw_io_stream(const struct nmw_io *io, unsigned n)
{
	uint32_t want = n < 8 ? 16 : n < 128 ? 2 * n : 256;
	return io->ops->polls_free && n >= NMW_IO_STREAM_N ? want : 1;
}

bool nmw_io_polls_free(const struct nmw_io *io)
{
	return io->ops->polls_free;
}
