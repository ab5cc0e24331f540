/* Cards without one: PCI addresses, functions of a /sys made here, what an IOMMU says of itself,
 * and the device string.  With one: tests/cli/vfio_qemu.sh. */
#include "device/device.h"
#include "device/vfio.h"
#include "unit.h"

#include <errno.h>
#include <linux/vfio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define CARD  "0000:03:00.0"
#define OTHER "0000:03:00.1"

static struct nmw_err e;
static char root[UNIT_PATH];

/* ---- a /sys and a /dev ---------------------------------------------------------------------- */

static void folders(char *path)
{
	for (char *c = path + strlen(root) + 1; (c = strchr(c, '/')); c++) {
		*c = 0;
		mkdir(path, 0700);
		*c = '/';
	}
}

static const char *in_root(const char *name)
{
	static char path[2 * UNIT_PATH];
	snprintf(path, sizeof path, "%s%s", root, name);
	folders(path);
	return path;
}

static void file(const char *name, const char *text)
{
	FILE *f = fopen(in_root(name), "we");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void link_to(const char *name, const char *target)
{
	ck_assert_int_eq(symlink(target, in_root(name)), 0);
}

static void of_function(const char *bdf, const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/%s", bdf, name);
	file(path, text);
}

static void function(const char *bdf, const char *driver, int group)
{
	char path[128], target[64];
	of_function(bdf, "vendor", "0x10ee\n");
	of_function(bdf, "device", "0x9038\n");
	of_function(bdf, "class", "0x120000\n");
	of_function(bdf, "revision", "0x02\n");
	of_function(bdf, "numa_node", "1\n");
	of_function(bdf, "resource",
		    "0x00000000fe000000 0x00000000fe00ffff 0x0000000000040200\n"
		    "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		    "0x000000000000e000 0x000000000000e03f 0x0000000000040101\n"
		    "0x0000380000000000 0x000038000fffffff 0x000000000014220c\n"
		    "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		    "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		    "0x00000000fd000000 0x00000000fd0fffff 0x0000000000046200\n");
	if (driver) {
		snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/driver", bdf);
		snprintf(target, sizeof target, "../../../bus/pci/drivers/%s", driver);
		link_to(path, target);
	}
	if (group < 0)
		return;
	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/iommu_group", bdf);
	snprintf(target, sizeof target, "../../../kernel/iommu_groups/%d", group);
	link_to(path, target);
	snprintf(path, sizeof path, "/sys/kernel/iommu_groups/%d/devices/%s", group, bdf);
	file(path, "");
}

static void setup(void)
{
	unit_path(root, "vfio");
	ck_assert_int_eq(mkdir(root, 0700), 0);
	e = (struct nmw_err)NMW_ERR_INIT;
}

static void teardown(void)
{
	char command[UNIT_PATH + 16];
	snprintf(command, sizeof command, "rm -rf '%s'", root);
	ck_assert_int_eq(system(command), 0);
}

/* ---- addresses ------------------------------------------------------------------------------ */

START_TEST(addresses)
{
	static const struct {
		const char *text, *is;
	} good[] = {{"0000:03:00.0", "0000:03:00.0"},
		    {"03:00.0", "0000:03:00.0"},
		    {"3:0.7", "0000:03:00.7"},
		    {"ABCD:fF:1F.1", "abcd:ff:1f.1"},
		    {"10000:01:00.0", "10000:01:00.0"}};
	static const char *const bad[] = {"",
					  "03:00",
					  "03:00.",
					  "03:00.8",
					  "03:20.0",
					  "100:00.0",
					  ":00.0",
					  "03:00.0x",
					  " 03:00.0",
					  "0x03:00.0",
					  "0000:03:0g.0",
					  "0:0:0:0.0",
					  "000000:01:00.0",
					  "03.00.0"};
	char bdf[NMW_PCI_BDF];
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		ck_assert_int_eq(nmw_pci_parse(good[i].text, strlen(good[i].text), bdf, &e), 0);
		ck_assert_str_eq(bdf, good[i].is);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		ck_assert_msg(nmw_pci_parse(bad[i], strlen(bad[i]), bdf, &e) == -EINVAL, "%s",
			      bad[i]);
		ck_assert_int_eq(e.exit, NMW_EXIT_USAGE);
	}
	ck_assert_int_eq(nmw_pci_parse("03:00.0,bar=2", 7, bdf, &e), 0);
}
END_TEST

START_TEST(device_strings)
{
	static const struct {
		const char *text, *said;
	} bad[] = {{"vfio", "without an address"},
		   {"vfio:", "(nothing): not a PCI address"},
		   {"vfio:eth0", "eth0: not a PCI address"},
		   {"vfio:ff:1f.7,", "an empty key"},
		   {"vfio:ff:1f.7,bar=1,", "an empty key"},
		   {"vfio:ff:1f.7,bar", "bar: without a value"},
		   {"vfio:ff:1f.7,bar=6", "bar: 6: out of range: 0..5 allowed"},
		   {"vfio:ff:1f.7,mhz=0", "mhz: 0: out of range"},
		   {"vfio:ff:1f.7,irq=maybe", "irq: neither on nor off"},
		   {"vfio:ff:1f.7,speed=1", "speed: not known"},
		   {"vfio:ff:1f.7,bar=1,bar=2", "bar: given twice"},
		   {"vfi:ff:1f.7", "no such device"}};
	struct nmw_device d;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct nmw_device_spec s = {.device = bad[i].text};
		ck_assert_int_eq(nmw_device_peek(&d, &s, &e), -EINVAL);
		ck_assert_int_eq(e.exit, NMW_EXIT_USAGE);
		ck_assert_msg(strstr(e.msg, bad[i].said) != NULL, "%s: %s", bad[i].text, e.msg);
	}
	struct nmw_device_spec file_too = {.device = "vfio:ff:1f.7", .bitstream = "x.so"};
	ck_assert_int_eq(nmw_device_peek(&d, &file_too, &e), -EINVAL);
	ck_assert_ptr_nonnull(strstr(e.msg, "--bitstream (NMW_BITSTREAM): only for --device sim"));
	struct nmw_device_spec none = {.device = "vfio:fffff:ff:1f.7,bar=2,mhz=300,irq=off"};
	ck_assert_int_eq(nmw_device_peek(&d, &none, &e), -ENODEV);
	ck_assert_int_eq(e.exit, NMW_EXIT_RESOURCE);
	ck_assert_str_eq(d.info.device, "vfio:fffff:ff:1f.7");
	nmw_device_close(&d); /* of what was not opened */
}
END_TEST

/* ---- functions ------------------------------------------------------------------------------ */

START_TEST(a_function)
{
	struct nmw_pci p;
	function(CARD, "xdma", 7);
	ck_assert_int_eq(nmw_pci_look(root, CARD, &p, &e), 0);
	ck_assert_str_eq(p.bdf, CARD);
	ck_assert_uint_eq(p.vendor, 0x10ee);
	ck_assert_uint_eq(p.device, 0x9038);
	ck_assert_uint_eq(p.class_code, 0x120000);
	ck_assert_uint_eq(p.revision, 2);
	ck_assert_int_eq(p.node, 1);
	ck_assert_int_eq(p.group, 7);
	ck_assert_str_eq(p.driver, "xdma");
	ck_assert(p.bar[0].size == 65536 && p.bar[0].memory);
	ck_assert(p.bar[1].size == 0);
	ck_assert(p.bar[2].size == 64 && !p.bar[2].memory);
	ck_assert(p.bar[3].size == 256 << 20 && p.bar[3].memory);
	ck_assert(p.bar[5].size == 0);
	ck_assert_int_eq(nmw_pci_look(root, OTHER, &p, &e), -ENODEV);
	ck_assert_int_eq(e.exit, NMW_EXIT_RESOURCE);
	ck_assert_str_eq(p.bdf, "");
}
END_TEST

static int open_it(void)
{
	struct nmw_pci p;
	struct nmw_vfio v;
	ck_assert_int_eq(nmw_pci_look(root, CARD, &p, &e), 0);
	int rc = nmw_vfio_open(&v, root, &p, &e);
	ck_assert_int_lt(v.container, 0);
	ck_assert_int_lt(v.device, 0);
	ck_assert_int_eq(e.exit, NMW_EXIT_RESOURCE);
	return rc;
}

static void said(const char *words)
{
	ck_assert_msg(strstr(e.msg, words) != NULL, "%s", e.msg);
}

START_TEST(no_iommu)
{
	function(CARD, "vfio-pci", -1);
	ck_assert_int_eq(open_it(), -ENODEV);
	said("in no group of an IOMMU: turn on VT-d or AMD-Vi in the firmware and boot with "
	     "intel_iommu=on");
}
END_TEST

START_TEST(another_driver)
{
	function(CARD, "xdma", 7);
	ck_assert_int_eq(open_it(), -ENODEV);
	said("device vfio:" CARD ": driver xdma holds it, vfio-pci expected: modprobe vfio-pci; "
	     "echo vfio-pci >/sys/bus/pci/devices/" CARD "/driver_override; echo " CARD
	     " >/sys/bus/pci/devices/" CARD "/driver/unbind; echo " CARD
	     " >/sys/bus/pci/drivers_probe");
}
END_TEST

START_TEST(no_driver)
{
	function(CARD, NULL, 7);
	ck_assert_int_eq(open_it(), -ENODEV);
	said("driver (none) holds it, vfio-pci expected: modprobe vfio-pci; echo vfio-pci "
	     ">/sys/bus/pci/devices/" CARD "/driver_override; echo " CARD
	     " >/sys/bus/pci/drivers_probe");
}
END_TEST

START_TEST(no_node)
{
	function(CARD, "vfio-pci", 7);
	ck_assert_int_eq(open_it(), -ENOENT);
	said("cannot open /dev/vfio/vfio: No such file or directory: modprobe vfio-pci");
	file("/dev/vfio/vfio", ""); /* which is no container */
	ck_assert_int_eq(open_it(), -ENODEV);
	said("/dev/vfio/vfio: interface -1 found, 0 expected");
	struct nmw_pci p;
	struct nmw_vfio v;
	ck_assert_int_eq(nmw_pci_look(root, CARD, &p, &e), 0);
	ck_assert_int_eq(chmod(in_root("/dev/vfio/vfio"), 0), 0);
	uid_t me = geteuid();
	if (!me) /* root may open everything */
		ck_assert_int_eq(seteuid(65534), 0);
	ck_assert_int_eq(nmw_vfio_open(&v, root, &p, &e), -EACCES);
	ck_assert_int_eq(seteuid(me), 0);
	ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0); /* LeakSanitizer looks into us */
	ck_assert_int_eq(e.exit, NMW_EXIT_PERM);
	said("chown USER");
}
END_TEST

static void count(const struct nmw_pci *p, void *arg)
{
	*(unsigned *)arg += !strcmp(p->bdf, CARD) || !strcmp(p->bdf, OTHER);
}

START_TEST(a_host)
{
	struct nmw_pci_host h;
	unsigned n = 0;
	nmw_pci_host_look(root, &h);
	ck_assert(!h.groups && !h.driver && !h.type1 && !h.container && !h.bound &&
		  !h.spare.bdf[0]);
	function(CARD, "vfio-pci", 7);
	function(OTHER, "xdma", 7);
	file("/sys/bus/pci/drivers/vfio-pci/bind", "");
	file("/sys/module/vfio_iommu_type1/x", "");
	file("/dev/vfio/vfio", "");
	nmw_pci_host_look(root, &h);
	ck_assert(h.groups == 1 && h.driver && h.type1 && h.container);
	ck_assert(h.bound == 1 && h.allowed == 0 && h.barred_group == 7);
	ck_assert_str_eq(h.barred, CARD);
	ck_assert_str_eq(h.spare.bdf, OTHER);
	file("/dev/vfio/7", "");
	nmw_pci_host_look(root, &h);
	ck_assert_uint_eq(h.allowed, 1);
	nmw_pci_group(root, 7, count, &n);
	ck_assert_uint_eq(n, 2);
	nmw_pci_group(root, 8, count, &n);
	ck_assert_uint_eq(n, 2);
}
END_TEST

/* ---- what an IOMMU says of itself ----------------------------------------------------------- */

struct said_by_kernel {
	struct vfio_iommu_type1_info info;
	struct vfio_info_cap_header other;
	struct {
		struct vfio_info_cap_header header;
		uint32_t n, reserved;
		struct vfio_iova_range range[2];
	} iova;
};

static struct said_by_kernel usual(void)
{
	struct said_by_kernel k = {
		.info = {.argsz = sizeof k,
			 .flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS,
			 .iova_pgsizes = 0xfffffffffffff000,
			 .cap_offset = offsetof(struct said_by_kernel, other)},
		.other = {.id = VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL,
			  .version = 1,
			  .next = offsetof(struct said_by_kernel, iova)},
		.iova = {.header = {.id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, .version = 1},
			 .n = 2,
			 .range = {{0, 0xfedfffff}, {0xfef00000, 0x7fffffffff}}}};
	return k;
}

static int holds(const struct said_by_kernel *k, size_t sz, uint64_t iova, uint64_t len)
{
	struct nmw_vfio_iommu m;
	nmw_vfio_iommu_read(k, sz, &m);
	return nmw_vfio_iommu_holds(&m, CARD, iova, len, &e);
}

START_TEST(an_aperture)
{
	struct said_by_kernel k = usual();
	const uint64_t last = 0x7fffffffff, huge = 2 << 20;
	ck_assert_int_eq(holds(&k, sizeof k, NMW_DEVICE_IOVA, huge), 0);
	ck_assert_int_eq(holds(&k, sizeof k, 0, 4096), 0);
	ck_assert_int_eq(holds(&k, sizeof k, last + 1 - huge, huge), 0);
	ck_assert_int_eq(holds(&k, sizeof k, last + 1 - 4096, huge), -ERANGE);
	ck_assert_int_eq(e.exit, NMW_EXIT_RESOURCE);
	said("at 0x7ffffff000: pages of 4096 bytes in 0x0-0xfedfffff, 0xfef00000-0x7fffffffff are "
	     "what it has: a slot behind an IOMMU of 39 address bits or more is needed");
	ck_assert_int_eq(holds(&k, sizeof k, 0xfee00000, 4096), -ERANGE);
	ck_assert_int_eq(holds(&k, sizeof k, 0xfedff000, 8192), -ERANGE);
	ck_assert_int_eq(holds(&k, sizeof k, NMW_DEVICE_IOVA + 64, 4096), -ERANGE);
	ck_assert_int_eq(holds(&k, sizeof k, NMW_DEVICE_IOVA, 64), -ERANGE);
	ck_assert_int_eq(holds(&k, sizeof k, NMW_DEVICE_IOVA, 0), -ERANGE);
	ck_assert_int_eq(holds(&k, sizeof k, UINT64_MAX - 4095, 8192), -ERANGE);
	k.info.iova_pgsizes = 0x200000;
	ck_assert_int_eq(holds(&k, sizeof k, NMW_DEVICE_IOVA, 4096), -ERANGE);
	ck_assert_int_eq(holds(&k, sizeof k, NMW_DEVICE_IOVA, huge), 0);
}
END_TEST

/* A kernel that does not say is asked when it maps; a list that is not one ends the reading. */
START_TEST(no_aperture)
{
	struct nmw_vfio_iommu m;
	struct said_by_kernel k = usual();
	k.info.flags = VFIO_IOMMU_INFO_PGSIZES;
	ck_assert_int_eq(holds(&k, sizeof k, UINT64_C(1) << 60, 4096), 0);
	k = usual();
	k.other.next = offsetof(struct said_by_kernel, other); /* a ring */
	nmw_vfio_iommu_read(&k, sizeof k, &m);
	ck_assert_uint_eq(m.ranges, 0);
	k.other.next = 1 << 20; /* outside */
	nmw_vfio_iommu_read(&k, sizeof k, &m);
	ck_assert_uint_eq(m.ranges, 0);
	k = usual();
	k.iova.n = UINT32_MAX;
	nmw_vfio_iommu_read(&k, sizeof k, &m);
	ck_assert_uint_eq(m.ranges, 2);
	for (size_t sz = 0; sz < sizeof k; sz++) { /* cut off anywhere */
		uint8_t *cut = malloc(sz ? sz : 1);
		memcpy(cut, &k, sz);
		nmw_vfio_iommu_read(cut, sz, &m);
		ck_assert_uint_lt(m.ranges, 2);
		ck_assert_uint_eq(m.page, 4096);
		free(cut);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {addresses,      device_strings, a_function, no_iommu,
				      another_driver, no_driver,      no_node,	  a_host,
				      an_aperture,    no_aperture};
	return unit_run_between("vfio", setup, teardown, tests, sizeof tests / sizeof tests[0]);
}
