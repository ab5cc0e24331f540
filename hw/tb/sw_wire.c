#include "sw_wire.h"

#include "wire/mold.h"
#include "wire/packet.h"

#include <string.h>

void sw_frame_read(const uint8_t *p, uint32_t len, struct sw_frame *out)
{
	struct nmw_packet k;
	struct nmw_mold m;
	memset(out, 0, sizeof *out);
	if (nmw_packet_parse(NMW_LINK_ETHERNET, p, len, len, &k) != NMW_PACKET_OK ||
	    k.proto != NMW_IPPROTO_UDP || k.family != 4)
		return;
	out->ok = true;
	out->payload = (uint32_t)(k.payload - p);
	out->len = k.len;
	memcpy(out->src, k.src, 4);
	memcpy(out->dst, k.dst, 4);
	out->sport = k.sport;
	out->dport = k.dport;
	if (nmw_mold_open(&m, k.payload, k.len) < 0)
		return;
	out->mold = true;
	memcpy(out->session, m.session, sizeof out->session);
	out->seq = m.seq;
	out->count = m.count;
}

const uint8_t *sw_message(const struct sw_frame *f, const uint8_t *frame, uint32_t *at,
			  uint16_t *len)
{
	const uint8_t *p = frame + f->payload + NMW_MOLD_HDR + *at;
	*len = nmw_be16(p);
	*at += 2u + *len;
	return p + 2;
}
