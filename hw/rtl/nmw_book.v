// nmw_book: the matching core. Price-time priority over many books, one command a cycle.
//
//      s_cmd -> [command register] -> read -> execute -> write -> [event register] -> m_evt
//                  all RAMs read        |         RAMs written
//                                       +-- nmw_bestq, bids   <- nmw_search (levels below)
//                                       +-- nmw_bestq, asks   <- order RAM (next orders)
//
// A level is an index: ticks for bids, their complement for asks, so that higher is better on both
// sides. For every level the level RAM has {some, head, tail}; its orders are a doubly linked list
// in the order, next and prev RAMs, by arrival. A handle names {generation, book, side, tick, slot},
// so that all RAMs of an order are read at once. The best levels of the book in hand are kept in
// registers (nmw_bestq), those of the other books in distributed RAM; what lies below them is
// brought by nmw_search while commands go on.
//
// Timing   command register to event register 3 stages. An add, cancel or reduce takes 1 cycle,
//          back to back also on one level; a fill 1 cycle, over orders of a level and over levels;
//          what rests after fills 1 cycle more. A REPLACE takes a cycle for each half. The core
//          waits, and counts it, when the best level or its first order is still on its way, when
//          events are not taken, or while a minimum quantity is counted (an order 2 cycles).
// Ready    registered on both ends; nothing is lost under any stall.
// Reset    clears all RAMs, 2^(SYM_W+1+L) cycles; s_cmd_ready is 0 until `ready`.
`default_nettype none
module nmw_book #(
	parameter SYM_W = 4,     // books: 2^SYM_W
	parameter L = 13,        // address bits of a price
	parameter TICKS = 6000,  // ticks of a side, 2 to 2^L
	parameter SLOT_W = 14,   // orders: 2^SLOT_W, 4 at least
	parameter GEN_W = 8,
	parameter OWNER_W = 16,
	parameter QTY_W = 32,
	parameter TAG_W = 32,
	parameter K = 7,         // best levels at hand, 2 to 7
	parameter B = 6,         // log2 of the bits of a bitmap word, 2 to L-1
	parameter HANDLE_W = GEN_W + SYM_W + 1 + L + SLOT_W
) (
	input  wire                clk,
	input  wire                rst,
	output wire                ready,   // the RAMs are clear

	input  wire                s_cmd_valid,
	output wire                s_cmd_ready,
	input  wire [1:0]          s_cmd_op,
	input  wire                s_cmd_sell,
	input  wire [3:0]          s_cmd_flags,
	input  wire [SYM_W-1:0]    s_cmd_sym,
	input  wire [L-1:0]        s_cmd_px,
	input  wire                s_cmd_range, // book or price is beyond what the fields can hold
	input  wire [QTY_W-1:0]    s_cmd_qty,
	input  wire [QTY_W-1:0]    s_cmd_min,
	input  wire [OWNER_W-1:0]  s_cmd_owner,
	input  wire [TAG_W-1:0]    s_cmd_tag,
	input  wire [HANDLE_W-1:0] s_cmd_handle,

	output wire                m_evt_valid,
	input  wire                m_evt_ready,
	output wire [2:0]          m_evt_kind,
	output wire [3:0]          m_evt_reason,
	output wire                m_evt_last,   // the command's last
	output wire                m_evt_sell,   // side of the order that it is about
	output wire [SYM_W-1:0]    m_evt_sym,
	output wire [L-1:0]        m_evt_px,
	output wire [QTY_W-1:0]    m_evt_qty,
	output wire [QTY_W-1:0]    m_evt_left,
	output wire [TAG_W-1:0]    m_evt_tag,
	output wire [HANDLE_W-1:0] m_evt_handle,

	output wire [SLOT_W:0]     free,         // slots without an order
	// a cycle each: for counters
	output wire                stat_cmd,     // a command is done
	output wire                stat_fill,
	output wire                stat_wait_evt,   // waits for room for events
	output wire                stat_wait_level, // for the best level
	output wire                stat_wait_head,  // for its first order
	output wire                stat_wait_min,   // counts for a minimum quantity
	output wire                stat_wait_slot   // for a slot on its way back
);

// verilator lint_off UNUSEDPARAM
localparam // the list is for all modules, each uses some
`include "nmw_params.vh"
;
// verilator lint_on UNUSEDPARAM

localparam C_W = SYM_W + 1;
localparam LVL_W = 2*SLOT_W + 1;
localparam KEY_W = C_W + L;                 // book, side, level
localparam WHO_W = GEN_W + OWNER_W;         // what a maker's event needs
localparam ORDER_W = WHO_W + QTY_W + SLOT_W; // with quantity and next: what matching needs
localparam CHK_W = 1 + GEN_W + KEY_W;       // what a cancel needs: live, generation, key
localparam ENTRY_W = 2 + L + 2*SLOT_W + ORDER_W;
localparam STATE_W = 1 + L + K + K*ENTRY_W;
localparam INIT_W = (KEY_W > SLOT_W) ? KEY_W : SLOT_W + 1;

// ---- clearing after reset ------------------------------------------------------------------------
localparam [INIT_W:0] INIT_END = (1 << INIT_W) + 4;
reg            ready_reg;
reg [INIT_W:0] init_reg;
always @(posedge clk) begin
	init_reg <= init_reg + 1'b1;
	if (init_reg == INIT_END) // and the last writes are through
		ready_reg <= 1'b1;
	if (rst) begin
		ready_reg <= 1'b0;
		init_reg <= {(INIT_W+1){1'b0}};
	end
end
assign ready = ready_reg;
wire init = !ready_reg && !init_reg[INIT_W];

// ---- command register, read stage ------------------------------------------------------------------
localparam CMD_W = 2 + 1 + 4 + SYM_W + L + 1 + 2*QTY_W + OWNER_W + TAG_W + HANDLE_W;
wire                r_valid, r_take_last, cmd_ready;
wire [1:0]          r_op;
wire                r_sell, r_far;
wire [3:0]          r_flags;
wire [SYM_W-1:0]    r_sym_cmd;
wire [L-1:0]        r_px;
wire [QTY_W-1:0]    r_qty, r_min;
wire [OWNER_W-1:0]  r_owner;
wire [TAG_W-1:0]    r_tag;
wire [HANDLE_W-1:0] r_handle;

nmw_skid #(
`ifdef NMW_CHECK
	.STAYS(0), // the stream path's core looks up the order that is named until the command is taken
`endif
	.W(CMD_W)) command (
	.clk(clk), .rst(rst),
	.s_valid(s_cmd_valid && ready_reg), .s_ready(cmd_ready),
	.s_data({s_cmd_op, s_cmd_sell, s_cmd_flags, s_cmd_sym, s_cmd_px, s_cmd_range,
		s_cmd_qty, s_cmd_min, s_cmd_owner, s_cmd_tag, s_cmd_handle}),
	.m_valid(r_valid), .m_ready(r_take_last),
	.m_data({r_op, r_sell, r_flags, r_sym_cmd, r_px, r_far,
		r_qty, r_min, r_owner, r_tag, r_handle}));
assign s_cmd_ready = cmd_ready && ready_reg;

// handle
wire [SLOT_W-1:0] h_slot = r_handle[SLOT_W-1:0];
wire [L-1:0]      h_px = r_handle[SLOT_W +: L];
wire              h_sell = r_handle[SLOT_W+L];
wire [SYM_W-1:0]  h_sym = r_handle[SLOT_W+L+1 +: SYM_W];
wire [GEN_W-1:0]  h_gen = r_handle[SLOT_W+L+1+SYM_W +: GEN_W];

// A REPLACE goes through as a cancel and then as an enter.
reg  second_reg;
wire r_enter = r_op == NMW_HW_ENTER[1:0] || (r_op == NMW_HW_REPLACE[1:0] && second_reg);
wire r_side = r_enter ? r_sell : h_sell;
wire [SYM_W-1:0] r_sym = r_enter ? r_sym_cmd : h_sym;
wire [L-1:0] r_tick = r_enter ? r_px : h_px;
wire [L-1:0] r_idx = r_tick ^ {L{r_side}};
wire [KEY_W-1:0] r_key = {r_sym, r_side, r_idx};
localparam [31:0] TICKS_LIMIT = TICKS;
wire r_out = {{(32-L){1'b0}}, r_px} >= TICKS_LIMIT && !r_flags[1];
wire r_second = r_op == NMW_HW_REPLACE[1:0] && second_reg;
wire r_cut = r_op == NMW_HW_REDUCE[1:0];
wire [L-1:0] r_reach = r_flags[1] ? {L{1'b0}} : ~(r_px ^ {L{r_sell}});
wire r_bad = r_far || r_out || r_qty == {QTY_W{1'b0}};

// ---- execute stage: registers ----------------------------------------------------------------------
wire x_done; // the command leaves it in this cycle
reg               x_valid_reg, x_first_reg;
reg               x_enter_reg, x_rep1_reg;
reg               x_good_reg, x_bad_reg; // there is an ENTER: to be done, out of range
reg               x_gone_reg;            // neither, it is of a rejected REPLACE
reg               x_off_reg, x_cut_reg;   // all of an order goes, or some of its shares
reg               x_side_reg;
reg [SYM_W-1:0]   x_sym_reg;
reg [L-1:0]       x_idx_reg;
reg [L-1:0]       x_reach_reg; // the worst level of the other side that the limit allows
reg               x_owned_reg, x_has_min_reg; // owner, minimum: not 0
reg [3:0]         x_flags_reg;
reg [QTY_W-1:0]   x_left_reg;  // ENTER: shares to fill; REDUCE: those that stay
reg [QTY_W-1:0]   x_min_reg;
reg [OWNER_W-1:0] x_owner_reg;
reg [TAG_W-1:0]   x_tag_reg;
reg [SLOT_W-1:0]  x_slot_reg;
reg [GEN_W-1:0]   x_gen_reg;

wire x_load = !x_valid_reg || x_done;
wire r_take = r_valid && x_load;
assign r_take_last = x_load && (r_op != NMW_HW_REPLACE[1:0] || second_reg);

// ---- the book in hand ------------------------------------------------------------------------------
// It is that of the execute stage. When a command of another one is taken, its best levels come from
// distributed RAM; those that were in hand stay in a shadow for a cycle (x_swap), in which the command
// before it is still in the write stage, and are then put away.
reg               x_swap_reg;
reg [SYM_W-1:0]   s_sym_reg; // book in the shadow
wire              load = r_take && r_sym != x_sym_reg;
wire              back = x_swap_reg && r_sym == s_sym_reg; // the one that is just put away

// ---- RAMs: write stage registers -------------------------------------------------------------------
reg               w_lvl_we_reg, w_lvl_other_reg; // but for an order that is off, as for checks and free slots
reg               w_join_reg, w_del_reg;         // joins a level, is off
reg               w_cut_reg, w_less_reg;         // is to be reduced, has more shares than are to stay
reg               y_first_reg, y_final_reg; // the order was the first, the last of its level
reg               w_fresh_reg; // an order on a level that had none: its head is its tail
reg               w_bad_reg;   // there is no such order
reg               w_who_we_reg, w_qty_we_reg;
reg [KEY_W-1:0]   w_lvl_addr_reg;
reg [LVL_W-1:0]   w_lvl_data_reg;
reg [1:0]         w_ord_who_reg;  // 0 the order of the command, 1 a new one, 2 a maker
reg [SLOT_W-1:0]  w_ord_addr_reg;
reg               w_ord_live_reg;
reg [GEN_W-1:0]   w_ord_gen_reg;
reg [KEY_W-1:0]   w_ord_key_reg;
reg [OWNER_W-1:0] w_ord_owner_reg;
reg [QTY_W-1:0]   w_ord_qty_reg;
reg [SLOT_W-1:0]  w_next_addr_reg, w_next_data_reg, w_prev_addr_reg, w_prev_data_reg;
wire w_we = w_lvl_we_reg || w_del_reg; // of levels and checks
wire w_qty_we = w_qty_we_reg || (w_cut_reg && w_less_reg);
wire w_next_we = w_join_reg || (w_del_reg && !y_first_reg);
wire w_prev_we = w_join_reg || (w_del_reg && !y_final_reg);
// an order that is off makes the next one the first, the one before the last
wire [LVL_W-1:0] w_lvl = {w_lvl_data_reg[LVL_W-1] && !(w_del_reg && y_first_reg && y_final_reg),
	w_del_reg && y_first_reg ? w_next_data_reg : w_fresh_reg ? w_lvl_data_reg[0 +: SLOT_W] : w_lvl_data_reg[SLOT_W +: SLOT_W],
	w_del_reg && y_final_reg ? w_prev_data_reg : w_lvl_data_reg[0 +: SLOT_W]};
wire [WHO_W-1:0] w_who = {w_ord_gen_reg, w_ord_owner_reg};
wire [CHK_W-1:0] w_chk = {w_ord_live_reg, w_ord_gen_reg, w_ord_key_reg};

wire [LVL_W-1:0]   a_lvl, a_lvl_written, f_lvl;
wire [CHK_W-1:0]   a_chk, a_chk_written;
wire [SLOT_W-1:0]  a_next, a_next_written, a_prev, a_prev_written, b_next, f_next;
wire [WHO_W-1:0]   b_who, f_who;
wire [QTY_W-1:0]   a_qty, a_qty_written, b_qty, f_qty;
wire               a_lvl_hit, a_chk_hit, a_qty_hit, a_next_hit, a_prev_hit;
wire [KEY_W-1:0]   f_lvl_addr;
wire [SLOT_W-1:0]  b_addr, f_addr;

nmw_mem #(.ADDR_W(KEY_W), .DATA_W(LVL_W)) level_a (.clk(clk), .we(w_we),
	.waddr(w_lvl_addr_reg), .wdata(w_lvl), .raddr(r_key),
	.stored(a_lvl), .hit(a_lvl_hit), .written(a_lvl_written));
nmw_ram #(.ADDR_W(KEY_W), .DATA_W(LVL_W)) level_f (.clk(clk), .we(w_we),
	.waddr(w_lvl_addr_reg), .wdata(w_lvl), .raddr(f_lvl_addr), .rdata(f_lvl));
nmw_mem #(.ADDR_W(SLOT_W), .DATA_W(CHK_W)) check_a (.clk(clk), .we(w_we),
	.waddr(w_ord_addr_reg), .wdata(w_chk), .raddr(h_slot),
	.stored(a_chk), .hit(a_chk_hit), .written(a_chk_written));
nmw_ram #(.ADDR_W(SLOT_W), .DATA_W(WHO_W), .LATE(1)) who_b (.clk(clk), .we(w_who_we_reg),
	.waddr(w_ord_addr_reg), .wdata(w_who), .raddr(b_addr), .rdata(b_who));
nmw_ram #(.ADDR_W(SLOT_W), .DATA_W(WHO_W), .LATE(1)) who_f (.clk(clk), .we(w_who_we_reg),
	.waddr(w_ord_addr_reg), .wdata(w_who), .raddr(f_addr), .rdata(f_who));
nmw_mem #(.ADDR_W(SLOT_W), .DATA_W(QTY_W)) qty_a (.clk(clk), .we(w_qty_we),
	.waddr(w_ord_addr_reg), .wdata(w_ord_qty_reg), .raddr(h_slot),
	.stored(a_qty), .hit(a_qty_hit), .written(a_qty_written));
nmw_ram #(.ADDR_W(SLOT_W), .DATA_W(QTY_W), .LATE(1)) qty_b (.clk(clk), .we(w_qty_we),
	.waddr(w_ord_addr_reg), .wdata(w_ord_qty_reg), .raddr(b_addr), .rdata(b_qty));
nmw_ram #(.ADDR_W(SLOT_W), .DATA_W(QTY_W), .LATE(1)) qty_f (.clk(clk), .we(w_qty_we),
	.waddr(w_ord_addr_reg), .wdata(w_ord_qty_reg), .raddr(f_addr), .rdata(f_qty));
nmw_mem #(.ADDR_W(SLOT_W), .DATA_W(SLOT_W)) next_a (.clk(clk), .we(w_next_we),
	.waddr(w_next_addr_reg), .wdata(w_next_data_reg), .raddr(h_slot),
	.stored(a_next), .hit(a_next_hit), .written(a_next_written));
nmw_ram #(.ADDR_W(SLOT_W), .DATA_W(SLOT_W), .LATE(1)) next_b (.clk(clk), .we(w_next_we),
	.waddr(w_next_addr_reg), .wdata(w_next_data_reg), .raddr(b_addr), .rdata(b_next));
nmw_ram #(.ADDR_W(SLOT_W), .DATA_W(SLOT_W), .LATE(1)) next_f (.clk(clk), .we(w_next_we),
	.waddr(w_next_addr_reg), .wdata(w_next_data_reg), .raddr(f_addr), .rdata(f_next));
nmw_mem #(.ADDR_W(SLOT_W), .DATA_W(SLOT_W)) prev_a (.clk(clk), .we(w_prev_we),
	.waddr(w_prev_addr_reg), .wdata(w_prev_data_reg), .raddr(h_slot),
	.stored(a_prev), .hit(a_prev_hit), .written(a_prev_written));

// ---- free slots ------------------------------------------------------------------------------------
reg              w_free_reg;
wire             w_free = w_free_reg || w_del_reg;
reg [SLOT_W-1:0] w_free_slot_reg;
reg [GEN_W-1:0]  w_free_gen_reg;
wire             al_valid, al_get, al_none;
wire [SLOT_W-1:0] al_slot;
wire [GEN_W-1:0]  al_gen;
nmw_freelist #(.SLOT_W(SLOT_W), .GEN_W(GEN_W)) slots (
	.clk(clk), .rst(rst), .put(w_free), .put_slot(w_free_slot_reg), .put_gen(w_free_gen_reg),
	.valid(al_valid), .get(al_get), .slot(al_slot), .gen(al_gen), .none(al_none), .count(free));

// ---- what the write stage is about to write, for the read of the same address --------------------------
// Addresses are compared while the RAMs are read; which of them was written is known a cycle later.
wire other = !x_side_reg;
wire [L-1:0] o_best_idx;
wire [SLOT_W-1:0] o_best_slot;
wire [LVL_W-1:0] lv;
wire [SLOT_W-1:0] od_next, od_prev;
reg hit_lvl_own_reg, hit_lvl_other_reg;
reg hit_ord_own_reg, hit_ord_new_reg, hit_ord_maker_reg;
reg hit_gen_reg, ok_written_reg, less_written_reg, first_written_reg, final_written_reg;
always @(posedge clk) begin
	hit_lvl_own_reg <= r_key == {x_sym_reg, x_side_reg, x_idx_reg};
	hit_lvl_other_reg <= r_key == {x_sym_reg, other, o_best_idx};
	hit_ord_own_reg <= h_slot == x_slot_reg;
	hit_ord_new_reg <= h_slot == al_slot;
	hit_ord_maker_reg <= h_slot == o_best_slot;
	// what the check of a handle finds when its order is just written
	hit_gen_reg <= h_gen == al_gen;
	ok_written_reg <= w_chk == {1'b1, h_gen, h_sym, h_sell, h_px ^ {L{h_sell}}};
	less_written_reg <= r_qty < w_ord_qty_reg;
	first_written_reg <= h_slot == w_lvl[SLOT_W +: SLOT_W];
	final_written_reg <= h_slot == w_lvl[0 +: SLOT_W];
end
wire hit_lvl = w_we && (w_lvl_other_reg ? hit_lvl_other_reg : hit_lvl_own_reg);
wire hit_ord = w_ord_who_reg == 2'd0 ? hit_ord_own_reg
	: w_ord_who_reg == 2'd1 ? hit_ord_new_reg : hit_ord_maker_reg;
wire hit_next = w_next_we && w_next_addr_reg == x_slot_reg;
wire hit_prev = w_prev_we && w_prev_addr_reg == x_slot_reg;

// A command that stays more than a cycle keeps what it read in the first. What comes from the RAMs is
// the latest: all is compared with it, and with what stands in for it, before it is chosen.
reg [LVL_W-1:0]  lv_hold_reg;
reg              ok_hold_reg;
reg [QTY_W-1:0]  qty_hold_reg;
reg [SLOT_W-1:0] next_hold_reg, prev_hold_reg;
wire hit_chk = w_we && hit_ord;
wire hit_qty = w_qty_we && hit_ord;
wire lv_alt = !x_first_reg || hit_lvl || a_lvl_hit;
wire chk_alt = !x_first_reg || hit_chk || a_chk_hit;
wire qty_alt = !x_first_reg || hit_qty || a_qty_hit;
wire next_alt = !x_first_reg || hit_next || a_next_hit;
wire prev_alt = !x_first_reg || hit_prev || a_prev_hit;
wire [LVL_W-1:0]  lv_else = !x_first_reg ? lv_hold_reg : hit_lvl ? w_lvl : a_lvl_written;
wire [QTY_W-1:0]  qty_else = !x_first_reg ? qty_hold_reg : hit_qty ? w_ord_qty_reg : a_qty_written;
wire [SLOT_W-1:0] next_else = !x_first_reg ? next_hold_reg : hit_next ? w_next_data_reg : a_next_written;
wire [SLOT_W-1:0] prev_else = !x_first_reg ? prev_hold_reg : hit_prev ? w_prev_data_reg : a_prev_written;
assign lv = lv_alt ? lv_else : a_lvl;
wire [QTY_W-1:0] od_qty = qty_alt ? qty_else : a_qty;
assign od_next = next_alt ? next_else : a_next;
assign od_prev = prev_alt ? prev_else : a_prev;

wire              lv_some = lv[LVL_W-1];
wire [SLOT_W-1:0] lv_head = lv[2*SLOT_W-1:SLOT_W];
wire [SLOT_W-1:0] lv_tail = lv[SLOT_W-1:0];
wire [CHK_W-1:0]  x_chk = {1'b1, x_gen_reg, x_sym_reg, x_side_reg, x_idx_reg};
wire ok_else = !x_first_reg ? ok_hold_reg
	: hit_chk ? w_ord_live_reg && hit_lvl_own_reg && hit_gen_reg : ok_written_reg;
localparam CHK_PARTS = (CHK_W + 17) / 18;
wire [CHK_PARTS-1:0] ok_parts;
nmw_same #(.W(CHK_W)) same_check (.a(a_chk), .b(x_chk), .same(ok_parts));
wire ok_ram = &ok_parts;
wire od_ok = chk_alt ? ok_else : ok_ram;
wire head_else = !x_first_reg ? y_first_reg : hit_lvl ? x_slot_reg == w_lvl[SLOT_W +: SLOT_W] : first_written_reg;
wire [(SLOT_W+17)/18-1:0] head_parts, tail_parts;
nmw_same #(.W(SLOT_W)) same_head (.a(x_slot_reg), .b(a_lvl[2*SLOT_W-1:SLOT_W]), .same(head_parts));
nmw_same #(.W(SLOT_W)) same_tail (.a(x_slot_reg), .b(a_lvl[SLOT_W-1:0]), .same(tail_parts));
wire head_ram = &head_parts;
wire tail_else = !x_first_reg ? y_final_reg : hit_lvl ? x_slot_reg == w_lvl[0 +: SLOT_W] : final_written_reg;
wire tail_ram = &tail_parts;
wire is_head = lv_alt ? head_else : head_ram;
wire is_tail = lv_alt ? tail_else : tail_ram;
always @(posedge clk) begin
	lv_hold_reg <= lv;
	ok_hold_reg <= od_ok;
	qty_hold_reg <= od_qty;
	next_hold_reg <= od_next;
	prev_hold_reg <= od_prev;
end

// ---- best levels of the book in hand -----------------------------------------------------------------
wire [1:0] meet; // the best level is within the limit
reg  y_in_reach_reg; // the level of the command before is
wire [1:0] q_best, q_hv, q_last, q_full, q_dropped, q_append, q_end;
wire [2*L-1:0] q_idx;
wire [2*SLOT_W-1:0] q_slot, q_tail, q_next, q_ld;
wire [2*GEN_W-1:0] q_gen;
wire [2*OWNER_W-1:0] q_owner;
wire [2*QTY_W-1:0] q_qty;
wire [2*L-1:0] q_floor;
wire [1:0] q_more;
wire [2*K-1:0] q_used;
wire [1:0] y_hidden;
wire add, del;
wire [1:0] part, pop_level, pop_order;
wire [2*QTY_W-1:0] part_qty;
// a command of a side in the write stage, as the best levels see it
reg [1:0] y_own_reg, y_ins_reg, y_join_reg, y_side_reg;
reg [SLOT_W-1:0] y_next_reg;
reg              w_bit_reg, w_bit_set_reg;
reg [C_W-1:0]    w_bit_c_reg;
reg [L-1:0]      w_bit_idx_reg;
reg  ld_read_reg;
reg  [SLOT_W-1:0] ld_slot_reg;
// What was read may just be written: but it is only taken when no command of its side is in the write
// stage, or one of a worse level.
wire ld_ok = ld_read_reg;

wire               se_valid, se_end, se_clash, se_last;
wire [L-1:0]       se_idx;
wire [SLOT_W-1:0]  se_head, se_tail;
wire [ORDER_W-1:0] se_order;
wire unused = &{1'b0, a_chk_written, se_clash}; // ok_written_reg says it; nothing is changed while orders are counted

`ifdef FORMAL_CORE
wire [2*K*ENTRY_W-1:0] f_entries;
wire [1:0] f_sec_v;
wire [2*ORDER_W-1:0] f_sec;
wire [4*K-1:0] f_at;
`endif
genvar s;
generate
	for (s = 0; s < 2; s = s + 1) begin : side
		(* ram_style = "distributed" *)
		reg [STATE_W-1:0] away [0:(1 << SYM_W)-1]; // the books that are not in hand
		(* ram_style = "distributed" *)
		reg [L:0] away_best [0:(1 << SYM_W)-1]; // of these the best level, for a command that may trade with it
		wire [STATE_W-1:0] put;
		wire [L:0] put_best;
		wire [SYM_W-1:0] put_sym = init ? init_reg[SYM_W-1:0] : s_sym_reg;
		always @(posedge clk)
			if (init || x_swap_reg) begin
				away[put_sym] <= init ? {STATE_W{1'b0}} : put;
				away_best[put_sym] <= init ? {(L+1){1'b0}} : put_best;
			end
		nmw_bestq #(.L(L), .SLOT_W(SLOT_W), .GEN_W(GEN_W), .OWNER_W(OWNER_W), .QTY_W(QTY_W),
			.K(K)) levels (
			.clk(clk), .rst(rst), .load(load), .load_back(back), .load_state(away[r_sym]), .put(put), .put_best(put_best),
			.x_idx(x_idx_reg), .x_load(x_load), .r_change(r_sym_cmd != x_sym_reg), .r_back(x_swap_reg && r_sym_cmd == s_sym_reg),
			.r_best(away_best[r_sym_cmd]), .x_reach(x_reach_reg), .r_reach(r_reach),
			.y_in_reach(y_in_reach_reg), .y_shadow(x_swap_reg),
			.y_own(y_own_reg[s]), .y_ins(y_ins_reg[s]), .y_join(y_join_reg[s]), .y_off(w_del_reg && y_side_reg[s]),
			.y_red(w_cut_reg && w_less_reg && y_side_reg[s]), .y_first(y_first_reg), .y_final(y_final_reg),
			.y_idx(w_bit_idx_reg), .y_head(w_lvl[SLOT_W +: SLOT_W]), .y_tail(w_lvl[0 +: SLOT_W]), .y_next(y_next_reg),
			.y_gen(w_ord_gen_reg), .y_owner(w_ord_owner_reg), .y_qty(w_ord_qty_reg),
			.part(part[s]), .part_qty(part_qty[s*QTY_W +: QTY_W]), .pop_level(pop_level[s]),
			.pop_order(pop_order[s]),
			.append(q_append[s]), .ap_idx(se_idx), .ap_head(se_head), .ap_tail(se_tail),
			.ap_last(se_last),
			.ap_order(se_order), .end_of(q_end[s]),
			.ld_addr(q_ld[s*SLOT_W +: SLOT_W]), .ld_ok(ld_ok), .ld_slot(ld_slot_reg),
			.ld_order({b_who, b_qty, b_next}),
			.best(q_best[s]), .meet(meet[s]), .best_hv(q_hv[s]), .best_last(q_last[s]),
			.best_idx(q_idx[s*L +: L]), .best_slot(q_slot[s*SLOT_W +: SLOT_W]),
			.best_tail(q_tail[s*SLOT_W +: SLOT_W]), .best_next(q_next[s*SLOT_W +: SLOT_W]),
			.best_gen(q_gen[s*GEN_W +: GEN_W]), .best_owner(q_owner[s*OWNER_W +: OWNER_W]),
			.best_qty(q_qty[s*QTY_W +: QTY_W]), .more(q_more[s]), .floor(q_floor[s*L +: L]),
`ifdef FORMAL_CORE
			.f_entries(f_entries[s*K*ENTRY_W +: K*ENTRY_W]), .f_sec_v(f_sec_v[s]),
			.f_sec(f_sec[s*ORDER_W +: ORDER_W]), .f_at(f_at[s*2*K +: 2*K]),
`endif
			.used(q_used[s*K +: K]), .y_hidden(y_hidden[s]), .full(q_full[s]), .dropped(q_dropped[s]));
	end
endgenerate

wire o_last = q_last[other];
assign o_best_idx = other ? q_idx[L +: L] : q_idx[0 +: L];
assign o_best_slot = other ? q_slot[SLOT_W +: SLOT_W] : q_slot[0 +: SLOT_W];
wire [SLOT_W-1:0] o_tail = other ? q_tail[SLOT_W +: SLOT_W] : q_tail[0 +: SLOT_W];
wire [SLOT_W-1:0] o_next = other ? q_next[SLOT_W +: SLOT_W] : q_next[0 +: SLOT_W];
wire [GEN_W-1:0] o_gen = other ? q_gen[GEN_W +: GEN_W] : q_gen[0 +: GEN_W];
wire [QTY_W-1:0] o_part_qty = other ? part_qty[QTY_W +: QTY_W] : part_qty[0 +: QTY_W];
wire [QTY_W-1:0] o_qty = other ? q_qty[QTY_W +: QTY_W] : q_qty[0 +: QTY_W];

// ---- does it trade -------------------------------------------------------------------------------------
// Whether a best level is within the limit is known as the stage begins (meet); shares and owners of both sides
// are compared before it is known which one counts. A level that comes or goes in the write stage is not yet
// among the best ones: a command that it may concern waits a cycle.
wire market = x_flags_reg[1];
wire ioc = x_flags_reg[0];
wire post_only = x_flags_reg[2];
wire own_leaves = x_flags_reg[3];
wire [1:0] y_meet, unknown_of, mine_of, maker_off, all_filled, theirs;
generate
	for (s = 0; s < 2; s = s + 1) begin : meeting
		wire maker_more, taker_more;
		nmw_over #(.W(QTY_W)) of_maker (.a(q_qty[s*QTY_W +: QTY_W]), .b(x_left_reg), .over(maker_more));
		nmw_over #(.W(QTY_W)) of_taker (.a(x_left_reg), .b(q_qty[s*QTY_W +: QTY_W]), .over(taker_more));
		assign y_meet[s] = (y_ins_reg[s] || y_join_reg[s]) && !x_swap_reg && y_in_reach_reg;
		assign unknown_of[s] = !q_best[s] && q_more[s];
		assign mine_of[s] = x_owned_reg && x_owner_reg == q_owner[s*OWNER_W +: OWNER_W];
		assign maker_off[s] = !maker_more;
		assign all_filled[s] = !taker_more;
		assign part_qty[s*QTY_W +: QTY_W] = q_qty[s*QTY_W +: QTY_W] - x_left_reg;
		assign theirs[s] = x_side_reg != s[0]; // the side that it may trade with
	end
endgenerate
wire unknown = |(theirs & unknown_of);
wire crosses = |(theirs & meet);
wire [1:0] y_here = y_own_reg & {2{!x_swap_reg}};
wire y_pending = |(theirs & y_here);

// ---- search below the best levels ----------------------------------------------------------------------
// For the side that an order in the execute stage trades with, else for the one that has room. Also
// when there is no room the next word is in hand already.
reg  se_side_reg, walk_reg, walk_search_reg;
wire need_bid = q_more[0] && !q_full[0];
wire need_ask = q_more[1] && !q_full[1];
wire se_need = se_side_reg ? need_ask : need_bid;
wire other_need = se_side_reg ? need_bid : need_ask;
wire takes = x_valid_reg && x_enter_reg;
wire turn = walk_reg ? walk_search_reg && se_side_reg != other
	: (other_need && !se_need)
	|| (takes && (crosses || unknown) && other != se_side_reg && (se_side_reg ? q_more[0] : q_more[1])
		&& (!x_first_reg || !se_need));
reg  se_stop_reg; // the side was changed; x_swap_reg says that the book was
wire se_stop = se_stop_reg || x_swap_reg || q_dropped[se_side_reg];
// a change that the search minds is one of its side
wire se_take = se_valid && !se_stop && !walk_reg && !y_own_reg[se_side_reg] && !q_full[se_side_reg];
wire walk_take, walk_done;
reg  [L-1:0] walk_floor_reg;
wire [L-1:0] se_floor = walk_reg ? walk_floor_reg
	: se_side_reg ? q_floor[L +: L] : q_floor[0 +: L];
wire [C_W-1:0] se_c = {x_sym_reg, se_side_reg};
wire [K-1:0] se_used = walk_reg ? {1'b0, {(K-1){1'b1}}} // one at a time
	: se_side_reg ? q_used[K +: K] : q_used[0 +: K];
wire se_run = walk_reg ? walk_search_reg && se_side_reg == other : se_side_reg ? q_more[1] : q_more[0];
assign q_append = {se_take && se_side_reg, se_take && !se_side_reg};
wire se_end_ok = se_end && !se_stop && !walk_reg && !y_own_reg[se_side_reg];
assign q_end = {se_end_ok && se_side_reg, se_end_ok && !se_side_reg};

wire [1:0]       y_below = y_own_reg & y_hidden;
wire             w_bit = w_bit_reg || (w_del_reg && y_first_reg && y_final_reg);
wire             t_mine = se_side_reg ? y_below[1] : y_below[0];
wire             t_below = |y_below;
wire             p1_valid, p2_valid;
wire [C_W-1:0]   p1_c, p2_c;
wire [C_W+L-B-1:0] word_addr;
wire [(1<<B)-1:0]  word;
wire [(1<<(L-B))-1:0] row;

nmw_bitmap #(.C_W(C_W), .L(L), .B(B)) bitmap (
	.clk(clk), .rst(rst), .clear(init), .clear_at(init_reg[C_W+L-B-1:0]),
	.u_valid(w_bit), .u_c(w_bit_c_reg), .u_idx(w_bit_idx_reg), .u_set(w_bit_set_reg),
	.p1_valid(p1_valid), .p1_c(p1_c),
	.p2_valid(p2_valid), .p2_c(p2_c),
	.s_addr(word_addr), .s_word(word), .row_c(se_c), .row(row));

nmw_search #(.C_W(C_W), .L(L), .B(B), .SLOT_W(SLOT_W), .ORDER_W(ORDER_W), .K(K)) search (
	.clk(clk), .rst(rst || !ready_reg),
	.run(se_run), .stop(se_stop), .many(takes && other == se_side_reg && !walk_reg),
	.c(se_c), .floor(se_floor), .used(se_used), .raised(|q_dropped),
	.t_mine(t_mine), .t_below(t_below), .t_idx(w_bit_idx_reg), .u_valid(w_bit), .u_set(w_bit_set_reg),
	.p1_valid(p1_valid), .p1_c(p1_c), .p2_valid(p2_valid), .p2_c(p2_c),
	.row(row), .word_addr(word_addr), .word(word),
	.level_addr(f_lvl_addr), .level(f_lvl), .order_addr(f_addr), .order({f_who, f_qty, f_next}),
	.out_valid(se_valid), .out_get(se_take || walk_take), .out_idx(se_idx),
	.out_head(se_head), .out_tail(se_tail), .out_last(se_last), .out_order(se_order),
	.out_end(se_end), .clash(se_clash));

always @(posedge clk) begin
	se_stop_reg <= turn || walk_done;
	if (turn)
		se_side_reg <= !se_side_reg;
	if (rst) begin
		se_stop_reg <= 1'b1;
		se_side_reg <= 1'b0;
	end
end

// ---- next orders: of the side that the command may trade with, else of either in turn -----------------------
reg  ld_turn_reg;
reg  walk_ld_reg;
reg  [SLOT_W-1:0] walk_slot_reg;
wire ld_side = takes ? other : ld_turn_reg;
assign b_addr = walk_reg ? walk_slot_reg
	: ld_side ? q_ld[SLOT_W +: SLOT_W] : q_ld[0 +: SLOT_W];
always @(posedge clk) begin
	ld_turn_reg <= !ld_turn_reg;
	ld_slot_reg <= b_addr;
	ld_read_reg <= !walk_reg;
	if (rst)
		ld_read_reg <= 1'b0;
end

// ---- execute: decide -----------------------------------------------------------------------------------------
wire room; // for an event

// minimum quantity: counted once, before anything trades
reg  min_done_reg, min_ok_reg;
wire min_open = x_has_min_reg && !min_done_reg;
wire min_short = x_has_min_reg && min_done_reg && !min_ok_reg;

// which of the ways an ENTER can go, in this cycle
wire gone = x_gone_reg && room;
wire e_bad = x_bad_reg && !x_gone_reg && room;
wire good = x_good_reg && !x_gone_reg && room;
wire e_min = good && min_short;
wire goes = good && !(x_has_min_reg && !(min_done_reg && min_ok_reg));
wire [1:0] at = theirs & ~y_here;                          // their best level stands
wire [1:0] met = {2{goes && !post_only}} & at & q_hv;      // and its first order is here
wire [1:0] posts = {2{good && post_only}} & at & meet;
wire [1:0] acts = met & meet;
wire [1:0] pops = {2{own_leaves}} & mine_of | ~mine_of & maker_off;
assign pop_level = met & q_last & meet & pops;
assign pop_order = met & ~q_last & meet & pops;
assign part = met & meet & ~mine_of & ~maker_off;
wire [1:0] fills = acts & ~mine_of;
wire [1:0] ends = acts & (mine_of & {2{!own_leaves}} | ~mine_of & all_filled) | posts;
wire e_post = |posts;
wire e_self = |(acts & mine_of) && !own_leaves;
wire e_own = |(acts & mine_of) && own_leaves;
wire e_fill = |fills;
wire pop = |(pop_level | pop_order);
wire parts = |part;
// it does not meet anything
wire [1:0] misses = theirs & ~unknown_of & ~meet & ~y_meet;
wire clear = |misses;
wire never = ioc || market;
wire e_ioc = goes && never && clear;
wire e_rest = goes && !never && al_valid && clear;
wire e_full = goes && !never && !al_valid && al_none && clear;

wire c_all = x_off_reg && room; // all shares are off
wire c_part = x_cut_reg && room;
wire c_run = c_all || c_part;
wire less_else = !x_first_reg ? w_less_reg : hit_qty ? x_left_reg < w_ord_qty_reg : less_written_reg;
wire less_ram = x_left_reg < a_qty;
wire less = qty_alt ? less_else : less_ram;
wire c_bad = c_run && !od_ok;

assign add = e_rest;
assign del = c_all && od_ok;
`ifdef FORMAL_CORE
wire reduce = c_part && od_ok && less;
`endif
assign al_get = e_rest;
assign x_done = gone || e_bad || e_min || c_run || |ends || (goes && (never || al_valid || al_none) && clear);

always @(posedge clk) begin
	x_first_reg <= x_load;
	if (x_load) begin // without a command it is of no account what they are
		x_enter_reg <= r_enter;
		x_rep1_reg <= r_op == NMW_HW_REPLACE[1:0] && !second_reg;
		x_side_reg <= r_side;
		x_idx_reg <= r_idx;
		x_reach_reg <= r_reach;
		y_in_reach_reg <= x_idx_reg >= r_reach;
		x_owned_reg <= r_owner != {OWNER_W{1'b0}};
		x_has_min_reg <= r_min != {QTY_W{1'b0}};
		x_flags_reg <= r_flags;
		x_min_reg <= r_min;
		x_owner_reg <= r_owner;
		x_tag_reg <= r_tag;
		x_slot_reg <= h_slot;
		x_gen_reg <= h_gen;
	end
	if (x_load) begin
		x_valid_reg <= r_valid;
		// the first half of a REPLACE is just done when the second is taken
		x_good_reg <= r_valid && r_enter && !r_bad;
		x_bad_reg <= r_valid && r_enter && r_bad;
		x_gone_reg <= r_valid && r_second && !od_ok;
		x_off_reg <= r_valid && !r_enter && !(r_cut && r_qty != {QTY_W{1'b0}});
		x_cut_reg <= r_valid && !r_enter && r_cut && r_qty != {QTY_W{1'b0}};
	end
	if (r_take)
		x_sym_reg <= r_sym;
	if (x_load)
		x_left_reg <= r_qty;
	else if (e_fill)
		x_left_reg <= other ? x_left_reg - q_qty[QTY_W +: QTY_W] : x_left_reg - q_qty[0 +: QTY_W];
	x_swap_reg <= load;
	s_sym_reg <= x_sym_reg;
	if (r_take)
		second_reg <= r_op == NMW_HW_REPLACE[1:0] && !second_reg;
	if (rst) begin
		x_valid_reg <= 1'b0;
		x_good_reg <= 1'b0;
		x_bad_reg <= 1'b0;
		x_gone_reg <= 1'b0;
		x_off_reg <= 1'b0;
		x_cut_reg <= 1'b0;
		x_sym_reg <= {SYM_W{1'b0}};
		x_swap_reg <= 1'b0;
		x_enter_reg <= 1'b0;
		second_reg <= 1'b0;
	end
end

// ---- minimum quantity: walk the other side without touching it -------------------------------------------------
// The pipeline stands, the writes under way come to rest (walk_wait_reg: 7 cycles), then the search gives
// the levels from the best on, and the order RAM the orders of each.
reg [2:0]       walk_wait_reg;
reg             walk_order_reg;  // in a level: an order is in walk_qty
reg [QTY_W:0]   walk_sum_reg;
reg [QTY_W-1:0] walk_qty_reg;
reg [OWNER_W-1:0] walk_owner_reg;
reg [SLOT_W-1:0] walk_tail_reg, walk_at_reg;
reg             walk_end_reg;
wire walk_start = good && min_open && !y_pending && !unknown && !(post_only && crosses)
	&& !walk_reg;
wire walk_own = x_owned_reg && walk_owner_reg == x_owner_reg;
reg  walk_enough_reg, walk_over_reg, walk_idle_reg;
wire walk_in_reach = se_idx >= x_reach_reg;
assign walk_take = walk_search_reg && se_valid && !se_stop && !walk_order_reg && !walk_ld_reg
	&& !walk_end_reg;
// the sum is judged a cycle late, the end two: all has come to rest by then
assign walk_done = walk_search_reg && walk_idle_reg;
always @(posedge clk) begin
	walk_enough_reg <= walk_sum_reg >= {1'b0, x_min_reg};
	walk_over_reg <= walk_search_reg && !walk_order_reg && !walk_ld_reg
		&& (walk_end_reg || (se_end && !se_stop && se_side_reg == other));
	walk_idle_reg <= walk_search_reg && !walk_done
		&& (walk_over_reg || walk_enough_reg);
	if (walk_start) begin
		walk_reg <= 1'b1;
		walk_wait_reg <= 3'd7;
		walk_sum_reg <= {(QTY_W+1){1'b0}};
		walk_floor_reg <= {L{1'b0}}; // from the very top
		walk_end_reg <= 1'b0;
	end
	if (walk_reg && walk_wait_reg != 3'd0)
		walk_wait_reg <= walk_wait_reg - 1'b1;
	if (walk_reg && walk_wait_reg == 3'd1)
		walk_search_reg <= 1'b1;
	if (walk_take) begin
		walk_floor_reg <= se_idx;
		walk_tail_reg <= se_tail;
		walk_at_reg <= se_head;
		walk_slot_reg <= se_order[SLOT_W-1:0];
		walk_qty_reg <= se_order[SLOT_W +: QTY_W];
		walk_owner_reg <= se_order[SLOT_W+QTY_W +: OWNER_W];
		walk_order_reg <= walk_in_reach;
		walk_end_reg <= !walk_in_reach;
	end
	walk_ld_reg <= 1'b0;
	if (walk_order_reg) begin
		walk_order_reg <= 1'b0;
		if (!walk_own)
			walk_sum_reg <= walk_sum_reg + {1'b0, walk_qty_reg};
		else if (!own_leaves)
			walk_end_reg <= 1'b1;
		walk_ld_reg <= walk_at_reg != walk_tail_reg && !(walk_own && !own_leaves);
		walk_at_reg <= walk_slot_reg;
	end
	if (walk_ld_reg) begin
		walk_order_reg <= 1'b1;
		walk_qty_reg <= b_qty;
		walk_owner_reg <= b_who[OWNER_W-1:0];
		walk_slot_reg <= b_next;
	end
	if (walk_done) begin
		walk_reg <= 1'b0;
		walk_search_reg <= 1'b0;
		walk_order_reg <= 1'b0;
		walk_ld_reg <= 1'b0;
		min_done_reg <= 1'b1;
		min_ok_reg <= walk_enough_reg;
	end
	if (x_load)
		min_done_reg <= 1'b0;
	if (rst) begin
		walk_reg <= 1'b0;
		walk_search_reg <= 1'b0;
		walk_order_reg <= 1'b0;
		walk_ld_reg <= 1'b0;
		min_done_reg <= 1'b0;
	end
end

// ---- write stage: what the RAMs get --------------------------------------------------------------------------------
wire [KEY_W-1:0] x_key = {x_sym_reg, x_side_reg, x_idx_reg};
wire [KEY_W-1:0] o_key = {x_sym_reg, other, o_best_idx};
wire trades = x_enter_reg && crosses;
always @(posedge clk) begin
	// levels
	w_lvl_we_reg <= init || add || pop;
	w_lvl_other_reg <= trades;
	w_lvl_addr_reg <= init ? init_reg[KEY_W-1:0] : trades ? o_key : x_key;
	w_lvl_data_reg <= trades ? {!o_last, o_next, o_tail}
		: {x_enter_reg || lv_some, lv_head, x_enter_reg ? al_slot : lv_tail};
	if (init)
		w_lvl_data_reg <= {LVL_W{1'b0}};
	w_fresh_reg <= add && !lv_some;
	w_join_reg <= add && lv_some;
	w_del_reg <= del;
	w_cut_reg <= c_part && od_ok;
	w_less_reg <= less;
	w_bad_reg <= c_bad;
	// the bit of the level
	w_bit_reg <= (add && !lv_some) || |pop_level;
	w_bit_set_reg <= add;
	w_bit_c_reg <= trades ? o_key[KEY_W-1:L] : x_key[KEY_W-1:L];
	w_bit_idx_reg <= trades ? o_best_idx : x_idx_reg;
	// for the best levels
	y_side_reg <= {x_side_reg, !x_side_reg};
	y_own_reg <= {2{add || c_run}} & {x_side_reg, !x_side_reg};
	y_ins_reg <= {2{add && !lv_some}} & {x_side_reg, !x_side_reg};
	y_join_reg <= {2{add && lv_some}} & {x_side_reg, !x_side_reg};
	y_first_reg <= is_head;
	y_final_reg <= is_tail;
	y_next_reg <= x_enter_reg ? al_slot : od_next;
	// orders
	w_who_we_reg <= add;
	w_qty_we_reg <= add || parts;
	w_ord_who_reg <= trades ? 2'd2 : x_enter_reg ? 2'd1 : 2'd0;
	w_ord_addr_reg <= init ? init_reg[SLOT_W-1:0] : trades ? o_best_slot : x_enter_reg ? al_slot
		: x_slot_reg;
	w_ord_live_reg <= !init && add;
	w_ord_gen_reg <= trades ? o_gen : x_enter_reg ? al_gen : x_gen_reg;
	w_ord_key_reg <= trades ? o_key : x_key;
	w_ord_owner_reg <= x_owner_reg;
	w_ord_qty_reg <= trades ? o_part_qty : x_left_reg;
	// neighbours
	w_next_addr_reg <= x_enter_reg ? lv_tail : od_prev;
	w_next_data_reg <= x_enter_reg ? al_slot : od_next;
	w_prev_addr_reg <= x_enter_reg ? al_slot : od_next;
	w_prev_data_reg <= x_enter_reg ? lv_tail : od_prev;
	// slots
	w_free_reg <= (init && init_reg[INIT_W-1:SLOT_W] == {(INIT_W-SLOT_W){1'b0}}) || pop;
	w_free_slot_reg <= init ? init_reg[SLOT_W-1:0] : x_enter_reg ? o_best_slot : x_slot_reg;
	w_free_gen_reg <= init ? {GEN_W{1'b0}} : (x_enter_reg ? o_gen : x_gen_reg) + 1'b1;
	if (rst) begin
		w_lvl_we_reg <= 1'b0;
		w_who_we_reg <= 1'b0;
		w_qty_we_reg <= 1'b0;
		w_join_reg <= 1'b0;
		w_del_reg <= 1'b0;
		w_cut_reg <= 1'b0;
		w_bit_reg <= 1'b0;
		y_own_reg <= 2'd0;
		y_ins_reg <= 2'd0;
		y_join_reg <= 2'd0;
		w_free_reg <= 1'b0;
	end
end

// ---- write stage: the event -----------------------------------------------------------------------------------------------
reg                ev_reg, ev_last_reg, ev_sell_reg, ev_maker_off_reg;
reg [2:0]          ev_kind_reg;
reg [3:0]          ev_reason_reg;
reg [SYM_W-1:0]    ev_sym_reg;
reg [L-1:0]        ev_px_reg;
reg [TAG_W-1:0]    ev_tag_reg;
reg [QTY_W-1:0]    ev_mine_reg, ev_other_reg, ev_part_reg;
reg [HANDLE_W-1:0] ev_handle_reg;

wire about_maker = |acts;
wire [2:0] kind = e_fill ? NMW_HW_FILL[2:0] : e_own ? NMW_HW_OWN[2:0] : e_rest ? NMW_HW_RESTED[2:0]
	: x_enter_reg ? NMW_HW_CANCELED[2:0]
	: c_part ? NMW_HW_REJECTED[2:0] : x_rep1_reg ? NMW_HW_REPLACED[2:0] : NMW_HW_CANCELED[2:0];
wire [3:0] reason = e_bad ? NMW_HW_RANGE[3:0] : e_post ? NMW_HW_WOULD_POST[3:0]
	: e_min ? NMW_HW_MIN_QTY[3:0] : e_self ? NMW_HW_SELF[3:0] : e_ioc ? NMW_HW_IMMEDIATE[3:0]
	: e_full ? NMW_HW_FULL[3:0] : c_part ? NMW_HW_NOT_LESS[3:0]
	: NMW_HW_ASKED[3:0];

always @(posedge clk) begin
	ev_reg <= (x_done && !gone) || e_fill || e_own;
	ev_kind_reg <= kind;
	ev_reason_reg <= reason;
	ev_last_reg <= x_done && !(x_rep1_reg && od_ok);
	ev_sell_reg <= about_maker ? other : x_side_reg;
	ev_sym_reg <= x_sym_reg;
	ev_px_reg <= about_maker ? o_best_idx ^ {L{other}} : x_idx_reg ^ {L{x_side_reg}};
	ev_tag_reg <= x_tag_reg;
	ev_mine_reg <= x_left_reg;
	ev_other_reg <= x_enter_reg ? o_qty : od_qty;
	ev_part_reg <= o_part_qty;
	ev_maker_off_reg <= other ? maker_off[1] : maker_off[0];
	if (about_maker)
		ev_handle_reg <= {o_gen, x_sym_reg, other, o_best_idx ^ {L{other}}, o_best_slot};
	else if (!x_enter_reg)
		ev_handle_reg <= {x_gen_reg, x_sym_reg, x_side_reg, x_idx_reg ^ {L{x_side_reg}}, x_slot_reg};
	else
		ev_handle_reg <= e_rest
			? {al_gen, x_sym_reg, x_side_reg, x_idx_reg ^ {L{x_side_reg}}, al_slot}
			: {HANDLE_W{1'b0}};
	if (rst)
		ev_reg <= 1'b0;
end

// an order is taken to be there until it is known that it is not, a reduction is rejected until it is known
// that there is enough to take off
wire ev_reduced = w_cut_reg && w_less_reg;
wire [2:0] ev_kind = w_bad_reg ? NMW_HW_REJECTED[2:0] : ev_reduced ? NMW_HW_REDUCED[2:0] : ev_kind_reg;
wire [3:0] ev_reason = w_bad_reg ? NMW_HW_UNKNOWN[3:0] : ev_reduced ? NMW_HW_ASKED[3:0] : ev_reason_reg;
reg [QTY_W-1:0] ev_qty, ev_left;
always @* begin
	ev_qty = ev_mine_reg;
	ev_left = {QTY_W{1'b0}};
	case (ev_kind)
	NMW_HW_FILL[2:0]: begin
		ev_qty = ev_maker_off_reg ? ev_other_reg : ev_mine_reg;
		ev_left = ev_maker_off_reg ? {QTY_W{1'b0}} : ev_part_reg;
	end
	NMW_HW_OWN[2:0]: begin
		ev_qty = ev_other_reg;
		ev_left = ev_mine_reg;
	end
	NMW_HW_REPLACED[2:0]:
		ev_qty = ev_other_reg;
	NMW_HW_REDUCED[2:0]: begin
		ev_qty = ev_other_reg - ev_mine_reg;
		ev_left = ev_mine_reg;
	end
	NMW_HW_REJECTED[2:0]:
		ev_qty = {QTY_W{1'b0}};
	NMW_HW_CANCELED[2:0]: begin
		if (ev_reason == NMW_HW_ASKED[3:0])
			ev_qty = ev_other_reg;
		if (ev_reason == NMW_HW_SELF[3:0])
			ev_left = ev_other_reg;
	end
	default: ;
	endcase
end

// ---- event register, and room behind it for what is under way when it is not taken ---------------------------------------
localparam EVT_W = 3 + 4 + 2 + SYM_W + L + 2*QTY_W + TAG_W + HANDLE_W;
reg              out_valid_reg;
reg [EVT_W-1:0]  out_reg;
wire [EVT_W-1:0] ev = {ev_kind, ev_reason, ev_last_reg, ev_sell_reg, ev_sym_reg, ev_px_reg,
	ev_qty, ev_left, ev_tag_reg, ev_handle_reg};
wire [EVT_W-1:0] spare;
wire             spare_valid;
wire [2:0]       spare_count;
wire out_move = !out_valid_reg || m_evt_ready;
wire spare_put = ev_reg && (spare_valid || !out_move);
wire spare_get = spare_valid && out_move;
nmw_fifo #(.W(EVT_W), .LOG2(2)) spare_fifo (
	.clk(clk), .flush(rst), .put(spare_put), .put_data(ev),
	.valid(spare_valid), .get(spare_get), .data(spare), .count(spare_count));
reg room_reg;
always @(posedge clk) begin
	room_reg <= spare_get ? spare_count - {2'd0, !spare_put} < 3'd2 : spare_count + {2'd0, spare_put} < 3'd2;
	if (out_move) begin
		out_valid_reg <= spare_valid || ev_reg;
		out_reg <= spare_valid ? spare : ev;
	end
	if (rst) begin
		out_valid_reg <= 1'b0;
		room_reg <= 1'b1;
	end
end
assign room = room_reg;
assign m_evt_valid = out_valid_reg;
assign {m_evt_kind, m_evt_reason, m_evt_last, m_evt_sell, m_evt_sym, m_evt_px, m_evt_qty, m_evt_left,
	m_evt_tag, m_evt_handle} = out_reg;

// ---- counters ---------------------------------------------------------------------------------------------------------------
reg stat_cmd_reg, stat_fill_reg, stat_evt_reg, stat_level_reg, stat_head_reg, stat_min_reg, stat_slot_reg;
always @(posedge clk) begin
	stat_cmd_reg <= ev_reg && ev_last_reg;
	stat_fill_reg <= e_fill;
	stat_evt_reg <= x_valid_reg && !room;
	stat_level_reg <= good && (unknown || (y_pending && crosses));
	stat_head_reg <= goes && |(at & meet & ~q_hv);
	stat_min_reg <= good && !unknown && min_open && !e_post;
	stat_slot_reg <= goes && clear && !never && !al_valid && !al_none;
end
assign stat_cmd = stat_cmd_reg;
assign stat_fill = stat_fill_reg;
assign stat_wait_evt = stat_evt_reg;
assign stat_wait_level = stat_level_reg;
assign stat_wait_head = stat_head_reg;
assign stat_wait_min = stat_min_reg;
assign stat_wait_slot = stat_slot_reg;

`ifdef FORMAL_CORE
`include "formal/f_core.vh"
`elsif FORMAL
// the best levels of the book in hand never cross, and which of them an order may trade with is known as it begins
always @(posedge clk)
	if (ready_reg) begin
		assert (!(&q_best && q_idx[0 +: L] >= ~q_idx[L +: L]));
		if (x_valid_reg && x_enter_reg) begin
			assert (meet[0] == (q_best[0] && q_idx[0 +: L] >= x_reach_reg));
			assert (meet[1] == (q_best[1] && q_idx[L +: L] >= x_reach_reg));
		end
	end
`endif

endmodule
`default_nettype wire
