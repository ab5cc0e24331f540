// nmw_wire_in_sum: the ones' complement sum of a frame's 16-bit words, over the bytes of a mask.
//
// A sum does not care for the order of the two bytes of all its words: they are taken as they lie.
//
// Timing   valid, first, data, mask in cycle 0; init, what is added to a first beat, in cycle 3;
//          ok, the words up to that beat make 0xFFFF, in cycle 4. A beat a cycle.
`default_nettype none
module nmw_wire_in_sum (
	input  wire         clk,
	input  wire         valid,
	input  wire         first,
	input  wire [511:0] data,
	input  wire [63:0]  mask,
	input  wire [18:0]  init,
	output wire         ok
);

reg [511:0]    word_reg;
reg [8*18-1:0] four_reg;  // sums of 4 words
reg [2*20-1:0] half_reg;  // of 16
reg [28:0]     sum_reg;   // of up to 256 beats
reg [2:0]      valid_reg, first_reg;

integer i;
always @(posedge clk) begin
	for (i = 0; i < 64; i = i + 1)
		word_reg[i*8 +: 8] <= data[i*8 +: 8] & {8{mask[i]}};
	for (i = 0; i < 8; i = i + 1)
		four_reg[i*18 +: 18] <= {2'd0, word_reg[i*64 +: 16]} + {2'd0, word_reg[i*64 + 16 +: 16]}
			+ {2'd0, word_reg[i*64 + 32 +: 16]} + {2'd0, word_reg[i*64 + 48 +: 16]};
	for (i = 0; i < 2; i = i + 1)
		half_reg[i*20 +: 20] <= {2'd0, four_reg[i*72 +: 18]} + {2'd0, four_reg[i*72 + 18 +: 18]}
			+ {2'd0, four_reg[i*72 + 36 +: 18]} + {2'd0, four_reg[i*72 + 54 +: 18]};
	valid_reg <= {valid_reg[1:0], valid};
	first_reg <= {first_reg[1:0], first};
	if (valid_reg[2])
		sum_reg <= {9'd0, half_reg[19:0]} + {9'd0, half_reg[39:20]} + (first_reg[2] ? {10'd0, init} : sum_reg);
end

// with its carries added it is all ones
nmw_same #(.W(16), .PARTS(1)) fold (.a(sum_reg[15:0]), .b(~{3'd0, sum_reg[28:16]}), .same(ok));

endmodule
`default_nettype wire
