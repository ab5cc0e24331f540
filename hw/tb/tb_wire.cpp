// tb_wire: the device between two ports: frames in, frames out, nothing else.
//
//      tb_wire [--frames N] [--seed S]   a flow of orders: every message that comes out is that of
//                                        the software engine, in order; cycles wire to wire; line
//                                        rate; resets in mid-frame, messages of the host between
//      tb_wire --ports [--seed S]        without the figures and the line rate
//
// Cycles are counted from the one in which a frame's last word is at the port (its last byte is
// needed: it may be damaged until then) to the one in which the first word of the frame with the
// answer is. At line rate frames come as 100 Gb/s brings them, 50 bytes in a cycle of 4 ns with
// preamble, check sequence and gap (24 bytes), each beginning a word of its own; the port out takes
// them so. What the line brings faster than a word a cycle waits before the port, which is not the
// device's doing: that is a cycle in which it does not take the word that is offered.
// Exit 0: all messages equal; 1: a difference, which is printed with the seed that shows it again.
#include "Vnmw_wire_top.h"
#include "verilated.h"
#include "wire_engine.h"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace
{

enum {
#include "nmw_regs.vh"
};
enum {
#include "nmw_wire_regs.vh"
};
enum {
#include "rtl/nmw_wire_msg.vh"
};
constexpr unsigned SYMBOLS = 16, CLIENTS = 16, FEED = 16, SLOTS = 1u << 14;
constexpr uint32_t TICKS = 6000, STEP = 100, BASE = 500000;
constexpr uint64_t START = UINT64_C(1767623400000000000);
constexpr double BYTES_A_CYCLE = 50;
constexpr unsigned BYTES_AROUND = 24; // preamble, check sequence, gap
constexpr uint64_t DEADLOCK = 100000;
constexpr uint32_t HOST_IP = 0x0a000101, FEED_IP = 0xe9360c6f;
constexpr uint16_t HOST_PORT = 5000, FEED_PORT = 26477;

struct Rng {
	uint64_t s;
	explicit Rng(uint64_t seed) : s(seed * UINT64_C(0x9E3779B97F4A7C15) + 1)
	{
		for (int i = 0; i < 8; i++)
			next();
	}
	uint64_t next()
	{
		s ^= s >> 12, s ^= s << 25, s ^= s >> 27;
		return s * UINT64_C(0x2545F4914F6CDD1D);
	}
	uint32_t below(uint32_t n)
	{
		return (uint32_t)(((next() >> 32) * n) >> 32);
	}
};

using Bytes = std::vector<uint8_t>;

void be(Bytes &p, uint64_t v, unsigned n)
{
	while (n--)
		p.push_back((uint8_t)(v >> 8 * n));
}

uint64_t number(const Bytes &p, size_t at, unsigned n)
{
	uint64_t v = 0;
	while (n--)
		v = v << 8 | p.at(at++);
	return v;
}

uint16_t ones_sum(const Bytes &v, size_t from, uint32_t sum)
{
	for (size_t i = from; i < v.size(); i++)
		sum += (i - from) & 1 ? v[i] : (uint32_t)v[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

// --- orders, and what the software makes of them

enum Kind { ADD, CANCEL, TRADE, BEAT, OTHER, KINDS };

struct Frame {
	Bytes bytes;
	uint64_t ts;
	Kind kind;
	unsigned client;
	size_t first_out[FEED + 1]; // of each destination, its messages before this frame
};

class Flow
{
      public:
	explicit Flow(uint64_t seed, unsigned symbols = SYMBOLS) : rng_(seed), symbols_(symbols)
	{
		for (unsigned i = 0; i < SYMBOLS; i++) {
			snprintf(name_[i], sizeof name_[i], "SYM%02u   ", i);
			memcpy(table_[i].name, name_[i], 8);
			table_[i].listed = 1;
			table_[i].locate = (uint16_t)(i + 1);
			table_[i].lot = 100;
			table_[i].state = 'T';
		}
		engine_ = we_open(table_, SYMBOLS, 1, 0, SLOTS);
	}
	~Flow()
	{
		we_close(engine_);
	}
	Flow(const Flow &) = delete;
	Flow &operator=(const Flow &) = delete;

	Frame make(Kind kind);
	Frame adds(unsigned n); // orders of one client in one frame
	const we_symbol &symbol(unsigned i) const
	{
		return table_[i];
	}
	uint64_t live() const
	{
		return keys_.size();
	}
	std::vector<Bytes> want[FEED + 1];

      private:
	Bytes enter(unsigned client, Kind kind);
	Frame smallest(Kind kind);
	void headers(Bytes &p, unsigned client, uint32_t to, size_t payload);
	void hear(unsigned client, const Bytes &m, uint64_t ts);
	void note(unsigned client, const Bytes &reply);
	void forget(uint64_t key);

	Rng rng_;
	unsigned symbols_; // that are traded
	char name_[SYMBOLS][9];
	we_symbol table_[SYMBOLS] = {};
	we *engine_;
	uint32_t urn_[CLIENTS] = {};
	uint64_t seq_[CLIENTS] = {};
	uint64_t ts_ = START;
	std::map<uint64_t, std::pair<uint32_t, size_t>> open_; // shares, place in keys_
	std::vector<uint64_t> keys_;			       // client and number
};

Bytes Flow::enter(unsigned client, Kind kind)
{
	bool buys = rng_.below(2), takes = kind == TRADE;
	uint32_t mid = TICKS / 2, depth = rng_.below(1000);
	uint32_t tick = takes ? (buys ? TICKS - 1 : 0) : buys ? mid - 1 - depth : mid + depth;
	Bytes p = {'O'};
	be(p, ++urn_[client], 4);
	be(p, buys ? 'B' : 'S', 1);
	be(p, 100, 4);
	for (unsigned s = rng_.below(symbols_), i = 0; i < 8; i++)
		p.push_back((uint8_t)name_[s][i]);
	be(p, BASE + (uint64_t)tick * STEP, 8);
	be(p, takes ? '3' : '0', 1);
	be(p, 0x594150, 3), p.back() = 'N'; // displayed, agency, no sweep
	be(p, 'N', 1);
	for (unsigned i = 0; i < 14; i++)
		p.push_back((uint8_t)('A' + rng_.below(26)));
	be(p, 0, 2);
	return p;
}

void Flow::forget(uint64_t key)
{
	auto i = open_.find(key);
	if (i == open_.end())
		return;
	size_t at = i->second.second;
	keys_[at] = keys_.back();
	open_[keys_[at]].second = at;
	keys_.pop_back();
	open_.erase(key);
}

void Flow::note(unsigned client, const Bytes &m)
{
	if (m[0] != 'A' && m[0] != 'E' && m[0] != 'C')
		return;
	uint64_t key = (uint64_t)client << 32 | number(m, 9, 4);
	if (m[0] == 'A') {
		open_[key] = {(uint32_t)number(m, 14, 4), keys_.size()};
		keys_.push_back(key);
		return;
	}
	auto i = open_.find(key);
	if (i == open_.end())
		return;
	uint32_t qty = (uint32_t)number(m, 13, 4);
	if (qty >= i->second.first)
		forget(key);
	else
		i->second.first -= qty;
}

void Flow::hear(unsigned client, const Bytes &m, uint64_t ts)
{
	const we_out *out;
	size_t n = we_send(engine_, client + 1, ts, m.data(), (uint32_t)m.size(), &out);
	for (size_t i = 0; i < n; i++) {
		Bytes b(out[i].p, out[i].p + out[i].len);
		unsigned dest = out[i].session ? out[i].session - 1 : FEED;
		if (dest != FEED)
			note(dest, b);
		want[dest].push_back(b);
	}
}

// Ethernet, IPv4, UDP without its checksum.
void Flow::headers(Bytes &p, unsigned client, uint32_t to, size_t payload)
{
	size_t udp_len = 8 + payload;
	be(p, 0x02000000000a, 6), be(p, 0x020000000100 + client, 6), be(p, 0x0800, 2);
	be(p, 0x4500, 2), be(p, 20 + udp_len, 2), be(p, 0x00004000, 4), be(p, 0x4011, 2),
		be(p, 0, 2);
	be(p, 0x0a000001 + client, 4), be(p, to, 4);
	uint16_t ip_sum = (uint16_t)~ones_sum(p, 14, 0);
	p[24] = (uint8_t)(ip_sum >> 8), p[25] = (uint8_t)ip_sum;
	be(p, 40000 + client, 2), be(p, HOST_PORT, 2), be(p, udp_len, 2), be(p, 0, 2);
}

void session(Bytes &p, uint64_t seq, unsigned count)
{
	for (unsigned i = 0; i < 10; i++)
		p.push_back((uint8_t) "CLIENTS   "[i]);
	be(p, seq, 8), be(p, count, 2);
}

void udp_checksum(Bytes &p)
{
	uint16_t sum = (uint16_t)~ones_sum(p, 26, 17u + (uint32_t)p.size() - 34);
	p[40] = (uint8_t)(sum >> 8), p[41] = (uint8_t)sum;
}

// A frame without an order: a heartbeat of MoldUDP64 (62 bytes), or what is not for the device:
// ARP, a packet to another address (60 bytes).
Frame Flow::smallest(Kind kind)
{
	Frame f = {{}, ts_ += 1000, kind, rng_.below(CLIENTS), {}};
	Bytes &p = f.bytes;
	if (kind == BEAT) {
		headers(p, f.client, HOST_IP, 20);
		session(p, seq_[f.client] + 1, 0);
		udp_checksum(p);
	} else if (rng_.below(2)) {
		headers(p, f.client, HOST_IP + 1, 18);
		p.resize(60, 'x');
		udp_checksum(p);
	} else {
		be(p, 0xffffffffffff, 6), be(p, 0x020000000100 + f.client, 6), be(p, 0x0806, 2);
		p.resize(60);
	}
	return f;
}

// A frame with one message, as nmw-send writes it.
Frame Flow::make(Kind kind)
{
	if (kind == BEAT || kind == OTHER)
		return smallest(kind);
	unsigned client = rng_.below(CLIENTS);
	Bytes m;
	if (kind == CANCEL && !keys_.empty()) {
		uint64_t key = keys_[rng_.below((uint32_t)keys_.size())];
		client = (unsigned)(key >> 32);
		m = {'X'};
		be(m, key & UINT32_MAX, 4), be(m, 0, 4);
	} else {
		m = enter(client, kind == CANCEL ? ADD : kind);
	}
	Frame f = {{}, ts_ += 1000, kind, client, {}};
	for (unsigned d = 0; d <= FEED; d++)
		f.first_out[d] = want[d].size();
	hear(client, m, f.ts);
	Bytes &p = f.bytes;
	headers(p, client, HOST_IP, 20 + 2 + m.size());
	session(p, ++seq_[client], 1);
	be(p, m.size(), 2);
	p.insert(p.end(), m.begin(), m.end());
	udp_checksum(p);
	return f;
}

Frame Flow::adds(unsigned n)
{
	Frame f = {{}, ts_ += 1000, ADD, rng_.below(CLIENTS), {}};
	Bytes blocks;
	for (unsigned i = 0; i < n; i++) {
		Bytes m = enter(f.client, ADD);
		hear(f.client, m, f.ts);
		be(blocks, m.size(), 2);
		blocks.insert(blocks.end(), m.begin(), m.end());
	}
	headers(f.bytes, f.client, HOST_IP, 20 + blocks.size());
	session(f.bytes, seq_[f.client] + 1, n);
	seq_[f.client] += n;
	f.bytes.insert(f.bytes.end(), blocks.begin(), blocks.end());
	udp_checksum(f.bytes);
	return f;
}

// --- the device

constexpr unsigned IDLE = 8;	   // bit of STATUS
constexpr unsigned PARSE_CUT = 28; // frames of which a reset let only a part in

// What a stream offers has to stay as it is until it is taken.
struct Held {
	bool waits = false;
	uint32_t data[16] = {};
	uint64_t keep = 0, user = 0;
	bool last = false, err = false;
};

struct Seen {
	Bytes message;
	uint64_t cycle; // in which the first word of its frame was offered
};

struct Port {
	VerilatedContext context;
	Vnmw_wire_top top{&context};
	uint64_t cycle = 0, quiet = 0, words_out = 0, frames_out = 0, bytes_out = 0, waits_in = 0;
	bool timed = false;
	double credit = 0;
	Bytes out;
	uint64_t out_begin = 0, user = 0;
	bool out_open = false;
	std::vector<Seen> seen[FEED + 1];
	uint64_t next_seq[FEED + 1];
	const Frame *in =
		nullptr; // goes in, from this word on; the cycle in which its last was taken
	size_t in_word = 0;
	uint64_t in_last = 0;
	Rng rng{7};
	unsigned stall_out = 0, stall_see = 0, from_host = 0; // percent
	uint64_t host_sent = 0;
	unsigned cut = 0;	// frames that ended too early, marked so
	bool of_before = false; // the frame that comes out began before the reset
	Held held;

	explicit Port(const Flow &f);
	void write(uint16_t addr, uint64_t v);
	uint64_t read(uint16_t addr);
	void edge();
	void tick();
	bool offer(const Bytes &b, size_t word, uint64_t ts);
	void host();
	void stays();
	void enable();
	void reset();
	void word();
	void frame();
};

void Port::edge()
{
	top.clk = 1;
	top.eval();
	top.clk = 0;
	top.eval();
	cycle++;
}

void Port::write(uint16_t addr, uint64_t v)
{
	top.reg_wr = 1;
	top.reg_addr = addr;
	top.reg_wdata = v;
	tick();
	top.reg_wr = 0;
}

uint64_t Port::read(uint16_t addr)
{
	top.reg_addr = addr;
	for (int i = 0; i < 4; i++)
		tick();
	return top.reg_rdata;
}

// What held up the parts, in cycles, by their own counters: nmw_wire_core.v, nmw_wire_out.v.
struct Waits {
	static constexpr unsigned N = 11;
	static const char *name(unsigned i)
	{
		static const char *const names[N] = {"handle",
						     "book at rest",
						     "ways or slots",
						     "room",
						     "events of the book",
						     "level",
						     "head",
						     "swap or slot",
						     "room of replies and feed",
						     "reply for its frame",
						     "feed for its frame"};
		return names[i];
	}
	uint64_t n[N];
	explicit Waits(Port &p)
	{
		static const unsigned at[N] = {4, 5, 6, 7, 16, 17, 18, 20, 13, 28, 29};
		for (unsigned i = 0; i < N; i++)
			n[i] = p.read((uint16_t)(NMW_WIRE_REG_CORE + 8 * at[i]));
	}
};

Port::Port(const Flow &f)
{
	for (auto &s : next_seq)
		s = 1;
	top.clk = 0;
	top.rst = 1;
	top.m_axis_tready = top.m_host_ready = 1;
	top.m_see_msg_ready = top.m_see_reply_ready = top.m_see_feed_ready = 1;
	for (int i = 0; i < 8; i++)
		edge();
	top.rst = 0;
	edge();
	write(NMW_WIRE_REG_FLAGS, 1); // the list of symbols is complete
	write(NMW_WIRE_REG_MAC, 0x02000000000a);
	write(NMW_WIRE_REG_HOST, (uint64_t)HOST_PORT << 32 | HOST_IP);
	write(NMW_WIRE_REG_FEED, (uint64_t)FEED_PORT << 32 | FEED_IP);
	write(NMW_WIRE_REG_FEED_SOURCE, (uint64_t)40000 << 32 | HOST_IP);
	write(NMW_WIRE_REG_SESSION, UINT64_C(0x3030303030303030));
	write(NMW_WIRE_REG_SESSION_END, 0x3130);
	for (unsigned i = 0; i < SYMBOLS; i++) {
		const we_symbol &s = f.symbol(i);
		uint64_t name;
		memcpy(&name, s.name, 8);
		write((uint16_t)(NMW_WIRE_REG_SYMBOLS + 32 * i), name);
		write((uint16_t)(NMW_WIRE_REG_SYMBOLS + 8 + 32 * i),
		      s.locate | (uint64_t)s.lot << 16 | (uint64_t)s.state << 48 |
			      UINT64_C(3) << 56);
		write((uint16_t)(NMW_WIRE_REG_SYMBOLS + 16 + 32 * i), BASE | (uint64_t)STEP << 32);
	}
	enable();
}

void Port::enable()
{
	write(NMW_HW_REG_CONTROL, 1);
	top.reg_addr = NMW_HW_REG_STATUS;
	for (int i = 0; i < 10 || !(top.reg_rdata & 1); i++, quiet = 0) {
		tick();
		if (i > 1000000)
			throw std::string("the device does not become ready");
	}
}

// By register: in force in the second cycle after the write. A frame that is going out then ends
// later, whole or cut; nothing else of what was before comes out.
void Port::reset()
{
	write(NMW_HW_REG_CONTROL, 2);
	tick();
	of_before = out_open;
	for (unsigned d = 0; d <= FEED; d++) {
		seen[d].clear();
		next_seq[d] = 1;
	}
}

void Port::tick()
{
	bool room = true;
	if (timed) {
		credit = credit + BYTES_A_CYCLE < 128 ? credit + BYTES_A_CYCLE : 128;
		room = credit >= 0;
	}
	if (stall_out && rng.below(100) < stall_out)
		room = false;
	top.m_axis_tready = room;
	top.m_see_msg_ready = !stall_see || rng.below(100) >= stall_see;
	bool taken = in && offer(in->bytes, in_word, in->ts);
	host();
	top.eval();
	stays();
	if (top.m_axis_tvalid && !out_open) {
		out_begin = cycle;
		out_open = true;
	}
	if (top.m_host_valid)
		throw std::string("a message is left to the host");
	if (top.m_axis_tvalid && room)
		word();
	bool host_taken = top.s_host_valid && top.s_host_ready;
	waits_in += in && !taken;
	in_last = cycle;
	edge();
	if (host_taken)
		top.s_host_valid = 0, host_sent++;
	in_word += taken;
	if (in && 64 * in_word >= in->bytes.size()) {
		in = nullptr;
		top.s_axis_tvalid = 0;
	}
	if (++quiet > DEADLOCK)
		throw std::string("nothing moves");
}

// Now and then a message of the host, of no kind: it takes its turn before the core, and nothing
// follows from it.
void Port::host()
{
	if (top.s_host_valid || !from_host || rng.below(100) >= from_host)
		return;
	for (auto &w : top.s_host_data.m_storage)
		w = (uint32_t)rng.next();
	top.s_host_data[0] &= ~7u;
	top.s_host_data[NMW_MSG_W / 32] &= (1u << NMW_MSG_W % 32) - 1;
	top.s_host_valid = 1;
}

void Port::stays()
{
	Held now;
	now.waits = top.m_axis_tvalid && !top.m_axis_tready;
	memcpy(now.data, &top.m_axis_tdata[0], sizeof now.data);
	now.keep = top.m_axis_tkeep, now.user = top.m_axis_tuser;
	now.last = top.m_axis_tlast, now.err = top.m_axis_tuser_err;
	if (held.waits && !top.m_axis_tvalid)
		throw std::string("a word that was offered is withdrawn");
	if (held.waits && (memcmp(now.data, held.data, sizeof now.data) || now.keep != held.keep ||
			   now.user != held.user || now.last != held.last || now.err != held.err))
		throw std::string("a word that was offered is changed");
	held = now;
}

void Port::word()
{
	quiet = 0;
	words_out++;
	for (unsigned i = 0; i < 64; i++)
		if (top.m_axis_tkeep >> i & 1)
			out.push_back((uint8_t)(top.m_axis_tdata[i / 4] >> (i % 4 * 8)));
	credit -= __builtin_popcountll(top.m_axis_tkeep) + (top.m_axis_tlast ? BYTES_AROUND : 0);
	if (!top.m_axis_tlast)
		return;
	if (top.m_axis_tuser_err) {
		if (!of_before || number(out, 16, 2) + 14 <= out.size())
			throw std::string("a frame is marked as cut, and is not");
		cut++;
	} else if (!of_before) {
		frame();
	}
	of_before = false;
	out.clear();
	out_open = false;
}

void Port::frame()
{
	uint32_t ip = (uint32_t)number(out, 30, 4);
	unsigned dest = ip == FEED_IP ? FEED : ip - 0x0a000001;
	if (dest > FEED || (dest < FEED && number(out, 36, 2) != 40000 + dest))
		throw std::string("a frame to nobody");
	uint32_t udp_len = (uint32_t)number(out, 38, 2);
	Bytes pseudo(out.begin() + 26, out.end());
	if (udp_len + 34 != out.size() || ones_sum(pseudo, 0, 17 + udp_len) != 0xffff)
		throw std::string("length or checksum of a frame");
	if (number(out, 52, 8) != next_seq[dest])
		throw std::string("sequence number");
	uint64_t count = number(out, 60, 2);
	size_t at = 62;
	for (uint64_t i = 0; count != 0xffff && i < count; i++) {
		uint64_t len = number(out, at, 2);
		if (at + 2 + len > out.size())
			throw std::string("a block that is longer than its frame");
		seen[dest].push_back(
			{Bytes(out.begin() + (long)at + 2, out.begin() + (long)(at + 2 + len)),
			 out_begin});
		at += 2 + len;
		next_seq[dest]++;
	}
	frames_out++;
	bytes_out += out.size();
}

// Puts a word of a frame on the port in. True: the device takes it in this cycle, which is still to
// come.
bool Port::offer(const Bytes &b, size_t word, uint64_t ts)
{
	size_t at = 64 * word, n = b.size() - at < 64 ? b.size() - at : 64;
	for (unsigned i = 0; i < 16; i++)
		top.s_axis_tdata[i] = 0;
	for (unsigned i = 0; i < n; i++)
		top.s_axis_tdata[i / 4] |= (uint32_t)b[at + i] << (i % 4 * 8);
	top.s_axis_tkeep = n == 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
	top.s_axis_tlast = at + n == b.size();
	top.s_axis_tuser = ts;
	top.s_axis_tvalid = 1;
	top.eval();
	return top.s_axis_tready;
}

// Returns the cycle in which the last word was taken.
uint64_t send(Port &p, const Frame &f)
{
	p.in = &f;
	p.in_word = 0;
	while (p.in)
		p.tick();
	return p.in_last;
}

void settle(Port &p, unsigned cycles)
{
	for (unsigned i = 0; i < cycles; i++)
		p.tick();
}

void equal(const Flow &f, const Port &p, const char *what)
{
	uint64_t n = 0;
	for (unsigned d = 0; d <= FEED; d++) {
		std::string who = d == FEED ? "feed" : "client " + std::to_string(d);
		for (size_t i = 0; i < p.seen[d].size() && i < f.want[d].size(); i++)
			if (p.seen[d][i].message != f.want[d][i])
				throw who + ": message " + std::to_string(i + 1) +
					" differs: type " + (char)p.seen[d][i].message[0] +
					", expected " + (char)f.want[d][i][0];
		if (p.seen[d].size() != f.want[d].size())
			throw who + ": " + std::to_string(p.seen[d].size()) + " messages, " +
				std::to_string(f.want[d].size()) + " expected";
		n += f.want[d].size();
	}
	printf("wire %s: %" PRIu64 " messages in %" PRIu64
	       " frames, equal to the software engine's, in order\n",
	       what, n, p.frames_out);
}

// --- figures

struct Range {
	uint64_t least = UINT64_MAX, most = 0, sum = 0, n = 0;
	void add(uint64_t v)
	{
		least = v < least ? v : least;
		most = v > most ? v : most;
		sum += v;
		n++;
	}
	void print(const char *what) const
	{
		if (n)
			printf("wire to wire, %-34s %" PRIu64 " to %" PRIu64 " cycles (%" PRIu64
			       " to %" PRIu64 " ns), mean %.1f\n",
			       what, least, most, 4 * least, 4 * most, (double)sum / (double)n);
	}
};

// The cycle of the first message of this type to `dest` from `from` on; 0: there is none.
uint64_t when(const Port &p, unsigned dest, size_t from, char type)
{
	for (size_t i = from; i < p.seen[dest].size(); i++)
		if (p.seen[dest][i].message[0] == type)
			return p.seen[dest][i].cycle;
	return 0;
}

// One frame at a time, the device at rest before each.
void wire_to_wire(uint64_t seed)
{
	Flow f(seed);
	Port p(f);
	struct {
		Kind kind;
		bool feed;
		char type;
		const char *what;
		Range r;
	} rows[] = {
		{ADD, false, 'A', "add: Accepted", {}},
		{ADD, true, 'A', "add: feed Add", {}},
		{CANCEL, false, 'C', "cancel: Canceled", {}},
		{CANCEL, true, 'D', "cancel: feed Delete", {}},
		{TRADE, false, 'A', "fill: Accepted", {}},
		{TRADE, false, 'E', "fill: Executed, who takes", {}},
		{TRADE, true, 'E', "fill: feed Executed", {}},
	};
	for (unsigned i = 0; i < 1500; i++) {
		Kind kind = i < 600 ? ADD : i % 3 == 0 ? ADD : i % 3 == 1 ? CANCEL : TRADE;
		Frame frame = f.make(kind);
		uint64_t in = send(p, frame);
		settle(p, 120);
		for (auto &row : rows) {
			unsigned d = row.feed ? FEED : frame.client;
			uint64_t out = when(p, d, frame.first_out[d], row.type);
			if (i >= 600 && row.kind == kind && out)
				row.r.add(out - in);
		}
	}
	equal(f, p, "one at a time");
	for (auto &row : rows)
		row.r.print(row.what);
}

// Streams at line rate: of 100 frames so many are orders, cancels, orders that trade, heartbeats,
// the rest is for others. `before`: orders that rest before it begins, so that the clients and the
// day are known.
struct Mix {
	const char *name;
	unsigned symbols;
	unsigned add, cancel, trade, beat;
	unsigned before;
};

Kind choose(const Mix &m, unsigned what)
{
	unsigned upto = m.add;
	if (what < upto)
		return ADD;
	if (what < (upto += m.cancel))
		return CANCEL;
	if (what < (upto += m.trade))
		return TRADE;
	return what < upto + m.beat ? BEAT : OTHER;
}

unsigned words(const Bytes &b)
{
	return (unsigned)((b.size() + 63) / 64);
}

double line_cycles(const Bytes &b)
{
	return (double)(b.size() + BYTES_AROUND) / BYTES_A_CYCLE;
}

// Every frame is counted for what it is, by the device's own counters (nmw_wire_in.v).
void counted(Port &p, const uint64_t *sent)
{
	auto stat = [&p](unsigned i) { return p.read((uint16_t)(NMW_WIRE_REG_PARSE + 8 * i)); };
	uint64_t orders = sent[ADD] + sent[CANCEL] + sent[TRADE], all = orders + sent[BEAT];
	if (stat(0) != all + sent[OTHER] || stat(1) != all || stat(14) != sent[BEAT] ||
	    stat(3) + stat(8) != sent[OTHER] || stat(17) + stat(19) != orders)
		throw std::string("frames are lost: ") + std::to_string(stat(0)) + " counted, " +
			std::to_string(stat(1)) + " let through, " + std::to_string(all) + " of " +
			std::to_string(all + sent[OTHER]) + " expected";
}

// Resets by register while frames come in and go out: of a frame that came in half the rest is
// nothing, one that goes out ends. What comes afterwards is as on the first day.
void resets(uint64_t seed, unsigned times)
{
	auto f = std::make_unique<Flow>(seed);
	Port p(*f);
	Rng rng(seed + 2);
	for (unsigned i = 0; i < times; i++) {
		p.stall_out = i % 2 ? 0 : 80;
		for (unsigned n = rng.below(8); n; n--)
			send(p, f->adds(1 + rng.below(6)));
		settle(p, rng.below(60));
		Frame cut = f->adds(5);
		p.in = &cut;
		p.in_word = 0;
		for (unsigned part = 1 + rng.below(3); p.in_word < part;)
			p.tick();
		bool later = rng.below(2); // the rest comes when the device is ready again
		if (later) {
			p.in = nullptr;
			p.top.s_axis_tvalid = 0;
		}
		p.reset();
		settle(p, rng.below(40));
		p.stall_out = 0;
		p.enable();
		if (later)
			p.in = &cut;
		while (p.in)
			p.tick();
		f = std::make_unique<Flow>(seed + 1 + i);
		uint64_t sent[KINDS] = {};
		for (unsigned n = 0; n < 20; n++, sent[ADD]++)
			send(p, f->make(ADD));
		settle(p, 2000);
		equal(*f, p, "after a reset");
		counted(p, sent);
		if (p.read(NMW_WIRE_REG_PARSE + 8 * PARSE_CUT) != 1 ||
		    p.read(NMW_WIRE_REG_FRAMES_IN) != 21)
			throw std::string("a frame that a reset cut is not counted as that");
	}
	if (!p.cut)
		throw std::string("no frame that goes out was cut: other seeds");
	printf("%u resets in a frame that comes in, %u of them in one that goes out: as they "
	       "should be\n",
	       times, p.cut);
}

// A device that is not enabled lets nothing in, and is idle though frames wait.
void closed(uint64_t seed)
{
	Flow f(seed);
	Port p(f);
	p.write(NMW_HW_REG_CONTROL, 0);
	Frame frame = f.make(ADD);
	p.in = &frame;
	p.in_word = 0;
	settle(p, 3000);
	if (!(p.read(NMW_HW_REG_STATUS) & IDLE) || p.in_word)
		throw std::string("a closed device is not idle");
	p.write(NMW_HW_REG_CONTROL, 1);
	settle(p, 300);
	equal(f, p, "that waited for the opening");
}

// The host's messages and those of frames meet before the core, which now and then takes neither.
void host_between(uint64_t seed, unsigned frames)
{
	Flow f(seed);
	Port p(f);
	uint64_t sent[KINDS] = {};
	p.from_host = 30;
	p.stall_see = 60;
	for (unsigned i = 0; i < frames; i++) {
		Frame frame = f.make(i % 3 == 1 ? CANCEL : i % 3 == 2 ? TRADE : ADD);
		sent[frame.kind]++;
		send(p, frame);
	}
	p.from_host = p.stall_see = 0;
	settle(p, 4000);
	equal(f, p, "with the host's between");
	counted(p, sent);
	if (p.read(NMW_WIRE_REG_HOST_MESSAGES) != p.host_sent || !p.host_sent)
		throw std::string("the host's messages are not counted");
}

// Frames as the line brings them, without a pause; out goes what the line takes.
void line_rate(const Mix &m, uint64_t seed, unsigned frames)
{
	Flow f(seed, m.symbols);
	Port p(f);
	Rng rng(seed + 1);
	uint64_t sent[KINDS] = {};
	for (unsigned i = 0; i < m.before; i++, sent[ADD]++)
		send(p, f.make(ADD));
	settle(p, 3000);
	size_t before_out = 0;
	for (auto &s : p.seen)
		before_out += s.size();
	uint64_t frames_before = p.frames_out, bytes_before = p.bytes_out,
		 waits_before = p.waits_in;
	double line = 0, port = 0, late = 0;
	Waits from(p);
	uint64_t begin = p.cycle;
	p.timed = true;
	p.credit = 0;
	for (unsigned i = 0; i < frames; i++) {
		Frame frame = f.make(choose(m, rng.below(100)));
		sent[frame.kind]++;
		line += line_cycles(frame.bytes);
		port += words(frame.bytes);
		while ((double)(p.cycle - begin) + words(frame.bytes) < line)
			p.tick();
		uint64_t last = send(p, frame);
		double by = (double)(last + 1 - begin) - line;
		late = by > late ? by : late;
	}
	double cycles = (double)(p.cycle - begin), out = (double)(p.frames_out - frames_before);
	double busy = ((double)(p.bytes_out - bytes_before) + BYTES_AROUND * out) /
		      (cycles * BYTES_A_CYCLE);
	uint64_t waits = p.waits_in - waits_before;
	settle(p, 4000);
	Waits to(p);
	size_t after = 0;
	for (auto &s : p.seen)
		after += s.size();
	printf("line rate, %s: the line brings a frame in each %.2f cycles, a port of 512 bits "
	       "carries one in each %.2f; taken: one in each %.2f (%.1f M/s at 250 MHz)\n",
	       m.name, line / frames, port / frames, cycles / frames, 250 * frames / cycles);
	printf("    held up by the device in %" PRIu64
	       " cycles, the latest word %.0f cycles behind "
	       "the line%s; %.2f messages out for each frame, port out %.0f %% busy: %s\n",
	       waits, late, port > line ? ", the port's bound" : "",
	       (double)(after - before_out) / frames, 100 * busy, waits ? "NOT HELD" : "held");
	const char *what = "    parts that wait:";
	for (unsigned i = 0; i < Waits::N; i++)
		if (to.n[i] != from.n[i]) {
			printf("%s %s %.0f %%", what, Waits::name(i),
			       100 * (double)(to.n[i] - from.n[i]) / cycles);
			what = ";";
		}
	printf("%s", *what == ';' ? "\n" : "");
	equal(f, p, m.name);
	counted(p, sent);
	if (waits)
		throw std::string(m.name) + ": the device holds up the line";
}

} // namespace

int main(int argc, char **argv)
{
	uint64_t seed = 1;
	unsigned frames = 10000;
	setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
	bool only_ports = false;
	for (int i = 1; i < argc; i++) {
		bool more = i + 1 < argc;
		if (!strcmp(argv[i], "--ports"))
			only_ports = true;
		else if (more && !strcmp(argv[i], "--seed"))
			seed = strtoull(argv[++i], nullptr, 10);
		else if (more && !strcmp(argv[i], "--frames"))
			frames = (unsigned)strtoul(argv[++i], nullptr, 10);
	}
	const Mix mixes[] = {
		{"frames for others, 60 bytes", 1, 0, 0, 0, 0, 64},
		{"heartbeats, 62 bytes", 1, 0, 0, 0, 100, 64},
		{"heartbeats and frames for others", 1, 0, 0, 0, 50, 64},
		{"half of them smallest, 22 add 22 cancel 6 trade, 1 book", 1, 22, 22, 6, 25, 1500},
		{"half of them smallest, 22 add 22 cancel 6 trade, 16 books", 16, 22, 22, 6, 25,
		 1500},
		{"45 add 43 cancel 12 trade, 1 book", 1, 45, 43, 12, 0, 1500},
		{"45 add 43 cancel 12 trade, 16 books", 16, 45, 43, 12, 0, 1500},
		{"57 add 43 cancel, 1 book", 1, 57, 43, 0, 0, 1500},
		{"57 add 43 cancel, 16 books", 16, 57, 43, 0, 0, 1500},
		{"orders, 111 bytes", 16, 100, 0, 0, 0, 64},
		{"cancels, 73 bytes", 16, 0, 100, 0, 0, frames},
	};
	try {
		closed(seed);
		resets(seed, 6);
		host_between(seed, 1000);
		if (only_ports)
			return 0;
		wire_to_wire(seed);
		for (auto &m : mixes)
			line_rate(m, seed, frames);
	} catch (const std::string &e) {
		printf("wire: %s: --seed %" PRIu64 " --frames %u\n", e.c_str(), seed, frames);
		return 1;
	}
	return 0;
}
