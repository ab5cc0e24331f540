#include "base/outfile.h"
#include "base/rng.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/stat.h>
#include <unistd.h>

static struct nmw_outfile o;
static struct nmw_err err;
static char path[UNIT_PATH];

static void put(const void *p, uint32_t n, uint32_t msgs)
{
	uint8_t *to = nmw_outfile_room(&o, n);
	if (!to) {
		nmw_outfile_lose(&o, msgs);
		return;
	}
	memcpy(to, p, n);
	nmw_outfile_commit(&o, n, msgs, n);
}

static void open_temp(void)
{
	close(unit_file(path, "outfile"));
	ck_assert_int_eq(nmw_outfile_open(&o, path, path, true, &err), 0);
	ck_assert(o.regular);
}

static off_t size_of(void)
{
	struct stat sb;
	ck_assert_int_eq(stat(path, &sb), 0);
	return sb.st_size;
}

/* Stdout becomes fd for the rest of the test (each runs in a process of its own). */
static void open_stdout(int fd)
{
	fflush(stdout);
	ck_assert_int_eq(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
	ck_assert_int_eq(nmw_outfile_open(&o, "-", "test:-", true, &err), 0);
	ck_assert(!o.owned);
}

START_TEST(records_arrive)
{
	open_temp();
	for (uint32_t i = 0; i < 100000; i++)
		put(&i, sizeof i, 2);
	ck_assert_int_eq(nmw_outfile_close(&o), 0);
	ck_assert_uint_eq(o.records_written, 100000);
	ck_assert_uint_eq(o.msgs_written, 200000);
	ck_assert_uint_eq(o.bytes_written, 400000);
	ck_assert_int_eq(size_of(), 400000);
	unlink(path);
}
END_TEST

/* A limit on the file's size stops a write in mid-record: what is cut is taken back. */
START_TEST(a_full_disk_leaves_whole_records)
{
	uint8_t rec[300] = {0};
	const struct rlimit limit = {100000, RLIM_INFINITY};
	signal(SIGXFSZ, SIG_IGN);
	open_temp();
	setrlimit(RLIMIT_FSIZE, &limit);
	for (int i = 0; i < 1000; i++)
		put(rec, sizeof rec, 1);
	ck_assert_int_eq(nmw_outfile_flush(&o), -EFBIG);
	ck_assert_int_eq(o.err.exit, NMW_EXIT_RESOURCE);
	ck_assert_int_eq(size_of(), 99900);
	ck_assert_uint_eq(o.msgs_written, 333);
	ck_assert_uint_eq(o.msgs_lost, 667);
	ck_assert_ptr_null(nmw_outfile_room(&o, 1));
	put(rec, 1, 5);
	ck_assert_uint_eq(o.msgs_lost, 672);
	ck_assert_int_eq(nmw_outfile_close(&o), -EFBIG);
	unlink(path);
}
END_TEST

START_TEST(dev_full)
{
	ck_assert_int_eq(nmw_outfile_open(&o, "/dev/full", "x", true, &err), 0);
	put("a", 1, 1);
	ck_assert_int_eq(nmw_outfile_close(&o), -ENOSPC);
	ck_assert_int_eq(o.err.exit, NMW_EXIT_RESOURCE);
	ck_assert_uint_eq(o.msgs_lost, 1);
}
END_TEST

START_TEST(a_reader_that_leaves)
{
	int fd[2];
	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(pipe(fd), 0);
	open_stdout(fd[1]);
	put("abc", 3, 1);
	ck_assert_int_eq(nmw_outfile_flush(&o), 0);
	close(fd[0]);
	put("def", 3, 1);
	ck_assert_int_eq(nmw_outfile_flush(&o), -EPIPE);
	ck_assert_uint_eq(o.msgs_written, 1);
	ck_assert_uint_eq(o.msgs_lost, 1);
}
END_TEST

/* ---- a slow reader, a pipe that does not block, and signals during write --------------------- */

#define TOTAL 3000000u

static int reader_fd;

static void *slow_reader(void *arg)
{
	static uint8_t buf[65536];
	uint32_t *sum = arg, at = 0;
	ssize_t n;
	while ((n = read(reader_fd, buf, 1 + at % 60000)) > 0) {
		for (ssize_t i = 0; i < n; i++, at++)
			*sum += buf[i] == (uint8_t)(at % 251);
		if (at / 100000 != (at - (uint32_t)n) / 100000)
			usleep(1000);
	}
	return NULL;
}

static void on_alarm(int sig)
{
	(void)sig;
}

static bool never(void *arg)
{
	++*(int *)arg;
	return false;
}

static void through_pipe(int flags)
{
	int fd[2], asked = 0;
	uint32_t right = 0;
	pthread_t t;
	sigset_t alarms;
	struct nmw_rng r;
	nmw_rng_seed(&r, 3);
	ck_assert_int_eq(pipe2(fd, flags), 0);
	fcntl(fd[0], F_SETFL, 0);
	reader_fd = fd[0];
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarms, NULL); /* only the writer is interrupted */
	ck_assert_int_eq(pthread_create(&t, NULL, slow_reader, &right), 0);
	pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
	const struct sigaction sa = {.sa_handler = on_alarm};
	sigaction(SIGALRM, &sa, NULL);
	const struct itimerval every = {{0, 500}, {0, 500}}, off = {0};
	open_stdout(fd[1]);
	o.give_up = never;
	o.give_up_arg = &asked;
	setitimer(ITIMER_REAL, &every, NULL);
	for (uint32_t at = 0; at < TOTAL;) {
		uint32_t n = 1 + (uint32_t)nmw_rng_below(&r, 2000);
		n = n < TOTAL - at ? n : TOTAL - at;
		uint8_t *p = nmw_outfile_room(&o, n);
		ck_assert_ptr_nonnull(p);
		for (uint32_t i = 0; i < n; i++)
			p[i] = (uint8_t)((at + i) % 251);
		nmw_outfile_commit(&o, n, 1, n);
		at += n;
	}
	ck_assert_int_eq(nmw_outfile_flush(&o), 0);
	setitimer(ITIMER_REAL, &off, NULL);
	close(fd[1]);
	close(STDOUT_FILENO);
	pthread_join(t, NULL);
	ck_assert_uint_eq(right, TOTAL);
	ck_assert_uint_eq(o.bytes_written, TOTAL);
	ck_assert_int_gt(asked, 0);
}

START_TEST(signals_do_not_cut_records)
{
	through_pipe(0);
}
END_TEST

START_TEST(a_pipe_that_does_not_block)
{
	through_pipe(O_NONBLOCK);
}
END_TEST

static bool always(void *arg)
{
	(void)arg;
	return true;
}

START_TEST(who_is_told_gives_up)
{
	static uint8_t big[200000];
	int fd[2];
	ck_assert_int_eq(pipe(fd), 0);
	open_stdout(fd[1]);
	o.give_up = always;
	const struct sigaction sa = {.sa_handler = on_alarm};
	sigaction(SIGALRM, &sa, NULL);
	put(big, sizeof big, 3);
	const struct itimerval every = {{0, 10000}, {0, 10000}};
	setitimer(ITIMER_REAL, &every, NULL);
	ck_assert_int_eq(nmw_outfile_flush(&o), -EINTR);
	ck_assert_uint_eq(o.msgs_lost, 3);
}
END_TEST

/* ---- opening --------------------------------------------------------------------------------- */

START_TEST(what_cannot_be_opened)
{
	ck_assert_int_lt(nmw_outfile_open(&o, "/nosuch/file", "x:/nosuch/file", true, &err), 0);
	ck_assert_int_eq(err.exit, NMW_EXIT_USAGE);
	ck_assert_ptr_nonnull(strstr(err.msg, "x:/nosuch/file: cannot open"));
	ck_assert_int_lt(nmw_outfile_open(&o, "/", "x:/", true, &err), 0);
	ck_assert_int_eq(err.exit, NMW_EXIT_USAGE);
	ck_assert_int_eq(o.fd, -1);
	ck_assert_int_eq(nmw_outfile_close(&o), 0);
}
END_TEST

START_TEST(stdout_that_cannot_be_written)
{
	close(STDOUT_FILENO);
	ck_assert_int_eq(nmw_outfile_open(&o, "-", "x:-", false, &err), -EBADF);
	ck_assert_int_eq(err.exit, NMW_EXIT_USAGE);
	ck_assert_int_eq(open("/dev/null", O_RDONLY), STDOUT_FILENO);
	ck_assert_int_eq(nmw_outfile_open(&o, "-", "x:-", false, &err), -EBADF);
}
END_TEST

static off_t threes(int fd, off_t size)
{
	(void)fd;
	return size < 1000 ? size / 3 * 3 : -EBADMSG;
}

/* Goes on behind the last whole record; what was torn is cut off. */
START_TEST(appending)
{
	char got[8] = "";
	open_temp();
	put("abcde", 5, 1);
	ck_assert_int_eq(nmw_outfile_close(&o), 0);
	ck_assert_int_eq(nmw_outfile_append(&o, path, path, true, threes, &err), 0);
	put("xyz", 3, 1);
	ck_assert_int_eq(nmw_outfile_close(&o), 0);
	int fd = open(path, O_RDONLY);
	ck_assert_int_eq(read(fd, got, sizeof got), 6);
	ck_assert_str_eq(got, "abcxyz");
	ck_assert_int_eq(truncate(path, 1000), 0);
	ck_assert_int_eq(nmw_outfile_append(&o, path, path, true, threes, &err), -EBADMSG);
	ck_assert_int_eq(err.exit, NMW_EXIT_USAGE);
	ck_assert_int_eq(size_of(), 1000);
	unlink(path);
	ck_assert_int_eq(nmw_outfile_append(&o, path, path, true, threes, &err), 0); /* made */
	ck_assert_int_eq(nmw_outfile_close(&o), 0);
	unlink(path);
}
END_TEST

START_TEST(records_of_any_size)
{
	static uint8_t big[NMW_OUTFILE_BUF];
	open_temp();
	put("a", 1, 1);
	put(big, sizeof big, 1);
	put(big, sizeof big - 1, 1);
	put("b", 1, 1);
	ck_assert_int_eq(nmw_outfile_close(&o), 0);
	ck_assert_int_eq(size_of(), 2 * NMW_OUTFILE_BUF + 1);
	unlink(path);
}
END_TEST

UNIT_MAIN("outfile", records_arrive, a_full_disk_leaves_whole_records, dev_full,
	  a_reader_that_leaves, signals_do_not_cut_records, a_pipe_that_does_not_block,
	  who_is_told_gives_up, what_cannot_be_opened, stdout_that_cannot_be_written, appending,
	  records_of_any_size)
