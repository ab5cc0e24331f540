/* The simulated device: the design in a shared object, in this process. */
#include "device/bitstream.h"
#include "device/device.h"

#include "base/parse.h"
#include "sim/nmw_wire_ports.h"

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LATENCY_MAX 1023u
#define LOADER_NAME 96 /* bytes */

/* What happens to the device, counted in cycles from its being enabled on; 0 = nothing. */
struct mishap {
	uint64_t unmap, stuck, reset;
};

struct sim {
	void *so;
	const struct nmw_bitstream *b;
	const struct nmw_wire_ports *ports; /* NULL: it has none */
	struct nmw_device_sim *dev;
	struct mishap at;
	uint64_t enabled; /* cycle */
	uint64_t due;	  /* cycle of the next mishap; UINT64_MAX: none */
	uint64_t latency, stall, full;
};

/* ---- what stands behind "sim:" -------------------------------------------------------------- */

static int bad_params(const char *key, const char *why, struct nmw_err *e)
{
	return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
			   "--device sim: %s: %s: latency=1..%u (cycles), stall=0..100 (percent), "
			   "full=0|1, unmap=N, stuck=N, reset=N (cycles)",
			   key, why, LATENCY_MAX);
}

static int parse_params(struct sim *s, const char *params, struct nmw_err *e)
{
	char text[128], *at = text, *key, *value;
	struct {
		const char *key;
		uint64_t lo, hi, *to;
	} known[] = {{"latency", 1, LATENCY_MAX, &s->latency},
		     {"stall", 0, 100, &s->stall},
		     {"full", 0, 1, &s->full},
		     {"unmap", 1, UINT32_MAX, &s->at.unmap},
		     {"stuck", 1, UINT32_MAX, &s->at.stuck},
		     {"reset", 1, UINT32_MAX, &s->at.reset}};
	const size_t n = sizeof known / sizeof known[0];
	uint64_t seen = 0;
	if (strlen(params) >= sizeof text)
		return bad_params("too long", "127 characters at most", e);
	memcpy(text, params, strlen(params) + 1);
	int rc;
	while ((rc = nmw_parse_kv(&at, &key, &value)) == 1) {
		struct nmw_err why = NMW_ERR_INIT;
		size_t i = 0;
		while (i < n && strcmp(known[i].key, key) != 0)
			i++;
		if (i == n)
			return bad_params(key, "not known", e);
		if (nmw_parse_again(&seen, (unsigned)i))
			return bad_params(key, "given twice", e);
		if (!value)
			return bad_params(key, "without a value", e);
		if (nmw_parse_u64(value, known[i].lo, known[i].hi, known[i].to, &why))
			return bad_params(key, why.msg, e);
	}
	return rc ? bad_params("sim:", "an empty key", e) : 0;
}

/* ---- opening -------------------------------------------------------------------------------- */

static int not_one(const char *file, const char *why, struct nmw_err *e)
{
	return nmw_err_set(e, -ENODEV, NMW_EXIT_RESOURCE,
			   "bitstream %s: %s: give the shared object that make hw builds, "
			   "hw/build/nmw_book.so",
			   file, why);
}

/* What the loader calls the descriptor. It takes a name that it has seen for the same file, and a
 * descriptor's number comes again: every load spells it in a way of its own, by the bits of a
 * count. */
static void name_for_loader(int fd, char to[LOADER_NAME])
{
	static uint32_t loads;
	const uint32_t nth = __atomic_fetch_add(&loads, 1, __ATOMIC_RELAXED);
	size_t n = (size_t)snprintf(to, LOADER_NAME, "/proc/self/fd");
	for (unsigned bit = 0; bit < 32; bit++) {
		to[n++] = '/';
		to[n++] = nth >> bit & 1 ? '.' : '/';
	}
	snprintf(to + n, LOADER_NAME - n, "/%d", fd);
}

static int open_so(struct sim *s, const struct nmw_bitfile *from, struct nmw_err *e)
{
	const char *file = from->file;
	char why[NMW_ERR_MAX / 2], name[LOADER_NAME];
	int rc = nmw_bitstream_whole(from, e);
	if (rc)
		return rc;
	name_for_loader(from->fd, name);
	s->so = dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!s->so) {
		const char *said = dlerror();
		size_t n = strlen(name);
		if (said && !strncmp(said, name, n) && !strncmp(said + n, ": ", 2))
			said += n + 2;
		snprintf(why, sizeof why, "cannot be loaded: %.200s", said ? said : "?");
		return not_one(file, why, e);
	}
	s->b = dlsym(s->so, NMW_BITSTREAM_SYMBOL);
	if (!s->b)
		return not_one(file, "it has no symbol " NMW_BITSTREAM_SYMBOL, e);
	snprintf(why, sizeof why,
		 "interface %" PRIu32 " of %" PRIu32 " bytes found, %u of %zu expected", s->b->abi,
		 s->b->size, NMW_BITSTREAM_ABI, sizeof *s->b);
	if (s->b->abi != NMW_BITSTREAM_ABI || s->b->size < sizeof *s->b)
		return not_one(file, why, e);
	s->ports = dlsym(s->so, NMW_WIRE_PORTS_SYMBOL);
	if (s->ports && (s->ports->abi != NMW_WIRE_PORTS_ABI || s->ports->size < sizeof *s->ports))
		s->ports = NULL;
	return 0;
}

static void sim_close(struct nmw_device *d)
{
	struct sim *s = d->back;
	if (s && s->dev)
		s->b->close(s->dev);
	if (s && s->so)
		dlclose(s->so);
	free(s);
	d->back = NULL;
}

static const char *const records[] = {
	[NMW_DEVICE_BOOK] = NMW_DEVICE_RECORD, [NMW_DEVICE_WIRE] = NMW_WIRE_RECORD};

static int find(struct nmw_bitfile *b, const struct nmw_device_spec *spec, struct nmw_err *e)
{
	return spec->bitstream ? nmw_bitstream_name(b, spec->bitstream, e)
			       : nmw_bitstream_recall(records[spec->design], b, e);
}

static int open_device(struct nmw_device *d, struct sim *s, const struct nmw_bitfile *b,
		       struct nmw_err *e)
{
	int rc = open_so(s, b, e);
	if (rc || !s->b)
		return rc;
	snprintf(d->info.name, sizeof d->info.name, "%.63s", s->b->name ? s->b->name : "");
	snprintf(d->info.bitstream, sizeof d->info.bitstream, "%.255s", b->file);
	s->dev = s->b->open();
	if (!s->dev)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE,
				   "bitstream %s: no memory for the device", b->file);
	s->b->strain(s->dev, (uint32_t)s->latency, (uint32_t)s->stall);
	return 0;
}

static int sim_open(struct nmw_device *d, const struct nmw_device_spec *spec, const char *params,
		    struct nmw_err *e)
{
	struct nmw_bitfile found = {.fd = -1};
	const struct nmw_bitfile *b = spec->opened ? spec->opened : &found;
	struct sim *s = calloc(1, sizeof *s);
	if (!s)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "device sim: no memory");
	*s = (struct sim){.due = UINT64_MAX, .latency = 1};
	d->back = s;
	int rc = params ? parse_params(s, params, e) : 0;
	d->keep_full = s->full;
	if (!rc && b == &found)
		rc = find(&found, spec, e);
	if (!rc)
		rc = open_device(d, s, b, e);
	nmw_bitstream_close(&found);
	if (rc)
		sim_close(d);
	return rc;
}

/* ---- mishaps -------------------------------------------------------------------------------- */

static uint64_t sooner(const struct sim *s, uint64_t due, uint64_t at)
{
	return at && s->enabled + at < due ? s->enabled + at : due;
}

static void plan(struct sim *s)
{
	s->due = sooner(s, UINT64_MAX, s->at.unmap);
	s->due = sooner(s, s->due, s->at.stuck);
	s->due = sooner(s, s->due, s->at.reset);
}

static bool falls_due(struct sim *s, uint64_t *at)
{
	if (!*at || s->b->cycles(s->dev) < s->enabled + *at)
		return false;
	*at = 0;
	return true;
}

static __attribute__((noinline)) void happen(struct nmw_device *d, struct sim *s)
{
	if (falls_due(s, &s->at.unmap))
		s->b->unmap(s->dev, d->info.window);
	if (falls_due(s, &s->at.stuck))
		s->b->strain(s->dev, (uint32_t)s->latency, 100);
	if (falls_due(s, &s->at.reset))
		s->b->write(s->dev, NMW_HW_REG_CONTROL, 2);
	plan(s);
}

/* ---- running -------------------------------------------------------------------------------- */

static uint64_t sim_read(struct nmw_device *d, uint32_t reg)
{
	struct sim *s = d->back;
	return s->b->read(s->dev, reg);
}

static void sim_write(struct nmw_device *d, uint32_t reg, uint64_t value)
{
	struct sim *s = d->back;
	s->b->write(s->dev, reg, value);
	if (reg == NMW_HW_REG_CONTROL && value == 1) {
		s->enabled = s->b->cycles(s->dev);
		plan(s);
	}
}

static int sim_map(struct nmw_device *d, uint64_t iova, void *at, uint64_t len, struct nmw_err *e)
{
	struct sim *s = d->back;
	int rc = s->b->map(s->dev, iova, at, len);
	return rc ? nmw_err_set(e, rc, NMW_EXIT_RESOURCE,
				"device sim: cannot map %" PRIu64 " bytes at 0x%" PRIx64 ": %s",
				len, iova, strerror(-rc))
		  : 0;
}

static int sim_unmap(struct nmw_device *d, uint64_t iova, struct nmw_err *e)
{
	struct sim *s = d->back;
	int rc = s->b->unmap(s->dev, iova);
	return rc ? nmw_err_set(e, rc, NMW_EXIT_RESOURCE,
				"device sim: nothing is mapped at 0x%" PRIx64, iova)
		  : 0;
}

static void sim_pass(struct nmw_device *d, uint32_t cycles)
{
	struct sim *s = d->back;
	s->b->run(s->dev, cycles);
	if (__builtin_expect(s->b->cycles(s->dev) >= s->due, 0))
		happen(d, s);
}

const struct nmw_wire_ports *nmw_device_sim_ports(const struct nmw_device *d,
						  struct nmw_device_sim **dev)
{
	const struct sim *s = d->ops == &nmw_device_ops_sim ? d->back : NULL;
	*dev = s ? s->dev : NULL;
	return s ? s->ports : NULL;
}

const struct nmw_device_ops nmw_device_ops_sim = {.name = "sim",
						  .open = sim_open,
						  .close = sim_close,
						  .read = sim_read,
						  .write = sim_write,
						  .map = sim_map,
						  .unmap = sim_unmap,
						  .pass = sim_pass};

static int load(const struct nmw_bitfile *b, struct nmw_device_info *info, struct nmw_err *e)
{
	struct nmw_device d;
	int rc = nmw_device_peek(&d, &(struct nmw_device_spec){.opened = b}, e);
	if (rc)
		return rc;
	enum nmw_device_design design = nmw_device_design(&d);
	rc = nmw_device_check(&d, design, e);
	if (!rc)
		rc = nmw_device_reset(&d, e);
	*info = d.info;
	nmw_device_close(&d);
	return rc ? rc : nmw_bitstream_remember(records[design], b, e);
}

int nmw_device_load(const char *file, struct nmw_device_info *info, struct nmw_err *e)
{
	struct nmw_bitfile b;
	int rc = nmw_bitstream_open(&b, file, e);
	if (!rc)
		rc = load(&b, info, e);
	nmw_bitstream_close(&b);
	return rc;
}
