// nmw_same: whether a and b are the same, in parts of 18 bits each.
//
// Combinational, no clock: two levels. It is mapped by itself: what is read from a RAM comes late, and a
// mapper that does not know it would spend the levels that others have on fewer LUTs here.
`default_nettype none
(* keep_hierarchy *)
module nmw_same #(
	parameter W = 14,
	parameter PARTS = (W + 17) / 18
) (
	input  wire [W-1:0]     a,
	input  wire [W-1:0]     b,
	output wire [PARTS-1:0] same
);

genvar i;
generate
	for (i = 0; i < PARTS; i = i + 1) begin : part
		localparam N = (W - 18*i < 18) ? W - 18*i : 18;
		assign same[i] = a[18*i +: N] == b[18*i +: N];
	end
endgenerate

endmodule
`default_nettype wire
