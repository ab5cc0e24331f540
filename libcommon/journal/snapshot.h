/* snapshot.h: the state of an engine in a file: written beside, synced, then renamed, so that a
 * snapshot under its name is whole.  Pages of the region that are zero are holes. */
#ifndef NMW_JOURNAL_SNAPSHOT_H
#define NMW_JOURNAL_SNAPSHOT_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jn_snap {
	uint64_t number, conf_hash;
	const void *region;
	size_t region_sz;
	const void *user;
	size_t user_sz;
	bool group;
};

int jn_snap_write(const char *dir, const struct jn_snap *s, struct nmw_err *e);
/* Reads snapshot `number`: 0; -EBADMSG: it is damaged or of another shape (region is zero then,
 * e says what); -EINVAL, exit 2: of another configuration. */
int jn_snap_read(const char *dir, uint64_t number, uint64_t conf_hash, void *region,
		 size_t region_sz, void *user, size_t user_sz, struct nmw_err *e);
/* Removes all but the newest `keep`. */
void jn_snap_prune(const char *dir, unsigned keep);

#endif
