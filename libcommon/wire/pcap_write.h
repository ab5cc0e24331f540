/* pcap_write.h: the nanosecond pcap file format, for writing: a 24-byte header, then packets with a
 * 16-byte header each, in the byte order of the writer. */
#ifndef NMW_WIRE_PCAP_WRITE_H
#define NMW_WIRE_PCAP_WRITE_H

#include "base/clock.h"
#include "base/outfile.h"
#include <stdint.h>
#include <string.h>

#define NMW_PCAP_FILE_HDR 24u
#define NMW_PCAP_REC_HDR  16u
#define NMW_PCAP_SNAPLEN  65535u		      /* bytes of the longest frame */
#define NMW_PCAP_TS_MAX	  (UINT32_MAX * NMW_NS_PER_S) /* ns since the epoch */

static inline void nmw_pcap_put_file_header(uint8_t buf[NMW_PCAP_FILE_HDR])
{
	const uint32_t hdr[6] = {0xA1B23C4Du, 2u | 4u << 16,	0,
				 0,	      NMW_PCAP_SNAPLEN, 1 /* Ethernet */};
	memcpy(buf, hdr, sizeof hdr);
}

static inline void nmw_pcap_put_record_header(uint8_t buf[NMW_PCAP_REC_HDR], uint64_t ts_ns,
					      uint32_t len)
{
	const uint32_t hdr[4] = {(uint32_t)(ts_ns / NMW_NS_PER_S), (uint32_t)(ts_ns % NMW_NS_PER_S),
				 len, len};
	memcpy(buf, hdr, sizeof hdr);
}

static inline void nmw_pcap_write_start(struct nmw_outfile *o)
{
	uint8_t *p = nmw_outfile_room(o, NMW_PCAP_FILE_HDR);
	if (!p)
		return;
	nmw_pcap_put_file_header(p);
	nmw_outfile_commit(o, NMW_PCAP_FILE_HDR, 0, 0);
}

/* A packet that carries msgs messages of `bytes` payload bytes: a nmw_framer_emit, whose argument
 * is the struct nmw_outfile. A time that the format cannot hold becomes 0. */
static inline void nmw_pcap_write_packet(void *outfile, uint64_t ts_ns, const uint8_t *frame,
					 uint32_t len, uint32_t msgs, uint32_t bytes)
{
	struct nmw_outfile *o = outfile;
	uint8_t *p = nmw_outfile_room(o, NMW_PCAP_REC_HDR + len);
	if (!p) {
		nmw_outfile_lose(o, msgs);
		return;
	}
	nmw_pcap_put_record_header(p, ts_ns <= NMW_PCAP_TS_MAX ? ts_ns : 0, len);
	memcpy(p + NMW_PCAP_REC_HDR, frame, len);
	nmw_outfile_commit(o, NMW_PCAP_REC_HDR + len, msgs, bytes);
}

#endif
