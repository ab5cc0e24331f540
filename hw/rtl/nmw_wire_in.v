// nmw_wire_in: frames of a port become the orders in them.
//
//      s_axis --> align --beats--> head --headers, faults--> gate --> m_msg_*
//                   +----messages----> ouch ----fields-----> gate
//
// Ethernet, VLAN (0 to 2 tags), IPv4, UDP, MoldUDP64, OUCH 5.0; the record is nmw_wire_msg.vh. A frame
// is let through whole or dropped whole, for a reason that is counted; of one that is let through,
// messages that are none and duplicates are dropped. Nothing is lost when m_msg_ready is low: then
// s_axis_tready goes low.
//
// Not taken, though the software takes it: lengths of 0 in IP and UDP headers (left to a card to fill
// in: never on a wire), more than two VLAN tags, IPv6, a second MoldUDP64 session of a client, more than
// 16 clients. Packets are not held until the ones before them come: see nmw_wire_in_gate.
//
// Timing   m_msg_valid 10 cycles after a frame's last beat was taken. A beat a cycle and a message a
//          cycle.
`default_nettype none
module nmw_wire_in #(
	parameter MSG_W = 857 // NMW_MSG_W
) (
	input  wire         clk,
	input  wire         rst,

	// configuration: stands still while frames come
	input  wire [63:0]   cfg_utc,      // local time less UTC, ns
	input  wire [31:0]   cfg_own_ip,   // frames to others are dropped; 0: none are
	input  wire [15:0]   cfg_own_port,
	input  wire [15:0]   sym_valid,
	input  wire [1023:0] sym_name,     // 16 names of 8 bytes, the first byte lowest
	input  wire [511:0]  sym_base,     // price of tick 0
	input  wire [511:0]  sym_step,     // price of a tick: 2^a 5^b, a and b at most 4

	input  wire [511:0] s_axis_tdata,
	input  wire [63:0]  s_axis_tkeep,
	input  wire         s_axis_tlast,
	input  wire [63:0]  s_axis_tuser,     // time of arrival, ns since the epoch; of the first beat
	input  wire         s_axis_tuser_err, // the frame is damaged
	input  wire         s_axis_tvalid,
	output wire         s_axis_tready,

	output wire         m_msg_valid,
	input  wire         m_msg_ready,
	output wire [MSG_W-1:0] m_msg_data,

	// a client that is new: its frames' addresses; two cycles before its first message
	output wire         cli_wr,
	output wire [3:0]   cli_index,
	output wire [47:0]  cli_dst_mac,
	output wire [47:0]  cli_src_mac,
	output wire [1:0]   cli_vlan, // tags
	output wire [63:0]  cli_tci,  // {type, tag control information} each, the outer one in the lower half
	output wire [31:0]  cli_src_ip,
	output wire [31:0]  cli_dst_ip,
	output wire [15:0]  cli_src_port,
	output wire [15:0]  cli_dst_port,

	// one-cycle pulses:
	//  0 frames, of these 1 let through and dropped: 2 damaged, 3 no IPv4, 4 IPv4 header, 5 fragment,
	//  6 not UDP, 7 UDP header, 8 not to us, 9 MoldUDP64 blocks, 10 UDP checksum, 11 too long or too many
	//  messages, 12 no room for its client, 13 another session than its client's;
	//  14 heartbeats, 15 ends of session, 16 gaps (stat_missing messages),
	//  messages: 17 enter, 18 replace, 19 cancel, 20 modify, 21 unfit; dropped: 22 and 23 no message of
	//  OUCH 5.0, 24 and 25 duplicate (23 and 25: an empty one that ends its frame);
	//  26 new clients
	output wire [26:0]  stat,
	output wire [63:0]  stat_missing
);

localparam REC_W = 689;

wire         room, adv, w_sof, head_none, head_one;
wire [511:0] w_data, a_data, v_data;
wire [63:0]  w_time, midnight;
wire [1:0]   w_tags;
wire [3:0]   w_j;
wire [15:0]  head_count, end_count;
wire         v_valid, v_sof, v_last, end_err, end_long, end_all, end_tail;
wire [13:0]  end_len, m_pos;
wire         m_valid;
wire [15:0]  m_len, m_nth;
wire [519:0] m_data;
wire [4:0]   m_type;
nmw_wire_in_align align (.clk(clk), .rst(rst), .s_axis_tdata(s_axis_tdata), .s_axis_tkeep(s_axis_tkeep),
	.s_axis_tlast(s_axis_tlast), .s_axis_tuser(s_axis_tuser), .s_axis_tuser_err(s_axis_tuser_err),
	.s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready), .room(room), .adv(adv), .w_sof(w_sof),
	.w_data(w_data), .a_data(a_data), .w_time(w_time), .w_tags(w_tags), .w_j(w_j), .head_none(head_none),
	.head_one(head_one), .head_count(head_count), .v_valid(v_valid), .v_sof(v_sof), .v_last(v_last),
	.v_data(v_data), .end_len(end_len), .end_err(end_err), .end_long(end_long), .end_all(end_all),
	.end_tail(end_tail), .end_count(end_count), .m_valid(m_valid), .m_len(m_len), .m_data(m_data),
	.m_nth(m_nth), .m_type(m_type), .m_pos(m_pos));

wire         info_valid, info_end, fault_valid, fault_alone, fault_none, fault_tail, fault_day_ok;
wire [47:0]  info_dst_mac, info_src_mac, fault_day;
wire [1:0]   info_tags;
wire [63:0]  info_tci, info_seq, info_next, fault_time;
wire [31:0]  info_src_ip, info_dst_ip;
wire [15:0]  info_src_port, info_dst_port, info_count, fault_count;
wire [79:0]  info_session;
wire [9:0]   fault;
nmw_wire_in_head head (.clk(clk), .rst(rst), .cfg_own_ip(cfg_own_ip), .cfg_own_port(cfg_own_port), .cfg_utc(cfg_utc),
	.midnight(midnight), .adv(adv), .w_sof(w_sof), .w_data(w_data), .a_data(a_data), .w_time(w_time),
	.w_tags(w_tags), .w_j(w_j), .head_none(head_none), .head_one(head_one), .head_count(head_count),
	.v_valid(v_valid), .v_sof(v_sof), .v_last(v_last), .v_data(v_data), .end_len(end_len), .end_err(end_err),
	.end_long(end_long), .end_all(end_all), .end_tail(end_tail), .end_count(end_count), .m_valid(m_valid),
	.m_len(m_len), .m_pos(m_pos), .info_valid(info_valid), .info_dst_mac(info_dst_mac),
	.info_src_mac(info_src_mac), .info_tags(info_tags), .info_tci(info_tci), .info_src_ip(info_src_ip),
	.info_dst_ip(info_dst_ip), .info_src_port(info_src_port), .info_dst_port(info_dst_port),
	.info_session(info_session), .info_seq(info_seq), .info_next(info_next), .info_count(info_count),
	.info_end(info_end), .fault_valid(fault_valid), .fault_alone(fault_alone), .fault_none(fault_none), .fault(fault),
	.fault_count(fault_count), .fault_tail(fault_tail), .fault_time(fault_time), .fault_day(fault_day), .fault_day_ok(fault_day_ok));

wire         rec_valid, rec_bad;
wire [2:0]   rec_kind;
wire [15:0]  rec_nth;
wire [REC_W-1:0] rec;
nmw_wire_in_ouch #(.W(REC_W)) ouch (.clk(clk), .rst(rst), .sym_valid(sym_valid), .sym_name(sym_name), .sym_base(sym_base),
	.sym_step(sym_step), .m_valid(m_valid), .m_len(m_len), .m_data(m_data), .m_nth(m_nth), .m_type(m_type),
	.rec_valid(rec_valid), .rec_bad(rec_bad), .rec_kind(rec_kind), .rec_nth(rec_nth), .rec(rec));

nmw_wire_in_gate #(.REC_W(REC_W), .MSG_W(MSG_W)) gate (.clk(clk), .rst(rst), .cfg_utc(cfg_utc), .midnight(midnight),
	.room(room), .frame(v_valid && v_sof), .info_valid(info_valid), .info_dst_mac(info_dst_mac),
	.info_src_mac(info_src_mac), .info_tags(info_tags), .info_tci(info_tci), .info_src_ip(info_src_ip),
	.info_dst_ip(info_dst_ip), .info_src_port(info_src_port), .info_dst_port(info_dst_port),
	.info_session(info_session), .info_seq(info_seq), .info_next(info_next), .info_count(info_count),
	.info_end(info_end), .fault_valid(fault_valid), .fault_alone(fault_alone), .fault_none(fault_none), .fault(fault),
	.fault_count(fault_count), .fault_tail(fault_tail), .fault_time(fault_time), .fault_day(fault_day), .fault_day_ok(fault_day_ok),
	.rec_valid(rec_valid), .rec_bad(rec_bad), .rec_kind(rec_kind), .rec_nth(rec_nth), .rec(rec),
	.m_msg_valid(m_msg_valid), .m_msg_ready(m_msg_ready), .m_msg_data(m_msg_data), .cli_wr(cli_wr),
	.cli_index(cli_index), .cli_dst_mac(cli_dst_mac), .cli_src_mac(cli_src_mac), .cli_vlan(cli_vlan),
	.cli_tci(cli_tci), .cli_src_ip(cli_src_ip), .cli_dst_ip(cli_dst_ip), .cli_src_port(cli_src_port),
	.cli_dst_port(cli_dst_port), .stat(stat), .stat_missing(stat_missing));

endmodule
`default_nettype wire
