#include "wire/classic.h"

#include "base/units.h"

#include <errno.h>
#include <string.h>

#define MAGIC_MICRO 0xA1B2C3D4u
#define MAGIC_NANO  0xA1B23C4Du
#define READ_MIN    4096u /* room behind the bytes that are there that is worth a read */

/* Link types as files number them. */
enum {
	FILE_NULL = 0,
	FILE_ETHERNET = 1,
	FILE_RAW = 101,
	FILE_LOOP = 108,
	FILE_SLL = 113,
	FILE_IP4 = 228,
	FILE_IP6 = 229,
	FILE_SLL2 = 276,
};

static enum nmw_link link_of(uint32_t network)
{
	switch (network) {
	case FILE_NULL:
		return NMW_LINK_NULL;
	case FILE_ETHERNET:
		return NMW_LINK_ETHERNET;
	case FILE_RAW:
	case FILE_IP4:
	case FILE_IP6:
		return NMW_LINK_RAW;
	case FILE_LOOP:
		return NMW_LINK_LOOP;
	case FILE_SLL:
		return NMW_LINK_SLL;
	case FILE_SLL2:
		return NMW_LINK_SLL2;
	default:
		return NMW_LINK_NONE;
	}
}

static inline uint32_t u32_at(const struct nmw_classic *c, const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v);
	return c->swapped ? __builtin_bswap32(v) : v;
}

static bool read_magic(struct nmw_classic *c, const uint8_t *hdr)
{
	for (unsigned swapped = 0; swapped < 2; swapped++) {
		c->swapped = swapped;
		uint32_t magic = u32_at(c, hdr);
		c->unit_ns = magic == MAGIC_NANO ? 1 : 1000;
		if (magic == MAGIC_NANO || magic == MAGIC_MICRO)
			return true;
	}
	return false;
}

bool nmw_classic_open(struct nmw_classic *c, struct nmw_input *in, uint8_t *buf, const uint8_t *hdr,
		      uint32_t len)
{
	static const uint8_t version[2][4] = {{2, 0, 4, 0}, {0, 2, 0, 4}}; /* little, big */
	memset(c, 0, sizeof *c);
	if (len < NMW_CLASSIC_HDR || !read_magic(c, hdr) ||
	    memcmp(hdr + 4, version[c->swapped], sizeof version[0]) != 0)
		return false;
	c->in = in;
	c->buf = buf;
	c->at = c->end = buf + NMW_CLASSIC_BASE;
	c->snap = u32_at(c, hdr + 16);
	if (c->snap == 0 || c->snap > NMW_CLASSIC_SNAP)
		c->snap = NMW_CLASSIC_SNAP;
	c->link = link_of(u32_at(c, hdr + 20));
	return c->link != NMW_LINK_NONE;
}

/* More bytes behind those that are there, or a negative errno; 0 = the end, or stopped. */
static ssize_t fill(struct nmw_classic *c)
{
	uint8_t *base = c->buf + NMW_CLASSIC_BASE, *top = c->buf + NMW_CLASSIC_BUF_SZ;
	size_t left = (size_t)(c->end - c->at);
	if (left == 0 || (size_t)(top - c->end) < READ_MIN) {
		/* left is less than a record, so it fits before base; memmove: it may reach there
		 */
		memmove(base - left, c->at, left);
		c->at = base - left;
		c->end = base;
	}
	ssize_t n = nmw_input_read(c->in, c->end, (size_t)(top - c->end));
	if (n > 0)
		c->end += n;
	return n;
}

/* The packets that are whole, up to max. */
static unsigned take(struct nmw_classic *c, struct nmw_capture_packet *out, unsigned max)
{
	const uint8_t *p = c->at, *end = c->end;
	unsigned n = 0;
	for (; n < max && end - p >= NMW_CLASSIC_REC; n++) {
		uint32_t caplen = u32_at(c, p + 8);
		if (caplen > NMW_CLASSIC_SNAP) {
			c->bad = caplen;
			break;
		}
		if ((uint32_t)(end - p) - NMW_CLASSIC_REC < caplen)
			break;
		out[n].p = p + NMW_CLASSIC_REC;
		out[n].caplen = caplen < c->snap ? caplen : c->snap;
		out[n].len = u32_at(c, p + 12);
		out[n].ts_ns = u32_at(c, p) * NMW_NS_PER_S + u32_at(c, p + 4) * c->unit_ns;
		out[n].passes = true;
		p += NMW_CLASSIC_REC + caplen;
	}
	c->at += p - c->at;
	return n;
}

int nmw_classic_burst(struct nmw_classic *c, struct nmw_capture_packet *out, unsigned max)
{
	for (;;) { /* each turn reads at least a byte */
		unsigned n = c->bad ? 0 : take(c, out, max);
		if (n)
			return (int)n;
		if (c->bad)
			return -EBADMSG;
		ssize_t got = c->over ? 0 : fill(c);
		if (got < 0)
			return (int)got;
		if (got > 0)
			continue;
		c->over = true;
		c->in_data = c->end - c->at >= NMW_CLASSIC_REC;
		return c->at == c->end || c->in->stopped ? 0 : -ENODATA;
	}
}
