/* link.h: what is said on the link of a port of DPDK's: answers to ARP, neighbour discovery, ping
 * and queries for groups, and where we are, some times after the link came up (wire/linkhost.h).
 *
 * From buffers of its own; the thread that polls the port. Only *_dpdk.c call it.
 */
#ifndef NMW_DPDK_LINK_H
#define NMW_DPDK_LINK_H

#include "dpdk/dpdk.h"
#include "wire/linkhost.h"

struct nmw_dpdk_link {
	const struct nmw_dpdk_port *port;
	struct rte_mempool *pool; /* NULL: nothing is said */
	struct nmw_linkhost host;
	uint64_t said_ns; /* when groups were last joined unasked */
	unsigned said;	  /* how often */
};

/* The port is open; without an address or a group of ours nothing is said, nor with answer=off. */
int nmw_dpdk_link_open(struct nmw_dpdk_link *l, const struct nmw_dpdk_port *port,
		       const struct nmw_dpdk_dev *dev, struct nmw_err *e);
/* A frame that is not UDP: true when it was for the host. queue: where answers go out. */
bool nmw_dpdk_link_take(struct nmw_dpdk_link *l, uint16_t queue, const uint8_t *frame,
			uint32_t len);
/* Tells where we are and joins the groups, some times after the link came up. */
void nmw_dpdk_link_tick(struct nmw_dpdk_link *l, uint64_t now_ns);
void nmw_dpdk_link_close(struct nmw_dpdk_link *l); /* leaves the groups */

#endif
