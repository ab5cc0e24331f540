/* device.h: the matching device: registers, rings of commands and events in memory that it reaches
 * by itself, and a push window.
 *
 *      TX ring  cmd cmd cmd .. --doorbell: tail-->  device reads lines of 64 bytes, by IOVA
 *      RX ring  evt evt ..    <--phase bit--------  device writes them; doorbell: head
 *      registers, push window <------------------>  device
 *
 * A back end (struct nmw_device_ops) brings registers, mapping and the passing of time; the rings
 * are the same for all.  device_sim.c is the simulated device: the design itself in a shared object
 * (hw/sim/nmw_bitstream.h); its time passes in nmw_device_wait and in register accesses only, so
 * that a run is deterministic.  device_vfio.c is a card: its registers in a BAR, at the same
 * offsets, memory mapped by the IOMMU; its time passes by itself, and may be slept away.  The
 * records of the rings are nmw_hw_cmd and nmw_hw_evt there, sizes and codes those of
 * hw/nmw_params.vh.
 *
 *      struct nmw_device d;
 *      nmw_device_open(&d, &spec, &err)
 *      loop:
 *              n = nmw_device_room(&d); fill *nmw_device_cmd(&d, 0..n-1); nmw_device_submit(&d, n);
 *              while (!(n = nmw_device_poll(&d)) && nmw_device_waiting(&d))
 *                      if (nmw_device_wait(&d, &err)) give up
 *              read *nmw_device_evt(&d, 0..n-1); nmw_device_release(&d, n);
 *      nmw_device_close(&d)
 *
 * Every command ends with exactly one event that has NMW_DEVICE_LAST; commands take effect, and
 * their events come, in the order of submission.
 *
 * One thread a device.  submit, poll, release and evt: loads and stores, a register write where a
 * doorbell is due.  Errors: negative errno, with the message and exit status 5 (NMW_EXIT_RESOURCE)
 * in e; after one the device does nothing until nmw_device_reset.
 */
#ifndef NMW_DEVICE_DEVICE_H
#define NMW_DEVICE_DEVICE_H

#include "base/err.h"
#include "device/pci.h"
#include "sim/nmw_bitstream.h"

#include <stdbool.h>
#include <stdint.h>

#define NMW_DEVICE_LAST	     1u /* nmw_hw_evt.flags: the command's last event */
#define NMW_DEVICE_SELL	     2u
#define NMW_DEVICE_PHASE     128u
#define NMW_DEVICE_LOG2_MIN  3u
#define NMW_DEVICE_LOG2_MAX  12u
#define NMW_DEVICE_REGS_SZ   4096u		 /* bytes of register space */
#define NMW_DEVICE_IOVA	     (UINT64_C(1) << 32) /* where the rings' window begins */
#define NMW_DEVICE_IOVA_FREE (UINT64_C(1) << 33) /* from here on: windows of the caller's */

struct nmw_device_ops;

/* Which design: the one that a host drives, or the one between two ports of frames (wire.h). */
enum nmw_device_design { NMW_DEVICE_BOOK, NMW_DEVICE_WIRE };

struct nmw_bitfile;

struct nmw_device_spec {
	enum nmw_device_design design;	  /* whose bitstream, when none is named */
	const struct nmw_device_ops *ops; /* a back end of the caller's; NULL: by name */
	const char *device;    /* "sim", "sim:latency=200,stall=30,...", "vfio:0000:03:00.0" (see
				* nmw-fpga(1)); NULL: sim */
	const char *bitstream; /* file of the simulated device; NULL: the one that was loaded */
	const struct nmw_bitfile *opened; /* one that is open already (bitstream.h); NULL: none */
	uint32_t ring_log2; /* entries of each ring, log2, 3..12; 0 = NMW_HW_RING_LOG2 */
	uint32_t batch;	    /* commands that wait for one doorbell at most, up to a ring's; 0 = its
			     * quarter; 1: none waits */
	uint64_t watchdog;  /* cycles without progress that are a fault, 32 bits; 0 =
			     * NMW_HW_WATCHDOG */
	bool no_push;	    /* a command that is alone goes through the ring too */
	bool keep_full;	   /* for tests: events are handed back one by one, when the device waits */
	bool normal_pages; /* do not ask for huge pages */
};

/* A card, as the kernel knows it. */
struct nmw_device_card {
	struct nmw_pci pci;	  /* its bdf is "" where there is no card */
	bool opened;		  /* what follows is known */
	bool resets;		  /* by a reset of the function alone */
	uint32_t bar;		  /* that has the registers */
	uint32_t msix, msi, intx; /* interrupts that it has, by kind */
	uint64_t iova_last;	  /* the highest address that its IOMMU maps; 0: not known */
	char slow[160];		  /* what makes it slower than it could be, and the remedy; "" */
};

/* What the registers say, and what was taken. */
struct nmw_device_info {
	char device[32];     /* "sim", "vfio:0000:03:00.0" */
	char name[64];	     /* of the back end's design */
	char bitstream[256]; /* its file, cut if longer; "" where there is none */
	uint32_t id, version;
	uint64_t build;
	uint32_t symbols_log2, ticks_log2, slots_log2, word_log2, lines_log2;
	uint32_t ticks, best, gen_bits, owner_bits;
	uint32_t ring;		    /* entries */
	uint64_t window, window_sz; /* IOVA, bytes */
	bool huge;
	char memory[160]; /* what the rings lie in, and why not in huge pages */
	struct nmw_device_card card;
};

/* Counters since the last reset. Waits: cycles in which the core stood still, by cause. */
struct nmw_device_stat {
	uint64_t cycles, commands, events, fills;
	uint64_t wait_event; /* events not taken: RX ring full, bus held */
	uint64_t wait_level; /* next level not found yet */
	uint64_t wait_head;  /* its first order not read yet */
	uint64_t wait_min;   /* counting for a minimum quantity */
	uint64_t wait_slot;  /* no free slot at hand yet */
	uint64_t free_slots; /* slots without an order */
	uint64_t lines_read, lines_written;
	uint64_t latency_sum, latency_max; /* cycles, command taken to its last event */
	/* the host's */
	uint64_t doorbells, pushed;
};

enum nmw_device_status {
	NMW_DEVICE_READY = 1,
	NMW_DEVICE_ENABLED = 2,
	NMW_DEVICE_FAULT = 4,
	NMW_DEVICE_IDLE = 8,
};

struct nmw_device;

/* A back end. */
struct nmw_device_ops {
	const char *name;  /* "sim" */
	const char *other; /* what to do about a device of another design; NULL: load one */
	/* params: what stands behind "NAME:" in spec->device, or NULL. Sets d->back, and of d->info
	 * name, bitstream and card, card also when it fails. Checks what can be checked before a
	 * register is read. */
	int (*open)(struct nmw_device *d, const struct nmw_device_spec *s, const char *params,
		    struct nmw_err *e);
	void (*close)(struct nmw_device *d);
	/* reg: byte offset, a multiple of 8, below NMW_DEVICE_REGS_SZ */
	uint64_t (*read)(struct nmw_device *d, uint32_t reg);
	void (*write)(struct nmw_device *d, uint32_t reg, uint64_t value);
	/* Lets the device reach [iova, iova + len) at `at`; multiples of 64 (a card: of a page). */
	int (*map)(struct nmw_device *d, uint64_t iova, void *at, uint64_t len, struct nmw_err *e);
	int (*unmap)(struct nmw_device *d, uint64_t iova, struct nmw_err *e);
	/* Lets about so many cycles pass. */
	void (*pass)(struct nmw_device *d, uint32_t cycles);

	/* Of a device whose time passes by itself; NULL of another. */

	/* Sleeps until the device interrupts, so many cycles at most. Returns those that passed. */
	uint32_t (*wait)(struct nmw_device *d, uint32_t cycles);
	/* Resets the function behind the registers, and turns on what the rings need. */
	int (*reset)(struct nmw_device *d, struct nmw_err *e);
	/* 0; -ENODEV, -EIO: it is leaving, or has left: why. */
	int (*lost)(struct nmw_device *d, struct nmw_err *e);
};

extern const struct nmw_device_ops nmw_device_ops_sim, nmw_device_ops_vfio;

struct nmw_device {
	const struct nmw_device_ops *ops;
	void *back; /* the back end's */
	struct nmw_device_info info;
	/* rings; indices run free */
	struct nmw_hw_cmd *tx;
	const struct nmw_hw_evt *rx;
	uint32_t mask;	  /* entries - 1 */
	uint32_t tail;	  /* commands put into the TX ring */
	uint32_t rung;	  /* of those, the device knows */
	uint32_t done_tx; /* of those, done: their entries are free */
	uint32_t head;	  /* events handed back by the caller */
	uint32_t credit;  /* of those, the device knows */
	uint32_t seen;	  /* events found in the RX ring */
	uint32_t flying;  /* commands submitted and not done, pushed ones too */
	uint32_t in_push; /* of those, pushed */
	uint32_t batch;
	uint32_t step;	   /* cycles of the next wait */
	uint64_t waited;   /* cycles without an event */
	uint64_t look;	   /* waited when the status is looked at next */
	uint32_t naps;	   /* waits until `lost` is asked next */
	uint64_t watchdog; /* cycles */
	uint64_t doorbells, pushed;
	bool no_push, keep_full;
	int down; /* negative errno of what stopped it */
	void *mem;
	uint64_t mem_sz;
	int (*mem_give)(void *mem, uint64_t sz);
};

/* Opens the device, checks identity, version and parameters against nmw_params.vh, resets it, maps
 * the rings, enables it. The books are empty. */
int nmw_device_open(struct nmw_device *d, const struct nmw_device_spec *s, struct nmw_err *e);
/* Opens it for its registers only: identity is read, not checked; no rings, no reset. */
int nmw_device_peek(struct nmw_device *d, const struct nmw_device_spec *s, struct nmw_err *e);
/* Does the device's identity agree with nmw_params.vh, as one of that design? */
int nmw_device_check(const struct nmw_device *d, enum nmw_device_design want, struct nmw_err *e);
/* The design that it says it is; BOOK when that is not known here. */
enum nmw_device_design nmw_device_design(const struct nmw_device *d);
void nmw_device_close(struct nmw_device *d);
/* As after open: books empty, rings empty, counters zero. What was in flight is lost. */
int nmw_device_reset(struct nmw_device *d, struct nmw_err *e);
void nmw_device_stat(struct nmw_device *d, struct nmw_device_stat *out);

static inline uint64_t nmw_device_read(struct nmw_device *d, uint32_t reg)
{
	return d->ops->read(d, reg);
}
static inline void nmw_device_write(struct nmw_device *d, uint32_t reg, uint64_t value)
{
	d->ops->write(d, reg, value);
}
/* The device's state: bits of enum nmw_device_status. */
static inline uint64_t nmw_device_status(struct nmw_device *d)
{
	return d->ops->read(d, NMW_HW_REG_STATUS);
}

/* ---- commands ---- */

/* Commands that can be submitted now, 0 to the ring's entries. */
static inline uint32_t nmw_device_room(const struct nmw_device *d)
{
	return d->mask + 1 - (d->tail - d->done_tx);
}
/* Where command i from now goes, i < room; all its bytes are to be set. */
static inline struct nmw_hw_cmd *nmw_device_cmd(const struct nmw_device *d, uint32_t i)
{
	return &d->tx[(d->tail + i) & d->mask];
}
/* Hands over the first n <= room. They are told to the device when `batch` wait, or in
 * nmw_device_ring. */
void nmw_device_submit(struct nmw_device *d, uint32_t n);
/* What waits is told to the device: a command that is alone by the push window (fewest cycles). */
void nmw_device_ring(struct nmw_device *d);
/* Commands that were submitted and are not done. */
static inline uint32_t nmw_device_waiting(const struct nmw_device *d)
{
	return d->flying;
}

/* ---- events ---- */

/* Events that lie in the ring, from the first that was not handed back on. */
uint32_t nmw_device_poll(struct nmw_device *d);
static inline const struct nmw_hw_evt *nmw_device_evt(const struct nmw_device *d, uint32_t i)
{
	return &d->rx[(d->head + i) & d->mask];
}
/* Hands back the first n, n <= what poll said; they are not to be read afterwards. */
void nmw_device_release(struct nmw_device *d, uint32_t n);
/* Nothing was there: rings what waits and lets a moment pass. 0: poll again. -EIO: a fault of the
 * device (unmapped address, bus stuck); -ECONNRESET: it was reset behind our back; -ETIMEDOUT: it
 * neither answers nor says why; -EPROTO: no command is on its way (so that a caller who wants
 * another event does not wait for ever); -ENODEV: it has gone from the bus. */
int nmw_device_wait(struct nmw_device *d, struct nmw_err *e);
/* The next wait lets one cycle pass only, for who measures in cycles. */
static inline void nmw_device_wait_one(struct nmw_device *d)
{
	d->step = 1;
}
/* Asks the device whether it has stopped by a fault or a reset, or has gone: 0, -EIO, -ECONNRESET,
 * -ENODEV; or what stopped it before, as nmw_device_wait says it. */
int nmw_device_fault(struct nmw_device *d, struct nmw_err *e);

/* ---- host memory that the device reaches, beside the rings ---- */

/* iova from NMW_DEVICE_IOVA_FREE on; at and len multiples of 4096. */
static inline int nmw_device_map(struct nmw_device *d, uint64_t iova, void *at, uint64_t len,
				 struct nmw_err *e)
{
	return d->ops->map(d, iova, at, len, e);
}
static inline int nmw_device_unmap(struct nmw_device *d, uint64_t iova, struct nmw_err *e)
{
	return d->ops->unmap(d, iova, e);
}

/* ---- which bitstream a simulated device has ---- */

/* Remembers file, after it was checked, for devices of its design opened without one: its path and
 * a hash of its bytes, in a small file beside the counters (NMW_DIR, else /dev/shm/nmw). */
int nmw_device_load(const char *file, struct nmw_device_info *info, struct nmw_err *e);

/* ---- the ports of a simulated device of frames (wire.h) ---- */

struct nmw_wire_ports;
struct nmw_device_sim;
/* NULL: it is none. *dev: what their functions are given. */
const struct nmw_wire_ports *nmw_device_sim_ports(const struct nmw_device *d,
						  struct nmw_device_sim **dev);

#endif
