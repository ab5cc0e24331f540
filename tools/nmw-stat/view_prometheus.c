/* The text exposition format 0.0.4: names and labels as `promtool check metrics` wants them, times
 * in seconds, counters ending in _total.
 *
 * Histograms: bounds are 2^k - 1 ns, where a step of the block's histogram ends, so that every
 * bucket is exact.
 */
#include "view.h"

#include <inttypes.h>
#include <string.h>

#define U64	     "%" PRIu64
#define NS_FIRST_BIT 8u	 /* 255 ns */
#define NS_LAST_BIT  34u /* 17 s */
#define BURST_BITS   9u	 /* 1 .. 256 */

/* A label value: quote, backslash and newline are escaped. */
static void put_label(FILE *f, const char *name, const char *v, const char *sep)
{
	fprintf(f, "%s%s=\"", sep, name);
	for (; *v; v++) {
		if (*v == '"' || *v == '\\')
			fputc('\\', f);
		if (*v == '\n')
			fputs("\\n", f);
		else
			fputc(*v, f);
	}
	fputc('"', f);
}

static void put_tool_labels(FILE *f, const struct nmw_metrics *m)
{
	char pid[16];
	snprintf(pid, sizeof pid, "%u", m->pid);
	put_label(f, "tool", m->tool, "{");
	put_label(f, "pid", pid, ",");
	put_label(f, "instance", m->instance, ",");
}

static void put_head(FILE *f, const char *name, const char *type, const char *help)
{
	fprintf(f, "# HELP nmw_%s %s\n# TYPE nmw_%s %s\n", name, help, name, type);
}

static void tools_up(FILE *f, const struct state *s)
{
	put_head(f, "up", "gauge", "1 while the tool lives, 0 when it died");
	for (unsigned i = 0; i < s->n_tools; i++) {
		if (!s->tools[i]->readable)
			continue;
		fputs("nmw_up", f);
		put_tool_labels(f, &s->tools[i]->m);
		fprintf(f, "} %d\n", s->tools[i]->alive);
	}
	put_head(f, "start_time_seconds", "gauge", "when the tool was started, seconds since 1970");
	for (unsigned i = 0; i < s->n_tools; i++) {
		const struct nmw_metrics *m = &s->tools[i]->m;
		if (!s->tools[i]->readable)
			continue;
		fputs("nmw_start_time_seconds", f);
		put_tool_labels(f, m);
		fprintf(f, "} " U64 ".%09u\n", m->started_ns / 1000000000,
			(unsigned)(m->started_ns % 1000000000));
	}
}

static void tools_counter(FILE *f, const struct state *s, unsigned id)
{
	const struct nmw_metric_desc *d = &nmw_metric_descs[id];
	char name[64];
	snprintf(name, sizeof name, "%s%s", d->name, d->gauge ? "" : "_total");
	put_head(f, name, d->gauge ? "gauge" : "counter", d->help);
	for (unsigned i = 0; i < s->n_tools; i++) {
		if (!s->tools[i]->readable)
			continue;
		fprintf(f, "nmw_%s", name);
		put_tool_labels(f, &s->tools[i]->m);
		fprintf(f, "} " U64 "\n", s->tools[i]->m.counter[id]);
	}
}

static void tools_drops(FILE *f, const struct state *s)
{
	put_head(f, "dropped_messages_total", "counter",
		 "messages that did not go on, by reason; in = out + dropped");
	for (unsigned i = 0; i < s->n_tools; i++) {
		if (!s->tools[i]->readable)
			continue;
		for (unsigned d = 0; d < NMW_DROP_COUNT; d++) {
			fputs("nmw_dropped_messages_total", f);
			put_tool_labels(f, &s->tools[i]->m);
			put_label(f, "reason", nmw_drop_descs[d].name, ",");
			fprintf(f, "} " U64 "\n", s->tools[i]->m.drop[d]);
		}
	}
}

static void put_bucket(FILE *f, const char *name, const struct nmw_metrics *m, const char *le,
		       uint64_t n)
{
	fprintf(f, "nmw_%s_bucket", name);
	put_tool_labels(f, m);
	put_label(f, "le", le, ",");
	fprintf(f, "} " U64 "\n", n);
}

/* The count is that of the buckets: the block's own may be an instant ahead of them. */
static void put_sum(FILE *f, const char *name, const struct nmw_metrics *m, const char *sum,
		    uint64_t count)
{
	put_bucket(f, name, m, "+Inf", count);
	fprintf(f, "nmw_%s_sum", name);
	put_tool_labels(f, m);
	fprintf(f, "} %s\n", sum);
	fprintf(f, "nmw_%s_count", name);
	put_tool_labels(f, m);
	fprintf(f, "} " U64 "\n", count);
}

static void seconds(char buf[32], uint64_t ns)
{
	snprintf(buf, 32, U64 ".%09u", ns / 1000000000, (unsigned)(ns % 1000000000));
}

static void tools_ingress(FILE *f, const struct state *s)
{
	put_head(f, "ingress_seconds", "histogram", nmw_hist_descs[NMW_H_ingress_ns].help);
	for (unsigned i = 0; i < s->n_tools; i++) {
		const struct nmw_metrics *m = &s->tools[i]->m;
		const struct nmw_hist *h = &m->hist[NMW_H_ingress_ns];
		char text[32];
		if (!s->tools[i]->readable)
			continue;
		for (unsigned k = NS_FIRST_BIT; k <= NS_LAST_BIT; k++) {
			uint64_t le = (UINT64_C(1) << k) - 1;
			seconds(text, le);
			put_bucket(f, "ingress_seconds", m, text, state_hist_le(h, le));
		}
		seconds(text, h->sum);
		put_sum(f, "ingress_seconds", m, text, state_hist_le(h, UINT64_MAX));
	}
}

static void tools_burst(FILE *f, const struct state *s)
{
	put_head(f, "burst_messages", "histogram", nmw_hist_descs[NMW_H_burst_msgs].help);
	for (unsigned i = 0; i < s->n_tools; i++) {
		const struct nmw_metrics *m = &s->tools[i]->m;
		const struct nmw_hist *h = &m->hist[NMW_H_burst_msgs];
		char text[32];
		if (!s->tools[i]->readable)
			continue;
		for (unsigned k = 0; k < BURST_BITS; k++) {
			snprintf(text, sizeof text, "%u", 1u << k);
			put_bucket(f, "burst_messages", m, text,
				   state_hist_le(h, UINT64_C(1) << k));
		}
		snprintf(text, sizeof text, U64, h->sum);
		put_sum(f, "burst_messages", m, text, state_hist_le(h, UINT64_MAX));
	}
}

static void put_ring(FILE *f, const char *name, const struct nmw_ring_info *r, uint64_t v)
{
	fprintf(f, "nmw_%s", name);
	put_label(f, "ring", r->name, "{");
	fprintf(f, "} " U64 "\n", v);
}

enum ring_figure { PUBLISHED, SLOTS, LIVE, CONSUMERS };

static uint64_t ring_figure(const struct nmw_ring_info *r, enum ring_figure which)
{
	switch (which) {
	case PUBLISHED:
		return r->published;
	case SLOTS:
		return r->slots;
	case LIVE:
		return r->state == NMW_RING_LIVE;
	case CONSUMERS:
		break;
	}
	uint64_t n = 0;
	for (unsigned i = 0; i < r->consumers; i++)
		n += r->consumer[i].alive;
	return n;
}

static void rings_behind(FILE *f, const struct state *s)
{
	put_head(f, "ring_behind_messages", "gauge", "messages that a consumer has still to take");
	for (unsigned i = 0; i < s->n_rings; i++) {
		const struct nmw_ring_info *r = &s->rings[i].info;
		char id[16];
		for (unsigned c = 0; s->rings[i].readable && c < r->consumers; c++) {
			fputs("nmw_ring_behind_messages", f);
			snprintf(id, sizeof id, "%u", c);
			put_label(f, "ring", r->name, "{");
			put_label(f, "consumer", r->consumer[c].named ? r->consumer[c].name : "",
				  ",");
			put_label(f, "index", id, ",");
			fprintf(f, "} " U64 "\n", state_lag(r, c));
		}
	}
}

static void rings(FILE *f, const struct state *s)
{
	static const struct {
		const char *name, *type, *help;
		enum ring_figure which;
	} fig[] = {
		{"ring_published_messages_total", "counter", "messages published", PUBLISHED},
		{"ring_slots", "gauge", "slots of the ring", SLOTS},
		{"ring_live", "gauge", "1 while the ring's producer lives", LIVE},
		{"ring_consumers", "gauge", "consumers that live", CONSUMERS},
	};
	for (unsigned k = 0; k < sizeof fig / sizeof fig[0]; k++) {
		put_head(f, fig[k].name, fig[k].type, fig[k].help);
		for (unsigned i = 0; i < s->n_rings; i++)
			if (s->rings[i].readable)
				put_ring(f, fig[k].name, &s->rings[i].info,
					 ring_figure(&s->rings[i].info, fig[k].which));
	}
	rings_behind(f, s);
}

static void unreadable(FILE *f, const struct state *s)
{
	unsigned n = 0;
	for (unsigned i = 0; i < s->n_tools; i++)
		n += !s->tools[i]->readable;
	for (unsigned i = 0; i < s->n_rings; i++)
		n += !s->rings[i].readable;
	put_head(f, "unreadable_files", "gauge", "ring and counter files that could not be read");
	fprintf(f, "nmw_unreadable_files %u\n", n);
}

static void prometheus_state(FILE *f, const struct state *s, const struct view_opts *o)
{
	(void)o;
	if (s->n_tools) {
		tools_up(f, s);
		for (unsigned i = 0; i < NMW_M_COUNT; i++)
			tools_counter(f, s, i);
		tools_drops(f, s);
		tools_ingress(f, s);
		tools_burst(f, s);
	}
	if (s->n_rings)
		rings(f, s);
	unreadable(f, s);
}

const struct view view_prometheus = {.state = prometheus_state};
