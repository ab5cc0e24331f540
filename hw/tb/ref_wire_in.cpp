#include "ref_wire_in.h"

#include <cstring>

namespace tb
{

enum : unsigned {
#include "nmw_wire_msg.vh"
};

const char *const stat_name[STATS] = {"frames",	   "good",	     "damaged",	    "link",
				      "ip",	   "fragment",	     "not_udp",	    "udp",
				      "not_ours",  "mold",	     "checksum",    "long",
				      "no_room",   "other_session",  "heartbeats",  "ends",
				      "gaps",	   "enter",	     "replace",	    "cancel",
				      "modify",	   "unfit",	     "bad_message", "bad_last",
				      "duplicate", "duplicate_last", "clients"};

namespace
{

constexpr uint64_t DAY = UINT64_C(86400000000000);
constexpr unsigned MESSAGES_MAX = 496; // of a frame
constexpr size_t FRAME_MAX = 255 * 64;

using Words = std::vector<uint32_t>;

void put(Words &r, unsigned at, unsigned width, uint64_t v)
{
	for (unsigned i = 0; i < width; i++)
		if (v >> i & 1)
			r[(at + i) / 32] |= 1u << (at + i) % 32;
}

void put_bytes(Words &r, unsigned at, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(r, at + 8 * (unsigned)i, 8, p[i]);
}

#define PUT(r, field, v) put(r, NMW_MSG_##field, NMW_MSG_##field##_W, v)

uint32_t be16(const uint8_t *p)
{
	return (uint32_t)(p[0] << 8 | p[1]);
}
uint32_t be32(const uint8_t *p)
{
	return be16(p) << 16 | be16(p + 2);
}

// The ones' complement sum of n bytes, on top of `sum`, folded.
uint32_t ones(const uint8_t *p, size_t n, uint64_t sum)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += be16(p + i);
	if (n & 1)
		sum += (uint32_t)p[n - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return (uint32_t)sum;
}

bool is_tag(const uint8_t *p)
{
	uint32_t t = be16(p);
	return t == 0x8100 || t == 0x88A8 || t == 0x9100;
}

// The frame with what lies behind it, so that headers can be looked at that it does not have whole.
std::vector<uint8_t> padded(const Frame &f)
{
	std::vector<uint8_t> b = f.p;
	b.insert(b.end(), f.behind.begin(), f.behind.end());
	b.resize(b.size() + 128);
	return b;
}

// The first n blocks are in len bytes.
bool fit(const uint8_t *p, uint32_t len, unsigned n)
{
	for (; n; n--) {
		if (len < 2 || len - 2 < be16(p))
			return false;
		len -= 2 + be16(p);
		p += 2 + be16(p);
	}
	return true;
}

// Bytes of the values of the optional fields, with their tag; those that are taken have a second
// bit.
struct Tag {
	uint8_t size, taken;
};
Tag tag_of(uint8_t t)
{
	static const Tag tags[26] = {{0, 0}, {9, 0}, {5, 1}, {5, 2}, {2, 8}, {5, 0}, {2, 0},
				     {5, 0}, {0, 0}, {9, 0}, {2, 0}, {5, 0}, {2, 4}, {5, 0},
				     {5, 0}, {5, 0}, {2, 0}, {2, 0}, {2, 0}, {0, 0}, {0, 0},
				     {0, 0}, {5, 0}, {9, 0}, {3, 0}, {2, 0}};
	return t < 26 ? tags[t] : Tag{0, 0};
}

enum App { TAKEN, BAD, OTHER_TAG };

// Walks an appendage to its end, or to the first field that the device does not take.
App walk(const uint8_t *p, uint32_t n, uint32_t *seen)
{
	while (n) {
		uint32_t len = p[0];
		if (len == 0 || len >= n)
			return BAD;
		Tag t = tag_of(p[1]);
		if (t.size && t.size != len)
			return BAD;
		if (!t.taken)
			return OTHER_TAG;
		if (*seen & t.taken)
			return BAD;
		*seen |= t.taken;
		p += len + 1;
		n -= len + 1;
	}
	return TAKEN;
}

void put_order(Words &r, const sw_order &o, const Symbol *symbols)
{
	bool enter = o.op == 1;
	PUT(r, DISPLAY, o.display);
	PUT(r, TIF, o.tif);
	PUT(r, ISO, o.iso);
	PUT(r, PRICE, o.price);
	PUT(r, MARKET, o.market);
	put_bytes(r, NMW_MSG_CLORDID, o.clordid, 14);
	if (!enter)
		return;
	PUT(r, SYMBOL, o.symbol);
	PUT(r, CAPACITY, o.capacity);
	PUT(r, CROSS, o.cross);
	for (unsigned i = 0; i < 16; i++) {
		const Symbol &s = symbols[i];
		if (!s.valid || s.name != o.symbol)
			continue;
		PUT(r, SYM, i);
		PUT(r, SYM_KNOWN, 1);
		uint64_t off = o.price - s.base;
		if (o.price < UINT32_MAX + UINT64_C(1) && o.price >= s.base && off % s.step == 0 &&
		    off / s.step < 8192) {
			PUT(r, TICKS, off / s.step);
			PUT(r, TICKS_OK, 1);
		}
	}
}

} // namespace

// What of a frame can be told without the table of clients.
Stat RefWireIn::judge(const Frame &f, const sw_frame &sw)
{
	std::vector<uint8_t> b = padded(f);
	size_t len = f.p.size(), at = 12;
	if (f.damaged)
		return DAMAGED;
	for (unsigned n = 0; n < 2 && is_tag(&b[at]); n++)
		at += 4;
	if (be16(&b[at]) != 0x0800)
		return LINK;
	const uint8_t *ip = &b[at + 2];
	uint32_t hdr = (ip[0] & 15u) * 4u, total = be16(ip + 2);
	if (ip[0] >> 4 != 4 || hdr < 20 || total < hdr || at + 2 + total > len ||
	    ones(ip, hdr, 0) != 0xFFFF)
		return BAD_IP;
	if (be16(ip + 6) & 0x3FFF)
		return FRAGMENT;
	if (ip[9] != 17)
		return NOT_UDP;
	const uint8_t *udp = ip + hdr;
	uint32_t n = be16(udp + 4);
	if (n < 8 || n > total - hdr)
		return BAD_UDP;
	if ((own_ip && own_ip != be32(ip + 16)) || (own_port && own_port != be16(udp + 2)))
		return NOT_OURS;
	if (!sw.ok) {
		trouble = "the software refuses the packet";
		return BAD_UDP;
	}
	uint32_t messages = n < 28 || be16(udp + 26) == 0xFFFF ? 0 : be16(udp + 26);
	bool many = messages > MESSAGES_MAX; // the rest is not looked at
	if (n < 28 || !fit(udp + 28, n - 28, many ? MESSAGES_MAX : messages))
		return BAD_MOLD;
	if (!many && !sw.mold)
		trouble = "the software refuses the blocks";
	if (be16(udp + 6) && ones(udp, n,
				  (uint64_t)be16(ip + 12) + be16(ip + 14) + be16(ip + 16) +
					  be16(ip + 18) + 17 + n) != 0xFFFF)
		return BAD_SUM;
	if (len > FRAME_MAX || many)
		return LONG;
	return GOOD;
}

Stat RefWireIn::client_of(const Frame &f, const sw_frame &sw, size_t *index)
{
	std::string session(sw.session, sizeof sw.session);
	for (size_t i = 0; i < clients.size(); i++) {
		const Client &c = clients[i];
		if (memcmp(c.src, sw.src, 4) || memcmp(c.dst, sw.dst, 4) || c.sport != sw.sport ||
		    c.dport != sw.dport)
			continue;
		*index = i;
		return c.session == session ? GOOD : OTHER_SESSION;
	}
	if (clients.size() == 16)
		return NO_ROOM;
	Client c = {};
	memcpy(c.src, sw.src, 4);
	memcpy(c.dst, sw.dst, 4);
	c.sport = sw.sport;
	c.dport = sw.dport;
	c.session = session;
	c.next = sw.seq;
	c.first = f;
	*index = clients.size();
	clients.push_back(c);
	stat[CLIENTS]++;
	return GOOD;
}

// False: it is none.
bool RefWireIn::message(const uint8_t *p, uint16_t len, Words &r)
{
	sw_order o;
	bool ok = sw_order_read(p, len, &o);
	PUT(r, LEN, len);
	if (len)
		PUT(r, TYPE, p[0]);
	uint32_t fixed = len && p[0] == 'O' ? 47 : len && p[0] == 'U' ? 40 : 0, seen = 0;
	bool shape =
		fixed ? len >= fixed && be16(p + fixed - 2) == len - fixed && len - fixed <= 128u
		      : ok;
	if (!shape) {
		if (ok)
			trouble = "the software takes the message";
		return false;
	}
	uint32_t n = fixed ? len - fixed : 0;
	bool is_long = n > 18;
	App app = fixed && !is_long ? walk(p + fixed, n, &seen) : TAKEN;
	if (app == BAD) {
		if (ok)
			trouble = "the software takes the message";
		return false;
	}
	bool unfit = is_long || app == OTHER_TAG || p[0] == 'Q';
	if (!ok && !unfit)
		trouble = "the software refuses the message";
	if (unfit) { // what its fields say is read as if it had no appendage
		std::vector<uint8_t> bare(p, p + (fixed ? fixed : len));
		if (fixed)
			bare[fixed - 2] = bare[fixed - 1] = 0;
		sw_order_read(bare.data(), (uint32_t)bare.size(), &o);
	}
	static const uint8_t kinds[] = {0, NMW_MSG_ENTER, NMW_MSG_REPLACE, NMW_MSG_CANCEL,
					NMW_MSG_MODIFY};
	PUT(r, KIND, unfit ? (unsigned)NMW_MSG_UNFIT : kinds[o.op]);
	if (unfit)
		PUT(r, WHY,
		    p[0] == 'Q' ? NMW_UNFIT_TYPE
		    : is_long	? NMW_UNFIT_LONG
				: NMW_UNFIT_TAG);
	else
		PUT(r, REJECT, o.reject);
	if (p[0] == 'Q')
		return true;
	PUT(r, URN, o.urn);
	PUT(r, ORIG, o.orig);
	PUT(r, QTY, o.qty);
	PUT(r, SIDE, o.side);
	PUT(r, SELL, (o.op == 1 || o.op == 4) && o.side != 'B');
	if (!fixed)
		return true;
	put_order(r, o, symbol);
	uint32_t firm = 0x20202020, min_qty = 0, cust = ' ', post = 0;
	for (uint32_t at = 0; !is_long && at < n;
	     at += p[fixed + at] + 1u) { // up to what is not taken
		const uint8_t *t = p + fixed + at;
		uint8_t taken = tag_of(t[1]).taken;
		if (!taken)
			break;
		if (taken == 1)
			memcpy(&firm, t + 2, 4);
		else if (taken == 2)
			min_qty = be32(t + 2);
		else if (taken == 4)
			post = t[2] == 'P';
		else
			cust = t[2];
	}
	PUT(r, FIRM, firm);
	PUT(r, MIN_QTY, min_qty);
	PUT(r, CUST, cust);
	PUT(r, POST_ONLY, post);
	PUT(r, APP_SEEN, seen | (is_long || app == OTHER_TAG ? 128 : 0));
	if (!is_long) {
		PUT(r, APP_LEN, n);
		put_bytes(r, NMW_MSG_APP, p + fixed, n);
	}
	return true;
}

void RefWireIn::messages(const Frame &f, const sw_frame &sw, size_t client, uint64_t next)
{
	uint32_t at = 0;
	uint64_t day = (f.time + utc) % DAY;
	for (unsigned i = 0; i < sw.count; i++) {
		uint16_t len;
		const uint8_t *p = sw_message(&sw, f.p.data(), &at, &len);
		Words r((NMW_MSG_W + 31) / 32);
		if (sw.seq + i < next) {
			stat[DUPLICATE]++;
			continue;
		}
		if (!message(p, len, r)) {
			stat[BAD_MESSAGE]++;
			continue;
		}
		unsigned kind = r[0] & 7;
		stat[ENTER + kind - 1]++;
		PUT(r, CLIENT, client);
		PUT(r, KNOWN, 1);
		PUT(r, TIME, f.time);
		PUT(r, DAY, day);
		PUT(r, FRAME, stat[FRAMES] - 1);
		PUT(r, NTH, i);
		records.push_back(r);
	}
}

void RefWireIn::frame(const Frame &f)
{
	sw_frame sw;
	size_t index = 0;
	sw_frame_read(f.p.data(), (uint32_t)f.p.size(), &sw);
	stat[FRAMES]++;
	Stat is = judge(f, sw);
	if (is == GOOD)
		is = client_of(f, sw, &index);
	stat[is]++;
	if (is != GOOD)
		return;
	Client &c = clients[index];
	bool end = sw.count == 0xFFFF;
	uint32_t count = end ? 0 : sw.count;
	uint64_t next = c.next;
	if (sw.seq > next) {
		stat[GAPS]++;
		missing += sw.seq - next;
	}
	if (end)
		stat[ENDS]++;
	else if (!count)
		stat[HEARTBEATS]++;
	else
		messages(f, sw, index, next);
	if (sw.seq > next || next - sw.seq < count)
		c.next = sw.seq + count;
}

} // namespace tb
