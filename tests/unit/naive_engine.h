/* naive_engine.h: the matching rules once more, written to be read: linked lists, one look at every
 * order, memory as needed.  The engine must agree with it in every byte and in every order. */
#ifndef NMW_TESTS_NAIVE_ENGINE_H
#define NMW_TESTS_NAIVE_ENGINE_H

#include "book/engine.h"

struct naive;

struct outmsg { /* a message that came out of an engine */
	uint64_t ts_ns, in_seq;
	uint32_t session;
	uint16_t len;
	uint8_t channel, codec;
	uint8_t p[256];
};

struct outmsgs {
	struct outmsg *m;
	size_t n, cap;
	uint64_t hash; /* of all that was ever written */
};

/* The next message to fill in; kept when outmsgs_keep is called after it. */
struct outmsg *outmsgs_next(struct outmsgs *o);
void outmsgs_keep(struct outmsgs *o);

struct naive *naive_new(const struct nmw_engine_spec *spec);
void naive_free(struct naive *n);
void naive_symbol(struct naive *n, const struct nmw_symbol_conf *c);
void naive_closed_list(struct naive *n, bool closed);
void naive_msg(struct naive *n, const struct nmw_slot *s, const uint8_t *p, uint32_t len,
	       struct outmsgs *out);
void naive_end(struct naive *n, struct outmsgs *out);

/* A live order in queue order, as both engines describe it. No padding: rows are compared as
 * bytes. */
struct order_row {
	uint64_t symbol;
	int64_t price;
	uint32_t side; /* enum nmw_side */
	uint32_t qty, executed, session;
	struct nmw_key key;
	uint64_t ref, expire_ns;
	uint8_t entered_side;
	bool hidden;
	uint8_t pad[6];
};
_Static_assert(sizeof(struct order_row) == 72, "no padding");
/* Rows of one book side, best first: the count; rows up to max are written. */
unsigned naive_rows(const struct naive *n, uint64_t symbol, uint32_t side, struct order_row *rows,
		    unsigned max);
unsigned engine_rows(const struct nmw_engine *e, uint32_t sym, uint32_t tick, uint32_t side,
		     struct order_row *rows, unsigned max);

#endif
