/* A ring file with a byte changed, N times: whoever opens it ends in order.
 *
 *   fuzz_ring SEED N
 *
 * Each round makes a ring with messages in slots and in frames, changes a byte (or a word, or cuts
 * the file), and lets a consumer, a tap, a look, a producer and the reaper meet it.  What may come
 * out: it is refused (-EPROTO), it is called corrupt, a message is not what it was (counted), or
 * nothing is noticed because nothing that matters was hit.  What may not: a crash, a hang, a read
 * outside of the file (which the address sanitizer and the page protection see).  In the end a ring
 * that a second thread changes while it is read.  Exit 0 or 1; NMW_DIR is an empty
 * directory of its own. */
#include "base/clock.h"
#include "base/rng.h"
#include "ring/ring_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RING	 "fuzz"
#define MESSAGES 50u
#define STEPS	 100000u /* more than any reader needs */
#define LIE_AT	 20u	 /* message that changes */
#define LIES	 200000u /* rounds of changes under a reader */

enum outcome { CLEAN, REFUSED, CORRUPT, DIFFERENT, BLOCKED, OUTCOMES };
static const char *const outcome_names[OUTCOMES] = {"clean", "refused", "called corrupt",
						    "other content", "blocked"};

static struct nmw_rng rng;
static unsigned count[OUTCOMES];

static unsigned below(uint64_t n)
{
	return (unsigned)nmw_rng_below(&rng, n);
}

static uint32_t len_of(uint64_t seq)
{
	return (uint32_t)(seq * 37 % 200);
}

static void put(struct nmw_prod *p, unsigned n)
{
	while (n-- > 0 && nmw_prod_room(p, 1)) {
		struct nmw_slot *s = nmw_prod_slot(p, 0);
		uint32_t len = len_of(p->next);
		uint8_t *to = nmw_prod_payload(p, s, len);
		if (!to)
			return;
		memset(to, (int)(p->next & 0xff), len);
		nmw_prod_publish(p, 1);
	}
}

static bool right(const struct nmw_cons *c)
{
	uint32_t len;
	const struct nmw_slot *s = nmw_cons_slot(c, 0);
	const uint8_t *at = nmw_cons_payload(c, s, &len);
	bool ok = at && len == len_of(c->next);
	for (uint32_t k = 0; at && k < len; k++) /* all of it is read, right or not */
		ok &= at[k] == (c->next & 0xff);
	return ok;
}

static enum outcome worse(enum outcome a, enum outcome b)
{
	return a > b ? a : b;
}

/* Reads to the end, as a stage does. */
static enum outcome drain(struct nmw_cons *c)
{
	enum outcome out = CLEAN;
	for (unsigned i = 0; i < STEPS; i++) {
		if (nmw_cons_ready(c, 1)) {
			bool ok = right(c);
			if (nmw_cons_missed(c))
				continue;
			out = ok ? out : worse(out, DIFFERENT);
			nmw_cons_release(c, 1);
			continue;
		}
		switch (nmw_cons_state(c)) {
		case NMW_RING_CORRUPT:
			return CORRUPT;
		case NMW_RING_LIVE:
			break;
		default:
			return out;
		}
	}
	return BLOCKED;
}

static enum outcome read_it(const char *name, bool tap)
{
	struct nmw_err e = NMW_ERR_INIT;
	struct nmw_cons c;
	int rc = nmw_cons_join(&c, &(struct nmw_cons_spec){.ring = RING, .name = name, .tap = tap},
			       &e);
	if (rc == -ENOENT) /* closed, and read to its end by then */
		return CLEAN;
	if (rc != 0)
		return REFUSED;
	enum outcome out = drain(&c);
	nmw_cons_leave(&c, false);
	return out;
}

static enum outcome write_on(void)
{
	struct nmw_err e = NMW_ERR_INIT;
	struct nmw_prod p;
	if (nmw_prod_open(&p, &(struct nmw_ring_spec){.name = RING}, &e) != 0)
		return REFUSED;
	put(&p, MESSAGES);
	nmw_prod_consumers(&p, NULL);
	nmw_prod_close(&p);
	nmw_prod_leave(&p);
	return CLEAN;
}

/* The reaper meets it; what it lets be because it is damaged goes too. */
static void clear(void)
{
	char path[NMW_RING_PATH_MAX];
	nmw_ring_reap(false, NULL);
	nmw_ring_path(path, getenv("NMW_DIR"), RING);
	unlink(path);
}

/* A ring as processes left it: some of it read by a named consumer, closed or not. */
static void make(void)
{
	struct nmw_err e = NMW_ERR_INIT;
	struct nmw_prod p;
	struct nmw_cons c;
	const struct nmw_ring_spec s = {.name = RING,
					.slots = 16ull << below(3),
					.slot_sz = 64u << below(2),
					.frame_bytes = 8192,
					.tool = "fuzz"};
	int rc = nmw_prod_open(&p, &s, &e);
	if (rc == 0)
		rc = nmw_cons_join(&c, &(struct nmw_cons_spec){.ring = RING, .name = "kept"}, &e);
	if (rc != 0) {
		printf("make: %s\n", e.msg);
		exit(1);
	}
	for (unsigned i = below(MESSAGES); i > 0; i--) {
		put(&p, 1);
		nmw_cons_release(&c, nmw_cons_ready(&c, 1));
	}
	put(&p, 1 + below(15));
	nmw_cons_leave(&c, false);
	if (below(2))
		nmw_prod_close(&p);
	nmw_prod_leave(&p);
}

/* Where to hit: the parts that say where things are get more than their share. */
static off_t aim(const struct nmw_ring_geom *g)
{
	switch (below(4)) {
	case 0:
		return below(NMW_RING_HDR_SZ);
	case 1:
		return (off_t)(g->ctl_off + below(5 * NMW_RING_STRIDE));
	case 2:
		return (off_t)(g->slots_off + below(g->slot_cnt * g->slot_sz));
	default:
		return (off_t)below(g->file_sz);
	}
}

static void damage(void)
{
	char path[NMW_RING_PATH_MAX];
	struct nmw_ring_geom g;
	struct stat st;
	nmw_ring_path(path, getenv("NMW_DIR"), RING);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0 || pread(fd, &g, sizeof g, 0) != sizeof g)
		exit(1);
	if (below(20) == 0) {
		if (ftruncate(fd, below((uint64_t)st.st_size)) != 0)
			exit(1);
		close(fd);
		return;
	}
	off_t at = aim(&g);
	uint8_t b[8] = {0};
	size_t n = below(4) ? 1 : 8;
	if (pread(fd, b, n, at) < 1)
		exit(1);
	for (size_t i = 0; i < n; i++)
		b[i] = (uint8_t)(n == 1 ? b[i] ^ (1 + below(255)) : nmw_rng_u64(&rng));
	if (at + (off_t)n <= st.st_size && pwrite(fd, b, n, at) != (ssize_t)n)
		exit(1);
	close(fd);
}

static void look(void)
{
	struct nmw_ring_info info;
	struct nmw_err e = NMW_ERR_INIT;
	nmw_ring_inspect(RING, &info, &e);
}

static void round_of(unsigned i)
{
	enum outcome out;
	make();
	damage();
	look();
	out = read_it(NULL, true);
	out = worse(out, read_it("kept", false));
	if (i % 2)
		write_on();
	out = worse(out, read_it(NULL, false));
	look();
	clear();
	count[out]++;
}

/* The same under a producer and a consumer that are at work: what they have mapped changes. */
static void round_live(void)
{
	struct nmw_err e = NMW_ERR_INIT;
	struct nmw_prod p;
	struct nmw_cons c;
	enum outcome out = CLEAN;
	struct nmw_ring_spec s = {.name = RING, .slots = 32, .frame_bytes = 8192};
	if (nmw_prod_open(&p, &s, &e) != 0 ||
	    nmw_cons_join(&c, &(struct nmw_cons_spec){.ring = RING}, &e) != 0)
		exit(1);
	for (unsigned i = 0; i < 10 && out != CORRUPT; i++) {
		struct nmw_ring_geom g;
		char path[NMW_RING_PATH_MAX];
		nmw_ring_path(path, getenv("NMW_DIR"), RING);
		int fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0 || pread(fd, &g, sizeof g, 0) != sizeof g)
			exit(1);
		uint64_t v = nmw_rng_u64(&rng);
		/* the producer's own lines and its slots are its own; the rest is not */
		uint64_t at = below(2) ? p.ring->g.ctl_off + below(NMW_RING_CTL_SZ - 8)
				       : p.ring->g.slots_off + below(32 * 128 - 8);
		if (pwrite(fd, &v, below(2) ? 1 : 8, (off_t)at) < 1)
			exit(1);
		close(fd);
		put(&p, below(20));
		for (unsigned k = 0; k < 40 && nmw_cons_ready(&c, 1); k++) {
			out = right(&c) ? out : worse(out, DIFFERENT);
			nmw_cons_release(&c, 1);
		}
		if (nmw_cons_state(&c) == NMW_RING_CORRUPT)
			out = CORRUPT;
	}
	nmw_cons_leave(&c, true);
	nmw_prod_consumers(&p, NULL);
	nmw_prod_close(&p);
	nmw_prod_leave(&p);
	clear();
	count[out]++;
}

/* A producer that changes what it has published while it is read. */
struct liar {
	struct nmw_ring *ring;
	uint64_t rounds;
};

/* Numbers its slots anew, lap by lap, then swaps one's short message for a long one in a frame. */
static void *lie(void *arg)
{
	struct liar *l = arg;
	const uint64_t cnt = l->ring->g.slot_cnt;
	struct nmw_slot *s = nmw_ring_slot(l->ring, LIE_AT);
	for (uint64_t n = 1; n <= LIES; n++) {
		for (uint64_t seq = 1; seq <= 4 * cnt; seq++)
			__atomic_store_n(&nmw_ring_slot(l->ring, seq)->seq, seq, __ATOMIC_RELAXED);
		for (uint64_t k = 0; k < cnt; k++) {
			bool framed = k % 2;
			__atomic_store_n(&s->frame_off, framed ? 0 : NMW_INLINE, __ATOMIC_RELAXED);
			__atomic_store_n(&s->len, framed ? 8192 : 80, __ATOMIC_RELAXED);
		}
		__atomic_store_n(&l->rounds, n, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Is what is taken one thing: pointer, length and copied descriptor? */
static bool of_a_piece(const struct nmw_cons *c)
{
	struct nmw_slot desc;
	const uint8_t *at;
	uint32_t len;
	bool lies = nmw_cons_take(c, 0, &desc, &at, &len);
	bool in_slot = desc.frame_off == NMW_INLINE;
	return len == desc.len && lies == (!in_slot || len <= c->slot_room) &&
	       (!lies || at == (in_slot ? nmw_cons_slot(c, 0)->payload : c->frames));
}

/* Whatever it writes, a consumer is never told of more messages than the ring has slots, and what
 * it takes is as it was checked. */
static bool believes(struct nmw_cons *c, const struct liar *l)
{
	while (__atomic_load_n(&l->rounds, __ATOMIC_RELAXED) < LIES) {
		unsigned n = nmw_cons_ready(c, UINT32_MAX);
		if (n > 32)
			printf("%u messages ready in a ring of 32\n", n);
		if (n > 32 || !of_a_piece(c))
			return true;
	}
	return false;
}

static int lied_to(void)
{
	struct nmw_err e = NMW_ERR_INIT;
	struct nmw_prod p;
	struct nmw_cons c;
	struct nmw_ring_spec s = {.name = RING, .slots = 32, .frame_bytes = 8192};
	pthread_t thread;
	if (nmw_prod_open(&p, &s, &e) != 0 ||
	    nmw_cons_join(&c, &(struct nmw_cons_spec){.ring = RING}, &e) != 0)
		exit(1);
	struct liar l = {.ring = p.ring};
	c.next = LIE_AT; /* a run goes over the end of the ring */
	if (pthread_create(&thread, NULL, lie, &l) != 0)
		exit(1);
	bool believed = believes(&c, &l);
	pthread_join(thread, NULL);
	nmw_cons_leave(&c, true);
	nmw_prod_close(&p);
	nmw_prod_leave(&p);
	clear();
	if (believed)
		printf("a consumer believed what was written while it read\n");
	return believed;
}

int main(int argc, char **argv)
{
	if (argc != 3 || !getenv("NMW_DIR")) {
		fprintf(stderr, "usage: fuzz_ring SEED N\n");
		return 2;
	}
	uint64_t seed = strtoull(argv[1], NULL, 0);
	unsigned n = (unsigned)strtoul(argv[2], NULL, 0);
	printf("seed %llu\n", (unsigned long long)seed);
	for (unsigned i = 0; i < n; i++) {
		nmw_rng_seed(&rng, seed + i);
		alarm(60); /* a hang ends the run, with the round on the last line */
		if (getenv("FUZZ_VERBOSE"))
			printf("round %u\n", i), fflush(stdout);
		if (i % 5 == 4)
			round_live();
		else
			round_of(i);
	}
	for (unsigned k = 0; k < OUTCOMES; k++)
		printf("%5u %s\n", count[k], outcome_names[k]);
	return count[BLOCKED] || lied_to() ? 1 : 0;
}
