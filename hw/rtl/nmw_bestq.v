// nmw_bestq: the best levels of one side of the book in hand, each with its first order.
//
//      entry 0 (best) | entry 1 | ... | entry K-1      floor: every level at or above it is here
//
// Levels are indices, higher is better. An entry: idx, head and tail of the level's queue, `last`
// (they are the same), and of the head its quantity, owner, generation and next; `hv` says whether
// `last` and these are there, since after a cancel of the level they have to be fetched.
//
// In a cycle at most one of
//   - an order of this side was added, taken off or reduced (`y_`): a command in the write stage,
//     known from registers; it is made here as it is made in the RAMs, in that cycle
//   - the first order of entry 0 is filled in part (`part`) or is off (`pop_level`, `pop_order`):
//     a command in the execute stage, decided late, so that these only choose between data
// Beside the latter: a level from the search is appended, the head of an entry or the second order
// of the best level comes from the order RAM.
//
// `load` brings the levels of another book. What was in hand goes to a shadow for a cycle (`y_shadow`):
// in it a command of the old book that is in the write stage is made there, and `put` is what to
// put away.
//
// Where the level of a command stands among the entries is found while it is in the execute stage
// (`x_idx`), against the entries as they are then; the answers move with the entries.
//
// Whether the best level is within the limit of the command in the execute stage (`meet`) is known as that
// stage begins: all that may be the best one in the next cycle is compared with the limit of the command that
// may stay (`x_reach`) and of the one that may come (`r_reach`), and chosen with the entries.
`default_nettype none
module nmw_bestq #(
	parameter L = 13,
	parameter SLOT_W = 14,
	parameter GEN_W = 8,
	parameter OWNER_W = 16,
	parameter QTY_W = 32,
	parameter K = 6,   // entries, 2 to 8
	parameter ORDER_W = GEN_W + OWNER_W + QTY_W + SLOT_W,
	parameter ENTRY_W = 2 + L + 2*SLOT_W + ORDER_W,
	parameter STATE_W = 1 + L + K + K*ENTRY_W
) (
	input  wire               clk,
	input  wire               rst,
	input  wire               load,
	input  wire               load_back, // what was in hand just before, from the shadow
	input  wire [STATE_W-1:0] load_state, // else this
	output wire [STATE_W-1:0] put,
	output wire [L:0]         put_best,  // best level of it: there is one, idx
	// command of this side in the execute stage
	input  wire [L-1:0]       x_idx,
	// command of either side in the execute stage, and the one that takes its place
	input  wire               x_load,    // it does so
	input  wire               r_change,  // and if it is an ENTER it is of another book
	input  wire               r_back,    // of the one in the shadow
	input  wire [L:0]         r_best,    // or the best level of its book: there is one, idx
	input  wire [L-1:0]       x_reach,   // the worst level of this side that it may trade with
	input  wire [L-1:0]       r_reach,
	input  wire               y_in_reach, // y_idx is at or above x_reach
	// and in the write stage
	input  wire               y_shadow,  // of the book that was in hand before
	input  wire               y_own,     // there is one, of the four that follow
	input  wire               y_ins,     // an order on a level that had none
	input  wire               y_join,    // an order on a level that had some
	input  wire               y_off,     // an order is off
	input  wire               y_red,     // an order is reduced
	input  wire               y_first,   // which was the first of its level
	input  wire               y_final,   // which was the last of it
	input  wire [L-1:0]       y_idx,
	input  wire [SLOT_W-1:0]  y_head,    // of the level, after it
	input  wire [SLOT_W-1:0]  y_tail,
	input  wire [SLOT_W-1:0]  y_next,    // what is behind the first: new order, or the one after that which left
	input  wire [GEN_W-1:0]   y_gen,
	input  wire [OWNER_W-1:0] y_owner,
	input  wire [QTY_W-1:0]   y_qty,
	// command of the other side in the execute stage
	input  wire               part,
	input  wire [QTY_W-1:0]   part_qty,  // that stays
	input  wire               pop_level, // the only order of the best level is off
	input  wire               pop_order, // the first of several
	// search
	input  wire               append,
	input  wire [L-1:0]       ap_idx,
	input  wire [SLOT_W-1:0]  ap_head,
	input  wire [SLOT_W-1:0]  ap_tail,
	input  wire               ap_last,   // these are the same
	input  wire [ORDER_W-1:0] ap_order,
	input  wire               end_of,    // there is nothing below the floor
	// order RAM: what was asked for in the cycle before, void when `ld_ok` is 0
	output wire [SLOT_W-1:0]  ld_addr,   // what is wanted
	input  wire               ld_ok,
	input  wire [SLOT_W-1:0]  ld_slot,
	input  wire [ORDER_W-1:0] ld_order,
	// state
	output wire               best,      // there is a best level
	output wire               meet,      // which is at or above x_reach
	output wire               best_hv,
	output wire               best_last,
	output wire [L-1:0]       best_idx,
	output wire [SLOT_W-1:0]  best_slot,
	output wire [SLOT_W-1:0]  best_tail,
	output wire [SLOT_W-1:0]  best_next,
	output wire [GEN_W-1:0]   best_gen,
	output wire [OWNER_W-1:0] best_owner,
	output wire [QTY_W-1:0]   best_qty,
	output wire               more,      // there may be levels below the floor
	output wire [L-1:0]       floor,
	output wire [K-1:0]       used,      // entries that are taken, the lowest ones
	output wire               y_hidden,  // y_idx is below the floor
	output wire               full,
`ifdef FORMAL_CORE
	output wire [K*ENTRY_W-1:0] f_entries,
	output wire               f_sec_v,
	output wire [ORDER_W-1:0] f_sec,
	output wire [2*K-1:0]     f_at,
`endif
	output wire               dropped    // in the cycle before the floor went up
);

// fields of an order and of an entry
localparam O_NEXT = 0;
localparam O_QTY = SLOT_W;
localparam O_OWNER = SLOT_W + QTY_W;
localparam O_GEN = SLOT_W + QTY_W + OWNER_W;
localparam E_TAIL = ORDER_W;
localparam E_SLOT = ORDER_W + SLOT_W;
localparam E_IDX = ORDER_W + 2*SLOT_W;
localparam E_LAST = ORDER_W + 2*SLOT_W + L;
localparam E_HV = ORDER_W + 2*SLOT_W + L + 1;

reg                 more_reg;   // the floor is not 0
reg [L-1:0]         floor_reg;
reg [K-1:0]         v_reg;
reg [K*ENTRY_W-1:0] e_reg;
reg                 more_s_reg; // the shadow
reg [L-1:0]         floor_s_reg;
reg [K-1:0]         v_s_reg;
reg [K*ENTRY_W-1:0] e_s_reg;
reg [K-1:0]         gt_reg, eq_reg; // entry is better than y_idx, is y_idx: of what the command is made on
reg                 reach_reg;  // y_idx is at or above the floor
reg                 meet_reg;
reg                 dropped_reg;
reg                 sec_v_reg;  // the second order of the best level is in hand
reg [ORDER_W-1:0]   sec_reg;
reg                 want_v_reg; // a head that is to be fetched, of the entries behind the best
reg [SLOT_W-1:0]    want_reg;

// --- the second order of the best level, the heads that are to be fetched
wire [SLOT_W-1:0] e0_next = e_reg[O_NEXT +: SLOT_W];
wire ld_sec = ld_ok && ld_slot == e0_next;
wire sec_ok = sec_v_reg || ld_sec;
wire [ORDER_W-1:0] sec = sec_v_reg ? sec_reg : ld_order;

// What to read next: a head that is missing and not just coming, first of the best level; else the
// order after the next, so that a sweep finds one in every cycle; of a level's last order, the second
// order of the next level. Which head of the others is as of the cycle before: what comes is taken
// by its slot, so that an old wish is harmless.
wire [K-1:0]     comes;
reg [SLOT_W-1:0] want_next;
reg              want_v_next;
integer n;
always @* begin
	want_next = {SLOT_W{1'b0}};
	want_v_next = 1'b0;
	for (n = K-1; n >= 1; n = n - 1)
		if (v_reg[n] && !e_reg[n*ENTRY_W+E_HV]) begin
			want_next = e_reg[n*ENTRY_W+E_SLOT +: SLOT_W];
			want_v_next = 1'b1;
		end
end
wire [SLOT_W-1:0] then = e_reg[E_LAST] ? e_reg[ENTRY_W+O_NEXT +: SLOT_W]
	: sec_v_reg ? sec_reg[O_NEXT +: SLOT_W] : ld_sec ? ld_order[O_NEXT +: SLOT_W] : e0_next;
wire miss = v_reg[0] && !e_reg[E_HV];
assign ld_addr = comes[0] ? ld_order[O_NEXT +: SLOT_W]
	: miss ? e_reg[E_SLOT +: SLOT_W] : want_v_reg ? want_reg : then;

// --- the command in the write stage: on the shadow, or on what is in hand
wire               y_here = y_own && !y_shadow;
wire [K-1:0]       v_op = y_shadow ? v_s_reg : v_reg;
wire [K*ENTRY_W-1:0] e_op = y_shadow ? e_s_reg : e_reg;
wire ins = y_ins && reach_reg;
// Every level at or above the floor is here, so a level that is off is here when it is in reach.
wire off = y_off && y_first && y_final && reach_reg;
wire leave = y_off && !(y_first && y_final);
wire [ENTRY_W-1:0] new_entry = {1'b1, 1'b1, y_idx, y_head, y_tail, y_gen, y_owner, y_qty, y_next};
wire [K-1:0]       up, fresh, low; // these exclude each other
wire [K*ENTRY_W-1:0] made;         // the entries with it
wire [K-1:0]       v_made;

// --- what is in hand, without what a trade does
wire [K*ENTRY_W-1:0] settled;
wire [K-1:0]         first_free;
wire [K*ENTRY_W-1:0] e_next;
wire [K-1:0]         v_next;
wire [ENTRY_W-1:0]   ap_entry = {1'b1, ap_last, ap_idx, ap_head, ap_tail, ap_order};
wire pop_last = e0_next == e_reg[E_TAIL +: SLOT_W];

// --- where the command that is now in the execute stage stands
wire [K-1:0] gt, eq, gt_next, eq_next;
wire gt_new, gt_ap;
wire eq_new = y_idx == x_idx;
wire eq_ap = ap_idx == x_idx;
nmw_over #(.W(L)) over_new (.a(y_idx), .b(x_idx), .over(gt_new));
nmw_over #(.W(L)) over_ap (.a(ap_idx), .b(x_idx), .over(gt_ap));

genvar i;
generate
	for (i = 0; i < K; i = i + 1) begin : entry
		localparam ABOVE = (i == 0) ? 0 : i - 1;
		localparam BELOW = (i == K-1) ? i : i + 1;
		// the command of the write stage
		wire [ENTRY_W-1:0] op = e_op[i*ENTRY_W +: ENTRY_W];
		wire gt_above = (i == 0) ? 1'b1 : gt_reg[ABOVE];
		wire op_above = (i == 0) ? 1'b1 : v_op[ABOVE];
		wire op_below = (i == K-1) ? 1'b0 : v_op[BELOW];
		assign up[i] = ins && !gt_reg[i] && !gt_above;
		assign fresh[i] = ins && !gt_reg[i] && gt_above;
		assign low[i] = off && !gt_reg[i];
		wire moves = (ins || off) && !gt_reg[i];
		wire changed = eq_reg[i] && (y_join || leave);
		wire next_changed = eq_reg[i] && y_join && op[E_LAST];
		wire less = eq_reg[i] && y_red && y_first;
		reg [ENTRY_W-1:0] mod;
		always @* begin
			mod = op;
			if (changed) begin
				mod[E_TAIL +: SLOT_W] = y_tail;
				mod[E_SLOT +: SLOT_W] = y_head;
				mod[E_LAST] = 1'b0; // or it is found when the first order comes
			end
			if (eq_reg[i] && y_off)
				mod[E_HV] = 1'b0;
			if (next_changed)
				mod[O_NEXT +: SLOT_W] = y_next;
			if (less)
				mod[O_QTY +: QTY_W] = y_qty;
		end
		wire [ENTRY_W-1:0] moved = ({ENTRY_W{up[i]}} & e_op[ABOVE*ENTRY_W +: ENTRY_W])
			| ({ENTRY_W{fresh[i]}} & new_entry)
			| ({ENTRY_W{low[i]}} & e_op[BELOW*ENTRY_W +: ENTRY_W]);
		assign made[i*ENTRY_W +: ENTRY_W] = moves ? moved : mod;
		assign v_made[i] = ins ? v_op[i] || op_above : off ? op_below : v_op[i];

		// in hand: with it, or with a head that comes
		wire [ENTRY_W-1:0] e = e_reg[i*ENTRY_W +: ENTRY_W];
		assign comes[i] = ld_ok && !y_here && v_reg[i] && !e[E_HV] && ld_slot == e[E_SLOT +: SLOT_W];
		assign settled[i*ENTRY_W +: ENTRY_W] = comes[i]
			? {1'b1, e[E_SLOT +: SLOT_W] == e[E_TAIL +: SLOT_W], e[E_IDX-1+L:ORDER_W], ld_order}
			: y_shadow ? e : made[i*ENTRY_W +: ENTRY_W];
		// the search appends behind the last
		wire free_below = (i == K-1) ? v_reg[i] : first_free[BELOW];
		assign first_free[i] = !v_reg[i] && ((i == 0) ? 1'b1 : v_reg[ABOVE]);
		wire [ENTRY_W-1:0] kept = append && first_free[i] ? ap_entry : settled[i*ENTRY_W +: ENTRY_W];
		wire [ENTRY_W-1:0] popped = append && free_below ? ap_entry : settled[BELOW*ENTRY_W +: ENTRY_W];
		wire [ENTRY_W-1:0] state;
		if (i == 0) begin : best_entry
			// the first order is off or filled in part
			reg [ENTRY_W-1:0] traded;
			always @* begin
				traded = e;
				traded[O_QTY +: QTY_W] = part_qty;
				if (pop_order)
					traded = {sec_ok, pop_last, e[E_IDX +: L], e0_next, e[E_TAIL +: SLOT_W], sec};
			end
			assign state = part || pop_order ? traded : pop_level ? popped : kept;
		end else begin : others
			assign state = pop_level ? popped : kept;
		end
		assign e_next[i*ENTRY_W +: ENTRY_W] = state;
		wire v_below = (i == K-1) ? 1'b0 : v_reg[BELOW];
		wire v_kept = (append && first_free[i]) || (y_shadow ? v_reg[i] : v_made[i]);
		assign v_next[i] = pop_level ? v_below || (append && free_below) : v_kept;

		// the command of the execute stage, and how what it was held against moves
		wire moves_here = moves && !y_shadow;
		wire over;
		nmw_over #(.W(L)) over_entry (.a(e[E_IDX +: L]), .b(x_idx), .over(over));
		assign gt[i] = v_reg[i] && over;
		assign eq[i] = v_reg[i] && e[E_IDX +: L] == x_idx;
		wire gt_moved = (up[i] && gt[ABOVE]) || (fresh[i] && gt_new) || (low[i] && i != K-1 && gt[BELOW]);
		wire eq_moved = (up[i] && eq[ABOVE]) || (fresh[i] && eq_new) || (low[i] && i != K-1 && eq[BELOW]);
		wire here = append && first_free[i];
		assign gt_next[i] = here ? gt_ap : moves_here ? gt_moved : gt[i];
		assign eq_next[i] = here ? eq_ap : moves_here ? eq_moved : eq[i];
	end
endgenerate

// --- floor: up when a level is pushed out, or finds no room
wire drop = ins && v_op[K-1];
wire [L-1:0] drop_to = gt_reg[K-1] ? e_op[(K-1)*ENTRY_W+E_IDX +: L]
	: gt_reg[K-2] ? y_idx : e_op[(K-2)*ENTRY_W+E_IDX +: L];
wire drop_here = drop && !y_shadow;
wire [L-1:0] floor_op = y_shadow ? floor_s_reg : floor_reg;
wire [L-1:0] floor_made = drop ? drop_to : floor_op;
wire more_made = drop ? drop_to != {L{1'b0}} : y_shadow ? more_s_reg : more_reg;
wire [L-1:0] floor_next = append ? ap_idx : end_of ? {L{1'b0}} : drop_here ? drop_to : floor_reg;
wire more_next = append ? ap_idx != {L{1'b0}} : !end_of && (drop_here ? drop_to != {L{1'b0}} : more_reg);
wire gt_floor;
nmw_over #(.W(L)) over_floor (.a(floor_reg), .b(x_idx), .over(gt_floor));
wire gt_drop = gt_reg[K-1] ? gt[K-1] : gt_reg[K-2] ? gt_new : gt[K-2];
wire reach_next = append ? !gt_ap : end_of || !(drop_here ? gt_drop : gt_floor);
assign put = {more_made, floor_made, v_made, made};
assign put_best = {v_made[0], made[E_IDX +: L]};

// --- the best level of the next cycle and the limits: x of the command that stays, r of the one that comes
wire r_over_0, r_over_1, r_over_s0, r_over_s1, r_over_new, r_over_ap, x_over_1, x_over_ap;
nmw_over #(.W(L)) over_r_0 (.a(r_reach), .b(e_reg[E_IDX +: L]), .over(r_over_0));
nmw_over #(.W(L)) over_r_1 (.a(r_reach), .b(e_reg[ENTRY_W+E_IDX +: L]), .over(r_over_1));
nmw_over #(.W(L)) over_r_s0 (.a(r_reach), .b(e_s_reg[E_IDX +: L]), .over(r_over_s0));
nmw_over #(.W(L)) over_r_s1 (.a(r_reach), .b(e_s_reg[ENTRY_W+E_IDX +: L]), .over(r_over_s1));
nmw_over #(.W(L)) over_r_new (.a(r_reach), .b(y_idx), .over(r_over_new));
nmw_over #(.W(L)) over_r_ap (.a(r_reach), .b(ap_idx), .over(r_over_ap));
nmw_over #(.W(L)) over_x_1 (.a(x_reach), .b(e_reg[ENTRY_W+E_IDX +: L]), .over(x_over_1));
nmw_over #(.W(L)) over_x_ap (.a(x_reach), .b(ap_idx), .over(x_over_ap));
wire y_best = !gt_reg[0] && !y_shadow;
wire x_1 = v_reg[1] && !x_over_1;
wire x_kept = append && first_free[0] ? !x_over_ap : ins && y_best ? y_in_reach : off && y_best ? x_1 : meet_reg;
wire x_popped = append && first_free[1] ? !x_over_ap : x_1;
wire r_1 = v_reg[1] && !r_over_1;
wire r_kept = append && first_free[0] ? !r_over_ap : ins && y_best ? !r_over_new : off && y_best ? r_1 : v_reg[0] && !r_over_0;
wire r_popped = append && first_free[1] ? !r_over_ap : r_1;
wire r_put = ins && !gt_reg[0] ? !r_over_new : off && !gt_reg[0] ? v_s_reg[1] && !r_over_s1 : v_s_reg[0] && !r_over_s0;
wire r_over_away = r_reach > r_best[L-1:0]; // as a carry chain: what comes from a RAM is late
wire r_load = r_back ? r_put : r_best[L] && !r_over_away;
wire r_then_kept = r_change ? r_load : r_kept;
wire r_then_popped = r_change ? r_load : r_popped;
wire meet_next = x_load ? (pop_level ? r_then_popped : r_then_kept) : pop_level ? x_popped : x_kept;

always @(posedge clk) begin
	{more_reg, floor_reg, v_reg, e_reg} <= load ? (load_back ? put : load_state) : {more_next, floor_next, v_next, e_next};
	{more_s_reg, floor_s_reg, v_s_reg, e_s_reg} <= {more_next, floor_next, v_next, e_next};
	gt_reg <= gt_next;
	eq_reg <= eq_next;
	reach_reg <= reach_next;
	meet_reg <= meet_next;
	dropped_reg <= drop;
	want_v_reg <= want_v_next;
	want_reg <= want_next;
	if (!sec_v_reg)
		sec_reg <= ld_order;
	// whatever may touch the best level makes the second order void
	if (load || pop_level || pop_order || (y_here && !gt_reg[0]))
		sec_v_reg <= 1'b0;
	else if (ld_sec && v_reg[0] && e_reg[E_HV] && !e_reg[E_LAST])
		sec_v_reg <= 1'b1;
	if (rst) begin
		more_reg <= 1'b0;
		floor_reg <= {L{1'b0}};
		v_reg <= {K{1'b0}};
		meet_reg <= 1'b0;
		dropped_reg <= 1'b0;
		sec_v_reg <= 1'b0;
		want_v_reg <= 1'b0;
	end
end

`ifdef FORMAL_CORE
assign f_entries = e_reg;
assign f_sec_v = sec_v_reg;
assign f_sec = sec_reg;
assign f_at = {gt_reg, eq_reg};
`endif
assign best = v_reg[0];
assign meet = meet_reg;
assign best_hv = e_reg[E_HV];
assign best_last = e_reg[E_LAST];
assign best_idx = e_reg[E_IDX +: L];
assign best_slot = e_reg[E_SLOT +: SLOT_W];
assign best_tail = e_reg[E_TAIL +: SLOT_W];
assign best_next = e0_next;
assign best_gen = e_reg[O_GEN +: GEN_W];
assign best_owner = e_reg[O_OWNER +: OWNER_W];
assign best_qty = e_reg[O_QTY +: QTY_W];
assign more = more_reg;
assign floor = floor_reg;
assign used = v_reg;
assign y_hidden = !reach_reg;
assign full = v_reg[K-1];
assign dropped = dropped_reg;

endmodule
`default_nettype wire
