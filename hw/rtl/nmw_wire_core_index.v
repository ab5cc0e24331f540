// nmw_wire_core_index: which resting order a client's user reference number names.
//
// A set of four ways for every value of the number's low bits, mixed with the client; dense, rising
// numbers spread over the sets by themselves. A way holds the whole number and the client, which are
// compared, and the order's handle. It is busy from when an order that may rest is sent to the book
// until the order is gone, and known once its handle is.
//
//      front   looks up, and makes ways busy      busy, known: a bit in each of two RAMs, and set
//      back    gives handles, and frees ways      when the two differ: each side writes one of them
//
// Timing   f_set in cycle t, f_* and f_want in t+1; b_set in t, b_* in t+1; what is written in t is seen by a
//          read of cycle t. A way that is free is the front's to write, a busy one the back's.
// Reset    clears both RAMs, 2^SET_W cycles; nothing may be asked before `ready`.
`default_nettype none
module nmw_wire_core_index #(
	parameter SET_W = 14,    // sets: 2^SET_W, four orders each
	parameter HANDLE_W = 40
) (
	input  wire                  clk,
	input  wire                  rst,
	output wire                  ready,

	input  wire [SET_W-1:0]      f_set,
	output wire [7:0]            f_front, // known of ways 3..0, busy of ways 3..0: the front's bits
	output wire [7:0]            f_back,  // the back's
	input  wire [35:0]           f_want,  // with f_*: the client and number that are looked for
	output wire [3:0]            f_hits,  // ways that are busy and have them
	output wire                  f_hit,   // one of them does
	output wire                  f_sure,  // and its handle is known
	output wire [4*HANDLE_W-1:0] f_handle,
	input  wire                  fw_valid,
	input  wire [SET_W-1:0]      fw_set,
	input  wire [7:0]            fw_front,
	input  wire [3:0]            fw_way,   // one of them
	input  wire [35:0]           fw_key,   // client, number

	input  wire [SET_W-1:0]      b_set,
	output wire [7:0]            b_front,
	output wire [7:0]            b_back,
	input  wire                  bw_valid,
	input  wire [SET_W-1:0]      bw_set,
	input  wire [7:0]            bw_back,
	input  wire [3:0]            bw_way,   // the one whose handle is written, or none
	input  wire [HANDLE_W-1:0]   bw_handle
);

reg             ready_reg;
reg [SET_W-1:0] init_reg;
always @(posedge clk) begin
	init_reg <= init_reg + 1'b1;
	if (&init_reg)
		ready_reg <= 1'b1;
	if (rst) begin
		ready_reg <= 1'b0;
		init_reg <= {SET_W{1'b0}};
	end
end
assign ready = ready_reg;

wire             ww_front = fw_valid || !ready_reg;
wire [SET_W-1:0] wa_front = ready_reg ? fw_set : init_reg;
wire [7:0]       wd_front = ready_reg ? fw_front : 8'd0;
wire             ww_back = bw_valid || !ready_reg;
wire [SET_W-1:0] wa_back = ready_reg ? bw_set : init_reg;
wire [7:0]       wd_back = ready_reg ? bw_back : 8'd0;

nmw_ram #(.ADDR_W(SET_W), .DATA_W(8), .LATE(2)) front_f (.clk(clk), .we(ww_front), .waddr(wa_front),
	.wdata(wd_front), .raddr(f_set), .rdata(f_front));
nmw_ram #(.ADDR_W(SET_W), .DATA_W(8), .LATE(2)) front_b (.clk(clk), .we(ww_front), .waddr(wa_front),
	.wdata(wd_front), .raddr(b_set), .rdata(b_front));
nmw_ram #(.ADDR_W(SET_W), .DATA_W(8), .LATE(2)) back_f (.clk(clk), .we(ww_back), .waddr(wa_back),
	.wdata(wd_back), .raddr(f_set), .rdata(f_back));
nmw_ram #(.ADDR_W(SET_W), .DATA_W(8), .LATE(2)) back_b (.clk(clk), .we(ww_back), .waddr(wa_back),
	.wdata(wd_back), .raddr(b_set), .rdata(b_back));

// What comes late in t+1 is what the RAM gives, and whether it counts: compared in nmw_same, then two
// levels in nmw_wire_core_hits.
wire [3:0]  busy = f_front[3:0] ^ f_back[3:0];
wire [3:0]  sure = busy & (f_front[7:4] ^ f_back[7:4]);
wire [3:0]  passed, passed_same;
wire [11:0] same;
nmw_wire_core_hits find (.busy(busy), .sure(sure), .passed(passed), .passed_same(passed_same), .same(same),
	.hits(f_hits), .hit(f_hit), .known(f_sure));
genvar w, k;
generate
	for (w = 0; w < 4; w = w + 1) begin : way
		wire [35:0] stored, written;
		nmw_mem #(.ADDR_W(SET_W), .DATA_W(36), .LATE(2)) key (.clk(clk), .we(fw_valid && fw_way[w]), .waddr(fw_set),
			.wdata(fw_key), .raddr(f_set), .stored(stored), .hit(passed[w]), .written(written));
		for (k = 0; k < 3; k = k + 1) begin : part
			nmw_same #(.W(12)) of_stored (.a(stored[12*k +: 12]), .b(f_want[12*k +: 12]), .same(same[3*w + k]));
		end
		assign passed_same[w] = written == f_want;
		nmw_ram #(.ADDR_W(SET_W), .DATA_W(HANDLE_W), .LATE(2)) handle (.clk(clk), .we(bw_valid && bw_way[w]),
			.waddr(bw_set), .wdata(bw_handle), .raddr(f_set), .rdata(f_handle[HANDLE_W*w +: HANDLE_W]));
	end
endgenerate

endmodule
`default_nettype wire
