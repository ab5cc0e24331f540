/* vfio_guest: the back end for cards, on devices of QEMU, inside a virtual machine.
 *
 *      vfio_guest EDU NVME REMOVED
 *
 * PCI addresses, all bound to vfio-pci: QEMU's edu device (docs/specs/edu of QEMU: 32-bit registers
 * below 0x80, a buffer of 4 KiB that DMA fills and empties), an NVMe controller (a ring of
 * commands, a ring of completions with a phase bit, MSI-X: what the matching device has), and
 * another edu, which is removed.  Prints PASS NAME or FAIL NAME: WHY for each test; exit status 1
 * if one failed. Run by tests/cli/vfio_qemu.sh.
 */
#include "device/device.h"
#include "device/vfio.h"

#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define HUGE   (UINT64_C(2) << 20)
#define IOVA   NMW_DEVICE_IOVA
#define SECOND UINT64_C(1000000000)

/* edu */
#define EDU_ID	      0x00
#define EDU_LIVE      0x04
#define EDU_FACTORIAL 0x08
#define EDU_STATUS    0x20
#define EDU_IRQ	      0x24
#define EDU_RAISE     0x60
#define EDU_ACK	      0x64
#define EDU_DMA_FROM  0x80
#define EDU_DMA_TO    0x88
#define EDU_DMA_COUNT 0x90
#define EDU_DMA	      0x98
#define EDU_BUFFER    0x40000u
#define EDU_PIECE     2048u
#define EDU_START     1u
#define EDU_TO_HOST   2u
#define EDU_INTERRUPT 4u

/* NVMe, by its specification: registers, and a queue of so many entries for commands of
 * administration */
#define NVME_CC	      0x14
#define NVME_CSTS     0x1c
#define NVME_AQA      0x24
#define NVME_ASQ      0x28
#define NVME_ACQ      0x30
#define NVME_SQ_TAIL  0x1000
#define NVME_CQ_HEAD  0x1004
#define NVME_ENABLE   0x00460001u /* entries of 64 and 16 bytes, pages of 4 KiB */
#define NVME_READY    1u
#define NVME_IDENTIFY 6u
#define NVME_ENTRIES  4u

static struct nmw_err e;
static const char *name; /* of the test in hand */

#define CHECK(what)                            \
	do {                                   \
		if (!(what))                   \
			fail(__LINE__, #what); \
	} while (0)

static void fail(int line, const char *what)
{
	printf("FAIL %s: line %d: %s: %s\n", name, line, what, e.msg);
	fflush(stdout);
	_exit(1);
}

static uint8_t *huge_page(void)
{
	void *p = mmap(NULL, HUGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

static uint32_t get(const struct nmw_vfio *v, uint32_t reg)
{
	return *((volatile uint32_t *)v->bar + reg / 4);
}

static void put(const struct nmw_vfio *v, uint32_t reg, uint32_t value)
{
	*((volatile uint32_t *)v->bar + reg / 4) = value;
}

static bool take(struct nmw_vfio *v, const char *bdf)
{
	struct nmw_pci p;
	return !nmw_pci_look("", bdf, &p, &e) && !nmw_vfio_open(v, "", &p, &e) &&
	       !nmw_vfio_bar(v, 0, NMW_DEVICE_REGS_SZ, &e);
}

/* Until the bits of the register are as wanted, two seconds at most. */
static bool until(const struct nmw_vfio *v, uint32_t reg, uint32_t bits, uint32_t wanted)
{
	uint64_t end = nmw_clock_mono() + 2 * SECOND;
	while ((get(v, reg) & bits) != wanted)
		if (nmw_clock_mono() > end)
			return false;
	return true;
}

/* ---- edu ------------------------------------------------------------------------------------ */

static void registers(const char *bdf)
{
	struct nmw_vfio v;
	CHECK(take(&v, bdf));
	CHECK((get(&v, EDU_ID) & 0xffff) == 0x00ed);
	put(&v, EDU_LIVE, 0x12345678);
	CHECK(get(&v, EDU_LIVE) == ~0x12345678u);
	put(&v, EDU_FACTORIAL, 10);
	CHECK(until(&v, EDU_STATUS, 1, 0));
	CHECK(get(&v, EDU_FACTORIAL) == 3628800);
	CHECK(v.pci.vendor == 0x1234 && v.pci.device == 0x11e8 && v.pci.group >= 0);
	CHECK(v.bar_sz == 1 << 20 && v.msi == 1 && !v.msix);
	CHECK(nmw_vfio_lost(&v, &e) == 0);
	nmw_vfio_close(&v);
}

static void interrupt(const char *bdf)
{
	struct nmw_vfio v;
	CHECK(take(&v, bdf));
	CHECK(nmw_vfio_master(&v, true, &e) == 0);
	CHECK(nmw_vfio_interrupt(&v, &e) == 0 && v.irq >= 0 && v.msi_on);
	CHECK(!nmw_vfio_wait(&v, 1000000));
	for (uint32_t i = 1; i <= 3; i++) {
		put(&v, EDU_RAISE, i);
		CHECK(nmw_vfio_wait(&v, 5 * SECOND));
		CHECK(get(&v, EDU_IRQ) == i);
		put(&v, EDU_ACK, i);
		CHECK(get(&v, EDU_IRQ) == 0);
	}
	CHECK(!nmw_vfio_wait(&v, 1000000));
	nmw_vfio_close(&v);
}

/* By the functions that rings use: 64-bit registers, memory by IOVA, waiting for the interrupt. */
static bool dma(struct nmw_device *d, uint64_t from, uint64_t to, uint32_t how)
{
	nmw_device_write(d, EDU_DMA_FROM, from);
	nmw_device_write(d, EDU_DMA_TO, to);
	nmw_device_write(d, EDU_DMA_COUNT, EDU_PIECE);
	nmw_device_write(d, EDU_DMA, how | EDU_START | EDU_INTERRUPT);
	uint64_t end = nmw_clock_mono() + 5 * SECOND;
	while (nmw_device_read(d, EDU_DMA) & EDU_START && nmw_clock_mono() < end)
		d->ops->wait(d, 250000000); /* a second */
	return !(nmw_device_read(d, EDU_DMA) & EDU_START);
}

static bool round_trip(struct nmw_device *d, uint8_t *page, uint64_t at, uint64_t back)
{
	for (uint32_t i = 0; i < EDU_PIECE; i++)
		page[at + i] = (uint8_t)(i * 7 + at / EDU_PIECE);
	memset(page + back, 0, EDU_PIECE);
	return dma(d, IOVA + at, EDU_BUFFER, 0) && dma(d, EDU_BUFFER, IOVA + back, EDU_TO_HOST) &&
	       !memcmp(page + at, page + back, EDU_PIECE);
}

static void peek(struct nmw_device *d, const char *bdf)
{
	char text[64];
	snprintf(text, sizeof text, "vfio:%s", bdf);
	CHECK(nmw_device_peek(d, &(struct nmw_device_spec){.device = text}, &e) == 0);
}

static void dma_round_trip(const char *bdf)
{
	struct nmw_device d;
	uint8_t *page = huge_page();
	peek(&d, bdf);
	CHECK(page);
	CHECK(nmw_device_check(&d, NMW_DEVICE_BOOK, &e) == -ENODEV &&
	      strstr(e.msg, "expected: it is of another"));
	CHECK(nmw_device_map(&d, IOVA, page, HUGE, &e) == 0);
	CHECK(d.ops->reset(&d, &e) == 0);
	uint64_t from = nmw_clock_mono();
	CHECK(round_trip(&d, page, 0, HUGE / 2));
	CHECK(round_trip(&d, page, HUGE - EDU_PIECE, EDU_PIECE));
	CHECK(nmw_clock_mono() - from < 3 * SECOND); /* an interrupt ends each wait */
	CHECK(nmw_device_unmap(&d, IOVA, &e) == 0);
	CHECK(nmw_device_unmap(&d, IOVA, &e) == -ENOENT);
	nmw_device_close(&d);
	munmap(page, HUGE);
}

/* What is not mapped, or by a card that may not: nothing is written. */
static void dma_refused(const char *bdf)
{
	struct nmw_device d;
	uint8_t *page = huge_page();
	peek(&d, bdf);
	CHECK(page);
	CHECK(nmw_device_map(&d, IOVA, page, HUGE, &e) == 0);
	CHECK(d.ops->reset(&d, &e) == 0);
	CHECK(round_trip(&d, page, 0, EDU_PIECE));
	memset(page, 0x55, HUGE);
	dma(&d, EDU_BUFFER, IOVA + HUGE, EDU_TO_HOST);
	CHECK(nmw_device_unmap(&d, IOVA, &e) == 0);
	dma(&d, EDU_BUFFER, IOVA, EDU_TO_HOST);
	for (uint64_t i = 0; i < HUGE; i++)
		CHECK(page[i] == 0x55);
	nmw_device_close(&d);
	munmap(page, HUGE);
}

static void bus_master(const char *bdf)
{
	struct nmw_vfio v;
	uint8_t *page = huge_page();
	CHECK(page && take(&v, bdf));
	CHECK(nmw_vfio_map(&v, IOVA, page, HUGE, &e) == 0);
	for (unsigned on = 0; on < 2; on++) {
		page[0] = 0x55;
		CHECK(nmw_vfio_master(&v, on, &e) == 0);
		*(volatile uint64_t *)((volatile uint8_t *)v.bar + EDU_DMA_FROM) = EDU_BUFFER;
		*(volatile uint64_t *)((volatile uint8_t *)v.bar + EDU_DMA_TO) = IOVA;
		put(&v, EDU_DMA_COUNT, 1);
		put(&v, EDU_DMA, EDU_START | EDU_TO_HOST);
		CHECK(until(&v, EDU_DMA, EDU_START, 0));
		CHECK((page[0] == 0x55) == !on);
	}
	nmw_vfio_close(&v);
	munmap(page, HUGE);
}

/* ---- what is refused ------------------------------------------------------------------------ */

static void addresses(const char *bdf)
{
	struct nmw_vfio v;
	uint8_t *page = huge_page();
	CHECK(page && take(&v, bdf));
	CHECK(v.iommu.ranges >= 1 && v.iommu.page == 4096);
	CHECK(nmw_vfio_map(&v, UINT64_C(1) << 60, page, HUGE, &e) == -ERANGE);
	CHECK(e.exit == NMW_EXIT_RESOURCE && strstr(e.msg, "39 address bits or more"));
	CHECK(nmw_vfio_map(&v, 0xfee00000, page, 4096, &e) == -ERANGE); /* interrupts */
	CHECK(nmw_vfio_map(&v, IOVA + 64, page, 4096, &e) == -ERANGE);
	CHECK(nmw_vfio_map(&v, IOVA, page, HUGE, &e) == 0);
	CHECK(nmw_vfio_map(&v, IOVA, page, HUGE, &e) == -EEXIST);
	CHECK(nmw_vfio_unmap(&v, IOVA, HUGE, &e) == 0);
	CHECK(nmw_vfio_unmap(&v, IOVA, HUGE, &e) == -ENOENT);
	nmw_vfio_close(&v);
	munmap(page, HUGE);
}

static void one_process(const char *bdf)
{
	struct nmw_vfio v, second;
	CHECK(take(&v, bdf));
	CHECK(!take(&second, bdf) && e.err == -EBUSY && e.exit == NMW_EXIT_RESOURCE);
	CHECK(strstr(e.msg, "another process has the card"));
	nmw_vfio_close(&v);
	CHECK(take(&v, bdf));
	nmw_vfio_close(&v);
}

/* As an ordinary user; the container is everybody's, the group is root's. */
static void rights(const char *bdf)
{
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		struct nmw_vfio v;
		bool ok = setuid(65534) == 0 && !take(&v, bdf) && e.err == -EACCES &&
			  e.exit == NMW_EXIT_PERM && strstr(e.msg, "chown USER");
		_exit(ok ? 0 : 1);
	}
	int status = 1;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void bars(const char *bdf)
{
	struct nmw_vfio v;
	CHECK(take(&v, bdf));
	CHECK(nmw_vfio_bar(&v, 1, 4096, &e) == -ENODEV && strstr(e.msg, "BAR 1: 0 bytes found"));
	CHECK(nmw_vfio_bar(&v, 0, 2 << 20, &e) == -ENODEV &&
	      strstr(e.msg, "BAR 0: 1048576 bytes found, 2097152 of memory or more expected"));
	nmw_vfio_close(&v);
}

/* ---- NVMe: rings in a huge page, a phase bit, MSI-X ----------------------------------------- */

struct nvme {
	struct nmw_vfio v;
	uint8_t *page; /* commands, completions, what is read */
	uint32_t tail, head;
};

#define NVME_COMPLETIONS 4096u
#define NVME_DATA	 8192u

static void nvme_start(struct nvme *n, const char *bdf)
{
	n->page = huge_page();
	CHECK(n->page && take(&n->v, bdf));
	CHECK(n->v.resets && n->v.msix > 1);
	CHECK(nmw_vfio_map(&n->v, IOVA, n->page, HUGE, &e) == 0);
	CHECK(nmw_vfio_interrupt(&n->v, &e) == 0 && n->v.msix_on);
	CHECK(nmw_vfio_reset(&n->v, &e) == 0); /* which leaves mapping and interrupt */
	CHECK(nmw_vfio_master(&n->v, true, &e) == 0);
	CHECK(!(get(&n->v, NVME_CC) & 1));
	put(&n->v, NVME_AQA, (NVME_ENTRIES - 1) << 16 | (NVME_ENTRIES - 1));
	put(&n->v, NVME_ASQ, (uint32_t)IOVA);
	put(&n->v, NVME_ASQ + 4, IOVA >> 32);
	put(&n->v, NVME_ACQ, (uint32_t)(IOVA + NVME_COMPLETIONS));
	put(&n->v, NVME_ACQ + 4, IOVA >> 32);
	put(&n->v, NVME_CC, NVME_ENABLE);
	CHECK(until(&n->v, NVME_CSTS, NVME_READY, NVME_READY));
}

/* One command, its interrupt, its completion with the phase that this time round has. */
static void nvme_identify(struct nvme *n)
{
	uint32_t *cmd = (uint32_t *)(void *)n->page + 16 * (n->tail % NVME_ENTRIES);
	const uint32_t *done = (const uint32_t *)(const void *)(n->page + NVME_COMPLETIONS) +
			       4 * (n->head % NVME_ENTRIES);
	uint64_t to = IOVA + NVME_DATA;
	memset(n->page + NVME_DATA, 0, 4096);
	memset(cmd, 0, 64);
	cmd[0] = NVME_IDENTIFY | n->tail << 16;
	memcpy(&cmd[6], &to, sizeof to);
	cmd[10] = 1; /* the controller */
	put(&n->v, NVME_SQ_TAIL, ++n->tail % NVME_ENTRIES);
	CHECK(nmw_vfio_wait(&n->v, 5 * SECOND));
	uint32_t word = __atomic_load_n(&done[3], __ATOMIC_ACQUIRE);
	CHECK((word >> 16 & 1) == !(n->head / NVME_ENTRIES & 1));
	CHECK(word >> 17 == 0 && (word & 0xffff) == n->head);
	put(&n->v, NVME_CQ_HEAD, ++n->head % NVME_ENTRIES);
	CHECK(!memcmp(n->page + NVME_DATA + 4, "nmw-serial", 10));
}

static void rings(const char *bdf)
{
	struct nvme n = {.tail = 0};
	nvme_start(&n, bdf);
	for (unsigned i = 0; i < 5 * NVME_ENTRIES; i++)
		nvme_identify(&n);
	CHECK(nmw_vfio_reset(&n.v, &e) == 0);
	CHECK(!(get(&n.v, NVME_CSTS) & NVME_READY));
	nmw_vfio_close(&n.v);
	munmap(n.page, HUGE);
}

/* ---- the card goes -------------------------------------------------------------------------- */

static int write_to(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");
	int rc = f && fputs(text, f) >= 0 ? 0 : -1;
	return f && fclose(f) == 0 ? rc : -1;
}

/* The kernel waits for us until the card is closed. */
static void removal(const char *bdf)
{
	char path[96];
	struct nmw_device d;
	struct nmw_pci p;
	peek(&d, bdf);
	CHECK(nmw_device_fault(&d, &e) == -ECONNRESET); /* there, not enabled */
	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/remove", bdf);
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (!pid) { /* without the card, or it would wait for itself */
		close_range(3, ~0u, 0);
		_exit(write_to(path, "1") ? 1 : 0);
	}
	for (unsigned i = 0; i < 50 && nmw_device_fault(&d, &e) != -ENODEV; i++)
		d.ops->wait(&d, 50000000); /* 0.2 s, or until the kernel asks */
	CHECK(d.down == -ENODEV && e.exit == NMW_EXIT_RESOURCE);
	CHECK(strstr(e.msg, "the kernel asks for it back"));
	nmw_device_close(&d);
	int status = 1;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(nmw_pci_look("", bdf, &p, &e) == -ENODEV);
	CHECK(write_to("/sys/bus/pci/rescan", "1") == 0);
	CHECK(nmw_pci_look("", bdf, &p, &e) == 0 && p.device == 0x11e8);
}

static bool failed;

/* In a process of its own: what it leaves open when it fails is closed. */
static void test(const char *of, void (*run)(const char *bdf), const char *bdf)
{
	int status = 1;
	name = of;
	e = (struct nmw_err)NMW_ERR_INIT;
	fflush(stdout);
	pid_t pid = fork();
	if (!pid) {
		run(bdf);
		printf("PASS %s\n", name);
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		failed = true;
	if (WIFSIGNALED(status))
		printf("FAIL %s: signal %d\n", name, WTERMSIG(status));
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: vfio_guest EDU NVME REMOVED\n");
		return 2;
	}
	test("registers", registers, argv[1]);
	test("interrupt", interrupt, argv[1]);
	test("dma_round_trip", dma_round_trip, argv[1]);
	test("dma_refused", dma_refused, argv[1]);
	test("bus_master", bus_master, argv[1]);
	test("addresses", addresses, argv[1]);
	test("one_process", one_process, argv[1]);
	test("rights", rights, argv[1]);
	test("bars", bars, argv[1]);
	test("rings", rings, argv[2]);
	test("removal", removal, argv[3]);
	return failed;
}
