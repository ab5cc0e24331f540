// nmw_wire_out_ouch: a reply becomes a MoldUDP64 block: its length, then the message of OUCH 5.0.
//
// Layouts: OUCH 5.0, section 3. The appendage of Accepted and Replaced goes out as it came.
// Numbers are big-endian on the wire; bytes[7:0] is the first byte. Bytes behind the block are 0,
// because its checksum is taken over all of them.
//
// Timing   record in cycle t, block in t+1; one a cycle. A type that is not OUCH's has length 0.
// Ready    s_ready is a register.
`default_nettype none
module nmw_wire_out_ouch #(
	parameter W = 939,   // bits of a record
	parameter M = 88     // bytes of the longest block
) (
	input  wire           clk,
	input  wire           rst,
	input  wire [31:0]    tags,    // VLAN tags of each client, 0 to 2

	input  wire           s_valid,
	output wire           s_ready,
	// verilator lint_off UNUSEDSIGNAL
	input  wire [W-1:0]   s_data,
	// verilator lint_on UNUSEDSIGNAL

	output wire           m_valid,
	input  wire           m_ready,
	output wire [3:0]     m_dest,
	output wire [1:0]     m_tags,
	output wire [6:0]     m_len,   // bytes of the block
	output wire [8*M-1:0] m_bytes,
	output wire [63:0]    m_time
);

// verilator lint_off UNUSEDPARAM
localparam // the list is for both ends, each uses some
`include "nmw_wire_out.vh"
;
// verilator lint_on UNUSEDPARAM
localparam BITS = 8*M;

wire [7:0]   kind = s_data[NMW_WO_TYPE +: 8];
wire [31:0]  urn = s_data[NMW_WO_URN +: 32];
wire [7:0]   side = s_data[NMW_WO_SIDE +: 8];
wire [31:0]  qty = s_data[NMW_WO_QTY +: 32];
wire [63:0]  price = s_data[NMW_WO_PRICE +: 64];
wire [7:0]   display = s_data[NMW_WO_DISPLAY +: 8];
wire [63:0]  ref_no = s_data[NMW_WO_REF +: 64];
wire [7:0]   liquidity = s_data[NMW_WO_LIQUIDITY +: 8];
wire [7:0]   reason = s_data[NMW_WO_REASON +: 8];
wire [15:0]  code = s_data[NMW_WO_CODE +: 16];
wire [63:0]  match = s_data[NMW_WO_MATCH +: 64];
wire [4:0]   app_len = s_data[NMW_WO_APP_LEN +: 5];
wire [63:0]  symbol;
wire [111:0] clordid;
wire [143:0] app;

genvar g;
generate
	for (g = 0; g < 8; g = g + 1) begin : symbol_byte
		assign symbol[56-8*g +: 8] = s_data[NMW_WO_SYMBOL+8*g +: 8];
	end
	for (g = 0; g < 14; g = g + 1) begin : clordid_byte
		assign clordid[104-8*g +: 8] = s_data[NMW_WO_CLORDID+8*g +: 8];
	end
	for (g = 0; g < 18; g = g + 1) begin : app_byte
		assign app[136-8*g +: 8] = s_data[NMW_WO_APP+8*g +: 8];
	end
endgenerate

wire [71:0]  head = {kind, 16'd0, s_data[NMW_WO_DAY +: 48]}; // of every message
wire [551:0] order = {side, qty, symbol, price, s_data[NMW_WO_TIF +: 8], display, ref_no,
	s_data[NMW_WO_CAPACITY +: 8], s_data[NMW_WO_ISO +: 8], s_data[NMW_WO_CROSS +: 8],
	s_data[NMW_WO_STATE +: 8], clordid, 11'd0, app_len, app};

wire is_a = kind == "A", is_u = kind == "U", is_c = kind == "C", is_e = kind == "E";
wire is_d = kind == "D", is_j = kind == "J", is_m = kind == "M", is_s = kind == "S";
wire is_t = kind == "T", is_p = kind == "P" || kind == "I" || kind == "Q";

function [6:0] bytes_of(input [7:0] type_of, input [6:0] more); // of a message without its appendage, and more
	case (type_of)
	"A": bytes_of = 7'd64 + more;
	"U": bytes_of = 7'd68 + more;
	"C", "M": bytes_of = 7'd18 + more;
	"E": bytes_of = 7'd36 + more;
	"D": bytes_of = 7'd32 + more;
	"J": bytes_of = 7'd29 + more;
	"S": bytes_of = 7'd10 + more;
	"T": bytes_of = 7'd30 + more;
	"P", "I", "Q": bytes_of = 7'd13 + more;
	default: bytes_of = 7'd0;
	endcase
endfunction
wire any = is_a || is_u || is_c || is_e || is_d || is_j || is_m || is_s || is_t || is_p;
wire [6:0] app_size = {2'd0, {5{is_a || is_u}} & app_len};
wire [6:0] size = bytes_of(kind, 7'd0) + app_size;
wire [6:0] len = bytes_of(kind, 7'd2) + app_size; // with the two bytes of its length

// After type and time (9 bytes): what each type has there, 77 bytes.
localparam REST = BITS - 16 - 72;
wire [REST-1:0] rest =
	  {REST{is_u}} & {s_data[NMW_WO_ORIG +: 32], urn, order}
	| {REST{is_a}} & {urn, order, {(REST-584){1'b0}}}
	| {REST{is_e}} & {urn, qty, price, liquidity, match, {(REST-200){1'b0}}} // no appendage
	| {REST{is_c}} & {urn, qty, reason, {(REST-72){1'b0}}}
	| {REST{is_d}} & {urn, qty, reason, s_data[NMW_WO_PREVENTED +: 32], price, liquidity, 8'h20, {(REST-184){1'b0}}}
	| {REST{is_j}} & {urn, code, clordid, {(REST-160){1'b0}}}
	| {REST{is_m}} & {urn, side, qty, {(REST-72){1'b0}}}
	| {REST{is_s}} & {code[7:0], {(REST-8){1'b0}}}
	| {REST{is_t}} & {urn, price, display, ref_no, {(REST-168){1'b0}}}
	| {REST{is_p}} & {urn, {(REST-32){1'b0}}};
wire [BITS-1:0] block = {9'd0, size, {72{any}} & head, rest};

wire [BITS-1:0] bytes;
generate
	for (g = 0; g < M; g = g + 1) begin : block_byte
		assign bytes[8*g +: 8] = block[BITS-8-8*g +: 8];
	end
endgenerate

wire [3:0] dest = s_data[NMW_WO_DEST +: 4];
nmw_skid #(.W(77 + BITS)) out (.clk(clk), .rst(rst), .s_valid(s_valid), .s_ready(s_ready),
	.s_data({dest, tags[2*dest +: 2], len, s_data[NMW_WO_TIME +: 64], bytes}),
	.m_valid(m_valid), .m_ready(m_ready), .m_data({m_dest, m_tags, m_len, m_time, m_bytes}));

endmodule
`default_nettype wire
