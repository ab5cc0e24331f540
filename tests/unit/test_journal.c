/* The journal: what is put comes back, a cut tail is taken off and counted, damage is named and
 * never passes for data. */
#include "journal/crc32c.h"
#include "journal/format.h"
#include "journal/journal.h"
#include "base/rng.h"

#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define REGION 300000u

static char dir[64];
static uint8_t region[REGION];

static void setup(void)
{
	/* memory: hundreds of restarts need no disk */
	snprintf(dir, sizeof dir, "%s/nmw-journal-XXXXXX", unit_shm());
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void teardown(void)
{
	char cmd[sizeof dir + 16];
	snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
	ck_assert_int_eq(system(cmd), 0);
}

/* ---- a stream of records that can be told from its number ---------------- */

static uint32_t record(uint64_t n, uint8_t desc[NMW_DESC_SZ], uint8_t *payload, uint32_t max)
{
	struct nmw_rng r;
	nmw_rng_seed(&r, n);
	uint32_t len = (uint32_t)nmw_rng_below(&r, max + 1);
	for (uint32_t i = 0; i < NMW_DESC_SZ; i++)
		desc[i] = (uint8_t)nmw_rng_u64(&r);
	for (uint32_t i = 0; i < len; i++)
		payload[i] = (uint8_t)nmw_rng_u64(&r);
	return len;
}

static void put(struct nmw_journal *j, uint64_t from, uint64_t to, uint32_t max)
{
	static _Alignas(8) uint8_t desc[NMW_DESC_SZ], payload[NMW_MSG_MAX];
	for (uint64_t n = from; n <= to; n++) {
		uint32_t len = record(n, desc, payload, max);
		nmw_journal_put(j, NMW_JOURNAL_MESSAGE, (uint16_t)n,
				(const struct nmw_slot *)(const void *)desc, payload, len);
	}
}

struct seen {
	uint64_t next; /* number expected */
	uint32_t max;
};

static int see(const struct nmw_journal_rec *r, void *arg, struct nmw_err *e)
{
	static uint8_t desc[NMW_DESC_SZ], payload[NMW_MSG_MAX];
	struct seen *s = arg;
	(void)e;
	ck_assert_uint_eq(r->number, s->next);
	uint32_t len = record(r->number, desc, payload, s->max);
	ck_assert_int_eq(r->kind, NMW_JOURNAL_MESSAGE);
	ck_assert_uint_eq(r->input, (uint16_t)r->number);
	ck_assert_uint_eq(r->len, len);
	ck_assert_int_eq(memcmp(r->slot, desc, NMW_DESC_SZ), 0);
	ck_assert_int_eq(memcmp(r->payload, payload, len), 0);
	s->next++;
	return 0;
}

static struct nmw_journal_conf conf(void)
{
	return (struct nmw_journal_conf){.dir = dir,
					 .sync = NMW_SYNC_NONE,
					 .conf_hash = 42,
					 .segment_sz = NMW_JOURNAL_SEGMENT_MIN};
}

static struct nmw_journal *open_ok(const struct nmw_journal_conf *c)
{
	struct nmw_journal *j = NULL;
	struct nmw_err e = NMW_ERR_INIT;
	int rc = nmw_journal_open(&j, c, &e);
	ck_assert_msg(rc == 0, "%s", e.msg);
	return j;
}

static uint64_t replay_ok(struct nmw_journal *j, uint64_t from, uint32_t max)
{
	struct seen s = {from, max};
	struct nmw_err e = NMW_ERR_INIT;
	int rc = nmw_journal_replay(j, see, &s, &e);
	ck_assert_msg(rc == 0, "%s", e.msg);
	return s.next - 1;
}

static void close_ok(struct nmw_journal *j)
{
	struct nmw_err e = NMW_ERR_INIT;
	ck_assert_msg(nmw_journal_close(j, &e) == 0, "%s", e.msg);
}

/* A journal of batches of `step` records. */
static void write_some(uint64_t to, uint64_t step, uint32_t max, enum nmw_journal_sync sync)
{
	struct nmw_journal_conf c = conf();
	c.sync = sync;
	struct nmw_journal *j = open_ok(&c);
	uint64_t last = replay_ok(j, 1, max);
	for (uint64_t n = last + 1; n <= to; n += step) {
		put(j, n, n + step - 1 < to ? n + step - 1 : to, max);
		ck_assert_int_eq(nmw_journal_commit(j, NULL), 0);
	}
	close_ok(j);
}

static void log_path(char *buf, size_t cap, uint64_t n)
{
	snprintf(buf, cap, "%s/log.%020llu", dir, (unsigned long long)n);
}

/* Bytes of the first segment up to the end of its last batch. */
static uint64_t used_bytes(void)
{
	char path[128];
	log_path(path, sizeof path, 1);
	int fd = open(path, O_RDONLY);
	uint64_t off = sizeof(struct jn_seg_head);
	struct jn_batch b;
	while (pread(fd, &b, sizeof b, (off_t)off) == sizeof b && b.magic == JN_BATCH_MAGIC)
		off += b.bytes;
	close(fd);
	return off;
}

/* ---- tests ---------------------------------------------------------------------------------- */

START_TEST(test_crc)
{
	/* RFC 3720 B.4 */
	uint8_t zero[32] = {0}, ones[32], up[32];
	memset(ones, 0xff, sizeof ones);
	for (uint8_t i = 0; i < 32; i++)
		up[i] = i;
	ck_assert_uint_eq(nmw_crc32c(0, zero, 32), 0x8a9136aa);
	ck_assert_uint_eq(nmw_crc32c(0, ones, 32), 0x62a8ab43);
	ck_assert_uint_eq(nmw_crc32c(0, up, 32), 0x46dd794e);
	ck_assert_uint_eq(nmw_crc32c(0, "123456789", 9), 0xe3069283);
	ck_assert_uint_eq(nmw_crc32c(nmw_crc32c(0, up, 13), up + 13, 19), 0x46dd794e);
}
END_TEST

START_TEST(test_layout)
{
	ck_assert_uint_eq(sizeof(struct jn_seg_head), 512);
	ck_assert_uint_eq(offsetof(struct jn_seg_head, conf_hash), 16);
	ck_assert_uint_eq(offsetof(struct jn_seg_head, first), 24);
	ck_assert_uint_eq(offsetof(struct jn_seg_head, seg_sz), 32);
	ck_assert_uint_eq(offsetof(struct jn_batch, first), 8);
	ck_assert_uint_eq(offsetof(struct jn_batch, n), 16);
	ck_assert_uint_eq(offsetof(struct jn_batch, bytes), 20);
	ck_assert_uint_eq(offsetof(struct jn_batch, durable), 24);
	ck_assert_uint_eq(offsetof(struct jn_batch, flags), 32);
	ck_assert_uint_eq(offsetof(struct jn_rec, len), 4);
	ck_assert_uint_eq(offsetof(struct jn_rec, kind), 8);
	ck_assert_uint_eq(offsetof(struct jn_rec, input), 10);
	ck_assert_uint_eq(jn_rec_sz(0), 72);
	ck_assert_uint_eq(jn_rec_sz(1), 80);
	ck_assert_uint_eq(jn_rec_sz(49), 128);
	ck_assert_uint_eq(offsetof(struct jn_snap_head, number), 24);
	ck_assert_uint_eq(offsetof(struct jn_snap_head, region_crc), 72);
}
END_TEST

START_TEST(test_round_trip)
{
	static const enum nmw_journal_sync modes[] = {NMW_SYNC_NONE, NMW_SYNC_BATCH,
						      NMW_SYNC_ALWAYS};
	setup();
	for (uint64_t n = 0, to = 10; n < 3; n++, to *= 4)
		write_some(to, 7, 100, modes[n]);
	struct nmw_journal_conf c = conf();
	struct nmw_journal *j = open_ok(&c), *other;
	struct nmw_err e = NMW_ERR_INIT;
	ck_assert_int_eq(nmw_journal_open(&other, &c, &e), -EAGAIN);
	ck_assert_int_eq(e.exit, NMW_EXIT_PEER);
	ck_assert_uint_eq(replay_ok(j, 1, 100), 160);
	close_ok(j);
	/* another configuration */
	c.conf_hash = 43;
	j = open_ok(&c);
	struct seen s = {1, 100};
	ck_assert_int_eq(nmw_journal_replay(j, see, &s, &e), -EINVAL);
	ck_assert_int_eq(e.exit, NMW_EXIT_USAGE);
	ck_assert_uint_eq(s.next, 1);
	close_ok(j);
	/* a reader, beside a writer */
	c.conf_hash = 42;
	j = open_ok(&c);
	struct nmw_journal_reader *rd;
	struct nmw_journal_rec r;
	ck_assert_int_eq(nmw_journal_reader_open(&rd, dir, &e), 0);
	for (s.next = 1; nmw_journal_next(rd, &r, &e) == 1;)
		see(&r, &s, &e);
	ck_assert_uint_eq(s.next, 161);
	nmw_journal_reader_close(rd);
	close_ok(j);
	teardown();
}
END_TEST

START_TEST(test_segments)
{
	setup();
	/* long messages: several batches a commit, several segments */
	write_some(400, 60, NMW_MSG_MAX, NMW_SYNC_NONE);
	write_some(600, 60, NMW_MSG_MAX, NMW_SYNC_BATCH);
	int n = 0;
	DIR *d = opendir(dir);
	for (struct dirent *x; (x = readdir(d));)
		n += !strncmp(x->d_name, "log.", 4);
	closedir(d);
	ck_assert_int_ge(n, 5);
	struct nmw_journal_conf c = conf();
	struct nmw_journal *j = open_ok(&c);
	ck_assert_uint_eq(replay_ok(j, 1, NMW_MSG_MAX), 600);
	close_ok(j);
	/* a segment that is missing is noticed */
	char path[128] = "";
	d = opendir(dir);
	for (struct dirent *x; (x = readdir(d));)
		if (!strncmp(x->d_name, "log.", 4) &&
		    strcmp(x->d_name, "log.00000000000000000001") &&
		    (!*path || strcmp(x->d_name, strrchr(path, '/') + 1) < 0))
			snprintf(path, sizeof path, "%s/%.40s", dir, x->d_name);
	closedir(d);
	ck_assert_int_eq(unlink(path), 0);
	struct nmw_err e = NMW_ERR_INIT;
	struct seen s = {1, NMW_MSG_MAX};
	j = open_ok(&c);
	ck_assert_int_eq(nmw_journal_replay(j, see, &s, &e), -EBADMSG);
	ck_assert_int_eq(e.exit, NMW_EXIT_DATA);
	close_ok(j);
	teardown();
}
END_TEST

/* The file as it was, up to `at`; then nothing, or zeros to its full size. */
static void cut_at(const char *path, const uint8_t *was, uint64_t at, bool zeros)
{
	int fd = open(path, O_RDWR | O_TRUNC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, was, at, 0), (ssize_t)at);
	if (zeros)
		ck_assert_int_eq(ftruncate(fd, NMW_JOURNAL_SEGMENT_MIN), 0);
	close(fd);
}

/* What is whole comes back, the rest is gone for good, and it goes on. */
static void check_cut(void)
{
	struct nmw_journal_conf c = conf();
	struct nmw_journal *j = open_ok(&c);
	struct nmw_journal_stat st;
	uint64_t last = replay_ok(j, 1, 40);
	ck_assert_uint_eq(last % 3, 0);
	ck_assert_uint_ge(last, 3);
	ck_assert_uint_lt(last, 9);
	put(j, last + 1, last + 5, 40);
	ck_assert_int_eq(nmw_journal_commit(j, NULL), 0);
	close_ok(j);
	j = open_ok(&c);
	ck_assert_uint_eq(replay_ok(j, 1, 40), last + 5);
	nmw_journal_stat(j, &st);
	ck_assert_uint_eq(st.torn_bytes, 0);
	close_ok(j);
}

/* The file is cut, or its tail is zero, within the last two batches: at every byte of heads and
 * trailers, else at every seventh. */
START_TEST(test_torn)
{
	static uint8_t was[8192];
	char path[128];
	setup();
	write_some(9, 3, 40, NMW_SYNC_NONE);
	log_path(path, sizeof path, 1);
	uint64_t end = used_bytes();
	ck_assert_uint_le(end, sizeof was);
	int fd = open(path, O_RDONLY);
	ck_assert_int_eq(pread(fd, was, end, 0), (ssize_t)end);
	close(fd);
	for (uint64_t at = end - 1; at > end - 700; at -= at > end - 24 ? 1 : 7)
		for (int zeros = 0; zeros < 2; zeros++) {
			cut_at(path, was, at, zeros);
			check_cut();
		}
	teardown();
}
END_TEST

/* One bit, anywhere in what is used: never another record, never fewer without saying so. */
START_TEST(test_flips)
{
	char path[128];
	struct nmw_rng r;
	setup();
	write_some(30, 4, 60, NMW_SYNC_NONE);
	log_path(path, sizeof path, 1);
	uint64_t end = used_bytes();
	nmw_rng_seed(&r, 7);
	int fd = open(path, O_RDWR);
	struct nmw_journal_conf c = conf();
	unsigned named = 0;
	for (uint64_t at = 0; at < end; at++) {
		uint8_t was, now;
		ck_assert_int_eq(pread(fd, &was, 1, (off_t)at), 1);
		now = was ^ (uint8_t)(1u << nmw_rng_below(&r, 8));
		ck_assert_int_eq(pwrite(fd, &now, 1, (off_t)at), 1);
		struct nmw_journal_reader *rd;
		struct nmw_journal_rec rec;
		struct nmw_err e = NMW_ERR_INIT;
		struct seen s = {1, 60};
		int rc = nmw_journal_reader_open(&rd, dir, &e);
		if (!rc) {
			while ((rc = nmw_journal_next(rd, &rec, &e)) == 1)
				see(&rec, &s, &e);
			nmw_journal_reader_close(rd);
		}
		if (rc) {
			ck_assert_int_eq(rc, -EBADMSG);
			ck_assert_int_eq(e.exit, NMW_EXIT_DATA);
			ck_assert_ptr_nonnull(strstr(e.msg, path));
			named++;
		} else /* padding between the records and the end of their batch */
			ck_assert_msg(s.next == 31, "bit in byte %llu: %llu records",
				      (unsigned long long)at, (unsigned long long)s.next - 1);
		ck_assert_int_eq(pwrite(fd, &was, 1, (off_t)at), 1);
	}
	close(fd);
	ck_assert_uint_gt(named, end * 8 / 10);
	/* the same for the writer, once */
	struct nmw_journal *j = open_ok(&c);
	ck_assert_uint_eq(replay_ok(j, 1, 60), 30);
	close_ok(j);
	teardown();
}
END_TEST

/* A hole in the middle that a later batch says was on disk is damage; one that nothing vouches for
 * is what a power failure leaves. */
START_TEST(test_holes)
{
	static const struct {
		enum nmw_journal_sync sync;
		int rc;
	} t[] = {{NMW_SYNC_ALWAYS, -EBADMSG}, {NMW_SYNC_NONE, 0}};
	char path[128];
	static const uint8_t zero[64];
	for (unsigned i = 0; i < 2; i++) {
		setup();
		write_some(40, 4, 60, t[i].sync);
		log_path(path, sizeof path, 1);
		int fd = open(path, O_RDWR);
		struct jn_batch b;
		off_t off = sizeof(struct jn_seg_head);
		ck_assert_int_eq(pread(fd, &b, sizeof b, off), sizeof b);
		for (off_t at = off + b.bytes; at < off + b.bytes + 1024; at += 64)
			ck_assert_int_eq(pwrite(fd, zero, 64, at), 64);
		close(fd);
		struct nmw_journal_conf c = conf();
		struct nmw_journal *j = open_ok(&c);
		struct seen s = {1, 60};
		struct nmw_err e = NMW_ERR_INIT;
		struct nmw_journal_stat st;
		ck_assert_int_eq(nmw_journal_replay(j, see, &s, &e), t[i].rc);
		nmw_journal_stat(j, &st);
		ck_assert_uint_eq(s.next, 5);
		ck_assert_int_eq(st.torn_bytes > 0, t[i].rc == 0);
		close_ok(j);
		teardown();
	}
}
END_TEST

static void snapshot(struct nmw_journal *j, uint64_t n)
{
	struct nmw_err e = NMW_ERR_INIT;
	memset(region, 0, sizeof region);
	for (unsigned i = 0; i < sizeof region; i += 1 + i / 3)
		region[i] = (uint8_t)(n + i);
	int rc = nmw_journal_snapshot(j, region, sizeof region, &n, sizeof n, &e);
	ck_assert_msg(rc == 0, "%s", e.msg);
}

static int restore(struct nmw_journal *j, uint64_t *n)
{
	struct nmw_err e = NMW_ERR_INIT;
	memset(region, 0, sizeof region);
	int rc = nmw_journal_restore(j, region, sizeof region, n, sizeof *n, &e);
	for (unsigned i = 0; rc == 1 && i < sizeof region; i += 1 + i / 3)
		ck_assert_uint_eq(region[i], (uint8_t)(*n + i));
	return rc;
}

START_TEST(test_snapshots)
{
	char path[128];
	uint64_t n = 0;
	setup();
	struct nmw_journal_conf c = conf();
	struct nmw_journal *j = open_ok(&c);
	ck_assert_int_eq(restore(j, &n), 0);
	ck_assert_uint_eq(replay_ok(j, 1, 50), 0);
	for (n = 10; n <= 40; n += 10) {
		put(j, n - 9, n, 50);
		snapshot(j, n);
	}
	put(j, 41, 45, 50);
	close_ok(j);
	/* the newest, and only what comes after it */
	j = open_ok(&c);
	ck_assert_int_eq(restore(j, &n), 1);
	ck_assert_uint_eq(n, 40);
	ck_assert_uint_eq(replay_ok(j, 41, 50), 45);
	close_ok(j);
	/* only two are kept; a damaged one is passed over */
	snprintf(path, sizeof path, "%s/snap.%020d", dir, 20);
	ck_assert_int_eq(access(path, F_OK), -1);
	snprintf(path, sizeof path, "%s/snap.%020d", dir, 40);
	int fd = open(path, O_RDWR);
	ck_assert_int_eq(pwrite(fd, "x", 1, 8192 + 100000), 1);
	close(fd);
	j = open_ok(&c);
	struct nmw_journal_stat st;
	ck_assert_int_eq(restore(j, &n), 1);
	ck_assert_uint_eq(n, 30);
	nmw_journal_stat(j, &st);
	ck_assert_uint_eq(st.bad_snapshots, 1);
	ck_assert_uint_eq(replay_ok(j, 31, 50), 45);
	close_ok(j);
	/* all damaged: from the first record, with an empty region */
	snprintf(path, sizeof path, "%s/snap.%020d", dir, 30);
	ck_assert_int_eq(truncate(path, 9000), 0);
	j = open_ok(&c);
	ck_assert_int_eq(restore(j, &n), 0);
	for (unsigned i = 0; i < sizeof region; i++)
		ck_assert_uint_eq(region[i], 0);
	ck_assert_uint_eq(replay_ok(j, 1, 50), 45);
	close_ok(j);
	/* newer than the log: records are missing */
	j = open_ok(&c);
	ck_assert_uint_eq(replay_ok(j, 1, 50), 45);
	snapshot(j, 45);
	close_ok(j);
	log_path(path, sizeof path, 1);
	ck_assert_int_eq(truncate(path, sizeof(struct jn_seg_head)), 0);
	j = open_ok(&c);
	ck_assert_int_eq(restore(j, &n), 1);
	struct seen s = {46, 50};
	struct nmw_err e = NMW_ERR_INIT;
	ck_assert_int_eq(nmw_journal_replay(j, see, &s, &e), -EBADMSG);
	close_ok(j);
	teardown();
}
END_TEST

/* The file may grow to 5 MiB: the second segment of 4 MiB does not fit. */
static void write_till_full(void)
{
	struct rlimit lim = {5u << 20, 5u << 20};
	struct nmw_journal_conf c = conf();
	struct nmw_err e = NMW_ERR_INIT;
	signal(SIGXFSZ, SIG_IGN);
	c.segment_sz = 8u << 20;
	setrlimit(RLIMIT_FSIZE, &lim);
	struct nmw_journal *j = open_ok(&c);
	replay_ok(j, 1, 1000);
	put(j, 1, 10, 1000);
	int rc = nmw_journal_commit(j, &e);
	_exit(rc && e.exit == NMW_EXIT_RESOURCE ? 0 : 1);
}

START_TEST(test_full)
{
	int status;
	setup();
	pid_t pid = fork();
	if (!pid)
		write_till_full();
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	/* nothing that was not acknowledged is there, and it can go on */
	write_some(20, 4, 1000, NMW_SYNC_ALWAYS);
	struct nmw_journal_conf c = conf();
	struct nmw_journal *j = open_ok(&c);
	ck_assert_uint_eq(replay_ok(j, 1, 1000), 20);
	close_ok(j);
	teardown();
}
END_TEST

START_TEST(test_refused)
{
	struct nmw_journal *j;
	struct nmw_journal_reader *rd;
	struct nmw_err e = NMW_ERR_INIT;
	setup();
	struct nmw_journal_conf c = conf();
	c.segment_sz = 1000;
	ck_assert_int_eq(nmw_journal_open(&j, &c, &e), -ERANGE);
	ck_assert_int_eq(e.exit, NMW_EXIT_USAGE);
	c = conf();
	c.dir = "/proc/none/journal";
	ck_assert_int_lt(nmw_journal_open(&j, &c, &e), 0);
	ck_assert_int_eq(nmw_journal_reader_open(&rd, dir, &e), -ENOENT);
	ck_assert_int_eq(e.exit, NMW_EXIT_USAGE);
	ck_assert_int_eq(nmw_journal_reader_open(&rd, "/nonesuch", &e), -ENOENT);
	teardown();
}
END_TEST

UNIT_MAIN("journal", test_crc, test_layout, test_round_trip, test_segments, test_torn, test_flips,
	  test_holes, test_snapshots, test_full, test_refused)
