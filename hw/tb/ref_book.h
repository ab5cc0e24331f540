// ref_book.h: what the matching core should do, in the plainest form: ordered maps of lists.
//
// Written from the rules alone, it shares nothing with the design or with the software engine.
// Orders are named by the number of the command that entered them; the bench learns handles.
#ifndef NMW_TB_REF_BOOK_H
#define NMW_TB_REF_BOOK_H

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <unordered_map>
#include <vector>

namespace tb
{

enum {
#include "nmw_params.vh"
};

struct Cmd {
	uint32_t op, flags, sell, sym, px, qty, min, owner, tag;
	uint64_t order; // CANCEL, REDUCE, REPLACE: which; RefBook::NONE: a name nobody has
};

struct Evt {
	uint32_t kind, reason, last, sell, sym, px, qty, left, tag;
	uint64_t order; // 0: none
};

class RefBook
{
      public:
	static constexpr uint64_t NONE = ~UINT64_C(0);
	struct Order {
		uint64_t name;
		uint32_t sym, sell, px, qty, owner;
	};

	RefBook(uint32_t ticks, uint32_t slots) : ticks_(ticks), slots_(slots)
	{
	}
	// The events of a command, in order.
	std::vector<Evt> apply(const Cmd &c, uint64_t name);
	const Order *find(uint64_t name) const
	{
		auto it = live_.find(name);
		return it == live_.end() ? nullptr : &*it->second;
	}
	size_t live() const
	{
		return live_.size();
	}
	bool crossed() const;

      private:
	using Queue = std::list<Order>;
	using Side = std::map<int64_t, Queue>; // best first: price, or its negative for bids

	static int64_t rank(uint32_t sell, uint32_t px)
	{
		return sell ? (int64_t)px : -(int64_t)px;
	}
	Side &side(uint32_t sym, uint32_t sell)
	{
		return sides_[sym * 2 + sell];
	}
	bool reaches(const Cmd &c, const Order &maker) const
	{
		if (c.flags & NMW_HW_MARKET)
			return true;
		return c.sell ? maker.px >= c.px : maker.px <= c.px;
	}
	uint64_t available(const Cmd &c);
	void enter(const Cmd &c, uint64_t name, std::vector<Evt> &out);
	void take_off(uint64_t name);

	uint32_t ticks_, slots_;
	std::map<uint32_t, Side> sides_;
	std::unordered_map<uint64_t, Queue::iterator> live_;
};

} // namespace tb
#endif
