/* dpdk:DEV - frames as the driver of a network card has them: in by rx_burst, out by tx_burst.
 *
 * --in and --out of one name are one port. With addr= it answers ARP and ping (dpdk/link.h), and
 * orders for others are left alone.
 */
#include "wire.h"

#include "base/clock.h"
#include "base/log.h"
#include "dpdk/link.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define PORTS	   2u
#define NAP_NS	   (200ull * 1000) /* nothing came */
#define GIVE_UP_NS NMW_NS_PER_S	   /* a queue without room for so long */
#define DRIVER_OWN 4096u	   /* buffers that drivers keep at hand */
#define SENDING	   2048u
#define DESC_MOST  4096u /* of a queue, where the driver chooses */
#define LINK_OWN   1024u /* buffers of dpdk/link.h */
#define LEAST	   60u	 /* bytes of a frame */

struct port {
	struct nmw_dpdk_dev dev;
	struct nmw_dpdk_port port;
	struct nmw_dpdk_link link;
	struct rte_mempool *rx, *tx;
	unsigned users;
	bool runs, said_long, said_full;
	bool polled; /* it is --in; else what comes in there is the link's */
	uint64_t ts_ns;
	struct rte_mbuf *mbuf[WIRE_BURST];
	unsigned n; /* of these, given to the device */
};

static struct port ports[PORTS];

/* ---- opening -------------------------------------------------------------------------------- */

static bool bare(const struct nmw_dpdk_dev *d)
{
	return !strcmp(d->args, d->name);
}

static int check_dev(const struct nmw_dpdk_dev *d, const struct port *was, struct nmw_err *e)
{
	if (d->queues > 1)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "queues=%u: the device has one port: queues=1", d->queues);
	if (d->addr.family == 6)
		return nmw_err_set(e, -EAFNOSUPPORT, NMW_EXIT_USAGE,
				   "addr=: IPv6, and the device speaks IPv4: give such an address");
	if (was->users && !bare(d) && !bare(&was->dev) && strcmp(d->args, was->dev.args) != 0)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "%s: named twice with different options: %s alone is the same "
				   "port",
				   d->args, d->name);
	return 0;
}

/* The port of that name, or a new one; what was typed is looked at, nothing is opened. A port that
 * is named twice has the options of both. */
static struct port *port_named(const char *arg, struct nmw_err *e)
{
	struct nmw_dpdk_dev dev;
	struct port *p = ports;
	if (nmw_dpdk_dev_parse(arg, NULL, 0, &dev, e))
		return NULL;
	while (p->users && strcmp(p->dev.name, dev.name) != 0)
		p++;
	if (p->users && !strchr(arg, ',')) { /* named alone: as it was named before */
		p->users++;
		return p;
	}
	if (check_dev(&dev, p, e))
		return NULL;
	if (p->users && bare(&dev))
		memcpy(dev.args, p->dev.args, sizeof dev.args);
	if (p->users && !dev.addr.family) {
		dev.addr = p->dev.addr;
		dev.bits = p->dev.bits;
	}
	p->dev = dev;
	p->users++;
	return p;
}

static int open_pools(struct port *p, struct nmw_err *e)
{
	char rx[24], tx[24];
	unsigned i = (unsigned)(p - ports);
	snprintf(rx, sizeof rx, "nmw_wire_rx%u", i);
	snprintf(tx, sizeof tx, "nmw_wire_tx%u", i);
	uint32_t room = nmw_dpdk_room(p->dev.mtu);
	int rc = nmw_dpdk_pool_new(rx, 2u * p->port.rx_desc + DRIVER_OWN, room, &p->rx, e);
	return rc ? rc : nmw_dpdk_pool_new(tx, SENDING, room, &p->tx, e);
}

/* One PCI device is enough for EAL to look at the bus, which it does once. */
static const struct nmw_dpdk_dev *dev_for_eal(const struct port *p)
{
	for (unsigned i = 0; i < PORTS; i++)
		if (ports[i].users && ports[i].dev.pci)
			return &ports[i].dev;
	return &p->dev;
}

/* Both ports are known before the first is started. */
static uint64_t pools(void)
{
	uint64_t bytes = 0;
	for (const struct port *p = ports; p < ports + PORTS && p->users; p++) {
		unsigned n = 2 * (p->dev.desc ? p->dev.desc : DESC_MOST) + DRIVER_OWN + SENDING;
		bytes += nmw_dpdk_pool_bytes(n + LINK_OWN, nmw_dpdk_room(p->dev.mtu));
	}
	return bytes;
}

static int port_start(struct port *p, const struct nmw_opt_rest *eal, struct nmw_err *e)
{
	const struct nmw_dpdk_port_spec spec = {.dev = &p->dev, .rxq = 1, .txq = 1};
	if (p->runs)
		return 0;
	int rc = nmw_dpdk_eal_start(dev_for_eal(p), eal->v, eal->n, pools(), e);
	if (!rc)
		rc = nmw_dpdk_port_open(&p->port, &spec, e);
	if (!rc)
		rc = open_pools(p, e);
	if (!rc)
		rc = nmw_dpdk_link_open(&p->link, &p->port, &p->dev, e);
	if (!rc)
		rc = nmw_dpdk_port_start(&p->port, &p->rx, e);
	if (rc)
		return rc;
	const uint8_t *m = p->port.mac;
	p->runs = true;
	nmw_log(NMW_LOG_INFO, "dpdk: %s: %s, %u descriptors, MAC %02x:%02x:%02x:%02x:%02x:%02x%s",
		p->port.name, p->port.driver, p->port.rx_desc, m[0], m[1], m[2], m[3], m[4], m[5],
		p->dev.addr.family ? "" : ", says nothing of itself on the link: addr= is missing");
	return 0;
}

static void port_stop(struct port *p)
{
	if (--p->users)
		return;
	rte_pktmbuf_free_bulk(p->mbuf, p->n);
	p->n = 0;
	if (p->runs)
		nmw_dpdk_link_close(&p->link);
	nmw_dpdk_port_close(&p->port);
	nmw_dpdk_pool_free(p->rx);
	nmw_dpdk_pool_free(p->tx);
	nmw_dpdk_pool_free(p->link.pool);
	*p = (struct port){0};
	if (!ports[0].users && !ports[1].users)
		nmw_dpdk_eal_stop();
}

/* ---- the device ----------------------------------------------------------------------------- */

static void count_lost(const struct port *p, const struct nmw_dpdk_lost *lost, struct frame_conf *c)
{
	if (p->polled) {
		c->drop[NMW_DROP_device_missed] += lost->missed;
		c->drop[NMW_DROP_device_no_buffer] += lost->no_buffer;
		c->drop[NMW_DROP_device_error] += lost->errors;
	}
	c->drop[NMW_DROP_sink_error] += lost->tx_errors;
}

static void look_at_device(struct port *p, struct frame_conf *c)
{
	struct nmw_dpdk_lost lost;
	uint64_t now = nmw_clock_mono();
	if (!nmw_dpdk_port_look(&p->port, now, &lost))
		return;
	count_lost(p, &lost, c);
	nmw_dpdk_link_tick(&p->link, now);
}

static void count_last(struct port *p, struct frame_conf *c)
{
	struct nmw_dpdk_lost lost;
	if (!p->runs)
		return;
	nmw_dpdk_port_lost(&p->port, &lost);
	count_lost(p, &lost, c);
}

/* What belongs to the link is the host's: ARP, ping. */
static bool for_host(struct frame_conf *c, struct port *p, const struct rte_mbuf *m)
{
	struct nmw_packet is;
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	enum nmw_packet_is what = p->link.pool ? nmw_packet_parse(NMW_LINK_ETHERNET, frame,
								  m->data_len, m->data_len, &is)
					       : NMW_PACKET_OK;
	if ((what != NMW_PACKET_NOT_IP && what != NMW_PACKET_OTHER) ||
	    !nmw_dpdk_link_take(&p->link, 0, frame, m->data_len))
		return false;
	c->link_packets++;
	return true;
}

/* ---- in ------------------------------------------------------------------------------------- */

static int dpdk_in_open(struct frame_in *f, const char *arg, struct nmw_err *e)
{
	struct port *p = f->state = port_named(arg, e);
	if (!p || port_start(p, &f->conf->eal, e))
		return nmw_err_prefix(e, "--in dpdk");
	p->polled = true;
	if (!f->conf->server.family && p->dev.addr.family)
		f->conf->server = p->dev.addr;
	return 0;
}

static bool in_one_piece(struct frame_in *f, struct port *p, const struct rte_mbuf *m)
{
	if (m->nb_segs == 1)
		return true;
	f->conf->drop[NMW_DROP_truncated_packet]++;
	if (!p->said_long)
		nmw_log(NMW_LOG_WARN,
			"a packet of more than %u bytes: dropped, as all like it: mtu=9000 takes "
			"them",
			p->dev.mtu);
	p->said_long = true;
	return false;
}

static int dpdk_in_burst(struct frame_in *f, bool wait, struct nmw_err *e)
{
	struct port *p = f->state;
	int n = 0;
	(void)e;
	rte_pktmbuf_free_bulk(p->mbuf, p->n);
	p->n = rte_eth_rx_burst(p->port.id, 0, p->mbuf, NMW_DPDK_BURST);
	look_at_device(p, f->conf);
	if (!p->n && wait)
		nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
	uint64_t now = p->n ? nmw_clock_real() : 0;
	for (unsigned i = 0; i < p->n; i++) {
		const struct rte_mbuf *m = p->mbuf[i];
		if (!in_one_piece(f, p, m) || for_host(f->conf, p, m))
			continue;
		p->ts_ns = now > p->ts_ns ? now : p->ts_ns + 1; /* never back, each its own */
		f->packet[n++] =
			(struct nmw_capture_packet){.p = rte_pktmbuf_mtod(m, const uint8_t *),
						    .caplen = m->data_len,
						    .len = m->data_len,
						    .ts_ns = p->ts_ns,
						    .passes = true};
	}
	return n;
}

static void dpdk_in_close(struct frame_in *f)
{
	struct port *p = f->state;
	count_last(p, f->conf);
	port_stop(p);
}

const struct frame_source frames_from_dpdk = {.scheme = "dpdk",
					      .live = true,
					      .open = dpdk_in_open,
					      .burst = dpdk_in_burst,
					      .close = dpdk_in_close};

/* ---- out ------------------------------------------------------------------------------------ */

static int dpdk_out_open(struct frame_out *f, const char *arg, struct nmw_err *e)
{
	f->state = port_named(arg, e);
	return f->state ? 0 : nmw_err_prefix(e, "--out dpdk");
}

static int dpdk_out_start(struct frame_out *f, struct frame_in *in, struct nmw_err *e)
{
	(void)in;
	int rc = port_start(f->state, &f->conf->eal, e);
	return rc ? nmw_err_prefix(e, "--out dpdk") : 0;
}

/* Nothing that comes in at a port that frames only go out of is for the device, but who is to find
 * it there asks for it. */
static int dpdk_out_look(struct frame_out *f, struct nmw_err *e)
{
	struct port *p = f->state;
	struct rte_mbuf *m[NMW_DPDK_BURST];
	(void)e;
	if (p->polled || !p->runs)
		return 0;
	uint16_t n = rte_eth_rx_burst(p->port.id, 0, m, NMW_DPDK_BURST);
	for (uint16_t i = 0; i < n; i++)
		for_host(f->conf, p, m[i]);
	rte_pktmbuf_free_bulk(m, n);
	look_at_device(p, f->conf);
	return 0;
}

/* A queue that stays full is a link that is down, or a peer that does not take anything. */
static int send_one(struct frame_out *f, struct port *p, struct rte_mbuf *m)
{
	uint64_t since = 0;
	while (rte_eth_tx_burst(p->port.id, 0, &m, 1) == 0) {
		uint64_t now = nmw_clock_mono();
		since = since ? since : now;
		if (p->port.down || p->said_full || now - since > GIVE_UP_NS) {
			rte_pktmbuf_free(m);
			f->conf->drop[NMW_DROP_sink_error]++;
			if (!p->said_full)
				nmw_log(NMW_LOG_WARN,
					"dpdk: %s: frames do not go out, and are dropped",
					p->port.name);
			p->said_full = true;
			return 1;
		}
		look_at_device(p, f->conf);
	}
	p->said_full = false;
	return 0;
}

static int dpdk_out_put(struct frame_out *f, const uint8_t *frame, uint32_t len, uint64_t ts_ns,
			struct nmw_err *e)
{
	struct port *p = f->state;
	(void)ts_ns, (void)e;
	uint32_t bytes = len < LEAST ? LEAST : len;
	struct rte_mbuf *m = rte_pktmbuf_alloc(p->tx);
	uint8_t *at = m ? (uint8_t *)rte_pktmbuf_append(m, (uint16_t)bytes) : NULL;
	look_at_device(p, f->conf);
	if (!at) { /* longer than mtu=, or all wait to go out */
		rte_pktmbuf_free(m);
		f->conf->drop[NMW_DROP_sink_error]++;
		return 1;
	}
	memcpy(at, frame, len);
	memset(at + len, 0, bytes - len);
	return send_one(f, p, m);
}

static int dpdk_out_close(struct frame_out *f, struct nmw_err *e)
{
	struct port *p = f->state;
	(void)e;
	count_last(p, f->conf);
	port_stop(p);
	return 0;
}

const struct frame_sink frames_to_dpdk = {.scheme = "dpdk",
					  .open = dpdk_out_open,
					  .start = dpdk_out_start,
					  .put = dpdk_out_put,
					  .look = dpdk_out_look,
					  .close = dpdk_out_close};
