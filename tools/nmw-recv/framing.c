#include "framing.h"

#include <string.h>

static const uint8_t passes[] = {
	[DIRECTION_AUTO] = 1u << NMW_CH_ORDER | 1u << NMW_CH_FEED,
	[DIRECTION_IN] = 1u << NMW_CH_ORDER,
	[DIRECTION_OUT] = 1u << NMW_CH_REPLY | 1u << NMW_CH_FEED,
	[DIRECTION_BOTH] = 1u << NMW_CH_ORDER | 1u << NMW_CH_REPLY | 1u << NMW_CH_FEED,
};

int framing_init(struct framing *f, const struct recv_conf *conf, struct emit *emit,
		 struct nmw_err *e)
{
	memset(f, 0, sizeof *f);
	f->conf = conf;
	f->emit = emit;
	f->passes = passes[conf->direction];
	int rc = sessions_init(&f->sessions, emit, e);
	f->sessions.codec = (uint8_t)conf->codec;
	f->sessions.login_flags = conf->cancel_on_disconnect ? NMW_CTL_CANCEL_ON_DISCONNECT : 0;
	return rc;
}

void framing_fini(struct framing *f)
{
	sessions_fini(&f->sessions);
}

enum nmw_drop_id framing_drop(enum nmw_packet_is is)
{
	static const enum nmw_drop_id why[] = {
		[NMW_PACKET_CUT] = NMW_DROP_truncated_packet,
		[NMW_PACKET_NOT_IP] = NMW_DROP_bad_link,
		[NMW_PACKET_BAD_IP] = NMW_DROP_bad_ip,
		[NMW_PACKET_FRAGMENT] = NMW_DROP_ip_fragment,
		[NMW_PACKET_BAD_UDP] = NMW_DROP_bad_udp,
		[NMW_PACKET_BAD_TCP] = NMW_DROP_bad_tcp,
		[NMW_PACKET_OTHER] = NMW_DROP_filtered,
	};
	return why[is];
}
