/* wl.h: a flow of orders in a file, and what must come of it.
 *
 *   | head, 304 bytes | prefill messages, 32 bytes each | timed messages |
 *
 * The head states the trades of the timed part, their shares, and a rolling hash over (maker,
 * taker, price, shares) in order: an engine that does not agree with it measures nothing.  Files of
 * this format come from elsewhere or from wl_make. Host byte order.
 */
#ifndef NMW_BENCH_WL_H
#define NMW_BENCH_WL_H

#include <stddef.h>
#include <stdint.h>

#define WL_MAGIC UINT64_C(0x314c574d574d4e)

enum wl_kind { WL_ADD = 1, WL_CANCEL, WL_REPLACE, WL_IOC, WL_MARKET, WL_KINDS };

struct wl_msg {
	uint32_t id;	 /* from 1, over all symbols */
	uint32_t new_id; /* REPLACE: the order that comes instead */
	int32_t px;	 /* ticks; MARKET: 0 */
	uint32_t qty;
	uint16_t sym;
	uint8_t kind;	  /* enum wl_kind */
	uint8_t side;	  /* 0 buy, 1 sell; of CANCEL and REPLACE too */
	uint32_t seq;	  /* its place in the file */
	uint32_t old_qty; /* CANCEL, REPLACE: of the order that goes */
	int32_t old_px;
};

struct wl_head {
	uint64_t magic, prefill, timed, symbols, max_id, seed;
	uint64_t trades, shares, hash; /* of the timed part */
	uint64_t live, live_shares;    /* at the end */
	uint64_t kinds[WL_KINDS];      /* timed messages */
	uint64_t crossed;	       /* timed ADDs and REPLACEs that traded */
	uint64_t unfilled;	       /* IOCs that did not trade */
	uint64_t max_live, levels, avg_live;
	uint64_t pad[16];
};

_Static_assert(sizeof(struct wl_msg) == 32, "of the file");
_Static_assert(sizeof(struct wl_head) == 304, "of the file");

struct wl {
	const char *name;
	struct wl_head head;
	struct wl_msg *msg; /* prefill, then timed */
	size_t size;	    /* bytes at msg */
};

struct wl_spec {
	uint32_t symbols;
	uint32_t messages; /* timed */
	uint32_t live;	   /* live orders around which the busiest symbol goes */
	int zipf;	   /* the others follow by 1 / rank; 0 = all alike */
	uint64_t seed;
};

/* 0, or -1 with the reason on stderr. */
int wl_load(struct wl *w, const char *path);
/* 45 % adds, 45 % cancels (most of them of recent orders), 5 % replaces, 5 % aggressive, in a
 * window of 6,000 ticks. The results in the head are those of the textbook engine. */
int wl_make(struct wl *w, const char *name, const struct wl_spec *spec);
/* Only the first timed messages (at most all of them), and the same flow with its ids permuted; the
 * head becomes what the textbook engine makes of it. */
int wl_cut(struct wl *w, uint64_t timed);
int wl_permute(struct wl *w, uint64_t seed);
/* One symbol whose market moves, random ids, every other order canceled by the next message:
 * wandering; up and down by 40 %; once down by half and back. */
enum wl_scenario { WL_NORMAL, WL_SWING, WL_CRASH };
int wl_scene(struct wl *w, const char *name, enum wl_scenario what, uint32_t messages,
	     uint64_t seed);
/* Memory for so many messages. */
int wl_room(struct wl *w, uint64_t messages);
void wl_free(struct wl *w);

static inline uint64_t wl_hash(uint64_t h, uint64_t maker, uint64_t taker, uint32_t px,
			       uint32_t qty)
{
	h ^= maker * UINT64_C(0x9E3779B97F4A7C15) ^ taker * UINT64_C(0xC2B2AE3D27D4EB4F);
	h ^= (uint64_t)px << 32 ^ qty;
	return h * UINT64_C(0x100000001b3) + 0x9E37;
}

/* Memory in huge pages where there are any, zeroed and touched; NULL: none left. */
void *wl_memory(size_t size);
/* Zeroed, in normal pages, untouched. */
void *wl_memory_fresh(size_t size);
void wl_memory_free(void *p, size_t size);

#endif
