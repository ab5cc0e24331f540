// nmw_fifo: a short queue in distributed RAM, with its first word at hand; FIRST keeps that one in
// registers, for what is too deep behind a read of the RAM.
//
// Timing   a word that is put in cycle t can be had in t+1; one in and one out a cycle. `flush`
//          empties it. The one who puts minds the room: count is what lies in it. None puts when it
//          is full, but in a cycle of a get, and none gets when it is empty; where NMW_CHECK is
//          defined, that ends the simulation.
`default_nettype none
module nmw_fifo #(
	parameter W = 8,
	parameter LOG2 = 2, // words: 2^LOG2
	parameter FIRST = 0
) (
	input  wire          clk,
	input  wire          flush,
	input  wire          put,
	input  wire [W-1:0]  put_data,
	output wire          valid,
	input  wire          get,
	output wire [W-1:0]  data,
	output wire [LOG2:0] count
);

(* ram_style = "distributed" *)
reg [W-1:0]  mem [0:(1 << LOG2)-1];
reg [LOG2-1:0] head_reg, tail_reg;
reg [(1<<LOG2):0] held_reg; // one bit: how many lie in it

wire tail_moves, head_moves;
generate
	if (FIRST) begin : in_registers
		// of those behind the first there is room for one more always, so that the RAM may be written for
		// a word that needs none
		wire next_none = held_reg[0] || held_reg[1];
		reg [W-1:0] first_reg;
		always @(posedge clk)
			if (get || held_reg[0])
				first_reg <= next_none ? put_data : mem[head_reg];
		assign tail_moves = put && !held_reg[0] && !(held_reg[1] && get);
		assign head_moves = get && !next_none;
		assign data = first_reg;
	end else begin : in_memory
		assign tail_moves = put;
		assign head_moves = get;
		assign data = mem[head_reg];
	end
endgenerate

always @(posedge clk) begin
	if (put)
		mem[tail_reg] <= put_data;
	if (tail_moves)
		tail_reg <= tail_reg + 1'b1;
	if (head_moves)
		head_reg <= head_reg + 1'b1;
	if (put && !get)
		held_reg <= held_reg << 1;
	if (get && !put)
		held_reg <= held_reg >> 1;
	if (flush) begin
		head_reg <= {LOG2{1'b0}};
		tail_reg <= {LOG2{1'b0}};
		held_reg <= {{(1<<LOG2){1'b0}}, 1'b1};
	end
end

reg [LOG2:0] count_of;
integer k;
always @* begin
	count_of = {(LOG2+1){1'b0}};
	for (k = 0; k <= (1 << LOG2); k = k + 1)
		if (held_reg[k])
			count_of = count_of | k[LOG2:0];
end

assign valid = !held_reg[0];
assign count = count_of;

`ifdef FORMAL_FIFO
always @(posedge clk)
	if (!flush) begin
		assert (!put || get || !held_reg[1<<LOG2]);
		assert (!get || !held_reg[0]);
	end
`endif
`ifdef NMW_CHECK
reg clean = 1'b0; // it was flushed
always @(posedge clk) begin
	if (flush)
		clean <= 1'b1;
	if (clean && !flush && put && !get && held_reg[1 << LOG2])
		$fatal(1, "%m: a word is put and there is no room");
	if (clean && !flush && get && held_reg[0])
		$fatal(1, "%m: a word is taken and there is none");
end
`endif

endmodule
`default_nettype wire
