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
