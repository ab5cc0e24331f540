// What holds of the core in every cycle, with one book: included by nmw_book under FORMAL_CORE.
//
// `cur` is what the RAMs hold with what the write stage is about to write; the execute stage decides
// on it. The best levels follow commands of their own side a cycle later, so then they are held
// against the RAMs as they are.
localparam SLOTS = 1 << SLOT_W;
localparam KEYS = 2 << L;               // side, index
reg [LVL_W*KEYS-1:0]   m_lvl = 0;
reg [SLOTS-1:0]        m_live = 0;
reg [(L+1)*SLOTS-1:0]  m_key = 0;
reg [GEN_W*SLOTS-1:0]  m_gen = 0;       // of handles that were given out
reg [QTY_W*SLOTS-1:0]  m_qty = 0;
reg [SLOT_W*SLOTS-1:0] m_next = 0, m_prev = 0;
reg [WHO_W*SLOTS-1:0]  m_who = 0;
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
	if (w_we) c_lvl[w_lvl_addr_reg[L:0]*LVL_W +: LVL_W] = w_lvl;
	if (w_we) begin
		c_live[w_ord_addr_reg] = w_ord_live_reg;
		c_gen[w_ord_addr_reg*GEN_W +: GEN_W] = w_ord_gen_reg;
		c_key[w_ord_addr_reg*(L+1) +: L+1] = w_ord_key_reg[L:0];
	end
	if (w_who_we_reg) c_who[w_ord_addr_reg*WHO_W +: WHO_W] = w_who;
	if (w_qty_we) c_qty[w_ord_addr_reg*QTY_W +: QTY_W] = w_ord_qty_reg;
	if (w_next_we) c_next[w_next_addr_reg*SLOT_W +: SLOT_W] = w_next_data_reg;
	if (w_prev_we) c_prev[w_prev_addr_reg*SLOT_W +: SLOT_W] = w_prev_data_reg;
end
// age: older[i*SLOTS+j], order i is older than j on their level
reg [SLOTS*SLOTS-1:0] older = 0;
integer fi, fj, fk;
always @(posedge clk) if (ready_reg) begin
	m_lvl <= c_lvl; m_live <= c_live; m_key <= c_key; m_gen <= c_gen; m_qty <= c_qty; m_next <= c_next;
	m_prev <= c_prev; m_who <= c_who;
	if (add)
		for (fi = 0; fi < SLOTS; fi = fi + 1) begin
			older[fi*SLOTS + al_slot] <= 1'b1;
			older[al_slot*SLOTS + fi] <= 1'b0;
		end
end
function same(input [(L+1)*SLOTS-1:0] key, input integer a, input integer b);
	same = key[a*(L+1) +: L+1] == key[b*(L+1) +: L+1];
endfunction

// the RAMs as they are, for the best levels
wire f_y = y_own_reg != 2'd0;
wire [LVL_W*KEYS-1:0]   v_lvl = f_y ? m_lvl : c_lvl;
wire [QTY_W*SLOTS-1:0]  v_qty = f_y ? m_qty : c_qty;
wire [SLOT_W*SLOTS-1:0] v_next = f_y ? m_next : c_next;
wire [WHO_W*SLOTS-1:0]  v_who = f_y ? m_who : c_who;

// what the search gives out, by its proof: the highest level below the floor, as it is
reg a_ok;
always @* begin
	a_ok = 1'b1;
	if (se_take) begin
		a_ok = se_idx < se_floor && se_last == (se_head == se_tail);
		a_ok = a_ok && m_lvl[{se_side_reg, se_idx}*LVL_W +: LVL_W] == {1'b1, se_head, se_tail};
		a_ok = a_ok && se_order == {m_who[se_head*WHO_W +: WHO_W], m_qty[se_head*QTY_W +: QTY_W],
			m_next[se_head*SLOT_W +: SLOT_W]};
		for (fk = 0; fk < (1 << L); fk = fk + 1)
			if (fk > se_idx && fk < q_floor[(se_side_reg ? L : 0) +: L] && m_lvl[((se_side_reg << L) + fk)*LVL_W + LVL_W-1])
				a_ok = 1'b0;
	end
	if (se_end_ok)
		for (fk = 0; fk < (1 << L); fk = fk + 1)
			if (fk < q_floor[(se_side_reg ? L : 0) +: L] && m_lvl[((se_side_reg << L) + fk)*LVL_W + LVL_W-1])
				a_ok = 1'b0;
end
// where it did not, nothing is claimed from then on
reg f_ok_reg = 1'b1;
always @(posedge clk)
	f_ok_reg <= f_ok_reg && (!ready_reg || a_ok);
wire f_on = ready_reg && f_ok_reg && a_ok;

// what each stage read is what there is
always @(posedge clk) if (f_on && x_valid_reg) begin
	assert (!x_swap_reg && x_sym_reg == 0 && s_sym_reg == 0 && !walk_reg && !x_has_min_reg);
	assert (lv == c_lvl[{x_side_reg, x_idx_reg}*LVL_W +: LVL_W]);
	if (!x_enter_reg) begin
		assert (od_ok == (c_live[x_slot_reg] && c_gen[x_slot_reg*GEN_W +: GEN_W] == x_gen_reg
			&& c_key[x_slot_reg*(L+1) +: L+1] == {x_side_reg, x_idx_reg}));
		if (od_ok) begin
			assert (od_qty == c_qty[x_slot_reg*QTY_W +: QTY_W]);
			assert (od_next == c_next[x_slot_reg*SLOT_W +: SLOT_W]);
			assert (od_prev == c_prev[x_slot_reg*SLOT_W +: SLOT_W]);
		end
	end
	if (x_enter_reg)
		assert (x_reach_reg == ~x_idx_reg);
end
always @(posedge clk) if (f_on && ld_read_reg) begin
	assert ({b_who, b_qty, b_next} == {m_who[ld_slot_reg*WHO_W +: WHO_W], m_qty[ld_slot_reg*QTY_W +: QTY_W],
		m_next[ld_slot_reg*SLOT_W +: SLOT_W]});
end

// orders and levels
reg [SLOTS-1:0] f_in = 0; // free slots
always @(posedge clk) begin
	if (al_get)
		f_in[al_slot] <= 1'b0;
	if (w_free)
		f_in[w_free_slot_reg] <= 1'b1;
end
reg [KEYS-1:0] f_some; // a live order has this key
always @* begin
	f_some = 0;
	for (fi = 0; fi < SLOTS; fi = fi + 1)
		if (c_live[fi])
			f_some[c_key[fi*(L+1) +: L+1]] = 1'b1;
end
always @(posedge clk) if (f_on) begin
	for (fk = 0; fk < KEYS; fk = fk + 1) begin
		assert (c_lvl[fk*LVL_W + LVL_W-1] == f_some[fk]);
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
			if (c_lvl[c_key[fi*(L+1) +: L+1]*LVL_W + SLOT_W +: SLOT_W] == fi)
				assert (older[fi*SLOTS+fj]);     // the head is the oldest
			if (c_lvl[c_key[fi*(L+1) +: L+1]*LVL_W +: SLOT_W] == fi)
				assert (older[fj*SLOTS+fi]);     // the tail the youngest
			for (fk = 0; fk < SLOTS; fk = fk + 1)
				if (fk != fi && fk != fj && c_live[fk] && same(c_key, fi, fk) && older[fi*SLOTS+fk] && older[fk*SLOTS+fj]) begin
					assert (older[fi*SLOTS+fj]);
					assert (c_next[fi*SLOT_W +: SLOT_W] != fj && c_prev[fj*SLOT_W +: SLOT_W] != fi);
				end
		end
		if (c_lvl[c_key[fi*(L+1) +: L+1]*LVL_W +: SLOT_W] != fi) begin
			assert (c_live[c_next[fi*SLOT_W +: SLOT_W]] && c_next[fi*SLOT_W +: SLOT_W] != fi
				&& same(c_key, fi, c_next[fi*SLOT_W +: SLOT_W]) && older[fi*SLOTS + c_next[fi*SLOT_W +: SLOT_W]]);
		end
		if (c_lvl[c_key[fi*(L+1) +: L+1]*LVL_W + SLOT_W +: SLOT_W] != fi) begin
			assert (c_live[c_prev[fi*SLOT_W +: SLOT_W]] && c_prev[fi*SLOT_W +: SLOT_W] != fi
				&& same(c_key, fi, c_prev[fi*SLOT_W +: SLOT_W]) && older[c_prev[fi*SLOT_W +: SLOT_W]*SLOTS + fi]);
		end
	end
end
// a slot is free, live, or on its way back
always @(posedge clk) if (f_on && w_free)
	assert (!c_live[w_free_slot_reg] && !f_in[w_free_slot_reg]);

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
			always @(posedge clk) if (f_on && v[i]) begin
				assert (v_lvl[((s << L) + idx)*LVL_W +: LVL_W] == {1'b1, head, tail});
				assert (idx >= fl);
				if (i > 0) begin
					assert (v[(i > 0) ? i-1 : 0]);
					assert (idx < e[((i > 0) ? i-1 : 0)*ENTRY_W + ENTRY_W-3 -: L]);
				end
				if (x[ENTRY_W-1]) begin
					assert (x[ENTRY_W-2] == (head == tail));
					assert (x[ORDER_W-1 -: WHO_W] == v_who[head*WHO_W +: WHO_W]);
					assert (x[SLOT_W +: QTY_W] == v_qty[head*QTY_W +: QTY_W]);
					if (head != tail)
						assert (x[0 +: SLOT_W] == v_next[head*SLOT_W +: SLOT_W]);
				end
			end
		end
		integer n, m;
		reg [(1<<L)-1:0] found; // levels that are here
		always @* begin
			found = 0;
			for (m = 0; m < K; m = m + 1)
				if (v[m])
					found[e[m*ENTRY_W + ENTRY_W-3 -: L]] = 1'b1;
		end
		always @(posedge clk) if (f_on) begin
			for (n = 0; n < (1 << L); n = n + 1)
				if (v_lvl[((s << L) + n)*LVL_W + LVL_W-1] && n >= fl)
					assert (found[n]);
			if (f_sec_v[s])
				assert (v[0] && e[ENTRY_W-1] && !e[ENTRY_W-2] && f_sec[s*ORDER_W +: ORDER_W] == {
					v_who[e[0 +: SLOT_W]*WHO_W +: WHO_W], v_qty[e[0 +: SLOT_W]*QTY_W +: QTY_W],
					v_next[e[0 +: SLOT_W]*SLOT_W +: SLOT_W]});
			assert (q_more[s] == (fl != 0));
		end
	end
endgenerate

// never crossed
integer fb, fa;
always @(posedge clk) if (f_on) begin
	for (fb = 0; fb < (1 << L); fb = fb + 1)
		for (fa = 0; fa <= fb; fa = fa + 1) // a bid at tick fb, an offer at tick fa
			assert (!(c_lvl[fb*LVL_W + LVL_W-1] && c_lvl[(2*(1 << L) - 1 - fa)*LVL_W + LVL_W-1]));
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
		f_filled <= f_filled + (c_qty[o_best_slot*QTY_W +: QTY_W] < x_left_reg ? c_qty[o_best_slot*QTY_W +: QTY_W] : x_left_reg);
	if (f_on && x_valid_reg) begin
		assert (x_idx_reg == f_px ^ {L{x_side_reg}} || !x_enter_reg);
		assert (x_left_reg == f_ordered - f_filled && f_filled <= f_ordered);
		assert (x_enter_reg || f_filled == 0);
	end
	if (f_on && e_fill) begin
		assert (x_side_reg ? f_maker_px >= f_px : f_maker_px <= f_px);
		assert (c_live[o_best_slot] && c_key[o_best_slot*(L+1) +: L+1] == {other, o_best_idx});
		assert (o_qty == c_qty[o_best_slot*QTY_W +: QTY_W]);
		assert (o_gen == c_gen[o_best_slot*GEN_W +: GEN_W]);
		assert (x_left_reg != 0);
		for (fi = 0; fi < SLOTS; fi = fi + 1)
			if (c_live[fi] && fi != o_best_slot && c_key[fi*(L+1) + L] == other) begin
				assert (c_key[fi*(L+1) +: L] <= o_best_idx);
				if (c_key[fi*(L+1) +: L] == o_best_idx)
					assert (older[o_best_slot*SLOTS + fi]);
			end
	end
	// what rests has the shares that are left; no order that is not dealt with changes
	if (f_on && e_rest)
		assert (x_left_reg == f_ordered - f_filled && !c_live[al_slot]);
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
			end
		end
end
