// nmw_wire_out_ram: block RAM of words of 64 bytes, each byte with its own write enable.
//
// Timing   ren and raddr in cycle t, rdata in t+1 and until the next ren. A write and a read of one
//          word must not meet in one cycle: the packer's frames are read after they were written.
// Reset    none: contents are what was written.
`default_nettype none
module nmw_wire_out_ram #(
	parameter ADDR_W = 8 // words: 2^ADDR_W
) (
	input  wire              clk,
	input  wire [63:0]       wen,
	input  wire [ADDR_W-1:0] waddr,
	input  wire [511:0]      wdata,
	input  wire              ren,
	input  wire [ADDR_W-1:0] raddr,
	output wire [511:0]      rdata
);

genvar g;
generate
	for (g = 0; g < 8; g = g + 1) begin : eight // bytes, as wide as a block RAM is
		(* ram_style = "block" *)
		reg [63:0] mem [0:(1 << ADDR_W)-1];
		reg [63:0] rdata_reg;
		integer    i;
		always @(posedge clk) begin
			for (i = 0; i < 8; i = i + 1)
				if (wen[8*g + i])
					mem[waddr][8*i +: 8] <= wdata[64*g + 8*i +: 8];
			if (ren)
				rdata_reg <= mem[raddr];
		end
		assign rdata[64*g +: 64] = rdata_reg;
	end
endgenerate

endmodule
`default_nettype wire
