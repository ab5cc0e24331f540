/* host.h: what a host has for DPDK: devices that are bound to its drivers, huge pages, IOMMU.
 *
 * Reads small files under `root` ("" on a real host: /sys, /proc); any thread; nothing of DPDK's
 * is needed.
 */
#ifndef NMW_DPDK_HOST_H
#define NMW_DPDK_HOST_H

#include <stdbool.h>
#include <stdint.h>

#define NMW_DPDK_HOST_DEVS 16u

struct nmw_dpdk_host_dev {
	char pci[16];	 /* 0000:3b:00.0 */
	char driver[32]; /* vfio-pci, ixgbe; "" = none */
	char iface[16];	 /* the kernel's, "" = none */
	bool bound;	 /* to a driver that leaves it to DPDK */
};

struct nmw_dpdk_host {
	struct nmw_dpdk_host_dev dev[NMW_DPDK_HOST_DEVS]; /* network cards, at most so many */
	unsigned devs, bound;
	uint64_t huge_free[2], huge_total[2]; /* pages of 2 MiB, of 1 GiB */
	unsigned iommu_groups;
	bool vfio; /* its module is there */
};

void nmw_dpdk_host_look(const char *root, struct nmw_dpdk_host *out);

#endif
