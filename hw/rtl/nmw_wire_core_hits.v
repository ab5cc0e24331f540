// nmw_wire_core_hits: which ways of nmw_wire_core_index are found.
//
// Combinational, no clock: two levels. Mapped by itself, as nmw_same is.
`default_nettype none
(* keep_hierarchy *)
module nmw_wire_core_hits (
	input  wire [3:0]  busy,
	input  wire [3:0]  sure,
	input  wire [3:0]  passed,      // what was written stands in for what is stored
	input  wire [3:0]  passed_same,
	input  wire [11:0] same,        // parts of what is stored
	output wire [3:0]  hits,
	output wire        hit,
	output wire        known
);

wire [3:0] right;
genvar w;
generate
	for (w = 0; w < 4; w = w + 1) begin : way
		assign right[w] = passed[w] ? passed_same[w] : &same[3*w +: 3];
	end
endgenerate
assign hits = right & busy;
assign hit = |hits;
assign known = |(right & sure);

endmodule
`default_nettype wire
