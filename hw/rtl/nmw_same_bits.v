// nmw_same_bits: whether a and b are the same, 3 bits at most.
//
// Combinational, no clock: one level, mapped by itself, so that nmw_same is two.
`default_nettype none
(* keep_hierarchy *)
module nmw_same_bits #(
	parameter W = 3
) (
	input  wire [W-1:0] a,
	input  wire [W-1:0] b,
	output wire         same
);

assign same = a == b;

endmodule
`default_nettype wire
