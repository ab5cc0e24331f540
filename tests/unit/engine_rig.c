#include "engine_rig.h"
#include "wire/be.h"
#include "wire_util.h"
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct nmw_engine_spec rig_small = {.symbols = 64,
					  .orders = 1000,
					  .sessions = 16,
					  .ids = 10000,
					  .window = 64,
					  .feed_out = true,
					  .replies_out = true};

const struct nmw_engine_spec rig_random = {.symbols = 6,
					   .orders = 400,
					   .sessions = 7,
					   .timers = 40,
					   .ids = 2000000,
					   .window = 64,
					   .feed_out = true,
					   .replies_out = true,
					   .utc_offset_ns = -18000000000000};

static struct nmw_slot *rig_slot(struct rig *r)
{
	return (struct nmw_slot *)(void *)r->slot;
}

static void out_take(struct rig *r, const struct nmw_slot *s)
{
	struct outmsg *m = outmsgs_next(&r->got);
	const uint8_t *p = s->frame_off == NMW_INLINE ? s->payload : r->frame;
	ck_assert_uint_le(s->len, sizeof(m->p));
	*m = (struct outmsg){.ts_ns = s->ts_ns,
			     .in_seq = s->in_seq,
			     .session = s->session,
			     .len = s->len,
			     .channel = s->channel,
			     .codec = s->codec};
	memcpy(m->p, p, s->len);
	outmsgs_keep(&r->got);
}

/* Runs of one slot. */
static void out_turn(struct nmw_engine_out *o, bool more)
{
	struct rig *r = o->arg;
	ck_assert_int_eq(more && o->at != o->end, 0);
	if (o->at != rig_slot(r)) {
		out_take(r, rig_slot(r));
		ck_assert_uint_eq(o->bytes, rig_slot(r)->len);
	}
	memset(r->slot, 0xA5, sizeof(r->slot)); /* what is not set would show */
	memset(r->frame, 0xA5, sizeof(r->frame));
	o->bytes = 0;
	o->at = rig_slot(r);
}

static uint8_t *out_frame(struct nmw_engine_out *o, uint32_t len)
{
	struct rig *r = o->arg;
	ck_assert_uint_gt(len, o->inline_max);
	ck_assert_uint_le(len, sizeof(r->frame));
	o->at->frame_off = 0;
	return r->frame;
}

static void out_open(struct rig *r)
{
	r->out = (struct nmw_engine_out){.at = rig_slot(r),
					 .end = (struct nmw_slot *)(void *)(r->slot + NMW_SLOT_SZ),
					 .stride = NMW_SLOT_SZ,
					 .inline_max = NMW_SLOT_SZ - NMW_DESC_SZ,
					 .turn = out_turn,
					 .frame = out_frame,
					 .arg = r};
	memset(r->slot, 0xA5, sizeof(r->slot));
}

static void *region(size_t size)
{
	void *p = aligned_alloc(64, (size + 63) / 64 * 64);
	ck_assert_ptr_nonnull(p);
	memset(p, 0, size);
	return p;
}

void rig_open(struct rig *r, const struct nmw_engine_spec *spec, uint8_t codec)
{
	memset(r, 0, sizeof(*r));
	r->size = nmw_engine_footprint(spec);
	ck_assert_uint_gt(r->size, 0);
	r->mem = region(r->size);
	r->e = nmw_engine_init(r->mem, spec);
	ck_assert_ptr_nonnull(r->e);
	out_open(r);
	r->now_ns = RIG_START;
	r->codec = codec;
}

void rig_close(struct rig *r)
{
	free(r->mem);
	free(r->got.m);
}

void rig_move(struct rig *r)
{
	void *to = region(r->size);
	memcpy(to, r->mem, r->size);
	memset(r->mem, 0xEE, r->size);
	free(r->mem);
	r->mem = to;
	r->e = nmw_engine_join(to, r->size);
	ck_assert_ptr_nonnull(r->e);
}

void rig_send(struct rig *r, uint32_t session, uint8_t channel, uint8_t codec, const uint8_t *p,
	      uint32_t len)
{
	struct nmw_slot s = {.seq = ++r->in_seq,
			     .ts_ns = r->now_ns += RIG_STEP,
			     .in_seq = r->in_seq,
			     .session = session,
			     .len = (uint16_t)len,
			     .channel = channel,
			     .codec = codec};
	nmw_engine_msg(r->e, &s, p, len, &r->out);
}

void rig_cmd(struct rig *r, uint32_t session, const struct nmw_cmd *c)
{
	uint8_t p[256];
	uint32_t len = nmw_codec_by_id((enum nmw_codec_id)r->codec)->encode_cmd(c, p);
	ck_assert_uint_gt(len, 0);
	rig_send(r, session, NMW_CH_ORDER, r->codec, p, len);
}

void rig_feed(struct rig *r, const struct nmw_cmd *c)
{
	uint8_t p[64];
	uint32_t len = nmw_codec_itch50.encode_cmd(c, p);
	ck_assert_uint_gt(len, 0);
	rig_send(r, 0, NMW_CH_FEED, NMW_CODEC_ITCH50, p, len);
}

void rig_ctl(struct rig *r, uint32_t session, uint8_t kind, const char *account, uint8_t flags)
{
	struct nmw_ctl c = {.kind = kind, .flags = flags, .codec = r->codec};
	memset(c.account, ' ', sizeof(c.account));
	memset(c.name, ' ', sizeof(c.name));
	memcpy(c.account, account, strlen(account));
	rig_send(r, session, NMW_CH_CTL, NMW_CODEC_CTL, (const uint8_t *)&c, sizeof(c));
}

/* ---- commands -------------------------------------------------------------------------------- */

struct nmw_key rig_key(const struct rig *r, unsigned id)
{
	char text[16];
	if (r->codec == NMW_CODEC_OUCH50)
		return (struct nmw_key){.lo = id};
	snprintf(text, sizeof(text), "%u", id);
	return token_of(text);
}

static void set_terms(const struct rig *r, struct nmw_cmd *c)
{
	c->tif = NMW_TIF_DAY;
	c->info.display = 'Y';
	c->info.iso = 'N';
	c->info.tif_raw = r->codec == NMW_CODEC_OUCH50 ? '0' : 99998;
	memcpy(c->info.clordid, "clordid       ", 14);
}

struct nmw_cmd rig_order(const struct rig *r, unsigned id, char side, uint32_t qty, int64_t price)
{
	struct nmw_cmd c = {.op = NMW_OP_ENTER,
			    .side = (uint8_t)side,
			    .qty = qty,
			    .price = price,
			    .key = rig_key(r, id)};
	set_terms(r, &c);
	c.info.symbol = symbol_of("TEST");
	c.info.firm = firm_of("FIRM");
	c.info.capacity = 'A';
	c.info.cross = 'N';
	c.info.customer = 'N';
	return c;
}

struct nmw_cmd rig_replace(const struct rig *r, unsigned id, unsigned id2, uint32_t qty,
			   int64_t price)
{
	struct nmw_cmd c = {.op = NMW_OP_REPLACE,
			    .qty = qty,
			    .price = price,
			    .key = rig_key(r, id),
			    .key2 = rig_key(r, id2)};
	set_terms(r, &c);
	return c;
}

struct nmw_cmd rig_cancel(const struct rig *r, unsigned id, uint32_t qty)
{
	return (struct nmw_cmd){.op = NMW_OP_CANCEL, .key = rig_key(r, id), .qty = qty};
}

struct nmw_cmd rig_modify(const struct rig *r, unsigned id, char side, uint32_t qty)
{
	return (struct nmw_cmd){
		.op = NMW_OP_MODIFY, .key = rig_key(r, id), .side = (uint8_t)side, .qty = qty};
}

struct nmw_cmd rig_halt(char state)
{
	struct nmw_cmd c = {.op = NMW_OP_FEED_ACTION, .code = (uint8_t)state};
	c.info.symbol = symbol_of("TEST");
	return c;
}

/* ---- text ------------------------------------------------------------------------------------ */

/* What a type of message shows: a word, then where the value lies. */
enum show { TOKEN, CHAR, NUM, PRICE, MATCH, HEX, END };

struct column {
	const char *word;
	enum show as;
	unsigned at, size;
};

struct shape {
	uint8_t codec;
	char type;
	struct column col[8];
};

static const struct shape shapes[] = {
	{NMW_CODEC_OUCH42, 'S', {{"", CHAR, 9, 1}}},
	{NMW_CODEC_OUCH42,
	 'A',
	 {{"", TOKEN, 9, 14},
	  {"", CHAR, 23, 1},
	  {"", NUM, 24, 4},
	  {"", PRICE, 36, 4},
	  {"ref ", NUM, 49, 8},
	  {"", CHAR, 64, 1}}},
	{NMW_CODEC_OUCH42,
	 'U',
	 {{"", TOKEN, 9, 14},
	  {"was ", TOKEN, 65, 14},
	  {"", CHAR, 23, 1},
	  {"", NUM, 24, 4},
	  {"", PRICE, 36, 4},
	  {"ref ", NUM, 49, 8},
	  {"", CHAR, 64, 1}}},
	{NMW_CODEC_OUCH42, 'C', {{"", TOKEN, 9, 14}, {"", NUM, 23, 4}, {"", CHAR, 27, 1}}},
	{NMW_CODEC_OUCH42,
	 'D',
	 {{"", TOKEN, 9, 14},
	  {"", NUM, 23, 4},
	  {"", CHAR, 27, 1},
	  {"", NUM, 28, 4},
	  {"", PRICE, 32, 4},
	  {"", CHAR, 36, 1}}},
	{NMW_CODEC_OUCH42,
	 'E',
	 {{"", TOKEN, 9, 14},
	  {"", NUM, 23, 4},
	  {"", PRICE, 27, 4},
	  {"", CHAR, 31, 1},
	  {"", MATCH, 32, 8}}},
	{NMW_CODEC_OUCH42, 'J', {{"", TOKEN, 9, 14}, {"", CHAR, 23, 1}}},
	{NMW_CODEC_OUCH42,
	 'T',
	 {{"", TOKEN, 9, 14}, {"", PRICE, 23, 4}, {"", CHAR, 27, 1}, {"ref ", NUM, 28, 8}}},
	{NMW_CODEC_OUCH42, 'M', {{"", TOKEN, 9, 14}, {"", CHAR, 23, 1}, {"", NUM, 24, 4}}},
	{NMW_CODEC_OUCH50, 'S', {{"", CHAR, 9, 1}}},
	{NMW_CODEC_OUCH50,
	 'A',
	 {{"", NUM, 9, 4},
	  {"", CHAR, 13, 1},
	  {"", NUM, 14, 4},
	  {"", PRICE, 26, 8},
	  {"ref ", NUM, 36, 8},
	  {"", CHAR, 47, 1}}},
	{NMW_CODEC_OUCH50,
	 'U',
	 {{"", NUM, 13, 4},
	  {"was ", NUM, 9, 4},
	  {"", CHAR, 17, 1},
	  {"", NUM, 18, 4},
	  {"", PRICE, 30, 8},
	  {"ref ", NUM, 40, 8},
	  {"", CHAR, 51, 1}}},
	{NMW_CODEC_OUCH50, 'C', {{"", NUM, 9, 4}, {"", NUM, 13, 4}, {"", CHAR, 17, 1}}},
	{NMW_CODEC_OUCH50,
	 'D',
	 {{"", NUM, 9, 4},
	  {"", NUM, 13, 4},
	  {"", CHAR, 17, 1},
	  {"", NUM, 18, 4},
	  {"", PRICE, 22, 8},
	  {"", CHAR, 30, 1}}},
	{NMW_CODEC_OUCH50,
	 'E',
	 {{"", NUM, 9, 4},
	  {"", NUM, 13, 4},
	  {"", PRICE, 17, 8},
	  {"", CHAR, 25, 1},
	  {"", MATCH, 26, 8}}},
	{NMW_CODEC_OUCH50, 'J', {{"", NUM, 9, 4}, {"", HEX, 13, 2}}},
	{NMW_CODEC_OUCH50,
	 'T',
	 {{"", NUM, 9, 4}, {"", PRICE, 13, 8}, {"", CHAR, 21, 1}, {"ref ", NUM, 22, 8}}},
	{NMW_CODEC_OUCH50, 'M', {{"", NUM, 9, 4}, {"", CHAR, 13, 1}, {"", NUM, 14, 4}}},
	{NMW_CODEC_OUCH50, 'Q', {{"", NUM, 9, 4}}},
	{NMW_CODEC_ITCH50, 'S', {{"", CHAR, 11, 1}}},
	{NMW_CODEC_ITCH50, 'R', {{"", TOKEN, 11, 8}, {"locate ", NUM, 1, 2}, {"lot ", NUM, 21, 4}}},
	{NMW_CODEC_ITCH50, 'H', {{"", TOKEN, 11, 8}, {"", CHAR, 19, 1}}},
	{NMW_CODEC_ITCH50,
	 'A',
	 {{"", NUM, 11, 8}, {"", CHAR, 19, 1}, {"", NUM, 20, 4}, {"", PRICE, 32, 4}}},
	{NMW_CODEC_ITCH50, 'E', {{"", NUM, 11, 8}, {"", NUM, 19, 4}, {"", MATCH, 23, 8}}},
	{NMW_CODEC_ITCH50,
	 'C',
	 {{"", NUM, 11, 8},
	  {"", NUM, 19, 4},
	  {"", PRICE, 32, 4},
	  {"", MATCH, 23, 8},
	  {"", CHAR, 31, 1}}},
	{NMW_CODEC_ITCH50, 'X', {{"", NUM, 11, 8}, {"", NUM, 19, 4}}},
	{NMW_CODEC_ITCH50, 'D', {{"", NUM, 11, 8}}},
	{NMW_CODEC_ITCH50,
	 'U',
	 {{"", NUM, 11, 8}, {"", NUM, 19, 8}, {"", NUM, 27, 4}, {"", PRICE, 31, 4}}},
	{NMW_CODEC_ITCH50, 'P', {{"", NUM, 20, 4}, {"", PRICE, 32, 4}, {"", MATCH, 36, 8}}},
};

static uint64_t number(const uint8_t *p, unsigned size)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < size; i++)
		v = v << 8 | p[i];
	return v;
}

static int column_text(const struct column *c, const uint8_t *p, char *to, size_t cap)
{
	unsigned n = c->size;
	switch (c->as) {
	case TOKEN:
		while (n && p[c->at + n - 1] == ' ')
			n--;
		return snprintf(to, cap, " %s%.*s", c->word, (int)n, (const char *)p + c->at);
	case CHAR:
		return snprintf(to, cap, " %s%c", c->word, p[c->at]);
	case PRICE:
		return snprintf(to, cap, " %s@%" PRIu64, c->word, number(p + c->at, n));
	case MATCH:
		return snprintf(to, cap, " %s#%" PRIu64, c->word, number(p + c->at, n));
	case HEX:
		return snprintf(to, cap, " %s%02" PRIX64, c->word, number(p + c->at, n));
	default:
		return snprintf(to, cap, " %s%" PRIu64, c->word, number(p + c->at, n));
	}
}

static size_t msg_text(const struct outmsg *m, char *to, size_t cap)
{
	size_t at = 0;
	if (m->channel == NMW_CH_CTL)
		return (size_t)snprintf(to, cap, "%u:ctl %u\n", m->session, m->p[0]);
	const struct shape *s = shapes;
	while (s->codec != m->codec || s->type != (char)m->p[0])
		ck_assert(++s < shapes + sizeof(shapes) / sizeof(*shapes));
	if (m->channel == NMW_CH_FEED)
		at += (size_t)snprintf(to, cap, "f:%c", m->p[0]);
	else
		at += (size_t)snprintf(to, cap, "%u:%c", m->session, m->p[0]);
	for (const struct column *c = s->col; c < s->col + 8 && c->word; c++)
		at += (size_t)column_text(c, m->p, to + at, cap - at);
	at += (size_t)snprintf(to + at, cap - at, "\n");
	return at;
}

static bool plain(const struct outmsg *m)
{
	bool quiet = m->channel == NMW_CH_FEED ? strchr("SRH", m->p[0]) != NULL : m->p[0] == 'S';
	return m->channel != NMW_CH_CTL && !quiet;
}

static const char *text(struct rig *r, bool all)
{
	size_t at = 0;
	r->text[0] = 0;
	for (; r->seen < r->got.n; r->seen++)
		if (all || plain(&r->got.m[r->seen]))
			at += msg_text(&r->got.m[r->seen], r->text + at, sizeof(r->text) - at);
	ck_assert_uint_lt(at, sizeof(r->text));
	return r->text;
}

const char *rig_text(struct rig *r)
{
	return text(r, false);
}

const char *rig_text_all(struct rig *r)
{
	return text(r, true);
}

void rig_expect_at(struct rig *r, const char *lines, const char *file, int line)
{
	const char *got = rig_text(r);
	if (strcmp(got, lines) != 0)
		ck_abort_msg("%s:%d: %s\nexpected:\n%sgot:\n%s", file, line,
			     nmw_codec_name((enum nmw_codec_id)r->codec), lines, got);
}
