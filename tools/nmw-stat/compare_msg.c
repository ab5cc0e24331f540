#include "compare.h"

#include "base/bits.h"
#include "wire/schema.h"

#include <stdio.h>
#include <string.h>

static const struct nmw_slot *slot_of(const struct compare_copy *c)
{
	return (const struct nmw_slot *)(const void *)c->desc;
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

static const char *field_of(const struct compare_copy *a, const struct compare_copy *b)
{
	const struct nmw_schema *d = schema_of(a);
	if (!d || d != schema_of(b))
		return NULL;
	for (unsigned i = 0; i < d->n_fields; i++) {
		const struct nmw_field *f = &d->fields[i];
		if ((uint32_t)f->off + f->size <= a->len &&
		    memcmp(a->payload + f->off, b->payload + f->off, f->size) != 0)
			return f->name;
	}
	return NULL;
}

void compare_name(const struct compare_copy *one, const struct compare_copy *two, char what[64])
{
	struct compare_copy masked[2] = {*one, *two};
	const struct compare_copy *a = &masked[0], *b = &masked[1];
	mask(&masked[0]);
	mask(&masked[1]);
	const struct nmw_slot *x = slot_of(a), *y = slot_of(b);
	const char *name = "time";
	uint32_t least = a->len < b->len ? a->len : b->len, at = 0;
	uint32_t kept = least < COMPARE_KEPT ? least : COMPARE_KEPT;
	const char *field = a->len == b->len ? field_of(a, b) : NULL;
	while (at < kept && a->payload[at] == b->payload[at])
		at++;
	if (x->channel != y->channel)
		name = "channel";
	else if (x->codec != y->codec)
		name = "codec";
	else if (x->session != y->session)
		name = "session";
	else if (field)
		name = field;
	else if (a->len != b->len)
		name = "length";
	else if (at < kept || a->len > COMPARE_KEPT)
		name = NULL;
	if (name)
		snprintf(what, 64, "%s", name);
	else
		snprintf(what, 64, "byte %u%s", at, at < kept ? "" : " or later");
}
