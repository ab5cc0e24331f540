#include "compare_view.h"

#include "base/clock.h"

#include <inttypes.h>

#define U64	   "%" PRIu64
#define NS_PER_DAY (86400ull * NMW_NS_PER_S)

/* ---- a difference ---------------------------------------------------------------------------- */

/* A source whose data has no date gives ns since midnight. */
static void put_time(FILE *f, uint64_t ns)
{
	char text[32];
	struct tm tm;
	time_t s = (time_t)(ns / NMW_NS_PER_S);
	gmtime_r(&s, &tm);
	strftime(text, sizeof text, ns < NS_PER_DAY ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &tm);
	fprintf(f, "%s.%09u", text, (unsigned)(ns % NMW_NS_PER_S));
}

static void put_fields(FILE *f, const struct compare_difference *d)
{
	const struct compare_text *a = &d->text[0], *b = &d->text[1];
	bool other = d->session[0] != d->session[1];
	if (other)
		fprintf(f, "  ! %-22s %20u %20u\n", "session", d->session[0], d->session[1]);
	for (unsigned i = 0; i < a->n && i < b->n; i++) {
		const struct compare_field *x = &a->field[i], *y = &b->field[i];
		fprintf(f, "  %c %-22.*s %20.*s %20.*s\n", d->differs[i] ? '!' : ' ', x->name_len,
			a->line + x->name, x->value_len, a->line + x->value, y->value_len,
			b->line + y->value);
	}
}

/* Fields by name are those of one kind of message. */
static bool any_field(const struct compare_difference *d)
{
	for (unsigned i = 0; i < COMPARE_FIELDS; i++)
		if (d->differs[i])
			return true;
	return false;
}

static const char *of_side(const struct compare_difference *d, unsigned i)
{
	return d->there[i] ? d->text[i].line : d->ended ? "has ended" : "has none";
}

static void put_head(FILE *f, const struct compare_result *r, const struct compare_difference *d)
{
	const char *a = r->side[0]->ring, *b = r->side[1]->ring;
	bool pair = d->there[0] && d->there[1];
	fprintf(f, "message " U64 " ", d->seq);
	if (pair)
		fprintf(f, "differs: %s\n", d->what);
	else
		fprintf(f, "of %s has no counterpart in %s\n", d->there[0] ? a : b,
			d->there[0] ? b : a);
}

static void text_difference(FILE *f, const struct compare_result *r,
			    const struct compare_difference *d, uint64_t untold)
{
	if (untold)
		fprintf(f, "(" U64 " more were counted)\n", untold);
	put_head(f, r, d);
	fputs("  at ", f);
	put_time(f, d->ts_ns);
	if (d->in_seq)
		fprintf(f, ", caused by input message " U64, d->in_seq);
	fprintf(f, ", " U64 " before it compared\n", d->before);
	for (unsigned i = 0; i < 2; i++)
		fprintf(f, "  %s: %s\n", r->side[i]->ring, of_side(d, i));
	if (d->there[0] && d->there[1] && any_field(d))
		put_fields(f, d);
	fflush(f);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void row(FILE *f, const char *what, const char *a, const char *b)
{
	fprintf(f, "%-16s %20s %20s\n", what, a, b);
}

static void count(FILE *f, const char *what, uint64_t a, uint64_t b)
{
	fprintf(f, "%-16s %20" PRIu64 " %20" PRIu64 "\n", what, a, b);
}

static void latency(FILE *f, const struct compare_result *r)
{
	static struct nmw_hist h[2];
	bool known[2];
	for (unsigned i = 0; i < 2; i++)
		known[i] = state_side_latency(r->side[i], &h[i]);
	for (unsigned q = 0; q < STATE_QUANTILES; q++) {
		char text[2][16], what[32];
		snprintf(what, sizeof what, "latency %s", state_quantiles[q].name);
		for (unsigned i = 0; i < 2; i++)
			if (known[i])
				nmw_metrics_ns(nmw_hist_quantile(&h[i], state_quantiles[q].ppm),
					       text[i]);
			else
				snprintf(text[i], sizeof text[i], "-");
		row(f, what, text[0], text[1]);
	}
}

static void put_verdict(FILE *f, const struct compare_result *r)
{
	fprintf(f, U64 " messages compared: ", compare_pairs(r));
	if (!r->first.kind)
		fputs("all the same", f);
	else
		fprintf(f,
			U64 " equal, " U64 " different, " U64 " missing in %s, " U64 " only there",
			r->equal, r->different, r->missing, r->side[1]->ring, r->extra);
	fputs(compare_whole(r) ? "\n" : ", but some could not be compared\n", f);
	if (r->first.kind) {
		fputs("the first: ", f);
		put_head(f, r, &r->first);
	}
}

static void text_end(FILE *f, const struct compare_result *r, const char *error)
{
	const struct view_side *a = r->side[0], *b = r->side[1];
	uint64_t dropped[2], gaps[2];
	(void)error; /* said by itself */
	for (unsigned i = 0; i < 2; i++)
		state_side_loss(r->side[i], &dropped[i], &gaps[i]);
	row(f, "", a->ring, b->ring);
	count(f, "messages", a->messages, b->messages);
	count(f, "dropped", dropped[0], dropped[1]);
	count(f, "never received", gaps[0], gaps[1]);
	latency(f, r);
	count(f, "not read in time", a->missed, b->missed);
	if (r->alone[0] || r->alone[1])
		count(f, "still alone", r->alone[0], r->alone[1]);
	put_verdict(f, r);
}

const struct compare_view compare_view_text = {.difference = text_difference, .end = text_end};
