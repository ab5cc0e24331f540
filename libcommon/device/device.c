#include "device/device.h"

#include "base/pages.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE (UINT64_C(2) << 20)
/* Bytes for a ring of the most entries, and its alignment. */
#define RING_SPACE   (UINT64_C(1) << 18)
#define RINGS	     (2 * RING_SPACE)
#define READY_CYCLES (1u << 22) /* for clearing the RAMs */
#define STEP_MIN     4u
#define STEP_MAX     64u
#define STEP_SLEEP   16384u	/* of a device that can be slept for */
#define NAPS	     1024u	/* waits between two questions whether it is still there */
#define ALL_ONES     UINT64_MAX /* what a read of nothing gives */
#define LOOK_CYCLES  4096u	/* without an event, between two looks at the status */
#define FULL_PATIENT 64u	/* keep_full: cycles without an event before one is handed back */

_Static_assert((32u << NMW_DEVICE_LOG2_MAX) <= RING_SPACE, "the largest ring fits");

static const struct nmw_device_ops *const back_ends[] = {&nmw_device_ops_sim, &nmw_device_ops_vfio};

#define BACK_ENDS (sizeof back_ends / sizeof back_ends[0])

/* ---- opening -------------------------------------------------------------------------------- */

/* "NAME" or "NAME:params" */
static const struct nmw_device_ops *back_end(const char *text, const char **params)
{
	size_t n = strcspn(text, ":");
	*params = text[n] ? text + n + 1 : NULL;
	for (size_t i = 0; i < BACK_ENDS; i++)
		if (strlen(back_ends[i]->name) == n && !memcmp(back_ends[i]->name, text, n))
			return back_ends[i];
	return NULL;
}

static void identify(struct nmw_device *d)
{
	struct nmw_device_info *i = &d->info;
	uint64_t id = nmw_device_read(d, NMW_HW_REG_ID);
	uint64_t sizes = nmw_device_read(d, NMW_HW_REG_SIZES);
	i->id = (uint32_t)id;
	i->version = (uint32_t)(id >> 32);
	i->build = nmw_device_read(d, NMW_HW_REG_BUILD);
	i->symbols_log2 = sizes & 0xff;
	i->ticks_log2 = sizes >> 8 & 0xff;
	i->slots_log2 = sizes >> 16 & 0xff;
	i->gen_bits = sizes >> 24 & 0xff;
	i->owner_bits = sizes >> 32 & 0xff;
	i->best = sizes >> 40 & 0xff;
	i->word_log2 = sizes >> 48 & 0xff;
	i->lines_log2 = (uint32_t)(sizes >> 56);
	i->ticks = (uint32_t)nmw_device_read(d, NMW_HW_REG_TICKS);
}

enum nmw_device_design nmw_device_design(const struct nmw_device *d)
{
	return d->info.id == NMW_HW_WIRE_ID ? NMW_DEVICE_WIRE : NMW_DEVICE_BOOK;
}

int nmw_device_check(const struct nmw_device *d, enum nmw_device_design want, struct nmw_err *e)
{
	const struct nmw_device_info *i = &d->info;
	bool wire = want == NMW_DEVICE_WIRE;
	uint32_t id = wire ? NMW_HW_WIRE_ID : NMW_HW_ID;
	if (i->id != id)
		return nmw_err_set(e, -ENODEV, NMW_EXIT_RESOURCE,
				   "device %s: identity 0x%08" PRIx32 " found, 0x%08" PRIx32
				   " expected: it is of another design: %s",
				   i->device, i->id, id,
				   d->ops && d->ops->other ? d->ops->other
				   : wire		   ? "load hw/build/nmw_wire.so"
							   : "load hw/build/nmw_book.so");
	if (i->version != NMW_HW_VERSION)
		return nmw_err_set(
			e, -ENODEV, NMW_EXIT_RESOURCE,
			"device %s: version %" PRIu32 " found, %d expected: build "
			"bitstream and tools from one state of the sources (make all hw)",
			i->device, i->version, NMW_HW_VERSION);
	const struct {
		const char *name;
		uint32_t found, expected;
	} p[] = {{"NMW_HW_SYMBOLS_LOG2", i->symbols_log2, NMW_HW_SYMBOLS_LOG2},
		 {"NMW_HW_TICKS_LOG2", i->ticks_log2, NMW_HW_TICKS_LOG2},
		 {"NMW_HW_TICKS", i->ticks, NMW_HW_TICKS},
		 {"NMW_HW_SLOTS_LOG2", i->slots_log2, NMW_HW_SLOTS_LOG2},
		 {"NMW_HW_GEN_BITS", i->gen_bits, NMW_HW_GEN_BITS},
		 {"NMW_HW_OWNER_BITS", i->owner_bits, NMW_HW_OWNER_BITS},
		 {"NMW_HW_BEST", i->best, NMW_HW_BEST},
		 {"NMW_HW_WORD_LOG2", i->word_log2, NMW_HW_WORD_LOG2},
		 {"NMW_HW_LINES_LOG2", i->lines_log2, NMW_HW_LINES_LOG2}};
	for (size_t k = 0; k < sizeof p / sizeof p[0]; k++)
		if (p[k].found != p[k].expected)
			return nmw_err_set(e, -ENODEV, NMW_EXIT_RESOURCE,
					   "device %s: parameter %s: %" PRIu32 " found, %" PRIu32
					   " expected: build bitstream and tools from one "
					   "hw/nmw_params.vh (make all hw)",
					   i->device, p[k].name, p[k].found, p[k].expected);
	return 0;
}

int nmw_device_peek(struct nmw_device *d, const struct nmw_device_spec *s, struct nmw_err *e)
{
	const char *text = s->device ? s->device : "sim", *params = NULL;
	memset(d, 0, sizeof *d);
	const struct nmw_device_ops *ops = s->ops ? s->ops : back_end(text, &params);
	if (!ops)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--device %s: no such device: sim, sim:KEY=N,... or "
				   "vfio:0000:03:00.0 (a PCI address): see nmw-fpga(1)",
				   text);
	snprintf(d->info.device, sizeof d->info.device, "%s", ops->name);
	int rc = ops->open(d, s, params, e);
	if (rc)
		return rc;
	d->ops = ops;
	identify(d);
	return 0;
}

static int give_huge(void *mem, uint64_t sz)
{
	return munmap(mem, (size_t)sz);
}

static int give_normal(void *mem, uint64_t sz)
{
	nmw_pages_give(mem, (size_t)sz);
	return 0;
}

/* Both rings lie in one huge page: one entry of a card's IOMMU, and never moved. */
static int take_memory(struct nmw_device *d, bool normal, struct nmw_err *e)
{
	struct nmw_device_info *i = &d->info;
	void *p = MAP_FAILED;
	if (!normal)
		p = mmap(NULL, HUGE_PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE |
				 (21 << MAP_HUGE_SHIFT),
			 -1, 0);
	i->huge = p != MAP_FAILED;
	d->mem_sz = i->huge ? HUGE_PAGE : RINGS;
	d->mem_give = i->huge ? give_huge : give_normal;
	d->mem = i->huge ? p : nmw_pages_take(RINGS);
	if (!d->mem)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE,
				   "device %s: no memory for rings of %" PRIu64 " KiB", i->device,
				   RINGS >> 10);
	if (i->huge)
		snprintf(i->memory, sizeof i->memory, "a huge page of 2 MiB");
	else
		snprintf(i->memory, sizeof i->memory, "normal pages%s",
			 normal ? ", as asked for"
				: ": no huge page of 2 MiB is free: sysctl vm.nr_hugepages=8");
	return 0;
}

static int check_spec(const struct nmw_device *d, const struct nmw_device_spec *s, uint32_t log2,
		      struct nmw_err *e)
{
	if (log2 < NMW_DEVICE_LOG2_MIN || log2 > NMW_DEVICE_LOG2_MAX)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "device %s: rings of 2^%" PRIu32 " entries: 2^%u to 2^%u are "
				   "possible",
				   d->info.device, log2, NMW_DEVICE_LOG2_MIN, NMW_DEVICE_LOG2_MAX);
	if (s->batch > 1u << log2)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "device %s: a doorbell for %" PRIu32
				   " commands: rings have %u entries: as many at most",
				   d->info.device, s->batch, 1u << log2);
	if (s->watchdog > UINT32_MAX)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "device %s: watchdog of %" PRIu64
				   " cycles: its register has 32 bits: %" PRIu32 " at most",
				   d->info.device, s->watchdog, UINT32_MAX);
	return 0;
}

static int map_rings(struct nmw_device *d, const struct nmw_device_spec *s, struct nmw_err *e)
{
	uint32_t log2 = s->ring_log2 ? s->ring_log2 : NMW_HW_RING_LOG2;
	int rc = check_spec(d, s, log2, e);
	if (!rc)
		rc = take_memory(d, s->normal_pages, e);
	if (rc)
		return rc;
	d->mask = (1u << log2) - 1;
	d->batch = s->batch ? s->batch : (d->mask + 1) / 4;
	d->watchdog = s->watchdog ? s->watchdog : NMW_HW_WATCHDOG;
	d->no_push = s->no_push;
	d->keep_full = d->keep_full || s->keep_full;
	d->tx = d->mem;
	d->rx = (const struct nmw_hw_evt *)(const void *)((uint8_t *)d->mem + RING_SPACE);
	d->info.ring = d->mask + 1;
	d->info.window = NMW_DEVICE_IOVA;
	d->info.window_sz = d->mem_sz;
	return d->ops->map(d, NMW_DEVICE_IOVA, d->mem, d->mem_sz, e);
}

static uint32_t log2_of(uint32_t n)
{
	return (uint32_t)__builtin_ctz(n);
}

static int wait_ready(struct nmw_device *d, struct nmw_err *e)
{
	for (uint64_t gone = 0; gone < READY_CYCLES; gone += 256) {
		uint64_t status = nmw_device_status(d);
		if (status == ALL_ONES)
			return nmw_device_fault(d, e);
		if (status & NMW_DEVICE_READY)
			return 0;
		d->ops->pass(d, 256);
	}
	return nmw_err_set(e, -ETIMEDOUT, NMW_EXIT_RESOURCE,
			   "device %s: not ready %u cycles after a reset: its status is 0x%" PRIx64,
			   d->info.device, READY_CYCLES, nmw_device_status(d));
}

static int reset_function(struct nmw_device *d, struct nmw_err *e)
{
	return d->ops->reset ? d->ops->reset(d, e) : 0;
}

int nmw_device_reset(struct nmw_device *d, struct nmw_err *e)
{
	int rc = reset_function(d, e);
	if (!rc) {
		nmw_device_write(d, NMW_HW_REG_CONTROL, 2);
		d->ops->pass(d, 16);
		rc = wait_ready(d, e);
	}
	d->tail = d->rung = d->done_tx = d->head = d->credit = d->seen = 0;
	d->flying = d->in_push = 0;
	d->step = STEP_MIN;
	d->waited = 0;
	d->look = LOOK_CYCLES;
	d->naps = NAPS;
	d->doorbells = d->pushed = 0;
	d->down = rc;
	if (rc || !d->mem)
		return rc;
	memset(d->mem, 0, RINGS);
	nmw_device_write(d, NMW_HW_REG_TX_BASE, NMW_DEVICE_IOVA);
	nmw_device_write(d, NMW_HW_REG_RX_BASE, NMW_DEVICE_IOVA + RING_SPACE);
	nmw_device_write(d, NMW_HW_REG_TX_LOG2, log2_of(d->mask + 1));
	nmw_device_write(d, NMW_HW_REG_RX_LOG2, log2_of(d->mask + 1));
	nmw_device_write(d, NMW_HW_REG_WATCHDOG, d->watchdog);
	nmw_device_write(d, NMW_HW_REG_CONTROL, 1);
	return 0;
}

int nmw_device_open(struct nmw_device *d, const struct nmw_device_spec *s, struct nmw_err *e)
{
	int rc = nmw_device_peek(d, s, e);
	if (!rc)
		rc = nmw_device_check(d, NMW_DEVICE_BOOK, e);
	if (!rc)
		rc = map_rings(d, s, e);
	if (!rc)
		rc = nmw_device_reset(d, e);
	if (rc)
		nmw_device_close(d);
	return rc;
}

void nmw_device_close(struct nmw_device *d)
{
	if (d->ops && d->mem)
		nmw_device_write(d, NMW_HW_REG_CONTROL, 0);
	if (d->ops)
		d->ops->close(d);
	if (d->mem)
		d->mem_give(d->mem, d->mem_sz);
	d->ops = NULL;
	d->mem = NULL;
}

void nmw_device_stat(struct nmw_device *d, struct nmw_device_stat *out)
{
	*out = (struct nmw_device_stat){.cycles = nmw_device_read(d, NMW_HW_REG_CYCLES),
					.commands = nmw_device_read(d, NMW_HW_REG_COMMANDS),
					.events = nmw_device_read(d, NMW_HW_REG_EVENTS),
					.fills = nmw_device_read(d, NMW_HW_REG_FILLS),
					.wait_event = nmw_device_read(d, NMW_HW_REG_WAIT_EVENT),
					.wait_level = nmw_device_read(d, NMW_HW_REG_WAIT_LEVEL),
					.wait_head = nmw_device_read(d, NMW_HW_REG_WAIT_HEAD),
					.wait_min = nmw_device_read(d, NMW_HW_REG_WAIT_MIN),
					.wait_slot = nmw_device_read(d, NMW_HW_REG_WAIT_SLOT),
					.free_slots = nmw_device_read(d, NMW_HW_REG_FREE),
					.lines_read = nmw_device_read(d, NMW_HW_REG_LINES_READ),
					.lines_written =
						nmw_device_read(d, NMW_HW_REG_LINES_WRITTEN),
					.latency_sum = nmw_device_read(d, NMW_HW_REG_LATENCY_SUM),
					.latency_max = nmw_device_read(d, NMW_HW_REG_LATENCY_MAX),
					.doorbells = d->doorbells,
					.pushed = d->pushed};
}

/* ---- commands ------------------------------------------------------------------------------- */

static void doorbell(struct nmw_device *d)
{
	__atomic_signal_fence(__ATOMIC_RELEASE); /* x86 keeps stores in order */
	nmw_device_write(d, NMW_HW_REG_TX_TAIL, d->tail);
	d->rung = d->tail;
	d->doorbells++;
}

/* The command's place in the ring is free again at once. */
static void push(struct nmw_device *d)
{
	uint64_t word[4];
	d->tail--;
	memcpy(word, &d->tx[d->tail & d->mask], sizeof word);
	for (uint32_t i = 0; i < 4; i++)
		nmw_device_write(d, NMW_HW_REG_PUSH + 8 * i, word[i]);
	d->in_push = 1;
	d->pushed++;
}

/* Pushed commands and those of the ring are two ways in, which nothing orders but the host: a
 * command is pushed when no other is on its way. */
void nmw_device_ring(struct nmw_device *d)
{
	if (d->tail == d->rung || d->down)
		return;
	if (d->flying == 1 && !d->no_push)
		push(d);
	else
		doorbell(d);
}

void nmw_device_submit(struct nmw_device *d, uint32_t n)
{
	assert(n <= nmw_device_room(d));
	d->tail += n;
	d->flying += n;
	if (d->tail - d->rung >= d->batch)
		nmw_device_ring(d);
}

/* ---- events --------------------------------------------------------------------------------- */

static void take_done(struct nmw_device *d)
{
	if (!d->flying)
		d->down = -EPROTO;
	else if (d->in_push)
		d->in_push = 0;
	else
		d->done_tx++;
	d->flying -= d->flying > 0;
}

uint32_t nmw_device_poll(struct nmw_device *d)
{
	uint32_t from = d->seen, size = d->mask + 1;
	for (; d->seen - d->head < size; d->seen++) {
		const struct nmw_hw_evt *at = &d->rx[d->seen & d->mask];
		uint64_t w = __atomic_load_n((const uint64_t *)(const void *)at, __ATOMIC_ACQUIRE);
		unsigned flags = w >> 16 & 0xff;
		if (!(flags & NMW_DEVICE_PHASE) == !(d->seen & size))
			break;
		if (flags & NMW_DEVICE_LAST)
			take_done(d);
	}
	if (d->seen != from) {
		d->step = STEP_MIN;
		d->waited = 0;
		d->look = LOOK_CYCLES;
	}
	return d->seen - d->head;
}

static void hand_back(struct nmw_device *d, uint32_t to)
{
	if (d->credit == to)
		return;
	nmw_device_write(d, NMW_HW_REG_RX_HEAD, to);
	d->credit = to;
}

void nmw_device_release(struct nmw_device *d, uint32_t n)
{
	assert(n <= d->seen - d->head);
	d->head += n;
	if (!d->keep_full && d->head - d->credit > d->mask / 4)
		hand_back(d, d->head);
}

/* ---- waiting -------------------------------------------------------------------------------- */

static const char *fault_text(uint64_t fault)
{
	switch (fault) {
	case NMW_HW_FAULT_READ:
		return "it read an address that is not mapped";
	case NMW_HW_FAULT_WRITE:
		return "it wrote to an address that is not mapped";
	case NMW_HW_FAULT_READ_LATE:
		return "watchdog: the host's bus did not take or answer its read";
	case NMW_HW_FAULT_WRITE_LATE:
		return "watchdog: the host's bus did not take its write";
	case NMW_HW_FAULT_TX_TAIL:
		return "a doorbell: it was told of commands beyond its ring";
	case NMW_HW_FAULT_RX_HEAD:
		return "a doorbell: it was told that events were taken that do not lie in its ring";
	case NMW_HW_FAULT_PUSH:
		return "a command was pushed while the one before it waited";
	default:
		return "fault of an unknown cause";
	}
}

/* ": " and where it was: of a doorbell what it said, beside what it could say; of a read or a write
 * its address. */
static void fault_place(struct nmw_device *d, uint64_t fault, char *to, size_t sz)
{
	if (fault == NMW_HW_FAULT_TX_TAIL)
		snprintf(to, sz, ": tail %" PRIu64 ", head %" PRIu64 ", a ring of %" PRIu32,
			 nmw_device_read(d, NMW_HW_REG_TX_TAIL),
			 nmw_device_read(d, NMW_HW_REG_TX_HEAD), d->info.ring);
	else if (fault == NMW_HW_FAULT_RX_HEAD)
		snprintf(to, sz, ": head %" PRIu64 ", tail %" PRIu64 ", a ring of %" PRIu32,
			 nmw_device_read(d, NMW_HW_REG_RX_HEAD),
			 nmw_device_read(d, NMW_HW_REG_RX_TAIL), d->info.ring);
	else if (fault >= NMW_HW_FAULT_READ && fault <= NMW_HW_FAULT_WRITE_LATE)
		snprintf(to, sz, ": address 0x%" PRIx64, nmw_device_read(d, NMW_HW_REG_FAULT_ADDR));
}

static int faulted(struct nmw_device *d, struct nmw_err *e)
{
	uint64_t fault = nmw_device_read(d, NMW_HW_REG_FAULT);
	char place[96] = "";
	fault_place(d, fault, place, sizeof place);
	return nmw_err_set(
		e, -EIO, NMW_EXIT_RESOURCE,
		"device %s: fault: %s%s, after %" PRIu64 " commands; the rings are at 0x%" PRIx64
		" to 0x%" PRIx64 ": it has stopped until it is reset",
		d->info.device, fault_text(fault), place, nmw_device_read(d, NMW_HW_REG_COMMANDS),
		d->info.window, d->info.window + d->info.window_sz - 1);
}

/* As was said before. */
static int stopped(const struct nmw_device *d, struct nmw_err *e)
{
	if (d->down == -EPROTO)
		return nmw_err_set(e, -EPROTO, NMW_EXIT_RESOURCE,
				   "device %s: its events do not end as many commands as it was "
				   "given: reset it",
				   d->info.device);
	return nmw_err_set(e, d->down, NMW_EXIT_RESOURCE, "device %s: has stopped: reset it",
			   d->info.device);
}

/* The back end knows most of a device that goes; one that is gone reads as all ones. */
static int check_there(struct nmw_device *d, uint64_t status, struct nmw_err *e)
{
	int rc = d->ops->lost ? d->ops->lost(d, e) : 0;
	if (!rc && status == ALL_ONES)
		rc = nmw_err_set(
			e, -ENODEV, NMW_EXIT_RESOURCE,
			"device %s: its registers read as all ones: it was removed, or has "
			"lost power or its link",
			d->info.device);
	return rc;
}

int nmw_device_fault(struct nmw_device *d, struct nmw_err *e)
{
	uint64_t status = nmw_device_status(d);
	const char *name = d->info.device;
	int rc = check_there(d, status, e);
	if (rc)
		return d->down = rc;
	if (status & NMW_DEVICE_FAULT)
		return d->down = faulted(d, e);
	if (!(status & NMW_DEVICE_ENABLED))
		return d->down =
			       nmw_err_set(e, -ECONNRESET, NMW_EXIT_RESOURCE,
					   "device %s: somebody else reset it in mid-run, %" PRIu32
					   " commands on their way: its books are gone",
					   name, d->flying);
	return d->down ? stopped(d, e) : 0;
}

static int look(struct nmw_device *d, struct nmw_err *e)
{
	d->look = d->waited + LOOK_CYCLES;
	int rc = nmw_device_fault(d, e);
	/* its own watchdog comes first, and says more */
	if (rc || d->waited < 2 * d->watchdog + LOOK_CYCLES)
		return rc;
	d->down = nmw_err_set(e, -ETIMEDOUT, NMW_EXIT_RESOURCE,
			      "device %s: no event in %" PRIu64 " cycles, %" PRIu32
			      " commands on their way, status 0x%" PRIx64 ", no fault: reset it",
			      d->info.device, d->waited, d->flying, nmw_device_status(d));
	return d->down;
}

static void nap(struct nmw_device *d)
{
	uint32_t most = d->ops->wait ? STEP_SLEEP : STEP_MAX, passed = d->step;
	if (d->ops->wait)
		passed = d->ops->wait(d, d->step);
	else
		d->ops->pass(d, d->step);
	d->waited += passed;
	d->step = d->step < most ? 2 * d->step : most;
}

/* A device that always has an answer is never looked at for want of one. */
static int look_now_and_then(struct nmw_device *d, struct nmw_err *e)
{
	if (--d->naps)
		return 0;
	d->naps = NAPS;
	if (d->ops->lost)
		d->down = d->ops->lost(d, e);
	return d->down;
}

int nmw_device_wait(struct nmw_device *d, struct nmw_err *e)
{
	if (!d->flying && !d->down)
		d->down = -EPROTO;
	if (d->down)
		return stopped(d, e);
	nmw_device_ring(d);
	if (!d->keep_full)
		hand_back(d, d->head);
	else if (d->waited >= FULL_PATIENT && d->credit != d->head)
		hand_back(d, d->credit + 1);
	nap(d);
	int rc = look_now_and_then(d, e);
	return rc || d->waited < d->look ? rc : look(d, e);
}
