// nmw_wire_out_itch: a message of the feed becomes a MoldUDP64 block: its length, then ITCH 5.0.
//
// Layouts: ITCH 5.0, section 4. What the core does not know of a symbol is given as "normal" or
// "not available", as the software does. bytes[7:0] is the first byte; bytes behind the block are 0,
// because its checksum is taken over all of them.
//
// Timing   record in cycle t, block in t+1; one a cycle. A type that is not of the feed has length 0.
// Ready    s_ready is a register.
`default_nettype none
module nmw_wire_out_itch #(
	parameter W = 939,   // bits of a record
	parameter M = 46     // bytes of the longest block
) (
	input  wire           clk,
	input  wire           rst,

	input  wire           s_valid,
	output wire           s_ready,
	// verilator lint_off UNUSEDSIGNAL
	input  wire [W-1:0]   s_data,
	// verilator lint_on UNUSEDSIGNAL

	output wire           m_valid,
	input  wire           m_ready,
	output wire [6:0]     m_len,   // bytes of the block
	output wire [8*M-1:0] m_bytes,
	output wire [63:0]    m_time,
	output wire           m_end    // system event C: the last message of the day
);

// verilator lint_off UNUSEDPARAM
localparam // the list is for both ends, each uses some
`include "nmw_wire_out.vh"
;
// verilator lint_on UNUSEDPARAM
localparam BITS = 8*M;
localparam REST = BITS - 16 - 88;

wire [7:0]  kind = s_data[NMW_WO_TYPE +: 8];
wire [31:0] qty = s_data[NMW_WO_QTY +: 32];
wire [31:0] price = s_data[NMW_WO_PRICE +: 32];
wire [63:0] ref_no = s_data[NMW_WO_REF +: 64];
wire [63:0] match = s_data[NMW_WO_MATCH +: 64];
wire [7:0]  code = s_data[NMW_WO_CODE +: 8];
wire [63:0] symbol;

genvar g;
generate
	for (g = 0; g < 8; g = g + 1) begin : symbol_byte
		assign symbol[56-8*g +: 8] = s_data[NMW_WO_SYMBOL+8*g +: 8];
	end
endgenerate

wire is_a = kind == "A", is_p = kind == "P", is_e = kind == "E", is_c = kind == "C";
wire is_x = kind == "X", is_d = kind == "D", is_u = kind == "U", is_s = kind == "S";
wire is_r = kind == "R", is_h = kind == "H";
wire any = is_a || is_p || is_e || is_c || is_x || is_d || is_u || is_s || is_r || is_h;
wire [6:0] size = {7{is_a || is_c}} & 7'd36 | {7{is_p}} & 7'd44 | {7{is_e}} & 7'd31 | {7{is_x}} & 7'd23
	| {7{is_d}} & 7'd19 | {7{is_u}} & 7'd35 | {7{is_s}} & 7'd12 | {7{is_r}} & 7'd39 | {7{is_h}} & 7'd25;

wire [87:0] head = {kind, s_data[NMW_WO_LOCATE +: 16], 16'd0, s_data[NMW_WO_DAY +: 48]}; // of every message
wire [159:0] listed = {"QN", qty, "NCZ P", "NN N", 32'd0, "N"}; // R, behind the symbol
wire [REST-1:0] rest =
	  {REST{is_a || is_p}} & {ref_no, s_data[NMW_WO_SIDE +: 8], qty, symbol, price, {64{is_p}} & match}
	| {REST{is_e || is_c}} & {ref_no, qty, match, {40{is_c}} & {"Y", price}, {(REST-200){1'b0}}}
	| {REST{is_x || is_d}} & {ref_no, {32{is_x}} & qty, {(REST-96){1'b0}}}
	| {REST{is_u}} & {ref_no, s_data[NMW_WO_REF2 +: 64], qty, price, {(REST-192){1'b0}}}
	| {REST{is_s}} & {code, {(REST-8){1'b0}}}
	| {REST{is_h}} & {symbol, code, "     ", {(REST-112){1'b0}}}
	| {REST{is_r}} & {symbol, listed, {(REST-224){1'b0}}};
wire [BITS-1:0] block = {9'd0, size, {88{any}} & head, rest};

wire [BITS-1:0] bytes;
generate
	for (g = 0; g < M; g = g + 1) begin : block_byte
		assign bytes[8*g +: 8] = block[BITS-8-8*g +: 8];
	end
endgenerate

wire [6:0] len = any ? size + 7'd2 : 7'd0;
wire       last = is_s && code == "C";
nmw_skid #(.W(72 + BITS)) out (.clk(clk), .rst(rst), .s_valid(s_valid), .s_ready(s_ready),
	.s_data({last, len, s_data[NMW_WO_TIME +: 64], bytes}),
	.m_valid(m_valid), .m_ready(m_ready), .m_data({m_end, m_len, m_time, m_bytes}));

endmodule
`default_nettype wire
