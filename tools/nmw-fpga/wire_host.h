/* wire_host.h: the host beside the device: answers what the device leaves to it.
 *
 * The rule: nothing that a client sends stays without the answer that nmw-match gives, or a
 * rejection.  What nmw-match answers without its book (a query, an order that breaks a rule), the
 * host answers the same; an order that nmw-match would take, and the device cannot, is rejected
 * with a code that says why, and nothing of it happens. The host never trades: references, match
 * numbers and the feed are the device's.
 *
 * It is shown which message each is by the number of its frame, and keeps the last frames that went
 * in, as a card's host has them from a tap.
 */
#ifndef NMW_FPGA_WIRE_HOST_H
#define NMW_FPGA_WIRE_HOST_H

#include "wire_merge.h"
#include "wire/codec.h"

struct nmw_symbols;

#define HOST_FRAMES 4096u /* that are kept, a power of two; under way are far fewer */
#define HOST_LEFT   1024u /* messages inside the core, a power of two; it has far fewer */
#define HOST_LATE   256u  /* replies that the core holds, a power of two; it has far fewer */

/* Why the device left it. */
enum host_why {
	HOST_TYPE,
	HOST_TAG,
	HOST_LONG,
	HOST_CLIENT,
	HOST_SYMBOL,
	HOST_WINDOW,
	HOST_TIMED,
	HOST_HIDDEN,
	HOST_OTHER,
	HOST_WHYS
};

/* What the host did. */
enum host_did { HOST_REJECTED, HOST_ANSWERED, HOST_IGNORED, HOST_MALFORMED, HOST_DIDS };

struct host_verdict {
	enum host_why why;
	enum host_did did;
	bool same;     /* as nmw-match does */
	uint16_t code; /* of a rejection, OUCH 5.0's */
};

struct host_frame {
	uint32_t number, len, cap;
	uint8_t *p;
};

/* A message that the core takes and leaves to the host, before it comes out of it. */
struct host_left {
	uint32_t last_urn; /* of its client, when it came */
	bool used;	   /* its number was used before */
};

struct host {
	const struct nmw_symbols *symbols; /* all that nmw-match would have */
	bool open;			   /* others open a book */
	uint32_t given;			   /* frames that went in */
	struct host_frame *frame;	   /* HOST_FRAMES, a ring */
	struct host_client {
		uint32_t last_urn; /* highest number that an order used, as messages come */
		uint32_t replaced; /* that a replacement used, as replies come */
		uint32_t tried;	   /* the last replacement's */
	} client[NMW_WIRE_CLIENTS];
	struct host_left left[HOST_LEFT];
	uint32_t left_in, left_out;
	struct nmw_wire_seen
		late[HOST_LATE]; /* left to the host: replies before it are not shown */
	uint32_t late_in, late_out;
	uint64_t n, did[HOST_DIDS], why[HOST_WHYS];
	uint64_t other; /* of n, that nmw-match would do otherwise */
	struct merge merge;
};

int host_open(struct host *h, struct frame_out *out, struct nmw_err *e);
/* A frame went in. */
int host_frame(struct host *h, const uint8_t *p, uint32_t len, struct nmw_err *e);
/* What the device shows, in its order. -EIO: what cannot be. */
int host_see(struct host *h, const struct nmw_wire_seen *s, struct nmw_err *e);
/* After each: 1: the replies before a message that was left to the host have all been shown: *of,
 * and *v says what became of it; 0: there is none. */
int host_next(struct host *h, struct nmw_wire_seen *of, struct host_verdict *v, struct nmw_err *e);
uint32_t host_waits(const struct host *h); /* messages and answers that go nowhere yet */
uint64_t host_sent(const struct host *h);  /* answers that went out */
const char *host_word(enum host_why why);
/* "hidden 3, symbol 1": at most cap bytes. */
void host_reasons(const struct host *h, char *to, size_t cap);
void host_close(struct host *h);

#endif
