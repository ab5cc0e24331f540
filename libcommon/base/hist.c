#include "base/hist.h"

static uint64_t step_low(uint32_t i)
{
	uint32_t group = i >> NMW_HIST_SUB_BITS, sub = i & ((1u << NMW_HIST_SUB_BITS) - 1);
	if (group == 0)
		return sub;
	return (uint64_t)((1u << NMW_HIST_SUB_BITS) + sub) << (group - 1);
}

static uint64_t step_middle(uint32_t i)
{
	uint32_t group = i >> NMW_HIST_SUB_BITS;
	uint64_t width = group ? UINT64_C(1) << (group - 1) : 1;
	return step_low(i) + (width - 1) / 2;
}

/* The reader may be another process, so `count` may run ahead of the steps: then the walk ends
 * without reaching the rank, and the maximum is the answer. */
uint64_t nmw_hist_quantile(const struct nmw_hist *h, uint32_t q_ppm)
{
	const uint64_t ppm = 1000000;
	uint64_t count = h->count, max = h->max;
	if (!count)
		return 0;
	if (q_ppm >= ppm)
		return max;
	/* ceil(count * q / 10^6) without overflow */
	uint64_t rank = count / ppm * q_ppm + (count % ppm * q_ppm + ppm - 1) / ppm;
	uint64_t seen = 0;
	for (uint32_t i = 0; i < NMW_HIST_STEPS; i++) {
		seen += h->n[i];
		if (seen >= rank && seen) {
			uint64_t v = i == NMW_HIST_STEPS - 1 ? max : step_middle(i);
			return v < max ? v : max;
		}
	}
	return max;
}

void nmw_hist_add(struct nmw_hist *dst, const struct nmw_hist *src)
{
	dst->count += src->count;
	dst->sum += src->sum;
	if (src->max > dst->max)
		dst->max = src->max;
	for (uint32_t i = 0; i < NMW_HIST_STEPS; i++)
		dst->n[i] += src->n[i];
}
