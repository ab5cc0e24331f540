/* A card: registers in a BAR, the rings' memory mapped by the IOMMU, interrupts. */
#include "device/device.h"
#include "device/vfio.h"

#include "base/clock.h"
#include "base/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MHZ	 250u	/* of the design's clock */
#define SPIN_NS	 10000u /* a shorter wait is not worth a system call */
#define MAPS_MAX 64u

struct map {
	uint64_t iova, len;
};

struct card {
	struct nmw_vfio v;
	char bdf[NMW_PCI_BDF];
	uint64_t bar, mhz;
	bool silent; /* no interrupts */
	struct map map[MAPS_MAX];
	unsigned maps;
};

/* ---- what stands behind "vfio:" ------------------------------------------------------------- */

static int bad_params(const char *key, const char *why, struct nmw_err *e)
{
	return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
			   "--device vfio: %s: %s: vfio:DOMAIN:BUS:DEVICE.FUNCTION, then bar=0..%u "
			   "(where its registers are), mhz=1..10000 (its clock), irq=on|off",
			   key, why, NMW_PCI_BARS - 1);
}

static int parse_pair(struct card *c, const char *key, const char *value, uint64_t *seen,
		      struct nmw_err *e)
{
	struct nmw_err why = NMW_ERR_INIT;
	int rc, i = nmw_parse_choice(key, "bar|mhz|irq");
	if (i < 0)
		return bad_params(key, "not known", e);
	if (nmw_parse_again(seen, (unsigned)i))
		return bad_params(key, "given twice", e);
	if (!value)
		return bad_params(key, "without a value", e);
	if (!strcmp(key, "bar"))
		rc = nmw_parse_u64(value, 0, NMW_PCI_BARS - 1, &c->bar, &why);
	else if (!strcmp(key, "mhz"))
		rc = nmw_parse_u64(value, 1, 10000, &c->mhz, &why);
	else {
		int choice = nmw_parse_choice(value, "on|off");
		c->silent = choice == 1;
		return choice < 0 ? bad_params(key, "neither on nor off", e) : 0;
	}
	return rc ? bad_params(key, why.msg, e) : 0;
}

static int parse_params(struct card *c, const char *params, struct nmw_err *e)
{
	char text[128], *at = text, *key, *value;
	uint64_t seen = 0;
	if (!params || strlen(params) >= sizeof text)
		return bad_params("vfio:", params ? "too long" : "without an address", e);
	memcpy(text, params, strlen(params) + 1);
	size_t n = strcspn(text, ",");
	int rc = nmw_pci_parse(text, n, c->bdf, e);
	if (rc)
		return nmw_err_prefix(e, "--device vfio");
	if (!text[n])
		return 0;
	at += n + 1;
	if (!*at)
		return bad_params("vfio:", "an empty key", e);
	while ((rc = nmw_parse_kv(&at, &key, &value)) == 1) {
		rc = parse_pair(c, key, value, &seen, e);
		if (rc)
			return rc;
	}
	return rc ? bad_params("vfio:", "an empty key", e) : 0;
}

/* ---- opening -------------------------------------------------------------------------------- */

static void vfio_close(struct nmw_device *d)
{
	struct card *c = d->back;
	if (c)
		nmw_vfio_close(&c->v);
	free(c);
	d->back = NULL;
}

static void describe(struct nmw_device *d, const struct card *c)
{
	struct nmw_device_card *to = &d->info.card;
	to->pci = c->v.pci;
	to->bar = (uint32_t)c->bar;
	to->opened = c->v.device >= 0;
	to->resets = c->v.resets;
	to->msix = c->v.msix;
	to->msi = c->v.msi;
	to->intx = c->v.intx;
	to->iova_last = c->v.iommu.ranges ? c->v.iommu.range[c->v.iommu.ranges - 1].last : 0;
}

static int open_card(struct nmw_device *d, struct card *c, struct nmw_err *e)
{
	struct nmw_pci p;
	int rc = nmw_pci_look("", c->bdf, &p, e);
	if (rc)
		return rc;
	snprintf(d->info.name, sizeof d->info.name, "PCI %04x:%04x", p.vendor, p.device);
	c->v.pci = p;
	rc = nmw_vfio_open(&c->v, "", &p, e);
	describe(d, c);
	return rc ? rc : nmw_vfio_bar(&c->v, (unsigned)c->bar, NMW_DEVICE_REGS_SZ, e);
}

static int vfio_open(struct nmw_device *d, const struct nmw_device_spec *spec, const char *params,
		     struct nmw_err *e)
{
	if (spec->bitstream)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--bitstream (NMW_BITSTREAM): only for --device sim: a card has "
				   "what was programmed into it");
	struct card *c = calloc(1, sizeof *c);
	if (!c)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "device vfio: no memory");
	c->mhz = MHZ;
	c->v.container = c->v.group = c->v.device = c->v.irq = c->v.gone = c->v.broken = -1;
	d->back = c;
	int rc = parse_params(c, params, e);
	if (!rc) {
		snprintf(d->info.device, sizeof d->info.device, "vfio:%s", c->bdf);
		rc = open_card(d, c, e);
	}
	if (rc)
		vfio_close(d);
	return rc;
}

/* ---- running -------------------------------------------------------------------------------- */

static volatile uint64_t *reg_at(const struct nmw_device *d, uint32_t reg)
{
	const struct card *c = d->back;
	return (volatile uint64_t *)c->v.bar + reg / 8;
}

static uint64_t vfio_read(struct nmw_device *d, uint32_t reg)
{
	return *reg_at(d, reg);
}

static void vfio_write(struct nmw_device *d, uint32_t reg, uint64_t value)
{
	*reg_at(d, reg) = value;
}

/* On which node the page at `at` lies; -1: not known. */
static int node_of(void *at)
{
	int node = -1;
	if (syscall(SYS_get_mempolicy, &node, NULL, 0UL, at, (long)(MPOL_F_NODE | MPOL_F_ADDR)))
		return -1;
	return node;
}

static void look_at_node(struct nmw_device *d, void *at)
{
	struct nmw_device_card *card = &d->info.card;
	int node = card->pci.node < 0 ? -1 : node_of(at);
	if (node >= 0 && node != card->pci.node)
		snprintf(card->slow, sizeof card->slow,
			 "its memory is on NUMA node %d, the card on %d: numactl --cpunodebind=%d "
			 "--membind=%d nmw-fpga ...",
			 node, card->pci.node, card->pci.node, card->pci.node);
}

static int vfio_map(struct nmw_device *d, uint64_t iova, void *at, uint64_t len, struct nmw_err *e)
{
	struct card *c = d->back;
	if (c->maps == MAPS_MAX)
		return nmw_err_set(
			e, -ENOSPC, NMW_EXIT_RESOURCE,
			"device vfio:%s: %u windows of memory are mapped: no more can be", c->bdf,
			MAPS_MAX);
	int rc = nmw_vfio_map(&c->v, iova, at, len, e);
	if (rc)
		return rc;
	c->map[c->maps++] = (struct map){.iova = iova, .len = len};
	look_at_node(d, at);
	return 0;
}

static int vfio_unmap(struct nmw_device *d, uint64_t iova, struct nmw_err *e)
{
	struct card *c = d->back;
	unsigned i = 0;
	while (i < c->maps && c->map[i].iova != iova)
		i++;
	if (i == c->maps)
		return nmw_err_set(e, -ENOENT, NMW_EXIT_RESOURCE,
				   "device vfio:%s: nothing is mapped at 0x%" PRIx64, c->bdf, iova);
	uint64_t len = c->map[i].len;
	c->map[i] = c->map[--c->maps];
	return nmw_vfio_unmap(&c->v, iova, len, e);
}

/* The function's reset first: it ends whatever a card does that its own reset does not reach. */
static int vfio_reset(struct nmw_device *d, struct nmw_err *e)
{
	struct card *c = d->back;
	int rc = nmw_vfio_reset(&c->v, e);
	if (!rc)
		rc = nmw_vfio_master(&c->v, true, e);
	if (!rc && !c->silent)
		rc = nmw_vfio_interrupt(&c->v, e);
	return rc;
}

static void spin_until(uint64_t ns)
{
	while (nmw_clock_mono() < ns)
		nmw_clock_pause();
}

static void vfio_pass(struct nmw_device *d, uint32_t cycles)
{
	const struct card *c = d->back;
	spin_until(nmw_clock_mono() + (uint64_t)cycles * 1000 / c->mhz);
}

/* What the host was away for beyond the wait does not count: the card's answer may lie there. */
static uint32_t vfio_wait(struct nmw_device *d, uint32_t cycles)
{
	struct card *c = d->back;
	uint64_t from = nmw_clock_mono(), ns = (uint64_t)cycles * 1000 / c->mhz;
	if (ns < SPIN_NS)
		spin_until(from + ns);
	else
		nmw_vfio_wait(&c->v, ns);
	uint64_t gone = (nmw_clock_mono() - from) * c->mhz / 1000;
	return gone < cycles ? (uint32_t)gone : cycles;
}

static int vfio_lost(struct nmw_device *d, struct nmw_err *e)
{
	struct card *c = d->back;
	return nmw_vfio_lost(&c->v, e);
}

const struct nmw_device_ops nmw_device_ops_vfio = {.name = "vfio",
						   .other = "program the card with the design of "
							    "hw/, or name another card or BAR",
						   .open = vfio_open,
						   .close = vfio_close,
						   .read = vfio_read,
						   .write = vfio_write,
						   .map = vfio_map,
						   .unmap = vfio_unmap,
						   .pass = vfio_pass,
						   .wait = vfio_wait,
						   .reset = vfio_reset,
						   .lost = vfio_lost};
