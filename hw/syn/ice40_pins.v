// ice40_pins: the scaled core behind few pins, so that it fits a package: what goes in is shifted
// in, what comes out is registered and folded into one bit. Only for placing and routing.
`default_nettype none
module ice40_pins (input wire clk, input wire rst, input wire d, output reg q);
localparam QTY_W = 12, L = 6, SLOT_W = 6, SYM_W = 1, GEN_W = 4, OWNER_W = 4, TAG_W = 8;
localparam HANDLE_W = GEN_W + SYM_W + 1 + L + SLOT_W;
localparam IN_W = 2 + 2 + 1 + 4 + SYM_W + L + 1 + 2*QTY_W + OWNER_W + TAG_W + HANDLE_W;
localparam OUT_W = 4 + 3 + 4 + SYM_W + L + 2*QTY_W + TAG_W + HANDLE_W;
reg [IN_W-1:0] in_reg, in_hold_reg;
wire [OUT_W-1:0] out;
reg [OUT_W-1:0] out_reg;
reg [6:0] turn_reg;
always @(posedge clk) begin
	in_reg <= {in_reg[IN_W-2:0], d};
	turn_reg <= rst ? 7'd0 : turn_reg + 7'd1;
	if (turn_reg == 7'd0)
		in_hold_reg <= in_reg;
	out_reg <= turn_reg == 7'd0 ? out : {out_reg[OUT_W-2:0], 1'b0};
	q <= out_reg[OUT_W-1];
end
wire [1:0] op;
wire valid, take, sell, range;
wire [3:0] flags;
wire [SYM_W-1:0] sym;
wire [L-1:0] px;
wire [QTY_W-1:0] qty, min;
wire [OWNER_W-1:0] owner;
wire [TAG_W-1:0] tag;
wire [HANDLE_W-1:0] handle;
assign {valid, take, op, sell, flags, sym, px, range, qty, min, owner, tag, handle} = in_hold_reg;
nmw_book #(.SYM_W(SYM_W), .L(L), .TICKS(60), .SLOT_W(SLOT_W), .GEN_W(GEN_W), .OWNER_W(OWNER_W),
	.QTY_W(QTY_W), .TAG_W(TAG_W), .K(2), .B(3)) book (
	.clk(clk), .rst(rst), .ready(out[0]), .s_cmd_valid(valid), .s_cmd_ready(out[1]), .s_cmd_op(op),
	.s_cmd_sell(sell), .s_cmd_flags(flags), .s_cmd_sym(sym), .s_cmd_px(px), .s_cmd_range(range),
	.s_cmd_qty(qty), .s_cmd_min(min), .s_cmd_owner(owner), .s_cmd_tag(tag), .s_cmd_handle(handle),
	.m_evt_valid(out[2]), .m_evt_ready(take), .m_evt_last(out[3]), .m_evt_kind(out[6:4]),
	.m_evt_reason(out[10:7]), .m_evt_sell(), .m_evt_sym(out[11 +: SYM_W]), .m_evt_px(out[11+SYM_W +: L]),
	.m_evt_qty(out[11+SYM_W+L +: QTY_W]), .m_evt_left(out[11+SYM_W+L+QTY_W +: QTY_W]),
	.m_evt_tag(out[11+SYM_W+L+2*QTY_W +: TAG_W]),
	.m_evt_handle(out[11+SYM_W+L+2*QTY_W+TAG_W +: HANDLE_W]),
	.free(), .stat_cmd(), .stat_fill(), .stat_wait_evt(), .stat_wait_level(), .stat_wait_head(),
	.stat_wait_min(), .stat_wait_slot());
endmodule
