/* The line through the pipe, and the pipe as the life line. */
#include "ring/handoff.h"
#include "ring_fixture.h"

#include <fcntl.h>
#include <signal.h>

static int take_text(const char *text, size_t n, char name[NMW_RING_NAME_MAX])
{
	int fd[2];
	ck_assert_int_eq(pipe(fd), 0);
	ck_assert_int_eq(write(fd[1], text, n), (ssize_t)n);
	close(fd[1]);
	int rc = nmw_handoff_take(fd[0], name, 1000000000, &fx_err);
	close(fd[0]);
	return rc;
}

START_TEST(line)
{
	int fd[2];
	char name[NMW_RING_NAME_MAX], raw[100] = "";
	ck_assert_int_eq(pipe(fd), 0);
	ck_assert_int_eq(nmw_handoff_give(fd[1], "orders-12", &fx_err), 0);
	ck_assert_int_eq(read(fd[0], raw, sizeof raw - 1), 21);
	ck_assert_str_eq(raw, "nmw-ring 1 orders-12\n");
	ck_assert_int_eq(nmw_handoff_give(fd[1], "orders-12", &fx_err), 0);
	ck_assert_int_eq(write(fd[1], "rest", 4), 4);
	ck_assert_int_eq(nmw_handoff_take(fd[0], name, 1000000, &fx_err), 0);
	ck_assert_str_eq(name, "orders-12");
	ck_assert_int_eq(read(fd[0], raw, sizeof raw), 4); /* nothing after the line is taken */
	ck_assert_int_eq(nmw_handoff_take(fd[0], name, 2000000, &fx_err), -ETIMEDOUT);
	ck_assert_int_eq(fx_err.exit, NMW_EXIT_PEER);
	close(fd[0]);
	close(fd[1]);
}
END_TEST

START_TEST(other_input)
{
	static const struct {
		const char *text;
		int rc;
		enum nmw_exit exit;
	} row[] = {
		{"", -EPIPE, NMW_EXIT_PEER},
		{"\n", -EINVAL, NMW_EXIT_USAGE},
		{"hello\n", -EINVAL, NMW_EXIT_USAGE},
		{"\x1f\x8b\x08 gzip", -EINVAL, NMW_EXIT_USAGE},
		{"nmw-ring 2 a\n", -EINVAL, NMW_EXIT_USAGE},
		{"nmw-ring 1 \n", -EINVAL, NMW_EXIT_USAGE},
		{"nmw-ring 1 ../a\n", -EINVAL, NMW_EXIT_USAGE},
		{"nmw-ring 1 a b\n", -EINVAL, NMW_EXIT_USAGE},
		{"nmw-ring 1 a", -EINVAL, NMW_EXIT_USAGE},
		{"nmw-ring 1 "
		 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n",
		 -EINVAL, NMW_EXIT_USAGE},
		{"nmw-ring 1 ok\n", 0, NMW_EXIT_OK},
	};
	char name[NMW_RING_NAME_MAX];
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		fx_err = (struct nmw_err)NMW_ERR_INIT;
		int rc = take_text(row[i].text, strlen(row[i].text), name);
		ck_assert_msg(rc == row[i].rc && fx_err.exit == row[i].exit, "row %zu: %d %s", i,
			      rc, fx_err.msg);
	}
	take_text("\x7f"
		  "ELF",
		  4, name);
	ck_assert_ptr_nonnull(strstr(fx_err.msg, "\".\" found"));
}
END_TEST

START_TEST(life_line)
{
	int fd[2];
	ck_assert_int_eq(pipe(fd), 0);
	ck_assert_int_eq(nmw_handoff_alive_down(fd[1]), 1);
	ck_assert_int_eq(nmw_handoff_alive_up(fd[0]), 1);
	int keep = dup(fd[0]);
	close(fd[0]);
	ck_assert_int_eq(nmw_handoff_alive_down(fd[1]), 1);
	close(keep);
	ck_assert_int_eq(nmw_handoff_alive_down(fd[1]), 0);
	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(nmw_handoff_give(fd[1], "a", &fx_err), -EPIPE);
	ck_assert_int_eq(fx_err.exit, NMW_EXIT_PEER);
	close(fd[1]);
	ck_assert_int_eq(pipe(fd), 0);
	close(fd[1]);
	ck_assert_int_eq(nmw_handoff_alive_up(fd[0]), 0);
	close(fd[0]);
}
END_TEST

static void on_signal(int sig)
{
	(void)sig;
}

/* Figures may be asked for at any time; only a signal that stops ends the wait. */
START_TEST(signals_while_waiting)
{
	const struct sigaction sa = {.sa_handler = on_signal};
	const struct {
		int sig, rc;
	} row[] = {{SIGUSR1, -ETIMEDOUT}, {SIGUSR2, -ETIMEDOUT}, {SIGTERM, -EINTR}};
	char name[NMW_RING_NAME_MAX];
	int fd[2];
	ck_assert_int_eq(pipe(fd), 0);
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		sigaction(row[i].sig, &sa, NULL);
		pid_t child = fork();
		if (child == 0) {
			fx_nap_ms(100);
			kill(getppid(), row[i].sig);
			_exit(0);
		}
		ck_assert_int_eq(nmw_handoff_take(fd[0], name, 500000000, &fx_err), row[i].rc);
		waitpid(child, NULL, 0);
	}
	close(fd[0]);
	close(fd[1]);
}
END_TEST

START_TEST(no_pipe)
{
	char path[100];
	snprintf(path, sizeof path, "%s/file", fx_dir);
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	ck_assert_int_eq(nmw_handoff_give(fd, "a", &fx_err), -ENOTTY);
	ck_assert_int_eq(fx_err.exit, NMW_EXIT_USAGE);
	ck_assert_int_eq(nmw_handoff_alive_down(fd), 1);
	ck_assert_int_eq(nmw_handoff_alive_up(fd), 1);
	char name[NMW_RING_NAME_MAX];
	ck_assert_int_eq(nmw_handoff_take(fd, name, 1000, &fx_err), -EPIPE);
	int tty = posix_openpt(O_RDWR | O_NOCTTY);
	if (tty >= 0 && grantpt(tty) == 0 && unlockpt(tty) == 0) {
		int slave = open(ptsname(tty), O_RDWR | O_NOCTTY);
		ck_assert_int_eq(nmw_handoff_give(slave, "a", &fx_err), -ENOTTY);
		ck_assert_ptr_nonnull(strstr(fx_err.msg, "-o RING"));
		ck_assert_int_eq(nmw_handoff_take(slave, name, 1000, &fx_err), -ENOTTY);
		ck_assert_ptr_nonnull(strstr(fx_err.msg, "-i RING"));
		close(slave);
	}
	close(tty);
	close(fd);
}
END_TEST

FX_MAIN("handoff", line, other_input, life_line, signals_while_waiting, no_pipe)
