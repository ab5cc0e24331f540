/* regs.h: the device's registers as the list that describes itself: blocks, each with a type, a
 * version and the offset of the next; the registers of a type that is known have names.
 */
#ifndef NMW_DEVICE_REGS_H
#define NMW_DEVICE_REGS_H

#include "device/device.h"

struct nmw_device_block {
	uint32_t at; /* byte offset */
	uint16_t type, version;
	uint32_t end;	  /* where the next begins; of the last: NMW_DEVICE_REGS_SZ */
	const char *name; /* "counters"; NULL: not known here */
};

struct nmw_device_reg {
	uint32_t at;		 /* byte offset */
	uint8_t shift, width;	 /* bits of the word */
	const char *name;	 /* "tx_head" */
	const char *unit, *help; /* unit: "cycles", "" */
	uint64_t value;
};

#define NMW_DEVICE_BLOCKS 64u /* the most that a list has */

/* Reads the list into b. Returns the number of blocks; -EPROTO: it does not end, or does not rise.
 */
int nmw_device_blocks(struct nmw_device *d, struct nmw_device_block b[NMW_DEVICE_BLOCKS],
		      struct nmw_err *e);
/* Register i of a block, read; false: it has no more. A block that is not known has none. */
bool nmw_device_reg(struct nmw_device *d, const struct nmw_device_block *b, unsigned i,
		    struct nmw_device_reg *out);

#endif
