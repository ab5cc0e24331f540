/* dpdk.h: DPDK's environment, ports and buffers, for the sources and sinks named `dpdk:`.
 *
 *     dpdk:net_af_xdp0,iface=eth0,queues=2,addr=10.0.0.1/24:5000 -- --no-huge
 *          |-- device ----------| |-- ours -------------------|     |- EAL --|
 *
 * Life cycle:  dev_parse -> eal_start -> port_open -> (pool_new | area_add, area_pool)
 *              -> port_start -> bursts (rte_ethdev.h, in the *_dpdk.c that has them)
 *              -> port_close -> pool_free, area_remove -> eal_stop
 *
 * This header needs nothing of DPDK's, so that a tool builds without it: then eal_start says that
 * it was built without DPDK and what to do (exit 5), and nothing else is ever called.
 *
 * One environment a process; opening, starting and closing belong to one thread, the one that
 * called eal_start. Calls return 0 or a negative errno with the message in e: exit 2 for what was
 * written wrong, 4 for what is not permitted, 5 for what is missing (driver, device, queues,
 * hugepages, memory). DPDK's own log goes to nmw_log at the level debug, and its errors since the
 * last call stand behind our messages.
 */
#ifndef NMW_DPDK_DPDK_H
#define NMW_DPDK_DPDK_H

#include "base/err.h"
#include "wire/endpoint.h"
#include <stdbool.h>
#include <stdint.h>

struct rte_mempool;

#define NMW_DPDK_NAME	64u
#define NMW_DPDK_ARGS	512u
#define NMW_DPDK_GROUPS 4u
#define NMW_DPDK_QUEUES 16u
#define NMW_DPDK_BURST	32u
#define NMW_DPDK_ROOM	2176u /* bytes of a buffer's data: headroom and 2 KiB, as drivers like it */

/* "dpdk 22.11.11", or "without dpdk". Needs no environment. */
const char *nmw_dpdk_version(void);
bool nmw_dpdk_built(void);

/* ---- what stands behind dpdk: ---------------------------------------------------------------- */

/* A word of the caller's: key=value. value is filled in; "" = it was not there. */
struct nmw_dpdk_word {
	const char *key;
	char value[128];
};

struct nmw_dpdk_dev {
	char name[NMW_DPDK_NAME]; /* net_memif0, or a PCI address with its domain: 0000:3b:00.0 */
	char args[NMW_DPDK_ARGS]; /* as the driver gets it: "net_af_xdp0,iface=eth0" */
	bool pci;
	unsigned queues;	     /* queues=1..16 */
	uint32_t desc;		     /* desc=64..32768: descriptors a queue; 0 = the driver's own */
	uint32_t mtu;		     /* mtu=576..9216: bytes of the longest IP packet; 1500 */
	uint16_t vlan;		     /* vlan=1..4094; 0 = none */
	struct nmw_endpoint addr;    /* addr=IP[/BITS][:PORT]: ours; family 0 = not given */
	uint8_t bits;		     /* of the subnet: 32 or 128 when it was not given */
	struct nmw_endpoint gateway; /* gateway=IP; family 0 = not given */
	struct nmw_endpoint group[NMW_DPDK_GROUPS]; /* group=IP:PORT, repeated */
	unsigned groups;
	bool mute; /* answer=off: others have the interface, too, and speak for it */
};

/* addr= has /BITS: what lies outside of them is not on the link. */
static inline bool nmw_dpdk_knows_net(const struct nmw_dpdk_dev *d)
{
	return d->addr.family && d->bits < 8 * nmw_address_len(d->addr.family);
}

/* Takes our words out of text; every other key=value is the driver's. `more` (may be NULL): words
 * of this use, n of them. queues and the like are passed to drivers that want to be told
 * (net_af_packet: qpairs; net_af_xdp: queue_count). */
int nmw_dpdk_dev_parse(const char *text, struct nmw_dpdk_word *more, unsigned n,
		       struct nmw_dpdk_dev *out, struct nmw_err *e);

/* Who else may be the other end of net_memif, and of the memory that the two share: -EPERM when
 * others may put a socket into the directory of socket=FILE,socket-abstract=no; *anybody: it has no
 * file (the driver's default), so that every process of the network namespace may. */
int nmw_dpdk_memif_check(const struct nmw_dpdk_dev *d, bool *anybody, struct nmw_err *e);
/* For role=server: removes the socket that a server before it left when it was killed. The
 * directory was checked. */
void nmw_dpdk_memif_reap(const struct nmw_dpdk_dev *d);

/* ---- the environment ------------------------------------------------------------------------- */

/* Starts EAL: nothing left on disk, no telemetry, no PCI scan unless dev is a PCI device, one lcore
 * that may run wherever this thread may; more: n options that stood behind `--`, which win.
 * pools: bytes of buffers that will be asked for, which it is told where it has no hugepages to
 * take more of; 0 = few. Once a process; where it runs already nothing is done. */
int nmw_dpdk_eal_start(const struct nmw_dpdk_dev *dev, char *const *more, unsigned n,
		       uint64_t pools, struct nmw_err *e);
void nmw_dpdk_eal_stop(void);

/* ---- ports ----------------------------------------------------------------------------------- */

/* Packets that a device or its driver did not deliver. */
struct nmw_dpdk_lost {
	uint64_t missed;    /* queue full: not polled in time */
	uint64_t no_buffer; /* the pool was empty */
	uint64_t errors;    /* damaged */
	uint64_t tx_errors;
};

struct nmw_dpdk_port {
	uint16_t id; /* rte_ethdev's */
	bool open, started;
	const char *driver; /* "net_memif" */
	uint16_t rxq, txq;
	uint16_t rx_desc, tx_desc;
	uint64_t rx_offloads, tx_offloads; /* RTE_ETH_*_OFFLOAD_* in force */
	uint64_t rss; /* RTE_ETH_RSS_* in force; 0 = one queue, or not by hash */
	uint8_t mac[6];
	int socket;	    /* NUMA node; -1 = any */
	unsigned interface; /* of the kernel's, by index, that the driver stands on; 0 = none */
	char name[NMW_DPDK_NAME];
	/* of nmw_dpdk_port_look */
	uint64_t looked_ns;
	bool down; /* the link was, and that was said */
	struct nmw_dpdk_lost lost;
};

struct nmw_dpdk_port_spec {
	const struct nmw_dpdk_dev *dev;
	uint16_t rxq, txq;
	/* RTE_ETH_*_OFFLOAD_* that are wanted: what the driver has of them is taken. */
	uint64_t rx_offloads, tx_offloads;
};

/* Makes or probes the device and configures its queues; no buffers yet, nothing runs. */
int nmw_dpdk_port_open(struct nmw_dpdk_port *p, const struct nmw_dpdk_port_spec *s,
		       struct nmw_err *e);
/* rx: a pool for each RX queue. Takes in all multicast. The link may come up later. */
int nmw_dpdk_port_start(struct nmw_dpdk_port *p, struct rte_mempool *const *rx, struct nmw_err *e);
bool nmw_dpdk_port_link(const struct nmw_dpdk_port *p); /* up */
/* What was lost since the call before. */
void nmw_dpdk_port_lost(struct nmw_dpdk_port *p, struct nmw_dpdk_lost *out);
/* For who polls: looks at the device, every 100 ms at most, and says when its link goes down and
 * comes up. True: it was looked at; *lost is new. */
bool nmw_dpdk_port_look(struct nmw_dpdk_port *p, uint64_t now_ns, struct nmw_dpdk_lost *lost);
/* Stops and removes it. Buffers that the driver held are back in their pools. */
void nmw_dpdk_port_close(struct nmw_dpdk_port *p);

/* ---- buffers --------------------------------------------------------------------------------- */

/* Bytes of a buffer for packets of that mtu, headroom included. */
uint32_t nmw_dpdk_room(uint32_t mtu);
/* n buffers of room bytes (headroom included) on memory of EAL's. */
int nmw_dpdk_pool_new(const char *name, unsigned n, uint32_t room, struct rte_mempool **out,
		      struct nmw_err *e);
void nmw_dpdk_pool_free(struct rte_mempool *p); /* NULL is allowed */
/* Bytes of memory that such a pool takes, or less. */
uint64_t nmw_dpdk_pool_bytes(unsigned n, uint32_t room);

/* Memory of ours that devices may read and write: a part of a ring's file. */
struct nmw_dpdk_area {
	uint8_t *base;
	uint64_t bytes, page_sz;
	char heap[32]; /* of EAL's; "" = not added */
	bool attached;
};

/* [base, base + bytes) becomes a heap of EAL's; both multiples of page_sz, the bytes of the pages
 * that it lies on or less. */
int nmw_dpdk_area_add(struct nmw_dpdk_area *a, void *base, uint64_t bytes, uint64_t page_sz,
		      struct nmw_err *e);
/* A pool of as many buffers of room bytes as the area has room for, at most `most`. */
int nmw_dpdk_area_pool(struct nmw_dpdk_area *a, const char *name, unsigned most, uint32_t room,
		       struct rte_mempool **out, struct nmw_err *e);
/* Bytes of an area for n such buffers, a multiple of page_sz. */
uint64_t nmw_dpdk_area_bytes(unsigned n, uint32_t room, uint64_t page_sz);
void nmw_dpdk_area_remove(struct nmw_dpdk_area *a);

#endif
