/* port.h: a matching device as the books' keeper sees it (held.h): commands go in, events come out,
 * in the order of the commands.
 *
 * The records are the device's, field for field (hw/sim/nmw_bitstream.h); whoever brings a device
 * says that they are.  Kinds and reasons of events are those of core.h, and one more: RANGE.  An
 * order is named by the handle that its RESTED event gave; the low bits of it are its slot.
 */
#ifndef NMW_BOOK_PORT_H
#define NMW_BOOK_PORT_H

#include "base/err.h"
#include "book/core.h"

enum nmw_port_op { NMW_PORT_CANCEL, NMW_PORT_ENTER, NMW_PORT_REPLACE, NMW_PORT_REDUCE };

#define NMW_PORT_SELL  128u /* of a command's flags; the others: enum nmw_taker_flag */
#define NMW_PORT_RANGE 9u   /* reason: no such book, or a price outside it */
#define NMW_PORT_LAST  1u   /* of an event's flags: the command's last */

struct nmw_port_cmd {
	uint8_t op, flags;
	uint16_t book;
	uint32_t px; /* 0..ticks - 1 */
	uint32_t qty, owner, min_qty, tag;
	uint64_t handle; /* CANCEL, REPLACE, REDUCE */
};

struct nmw_port_evt {
	uint8_t kind, reason, flags, zero;
	uint16_t book, zero2;
	uint32_t px, qty, left, tag;
	uint64_t handle;
};

_Static_assert(sizeof(struct nmw_port_cmd) == 32, "half a line");
_Static_assert(sizeof(struct nmw_port_evt) == 32, "half a line");

struct nmw_port {
	uint32_t books, ticks; /* at most 65,535; ticks of a book */
	uint32_t slots;	       /* orders over all books: a power of two */
	uint32_t depth;	       /* commands without their last event that it takes */
	/* There is room: the caller counts. */
	void (*put)(struct nmw_port *p, const struct nmw_port_cmd *c);
	/* The next event; waits for it. False: the device is lost, and e says why. */
	bool (*get)(struct nmw_port *p, struct nmw_port_evt *v, struct nmw_err *e);
};

#endif
