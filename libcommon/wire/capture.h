/* capture.h: packets out of a capture file: pcap (micro- and nanoseconds, either byte order) and
 * pcapng, by libpcap.  The only files that know pcap.h are this one's .c and the sink's.
 *
 * One thread.  A packet's bytes are valid until the next call.
 */
#ifndef NMW_WIRE_CAPTURE_H
#define NMW_WIRE_CAPTURE_H

#include "base/err.h"
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

struct nmw_capture_packet {
	const uint8_t *p;
	uint32_t caplen; /* bytes at p */
	uint32_t len;	 /* bytes on the wire */
	uint64_t ts_ns;	 /* since the epoch */
	bool passes;	 /* the filter, or there is none */
};

/* NULL: e says why. Exit 1 or 4 (cannot be opened), 2 (filter), 3 (not a capture, or of a link
 * layer that is not understood). */
struct nmw_capture *nmw_capture_open(const struct nmw_capture_spec *spec, struct nmw_err *e);
/* 1 = a packet; 0 = end, or stopped by idle; -ENODATA: the file ends inside a record; -EBADMSG: it
 * is damaged there, -EIO: it cannot be read on.  After any but 1 there is nothing more. */
int nmw_capture_next(struct nmw_capture *c, struct nmw_capture_packet *out, struct nmw_err *e);
enum nmw_link nmw_capture_link(const struct nmw_capture *c);
/* For a progress line: bytes read, of how many (0 = unknown). */
void nmw_capture_progress(const struct nmw_capture *c, uint64_t *pos, uint64_t *size);
void nmw_capture_close(struct nmw_capture *c); /* NULL is allowed */

#endif
