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

/* type of block, then as in struct nmw_device_reg */
static const struct {
	uint16_t type;
	uint8_t shift, width;
	uint32_t at;
	const char *name, *unit, *help;
} regs[] = {
	{NMW_HW_BLOCK_IDENT, 0, 32, NMW_HW_REG_ID, "id", "", "which design"},
	{NMW_HW_BLOCK_IDENT, 32, 32, NMW_HW_REG_ID, "version", "", "of registers and records"},
	{NMW_HW_BLOCK_IDENT, 0, 64, NMW_HW_REG_BUILD, "build", "", "which sources"},
	{NMW_HW_BLOCK_PARAMS, 0, 8, NMW_HW_REG_SIZES, "symbols_log2", "", "books"},
	{NMW_HW_BLOCK_PARAMS, 8, 8, NMW_HW_REG_SIZES, "ticks_log2", "bits", "of a price"},
	{NMW_HW_BLOCK_PARAMS, 16, 8, NMW_HW_REG_SIZES, "slots_log2", "", "resting orders"},
	{NMW_HW_BLOCK_PARAMS, 24, 8, NMW_HW_REG_SIZES, "gen_bits", "bits", "generation of a slot"},
	{NMW_HW_BLOCK_PARAMS, 32, 8, NMW_HW_REG_SIZES, "owner_bits", "bits", "owner of an order"},
	{NMW_HW_BLOCK_PARAMS, 40, 8, NMW_HW_REG_SIZES, "best", "levels", "at hand, a side"},
	{NMW_HW_BLOCK_PARAMS, 48, 8, NMW_HW_REG_SIZES, "word_log2", "", "ticks of a bitmap word"},
	{NMW_HW_BLOCK_PARAMS, 56, 8, NMW_HW_REG_SIZES, "lines_log2", "", "lines in flight"},
	{NMW_HW_BLOCK_PARAMS, 0, 32, NMW_HW_REG_TICKS, "ticks", "ticks", "of a side"},
	{NMW_HW_BLOCK_CONTROL, 0, 1, NMW_HW_REG_CONTROL, "enable", "", "rings run"},
	{NMW_HW_BLOCK_CONTROL, 0, 1, NMW_HW_REG_STATUS, "ready", "", "RAMs are clear"},
	{NMW_HW_BLOCK_CONTROL, 1, 1, NMW_HW_REG_STATUS, "enabled", "", "as enable"},
	{NMW_HW_BLOCK_CONTROL, 2, 1, NMW_HW_REG_STATUS, "faulted", "", "stopped until reset"},
	{NMW_HW_BLOCK_CONTROL, 3, 1, NMW_HW_REG_STATUS, "idle", "", "nothing is on its way"},
	{NMW_HW_BLOCK_CONTROL, 0, 8, NMW_HW_REG_FAULT, "fault", "",
	 "1 read, 2 write of an unmapped address; 3 read, 4 write too late"},
	{NMW_HW_BLOCK_CONTROL, 0, 64, NMW_HW_REG_FAULT_ADDR, "fault_addr", "", "IOVA"},
	{NMW_HW_BLOCK_CONTROL, 0, 32, NMW_HW_REG_WATCHDOG, "watchdog", "cycles", "until too late"},
	{NMW_HW_BLOCK_RINGS, 0, 64, NMW_HW_REG_TX_BASE, "tx_base", "", "IOVA of commands"},
	{NMW_HW_BLOCK_RINGS, 0, 4, NMW_HW_REG_TX_LOG2, "tx_log2", "", "entries"},
	{NMW_HW_BLOCK_RINGS, 0, 32, NMW_HW_REG_TX_TAIL, "tx_tail", "commands", "doorbell"},
	{NMW_HW_BLOCK_RINGS, 0, 32, NMW_HW_REG_TX_HEAD, "tx_head", "commands", "handed on"},
	{NMW_HW_BLOCK_RINGS, 0, 64, NMW_HW_REG_RX_BASE, "rx_base", "", "IOVA of events"},
	{NMW_HW_BLOCK_RINGS, 0, 4, NMW_HW_REG_RX_LOG2, "rx_log2", "", "entries"},
	{NMW_HW_BLOCK_RINGS, 0, 32, NMW_HW_REG_RX_TAIL, "rx_tail", "events", "written"},
	{NMW_HW_BLOCK_RINGS, 0, 32, NMW_HW_REG_RX_HEAD, "rx_head", "events", "doorbell"},
	{NMW_HW_BLOCK_COUNTERS, 0, 64, NMW_HW_REG_CYCLES, "cycles", "cycles", "since reset"},
	{NMW_HW_BLOCK_COUNTERS, 0, 64, NMW_HW_REG_COMMANDS, "commands", "commands", "taken"},
	{NMW_HW_BLOCK_COUNTERS, 0, 64, NMW_HW_REG_EVENTS, "events", "events", "made"},
	{NMW_HW_BLOCK_COUNTERS, 0, 64, NMW_HW_REG_FILLS, "fills", "fills", "of them"},
	{NMW_HW_BLOCK_COUNTERS, 0, 64, NMW_HW_REG_WAIT_EVENT, "wait_event", "cycles",
	 "stood still: events not taken"},
	{NMW_HW_BLOCK_COUNTERS, 0, 64, NMW_HW_REG_WAIT_LEVEL, "wait_level", "cycles",
	 "stood still: next level not found yet"},
	{NMW_HW_BLOCK_COUNTERS, 0, 64, NMW_HW_REG_WAIT_HEAD, "wait_head", "cycles",
	 "stood still: its first order not read yet"},
	{NMW_HW_BLOCK_COUNTERS, 0, 64, NMW_HW_REG_WAIT_MIN, "wait_min", "cycles",
	 "stood still: counting for a minimum quantity"},
	{NMW_HW_BLOCK_COUNTERS, 0, 64, NMW_HW_REG_WAIT_SLOT, "wait_slot", "cycles",
	 "stood still: no free slot at hand"},
	{NMW_HW_BLOCK_COUNTERS, 0, 64, NMW_HW_REG_FREE, "free", "slots", "without an order"},
	{NMW_HW_BLOCK_COUNTERS, 0, 64, NMW_HW_REG_LINES_READ, "lines_read", "lines", "of 64 bytes"},
	{NMW_HW_BLOCK_COUNTERS, 0, 64, NMW_HW_REG_LINES_WRITTEN, "lines_written", "lines",
	 "of 64 bytes, or half of one"},
	{NMW_HW_BLOCK_COUNTERS, 0, 64, NMW_HW_REG_LATENCY_SUM, "latency_sum", "cycles",
	 "command taken to its last event, all of them"},
	{NMW_HW_BLOCK_COUNTERS, 0, 64, NMW_HW_REG_LATENCY_MAX, "latency_max", "cycles",
	 "the longest"},
	{NMW_HW_BLOCK_PUSH, 0, 1, NMW_HW_REG_PUSH_BUSY, "push_busy", "", "window is in use"},
	{NMW_HW_BLOCK_WIRE, 0, 64, NMW_WIRE_REG_UTC, "utc_offset", "ns", "for the time of day"},
	{NMW_HW_BLOCK_WIRE, 0, 1, NMW_WIRE_REG_FLAGS, "closed", "", "other symbols are rejected"},
	{NMW_HW_BLOCK_WIRE, 1, 2, NMW_WIRE_REG_FLAGS, "self_match", "",
	 "0 trade, 1 the new one goes, 2 the old"},
	{NMW_HW_BLOCK_WIRE, 0, 48, NMW_WIRE_REG_MAC, "mac", "", "of what is sent"},
	{NMW_HW_BLOCK_WIRE, 0, 32, NMW_WIRE_REG_HOST, "host_ip", "", "whom orders are for; 0: all"},
	{NMW_HW_BLOCK_WIRE, 32, 16, NMW_WIRE_REG_HOST, "host_port", "", ""},
	{NMW_HW_BLOCK_WIRE, 0, 48, NMW_WIRE_REG_FEED_MAC, "feed_mac", "", "market data goes there"},
	{NMW_HW_BLOCK_WIRE, 0, 32, NMW_WIRE_REG_FEED, "feed_ip", "", ""},
	{NMW_HW_BLOCK_WIRE, 32, 16, NMW_WIRE_REG_FEED, "feed_port", "", ""},
	{NMW_HW_BLOCK_WIRE, 0, 32, NMW_WIRE_REG_FEED_SOURCE, "source_ip", "",
	 "and comes from there"},
	{NMW_HW_BLOCK_WIRE, 32, 16, NMW_WIRE_REG_FEED_SOURCE, "source_port", "", ""},
	{NMW_HW_BLOCK_WIRE, 0, 64, NMW_WIRE_REG_SESSION, "session", "",
	 "of MoldUDP64, 8 characters"},
	{NMW_HW_BLOCK_WIRE, 0, 16, NMW_WIRE_REG_SESSION_END, "session_end", "", "and 2"},
	{NMW_HW_BLOCK_WIRE, 0, 32, NMW_WIRE_REG_HEARTBEAT, "heartbeat", "cycles",
	 "of silence before one; 0: none"},
	{NMW_HW_BLOCK_FRAMES, 0, 64, NMW_WIRE_REG_CYCLES, "cycles", "cycles", "since reset"},
	{NMW_HW_BLOCK_FRAMES, 0, 64, NMW_WIRE_REG_FRAMES_IN, "frames_in", "frames", "taken"},
	{NMW_HW_BLOCK_FRAMES, 0, 64, NMW_WIRE_REG_WORDS_IN, "words_in", "words",
	 "of 64 bytes, taken"},
	{NMW_HW_BLOCK_FRAMES, 0, 64, NMW_WIRE_REG_WAIT_IN, "wait_in", "cycles",
	 "a word that came waited"},
	{NMW_HW_BLOCK_FRAMES, 0, 64, NMW_WIRE_REG_FRAMES_OUT, "frames_out", "frames", "sent"},
	{NMW_HW_BLOCK_FRAMES, 0, 64, NMW_WIRE_REG_WORDS_OUT, "words_out", "words",
	 "of 64 bytes, sent"},
	{NMW_HW_BLOCK_FRAMES, 0, 64, NMW_WIRE_REG_WAIT_OUT, "wait_out", "cycles",
	 "a word to be sent was not taken"},
	{NMW_HW_BLOCK_FRAMES, 0, 64, NMW_WIRE_REG_HOST_MESSAGES, "host_messages", "messages",
	 "from the host"},
	{NMW_HW_BLOCK_FRAMES, 0, 64, NMW_WIRE_REG_KIND + 0, "marks", "messages", "of no kind"},
	{NMW_HW_BLOCK_FRAMES, 0, 64, NMW_WIRE_REG_KIND + 8, "enters", "messages", "to the core"},
	{NMW_HW_BLOCK_FRAMES, 0, 64, NMW_WIRE_REG_KIND + 16, "replaces", "messages", ""},
	{NMW_HW_BLOCK_FRAMES, 0, 64, NMW_WIRE_REG_KIND + 24, "cancels", "messages", ""},
	{NMW_HW_BLOCK_FRAMES, 0, 64, NMW_WIRE_REG_KIND + 32, "modifies", "messages", ""},
	{NMW_HW_BLOCK_FRAMES, 0, 64, NMW_WIRE_REG_KIND + 40, "unfit_seen", "messages",
	 "for the host, found by the parser"},
	{NMW_HW_BLOCK_FRAMES, 0, 64, NMW_WIRE_REG_KIND + 48, "day_ends", "messages", ""},
	{NMW_HW_BLOCK_FRAMES, 0, 64, NMW_WIRE_REG_REPLIES, "replies", "messages", "to clients"},
	{NMW_HW_BLOCK_FRAMES, 0, 64, NMW_WIRE_REG_FEED_OUT, "feed", "messages", "of market data"},
	{NMW_HW_BLOCK_FRAMES, 0, 64, NMW_WIRE_REG_WAIT_MSG, "wait_msg", "cycles",
	 "a message waited for the core"},
	{NMW_HW_BLOCK_FRAMES, 0, 64, NMW_WIRE_REG_UNFIT, "unfit", "messages", "left to the host"},
#define STAGE(reg, i, name, unit, help) \
	{NMW_HW_BLOCK_STAGES, 0, 64, NMW_WIRE_REG_##reg + 8 * (i), name, unit, help},
#include "device/wire_stages.def"
#undef STAGE
#define SYMBOL(i)                                                                          \
	{NMW_HW_BLOCK_SYMBOLS, 0, 64, NMW_WIRE_REG_SYMBOLS + 32 * (i), "name" #i, "", ""}, \
		{NMW_HW_BLOCK_SYMBOLS,                                                     \
		 0,                                                                        \
		 32,                                                                       \
		 NMW_WIRE_REG_SYMBOLS + 32 * (i) + 16,                                     \
		 "base" #i,                                                                \
		 "1/10,000",                                                               \
		 "price of tick 0"},                                                       \
		{NMW_HW_BLOCK_SYMBOLS,                                                     \
		 32,                                                                       \
		 32,                                                                       \
		 NMW_WIRE_REG_SYMBOLS + 32 * (i) + 16,                                     \
		 "step" #i,                                                                \
		 "1/10,000",                                                               \
		 "of a tick"},
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
		[NMW_HW_BLOCK_IDENT] = NMW_HW_REG_ID - 8,
		[NMW_HW_BLOCK_PARAMS] = NMW_HW_REG_SIZES - 8,
		[NMW_HW_BLOCK_CONTROL] = NMW_HW_REG_CONTROL - 8,
		[NMW_HW_BLOCK_RINGS] = NMW_HW_REG_TX_BASE - 8,
		[NMW_HW_BLOCK_COUNTERS] = NMW_HW_REG_CYCLES - 8,
		[NMW_HW_BLOCK_PUSH] = NMW_HW_REG_PUSH_BUSY - 8,
		[NMW_HW_BLOCK_WIRE] = NMW_WIRE_REG_UTC - 8,
		[NMW_HW_BLOCK_FRAMES] = NMW_WIRE_REG_CYCLES - 8,
		[NMW_HW_BLOCK_STAGES] = NMW_WIRE_REG_PARSE - 8,
		[NMW_HW_BLOCK_SYMBOLS] = NMW_WIRE_REG_SYMBOLS - 8,
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
