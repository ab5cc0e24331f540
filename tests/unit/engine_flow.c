#include "engine_flow.h"
#include "wire_util.h"
#include <stdio.h>
#include <string.h>

#define START	  UINT64_C(1767623400000000000)
#define SECOND	  UINT64_C(1000000000)
#define PX_MIDDLE 10000

const struct nmw_symbol_conf flow_symbols[FLOW_LISTED] = {
	{.name = "CENTS   ", .tick = 100, .state = 'T'},
	{.name = "FINE    ", .tick = 1, .locate = 3, .lot = 10, .state = 'T'},
	{.name = "FIVES   ", .tick = 5, .band_lo = 9000, .band_hi = 11000, .state = 'T'},
	{.name = "SHUT    ", .tick = 10, .state = 'H'},
};

static const char *const names[] = {"CENTS", "CENTS", "CENTS", "FINE",	"FINE",
				    "FIVES", "FIVES", "FIVES", "FIVES", "SHUT",
				    "OPEN1", "OPEN2", "OPEN2", "OPEN2", "OPEN3"};
#define NAMES (sizeof(names) / sizeof(*names))

void flow_open(struct flow *f, uint64_t seed)
{
	static const struct flow_session s[FLOW_SESSIONS] = {
		{.codec = NMW_CODEC_OUCH42, .account = "ALPHA"},
		{.codec = NMW_CODEC_OUCH42, .account = "BRAVO", .cancel = true},
		{.codec = NMW_CODEC_OUCH50, .account = "CHARLIE"},
		{.codec = NMW_CODEC_OUCH50, .account = "DELTA", .cancel = true},
		{.codec = NMW_CODEC_OUCH42, .account = "ALPHA"}, /* a second connection */
		{.codec = NMW_CODEC_OUCH42},
		{.codec = NMW_CODEC_OUCH50},
	};
	memset(f, 0, sizeof(*f));
	nmw_rng_seed(&f->rng, seed);
	memcpy(f->s, s, sizeof(s));
	for (unsigned i = 0; i < FLOW_SESSIONS; i++)
		f->s[i].ids = &f->ids[i];
	f->s[4].ids = &f->ids[0];
	f->now_ns = START;
}

static unsigned below(struct flow *f, unsigned n)
{
	return (unsigned)nmw_rng_below(&f->rng, n);
}

static bool chance(struct flow *f, unsigned per_thousand)
{
	return below(f, 1000) < per_thousand;
}

static struct nmw_key key_of(const struct flow_session *s, unsigned id)
{
	char text[16];
	if (s->codec == NMW_CODEC_OUCH50)
		return (struct nmw_key){.lo = id};
	snprintf(text, sizeof(text), "T%u", id);
	return token_of(text);
}

static struct nmw_key new_key(struct flow *f, struct flow_session *s)
{
	struct flow_ids *ids = s->ids;
	if (chance(f, 15)) /* used before, or never */
		return key_of(s, 1 + below(f, ids->next + 3));
	return key_of(s, ++ids->next);
}

static struct nmw_key old_key(struct flow *f, const struct flow_session *s)
{
	unsigned back = 1 + below(f, chance(f, 500) ? FLOW_RECENT : FLOW_OLD);
	return key_of(s, s->ids->next > back ? s->ids->next - back : 1);
}

static int64_t price_of(struct flow *f, bool buy)
{
	switch (below(f, 100)) {
	case 0:
		return NMW_PX_MARKET_42;
	case 1: /* anything at all, though what 4.2 can carry */
		return (int64_t)below(f, 0x80000000u);
	case 2:
		return PX_MIDDLE + (int64_t)below(f, 2000) - 1000;
	case 3:
		return below(f, 2) ? 1 : NMW_PX_MAX_42;
	default: /* about two in five meet the other side */
		return PX_MIDDLE + ((int64_t)below(f, 13) - (buy ? 8 : 4)) * 100;
	}
}

static void terms(struct flow *f, const struct flow_session *s, struct nmw_cmd *c)
{
	bool v50 = s->codec == NMW_CODEC_OUCH50;
	c->price = price_of(f, c->side ? c->side == 'B' : below(f, 2) == 0);
	c->tif = chance(f, 150)	  ? NMW_TIF_IOC
		 : chance(f, 150) ? NMW_TIF_GTT
		 : chance(f, 30)  ? NMW_TIF_SYSTEM
				  : NMW_TIF_DAY;
	c->tif_s = c->tif == NMW_TIF_GTT ? 1 + below(f, 5) : 0;
	if (v50 && chance(f, 5))
		c->tif = NMW_TIF_AFTER;
	c->info.display = (uint8_t) "YYYYYAN"[below(f, 7)];
	c->info.iso = (uint8_t) "NNNYy"[below(f, 5)];
	if (chance(f, 60))
		c->info.min_qty = 1 + below(f, 150);
	if (chance(f, 60)) {
		c->post_only = 1;
		if (!v50)
			c->info.display = (uint8_t) "PL"[below(f, 2)];
	}
	if (chance(f, 5))
		c->info.display = (uint8_t) "IMWZm"[below(f, 5)];
	if (chance(f, 5))
		c->info.iso = '?';
	if (v50 && chance(f, 10))
		c->price_type = 'P';
	if (v50 && chance(f, 20))
		c->display_qty = 1 + below(f, 200);
	memset(c->info.clordid, 'a' + (int)below(f, 26), sizeof(c->info.clordid));
	c->info.firm = firm_of(chance(f, 500) ? "AAAA" : "BBBB");
}

static uint32_t qty_of(struct flow *f)
{
	return chance(f, 5) ? 0 : chance(f, 5) ? 1000000 + below(f, 2) : 1 + below(f, 200);
}

static void enter(struct flow *f, struct flow_session *s, struct nmw_cmd *c)
{
	c->op = NMW_OP_ENTER;
	c->side = (uint8_t) "BBBSTE"[below(f, 6)];
	c->qty = qty_of(f);
	c->key = new_key(f, s);
	c->info.symbol = symbol_of(names[below(f, NAMES)]);
	c->info.capacity = (uint8_t) "APRO"[below(f, 4)];
	c->info.cross = chance(f, 5) ? 'O' : 'N';
	c->info.customer = 'N';
	if (chance(f, 5))
		c->side = 'X';
	if (chance(f, 5))
		c->info.capacity = 'X';
	terms(f, s, c);
	if (chance(f, 10)) { /* sweeps a whole side */
		c->qty = 200000;
		c->price = NMW_PX_MARKET_42;
	}
}

static void order(struct flow *f, struct flow_session *s, struct nmw_cmd *c)
{
	unsigned what = below(f, 100);
	*c = (struct nmw_cmd){0};
	if (what < 48) {
		enter(f, s, c);
		return;
	}
	c->key = old_key(f, s);
	c->qty = qty_of(f);
	if (what < 70) {
		c->op = NMW_OP_CANCEL;
		c->qty = chance(f, 500) ? 0 : c->qty;
	} else if (what < 87) {
		c->op = NMW_OP_REPLACE;
		c->key2 = new_key(f, s);
		terms(f, s, c);
	} else if (what < 97) {
		c->op = NMW_OP_MODIFY;
		c->side = (uint8_t) "BSTEX"[below(f, 5)];
	} else {
		c->op = s->codec == NMW_CODEC_OUCH50 ? NMW_OP_QUERY : NMW_OP_TRADE_NOW;
	}
}

static void describe(struct flow *f, struct flow_msg *m, uint32_t session, uint8_t channel,
		     uint8_t codec)
{
	*flow_slot(m) = (struct nmw_slot){.seq = ++f->seq,
					  .ts_ns = f->now_ns,
					  .in_seq = f->seq,
					  .session = session,
					  .len = (uint16_t)m->len,
					  .channel = channel,
					  .codec = codec};
}

static void control(struct flow *f, struct flow_msg *m)
{
	unsigned i = below(f, 5);
	struct flow_session *s = &f->s[i];
	struct nmw_ctl c = {.codec = s->codec};
	memset(c.account, ' ', sizeof(c.account));
	memset(c.name, ' ', sizeof(c.name));
	const char *account = i == 4 && chance(f, 300) ? "OMEGA" : s->account;
	memcpy(c.account, account, strlen(account));
	if (chance(f, 100) || (s->up && chance(f, 700)))
		c.kind = chance(f, 500) ? NMW_CTL_GAP : NMW_CTL_END;
	else if (s->up && (i != 4 || chance(f, 500))) /* the fifth logs in twice at times */
		c.kind = chance(f, 500) ? NMW_CTL_LOST : NMW_CTL_LOGOUT;
	else
		c.kind = NMW_CTL_LOGIN;
	if (c.kind == NMW_CTL_LOGIN && (s->cancel || i == 4) && chance(f, 800))
		c.flags = NMW_CTL_CANCEL_ON_DISCONNECT;
	if (c.kind <= NMW_CTL_LOST)
		s->up = c.kind == NMW_CTL_LOGIN;
	m->len = sizeof(c);
	memcpy(m->p, &c, sizeof(c));
	describe(f, m, i + 1, NMW_CH_CTL, NMW_CODEC_CTL);
}

static void halt(struct flow *f, struct flow_msg *m)
{
	struct nmw_cmd c = {.op = NMW_OP_FEED_ACTION,
			    .code = (uint8_t) "HPQTTTTTTT"[below(f, 10)],
			    .ts_ns = f->now_ns % (86400 * SECOND)};
	memcpy(&c.info.symbol, flow_symbols[below(f, FLOW_LISTED - 1)].name, 8);
	m->len = nmw_codec_itch50.encode_cmd(&c, m->p);
	describe(f, m, 0, NMW_CH_FEED, NMW_CODEC_ITCH50);
}

void flow_next(struct flow *f, struct flow_msg *m)
{
	struct nmw_cmd c;
	if (below(f, 2)) /* as often as not, at the same time as the one before */
		f->now_ns += below(f, 10000);
	if (below(f, 500) == 0)
		f->now_ns += below(f, 2000) * (SECOND / 1000);
	if (f->seq < 4 || below(f, 3000) == 0) {
		control(f, m);
		return;
	}
	if (below(f, 400) == 0) {
		halt(f, m);
		return;
	}
	unsigned i = below(f, FLOW_SESSIONS);
	order(f, &f->s[i], &c);
	m->len = nmw_codec_by_id((enum nmw_codec_id)f->s[i].codec)->encode_cmd(&c, m->p);
	if (below(f, 5000) == 0)
		m->p[0] = '?';
	describe(f, m, i + 1, NMW_CH_ORDER, f->s[i].codec);
}
