#include "view.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct state_quantile state_quantiles[STATE_QUANTILES] = {
	{"p50", "p50", 500000},	    {"p90", "p90", 900000},	  {"p99", "p99", 990000},
	{"p99.9", "p99_9", 999000}, {"p99.99", "p99_99", 999900}, {"max", "max", 1000000},
};

struct take {
	struct state *s;
	const char *only;
	int err;
};

static bool tool_wanted(const struct nmw_metrics *m, const char *path, const char *only)
{
	char pid[16];
	if (!only)
		return true;
	if (!m)
		return strstr(path, only) != NULL;
	snprintf(pid, sizeof pid, "%u", m->pid);
	return !strcmp(only, m->tool) || (*m->instance && !strcmp(only, m->instance)) ||
	       !strcmp(only, pid);
}

static int take_tool(const struct nmw_metrics *m, bool alive, const char *path,
		     const struct nmw_err *why, void *arg)
{
	struct take *t = arg;
	struct state *s = t->s;
	if (s->n_tools == STATE_MAX || !tool_wanted(m, path, t->only))
		return 0;
	struct state_tool *x = calloc(1, sizeof *x);
	if (!x)
		return -ENOMEM;
	x->alive = alive;
	x->readable = m != NULL;
	if (m)
		x->m = *m;
	snprintf(x->path, sizeof x->path, "%s", path);
	snprintf(x->why, sizeof x->why, "%s", why->msg);
	x->exit = why->exit;
	s->tools[s->n_tools++] = x;
	return 0;
}

/* Names out of shared memory end on terminals. */
static void plain_text(char *s, size_t n)
{
	s[n - 1] = 0;
	for (; *s; s++)
		if (*s < ' ' || *s > '~')
			*s = '?';
}

static int take_ring(const char *name, void *arg)
{
	struct take *t = arg;
	struct state *s = t->s;
	struct nmw_err why = NMW_ERR_INIT;
	if (s->n_rings == STATE_MAX || (t->only && strcmp(t->only, name)))
		return 0;
	struct state_ring *r = &s->rings[s->n_rings];
	memset(r, 0, sizeof *r);
	int rc = nmw_ring_inspect(name, &r->info, &why);
	if (rc == -ENOENT)
		return 0; /* it ended in between */
	r->readable = rc == 0;
	snprintf(r->info.name, sizeof r->info.name, "%s", name);
	plain_text(r->info.name, sizeof r->info.name);
	plain_text(r->info.tool, sizeof r->info.tool);
	for (unsigned i = 0; i < NMW_RING_CONSUMERS; i++)
		plain_text(r->info.consumer[i].name, sizeof r->info.consumer[i].name);
	if (r->info.consumers > NMW_RING_CONSUMERS)
		r->info.consumers = NMW_RING_CONSUMERS;
	snprintf(r->why, sizeof r->why, "%s", why.msg);
	r->exit = why.exit;
	s->n_rings++;
	return 0;
}

static int ring_order(const void *a, const void *b)
{
	const struct state_ring *x = a, *y = b;
	return strcmp(x->info.name, y->info.name);
}

int state_take(struct state *s, const char *only, struct nmw_err *e)
{
	struct take t = {s, only, 0};
	memset(s, 0, sizeof *s);
	s->tools = calloc(STATE_MAX, sizeof *s->tools);
	s->rings = calloc(STATE_MAX, sizeof *s->rings);
	if (!s->tools || !s->rings) {
		state_free(s);
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "no memory");
	}
	s->mono_ns = nmw_clock_mono();
	s->real_ns = nmw_clock_real();
	int rc = nmw_metrics_each(take_tool, &t, e);
	if (!rc)
		rc = nmw_ring_each(take_ring, &t, e);
	if (!rc && only && !s->n_tools && !s->n_rings)
		rc = nmw_err_set(e, -ENOENT, NMW_EXIT_PEER,
				 "%s: no ring, tool, instance or pid of that name: "
				 "`nmw-stat list` shows what is there",
				 only);
	if (rc)
		state_free(s);
	else
		qsort(s->rings, s->n_rings, sizeof *s->rings, ring_order);
	return rc;
}

void state_free(struct state *s)
{
	for (unsigned i = 0; s->tools && i < s->n_tools; i++)
		free(s->tools[i]);
	free(s->tools);
	free(s->rings);
	memset(s, 0, sizeof *s);
}

enum nmw_exit state_unreadable(const struct state *s)
{
	for (unsigned i = 0; i < s->n_tools; i++)
		if (!s->tools[i]->readable)
			return s->tools[i]->exit;
	for (unsigned i = 0; i < s->n_rings; i++)
		if (!s->rings[i].readable)
			return s->rings[i].exit;
	return NMW_EXIT_OK;
}

const struct state_tool *state_before(const struct state *old, const struct state_tool *t)
{
	for (unsigned i = 0; i < old->n_tools; i++)
		if (old->tools[i]->readable && !strcmp(old->tools[i]->path, t->path) &&
		    old->tools[i]->m.started_ns == t->m.started_ns)
			return old->tools[i];
	return NULL;
}

const struct state_ring *state_ring_before(const struct state *old, const struct state_ring *r)
{
	for (unsigned i = 0; i < old->n_rings; i++)
		if (old->rings[i].readable && !strcmp(old->rings[i].info.name, r->info.name))
			return &old->rings[i];
	return NULL;
}

const char *state_tool_word(const struct state_tool *t)
{
	static const char *const words[] = {"starting", "running", "draining", "ending"};
	if (!t->readable)
		return "unreadable";
	return t->alive ? words[t->m.state] : "dead";
}

const char *state_ring_word(const struct state_ring *r)
{
	if (!r->readable)
		return "unreadable";
	switch (r->info.state) {
	case NMW_RING_LIVE:
		return "live";
	case NMW_RING_CLOSED:
		return r->info.flaw == NMW_RING_WHOLE	  ? "closed"
		       : r->info.flaw == NMW_RING_DAMAGED ? "damaged"
							  : "failed";
	case NMW_RING_DEAD:
		return "dead";
	case NMW_RING_CORRUPT:
		return "corrupt";
	}
	return "unknown";
}

uint64_t state_lag(const struct nmw_ring_info *r, unsigned i)
{
	return r->published > r->consumer[i].cursor ? r->published - r->consumer[i].cursor : 0;
}

bool state_balances(const struct nmw_metrics *m)
{
	return !strcmp(m->tool, "nmw-recv") || !strcmp(m->tool, "nmw-send");
}

int64_t state_unaccounted(const struct nmw_metrics *m)
{
	return (int64_t)(m->counter[NMW_M_in_messages] - m->counter[NMW_M_out_messages] -
			 nmw_metrics_dropped(m));
}

uint64_t state_hist_le(const struct nmw_hist *h, uint64_t v)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i <= nmw_hist_index(v); i++)
		sum += h->n[i];
	return sum;
}

/* Largest value that counts in step i. */
static uint64_t step_high(uint32_t i)
{
	uint32_t group = i >> NMW_HIST_SUB_BITS, sub = i & ((1u << NMW_HIST_SUB_BITS) - 1);
	if (!group)
		return i;
	return (((uint64_t)(1u << NMW_HIST_SUB_BITS) + sub + 1) << (group - 1)) - 1;
}

void state_hist_since(struct nmw_hist *out, const struct nmw_hist *now, const struct nmw_hist *then)
{
	*out = *now;
	out->count = 0;
	out->max = 0;
	out->sum -= then->sum;
	for (uint32_t i = 0; i < NMW_HIST_STEPS; i++) {
		out->n[i] -= then->n[i];
		out->count += out->n[i];
		if (out->n[i])
			out->max = step_high(i);
	}
	if (out->max > now->max)
		out->max = now->max;
}

bool state_side_latency(const struct view_side *s, struct nmw_hist *out)
{
	for (unsigned i = 0; i < s->n_tools; i++) {
		if (!s->tool[i].end)
			continue;
		state_hist_since(out, &s->tool[i].last->hist[NMW_H_ingress_ns],
				 &s->tool[i].first->hist[NMW_H_ingress_ns]);
		return out->count > 0;
	}
	return false;
}

static uint64_t lost_on_the_way(const struct nmw_metrics *m)
{
	return m->counter[NMW_M_mold_gap_messages] + m->counter[NMW_M_socket_drops];
}

void state_side_loss(const struct view_side *s, uint64_t *dropped, uint64_t *gaps)
{
	*dropped = *gaps = 0;
	for (unsigned i = 0; i < s->n_tools; i++) {
		const struct nmw_metrics *now = s->tool[i].last, *was = s->tool[i].first;
		*dropped += nmw_metrics_dropped(now) - nmw_metrics_dropped(was);
		*gaps += lost_on_the_way(now) - lost_on_the_way(was);
	}
}
