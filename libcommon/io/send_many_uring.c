#include "io/send_many.h"

#include <errno.h>
#include <liburing.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

#define FLAGS (MSG_DONTWAIT | MSG_NOSIGNAL)

struct nmw_send_many {
	struct io_uring ring;
	bool broken; /* the ring is closed: it is a loop of send(2) from then on */
};

struct nmw_send_many *nmw_send_many_open(void)
{
	struct nmw_send_many *m = calloc(1, sizeof *m);
	struct io_uring_params p = {.flags = IORING_SETUP_SINGLE_ISSUER |
					     IORING_SETUP_DEFER_TASKRUN};
	if (m && io_uring_queue_init_params(NMW_SEND_MANY_MAX, &m->ring, &p) == 0) {
		io_uring_register_ring_fd(&m->ring); /* one look-up less; may fail */
		return m;
	}
	free(m);
	return NULL;
}

void nmw_send_many_close(struct nmw_send_many *m)
{
	if (m && !m->broken)
		io_uring_queue_exit(&m->ring);
	free(m);
}

static unsigned one_by_one(struct nmw_send_one *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		ssize_t sent = send(v[i].fd, v[i].p, v[i].len, FLAGS);
		v[i].res = sent < 0 ? -errno : (int)sent;
	}
	return n;
}

static unsigned take(struct nmw_send_many *m, struct nmw_send_one *v)
{
	struct io_uring_cqe *c;
	unsigned head, n = 0;
	io_uring_for_each_cqe(&m->ring, head, c)
	{
		v[c->user_data].res = c->res;
		n++;
	}
	io_uring_cq_advance(&m->ring, n);
	return n;
}

static bool lasts(int rc)
{
	return rc < 0 && rc != -EINTR && rc != -EAGAIN && rc != -EBUSY;
}

/* With MSG_DONTWAIT each is done, or refused, as it is submitted; the bytes are the caller's, so
 * that it is waited for all the same. */
unsigned nmw_send_many(struct nmw_send_many *m, struct nmw_send_one *v, unsigned n)
{
	unsigned calls = 0;
	if (!m || m->broken || n < NMW_SEND_MANY_MIN)
		return one_by_one(v, n);
	for (unsigned i = 0; i < n; i++) {
		struct io_uring_sqe *q = io_uring_get_sqe(&m->ring);
		io_uring_prep_send(q, v[i].fd, v[i].p, v[i].len, FLAGS);
		io_uring_sqe_set_data64(q, i);
		v[i].res = -EAGAIN; /* until it is sent */
	}
	for (unsigned done = 0; done < n && !m->broken; done += take(m, v), calls++)
		m->broken = lasts(io_uring_submit_and_wait(&m->ring, n - done));
	if (m->broken)
		io_uring_queue_exit(&m->ring);
	return calls;
}
