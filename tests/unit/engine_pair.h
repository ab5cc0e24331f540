/* engine_pair.h: two engines that are given the same messages, one with its own books and one whose
 * books a device holds (naive_port.h): their outputs and states have to be equal. */
#ifndef NMW_TESTS_ENGINE_PAIR_H
#define NMW_TESTS_ENGINE_PAIR_H

#include "book/held.h"
#include "engine_flow.h"
#include "engine_rig.h"
#include "naive_port.h"

#define PAIR_BURST 64u

struct pair_device {
	uint32_t books, ticks, slots, depth;
	uint64_t lose_after, lie_after; /* as in struct naive_port */
};

struct pair {
	struct rig soft, hard;
	struct naive_port port;
	struct nmw_held *held;
};

/* listed: with the symbols that flows are about. */
void pair_open(struct pair *p, const struct nmw_engine_spec *s, const struct pair_device *d,
	       bool listed);
/* The engine goes on in other memory, with an empty device, as after a restart. */
void pair_restart(struct pair *p, const struct nmw_engine_spec *s, const struct pair_device *d);
void pair_close(struct pair *p);

/* One message, a command, a message of a feed: to both; what comes out of both is then equal. */
void pair_send(struct pair *p, uint32_t session, uint8_t channel, uint8_t codec,
	       const uint8_t *payload, uint32_t len);
void pair_cmd(struct pair *p, uint32_t session, const struct nmw_cmd *c);
void pair_feed(struct pair *p, const struct nmw_cmd *c);
/* n messages at once, at most PAIR_BURST; step: said when the outputs differ. */
void pair_burst(struct pair *p, struct flow_msg *m, unsigned n, uint64_t step);
void pair_same_output(struct pair *p, uint64_t step);
/* The device's orders come to the software books for it. */
void pair_same_state(struct pair *p);
void pair_say_stat(const struct pair *p);

#endif
