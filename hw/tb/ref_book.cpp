#include "ref_book.h"

#include <algorithm>

namespace tb
{

void RefBook::take_off(uint64_t name)
{
	auto it = live_.find(name);
	Order o = *it->second;
	Side &s = side(o.sym, o.sell);
	auto level = s.find(rank(o.sell, o.px));
	level->second.erase(it->second);
	if (level->second.empty())
		s.erase(level);
	live_.erase(it);
}

// Shares that are there for the order: it stops at, or passes over, its owner's own.
uint64_t RefBook::available(const Cmd &c)
{
	uint64_t sum = 0;
	for (auto &level : side(c.sym, !c.sell))
		for (auto &maker : level.second) {
			if (!reaches(c, maker))
				return sum;
			bool own = c.owner && maker.owner == c.owner;
			if (own && !(c.flags & NMW_HW_OWN_LEAVES))
				return sum;
			sum += own ? 0 : maker.qty;
		}
	return sum;
}

void RefBook::enter(const Cmd &c, uint64_t name, std::vector<Evt> &out)
{
	Side &other = side(c.sym, !c.sell);
	uint32_t left = c.qty;
	auto cancel = [&](uint32_t reason) {
		out.push_back({NMW_HW_CANCELED, reason, 0, c.sell, c.sym, c.px, left, 0, c.tag, 0});
	};
	auto first = [&]() -> Order * {
		if (other.empty() || !reaches(c, other.begin()->second.front()))
			return nullptr;
		return &other.begin()->second.front();
	};
	if (left == 0 || (c.px >= ticks_ && !(c.flags & NMW_HW_MARKET)))
		return cancel(NMW_HW_RANGE);
	if ((c.flags & NMW_HW_POST_ONLY) && first())
		return cancel(NMW_HW_WOULD_POST);
	if (c.min && available(c) < c.min)
		return cancel(NMW_HW_MIN_QTY);
	while (Order *m = first()) {
		Order o = *m;
		if (c.owner && o.owner == c.owner) {
			if (!(c.flags & NMW_HW_OWN_LEAVES)) {
				out.push_back({NMW_HW_CANCELED, NMW_HW_SELF, 0, o.sell, c.sym, o.px,
					       left, o.qty, c.tag, o.name});
				return;
			}
			take_off(o.name);
			out.push_back({NMW_HW_OWN, 0, 0, o.sell, c.sym, o.px, o.qty, left, c.tag,
				       o.name});
			continue;
		}
		uint32_t n = std::min(left, o.qty);
		left -= n;
		m->qty -= n;
		out.push_back({NMW_HW_FILL, 0, 0, o.sell, c.sym, o.px, n, m->qty, c.tag, o.name});
		if (m->qty == 0)
			take_off(o.name);
		if (left == 0)
			return;
	}
	if (c.flags & (NMW_HW_IOC | NMW_HW_MARKET))
		return cancel(NMW_HW_IMMEDIATE);
	if (live_.size() == slots_)
		return cancel(NMW_HW_FULL);
	Queue &q = side(c.sym, c.sell)[rank(c.sell, c.px)];
	q.push_back({name, c.sym, c.sell, c.px, left, c.owner});
	live_[name] = std::prev(q.end());
	out.push_back({NMW_HW_RESTED, 0, 0, c.sell, c.sym, c.px, left, 0, c.tag, name});
}

std::vector<Evt> RefBook::apply(const Cmd &c, uint64_t name)
{
	std::vector<Evt> out;
	if (c.op == NMW_HW_ENTER) {
		enter(c, name, out);
	} else if (!live_.count(c.order)) {
		out.push_back({NMW_HW_REJECTED, NMW_HW_UNKNOWN, 0, 0, 0, 0, 0, 0, c.tag, c.order});
	} else {
		Order &o = *live_[c.order];
		Evt e = {NMW_HW_CANCELED, 0, 0, o.sell, o.sym, o.px, o.qty, 0, c.tag, o.name};
		if (c.op == NMW_HW_REDUCE && c.qty >= o.qty) {
			e.kind = NMW_HW_REJECTED;
			e.reason = NMW_HW_NOT_LESS;
			e.qty = 0;
		} else if (c.op == NMW_HW_REDUCE && c.qty) {
			e.kind = NMW_HW_REDUCED;
			e.qty = o.qty - c.qty;
			e.left = c.qty;
			o.qty = c.qty;
		} else {
			take_off(c.order);
		}
		if (c.op == NMW_HW_REPLACE)
			e.kind = NMW_HW_REPLACED;
		out.push_back(e);
		if (c.op == NMW_HW_REPLACE)
			enter(c, name, out);
	}
	out.back().last = 1;
	return out;
}

bool RefBook::crossed() const
{
	for (auto &[key, bids] : sides_) {
		auto asks = sides_.find(key + 1);
		if (key % 2 == 0 && asks != sides_.end() && !bids.empty() &&
		    !asks->second.empty() && -bids.begin()->first >= asks->second.begin()->first)
			return true;
	}
	return false;
}

} // namespace tb
