/* bench_memif_dpdk: the round trip of an order over shared memory, as its client sees it.
 *
 *   bench_memif_dpdk [-r RATE] [-s SECONDS] ORDERS REPLIES
 *   bench_memif_dpdk [...] -e SOCKET                         against an echo
 *
 * ORDERS, REPLIES: sockets of two net_memif servers. Orders are OUCH 4.2 in MoldUDP64 in UDP,
 * from 10.9.0.2:9000 at 02:00:00:00:00:02 to 10.9.0.1:5000 at 02:00:00:00:00:01; this end polls and
 * never sleeps. How times are counted: live/live.h. Prints one line of JSON, times in ns.
 *
 *   bench_memif_dpdk serve SOCKET       that echo: one thread that turns addresses round
 */
#include "live/live.h"

#include <errno.h>
#include <getopt.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_US	 300000u /* in which the other side sees the link, too */
#define HEADERS	 42u	 /* Ethernet, IPv4, UDP */
#define BUFFERS	 8191u
#define BURST	 32u
#define DESC	 1024u
#define ANY_NODE ((unsigned)SOCKET_ID_ANY)

struct client {
	struct live live;
	struct rte_mempool *pool;
	uint16_t orders, replies; /* ports */
	uint8_t headers[HEADERS];
};

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

static int failed(const char *what)
{
	fprintf(stderr, "bench_memif_dpdk: %s: %s\n", what, rte_strerror(rte_errno));
	return 1;
}

/* ---- orders and replies --------------------------------------------------------------------- */

static uint16_t ip_sum(const uint8_t *ip)
{
	uint32_t sum = 0;
	for (unsigned i = 0; i < 20; i += 2)
		sum += live_be16(ip + i);
	return (uint16_t) ~(sum % 0xFFFFu);
}

static void make_headers(uint8_t *p, uint32_t payload)
{
	static const uint8_t to[6] = {2, 0, 0, 0, 0, 1}, from[6] = {2, 0, 0, 0, 0, 2};
	uint8_t *ip = p + 14, *udp = ip + 20;
	memset(p, 0, HEADERS);
	memcpy(p, to, 6);
	memcpy(p + 6, from, 6);
	live_put(p + 12, 0x0800, 2);
	live_put(ip, 0x4500, 2);
	live_put(ip + 2, 28 + payload, 2);
	live_put(ip + 8, 64 << 8 | 17, 2);
	live_put(ip + 12, 0x0A090002, 4);
	live_put(ip + 16, 0x0A090001, 4);
	live_put(ip + 10, ip_sum(ip), 2);
	live_put(udp, 9000, 2);
	live_put(udp + 2, 5000, 2);
	live_put(udp + 4, 8 + payload, 2);
}

static void send_order(void *arg, uint64_t i)
{
	struct client *c = arg;
	struct rte_mbuf *m;
	while (!(m = rte_pktmbuf_alloc(c->pool)))
		;
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	memcpy(p, c->headers, HEADERS);
	m->data_len = (uint16_t)(live_put_packet(&c->live, p + HEADERS, i) - p);
	m->pkt_len = m->data_len;
	while (!rte_eth_tx_burst(c->orders, 0, &m, 1) && !stopped)
		;
}

static void take(void *arg)
{
	struct client *c = arg;
	struct rte_mbuf *m[BURST];
	unsigned n = rte_eth_rx_burst(c->replies, 0, m, BURST);
	uint64_t now = n ? live_clock() : 0;
	for (unsigned i = 0; i < n; i++) {
		if (m[i]->data_len > HEADERS)
			live_packet(&c->live, rte_pktmbuf_mtod(m[i], uint8_t *) + HEADERS,
				    m[i]->data_len - HEADERS, now);
		rte_pktmbuf_free(m[i]);
	}
}

static void wait_until(void *arg, uint64_t due, uint64_t now)
{
	(void)arg, (void)due, (void)now;
	rte_pause();
}

/* ---- ports ---------------------------------------------------------------------------------- */

static int start_port(struct client *c, uint16_t *port, const char *name)
{
	const struct rte_eth_conf conf = {0};
	if (rte_eth_dev_get_port_by_name(name, port) || rte_eth_dev_configure(*port, 1, 1, &conf) ||
	    rte_eth_rx_queue_setup(*port, 0, DESC, ANY_NODE, NULL, c->pool) ||
	    rte_eth_tx_queue_setup(*port, 0, DESC, ANY_NODE, NULL) || rte_eth_dev_start(*port))
		return failed(name);
	return 0;
}

static int wait_for_link(uint16_t port)
{
	struct rte_eth_link link = {0};
	for (unsigned i = 0; i < 1000 && !link.link_status && !stopped; i++) {
		rte_eth_link_get_nowait(port, &link);
		usleep(10000);
	}
	if (link.link_status)
		return 0;
	fprintf(stderr, "bench_memif_dpdk: nobody is at the other end\n");
	return 1;
}

static int open_ports(struct client *c, const char *role, char **sockets, unsigned n)
{
	char vdev[2][256];
	char *argv[] = {"bench_memif", "--no-pci", "--no-shconf", "--no-telemetry",
			"--no-huge",   "-m",	   "64",	  "--log-level=error",
			"--vdev",      vdev[0],	   "--vdev",	  vdev[1]};
	for (unsigned i = 0; i < n; i++)
		snprintf(vdev[i], sizeof vdev[i],
			 "net_memif%u,role=%s,socket=%s,mac=02:00:00:00:00:02", i, role,
			 sockets[i]);
	if (rte_eal_init((int)(n > 1 ? 12 : 10), argv) < 0)
		return failed("EAL");
	c->pool = rte_pktmbuf_pool_create("bench", BUFFERS, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					  SOCKET_ID_ANY);
	if (!c->pool)
		return failed("buffers");
	int rc = start_port(c, &c->orders, "net_memif0");
	c->replies = c->orders;
	if (!rc && n > 1)
		rc = start_port(c, &c->replies, "net_memif1");
	if (!rc)
		rc = wait_for_link(c->orders);
	if (!rc)
		rc = wait_for_link(c->replies);
	usleep(LOOK_US);
	return rc;
}

/* ---- the echo ------------------------------------------------------------------------------- */

static void turn_round(uint8_t *p)
{
	uint8_t mac[6], end[4];
	memcpy(mac, p, 6);
	memcpy(p, p + 6, 6);
	memcpy(p + 6, mac, 6);
	memcpy(end, p + 26, 4);
	memcpy(p + 26, p + 30, 4);
	memcpy(p + 30, end, 4);
}

static int serve(struct client *c, char **sockets)
{
	int rc = open_ports(c, "server", sockets, 1);
	while (!rc && !stopped) {
		struct rte_mbuf *m[BURST];
		unsigned n = rte_eth_rx_burst(c->orders, 0, m, BURST);
		for (unsigned i = 0; i < n; i++)
			turn_round(rte_pktmbuf_mtod(m[i], uint8_t *));
		unsigned gone = n ? rte_eth_tx_burst(c->orders, 0, m, (uint16_t)n) : 0;
		rte_pktmbuf_free_bulk(m + gone, n - gone);
	}
	return rc;
}

int main(int argc, char **argv)
{
	static struct client c = {.live = {.rate = 100000, .seconds = 2}};
	int o;
	while ((o = getopt(argc, argv, "er:s:")) != -1) {
		if (o == 'r')
			c.live.rate = strtoull(optarg, NULL, 10);
		else if (o == 's')
			c.live.seconds = strtoull(optarg, NULL, 10);
		else if (o == 'e')
			c.live.echo = true;
	}
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	bool serves = argc - optind == 2 && !strcmp(argv[optind], "serve");
	if (serves)
		return serve(&c, argv + optind + 1);
	if (argc - optind != (c.live.echo ? 1 : 2) || !c.live.rate || !c.live.seconds) {
		fprintf(stderr, "usage: bench_memif_dpdk [-r RATE] [-s SECONDS] ORDERS REPLIES | "
				"-e SOCKET | serve SOCKET\n");
		return 2;
	}
	make_headers(c.headers, 22 + LIVE_ORDER);
	if (!live_init(&c.live))
		return failed("memory");
	int rc = open_ports(&c, "client", argv + optind, c.live.echo ? 1 : 2);
	return rc ? rc : live_run(&c.live, &(struct live_ops){send_order, take, wait_until, &c});
}
