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
// Timing   f_set in cycle t, f_* in t+1; b_set in t, b_* in t+1; what is written in t is seen by a
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
	output wire [4*36-1:0]       f_key,
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

nmw_ram #(.ADDR_W(SET_W), .DATA_W(8)) front_f (.clk(clk), .we(ww_front), .waddr(wa_front),
	.wdata(wd_front), .raddr(f_set), .rdata(f_front));
nmw_ram #(.ADDR_W(SET_W), .DATA_W(8)) front_b (.clk(clk), .we(ww_front), .waddr(wa_front),
	.wdata(wd_front), .raddr(b_set), .rdata(b_front));
nmw_ram #(.ADDR_W(SET_W), .DATA_W(8)) back_f (.clk(clk), .we(ww_back), .waddr(wa_back),
	.wdata(wd_back), .raddr(f_set), .rdata(f_back));
nmw_ram #(.ADDR_W(SET_W), .DATA_W(8)) back_b (.clk(clk), .we(ww_back), .waddr(wa_back),
	.wdata(wd_back), .raddr(b_set), .rdata(b_back));

genvar w;
generate
	for (w = 0; w < 4; w = w + 1) begin : way
		nmw_ram #(.ADDR_W(SET_W), .DATA_W(36)) key (.clk(clk), .we(fw_valid && fw_way[w]),
			.waddr(fw_set), .wdata(fw_key), .raddr(f_set), .rdata(f_key[36*w +: 36]));
		nmw_ram #(.ADDR_W(SET_W), .DATA_W(HANDLE_W)) handle (.clk(clk), .we(bw_valid && bw_way[w]),
			.waddr(bw_set), .wdata(bw_handle), .raddr(f_set), .rdata(f_handle[HANDLE_W*w +: HANDLE_W]));
	end
endgenerate

endmodule
`default_nettype wire
