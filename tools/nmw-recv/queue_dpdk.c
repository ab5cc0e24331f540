#include "dpdk_queue.h"

#include "base/log.h"
#include "ring/frames.h"
#include "wire/be.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MAX (2u << 20) /* of what EAL is told; larger ones are of such */
#define FEW	 64u	    /* buffers that are worth a look at the readers */
#define AHEAD	 4u	    /* packets whose headers are fetched ahead */

/* ---- opening --------------------------------------------------------------------------------- */

static int open_streams(struct dpdk_queue *q, const struct recv_conf *conf, struct nmw_err *e)
{
	const struct nmw_dpdk_dev *d = q->dev;
	const struct nmw_endpoint *at = d->groups ? &d->group[0] : &d->addr;
	const struct udp_streams_conf c = {.framing = &q->framing,
					   .lines = d->groups ? d->groups : 1,
					   .shared = d->groups > 0,
					   .once = conf->once,
					   .packet_max = d->mtu};
	q->host = (struct endpoint){.port = at->port, .family = at->family};
	memcpy(q->host.addr, at->addr, sizeof q->host.addr);
	int rc = framing_init(&q->framing, conf, q->emit, e);
	return rc ? rc : udp_streams_open(&q->streams, &c, e);
}

/* The frames, but for what the arena needs for control messages and packets out of order. */
static int take_frames(struct dpdk_queue *q, unsigned buffers, struct nmw_err *e)
{
	struct nmw_prod *out = &q->emit->st->out;
	uint64_t page = nmw_prod_frames_page(out);
	page = page < PAGE_MAX ? page : PAGE_MAX;
	uint32_t room = nmw_dpdk_room(q->dev->mtu);
	uint64_t want = nmw_dpdk_area_bytes(buffers, room, page);
	uint64_t most = out->frame_sz / 8 * 7 / page * page;
	uint64_t bytes = want < most ? want : most, least = nmw_dpdk_area_bytes(1, room, 1);
	if (bytes / least < q->port->rx_desc + 2u * NMW_DPDK_BURST)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_RESOURCE,
				   "--frames: %llu bytes hold %llu receive buffers of %u bytes, "
				   "more than the %u descriptors of the queue are needed: "
				   "--frames %lluM, or desc= less",
				   (unsigned long long)out->frame_sz,
				   (unsigned long long)(bytes / least), room, q->port->rx_desc,
				   (unsigned long long)(want / 7 * 8 >> 20) + 2);
	uint64_t off = nmw_prod_frames_take(out, bytes);
	q->buffers = buffers;
	return nmw_dpdk_area_add(&q->area, out->frames + off, bytes, page, e);
}

int dpdk_queue_open(struct dpdk_queue *q, const struct recv_conf *conf, unsigned buffers,
		    struct nmw_err *e)
{
	struct nmw_prod *out = &q->emit->st->out;
	int rc = open_streams(q, conf, e);
	if (!rc)
		rc = take_frames(q, buffers, e);
	q->not_before = out->next - 1;
	return rc;
}

bool dpdk_queue_may_start(struct dpdk_queue *q)
{
	struct nmw_prod *out = &q->emit->st->out;
	if (q->not_before && nmw_prod_frames_reclaim(out, q->not_before) >= q->not_before)
		q->not_before = 0;
	return !q->not_before;
}

struct filling {
	const uint8_t *p;
	uint32_t len;
};

static void fill_one(struct rte_mempool *mp, void *arg, void *obj, unsigned i)
{
	const struct filling *f = arg;
	struct rte_mbuf *m = obj;
	(void)mp, (void)i;
	memcpy((uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM, f->p, f->len);
}

static int hold_room(struct dpdk_held *h, unsigned n, struct nmw_err *e)
{
	h->cap = 1;
	while (h->cap < n)
		h->cap *= 2;
	h->m = calloc(h->cap, sizeof *h->m);
	h->last = calloc(h->cap, sizeof *h->last);
	return h->m && h->last ? 0 : nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "no memory");
}

int dpdk_queue_start(struct dpdk_queue *q, const uint8_t *fill, uint32_t fill_len,
		     struct nmw_err *e)
{
	char name[24];
	struct filling f = {fill, fill_len};
	snprintf(name, sizeof name, "nmw_rx%u", q->id);
	int rc = nmw_dpdk_area_pool(&q->area, name, q->buffers, nmw_dpdk_room(q->dev->mtu),
				    &q->pool, e);
	if (rc)
		return rc;
	q->buffers = q->pool->populated_size;
	if (fill)
		rte_mempool_obj_iter(q->pool, fill_one, &f);
	q->bad_flags = q->port->rx_offloads & (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM |
					       RTE_ETH_RX_OFFLOAD_UDP_CKSUM)
			       ? RTE_MBUF_F_RX_IP_CKSUM_BAD | RTE_MBUF_F_RX_L4_CKSUM_BAD
			       : 0;
	nmw_gauge(q->emit->st->m, NMW_M_buffers, q->buffers);
	return hold_room(&q->held, q->buffers, e);
}

/* ---- buffers that wait ----------------------------------------------------------------------- */

/* As the one behind n + at; n is the caller's to count. */
static inline void hold(const struct dpdk_held *h, uint32_t at, struct rte_mbuf *m, uint64_t last)
{
	uint32_t i = (h->at + h->n + at) & (h->cap - 1);
	h->m[i] = m;
	h->last[i] = last;
}

/* They are whole, ours alone and of one pool: put back as the driver would take them out. */
static void give_back(struct dpdk_queue *q, uint32_t n)
{
	struct dpdk_held *h = &q->held;
	uint32_t piece = h->cap - h->at, first = n < piece ? n : piece;
	rte_mempool_put_bulk(q->pool, (void **)&h->m[h->at], first);
	if (n > first)
		rte_mempool_put_bulk(q->pool, (void **)h->m, n - first);
	h->at = (h->at + n) & (h->cap - 1);
	h->n -= n;
}

static void recycle(struct dpdk_queue *q)
{
	struct dpdk_held *h = &q->held;
	if (!h->n)
		return;
	uint32_t mask = h->cap - 1, n = 0;
	uint64_t free_to =
		nmw_prod_frames_reclaim(&q->emit->st->out, h->last[(h->at + h->n - 1) & mask]);
	while (n < h->n && h->last[(h->at + n) & mask] <= free_to)
		n++;
	if (n)
		give_back(q, n);
}

/* ---- packets --------------------------------------------------------------------------------- */

static bool same_address(const struct nmw_endpoint *a, const struct nmw_packet *p)
{
	return a->family == p->family && (!a->port || a->port == p->dport) &&
	       !memcmp(a->addr, p->dst, sizeof p->dst);
}

/* Is it sent to us, and on which line? */
static bool for_us(const struct dpdk_queue *q, const struct nmw_packet *p, unsigned *line)
{
	const struct nmw_dpdk_dev *d = q->dev;
	*line = 0;
	for (unsigned i = 0; i < d->groups; i++)
		if (same_address(&d->group[i], p)) {
			*line = i;
			return true;
		}
	return !d->groups && (!d->addr.family || same_address(&d->addr, p));
}

/* The last message that points into the buffer. */
static uint64_t datagram(struct dpdk_queue *q, const struct nmw_packet *p)
{
	unsigned line;
	if (!for_us(q, p, &line)) {
		emit_drop(q->emit, NMW_DROP_filtered, 1);
		return 0;
	}
	struct endpoint host = q->host;
	struct udp_datagram d = {.line = line,
				 .from = {.port = p->sport, .family = p->family},
				 .host = &host,
				 .p = p->payload,
				 .len = p->len,
				 .frame_off = (uint64_t)(p->payload - q->emit->st->out.frames),
				 .now_ns = q->now_ns};
	memcpy(d.from.addr, p->src, sizeof p->src);
	if (!host.family) {
		host = (struct endpoint){.port = p->dport, .family = p->family};
		memcpy(host.addr, p->dst, sizeof p->dst);
	}
	return udp_streams_packet(q->streams, &d);
}

static void too_long(struct dpdk_queue *q)
{
	emit_drop(q->emit, NMW_DROP_truncated_packet, 1);
	if (!q->said_long)
		nmw_log(NMW_LOG_WARN,
			"a packet of more than %u bytes: dropped, as all like it: mtu=9000 takes "
			"them",
			q->dev->mtu);
	q->said_long = true;
}

/* Not UDP: what belongs to the link is answered, the rest counted. */
static void other_packet(struct dpdk_queue *q, enum nmw_packet_is is, const uint8_t *frame,
			 uint32_t len)
{
	bool link = is == NMW_PACKET_NOT_IP || is == NMW_PACKET_OTHER;
	if (link && nmw_dpdk_link_take(q->link, q->id, frame, len))
		nmw_count(q->emit->st->m, NMW_M_link_packets, 1);
	else
		emit_drop(q->emit, framing_drop(is), 1);
}

/* The last message that points into the buffer; 0: it can be used again. */
static uint64_t packet(struct dpdk_queue *q, struct rte_mbuf *m)
{
	struct nmw_packet p;
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	if (__builtin_expect(m->nb_segs > 1, 0)) {
		too_long(q);
		return 0;
	}
	/* GOOD and BAD together mean that the NIC did not look */
	if (__builtin_expect((m->ol_flags & q->bad_flags) != 0, 0) &&
	    ((m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_BAD ||
	     (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_BAD)) {
		emit_drop(q->emit, NMW_DROP_bad_checksum, 1);
		return 0;
	}
	enum nmw_packet_is is =
		nmw_packet_parse(NMW_LINK_ETHERNET, frame, m->data_len, m->data_len, &p);
	if (__builtin_expect(is == NMW_PACKET_OK && p.proto == NMW_IPPROTO_UDP, 1))
		return datagram(q, &p);
	if (is == NMW_PACKET_OK) /* TCP */
		emit_drop(q->emit, NMW_DROP_filtered, 1);
	else
		other_packet(q, is, frame, m->data_len);
	return 0;
}

/* Whether what comes now can be passed on; otherwise it is left to the NIC. */
static bool has_room(struct dpdk_queue *q)
{
	struct nmw_stage *st = q->emit->st;
	if (st->drop_on_full || nmw_prod_room(&st->out, st->burst))
		return true;
	nmw_count(st->m, NMW_M_full_waits, 1);
	return false;
}

static void look_at_time(struct dpdk_queue *q)
{
	uint64_t real = nmw_clock_real();
	q->now_ns = nmw_clock_mono();
	if (real > q->framing.ts_ns) /* messages never go back in time */
		q->framing.ts_ns = real;
}

/* ---- packets like the one before: most of a stream ------------------------------------------- */

#define AT_TYPE	 12u /* in a frame of Ethernet and IPv4 without options */
#define AT_TOTAL 16u
#define AT_FRAG	 20u
#define AT_PROTO 23u
#define AT_ADDRS 26u
#define AT_PORTS 34u
#define AT_LEN	 38u
#define AT_DATA	 42u

/* Bytes of the datagram, from the lengths that a frame of so many bytes tells; 0: they lie. */
static inline uint32_t told_len(const uint8_t *p, uint32_t len)
{
	uint32_t total = nmw_be16(p + AT_TOTAL), udp = nmw_be16(p + AT_LEN);
	bool fits = (udp > 8) & (udp + 20 <= total) & (total + 14 <= len);
	return fits ? udp - 8 : 0;
}

/* A packet went the long way and became a message: those like it need not. */
static void remember(struct dpdk_queue *q, struct udp_run *run, const uint8_t *p, uint32_t len)
{
	bool usual = len >= AT_DATA && nmw_be32(p + AT_TYPE) >> 8 == 0x080045 &&
		     p[AT_PROTO] == 17 && !(nmw_be16(p + AT_FRAG) & 0x3FFFu);
	if (usual && told_len(p, len) && udp_streams_run(q->streams, run))
		q->same = (struct dpdk_same){.stream = run->stream,
					     .addrs = nmw_raw64(p + AT_ADDRS),
					     .ports = nmw_raw32(p + AT_PORTS),
					     .type = nmw_raw32(p + AT_TYPE),
					     .frag = nmw_raw32(p + AT_FRAG)};
}

/* All that does not change from packet to packet of a flow, in one test. */
static inline bool is_like(const struct dpdk_same *a, const struct rte_mbuf *m, uint64_t bad_flags)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint64_t differs = (nmw_raw64(p + AT_ADDRS) ^ a->addrs) |
			   (nmw_raw32(p + AT_PORTS) ^ a->ports) |
			   (nmw_raw32(p + AT_TYPE) ^ a->type) | (nmw_raw32(p + AT_FRAG) ^ a->frag);
	return !(differs | (m->ol_flags & bad_flags) | (m->nb_segs ^ 1u));
}

/* Publishes the messages of the first packets of n that are like the one before, as far as there is
 * room in the burst; how many. 0: the first one takes the long way. */
static unsigned publish_same(struct dpdk_queue *q, const struct udp_run *run, struct rte_mbuf **m,
			     unsigned n)
{
	struct nmw_stage *st = q->emit->st;
	struct dpdk_held *h = &q->held;
	const struct dpdk_same same = q->same;
	struct nmw_prod *out = &st->out;
	const uint64_t ts = q->framing.ts_ns, now = q->now_ns, bad_flags = q->bad_flags;
	if (st->pending == st->granted && !nmw_stage_more(st))
		return 0;
	unsigned i, room = st->granted - st->pending, burst = st->burst - st->pending;
	room = room < burst ? room : burst;
	room = room < n ? room : n;
	uint64_t seq = out->next + st->pending, bytes = 0;
	for (i = 0; i < room; i++, seq++) {
		if (i + AHEAD < n)
			__builtin_prefetch(rte_pktmbuf_mtod(m[i + AHEAD], const uint8_t *));
		const uint8_t *p = rte_pktmbuf_mtod(m[i], const uint8_t *);
		uint32_t len = told_len(p, m[i]->data_len);
		if (__builtin_expect(!is_like(&same, m[i], bad_flags) || !len, 0))
			break;
		struct nmw_slot *s = nmw_prod_slot(out, st->pending + i);
		s->ts_ns = ts;
		s->ingress_ns = now;
		s->in_seq = seq;
		s->frame_off = (uint64_t)(p + AT_DATA - out->frames);
		s->session = run->session;
		s->len = (uint16_t)len;
		s->channel = run->channel;
		s->codec = run->codec;
		bytes += len;
		hold(h, i, m[i], seq);
	}
	if (!i)
		return 0;
	h->n += i;
	st->pending_bytes += bytes;
	st->pending += i;
	if (st->pending == st->burst)
		nmw_stage_flush(st);
	nmw_count(st->m, NMW_M_in_messages, i);
	nmw_count(st->m, NMW_M_in_bytes, bytes);
	udp_streams_ran(q->streams, now);
	return i;
}

/* Any packet; false: no message points into it. */
static bool publish_one(struct dpdk_queue *q, struct udp_run *run, struct rte_mbuf *m)
{
	q->same.stream = NULL; /* whatever this one does to the streams */
	uint64_t last = packet(q, m);
	if (!last)
		return false;
	remember(q, run, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);
	hold(&q->held, 0, m, last);
	q->held.n++;
	return true;
}

/* The packets of a burst; those that no message points into come back in `unused`. */
static unsigned burst(struct dpdk_queue *q, struct rte_mbuf **m, unsigned n,
		      struct rte_mbuf **unused)
{
	struct udp_run run = {0};
	unsigned n_unused = 0;
	/* ticks came between, or the stream was closed */
	if (q->same.stream && (!udp_streams_run(q->streams, &run) || run.stream != q->same.stream))
		q->same.stream = NULL;
	for (unsigned i = 0, done; i < n; i += done) {
		done = q->same.stream ? publish_same(q, &run, m + i, n - i) : 0;
		if (done)
			continue;
		if (!publish_one(q, &run, m[i]))
			unused[n_unused++] = m[i];
		done = 1;
	}
	return n_unused;
}

unsigned dpdk_queue_poll(struct dpdk_queue *q)
{
	struct rte_mbuf *m[NMW_DPDK_BURST], *unused[NMW_DPDK_BURST];
	struct nmw_stage *st = q->emit->st;
	if (!has_room(q))
		return 0;
	unsigned n = rte_eth_rx_burst(q->port->id, q->id, m, NMW_DPDK_BURST);
	if (n == 0)
		return 0;
	for (unsigned i = 0; i < n && i < AHEAD; i++)
		__builtin_prefetch(rte_pktmbuf_mtod(m[i], const uint8_t *));
	look_at_time(q);
	nmw_count(st->m, NMW_M_in_packets, n);
	unsigned n_unused = burst(q, m, n, unused);
	if (n_unused)
		rte_pktmbuf_free_bulk(unused, n_unused);
	nmw_stage_flush(st);
	if (q->held.n >= FEW)
		recycle(q);
	return n;
}

bool dpdk_queue_idle(struct dpdk_queue *q, uint64_t now_ns)
{
	q->same.stream = NULL;
	bool more = udp_streams_tick(q->streams, now_ns);
	recycle(q);
	nmw_stage_flush(q->emit->st);
	nmw_gauge(q->emit->st->m, NMW_M_buffers_held, q->held.n);
	return more;
}

/* ---- closing --------------------------------------------------------------------------------- */

unsigned dpdk_queue_away(const struct dpdk_queue *q)
{
	return q->pool ? q->buffers - q->held.n - rte_mempool_avail_count(q->pool) : 0;
}

/* The pool and its area stay: readers may not have come to the messages in them, and freeing would
 * clear them. They end with the process. */
void dpdk_queue_close(struct dpdk_queue *q)
{
	if (q->streams)
		udp_streams_close(q->streams);
	framing_fini(&q->framing);
	free(q->held.m);
	free(q->held.last);
}
