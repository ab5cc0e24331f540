// nmw_over: whether a is greater than b, as a tree.
//
// Combinational, no clock. Groups of 3 bits, then of 3 groups: (greater, equal) of each. A carry chain
// is a level less deep, but what follows it cannot be merged with its end.
`default_nettype none
module nmw_over #(
	parameter W = 13 // at most 81
) (
	input  wire [W-1:0] a,
	input  wire [W-1:0] b,
	output wire         over
);

wire [80:0] more = {{(81-W){1'b0}}, a & ~b};
wire [80:0] same = {{(81-W){1'b1}}, ~(a ^ b)};
wire [26:0] more3, same3;
wire [8:0]  more9, same9;
wire [2:0]  more27, same27;

genvar i;
generate
	for (i = 0; i < 27; i = i + 1) begin : of3
		assign more3[i] = more[3*i+2] | (same[3*i+2] & (more[3*i+1] | (same[3*i+1] & more[3*i])));
		assign same3[i] = &same[3*i +: 3];
	end
	for (i = 0; i < 9; i = i + 1) begin : of9
		assign more9[i] = more3[3*i+2] | (same3[3*i+2] & more3[3*i+1]) | (same3[3*i+2] & same3[3*i+1] & more3[3*i]);
		assign same9[i] = &same3[3*i +: 3];
	end
	for (i = 0; i < 3; i = i + 1) begin : of27
		assign more27[i] = more9[3*i+2] | (same9[3*i+2] & more9[3*i+1]) | (same9[3*i+2] & same9[3*i+1] & more9[3*i]);
		assign same27[i] = &same9[3*i +: 3];
	end
endgenerate

assign over = more27[2] | (same27[2] & more27[1]) | (same27[2] & same27[1] & more27[0]);
wire unused = same27[0];

endmodule
`default_nettype wire
