// nmw_bitmap: which levels have orders, for every book and side, in block RAM, with a summary.
//
// A row is a book's side (its number is `c`); a row has words, a word has a bit for every level.
// summary[c] has a bit for every word that is not zero. An update is read-modify-write in three
// cycles, one update a cycle, any addresses:
//      u (the core's write stage)   the word is read
//      p1                           the bit is set or cleared, the word judged
//      p2                           word and summary are written
// One who reads rows or words while updates are under way minds p1 and p2: they are given out.
//
// Timing   search port: s_addr in t, s_word in t+1, as of all that was in p2 by t.
//          row_c to row is combinational (distributed RAM).
`default_nettype none
module nmw_bitmap #(
	parameter C_W = 5,  // rows: 2^C_W
	parameter L = 13,   // levels of a row: 2^L
	parameter B = 6     // levels of a word: 2^B
) (
	input  wire              clk,
	input  wire              rst,
	input  wire              clear, // writes zero at clear_at, words and summary
	input  wire [C_W+L-B-1:0] clear_at,
	input  wire              u_valid,
	input  wire [C_W-1:0]    u_c,
	input  wire [L-1:0]      u_idx,
	input  wire              u_set,
	output wire              p1_valid,
	output wire [C_W-1:0]    p1_c,
	output wire              p2_valid,
	output wire [C_W-1:0]    p2_c,
	input  wire [C_W+L-B-1:0] s_addr,
	output wire [(1<<B)-1:0] s_word,
	input  wire [C_W-1:0]    row_c,
	output wire [(1<<(L-B))-1:0] row
);

localparam BITS = 1 << B;
localparam WORDS = 1 << (L - B);
localparam A_W = C_W + L - B;

reg            p1_valid_reg, p2_valid_reg, p1_set_reg, p1_same_reg, clear_reg;
reg [C_W-1:0]  p1_c_reg, p2_c_reg;
reg [L-1:0]    p1_idx_reg;
reg [L-B-1:0]  p2_at_reg;
reg [A_W-1:0]  clear_at_reg;
reg [BITS-1:0] p2_bits_reg;
wire [BITS-1:0] old_word;

// what the update ahead is about to write is what this one starts from
wire [BITS-1:0] from_word = p1_same_reg ? p2_bits_reg : old_word;
wire [BITS-1:0] one_hot = {{(BITS-1){1'b0}}, 1'b1} << p1_idx_reg[B-1:0];
wire [BITS-1:0] p2_bits_next = p1_set_reg ? from_word | one_hot : from_word & ~one_hot;

wire           we = p2_valid_reg || clear_reg;
wire [A_W-1:0] waddr = clear_reg ? clear_at_reg : {p2_c_reg, p2_at_reg};
wire [BITS-1:0] wdata = clear_reg ? {BITS{1'b0}} : p2_bits_reg;

nmw_ram #(.ADDR_W(A_W), .DATA_W(BITS)) ram_update (
	.clk(clk), .we(we), .waddr(waddr), .wdata(wdata),
	.raddr({u_c, u_idx[L-1:B]}), .rdata(old_word));
nmw_ram #(.ADDR_W(A_W), .DATA_W(BITS)) ram_search (
	.clk(clk), .we(we), .waddr(waddr), .wdata(wdata),
	.raddr(s_addr), .rdata(s_word));

always @(posedge clk) begin
	p1_valid_reg <= u_valid;
	p1_c_reg <= u_c;
	p1_idx_reg <= u_idx;
	p1_set_reg <= u_set;
	p1_same_reg <= p1_valid_reg && p1_c_reg == u_c && p1_idx_reg[L-1:B] == u_idx[L-1:B];
	p2_valid_reg <= p1_valid_reg;
	p2_c_reg <= p1_c_reg;
	p2_at_reg <= p1_idx_reg[L-1:B];
	p2_bits_reg <= p2_bits_next;
	clear_reg <= clear;
	clear_at_reg <= clear_at;
	if (rst) begin
		p1_valid_reg <= 1'b0;
		p2_valid_reg <= 1'b0;
		clear_reg <= 1'b0;
	end
end

// the summary: a column of distributed RAM for every word, so that one bit of a row can be written
wire           some = !clear_reg && |p2_bits_reg;
wire [L-B-1:0] w = waddr[L-B-1:0];
genvar i;
generate
	for (i = 0; i < WORDS; i = i + 1) begin : column
		(* ram_style = "distributed" *)
		reg bits [0:(1 << C_W)-1];
		always @(posedge clk)
			if (we && w == i[L-B-1:0])
				bits[waddr[A_W-1:L-B]] <= some;
		assign row[i] = bits[row_c];
	end
endgenerate

assign p1_valid = p1_valid_reg;
assign p1_c = p1_c_reg;
assign p2_valid = p2_valid_reg;
assign p2_c = p2_c_reg;

endmodule
`default_nettype wire
