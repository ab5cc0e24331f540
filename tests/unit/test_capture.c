/* The reader of the classic format beside libpcap, which reads the same bytes when a filter is
 * given: on whole and on damaged captures, from files and from pipes that deliver in pieces. */
#include "wire/capture.h"
#include "base/rng.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (6u << 20)

static uint8_t file[FILE_MAX];
static size_t size;
static char path[UNIT_PATH], fifo[UNIT_PATH];
static struct nmw_rng rng;
static bool big;
static bool times = true; /* compared: not where a fraction of a second may have a high bit, which
			   * libpcap takes for a sign or not, as the byte order has it */

static uint32_t below(uint32_t n)
{
	return (uint32_t)nmw_rng_below(&rng, n);
}

static void put32(uint32_t v)
{
	v = big ? __builtin_bswap32(v) : v;
	memcpy(file + size, &v, sizeof v);
	size += sizeof v;
}

static void put16(uint16_t v)
{
	v = big ? __builtin_bswap16(v) : v;
	memcpy(file + size, &v, sizeof v);
	size += sizeof v;
}

static void make(unsigned packets, uint32_t longest)
{
	static const uint32_t snaps[] = {0, 262144, 64, 1u << 31, 65535};
	static const uint32_t links[] = {1, 101, 113, 276, 0, 108, 228, 229};
	size = 0;
	big = below(2);
	put32(below(2) ? 0xA1B2C3D4u : 0xA1B23C4Du);
	put16(2);
	put16(4);
	put32(0);
	put32(0);
	put32(snaps[below(5)]);
	put32(links[below(8)]);
	for (unsigned i = 0; i < packets && size + longest + 64 < FILE_MAX; i++) {
		uint32_t caplen = below(longest + 1);
		put32((uint32_t)nmw_rng_u64(&rng));
		put32(below(1000000));
		put32(caplen);
		put32(caplen + below(3) * 100);
		for (uint32_t k = 0; k < caplen; k++)
			file[size + k] = (uint8_t)(i + k);
		size += caplen;
	}
}

static void write_file(void)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, file, size), (ssize_t)size);
	close(fd);
}

/* What a reader saw: its packets as one sum, how many, and how it ended. */
struct seen {
	uint64_t sum;
	unsigned packets;
	int rc;
	enum nmw_link link;
};

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9E3779B97F4A7C15ull;
	return h ^ h >> 31;
}

static struct seen read_all(const char *from, const char *filter, unsigned burst)
{
	struct nmw_err e = NMW_ERR_INIT;
	const struct nmw_capture_spec spec = {.path = from, .filter = filter};
	struct nmw_capture_packet p[64];
	struct nmw_capture *c = nmw_capture_open(&spec, &e);
	struct seen s = {.rc = e.err};
	if (!c)
		return s;
	s.link = nmw_capture_link(c);
	while ((s.rc = nmw_capture_burst(c, p, burst, &e)) > 0)
		for (int i = 0; i < s.rc; i++, s.packets++) {
			s.sum = mix(mix(mix(s.sum, times ? p[i].ts_ns : 0), p[i].caplen), p[i].len);
			for (uint32_t k = 0; k < p[i].caplen; k++)
				s.sum = mix(s.sum, p[i].p[k]);
		}
	nmw_capture_close(c);
	return s;
}

static void expect_same(const struct seen *a, const struct seen *b)
{
	ck_assert_int_eq(a->rc, b->rc);
	ck_assert_int_eq(a->link, b->link);
	ck_assert_uint_eq(a->packets, b->packets);
	ck_assert_uint_eq(a->sum, b->sum);
}

static void compare(void)
{
	write_file();
	struct seen ours = read_all(path, NULL, 1 + below(64)), theirs = read_all(path, "", 1);
	expect_same(&ours, &theirs);
}

static void setup(uint64_t seed)
{
	unit_path(path, "capture");
	unit_path(fifo, "capture-fifo");
	nmw_rng_seed(&rng, seed);
}

START_TEST(whole_captures)
{
	setup(1);
	for (unsigned i = 0; i < 200; i++) {
		make(below(300), i % 20 ? 300 : 70000);
		compare();
	}
	unlink(path);
}
END_TEST

/* Records that do not fit a piece, and ones that end with it. */
START_TEST(long_packets)
{
	setup(2);
	for (unsigned i = 0; i < 8; i++) {
		make(20, NMW_CLASSIC_SNAP);
		compare();
	}
	unlink(path);
}
END_TEST

START_TEST(damaged_and_cut)
{
	setup(3);
	times = false;
	for (unsigned i = 0; i < 500; i++) {
		make(1 + below(50), 200);
		if (below(2)) {
			size = below((uint32_t)size);
		} else {
			for (unsigned k = below(8); k; k--)
				file[below(64) ? 24 + below((uint32_t)size - 24) : below(24)] ^=
					(uint8_t)(1u << below(8));
		}
		compare();
	}
	unlink(path);
}
END_TEST

static void *write_pieces(void *arg)
{
	(void)arg;
	struct nmw_rng own;
	nmw_rng_seed(&own, size);
	int fd = open(fifo, O_WRONLY);
	for (size_t at = 0; at < size;) {
		size_t n = 1 + nmw_rng_below(&own, nmw_rng_below(&own, 2) ? 20 : 70000);
		n = n < size - at ? n : size - at;
		ssize_t put = write(fd, file + at, n);
		if (put <= 0)
			break;
		at += (size_t)put;
	}
	close(fd);
	return NULL;
}

START_TEST(pipes)
{
	setup(4);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	for (unsigned i = 0; i < 30; i++) {
		pthread_t t;
		make(below(200), i % 3 ? 300 : 20000);
		write_file();
		pthread_create(&t, NULL, write_pieces, NULL);
		struct seen piped = read_all(fifo, NULL, 1 + below(64));
		pthread_join(t, NULL);
		struct seen whole = read_all(path, NULL, 1);
		expect_same(&piped, &whole);
	}
	unlink(path);
	unlink(fifo);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {whole_captures, long_packets, damaged_and_cut, pipes};
	return unit_run("capture", tests, sizeof tests / sizeof tests[0]);
}
