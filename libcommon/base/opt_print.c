#include "base/json.h"
#include "base/opt_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LEFT_MAX 27 /* columns of the option's side of --help */

static bool is_number(const struct nmw_opt *o)
{
	return o->type >= NMW_OPT_U64 && o->type <= NMW_OPT_RATE;
}

bool opt_is_set(const struct nmw_opt *o)
{
	if (is_number(o)) {
		uint64_t v = *(const uint64_t *)o->dst;
		return v >= o->lo && (!o->hi || v <= o->hi);
	}
	switch (o->type) {
	case NMW_OPT_FLAG:
		return *(const bool *)o->dst;
	case NMW_OPT_STR:
		return *(const char *const *)o->dst != NULL;
	case NMW_OPT_ENUM:
		return *(const int *)o->dst >= 0;
	case NMW_OPT_LIST:
		return ((const struct nmw_opt_list *)o->dst)->n > 0;
	default:
		return false;
	}
}

static void choice_text(const struct nmw_opt *o, char *buf, size_t cap)
{
	const char *p = o->arg;
	for (int i = *(const int *)o->dst; i > 0 && *p; i--)
		p += strcspn(p, "|") + 1;
	snprintf(buf, cap, "%.*s", (int)strcspn(p, "|"), p);
}

void opt_text(const struct nmw_opt *o, char *buf, size_t cap)
{
	buf[0] = '\0';
	if (!opt_is_set(o))
		return;
	switch (o->type) {
	case NMW_OPT_STR:
		snprintf(buf, cap, "%s", *(const char *const *)o->dst);
		break;
	case NMW_OPT_U64:
		snprintf(buf, cap, "%" PRIu64, *(const uint64_t *)o->dst);
		break;
	case NMW_OPT_COUNT:
		nmw_format_count(buf, cap, *(const uint64_t *)o->dst);
		break;
	case NMW_OPT_SIZE:
		nmw_format_size(buf, cap, *(const uint64_t *)o->dst);
		break;
	case NMW_OPT_DURATION:
		nmw_format_duration(buf, cap, *(const uint64_t *)o->dst);
		break;
	case NMW_OPT_RATE:
		nmw_format_rate(buf, cap, *(const uint64_t *)o->dst);
		break;
	case NMW_OPT_ENUM:
		choice_text(o, buf, cap);
		break;
	default:
		break;
	}
}

/* ---- --help ---------------------------------------------------------------------------------- */

static int left_side(const struct nmw_opt *o, char *buf, size_t cap)
{
	if (o->type == NMW_OPT_COMMAND)
		return snprintf(buf, cap, "%s%s%s", o->name, *o->arg ? " " : "", o->arg);
	char letter[8] = "    ";
	if (o->short_name)
		snprintf(letter, sizeof letter, "-%c, ", o->short_name);
	bool arg = o->type != NMW_OPT_FLAG;
	return snprintf(buf, cap, "%s--%s%s%s", letter, o->name, arg ? " " : "", arg ? o->arg : "");
}

static int left_width(const struct opt_rows *r)
{
	char buf[128];
	int width = 0;
	for (unsigned i = 0; i < r->n; i++) {
		bool heading = r->row[i]->type == NMW_OPT_GROUP;
		int n = heading ? 0 : left_side(r->row[i], buf, sizeof buf);
		if (n > width && n <= LEFT_MAX)
			width = n;
	}
	return width;
}

static void help_row(const struct nmw_opt *o, int width, bool show_default)
{
	char left[128], value[128];
	left_side(o, left, sizeof left);
	printf("  %-*s  %s", width, left, o->help);
	if (show_default && opt_is_value(o) && o->type != NMW_OPT_LIST) {
		opt_text(o, value, sizeof value);
		if (value[0])
			printf(" [%s]", value);
	}
	putchar('\n');
}

void opt_print_help(const struct opt_rows *r)
{
	const struct nmw_opt_spec *s = r->spec;
	int width = left_width(r);
	printf("usage: %s %s\n%s\n", s->tool, s->synopsis, s->summary);
	for (unsigned i = 0; i < r->n; i++)
		if (r->row[i]->type == NMW_OPT_GROUP)
			printf("%s\n", r->row[i]->help);
		else
			help_row(r->row[i], width, i < r->n_own);
	printf("Examples:\n");
	for (const char *const *e = s->examples; e && *e; e++)
		printf("  %s\n", *e);
}

/* ---- --version ------------------------------------------------------------------------------- */

void opt_print_version(const struct opt_rows *r)
{
	printf("%s %s\n", r->spec->tool, NMW_VERSION);
	printf("back ends: %s\n", r->spec->backends ? r->spec->backends : "none");
#ifdef __clang__
	printf("compiler: clang %s\n", __clang_version__);
#else
	printf("compiler: gcc %s\n", __VERSION__);
#endif
}

/* ---- --completion bash ----------------------------------------------------------------------- */

static void complete_case(const struct nmw_opt *o, const char *words)
{
	if (o->short_name)
		printf("\t-%c | ", o->short_name);
	else
		putchar('\t');
	printf("--%s) %s ;;\n", o->name, words);
}

static bool names_file(const struct nmw_opt *o)
{
	return o->arg && (!strcmp(o->arg, "FILE") || !strcmp(o->arg, "DIR"));
}

static void complete_value(const struct nmw_opt *o)
{
	char words[256];
	if (o->type == NMW_OPT_FLAG)
		return;
	if (o->type == NMW_OPT_ENUM) {
		snprintf(words, sizeof words, "words='%s'", o->arg);
		for (char *p = words; *p; p++)
			if (*p == '|')
				*p = ' ';
		complete_case(o, words);
	} else {
		complete_case(o, names_file(o) ? "return" : "words=''");
	}
}

/* ` words='a b c' ;;` of the rows that are options, or those that are commands. */
static void complete_words(const struct opt_rows *r, bool options)
{
	const char *gap = "";
	printf(" words='");
	for (unsigned i = 0; i < r->n; i++) {
		const struct nmw_opt *o = r->row[i];
		if (options ? opt_is_value(o) : o->type == NMW_OPT_COMMAND) {
			printf("%s%s%s", gap, options ? "--" : "", o->name);
			gap = " ";
		}
	}
	printf("' ;;\n");
}

static bool has_commands(const struct opt_rows *r)
{
	for (unsigned i = 0; i < r->n; i++)
		if (r->row[i]->type == NMW_OPT_COMMAND)
			return true;
	return false;
}

void opt_print_completion(const struct opt_rows *r)
{
	char name[64];
	snprintf(name, sizeof name, "_%s", r->spec->tool);
	for (char *p = name; *p; p++)
		if (*p == '-')
			*p = '_';
	printf("# bash completion for %s, made by %s --completion bash\n", r->spec->tool,
	       r->spec->tool);
	printf("%s() {\n\tlocal words cur=${COMP_WORDS[COMP_CWORD]}\n", name);
	printf("\tcase ${COMP_WORDS[COMP_CWORD - 1]} in\n");
	for (unsigned i = 0; i < r->n; i++)
		if (opt_is_value(r->row[i]))
			complete_value(r->row[i]);
	printf("\t*)\n\t\tcase $cur in\n\t\t-*)");
	complete_words(r, true);
	printf("\t\t*)");
	if (has_commands(r))
		complete_words(r, false);
	else
		printf(" return ;;\n");
	printf("\t\tesac\n\t\t;;\n\tesac\n");
	printf("\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\n");
	printf("complete -o default -F %s %s\n", name, r->spec->tool);
}

/* ---- --print-config -------------------------------------------------------------------------- */

static struct nmw_json *list_value(const struct nmw_opt_list *l)
{
	struct nmw_json *a = nmw_json_array();
	for (unsigned i = 0; i < l->n; i++)
		nmw_json_add(a, nmw_json_str(l->v[i]));
	return a;
}

static struct nmw_json *config_value(const struct nmw_opt *o)
{
	char text[4096];
	if (o->type == NMW_OPT_LIST)
		return list_value(o->dst);
	if (o->type == NMW_OPT_FLAG)
		return nmw_json_bool(*(const bool *)o->dst);
	if (!opt_is_set(o))
		return nmw_json_null();
	if (o->type == NMW_OPT_U64 || o->type == NMW_OPT_COUNT)
		return nmw_json_num(*(const uint64_t *)o->dst);
	opt_text(o, text, sizeof text);
	return nmw_json_str(text);
}

/* What it prints, --config takes back. */
int opt_print_config(const struct opt_rows *r)
{
	struct nmw_json *doc = nmw_json_object();
	for (unsigned i = 0; i < r->n_own; i++) {
		const struct nmw_opt *o = r->row[i];
		char key[OPT_NAME_MAX];
		if (!opt_is_value(o))
			continue;
		snprintf(key, sizeof key, "%s", o->name);
		for (char *p = key; *p; p++)
			if (*p == '-')
				*p = '_';
		nmw_json_set(doc, key, config_value(o));
	}
	return nmw_json_print(doc, stdout, 2);
}
