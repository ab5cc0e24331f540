#include "doctor.h"

#include "base/err.h"
#include "base/parse.h"
#include "dpdk/dpdk.h"
#include "device/pci.h"
#include "dpdk/host.h"
#include "io/io.h"
#include "ring/shm.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#define SOCKET_BUFFER (16u << 20) /* bytes that nmw-recv udp: asks for */

/* First line of a small file of /proc or /sys, without the newline; "" when it is not there. */
static void read_line(const char *path, char *buf, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, cap - 1);
	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = 0;
	buf[strcspn(buf, "\n")] = 0;
}

static uint64_t read_number(const char *path)
{
	char text[64];
	read_line(path, text, sizeof text);
	return strtoull(text, NULL, 10);
}

static void found(struct doctor_row *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void found(struct doctor_row *r, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(r->found, sizeof r->found, fmt, ap);
	va_end(ap);
}

static void mend(struct doctor_row *r, enum doctor_says says, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void mend(struct doctor_row *r, enum doctor_says says, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	r->says = says;
	vsnprintf(r->command, sizeof r->command, fmt, ap);
	va_end(ap);
}

/* ---- memory --------------------------------------------------------------------------------- */

static void ring_dir(struct doctor_row *r)
{
	struct nmw_err e = NMW_ERR_INIT;
	r->what = "ring directory";
	snprintf(r->expected, sizeof r->expected,
		 "a directory of this user on a memory file system");
	const char *dir = nmw_shm_run_dir(false, &e);
	found(r, "%s", dir ? dir : e.msg);
	if (!dir)
		mend(r, DOCTOR_LACKS, "mkdir -m 700 /dev/shm/nmw; or NMW_DIR=DIR for every tool");
}

static uint64_t meminfo(const char *key)
{
	char line[128];
	uint64_t v = 0;
	FILE *f = fopen("/proc/meminfo", "re");
	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ':')
			v = strtoull(line + strlen(key) + 1, NULL, 10);
	if (f)
		fclose(f);
	return v;
}

static void huge_pages(struct doctor_row *r)
{
	uint64_t total = meminfo("HugePages_Total"), unused = meminfo("HugePages_Free");
	r->what = "huge pages";
	found(r, "%" PRIu64 " of %" PRIu64 " free, of %" PRIu64 " KiB", unused, total,
	      meminfo("Hugepagesize"));
	snprintf(r->expected, sizeof r->expected, "256 free: rings, books and DPDK buffers");
	if (unused < 256)
		mend(r, DOCTOR_SLOWER, "sysctl -w vm.nr_hugepages=%" PRIu64, total - unused + 512);
}

static void huge_mount(struct doctor_row *r)
{
	char line[512], at[256] = "";
	FILE *f = fopen("/proc/mounts", "re");
	r->what = "hugetlbfs";
	while (f && fgets(line, sizeof line, f))
		if (strstr(line, " hugetlbfs ") && !*at)
			sscanf(line, "%*s %255s", at);
	if (f)
		fclose(f);
	found(r, "%.150s", *at ? at : "not mounted");
	snprintf(r->expected, sizeof r->expected, "a mount that this user may write to");
	if (!*at)
		mend(r, DOCTOR_SLOWER,
		     "mkdir -p /dev/hugepages; mount -t hugetlbfs none /dev/hugepages");
	else if (access(at, W_OK))
		mend(r, DOCTOR_SLOWER, "mkdir -m 700 %s/nmw-%u; chown %u %s/nmw-%u", at, getuid(),
		     getuid(), at, getuid());
}

static void limit(struct doctor_row *r, const char *what, __rlimit_resource_t which, uint64_t want,
		  const char *why, const char *flag)
{
	struct rlimit l = {0, 0};
	char text[NMW_FORMAT_MAX];
	getrlimit(which, &l);
	r->what = what;
	nmw_format_size(text, sizeof text, (uint64_t)l.rlim_cur);
	found(r, "%s", l.rlim_cur == RLIM_INFINITY ? "unlimited" : text);
	nmw_format_size(text, sizeof text, want);
	snprintf(r->expected, sizeof r->expected, "%s: %s", text, why);
	/* the tools raise the soft limit themselves */
	if (l.rlim_max < want)
		mend(r, DOCTOR_SLOWER,
		     "prlimit --pid $$ --%s=%" PRIu64 "; for good: /etc/security/limits.conf", flag,
		     want);
}

static void memlock(struct doctor_row *r)
{
	limit(r, "locked memory", RLIMIT_MEMLOCK, 64u << 20,
	      "registered buffers of io_uring, DMA of DPDK", "memlock");
}

static void open_files(struct doctor_row *r)
{
	limit(r, "open files", RLIMIT_NOFILE, 65536, "a socket for each session", "nofile");
}

/* ---- network -------------------------------------------------------------------------------- */

static void io_uring(struct doctor_row *r)
{
	char why[NMW_ERR_MAX] = "";
	r->what = "io_uring";
	snprintf(r->expected, sizeof r->expected, "allowed: else plain sockets are used");
	nmw_io_uring_probe(why, sizeof why);
	found(r, "%.150s", *why ? why : "allowed");
	if (*why)
		mend(r, DOCTOR_SLOWER,
		     "sysctl -w kernel.io_uring_disabled=0; in a container allow io_uring_setup, "
		     "io_uring_enter and io_uring_register in its seccomp profile");
}

static void sysctl_at_least(struct doctor_row *r, const char *key, uint64_t want, const char *why)
{
	char path[128];
	snprintf(path, sizeof path, "/proc/sys/%s", key);
	for (char *c = path + 10; *c; c++)
		*c = *c == '.' ? '/' : *c;
	uint64_t v = read_number(path);
	r->what = key;
	found(r, "%" PRIu64, v);
	snprintf(r->expected, sizeof r->expected, "%" PRIu64 " or more: %s", want, why);
	if (v < want)
		mend(r, DOCTOR_SLOWER, "sysctl -w %s=%" PRIu64, key, want);
}

static void somaxconn(struct doctor_row *r)
{
	sysctl_at_least(r, "net.core.somaxconn", 4096, "logins that come at once");
}

static void rmem(struct doctor_row *r)
{
	sysctl_at_least(r, "net.core.rmem_max", SOCKET_BUFFER, "bursts of udp:");
}

static void wmem(struct doctor_row *r)
{
	sysctl_at_least(r, "net.core.wmem_max", SOCKET_BUFFER, "bursts of udp:");
}

static void backlog(struct doctor_row *r)
{
	sysctl_at_least(r, "net.core.netdev_max_backlog", 1000, "packets between card and socket");
}

/* ---- DPDK ----------------------------------------------------------------------------------- */

static void dpdk(struct doctor_row *r)
{
	r->what = "DPDK";
	found(r, "%s", nmw_dpdk_version());
	snprintf(r->expected, sizeof r->expected, "built in, for dpdk: only");
	if (!nmw_dpdk_built())
		mend(r, DOCTOR_SLOWER,
		     "apt-get install libdpdk-dev pkgconf dpdk driverctl; build anew: make all");
}

static void dpdk_devices(struct doctor_row *r)
{
	struct nmw_dpdk_host h;
	const struct nmw_dpdk_host_dev *spare = NULL;
	nmw_dpdk_host_look("", &h);
	for (unsigned i = 0; i < h.devs; i++)
		if (!h.dev[i].bound && !spare)
			spare = &h.dev[i];
	r->what = "DPDK devices";
	found(r, "%u of %u network cards bound to vfio-pci or uio", h.bound, h.devs);
	snprintf(r->expected, sizeof r->expected,
		 "a card that the kernel can spare; net_af_xdp needs none");
	if (h.bound)
		return;
	if (spare)
		mend(r, DOCTOR_SLOWER,
		     "modprobe vfio-pci; driverctl set-override %s vfio-pci (or dpdk-devbind.py -b "
		     "vfio-pci %s)%s%s",
		     spare->pci, spare->pci, *spare->iface ? ": takes away " : "", spare->iface);
	else
		mend(r, DOCTOR_SLOWER,
		     "no card on the PCI bus: dpdk:net_af_xdp0,iface=eth0 works over the kernel's");
}

static void dpdk_pages(struct doctor_row *r)
{
	struct nmw_dpdk_host h;
	nmw_dpdk_host_look("", &h);
	r->what = "DPDK huge pages";
	found(r, "%" PRIu64 " of 2 MiB and %" PRIu64 " of 1 GiB free", h.huge_free[0],
	      h.huge_free[1]);
	snprintf(r->expected, sizeof r->expected, "64 of 2 MiB or 1 of 1 GiB, or -- --no-huge");
	if (h.huge_free[0] < 64 && !h.huge_free[1])
		mend(r, DOCTOR_SLOWER,
		     "sysctl -w vm.nr_hugepages=%" PRIu64
		     "; of 1 GiB: boot with hugepagesz=1G hugepages=1",
		     h.huge_total[0] - h.huge_free[0] + 512);
}

static void iommu(struct doctor_row *r)
{
	struct nmw_dpdk_host h;
	nmw_dpdk_host_look("", &h);
	r->what = "IOMMU";
	found(r, "%u groups%s", h.iommu_groups, h.vfio ? ", vfio-pci is loaded" : "");
	snprintf(r->expected, sizeof r->expected, "on, where cards are bound to vfio-pci");
	if (!h.iommu_groups)
		mend(r, DOCTOR_SLOWER,
		     "boot with intel_iommu=on iommu=pt; or echo 1 "
		     ">/sys/module/vfio/parameters/enable_unsafe_noiommu_mode");
}

/* ---- cards that nmw-fpga drives ------------------------------------------------------------- */

static void vfio(struct doctor_row *r)
{
	struct nmw_pci_host h;
	nmw_pci_host_look("", &h);
	r->what = "VFIO";
	found(r, "IOMMU %s; vfio-pci %s; vfio_iommu_type1 %s; /dev/vfio/vfio %s",
	      h.groups ? "on" : "off", h.driver ? "there" : "missing",
	      h.type1 ? "there" : "missing", h.container ? "may be opened" : "may not be opened");
	snprintf(r->expected, sizeof r->expected, "all of it, for nmw-fpga --device vfio: only");
	if (!h.groups)
		mend(r, DOCTOR_SLOWER,
		     "turn on VT-d or AMD-Vi in the firmware; boot with intel_iommu=on");
	else if (!h.driver || !h.type1 || !h.container)
		mend(r, DOCTOR_SLOWER,
		     "modprobe vfio-pci; modprobe vfio_iommu_type1; ls -l /dev/vfio/vfio");
}

static void vfio_cards(struct doctor_row *r)
{
	struct nmw_pci_host h;
	char bind[256];
	nmw_pci_host_look("", &h);
	if (!h.spare.bdf[0])
		memcpy(h.spare.bdf, "BDF", sizeof "BDF");
	r->what = "VFIO cards";
	found(r, "%u bound to vfio-pci, of which this user may open %u", h.bound, h.allowed);
	snprintf(r->expected, sizeof r->expected, "one with the design, for --device vfio: only");
	nmw_pci_bind_command(&h.spare, bind, sizeof bind);
	if (h.allowed)
		return;
	if (h.bound)
		mend(r, DOCTOR_SLOWER, "chown %u /dev/vfio/%d (%s)", getuid(), h.barred_group,
		     h.barred);
	else
		mend(r, DOCTOR_SLOWER, "%s", bind);
}

/* ---- processors ----------------------------------------------------------------------------- */

static void kernel(struct doctor_row *r)
{
	struct utsname u;
	unsigned major = 0, minor = 0;
	uname(&u);
	sscanf(u.release, "%u.%u", &major, &minor);
	r->what = "kernel";
	found(r, "%s", u.release);
	snprintf(r->expected, sizeof r->expected, "6.1 or later: what io_uring needs here");
	if (major < 6 || (major == 6 && minor < 1))
		mend(r, DOCTOR_SLOWER, "apt-get install linux-image-amd64");
}

static void processors(struct doctor_row *r)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	r->what = "processors";
	found(r, "%ld", n);
	snprintf(r->expected, sizeof r->expected, "4: one for each busy stage, one to spare");
	if (n < 4)
		mend(r, DOCTOR_SLOWER, "more processors, or --wait-mode park");
}

static void isolation(struct doctor_row *r)
{
	char list[128];
	long last = sysconf(_SC_NPROCESSORS_CONF) - 1, first = last > 2 ? 2 : 1;
	read_line("/sys/devices/system/cpu/isolated", list, sizeof list);
	r->what = "isolated processors";
	found(r, "%s", *list ? list : "none");
	snprintf(r->expected, sizeof r->expected, "those that --cpu names");
	if (*list)
		return;
	if (last < 1) {
		mend(r, DOCTOR_SLOWER, "more processors: the kernel needs the only one");
		return;
	}
	snprintf(list, sizeof list, last > first ? "%ld-%ld" : "%ld", first, last);
	mend(r, DOCTOR_SLOWER, "boot with isolcpus=%s nohz_full=%s rcu_nocbs=%s, then --cpu %ld",
	     list, list, list, first);
}

static void governor(struct doctor_row *r)
{
	char text[64];
	read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", text, sizeof text);
	r->what = "frequency governor";
	found(r, "%s", *text ? text : "none: the host or firmware decides");
	snprintf(r->expected, sizeof r->expected, "performance");
	if (*text && strcmp(text, "performance") != 0)
		mend(r, DOCTOR_SLOWER, "cpupower frequency-set -g performance");
}

static void clock_source(struct doctor_row *r)
{
	char text[64];
	read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", text,
		  sizeof text);
	r->what = "clock source";
	found(r, "%s", text);
	bool fast = !strcmp(text, "tsc") || !strcmp(text, "kvm-clock") ||
		    !strcmp(text, "hyperv_clocksource_tsc_page");
	snprintf(r->expected, sizeof r->expected, "tsc or kvm-clock: read without a system call");
	if (!fast)
		mend(r, DOCTOR_SLOWER,
		     "echo tsc >/sys/devices/system/clocksource/clocksource0/current_clocksource");
}

unsigned doctor_look(struct doctor_row rows[DOCTOR_ROWS])
{
	static void (*const looks[])(struct doctor_row *) = {
		kernel,	   io_uring, ring_dir,	 huge_pages, huge_mount, memlock,      open_files,
		somaxconn, rmem,     wmem,	 backlog,    dpdk,	 dpdk_devices, dpdk_pages,
		iommu,	   vfio,     vfio_cards, processors, isolation,	 governor,     clock_source,
	};
	unsigned n = sizeof looks / sizeof looks[0];
	memset(rows, 0, n * sizeof *rows);
	for (unsigned i = 0; i < n; i++)
		looks[i](&rows[i]);
	return n;
}
