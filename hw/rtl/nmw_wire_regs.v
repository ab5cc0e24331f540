// nmw_wire_regs: the registers of the device between two ports of frames.
//
// As nmw_regs: 64 bits each, a list of blocks {next block's offset, version, type} that begins at 0.
//      0x000 IDENT     id and version, build
//      0x040 PARAMS    the sizes of nmw_params.vh that were built in
//      0x080 CONTROL   enable, reset; ready, fault, idle; fault; watchdog
//      0x0C0 WIRE      what is written before it is enabled: time of day, addresses, session
//      0x140 FRAMES    counters: frames, messages, waits
//      0x200 STAGES    counters of the parts, one for each of their pulses
//      0x600 SYMBOLS   16 of 4 words: name | locate:16, lot:32, state:8, flags:8 | base:32, step:32 | 0
// Each register's place is in nmw_regs.vh and nmw_wire_regs.vh.
//
// Timing   a write takes effect in the next cycle; a read is answered in the third.
// Watchdog a frame, or what the host is shown, that is not taken for as many cycles is a fault; 0: none is.
// Fault    no frame is let in until reset. An answer of the book that cannot be is one too.
`default_nettype none
module nmw_wire_regs #(
	parameter SYM_W = 4,
	parameter L = 13,
	parameter TICKS = 6000,
	parameter SLOT_W = 14,
	parameter GEN_W = 8,
	parameter OWNER_W = 16,
	parameter K = 7,
	parameter B = 6,
	parameter [63:0] BUILD = 64'd0
) (
	input  wire         clk,
	input  wire         rst,
	input  wire         wr,
	input  wire [11:0]  addr,     // bytes, of writes and reads
	input  wire [63:0]  wdata,
	output wire [63:0]  rdata,

	output wire         soft_rst, // of all but what was written here
	output wire         enable,
	input  wire         ready,
	input  wire         idle,
	input  wire         stuck,    // offered and not taken in this cycle

	output wire [63:0]  utc,      // ns, signed
	output wire         closed,   // a symbol that is not listed is rejected
	output wire [1:0]   stp,      // orders of one account meet: 0 trade, 1 the new one goes, 2 the old
	output wire [47:0]  mac,
	output wire [31:0]  host_ip,
	output wire [15:0]  host_port,
	output wire [47:0]  feed_mac,
	output wire [31:0]  feed_ip,
	output wire [15:0]  feed_port,
	output wire [31:0]  source_ip,
	output wire [15:0]  source_port,
	output wire [79:0]  session,
	output wire [31:0]  heartbeat, // cycles of silence before one; 0: none

	// symbol i in field i
	output wire [16*64-1:0] sym_name,
	output wire [16*16-1:0] sym_locate,
	output wire [16*32-1:0] sym_lot,
	output wire [16*32-1:0] sym_base,
	output wire [16*32-1:0] sym_step,
	output wire [16*8-1:0]  sym_state,
	output wire [15:0]      sym_valid,
	output wire [15:0]      sym_listed,

	// from bit 0 up: frame in, word in, word in that waits, frame out, word out, word out that waits,
	// message of the host, messages the core takes by kind (7), reply, feed, message that waits, unfit
	input  wire [17:0]  n_frames,
	input  wire         n_cut,     // a frame of which a reset let only a part in
	input  wire [26:0]  n_parse,   // stat of the parts
	input  wire [63:0]  n_missing, // messages, with n_parse[16]
	input  wire [20:0]  n_core,
	input  wire [7:0]   n_send
);

// verilator lint_off UNUSEDPARAM
localparam // the lists are for all modules, each uses some
`include "nmw_params.vh"
;
localparam
`include "nmw_regs.vh"
;
localparam
`include "nmw_wire_regs.vh"
;
// verilator lint_on UNUSEDPARAM

localparam STATS = 64; // of the parts: 32 + 24 + 8; the 28th of the first is messages that are missing
localparam MISSING = 27, CORE_FAULT = 32 + 14;
// the first word of what is read by its place
localparam [8:0] COUNT = NMW_WIRE_REG_CYCLES[11:3], STAT = NMW_WIRE_REG_PARSE[11:3],
	OTHER = NMW_WIRE_REG_CORE[11:3], SYMBOL = NMW_WIRE_REG_SYMBOLS[11:3];

generate
	if (NMW_WIRE_REG_FRAMES_IN != NMW_WIRE_REG_CYCLES + 8 || NMW_WIRE_REG_UNFIT != NMW_WIRE_REG_CYCLES + 8 * 18)
		nmw_the_counters_are_not_in_the_order_of_n_frames stop();
	if (NMW_WIRE_REG_CORE != NMW_WIRE_REG_PARSE + 8 * 32 || NMW_WIRE_REG_SEND != NMW_WIRE_REG_CORE + 8 * 24)
		nmw_the_counters_of_the_parts_do_not_follow_each_other stop();
endgenerate

reg         enable_reg, fault_reg, closed_reg;
reg [1:0]   stp_reg;
reg [3:0]   rst_reg;
reg [7:0]   cause_reg;
reg [31:0]  watch_reg, since_reg, heartbeat_reg;
reg [63:0]  utc_reg;
reg [47:0]  mac_reg, host_reg, feed_mac_reg, feed_reg, source_reg;
reg [79:0]  session_reg;
reg [63:0]  name_reg [0:15], rule_reg [0:15], grid_reg [0:15];
reg [47:0]  count_reg [0:18];      // cycles, then n_frames
reg [47:0]  stat_reg [0:STATS-1];
reg [47:0]  missing_reg;
reg [STATS-1:0] pulse_reg;
reg [17:0]  frames_reg;
reg         late_reg;
wire        clear = rst || rst_reg[0];
wire [8:0]  word = addr[11:3];
wire [31:0] at = {20'd0, word, 3'd0};
wire        at_symbol = word >= SYMBOL && word < SYMBOL + 9'd64;
wire [8:0]  of_symbol = word - SYMBOL;
integer     i;

always @(posedge clk) begin
	rst_reg <= {1'b0, rst_reg[3:1]};
	if (wr)
		case (at)
		NMW_HW_REG_CONTROL: begin
			enable_reg <= wdata[0];
			if (wdata[1])
				rst_reg <= 4'hf;
		end
		NMW_HW_REG_WATCHDOG: watch_reg <= wdata[31:0];
		NMW_WIRE_REG_UTC: utc_reg <= wdata;
		NMW_WIRE_REG_FLAGS: {stp_reg, closed_reg} <= wdata[2:0];
		NMW_WIRE_REG_MAC: mac_reg <= wdata[47:0];
		NMW_WIRE_REG_HOST: host_reg <= wdata[47:0];
		NMW_WIRE_REG_FEED_MAC: feed_mac_reg <= wdata[47:0];
		NMW_WIRE_REG_FEED: feed_reg <= wdata[47:0];
		NMW_WIRE_REG_FEED_SOURCE: source_reg <= wdata[47:0];
		NMW_WIRE_REG_SESSION: session_reg[63:0] <= wdata;
		NMW_WIRE_REG_SESSION_END: session_reg[79:64] <= wdata[15:0];
		NMW_WIRE_REG_HEARTBEAT: heartbeat_reg <= wdata[31:0];
		default: ;
		endcase
	if (wr && at_symbol)
		case (of_symbol[1:0])
		2'd0: name_reg[of_symbol[5:2]] <= wdata;
		2'd1: rule_reg[of_symbol[5:2]] <= wdata;
		2'd2: grid_reg[of_symbol[5:2]] <= wdata;
		default: ;
		endcase
	since_reg <= stuck ? since_reg + 32'd1 : 32'd0;
	late_reg <= stuck && watch_reg != 32'd0 && since_reg >= watch_reg;
	if (!fault_reg) begin
		fault_reg <= late_reg || pulse_reg[CORE_FAULT];
		cause_reg <= pulse_reg[CORE_FAULT] ? NMW_HW_FAULT_CORE[7:0] : late_reg ? NMW_HW_FAULT_PORT[7:0] : 8'd0;
	end
	frames_reg <= n_frames;
	count_reg[0] <= count_reg[0] + 48'd1;
	for (i = 0; i < 18; i = i + 1)
		count_reg[i + 1] <= count_reg[i + 1] + {47'd0, frames_reg[i]};
	pulse_reg <= {n_send, 3'd0, n_core, 3'd0, n_cut, 1'b0, n_parse};
	missing_reg <= n_parse[16] ? n_missing[47:0] : 48'd0;
	for (i = 0; i < STATS; i = i + 1)
		stat_reg[i] <= stat_reg[i] + (i == MISSING ? missing_reg : {47'd0, pulse_reg[i]});
	if (rst) begin
		rst_reg <= 4'd0;
		watch_reg <= NMW_HW_WATCHDOG[31:0];
		utc_reg <= 64'd0;
		closed_reg <= 1'b0;
		stp_reg <= 2'd0;
		host_reg <= 48'd0;
		heartbeat_reg <= 32'd0;
		for (i = 0; i < 16; i = i + 1)
			rule_reg[i] <= 64'd0;
	end
	if (clear) begin
		enable_reg <= 1'b0;
		fault_reg <= 1'b0;
		cause_reg <= 8'd0;
		since_reg <= 32'd0;
		late_reg <= 1'b0;
		frames_reg <= 18'd0;
		pulse_reg <= {STATS{1'b0}};
		missing_reg <= 48'd0;
		for (i = 0; i < 19; i = i + 1)
			count_reg[i] <= 48'd0;
		for (i = 0; i < STATS; i = i + 1)
			stat_reg[i] <= 48'd0;
	end
end

// ---- reading: each bank in a register, then one of them -----------------------------------------------
// a block's first word
function [63:0] block(input [31:0] next, input [15:0] kind);
	block = {next, 16'd1, kind};
endfunction

reg [8:0]  word_reg;
reg [63:0] set_reg, sym_reg, rdata_reg;
reg [47:0] counts_reg, parse_reg, other_reg;
wire [4:0] of_count = word[4:0] - COUNT[4:0];
always @(posedge clk) begin
	word_reg <= word;
	case (at)
	NMW_HW_AT_IDENT: set_reg <= block(NMW_HW_AT_PARAMS, NMW_HW_BLOCK_IDENT[15:0]);
	NMW_HW_REG_ID: set_reg <= {NMW_HW_VERSION[31:0], NMW_HW_WIRE_ID[31:0]};
	NMW_HW_REG_BUILD: set_reg <= BUILD;
	NMW_HW_AT_PARAMS: set_reg <= block(NMW_HW_AT_CONTROL, NMW_HW_BLOCK_PARAMS[15:0]);
	NMW_HW_REG_SIZES: set_reg <= {NMW_HW_LINES_LOG2[7:0], B[7:0], K[7:0], OWNER_W[7:0], GEN_W[7:0], SLOT_W[7:0],
		L[7:0], SYM_W[7:0]};
	NMW_HW_REG_TICKS: set_reg <= {32'd0, TICKS[31:0]};
	NMW_HW_AT_CONTROL: set_reg <= block(NMW_WIRE_AT_WIRE, NMW_HW_BLOCK_CONTROL[15:0]);
	NMW_HW_REG_CONTROL: set_reg <= {63'd0, enable_reg};
	NMW_HW_REG_STATUS: set_reg <= {60'd0, idle, fault_reg, enable_reg, ready};
	NMW_HW_REG_FAULT: set_reg <= {56'd0, cause_reg};
	NMW_HW_REG_WATCHDOG: set_reg <= {32'd0, watch_reg};
	NMW_WIRE_AT_WIRE: set_reg <= block(NMW_WIRE_AT_FRAMES, NMW_HW_BLOCK_WIRE[15:0]);
	NMW_WIRE_REG_UTC: set_reg <= utc_reg;
	NMW_WIRE_REG_FLAGS: set_reg <= {61'd0, stp_reg, closed_reg};
	NMW_WIRE_REG_MAC: set_reg <= {16'd0, mac_reg};
	NMW_WIRE_REG_HOST: set_reg <= {16'd0, host_reg};
	NMW_WIRE_REG_FEED_MAC: set_reg <= {16'd0, feed_mac_reg};
	NMW_WIRE_REG_FEED: set_reg <= {16'd0, feed_reg};
	NMW_WIRE_REG_FEED_SOURCE: set_reg <= {16'd0, source_reg};
	NMW_WIRE_REG_SESSION: set_reg <= session_reg[63:0];
	NMW_WIRE_REG_SESSION_END: set_reg <= {48'd0, session_reg[79:64]};
	NMW_WIRE_REG_HEARTBEAT: set_reg <= {32'd0, heartbeat_reg};
	NMW_WIRE_AT_FRAMES: set_reg <= block(NMW_WIRE_AT_STAGES, NMW_HW_BLOCK_FRAMES[15:0]);
	default: set_reg <= 64'd0;
	endcase
	counts_reg <= of_count < 5'd19 ? count_reg[of_count] : 48'd0;
	parse_reg <= stat_reg[{1'b0, word[4:0] - STAT[4:0]}];
	other_reg <= stat_reg[{1'b1, word[4:0] - OTHER[4:0]}];
	case (of_symbol[1:0])
	2'd0: sym_reg <= name_reg[of_symbol[5:2]];
	2'd1: sym_reg <= rule_reg[of_symbol[5:2]];
	2'd2: sym_reg <= grid_reg[of_symbol[5:2]];
	default: sym_reg <= 64'd0;
	endcase
	// the second step
	if (word_reg == STAT - 9'd1)
		rdata_reg <= block(NMW_WIRE_AT_SYMBOLS, NMW_HW_BLOCK_STAGES[15:0]);
	else if (word_reg == SYMBOL - 9'd1)
		rdata_reg <= block(32'd0, NMW_HW_BLOCK_SYMBOLS[15:0]);
	else if (word_reg < COUNT)
		rdata_reg <= set_reg;
	else if (word_reg < STAT)
		rdata_reg <= {16'd0, counts_reg};
	else if (word_reg < OTHER)
		rdata_reg <= {16'd0, parse_reg};
	else if (word_reg < STAT + STATS[8:0])
		rdata_reg <= {16'd0, other_reg};
	else
		rdata_reg <= word_reg >= SYMBOL && word_reg < SYMBOL + 9'd64 ? sym_reg : 64'd0;
end

assign rdata = rdata_reg;
assign soft_rst = rst_reg[0];
assign enable = enable_reg && !fault_reg;
assign utc = utc_reg;
assign closed = closed_reg;
assign stp = stp_reg;
assign mac = mac_reg;
assign {host_port, host_ip} = host_reg;
assign feed_mac = feed_mac_reg;
assign {feed_port, feed_ip} = feed_reg;
assign {source_port, source_ip} = source_reg;
assign session = session_reg;
assign heartbeat = heartbeat_reg;

genvar g;
generate
	for (g = 0; g < 16; g = g + 1) begin : symbol
		assign sym_name[g*64 +: 64] = name_reg[g];
		assign sym_locate[g*16 +: 16] = rule_reg[g][15:0];
		assign sym_lot[g*32 +: 32] = rule_reg[g][47:16];
		assign sym_state[g*8 +: 8] = rule_reg[g][55:48];
		assign sym_valid[g] = rule_reg[g][56];
		assign sym_listed[g] = rule_reg[g][57];
		assign sym_base[g*32 +: 32] = grid_reg[g][31:0];
		assign sym_step[g*32 +: 32] = grid_reg[g][63:32];
	end
endgenerate

wire unused = &{1'b0, addr[2:0], of_symbol[8:6], n_missing[63:48]};

endmodule
`default_nettype wire
