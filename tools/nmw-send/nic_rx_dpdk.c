/* What comes in at the card that packets go out of: who is where, questions, requests. */
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
#define ASK_NS	  (100ull * 1000 * 1000)
#define WAIT_NS	  NMW_NS_PER_S /* for the first answer */
#define AGAIN_NS  NMW_NS_PER_S /* between two questions after that */
#define REPLY_MAX 1600u

int nic_rx_open(struct nic *n, struct nmw_err *e)
{
	unsigned buffers = n->port.rx_desc * 2u > BUFFERS ? n->port.rx_desc * 2u : BUFFERS;
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

/* ---- neighbours ------------------------------------------------------------------------------ */

static unsigned addr_len(uint8_t family)
{
	return family == 4 ? 4 : 16;
}

static bool same_host(const struct nmw_endpoint *a, const struct nmw_endpoint *b)
{
	return a->family == b->family && !memcmp(a->addr, b->addr, addr_len(a->family));
}

static bool same_subnet(const struct nic *n, const struct nmw_endpoint *to)
{
	const uint8_t *a = n->dev.addr.addr, *b = to->addr;
	unsigned whole = n->dev.bits / 8, rest = n->dev.bits % 8;
	if (memcmp(a, b, whole))
		return false;
	return !rest || !((a[whole] ^ b[whole]) >> (8 - rest));
}

static bool has_flow(const struct nic *n, const struct nic_neighbor *b)
{
	for (unsigned i = 0; i < NMW_UDP_LINES; i++)
		if (n->line[i].used && n->line[i].hop == b)
			return true;
	for (unsigned i = 0; i < NIC_FLOWS; i++)
		if (n->stream[i].used && n->stream[i].hop == b)
			return true;
	return false;
}

/* The table is full: the place of one that nothing goes to any more, best of one who never told. */
static struct nic_neighbor *give_way(struct nic *n)
{
	struct nic_neighbor *found = NULL;
	for (unsigned i = 0; i < NIC_NEIGHBORS && !(found && !found->known); i++) {
		struct nic_neighbor *b = &n->neighbor[i];
		if ((!found || !b->known) && !has_flow(n, b))
			found = b;
	}
	return found;
}

struct nic_neighbor *nic_hop_of(struct nic *n, const struct nmw_endpoint *to)
{
	bool away = n->dev.gateway.family == to->family && !same_subnet(n, to);
	const struct nmw_endpoint *at = away ? &n->dev.gateway : to;
	uint32_t h = 0;
	for (unsigned i = 0; i < addr_len(at->family); i++)
		h = (h ^ at->addr[i]) * 0x01000193u;
	for (unsigned i = 0; i < NIC_NEIGHBORS; i++) {
		struct nic_neighbor *b = &n->neighbor[(h + i) % NIC_NEIGHBORS];
		if (b->at.family && same_host(&b->at, at))
			return b;
		if (!b->at.family) {
			b->at = *at;
			return b;
		}
	}
	struct nic_neighbor *b = give_way(n);
	if (b)
		*b = (struct nic_neighbor){.at = *at};
	return b;
}

/* Only those that are wanted: a stranger's word fills no table. */
static void learn(struct nic *n, const uint8_t *frame, uint32_t len)
{
	struct nmw_endpoint who;
	if (!nmw_linkhost_learn(frame, len, &who))
		return;
	for (unsigned i = 0; i < NIC_NEIGHBORS; i++) {
		struct nic_neighbor *b = &n->neighbor[i];
		if (!b->at.family || !same_host(&b->at, &who))
			continue;
		memcpy(b->at.mac, who.mac, sizeof b->at.mac);
		b->known = true;
		b->said = false;
	}
}

/* The kernel's ARP table, where the device is one of its interfaces. */
static bool ask_kernel(struct nic *n, struct nic_neighbor *b)
{
	char line[256], ip[64], mac[32], iface[32], want[64];
	unsigned flags, m[6];
	if (!n->iface[0] || b->at.family != 4)
		return false;
	snprintf(want, sizeof want, "%u.%u.%u.%u", b->at.addr[0], b->at.addr[1], b->at.addr[2],
		 b->at.addr[3]);
	FILE *f = fopen("/proc/net/arp", "re");
	while (f && !b->known && fgets(line, sizeof line, f)) {
		if (sscanf(line, "%63s %*s %x %31s %*s %31s", ip, &flags, mac, iface) != 4 ||
		    !(flags & 2) || strcmp(ip, want) != 0 || strcmp(iface, n->iface) != 0 ||
		    sscanf(mac, "%x:%x:%x:%x:%x:%x", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5]) != 6)
			continue;
		for (unsigned i = 0; i < 6; i++)
			b->at.mac[i] = (uint8_t)m[i];
		b->known = true;
	}
	if (f)
		fclose(f);
	return b->known;
}

static void ask(struct nic *n, struct nic_neighbor *b, uint64_t now)
{
	uint8_t frame[NMW_LINKHOST_MIN];
	uint32_t len = nmw_linkhost_ask(&n->host, &b->at, frame);
	b->asked_ns = now;
	if (!b->since_ns)
		b->since_ns = now;
	if (len)
		nic_send_frame(n, frame, len);
	nic_flush(n);
}

bool nic_hop_known(struct nic *n, struct nic_neighbor *b)
{
	char text[NMW_ENDPOINT_MAX];
	uint64_t now = nmw_clock_mono();
	bool first = !b->since_ns;
	if (ask_kernel(n, b))
		return true;
	while (!b->known && (first || now - b->asked_ns >= AGAIN_NS)) {
		if (now - b->asked_ns >= ASK_NS)
			ask(n, b, now);
		nic_request(n, NULL, 0, NULL, NULL);
		now = nmw_clock_mono();
		first = first && now - b->since_ns < WAIT_NS &&
			!(n->give_up && n->give_up(n->give_up_arg));
	}
	if (!b->known && !b->said) {
		b->at.port = 0;
		nmw_log(NMW_LOG_WARN,
			"%s: %s does not say where it is: packets to it are dropped: check its "
			"address and addr=, or name the next hop with hop=MAC",
			n->path.sink->spec, nmw_endpoint_text(&b->at, text));
		b->said = true;
	}
	return b->known;
}

/* ---- what comes in --------------------------------------------------------------------------- */

static void answer(struct nic *n, const uint8_t *frame, uint32_t len)
{
	uint8_t out[REPLY_MAX];
	uint32_t bytes;
	learn(n, frame, len);
	if (n->answers && nmw_linkhost_answer(&n->host, frame, len, 0, out, sizeof out, &bytes) ==
				  NMW_LINK_ANSWER)
		nic_send_frame(n, out, bytes);
}

static bool is_request(const struct nic *n, const struct nmw_packet *p)
{
	const struct nmw_endpoint *own = &n->dev.addr;
	return n->path.serves && p->proto == NMW_IPPROTO_UDP && p->dport == own->port &&
	       p->family == own->family && !memcmp(p->dst, own->addr, addr_len(own->family));
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
	if (!buf || !is_request(n, &p))
		return false;
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
	nic_flush(n);
	return found;
}
