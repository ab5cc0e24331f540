// nmw_regs.vh: where the registers are, for C and for Verilog: byte offsets, 64 bits each, in blocks
// that describe themselves (nmw_regs.v); AT: a block's first word. A list of NAME = decimal, see
// nmw_params.vh; the offset in hexadecimal stands behind. Identity, parameters and control are the
// same in both designs.
NMW_HW_AT_IDENT = 0,              // 000
NMW_HW_REG_ID = 8,                // 008  id, version << 32
NMW_HW_REG_BUILD = 16,            // 010

NMW_HW_AT_PARAMS = 64,            // 040
NMW_HW_REG_SIZES = 72,            // 048  symbols, ticks, slots, gen, owner, best, word, lines: log2 or bits
NMW_HW_REG_TICKS = 80,            // 050

NMW_HW_AT_CONTROL = 128,          // 080
NMW_HW_REG_CONTROL = 136,         // 088  bit 0 enable, bit 1 reset
NMW_HW_REG_STATUS = 144,          // 090  bit 0 ready, 1 enabled, 2 fault, 3 idle
NMW_HW_REG_FAULT = 152,           // 098  NMW_HW_FAULT_*
NMW_HW_REG_FAULT_ADDR = 160,      // 0a0  of the read or the write
NMW_HW_REG_WATCHDOG = 168,        // 0a8  cycles, 0: off

NMW_HW_AT_RINGS = 192,            // 0c0
NMW_HW_REG_TX_BASE = 200,         // 0c8
NMW_HW_REG_TX_LOG2 = 208,         // 0d0
NMW_HW_REG_TX_TAIL = 216,         // 0d8  doorbell
NMW_HW_REG_TX_HEAD = 224,         // 0e0
NMW_HW_REG_RX_BASE = 232,         // 0e8
NMW_HW_REG_RX_LOG2 = 240,         // 0f0
NMW_HW_REG_RX_TAIL = 248,         // 0f8
NMW_HW_REG_RX_HEAD = 256,         // 100  doorbell

NMW_HW_AT_COUNTERS = 320,         // 140
NMW_HW_REG_CYCLES = 328,          // 148
NMW_HW_REG_COMMANDS = 336,        // 150
NMW_HW_REG_EVENTS = 344,          // 158
NMW_HW_REG_FILLS = 352,           // 160
NMW_HW_REG_WAIT_EVENT = 360,      // 168
NMW_HW_REG_WAIT_LEVEL = 368,      // 170
NMW_HW_REG_WAIT_HEAD = 376,       // 178
NMW_HW_REG_WAIT_MIN = 384,        // 180
NMW_HW_REG_WAIT_SLOT = 392,       // 188
NMW_HW_REG_FREE = 400,            // 190
NMW_HW_REG_LINES_READ = 408,      // 198
NMW_HW_REG_LINES_WRITTEN = 416,   // 1a0
NMW_HW_REG_LATENCY_SUM = 424,     // 1a8  cycles, command taken to its last event, over all commands
NMW_HW_REG_LATENCY_MAX = 432,     // 1b0

NMW_HW_AT_PUSH = 512,             // 200
NMW_HW_REG_PUSH_BUSY = 520,       // 208
NMW_HW_REG_PUSH = 576             // 240  4 words; the last sends the command
