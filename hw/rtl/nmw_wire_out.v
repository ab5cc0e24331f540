// nmw_wire_out: messages that go out, in frames: OUCH 5.0 to clients, ITCH 5.0 to the feed, each in
// MoldUDP64, UDP, IPv4 and Ethernet.
//
//   replies -> _ouch -> _pack (16 frames) --+            _table
//                                           +--> _turn --> _head --> AXI stream, 512 bits
//   feed ----> _itch -> _pack (1 frame) ----+
//
// A message is written where it will be in its frame as soon as it comes: what waits for a
// destination is one frame, which grows until its turn is taken. So messages to one destination
// share a frame when, and only when, the port is busy with others; none waits for time. A message
// never waits for another one, for the `last` of its inbound message, or for its own end.
//
// The header of a frame goes out first, with lengths and the UDP checksum over what follows: it
// waits for the sum of the last message that is in the frame, which is there 3 cycles after that
// message was placed, in parallel with its way into the buffer, and delays nothing.
//
// Timing   record to first word of its frame 7 cycles when nobody waits (the register before s_ready
//          included). A reply and a feed message a cycle; a word a cycle out, without a gap between
//          frames. A message that finds its frame full waits, and its stream with it.
// Order    each destination's messages go out in the order in which they came, numbered from 1.
// Ready    s_*_ready are registers; nothing is lost. m_axis_tvalid does not wait for tready, and stays.
// Reset    33 cycles, in which messages are taken and wait. A frame that is going out is ended, cut.
`default_nettype none
module nmw_wire_out #(
	parameter W = 939 // bits of a record: NMW_WO_W
) (
	input  wire         clk,
	input  wire         rst,
	input  wire         port_rst,          // with rst: who takes m_axis is reset too

	input  wire [79:0]  cfg_session,       // name of the session, its first byte in the low bits
	input  wire [31:0]  cfg_heartbeat,     // cycles, 0: none
	input  wire         cfg_end,           // for one cycle: the end of all sessions
	input  wire         cfg_feed_on,       // the addresses of the feed are set
	input  wire [47:0]  cfg_mac,
	input  wire [47:0]  cfg_feed_mac,      // unless the feed goes to a group: its own then
	input  wire [31:0]  cfg_feed_ip,
	input  wire [15:0]  cfg_feed_port,
	input  wire [31:0]  cfg_feed_src_ip,
	input  wire [15:0]  cfg_feed_src_port,
	input  wire [1:0]   cfg_feed_vlan,     // tags, 0 to 2
	input  wire [63:0]  cfg_feed_tci,      // a tag is {TPID, TCI}, the outer one in 31:0

	// A client as its frames say: it is their source. Written 4 cycles before its first reply.
	input  wire         cli_wr,
	input  wire [3:0]   cli_index,
	input  wire [47:0]  cli_src_mac,
	input  wire [47:0]  cli_dst_mac,
	input  wire [31:0]  cli_src_ip,
	input  wire [31:0]  cli_dst_ip,
	input  wire [15:0]  cli_src_port,
	input  wire [15:0]  cli_dst_port,
	input  wire [1:0]   cli_vlan,
	input  wire [63:0]  cli_tci,

	input  wire         s_rep_valid,
	output wire         s_rep_ready,
	input  wire [W-1:0] s_rep_data,
	input  wire         s_feed_valid,
	output wire         s_feed_ready,
	input  wire [W-1:0] s_feed_data,

	output wire [511:0] m_axis_tdata,      // byte 0 in bits 7:0
	output wire [63:0]  m_axis_tkeep,
	output wire         m_axis_tlast,
	output wire [63:0]  m_axis_tuser,      // time of the frame's first message, 0: it has none
	output wire         m_axis_tuser_err,  // with tlast: a reset cut the frame, to be sent damaged or not at all
	output wire         m_axis_tvalid,
	input  wire         m_axis_tready,

	// one cycle each: 0 frame with messages, 1 heartbeat or end, 2 reply, 3 feed message,
	// 4 reply waits for its frame, 5 feed message waits, 6 a reply that is no message, 7 of the feed
	output wire [7:0]   stat
);

localparam OUCH = 88, ITCH = 46; // bytes of the longest blocks

// --- replies
wire            r_valid, r_ready, rb_valid, rb_ready;
wire [W-1:0]    r_data;
wire [3:0]      rb_dest;
wire [1:0]      rb_tags;
wire [6:0]      rb_len;
wire [8*OUCH-1:0] rb_bytes;
wire [63:0]     rb_time;
wire [33:0]     tags;
nmw_skid #(.W(W)) rep_skid (.clk(clk), .rst(rst), .s_valid(s_rep_valid), .s_ready(s_rep_ready),
	.s_data(s_rep_data), .m_valid(r_valid), .m_ready(r_ready), .m_data(r_data));
nmw_wire_out_ouch #(.W(W), .M(OUCH)) ouch (.clk(clk), .rst(rst), .tags(tags[31:0]), .s_valid(r_valid),
	.s_ready(r_ready), .s_data(r_data), .m_valid(rb_valid), .m_ready(rb_ready), .m_dest(rb_dest),
	.m_tags(rb_tags), .m_len(rb_len), .m_bytes(rb_bytes), .m_time(rb_time));

// --- feed
wire            f_valid, f_ready, fb_valid, fb_ready, fb_end;
wire [W-1:0]    f_data;
wire [6:0]      fb_len;
wire [8*ITCH-1:0] fb_bytes;
wire [63:0]     fb_time;
nmw_skid #(.W(W)) feed_skid (.clk(clk), .rst(rst), .s_valid(s_feed_valid), .s_ready(s_feed_ready),
	.s_data(s_feed_data), .m_valid(f_valid), .m_ready(f_ready), .m_data(f_data));
nmw_wire_out_itch #(.W(W), .M(ITCH)) itch (.clk(clk), .rst(rst), .s_valid(f_valid), .s_ready(f_ready),
	.s_data(f_data), .m_valid(fb_valid), .m_ready(fb_ready), .m_len(fb_len), .m_bytes(fb_bytes),
	.m_time(fb_time), .m_end(fb_end));

// --- frames that grow
wire         g_valid, g_ask, g_ended, g_take;
wire [4:0]   g_dest, sum_dest, r_dest, r_word;
wire         feed = g_dest[4];
wire [1:0]   sum_buf, r_buf;
wire         r_en;
wire [15:0]  rep_open;
wire [15:0]  rep_heavy;
wire [1:0]   feed_open, feed_heavy;
wire [92:0]  rep_q, feed_q, q; // buffer, tags, size, count, bytes of the first message, time
wire         rep_q_open, feed_q_open;
wire [23:0]  rep_sum, feed_sum;
wire [511:0] rep_word, feed_word;
reg          r_feed_reg;

nmw_wire_out_pack #(.D(4), .M(OUCH), .BANKS(2)) rep_pack (.clk(clk), .rst(rst),
	.s_valid(rb_valid), .s_ready(rb_ready), .s_dest(rb_dest), .s_tags(rb_tags), .s_len(rb_len),
	.s_bytes(rb_bytes), .s_time(rb_time), .open(rep_open), .heavy(rep_heavy), .seal(g_take && !feed), .q_dest(g_dest[3:0]),
	.q_open(rep_q_open), .q_buf(rep_q[92:91]), .q_tags(rep_q[90:89]), .q_size(rep_q[88:78]),
	.q_count(rep_q[77:71]), .q_first(rep_q[70:64]), .q_time(rep_q[63:0]), .sum_dest(sum_dest[3:0]),
	.sum_buf(sum_buf), .sum(rep_sum), .r_en(r_en), .r_dest(r_dest[3:0]), .r_buf(r_buf), .r_word(r_word),
	.r_data(rep_word));
nmw_wire_out_pack #(.D(1), .M(ITCH), .BANKS(1)) feed_pack (.clk(clk), .rst(rst),
	.s_valid(fb_valid), .s_ready(fb_ready), .s_dest(1'b0), .s_tags(tags[33:32]), .s_len(fb_len),
	.s_bytes(fb_bytes), .s_time(fb_time), .open(feed_open), .heavy(feed_heavy), .seal(g_take && feed), .q_dest(1'b0),
	.q_open(feed_q_open), .q_buf(feed_q[92:91]), .q_tags(feed_q[90:89]), .q_size(feed_q[88:78]),
	.q_count(feed_q[77:71]), .q_first(feed_q[70:64]), .q_time(feed_q[63:0]), .sum_dest(1'b0),
	.sum_buf(sum_buf), .sum(feed_sum), .r_en(r_en), .r_dest(1'b0), .r_buf(r_buf), .r_word(r_word),
	.r_data(feed_word));
assign q = feed ? feed_q : rep_q;
wire q_open = feed ? feed_q_open : rep_q_open;

// --- whose turn, where to
wire         group = cfg_feed_ip[31:28] == 4'he;
wire [47:0]  feed_mac = group ? {24'h01005e, 1'b0, cfg_feed_ip[22:0]} : cfg_feed_mac;
wire [16:0]  known;
wire [257:0] entry;
wire [15:0]  ip_sum, udp_sum;

nmw_wire_out_table table_of (.clk(clk), .rst(rst), .cli_wr(cli_wr), .cli_index(cli_index),
	.cli_entry({cli_tci[31:0], cli_tci[63:32], cli_vlan, cli_src_mac, cli_dst_mac, cli_dst_ip, cli_src_ip,
		cli_dst_port, cli_src_port}),
	.feed_on(cfg_feed_on),
	.feed_entry({cfg_feed_tci[31:0], cfg_feed_tci[63:32], cfg_feed_vlan, feed_mac, cfg_mac, cfg_feed_src_ip,
		cfg_feed_ip, cfg_feed_src_port, cfg_feed_port}),
	.known(known), .tags(tags), .dest(g_dest), .entry(entry), .ip_sum(ip_sum), .udp_sum(udp_sum));
nmw_wire_out_turn turn (.clk(clk), .rst(rst), .period(cfg_heartbeat), .end_all(cfg_end),
	.end_feed(fb_valid && fb_ready && fb_end), .known(known), .open({feed_open[0], rep_open}),
	.heavy({feed_heavy[0], rep_heavy}),
	.rep_valid(rb_valid), .rep_dest(rb_dest), .feed_valid(fb_valid), .g_valid(g_valid), .g_dest(g_dest),
	.g_ask(g_ask), .g_ended(g_ended), .g_open(q_open), .g_take(g_take));
nmw_wire_out_head head (.clk(clk), .rst(rst), .port_rst(port_rst), .session(cfg_session), .g_valid(g_valid), .g_dest(g_dest),
	.g_ask(g_ask), .g_ended(g_ended), .g_open(q_open), .g_buf(q[92:91]), .g_tags(q[90:89]), .g_size(q[88:78]),
	.g_count(q[77:71]), .g_first(q[70:64]), .g_time(q[63:0]), .g_entry(entry), .g_ip_sum(ip_sum),
	.g_udp_sum(udp_sum), .g_take(g_take), .sum_dest(sum_dest), .sum_buf(sum_buf),
	.sum(sum_dest[4] ? feed_sum : rep_sum), .r_en(r_en), .r_dest(r_dest), .r_buf(r_buf), .r_word(r_word),
	.r_data(r_feed_reg ? feed_word : rep_word), .m_axis_tdata(m_axis_tdata), .m_axis_tkeep(m_axis_tkeep),
	.m_axis_tlast(m_axis_tlast), .m_axis_tuser(m_axis_tuser), .m_axis_tvalid(m_axis_tvalid),
	.m_axis_tready(m_axis_tready), .m_axis_tuser_err(m_axis_tuser_err), .stat(stat[1:0]));

always @(posedge clk)
	if (r_en)
		r_feed_reg <= r_dest[4];

assign stat[2] = rb_valid && rb_ready && rb_len != 7'd0;
assign stat[3] = fb_valid && fb_ready && fb_len != 7'd0;
assign stat[4] = rb_valid && !rb_ready;
assign stat[5] = fb_valid && !fb_ready;
assign stat[6] = rb_valid && rb_ready && rb_len == 7'd0;
assign stat[7] = fb_valid && fb_ready && fb_len == 7'd0;

wire unused = &{1'b0, feed_open[1], feed_heavy[1]};

endmodule
`default_nettype wire
