#include "wire/codec.h"
#include "wire/be.h"
#include <string.h>

const struct nmw_order_info nmw_order_info_none = {
	.symbol = UINT64_C(0x2020202020202020),
	.firm = UINT32_C(0x20202020),
	.side = ' ',
	.display = ' ',
	.capacity = ' ',
	.iso = ' ',
	.cross = ' ',
	.customer = ' ',
	.clordid = {' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' '},
};

static const struct nmw_codec *const codecs[NMW_CODEC_MAX] = {
	[NMW_CODEC_OUCH42] = &nmw_codec_ouch42,
	[NMW_CODEC_OUCH50] = &nmw_codec_ouch50,
	[NMW_CODEC_ITCH50] = &nmw_codec_itch50,
};

const struct nmw_codec *nmw_codec_by_id(enum nmw_codec_id id)
{
	return (unsigned)id < NMW_CODEC_MAX ? codecs[id] : NULL;
}

const struct nmw_codec *nmw_codec_by_name(const char *name)
{
	for (unsigned i = 0; i < NMW_CODEC_MAX; i++)
		if (codecs[i] && strcmp(codecs[i]->name, name) == 0)
			return codecs[i];
	return NULL;
}

const char *nmw_codec_name(enum nmw_codec_id id)
{
	if (id == NMW_CODEC_CTL)
		return "ctl";
	const struct nmw_codec *c = nmw_codec_by_id(id);
	return c ? c->name : "none";
}

/* Does the u16 at `at` count the bytes after it, as an OUCH 5.0 appendage does? */
static bool app_fits(const uint8_t *p, uint32_t len, uint32_t at)
{
	return len >= at + 2 && nmw_be16(p + at) == len - at - 2;
}

enum nmw_codec_id nmw_codec_sniff(const uint8_t *p, uint32_t len)
{
	if (len == 0)
		return NMW_CODEC_NONE;
	switch (p[0]) {
	case 'O': /* 5.0 with an appendage of 1 or 2 bytes would be as long, but none is so short */
		if (len == 48 || len == 49)
			return NMW_CODEC_OUCH42;
		return app_fits(p, len, 45) ? NMW_CODEC_OUCH50 : NMW_CODEC_NONE;
	case 'U': { /* 47 bytes can be both: then the appendage must also read as one */
		struct nmw_cmd c;
		if (app_fits(p, len, 38) &&
		    (len != 47 || (nmw_codec_ouch50.decode(p, len, &c) == 0 &&
				   !(c.tags & 1u << NMW_TAG_UNKNOWN))))
			return NMW_CODEC_OUCH50;
		return len == 47 ? NMW_CODEC_OUCH42 : NMW_CODEC_NONE;
	}
	case 'X':
		return len == 19 ? NMW_CODEC_OUCH42 : len == 9 ? NMW_CODEC_OUCH50 : NMW_CODEC_NONE;
	case 'M':
		return len == 20 ? NMW_CODEC_OUCH42 : len == 10 ? NMW_CODEC_OUCH50 : NMW_CODEC_NONE;
	case 'N':
		return len == 15 ? NMW_CODEC_OUCH42 : NMW_CODEC_NONE;
	case 'Q':
		return len == 1 ? NMW_CODEC_OUCH50 : NMW_CODEC_NONE;
	default:
		return NMW_CODEC_NONE;
	}
}
