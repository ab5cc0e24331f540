#include "io/io.h"

#include <errno.h>
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
	io->spec.depth = spec->depth ? spec->depth : NMW_IO_DEPTH_DEF;
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
