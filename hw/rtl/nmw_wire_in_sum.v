// nmw_wire_in_sum: the ones' complement sum of a frame's 16-bit words, over the bytes of a mask.
//
// A sum does not care for the order of the two bytes of all its words: they are taken as they lie.
//
// Timing   valid, first, data, mask in cycle 0; init, what is added to a first beat, in cycle 2;
//          ok, the words up to that beat make 0xFFFF, in cycle 3. A beat a cycle.
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

reg [511:0]  word_reg;
reg [4*19-1:0] part_reg;
reg [28:0]   sum_reg; // 256 beats
reg [1:0]    valid_reg, first_reg;

integer i;
always @(posedge clk) begin
	for (i = 0; i < 64; i = i + 1)
		word_reg[i*8 +: 8] <= data[i*8 +: 8] & {8{mask[i]}};
	for (i = 0; i < 4; i = i + 1)
		part_reg[i*19 +: 19] <=
			  (({3'd0, word_reg[i*128 +: 16]} + {3'd0, word_reg[i*128 + 16 +: 16]})
			+ ({3'd0, word_reg[i*128 + 32 +: 16]} + {3'd0, word_reg[i*128 + 48 +: 16]}))
			+ (({3'd0, word_reg[i*128 + 64 +: 16]} + {3'd0, word_reg[i*128 + 80 +: 16]})
			+ ({3'd0, word_reg[i*128 + 96 +: 16]} + {3'd0, word_reg[i*128 + 112 +: 16]}));
	valid_reg <= {valid_reg[0], valid};
	first_reg <= {first_reg[0], first};
	if (valid_reg[1])
		sum_reg <= (({10'd0, part_reg[18:0]} + {10'd0, part_reg[37:19]})
			+ ({10'd0, part_reg[56:38]} + {10'd0, part_reg[75:57]}))
			+ (first_reg[1] ? {10'd0, init} : sum_reg);
end

wire [16:0] fold = {1'b0, sum_reg[15:0]} + {4'd0, sum_reg[28:16]};
assign ok = fold == 17'h0ffff;

endmodule
`default_nettype wire
