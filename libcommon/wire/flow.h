/* flow.h: a table of flows of a fixed size: a key becomes a small index into the caller's own
 * arrays.
 *
 * Chained hash over entries that also stand in a list by last use: when the table is full, the
 * entry that was not used for the longest time gives way, and its caller is told so that it can
 * close what lay there.  Memory is bounded by the capacity, whatever a capture holds.
 *
 * One thread.  All memory at the start.  get and drop are O(1), about 20 ns; iteration order plays
 * no role.
 */
#ifndef NMW_WIRE_FLOW_H
#define NMW_WIRE_FLOW_H

#include "base/err.h"
#include "wire/packet.h"
#include <stdint.h>

#define NMW_FLOWS_MAX (1u << 24) /* entries of a table */
#define NMW_FLOW_NONE UINT32_MAX

/* Who speaks to whom. Compared as bytes: start from zero (nmw_flow_key_of does). */
struct nmw_flow_key {
	uint8_t a[16], b[16]; /* addresses as in struct nmw_packet */
	uint16_t a_port, b_port;
	uint8_t family, proto;
	char tag[10]; /* what else tells streams apart: the session of MoldUDP64; or 0 */
};

_Static_assert(sizeof(struct nmw_flow_key) == 48, "hashed as six words");

/* The key of the packet's direction (a = source). */
void nmw_flow_key_of(struct nmw_flow_key *k, const struct nmw_packet *p);
/* Puts the lower end first, so that both directions have one key: 1 when the ends changed places.
 */
unsigned nmw_flow_key_both(struct nmw_flow_key *k);

struct nmw_flows;

struct nmw_flows *nmw_flows_new(uint32_t capacity, struct nmw_err *e); /* 1..NMW_FLOWS_MAX */
void nmw_flows_free(struct nmw_flows *t);			       /* NULL is allowed */

enum nmw_flow_was {
	NMW_FLOW_KNOWN = 0,
	NMW_FLOW_FRESH = 1,   /* the index was free */
	NMW_FLOW_EVICTED = 2, /* the index was another flow's, which is now forgotten */
};

/* Index 0..capacity-1 of the key, put in when it is not there. */
uint32_t nmw_flows_get(struct nmw_flows *t, const struct nmw_flow_key *k, enum nmw_flow_was *was);
/* The same, never put in: NMW_FLOW_NONE. */
uint32_t nmw_flows_find(const struct nmw_flows *t, const struct nmw_flow_key *k);
/* Index i was used: what get does for a caller that knows the index of its key. */
void nmw_flows_use(struct nmw_flows *t, uint32_t i);
void nmw_flows_drop(struct nmw_flows *t, uint32_t i);
/* The index that gives way to the next new key, for a caller that must close what lies there while
 * its key still stands: NMW_FLOW_NONE while there is room. */
uint32_t nmw_flows_next_out(const struct nmw_flows *t);
const struct nmw_flow_key *nmw_flows_key(const struct nmw_flows *t, uint32_t i);
/* Indexes in use, least recently used first: start with NMW_FLOW_NONE, ends with it. */
uint32_t nmw_flows_each(const struct nmw_flows *t, uint32_t i);

#endif
