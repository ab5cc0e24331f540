/* nmw-stat: looks at rings and tools, alive or dead, without joining them. */
#include "command.h"

#include "base/answer.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/parse.h"
#include "base/streams.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stops;

static void on_stop(int sig)
{
	(void)sig;
	stops = stops + 1;
}

int command_stops(void)
{
	return stops;
}

/* No SA_RESTART: a sleep or a stuck write must notice. */
static void signals_init(void)
{
	struct sigaction sa = {.sa_handler = on_stop};
	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
}

static const struct command {
	const char *name, *args;
	int min, max;
	bool takes_name;
	int (*run)(const struct command_args *a, struct nmw_err *e);
	const char *opts; /* that it has a use for; who has no Prometheus form says so itself */
	const char *help;
} commands[] = {
	{"list", "", 0, 0, false, command_list, " json prometheus ",
	 "what is there, a line each (default)"},
	{"show", "[NAME]", 0, 1, true, command_show, " json prometheus all ",
	 "all figures of a tool (name, instance, pid) or ring"},
	{"watch", "[INTERVAL [COUNT]]", 0, 2, false, command_watch, " json prometheus count ",
	 "rates, an interval a line; `nmw-stat 1s 10` for short"},
	{"tap", "RING", 1, 1, true, command_tap, " json prometheus text jsonl count wait ",
	 "a ring's messages as a capture on stdout"},
	{"compare", "RING RING", 2, 2, true, command_compare,
	 " json prometheus jsonl count wait exact hold follow stop-on-difference ",
	 "two outputs message by message; exit 1 when they differ"},
	{"check", "[NAME]", 0, 1, true, command_check, " json prometheus ",
	 "do the figures add up? exit 7 when messages are missing"},
	{"sessions", "", 0, 0, false, command_sessions, " json prometheus ",
	 "the clients of nmw-send tcp:, how far behind they are"},
	{"doctor", "", 0, 0, false, command_doctor, " json prometheus ",
	 "what this host has and lacks, and what mends it"},
	{"reap", "", 0, 0, false, command_reap, " json prometheus dry-run ",
	 "removes rings and counters of the dead"},
};
#define N_COMMANDS (sizeof commands / sizeof commands[0])

static const struct command *named(const char *name)
{
	for (unsigned i = 0; i < N_COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

/* The commands as rows of --help: a heading, one each, the end. */
static void fill_rows(struct nmw_opt rows[N_COMMANDS + 2])
{
	rows[0] = (struct nmw_opt){.type = NMW_OPT_GROUP, .help = "Commands:"};
	for (unsigned i = 0; i < N_COMMANDS; i++)
		rows[i + 1] = (struct nmw_opt){.type = NMW_OPT_COMMAND,
					       .name = commands[i].name,
					       .arg = commands[i].args,
					       .help = commands[i].help};
	rows[N_COMMANDS + 1] = (struct nmw_opt){.type = NMW_OPT_END};
}

static int no_such(const char *name, struct nmw_err *e)
{
	char all[128];
	size_t n = 0;
	for (unsigned i = 0; i < N_COMMANDS && n < sizeof all; i++)
		n += (size_t)snprintf(all + n, sizeof all - n, "%s, ", commands[i].name);
	return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
			   "%s: no such command: %sor an interval such as 1s", name, all);
}

/* The first word is a command; an interval (`nmw-stat 1s`) is short for watch, nothing for list. */
static int find(int argc, char **argv, const struct command **out, int *skip, struct nmw_err *e)
{
	bool interval = argc > 0 && argv[0][0] >= '0' && argv[0][0] <= '9';
	*skip = argc > 0 && !interval;
	*out = named(argc == 0 ? "list" : interval ? "watch" : argv[0]);
	return *out ? 0 : no_such(argv[0], e);
}

/* An option that does nothing is a mistake. */
static int check_opts(const struct command *c, const struct nmw_opt *rows, struct nmw_err *e)
{
	char word[32];
	for (; rows->type != NMW_OPT_END; rows++) {
		if (!rows->dst || !nmw_opt_given(rows->dst))
			continue;
		snprintf(word, sizeof word, " %s ", rows->name);
		if (!strstr(c->opts, word))
			return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
					   "%s: --%s: has no effect on it: leave it out", c->name,
					   rows->name);
	}
	return 0;
}

static const struct view *choose_view(const struct command_opts *o)
{
	return o->json ? &view_json : o->prometheus ? &view_prometheus : &view_text;
}

static int run(struct command_opts *o, const struct nmw_opt *rows, int argc, char **argv,
	       struct nmw_err *e)
{
	const struct command *c;
	int skip;
	if (o->json && o->prometheus)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--json and --prometheus: choose one");
	int rc = find(argc, argv, &c, &skip, e);
	if (rc)
		return rc;
	struct command_args a = {choose_view(o), o, argv + skip, argc - skip};
	if (a.argc < c->min || a.argc > c->max)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "%s: %d arguments found: usage: nmw-stat %s%s%s", c->name,
				   a.argc, c->name, *c->args ? " " : "", c->args);
	rc = check_opts(c, rows, e);
	if (rc)
		return rc;
	o->view.detail = c->run == command_show;
	o->view.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	for (int i = 0; i < a.argc && c->takes_name; i++) {
		rc = nmw_parse_name(a.argv[i], NMW_RING_NAME_MAX - 1, e);
		if (rc)
			return nmw_err_prefix(e, "%s", c->name);
	}
	return c->run(&a, e);
}

int main(int argc, char **argv)
{
	struct command_opts o = {0};
	struct nmw_opt command_rows[N_COMMANDS + 2];
	fill_rows(command_rows);
	const struct nmw_opt table[] = {
		{.type = NMW_OPT_GROUP, .help = "Options:"},
		{NMW_OPT_FLAG, 'j', "json", NULL, &o.json, 0, 0,
		 "one JSON document; JSON Lines for watch; errors too"},
		{NMW_OPT_FLAG, 'p', "prometheus", NULL, &o.prometheus, 0, 0,
		 "list, show: Prometheus text exposition"},
		{NMW_OPT_FLAG, 'a', "all", NULL, &o.view.all, 0, 0,
		 "show: counters that are 0 as well"},
		{NMW_OPT_FLAG, 't', "text", NULL, &o.text, 0, 0,
		 "tap: a line a message instead of a capture"},
		{NMW_OPT_FLAG, 0, "jsonl", NULL, &o.jsonl, 0, 0,
		 "tap: a JSON object a message; compare: one a difference"},
		{NMW_OPT_COUNT, 'c', "count", "N", &o.count, 0, 0,
		 "watch: end after N intervals; tap, compare: after N messages"},
		{NMW_OPT_DURATION, 0, "wait", "TIME", &o.wait_ns, 0, 0,
		 "tap, compare: how long to wait for the ring; 0s = not at all"},
		{NMW_OPT_FLAG, 0, "exact", NULL, &o.exact, 0, 0,
		 "compare: the times of messages too"},
		{NMW_OPT_FLAG, 0, "hold", NULL, &o.hold, 0, 0,
		 "compare: rings wait for it, so that nothing is missed"},
		{NMW_OPT_FLAG, 0, "follow", NULL, &o.follow, 0, 0,
		 "compare: until a signal; rings that end or die are awaited"},
		{NMW_OPT_FLAG, 0, "stop-on-difference", NULL, &o.stop_on_difference, 0, 0,
		 "compare: end at the first"},
		{NMW_OPT_FLAG, 'n', "dry-run", NULL, &o.dry_run, 0, 0,
		 "reap: say what would be removed"},
		{.type = NMW_OPT_END},
	};
	static const char *const examples[] = {"nmw-stat show nmw-match", "nmw-stat 1s 10",
					       "nmw-stat tap orders | tshark -r -",
					       "nmw-stat --json | jq .tools", NULL};
	const struct nmw_opt_spec spec = {
		.tool = "nmw-stat",
		.synopsis = "[COMMAND [ARGUMENT]...]",
		.summary = "Looks at rings and tools, alive or dead, and never slows them.",
		.examples = examples,
		.groups = {command_rows, table},
		.backends = "text json prometheus pcap",
		.min_args = 0,
		.max_args = 3,
	};
	struct nmw_err e = NMW_ERR_INIT;
	int nargs = 0;
	nmw_streams_init();
	signals_init();
	nmw_log_init("nmw-stat", NMW_LOG_INFO, NMW_LOG_TEXT);
	int rc = nmw_opt_parse(&spec, argc, argv, &nargs, &e);
	if (rc == NMW_OPT_DONE)
		return nmw_answer_end(0, false, &e);
	if (rc == NMW_OPT_RUN)
		rc = run(&o, table, nargs, argv + 1, &e);
	return nmw_answer_end(rc, choose_view(&o)->json, &e);
}
