// tb_book: drives the matching core with random commands and compares every event with RefBook's.
//
//      tb_book [--commands N] [--seed S] [--mix NAME] [--stall PERCENT] [--idle PERCENT]
//      tb_book --figures       cycles of fixed sequences and of the usual mix
//
// Exit 0: equal throughout; 1: a difference, which is printed with the seed that shows it again.
#include "Vnmw_book.h"
#include "ref_book.h"
#include "verilated.h"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <string>

namespace
{

using namespace tb;

constexpr uint32_t TICKS = NMW_TB_TICKS, SLOTS = 1u << NMW_TB_SLOT_W, BOOKS = 1u << NMW_TB_SYM_W;
constexpr uint64_t DEADLOCK = 2000u + 3u * SLOTS + 8u * TICKS; // cycles without an event
constexpr uint64_t TEST_NO_HANDLE = UINT64_C(0xA5) << (NMW_TB_SLOT_W + NMW_TB_L + 1 + NMW_TB_SYM_W);

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
};

// A kind of flow. Shares of 100.
struct Mix {
	const char *name;
	uint32_t books;
	uint32_t cancel, reduce, replace; // the rest enter
	uint32_t aggressive;		  // of those that enter: priced through the other side
	uint32_t special;		  // of those: IOC, market, post-only, minimum, owners
	uint32_t width;			  // ticks of a side that are used
	uint32_t reach;			  // ticks that an aggressive one goes through
	uint32_t qty;			  // up to
	uint32_t live;			  // orders to keep about
	uint32_t stale;			  // of cancels: of an order that is gone
};

constexpr uint32_t W = TICKS / 2;
const Mix mixes[] = {
	{"usual", 1, 43, 0, 0, 12, 0, W / 6, 8, 100, SLOTS / 4, 0},
	{"spread", BOOKS, 43, 0, 0, 12, 0, W / 6, 8, 100, SLOTS / 4, 0},
	{"quiet", 1, 48, 0, 0, 1, 0, W, 2, 100, SLOTS / 2, 0},
	{"books", BOOKS, 43, 2, 2, 12, 5, W / 6, 8, 100, SLOTS / 2, 1},
	{"sweep", 1, 20, 0, 0, 10, 10, 64, 40, 20, SLOTS / 8, 0},
	{"sparse", 1, 35, 2, 2, 10, 10, W, W, 100, 40, 1},
	{"tight", 2, 40, 5, 5, 30, 10, 4, 4, 50, SLOTS / 4, 2},
	{"rules", 2, 25, 8, 8, 35, 60, 24, 20, 60, 60, 2},
	{"full", 2, 10, 2, 5, 3, 5, W, 2, 100, SLOTS, 1},
	{"empty", BOOKS, 30, 5, 5, 45, 20, 40, 40, 30, 4, 3},
};

class Bench
{
      public:
	Bench(uint64_t seed, uint32_t stall, uint32_t idle)
	    : rng_(seed), seed_(seed), stall_(stall), idle_(idle), ref_(TICKS, SLOTS),
	      top_(new Vnmw_book)
	{
		top_->rst = 1;
		tick(), tick();
		top_->rst = 0;
		top_->m_evt_ready = 1;
		while (!top_->ready)
			tick();
	}

	bool random(const Mix &m, uint64_t commands);
	void figures();
	uint64_t cycles = 0, sent = 0, events = 0, stalls[5] = {0};

      private:
	void tick()
	{
		top_->clk = 1;
		top_->eval();
		top_->clk = 0;
		top_->eval();
		cycles++;
	}
	Cmd make(const Mix &m);
	void put(const Cmd &c);
	void step(bool offer);
	bool take();
	bool fail(const char *what, const Evt &want);
	uint64_t run(const std::vector<Cmd> &cmds);
	uint64_t timed(const char *what, const std::vector<Cmd> &cmds);
	uint64_t expect(const Cmd &c);
	Cmd order(uint32_t sell, uint32_t px, uint32_t qty, uint32_t flags = 0);

	struct Want {
		Evt e;
		uint64_t at; // cycle in which the command was taken
	};
	Rng rng_;
	uint64_t seed_;
	uint32_t stall_, idle_;
	RefBook ref_;
	std::unique_ptr<Vnmw_book> top_;
	std::deque<Want> want_;
	std::unordered_map<uint64_t, uint64_t> handle_; // order -> handle, once it is known
	std::vector<uint64_t> known_;			// orders with a handle, some of them gone
	uint64_t names_ = 0, quiet_ = 0, first_event_ = 0, taken_at_ = 0;
	bool failed_ = false;
};

// Which orders there may be: at most as many as the mix wants, so that the flow is steady.
Cmd Bench::make(const Mix &m)
{
	Cmd c = {};
	uint32_t r = rng_.below(100);
	bool grown = ref_.live() >= m.live;
	c.sym = rng_.below(m.books);
	c.sell = rng_.below(2);
	c.qty = 1 + rng_.below(m.qty);
	c.tag = (uint32_t)sent;
	uint32_t off = m.cancel + (grown ? 15 : 0);
	c.op = r < off				? NMW_HW_CANCEL
	       : r < off + m.reduce		? NMW_HW_REDUCE
	       : r < off + m.reduce + m.replace ? NMW_HW_REPLACE
						: NMW_HW_ENTER;
	if (c.op != NMW_HW_ENTER) {
		c.order = RefBook::NONE;
		for (int tries = 0; tries < 8 && !known_.empty(); tries++) {
			size_t at = rng_.below((uint32_t)known_.size());
			uint64_t o = known_[at];
			if (ref_.find(o) || rng_.percent(m.stale)) {
				c.order = o;
				break;
			}
			known_[at] = known_.back(); // gone: forget it
			known_.pop_back();
		}
		if (c.order == RefBook::NONE && !rng_.percent(m.stale))
			c.op = NMW_HW_ENTER;
		if (c.op == NMW_HW_REDUCE)
			c.qty = rng_.below(m.qty);
		if (const RefBook::Order *o = c.op != NMW_HW_ENTER ? ref_.find(c.order) : nullptr)
			c.sym = o->sym, c.sell = o->sell;
	}
	uint32_t depth = rng_.below(m.width);
	if (rng_.percent(50))
		depth = rng_.below(depth + 1); // more of them near the touch
	bool through = rng_.percent(m.aggressive);
	uint32_t mid = TICKS / 2, by = through ? rng_.below(m.reach) : 0;
	if (c.sell)
		c.px = through ? mid - 1 - (by < mid - 1 ? by : mid - 1) : mid + depth;
	else
		c.px = through ? mid + by : mid - 1 - (depth < mid - 1 ? depth : mid - 1);
	if (through)
		c.qty = 1 + rng_.below(2 * m.qty);
	if (rng_.percent(m.special)) {
		switch (rng_.below(7)) {
		case 0:
			c.flags = NMW_HW_IOC;
			break;
		case 1:
			c.flags = NMW_HW_MARKET, c.px %= TICKS;
			break;
		case 2:
			c.flags = NMW_HW_POST_ONLY;
			break;
		case 3:
			c.min = 1 + rng_.below(4 * m.qty);
			c.qty += c.min;
			break;
		case 4:
			c.min = 1 + rng_.below(m.qty);
			c.qty += c.min;
			c.flags = NMW_HW_IOC;
			break;
		case 5:
			c.flags = NMW_HW_OWN_LEAVES;
			c.min = rng_.below(2) ? c.qty : 0;
			break;
		case 6:
			c.px = rng_.percent(30) ? TICKS : c.px;
			c.qty = rng_.percent(30) ? 0 : c.qty;
			break;
		}
	}
	if (m.special && rng_.percent(50))
		c.owner = 1 + rng_.below(3);
	return c;
}

void Bench::put(const Cmd &c)
{
	auto it = handle_.find(c.order);
	top_->s_cmd_op = (uint8_t)c.op;
	top_->s_cmd_sell = (uint8_t)c.sell;
	top_->s_cmd_flags = (uint8_t)c.flags;
	top_->s_cmd_sym = (uint8_t)c.sym;
	top_->s_cmd_px = (uint16_t)(c.px & ((1u << NMW_TB_L) - 1));
	top_->s_cmd_range = c.px >> NMW_TB_L && !(c.flags & NMW_HW_MARKET);
	top_->s_cmd_qty = c.qty;
	top_->s_cmd_min = c.min;
	top_->s_cmd_owner = (uint16_t)c.owner;
	top_->s_cmd_tag = c.tag;
	top_->s_cmd_handle = c.op == NMW_HW_ENTER  ? 0
			     : it == handle_.end() ? TEST_NO_HANDLE
						   : it->second;
}

uint64_t Bench::expect(const Cmd &c)
{
	uint64_t name = ++names_;
	for (const Evt &e : ref_.apply(c, name))
		want_.push_back({e, cycles});
	return name;
}

bool Bench::fail(const char *what, const Evt &w)
{
	fprintf(stderr,
		"tb_book: seed %" PRIu64 ", cycle %" PRIu64 ", command %" PRIu64 ": %s\n"
		"  found    kind %u reason %u last %u sell %u sym %u px %u qty %u left %u tag %u "
		"handle %" PRIx64 "\n"
		"  expected kind %u reason %u last %u sell %u sym %u px %u qty %u left %u tag %u "
		"order %" PRIu64 " handle %" PRIx64 "\n",
		seed_, cycles, sent, what, top_->m_evt_kind, top_->m_evt_reason, top_->m_evt_last,
		top_->m_evt_sell, top_->m_evt_sym, top_->m_evt_px, top_->m_evt_qty,
		top_->m_evt_left, top_->m_evt_tag, (uint64_t)top_->m_evt_handle, w.kind, w.reason,
		w.last, w.sell, w.sym, w.px, w.qty, w.left, w.tag, w.order,
		handle_.count(w.order) ? handle_[w.order] : 0);
	failed_ = true;
	return false;
}

// Compares the event that is offered.
bool Bench::take()
{
	if (want_.empty())
		return fail("an event that nothing asked for", {});
	Evt w = want_.front().e;
	taken_at_ = want_.front().at;
	want_.pop_front();
	events++;
	bool rejected = w.kind == NMW_HW_REJECTED && w.reason == NMW_HW_UNKNOWN;
	if (top_->m_evt_kind != w.kind || top_->m_evt_reason != w.reason ||
	    top_->m_evt_last != w.last || top_->m_evt_qty != w.qty || top_->m_evt_left != w.left ||
	    top_->m_evt_tag != w.tag)
		return fail("event differs", w);
	bool ranged = w.reason == NMW_HW_RANGE && w.kind == NMW_HW_CANCELED;
	if (!rejected && (top_->m_evt_sell != w.sell || top_->m_evt_sym != w.sym ||
			  (!ranged && top_->m_evt_px != w.px)))
		return fail("event differs", w);
	if (w.kind == NMW_HW_RESTED) {
		handle_[w.order] = top_->m_evt_handle;
		known_.push_back(w.order);
	} else if (w.order && !rejected && handle_[w.order] != top_->m_evt_handle) {
		return fail("handle differs", w);
	}
	if (w.kind == NMW_HW_FILL && w.left == 0 && handle_.size() > 8 * SLOTS + 4096)
		handle_.erase(w.order); // what still cancels it will be told that it is unknown
	return true;
}

// One cycle: an event, if there is one and it is let through.
void Bench::step(bool offer)
{
	top_->s_cmd_valid = offer;
	top_->m_evt_ready = !rng_.percent(stall_);
	stalls[0] += top_->stat_wait_level;
	stalls[1] += top_->stat_wait_head;
	stalls[2] += top_->stat_wait_min;
	stalls[3] += top_->stat_wait_slot;
	stalls[4] += top_->stat_wait_evt;
	quiet_++;
	if (top_->m_evt_valid && top_->m_evt_ready) {
		if (!first_event_)
			first_event_ = cycles;
		quiet_ = 0;
		if (!take())
			return;
	}
	if (quiet_ > DEADLOCK)
		fail("no event for too long", want_.empty() ? Evt{} : want_.front().e);
	tick();
}

bool Bench::random(const Mix &m, uint64_t commands)
{
	uint64_t until = sent + commands;
	while (sent < until && !failed_) {
		Cmd c = make(m);
		while (idle_ && rng_.percent(idle_) && !failed_)
			step(false);
		put(c);
		while (!top_->s_cmd_ready && !failed_)
			step(true);
		if (failed_)
			break;
		expect(c);
		sent++;
		step(true);
	}
	quiet_ = 0;
	while (!want_.empty() && !failed_)
		step(false);
	for (int i = 0; i < 20 && !failed_; i++)
		step(false);
	if (!failed_ && (ref_.crossed() || SLOTS - top_->free != ref_.live()))
		fail("free slots, or the reference is crossed", {});
	return !failed_;
}

// ---- figures
// -------------------------------------------------------------------------------------

Cmd Bench::order(uint32_t sell, uint32_t px, uint32_t qty, uint32_t flags)
{
	Cmd c = {};
	c.op = NMW_HW_ENTER, c.sell = sell, c.px = px, c.qty = qty, c.flags = flags;
	return c;
}

// Cycles from the first event to the last, both counted: what the commands take in a full pipeline.
uint64_t Bench::run(const std::vector<Cmd> &cmds)
{
	uint64_t last = 0;
	first_event_ = 0;
	for (const Cmd &c : cmds) {
		put(c);
		while (!top_->s_cmd_ready && !failed_)
			step(true);
		expect(c);
		sent++;
		step(true);
	}
	while (!want_.empty() && !failed_) {
		last = cycles;
		step(false);
	}
	for (int i = 0; i < 40; i++) // the search comes to rest
		step(false);
	return last - first_event_ + 1;
}

uint64_t Bench::timed(const char *what, const std::vector<Cmd> &cmds)
{
	uint64_t n = run(cmds);
	printf("  %-58s %6zu commands %6" PRIu64 " cycles\n", what, cmds.size(), n);
	return n;
}

void Bench::figures()
{
	std::vector<Cmd> v;
	uint64_t at = cycles;
	run({order(0, 1, 1)});
	printf("  %-58s %22" PRIu64 " stages\n", "command register to event register",
	       first_event_ - at - 1);
	for (uint32_t i = 0; i < 1000; i++)
		v.push_back(order(0, 2 + i % 500, 1));
	timed("adds on 500 levels", v);
	v.clear();
	for (uint32_t i = 0; i < 1000; i++)
		v.push_back(order(1, TICKS - 2, 1));
	timed("adds on one level", v);
	v.clear();
	for (uint32_t i = 0; i < 900; i++) {
		Cmd c = {};
		c.op = NMW_HW_CANCEL;
		c.order = names_ - 999 + i;
		v.push_back(c);
	}
	timed("cancels of the head of one level", v);
	timed("IOC over 16 orders of a level", {order(0, TICKS - 1, 16, NMW_HW_IOC)});
	run({order(0, TICKS - 1, 84, NMW_HW_IOC), order(1, 0, 1001, NMW_HW_IOC)});
	v.clear();
	for (uint32_t i = 0; i < 16; i++)
		v.push_back(order(1, 3000 + i, 1));
	run(v);
	timed("IOC over 16 neighbouring levels of one order",
	      {order(0, TICKS - 1, 16, NMW_HW_IOC)});
	v.clear();
	for (uint32_t i = 0; i < 16; i++)
		v.push_back(order(1, 3000 + 100 * i, 1));
	run(v);
	timed("IOC over 16 levels of one order, 100 ticks apart",
	      {order(0, TICKS - 1, 16, NMW_HW_IOC)});
	v.clear();
	for (uint32_t i = 0; i < 16; i++)
		for (uint32_t j = 0; j < 3; j++)
			v.push_back(order(1, 3000 + i, 1));
	run(v);
	timed("IOC over 16 levels of three orders", {order(0, TICKS - 1, 48, NMW_HW_IOC)});
	v.clear();
	for (uint32_t i = 0; i < 16; i++)
		v.push_back(order(1, 3000 + i, 1));
	run(v);
	Cmd all = order(0, TICKS - 1, 16, NMW_HW_IOC);
	all.min = 16;
	uint64_t from = cycles;
	run({all});
	printf("  %-58s %22" PRIu64 " cycles\n",
	       "minimum quantity of 16, counted over 16 levels, to first fill",
	       first_event_ - from);
}

// --------------------------------------------------------------------------------------------------

int usage()
{
	fprintf(stderr, "usage: tb_book [--commands N] [--seed S] [--mix NAME] [--stall P] [--idle "
			"P] | --figures\n");
	return 2;
}

void print_mix(const Bench &b, const Mix &m, uint64_t seed, uint32_t stall, uint64_t cycles)
{
	printf("%-7s seed %-4" PRIu64 " stall %2u %%: %8" PRIu64 " commands %8" PRIu64
	       " events equal, %.3f cycles a command, waits level %.3f head %.3f min %.3f slot "
	       "%.3f\n",
	       m.name, seed, stall, b.sent, b.events, (double)cycles / (double)b.sent,
	       (double)b.stalls[0] / (double)b.sent, (double)b.stalls[1] / (double)b.sent,
	       (double)b.stalls[2] / (double)b.sent, (double)b.stalls[3] / (double)b.sent);
	fflush(stdout);
}

} // namespace

int main(int argc, char **argv)
{
	uint64_t commands = 100000, seed = 1;
	uint32_t stall = 0, idle = 0;
	std::string only;
	bool figures = false;
	for (int i = 1; i < argc; i++) {
		std::string a = argv[i];
		if (a == "--figures") {
			figures = true;
			continue;
		}
		if (i + 1 == argc)
			return usage();
		const char *v = argv[++i];
		if (a == "--commands")
			commands = strtoull(v, nullptr, 10);
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
	if (figures && TICKS >= 5000) {
		Bench b(seed, 0, 0);
		b.figures();
		return 0;
	}
	for (const Mix &m : mixes) {
		if (!only.empty() && only != m.name)
			continue;
		Bench b(seed, stall, idle);
		uint64_t from = b.cycles;
		if (!b.random(m, commands)) {
			fprintf(stderr, "tb_book: mix %s, stall %u, idle %u\n", m.name, stall,
				idle);
			return 1;
		}
		print_mix(b, m, seed, stall, b.cycles - from);
	}
	return 0;
}
