// nmw_wire_in_head: the headers of a frame, and what is wrong with it.
//
// Ethernet, VLAN tags (0 to 2), IPv4 with options, UDP, MoldUDP64: at most 110 bytes, which lie in the
// first two beats. Lengths are those of the headers, never the frame's: it may be padded. Both
// checksums are verified, a UDP checksum of 0 is none.
//
// Timing   head_* hold from the cycle after the first beat has left W (adv and w_sof) to the next
//          frame's; info_valid with info_* a cycle after; fault_valid with fault_* four cycles after
//          V held the last beat. A beat a cycle, nothing waits.
`default_nettype none
module nmw_wire_in_head (
	input  wire         clk,
	input  wire         rst,
	input  wire [31:0]  cfg_own_ip,   // 0: any destination
	input  wire [15:0]  cfg_own_port,
	input  wire [63:0]  cfg_utc,      // ns, added to the time of a frame
	input  wire [63:0]  midnight,     // ns, of the day that the last frame was of

	input  wire         adv,
	input  wire         w_sof,
	input  wire [511:0] w_data,
	input  wire [511:0] a_data,
	input  wire [63:0]  w_time,
	input  wire [1:0]   w_tags,
	input  wire [3:0]   w_j,
	output wire         head_none,
	output wire         head_one,
	output wire [15:0]  head_count,

	input  wire         v_valid,
	input  wire         v_sof,
	input  wire         v_last,
	input  wire [511:0] v_data,
	input  wire [13:0]  end_len,
	input  wire         end_err,
	input  wire         end_long,
	input  wire         end_all,
	input  wire         end_tail,
	input  wire [15:0]  end_count,

	input  wire         m_valid,
	input  wire [15:0]  m_len,
	input  wire [13:0]  m_pos,

	// for each frame that is UDP in IPv4, in order
	output wire         info_valid,
	output wire [47:0]  info_dst_mac,
	output wire [47:0]  info_src_mac,
	output wire [1:0]   info_tags,
	output wire [63:0]  info_tci,      // the tags, the outer one in the lower half
	output wire [31:0]  info_src_ip,
	output wire [31:0]  info_dst_ip,
	output wire [15:0]  info_src_port,
	output wire [15:0]  info_dst_port,
	output wire [79:0]  info_session,
	output wire [63:0]  info_seq,      // of its first message
	output wire [63:0]  info_next,     // behind its last
	output wire [15:0]  info_count,    // 0 too for an end of session
	output wire         info_end,      // of session

	// for each frame, in order
	output wire         fault_valid,
	output wire         fault_alone,   // there is no info of it
	output wire         fault_none,    // nothing is wrong
	output wire [9:0]   fault,         // damaged, link, IP, fragment, not UDP, UDP, not ours, MoldUDP64, checksum, long
	output wire [15:0]  fault_count,   // messages that were cut
	output wire         fault_tail,    // and an empty one
	output wire [63:0]  fault_time,
	output wire [47:0]  fault_day,     // ns since midnight
	output wire         fault_day_ok   // it is of that day
);

localparam [63:0] DAY = 64'd86_400_000_000_000;

// --- the first two beats
wire [1023:0] two = {a_data, w_data};
reg         h_link_reg, h_none_reg, h_one_reg, h_udp_is_reg;
reg [1:0]   h_tags_reg;
reg [3:0]   h_j_reg;
reg [63:0]  h_time_reg, h_tci_reg;
reg [95:0]  h_mac_reg;
reg [159:0] h_ip_reg;  // bytes as they come
reg [223:0] h_udp_reg; // UDP header, MoldUDP64 header

wire [15:0]  type_at = w_tags[1] ? w_data[20*8 +: 16] : w_tags[0] ? w_data[16*8 +: 16] : w_data[12*8 +: 16];
wire [159:0] ip_at = w_tags[1] ? w_data[22*8 +: 160] : w_tags[0] ? w_data[18*8 +: 160] : w_data[14*8 +: 160];
// from 34 + 4 j: 16 places, of which 13 are used, by two choices among four
reg  [16*226-1:0] place;
reg  [4*226-1:0]  quarter;
reg  [225:0]      chosen;
integer i;
always @* begin
	place = {16*226{1'b0}};
	for (i = 0; i < 13; i = i + 1)
		place[i*226 +: 226] = {two[(60 + 4*i)*8 +: 16] == 16'h0100,
			two[(60 + 4*i)*8 +: 16] == 16'd0 || &two[(60 + 4*i)*8 +: 16], two[(34 + 4*i)*8 +: 224]};
	for (i = 13; i < 16; i = i + 1)
		place[i*226 + 224] = 1'b1;
	for (i = 0; i < 4; i = i + 1)
		quarter[i*226 +: 226] = w_j[1] ? w_j[0] ? place[(4*i + 3)*226 +: 226] : place[(4*i + 2)*226 +: 226]
			: w_j[0] ? place[(4*i + 1)*226 +: 226] : place[4*i*226 +: 226];
	chosen = w_j[3] ? w_j[2] ? quarter[3*226 +: 226] : quarter[2*226 +: 226]
		: w_j[2] ? quarter[226 +: 226] : quarter[0 +: 226];
end
wire [223:0] udp_at = chosen[223:0];
wire         none_at = chosen[224], one_at = chosen[225];
always @(posedge clk)
	if (adv && w_sof) begin
		h_link_reg <= type_at != 16'h0008;
		h_none_reg <= none_at || type_at != 16'h0008 || ip_at[9*8 +: 8] != 8'd17;
		h_one_reg <= one_at;
		h_udp_is_reg <= type_at == 16'h0008 && ip_at[9*8 +: 8] == 8'd17;
		h_tags_reg <= w_tags;
		h_j_reg <= w_j;
		h_time_reg <= w_time;
		h_mac_reg <= w_data[95:0];
		h_tci_reg <= w_data[159:96] & {{32{w_tags[1]}}, {32{|w_tags}}};
		h_ip_reg <= ip_at;
		h_udp_reg <= udp_at;
	end

`include "nmw_wire_be.vh"

wire [15:0] count = be16(h_udp_reg[26*8 +: 16]);
wire [63:0] seq = be64(h_udp_reg[18*8 +: 64]);
wire [15:0] total = be16(h_ip_reg[2*8 +: 16]);
wire [15:0] udp_len = be16(h_udp_reg[4*8 +: 16]);
assign head_none = h_none_reg;
assign head_one = h_one_reg;
assign head_count = count;

// --- a frame's addresses and numbers
reg          info_valid_reg, i_end_reg;
reg [63:0]   i_seq_reg, i_next_reg;
reg [15:0]   i_count_reg;
reg [95:0]   i_mac_reg;
reg [1:0]    i_tags_reg;
reg [63:0]   i_tci_reg, i_ips_reg;
reg [31:0]   i_ports_reg;
reg [79:0]   i_session_reg;
wire         is_end = &count;
always @(posedge clk) begin
	info_valid_reg <= v_valid && v_sof && h_udp_is_reg;
	i_end_reg <= is_end;
	i_seq_reg <= seq;
	i_next_reg <= seq + (is_end ? 64'd0 : {48'd0, count});
	i_count_reg <= is_end ? 16'd0 : count;
	i_mac_reg <= h_mac_reg;
	i_tags_reg <= h_tags_reg;
	i_tci_reg <= h_tci_reg;
	i_ips_reg <= h_ip_reg[159:96];
	i_ports_reg <= h_udp_reg[31:0];
	i_session_reg <= h_udp_reg[8*8 +: 80];
	if (rst)
		info_valid_reg <= 1'b0;
end
assign info_valid = info_valid_reg;
assign info_dst_mac = be48(i_mac_reg[47:0]);
assign info_src_mac = be48(i_mac_reg[95:48]);
assign info_tags = i_tags_reg;
assign info_tci = {be32(i_tci_reg[63:32]), be32(i_tci_reg[31:0])};
assign info_src_ip = be32(i_ips_reg[31:0]);
assign info_dst_ip = be32(i_ips_reg[63:32]);
assign info_src_port = be16(i_ports_reg[15:0]);
assign info_dst_port = be16(i_ports_reg[31:16]);
assign info_session = i_session_reg;
assign info_seq = i_seq_reg;
assign info_next = i_next_reg;
assign info_count = i_count_reg;
assign info_end = i_end_reg;

// --- checksums
// Where UDP starts in the first beat, or the second: at 34 + 4 j. Where it ends: a first beat that
// ends before the MoldUDP64 header does is of a frame that is dropped anyway.
reg          second_reg;       // V: the second beat is next
reg  [17:0]  rest_reg;         // bytes from the beat in V to the end of UDP; negative: it has ended
wire [17:0]  udp_end = {2'd0, udp_len} + {12'd0, h_j_reg, 2'b00} + 18'd34;
reg  [63:0]  udp_mask, ip_mask;
reg          in_udp, in_ip;
always @* begin
	for (i = 0; i < 64; i = i + 1) begin
		in_udp = 1'b1;
		in_ip = 1'b0;
		if (v_sof) begin
			in_udp = i >= 34 && {2'd0, h_j_reg} <= (i[5:0] - 6'd34) >> 2;
			in_ip = i >= 14 && (i >= 22 || h_tags_reg == 2'd0 || (i >= 18 && !h_tags_reg[1])) && !in_udp;
			if (i >= 62)
				in_udp = in_udp && (h_j_reg != 4'd0 || |udp_len[15:5] || (&udp_len[4:1])
					|| (i == 62 && udp_len[4:0] == 5'd29)); // over 28, over 29
		end else if (second_reg) begin
			in_ip = i < 18 && {2'd0, h_j_reg} > (i[5:0] + 6'd30) >> 2;
			in_udp = !in_ip;
		end
		if (!v_sof)
			in_udp = in_udp && !rest_reg[17] && (|rest_reg[16:6] || i[5:0] < rest_reg[5:0]);
		udp_mask[i] = in_udp;
		ip_mask[i] = in_ip;
	end
end

// source, destination, protocol and length go into the sum too
reg [17:0] pseudo_a_reg, pseudo_b_reg;
reg [18:0] pseudo_c_reg, pseudo_reg;
always @(posedge clk) begin
	if (v_valid) begin
		second_reg <= v_sof;
		rest_reg <= (v_sof ? udp_end : rest_reg) - 18'd64;
	end
	pseudo_a_reg <= {2'd0, h_ip_reg[111:96]} + {2'd0, h_ip_reg[127:112]} + {2'd0, h_ip_reg[143:128]};
	pseudo_b_reg <= {2'd0, h_ip_reg[159:144]} + {2'd0, h_udp_reg[47:32]} + 18'h01100;
	pseudo_c_reg <= {1'b0, pseudo_a_reg} + {1'b0, pseudo_b_reg};
	pseudo_reg <= pseudo_c_reg;
end
wire ip_ok, udp_ok;
nmw_wire_in_sum ip_sum (.clk(clk), .valid(v_valid), .first(v_sof), .data(v_data), .mask(ip_mask),
	.init(19'd0), .ok(ip_ok));
nmw_wire_in_sum udp_sum (.clk(clk), .valid(v_valid), .first(v_sof), .data(v_data), .mask(udp_mask),
	.init(pseudo_reg), .ok(udp_ok));

// --- what is wrong, in four steps after the last beat
reg [3:0]  at_end_reg;
reg [16:0] e1_udp_end_reg, e1_ip_end_reg, e1_room_reg, e2_udp_end_reg, last_end_reg;
reg [13:0] e1_len_reg;
reg [15:0] e1_udp_len_reg;
reg [31:0] e1_dst_reg;
reg [15:0] e1_port_reg;
reg        e1_all_reg, e1_tail_reg, e1_any_reg, e2_any_reg, e2_nosum_reg, e1_nosum_reg;
reg [9:0]  e1_reg, e2_reg; // as fault; checksum and IP's are told apart at the end
reg [8:0]  e3_reg, e4_reg;
reg        e4_some_reg; // one of them
reg        e3_over_reg, e3_nosum_reg, e4_nosum_reg;
reg [15:0] count1_reg, count2_reg, count3_reg, count4_reg;
reg [3:0]  tail_reg;
reg [63:0] time1_reg, time2_reg, time3_reg, time4_reg, local_reg, day_reg;
reg [47:0] day3_reg, day4_reg;
reg        day_ok3_reg, day_ok_reg;
always @(posedge clk) begin
	at_end_reg <= {at_end_reg[2:0], v_valid && v_last};
	e1_reg <= {end_long, 2'd0, 2'd0, h_ip_reg[9*8 +: 8] != 8'd17, |(be16(h_ip_reg[6*8 +: 16]) & 16'h3fff),
		h_ip_reg[7:4] != 4'd4 || h_ip_reg[3:0] < 4'd5, h_link_reg, end_err};
	e1_udp_end_reg <= udp_end[16:0];
	e1_ip_end_reg <= {1'b0, total} + {13'd0, h_tags_reg, 2'b00} + 17'd14;
	e1_room_reg <= {1'b0, total} - {11'd0, h_ip_reg[3:0], 2'b00};
	e1_len_reg <= end_len;
	e1_udp_len_reg <= udp_len;
	e1_dst_reg <= be32(h_ip_reg[159:128]);
	e1_port_reg <= be16(h_udp_reg[31:16]);
	e1_nosum_reg <= h_udp_reg[63:48] == 16'd0;
	e1_all_reg <= end_all;
	e1_tail_reg <= end_tail;
	e1_any_reg <= end_count != 16'd0;
	count1_reg <= end_count;
	time1_reg <= h_time_reg;
	local_reg <= h_time_reg + cfg_utc;

	// the end of the last message that was cut: its start was in the last beat, or before
	if (m_valid)
		last_end_reg <= {3'd0, m_pos} + {1'b0, m_len};
	e2_reg <= e1_reg;
	if (e1_room_reg[16] || e1_ip_end_reg > {3'd0, e1_len_reg})
		e2_reg[2] <= 1'b1;
	if (e1_udp_len_reg < 16'd8 || {1'b0, e1_udp_len_reg} > e1_room_reg)
		e2_reg[5] <= 1'b1;
	e2_reg[6] <= (cfg_own_ip != 32'd0 && cfg_own_ip != e1_dst_reg)
		|| (cfg_own_port != 16'd0 && cfg_own_port != e1_port_reg);
	e2_reg[7] <= e1_udp_len_reg < 16'd28 || !e1_all_reg || (e1_tail_reg && e1_udp_end_reg != {3'd0, e1_len_reg});
	e2_udp_end_reg <= e1_udp_end_reg;
	e2_any_reg <= e1_any_reg;
	e2_nosum_reg <= e1_nosum_reg;
	count2_reg <= count1_reg;
	tail_reg <= {tail_reg[2:0], end_tail};
	time2_reg <= time1_reg;
	day_reg <= local_reg - midnight;

	e3_reg <= {e2_reg[9], e2_reg[7:0]};
	e3_over_reg <= e2_any_reg && last_end_reg > e2_udp_end_reg;
	e3_nosum_reg <= e2_nosum_reg;
	count3_reg <= count2_reg;
	time3_reg <= time2_reg;
	day3_reg <= day_reg[47:0];
	day_ok3_reg <= day_reg < DAY;

	e4_reg <= e3_reg;
	e4_reg[7] <= e3_reg[7] || e3_over_reg;
	e4_some_reg <= |e3_reg || e3_over_reg;
	e4_nosum_reg <= e3_nosum_reg;
	count4_reg <= count3_reg;
	time4_reg <= time3_reg;
	day4_reg <= day3_reg;
	day_ok_reg <= day_ok3_reg;
	if (rst)
		at_end_reg <= 4'd0;
end
wire unused = &{1'b0, h_ip_reg[95:80], h_ip_reg[71:64], h_ip_reg[47:32], h_ip_reg[15:8], e2_reg[8]};
assign fault_valid = at_end_reg[3];
wire [1:0] right = {udp_ok || e4_nosum_reg, ip_ok};
assign fault_none = !e4_some_reg && &right;
assign fault = {e4_reg[8], !right[1], e4_reg[7:3], e4_reg[2] || !right[0], e4_reg[1:0]};
assign fault_alone = e4_reg[1] || e4_reg[4];
assign fault_count = count4_reg;
assign fault_tail = tail_reg[3];
assign fault_time = time4_reg;
assign fault_day = day4_reg;
assign fault_day_ok = day_ok_reg;

endmodule
`default_nettype wire
