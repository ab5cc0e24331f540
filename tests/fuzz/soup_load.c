/* Many clients at once: soup_load PORT SESSIONS RATE SECONDS [BURST].  Accounts L0000.., password
 * SECRET, OUCH 4.2.  Each session sends immediate-or-cancel orders at its times, BURST (1) in a
 * segment; each is answered by Accepted and Canceled with its token.  The schedule is fixed (open
 * loop): an order that could not go in time counts from when it was due.  Ends with 0 when every
 * order was answered, once and in order. */
#include "base/clock.h"
#include "base/hist.h"
#include "wire/be.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ORDER	 52u /* bytes of an Enter Order in its packet */
#define IN_BYTES 16384u
#define OUT_MAX	 (64u * ORDER)
#define MS	 (NMW_NS_PER_S / 1000)
#define DRAIN_NS (30 * NMW_NS_PER_S)

struct session {
	int fd;
	uint32_t in_n;
	uint64_t next_accept, next_cancel; /* orders answered so far: both are counted in order */
	uint64_t sent;
	uint8_t in[IN_BYTES];
};

static struct session *session;
static struct nmw_hist latency;
static uint64_t sessions, rate, burst = 1, total, sent, answered, wrong, logged_in, t0;
static int ep;

static void die(const char *what)
{
	fprintf(stderr, "soup_load: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- the schedule ---------------------------------------------------------------------------- */

/* Segment s goes to session s mod sessions, when its last order is due. */
static uint64_t due(uint64_t segment)
{
	return t0 + (segment + 1) * burst * NMW_NS_PER_S / rate;
}

static uint64_t segment_of(uint64_t s, uint64_t order)
{
	return order / burst * sessions + s;
}

static void put_order(uint8_t *p, uint64_t n)
{
	char text[ORDER];
	nmw_put16(p, ORDER - 2);
	snprintf(text, sizeof text, "UO%014" PRIu64 "B", n);
	memcpy(p + 2, text, 17);
	nmw_put32(p + 19, 1);
	memcpy(p + 23, "LOAD    ", 8);
	nmw_put32(p + 31, 10000);
	nmw_put32(p + 35, 0);
	memcpy(p + 39, "    YAN", 7);
	nmw_put32(p + 46, 0);
	memcpy(p + 50, "N ", 2);
}

static void send_segment(uint64_t segment)
{
	uint8_t out[OUT_MAX];
	struct session *s = &session[segment % sessions];
	for (uint64_t i = 0; i < burst; i++)
		put_order(out + i * ORDER, s->sent++);
	sent += burst;
	if (send(s->fd, out, burst * ORDER, MSG_NOSIGNAL) != (ssize_t)(burst * ORDER))
		die("send");
}

/* ---- answers --------------------------------------------------------------------------------- */

static void reply(struct session *s, const uint8_t *m, uint32_t n, uint64_t now)
{
	if (m[0] == 'S')
		return;
	uint64_t token = n >= 23 ? strtoull((const char *)m + 9, NULL, 10) : UINT64_MAX;
	if (m[0] == 'A' && token == s->next_accept) {
		uint64_t at = due(segment_of((uint64_t)(s - session), token));
		nmw_hist_record(&latency, now > at ? now - at : 0);
		s->next_accept++;
	} else if (m[0] == 'C' && token == s->next_cancel && token < s->next_accept) {
		s->next_cancel++;
		answered++;
	} else if (wrong++ < 5) {
		fprintf(stderr, "soup_load: session %zu: %c of %" PRIu64 ", expected %" PRIu64 "\n",
			(size_t)(s - session), m[0], token, s->next_accept);
	}
}

static void packets(struct session *s, uint64_t now)
{
	uint32_t at = 0;
	while (s->in_n - at >= 3) {
		uint32_t n = 2u + nmw_be16(s->in + at);
		if (s->in_n - at < n)
			break;
		uint8_t type = s->in[at + 2];
		if (type == 'S')
			reply(s, s->in + at + 3, n - 3, now);
		else if (type == 'A')
			logged_in++;
		else if (type != 'H')
			wrong++;
		at += n;
	}
	s->in_n -= at;
	memmove(s->in, s->in + at, s->in_n);
}

static void receive(uint64_t timeout_ns)
{
	struct epoll_event ev[256];
	const struct timespec t = {.tv_sec = (time_t)(timeout_ns / NMW_NS_PER_S),
				   .tv_nsec = (long)(timeout_ns % NMW_NS_PER_S)};
	int n = epoll_pwait2(ep, ev, 256, &t, NULL);
	for (int i = 0; i < n; i++) {
		struct session *s = &session[ev[i].data.u32];
		ssize_t got = recv(s->fd, s->in + s->in_n, IN_BYTES - s->in_n, MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN))
			die(got ? "recv" : "closed by the server");
		s->in_n += got > 0 ? (uint32_t)got : 0;
		packets(s, nmw_clock_mono());
	}
}

/* ---- connecting ------------------------------------------------------------------------------ */

static void dial(uint32_t i, uint16_t port)
{
	const int on = 1;
	char login[64];
	uint8_t out[49] = {0, 47, 'L'};
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(port),
				.sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct epoll_event ev = {.events = EPOLLIN, .data.u32 = i};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	snprintf(login, sizeof login, "L%04u %-10s%10s%20u", i, "SECRET", "", 1);
	memcpy(out + 3, login, 46);
	if (send(fd, out, sizeof out, 0) != sizeof out || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) < 0)
		die("login");
	session[i].fd = fd;
}

static void log_all_in(uint16_t port)
{
	uint64_t start = nmw_clock_mono();
	for (uint32_t i = 0; i < sessions; i++) {
		dial(i, port);
		receive(0);
	}
	while (logged_in < sessions && nmw_clock_mono() - start < 6 * DRAIN_NS)
		receive(MS * 100);
	if (logged_in < sessions) {
		fprintf(stderr, "soup_load: %" PRIu64 " of %" PRIu64 " logged in\n", logged_in,
			sessions);
		exit(1);
	}
	printf("%" PRIu64 " sessions logged in in %.2f s\n", sessions,
	       (double)(nmw_clock_mono() - start) / 1e9);
	fflush(stdout);
}

static void run(void)
{
	uint64_t segments = total / burst, next = 0;
	t0 = nmw_clock_mono();
	while (next < segments) {
		uint64_t now = nmw_clock_mono();
		while (next < segments && due(next) <= now)
			send_segment(next++);
		/* the CPU is the pipeline's too: no spinning for what is due soon */
		now = nmw_clock_mono();
		receive(next < segments && due(next) > now ? due(next) - now : 0);
	}
	uint64_t end = nmw_clock_mono() + DRAIN_NS;
	while (answered < sent && nmw_clock_mono() < end)
		receive(MS * 10);
}

int main(int argc, char **argv)
{
	if (argc < 5) {
		fprintf(stderr, "usage: soup_load PORT SESSIONS RATE SECONDS [BURST]\n");
		return 2;
	}
	sessions = strtoull(argv[2], NULL, 10);
	rate = strtoull(argv[3], NULL, 10);
	burst = argc > 5 ? strtoull(argv[5], NULL, 10) : 1;
	total = rate * strtoull(argv[4], NULL, 10) / burst * burst;
	session = calloc(sessions, sizeof *session);
	ep = epoll_create1(EPOLL_CLOEXEC);
	if (!session || ep < 0 || burst < 1 || burst > OUT_MAX / ORDER)
		die("start");
	log_all_in((uint16_t)atoi(argv[1]));
	run();
	printf("%" PRIu64 " orders sent, %" PRIu64 " answered, %" PRIu64 " answers out of order; "
	       "latency p50 %.1f us, p99 %.1f us, p99.9 %.1f us, max %.1f us\n",
	       sent, answered, wrong, (double)nmw_hist_quantile(&latency, 500000) / 1e3,
	       (double)nmw_hist_quantile(&latency, 990000) / 1e3,
	       (double)nmw_hist_quantile(&latency, 999000) / 1e3, (double)latency.max / 1e3);
	return answered == sent && wrong == 0 ? 0 : 1;
}
