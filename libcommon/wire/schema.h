/* schema.h: every message of every protocol as a table of fields: for people (text, JSON), for
 * tests (unpack, pack, compare), and for the man page. Not for the hot path: codecs read fixed
 * offsets.  The one list is schema.def.
 *
 * Pure: constant tables, no allocation; any thread.  Reads only len bytes, whatever they are.
 */
#ifndef NMW_WIRE_SCHEMA_H
#define NMW_WIRE_SCHEMA_H

#include "base/msg.h"
#include <stdint.h>

enum nmw_field_kind {
	NMW_F_UINT,    /* big-endian unsigned, 1 2 4 6 8 bytes */
	NMW_F_INT,     /* big-endian signed */
	NMW_F_ALPHA,   /* characters, space padded on the right */
	NMW_F_PRICE4,  /* unsigned, 4 decimals */
	NMW_F_SPRICE4, /* signed, 4 decimals */
	NMW_F_PRICE8,
	NMW_F_TIME, /* ns since midnight, 6 or 8 bytes */
	NMW_F_ID,   /* u64 or u32 shown as a string in JSON */
	/* struct nmw_ctl only */
	NMW_F_HOST,  /* unsigned in host byte order, 2 or 8 bytes */
	NMW_F_CODEC, /* enum nmw_codec_id, 1 byte, shown as its name */
	NMW_F_ADDR,  /* 16 bytes: IPv4 or IPv6 address, as the family says */
};

#define NMW_FIELDS_MAX	20u   /* fields of a message */
#define NMW_TLVS_MAX	64u   /* optional fields that a valid appendage can hold */
#define NMW_SCHEMA_LINE 4096u /* bytes that hold the text or JSON of any known message */
#define NMW_KEY_MAX	40u   /* bytes of a field's key, with the NUL */

struct nmw_field {
	const char *name; /* JSON key: snake_case, the specification's word */
	uint16_t off;
	uint8_t size;
	uint8_t kind;	       /* enum nmw_field_kind */
	uint8_t key_len;       /* characters of key */
	char key[NMW_KEY_MAX]; /* ,"name": as JSON has it */
};

struct nmw_schema {
	uint8_t codec;	  /* enum nmw_codec_id */
	uint8_t channel;  /* ORDER = inbound, REPLY = outbound, FEED = market data, CTL = struct
			     nmw_ctl */
	char type;	  /* first byte (CTL: the kind) */
	const char *name; /* "enter_order" */
	uint16_t len;	  /* bytes; with an appendage: bytes before the TLVs */
	uint16_t len_alt; /* a shorter length that older senders use, or 0: the last field is
			     absent */
	uint16_t app_off; /* offset of the u16 appendage length, 0 = none */
	uint16_t n_fields;
	const struct nmw_field *fields;
};

/* The message's table row; NULL: no such type, or its length is wrong. */
const struct nmw_schema *nmw_schema_find(uint8_t codec, uint8_t channel, const uint8_t *p,
					 uint32_t len);
/* All rows, for listings and tests. */
const struct nmw_schema *nmw_schema_all(unsigned *n);

union nmw_value {
	uint64_t u;
	int64_t i;
	char s[40]; /* ALPHA, ADDR: raw bytes, size in the field, the rest NUL */
};
/* TLVs of an OUCH 5.0 appendage. */
struct nmw_tlv {
	uint8_t tag, size; /* size of the value, at most 40 */
	union nmw_value v; /* of a tag that is not known: raw bytes in s */
};
/* Field values in table order (an absent one is all zero), then TLVs. Returns the number of TLVs;
 * -EBADMSG: malformed appendage (a size that does not fit, a tag that comes twice); -ENOSPC: more
 * than max_tlvs or a value over 40 bytes. */
int nmw_schema_unpack(const struct nmw_schema *d, const uint8_t *p, uint32_t len,
		      union nmw_value *vals, struct nmw_tlv *tlvs, unsigned max_tlvs);
/* The reverse: bytes written to buf (up to len, and 42 a TLV). The shorter form is written when
 * there is one and the last value is all zero. */
uint32_t nmw_schema_pack(const struct nmw_schema *d, const union nmw_value *vals,
			 const struct nmw_tlv *tlvs, unsigned n_tlvs, uint8_t *buf);

/* Text for people, one line without the newline: `enter_order order_token="A1" side=B shares=100
 * ...`; single characters bare, other alpha quoted and trimmed; bytes in hex when there is no
 * schema: `unknown codec=none bytes=4f...`. Returns the length (as snprintf). */
int nmw_schema_text(const struct nmw_slot *s, const uint8_t *p, uint32_t len, char *buf,
		    unsigned cap);
/* One JSON object, one line, without the newline:
 * {"seq":"12","ts_ns":"...","in_seq":"..","session":3,
 * "channel":"reply","codec":"ouch42","type":"A","name":"accepted","order_token":"A1",...}.
 * Ids, ns times and all integers over 32 bits are strings, prices decimal strings "162.5000", alpha
 * trimmed on the right; a byte outside printable ASCII is \u00XX, so the bytes can be told from the
 * text. OUCH 5.0 options: "appendage":{"firm":"LIME"}; unknown tags "tag_99":"hex"; a malformed
 * appendage "appendage_bytes":"hex". Without a schema: "name":"unknown","bytes":"hex". The type of
 * a control message is its number. Returns the length (as snprintf). */
int nmw_schema_json(const struct nmw_slot *s, const uint8_t *p, uint32_t len, char *buf,
		    unsigned cap);

/* "order" "reply" "feed" "control", else "unknown" */
const char *nmw_channel_name(uint8_t channel);

#endif
