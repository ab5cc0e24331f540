// uses: tools/nmw-send/clients.c
// uses: tools/nmw-send/places.c
/* The clients of nmw-send tcp:, with sockets of this machine and a hand-over by hand. */
#include "../../tools/nmw-send/clients.h"
#include "base/log.h"
#include "unit.h"
#include "wire/be.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT 9001
#define S    1000000000ull

static struct nmw_session_log *lg;
static struct clients cl;
static struct places places = {.fd = -1};
static struct sink sink;
static struct sink_conf conf = {.client_buffer = 100000, .heartbeat_ns = S};
static struct nmw_handover_server server;
static struct nmw_err err;
static char dir[] = "/tmp/nmw-clients-XXXXXX";
static int listener;
static uint16_t tcp_port;
static uint64_t now = 100 * S;
static uint64_t ring_seq;
static bool killed; /* no writer is there */

static int fails;	/* errno of a send to come; 0 = none */
static unsigned before; /* sends before that one */

/* In place of the system's, whose names for its parameters are reserved ones. */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
ssize_t send(int fd, const void *p, size_t n, int flags)
{
	if (!fails || before-- > 0)
		return sendto(fd, p, n, flags, NULL, 0);
	errno = fails;
	fails = 0;
	return -1;
}

static void begin(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	struct nmw_session_log_conf lc = {
		.memory = NMW_SESSION_LOG_MIN, .accounts = 100, .name = "DAY1      "};
	nmw_log_init("test", NMW_LOG_ERROR, NMW_LOG_TEXT);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	setenv("NMW_DIR", dir, 1);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&a, n), 0);
	ck_assert_int_eq(listen(listener, 16), 0);
	getsockname(listener, (struct sockaddr *)&a, &n);
	tcp_port = ntohs(a.sin_port);
	ck_assert_msg(!nmw_handover_listen(&server, PORT, false, &err), "%s", err.msg);
	ck_assert_int_eq(nmw_session_log_open(&lg, &lc, &err), 0);
	ck_assert_int_eq(clients_open(&cl, &sink, lg, &places, 100, &conf, &err), 0);
	clients_port(&cl, PORT, now);
	ck_assert_int_eq(nmw_handover_accept(&server, &err), 1);
}

static void clean(void)
{
	clients_close(&cl);
	nmw_session_log_close(lg);
	nmw_handover_end(&server);
	close(listener);
	rmdir(dir);
}

/* A connection: the client's end, and the server's in *host. */
static int dial(int *host)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(tcp_port),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), small = 4096;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	*host = accept(listener, NULL, NULL);
	setsockopt(*host, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	ck_assert_int_ge(*host, 0);
	return fd;
}

static struct nmw_ctl login_of(const char account[10], uint64_t first)
{
	struct nmw_ctl c = {.kind = NMW_CTL_LOGIN,
			    .codec = NMW_CODEC_OUCH42,
			    .host_port = PORT,
			    .first = first};
	memcpy(c.account, account, 10);
	memset(c.name, ' ', 10);
	return c;
}

static void hand_over(uint32_t session, uint64_t seq, const struct nmw_ctl *c, int host)
{
	struct nmw_handover m = {.session = session, .login_seq = seq, .login = *c};
	memset(m.requested, ' ', sizeof m.requested);
	ck_assert_int_eq(nmw_handover_give(&server, &m, host), 0);
	close(host);
}

static int log_in(uint32_t session, uint64_t seq, const char account[10], uint64_t first)
{
	int host, fd = dial(&host);
	struct nmw_ctl c = login_of(account, first);
	hand_over(session, seq, &c, host);
	ck_assert(clients_login(&cl, session, seq, &c, now));
	clients_send(&cl, now);
	return fd;
}

static void say(uint32_t session, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		int a = clients_account(&cl, session);
		char text[16];
		snprintf(text, sizeof text, "%08llu",
			 (unsigned long long)nmw_session_log_next(lg, a));
		nmw_session_log_append(lg, a, ++ring_seq, now, (const uint8_t *)text, 8);
		clients_news(&cl, a, false);
	}
	clients_send(&cl, now);
}

static void read_all(int fd, void *p, size_t n)
{
	struct pollfd w = {.fd = fd, .events = POLLIN};
	for (uint8_t *at = p; n;) {
		ck_assert_int_eq(poll(&w, 1, 2000), 1);
		ssize_t got = recv(fd, at, n, 0);
		ck_assert_int_gt(got, 0);
		at += got;
		n -= (size_t)got;
		if (!killed)
			clients_look_after(&cl, now);
	}
}

/* One packet: its type, its payload in buf. */
static char packet(int fd, char *buf)
{
	uint8_t head[3];
	read_all(fd, head, 3);
	uint32_t len = nmw_be16(head) - 1u;
	read_all(fd, buf, len);
	buf[len] = 0;
	return (char)head[2];
}

static void expect_accepted(int fd, unsigned next)
{
	char buf[64], want[64];
	ck_assert_int_eq(packet(fd, buf), 'A');
	snprintf(want, sizeof want, "      DAY1%20u", next);
	ck_assert_str_eq(buf, want);
}

static void expect_messages(int fd, unsigned from, unsigned to)
{
	char buf[64], want[32];
	for (unsigned i = from; i <= to; i++) {
		ck_assert_int_eq(packet(fd, buf), 'S');
		snprintf(want, sizeof want, "%08u", i);
		ck_assert_str_eq(buf, want);
	}
}

static void expect_silence(int fd)
{
	struct pollfd w = {.fd = fd, .events = POLLIN};
	ck_assert_int_eq(poll(&w, 1, 50), 0);
}

static void expect_end(int fd)
{
	char c[4096];
	struct pollfd w = {.fd = fd, .events = POLLIN};
	ssize_t n;
	do {
		ck_assert_int_eq(poll(&w, 1, 2000), 1);
		n = recv(fd, c, sizeof c, 0);
	} while (n > 0);
}

START_TEST(replies_in_order)
{
	begin();
	int fd = log_in(1, 10, "ALICE     ", 1);
	expect_accepted(fd, 1);
	say(1, 5);
	expect_messages(fd, 1, 5);
	expect_silence(fd);
	ck_assert_uint_eq(sink.count.clients, 1);
	close(fd);
	clean();
}
END_TEST

START_TEST(comes_back_in_mid_stream)
{
	begin();
	int fd = log_in(1, 10, "ALICE     ", 1);
	say(1, 10);
	expect_accepted(fd, 1);
	expect_messages(fd, 1, 10);
	close(fd);
	clients_end(&cl, 1, 20);
	ck_assert_uint_eq(sink.count.clients, 0);
	say(1, 10); /* fills while it is away */
	fd = log_in(1, 30, "ALICE     ", 6);
	expect_accepted(fd, 6);
	say(1, 5);
	expect_messages(fd, 6, 25);
	expect_silence(fd);
	close(fd);
	clean();
}
END_TEST

START_TEST(number_asked_for)
{
	begin();
	int fd = log_in(1, 10, "ALICE     ", 0);
	expect_accepted(fd, 1);
	say(1, 10);
	close(fd);
	clients_end(&cl, 1, 20);
	fd = log_in(1, 30, "ALICE     ", 0); /* the most recent one */
	expect_accepted(fd, 10);
	expect_messages(fd, 10, 10);
	close(fd);
	clients_end(&cl, 1, 40);
	fd = log_in(1, 50, "ALICE     ", 99); /* beyond the end */
	expect_accepted(fd, 11);
	say(1, 1);
	expect_messages(fd, 11, 11);
	close(fd);
	clean();
}
END_TEST

START_TEST(login_before_its_socket)
{
	begin();
	int host, fd = dial(&host);
	struct nmw_ctl c = login_of("ALICE     ", 1);
	ck_assert(clients_login(&cl, 1, 10, &c, now));
	say(1, 3);
	expect_silence(fd);
	hand_over(1, 10, &c, host);
	clients_look_after(&cl, now);
	expect_accepted(fd, 1);
	expect_messages(fd, 1, 3);
	close(fd);
	clean();
}
END_TEST

/* The LOGIN passed while no writer was there. */
START_TEST(socket_without_its_login)
{
	begin();
	int host, fd = dial(&host);
	struct nmw_ctl c = login_of("ALICE     ", 1);
	hand_over(1, 10, &c, host);
	clients_look_after(&cl, now);
	expect_silence(fd);
	now += 3 * S;
	clients_look_after(&cl, now);
	expect_accepted(fd, 1);
	say(1, 2);
	expect_messages(fd, 1, 2);
	close(fd);
	clean();
}
END_TEST

/* Another writer has written to it: nobody knows where it stands. */
START_TEST(half_written_socket_is_closed)
{
	begin();
	int host, fd = dial(&host);
	struct nmw_ctl c = login_of("ALICE     ", 1);
	ck_assert_int_eq(send(host, "x", 1, 0), 1);
	hand_over(1, 10, &c, host);
	clients_look_after(&cl, now);
	expect_end(fd);
	ck_assert_uint_eq(sink.count.extra[SINK_reset_clients], 1);
	ck_assert_int_ge(clients_account(&cl, 1), 0); /* replies are kept for it */
	close(fd);
	clean();
}
END_TEST

START_TEST(new_connection_before_the_old_is_lost)
{
	begin();
	int host, second, fd = log_in(1, 10, "ALICE     ", 1);
	struct nmw_ctl c = login_of("ALICE     ", 3);
	say(1, 4);
	expect_accepted(fd, 1);
	expect_messages(fd, 1, 4);
	second = dial(&host);
	hand_over(1, 30, &c, host);
	clients_look_after(&cl, now); /* taken before the LOST of the first */
	say(1, 1);
	expect_messages(fd, 5, 5);
	clients_end(&cl, 1, 29);
	ck_assert(clients_login(&cl, 1, 30, &c, now));
	clients_send(&cl, now);
	expect_accepted(second, 3);
	expect_messages(second, 3, 5);
	close(fd);
	close(second);
	clean();
}
END_TEST

START_TEST(slow_client_is_dropped_and_misses_nothing)
{
	begin();
	int slow = log_in(1, 10, "SLOW      ", 1), fast = log_in(2, 11, "FAST      ", 1);
	expect_accepted(fast, 1);
	expect_accepted(slow, 1);
	for (unsigned i = 0; i < 3000; i++) {
		say(1, 10);
		say(2, 1);
		expect_messages(fast, i + 1, i + 1);
	}
	ck_assert_uint_eq(sink.count.extra[SINK_slow_clients], 1);
	ck_assert_uint_eq(sink.count.clients, 1);
	unsigned have = 0;
	char c;
	char head[11];
	while (recv(slow, head, sizeof head, MSG_WAITALL) == (ssize_t)sizeof head)
		have++;
	ck_assert_int_eq(recv(slow, &c, 1, 0), 0);
	close(slow);
	clients_end(&cl, 1, 20);
	slow = log_in(1, 30, "SLOW      ", have + 1);
	if (have + 1 >= nmw_session_log_oldest(lg, clients_account(&cl, 1))) {
		expect_accepted(slow, have + 1);
		expect_messages(slow, have + 1, have + 10);
	}
	close(slow);
	close(fast);
	clean();
}
END_TEST

/* A socket that is full, then has room again: the stream goes on at the byte. */
START_TEST(blocked_client_goes_on)
{
	begin();
	int fd = log_in(1, 10, "ALICE     ", 1);
	say(1, 8000); /* 88 kB: more than the buffers, less than --client-buffer */
	ck_assert(cl.v[0].blocked);
	now += 2 * S;
	clients_look_after(&cl, now); /* no heartbeat in mid-message */
	expect_accepted(fd, 1);
	expect_messages(fd, 1, 8000);
	clients_look_after(&cl, now);
	close(fd);
	clean();
}
END_TEST

/* Errors that pass: no event says when, and the client is not gone. */
START_TEST(errors_that_pass)
{
	static const int error[] = {EINTR, ENOBUFS, ENOMEM};
	begin();
	int fd = log_in(1, 10, "ALICE     ", 1);
	expect_accepted(fd, 1);
	for (unsigned i = 0; i < 3; i++) {
		fails = error[i];
		before = 0;
		say(1, 1);
		ck_assert_int_eq(fails, 0);
		ck_assert(!cl.v[0].blocked);
		ck_assert(clients_pending(&cl));
		clients_send(&cl, now);
		expect_messages(fd, i + 1, i + 1);
	}
	ck_assert_uint_eq(sink.count.clients, 1);
	close(fd);
	clean();
}
END_TEST

START_TEST(heartbeats_after_silence)
{
	char buf[64];
	begin();
	int fd = log_in(1, 10, "ALICE     ", 1);
	expect_accepted(fd, 1);
	now += S / 2;
	clients_look_after(&cl, now);
	expect_silence(fd);
	now += S;
	clients_look_after(&cl, now);
	ck_assert_int_eq(packet(fd, buf), 'H');
	expect_silence(fd);
	close(fd);
	clean();
}
END_TEST

START_TEST(end_of_session)
{
	char buf[64];
	begin();
	int fd = log_in(1, 10, "ALICE     ", 1), a = clients_account(&cl, 1);
	expect_accepted(fd, 1);
	nmw_session_log_append(lg, a, 1, now, (const uint8_t *)"S00000000E", 10);
	clients_news(&cl, a, true);
	clients_send(&cl, now);
	ck_assert_int_eq(packet(fd, buf), 'S');
	ck_assert_int_eq(packet(fd, buf), 'Z');
	expect_end(fd);
	close(fd);
	clean();
}
END_TEST

/* The socket is full just when the end is to go: it goes when there is room. */
START_TEST(end_of_session_waits_for_room)
{
	char buf[64];
	begin();
	int fd = log_in(1, 10, "ALICE     ", 1), a = clients_account(&cl, 1);
	expect_accepted(fd, 1);
	nmw_session_log_append(lg, a, 1, now, (const uint8_t *)"S00000000E", 10);
	clients_news(&cl, a, true);
	fails = EAGAIN;
	before = 1; /* the message goes, the end does not */
	clients_send(&cl, now);
	ck_assert_int_eq(fails, 0);
	ck_assert_int_eq(packet(fd, buf), 'S'); /* looks after the clients, too */
	ck_assert_int_eq(packet(fd, buf), 'Z');
	clients_look_after(&cl, now);
	expect_end(fd);
	close(fd);
	clean();
}
END_TEST

/* No account more fits in the session log: the client is told so. */
START_TEST(account_without_a_log)
{
	struct nmw_session_log_conf lc = {
		.memory = NMW_SESSION_LOG_MIN, .accounts = 1, .name = "DAY1      "};
	char buf[64];
	begin();
	clients_close(&cl);
	nmw_session_log_close(lg);
	ck_assert_int_eq(nmw_session_log_open(&lg, &lc, &err), 0);
	ck_assert_int_eq(clients_open(&cl, &sink, lg, &places, 100, &conf, &err), 0);
	clients_port(&cl, PORT, now);
	while (nmw_handover_accept(&server, &err) != 1)
		;
	int fd = log_in(1, 10, "ALICE     ", 1), late = log_in(2, 11, "BOB       ", 1);
	expect_accepted(fd, 1);
	ck_assert_int_eq(packet(late, buf), 'J');
	ck_assert_str_eq(buf, "S");
	expect_end(late);
	ck_assert_uint_eq(sink.count.extra[SINK_logins_refused], 1);
	say(1, 3);
	expect_messages(fd, 1, 3);
	close(fd);
	close(late);
	clean();
}
END_TEST

/* Places are taken again and again, each client found among those of its session. */
START_TEST(places_of_many)
{
	begin();
	int fd[90];
	uint64_t seq = 10;
	for (unsigned turn = 0; turn < 3; turn++) {
		for (unsigned i = 0; i < 90; i++) {
			char account[11];
			snprintf(account, sizeof account, "A%-9u", i);
			fd[i] = log_in(i + 1, seq++, account, 0);
			expect_accepted(fd[i], turn ? turn : 1);
			say(i + 1, 1);
			expect_messages(fd[i], turn ? turn : 1, turn + 1);
		}
		ck_assert_uint_eq(sink.count.clients, 90);
		for (unsigned i = 0; i < 90; i++) {
			unsigned k = i * 7 % 90;
			clients_end(&cl, k + 1, seq++);
			close(fd[k]);
		}
		ck_assert_uint_eq(sink.count.clients, 0);
		ck_assert_uint_eq(cl.used, 90);
	}
	clean();
}
END_TEST

/* The log on disk, and the places beside it. */
static void open_on_disk(void)
{
	struct nmw_session_log_conf lc = {.memory = NMW_SESSION_LOG_MIN,
					  .accounts = 100,
					  .name = "DAY1      ",
					  .day = "D",
					  .dir = dir};
	ck_assert_msg(!nmw_session_log_open(&lg, &lc, &err), "%s", err.msg);
	ck_assert_msg(!places_open(&places, dir, "D", 100, &err), "%s", err.msg);
	ck_assert_int_eq(clients_open(&cl, &sink, lg, &places, 100, &conf, &err), 0);
	clients_port(&cl, PORT, now);
	killed = false;
}

/* As after kill -9: the sockets are closed, and nothing is said on them. */
static void vanish(void)
{
	for (uint32_t i = 0; i < cl.used; i++)
		if (cl.v[i].fd >= 0) {
			close(cl.v[i].fd);
			cl.v[i].fd = -1;
		}
	clients_close(&cl);
	nmw_session_log_close(lg);
	places_close(&places);
	killed = true;
}

static void writer_comes(void)
{
	while (nmw_handover_accept(&server, &err) != 1)
		;
}

/* The writer is killed while the client's socket is full, in the middle of a message. */
START_TEST(goes_on_where_a_killed_writer_stood)
{
	begin();
	clients_close(&cl);
	nmw_session_log_close(lg);
	open_on_disk();
	writer_comes();
	int host, fd = dial(&host), ours = dup(host);
	struct nmw_ctl c = login_of("ALICE     ", 1);
	hand_over(1, 10, &c, host);
	ck_assert(clients_login(&cl, 1, 10, &c, now));
	clients_send(&cl, now);
	expect_accepted(fd, 1);
	unsigned next = 1;
	for (unsigned kill = 0; kill < 5; kill++) {
		unsigned last = next + 3999;
		say(1, 4000);
		ck_assert(cl.v[0].blocked);
		nmw_session_log_flush(lg, NULL);
		vanish();
		expect_messages(fd, next, next + 9); /* the kernel has these still */
		next += 10;
		sink.count.clients = 0;
		open_on_disk();
		writer_comes();
		if (kill % 2) /* the ring may give it once more before the socket is here */
			ck_assert(clients_login(&cl, 1, 10, &c, now));
		hand_over(1, 10, &c, dup(ours));
		clients_look_after(&cl, now);
		ck_assert_uint_eq(sink.count.extra[SINK_resumed_clients], kill + 1);
		ck_assert(clients_login(&cl, 1, 10, &c, now)); /* once more by the ring */
		expect_messages(fd, next, last);
		next = last + 1;
	}
	expect_silence(fd);
	now += 2 * S;
	clients_look_after(&cl, now);
	char buf[64];
	ck_assert_int_eq(packet(fd, buf), 'H');
	close(fd);
	close(ours);
	clients_close(&cl);
	places_close(&places);
	nmw_session_log_close(lg);
	nmw_handover_end(&server);
	char path[128];
	snprintf(path, sizeof path, "%s/clients.D", dir);
	unlink(path);
	snprintf(path, sizeof path, "%s/ALICE.ouch42.D", dir);
	unlink(path);
	rmdir(dir);
}
END_TEST

/* nmw-recv is gone for good: its clients are cut off, not left hanging. */
START_TEST(reader_gone)
{
	begin();
	int fd = log_in(1, 10, "ALICE     ", 1);
	expect_accepted(fd, 1);
	nmw_handover_end(&server);
	clients_look_after(&cl, now);
	now += S / 2;
	clients_look_after(&cl, now);
	ck_assert_uint_eq(sink.count.clients, 1);
	now += S;
	clients_look_after(&cl, now);
	ck_assert_uint_eq(sink.count.clients, 0);
	expect_end(fd);
	close(fd);
	clean();
}
END_TEST

/* The one client that is too many is refused; whoever is there stays. */
START_TEST(no_descriptor_for_another)
{
	char buf[64];
	begin();
	int fd = log_in(1, 10, "ALICE     ", 1), host, late = dial(&host);
	struct nmw_ctl c = login_of("BOB       ", 1);
	struct rlimit old, none;
	expect_accepted(fd, 1);
	getrlimit(RLIMIT_NOFILE, &old);
	hand_over(2, 11, &c, dup(host));
	hand_over(3, 12, &c, dup(host));
	none = old;
	none.rlim_cur = (rlim_t)host + 1; /* one is free: that of the first dup */
	close(host);
	setrlimit(RLIMIT_NOFILE, &none);
	for (unsigned i = 0; i < 5; i++, now += S / 10)
		clients_look_after(&cl, now);
	setrlimit(RLIMIT_NOFILE, &old);
	ck_assert_uint_eq(sink.count.extra[SINK_logins_refused], 2);
	ck_assert_uint_eq(sink.count.clients, 1);
	ck_assert_int_eq(packet(late, buf), 'J');
	expect_end(late);
	say(1, 3);
	expect_messages(fd, 1, 3);
	close(fd);
	close(late);
	clean();
}
END_TEST

/* The hand-over socket breaks, and it is the same nmw-recv that is reached again. */
START_TEST(reader_comes_back)
{
	begin();
	int fd = log_in(1, 10, "ALICE     ", 1);
	expect_accepted(fd, 1);
	close(server.peer);
	server.peer = -1;
	clients_look_after(&cl, now);
	now += S / 5;
	clients_look_after(&cl, now);
	ck_assert_int_eq(nmw_handover_accept(&server, &err), 1);
	now += S / 5;
	clients_look_after(&cl, now);
	ck_assert_uint_eq(sink.count.clients, 1);
	say(1, 2);
	expect_messages(fd, 1, 2);
	close(fd);
	clean();
}
END_TEST

UNIT_MAIN("clients", replies_in_order, comes_back_in_mid_stream, number_asked_for,
	  login_before_its_socket, socket_without_its_login, half_written_socket_is_closed,
	  new_connection_before_the_old_is_lost, slow_client_is_dropped_and_misses_nothing,
	  blocked_client_goes_on, errors_that_pass, heartbeats_after_silence, end_of_session,
	  end_of_session_waits_for_room, account_without_a_log, places_of_many,
	  goes_on_where_a_killed_writer_stood, reader_gone, no_descriptor_for_another,
	  reader_comes_back)
