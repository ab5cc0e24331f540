/* nmw-fpga: loads, looks at, tests and runs the matching device. */
#include "command.h"
#include "control.h"

#include "base/answer.h"
#include "base/log.h"
#include "base/streams.h"
#include "base/units.h"
#include "stat/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct command {
	const char *name, *args;
	int min, max;
	int (*run)(const struct command_args *a, struct nmw_err *e);
	const char *opts; /* that it has a use for */
} commands[] = {
	{"load", "FILE", 1, 1, command_load, " json "},
	{"info", "", 0, 0, command_info, " json device bitstream "},
	{"regs", "", 0, 0, command_regs, " json device bitstream "},
	{"reset", "", 0, 0, command_reset, " json device bitstream ring watchdog no-push no-huge "},
	{"selftest", "", 0, 0, command_selftest,
	 " json device bitstream ring watchdog no-push no-huge commands seed "},
	{"symbols", "[SYMBOL]...", 0, CONTROL_SYMBOLS, command_symbols, " json instance timeout "},
	{"offload", "SYMBOL...", 0, CONTROL_SYMBOLS, command_offload,
	 " json instance timeout all lost "},
	{"return", "SYMBOL...", 0, CONTROL_SYMBOLS, command_return, " json instance timeout all "},
};

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int no_such(const char *name, struct nmw_err *e)
{
	if (!strcmp(name, "run") || !strcmp(name, "wire"))
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "%s: comes before its options: nmw-fpga %s [OPTION]...", name,
				   name);
	return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
			   "%.64s: no such command: load, info, regs, reset, selftest, run, "
			   "symbols, offload, return, wire",
			   name);
}

/* An option that does nothing is a mistake. */
static int check_opts(const struct command *k, const struct nmw_opt *rows, struct nmw_err *e)
{
	char word[32];
	for (; rows->type != NMW_OPT_END; rows++) {
		if (!rows->dst || !nmw_opt_given(rows->dst))
			continue;
		snprintf(word, sizeof word, " %s ", rows->name);
		if (!strstr(k->opts, word))
			return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
					   "%s: --%s: has no effect on it: leave it out", k->name,
					   rows->name);
	}
	return 0;
}

static int run(struct command_args *a, const struct device_choice *c, int argc, char **argv,
	       const struct nmw_opt *const groups[], struct nmw_err *e)
{
	const struct command *k = find(argv[0]);
	if (!k)
		return no_such(argv[0], e);
	a->argv = argv + 1;
	a->argc = argc - 1;
	if (a->argc < k->min || a->argc > k->max)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "%s: %d arguments found: usage: nmw-fpga %s %s", k->name,
				   a->argc, k->name, k->args);
	int rc = 0;
	for (; *groups && !rc; groups++)
		rc = check_opts(k, *groups, e);
	if (!rc)
		rc = device_spec(c, &a->spec, e);
	return rc ? rc : k->run(a, e);
}

/* A completion script knows the options of run too. */
static bool asks_for_completion(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strncmp(argv[i], "--completion", sizeof "--completion" - 1))
			return true;
	return false;
}

#define COMMAND_OPTS 11
#define COMMAND(word, argument, text)                                                      \
	{                                                                                  \
		.type = NMW_OPT_COMMAND, .name = (word), .arg = (argument), .help = (text) \
	}

static const struct nmw_opt words[] = {
	{.type = NMW_OPT_GROUP, .help = "Commands:"},
	COMMAND("load", "FILE", "check a bitstream and remember it for --device sim"),
	COMMAND("info", "", "which device it is, and its parameters"),
	COMMAND("regs", "", "all registers, by the list that they are"),
	COMMAND("reset", "", "books and rings empty, faults and counters cleared"),
	COMMAND("selftest", "",
		"registers, rings, random commands against software; exit 5 when "
		"it fails"),
	COMMAND("run", "", "match as nmw-match does: `nmw-fpga run --help`"),
	COMMAND("wire", "", "frames in, frames out: `nmw-fpga wire --help`"),
	COMMAND("symbols", "[SYMBOL]...", "where they are in a run: on the device, or why not"),
	COMMAND("offload", "SYMBOL...", "in a run, from the software books to the device"),
	COMMAND("return", "SYMBOL...", "in a run, from the device to the software books"),
	{.type = NMW_OPT_END},
};

static const char *const examples[] = {
	"nmw-fpga load hw/build/nmw_book.so && nmw-fpga info", "nmw-fpga regs --json | jq .blocks",
	"nmw-fpga selftest --commands 1M --device sim:latency=200,stall=30",
	"nmw-recv pcap:day.pcap | nmw-fpga run --device sim | nmw-send itch:hw.itch", NULL};

static void command_opts(struct command_args *a, struct nmw_opt rows[COMMAND_OPTS])
{
	const struct nmw_opt table[] = {
		{.type = NMW_OPT_GROUP, .help = "Asking and testing:"},
		{NMW_OPT_FLAG, 'j', "json", NULL, &a->json, 0, 0, "one JSON document; errors too"},
		{NMW_OPT_COUNT, 0, "commands", "N", &a->commands, 1, 1000000000,
		 "selftest: random commands that are compared"},
		{NMW_OPT_U64, 0, "seed", "N", &a->seed, 0, 0, "selftest: another run"},
		{.type = NMW_OPT_GROUP, .help = "Asking a run: symbols, offload, return:"},
		{NMW_OPT_STR, 0, "instance", "NAME", &a->instance, 0, NMW_METRICS_INSTANCE_MAX - 1,
		 "which run, by name or pid (default: the only one)"},
		{NMW_OPT_DURATION, 0, "timeout", "TIME", &a->wait_ns, 1000000, NMW_NS_PER_S * 3600,
		 "how long to wait for its answer"},
		{NMW_OPT_FLAG, 0, "all", NULL, &a->all, 0, 0, "all symbols"},
		{NMW_OPT_FLAG, 0, "lost", NULL, &a->lost, 0, 0,
		 "offload: those that a lost device had; it is reset first"},
		{.type = NMW_OPT_GROUP, .help = "The device:"},
		{.type = NMW_OPT_END},
	};
	_Static_assert(sizeof table == COMMAND_OPTS * sizeof *table, "COMMAND_OPTS rows");
	memcpy(rows, table, sizeof table);
}

static int command_main(int argc, char **argv)
{
	struct command_args a = {.commands = 100000, .seed = 1, .wait_ns = 10 * NMW_NS_PER_S};
	struct device_choice c;
	struct nmw_opt device[DEVICE_OPTS], table[COMMAND_OPTS];
	struct nmw_opt_spec spec = {
		.tool = "nmw-fpga",
		.synopsis = "COMMAND [OPTION]...",
		.summary = "The matching device: the design in simulation, or a card through VFIO.",
		.examples = examples,
		.groups = {words, table, device, NULL},
		.backends = "sim vfio",
		.min_args = 1,
		.max_args = 1 + CONTROL_SYMBOLS,
	};
	struct nmw_err e = NMW_ERR_INIT;
	int nargs = 0;
	nmw_streams_init();
	nmw_log_init("nmw-fpga", NMW_LOG_INFO, NMW_LOG_TEXT);
	command_opts(&a, table);
	device_defaults(&c);
	device_opts(&c, device);
	if (asks_for_completion(argc, argv))
		command_run_opts(&spec.groups[3]);
	int rc = nmw_opt_parse(&spec, argc, argv, &nargs, &e);
	if (rc == NMW_OPT_RUN)
		rc = run(&a, &c, nargs, argv + 1, spec.groups, &e);
	return nmw_answer_end(rc == NMW_OPT_DONE ? 0 : rc, a.json, &e);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "run"))
		return command_run(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "wire"))
		return command_wire(argc - 1, argv + 1);
	return command_main(argc, argv);
}
