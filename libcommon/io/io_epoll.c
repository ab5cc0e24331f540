/* Plain sockets: epoll tells what is readable, recvmmsg and readv read it. */
#include "io/io_back.h"

#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define BATCH	   64u /* datagrams or buffers of one read */
#define EVENTS	   256u
#define ACCEPTS	   64u		  /* of one listener in one poll */
#define STARVED_NS (50ull * 1000) /* between two looks while there is no buffer */
#define NO_SOCK	   UINT32_MAX

struct sock {
	int fd;
	void *owner;
	uint8_t role;
	bool used, stream, on, closed, gone; /* on: reception wanted */
	bool detached;			     /* not with epoll now */
	bool once, paused; /* one piece only; it came, and epoll does not know yet */
	uint32_t want;	   /* events that epoll knows of */
	uint32_t next;	   /* free list, or list of those that are gone */
};

struct ep {
	int fd;
	uint32_t n_free;
	uint32_t *free_buf; /* stack of buffers */
	struct sock *sock;
	uint32_t free_sock, gone; /* lists */
	uint32_t *paused, n_paused;
	struct epoll_event ev[EVENTS];
	struct sockaddr_storage from[EVENTS]; /* senders of the datagrams of this poll */
	uint32_t n_from;
};

/* ---- memory ---------------------------------------------------------------------------------- */

static void ep_free(struct ep *s)
{
	free(s->free_buf);
	free(s->sock);
	free(s->paused);
	free(s);
}

static void lists_init(struct ep *s, const struct nmw_io_spec *spec)
{
	for (uint32_t i = 0; i < spec->socks; i++)
		s->sock[i].next = i + 1 < spec->socks ? i + 1 : NO_SOCK;
	s->gone = NO_SOCK;
}

static int ep_open(struct nmw_io *io, const struct nmw_io_spec *spec, struct nmw_err *e)
{
	struct ep *s = calloc(1, sizeof *s);
	if (!s)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "epoll: no memory");
	s->free_buf = calloc(spec->buf_cnt ? spec->buf_cnt : 1, sizeof *s->free_buf);
	s->sock = calloc(spec->socks, sizeof *s->sock);
	s->paused = calloc(spec->socks, sizeof *s->paused);
	s->fd = -1;
	if (!s->free_buf || !s->sock || !s->paused) {
		ep_free(s);
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "epoll: no memory");
	}
	lists_init(s, spec);
	s->fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->fd < 0) {
		int err = -errno;
		ep_free(s);
		return nmw_err_set(e, err, NMW_EXIT_RESOURCE, "epoll: %s", strerror(-err));
	}
	io->priv = s;
	return 0;
}

static void ep_close(struct nmw_io *io)
{
	struct ep *s = io->priv;
	for (uint32_t i = 0; i < io->spec.socks; i++)
		if (s->sock[i].used && !s->sock[i].gone)
			close(s->sock[i].fd);
	close(s->fd);
	ep_free(s);
	io->priv = NULL;
}

static void ep_give(struct nmw_io *io, uint32_t buf)
{
	struct ep *s = io->priv;
	s->free_buf[s->n_free++] = buf;
}

/* ---- sockets --------------------------------------------------------------------------------- */

static int busy_poll(int fd, uint32_t us)
{
	const int v = (int)us, on = 1;
	int type = 0;
	socklen_t n = sizeof type;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) < 0)
		return 0; /* no socket */
	setsockopt(fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, &on, sizeof on);
	return setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &v, sizeof v);
}

static int ep_add(struct nmw_io *io, int fd, bool stream, void *owner)
{
	struct ep *s = io->priv;
	uint32_t i = s->free_sock;
	if (i == NO_SOCK)
		return -EMFILE;
	struct epoll_event ev = {.data.u32 = i};
	io->syscalls++;
	if (io->spec.busy_poll_us && busy_poll(fd, io->spec.busy_poll_us) < 0)
		return -errno;
	if (epoll_ctl(s->fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return -errno;
	s->free_sock = s->sock[i].next;
	s->sock[i] = (struct sock){.fd = fd,
				   .owner = owner,
				   .used = true,
				   .paused = s->sock[i].paused,
				   .stream = stream};
	return (int)i;
}

static int ep_fd(const struct nmw_io *io, uint32_t i)
{
	return ((const struct ep *)io->priv)->sock[i].fd;
}

/* Tells epoll what is waited for, when that has changed. */
static void rearm(struct nmw_io *io, uint32_t i)
{
	struct ep *s = io->priv;
	struct sock *k = &s->sock[i];
	uint32_t want = k->on && !k->closed ? (uint32_t)EPOLLIN : 0;
	if (k->gone || want == k->want)
		return;
	k->want = want;
	struct epoll_event ev = {.events = want, .data.u32 = i};
	io->syscalls++;
	epoll_ctl(s->fd, k->detached ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, k->fd, &ev);
	k->detached = false;
}

/* Whose other end is gone is reported for ever, whether anything is waited for or not. */
static void detach(struct nmw_io *io, uint32_t i)
{
	struct ep *s = io->priv;
	struct sock *k = &s->sock[i];
	if (k->detached)
		return;
	io->syscalls++;
	epoll_ctl(s->fd, EPOLL_CTL_DEL, k->fd, NULL);
	k->detached = true;
	k->want = 0;
}

static void ep_start(struct nmw_io *io, uint32_t i, enum nmw_io_role role, bool once)
{
	struct sock *k = &((struct ep *)io->priv)->sock[i];
	k->role = (uint8_t)role;
	k->on = true;
	k->once = once;
	rearm(io, i);
}

/* Its piece has come. Mostly the next one is asked for at once, so epoll is told only before the
 * next wait, if at all. */
static void pause_once(struct ep *s, uint32_t i)
{
	struct sock *k = &s->sock[i];
	if (!k->once)
		return;
	k->on = false;
	if (!k->paused)
		s->paused[s->n_paused++] = i;
	k->paused = true;
}

static void tell_paused(struct nmw_io *io)
{
	struct ep *s = io->priv;
	for (uint32_t p = 0; p < s->n_paused; p++) {
		s->sock[s->paused[p]].paused = false;
		if (s->sock[s->paused[p]].used)
			rearm(io, s->paused[p]);
	}
	s->n_paused = 0;
}

static void ep_hold(struct nmw_io *io, uint32_t i)
{
	((struct ep *)io->priv)->sock[i].on = false;
	rearm(io, i);
}

static void ep_remove(struct nmw_io *io, uint32_t i)
{
	struct ep *s = io->priv;
	struct sock *k = &s->sock[i];
	if (k->gone)
		return;
	detach(io, i); /* closing alone would not do where another process has the socket as well */
	close(k->fd);
	io->syscalls++;
	k->gone = true;
	k->on = false;
	k->next = s->gone;
	s->gone = i;
}

/* ---- receiving ------------------------------------------------------------------------------- */

static void event(const struct ep *s, struct nmw_io_event *ev, uint32_t i, uint8_t kind,
		  int32_t res)
{
	nmw_io_event(ev, s->sock[i].owner, i, kind, res);
}

static void data_event(const struct nmw_io *io, struct nmw_io_event *ev, uint32_t i, uint32_t buf,
		       size_t len)
{
	event(io->priv, ev, i, NMW_IO_DATA, (int32_t)len);
	ev->buf = buf;
	ev->data = io->spec.bufs + (size_t)buf * io->spec.buf_sz;
}

static unsigned accept_some(struct nmw_io *io, uint32_t i, struct nmw_io_event *ev, unsigned max)
{
	struct ep *s = io->priv;
	unsigned n = 0;
	while (n < max && n < ACCEPTS) {
		io->syscalls++;
		int fd = accept4(s->sock[i].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
			break;
		event(s, &ev[n++], i, NMW_IO_ACCEPT, fd < 0 ? -errno : fd);
		if (fd < 0)
			break;
	}
	return n;
}

static unsigned ended(struct nmw_io *io, uint32_t i, struct nmw_io_event *ev, int32_t res)
{
	struct ep *s = io->priv;
	s->sock[i].closed = true;
	rearm(io, i);
	event(s, ev, i, NMW_IO_CLOSED, res);
	return 1;
}

static unsigned read_stream(struct nmw_io *io, uint32_t i, struct nmw_io_event *ev, unsigned max)
{
	struct ep *s = io->priv;
	struct iovec iov[BATCH];
	unsigned most = s->sock[i].once ? 1 : BATCH, n = 0;
	unsigned want = max < most ? max : most;
	want = want < s->n_free ? want : s->n_free;
	for (unsigned b = 0; b < want; b++) {
		uint32_t buf = s->free_buf[s->n_free - 1 - b];
		iov[b].iov_base = io->spec.bufs + (size_t)buf * io->spec.buf_sz;
		iov[b].iov_len = io->spec.buf_sz;
	}
	io->syscalls++;
	ssize_t got = readv(s->sock[i].fd, iov, (int)want);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got <= 0)
		return ended(io, i, ev, got < 0 ? -errno : 0);
	for (size_t left = (size_t)got; left > 0; n++) {
		size_t len = left < io->spec.buf_sz ? left : io->spec.buf_sz;
		data_event(io, &ev[n], i, s->free_buf[--s->n_free], len);
		left -= len;
	}
	pause_once(s, i);
	return n;
}

static void headers(struct nmw_io *io, struct mmsghdr *m, struct iovec *iov, unsigned n)
{
	struct ep *s = io->priv;
	memset(m, 0, n * sizeof *m);
	for (unsigned b = 0; b < n; b++) {
		uint32_t buf = s->free_buf[s->n_free - 1 - b];
		iov[b].iov_base = io->spec.bufs + (size_t)buf * io->spec.buf_sz + NMW_IO_DGRAM_ROOM;
		iov[b].iov_len = io->spec.buf_sz - NMW_IO_DGRAM_ROOM;
		m[b].msg_hdr.msg_iov = &iov[b];
		m[b].msg_hdr.msg_iovlen = 1;
		m[b].msg_hdr.msg_name = &s->from[s->n_from + b];
		m[b].msg_hdr.msg_namelen = sizeof s->from[0];
	}
}

static unsigned read_datagrams(struct nmw_io *io, uint32_t i, struct nmw_io_event *ev, unsigned max)
{
	struct ep *s = io->priv;
	struct mmsghdr m[BATCH];
	struct iovec iov[BATCH];
	unsigned want = max < BATCH ? max : BATCH;
	want = want < s->n_free ? want : s->n_free;
	want = want < EVENTS - s->n_from ? want : EVENTS - s->n_from;
	if (want == 0)
		return 0;
	headers(io, m, iov, want);
	io->syscalls++;
	int got = recvmmsg(s->sock[i].fd, m, want, MSG_DONTWAIT, NULL);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got < 0) {
		int err = errno;
		return nmw_io_passing(io, err) ? 0 : ended(io, i, ev, -err);
	}
	for (int b = 0; b < got; b++) {
		data_event(io, &ev[b], i, s->free_buf[--s->n_free], m[b].msg_len);
		ev[b].data += NMW_IO_DGRAM_ROOM;
		ev[b].flags = m[b].msg_hdr.msg_flags & MSG_TRUNC ? NMW_IO_TRUNC : 0;
		ev[b].from = (const struct sockaddr *)&s->from[s->n_from++];
		ev[b].from_len = m[b].msg_hdr.msg_namelen;
	}
	return (unsigned)got;
}

static unsigned readable(struct nmw_io *io, uint32_t i, struct nmw_io_event *ev, unsigned max)
{
	struct ep *s = io->priv;
	struct sock *k = &s->sock[i];
	if (k->role == NMW_IO_LISTENS)
		return accept_some(io, i, ev, max);
	if (k->role == NMW_IO_WATCHES) {
		event(s, ev, i, NMW_IO_READY, 0);
		return 1;
	}
	if (s->n_free == 0 && max > 0) {
		io->stalls++;
		return 0;
	}
	return k->stream ? read_stream(io, i, ev, max) : read_datagrams(io, i, ev, max);
}

/* ---- the poll -------------------------------------------------------------------------------- */

static unsigned take_gone(struct ep *s, struct nmw_io_event *ev, unsigned max)
{
	unsigned n = 0;
	for (; n < max && s->gone != NO_SOCK; n++) {
		uint32_t i = s->gone;
		struct sock *k = &s->sock[i];
		event(s, &ev[n], i, NMW_IO_GONE, 0);
		s->gone = k->next;
		k->used = false;
		k->next = s->free_sock;
		s->free_sock = i;
	}
	return n;
}

/* What epoll says of one socket. */
static unsigned look(struct nmw_io *io, const struct epoll_event *at, struct nmw_io_event *ev,
		     unsigned max)
{
	struct ep *s = io->priv;
	uint32_t i = at->data.u32;
	struct sock *k = &s->sock[i];
	if (!k->used || k->gone)
		return 0;
	if (k->on && !k->closed)
		return readable(io, i, ev, max);
	if (at->events & (EPOLLERR | EPOLLHUP))
		detach(io, i);
	return 0;
}

static int timeout_ms(uint64_t ns)
{
	uint64_t ms = (ns + 999999) / 1000000;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

static int wait_for(struct nmw_io *io, unsigned max, uint64_t timeout_ns)
{
	struct ep *s = io->priv;
	unsigned want = max < EVENTS ? max : EVENTS;
	struct timespec t = {.tv_sec = (time_t)(timeout_ns / NMW_NS_PER_S),
			     .tv_nsec = (long)(timeout_ns % NMW_NS_PER_S)};
	io->syscalls++;
	int n = epoll_pwait2(s->fd, s->ev, (int)want, &t, NULL);
	if (n < 0 && errno == ENOSYS)
		n = epoll_wait(s->fd, s->ev, (int)want, timeout_ms(timeout_ns));
	return n;
}

/* Data lies there and no buffer is free: the sockets stay readable, so the wait would not wait. */
static void starved_rest(const struct nmw_io *io, unsigned n, uint64_t timeout_ns)
{
	const struct ep *s = io->priv;
	if (n > 0 || s->n_free > 0 || !io->spec.bufs || timeout_ns == 0)
		return;
	uint64_t ns = timeout_ns < STARVED_NS ? timeout_ns : STARVED_NS;
	nanosleep(&(struct timespec){.tv_nsec = (long)ns}, NULL);
}

static unsigned ep_poll(struct nmw_io *io, struct nmw_io_event *ev, unsigned max,
			uint64_t timeout_ns)
{
	struct ep *s = io->priv;
	s->n_from = 0;
	tell_paused(io);
	unsigned n = take_gone(s, ev, max);
	if (n == max)
		return n;
	int got = wait_for(io, max - n, n ? 0 : timeout_ns);
	for (int i = 0; i < got && n < max; i++)
		n += look(io, &s->ev[i], ev + n, max - n);
	if (got > 0)
		starved_rest(io, n, timeout_ns);
	return n;
}

const struct nmw_io_ops nmw_io_epoll_ops = {
	.name = "epoll",
	.open = ep_open,
	.close = ep_close,
	.give = ep_give,
	.add = ep_add,
	.fd = ep_fd,
	.remove = ep_remove,
	.start = ep_start,
	.hold = ep_hold,
	.poll = ep_poll,
};
