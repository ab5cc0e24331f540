// nmw_search: gives out the levels of one side of one book that lie below a floor, best first, each
// with its first order, up to one a cycle, while commands go on changing the books.
//
//      row of the summary -> word of the bitmap -> bit -> level RAM -> order RAM -> out queue
//
// Two words are in hand: when the first has no bit left the second gives its first in the same cycle,
// and takes its place; that a word has run empty need not be known before.
//
// Levels are indices: higher is better on both sides. `floor`: all that is at or above it is known
// already, floor = 0 means everything. It moves down as levels are taken from the queue.
//
// What makes it right beside changes: every change of a level passes here in the cycle in which it is
// made in the level RAM (t_mine, when the level is below the floor; u_valid when its bit changes).
// Nothing is taken in that cycle. A change
//   - at or above what has been read but below the floor makes what is under way wrong: start anew
//   - of a word that is still to be read is in the RAM by then: no word is chosen in the cycle of a change,
//     and one that is chosen in the next is read in the cycle in which it is written (the RAM's bypass)
//   - in the summary row that was copied is made in the copy too.
//
// Timing   start to first level 8 cycles (floor, row, word, RAM, bit, level RAM, order RAM, queue).
//          One level a cycle within a word and, when `many`, from word to word.
`default_nettype none
module nmw_search #(
	parameter C_W = 5,
	parameter L = 13,
	parameter B = 6,
	parameter SLOT_W = 14,
	parameter ORDER_W = 70, // what the order RAM holds
	parameter K = 7         // room of the queue that is filled, at most 7
) (
	input  wire              clk,
	input  wire              rst,
	// what to do
	input  wire              run,   // search this row; a change of c or floor upwards comes with stop
	input  wire              stop,  // what is under way is void
	input  wire              raised, // a floor of the book in hand has gone up
	input  wire              many,  // read words ahead
	input  wire [C_W-1:0]    c,
	input  wire [L-1:0]      floor, // 0 stands for above everything, too: then `run` says so
	input  wire [K-1:0]      used,  // entries of the queue that are taken, the lowest ones
	// changes by the command in the write stage, and updates of the bitmap under way
	input  wire              t_mine,  // a level of this row below its floor is changed
	input  wire              t_below, // a level of any row below its floor
	input  wire [L-1:0]      t_idx,
	input  wire              u_valid, // its bit is
	input  wire              u_set,
	input  wire              p1_valid,
	input  wire [C_W-1:0]    p1_c,
	input  wire              p2_valid,
	input  wire [C_W-1:0]    p2_c,
	// RAMs
	input  wire [(1<<(L-B))-1:0] row,
	output wire [C_W+L-B-1:0] word_addr,
	input  wire [(1<<B)-1:0] word,
	output wire [C_W+L-1:0]  level_addr,
	input  wire [2*SLOT_W:0] level, // some, head, tail
	output wire [SLOT_W-1:0] order_addr,
	input  wire [ORDER_W-1:0] order,
	// levels found
	output wire              out_valid,
	input  wire              out_get,
	output wire [L-1:0]      out_idx,
	output wire [SLOT_W-1:0] out_head,
	output wire [SLOT_W-1:0] out_tail,
	output wire              out_last, // these are the same
	output wire [ORDER_W-1:0] out_order,
	output wire              out_end, // there is no level below the floor
	output wire              clash    // a change of this cycle voids what is under way
);

localparam BITS = 1 << B;
localparam W_W = L - B;
localparam WORDS = 1 << W_W;
localparam FOUND_LOG2 = (K > 4) ? 3 : (K > 2) ? 2 : 1; // room for all that may be under way

reg              run_reg;
reg [WORDS-1:0]  row_reg;
reg [L-1:0]      top_reg;      // floor - 1
reg [W_W:0]      scan_reg;     // words at or above it have been asked for
reg              zw_valid_reg; // word chosen
reg [W_W-1:0]    zw_reg;
reg              zr_valid_reg; // word read
reg [W_W-1:0]    zr_reg;
reg              ready_reg;    // top_reg is of this floor
reg [BITS-1:0]   bits_reg, then_reg; // words in hand, bits that are left; the second is not begun
reg [W_W-1:0]    bits_word_reg, then_word_reg;
reg [K:0]        under_reg;    // one bit: levels chosen and not yet taken
reg [L-1:0]      last_reg;     // the lowest of them
reg              f_valid_reg, g_valid_reg, h_valid_reg; // level chosen, level read, order read
reg [L-1:0]      f_idx_reg, g_idx_reg, h_idx_reg;
reg [SLOT_W-1:0] h_head_reg, h_tail_reg;

// --- changes
// As the floor goes down, what was below it stays so, else it would have been a clash. After it has
// gone up, three cycles have to pass.
reg       p1_below_reg, p2_below_reg;
reg [1:0] settle_reg;
wire p1_mine = p1_valid && p1_c == c && p1_below_reg;
wire p2_mine = p2_valid && p2_c == c && p2_below_reg;
wire word_ahead, level_ahead; // it is still to be read, or below what has been chosen
nmw_over #(.W(W_W+1)) over_word (.a(scan_reg), .b({1'b0, t_idx[L-1:B]}), .over(word_ahead));
nmw_over #(.W(L)) over_level (.a(last_reg), .b(t_idx), .over(level_ahead));
wire clash_word = u_valid && t_mine && !word_ahead;
wire clash_level = t_mine && !under_reg[0] && !level_ahead;
assign clash = run_reg && (clash_word || clash_level);
wire halt = stop || clash || !run;
wire start = ready_reg && !stop && run && settle_reg == 2'd0 && !(u_valid && t_mine) && !p1_mine && !p2_mine;

// --- words
wire              row_any;
wire [W_W-1:0]    row_first;
wire [WORDS-1:0]  row_mask;
nmw_first #(.LOG2(W_W)) first_word (
	.bits(row_reg), .any(row_any), .index(row_first), .mask(row_mask));

reg [WORDS-1:0] below;      // words that are not above the top's
reg [BITS-1:0] below_bits;  // bits of the top's word that are not above it
integer k;
always @* begin
	for (k = 0; k < WORDS; k = k + 1)
		below[k] = k[W_W-1:0] <= top_reg[L-1:B];
	for (k = 0; k < BITS; k = k + 1)
		below_bits[k] = k[B-1:0] <= top_reg[B-1:0];
end

wire [2:0]      words_count;
wire            words_valid, words_get;
wire [BITS-1:0] words_bits;
wire [W_W-1:0]  words_word;
wire            bits_any, then_any;
wire coming = zw_valid_reg || zr_valid_reg;
wire want = many ? !words_count[2] && !(words_count == 3'd3 && coming)
		&& !(words_count == 3'd2 && zw_valid_reg && zr_valid_reg)
	: words_count == 3'd0 && !coming && !bits_any && !then_any;
wire choose = run_reg && row_any && want && !(u_valid && t_mine);
wire [WORDS-1:0] snoop = (u_valid && u_set && t_mine)
	? {{(WORDS-1){1'b0}}, 1'b1} << t_idx[L-1:B] : {WORDS{1'b0}};

wire [BITS-1:0] word_below = word & (zr_reg == top_reg[L-1:B] ? below_bits : {BITS{1'b1}});
wire            straight; // the word read goes into hand without waiting in the queue

assign word_addr = {c, zw_reg};
nmw_fifo #(.W(BITS + W_W), .LOG2(2)) words (
	.clk(clk), .flush(rst || halt), .put(zr_valid_reg && !straight), .put_data({zr_reg, word_below}),
	.valid(words_valid), .get(words_get), .data({words_word, words_bits}), .count(words_count));

// --- bits of the words in hand
wire [B-1:0]    bit_first, then_first;
wire [BITS-1:0] bit_mask, then_mask;
nmw_first #(.LOG2(B)) first_bit (
	.bits(bits_reg), .any(bits_any), .index(bit_first), .mask(bit_mask));
nmw_first #(.LOG2(B)) first_then (
	.bits(then_reg), .any(then_any), .index(then_first), .mask(then_mask));
// used + under < K, with `used` as a mask
wire [K-1:0] free_from_top;
genvar g;
generate
	for (g = 0; g < K; g = g + 1) begin : room
		assign free_from_top[g] = !used[K-1-g];
	end
endgenerate
wire has_room = |(under_reg[K-1:0] & free_from_top);
wire pick = (bits_any || then_any) && has_room;
wire then_free = !bits_any || !then_any;
assign words_get = words_valid && then_free;
assign straight = zr_valid_reg && !words_valid && then_free;

// --- level, its first order, out
assign level_addr = {c, f_idx_reg};
assign order_addr = level[2*SLOT_W-1:SLOT_W];
wire [FOUND_LOG2:0] out_count;
nmw_fifo #(.W(1 + L + 2*SLOT_W + ORDER_W), .LOG2(FOUND_LOG2), .FIRST(1)) found (
	.clk(clk), .flush(rst || halt), .put(h_valid_reg),
	.put_data({h_head_reg == h_tail_reg, h_idx_reg, h_head_reg, h_tail_reg, order}),
	.valid(out_valid), .get(out_get), .data({out_last, out_idx, out_head, out_tail, out_order}),
	.count(out_count));
wire unused = &{1'b0, level[2*SLOT_W], out_count};

assign out_end = run_reg && !row_any && !zw_valid_reg && !zr_valid_reg && !words_valid && !bits_any && !then_any
	&& under_reg[0] && !(u_valid && t_mine);

always @(posedge clk) begin
	zr_reg <= zw_reg;
	f_idx_reg <= bits_any ? {bits_word_reg, bit_first} : {then_word_reg, then_first};
	g_idx_reg <= f_idx_reg;
	h_idx_reg <= g_idx_reg;
	h_head_reg <= level[2*SLOT_W-1:SLOT_W];
	h_tail_reg <= level[SLOT_W-1:0];
	zr_valid_reg <= zw_valid_reg;
	f_valid_reg <= pick;
	g_valid_reg <= f_valid_reg;
	h_valid_reg <= g_valid_reg;

	// no start while it runs, and no choice before
	row_reg <= ((start ? row & below : row_reg) & ~(row_mask & {WORDS{choose}})) | snoop;
	if (start || choose)
		scan_reg <= choose ? {1'b0, row_first} : {1'b1, {W_W{1'b0}}};
	if (choose)
		zw_reg <= row_first;
	zw_valid_reg <= choose;

	if (bits_any)
		bits_reg <= bits_reg & ~(bit_mask & {BITS{has_room}});
	else begin
		bits_reg <= then_reg & ~(then_mask & {BITS{has_room}});
		bits_word_reg <= then_word_reg;
	end
	if (then_free) begin
		then_reg <= words_valid ? words_bits : zr_valid_reg ? word_below : {BITS{1'b0}};
		then_word_reg <= words_valid ? words_word : zr_reg;
	end
	if (pick)
		last_reg <= bits_any ? {bits_word_reg, bit_first} : {then_word_reg, then_first};
	if (pick && !out_get)
		under_reg <= under_reg << 1;
	if (out_get && !pick)
		under_reg <= under_reg >> 1;

	p1_below_reg <= t_below;
	p2_below_reg <= p1_below_reg;
	if (raised)
		settle_reg <= 2'd3;
	else if (settle_reg != 2'd0)
		settle_reg <= settle_reg - 1'b1;

	// the floor stands still from a stop until the first level is taken
	if (!run_reg || halt)
		top_reg <= floor - 1'b1;
	ready_reg <= run && (halt || (!run_reg && !start));
	if (start)
		run_reg <= 1'b1;
	if (rst) begin
		settle_reg <= 2'd0;
		ready_reg <= 1'b0;
	end
	if (rst || halt) begin
		run_reg <= 1'b0;
		zw_valid_reg <= 1'b0;
		zr_valid_reg <= 1'b0;
		f_valid_reg <= 1'b0;
		g_valid_reg <= 1'b0;
		h_valid_reg <= 1'b0;
		under_reg <= {{K{1'b0}}, 1'b1};
		bits_reg <= {BITS{1'b0}};
		then_reg <= {BITS{1'b0}};
	end
end

endmodule
`default_nettype wire
