#include "book/live.h"

/* Twice for each order, so that the places get ahead. */
void nmw_live_grow(struct nmw_live *t, const struct nmw_idmap *m)
{
	for (int i = 0; i < 2 && t->places < t->most; i++) {
		if (t->places > t->mask)
			t->mask = t->mask * 2 + 1;
		uint32_t into = t->places++, from = into & t->mask >> 1, v = t->at[from];
		t->at[into] = 0;
		if (!v)
			continue;
		const struct nmw_id *id = nmw_idmap_id(m, v);
		const struct nmw_key k = {id->lo, id->hi};
		if (nmw_live_place(t, nmw_number_of(k, k.hi << 16 != 0)) == into) {
			t->at[into] = v;
			t->at[from] = 0;
		}
	}
}
