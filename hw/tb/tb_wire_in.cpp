// tb_wire_in: frames go in, the records that come out and the counters are compared with those of
// RefWireIn, which asks the software.
//
//      tb_wire_in [--frames N] [--seed S] [--mix NAME] [--stall PERCENT] [--idle PERCENT]
//      tb_wire_in --figures        cycles of a frame, of a message, from the last beat to the
//      record
//
// Exit 0: equal throughout; 1: a difference, which is printed with the seed that shows it again.
#include "Vnmw_wire_in.h"
#include "ref_wire_in.h"
#include "verilated.h"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace
{

using namespace tb;

enum : unsigned {
#include "nmw_wire_msg.vh"
};
constexpr unsigned WORDS = (NMW_MSG_W + 31) / 32;
constexpr uint64_t QUIET = 5000; // cycles without a word in or out
constexpr uint64_t DAY = UINT64_C(86400000000000);

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
	template <size_t N> char of(const char (&s)[N])
	{
		return s[below(N - 1)];
	}
};

struct Mix {
	const char *name;
	uint32_t clients;
	uint32_t messages; // of a frame, at most
	uint32_t odd;	   // percent of fields that are not usual
	uint32_t options;  // percent of frames with VLAN tags, of those with IP options
	uint32_t disorder; // percent of frames out of sequence
	uint32_t mutated;  // percent of frames that are changed
	uint32_t random;   // percent of frames that are noise
};
const Mix mixes[] = {
	{"usual", 12, 3, 2, 10, 2, 0, 0},    {"single", 16, 1, 5, 0, 1, 0, 0},
	{"many", 4, 60, 5, 20, 5, 0, 0},     {"tiny", 3, 600, 70, 30, 2, 1, 0},
	{"odd", 20, 6, 40, 50, 20, 5, 1},    {"mutated", 14, 6, 20, 40, 5, 80, 2},
	{"blocks", 6, 40, 30, 30, 5, 50, 0}, {"noise", 4, 4, 20, 40, 5, 20, 50},
};

uint32_t be16(const uint8_t *p)
{
	return (uint32_t)(p[0] << 8 | p[1]);
}
void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}
void put64(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (56 - 8 * i));
}
uint16_t sum_of(const uint8_t *p, size_t n, uint64_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += (uint32_t)p[i] << (i & 1 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return (uint16_t)~sum;
}

// Frames at random.
class Flow
{
      public:
	Flow(const Mix &m, uint64_t seed, RefWireIn &ref) : m_(m), rng_(seed), ref_(ref)
	{
		for (unsigned i = 0; i < 16; i++) {
			static const uint32_t steps[] = {1,	100, 100, 5,	10, 2500, 625, 16,
							 10000, 50,  25,  1000, 80, 4,	  2,   400};
			char name[16];
			snprintf(name, sizeof name, "SYM%-5u", i * i);
			ref.symbol[i].valid = i != 11;
			memcpy(&ref.symbol[i].name, name, 8);
			ref.symbol[i].base = i * 123400;
			ref.symbol[i].step = steps[i];
		}
		for (uint32_t i = 0; i < m.clients; i++)
			next_.push_back(1 + rng_.below(1000));
		time_ = UINT64_C(1767623400) * 1000000000 + seed;
	}
	Frame make();
	// A frame of one client with these messages, and nothing odd about it
	Frame plain(const std::vector<std::vector<uint8_t>> &messages);

      private:
	using Bytes = std::vector<uint8_t>;
	Bytes message();
	Bytes order(bool enter);
	void appendage(Bytes &b);
	Bytes packet(uint32_t client, uint32_t *count);
	void fill(Bytes &payload, size_t room);
	void headers(Bytes &f, const Bytes &payload, uint32_t client);
	void sums(Bytes &f);
	void mutate(Bytes &f);
	bool odd()
	{
		return rng_.percent(m_.odd);
	}
	uint8_t any()
	{
		return (uint8_t)rng_.next();
	}

	const Mix &m_;
	Rng rng_;
	RefWireIn &ref_;
	std::vector<uint64_t> next_;
	uint64_t time_;
	size_t ip_ = 0, udp_ = 0; // where they are in the frame being made
};

void Flow::appendage(Bytes &b)
{
	Bytes a;
	static const struct {
		uint8_t tag, size;
	} tags[] = {{2, 4}, {3, 4}, {4, 1},  {12, 1}, {2, 4},  {3, 4}, {4, 1}, {12, 1},
		    {5, 4}, {1, 8}, {17, 1}, {24, 2}, {15, 4}, {8, 3}, {99, 5}};
	uint32_t n = rng_.percent(60) ? 0 : rng_.below(5), kinds = rng_.percent(85) ? 8 : 15;
	if (odd() && rng_.percent(30))
		n = rng_.below(rng_.percent(30) ? 60 : 20);
	uint32_t used = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t k = rng_.below(kinds);
		if (used & 1u << k % 4 && k < 8 && !rng_.percent(5))
			continue;
		if (k < 8)
			used |= 1u << k % 4;
		uint8_t size = tags[k].size;
		if (odd() && rng_.percent(10))
			size = (uint8_t)rng_.below(10);
		a.push_back((uint8_t)(size + 1));
		a.push_back(tags[k].tag);
		for (uint8_t j = 0; j < size; j++)
			a.push_back(tags[k].tag == 3 && j < 2 && !odd() ? 0
				    : tags[k].tag == 12			? (uint8_t)rng_.of("PPNx")
									: any());
	}
	if (odd() && rng_.percent(10))
		a.push_back(any());
	if (odd() && rng_.percent(10) && !a.empty())
		a[rng_.below((uint32_t)a.size())] = (uint8_t)rng_.below(30);
	uint8_t len[2];
	put16(len, (uint32_t)a.size() + (odd() && rng_.percent(5) ? rng_.below(4) : 0));
	b.insert(b.end(), len, len + 2);
	b.insert(b.end(), a.begin(), a.end());
}

Flow::Bytes Flow::order(bool enter)
{
	Bytes b(enter ? 45 : 38);
	for (uint8_t &x : b)
		x = any();
	b[0] = enter ? 'O' : 'U';
	uint8_t *p = b.data(), *qty = p + (enter ? 6 : 9), *price = p + (enter ? 18 : 13),
		*terms = p + (enter ? 26 : 21);
	uint32_t sym = rng_.below(16);
	if (!odd()) {
		qty[0] = 0;
		qty[1] &= 7;
	}
	if (rng_.percent(3))
		memset(qty, 0, 4);
	if (rng_.percent(3))
		put16(qty, 15), put16(qty + 2, 16959 + rng_.below(2)); // 999,999, 1,000,000
	if (!odd()) {
		put64(price, ref_.symbol[sym].base +
				     (uint64_t)rng_.below(9000) * ref_.symbol[sym].step +
				     (rng_.percent(5) ? rng_.below(9) : 0));
		if (rng_.percent(3))
			put64(price, 0x7FFFFFFF);
		if (rng_.percent(3))
			put64(price, 0x7735939B + (uint64_t)rng_.below(3));
		if (rng_.percent(2))
			put64(price, 0);
	}
	*terms++ = (uint8_t)(odd() ? (rng_.percent(50) ? any() : (uint8_t)rng_.of("6E2 "))
				   : rng_.of("00035"));
	*terms++ = (uint8_t)(odd() ? rng_.of("ZP ") : rng_.of("AYYN"));
	if (enter) {
		memcpy(p + 10, &ref_.symbol[sym].name, 8);
		if (odd())
			p[10 + rng_.below(8)] ^= (uint8_t)(1u << rng_.below(8));
		p[5] = (uint8_t)(odd() ? rng_.of("C b") : rng_.of("BBSTE"));
		*terms++ = (uint8_t)(odd() ? rng_.of("Xp ") : rng_.of("APRO"));
	}
	*terms++ = (uint8_t)(odd() ? rng_.of("Xn ") : rng_.of("YNy"));
	if (enter)
		*terms++ = (uint8_t)(odd() ? rng_.of("OCH") : 'N');
	appendage(b);
	return b;
}

Flow::Bytes Flow::message()
{
	uint32_t k = rng_.below(100);
	if (m_.messages > 100 && rng_.percent(95))
		k = 95 + rng_.below(5);
	if (k < 40)
		return order(true);
	if (k < 60)
		return order(false);
	Bytes b(k < 85 ? 9 : k < 95 ? 10 : 1);
	for (uint8_t &x : b)
		x = any();
	b[0] = k < 85 ? 'X' : k < 95 ? 'M' : 'Q';
	if (b.size() > 5 && !odd())
		b[5] = (uint8_t)rng_.of("BSTE");
	if (odd() && rng_.percent(30))
		b.resize(rng_.below(rng_.percent(10) ? 300 : 70));
	if (odd() && rng_.percent(20) && !b.empty())
		b[0] = any();
	return b;
}

// A MoldUDP64 packet
Flow::Bytes Flow::packet(uint32_t client, uint32_t *count)
{
	Bytes b(20);
	char name[16];
	snprintf(name, sizeof name, "S%-9u", client);
	if (rng_.percent(m_.disorder) && rng_.percent(20))
		name[3] = 'x';
	memcpy(b.data(), name, 10);
	// a mutation may have moved it far away, or have given it another session
	for (const Client &c : ref_.clients)
		if (c.src[3] == client / 4 && c.src[2] == 1 && c.dst[3] == 1 &&
		    c.sport == 40000 + client % 4 && c.dport == 9001) {
			if (c.next > next_[client] + 100000)
				next_[client] = c.next;
			if (!rng_.percent(m_.disorder))
				memcpy(b.data(), c.session.data(), 10);
		}
	uint64_t seq = next_[client];
	if (rng_.percent(m_.disorder))
		seq += rng_.percent(10) ? rng_.next() : (uint64_t)rng_.below(7) - 4;
	put64(b.data() + 10, seq);
	uint32_t n = 1 + rng_.below(m_.messages);
	if (rng_.percent(4))
		n = 0;
	size_t most = rng_.percent(3) ? 8900 : 1472;
	for (*count = 0; *count < n; ++*count) {
		Bytes msg = message();
		if (b.size() + 2 + msg.size() > most)
			break;
		uint8_t len[2];
		put16(len, (uint32_t)msg.size());
		b.insert(b.end(), len, len + 2);
		b.insert(b.end(), msg.begin(), msg.end());
	}
	put16(b.data() + 18, *count);
	if (n == 0 && rng_.percent(30))
		put16(b.data() + 18, 0xFFFF);
	if (n == 0 && rng_.percent(30))
		b.push_back(any());
	if (rng_.percent(3)) // bytes behind the last block
		b.resize(b.size() + rng_.below(20));
	return b;
}

// Two messages more, the second of them empty, that take so many bytes or 64 more.
void Flow::fill(Bytes &b, size_t room)
{
	size_t n = room < 4 ? room + 60 : room - 4;
	uint32_t count = be16(b.data() + 18);
	put16(b.data() + 18, (count == 0xFFFF ? 0 : count) + 2);
	b.insert(b.end(), {0, (uint8_t)n});
	for (size_t i = 0; i < n; i++)
		b.push_back(any());
	b.insert(b.end(), {0, 0});
}

void Flow::headers(Bytes &f, const Bytes &payload, uint32_t client)
{
	f.resize(12);
	for (uint8_t &x : f)
		x = any();
	for (uint32_t n = rng_.percent(m_.options) ? 1 + rng_.below(rng_.percent(10) ? 3 : 2) : 0;
	     n; n--) {
		static const uint16_t tags[] = {0x8100, 0x88A8, 0x9100};
		uint16_t t = tags[rng_.below(3)];
		f.insert(f.end(), {(uint8_t)(t >> 8), (uint8_t)t, any(), any()});
	}
	f.insert(f.end(), {8, 0});
	ip_ = f.size();
	uint32_t hdr = 20 + (rng_.percent(m_.options) ? 4 * rng_.below(11) : 0);
	udp_ = ip_ + hdr;
	size_t total = hdr + 8 + payload.size();
	bool loose = rng_.percent(2); // IP has more than UDP says
	f.resize(f.size() + hdr + 8);
	for (size_t i = ip_; i < f.size(); i++)
		f[i] = any();
	uint8_t *ip = f.data() + ip_, *udp = f.data() + udp_;
	ip[0] = (uint8_t)(0x40 | hdr / 4);
	put16(ip + 2, (uint32_t)(total + (loose ? 5 : 0)));
	put16(ip + 6, rng_.percent(50) ? 0x4000 : 0);
	ip[9] = 17;
	const uint8_t a[8] = {10, 0, 1, (uint8_t)(client / 4), 10, 0, 0, 1};
	memcpy(ip + 12, a, 8);
	put16(udp, 40000 + client % 4);
	put16(udp + 2, 9001);
	put16(udp + 4, (uint32_t)(8 + payload.size()));
	f.insert(f.end(), payload.begin(), payload.end());
	if (loose)
		f.resize(f.size() + 5);
}

// Both checksums, over what the headers say as far as it is there.
void Flow::sums(Bytes &f)
{
	if (ip_ + 20 > f.size())
		return;
	uint8_t *ip = f.data() + ip_;
	size_t hdr = (ip[0] & 15u) * 4u;
	if (ip_ + hdr + 8 > f.size())
		return;
	put16(ip + 10, 0);
	put16(ip + 10, sum_of(ip, hdr, 0));
	uint8_t *udp = ip + hdr;
	size_t n = be16(udp + 4);
	if (udp + n > f.data() + f.size())
		return;
	put16(udp + 6, 0);
	if (rng_.percent(10))
		return; // none
	uint16_t s = sum_of(udp, n,
			    (uint64_t)be16(ip + 12) + be16(ip + 14) + be16(ip + 16) +
				    be16(ip + 18) + 17 + n);
	put16(udp + 6, s ? s : 0xFFFF);
}

void Flow::mutate(Bytes &f)
{
	uint32_t n = 1 + rng_.below(3);
	for (; n; n--) {
		uint32_t at =
			rng_.below(rng_.percent(60) && f.size() > 120 ? 120 : (uint32_t)f.size());
		switch (rng_.below(8)) {
		case 0:
			f[at] = any();
			break;
		case 1:
			f[at] ^= (uint8_t)(1u << rng_.below(8));
			break;
		case 2:
			f.resize(1 + rng_.below((uint32_t)f.size()));
			break;
		case 3:
			f.resize(f.size() + rng_.below(80));
			break;
		case 4: // a length, a count
			if (udp_ + 30 < f.size()) {
				static const unsigned places[] = {4, 5, 26, 27, 28, 29};
				f[udp_ + places[rng_.below(6)]] += (uint8_t)(rng_.below(5) - 2);
			}
			break;
		case 5:
			if (ip_ + 20 < f.size())
				f[ip_ + rng_.below(10)] += (uint8_t)(rng_.below(5) - 2);
			break;
		case 6:
			f.erase(f.begin() + at);
			if (f.empty())
				f.push_back(0);
			break;
		default:
			f.insert(f.begin() + at, any());
			break;
		}
	}
	if (rng_.percent(75))
		sums(f);
}

Frame Flow::make()
{
	Frame f = {};
	uint32_t client = rng_.below(m_.clients), count = 0;
	time_ += rng_.below(1000);
	if (rng_.percent(1))
		time_ += rng_.below(20) * (DAY / 7);
	if (rng_.percent(1) && rng_.percent(10))
		time_ -= DAY / 3;
	f.time = time_;
	f.damaged = rng_.percent(1);
	if (rng_.percent(m_.random)) {
		f.p.resize(1 + rng_.below(rng_.percent(80) ? 200 : 3000));
		uint8_t mask = rng_.percent(50) ? 0xFF : 0;
		for (uint8_t &x : f.p)
			x = any() & mask;
	} else {
		Bytes payload = packet(client, &count);
		uint64_t state = rng_.s;
		headers(f.p, payload, client);
		if (rng_.percent(5)) { // again, with an empty message that ends frame and beat
			fill(payload, 64 - f.p.size() % 64);
			rng_.s = state;
			f.p.clear();
			headers(f.p, payload, client);
			count += 2;
		}
		sums(f.p);
		if (f.p.size() < 60 || rng_.percent(3))
			f.p.resize(f.p.size() < 60 ? 60 : f.p.size() + rng_.below(70), any());
		bool changed = rng_.percent(m_.mutated);
		if (changed)
			mutate(f.p);
		if (!changed && !f.damaged)
			next_[client] += count;
	}
	f.behind.resize((64 - f.p.size() % 64) % 64);
	for (uint8_t &x : f.behind)
		x = any();
	return f;
}

Frame Flow::plain(const std::vector<Bytes> &messages)
{
	Frame f = {};
	Bytes b(20, ' ');
	put64(b.data() + 10, next_[0]);
	put16(b.data() + 18, (uint32_t)messages.size());
	for (const Bytes &m : messages) {
		b.insert(b.end(), {(uint8_t)(m.size() >> 8), (uint8_t)m.size()});
		b.insert(b.end(), m.begin(), m.end());
	}
	next_[0] += messages.size();
	do {
		f.p.clear();
		headers(f.p, b, 0);
	} while (be16(&f.p[12]) != 0x0800 || f.p[14] != 0x45 || f.p.size() != 42 + b.size());
	sums(f.p);
	f.time = time_;
	f.behind.resize((64 - f.p.size() % 64) % 64);
	return f;
}

class Bench
{
      public:
	Bench(uint64_t seed, uint32_t stall, uint32_t idle)
	    : rng_(seed ^ 0x5EED), stall_(stall), idle_(idle), top_(new Vnmw_wire_in)
	{
		ref.utc = (uint64_t) - (int64_t)(5 * UINT64_C(3600000000000));
		ref.own_ip = 0x0A000001;
	}
	void start();
	uint64_t taken(const std::vector<Frame> &frames);
	bool run(const Mix &m, uint64_t seed, uint64_t frames);
	uint64_t latency() const
	{
		return first_out_ - last_in_;
	}
	uint64_t pass(const std::vector<Frame> &frames);
	RefWireIn ref;
	uint64_t cycles = 0, records = 0;

      private:
	void tick();
	void offer(const Frame &f, size_t beat);
	bool take();
	bool step();
	bool differ(const std::vector<uint32_t> &want);
	bool counters();

	Rng rng_;
	uint32_t stall_, idle_;
	std::unique_ptr<Vnmw_wire_in> top_;
	std::deque<Frame> queue_;
	size_t beat_ = 0;
	uint64_t stat_[STATS] = {}, missing_ = 0, quiet_ = 0, clients_ = 0;
	uint64_t last_in_ = 0, first_out_ = 0, last_out_ = 0;
	bool failed_ = false;
};

void Bench::start()
{
	Vnmw_wire_in &t = *top_;
	t.rst = 1;
	t.s_axis_tvalid = 0;
	t.m_msg_ready = 0;
	t.cfg_utc = ref.utc;
	t.cfg_own_ip = ref.own_ip;
	t.cfg_own_port = ref.own_port;
	t.sym_valid = 0;
	for (unsigned i = 0; i < 16; i++) {
		t.sym_valid = (uint16_t)(t.sym_valid | ref.symbol[i].valid << i);
		t.sym_name[2 * i] = (uint32_t)ref.symbol[i].name;
		t.sym_name[2 * i + 1] = (uint32_t)(ref.symbol[i].name >> 32);
		t.sym_base[i] = ref.symbol[i].base;
		t.sym_step[i] = ref.symbol[i].step;
	}
	for (int i = 0; i < 4; i++)
		tick();
	t.rst = 0;
	tick();
}

void Bench::tick()
{
	top_->clk = 1;
	top_->eval();
	top_->clk = 0;
	top_->eval();
	cycles++;
	if (top_->rst)
		return;
	for (unsigned i = 0; i < STATS; i++)
		stat_[i] += top_->stat >> i & 1;
	if (top_->stat >> GAPS & 1)
		missing_ += top_->stat_missing;
	if (top_->cli_wr) {
		const Client &c = ref.clients[top_->cli_index];
		const std::vector<uint8_t> &p = c.first.p;
		uint64_t dst = 0, src = 0;
		for (unsigned i = 0; i < 6; i++)
			dst = dst << 8 | p[i], src = src << 8 | p[6 + i];
		uint32_t ip[2] = {be16(c.src) << 16 | be16(c.src + 2),
				  be16(c.dst) << 16 | be16(c.dst + 2)};
		unsigned tags = 0;
		uint64_t tci = 0;
		while (tags < 2 && be16(&p[12 + 4 * tags]) != 0x0800)
			tags++;
		for (unsigned i = 0; i < tags; i++)
			tci |= (uint64_t)(be16(&p[12 + 4 * i]) << 16 | be16(&p[14 + 4 * i]))
			       << (32 * i);
		if (top_->cli_index != clients_ || dst != top_->cli_dst_mac ||
		    src != top_->cli_src_mac || ip[0] != top_->cli_src_ip ||
		    ip[1] != top_->cli_dst_ip || c.sport != top_->cli_src_port ||
		    c.dport != top_->cli_dst_port || tags != top_->cli_vlan ||
		    tci != top_->cli_tci) {
			fprintf(stderr,
				"client %u: its addresses are not those of its first frame\n",
				top_->cli_index);
			failed_ = true;
		}
		clients_++;
	}
}

void Bench::offer(const Frame &f, size_t beat)
{
	size_t at = beat * 64, n = f.p.size() - at < 64 ? f.p.size() - at : 64;
	uint8_t b[64];
	memcpy(b, &f.p[at], n);
	if (n < 64)
		memcpy(b + n, f.behind.data(), 64 - n);
	memcpy(&top_->s_axis_tdata[0], b, 64);
	top_->s_axis_tkeep = n == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1;
	top_->s_axis_tlast = at + 64 >= f.p.size();
	top_->s_axis_tuser = f.time;
	top_->s_axis_tuser_err = f.damaged && top_->s_axis_tlast;
}

// One field of a record
uint64_t field(const uint32_t *r, unsigned at, unsigned width)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < width && i < 64; i++)
		v |= (uint64_t)(r[(at + i) / 32] >> (at + i) % 32 & 1) << i;
	return v;
}

bool Bench::differ(const std::vector<uint32_t> &want)
{
	const uint32_t *got = &top_->m_msg_data[0];
	if (!memcmp(got, want.data(), WORDS * 4))
		return false;
	static const struct {
		const char *name;
		unsigned at, width;
	} fields[] = {
#define F(x) {#x, NMW_MSG_##x, NMW_MSG_##x##_W}
		F(KIND),    F(CLIENT),	  F(KNOWN), F(TIME),	  F(DAY),     F(URN),
		F(ORIG),    F(SIDE),	  F(QTY),   F(SYMBOL),	  F(PRICE),   F(TIF),
		F(DISPLAY), F(CAPACITY),  F(ISO),   F(CROSS),	  F(CLORDID), F(FIRM),
		F(MIN_QTY), F(POST_ONLY), F(CUST),  F(APP_SEEN),  F(APP_LEN), F(APP),
		F(SELL),    F(MARKET),	  F(SYM),   F(SYM_KNOWN), F(TICKS),   F(TICKS_OK),
		F(REJECT),  F(WHY),	  F(TYPE),  F(LEN),	  F(FRAME),   F(NTH)};
	for (const auto &f : fields)
		if (field(got, f.at, f.width) != field(want.data(), f.at, f.width))
			fprintf(stderr,
				"record %" PRIu64 ": %s %" PRIx64 " found, %" PRIx64 " expected\n",
				records, f.name, field(got, f.at, f.width),
				field(want.data(), f.at, f.width));
	fprintf(stderr, "record %" PRIu64 " differs: frame %" PRIu64 ", message %" PRIu64 "\n",
		records, field(want.data(), NMW_MSG_FRAME, 32),
		field(want.data(), NMW_MSG_NTH, 16));
	return true;
}

// A record that leaves in this cycle; false: it is not the one that is due.
bool Bench::take()
{
	if (!top_->m_msg_valid || !top_->m_msg_ready)
		return true;
	if (ref.records.empty()) {
		fprintf(stderr,
			"record %" PRIu64 ": none is expected: frame %" PRIu64 ", message %" PRIu64
			"\n",
			records, field(&top_->m_msg_data[0], NMW_MSG_FRAME, 32),
			field(&top_->m_msg_data[0], NMW_MSG_NTH, 16));
		return false;
	}
	if (differ(ref.records.front()))
		return false;
	ref.records.pop_front();
	if (!records++)
		first_out_ = cycles;
	last_out_ = cycles;
	quiet_ = 0;
	return true;
}

bool Bench::step()
{
	Vnmw_wire_in &t = *top_;
	if (!t.s_axis_tvalid && !queue_.empty() && !rng_.percent(idle_)) {
		offer(queue_.front(), beat_);
		t.s_axis_tvalid = 1;
	}
	t.m_msg_ready = !rng_.percent(stall_);
	t.eval();
	bool in = t.s_axis_tvalid && t.s_axis_tready;
	if (in) {
		if (!beat_) {
			ref.frame(queue_.front());
			if (!ref.trouble.empty()) {
				fprintf(stderr, "frame %" PRIu64 ": %s\n", ref.stat[FRAMES] - 1,
					ref.trouble.c_str());
				return false;
			}
		}
		quiet_ = 0;
		last_in_ = cycles;
	}
	if (!take())
		return false;
	tick();
	if (in) {
		t.s_axis_tvalid = 0;
		if (t.s_axis_tlast) {
			queue_.pop_front();
			beat_ = 0;
		} else {
			beat_++;
		}
	}
	if (++quiet_ > QUIET) {
		fprintf(stderr, "nothing moves: %zu records are missing\n", ref.records.size());
		return false;
	}
	return !failed_;
}

bool Bench::counters()
{
	bool ok = missing_ == ref.missing;
	uint64_t sum = 0;
	for (unsigned i = GOOD; i <= OTHER_SESSION; i++)
		sum += stat_[i];
	for (unsigned i = 0; i < STATS; i++) {
		bool last = i == BAD_MESSAGE || i == DUPLICATE,
		     pair = last || i == BAD_LAST || i == DUPLICATE_LAST;
		uint64_t got = stat_[i] + (last ? stat_[i + 1] : 0);
		if ((pair && !last) || got == ref.stat[i])
			continue;
		fprintf(stderr, "counter %s: %" PRIu64 " found, %" PRIu64 " expected\n",
			stat_name[i], got, ref.stat[i]);
		ok = false;
	}
	if (missing_ != ref.missing)
		fprintf(stderr, "missing: %" PRIu64 " found, %" PRIu64 " expected\n", missing_,
			ref.missing);
	if (sum != stat_[FRAMES]) {
		fprintf(stderr, "frames: %" PRIu64 " came, good and dropped are %" PRIu64 "\n",
			stat_[FRAMES], sum);
		ok = false;
	}
	return ok;
}

bool Bench::run(const Mix &m, uint64_t seed, uint64_t frames)
{
	Flow flow(m, seed, ref);
	start();
	for (uint64_t made = 0;
	     made < frames || !queue_.empty() || !ref.records.empty() || quiet_ < 1200;) {
		while (made < frames && queue_.size() < 4)
			queue_.push_back(flow.make()), made++;
		if (!step())
			return false;
	}
	return counters();
}

// Cycles from the first beat in to the last record out; 0: they differ.
uint64_t Bench::pass(const std::vector<Frame> &frames)
{
	queue_.insert(queue_.end(), frames.begin(), frames.end());
	records = 0;
	uint64_t from = cycles;
	while (!queue_.empty() || !ref.records.empty())
		if (!step())
			return 0;
	uint64_t took = last_out_ - from;
	for (int i = 0; i < 60; i++)
		step();
	return took;
}

// Cycles in which frames are taken from which nothing comes.
uint64_t Bench::taken(const std::vector<Frame> &frames)
{
	queue_.insert(queue_.end(), frames.begin(), frames.end());
	uint64_t from = cycles;
	while (!queue_.empty() && step())
		;
	return cycles - from;
}

bool figures()
{
	static const struct {
		const char *what;
		uint32_t bytes, messages;
	} rows[] = {{"a cancel", 9, 1},
		    {"an order without appendage", 47, 1},
		    {"an order with one field", 53, 1},
		    {"orders of 47 bytes", 47, 29},
		    {"orders of 53 bytes", 53, 26},
		    {"orders of 60 bytes", 60, 23},
		    {"cancels", 9, 132}};
	{
		Bench b(1, 0, 0);
		Frame arp = {std::vector<uint8_t>(60, 6), std::vector<uint8_t>(4), 0, false};
		b.start();
		printf("%-28s %4u bytes a frame, %3u messages: %.2f cycles a frame\n",
		       "what is not UDP", 60, 0,
		       (double)b.taken(std::vector<Frame>(1000, arp)) / 1000);
	}
	const Mix plain = {"plain", 1, 1, 0, 0, 0, 0, 0};
	for (const auto &r : rows) {
		Bench b(1, 0, 0);
		Flow flow(plain, 1, b.ref);
		std::vector<uint8_t> m(r.bytes, 'A');
		m[0] = r.bytes == 9 ? 'X' : 'O';
		if (m[0] == 'O') { // customer, post-only, firm
			m[45] = 0;
			m[46] = (uint8_t)(r.bytes - 47);
			static const uint8_t app[13] = {5, 2,	'F', 'I', 'R', 'M', 2,
							4, 'R', 3,   98,  1,   1};
			memcpy(m.data() + 47, app, r.bytes - 47);
		}
		b.start();
		std::vector<std::vector<uint8_t>> messages(r.messages, m);
		size_t bytes = flow.plain(messages).p.size();
		// the first two: who it is, and which day, is learned
		Frame first[2] = {flow.plain(messages), flow.plain(messages)};
		if (!b.pass({first[0]}) || !b.pass({first[1]}))
			return false;
		uint64_t wait = b.latency();
		std::vector<Frame> frames;
		for (int i = 0; i < 200; i++)
			frames.push_back(flow.plain(messages));
		uint64_t many = b.pass(frames);
		if (!many)
			return false;
		printf("%-28s %4zu bytes a frame, %3u messages: %.2f cycles a frame, %.3f a "
		       "message; last beat to first record %" PRIu64 " cycles\n",
		       r.what, bytes, r.messages, (double)(many - wait) / 200,
		       (double)(many - wait) / 200 / r.messages, wait);
	}
	return true;
}

void print_mix(const Bench &b, const Mix &m, uint64_t seed, uint32_t stall)
{
	const uint64_t *s = b.ref.stat;
	printf("%-8s seed %-4" PRIu64 " stall %2u %%: %7" PRIu64 " frames, %7" PRIu64
	       " good, dropped",
	       m.name, seed, stall, s[FRAMES], s[GOOD]);
	for (unsigned i = DAMAGED; i <= OTHER_SESSION; i++)
		printf(" %s %" PRIu64, stat_name[i], s[i]);
	printf("; %" PRIu64 " records equal (unfit %" PRIu64 "), %" PRIu64 " bad, %" PRIu64
	       " duplicate, %" PRIu64 " gaps, %" PRIu64 " cycles\n",
	       b.records, s[UNFIT], s[BAD_MESSAGE], s[DUPLICATE], s[GAPS], b.cycles);
	fflush(stdout);
}

int usage()
{
	fprintf(stderr, "usage: tb_wire_in [--frames N] [--seed S] [--mix NAME] [--stall PERCENT] "
			"[--idle PERCENT] | --figures\n");
	return 2;
}

} // namespace

int main(int argc, char **argv)
{
	Verilated::commandArgs(argc, argv);
	uint64_t frames = 2000, seed = 1;
	uint32_t stall = 0, idle = 0;
	std::string only;
	for (int i = 1; i < argc; i++) {
		std::string a = argv[i];
		if (a == "--figures")
			return figures() ? 0 : 1;
		if (a[0] == '+') // for the design: tb/mutants_wire_in
			continue;
		if (i + 1 == argc)
			return usage();
		const char *v = argv[++i];
		if (a == "--frames")
			frames = strtoull(v, nullptr, 10);
		else if (a == "--seed")
			seed = strtoull(v, nullptr, 10);
		else if (a == "--stall")
			stall = (uint32_t)strtoul(v, nullptr, 10);
		else if (a == "--idle")
			idle = (uint32_t)strtoul(v, nullptr, 10);
		else if (a == "--mix")
			only = v;
		else
			return usage();
	}
	Verilated::randReset(2);
	Verilated::randSeed((int)seed);
	for (const Mix &m : mixes) {
		if (!only.empty() && only != m.name)
			continue;
		Bench b(seed, stall, idle);
		if (!b.run(m, seed, frames)) {
			fprintf(stderr,
				"tb_wire_in: --mix %s --seed %" PRIu64
				" --stall %u --idle %u --frames %" PRIu64 "\n",
				m.name, seed, stall, idle, frames);
			return 1;
		}
		print_mix(b, m, seed, stall);
	}
	return 0;
}
