/* claim.h: who reads or writes a file, as record locks of open file descriptions, so that an output
 * meets no second writer and is not emptied while somebody reads it as an input.
 *
 * Beyond what any file holds: a byte for its readers, shared, and one for its writer.  A claim ends
 * with its open file description.  Where a file system knows no locks, nothing is claimed, and
 * nothing refused.
 */
#ifndef NMW_BASE_CLAIM_H
#define NMW_BASE_CLAIM_H

#include <stdbool.h>

void nmw_claim_read(int fd);
/* -EBUSY: another open file description has it. */
int nmw_claim_write(int fd);
bool nmw_claim_is_read(int fd);
/* Of a descriptor that others hold too. */
void nmw_claim_drop(int fd);

#endif
