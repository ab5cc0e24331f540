/* wire_symbols.h: the symbols of `nmw-fpga wire`: those that nmw-match would have, with the same
 * locates, and where the device's window of each lies. */
#ifndef NMW_FPGA_WIRE_SYMBOLS_H
#define NMW_FPGA_WIRE_SYMBOLS_H

#include "base/opt.h"
#include "device/wire.h"

#include <stdbool.h>

struct nmw_symbols;

struct wire_symbols {
	struct nmw_symbols *table; /* all, as nmw-match would number them */
	uint32_t *center;	   /* of each: price about which its window is; 0 = not known */
	uint32_t *orders, *cents;  /* of each: prices seen; of these, whole cents */
	uint32_t listed;	   /* of these, from --symbols */
	bool open;		   /* others open a book */
};

int wire_symbols_open(struct wire_symbols *s, const char *file, const struct nmw_opt_list *centers,
		      struct nmw_err *e);
/* An order that will come, in the order of their coming. */
void wire_symbols_order(struct wire_symbols *s, uint64_t name, uint32_t price);
/* The table for a device of so many ticks. Says what is left out. */
void wire_symbols_conf(const struct wire_symbols *s, uint32_t ticks, struct nmw_wire_conf *c);
void wire_symbols_close(struct wire_symbols *s);

#endif
