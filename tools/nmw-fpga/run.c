/* run: what nmw-match is, with a device behind its engine. */
#include "moves.h"

#include "base/log.h"

#include <inttypes.h>
#include <string.h>

enum { ON_LOSS_SOFTWARE, ON_LOSS_EXIT };

static int run_open(struct nmw_match *m, struct nmw_err *e)
{
	struct run *r = m->tool->arg;
	int rc = wishes_parse(&r->wishes, r->offload, r->software, e);
	if (!rc)
		rc = device_spec(&r->choice, &r->spec, e);
	if (!rc)
		rc = nmw_device_open(&r->device, &r->spec, e);
	r->open = !rc;
	return rc;
}

/* Asked when a symbol is first used. */
static enum nmw_held_wish wish(void *arg, uint32_t sym)
{
	const struct run *r = arg;
	return wishes_of(&r->wishes, nmw_engine_symbol_name(r->engine, sym));
}

static int run_attach(struct nmw_match *m, bool restored, struct nmw_err *e)
{
	struct run *r = m->tool->arg;
	r->engine = m->engine;
	return books_attach(&r->books, &r->device, m, restored, wish, r, e);
}

static void say_lost(const struct run *r, uint64_t symbols)
{
	nmw_log(NMW_LOG_ERROR,
		"%s: its %" PRIu64 " symbols are in software now, nothing is lost: `nmw-fpga "
		"offload --lost` resets it and puts them back",
		r->books.held->err.msg, symbols);
}

/* The device is let go: whatever it still did, it must not reach our memory. */
static int lost(struct nmw_match *m, struct run *r, struct nmw_err *e)
{
	struct nmw_held_stat s;
	nmw_held_stat(r->books.held, &s);
	r->losses++;
	if (r->on_loss == ON_LOSS_EXIT)
		return books_check(&r->books, e);
	say_lost(r, s.went[NMW_HELD_LOST] - r->went);
	nmw_device_close(&r->device);
	r->open = false;
	m->tool->report(m);
	return 0;
}

int run_again(struct run *r, struct nmw_err *e)
{
	int rc = nmw_device_open(&r->device, &r->spec, e);
	if (rc)
		return rc;
	struct nmw_held_stat s;
	nmw_held_stat(r->books.held, &s);
	r->went = s.went[NMW_HELD_LOST];
	r->open = true;
	books_again(&r->books);
	nmw_log(NMW_LOG_INFO, "device %s: was reset, and answers: symbols come to it again",
		r->device.info.device);
	return 0;
}

static int run_check(struct nmw_match *m, struct nmw_err *e)
{
	struct run *r = m->tool->arg;
	struct nmw_err why = NMW_ERR_INIT;
	nmw_held_turn(r->books.held);
	/* before anybody may ask for the next device: it is let go first */
	if (r->open && books_check(&r->books, &why) && lost(m, r, e))
		return e->err;
	control_turn(&r->control);
	return 0;
}

static void say_device(const struct run *r)
{
	const struct nmw_device_info *i = &r->device.info;
	nmw_log(NMW_LOG_INFO,
		"device %s: %s%s%s, build %016" PRIx64 ": %u books of %" PRIu32 " ticks, %u orders",
		i->device, i->name, i->bitstream[0] ? ", " : "", i->bitstream, i->build,
		1u << i->symbols_log2, i->ticks, 1u << i->slots_log2);
	nmw_log(i->huge || r->choice.no_huge ? NMW_LOG_INFO : NMW_LOG_WARN,
		"device %s: rings of %" PRIu32 " in %s", i->device, i->ring, i->memory);
	if (i->card.slow[0])
		nmw_log(NMW_LOG_WARN, "device %s: %s", i->device, i->card.slow);
}

/* Without it the run goes on, and nobody can ask. */
static void run_listen(struct nmw_match *m)
{
	struct run *r = m->tool->arg;
	struct nmw_err e = NMW_ERR_INIT;
	r->control.answer = moves_answer;
	r->control.arg = r;
	if (control_open(&r->control, nmw_stage_group(&m->stage), &e))
		nmw_log(NMW_LOG_WARN, "%s: symbols cannot be moved by command", e.msg);
}

static void run_say(struct nmw_match *m)
{
	say_device(m->tool->arg);
	run_listen(m);
}

static void report_device(struct run *r, struct nmw_metrics *x)
{
	struct nmw_device_stat s;
	nmw_device_stat(&r->device, &s);
	nmw_gauge(x, NMW_M_device_cycles, s.cycles);
	nmw_gauge(x, NMW_M_device_commands, s.commands);
	nmw_gauge(x, NMW_M_device_events, s.events);
	nmw_gauge(x, NMW_M_device_fills, s.fills);
	nmw_gauge(x, NMW_M_device_wait_event, s.wait_event);
	nmw_gauge(x, NMW_M_device_wait_level, s.wait_level);
	nmw_gauge(x, NMW_M_device_wait_head, s.wait_head);
	nmw_gauge(x, NMW_M_device_wait_min, s.wait_min);
	nmw_gauge(x, NMW_M_device_wait_slot, s.wait_slot);
	nmw_gauge(x, NMW_M_device_lines_read, s.lines_read);
	nmw_gauge(x, NMW_M_device_lines_written, s.lines_written);
	nmw_gauge(x, NMW_M_device_doorbells, s.doorbells);
	nmw_gauge(x, NMW_M_device_pushed, s.pushed);
	nmw_gauge(x, NMW_M_device_orders, (UINT64_C(1) << NMW_HW_SLOTS_LOG2) - s.free_slots);
	nmw_gauge(x, NMW_M_device_latency_mean, s.commands ? s.latency_sum / s.commands : 0);
	nmw_gauge(x, NMW_M_device_latency_max, s.latency_max);
}

/* Of a device that is lost the last figures stay: what its registers say then is not what it did, a
 * reset clears them. */
static bool device_good(const struct run *r)
{
	struct nmw_err e = NMW_ERR_INIT;
	return r->open && r->books.held && !books_check(&r->books, &e);
}

static void run_report(struct nmw_match *m)
{
	struct run *r = m->tool->arg;
	struct nmw_metrics *x = m->stage.m;
	books_report(&r->books, x);
	nmw_gauge(x, NMW_M_device_in_use, device_good(r));
	nmw_gauge(x, NMW_M_device_losses, r->losses);
	if (device_good(r))
		report_device(r, x);
}

/* In cycles, which are the design's; the time that they took is the simulation's. */
static void say_cycles(struct nmw_device *d)
{
	struct nmw_device_stat s;
	nmw_device_stat(d, &s);
	double n = s.commands ? (double)s.commands : 1;
	nmw_log(NMW_LOG_INFO,
		"device %s: %" PRIu64 " commands, %" PRIu64 " events, %" PRIu64 " fills in %" PRIu64
		" cycles; a command took %.1f on average, %" PRIu64
		" at most; the core stood still %.3f a command",
		d->info.device, s.commands, s.events, s.fills, s.cycles, (double)s.latency_sum / n,
		s.latency_max,
		(double)(s.wait_event + s.wait_level + s.wait_head + s.wait_min + s.wait_slot) / n);
}

static void run_close(struct nmw_match *m)
{
	struct run *r = m->tool->arg;
	if (r->books.held && m->stage.n_in && !nmw_stage_quiet(&m->stage)) {
		if (device_good(r))
			say_cycles(&r->device);
		books_say(&r->books);
	}
	control_close(&r->control);
	books_close(&r->books);
	if (r->open)
		nmw_device_close(&r->device);
	r->open = false;
}

static struct nmw_match m;
static struct run r = {.offload = "auto"};

#define MOVE_OPTS 4u

static void move_opts(struct nmw_opt rows[MOVE_OPTS])
{
	const struct nmw_opt table[MOVE_OPTS] = {
		{NMW_OPT_STR, 0, "offload", "SYMBOLS", &r.offload, 0, 0,
		 "symbols of the device: auto (as it has room), manual, or A,B,C"},
		{NMW_OPT_STR, 0, "software", "SYMBOLS", &r.software, 0, 0,
		 "A,B,C: what does not, until nmw-fpga offload"},
		{NMW_OPT_ENUM, 0, "on-device-loss", "software|exit", &r.on_loss, 0, 0,
		 "go on in software, or end with status 5"},
		{.type = NMW_OPT_END}};
	memcpy(rows, table, sizeof table);
}

void command_run_opts(const struct nmw_opt *groups[3])
{
	static struct nmw_opt rows[NMW_MATCH_OPTS], moves[MOVE_OPTS];
	if (nmw_stage_init(&m.stage, "nmw-fpga", NMW_STAGE_IN | NMW_STAGE_OUT) < 0)
		return;
	nmw_match_opts(&m, rows);
	groups[0] = rows;
	groups[1] = nmw_stage_opts(&m.stage);
	move_opts(moves);
	groups[2] = moves;
}

int command_run(int argc, char **argv)
{
	static const char *const examples[] = {
		"nmw-recv pcap:day.pcap | nmw-fpga run --device sim | nmw-send itch:hw.itch",
		"nmw-fpga run -i orders -o events --journal day.log --offload AAPL,MSFT", NULL};
	struct nmw_opt rows[DEVICE_OPTS + MOVE_OPTS] = {
		{.type = NMW_OPT_GROUP,
		 .help = "The device; all that follows is as with nmw-match:"}};
	const struct nmw_match_tool tool = {
		.name = "nmw-fpga",
		.command = "nmw-fpga run",
		.summary = "Matches as nmw-match does, on a device; the output is the same.",
		.examples = examples,
		.backends = "sim vfio ouch42 ouch50 itch50",
		.opts = rows,
		.open = run_open,
		.attach = run_attach,
		.check = run_check,
		.report = run_report,
		.say = run_say,
		.close = run_close,
		.arg = &r};
	device_defaults(&r.choice);
	device_opts(&r.choice, rows + 1);
	move_opts(rows + DEVICE_OPTS);
	return nmw_match_main(&m, &tool, argc, argv);
}
