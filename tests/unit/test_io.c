/* Both back ends behind one interface: every test runs on each. */
#include "io/io.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUF_SZ	2048u
#define BUFS	64u
#define SOCKS	16u
#define EVENTS	64u
#define WAIT_NS 2000000000ull

static const enum nmw_io_kind kinds[] = {NMW_IO_EPOLL, NMW_IO_URING};

static struct nmw_io io;
static struct nmw_err err;
static uint8_t bufs[BUFS * BUF_SZ];
static struct nmw_io_event ev[EVENTS];
static unsigned n_ev, at_ev;

/* False: this kernel does not let us. */
static bool open_kind(int kind, uint32_t give)
{
	const struct nmw_io_spec spec = {.kind = kinds[kind],
					 .socks = SOCKS,
					 .bufs = bufs,
					 .buf_sz = BUF_SZ,
					 .buf_cnt = BUFS};
	n_ev = at_ev = 0;
	int rc = nmw_io_open(&io, &spec, &err);
	if (rc) {
		ck_assert_int_eq(kinds[kind], NMW_IO_URING);
		printf("%s\n", err.msg);
		return false;
	}
	for (uint32_t i = 0; i < give; i++)
		nmw_io_give(&io, i);
	return true;
}

/* The next event, NULL: none within the time. */
static struct nmw_io_event *next(uint64_t wait_ns)
{
	for (unsigned tries = 0; at_ev == n_ev && tries < 4; tries++) {
		n_ev = nmw_io_poll(&io, ev, EVENTS, wait_ns / 4);
		at_ev = 0;
	}
	return at_ev < n_ev ? &ev[at_ev++] : NULL;
}

static struct nmw_io_event *expect(enum nmw_io_event_kind kind, int sock)
{
	struct nmw_io_event *e = next(WAIT_NS);
	ck_assert_ptr_nonnull(e);
	ck_assert_int_eq(e->kind, kind);
	ck_assert_int_eq((int)e->sock, sock);
	return e;
}

static void nothing(void)
{
	ck_assert_ptr_null(next(40000000));
}

static int add(int fd, void *owner)
{
	int s = nmw_io_add(&io, fd, owner);
	ck_assert_int_ge(s, 0);
	return s;
}

static int pair_add(int type, int *other, void *owner)
{
	int p[2];
	ck_assert_int_eq(socketpair(AF_UNIX, type, 0, p), 0);
	*other = p[1];
	return add(p[0], owner);
}

static int bound(int type, struct sockaddr_in *a)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof *a;
	*a = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	ck_assert_int_eq(bind(fd, (struct sockaddr *)a, sizeof *a), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)a, &n), 0);
	return fd;
}

static void gone(int sock)
{
	nmw_io_remove(&io, (uint32_t)sock);
	expect(NMW_IO_GONE, sock);
}

START_TEST(accepts)
{
	struct sockaddr_in a;
	int client[3], got[3], owner;
	if (!open_kind(_i, BUFS))
		return;
	int fd = bound(SOCK_STREAM, &a);
	ck_assert_int_eq(listen(fd, 8), 0);
	int l = add(fd, &owner);
	nmw_io_accept(&io, (uint32_t)l);
	nothing();
	for (int i = 0; i < 3; i++) {
		client[i] = socket(AF_INET, SOCK_STREAM, 0);
		ck_assert_int_eq(connect(client[i], (struct sockaddr *)&a, sizeof a), 0);
	}
	for (int i = 0; i < 3; i++) {
		struct nmw_io_event *e = expect(NMW_IO_ACCEPT, l);
		ck_assert_int_ge(e->res, 0);
		ck_assert_ptr_eq(e->owner, &owner);
		got[i] = e->res;
		ck_assert(fcntl(got[i], F_GETFD) & FD_CLOEXEC);
	}
	ck_assert_int_eq(write(client[0], "hello", 5), 5);
	int s = add(got[0], NULL);
	nmw_io_recv(&io, (uint32_t)s);
	struct nmw_io_event *e = expect(NMW_IO_DATA, s);
	ck_assert_int_eq(e->res, 5);
	ck_assert_mem_eq(e->data, "hello", 5);
	ck_assert(e->data >= bufs + e->buf * BUF_SZ && e->data < bufs + (e->buf + 1) * BUF_SZ);
	nmw_io_give(&io, e->buf);
	gone(l);
	for (int i = 0; i < 3; i++)
		close(client[i]);
	expect(NMW_IO_CLOSED, s);
	nothing();
	nmw_io_close(&io);
	close(got[1]);
	close(got[2]);
}
END_TEST

/* A stream of 1 MB in pieces of any size arrives whole and in order, with few buffers. */
START_TEST(stream)
{
	enum { TOTAL = 1 << 20 };
	static uint8_t out[TOTAL];
	uint32_t held[BUFS], n_held = 0, sent = 0, seen = 0;
	int peer;
	if (!open_kind(_i, 8))
		return;
	int s = pair_add(SOCK_STREAM, &peer, NULL);
	for (uint32_t i = 0; i < TOTAL; i++)
		out[i] = (uint8_t)(i * 2654435761u >> 13);
	fcntl(peer, F_SETFL, O_NONBLOCK);
	nmw_io_recv(&io, (uint32_t)s);
	for (unsigned turn = 0; seen < TOTAL && turn < 1000000; turn++) {
		uint32_t piece = 1 + turn * 7919 % 9000;
		piece = piece < TOTAL - sent ? piece : TOTAL - sent;
		ssize_t n = piece ? write(peer, out + sent, piece) : 0;
		sent += n > 0 ? (uint32_t)n : 0;
		struct nmw_io_event *e = next(n_held == 8 ? 0 : 4000000);
		if (e) {
			ck_assert_int_eq(e->kind, NMW_IO_DATA);
			ck_assert_mem_eq(e->data, out + seen, (size_t)e->res);
			seen += (uint32_t)e->res;
			held[n_held++] = e->buf;
		}
		while (n_held == 8 || (n_held && turn % 5 == 0))
			nmw_io_give(&io, held[--n_held]);
	}
	ck_assert_uint_eq(seen, TOTAL);
	close(peer);
	expect(NMW_IO_CLOSED, s);
	nmw_io_close(&io);
}
END_TEST

/* Without buffers nothing is read, nothing is lost, and it goes on when one is given. */
START_TEST(starved)
{
	int peer[2], s[2];
	if (!open_kind(_i, 0))
		return;
	for (int i = 0; i < 2; i++) {
		s[i] = pair_add(SOCK_STREAM, &peer[i], NULL);
		nmw_io_recv(&io, (uint32_t)s[i]);
		ck_assert_int_eq(write(peer[i], "abc", 3), 3);
	}
	nothing();
	ck_assert_uint_gt(io.stalls, 0);
	unsigned seen = 0;
	for (int i = 0; i < 2; i++) {
		nmw_io_give(&io, 5);
		struct nmw_io_event *e = next(WAIT_NS);
		ck_assert_ptr_nonnull(e);
		ck_assert_int_eq(e->kind, NMW_IO_DATA);
		ck_assert_int_eq(e->res, 3);
		ck_assert_uint_eq(e->buf, 5);
		seen |= 1u << (e->sock == (uint32_t)s[1]);
	}
	ck_assert_uint_eq(seen, 3);
	nmw_io_close(&io);
	close(peer[0]);
	close(peer[1]);
}
END_TEST

/* Who leaves while it waits for a buffer leaves nothing behind: more of them than there are places,
 * and the last one is served. */
START_TEST(starved_and_removed)
{
	int peer, s = -1;
	if (!open_kind(_i, 0))
		return;
	for (unsigned turn = 0; turn <= 4 * SOCKS; turn++) {
		if (s >= 0) {
			gone(s);
			close(peer);
		}
		s = pair_add(SOCK_STREAM, &peer, NULL);
		nmw_io_recv(&io, (uint32_t)s);
		ck_assert_int_eq(write(peer, "abc", 3), 3);
		ck_assert_ptr_null(next(400000));
	}
	ck_assert_uint_gt(io.stalls, 0);
	nmw_io_give(&io, 5);
	ck_assert_int_eq(expect(NMW_IO_DATA, s)->res, 3);
	/* in the place of one that waited, what needs no buffer does not wait */
	ck_assert_int_eq(write(peer, "abc", 3), 3);
	nothing();
	gone(s);
	close(peer);
	int fd = eventfd(1, EFD_CLOEXEC), w = add(fd, NULL);
	nmw_io_watch(&io, (uint32_t)w);
	expect(NMW_IO_READY, w);
	nmw_io_close(&io);
}
END_TEST

START_TEST(holds)
{
	int peer;
	if (!open_kind(_i, BUFS))
		return;
	int s = pair_add(SOCK_STREAM, &peer, NULL);
	nmw_io_recv(&io, (uint32_t)s);
	nothing();
	nmw_io_hold(&io, (uint32_t)s);
	nothing();
	ck_assert_int_eq(write(peer, "abc", 3), 3);
	nothing();
	nmw_io_recv(&io, (uint32_t)s);
	expect(NMW_IO_DATA, s);
	nmw_io_hold(&io, (uint32_t)s);
	nmw_io_recv(&io, (uint32_t)s); /* in one breath */
	ck_assert_int_eq(write(peer, "def", 3), 3);
	ck_assert_mem_eq(expect(NMW_IO_DATA, s)->data, "def", 3);
	nmw_io_hold(&io, (uint32_t)s);
	nothing();
	ck_assert_int_eq(write(peer, "ghi", 3), 3);
	close(peer); /* held, while the other end goes */
	nothing();
	nmw_io_recv(&io, (uint32_t)s);
	ck_assert_mem_eq(expect(NMW_IO_DATA, s)->data, "ghi", 3);
	expect(NMW_IO_CLOSED, s);
	gone(s);
	nmw_io_close(&io);
}
END_TEST

/* A piece at a time, each asked for. */
START_TEST(once)
{
	static uint8_t out[3 * BUF_SZ];
	uint32_t got = 0;
	int peer;
	if (!open_kind(_i, BUFS))
		return;
	int s = pair_add(SOCK_STREAM, &peer, NULL);
	for (uint32_t i = 0; i < sizeof out; i++)
		out[i] = (uint8_t)(i * 2654435761u >> 9);
	ck_assert_int_eq(write(peer, out, sizeof out), sizeof out);
	while (got < sizeof out) {
		nmw_io_once(&io, (uint32_t)s);
		struct nmw_io_event *e = expect(NMW_IO_DATA, s);
		ck_assert_int_le(e->res, BUF_SZ);
		ck_assert_mem_eq(e->data, out + got, (size_t)e->res);
		got += (uint32_t)e->res;
		if (got < 2 * BUF_SZ)
			nothing();
	}
	nothing();
	ck_assert_int_eq(write(peer, "abc", 3), 3);
	nothing();
	nmw_io_recv(&io, (uint32_t)s);
	expect(NMW_IO_DATA, s);
	ck_assert_int_eq(write(peer, "abc", 3), 3);
	expect(NMW_IO_DATA, s);
	close(peer);
	expect(NMW_IO_CLOSED, s);
	gone(s);
	nmw_io_close(&io);
}
END_TEST

START_TEST(datagrams)
{
	struct sockaddr_in to, from;
	char text[32];
	if (!open_kind(_i, BUFS))
		return;
	int s = add(bound(SOCK_DGRAM, &to), NULL);
	int client = bound(SOCK_DGRAM, &from);
	nmw_io_recv(&io, (uint32_t)s);
	for (int i = 0; i < 20; i++) {
		int len = snprintf(text, sizeof text, "datagram %d", i);
		ck_assert_int_eq(
			sendto(client, text, (size_t)len, 0, (struct sockaddr *)&to, sizeof to),
			len);
	}
	for (int i = 0; i < 20; i++) {
		int len = snprintf(text, sizeof text, "datagram %d", i);
		struct nmw_io_event *e = expect(NMW_IO_DATA, s);
		ck_assert_int_eq(e->res, len);
		ck_assert_mem_eq(e->data, text, (size_t)len);
		ck_assert_uint_eq(e->flags, 0);
		const struct sockaddr_in *a = (const void *)e->from;
		ck_assert_int_eq(a->sin_port, from.sin_port);
		nmw_io_give(&io, e->buf);
	}
	static uint8_t big[BUF_SZ + 100];
	ck_assert_int_eq(sendto(client, big, sizeof big, 0, (struct sockaddr *)&to, sizeof to),
			 sizeof big);
	ck_assert_int_eq(sendto(client, big, 0, 0, (struct sockaddr *)&to, sizeof to), 0);
	ck_assert_uint_eq(expect(NMW_IO_DATA, s)->flags, NMW_IO_TRUNC);
	ck_assert_int_eq(expect(NMW_IO_DATA, s)->res, 0);
	nmw_io_close(&io);
	close(client);
}
END_TEST

/* Whoever is on the path can send these: no more comes of it than a count. */
static void icmp(int raw, const struct sockaddr_in *from, const struct sockaddr_in *to,
		 uint8_t type, uint8_t code)
{
	struct {
		struct icmphdr icmp;
		struct iphdr ip;
		struct udphdr udp;
	} p = {.icmp = {.type = type, .code = code},
	       .ip = {.version = 4,
		      .ihl = 5,
		      .tot_len = htons(28),
		      .protocol = IPPROTO_UDP,
		      .saddr = from->sin_addr.s_addr,
		      .daddr = to->sin_addr.s_addr},
	       .udp = {.source = from->sin_port, .dest = to->sin_port, .len = htons(8)}};
	uint16_t half[sizeof p / 2];
	uint32_t sum = 0;
	memcpy(half, &p, sizeof p);
	for (unsigned i = 0; i < sizeof p / 2; i++)
		sum += half[i];
	sum = (sum & 0xffff) + (sum >> 16);
	p.icmp.checksum = (uint16_t) ~(sum + (sum >> 16));
	struct sockaddr_in at = *from;
	at.sin_port = 0;
	ck_assert_int_eq(sendto(raw, &p, sizeof p, 0, (struct sockaddr *)&at, sizeof at), sizeof p);
}

START_TEST(network_errors)
{
	static const uint8_t told[][2] = {{ICMP_DEST_UNREACH, ICMP_PORT_UNREACH},
					  {ICMP_DEST_UNREACH, ICMP_PROT_UNREACH},
					  {ICMP_DEST_UNREACH, ICMP_NET_ANO},
					  {ICMP_DEST_UNREACH, ICMP_HOST_ANO},
					  {ICMP_DEST_UNREACH, ICMP_PKT_FILTERED},
					  {ICMP_DEST_UNREACH, ICMP_HOST_UNKNOWN},
					  {ICMP_PARAMETERPROB, 0}};
	enum { TOLD = sizeof told / sizeof *told };
	struct sockaddr_in here, there;
	int raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	if (raw < 0) {
		printf("network errors: no raw socket: %s\n", strerror(errno));
		return;
	}
	if (!open_kind(_i, BUFS))
		return;
	int fd = bound(SOCK_DGRAM, &here), peer = bound(SOCK_DGRAM, &there), s = add(fd, NULL);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&there, sizeof there), 0);
	nmw_io_recv(&io, (uint32_t)s);
	nothing();
	for (unsigned i = 0; i < TOLD; i++) {
		icmp(raw, &here, &there, told[i][0], told[i][1]);
		nothing();
		ck_assert_uint_eq(io.net_errors, i + 1);
		ck_assert_int_eq(sendto(peer, "abc", 3, 0, (struct sockaddr *)&here, sizeof here),
				 3);
		struct nmw_io_event *e = expect(NMW_IO_DATA, s);
		ck_assert_int_eq(e->res, 3);
		nmw_io_give(&io, e->buf);
	}
	nmw_io_close(&io);
	close(peer);
	close(raw);
}
END_TEST

/* What has come and was not asked for is not told, and the other end sees the close. */
START_TEST(removes)
{
	struct nmw_io_event *e;
	int peer;
	if (!open_kind(_i, BUFS))
		return;
	int s = pair_add(SOCK_STREAM, &peer, &peer);
	nmw_io_recv(&io, (uint32_t)s);
	nothing();
	ck_assert_int_eq(write(peer, "abc", 3), 3);
	nmw_io_remove(&io, (uint32_t)s);
	e = expect(NMW_IO_GONE, s);
	ck_assert_ptr_eq(e->owner, &peer);
	nothing();
	char c[8];
	ssize_t n = read(peer, c, sizeof c);
	ck_assert(n == 0 || errno == ECONNRESET);
	close(peer);
	/* the number is free again, and so are all */
	for (unsigned turn = 0; turn < 3; turn++) {
		int all[SOCKS], others[SOCKS];
		for (unsigned i = 0; i < SOCKS; i++) {
			all[i] = pair_add(SOCK_STREAM, &others[i], NULL);
			nmw_io_recv(&io, (uint32_t)all[i]);
		}
		int extra = dup(others[0]);
		ck_assert_int_eq(nmw_io_add(&io, extra, NULL), -EMFILE);
		close(extra);
		for (unsigned i = 0; i < SOCKS; i++) {
			close(others[i]);
			nmw_io_remove(&io, (uint32_t)all[i]);
		}
		for (unsigned i = 0; i < SOCKS; i++) {
			e = next(WAIT_NS);
			ck_assert_ptr_nonnull(e);
			ck_assert_int_eq(e->kind, NMW_IO_GONE);
		}
	}
	nmw_io_close(&io);
}
END_TEST

/* Another process still has the socket: it is ours no more all the same. */
START_TEST(removes_shared)
{
	int peer;
	if (!open_kind(_i, BUFS))
		return;
	int s = pair_add(SOCK_STREAM, &peer, NULL);
	int theirs = dup(nmw_io_fd(&io, (uint32_t)s));
	nmw_io_recv(&io, (uint32_t)s);
	nothing();
	gone(s);
	ck_assert_int_eq(write(peer, "abc", 3), 3);
	nothing();
	char c[8];
	ck_assert_int_eq(read(theirs, c, sizeof c), 3);
	close(theirs);
	close(peer);
	nmw_io_close(&io);
}
END_TEST

/* More completions than their queue holds before anybody looks: a poll that does not wait finds all
 * of them. */
START_TEST(more_than_the_queue_holds)
{
	enum { MANY = 12000, POLLS = 10 * MANY, SMALL = 256, RCVBUF = 32 << 20 };
	static uint8_t small[MANY * SMALL];
	const struct nmw_io_spec spec = {.kind = kinds[_i / 2],
					 .socks = SOCKS,
					 .bufs = small,
					 .buf_sz = SMALL,
					 .buf_cnt = MANY,
					 .sqpoll = _i % 2};
	struct sockaddr_in a, b;
	const int room = RCVBUF;
	n_ev = at_ev = 0;
	if (nmw_io_open(&io, &spec, &err))
		return; /* forbidden */
	for (uint32_t i = 0; i < MANY; i++)
		nmw_io_give(&io, i);
	int fd = bound(SOCK_DGRAM, &a), from = bound(SOCK_DGRAM, &b);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room))
		printf("more than the queue holds: not here: SO_RCVBUFFORCE: %s\n",
		       strerror(errno));
	int s = add(fd, NULL);
	nmw_io_recv(&io, (uint32_t)s);
	nothing();
	unsigned sent = 0, seen = 0;
	for (unsigned i = 0; i < MANY; i++)
		sent += sendto(from, &i, sizeof i, 0, (struct sockaddr *)&a, sizeof a) == sizeof i;
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t len = sizeof info;
	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len), 0);
	sent -= info[SK_MEMINFO_DROPS];
	for (unsigned i = 0; i < POLLS && seen < sent; i++) {
		unsigned n = nmw_io_poll(&io, ev, EVENTS, 0);
		for (unsigned k = 0; k < n; k++)
			seen += ev[k].kind == NMW_IO_DATA;
		if (n == 0)
			sched_yield();
	}
	ck_assert_uint_eq(seen, sent);
	nmw_io_close(&io);
	close(from);
}
END_TEST

START_TEST(watches)
{
	if (!open_kind(_i, 0))
		return;
	int fd = eventfd(0, EFD_CLOEXEC);
	int s = add(fd, NULL);
	uint64_t v = 1;
	nmw_io_watch(&io, (uint32_t)s);
	nothing();
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(write(fd, &v, 8), 8);
		expect(NMW_IO_READY, s);
		ck_assert_int_eq(read(fd, &v, 8), 8);
		nothing();
	}
	gone(s);
	nmw_io_close(&io);
}
END_TEST

START_TEST(falls_back)
{
	const struct nmw_io_spec spec = {.kind = NMW_IO_AUTO, .socks = 1};
	ck_assert_int_eq(nmw_io_open(&io, &spec, &err), 0);
	bool ring = !strcmp(nmw_io_name(&io), "io_uring");
	ck_assert(ring == (nmw_io_why(&io)[0] == 0));
	nmw_io_close(&io);
	const struct nmw_io_spec none = {.kind = NMW_IO_EPOLL, .socks = 0};
	ck_assert_int_eq(nmw_io_open(&io, &none, &err), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("io");
	TCase *t = tcase_create("all");
	tcase_set_timeout(t, 30);
	tcase_add_loop_test(t, accepts, 0, 2);
	tcase_add_loop_test(t, stream, 0, 2);
	tcase_add_loop_test(t, starved, 0, 2);
	tcase_add_loop_test(t, starved_and_removed, 0, 2);
	tcase_add_loop_test(t, holds, 0, 2);
	tcase_add_loop_test(t, once, 0, 2);
	tcase_add_loop_test(t, datagrams, 0, 2);
	tcase_add_loop_test(t, network_errors, 0, 2);
	tcase_add_loop_test(t, removes, 0, 2);
	tcase_add_loop_test(t, removes_shared, 0, 2);
	tcase_add_loop_test(t, more_than_the_queue_holds, 0, 4);
	tcase_add_loop_test(t, watches, 0, 2);
	tcase_add_test(t, falls_back);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
