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
//
// Timing   a write takes effect in the next cycle; a read is answered in the third.
// Watchdog a frame, or what the host is shown, that is not taken for as many cycles is a fault: no
//          frame is let in until reset.
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
	input  wire [26:0]  n_parse,   // stat of the parts
	input  wire [63:0]  n_missing, // messages, with n_parse[16]
	input  wire [20:0]  n_core,
	input  wire [7:0]   n_send
);

// verilator lint_off UNUSEDPARAM
localparam // the list is for all modules, each uses some
`include "nmw_params.vh"
;
// verilator lint_on UNUSEDPARAM

localparam STATS = 64; // of the parts: 32 + 24 + 8; the 28th of the first is messages that are missing

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
wire        late = since_reg == watch_reg;
wire        clear = rst || rst_reg[0];
wire [8:0]  word = addr[11:3];
wire        at_symbol = word >= 9'h0c1 && word < 9'h101;
wire [8:0]  of_symbol = word - 9'h0c1;
integer     i;

always @(posedge clk) begin
	rst_reg <= {1'b0, rst_reg[3:1]};
	if (wr)
		case (word)
		9'h011: begin // 0x088
			enable_reg <= wdata[0];
			if (wdata[1])
				rst_reg <= 4'hf;
		end
		9'h015: watch_reg <= wdata[31:0];  // 0x0A8
		9'h019: utc_reg <= wdata;          // 0x0C8
		9'h01a: {stp_reg, closed_reg} <= wdata[2:0];
		9'h01b: mac_reg <= wdata[47:0];
		9'h01c: host_reg <= wdata[47:0];
		9'h01d: feed_mac_reg <= wdata[47:0];
		9'h01e: feed_reg <= wdata[47:0];
		9'h01f: source_reg <= wdata[47:0];
		9'h020: session_reg[63:0] <= wdata; // 0x100
		9'h021: session_reg[79:64] <= wdata[15:0];
		9'h022: heartbeat_reg <= wdata[31:0]; // 0x110
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
	if (!fault_reg && late) begin
		fault_reg <= 1'b1;
		cause_reg <= NMW_HW_FAULT_PORT[7:0];
	end
	frames_reg <= n_frames;
	count_reg[0] <= count_reg[0] + 48'd1;
	for (i = 0; i < 18; i = i + 1)
		count_reg[i + 1] <= count_reg[i + 1] + {47'd0, frames_reg[i]};
	pulse_reg <= {n_send, 3'd0, n_core, 5'd0, n_parse};
	missing_reg <= n_parse[16] ? n_missing[47:0] : 48'd0;
	for (i = 0; i < STATS; i = i + 1)
		stat_reg[i] <= stat_reg[i] + (i == 27 ? missing_reg : {47'd0, pulse_reg[i]});
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
wire [4:0] of_count = word[4:0] - 5'h09; // 0x148: word 0x029
always @(posedge clk) begin
	word_reg <= word;
	case (word[5:0]) // below 0x200
	6'h00: set_reg <= block(32'h040, NMW_HW_BLOCK_IDENT[15:0]);
	6'h01: set_reg <= {NMW_HW_VERSION[31:0], NMW_HW_WIRE_ID[31:0]};
	6'h02: set_reg <= BUILD;
	6'h08: set_reg <= block(32'h080, NMW_HW_BLOCK_PARAMS[15:0]);
	6'h09: set_reg <= {NMW_HW_LINES_LOG2[7:0], B[7:0], K[7:0], OWNER_W[7:0], GEN_W[7:0], SLOT_W[7:0],
		L[7:0], SYM_W[7:0]};
	6'h0a: set_reg <= {32'd0, TICKS[31:0]};
	6'h10: set_reg <= block(32'h0c0, NMW_HW_BLOCK_CONTROL[15:0]);
	6'h11: set_reg <= {63'd0, enable_reg};
	6'h12: set_reg <= {60'd0, idle, fault_reg, enable_reg, ready};
	6'h13: set_reg <= {56'd0, cause_reg};
	6'h15: set_reg <= {32'd0, watch_reg};
	6'h18: set_reg <= block(32'h140, NMW_HW_BLOCK_WIRE[15:0]);
	6'h19: set_reg <= utc_reg;
	6'h1a: set_reg <= {61'd0, stp_reg, closed_reg};
	6'h1b: set_reg <= {16'd0, mac_reg};
	6'h1c: set_reg <= {16'd0, host_reg};
	6'h1d: set_reg <= {16'd0, feed_mac_reg};
	6'h1e: set_reg <= {16'd0, feed_reg};
	6'h1f: set_reg <= {16'd0, source_reg};
	6'h20: set_reg <= session_reg[63:0];
	6'h21: set_reg <= {48'd0, session_reg[79:64]};
	6'h22: set_reg <= {32'd0, heartbeat_reg};
	6'h28: set_reg <= block(32'h200, NMW_HW_BLOCK_FRAMES[15:0]);
	default: set_reg <= 64'd0;
	endcase
	counts_reg <= of_count < 5'd19 ? count_reg[of_count] : 48'd0;
	parse_reg <= stat_reg[{1'b0, word[4:0] - 5'd1}];                // 0x208: word 0x041
	other_reg <= stat_reg[{1'b1, word[4:0] - 5'd1}];                // 0x308: word 0x061
	case (of_symbol[1:0])
	2'd0: sym_reg <= name_reg[of_symbol[5:2]];
	2'd1: sym_reg <= rule_reg[of_symbol[5:2]];
	2'd2: sym_reg <= grid_reg[of_symbol[5:2]];
	default: sym_reg <= 64'd0;
	endcase
	// the second step
	if (word_reg == 9'h040)
		rdata_reg <= block(32'h600, NMW_HW_BLOCK_STAGES[15:0]);
	else if (word_reg == 9'h0c0)
		rdata_reg <= block(32'd0, NMW_HW_BLOCK_SYMBOLS[15:0]);
	else if (word_reg < 9'h029)
		rdata_reg <= set_reg;
	else if (word_reg < 9'h040)
		rdata_reg <= {16'd0, counts_reg};
	else if (word_reg < 9'h061)
		rdata_reg <= {16'd0, parse_reg};
	else if (word_reg < 9'h081)
		rdata_reg <= {16'd0, other_reg};
	else
		rdata_reg <= word_reg >= 9'h0c1 && word_reg < 9'h101 ? sym_reg : 64'd0;
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
