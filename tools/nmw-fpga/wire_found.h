/* wire_found.h: what a source has when it has nothing for the device: packets by what carries their
 * messages, and by what these are. */
#ifndef NMW_FPGA_WIRE_FOUND_H
#define NMW_FPGA_WIRE_FOUND_H

#include "base/err.h"
#include "wire/capture.h"
#include "wire/endpoint.h"

#include <stdbool.h>
#include <stdint.h>

enum found_in { FOUND_MOLD, FOUND_MOLD6, FOUND_SOUP, FOUND_UDP, FOUND_TCP, FOUND_INS };
enum found_what {
	FOUND_OUCH42,
	FOUND_OUCH50,
	FOUND_REPLIES,
	FOUND_ITCH,
	FOUND_UNKNOWN,
	FOUND_NOTHING,
	FOUND_WHATS
};

struct found {
	uint64_t frames;
	uint64_t ours; /* with OUCH 5.0 in MoldUDP64 over UDP and IPv4 */
	uint64_t no_ip, bad;
	uint64_t n[FOUND_INS][FOUND_WHATS];
	struct nmw_endpoint to; /* of the first that is ours */
};

void found_look(struct found *f, const struct nmw_capture_packet *c);
/* Nothing was for the device: what it is, what is expected, what takes it. server: as given, NULL:
 * any. False: there is nothing to say of it. */
bool found_say(const struct found *f, const char *source, const char *server, struct nmw_err *e);

#endif
