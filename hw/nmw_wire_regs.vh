// nmw_wire_regs.vh: where the registers of the device between two ports of frames are, beside those of
// identity, parameters and control: see nmw_regs.vh.
NMW_WIRE_AT_WIRE = 192,           // 0c0
// text begins in bits 7:0, addresses are numbers: 10.0.0.1 is 0x0a000001
NMW_WIRE_REG_UTC = 200,           // 0c8  ns, signed: what is added for the time of day
NMW_WIRE_REG_FLAGS = 208,         // 0d0  bit 0: other symbols are rejected; 2:1: orders of one account meet, enum nmw_stp
NMW_WIRE_REG_MAC = 216,           // 0d8  of what is sent
NMW_WIRE_REG_HOST = 224,          // 0e0  address | port << 32; 0 = any: whom orders are for
NMW_WIRE_REG_FEED_MAC = 232,      // 0e8
NMW_WIRE_REG_FEED = 240,          // 0f0  address | port << 32
NMW_WIRE_REG_FEED_SOURCE = 248,   // 0f8  address | port << 32
NMW_WIRE_REG_SESSION = 256,       // 100  of MoldUDP64: 8 characters, then 2
NMW_WIRE_REG_SESSION_END = 264,   // 108
NMW_WIRE_REG_HEARTBEAT = 272,     // 110  cycles of silence before one is sent; 0: none

NMW_WIRE_AT_FRAMES = 320,         // 140
// counters since the last reset
NMW_WIRE_REG_CYCLES = 328,        // 148
NMW_WIRE_REG_FRAMES_IN = 336,     // 150
NMW_WIRE_REG_WORDS_IN = 344,      // 158
NMW_WIRE_REG_WAIT_IN = 352,       // 160  cycles in which a word was offered and not taken
NMW_WIRE_REG_FRAMES_OUT = 360,    // 168
NMW_WIRE_REG_WORDS_OUT = 368,     // 170
NMW_WIRE_REG_WAIT_OUT = 376,      // 178
NMW_WIRE_REG_HOST_MESSAGES = 384, // 180
NMW_WIRE_REG_KIND = 392,          // 188  7: messages that the core took, by kind: from 0 on
NMW_WIRE_REG_REPLIES = 448,       // 1c0
NMW_WIRE_REG_FEED_OUT = 456,      // 1c8
NMW_WIRE_REG_WAIT_MSG = 464,      // 1d0  a message was there and the core did not take it
NMW_WIRE_REG_UNFIT = 472,         // 1d8  messages that the core gave to the host

NMW_WIRE_AT_STAGES = 512,         // 200
// pulses of the parts, a counter each
NMW_WIRE_REG_PARSE = 520,         // 208
NMW_WIRE_REG_CORE = 776,          // 308
NMW_WIRE_REG_SEND = 968,          // 3c8

NMW_WIRE_AT_SYMBOLS = 1536,       // 600
// symbol i: 4 words from here on, 32 bytes apart: name; locate, lot << 16, state << 48, flags << 56;
// price of tick 0, price of a tick << 32; 0
NMW_WIRE_REG_SYMBOLS = 1544       // 608
