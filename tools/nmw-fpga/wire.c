/* wire: frames of a capture or an interface through the device that stands on the wire. */
#include "wire.h"

#include "command.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UTC_OFFSET_MAX (UINT64_C(14) * 3600 * NMW_NS_PER_S)
#define OPTS	       20u
#define LIVE_CYCLES    4096u /* that pass while nothing comes in */

static struct wire {
	struct nmw_stage stage;
	struct device_choice choice;
	struct nmw_wire device;
	struct nmw_wire_conf conf;
	struct frame_in in;
	struct frame_out out;
	struct wire_symbols symbols;
	struct unfit unfit;
	bool open, symbols_open;
	/* options, as typed */
	const char *in_spec, *out_spec, *symbols_file, *utc_offset, *session, *server, *feed,
		*source;
	const char *registers;
	struct nmw_opt_list centers;
	int self_match;
	bool strict, back_to_back;
	/* state */
	uint64_t last_ns; /* time of the last message that the core took; 0: none yet */
	uint64_t frames, cut;
	uint8_t frame[NMW_WIRE_FRAME_MAX];
} self;

/* ---- options -------------------------------------------------------------------------------- */

static void options(struct wire *w, struct nmw_opt rows[OPTS])
{
	const struct nmw_opt table[OPTS] = {
		{.type = NMW_OPT_GROUP, .help = "Frames and orders:"},
		{NMW_OPT_STR, 0, "in", "SOURCE", &w->in_spec, 0, 0,
		 "frames in: pcap:FILE (- is stdin), or if:NAME"},
		{NMW_OPT_STR, 0, "out", "SINK", &w->out_spec, 0, 0,
		 "frames out: pcap:FILE (- is stdout), if:NAME, or null:"},
		{NMW_OPT_STR, 0, "symbols", "FILE", &w->symbols_file, 0, 0,
		 "symbols, as nmw-match reads them (JSON); 16 have a book"},
		{NMW_OPT_LIST, 0, "center", "SYMBOL=PRICE", &w->centers, 0, 0,
		 "where its window lies (repeatable; default: its first order's price)"},
		{NMW_OPT_STR, 0, "unfit", "FILE", &w->unfit.path, 0, 0,
		 "messages that the device leaves to the host, as JSON Lines"},
		{NMW_OPT_STR, 0, "registers", "FILE", &w->registers, 0, 0,
		 "all registers at the end, as JSON (- is stdout)"},
		{NMW_OPT_FLAG, 0, "strict", NULL, &w->strict, 0, 0,
		 "exit 3 when a message was left to the host, or a frame was damaged"},
		{NMW_OPT_ENUM, 0, "self-match", "allow|cancel-new|cancel-old", &w->self_match, 0, 0,
		 "what happens when orders of one account meet"},
		{NMW_OPT_STR, 0, "utc-offset", "TIME", &w->utc_offset, 0, 0,
		 "added to times for the time of day"},
		{NMW_OPT_STR, 0, "session", "NAME", &w->session, 0, 10,
		 "session of MoldUDP64 in what is sent"},
		{NMW_OPT_STR, 0, "server", "ADDR:PORT", &w->server, 0, 0,
		 "orders for others are left alone (default: for all)"},
		{NMW_OPT_STR, 0, "feed", "ADDR:PORT", &w->feed, 0, 0, "group of market data"},
		{NMW_OPT_STR, 0, "feed-source", "ADDR:PORT", &w->source, 0, 0,
		 "where market data comes from"},
		{NMW_OPT_FLAG, 0, "back-to-back", NULL, &w->back_to_back, 0, 0,
		 "a word each cycle, 128 Gb/s, instead of the pace of 100 Gb/s"},
		{.type = NMW_OPT_GROUP, .help = "Device:"},
		{NMW_OPT_STR, 0, "device", "DEVICE", &w->choice.device, 0, 0,
		 "sim, or sim:KEY=N,... with stall, stuck and more: see nmw-fpga(1)"},
		{NMW_OPT_STR, 0, "bitstream", "FILE", &w->choice.bitstream, 0, 0,
		 "the simulated device's design (default: the one that was loaded)"},
		{NMW_OPT_COUNT, 0, "watchdog", "N", &w->choice.watchdog, 1000, 1000000000,
		 "cycles in which nothing that is sent is taken, that are a fault"},
		{.type = NMW_OPT_END}};
	memcpy(rows, table, sizeof table);
}

static void defaults(struct wire *w)
{
	device_defaults(&w->choice);
	w->utc_offset = "0s";
	w->session = "NMW0000000";
	w->feed = "239.192.0.1:26400";
	w->source = "10.0.0.1:26400";
}

static int parse_args(struct wire *w, int argc, char **argv, struct nmw_err *e)
{
	static struct nmw_opt rows[OPTS];
	static const char *const examples[] = {
		"nmw-fpga wire --in pcap:in.pcap --out pcap:out.pcap",
		"nmw-recv gen:count=10k,codec=ouch50 | nmw-send --framing mold pcap:- |\n"
		"      nmw-fpga wire --in pcap:- --out pcap:- --symbols s.json --center S0000=190 "
		"|\n"
		"      nmw-recv pcap:- --direction out | nmw-send jsonl:-",
		NULL};
	int nargs;
	options(w, rows);
	const struct nmw_opt_spec spec = {
		.tool = "nmw-fpga wire",
		.synopsis = "--in SOURCE --out SINK",
		.summary = "Order entry in frames goes in, replies and market data in frames come "
			   "out: OUCH 5.0 and ITCH 5.0 in MoldUDP64.",
		.examples = examples,
		.groups = {rows, nmw_stage_opts(&w->stage)},
		.backends = "sim pcap if"};
	return nmw_opt_parse(&spec, argc, argv, &nargs, e);
}

static int parse_offset(const char *text, int64_t *ns, struct nmw_err *e)
{
	bool minus = *text == '-';
	uint64_t v;
	int rc = nmw_parse_duration(text + (minus || *text == '+'), 0, UTC_OFFSET_MAX, &v, e);
	if (rc)
		return nmw_err_set(e, rc, NMW_EXIT_USAGE,
				   "--utc-offset: %s: not a duration from -14h to 14h, such as -5h "
				   "or 330m",
				   text);
	*ns = minus ? -(int64_t)v : (int64_t)v;
	return 0;
}

static int parse_end(const char *option, const char *text, struct nmw_endpoint *to,
		     struct nmw_err *e)
{
	int rc = nmw_endpoint_parse(text, to, e);
	if (!rc && to->family != 4)
		rc = nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				 "%s: the device speaks IPv4: give such an address", text);
	return rc ? nmw_err_prefix(e, "--%s", option) : 0;
}

static int check(struct wire *w, struct nmw_err *e)
{
	struct nmw_wire_conf *c = &w->conf;
	if (!w->in_spec || !w->out_spec)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--in SOURCE and --out SINK are needed: nmw-fpga wire --in "
				   "pcap:in.pcap --out pcap:out.pcap");
	memset(c->session, ' ', sizeof c->session);
	memcpy(c->session, w->session, strnlen(w->session, sizeof c->session));
	c->watchdog = w->choice.watchdog;
	c->self_match = (uint8_t)w->self_match;
	int rc = parse_offset(w->utc_offset, &c->utc_offset_ns, e);
	if (!rc && w->server)
		rc = parse_end("server", w->server, &c->server, e);
	if (!rc)
		rc = parse_end("feed", w->feed, &c->feed, e);
	return rc ? rc : parse_end("feed-source", w->source, &c->source, e);
}

/* ---- opening -------------------------------------------------------------------------------- */

static bool idle(void *arg)
{
	struct wire *w = arg;
	if (!w->stage.m) /* not open yet: a capture's header is waited for */
		return true;
	nmw_stage_look_soon(&w->stage);
	return nmw_stage_go(&w->stage);
}

/* A file is read twice: what its orders name is known before the first goes in. */
static int learn(struct wire *w, struct nmw_err *e)
{
	struct frame_in first;
	int rc = frame_in_open(&first, w->in_spec, idle, w, e);
	if (!rc)
		rc = wire_learn(&w->symbols, &first, e);
	w->in.damaged = first.damaged; /* said */
	frame_in_close(&first);
	return rc;
}

static int open_device(struct wire *w, struct nmw_err *e)
{
	const struct nmw_device_spec spec = {.design = NMW_DEVICE_WIRE,
					     .device = w->choice.device,
					     .bitstream = w->choice.bitstream,
					     .watchdog = w->choice.watchdog};
	int rc = nmw_wire_open(&w->device, &spec, e);
	if (rc)
		return rc;
	w->open = true;
	w->device.ports->back_to_back(w->device.sim, w->back_to_back);
	w->device.ports->view(w->device.sim, 1u << NMW_WIRE_VIEW_MSG | 1u << NMW_WIRE_VIEW_UNFIT);
	return 0;
}

static void say_open(struct wire *w)
{
	const struct nmw_device_info *i = &w->device.device.info;
	nmw_log(NMW_LOG_INFO, "device %s: %s, %s, build %016" PRIx64 ": %u of %u books in use",
		i->device, i->name, i->bitstream, i->build, w->conf.n, 1u << i->symbols_log2);
	if (!w->conf.n)
		nmw_log(NMW_LOG_WARN, "no symbol is known: every order is left to the host: give "
				      "--symbols FILE or --center SYMBOL=PRICE");
}

/* Names are looked at first: a wrong one leaves no trace, and the device takes its time. */
static int open_ends(struct wire *w, struct nmw_err *e)
{
	int rc = wire_symbols_open(&w->symbols, w->symbols_file, &w->centers, e);
	w->symbols_open = true;
	if (!rc)
		rc = frame_out_open(&w->out, w->out_spec, e);
	if (!rc)
		rc = frame_in_open(&w->in, w->in_spec, idle, w, e);
	return rc ? rc : unfit_open(&w->unfit, e);
}

static int open_all(struct wire *w, struct nmw_err *e)
{
	int rc = open_ends(w, e);
	if (!rc)
		rc = nmw_stage_open(&w->stage, e);
	if (!rc && w->in.again)
		rc = learn(w, e);
	if (!rc)
		rc = open_device(w, e);
	if (!rc)
		rc = frame_out_start(&w->out, e);
	if (rc)
		return rc;
	wire_symbols_conf(&w->symbols, w->device.device.info.ticks, &w->conf);
	say_open(w);
	return nmw_wire_start(&w->device, &w->conf, e);
}

/* ---- running -------------------------------------------------------------------------------- */

static void look(struct wire *w)
{
	struct nmw_wire_seen s;
	while (nmw_wire_seen(&w->device, &s)) {
		if (s.view == NMW_WIRE_VIEW_MSG)
			w->last_ns = nmw_wire_field(s.word, NMW_MSG_TIME, NMW_MSG_TIME_W);
		else if (s.view == NMW_WIRE_VIEW_UNFIT)
			unfit_put(&w->unfit, &s);
	}
}

/* What has come out of the device goes on. */
static int take(struct wire *w, struct nmw_err *e)
{
	struct nmw_wire_sent s;
	int rc = 0;
	while (!rc && nmw_wire_sent(&w->device, w->frame, sizeof w->frame, &s))
		rc = frame_out_put(&w->out, w->frame, s.len, s.time_ns ? s.time_ns : w->last_ns, e);
	look(w);
	return rc;
}

static int put(struct wire *w, const struct nmw_capture_packet *p, struct nmw_err *e)
{
	w->frames++;
	if (p->caplen < p->len || p->caplen > NMW_WIRE_FRAME_MAX || !p->caplen) {
		w->cut++;
		return 0;
	}
	return nmw_wire_frame(&w->device, p->p, p->caplen, p->ts_ns, e);
}

static void report(struct wire *w)
{
	struct nmw_metrics *x = w->stage.m;
	struct nmw_wire_stat s;
	nmw_wire_stat(&w->device, &s);
	nmw_gauge(x, NMW_M_in_packets, w->frames);
	nmw_gauge(x, NMW_M_out_packets, w->out.frames);
	nmw_gauge(x, NMW_M_out_bytes, w->out.bytes);
	nmw_gauge(x, NMW_M_wire_unfit, w->unfit.n);
	wire_report(&s, x, w->cut);
}

/* Of an interface: what the device still has comes out while nothing goes in. */
static int poll_once(struct wire *w, struct nmw_err *e)
{
	int n = frame_in_burst(&w->in, e), rc = 0;
	if (n < 0)
		return n;
	for (int i = 0; !rc && i < n; i++) {
		rc = put(w, &w->in.packet[i], e);
		if (!rc)
			rc = take(w, e);
	}
	if (rc || n)
		return rc;
	if (!frame_in_live(&w->in)) {
		nmw_stage_done(&w->stage);
		return 0;
	}
	nmw_stage_look_soon(&w->stage);
	rc = nmw_wire_pass(&w->device, LIVE_CYCLES, e);
	if (!rc)
		rc = take(w, e);
	return rc ? rc : frame_out_flush(&w->out, e);
}

static int end_of_day(struct wire *w, struct nmw_err *e)
{
	int rc = nmw_wire_settle(&w->device, e);
	if (!rc)
		rc = take(w, e);
	if (!rc && w->last_ns)
		rc = nmw_wire_end_day(&w->device, w->last_ns, w->conf.utc_offset_ns, e);
	return rc ? rc : take(w, e);
}

static int run(struct wire *w, struct nmw_err *e)
{
	uint64_t reported = 0;
	int rc = 0;
	while (!rc && nmw_stage_go(&w->stage)) {
		rc = poll_once(w, e);
		uint64_t now = nmw_clock_mono();
		if (now - reported >= NMW_NS_PER_S / 10) {
			report(w);
			reported = now;
		}
	}
	if (!rc)
		rc = end_of_day(w, e);
	report(w);
	return rc;
}

/* ---- the end -------------------------------------------------------------------------------- */

static void say(struct wire *w)
{
	struct nmw_wire_stat s;
	char why[256];
	nmw_wire_stat(&w->device, &s);
	const char *name = w->device.device.info.device;
	double n = s.answered ? (double)s.answered : 1;
	nmw_log(NMW_LOG_INFO,
		"device %s: %" PRIu64 " frames in, %" PRIu64 " out, in %" PRIu64
		" cycles; frames waited %" PRIu64 " cycles to go in",
		name, s.frames_in, s.frames_out, s.cycles, s.wait_in);
	nmw_log(NMW_LOG_INFO,
		"device %s: %" PRIu64 " enters, %" PRIu64 " replaces, %" PRIu64 " cancels, %" PRIu64
		" modifies; %" PRIu64 " replies, %" PRIu64 " of market data",
		name, s.kind[NMW_MSG_ENTER], s.kind[NMW_MSG_REPLACE], s.kind[NMW_MSG_CANCEL],
		s.kind[NMW_MSG_MODIFY], s.replies, s.feed);
	if (s.answered)
		nmw_log(NMW_LOG_INFO,
			"device %s: last word of a frame in to first word of an answer out: %.1f "
			"cycles on average, %" PRIu64 " at most",
			name, (double)s.latency_sum / n, s.latency_max);
	unfit_reasons(&w->unfit, why, sizeof why);
	if (w->unfit.n)
		nmw_log(w->strict ? NMW_LOG_ERROR : NMW_LOG_WARN,
			"%" PRIu64 " messages are left to the host: %s%s", w->unfit.n, why,
			w->strict ? "" : "; --strict makes that exit 3");
}

static int put_registers(struct wire *w, struct nmw_err *e)
{
	bool to_stdout = !strcmp(w->registers, "-");
	FILE *f = to_stdout ? stdout : fopen(w->registers, "we");
	if (!f)
		return nmw_err_set(e, -errno, nmw_exit_of(errno), "--registers %s: %s",
				   w->registers, strerror(errno));
	int rc = look_registers(&w->device.device, f, e);
	bool bad = fflush(f) || ferror(f);
	if (!to_stdout)
		bad = fclose(f) || bad;
	if (rc || !bad)
		return rc;
	return nmw_err_set(e, -EIO, NMW_EXIT_FAILED, "--registers %s: cannot write", w->registers);
}

/* A core that contradicts itself is not to be believed. */
static int judge(struct wire *w, struct nmw_err *e)
{
	struct nmw_wire_stat s;
	nmw_wire_stat(&w->device, &s);
	uint64_t bad = wire_damaged(&s) + w->cut, faults = s.core[NMW_WIRE_CORE_faults];
	if (faults)
		return nmw_err_set(e, -EIO, NMW_EXIT_RESOURCE,
				   "device %s: its core contradicted itself %" PRIu64
				   " times: what it put out is not to be believed: nmw-fpga regs",
				   w->device.device.info.device, faults);
	if (bad && w->strict)
		nmw_log(NMW_LOG_ERROR, "%s: %" PRIu64 " frames or messages are damaged or missing",
			w->in_spec, bad);
	if (w->strict && (w->unfit.n || bad || w->in.damaged))
		w->stage.exit = NMW_EXIT_DATA;
	return 0;
}

static void close_all(struct wire *w, int *rc, struct nmw_err *e)
{
	struct nmw_err why = NMW_ERR_INIT;
	if (w->in_spec)
		frame_in_close(&w->in);
	if (w->out.spec && frame_out_close(&w->out, &why) && !*rc)
		*rc = why.err, *e = why;
	if (unfit_close(&w->unfit, &why) && !*rc)
		*rc = why.err, *e = why;
	if (w->open)
		nmw_wire_close(&w->device);
	if (w->symbols_open)
		wire_symbols_close(&w->symbols);
}

int command_wire(int argc, char **argv)
{
	struct wire *w = &self;
	struct nmw_err e = NMW_ERR_INIT;
	if (nmw_stage_init(&w->stage, "nmw-fpga", 0) < 0)
		return NMW_EXIT_RESOURCE;
	w->stage.command = "nmw-fpga wire";
	w->in.fd = w->out.fd = w->out.file.fd = w->unfit.file.fd = -1;
	defaults(w);
	int rc = parse_args(w, argc, argv, &e);
	if (rc == NMW_OPT_DONE)
		return nmw_stage_close(&w->stage, NULL);
	if (!rc)
		rc = check(w, &e);
	if (!rc)
		rc = open_all(w, &e);
	if (!rc)
		rc = run(w, &e);
	if (!rc && !nmw_stage_quiet(&w->stage))
		say(w);
	if (!rc && w->registers)
		rc = put_registers(w, &e);
	if (!rc)
		rc = judge(w, &e);
	close_all(w, &rc, &e);
	return nmw_stage_close(&w->stage, rc ? &e : NULL);
}
