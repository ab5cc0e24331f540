/* opt_rows.h: a tool's option table while it is read; private to opt.c and opt_print.c. */
#ifndef NMW_BASE_OPT_ROWS_H
#define NMW_BASE_OPT_ROWS_H

#include "base/opt.h"
#include "base/parse.h"

#define OPT_ROWS_MAX  96u
#define OPT_BUILT_INS 5u
#define OPT_NAME_MAX  40u

enum opt_from { FROM_DEFAULT, FROM_CONFIG, FROM_ENV, FROM_ARGS }; /* rising precedence */

struct opt_rows {
	const struct nmw_opt_spec *spec;
	struct nmw_opt built_in[OPT_BUILT_INS + 1]; /* the rows, the end */
	const struct nmw_opt *row[OPT_ROWS_MAX];    /* headings and commands too, as in --help */
	uint8_t from[OPT_ROWS_MAX];		    /* enum opt_from of the value that is there */
	unsigned n, n_own;			    /* rows; without the built-in ones */
	bool help, version, print_config;
	const char *config;
	int completion; /* -1: not asked for */
};

static inline bool opt_is_value(const struct nmw_opt *o)
{
	return o->type != NMW_OPT_GROUP && o->type != NMW_OPT_COMMAND;
}

/* Whether the row holds a value that one could have typed. */
bool opt_is_set(const struct nmw_opt *o);
/* The value as one would type it; "" when unset. Not for lists. */
void opt_text(const struct nmw_opt *o, char *buf, size_t cap);

void opt_print_help(const struct opt_rows *r);
void opt_print_version(const struct opt_rows *r);
void opt_print_completion(const struct opt_rows *r);
int opt_print_config(const struct opt_rows *r);

#endif
