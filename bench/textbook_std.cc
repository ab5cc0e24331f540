// The textbook engine of containers: what textbook_std.h declares, of the C++ standard library.
#include "textbook_std.h"

#include <functional>
#include <list>
#include <map>
#include <unordered_map>
#include <vector>

namespace
{
struct Order {
	uint64_t id;
	uint32_t qty, sym, side, px;
};
using Level = std::list<Order>;

struct Book {
	std::map<uint32_t, Level, std::greater<uint32_t>> bids;
	std::map<uint32_t, Level> asks;
};
} // namespace

struct textbook_std {
	std::vector<Book> book;
	std::unordered_map<uint64_t, Level::iterator> order;
	textbook_fill *fill = nullptr;
	uint64_t filled = 0;
};

namespace
{
template <class Side>
uint32_t match(textbook_std *t, Side &side, uint32_t limit, uint32_t qty, uint64_t id)
{
	while (qty && !side.empty()) {
		auto best = side.begin();
		if (side.key_comp()(limit, best->first)) // the limit is better than what is there
			break;
		Order &maker = best->second.front();
		uint32_t n = maker.qty < qty ? maker.qty : qty;
		t->fill[t->filled++] = {maker.id, id, best->first, n};
		qty -= n;
		maker.qty -= n;
		if (maker.qty)
			continue;
		t->order.erase(maker.id);
		best->second.pop_front();
		if (best->second.empty())
			side.erase(best);
	}
	return qty;
}

template <class Side> void rest(textbook_std *t, Side &side, const Order &o)
{
	Level &level = side[o.px];
	t->order.emplace(o.id, level.insert(level.end(), o));
}

template <class Side> void leave(Side &side, Level::iterator o)
{
	auto level = side.find(o->px);
	level->second.erase(o);
	if (level->second.empty())
		side.erase(level);
}
} // namespace

textbook_std *textbook_std_new(uint32_t symbols)
{
	auto *t = new textbook_std;
	t->book.resize(symbols);
	return t;
}

void textbook_std_free(textbook_std *t)
{
	delete t;
}

void textbook_std_fills(textbook_std *t, textbook_fill *to)
{
	t->fill = to;
	t->filled = 0;
}

uint64_t textbook_std_filled(const textbook_std *t)
{
	return t->filled;
}

uint32_t textbook_std_take(textbook_std *t, uint32_t sym, uint32_t side, uint32_t limit,
			   uint32_t qty, uint64_t id)
{
	Book &b = t->book[sym];
	return side ? match(t, b.bids, limit, qty, id) : match(t, b.asks, limit, qty, id);
}

bool textbook_std_add(textbook_std *t, uint32_t sym, uint32_t side, uint32_t px, uint32_t qty,
		      uint64_t id)
{
	qty = textbook_std_take(t, sym, side, px, qty, id);
	if (!qty)
		return false;
	Book &b = t->book[sym];
	const Order o = {id, qty, sym, side, px};
	side ? rest(t, b.asks, o) : rest(t, b.bids, o);
	return true;
}

bool textbook_std_cancel(textbook_std *t, uint64_t id)
{
	auto at = t->order.find(id);
	if (at == t->order.end())
		return false;
	Level::iterator o = at->second;
	Book &b = t->book[o->sym];
	o->side ? leave(b.asks, o) : leave(b.bids, o);
	t->order.erase(at);
	return true;
}
