/* gen:SPEC: generated order flow, encoded straight into the slots. */
#include "gen.h"
#include "source.h"

#include <errno.h>
#include <stdlib.h>

struct gen_source {
	struct emit *emit;
	struct gen *gen;
};

static void *gen_open(const struct recv_conf *conf, struct emit *emit, const char *text,
		      struct nmw_err *e)
{
	struct gen_spec spec;
	if (gen_spec_parse(&spec, text, e) < 0)
		return NULL;
	if (conf->codec && conf->codec != (int)spec.codec) {
		nmw_err_set(
			e, -EINVAL, NMW_EXIT_USAGE,
			"%s: --codec asks for another codec: say codec=ouch50 in the specification",
			text);
		return NULL;
	}
	struct gen_source *s = malloc(sizeof *s);
	if (!s) {
		nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "no memory");
		return NULL;
	}
	s->emit = emit;
	s->gen = gen_new(&spec, e);
	if (!s->gen) {
		free(s);
		return NULL;
	}
	return s;
}

static int gen_poll(void *arg, struct nmw_err *e)
{
	(void)e;
	struct gen_source *s = arg;
	uint8_t dropped[GEN_MSG_MAX], *p;
	struct gen_msg m;
	for (unsigned i = 0; i < s->emit->st->burst; i++) {
		if (gen_ended(s->gen))
			return 0;
		struct nmw_slot *slot = emit_slot(s->emit, gen_time(s->gen), GEN_MSG_MAX, &p);
		uint32_t len = gen_next(s->gen, slot ? p : dropped, &m);
		if (!slot)
			continue;
		slot->len = (uint16_t)len;
		emit_done(s->emit, slot, m.session, m.channel, m.codec);
	}
	return 1;
}

static void gen_source_progress(void *arg, uint64_t *done, uint64_t *total)
{
	const struct gen_source *s = arg;
	gen_progress(s->gen, done, total);
}

static void gen_close(void *arg)
{
	struct gen_source *s = arg;
	gen_free(s->gen);
	free(s);
}

const struct source source_gen = {.name = "gen",
				  .arg = "SPEC",
				  .open = gen_open,
				  .poll = gen_poll,
				  .progress = gen_source_progress,
				  .close = gen_close};
