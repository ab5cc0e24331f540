/* The orders of a capture that will go in: which symbols they name, and at which prices. */
#include "wire.h"
#include "wire_found.h"

#include "wire/codec.h"
#include "wire/flow.h"
#include "wire/mold.h"

#include <errno.h>
#include <stdlib.h>

#define FLOWS	 65536u
#define QTY_MOST 999999u /* shares of an order, by the protocol */

struct learn {
	struct wire_symbols *s;
	struct nmw_flows *flows; /* who sends */
	uint32_t *last_urn;	 /* of each: what comes again is no order */
};

/* An order that would be taken, as far as its message tells. */
static void message(struct learn *l, uint32_t *last_urn, const uint8_t *p, uint32_t len)
{
	struct nmw_cmd c;
	if (nmw_codec_ouch50.decode(p, len, &c) || (c.op != NMW_OP_ENTER && c.op != NMW_OP_REPLACE))
		return;
	uint32_t urn = (uint32_t)(c.op == NMW_OP_ENTER ? c.key.lo : c.key2.lo);
	if (urn <= *last_urn)
		return;
	*last_urn = urn;
	bool priced = !c.market && c.price > 0 && c.price <= NMW_PX_MAX_42;
	if (c.op == NMW_OP_ENTER && priced && c.qty && c.qty <= QTY_MOST)
		wire_symbols_order(l->s, c.info.symbol, (uint32_t)c.price);
}

static void frame(struct learn *l, const struct nmw_capture_packet *c)
{
	struct nmw_packet p;
	struct nmw_flow_key k;
	struct nmw_mold m;
	enum nmw_flow_was was;
	const uint8_t *msg;
	uint16_t len;
	if (nmw_packet_parse(NMW_LINK_ETHERNET, c->p, c->caplen, c->len, &p) != NMW_PACKET_OK ||
	    p.proto != NMW_IPPROTO_UDP || p.family != 4 || nmw_mold_open(&m, p.payload, p.len) != 0)
		return;
	nmw_flow_key_of(&k, &p);
	uint32_t i = nmw_flows_get(l->flows, &k, &was);
	if (was != NMW_FLOW_KNOWN)
		l->last_urn[i] = 0;
	while ((msg = nmw_mold_next(&m, &len)))
		message(l, &l->last_urn[i], msg, len);
}

int wire_learn(struct wire_symbols *s, struct frame_in *in, struct found *found, struct nmw_err *e)
{
	struct learn l = {.s = s,
			  .flows = nmw_flows_new(FLOWS, e),
			  .last_urn = calloc(FLOWS, sizeof *l.last_urn)};
	bool ready = l.flows && l.last_urn;
	int n = 0;
	if (!ready)
		n = !l.flows ? e->err
			     : nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE,
					   "no memory for %u streams", FLOWS);
	while (ready && !n && (n = frame_in_burst(in, true, e)) > 0) {
		for (int i = 0; i < n; i++) {
			if (!found->ours)
				found_look(found, &in->packet[i]);
			frame(&l, &in->packet[i]);
		}
		n = 0;
	}
	nmw_flows_free(l.flows);
	free(l.last_urn);
	return n;
}
