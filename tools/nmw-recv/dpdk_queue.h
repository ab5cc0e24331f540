/* dpdk_queue.h: one receive queue of a port of DPDK's: packets become messages where the driver put
 * them, in the frames of the queue's own ring.
 *
 *     pool --rx burst--> buffer --slots point into it--> readers --slowest has passed--> pool
 *
 * A buffer goes back in the order in which it came, which is the order of the messages. When all
 * wait for readers the driver has none to fill, and drops, which it counts. One thread a queue.
 */
#ifndef NMW_RECV_DPDK_QUEUE_H
#define NMW_RECV_DPDK_QUEUE_H

#include "dpdk/link.h"
#include "framing.h"
#include "udp_stream.h"

struct rte_mbuf;

/* Buffers that wait, oldest first. */
struct dpdk_held {
	struct rte_mbuf **m;
	uint64_t *last; /* its last message */
	uint32_t cap;	/* power of two */
	uint32_t at, n;
};

struct dpdk_queue {
	uint16_t id;
	const struct nmw_dpdk_port *port;
	const struct nmw_dpdk_dev *dev;
	struct nmw_dpdk_link *link;
	struct emit *emit, own_emit;
	struct nmw_stage own_stage;
	struct framing framing;
	struct udp_streams *streams;
	struct endpoint host;
	struct nmw_dpdk_area area;
	struct rte_mempool *pool;
	unsigned buffers;
	struct dpdk_held held;
	uint64_t not_before; /* what a producer before us left in the frames: 0 = it was read */
	uint64_t now_ns;
	/* Packets whose headers are those of the one before: of IPv4, as they lie in a frame. */
	struct dpdk_same {
		const void *stream; /* NULL: none is known */
		uint64_t addrs;
		uint32_t ports;
		uint32_t type; /* type, version, length of the header, kind of service */
		uint32_t frag; /* fragment, time to live, protocol */
	} same;
	uint64_t bad_flags; /* of a packet whose checksum the NIC found wrong */
	bool said_long;
};

/* The ring is open: takes most of its frames. emit, port, dev and link are set. */
int dpdk_queue_open(struct dpdk_queue *q, const struct recv_conf *conf, unsigned buffers,
		    struct nmw_err *e);
/* True when nobody reads what a producer before this one left in the frames. */
bool dpdk_queue_may_start(struct dpdk_queue *q);
/* The buffers, written into the frames. fill: bytes of a datagram that each begins with, or NULL.
 */
int dpdk_queue_start(struct dpdk_queue *q, const uint8_t *fill, uint32_t fill_len,
		     struct nmw_err *e);
/* A burst: how many packets; 0 also when there is no room for their messages. */
unsigned dpdk_queue_poll(struct dpdk_queue *q);
/* Nothing came: gives back what was read, asks what is due. False: the feed ended (--once). */
bool dpdk_queue_idle(struct dpdk_queue *q, uint64_t now_ns);
/* Buffers that neither wait for a reader nor are free: those that the driver has. */
unsigned dpdk_queue_away(const struct dpdk_queue *q);
void dpdk_queue_close(struct dpdk_queue *q);

#endif
