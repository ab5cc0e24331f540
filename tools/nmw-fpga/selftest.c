/* selftest: does the device what it should? Registers, rings and push window, faults, reset, then
 * random commands beside the software book (flow.h). The first thing that is wrong ends it. */
#include "flow.h"

#include "base/json.h"
#include "device/regs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LAPS	8u /* of the rings */
#define UNKNOWN (UINT64_C(1) << 40)

struct report {
	unsigned blocks, registers;
	uint64_t ring_commands, push_cycles;
	unsigned faults;
	struct flow_result flow;
};

static int wrong(const struct nmw_device *d, struct nmw_err *e, const char *what, uint64_t found,
		 uint64_t expected)
{
	return nmw_err_set(e, -EIO, NMW_EXIT_RESOURCE,
			   "selftest: device %s: %s: 0x%" PRIx64 " found, 0x%" PRIx64 " expected",
			   d->info.device, what, found, expected);
}

/* ---- registers ------------------------------------------------------------------------------ */

static int check_list(struct nmw_device *d, struct report *r, struct nmw_err *e)
{
	struct nmw_device_block b[NMW_DEVICE_BLOCKS];
	struct nmw_device_reg reg;
	uint32_t known = 0;
	int n = nmw_device_blocks(d, b, e);
	if (n < 0)
		return n;
	for (int i = 0; i < n; i++) {
		if (b[i].type < 32)
			known |= 1u << b[i].type;
		for (unsigned k = 0; nmw_device_reg(d, &b[i], k, &reg); k++)
			r->registers++;
	}
	r->blocks = (unsigned)n;
	uint32_t want = (2u << NMW_HW_BLOCK_PUSH) - (1u << NMW_HW_BLOCK_IDENT);
	return (known & want) == want
		       ? 0
		       : wrong(d, e, "types of register blocks, as bits", known, want);
}

/* Each keeps what is written to it, and only that; what cannot be written does not change. */
static int check_writes(struct nmw_device *d, struct nmw_err *e)
{
	static const struct {
		const char *name;
		uint32_t reg;
		uint64_t mask; /* bits that can be written */
	} r[] = {{"tx_base", NMW_HW_REG_TX_BASE, ~UINT64_C(63)},
		 {"rx_base", NMW_HW_REG_RX_BASE, ~UINT64_C(63)},
		 {"tx_log2", NMW_HW_REG_TX_LOG2, 15},
		 {"rx_log2", NMW_HW_REG_RX_LOG2, 15},
		 {"watchdog", NMW_HW_REG_WATCHDOG, UINT32_MAX},
		 {"id", NMW_HW_REG_ID, 0},
		 {"ticks", NMW_HW_REG_TICKS, 0},
		 {"free", NMW_HW_REG_FREE, 0}};
	static const uint64_t pattern[] = {UINT64_C(0x5555555555555555),
					   UINT64_C(0xaaaaaaaaaaaaaaaa), UINT64_MAX, 0};
	nmw_device_write(d, NMW_HW_REG_CONTROL, 0);
	for (size_t i = 0; i < sizeof r / sizeof r[0]; i++) {
		uint64_t was = nmw_device_read(d, r[i].reg);
		for (size_t k = 0; k < sizeof pattern / sizeof pattern[0]; k++) {
			uint64_t want = (pattern[k] & r[i].mask) | (was & ~r[i].mask);
			nmw_device_write(d, r[i].reg, pattern[k]);
			uint64_t is = nmw_device_read(d, r[i].reg);
			if (is != want)
				return wrong(d, e, r[i].name, is, want);
		}
		nmw_device_write(d, r[i].reg, was);
	}
	return nmw_device_reset(d, e); /* what was written may have been a fault */
}

/* ---- rings ---------------------------------------------------------------------------------- */

static void unknown_cancel(struct nmw_hw_cmd *c, uint32_t tag)
{
	*c = (struct nmw_hw_cmd){.op = NMW_HW_CANCEL, .handle = UNKNOWN, .tag = tag};
}

static int check_event(const struct nmw_device *d, const struct nmw_hw_evt *v, uint32_t tag,
		       struct nmw_err *e)
{
	if (v->tag != tag)
		return wrong(d, e, "tag of an event", v->tag, tag);
	if (v->kind != NMW_HW_REJECTED || v->reason != NMW_HW_UNKNOWN)
		return wrong(d, e, "kind and reason of the answer to a cancel of no order",
			     v->kind * 256u + v->reason, NMW_HW_REJECTED * 256 + NMW_HW_UNKNOWN);
	return v->flags & NMW_DEVICE_LAST
		       ? 0
		       : wrong(d, e, "flags of a last event", v->flags, v->flags | NMW_DEVICE_LAST);
}

/* Rings full, several times round; or one command at a time. */
static int check_rings(struct nmw_device *d, uint32_t n, uint32_t at_once, struct nmw_err *e)
{
	for (uint32_t sent = 0, done = 0; done < n;) {
		uint32_t room = nmw_device_room(d), left = n - sent;
		room = room < at_once - (sent - done) ? room : at_once - (sent - done);
		room = room < left ? room : left;
		for (uint32_t i = 0; i < room; i++)
			unknown_cancel(nmw_device_cmd(d, i), sent + i);
		nmw_device_submit(d, room);
		sent += room;
		uint32_t got;
		while (!(got = nmw_device_poll(d)))
			if (nmw_device_wait(d, e))
				return e->err;
		for (uint32_t i = 0; i < got; i++, done++)
			if (check_event(d, nmw_device_evt(d, i), done, e))
				return e->err;
		nmw_device_release(d, got);
	}
	return nmw_device_waiting(d) ? wrong(d, e, "commands left", nmw_device_waiting(d), 0) : 0;
}

/* Cycles from the write that sends a pushed command to its event in memory. */
static int check_push(struct nmw_device *d, uint64_t *cycles, struct nmw_err *e)
{
	int rc = check_rings(d, 64, 1, e);
	if (rc)
		return rc;
	unknown_cancel(nmw_device_cmd(d, 0), 7);
	nmw_device_submit(d, 1);
	nmw_device_ring(d);
	uint64_t from = nmw_device_read(d, NMW_HW_REG_CYCLES);
	while (!nmw_device_poll(d)) {
		nmw_device_wait_one(d);
		if (nmw_device_wait(d, e))
			return e->err;
	}
	*cycles = nmw_device_read(d, NMW_HW_REG_CYCLES) - from;
	rc = check_event(d, nmw_device_evt(d, 0), 7, e);
	nmw_device_release(d, 1);
	return rc;
}

/* ---- faults --------------------------------------------------------------------------------- */

/* One command with a ring elsewhere has to be a fault of that cause; a reset mends it. */
static int check_fault(struct nmw_device *d, uint32_t reg, uint64_t cause, struct nmw_err *e)
{
	const uint64_t nowhere = UINT64_C(0x300000000000);
	struct nmw_err why = NMW_ERR_INIT;
	nmw_device_write(d, reg, nowhere);
	unknown_cancel(nmw_device_cmd(d, 0), 1);
	unknown_cancel(nmw_device_cmd(d, 1), 2);
	nmw_device_submit(d, 2);
	while (!nmw_device_poll(d) && !nmw_device_wait(d, &why))
		;
	uint64_t is = nmw_device_read(d, NMW_HW_REG_FAULT);
	uint64_t at = nmw_device_read(d, NMW_HW_REG_FAULT_ADDR);
	if (is != cause)
		return wrong(d, e, "cause of a fault at an address that is not mapped", is, cause);
	if (at != nowhere)
		return wrong(d, e, "address of a fault", at, nowhere);
	return nmw_device_reset(d, e);
}

/* What was on its way is gone, and so are the orders. */
static int check_reset(struct nmw_device *d, struct nmw_err *e)
{
	uint64_t all = UINT64_C(1) << NMW_HW_SLOTS_LOG2;
	uint32_t n = nmw_device_room(d);
	for (uint32_t i = 0; i < n; i++)
		*nmw_device_cmd(d, i) =
			(struct nmw_hw_cmd){.op = NMW_HW_ENTER, .px = i, .qty = 1, .tag = i};
	nmw_device_submit(d, n);
	nmw_device_ring(d);
	if (nmw_device_wait(d, e) || nmw_device_reset(d, e))
		return e->err;
	uint64_t slots = nmw_device_read(d, NMW_HW_REG_FREE);
	if (slots != all)
		return wrong(d, e, "free slots after a reset", slots, all);
	uint64_t commands = nmw_device_read(d, NMW_HW_REG_COMMANDS);
	if (commands)
		return wrong(d, e, "commands counted after a reset", commands, 0);
	return check_rings(d, nmw_device_room(d), nmw_device_room(d), e);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static int test(struct nmw_device *d, const struct command_args *a, struct report *r,
		struct nmw_err *e)
{
	uint32_t room = nmw_device_room(d);
	int rc = check_list(d, r, e);
	if (!rc)
		rc = check_writes(d, e);
	r->ring_commands = (uint64_t)room * LAPS;
	if (!rc)
		rc = check_rings(d, room * LAPS, room, e);
	if (!rc)
		rc = check_push(d, &r->push_cycles, e);
	if (!rc)
		rc = check_fault(d, NMW_HW_REG_TX_BASE, NMW_HW_FAULT_READ, e);
	if (!rc)
		rc = check_fault(d, NMW_HW_REG_RX_BASE, NMW_HW_FAULT_WRITE, e);
	r->faults = 2;
	if (!rc)
		rc = check_reset(d, e);
	return rc ? rc : flow_run(d, a->commands, a->seed, &r->flow, e);
}

static void say(const struct nmw_device *d, const struct command_args *a, const struct report *r)
{
	const struct nmw_device_stat *s = &r->flow.stat;
	printf("registers   %u blocks, %u registers: as they should be\n", r->blocks, r->registers);
	printf("rings       %" PRIu64 " commands through rings of %" PRIu32 ", in %s\n",
	       r->ring_commands, d->info.ring, d->info.memory);
	printf("%-11s %" PRIu64 " cycles from a command to its event in memory\n",
	       d->no_push ? "ring" : "push", r->push_cycles);
	printf("faults      %u of %u reported: read and write of an unmapped address\n", r->faults,
	       r->faults);
	printf("reset       in mid-run: books and rings empty\n");
	printf("book        %" PRIu64 " commands, %" PRIu64 " events, %" PRIu64
	       " fills equal to the software book's, seed %" PRIu64 "\n",
	       r->flow.commands, r->flow.events, r->flow.fills, a->seed);
	printf("cycles      %.3f a command; latency %.1f on average, %" PRIu64 " at most\n",
	       (double)s->cycles / (double)s->commands,
	       (double)s->latency_sum / (double)s->commands, s->latency_max);
}

static void say_json(const struct nmw_device *d, const struct command_args *a,
		     const struct report *r)
{
	struct nmw_json *o = nmw_json_object();
	nmw_json_set(o, "device", nmw_json_str(d->info.device));
	nmw_json_set(o, "blocks", nmw_json_num(r->blocks));
	nmw_json_set(o, "registers", nmw_json_num(r->registers));
	nmw_json_set(o, "ring", nmw_json_num(d->info.ring));
	nmw_json_set(o, "memory", nmw_json_str(d->info.memory));
	nmw_json_set(o, "ring_commands", nmw_json_num(r->ring_commands));
	nmw_json_set(o, "lone_cycles", nmw_json_num(r->push_cycles));
	nmw_json_set(o, "faults", nmw_json_num(r->faults));
	nmw_json_set(o, "seed", nmw_json_id(a->seed));
	nmw_json_set(o, "commands", nmw_json_num(r->flow.commands));
	nmw_json_set(o, "events", nmw_json_num(r->flow.events));
	nmw_json_set(o, "fills", nmw_json_num(r->flow.fills));
	nmw_json_set(o, "cycles", nmw_json_num(r->flow.stat.cycles));
	nmw_json_set(o, "latency_sum", nmw_json_num(r->flow.stat.latency_sum));
	nmw_json_set(o, "latency_max", nmw_json_num(r->flow.stat.latency_max));
	nmw_json_print(o, stdout, 2);
}

int command_selftest(const struct command_args *a, struct nmw_err *e)
{
	struct report r = {0};
	struct nmw_device d;
	int rc = nmw_device_open(&d, &a->spec, e);
	if (rc)
		return rc;
	rc = test(&d, a, &r, e);
	if (!rc && a->json)
		say_json(&d, a, &r);
	else if (!rc)
		say(&d, a, &r);
	nmw_device_close(&d);
	return rc;
}
