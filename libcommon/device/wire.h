/* wire.h: the device between two ports of frames: order entry in, replies and market data out, with
 * the matching core between and no host.
 *
 *      frames --> nmw_wire_in --> nmw_wire_core (the books) --> nmw_wire_out --> frames
 *      what the core does not do, and all that it takes and puts out, is shown to the host
 *
 * The host writes the registers, starts it, and looks on. With the simulated device it also has the
 * part of the two ports: it gives frames in and takes those that come out; then time passes in
 * frame, settle and register accesses only, and a run is deterministic.
 *
 *      nmw_wire_open(&w, &spec, &err); nmw_wire_start(&w, &conf, &err)
 *      loop:
 *              nmw_wire_frame(&w, p, len, ts_ns, &err)
 *              while (nmw_wire_sent(&w, buf, sizeof buf, &s)) ...
 *      nmw_wire_settle(&w, &err); nmw_wire_close(&w)
 *
 * One thread a device. Errors: negative errno, with the message and exit status 5 in e: a fault of
 * the device (what it sends is not taken: the watchdog), a reset behind the host's back, a device
 * that takes nothing.
 */
#ifndef NMW_DEVICE_WIRE_H
#define NMW_DEVICE_WIRE_H

#include "device/device.h"
#include "sim/nmw_wire_ports.h"
#include "wire/endpoint.h"

/* A symbol with a book on the device. Prices in 1/10,000. */
struct nmw_wire_symbol {
	uint64_t name; /* as in memory, space padded */
	uint32_t base; /* price of its tick 0 */
	uint32_t step; /* of a tick: 1..2^31 */
	uint32_t lot;
	uint16_t locate;
	uint8_t state; /* T: trading */
	uint8_t flags; /* enum nmw_wire_symbol_flag */
};

struct nmw_wire_conf {
	int64_t utc_offset_ns;
	bool closed;	    /* symbols that are not listed are rejected; else left to the host */
	uint8_t self_match; /* orders of one account meet: 0 they trade, 1 the new one goes, 2 the
			     * old one */
	char session[10];
	struct nmw_endpoint server;	  /* orders for others are left alone; family 0: for all */
	struct nmw_endpoint feed, source; /* of market data; IPv4 */
	uint32_t heartbeat;		  /* cycles of silence before one is sent; 0: none */
	uint64_t watchdog;		  /* cycles; 0 = NMW_HW_WATCHDOG */
	unsigned n;
	struct nmw_wire_symbol symbol[NMW_WIRE_SYMBOLS];
};

#define NMW_WIRE_PARSE_STATS 32u
#define NMW_WIRE_CORE_STATS  24u
#define NMW_WIRE_SEND_STATS  8u

/* Places of the parts' counters: NMW_WIRE_PARSE_gaps is one of nmw_wire_stat's parse[]. */
enum nmw_wire_stage {
#define STAGE(part, i, name, unit, help) NMW_WIRE_##part##_##name = (i),
#include "device/wire_stages.def"
#undef STAGE
};

/* Counters since the last reset. */
struct nmw_wire_stat {
	uint64_t cycles, frames_in, words_in, wait_in, frames_out, words_out, wait_out;
	uint64_t host_messages, kind[NMW_WIRE_KINDS], replies, feed, wait_msg, unfit;
	uint64_t parse[NMW_WIRE_PARSE_STATS], core[NMW_WIRE_CORE_STATS], send[NMW_WIRE_SEND_STATS];
	uint64_t answered, latency_sum, latency_max; /* cycles, word in to word out */
};

struct nmw_wire {
	struct nmw_device device;
	const struct nmw_wire_ports *ports;
	struct nmw_device_sim *sim;
	uint64_t watchdog; /* cycles */
	uint64_t looked;   /* cycles since the last look at the status */
	uint64_t passed;   /* cycles that passed in nmw_wire_pass */
};

/* Checks identity and parameters, resets it. Nothing is taken yet. */
int nmw_wire_open(struct nmw_wire *w, const struct nmw_device_spec *s, struct nmw_err *e);
/* Writes the registers and lets frames in. */
int nmw_wire_start(struct nmw_wire *w, const struct nmw_wire_conf *c, struct nmw_err *e);
/* A frame goes in, without check sequence; time passes until there is room for it. -EMSGSIZE:
 * longer than NMW_WIRE_FRAME_MAX. */
int nmw_wire_frame(struct nmw_wire *w, const void *frame, uint32_t len, uint64_t ts_ns,
		   struct nmw_err *e);
/* Time passes: n cycles. */
int nmw_wire_pass(struct nmw_wire *w, uint32_t n, struct nmw_err *e);
/* Time passes until nothing is on its way any more. */
int nmw_wire_settle(struct nmw_wire *w, struct nmw_err *e);
/* The day is over: its last messages go out. Settle first: frames may still be on their way. */
int nmw_wire_end_day(struct nmw_wire *w, uint64_t ts_ns, int64_t utc_offset_ns, struct nmw_err *e);
/* Fills *out, as far as the device says it. */
void nmw_wire_stat(struct nmw_wire *w, struct nmw_wire_stat *out);
void nmw_wire_close(struct nmw_wire *w);

/* A frame that came out: true, cut to cap. */
static inline bool nmw_wire_sent(struct nmw_wire *w, void *frame, uint32_t cap,
				 struct nmw_wire_sent *s)
{
	return w->ports->frame_out(w->sim, frame, cap, s);
}
/* What the host is shown next (nmw_wire_view says what is wanted). */
static inline bool nmw_wire_seen(struct nmw_wire *w, struct nmw_wire_seen *s)
{
	return w->ports->seen(w->sim, s);
}

/* Where a window of so many ticks about that price lies, step apart; as nmw-fpga run places them.
 */
void nmw_wire_window(struct nmw_wire_symbol *s, uint32_t ticks, uint32_t price, uint32_t step);

#endif
