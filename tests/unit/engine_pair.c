#include "engine_pair.h"
#include "unit.h"
#include <inttypes.h>
#include <string.h>

static struct nmw_held *held_new(struct pair *p, const struct nmw_engine_spec *s)
{
	size_t size = nmw_held_footprint(&p->port.p, s->orders, s->symbols);
	void *mem = aligned_alloc(64, size);
	ck_assert_ptr_nonnull(mem);
	memset(mem, 0, size);
	return nmw_held_init(mem, &p->port.p,
			     (struct nmw_books *)(uintptr_t)nmw_engine_books(p->hard.e), s->orders,
			     s->symbols);
}

void pair_open(struct pair *p, const struct nmw_engine_spec *s, const struct pair_device *d,
	       bool listed)
{
	rig_open(&p->soft, s, NMW_CODEC_OUCH42);
	rig_open(&p->hard, s, NMW_CODEC_OUCH42);
	naive_port_open(&p->port, d->books, d->ticks, d->slots, d->depth);
	p->port.lose_after = d->lose_after;
	p->port.lie_after = d->lie_after;
	for (unsigned i = 0; listed && i < FLOW_LISTED; i++) {
		ck_assert_int_eq(nmw_engine_symbol(p->soft.e, &flow_symbols[i], NULL), 0);
		ck_assert_int_eq(nmw_engine_symbol(p->hard.e, &flow_symbols[i], NULL), 0);
	}
	p->held = held_new(p, s);
	p->hard.out.held = p->held;
}

void pair_restart(struct pair *p, const struct nmw_engine_spec *s, const struct pair_device *d)
{
	struct nmw_engine_stat now;
	free(p->held);
	naive_port_close(&p->port);
	rig_move(&p->hard);
	naive_port_open(&p->port, d->books, d->ticks, d->slots, d->depth);
	p->held = held_new(p, s);
	nmw_engine_stat(p->hard.e, &now);
	nmw_held_adopt(p->held, (uint32_t)now.symbols);
	p->hard.out.held = p->held;
}

void pair_close(struct pair *p)
{
	free(p->held);
	naive_port_close(&p->port);
	rig_close(&p->soft);
	rig_close(&p->hard);
}

void pair_same_output(struct pair *p, uint64_t step)
{
	const struct outmsgs *a = &p->soft.got, *b = &p->hard.got;
	size_t k = 0;
	while (k < a->n && k < b->n && a->m[k].len == b->m[k].len &&
	       memcmp(a->m[k].p, b->m[k].p, a->m[k].len) == 0 &&
	       a->m[k].session == b->m[k].session && a->m[k].channel == b->m[k].channel &&
	       a->m[k].codec == b->m[k].codec && a->m[k].in_seq == b->m[k].in_seq &&
	       a->m[k].ts_ns == b->m[k].ts_ns)
		k++;
	if (k == a->n && k == b->n)
		return;
	p->soft.seen = p->hard.seen = 0;
	printf("software:\n%s", rig_text_all(&p->soft));
	printf("device:\n%s", rig_text_all(&p->hard));
	ck_abort_msg("message %" PRIu64 ", output %zu differs", step, k);
}

static void same_orders(struct pair *p, uint32_t sym, uint32_t side)
{
	const struct nmw_books *x = nmw_engine_books(p->soft.e), *y = nmw_engine_books(p->hard.e);
	nmw_oid a = 0, b = 0;
	do {
		struct nmw_book_order o, q;
		struct nmw_engine_order v, w;
		a = nmw_book_walk(x, sym, side, a);
		b = nmw_book_walk(y, sym, side, b);
		ck_assert_int_eq(a != 0, b != 0);
		if (!a)
			break;
		nmw_book_order(x, a, &o);
		nmw_book_order(y, b, &q);
		nmw_engine_order(p->soft.e, a, &v);
		nmw_engine_order(p->hard.e, b, &w);
		ck_assert(o.px == q.px && o.qty == q.qty && o.rank == q.rank &&
			  o.owner == q.owner && v.order_ref == w.order_ref &&
			  v.expire_ns == w.expire_ns && v.executed == w.executed);
	} while (a);
}

void pair_same_state(struct pair *p)
{
	char why[256];
	struct nmw_engine_stat s, h;
	nmw_held_release(p->held);
	nmw_engine_stat(p->soft.e, &s);
	nmw_engine_stat(p->hard.e, &h);
	ck_assert_msg(nmw_books_check(nmw_engine_books(p->hard.e), why, sizeof why) == 0, "%s",
		      why);
	ck_assert_int_eq(memcmp(&s, &h, sizeof s), 0);
	for (uint32_t sym = 0; sym < s.symbols; sym++)
		for (uint32_t side = 0; side < 2; side++)
			same_orders(p, sym, side);
}

void pair_say_stat(const struct pair *p)
{
	struct nmw_held_stat s;
	nmw_held_stat(p->held, &s);
	printf("  %" PRIu64 " commands, %" PRIu64 " ahead, %" PRIu64 " events, %u at once; %" PRIu64
	       " symbols, %" PRIu64 " orders; %" PRIu64 " moves of %" PRIu64 ", %" PRIu64
	       " behind; to software:",
	       s.commands, s.ahead, s.events, p->port.most, s.symbols, s.orders, s.moves, s.moved,
	       s.behind);
	if (p->held->lost)
		printf(" %s;", p->held->err.msg);
	for (unsigned i = 0; i < NMW_HELD_WHYS; i++)
		printf(" %" PRIu64, s.went[i]);
	printf("\n");
}

void pair_burst(struct pair *p, struct flow_msg *m, unsigned n, uint64_t step)
{
	const struct nmw_slot *slot[PAIR_BURST];
	const uint8_t *payload[PAIR_BURST];
	uint32_t len[PAIR_BURST];
	for (unsigned i = 0; i < n; i++) {
		slot[i] = flow_slot(&m[i]);
		payload[i] = m[i].p;
		len[i] = m[i].len;
	}
	p->soft.got.n = p->hard.got.n = 0;
	nmw_engine_burst(p->soft.e, slot, payload, len, n, &p->soft.out);
	nmw_engine_burst(p->hard.e, slot, payload, len, n, &p->hard.out);
	pair_same_output(p, step);
}

void pair_send(struct pair *p, uint32_t session, uint8_t channel, uint8_t codec,
	       const uint8_t *payload, uint32_t len)
{
	rig_send(&p->soft, session, channel, codec, payload, len);
	rig_send(&p->hard, session, channel, codec, payload, len);
	pair_same_output(p, p->soft.in_seq);
}

void pair_cmd(struct pair *p, uint32_t session, const struct nmw_cmd *c)
{
	rig_cmd(&p->soft, session, c);
	rig_cmd(&p->hard, session, c);
	pair_same_output(p, p->soft.in_seq);
}

void pair_feed(struct pair *p, const struct nmw_cmd *c)
{
	rig_feed(&p->soft, c);
	rig_feed(&p->hard, c);
	pair_same_output(p, p->soft.in_seq);
}
