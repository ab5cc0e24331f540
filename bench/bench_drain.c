/* bench_drain RING [MODE]: a reader that takes every message where it lies, as fast as it comes,
 * and waits as a stage does: descriptor checked, first byte of the payload read. Ends with the
 * ring; says what it read. For measuring producers. */
#include "base/log.h"
#include "ring/ring.h"
#include "ring/wait.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define BURST	256u
#define AHEAD	8u /* payloads that are fetched ahead */
#define JOIN_NS 2000000u

/* Messages of one burst, and something of what they said. */
static unsigned read_some(struct nmw_cons *c, uint64_t *sum)
{
	unsigned ready = nmw_cons_ready(c, BURST);
	for (unsigned i = 0; i < ready; i++) {
		uint32_t len;
		const uint8_t *p;
		if (i + AHEAD < ready)
			__builtin_prefetch(nmw_cons_payload(c, nmw_cons_slot(c, i + AHEAD), &len));
		p = nmw_cons_payload(c, nmw_cons_slot(c, i), &len);
		*sum += p && len ? *p : 0;
	}
	nmw_cons_release(c, ready);
	return ready;
}

/* Messages that were read until the ring ended. */
static uint64_t drain(struct nmw_cons *c, enum nmw_wait_mode mode, uint64_t *sum)
{
	struct nmw_wait w = {0};
	uint64_t n = 0, turn = 0;
	nmw_wait_init(&w, mode);
	for (;;) {
		unsigned ready = read_some(c, sum);
		n += ready;
		turn += ready;
		if (ready) {
			nmw_wait_busy(&w);
			continue;
		}
		enum nmw_ring_state state = nmw_cons_state(c);
		if (state != NMW_RING_LIVE && !nmw_cons_ready(c, 1))
			return n;
		if (turn)
			nmw_wait_turn(&w, turn, c->mask + 1);
		turn = 0;
		nmw_wait_idle(&w, c);
	}
}

int main(int argc, char **argv)
{
	struct nmw_err e = NMW_ERR_INIT;
	struct nmw_cons c;
	const struct nmw_cons_spec spec = {.ring = argc > 1 ? argv[1] : "bench"};
	enum nmw_wait_mode mode =
		argc > 2 && !strcmp(argv[2], "spin") ? NMW_WAIT_SPIN : NMW_WAIT_AUTO;
	int rc;
	while ((rc = nmw_cons_join(&c, &spec, &e)) == -ENOENT)
		nanosleep(&(struct timespec){.tv_nsec = JOIN_NS}, NULL);
	if (rc)
		return nmw_log_err(&e);
	uint64_t sum = 0, n = drain(&c, mode, &sum);
	printf("%" PRIu64 " messages, sum %" PRIu64 "\n", n, sum);
	nmw_cons_leave(&c, true);
	return 0;
}
