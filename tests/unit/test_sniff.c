// uses: tools/nmw-recv/sniff.c
#include "../../tools/nmw-recv/sniff.h"
#include "unit.h"
#include "wire/be.h"
#include "wire/schema.h"

#include <string.h>

static struct sniff s;
static uint8_t msg[256];

static struct sniffed look(char type, uint32_t len)
{
	memset(msg, ' ', sizeof msg);
	msg[0] = (uint8_t)type;
	return sniff_look(&s, msg, len, NMW_CH_FEED);
}

static void check(struct sniffed is, int codec, int channel)
{
	ck_assert_int_eq(is.codec, codec);
	ck_assert_int_eq(is.channel, channel);
}

/* Every fixed-length message of every table is found out, alone or after one that both have. */
START_TEST(every_message)
{
	unsigned n;
	const struct nmw_schema *all = nmw_schema_all(&n);
	for (unsigned i = 0; i < n; i++) {
		const struct nmw_schema *m = &all[i];
		if (m->channel == NMW_CH_CTL || m->app_off)
			continue;
		sniff_init(&s, SNIFF_ALL, 0);
		struct sniffed is = look(m->type, m->len);
		ck_assert(is.known);
		sniff_init(&s, SNIFF_ALL, m->codec);
		is = look(m->type, m->len);
		ck_assert_int_eq(is.codec, m->codec);
	}
}
END_TEST

START_TEST(the_first_telling_message_decides)
{
	sniff_init(&s, SNIFF_FROM_HOST, 0);
	check(look('S', 10), NMW_CODEC_OUCH42, NMW_CH_REPLY); /* 5.0 has it too */
	check(look('C', 18), NMW_CODEC_OUCH50, NMW_CH_REPLY);
	check(look('S', 10), NMW_CODEC_OUCH50, NMW_CH_REPLY);
	check(look('?', 99), NMW_CODEC_OUCH50, NMW_CH_REPLY); /* for the reader to refuse */
	sniff_init(&s, SNIFF_ALL, 0);
	check(look('X', 23), NMW_CODEC_ITCH50, NMW_CH_FEED);
	sniff_init(&s, SNIFF_ALL, 0);
	check(look('X', 19), NMW_CODEC_OUCH42, NMW_CH_ORDER);
}
END_TEST

START_TEST(versions_of_the_same_length)
{
	memset(msg, ' ', sizeof msg);
	msg[0] = 'U';
	memcpy(msg + 40, "\2\4R\2\14P", 6); /* an appendage: customer type, post only */
	sniff_init(&s, SNIFF_ORDERS, 0);
	nmw_put16(msg + 38, 6);
	check(sniff_look(&s, msg, 46, NMW_CH_ORDER), NMW_CODEC_OUCH50, NMW_CH_ORDER);
	sniff_init(&s, SNIFF_ORDERS, 0);
	check(look('U', 47), NMW_CODEC_OUCH42, NMW_CH_ORDER);
}
END_TEST

START_TEST(what_nothing_fits)
{
	sniff_init(&s, SNIFF_ALL, 0);
	struct sniffed is = look('?', 99);
	check(is, NMW_CODEC_NONE, NMW_CH_FEED);
	ck_assert(!is.known);
	check(look('D', 19), NMW_CODEC_ITCH50, NMW_CH_FEED); /* it may still be told */
	sniff_init(&s, SNIFF_ALL, NMW_CODEC_OUCH50);
	is = look('?', 99);
	check(is, NMW_CODEC_OUCH50, NMW_CH_FEED);
	ck_assert(!is.known);
	sniff_init(&s, SNIFF_ALL, 0);
	ck_assert(!look('?', 0).known);
}
END_TEST

UNIT_MAIN("sniff", every_message, the_first_telling_message_decides, versions_of_the_same_length,
	  what_nothing_fits)
