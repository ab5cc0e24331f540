/* net_frames.h: the receive buffers of sockets lie in the ring's own frame area, so that a message
 * is a slot that points to where the kernel put it.
 *
 *     kernel --data--> buffer --slots point into it--> readers --slowest has passed--> kernel
 *
 * A buffer goes back when the last message in it was given back by every reader; in the order in
 * which they were used, which is the order of the messages.  The source's thread.
 */
#ifndef NMW_RECV_NET_FRAMES_H
#define NMW_RECV_NET_FRAMES_H

#include "io/io.h"
#include "ring/frames.h"

struct net_frames {
	struct nmw_prod *prod;
	struct nmw_io *io;
	uint64_t off;	     /* of the first buffer in the frame area */
	uint32_t sz, cnt;    /* bytes of a buffer, buffers */
	uint32_t at, n;	     /* circle of used ones: oldest, how many */
	uint32_t *buf;	     /* which */
	uint64_t *last;	     /* its last message */
	uint64_t not_before; /* what a producer before us left in the frames: 0 = it was read */
};

/* Takes three quarters of the frame area, at most NMW_IO_BUFS_MAX buffers of sz bytes; fills in
 * what nmw_io_open is to be told. */
int net_frames_init(struct net_frames *f, struct nmw_prod *prod, uint32_t sz,
		    struct nmw_io_spec *spec, struct nmw_err *e);
/* The io is open: gives it all buffers, or those of a resumed ring later, when they were read. */
void net_frames_start(struct net_frames *f, struct nmw_io *io);
void net_frames_fini(struct net_frames *f);

/* Offset of a byte of a buffer in the frame area. */
static inline uint64_t net_frames_off(const struct net_frames *f, const uint8_t *p)
{
	return (uint64_t)(p - f->prod->frames);
}

/* What came into a buffer that no message points into. */
void net_frames_wipe(struct net_frames *f, const uint8_t *p, uint32_t len);
/* The buffer was used up; last: the last message that points into it, 0 = none does. */
void net_frames_done(struct net_frames *f, uint32_t buf, uint64_t last);
/* Gives back what was read. Cheap while most buffers are free. */
void net_frames_recycle(struct net_frames *f);
/* Every buffer waits for a reader: nothing can come in. */
static inline bool net_frames_out(const struct net_frames *f)
{
	return f->n == f->cnt || f->not_before;
}

#endif
