#include "sniff.h"

#include "wire/codec.h"
#include "wire/schema.h"

static const struct {
	uint8_t codec, channel;
} kinds[] = {
	{NMW_CODEC_ITCH50, NMW_CH_FEED},  {NMW_CODEC_OUCH42, NMW_CH_ORDER},
	{NMW_CODEC_OUCH50, NMW_CH_ORDER}, {NMW_CODEC_OUCH42, NMW_CH_REPLY},
	{NMW_CODEC_OUCH50, NMW_CH_REPLY},
};
#define N_KINDS (sizeof kinds / sizeof kinds[0])

void sniff_init(struct sniff *s, unsigned from, int codec)
{
	s->known = 0;
	s->codec = (uint8_t)codec;
	s->left = (uint8_t)from;
	for (unsigned i = 0; codec && i < N_KINDS; i++)
		if (kinds[i].codec != codec)
			s->left &= (uint8_t) ~(1u << i);
}

static unsigned fitting(unsigned left, const uint8_t *p, uint32_t len)
{
	unsigned fits = 0;
	for (unsigned i = 0; i < N_KINDS; i++)
		if ((left & 1u << i) && nmw_schema_find(kinds[i].codec, kinds[i].channel, p, len))
			fits |= 1u << i;
	/* Enters and replaces of both versions can have the same length: their content tells. */
	if ((fits & SNIFF_ORDERS) == SNIFF_ORDERS)
		fits &= ~(nmw_codec_sniff(p, len) == NMW_CODEC_OUCH50 ? SNIFF_OUCH42_ORDER
								      : SNIFF_OUCH50_ORDER);
	return fits;
}

struct sniffed sniff_look(struct sniff *s, const uint8_t *p, uint32_t len, uint8_t other)
{
	unsigned left = s->left;
	if (!s->known || (left & (left - 1))) {
		unsigned fits = fitting(left, p, len);
		if (fits)
			left = s->left = (uint8_t)fits;
		s->known = s->known || fits;
	}
	if (!left || (!s->known && (left & (left - 1))))
		return (struct sniffed){s->codec, other, false};
	unsigned i = (unsigned)__builtin_ctz(left);
	return (struct sniffed){kinds[i].codec, kinds[i].channel, s->known};
}
