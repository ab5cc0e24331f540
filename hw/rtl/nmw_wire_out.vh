// nmw_wire_out.vh: the fields of a message that goes out, as a flat vector: where each begins.
//
// A list of NAME = decimal, for Verilog and C alike (see nmw_params.vh). A field ends where the
// next one begins. Numbers as they are; text with its first byte in the low bits.
//
// The core has two such streams, both with valid and ready: replies (dest 0 to 15, a client) and the
// feed (dest 16). Of the feed's only dest, type, last, time, day_ns, side, qty, symbol, price, ref,
// ref2, match, code and locate are not constant.
NMW_WO_DEST = 0,       // 5  client, or 16: the feed
NMW_WO_TYPE = 5,       // 8  replies A U C D E J M T S; feed A E X D U S R H
NMW_WO_LAST = 13,      // 1  nothing more of this stream from the message that came in; 0: unknown yet
NMW_WO_TIME = 14,      // 64 of the message that came in, ns since the epoch
NMW_WO_DAY = 78,       // 48 the same, ns since midnight
NMW_WO_URN = 126,      // 32 U: of the replacement
NMW_WO_ORIG = 158,     // 32 U: of the order that was replaced
NMW_WO_SIDE = 190,     // 8  as entered; feed: B or S
NMW_WO_QTY = 198,      // 32 C, D: decrement; M: outstanding; R: round lot
NMW_WO_SYMBOL = 230,   // 64
NMW_WO_PRICE = 294,    // 64 1/10,000
NMW_WO_TIF = 358,      // 8
NMW_WO_DISPLAY = 366,  // 8  of T too
NMW_WO_CAPACITY = 374, // 8
NMW_WO_ISO = 382,      // 8
NMW_WO_CROSS = 390,    // 8
NMW_WO_STATE = 398,    // 8  L or D
NMW_WO_CLORDID = 406,  // 112 A, U, J
NMW_WO_REF = 518,      // 64 order reference; feed U: of the order that was replaced
NMW_WO_REF2 = 582,     // 64 feed U: the new one
NMW_WO_MATCH = 646,    // 64
NMW_WO_LIQUIDITY = 710, // 8  E, D
NMW_WO_REASON = 718,   // 8  C, D
NMW_WO_CODE = 726,     // 16 J: reject code of OUCH 5.0; S of both streams: its code; H: the state
NMW_WO_PREVENTED = 742, // 32 D
NMW_WO_LOCATE = 774,   // 16 feed
NMW_WO_APP_LEN = 790, // 5  A, U: bytes of the appendage, 0 to 18
NMW_WO_APP = 795,     // 144 those bytes, as they came; 0 beyond them
NMW_WO_W = 939
