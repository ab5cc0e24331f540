/* load, info, regs, reset: what the device is, said as text or JSON. */
#include "command.h"

#include "base/json.h"
#include "device/regs.h"

#include <inttypes.h>
#include <stdio.h>

static struct nmw_json *hex(uint64_t v)
{
	char text[24];
	snprintf(text, sizeof text, "0x%" PRIx64, v);
	return nmw_json_str(text);
}

/* A device says of itself what it likes. */
static uint64_t power_of_two(uint32_t log2)
{
	return UINT64_C(1) << (log2 & 63);
}

static void say_bars(const struct nmw_pci *p)
{
	const char *between = "";
	printf("BARs        ");
	for (unsigned i = 0; i < NMW_PCI_BARS; i++)
		if (p->bar[i].size) {
			printf("%s%u: %" PRIu64 " bytes of %s", between, i, p->bar[i].size,
			       p->bar[i].memory ? "memory" : "I/O ports");
			between = ", ";
		}
	printf("%s\n", *between ? "" : "none");
}

static void say_card(const struct nmw_device_card *c)
{
	const struct nmw_pci *p = &c->pci;
	printf("card        %s, PCI %04x:%04x, class %06" PRIx32 ", revision %u\n", p->bdf,
	       p->vendor, p->device, p->class_code, p->revision);
	printf("driver      %s, IOMMU group ", *p->driver ? p->driver : "none");
	printf(p->group < 0 ? "none" : "%d", p->group);
	printf(p->node < 0 ? "\n" : ", NUMA node %d\n", p->node);
	say_bars(p);
	if (!c->opened)
		return;
	printf("interrupts  %" PRIu32 " MSI-X, %" PRIu32 " MSI, %" PRIu32 " INTx\n", c->msix,
	       c->msi, c->intx);
	printf("function    %s; addresses up to 0x%" PRIx64 "\n",
	       c->resets ? "resets by itself" : "has no reset of its own", c->iova_last);
}

static void say_design(const struct nmw_device_info *i)
{
	printf("books       %" PRIu64 " of %" PRIu32 " ticks a side, %" PRIu32
	       " best levels at hand\n",
	       power_of_two(i->symbols_log2), i->ticks, i->best);
	printf("orders      %" PRIu64 ", generation %" PRIu32 " bits, owner %" PRIu32 " bits\n",
	       power_of_two(i->slots_log2), i->gen_bits, i->owner_bits);
	printf("bus         %" PRIu64 " lines of 64 bytes in flight\n",
	       power_of_two(i->lines_log2));
}

static void say_info(const struct nmw_device_info *i, const char *did)
{
	printf("%s%s: %s\n", did, i->device, i->name);
	if (i->card.pci.bdf[0])
		say_card(&i->card);
	if (i->bitstream[0])
		printf("bitstream   %s\n", i->bitstream);
	printf("identity    0x%08" PRIx32 ", version %" PRIu32 ", build %016" PRIx64 "\n", i->id,
	       i->version, i->build);
	if (i->id == NMW_HW_ID)
		say_design(i);
}

static struct nmw_json *json_card(const struct nmw_device_card *c)
{
	const struct nmw_pci *p = &c->pci;
	struct nmw_json *o = nmw_json_object();
	nmw_json_set(o, "address", nmw_json_str(p->bdf));
	nmw_json_set(o, "vendor", hex(p->vendor));
	nmw_json_set(o, "device", hex(p->device));
	nmw_json_set(o, "class", hex(p->class_code));
	nmw_json_set(o, "driver", nmw_json_str(p->driver));
	if (p->group >= 0)
		nmw_json_set(o, "iommu_group", nmw_json_num((uint64_t)p->group));
	if (p->node >= 0)
		nmw_json_set(o, "numa_node", nmw_json_num((uint64_t)p->node));
	struct nmw_json *bars = nmw_json_set(o, "bars", nmw_json_array());
	for (unsigned i = 0; i < NMW_PCI_BARS; i++)
		nmw_json_add(bars, nmw_json_num(p->bar[i].size));
	nmw_json_set(o, "bar", nmw_json_num(c->bar));
	nmw_json_set(o, "msix", nmw_json_num(c->msix));
	nmw_json_set(o, "msi", nmw_json_num(c->msi));
	nmw_json_set(o, "intx", nmw_json_num(c->intx));
	nmw_json_set(o, "resets", nmw_json_num(c->resets));
	return o;
}

static struct nmw_json *json_info(const struct nmw_device_info *i)
{
	struct nmw_json *o = nmw_json_object();
	nmw_json_set(o, "device", nmw_json_str(i->device));
	nmw_json_set(o, "name", nmw_json_str(i->name));
	nmw_json_set(o, "bitstream", nmw_json_str(i->bitstream));
	nmw_json_set(o, "id", hex(i->id));
	nmw_json_set(o, "version", nmw_json_num(i->version));
	nmw_json_set(o, "build", hex(i->build));
	nmw_json_set(o, "books", nmw_json_num(power_of_two(i->symbols_log2)));
	nmw_json_set(o, "ticks", nmw_json_num(i->ticks));
	nmw_json_set(o, "orders", nmw_json_num(power_of_two(i->slots_log2)));
	nmw_json_set(o, "best", nmw_json_num(i->best));
	nmw_json_set(o, "gen_bits", nmw_json_num(i->gen_bits));
	nmw_json_set(o, "owner_bits", nmw_json_num(i->owner_bits));
	nmw_json_set(o, "lines", nmw_json_num(power_of_two(i->lines_log2)));
	if (i->card.pci.bdf[0])
		nmw_json_set(o, "card", json_card(&i->card));
	return o;
}

static int answer(const struct command_args *a, const struct nmw_device_info *i, const char *did)
{
	if (!a->json)
		say_info(i, did);
	else
		nmw_json_print(json_info(i), stdout, 2);
	return 0;
}

int command_load(const struct command_args *a, struct nmw_err *e)
{
	struct nmw_device_info i;
	int rc = nmw_device_load(a->argv[0], &i, e);
	return rc ? rc : answer(a, &i, "loaded      ");
}

/* What it is is said also of a device that these tools cannot drive, and of a card as much as the
 * kernel knows; why not, at the end. */
int command_info(const struct command_args *a, struct nmw_err *e)
{
	struct nmw_device d;
	int rc = nmw_device_peek(&d, &a->spec, e);
	if (rc && d.info.card.pci.bdf[0] && !a->json) {
		printf("device      %s: %s\n", d.info.device, d.info.name);
		say_card(&d.info.card);
	}
	if (rc)
		return rc;
	rc = nmw_device_check(&d, nmw_device_design(&d), e);
	if (!rc || !a->json)
		answer(a, &d.info, "device      ");
	nmw_device_close(&d);
	return rc;
}

int command_reset(const struct command_args *a, struct nmw_err *e)
{
	struct nmw_device d;
	int rc = nmw_device_open(&d, &a->spec, e); /* which resets it */
	if (rc)
		return rc;
	rc = answer(a, &d.info, "reset       ");
	nmw_device_close(&d);
	return rc;
}

static void say_block(struct nmw_device *d, const struct nmw_device_block *b)
{
	struct nmw_device_reg r;
	printf("0x%03" PRIx32 "  %s (type %u, version %u)\n", b->at, b->name ? b->name : "unknown",
	       b->type, b->version);
	for (unsigned i = 0; nmw_device_reg(d, b, i, &r); i++)
		printf("0x%03" PRIx32 "    %-14s %18" PRIu64 "  0x%-16" PRIx64 "  %s%s%s\n", r.at,
		       r.name, r.value, r.value, r.unit, r.unit[0] ? ", " : "", r.help);
}

static struct nmw_json *json_block(struct nmw_device *d, const struct nmw_device_block *b)
{
	struct nmw_device_reg r;
	struct nmw_json *o = nmw_json_object();
	nmw_json_set(o, "at", nmw_json_num(b->at));
	nmw_json_set(o, "name", nmw_json_str(b->name));
	nmw_json_set(o, "type", nmw_json_num(b->type));
	nmw_json_set(o, "version", nmw_json_num(b->version));
	struct nmw_json *list = nmw_json_set(o, "registers", nmw_json_array());
	for (unsigned i = 0; nmw_device_reg(d, b, i, &r); i++) {
		struct nmw_json *x = nmw_json_add(list, nmw_json_object());
		nmw_json_set(x, "at", nmw_json_num(r.at));
		nmw_json_set(x, "name", nmw_json_str(r.name));
		nmw_json_set(x, "value", nmw_json_id(r.value));
		nmw_json_set(x, "unit", nmw_json_str(r.unit));
		nmw_json_set(x, "help", nmw_json_str(r.help));
	}
	return o;
}

int look_registers(struct nmw_device *d, FILE *f, struct nmw_err *e)
{
	struct nmw_device_block b[NMW_DEVICE_BLOCKS];
	int n = nmw_device_blocks(d, b, e);
	if (n < 0)
		return n;
	struct nmw_json *doc = nmw_json_object();
	struct nmw_json *list = nmw_json_set(doc, "blocks", nmw_json_array());
	for (int i = 0; i < n; i++)
		nmw_json_add(list, json_block(d, &b[i]));
	return nmw_json_print(doc, f, 2);
}

int command_regs(const struct command_args *a, struct nmw_err *e)
{
	struct nmw_device d;
	struct nmw_device_block b[NMW_DEVICE_BLOCKS];
	int rc = nmw_device_peek(&d, &a->spec, e);
	if (rc)
		return rc;
	int n = nmw_device_blocks(&d, b, e);
	for (int i = 0; !a->json && i < n; i++)
		say_block(&d, &b[i]);
	if (a->json && n >= 0)
		n = look_registers(&d, stdout, e);
	nmw_device_close(&d);
	return n < 0 ? n : 0;
}
