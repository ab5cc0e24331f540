// nmw_wire_top: the device between two ports of frames.
//
//      s_axis --> nmw_wire_in --+--> nmw_wire_core --+-- replies --> nmw_wire_out --> m_axis
//      s_host (messages) -------+    (nmw_book)      +-- feed -----/
//                                \                    \
//                                 m_see_msg            m_see_reply, m_see_feed, m_host (unfit)
//      registers --- nmw_wire_regs
//
// A message of the host and one of a frame meet before the core, in one order; what the core takes
// is shown to the host at m_see_msg in that order, and so is what it puts out, per stream.
//
// Timing   the streams have valid and ready. Who looks on has to take what is shown: it holds up
//          the core as a port that is not taken does. A frame is let in while the device is enabled;
//          one that began is let in to its end.
// Reset    by register, in mid-run, breaks no frame at the ports: of one that is coming in the rest is
//          taken and dropped (counted), one that is going out is ended with m_axis_tuser_err. What is
//          shown to the host is withdrawn, and its message too: the host asked for the reset.
// Ports    AXI stream of 512 bits, byte 0 in bits 7:0, no check sequence; s_axis_tuser: time of
//          arrival, ns since the epoch, s_axis_tuser_err: damaged; m_axis_tuser: the time of the frame
//          that caused it; m_axis_tuser_err, with tlast: cut, to be dropped. The shape of OpenNIC's 250 MHz user box.
`default_nettype none
module nmw_wire_top #(
	parameter SYM_W = 4,
	parameter L = 13,
	parameter TICKS = 6000,
	parameter SLOT_W = 14,
	parameter GEN_W = 8,
	parameter OWNER_W = 16,
	parameter K = 7,
	parameter B = 6,
	parameter [63:0] BUILD = 64'd0,
	parameter MSG_W = 857, // records: nmw_wire_msg.vh, nmw_wire_out.vh
	parameter OUT_W = 939
) (
	input  wire             clk,
	input  wire             rst,

	input  wire             reg_wr,
	input  wire [11:0]      reg_addr,
	input  wire [63:0]      reg_wdata,
	output wire [63:0]      reg_rdata,

	input  wire             s_axis_tvalid,
	output wire             s_axis_tready,
	input  wire [511:0]     s_axis_tdata,
	input  wire [63:0]      s_axis_tkeep,
	input  wire             s_axis_tlast,
	input  wire [63:0]      s_axis_tuser,
	input  wire             s_axis_tuser_err,

	output wire             m_axis_tvalid,
	input  wire             m_axis_tready,
	output wire [511:0]     m_axis_tdata,
	output wire [63:0]      m_axis_tkeep,
	output wire             m_axis_tlast,
	output wire [63:0]      m_axis_tuser,
	output wire             m_axis_tuser_err,

	input  wire             s_host_valid,
	output wire             s_host_ready,
	input  wire [MSG_W-1:0] s_host_data,

	output wire             m_host_valid, // the core leaves it to the host
	input  wire             m_host_ready,
	output wire [MSG_W-1:0] m_host_data,

	output wire             m_see_msg_valid,
	input  wire             m_see_msg_ready,
	output wire [MSG_W-1:0] m_see_msg_data,
	output wire             m_see_reply_valid,
	input  wire             m_see_reply_ready,
	output wire [OUT_W-1:0] m_see_reply_data,
	output wire             m_see_feed_valid,
	input  wire             m_see_feed_ready,
	output wire [OUT_W-1:0] m_see_feed_data
);

// verilator lint_off UNUSEDPARAM
localparam // where fields begin: each module uses some
`include "nmw_wire_msg.vh"
;
// verilator lint_on UNUSEDPARAM

generate
	if (MSG_W != NMW_MSG_W)
		nmw_parameter_MSG_W_is_not_that_of_nmw_wire_msg_vh stop();
endgenerate

wire         soft_rst, enable, ready, idle, core_idle, closed;
wire [1:0]   stp;
wire         all_rst = rst || soft_rst;
wire [63:0]  utc;
wire [47:0]  mac, feed_mac;
wire [31:0]  host_ip, feed_ip, source_ip;
wire [15:0]  host_port, feed_port, source_port;
wire [79:0]  session;
wire [16*64-1:0] sym_name;
wire [16*16-1:0] sym_locate;
wire [16*32-1:0] sym_lot, sym_base, sym_step;
wire [16*8-1:0] sym_state;
wire [15:0]  sym_valid, sym_listed;
wire [26:0]  stat_in;
wire [63:0]  missing;
wire [20:0]  stat_core;
wire [SLOT_W:0] free;
wire [7:0]   stat_out;
wire [31:0]  heartbeat;

// ---- in: while enabled, whole frames ------------------------------------------------------------------
reg  inside_reg; // between the words of a frame
reg  skip_reg;   // a reset cut it: its rest is taken and dropped
wire in_open = (inside_reg || enable) && !skip_reg && !soft_rst;
wire in_ready;
wire in_take = s_axis_tvalid && s_axis_tready;
wire in_last = in_take && s_axis_tlast;
always @(posedge clk) begin
	if (in_take)
		inside_reg <= !s_axis_tlast;
	skip_reg <= soft_rst ? inside_reg : skip_reg && !in_last;
	if (rst)
		{inside_reg, skip_reg} <= 2'b00;
end
assign s_axis_tready = (in_ready && in_open) || (skip_reg && !soft_rst);

wire             f_valid, f_ready;
wire [MSG_W-1:0] f_data;
wire             cli_wr;
wire [3:0]       cli_index;
wire [47:0]      cli_src_mac, cli_dst_mac;
wire [31:0]      cli_src_ip, cli_dst_ip;
wire [15:0]      cli_src_port, cli_dst_port;
wire [1:0]       cli_vlan;
wire [63:0]      cli_tci;
nmw_wire_in in (
	.clk(clk), .rst(all_rst),
	.s_axis_tvalid(s_axis_tvalid && in_open), .s_axis_tready(in_ready), .s_axis_tdata(s_axis_tdata),
	.s_axis_tkeep(s_axis_tkeep), .s_axis_tlast(s_axis_tlast), .s_axis_tuser(s_axis_tuser),
	.s_axis_tuser_err(s_axis_tuser_err),
	.cfg_utc(utc), .cfg_own_ip(host_ip), .cfg_own_port(host_port),
	.sym_valid(sym_valid), .sym_name(sym_name), .sym_base(sym_base), .sym_step(sym_step),
	.m_msg_valid(f_valid), .m_msg_ready(f_ready), .m_msg_data(f_data),
	.cli_wr(cli_wr), .cli_index(cli_index), .cli_src_mac(cli_src_mac), .cli_dst_mac(cli_dst_mac),
	.cli_src_ip(cli_src_ip), .cli_dst_ip(cli_dst_ip), .cli_src_port(cli_src_port),
	.cli_dst_port(cli_dst_port), .cli_vlan(cli_vlan), .cli_tci(cli_tci), .stat(stat_in), .stat_missing(missing));

// ---- the arbiter: the host's message goes first, then one of a frame that waits -----------------------
reg  host_reg; // the host had the last one, or has this
reg  hold_reg; // what is offered was not taken: it stays
wire msg_host = hold_reg ? host_reg : s_host_valid && !(host_reg && f_valid);
wire msg_valid = s_host_valid || f_valid;
wire [MSG_W-1:0] msg_data = msg_host ? s_host_data : f_data;
wire msg_ready, core_ready, see_msg_room;
wire msg_take = msg_valid && msg_ready;
wire [2:0] msg_kind = msg_data[NMW_MSG_KIND +: NMW_MSG_KIND_W];
always @(posedge clk) begin
	if (msg_valid)
		host_reg <= msg_host;
	hold_reg <= msg_valid && !msg_ready;
	if (all_rst)
		{host_reg, hold_reg} <= 2'b00;
end
assign msg_ready = core_ready && see_msg_room;
assign s_host_ready = msg_ready && msg_host;
assign f_ready = msg_ready && !msg_host;

nmw_skid #(.W(MSG_W)) see_msg (.clk(clk), .rst(all_rst), .s_valid(msg_valid && core_ready),
	.s_ready(see_msg_room), .s_data(msg_data), .m_valid(m_see_msg_valid), .m_ready(m_see_msg_ready),
	.m_data(m_see_msg_data));

// ---- the core -----------------------------------------------------------------------------------------
wire             rep_valid, rep_ready, rep_room, see_rep_room;
wire             feed_valid, feed_ready, feed_room, see_feed_room;
wire [OUT_W-1:0] rep_data, feed_data;
nmw_wire_core #(.SYM_W(SYM_W), .L(L), .TICKS(TICKS), .SLOT_W(SLOT_W), .GEN_W(GEN_W), .OWNER_W(OWNER_W),
	.K(K), .B(B)) core (
	.clk(clk), .rst(all_rst), .ready(ready), .idle(core_idle),
	.s_msg_valid(msg_valid && see_msg_room), .s_msg_ready(core_ready), .s_msg_data(msg_data),
	.cfg_closed(closed), .cfg_stp(stp),
	.sym_listed(sym_listed), .sym_state(sym_state), .sym_name(sym_name), .sym_locate(sym_locate),
	.sym_lot(sym_lot), .sym_base(sym_base), .sym_step(sym_step), .free(free),
	.m_rep_valid(rep_valid), .m_rep_ready(rep_ready), .m_rep_data(rep_data),
	.m_feed_valid(feed_valid), .m_feed_ready(feed_ready), .m_feed_data(feed_data),
	.m_host_valid(m_host_valid), .m_host_ready(m_host_ready), .m_host_data(m_host_data),
	.stat(stat_core));

assign rep_ready = rep_room && see_rep_room;
assign feed_ready = feed_room && see_feed_room;
nmw_skid #(.W(OUT_W)) see_reply (.clk(clk), .rst(all_rst), .s_valid(rep_valid && rep_room),
	.s_ready(see_rep_room), .s_data(rep_data), .m_valid(m_see_reply_valid),
	.m_ready(m_see_reply_ready), .m_data(m_see_reply_data));
nmw_skid #(.W(OUT_W)) see_feed (.clk(clk), .rst(all_rst), .s_valid(feed_valid && feed_room),
	.s_ready(see_feed_room), .s_data(feed_data), .m_valid(m_see_feed_valid),
	.m_ready(m_see_feed_ready), .m_data(m_see_feed_data));

// ---- out ------------------------------------------------------------------------------------------------
nmw_wire_out out (
	.clk(clk), .rst(all_rst), .port_rst(rst),
	.s_rep_valid(rep_valid && see_rep_room), .s_rep_ready(rep_room), .s_rep_data(rep_data),
	.s_feed_valid(feed_valid && see_feed_room), .s_feed_ready(feed_room), .s_feed_data(feed_data),
	.cli_wr(cli_wr), .cli_index(cli_index), .cli_src_mac(cli_src_mac), .cli_dst_mac(cli_dst_mac),
	.cli_src_ip(cli_src_ip), .cli_dst_ip(cli_dst_ip), .cli_src_port(cli_src_port),
	.cli_dst_port(cli_dst_port), .cli_vlan(cli_vlan), .cli_tci(cli_tci),
	.cfg_session(session), .cfg_heartbeat(heartbeat), .cfg_end(1'b0), .cfg_feed_on(1'b1),
	.cfg_mac(mac), .cfg_feed_mac(feed_mac), .cfg_feed_ip(feed_ip), .cfg_feed_port(feed_port),
	.cfg_feed_src_ip(source_ip), .cfg_feed_src_port(source_port), .cfg_feed_vlan(2'd0),
	.cfg_feed_tci(64'd0),
	.m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready), .m_axis_tdata(m_axis_tdata),
	.m_axis_tkeep(m_axis_tkeep), .m_axis_tlast(m_axis_tlast), .m_axis_tuser(m_axis_tuser),
	.m_axis_tuser_err(m_axis_tuser_err), .stat(stat_out));

// ---- nothing is on its way: nothing moved for a while --------------------------------------------------
reg [9:0] still_reg;
wire moves = (s_axis_tvalid && (in_open || skip_reg)) || f_valid || s_host_valid || rep_valid || feed_valid || m_host_valid
	|| m_axis_tvalid || m_see_msg_valid || m_see_reply_valid || m_see_feed_valid || !core_idle;
always @(posedge clk)
	if (all_rst || moves)
		still_reg <= 10'd0;
	else if (!idle)
		still_reg <= still_reg + 10'd1;
assign idle = &still_reg;

// ---- registers ------------------------------------------------------------------------------------------
wire [6:0] n_kind;
genvar g;
generate
	for (g = 0; g < 7; g = g + 1) begin : kinds
		assign n_kind[g] = msg_take && msg_kind == g;
	end
endgenerate
wire [17:0] n_frames = {m_host_valid && m_host_ready, msg_valid && !msg_ready, feed_valid && feed_ready,
	rep_valid && rep_ready, n_kind, s_host_valid && s_host_ready,
	m_axis_tvalid && !m_axis_tready, m_axis_tvalid && m_axis_tready,
	m_axis_tvalid && m_axis_tready && m_axis_tlast,
	s_axis_tvalid && in_open && !in_ready, in_take, in_last};
wire stuck = (m_axis_tvalid && !m_axis_tready) || (m_see_msg_valid && !m_see_msg_ready)
	|| (m_see_reply_valid && !m_see_reply_ready) || (m_see_feed_valid && !m_see_feed_ready)
	|| (m_host_valid && !m_host_ready);

nmw_wire_regs #(.SYM_W(SYM_W), .L(L), .TICKS(TICKS), .SLOT_W(SLOT_W), .GEN_W(GEN_W), .OWNER_W(OWNER_W),
	.K(K), .B(B), .BUILD(BUILD)) registers (
	.clk(clk), .rst(rst), .wr(reg_wr), .addr(reg_addr), .wdata(reg_wdata), .rdata(reg_rdata),
	.soft_rst(soft_rst), .enable(enable), .ready(ready), .idle(idle), .stuck(stuck),
	.utc(utc), .closed(closed), .stp(stp), .mac(mac), .host_ip(host_ip), .host_port(host_port),
	.feed_mac(feed_mac), .feed_ip(feed_ip), .feed_port(feed_port), .source_ip(source_ip),
	.source_port(source_port), .session(session), .heartbeat(heartbeat),
	.sym_name(sym_name), .sym_locate(sym_locate), .sym_lot(sym_lot), .sym_base(sym_base),
	.sym_step(sym_step), .sym_valid(sym_valid), .sym_listed(sym_listed), .sym_state(sym_state),
	.n_frames(n_frames), .n_cut(skip_reg && in_last), .n_parse(stat_in), .n_missing(missing), .n_core(stat_core), .n_send(stat_out));

wire unused = &{1'b0, free};

endmodule
`default_nettype wire
