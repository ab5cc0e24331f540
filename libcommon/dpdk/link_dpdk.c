#include "dpdk/link.h"

#include "base/units.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <string.h>

#define BUFFERS	 1023u
#define SAY_NS	 NMW_NS_PER_S
#define SAY_MORE 3u /* times: robustness of RFC 3376, 8.1, and one */

int nmw_dpdk_link_open(struct nmw_dpdk_link *l, const struct nmw_dpdk_port *port,
		       const struct nmw_dpdk_dev *dev, struct nmw_err *e)
{
	char name[16]; /* of a pool: one a process */
	*l = (struct nmw_dpdk_link){.port = port};
	memcpy(l->host.mac, port->mac, sizeof l->host.mac);
	l->host.vlan = dev->vlan;
	if (dev->addr.family)
		l->host.addr[l->host.addrs++] = dev->addr;
	for (unsigned i = 0; i < dev->groups; i++)
		l->host.group[l->host.groups++] = dev->group[i];
	if (dev->mute || (!l->host.addrs && !l->host.groups))
		return 0;
	snprintf(name, sizeof name, "nmw_link%u", port->id);
	return nmw_dpdk_pool_new(name, BUFFERS, NMW_DPDK_ROOM, &l->pool, e);
}

static void put_out(const struct nmw_dpdk_link *l, uint16_t queue, struct rte_mbuf *m, uint32_t len)
{
	if (len < RTE_ETHER_MIN_LEN - RTE_ETHER_CRC_LEN) { /* a frame has 60 bytes at least */
		memset(rte_pktmbuf_mtod_offset(m, uint8_t *, len), 0, 60 - len);
		len = 60;
	}
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	if (rte_eth_tx_burst(l->port->id, queue, &m, 1) == 0)
		rte_pktmbuf_free(m);
}

bool nmw_dpdk_link_take(struct nmw_dpdk_link *l, uint16_t queue, const uint8_t *frame, uint32_t len)
{
	enum nmw_link_is is = NMW_LINK_OTHER;
	for (unsigned k = 0; l->pool && k < NMW_LINKHOST_GROUPS; k++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(l->pool);
		uint32_t n = 0;
		if (!m)
			return true; /* they all wait to go out */
		enum nmw_link_is now =
			nmw_linkhost_answer(&l->host, frame, len, k, rte_pktmbuf_mtod(m, uint8_t *),
					    rte_pktmbuf_tailroom(m), &n);
		is = k ? is : now;
		if (now != NMW_LINK_ANSWER) {
			rte_pktmbuf_free(m);
			break;
		}
		put_out(l, queue, m, n);
	}
	return is != NMW_LINK_OTHER;
}

static void say(const struct nmw_dpdk_link *l, bool leave)
{
	for (unsigned i = 0; i < l->host.addrs + l->host.groups; i++) {
		bool group = i >= l->host.addrs;
		struct rte_mbuf *m = group || !leave ? rte_pktmbuf_alloc(l->pool) : NULL;
		if (!m)
			continue;
		uint8_t *out = rte_pktmbuf_mtod(m, uint8_t *);
		put_out(l, 0, m,
			group ? nmw_linkhost_join(&l->host, i - l->host.addrs, leave, out)
			      : nmw_linkhost_announce(&l->host, i, out));
	}
}

void nmw_dpdk_link_tick(struct nmw_dpdk_link *l, uint64_t now_ns)
{
	if (!l->pool || l->said == SAY_MORE || now_ns - l->said_ns < SAY_NS ||
	    !nmw_dpdk_port_link(l->port))
		return;
	l->said_ns = now_ns;
	l->said++;
	say(l, false);
}

void nmw_dpdk_link_close(struct nmw_dpdk_link *l)
{
	if (l->pool && l->said)
		say(l, true);
}
