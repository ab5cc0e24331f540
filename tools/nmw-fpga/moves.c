#include "moves.h"

#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define UNKNOWN UINT32_MAX

static uint32_t count(const struct run *r)
{
	struct nmw_engine_stat s;
	nmw_engine_stat(r->engine, &s);
	return (uint32_t)s.symbols;
}

/* A symbol that no order named yet will be where it was asked for. */
static void unknown(struct run *r, const struct control_request *q, struct control_answer *a)
{
	a->place = CONTROL_UNUSED;
	a->done = q->op == CONTROL_LIST ||
		  wishes_set(&r->wishes, a->symbol,
			     q->op == CONTROL_OFFLOAD ? NMW_HELD_DEVICE : NMW_HELD_HOST);
}

static void place(const struct nmw_held *h, uint32_t sym, struct control_answer *a)
{
	int64_t orders = nmw_held_orders(h, sym);
	a->place = orders >= 0 ? CONTROL_DEVICE : orders == -1 ? CONTROL_SOFTWARE : CONTROL_UNUSED;
	a->orders = orders > 0 ? (uint64_t)orders : 0;
	a->why = orders == -1 ? (uint8_t)nmw_held_why(h, sym) : 0;
}

static void move(struct run *r, const struct control_request *q, uint32_t sym,
		 struct control_answer *a)
{
	struct nmw_held *h = r->books.held;
	uint32_t were = 0;
	a->done = true;
	if (q->op == CONTROL_OFFLOAD)
		a->done = nmw_held_come(h, sym);
	else if (q->op == CONTROL_RETURN)
		were = nmw_held_go(h, sym);
	place(h, sym, a);
	if (q->op == CONTROL_OFFLOAD && a->done)
		a->far = nmw_held_far(h, sym);
	if (q->op == CONTROL_RETURN)
		a->orders = were;
}

static bool is_lost(const struct nmw_held *h, uint32_t sym)
{
	return nmw_held_orders(h, sym) == -1 && nmw_held_why(h, sym) == NMW_HELD_LOST;
}

/* The next symbol that the request is about, its name to *name; false: there is none. */
static bool next(const struct run *r, const struct control_request *q, uint32_t *at, uint32_t *sym,
		 uint64_t *name)
{
	if (q->which == CONTROL_NAMED && *at < q->n) {
		*name = q->symbol[(*at)++];
		*sym = nmw_engine_symbol_find(r->engine, *name);
		return true;
	}
	for (uint32_t n = count(r); q->which != CONTROL_NAMED && *at < n;) {
		*sym = (*at)++;
		*name = nmw_engine_symbol_name(r->engine, *sym);
		if (q->which == CONTROL_ALL || is_lost(r->books.held, *sym))
			return true;
	}
	return false;
}

static void end(const struct run *r, const struct nmw_err *e, struct control_answer *a)
{
	const struct nmw_held *h = r->books.held;
	struct nmw_held_stat s;
	nmw_held_stat(h, &s);
	a->end = 1;
	a->run = (struct control_end){.books = h->port->books,
				      .free = nmw_held_free(h),
				      .in_use = !h->lost,
				      .exit = e->err ? e->exit : NMW_EXIT_OK,
				      .held = s.symbols,
				      .software = s.software,
				      .losses = r->losses};
	snprintf(a->run.text, sizeof a->run.text, "%s", e->err ? e->msg : h->err.msg);
}

bool moves_answer(void *arg, const struct control_request *q, uint32_t *at,
		  struct control_answer *a)
{
	struct run *r = arg;
	struct nmw_err e = NMW_ERR_INIT;
	uint64_t commands = r->books.held->stat.commands;
	uint32_t sym;
	if (q->op == CONTROL_OFFLOAD && !*at && r->books.held->lost && run_again(r, &e)) {
		end(r, &e, a);
		return false;
	}
	if (!next(r, q, at, &sym, &a->symbol))
		end(r, &e, a);
	else if (sym == UNKNOWN)
		unknown(r, q, a);
	else
		move(r, q, sym, a);
	return r->books.held->stat.commands != commands;
}
