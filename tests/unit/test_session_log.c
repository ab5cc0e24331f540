/* The log of what was said to each account, against a plain list. */
#include "base/rng.h"
#include "journal/session_log.h"
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define ACCOUNTS 3
#define MESSAGES 4000
#define CAP	 70000u

static struct nmw_session_log *lg;
static struct nmw_session_log_conf conf = {
	.memory = NMW_SESSION_LOG_MIN, .accounts = 8, .day = "20261122", .name = "1767623400"};
static struct nmw_err err;
static char dir[] = "/tmp/nmw-slog-XXXXXX";
static uint8_t buf[CAP], got[2 * CAP];
static uint8_t msg[65536];

static void start(bool disk)
{
	if (disk && !conf.dir) {
		ck_assert_ptr_nonnull(mkdtemp(dir));
		conf.dir = dir;
	}
	ck_assert_msg(!nmw_session_log_open(&lg, &conf, &err), "%s", err.msg);
}

static void clean(void)
{
	nmw_session_log_close(lg);
	if (!conf.dir)
		return;
	DIR *d = opendir(dir);
	for (struct dirent *f; (f = readdir(d));)
		unlinkat(dirfd(d), f->d_name, 0);
	closedir(d);
	rmdir(dir);
}

static int account(const char *name)
{
	return nmw_session_log_account(lg, name, "ouch42", NULL, &err);
}

/* Message n of account a: its length and bytes follow from its number. */
static uint32_t content(int a, uint64_t seq)
{
	uint32_t len = (uint32_t)(seq * 7919 + (uint64_t)a * 31) % 900 + 1;
	for (uint32_t i = 0; i < len; i++)
		msg[i] = (uint8_t)(seq + i + (uint64_t)a);
	return len;
}

static bool put(int a, uint64_t seq, uint64_t ring_seq)
{
	uint32_t len = content(a, seq);
	return nmw_session_log_append(lg, a, ring_seq, 1000 + ring_seq, msg, len);
}

/* Reads from seq to the end in pieces, and compares. */
static void check_from(int a, uint64_t seq, uint32_t cut)
{
	struct nmw_session_cursor c;
	nmw_session_cursor_set(&c, seq);
	uint64_t next = nmw_session_log_next(lg, a);
	uint32_t have = 0;
	for (uint64_t at = seq; at < next;) {
		int n = nmw_session_log_read(lg, a, &c, UINT64_MAX, buf, CAP - 1);
		ck_assert_int_gt(n, 0);
		uint32_t sent = cut && (uint32_t)n > cut ? cut : (uint32_t)n;
		ck_assert_uint_le(have + sent, sizeof got);
		memcpy(got + have, buf, sent);
		have += sent;
		nmw_session_cursor_advance(&c, buf, (uint32_t)n, sent);
		while (have >= 3 && have >= 2u + (uint32_t)(got[0] << 8 | got[1])) {
			uint32_t len = content(a, at), packet = len + 3;
			ck_assert_int_eq(got[0] << 8 | got[1], (int)len + 1);
			ck_assert_int_eq(got[2], 'S');
			ck_assert_mem_eq(got + 3, msg, len);
			memmove(got, got + packet, have - packet);
			have -= packet;
			at++;
		}
		ck_assert_uint_eq(c.seq, at);
		ck_assert_uint_eq(c.skip, have);
	}
	ck_assert_int_eq(nmw_session_log_read(lg, a, &c, UINT64_MAX, buf, CAP - 1), 0);
}

START_TEST(numbers_count_per_account)
{
	start(false);
	int a = account("USER1     "), b = account("USER2     ");
	ck_assert_int_eq(a, 0);
	ck_assert_int_eq(b, 1);
	ck_assert_int_eq(account("USER1     "), a);
	ck_assert_int_ne(nmw_session_log_account(lg, "USER1     ", "ouch50", NULL, &err), a);
	ck_assert_uint_eq(nmw_session_log_next(lg, a), 1);
	ck_assert(put(a, 1, 1));
	ck_assert(put(a, 2, 2));
	ck_assert(put(b, 1, 3));
	ck_assert_uint_eq(nmw_session_log_next(lg, a), 3);
	ck_assert_uint_eq(nmw_session_log_next(lg, b), 2);
	ck_assert_mem_eq(nmw_session_log_name(lg, a), "1767623400", 10);
	check_from(a, 1, 0);
	check_from(a, 2, 1);
	check_from(b, 1, 7);
	clean();
}
END_TEST

START_TEST(end_bounds_a_read)
{
	struct nmw_session_cursor c;
	start(false);
	int a = account("A         ");
	for (uint64_t s = 1; s <= 10; s++)
		put(a, s, s);
	nmw_session_cursor_set(&c, 1);
	int n = nmw_session_log_read(lg, a, &c, 4, buf, CAP);
	ck_assert_uint_eq(nmw_session_cursor_advance(&c, buf, (uint32_t)n, (uint32_t)n), 3);
	ck_assert_uint_eq(c.seq, 4);
	ck_assert_int_eq(nmw_session_log_read(lg, a, &c, 4, buf, CAP), 0);
	clean();
}
END_TEST

static void random_traffic(bool disk, uint64_t seed)
{
	struct nmw_rng rng;
	nmw_rng_seed(&rng, seed);
	uint64_t next[ACCOUNTS] = {1, 1, 1};
	int id[ACCOUNTS];
	static const char *const names[ACCOUNTS] = {"A         ", "B         ", "C&/       "};
	for (int i = 0; i < ACCOUNTS; i++)
		id[i] = account(names[i]);
	for (uint64_t n = 1; n <= MESSAGES; n++) {
		int a = (int)nmw_rng_below(&rng, ACCOUNTS);
		ck_assert(put(id[a], next[a]++, n));
		if (n % 16 == 0)
			ck_assert_int_eq(nmw_session_log_flush(lg, &err), 0);
		if (n % 500)
			continue;
		for (int i = 0; i < ACCOUNTS; i++) {
			uint64_t oldest = nmw_session_log_oldest(lg, id[i]);
			ck_assert(!disk || oldest == 1);
			uint64_t span = next[i] - oldest;
			check_from(id[i], oldest, 0);
			check_from(id[i], oldest + nmw_rng_below(&rng, span),
				   (uint32_t)nmw_rng_below(&rng, 2000) + 1);
		}
	}
	ck_assert_uint_gt(nmw_session_log_stat(lg)->evicted, 100);
}

START_TEST(memory_gives_way)
{
	start(false);
	random_traffic(false, 1);
	struct nmw_session_cursor c;
	nmw_session_cursor_set(&c, nmw_session_log_oldest(lg, 0) - 1);
	ck_assert_int_eq(nmw_session_log_read(lg, 0, &c, UINT64_MAX, buf, CAP), -ENODATA);
	clean();
}
END_TEST

START_TEST(disk_keeps_all)
{
	start(true);
	random_traffic(true, 2);
	clean();
}
END_TEST

START_TEST(goes_on_after_a_restart)
{
	start(true);
	int a = account("A         ");
	for (uint64_t s = 1; s <= 2000; s++)
		put(a, s, s);
	nmw_session_log_close(lg);
	memcpy(conf.name, "1767629999", 10);
	start(true);
	a = account("A         ");
	ck_assert_uint_eq(nmw_session_log_next(lg, a), 2001);
	ck_assert_mem_eq(nmw_session_log_name(lg, a), "1767623400", 10);
	/* the ring gives the last ones again */
	for (uint64_t s = 1990; s <= 2000; s++)
		ck_assert(!put(a, s, s));
	for (uint64_t s = 2001; s <= 3000; s++)
		ck_assert(put(a, s, s));
	check_from(a, 1, 0);
	check_from(a, 1999, 0);
	clean();
}
END_TEST

/* A new ring counts from 1 again: its messages are later ones. */
START_TEST(a_new_ring_is_no_repetition)
{
	start(true);
	int a = account("A         ");
	for (uint64_t s = 1; s <= 100; s++)
		put(a, s, s);
	nmw_session_log_close(lg);
	start(true);
	a = account("A         ");
	ck_assert(nmw_session_log_append(lg, a, 1, 5000, (const uint8_t *)"x", 1));
	ck_assert_uint_eq(nmw_session_log_next(lg, a), 102);
	clean();
}
END_TEST

START_TEST(torn_tail_is_cut)
{
	char path[128];
	snprintf(path, sizeof path, "%s/A.ouch42.20261122", dir);
	start(true);
	snprintf(path, sizeof path, "%s/A.ouch42.20261122", dir);
	for (unsigned cut = 1; cut < 40; cut += 3) {
		int a = account("A         ");
		uint64_t next = nmw_session_log_next(lg, a);
		for (uint64_t s = next; s < next + 5; s++)
			put(a, s, s);
		nmw_session_log_close(lg);
		struct stat sb;
		ck_assert_int_eq(stat(path, &sb), 0);
		ck_assert_int_eq(truncate(path, sb.st_size - cut), 0);
		start(true);
		a = account("A         ");
		ck_assert_uint_eq(nmw_session_log_next(lg, a), next + 4);
		ck_assert_uint_gt(nmw_session_log_stat(lg)->torn_bytes, 0);
		check_from(a, 1, 0);
	}
	clean();
}
END_TEST

/* A changed byte ends the log there: what follows it cannot be trusted to be in place. */
START_TEST(damage_is_cut)
{
	char path[128];
	start(true);
	int a = account("A         ");
	for (uint64_t s = 1; s <= 50; s++)
		put(a, s, s);
	nmw_session_log_close(lg);
	snprintf(path, sizeof path, "%s/A.ouch42.20261122", dir);
	int fd = open(path, O_RDWR);
	ck_assert_int_eq(pwrite(fd, "!", 1, 64 + 24 + 2), 1);
	close(fd);
	start(true);
	ck_assert_uint_eq(nmw_session_log_next(lg, account("A         ")), 1);
	clean();
}
END_TEST

START_TEST(another_session_moves_the_file_aside)
{
	start(true);
	int a = nmw_session_log_account(lg, "A         ", "ouch42", "MONDAY    ", &err);
	put(a, 1, 1);
	nmw_session_log_close(lg);
	start(true);
	a = nmw_session_log_account(lg, "A         ", "ouch42", "TUESDAY   ", &err);
	ck_assert_msg(a >= 0, "%s", err.msg);
	ck_assert_uint_eq(nmw_session_log_next(lg, a), 1);
	char path[128];
	snprintf(path, sizeof path, "%s/A.ouch42.20261122.MONDAY.0", dir);
	ck_assert_int_eq(access(path, F_OK), 0);
	clean();
}
END_TEST

START_TEST(one_writer_a_directory)
{
	struct nmw_session_log *second;
	start(true);
	ck_assert_int_eq(nmw_session_log_open(&second, &conf, &err), -EBUSY);
	clean();
}
END_TEST

/* A disk that is full: what was said to be written is there, and no number of it is given again. */
START_TEST(full_disk)
{
	start(true);
	int a = account("A         ");
	signal(SIGXFSZ, SIG_IGN);
	struct rlimit full = {8192, RLIM_INFINITY}, room = {RLIM_INFINITY, RLIM_INFINITY};
	unsigned errors = 0;
	uint64_t saved = 0;
	/* Check writes files too: no assertion while the disk is full */
	setrlimit(RLIMIT_FSIZE, &full);
	for (uint64_t s = 1; s <= 100; s++) {
		put(a, s, s);
		if (nmw_session_log_flush(lg, &err) < 0)
			errors++;
		else
			saved = s;
	}
	setrlimit(RLIMIT_FSIZE, &room);
	ck_assert_uint_gt(saved, 5);
	ck_assert_uint_eq(errors, 100 - saved);
	ck_assert_ptr_nonnull(strstr(err.msg, "start again"));
	nmw_session_log_close(lg); /* there is room again: nothing is written behind the gap */
	start(true);
	a = account("A         ");
	ck_assert_uint_eq(nmw_session_log_next(lg, a), saved + 1);
	check_from(a, 1, 0);
	ck_assert(!put(a, saved, saved)); /* the ring gives them again */
	for (uint64_t s = saved + 1; s <= 100; s++)
		ck_assert(put(a, s, s));
	check_from(a, 1, 0);
	clean();
}
END_TEST

UNIT_MAIN("session_log", full_disk, numbers_count_per_account, end_bounds_a_read, memory_gives_way,
	  disk_keeps_all, goes_on_after_a_restart, a_new_ring_is_no_repetition, torn_tail_is_cut,
	  damage_is_cut, another_session_moves_the_file_aside, one_writer_a_directory)
