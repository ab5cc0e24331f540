/* memory.h: one region for the engine, taken at the start. */
#ifndef NMW_MATCH_MEMORY_H
#define NMW_MATCH_MEMORY_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

struct nmw_memory {
	void *at;
	size_t size;	/* as mapped */
	const char *is; /* "2 MiB pages", or which fallback and why; for the log */
};

/* Zeroed memory: huge pages when enough are free, else normal ones (transparent huge pages where
 * the kernel has them). prefault: all of it is there when this returns. -ENOMEM: exit 5. */
int nmw_memory_take(struct nmw_memory *m, size_t size, bool prefault, struct nmw_err *e);
void nmw_memory_give(struct nmw_memory *m);

#endif
