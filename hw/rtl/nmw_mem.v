// nmw_mem: block RAM with one write and one read port, and what is needed beside it where a write and
// a read of the same address meet.
//
// Timing   raddr in cycle t; in t+1 `stored` is what the RAM had, and where `hit` is 1 `written` is what
//          there is. LATE: 1: the addresses are compared in t+1, for one that comes late; 2: `we` comes
//          late, and is looked at in t+1; the addresses are compared in two levels.
// Reset    none: contents are what was written.
`default_nettype none
module nmw_mem #(
	parameter ADDR_W = 10, // words: 2^ADDR_W
	parameter DATA_W = 32,
	parameter LATE = 0
) (
	input  wire              clk,
	input  wire              we,
	input  wire [ADDR_W-1:0] waddr,
	input  wire [DATA_W-1:0] wdata,
	input  wire [ADDR_W-1:0] raddr,
	output wire [DATA_W-1:0] stored,
	output wire              hit,
	output wire [DATA_W-1:0] written
);

// A block has 32 Kbit. yosys would lay several of them end to end, with a multiplexer behind; so it is
// given memories that are as wide as one block is at this depth.
`ifdef YOSYS
localparam FIT = (ADDR_W < 15) ? 1 << (15 - ADDR_W) : 1;
localparam PART = (FIT < DATA_W) ? FIT : DATA_W;
`else
localparam PART = DATA_W;
`endif

reg [DATA_W-1:0] written_reg;
genvar i;
generate
	for (i = 0; i < DATA_W; i = i + PART) begin : part
		localparam W = (DATA_W - i < PART) ? DATA_W - i : PART;
		(* ram_style = "block" *)
		reg [W-1:0] mem [0:(1 << ADDR_W)-1];
		reg [W-1:0] ram_reg;
		always @(posedge clk) begin
			if (we)
				mem[waddr] <= wdata[i +: W];
			ram_reg <= mem[raddr];
		end
		assign stored[i +: W] = ram_reg;
	end
	if (LATE == 2) begin : late_we
		wire same;
		reg  we_reg, same_reg;
		nmw_same #(.W(ADDR_W), .PARTS(1)) compare (.a(waddr), .b(raddr), .same(same));
		always @(posedge clk) begin
			we_reg <= we;
			same_reg <= same;
		end
		assign hit = we_reg && same_reg;
	end else if (LATE) begin : late
		reg              we_reg;
		reg [ADDR_W-1:0] waddr_reg, raddr_reg;
		always @(posedge clk) begin
			we_reg <= we;
			waddr_reg <= waddr;
			raddr_reg <= raddr;
		end
		assign hit = we_reg && waddr_reg == raddr_reg;
	end else begin : early
		reg hit_reg;
		always @(posedge clk)
			hit_reg <= we && waddr == raddr;
		assign hit = hit_reg;
	end
endgenerate

always @(posedge clk)
	written_reg <= wdata;
assign written = written_reg;

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
		assert (part[0].mem[f_any] == f_last);
	if (f_asked) begin
		assert (f_known);
		assert ((hit ? written : stored) == f_last);
	end
end
`endif

endmodule
`default_nettype wire
