/* Clients from hell: fuzz_soup PORT SESSIONS SEED [ACCOUNTS].  Each session is a sequence of
 * packets of the protocol, most of them right, that is then damaged, cut into pieces and broken off
 * somewhere. Reads nothing but the answer to a login, and that not always.  Accounts are F000..,
 * password SECRET. Prints what it did; the server is judged by who watches it. */
#include "base/rng.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BYTES 4096u

struct session {
	uint8_t b[BYTES];
	uint32_t n;
	uint32_t login; /* bytes of the login at the start; 0 = none */
};

static struct nmw_rng rng;
static unsigned accounts = 64, n_in, n_refused, n_broken;

static uint32_t pick(uint32_t n)
{
	return (uint32_t)(nmw_rng_u64(&rng) % n);
}

static void put(struct session *s, const void *p, uint32_t n)
{
	n = n < BYTES - s->n ? n : BYTES - s->n;
	memcpy(s->b + s->n, p, n);
	s->n += n;
}

static void put_packet(struct session *s, char type, const void *p, uint32_t n)
{
	const uint8_t h[3] = {(uint8_t)((n + 1) >> 8), (uint8_t)(n + 1), (uint8_t)type};
	put(s, h, 3);
	put(s, p, n);
}

static void put_login(struct session *s)
{
	char t[64];
	const char *password = pick(8) ? "SECRET" : "GUESS";
	snprintf(t, sizeof t, "F%03u  %-10s%-10s%20u", pick(accounts), password,
		 pick(16) ? "" : "NIGHT", pick(100));
	put_packet(s, 'L', t, 46);
	s->login = s->n;
}

/* Bytes that a codec may or may not like. */
static void put_order(struct session *s)
{
	static const char types[] = "OUXMNQZ";
	static const uint8_t lens[] = {49, 48, 47, 19, 20, 15, 10, 1, 80, 200};
	uint8_t m[256];
	uint32_t n = pick(4) ? lens[pick(sizeof lens)] : pick(256);
	for (uint32_t i = 0; i < n; i++)
		m[i] = (uint8_t)(pick(2) ? ' ' : '0' + pick(40));
	m[0] = (uint8_t)types[pick(sizeof types - 1)];
	put_packet(s, 'U', m, n);
}

static void put_something(struct session *s)
{
	uint8_t junk[600];
	uint32_t what = pick(100);
	memset(junk, 'x', sizeof junk);
	if (what < 8) {
		put_packet(s, 'R', "", 0);
	} else if (what < 14) {
		put_packet(s, '+', junk, pick(sizeof junk));
	} else if (what < 18) {
		put_packet(s, 'U', junk, 250 + pick(20)); /* about the longest */
	} else if (what < 20) {
		put_packet(s, "LASJHZO?"[pick(8)], "abc", pick(4));
	} else if (what < 21) {
		for (uint32_t i = 0; i < sizeof junk; i++)
			junk[i] = (uint8_t)pick(256);
		put(s, junk, pick(64));
	} else {
		put_order(s);
	}
}

static void damage(struct session *s)
{
	for (uint32_t k = pick(4); k > 0 && s->n > 4; k--) {
		uint32_t at = pick(s->n);
		switch (pick(4)) {
		case 0:
			s->b[at] ^= (uint8_t)(1u << pick(8));
			break;
		case 1:
			s->b[at] = (uint8_t)pick(256);
			break;
		case 2: /* a hole */
			memmove(s->b + at, s->b + at + 1, s->n - at - 1);
			s->n--;
			break;
		default: /* the end is missing */
			s->n = at + 1;
		}
	}
}

static void make(struct session *s)
{
	s->n = s->login = 0;
	if (pick(16))
		put_login(s);
	for (uint32_t k = pick(24); k > 0; k--)
		put_something(s);
	if (pick(2))
		damage(s);
	if (s->login > s->n)
		s->login = 0;
}

static int dial(uint16_t port, unsigned i)
{
	struct sockaddr_in from = {.sin_family = AF_INET};
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr = {htonl(INADDR_LOOPBACK)}};
	from.sin_addr.s_addr = htonl(0x7f000100u + i % 200); /* more ports than one address has */
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from) < 0 ||
	    connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
		fprintf(stderr, "session %u: %s\n", i, strerror(errno));
		exit(1);
	}
	return fd;
}

static void hear(int fd, int ms)
{
	uint8_t b[256];
	struct pollfd p = {.fd = fd, .events = POLLIN};
	if (poll(&p, 1, ms) <= 0)
		return;
	ssize_t n = recv(fd, b, sizeof b, MSG_DONTWAIT);
	n_in += n > 2 && b[2] == 'A';
	n_refused += n > 2 && b[2] == 'J';
	n_broken += n <= 0;
}

static void say(int fd, const uint8_t *p, uint32_t n)
{
	while (n > 0) {
		uint32_t piece = pick(3) ? n : 1 + pick(n);
		if (send(fd, p, piece, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			return; /* it has had enough of us */
		p += piece;
		n -= piece;
	}
}

static void hang_up(int fd)
{
	struct linger now = {.l_onoff = 1};
	if (pick(4) == 0)
		shutdown(fd, SHUT_WR);
	if (pick(4))
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fd);
}

int main(int argc, char **argv)
{
	static struct session s;
	static int open_fd[64]; /* sessions that stay for a while */
	if (argc < 4) {
		fprintf(stderr, "usage: fuzz_soup PORT SESSIONS SEED [ACCOUNTS]\n");
		return 2;
	}
	unsigned n = (unsigned)atoi(argv[2]);
	nmw_rng_seed(&rng, strtoull(argv[3], NULL, 0));
	accounts = argc > 4 ? (unsigned)atoi(argv[4]) : accounts;
	for (unsigned i = 0; i < n; i++) {
		int *fd = &open_fd[pick(64)];
		if (*fd)
			hang_up(*fd);
		*fd = dial((uint16_t)atoi(argv[1]), i);
		make(&s);
		uint32_t first = s.login && pick(3) == 0 ? s.login : 0;
		say(*fd, s.b, first);
		if (first)
			hear(*fd, 30);
		say(*fd, s.b + first, s.n - first);
	}
	for (unsigned i = 0; i < 64; i++)
		if (open_fd[i])
			hang_up(open_fd[i]);
	printf("%u sessions: %u logged in, %u refused, %u closed before\n", n, n_in, n_refused,
	       n_broken);
	return 0;
}
