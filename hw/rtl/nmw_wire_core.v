// nmw_wire_core: orders of OUCH 5.0 in, replies and market data out, with the books between.
//
//      s_msg -> front -> nmw_book -> back -> m_rep   replies, in the order of each client's messages
//                 |  context, in order  |  -> m_feed  market data
//                 +------- index -------+  -> m_host  what the wire does not do
//
// The records are nmw_wire_msg.vh and nmw_wire_out.vh. What follows from a message is what
// nmw-match makes of it, to the byte, in the same order for every client and for the feed.
//
// Timing   s_msg to the first reply 7 cycles (11 when the book has to answer first),
//          to the first of the feed 11. An order, a
//          cancel and what is ignored take a cycle each, a fill two.
// Ready    registered on all ends; nothing is lost under any stall.
// Reset    clears the books and the index; s_msg_ready is 0 until `ready`.
`default_nettype none
module nmw_wire_core #(
	parameter SYM_W = 4,
	parameter L = 13,
	parameter TICKS = 6000,
	parameter SLOT_W = 14,
	parameter GEN_W = 8,
	parameter OWNER_W = 16,
	parameter SET_W = 14,  // sets of four orders in the index: 2^SET_W
	parameter K = 7,
	parameter B = 6,
	parameter MSG_W = 857, // NMW_MSG_W
	parameter OUT_W = 939  // NMW_WO_W
) (
	input  wire             clk,
	input  wire             rst,
	output wire             ready,

	input  wire             s_msg_valid,
	output wire             s_msg_ready,
	input  wire [MSG_W-1:0] s_msg_data,
	output wire             m_rep_valid,
	input  wire             m_rep_ready,
	output wire [OUT_W-1:0] m_rep_data,
	output wire             m_feed_valid,
	input  wire             m_feed_ready,
	output wire [OUT_W-1:0] m_feed_data,
	output wire             m_host_valid,
	input  wire             m_host_ready,
	output wire [MSG_W-1:0] m_host_data,

	input  wire             cfg_closed, // an unknown symbol is rejected
	input  wire [1:0]       cfg_stp,    // self-match: 0 allowed, 1 the new order yields, 2 the old
	input  wire [15:0]      sym_listed, // announced when the day begins, else when it is first used
	input  wire [16*8-1:0]  sym_state,  // T: trading
	input  wire [16*64-1:0] sym_name,
	input  wire [16*16-1:0] sym_locate,
	input  wire [16*32-1:0] sym_lot,
	input  wire [16*32-1:0] sym_base,
	input  wire [16*32-1:0] sym_step,

	output wire             idle,       // no message is under way
	output wire [SLOT_W:0]  free,       // slots without an order
	// front: 0 message, 1 ignored, 2 to the host, 3 rejected; waits: 4 handle, 5 book at rest,
	// 6 ways or slots, 7 room; back: 8 reply, 9 feed, 10 host, 11 fill; waits: 12 book, 13 room;
	// 14 fault; nmw_book: 15 command, waits: 16 events, 17 level, 18 head, 19 minimum, 20 slot
	output wire [20:0]      stat
);

// verilator lint_off UNUSEDPARAM
localparam
`include "nmw_wire_core.vh"
;
localparam
`include "nmw_wire_msg.vh"
;
localparam
`include "nmw_wire_out.vh"
;
// verilator lint_on UNUSEDPARAM
localparam HANDLE_W = GEN_W + SYM_W + 1 + L + SLOT_W;
localparam CTX_W = NMW_WC_MSG + MSG_W;
localparam CTX_LOG2 = 5;

generate
	if (MSG_W != NMW_MSG_W || OUT_W != NMW_WO_W)
		nmw_parameter_is_not_that_of_nmw_wire_msg_vh_and_out_vh stop();
	if (SYM_W != 4 || SLOT_W > 16 || OWNER_W < 5 || OWNER_W > 16)
		nmw_parameter_does_not_fit_the_fields_of_nmw_wire_core_vh stop();
endgenerate

wire book_ready, index_ready, front_ready;
assign ready = book_ready && index_ready;
assign s_msg_ready = front_ready && ready;

wire [SET_W-1:0] f_set, fw_set, b_set, bw_set;
wire [7:0] f_front, f_back, fw_front, b_front, b_back, bw_back;
wire [3:0] f_hits;
wire f_hit, f_sure;
wire [35:0] f_want;
wire [4*HANDLE_W-1:0] f_handle;
wire fw_valid, bw_valid;
wire [3:0] fw_way, bw_way;
wire [35:0] fw_key;
wire [HANDLE_W-1:0] bw_handle;
nmw_wire_core_index #(.SET_W(SET_W), .HANDLE_W(HANDLE_W)) index (
	.clk(clk), .rst(rst), .ready(index_ready),
	.f_set(f_set), .f_front(f_front), .f_back(f_back), .f_want(f_want), .f_hits(f_hits), .f_hit(f_hit), .f_sure(f_sure), .f_handle(f_handle),
	.fw_valid(fw_valid), .fw_set(fw_set), .fw_front(fw_front), .fw_way(fw_way), .fw_key(fw_key),
	.b_set(b_set), .b_front(b_front), .b_back(b_back),
	.bw_valid(bw_valid), .bw_set(bw_set), .bw_back(bw_back), .bw_way(bw_way), .bw_handle(bw_handle));

wire [15:0] trading;
genvar s;
generate
	for (s = 0; s < 16; s = s + 1) begin : symbol
		assign trading[s] = sym_state[8*s +: 8] == "T";
	end
endgenerate

wire [SLOT_W-1:0] slot_addr;
wire [31:0] slot_open, slot_total;
wire [7:0] slot_side;
wire cmd_valid, cmd_ready, cmd_sell, ctx_put, ctx_room, done, done_cmd;
wire [1:0] cmd_op;
wire [3:0] cmd_flags;
wire [SYM_W-1:0] cmd_sym, done_sym;
wire [L-1:0] cmd_px;
wire [31:0] cmd_qty, cmd_min;
wire [15:0] cmd_owner;
wire [HANDLE_W-1:0] cmd_handle;
wire [CTX_W-1:0] ctx_data;
nmw_wire_core_front #(.SYM_W(SYM_W), .L(L), .TICKS(TICKS), .SLOT_W(SLOT_W), .GEN_W(GEN_W), .SET_W(SET_W),
	.CTX_LOG2(CTX_LOG2), .MSG_W(MSG_W), .CTX_W(CTX_W)) front (
	.clk(clk), .rst(rst), .s_msg_valid(s_msg_valid && ready), .s_msg_ready(front_ready), .s_msg_data(s_msg_data),
	.cfg_closed(cfg_closed), .cfg_stp(cfg_stp), .sym_listed(sym_listed), .sym_trading(trading),
	.sym_base(sym_base), .sym_step(sym_step),
	.f_set(f_set), .f_front(f_front), .f_back(f_back), .f_want(f_want), .f_hits(f_hits), .f_hit(f_hit), .f_sure(f_sure), .f_handle(f_handle),
	.fw_valid(fw_valid), .fw_set(fw_set), .fw_front(fw_front), .fw_way(fw_way), .fw_key(fw_key),
	.slot_addr(slot_addr), .slot_open(slot_open), .slot_total(slot_total), .slot_side(slot_side),
	.m_cmd_valid(cmd_valid), .m_cmd_ready(cmd_ready), .m_cmd_op(cmd_op), .m_cmd_sell(cmd_sell),
	.m_cmd_flags(cmd_flags), .m_cmd_sym(cmd_sym), .m_cmd_px(cmd_px), .m_cmd_qty(cmd_qty), .m_cmd_min(cmd_min),
	.m_cmd_owner(cmd_owner), .m_cmd_handle(cmd_handle), .free(free),
	.ctx_put(ctx_put), .ctx_data(ctx_data), .ctx_room(ctx_room),
	.done(done), .done_cmd(done_cmd), .done_sym(done_sym), .idle(idle), .stat(stat[7:0]));

wire evt_valid, evt_ready, evt_last, evt_sell;
wire [2:0] evt_kind;
wire [3:0] evt_reason;
wire [SYM_W-1:0] evt_sym;
wire [31:0] evt_qty, evt_left;
wire [HANDLE_W-1:0] evt_handle;
// verilator lint_off UNUSEDSIGNAL
wire [L-1:0] evt_px;
wire evt_tag, book_fill;
// verilator lint_on UNUSEDSIGNAL
nmw_book #(.SYM_W(SYM_W), .L(L), .TICKS(TICKS), .SLOT_W(SLOT_W), .GEN_W(GEN_W), .OWNER_W(OWNER_W), .QTY_W(32),
	.TAG_W(1), .K(K), .B(B)) book (
	.clk(clk), .rst(rst), .ready(book_ready),
	.s_cmd_valid(cmd_valid), .s_cmd_ready(cmd_ready), .s_cmd_op(cmd_op), .s_cmd_sell(cmd_sell),
	.s_cmd_flags(cmd_flags), .s_cmd_sym(cmd_sym), .s_cmd_px(cmd_px), .s_cmd_range(1'b0), .s_cmd_qty(cmd_qty),
	.s_cmd_min(cmd_min), .s_cmd_owner(cmd_owner[OWNER_W-1:0]), .s_cmd_tag(1'b0), .s_cmd_handle(cmd_handle),
	.m_evt_valid(evt_valid), .m_evt_ready(evt_ready), .m_evt_kind(evt_kind), .m_evt_reason(evt_reason),
	.m_evt_last(evt_last), .m_evt_sell(evt_sell), .m_evt_sym(evt_sym), .m_evt_px(evt_px), .m_evt_qty(evt_qty),
	.m_evt_left(evt_left), .m_evt_tag(evt_tag), .m_evt_handle(evt_handle), .free(free),
	.stat_cmd(stat[15]), .stat_fill(book_fill), .stat_wait_evt(stat[16]), .stat_wait_level(stat[17]),
	.stat_wait_head(stat[18]), .stat_wait_min(stat[19]), .stat_wait_slot(stat[20]));

nmw_wire_core_back #(.SYM_W(SYM_W), .L(L), .SLOT_W(SLOT_W), .GEN_W(GEN_W), .SET_W(SET_W),
	.CTX_LOG2(CTX_LOG2), .MSG_W(MSG_W), .CTX_W(CTX_W), .OUT_W(OUT_W)) back (
	.clk(clk), .rst(rst), .ctx_put(ctx_put), .ctx_data(ctx_data), .ctx_room(ctx_room),
	.s_evt_valid(evt_valid), .s_evt_ready(evt_ready), .s_evt_kind(evt_kind), .s_evt_reason(evt_reason),
	.s_evt_last(evt_last), .s_evt_sell(evt_sell), .s_evt_sym(evt_sym), .s_evt_qty(evt_qty), .s_evt_left(evt_left),
	.s_evt_handle(evt_handle),
	.sym_listed(sym_listed), .sym_name(sym_name), .sym_locate(sym_locate), .sym_lot(sym_lot), .sym_state(sym_state),
	.b_set(b_set), .b_front(b_front), .b_back(b_back),
	.bw_valid(bw_valid), .bw_set(bw_set), .bw_back(bw_back), .bw_way(bw_way), .bw_handle(bw_handle),
	.slot_addr(slot_addr), .slot_open(slot_open), .slot_total(slot_total), .slot_side(slot_side),
	.done(done), .done_cmd(done_cmd), .done_sym(done_sym),
	.m_rep_valid(m_rep_valid), .m_rep_ready(m_rep_ready), .m_rep_data(m_rep_data),
	.m_feed_valid(m_feed_valid), .m_feed_ready(m_feed_ready), .m_feed_data(m_feed_data),
	.m_host_valid(m_host_valid), .m_host_ready(m_host_ready), .m_host_data(m_host_data), .stat(stat[14:8]));

endmodule
`default_nettype wire
