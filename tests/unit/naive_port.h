/* naive_port.h: a matching device in the plainest form, as held.h sees one: every order is looked
 * at for every fill. */
#ifndef NMW_TESTS_NAIVE_PORT_H
#define NMW_TESTS_NAIVE_PORT_H

#include "book/port.h"

struct naive_port {
	struct nmw_port p;
	struct naive_slot {
		uint64_t handle, came;
		uint32_t px, qty, owner;
		uint16_t book;
		uint8_t sell, live;
	} * slot;
	struct nmw_port_evt *evt; /* not taken yet */
	size_t head, tail, cap;
	uint64_t clock;
	uint64_t commands;
	uint32_t flying, most; /* commands without their last event; the highest so far */
	uint64_t lose_after;   /* events; 0 = never */
	uint64_t lie_after;    /* events: one of them is wrong; 0 = never */
	uint64_t given;
	void (*lie)(struct naive_port *n, struct nmw_port_evt *v); /* may change each event */
	bool may_end; /* an event that will not come is a loss, not a mistake of who waits */
};

void naive_port_open(struct naive_port *n, uint32_t books, uint32_t ticks, uint32_t slots,
		     uint32_t depth);
void naive_port_close(struct naive_port *n);

#endif
