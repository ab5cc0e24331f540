// ref_wire_in: what the way in from the wire has to do with a frame.
//
// What a packet and a message are is asked of the software (sw_wire.h). Here is only what the
// device does beside that: what it refuses though the software would take it, the reasons, the
// table of clients, what goes to the host.
#ifndef NMW_TB_REF_WIRE_IN_H
#define NMW_TB_REF_WIRE_IN_H

#include "sw_wire.h"

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

namespace tb
{

// bits of nmw_wire_in's `stat`
enum Stat {
	FRAMES,
	GOOD,
	DAMAGED,
	LINK,
	BAD_IP,
	FRAGMENT,
	NOT_UDP,
	BAD_UDP,
	NOT_OURS,
	BAD_MOLD,
	BAD_SUM,
	LONG,
	NO_ROOM,
	OTHER_SESSION,
	HEARTBEATS,
	ENDS,
	GAPS,
	ENTER,
	REPLACE,
	CANCEL,
	MODIFY,
	UNFIT,
	BAD_MESSAGE,
	BAD_LAST,
	DUPLICATE,
	DUPLICATE_LAST,
	CLIENTS,
	STATS
};
extern const char *const stat_name[STATS];

struct Frame {
	std::vector<uint8_t> p;
	std::vector<uint8_t> behind; // what lies in the last beat behind its end
	uint64_t time;
	bool damaged;
};

struct Symbol {
	bool valid;
	uint64_t name;
	uint32_t base, step;
};

struct Client {
	uint8_t src[4], dst[4];
	uint16_t sport, dport;
	std::string session;
	uint64_t next;
	Frame first; // its first frame
};

class RefWireIn
{
      public:
	uint32_t own_ip = 0;
	uint16_t own_port = 0;
	uint64_t utc = 0;
	Symbol symbol[16] = {};

	void frame(const Frame &f);

	std::deque<std::vector<uint32_t>> records; // what has to come out, in words of 32 bits
	std::vector<Client> clients;
	uint64_t stat[STATS] = {};
	uint64_t missing = 0;
	std::string trouble; // the software would do other than this says

      private:
	Stat judge(const Frame &f, const sw_frame &sw);
	Stat client_of(const Frame &f, const sw_frame &sw, size_t *index);
	void messages(const Frame &f, const sw_frame &sw, size_t client, uint64_t next);
	bool message(const uint8_t *p, uint16_t len, std::vector<uint32_t> &rec);
};

} // namespace tb

#endif
