/* capture.h: packets out of a capture file, pcap (micro- and nanoseconds, either byte order) or
 * pcapng.  The usual pcap is read here (wire/classic.h); pcapng, odd variants of pcap and captures
 * that are filtered, by libpcap.  The only file that knows pcap.h is this one's .c.
 *
 * One thread.  A packet's bytes are valid until the next call.  All memory at open.
 */
#ifndef NMW_WIRE_CAPTURE_H
#define NMW_WIRE_CAPTURE_H

#include "base/err.h"
#include "wire/classic.h"
#include "wire/packet.h"
#include <stdbool.h>
#include <stdint.h>

struct nmw_capture;

struct nmw_capture_spec {
	const char *path;	 /* `-` = stdin */
	const char *filter;	 /* BPF expression, or NULL */
	bool (*idle)(void *arg); /* see base/input.h */
	void *arg;
};

/* NULL: e says why. Exit 1 or 4 (cannot be opened), 2 (filter), 3 (not a capture, or of a link
 * layer that is not understood). */
struct nmw_capture *nmw_capture_open(const struct nmw_capture_spec *spec, struct nmw_err *e);
/* Up to max packets that are there: how many; 0 = end, or stopped by idle; -ENODATA: the file ends
 * inside a record; -EBADMSG: it is damaged there, -EIO: it cannot be read on.  After 0 or less
 * there is nothing more. */
int nmw_capture_burst(struct nmw_capture *c, struct nmw_capture_packet *out, unsigned max,
		      struct nmw_err *e);
/* The next one: 1, or as above. */
static inline int nmw_capture_next(struct nmw_capture *c, struct nmw_capture_packet *out,
				   struct nmw_err *e)
{
	return nmw_capture_burst(c, out, 1, e);
}
enum nmw_link nmw_capture_link(const struct nmw_capture *c);
/* For a progress line: bytes read, of how many (0 = unknown). */
void nmw_capture_progress(const struct nmw_capture *c, uint64_t *pos, uint64_t *size);
void nmw_capture_close(struct nmw_capture *c); /* NULL is allowed */

#endif
