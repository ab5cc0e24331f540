// The bitmap: after any updates in any cycles, a word that is read is what was decided, and a row's
// summary has a bit for every word that is not zero, as soon as no update of it is under way.
`default_nettype none
module f_bitmap #(parameter C_W = 1, parameter L = 3, parameter B = 1) (
	input wire clk, input wire op, input wire [C_W-1:0] op_c, input wire [L-1:0] op_idx,
	input wire op_set, input wire [C_W-1:0] c, input wire [L-B-1:0] w
);
localparam N = 1 << (C_W + L);
reg started = 0;
reg [N-1:0] truth = 0; // with the update that is in u
reg u_valid = 0, u_set = 0;
reg [C_W-1:0] u_c = 0;
reg [L-1:0] u_idx = 0;
wire p1_valid, p2_valid;
wire [C_W-1:0] p1_c, p2_c;
reg [L-B-1:0] p1_word = 0, p2_word = 0;
wire [(1<<B)-1:0] word;
wire [(1<<(L-B))-1:0] row;
nmw_bitmap #(.C_W(C_W), .L(L), .B(B)) dut (.clk(clk), .rst(!started), .clear(1'b0),
	.clear_at({(C_W+L-B){1'b0}}), .u_valid(u_valid), .u_c(u_c), .u_idx(u_idx), .u_set(u_set),
	.p1_valid(p1_valid), .p1_c(p1_c), .p2_valid(p2_valid), .p2_c(p2_c),
	.s_addr({c, w}), .s_word(word), .row_c(c), .row(row));
wire busy = (u_valid && u_c == c && u_idx[L-1:B] == w) || (p1_valid && p1_c == c && p1_word == w);
wire [(1<<B)-1:0] now = truth[{c, w, {B{1'b0}}} +: 1 << B];
reg asked = 0;
reg [(1<<B)-1:0] then = 0;
always @(posedge clk) begin
	started <= 1;
	u_valid <= started && op;
	u_c <= op_c;
	u_idx <= op_idx;
	p1_word <= u_idx[L-1:B];
	p2_word <= p1_word;
	u_set <= op_set;
	if (started && op)
		truth[{op_c, op_idx}] <= op_set;
	asked <= started && !busy; // an update in p2 is seen
	then <= now;
	if (asked)
		assert (word == then);
	if (started && !busy && !(p2_valid && p2_c == c && p2_word == w))
		assert (row[w] == (now != 0));
end
endmodule
