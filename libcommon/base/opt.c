#include "base/opt.h"
#include "base/conf.h"
#include "base/opt_rows.h"
#include "base/parse.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX (sizeof((struct nmw_opt_list){0}.v) / sizeof(const char *))

/* Values that come from the environment or a file outlive the parse, as argv does: the list keeps
 * them to the end of the process. */
struct kept {
	struct kept *next;
	char s[];
};
static struct kept *kept_values;

static char *keep(const char *s, size_t len)
{
	struct kept *k = malloc(sizeof *k + len + 1);
	if (!k)
		return NULL;
	memcpy(k->s, s, len);
	k->s[len] = '\0';
	k->next = kept_values;
	kept_values = k;
	return k->s;
}

/* What the last command line had: the dst of the rows. */
static const void *given[OPT_ROWS_MAX];
static unsigned n_given;

bool nmw_opt_given(const void *dst)
{
	for (unsigned i = 0; i < n_given; i++)
		if (given[i] == dst)
			return true;
	return false;
}

/* ---- the rows ------------------------------------------------------------------------------ */

static void add_rows(struct opt_rows *r, const struct nmw_opt *o)
{
	for (; o->type != NMW_OPT_END; o++) {
		assert(r->n < OPT_ROWS_MAX);
		assert(!opt_is_value(o) || (o->dst && strlen(o->name) < OPT_NAME_MAX));
		r->row[r->n++] = o;
	}
}

static void collect(struct opt_rows *r, const struct nmw_opt_spec *spec)
{
	r->spec = spec;
	for (unsigned i = 0; i < 6 && spec->groups[i]; i++)
		add_rows(r, spec->groups[i]);
	r->n_own = r->n;
	const struct nmw_opt rows[] = {
		{NMW_OPT_STR, 0, "config", "FILE", &r->config, 0, 0,
		 "options as a JSON object; in the environment they are NMW_NAME"},
		{NMW_OPT_FLAG, 0, "print-config", NULL, &r->print_config, 0, 0,
		 "print the options as they took effect, as JSON"},
		{NMW_OPT_ENUM, 0, "completion", "bash", &r->completion, 0, 0,
		 "print a completion script"},
		{NMW_OPT_FLAG, 'h', "help", NULL, &r->help, 0, 0, "print this"},
		{NMW_OPT_FLAG, 'V', "version", NULL, &r->version, 0, 0,
		 "print the version and the back ends"},
		{.type = NMW_OPT_END},
	};
	_Static_assert(sizeof rows == sizeof r->built_in, "one row each");
	memcpy(r->built_in, rows, sizeof rows);
	add_rows(r, r->built_in);
}

/* Index of a row, or -1. */
static int find_long(const struct opt_rows *r, const char *name, size_t len)
{
	for (unsigned i = 0; i < r->n; i++)
		if (opt_is_value(r->row[i]) && strlen(r->row[i]->name) == len &&
		    !memcmp(r->row[i]->name, name, len))
			return (int)i;
	return -1;
}

static int find_short(const struct opt_rows *r, char c)
{
	for (unsigned i = 0; i < r->n; i++)
		if (opt_is_value(r->row[i]) && r->row[i]->short_name == c)
			return (int)i;
	return -1;
}

static const char *nearest(const struct opt_rows *r, const char *name)
{
	const char *hit = NULL;
	unsigned best = UINT32_MAX;
	for (unsigned i = 0; i < r->n; i++)
		if (opt_is_value(r->row[i]) && nmw_parse_near(name, r->row[i]->name, &best))
			hit = r->row[i]->name;
	return hit;
}

/* ---- one value ------------------------------------------------------------------------------ */

static int check_text(const struct nmw_opt *o, const char *value, struct nmw_err *e)
{
	if (!*value)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, "empty: %s expected", o->arg);
	return o->hi ? nmw_parse_name(value, (unsigned)o->hi, e) : 0;
}

static int set_list(struct opt_rows *r, unsigned i, const char *value, enum opt_from from,
		    struct nmw_err *e)
{
	int rc = check_text(r->row[i], value, e);
	if (rc)
		return rc;
	struct nmw_opt_list *l = r->row[i]->dst;
	if (r->from[i] != from)
		l->n = 0;
	if (l->n == LIST_MAX)
		return nmw_err_set(e, -E2BIG, NMW_EXIT_USAGE, "%.64s: one too many: %zu allowed",
				   value, LIST_MAX);
	l->v[l->n++] = value;
	return 0;
}

static int set_choice(const struct nmw_opt *o, const char *value, struct nmw_err *e)
{
	int i = nmw_parse_choice(value, o->arg);
	if (i < 0)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, "%.64s: not one of %s",
				   *value ? value : "(nothing)", o->arg);
	*(int *)o->dst = i;
	return 0;
}

static int set_flag(const struct nmw_opt *o, const char *value, struct nmw_err *e)
{
	int i = nmw_parse_choice(value, "false|true");
	if (i < 0)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "%.64s found, true or false expected", value);
	*(bool *)o->dst = i;
	return 0;
}

static int set_str(const struct nmw_opt *o, const char *value, struct nmw_err *e)
{
	int rc = check_text(o, value, e);
	if (!rc)
		*(const char **)o->dst = value;
	return rc;
}

static int set_value(struct opt_rows *r, unsigned i, const char *value, enum opt_from from,
		     struct nmw_err *e)
{
	const struct nmw_opt *o = r->row[i];
	switch (o->type) {
	case NMW_OPT_FLAG:
		return set_flag(o, value, e);
	case NMW_OPT_STR:
		return set_str(o, value, e);
	case NMW_OPT_U64:
		return nmw_parse_u64(value, o->lo, o->hi, o->dst, e);
	case NMW_OPT_COUNT:
		return nmw_parse_count(value, o->lo, o->hi, o->dst, e);
	case NMW_OPT_SIZE:
		return nmw_parse_size(value, o->lo, o->hi, o->dst, e);
	case NMW_OPT_DURATION:
		return nmw_parse_duration(value, o->lo, o->hi, o->dst, e);
	case NMW_OPT_RATE:
		return nmw_parse_rate(value, o->lo, o->hi, o->dst, e);
	case NMW_OPT_ENUM:
		return set_choice(o, value, e);
	case NMW_OPT_LIST:
		return set_list(r, i, value, from, e);
	default:
		return -EINVAL;
	}
}

/* Of numbers and switches the last one holds; what names a file, an end or a thing is one. */
static int check_again(const struct opt_rows *r, unsigned i, const char *value, enum opt_from from,
		       struct nmw_err *e)
{
	const struct nmw_opt *o = r->row[i];
	if (o->type != NMW_OPT_STR || from != FROM_ARGS || r->from[i] != FROM_ARGS)
		return 0;
	const char *was = *(const char **)o->dst;
	return strcmp(was, value)
		       ? nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				     "given twice, %.64s and %.64s: leave one out", was, value)
		       : 0;
}

/* Sets row i and remembers the source, which is named in the message if it is wrong. */
static int take(struct opt_rows *r, unsigned i, const char *value, enum opt_from from,
		const char *where, struct nmw_err *e)
{
	int rc = check_again(r, i, value, from, e);
	if (!rc)
		rc = set_value(r, i, value, from, e);
	if (rc)
		return nmw_err_prefix(e, "%s", where);
	r->from[i] = (uint8_t)from;
	return 0;
}

/* ---- the command line ------------------------------------------------------------------------ */

/* Where one stands in argv, and what was found there. */
struct scan {
	int argc, i;
	char **argv;
	const char *cluster; /* the rest of -abc */
	bool rest;	     /* behind `--`: arguments only */
	/* found */
	unsigned row;
	const char *value; /* of the option; or the argument itself */
	char name[OPT_NAME_MAX + 8];
};

enum { SCAN_END = 0, SCAN_OPTION, SCAN_ARG };

#define usage(e, ...) nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, __VA_ARGS__)

static int unknown(const struct opt_rows *r, const char *dashed, const char *name,
		   struct nmw_err *e)
{
	const char *hit = nearest(r, name);
	if (hit)
		return usage(e, "%.64s: no such option: did you mean --%s?", dashed, hit);
	return usage(e, "%.64s: no such option: %s --help lists them", dashed, r->spec->tool);
}

static int want_value(const struct opt_rows *r, struct scan *s, const char *attached,
		      struct nmw_err *e)
{
	const struct nmw_opt *o = r->row[s->row];
	s->value = attached;
	if (attached)
		return SCAN_OPTION;
	if (s->i == s->argc)
		return usage(e, "%s: an argument is missing: %s expected", s->name, o->arg);
	s->value = s->argv[s->i++];
	return SCAN_OPTION;
}

static int scan_short(const struct opt_rows *r, struct scan *s, struct nmw_err *e)
{
	char c = *s->cluster++;
	const char *left = *s->cluster ? s->cluster : NULL;
	s->cluster = left;
	snprintf(s->name, sizeof s->name, "-%c", c);
	int i = find_short(r, c);
	if (i < 0) {
		s->cluster = NULL;
		return unknown(r, s->name, s->name + 1, e);
	}
	s->row = (unsigned)i;
	s->value = "true";
	if (r->row[i]->type == NMW_OPT_FLAG)
		return SCAN_OPTION;
	s->cluster = NULL;
	return want_value(r, s, left, e);
}

static int scan_long(const struct opt_rows *r, struct scan *s, const char *arg, struct nmw_err *e)
{
	const char *name = arg + 2;
	size_t len = strcspn(name, "=");
	const char *attached = name[len] ? name + len + 1 : NULL;
	snprintf(s->name, sizeof s->name, "--%.*s", (int)len, name);
	int i = find_long(r, name, len);
	bool no = i < 0 && !strncmp(name, "no-", 3);
	if (no) {
		i = find_long(r, name + 3, len - 3);
		if (i >= 0 && r->row[i]->type != NMW_OPT_FLAG)
			i = -1;
	}
	if (i < 0)
		return unknown(r, s->name, s->name + 2, e);
	s->row = (unsigned)i;
	if (r->row[i]->type != NMW_OPT_FLAG)
		return want_value(r, s, attached, e);
	s->value = no ? "false" : "true";
	return attached ? usage(e, "%s: takes no argument, \"%.64s\" found", s->name, attached)
			: SCAN_OPTION;
}

/* The next option or argument: SCAN_*, or negative. */
static int scan_next(const struct opt_rows *r, struct scan *s, struct nmw_err *e)
{
	if (s->cluster)
		return scan_short(r, s, e);
	if (s->i == s->argc)
		return SCAN_END;
	const char *arg = s->argv[s->i++];
	if (!s->rest && !strcmp(arg, "--")) {
		s->rest = true;
		return scan_next(r, s, e);
	}
	if (s->rest || arg[0] != '-' || !arg[1]) {
		s->value = arg;
		return SCAN_ARG;
	}
	if (arg[1] == '-')
		return scan_long(r, s, arg, e);
	s->cluster = arg + 1;
	return scan_short(r, s, e);
}

/* ---- the sources ----------------------------------------------------------------------------- */

/* Keeps the first error. */
static void note(struct nmw_err *first, const struct nmw_err *e)
{
	if (!first->err)
		*first = *e;
}

/* --help and its like hold wherever they stand, before any value is judged, so that --help shows
 * the defaults. An unreadable argument in front of them comes first. */
static void find_built_ins(struct opt_rows *r, int argc, char **argv)
{
	struct scan s = {.argc = argc, .argv = argv, .i = 1};
	struct nmw_err none = NMW_ERR_INIT;
	for (int rc; (rc = scan_next(r, &s, &none)) > 0;) {
		if (rc == SCAN_OPTION && s.row >= r->n_own)
			set_value(r, s.row, s.value, FROM_ARGS, &none);
	}
}

/* Of the arguments behind `--` (the last `behind`), those from the first that looks like an option,
 * or that is one too many, are somebody else's. */
static void take_rest(const struct nmw_opt_spec *spec, char **argv, int behind, int *nargs)
{
	int own = *nargs - behind;
	if (!spec->rest)
		return;
	while (own < *nargs && own < (int)spec->max_args &&
	       (argv[1 + own][0] != '-' || !argv[1 + own][1]))
		own++;
	*spec->rest = (struct nmw_opt_rest){argv + 1 + own, (unsigned)(*nargs - own)};
	*nargs = own;
}

static void take_args(struct opt_rows *r, int argc, char **argv, int *nargs, struct nmw_err *first)
{
	struct scan s = {.argc = argc, .argv = argv, .i = 1};
	int rc, n = 0, behind = 0;
	for (;;) {
		struct nmw_err e = NMW_ERR_INIT;
		rc = scan_next(r, &s, &e);
		if (rc == SCAN_END)
			break;
		if (rc == SCAN_OPTION)
			rc = take(r, s.row, s.value, FROM_ARGS, s.name, &e);
		else if (rc == SCAN_ARG) {
			argv[++n] = argv[s.i - 1];
			behind += s.rest;
		}
		if (rc < 0)
			note(first, &e);
	}
	*nargs = n;
	take_rest(r->spec, argv, behind, nargs);
}

static void env_name(const struct nmw_opt *o, char *buf, size_t cap)
{
	snprintf(buf, cap, "NMW_%s", o->name);
	for (char *p = buf; *p; p++)
		*p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
}

static int take_env_row(struct opt_rows *r, unsigned i, const char *value, const char *where,
			struct nmw_err *e)
{
	int rc = 0;
	bool list = r->row[i]->type == NMW_OPT_LIST;
	for (bool more = true; more && !rc;) {
		size_t n = list ? strcspn(value, ",") : strlen(value);
		char *copy = keep(value, n);
		if (!copy)
			return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "%s: no memory", where);
		rc = take(r, i, copy, FROM_ENV, where, e);
		more = value[n];
		value += n + more;
	}
	return rc;
}

static void take_env(struct opt_rows *r, struct nmw_err *first)
{
	for (unsigned i = 0; i < r->n_own; i++) {
		char name[OPT_NAME_MAX + 8];
		struct nmw_err e = NMW_ERR_INIT;
		if (!opt_is_value(r->row[i]))
			continue;
		env_name(r->row[i], name, sizeof name);
		const char *value = getenv(name);
		if (value && *value && take_env_row(r, i, value, name, &e))
			note(first, &e);
	}
}

static void key_name(const struct nmw_opt *o, char *buf, size_t cap)
{
	snprintf(buf, cap, "%s", o->name);
	for (char *p = buf; *p; p++)
		if (*p == '-')
			*p = '_';
}

static int check_keys(const struct opt_rows *r, const struct nmw_conf_at *root, struct nmw_err *e)
{
	char keys[OPT_ROWS_MAX * OPT_NAME_MAX] = "";
	size_t at = 0;
	for (unsigned i = 0; i < r->n_own; i++) {
		if (!opt_is_value(r->row[i]))
			continue;
		if (at)
			keys[at++] = '|';
		key_name(r->row[i], keys + at, OPT_NAME_MAX);
		at += strlen(keys + at);
	}
	return nmw_conf_keys(root, keys, e);
}

static int take_config_flag(struct opt_rows *r, unsigned row, const struct nmw_conf_at *root,
			    const char *key, struct nmw_err *e)
{
	int rc = nmw_conf_bool(root, key, r->row[row]->dst, e);
	if (rc > 0)
		r->from[row] = FROM_CONFIG;
	return rc < 0 ? rc : 0;
}

static int take_config_row(struct opt_rows *r, unsigned row, const struct nmw_conf_at *root,
			   struct nmw_err *e)
{
	char key[OPT_NAME_MAX], text[4096], where[256];
	struct nmw_conf_at list;
	key_name(r->row[row], key, sizeof key);
	snprintf(where, sizeof where, "%.200s: %s", root->file, key);
	if (r->row[row]->type == NMW_OPT_FLAG)
		return take_config_flag(r, row, root, key, e);
	if (r->row[row]->type != NMW_OPT_LIST && nmw_conf_list(root, key, &list, NULL) == 1)
		return nmw_conf_err(root, key, e, "a list found, one value expected");
	int rc;
	for (size_t i = 0; (rc = nmw_conf_text(root, key, i, text, sizeof text, e)) > 0; i++) {
		char *copy = keep(text, strlen(text));
		if (!copy)
			return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "%s: no memory", where);
		rc = take(r, row, copy, FROM_CONFIG, where, e);
		if (rc)
			break;
	}
	return rc;
}

static int take_config(struct opt_rows *r, struct nmw_err *e)
{
	const char *path = r->config ? r->config : getenv("NMW_CONFIG");
	struct nmw_conf *c;
	struct nmw_conf_at root;
	if (!path || !*path)
		return 0;
	int rc = nmw_conf_load(path, &c, &root, e);
	if (rc)
		return nmw_err_prefix(e, "--config");
	rc = check_keys(r, &root, e);
	for (unsigned i = 0; i < r->n_own && !rc; i++)
		if (opt_is_value(r->row[i]))
			rc = take_config_row(r, i, &root, e);
	nmw_conf_free(c);
	return rc;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void note_given(const struct opt_rows *r)
{
	n_given = 0;
	for (unsigned i = 0; i < r->n; i++)
		if (r->from[i] == FROM_ARGS)
			given[n_given++] = r->row[i]->dst;
}

static int check_nargs(const struct opt_rows *r, char **argv, int nargs, struct nmw_err *e)
{
	const struct nmw_opt_spec *s = r->spec;
	if ((unsigned)nargs < s->min_args)
		return usage(e, "an argument is missing: usage: %s %s", s->tool, s->synopsis);
	if ((unsigned)nargs > s->max_args && s->max_args > 1)
		return usage(e, "%.64s: one argument too many: at most %u: usage: %s %s",
			     argv[s->max_args + 1], s->max_args, s->tool, s->synopsis);
	if ((unsigned)nargs > s->max_args)
		return usage(e, "%.64s: unexpected argument: usage: %s %s", argv[s->max_args + 1],
			     s->tool, s->synopsis);
	return 0;
}

static int done(struct nmw_err *e)
{
	if (fflush(stdout) || ferror(stdout))
		return nmw_err_set(e, -EIO, NMW_EXIT_FAILED, "stdout: cannot write: %s",
				   strerror(errno));
	return NMW_OPT_DONE;
}

int nmw_opt_parse(const struct nmw_opt_spec *spec, int argc, char **argv, int *nargs,
		  struct nmw_err *e)
{
	struct opt_rows r = {.completion = -1};
	struct nmw_err first = NMW_ERR_INIT, why = NMW_ERR_INIT;
	*nargs = 0;
	collect(&r, spec);
	find_built_ins(&r, argc, argv);
	if (r.help)
		opt_print_help(&r);
	else if (r.version)
		opt_print_version(&r);
	else if (r.completion >= 0)
		opt_print_completion(&r);
	if (r.help || r.version || r.completion >= 0)
		return done(e);
	if (take_config(&r, &why))
		note(&first, &why);
	take_env(&r, &first);
	take_args(&r, argc, argv, nargs, &first);
	note_given(&r);
	if (!first.err && !r.print_config)
		check_nargs(&r, argv, *nargs, &first);
	if (first.err) {
		if (e)
			*e = first;
		return first.err;
	}
	if (!r.print_config)
		return NMW_OPT_RUN;
	int rc = opt_print_config(&r);
	if (rc == -ENOMEM)
		return nmw_err_set(e, rc, NMW_EXIT_RESOURCE, "--print-config: no memory");
	return done(e);
}
