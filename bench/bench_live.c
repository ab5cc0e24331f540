/* bench_live: the round trip of an order, as its client sees it.
 *
 *   bench_live [OPTIONS] tcp HOST:PORT USER PASSWORD    OUCH 4.2 over SoupBinTCP
 *   bench_live [OPTIONS] udp HOST:PORT                  the same in MoldUDP64
 *   bench_live [OPTIONS] -e tcp|udp HOST:PORT           against an echo: what network and client
 * cost bench_live [-c CPU] serve tcp|udp HOST:PORT         that echo: one thread, blocking calls
 *   OPTIONS: -r RATE -s SECONDS -w spin|near|block -c CPU
 *            near: sleeps while no reply is awaited, and spins from 20 us before the next order:
 *            for a real-time priority, which may not take a CPU for long
 *
 * Prints one line of JSON, times in ns; how they are counted: live/live.h.
 */
#include "live/live.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LOGIN_LEN 49u
#define NEAR_NS	  20000u

struct client {
	struct live live;
	bool udp, block, near;
	int fd;
	struct sockaddr_in to;
	uint8_t in[1 << 16];
	uint32_t have;
};

static void die(const char *what)
{
	fprintf(stderr, "bench_live: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint8_t *put_soup(uint8_t *p, uint64_t i)
{
	p = live_put(p, 1 + LIVE_ORDER, 2);
	p = live_put_text(p, "U", 1);
	return live_put_order(p, i);
}

static void send_all(struct client *c, const uint8_t *p, uint32_t n)
{
	while (n) {
		ssize_t k = sendto(c->fd, p, n, MSG_NOSIGNAL, (struct sockaddr *)&c->to,
				   c->udp ? sizeof c->to : 0);
		if (k < 0 && errno != EAGAIN && errno != EINTR)
			die("send");
		p += k > 0 ? k : 0;
		n -= k > 0 ? (uint32_t)k : 0;
	}
}

static void send_order(void *arg, uint64_t i)
{
	struct client *c = arg;
	uint8_t buf[128];
	uint8_t *end = c->udp ? live_put_packet(&c->live, buf, i) : put_soup(buf, i);
	send_all(c, buf, (uint32_t)(end - buf));
}

/* ---- replies -------------------------------------------------------------------------------- */

static void stream(struct client *c, uint64_t now)
{
	uint32_t at = 0;
	while (at + 2 <= c->have && at + 2 + live_be16(c->in + at) <= c->have) {
		const uint8_t *p = c->in + at;
		if (p[2] == (c->live.echo ? 'U' : 'S'))
			live_message(&c->live, p + 3, live_be16(p) - 1, now);
		at += 2 + live_be16(p);
	}
	c->have -= at;
	memmove(c->in, c->in + at, c->have);
}

static void take(void *arg)
{
	struct client *c = arg;
	for (;;) {
		ssize_t n = recv(c->fd, c->in + c->have, sizeof c->in - c->have, MSG_DONTWAIT);
		if (n == 0 && !c->udp) {
			errno = ECONNRESET;
			die("the server closed the connection");
		}
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			die("recv");
		if (n <= 0)
			return;
		uint64_t now = live_clock();
		if (c->udp) {
			live_packet(&c->live, c->in, (uint32_t)n, now);
		} else {
			c->have += (uint32_t)n;
			stream(c, now);
		}
	}
}

static void wait_until(void *arg, uint64_t due, uint64_t now)
{
	struct client *c = arg;
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	struct timespec t = {.tv_sec = 0, .tv_nsec = (long)(due - now)};
	if (c->block && due > now)
		ppoll(&p, 1, &t, NULL);
	if (c->near && c->live.seen == c->live.sent && due > now + 2 * NEAR_NS) {
		t.tv_nsec = (long)(due - now - NEAR_NS);
		nanosleep(&t, NULL);
	}
}

/* ---- the connection ------------------------------------------------------------------------- */

static void address(struct sockaddr_in *a, char *where)
{
	char *colon = strrchr(where, ':');
	*a = (struct sockaddr_in){.sin_family = AF_INET};
	if (colon) {
		*colon = 0;
		a->sin_port = htons((uint16_t)atoi(colon + 1));
	}
	if (!colon || inet_pton(AF_INET, where, &a->sin_addr) != 1) {
		fprintf(stderr, "bench_live: %s: ADDR:PORT is expected\n", where);
		exit(2);
	}
}

static void no_delay(const struct client *c, int fd)
{
	const int on = 1;
	if (!c->udp)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* A datagram may be answered from another port: the socket is not connected. */
static void dial(struct client *c, char *where)
{
	address(&c->to, where);
	c->fd = socket(AF_INET, c->udp ? SOCK_DGRAM : SOCK_STREAM, 0);
	if (c->fd < 0 || (!c->udp && connect(c->fd, (struct sockaddr *)&c->to, sizeof c->to)))
		die(where);
	no_delay(c, c->fd);
}

static int serve(struct client *c, char *where)
{
	const int on = 1;
	address(&c->to, where);
	int fd = socket(AF_INET, c->udp ? SOCK_DGRAM : SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (fd < 0 || bind(fd, (struct sockaddr *)&c->to, sizeof c->to))
		die(where);
	c->fd = fd;
	if (!c->udp && (listen(fd, 1) || (c->fd = accept(fd, NULL, NULL)) < 0))
		die(where);
	no_delay(c, c->fd);
	for (;;) {
		socklen_t len = sizeof c->to;
		ssize_t n =
			recvfrom(c->fd, c->in, sizeof c->in, 0, (struct sockaddr *)&c->to, &len);
		if (n <= 0)
			return 0;
		send_all(c, c->in, (uint32_t)n);
	}
}

static void login(struct client *c, const char *user, const char *password)
{
	uint8_t buf[64], *p = live_put(buf, LOGIN_LEN - 2, 2);
	p = live_put_text(p, "L", 1);
	p = live_put_text(p, user, 6);
	p = live_put_text(p, password, 10);
	p = live_put_text(p, "", 10);
	p = live_put_text(p, "                   1", 20);
	send_all(c, buf, (uint32_t)(p - buf));
	ssize_t n = recv(c->fd, c->in, 33, MSG_WAITALL);
	if (n != 33 || c->in[2] != 'A') {
		fprintf(stderr, "bench_live: the login was not accepted\n");
		exit(1);
	}
}

static void pin(const char *cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET((size_t)atoi(cpu), &set);
	if (sched_setaffinity(0, sizeof set, &set))
		die("--cpu");
}

static int usage(void)
{
	fprintf(stderr, "usage: bench_live [-r RATE] [-s SECONDS] [-w spin|near|block] [-c CPU] "
			"tcp HOST:PORT USER PASSWORD | udp HOST:PORT | -e tcp|udp HOST:PORT | "
			"serve tcp|udp HOST:PORT\n");
	return 2;
}

static int parse(struct client *c, int argc, char **argv)
{
	int o;
	while ((o = getopt(argc, argv, "er:s:w:c:")) != -1) {
		if (o == 'r')
			c->live.rate = strtoull(optarg, NULL, 10);
		else if (o == 's')
			c->live.seconds = strtoull(optarg, NULL, 10);
		else if (o == 'w')
			c->block = !strcmp(optarg, "block"), c->near = !strcmp(optarg, "near");
		else if (o == 'c')
			pin(optarg);
		else if (o == 'e')
			c->live.echo = true;
		else
			return -1;
	}
	return c->live.rate && c->live.seconds ? optind : -1;
}

int main(int argc, char **argv)
{
	static struct client c = {.live = {.rate = 10000, .seconds = 5}};
	int at = parse(&c, argc, argv);
	char **arg = argv + at;
	int n = argc - at;
	if (at < 0 || n < 2)
		return usage();
	bool serves = !strcmp(arg[0], "serve");
	c.udp = !strcmp(arg[serves], "udp");
	if (n != (serves ? 3 : c.udp || c.live.echo ? 2 : 4))
		return usage();
	if (serves)
		return serve(&c, arg[2]);
	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	if (!live_init(&c.live))
		die("memory");
	dial(&c, arg[1]);
	if (!c.udp && !c.live.echo)
		login(&c, arg[2], arg[3]);
	return live_run(&c.live, &(struct live_ops){send_order, take, wait_until, &c});
}
