/* What the parts of the device counted, under the names that every stage has. */
#include "wire.h"

void wire_report_stages(const struct nmw_wire_stat *s, struct nmw_metrics *x, uint64_t cut)
{
	(void)s;
	x->drop[NMW_DROP_truncated_packet] = cut;
}

uint64_t wire_damaged(const struct nmw_metrics *x)
{
	return x->drop[NMW_DROP_truncated_packet];
}
