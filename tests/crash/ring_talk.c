/* The C end of tests/cli/ring_python.py: writes or reads a ring whose messages follow from their
 * numbers.
 *
 *   ring_talk put NAME COUNT MIN_CONSUMERS [die]   writes COUNT messages, closes (or just ends)
 *   ring_talk get NAME [CONSUMER]                  reads to the end, checks, prints how many
 *
 * Message seq: len = seq * 37 % 301, byte k = seq + k, ts_ns = seq * 1000, session = seq % 5. */
#include "ring/ring.h"
#include "ring/wait.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint32_t len_of(uint64_t seq)
{
	return (uint32_t)(seq * 37 % 301);
}

static int put(const char *name, uint64_t count, unsigned min, bool die)
{
	struct nmw_err e = NMW_ERR_INIT;
	struct nmw_prod p;
	struct nmw_wait w;
	const struct nmw_ring_spec spec = {.name = name,
					   .slots = 64,
					   .frame_bytes = 16384,
					   .min_consumers = min,
					   .tool = "talk"};
	if (nmw_prod_open(&p, &spec, &e) != 0) {
		fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	nmw_wait_init(&w, NMW_WAIT_AUTO);
	for (uint64_t last = p.next + count; p.next < last;) {
		struct nmw_slot *s = nmw_prod_slot(&p, 0);
		uint32_t len = len_of(p.next);
		uint8_t *to = nmw_prod_room(&p, 1) ? nmw_prod_payload(&p, s, len) : NULL;
		if (!to) {
			nmw_wait_idle(&w, NULL);
			continue;
		}
		nmw_wait_busy(&w);
		for (uint32_t k = 0; k < len; k++)
			to[k] = (uint8_t)(p.next + k);
		s->ts_ns = p.next * 1000;
		s->session = (uint32_t)(p.next % 5);
		s->channel = NMW_CH_FEED;
		nmw_prod_publish(&p, 1);
	}
	if (die)
		_exit(0);
	nmw_prod_close(&p);
	nmw_prod_leave(&p);
	return 0;
}

static bool right(const struct nmw_cons *c)
{
	uint32_t len;
	const struct nmw_slot *s = nmw_cons_slot(c, 0);
	const uint8_t *at = nmw_cons_payload(c, s, &len);
	bool ok = at && len == len_of(c->next) && s->ts_ns == c->next * 1000 &&
		  s->session == c->next % 5;
	for (uint32_t k = 0; ok && k < len; k++)
		ok = at[k] == (uint8_t)(c->next + k);
	return ok;
}

static int get(const char *name, const char *consumer)
{
	struct nmw_err e = NMW_ERR_INIT;
	struct nmw_cons c;
	struct nmw_wait w;
	const struct nmw_cons_spec spec = {.ring = name, .name = consumer};
	int rc;
	while ((rc = nmw_cons_join(&c, &spec, &e)) == -ENOENT)
		usleep(1000);
	nmw_wait_init(&w, NMW_WAIT_AUTO);
	uint64_t n = 0;
	for (enum nmw_ring_state st = NMW_RING_LIVE; rc == 0;) {
		if (nmw_cons_ready(&c, 1)) {
			nmw_wait_busy(&w);
			if (!right(&c))
				rc = nmw_err_set(&e, -EPROTO, NMW_EXIT_PEER,
						 "message %llu is wrong",
						 (unsigned long long)c.next);
			nmw_cons_release(&c, 1);
			n++;
		} else if (st == NMW_RING_CLOSED) {
			break;
		} else if (st == NMW_RING_CORRUPT) {
			rc = nmw_err_set(&e, -EPROTO, NMW_EXIT_PEER, "corrupt");
		} else {
			nmw_wait_idle(&w, &c);
			st = nmw_cons_state(&c);
		}
	}
	if (rc != 0)
		fprintf(stderr, "%s\n", e.msg);
	else
		printf("%llu\n", (unsigned long long)n);
	nmw_cons_leave(&c, true);
	return rc ? 1 : 0;
}

int main(int argc, char **argv)
{
	if (argc >= 5 && strcmp(argv[1], "put") == 0)
		return put(argv[2], strtoull(argv[3], NULL, 0), (unsigned)atoi(argv[4]), argc > 5);
	if (argc >= 3 && strcmp(argv[1], "get") == 0)
		return get(argv[2], argc > 3 ? argv[3] : NULL);
	fprintf(stderr,
		"usage: ring_talk put NAME COUNT MIN_CONSUMERS [die] | get NAME [CONSUMER]\n");
	return 2;
}
