/* send_many.h: sends to many sockets by one system call.
 *
 *   v[0] fd, bytes --+
 *   v[1] fd, bytes --+--> io_uring: one submission, all of them done when it returns --> v[].res
 *   v[n] fd, bytes --+
 *
 * A burst's replies go to as many sockets as it has clients.  Nothing waits: what a socket does not
 * take at once is left to the caller, as with send(2).  Few of them (below NMW_SEND_MANY_MIN) are a
 * loop of send(2), which is cheaper then; so are all of them where io_uring is forbidden,
 * or fails later: what was not sent then is -EAGAIN.
 *
 * One thread.  Memory: a submission queue of NMW_SEND_MANY_MAX, at open.
 */
#ifndef NMW_IO_SEND_MANY_H
#define NMW_IO_SEND_MANY_H

#include <stdint.h>

#define NMW_SEND_MANY_MAX 64u
#define NMW_SEND_MANY_MIN 8u

struct nmw_send_one {
	const void *p;
	uint32_t len;
	int fd;
	int res; /* out: bytes, or -errno (-EAGAIN: the socket is full) */
};

struct nmw_send_many;

/* NULL: io_uring is not to be had; nmw_send_many takes that for a loop of send(2). */
struct nmw_send_many *nmw_send_many_open(void);
void nmw_send_many_close(struct nmw_send_many *m); /* NULL is allowed */
/* Sends v[0..n), n up to NMW_SEND_MANY_MAX, each to another socket. System calls that it took. */
unsigned nmw_send_many(struct nmw_send_many *m, struct nmw_send_one *v, unsigned n);

#endif
