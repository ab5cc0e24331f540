#include "wire_found.h"

#include "wire/codec.h"
#include "wire/mold.h"
#include "wire/schema.h"
#include "wire/soup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SAY 3u /* kinds that are named, those with the most packets */

/* ---- looking -------------------------------------------------------------------------------- */

static bool fits(uint8_t codec, uint8_t channel, const uint8_t *p, uint32_t len)
{
	return nmw_schema_find(codec, channel, p, len);
}

static enum found_what what(const uint8_t *p, uint32_t len)
{
	bool order42 = fits(NMW_CODEC_OUCH42, NMW_CH_ORDER, p, len);
	bool order50 = fits(NMW_CODEC_OUCH50, NMW_CH_ORDER, p, len);
	if (order42 && order50)
		return nmw_codec_sniff(p, len) == NMW_CODEC_OUCH50 ? FOUND_OUCH50 : FOUND_OUCH42;
	if (order42 || order50)
		return order50 ? FOUND_OUCH50 : FOUND_OUCH42;
	if (fits(NMW_CODEC_ITCH50, NMW_CH_FEED, p, len))
		return FOUND_ITCH;
	bool reply = fits(NMW_CODEC_OUCH42, NMW_CH_REPLY, p, len) ||
		     fits(NMW_CODEC_OUCH50, NMW_CH_REPLY, p, len);
	return reply ? FOUND_REPLIES : FOUND_UNKNOWN;
}

/* Each packet is what its first message is. */
static void datagram(struct found *f, const struct nmw_packet *p)
{
	struct nmw_mold m;
	uint16_t len;
	if (nmw_mold_open(&m, p->payload, p->len) || m.at > m.end) {
		f->n[FOUND_UDP][p->len ? what(p->payload, p->len) : FOUND_NOTHING]++;
		return;
	}
	const uint8_t *msg = nmw_mold_next(&m, &len);
	enum found_what is = msg ? what(msg, len) : FOUND_NOTHING;
	f->n[p->family == 4 ? FOUND_MOLD : FOUND_MOLD6][is]++;
	if (p->family != 4 || is != FOUND_OUCH50)
		return;
	if (!f->ours++) {
		f->to = (struct nmw_endpoint){.family = 4, .port = p->dport};
		memcpy(f->to.addr, p->dst, 4);
	}
}

static void segment(struct found *f, const struct nmw_packet *p)
{
	struct nmw_soup s;
	if (!p->len)
		return; /* an acknowledgement */
	if (nmw_soup_next(p->payload, p->len, &s) <= 0)
		f->n[FOUND_TCP][FOUND_UNKNOWN]++;
	else if (s.type == NMW_SOUP_UNSEQUENCED || s.type == NMW_SOUP_SEQUENCED)
		f->n[FOUND_SOUP][s.len ? what(s.payload, s.len) : FOUND_NOTHING]++;
	else
		f->n[FOUND_SOUP][FOUND_NOTHING]++;
}

void found_look(struct found *f, const struct nmw_capture_packet *c)
{
	struct nmw_packet p;
	f->frames++;
	enum nmw_packet_is is = nmw_packet_parse(NMW_LINK_ETHERNET, c->p, c->caplen, c->len, &p);
	if (is == NMW_PACKET_OK && p.proto == NMW_IPPROTO_UDP)
		datagram(f, &p);
	else if (is == NMW_PACKET_OK)
		segment(f, &p);
	else if (is == NMW_PACKET_NOT_IP || is == NMW_PACKET_OTHER)
		f->no_ip++;
	else
		f->bad++;
}

/* ---- saying --------------------------------------------------------------------------------- */

static const char *const in_words[FOUND_INS] = {[FOUND_MOLD] = "in MoldUDP64",
						[FOUND_MOLD6] = "in MoldUDP64 over IPv6",
						[FOUND_SOUP] = "in SoupBinTCP",
						[FOUND_UDP] = "over UDP without MoldUDP64",
						[FOUND_TCP] = "over TCP"};
static const char *const what_words[FOUND_WHATS] = {
	[FOUND_OUCH42] = "orders of OUCH 4.2",	    [FOUND_OUCH50] = "orders of OUCH 5.0",
	[FOUND_REPLIES] = "replies of OUCH",	    [FOUND_ITCH] = "market data of ITCH 5.0",
	[FOUND_UNKNOWN] = "what is not known here", [FOUND_NOTHING] = "no message"};

/* The kind with the most packets of those that are left in n; its place, or -1. */
static int most(const uint64_t n[FOUND_INS * FOUND_WHATS])
{
	int at = -1;
	for (int i = 0; i < (int)(FOUND_INS * FOUND_WHATS); i++)
		if (n[i] && (at < 0 || n[i] > n[at]))
			at = i;
	return at;
}

static size_t add(char *to, size_t cap, size_t at, uint64_t n, const char *a, const char *b)
{
	int len = snprintf(to + at, cap - at, "%s%" PRIu64 " %s with %s%s%s", at ? ", " : "", n,
			   n == 1 ? "packet" : "packets", a, *b ? " " : "", b);
	return len > 0 && (size_t)len < cap - at ? at + (size_t)len : at;
}

static void list(const struct found *f, char *to, size_t cap)
{
	uint64_t n[FOUND_INS * FOUND_WHATS];
	size_t at = 0;
	int i;
	memcpy(n, f->n, sizeof n);
	to[0] = 0;
	for (unsigned k = 0; k < SAY && (i = most(n)) >= 0; k++) {
		at = add(to, cap, at, n[i], what_words[i % FOUND_WHATS], in_words[i / FOUND_WHATS]);
		n[i] = 0;
	}
	if (f->no_ip)
		at = add(to, cap, at, f->no_ip, "neither UDP nor TCP", "");
	if (f->bad)
		add(to, cap, at, f->bad, "damaged or cut headers", "");
}

/* What takes what was found: that of which there is most decides. */
static void remedy(const struct found *f, const char *source, char *to, size_t cap)
{
	int i = most((const uint64_t *)f->n);
	enum found_what is = i < 0 ? FOUND_UNKNOWN : (enum found_what)(i % FOUND_WHATS);
	bool capture = !strncmp(source, "pcap:", 5);
	if (capture && (is == FOUND_OUCH42 || is == FOUND_OUCH50))
		snprintf(to, cap, "nmw-recv %s | nmw-fpga run matches these on the device", source);
	else if (capture && is == FOUND_ITCH)
		snprintf(to, cap,
			 "that is what an exchange sends: nmw-recv %s | nmw-fpga run "
			 "replays it on the device",
			 source);
	else if (is == FOUND_REPLIES || is == FOUND_ITCH)
		snprintf(to, cap, "that is what an exchange sends: give what its clients send");
	else if (is == FOUND_OUCH42 || is == FOUND_OUCH50)
		snprintf(to, cap,
			 "nmw-recv takes these, and nmw-fpga run matches them on the device");
	else
		snprintf(to, cap, "give what comes in where orders are entered");
}

bool found_say(const struct found *f, const char *source, const char *server, struct nmw_err *e)
{
	char kinds[320], mend[200], text[NMW_ENDPOINT_MAX];
	if (f->ours && server && strcmp(nmw_endpoint_text(&f->to, text), server) != 0) {
		nmw_err_set(e, -EBADMSG, NMW_EXIT_DATA,
			    "--in %s: no order for %s: found orders for %s: leave --server "
			    "out, or give that address",
			    source, server, text);
		return true;
	}
	if (f->ours || !f->frames)
		return false;
	list(f, kinds, sizeof kinds);
	remedy(f, source, mend, sizeof mend);
	nmw_err_set(e, -EBADMSG, NMW_EXIT_DATA,
		    "--in %s: no order for the device: found %s; expected OUCH 5.0 in MoldUDP64 "
		    "over UDP and IPv4: %s",
		    source, *kinds ? kinds : "no payload", mend);
	return true;
}
