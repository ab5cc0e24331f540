// wire_shim: the Verilated device between two ports of frames, behind nmw_bitstream.h (registers
// and time) and nmw_wire_ports.h (the ports). With shim.cpp the only files that see Verilator's
// headers.
#include "Vnmw_wire_top.h"
#include "verilated.h"

#define _Static_assert static_assert
extern "C" {
#include "nmw_wire_ports.h"
}

#include <cerrno>
#include <cstring>
#include <deque>
#include <new>
#include <vector>

// A line of 100 Gb/s brings 50 bytes in a cycle of 250 MHz; around a frame are 8 bytes before it,
// and 16 after it: check sequence and gap.
static constexpr uint64_t LINE = 50, BEFORE = 8, AROUND = 24, LEAST = 60, WORD = 64;

struct nmw_device_sim {
	struct In {
		std::vector<uint8_t> bytes;
		uint64_t time_ns;
		bool damaged;
	};
	struct Out {
		std::vector<uint8_t> bytes;
		nmw_wire_sent sent;
	};
	struct Went {
		uint64_t time_ns, cycle;
		bool answered;
	};
	static constexpr unsigned REMEMBERED = 1u << 14;

	VerilatedContext context;
	Vnmw_wire_top top{&context};
	std::deque<In> in;
	std::deque<Out> out;
	std::deque<nmw_wire_seen> seen;
	Out going = {};
	std::vector<Went> went = std::vector<Went>(REMEMBERED, Went{0, 0, true});
	uint64_t cycle = 0, dice = 88172645463325252u;
	uint64_t line = 0,
		 start = 0; // bytes that the line has brought; where the first frame begins
	uint64_t n_latency = 0, sum_latency = 0, max_latency = 0;
	uint32_t at = 0, stall = 0, views = 0; // at: bytes of the first frame that were taken
	bool started = false, back_to_back = false;

	bool stalls()
	{
		dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
		return stall && dice % 100 < stall;
	}
	Went &of(uint64_t time_ns)
	{
		return went[(time_ns * 0x9E3779B97F4A7C15u) >> 50];
	}
	void offer();
	void taken();
	void came();
	template <typename T> void show(uint32_t view, bool valid, bool ready, const T &data);
	void tick();
};

// The next word of the frame that goes in, when the line has brought it.
void nmw_device_sim::offer()
{
	top.s_axis_tvalid = 0;
	if (in.empty())
		return;
	const In &f = in.front();
	const uint32_t len = (uint32_t)f.bytes.size();
	if (!started) {
		start = line > cycle * LINE ? line : cycle * LINE;
		line = start + (len < LEAST ? LEAST : len) + AROUND;
		started = true;
	}
	const uint32_t n = len - at < WORD ? len - at : (uint32_t)WORD;
	if (!back_to_back && cycle * LINE < start + BEFORE + at + n)
		return;
	uint8_t word[WORD] = {};
	memcpy(word, f.bytes.data() + at, n);
	memcpy(&top.s_axis_tdata[0], word, WORD);
	top.s_axis_tkeep = n == WORD ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1;
	top.s_axis_tlast = at + n == len;
	top.s_axis_tuser = f.time_ns;
	top.s_axis_tuser_err = f.damaged;
	top.s_axis_tvalid = 1;
}

void nmw_device_sim::taken()
{
	if (!top.s_axis_tvalid || !top.s_axis_tready)
		return;
	at += WORD;
	if (!top.s_axis_tlast)
		return;
	of(in.front().time_ns) = Went{in.front().time_ns, cycle, false};
	in.pop_front();
	at = 0;
	started = false;
}

void nmw_device_sim::came()
{
	if (!top.m_axis_tvalid || !top.m_axis_tready)
		return;
	std::vector<uint8_t> &b = going.bytes;
	if (b.empty()) {
		Went &w = of(top.m_axis_tuser);
		going.sent.time_ns = top.m_axis_tuser;
		going.sent.first = cycle;
		if (w.time_ns == top.m_axis_tuser && !w.answered) {
			w.answered = true;
			const uint64_t took = cycle - w.cycle;
			n_latency++;
			sum_latency += took;
			max_latency = took > max_latency ? took : max_latency;
		}
	}
	const uint8_t *word = reinterpret_cast<const uint8_t *>(&top.m_axis_tdata[0]);
	const uint64_t keep = top.m_axis_tkeep;
	const unsigned n = keep == ~UINT64_C(0) ? WORD : (unsigned)__builtin_ctzll(~keep);
	b.insert(b.end(), word, word + n);
	if (!top.m_axis_tlast)
		return;
	if (top.m_axis_tuser_err) { // cut by a reset: a port sends no such frame
		going = Out{};
		return;
	}
	going.sent.len = (uint32_t)b.size();
	going.sent.last = cycle;
	out.push_back(std::move(going));
	going = Out{};
}

template <typename T>
void nmw_device_sim::show(uint32_t view, bool valid, bool ready, const T &data)
{
	if (!valid || !ready || !(views >> view & 1))
		return;
	nmw_wire_seen s = {};
	s.cycle = cycle;
	s.view = view;
	memcpy(s.word, &data[0], sizeof data < sizeof s.word ? sizeof data : sizeof s.word);
	seen.push_back(s);
}

void nmw_device_sim::tick()
{
	offer();
	top.m_axis_tready = !stalls();
	top.m_host_ready = top.m_see_msg_ready = top.m_see_reply_ready = top.m_see_feed_ready = 1;
	top.clk = 0;
	top.eval();
	came();
	show(NMW_WIRE_VIEW_MSG, top.m_see_msg_valid, true, top.m_see_msg_data);
	show(NMW_WIRE_VIEW_UNFIT, top.m_host_valid, true, top.m_host_data);
	show(NMW_WIRE_VIEW_REPLY, top.m_see_reply_valid, true, top.m_see_reply_data);
	show(NMW_WIRE_VIEW_FEED, top.m_see_feed_valid, true, top.m_see_feed_data);
	taken();
	const bool host = top.s_host_valid && top.s_host_ready;
	top.clk = 1;
	top.eval();
	top.reg_wr = 0;
	if (host)
		top.s_host_valid = 0;
	cycle++;
}

// ---- registers and time ------------------------------------------------------------------------

static nmw_device_sim *sim_open()
{
	nmw_device_sim *d = new (std::nothrow) nmw_device_sim;
	if (!d)
		return nullptr;
	d->top.rst = 1;
	for (unsigned i = 0; i < 4; i++)
		d->tick();
	d->top.rst = 0;
	return d;
}

static void sim_close(nmw_device_sim *d)
{
	d->top.final();
	delete d;
}

static int sim_map(nmw_device_sim *, uint64_t, void *, uint64_t)
{
	return -ENOTSUP;
}

static int sim_unmap(nmw_device_sim *, uint64_t)
{
	return -ENOTSUP;
}

static uint64_t sim_read(nmw_device_sim *d, uint32_t offset)
{
	d->top.reg_addr = offset & 0xfff;
	d->tick();
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

static void sim_strain(nmw_device_sim *d, uint32_t, uint32_t stall)
{
	d->stall = stall;
}

// ---- ports
// ----------------------------------------------------------------------------------------

static int frame_in(nmw_device_sim *d, const void *frame, uint32_t len, uint64_t time_ns,
		    int damaged)
{
	if (!len || len > NMW_WIRE_FRAME_MAX)
		return -EMSGSIZE;
	if (d->in.size() >= NMW_WIRE_QUEUE)
		return -EAGAIN;
	const uint8_t *p = static_cast<const uint8_t *>(frame);
	d->in.push_back({std::vector<uint8_t>(p, p + len), time_ns, damaged != 0});
	return 0;
}

static uint32_t waiting(nmw_device_sim *d)
{
	return (uint32_t)d->in.size();
}

static int frame_out(nmw_device_sim *d, void *frame, uint32_t cap, nmw_wire_sent *s)
{
	if (d->out.empty())
		return 0;
	const nmw_device_sim::Out &o = d->out.front();
	*s = o.sent;
	memcpy(frame, o.bytes.data(), o.bytes.size() < cap ? o.bytes.size() : cap);
	s->len = s->len < cap ? s->len : cap;
	d->out.pop_front();
	return 1;
}

static int msg_in(nmw_device_sim *d, const uint32_t *words)
{
	if (d->top.s_host_valid)
		return -EAGAIN;
	memcpy(&d->top.s_host_data[0], words, sizeof d->top.s_host_data);
	d->top.s_host_valid = 1;
	return 0;
}

static int seen(nmw_device_sim *d, nmw_wire_seen *s)
{
	if (d->seen.empty())
		return 0;
	*s = d->seen.front();
	d->seen.pop_front();
	return 1;
}

static void view(nmw_device_sim *d, uint32_t views)
{
	d->views = views;
}

static void back_to_back(nmw_device_sim *d, int on)
{
	d->back_to_back = on != 0;
}

static void latency(nmw_device_sim *d, uint64_t *n, uint64_t *sum, uint64_t *max)
{
	*n = d->n_latency;
	*sum = d->sum_latency;
	*max = d->max_latency;
}

#define EXPORTED extern "C" __attribute__((visibility("default")))
EXPORTED const struct nmw_bitstream nmw_bitstream = {
	NMW_BITSTREAM_ABI,
	sizeof(struct nmw_bitstream),
	"nmw_wire_top, Verilated",
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
EXPORTED const struct nmw_wire_ports nmw_wire_ports = {
	NMW_WIRE_PORTS_ABI,
	sizeof(struct nmw_wire_ports),
	frame_in,
	waiting,
	frame_out,
	msg_in,
	seen,
	view,
	back_to_back,
	latency,
};
