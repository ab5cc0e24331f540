/* io.h: sockets without waiting: one struct of functions, two back ends, one thread.
 *
 *     uring   io_uring: multishot accept and receive into provided buffers, registered files, one
 *             system call for all that has gathered
 *     epoll   plain sockets behind the same functions; `auto` falls back to it where io_uring is
 *             missing or forbidden, and nmw_io_why says why and what to do
 *
 *   caller                                 back end
 *     open ------------------------------->  buffers: buf_cnt x buf_sz bytes of the caller's memory
 *     give(buf)   all of them, and later each again when its data was used
 *     add(fd) --> sock, a small number;    the back end owns the descriptor from now on
 *     accept(sock) | recv(sock) | watch(sock)      start; they go on until hold or remove
 *     once(sock)                           one piece of data, then hold
 *     poll ------------------------------->  events
 *     remove(sock) ... GONE                nothing of that socket comes any more; its number is
 *                                          free
 *
 * Received data is an event that names a buffer and the place in it.  The buffer belongs to the
 * caller until it gives it back, in any order.  Without free buffers nothing is read: the kernel
 * holds the sender back (TCP), or counts the loss (UDP); `stalls` counts how often.
 *
 * Reading only: who writes has the bytes and the socket at hand, and one send(2), or many by one
 * system call (send_many.h), is less than a submission and its completion.
 *
 * Nothing here waits but poll, and poll no longer than it was told to.  Submissions gather until
 * the next poll.  A handle belongs to one thread.  All memory is taken at open.
 */
#ifndef NMW_IO_IO_H
#define NMW_IO_IO_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum nmw_io_kind { NMW_IO_AUTO, NMW_IO_URING, NMW_IO_EPOLL };
#define NMW_IO_CHOICES "auto|uring|epoll"

#define NMW_IO_SOCKS_MAX 65536u
#define NMW_IO_BUFS_MAX	 32768u
#define NMW_IO_NO_BUF	 UINT32_MAX
/* Bytes at the start of a datagram's buffer that a back end may take for itself. */
#define NMW_IO_DGRAM_ROOM 192u

struct nmw_io_spec {
	enum nmw_io_kind kind;
	uint32_t socks;	       /* sockets at once, 1..NMW_IO_SOCKS_MAX */
	uint8_t *bufs;	       /* buf_cnt x buf_sz bytes; NULL: nothing is received */
	uint32_t buf_sz;       /* bytes of a buffer */
	uint32_t buf_cnt;      /* 1..NMW_IO_BUFS_MAX */
	bool sqpoll;	       /* uring: a kernel thread takes submissions (IORING_SETUP_SQPOLL) */
	uint32_t busy_poll_us; /* the kernel looks at the device itself that long; 0 = never */
};

enum nmw_io_event_kind {
	NMW_IO_ACCEPT = 1, /* res: the new descriptor (non-blocking, close on exec), or -errno */
	NMW_IO_DATA,	   /* res: bytes at data, in buffer buf */
	NMW_IO_CLOSED,	   /* res: 0 end of file, else -errno; reception has ended */
	NMW_IO_READY,	   /* watch: there is something to read, or an end; read until EAGAIN */
	NMW_IO_GONE,	   /* after remove: the last event of this socket */
};

#define NMW_IO_TRUNC 1u /* DATA: the datagram was longer than a buffer */

struct nmw_io_event {
	uint8_t kind;
	uint8_t flags;
	uint32_t sock;
	int32_t res;
	uint32_t buf; /* DATA: to give back; else NMW_IO_NO_BUF */
	const uint8_t *data;
	void *owner;		     /* as it was given to add */
	const struct sockaddr *from; /* DATA of a datagram: its sender, in the buffer or valid until
				      * the next poll; else NULL */
	socklen_t from_len;
};

struct nmw_io_ops; /* a back end: io_back.h */

struct nmw_io {
	const struct nmw_io_ops *ops;
	void *priv;
	struct nmw_io_spec spec;
	/* Set by the caller, a hint: a poll that waits goes on until so many events are there, or
	 * its time is over. In a stream one switch for many; 0 and 1: the first event ends it. */
	uint32_t gather;
	uint64_t stalls;       /* times that reception stopped for want of buffers */
	uint64_t net_errors;   /* that the network told datagram sockets of; they go on */
	uint64_t syscalls;     /* of this back end, about */
	char why[NMW_ERR_MAX]; /* auto: why it is not io_uring, and the remedy; "" = it is */
};

/* Opens the kind asked for; auto: io_uring, else epoll. e says why not. No buffer is given yet. */
int nmw_io_open(struct nmw_io *io, const struct nmw_io_spec *spec, struct nmw_err *e);
/* Closes every socket that is left. Safe on a zeroed struct. */
void nmw_io_close(struct nmw_io *io);
/* "io_uring" or "epoll"; the back ends that were built in, for --version. */
const char *nmw_io_name(const struct nmw_io *io);
#define NMW_IO_BACKENDS "uring epoll"
/* "" or why auto did not take io_uring, with the remedy: say it once. */
static inline const char *nmw_io_why(const struct nmw_io *io)
{
	return io->why;
}

/* A buffer is free (again). */
void nmw_io_give(struct nmw_io *io, uint32_t buf);

/* Takes a descriptor over, makes it non-blocking: its number >= 0, or -errno (then it is still the
 * caller's; -EMFILE: spec.socks are there). Datagram or stream is found out. */
int nmw_io_add(struct nmw_io *io, int fd, void *owner);
/* The descriptor, to write to it, for setsockopt, shutdown or handing it on; never close it. */
int nmw_io_fd(const struct nmw_io *io, uint32_t sock);
/* Stops everything and closes the descriptor. Events that were under way are left out; then GONE.
 */
void nmw_io_remove(struct nmw_io *io, uint32_t sock);

void nmw_io_accept(struct nmw_io *io, uint32_t sock);
/* Starts reception, or goes on after hold. Once it is CLOSED it stays so. */
void nmw_io_recv(struct nmw_io *io, uint32_t sock);
/* The same for one piece of data of a stream, a buffer at most; then it holds. For who decides
 * after each piece whether to go on. */
void nmw_io_once(struct nmw_io *io, uint32_t sock);
/* Stops reception; what the kernel has handed out already still comes. */
void nmw_io_hold(struct nmw_io *io, uint32_t sock);
/* Any pollable descriptor, for example a hand-over socket or an eventfd: READY when it is readable.
 * The caller reads it. */
void nmw_io_watch(struct nmw_io *io, uint32_t sock);

/* Up to max events; waits for the first one up to timeout_ns (0: not at all). */
unsigned nmw_io_poll(struct nmw_io *io, struct nmw_io_event *ev, unsigned max, uint64_t timeout_ns);

/* Why this process may not use io_uring now, with the remedy ("" = it may): for nmw-stat doctor. */
int nmw_io_uring_probe(char *why, uint32_t cap);

#define NMW_IO_STREAM_N	 4u		/* events of one poll: a stream */
#define NMW_IO_STREAM_NS (30ull * 1000) /* longest wait for what `gather` asks for */

/* What to gather after a poll that brought n events: 1 = no stream, answer each at once. Linux does
 * no more than 20, or what was asked for, in one call: so in a dense stream twice what came. */
uint32_t nmw_io_stream(const struct nmw_io *io, unsigned n);
/* A poll that does not wait and finds nothing costs no system call: spinning is worth it. */
bool nmw_io_polls_free(const struct nmw_io *io);

#endif
