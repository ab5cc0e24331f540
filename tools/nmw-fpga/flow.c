#include "flow.h"

#include "base/pages.h"
#include "base/rng.h"
#include "book/core.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BOOKS	   (1u << NMW_HW_SYMBOLS_LOG2)
#define SLOTS	   (1u << NMW_HW_SLOTS_LOG2)
#define KNOWN	   (SLOTS / 2) /* orders that are remembered: fewer than rest at most */
#define WANTED	   (1u << 16)  /* events that the software book is ahead */
#define WANTED_ONE (SLOTS + 2) /* of one command at most */
#define EVENTS	   64u
#define MIX_LENGTH 8192u /* commands */

_Static_assert(NMW_HW_CANCELED == (int)NMW_CORE_CANCELED && NMW_HW_RESTED == (int)NMW_CORE_RESTED &&
		       NMW_HW_FILL == (int)NMW_CORE_FILL && NMW_HW_OWN == (int)NMW_CORE_OWN &&
		       NMW_HW_REPLACED == (int)NMW_CORE_REPLACED &&
		       NMW_HW_REDUCED == (int)NMW_CORE_REDUCED &&
		       NMW_HW_REJECTED == (int)NMW_CORE_REJECTED,
	       "kinds of events are the same");
_Static_assert(NMW_HW_IMMEDIATE == (int)NMW_CORE_IMMEDIATE &&
		       NMW_HW_NOT_LESS == (int)NMW_CORE_NOT_LESS &&
		       NMW_HW_UNKNOWN == (int)NMW_CORE_UNKNOWN,
	       "and their reasons");

/* An order that came to rest, and may have gone since. */
struct known {
	uint64_t lo, handle;
	uint32_t px, qty;
	uint16_t sym;
	bool sell;
};

struct wanted {
	struct nmw_core_evt evt;
	uint32_t tag;
	bool last;
};

/* How the commands are distributed: percent, and ticks. */
struct mix {
	uint32_t books, cancel, replace, reduce, through, special, near;
};

static const struct mix mixes[] = {
	{1, 43, 0, 0, 12, 0, 500},	    /* the usual one, one book */
	{BOOKS, 43, 0, 0, 12, 0, 500},	    /* all books */
	{BOOKS, 30, 10, 8, 25, 40, 40},	    /* orders of all kinds, near each other */
	{2, 10, 2, 2, 60, 10, 8},	    /* mostly trades */
	{4, 35, 10, 5, 5, 5, NMW_HW_TICKS}, /* far apart */
};

struct flow {
	struct nmw_device *d;
	struct nmw_rng rng;
	struct nmw_core core;
	uint64_t name; /* id of the last order */
	uint64_t made; /* commands */
	uint32_t count;
	uint32_t put, got; /* of wanted, running free */
	uint32_t fills;
	struct known known[KNOWN];
	struct wanted wanted[WANTED];
};

static bool chance(struct flow *f, uint32_t percent)
{
	return nmw_rng_below(&f->rng, 100) < percent;
}

static uint32_t below(struct flow *f, uint32_t n)
{
	return (uint32_t)nmw_rng_below(&f->rng, n);
}

/* ---- a command, for both -------------------------------------------------------------------- */

static uint32_t price(struct flow *f, const struct mix *m, bool sell)
{
	const uint32_t mid = NMW_HW_TICKS / 2;
	bool through = chance(f, m->through);
	uint32_t by = through ? below(f, 8) : below(f, 1 + below(f, m->near));
	by = by < mid ? by : mid - 1;
	return sell != through ? mid + by : mid - 1 - by;
}

static void special(struct flow *f, struct nmw_core_cmd *k)
{
	switch (below(f, 5)) {
	case 0:
		k->flags = NMW_CORE_IOC;
		break;
	case 1:
		k->flags = NMW_CORE_MARKET;
		break;
	case 2:
		k->flags = NMW_CORE_POST_ONLY;
		break;
	case 3:
		k->min_qty = 1 + below(f, k->qty);
		break;
	default:
		k->owner = 1 + below(f, 4);
		k->flags = below(f, 2) ? NMW_CORE_OWN_LEAVES : 0;
		break;
	}
}

static void new_order(struct flow *f, const struct mix *m, struct nmw_core_cmd *k)
{
	uint32_t sym = below(f, m->books);
	bool sell = below(f, 2);
	k->op = NMW_CORE_ENTER;
	k->lo = ++f->name;
	k->sides = sym * 2 + sell;
	k->px = price(f, m, sell);
	k->qty = 1 + below(f, 100);
	if (chance(f, m->special))
		special(f, k);
}

static void forget(struct flow *f, uint32_t i)
{
	f->known[i] = f->known[--f->count];
}

/* One that is known, alive or not. Its handle for the device. */
static uint64_t known_order(struct flow *f, const struct mix *m, uint32_t dice,
			    struct nmw_core_cmd *k)
{
	uint32_t i = below(f, f->count);
	const struct known o = f->known[i];
	k->lo = o.lo;
	k->sides = o.sym * 2u + o.sell;
	k->px = o.px;
	if (dice < m->cancel) {
		k->op = NMW_CORE_CANCEL;
		forget(f, i);
	} else if (dice < m->cancel + m->replace) {
		k->op = NMW_CORE_REPLACE;
		k->new_lo = ++f->name;
		k->px = price(f, m, o.sell);
		k->qty = 1 + below(f, 100);
		forget(f, i);
	} else {
		k->op = NMW_CORE_REDUCE;
		k->qty = below(f, o.qty + 2);
	}
	return o.handle;
}

static void to_device(const struct nmw_core_cmd *k, uint64_t handle, uint32_t tag,
		      struct nmw_hw_cmd *c)
{
	static const uint8_t op[] = {[NMW_CORE_ENTER] = NMW_HW_ENTER,
				     [NMW_CORE_CANCEL] = NMW_HW_CANCEL,
				     [NMW_CORE_REPLACE] = NMW_HW_REPLACE,
				     [NMW_CORE_REDUCE] = NMW_HW_REDUCE};
	*c = (struct nmw_hw_cmd){.op = op[k->op],
				 .flags = (uint8_t)(k->flags | (k->sides & 1 ? NMW_HW_SELL : 0)),
				 .sym = (uint16_t)(k->sides / 2),
				 .px = k->px,
				 .qty = k->qty,
				 .owner = k->owner,
				 .min_qty = k->min_qty,
				 .tag = tag,
				 .handle = handle};
}

static void want(struct flow *f, const struct nmw_core_evt *ev, unsigned n, uint32_t tag)
{
	for (unsigned i = 0; i < n; i++)
		f->wanted[f->put++ % WANTED] = (struct wanted){.evt = ev[i], .tag = tag};
}

static void to_software(struct flow *f, const struct nmw_core_cmd *k, uint32_t tag)
{
	struct nmw_core_evt ev[EVENTS];
	unsigned n = nmw_core_apply(&f->core, k, ev, EVENTS);
	want(f, ev, n, tag);
	while (f->core.taker.more) {
		n = nmw_core_more(&f->core, k, ev, EVENTS);
		want(f, ev, n, tag);
	}
	f->wanted[(f->put - 1) % WANTED].last = true;
}

static void send(struct flow *f, uint32_t i)
{
	const struct mix *m = &mixes[f->made / MIX_LENGTH % (sizeof mixes / sizeof mixes[0])];
	struct nmw_core_cmd k = {.rank = f->made + 1};
	uint32_t dice = below(f, 100), tag = (uint32_t)f->made++;
	uint64_t handle = 0;
	/* with no room to remember more, those that are there go */
	if (f->count && f->count + f->d->mask + 1 >= KNOWN)
		dice = 0;
	if (f->count && (dice < m->cancel + m->replace + m->reduce))
		handle = known_order(f, m, dice, &k);
	else
		new_order(f, m, &k);
	to_device(&k, handle, tag, nmw_device_cmd(f->d, i));
	to_software(f, &k, tag);
}

/* ---- the events ----------------------------------------------------------------------------- */

static int differs(const struct flow *f, const struct nmw_hw_evt *v, const struct wanted *w,
		   struct nmw_err *e)
{
	const struct nmw_core_evt *x = &w->evt;
	return nmw_err_set(e, -EIO, NMW_EXIT_RESOURCE,
			   "selftest: device %s: event of command %" PRIu32
			   ": kind %u reason %u book %u px %" PRIu32 " qty %" PRIu32
			   " left %" PRIu32 " last %u tag %" PRIu32
			   " found, kind %u reason %u book %u px %" PRIu32 " qty %" PRIu32
			   " left %" PRIu32 " last %u tag %" PRIu32 " expected",
			   f->d->info.device, w->tag, v->kind, v->reason, v->sym, v->px, v->qty,
			   v->left, v->flags & 1u, v->tag, x->kind, x->reason, x->sides / 2, x->px,
			   x->qty, x->left, w->last, w->tag);
}

static bool same(const struct nmw_hw_evt *v, const struct wanted *w)
{
	const struct nmw_core_evt *x = &w->evt;
	bool priced =
		x->kind == NMW_CORE_FILL || x->kind == NMW_CORE_OWN || x->kind == NMW_CORE_RESTED;
	bool unknown = x->kind == NMW_CORE_REJECTED && x->reason == NMW_CORE_UNKNOWN;
	bool reason = v->reason == x->reason || x->kind == NMW_CORE_OWN; /* which says why itself */
	return v->kind == x->kind && reason && v->tag == w->tag && v->qty == x->qty &&
	       v->left == x->left && (v->flags & NMW_DEVICE_LAST) == w->last &&
	       (unknown || v->sym == x->sides / 2) && (!priced || v->px == x->px);
}

static int take(struct flow *f, const struct nmw_hw_evt *v, struct nmw_err *e)
{
	const struct wanted *w = &f->wanted[f->got % WANTED];
	if (f->got == f->put)
		return nmw_err_set(e, -EIO, NMW_EXIT_RESOURCE,
				   "selftest: device %s: an event more than the software book has, "
				   "kind %u tag %" PRIu32,
				   f->d->info.device, v->kind, v->tag);
	if (!same(v, w))
		return differs(f, v, w, e);
	if (v->kind == NMW_HW_RESTED && f->count < KNOWN)
		f->known[f->count++] = (struct known){.lo = w->evt.lo,
						      .handle = v->handle,
						      .px = w->evt.px,
						      .qty = w->evt.qty,
						      .sym = (uint16_t)(w->evt.sides / 2),
						      .sell = w->evt.sides & 1};
	f->fills += v->kind == NMW_HW_FILL;
	f->got++;
	return 0;
}

static int receive(struct flow *f, struct nmw_err *e)
{
	uint32_t n;
	while (!(n = nmw_device_poll(f->d)) && nmw_device_waiting(f->d))
		if (nmw_device_wait(f->d, e))
			return e->err;
	for (uint32_t i = 0; i < n; i++)
		if (take(f, nmw_device_evt(f->d, i), e))
			return e->err;
	nmw_device_release(f->d, n);
	return 0;
}

static int run(struct flow *f, uint64_t commands, struct nmw_err *e)
{
	while (f->made < commands || nmw_device_waiting(f->d)) {
		uint32_t room = nmw_device_room(f->d), n = 0;
		for (; n < room && f->made < commands && WANTED - (f->put - f->got) > WANTED_ONE;
		     n++)
			send(f, n);
		nmw_device_submit(f->d, n);
		if (receive(f, e))
			return e->err;
	}
	if (f->got == f->put)
		return 0;
	return nmw_err_set(e, -EIO, NMW_EXIT_RESOURCE,
			   "selftest: device %s: %" PRIu32 " events fewer than the software book",
			   f->d->info.device, f->put - f->got);
}

static int counters(const struct flow *f, const struct flow_result *r, struct nmw_err *e)
{
	const struct nmw_device_stat *s = &r->stat;
	if (s->commands == r->commands && s->events == r->events && s->fills == r->fills)
		return 0;
	return nmw_err_set(e, -EIO, NMW_EXIT_RESOURCE,
			   "selftest: device %s: it counted %" PRIu64 " commands, %" PRIu64
			   " events, %" PRIu64 " fills: %" PRIu64 ", %" PRIu64 ", %" PRIu64
			   " expected",
			   f->d->info.device, s->commands, s->events, s->fills, r->commands,
			   r->events, r->fills);
}

int flow_run(struct nmw_device *d, uint64_t commands, uint64_t seed, struct flow_result *r,
	     struct nmw_err *e)
{
	const struct nmw_books_spec spec = {
		.symbols = BOOKS, .orders = SLOTS, .window = NMW_BOOK_WINDOW_MAX / 8};
	size_t books = (nmw_books_footprint(&spec) + 63) / 64 * 64;
	size_t at = (sizeof(struct flow) + 63) / 64 * 64;
	size_t size = at + books + nmw_idmap_footprint(SLOTS);
	uint8_t *mem = nmw_pages_take(size);
	if (!mem)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE,
				   "selftest: no %zu MiB of memory for the software book",
				   size >> 20);
	struct flow *f = (struct flow *)(void *)mem;
	f->d = d;
	nmw_rng_seed(&f->rng, seed);
	f->core.b = nmw_books_init(mem + at, &spec);
	f->core.ids = nmw_idmap_init(mem + at + books, SLOTS, nmw_book_user(f->core.b, 0),
				     NMW_BOOK_STRIDE);
	struct nmw_device_stat was;
	nmw_device_stat(d, &was);
	int rc = run(f, commands, e);
	nmw_device_stat(d, &r->stat);
	r->stat.cycles -= was.cycles;
	r->stat.commands -= was.commands;
	r->stat.events -= was.events;
	r->stat.fills -= was.fills;
	r->stat.latency_sum -= was.latency_sum;
	r->commands = f->made;
	r->events = f->got;
	r->fills = f->fills;
	if (!rc)
		rc = counters(f, r, e);
	nmw_pages_give(mem, size);
	return rc;
}
