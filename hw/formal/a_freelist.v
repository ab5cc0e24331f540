// nmw_freelist as its proof (f_freelist) has it: gives out any slot that was put in and not given
// out since, at any time, with the generation that it was put in with.
`default_nettype none
module nmw_freelist #(parameter SLOT_W = 14, parameter GEN_W = 8) (
	input wire clk, input wire rst, input wire put, input wire [SLOT_W-1:0] put_slot,
	input wire [GEN_W-1:0] put_gen, output wire valid, input wire get, output wire [SLOT_W-1:0] slot,
	output wire [GEN_W-1:0] gen, output wire none, output wire [SLOT_W:0] count
);
localparam N = 1 << SLOT_W;
(* anyseq *) reg a_valid;
(* anyseq *) reg [SLOT_W-1:0] a_slot;
reg [N-1:0] in = 0;
reg [N*GEN_W-1:0] gens = 0;
always @(posedge clk) begin
	if (get)
		in[slot] <= 1'b0;
	if (put) begin
		in[put_slot] <= 1'b1;
		gens[put_slot*GEN_W +: GEN_W] <= put_gen;
	end
end
assign slot = a_slot;
assign valid = a_valid && in[a_slot];
assign gen = gens[a_slot*GEN_W +: GEN_W];
assign none = in == 0 && !put;
assign count = 0;
endmodule
`default_nettype wire
