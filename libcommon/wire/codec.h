/* codec.h: one protocol is one struct of functions: bytes <-> the engine's messages, in place.
 *
 * Inbound bytes become a struct nmw_cmd, the engine's struct nmw_evt becomes outbound bytes. Codecs
 * hold no state, allocate nothing, and read only len bytes.  Layouts: OUCH 4.2, OUCH 5.0 and
 * ITCH 5.0 specifications (section named at each function).
 *
 * Units: price in 1/10,000 of the currency; qty in shares; ids as struct nmw_key.
 */
#ifndef NMW_WIRE_CODEC_H
#define NMW_WIRE_CODEC_H

#include "base/msg.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Order id as the protocol has it. OUCH 4.2: token, 8 bytes in lo and 6 in hi (as loaded from
 * memory); OUCH 5.0: user reference number in lo; ITCH 5.0: order reference in lo. */
struct nmw_key {
	uint64_t lo, hi;
};

enum nmw_op {
	NMW_OP_NONE = 0,
	/* order entry */
	NMW_OP_ENTER,
	NMW_OP_REPLACE,
	NMW_OP_CANCEL,
	NMW_OP_MODIFY,
	NMW_OP_TRADE_NOW,
	NMW_OP_QUERY, /* OUCH 5.0 account query */
	/* market data feed */
	NMW_OP_FEED_ADD,
	NMW_OP_FEED_EXEC,    /* E */
	NMW_OP_FEED_EXEC_PX, /* C */
	NMW_OP_FEED_REDUCE,  /* X */
	NMW_OP_FEED_DELETE,
	NMW_OP_FEED_REPLACE,
	NMW_OP_FEED_TRADE,  /* P: hidden liquidity; counted */
	NMW_OP_FEED_CROSS,  /* Q; counted */
	NMW_OP_FEED_BROKEN, /* B; counted */
	NMW_OP_FEED_DIRECTORY,
	NMW_OP_FEED_ACTION, /* H */
	NMW_OP_FEED_SYSTEM, /* S */
	NMW_OP_FEED_INFO,   /* any other valid message: no effect on a book */
	NMW_OP_MAX
};

enum nmw_tif {
	NMW_TIF_DAY = 0, /* market hours; 4.2: 99998; 5.0: 0 */
	NMW_TIF_IOC,	 /* 4.2: 0; 5.0: 3 */
	NMW_TIF_SYSTEM,	 /* system hours; 4.2: 99999; 5.0: 5 (GTX) */
	NMW_TIF_GTT,	 /* until a time: tif_s seconds; 4.2: 1..99997; 5.0: 6 with ExpireTime */
	NMW_TIF_AFTER,	 /* 5.0: E, after hours */
	NMW_TIF_BAD	 /* not in the specification: the engine rejects */
};

#define NMW_PX_MARKET_42 0x7FFFFFFF /* OUCH 4.2: market order (for a cross) */
#define NMW_PX_MAX_42	 0x7735939C /* OUCH 4.2: 199,999.9900; any higher price is invalid */

/* What an order carries that the book does not need but replies echo; one per live order. */
struct nmw_order_info {
	struct nmw_key key; /* current id */
	uint64_t order_ref; /* day-unique order reference */
	uint64_t symbol;    /* 8 characters as in memory, space padded */
	uint32_t firm;	    /* 4 characters as in memory */
	uint32_t tif_raw;   /* 4.2: the u32; 5.0: the character */
	uint32_t min_qty;
	uint32_t expire_s;
	uint8_t side; /* as entered: B S T E */
	uint8_t display, capacity, iso, cross, customer;
	char clordid[14]; /* OUCH 5.0 */
	uint8_t pad[4];	  /* 0 */
};

_Static_assert(sizeof(struct nmw_order_info) == 72, "no padding");

/* Optional fields of OUCH 5.0 (appendix A of its specification). nmw_cmd.tags has bit 1 << tag for
 * each that the appendage carries: the engine refuses an order with a tag that it does not honour.
 */
enum nmw_tag {
	NMW_TAG_UNKNOWN = 0, /* a tag that is none of these */
	NMW_TAG_SECONDARY_REF = 1,
	NMW_TAG_FIRM = 2,	/* -> info.firm */
	NMW_TAG_MIN_QTY = 3,	/* -> info.min_qty */
	NMW_TAG_CUSTOMER = 4,	/* -> info.customer */
	NMW_TAG_MAX_FLOOR = 5,	/* -> display_qty */
	NMW_TAG_PRICE_TYPE = 6, /* -> price_type */
	NMW_TAG_PEG_OFFSET = 7,
	NMW_TAG_DISCRETION_PRICE = 9,
	NMW_TAG_DISCRETION_TYPE = 10,
	NMW_TAG_DISCRETION_OFFSET = 11,
	NMW_TAG_POST_ONLY = 12, /* -> post_only */
	NMW_TAG_RANDOM_RESERVES = 13,
	NMW_TAG_ROUTE = 14,
	NMW_TAG_EXPIRE_TIME = 15, /* -> tif_s, info.expire_s */
	NMW_TAG_TRADE_NOW = 16,
	NMW_TAG_HANDLE_INST = 17,
	NMW_TAG_BBO_WEIGHT = 18,
	NMW_TAG_DISPLAY_QTY = 22, /* -> display_qty */
	NMW_TAG_DISPLAY_PRICE = 23,
	NMW_TAG_GROUP_ID = 24,
	NMW_TAG_SHARES_LOCATED = 25,
	NMW_TAG_MAX
};

#define NMW_APP_MAX 128u /* bytes of the longest OUCH 5.0 appendage; every tag once is 112 */

/* No padding: two commands are equal when their bytes are. */
struct nmw_cmd {
	uint8_t op;	    /* enum nmw_op */
	uint8_t side;	    /* as on the wire: B S T E */
	uint8_t tif;	    /* enum nmw_tif */
	uint8_t post_only;  /* 4.2: display P or L; 5.0: tag PostOnly P */
	uint8_t printable;  /* ITCH C: Y -> 1 */
	uint8_t code;	    /* ITCH S: event code; H: state */
	uint8_t price_type; /* 'L' limit; else a peg: 4.2: 'M' for display M W m; 5.0: tag */
	bool market;	    /* price is the protocol's market price */
	uint16_t locate;    /* ITCH */
	uint16_t tracking;  /* ITCH */
	/* shares; CANCEL: intended total size, 0 = all; FEED_*: as the message says, FEED_CROSS at
	 * most 2^32 - 1; FEED_DIRECTORY: round lot */
	uint32_t qty;
	uint32_t display_qty; /* OUCH 5.0: MaxFloor or DisplayQty, 0 = all of it */
	uint32_t tags;	      /* OUCH 5.0: 1 << enum nmw_tag of the fields in the appendage */
	uint32_t tif_s;	      /* GTT: seconds */
	uint16_t app_len;
	uint16_t pad0;	    /* 0 */
	const uint8_t *app; /* OUCH 5.0 appendage (after its length field), in place */
	int64_t price; /* 1/10,000; as sent (engine validates; 2^63 and over come out negative) */
	struct nmw_key key, key2;   /* the order; REPLACE: the replacement */
	uint64_t ts_ns;		    /* ITCH: ns since midnight from the message */
	uint64_t match;		    /* ITCH E C P Q B: match number */
	struct nmw_order_info info; /* echo fields (its key, order_ref are not set by decode) */
};

_Static_assert(sizeof(struct nmw_cmd) == 168, "no padding");

/* All zero, as decode does first. In parts, because one memset of this size becomes `rep stos`,
 * which takes longer to start than the rest of a decode. */
static inline void nmw_cmd_clear(struct nmw_cmd *c)
{
	uint8_t *p = (uint8_t *)c;
	_Static_assert(sizeof(*c) > 128 && sizeof(*c) <= 192, "three parts of at most 64 bytes");
	memset(p, 0, 64);
	memset(p + 64, 0, 64);
	memset(p + 128, 0, sizeof(*c) - 128);
}

enum nmw_evt_kind {
	NMW_EVT_NONE = 0,
	/* replies */
	NMW_EVT_SYSTEM,
	NMW_EVT_ACCEPTED,
	NMW_EVT_REPLACED,
	NMW_EVT_CANCELED,
	NMW_EVT_AIQ_CANCELED,
	NMW_EVT_EXECUTED,
	NMW_EVT_REJECTED,
	NMW_EVT_CANCEL_PENDING,
	NMW_EVT_CANCEL_REJECT,
	NMW_EVT_PRIORITY,
	NMW_EVT_MODIFIED,
	NMW_EVT_QUERY_REPLY,
	NMW_EVT_BROKEN,
	/* market data */
	NMW_EVT_MD_SYSTEM,
	NMW_EVT_MD_DIRECTORY,
	NMW_EVT_MD_ACTION,
	NMW_EVT_MD_ADD,
	NMW_EVT_MD_EXEC,
	NMW_EVT_MD_EXEC_PX,
	NMW_EVT_MD_REDUCE,
	NMW_EVT_MD_DELETE,
	NMW_EVT_MD_REPLACE,
	NMW_EVT_MD_TRADE,
	NMW_EVT_MAX
};

/* Why an order is refused, in the engine's words; each codec maps it to its own code. */
enum nmw_reject {
	NMW_REJ_OTHER = 0,
	NMW_REJ_HALTED,
	NMW_REJ_CLOSED,
	NMW_REJ_SYMBOL,
	NMW_REJ_PRICE,
	NMW_REJ_QTY,
	NMW_REJ_MIN_QTY,
	NMW_REJ_DISPLAY,
	NMW_REJ_SIDE,
	NMW_REJ_TIF,
	NMW_REJ_CAPACITY_CODE,
	NMW_REJ_CROSS,
	NMW_REJ_ISO,
	NMW_REJ_PEG,
	NMW_REJ_ROUTING,
	NMW_REJ_FAT_FINGER,
	NMW_REJ_RISK,
	NMW_REJ_REPLACE,
	NMW_REJ_MAX
};

struct nmw_evt {
	uint8_t kind;	   /* enum nmw_evt_kind */
	uint8_t reason;	   /* CANCELED: U I T Q S H G ...; REJECTED: enum nmw_reject */
	uint8_t state;	   /* ACCEPTED, REPLACED: L live, D dead */
	uint8_t liquidity; /* EXECUTED: A added, R removed */
	uint8_t side;
	uint8_t code; /* SYSTEM, ACTION; BROKEN: reason; AIQ_CANCELED, 5.0: strategy */
	uint8_t printable;
	uint8_t pad0; /* 0 */
	uint16_t locate;
	uint16_t tracking;
	uint16_t app_len;
	uint16_t pad1; /* 0 */
	uint32_t qty; /* shares: accepted, executed, decremented, outstanding; DIRECTORY: round lot,
		       * 0 = 100 */
	uint32_t prevented; /* AIQ_CANCELED: shares that would have traded */
	int64_t price;	    /* 1/10,000 */
	uint64_t ts_ns;	    /* ns since midnight */
	uint64_t order_ref, old_ref;
	uint64_t match;
	struct nmw_key key, old_key;
	uint64_t symbol;
	/* ACCEPTED, REPLACED, REJECTED, PRIORITY, BROKEN: what to echo; NULL = spaces and zeros */
	const struct nmw_order_info *info;
	const uint8_t *app; /* OUCH 5.0: appendage to echo, or NULL */
};

struct nmw_codec {
	const char *name; /* "ouch42" */
	enum nmw_codec_id id;
	uint16_t max_in, max_out; /* longest message of either direction, bytes */
	/* 0, or -EBADMSG: no such type, or a length that the type does not have. Values are not
	 * judged (that is the engine's: it must answer a wrong price with a reject, not drop it).
	 */
	int (*decode)(const uint8_t *p, uint32_t len, struct nmw_cmd *out);
	/* Inbound message of a command (generator, tests, clients). Bytes written (<= max_in);
	 * 0 = none exists.  Time in force comes from tif and tif_s (info.tif_raw for NMW_TIF_BAD).
	 * OUCH 5.0: the appendage is app when that is set, else it is made of firm, min_qty,
	 * customer, display_qty, price_type, post_only and tif_s where they are not the default. */
	uint32_t (*encode_cmd)(const struct nmw_cmd *c, uint8_t *buf);
	/* Outbound message of an event. Bytes written (<= max_out); 0 = this protocol has none. */
	uint32_t (*encode)(const struct nmw_evt *e, uint8_t *buf);
};

/* What info == NULL stands for. */
extern const struct nmw_order_info nmw_order_info_none;

extern const struct nmw_codec nmw_codec_ouch42, nmw_codec_ouch50, nmw_codec_itch50;

const struct nmw_codec *nmw_codec_by_id(enum nmw_codec_id id); /* NULL: none */
const struct nmw_codec *nmw_codec_by_name(const char *name);   /* NULL: none */
const char *nmw_codec_name(enum nmw_codec_id id);	       /* "none" when unknown */
/* Sniffs which version an inbound OUCH message is of, by its type and length and, in 5.0, the
 * length of the appendage: NMW_CODEC_NONE when it cannot be told. */
enum nmw_codec_id nmw_codec_sniff(const uint8_t *p, uint32_t len);

#endif
