// nmw_wire_in_ouch: a message of OUCH 5.0 becomes fields, and what it breaks of the rules that it can
// break by itself.
//
// The appendage: of the optional fields that are taken (firm, minimum quantity, customer, post-only)
// each comes once at most, and takes 3 or 6 bytes. So a field begins at one of six places. What
// would begin there is told for all six at once, then it is walked from the first to the last. The
// walk ends at what is none of the four: the message is the host's then, which reads it again.
//
// The order of the rules is that of the software: side, quantity, minimum quantity, time in force,
// display, capacity, ISO, cross, price.
//
// Timing   m_* in cycle 0, fields in 4; a message a cycle, nothing waits. A price becomes ticks
//          meanwhile.
`default_nettype none
module nmw_wire_in_ouch #(
	parameter W = 689 // NMW_MSG_FRAME - NMW_MSG_URN
) (
	input  wire         clk,
	input  wire         rst,
	// symbols, which stand still
	input  wire [15:0]   sym_valid,
	input  wire [1023:0] sym_name,
	input  wire [511:0]  sym_base,
	input  wire [511:0]  sym_step,

	input  wire         m_valid,
	input  wire [15:0]  m_len,
	input  wire [519:0] m_data,
	input  wire [15:0]  m_nth,
	input  wire [4:0]   m_type,

	output wire         rec_valid,
	output wire         rec_bad, // no message of OUCH 5.0: only rec_nth counts
	output wire [2:0]   rec_kind,
	output wire [15:0]  rec_nth,
	output wire [W-1:0] rec      // from URN to LEN, as nmw_wire_msg.vh has them
);

// verilator lint_off UNUSEDPARAM
localparam // the lists are for all modules, each uses some
`include "nmw_wire_msg.vh"
;
localparam
`include "nmw_wire_reject.vh"
;
// verilator lint_on UNUSEDPARAM

localparam TAGS = 6;
localparam [63:0] MARKET = 64'h7fffffff, PRICE_MAX = 64'h7735939c;
localparam [7:0] CLOSED = NMW_WIRE_REJ_CLOSED, PRICE = NMW_WIRE_REJ_PRICE, QTY = NMW_WIRE_REJ_QTY,
	MIN_QTY = NMW_WIRE_REJ_MIN_QTY, DISPLAY = NMW_WIRE_REJ_DISPLAY, SIDE = NMW_WIRE_REJ_SIDE,
	TIF = NMW_WIRE_REJ_TIF, CAPACITY = NMW_WIRE_REJ_CAPACITY_CODE, CROSS = NMW_WIRE_REJ_CROSS, ISO = NMW_WIRE_REJ_ISO;

`include "nmw_wire_be.vh"

// the value of a known tag is `size` bytes with the tag: 0 = not known
function [3:0] size(input [7:0] tag);
	case (tag)
	8'd1, 8'd9, 8'd23: size = 4'd9;
	8'd2, 8'd3, 8'd5, 8'd7, 8'd11, 8'd13, 8'd14, 8'd15, 8'd22: size = 4'd5;
	8'd4, 8'd6, 8'd10, 8'd12, 8'd16, 8'd17, 8'd18, 8'd25: size = 4'd2;
	8'd24: size = 4'd3;
	default: size = 4'd0;
	endcase
endfunction

// --- 1: fields by their type, and what each is
wire is_o = m_type[4], is_u = m_type[3], is_x = m_type[2], is_m = m_type[1], is_q = m_type[0];
wire [143:0] app = is_u ? m_data[40*8 +: 144] : m_data[47*8 +: 144];
wire [15:0]  app_len = be16(is_u ? m_data[38*8 +: 16] : m_data[45*8 +: 16]);
wire [16:0]  app_real = {1'b0, m_len} - (is_u ? 17'd40 : 17'd47);
wire         app_fits = app_len[15:8] == 8'd0 && (!app_len[7] || app_len[6:0] == 7'd0); // 128
wire [31:0]  qty = be32(is_u ? m_data[9*8 +: 32] : is_x ? m_data[5*8 +: 32] : m_data[6*8 +: 32]);
wire [63:0]  price = be64(is_u ? m_data[13*8 +: 64] : m_data[18*8 +: 64]);
wire [7:0]   tif = is_u ? m_data[21*8 +: 8] : m_data[26*8 +: 8];
wire [7:0]   display = is_u ? m_data[22*8 +: 8] : m_data[27*8 +: 8];
wire [7:0]   iso = is_u ? m_data[23*8 +: 8] : m_data[29*8 +: 8];
wire [7:0]   side = m_data[5*8 +: 8];
wire [7:0]   capacity = m_data[28*8 +: 8];
wire [7:0]   crossing = m_data[30*8 +: 8];

reg [3:0]    valid_reg;
reg [15:0]   nth1_reg, nth2_reg, nth3_reg, len1_reg, len2_reg;
reg [4:0]    type1_reg, type2_reg;
reg [7:0]    first1_reg, first2_reg;
reg [143:0]  app1_reg, app2_reg;
reg [7:0]    app_len1_reg;
reg [4:0]    app_len2_reg;
reg          shape1_reg, shape2_reg, long1_reg, long2_reg, app_real_reg, app_same_reg;
reg [31:0]   urn1_reg, urn2_reg, orig1_reg, orig2_reg, qty1_reg, qty2_reg;
reg [63:0]   symbol1_reg, symbol2_reg, price1_reg, price2_reg;
reg [7:0]    side1_reg, side2_reg, tif1_reg, tif2_reg, display1_reg, display2_reg, capacity1_reg, capacity2_reg,
	iso1_reg, iso2_reg, cross1_reg, cross2_reg;
reg [111:0]  clordid1_reg, clordid2_reg;
reg          side_ok_reg, qty_ok_reg, display_ok_reg, capacity_ok_reg, iso_ok_reg, cross_ok_reg, closed_reg,
	tif_ok_reg, price_ok_reg, market1_reg, market2_reg;
reg [TAGS-1:0] firm1_reg, min1_reg, cust1_reg, post1_reg, small1_reg, big1_reg, bad1_reg, other1_reg,
	more1_reg, p1_reg, gt1_reg, some1_reg;
reg [15:0]   hit_reg;
// what a tag at each place would be
reg [TAGS-1:0] firm_at, min_at, cust_at, post_at, small_at, big_at, bad_at, other_at, more_at, p_at, gt_at, some_at;
reg [7:0]      a, t;
reg [31:0]     v;
reg            over; // it ends behind the appendage: then the message is bad, whatever else is said of it
integer i;
always @* begin
	for (i = 0; i < TAGS; i = i + 1) begin
		a = app[i*24 +: 8];
		t = app[i*24 + 8 +: 8];
		v = i == TAGS - 1 ? 32'd0 : be32(app[(i == TAGS - 1 ? 0 : i)*24 + 16 +: 32]);
		over = {8'd0, a} + 3*i[15:0] >= app_len;
		firm_at[i] = a == 8'd5 && t == 8'd2;
		min_at[i] = a == 8'd5 && t == 8'd3;
		cust_at[i] = a == 8'd2 && t == 8'd4;
		post_at[i] = a == 8'd2 && t == 8'd12;
		small_at[i] = a == 8'd2 && (t == 8'd4 || t == 8'd12);
		big_at[i] = a == 8'd5 && (t == 8'd2 || t == 8'd3);
		bad_at[i] = a == 8'd0 || (size(t) != 4'd0 && a != {4'd0, size(t)}) || over;
		other_at[i] = size(t) == 4'd0 || !(t == 8'd2 || t == 8'd3 || t == 8'd4 || t == 8'd12);
		more_at[i] = app_len > 3*i[15:0];
		p_at[i] = app[i*24 + 16 +: 8] == "P";
		gt_at[i] = is_o && v > qty;
		some_at[i] = v != 32'd0;
	end
end
always @(posedge clk) begin
	type1_reg <= m_type;
	first1_reg <= m_data[7:0];
	nth1_reg <= m_nth;
	len1_reg <= m_len;
	shape1_reg <= (is_x && m_len == 16'd9) || (is_m && m_len == 16'd10) || (is_q && m_len == 16'd1);
	app_real_reg <= (is_o || is_u) && !app_real[16] && app_fits;
	app_same_reg <= app_real[15:0] == app_len;
	app1_reg <= app;
	app_len1_reg <= app_len[7:0];
	long1_reg <= (is_o || is_u) && app_len > 16'd18;
	urn1_reg <= be32(is_u ? m_data[5*8 +: 32] : m_data[8 +: 32]);
	orig1_reg <= be32(m_data[8 +: 32]);
	qty1_reg <= qty;
	price1_reg <= price;
	symbol1_reg <= m_data[10*8 +: 64];
	side1_reg <= side;
	tif1_reg <= tif;
	display1_reg <= display;
	capacity1_reg <= capacity;
	iso1_reg <= iso;
	cross1_reg <= crossing;
	clordid1_reg <= is_u ? m_data[24*8 +: 112] : m_data[31*8 +: 112];
	side_ok_reg <= is_u || side == "B" || side == "S" || side == "T" || side == "E";
	qty_ok_reg <= qty != 32'd0 && qty <= 32'd999_999;
	display_ok_reg <= display == "A" || display == "Y" || display == "N";
	capacity_ok_reg <= is_u || capacity == "A" || capacity == "P" || capacity == "R" || capacity == "O";
	iso_ok_reg <= iso == "Y" || iso == "N" || iso == "y";
	cross_ok_reg <= is_u || crossing == "N";
	tif_ok_reg <= tif == "0" || tif == "3" || tif == "5"; // GTT needs a tag that is not taken
	closed_reg <= tif == "E";
	price_ok_reg <= price != 64'd0 && price <= PRICE_MAX;
	market1_reg <= price == MARKET;
	firm1_reg <= firm_at;
	min1_reg <= min_at;
	cust1_reg <= cust_at;
	post1_reg <= post_at;
	small1_reg <= small_at;
	big1_reg <= big_at;
	bad1_reg <= bad_at;
	other1_reg <= other_at;
	more1_reg <= more_at;
	p1_reg <= p_at;
	gt1_reg <= gt_at;
	some1_reg <= some_at;
	for (i = 0; i < 16; i = i + 1)
		hit_reg[i] <= sym_valid[i] && sym_name[i*64 +: 64] == m_data[10*8 +: 64];
	valid_reg <= {valid_reg[2:0], m_valid};
	if (rst)
		valid_reg <= 4'd0;
end

// --- 2: where a tag begins
reg [TAGS-1:0] begins, tag_reg, firm2_reg, min2_reg, cust2_reg, post2_reg, bad2_reg, other2_reg, p2_reg, gt2_reg, some2_reg;
reg          first_has_reg, late_has_reg;
reg [7:0]    first_code_reg, late_code_reg;
reg [3:0]    sym2_reg;
reg          known2_reg;
always @* begin
	begins[0] = more1_reg[0];
	begins[1] = begins[0] && small1_reg[0] && more1_reg[1];
	for (i = 2; i < TAGS; i = i + 1)
		begins[i] = ((begins[i-1] && small1_reg[i-1]) || (begins[i-2] && big1_reg[i-2])) && more1_reg[i];
end
always @(posedge clk) begin
	tag_reg <= begins;
	firm2_reg <= firm1_reg;
	min2_reg <= min1_reg;
	cust2_reg <= cust1_reg;
	post2_reg <= post1_reg;
	bad2_reg <= bad1_reg;
	other2_reg <= other1_reg;
	p2_reg <= p1_reg;
	gt2_reg <= gt1_reg;
	some2_reg <= some1_reg;
	// before the minimum quantity, and behind it
	first_has_reg <= !side_ok_reg || !qty_ok_reg;
	first_code_reg <= side_ok_reg ? QTY : SIDE;
	late_has_reg <= !(tif_ok_reg && display_ok_reg && capacity_ok_reg && iso_ok_reg && cross_ok_reg
		&& (price_ok_reg || market1_reg));
	late_code_reg <= closed_reg ? CLOSED : !tif_ok_reg ? TIF : !display_ok_reg ? DISPLAY : !capacity_ok_reg ? CAPACITY
		: !iso_ok_reg ? ISO : !cross_ok_reg ? CROSS : PRICE;
	sym2_reg <= {|hit_reg[15:8], |(hit_reg & 16'hf0f0), |(hit_reg & 16'hcccc), |(hit_reg & 16'haaaa)};
	known2_reg <= |hit_reg && type1_reg[4];
	market2_reg <= market1_reg;
	type2_reg <= type1_reg;
	first2_reg <= first1_reg;
	nth2_reg <= nth1_reg;
	len2_reg <= len1_reg;
	shape2_reg <= shape1_reg || (app_real_reg && app_same_reg);
	long2_reg <= long1_reg;
	for (i = 0; i < 18; i = i + 1)
		app2_reg[i*8 +: 8] <= app_len1_reg > i[7:0] ? app1_reg[i*8 +: 8] : 8'd0;
	app_len2_reg <= app_len1_reg[4:0];
	urn2_reg <= urn1_reg;
	orig2_reg <= orig1_reg;
	qty2_reg <= qty1_reg;
	price2_reg <= price1_reg;
	symbol2_reg <= symbol1_reg;
	side2_reg <= side1_reg;
	tif2_reg <= tif1_reg;
	display2_reg <= display1_reg;
	capacity2_reg <= capacity1_reg;
	iso2_reg <= iso1_reg;
	cross2_reg <= cross1_reg;
	clordid2_reg <= clordid1_reg;
end

// --- 3: what the tags say, and the verdict
function twice(input [TAGS-1:0] x);
	twice = x != 6'd0 && x != 6'd1 && x != 6'd2 && x != 6'd4 && x != 6'd8 && x != 6'd16 && x != 6'd32;
endfunction
wire [TAGS-1:0] firms = tag_reg & firm2_reg, mins = tag_reg & min2_reg, custs = tag_reg & cust2_reg,
	posts = tag_reg & post2_reg;
wire is_bad = |(tag_reg & bad2_reg) || twice(firms) || twice(mins) || twice(custs) || twice(posts);
wire is_other = |(tag_reg & other2_reg & ~bad2_reg);
wire post_only = |(posts & p2_reg);
wire min_wrong = |(mins & gt2_reg) || (|(mins & some2_reg) && post_only);
wire [31:0] spaces = "    ";
reg [31:0] firm, min_qty;
reg [7:0]  cust;
always @* begin
	firm = |firms ? 32'd0 : spaces;
	min_qty = 32'd0;
	cust = |custs ? 8'd0 : " ";
	for (i = 0; i < TAGS; i = i + 1) begin
		if (i < TAGS - 1) begin
			firm = firm | (app2_reg[(i < TAGS - 1 ? i : 0)*24 + 16 +: 32] & {32{firms[i]}});
			min_qty = min_qty | (be32(app2_reg[(i < TAGS - 1 ? i : 0)*24 + 16 +: 32]) & {32{mins[i]}});
		end
		cust = cust | (app2_reg[i*24 + 16 +: 8] & {8{custs[i]}});
	end
end

reg          bad3_reg, bad4_reg;
reg [2:0]    kind3_reg, kind4_reg;
reg [W-1:0]  rec3_reg, rec4_reg; // but for its ticks
reg [15:0]   nth4_reg;
wire is_order = type2_reg[4] || type2_reg[3];
wire is_enter = type2_reg[4];
wire side_too = type2_reg[4] || type2_reg[1];
wire unfit = type2_reg[0] || (is_order && (long2_reg || is_other));
wire apps = is_order && !long2_reg;
wire [7:0] reject = first_has_reg ? first_code_reg : min_wrong ? MIN_QTY
	: late_has_reg ? late_code_reg : market2_reg && post_only ? PRICE : 8'd0;
wire [1:0] why = type2_reg[0] ? NMW_UNFIT_TYPE[1:0] : long2_reg ? NMW_UNFIT_LONG[1:0] : NMW_UNFIT_TAG[1:0];
wire [2:0] kind = unfit ? NMW_MSG_UNFIT[2:0] : type2_reg[4] ? NMW_MSG_ENTER[2:0] : type2_reg[3] ? NMW_MSG_REPLACE[2:0]
	: type2_reg[2] ? NMW_MSG_CANCEL[2:0] : NMW_MSG_MODIFY[2:0];

always @(posedge clk) begin
	bad3_reg <= !shape2_reg || (apps && is_bad);
	kind3_reg <= kind;
	nth3_reg <= nth2_reg;
	rec3_reg <= { // from the length down to the user reference number: nmw_wire_msg.vh
		len2_reg, first2_reg, unfit ? {1'b0, why} : 3'd0,
		is_order && !unfit ? reject : 8'd0,
		1'b0, 32'd0, // ticks
		is_enter && known2_reg, is_enter && known2_reg ? sym2_reg : 4'd0,
		is_order && market2_reg, side_too && side2_reg != "B",
		apps ? app2_reg : 144'd0, apps ? app_len2_reg : 5'd0,
		(is_order && long2_reg) || (apps && is_other), 3'd0,
		apps ? {|custs, |posts, |mins, |firms} : 4'd0,
		is_order ? apps ? cust : " " : 8'd0, apps && post_only, apps ? min_qty : 32'd0,
		is_order ? apps ? firm : spaces : 32'd0,
		is_order ? clordid2_reg : 112'd0,
		is_enter ? cross2_reg : 8'd0, is_order ? iso2_reg : 8'd0, is_enter ? capacity2_reg : 8'd0,
		is_order ? display2_reg : 8'd0, is_order ? tif2_reg : 8'd0,
		is_order ? price2_reg : 64'd0, is_enter ? symbol2_reg : 64'd0,
		type2_reg[0] ? 32'd0 : qty2_reg, side_too ? side2_reg : 8'd0,
		type2_reg[3] ? orig2_reg : 32'd0, type2_reg[0] ? 32'd0 : urn2_reg};
	bad4_reg <= bad3_reg;
	kind4_reg <= kind3_reg;
	nth4_reg <= nth3_reg;
	rec4_reg <= rec3_reg;
end

wire        ticks_ok;
wire [12:0] ticks;
nmw_wire_in_ticks to_ticks (.clk(clk), .sym_base(sym_base), .sym_step(sym_step), .hit(hit_reg), .price(price1_reg),
	.enter(type1_reg[4]), .ok(ticks_ok), .ticks(ticks));

assign rec_valid = valid_reg[3];
assign rec_bad = bad4_reg;
assign rec_kind = kind4_reg;
assign rec_nth = nth4_reg;
assign rec = {rec4_reg[W-1:NMW_MSG_TICKS_OK - NMW_MSG_URN + 1], ticks_ok, 19'd0, ticks,
	rec4_reg[NMW_MSG_TICKS - NMW_MSG_URN - 1:0]};
wire unused = &{1'b0, rec4_reg[NMW_MSG_TICKS - NMW_MSG_URN +: 33]};

endmodule
`default_nettype wire
