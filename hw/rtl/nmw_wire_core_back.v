// nmw_wire_core_back: the book's events into replies and market data, in the order of the messages.
//
//      context, event -> [0: what comes next] -> [1: who is it] -> [2: composed] -> m_rep, m_feed
//
// The head of the contexts is the message in hand; events are of the command of the first context
// that has one. In each cycle at most one reply and one message of the feed come of them. An order
// is accepted as soon as its turn comes, before the book has said anything; when the book was
// faster, what it rests as goes in the same cycle. Order references and match numbers are counted
// here, so that they are given in the order of the messages.
//
// An event that cannot be the answer to its message's command is counted (stat 6), and nothing is made
// of it: no message, no change of what is known. The last one ends its message all the same.
//
// What is known of a resting order lies in RAMs by slot, written when it rests, read for each event
// that names it.
//
// Timing   a context that is put in cycle t gives its first message in t+4.
`default_nettype none
module nmw_wire_core_back #(
	parameter SYM_W = 4,
	parameter L = 13,
	parameter SLOT_W = 14,
	parameter GEN_W = 8,
	parameter SET_W = 14,
	parameter CTX_LOG2 = 5,
	parameter MSG_W = 857, // NMW_MSG_W
	parameter CTX_W = 968, // NMW_WC_MSG + MSG_W
	parameter OUT_W = 939, // NMW_WO_W
	parameter HANDLE_W = GEN_W + SYM_W + 1 + L + SLOT_W
) (
	input  wire                clk,
	input  wire                rst,

	input  wire                ctx_put,
	input  wire [CTX_W-1:0]    ctx_data,
	output wire                ctx_room,

	input  wire                s_evt_valid, // nmw_book
	output wire                s_evt_ready,
	input  wire [2:0]          s_evt_kind,
	input  wire [3:0]          s_evt_reason,
	input  wire                s_evt_last,
	input  wire                s_evt_sell,
	input  wire [SYM_W-1:0]    s_evt_sym,
	input  wire [31:0]         s_evt_qty,
	input  wire [31:0]         s_evt_left,
	input  wire [HANDLE_W-1:0] s_evt_handle,

	input  wire [15:0]         sym_listed,
	input  wire [16*64-1:0]    sym_name,
	input  wire [16*16-1:0]    sym_locate,
	input  wire [16*32-1:0]    sym_lot,
	input  wire [16*8-1:0]     sym_state,

	output wire [SET_W-1:0]    b_set,       // nmw_wire_core_index
	input  wire [7:0]          b_front,
	input  wire [7:0]          b_back,
	output wire                bw_valid,
	output wire [SET_W-1:0]    bw_set,
	output wire [7:0]          bw_back,
	output wire [3:0]          bw_way,
	output wire [HANDLE_W-1:0] bw_handle,

	input  wire [SLOT_W-1:0]   slot_addr,   // for the front
	output wire [31:0]         slot_open,
	output wire [31:0]         slot_total,
	output wire [7:0]          slot_side,
	output wire                done,
	output wire                done_cmd,
	output wire [SYM_W-1:0]    done_sym,

	output wire                m_rep_valid,
	input  wire                m_rep_ready,
	output wire [OUT_W-1:0]    m_rep_data,
	output wire                m_feed_valid,
	input  wire                m_feed_ready,
	output wire [OUT_W-1:0]    m_feed_data,
	output wire                m_host_valid,
	input  wire                m_host_ready,
	output wire [MSG_W-1:0]    m_host_data,

	// pulses: 0 a reply, 1 of the feed, 2 for the host, 3 a fill; waits, a cycle each: 4 for the
	// book, 5 for room; 6 an event that cannot be
	output wire [6:0]          stat
);

// verilator lint_off UNUSEDPARAM
localparam
`include "nmw_params.vh"
;
localparam
`include "nmw_wire_msg.vh"
;
localparam
`include "nmw_wire_core.vh"
;
localparam
`include "nmw_wire_out.vh"
;
// verilator lint_on UNUSEDPARAM
localparam REF_W = 48;
localparam OUT_LOG2 = 4, EVT_LOG2 = 4;
localparam [OUT_LOG2:0] MOST = (1 << OUT_LOG2) - 5; // four may be on their way to a queue that has so many

// verilator lint_off UNUSEDSIGNAL
function [SET_W-1:0] set_of;
	input [3:0] client;
	input [31:0] urn;
	set_of = urn[SET_W-1:0] ^ {client, {(SET_W-4){1'b0}}};
endfunction
// verilator lint_on UNUSEDSIGNAL

// ---- contexts and events ------------------------------------------------------------------------------
wire              c_valid, c_pop, v_valid, v_pop;
wire [CTX_W-1:0]  c;
wire [CTX_LOG2:0] c_count;
nmw_fifo #(.W(CTX_W), .LOG2(CTX_LOG2)) contexts (.clk(clk), .flush(rst), .put(ctx_put),
	.put_data(ctx_data), .valid(c_valid), .get(c_pop), .data(c), .count(c_count));
assign ctx_room = !c_count[CTX_LOG2];

localparam EVT_W = 3 + 4 + 1 + 1 + SYM_W + 32 + 32 + HANDLE_W;
// verilator lint_off UNUSEDSIGNAL
wire [EVT_LOG2:0] v_count;
// verilator lint_on UNUSEDSIGNAL
wire [2:0] v_kind;
wire [3:0] v_reason;
wire       v_last, v_sell;
wire [SYM_W-1:0] v_sym;
wire [31:0] v_qty, v_left;
wire [HANDLE_W-1:0] v_handle;
nmw_fifo #(.W(EVT_W), .LOG2(EVT_LOG2)) events (.clk(clk), .flush(rst), .put(s_evt_valid && s_evt_ready),
	.put_data({s_evt_kind, s_evt_reason, s_evt_last, s_evt_sell, s_evt_sym, s_evt_qty, s_evt_left, s_evt_handle}),
	.valid(v_valid), .get(v_pop),
	.data({v_kind, v_reason, v_last, v_sell, v_sym, v_qty, v_left, v_handle}), .count(v_count));
assign s_evt_ready = !v_count[EVT_LOG2];

// ---- stage 0: what comes next ----------------------------------------------------------------------------
wire [3:0] c_kind = c[NMW_WC_KIND +: 4];
wire k_none = c_kind == NMW_WK_NONE[3:0];
wire k_host = c_kind == NMW_WK_HOST[3:0];
wire k_reject = c_kind == NMW_WK_REJECT[3:0];
wire k_cancel = c_kind == NMW_WK_CANCEL[3:0] || c_kind == NMW_WK_VOID[3:0];
wire k_reduce = c_kind == NMW_WK_REDUCE[3:0];
wire k_replace = c_kind == NMW_WK_REPLACE[3:0];
wire k_nothing = c_kind == NMW_WK_NOTHING[3:0];
wire k_modify = c_kind == NMW_WK_MODIFY[3:0];
wire k_less = c_kind == NMW_WK_LESS[3:0];
wire k_more = c_kind == NMW_WK_MORE[3:0];
wire k_end = c_kind == NMW_WK_END[3:0];
wire v_canceled = v_valid && v_kind == NMW_HW_CANCELED[2:0];
wire v_rested = v_valid && v_kind == NMW_HW_RESTED[2:0];
wire v_fill = v_valid && v_kind == NMW_HW_FILL[2:0];
wire v_own = v_valid && v_kind == NMW_HW_OWN[2:0];
wire v_replaced = v_valid && v_kind == NMW_HW_REPLACED[2:0];
wire v_reduced = v_valid && v_kind == NMW_HW_REDUCED[2:0];
wire v_rejected = v_valid && v_kind == NMW_HW_REJECTED[2:0];
wire v_ends = v_valid && v_last;
// what does not rest: room for an order and its price are seen to by the front
wire v_stops = v_canceled && v_reason != NMW_HW_FULL[3:0] && v_reason != NMW_HW_RANGE[3:0];

// where the message in hand is
reg       said_reg;    // its first reply went: A, M, U
reg       maker_reg;   // the taker of the fill in hand was told, the maker comes
reg       gone_reg;    // REPLACE: the order was deleted from the feed, or was never on it
reg       opened_reg, greeted_reg, named_reg; // what comes before the message went
reg [5:0] step_reg;    // of the opening, the naming, or the end
reg [15:0] clients_reg; // that were greeted

wire do_open = c[NMW_WC_OPEN] && !opened_reg;
wire do_greet = c[NMW_WC_GREET] && !greeted_reg && !do_open;
wire do_name = c[NMW_WC_NAME] && !named_reg && !do_open && !do_greet;
wire first = do_open || do_greet || do_name;

// Reply and feed of this cycle
localparam [3:0] NO = 4'd0, R_ACC = 4'd1, R_REP = 4'd2, R_CAN = 4'd3, R_AIQ = 4'd4, R_TAKER = 4'd5,
	R_MAKER = 4'd6, R_REJ = 4'd7, R_MOD = 4'd8, R_PRIO = 4'd9, R_SYS = 4'd10;
localparam [3:0] F_ADD = 4'd1, F_EXEC = 4'd2, F_LESS = 4'd3, F_DEL = 4'd4, F_MOVE = 4'd5, F_SYS = 4'd6,
	F_DIR = 4'd7, F_STATE = 4'd8, F_OLD = 4'd9;
reg [3:0] rep, feed;
reg       pop_c, pop_v, host, rests, frees, frees_own, keeps_old, reduces, sides, refs, trades, last;
reg       strange, says, to_maker, off_maker, drops;
reg [7:0] sys;
// verilator lint_off UNUSEDSIGNAL
reg  [5:0] step_at_reg; // step_reg less one
// verilator lint_on UNUSEDSIGNAL
wire [3:0] step_sym = do_open ? step_at_reg[4:1] : c[NMW_WC_SYM +: 4];
wire       step_half = do_open ? !step_reg[0] : step_reg[0]; // the second of directory and state
wire       step_listed = do_name || sym_listed[step_sym];
wire       step_end = do_open ? step_reg == 6'd34 : do_name ? step_reg == 6'd1 : step_reg == 6'd18;

always @* begin
	rep = NO;
	feed = NO;
	sys = 8'd0;
	{pop_c, pop_v, host, rests, frees, frees_own, keeps_old, reduces, sides, refs, trades, strange} = 12'd0;
	{says, to_maker, off_maker, drops} = 4'd0;
	if (!c_valid)
		;
	else if (do_open || do_name) begin
		if (do_open && (step_reg == 6'd0 || step_reg >= 6'd33)) begin
			feed = F_SYS;
			sys = step_reg == 6'd0 ? "O" : step_reg == 6'd33 ? "S" : "Q";
		end else if (step_listed)
			feed = step_half ? F_STATE : F_DIR;
	end else if (do_greet) begin
		rep = R_SYS;
		sys = "S";
	end else if (k_end) begin
		if (!step_reg[4]) begin
			rep = clients_reg[step_reg[3:0]] ? R_SYS : NO;
			sys = "E";
		end else begin
			feed = |clients_reg ? F_SYS : NO;
			sys = step_reg[1:0] == 2'd0 ? "M" : step_reg[1:0] == 2'd1 ? "E" : "C";
		end
		pop_c = step_end;
	end else if (k_none)
		pop_c = 1'b1;
	else if (k_host) begin
		host = 1'b1;
		pop_c = 1'b1;
	end else if (k_reject) begin
		rep = R_REJ;
		pop_c = 1'b1;
	end else if (k_cancel) begin
		if (v_canceled) begin
			rep = R_CAN;
			feed = F_DEL;
			frees = 1'b1;
		end
		strange = v_valid && !v_canceled && !(v_rejected && v_reason == NMW_HW_UNKNOWN[3:0]);
		pop_v = v_valid;
		pop_c = v_ends;
	end else if (k_reduce) begin
		if (v_reduced) begin
			rep = R_CAN;
			feed = F_LESS;
			reduces = 1'b1;
		end
		strange = v_valid && !v_reduced;
		pop_v = v_valid;
		pop_c = v_ends;
	end else if (k_nothing) begin
		if (v_canceled) begin
			rep = R_REP;
			feed = F_DEL;
			refs = 1'b1;
			frees = 1'b1;
		end
		strange = v_valid && !v_canceled;
		pop_v = v_valid;
		pop_c = v_ends;
	end else if (k_modify) begin
		rep = R_MOD;
		sides = 1'b1;
		pop_c = 1'b1;
	end else if (k_less) begin
		strange = v_valid && !v_reduced;
		rep = said_reg || strange ? NO : R_MOD;
		sides = !said_reg && !strange;
		says = 1'b1;
		feed = v_reduced ? F_LESS : NO;
		reduces = v_reduced;
		pop_v = v_valid;
		pop_c = v_ends;
	end else if (k_more && !said_reg) begin
		rep = R_MOD;
		sides = 1'b1;
		says = 1'b1;
	end else if (k_more && !gone_reg) begin
		keeps_old = v_replaced;
		drops = v_replaced;
		strange = v_valid && !v_replaced;
		pop_v = v_valid;
		pop_c = strange && v_last;
	end else if (k_more) begin
		if (v_rested) begin
			rep = R_PRIO;
			feed = F_MOVE;
			refs = 1'b1;
			rests = 1'b1;
		end
		strange = v_valid && !v_rested;
		pop_v = v_valid;
		pop_c = v_ends;
	end else if (!said_reg && k_replace) begin
		if (v_replaced) begin
			rep = R_REP;
			refs = 1'b1;
			says = 1'b1;
			keeps_old = 1'b1;
			frees = 1'b1;
		end
		strange = v_valid && !v_replaced;
		pop_v = v_valid;
		pop_c = strange && v_last;
	end else if (!said_reg && !v_rested) begin // ENTER
		rep = R_ACC;
		refs = 1'b1;
		says = 1'b1;
	end else if (k_replace && !gone_reg && (v_fill || v_own || v_stops)) begin
		feed = F_OLD;
		drops = 1'b1;
	end else if (v_rested) begin
		rep = said_reg ? NO : R_ACC;
		refs = !said_reg;
		feed = k_replace && !gone_reg ? F_MOVE : F_ADD;
		rests = 1'b1;
		pop_c = 1'b1;
		pop_v = 1'b1;
	end else if (v_fill && !maker_reg) begin
		rep = R_TAKER;
		feed = F_EXEC;
		frees_own = v_last;
		to_maker = 1'b1;
	end else if (v_fill) begin
		rep = R_MAKER;
		trades = 1'b1;
		off_maker = 1'b1;
		frees = v_left == 32'd0;
		reduces = v_left != 32'd0;
		pop_v = 1'b1;
		pop_c = v_last;
	end else if (v_own) begin
		rep = R_AIQ;
		feed = F_DEL;
		frees = 1'b1;
		pop_v = 1'b1;
	end else if (v_stops) begin
		rep = v_reason == NMW_HW_SELF[3:0] ? R_AIQ : R_CAN;
		frees_own = 1'b1;
		pop_c = 1'b1;
		pop_v = 1'b1;
	end else if (v_valid) begin
		strange = 1'b1;
		pop_v = 1'b1;
		pop_c = v_last;
	end
	last = pop_c;
end

// room for all that may be under way
wire [OUT_LOG2:0] rep_count, feed_count, host_count;
reg        run_reg;
always @(posedge clk) begin
	run_reg <= rep_count <= MOST && feed_count <= MOST && host_count <= MOST;
	if (rst)
		run_reg <= 1'b0;
end
wire go = c_valid && run_reg;
assign c_pop = go && pop_c;
assign v_pop = go && pop_v;

reg       q1_greets_reg;
reg [3:0] q1_client_reg;
always @(posedge clk) begin
	q1_greets_reg <= go && do_greet;
	clients_reg <= clients_reg | {16{q1_greets_reg}} & (16'd1 << q1_client_reg);
	if (go) begin
		if (first || k_end) begin
			step_reg <= step_end || do_greet ? 6'd0 : step_reg + 1'b1;
			step_at_reg <= step_end || do_greet ? 6'd63 : step_reg;
		end
		opened_reg <= opened_reg || (do_open && step_end);
		greeted_reg <= greeted_reg || do_greet;
		named_reg <= named_reg || (do_name && step_end);
		said_reg <= said_reg || says;
		gone_reg <= gone_reg || drops;
		if (to_maker)
			maker_reg <= 1'b1;
		if (off_maker)
			maker_reg <= 1'b0;
		if (pop_c)
			{opened_reg, greeted_reg, named_reg, said_reg, gone_reg} <= 5'd0;
	end
	if (rst) begin
		step_reg <= 6'd0;
		step_at_reg <= 6'd63;
		{opened_reg, greeted_reg, named_reg, said_reg, gone_reg, maker_reg} <= 6'd0;
		clients_reg <= 16'd0;
	end
end

// ---- stage 1: who is it ----------------------------------------------------------------------------------------
reg             q1_valid_reg, q1_host_reg, q1_rests_reg, q1_frees_reg, q1_own_reg, q1_keeps_reg, q1_reduces_reg,
	q1_sides_reg, q1_refs_reg, q1_matches_reg, q1_last_reg;
reg [3:0]       q1_rep_reg, q1_feed_reg;
reg [7:0]       q1_sys_reg;
reg [CTX_W-1:0] q1_c_reg;
reg [2:0]       q1_kind_reg;
reg [3:0]       q1_reason_reg;
reg             q1_sell_reg;
reg [3:0]       q1_sym_reg;
reg [31:0]      q1_qty_reg, q1_left_reg;
reg [HANDLE_W-1:0] q1_handle_reg;
always @(posedge clk) begin
	q1_valid_reg <= go;
	q1_rep_reg <= go ? rep : NO;
	q1_feed_reg <= go ? feed : NO;
	q1_host_reg <= go && host;
	q1_rests_reg <= go && rests;
	q1_frees_reg <= go && frees;
	q1_own_reg <= go && frees_own && c[NMW_WC_HELD];
	q1_keeps_reg <= go && keeps_old;
	q1_reduces_reg <= go && reduces;
	q1_sides_reg <= go && sides;
	q1_refs_reg <= go && refs;
	q1_matches_reg <= go && trades;
	q1_last_reg <= go && last;
	q1_sys_reg <= sys;
	q1_c_reg <= c;
	q1_client_reg <= k_end ? step_reg[3:0] : c[NMW_WC_MSG + NMW_MSG_CLIENT +: 4];
	q1_kind_reg <= v_kind;
	q1_reason_reg <= v_reason;
	q1_sell_reg <= v_sell;
	q1_sym_reg <= first ? step_sym : {{(4-SYM_W){1'b0}}, v_sym};
	q1_qty_reg <= v_qty;
	q1_left_reg <= v_left;
	q1_handle_reg <= v_handle;
	if (rst) begin
		q1_valid_reg <= 1'b0;
		q1_rep_reg <= NO;
		q1_feed_reg <= NO;
	end
end
// verilator lint_off UNUSEDSIGNAL
wire [MSG_W-1:0] q1_msg = q1_c_reg[NMW_WC_MSG +: MSG_W];
// verilator lint_on UNUSEDSIGNAL
wire [SLOT_W-1:0] q1_slot = q1_handle_reg[SLOT_W-1:0];

// references and match numbers
reg [REF_W-1:0] next_ref_reg, this_ref_reg, match_reg;
wire [REF_W-1:0] q1_ref = q1_refs_reg ? next_ref_reg : this_ref_reg;
always @(posedge clk) begin
	if (q1_refs_reg) begin
		next_ref_reg <= next_ref_reg + 1'b1;
		this_ref_reg <= next_ref_reg;
	end
	if (q1_matches_reg)
		match_reg <= match_reg + 1'b1;
	if (rst) begin
		next_ref_reg <= {{(REF_W-1){1'b0}}, 1'b1};
		match_reg <= {{(REF_W-1){1'b0}}, 1'b1};
	end
end

// the resting order that the event names
localparam WHO_W = 4 + 32 + 2 + REF_W + 32 + 8 + 8;
wire [WHO_W-1:0] who;
wire [7:0]       who_side;
wire [3:0]       who_client;
wire [31:0]      who_urn, who_price;
wire [1:0]       who_way;
wire [REF_W-1:0] who_ref;
wire [7:0]       who_display, who_capacity;
assign {who_client, who_urn, who_way, who_ref, who_price, who_display, who_capacity} = who;
// the order that gives way
reg [REF_W-1:0] old_ref_reg;
reg [31:0]      old_price_reg;
reg [7:0]       old_display_reg, old_capacity_reg, old_side_reg;
wire q1_moves = q1_c_reg[NMW_WC_KIND +: 4] == NMW_WK_REPLACE[3:0];
wire q1_more = q1_c_reg[NMW_WC_KIND +: 4] == NMW_WK_MORE[3:0];
always @(posedge clk)
	if (q1_keeps_reg) begin
		old_ref_reg <= who_ref;
		old_price_reg <= who_price;
		old_display_reg <= who_display;
		old_capacity_reg <= who_capacity;
		old_side_reg <= who_side;
	end
wire [31:0] rest_price = q1_more ? old_price_reg : q1_msg[NMW_MSG_PRICE +: 32];
wire [WHO_W-1:0] rest_who = {q1_client_reg, q1_msg[NMW_MSG_URN +: 32], q1_c_reg[NMW_WC_WAY +: 2], q1_ref,
	rest_price, q1_more ? old_display_reg : q1_msg[NMW_MSG_DISPLAY +: 8],
	q1_more || q1_moves ? old_capacity_reg : q1_msg[NMW_MSG_CAPACITY +: 8]};
// a market order never rests, so its price is nobody's
wire side_we = q1_rests_reg || q1_sides_reg;
wire [SLOT_W-1:0] side_at = q1_sides_reg ? q1_c_reg[NMW_WC_SLOT +: SLOT_W] : q1_slot;
wire [7:0] side_new = q1_moves ? old_side_reg : q1_msg[NMW_MSG_SIDE +: 8];
wire [31:0] open_new = q1_rests_reg ? q1_qty_reg : q1_left_reg;
wire total_we = q1_rests_reg || (q1_reduces_reg && q1_kind_reg == NMW_HW_REDUCED[2:0]);
nmw_ram #(.ADDR_W(SLOT_W), .DATA_W(WHO_W)) who_ram (.clk(clk), .we(q1_rests_reg), .waddr(q1_slot),
	.wdata(rest_who), .raddr(v_handle[SLOT_W-1:0]), .rdata(who));
nmw_ram #(.ADDR_W(SLOT_W), .DATA_W(8)) side_b (.clk(clk), .we(side_we), .waddr(side_at), .wdata(side_new),
	.raddr(v_handle[SLOT_W-1:0]), .rdata(who_side));
nmw_ram #(.ADDR_W(SLOT_W), .DATA_W(8)) side_f (.clk(clk), .we(side_we), .waddr(side_at), .wdata(side_new),
	.raddr(slot_addr), .rdata(slot_side));
nmw_ram #(.ADDR_W(SLOT_W), .DATA_W(32)) open_f (.clk(clk), .we(q1_rests_reg || q1_reduces_reg), .waddr(q1_slot),
	.wdata(open_new), .raddr(slot_addr), .rdata(slot_open));
nmw_ram #(.ADDR_W(SLOT_W), .DATA_W(32)) total_f (.clk(clk), .we(total_we), .waddr(q1_slot),
	.wdata(q1_c_reg[NMW_WC_TOTAL +: 32]), .raddr(slot_addr), .rdata(slot_total));

assign b_set = q1_frees_reg ? set_of(who_client, who_urn)
	: set_of(q1_client_reg, q1_msg[NMW_MSG_URN +: 32]);

// ---- stage 2: composed, and the index is written ---------------------------------------------------------------------
reg             q2_host_reg, q2_rests_reg, q2_frees_reg, q2_last_reg, q2_done_reg;
reg [3:0]       q2_rep_reg, q2_feed_reg;
reg [7:0]       q2_sys_reg;
reg [CTX_W-1:0] q2_c_reg;
reg [3:0]       q2_reason_reg;
reg             q2_sell_reg, q2_own_reg;
reg [3:0]       q2_sym_reg;
reg [31:0]      q2_qty_reg, q2_left_reg, q2_price_reg;
reg [HANDLE_W-1:0] q2_handle_reg;
reg [SET_W-1:0] q2_set_reg;
reg [1:0]       q2_way_reg;
reg [REF_W-1:0] q2_ref_reg, q2_old_reg, q2_match_reg;
reg [3:0]       q2_client_reg;
reg [31:0]      q2_urn_reg, q2_who_price_reg;
reg [7:0]       q2_who_side_reg, q2_who_capacity_reg, q2_display_reg;
always @(posedge clk) begin
	q2_rep_reg <= q1_rep_reg;
	q2_feed_reg <= q1_feed_reg;
	q2_host_reg <= q1_host_reg;
	q2_rests_reg <= q1_rests_reg;
	q2_frees_reg <= q1_frees_reg || q1_own_reg;
	q2_last_reg <= q1_last_reg;
	q2_sys_reg <= q1_sys_reg;
	q2_c_reg <= q1_c_reg;
	q2_reason_reg <= q1_reason_reg;
	q2_own_reg <= q1_kind_reg == NMW_HW_OWN[2:0];
	q2_sell_reg <= q1_sell_reg;
	q2_sym_reg <= q1_sym_reg;
	q2_qty_reg <= q1_qty_reg;
	q2_left_reg <= q1_left_reg;
	q2_handle_reg <= q1_handle_reg;
	q2_set_reg <= b_set;
	q2_way_reg <= q1_frees_reg ? who_way : q1_c_reg[NMW_WC_WAY +: 2];
	q2_ref_reg <= q1_ref;
	q2_match_reg <= match_reg;
	q2_old_reg <= q1_feed_reg == F_OLD || q1_feed_reg == F_MOVE ? old_ref_reg : who_ref;
	q2_price_reg <= rest_price;
	q2_who_price_reg <= q1_rep_reg == R_PRIO ? old_price_reg : who_price;
	q2_display_reg <= q1_rep_reg == R_PRIO ? old_display_reg : q1_msg[NMW_MSG_DISPLAY +: 8];
	q2_who_side_reg <= who_side;
	q2_who_capacity_reg <= who_capacity;
	// the maker, its own order that leaves, an order that a rule of its replacement cancels
	q2_client_reg <= q1_rep_reg == R_MAKER ? who_client : q1_client_reg;
	q2_urn_reg <= q1_rep_reg == R_MAKER || (q1_rep_reg == R_AIQ && q1_kind_reg == NMW_HW_OWN[2:0])
		|| (q1_rep_reg == R_CAN && q1_c_reg[NMW_WC_KIND +: 4] == NMW_WK_VOID[3:0])
		? who_urn : q1_msg[NMW_MSG_URN +: 32];
	q2_done_reg <= q1_valid_reg && q1_last_reg;
	if (rst) begin
		q2_rep_reg <= NO;
		q2_feed_reg <= NO;
		q2_host_reg <= 1'b0;
		q2_rests_reg <= 1'b0;
		q2_frees_reg <= 1'b0;
		q2_done_reg <= 1'b0;
	end
end
// verilator lint_off UNUSEDSIGNAL
wire [MSG_W-1:0] q2_msg = q2_c_reg[NMW_WC_MSG +: MSG_W];
// verilator lint_on UNUSEDSIGNAL

wire [3:0] way = 4'd1 << q2_way_reg;
assign bw_valid = q2_rests_reg || q2_frees_reg;
assign bw_set = q2_set_reg;
assign bw_back = q2_rests_reg ? {b_back[7:4] & ~way | ~b_front[7:4] & way, b_back[3:0]}
	: {b_back[7:4], b_back[3:0] & ~way | b_front[3:0] & way};
assign bw_way = way & {4{q2_rests_reg}};
assign bw_handle = q2_handle_reg;

// Who reads the index in this cycle sees what is written in it: all of the message is done.
assign done = q2_done_reg;
assign done_cmd = q2_c_reg[NMW_WC_CMD];
assign done_sym = q2_c_reg[NMW_WC_SYM +: SYM_W];

wire r_acc = q2_rep_reg == R_ACC;
wire r_rep = q2_rep_reg == R_REP;
wire r_mod = q2_rep_reg == R_MOD;
wire nothing = q2_c_reg[NMW_WC_KIND +: 4] == NMW_WK_NOTHING[3:0];
wire [31:0] q2_prevented = q2_qty_reg < q2_left_reg ? q2_qty_reg : q2_left_reg;
reg [7:0] r_type, r_reason, f_type;
always @* begin
	case (q2_rep_reg)
	R_ACC: r_type = "A";
	R_REP: r_type = "U";
	R_CAN: r_type = "C";
	R_AIQ: r_type = "D";
	R_TAKER, R_MAKER: r_type = "E";
	R_REJ: r_type = "J";
	R_MOD: r_type = "M";
	R_PRIO: r_type = "T";
	default: r_type = "S";
	endcase
	case (q2_feed_reg)
	F_ADD: f_type = "A";
	F_EXEC: f_type = "E";
	F_LESS: f_type = "X";
	F_DEL, F_OLD: f_type = "D";
	F_MOVE: f_type = "U";
	F_DIR: f_type = "R";
	F_STATE: f_type = "H";
	default: f_type = "S";
	endcase
	if (q2_rep_reg == R_AIQ)
		r_reason = "Q";
	else if (q2_reason_reg == NMW_HW_ASKED[3:0])
		r_reason = q2_c_reg[NMW_WC_KIND +: 4] == NMW_WK_VOID[3:0] ? "Z" : "U";
	else
		r_reason = q2_reason_reg == NMW_HW_WOULD_POST[3:0] ? "G" : "I";
end

wire [63:0] name = sym_name[64*q2_sym_reg +: 64];
wire [OUT_W-1:0] rep_data, feed_data;
assign rep_data = {
	q2_msg[NMW_MSG_APP +: 144], q2_msg[NMW_MSG_APP_LEN +: 5],
	16'd0, q2_prevented,
	q2_rep_reg == R_REJ ? q2_c_reg[NMW_WC_CODE +: 16] : {8'd0, q2_sys_reg},
	r_reason,
	q2_rep_reg == R_TAKER || (q2_rep_reg == R_AIQ && !q2_own_reg) ? "R" : "A",
	{(64-REF_W){1'b0}}, q2_match_reg,
	64'd0, {(64-REF_W){1'b0}}, q2_ref_reg,
	q2_msg[NMW_MSG_CLORDID +: 112],
	r_rep && nothing ? "D" : "L",
	r_rep ? "N" : q2_msg[NMW_MSG_CROSS +: 8],
	q2_msg[NMW_MSG_ISO +: 8],
	r_rep ? q2_who_capacity_reg : q2_msg[NMW_MSG_CAPACITY +: 8],
	q2_display_reg, q2_msg[NMW_MSG_TIF +: 8],
	r_acc || r_rep ? q2_msg[NMW_MSG_PRICE +: 64] : {32'd0, q2_who_price_reg},
	r_rep ? name : q2_msg[NMW_MSG_SYMBOL +: 64],
	r_acc ? q2_msg[NMW_MSG_QTY +: 32] : r_rep || r_mod ? q2_c_reg[NMW_WC_QTY +: 32] : q2_qty_reg,
	r_rep ? q2_who_side_reg : q2_msg[NMW_MSG_SIDE +: 8],
	q2_msg[NMW_MSG_ORIG +: 32], q2_urn_reg,
	q2_msg[NMW_MSG_DAY +: 48], q2_msg[NMW_MSG_TIME +: 64],
	q2_last_reg, r_type, 1'b0, q2_client_reg};
assign feed_data = {
	149'd0, f_type == "S" ? 16'd0 : sym_locate[16*q2_sym_reg +: 16], 32'd0,
	8'd0, q2_feed_reg == F_STATE ? sym_state[8*q2_sym_reg +: 8] : q2_sys_reg,
	16'd0, {(64-REF_W){1'b0}}, q2_match_reg,
	{(64-REF_W){1'b0}}, q2_ref_reg,
	{(64-REF_W){1'b0}}, q2_feed_reg == F_ADD ? q2_ref_reg : q2_old_reg,
	160'd0, {32'd0, q2_price_reg}, name,
	q2_feed_reg == F_DIR ? sym_lot[32*q2_sym_reg +: 32] : q2_qty_reg,
	q2_sell_reg ? "S" : "B", 64'd0,
	q2_msg[NMW_MSG_DAY +: 48], q2_msg[NMW_MSG_TIME +: 64],
	q2_last_reg, f_type, 5'd16};

// ---- out -----------------------------------------------------------------------------------------------------------------
wire put_rep = q2_rep_reg != NO, put_feed = q2_feed_reg != NO;
nmw_fifo #(.W(OUT_W), .LOG2(OUT_LOG2)) replies (.clk(clk), .flush(rst), .put(put_rep), .put_data(rep_data),
	.valid(m_rep_valid), .get(m_rep_valid && m_rep_ready), .data(m_rep_data), .count(rep_count));
nmw_fifo #(.W(OUT_W), .LOG2(OUT_LOG2)) market (.clk(clk), .flush(rst), .put(put_feed), .put_data(feed_data),
	.valid(m_feed_valid), .get(m_feed_valid && m_feed_ready), .data(m_feed_data), .count(feed_count));

// What the host says to a message stands behind the replies that were made before it, which may wait here and behind.
reg [NMW_MSG_REPLIES_W-1:0] made_reg;
always @(posedge clk)
	made_reg <= rst ? {NMW_MSG_REPLIES_W{1'b0}} : made_reg + {{NMW_MSG_REPLIES_W-1{1'b0}}, put_rep};
wire [MSG_W-1:0] host_msg = {q2_msg[MSG_W-1:NMW_MSG_REPLIES+NMW_MSG_REPLIES_W], made_reg,
	q2_msg[NMW_MSG_REPLIES-1:0]};
nmw_fifo #(.W(MSG_W), .LOG2(OUT_LOG2)) host_fifo (.clk(clk), .flush(rst), .put(q2_host_reg), .put_data(host_msg),
	.valid(m_host_valid), .get(m_host_valid && m_host_ready), .data(m_host_data), .count(host_count));

assign stat = {go && strange, c_valid && !run_reg,
	go && !v_valid && rep == NO && feed == NO && !host && !pop_c, q1_matches_reg, q2_host_reg, put_feed, put_rep};

endmodule
`default_nettype wire
