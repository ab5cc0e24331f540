#include "device/regs.h"

#include "sim/nmw_wire_ports.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>

static const char *const block_names[] = {
	[NMW_HW_BLOCK_IDENT] = "ident",	      [NMW_HW_BLOCK_PARAMS] = "params",
	[NMW_HW_BLOCK_CONTROL] = "control",   [NMW_HW_BLOCK_RINGS] = "rings",
	[NMW_HW_BLOCK_COUNTERS] = "counters", [NMW_HW_BLOCK_PUSH] = "push",
	[NMW_HW_BLOCK_WIRE] = "wire",	      [NMW_HW_BLOCK_FRAMES] = "frames",
	[NMW_HW_BLOCK_STAGES] = "stages",     [NMW_HW_BLOCK_SYMBOLS] = "symbols",
};
#define BLOCK_NAMES (sizeof block_names / sizeof block_names[0])

/* Part of a register, from bit `shift` on. */
#define PART(block, reg, shift, width, name, unit, help)                               \
	{                                                                              \
		NMW_HW_BLOCK_##block, shift, width, NMW_HW_REG_##reg, name, unit, help \
	}
#define SIZE(shift, name, unit, help)	    PART(PARAMS, SIZES, shift, 8, name, unit, help)
#define WHOLE(block, reg, name, unit, help) PART(block, reg, 0, 64, name, unit, help)
#define COUNTER(reg, name, unit, help)	    WHOLE(COUNTERS, reg, name, unit, help)
#define WIRE_PART(block, reg, shift, width, name, unit, help)                            \
	{                                                                                \
		NMW_HW_BLOCK_##block, shift, width, NMW_WIRE_REG_##reg, name, unit, help \
	}
#define WIRE(block, reg, name, unit, help) WIRE_PART(block, reg, 0, 64, name, unit, help)

/* type of block, then as in struct nmw_device_reg */
static const struct {
	uint16_t type;
	uint8_t shift, width;
	uint32_t at;
	const char *name, *unit, *help;
} regs[] = {
	PART(IDENT, ID, 0, 32, "id", "", "which design"),
	PART(IDENT, ID, 32, 32, "version", "", "of registers and records"),
	WHOLE(IDENT, BUILD, "build", "", "which sources"),
	SIZE(0, "symbols_log2", "", "books"),
	SIZE(8, "ticks_log2", "bits", "of a price"),
	SIZE(16, "slots_log2", "", "resting orders"),
	SIZE(24, "gen_bits", "bits", "generation of a slot"),
	SIZE(32, "owner_bits", "bits", "owner of an order"),
	SIZE(40, "best", "levels", "at hand, a side"),
	SIZE(48, "word_log2", "", "ticks of a bitmap word"),
	SIZE(56, "lines_log2", "", "lines in flight"),
	PART(PARAMS, TICKS, 0, 32, "ticks", "ticks", "of a side"),
	PART(CONTROL, CONTROL, 0, 1, "enable", "", "rings run"),
	PART(CONTROL, STATUS, 0, 1, "ready", "", "RAMs are clear"),
	PART(CONTROL, STATUS, 1, 1, "enabled", "", "as enable"),
	PART(CONTROL, STATUS, 2, 1, "faulted", "", "stopped until reset"),
	PART(CONTROL, STATUS, 3, 1, "idle", "", "nothing is on its way"),
	PART(CONTROL, FAULT, 0, 8, "fault", "",
	     "1 read, 2 write of an unmapped address; 3 read, 4 write, 5 port too late; 6 tail, "
	     "7 head beyond the ring; 8 push; 9 core"),
	WHOLE(CONTROL, FAULT_ADDR, "fault_addr", "", "IOVA"),
	PART(CONTROL, WATCHDOG, 0, 32, "watchdog", "cycles", "until too late; 0: never"),
	WHOLE(RINGS, TX_BASE, "tx_base", "", "IOVA of commands"),
	PART(RINGS, TX_LOG2, 0, 4, "tx_log2", "", "entries"),
	PART(RINGS, TX_TAIL, 0, 32, "tx_tail", "commands", "doorbell"),
	PART(RINGS, TX_HEAD, 0, 32, "tx_head", "commands", "handed on"),
	WHOLE(RINGS, RX_BASE, "rx_base", "", "IOVA of events"),
	PART(RINGS, RX_LOG2, 0, 4, "rx_log2", "", "entries"),
	PART(RINGS, RX_TAIL, 0, 32, "rx_tail", "events", "written"),
	PART(RINGS, RX_HEAD, 0, 32, "rx_head", "events", "doorbell"),
	COUNTER(CYCLES, "cycles", "cycles", "since reset"),
	COUNTER(COMMANDS, "commands", "commands", "taken"),
	COUNTER(EVENTS, "events", "events", "made"),
	COUNTER(FILLS, "fills", "fills", "of them"),
	COUNTER(WAIT_EVENT, "wait_event", "cycles", "stood still: events not taken"),
	COUNTER(WAIT_LEVEL, "wait_level", "cycles", "stood still: next level not found yet"),
	COUNTER(WAIT_HEAD, "wait_head", "cycles", "stood still: its first order not read yet"),
	COUNTER(WAIT_MIN, "wait_min", "cycles", "stood still: counting for a minimum quantity"),
	COUNTER(WAIT_SLOT, "wait_slot", "cycles", "stood still: no free slot at hand"),
	COUNTER(FREE, "free", "slots", "without an order"),
	COUNTER(LINES_READ, "lines_read", "lines", "of 64 bytes"),
	COUNTER(LINES_WRITTEN, "lines_written", "lines", "of 64 bytes, or half of one"),
	COUNTER(LATENCY_SUM, "latency_sum", "cycles",
		"command taken to its last event, all of them"),
	COUNTER(LATENCY_MAX, "latency_max", "cycles", "the longest"),
	PART(PUSH, PUSH_BUSY, 0, 1, "push_busy", "", "window is in use"),
	WIRE(WIRE, UTC, "utc_offset", "ns", "for the time of day"),
	WIRE_PART(WIRE, FLAGS, 0, 1, "closed", "", "other symbols are rejected"),
	WIRE_PART(WIRE, FLAGS, 1, 2, "self_match", "", "0 trade, 1 the new one goes, 2 the old"),
	WIRE_PART(WIRE, MAC, 0, 48, "mac", "", "of what is sent"),
	WIRE_PART(WIRE, HOST, 0, 32, "host_ip", "", "whom orders are for; 0: all"),
	WIRE_PART(WIRE, HOST, 32, 16, "host_port", "", ""),
	WIRE_PART(WIRE, FEED_MAC, 0, 48, "feed_mac", "", "market data goes there"),
	WIRE_PART(WIRE, FEED, 0, 32, "feed_ip", "", ""),
	WIRE_PART(WIRE, FEED, 32, 16, "feed_port", "", ""),
	WIRE_PART(WIRE, FEED_SOURCE, 0, 32, "source_ip", "", "and comes from there"),
	WIRE_PART(WIRE, FEED_SOURCE, 32, 16, "source_port", "", ""),
	WIRE(WIRE, SESSION, "session", "", "of MoldUDP64, 8 characters"),
	WIRE_PART(WIRE, SESSION_END, 0, 16, "session_end", "", "and 2"),
	WIRE_PART(WIRE, HEARTBEAT, 0, 32, "heartbeat", "cycles", "of silence before one; 0: none"),
	WIRE(FRAMES, CYCLES, "cycles", "cycles", "since reset"),
	WIRE(FRAMES, FRAMES_IN, "frames_in", "frames", "taken"),
	WIRE(FRAMES, WORDS_IN, "words_in", "words", "of 64 bytes, taken"),
	WIRE(FRAMES, WAIT_IN, "wait_in", "cycles", "a word that came waited"),
	WIRE(FRAMES, FRAMES_OUT, "frames_out", "frames", "sent"),
	WIRE(FRAMES, WORDS_OUT, "words_out", "words", "of 64 bytes, sent"),
	WIRE(FRAMES, WAIT_OUT, "wait_out", "cycles", "a word to be sent was not taken"),
	WIRE(FRAMES, HOST_MESSAGES, "host_messages", "messages", "from the host"),
	WIRE(FRAMES, KIND + 0, "marks", "messages", "of no kind"),
	WIRE(FRAMES, KIND + 8, "enters", "messages", "to the core"),
	WIRE(FRAMES, KIND + 16, "replaces", "messages", ""),
	WIRE(FRAMES, KIND + 24, "cancels", "messages", ""),
	WIRE(FRAMES, KIND + 32, "modifies", "messages", ""),
	WIRE(FRAMES, KIND + 40, "unfit_seen", "messages", "for the host, found by the parser"),
	WIRE(FRAMES, KIND + 48, "day_ends", "messages", ""),
	WIRE(FRAMES, REPLIES, "replies", "messages", "to clients"),
	WIRE(FRAMES, FEED_OUT, "feed", "messages", "of market data"),
	WIRE(FRAMES, WAIT_MSG, "wait_msg", "cycles", "a message waited for the core"),
	WIRE(FRAMES, UNFIT, "unfit", "messages", "left to the host"),
#define STAGE(part, i, name, unit, help) WIRE(STAGES, part + 8 * (i), #name, unit, help),
#include "device/wire_stages.def"
#undef STAGE
#define SYMBOL(i)                                                                          \
	WIRE(SYMBOLS, SYMBOLS + 32 * (i), "name" #i, "", ""),                              \
		WIRE_PART(SYMBOLS, SYMBOLS + 32 * (i) + 16, 0, 32, "base" #i, "1/10,000",  \
			  "price of tick 0"),                                              \
		WIRE_PART(SYMBOLS, SYMBOLS + 32 * (i) + 16, 32, 32, "step" #i, "1/10,000", \
			  "of a tick"),
	SYMBOL(0) SYMBOL(1) SYMBOL(2) SYMBOL(3) SYMBOL(4) SYMBOL(5) SYMBOL(6) SYMBOL(7) SYMBOL(8)
		SYMBOL(9) SYMBOL(10) SYMBOL(11) SYMBOL(12) SYMBOL(13) SYMBOL(14) SYMBOL(15)
#undef SYMBOL
};

int nmw_device_blocks(struct nmw_device *d, struct nmw_device_block b[NMW_DEVICE_BLOCKS],
		      struct nmw_err *e)
{
	uint32_t at = 0;
	for (unsigned n = 0; n < NMW_DEVICE_BLOCKS; n++) {
		uint64_t w = nmw_device_read(d, at);
		uint32_t next = (uint32_t)(w >> 32);
		uint16_t type = w & 0xffff;
		bool last = next == 0;
		b[n] = (struct nmw_device_block){.at = at,
						 .type = type,
						 .version = w >> 16 & 0xffff,
						 .end = last ? NMW_DEVICE_REGS_SZ : next,
						 .name = type < BLOCK_NAMES ? block_names[type]
									    : NULL};
		if (last)
			return (int)n + 1;
		if (next <= at || next % 8 || next >= NMW_DEVICE_REGS_SZ)
			return nmw_err_set(
				e, -EPROTO, NMW_EXIT_RESOURCE,
				"device %s: block of registers at 0x%03" PRIx32
				": next at 0x%" PRIx32
				" found, a higher multiple of 8 below 0x%x or 0 expected",
				d->info.device, at, next, NMW_DEVICE_REGS_SZ);
		at = next;
	}
	return nmw_err_set(e, -EPROTO, NMW_EXIT_RESOURCE,
			   "device %s: its list of registers does not end after %u blocks",
			   d->info.device, NMW_DEVICE_BLOCKS);
}

/* Offsets are those of one build: a block that lies elsewhere takes its registers along. */
static uint32_t base_of(uint16_t type)
{
	static const uint32_t base[] = {
		[NMW_HW_BLOCK_IDENT] = NMW_HW_AT_IDENT,
		[NMW_HW_BLOCK_PARAMS] = NMW_HW_AT_PARAMS,
		[NMW_HW_BLOCK_CONTROL] = NMW_HW_AT_CONTROL,
		[NMW_HW_BLOCK_RINGS] = NMW_HW_AT_RINGS,
		[NMW_HW_BLOCK_COUNTERS] = NMW_HW_AT_COUNTERS,
		[NMW_HW_BLOCK_PUSH] = NMW_HW_AT_PUSH,
		[NMW_HW_BLOCK_WIRE] = NMW_WIRE_AT_WIRE,
		[NMW_HW_BLOCK_FRAMES] = NMW_WIRE_AT_FRAMES,
		[NMW_HW_BLOCK_STAGES] = NMW_WIRE_AT_STAGES,
		[NMW_HW_BLOCK_SYMBOLS] = NMW_WIRE_AT_SYMBOLS,
	};
	return base[type];
}

bool nmw_device_reg(struct nmw_device *d, const struct nmw_device_block *b, unsigned i,
		    struct nmw_device_reg *out)
{
	for (size_t k = 0; k < sizeof regs / sizeof regs[0]; k++) {
		if (regs[k].type != b->type || i--)
			continue;
		uint32_t at = b->at + regs[k].at - base_of(b->type);
		if (at >= b->end)
			return false;
		uint64_t v = nmw_device_read(d, at) >> regs[k].shift;
		if (regs[k].width < 64)
			v &= (UINT64_C(1) << regs[k].width) - 1;
		*out = (struct nmw_device_reg){.at = at,
					       .shift = regs[k].shift,
					       .width = regs[k].width,
					       .name = regs[k].name,
					       .unit = regs[k].unit,
					       .help = regs[k].help,
					       .value = v};
		return true;
	}
	return false;
}
