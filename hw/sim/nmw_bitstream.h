/* nmw_bitstream.h: the simulated device: one shared object, one symbol.
 *
 *      dlopen("nmw_book.so") -> dlsym("nmw_bitstream") -> a table of functions
 *
 * The design is the Verilated nmw_top. It reads and writes host memory by itself, by address
 * (IOVA), in lines of 64 bytes; the windows that `map` names are all that it can reach. An access
 * outside of them is a fault: the device stops its rings and says so in its registers, nothing else
 * happens. Time passes in `run` only. Registers are at byte offsets, 64 bits each (nmw_regs.v,
 * nmw_params.vh).
 *
 * What the device writes becomes visible as a card's would: the word of an event that has the phase
 * bit is stored last, with release.  One device a handle; a handle is used by one thread at a time.
 */
#ifndef NMW_BITSTREAM_H
#define NMW_BITSTREAM_H

#include <stdint.h>

#define NMW_BITSTREAM_ABI    1u
#define NMW_BITSTREAM_SYMBOL "nmw_bitstream"

enum {
#include "nmw_params.vh"
};

/* byte offsets of registers */
enum nmw_hw_reg {
#include "nmw_regs.vh"
};

/* ring entries, little endian */
struct nmw_hw_cmd {
	uint8_t op, flags; /* NMW_HW_ENTER..; NMW_HW_IOC.. | NMW_HW_SELL */
	uint16_t sym;
	uint32_t px; /* ticks from the bottom of the window */
	uint32_t qty, owner, min_qty, tag;
	uint64_t handle;
};

struct nmw_hw_evt {
	uint8_t kind, reason, flags, zero; /* flags: 1 last, 2 sell, 128 phase */
	uint16_t sym, zero2;
	uint32_t px, qty, left, tag;
	uint64_t handle;
};

_Static_assert(sizeof(struct nmw_hw_cmd) == 32, "half a line");
_Static_assert(sizeof(struct nmw_hw_evt) == 32, "half a line");

struct nmw_device_sim; /* opaque */

struct nmw_bitstream {
	uint32_t abi;  /* NMW_BITSTREAM_ABI */
	uint32_t size; /* of this table, bytes */
	const char *name;
	/* NULL: no memory. Comes out of reset; STATUS says when the RAMs are clear. */
	struct nmw_device_sim *(*open)(void);
	void (*close)(struct nmw_device_sim *d);
	/* Lets the device reach [iova, iova + len) at ptr; all multiples of 64. 0, -EINVAL,
	 * -ENOSPC. */
	int (*map)(struct nmw_device_sim *d, uint64_t iova, void *ptr, uint64_t len);
	int (*unmap)(struct nmw_device_sim *d, uint64_t iova);
	uint64_t (*read)(struct nmw_device_sim *d, uint32_t offset);
	void (*write)(struct nmw_device_sim *d, uint32_t offset, uint64_t value);
	/* Lets n cycles pass. */
	void (*run)(struct nmw_device_sim *d, uint64_t n);
	uint64_t (*cycles)(struct nmw_device_sim *d);
	/* For tests: read latency in cycles (1 to 1023, 1 at first), percent of cycles in which the
	 * host takes no request (100: never again). */
	void (*strain)(struct nmw_device_sim *d, uint32_t latency, uint32_t stall);
};

extern const struct nmw_bitstream nmw_bitstream;

#endif
