// nmw_params.vh: the parameters of the device and the codes of its records, for C and for Verilog.
//
// A list of NAME = decimal, and nothing else, because both languages read it as it stands:
//      Verilog   localparam                    C   enum {
//                `include "nmw_params.vh"              #include "nmw_params.vh"
//                ;                                 };
// What a build may change is in the first block; the design reports it in its registers, and the
// host refuses a device whose figures are not the ones it was built with.

// --- size of the device
NMW_HW_SYMBOLS_LOG2 = 4,  // books: 2^4
NMW_HW_TICKS_LOG2 = 13,   // address bits of a price in ticks
NMW_HW_TICKS = 6000,      // ticks of a side, at most 2^TICKS_LOG2
NMW_HW_SLOTS_LOG2 = 14,   // resting orders over all books: 2^14
NMW_HW_GEN_BITS = 8,      // generation of a slot: how often it was given out
NMW_HW_OWNER_BITS = 16,   // owner of an order, for self-match prevention
NMW_HW_QTY_BITS = 32,     // shares
NMW_HW_TAG_BITS = 32,     // the host's name for a command
NMW_HW_BEST = 7,          // best levels of a side that are kept at hand
NMW_HW_WORD_LOG2 = 6,     // ticks in a word of the bitmap: 2^6
NMW_HW_RING_LOG2 = 10,    // entries of a descriptor ring by default: 2^10
NMW_HW_LINES_LOG2 = 7,    // lines of 64 bytes that the device has in flight: 2^7

// --- identity
NMW_HW_ID = 1313691441,   // "NMW1"
NMW_HW_WIRE_ID = 1313691479, // "NMWW": the design with frames in and out
NMW_HW_VERSION = 1,       // of the registers and records

// --- op of a command
NMW_HW_CANCEL = 0,
NMW_HW_ENTER = 1,
NMW_HW_REPLACE = 2,
NMW_HW_REDUCE = 3,

// --- flags of a command
NMW_HW_IOC = 1,           // what does not trade at once is canceled
NMW_HW_MARKET = 2,        // at any price; never rests
NMW_HW_POST_ONLY = 4,     // canceled instead of trading
NMW_HW_OWN_LEAVES = 8,    // self-match prevention cancels the resting order
NMW_HW_SELL = 128,        // side

// --- kind of an event
NMW_HW_CANCELED = 0,
NMW_HW_RESTED = 1,
NMW_HW_FILL = 2,
NMW_HW_OWN = 3,
NMW_HW_REPLACED = 4,
NMW_HW_REDUCED = 5,
NMW_HW_REJECTED = 6,

// --- reason of an event
NMW_HW_ASKED = 0,
NMW_HW_IMMEDIATE = 1,
NMW_HW_MIN_QTY = 2,
NMW_HW_WOULD_POST = 3,
NMW_HW_SELF = 4,
NMW_HW_FULL = 5,
NMW_HW_UNKNOWN = 6,
NMW_HW_USED = 7,
NMW_HW_NOT_LESS = 8,
NMW_HW_RANGE = 9,         // no such book, or a price outside it, or no shares

// --- registers: type of a block, cause of a fault
NMW_HW_BLOCK_IDENT = 1,
NMW_HW_BLOCK_PARAMS = 2,
NMW_HW_BLOCK_CONTROL = 3,
NMW_HW_BLOCK_RINGS = 4,
NMW_HW_BLOCK_COUNTERS = 5,
NMW_HW_BLOCK_PUSH = 6,
NMW_HW_BLOCK_WIRE = 7,
NMW_HW_BLOCK_FRAMES = 8,
NMW_HW_BLOCK_STAGES = 9,
NMW_HW_BLOCK_SYMBOLS = 10,
NMW_HW_FAULT_READ = 1,
NMW_HW_FAULT_WRITE = 2,
NMW_HW_FAULT_READ_LATE = 3,
NMW_HW_FAULT_WRITE_LATE = 4,
NMW_HW_FAULT_PORT = 5,    // frames, or what the host is shown, are not taken
NMW_HW_FAULT_TX_TAIL = 6, // more than a ring from the commands that were handed on
NMW_HW_FAULT_RX_HEAD = 7, // more than a ring from the events that were written
NMW_HW_FAULT_PUSH = 8,    // a command was pushed into the window of one that waits
NMW_HW_FAULT_CORE = 9,    // the book's answer to a command is none of those that it can give
NMW_HW_WATCHDOG = 1000000 // cycles, after reset
