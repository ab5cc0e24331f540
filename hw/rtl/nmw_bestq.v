// nmw_bestq: the best levels of one side of the book in hand, each with its first order.
//
//      entry 0 (best) | entry 1 | ... | entry K-1      floor: every level at or above it is here
//
// Levels are indices, higher is better. An entry: idx, head and tail of the level's queue, `last`
// (they are the same), and of the head its quantity, owner, generation and next; `hv` says whether
// that is there, since after a cancel of the head it has to be fetched.
//
// In a cycle at most one of
//   - an order of this side was added, taken off or reduced (`y_`): a command in the write stage,
//     known from registers; it is made here as it is made in the RAMs, in that cycle
//   - the first order of entry 0 is filled in part (`part`) or is off (`pop_level`, `pop_order`):
//     a command in the execute stage, decided late, so that these only choose between data
// Beside the latter: a level from the search is appended, the head of an entry or the second order
// of the best level comes from the order RAM. A change of the book (`swap`) loads all of it;
// `state_next` is what to put away.
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
	parameter STATE_W = L + 1 + K + K*ENTRY_W
) (
	input  wire               clk,
	input  wire               rst,
	input  wire               swap,
	input  wire [STATE_W-1:0] swap_in,
	output wire [STATE_W-1:0] state_next,
	// command of this side in the write stage
	input  wire               y_own,     // there is one, of the four that follow
	input  wire               y_ins,     // an order on a level that had none
	input  wire               y_join,    // an order on a level that had some
	input  wire               y_del,     // the only order of a level is off
	input  wire               y_leave,   // one of several is off
	input  wire               y_leave_head, // and it was the first
	input  wire               y_leave_second, // it was the one behind the first
	input  wire               y_less,    // the first order of a level is reduced
	input  wire [L-1:0]       y_idx,
	input  wire [SLOT_W-1:0]  y_head,    // of the level, after it
	input  wire [SLOT_W-1:0]  y_tail,
	input  wire               y_last,    // these are the same
	input  wire [SLOT_W-1:0]  y_next,    // what is behind the first: new order, or the one after that which left
	input  wire [GEN_W-1:0]   y_gen,
	input  wire [OWNER_W-1:0] y_owner,
	input  wire [QTY_W-1:0]   y_qty,
	// command of the other side in the execute stage
	input  wire               part,
	input  wire [QTY_W-1:0]   part_qty,  // that stays
	input  wire               pop_level, // the only order of the best level is off
	input  wire               pop_order, // the first of several
	input  wire               keep,      // none of these
	// search
	input  wire               append,
	input  wire [L-1:0]       ap_idx,
	input  wire [SLOT_W-1:0]  ap_head,
	input  wire [SLOT_W-1:0]  ap_tail,
	input  wire [ORDER_W-1:0] ap_order,
	input  wire               end_of,    // there is nothing below the floor
	// order RAM: what was asked for in the cycle before, void when `ld_ok` is 0
	output wire [SLOT_W-1:0]  ld_addr,   // what is wanted
	input  wire               ld_ok,
	input  wire [SLOT_W-1:0]  ld_slot,
	input  wire [ORDER_W-1:0] ld_order,
	// state
	output wire               best,      // there is a best level
	output wire               best_hv,
	output wire               best_last,
	output wire [L-1:0]       best_idx,
	output wire [SLOT_W-1:0]  best_slot,
	output wire [SLOT_W-1:0]  best_tail,
	output wire [SLOT_W-1:0]  best_next,
	output wire [GEN_W-1:0]   best_gen,
	output wire [OWNER_W-1:0] best_owner,
	output wire [QTY_W-1:0]   best_qty,
	output wire [L:0]         floor,
	output wire [K-1:0]       used,      // entries that are taken, the lowest ones
	output wire               y_hidden,  // y_idx is below the floor
	output wire               full,
`ifdef FORMAL_CORE
	output wire [K*ENTRY_W-1:0] f_entries,
	output wire               f_sec_v,
	output wire [ORDER_W-1:0] f_sec,
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

reg [L:0]           floor_reg;
reg [K-1:0]         v_reg;
reg [K*ENTRY_W-1:0] e_reg;
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

// --- entries
wire [K-1:0]         eq, gt;      // entry is the command's level; is better
wire [K-1:0]         up, fresh, low, stay;
wire [K-1:0]         first_free;
wire [K*ENTRY_W-1:0] one;         // with what the order RAM brings, 0 when y_own
wire [K*ENTRY_W-1:0] e_next;
wire [K-1:0]         v_next;
wire [ENTRY_W-1:0]   ap_entry = {1'b1, ap_head == ap_tail, ap_idx, ap_head, ap_tail, ap_order};
wire [ENTRY_W-1:0]   new_entry = {1'b1, 1'b1, y_idx, y_head, y_tail, y_gen, y_owner, y_qty, y_next};

// Every level at or above the floor is here, so a level that is off is here when it is in reach.
wire in_reach = {1'b0, y_idx} >= floor_reg;
wire ins = y_ins && in_reach;
wire off = y_del && in_reach;
wire pop_last = e0_next == e_reg[E_TAIL +: SLOT_W];

genvar i;
generate
	for (i = 0; i < K; i = i + 1) begin : entry
		wire [ENTRY_W-1:0] e = e_reg[i*ENTRY_W +: ENTRY_W];
		wire v_above = (i == 0) ? 1'b1 : v_reg[(i == 0) ? 0 : i-1];
		wire v_below = (i == K-1) ? 1'b0 : v_reg[(i == K-1) ? i : i+1];
		wire gt_above = (i == 0) ? 1'b1 : gt[(i == 0) ? 0 : i-1];
		assign eq[i] = v_reg[i] && e[E_IDX +: L] == y_idx;
		assign gt[i] = {v_reg[i], e[E_IDX +: L]} > {1'b1, y_idx};
		assign up[i] = ins && !gt[i] && !gt_above;
		assign fresh[i] = ins && !gt[i] && gt_above;
		assign low[i] = off && !gt[i];
		assign stay[i] = y_own && !((ins || off) && !gt[i]);
		assign first_free[i] = !v_reg[i] && v_above;

		// a head comes
		assign comes[i] = ld_ok && !y_own && v_reg[i] && !e[E_HV] && ld_slot == e[E_SLOT +: SLOT_W];
		assign one[i*ENTRY_W +: ENTRY_W] = y_own ? {ENTRY_W{1'b0}}
			: comes[i] ? {1'b1, e[E_HV-1:ORDER_W], ld_order} : e;

		// the level itself is changed
		wire changed = eq[i] && (y_join || y_leave);
		reg [ENTRY_W-1:0] mod;
		always @* begin
			mod = e;
			if (changed) begin
				mod[E_TAIL +: SLOT_W] = y_tail;
				mod[E_SLOT +: SLOT_W] = y_head;
				mod[E_LAST] = y_last;
			end
			if (eq[i] && y_leave_head)
				mod[E_HV] = 1'b0;
			if (eq[i] && (y_leave_second || (y_join && e[E_LAST])))
				mod[O_NEXT +: SLOT_W] = y_next;
			if (eq[i] && y_less)
				mod[O_QTY +: QTY_W] = y_qty;
		end

		// all of these exclude each other; neighbours for shifts
		wire [ENTRY_W-1:0] upper = e_reg[((i == 0) ? 0 : i-1)*ENTRY_W +: ENTRY_W];
		wire [ENTRY_W-1:0] lower = e_reg[((i == K-1) ? i : i+1)*ENTRY_W +: ENTRY_W];
		wire [ENTRY_W-1:0] one_below = one[((i == K-1) ? i : i+1)*ENTRY_W +: ENTRY_W];
		wire [ENTRY_W-1:0] own = ({ENTRY_W{up[i]}} & upper) | ({ENTRY_W{fresh[i]}} & new_entry)
			| ({ENTRY_W{low[i]}} & lower);
		wire [ENTRY_W-1:0] own_stays = {ENTRY_W{stay[i]}} & mod;
		wire [ENTRY_W-1:0] one_here = one[i*ENTRY_W +: ENTRY_W];
		wire [ENTRY_W-1:0] settled;
		if (i == 0) begin : best_entry
			// the first order is off or filled in part
			reg [ENTRY_W-1:0] first;
			always @* begin
				first = {ENTRY_W{part}} & e;
				first[O_QTY +: QTY_W] = {QTY_W{part}} & part_qty;
				if (pop_order)
					first = {sec_ok, pop_last, e[E_IDX +: L], e0_next, e[E_TAIL +: SLOT_W], sec};
			end
			assign settled = own | own_stays | first | (pop_level ? one_below : {ENTRY_W{keep}} & one_here);
		end else begin : others
			assign settled = own | own_stays | (pop_level ? one_below : one_here);
		end

		// the search appends behind the last
		wire here = append && (pop_level ? (i == K-1 ? v_reg[i] : first_free[(i == K-1) ? i : i+1])
			: first_free[i]);
		assign e_next[i*ENTRY_W +: ENTRY_W] = here ? ap_entry : settled;
		assign v_next[i] = here ? 1'b1
			: ins ? v_reg[i] || v_above : off || pop_level ? v_below : v_reg[i];
	end
endgenerate

// --- floor: up when a level is pushed out, or finds no room
wire drop = ins && v_reg[K-1];
wire [L:0] drop_to = {1'b0, gt[K-1] ? e_reg[(K-1)*ENTRY_W+E_IDX +: L]
	: gt[K-2] ? y_idx : e_reg[(K-2)*ENTRY_W+E_IDX +: L]};
wire [L:0] floor_next = append ? {1'b0, ap_idx} : end_of ? {(L+1){1'b0}} : drop ? drop_to : floor_reg;
assign state_next = {floor_next, v_next, e_next};

always @(posedge clk) begin
	{floor_reg, v_reg, e_reg} <= swap ? swap_in : state_next;
	dropped_reg <= drop;
	want_v_reg <= want_v_next;
	want_reg <= want_next;
	if (!sec_v_reg)
		sec_reg <= ld_order;
	// whatever may touch the best level makes the second order void
	if (swap || pop_level || pop_order || (y_own && !gt[0]))
		sec_v_reg <= 1'b0;
	else if (ld_sec && v_reg[0] && e_reg[E_HV] && !e_reg[E_LAST])
		sec_v_reg <= 1'b1;
	if (rst) begin
		floor_reg <= {(L+1){1'b0}};
		v_reg <= {K{1'b0}};
		dropped_reg <= 1'b0;
		sec_v_reg <= 1'b0;
		want_v_reg <= 1'b0;
	end
end

`ifdef FORMAL_CORE
assign f_entries = e_reg;
assign f_sec_v = sec_v_reg;
assign f_sec = sec_reg;
`endif
assign best = v_reg[0];
assign best_hv = e_reg[E_HV];
assign best_last = e_reg[E_LAST];
assign best_idx = e_reg[E_IDX +: L];
assign best_slot = e_reg[E_SLOT +: SLOT_W];
assign best_tail = e_reg[E_TAIL +: SLOT_W];
assign best_next = e0_next;
assign best_gen = e_reg[O_GEN +: GEN_W];
assign best_owner = e_reg[O_OWNER +: OWNER_W];
assign best_qty = e_reg[O_QTY +: QTY_W];
assign floor = floor_reg;
assign used = v_reg;
assign y_hidden = !in_reach;
assign full = v_reg[K-1];
assign dropped = dropped_reg;

endmodule
`default_nettype wire
