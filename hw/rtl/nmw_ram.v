// nmw_ram: block RAM with one write and one read port.
//
// Timing   raddr in cycle t, rdata in t+1. A write in the cycle of a read of the same address is
//          seen by it: one multiplexer behind the RAM. LATE: what comes late (nmw_mem).
// Reset    none: contents are what was written.
`default_nettype none
module nmw_ram #(
	parameter ADDR_W = 10, // words: 2^ADDR_W
	parameter DATA_W = 32,
	parameter LATE = 0
) (
	input  wire              clk,
	input  wire              we,
	input  wire [ADDR_W-1:0] waddr,
	input  wire [DATA_W-1:0] wdata,
	input  wire [ADDR_W-1:0] raddr,
	output wire [DATA_W-1:0] rdata
);

wire              hit;
wire [DATA_W-1:0] stored, written;
nmw_mem #(.ADDR_W(ADDR_W), .DATA_W(DATA_W), .LATE(LATE)) store (
	.clk(clk), .we(we), .waddr(waddr), .wdata(wdata), .raddr(raddr),
	.stored(stored), .hit(hit), .written(written));
assign rdata = hit ? written : stored;

endmodule
`default_nettype wire
