#include "view.h"

#include "base/json.h"

#include <arpa/inet.h>
#include <string.h>

typedef struct nmw_json json;

static json *quantiles(const struct nmw_hist *h, const char *suffix)
{
	json *o = nmw_json_object();
	char key[32];
	nmw_json_set(o, "count", nmw_json_num(h->count));
	for (unsigned i = 0; h->count && i < STATE_QUANTILES; i++) {
		snprintf(key, sizeof key, "%s%s", state_quantiles[i].key, suffix);
		nmw_json_set(o, key, nmw_json_num(nmw_hist_quantile(h, state_quantiles[i].ppm)));
	}
	return o;
}

static json *drops(const struct nmw_metrics *m)
{
	json *o = nmw_json_object();
	for (unsigned i = 0; i < NMW_DROP_COUNT; i++)
		nmw_json_set(o, nmw_drop_descs[i].name, nmw_json_num(m->drop[i]));
	return o;
}

static json *counters(const struct nmw_metrics *m)
{
	json *o = nmw_json_object();
	for (unsigned i = 0; i < NMW_M_COUNT; i++)
		nmw_json_set(o, nmw_metric_descs[i].name, nmw_json_num(m->counter[i]));
	return o;
}

static json *names(const struct nmw_metrics *m)
{
	json *a = nmw_json_array();
	for (unsigned i = 0; i < NMW_METRICS_RINGS - 1; i++)
		if (m->in_ring[i][0])
			nmw_json_add(a, nmw_json_str(m->in_ring[i]));
	return a;
}

static json *tool_head(const struct state_tool *t)
{
	const struct nmw_metrics *m = &t->m;
	json *o = nmw_json_object();
	if (!t->readable) {
		nmw_json_set(o, "file", nmw_json_str(t->path));
		nmw_json_set(o, "state", nmw_json_str(state_tool_word(t)));
		nmw_json_set(o, "error", nmw_json_str(t->why));
		return o;
	}
	nmw_json_set(o, "tool", nmw_json_str(m->tool));
	nmw_json_set(o, "pid", nmw_json_num(m->pid));
	nmw_json_set(o, "instance", *m->instance ? nmw_json_str(m->instance) : nmw_json_null());
	nmw_json_set(o, "state", nmw_json_str(state_tool_word(t)));
	return o;
}

static json *tool_full(const struct state *s, const struct state_tool *t)
{
	const struct nmw_metrics *m = &t->m;
	json *o = tool_head(t);
	if (!t->readable)
		return o;
	uint64_t since = s->mono_ns > m->heartbeat_ns ? s->mono_ns - m->heartbeat_ns : 0;
	nmw_json_set(o, "alive", nmw_json_bool(t->alive));
	nmw_json_set(o, "started_ns", nmw_json_id(m->started_ns));
	nmw_json_set(o, "heartbeat_age_ns", nmw_json_id(since));
	nmw_json_set(o, "in_rings", names(m));
	nmw_json_set(o, "out_ring", *m->out_ring ? nmw_json_str(m->out_ring) : nmw_json_null());
	nmw_json_set(o, "counters", counters(m));
	nmw_json_set(o, "dropped_messages", nmw_json_num(nmw_metrics_dropped(m)));
	nmw_json_set(o, "dropped", drops(m));
	nmw_json_set(o, "ingress", quantiles(&m->hist[NMW_H_ingress_ns], "_ns"));
	nmw_json_set(o, "burst", quantiles(&m->hist[NMW_H_burst_msgs], "_messages"));
	return o;
}

static json *consumers(const struct nmw_ring_info *x)
{
	json *a = nmw_json_array();
	for (unsigned i = 0; i < x->consumers; i++) {
		json *c = nmw_json_add(a, nmw_json_object());
		nmw_json_set(c, "name",
			     x->consumer[i].named ? nmw_json_str(x->consumer[i].name)
						  : nmw_json_null());
		nmw_json_set(c, "route",
			     x->consumer[i].route[0] ? nmw_json_str(x->consumer[i].route)
						     : nmw_json_null());
		nmw_json_set(c, "pid", nmw_json_num(x->consumer[i].pid));
		nmw_json_set(c, "alive", nmw_json_bool(x->consumer[i].alive));
		nmw_json_set(c, "cursor", nmw_json_id(x->consumer[i].cursor));
		nmw_json_set(c, "behind", nmw_json_num(state_lag(x, i)));
	}
	return a;
}

static json *routes(const struct nmw_ring_info *x)
{
	json *a = nmw_json_array();
	for (unsigned i = 0; i < x->routes; i++)
		nmw_json_add(a, nmw_json_str(x->route[i]));
	return a;
}

static json *ring_full(const struct state_ring *r)
{
	const struct nmw_ring_info *x = &r->info;
	json *o = nmw_json_object();
	nmw_json_set(o, "name", nmw_json_str(x->name));
	nmw_json_set(o, "state", nmw_json_str(state_ring_word(r)));
	if (!r->readable) {
		nmw_json_set(o, "error", nmw_json_str(r->why));
		return o;
	}
	nmw_json_set(o, "private", nmw_json_bool(x->private_ring));
	nmw_json_set(o, "version", nmw_json_num(x->version));
	nmw_json_set(o, "created_ns", nmw_json_id(x->created_ns));
	nmw_json_set(o, "producer", nmw_json_str(x->tool));
	nmw_json_set(o, "producer_pid", nmw_json_num(x->producer_pid));
	nmw_json_set(o, "slots", nmw_json_num(x->slots));
	nmw_json_set(o, "slot_bytes", nmw_json_num(x->slot_sz));
	nmw_json_set(o, "frame_bytes", nmw_json_num(x->frame_bytes));
	nmw_json_set(o, "file_bytes", nmw_json_num(x->file_bytes));
	nmw_json_set(o, "page_bytes", nmw_json_num(x->page_sz));
	nmw_json_set(o, "published", nmw_json_id(x->published));
	nmw_json_set(o, "routes", routes(x));
	nmw_json_set(o, "consumers", consumers(x));
	return o;
}

static void json_state(FILE *f, const struct state *s, const struct view_opts *o)
{
	(void)o;
	json *doc = nmw_json_object();
	nmw_json_set(doc, "ts_ns", nmw_json_id(s->real_ns));
	json *tools = nmw_json_set(doc, "tools", nmw_json_array());
	for (unsigned i = 0; i < s->n_tools; i++)
		nmw_json_add(tools, tool_full(s, s->tools[i]));
	json *rings = nmw_json_set(doc, "rings", nmw_json_array());
	for (unsigned i = 0; i < s->n_rings; i++)
		nmw_json_add(rings, ring_full(&s->rings[i]));
	nmw_json_print(doc, f, 2);
}

/* What the interval added to each counter; gauges as they stand. */
static json *changes(const struct nmw_metrics *m, const struct nmw_metrics *was)
{
	json *o = nmw_json_object();
	for (unsigned i = 0; i < NMW_M_COUNT; i++) {
		bool gauge = nmw_metric_descs[i].gauge;
		uint64_t d = m->counter[i] - (gauge ? 0 : was->counter[i]);
		if (d || i == NMW_M_in_messages || i == NMW_M_out_messages)
			nmw_json_set(o, nmw_metric_descs[i].name, nmw_json_num(d));
	}
	return o;
}

static json *dropped_since(const struct nmw_metrics *m, const struct nmw_metrics *was)
{
	json *o = nmw_json_object();
	for (unsigned i = 0; i < NMW_DROP_COUNT; i++)
		if (m->drop[i] != was->drop[i])
			nmw_json_set(o, nmw_drop_descs[i].name,
				     nmw_json_num(m->drop[i] - was->drop[i]));
	return o;
}

static json *interval_tool(const struct state *old, const struct state_tool *t)
{
	static struct nmw_hist h;
	static const struct nmw_metrics zero;
	const struct state_tool *b = state_before(old, t);
	const struct nmw_metrics *m = &t->m, *was = b ? &b->m : &zero;
	json *o = tool_head(t);
	if (!t->readable)
		return o;
	state_hist_since(&h, &m->hist[NMW_H_ingress_ns], &was->hist[NMW_H_ingress_ns]);
	nmw_json_set(o, "counters", changes(m, was));
	nmw_json_set(o, "dropped", dropped_since(m, was));
	nmw_json_set(o, "ingress", quantiles(&h, "_ns"));
	return o;
}

static json *interval_ring(const struct state *old, const struct state_ring *r)
{
	const struct state_ring *b = state_ring_before(old, r);
	json *o = nmw_json_object();
	nmw_json_set(o, "name", nmw_json_str(r->info.name));
	nmw_json_set(o, "state", nmw_json_str(state_ring_word(r)));
	if (!r->readable)
		return o;
	uint64_t was = b ? b->info.published : 0;
	nmw_json_set(o, "published", nmw_json_num(r->info.published - was));
	nmw_json_set(o, "consumers", consumers(&r->info));
	return o;
}

static void json_interval(FILE *f, const struct state *old, const struct state *now, unsigned line,
			  const struct view_opts *o)
{
	(void)line;
	(void)o;
	json *doc = nmw_json_object();
	nmw_json_set(doc, "ts_ns", nmw_json_id(now->real_ns));
	nmw_json_set(doc, "interval_ns", nmw_json_id(now->mono_ns - old->mono_ns));
	json *tools = nmw_json_set(doc, "tools", nmw_json_array());
	for (unsigned i = 0; i < now->n_tools; i++)
		nmw_json_add(tools, interval_tool(old, now->tools[i]));
	json *rings = nmw_json_set(doc, "rings", nmw_json_array());
	for (unsigned i = 0; i < now->n_rings; i++)
		nmw_json_add(rings, interval_ring(old, &now->rings[i]));
	nmw_json_print(doc, f, 0);
}

static void json_removed(FILE *f, const struct view_removed *r, unsigned n, bool dry_run)
{
	json *doc = nmw_json_object();
	nmw_json_set(doc, "dry_run", nmw_json_bool(dry_run));
	json *removed = nmw_json_set(doc, "removed", nmw_json_array());
	json *kept = nmw_json_set(doc, "kept", nmw_json_array());
	for (unsigned i = 0; i < n; i++) {
		json *o = nmw_json_add(r[i].kept ? kept : removed, nmw_json_object());
		nmw_json_set(o, "kind", nmw_json_str(r[i].kind));
		nmw_json_set(o, "name", nmw_json_str(r[i].name));
		if (r[i].kept)
			nmw_json_set(o, "why", nmw_json_str(r[i].why));
		else
			nmw_json_set(o, "unread_messages", nmw_json_num(r[i].unread));
	}
	nmw_json_print(doc, f, 2);
}

static void json_checked(FILE *f, const struct view_fault *v, unsigned n, unsigned objects)
{
	json *doc = nmw_json_object();
	nmw_json_set(doc, "objects", nmw_json_num(objects));
	json *a = nmw_json_set(doc, "faults", nmw_json_array());
	for (unsigned i = 0; i < n; i++) {
		json *o = nmw_json_add(a, nmw_json_object());
		nmw_json_set(o, "object", nmw_json_str(v[i].object));
		nmw_json_set(o, "what", nmw_json_str(v[i].what));
	}
	nmw_json_print(doc, f, 2);
}

static void json_doctor(FILE *f, const struct doctor_row *r, unsigned n, const struct view_opts *o)
{
	static const char *const words[] = {"ok", "slower", "lacks"};
	json *doc = nmw_json_object();
	(void)o;
	json *a = nmw_json_set(doc, "host", nmw_json_array());
	for (unsigned i = 0; i < n; i++) {
		json *x = nmw_json_add(a, nmw_json_object());
		nmw_json_set(x, "what", nmw_json_str(r[i].what));
		nmw_json_set(x, "state", nmw_json_str(words[r[i].says]));
		nmw_json_set(x, "found", nmw_json_str(r[i].found));
		nmw_json_set(x, "expected", nmw_json_str(r[i].expected));
		nmw_json_set(x, "command",
			     *r[i].command ? nmw_json_str(r[i].command) : nmw_json_null());
	}
	nmw_json_print(doc, f, 2);
}

static json *padded(const char *s, size_t n)
{
	char text[16];
	while (n && (s[n - 1] == ' ' || !s[n - 1]))
		n--;
	snprintf(text, sizeof text, "%.*s", (int)n, s);
	return nmw_json_str(text);
}

static json *session(const struct view_session *s)
{
	static const char *const words[] = {"away", "up", "blocked"};
	const struct nmw_session_row *r = &s->r;
	char host[INET6_ADDRSTRLEN] = "";
	json *x = nmw_json_object();
	if (r->family)
		inet_ntop(r->family == 4 ? AF_INET : AF_INET6, r->addr, host, sizeof host);
	nmw_json_set(x, "account", padded(r->account, sizeof r->account));
	nmw_json_set(x, "protocol", padded(r->protocol, sizeof r->protocol));
	nmw_json_set(x, "state",
		     nmw_json_str(!s->alive ? "dead" : words[r->state < 3 ? r->state : 0]));
	nmw_json_set(x, "session", padded(r->name, sizeof r->name));
	nmw_json_set(x, "session_id", nmw_json_num(r->id));
	nmw_json_set(x, "next", nmw_json_id(r->next));
	nmw_json_set(x, "sent", nmw_json_id(r->sent));
	nmw_json_set(x, "buffered", nmw_json_num(r->buffered));
	nmw_json_set(x, "logins", nmw_json_num(r->logins));
	nmw_json_set(x, "client", *host ? nmw_json_str(host) : nmw_json_null());
	nmw_json_set(x, "client_port", nmw_json_num(r->port));
	nmw_json_set(x, "port", nmw_json_num(r->host_port));
	nmw_json_set(x, "pid", nmw_json_num(s->pid));
	return x;
}

static void json_sessions(FILE *f, const struct view_session *s, unsigned n,
			  const struct view_opts *o)
{
	json *doc = nmw_json_object();
	(void)o;
	json *a = nmw_json_set(doc, "sessions", nmw_json_array());
	for (unsigned i = 0; i < n; i++)
		nmw_json_add(a, session(&s[i]));
	nmw_json_print(doc, f, 2);
}

const struct view view_json = {.state = json_state,
			       .interval = json_interval,
			       .removed = json_removed,
			       .checked = json_checked,
			       .json = true,
			       .doctor = json_doctor,
			       .sessions = json_sessions};
