/* Markets that move: one symbol, prices that wander over tens of thousands of ticks, every other
 * order canceled by the next message. */
#include "base/rng.h"
#include "wl.h"

#include <string.h>

#define LIVE   10000u /* orders that are kept for a while */
#define MIDDLE 40000  /* ticks */

struct scene {
	struct wl *w;
	struct nmw_rng rng;
	enum wl_scenario what;
	uint64_t at, n;
	int64_t walk;
	uint32_t id, turn;
	uint32_t kept[LIVE];
};

static uint32_t below(struct scene *s, uint32_t n)
{
	return (uint32_t)nmw_rng_below(&s->rng, n);
}

static int64_t swing(uint64_t at, uint64_t period, int64_t height)
{
	int64_t half = (int64_t)(period / 2), in = (int64_t)(at % period);
	return height * (in < half ? in : 2 * half - in) / half;
}

/* Half of the price is gone within a fiftieth of the day, and comes back in a fifth of it. */
static int64_t crash(uint64_t at, uint64_t n)
{
	uint64_t start = n / 2, down = n / 50, up = n / 5;
	if (at < start || at >= start + down + up)
		return 0;
	uint64_t in = at - start;
	uint64_t of = in < down ? in * 1000 / down : 1000 - (in - down) * 1000 / up;
	return -(int64_t)(of * MIDDLE / 2000);
}

static int64_t middle(struct scene *s)
{
	if (below(s, 10) == 0)
		s->walk += (int64_t)below(s, 7) - 3;
	int64_t px = MIDDLE + s->walk % 5000;
	if (s->what == WL_SWING)
		px += swing(s->at, s->n / 4, MIDDLE * 4 / 10);
	if (s->what == WL_CRASH)
		px += crash(s->at, s->n);
	return px;
}

static void emit(struct scene *s, enum wl_kind kind, uint32_t id, uint32_t side, int64_t px,
		 uint32_t qty)
{
	if (s->at == s->n)
		return;
	s->w->msg[s->at] = (struct wl_msg){.id = id,
					   .px = (int32_t)px,
					   .qty = qty,
					   .kind = (uint8_t)kind,
					   .side = (uint8_t)side,
					   .seq = (uint32_t)s->at};
	s->at++;
}

static void step(struct scene *s)
{
	int64_t at = middle(s), away = 1 + below(s, 20) + (below(s, 8) ? 0 : below(s, 2000));
	uint32_t side = below(s, 2), qty = 1 + below(s, 100);
	if (below(s, 100) < 5) {
		emit(s, WL_IOC, ++s->id, side, side ? at - 10 : at + 10, 3 * qty);
		return;
	}
	uint32_t id = ++s->id;
	emit(s, WL_ADD, id, side, side ? at + away : at - away, qty);
	if (below(s, 2)) {
		emit(s, WL_CANCEL, id, 0, 0, 0);
		return;
	}
	uint32_t *kept = &s->kept[s->turn++ % LIVE];
	if (*kept)
		emit(s, WL_CANCEL, *kept, 0, 0, 0); /* it may have traded */
	*kept = id;
}

int wl_scene(struct wl *w, const char *name, enum wl_scenario what, uint32_t messages,
	     uint64_t seed)
{
	static struct scene s;
	*w = (struct wl){.name = name, .head = {.magic = WL_MAGIC, .symbols = 1, .seed = seed}};
	if (wl_room(w, messages))
		return -1;
	memset(&s, 0, sizeof s);
	s.w = w;
	s.what = what;
	s.n = messages;
	nmw_rng_seed(&s.rng, seed);
	while (s.at < s.n)
		step(&s);
	w->head.timed = messages;
	w->head.max_id = s.id;
	return wl_permute(w, seed);
}
