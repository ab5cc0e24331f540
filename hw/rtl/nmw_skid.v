// nmw_skid: a register between two ready/valid streams with a registered ready.
//
// Timing   a word that is taken in cycle t is offered in t+1; one word a cycle; s_ready is a
//          register. Holds two words, loses none. What is offered has to stay until it is taken,
//          unless STAYS is 0; where NMW_CHECK is defined, else the simulation ends.
`default_nettype none
module nmw_skid #(
`ifdef NMW_CHECK
	parameter STAYS = 1,
`endif
	parameter W = 8
) (
	input  wire         clk,
	input  wire         rst,
	input  wire         s_valid,
	output wire         s_ready,
	input  wire [W-1:0] s_data,
	output wire         m_valid,
	input  wire         m_ready,
	output wire [W-1:0] m_data
);

reg         valid_reg, spare_reg;
reg [W-1:0] data_reg, spare_data_reg;

wire move = !valid_reg || m_ready;

always @(posedge clk) begin
	if (move)
		data_reg <= spare_reg ? spare_data_reg : s_data;
	if (s_ready)
		spare_data_reg <= s_data;
	if (move) begin
		valid_reg <= spare_reg || s_valid;
		spare_reg <= 1'b0;
	end else if (s_valid && s_ready)
		spare_reg <= 1'b1;
	if (rst) begin
		valid_reg <= 1'b0;
		spare_reg <= 1'b0;
	end
end

assign s_ready = !spare_reg;
assign m_valid = valid_reg;
assign m_data = data_reg;

`ifdef NMW_CHECK
reg         waits = 1'b0; // it was offered and not taken
reg [W-1:0] offered;
always @(posedge clk) begin
	waits <= STAYS && s_valid && !s_ready && !rst;
	offered <= s_data;
	if (waits && !rst && !s_valid)
		$fatal(1, "%m: what was offered is withdrawn");
	if (waits && !rst && s_data != offered)
		$fatal(1, "%m: what was offered is changed");
end
`endif

endmodule
`default_nettype wire
