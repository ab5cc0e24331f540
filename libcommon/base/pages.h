/* pages.h: memory that is there when it is needed: zeroed, and every page of it touched, so that
 * its first use is no page fault.  Large pieces ask for huge pages (MADV_HUGEPAGE), which the
 * kernel may or may not give.
 *
 * Any thread.  For the start: a call takes about 0.1 ms a MiB.
 */
#ifndef NMW_BASE_PAGES_H
#define NMW_BASE_PAGES_H

#include <stddef.h>

/* At least n bytes, aligned to a page; NULL when there is no memory. */
void *nmw_pages_take(size_t n);
/* What take gave for the same n; NULL is allowed. */
void nmw_pages_give(void *p, size_t n);

#endif
