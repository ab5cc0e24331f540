// nmw_wire_msg.vh: the record of one message from the wire, for Verilog and for C.
//
// A list of NAME = decimal, and nothing else (nmw_params.vh): NMW_MSG_x is the lowest bit of field x
// in the flat vector, NMW_MSG_x_W its width. Numbers are numbers; text has its first byte in the
// lowest 8 bits. What a message of that kind has not is 0.

NMW_MSG_KIND = 0, NMW_MSG_KIND_W = 3,                  // NMW_MSG_NONE .. NMW_MSG_DAY_END, below
NMW_MSG_CLIENT = 3, NMW_MSG_CLIENT_W = 4,              // index in the table of clients
NMW_MSG_KNOWN = 7, NMW_MSG_KNOWN_W = 1,                // it is in the table: always, from the wire
NMW_MSG_TIME = 8, NMW_MSG_TIME_W = 64,                 // ns since the epoch
NMW_MSG_DAY = 72, NMW_MSG_DAY_W = 48,                  // ns since midnight
NMW_MSG_URN = 120, NMW_MSG_URN_W = 32,                 // user reference number; REPLACE: the new one
NMW_MSG_ORIG = 152, NMW_MSG_ORIG_W = 32,               // REPLACE: the one that is replaced
NMW_MSG_SIDE = 184, NMW_MSG_SIDE_W = 8,                // as on the wire: B S T E; ENTER and MODIFY
NMW_MSG_QTY = 192, NMW_MSG_QTY_W = 32,                 // shares; CANCEL and MODIFY: intended total
NMW_MSG_SYMBOL = 224, NMW_MSG_SYMBOL_W = 64,           // ENTER: name
NMW_MSG_PRICE = 288, NMW_MSG_PRICE_W = 64,             // in 1/10,000, as sent
NMW_MSG_TIF = 352, NMW_MSG_TIF_W = 8,                  // characters as on the wire
NMW_MSG_DISPLAY = 360, NMW_MSG_DISPLAY_W = 8,
NMW_MSG_CAPACITY = 368, NMW_MSG_CAPACITY_W = 8,        // ENTER
NMW_MSG_ISO = 376, NMW_MSG_ISO_W = 8,
NMW_MSG_CROSS = 384, NMW_MSG_CROSS_W = 8,              // ENTER
NMW_MSG_CLORDID = 392, NMW_MSG_CLORDID_W = 112,
NMW_MSG_FIRM = 504, NMW_MSG_FIRM_W = 32,               // appendage: as in memory; spaces when it is not there
NMW_MSG_MIN_QTY = 536, NMW_MSG_MIN_QTY_W = 32,         // 0 when it is not there
NMW_MSG_POST_ONLY = 568, NMW_MSG_POST_ONLY_W = 1,      // its value is P
NMW_MSG_CUST = 569, NMW_MSG_CUST_W = 8,                // a space when it is not there
NMW_MSG_APP_SEEN = 577, NMW_MSG_APP_SEEN_W = 8,        // tags: firm 1, min_qty 2, post-only 4, customer 8, another 128
NMW_MSG_APP_LEN = 585, NMW_MSG_APP_LEN_W = 5,          // bytes of app, 0 to 18
NMW_MSG_APP = 590, NMW_MSG_APP_W = 144,                // the appendage as it came; 0 behind its end
NMW_MSG_SELL = 734, NMW_MSG_SELL_W = 1,                // side is not B
NMW_MSG_MARKET = 735, NMW_MSG_MARKET_W = 1,            // price is the market price
NMW_MSG_SYM = 736, NMW_MSG_SYM_W = 4,                  // ENTER: its place in the table of symbols
NMW_MSG_SYM_KNOWN = 740, NMW_MSG_SYM_KNOWN_W = 1,      // it is there
NMW_MSG_TICKS = 741, NMW_MSG_TICKS_W = 32,             // ENTER: (price - base) / step of the symbol
NMW_MSG_TICKS_OK = 773, NMW_MSG_TICKS_OK_W = 1,        // SYM_KNOWN, price at base or over, off by whole steps, fewer than 2^13
NMW_MSG_REJECT = 774, NMW_MSG_REJECT_W = 8,            // 1 + enum nmw_reject for what the message alone breaks, 0: nothing
NMW_MSG_WHY = 782, NMW_MSG_WHY_W = 3,                  // UNFIT: NMW_UNFIT_*, below
NMW_MSG_TYPE = 785, NMW_MSG_TYPE_W = 8,                // first byte of the message
NMW_MSG_LEN = 793, NMW_MSG_LEN_W = 16,                 // bytes of the message
NMW_MSG_FRAME = 809, NMW_MSG_FRAME_W = 32,             // number of its frame, all that came are counted from 0
NMW_MSG_NTH = 841, NMW_MSG_NTH_W = 16,                 // number of the message in its frame, from 0
NMW_MSG_W = 857,                                       // of the record
NMW_MSG_REPLIES = 741, NMW_MSG_REPLIES_W = 32,         // m_host, in the place of TICKS: replies that the core made before

// --- kind
NMW_MSG_NONE = 0,
NMW_MSG_ENTER = 1,
NMW_MSG_REPLACE = 2,
NMW_MSG_CANCEL = 3,
NMW_MSG_MODIFY = 4,
NMW_MSG_UNFIT = 5,      // goes to the host
NMW_MSG_DAY_END = 6,    // from the host: end of the day

// --- why a message is unfit
NMW_UNFIT_TYPE = 1,     // an account query
NMW_UNFIT_TAG = 2,      // its appendage has another tag, which may also be malformed
NMW_UNFIT_LONG = 3      // its appendage is over 18 bytes, and was not looked at
