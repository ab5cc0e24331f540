/* engine_rig.h: an engine with its memory, a clock, and what came out of it as text. */
#ifndef NMW_TESTS_ENGINE_RIG_H
#define NMW_TESTS_ENGINE_RIG_H

#include "book/engine.h"
#include "naive_engine.h"

#define RIG_START UINT64_C(1767623400000000000) /* 2026-01-05 14:30:00 UTC */
#define RIG_STEP  UINT64_C(1000)		/* ns from one message to the next */

struct rig {
	void *mem;
	size_t size;
	struct nmw_engine *e;
	struct nmw_engine_out out;
	struct outmsgs got;
	size_t seen; /* of got, shown by rig_text */
	uint64_t now_ns, in_seq;
	uint8_t codec; /* of the orders that rig_order makes */
	_Alignas(64) uint8_t slot[NMW_SLOT_SZ];
	uint8_t frame[1024];
	char text[65536];
};

/* A small engine: 64 symbols, 1,000 orders, 16 sessions, 10,000 ids. */
extern const struct nmw_engine_spec rig_small;
/* A narrow one, for random flow. */
extern const struct nmw_engine_spec rig_random;

void rig_open(struct rig *r, const struct nmw_engine_spec *spec, uint8_t codec);
void rig_close(struct rig *r);
/* Moves the region to other memory and joins it there. */
void rig_move(struct rig *r);

/* Payload of a message and its slot. */
void rig_send(struct rig *r, uint32_t session, uint8_t channel, uint8_t codec, const uint8_t *p,
	      uint32_t len);
void rig_cmd(struct rig *r, uint32_t session, const struct nmw_cmd *c);
void rig_feed(struct rig *r, const struct nmw_cmd *c); /* ITCH */
void rig_ctl(struct rig *r, uint32_t session, uint8_t kind, const char *account, uint8_t flags);

/* Commands with the usual values: day order, displayed, symbol TEST. id: 1.. */
struct nmw_cmd rig_order(const struct rig *r, unsigned id, char side, uint32_t qty, int64_t price);
struct nmw_cmd rig_replace(const struct rig *r, unsigned id, unsigned id2, uint32_t qty,
			   int64_t price);
struct nmw_cmd rig_cancel(const struct rig *r, unsigned id, uint32_t qty);
struct nmw_cmd rig_modify(const struct rig *r, unsigned id, char side, uint32_t qty);
struct nmw_key rig_key(const struct rig *r, unsigned id);
struct nmw_cmd rig_halt(char state);

/* What came out since the last call, one line a message, without system events, directories,
 * trading states and control messages:
 *   "1:A 7 B 100 @10000 ref 3 L"       session : type, id, side, shares, price, order reference
 *   "1:U 8 was 7 B 60 @10000 ref 4 L"
 *   "1:C 7 60 U"  "1:D 7 60 Q 40 @10000 A"  "1:E 7 40 @10000 R #1"  "1:J 7 S" (5.0: "J 7 17")
 *   "1:T 7 @10000 Y ref 5"  "1:M 7 S 50"  "1:Q 9"
 *   "f:A 3 B 100 @10000"  "f:E 3 40 #1"  "f:X 3 10"  "f:D 3"  "f:U 3 4 60 @10000"
 *   "f:P 40 @10000 #1"  "f:C 3 40 @10000 #1 N"
 */
const char *rig_text(struct rig *r);
/* The same with everything. */
const char *rig_text_all(struct rig *r);
/* Fails the test unless rig_text gives just these lines, each ended by '\n'. */
void rig_expect_at(struct rig *r, const char *lines, const char *file, int line);
#define rig_expect(r, lines) rig_expect_at(r, lines, __FILE__, __LINE__)

#endif
