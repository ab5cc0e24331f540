// nmw_wire_core_ticks: a price as a tick of a book's window, by division, two bits a cycle.
//
// Timing   start in cycle t, done from t+9 on until the next start. ok: the price lies on a tick of
//          the window.
`default_nettype none
module nmw_wire_core_ticks #(
	parameter L = 13,
	parameter TICKS = 6000 // ticks of the window, at most 2^L
) (
	input  wire         clk,
	input  wire         rst,
	input  wire         start,
	input  wire [63:0]  price,
	input  wire [31:0]  base, // price of tick 0
	input  wire [15:0]  step, // price of a tick
	output wire         done,
	output wire         ok,
	output wire [L-1:0] ticks
);

localparam STEPS = 7;               // 14 bits of a quotient
localparam W = 16 + 2*STEPS;
localparam [2*STEPS-1:0] TICKS_LIMIT = TICKS[2*STEPS-1:0];
reg [3:0]   left_reg;
reg         done_reg, run_reg, far_reg, ok_reg;
reg [W-1:0] rem_reg;
reg [W+1:0] one_reg, three_reg;
reg [2*STEPS-1:0] quot_reg;

wire [W+1:0] rem = {2'b00, rem_reg};
wire [W+2:0] less1 = {1'b0, rem} - {1'b0, one_reg};
wire [W+2:0] less2 = {1'b0, rem} - {one_reg, 1'b0};
wire [W+2:0] less3 = {1'b0, rem} - {1'b0, three_reg};
wire [32:0]  diff = {1'b0, price[31:0]} - {1'b0, base};

always @(posedge clk) begin
	if (run_reg) begin
		left_reg <= left_reg - 1'b1;
		one_reg <= one_reg >> 2;
		three_reg <= three_reg >> 2;
		rem_reg <= !less3[W+2] ? less3[W-1:0] : !less2[W+2] ? less2[W-1:0]
			: !less1[W+2] ? less1[W-1:0] : rem_reg;
		quot_reg <= {quot_reg[2*STEPS-3:0], !less2[W+2], !less3[W+2] || (!less1[W+2] && less2[W+2])};
		if (left_reg == 4'd1)
			run_reg <= 1'b0;
	end
	done_reg <= !run_reg;
	ok_reg <= !far_reg && rem_reg == {W{1'b0}} && quot_reg < TICKS_LIMIT;
	if (start) begin
		left_reg <= STEPS;
		run_reg <= 1'b1;
		done_reg <= 1'b0;
		rem_reg <= diff[W-1:0];
		far_reg <= price[63:32] != 32'd0 || diff[32] || diff[31:W] != {(32-W){1'b0}};
		one_reg <= {{(W-14){1'b0}}, step} << (2*STEPS - 2);
		three_reg <= ({{(W-14){1'b0}}, step} + {{(W-15){1'b0}}, step, 1'b0}) << (2*STEPS - 2);
	end
	if (rst) begin
		run_reg <= 1'b0;
		done_reg <= 1'b0;
	end
end

assign done = done_reg;
assign ok = ok_reg;
assign ticks = quot_reg[L-1:0];

endmodule
`default_nettype wire
