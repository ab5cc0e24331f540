#include "wire_engine.h"
#include "book/engine_impl.h"
#include "wire/ouch50.h"
#include <stdlib.h>
#include <string.h>

struct we {
	struct nmw_engine *e;
	struct nmw_engine_out out;
	struct we_out *got;
	size_t n, cap;
	uint64_t seq;
	_Alignas(64) uint8_t slot[NMW_SLOT_SZ];
	uint8_t frame[1024];
};

static void take(struct we *w)
{
	const struct nmw_slot *s = (const struct nmw_slot *)(const void *)w->slot;
	if (w->n == w->cap)
		w->got = realloc(w->got, (w->cap = 2 * w->cap + 64) * sizeof(*w->got));
	struct we_out *o = &w->got[w->n++];
	*o = (struct we_out){.ts_ns = s->ts_ns, .session = s->session, .len = s->len};
	if (s->len > sizeof(o->p))
		abort();
	memcpy(o->p, s->frame_off == NMW_INLINE ? s->payload : w->frame, s->len);
}

static void turn(struct nmw_engine_out *o, bool more)
{
	struct we *w = o->arg;
	(void)more;
	if ((uint8_t *)o->at != w->slot)
		take(w);
	o->at = (struct nmw_slot *)(void *)w->slot;
}

static uint8_t *frame(struct nmw_engine_out *o, uint32_t len)
{
	struct we *w = o->arg;
	if (len > sizeof(w->frame))
		abort();
	o->at->frame_off = 0;
	return w->frame;
}

struct we *we_open(const struct we_symbol *s, unsigned n, int closed, int stp, unsigned orders)
{
	const struct nmw_engine_spec spec = {.symbols = 64,
					     .orders = orders,
					     .sessions = 32,
					     .ids = 1000,
					     .window = 1024,
					     .feed_out = true,
					     .replies_out = true,
					     .stp = (enum nmw_stp)stp};
	struct we *w = aligned_alloc(64, (sizeof(*w) + 63) / 64 * 64);
	memset(w, 0, sizeof(*w));
	size_t size = (nmw_engine_footprint(&spec) + 63) / 64 * 64;
	void *mem = aligned_alloc(64, size);
	memset(mem, 0, size);
	w->e = nmw_engine_init(mem, &spec);
	if (!w->e)
		abort();
	for (unsigned i = 0; i < n; i++) {
		struct nmw_symbol_conf c = {
			.locate = s[i].locate, .lot = s[i].lot, .state = s[i].state};
		memcpy(c.name, s[i].name, sizeof(c.name));
		if (s[i].listed && nmw_engine_symbol(w->e, &c, NULL))
			abort();
	}
	nmw_engine_closed_list(w->e, closed);
	w->out = (struct nmw_engine_out){.at = (struct nmw_slot *)(void *)w->slot,
					 .end = (struct nmw_slot *)(void *)(w->slot + NMW_SLOT_SZ),
					 .stride = NMW_SLOT_SZ,
					 .inline_max = NMW_SLOT_SZ - NMW_DESC_SZ,
					 .turn = turn,
					 .frame = frame,
					 .arg = w};
	return w;
}

void we_close(struct we *w)
{
	free(w->e);
	free(w->got);
	free(w);
}

size_t we_send(struct we *w, uint32_t session, uint64_t ts_ns, const uint8_t *p, uint32_t len,
	       const struct we_out **out)
{
	const struct nmw_slot s = {.seq = ++w->seq,
				   .ts_ns = ts_ns,
				   .in_seq = w->seq,
				   .session = session,
				   .len = (uint16_t)len,
				   .channel = NMW_CH_ORDER,
				   .codec = NMW_CODEC_OUCH50};
	w->n = 0;
	nmw_engine_msg(w->e, &s, p, len, &w->out);
	*out = w->got;
	return w->n;
}

size_t we_end(struct we *w, const struct we_out **out)
{
	w->n = 0;
	nmw_engine_end(w->e, &w->out);
	*out = w->got;
	return w->n;
}

#define WIRE_TAGS                                                               \
	(1u << NMW_TAG_FIRM | 1u << NMW_TAG_MIN_QTY | 1u << NMW_TAG_POST_ONLY | \
	 1u << NMW_TAG_CUSTOMER)

void we_read(const uint8_t *p, uint32_t len, struct we_msg *m)
{
	struct nmw_cmd c;
	memset(m, 0, sizeof(*m));
	if (nmw_codec_ouch50.decode(p, len, &c))
		return;
	m->op = c.op;
	m->urn = (uint32_t)(c.op == NMW_OP_REPLACE ? c.key2.lo : c.key.lo);
	m->orig = c.op == NMW_OP_REPLACE ? (uint32_t)c.key.lo : 0;
	m->qty = c.qty;
	m->side = c.side;
	m->symbol = c.info.symbol;
	m->price = (uint64_t)c.price;
	m->tif = (uint8_t)c.info.tif_raw;
	m->display = c.info.display;
	m->capacity = c.info.capacity;
	m->iso = c.info.iso;
	m->cross = c.info.cross;
	memcpy(m->clordid, c.info.clordid, 14);
	m->min_qty = c.info.min_qty;
	m->post_only = c.post_only;
	m->market = c.market;
	m->unfit = c.op == NMW_OP_QUERY || c.tags & ~WIRE_TAGS || c.app_len > 18;
	if (c.op != NMW_OP_ENTER && c.op != NMW_OP_REPLACE)
		return;
	if (!m->unfit && c.app_len) {
		m->app_len = (uint8_t)c.app_len;
		memcpy(m->app, c.app, c.app_len);
	}
	int why = c.op == NMW_OP_ENTER ? nmw_rules_enter(&c) : nmw_rules_replace(&c);
	m->reject = (uint8_t)(why == NMW_RULES_OK ? 0 : why + 1);
}
