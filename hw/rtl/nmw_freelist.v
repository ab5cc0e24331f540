// nmw_freelist: the slots that no order has, with the generation each will be given out with.
//
// A queue in block RAM, so that a slot rests as long as possible before it is used again, and
// three words of it in registers, so that one can be taken in every cycle.
// Timing   a slot that is put back in cycle t can be had in t+3 at the earliest.
//          `none`: no slot is free and none is on its way.
`default_nettype none
module nmw_freelist #(
	parameter SLOT_W = 14,
	parameter GEN_W = 8
) (
	input  wire              clk,
	input  wire              rst,
	input  wire              put,
	input  wire [SLOT_W-1:0] put_slot,
	input  wire [GEN_W-1:0]  put_gen,
	output wire              valid,
	input  wire              get,
	output wire [SLOT_W-1:0] slot,
	output wire [GEN_W-1:0]  gen,
	output wire              none,
	output wire [SLOT_W:0]   count
);

localparam W = SLOT_W + GEN_W;

reg [SLOT_W:0]   count_reg; // all that are free, a cycle late
reg              got_reg;
reg [SLOT_W:0]   head_reg, tail_reg;
reg              fetch_reg;
wire [W-1:0]     ram_data;
wire             near_valid;
wire [2:0]       near_count;

// words in the RAM whose fetch has not begun, and room near at hand for one more
wire far_some = head_reg != tail_reg;
wire fetch = far_some && !near_count[2] && !(fetch_reg && near_count == 3'd3);

nmw_ram #(.ADDR_W(SLOT_W), .DATA_W(W)) ram (
	.clk(clk), .we(put), .waddr(tail_reg[SLOT_W-1:0]), .wdata({put_gen, put_slot}),
	.raddr(head_reg[SLOT_W-1:0]), .rdata(ram_data));

nmw_fifo #(.W(W), .LOG2(2)) near_fifo (
	.clk(clk), .flush(rst), .put(fetch_reg), .put_data(ram_data),
	.valid(near_valid), .get(get), .data({gen, slot}), .count(near_count));

always @(posedge clk) begin
	fetch_reg <= fetch;
	if (put)
		tail_reg <= tail_reg + 1'b1;
	if (fetch)
		head_reg <= head_reg + 1'b1;
	got_reg <= get;
	if (put != got_reg)
		count_reg <= put ? count_reg + 1'b1 : count_reg - 1'b1;
	if (rst) begin
		fetch_reg <= 1'b0;
		got_reg <= 1'b0;
		head_reg <= {(SLOT_W+1){1'b0}};
		tail_reg <= {(SLOT_W+1){1'b0}};
		count_reg <= {(SLOT_W+1){1'b0}};
	end
end

assign valid = near_valid;
assign count = count_reg;
assign none = !far_some && !fetch_reg && !near_valid && !put;

endmodule
`default_nettype wire
