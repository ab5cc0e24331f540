// nmw_same: whether a and b are the same, in parts of 18 bits each.
//
// Combinational, no clock: two levels, 3 bits and six of those. It is mapped by itself: what is read from a
// RAM comes late, and a mapper that does not know it would spend the levels that others have on fewer LUTs here.
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

localparam GROUPS = (W + 2) / 3;
wire [GROUPS-1:0] same3;
genvar i;
generate
	for (i = 0; i < GROUPS; i = i + 1) begin : group
		localparam N = (W - 3*i < 3) ? W - 3*i : 3;
		nmw_same_bits #(.W(N)) bits (.a(a[3*i +: N]), .b(b[3*i +: N]), .same(same3[i]));
	end
	for (i = 0; i < PARTS; i = i + 1) begin : part
		localparam N = (GROUPS - 6*i < 6) ? GROUPS - 6*i : 6;
		assign same[i] = &same3[6*i +: N];
	end
endgenerate

endmodule
`default_nettype wire
