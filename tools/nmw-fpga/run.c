/* run: what nmw-match is, with a device behind its engine. */
#include "run.h"

#include "base/log.h"

#include <inttypes.h>

static int run_open(struct nmw_match *m, struct nmw_err *e)
{
	struct run *r = m->tool->arg;
	struct nmw_device_spec spec;
	int rc = device_spec(&r->choice, &spec, e);
	if (!rc)
		rc = nmw_device_open(&r->device, &spec, e);
	r->open = !rc;
	return rc;
}

static int run_attach(struct nmw_match *m, bool restored, struct nmw_err *e)
{
	struct run *r = m->tool->arg;
	return books_attach(&r->books, &r->device, m, restored, e);
}

static int run_check(struct nmw_match *m, struct nmw_err *e)
{
	const struct run *r = m->tool->arg;
	return books_check(&r->books, e);
}

static void run_say(struct nmw_match *m)
{
	const struct run *r = m->tool->arg;
	const struct nmw_device_info *i = &r->device.info;
	nmw_log(NMW_LOG_INFO,
		"device %s: %s, %s, build %016" PRIx64 ": %u books of %" PRIu32 " ticks, %u orders",
		i->device, i->name, i->bitstream, i->build, 1u << i->symbols_log2, i->ticks,
		1u << i->slots_log2);
	nmw_log(i->huge || r->choice.no_huge ? NMW_LOG_INFO : NMW_LOG_WARN,
		"device %s: rings of %" PRIu32 " in %s", i->device, i->ring, i->memory);
}

/* What its registers say then is not what it did: a reset clears them. */
static bool lost(const struct run *r)
{
	struct nmw_err e = NMW_ERR_INIT;
	return books_check(&r->books, &e) != 0;
}

/* Of a device that is lost the last figures stay. */
static void run_report(struct nmw_match *m)
{
	struct run *r = m->tool->arg;
	struct nmw_metrics *x = m->stage.m;
	struct nmw_device_stat s;
	if (!r->open)
		return;
	books_report(&r->books, x);
	if (lost(r))
		return;
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

/* In cycles, which are the design's; the time that they took is the simulation's. */
static void say_device(struct nmw_device *d)
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
	if (r->open && r->books.held && !nmw_stage_quiet(&m->stage)) {
		if (!lost(r))
			say_device(&r->device);
		books_say(&r->books);
	}
	books_close(&r->books);
	if (r->open)
		nmw_device_close(&r->device);
	r->open = false;
}

static struct nmw_match m;

void command_run_opts(const struct nmw_opt *groups[2])
{
	static struct nmw_opt rows[NMW_MATCH_OPTS];
	if (nmw_stage_init(&m.stage, "nmw-fpga", NMW_STAGE_IN | NMW_STAGE_OUT) < 0)
		return;
	nmw_match_opts(&m, rows);
	groups[0] = rows;
	groups[1] = nmw_stage_opts(&m.stage);
}

int command_run(int argc, char **argv)
{
	static struct run r;
	static const char *const examples[] = {
		"nmw-recv pcap:day.pcap | nmw-fpga run --device sim | nmw-send itch:hw.itch",
		"nmw-fpga run -i orders -o events --journal day.log", NULL};
	struct nmw_opt rows[DEVICE_OPTS + 1] = {
		{.type = NMW_OPT_GROUP,
		 .help = "The device; all that follows is as with nmw-match:"}};
	const struct nmw_match_tool tool = {
		.name = "nmw-fpga",
		.command = "nmw-fpga run",
		.summary = "Matches as nmw-match does, on a device; the output is the same.",
		.examples = examples,
		.backends = "sim ouch42 ouch50 itch50",
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
	return nmw_match_main(&m, &tool, argc, argv);
}
