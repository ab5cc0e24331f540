/* What comes in at the card that packets go out of: questions, requests, who is where. */
#include "base/clock.h"
#include "nic.h"
#include "wire/packet.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <string.h>

#define BUFFERS	  2048u
#define BURSTS	  8u /* taken in at once: more than that is a flood */
#define REPLY_MAX 1600u

static unsigned buffers_for(uint32_t descriptors)
{
	return descriptors * 2 > BUFFERS ? descriptors * 2 : BUFFERS;
}

uint64_t nic_rx_bytes(const struct nic *n)
{
	return nmw_dpdk_pool_bytes(buffers_for(n->dev.desc ? n->dev.desc : NIC_DESC),
				   nmw_dpdk_room(n->dev.mtu));
}

int nic_rx_open(struct nic *n, struct nmw_err *e)
{
	unsigned buffers = buffers_for(n->port.rx_desc);
	int rc = nmw_dpdk_pool_new("nmw-send-in", buffers, nmw_dpdk_room(n->dev.mtu), &n->rx_pool,
				   e);
	if (!rc)
		rc = nmw_dpdk_port_start(&n->port, &n->rx_pool, e);
	memcpy(n->host.mac, n->port.mac, sizeof n->host.mac);
	n->host.vlan = n->dev.vlan;
	n->host.addr[0] = n->dev.addr;
	n->host.addrs = 1;
	return rc;
}

void nic_rx_close(struct nic *n)
{
	for (; n->at_in < n->n_in; n->at_in++)
		rte_pktmbuf_free(n->in[n->at_in]);
	nmw_dpdk_pool_free(n->rx_pool);
}

/* ---- what comes in --------------------------------------------------------------------------- */

static void answer(struct nic *n, const uint8_t *frame, uint32_t len)
{
	uint8_t out[REPLY_MAX];
	uint32_t bytes;
	nic_hop_learn(n, frame, len);
	if (!n->dev.mute && nmw_linkhost_answer(&n->host, frame, len, 0, out, sizeof out, &bytes) ==
				    NMW_LINK_ANSWER)
		nic_send_frame(n, out, bytes);
}

static bool is_request(const struct nic *n, const struct nmw_packet *p)
{
	const struct nmw_endpoint *own = &n->dev.addr;
	return n->path.serves && p->proto == NMW_IPPROTO_UDP && p->dport == own->port &&
	       p->family == own->family && !memcmp(p->dst, own->addr, nmw_address_len(own->family));
}

/* True: the frame was a request, which buf has now. */
static bool take(struct nic *n, const struct rte_mbuf *m, uint8_t *buf, uint32_t cap, uint32_t *len,
		 struct nmw_endpoint *from)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	struct nmw_packet p;
	enum nmw_packet_is is =
		nmw_packet_parse(NMW_LINK_ETHERNET, frame, m->data_len, m->data_len, &p);
	if (is != NMW_PACKET_OK || p.proto != NMW_IPPROTO_UDP) {
		answer(n, frame, m->data_len);
		return false;
	}
	if (!is_request(n, &p))
		return false;
	if (!buf) { /* something else is waited for */
		n->path.sink->count.extra[SINK_rerequests_refused]++;
		return false;
	}
	*len = p.len;
	memcpy(buf, p.payload, p.len < cap ? p.len : cap);
	*from = (struct nmw_endpoint){.family = p.family, .port = p.sport};
	memcpy(from->addr, p.src, sizeof from->addr);
	memcpy(from->mac, frame + 6, sizeof from->mac);
	return true;
}

bool nic_request(struct nic *n, uint8_t *buf, uint32_t cap, uint32_t *len,
		 struct nmw_endpoint *from)
{
	bool found = false;
	for (unsigned i = 0; i < BURSTS && !found; i++) {
		if (n->at_in == n->n_in) {
			n->n_in = rte_eth_rx_burst(n->port.id, 0, n->in, NIC_BURST);
			n->at_in = 0;
		}
		if (!n->n_in)
			break;
		while (n->at_in < n->n_in && !found) {
			struct rte_mbuf *m = n->in[n->at_in++];
			found = take(n, m, buf, cap, len, from);
			rte_pktmbuf_free(m);
		}
	}
	nic_hops_tick(n);
	nic_flush(n);
	return found;
}
