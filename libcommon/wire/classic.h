/* classic.h: records of the classic capture format (pcap 2.4: micro- or nanoseconds, either byte
 * order), read in large pieces and parsed where they lie.
 *
 *     0                        CLASSIC_BASE                       CLASSIC_BUF
 *     +-----------------------+----------------------------------+
 *     |     | start of a      | a piece of the file, read at a   |
 *     |     | record: moved   | page boundary into a page        |
 *     |     | here            |                                  |
 *     +-----------------------+----------------------------------+
 *           ^ at                                        ^ end
 *
 * The file is read and not mapped: a mapped one costs a page fault every 64 to 128 KiB, ends the
 * reader with SIGBUS when somebody cuts it short, and is no help for pipes.  Reading costs 0.04 ns
 * a byte more, and leaves the bytes in the cache.
 *
 * One thread.  All memory is part of the struct; a page of it that was touched once is not touched
 * anew.  Costs 3 ns a packet beside the copy out of the page cache, one read(2) every 256 KiB.
 */
#ifndef NMW_WIRE_CLASSIC_H
#define NMW_WIRE_CLASSIC_H

#include "base/input.h"
#include "wire/packet.h"
#include <stdbool.h>
#include <stdint.h>

#define NMW_CLASSIC_HDR	   24u	   /* bytes of the file header */
#define NMW_CLASSIC_REC	   16u	   /* bytes of a record header */
#define NMW_CLASSIC_SNAP   262144u /* longest packet of the link layers that are read here */
#define NMW_CLASSIC_PIECE  262144u /* bytes of a read */
#define NMW_CLASSIC_BASE   266240u /* room for the longest start of a record, in whole pages */
#define NMW_CLASSIC_BUF_SZ (NMW_CLASSIC_BASE + NMW_CLASSIC_PIECE)

struct nmw_capture_packet {
	const uint8_t *p;
	uint32_t caplen; /* bytes at p */
	uint32_t len;	 /* bytes on the wire */
	uint64_t ts_ns;	 /* since the epoch */
	bool passes;	 /* the filter, or there is none */
};

struct nmw_classic {
	struct nmw_input *in;
	enum nmw_link link;
	bool swapped;	    /* written by a host of the other byte order */
	uint64_t unit_ns;   /* of the fraction of a second: 1 or 1,000 */
	uint32_t snap;	    /* bytes of a packet that count */
	uint8_t *at, *end;  /* bytes that were read and not yet given out */
	uint32_t bad;	    /* captured length of a record that cannot be; 0 = none */
	bool in_data, over; /* the file ends inside a packet's bytes; it was read to its end */
	uint8_t *buf;	    /* NMW_CLASSIC_BUF_SZ bytes, aligned to a page, the caller's */
};

/* Reads the file header in hdr[0..len-1]: false when it is not this format, of another version, or
 * of a link layer whose packets need more than their headers read. */
bool nmw_classic_open(struct nmw_classic *c, struct nmw_input *in, uint8_t *buf, const uint8_t *hdr,
		      uint32_t len);
/* Up to max packets, in place until the next call: how many; 0 = the end, or stopped; -ENODATA: the
 * file ends inside a record; -EBADMSG: a record cannot be (`bad` is its length); else a negative
 * errno of read.  Waits for the first packet only. */
int nmw_classic_burst(struct nmw_classic *c, struct nmw_capture_packet *out, unsigned max);

#endif
