// shim: the Verilated device behind nmw_bitstream.h. The only file that sees Verilator's header.
//
// It has the part of a bus: DMA requests are looked up in the mapped windows, reads are answered
// `latency` cycles after they were taken, in order, one a cycle.
#include "Vnmw_top.h"
#include "verilated.h"

#define _Static_assert static_assert
extern "C" {
#include "nmw_bitstream.h"
}

#include <cerrno>
#include <cstring>
#include <new>

struct nmw_device_sim {
	struct Window {
		uint64_t iova, len;
		unsigned char *ptr;
	};
	struct Answer {
		uint64_t due, addr;
		unsigned tag;
	};
	static constexpr unsigned WINDOWS = 64, IN_FLIGHT = 1u << NMW_HW_LINES_LOG2;

	VerilatedContext context;
	Vnmw_top top{&context};
	Window window[WINDOWS] = {};
	Answer answer[IN_FLIGHT] = {};
	unsigned windows = 0, first = 0, in_flight = 0;
	uint64_t cycle = 0, latency = 1, dice = 88172645463325252u;
	uint32_t stall = 0;

	unsigned char *line(uint64_t iova)
	{
		for (unsigned i = 0; i < windows; i++)
			if (iova >= window[i].iova && iova - window[i].iova < window[i].len)
				return window[i].ptr + (iova - window[i].iova);
		return nullptr;
	}
	bool stalls()
	{
		dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
		return stall && dice % 100 < stall;
	}
	void answer_read();
	void take_write(bool held);
	void tick();
};

void nmw_device_sim::answer_read()
{
	top.rsp_valid = in_flight && answer[first].due <= cycle;
	top.rsp_fault = 0;
	if (!top.rsp_valid)
		return;
	const unsigned char *at = line(answer[first].addr);
	top.rsp_tag = (uint8_t)answer[first].tag;
	if (at) {
		memcpy(&top.rsp_data[0], at, 64);
	} else {
		top.rsp_fault = 1;
		memcpy(&top.rsp_data[0], &answer[first].addr, 8);
	}
	first = (first + 1) % IN_FLIGHT;
	in_flight--;
}

// A half of a line: the word with the phase bit goes last.
static void store_half(unsigned char *to, const uint32_t *from)
{
	uint64_t word;
	memcpy(to + 8, from + 2, 24);
	memcpy(&word, from, 8);
	__atomic_store_n(reinterpret_cast<uint64_t *>(to), word, __ATOMIC_RELEASE);
}

void nmw_device_sim::take_write(bool held)
{
	unsigned char *at = top.wr_valid ? line(top.wr_addr) : nullptr;
	top.wr_ready = !held;
	top.wr_fault = top.wr_valid && !held && !at;
	if (!top.wr_valid || held || !at)
		return;
	for (unsigned half = 0; half < 2; half++)
		if (top.wr_half >> half & 1)
			store_half(at + 32 * half, &top.wr_data[8 * half]);
}

void nmw_device_sim::tick()
{
	answer_read();
	take_write(stalls());
	top.rd_ready = in_flight < IN_FLIGHT && !stalls();
	if (top.rd_valid && top.rd_ready) {
		answer[(first + in_flight) % IN_FLIGHT] = {cycle + latency, top.rd_addr,
							   top.rd_tag};
		in_flight++;
	}
	top.clk = 1;
	top.eval();
	top.clk = 0;
	top.eval();
	top.reg_wr = 0;
	cycle++;
}

static nmw_device_sim *sim_open()
{
	nmw_device_sim *d = new (std::nothrow) nmw_device_sim;
	if (!d)
		return nullptr;
	d->top.rst = 1;
	d->tick();
	d->tick();
	d->top.rst = 0;
	return d;
}

static void sim_close(nmw_device_sim *d)
{
	d->top.final();
	delete d;
}

static int sim_map(nmw_device_sim *d, uint64_t iova, void *ptr, uint64_t len)
{
	if (!ptr || !len || (iova | len | reinterpret_cast<uintptr_t>(ptr)) % 64 ||
	    iova + len < iova)
		return -EINVAL;
	for (unsigned i = 0; i < d->windows; i++)
		if (iova < d->window[i].iova + d->window[i].len && d->window[i].iova < iova + len)
			return -EINVAL;
	if (d->windows == nmw_device_sim::WINDOWS)
		return -ENOSPC;
	d->window[d->windows++] = {iova, len, static_cast<unsigned char *>(ptr)};
	return 0;
}

static int sim_unmap(nmw_device_sim *d, uint64_t iova)
{
	for (unsigned i = 0; i < d->windows; i++)
		if (d->window[i].iova == iova) {
			d->window[i] = d->window[--d->windows];
			return 0;
		}
	return -EINVAL;
}

static uint64_t sim_read(nmw_device_sim *d, uint32_t offset)
{
	d->top.reg_addr = offset & 0xfff;
	d->tick();
	return d->top.reg_rdata;
}

static void sim_write(nmw_device_sim *d, uint32_t offset, uint64_t value)
{
	d->top.reg_addr = offset & 0xfff;
	d->top.reg_wdata = value;
	d->top.reg_wr = 1;
	d->tick();
}

static void sim_run(nmw_device_sim *d, uint64_t n)
{
	while (n--)
		d->tick();
}

static uint64_t sim_cycles(nmw_device_sim *d)
{
	return d->cycle;
}

static void sim_strain(nmw_device_sim *d, uint32_t latency, uint32_t stall)
{
	d->latency = latency ? latency : 1;
	d->stall = stall;
}

extern "C" __attribute__((visibility("default"))) const struct nmw_bitstream nmw_bitstream = {
	NMW_BITSTREAM_ABI,
	sizeof(struct nmw_bitstream),
	"nmw_top, Verilated",
	sim_open,
	sim_close,
	sim_map,
	sim_unmap,
	sim_read,
	sim_write,
	sim_run,
	sim_cycles,
	sim_strain,
};
