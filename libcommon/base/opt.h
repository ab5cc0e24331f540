/* opt.h: the option table.  One table per tool; parsing, --help, --print-config, shell completion,
 * the environment and the configuration file are all made from its rows.
 *
 * A row names a long option; `--foo-bar` is also the config key `foo_bar` and the environment
 * variable NMW_FOO_BAR.  Precedence: command line, environment, `--config FILE` (JSON object),
 * default. Built in for every tool: --help --version --config FILE --print-config --completion
 * bash.
 */
#ifndef NMW_BASE_OPT_H
#define NMW_BASE_OPT_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum nmw_opt_type {
	NMW_OPT_END = 0,
	NMW_OPT_GROUP,	  /* a heading in --help; only `help` counts */
	NMW_OPT_COMMAND,  /* a word that stands before arguments: name, arg, help; no dst */
	NMW_OPT_FLAG,	  /* bool *          no argument */
	NMW_OPT_STR,	  /* const char **   hi: a name of at most hi bytes; 0 = any text */
	NMW_OPT_U64,	  /* uint64_t *      lo..hi */
	NMW_OPT_COUNT,	  /* uint64_t *      lo..hi, decimal k M G */
	NMW_OPT_SIZE,	  /* uint64_t *      lo..hi bytes, binary K M G */
	NMW_OPT_DURATION, /* uint64_t *      lo..hi ns */
	NMW_OPT_RATE,	  /* uint64_t *      lo..hi per second */
	NMW_OPT_ENUM,	  /* int *           index into choices "auto|spin|park" */
	NMW_OPT_LIST,	  /* struct nmw_opt_list *, may be repeated; hi as for STR */
};

struct nmw_opt_list {
	const char *v[16];
	unsigned n;
};

struct nmw_opt {
	enum nmw_opt_type type;
	char short_name;  /* 'o', or 0 */
	const char *name; /* "on-full" */
	const char *arg;  /* "RING": what --help calls the argument; ENUM: the choices */
	void *dst;	  /* where the value goes; holds the default beforehand */
	uint64_t lo, hi;  /* numeric range, inclusive; hi 0 = no limit */
	const char *help; /* one line, with the unit */
};

/* What stands behind `--` and is no argument of the tool's: for a library that has options of its
 * own. */
struct nmw_opt_rest {
	char **v;
	unsigned n;
};

struct nmw_opt_spec {
	const char *tool;		 /* "nmw-match" */
	const char *synopsis;		 /* "[-i RING]... [-o RING]" */
	const char *summary;		 /* one line of what it does */
	const char *const *examples;	 /* NULL-terminated, at least two */
	const struct nmw_opt *groups[6]; /* tables, each ended by NMW_OPT_END; NULL-terminated */
	const char *backends;		 /* for --version: "pcap itch gen" */
	unsigned min_args, max_args;	 /* positional arguments */
	struct nmw_opt_rest *rest; /* of those behind `--`: from the first that begins with a dash
				    * or is one too many on; NULL: all are the tool's */
};

enum nmw_opt_act {
	NMW_OPT_RUN = 0,  /* go on */
	NMW_OPT_DONE = 1, /* --help, --version, --print-config printed to stdout: exit 0 */
};

/* Parses argv (GNU style: permuted, --name=value, --name value, -oVALUE, -qv, `--` ends; names are
 * not abbreviated, so that a script stays valid when an option is added; --no-NAME unsets a flag).
 * The positional arguments are moved to argv[1..] and counted in *nargs. Returns NMW_OPT_RUN,
 * NMW_OPT_DONE or a negative errno with e->exit = NMW_EXIT_USAGE and the allowed range or the
 * nearest name.  After an error the rest is still read, so that what the user asked for about
 * messages (--log-format json) holds for this one too.
 *
 * Of a flag or a number that is given twice the last one holds; a text given twice, and not the
 * same, is refused.  A list is replaced, not extended, by the source of higher precedence; in the
 * environment commas separate its items. A number whose default lies outside lo..hi counts as
 * unset: --help shows no default and --print-config null. */
int nmw_opt_parse(const struct nmw_opt_spec *spec, int argc, char **argv, int *nargs,
		  struct nmw_err *e);

/* Whether the command line of the last parse had the option whose row has this dst: for who refuses
 * an option that has no effect, even when it was given its default. */
bool nmw_opt_given(const void *dst);

#endif
