/* levels.h: the price levels of one side of one book.
 *
 * Prices near the market lie in the window, an array of levels with a bitmap over it; all others in
 * the far tree (far.h).  Both sides are seen alike: a key is the price mirrored for bids, so that
 * the best price of either side is the lowest key and the search for the next one goes upwards.
 *
 *      window of `b->window` ticks, a ring: position p lies in slot (p + turn) % window
 *          base                    best
 *           |                       |
 *      .....[-----------------------#--#-#####-###-##-----#---------]..#.....#........   far: tree
 *           better                                             worse
 *
 * A position is the price divided by the step of the grid, mirrored likewise.  The step is learned:
 * US prices come in 1/10,000 and lie 100 apart.  A price off the grid is a far level, so that any
 * price is right at any time and the window is only a matter of speed.  The window moves when
 * enough orders missed it (nmw_levels_missed); a level that stays in it is not touched.
 */
#ifndef NMW_BOOK_LEVELS_H
#define NMW_BOOK_LEVELS_H

#include "book/bitmap.h"
#include "book/far.h"

#include <stdbool.h>
#include <stddef.h>

#define NMW_KEY_NONE UINT32_MAX /* over every key: an empty side */

struct nmw_levels {
	uint32_t best;	   /* key of the best level */
	uint32_t best_ref; /* that level; nmw_levels_front: the far one, or the side is empty */
	uint32_t base;	   /* first position of the window, at most 2^32 - window */
	uint32_t step;	   /* ticks from one position to the next */
	uint64_t recip;	   /* price * recip >> 63 = price / step */
	uint64_t sum;	   /* of the bitmap: see nmw_levels_next */
	uint32_t far_best; /* lowest key in the far tree */
	uint16_t missed;   /* orders that came to rest outside the window */
	uint16_t turn;	   /* see nmw_levels_turned */
	/* what stands for the best far level, as its sentinel does for one of the window */
	uint32_t far_best_ref; /* its first order; 0 = no far level */
	uint32_t far_root;
	uint32_t win;	 /* reference of slot 0 */
	uint32_t mirror; /* all ones for bids, 0 for asks */
	/* highest rank seen on this side: a displayed order above it is appended without a search;
	 * INT64_MAX once a hidden order has rested, which turns the shortcut off */
	int64_t rank_top;
};

_Static_assert(sizeof(struct nmw_levels) == 64, "one line");
_Static_assert(offsetof(struct nmw_levels, far_best_ref) % 8 == 0, "has a reference");

/* sides: symbol * 2 + side. */
static inline struct nmw_levels *nmw_levels_at(struct nmw_books *b, uint32_t sides)
{
	char *p = (char *)b + b->sides_off + (uint64_t)sides * sizeof(struct nmw_levels);
	return (struct nmw_levels *)(void *)p;
}

static inline const struct nmw_levels *nmw_levels_get(const struct nmw_books *b, uint32_t sides)
{
	const char *p =
		(const char *)b + b->sides_off + (uint64_t)sides * sizeof(struct nmw_levels);
	return (const struct nmw_levels *)(const void *)p;
}

/* Their bitmap: a bit for every tick of every window, in the order of the windows. */
static inline uint64_t *nmw_levels_words(struct nmw_books *b, uint32_t sides)
{
	char *p = (char *)b + b->bitmaps_off + (uint64_t)sides * (b->window / 8);
	return (uint64_t *)(void *)p;
}

static inline const uint64_t *nmw_levels_bits(const struct nmw_books *b, uint32_t sides)
{
	const char *p = (const char *)b + b->bitmaps_off + (uint64_t)sides * (b->window / 8);
	return (const uint64_t *)(const void *)p;
}

static inline uint32_t nmw_levels_sides(const struct nmw_books *b, const struct nmw_levels *s)
{
	return (uint32_t)(s - nmw_levels_get(b, 0));
}

/* Reference of what has the best far level's first order behind it. */
static inline uint32_t nmw_levels_front(const struct nmw_books *b, const struct nmw_levels *s)
{
	return (uint32_t)(((uintptr_t)&s->far_best_ref - (uintptr_t)b - NMW_BOOKS_HEAD) / 8);
}

/* Lower is better. Its own inverse but for the order of the steps. */
static inline uint32_t nmw_key_of(const struct nmw_levels *s, uint32_t px)
{
	return (px ^ s->mirror) + s->mirror;
}

static inline uint32_t nmw_key_px(const struct nmw_levels *s, uint32_t key)
{
	return (key - s->mirror) ^ s->mirror;
}

/* Exact for any price and a step of up to 2^31. */
static inline uint64_t nmw_levels_recip(uint32_t step)
{
	return ((UINT64_C(1) << 63) + step - 1) / step;
}

/* Price / step, rounded down, without dividing. */
static inline uint32_t nmw_levels_grid(const struct nmw_levels *s, uint32_t px)
{
	__extension__ typedef unsigned __int128 u128;
	return (uint32_t)((u128)(2 * (uint64_t)px) * s->recip >> 64);
}

/* Where a position lies in the window.  Each side turns its window by another number of lines:
 * markets at equal prices would otherwise all use the same few sets of the cache. */
static inline uint32_t nmw_levels_turned(const struct nmw_books *b, const struct nmw_levels *s,
					 uint32_t pos)
{
	return (pos + s->turn) & b->window_mask;
}

/* The window's level at a price, if it has one. */
static inline bool nmw_levels_slot(const struct nmw_books *b, const struct nmw_levels *s,
				   uint32_t px, uint32_t *level)
{
	uint32_t grid = nmw_levels_grid(s, px);
	uint32_t pos = grid ^ s->mirror;
	*level = s->win + nmw_levels_turned(b, s, pos);
	return grid * s->step == px && pos - s->base <= b->window_mask;
}

/* A window of more than 4,096 ticks has a second bitmap, of the words of the first that are not
 * zero; the summary word is that of the second then. */
static inline bool nmw_levels_wide(const struct nmw_books *b)
{
	return b->window_mask >= NMW_BITMAP_WORDS * 64;
}

static inline uint64_t *nmw_levels_words2(struct nmw_books *b, uint32_t sides)
{
	char *p = (char *)b + b->bitmaps2_off + (uint64_t)sides * (b->window / 512);
	return (uint64_t *)(void *)p;
}

static inline const uint64_t *nmw_levels_bits2(const struct nmw_books *b, uint32_t sides)
{
	const char *p = (const char *)b + b->bitmaps2_off + (uint64_t)sides * (b->window / 512);
	return (const uint64_t *)(const void *)p;
}

static inline void nmw_levels_set(struct nmw_books *b, struct nmw_levels *s, uint32_t sides,
				  uint32_t slot)
{
	uint64_t *word = nmw_levels_words(b, sides);
	if (!nmw_levels_wide(b)) {
		nmw_bitmap_set(&s->sum, word, slot, b->sum_unit);
		return;
	}
	word[slot / 64] |= UINT64_C(1) << (slot & 63);
	nmw_bitmap_set(&s->sum, nmw_levels_words2(b, sides), slot / 64, b->sum_unit);
}

static inline void nmw_levels_clear(struct nmw_books *b, struct nmw_levels *s, uint32_t sides,
				    uint32_t slot)
{
	uint64_t *word = nmw_levels_words(b, sides);
	if (!nmw_levels_wide(b)) {
		nmw_bitmap_clear(&s->sum, word, slot, b->sum_unit);
		return;
	}
	word[slot / 64] &= ~(UINT64_C(1) << (slot & 63));
	if (!word[slot / 64])
		nmw_bitmap_clear(&s->sum, nmw_levels_words2(b, sides), slot / 64, b->sum_unit);
}

/* The first slot with orders at or after one, going round; NMW_BITMAP_NONE: none. */
static inline uint32_t nmw_levels_next(const struct nmw_books *b, const struct nmw_levels *s,
				       uint32_t sides, uint32_t slot)
{
	const uint64_t *word = nmw_levels_bits(b, sides);
	if (!nmw_levels_wide(b))
		return nmw_bitmap_next(s->sum, word, slot, b->window_mask);
	uint64_t here = word[slot / 64] >> (slot & 63);
	if (here)
		return slot + (uint32_t)__builtin_ctzll(here);
	uint32_t mask = b->window_mask / 64;
	uint32_t w =
		nmw_bitmap_next(s->sum, nmw_levels_bits2(b, sides), (slot / 64 + 1) & mask, mask);
	return w == NMW_BITMAP_NONE ? w : w * 64 + (uint32_t)__builtin_ctzll(word[w]);
}

/* A level of the window got its first order. */
static inline void nmw_levels_filled(struct nmw_books *b, struct nmw_levels *s, uint32_t sides,
				     uint32_t ref)
{
	nmw_levels_set(b, s, sides, ref - s->win);
	b->levels++;
}

/* As nmw_levels_filled, of a level that may have had orders: no branch is on that. */
static inline void nmw_levels_hold(struct nmw_books *b, struct nmw_levels *s, uint32_t ref)
{
	uint32_t bit = ref - b->win_ref;
	uint64_t *word = nmw_levels_words(b, 0) + bit / 64, was = *word;
	uint64_t is = was | UINT64_C(1) << (bit & 63);
	*word = is;
	b->levels += is != was;
	if (__builtin_expect(!was, 0))
		nmw_levels_set(b, s, bit >> b->window_log2, ref - s->win);
}

static inline uint32_t nmw_levels_key(const struct nmw_books *b, const struct nmw_levels *s,
				      uint32_t slot)
{
	uint32_t pos = s->base + ((slot - s->turn - s->base) & b->window_mask);
	return nmw_key_of(s, (pos ^ s->mirror) * s->step);
}

/* Sets the best level to that of the window's slot (NONE: none), or the far one if it is better. */
static inline void nmw_levels_pick(const struct nmw_books *b, struct nmw_levels *s, uint32_t slot)
{
	uint32_t key = s->far_best, ref = nmw_levels_front(b, s);
	if (slot != NMW_BITMAP_NONE) {
		uint32_t win_key = nmw_levels_key(b, s, slot);
		ref = win_key < key ? s->win + slot : ref;
		key = win_key < key ? win_key : key;
	}
	s->best = key;
	s->best_ref = ref;
}

/* A level came to hold orders. */
static inline void nmw_levels_better(struct nmw_levels *s, uint32_t key, uint32_t ref)
{
	s->best_ref = key < s->best ? ref : s->best_ref; /* no branch: hard to predict */
	s->best = key < s->best ? key : s->best;
}

/* A level lost its last order, or a far one has only one left: nothing to do. */
static inline void nmw_levels_emptied(struct nmw_books *b, uint32_t ref)
{
	uint32_t in_windows = ref - b->win_ref;
	if (__builtin_expect(ref < b->win_ref, 0))
		return;
	uint32_t sides = in_windows >> b->window_log2;
	struct nmw_levels *s = nmw_levels_at(b, sides);
	uint32_t slot = in_windows & b->window_mask;
	b->levels--;
	nmw_levels_clear(b, s, sides, slot);
	if (ref == s->best_ref)
		nmw_levels_pick(b, s, nmw_levels_next(b, s, sides, slot));
}

/* Formats an empty side. */
void nmw_levels_init(struct nmw_books *b, uint32_t sides);
/* The level of a price: in the window, or its first order; 0: none outside the window. */
uint32_t nmw_levels_find(const struct nmw_books *b, const struct nmw_levels *s, uint32_t px);
/* An order came to rest, alone, at a price that had no far level. */
void nmw_levels_far_new(struct nmw_books *b, struct nmw_levels *s, nmw_oid id);
/* The first order of a far level leaves its ring: it was the last one, or next comes after it. */
void nmw_levels_far_leave(struct nmw_books *b, struct nmw_levels *s, nmw_oid id, nmw_oid next);
/* An order that now stands before the first one of a far level takes its place. */
void nmw_levels_far_lead(struct nmw_books *b, struct nmw_levels *s, nmw_oid first, nmw_oid id);
/* An order came to rest outside the window: now and then the window is moved to the market. */
void nmw_levels_missed(struct nmw_books *b, struct nmw_levels *s);
/* The first level whose key is at or over `from`; 0 = none; its key in *key. Of a far one: the
 * reference of its first order. */
uint32_t nmw_levels_from(const struct nmw_books *b, const struct nmw_levels *s, uint32_t from,
			 uint32_t *key);

#endif
