#include "wire/itchfile.h"
#include "unit.h"
#include "wire/be.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MESSAGES 2000u

static char path[UNIT_PATH];
static uint8_t file[MESSAGES * 400];
static uint32_t file_len, bounds[MESSAGES + 1];
static struct nmw_err e;

/* Message i: i % 300 + 1 bytes of value i. */
static void build(bool end_mark)
{
	file_len = 0;
	for (uint32_t i = 0; i < MESSAGES; i++) {
		uint16_t len = (uint16_t)(i % 300 + 1);
		bounds[i] = file_len;
		nmw_put16(file + file_len, len);
		memset(file + file_len + 2, (int)(i & 0xFF), len);
		file_len += 2u + len;
	}
	bounds[MESSAGES] = file_len;
	if (end_mark) {
		nmw_put16(file + file_len, 0);
		file_len += 2;
	}
}

static void store(uint32_t n)
{
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(file, 1, n, f), n);
	fclose(f);
}

/* Whole messages read; *rc: how it ended. */
static uint32_t read_all(struct nmw_itchfile *f, int *rc)
{
	const uint8_t *p;
	uint32_t len, n = 0;
	while ((*rc = nmw_itchfile_next(f, &p, &len, &e)) == 1) {
		ck_assert_uint_eq(len, n % 300 + 1);
		ck_assert_uint_eq(p[0], n & 0xFF);
		ck_assert_uint_eq(p[len - 1], n & 0xFF);
		n++;
	}
	return n;
}

static void check_file(uint32_t cut, uint32_t messages, int rc_expected)
{
	struct nmw_itchfile f;
	int rc;
	store(cut);
	ck_assert_int_eq(nmw_itchfile_open(&f, path, &e), 0);
	ck_assert_uint_eq(f.in.size, cut);
	ck_assert_uint_eq(read_all(&f, &rc), messages);
	ck_assert_int_eq(rc, rc_expected);
	const uint8_t *p;
	uint32_t len;
	ck_assert_int_eq(nmw_itchfile_next(&f, &p, &len, &e), 0); /* there is nothing more */
	nmw_itchfile_close(&f);
}

START_TEST(whole_files)
{
	build(true);
	check_file(file_len, MESSAGES, 0);
	build(false);
	check_file(file_len, MESSAGES, 0);
	check_file(0, 0, 0);
	build(true);
	file_len += 1; /* what follows the end mark is not read, and said */
	check_file(file_len, MESSAGES, -EBADMSG);
	file_len += 99;
	check_file(file_len, MESSAGES, -EBADMSG);
	char want[UNIT_PATH + 64];
	snprintf(want, sizeof want, "%s: length 0 at byte %u ends it, but more follows: ", path,
		 bounds[MESSAGES]);
	ck_assert(!strncmp(e.msg, want, strlen(want)));
}
END_TEST

START_TEST(cut_anywhere)
{
	build(false);
	for (uint32_t m = 0; m < MESSAGES; m += 97)
		for (uint32_t at = bounds[m]; at < bounds[m + 1]; at += at < bounds[m] + 4 ? 1 : 83)
			check_file(at, m, at == bounds[m] ? 0 : -ENODATA);
}
END_TEST

START_TEST(longest_message)
{
	static uint8_t big[2 + 65535];
	struct nmw_itchfile f;
	const uint8_t *p;
	uint32_t len;
	nmw_put16(big, 65535);
	FILE *out = fopen(path, "w");
	for (int i = 0; i < 20; i++)
		ck_assert_uint_eq(fwrite(big, 1, sizeof big, out), sizeof big);
	fclose(out);
	ck_assert_int_eq(nmw_itchfile_open(&f, path, &e), 0);
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(nmw_itchfile_next(&f, &p, &len, &e), 1);
		ck_assert_uint_eq(len, 65535);
	}
	ck_assert_int_eq(nmw_itchfile_next(&f, &p, &len, &e), 0);
	nmw_itchfile_close(&f);
}
END_TEST

START_TEST(what_cannot_be_opened)
{
	struct nmw_itchfile f;
	ck_assert_int_eq(nmw_itchfile_open(&f, "/nonexistent/x", &e), -ENOENT);
	ck_assert_int_eq(e.exit, NMW_EXIT_USAGE);
	ck_assert_int_eq(nmw_itchfile_open(&f, "/", &e), -EISDIR);
	ck_assert_int_eq(e.exit, NMW_EXIT_USAGE);
}
END_TEST

static unsigned idle_calls, idle_limit;
static int pipe_fd[2];

/* While the reader waits, a few more bytes come, or it is told to stop. */
static bool feed(void *arg)
{
	uint32_t *at = arg;
	if (++idle_calls > idle_limit)
		return false;
	uint32_t n = file_len - *at < 7 ? file_len - *at : 7;
	ck_assert_int_eq(write(pipe_fd[1], file + *at, n), (ssize_t)n);
	*at += n;
	if (*at == file_len)
		close(pipe_fd[1]);
	return true;
}

static uint32_t read_pipe(unsigned limit, int *rc)
{
	struct nmw_itchfile f;
	uint32_t at = 0;
	idle_calls = 0;
	idle_limit = limit;
	ck_assert_int_eq(pipe(pipe_fd), 0);
	dup2(pipe_fd[0], STDIN_FILENO);
	close(pipe_fd[0]);
	ck_assert_int_eq(nmw_itchfile_open(&f, "-", &e), 0);
	f.in.idle = feed;
	f.in.arg = &at;
	uint32_t n = read_all(&f, rc);
	ck_assert_uint_eq(f.in.stopped, limit < 1000);
	nmw_itchfile_close(&f);
	return n;
}

START_TEST(a_slow_pipe)
{
	int rc;
	build(true);
	file_len = bounds[50];
	ck_assert_uint_eq(read_pipe(100000, &rc), 50);
	ck_assert_int_eq(rc, 0);
	/* Stopped inside a message: that is no damage. */
	ck_assert_uint_lt(read_pipe(20, &rc), 50);
	ck_assert_int_eq(rc, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {whole_files, cut_anywhere, longest_message,
				      what_cannot_be_opened, a_slow_pipe};
	unit_path(path, "itchfile");
	int rc = unit_run("itchfile", tests, sizeof tests / sizeof tests[0]);
	unlink(path);
	return rc;
}
