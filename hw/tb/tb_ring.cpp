// tb_ring: drives the device as a host does, through the shared object: rings in its own memory,
// doorbells, phase bits. Every event is compared with RefBook's.
//
//      tb_ring DEVICE.so [--commands N] [--seed S] [--latency CYCLES] [--stall PERCENT] [--log2 N]
//      tb_ring DEVICE.so --faults      unmapped address, stuck bus, reset in mid-run, push window,
//                                      doorbells and pushes that a host must not make
//
// Exit 0: equal; 1: a difference or a fault that was not reported.
#include "ref_book.h"

#define _Static_assert static_assert
extern "C" {
namespace dev
{
#include "../sim/nmw_bitstream.h"
}
}

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <dlfcn.h>
#include <string>

namespace
{

using namespace tb;
constexpr uint64_t TX = 0x100000000, RX = 0x200000000; // IOVA of the rings
constexpr uint32_t TICKS = NMW_HW_TICKS, SLOTS = 1u << NMW_HW_SLOTS_LOG2;

struct Rng {
	uint64_t s;
	uint32_t below(uint32_t n)
	{
		s ^= s << 13, s ^= s >> 7, s ^= s << 17;
		return (uint32_t)(((s >> 32) * n) >> 32);
	}
};

class Host
{
      public:
	Host(const struct dev::nmw_bitstream *b, unsigned log2)
	    : b_(b), log2_(log2), size_(1u << log2), d_(b->open())
	{
		tx_ = static_cast<dev::nmw_hw_cmd *>(aligned_alloc(64, size_ * 32));
		rx_ = static_cast<dev::nmw_hw_evt *>(aligned_alloc(64, size_ * 32));
		b_->map(d_, TX, tx_, size_ * 32);
		b_->map(d_, RX, rx_, size_ * 32);
		setup();
	}
	~Host()
	{
		b_->close(d_);
		free(tx_);
		free(rx_);
	}
	// After opening and after a reset: zeroed rings, addresses, enable.
	void setup()
	{
		memset(tx_, 0, size_ * 32);
		memset(rx_, 0, size_ * 32);
		tail = sent = head = done = 0;
		while (!(reg(dev::NMW_HW_REG_STATUS) & 1))
			b_->run(d_, 1000);
		set(dev::NMW_HW_REG_TX_BASE, TX);
		set(dev::NMW_HW_REG_RX_BASE, RX);
		set(dev::NMW_HW_REG_TX_LOG2, log2_);
		set(dev::NMW_HW_REG_RX_LOG2, log2_);
		set(dev::NMW_HW_REG_CONTROL, 1);
	}
	uint64_t reg(uint32_t r)
	{
		return b_->read(d_, r);
	}
	void set(uint32_t r, uint64_t v)
	{
		b_->write(d_, r, v);
	}
	bool room() const
	{
		return tail - done < size_;
	}
	void put(const dev::nmw_hw_cmd &c)
	{
		tx_[tail++ & (size_ - 1)] = c;
	}
	void doorbell()
	{
		if (sent != tail)
			set(dev::NMW_HW_REG_TX_TAIL, tail);
		sent = tail;
	}
	// The next event, if the device has written it.
	bool get(dev::nmw_hw_evt &e)
	{
		e = rx_[head & (size_ - 1)];
		bool round = !(head & size_);
		if ((e.flags >> 7) != (round ? 1 : 0))
			return false;
		head++;
		done += e.flags & 1;
		return true;
	}
	void run(uint64_t n)
	{
		b_->run(d_, n);
	}
	void reset()
	{
		set(dev::NMW_HW_REG_CONTROL, 2);
		run(8);
		setup();
	}
	const struct dev::nmw_bitstream *b_;
	unsigned log2_;
	uint32_t size_, tail, sent, head, done;
	dev::nmw_device_sim *d_;
	dev::nmw_hw_cmd *tx_;
	dev::nmw_hw_evt *rx_;
};

bool same(const dev::nmw_hw_evt &e, const Evt &w)
{
	bool unknown = w.kind == NMW_HW_REJECTED && w.reason == NMW_HW_UNKNOWN;
	return e.kind == w.kind && e.reason == w.reason && (e.flags & 1u) == w.last &&
	       e.qty == w.qty && e.left == w.left && e.tag == w.tag &&
	       (unknown || (e.sym == w.sym && e.px == w.px && (e.flags >> 1 & 1u) == w.sell));
}

class Flow
{
      public:
	Flow(Host &h, uint64_t seed) : h_(h), rng_{seed * 77777 + 12345}, ref_(TICKS, SLOTS)
	{
	}
	// 57 % add, 43 % cancel, 12 % of the adds aggressive, 16 books or one.
	bool run(uint64_t commands, unsigned books)
	{
		uint64_t made = 0;
		dev::nmw_hw_evt e;
		start = h_.reg(dev::NMW_HW_REG_CYCLES);
		for (uint64_t quiet = 0; made < commands || !want_.empty();) {
			while (made < commands && h_.room())
				made++, send(books);
			h_.doorbell();
			h_.run(16);
			quiet++;
			for (; h_.get(e); quiet = 0)
				if (!take(e))
					return false;
			h_.set(dev::NMW_HW_REG_RX_HEAD, h_.head);
			if (quiet > 10000) {
				fprintf(stderr,
					"tb_ring: no event in %" PRIu64 " rounds, fault %" PRIu64
					"\n",
					quiet, h_.reg(dev::NMW_HW_REG_FAULT));
				return false;
			}
		}
		return true;
	}
	uint64_t start = 0;

      private:
	void send(unsigned books)
	{
		dev::nmw_hw_cmd c = {};
		Cmd k = {};
		k.tag = c.tag = (uint32_t)++name_;
		if (rng_.below(100) < 43 && !known_.empty()) {
			size_t at = rng_.below((uint32_t)known_.size());
			k.op = NMW_HW_CANCEL;
			k.order = known_[at].first;
			c.handle = known_[at].second;
			known_[at] = known_.back();
			known_.pop_back();
		} else {
			bool through = rng_.below(100) < 12;
			k.op = NMW_HW_ENTER;
			k.sell = rng_.below(2);
			k.sym = rng_.below(books);
			k.qty = 1 + rng_.below(through ? 200 : 100);
			uint32_t by = through ? rng_.below(8) : rng_.below(rng_.below(500) + 1);
			k.px = k.sell != (uint32_t)through ? 3000 + by : 2999 - by;
		}
		c.op = (uint8_t)k.op;
		c.flags = (uint8_t)(k.sell ? NMW_HW_SELL : 0);
		c.sym = (uint16_t)k.sym, c.px = k.px, c.qty = k.qty;
		for (const Evt &e : ref_.apply(k, name_))
			want_.push_back(e);
		h_.put(c);
	}
	bool take(const dev::nmw_hw_evt &e)
	{
		if (want_.empty() || !same(e, want_.front())) {
			fprintf(stderr,
				"tb_ring: event %u: kind %u reason %u tag %u qty %u left %u px %u "
				"found, ",
				h_.head, e.kind, e.reason, e.tag, e.qty, e.left, e.px);
			if (want_.empty())
				fprintf(stderr, "none expected\n");
			else
				fprintf(stderr,
					"kind %u reason %u tag %u qty %u left %u px %u expected\n",
					want_.front().kind, want_.front().reason, want_.front().tag,
					want_.front().qty, want_.front().left, want_.front().px);
			return false;
		}
		if (e.kind == NMW_HW_RESTED)
			known_.push_back({want_.front().order, e.handle});
		want_.pop_front();
		return true;
	}
	Host &h_;
	Rng rng_;
	RefBook ref_;
	std::deque<Evt> want_;
	std::vector<std::pair<uint64_t, uint64_t>> known_;
	uint64_t name_ = 0;
};

#define CHECK(x)                                                                               \
	do {                                                                                   \
		if (!(x)) {                                                                    \
			fprintf(stderr, "tb_ring: line %d: %s does not hold\n", __LINE__, #x); \
			return 1;                                                              \
		}                                                                              \
	} while (0)

dev::nmw_hw_cmd enter(uint32_t tag, bool sell, uint32_t px, uint32_t qty)
{
	dev::nmw_hw_cmd c = {};
	c.op = NMW_HW_ENTER, c.flags = sell ? NMW_HW_SELL : 0, c.px = px, c.qty = qty, c.tag = tag;
	return c;
}

bool is_fault(Host &h, uint64_t cause)
{
	return h.reg(dev::NMW_HW_REG_FAULT) == cause && (h.reg(dev::NMW_HW_REG_STATUS) & 4);
}

// The last that a ring can hold, and one more; a tail behind the head, a head beyond the tail.
int doorbells(Host &h)
{
	dev::nmw_hw_evt e;
	for (uint32_t tail : {h.size_ + 1, UINT32_MAX}) {
		h.reset();
		for (uint32_t i = 0; i < h.size_; i++)
			h.tx_[i] = enter(i, false, 50, 1);
		h.set(dev::NMW_HW_REG_TX_TAIL, tail);
		h.run(200);
		CHECK(is_fault(h, NMW_HW_FAULT_TX_TAIL));
		CHECK(h.reg(dev::NMW_HW_REG_COMMANDS) == 0 && !h.get(e));
	}
	h.reset();
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < h.size_; i++)
			h.put(enter(i, false, 50 + i, 1));
		h.doorbell();
		for (uint32_t i = 0; i < h.size_; i++) {
			h.run(60);
			CHECK(h.get(e) && e.kind == NMW_HW_RESTED && e.tag == i);
			h.set(dev::NMW_HW_REG_RX_HEAD, h.head);
		}
	}
	CHECK(h.reg(dev::NMW_HW_REG_FAULT) == 0);
	for (uint32_t head : {h.head + 1, h.head - h.size_ - 1}) {
		if (h.reg(dev::NMW_HW_REG_FAULT))
			h.reset();
		h.set(dev::NMW_HW_REG_RX_HEAD, head);
		h.run(8);
		CHECK(is_fault(h, NMW_HW_FAULT_RX_HEAD));
		h.put(enter(1, false, 50, 1));
		h.doorbell();
		h.run(200);
		CHECK(!h.get(e));
	}
	return 0;
}

void push(Host &h, const dev::nmw_hw_cmd &c)
{
	uint64_t w[4];
	memcpy(w, &c, 32);
	for (uint32_t i = 0; i < 4; i++)
		h.set(dev::NMW_HW_REG_PUSH + 8 * i, w[i]);
}

// Events are not taken until the core takes no command: then one waits in the window.
int pushes(Host &h)
{
	h.reset();
	h.set(dev::NMW_HW_REG_WATCHDOG, 0);
	h.b_->strain(h.d_, 1, 100);
	uint32_t n = 0;
	do {
		push(h, enter(n++, false, 50, 1));
		h.run(50);
	} while (!h.reg(dev::NMW_HW_REG_PUSH_BUSY) && n < 1000);
	CHECK(n < 1000);
	CHECK(h.reg(dev::NMW_HW_REG_FAULT) == 0);
	h.set(dev::NMW_HW_REG_PUSH, 0);
	h.run(4);
	CHECK(is_fault(h, NMW_HW_FAULT_PUSH));
	h.b_->strain(h.d_, 1, 0);
	return 0;
}

// A bus that takes nothing, one that does not answer: the address is that of the read.
int late(Host &h)
{
	dev::nmw_hw_evt e;
	for (unsigned stall : {100u, 0u}) {
		h.reset();
		h.set(dev::NMW_HW_REG_WATCHDOG, 0);
		for (uint32_t i = 0; i < 2; i++)
			h.put(enter(i, false, 50, 1));
		h.doorbell();
		h.run(100);
		CHECK(h.get(e) && h.get(e));
		h.b_->strain(h.d_, 20000, stall);
		for (uint32_t i = 2; i < 6; i++)
			h.put(enter(i, false, 50, 1));
		h.doorbell();
		h.run(6000);
		CHECK(h.reg(dev::NMW_HW_REG_FAULT) == 0); // 0: off
		h.set(dev::NMW_HW_REG_WATCHDOG, 5000);	  // it has been longer already
		h.run(4);
		CHECK(is_fault(h, NMW_HW_FAULT_READ_LATE));
		CHECK(h.reg(dev::NMW_HW_REG_FAULT_ADDR) == TX + 64);
		h.b_->strain(h.d_, 1, 0);
		h.run(20000); // what was asked for is answered
	}
	return 0;
}

int faults(const struct dev::nmw_bitstream *b)
{
	Host h(b, 4);
	dev::nmw_hw_evt e;
	// the list of register blocks
	uint32_t at = 0, blocks = 0;
	do {
		uint64_t w = h.reg(at);
		CHECK((w & 0xffff) == ++blocks);
		at = (uint32_t)(w >> 32);
	} while (at);
	CHECK(blocks == NMW_HW_BLOCK_PUSH);
	CHECK(h.reg(dev::NMW_HW_REG_ID) == ((uint64_t)NMW_HW_VERSION << 32 | NMW_HW_ID));
	// the push window
	dev::nmw_hw_cmd c = enter(7, true, 100, 5);
	uint64_t w[4];
	memcpy(w, &c, 32);
	uint64_t from = b->cycles(h.d_);
	for (uint32_t i = 0; i < 4; i++)
		h.set(dev::NMW_HW_REG_PUSH + 8 * i, w[i]);
	while (!h.get(e))
		h.run(1);
	printf("pushed command to its event in memory: %" PRIu64 " cycles\n",
	       b->cycles(h.d_) - from - 3);
	CHECK(e.kind == NMW_HW_RESTED && e.tag == 7 && e.qty == 5);
	// reset in mid-run: all is as new
	for (uint32_t i = 0; i < 8; i++)
		h.put(enter(i, false, 50 + i, 1));
	h.doorbell();
	h.run(9);
	h.set(dev::NMW_HW_REG_CONTROL, 2);
	h.run(8);
	CHECK(!(h.reg(dev::NMW_HW_REG_STATUS) & 1));
	h.setup();
	CHECK(h.reg(dev::NMW_HW_REG_FREE) == SLOTS);
	h.put(enter(1, false, 200, 1));
	h.doorbell();
	h.run(100);
	CHECK(h.get(e) && e.kind == NMW_HW_RESTED);
	// an address that is not mapped: reads, then writes
	h.set(dev::NMW_HW_REG_TX_BASE, 0x300000000);
	h.put(enter(2, false, 200, 1));
	h.doorbell();
	h.run(100);
	CHECK(h.reg(dev::NMW_HW_REG_FAULT) == NMW_HW_FAULT_READ);
	CHECK(h.reg(dev::NMW_HW_REG_FAULT_ADDR) == 0x300000000);
	CHECK(h.reg(dev::NMW_HW_REG_STATUS) & 4);
	CHECK(!h.get(e));
	h.set(dev::NMW_HW_REG_CONTROL, 2);
	h.run(8);
	h.setup();
	h.set(dev::NMW_HW_REG_RX_BASE, 0x400000000);
	h.put(enter(2, false, 200, 1));
	h.doorbell();
	h.run(100);
	CHECK(h.reg(dev::NMW_HW_REG_FAULT) == NMW_HW_FAULT_WRITE);
	CHECK(h.reg(dev::NMW_HW_REG_FAULT_ADDR) == 0x400000000);
	// a bus that takes nothing: the watchdog
	h.set(dev::NMW_HW_REG_CONTROL, 2);
	h.run(8);
	h.setup();
	h.set(dev::NMW_HW_REG_WATCHDOG, 5000);
	b->strain(h.d_, 1, 100);
	h.put(enter(2, false, 200, 1));
	h.doorbell();
	h.run(6000);
	CHECK(h.reg(dev::NMW_HW_REG_FAULT) == NMW_HW_FAULT_READ_LATE);
	b->strain(h.d_, 1, 0);
	if (doorbells(h) || pushes(h) || late(h))
		return 1;
	printf("registers, push, reset, unmapped read and write, watchdog, doorbells: as they "
	       "should be\n");
	return 0;
}

} // namespace

int main(int argc, char **argv)
{
	uint64_t commands = 100000, seed = 1;
	unsigned latency = 1, stall = 0, log2 = NMW_HW_RING_LOG2, books = 1;
	bool only_faults = false;
	for (int i = 2; i < argc; i++) {
		std::string a = argv[i];
		if (a == "--faults") {
			only_faults = true;
			continue;
		}
		uint64_t v = i + 1 < argc ? strtoull(argv[++i], nullptr, 10) : 0;
		if (a == "--commands")
			commands = v;
		else if (a == "--seed")
			seed = v;
		else if (a == "--latency")
			latency = (unsigned)v;
		else if (a == "--stall")
			stall = (unsigned)v;
		else if (a == "--log2")
			log2 = (unsigned)v;
		else if (a == "--books")
			books = (unsigned)v;
	}
	void *so = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : nullptr;
	auto *b =
		so ? static_cast<const struct dev::nmw_bitstream *>(dlsym(so, NMW_BITSTREAM_SYMBOL))
		   : nullptr;
	if (!b || b->abi != NMW_BITSTREAM_ABI) {
		fprintf(stderr, "tb_ring: %s\n",
			argc > 1 ? dlerror() : "usage: tb_ring DEVICE.so [options]");
		return 2;
	}
	if (only_faults)
		return faults(b);
	Host h(b, log2);
	Flow f(h, seed);
	b->strain(h.d_, latency, stall);
	if (!f.run(commands, books))
		return 1;
	uint64_t cycles = h.reg(dev::NMW_HW_REG_CYCLES) - f.start,
		 cmds = h.reg(dev::NMW_HW_REG_COMMANDS);
	printf("rings of %u, %u books, read latency %u, stall %u %%: %" PRIu64 " commands %" PRIu64
	       " events equal, %.3f cycles an order ring to ring, core latency mean %.1f max "
	       "%" PRIu64 " cycles\n",
	       h.size_, books, latency, stall, cmds, h.reg(dev::NMW_HW_REG_EVENTS),
	       (double)cycles / (double)cmds,
	       (double)h.reg(dev::NMW_HW_REG_LATENCY_SUM) / (double)cmds,
	       h.reg(dev::NMW_HW_REG_LATENCY_MAX));
	return 0;
}
