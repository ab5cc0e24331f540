/* Datagrams as fast as they go, or at a rate: bench_udp PORT SECONDS MESSAGES [RATE].
 *
 * To 127.0.0.1: MoldUDP64 packets of MESSAGES (0: plain datagrams of one message) of 36 bytes each,
 * Add Orders of ITCH 5.0; RATE packets a second, 0 = as fast as one CPU sends.  32 packets a system
 * call, cut by the kernel, so that it is the receiver that is measured.
 * bench_udp recv PORT SECONDS: the least that a receiver can do: recvmmsg, and nothing with the
 * data. Prints one line: packets, seconds, packets a second. */
#include "base/clock.h"
#include "wire/be.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH	 32u
#define MSG	 36u
#define HDR	 20u
#define MSGS_MAX 37u
#define PACKET	 (HDR + MSGS_MAX * (2 + MSG))
#define RECV_BUF 2048u

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

static void die(const char *what)
{
	fprintf(stderr, "bench_udp: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint32_t put_message(uint8_t *p, uint64_t n)
{
	memset(p, 0, MSG);
	p[0] = 'A';
	nmw_put16(p + 1, 1);
	nmw_put64(p + 11, n);
	p[19] = 'B';
	nmw_put32(p + 20, 100);
	memcpy(p + 24, "BENCH   ", 8);
	nmw_put32(p + 32, 10000);
	return MSG;
}

/* One packet, its first message numbered seq; its bytes. */
static uint32_t put_packet(uint8_t *p, uint64_t seq, unsigned messages)
{
	if (messages == 0)
		return put_message(p, seq);
	uint8_t *at = p + HDR;
	memcpy(p, "BENCH     ", 10);
	nmw_put64(p + 10, seq);
	nmw_put16(p + 18, (uint16_t)messages);
	for (unsigned i = 0; i < messages; i++) {
		nmw_put16(at, MSG);
		at += 2 + put_message(at + 2, seq + i);
	}
	return (uint32_t)(at - p);
}

static int open_socket(bool server, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(port),
				.sin_addr = {htonl(INADDR_LOOPBACK)}};
	const int big = 64 << 20;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, server ? SO_RCVBUFFORCE : SO_SNDBUFFORCE, &big, sizeof big);
	const struct sockaddr *to = (const struct sockaddr *)&a;
	if ((server ? bind(fd, to, sizeof a) : connect(fd, to, sizeof a)) < 0)
		die(server ? "bind" : "connect");
	return fd;
}

static void say(uint64_t packets, uint64_t ns)
{
	printf("%" PRIu64 " packets in %.3f s: %.0f a second\n", packets, (double)ns / 1e9,
	       (double)packets * 1e9 / (double)ns);
}

static void send_all(uint16_t port, uint64_t ns, unsigned messages, uint64_t rate)
{
	static uint8_t buf[BATCH * PACKET];
	int fd = open_socket(false, port), size = (int)put_packet(buf, 1, messages);
	uint64_t step = messages ? messages : 1, seq = 1, packets = 0, start = nmw_clock_mono(),
		 now;
	if (setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size) < 0)
		die("UDP_SEGMENT");
	while ((now = nmw_clock_mono()) - start < ns) {
		if (rate && packets * NMW_NS_PER_S / rate > now - start)
			continue;
		uint8_t *at = buf;
		for (unsigned i = 0; i < BATCH; i++, seq += step)
			at += put_packet(at, seq, messages);
		if (send(fd, buf, (size_t)(at - buf), 0) < 0 && errno != ECONNREFUSED)
			die("send");
		packets += BATCH;
	}
	say(packets, now - start);
}

static void receive_all(uint16_t port, uint64_t ns)
{
	static uint8_t buf[BATCH][RECV_BUF];
	struct mmsghdr m[BATCH];
	struct iovec v[BATCH];
	struct timeval patience = {.tv_usec = 100000};
	int fd = open_socket(true, port);
	uint64_t packets = 0, start = nmw_clock_mono();
	memset(m, 0, sizeof m);
	for (unsigned i = 0; i < BATCH; i++) {
		v[i] = (struct iovec){buf[i], RECV_BUF};
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	while (nmw_clock_mono() - start < ns) {
		int n = recvmmsg(fd, m, BATCH, MSG_WAITFORONE, NULL);
		packets += n > 0 ? (uint64_t)n : 0;
	}
	say(packets, nmw_clock_mono() - start);
}

int main(int argc, char **argv)
{
	bool server = argc == 4 && !strcmp(argv[1], "recv");
	if (!server && argc < 4) {
		fprintf(stderr,
			"usage: bench_udp PORT SECONDS MESSAGES [RATE], or bench_udp recv PORT "
			"SECONDS\n");
		return 2;
	}
	argv += server;
	uint16_t port = (uint16_t)atoi(argv[1]);
	uint64_t ns = (uint64_t)(atof(argv[2]) * 1e9);
	unsigned messages = server ? 0 : (unsigned)atoi(argv[3]);
	if (messages > MSGS_MAX) {
		fprintf(stderr, "bench_udp: %u messages a packet: at most %u\n", messages,
			MSGS_MAX);
		return 2;
	}
	if (server)
		receive_all(port, ns);
	else
		send_all(port, ns, messages, argc > 4 ? strtoull(argv[4], NULL, 10) : 0);
	return 0;
}
