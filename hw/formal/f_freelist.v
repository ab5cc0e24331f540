// The free slots: what is given out was put in and not given out since, with the generation that it
// was put in with; `none` only when there is none. Slots are put in by who has them, in any cycle.
`default_nettype none
module f_freelist #(parameter SLOT_W = 2, parameter GEN_W = 1) (
	input wire clk, input wire any_put, input wire [SLOT_W-1:0] put_slot, input wire [GEN_W-1:0] put_gen,
	input wire get
);
localparam N = 1 << SLOT_W;
reg started = 0;
reg [N-1:0] in = 0;
reg [N*GEN_W-1:0] gens = 0;
wire put = started && any_put && !in[put_slot];
wire valid, none;
wire [SLOT_W-1:0] slot;
wire [GEN_W-1:0] gen;
nmw_freelist #(.SLOT_W(SLOT_W), .GEN_W(GEN_W)) dut (.clk(clk), .rst(!started), .put(put),
	.put_slot(put_slot), .put_gen(put_gen), .valid(valid), .get(get && valid), .slot(slot), .gen(gen),
	.none(none), .count());
always @(posedge clk) begin
	started <= 1;
	if (put) begin
		in[put_slot] <= 1'b1;
		gens[put_slot*GEN_W +: GEN_W] <= put_gen;
	end
	if (started && get && valid)
		in[slot] <= 1'b0;
	if (started && valid) begin
		assert (in[slot]);
		assert (gen == gens[slot*GEN_W +: GEN_W]);
	end
	if (started)
		assert (none == (in == 0 && !put));
end
endmodule
`default_nettype wire
