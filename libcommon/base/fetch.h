/* fetch.h: asks for a cache line that will be used soon.
 *
 * gcc takes a function that only prefetches for one without effect, and drops the calls of it that
 * it does not inline at once: in builds of gcc 12 most of what this library fetched ahead was not
 * there.  An asm statement that is volatile is an effect, and costs no instruction.
 */
#ifndef NMW_BASE_FETCH_H
#define NMW_BASE_FETCH_H

/* Any address is fine, also one that is not mapped. */
static inline void nmw_fetch(const void *line)
{
	__builtin_prefetch(line, 1);
	__asm__ volatile("");
}

#endif
