/* What live orders cost, everything beside the book included: what is taken, pages touched. */
#include "book/engine.h"
#include "unit.h"
#include "wire_util.h"
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A sixteenth of ten million: tables whose sizes are powers of two are as full as they would be. */
#define ORDERS	 625000u
#define LIMIT	 ((size_t)1 << 26) /* 1 GiB / 16 */
#define SESSIONS 8u

struct sink {
	_Alignas(64) uint8_t slot[64][NMW_SLOT_SZ];
	struct nmw_engine_out out;
};

static void turn(struct nmw_engine_out *o, bool more)
{
	struct sink *s = o->arg;
	(void)more;
	o->at = (struct nmw_slot *)(void *)s->slot[0];
	o->end = (struct nmw_slot *)(void *)((uint8_t *)s->slot + sizeof(s->slot));
	o->bytes = 0;
}

static size_t resident(void *mem, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (size + page - 1) / page, n = 0;
	unsigned char *in = calloc(pages, 1);
	ck_assert_ptr_nonnull(in);
	ck_assert_int_eq(mincore(mem, size, in), 0);
	for (size_t i = 0; i < pages; i++)
		n += in[i] & 1;
	free(in);
	return n * page;
}

static void enter(struct nmw_engine *e, struct sink *s, uint8_t codec, unsigned i)
{
	_Alignas(8) uint8_t desc[NMW_DESC_SZ];
	struct nmw_slot *d = (struct nmw_slot *)(void *)desc;
	uint8_t p[64];
	char token[32];
	struct nmw_cmd c = {.op = NMW_OP_ENTER,
			    .side = i & 1 ? 'B' : 'S',
			    .qty = 100,
			    .price = i & 1 ? 10000 - i % 50 : 10100 + i % 50,
			    .key = {.lo = 1 + i / SESSIONS},
			    .info = {.display = 'Y', .capacity = 'P', .iso = 'N', .cross = 'N'}};
	memcpy(&c.info.symbol, "TEST    ", 8);
	if (codec == NMW_CODEC_OUCH42) {
		snprintf(token, sizeof(token), "ORDER %08u", i / SESSIONS);
		c.key = token_of(token);
	}
	*d = (struct nmw_slot){.seq = i + 1,
			       .ts_ns = i,
			       .session = 1 + i % SESSIONS,
			       .channel = NMW_CH_ORDER,
			       .codec = codec};
	uint32_t len = nmw_codec_by_id((enum nmw_codec_id)codec)->encode_cmd(&c, p);
	nmw_engine_msg(e, d, p, len, &s->out);
}

static void fits(uint8_t codec)
{
	static struct sink s;
	const struct nmw_engine_spec spec = {.symbols = 1,
					     .orders = ORDERS,
					     .sessions = SESSIONS,
					     .ids = ORDERS,
					     .feed_out = true,
					     .replies_out = true};
	struct nmw_engine_stat st;
	size_t size = nmw_engine_footprint(&spec);
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ck_assert_ptr_ne(mem, MAP_FAILED);
	madvise(mem, size, MADV_NOHUGEPAGE);
	s.out = (struct nmw_engine_out){.stride = NMW_SLOT_SZ,
					.inline_max = NMW_SLOT_SZ - NMW_DESC_SZ,
					.turn = turn,
					.arg = &s};
	struct nmw_engine *e = nmw_engine_init(mem, &spec);
	ck_assert_ptr_nonnull(e);
	for (unsigned i = 0; i < ORDERS; i++)
		enter(e, &s, codec, i);
	nmw_engine_stat(e, &st);
	ck_assert_uint_eq(st.live_orders, ORDERS);
	size_t used = resident(mem, size);
	printf("%s: %u live orders: %zu KiB touched of %zu, %.1f bytes an order\n",
	       nmw_codec_name((enum nmw_codec_id)codec), ORDERS, used >> 10, size >> 10,
	       (double)used / ORDERS);
	ck_assert_uint_le(used, LIMIT);
	munmap(mem, size);
}

START_TEST(orders_fit_ouch42)
{
	fits(NMW_CODEC_OUCH42);
}
END_TEST

START_TEST(orders_fit_ouch50)
{
	fits(NMW_CODEC_OUCH50);
}
END_TEST

/* Ten million, as nmw-match takes them when it is told nothing else. */
START_TEST(ten_million_take_less_than_a_gib)
{
	const struct nmw_engine_spec spec = {
		.symbols = 8192, .orders = 10000000, .sessions = 1024, .ids = 1500000};
	size_t size = nmw_engine_footprint(&spec);
	printf("%u orders: %zu MiB taken\n", spec.orders, size >> 20);
	ck_assert_uint_gt(size, 0);
	ck_assert_uint_lt(size, (size_t)1 << 30);
}
END_TEST

UNIT_MAIN("engine memory", orders_fit_ouch42, orders_fit_ouch50, ten_million_take_less_than_a_gib)
