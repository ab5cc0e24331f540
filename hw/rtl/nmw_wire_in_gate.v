// nmw_wire_in_gate: holds the messages of a frame until it is known what the frame is worth.
//
//      headers --> info -> H -> C whose is it --> P which numbers are new -+
//      faults  --> fault ------------------------------------------------> go, or it is dropped whole
//      messages --> queue ------------------------------------------------> m_msg_*
//
// A client is who sends from one address and port to another; the first MoldUDP64 session that comes
// from it is its own. Clients are learned from good frames, in order, and stay. A message below the
// number that its client is to send next is a duplicate; when one above it comes, what is between is
// counted as missing, and a duplicate when it comes later.
//
// Timing   a fault that is put in cycle t can release its messages in t+1: the first of them is offered
//          two cycles later. A cycle a frame, two if it is UDP and of no client, three if its client is
//          new; one a message. When the day changes, about 20 for each frame that is on its way by then.
`default_nettype none
module nmw_wire_in_gate #(
	parameter REC_W = 689,
	parameter MSG_W = 857,
	parameter INFO_W = 483
) (
	input  wire         clk,
	input  wire         rst,
	input  wire [63:0]  cfg_utc,
	output wire [63:0]  midnight,
	output wire         room,

	input  wire         frame,       // a frame begins
	input  wire         info_valid,
	input  wire [47:0]  info_dst_mac,
	input  wire [47:0]  info_src_mac,
	input  wire [1:0]   info_tags,
	input  wire [63:0]  info_tci,
	input  wire [31:0]  info_src_ip,
	input  wire [31:0]  info_dst_ip,
	input  wire [15:0]  info_src_port,
	input  wire [15:0]  info_dst_port,
	input  wire [79:0]  info_session,
	input  wire [63:0]  info_seq,
	input  wire [63:0]  info_next,
	input  wire [15:0]  info_count,
	input  wire         info_end,

	input  wire         fault_valid,
	input  wire         fault_alone,
	input  wire         fault_none,
	input  wire [9:0]   fault,
	input  wire [15:0]  fault_count,
	input  wire         fault_tail,
	input  wire [63:0]  fault_time,
	input  wire [47:0]  fault_day,
	input  wire         fault_day_ok,

	input  wire         rec_valid,
	input  wire         rec_bad,
	input  wire [2:0]   rec_kind,
	input  wire [15:0]  rec_nth,
	input  wire [REC_W-1:0] rec,

	output wire         m_msg_valid,
	input  wire         m_msg_ready,
	output wire [MSG_W-1:0] m_msg_data,

	output wire         cli_wr,
	output wire [3:0]   cli_index,
	output wire [47:0]  cli_dst_mac,
	output wire [47:0]  cli_src_mac,
	output wire [1:0]   cli_vlan,
	output wire [63:0]  cli_tci,
	output wire [31:0]  cli_src_ip,
	output wire [31:0]  cli_dst_ip,
	output wire [15:0]  cli_src_port,
	output wire [15:0]  cli_dst_port,

	output wire [26:0]  stat,         // nmw_wire_in.v
	output wire [63:0]  stat_missing
);

localparam [46:0] DAY = 47'd86_400_000_000_000;
localparam QUEUE_LOG2 = 9;
// what waits of a frame's headers: first bits
localparam KEY = 96; // addresses and ports: who sends
localparam I_SESSION = KEY, I_LINK = I_SESSION + 80, LINK_W = 162, I_SEQ = I_LINK + LINK_W, I_NEXT = I_SEQ + 64,
	I_COUNT = I_NEXT + 64, I_END = I_COUNT + 16;

// --- what waits
wire [INFO_W-1:0] head;
wire        head_valid, head_get;
wire [5:0]  head_count, verdict_count;
nmw_fifo #(.W(INFO_W), .LOG2(5)) infos (.clk(clk), .flush(rst), .put(info_valid), .put_data({info_end, info_count,
	info_next, info_seq, info_tci, info_tags, info_src_mac, info_dst_mac, info_session, info_src_ip, info_dst_ip,
	info_src_port, info_dst_port}), .valid(head_valid), .get(head_get), .data(head), .count(head_count));

// what decides comes out of registers
wire        f_valid, f_alone, f_none, f_tail, f_day_ok;
wire [9:0]  f;
wire [15:0] f_count;
wire [63:0] f_time;
wire [47:0] f_day;
wire        go;
nmw_fifo #(.W(142), .LOG2(5), .FIRST(1)) verdicts (.clk(clk), .flush(rst), .put(fault_valid), .put_data({fault_alone, fault,
	fault_none, fault_count, fault_tail, fault_time, fault_day, fault_day_ok}), .valid(f_valid), .get(go),
	.data({f_alone, f, f_none, f_count, f_tail, f_time, f_day, f_day_ok}), .count(verdict_count));

wire              q_valid, q_bad, q_get;
wire [2:0]        q_kind;
wire [15:0]       q_nth;
wire [REC_W-1:0]  q_rec;
wire [QUEUE_LOG2:0] q_count;
nmw_wire_in_queue #(.W(REC_W + 20), .LOG2(QUEUE_LOG2)) queue (.clk(clk), .rst(rst), .put(rec_valid),
	.put_data({rec_bad, rec_kind, rec_nth, rec}), .valid(q_valid), .get(q_get),
	.data({q_bad, q_kind, q_nth, q_rec}), .count(q_count));

// frames and messages that are on their way to the queues have room too; 16 new clients in a row, which
// take three cycles each, hold nobody up
reg [5:0]  flight_reg;
reg        room_reg;
always @(posedge clk) begin
	if (frame != go)
		flight_reg <= frame ? flight_reg + 6'd1 : flight_reg - 6'd1;
	room_reg <= flight_reg < 6'd26 && q_count < 10'd500;
	if (rst) begin
		flight_reg <= 6'd0;
		room_reg <= 1'b0;
	end
end
assign room = room_reg;

// --- C: whose
reg              p_valid_reg, p_hit_reg, p_session_reg;
reg [3:0]        p_client_reg;
reg [64:0]       p_old_reg;  // next less the first: negative when there is a gap
reg [INFO_W-1:0] p_info_reg;
reg [16*KEY-1:0] key_reg;
reg [16*80-1:0]  session_reg;
reg [15:0]       known_reg;
reg [4:0]        clients_reg;
reg              h_valid_reg, c_valid_reg, learned_reg;
reg [INFO_W-1:0] h_info_reg, c_info_reg;
reg              c_hit_reg, c_session_reg;
reg [3:0]        c_client_reg;
reg [15:0]       hit, same;
wire             c_move;
wire             c_load = !c_valid_reg || c_move;
wire             h_load = !h_valid_reg || c_load;
assign head_get = head_valid && h_load;
// the client that was just learned is compared with the frame that is here already
wire             c_mine = c_info_reg[KEY-1:0] == p_info_reg[KEY-1:0];
integer i;
always @* begin
	for (i = 0; i < 16; i = i + 1) begin
		hit[i] = known_reg[i] && key_reg[i*KEY +: KEY] == h_info_reg[KEY-1:0];
		same[i] = session_reg[i*80 +: 80] == h_info_reg[I_SESSION +: 80];
	end
end
always @(posedge clk) begin
	if (h_load)
		h_info_reg <= head;
	if (c_load) begin
		c_info_reg <= h_info_reg;
		c_hit_reg <= |hit;
		c_session_reg <= |(hit & same);
		c_client_reg <= {|hit[15:8], |(hit & 16'hf0f0), |(hit & 16'hcccc), |(hit & 16'haaaa)};
	end else if (learned_reg && c_mine) begin
		c_hit_reg <= 1'b1;
		c_session_reg <= c_info_reg[I_SESSION +: 80] == p_info_reg[I_SESSION +: 80];
		c_client_reg <= p_client_reg;
	end
	if (h_load)
		h_valid_reg <= head_valid;
	if (c_load)
		c_valid_reg <= h_valid_reg;
	if (rst) begin
		h_valid_reg <= 1'b0;
		c_valid_reg <= 1'b0;
	end
end

// --- P: which numbers
(* ram_style = "distributed" *)
reg [63:0] next [0:15];
wire [63:0] c_seq = c_info_reg[I_SEQ +: 64];

wire        p_end = p_info_reg[I_END];
wire [15:0] p_count = p_info_reg[I_COUNT +: 16];
wire [63:0] p_next = p_info_reg[I_NEXT +: 64];
wire        p_gap = p_hit_reg && p_old_reg[64];
wire        p_far = |p_old_reg[63:16];
wire        p_all_old = p_hit_reg && !p_old_reg[64] && (p_far || p_old_reg[15:0] >= p_count);
wire        full = clients_reg[4];
wire        good = f_none && (p_hit_reg ? p_session_reg : !full);
wire        learn = go && f_none && !p_hit_reg && !full;
wire        r_free, day_ok;
assign go = f_valid && r_free && (f_alone || (p_valid_reg && day_ok));
// Behind a frame that may make a client known the next one waits. One that follows a frame of its
// client takes the number from it.
wire        p_leaves = go && !f_alone;
wire        renew = good && !p_all_old;
assign c_move = c_valid_reg && !learned_reg && (!p_valid_reg || (p_leaves && p_hit_reg));
wire        c_follows = p_valid_reg && c_client_reg == p_client_reg && renew;
// Both differences are there before it is known which one counts; a - b is written in two ways, for
// yosys makes one subtraction of two and chooses before it.
wire [64:0] c_behind = ~(~{1'b0, p_next} + {1'b0, c_seq});
wire [64:0] c_old = {1'b0, next[c_client_reg]} - {1'b0, c_seq};

always @(posedge clk) begin
	if (c_move) begin
		p_info_reg <= c_info_reg;
		p_hit_reg <= c_hit_reg;
		p_session_reg <= c_session_reg;
		p_client_reg <= c_hit_reg ? c_client_reg : clients_reg[3:0];
		p_old_reg <= c_follows ? c_behind : c_old;
	end
	p_valid_reg <= c_move || (p_valid_reg && !p_leaves);
	learned_reg <= learn;
	if (go && renew)
		next[p_client_reg] <= p_next;
	if (learn) begin
		for (i = 0; i < 16; i = i + 1)
			if (clients_reg[3:0] == i[3:0]) begin
				key_reg[i*KEY +: KEY] <= p_info_reg[KEY-1:0];
				session_reg[i*80 +: 80] <= p_info_reg[I_SESSION +: 80];
				known_reg[i] <= 1'b1;
			end
		clients_reg <= clients_reg + 5'd1;
	end
	if (rst) begin
		p_valid_reg <= 1'b0;
		learned_reg <= 1'b0;
		known_reg <= 16'd0;
		clients_reg <= 5'd0;
	end
end
wire unused = &{1'b0, head_count, verdict_count, p_info_reg[I_SEQ +: 64]};
assign cli_wr = learned_reg;
assign cli_index = p_client_reg;
assign {cli_tci, cli_vlan, cli_src_mac, cli_dst_mac} = p_info_reg[I_LINK +: LINK_W];
assign {cli_src_ip, cli_dst_ip, cli_src_port, cli_dst_port} = p_info_reg[KEY-1:0];

// --- the day: the midnight before a frame's time, by division when it is not the last frame's
reg [63:0] midnight_reg, left_reg, sub_reg, local_reg;
reg [4:0]  step_reg; // 0: none under way
reg        day_done_reg;
wire [64:0] less = {1'b0, left_reg} - {1'b0, sub_reg};
always @(posedge clk) begin
	local_reg <= f_time + cfg_utc; // stands still while it is needed
	if (step_reg == 5'd0) begin
		if (f_valid && !f_alone && !f_day_ok && !day_done_reg)
			step_reg <= 5'd20;
	end else begin
		step_reg <= step_reg - 5'd1;
		if (step_reg == 5'd20) begin // the time is this frame's
			left_reg <= local_reg;
			sub_reg <= {DAY, 17'd0};
		end else if (step_reg != 5'd1) begin
			sub_reg <= sub_reg >> 1;
			if (!less[64])
				left_reg <= less[63:0];
		end else begin
			midnight_reg <= local_reg - left_reg;
			day_done_reg <= 1'b1;
		end
	end
	if (go)
		day_done_reg <= 1'b0;
	if (rst) begin
		step_reg <= 5'd0;
		midnight_reg <= 64'd0;
		day_done_reg <= 1'b0;
	end
end
assign midnight = midnight_reg;
assign day_ok = f_day_ok || day_done_reg;

// --- what a frame's messages are worth
reg         r_free_reg, r_good_reg, r_far_reg, r_is_old_reg;
reg [15:0]  r_left_reg, r_old_reg; // messages, and those of them that are duplicates
reg [3:0]   r_client_reg;
reg [63:0]  r_time_reg;
reg [47:0]  r_day_reg;
reg [31:0]  r_frame_reg, frames_reg;
wire        out_ready; // a register: what takes the messages is far away
wire q_drop = !r_good_reg || r_is_old_reg || q_bad;
assign q_get = q_valid && !r_free_reg && (q_drop || out_ready);
assign r_free = r_free_reg;
always @(posedge clk) begin
	if (go) begin
		r_good_reg <= good;
		r_left_reg <= f_count;
		r_free_reg <= f_count == 16'd0;
		r_client_reg <= p_client_reg;
		r_time_reg <= f_time;
		r_day_reg <= f_day_ok ? f_day : left_reg[47:0];
		r_frame_reg <= frames_reg;
		r_is_old_reg <= p_hit_reg && !p_old_reg[64] && (p_far || p_old_reg[15:0] != 16'd0);
		r_far_reg <= p_far;
		r_old_reg <= p_old_reg[15:0];
		frames_reg <= frames_reg + 32'd1;
	end else if (q_get) begin
		r_left_reg <= r_left_reg - 16'd1;
		r_old_reg <= r_old_reg - 16'd1;
		r_is_old_reg <= r_is_old_reg && (r_far_reg || r_old_reg != 16'd1);
		r_free_reg <= r_left_reg == 16'd1;
	end
	if (rst) begin
		r_free_reg <= 1'b1;
		frames_reg <= 32'd0;
	end
end
nmw_skid #(.W(MSG_W)) out (.clk(clk), .rst(rst), .s_valid(q_get && !q_drop), .s_ready(out_ready),
	.s_data({q_nth, r_frame_reg, q_rec, r_day_reg, r_time_reg, 1'b1, r_client_reg, q_kind}),
	.m_valid(m_msg_valid), .m_ready(m_msg_ready), .m_data(m_msg_data));

// --- counters
reg [26:0] stat_reg;
reg [63:0] missing_reg;
wire [9:0] first_fault = f & (~f + 10'd1);
reg        out_reg, bad_reg, old_reg;
reg [2:0]  kind_reg;
always @(posedge clk) begin
	stat_reg[0] <= go;
	stat_reg[1] <= go && good;
	stat_reg[11:2] <= first_fault & {10{go}};
	stat_reg[12] <= go && f_none && !p_hit_reg && full;
	stat_reg[13] <= go && f_none && p_hit_reg && !p_session_reg;
	stat_reg[14] <= go && good && p_count == 16'd0 && !p_end;
	stat_reg[15] <= go && good && p_end;
	stat_reg[16] <= go && good && p_gap;
	for (i = 0; i < 5; i = i + 1)
		stat_reg[17 + i] <= out_reg && kind_reg == i[2:0] + 3'd1;
	stat_reg[22] <= bad_reg;
	stat_reg[23] <= go && good && f_tail && !p_all_old;
	stat_reg[24] <= old_reg;
	stat_reg[25] <= go && good && f_tail && p_all_old;
	stat_reg[26] <= learn;
	out_reg <= q_get && !q_drop;
	bad_reg <= q_get && r_good_reg && !r_is_old_reg && q_bad;
	old_reg <= q_get && r_good_reg && r_is_old_reg;
	kind_reg <= q_kind;
	missing_reg <= ~p_old_reg[63:0] + 64'd1;
	if (rst) begin
		stat_reg <= 27'd0;
		out_reg <= 1'b0;
		bad_reg <= 1'b0;
		old_reg <= 1'b0;
	end
end
assign stat = stat_reg;
assign stat_missing = missing_reg;

endmodule
`default_nettype wire
