// tb_wire_out: random messages through nmw_wire_out; its frames are taken apart and compared.
//
//      tb_wire_out [--messages N] [--seed S] [--mix NAME] [--stall PERCENT] [--idle PERCENT]
//      tb_wire_out --figures           latency, and the rate at a port of 100 Gb/s
//      tb_wire_out ... --pcap FILE     the frames, for another reader
//
// What a message's bytes are is said by the software's encoders; what a frame is, by the reader in
// here, which shares nothing with the design. Each frame: lengths, both checksums, addresses, tags,
// padding, sequence number, blocks; each message equal, in order, none lost, none too many.
// Exit 0: all of that; 1: a difference, printed with the seed that shows it again.
#include "Vnmw_wire_out.h"
#include "ref_wire.h"
#include "verilated.h"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace
{

enum {
#include "rtl/nmw_wire_out.vh"
};

constexpr unsigned FEED = 16, DESTS = 17, RECORD_WORDS = (NMW_WO_W + 31) / 32;
constexpr unsigned UDP_PAYLOAD_MAX = 1472, BYTES_AROUND = 24; // preamble, check sequence, gap
constexpr double BYTES_A_CYCLE = 50;			      // 100 Gb/s at 250 MHz
constexpr uint64_t DEADLOCK = 200000;
constexpr uint64_t TURN_MAX =
	2 * DESTS * 25 + 100; // cycles a message may wait: twice a frame of each

// xorshift64*: small, and the same everywhere
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
	bool percent(uint32_t p)
	{
		return below(100) < p;
	}
	// random, but all ones or zeros now and then: what sums and carries get wrong
	uint64_t number()
	{
		uint32_t r = below(10);
		return r == 0 ? 0 : r == 1 ? UINT64_MAX : next() >> below(64);
	}
};

struct Mix {
	const char *name;
	uint32_t clients;
	uint32_t feed;	// of 100 messages
	uint32_t burst; // of 100 cycles: a long time without room at the port begins, in 1/100
	const char *reply, *market; // types, as often as they are there
};

const Mix mixes[] = {
	{"all", 16, 40, 5, "AUCDEJMTSPIQ", "AEXDUSRHCP"},
	{"usual", 16, 50, 0, "AAAAAACCCCE", "AAAAAADDDDE"},
	{"one", 1, 0, 5, "EEEA", "A"}, // a sweep: one client has it all
	{"feed", 1, 100, 5, "A", "AEXDUP"},
	{"long", 2, 10, 20, "AU", "RP"},  // full frames
	{"none", 4, 40, 0, "AzE", "AzD"}, // types that are none
};

struct Message {
	std::vector<uint8_t> bytes;
	uint64_t time;
	uint64_t born; // cycle in which it was offered
};

struct Address {
	uint64_t src_mac, dst_mac, tci;
	uint32_t src_ip, dst_ip;
	uint16_t src_port, dst_port;
	unsigned tags;
};

[[noreturn]] void fail(const char *what)
{
	throw std::string(what);
}

[[noreturn]] void fail(const std::string &what, uint64_t found, uint64_t expected)
{
	throw what + ": " + std::to_string(found) + " found, " + std::to_string(expected) +
		" expected";
}

void same(const char *what, uint64_t found, uint64_t expected)
{
	if (found != expected)
		fail(std::string(what), found, expected);
}

// --- reading frames

struct Bytes {
	const std::vector<uint8_t> &v;
	size_t at = 0;
	uint64_t number(unsigned n)
	{
		uint64_t x = 0;
		if (at + n > v.size())
			fail("a frame ends in a field");
		while (n--)
			x = x << 8 | v[at++];
		return x;
	}
};

// RFC 1071, the slow way
uint32_t ones_sum(const std::vector<uint8_t> &v, size_t from, size_t to, uint32_t sum)
{
	for (size_t i = from; i < to; i++)
		sum += (i - from) & 1 ? v[i] : (uint32_t)v[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

void check_sums(const std::vector<uint8_t> &v, size_t ip, size_t udp, size_t end)
{
	same("sum over the IP header", ones_sum(v, ip, ip + 20, 0), 0xffff);
	if (!v[udp + 6] && !v[udp + 7])
		fail("no UDP checksum");
	uint32_t pseudo = ones_sum(v, ip + 12, ip + 20, 17 + (uint32_t)(end - udp));
	same("sum over UDP", ones_sum(v, udp, end, pseudo), 0xffff);
}

// --- the bench

struct Bench {
	VerilatedContext context;
	Vnmw_wire_out top{&context};
	Rng rng;
	Mix mix;
	Address address[DESTS];
	std::deque<Message> want[DESTS];
	uint64_t next_seq[DESTS], beats[DESTS] = {}, ends[DESTS] = {}, last_frame[DESTS] = {};
	char session[10];
	uint32_t stall = 0, idle = 0;
	uint64_t cycle = 0, quiet = 0, blocked = 0;
	uint64_t put[2] = {}, frames = 0, bare = 0, messages = 0, frame_bytes = 0, words = 0,
		 largest = 0;
	uint64_t stat[8] = {}, no_message = 0;
	bool offered[2] = {};
	bool turns = false; // the port is always there: nobody waits for long
	bool timed = false; // the port takes BYTES_A_CYCLE
	double credit = 0;
	std::vector<uint8_t> frame;
	uint64_t frame_time = 0;
	uint16_t checksum = 0; // of UDP, of the last frame
	bool in_frame = false;
	struct {
		bool valid, last;
		uint32_t data[16];
		uint64_t keep, user;
	} held = {};
	FILE *pcap = nullptr;

	static int argc; // what begins with + is for the design
	static char **argv;

	Bench(uint64_t seed, const Mix &m) : rng(seed), mix(m)
	{
		context.commandArgs(argc, argv);
		for (auto &s : next_seq)
			s = 1;
	}
	void edge()
	{
		top.clk = 1;
		top.eval();
		top.clk = 0;
		top.eval();
		cycle++;
	}
	void start(uint32_t period);
	void set_feed();
	void write_client(unsigned i);
	void offer(unsigned stream, bool may);
	void offer_record(unsigned stream, ref_wire &r);
	void tick(bool may);
	bool port_ready();
	void look();
	void word();
	void frame_done();
	void blocks(unsigned dest, Bytes &b, uint64_t count);
	void bare_frame(unsigned dest, uint64_t count);
	unsigned dest_of(Bytes &b, size_t *ip);
	void write_pcap();
	void drain();
	void last_message();
	void silence(uint32_t period);
	uint64_t waiting() const
	{
		uint64_t n = 0;
		for (auto &w : want)
			n += w.size();
		return n;
	}
};

int Bench::argc;
char **Bench::argv;

template <typename T> void set(T &to, unsigned at, unsigned width, uint64_t value)
{
	for (unsigned i = 0; i < width; i++) {
		uint32_t bit = 1u << ((at + i) % 32);
		to[(at + i) / 32] =
			value >> i & 1 ? to[(at + i) / 32] | bit : to[(at + i) / 32] & ~bit;
	}
}

template <typename T> void set_text(T &to, unsigned at, const uint8_t *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		set(to, at + 8 * i, 8, p[i]);
}

void Bench::write_client(unsigned i)
{
	const Address &a = address[i]; // of frames that go out: the client is their destination
	top.cli_wr = 1;
	top.cli_index = (uint8_t)i;
	top.cli_src_mac = a.dst_mac;
	top.cli_dst_mac = a.src_mac;
	top.cli_src_ip = a.dst_ip;
	top.cli_dst_ip = a.src_ip;
	top.cli_src_port = a.dst_port;
	top.cli_dst_port = a.src_port;
	top.cli_vlan = (uint8_t)a.tags;
	top.cli_tci = a.tci;
	edge();
	top.cli_wr = 0;
}

void Bench::set_feed()
{
	Address &a = address[FEED];
	if (rng.percent(70)) {
		a.dst_ip = 0xe0000000u | (a.dst_ip & 0x0fffffffu);
		a.dst_mac = UINT64_C(0x01005e000000) | (a.dst_ip & 0x7fffff);
		top.cfg_feed_mac = rng.next() & UINT64_C(0xffffffffffff);
	} else {
		a.dst_ip = a.dst_ip >> 1; // no group
		top.cfg_feed_mac = a.dst_mac;
	}
	top.cfg_mac = a.src_mac;
	top.cfg_feed_ip = a.dst_ip;
	top.cfg_feed_port = a.dst_port;
	top.cfg_feed_src_ip = a.src_ip;
	top.cfg_feed_src_port = a.src_port;
	top.cfg_feed_vlan = (uint8_t)a.tags;
	top.cfg_feed_tci = a.tci;
	top.cfg_feed_on = 1;
}

void Bench::start(uint32_t period)
{
	top.clk = 0;
	top.rst = top.port_rst = 1;
	for (auto &c : session)
		c = (char)('0' + rng.below(10));
	set_text(top.cfg_session, 0, (const uint8_t *)session, 10);
	top.cfg_heartbeat = period;
	for (unsigned i = 0; i < DESTS; i++) {
		address[i] = {rng.next() >> 16 & ~(UINT64_C(1) << 40),
			      rng.next() >> 16,
			      0,
			      (uint32_t)rng.number(),
			      (uint32_t)rng.next(),
			      (uint16_t)rng.number(),
			      (uint16_t)(rng.below(60000) + i + 1),
			      rng.below(3)};
		address[i].tci = 0x81000000u | rng.below(4096);
		if (address[i].tags == 2)
			address[i].tci = (address[i].tci << 32) | 0x88a80000u | rng.below(4096);
	}
	set_feed();
	for (int i = 0; i < 5; i++)
		edge();
	top.rst = top.port_rst = 0;
	for (unsigned i = 0; i < 16; i++)
		write_client(i);
	for (int i = 0; i < 5; i++)
		edge();
}

ref_wire random_record(Rng &g, unsigned dest, uint8_t type)
{
	ref_wire r = {};
	r.dest = (uint8_t)dest, r.type = type;
	for (uint8_t *p : {&r.side, &r.tif, &r.display, &r.capacity, &r.iso, &r.cross, &r.state,
			   &r.liquidity, &r.reason})
		*p = (uint8_t)g.number();
	r.side = dest == FEED ? (g.percent(50) ? 'B' : 'S') : r.side;
	r.code = (uint16_t)g.number(), r.locate = (uint16_t)g.number();
	if (dest == FEED && type == 'S' && (uint8_t)r.code == 'C')
		r.code = 'O'; // C ends the session: not here
	for (uint32_t *p : {&r.urn, &r.orig, &r.qty, &r.prevented})
		*p = (uint32_t)g.number();
	r.qty += r.qty == 0; // a lot of 0 stands for 100 in software
	for (uint64_t *p : {&r.time, &r.price, &r.ref, &r.ref2, &r.match})
		*p = g.number();
	r.time += r.time == 0;
	r.day_ns = g.number() & UINT64_C(0xffffffffffff);
	for (auto &c : r.symbol)
		c = (uint8_t)g.number();
	for (auto &c : r.clordid)
		c = (uint8_t)g.number();
	r.app_len = g.percent(50) ? (uint8_t)g.below(19) : 0;
	for (unsigned i = 0; i < r.app_len; i++)
		r.app[i] = (uint8_t)g.number();
	return r;
}

template <typename T> void put_record(T &d, const ref_wire &r)
{
	for (unsigned i = 0; i < RECORD_WORDS; i++)
		d[i] = 0;
	set(d, NMW_WO_DEST, 5, r.dest), set(d, NMW_WO_TYPE, 8, r.type);
	set(d, NMW_WO_TIME, 64, r.time), set(d, NMW_WO_DAY, 48, r.day_ns);
	set(d, NMW_WO_URN, 32, r.urn), set(d, NMW_WO_ORIG, 32, r.orig);
	set(d, NMW_WO_SIDE, 8, r.side), set(d, NMW_WO_QTY, 32, r.qty);
	set_text(d, NMW_WO_SYMBOL, r.symbol, 8);
	set(d, NMW_WO_PRICE, 64, r.price), set(d, NMW_WO_TIF, 8, r.tif);
	set(d, NMW_WO_DISPLAY, 8, r.display), set(d, NMW_WO_CAPACITY, 8, r.capacity);
	set(d, NMW_WO_ISO, 8, r.iso), set(d, NMW_WO_CROSS, 8, r.cross),
		set(d, NMW_WO_STATE, 8, r.state);
	set_text(d, NMW_WO_CLORDID, r.clordid, 14);
	set(d, NMW_WO_REF, 64, r.ref), set(d, NMW_WO_REF2, 64, r.ref2),
		set(d, NMW_WO_MATCH, 64, r.match);
	set(d, NMW_WO_LIQUIDITY, 8, r.liquidity), set(d, NMW_WO_REASON, 8, r.reason);
	set(d, NMW_WO_CODE, 16, r.code), set(d, NMW_WO_PREVENTED, 32, r.prevented);
	set(d, NMW_WO_LOCATE, 16, r.locate), set(d, NMW_WO_APP_LEN, 5, r.app_len);
	set_text(d, NMW_WO_APP, r.app, 18);
}

// A record is offered; what it must become is remembered at once, because it will be taken.
void Bench::offer_record(unsigned stream, ref_wire &r)
{
	uint8_t b[128];
	uint32_t n = ref_wire_encode(&r, b);
	if (n)
		want[r.dest].push_back({std::vector<uint8_t>(b, b + n), r.time, cycle});
	no_message += n == 0;
	if (stream) {
		put_record(top.s_feed_data, r);
		top.s_feed_valid = 1;
	} else {
		put_record(top.s_rep_data, r);
		top.s_rep_valid = 1;
	}
	offered[stream] = true;
}

void Bench::offer(unsigned stream, bool may)
{
	if (offered[stream])
		return;
	(stream ? top.s_feed_valid : top.s_rep_valid) = 0;
	uint32_t share = stream ? mix.feed : 100 - mix.feed;
	if (!may || rng.percent(idle) || (share < 50 && !rng.percent(2 * share)))
		return;
	const char *types = stream ? mix.market : mix.reply;
	unsigned dest = stream ? FEED : rng.below(mix.clients);
	ref_wire r = random_record(rng, dest, (uint8_t)types[rng.below((uint32_t)strlen(types))]);
	offer_record(stream, r);
}

bool Bench::port_ready()
{
	if (timed) {
		credit = credit + BYTES_A_CYCLE < 2 * 64 ? credit + BYTES_A_CYCLE : 2 * 64;
		return credit >= 0;
	}
	if (blocked)
		return --blocked, false;
	if (mix.burst && rng.below(10000) < mix.burst)
		blocked = 500 + rng.below(4000);
	return !rng.percent(stall);
}

void Bench::tick(bool may)
{
	for (unsigned s = 0; s < 2; s++)
		offer(s, may);
	top.m_axis_tready = port_ready();
	top.eval();
	for (unsigned i = 0; i < 8; i++)
		stat[i] += top.stat >> i & 1;
	bool took[2] = {offered[0] && top.s_rep_ready, offered[1] && top.s_feed_ready};
	look();
	edge();
	for (unsigned s = 0; s < 2; s++) {
		put[s] += took[s];
		offered[s] = offered[s] && !took[s];
		if (took[s])
			(s ? top.s_feed_valid : top.s_rep_valid) = 0;
	}
	if (++quiet > DEADLOCK)
		fail("nothing moves");
}

// What is offered and not taken must be offered again as it is.
void Bench::look()
{
	if (held.valid) {
		if (!top.m_axis_tvalid || top.m_axis_tlast != held.last ||
		    top.m_axis_tkeep != held.keep || top.m_axis_tuser != held.user ||
		    memcmp(&top.m_axis_tdata[0], held.data, 64) != 0)
			fail("a word that was not taken changes");
	}
	held.valid = top.m_axis_tvalid && !top.m_axis_tready;
	if (held.valid) {
		held.last = top.m_axis_tlast;
		held.keep = top.m_axis_tkeep;
		held.user = top.m_axis_tuser;
		memcpy(held.data, &top.m_axis_tdata[0], 64);
	}
	if (top.m_axis_tvalid && top.m_axis_tready)
		word();
}

void Bench::word()
{
	uint64_t keep = top.m_axis_tkeep;
	bool last = top.m_axis_tlast;
	if (!keep || (keep & (keep + 1)) || (!last && keep != UINT64_MAX))
		fail("tkeep has holes");
	if (!in_frame)
		frame_time = top.m_axis_tuser;
	same("tuser in a frame", top.m_axis_tuser, frame_time);
	in_frame = !last;
	for (unsigned i = 0; i < 64; i++) {
		uint8_t b = (uint8_t)(top.m_axis_tdata[i / 4] >> (i % 4 * 8));
		if (keep >> i & 1)
			frame.push_back(b);
		else
			same("a byte behind the frame", b, 0);
	}
	words++;
	credit -= __builtin_popcountll(keep) + (last ? BYTES_AROUND : 0);
	quiet = 0;
	if (last)
		frame_done();
}

unsigned Bench::dest_of(Bytes &b, size_t *ip)
{
	uint64_t dst = b.number(6), src = b.number(6), tci = 0, type;
	unsigned tags = 0;
	while ((type = b.number(2)) == 0x8100 || type == 0x88a8)
		tci |= (type << 16 | b.number(2)) << (32 * tags++);
	*ip = b.at;
	same("EtherType", type, 0x0800);
	same("version and header", b.number(1), 0x45);
	b.at = *ip + 12;
	uint64_t src_ip = b.number(4), dst_ip = b.number(4), src_port = b.number(2),
		 dst_port = b.number(2);
	for (unsigned i = 0; i < DESTS; i++) {
		const Address &a = address[i];
		if (a.dst_ip != dst_ip || a.dst_port != dst_port)
			continue;
		same("destination MAC", dst, a.dst_mac);
		same("source MAC", src, a.src_mac);
		same("tags", tags, a.tags);
		same("tag", tci, tags ? a.tci & (tags == 1 ? UINT32_MAX : UINT64_MAX) : 0);
		same("source address", src_ip, a.src_ip);
		same("source port", src_port, a.src_port);
		return i;
	}
	fail("a frame to nobody");
}

void Bench::frame_done()
{
	size_t ip;
	Bytes b = {frame};
	unsigned dest = dest_of(b, &ip);
	size_t udp = ip + 20;
	Bytes head = {frame, ip + 2};
	same("IP length", head.number(2), frame.size() - ip);
	same("identification, flags", head.number(4), 0x4000);
	same("hops, protocol", head.number(2), 64 << 8 | 17);
	Bytes u = {frame, udp + 4};
	same("UDP length", u.number(2), frame.size() - udp);
	checksum = (uint16_t)u.number(2);
	check_sums(frame, ip, udp, frame.size());
	uint64_t payload = frame.size() - udp - 8;
	if (payload > UDP_PAYLOAD_MAX)
		fail("UDP payload", payload, UDP_PAYLOAD_MAX);
	largest = payload > largest ? payload : largest;
	Bytes m = {frame, udp + 8};
	for (char c : session)
		same("session", m.number(1), (uint8_t)c);
	same("sequence number", m.number(8), next_seq[dest]);
	uint64_t count = m.number(2);
	last_frame[dest] = cycle;
	if (count == 0 || count == 0xffff)
		bare_frame(dest, count);
	else
		blocks(dest, m, count);
	if (m.at != frame.size())
		fail("bytes behind the last block");
	write_pcap();
	frames++;
	frame_bytes += frame.size();
	frame.clear();
}

void Bench::bare_frame(unsigned dest, uint64_t count)
{
	bare++;
	beats[dest] += count == 0;
	ends[dest] += count != 0;
	same("time of a bare frame", frame_time, 0);
}

void Bench::blocks(unsigned dest, Bytes &b, uint64_t count)
{
	messages += count;
	next_seq[dest] += count;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t len = b.number(2);
		if (want[dest].empty())
			fail("a message that was not given");
		const Message &w = want[dest].front();
		same("length of a message", len, w.bytes.size());
		for (uint8_t x : w.bytes)
			if (b.number(1) != x)
				fail("a byte of a message of type " +
					     std::string(1, (char)w.bytes[0]),
				     b.v[b.at - 1], x);
		if (turns && cycle - w.born > TURN_MAX)
			fail("cycles until a message's turn", cycle - w.born, TURN_MAX);
		if (i == 0)
			same("time of a frame", frame_time, w.time);
		want[dest].pop_front();
	}
}

void Bench::write_pcap()
{
	if (!pcap)
		return;
	uint32_t n = (uint32_t)frame.size();
	uint32_t h[4] = {(uint32_t)(cycle / 250000000), (uint32_t)(cycle % 250000000 * 4), n, n};
	fwrite(h, sizeof h, 1, pcap);
	fwrite(frame.data(), 1, n, pcap);
}

void Bench::drain()
{
	mix.burst = 0;
	while (waiting() || offered[0] || offered[1])
		tick(false);
	for (int i = 0; i < 100; i++)
		tick(false);
	while (!frame.empty()) // a heartbeat may be under way
		tick(false);
}

// The last message of the feed's day is followed by the end of its session, and by nothing else.
void Bench::last_message()
{
	for (int i = 0; i < 4; i++) {
		ref_wire r = random_record(rng, FEED, i < 3 ? 'A' : 'S');
		r.code = i < 3 ? r.code : 'C';
		offer_record(1, r);
		while (offered[1])
			tick(false);
	}
	drain();
	same("ends of the feed's session", ends[FEED], 1);
}

// Heartbeats in silence, then the end, then ends in their place.
void Bench::silence(uint32_t period)
{
	uint64_t before[DESTS];
	memcpy(before, beats, sizeof before);
	for (uint64_t t = cycle + 4 * period; cycle < t;)
		tick(false);
	for (unsigned i = 0; i < DESTS; i++)
		if (i != FEED && (beats[i] - before[i] < 2 || beats[i] - before[i] > 5))
			fail("heartbeats in four periods", beats[i] - before[i], 4);
	if (beats[FEED] != before[FEED] || ends[FEED] < 3)
		fail("no ends in place of the feed's heartbeats");
	top.cfg_end = 1;
	tick(false);
	top.cfg_end = 0;
	uint64_t beats_at_end[DESTS];
	for (int i = 0; i < 400; i++)
		tick(false);
	memcpy(beats_at_end, beats, sizeof beats);
	for (unsigned i = 0; i < DESTS; i++)
		if (!ends[i])
			fail("no end of session");
	for (uint64_t t = cycle + 3 * period; cycle < t;)
		tick(false);
	for (unsigned i = 0; i < DESTS; i++) {
		same("heartbeats after the end", beats[i], beats_at_end[i]);
		if (ends[i] < 2)
			fail("the end is not repeated");
	}
}

FILE *open_pcap(const char *name)
{
	FILE *f = fopen(name, "wb");
	const uint32_t h[6] = {0xa1b23c4d, 2 | 4 << 16, 0, 0, 65535, 1};
	if (!f) {
		perror(name);
		exit(1);
	}
	fwrite(h, sizeof h, 1, f);
	return f;
}

bool run(const Mix &mix, uint64_t seed, uint64_t messages, uint32_t stall, uint32_t idle,
	 const char *pcap)
{
	constexpr uint32_t PERIOD = 3000;
	auto b = std::make_unique<Bench>(seed, mix);
	b->stall = stall, b->idle = idle;
	b->turns = !stall && !mix.burst;
	b->pcap = pcap ? open_pcap(pcap) : nullptr;
	std::string why;
	try {
		b->start(PERIOD);
		while (b->put[0] + b->put[1] < messages)
			b->tick(true);
		b->drain();
		b->last_message();
		b->silence(PERIOD);
		b->top.cfg_heartbeat = 0;
		b->drain();
		same("messages counted", b->stat[2] + b->stat[3], b->messages);
		same("frames counted", b->stat[0] + b->stat[1], b->frames);
		same("bare frames counted", b->stat[1], b->bare);
		same("records that are none", b->stat[6] + b->stat[7], b->no_message);
	} catch (const std::string &e) {
		why = e;
	}
	if (b->pcap)
		fclose(b->pcap);
	if (!why.empty()) {
		printf("wire_out %s: %s in cycle %" PRIu64 ", after %" PRIu64
		       " messages: --mix %s --seed %" PRIu64
		       " --stall %u --idle %u --messages %" PRIu64 "\n",
		       mix.name, why.c_str(), b->cycle, b->messages, mix.name, seed, stall, idle,
		       messages);
		return false;
	}
	printf("wire_out %-6s stall %2u: %" PRIu64 " messages in %" PRIu64
	       " frames, largest payload %" PRIu64 ", equal, in order, checksums right\n",
	       mix.name, stall, b->messages, b->frames - b->bare, b->largest);
	return true;
}

// A message is chosen so that the sum makes a UDP checksum of 0, which says that there is none: it
// has to be sent as all ones (RFC 768).
bool no_zero_checksum(uint64_t seed)
{
	uint16_t locate = 0;
	for (int i = 0; i < 2; i++) {
		auto b = std::make_unique<Bench>(seed, mixes[1]);
		b->start(0);
		b->address[FEED].tags = 0;
		b->top.cfg_feed_vlan = 0;
		for (int n = 0; n < 60; n++)
			b->tick(false);
		ref_wire r = random_record(b->rng, FEED, 'A');
		r.locate = locate; // at an odd offset
		try {
			b->offer_record(1, r);
			b->drain();
		} catch (const std::string &e) {
			printf("wire_out checksum of 0: %s: seed %" PRIu64 "\n", e.c_str(), seed);
			return false;
		}
		if (i && b->checksum != 0xffff)
			return printf("wire_out checksum of 0: %04x sent: seed %" PRIu64 "\n",
				      b->checksum, seed),
			       false;
		locate = (uint16_t)(b->checksum << 8 | b->checksum >> 8);
	}
	return true;
}

// --- figures

// Cycles from the one in which a record is offered to the one in which its frame's first word is.
uint64_t latency(unsigned stream, uint8_t type)
{
	auto b = std::make_unique<Bench>(1, mixes[0]);
	b->start(0);
	for (int i = 0; i < 60; i++)
		b->tick(false);
	ref_wire r = random_record(b->rng, stream ? FEED : 3, type);
	b->offer_record(stream, r);
	uint64_t from = b->cycle;
	while (!b->top.m_axis_tvalid)
		b->tick(false);
	uint64_t took = b->cycle - from;
	b->drain();
	return took;
}

struct Flow {
	const char *name;
	uint32_t add,
		cancel; // of 100 messages that come in; the others trade: IOC against one order
};

// Messages come in at line rate, one a frame: how many bytes each, what they make.
constexpr double ENTER_WIRE = (62 + 2 + 47 + BYTES_AROUND) / BYTES_A_CYCLE;
constexpr double CANCEL_WIRE = 2; // its 73 bytes are two words: 97 / 50 is less

void rate(const Flow &f, uint32_t clients)
{
	auto b = std::make_unique<Bench>(7, mixes[1]);
	std::deque<ref_wire> queue[2];
	b->timed = true;
	b->start(0);
	for (int i = 0; i < 40; i++)
		b->tick(false);
	double due = 0;
	uint64_t in = 0, lag = 0, begin = b->cycle;
	auto push = [&](unsigned dest, char type) {
		ref_wire r = random_record(b->rng, dest, (uint8_t)type);
		r.app_len = 0;
		memset(r.app, 0, sizeof r.app);
		queue[dest == FEED].push_back(r);
	};
	for (uint64_t t = 0; t < 40000; t++) {
		while (due <= (double)t) {
			uint32_t what = b->rng.below(100), client = b->rng.below(clients);
			bool cancel = what >= f.add && what < f.add + f.cancel;
			due += cancel ? CANCEL_WIRE : ENTER_WIRE;
			in++;
			push(client, cancel ? 'C' : 'A');
			if (what >= f.add + f.cancel) {
				push(client, 'E');
				push(b->rng.below(clients), 'E');
				push(FEED, 'E');
			} else {
				push(FEED, cancel ? 'D' : 'A');
			}
		}
		for (unsigned s = 0; s < 2; s++)
			if (!b->offered[s] && !queue[s].empty()) {
				b->offer_record(s, queue[s].front());
				queue[s].pop_front();
			}
		b->tick(false);
		lag = queue[0].size() + queue[1].size() > lag ? queue[0].size() + queue[1].size()
							      : lag;
	}
	double cycles = (double)(b->cycle - begin);
	printf("wire_out %-22s %2u clients: 1 in each %.2f cycles, %.2f out, %.1f in a frame, port "
	       "%.0f %% busy, "
	       "waits %.1f %% of cycles, %s\n",
	       f.name, clients, cycles / (double)in, (double)b->messages / (double)in,
	       (double)b->messages / (double)b->frames,
	       100 * ((double)b->frame_bytes + BYTES_AROUND * (double)b->frames) /
		       (cycles * BYTES_A_CYCLE),
	       100 * (double)(b->stat[4] + b->stat[5]) / cycles,
	       lag < 300 ? "line rate held" : "falls behind");
}

int figures()
{
	for (const char *t = "ACEUJ"; *t; t++)
		printf("wire_out latency reply %c: %" PRIu64
		       " cycles from the record to the first word\n",
		       *t, latency(0, (uint8_t)*t));
	printf("wire_out latency feed A: %" PRIu64 " cycles\n", latency(1, 'A'));
	const Flow flows[] = {{"57 % add, 43 % cancel", 57, 43},
			      {"usual, 12 % trade", 45, 43},
			      {"all cancel", 0, 100},
			      {"all add", 100, 0},
			      {"all trade", 0, 0}};
	for (auto &f : flows)
		for (uint32_t c : {1u, 16u})
			rate(f, c);
	return 0;
}

} // namespace

int main(int argc, char **argv)
{
	uint64_t messages = 20000, seed = 1;
	setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
	uint32_t stall = 0, idle = 0;
	const char *only = nullptr, *pcap = nullptr;
	Bench::argc = argc, Bench::argv = argv;
	for (int i = 1; i < argc; i++) {
		std::string a = argv[i];
		if (a[0] == '+')
			continue;
		if (a == "--figures") {
			try {
				return figures();
			} catch (const std::string &e) {
				printf("wire_out: %s\n", e.c_str());
				return 1;
			}
		}
		if (i + 1 == argc) {
			fprintf(stderr, "tb_wire_out: %s: an option with its value expected\n",
				argv[i]);
			return 2;
		}
		const char *v = argv[++i];
		if (a == "--messages")
			messages = strtoull(v, nullptr, 10);
		else if (a == "--seed")
			seed = strtoull(v, nullptr, 10);
		else if (a == "--stall")
			stall = (uint32_t)strtoul(v, nullptr, 10);
		else if (a == "--idle")
			idle = (uint32_t)strtoul(v, nullptr, 10);
		else if (a == "--mix")
			only = v;
		else if (a == "--pcap")
			pcap = v;
		else {
			fprintf(stderr, "tb_wire_out: %s: no such option\n", a.c_str());
			return 2;
		}
	}
	bool ok = no_zero_checksum(seed);
	for (auto &m : mixes)
		if (!only || m.name == std::string(only))
			ok = run(m, seed, messages, stall, idle, pcap) && ok;
	return ok ? 0 : 1;
}
