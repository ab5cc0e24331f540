/* sniff.h: which codec and channel the messages of a stream are of, from their types and lengths.
 *
 * Each message rules out what it cannot be, until one kind is left; from then on nothing is looked
 * at.  The order of kinds decides while several fit (OUCH 4.2 and 5.0 share the system event).
 * Pure; two bytes a stream.
 */
#ifndef NMW_RECV_SNIFF_H
#define NMW_RECV_SNIFF_H

#include "base/msg.h"
#include <stdbool.h>
#include <stdint.h>

#define SNIFF_ITCH50	   0x01u
#define SNIFF_OUCH42_ORDER 0x02u
#define SNIFF_OUCH50_ORDER 0x04u
#define SNIFF_OUCH42_REPLY 0x08u
#define SNIFF_OUCH50_REPLY 0x10u
#define SNIFF_ORDERS	   (SNIFF_OUCH42_ORDER | SNIFF_OUCH50_ORDER)
#define SNIFF_FROM_HOST	   (SNIFF_ITCH50 | SNIFF_OUCH42_REPLY | SNIFF_OUCH50_REPLY)
#define SNIFF_ALL	   0x1Fu
#define SNIFF_KINDS	   5u

struct sniff {
	uint8_t left;  /* kinds that are still possible */
	uint8_t known; /* 1: a message fitted */
	uint8_t codec; /* enum nmw_codec_id that was asked for, 0 = any */
};

struct sniffed {
	uint8_t codec, channel; /* enum nmw_codec_id, enum nmw_channel */
	bool known;		/* false: nothing fitted: opaque bytes, channel as asked */
};

/* from: the kinds that may be. codec: enum nmw_codec_id that was asked for, 0 = any. */
void sniff_init(struct sniff *s, unsigned from, int codec);
struct sniffed sniff_look_closer(struct sniff *s, const uint8_t *p, uint32_t len, uint8_t other);

/* The kinds in the order of their bits. */
static const struct {
	uint8_t codec, channel;
} sniff_kinds[SNIFF_KINDS] = {
	{NMW_CODEC_ITCH50, NMW_CH_FEED},  {NMW_CODEC_OUCH42, NMW_CH_ORDER},
	{NMW_CODEC_OUCH50, NMW_CH_ORDER}, {NMW_CODEC_OUCH42, NMW_CH_REPLY},
	{NMW_CODEC_OUCH50, NMW_CH_REPLY},
};

/* other: channel of what cannot be told; it is opaque then, or of the codec that was asked for. */
static inline struct sniffed sniff_look(struct sniff *s, const uint8_t *p, uint32_t len,
					uint8_t other)
{
	unsigned left = s->left;
	if (__builtin_expect(!s->known || !left || (left & (left - 1)), 0))
		return sniff_look_closer(s, p, len, other);
	unsigned i = (unsigned)__builtin_ctz(left);
	return (struct sniffed){sniff_kinds[i].codec, sniff_kinds[i].channel, true};
}

#endif
