/* hist.h: log-linear latency histogram, at most 1 % error, fixed size, in shared memory.
 *
 * 128 linear steps in every power of two (values below 128 are exact): the step is at most 1/128 of
 * the value, so the middle of a step is within 0.4 %.  Values over 2^40 - 1 ns (18 minutes) count
 * in the last step.  One writer, any number of readers that map it read-only and may see it torn by
 * a few counts.  record costs a shift, a clz and two adds.
 */
#ifndef NMW_BASE_HIST_H
#define NMW_BASE_HIST_H

#include <stdint.h>

#define NMW_HIST_SUB_BITS 7u
#define NMW_HIST_MAX_BITS 40u
#define NMW_HIST_STEPS	  ((NMW_HIST_MAX_BITS - NMW_HIST_SUB_BITS + 1) << NMW_HIST_SUB_BITS)

struct nmw_hist {
	uint64_t count; /* values recorded */
	uint64_t sum;	/* their sum */
	uint64_t max;	/* the largest */
	uint64_t pad;
	uint64_t n[NMW_HIST_STEPS];
};

static inline uint32_t nmw_hist_index(uint64_t v)
{
	if (v >> NMW_HIST_MAX_BITS)
		return NMW_HIST_STEPS - 1;
	if (v < (1u << NMW_HIST_SUB_BITS))
		return (uint32_t)v;
	uint32_t top = 63u - (uint32_t)__builtin_clzll(v); /* at least SUB_BITS */
	uint32_t shift = top - NMW_HIST_SUB_BITS;
	return ((shift + 1) << NMW_HIST_SUB_BITS) +
	       (uint32_t)((v >> shift) & ((1u << NMW_HIST_SUB_BITS) - 1));
}

static inline void nmw_hist_record_n(struct nmw_hist *h, uint64_t v, uint32_t times)
{
	h->n[nmw_hist_index(v)] += times;
	h->count += times;
	h->sum += v * times;
	if (v > h->max)
		h->max = v;
}

static inline void nmw_hist_record(struct nmw_hist *h, uint64_t v)
{
	nmw_hist_record_n(h, v, 1);
}

/* Value at quantile q_ppm / 1,000,000 (999,900 = p99.99): the middle of its step, never over max;
 * 0 when nothing was recorded. */
uint64_t nmw_hist_quantile(const struct nmw_hist *h, uint32_t q_ppm);
/* dst += src. */
void nmw_hist_add(struct nmw_hist *dst, const struct nmw_hist *src);

#endif
