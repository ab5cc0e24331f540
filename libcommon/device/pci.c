#include "device/pci.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEVICES		  "/sys/bus/pci/devices"
#define RESOURCE_IO	  0x100u /* bits of the third column of a function's resource file */
#define RESOURCE_MEMORY	  0x200u
#define CLASS_ACCELERATOR 0x12u
#define DOMAIN_DIGITS_MAX 5u

/* ---- addresses ------------------------------------------------------------------------------ */

/* Up to `most` hexadecimal digits at *s, before `end`; *s moves over them. */
static bool hex(const char **s, const char *end, unsigned most, unsigned max, unsigned *out)
{
	static const char digits[] = "0123456789abcdef";
	unsigned n = 0;
	*out = 0;
	for (; *s < end && n < most; n++, (*s)++) {
		char c = *(*s) >= 'A' && *(*s) <= 'F' ? (char)(*(*s) + 32) : *(*s);
		const char *at = c ? strchr(digits, c) : NULL;
		if (!at)
			break;
		*out = *out << 4 | (unsigned)(at - digits);
	}
	return n > 0 && *out <= max;
}

static bool sign(const char **s, const char *end, char c)
{
	return *s < end && *(*s)++ == c;
}

int nmw_pci_parse(const char *text, size_t n, char bdf[NMW_PCI_BDF], struct nmw_err *e)
{
	const char *s = text, *end = text + n;
	unsigned part[4] = {0}, colons = 0;
	for (size_t i = 0; i < n; i++)
		colons += text[i] == ':';
	bool ok =
		colons == 1 || (colons == 2 && hex(&s, end, DOMAIN_DIGITS_MAX, 0xfffff, &part[0]) &&
				sign(&s, end, ':'));
	ok = ok && hex(&s, end, 2, 0xff, &part[1]) && sign(&s, end, ':') &&
	     hex(&s, end, 2, 0x1f, &part[2]) && sign(&s, end, '.') &&
	     hex(&s, end, 1, 7, &part[3]) && s == end;
	if (!ok)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "%.*s: not a PCI address: domain:bus:device.function, such as "
				   "0000:03:00.0 (lspci -D lists them)",
				   n == 0   ? 9
				   : n > 64 ? 64
					    : (int)n,
				   n ? text : "(nothing)");
	snprintf(bdf, NMW_PCI_BDF, "%04x:%02x:%02x.%x", part[0] & 0xfffff, part[1] & 0xff,
		 part[2] & 0x1f, part[3] & 7);
	return 0;
}

/* ---- sysfs ---------------------------------------------------------------------------------- */

static FILE *open_file(const char *root, const char *bdf, const char *name)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s" DEVICES "/%s/%s", root, bdf, name);
	return fopen(path, "re");
}

/* A number, with 0x or without; `none` where the file is not there. */
static int64_t number(const char *root, const char *bdf, const char *name, int64_t none)
{
	char text[64] = "";
	FILE *f = open_file(root, bdf, name);
	if (!f)
		return none;
	bool got = fgets(text, sizeof text, f) != NULL;
	fclose(f);
	return got ? strtoll(text, NULL, 0) : none;
}

/* The last part of what a link of the function points to; "" where there is none. */
static void link_name(const char *root, const char *bdf, const char *name, char *to, size_t cap)
{
	char path[PATH_MAX], at[PATH_MAX];
	snprintf(path, sizeof path, "%s" DEVICES "/%s/%s", root, bdf, name);
	ssize_t n = readlink(path, at, sizeof at - 1);
	at[n > 0 ? n : 0] = 0;
	const char *slash = strrchr(at, '/');
	snprintf(to, cap, "%.*s", (int)cap - 1, slash ? slash + 1 : at);
}

/* A line for each resource: first address, last, flags; the BARs come first. */
static void look_at_bars(const char *root, struct nmw_pci *p)
{
	char line[128];
	FILE *f = open_file(root, p->bdf, "resource");
	for (unsigned i = 0; f && i < NMW_PCI_BARS && fgets(line, sizeof line, f); i++) {
		uint64_t first = 0, last = 0, flags = 0;
		int n = sscanf(line, "%" SCNx64 " %" SCNx64 " %" SCNx64, &first, &last, &flags);
		if (n != 3 || !(flags & (RESOURCE_IO | RESOURCE_MEMORY)) || last < first)
			continue;
		p->bar[i].size = last - first + 1;
		p->bar[i].memory = flags & RESOURCE_MEMORY;
	}
	if (f)
		fclose(f);
}

static bool exists(const char *root, const char *path, const char *name)
{
	char at[PATH_MAX];
	snprintf(at, sizeof at, "%s%s%s", root, path, name);
	return access(at, F_OK) == 0;
}

int nmw_pci_look(const char *root, const char *bdf, struct nmw_pci *out, struct nmw_err *e)
{
	char group[16];
	memset(out, 0, sizeof *out);
	if (!exists(root, DEVICES "/", bdf))
		return nmw_err_set(e, -ENODEV, NMW_EXIT_RESOURCE,
				   "device vfio:%s: there is no such PCI function: lspci -D lists "
				   "those that are there; one that was removed comes back with: "
				   "echo 1 >/sys/bus/pci/rescan",
				   bdf);
	snprintf(out->bdf, sizeof out->bdf, "%.*s", (int)sizeof out->bdf - 1, bdf);
	out->vendor = (uint16_t)number(root, bdf, "vendor", 0);
	out->device = (uint16_t)number(root, bdf, "device", 0);
	out->class_code = (uint32_t)number(root, bdf, "class", 0) & 0xffffff;
	out->revision = (uint8_t)number(root, bdf, "revision", 0);
	out->node = (int)number(root, bdf, "numa_node", -1);
	link_name(root, bdf, "driver", out->driver, sizeof out->driver);
	link_name(root, bdf, "iommu_group", group, sizeof group);
	out->group = *group ? atoi(group) : -1;
	look_at_bars(root, out);
	return 0;
}

static void each_of(const char *root, const char *folder,
		    void (*each)(const struct nmw_pci *p, void *arg), void *arg)
{
	char path[PATH_MAX], bdf[NMW_PCI_BDF];
	const struct dirent *x;
	struct nmw_pci p;
	snprintf(path, sizeof path, "%s%s", root, folder);
	DIR *d = opendir(path);
	while (d && (x = readdir(d)))
		if (!nmw_pci_parse(x->d_name, strlen(x->d_name), bdf, NULL) &&
		    !nmw_pci_look(root, bdf, &p, NULL))
			each(&p, arg);
	if (d)
		closedir(d);
}

void nmw_pci_group(const char *root, int group, void (*each)(const struct nmw_pci *p, void *arg),
		   void *arg)
{
	char folder[64];
	snprintf(folder, sizeof folder, "/sys/kernel/iommu_groups/%d/devices", group);
	each_of(root, folder, each, arg);
}

void nmw_pci_bind_command(const struct nmw_pci *p, char *to, size_t cap)
{
	const char *bus = "/sys/bus/pci";
	char unbind[96] = "";
	if (*p->driver)
		snprintf(unbind, sizeof unbind, "echo %s >%s/devices/%s/driver/unbind; ", p->bdf,
			 bus, p->bdf);
	snprintf(to, cap,
		 "modprobe vfio-pci; echo " NMW_PCI_VFIO " >%s/devices/%s/driver_override; "
		 "%secho %s >%s/drivers_probe",
		 bus, p->bdf, unbind, p->bdf, bus);
}

/* ---- the host ------------------------------------------------------------------------------- */

struct looking {
	const char *root;
	struct nmw_pci_host *host;
};

static bool may_open(const char *root, const char *name)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/dev/vfio/%s", root, name);
	return access(path, R_OK | W_OK) == 0;
}

static void look_at_function(const struct nmw_pci *p, void *arg)
{
	const struct looking *l = arg;
	struct nmw_pci_host *h = l->host;
	char group[16];
	if (strcmp(p->driver, NMW_PCI_VFIO) != 0) {
		if (p->class_code >> 16 == CLASS_ACCELERATOR)
			h->spare = *p;
		return;
	}
	h->bound++;
	snprintf(group, sizeof group, "%d", p->group);
	if (p->group >= 0 && may_open(l->root, group)) {
		h->allowed++;
	} else {
		memcpy(h->barred, p->bdf, sizeof h->barred);
		h->barred_group = p->group;
	}
}

void nmw_pci_host_look(const char *root, struct nmw_pci_host *out)
{
	char path[PATH_MAX];
	const struct dirent *x;
	struct looking l = {.root = root, .host = out};
	memset(out, 0, sizeof *out);
	snprintf(path, sizeof path, "%s/sys/kernel/iommu_groups", root);
	DIR *d = opendir(path);
	while (d && (x = readdir(d)))
		out->groups += x->d_name[0] != '.';
	if (d)
		closedir(d);
	out->driver = exists(root, "/sys/bus/pci/drivers/", NMW_PCI_VFIO);
	out->type1 = exists(root, "/sys/module/", "vfio_iommu_type1");
	out->container = may_open(root, "vfio");
	each_of(root, DEVICES, look_at_function, &l);
}
