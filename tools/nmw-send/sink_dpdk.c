/* dpdk:DEV,to=ADDR:PORT - the streams of udp: through a network card that belongs to this program.
 * dpdk:DEV,to=reply - replies to the clients that send to nmw-recv dpdk:. */
#include "base/parse.h"
#include "nic.h"
#include "udp_sink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CH(name)    (1u << NMW_CH_##name)
#define ORDER_PORT  40000u /* of session 1, when addr= has no port */
#define GATHER_MOST 128u   /* bytes that a small buffer has room for */
#define REPLY	    "reply"
#define NAP_NS	    (1000ull * 1000) /* questions come at any time */

enum { TO, TTL, SESSION, FIRST, REREQUEST, HOP, GATHER, WORDS };

/* ---- what was typed -------------------------------------------------------------------------- */

static int wrong(struct nmw_err *e, const char *key, const char *value, const char *expected)
{
	return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, "%s=%s: %s", key, value, expected);
}

/* ADDR:PORT, or several with + between them. */
static int parse_to(const char *value, struct nmw_udp_spec *spec, struct nmw_err *e)
{
	char copy[sizeof((struct nmw_dpdk_word *)0)->value];
	snprintf(copy, sizeof copy, "%s", value);
	for (char *at = copy, *next; at; at = next) {
		next = strchr(at, '+');
		if (next)
			*next++ = 0;
		if (spec->lines == NMW_UDP_LINES)
			return wrong(e, "to", value, "1 to 4 addresses are allowed");
		int rc = nmw_endpoint_parse(at, &spec->line[spec->lines++].at, e);
		if (rc)
			return nmw_err_prefix(e, "to");
	}
	return 0;
}

static int parse_hop(const char *value, struct nic *n, struct nmw_err *e)
{
	unsigned m[6];
	char end;
	if (sscanf(value, "%2x:%2x:%2x:%2x:%2x:%2x%c", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5],
		   &end) != 6)
		return wrong(e, "hop", value, "not an Ethernet address: 02:00:00:00:00:01");
	unsigned any = 0;
	for (unsigned i = 0; i < 6; i++) {
		n->hop[i] = (uint8_t)m[i];
		any |= m[i];
	}
	n->has_hop = true;
	return any && !(m[0] & 1) ? 0
				  : wrong(e, "hop", value,
					  "no card has it: neither 0 nor a group's or everybody's "
					  "address is expected");
}

static int parse_gather(const char *value, struct nic *n, struct nmw_err *e)
{
	uint64_t v = 0;
	n->gather = UINT32_MAX;
	if (!strcmp(value, "off"))
		return 0;
	int rc = nmw_parse_u64(value, 0, GATHER_MOST, &v, e);
	n->gather = (uint32_t)v;
	return rc ? nmw_err_prefix(e, "gather") : 0;
}

static int parse_on(const char *key, const char *value, bool *out, struct nmw_err *e)
{
	int at = *value ? nmw_parse_choice(value, "off|on") : *out;
	*out = at == 1;
	return at < 0 ? wrong(e, key, value, "on or off") : 0;
}

static int parse_number(const struct nmw_dpdk_word *w, uint64_t most, uint64_t *out,
			struct nmw_err *e)
{
	int rc = *w->value ? nmw_parse_u64(w->value, 1, most, out, e) : 0;
	return rc ? nmw_err_prefix(e, "%s", w->key) : 0;
}

static int parse_session(const char *value, struct nmw_udp_spec *spec, struct nmw_err *e)
{
	size_t len = strlen(value);
	if (len > sizeof spec->session)
		return wrong(e, "session", value, "1 to 10 characters");
	memset(spec->session, ' ', sizeof spec->session);
	memcpy(spec->session, value, len);
	spec->has_session = len > 0;
	return 0;
}

static int take_words(struct nic *n, const struct nmw_dpdk_word *w, bool replies, bool *serves,
		      struct nmw_err *e)
{
	uint64_t ttl = 0;
	int rc = parse_number(&w[TTL], 255, &ttl, e);
	n->ttl = (uint8_t)ttl;
	if (!rc)
		rc = parse_number(&w[FIRST], UINT64_MAX / 2, &n->spec.first, e);
	if (!rc)
		rc = parse_session(w[SESSION].value, &n->spec, e);
	if (!rc)
		rc = parse_on("rerequest", w[REREQUEST].value, serves, e);
	if (!rc && *w[HOP].value)
		rc = parse_hop(w[HOP].value, n, e);
	if (!rc)
		rc = parse_gather(*w[GATHER].value ? w[GATHER].value : "0", n, e);
	if (!rc && !replies)
		rc = parse_to(w[TO].value, &n->spec, e);
	return rc;
}

static void find_interface(struct nic *n)
{
	const char *at = strstr(n->dev.args, ",iface=");
	if (at && !strncmp(n->dev.name, "net_af_", 7))
		snprintf(n->iface, sizeof n->iface, "%.*s", (int)strcspn(at + 7, ","), at + 7);
}

/* Somebody at the other end can take what is for that address. */
static int check_line(const struct nic *n, const struct nmw_endpoint *to, struct nmw_err *e)
{
	char text[NMW_ENDPOINT_MAX];
	const struct nmw_dpdk_dev *d = &n->dev;
	const char *why = NULL;
	if (to->family != d->addr.family)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "to= and addr=: one is IPv4, the other IPv6");
	if (nmw_endpoint_multicast(to))
		return 0;
	if (nmw_endpoint_same_host(to, &d->addr))
		why = "is addr=: what goes out there does not come back: give another host's";
	else if (!nmw_address_is_host(to, &d->addr, d->bits))
		why = "no host can have it: give a host's address, or a group's";
	else if (!n->has_hop && !d->gateway.family && nmw_dpdk_knows_net(d) &&
		 !nmw_address_on_link(to, &d->addr, d->bits))
		why = "lies outside of addr='s network: say who takes it: gateway=ADDR or hop=MAC";
	return why ? wrong(e, "to", nmw_endpoint_text(to, text), why) : 0;
}

static int check(const struct nic *n, bool replies, bool serves, const struct sink_conf *conf,
		 struct nmw_err *e)
{
	if (!n->dev.addr.family)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "addr= is missing: the address that packets come from: "
				   "addr=10.0.0.1/24:5000");
	if ((serves || replies) && !n->dev.addr.port)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "addr= has no port: replies and answers come from one: "
				   "addr=10.0.0.1/24:5000");
	if (conf->mtu > n->dev.mtu)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--mtu %u: longer than the device's mtu=%u: make them equal",
				   conf->mtu, n->dev.mtu);
	int rc = 0;
	for (unsigned i = 0; !rc && i < n->spec.lines; i++)
		rc = check_line(n, &n->spec.line[i].at, e);
	return rc;
}

static int parse(struct nic *n, const char *arg, const struct sink_conf *conf, bool *replies,
		 bool *serves, struct nmw_err *e)
{
	struct nmw_dpdk_word w[WORDS] = {
		[TO] = {.key = "to"},
		[TTL] = {.key = "ttl"},
		[SESSION] = {.key = "session"},
		[FIRST] = {.key = "first"},
		[REREQUEST] = {.key = "rerequest"},
		[HOP] = {.key = "hop"},
		[GATHER] = {.key = "gather"},
	};
	int rc = nmw_dpdk_dev_parse(arg, w, WORDS, &n->dev, e);
	if (rc)
		return rc;
	*replies = !strcmp(w[TO].value, REPLY);
	if (!*w[TO].value)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "to= is missing: to=ADDR:PORT for market data or orders, "
				   "to=reply for replies");
	find_interface(n);
	rc = take_words(n, w, *replies, serves, e);
	return rc ? rc : check(n, *replies, *serves, conf, e);
}

/* ---- the way of the packets ------------------------------------------------------------------ */

static struct nic *of(struct udp_path *p)
{
	return (struct nic *)p;
}

static void nic_feed(struct udp_path *p, const struct nmw_mold_packet *m)
{
	struct nic *n = of(p);
	for (unsigned i = 0; i < n->lines; i++)
		nic_send(n, &n->line[i], m, i ? NIC_FURTHER : NIC_FIRST);
}

static int nic_begin(struct udp_path *p, uint32_t session, const struct udp_peer *to)
{
	struct nic *n = of(p);
	uint16_t base = n->dev.addr.port ? n->dev.addr.port : ORDER_PORT;
	unsigned i = 0;
	if (to && to->at.family != n->dev.addr.family)
		return -EAFNOSUPPORT;
	while (i < NIC_FLOWS && n->stream[i].used)
		i++;
	if (i == NIC_FLOWS)
		return -ENOSPC;
	bool ok = to ? nic_flow_set(n, &n->stream[i], &to->at, n->dev.addr.port, NULL)
		     : nic_flow_set(n, &n->stream[i], &n->spec.line[0].at,
				    (uint16_t)(base + session - 1), NULL);
	n->stream[i].used = ok;
	return ok ? (int)i : -ENOSPC;
}

static void nic_end(struct udp_path *p, int stream)
{
	of(p)->stream[stream].used = false;
}

static void nic_stream_send(struct udp_path *p, int stream, const struct udp_peer *to,
			    const struct nmw_mold_packet *m)
{
	(void)to;
	nic_send(of(p), &of(p)->stream[stream], m, NIC_FIRST);
}

static void nic_path_flush(struct udp_path *p)
{
	nic_flush(of(p));
}

static bool nic_path_request(struct udp_path *p, uint8_t *buf, uint32_t cap, uint32_t *len,
			     struct nmw_endpoint *from)
{
	return nic_request(of(p), buf, cap, len, from);
}

/* Back the way that the question came: who asks need not be found, which takes time and a place. */
static bool nic_answer(struct udp_path *p, const struct nmw_endpoint *from,
		       const struct nmw_mold_packet *m)
{
	struct nic_flow f;
	struct nic *n = of(p);
	const uint8_t *mac = from->mac[0] & 1 ? NULL : from->mac;
	return nic_flow_set(n, &f, from, n->dev.addr.port, mac) &&
	       nic_send(n, &f, m, NIC_UNCOUNTED);
}

static void nic_wait(struct udp_path *p, unsigned ms)
{
	(void)p;
	(void)ms;
	nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
}

static void nic_close(struct udp_path *p)
{
	struct nic *n = of(p);
	nic_hops_close(n);
	nic_flush(n);
	nic_tx_close(n);
	nic_rx_close(n);
	free(n);
	nmw_dpdk_eal_stop();
}

static const struct udp_path_ops ops = {.feed = nic_feed,
					.begin = nic_begin,
					.end = nic_end,
					.send = nic_stream_send,
					.flush = nic_path_flush,
					.request = nic_path_request,
					.answer = nic_answer,
					.wait = nic_wait,
					.close = nic_close};

/* ---- the sink -------------------------------------------------------------------------------- */

static struct nic *opening; /* between dpdk_open and way_open: what was typed */

/* Ports that drivers make up may all have one address. */
static int check_hop(const struct nic *n, struct nmw_err *e)
{
	bool real = n->dev.pci || n->port.interface;
	if (!real || !n->has_hop || memcmp(n->hop, n->port.mac, sizeof n->hop) != 0)
		return 0;
	return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
			   "hop=: is the address of %s itself: give that of the card at the other "
			   "end",
			   n->port.name);
}

static int way_open(struct udp_path **out, struct sink *k, const struct nmw_udp_spec *spec,
		    bool replies, const struct sink_conf *conf, struct nmw_err *e)
{
	struct nic *n = opening;
	(void)spec;
	*out = &n->path;
	n->path.ops = &ops;
	n->path.sink = k;
	n->give_up = conf->give_up;
	n->give_up_arg = conf->give_up_arg;
	int rc = nmw_dpdk_eal_start(&n->dev, conf->eal.v, conf->eal.n,
				    nic_tx_bytes(n) + nic_rx_bytes(n), e);
	if (!rc)
		rc = nic_tx_open(n, e);
	if (!rc)
		rc = check_hop(n, e);
	if (!rc)
		rc = nic_rx_open(n, e);
	nic_hops_open(n);
	for (unsigned i = 0; !rc && !replies && i < n->spec.lines; i++)
		nic_flow_set(n, &n->line[n->lines++], &n->spec.line[i].at,
			     n->dev.addr.port ? n->dev.addr.port : n->spec.line[i].at.port, NULL);
	return rc;
}

static const struct udp_sink_way way = {.scheme = "dpdk", .open = way_open, .by_reference = true};

static int dpdk_open(struct sink *k, const char *arg, const struct sink_conf *conf,
		     struct nmw_err *e)
{
	bool replies = false, serves = false;
	struct nic *n = calloc(1, sizeof *n);
	if (!n)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "out of memory");
	int rc = parse(n, arg, conf, &replies, &serves, e);
	if (rc) {
		free(n);
		return nmw_err_prefix(e, "dpdk");
	}
	rc = udp_sink_channels(k, replies, e);
	if (rc) {
		free(n);
		return rc;
	}
	n->path.serves = serves;
	n->path.nap_ns = NAP_NS;
	opening = n;
	return udp_sink_open(k, &n->spec, replies, &way, conf, e);
}

static int dpdk_start(struct sink *k, struct nmw_err *e)
{
	return nic_tx_rings(of(udp_sink_path(k)), k->in, k->n_in, e);
}

static void dpdk_send(struct sink *k, const struct sink_msg *const *m, unsigned n)
{
	struct nic *nic = of(udp_sink_path(k));
	nic_burst_begin(nic, n);
	udp_sink_send(k, m, n);
	nic_burst_end(nic);
}

static uint64_t dpdk_held(struct sink *k)
{
	return nic_held(of(udp_sink_path(k)));
}

const struct sink_ops sink_dpdk = {.name = "dpdk",
				   .arg = "DEV,to=ADDR:PORT",
				   .reply_arg = "dpdk:DEV,to=reply",
				   .feed_arg = "dpdk:DEV,to=ADDR:PORT",
				   .channels = CH(FEED) | CH(ORDER) | CH(REPLY),
				   .open = dpdk_open,
				   .start = dpdk_start,
				   .send = dpdk_send,
				   .held = dpdk_held,
				   .flush = udp_sink_flush,
				   .close = udp_sink_close,
				   .live = true};
