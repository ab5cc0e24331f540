#include "sniff.h"

#include "wire/codec.h"
#include "wire/schema.h"

void sniff_init(struct sniff *s, unsigned from, int codec)
{
	s->known = 0;
	s->codec = (uint8_t)codec;
	s->left = (uint8_t)from;
	for (unsigned i = 0; codec && i < SNIFF_KINDS; i++)
		if (sniff_kinds[i].codec != codec)
			s->left &= (uint8_t) ~(1u << i);
}

static unsigned fitting(unsigned left, const uint8_t *p, uint32_t len)
{
	unsigned fits = 0;
	for (unsigned i = 0; i < SNIFF_KINDS; i++)
		if ((left & 1u << i) &&
		    nmw_schema_find(sniff_kinds[i].codec, sniff_kinds[i].channel, p, len))
			fits |= 1u << i;
	/* Enters and replaces of both versions can have the same length: their content tells. */
	if ((fits & SNIFF_ORDERS) == SNIFF_ORDERS)
		fits &= ~(nmw_codec_sniff(p, len) == NMW_CODEC_OUCH50 ? SNIFF_OUCH42_ORDER
								      : SNIFF_OUCH50_ORDER);
	return fits;
}

struct sniffed sniff_look_closer(struct sniff *s, const uint8_t *p, uint32_t len, uint8_t other)
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
	return (struct sniffed){sniff_kinds[i].codec, sniff_kinds[i].channel, s->known};
}
