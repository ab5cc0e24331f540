/* dpdk_impl.h: what the files of the DPDK layer share: DPDK's errors for our messages. */
#ifndef NMW_DPDK_DPDK_IMPL_H
#define NMW_DPDK_DPDK_IMPL_H

#include "base/err.h"

/* The next error line of DPDK's log is kept, until this is called again. */
void nmw_dpdk_errors_forget(void);
/* That line, or "". */
const char *nmw_dpdk_error(void);
/* Sets e as nmw_err_set does and puts DPDK's reason behind, when it gave one. */
int nmw_dpdk_fail(struct nmw_err *e, int err, enum nmw_exit exit, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
