// nmw_wire_csa: six rows become three with the same sum, for the ones' complement sum of RFC 1071.
//
// A carry out of bit 15 comes in at bit 0, so that rows stay 16 bits wide, whatever their number.
// What is more than 0 stays more than 0.
//
// Timing   combinational, one level: each bit out is a function of six bits in.
`default_nettype none
module nmw_wire_csa #(
	parameter N = 1 // groups of six
) (
	input  wire [96*N-1:0] rows,
	output wire [48*N-1:0] sums
);

genvar i;
generate
	for (i = 0; i < N; i = i + 1) begin : group
		wire [15:0] a = rows[96*i +: 16];
		wire [15:0] b = rows[96*i+16 +: 16];
		wire [15:0] c = rows[96*i+32 +: 16];
		wire [15:0] d = rows[96*i+48 +: 16];
		wire [15:0] e = rows[96*i+64 +: 16];
		wire [15:0] f = rows[96*i+80 +: 16];
		wire [15:0] s1 = a ^ b ^ c;
		wire [15:0] s2 = d ^ e ^ f;
		wire [15:0] c1 = (a & b) | (a & c) | (b & c);
		wire [15:0] c2 = (d & e) | (d & f) | (e & f);
		wire [15:0] c3 = s1 & s2;
		wire [15:0] two = c1 ^ c2 ^ c3;
		wire [15:0] four = (c1 & c2) | (c1 & c3) | (c2 & c3);
		assign sums[48*i +: 16] = s1 ^ s2;
		assign sums[48*i+16 +: 16] = {two[14:0], two[15]};
		assign sums[48*i+32 +: 16] = {four[13:0], four[15:14]};
	end
endgenerate

endmodule
`default_nettype wire
