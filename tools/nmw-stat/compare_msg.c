#include "compare.h"

#include "base/bits.h"
#include "wire/schema.h"

#include <stdio.h>
#include <string.h>

static const struct nmw_slot *slot_of(const struct compare_copy *c)
{
	return compare_slot(c);
}

static const struct nmw_schema *schema_of(const struct compare_copy *c)
{
	const struct nmw_slot *s = slot_of(c);
	return c->len <= COMPARE_KEPT ? nmw_schema_find(s->codec, s->channel, c->payload, c->len)
				      : NULL;
}

/* Two pipelines have clocks, and ports of their clients, of their own. */
static void mask(struct compare_copy *c)
{
	if (c->exact)
		return;
	const struct nmw_schema *d = schema_of(c);
	for (unsigned i = 0; d && i < d->n_fields; i++) {
		const struct nmw_field *f = &d->fields[i];
		if (f->kind == NMW_F_TIME && (uint32_t)f->off + f->size <= c->len)
			memset(c->payload + f->off, 0, f->size);
	}
	if (slot_of(c)->channel == NMW_CH_CTL && c->len == sizeof(struct nmw_ctl)) {
		struct nmw_ctl ctl;
		memcpy(&ctl, c->payload, sizeof ctl);
		ctl.family = 0;
		ctl.port = ctl.host_port = 0;
		memset(ctl.addr, 0, sizeof ctl.addr);
		memcpy(c->payload, &ctl, sizeof ctl);
	}
}

void compare_take(struct compare_copy *c, const struct nmw_slot *desc, const uint8_t *payload,
		  uint32_t len, bool exact)
{
	uint32_t kept = len < COMPARE_KEPT ? len : COMPARE_KEPT;
	memcpy(c->desc, desc, sizeof c->desc);
	c->len = len;
	c->exact = exact;
	memcpy(c->payload, payload, kept);
	struct compare_copy masked = *c;
	mask(&masked);
	c->sum = nmw_fnv(nmw_fnv(NMW_FNV_START, masked.payload, kept), payload + kept, len - kept);
	if (exact)
		c->sum = nmw_fnv(c->sum, &desc->ts_ns, sizeof desc->ts_ns);
}

bool compare_same(const struct compare_copy *a, const struct compare_copy *b)
{
	const struct nmw_slot *x = slot_of(a), *y = slot_of(b);
	return a->len == b->len && a->sum == b->sum && x->session == y->session &&
	       x->channel == y->channel && x->codec == y->codec;
}

/* ---- as text --------------------------------------------------------------------------------- */

/* `name key=value key="any text" ...`: what is quoted holds neither a quote nor a line's end. */
static void split(struct compare_text *t)
{
	const char *s = t->line;
	size_t i = strcspn(s, " ");
	t->kind_n = (unsigned)i;
	t->n = 0;
	while (s[i] && t->n < COMPARE_FIELDS) {
		struct compare_field *f = &t->field[t->n];
		size_t name = i + strspn(s + i, " ");
		size_t value = name + strcspn(s + name, "=");
		if (!s[value])
			return;
		size_t n = s[value + 1] == '"' ? 1 + strcspn(s + value + 2, "\"") + 1
					       : strcspn(s + value + 1, " ");
		*f = (struct compare_field){.name = (uint16_t)name,
					    .name_len = (uint16_t)(value - name),
					    .value = (uint16_t)(value + 1),
					    .value_len = (uint16_t)strnlen(s + value + 1, n)};
		i = value + 1 + f->value_len;
		t->n++;
	}
}

void compare_describe(const struct compare_copy *c, struct compare_text *t)
{
	if (c->len > COMPARE_KEPT ||
	    nmw_schema_text(slot_of(c), c->payload, c->len, t->line, sizeof t->line) < 0)
		snprintf(t->line, sizeof t->line, "%u bytes", c->len);
	split(t);
}

static bool same_text(const struct compare_text *a, unsigned a_at, unsigned a_n,
		      const struct compare_text *b, unsigned b_at, unsigned b_n)
{
	return a_n == b_n && !memcmp(a->line + a_at, b->line + b_at, a_n);
}

/* Messages of one kind: the fields that differ, appended to what; false: none, or of two kinds. */
static bool name_fields(const struct compare_copy *a, const struct compare_copy *b,
			char what[COMPARE_WHAT], bool differs[COMPARE_FIELDS])
{
	static struct compare_text t[2];
	size_t from = strlen(what), n = from;
	compare_describe(a, &t[0]);
	compare_describe(b, &t[1]);
	if (t[0].n != t[1].n || !same_text(&t[0], 0, t[0].kind_n, &t[1], 0, t[1].kind_n))
		return false;
	for (unsigned i = 0; i < t[0].n; i++) {
		const struct compare_field *x = &t[0].field[i], *y = &t[1].field[i];
		if (!same_text(&t[0], x->name, x->name_len, &t[1], y->name, y->name_len))
			return false;
		bool d = !same_text(&t[0], x->value, x->value_len, &t[1], y->value, y->value_len);
		if (differs)
			differs[i] = d;
		if (d && n + x->name_len + 3u < COMPARE_WHAT)
			n += (size_t)snprintf(what + n, COMPARE_WHAT - n, "%s%.*s", n ? ", " : "",
					      (int)x->name_len, t[0].line + x->name);
	}
	return n > from;
}

/* Of messages that are not of one kind, or whose fields do not tell. */
static void name_rest(const struct compare_copy *a, const struct compare_copy *b,
		      char what[COMPARE_WHAT])
{
	const struct nmw_schema *d[2] = {schema_of(a), schema_of(b)};
	uint32_t least = a->len < b->len ? a->len : b->len, at = 0;
	uint32_t kept = least < COMPARE_KEPT ? least : COMPARE_KEPT;
	while (at < kept && a->payload[at] == b->payload[at])
		at++;
	if (d[0] && d[1] && d[0] != d[1])
		snprintf(what, COMPARE_WHAT, "type");
	else if (a->len != b->len)
		snprintf(what, COMPARE_WHAT, "length");
	else if (at < kept || a->len > COMPARE_KEPT)
		snprintf(what, COMPARE_WHAT, "byte %u%s", at, at < kept ? "" : " or later");
	else
		snprintf(what, COMPARE_WHAT, "time");
}

void compare_name(const struct compare_copy *a, const struct compare_copy *b,
		  char what[COMPARE_WHAT], bool differs[COMPARE_FIELDS])
{
	struct compare_copy masked[2] = {*a, *b};
	mask(&masked[0]);
	mask(&masked[1]);
	const struct nmw_slot *x = slot_of(a), *y = slot_of(b);
	bool one_kind = x->channel == y->channel && x->codec == y->codec;
	*what = 0;
	if (differs)
		memset(differs, 0, COMPARE_FIELDS * sizeof *differs);
	if (x->channel != y->channel)
		snprintf(what, COMPARE_WHAT, "channel");
	else if (x->codec != y->codec)
		snprintf(what, COMPARE_WHAT, "codec");
	else if (x->session != y->session)
		snprintf(what, COMPARE_WHAT, "session");
	if (one_kind && !name_fields(&masked[0], &masked[1], what, differs) && !*what)
		name_rest(&masked[0], &masked[1], what);
}
