/* io_uring: one system call for all submissions and completions that have gathered; none while
 * nothing happens in a poll that does not wait.
 *
 * One request a socket stays armed (multishot) for accepting, receiving or watching; the kernel
 * takes a buffer from the provided ring for each piece of data.  Completions are made when this
 * thread asks for them (DEFER_TASKRUN), so that nothing interrupts it.  A socket's place is free
 * again when its last request has completed: so no completion ever meets a stranger. */
#include "io/io_back.h"

#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ENTRIES	  1024u /* submissions that may gather */
#define CQES	  8192u
#define BATCH	  256u
#define GROUP	  0   /* of buffers */
#define NAME_ROOM 48u /* with it the data of a datagram starts on a cache line */
#define PAGE	  4096u
#define NONE	  UINT32_MAX

_Static_assert(sizeof(struct io_uring_recvmsg_out) + NAME_ROOM <= NMW_IO_DGRAM_ROOM,
	       "what the kernel puts before a datagram fits its room");
_Static_assert(sizeof(struct sockaddr_in6) <= NAME_ROOM, "a sender's address fits");

/* user_data: what it is, and of which socket */
enum what { WHAT_ARMED = 1, WHAT_CANCEL };

struct sock {
	int fd;
	void *owner;
	uint8_t role;
	bool used, stream, gone;
	bool on;     /* reception wanted */
	bool once;   /* for one piece of data only */
	bool closed; /* reception has ended */
	bool armed;  /* its multishot request is in the kernel */
	bool canceling;
	bool starved;	  /* its place is in the list of those that wait for a buffer */
	uint32_t pending; /* requests that have yet to complete */
	uint32_t next;	  /* free, or gone */
};

struct uring {
	struct io_uring ring;
	struct io_uring_buf_ring *br;
	uint32_t br_cnt; /* entries, a power of two */
	int br_new;	 /* buffers added and not yet shown to the kernel */
	uint32_t n_free; /* buffers that the kernel has, or is about to be shown */
	struct sock *sock;
	uint32_t free_sock, gone;
	uint32_t *starved, n_starved;
	struct msghdr dgram; /* how datagrams are laid out */
	bool sqpoll;
};

static uint64_t user_data(enum what w, uint32_t i)
{
	return (uint64_t)w << 32 | i;
}

/* ---- opening --------------------------------------------------------------------------------- */

/* Why io_uring_setup said no, and what to do. */
static void explain(int err, char *why, uint32_t cap)
{
	int v = 0;
	FILE *f = fopen("/proc/sys/kernel/io_uring_disabled", "re");
	if (f && fscanf(f, "%d", &v) != 1)
		v = 0;
	if (f)
		fclose(f);
	if (err == ENOSYS)
		snprintf(why, cap,
			 "io_uring: this kernel has none: Linux 6.1 or later is needed, or "
			 "a seccomp filter hides it");
	else if ((err == EPERM || err == EACCES) && v)
		snprintf(why, cap,
			 "io_uring: forbidden: /proc/sys/kernel/io_uring_disabled is %d, 0 is "
			 "needed: "
			 "sysctl kernel.io_uring_disabled=0",
			 v);
	else if (err == EPERM || err == EACCES)
		snprintf(why, cap,
			 "io_uring: forbidden by a seccomp filter or security module: allow "
			 "io_uring_setup, io_uring_enter and io_uring_register");
	else if (err == EMFILE)
		snprintf(why, cap,
			 "io_uring: its places for sockets are more than this program may have "
			 "descriptors: raise `ulimit -n`");
	else if (err == ENFILE)
		snprintf(why, cap, "io_uring: this host has no file left: raise fs.file-max");
	else if (err == ENOMEM)
		snprintf(why, cap, "io_uring: no memory may be locked for it: ulimit -l");
	else
		snprintf(why, cap, "io_uring: %s: Linux 6.1 or later is needed", strerror(err));
}

int nmw_io_uring_probe(char *why, uint32_t cap)
{
	struct io_uring ring;
	struct io_uring_params p = {.flags = IORING_SETUP_SINGLE_ISSUER |
					     IORING_SETUP_DEFER_TASKRUN};
	int rc = io_uring_queue_init_params(8, &ring, &p);
	why[0] = 0;
	if (rc < 0)
		explain(-rc, why, cap);
	else
		io_uring_queue_exit(&ring);
	return rc;
}

static int setup(struct uring *u, const struct nmw_io_spec *spec, struct nmw_err *e)
{
	struct io_uring_params p = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_CQSIZE |
					     IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CLAMP,
				    .cq_entries = CQES};
	if (spec->sqpoll)
		p.flags |= IORING_SETUP_SQPOLL;
	else
		p.flags |= IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
	u->sqpoll = spec->sqpoll;
	p.sq_thread_idle = 1000; /* ms */
	int rc = io_uring_queue_init_params(ENTRIES, &u->ring, &p);
	if (rc == 0)
		rc = io_uring_register_files_sparse(&u->ring, spec->socks);
	if (rc < 0) {
		char why[NMW_ERR_MAX];
		explain(-rc, why, sizeof why);
		return nmw_err_set(e, rc, rc == -EPERM ? NMW_EXIT_PERM : NMW_EXIT_RESOURCE, "%s",
				   why);
	}
	return 0;
}

/* The kernel polls the device while somebody waits for this ring. liburing 2.3 has no word for it:
 * the numbers are those of linux/io_uring.h of 6.9. */
static int busy_poll(struct uring *u, uint32_t us, struct nmw_err *e)
{
	struct {
		uint32_t us;
		uint8_t prefer, opcode, pad[2];
		uint32_t op_param, resv;
	} napi = {.us = us, .prefer = 1};
	const unsigned register_napi = 27;
	if (!us || syscall(SYS_io_uring_register, u->ring.ring_fd, register_napi, &napi, 1) == 0)
		return 0;
	int err = errno;
	return nmw_err_set(e, -err, NMW_EXIT_RESOURCE,
			   "--busy-poll: io_uring: %s: Linux 6.9 or later is needed: leave the "
			   "option out, or ask for --io epoll",
			   strerror(err));
}

static int buffers(struct uring *u, const struct nmw_io_spec *spec, struct nmw_err *e)
{
	void *at = NULL;
	u->br_cnt = 1;
	while (u->br_cnt < spec->buf_cnt)
		u->br_cnt *= 2;
	size_t bytes = u->br_cnt * sizeof(struct io_uring_buf);
	if (posix_memalign(&at, PAGE, (bytes + PAGE - 1) / PAGE * PAGE))
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "io_uring: no memory");
	u->br = at;
	memset(at, 0, bytes);
	struct io_uring_buf_reg reg = {
		.ring_addr = (uintptr_t)at, .ring_entries = u->br_cnt, .bgid = GROUP};
	int rc = io_uring_register_buf_ring(&u->ring, &reg, 0);
	return rc ? nmw_err_set(e, rc, NMW_EXIT_RESOURCE,
				"io_uring: buffer ring of %u entries: %s: Linux 6.1 or later is "
				"needed",
				u->br_cnt, strerror(-rc))
		  : 0;
}

static void free_all(struct uring *u)
{
	free(u->br);
	free(u->sock);
	free(u->starved);
	free(u);
}

static int memory(struct uring *u, const struct nmw_io_spec *spec)
{
	u->sock = calloc(spec->socks, sizeof *u->sock);
	u->starved = calloc(spec->socks, sizeof *u->starved);
	if (!u->sock || !u->starved)
		return -ENOMEM;
	for (uint32_t i = 0; i < spec->socks; i++)
		u->sock[i].next = i + 1 < spec->socks ? i + 1 : NONE;
	u->gone = NONE;
	u->dgram.msg_namelen = NAME_ROOM;
	return 0;
}

static int ur_open(struct nmw_io *io, const struct nmw_io_spec *spec, struct nmw_err *e)
{
	struct uring *u = calloc(1, sizeof *u);
	if (!u || memory(u, spec)) {
		if (u)
			free_all(u);
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "io_uring: no memory");
	}
	int rc = setup(u, spec, e);
	if (rc) {
		free_all(u);
		return rc;
	}
	rc = spec->bufs ? buffers(u, spec, e) : 0;
	if (!rc)
		rc = busy_poll(u, spec->busy_poll_us, e);
	if (rc) {
		io_uring_queue_exit(&u->ring);
		free_all(u);
		return rc;
	}
	io->priv = u;
	return 0;
}

static void ur_close(struct nmw_io *io)
{
	struct uring *u = io->priv;
	io_uring_queue_exit(&u->ring);
	for (uint32_t i = 0; i < io->spec.socks; i++)
		if (u->sock[i].used)
			close(u->sock[i].fd);
	free_all(u);
	io->priv = NULL;
}

/* ---- submitting ------------------------------------------------------------------------------ */

static void show_buffers(struct uring *u)
{
	if (u->br_new)
		io_uring_buf_ring_advance(u->br, u->br_new);
	u->br_new = 0;
}

static void submit(struct nmw_io *io)
{
	struct uring *u = io->priv;
	if (u->br)
		show_buffers(u);
	if (io_uring_sq_ready(&u->ring) == 0)
		return;
	io->syscalls += !u->sqpoll;
	io_uring_submit(&u->ring);
}

/* A submission; the kernel takes what has gathered when there is no room. */
static struct io_uring_sqe *sqe_get(struct nmw_io *io, enum what w, uint32_t i)
{
	struct uring *u = io->priv;
	struct io_uring_sqe *q;
	while (!(q = io_uring_get_sqe(&u->ring)))
		submit(io);
	memset(q, 0, sizeof *q);
	q->user_data = user_data(w, i);
	return q;
}

static void finish(struct io_uring_sqe *q, enum what w, uint32_t i, unsigned flags)
{
	q->flags |= (uint8_t)flags;
	q->user_data = user_data(w, i);
}

static void arm(struct nmw_io *io, uint32_t i)
{
	struct uring *u = io->priv;
	struct sock *k = &u->sock[i];
	bool waits = k->starved && k->role == NMW_IO_RECEIVES;
	if (k->armed || k->gone || k->closed || waits || !k->on)
		return;
	struct io_uring_sqe *q = sqe_get(io, WHAT_ARMED, i);
	unsigned flags = IOSQE_FIXED_FILE;
	if (k->role == NMW_IO_LISTENS) {
		io_uring_prep_multishot_accept(q, (int)i, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	} else if (k->role == NMW_IO_WATCHES) {
		io_uring_prep_poll_multishot(q, (int)i, POLLIN);
	} else {
		if (k->stream && k->once)
			io_uring_prep_recv(q, (int)i, NULL, 0, 0);
		else if (k->stream)
			io_uring_prep_recv_multishot(q, (int)i, NULL, 0, 0);
		else
			io_uring_prep_recvmsg_multishot(q, (int)i, &u->dgram, MSG_TRUNC);
		flags |= IOSQE_BUFFER_SELECT;
		q->buf_group = GROUP;
	}
	finish(q, WHAT_ARMED, i, flags);
	k->armed = true;
	k->pending++;
}

static void cancel(struct nmw_io *io, uint32_t i)
{
	struct sock *k = &((struct uring *)io->priv)->sock[i];
	if (!k->armed || k->canceling)
		return;
	struct io_uring_sqe *q = sqe_get(io, WHAT_CANCEL, i);
	io_uring_prep_cancel64(q, user_data(WHAT_ARMED, i), 0);
	finish(q, WHAT_CANCEL, i, 0);
	k->canceling = true;
	k->pending++;
}

/* Those that found no buffer go on, as many as there are buffers now, in turn. */
static void feed_starved(struct nmw_io *io)
{
	struct uring *u = io->priv;
	uint32_t n = u->n_starved < u->n_free ? u->n_starved : u->n_free;
	if (n == 0)
		return;
	for (uint32_t s = 0; s < n; s++) {
		u->sock[u->starved[s]].starved = false;
		arm(io, u->starved[s]);
	}
	u->n_starved -= n;
	memmove(u->starved, u->starved + n, u->n_starved * sizeof *u->starved);
}

static void ur_give(struct nmw_io *io, uint32_t buf)
{
	struct uring *u = io->priv;
	u->n_free++;
	io_uring_buf_ring_add(u->br, io->spec.bufs + (size_t)buf * io->spec.buf_sz, io->spec.buf_sz,
			      (unsigned short)buf, io_uring_buf_ring_mask(u->br_cnt), u->br_new++);
}

/* ---- sockets --------------------------------------------------------------------------------- */

static int ur_add(struct nmw_io *io, int fd, bool stream, void *owner)
{
	struct uring *u = io->priv;
	uint32_t i = u->free_sock;
	if (i == NONE)
		return -EMFILE;
	io->syscalls++;
	int rc = io_uring_register_files_update(&u->ring, i, &fd, 1);
	if (rc < 0)
		return rc;
	u->free_sock = u->sock[i].next;
	/* what stands in the list is the place: of whoever was there before, too */
	u->sock[i] = (struct sock){.fd = fd,
				   .owner = owner,
				   .used = true,
				   .stream = stream,
				   .starved = u->sock[i].starved};
	return (int)i;
}

static int ur_fd(const struct nmw_io *io, uint32_t i)
{
	return ((const struct uring *)io->priv)->sock[i].fd;
}

static void ur_start(struct nmw_io *io, uint32_t i, enum nmw_io_role role, bool once)
{
	struct sock *k = &((struct uring *)io->priv)->sock[i];
	k->role = (uint8_t)role;
	k->on = true;
	k->once = once;
	arm(io, i);
}

static void ur_hold(struct nmw_io *io, uint32_t i)
{
	((struct uring *)io->priv)->sock[i].on = false;
	cancel(io, i);
}

/* Its last request has completed. */
static void put_gone(struct uring *u, uint32_t i)
{
	u->sock[i].next = u->gone;
	u->gone = i;
}

static void ur_remove(struct nmw_io *io, uint32_t i)
{
	struct uring *u = io->priv;
	struct sock *k = &u->sock[i];
	if (k->gone)
		return;
	k->gone = true;
	k->on = false;
	if (k->pending == 0) {
		put_gone(u, i);
		return;
	}
	struct io_uring_sqe *q = sqe_get(io, WHAT_CANCEL, i);
	io_uring_prep_cancel_fd(q, (int)i, IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD_FIXED);
	finish(q, WHAT_CANCEL, i, 0);
	k->pending++;
}

/* ---- completions ----------------------------------------------------------------------------- */

static unsigned event(struct nmw_io_event *ev, const struct sock *k, uint32_t i, uint8_t kind,
		      int32_t res)
{
	nmw_io_event(ev, k->owner, i, kind, res);
	return 1;
}

static void completed(struct uring *u, uint32_t i)
{
	struct sock *k = &u->sock[i];
	if (--k->pending == 0 && k->gone)
		put_gone(u, i);
}

/* Bytes of a stream, or a datagram behind its sender's address. */
static unsigned data_event(struct nmw_io *io, const struct sock *k, uint32_t i,
			   const struct io_uring_cqe *c, struct nmw_io_event *ev)
{
	struct uring *u = io->priv;
	event(ev, k, i, NMW_IO_DATA, c->res);
	ev->buf = c->flags >> IORING_CQE_BUFFER_SHIFT;
	uint8_t *at = io->spec.bufs + (size_t)ev->buf * io->spec.buf_sz;
	ev->data = at;
	if (k->stream)
		return 1;
	struct io_uring_recvmsg_out *o = io_uring_recvmsg_validate(at, c->res, &u->dgram);
	if (!o) {
		ur_give(io, ev->buf);
		return 0;
	}
	ev->data = io_uring_recvmsg_payload(o, &u->dgram);
	ev->res = (int32_t)io_uring_recvmsg_payload_length(o, c->res, &u->dgram);
	ev->flags = o->flags & MSG_TRUNC ? NMW_IO_TRUNC : 0;
	ev->from = io_uring_recvmsg_name(o);
	ev->from_len = o->namelen < NAME_ROOM ? o->namelen : NAME_ROOM;
	return 1;
}

static void starve(struct nmw_io *io, uint32_t i)
{
	struct uring *u = io->priv;
	io->stalls++;
	if (u->sock[i].starved)
		return;
	assert(u->n_starved < io->spec.socks);
	u->sock[i].starved = true;
	u->starved[u->n_starved++] = i;
}

/* Nobody sees what came: neither do those who map the buffers. */
static void unread(struct nmw_io *io, const struct io_uring_cqe *c)
{
	uint32_t buf = c->flags >> IORING_CQE_BUFFER_SHIFT;
	explicit_bzero(io->spec.bufs + (size_t)buf * io->spec.buf_sz,
		       c->res > 0 ? (size_t)c->res : 0);
	ur_give(io, buf);
}

static unsigned received(struct nmw_io *io, struct sock *k, uint32_t i,
			 const struct io_uring_cqe *c, struct nmw_io_event *ev)
{
	bool buffer = c->flags & IORING_CQE_F_BUFFER;
	((struct uring *)io->priv)->n_free -= buffer;
	if (c->res > 0 && buffer && !k->gone)
		return data_event(io, k, i, c, ev);
	if (buffer)
		unread(io, c);
	if (k->gone || c->res > 0 || c->res == -ECANCELED || c->res == -EINTR)
		return 0;
	if (c->res == -ENOBUFS) {
		starve(io, i);
		return 0;
	}
	if (!k->stream && (c->res == 0 || nmw_io_passing(io, -c->res)))
		return 0;
	k->closed = true;
	return event(ev, k, i, NMW_IO_CLOSED, c->res);
}

static unsigned armed_event(struct nmw_io *io, struct sock *k, uint32_t i,
			    const struct io_uring_cqe *c, struct nmw_io_event *ev)
{
	if (k->role == NMW_IO_RECEIVES)
		return received(io, k, i, c, ev);
	if (k->gone && k->role == NMW_IO_LISTENS && c->res >= 0)
		close(c->res);
	if (k->gone || c->res == -ECANCELED)
		return 0;
	if (k->role == NMW_IO_LISTENS)
		return event(ev, k, i, NMW_IO_ACCEPT, c->res);
	return event(ev, k, i, NMW_IO_READY, c->res);
}

static unsigned on_armed(struct nmw_io *io, uint32_t i, const struct io_uring_cqe *c,
			 struct nmw_io_event *ev)
{
	struct uring *u = io->priv;
	struct sock *k = &u->sock[i];
	unsigned n = armed_event(io, k, i, c, ev);
	if (c->flags & IORING_CQE_F_MORE)
		return n;
	k->armed = k->canceling = false;
	if (k->once && c->res > 0)
		k->on = false;
	completed(u, i);
	arm(io, i);
	return n;
}

static unsigned on_cqe(struct nmw_io *io, const struct io_uring_cqe *c, struct nmw_io_event *ev)
{
	struct uring *u = io->priv;
	uint32_t i = (uint32_t)c->user_data;
	switch ((enum what)(c->user_data >> 32)) {
	case WHAT_ARMED:
		return on_armed(io, i, c, ev);
	case WHAT_CANCEL:
		completed(u, i);
		return 0;
	}
	return 0;
}

static unsigned take_gone(struct nmw_io *io, struct nmw_io_event *ev, unsigned max)
{
	struct uring *u = io->priv;
	unsigned n = 0;
	for (; n < max && u->gone != NONE; n++) {
		uint32_t i = u->gone;
		struct sock *k = &u->sock[i];
		const int none = -1;
		event(&ev[n], k, i, NMW_IO_GONE, 0);
		u->gone = k->next;
		io_uring_register_files_update(&u->ring, i, &none, 1);
		close(k->fd);
		io->syscalls += 2;
		k->used = false;
		k->next = u->free_sock;
		u->free_sock = i;
	}
	return n;
}

/* ---- the poll -------------------------------------------------------------------------------- */

/* Submits, lets the kernel make completions, and waits for one up to the time. */
static void enter(struct nmw_io *io, uint64_t timeout_ns)
{
	struct uring *u = io->priv;
	struct io_uring_cqe *c;
	struct __kernel_timespec t = {.tv_sec = (int64_t)(timeout_ns / NMW_NS_PER_S),
				      .tv_nsec = (long long)(timeout_ns % NMW_NS_PER_S)};
	bool work = io_uring_sq_ready(&u->ring) > 0;
	if (timeout_ns && io_uring_cq_ready(&u->ring) == 0) {
		io->syscalls++;
		io_uring_submit_and_wait_timeout(&u->ring, &c, io->gather ? io->gather : 1, &t,
						 NULL);
		return;
	}
	/* completions that found no room are with the kernel until it is asked for them */
	const unsigned asks = IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW;
	bool asked = IO_URING_READ_ONCE(*u->ring.sq.kflags) & asks;
	if (!work && !asked)
		return;
	io->syscalls++;
	if (!u->sqpoll) {
		io_uring_submit_and_get_events(&u->ring);
		return;
	}
	io_uring_submit(&u->ring);
	if (asked)
		io_uring_get_events(&u->ring);
}

static unsigned reap(struct nmw_io *io, struct nmw_io_event *ev, unsigned max)
{
	struct uring *u = io->priv;
	struct io_uring_cqe *c[BATCH];
	unsigned n = 0, got;
	/* asked for none, io_uring_peek_batch_cqe would enter the kernel for a few more */
	while (n < max && io_uring_cq_ready(&u->ring) > 0) {
		got = io_uring_peek_batch_cqe(&u->ring, c, max - n < BATCH ? max - n : BATCH);
		for (unsigned i = 0; i < got; i++)
			n += on_cqe(io, c[i], &ev[n]);
		io_uring_cq_advance(&u->ring, got);
	}
	return n;
}

static unsigned ur_poll(struct nmw_io *io, struct nmw_io_event *ev, unsigned max,
			uint64_t timeout_ns)
{
	struct uring *u = io->priv;
	if (u->br) {
		feed_starved(io);
		show_buffers(u);
	}
	unsigned n = take_gone(io, ev, max);
	if (n == max)
		return n;
	enter(io, n ? 0 : timeout_ns);
	n += reap(io, ev + n, max - n);
	return n + take_gone(io, ev + n, max - n);
}

const struct nmw_io_ops nmw_io_uring_ops = {
	.name = "io_uring",
	.polls_free = true,
	.open = ur_open,
	.close = ur_close,
	.give = ur_give,
	.add = ur_add,
	.fd = ur_fd,
	.remove = ur_remove,
	.start = ur_start,
	.hold = ur_hold,
	.poll = ur_poll,
};
