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
 * Open loop: order i is due at start + i / RATE, whatever became of those before it, and its time
 * is from when it was due to when its reply (Accepted, with its token) was read; so one that had to
 * wait for another counts with its wait, and with what the client itself was late ("late"). Beside
 * it "sent": from when it was sent, as sockperf's ping-pong counts.  A buyer that rests and a
 * seller that meets it take turns. Uses nothing of the library: orders are encoded here, from the
 * published tables.  Prints one line of JSON, times in ns.
 */
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

#define ENTER_LEN   49u /* Enter Order of OUCH 4.2 */
#define LOGIN_LEN   49u
#define MOLD_HEAD   20u
#define WARM_UP	    2000u /* orders that are not counted */
#define PATIENCE_NS 2000000000ull
#define READY_NS    10000000000ull
#define NEAR_NS	    20000u

struct live {
	bool udp, block, near, echo;
	int fd;
	uint64_t rate, seconds;
	uint64_t start_ns; /* when order 0 is due */
	uint64_t sent, seen, count;
	uint64_t mold_next;
	uint32_t *took; /* [order]: ns from when it was due, 0 = no reply */
	uint32_t *late; /* [order]: ns that it was sent after it was due */
	struct sockaddr_in to;
	uint8_t in[1 << 16];
	uint32_t have;
};

static void die(const char *what)
{
	fprintf(stderr, "bench_live: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t clock_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint8_t *put(uint8_t *p, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
	return p + bytes;
}

static uint8_t *put_text(uint8_t *p, const char *s, unsigned bytes)
{
	size_t n = strlen(s);
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(i < n ? s[i] : ' ');
	return p + bytes;
}

/* ---- orders --------------------------------------------------------------------------------- */

static uint8_t *put_order(uint8_t *p, uint64_t i)
{
	char token[24];
	snprintf(token, sizeof token, "%012llu", (unsigned long long)i);
	p = put_text(p, "O", 1);
	p = put_text(p, token, 14);
	p = put_text(p, i % 2 ? "S" : "B", 1);
	p = put(p, 100, 4);
	p = put_text(p, "AAPL", 8);
	p = put(p, 1500000, 4);
	p = put(p, 99998, 4);
	p = put_text(p, "", 4);
	p = put_text(p, "YAN", 3);
	p = put(p, 0, 4);
	return put_text(p, "N ", 2);
}

static uint32_t frame_order(struct live *l, uint8_t *buf, uint64_t i)
{
	uint8_t *p = buf;
	if (l->udp) {
		p = put_text(p, "LIVE", 10);
		p = put(p, l->mold_next++, 8);
		p = put(p, 1, 2);
		p = put(p, ENTER_LEN, 2);
	} else {
		p = put(p, 1 + ENTER_LEN, 2);
		p = put_text(p, "U", 1);
	}
	return (uint32_t)(put_order(p, i) - buf);
}

static void send_all(struct live *l, const uint8_t *p, uint32_t n)
{
	while (n) {
		ssize_t k = sendto(l->fd, p, n, MSG_NOSIGNAL, (struct sockaddr *)&l->to,
				   l->udp ? sizeof l->to : 0);
		if (k < 0 && errno != EAGAIN && errno != EINTR)
			die("send");
		p += k > 0 ? k : 0;
		n -= k > 0 ? (uint32_t)k : 0;
	}
}

static uint32_t ns32(uint64_t ns)
{
	return ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
}

/* ---- replies -------------------------------------------------------------------------------- */

static void message(struct live *l, const uint8_t *m, uint32_t n, uint64_t now)
{
	char token[13] = "";
	if (n < 23 || m[0] != (l->echo ? 'O' : 'A'))
		return;
	memcpy(token, m + (l->echo ? 1 : 9), 12);
	uint64_t i = strtoull(token, NULL, 10);
	if (i >= l->count || l->took[i])
		return;
	l->took[i] = ns32(now - (l->start_ns + i * 1000000000u / l->rate));
	l->seen++;
}

static uint32_t be16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static void datagram(struct live *l, uint32_t n, uint64_t now)
{
	uint32_t at = MOLD_HEAD;
	for (; at + 2 <= n && at + 2 + be16(l->in + at) <= n; at += 2 + be16(l->in + at))
		message(l, l->in + at + 2, be16(l->in + at), now);
}

static void stream(struct live *l, uint64_t now)
{
	uint32_t at = 0;
	while (at + 2 <= l->have && at + 2 + be16(l->in + at) <= l->have) {
		const uint8_t *p = l->in + at;
		if (p[2] == (l->echo ? 'U' : 'S'))
			message(l, p + 3, be16(p) - 1, now);
		at += 2 + be16(p);
	}
	l->have -= at;
	memmove(l->in, l->in + at, l->have);
}

static void take(struct live *l)
{
	for (;;) {
		ssize_t n = recv(l->fd, l->in + l->have, sizeof l->in - l->have, MSG_DONTWAIT);
		if (n == 0 && !l->udp) {
			errno = ECONNRESET;
			die("the server closed the connection");
		}
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			die("recv");
		if (n <= 0)
			return;
		uint64_t now = clock_ns();
		if (l->udp) {
			datagram(l, (uint32_t)n, now);
		} else {
			l->have += (uint32_t)n;
			stream(l, now);
		}
	}
}

/* ---- the run -------------------------------------------------------------------------------- */

static void wait_until(struct live *l, uint64_t due, uint64_t now)
{
	struct pollfd p = {.fd = l->fd, .events = POLLIN};
	struct timespec t = {.tv_sec = 0, .tv_nsec = (long)(due - now)};
	if (l->block && due > now)
		ppoll(&p, 1, &t, NULL);
	if (l->near && l->seen == l->sent && due > now + 2 * NEAR_NS) {
		t.tv_nsec = (long)(due - now - NEAR_NS);
		nanosleep(&t, NULL);
	}
}

/* The server may still be coming up: the first order has its answer before the clock starts. */
static void first(struct live *l)
{
	uint8_t buf[128];
	uint64_t end = clock_ns() + READY_NS;
	l->start_ns = clock_ns();
	send_all(l, buf, frame_order(l, buf, l->sent++));
	while (!l->seen && clock_ns() < end) {
		struct pollfd p = {.fd = l->fd, .events = POLLIN};
		poll(&p, 1, 10);
		take(l);
	}
	if (!l->seen) {
		fprintf(stderr, "bench_live: the first order is not answered\n");
		exit(1);
	}
}

static void run(struct live *l)
{
	uint8_t buf[128];
	uint64_t end = UINT64_MAX;
	first(l);
	l->start_ns = clock_ns() + 1000000;
	for (uint64_t now = clock_ns(); l->seen < l->count && now < end; now = clock_ns()) {
		uint64_t due = l->sent < l->count ? l->start_ns + l->sent * 1000000000u / l->rate
						  : now + 1000000;
		if (now < due) {
			wait_until(l, due, now);
		} else {
			uint32_t n = frame_order(l, buf, l->sent);
			l->late[l->sent++] = ns32(clock_ns() - due);
			send_all(l, buf, n);
			if (l->sent == l->count)
				end = now + PATIENCE_NS;
		}
		take(l);
	}
}

static int by_value(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

/* Sorts v and prints its percentiles. */
static void print_one(const char *name, uint32_t *v, uint64_t n)
{
	qsort(v, n, sizeof *v, by_value);
	printf(", \"%s\": {\"p50\": %u, \"p99\": %u, \"p99.9\": %u, \"max\": %u}", name, v[n / 2],
	       v[n * 99 / 100], v[n * 999 / 1000], v[n - 1]);
}

static void print_result(struct live *l)
{
	uint32_t *sent = calloc(l->count, sizeof *sent);
	uint64_t n = 0;
	if (!sent)
		die("memory");
	for (uint64_t i = WARM_UP; i < l->count; i++) {
		if (!l->took[i])
			continue;
		sent[n] = l->took[i] > l->late[i] ? l->took[i] - l->late[i] : 0;
		l->late[n] = l->late[i];
		l->took[n++] = l->took[i];
	}
	if (!n) {
		fprintf(stderr, "bench_live: no reply came\n");
		exit(1);
	}
	printf("{\"orders\": %llu, \"answered\": %llu", (unsigned long long)l->sent,
	       (unsigned long long)l->seen);
	print_one("due", l->took, n);
	print_one("sent", sent, n);
	print_one("late", l->late, n);
	printf("}\n");
	free(sent);
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

static void no_delay(const struct live *l, int fd)
{
	const int on = 1;
	if (!l->udp)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* A datagram may be answered from another port: the socket is not connected. */
static void dial(struct live *l, char *where)
{
	address(&l->to, where);
	l->fd = socket(AF_INET, l->udp ? SOCK_DGRAM : SOCK_STREAM, 0);
	if (l->fd < 0 || (!l->udp && connect(l->fd, (struct sockaddr *)&l->to, sizeof l->to)))
		die(where);
	no_delay(l, l->fd);
}

static int serve(struct live *l, char *where)
{
	const int on = 1;
	address(&l->to, where);
	int fd = socket(AF_INET, l->udp ? SOCK_DGRAM : SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (fd < 0 || bind(fd, (struct sockaddr *)&l->to, sizeof l->to))
		die(where);
	l->fd = fd;
	if (!l->udp && (listen(fd, 1) || (l->fd = accept(fd, NULL, NULL)) < 0))
		die(where);
	no_delay(l, l->fd);
	for (;;) {
		socklen_t len = sizeof l->to;
		ssize_t n =
			recvfrom(l->fd, l->in, sizeof l->in, 0, (struct sockaddr *)&l->to, &len);
		if (n <= 0)
			return 0;
		send_all(l, l->in, (uint32_t)n);
	}
}

static void login(struct live *l, const char *user, const char *password)
{
	uint8_t buf[64], *p = put(buf, LOGIN_LEN - 2, 2);
	p = put_text(p, "L", 1);
	p = put_text(p, user, 6);
	p = put_text(p, password, 10);
	p = put_text(p, "", 10);
	p = put_text(p, "                   1", 20);
	send_all(l, buf, (uint32_t)(p - buf));
	ssize_t n = recv(l->fd, l->in, 33, MSG_WAITALL);
	if (n != 33 || l->in[2] != 'A') {
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

static int parse(struct live *l, int argc, char **argv)
{
	int o;
	while ((o = getopt(argc, argv, "er:s:w:c:")) != -1) {
		if (o == 'r')
			l->rate = strtoull(optarg, NULL, 10);
		else if (o == 's')
			l->seconds = strtoull(optarg, NULL, 10);
		else if (o == 'w')
			l->block = !strcmp(optarg, "block"), l->near = !strcmp(optarg, "near");
		else if (o == 'c')
			pin(optarg);
		else if (o == 'e')
			l->echo = true;
		else
			return -1;
	}
	return l->rate && l->seconds ? optind : -1;
}

int main(int argc, char **argv)
{
	static struct live l = {.rate = 10000, .seconds = 5, .mold_next = 1};
	int at = parse(&l, argc, argv);
	char **arg = argv + at;
	int n = argc - at;
	if (at < 0 || n < 2)
		return usage();
	bool serves = !strcmp(arg[0], "serve");
	l.udp = !strcmp(arg[serves], "udp");
	if (n != (serves ? 3 : l.udp || l.echo ? 2 : 4))
		return usage();
	if (serves)
		return serve(&l, arg[2]);
	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	l.count = l.rate * l.seconds + WARM_UP;
	l.took = calloc(l.count, sizeof *l.took);
	l.late = calloc(l.count, sizeof *l.late);
	if (!l.took || !l.late)
		die("memory");
	dial(&l, arg[1]);
	if (!l.udp && !l.echo)
		login(&l, arg[2], arg[3]);
	run(&l);
	print_result(&l);
	return l.seen == l.count ? 0 : 1;
}
