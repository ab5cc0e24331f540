#include "view.h"

#include "base/clock.h"
#include "ring/shm.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#define U64 "%" PRIu64

static const char *red(const struct view_opts *o, bool when)
{
	return o->colour && when ? "\033[31m" : "";
}

static const char *bold(const struct view_opts *o)
{
	return o->colour ? "\033[1m" : "";
}

static const char *plain(const struct view_opts *o)
{
	return o->colour ? "\033[0m" : "";
}

static const char *ns_text(uint64_t ns, char buf[16])
{
	return ns ? nmw_metrics_ns(ns, buf) : "-";
}

/* 12345678 as 11.77M, binary, for byte counts. */
static const char *size_text(uint64_t v, char buf[32])
{
	static const char unit[] = "KMGT";
	int u = -1;
	uint64_t whole = v, rest = 0;
	while (whole >= 1024 && u < 3) {
		rest = whole & 1023;
		whole >>= 10;
		u++;
	}
	if (u < 0)
		snprintf(buf, 32, U64, v);
	else if (rest)
		snprintf(buf, 32, U64 ".%u%c", whole, (unsigned)(rest * 10 / 1024), unit[u]);
	else
		snprintf(buf, 32, U64 "%c", whole, unit[u]);
	return buf;
}

static const char *age_text(uint64_t ns, char buf[32])
{
	uint64_t s = ns / NMW_NS_PER_S;
	if (s >= 86400)
		snprintf(buf, 32, U64 "d%02uh", s / 86400, (unsigned)(s % 86400 / 3600));
	else if (s >= 3600)
		snprintf(buf, 32, U64 "h%02um", s / 3600, (unsigned)(s % 3600 / 60));
	else if (s >= 60)
		snprintf(buf, 32, U64 "m%02us", s / 60, (unsigned)(s % 60));
	else
		snprintf(buf, 32, U64 ".%us", s, (unsigned)(ns % NMW_NS_PER_S / 100000000));
	return buf;
}

static void put_in_rings(FILE *f, const struct nmw_metrics *m)
{
	const char *sep = "";
	for (unsigned i = 0; i < NMW_METRICS_RINGS - 1; i++) {
		if (!m->in_ring[i][0])
			continue;
		fprintf(f, "%s%s", sep, m->in_ring[i]);
		sep = " ";
	}
	fprintf(f, "%s%s", *sep ? " -> " : "-> ", m->out_ring[0] ? m->out_ring : ".");
}

/* ---- list ----------------------------------------------------------------------------------- */

static void list_tool(FILE *f, const struct state_tool *t, const struct view_opts *o)
{
	char q[16];
	const struct nmw_metrics *m = &t->m;
	if (!t->readable) {
		fprintf(f, "%s%s%s\n", red(o, true), t->why, plain(o));
		return;
	}
	uint64_t dropped = nmw_metrics_dropped(m);
	fprintf(f, "%-10s %7u %-10s %s%-8s%s %12" PRIu64 " %12" PRIu64 " %s%9" PRIu64 "%s %9s  ",
		m->tool, m->pid, *m->instance ? m->instance : "-", red(o, !t->alive),
		state_tool_word(t), plain(o), m->counter[NMW_M_in_messages],
		m->counter[NMW_M_out_messages], red(o, dropped > 0), dropped, plain(o),
		ns_text(nmw_hist_quantile(&m->hist[NMW_H_ingress_ns], 990000), q));
	put_in_rings(f, m);
	fputc('\n', f);
}

static void list_ring(FILE *f, const struct state_ring *r, const struct view_opts *o)
{
	const struct nmw_ring_info *x = &r->info;
	if (!r->readable) {
		fprintf(f, "%-18s %s%s%s\n", x->name, red(o, true), r->why, plain(o));
		return;
	}
	fprintf(f, "%-18s %s%-6s%s %-10s %10" PRIu64 " %12" PRIu64 "  ", x->name,
		red(o, x->state == NMW_RING_DEAD), state_ring_word(r), plain(o), x->tool, x->slots,
		x->published);
	for (unsigned i = 0; i < x->consumers; i++)
		fprintf(f, "%s%s%s: " U64 " behind", i ? ", " : "",
			x->consumer[i].named ? x->consumer[i].name : "unnamed",
			x->consumer[i].alive ? "" : " (away)", state_lag(x, i));
	fputs(x->consumers ? "\n" : "none\n", f);
}

static void list(FILE *f, const struct state *s, const struct view_opts *o)
{
	if (s->n_tools) {
		fprintf(f, "%s%-10s %7s %-10s %-8s %12s %12s %9s %9s  %s%s\n", bold(o), "TOOL",
			"PID", "INSTANCE", "STATE", "IN", "OUT", "DROPPED", "p99", "RINGS",
			plain(o));
		for (unsigned i = 0; i < s->n_tools; i++)
			list_tool(f, s->tools[i], o);
	}
	if (s->n_rings) {
		fprintf(f, "%s%s%-18s %-6s %-10s %10s %12s  %s%s\n", s->n_tools ? "\n" : "",
			bold(o), "RING", "STATE", "PRODUCER", "SLOTS", "PUBLISHED", "CONSUMERS",
			plain(o));
		for (unsigned i = 0; i < s->n_rings; i++)
			list_ring(f, &s->rings[i], o);
	}
}

/* ---- show ----------------------------------------------------------------------------------- */

static void show_flow(FILE *f, const struct nmw_metrics *m, const struct view_opts *o)
{
	char a[32], b[32];
	uint64_t dropped = nmw_metrics_dropped(m);
	fprintf(f, "  in        " U64 " messages, %s bytes\n", m->counter[NMW_M_in_messages],
		size_text(m->counter[NMW_M_in_bytes], a));
	fprintf(f, "  out       " U64 " messages, %s bytes\n", m->counter[NMW_M_out_messages],
		size_text(m->counter[NMW_M_out_bytes], b));
	fprintf(f, "  dropped   %s" U64 "%s\n", red(o, dropped > 0), dropped, plain(o));
	for (unsigned i = 0; i < NMW_DROP_COUNT; i++)
		if (m->drop[i] || o->all)
			fprintf(f, "    %-18s %12" PRIu64 "  %s\n", nmw_drop_descs[i].name,
				m->drop[i], nmw_drop_descs[i].help);
}

static void show_balance(FILE *f, const struct state_tool *t, const struct view_opts *o)
{
	if (!state_balances(&t->m))
		return;
	int64_t gap = state_unaccounted(&t->m);
	bool wrong = gap < 0 || gap > (t->alive ? STATE_IN_FLIGHT : 0);
	fprintf(f, "  balance   in = out + dropped%s", gap ? "" : " holds\n");
	if (gap)
		fprintf(f, " + %s%" PRId64 "%s %s\n", red(o, wrong), gap, plain(o),
			wrong ? "unaccounted" : "in flight");
}

static void show_hist(FILE *f, const char *name, const struct nmw_hist *h, bool is_ns)
{
	char t[24];
	if (!h->count)
		return;
	fprintf(f, "  %-9s", name);
	for (unsigned i = 0; i < STATE_QUANTILES; i++) {
		uint64_t v = nmw_hist_quantile(h, state_quantiles[i].ppm);
		if (is_ns)
			nmw_metrics_ns(v, t);
		else
			snprintf(t, sizeof t, U64, v);
		fprintf(f, " %s %s", state_quantiles[i].name, t);
	}
	fputc('\n', f);
}

static void show_counters(FILE *f, const struct nmw_metrics *m, const struct view_opts *o)
{
	bool head = false;
	for (unsigned i = 0; i < NMW_M_COUNT; i++) {
		const struct nmw_metric_desc *d = &nmw_metric_descs[i];
		bool flow = i == NMW_M_in_messages || i == NMW_M_in_bytes ||
			    i == NMW_M_out_messages || i == NMW_M_out_bytes;
		if (flow || (!m->counter[i] && !o->all))
			continue;
		if (!head)
			fputs("  counters\n", f);
		head = true;
		fprintf(f, "    %-18s %12" PRIu64 "  %s\n", d->name, m->counter[i], d->help);
	}
}

static void show_tool(FILE *f, const struct state *s, const struct state_tool *t,
		      const struct view_opts *o)
{
	char age[32], beat[32];
	const struct nmw_metrics *m = &t->m;
	if (!t->readable) {
		fprintf(f, "%s%s%s\n", red(o, true), t->why, plain(o));
		return;
	}
	uint64_t up = s->real_ns > m->started_ns ? s->real_ns - m->started_ns : 0;
	uint64_t since = s->mono_ns > m->heartbeat_ns ? s->mono_ns - m->heartbeat_ns : 0;
	fprintf(f, "%s%s%s pid %u%s%s: %s%s%s, started %s ago, last heartbeat %s ago\n", bold(o),
		m->tool, plain(o), m->pid, *m->instance ? " " : "", m->instance, red(o, !t->alive),
		state_tool_word(t), plain(o), age_text(up, age), age_text(since, beat));
	fputs("  rings     ", f);
	put_in_rings(f, m);
	fputc('\n', f);
	show_flow(f, m, o);
	show_balance(f, t, o);
	show_hist(f, "latency", &m->hist[NMW_H_ingress_ns], true);
	show_hist(f, "burst", &m->hist[NMW_H_burst_msgs], false);
	show_counters(f, m, o);
}

static void show_consumer(FILE *f, const struct nmw_ring_info *r, unsigned i,
			  const struct view_opts *o)
{
	uint64_t lag = state_lag(r, i);
	bool alive = r->consumer[i].alive;
	fprintf(f,
		"  consumer  %s%s%s, pid %u, %s%s%s, at " U64 ", " U64
		" behind (%u%% of the slots)\n",
		r->consumer[i].named ? r->consumer[i].name : "unnamed",
		r->consumer[i].route[0] ? ", route " : "", r->consumer[i].route, r->consumer[i].pid,
		red(o, !alive), alive ? "alive" : "away", plain(o), r->consumer[i].cursor, lag,
		r->slots ? (unsigned)(lag * 100 / r->slots) : 0);
}

/* Who takes all takes every route. */
static bool is_taken(const struct nmw_ring_info *r, const char *route)
{
	for (unsigned i = 0; i < r->consumers; i++)
		if (!r->consumer[i].route[0] || !strcmp(r->consumer[i].route, route))
			return true;
	return false;
}

static void show_routes(FILE *f, const struct nmw_ring_info *r, const struct view_opts *o)
{
	for (unsigned i = 0; i < r->routes; i++) {
		bool taken = is_taken(r, r->route[i]);
		fprintf(f, "%s%s%s%s%s", i ? ", " : "  routes    ", r->route[i], red(o, !taken),
			taken ? "" : " (nobody takes it)", plain(o));
	}
	fputs(r->routes ? "\n" : "", f);
}

static void show_ring(FILE *f, const struct state_ring *r, const struct view_opts *o)
{
	char size[32], page[32], frames[32];
	const struct nmw_ring_info *x = &r->info;
	if (!r->readable) {
		fprintf(f, "%s%s%s\n", red(o, true), r->why, plain(o));
		return;
	}
	fprintf(f, "%sring %s%s: %s%s%s, producer %s pid %u%s, layout version %u\n", bold(o),
		x->name, plain(o), red(o, x->state == NMW_RING_DEAD), state_ring_word(r), plain(o),
		x->tool, x->producer_pid, x->private_ring ? ", private" : "", x->version);
	fprintf(f, "  size      " U64 " slots of %u bytes, %s of frames, %s in all, pages of %s\n",
		x->slots, x->slot_sz, size_text(x->frame_bytes, frames),
		size_text(x->file_bytes, size), size_text(x->page_sz, page));
	fprintf(f, "  published " U64 " messages\n", x->published);
	show_routes(f, x, o);
	for (unsigned i = 0; i < x->consumers; i++)
		show_consumer(f, x, i, o);
	if (!x->consumers)
		fputs("  consumer  none\n", f);
}

static void show(FILE *f, const struct state *s, const struct view_opts *o)
{
	for (unsigned i = 0; i < s->n_tools; i++) {
		if (i)
			fputc('\n', f);
		show_tool(f, s, s->tools[i], o);
	}
	for (unsigned i = 0; i < s->n_rings; i++) {
		if (i || s->n_tools)
			fputc('\n', f);
		show_ring(f, &s->rings[i], o);
	}
}

static void text_state(FILE *f, const struct state *s, const struct view_opts *o)
{
	if (!s->n_tools && !s->n_rings) {
		fputs("nothing is running: no ring and no tool in", f);
		for (const char *const *d = nmw_shm_dirs(); *d; d++)
			fprintf(f, " %s", *d);
		fputc('\n', f);
		return;
	}
	(o->detail ? show : list)(f, s, o);
}

/* ---- intervals ------------------------------------------------------------------------------ */

#define HEAD_EVERY 20u

static uint64_t rate(uint64_t now, uint64_t then, uint64_t ns)
{
	return ns && now > then ? (uint64_t)((double)(now - then) * 1e9 / (double)ns + 0.5) : 0;
}

/* Fullest input ring of a tool, in per cent of its slots: who is the bottleneck. */
static unsigned input_fill(const struct state *s, const struct nmw_metrics *m)
{
	uint64_t worst = 0;
	for (unsigned i = 0; i < NMW_METRICS_RINGS - 1; i++) {
		if (!m->in_ring[i][0])
			continue;
		for (unsigned k = 0; k < s->n_rings; k++) {
			const struct nmw_ring_info *r = &s->rings[k].info;
			if (!s->rings[k].readable || !r->slots || strcmp(r->name, m->in_ring[i]))
				continue;
			for (unsigned c = 0; c < r->consumers; c++)
				if (r->consumer[c].pid == m->pid &&
				    state_lag(r, c) * 100 / r->slots > worst)
					worst = state_lag(r, c) * 100 / r->slots;
		}
	}
	return (unsigned)worst;
}

static void interval_tool(FILE *f, const struct state *old, const struct state *now,
			  const struct state_tool *t, const struct view_opts *o)
{
	static struct nmw_hist none, h;
	static const struct nmw_metrics zero;
	const struct state_tool *b = state_before(old, t);
	const struct nmw_metrics *m = &t->m, *was = b ? &b->m : &zero;
	uint64_t ns = now->mono_ns - old->mono_ns, drops = nmw_metrics_dropped(m);
	char p50[16], p99[16], max[16];
	state_hist_since(&h, &m->hist[NMW_H_ingress_ns], b ? &was->hist[NMW_H_ingress_ns] : &none);
	fprintf(f, "%-10s %7u %s%-8s%s", m->tool, m->pid, red(o, !t->alive), state_tool_word(t),
		plain(o));
	fprintf(f, " %10" PRIu64 " %10" PRIu64 " %8" PRIu64 " %8" PRIu64 " %4u",
		rate(m->counter[NMW_M_in_messages], was->counter[NMW_M_in_messages], ns),
		rate(m->counter[NMW_M_out_messages], was->counter[NMW_M_out_messages], ns),
		rate(drops, nmw_metrics_dropped(was), ns),
		rate(m->counter[NMW_M_full_waits], was->counter[NMW_M_full_waits], ns),
		input_fill(now, m));
	fprintf(f, " %9s %9s %9s\n", ns_text(nmw_hist_quantile(&h, 500000), p50),
		ns_text(nmw_hist_quantile(&h, 990000), p99), ns_text(h.max, max));
}

static void text_interval(FILE *f, const struct state *old, const struct state *now, unsigned line,
			  const struct view_opts *o)
{
	if (line % HEAD_EVERY == 0)
		fprintf(f, "%s%-10s %7s %-8s %10s %10s %8s %8s %4s %9s %9s %9s%s\n", bold(o),
			"TOOL", "PID", "STATE", "IN/s", "OUT/s", "DROP/s", "FULL/s", "IN%", "p50",
			"p99", "max", plain(o));
	for (unsigned i = 0; i < now->n_tools; i++)
		if (now->tools[i]->readable)
			interval_tool(f, old, now, now->tools[i], o);
		else
			fprintf(f, "%s%s%s\n", red(o, true), now->tools[i]->why, plain(o));
	if (!now->n_tools)
		fputs("-\n", f);
}

/* ---- the rest ------------------------------------------------------------------------------- */

static void text_removed(FILE *f, const struct view_removed *r, unsigned n, bool dry_run)
{
	bool any = false;
	for (unsigned i = 0; i < n; i++) {
		if (r[i].kept) {
			fprintf(f, "kept: %s\n", r[i].why);
			continue;
		}
		any = true;
		fprintf(f, "%s %s: %s", r[i].kind, r[i].name, dry_run ? "dead" : "removed");
		if (r[i].unread)
			fprintf(f, ", " U64 " messages that a consumer had not taken", r[i].unread);
		fputc('\n', f);
	}
	if (!any)
		fputs("nothing to remove\n", f);
}

static void text_checked(FILE *f, const struct view_fault *v, unsigned n, unsigned objects)
{
	for (unsigned i = 0; i < n; i++)
		fprintf(f, "%s: %s\n", v[i].object, v[i].what);
	fprintf(f, "%u looked at, %u with figures that do not add up or cannot be read\n", objects,
		n);
}

static void text_doctor(FILE *f, const struct doctor_row *r, unsigned n, const struct view_opts *o)
{
	static const char *const words[] = {"ok", "slower", "LACKS"};
	unsigned bad = 0;
	for (unsigned i = 0; i < n; i++) {
		bad += r[i].says != DOCTOR_OK;
		fprintf(f, "%s%-6s%s %-27s %s\n", red(o, r[i].says == DOCTOR_LACKS),
			words[r[i].says], plain(o), r[i].what, r[i].found);
		if (r[i].says != DOCTOR_OK)
			fprintf(f, "%-34s expected: %s\n%-34s %s\n", "", r[i].expected, "",
				r[i].command);
	}
	fprintf(f, "%u looked at, %u to mend\n", n, bad);
}

static const char *peer_text(const struct nmw_session_row *r, char buf[64])
{
	char host[INET6_ADDRSTRLEN] = "-";
	if (r->state != NMW_SESSION_AWAY && r->family)
		inet_ntop(r->family == 4 ? AF_INET : AF_INET6, r->addr, host, sizeof host);
	if (r->state == NMW_SESSION_AWAY)
		return "-";
	snprintf(buf, 64, r->family == 6 ? "[%s]:%u" : "%s:%u", host, r->port);
	return buf;
}

static void text_sessions(FILE *f, const struct view_session *s, unsigned n,
			  const struct view_opts *o)
{
	static const char *const words[] = {"away", "up", "blocked"};
	char peer[64], size[32];
	if (!n)
		fputs("no sessions: no nmw-send tcp: has any\n", f);
	else
		fprintf(f, "%s%-10s %-8s %-8s %-10s %10s %10s %9s %7s %s%s\n", bold(o), "ACCOUNT",
			"PROTOCOL", "STATE", "SESSION", "NEXT", "SENT", "BUFFERED", "LOGINS",
			"CLIENT", plain(o));
	for (unsigned i = 0; i < n; i++) {
		const struct nmw_session_row *r = &s[i].r;
		const char *word = !s[i].alive ? "dead" : words[r->state < 3 ? r->state : 0];
		fprintf(f, "%-10.10s %-8.8s %-8s %-10.10s %10" PRIu64 " %10" PRIu64 " %9s %7u %s\n",
			r->account, r->protocol, word, r->name, r->next, r->sent,
			size_text(r->buffered, size), r->logins, peer_text(r, peer));
	}
}

const struct view view_text = {.state = text_state,
			       .interval = text_interval,
			       .removed = text_removed,
			       .checked = text_checked,
			       .doctor = text_doctor,
			       .sessions = text_sessions};
