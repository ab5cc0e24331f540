/* Sockets of live sessions, from who reads to who writes. */
#include "io/handover.h"
#include "ring_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#define PORT 9001

static struct nmw_handover_server server;

static void listen_here(void)
{
	ck_assert_int_eq(nmw_handover_listen(&server, PORT, false, &fx_err), 0);
}

static int connect_here(void)
{
	int fd = nmw_handover_connect(PORT, false, &fx_err);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static struct nmw_handover session(uint32_t id)
{
	struct nmw_handover m = {.session = id, .login_seq = 1000 + id};
	m.login.kind = NMW_CTL_LOGIN;
	m.login.host_port = PORT;
	m.login.first = 7;
	memcpy(m.login.account, "ALICE     ", 10);
	return m;
}

/* Gives one end of a pair away, and finds it alive at the other. */
START_TEST(one_session)
{
	struct nmw_handover m = session(3), got;
	int pair[2], fd = -1;
	char c = 0;
	listen_here();
	struct stat sb;
	ck_assert_int_eq(stat(server.path, &sb), 0);
	ck_assert_int_eq(sb.st_mode & 0777, 0600);
	ck_assert_int_eq(nmw_handover_give(&server, &m, 0), -ENOTCONN);
	int writer = connect_here();
	ck_assert_int_eq(nmw_handover_take(writer, &got, &fd, &fx_err), 0);
	ck_assert_int_eq(nmw_handover_accept(&server, &fx_err), 1);
	ck_assert_int_eq(nmw_handover_accept(&server, &fx_err), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(nmw_handover_give(&server, &m, pair[0]), 0);
	close(pair[0]);
	ck_assert_int_eq(nmw_handover_take(writer, &got, &fd, &fx_err), 1);
	ck_assert_uint_eq(got.session, 3);
	ck_assert_uint_eq(got.login_seq, 1003);
	ck_assert_mem_eq(&got.login, &m.login, sizeof m.login);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(write(fd, "x", 1), 1);
	ck_assert_int_eq(read(pair[1], &c, 1), 1);
	ck_assert_int_eq(c, 'x');
	ck_assert_int_eq(nmw_handover_take(writer, &got, &fd, &fx_err), 0);
	close(fd);
	close(pair[1]);
	nmw_handover_end(&server);
	ck_assert_int_eq(nmw_handover_take(writer, &got, &fd, &fx_err), -EPIPE);
	ck_assert_int_ne(stat(server.path, &sb), 0);
	close(writer);
}
END_TEST

START_TEST(one_writer)
{
	struct nmw_handover got;
	int fd = -1;
	listen_here();
	int first = connect_here();
	ck_assert_int_eq(nmw_handover_accept(&server, &fx_err), 1);
	int second = connect_here();
	ck_assert_int_eq(nmw_handover_accept(&server, &fx_err), -EBUSY);
	ck_assert_int_eq(nmw_handover_take(second, &got, &fd, &fx_err), -EPIPE);
	ck_assert_int_eq(nmw_handover_take(first, &got, &fd, &fx_err), 0);
	close(second);
	close(first); /* it died; the next one comes in the same moment */
	first = connect_here();
	ck_assert_int_eq(nmw_handover_accept(&server, &fx_err), 1);
	close(first);
	ck_assert_int_eq(nmw_handover_accept(&server, &fx_err), -EPIPE);
	ck_assert_int_eq(nmw_handover_accept(&server, &fx_err), 0);
	nmw_handover_end(&server);
}
END_TEST

START_TEST(full)
{
	struct nmw_handover m = session(1), got;
	int fd = -1, given = 0, taken = 0, rc;
	listen_here();
	int writer = connect_here();
	ck_assert_int_eq(nmw_handover_accept(&server, &fx_err), 1);
	while ((rc = nmw_handover_give(&server, &m, 0)) == 0 && given < 100000)
		given++;
	ck_assert_int_eq(rc, -EAGAIN);
	ck_assert_int_gt(given, 0);
	while (nmw_handover_take(writer, &got, &fd, &fx_err) == 1) {
		taken++;
		close(fd);
	}
	ck_assert_int_eq(taken, given);
	ck_assert_int_eq(nmw_handover_give(&server, &m, 0), 0);
	close(writer);
	ck_assert_int_eq(nmw_handover_give(&server, &m, 0), -ENOTCONN);
	nmw_handover_end(&server);
}
END_TEST

/* What a dead process left is replaced; a name that nobody serves is said so. */
START_TEST(stale)
{
	uint16_t port = 0;
	ck_assert_int_eq(nmw_handover_ports(false, &port, &fx_err), 0);
	listen_here();
	ck_assert_int_eq(nmw_handover_ports(false, &port, &fx_err), 1);
	ck_assert_uint_eq(port, PORT);
	char path[NMW_HANDOVER_PATH_MAX];
	ck_assert_int_eq(nmw_handover_path(path, PORT, false, &fx_err), 0);
	ck_assert_str_eq(path, server.path);
	close(server.listen_fd);
	ck_assert_int_eq(nmw_handover_connect(PORT, false, &fx_err), -ECONNREFUSED);
	ck_assert_int_eq(nmw_handover_connect(PORT + 1, false, &fx_err), -ENOENT);
	ck_assert_int_eq(fx_err.exit, NMW_EXIT_PEER);
	listen_here();
	close(connect_here());
	nmw_handover_end(&server);
}
END_TEST

/* A second server of the port is refused; the first keeps its file, and its writer. */
START_TEST(second_server)
{
	struct nmw_handover_server second = {.listen_fd = -1, .peer = -1};
	struct stat sb;
	char text[64];
	listen_here();
	int writer = connect_here();
	ck_assert_int_eq(nmw_handover_accept(&server, &fx_err), 1);
	ck_assert_int_eq(nmw_handover_listen(&second, PORT, false, &fx_err), -EADDRINUSE);
	ck_assert_int_eq(fx_err.exit, NMW_EXIT_RESOURCE);
	snprintf(text, sizeof text, "in use by pid %d:", (int)getpid());
	ck_assert_msg(strstr(fx_err.msg, text) != NULL, "%s", fx_err.msg);
	nmw_handover_end(&second);
	ck_assert_int_eq(stat(server.path, &sb), 0);
	ck_assert_int_eq(nmw_handover_accept(&server, &fx_err), -EBUSY);
	ck_assert_int_eq(nmw_handover_accept(&server, &fx_err), 0);
	unlink(server.path); /* somebody else's takes its place */
	ck_assert_int_eq(nmw_handover_listen(&second, PORT, false, &fx_err), 0);
	nmw_handover_end(&server);
	ck_assert_int_eq(stat(second.path, &sb), 0);
	nmw_handover_end(&second);
	ck_assert_int_ne(stat(second.path, &sb), 0);
	close(writer);
}
END_TEST

/* Several start at once where a dead one has left its socket: one serves, and can be reached. */
START_TEST(servers_at_once)
{
	enum { SERVERS = 4, ROUNDS = 5 };
	for (unsigned round = 0; round < ROUNDS; round++) {
		int go[2], done[2], serves = 0, status;
		pid_t pid[SERVERS];
		char said;
		listen_here();
		close(server.listen_fd);
		server.listen_fd = -1;
		ck_assert_int_eq(pipe(go), 0);
		ck_assert_int_eq(pipe(done), 0);
		for (unsigned i = 0; i < SERVERS; i++) {
			pid[i] = fork();
			ck_assert_int_ge(pid[i], 0);
			if (pid[i])
				continue;
			close(go[1]);
			bool first = read(go[0], &said, 1) >= 0 &&
				     !nmw_handover_listen(&server, PORT, false, &fx_err);
			if (write(done[1], first ? "y" : "n", 1) == 1)
				pause();
			_exit(1);
		}
		close(go[0]);
		close(go[1]); /* all of them go */
		for (unsigned i = 0; i < SERVERS; i++) {
			ck_assert_int_eq(read(done[0], &said, 1), 1);
			serves += said == 'y';
		}
		ck_assert_int_eq(serves, 1);
		int writer = connect_here();
		close(writer);
		for (unsigned i = 0; i < SERVERS; i++) {
			kill(pid[i], SIGKILL);
			waitpid(pid[i], &status, 0);
		}
		close(done[0]);
		close(done[1]);
	}
	unlink(server.path);
}
END_TEST

/* Packets of another version, short ones, ones without a socket. */
START_TEST(nonsense)
{
	struct nmw_handover m = session(1), got;
	int pair[2], fd = -1;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	ck_assert_int_eq(send(pair[0], "hello", 5, 0), 5);
	ck_assert_int_eq(nmw_handover_take(pair[1], &got, &fd, &fx_err), -EPROTO);
	m.magic = NMW_HANDOVER_MAGIC;
	m.version = NMW_HANDOVER_VERSION;
	ck_assert_int_eq(send(pair[0], &m, sizeof m, 0), sizeof m);
	ck_assert_int_eq(nmw_handover_take(pair[1], &got, &fd, &fx_err), -EPROTO);
	ck_assert_int_eq(fd, -1);
	struct nmw_handover_server s = {.listen_fd = -1, .peer = pair[0]};
	ck_assert_int_eq(nmw_handover_give(&s, &m, 0), 0);
	ck_assert_int_eq(nmw_handover_take(pair[1], &got, &fd, &fx_err), 1);
	close(fd);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

/* No descriptor is free: that session is lost, and the next ones are not. */
START_TEST(no_descriptor)
{
	struct nmw_handover m = session(5), got;
	struct rlimit old, none;
	int pair[2], fd = -1, rc[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	struct nmw_handover_server s = {.listen_fd = -1, .peer = pair[0]};
	ck_assert_int_eq(nmw_handover_give(&s, &m, 0), 0);
	ck_assert_int_eq(nmw_handover_give(&s, &m, 0), 0);
	getrlimit(RLIMIT_NOFILE, &old);
	none = old;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &none);
	rc[0] = nmw_handover_take(pair[1], &got, &fd, &fx_err);
	setrlimit(RLIMIT_NOFILE, &old);
	ck_assert_int_eq(rc[0], -EMFILE);
	ck_assert_int_eq(fd, -1);
	ck_assert_uint_eq(got.session, 5);
	ck_assert_ptr_nonnull(strstr(fx_err.msg, "ulimit -n"));
	rc[1] = nmw_handover_take(pair[1], &got, &fd, &fx_err);
	ck_assert_int_eq(rc[1], 1);
	close(fd);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

FX_MAIN("handover", one_session, one_writer, full, stale, second_server, servers_at_once, nonsense,
	no_descriptor)
