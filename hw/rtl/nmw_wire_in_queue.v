// nmw_wire_in_queue: a deep queue in block RAM, with its first words at hand.
//
// While it is empty a word goes straight to those at hand, so that it is there in the next cycle.
//
// Timing   a word that is put in cycle t can be had in t+1, behind others in t+2; one in and one out a
//          cycle. The one who puts minds the room: count is what lies in it, as of the cycle before.
`default_nettype none
module nmw_wire_in_queue #(
	parameter W = 8,
	parameter LOG2 = 9 // words: 2^LOG2
) (
	input  wire          clk,
	input  wire          rst,
	input  wire          put,
	input  wire [W-1:0]  put_data,
	output wire          valid,
	input  wire          get,
	output wire [W-1:0]  data,
	output wire [LOG2:0] count
);

reg  [LOG2:0] put_reg, take_reg, count_reg; // of the RAM, free running; of all
reg           out_reg;                      // the RAM's output is a word
wire          empty = put_reg == take_reg;
wire [2:0]    near_count;
wire [W-1:0]  out;
wire          direct = empty && !out_reg && !near_count[2];
wire          take = !empty && near_count + {2'd0, out_reg} < 3'd4;

nmw_ram #(.ADDR_W(LOG2), .DATA_W(W)) ram (.clk(clk), .we(put && !direct), .waddr(put_reg[LOG2-1:0]),
	.wdata(put_data), .raddr(take_reg[LOG2-1:0]), .rdata(out));
nmw_fifo #(.W(W), .LOG2(2)) near (.clk(clk), .flush(rst), .put(out_reg || (put && direct)),
	.put_data(out_reg ? out : put_data), .valid(valid), .get(get), .data(data), .count(near_count));

always @(posedge clk) begin
	if (put && !direct)
		put_reg <= put_reg + 1'b1;
	if (take)
		take_reg <= take_reg + 1'b1;
	out_reg <= take;
	if (put != get)
		count_reg <= put ? count_reg + 1'b1 : count_reg - 1'b1;
	if (rst) begin
		put_reg <= {(LOG2+1){1'b0}};
		take_reg <= {(LOG2+1){1'b0}};
		count_reg <= {(LOG2+1){1'b0}};
		out_reg <= 1'b0;
	end
end
assign count = count_reg;

endmodule
`default_nettype wire
