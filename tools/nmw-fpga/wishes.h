/* wishes.h: which symbols are to be on the device: what was said before their first order came. */
#ifndef NMW_FPGA_WISHES_H
#define NMW_FPGA_WISHES_H

#include "base/err.h"
#include "book/held.h"

#define WISHES_MAX 1024u

struct wishes {
	uint64_t name[WISHES_MAX];
	enum nmw_held_wish wish[WISHES_MAX];
	unsigned n;
	enum nmw_held_wish rest; /* of symbols without a name here */
};

/* offload: "auto", "manual" or names with commas; software: names, or NULL. */
int wishes_parse(struct wishes *w, const char *offload, const char *software, struct nmw_err *e);
/* False: there is no room for another name. */
bool wishes_set(struct wishes *w, uint64_t name, enum nmw_held_wish wish);
enum nmw_held_wish wishes_of(const struct wishes *w, uint64_t name);

#endif
