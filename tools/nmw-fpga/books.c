#include "books.h"

#include "base/log.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* The records of both are the same. */
#define SAME(a, b, field) \
	_Static_assert(offsetof(struct a, field) == offsetof(struct b, field), #field)
SAME(nmw_port_cmd, nmw_hw_cmd, px);
SAME(nmw_port_cmd, nmw_hw_cmd, qty);
SAME(nmw_port_cmd, nmw_hw_cmd, owner);
SAME(nmw_port_cmd, nmw_hw_cmd, min_qty);
SAME(nmw_port_cmd, nmw_hw_cmd, tag);
SAME(nmw_port_cmd, nmw_hw_cmd, handle);
SAME(nmw_port_evt, nmw_hw_evt, flags);
SAME(nmw_port_evt, nmw_hw_evt, qty);
SAME(nmw_port_evt, nmw_hw_evt, left);
SAME(nmw_port_evt, nmw_hw_evt, tag);
SAME(nmw_port_evt, nmw_hw_evt, handle);
_Static_assert(offsetof(struct nmw_port_cmd, book) == offsetof(struct nmw_hw_cmd, sym), "book");
_Static_assert(NMW_PORT_CANCEL == (int)NMW_HW_CANCEL && NMW_PORT_ENTER == (int)NMW_HW_ENTER &&
		       NMW_PORT_REPLACE == (int)NMW_HW_REPLACE &&
		       NMW_PORT_REDUCE == (int)NMW_HW_REDUCE,
	       "ops");
_Static_assert(NMW_TAKER_IOC == (int)NMW_HW_IOC && NMW_TAKER_MARKET == (int)NMW_HW_MARKET &&
		       NMW_TAKER_POST_ONLY == (int)NMW_HW_POST_ONLY &&
		       NMW_TAKER_OWN_LEAVES == (int)NMW_HW_OWN_LEAVES &&
		       NMW_PORT_SELL == NMW_HW_SELL && NMW_PORT_LAST == NMW_DEVICE_LAST,
	       "flags");
_Static_assert(NMW_CORE_CANCELED == (int)NMW_HW_CANCELED && NMW_CORE_RESTED == (int)NMW_HW_RESTED &&
		       NMW_CORE_FILL == (int)NMW_HW_FILL && NMW_CORE_OWN == (int)NMW_HW_OWN &&
		       NMW_CORE_REPLACED == (int)NMW_HW_REPLACED &&
		       NMW_CORE_REDUCED == (int)NMW_HW_REDUCED &&
		       NMW_CORE_REJECTED == (int)NMW_HW_REJECTED,
	       "kinds");
_Static_assert(NMW_CORE_IMMEDIATE == (int)NMW_HW_IMMEDIATE &&
		       NMW_CORE_MIN_QTY == (int)NMW_HW_MIN_QTY &&
		       NMW_CORE_WOULD_POST == (int)NMW_HW_WOULD_POST &&
		       NMW_CORE_SELF == (int)NMW_HW_SELF && NMW_CORE_FULL == (int)NMW_HW_FULL &&
		       NMW_CORE_UNKNOWN == (int)NMW_HW_UNKNOWN && NMW_PORT_RANGE == NMW_HW_RANGE,
	       "reasons");

static struct books *of(struct nmw_port *p)
{
	return (struct books *)(void *)p;
}

static void put(struct nmw_port *p, const struct nmw_port_cmd *c)
{
	struct nmw_device *d = of(p)->device;
	memcpy(nmw_device_cmd(d, 0), c, sizeof(*c));
	nmw_device_submit(d, 1);
}

static void hand_back(struct books *b)
{
	nmw_device_release(b->device, b->taken);
	b->there -= b->taken;
	b->taken = 0;
}

/* Read ones are handed back when more are looked for: one doorbell for many. */
static bool get(struct nmw_port *p, struct nmw_port_evt *v, struct nmw_err *e)
{
	struct books *b = of(p);
	while (b->taken == b->there) {
		hand_back(b);
		b->there = nmw_device_poll(b->device);
		if (!b->there && nmw_device_wait(b->device, e))
			return false;
	}
	memcpy(v, nmw_device_evt(b->device, b->taken++), sizeof(*v));
	v->flags &= NMW_PORT_LAST;
	return true;
}

int books_attach(struct books *b, struct nmw_device *d, struct nmw_match *m, bool restored,
		 enum nmw_held_wish (*wish)(void *arg, uint32_t sym), void *arg, struct nmw_err *e)
{
	uint32_t orders = (uint32_t)m->orders, symbols = (uint32_t)m->symbols;
	b->device = d;
	b->port = (struct nmw_port){.books = 1u << d->info.symbols_log2,
				    .ticks = d->info.ticks,
				    .slots = 1u << d->info.slots_log2,
				    .depth = d->info.ring,
				    .put = put,
				    .get = get};
	int rc = nmw_memory_take(&b->memory, nmw_held_footprint(&b->port, orders, symbols),
				 !m->lazy, e);
	if (rc)
		return rc;
	struct nmw_books *books = (struct nmw_books *)(uintptr_t)nmw_engine_books(m->engine);
	b->held = nmw_held_init(b->memory.at, &b->port, books, orders, symbols);
	b->held->wish = wish;
	b->held->wish_arg = arg;
	m->out.held = b->held;
	if (restored) {
		struct nmw_engine_stat s;
		nmw_engine_stat(m->engine, &s);
		nmw_held_adopt(b->held, (uint32_t)s.symbols);
	}
	return 0;
}

int books_check(const struct books *b, struct nmw_err *e)
{
	if (!b->held || !b->held->lost || !b->held->err.err)
		return 0;
	*e = b->held->err;
	return e->err;
}

void books_again(struct books *b)
{
	b->there = b->taken = 0;
	nmw_held_again(b->held);
}

const char *books_why(enum nmw_held_why why)
{
	static const char *const text[NMW_HELD_WHYS] = {
		"no book was free",    "no slot was free",    "the window moved too often",
		"many hidden orders",  "a minimum quantity",  "a crossed feed",
		"a feed that differs", "the device was lost", "asked for"};
	return why < NMW_HELD_WHYS ? text[why] : "?";
}

void books_report(const struct books *b, struct nmw_metrics *x)
{
	struct nmw_held_stat s;
	if (!b->held)
		return;
	nmw_held_stat(b->held, &s);
	nmw_gauge(x, NMW_M_held_symbols, s.symbols);
	nmw_gauge(x, NMW_M_held_orders, s.orders);
	nmw_gauge(x, NMW_M_held_commands, s.commands);
	nmw_gauge(x, NMW_M_held_ahead, s.ahead);
	nmw_gauge(x, NMW_M_held_far, s.far);
	nmw_gauge(x, NMW_M_held_moves, s.moves);
	nmw_gauge(x, NMW_M_held_moved, s.moved);
	nmw_gauge(x, NMW_M_held_behind, s.behind);
	nmw_gauge(x, NMW_M_software_no_book, s.went[NMW_HELD_NO_BOOK]);
	nmw_gauge(x, NMW_M_software_no_slot, s.went[NMW_HELD_NO_SLOT]);
	nmw_gauge(x, NMW_M_software_window, s.went[NMW_HELD_WINDOW]);
	nmw_gauge(x, NMW_M_software_rank, s.went[NMW_HELD_RANK]);
	nmw_gauge(x, NMW_M_software_min_qty, s.went[NMW_HELD_MIN_QTY]);
	nmw_gauge(x, NMW_M_software_crossed, s.went[NMW_HELD_CROSSED]);
	nmw_gauge(x, NMW_M_software_differs, s.went[NMW_HELD_DIFFERS]);
	nmw_gauge(x, NMW_M_software_lost, s.went[NMW_HELD_LOST]);
	nmw_gauge(x, NMW_M_software_asked, s.went[NMW_HELD_ASKED]);
	nmw_gauge(x, NMW_M_software_symbols, s.software);
	nmw_gauge(x, NMW_M_held_came, s.came);
}

void books_say(const struct books *b)
{
	struct nmw_held_stat s;
	char line[512] = "";
	int at = 0;
	if (!b->held)
		return;
	nmw_held_stat(b->held, &s);
	for (unsigned i = 0; i < NMW_HELD_WHYS; i++)
		if (s.went[i])
			at += snprintf(line + at, sizeof line - (size_t)at, "%s%" PRIu64 " (%s)",
				       at ? ", " : "; to software: ", s.went[i],
				       books_why((enum nmw_held_why)i));
	nmw_log(NMW_LOG_INFO,
		"device: %" PRIu64 " commands, %" PRIu64 " sent ahead; at the end %" PRIu64
		" symbols, %" PRIu64 " orders there; %" PRIu64 " moves of a window; %" PRIu64
		" symbols came from software%s",
		s.commands, s.ahead, s.symbols, s.orders, s.moves, s.came, line);
}

void books_close(struct books *b)
{
	nmw_memory_give(&b->memory);
	b->held = NULL;
}
