/* nic.h: a network card of our own, to send UDP packets through: the way of `dpdk:`.
 *
 *   a packet    | Ethernet IP UDP | Mold | len | --> message -- | len | --> message ...
 *               `---- a small buffer with ----'     in the     a small   in the
 *                     room for the headers          ring       buffer    ring
 *
 * The messages of a burst stay in the ring until the device has read them: a burst is held until
 * the last buffer that points into it was freed, and the cursor moves after (sink.h: held).  Where
 * the device cannot gather, or pages cannot be read by it, or a quarter of the ring is held,
 * packets are put together by copying, and counted so.
 *
 * Where the next hop is comes from hop=MAC, from what others say (ARP, neighbour discovery), from
 * the kernel's table, or by asking.  Until it answers, for a second, packets to it wait, copied,
 * and nothing to others does: as many as leave the same room to others, 512 of them where there is
 * one.  Then all wait, and with them the ring, but not for longer than nic_hop_dpdk.c allows: who
 * never answers must not hold up others for long.  What comes in is answered (ARP, ping) or a
 * request for lost messages; all else is freed unseen.
 *
 * One thread.  This header needs nothing of DPDK's.
 */
#ifndef NMW_SEND_NIC_H
#define NMW_SEND_NIC_H

#include "base/log.h"
#include "dpdk/dpdk.h"
#include "ring/ring.h"
#include "sink.h"
#include "udp_path.h"
#include "wire/linkhost.h"

struct rte_mbuf;
struct rte_mempool;

#define NIC_FLOWS     (1024u + NMW_UDP_LINES)
#define NIC_HEAD_MAX  80u  /* bytes of Ethernet, VLAN, IPv6, UDP */
#define NIC_BURSTS    256u /* held at once; more share a place */
#define NIC_NEIGHBORS 1024u
#define NIC_BURST     32u
#define NIC_DESC      4096u /* of a queue, at most, where the driver chooses */
#define NIC_WAITING   1024u /* packets that wait for their next hops */

struct nic_neighbor {
	struct nmw_endpoint at; /* family 0 = free */
	bool known;		/* at.mac is its */
	bool said;		/* that it does not answer */
	uint64_t asked_ns, since_ns;
	uint16_t first, last, n_waiting; /* packets: places of waiting, 0 = none */
};

/* How a packet counts: of several lines the first does, what a further one misses is told apart. */
enum nic_counts { NIC_UNCOUNTED, NIC_FIRST, NIC_FURTHER };

/* A packet that is whole, and what it counts for. */
struct nic_packet {
	struct rte_mbuf *m;
	uint32_t messages, bytes;
	enum nic_counts counts;
};

/* A packet that waits: all but the address of its next hop is in it. */
struct nic_waiting {
	struct nic_packet p;
	uint16_t next; /* of its neighbour, or free; 0 = none */
};

/* What becomes of a packet to a next hop: NIC_SILENT: it did not say where it is; NIC_FULL: too
 * much waits, and was waited for. */
enum nic_way { NIC_GOES, NIC_WAITS, NIC_SILENT, NIC_FULL };

/* Where packets go: their headers, made once. */
struct nic_flow {
	bool used;
	uint8_t family, head_len, l2_len, l3_len;
	uint8_t head[NIC_HEAD_MAX];
	struct nic_neighbor *hop; /* NULL: the header has the address */
	uint16_t ip_id;
};

struct nic_burst; /* nic_tx_dpdk.c */

struct nic {
	struct udp_path path;
	struct nmw_dpdk_dev dev;
	struct nmw_dpdk_port port;
	struct nmw_udp_spec spec;
	struct nmw_linkhost host;
	struct rte_mempool *rx_pool, *small, *large;
	uint8_t hop[6];
	bool has_hop, gathers;
	char iface[16]; /* of the kernel's, "" = none */
	uint8_t ttl;
	uint32_t gather; /* bytes of the shortest message that is not copied */
	bool (*give_up)(void *arg);
	void *give_up_arg;
	struct nic_flow line[NMW_UDP_LINES], stream[NIC_FLOWS];
	unsigned lines;
	struct nic_neighbor neighbor[NIC_NEIGHBORS];
	struct nic_waiting waiting[NIC_WAITING + 1]; /* the first is none */
	uint16_t free_waiting;
	unsigned n_waiting;
	uint64_t hops_ns;     /* at the last look at who is waited for */
	uint64_t patience_at; /* all wait for one: how long, see nic_hop_dpdk.c */
	/* sending */
	struct rte_mbuf *out[NIC_BURST];
	struct nic_packet out_of[NIC_BURST];
	unsigned n_out;
	struct nic_burst *burst;
	uint64_t oldest, newest;    /* places of bursts: held are oldest..newest-1 */
	uint64_t given, free_up_to; /* bursts */
	uint64_t span;		    /* messages from the oldest held one on */
	uint64_t span_max;
	bool holds;	      /* the burst that is being sent */
	uint64_t patience_ns; /* with a link that is down */
	uint64_t looked_ns;   /* at the interface that the driver stands on */
	bool gone;	   /* it was not running then: the driver takes packets and says nothing */
	unsigned segments; /* of a packet, at most */
	struct nmw_log_limit limit;
	/* requests */
	struct rte_mbuf *in[NIC_BURST];
	unsigned n_in, at_in;
};

/* ---- nic_tx_dpdk.c --------------------------------------------------------------------------- */

uint64_t nic_tx_bytes(const struct nic *n); /* of memory for buffers, about */
int nic_tx_open(struct nic *n, struct nmw_err *e);
void nic_tx_close(struct nic *n);
/* The rings are mapped: lets the device read them. */
int nic_tx_rings(struct nic *n, const struct nmw_cons *in, unsigned n_in, struct nmw_err *e);
/* Headers to `to` from our address at `port`; mac: of the next hop, NULL = to be found. False: no
 * flow of that family can be, or nothing is left to find the next hop with. */
bool nic_flow_set(struct nic *n, struct nic_flow *f, const struct nmw_endpoint *to, uint16_t port,
		  const uint8_t *mac);
/* A packet of the flow. False: it was dropped. */
bool nic_send(struct nic *n, struct nic_flow *f, const struct nmw_mold_packet *m,
	      enum nic_counts counts);
void nic_enqueue(struct nic *n, const struct nic_packet *p);
/* It does not go out. */
void nic_lost(struct nic *n, const struct nic_packet *p, enum nmw_drop_id why);
void nic_send_frame(struct nic *n, const uint8_t *frame, uint32_t len);
void nic_flush(struct nic *n);
/* Around the packets of a burst of n messages. */
void nic_burst_begin(struct nic *n, unsigned messages);
void nic_burst_end(struct nic *n);
/* Of the bursts given, how many of the last are not free yet. */
uint64_t nic_held(struct nic *n);

/* ---- nic_rx_dpdk.c --------------------------------------------------------------------------- */

uint64_t nic_rx_bytes(const struct nic *n);
int nic_rx_open(struct nic *n, struct nmw_err *e);
void nic_rx_close(struct nic *n);
/* Takes in what came: answers, learns; with a buffer: the next request for our port. */
bool nic_request(struct nic *n, uint8_t *buf, uint32_t cap, uint32_t *len,
		 struct nmw_endpoint *from);

/* ---- nic_hop_dpdk.c -------------------------------------------------------------------------- */

void nic_hops_open(struct nic *n);
/* What waits goes out, or is dropped after its time. */
void nic_hops_close(struct nic *n);
/* The neighbour that packets to that address go to first; NULL: the table is full. */
struct nic_neighbor *nic_hop_of(struct nic *n, const struct nmw_endpoint *to);
/* For one that is not known: asks, and waits a while where there is no room to let packets wait. */
enum nic_way nic_hop_way(struct nic *n, struct nic_neighbor *b);
/* A packet that waits, as nic_hop_way said. */
void nic_hop_wait(struct nic *n, struct nic_neighbor *b, const struct nic_packet *p);
/* A frame that may tell where somebody is. Only those that are wanted: a stranger's word fills no
 * table. */
void nic_hop_learn(struct nic *n, const uint8_t *frame, uint32_t len);
/* Asks again, and gives up who did not answer in time; with nic_request. */
void nic_hops_tick(struct nic *n);

#endif
