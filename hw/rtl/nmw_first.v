// nmw_first: the highest bit that is set, as a number and as a mask.
//
// Combinational, no clock. Two steps of 8 bits: any of a group, then the group that is first;
// both answers are formed side by side so that no group waits for another.
`default_nettype none
module nmw_first #(
	parameter LOG2 = 6 // bits: 2^LOG2
) (
	input  wire [(1<<LOG2)-1:0] bits,
	output wire                 any,
	output wire [LOG2-1:0]      index,
	output wire [(1<<LOG2)-1:0] mask
);

localparam N = 1 << LOG2;
localparam G = (LOG2 > 3) ? 3 : LOG2; // log2 of a group
localparam S = 1 << G;
localparam GROUPS = N / S;

wire [GROUPS-1:0] some;
wire [GROUPS-1:0] chosen;
wire [N-1:0]      in_group;

genvar i;
generate
	for (i = 0; i < GROUPS; i = i + 1) begin : group
		assign some[i] = |bits[i*S +: S];
		if (i == GROUPS-1) begin : top
			assign chosen[i] = some[i];
		end else begin : below
			assign chosen[i] = some[i] && !(|some[GROUPS-1:i+1]);
		end
	end
	for (i = 0; i < N; i = i + 1) begin : bit_of
		if (i % S == S-1) begin : top
			assign in_group[i] = bits[i];
		end else begin : below
			assign in_group[i] = bits[i] && !(|bits[(i/S)*S+S-1:i+1]);
		end
		assign mask[i] = in_group[i] && chosen[i/S];
	end
endgenerate

// The number: that of the group, and of the first bit in each group, of which one is chosen.
reg [LOG2-1:0] index_next;
reg [LOG2-1:0] inner;
integer j, k;
always @* begin
	index_next = {LOG2{1'b0}};
	for (j = 0; j < GROUPS; j = j + 1) begin
		inner = {LOG2{1'b0}};
		for (k = 0; k < S; k = k + 1)
			if (in_group[j*S + k])
				inner = inner | k[LOG2-1:0];
		if (chosen[j])
			index_next = index_next | (j[LOG2-1:0] << G) | inner;
	end
end

assign index = index_next;
assign any = |some;

endmodule
`default_nettype wire
