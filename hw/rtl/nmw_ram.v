// nmw_ram: block RAM with one write and one read port.
//
// Timing   raddr in cycle t, rdata in t+1. A write in the cycle of a read of the same address is
//          seen by it: the last written word is kept beside the RAM and chosen by a registered
//          comparison, one multiplexer behind the RAM.
// Reset    none: contents are what was written.
`default_nettype none
module nmw_ram #(
	parameter ADDR_W = 10, // words: 2^ADDR_W
	parameter DATA_W = 32
) (
	input  wire              clk,
	input  wire              we,
	input  wire [ADDR_W-1:0] waddr,
	input  wire [DATA_W-1:0] wdata,
	input  wire [ADDR_W-1:0] raddr,
	output wire [DATA_W-1:0] rdata
);

(* ram_style = "block" *)
reg [DATA_W-1:0] mem [0:(1 << ADDR_W)-1];
reg [DATA_W-1:0] ram_reg;
reg [DATA_W-1:0] written_reg;
reg              hit_reg;

always @(posedge clk) begin
	if (we)
		mem[waddr] <= wdata;
	ram_reg <= mem[raddr];
	written_reg <= wdata;
	hit_reg <= we && waddr == raddr;
end

assign rdata = hit_reg ? written_reg : ram_reg;

`ifdef FORMAL_RAM
// Of any one address, what is read is what was written last, a write in the same cycle included.
(* anyconst *) reg [ADDR_W-1:0] f_any;
reg              f_known = 1'b0, f_asked = 1'b0;
reg [DATA_W-1:0] f_last;
always @(posedge clk) begin
	if (we && waddr == f_any) begin
		f_known <= 1'b1;
		f_last <= wdata;
	end
	f_asked <= raddr == f_any && (f_known || (we && waddr == f_any));
end
always @* begin
	if (f_known)
		assert (mem[f_any] == f_last);
	if (f_asked) begin
		assert (f_known);
		assert (rdata == f_last);
	end
end
`endif

endmodule
`default_nettype wire
