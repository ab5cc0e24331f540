/* Packets to the device: made, gathered, held until it has read them. */
#include "base/clock.h"
#include "base/log.h"
#include "nic.h"
#include "wire/be.h"
#include "wire/packet_build.h"

#include <errno.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>
#include <rte_vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Buffers besides those that the device has yet to read. */
#define SMALL	   8192u
#define LARGE	   (NIC_WAITING + 1024u)
#define SMALL_ROOM (RTE_PKTMBUF_HEADROOM + 128u) /* headers, or a length */
#define UDP_LEN	   8u
#define LOOK_NS	   (100ull * 1000 * 1000)
#define DOWN_NS	   NMW_NS_PER_S /* a link that is down that long: packets are lost */
#define OFFLOADS                                                         \
	(RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | \
	 RTE_ETH_TX_OFFLOAD_UDP_CKSUM)
#define SEGMENTS (2u * NMW_MOLD_PIECES)

struct nic_burst {
	struct rte_mbuf_ext_shared_info shared; /* how many buffers point into it */
	uint64_t last;				/* number of the burst, or of later ones with it */
	uint64_t messages;
	bool done;
};

/* ---- headers --------------------------------------------------------------------------------- */

static uint8_t *put_l2(struct nic *n, struct nic_flow *f, const struct nmw_endpoint *to)
{
	uint8_t *p = f->head;
	uint16_t type = to->family == 4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6;
	memcpy(p + 6, n->port.mac, 6);
	p += 12;
	if (n->dev.vlan) {
		nmw_put16(p, RTE_ETHER_TYPE_VLAN);
		nmw_put16(p + 2, n->dev.vlan);
		p += 4;
	}
	nmw_put16(p, type);
	return p + 2;
}

static uint8_t *put_l3(const struct nic *n, uint8_t *p, const struct nmw_endpoint *to)
{
	const struct nmw_endpoint *from = &n->dev.addr;
	bool group = nmw_endpoint_multicast(to);
	uint8_t ttl = n->ttl ? n->ttl : group ? 1 : 64;
	if (to->family == 4) {
		nmw_put32(p, 0x45000000u);
		nmw_put32(p + 4, 0x4000u); /* do not fragment */
		p[8] = ttl;
		p[9] = IPPROTO_UDP;
		memcpy(p + 12, from->addr, 4);
		memcpy(p + 16, to->addr, 4);
		return p + 20;
	}
	nmw_put32(p, 0x60000000u);
	p[6] = IPPROTO_UDP;
	p[7] = ttl;
	memcpy(p + 8, from->addr, 16);
	memcpy(p + 24, to->addr, 16);
	return p + 40;
}

/* RFC 1112 section 6.4, RFC 2464 section 7. */
static void group_mac(const struct nmw_endpoint *to, uint8_t mac[6])
{
	if (to->family == 4) {
		const uint8_t m[6] = {0x01,	   0x00,       0x5e, to->addr[1] & 0x7f,
				      to->addr[2], to->addr[3]};
		memcpy(mac, m, 6);
	} else {
		mac[0] = mac[1] = 0x33;
		memcpy(mac + 2, to->addr + 12, 4);
	}
}

bool nic_flow_set(struct nic *n, struct nic_flow *f, const struct nmw_endpoint *to, uint16_t port,
		  const uint8_t *mac)
{
	memset(f, 0, sizeof *f);
	if (to->family != n->dev.addr.family)
		return false;
	uint8_t *l3 = put_l2(n, f, to), *udp = put_l3(n, l3, to);
	nmw_put16(udp, port);
	nmw_put16(udp + 2, to->port);
	f->used = true;
	f->family = to->family;
	f->l2_len = (uint8_t)(l3 - f->head);
	f->l3_len = (uint8_t)(udp - l3);
	f->head_len = (uint8_t)(f->l2_len + f->l3_len + UDP_LEN);
	if (nmw_endpoint_multicast(to))
		group_mac(to, f->head);
	else if (n->has_hop)
		memcpy(f->head, n->hop, 6);
	else if (mac)
		memcpy(f->head, mac, 6);
	else
		return (f->hop = nic_hop_of(n, to)) != NULL;
	return true;
}

/* ---- bursts ---------------------------------------------------------------------------------- */

static void burst_free(void *addr, void *arg)
{
	struct nic_burst *b = arg;
	(void)addr;
	b->done = true;
}

static struct nic_burst *place(struct nic *n, uint64_t i)
{
	return &n->burst[i % NIC_BURSTS];
}

static void retire(struct nic *n)
{
	while (n->oldest < n->newest && place(n, n->oldest)->done) {
		n->span -= place(n, n->oldest)->messages;
		n->free_up_to = place(n, n->oldest)->last;
		n->oldest++;
	}
}

void nic_burst_begin(struct nic *n, unsigned messages)
{
	n->given++;
	retire(n);
	bool room = n->newest - n->oldest < NIC_BURSTS;
	n->holds = n->gathers && room && n->span + messages <= n->span_max;
	if (n->oldest == n->newest)
		n->free_up_to = n->given - 1;
	if (n->holds) {
		struct nic_burst *b = place(n, n->newest++);
		*b = (struct nic_burst){.last = n->given};
		b->shared.free_cb = burst_free;
		b->shared.fcb_opaque = b;
		rte_mbuf_ext_refcnt_set(&b->shared, 1); /* until its last packet is made */
	}
	if (n->oldest < n->newest) { /* one that is copied is free with the one before it */
		place(n, n->newest - 1)->messages += messages;
		place(n, n->newest - 1)->last = n->given;
		n->span += messages;
	}
}

void nic_burst_end(struct nic *n)
{
	if (n->holds) {
		struct nic_burst *b = place(n, n->newest - 1);
		if (rte_mbuf_ext_refcnt_update(&b->shared, -1) == 0)
			b->done = true;
	}
	n->holds = false;
	retire(n);
}

uint64_t nic_held(struct nic *n)
{
	if (n->oldest == n->newest)
		return 0;
	rte_eth_tx_done_cleanup(n->port.id, 0, 0); /* not all drivers can */
	retire(n);
	return n->oldest == n->newest ? 0 : n->given - n->free_up_to;
}

/* ---- packets --------------------------------------------------------------------------------- */

static void put_lengths(struct rte_mbuf *m, struct nic_flow *f, uint32_t payload)
{
	uint8_t *l3 = rte_pktmbuf_mtod_offset(m, uint8_t *, f->l2_len), *udp = l3 + f->l3_len;
	if (f->family == 4) {
		nmw_put16(l3 + 2, (uint16_t)(f->l3_len + UDP_LEN + payload));
		nmw_put16(l3 + 4, f->ip_id++);
	} else {
		nmw_put16(l3 + 4, (uint16_t)(UDP_LEN + payload));
	}
	nmw_put16(udp + 4, (uint16_t)(UDP_LEN + payload));
}

/* Over all segments, one at an odd offset with its bytes swapped (RFC 1071, 2B); rte_raw_cksum_mbuf
 * of DPDK 22.11 loses a carry there. 0 would say "no checksum" (RFC 768). */
static uint16_t udp_sum(const struct rte_mbuf *m, uint32_t at, uint16_t pseudo)
{
	uint32_t sum = rte_be_to_cpu_16(pseudo), done = 0;
	for (; m; m = m->next, at = 0) {
		uint32_t len = m->data_len - at;
		uint16_t part = (uint16_t)nmw_packet_sum(
			rte_pktmbuf_mtod_offset(m, const uint8_t *, at), len, 0);
		sum += done & 1 ? rte_bswap16(part) : part;
		done += len;
	}
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	uint16_t out = (uint16_t)~sum;
	return out ? rte_cpu_to_be_16(out) : 0xFFFF;
}

/* By the device where it can, else here, over all segments. */
static void put_sums(const struct nic *n, struct rte_mbuf *m, const struct nic_flow *f)
{
	uint8_t *l3 = rte_pktmbuf_mtod_offset(m, uint8_t *, f->l2_len);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(void *)(l3 + f->l3_len);
	uint16_t at = (uint16_t)(f->l2_len + f->l3_len);
	m->tx_offload = rte_mbuf_tx_offload(f->l2_len, f->l3_len, 0, 0, 0, 0, 0);
	m->ol_flags |= f->family == 4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
	if (f->family == 4) {
		struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(void *)l3;
		ip->hdr_checksum = 0;
		if (n->port.tx_offloads & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM)
			m->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
		else
			ip->hdr_checksum = rte_ipv4_cksum(ip);
	}
	udp->dgram_cksum = 0;
	bool offload = n->port.tx_offloads & RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	if (offload)
		m->ol_flags |= RTE_MBUF_F_TX_UDP_CKSUM;
	uint16_t sum = f->family == 4 ? rte_ipv4_phdr_cksum((void *)l3, m->ol_flags)
				      : rte_ipv6_phdr_cksum((void *)l3, m->ol_flags);
	udp->dgram_cksum = offload ? sum : udp_sum(m, at, sum);
}

static struct rte_mbuf *new_packet(struct rte_mempool *pool, const struct nic_flow *f,
				   const struct nmw_mold_packet *p)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	if (!m)
		return NULL;
	uint8_t *at = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(f->head_len + NMW_MOLD_HDR));
	memcpy(at, f->head, f->head_len);
	memcpy(at + f->head_len, p->head, NMW_MOLD_HDR);
	return m;
}

/* A packet that is copied into one buffer. NULL: no buffer. */
static struct rte_mbuf *copy_packet(struct nic *n, const struct nic_flow *f,
				    const struct nmw_mold_packet *p)
{
	struct rte_mbuf *m = new_packet(n->large, f, p);
	uint8_t *at = m ? (uint8_t *)rte_pktmbuf_append(m, (uint16_t)p->body_len) : NULL;
	if (!at) { /* cannot be: MTU and pool are of one size */
		rte_pktmbuf_free(m);
		return NULL;
	}
	if (!p->piece && p->body_len)
		memcpy(at, p->body, p->body_len);
	for (unsigned i = 0; p->piece && i < p->messages; i++) {
		nmw_put16(at, (uint16_t)p->piece[i].len);
		memcpy(at + 2, p->piece[i].p, p->piece[i].len);
		at += 2 + p->piece[i].len;
	}
	return m;
}

/* Buffers of a packet that is gathered, all or none are there. */
struct chain {
	struct rte_mbuf *head, *tail;
	struct rte_mbuf *spare[SEGMENTS];
	unsigned n_spare;
};

static void chain_add(struct chain *c, struct rte_mbuf *m)
{
	c->tail->next = m;
	c->tail = m;
	c->head->nb_segs++;
	c->head->pkt_len += m->data_len;
}

static bool fits(const struct rte_mbuf *m, uint32_t len)
{
	return rte_pktmbuf_tailroom(m) >= len;
}

static void append(struct chain *c, const void *p, uint32_t len)
{
	uint8_t *at = rte_pktmbuf_mtod_offset(c->tail, uint8_t *, c->tail->data_len);
	memcpy(at, p, len);
	c->tail->data_len = (uint16_t)(c->tail->data_len + len);
	c->head->pkt_len += len;
}

/* A buffer of the ring's own bytes: they are only read. */
static void point(struct nic *n, struct chain *c, const struct nmw_mold_piece *piece)
{
	struct nic_burst *b = place(n, n->newest - 1);
	struct rte_mbuf *m = c->spare[--c->n_spare];
	void *at;
	memcpy(&at, &piece->p, sizeof at);
	rte_mbuf_ext_refcnt_update(&b->shared, 1);
	rte_pktmbuf_attach_extbuf(m, at, (rte_iova_t)(uintptr_t)at, (uint16_t)piece->len,
				  &b->shared);
	m->data_off = 0;
	m->data_len = m->buf_len;
	m->pkt_len = m->buf_len;
	chain_add(c, m);
}

static bool is_pointed_to(const struct nic *n, const struct nmw_mold_piece *piece)
{
	return piece->len && piece->len >= n->gather;
}

/* Lengths and short messages go where the buffer before has room, else into one of their own. */
static void put_copy(struct chain *c, const void *p, uint32_t len)
{
	if (!fits(c->tail, len) || RTE_MBUF_HAS_EXTBUF(c->tail))
		chain_add(c, c->spare[--c->n_spare]);
	append(c, p, len);
}

static struct rte_mbuf *gather_packet(struct nic *n, const struct nic_flow *f,
				      const struct nmw_mold_packet *p)
{
	struct chain c;
	unsigned most = 2u * p->messages;
	c.head = c.tail = new_packet(n->small, f, p);
	if (!c.head)
		return NULL;
	c.n_spare = most;
	if (rte_pktmbuf_alloc_bulk(n->small, c.spare, most)) {
		rte_pktmbuf_free(c.head);
		return NULL;
	}
	for (unsigned i = 0; i < p->messages; i++) {
		const struct nmw_mold_piece *piece = &p->piece[i];
		uint8_t len[2];
		nmw_put16(len, (uint16_t)piece->len);
		put_copy(&c, len, sizeof len);
		if (is_pointed_to(n, piece))
			point(n, &c, piece);
		else if (piece->len)
			put_copy(&c, piece->p, piece->len);
	}
	rte_pktmbuf_free_bulk(c.spare, c.n_spare);
	return c.head;
}

/* What is short enough to be copied must fit a small buffer. */
static bool can_gather(const struct nic *n, const struct nmw_mold_packet *p)
{
	if (!n->holds || !p->piece || 2u * p->messages >= n->segments)
		return false;
	for (unsigned i = 0; i < p->messages; i++)
		if (is_pointed_to(n, &p->piece[i]))
			return true;
	return false;
}

/* What comes in meanwhile may be what packets in those buffers wait for. */
static bool wait_for_buffers(struct nic *n)
{
	nic_flush(n);
	rte_eth_tx_done_cleanup(n->port.id, 0, 0);
	nic_request(n, NULL, 0, NULL, NULL);
	nanosleep(&(struct timespec){.tv_nsec = 10000}, NULL);
	return !n->give_up || !n->give_up(n->give_up_arg);
}

/* gathers: in pieces that lie in the ring, which is held until they are sent. */
static struct rte_mbuf *make(struct nic *n, struct nic_flow *f, const struct nmw_mold_packet *p,
			     bool gathers)
{
	struct rte_mbuf *m;
	do {
		m = gathers ? gather_packet(n, f, p) : copy_packet(n, f, p);
	} while (!m && wait_for_buffers(n));
	if (!m)
		return NULL;
	if (f->hop)
		memcpy(rte_pktmbuf_mtod(m, uint8_t *), f->hop->at.mac, 6);
	put_lengths(m, f, NMW_MOLD_HDR + p->body_len);
	put_sums(n, m, f);
	n->path.sink->count.extra[gathers ? SINK_packets_gathered : SINK_packets_copied]++;
	return m;
}

/* ---- sending --------------------------------------------------------------------------------- */

void nic_lost(struct nic *n, const struct nic_packet *p, enum nmw_drop_id why)
{
	if (p->counts == NIC_FIRST)
		sink_drop(n->path.sink, why, p->messages);
	else if (p->counts == NIC_FURTHER)
		n->path.sink->count.extra[SINK_line_missed] += p->messages;
}

static void count_out(struct nic *n, const struct nic_packet *p)
{
	struct sink_count *c = &n->path.sink->count;
	if (p->counts != NIC_FIRST)
		return;
	c->out_messages += p->messages;
	c->out_bytes += p->bytes;
	c->out_packets++;
}

static void say_lost(struct nic *n)
{
	nmw_log_limited(&n->limit, NMW_LOG_WARN, "%s: the link is down: packets are lost",
			n->path.sink->spec);
}

/* A driver of sockets takes packets for an interface that is down or away, and drops them. */
static bool goes_nowhere(struct nic *n)
{
	uint64_t now = n->port.interface ? nmw_clock_mono() : 0;
	if (n->port.interface && now - n->looked_ns >= LOOK_NS) {
		n->looked_ns = now;
		n->gone = !nmw_dpdk_port_link(&n->port);
	}
	return n->gone;
}

/* A queue that is full is waited for, a link that is down only for a while. */
static bool wait_for_room(struct nic *n, uint64_t *down_since)
{
	uint64_t now = nmw_clock_mono();
	bool up = nmw_dpdk_port_link(&n->port);
	if (up)
		*down_since = 0;
	else if (!*down_since)
		*down_since = now;
	if (!up && now - *down_since >= n->patience_ns) {
		n->patience_ns = 0; /* until it is up again */
		say_lost(n);
		return false;
	}
	nmw_clock_pause();
	return !n->give_up || !n->give_up(n->give_up_arg);
}

void nic_flush(struct nic *n)
{
	unsigned at = 0;
	uint64_t down_since = 0;
	bool nowhere = n->n_out && goes_nowhere(n);
	if (nowhere)
		say_lost(n);
	while (at < n->n_out && !nowhere) {
		uint16_t sent =
			rte_eth_tx_burst(n->port.id, 0, n->out + at, (uint16_t)(n->n_out - at));
		for (unsigned i = 0; i < sent; i++)
			count_out(n, &n->out_of[at + i]);
		at += sent;
		if (sent)
			n->patience_ns = DOWN_NS;
		if (at < n->n_out && !sent && !wait_for_room(n, &down_since))
			break;
	}
	for (; at < n->n_out; at++) {
		nic_lost(n, &n->out_of[at], NMW_DROP_sink_error);
		rte_pktmbuf_free(n->out[at]);
	}
	n->n_out = 0;
}

void nic_enqueue(struct nic *n, const struct nic_packet *p)
{
	n->out[n->n_out] = p->m;
	n->out_of[n->n_out] = *p;
	if (++n->n_out == NIC_BURST)
		nic_flush(n);
}

bool nic_send(struct nic *n, struct nic_flow *f, const struct nmw_mold_packet *p,
	      enum nic_counts counts)
{
	static const enum nmw_drop_id why[] = {[NIC_GOES] = NMW_DROP_sink_error,
					       [NIC_WAITS] = NMW_DROP_sink_error,
					       [NIC_SILENT] = NMW_DROP_no_neighbor,
					       [NIC_FULL] = NMW_DROP_neighbor_full};
	struct nic_neighbor *hop = f->hop && !f->hop->known ? f->hop : NULL;
	enum nic_way way = hop ? nic_hop_way(n, hop) : NIC_GOES;
	struct nic_packet out = {
		.messages = p->messages, .bytes = p->body_len - 2u * p->messages, .counts = counts};
	if (way == NIC_GOES || way == NIC_WAITS)
		out.m = make(n, f, p, way == NIC_GOES && can_gather(n, p));
	if (!out.m)
		nic_lost(n, &out, why[way]);
	else if (way == NIC_WAITS && !hop->known) /* it may be by now */
		nic_hop_wait(n, hop, &out);
	else
		nic_enqueue(n, &out);
	return out.m;
}

void nic_send_frame(struct nic *n, const uint8_t *frame, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(n->large);
	uint8_t *at = m ? (uint8_t *)rte_pktmbuf_append(m, (uint16_t)len) : NULL;
	if (!at) {
		rte_pktmbuf_free(m);
		return;
	}
	memcpy(at, frame, len);
	nic_enqueue(n, &(struct nic_packet){.m = m});
}

/* ---- life cycle ------------------------------------------------------------------------------ */

/* Drivers without a card behind them have read a packet when they return. */
static bool tells_when_done(const struct nic *n)
{
	return !n->dev.pci || rte_eth_tx_done_cleanup(n->port.id, 0, 0) != -ENOTSUP;
}

uint64_t nic_tx_bytes(const struct nic *n)
{
	uint32_t desc = n->dev.desc ? n->dev.desc : NIC_DESC;
	return nmw_dpdk_pool_bytes(SMALL + desc, SMALL_ROOM) +
	       nmw_dpdk_pool_bytes(LARGE + desc, nmw_dpdk_room(n->dev.mtu));
}

int nic_tx_open(struct nic *n, struct nmw_err *e)
{
	const struct nmw_dpdk_port_spec s = {
		.dev = &n->dev, .rxq = 1, .txq = 1, .tx_offloads = OFFLOADS};
	int rc = nmw_dpdk_port_open(&n->port, &s, e);
	if (!rc)
		rc = nmw_dpdk_pool_new("nmw-send-small", SMALL + n->port.tx_desc, SMALL_ROOM,
				       &n->small, e);
	if (!rc)
		rc = nmw_dpdk_pool_new("nmw-send-large", LARGE + n->port.tx_desc,
				       nmw_dpdk_room(n->dev.mtu), &n->large, e);
	n->burst = rc ? NULL : calloc(NIC_BURSTS, sizeof *n->burst);
	if (!rc && !n->burst)
		rc = nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "out of memory");
	struct rte_eth_dev_info info = {0};
	if (!rc)
		rte_eth_dev_info_get(n->port.id, &info);
	n->segments = info.tx_desc_lim.nb_mtu_seg_max;
	if (!n->segments || n->segments > SEGMENTS)
		n->segments = SEGMENTS;
	n->patience_ns = DOWN_NS;
	return rc;
}

static int let_read(struct nic *n, const void *at, uint64_t bytes)
{
	void *p;
	memcpy(&p, &at, sizeof p);
	bytes = (bytes + 4095) / 4096 * 4096;
	int rc = rte_extmem_register(p, bytes, NULL, 0, 4096);
	if (rc && rte_errno != EEXIST)
		return -rte_errno;
	if (!n->dev.pci)
		return 0;
	if (rte_eal_iova_mode() != RTE_IOVA_VA)
		return -ENOTSUP;
	uint64_t va = (uint64_t)(uintptr_t)p;
	return rte_vfio_container_dma_map(RTE_VFIO_DEFAULT_CONTAINER_FD, va, va, bytes) ? -rte_errno
											: 0;
}

int nic_tx_rings(struct nic *n, const struct nmw_cons *in, unsigned n_in, struct nmw_err *e)
{
	int rc = 0;
	(void)e;
	n->span_max = UINT64_MAX;
	for (unsigned i = 0; i < n_in && !rc; i++) {
		uint64_t slots = in[i].mask + 1;
		n->span_max = slots / 4 < n->span_max ? slots / 4 : n->span_max;
		rc = let_read(n, in[i].slots, slots << in[i].slot_shift);
		if (!rc)
			rc = let_read(n, in[i].frames, in[i].frame_sz);
	}
	bool segments = n->port.tx_offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	const char *why = n->gather == UINT32_MAX ? "gather=off"
			  : !segments		  ? "the driver takes packets in one piece only"
			  : rc			  ? "the device cannot read the rings' memory"
			  : !tells_when_done(n)	  ? "the driver does not tell when it has sent"
						  : NULL;
	n->gathers = !why;
	if (why)
		nmw_log(NMW_LOG_INFO, "%s: %s%s%s: messages are copied into packets",
			n->path.sink->spec, why, rc ? ": " : "", rc ? strerror(-rc) : "");
	return 0;
}

void nic_tx_close(struct nic *n)
{
	nmw_dpdk_port_close(&n->port);
	nmw_dpdk_pool_free(n->small);
	nmw_dpdk_pool_free(n->large);
	free(n->burst);
}
