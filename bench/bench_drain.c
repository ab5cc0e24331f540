/* bench_drain RING: a reader that takes every message where it lies, as fast as it comes:
 * descriptor checked, first byte of the payload read. Ends with the ring; says what it read. For
 * measuring producers. */
#include "base/log.h"
#include "ring/ring.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define BURST	256u
#define NAP_NS	20000u
#define JOIN_NS 2000000u

static void nap(long ns)
{
	nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

/* Messages that were read, and something of what they said. */
static uint64_t drain(struct nmw_cons *c, uint64_t *sum)
{
	uint64_t n = 0;
	for (;;) {
		unsigned ready = nmw_cons_ready(c, BURST);
		for (unsigned i = 0; i < ready; i++) {
			uint32_t len;
			const uint8_t *p = nmw_cons_payload(c, nmw_cons_slot(c, i), &len);
			*sum += p && len ? *p : 0;
		}
		n += ready;
		nmw_cons_release(c, ready);
		if (ready)
			continue;
		enum nmw_ring_state state = nmw_cons_state(c);
		if (state != NMW_RING_LIVE && !nmw_cons_ready(c, 1))
			return n;
		nap(NAP_NS);
	}
}

int main(int argc, char **argv)
{
	struct nmw_err e = NMW_ERR_INIT;
	struct nmw_cons c;
	const struct nmw_cons_spec spec = {.ring = argc > 1 ? argv[1] : "bench"};
	int rc;
	while ((rc = nmw_cons_join(&c, &spec, &e)) == -ENOENT)
		nap(JOIN_NS);
	if (rc)
		return nmw_log_err(&e);
	uint64_t sum = 0, n = drain(&c, &sum);
	printf("%" PRIu64 " messages, sum %" PRIu64 "\n", n, sum);
	nmw_cons_leave(&c, true);
	return 0;
}
