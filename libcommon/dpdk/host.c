#include "dpdk/host.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLASS_NETWORK 0x02u

static uint64_t number_in(const char *root, const char *path, int base)
{
	char name[PATH_MAX], text[64] = "";
	snprintf(name, sizeof name, "%s%s", root, path);
	FILE *f = fopen(name, "re");
	if (f && !fgets(text, sizeof text, f))
		text[0] = 0;
	if (f)
		fclose(f);
	return strtoull(text, NULL, base);
}

/* The last part of what a link points to. */
static void link_name(const char *path, char *to, size_t cap)
{
	char at[PATH_MAX];
	ssize_t n = readlink(path, at, sizeof at - 1);
	at[n > 0 ? n : 0] = 0;
	const char *slash = strrchr(at, '/');
	snprintf(to, cap, "%.*s", (int)cap - 1, slash ? slash + 1 : at);
}

/* The first entry of a directory. */
static void entry_name(const char *path, char *to, size_t cap)
{
	DIR *d = opendir(path);
	const struct dirent *x;
	*to = 0;
	while (d && !*to && (x = readdir(d)))
		if (x->d_name[0] != '.')
			snprintf(to, cap, "%.*s", (int)cap - 1, x->d_name);
	if (d)
		closedir(d);
}

static unsigned entries(const char *root, const char *path)
{
	char name[PATH_MAX];
	unsigned n = 0;
	const struct dirent *x;
	snprintf(name, sizeof name, "%s%s", root, path);
	DIR *d = opendir(name);
	while (d && (x = readdir(d)))
		n += x->d_name[0] != '.';
	if (d)
		closedir(d);
	return n;
}

static bool leaves_it_to_dpdk(const char *driver)
{
	return !strcmp(driver, "vfio-pci") || !strcmp(driver, "uio_pci_generic") ||
	       !strcmp(driver, "igb_uio");
}

static void look_at_device(struct nmw_dpdk_host *h, const char *root, const char *pci)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/class", pci);
	if (number_in(root, path, 16) >> 16 != CLASS_NETWORK || h->devs == NMW_DPDK_HOST_DEVS)
		return;
	struct nmw_dpdk_host_dev *d = &h->dev[h->devs++];
	snprintf(d->pci, sizeof d->pci, "%.15s", pci);
	snprintf(path, sizeof path, "%s/sys/bus/pci/devices/%s/driver", root, pci);
	link_name(path, d->driver, sizeof d->driver);
	snprintf(path, sizeof path, "%s/sys/bus/pci/devices/%s/net", root, pci);
	entry_name(path, d->iface, sizeof d->iface);
	d->bound = leaves_it_to_dpdk(d->driver);
	h->bound += d->bound;
}

void nmw_dpdk_host_look(const char *root, struct nmw_dpdk_host *out)
{
	static const char *const sizes[2] = {"2048kB", "1048576kB"};
	char path[PATH_MAX];
	const struct dirent *x;
	memset(out, 0, sizeof *out);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "/sys/kernel/mm/hugepages/hugepages-%s/free_hugepages",
			 sizes[i]);
		out->huge_free[i] = number_in(root, path, 10);
		snprintf(path, sizeof path, "/sys/kernel/mm/hugepages/hugepages-%s/nr_hugepages",
			 sizes[i]);
		out->huge_total[i] = number_in(root, path, 10);
	}
	out->iommu_groups = entries(root, "/sys/kernel/iommu_groups");
	snprintf(path, sizeof path, "%s/sys/bus/pci/drivers/vfio-pci", root);
	out->vfio = access(path, F_OK) == 0;
	snprintf(path, sizeof path, "%s/sys/bus/pci/devices", root);
	DIR *d = opendir(path);
	while (d && (x = readdir(d)))
		if (x->d_name[0] != '.')
			look_at_device(out, root, x->d_name);
	if (d)
		closedir(d);
}
