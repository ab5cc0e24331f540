// nmw_wire_in_ticks: the price of an order in ticks of its symbol.
//
// A step is 2^a 5^b, a and b at most 4. Division by 5^b, if nothing is left, is multiplication by its
// inverse modulo 2^27; if something is left, the product is none of the small numbers.
//
// Timing   hit and price in cycle 0, ticks in 3; one a cycle. Bases and steps stand still.
`default_nettype none
module nmw_wire_in_ticks (
	input  wire         clk,
	input  wire [511:0] sym_base,
	input  wire [511:0] sym_step,
	input  wire [15:0]  hit,
	input  wire         enter,
	input  wire [63:0]  price,
	output wire         ok,
	output wire [12:0]  ticks
);

// --- a and b of each symbol
reg [16*3-1:0] a_reg, b_reg;
reg [15:0]     known_reg;
reg [511:0]    odd_reg;
integer i;
function [2:0] twos(input [3:0] step);
	twos = step[0] ? 3'd0 : step[1] ? 3'd1 : step[2] ? 3'd2 : step[3] ? 3'd3 : 3'd4;
endfunction
function [3:0] fives(input [31:0] odd); // b, and whether it is 5^b
	case (odd)
	32'd1: fives = {1'b1, 3'd0};
	32'd5: fives = {1'b1, 3'd1};
	32'd25: fives = {1'b1, 3'd2};
	32'd125: fives = {1'b1, 3'd3};
	32'd625: fives = {1'b1, 3'd4};
	default: fives = 4'd0;
	endcase
endfunction
always @(posedge clk)
	for (i = 0; i < 16; i = i + 1) begin
		a_reg[i*3 +: 3] <= twos(sym_step[i*32 +: 4]);
		odd_reg[i*32 +: 32] <= sym_step[i*32 +: 32] >> twos(sym_step[i*32 +: 4]);
		{known_reg[i], b_reg[i*3 +: 3]} <= fives(odd_reg[i*32 +: 32]);
	end

// --- the symbol's
reg [31:0] base, base_reg;
reg [2:0]  a_of, b_of, a1_reg, b1_reg;
reg        known_of, ok1_reg;
reg [31:0] price_reg;
always @* begin
	base = 32'd0;
	a_of = 3'd0;
	b_of = 3'd0;
	for (i = 0; i < 16; i = i + 1) begin
		base = base | (sym_base[i*32 +: 32] & {32{hit[i]}});
		a_of = a_of | (a_reg[i*3 +: 3] & {3{hit[i]}});
		b_of = b_of | (b_reg[i*3 +: 3] & {3{hit[i]}});
	end
	known_of = |(known_reg & hit);
end

// --- steps of 2^a, then of 5^b
wire [32:0] off = {1'b0, price_reg} - {1'b0, base_reg};
reg [26:0]  x_reg, inv_reg, q_reg;
reg         ok2_reg, ok3_reg;
wire [26:0] product = x_reg * inv_reg[16:0];
wire [9:0]  upper = x_reg[9:0] * inv_reg[26:17];
always @(posedge clk) begin
	base_reg <= base;
	a1_reg <= a_of;
	b1_reg <= b_of;
	ok1_reg <= enter && known_of && price[63:32] == 32'd0;
	price_reg <= price[31:0];

	x_reg <= off[26:0] >> a1_reg;
	ok2_reg <= ok1_reg && off[32:27] == 6'd0 && ~|(off[3:0] & ~(4'hf << a1_reg));
	case (b1_reg)
	3'd1: inv_reg <= 27'd80530637;
	3'd2: inv_reg <= 27'd42949673;
	3'd3: inv_reg <= 27'd115964117;
	3'd4: inv_reg <= 27'd50036369;
	default: inv_reg <= 27'd1;
	endcase

	q_reg <= product + {upper, 17'd0};
	ok3_reg <= ok2_reg;
end
assign ok = ok3_reg && q_reg[26:13] == 14'd0;
assign ticks = ok ? q_reg[12:0] : 13'd0;

endmodule
`default_nettype wire
