/* Apart from all that needs EAL, so that a tool that only says its version is not linked to it. */
#include "dpdk/dpdk.h"

#include <rte_version.h>

#define TEXT_(x) #x
#define TEXT(x)	 TEXT_(x)

const char *nmw_dpdk_version(void)
{
	return "dpdk " TEXT(RTE_VER_YEAR) "." TEXT(RTE_VER_MONTH) "." TEXT(RTE_VER_MINOR);
}

bool nmw_dpdk_built(void)
{
	return true;
}
