/* Cost of a message: decode, encode, text and JSON, beside copying the same bytes.
 *
 *     bench_codec [SECONDS]     about SECONDS for each figure, 0.2 by default
 *
 * A block of 1,024 messages of the usual mix of an order flow (45 % enter, 45 % cancel, 5 %
 * replace, 5 % other) that lies in the first cache levels: what is measured is the instructions,
 * not memory.
 */
#include "base/clock.h"
#include "base/rng.h"
#include "wire/codec.h"
#include "wire/schema.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MSGS   1024u
#define STRIDE 256u

static uint8_t bytes[MSGS][STRIDE], out[MSGS][STRIDE];
static uint32_t lens[MSGS];
static struct nmw_cmd cmds[MSGS];
static struct nmw_evt evts[MSGS];
static const struct nmw_codec *codec;
static uint8_t in_channel;
static char line[NMW_SCHEMA_LINE];
static volatile uint64_t sink;

static void do_memcpy(void)
{
	for (unsigned i = 0; i < MSGS; i++)
		memcpy(out[i], bytes[i], lens[i]);
}

static void do_decode(void)
{
	struct nmw_cmd c;
	uint64_t sum = 0;
	for (unsigned i = 0; i < MSGS; i++) {
		codec->decode(bytes[i], lens[i], &c);
		sum += c.key.lo + c.op;
	}
	sink += sum;
}

static void do_encode_cmd(void)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < MSGS; i++)
		sum += codec->encode_cmd(&cmds[i], out[i]);
	sink += sum;
}

static void do_encode(void)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < MSGS; i++)
		sum += codec->encode(&evts[i], out[i]);
	sink += sum;
}

static void print_lines(int (*fn)(const struct nmw_slot *, const uint8_t *, uint32_t, char *,
				  unsigned))
{
	uint64_t sum = 0;
	struct nmw_slot s;
	memset(&s, 0, sizeof(s));
	s.seq = s.in_seq = 123456789;
	s.ts_ns = UINT64_C(1767623400000000001);
	s.session = 1;
	s.codec = (uint8_t)codec->id;
	s.channel = in_channel;
	for (unsigned i = 0; i < MSGS; i++)
		sum += (uint64_t)fn(&s, bytes[i], lens[i], line, sizeof(line));
	sink += sum;
}

static void do_text(void)
{
	print_lines(nmw_schema_text);
}

static void do_json(void)
{
	print_lines(nmw_schema_json);
}

/* Best of several runs, ns a message, in hundredths. */
static uint64_t measure(void (*fn)(void), uint64_t budget_ns)
{
	uint64_t best = UINT64_MAX, start = nmw_clock_mono(), now = start;
	fn();
	while (now - start < budget_ns) {
		uint64_t t0 = nmw_clock_mono();
		for (unsigned i = 0; i < 16; i++)
			fn();
		now = nmw_clock_mono();
		if (now - t0 < best)
			best = now - t0;
	}
	return best * 100 / (16 * MSGS);
}

static void make_ouch(struct nmw_rng *r, unsigned i, const struct nmw_order_info *info)
{
	struct nmw_cmd *c = &cmds[i];
	struct nmw_evt *e = &evts[i];
	uint64_t kind = nmw_rng_below(r, 100);
	bool v42 = codec->id == NMW_CODEC_OUCH42;
	c->op = kind < 45	? NMW_OP_ENTER
		: kind < 90	? NMW_OP_CANCEL
		: kind < 95	? NMW_OP_REPLACE
		: v42 || i & 1u ? NMW_OP_MODIFY
				: NMW_OP_QUERY;
	c->key.lo = c->key2.lo = i;
	if (v42) {
		memcpy(&c->key, "ORDER12345    ", 14);
		memcpy(&c->key2, "ORDER12346    ", 14);
	}
	c->side = 'B';
	c->qty = 100;
	c->price = 1500000;
	c->info = *info;
	e->kind = kind < 45   ? NMW_EVT_ACCEPTED
		  : kind < 85 ? NMW_EVT_CANCELED
		  : kind < 90 ? NMW_EVT_REPLACED
			      : NMW_EVT_EXECUTED;
	e->key = c->key;
	e->info = info;
}

static void make_feed(struct nmw_rng *r, unsigned i, const struct nmw_order_info *info)
{
	struct nmw_cmd *c = &cmds[i];
	struct nmw_evt *e = &evts[i];
	uint64_t kind = nmw_rng_below(r, 100);
	c->op = kind < 45   ? NMW_OP_FEED_ADD
		: kind < 85 ? NMW_OP_FEED_DELETE
		: kind < 90 ? NMW_OP_FEED_REDUCE
		: kind < 95 ? NMW_OP_FEED_REPLACE
			    : NMW_OP_FEED_EXEC;
	e->kind = kind < 45   ? NMW_EVT_MD_ADD
		  : kind < 85 ? NMW_EVT_MD_DELETE
		  : kind < 90 ? NMW_EVT_MD_REDUCE
		  : kind < 95 ? NMW_EVT_MD_REPLACE
			      : NMW_EVT_MD_EXEC;
	c->key.lo = nmw_rng_below(r, 1000000000);
	c->ts_ns = UINT64_C(34200000000000);
	c->info = *info;
	c->info.firm = 0; /* without attribution */
	c->side = e->side = 'B';
	c->qty = e->qty = 100;
	c->price = e->price = 1500000;
}

static void make(enum nmw_codec_id id)
{
	static struct nmw_order_info info;
	struct nmw_rng r;
	nmw_rng_seed(&r, 1);
	memset(cmds, 0, sizeof(cmds));
	memset(evts, 0, sizeof(evts));
	info = nmw_order_info_none;
	memcpy(&info.firm, "FIRM", 4);
	memcpy(&info.symbol, "AAPL    ", 8);
	info.display = 'Y';
	codec = nmw_codec_by_id(id);
	in_channel = id == NMW_CODEC_ITCH50 ? NMW_CH_FEED : NMW_CH_ORDER;
	for (unsigned i = 0; i < MSGS; i++) {
		if (id == NMW_CODEC_ITCH50)
			make_feed(&r, i, &info);
		else
			make_ouch(&r, i, &info);
		lens[i] = codec->encode_cmd(&cmds[i], bytes[i]);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} row[] = {{"memcpy", do_memcpy}, {"decode", do_decode}, {"encode_cmd", do_encode_cmd},
		   {"encode", do_encode}, {"text", do_text},	 {"json", do_json}};
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 0.2;
	uint64_t budget = (uint64_t)(seconds * 1e9);
	printf("%-8s %-11s %10s %10s\n", "codec", "what", "ns/msg", "x memcpy");
	for (unsigned id = NMW_CODEC_OUCH42; id <= NMW_CODEC_ITCH50; id++) {
		uint64_t base = 0;
		make((enum nmw_codec_id)id);
		for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
			uint64_t ns100 = measure(row[i].fn, budget);
			base = i ? base : ns100;
			printf("%-8s %-11s %7llu.%02llu %10.1f\n", codec->name, row[i].name,
			       (unsigned long long)(ns100 / 100), (unsigned long long)(ns100 % 100),
			       (double)ns100 / (double)(base ? base : 1));
		}
	}
	return 0;
}
