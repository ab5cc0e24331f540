/* Mutates packets and feeds them to everything that reads them: the header reader under every link
 * layer, TCP reassembly with a reader that takes odd amounts, BinaryFILE.
 *
 *     fuzz_packet [SEED [INPUTS]]      the same seed makes the same inputs
 *     fuzz_packet mutate SEED <IN      copies a file, with some of its bytes changed, lost or
 * doubled
 *
 * Each packet lies in a block of exactly its size, so that AddressSanitizer sees a read past it.
 * Besides not crashing: a payload lies inside its packet; what TCP hands on was sent.
 */
#include "../unit/frames.h"
#include "base/rng.h"
#include "wire/itchfile.h"
#include "wire/tcp_stream.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static struct nmw_rng rng;
static uint64_t seed, input;

#define CHECK(cond)                                                                          \
	do {                                                                                 \
		if (!(cond)) {                                                               \
			fprintf(stderr, "fuzz_packet: line %d: %s: seed %llu, input %llu\n", \
				__LINE__, #cond, (unsigned long long)seed,                   \
				(unsigned long long)input);                                  \
			abort();                                                             \
		}                                                                            \
	} while (0)

static uint32_t below(uint32_t n)
{
	return (uint32_t)nmw_rng_below(&rng, n);
}

/* ---- headers ------------------------------------------------------------- */

static uint32_t random_frame(uint8_t *b, enum nmw_link *link)
{
	static const uint8_t exts[] = {255, 60, 43, 51, 44, 135, 0};
	static uint8_t text[300];
	struct frame_spec s = {.link = (enum nmw_link)(NMW_LINK_ETHERNET + below(6)),
			       .tags = below(3),
			       .family = below(2) ? 4 : 6,
			       .ip_options = below(3) * 4,
			       .ext = below(2) ? exts + below(sizeof exts) : NULL,
			       .proto = below(2) ? NMW_IPPROTO_TCP : NMW_IPPROTO_UDP,
			       .flags = (uint8_t)below(32),
			       .tcp_options = below(4) * 4,
			       .src = (uint8_t)below(3),
			       .dst = (uint8_t)below(3),
			       .sport = (uint16_t)below(3),
			       .dport = (uint16_t)below(3),
			       .seq = below(4000),
			       .ack = below(8000),
			       .payload = text,
			       .len = below(sizeof text),
			       .pad = below(20)};
	*link = s.link;
	return frame_build(&s, b);
}

static void mutate_headers(uint8_t *b, uint32_t n)
{
	for (uint32_t k = below(4); k; k--) {
		uint32_t at = below(n < 90 ? n : 90);
		switch (below(3)) {
		case 0:
			b[at] ^= (uint8_t)(1u << below(8));
			break;
		case 1:
			b[at] = (uint8_t)below(256);
			break;
		default:
			b[at] = below(2) ? 0xFF : 0;
		}
	}
}

static uint32_t on_any(void *arg, uint32_t flow, unsigned dir, const uint8_t *p, uint32_t len)
{
	volatile uint8_t sum = 0;
	(void)arg, (void)flow, (void)dir;
	for (uint32_t i = 0; i < len; i++) /* each byte can be read */
		sum = (uint8_t)(sum + p[i]);
	return len > 65537 ? len : below(len + 1);
}

static void on_event(void *arg, uint32_t flow, unsigned dir, enum nmw_tcp_event ev, uint64_t n)
{
	(void)arg, (void)flow, (void)dir, (void)ev, (void)n;
}

static void try_packet(struct nmw_tcp *t)
{
	uint8_t frame[FRAME_MAX];
	enum nmw_link link;
	struct nmw_packet p;
	uint32_t n = random_frame(frame, &link);
	mutate_headers(frame, n);
	uint32_t cap = below(4) ? n : below(n + 1);
	uint32_t wire = below(8) ? n : below(70000);
	uint8_t *exact = malloc(cap ? cap : 1);
	memcpy(exact, frame, cap);
	if (nmw_packet_parse(link, exact, cap, wire, &p) == NMW_PACKET_OK) {
		CHECK(p.payload >= exact && p.payload + p.len <= exact + cap);
		CHECK(p.proto == NMW_IPPROTO_TCP || p.cut == 0);
		if (p.proto == NMW_IPPROTO_TCP)
			nmw_tcp_segment(t, &p);
	}
	free(exact);
}

static void fuzz_headers(uint64_t inputs)
{
	const struct nmw_tcp_spec spec = {5, 3, NMW_TCP_WINDOW_MIN};
	const struct nmw_tcp_ops ops = {on_any, on_event, NULL};
	struct nmw_tcp *t = nmw_tcp_new(&spec, &ops, NULL);
	CHECK(t != NULL);
	for (input = 0; input < inputs; input++) {
		try_packet(t);
		if (input % 5000 == 4999)
			nmw_tcp_flush(t);
	}
	nmw_tcp_free(t);
}

/* ---- what TCP hands on was sent ------------------------------------------ */

/* Byte i of the stream is a function of i, so that each byte that comes out can be judged. */
static uint8_t byte_at(uint64_t i)
{
	return (uint8_t)((i * 0x9E3779B97F4A7C15ull) >> 56);
}

struct reader {
	uint64_t at; /* stream position of the next byte */
	uint64_t kept_lost;
	uint32_t base;
};

static uint32_t on_judged(void *arg, uint32_t flow, unsigned dir, const uint8_t *p, uint32_t len)
{
	struct reader *r = arg;
	(void)flow, (void)dir;
	for (uint32_t i = 0; i < len; i++)
		CHECK(p[i] == byte_at(r->at + i));
	uint32_t n = below(3) ? len : below(len + 1);
	if (n == 0 && len > 60000)
		n = len;
	r->at += n;
	r->kept_lost = len - n;
	return n;
}

static void on_judged_event(void *arg, uint32_t flow, unsigned dir, enum nmw_tcp_event ev,
			    uint64_t n)
{
	struct reader *r = arg;
	(void)flow, (void)dir;
	if (ev == NMW_TCP_EV_GAP) { /* what was kept is gone, and n bytes after it */
		r->at += r->kept_lost + n;
		r->kept_lost = 0;
	}
}

/* A stream of which pieces come in any order, or never. */
static void judged_stream(void)
{
	const struct nmw_tcp_spec spec = {2, 2, NMW_TCP_WINDOW_MIN};
	struct reader r = {.base = (uint32_t)nmw_rng_u64(&rng)};
	const struct nmw_tcp_ops ops = {on_judged, on_judged_event, &r};
	struct nmw_tcp *t = nmw_tcp_new(&spec, &ops, NULL);
	struct nmw_packet p = {.proto = NMW_IPPROTO_TCP, .family = 4, .sport = 1, .dport = 2};
	uint8_t bytes[1500];
	uint64_t head = 0;
	CHECK(t != NULL);
	p.seq = r.base - 1;
	p.flags = NMW_TCP_SYN;
	nmw_tcp_segment(t, &p);
	p.flags = NMW_TCP_ACK;
	for (unsigned i = 0; i < 600; i++) {
		uint64_t back = below(5) ? 0 : below(6000);
		uint64_t from = head > back ? head - back : 0;
		p.len = 1 + below(sizeof bytes - 1);
		head = from + p.len > head ? from + p.len : head;
		if (below(12) == 0) /* lost, or late */
			head += below(8) ? below(3000) : below(200000);
		for (uint32_t k = 0; k < p.len; k++)
			bytes[k] = byte_at(from + k);
		p.payload = bytes;
		p.seq = r.base + (uint32_t)from;
		nmw_tcp_segment(t, &p);
	}
	nmw_tcp_flush(t);
	nmw_tcp_free(t);
}

/* ---- BinaryFILE ---------------------------------------------------------- */

static void try_itchfile(void)
{
	char path[40];
	uint8_t bytes[3000];
	struct nmw_itchfile f;
	const uint8_t *p;
	uint32_t len, n = below(sizeof bytes), total = 0;
	int rc, fd = memfd_create("itchfile", 0);
	CHECK(fd >= 0);
	for (uint32_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(below(3) ? 0 : below(256));
	CHECK(write(fd, bytes, n) == (ssize_t)n);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	CHECK(nmw_itchfile_open(&f, path, NULL) == 0);
	while ((rc = nmw_itchfile_next(&f, &p, &len, NULL)) == 1) {
		CHECK(len > 0 && !memcmp(p, bytes + total + 2, len));
		total += 2 + len;
		CHECK(total <= n);
	}
	CHECK(rc <= 0);
	nmw_itchfile_close(&f);
	close(fd);
}

/* ---- files --------------------------------------------------------------- */

/* The header of the file is mostly spared, or hardly anything would be read. */
static int mutate_file(void)
{
	int c;
	for (uint64_t at = 0; (c = getchar()) != EOF; at++) {
		uint32_t odds = at < 24 ? 400 : 600;
		if (below(odds) == 0)
			c ^= 1 << below(8);
		else if (below(odds) == 0)
			c = (int)below(256);
		if (at >= 24 && below(5000) == 0)
			continue;
		if (at >= 24 && below(5000) == 0)
			putchar(c);
		putchar(c);
	}
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	bool mutate = argc > 2 && !strcmp(argv[1], "mutate");
	seed = argc > 1 ? strtoull(argv[mutate ? 2 : 1], NULL, 0) : 1;
	uint64_t inputs = argc > 2 && !mutate ? strtoull(argv[2], NULL, 0) : 200000;
	nmw_rng_seed(&rng, seed);
	if (mutate)
		return mutate_file();
	fuzz_headers(inputs);
	for (input = 0; input < inputs / 1000; input++)
		judged_stream();
	for (input = 0; input < inputs / 1000; input++)
		try_itchfile();
	printf("seed %llu, %llu packets\n", (unsigned long long)seed, (unsigned long long)inputs);
	return EXIT_SUCCESS;
}
