// nmw_wire_core.vh: what the front of the wire's core tells the back of it about a message: where
// each field begins, and the kinds. A list of NAME = decimal, see nmw_params.vh.
NMW_WC_KIND = 0,    // 4  what follows from it
NMW_WC_OPEN = 4,    // 1  the day begins with it
NMW_WC_GREET = 5,   // 1  its client is seen for the first time
NMW_WC_NAME = 6,    // 1  its symbol is: directory and state go to the feed
NMW_WC_CMD = 7,     // 1  a command of it went to the book
NMW_WC_SYM = 8,     // 4
NMW_WC_HELD = 12,   // 1  a way of the index was made busy for it
NMW_WC_WAY = 13,    // 2
NMW_WC_SLOT = 15,   // 16 MODIFY: of the order
NMW_WC_QTY = 31,    // 32 shares that are open then: REPLACE, MODIFY
NMW_WC_TOTAL = 63,  // 32 shares of the order's whole chain, executed ones included
NMW_WC_CODE = 95,   // 16 of a reject
NMW_WC_MSG = 111,   // the message as it came in

// --- kinds
NMW_WK_NONE = 0,
NMW_WK_HOST = 1,     // the host's
NMW_WK_REJECT = 2,
NMW_WK_ENTER = 3,
NMW_WK_CANCEL = 4,
NMW_WK_VOID = 5,     // a replacement that breaks a rule: its order is canceled
NMW_WK_REDUCE = 6,   // a cancel that leaves shares
NMW_WK_REPLACE = 7,
NMW_WK_NOTHING = 8,  // a replacement that leaves no shares
NMW_WK_MODIFY = 9,   // as many shares as before
NMW_WK_LESS = 10,
NMW_WK_MORE = 11,
NMW_WK_END = 12      // of the day
