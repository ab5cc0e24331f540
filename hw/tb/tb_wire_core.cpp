// tb_wire_core: orders of OUCH 5.0 through the wire's core, every message that comes out compared
// with what the software engine makes of the same orders.
//
//      tb_wire_core [--messages N] [--seed S] [--mix NAME] [--stall PERCENT] [--idle PERCENT]
//                   [--stp 0..2] [--serial] [--pcap FILE]
//      tb_wire_core --figures       cycles of fixed sequences and of the usual mix
//
// The core's messages are collected first; then the engine gets the same orders, but of those that
// the core handed to the host only what they leave behind: a used number, a client that is known.
// Exit 0: equal throughout; 1: a difference, which is printed with the seed that shows it again.
#include "Vnmw_wire_core.h"
#include "verilated.h"
#include "wire_engine.h"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace
{

enum {
#include "nmw_params.vh"
};
enum {
#include "rtl/nmw_wire_msg.vh"
};
enum {
#include "rtl/nmw_wire_out.vh"
};

constexpr uint32_t SYMBOLS = 16, TICKS = NMW_TB_TICKS, SLOTS = 1u << NMW_TB_SLOT_W, FEED = 16;
constexpr uint64_t START = UINT64_C(1767623400000000000), DAY = UINT64_C(86400000000000),
		   STEP = 1000;
constexpr uint32_t MSG_WORDS = (NMW_MSG_W + 31) / 32, OUT_WORDS = (NMW_WO_W + 31) / 32;

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
};

// ---- flat vectors
// --------------------------------------------------------------------------------

template <class V> void put(V &v, uint32_t at, uint32_t width, uint64_t x)
{
	for (uint32_t i = 0; i < width; i++) {
		uint32_t b = at + i, m = 1u << (b % 32);
		v[b / 32] = (v[b / 32] & ~m) | ((x >> i & 1) ? m : 0);
	}
}

template <class V> uint64_t get(const V &v, uint32_t at, uint32_t width)
{
	uint64_t x = 0;
	for (uint32_t i = 0; i < width; i++)
		x |= (uint64_t)(v[(at + i) / 32] >> ((at + i) % 32) & 1) << i;
	return x;
}

// ---- messages
// ---------------------------------------------------------------------------------------

struct Msg {
	uint32_t client;
	uint64_t ts;
	std::vector<uint8_t> p;
};

struct Out {
	uint64_t ts;
	std::vector<uint8_t> p;
};

void be(std::vector<uint8_t> &p, uint64_t v, int n)
{
	while (n--)
		p.push_back((uint8_t)(v >> 8 * n));
}

void text(std::vector<uint8_t> &p, uint64_t v, int n)
{
	for (int i = 0; i < n; i++)
		p.push_back((uint8_t)(v >> 8 * i));
}

using OutBits = std::vector<uint32_t>;

// What stands in the record of a message that goes out, as the bytes that it stands for.
std::vector<uint8_t> encode(const OutBits &v)
{
	auto f = [&](uint32_t at, uint32_t w) { return get(v, at, w); };
	auto ref = [&] { return f(NMW_WO_REF, 64); };
	std::vector<uint8_t> p;
	uint8_t type = (uint8_t)f(NMW_WO_TYPE, 8);
	p.push_back(type);
	if (f(NMW_WO_DEST, 5) == FEED) {
		be(p, f(NMW_WO_LOCATE, 16), 2), be(p, 0, 2), be(p, f(NMW_WO_DAY, 48), 6);
		switch (type) {
		case 'A':
			be(p, ref(), 8), be(p, f(NMW_WO_SIDE, 8), 1), be(p, f(NMW_WO_QTY, 32), 4);
			text(p, f(NMW_WO_SYMBOL, 64), 8), be(p, f(NMW_WO_PRICE, 32), 4);
			break;
		case 'E':
			be(p, ref(), 8), be(p, f(NMW_WO_QTY, 32), 4), be(p, f(NMW_WO_MATCH, 64), 8);
			break;
		case 'X':
			be(p, ref(), 8), be(p, f(NMW_WO_QTY, 32), 4);
			break;
		case 'D':
			be(p, ref(), 8);
			break;
		case 'U':
			be(p, ref(), 8), be(p, f(NMW_WO_REF2, 64), 8);
			be(p, f(NMW_WO_QTY, 32), 4), be(p, f(NMW_WO_PRICE, 32), 4);
			break;
		case 'S':
			be(p, f(NMW_WO_CODE, 8), 1);
			break;
		case 'R': {
			text(p, f(NMW_WO_SYMBOL, 64), 8), be(p, 'Q', 1), be(p, 'N', 1);
			be(p, f(NMW_WO_QTY, 32), 4);
			static const uint8_t rest[14] = {'N', 'C', 'Z', ' ', 'P', 'N', 'N',
							 ' ', 'N', 0,	0,   0,	  0,   'N'};
			p.insert(p.end(), rest, rest + 14);
			break;
		}
		case 'H':
			text(p, f(NMW_WO_SYMBOL, 64), 8), be(p, f(NMW_WO_CODE, 8), 1);
			be(p, 0x2020202020, 5);
			break;
		}
		return p;
	}
	be(p, f(NMW_WO_DAY, 48), 8);
	if (type == 'S') {
		be(p, f(NMW_WO_CODE, 8), 1);
		return p;
	}
	if (type == 'U')
		be(p, f(NMW_WO_ORIG, 32), 4);
	be(p, f(NMW_WO_URN, 32), 4);
	switch (type) {
	case 'A':
	case 'U':
		be(p, f(NMW_WO_SIDE, 8), 1), be(p, f(NMW_WO_QTY, 32), 4),
			text(p, f(NMW_WO_SYMBOL, 64), 8);
		be(p, f(NMW_WO_PRICE, 64), 8), be(p, f(NMW_WO_TIF, 8), 1),
			be(p, f(NMW_WO_DISPLAY, 8), 1);
		be(p, ref(), 8), be(p, f(NMW_WO_CAPACITY, 8), 1), be(p, f(NMW_WO_ISO, 8), 1);
		be(p, f(NMW_WO_CROSS, 8), 1), be(p, f(NMW_WO_STATE, 8), 1);
		text(p, f(NMW_WO_CLORDID, 64), 8), text(p, f(NMW_WO_CLORDID + 64, 48), 6);
		be(p, f(NMW_WO_APP_LEN, 5), 2);
		for (uint32_t i = 0; i < f(NMW_WO_APP_LEN, 5); i++)
			be(p, f(NMW_WO_APP + 8 * i, 8), 1);
		break;
	case 'C':
		be(p, f(NMW_WO_QTY, 32), 4), be(p, f(NMW_WO_REASON, 8), 1);
		break;
	case 'D':
		be(p, f(NMW_WO_QTY, 32), 4), be(p, f(NMW_WO_REASON, 8), 1),
			be(p, f(NMW_WO_PREVENTED, 32), 4);
		be(p, f(NMW_WO_PRICE, 64), 8), be(p, f(NMW_WO_LIQUIDITY, 8), 1), be(p, ' ', 1);
		break;
	case 'E':
		be(p, f(NMW_WO_QTY, 32), 4), be(p, f(NMW_WO_PRICE, 64), 8),
			be(p, f(NMW_WO_LIQUIDITY, 8), 1);
		be(p, f(NMW_WO_MATCH, 64), 8), be(p, 0, 2);
		break;
	case 'J':
		be(p, f(NMW_WO_CODE, 16), 2);
		text(p, f(NMW_WO_CLORDID, 64), 8), text(p, f(NMW_WO_CLORDID + 64, 48), 6);
		break;
	case 'M':
		be(p, f(NMW_WO_SIDE, 8), 1), be(p, f(NMW_WO_QTY, 32), 4);
		break;
	case 'T':
		be(p, f(NMW_WO_PRICE, 64), 8), be(p, f(NMW_WO_DISPLAY, 8), 1), be(p, ref(), 8);
		break;
	}
	return p;
}

// ---- flows
// -------------------------------------------------------------------------------------------

struct Mix {
	const char *name;
	uint32_t clients, symbols;
	uint32_t cancel, part, replace, modify; // of 100; the rest enter
	uint32_t aggressive, ioc;		// of 100 that enter
	uint32_t special;			// of 100: what is rare, and what is wrong
	uint32_t dead; // of 100 that name an order: one that is gone, or was never
	uint32_t width, reach, lots;
	uint32_t live;
	uint32_t jump;	// numbers that are skipped, up to
	uint32_t young; // of 100 that name an order: the latest
};

constexpr uint32_t W = TICKS / 2;
const Mix mixes[] = {
	{"usual", 4, 1, 43, 0, 0, 0, 12, 0, 0, 0, W / 6, 8, 1, SLOTS / 4, 0, 0},
	{"spread", 8, 16, 43, 0, 0, 0, 12, 0, 0, 0, W / 6, 8, 1, SLOTS / 4, 0, 0},
	{"full", 16, 16, 30, 0, 0, 0, 3, 0, 0, 0, W, 2, 5, SLOTS, 0, 15},
	{"moves", 4, 4, 20, 15, 25, 10, 12, 30, 0, 2, W / 6, 8, 5, SLOTS / 4, 2, 15},
	{"rules", 6, 4, 20, 8, 12, 8, 30, 30, 30, 8, 24, 20, 5, SLOTS / 4, 3, 15},
	{"tight", 3, 2, 20, 8, 15, 8, 40, 20, 10, 10, 4, 4, 3, SLOTS / 4, 1, 15},
	{"sweep", 4, 1, 10, 2, 3, 2, 10, 20, 5, 5, 40, 40, 3, SLOTS / 4, 0, 15},
	{"wrong", 6, 4, 2, 0, 2, 0, 10, 10, 100, 10, 24, 8, 3, SLOTS / 4, 1, 15},
	{"sets", 2, 2, 10, 2, 5, 2, 5, 0, 2, 2, W, 4, 3, SLOTS, 97, 15},
	{"apart", 16, 16, 30, 5, 10, 5, 20, 10, 5, 5, W / 8, 8, 3, SLOTS / 2, 400, 15},
};

const uint32_t steps[] = {100, 1,   5, 2500, 10000, 100, 625, 100,
			  16,  100, 4, 100,  100,   250, 50,  100};

struct Table {
	we_symbol s[SYMBOLS];
	uint32_t base[SYMBOLS], step[SYMBOLS];
};

Table make_table(bool all_listed)
{
	Table t = {};
	for (uint32_t i = 0; i < SYMBOLS; i++) {
		char name[9];
		snprintf(name, sizeof name, "SYM%02u   ", i);
		memcpy(t.s[i].name, name, 8);
		// those that are not listed get the next numbers as they come: they are used in
		// order
		t.s[i].listed = all_listed || i % 4 != 3;
		t.s[i].locate = (uint16_t)(t.s[i].listed ? 100 + i : 0);
		t.s[i].lot = t.s[i].listed ? 10 + i : 100;
		t.s[i].state = all_listed && i == 13 ? 'H' : 'T';
		t.step[i] = steps[i];
		t.base[i] = 500000 + 20000 * i;
	}
	return t;
}

class Flow
{
      public:
	Flow(const Mix &m, uint64_t seed, const Table &t, bool closed, int stp)
	    : m_(m), rng_(seed), t_(t), closed_(closed),
	      guide_(we_open(t.s, SYMBOLS, closed, stp, SLOTS > 64 ? SLOTS - 40 : SLOTS))
	{
		for (auto &u : urn_)
			u = 0;
	}
	~Flow()
	{
		we_close(guide_);
	}
	Msg next(uint64_t ts);

      private:
	struct Order {
		uint32_t client, urn, sym, open, exec;
		bool buys;
		uint64_t price;
	};
	bool pick(Order &o);
	void hear(const Msg &m);
	uint64_t price(uint32_t sym, bool buys, bool through);
	void app(std::vector<uint8_t> &p, uint32_t qty);
	void enter(Msg &m);
	uint32_t fresh(uint32_t client)
	{
		return urn_[client] += 1 + (m_.jump ? rng_.below(m_.jump) : 0);
	}
	const Mix &m_;
	Rng rng_;
	const Table &t_;
	bool closed_;
	we *guide_;
	uint32_t urn_[16];
	std::map<uint64_t, Order> live_; // by client and number
	std::vector<uint64_t> keys_;
	std::vector<uint64_t> gone_;
};

uint64_t Flow::price(uint32_t sym, bool buys, bool through)
{
	uint32_t depth = rng_.below(m_.width);
	if (rng_.percent(50))
		depth = rng_.below(depth + 1);
	uint32_t by = through ? rng_.below(m_.reach) : 0, mid = W;
	uint32_t tick = buys ? (through ? mid + by : mid - 1 - (depth < mid - 1 ? depth : mid - 1))
			     : (through ? mid - 1 - (by < mid - 1 ? by : mid - 1) : mid + depth);
	if (tick >= TICKS)
		tick = TICKS - 1;
	return t_.base[sym] + (uint64_t)tick * t_.step[sym];
}

void Flow::app(std::vector<uint8_t> &p, uint32_t qty)
{
	std::vector<uint8_t> a;
	uint32_t r = rng_.percent(m_.special) ? rng_.below(10) : 99;
	auto firm = [&] { be(a, 0x0502, 2), be(a, 0x4C494D45, 4); };
	auto min = [&](uint32_t q) { be(a, 0x0503, 2), be(a, q, 4); };
	switch (r) {
	case 0:
		firm();
		break;
	case 1:
		min(1 + rng_.below(qty + 1));
		break;
	case 2:
		be(a, 0x020C, 2), be(a, 'P', 1);
		break;
	case 3:
		be(a, 0x0204, 2), be(a, 'R', 1), firm();
		break;
	case 4:
		min(1 + rng_.below(qty)), firm(), be(a, 0x020C, 2), be(a, 'N', 1), be(a, 0x0204, 2),
			be(a, 'N', 1);
		break;
	case 5:
		be(a, 0x0211, 2), be(a, ' ', 1); // another tag: the host's
		break;
	case 6:
		min(1 + rng_.below(qty / 2 + 1));
		break;
	default:
		break;
	}
	be(p, a.size(), 2);
	p.insert(p.end(), a.begin(), a.end());
}

void Flow::enter(Msg &m)
{
	auto &p = m.p;
	m.client = rng_.below(m_.clients);
	uint32_t sym = rng_.below(m_.symbols), qty = 100 * (1 + rng_.below(m_.lots));
	bool buys = rng_.below(2), through = rng_.percent(m_.aggressive);
	bool odd = rng_.percent(m_.special), ioc = rng_.percent(m_.ioc);
	uint32_t what = odd ? rng_.below(16) : 99;
	uint64_t px = price(sym, buys, through);
	uint32_t urn =
		what == 0 && urn_[m.client] ? 1 + rng_.below(urn_[m.client]) : fresh(m.client);
	if (through)
		qty = 1 + rng_.below(200 * m_.lots);
	p.push_back('O');
	be(p, urn, 4);
	be(p, what == 1 ? 'X' : buys ? 'B' : what == 2 ? 'E' : rng_.below(2) ? 'S' : 'T', 1);
	be(p, what == 3 ? 0 : what == 4 ? 1000000 : qty, 4);
	uint64_t name;
	memcpy(&name, t_.s[sym].name, 8);
	text(p, what == 5 ? UINT64_C(0x2020202020205A5A) : name, 8);
	be(p,
	   what == 6   ? 0
	   : what == 7 ? px + 1
	   : what == 8 ? 0x7FFFFFFF
	   : what == 9 ? px + TICKS * 10000u
		       : px,
	   8);
	be(p, what == 10 ? '7' : ioc || what == 11 ? '3' : rng_.percent(20) ? '5' : '0', 1);
	be(p, what == 11 || what == 12 ? 'N' : what == 13 ? 'Q' : rng_.percent(20) ? 'A' : 'Y', 1);
	be(p, what == 14 ? '?' : "PAR"[rng_.below(3)], 1);
	be(p, what == 15 ? '?' : rng_.percent(10) ? 'Y' : 'N', 1);
	be(p, odd && rng_.percent(3) ? 'O' : 'N', 1);
	be(p, rng_.next(), 6), be(p, rng_.next(), 8);
	app(p, qty);
}

bool Flow::pick(Order &o)
{
	if (rng_.percent(m_.dead)) {
		o = Order{};
		o.client = rng_.below(m_.clients);
		o.urn = rng_.percent(20) ? urn_[o.client] + 1 : 1 + rng_.below(urn_[o.client] + 1);
		if (!gone_.empty() && rng_.percent(60)) {
			uint64_t k = gone_[rng_.below((uint32_t)gone_.size())];
			o.client = (uint32_t)(k >> 32), o.urn = (uint32_t)k;
		}
		return true;
	}
	while (!keys_.empty()) {
		uint32_t at = rng_.percent(m_.young) ? (uint32_t)keys_.size() - 1
						     : rng_.below((uint32_t)keys_.size());
		auto i = live_.find(keys_[at]);
		if (i != live_.end()) {
			o = i->second;
			return true;
		}
		keys_[at] = keys_.back();
		keys_.pop_back();
	}
	return false;
}

// What the software makes of it: which orders there are.
void Flow::hear(const Msg &m)
{
	const we_out *out;
	size_t n = we_send(guide_, m.client + 1, m.ts, m.p.data(), (uint32_t)m.p.size(), &out);
	auto be32 = [](const uint8_t *p) {
		return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	};
	auto less = [&](uint64_t key, uint32_t by, bool executed) {
		auto i = live_.find(key);
		if (i == live_.end())
			return;
		i->second.open -= by;
		i->second.exec += executed ? by : 0;
		if (i->second.open == 0) {
			live_.erase(i);
			gone_.push_back(key);
			if (gone_.size() > 1000)
				gone_.erase(gone_.begin(), gone_.begin() + 500);
		}
	};
	for (size_t i = 0; i < n; i++) {
		const uint8_t *p = out[i].p;
		if (!out[i].session)
			continue;
		uint64_t key = (uint64_t)(out[i].session - 1) << 32 | be32(p + 9);
		if (p[0] == 'A' || p[0] == 'U') {
			const uint8_t *b = p + (p[0] == 'A' ? 13 : 17);
			Order o = {out[i].session - 1,
				   be32(p + (p[0] == 'A' ? 9 : 13)),
				   0,
				   be32(b + 1),
				   0,
				   b[0] == 'B',
				   (uint64_t)be32(b + 13) << 32 | be32(b + 17)};
			for (uint32_t s = 0; s < SYMBOLS; s++)
				if (!memcmp(t_.s[s].name, b + 5, 8))
					o.sym = s;
			if (p[0] == 'U') {
				auto was = live_.find(key);
				if (was != live_.end())
					o.exec = was->second.exec, live_.erase(was);
				key = (uint64_t)o.client << 32 | o.urn;
			}
			if (o.open)
				live_[key] = o, keys_.push_back(key);
		} else if (p[0] == 'E') {
			less(key, be32(p + 13), true);
		} else if (p[0] == 'C' || p[0] == 'D') {
			less(key, be32(p + 13), false);
		} else if (p[0] == 'M') {
			auto o = live_.find(key);
			if (o != live_.end())
				o->second.open = be32(p + 14);
		}
	}
}

Msg Flow::next(uint64_t ts)
{
	Msg m;
	m.ts = ts;
	uint32_t r = rng_.below(100), grown = live_.size() >= m_.live ? 15 : 0;
	Order o;
	bool enters = r >= m_.cancel + m_.part + m_.replace + m_.modify + grown;
	if (enters || !pick(o)) {
		enter(m);
	} else if (r < m_.cancel + m_.part + grown) {
		bool part = r < m_.part;
		m.client = o.client;
		m.p.push_back('X');
		be(m.p, o.urn, 4);
		be(m.p, part ? o.exec + rng_.below(o.open + 3) : 0, 4);
		if (part && rng_.percent(10))
			m.p[8] = (uint8_t)(m.p[8] | 1);
	} else if (r < m_.cancel + m_.part + m_.replace + grown) {
		bool odd = rng_.percent(m_.special);
		uint32_t what = odd ? rng_.below(10) : 99;
		m.client = o.client;
		uint32_t qty = rng_.percent(70) ? o.exec + 100 * (1 + rng_.below(m_.lots))
						: rng_.below(o.exec + 300) + 1;
		m.p.push_back('U');
		be(m.p, o.urn, 4);
		be(m.p,
		   what == 0			 ? o.urn
		   : what == 1 && urn_[m.client] ? 1 + rng_.below(urn_[m.client])
						 : fresh(m.client),
		   4);
		be(m.p, what == 2 ? 0 : qty, 4);
		uint64_t px = price(o.sym, o.buys, rng_.percent(m_.aggressive));
		be(m.p,
		   what == 3   ? 0
		   : what == 4 ? px + 1
		   : what == 5 ? 0x7FFFFFFF
		   : what == 6 ? 1
			       : px,
		   8);
		be(m.p, rng_.percent(m_.ioc) ? '3' : '0', 1);
		be(m.p, what == 7 ? 'N' : what == 8 ? '?' : 'Y', 1);
		be(m.p, what == 9 ? '?' : 'N', 1);
		be(m.p, rng_.next(), 6), be(m.p, rng_.next(), 8);
		app(m.p, qty);
	} else {
		m.client = o.client;
		m.p.push_back('M');
		be(m.p, o.urn, 4);
		be(m.p, o.buys ? (rng_.percent(90) ? 'B' : 'S') : "SSTEB"[rng_.below(5)], 1);
		be(m.p,
		   rng_.percent(3)    ? 1000000
		   : rng_.percent(20) ? o.exec + o.open
				      : o.exec + rng_.below(2 * o.open + 2),
		   4);
	}
	hear(m);
	return m;
}

// ---- the core
// --------------------------------------------------------------------------------------------

constexpr int QUERY = 6, ENTER = 1;

class Bench
{
      public:
	Bench(uint64_t seed, uint32_t stall, uint32_t idle, const Table &t, bool closed, int stp)
	    : rng_(seed ^ 77), stall_(stall), idle_(idle), closed_(closed), stp_(stp), t_(t),
	      top_(new Vnmw_wire_core)
	{
		top_->cfg_closed = closed;
		top_->cfg_stp = (uint8_t)stp;
		uint32_t next = 0;
		for (uint32_t i = 0; i < SYMBOLS; i++) {
			uint64_t name;
			memcpy(&name, t.s[i].name, 8);
			put(top_->sym_name, 64 * i, 64, name);
			put(top_->sym_lot, 32 * i, 32, t.s[i].lot);
			put(top_->sym_base, 32 * i, 32, t.base[i]);
			put(top_->sym_step, 32 * i, 32, t.step[i]);
			put(top_->sym_state, 8 * i, 8, t.s[i].state);
			top_->sym_listed = (uint16_t)((top_->sym_listed & ~(1u << i)) |
						      (unsigned)t.s[i].listed << i);
			put(top_->sym_locate, 16 * i, 16, t.s[i].listed ? t.s[i].locate : 0);
			if (!t.s[i].listed)
				next++;
		}
		top_->s_msg_valid = 0;
		top_->rst = 1;
		for (int i = 0; i < 4; i++)
			tick();
		top_->rst = 0;
		while (!top_->ready)
			tick();
		cycles = 0;
	}
	// Locates of symbols that are not listed are those of their first use.
	void locate(uint32_t sym, uint32_t locate)
	{
		put(top_->sym_locate, 16 * sym, 16, locate);
	}
	void send(const Msg &m);
	void end(uint64_t ts);
	bool drain();
	bool compare(const char *what, uint64_t seed);
	void wait_idle();
	uint64_t cycles = 0, stat[21] = {0}, outs = 0, unfit = 0, sent_cycles = 0;
	uint64_t first_rep = 0, first_feed = 0; // cycle in which one was offered first
	std::vector<Msg> msgs;

      private:
	void tick()
	{
		top_->clk = 1;
		top_->eval();
		top_->clk = 0;
		top_->eval();
		cycles++;
	}
	void step();
	void offer(const uint32_t *v);
	void record(const Msg &m, const we_msg &x, uint32_t *v);
	bool differs(uint32_t dest, size_t at, const Out *found, const Out *want, uint64_t seed,
		     const char *what);

	Rng rng_;
	uint32_t stall_, idle_;
	bool closed_;
	int stp_;
	const Table &t_;
	std::unique_ptr<Vnmw_wire_core> top_;
	std::vector<Out> got_[17];
	std::set<uint32_t> host_; // messages that were handed on, by number
	uint64_t quiet_ = 0;
	bool ended_ = false;
};

void Bench::step()
{
	top_->m_rep_ready = !rng_.percent(stall_);
	top_->m_feed_ready = !rng_.percent(stall_);
	top_->m_host_ready = !rng_.percent(stall_);
	for (int i = 0; i < 21; i++)
		stat[i] += top_->stat >> i & 1;
	quiet_++;
	if (top_->m_rep_valid && !first_rep)
		first_rep = cycles;
	if (top_->m_feed_valid && !first_feed)
		first_feed = cycles;
	auto take = [&](const auto &data) {
		OutBits v(OUT_WORDS);
		for (uint32_t i = 0; i < OUT_WORDS; i++)
			v[i] = data[i];
		got_[get(v, NMW_WO_DEST, 5)].push_back({get(v, NMW_WO_TIME, 64), encode(v)});
		quiet_ = 0;
		outs++;
	};
	if (top_->m_rep_valid && top_->m_rep_ready)
		take(top_->m_rep_data);
	if (top_->m_feed_valid && top_->m_feed_ready)
		take(top_->m_feed_data);
	if (top_->m_host_valid && top_->m_host_ready) {
		host_.insert((uint32_t)get(top_->m_host_data, NMW_MSG_FRAME, 32));
		quiet_ = 0;
		unfit++;
	}
	tick();
}

void Bench::record(const Msg &m, const we_msg &x, uint32_t *v)
{
	auto f = [&](uint32_t at, uint32_t w, uint64_t n) { put(v, at, w, n); };
	memset(v, 0, MSG_WORDS * 4);
	// enum nmw_op: enter 1, replace 2, cancel 3, modify 4
	f(NMW_MSG_KIND, 3, x.unfit ? (uint32_t)NMW_MSG_UNFIT : (uint32_t)x.op);
	f(NMW_MSG_CLIENT, 4, m.client), f(NMW_MSG_KNOWN, 1, 1);
	f(NMW_MSG_TIME, 64, m.ts), f(NMW_MSG_DAY, 48, m.ts % DAY);
	f(NMW_MSG_URN, 32, x.urn), f(NMW_MSG_ORIG, 32, x.orig), f(NMW_MSG_SIDE, 8, x.side);
	f(NMW_MSG_QTY, 32, x.qty), f(NMW_MSG_PRICE, 64, x.price), f(NMW_MSG_TIF, 8, x.tif);
	f(NMW_MSG_DISPLAY, 8, x.display), f(NMW_MSG_ISO, 8, x.iso);
	for (uint32_t i = 0; i < 14; i++)
		f(NMW_MSG_CLORDID + 8 * i, 8, x.clordid[i]);
	f(NMW_MSG_MIN_QTY, 32, x.min_qty), f(NMW_MSG_POST_ONLY, 1, x.post_only);
	f(NMW_MSG_APP_LEN, 5, x.app_len);
	for (uint32_t i = 0; i < x.app_len; i++)
		f(NMW_MSG_APP + 8 * i, 8, x.app[i]);
	f(NMW_MSG_SELL, 1, x.side != 'B'), f(NMW_MSG_MARKET, 1, x.market),
		f(NMW_MSG_REJECT, 8, x.reject);
	f(NMW_MSG_FRAME, 32, (uint32_t)msgs.size());
	if (x.op != ENTER)
		return;
	f(NMW_MSG_SYMBOL, 64, x.symbol), f(NMW_MSG_CAPACITY, 8, x.capacity),
		f(NMW_MSG_CROSS, 8, x.cross);
	for (uint32_t s = 0; s < SYMBOLS; s++) {
		if (memcmp(&x.symbol, t_.s[s].name, 8))
			continue;
		uint64_t off = x.price - t_.base[s];
		f(NMW_MSG_SYM, 4, s), f(NMW_MSG_SYM_KNOWN, 1, 1);
		f(NMW_MSG_TICKS, 32, off / t_.step[s]);
		f(NMW_MSG_TICKS_OK, 1,
		  x.price >= t_.base[s] && off % t_.step[s] == 0 && off / t_.step[s] < 8192);
	}
}

void Bench::offer(const uint32_t *v)
{
	while (idle_ && rng_.percent(idle_))
		step();
	for (uint32_t i = 0; i < MSG_WORDS; i++)
		top_->s_msg_data[i] = v[i];
	top_->s_msg_valid = 1;
	while (!top_->s_msg_ready && quiet_ < 100000)
		step();
	quiet_ = 0;
	sent_cycles = cycles;
	step();
	top_->s_msg_valid = 0;
}

void Bench::send(const Msg &m)
{
	we_msg x;
	uint32_t v[MSG_WORDS];
	we_read(m.p.data(), (uint32_t)m.p.size(), &x);
	if (x.op) {
		record(m, x, v);
		offer(v);
	}
	msgs.push_back(m);
}

void Bench::end(uint64_t ts)
{
	uint32_t v[MSG_WORDS] = {0};
	put(v, NMW_MSG_KIND, 3, NMW_MSG_DAY_END);
	put(v, NMW_MSG_TIME, 64, ts);
	put(v, NMW_MSG_DAY, 48, ts % DAY);
	offer(v);
	ended_ = true;
}

void Bench::wait_idle()
{
	quiet_ = 0;
	for (int still = 0; still < 40 && quiet_ < 100000;) {
		step();
		still = top_->idle && !top_->m_rep_valid && !top_->m_feed_valid &&
					!top_->m_host_valid
				? still + 1
				: 0;
	}
}

bool Bench::drain()
{
	wait_idle();
	if (!top_->idle)
		fprintf(stderr, "tb_wire_core: the core hangs\n");
	if (stat[14])
		fprintf(stderr, "tb_wire_core: %" PRIu64 " events that cannot be\n", stat[14]);
	return top_->idle && !stat[14];
}

std::string hex(const Out *o)
{
	char b[4];
	std::string s;
	if (!o)
		return "nothing";
	for (size_t i = 0; i < o->p.size(); i++) {
		snprintf(b, sizeof b, i == 0 ? "%c " : i % 4 == 0 ? "%02x " : "%02x", o->p[i]);
		s += b;
	}
	return s;
}

bool Bench::differs(uint32_t dest, size_t at, const Out *found, const Out *want, uint64_t seed,
		    const char *what)
{
	uint64_t n = ((want ? want->ts : found->ts) - START) / STEP;
	fprintf(stderr,
		"tb_wire_core: mix %s seed %" PRIu64
		" stall %u stp %d: destination %u, message %zu differs, of input %" PRIu64
		"%s\n  found    %s (input %" PRIu64 ")\n  expected %s\n",
		what, seed, stall_, stp_, dest, at, n,
		n < msgs.size() ? (std::string(" ") + (char)msgs[n].p[0]).c_str() : "",
		hex(found).c_str(), found ? (found->ts - START) / STEP : 0, hex(want).c_str());
	return false;
}

bool Bench::compare(const char *what, uint64_t seed)
{
	we *w = we_open(t_.s, SYMBOLS, closed_, stp_, 1000000);
	std::vector<Out> want[17];
	const we_out *out;
	size_t n;
	auto add = [&](bool drop) {
		for (size_t i = 0; i < n; i++) {
			const we_out &o = out[i];
			if (drop && o.p[0] == 'J')
				continue;
			want[o.session ? o.session - 1 : FEED].push_back(
				{o.ts_ns, std::vector<uint8_t>(o.p, o.p + o.len)});
		}
	};
	for (uint32_t i = 0; i < msgs.size(); i++) {
		Msg m = msgs[i];
		bool host = host_.count(i);
		we_msg x;
		we_read(m.p.data(), (uint32_t)m.p.size(), &x);
		if (host && !x.unfit) { // its number is used up
			std::vector<uint8_t> p(47, 0);
			p[0] = 'O';
			for (int k = 0; k < 4; k++)
				p[1 + k] = (uint8_t)(x.urn >> 8 * (3 - k));
			m.p = p;
		} else if (host) {
			m.p = {'X', 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0};
		}
		n = we_send(w, m.client + 1, m.ts, m.p.data(), (uint32_t)m.p.size(), &out);
		add(host);
	}
	if (ended_) {
		n = we_end(w, &out);
		add(false);
	}
	we_close(w);
	uint32_t bad = 17;
	size_t bad_at = 0;
	uint64_t bad_ts = ~UINT64_C(0);
	for (uint32_t d = 0; d < 17; d++)
		for (size_t i = 0; i < got_[d].size() || i < want[d].size(); i++) {
			const Out *a = i < got_[d].size() ? &got_[d][i] : nullptr;
			const Out *b = i < want[d].size() ? &want[d][i] : nullptr;
			if (a && b && a->ts == b->ts && a->p == b->p)
				continue;
			uint64_t ts = b ? b->ts : a->ts;
			if (ts < bad_ts)
				bad = d, bad_at = i, bad_ts = ts;
			break;
		}
	if (bad == 17)
		return true;
	const Out *a = bad_at < got_[bad].size() ? &got_[bad][bad_at] : nullptr;
	const Out *b = bad_at < want[bad].size() ? &want[bad][bad_at] : nullptr;
	return differs(bad, bad_at, a, b, seed, what);
}

// ---- runs
// ----------------------------------------------------------------------------------------------------

struct Args {
	uint64_t messages = 20000, seed = 1;
	uint32_t stall = 0, idle = 0;
	int stp = 0;
	bool serial = false, figures = false;
	std::string mix, pcap;
};

void print(const Bench &b, const char *what, const Args &a, uint64_t n, uint64_t cycles)
{
	printf("%-7s seed %-3" PRIu64 " stall %2u %% stp %d%s: %7" PRIu64 " messages %7" PRIu64
	       " out equal, %5" PRIu64 " to the host, %.3f cycles a message; waits handle %.3f "
	       "rest %.3f short %.3f room %.3f\n",
	       what, a.seed, a.stall, a.stp, a.serial ? " serial" : "", n, b.outs, b.unfit,
	       (double)cycles / (double)n, (double)b.stat[4] / (double)n,
	       (double)b.stat[5] / (double)n, (double)b.stat[6] / (double)n,
	       (double)b.stat[7] / (double)n);
	fflush(stdout);
}

// A symbol that is not listed has the locate that the software gives it at its first valid order.
// They are all used once, in order, before the flow begins.
void name_symbols(Bench &b, const Table &t, uint64_t &ts)
{
	uint32_t locate = 0;
	for (uint32_t i = 0; i < SYMBOLS; i++) {
		if (t.s[i].listed)
			continue;
		b.locate(i, ++locate);
		Msg m;
		m.client = 15, m.ts = ts += STEP;
		uint64_t name;
		memcpy(&name, t.s[i].name, 8);
		m.p.push_back('O');
		be(m.p, i + 1, 4), be(m.p, 'B', 1), be(m.p, 100, 4), text(m.p, name, 8),
			be(m.p, t.base[i], 8);
		be(m.p, '3', 1), be(m.p, 'Y', 1), be(m.p, 'P', 1), be(m.p, 'N', 1), be(m.p, 'N', 1);
		be(m.p, 0, 6), be(m.p, 0, 8), be(m.p, 0, 2);
		b.send(m);
	}
}

bool run_mix(const Mix &m, const Args &a)
{
	bool closed = a.seed % 2 == 0;
	Table t = make_table(closed);
	Bench b(a.seed, a.stall, a.idle, t, closed, a.stp);
	uint64_t ts = START - STEP, from;
	if (!closed)
		name_symbols(b, t, ts);
	Flow f(m, a.seed, t, closed, a.stp);
	b.wait_idle();
	from = b.cycles;
	for (auto &s : b.stat)
		s = 0;
	for (uint64_t i = 0; i < a.messages; i++) {
		b.send(f.next(ts += STEP));
		if (a.serial)
			b.wait_idle();
	}
	uint64_t cycles = b.sent_cycles - from;
	b.end(ts);
	if (!b.drain() || !b.compare(m.name, a.seed))
		return false;
	if (!m.special && !m.dead && m.live < SLOTS && b.unfit > a.messages / 50) {
		fprintf(stderr,
			"tb_wire_core: mix %s: %" PRIu64 " messages to the host, few expected\n",
			m.name, b.unfit);
		return false;
	}
	print(b, m.name, a, a.messages, cycles);
	return true;
}

// The MoldUDP64 messages of a capture of orders.
std::vector<Msg> read_pcap(const char *path)
{
	std::vector<Msg> v;
	FILE *f = fopen(path, "rb");
	uint32_t head[6], rec[4];
	if (!f || fread(head, 24, 1, f) != 1) {
		fprintf(stderr, "tb_wire_core: %s: cannot be read\n", path);
		exit(2);
	}
	uint64_t unit = head[0] == 0xa1b23c4d ? 1 : 1000;
	std::map<std::string, uint32_t> clients;
	std::vector<uint8_t> p;
	while (fread(rec, 16, 1, f) == 1) {
		p.resize(rec[2]);
		if (fread(p.data(), rec[2], 1, f) != 1)
			break;
		uint32_t at = 14 + 20 + 8, count = (uint32_t)p[at + 18] << 8 | p[at + 19];
		std::string who((char *)&p[26], 10);
		uint32_t client = clients.emplace(who, (uint32_t)clients.size()).first->second;
		at += 20;
		for (uint32_t i = 0; i < count && count != 0xFFFF; i++) {
			uint32_t len = (uint32_t)p[at] << 8 | p[at + 1];
			v.push_back({client, rec[0] * UINT64_C(1000000000) + rec[1] * unit,
				     std::vector<uint8_t>(&p[at + 2], &p[at + 2] + len)});
			at += 2 + len;
		}
	}
	fclose(f);
	return v;
}

// Symbols in order of their first order, each with its window around its price.
Table table_of(const std::vector<Msg> &v)
{
	Table t = {};
	uint32_t n = 0;
	for (const Msg &m : v) {
		we_msg x;
		we_read(m.p.data(), (uint32_t)m.p.size(), &x);
		if (x.op != ENTER)
			continue;
		uint32_t i = 0;
		while (i < n && memcmp(t.s[i].name, &x.symbol, 8))
			i++;
		if (i < n || n == SYMBOLS)
			continue;
		memcpy(t.s[n].name, &x.symbol, 8);
		t.s[n].locate = (uint16_t)(n + 1), t.s[n].lot = 100, t.s[n].state = 'T',
		t.s[n].listed = 0;
		t.step[n] = 100;
		uint64_t half = TICKS / 2 * UINT64_C(100);
		t.base[n++] = (uint32_t)(x.price > half ? x.price - half : 0);
	}
	return t;
}

bool run_pcap(const Args &a)
{
	std::vector<Msg> v = read_pcap(a.pcap.c_str());
	if (v.size() > a.messages)
		v.resize(a.messages);
	Table t = table_of(v);
	Bench b(a.seed, a.stall, a.idle, t, false, a.stp);
	for (uint32_t i = 0; i < SYMBOLS; i++)
		b.locate(i, t.s[i].locate);
	for (const Msg &m : v)
		b.send(m);
	uint64_t cycles = b.sent_cycles;
	b.end(v.back().ts);
	if (!b.drain() || !b.compare("pcap", a.seed))
		return false;
	print(b, "pcap", a, v.size(), cycles);
	return true;
}

// Cycles from when a message was taken to its first reply, and to its first of the feed.
void figures(const Args &a)
{
	Table t = make_table(true);
	Bench b(1, 0, 0, t, false, 0);
	uint64_t ts = START;
	uint32_t urn = 0;
	auto timed = [&](const char *what, const std::vector<uint8_t> &p) {
		b.wait_idle();
		b.first_rep = b.first_feed = 0;
		b.send({0, ts += STEP, p});
		b.wait_idle();
		if (what)
			printf("  %-44s to the reply %2" PRIu64 ", to the feed %2" PRIu64
			       " cycles\n",
			       what, b.first_rep - b.sent_cycles,
			       b.first_feed ? b.first_feed - b.sent_cycles : 0);
	};
	auto order = [&](char side, uint32_t qty, uint32_t tick, char tif) {
		std::vector<uint8_t> p;
		uint64_t name;
		memcpy(&name, t.s[0].name, 8);
		p.push_back('O');
		be(p, ++urn, 4), be(p, (uint8_t)side, 1), be(p, qty, 4), text(p, name, 8),
			be(p, t.base[0] + tick * t.step[0], 8);
		be(p, (uint8_t)tif, 1), be(p, 'Y', 1), be(p, 'P', 1), be(p, 'N', 1), be(p, 'N', 1);
		be(p, 0, 6), be(p, 0, 8), be(p, 0, 2);
		return p;
	};
	auto cancel = [&](uint32_t of, uint32_t qty) {
		std::vector<uint8_t> p;
		p.push_back('X'), be(p, of, 4), be(p, qty, 4);
		return p;
	};
	auto replace = [&](uint32_t of, uint32_t qty, uint32_t tick) {
		std::vector<uint8_t> p;
		p.push_back('U'), be(p, of, 4), be(p, ++urn, 4), be(p, qty, 4),
			be(p, t.base[0] + tick * t.step[0], 8);
		be(p, '0', 1), be(p, 'Y', 1), be(p, 'N', 1), be(p, 0, 6), be(p, 0, 8), be(p, 0, 2);
		return p;
	};
	timed(nullptr, order('B', 100, 1, '0'));
	timed("order that rests", order('B', 100, 10, '0'));
	timed("cancel", cancel(urn, 0));
	timed("order that rests", order('S', 300, 20, '0'));
	timed("order that is filled (its acceptance)", order('B', 100, 20, '3'));
	timed("cancel that leaves shares", cancel(2 + 1, 200));
	timed("replacement", replace(2 + 1, 300, 21));
	for (const Mix &m : mixes)
		if (!strcmp(m.name, "usual") || !strcmp(m.name, "spread"))
			run_mix(m, a);
}

int usage()
{
	fprintf(stderr, "usage: tb_wire_core [--messages N] [--seed S] [--mix NAME] [--stall P] "
			"[--idle P] [--stp 0..2] [--serial] "
			"[--pcap FILE] | --figures\n");
	return 2;
}

} // namespace

int main(int argc, char **argv)
{
	Args a;
	for (int i = 1; i < argc; i++) {
		std::string s = argv[i];
		if (s[0] == '+')
			continue; // the design's
		if (s == "--figures" || s == "--serial") {
			(s == "--serial" ? a.serial : a.figures) = true;
			continue;
		}
		if (i + 1 == argc)
			return usage();
		const char *v = argv[++i];
		if (s == "--messages")
			a.messages = strtoull(v, nullptr, 10);
		else if (s == "--seed")
			a.seed = strtoull(v, nullptr, 10);
		else if (s == "--stall")
			a.stall = (uint32_t)strtoul(v, nullptr, 10);
		else if (s == "--idle")
			a.idle = (uint32_t)strtoul(v, nullptr, 10);
		else if (s == "--stp")
			a.stp = (int)strtol(v, nullptr, 10);
		else if (s == "--mix")
			a.mix = v;
		else if (s == "--pcap")
			a.pcap = v;
		else
			return usage();
	}
	Verilated::commandArgs(argc, argv);
	Verilated::randReset(2);
	Verilated::randSeed((int)a.seed);
	if (a.figures) {
		figures(a);
		return 0;
	}
	if (!a.pcap.empty())
		return !run_pcap(a);
	for (const Mix &m : mixes)
		if ((a.mix.empty() || a.mix == m.name) && !run_mix(m, a))
			return 1;
	return 0;
}
