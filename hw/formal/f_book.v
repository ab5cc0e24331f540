// The whole core, small: 2 books, 8 ticks, 4 orders, 2 levels at hand. Any commands, any stalls.
//
// What it says is judged from outside, by its events:
//   - no fill beyond the limit, none more than was ordered, what is filled, rests and is canceled is
//     what was ordered
//   - of any one resting order: every event about it has the shares that it has
//   - while it rests, no order behind it at its price is filled, and none at a worse price
// Inside (nmw_book.v): the best levels at hand never cross.
`default_nettype none
module f_book #(
	parameter SYM_W = 1, parameter L = 3, parameter SLOT_W = 2, parameter QTY_W = 2,
	parameter GEN_W = 1,
	parameter PART = 7, // which assertions: 1 of the taker, 2 of a resting order, 4 of the queue
	parameter CMDS = 0, // at most so many commands, at any times; 0: any number
	parameter RULES = 1, // 0: limit orders and cancels only, one book; 2: one book, no minimum quantity
	parameter HANDLE_W = GEN_W + SYM_W + 1 + L + SLOT_W
) (
	input wire clk,
	input wire any_valid, input wire [1:0] any_op, input wire sell, input wire [3:0] any_flags,
	input wire [SYM_W-1:0] any_sym, input wire [L-1:0] px, input wire [QTY_W-1:0] qty,
	input wire [QTY_W-1:0] any_min, input wire any_owner, input wire [HANDLE_W-1:0] any_handle,
	input wire take, input wire pick_a, input wire pick_b
);
wire [1:0] op = RULES ? any_op : {1'b0, any_op[0]};
wire [3:0] flags = RULES ? any_flags : 4'd0;
wire [SYM_W-1:0] sym = RULES == 1 ? any_sym : {SYM_W{1'b0}};
wire [QTY_W-1:0] min = RULES == 1 ? any_min : {QTY_W{1'b0}};
wire owner = RULES ? any_owner : 1'b0;
// one book: its number is the handle's too
wire [HANDLE_W-1:0] handle = RULES == 1 ? any_handle
	: any_handle & ~({{(HANDLE_W-SYM_W){1'b0}}, {SYM_W{1'b1}}} << (SLOT_W+L+1));
reg started = 0;
always @(posedge clk)
	started <= 1;
reg [3:0] n_reg = 0;
wire valid = any_valid && (CMDS == 0 || n_reg != CMDS);
always @(posedge clk)
	if (valid && s_ready)
		n_reg <= n_reg + 1'b1;
wire ready, s_ready, e_valid, e_last, e_sell;
wire [2:0] e_kind;
wire [3:0] e_reason;
wire [SYM_W-1:0] e_sym;
wire [L-1:0] e_px;
wire [QTY_W-1:0] e_qty, e_left;
wire [HANDLE_W-1:0] e_handle;

nmw_book #(.SYM_W(SYM_W), .L(L), .TICKS(1 << L), .SLOT_W(SLOT_W), .GEN_W(GEN_W), .OWNER_W(1),
	.QTY_W(QTY_W), .TAG_W(1), .K(2), .B(1)) dut (
	.clk(clk), .rst(!started), .ready(ready), .s_cmd_valid(valid), .s_cmd_ready(s_ready),
	.s_cmd_op(op), .s_cmd_sell(sell), .s_cmd_flags(flags), .s_cmd_sym(sym), .s_cmd_px(px),
	.s_cmd_range(1'b0), .s_cmd_qty(qty), .s_cmd_min(min), .s_cmd_owner(owner), .s_cmd_tag(1'b0),
	.s_cmd_handle(handle), .m_evt_valid(e_valid), .m_evt_ready(take), .m_evt_kind(e_kind),
	.m_evt_reason(e_reason), .m_evt_last(e_last), .m_evt_sell(e_sell), .m_evt_sym(e_sym),
	.m_evt_px(e_px), .m_evt_qty(e_qty), .m_evt_left(e_left), .m_evt_tag(),
	.m_evt_handle(e_handle), .free(), .stat_cmd(), .stat_fill(), .stat_wait_evt(), .stat_wait_level(),
	.stat_wait_head(), .stat_wait_min(), .stat_wait_slot());

localparam
`include "nmw_params.vh"
;

// commands that were taken and are not done, in order
localparam Q_W = 2 + 1 + 1 + L + QTY_W;
wire [Q_W-1:0] c;
wire [4:0] c_count;
wire c_valid;
wire got = started && e_valid && take;
nmw_fifo #(.W(Q_W), .LOG2(4)) commands (.clk(clk), .flush(!started), .put(started && valid && s_ready),
	.put_data({op, sell, flags[1], px, qty}), .valid(c_valid), .get(got && e_last), .data(c),
	.count(c_count));
wire [1:0] c_op = c[Q_W-1 -: 2];
wire c_sell = c[Q_W-3];
wire c_market = c[Q_W-4];
wire [L-1:0] c_px = c[QTY_W +: L];
wire [QTY_W-1:0] c_qty = c[QTY_W-1:0];
wire enters = c_op == NMW_HW_ENTER[1:0] || c_op == NMW_HW_REPLACE[1:0];

reg [QTY_W-1:0] filled = 0;
wire fill = e_kind == NMW_HW_FILL[2:0];
wire self = e_kind == NMW_HW_CANCELED[2:0] && e_reason == NMW_HW_SELF[3:0];
wire asked = (e_kind == NMW_HW_CANCELED[2:0] && e_reason == NMW_HW_ASKED[3:0])
	|| e_kind == NMW_HW_REPLACED[2:0];
wire ended = enters && (e_kind == NMW_HW_RESTED[2:0]
	|| (e_kind == NMW_HW_CANCELED[2:0] && e_reason != NMW_HW_ASKED[3:0]));

// one resting order, and one behind it
reg a_live = 0, b_live = 0, a_sell;
reg [HANDLE_W-1:0] a_handle, b_handle;
reg [QTY_W-1:0] a_qty;
reg [SYM_W-1:0] a_sym;
reg [L-1:0] a_px;
wire of_a = a_live && e_handle == a_handle && (fill || asked || self
	|| e_kind == NMW_HW_OWN[2:0] || e_kind == NMW_HW_REDUCED[2:0]);
wire behind = a_live && e_sym == a_sym && e_sell == a_sell && e_px == a_px;
wire worse = e_sym == a_sym && e_sell == a_sell && (a_sell ? e_px > a_px : e_px < a_px);

always @(posedge clk) begin
	if (got) begin
		filled <= e_last ? {QTY_W{1'b0}} : fill ? filled + e_qty : filled;
		if (!a_live && e_kind == NMW_HW_RESTED[2:0] && pick_a) begin
			a_live <= 1;
			a_handle <= e_handle;
			a_qty <= e_qty;
			a_sym <= e_sym;
			a_sell <= e_sell;
			a_px <= e_px;
			b_live <= 0;
		end
		if (behind && e_kind == NMW_HW_RESTED[2:0] && pick_b && !b_live) begin
			b_live <= 1;
			b_handle <= e_handle;
		end
		if (b_live && e_handle == b_handle && (asked || e_kind == NMW_HW_OWN[2:0]))
			b_live <= 0;
		if (of_a && !self) begin
			a_qty <= e_left;
			if (asked || e_kind == NMW_HW_OWN[2:0] || e_left == 0)
				a_live <= 0;
		end
	end
	if (got) begin
		if (PART & 1)
			assert (c_valid);
		if (fill && (PART & 1) != 0) begin
			assert (enters);
			assert (e_sell != c_sell);
			assert (c_market || (c_sell ? e_px >= c_px : e_px <= c_px));
			assert (e_qty != 0);
			assert ({1'b0, filled} + {1'b0, e_qty} <= {1'b0, c_qty});
			assert (e_last == (filled + e_qty == c_qty));
		end
		if (fill && (PART & 4) != 0) begin
			assert (!(b_live && a_live && e_handle == b_handle));
			assert (!(a_live && worse));
		end
		if (ended && (PART & 1) != 0)
			assert (e_qty == c_qty - filled);
		if (of_a && (PART & 2) != 0) begin
			if (fill || e_kind == NMW_HW_REDUCED[2:0])
				assert ({1'b0, e_qty} + {1'b0, e_left} == {1'b0, a_qty});
			if (asked || e_kind == NMW_HW_OWN[2:0])
				assert (e_qty == a_qty);
			if (self)
				assert (e_left == a_qty);
		end
		if (a_live && e_kind == NMW_HW_RESTED[2:0] && (PART & 2) != 0)
			assert (e_handle != a_handle);
	end
end
endmodule
