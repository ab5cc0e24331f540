// The encoder: the mask is the highest bit that is set, the index is its number. Combinational, so
// one step of induction proves it for ever.
`default_nettype none
module f_first #(parameter LOG2 = 6) (input wire clk, input wire [(1<<LOG2)-1:0] bits);
wire any;
wire [LOG2-1:0] index;
wire [(1<<LOG2)-1:0] mask;
nmw_first #(.LOG2(LOG2)) dut (.bits(bits), .any(any), .index(index), .mask(mask));
always @(posedge clk) begin
	assert (any == (bits != 0));
	if (any) begin
		assert (mask == {{((1<<LOG2)-1){1'b0}}, 1'b1} << index);
		assert ((bits >> index) == 1);
	end else
		assert (mask == 0);
end
endmodule
