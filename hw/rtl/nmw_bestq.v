// nmw_bestq: the best levels of one side of the book in hand, each with its first order.
//
//      entry 0 (best) | entry 1 | ... | entry K-1      floor: every level at or above it is here
//
// Levels are indices, higher is better. An entry: idx, head and tail of the level's queue, `last`
// (they are the same), and of the head its quantity, owner, generation and next; `hv` says whether
// that is there, since after a cancel of the head it has to be fetched.
//
// At most one of these in a cycle, decided late (it only enables): an order is added, taken off or
// reduced; the first order of entry 0 is filled in part or is off (pop). Beside the last two, and
// when no command of this side is in the execute stage (`own` = 0): a level from the search is
// appended, the head of an entry or the second order of the best level comes from the order RAM.
// A change of the book (`swap`) loads all of it; `state_next` is what to put away.
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
	// command of this side
	input  wire               own,       // one is in the execute stage
	input  wire               add,       // its order comes to rest
	input  wire               del,       // an order is off
	input  wire               reduce,
	input  wire [L-1:0]       o_idx,
	input  wire [SLOT_W-1:0]  o_slot,
	input  wire [SLOT_W-1:0]  a_slot,    // slot, generation of an order that is added
	input  wire [GEN_W-1:0]   a_gen,
	input  wire [OWNER_W-1:0] o_owner,
	input  wire [QTY_W-1:0]   o_qty,
	input  wire               lv_some,   // its level before
	input  wire [SLOT_W-1:0]  lv_head,
	input  wire [SLOT_W-1:0]  lv_tail,
	input  wire [SLOT_W-1:0]  od_next,   // the order's neighbours before
	input  wire [SLOT_W-1:0]  od_prev,
	// command of the other side
	input  wire               part,
	input  wire [QTY_W-1:0]   part_qty,  // that stays
	input  wire               pop,
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
	output wire               hidden,    // o_idx is below the floor
	output wire               full,
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

// --- the second order of the best level, the heads that are to be fetched
wire [SLOT_W-1:0] e0_next = e_reg[O_NEXT +: SLOT_W];
wire ld_sec = ld_ok && ld_slot == e0_next;
wire sec_ok = sec_v_reg || ld_sec;
wire [ORDER_W-1:0] sec = sec_v_reg ? sec_reg : ld_order;

// What to read next: a head that is missing and not just coming, first of the best level; else the
// order after the next, so that a sweep finds one in every cycle; of a level's last order, the second
// order of the next level.
wire [K-1:0]     comes;
reg [SLOT_W-1:0] want_head;
reg              want_any;
integer n;
always @* begin
	want_head = {SLOT_W{1'b0}};
	want_any = 1'b0;
	for (n = K-1; n >= 0; n = n - 1)
		if (v_reg[n] && !e_reg[n*ENTRY_W+E_HV] && !comes[n]) begin
			want_head = e_reg[n*ENTRY_W+E_SLOT +: SLOT_W];
			want_any = 1'b1;
		end
end
wire [SLOT_W-1:0] then = e_reg[E_LAST] ? e_reg[ENTRY_W+O_NEXT +: SLOT_W]
	: sec_ok ? sec[O_NEXT +: SLOT_W] : e0_next;
assign ld_addr = comes[0] ? ld_order[O_NEXT +: SLOT_W] : want_any ? want_head : then;

// --- entries
wire [K-1:0]         eq, gt;      // entry is the command's level; is better
wire [K*ENTRY_W-1:0] one;         // with what the search and the order RAM bring
wire [K-1:0]         one_v;
wire [K*ENTRY_W-1:0] e_next;
wire [K-1:0]         v_next;
wire [ENTRY_W-1:0]   ap_entry = {1'b1, ap_head == ap_tail, ap_idx, ap_head, ap_tail, ap_order};
wire [ENTRY_W-1:0]   new_entry = {1'b1, 1'b1, o_idx, a_slot, a_slot,
	a_gen, o_owner, o_qty, a_slot};

// what an own order's leaving makes of its level
wire is_head = o_slot == lv_head;
wire is_tail = o_slot == lv_tail;
wire leaves_one_head = od_next == lv_tail; // after the head's leaving
wire leaves_one_tail = od_prev == lv_head; // after the tail's

wire in_reach = {1'b0, o_idx} >= floor_reg;
wire ins = add && !lv_some && in_reach;
wire extend = add && lv_some;
wire del_level = del && is_head && is_tail;
wire del_order = del && !(is_head && is_tail);
wire pop_level = pop && e_reg[E_LAST];
wire pop_order = pop && !e_reg[E_LAST];
wire pop_last = e0_next == e_reg[E_TAIL +: SLOT_W];

genvar i;
generate
	for (i = 0; i < K; i = i + 1) begin : entry
		wire [ENTRY_W-1:0] e = e_reg[i*ENTRY_W +: ENTRY_W];
		assign eq[i] = v_reg[i] && e[E_IDX +: L] == o_idx;
		assign gt[i] = v_reg[i] && e[E_IDX +: L] > o_idx;

		// the search appends behind the last, a head comes
		wire here = append && !v_reg[i] && (i == 0 ? 1'b1 : v_reg[(i == 0) ? 0 : i-1]);
		assign comes[i] = ld_ok && !own && v_reg[i] && !e[E_HV] && ld_slot == e[E_SLOT +: SLOT_W];
		wire [ENTRY_W-1:0] with_head = {1'b1, e[E_HV-1:ORDER_W], ld_order};
		assign one[i*ENTRY_W +: ENTRY_W] = here ? ap_entry : comes[i] ? with_head : e;
		assign one_v[i] = v_reg[i] || here;

		// neighbours, for shifts
		wire [ENTRY_W-1:0] upper = e_reg[((i == 0) ? 0 : i-1)*ENTRY_W +: ENTRY_W];
		wire [ENTRY_W-1:0] lower = e_reg[((i == K-1) ? i : i+1)*ENTRY_W +: ENTRY_W];
		wire [ENTRY_W-1:0] one_after = one[((i == K-1) ? i : i+1)*ENTRY_W +: ENTRY_W];
		wire before_gt = (i == 0) ? 1'b1 : gt[(i == 0) ? 0 : i-1];
		wire before_v = (i == 0) ? 1'b1 : v_reg[(i == 0) ? 0 : i-1];
		wire after_v = (i == K-1) ? 1'b0 : v_reg[(i == K-1) ? i : i+1];
		wire one_after_v = (i == K-1) ? 1'b0 : one_v[(i == K-1) ? i : i+1];

		// an order is appended to the level
		reg [ENTRY_W-1:0] joined;
		always @* begin
			joined = e;
			joined[E_TAIL +: SLOT_W] = a_slot;
			joined[E_LAST] = 1'b0;
			if (e[E_LAST])
				joined[O_NEXT +: SLOT_W] = a_slot;
		end

		// an order that is not the only one leaves the level
		reg [ENTRY_W-1:0] left;
		always @* begin
			left = e;
			if (is_head) begin
				left[E_HV] = 1'b0;
				left[E_SLOT +: SLOT_W] = od_next;
				left[E_LAST] = leaves_one_head;
			end else if (is_tail) begin
				left[E_TAIL +: SLOT_W] = od_prev;
				left[E_LAST] = leaves_one_tail;
			end else if (od_prev == lv_head)
				left[O_NEXT +: SLOT_W] = od_next;
		end

		reg [ENTRY_W-1:0] lessened;
		always @* begin
			lessened = e;
			lessened[O_QTY +: QTY_W] = o_qty;
		end

		reg [ENTRY_W-1:0] next;
		always @* begin
			next = one[i*ENTRY_W +: ENTRY_W];
			if (ins)
				next = gt[i] ? e : before_gt ? new_entry : upper;
			if (extend && eq[i])
				next = joined;
			if (del_order && eq[i])
				next = left;
			if (del_level && !gt[i] && |eq)
				next = lower;
			if (reduce && eq[i] && is_head)
				next = lessened;
			if (pop_level)
				next = one_after;
			if (i == 0 && part)
				next[O_QTY +: QTY_W] = part_qty;
			if (i == 0 && pop_order) begin
				next[E_HV] = sec_ok;
				next[E_LAST] = pop_last;
				next[E_SLOT +: SLOT_W] = e0_next;
				next[ORDER_W-1:0] = sec;
			end
		end
		assign e_next[i*ENTRY_W +: ENTRY_W] = next;
		assign v_next[i] = ins ? gt[i] || before_v
			: del_level && |eq ? (gt[i] ? v_reg[i] : after_v)
			: pop_level ? one_after_v : one_v[i];
	end
endgenerate

// --- floor: up when a level is pushed out, or finds no room
wire drop = ins && v_reg[K-1];
reg [L:0] floor_next;
always @* begin
	floor_next = floor_reg;
	if (end_of)
		floor_next = {(L+1){1'b0}};
	if (append)
		floor_next = {1'b0, ap_idx};
	if (drop)
		floor_next = {1'b0, gt[K-1] ? e_reg[(K-1)*ENTRY_W+E_IDX +: L]
			: gt[K-2] ? o_idx : e_reg[(K-2)*ENTRY_W+E_IDX +: L]};
end
assign state_next = {floor_next, v_next, e_next};

always @(posedge clk) begin
	{floor_reg, v_reg, e_reg} <= swap ? swap_in : state_next;
	dropped_reg <= drop;
	if (!sec_v_reg)
		sec_reg <= ld_order;
	// whatever may touch the best level makes the second order void
	if (swap || pop || (own && !gt[0]))
		sec_v_reg <= 1'b0;
	else if (ld_sec && v_reg[0] && e_reg[E_HV] && !e_reg[E_LAST])
		sec_v_reg <= 1'b1;
	if (rst) begin
		floor_reg <= {(L+1){1'b0}};
		v_reg <= {K{1'b0}};
		dropped_reg <= 1'b0;
		sec_v_reg <= 1'b0;
	end
end

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
assign hidden = !in_reach;
assign full = v_reg[K-1];
assign dropped = dropped_reg;

endmodule
`default_nettype wire
