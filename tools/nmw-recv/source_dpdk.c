/* dpdk:DEV - a NIC, or a virtual device of DPDK's, in poll mode.
 *
 *     queue 0 --> RING     (of several: RING.0)
 *     queue 1 --> RING.1
 *
 * The stage's own output is that of queue 0; the others have a stage each, all polled in turn by
 * this thread. A queue whose ring is full is not polled, so that it is in no other's way.
 */
#include "base/log.h"
#include "base/parse.h"
#include "base/units.h"
#include "dpdk_queue.h"
#include "route.h"
#include "wire/packet_build.h"

#include <ctype.h>
#include <errno.h>
#include <rte_ethdev.h>
#include <stdlib.h>
#include <string.h>

#define TICK_NS	   (1000ull * 1000) /* between two looks at timers while packets come */
#define TICK_IDLE  (20ull * 1000)   /* while none comes: the next one may be near */
#define NAP_NS	   (500ull * 1000)  /* longest sleep: a queue of 1,024 takes 2 Mpps so long */
#define SAY_NS	   NMW_NS_PER_S
#define ARENA	   (1ull << 20) /* frames besides the buffers */
#define DRIVER_OWN 4096u	/* buffers that drivers keep at hand */
#define SLOTS_MOST 65536u
#define FILL_MAX   64u

enum { WORD_FILL, WORD_BUFFERS, WORDS };

struct dpdk_source {
	const struct recv_conf *conf;
	struct emit *emit;
	struct nmw_dpdk_dev dev;
	struct nmw_dpdk_word word[WORDS];
	struct nmw_dpdk_port port;
	struct nmw_dpdk_link link;
	struct dpdk_queue queue[NMW_DPDK_QUEUES];
	unsigned queues; /* that are open */
	unsigned buffers;
	enum { PORT_OPEN, PORT_WAITS, PORT_RUNS } state;
	uint64_t ticked_ns, since_ns;
	uint8_t fill[256];
	uint32_t fill_off, fill_len;
};

/* ---- opening --------------------------------------------------------------------------------- */

/* fill=HEX: the payload of a datagram that every buffer begins with, for a device that delivers
 * buffers as they are (net_null). */
static int make_fill(struct dpdk_source *s, struct nmw_err *e)
{
	const char *hex = s->word[WORD_FILL].value;
	uint8_t *payload = s->fill + NMW_PACKET_HEADROOM;
	struct nmw_endpoint from, to = s->dev.addr;
	uint32_t n = (uint32_t)strlen(hex) / 2;
	if (!n)
		return 0;
	if (n > FILL_MAX || strspn(hex, "0123456789abcdefABCDEF") != 2 * n || hex[2 * n])
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "fill=%s: not up to %u bytes in hexadecimal", hex, FILL_MAX);
	if (!to.family)
		nmw_endpoint_parse("10.0.0.1:5000", &to, NULL);
	nmw_endpoint_parse(to.family == 4 ? "10.0.0.2:5000" : "[fe80::2]:5000", &from, NULL);
	for (uint32_t i = 0; i < n; i++) {
		char two[3] = {hex[2 * i], hex[2 * i + 1], 0};
		payload[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	uint8_t *frame = nmw_packet_udp(payload, n, &from, &to, 0, &s->fill_len);
	s->fill_off = (uint32_t)(frame - s->fill);
	return 0;
}

/* As many as the ring can refer to at once, and those that driver and pool keep at hand. */
static int count_buffers(struct dpdk_source *s, struct nmw_err *e)
{
	const char *asked = s->word[WORD_BUFFERS].value;
	uint64_t n = 0;
	if (*asked) {
		int rc = nmw_parse_u64(asked, 128, 1u << 20, &n, e);
		s->buffers = (unsigned)n;
		return rc ? nmw_err_prefix(e, "buffers") : 0;
	}
	uint64_t slots = nmw_stage_slots(s->emit->st);
	slots = slots < SLOTS_MOST ? slots : SLOTS_MOST;
	s->buffers = (unsigned)slots + 2u * s->port.rx_desc + DRIVER_OWN;
	return 0;
}

static int size_ring(struct dpdk_source *s, struct nmw_err *e)
{
	int rc = count_buffers(s, e);
	if (rc)
		return rc;
	uint64_t bytes = nmw_dpdk_area_bytes(s->buffers, nmw_dpdk_room(s->dev.mtu), 4096);
	nmw_stage_frames(s->emit->st, bytes / 7 * 8 + ARENA);
	return s->dev.queues > 1 ? nmw_stage_split(s->emit->st, s->dev.queues, e) : 0;
}

static int open_port(struct dpdk_source *s, struct nmw_err *e)
{
	const struct nmw_dpdk_port_spec spec = {.dev = &s->dev,
						.rxq = (uint16_t)s->dev.queues,
						.txq = (uint16_t)s->dev.queues,
						.rx_offloads = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM |
							       RTE_ETH_RX_OFFLOAD_UDP_CKSUM};
	int rc = nmw_dpdk_eal_start(&s->dev, s->conf->eal.v, s->conf->eal.n, 0, e);
	if (!rc)
		rc = nmw_dpdk_port_open(&s->port, &spec, e);
	return rc;
}

static void dpdk_close_source(void *arg);

static void *dpdk_open_source(const struct recv_conf *conf, struct emit *emit, const char *arg,
			      struct nmw_err *e)
{
	struct dpdk_source *s = calloc(1, sizeof *s);
	if (!s) {
		nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "no memory");
		return NULL;
	}
	s->conf = conf;
	s->emit = emit;
	s->word[WORD_FILL].key = "fill";
	s->word[WORD_BUFFERS].key = "buffers";
	int rc = 0;
	if (conf->framing == FRAMING_SOUP)
		rc = nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				 "--framing soup: over UDP there is mold, plain and auto");
	if (!rc)
		rc = nmw_dpdk_dev_parse(arg, s->word, WORDS, &s->dev, e);
	if (!rc)
		rc = make_fill(s, e);
	if (!rc)
		rc = open_port(s, e);
	if (!rc)
		rc = size_ring(s, e);
	if (!rc)
		return s;
	dpdk_close_source(s);
	return NULL;
}

/* ---- starting: the rings are open ------------------------------------------------------------ */

static int open_queue(struct dpdk_source *s, unsigned i, struct nmw_err *e)
{
	struct dpdk_queue *q = &s->queue[i];
	*q = (struct dpdk_queue){.id = (uint16_t)i,
				 .port = &s->port,
				 .dev = &s->dev,
				 .link = &s->link,
				 .emit = i ? &q->own_emit : s->emit};
	s->queues++;
	if (i) {
		q->own_emit = (struct emit){
			.st = &q->own_stage, .pace = s->emit->pace, .route = s->emit->route};
		int rc = nmw_stage_sibling(&q->own_stage, s->emit->st, i, e);
		if (!rc && q->own_emit.route)
			rc = route_declare(q->own_emit.route, &q->own_stage.out, e);
		if (rc)
			return rc;
	}
	return dpdk_queue_open(q, s->conf, s->buffers, e);
}

static int open_queues(struct dpdk_source *s, struct nmw_err *e)
{
	int rc = nmw_dpdk_link_open(&s->link, &s->port, &s->dev, e);
	for (unsigned i = 0; i < s->dev.queues && !rc; i++)
		rc = open_queue(s, i, e);
	s->emit->st->wait.longest_ns = NAP_NS;
	s->since_ns = nmw_clock_mono();
	s->state = PORT_WAITS;
	return rc;
}

static void say_start(const struct dpdk_source *s)
{
	const struct nmw_dpdk_port *p = &s->port;
	nmw_log(NMW_LOG_INFO,
		"dpdk: %s: %s, %u %s of %u descriptors, %u buffers each, MAC "
		"%02x:%02x:%02x:%02x:%02x:%02x%s",
		p->name, p->driver, p->rxq, p->rxq > 1 ? "queues" : "queue", p->rx_desc,
		s->queue[0].buffers, p->mac[0], p->mac[1], p->mac[2], p->mac[3], p->mac[4],
		p->mac[5], s->dev.addr.family || s->dev.groups ? "" : ", takes every datagram");
}

static int start(struct dpdk_source *s, struct nmw_err *e)
{
	struct rte_mempool *pool[NMW_DPDK_QUEUES];
	bool ready = true;
	for (unsigned i = 0; i < s->queues; i++)
		ready = dpdk_queue_may_start(&s->queue[i]) && ready;
	if (!ready) {
		if (s->since_ns && nmw_clock_mono() - s->since_ns > SAY_NS) {
			nmw_log(NMW_LOG_WARN,
				"dpdk: what was published before is still being read: its frames "
				"are the NIC's buffers, so nothing is received before that");
			s->since_ns = 0;
		}
		return 0;
	}
	int rc = 0;
	const uint8_t *fill = s->fill_len ? s->fill + s->fill_off : NULL;
	for (unsigned i = 0; i < s->queues && !rc; i++) {
		rc = dpdk_queue_start(&s->queue[i], fill, s->fill_len, e);
		pool[i] = s->queue[i].pool;
	}
	if (!rc)
		rc = nmw_dpdk_port_start(&s->port, pool, e);
	if (rc)
		return rc;
	s->state = PORT_RUNS;
	say_start(s);
	return 0;
}

/* ---- the poll -------------------------------------------------------------------------------- */

static void count_lost(struct dpdk_source *s, const struct nmw_dpdk_lost *lost)
{
	emit_drop(s->emit, NMW_DROP_device_missed, lost->missed);
	emit_drop(s->emit, NMW_DROP_device_no_buffer, lost->no_buffer);
	emit_drop(s->emit, NMW_DROP_device_error, lost->errors);
}

static void look_at_device(struct dpdk_source *s, uint64_t now)
{
	struct nmw_dpdk_lost lost;
	if (!nmw_dpdk_port_look(&s->port, now, &lost))
		return;
	count_lost(s, &lost);
	nmw_dpdk_link_tick(&s->link, now);
	for (unsigned i = 1; i < s->queues; i++) { /* what --strict does not forgive */
		s->emit->bad += s->queue[i].emit->bad;
		s->queue[i].emit->bad = 0;
	}
}

/* Timers, the ends of the rings, the device. False: the feed ended. */
static bool tick(struct dpdk_source *s, uint64_t now)
{
	bool more = true;
	s->ticked_ns = now;
	look_at_device(s, now);
	for (unsigned i = 0; i < s->queues; i++) {
		struct dpdk_queue *q = &s->queue[i];
		more = dpdk_queue_idle(q, now) && more;
		if (i && !nmw_stage_go(q->emit->st))
			more = false;
	}
	return more;
}

static int dpdk_poll(void *arg, struct nmw_err *e)
{
	struct dpdk_source *s = arg;
	struct nmw_stage *st = s->emit->st;
	int rc = s->state == PORT_OPEN ? open_queues(s, e) : 0;
	if (!rc && s->state == PORT_WAITS)
		rc = start(s, e);
	if (rc)
		return rc;
	unsigned n = 0;
	for (unsigned i = 0; i < s->queues && s->state == PORT_RUNS; i++)
		n += dpdk_queue_poll(&s->queue[i]);
	if (n) {
		nmw_stage_busy(st);
		uint64_t now = s->queue[0].now_ns;
		for (unsigned i = 1; i < s->queues; i++)
			now = s->queue[i].now_ns > now ? s->queue[i].now_ns : now;
		return now - s->ticked_ns < TICK_NS || tick(s, now);
	}
	uint64_t now = nmw_clock_mono();
	bool more = s->state != PORT_RUNS || now - s->ticked_ns < TICK_IDLE || tick(s, now);
	nmw_stage_idle(st);
	return more;
}

static void dpdk_progress(void *arg, uint64_t *done, uint64_t *total)
{
	(void)arg;
	*done = *total = 0;
}

/* ---- closing --------------------------------------------------------------------------------- */

/* A driver may keep some after it was closed (net_af_xdp: those of its fill ring). */
static void say_buffers(const struct dpdk_source *s)
{
	for (unsigned i = 0; i < s->queues; i++) {
		const struct dpdk_queue *q = &s->queue[i];
		unsigned away = dpdk_queue_away(q);
		nmw_log(NMW_LOG_INFO,
			"dpdk: queue %u: %u buffers: %u free, %u wait for a reader, %u with the "
			"driver",
			q->id, q->buffers, q->buffers - q->held.n - away, q->held.n, away);
	}
}

static void close_queue(struct dpdk_queue *q)
{
	dpdk_queue_close(q);
	if (q->id && q->own_stage.cold)
		nmw_stage_close(&q->own_stage, NULL);
}

static void dpdk_close_source(void *arg)
{
	struct dpdk_source *s = arg;
	struct nmw_dpdk_lost lost;
	if (s->state == PORT_RUNS) {
		tick(s, nmw_clock_mono());
		nmw_dpdk_port_lost(&s->port, &lost);
		count_lost(s, &lost);
		nmw_dpdk_link_close(&s->link);
	}
	nmw_dpdk_port_close(&s->port);
	if (s->state == PORT_RUNS)
		say_buffers(s);
	for (unsigned i = 0; i < s->queues; i++)
		close_queue(&s->queue[i]);
	nmw_dpdk_eal_stop();
	free(s);
}

const struct source source_dpdk = {.name = "dpdk",
				   .arg = "DEV",
				   .open = dpdk_open_source,
				   .poll = dpdk_poll,
				   .progress = dpdk_progress,
				   .close = dpdk_close_source};
