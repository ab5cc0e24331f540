// Bitmap and search under interleaved changes, unbounded.
//
// `truth` is the bitmap as the write stage has made it. Any change may come in any cycle, to any row;
// the floor may go up with a change (a level is pushed out of the queue). What the search gives out is then the highest level below the floor, and when it says that
// there is none, there is none.  And the summary is the OR of the words when no update is under way.
`default_nettype none
module f_search #(
	parameter C_W = 1, parameter L = 3, parameter B = 1, parameter K = 1,
	parameter MANY = 1, // 0: never reads words ahead
	parameter ROWS = 2  // 1: all changes are of the row that is searched
) (
	input wire clk,
	input wire op, input wire op_bit, input wire [C_W-1:0] op_any, input wire [L-1:0] op_idx,
	input wire raise, input wire [L:0] raise_to,
	input wire halt, input wire many, input wire want, input wire pop
);
localparam N = 1 << L;
reg started = 0;
wire [C_W-1:0] op_c = ROWS > 1 ? op_any : {C_W{1'b0}};
reg [N-1:0] truth0 = 0;            // of row 0, which is the one that is searched
reg [N-1:0] truth1 = 0;
reg [L:0] floor = 0;
reg [K-1:0] used = 0;
reg t_valid = 0, u_valid = 0, dropped = 0;
reg [C_W-1:0] u_c = 0;
reg [L-1:0] u_idx = 0;

wire mine = t_valid && u_c == 0;
wire u_set = u_c == 0 ? !truth0[u_idx] : !truth1[u_idx];
wire t_below = t_valid && {1'b0, u_idx} < floor;
wire up = mine && raise && raise_to > floor && raise_to <= N;

wire p1_valid, p2_valid, out_valid, out_end;
wire [C_W-1:0] p1_c, p2_c;
wire [C_W+L-B-1:0] word_addr;
wire [(1<<B)-1:0] word;
wire [(1<<(L-B))-1:0] row;
wire [L-1:0] out_idx;

nmw_bitmap #(.C_W(C_W), .L(L), .B(B)) bitmap (.clk(clk), .rst(!started), .clear(1'b0),
	.clear_at({(C_W+L-B){1'b0}}), .u_valid(u_valid), .u_c(u_c), .u_idx(u_idx), .u_set(u_set),
	.p1_valid(p1_valid), .p1_c(p1_c),
	.p2_valid(p2_valid), .p2_c(p2_c),
	.s_addr(word_addr), .s_word(word), .row_c({C_W{1'b0}}), .row(row));
wire stop = halt || dropped;
wire take = out_valid && !stop && !mine && !used[K-1] && want;
nmw_search #(.C_W(C_W), .L(L), .B(B), .SLOT_W(1), .ORDER_W(1), .K(K)) dut (
	.clk(clk), .rst(!started), .run(floor != 0), .stop(stop), .raised(dropped), .many(many && MANY != 0),
	.c({C_W{1'b0}}), .floor(floor[L-1:0]), .used(used),
	.t_mine(t_below && mine), .t_below(t_below), .t_idx(u_idx), .u_valid(u_valid), .u_set(u_set),
	.p1_valid(p1_valid), .p1_c(p1_c), .p2_valid(p2_valid), .p2_c(p2_c),
	.row(row), .word_addr(word_addr), .word(word), .level_addr(), .level(3'b0),
	.order_addr(), .order(1'b0), .out_valid(out_valid), .out_get(take), .out_idx(out_idx),
	.out_head(), .out_tail(), .out_order(), .out_end(out_end), .clash());
wire ends = out_end && !stop && !mine && floor != 0;

always @(posedge clk) begin
	started <= 1;
	t_valid <= started && op;
	u_valid <= started && op && op_bit;
	u_c <= op_c;
	u_idx <= op_idx;
	dropped <= started && up;
	if (u_valid) begin
		if (u_c == 0)
			truth0[u_idx] <= u_set;
		else
			truth1[u_idx] <= u_set;
	end
	if (started) begin
		if (up)
			floor <= raise_to;
		else if (take)
			floor <= {1'b0, out_idx};
		else if (ends)
			floor <= 0;
		used <= take && !pop ? {used, 1'b1} : !take && pop ? used >> 1 : used;
	end
	if (started && take) begin
		assert ({1'b0, out_idx} < floor);
		assert (truth0[out_idx]);
	end
	if (started && ends)
		assert ((truth0 & ((1 << floor) - 1)) == 0);
end
// none in between
wire [N:0] between = ({1'b0, truth0} & ((1 << floor) - 1)) >> out_idx;
always @(posedge clk)
	if (started && take)
		assert (between == 1);
// the summary
integer w;
always @(posedge clk)
	if (started && !u_valid && !p1_valid && !p2_valid)
		for (w = 0; w < N >> B; w = w + 1)
			assert (row[w] == (truth0[w*(1<<B) +: 1<<B] != 0));
endmodule
