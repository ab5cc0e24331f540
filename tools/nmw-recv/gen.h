/* gen.h: deterministic order flow: the same specification gives the same bytes on any machine, with
 * any compiler.  Integers only; one seeded generator; no hash order, no clock.
 *
 * The flow is that of an exchange's day in small: passive orders at geometric distances around a
 * middle that walks, cancels and replaces that name orders which live at that moment (the generator
 * matches its own flow on nmw_books, as an engine will), IOC and marketable orders that trade, some
 * symbols far more often than others.  Sessions log in first, by control messages.
 *
 * One thread; all memory at gen_new, bounded by symbols x depth.
 */
#ifndef NMW_RECV_GEN_H
#define NMW_RECV_GEN_H

#include "base/err.h"
#include "base/msg.h"
#include <stdbool.h>
#include <stdint.h>

#define GEN_MSG_MAX	 80u /* bytes of the longest message: fits a default slot */
#define GEN_SYMBOLS_MAX	 65535u
#define GEN_SESSIONS_MAX 10000u
#define GEN_DEPTH_MAX	 100000u
#define GEN_ORDERS_MAX	 (1u << 28) /* symbols x 2 x depth */

struct gen_spec {
	uint64_t seed;
	uint64_t count; /* messages after the logins; 0 = no end */
	uint32_t symbols, sessions;
	uint32_t depth;	      /* live orders of a symbol, about */
	uint32_t add, cancel; /* percent, with the next two 100 together */
	uint32_t replace, aggressive;
	uint32_t zipf2;	      /* twice the exponent of the symbols' frequencies: 0..4; 0 = even */
	uint64_t interval_ns; /* between two messages' times */
	uint64_t start_s;     /* of the first message, since the epoch */
	enum nmw_codec_id codec;
};

/* "seed=1,count=1M,symbols=100": sets *s to the defaults and what the text says. 0 or -EINVAL with
 * exit 2: an unknown key names the nearest. */
int gen_spec_parse(struct gen_spec *s, const char *text, struct nmw_err *e);

struct gen;

struct gen_msg {
	uint64_t ts_ns;
	uint32_t session;
	uint8_t channel, codec;
};

struct gen *gen_new(const struct gen_spec *s, struct nmw_err *e);
/* Whether there is no more, and the time of the next message. */
bool gen_ended(const struct gen *g);
uint64_t gen_time(const struct gen *g);
/* The next message: writes it to buf (GEN_MSG_MAX bytes) and returns its length; 0 = the end. */
uint32_t gen_next(struct gen *g, uint8_t *buf, struct gen_msg *m);
/* Messages so far, and of how many (0 = no end). */
void gen_progress(const struct gen *g, uint64_t *done, uint64_t *total);
void gen_free(struct gen *g); /* NULL is allowed */

#endif
