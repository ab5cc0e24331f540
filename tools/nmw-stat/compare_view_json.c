#include "compare_view.h"

#include "base/clock.h"
#include "base/json.h"

#include <string.h>

typedef struct nmw_json json;

static json *side_of(const struct view_side *s)
{
	static struct nmw_hist h;
	json *o = nmw_json_object();
	uint64_t dropped, gaps;
	state_side_loss(s, &dropped, &gaps);
	nmw_json_set(o, "ring", nmw_json_str(s->ring));
	nmw_json_set(o, "messages", nmw_json_num(s->messages));
	nmw_json_set(o, "dropped", nmw_json_num(dropped));
	nmw_json_set(o, "never_received", nmw_json_num(gaps));
	nmw_json_set(o, "missed", nmw_json_num(s->missed));
	bool known = state_side_latency(s, &h);
	json *l = nmw_json_set(o, "latency_ns", known ? nmw_json_object() : nmw_json_null());
	for (unsigned q = 0; known && q < STATE_QUANTILES; q++)
		nmw_json_set(l, state_quantiles[q].key,
			     nmw_json_num(nmw_hist_quantile(&h, state_quantiles[q].ppm)));
	return o;
}

static json *result(json *doc, const struct compare_result *r)
{
	const struct compare_difference *d = &r->first;
	json *sides = nmw_json_set(doc, "rings", nmw_json_array());
	nmw_json_set(doc, "compared", nmw_json_num(compare_pairs(r)));
	nmw_json_set(doc, "equal", nmw_json_num(r->equal));
	nmw_json_set(doc, "different", nmw_json_num(r->different));
	nmw_json_set(doc, "missing", nmw_json_num(r->missing));
	nmw_json_set(doc, "extra", nmw_json_num(r->extra));
	nmw_json_set(doc, "not_compared", nmw_json_num(r->skipped));
	nmw_json_set(doc, "same", nmw_json_bool(!d->kind));
	nmw_json_set(doc, "first_difference", d->kind ? nmw_json_id(d->seq) : nmw_json_null());
	nmw_json_set(doc, "field", d->kind ? nmw_json_str(d->what) : nmw_json_null());
	for (unsigned i = 0; i < 2; i++) {
		json *side = nmw_json_add(sides, side_of(r->side[i]));
		nmw_json_set(side, "alone", nmw_json_num(r->alone[i]));
		nmw_json_set(side, "message",
			     d->kind && d->there[i] ? nmw_json_str(d->text[i].line)
						    : nmw_json_null());
	}
	return doc;
}

static void json_end(FILE *f, const struct compare_result *r, const char *error)
{
	if (!error) /* which is a document of its own */
		nmw_json_print(result(nmw_json_object(), r), f, 2);
}

/* ---- a line each ----------------------------------------------------------------------------- */

static json *event(const char *name)
{
	json *o = nmw_json_object();
	nmw_json_set(o, "event", nmw_json_str(name));
	nmw_json_set(o, "time_ns", nmw_json_id(nmw_clock_real()));
	return o;
}

static json *message(const char *ring, uint32_t session, const struct compare_text *t)
{
	char name[COMPARE_TEXT];
	json *o = nmw_json_object();
	snprintf(name, sizeof name, "%.*s", (int)t->kind_n, t->line);
	nmw_json_set(o, "ring", nmw_json_str(ring));
	nmw_json_set(o, "session", nmw_json_num(session));
	nmw_json_set(o, "name", nmw_json_str(name));
	for (unsigned i = 0; i < t->n; i++) {
		const struct compare_field *x = &t->field[i];
		bool quoted = t->line[x->value] == '"';
		char value[COMPARE_TEXT];
		snprintf(name, sizeof name, "%.*s", x->name_len, t->line + x->name);
		snprintf(value, sizeof value, "%.*s", x->value_len - 2 * quoted,
			 t->line + x->value + quoted);
		nmw_json_set(o, name, nmw_json_str(value));
	}
	return o;
}

/* `shares, price` as an array. */
static json *names(const char *what)
{
	json *a = nmw_json_array();
	while (*what) {
		char name[COMPARE_WHAT];
		size_t n = strcspn(what, ",");
		snprintf(name, sizeof name, "%.*s", (int)n, what);
		nmw_json_add(a, nmw_json_str(name));
		what += n + strspn(what + n, ", ");
	}
	return a;
}

static void jsonl_difference(FILE *f, const struct compare_result *r,
			     const struct compare_difference *d, uint64_t untold)
{
	json *o = event(d->kind);
	nmw_json_set(o, "message", nmw_json_id(d->seq));
	nmw_json_set(o, "ts_ns", nmw_json_id(d->ts_ns));
	nmw_json_set(o, "in_seq", nmw_json_id(d->in_seq));
	nmw_json_set(o, "fields", names(d->what));
	json *a = nmw_json_set(o, "messages", nmw_json_array());
	for (unsigned i = 0; i < 2; i++)
		nmw_json_add(a, d->there[i] ? message(r->side[i]->ring, d->session[i], &d->text[i])
					    : nmw_json_null());
	nmw_json_set(o, "compared", nmw_json_num(d->before));
	nmw_json_set(o, "untold", nmw_json_num(untold));
	nmw_json_print(o, f, 0);
	fflush(f);
}

static void jsonl_ring(FILE *f, const char *ring, const char *what, uint64_t n)
{
	json *o = event(what);
	nmw_json_set(o, "ring", nmw_json_str(ring));
	nmw_json_set(o, "messages", nmw_json_num(n));
	nmw_json_print(o, f, 0);
	fflush(f);
}

static void jsonl_end(FILE *f, const struct compare_result *r, const char *error)
{
	json *o = event("end");
	nmw_json_set(o, "error", error ? nmw_json_str(error) : nmw_json_null());
	nmw_json_print(result(o, r), f, 0);
}

const struct compare_view compare_view_json = {.end = json_end};
const struct compare_view compare_view_jsonl = {
	.difference = jsonl_difference, .ring = jsonl_ring, .end = jsonl_end};
