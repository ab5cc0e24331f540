/* symbols, offload, return: where the symbols of a run are, and how they move. */
#include "ask.h"
#include "books.h"
#include "command.h"

#include "base/json.h"
#include "base/log.h"
#include "book/symbols.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct view {
	const struct control_request *q;
	bool json;
	struct nmw_json *doc, *list; /* until they are printed; NULL: text */
	FILE *text;		     /* into said: the run waits for nobody who reads slowly */
	char *said;
	size_t said_sz;
	unsigned not_done;
	struct control_end end;
};

static void name_of(const struct control_answer *a, char text[9])
{
	memcpy(text, &a->symbol, 8);
	text[8] = '\0';
	for (char *p = text; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	for (size_t n = 8; n && text[n - 1] == ' '; n--)
		text[n - 1] = '\0';
}

static const char *place_of(const struct control_answer *a)
{
	return a->place == CONTROL_DEVICE     ? "device"
	       : a->place == CONTROL_SOFTWARE ? "software"
					      : "unused";
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void say(const struct view *v, const struct control_answer *a, const char *name)
{
	fprintf(v->text, "%-8s  %-8s", name, place_of(a));
	if (a->place == CONTROL_UNUSED && v->q->op != CONTROL_LIST && !a->done)
		fprintf(v->text, "  no order named it yet, and no more names can be kept");
	else if (a->place == CONTROL_UNUSED)
		fprintf(v->text, "  no order named it yet");
	else if (v->q->op == CONTROL_RETURN)
		fprintf(v->text, "  %" PRIu64 " order%s came from the device", a->orders,
			plural(a->orders));
	else if (a->place == CONTROL_SOFTWARE)
		fprintf(v->text, "  %s", books_why((enum nmw_held_why)a->why));
	else
		fprintf(v->text, "  %" PRIu64 " order%s", a->orders, plural(a->orders));
	if (a->far)
		fprintf(v->text, ", %" PRIu64 " outside its window with the host", a->far);
	fputc('\n', v->text);
}

static void add(const struct view *v, const struct control_answer *a, const char *name)
{
	struct nmw_json *o = nmw_json_add(v->list, nmw_json_object());
	nmw_json_set(o, "symbol", nmw_json_str(name));
	nmw_json_set(o, "place", nmw_json_str(place_of(a)));
	nmw_json_set(o, "why",
		     a->place == CONTROL_SOFTWARE
			     ? nmw_json_str(books_why((enum nmw_held_why)a->why))
			     : nmw_json_null());
	nmw_json_set(o, "orders", nmw_json_num(a->orders));
	if (v->q->op == CONTROL_OFFLOAD)
		nmw_json_set(o, "far", nmw_json_num(a->far));
	if (v->q->op != CONTROL_LIST)
		nmw_json_set(o, "done", nmw_json_bool(a->done));
}

static void take(const struct control_answer *a, void *arg)
{
	struct view *v = arg;
	char name[9];
	if (a->end) {
		v->end = a->run;
		return;
	}
	name_of(a, name);
	v->not_done += !a->done;
	if (v->doc)
		add(v, a, name);
	else
		say(v, a, name);
}

static void say_end(const struct view *v, const struct ask_run *r)
{
	const struct control_end *x = &v->end;
	if (v->q->op != CONTROL_LIST)
		return;
	fprintf(v->text,
		"run %u%s%s: device %s: %" PRIu64 " symbols on it, %u of %u books free; %" PRIu64
		" in software\n",
		r->pid, r->instance[0] ? " " : "", r->instance, x->in_use ? "in use" : "lost",
		x->held, x->free, x->books, x->software);
	if (!x->in_use)
		fprintf(v->text, "lost: %s\n", x->text);
}

static void add_end(const struct view *v, const struct ask_run *r)
{
	const struct control_end *x = &v->end;
	struct nmw_json *o = nmw_json_set(v->doc, "run", nmw_json_object());
	nmw_json_set(o, "pid", nmw_json_num(r->pid));
	nmw_json_set(o, "instance", nmw_json_str(r->instance));
	nmw_json_set(o, "device", nmw_json_str(x->in_use ? "in use" : "lost"));
	nmw_json_set(o, "why", x->text[0] ? nmw_json_str(x->text) : nmw_json_null());
	nmw_json_set(o, "books", nmw_json_num(x->books));
	nmw_json_set(o, "free", nmw_json_num(x->free));
	nmw_json_set(o, "symbols", nmw_json_num(x->held));
	nmw_json_set(o, "software", nmw_json_num(x->software));
	nmw_json_set(o, "losses", nmw_json_num(x->losses));
}

/* Not all is as it was asked for: an exit status, for what is wrong was said of each. */
static int finish(const struct view *v, struct nmw_err *e)
{
	if (v->end.exit)
		nmw_err_set(e, -EIO, (enum nmw_exit)v->end.exit, "%s", v->end.text);
	else if (v->not_done)
		nmw_err_set(e, -EAGAIN, NMW_EXIT_RESOURCE,
			    "%u symbols are not where they were asked for", v->not_done);
	else
		return 0;
	return v->json ? (int)e->exit : nmw_log_err(e);
}

/* Text as far as it is known: what moved before a failure has moved. */
static void print(struct view *v, const struct ask_run *r, bool whole)
{
	if (v->doc && whole) {
		add_end(v, r);
		nmw_json_print(v->doc, stdout, 2);
	} else if (v->doc) {
		nmw_json_free(v->doc);
	} else if (whole) {
		say_end(v, r);
	}
	v->doc = v->list = NULL;
	fclose(v->text);
	fwrite(v->said, 1, v->said_sz, stdout);
	free(v->said);
}

static int request(const struct command_args *a, enum control_op op, struct control_request *q,
		   struct nmw_err *e)
{
	*q = (struct control_request){.magic = CONTROL_MAGIC,
				      .version = CONTROL_VERSION,
				      .op = (uint8_t)op,
				      .n = (uint16_t)a->argc};
	for (int i = 0; i < a->argc; i++) {
		int rc = nmw_symbol_name(a->argv[i], strlen(a->argv[i]), &q->symbol[i], e);
		if (rc)
			return rc;
	}
	q->which = a->argc ? CONTROL_NAMED : a->lost ? CONTROL_LOST : CONTROL_ALL;
	if (a->argc + a->all + a->lost > 1 && (a->all || a->lost))
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "%s: symbols, --all or --lost: one of these",
				   op == CONTROL_RETURN ? "return" : "offload");
	if (op != CONTROL_LIST && !a->argc && !a->all && !a->lost)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "%s: which symbols? Name them, or give --all%s",
				   op == CONTROL_RETURN ? "return" : "offload",
				   op == CONTROL_RETURN ? "" : " or --lost");
	return 0;
}

static int command(const struct command_args *a, enum control_op op, struct nmw_err *e)
{
	struct control_request q;
	struct view v = {.q = &q, .json = a->json};
	struct ask_run r;
	int rc = request(a, op, &q, e);
	if (!rc)
		rc = ask_find(a->instance, &r, e);
	if (rc)
		return rc;
	v.text = open_memstream(&v.said, &v.said_sz);
	if (!v.text)
		return nmw_err_set(e, -errno, NMW_EXIT_RESOURCE, "%s", strerror(errno));
	v.doc = a->json ? nmw_json_object() : NULL;
	v.list = v.doc ? nmw_json_set(v.doc, "symbols", nmw_json_array()) : NULL;
	rc = ask(&r, &q, a->wait_ns, take, &v, e);
	print(&v, &r, !rc);
	return rc ? rc : finish(&v, e);
}

int command_symbols(const struct command_args *a, struct nmw_err *e)
{
	return command(a, CONTROL_LIST, e);
}

int command_offload(const struct command_args *a, struct nmw_err *e)
{
	return command(a, CONTROL_OFFLOAD, e);
}

int command_return(const struct command_args *a, struct nmw_err *e)
{
	return command(a, CONTROL_RETURN, e);
}
