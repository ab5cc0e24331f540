/* live.h: what sources with sockets share: their io, its buffers in the ring, and how they wait. */
#ifndef NMW_RECV_LIVE_H
#define NMW_RECV_LIVE_H

#include "io/io.h"
#include "net_frames.h"
#include "source.h"

#define LIVE_WAIT_NS (10ull * 1000 * 1000) /* longest wait, so that housekeeping goes on */

struct live {
	struct nmw_stage *st;
	struct nmw_io io;
	struct net_frames frames;
	unsigned last_n;	     /* events of the last poll */
	uint64_t stalls, net_errors; /* of the io, as far as they were counted */
};

/* The ring is open: takes its frames, buf_sz bytes each, and opens the io, as the options say. */
int live_open(struct live *l, const struct recv_conf *conf, struct nmw_stage *st, uint32_t socks,
	      uint32_t buf_sz, struct nmw_err *e);
/* Closes every socket that the io has. Safe on a zeroed struct. */
void live_close(struct live *l);
/* A poll of at most longest_ns: not at all in a spin, shortly in a stream or while the readers of
 * the ring have every buffer. now_ns: of the poll before. */
unsigned live_poll(struct live *l, struct nmw_io_event *ev, unsigned max, uint64_t now_ns,
		   uint64_t longest_ns);
/* Messages never go back in time. */
uint64_t live_time(uint64_t ts_ns);
/* After the events: counts, gives buffers back. */
void live_after(struct live *l, uint64_t now_ns);

#endif
