/* vfio.h: a PCI function in the hands of this process, through the kernel's VFIO.
 *
 *      /dev/vfio/vfio   container: what the card may reach, by IOVA (IOMMU type 1)
 *           |
 *      /dev/vfio/7      group 7 of the IOMMU, which is given as a whole
 *           |
 *      0000:03:00.0     the function: configuration space, a BAR mapped, interrupts as eventfds
 *
 * The kernel resets the function when it is opened and when it is closed, and gives it to one
 * process at a time.  What is mapped is pinned: it counts against the limit of locked memory.  A
 * card reaches nothing that was not mapped; such an access is refused by the IOMMU.
 *
 * One thread at a time.  Errors: negative errno, exit status 5 (NMW_EXIT_RESOURCE), with the
 * command that mends it where there is one.
 */
#ifndef NMW_DEVICE_VFIO_H
#define NMW_DEVICE_VFIO_H

#include "device/pci.h"

#define NMW_VFIO_RANGES 16u /* more are left out: the space behind them counts as not there */

struct nmw_vfio_range {
	uint64_t first, last;
};

/* What the IOMMU says of itself. */
struct nmw_vfio_iommu {
	struct nmw_vfio_range range[NMW_VFIO_RANGES]; /* that may be mapped */
	unsigned ranges;			      /* 0: the kernel does not say (before 5.4) */
	uint64_t page;				      /* bytes: what is mapped is a multiple */
};

struct nmw_vfio {
	struct nmw_pci pci;
	int container, group, device; /* descriptors; -1 */
	int irq;		      /* eventfd of the card's interrupt; -1 */
	int gone, broken;	      /* the kernel asks for the card back; the bus had an error */
	unsigned msix, msi, intx;     /* interrupts that it has, by kind */
	unsigned msix_on, msi_on;     /* 1: the kind that comes to irq */
	bool resets;		      /* it can be reset by itself */
	struct nmw_vfio_iommu iommu;
	uint64_t config; /* offset of its configuration space in device */
	volatile void *bar;
	uint64_t bar_sz;
};

/* Takes the function that p describes. root: as in pci.h. */
int nmw_vfio_open(struct nmw_vfio *v, const char *root, const struct nmw_pci *p, struct nmw_err *e);
/* What was not opened is left alone; v is as before open afterwards. */
void nmw_vfio_close(struct nmw_vfio *v);
/* Maps a BAR of memory that has at least so many bytes, and lets the function answer there. */
int nmw_vfio_bar(struct nmw_vfio *v, unsigned bar, uint64_t at_least, struct nmw_err *e);
/* The function may read and write memory by itself, or may not. */
int nmw_vfio_master(struct nmw_vfio *v, bool on, struct nmw_err *e);
/* Its first interrupt comes to v->irq: MSI-X, else MSI; -1 stays where it has neither. Such an
 * interrupt is a write of the function's: it has to be allowed to write. */
int nmw_vfio_interrupt(struct nmw_vfio *v, struct nmw_err *e);
/* The function's own reset; nothing where it has none. Mappings and interrupts stay. */
int nmw_vfio_reset(struct nmw_vfio *v, struct nmw_err *e);

/* at, iova and len: multiples of v->iommu.page. */
int nmw_vfio_map(struct nmw_vfio *v, uint64_t iova, void *at, uint64_t len, struct nmw_err *e);
int nmw_vfio_unmap(struct nmw_vfio *v, uint64_t iova, uint64_t len, struct nmw_err *e);

/* Sleeps until an interrupt, a word of the kernel's about the card, or so many ns are over. True:
 * an interrupt, which is taken. */
bool nmw_vfio_wait(struct nmw_vfio *v, uint64_t ns);
/* Is the card leaving, or has it left? 0; -ENODEV, -EIO: yes, and why. */
int nmw_vfio_lost(struct nmw_vfio *v, struct nmw_err *e);

/* ---- for tests too ---- */

/* What the sz bytes of VFIO_IOMMU_GET_INFO say; a list of capabilities that is not well formed is
 * taken as far as it is. */
void nmw_vfio_iommu_read(const void *info, size_t sz, struct nmw_vfio_iommu *out);
/* Can [iova, iova + len) be mapped? -ERANGE: no; e has the ranges that can. */
int nmw_vfio_iommu_holds(const struct nmw_vfio_iommu *m, const char *bdf, uint64_t iova,
			 uint64_t len, struct nmw_err *e);

#endif
