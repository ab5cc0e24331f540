/* engine_flow.h: random input for an engine: seven sessions of both versions of OUCH, with logins
 * and losses, halts, time that passes, repeats and mistakes.  One seed gives one flow. */
#ifndef NMW_TESTS_ENGINE_FLOW_H
#define NMW_TESTS_ENGINE_FLOW_H

#include "base/rng.h"
#include "book/engine.h"

#define FLOW_SESSIONS 7u
#define FLOW_RECENT   8u   /* half of what refers to an order means one of the last so many */
#define FLOW_OLD      250u /* the other half goes back so far */
#define FLOW_LISTED   4u

struct flow_ids { /* an account's: the last one given */
	unsigned next;
};

struct flow_session {
	uint8_t codec;
	const char *account; /* NULL: never logs in */
	struct flow_ids *ids;
	bool up, cancel;
};

struct flow {
	struct nmw_rng rng;
	struct flow_ids ids[FLOW_SESSIONS];
	struct flow_session s[FLOW_SESSIONS]; /* ids of the stage: index + 1 */
	uint64_t now_ns, seq;
};

struct flow_msg {
	_Alignas(8) uint8_t desc[NMW_DESC_SZ]; /* a struct nmw_slot without payload */
	uint32_t len;
	uint8_t p[256];
};

static inline struct nmw_slot *flow_slot(struct flow_msg *m)
{
	return (struct nmw_slot *)(void *)m->desc;
}

/* Symbols that both engines are given before. */
extern const struct nmw_symbol_conf flow_symbols[FLOW_LISTED];

void flow_open(struct flow *f, uint64_t seed);
void flow_next(struct flow *f, struct flow_msg *m);

#endif
