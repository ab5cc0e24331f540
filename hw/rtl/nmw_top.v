// nmw_top: the device: registers, descriptor rings and matching core.
//
//      host memory --rd--> nmw_fetch --+--> nmw_book --> nmw_post --wr--> host memory
//      registers   --------- push -----+
//
// The register bus and the two DMA ports are what a shell for a board has to bring.  Commands and
// events are 32 bytes, little endian:
//      command  op, flags (bit 7: sell), sym:16, px:32 | qty:32, owner:32 | min:32, tag:32 | handle:64
//      event    kind, reason, flags (0 last, 1 sell, 7 phase), 0, sym:16, 0:16
//               | px:32, qty:32 | left:32, tag:32 | handle:64
// Pushed commands and those of the ring go in as they come; the host orders them by not using both.
`default_nettype none
module nmw_top #(
	parameter SYM_W = 4,
	parameter L = 13,
	parameter TICKS = 6000,
	parameter SLOT_W = 14,
	parameter GEN_W = 8,
	parameter OWNER_W = 16,
	parameter K = 7,
	parameter B = 6,
	parameter LINES_LOG2 = 7,
	parameter [63:0] BUILD = 64'd0
) (
	input  wire         clk,
	input  wire         rst,

	input  wire         reg_wr,
	input  wire [11:0]  reg_addr,
	input  wire [63:0]  reg_wdata,
	output wire [63:0]  reg_rdata,

	output wire         rd_valid,
	input  wire         rd_ready,
	output wire [63:0]  rd_addr,
	output wire [LINES_LOG2-1:0] rd_tag,
	input  wire         rsp_valid,
	input  wire         rsp_fault, // not allowed: rsp_data begins with the address
	input  wire [LINES_LOG2-1:0] rsp_tag,
	input  wire [511:0] rsp_data,

	output wire         wr_valid,
	input  wire         wr_ready,
	output wire [63:0]  wr_addr,
	output wire [1:0]   wr_half,
	output wire [511:0] wr_data,
	input  wire         wr_fault   // the write that is offered is not allowed
);

localparam HANDLE_W = GEN_W + SYM_W + 1 + L + SLOT_W;

// verilator lint_off UNUSEDPARAM
localparam // the list is for all modules, each uses some
`include "nmw_params.vh"
;
// verilator lint_on UNUSEDPARAM

wire         soft_rst, enable, ready, waiting, tx_far, rx_far;
wire         all_rst = rst || soft_rst;
wire [63:0]  tx_base, rx_base, oldest;
wire [3:0]   tx_log2, rx_log2;
wire [31:0]  tx_tail, tx_head, rx_head, rx_tail;
wire         push_valid, f_valid, f_ready, c_valid, c_ready, e_valid, e_ready;
wire [255:0] push_data, f_data, e_data;
wire [SLOT_W:0] free;
wire [6:0]   stat;

generate
	if (HANDLE_W > 63 || SYM_W > 15 || L > 31 || OWNER_W > 31)
		nmw_parameter_does_not_fit_the_fields_of_commands_and_events stop();
	if (LINES_LOG2 > 11)
		nmw_more_lines_in_flight_than_the_largest_ring_has stop();
endgenerate

// ---- in: pushed, else from the ring -----------------------------------------------------------------
wire [255:0] c = push_valid ? push_data : f_data;
assign c_valid = push_valid || f_valid;
assign f_ready = c_ready && !push_valid;

wire [7:0]  c_op = c[7:0];
wire [7:0]  c_flags = c[15:8];
wire [15:0] c_sym = c[31:16];
wire [31:0] c_px = c[63:32];
wire [31:0] c_owner = c[127:96];
wire c_market = (c_flags & NMW_HW_MARKET[7:0]) != 8'd0;
wire c_range = c_sym[15:SYM_W] != {(16-SYM_W){1'b0}} || (c_px[31:L] != {(32-L){1'b0}} && !c_market)
	|| c_owner[31:OWNER_W] != {(32-OWNER_W){1'b0}};

nmw_fetch #(.LINES_LOG2(LINES_LOG2)) fetch (
	.clk(clk), .rst(all_rst), .enable(enable && ready), .base(tx_base), .log2(tx_log2), .tail(tx_tail),
	.head(tx_head), .waiting(waiting), .far(tx_far), .oldest(oldest),
	.rd_valid(rd_valid), .rd_ready(rd_ready), .rd_addr(rd_addr), .rd_tag(rd_tag),
	// what was asked for before a reset comes while the RAMs are cleared
	.rsp_valid(rsp_valid && !rsp_fault && ready), .rsp_tag(rsp_tag), .rsp_data(rsp_data),
	.m_valid(f_valid), .m_ready(f_ready), .m_data(f_data));

// ---- core ----------------------------------------------------------------------------------------------
wire [2:0]          e_kind;
wire [3:0]          e_reason;
wire                e_last, e_sell;
wire [SYM_W-1:0]    e_sym;
wire [L-1:0]        e_px;
wire [31:0]         e_qty, e_left, e_tag;
wire [HANDLE_W-1:0] e_handle;
nmw_book #(.SYM_W(SYM_W), .L(L), .TICKS(TICKS), .SLOT_W(SLOT_W), .GEN_W(GEN_W), .OWNER_W(OWNER_W),
	.K(K), .B(B)) book (
	.clk(clk), .rst(all_rst), .ready(ready),
	.s_cmd_valid(c_valid), .s_cmd_ready(c_ready), .s_cmd_op(c_op[1:0]), .s_cmd_sell(c_flags[7]),
	.s_cmd_flags(c_flags[3:0]), .s_cmd_sym(c_sym[SYM_W-1:0]), .s_cmd_px(c_px[L-1:0]),
	.s_cmd_range(c_range), .s_cmd_qty(c[95:64]), .s_cmd_min(c[159:128]),
	.s_cmd_owner(c_owner[OWNER_W-1:0]), .s_cmd_tag(c[191:160]), .s_cmd_handle(c[192 +: HANDLE_W]),
	.m_evt_valid(e_valid), .m_evt_ready(e_ready), .m_evt_kind(e_kind), .m_evt_reason(e_reason),
	.m_evt_last(e_last), .m_evt_sell(e_sell), .m_evt_sym(e_sym), .m_evt_px(e_px), .m_evt_qty(e_qty),
	.m_evt_left(e_left), .m_evt_tag(e_tag), .m_evt_handle(e_handle), .free(free),
	.stat_cmd(stat[0]), .stat_fill(stat[1]), .stat_wait_evt(stat[2]), .stat_wait_level(stat[3]),
	.stat_wait_head(stat[4]), .stat_wait_min(stat[5]), .stat_wait_slot(stat[6]));

// ---- out -----------------------------------------------------------------------------------------------
assign e_data = {{(64-HANDLE_W){1'b0}}, e_handle, e_tag, e_left, e_qty, {(32-L){1'b0}}, e_px,
	16'd0, {(16-SYM_W){1'b0}}, e_sym, 8'd0, 6'd0, e_sell, e_last, 4'd0, e_reason, 5'd0, e_kind};
nmw_post post (
	.clk(clk), .rst(all_rst), .enable(enable), .base(rx_base), .log2(rx_log2), .head(rx_head),
	.tail(rx_tail), .far(rx_far), .s_valid(e_valid), .s_ready(e_ready), .s_data(e_data),
	.wr_valid(wr_valid), .wr_ready(wr_ready), .wr_addr(wr_addr), .wr_half(wr_half), .wr_data(wr_data));

// ---- latency: cycles from the command's taking to its last event's ----------------------------------------
// Commands are done in order, so their times are a queue, deeper than the core (nmw_fifo's check).
reg [15:0] time_reg;
wire [15:0] since;
wire        since_valid;
wire [4:0]  since_count;
wire        e_done = e_valid && e_ready && e_last;
always @(posedge clk)
	if (all_rst)
		time_reg <= 16'd0;
	else
		time_reg <= time_reg + 16'd1;
nmw_fifo #(.W(16), .LOG2(4)) times (.clk(clk), .flush(all_rst), .put(c_valid && c_ready),
	.put_data(time_reg), .valid(since_valid), .get(e_done), .data(since), .count(since_count));

// ---- registers ----------------------------------------------------------------------------------------------
nmw_regs #(.SYM_W(SYM_W), .L(L), .TICKS(TICKS), .SLOT_W(SLOT_W), .GEN_W(GEN_W), .OWNER_W(OWNER_W),
	.K(K), .B(B), .LINES_LOG2(LINES_LOG2), .BUILD(BUILD)) registers (
	.clk(clk), .rst(rst), .wr(reg_wr), .addr(reg_addr), .wdata(reg_wdata), .rdata(reg_rdata),
	.soft_rst(soft_rst), .enable(enable), .ready(ready),
	.idle(!waiting && !f_valid && !push_valid && !e_valid && !since_valid && !wr_valid),
	.tx_base(tx_base), .tx_log2(tx_log2), .tx_tail(tx_tail), .tx_head(tx_head),
	.rx_base(rx_base), .rx_log2(rx_log2), .rx_head(rx_head), .rx_tail(rx_tail),
	.push_valid(push_valid), .push_ready(c_ready), .push_data(push_data),
	.rd_fault(rsp_valid && rsp_fault && ready), .wr_fault(wr_fault), .rd_fault_addr(rsp_data[63:0]),
	.rd_addr(rd_valid ? rd_addr : oldest), .wr_addr(wr_addr), .tx_far(tx_far), .rx_far(rx_far),
	.stuck_rd((rd_valid && !rd_ready) || (waiting && !rsp_valid && !f_valid)),
	.stuck_wr(wr_valid && !wr_ready),
	.n_cmd(stat[0]), .n_event(e_valid && e_ready), .n_fill(stat[1]), .n_wait(stat[6:2]),
	.n_rd(rd_valid && rd_ready), .n_wr(wr_valid && wr_ready), .free(free),
	.lat_valid(e_done), .lat(time_reg - since));

wire unused = &{1'b0, c_op[7:2], c_flags[6:4], c[255:192], since_count};

endmodule
`default_nettype wire
