/* pci.h: a function of the PCI bus as the kernel's sysfs shows it: what it is, who drives it, which
 * IOMMU group it is in, how large its BARs are.  And what a host has for vfio-pci.
 *
 * Reads small files under `root` ("" on a real host: /sys, /dev); any thread; needs no rights.
 */
#ifndef NMW_DEVICE_PCI_H
#define NMW_DEVICE_PCI_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NMW_PCI_BDF  14u /* bytes of "10000:03:00.0", the NUL too */
#define NMW_PCI_BARS 6u
#define NMW_PCI_VFIO "vfio-pci"

struct nmw_pci_bar {
	uint64_t size; /* bytes; 0: there is none */
	bool memory;   /* else I/O ports */
};

struct nmw_pci {
	char bdf[NMW_PCI_BDF]; /* domain:bus:device.function; "" in one that was not looked at */
	uint16_t vendor, device;
	uint32_t class_code; /* 24 bits: class, subclass, interface */
	uint8_t revision;
	char driver[32]; /* that holds it; "": none */
	int group;	 /* of the IOMMU; -1: none */
	int node;	 /* of NUMA; -1: not known, or there is one only */
	struct nmw_pci_bar bar[NMW_PCI_BARS];
};

/* "0000:03:00.0", or "03:00.0" in domain 0; hexadecimal digits of either case. The n bytes at text
 * are all of it. bdf: in the kernel's spelling. -EINVAL. */
int nmw_pci_parse(const char *text, size_t n, char bdf[NMW_PCI_BDF], struct nmw_err *e);
/* -ENODEV, exit status 5: there is no such function. */
int nmw_pci_look(const char *root, const char *bdf, struct nmw_pci *out, struct nmw_err *e);
/* Calls each with every function of the group. */
void nmw_pci_group(const char *root, int group, void (*each)(const struct nmw_pci *p, void *arg),
		   void *arg);
/* Writes the commands that give the function to vfio-pci. */
void nmw_pci_bind_command(const struct nmw_pci *p, char *to, size_t cap);

/* What this host has for nmw-fpga --device vfio:. */
struct nmw_pci_host {
	unsigned groups;	  /* of the IOMMU; 0: it is off */
	bool driver, type1;	  /* the modules vfio-pci and vfio_iommu_type1 are there */
	bool container;		  /* /dev/vfio/vfio may be opened by this user */
	unsigned bound, allowed;  /* functions bound to vfio-pci; of them, this user may open */
	struct nmw_pci spare;	  /* a processing accelerator that is not bound, if bdf[0] */
	char barred[NMW_PCI_BDF]; /* one that is bound and may not be opened */
	int barred_group;	  /* its group */
};

void nmw_pci_host_look(const char *root, struct nmw_pci_host *out);

#endif
