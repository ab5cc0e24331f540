/* pcap_write.h: the nanosecond pcap file format, for writing: a 24-byte header, then packets with a
 * 16-byte header each, in the byte order of the writer. */
#ifndef NMW_WIRE_PCAP_WRITE_H
#define NMW_WIRE_PCAP_WRITE_H

#include "base/clock.h"
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

#endif
