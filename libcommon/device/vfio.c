#include "device/vfio.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* of configuration space */
#define CONFIG_COMMAND 0x04
#define COMMAND_MEMORY 0x0002u
#define COMMAND_MASTER 0x0004u
#define CONFIG_CLASS   0x08 /* and the revision; of no function are they all ones */
#define GONE	       UINT32_MAX
#define INFO_MAX       4096u /* bytes of what the IOMMU says of itself */
#define NS_PER_S       UINT64_C(1000000000)
#define OTHERS_MAX     160u
#define BIND_MAX       320u

static int failed(struct nmw_vfio *v, const char *what, struct nmw_err *e)
{
	return nmw_err_set(e, -errno, NMW_EXIT_RESOURCE, "device vfio:%s: %s: %s", v->pci.bdf, what,
			   strerror(errno));
}

/* ---- the group ------------------------------------------------------------------------------ */

static int check_driver(const struct nmw_pci *p, struct nmw_err *e)
{
	char bind[BIND_MAX];
	if (p->group < 0)
		return nmw_err_set(e, -ENODEV, NMW_EXIT_RESOURCE,
				   "device vfio:%s: it is in no group of an IOMMU: turn on VT-d or "
				   "AMD-Vi in the firmware and boot with intel_iommu=on",
				   p->bdf);
	if (!strcmp(p->driver, NMW_PCI_VFIO))
		return 0;
	nmw_pci_bind_command(p, bind, sizeof bind);
	return nmw_err_set(e, -ENODEV, NMW_EXIT_RESOURCE,
			   "device vfio:%s: driver %s holds it, " NMW_PCI_VFIO " expected: %s",
			   p->bdf, *p->driver ? p->driver : "(none)", bind);
}

/* A node of /dev/vfio. */
static int open_node(const char *root, const struct nmw_pci *p, const char *name, int *fd,
		     struct nmw_err *e)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/dev/vfio/%s", root, name);
	*fd = open(path, O_RDWR | O_CLOEXEC);
	if (*fd >= 0)
		return 0;
	int rc = -errno;
	const char *mend = "modprobe vfio-pci; in a container it has to be given (--device)";
	bool denied = rc == -EACCES || rc == -EPERM;
	if (denied)
		mend = "give this user the right, as root: chown USER on that file";
	else if (rc == -EBUSY)
		mend = "another process has the card, or one of its group: end that one (fuser)";
	return nmw_err_set(e, rc, denied ? NMW_EXIT_PERM : NMW_EXIT_RESOURCE,
			   "device vfio:%s: cannot open /dev/vfio/%s: %s: %s", p->bdf, name,
			   strerror(-rc), mend);
}

struct others {
	char text[OTHERS_MAX];
	size_t n;
};

/* Those of a group that keep it from being used. A driver of bridges is no obstacle. */
static void note_other(const struct nmw_pci *p, void *arg)
{
	struct others *o = arg;
	if (!*p->driver || !strcmp(p->driver, NMW_PCI_VFIO) || !strcmp(p->driver, "pcieport"))
		return;
	int n = snprintf(o->text + o->n, sizeof o->text - o->n, "%s%s (%s)", o->n ? ", " : "",
			 p->bdf, p->driver);
	o->n += n > 0 && (size_t)n < sizeof o->text - o->n ? (size_t)n : 0;
	o->text[o->n] = 0;
}

static int check_viable(struct nmw_vfio *v, const char *root, struct nmw_err *e)
{
	struct vfio_group_status s = {.argsz = sizeof s};
	struct others o = {.n = 0};
	if (ioctl(v->group, VFIO_GROUP_GET_STATUS, &s))
		return failed(v, "status of its group", e);
	if (s.flags & VFIO_GROUP_FLAGS_VIABLE)
		return 0;
	nmw_pci_group(root, v->pci.group, note_other, &o);
	return nmw_err_set(
		e, -EBUSY, NMW_EXIT_RESOURCE,
		"device vfio:%s: group %d of the IOMMU is not viable: other drivers hold %s: give "
		"all of the group to vfio-pci, or to no driver; or put the card into another slot",
		v->pci.bdf, v->pci.group, o.n ? o.text : "others of it");
}

static int open_group(struct nmw_vfio *v, const char *root, struct nmw_err *e)
{
	char name[16];
	int rc = open_node(root, &v->pci, "vfio", &v->container, e);
	if (rc)
		return rc;
	int version = ioctl(v->container, VFIO_GET_API_VERSION);
	if (version != VFIO_API_VERSION)
		return nmw_err_set(e, -ENODEV, NMW_EXIT_RESOURCE,
				   "device vfio:%s: /dev/vfio/vfio: interface %d found, %d "
				   "expected: this kernel is not one that these tools know",
				   v->pci.bdf, version, VFIO_API_VERSION);
	if (ioctl(v->container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) <= 0)
		return nmw_err_set(e, -ENODEV, NMW_EXIT_RESOURCE,
				   "device vfio:%s: /dev/vfio/vfio has no driver for an IOMMU of "
				   "type 1: modprobe vfio_iommu_type1",
				   v->pci.bdf);
	snprintf(name, sizeof name, "%d", v->pci.group);
	rc = open_node(root, &v->pci, name, &v->group, e);
	return rc ? rc : check_viable(v, root, e);
}

/* ---- the IOMMU ------------------------------------------------------------------------------ */

static void read_ranges(const uint8_t *info, size_t sz, size_t at, struct nmw_vfio_iommu *out)
{
	struct vfio_iommu_type1_info_cap_iova_range c;
	if (sz - at < sizeof c)
		return;
	memcpy(&c, info + at, sizeof c);
	for (uint32_t i = 0; i < c.nr_iovas && out->ranges < NMW_VFIO_RANGES; i++) {
		struct vfio_iova_range r;
		size_t from = at + sizeof c + i * sizeof r;
		if (from + sizeof r > sz)
			return;
		memcpy(&r, info + from, sizeof r);
		out->range[out->ranges++] =
			(struct nmw_vfio_range){.first = r.start, .last = r.end};
	}
}

void nmw_vfio_iommu_read(const void *info, size_t sz, struct nmw_vfio_iommu *out)
{
	struct vfio_iommu_type1_info i = {.argsz = 0};
	struct vfio_info_cap_header h;
	memset(out, 0, sizeof *out);
	memcpy(&i, info, sz < sizeof i ? sz : sizeof i);
	out->page = i.flags & VFIO_IOMMU_INFO_PGSIZES ? i.iova_pgsizes & -i.iova_pgsizes : 0;
	if (!out->page)
		out->page = 4096;
	size_t at = i.flags & VFIO_IOMMU_INFO_CAPS ? i.cap_offset : 0;
	while (at && at <= sz && sz - at >= sizeof h) {
		memcpy(&h, (const uint8_t *)info + at, sizeof h);
		if (h.id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE)
			read_ranges(info, sz, at, out);
		at = h.next > at ? h.next : 0;
	}
}

/* "0x0-0xfedfffff, ..." */
static void say_ranges(const struct nmw_vfio_iommu *m, char *to, size_t cap)
{
	size_t n = 0;
	*to = 0;
	for (unsigned i = 0; i < m->ranges && n < cap; i++) {
		int k = snprintf(to + n, cap - n, "%s0x%" PRIx64 "-0x%" PRIx64, i ? ", " : "",
				 m->range[i].first, m->range[i].last);
		n += k > 0 ? (size_t)k : 0;
	}
}

int nmw_vfio_iommu_holds(const struct nmw_vfio_iommu *m, const char *bdf, uint64_t iova,
			 uint64_t len, struct nmw_err *e)
{
	char text[160];
	bool aligned = !((iova | len) & (m->page - 1)) && len && iova + len - 1 >= iova;
	for (unsigned i = 0; aligned && i < m->ranges; i++)
		if (m->range[i].first <= iova && iova + len - 1 <= m->range[i].last)
			return 0;
	if (aligned && !m->ranges)
		return 0;
	say_ranges(m, text, sizeof text);
	return nmw_err_set(
		e, -ERANGE, NMW_EXIT_RESOURCE,
		"device vfio:%s: its IOMMU cannot map 0x%" PRIx64 " bytes at 0x%" PRIx64
		": pages of %" PRIu64 " bytes in %s are what it has: a slot behind an IOMMU of 39 "
		"address bits or more is needed (of a virtual machine: intel-iommu,aw-bits=48)",
		bdf, len, iova, m->page, *text ? text : "any range");
}

static int set_iommu(struct nmw_vfio *v, struct nmw_err *e)
{
	_Alignas(struct vfio_iommu_type1_info) uint8_t info[INFO_MAX] = {0};
	struct vfio_iommu_type1_info head = {.argsz = sizeof info};
	if (ioctl(v->group, VFIO_GROUP_SET_CONTAINER, &v->container))
		return failed(v, "its group does not go into a container", e);
	if (ioctl(v->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU)) {
		if (errno != EPERM)
			return failed(v, "IOMMU of type 1", e);
		return nmw_err_set(
			e, -EPERM, NMW_EXIT_RESOURCE,
			"device vfio:%s: its IOMMU does not remap interrupts: turn that on in the "
			"firmware (boot without intremap=off), or trust the card: echo 1 "
			">/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts",
			v->pci.bdf);
	}
	memcpy(info, &head, sizeof head);
	if (ioctl(v->container, VFIO_IOMMU_GET_INFO, info))
		return failed(v, "what its IOMMU can do", e);
	nmw_vfio_iommu_read(info, sizeof info, &v->iommu);
	return 0;
}

int nmw_vfio_map(struct nmw_vfio *v, uint64_t iova, void *at, uint64_t len, struct nmw_err *e)
{
	struct vfio_iommu_type1_dma_map m = {.argsz = sizeof m,
					     .flags = VFIO_DMA_MAP_FLAG_READ |
						      VFIO_DMA_MAP_FLAG_WRITE,
					     .vaddr = (uint64_t)(uintptr_t)at,
					     .iova = iova,
					     .size = len};
	int rc = nmw_vfio_iommu_holds(&v->iommu, v->pci.bdf, iova, len, e);
	if (rc)
		return rc;
	if (!ioctl(v->container, VFIO_IOMMU_MAP_DMA, &m)) {
		/* a copy on write would part the card's page from ours */
		madvise(at, len, MADV_DONTFORK);
		return 0;
	}
	const char *mend = "";
	if (errno == ENOMEM)
		mend = ": the limit of locked memory is too low: prlimit --pid $$ "
		       "--memlock=67108864";
	else if (errno == EEXIST)
		mend = ": something is mapped there";
	return nmw_err_set(e, -errno, NMW_EXIT_RESOURCE,
			   "device vfio:%s: cannot map %" PRIu64 " bytes at 0x%" PRIx64 ": %s%s",
			   v->pci.bdf, len, iova, strerror(errno), mend);
}

int nmw_vfio_unmap(struct nmw_vfio *v, uint64_t iova, uint64_t len, struct nmw_err *e)
{
	struct vfio_iommu_type1_dma_unmap m = {.argsz = sizeof m, .iova = iova, .size = len};
	if (ioctl(v->container, VFIO_IOMMU_UNMAP_DMA, &m))
		return failed(v, "memory cannot be taken back from it", e);
	if (m.size == len)
		return 0;
	return nmw_err_set(e, -ENOENT, NMW_EXIT_RESOURCE,
			   "device vfio:%s: of %" PRIu64 " bytes at 0x%" PRIx64 " %" PRIu64
			   " were mapped",
			   v->pci.bdf, len, iova, (uint64_t)m.size);
}

/* ---- the function --------------------------------------------------------------------------- */

static unsigned vectors(struct nmw_vfio *v, uint32_t index)
{
	struct vfio_irq_info i = {.argsz = sizeof i, .index = index};
	if (ioctl(v->device, VFIO_DEVICE_GET_IRQ_INFO, &i) || !(i.flags & VFIO_IRQ_INFO_EVENTFD))
		return 0;
	return i.count;
}

/* The first interrupt of a kind comes to an eventfd of its own. */
static int listen_to(struct nmw_vfio *v, uint32_t index, int *fd)
{
	_Alignas(struct vfio_irq_set) uint8_t raw[sizeof(struct vfio_irq_set) + sizeof(int32_t)];
	struct vfio_irq_set s = {.argsz = sizeof raw,
				 .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
				 .index = index,
				 .count = 1};
	int at = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (at < 0)
		return -errno;
	memcpy(raw, &s, sizeof s);
	memcpy(raw + offsetof(struct vfio_irq_set, data), &at, sizeof at);
	if (ioctl(v->device, VFIO_DEVICE_SET_IRQS, raw)) {
		int rc = -errno;
		close(at);
		return rc;
	}
	*fd = at;
	return 0;
}

static int open_device(struct nmw_vfio *v, struct nmw_err *e)
{
	struct vfio_device_info i = {.argsz = sizeof i};
	struct vfio_region_info r = {.argsz = sizeof r, .index = VFIO_PCI_CONFIG_REGION_INDEX};
	v->device = ioctl(v->group, VFIO_GROUP_GET_DEVICE_FD, v->pci.bdf);
	if (v->device < 0)
		return failed(v, "the kernel does not hand it out", e);
	if (ioctl(v->device, VFIO_DEVICE_GET_INFO, &i) ||
	    ioctl(v->device, VFIO_DEVICE_GET_REGION_INFO, &r))
		return failed(v, "what it has", e);
	v->resets = i.flags & VFIO_DEVICE_FLAGS_RESET;
	v->config = r.offset;
	v->msix = vectors(v, VFIO_PCI_MSIX_IRQ_INDEX);
	v->msi = vectors(v, VFIO_PCI_MSI_IRQ_INDEX);
	v->intx = vectors(v, VFIO_PCI_INTX_IRQ_INDEX);
	/* words of the kernel's; an old kernel, or a card that is not of PCI Express, has none */
	if (vectors(v, VFIO_PCI_REQ_IRQ_INDEX))
		listen_to(v, VFIO_PCI_REQ_IRQ_INDEX, &v->gone);
	if (vectors(v, VFIO_PCI_ERR_IRQ_INDEX))
		listen_to(v, VFIO_PCI_ERR_IRQ_INDEX, &v->broken);
	return 0;
}

int nmw_vfio_open(struct nmw_vfio *v, const char *root, const struct nmw_pci *p, struct nmw_err *e)
{
	*v = (struct nmw_vfio){.pci = *p,
			       .container = -1,
			       .group = -1,
			       .device = -1,
			       .irq = -1,
			       .gone = -1,
			       .broken = -1};
	int rc = check_driver(p, e);
	if (!rc)
		rc = open_group(v, root, e);
	if (!rc)
		rc = set_iommu(v, e);
	if (!rc)
		rc = open_device(v, e);
	if (rc)
		nmw_vfio_close(v);
	return rc;
}

/* Closing the function resets it, closing the container unmaps. */
void nmw_vfio_close(struct nmw_vfio *v)
{
	int *const fds[] = {&v->device, &v->irq, &v->gone, &v->broken, &v->group, &v->container};
	if (v->bar)
		munmap((void *)(uintptr_t)v->bar, v->bar_sz);
	v->bar = NULL;
	for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

/* Sets and clears bits of the command register. */
static int command(struct nmw_vfio *v, uint16_t set, uint16_t clear, struct nmw_err *e)
{
	uint16_t w;
	off_t at = (off_t)v->config + CONFIG_COMMAND;
	if (pread(v->device, &w, sizeof w, at) != sizeof w)
		return failed(v, "configuration space cannot be read", e);
	w = (uint16_t)((w | set) & ~clear);
	if (pwrite(v->device, &w, sizeof w, at) != sizeof w)
		return failed(v, "configuration space cannot be written", e);
	return 0;
}

int nmw_vfio_master(struct nmw_vfio *v, bool on, struct nmw_err *e)
{
	return command(v, on ? COMMAND_MASTER : 0, on ? 0 : COMMAND_MASTER, e);
}

int nmw_vfio_bar(struct nmw_vfio *v, unsigned bar, uint64_t at_least, struct nmw_err *e)
{
	struct vfio_region_info r = {.argsz = sizeof r, .index = VFIO_PCI_BAR0_REGION_INDEX + bar};
	if (ioctl(v->device, VFIO_DEVICE_GET_REGION_INFO, &r))
		return failed(v, "what its BAR is", e);
	if (r.size < at_least || !(r.flags & VFIO_REGION_INFO_FLAG_MMAP))
		return nmw_err_set(e, -ENODEV, NMW_EXIT_RESOURCE,
				   "device vfio:%s: BAR %u: %" PRIu64 " bytes%s found, %" PRIu64
				   " of memory or more expected: the registers are in another: "
				   "vfio:%s,bar=N",
				   v->pci.bdf, bar, (uint64_t)r.size,
				   r.flags & VFIO_REGION_INFO_FLAG_MMAP ? ""
				   : r.size				? " that cannot be mapped"
									: "",
				   at_least, v->pci.bdf);
	int rc = command(v, COMMAND_MEMORY, 0, e);
	if (rc)
		return rc;
	void *at =
		mmap(NULL, r.size, PROT_READ | PROT_WRITE, MAP_SHARED, v->device, (off_t)r.offset);
	if (at == MAP_FAILED)
		return failed(v, "its BAR cannot be mapped", e);
	madvise(at, r.size, MADV_DONTFORK); /* a child would keep the card */
	v->bar = at;
	v->bar_sz = r.size;
	return 0;
}

int nmw_vfio_interrupt(struct nmw_vfio *v, struct nmw_err *e)
{
	if (v->irq >= 0 || (!v->msix && !v->msi))
		return 0;
	int rc = listen_to(v, v->msix ? VFIO_PCI_MSIX_IRQ_INDEX : VFIO_PCI_MSI_IRQ_INDEX, &v->irq);
	v->msix_on = !rc && v->msix;
	v->msi_on = !rc && !v->msix;
	return rc ? nmw_err_set(e, rc, NMW_EXIT_RESOURCE,
				"device vfio:%s: interrupts cannot be turned on: %s: irq=off polls "
				"without them",
				v->pci.bdf, strerror(-rc))
		  : 0;
}

int nmw_vfio_reset(struct nmw_vfio *v, struct nmw_err *e)
{
	if (!v->resets || !ioctl(v->device, VFIO_DEVICE_RESET))
		return 0;
	return failed(v, "its function cannot be reset", e);
}

/* ---- waiting -------------------------------------------------------------------------------- */

static bool drained(int fd)
{
	uint64_t n;
	return fd >= 0 && read(fd, &n, sizeof n) == sizeof n;
}

bool nmw_vfio_wait(struct nmw_vfio *v, uint64_t ns)
{
	struct pollfd p[] = {{.fd = v->irq, .events = POLLIN},
			     {.fd = v->gone, .events = POLLIN},
			     {.fd = v->broken, .events = POLLIN}};
	struct timespec t = {.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
	ppoll(p, sizeof p / sizeof p[0], &t, NULL);
	return p[0].revents & POLLIN && drained(v->irq);
}

static bool asked(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, 0) > 0 && p.revents & POLLIN;
}

int nmw_vfio_lost(struct nmw_vfio *v, struct nmw_err *e)
{
	uint32_t w = 0;
	const char *bdf = v->pci.bdf;
	if (asked(v->gone))
		return nmw_err_set(e, -ENODEV, NMW_EXIT_RESOURCE,
				   "device vfio:%s: the kernel asks for it back: it is being "
				   "removed, or given to another driver",
				   bdf);
	if (asked(v->broken))
		return nmw_err_set(e, -EIO, NMW_EXIT_RESOURCE,
				   "device vfio:%s: its bus reports an error that cannot be "
				   "corrected: see the kernel's log (AER)",
				   bdf);
	if (pread(v->device, &w, sizeof w, (off_t)v->config + CONFIG_CLASS) != sizeof w ||
	    w == GONE)
		return nmw_err_set(e, -ENODEV, NMW_EXIT_RESOURCE,
				   "device vfio:%s: its configuration space does not answer: it "
				   "was removed, or has lost power or its link",
				   bdf);
	return 0;
}
