// tb_wire_back: answers of the book that cannot be, to nmw_wire_core_back alone: every kind of
// message with every kind and reason of event. What can be gives its messages; what cannot is
// counted once, gives no message and changes nothing in the index, and the message behind it has
// its turn.
//
//      tb_wire_back
//
// Exit 0: all as they should be; 1: one is not, which is printed.
#include "Vnmw_wire_core_back.h"
#include "verilated.h"

#include <cstdio>
#include <string>

namespace
{

enum {
#include "nmw_params.vh"
};
enum {
#include "rtl/nmw_wire_core.vh"
};
constexpr unsigned FAULT = 6; // bit of stat
constexpr unsigned KINDS = NMW_WK_END + 1, EVENTS = NMW_HW_REJECTED + 1, REASONS = NMW_HW_RANGE + 1;

struct Event {
	unsigned kind, reason;
	bool last;
};

struct Back {
	VerilatedContext context;
	Vnmw_wire_core_back top{&context};
	unsigned messages = 0, faults = 0, writes = 0;

	Back()
	{
		top.m_rep_ready = top.m_feed_ready = top.m_host_ready = 1;
		top.sym_listed = 0xffff;
		top.rst = 1;
		run(3);
		top.rst = 0;
		run(2);
	}
	void run(unsigned cycles)
	{
		while (cycles--) {
			top.clk = 0;
			top.eval();
			messages += top.m_rep_valid + top.m_feed_valid + top.m_host_valid;
			faults += top.stat >> FAULT & 1;
			writes += top.bw_valid;
			top.clk = 1;
			top.eval();
		}
	}
	void message(unsigned kind)
	{
		for (auto &w : top.ctx_data.m_storage)
			w = 0;
		top.ctx_data[0] = kind << NMW_WC_KIND | 1u << NMW_WC_CMD;
		top.ctx_put = 1;
		run(1);
		top.ctx_put = 0;
		run(12);
	}
	void event(const Event &v)
	{
		top.s_evt_valid = 1;
		top.s_evt_kind = (uint8_t)v.kind;
		top.s_evt_reason = (uint8_t)v.reason;
		top.s_evt_last = v.last;
		top.s_evt_qty = 5;
		top.s_evt_left = 7;
		run(1);
		top.s_evt_valid = 0;
		run(12);
	}
	void forget()
	{
		messages = faults = writes = 0;
	}
};

bool has_command(unsigned kind)
{
	return kind >= NMW_WK_ENTER && kind <= NMW_WK_MORE && kind != NMW_WK_MODIFY;
}

// The first event of a message that has two: the order that gives way.
bool gives_way(unsigned kind)
{
	return kind == NMW_WK_REPLACE || kind == NMW_WK_MORE;
}

// Can it be the answer to a message of this kind, whose order has given way, if it has to?
bool can_be(unsigned kind, bool gave_way, const Event &v)
{
	if (gives_way(kind) && !gave_way)
		return v.kind == NMW_HW_REPLACED;
	switch (kind) {
	case NMW_WK_CANCEL:
	case NMW_WK_VOID:
		return v.kind == NMW_HW_CANCELED ||
		       (v.kind == NMW_HW_REJECTED && v.reason == NMW_HW_UNKNOWN);
	case NMW_WK_NOTHING:
		return v.kind == NMW_HW_CANCELED;
	case NMW_WK_REDUCE:
	case NMW_WK_LESS:
		return v.kind == NMW_HW_REDUCED;
	case NMW_WK_MORE:
		return v.kind == NMW_HW_RESTED;
	default: // ENTER, REPLACE
		return v.kind == NMW_HW_RESTED || v.kind == NMW_HW_FILL || v.kind == NMW_HW_OWN ||
		       (v.kind == NMW_HW_CANCELED && v.reason != NMW_HW_FULL &&
			v.reason != NMW_HW_RANGE);
	}
}

// True: as it should be.
bool answered(unsigned kind, bool gave_way, const Event &v)
{
	Back b;
	b.message(kind);
	if (gave_way)
		b.event({NMW_HW_REPLACED, 0, false});
	b.forget();
	b.event(v);
	bool said = b.messages || b.writes;
	if (can_be(kind, gave_way, v))
		return !b.faults &&
		       (said || v.kind == NMW_HW_REJECTED || v.kind == NMW_HW_REPLACED);
	if (b.faults != 1 || said)
		return false;
	if (!v.last) // the message goes on, and ends with its last event
		b.event({v.kind, v.reason, true});
	b.forget();
	b.message(NMW_WK_REJECT);
	return b.messages == 1 && !b.faults;
}

} // namespace

int main()
{
	unsigned done = 0, strange = 0, wrong = 0;
	for (unsigned kind = 0; kind < KINDS; kind++)
		for (unsigned at = 0; has_command(kind) && at < 4; at++)
			for (unsigned k = 0; k < EVENTS; k++)
				for (unsigned reason = 0; reason < REASONS; reason++) {
					bool gave_way = at & 1;
					Event v = {k, reason, (at & 2) != 0};
					if ((gave_way && !gives_way(kind)) ||
					    (!v.last && can_be(kind, gave_way, v)))
						continue;
					done++;
					strange += !can_be(kind, gave_way, v);
					if (answered(kind, gave_way, v))
						continue;
					wrong++;
					printf("wire_back: message %u%s, event %u, reason %u%s: "
					       "not as it should be\n",
					       kind, gave_way ? ", its order gone" : "", k, reason,
					       v.last ? "" : ", not the last");
				}
	printf("answers of the book: %u, %u of them cannot be: %u wrong\n", done, strange, wrong);
	return wrong != 0;
}
