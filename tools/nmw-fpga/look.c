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

static void say_info(const struct nmw_device_info *i, const char *did)
{
	printf("%s%s: %s\n", did, i->device, i->name);
	if (i->bitstream[0])
		printf("bitstream   %s\n", i->bitstream);
	printf("identity    0x%08" PRIx32 ", version %" PRIu32 ", build %016" PRIx64 "\n", i->id,
	       i->version, i->build);
	printf("books       %" PRIu64 " of %" PRIu32 " ticks a side, %" PRIu32
	       " best levels at hand\n",
	       power_of_two(i->symbols_log2), i->ticks, i->best);
	printf("orders      %" PRIu64 ", generation %" PRIu32 " bits, owner %" PRIu32 " bits\n",
	       power_of_two(i->slots_log2), i->gen_bits, i->owner_bits);
	printf("bus         %" PRIu64 " lines of 64 bytes in flight\n",
	       power_of_two(i->lines_log2));
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

/* What it is is said also of a device that these tools cannot drive; why not, at the end. */
int command_info(const struct command_args *a, struct nmw_err *e)
{
	struct nmw_device d;
	int rc = nmw_device_peek(&d, &a->spec, e);
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
