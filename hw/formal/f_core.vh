// What holds of the core in every cycle, with one book: included by nmw_book under FORMAL_CORE.
//
// `cur` is what the RAMs hold with what the write stage is about to write; the execute stage decides
// on it. The best levels follow commands of their own side a cycle later, so then they are held
// against the RAMs as they are.
// In simulation an assertion is looked at as the clock rises; a proof takes it as it stands, without the register
// between that yosys makes of a clock.
`ifdef YOSYS
`define EACH @*
`else
`define EACH @(posedge clk)
`endif
localparam SLOTS = 1 << SLOT_W;
localparam KEYS = 2 << L;               // side, index
reg [LVL_W*KEYS-1:0]   m_lvl = 0;
reg [SLOTS-1:0]        m_live = 0;
reg [(L+1)*SLOTS-1:0]  m_key = 0;
reg [GEN_W*SLOTS-1:0]  m_gen = 0;       // of handles that were given out
reg [QTY_W*SLOTS-1:0]  m_qty = 0;
reg [SLOT_W*SLOTS-1:0] m_next = 0, m_prev = 0;
reg [WHO_W*SLOTS-1:0]  m_who = 0;
integer fi, fj, fk, fw;
reg [LVL_W*KEYS-1:0]   c_lvl;
reg [SLOTS-1:0]        c_live;
reg [(L+1)*SLOTS-1:0]  c_key;
reg [GEN_W*SLOTS-1:0]  c_gen;
reg [QTY_W*SLOTS-1:0]  c_qty;
reg [SLOT_W*SLOTS-1:0] c_next, c_prev;
reg [WHO_W*SLOTS-1:0]  c_who;
always @* begin
	c_lvl = m_lvl; c_live = m_live; c_key = m_key; c_gen = m_gen; c_qty = m_qty; c_next = m_next;
	c_prev = m_prev; c_who = m_who;
	for (fw = 0; fw < KEYS; fw = fw + 1)
		if (w_we && w_lvl_addr_reg == fw)
			c_lvl[fw*LVL_W +: LVL_W] = w_lvl;
	for (fw = 0; fw < SLOTS; fw = fw + 1) begin
		if (w_we && w_ord_addr_reg == fw) begin
			c_live[fw] = w_ord_live_reg;
			c_gen[fw*GEN_W +: GEN_W] = w_ord_gen_reg;
			c_key[fw*(L+1) +: L+1] = w_ord_key_reg[L:0];
		end
		if (w_who_we_reg && w_ord_addr_reg == fw)
			c_who[fw*WHO_W +: WHO_W] = w_who;
		if (w_qty_we && w_ord_addr_reg == fw)
			c_qty[fw*QTY_W +: QTY_W] = w_ord_qty_reg;
		if (w_next_we && w_next_addr_reg == fw)
			c_next[fw*SLOT_W +: SLOT_W] = w_next_data_reg;
		if (w_prev_we && w_prev_addr_reg == fw)
			c_prev[fw*SLOT_W +: SLOT_W] = w_prev_data_reg;
	end
end
// age: older[i*SLOTS+j], order i is older than j on their level
reg [SLOTS*SLOTS-1:0] older = 0;
always @(posedge clk) begin
	m_lvl <= c_lvl; m_live <= c_live; m_key <= c_key; m_gen <= c_gen; m_qty <= c_qty; m_next <= c_next;
	m_prev <= c_prev; m_who <= c_who;
	if (ready_reg && add)
		for (fi = 0; fi < SLOTS; fi = fi + 1)
			for (fj = 0; fj < SLOTS; fj = fj + 1) begin
				if (al_slot == fj)
					older[fi*SLOTS + fj] <= 1'b1;
				if (al_slot == fi)
					older[fi*SLOTS + fj] <= 1'b0;
			end
end
// a word of a model at an index (loops, since a product as an index costs the tools far more)
function [LVL_W-1:0] lvl_at(input [LVL_W*KEYS-1:0] of, input [L:0] at);
	integer i;
	begin
		lvl_at = 0;
		for (i = 0; i < KEYS; i = i + 1)
			if (at == i)
				lvl_at = of[i*LVL_W +: LVL_W];
	end
endfunction
function [WHO_W-1:0] who_at(input [WHO_W*SLOTS-1:0] of, input [SLOT_W-1:0] at);
	integer i;
	begin
		who_at = 0;
		for (i = 0; i < SLOTS; i = i + 1)
			if (at == i)
				who_at = of[i*WHO_W +: WHO_W];
	end
endfunction
function [QTY_W-1:0] qty_at(input [QTY_W*SLOTS-1:0] of, input [SLOT_W-1:0] at);
	integer i;
	begin
		qty_at = 0;
		for (i = 0; i < SLOTS; i = i + 1)
			if (at == i)
				qty_at = of[i*QTY_W +: QTY_W];
	end
endfunction
function [SLOT_W-1:0] slot_at(input [SLOT_W*SLOTS-1:0] of, input [SLOT_W-1:0] at);
	integer i;
	begin
		slot_at = 0;
		for (i = 0; i < SLOTS; i = i + 1)
			if (at == i)
				slot_at = of[i*SLOT_W +: SLOT_W];
	end
endfunction
function [GEN_W-1:0] gen_at(input [GEN_W*SLOTS-1:0] of, input [SLOT_W-1:0] at);
	integer i;
	begin
		gen_at = 0;
		for (i = 0; i < SLOTS; i = i + 1)
			if (at == i)
				gen_at = of[i*GEN_W +: GEN_W];
	end
endfunction
function [L:0] key_at(input [(L+1)*SLOTS-1:0] of, input [SLOT_W-1:0] at);
	integer i;
	begin
		key_at = 0;
		for (i = 0; i < SLOTS; i = i + 1)
			if (at == i)
				key_at = of[i*(L+1) +: L+1];
	end
endfunction
function older_at(input [SLOTS*SLOTS-1:0] of, input [SLOT_W-1:0] a, input [SLOT_W-1:0] b);
	integer i, j;
	begin
		older_at = 0;
		for (i = 0; i < SLOTS; i = i + 1)
			for (j = 0; j < SLOTS; j = j + 1)
				if (a == i && b == j)
					older_at = of[i*SLOTS + j];
	end
endfunction
function same(input [(L+1)*SLOTS-1:0] key, input [SLOT_W-1:0] a, input [SLOT_W-1:0] b);
	same = key_at(key, a) == key_at(key, b);
endfunction

// the RAMs as they are, for the best levels
wire f_y = y_own_reg != 2'd0;
wire [LVL_W*KEYS-1:0]   v_lvl = f_y ? m_lvl : c_lvl;
wire [QTY_W*SLOTS-1:0]  v_qty = f_y ? m_qty : c_qty;
wire [SLOT_W*SLOTS-1:0] v_next = f_y ? m_next : c_next;
wire [WHO_W*SLOTS-1:0]  v_who = f_y ? m_who : c_who;

// levels with orders
wire [KEYS-1:0] m_some, c_some, v_some;
generate
	for (s = 0; s < KEYS; s = s + 1) begin : f_level
		assign m_some[s] = m_lvl[s*LVL_W + LVL_W-1];
		assign c_some[s] = c_lvl[s*LVL_W + LVL_W-1];
		assign v_some[s] = v_lvl[s*LVL_W + LVL_W-1];
	end
endgenerate

// what the search gives out, by its proof: the highest level below the floor, as it is
reg a_ok;
always @* begin
	a_ok = 1'b1;
	if (se_take) begin
		a_ok = se_idx < se_floor && se_last == (se_head == se_tail);
		a_ok = a_ok && lvl_at(m_lvl, {se_side_reg, se_idx}) == {1'b1, se_head, se_tail};
		a_ok = a_ok && se_order == {who_at(m_who, se_head), qty_at(m_qty, se_head),
			slot_at(m_next, se_head)};
		for (fk = 0; fk < (1 << L); fk = fk + 1)
			if (fk > se_idx && fk < (se_side_reg ? q_floor[L +: L] : q_floor[0 +: L]) && (se_side_reg ? m_some[(1 << L) + fk] : m_some[fk]))
				a_ok = 1'b0;
	end
	if (se_end_ok)
		for (fk = 0; fk < (1 << L); fk = fk + 1)
			if (fk < (se_side_reg ? q_floor[L +: L] : q_floor[0 +: L]) && (se_side_reg ? m_some[(1 << L) + fk] : m_some[fk]))
				a_ok = 1'b0;
end
// where it did not, nothing is claimed from then on
reg f_ok_reg = 1'b1;
always @(posedge clk)
	f_ok_reg <= f_ok_reg && (!ready_reg || a_ok);
wire f_on = ready_reg && f_ok_reg && a_ok;

// what each stage read is what there is
always `EACH if (f_on && x_valid_reg) begin
	assert (!x_swap_reg && x_sym_reg == 0 && s_sym_reg == 0 && !walk_reg && !x_has_min_reg);
	assert (lv == lvl_at(c_lvl, {x_side_reg, x_idx_reg}));
	if (!x_enter_reg) begin
		assert (od_ok == (c_live[x_slot_reg] && gen_at(c_gen, x_slot_reg) == x_gen_reg
			&& key_at(c_key, x_slot_reg) == {x_side_reg, x_idx_reg}));
		if (od_ok) begin
			assert (od_qty == qty_at(c_qty, x_slot_reg));
			assert (od_next == slot_at(c_next, x_slot_reg));
			assert (od_prev == slot_at(c_prev, x_slot_reg));
			assert (is_head == (x_slot_reg == lv_head) && is_tail == (x_slot_reg == lv_tail));
			assert (less == (x_left_reg < od_qty));
		end
	end
	if (x_enter_reg)
		assert (x_reach_reg == (market ? {L{1'b0}} : ~x_idx_reg));
end
// what the execute stage holds: one of five ways, and both halves of a REPLACE one behind the other
wire [4:0] f_ways = {x_good_reg && !x_gone_reg, x_bad_reg && !x_gone_reg, x_gone_reg, x_off_reg, x_cut_reg};
always `EACH if (f_on) begin
	assert (x_swap_reg == 0 && x_sym_reg == 0 && s_sym_reg == 0 && !walk_reg && !x_has_min_reg);
	assert (x_valid_reg ? f_ways != 0 && (f_ways & (f_ways - 5'd1)) == 0 : f_ways == 0);
	if (x_valid_reg) begin
		assert (x_enter_reg == |f_ways[4:2]);
		assert (x_owned_reg == (x_owner_reg != 0));
		assert (!x_rep1_reg || x_off_reg);
		if (f_ways[4] || x_cut_reg)
			assert (x_left_reg != 0);
	end
	if (second_reg)
		assert (x_valid_reg && x_rep1_reg && r_valid && r_op == NMW_HW_REPLACE[1:0]);
end
// clearing: nothing is under way, and what has been passed is empty
always `EACH if (!ready_reg) begin
	assert (!x_valid_reg && f_ways == 0 && !second_reg && !r_valid && cmd_ready && q_used == 0 && meet == 0 && q_floor == 0 && q_more == 0);
	assert (!walk_reg && !x_swap_reg && f_sec_v == 0 && !(w_del_reg || w_cut_reg || w_join_reg || w_qty_we_reg || w_who_we_reg));
	assert (y_own_reg == 0 && y_ins_reg == 0 && y_join_reg == 0);
	assert (init_reg <= INIT_END);
	for (fk = 0; fk < KEYS; fk = fk + 1)
		assert (init_reg < fk + 2 || !m_some[fk]);
	for (fi = 0; fi < SLOTS; fi = fi + 1)
		assert (init_reg < fi + 2 || !m_live[fi]);
end
always `EACH if (f_on && ld_read_reg) begin
	assert ({b_who, b_qty, b_next} == {who_at(m_who, ld_slot_reg), qty_at(m_qty, ld_slot_reg),
		slot_at(m_next, ld_slot_reg)});
end

// orders and levels
reg [SLOTS-1:0] f_in = 0; // free slots
always @(posedge clk) begin
	if (al_get)
		f_in[al_slot] <= 1'b0;
	if (w_free)
		f_in[w_free_slot_reg] <= 1'b1;
end
reg [LVL_W*SLOTS-1:0] f_lvl_of; // the level of each order
always @*
	for (fi = 0; fi < SLOTS; fi = fi + 1)
		f_lvl_of[fi*LVL_W +: LVL_W] = lvl_at(c_lvl, c_key[fi*(L+1) +: L+1]);
reg [KEYS-1:0] f_some; // a live order has this key
always @* begin
	f_some = 0;
	for (fi = 0; fi < SLOTS; fi = fi + 1)
		if (c_live[fi])
			for (fk = 0; fk < KEYS; fk = fk + 1)
				if (c_key[fi*(L+1) +: L+1] == fk)
					f_some[fk] = 1'b1;
end
always `EACH if (f_on) begin
	for (fk = 0; fk < KEYS; fk = fk + 1) begin
		assert (c_some[fk] == f_some[fk]);
		if (f_some[fk])
			for (fi = 0; fi < SLOTS; fi = fi + 1) begin
				if (c_lvl[fk*LVL_W + SLOT_W +: SLOT_W] == fi || c_lvl[fk*LVL_W +: SLOT_W] == fi)
					assert (c_live[fi] && c_key[fi*(L+1) +: L+1] == fk);
			end
	end
	for (fi = 0; fi < SLOTS; fi = fi + 1) if (c_live[fi]) begin
		assert (c_qty[fi*QTY_W +: QTY_W] != 0);
		assert (!f_in[fi]);
		assert (c_gen[fi*GEN_W +: GEN_W] == c_who[fi*WHO_W + OWNER_W +: GEN_W]);
		for (fj = 0; fj < SLOTS; fj = fj + 1) if (fi != fj && c_live[fj] && same(c_key, fi, fj)) begin
			assert (older[fi*SLOTS+fj] != older[fj*SLOTS+fi]);
			if (f_lvl_of[fi*LVL_W + SLOT_W +: SLOT_W] == fi)
				assert (older[fi*SLOTS+fj]);     // the head is the oldest
			if (f_lvl_of[fi*LVL_W +: SLOT_W] == fi)
				assert (older[fj*SLOTS+fi]);     // the tail the youngest
			for (fk = 0; fk < SLOTS; fk = fk + 1)
				if (fk != fi && fk != fj && c_live[fk] && same(c_key, fi, fk) && older[fi*SLOTS+fk] && older[fk*SLOTS+fj]) begin
					assert (older[fi*SLOTS+fj]);
					assert (c_next[fi*SLOT_W +: SLOT_W] != fj && c_prev[fj*SLOT_W +: SLOT_W] != fi);
				end
		end
		if (f_lvl_of[fi*LVL_W +: SLOT_W] != fi) begin
			assert (c_live[c_next[fi*SLOT_W +: SLOT_W]] && c_next[fi*SLOT_W +: SLOT_W] != fi
				&& same(c_key, fi, c_next[fi*SLOT_W +: SLOT_W]) && older_at(older, fi, c_next[fi*SLOT_W +: SLOT_W]));
		end
		if (f_lvl_of[fi*LVL_W + SLOT_W +: SLOT_W] != fi) begin
			assert (c_live[c_prev[fi*SLOT_W +: SLOT_W]] && c_prev[fi*SLOT_W +: SLOT_W] != fi
				&& same(c_key, fi, c_prev[fi*SLOT_W +: SLOT_W]) && older_at(older, c_prev[fi*SLOT_W +: SLOT_W], fi));
		end
	end
end
// a slot is free, live, or on its way back
always `EACH if (f_on && w_free)
	assert (!c_live[w_free_slot_reg] && !f_in[w_free_slot_reg]);
always `EACH if (ready_reg && al_valid)
	assert (f_in[al_slot]);

// the best levels
generate
	for (s = 0; s < 2; s = s + 1) begin : f_side
		wire [K-1:0] v = q_used[s*K +: K];
		wire [K*ENTRY_W-1:0] e = f_entries[s*K*ENTRY_W +: K*ENTRY_W];
		wire [L-1:0] fl = q_floor[s*L +: L];
		genvar i;
		for (i = 0; i < K; i = i + 1) begin : f_entry
			wire [ENTRY_W-1:0] x = e[i*ENTRY_W +: ENTRY_W];
			wire [L-1:0] idx = x[ENTRY_W-3 -: L];
			wire [SLOT_W-1:0] head = x[ORDER_W+SLOT_W +: SLOT_W];
			wire [SLOT_W-1:0] tail = x[ORDER_W +: SLOT_W];
			always `EACH if (f_on && v[i]) begin
				assert (lvl_at(v_lvl, {s != 0, idx}) == {1'b1, head, tail});
				assert (idx >= fl);
				if (i > 0) begin
					assert (v[(i > 0) ? i-1 : 0]);
					assert (idx < e[((i > 0) ? i-1 : 0)*ENTRY_W + ENTRY_W-3 -: L]);
				end
				if (x[ENTRY_W-1]) begin // its first order is here
					assert (x[ENTRY_W-2] == (head == tail));
					assert (x[ORDER_W-1 -: WHO_W] == who_at(v_who, head));
					assert (x[SLOT_W +: QTY_W] == qty_at(v_qty, head));
					if (head != tail)
						assert (x[0 +: SLOT_W] == slot_at(v_next, head));
				end
			end
		end
		// where the command of the write stage stands
		wire [2*K-1:0] at = f_at[s*2*K +: 2*K];
		integer n, m;
		always `EACH if (f_on) begin
			assert ((!y_ins_reg[s] && !y_join_reg[s]) || y_own_reg[s]);
			// what is known of the limit as the execute stage begins
			assert (meet[s] == (v[0] && e[ENTRY_W-3 -: L] >= x_reach_reg));
			if (y_own_reg[s]) begin
				assert (y_in_reach_reg == (w_bit_idx_reg >= x_reach_reg));
				assert (y_hidden[s] == (w_bit_idx_reg < fl));
				for (m = 0; m < K; m = m + 1) begin
					assert (at[K+m] == (v[m] && e[m*ENTRY_W + ENTRY_W-3 -: L] > w_bit_idx_reg));
					assert (at[m] == (v[m] && e[m*ENTRY_W + ENTRY_W-3 -: L] == w_bit_idx_reg));
				end
			end
		end
		reg [(1<<L)-1:0] found; // levels that are here
		always @* begin
			found = 0;
			for (m = 0; m < K; m = m + 1)
				if (v[m])
					for (n = 0; n < (1 << L); n = n + 1)
						if (e[m*ENTRY_W + ENTRY_W-3 -: L] == n)
							found[n] = 1'b1;
		end
		always `EACH if (f_on) begin
			for (n = 0; n < (1 << L); n = n + 1)
				if (v_some[(s << L) + n] && n >= fl)
					assert (found[n]);
			if (f_sec_v[s])
				assert (v[0] && e[ENTRY_W-1] && !e[ENTRY_W-2] && f_sec[s*ORDER_W +: ORDER_W] == {
					who_at(v_who, e[0 +: SLOT_W]), qty_at(v_qty, e[0 +: SLOT_W]),
					slot_at(v_next, e[0 +: SLOT_W])});
			assert (q_more[s] == (fl != 0));
		end
	end
endgenerate

// never crossed
integer fb, fa;
always `EACH if (f_on) begin
	for (fb = 0; fb < (1 << L); fb = fb + 1)
		for (fa = 0; fa <= fb; fa = fa + 1) // a bid at tick fb, an offer at tick fa
			assert (!(c_some[fb] && c_some[2*(1 << L) - 1 - fa]));
	assert (!(&q_best && q_idx[0 +: L] >= ~q_idx[L +: L])); // nor do the best levels at hand
end

// a fill: within the limit, of the best price, of the oldest order at it, of the shares that there are
reg [QTY_W-1:0] f_ordered = 0, f_filled = 0;
reg [L-1:0] f_px = 0;
wire [L-1:0] f_maker_px = o_best_idx ^ {L{other}};
always @(posedge clk) begin
	if (r_take) begin
		f_ordered <= r_qty;
		f_filled <= 0;
		f_px <= r_tick;
	end else if (e_fill)
		f_filled <= f_filled + (qty_at(c_qty, o_best_slot) < x_left_reg ? qty_at(c_qty, o_best_slot) : x_left_reg);
end
always `EACH begin
	if (f_on && x_valid_reg) begin
		assert (!x_enter_reg || x_idx_reg == (f_px ^ {L{x_side_reg}}));
		assert (x_left_reg == f_ordered - f_filled && f_filled <= f_ordered);
		assert (x_enter_reg || f_filled == 0);
	end
	if (f_on && e_fill) begin
		assert (market || (x_side_reg ? f_maker_px >= f_px : f_maker_px <= f_px));
		assert (c_live[o_best_slot] && key_at(c_key, o_best_slot) == {other, o_best_idx});
		assert (o_qty == qty_at(c_qty, o_best_slot));
		assert (o_gen == gen_at(c_gen, o_best_slot));
		assert (x_left_reg != 0 && !post_only);
		assert (!x_owned_reg || x_owner_reg != who_at(c_who, o_best_slot));
		for (fi = 0; fi < SLOTS; fi = fi + 1)
			if (c_live[fi] && fi != o_best_slot && c_key[fi*(L+1) + L] == other) begin
				assert (c_key[fi*(L+1) +: L] <= o_best_idx);
				if (c_key[fi*(L+1) +: L] == o_best_idx)
					assert (older_at(older, o_best_slot, fi));
			end
	end
	// what rests has the shares that are left
	if (f_on && e_rest)
		assert (x_left_reg == f_ordered - f_filled && !c_live[al_slot] && !ioc && !market);
end
reg f_past = 0;
reg [SLOTS-1:0] f_live = 0;
reg [QTY_W*SLOTS-1:0] f_qty_then = 0;
reg f_fill = 0, f_off = 0, f_red = 0, f_whole = 0, f_add = 0;
reg [SLOT_W-1:0] f_slot = 0;
reg [QTY_W-1:0] f_by = 0;
always @(posedge clk) begin
	f_past <= f_on;
	f_live <= c_live;
	f_qty_then <= c_qty;
	f_fill <= e_fill || e_own;
	f_whole <= pop;
	f_off <= del;
	f_red <= reduce;
	f_add <= add;
	f_slot <= x_enter_reg ? (add ? al_slot : o_best_slot) : x_slot_reg;
	f_by <= x_left_reg;
end
always `EACH begin
	// no order changes but the one that is dealt with, and that one by what was done
	if (f_past && f_on)
		for (fi = 0; fi < SLOTS; fi = fi + 1) begin
			if (!(f_slot == fi && (f_fill || f_off || f_red || f_add))) begin
				assert (c_live[fi] == f_live[fi]);
				if (c_live[fi])
					assert (c_qty[fi*QTY_W +: QTY_W] == f_qty_then[fi*QTY_W +: QTY_W]);
			end else if (f_fill && !f_whole) begin
				assert (c_live[fi] && c_qty[fi*QTY_W +: QTY_W] == f_qty_then[fi*QTY_W +: QTY_W] - f_by);
			end else begin
				assert (c_live[fi] == (f_add || f_red));
				if (f_add || f_red)
					assert (c_qty[fi*QTY_W +: QTY_W] == f_by);
				if (f_red)
					assert (f_by < f_qty_then[fi*QTY_W +: QTY_W]);
			end
		end
end
`undef EACH
