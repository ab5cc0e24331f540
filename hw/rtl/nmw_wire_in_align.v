// nmw_wire_in_align: cuts the frames of a 512-bit stream into the messages of their MoldUDP64 blocks.
//
//      s_axis -> A (skid) -> W, the beat in hand -> V, the beat before
//                     next start by position, ready    +-> 8-byte shift -> byte shift -> m_*
//
// Where a message starts, the two bytes before it are its length, and so tell where the next one
// starts. That is worked out for all 64 positions of a beat as it comes to W, so that the walk from
// message to message is one choice among 64. A header ends at 64 + 4 j (VLAN tags and IP options):
// the first message is in the second beat, always. A message is cut out of W and the beat after it:
// its first 65 bytes, which is all that an order with the optional fields that are taken has.
//
// The walk runs ahead of what tells whether the frame is good; what it cuts is thrown away with the
// frame. `head_*` come from the header, in the cycle after the first beat has left W.
//
// Timing   A: 1, W: 2, m_valid: 4 cycles after a beat was taken. A cycle for each beat and for each
//          message after the first that starts in one.
// Ready    s_axis_tready is a register; `room` low stops the walk.
`default_nettype none
module nmw_wire_in_align #(
	parameter MAX = 496 // messages of a frame, at most 2^16 - 2; one with more is marked
) (
	input  wire         clk,
	input  wire         rst,

	input  wire [511:0] s_axis_tdata,
	input  wire [63:0]  s_axis_tkeep,
	input  wire         s_axis_tlast,
	input  wire [63:0]  s_axis_tuser,
	input  wire         s_axis_tuser_err,
	input  wire         s_axis_tvalid,
	output wire         s_axis_tready,

	input  wire         room,

	// W leaves: the beat, the one after it, what follows from its first bytes
	output wire         adv,
	output wire         w_sof,
	output wire [511:0] w_data,
	output wire [511:0] a_data,
	output wire [63:0]  w_time,
	output wire [1:0]   w_tags, // VLAN tags
	output wire [3:0]   w_j,    // headers end at 64 + 4 j, less the 2 bytes of a length
	// of the header: no message, one, how many
	input  wire         head_none,
	input  wire         head_one,
	input  wire [15:0]  head_count,

	// V, a cycle later
	output wire         v_valid,
	output wire         v_sof,
	output wire         v_last,
	output wire [511:0] v_data,
	// with v_last: bytes of the frame, damaged, has more beats or messages than are counted, all
	// messages were there, the last of them is empty and at the very end, how many were cut
	output wire [13:0]  end_len,
	output wire         end_err,
	output wire         end_long,
	output wire         end_all,
	output wire         end_tail,
	output wire [15:0]  end_count,

	output wire         m_valid,
	output wire [15:0]  m_len,
	output wire [519:0] m_data, // byte 0 in the lowest bits
	output wire [15:0]  m_nth,
	output wire [4:0]   m_type, // the first byte is Q, M, X, U, O
	output wire [13:0]  m_pos   // where it starts in its frame
);

localparam [15:0] LAST = MAX - 1;

// --- A
wire         a_valid, a_last, a_err, a_take;
wire [63:0]  a_time;
wire [6:0]   a_bytes;
wire [584:0] a_word;
reg  [6:0]   keep_bytes;
integer k;
always @* begin // tkeep is a row of ones
	keep_bytes = 7'd0;
	for (k = 0; k < 64; k = k + 1)
		if (s_axis_tkeep[k] && (k == 63 || !s_axis_tkeep[(k + 1) & 63]))
			keep_bytes = keep_bytes | (k[6:0] + 7'd1);
end
nmw_skid #(.W(585)) skid (.clk(clk), .rst(rst), .s_valid(s_axis_tvalid), .s_ready(s_axis_tready),
	.s_data({keep_bytes, s_axis_tuser, s_axis_tuser_err, s_axis_tlast, s_axis_tdata}),
	.m_valid(a_valid), .m_ready(a_take), .m_data(a_word));
assign {a_bytes, a_time, a_err, a_last, a_data} = a_word;

// --- W
reg         w_valid_reg, w_sof_reg, w_last_reg, w_err_reg;
reg [511:0] w_data_reg;
reg [15:0]  w_before_reg; // the last two bytes of the beat before
reg [63:0]  w_time_reg;
reg [6:0]   w_bytes_reg;
reg [1:0]   w_tags_reg;
reg [3:0]   w_j_reg;
reg         w_tail_reg;   // bytes 62 and 63 are 0
reg         a_sof_reg;    // what comes to W next starts a frame

assign a_take = !w_valid_reg || adv;
wire load = a_take && a_valid;

function is_tag(input [15:0] t); // bytes as they come
	is_tag = t == 16'h0081 || t == 16'ha888 || t == 16'h0091;
endfunction
wire tag1 = is_tag(a_data[12*8 +: 16]);
wire tag2 = is_tag(a_data[16*8 +: 16]);
wire [1:0] tags = {tag1 && tag2, tag1 && !tag2};
wire [3:0] ihl = tags[1] ? a_data[22*8 +: 4] : tags[0] ? a_data[18*8 +: 4] : a_data[14*8 +: 4];

// next start, by where this one starts: bytes into its beat, beats after this one; bit b of all 64 is
// at 64 b, so that a choice is one of 64 and nothing is multiplied
reg [6*64-1:0] t_at_reg;
reg [9*64-1:0] t_more_reg; // beats, less 1
reg [63:0]     t_stay_reg, t_huge_reg;
wire [66*8-1:0] len_bytes = {a_data, w_data_reg[511:496]};
reg [64*15-1:0] next_start;
reg [64*9-1:0]  more;
integer i, b;
always @* begin
	for (i = 0; i < 64; i = i + 1) begin
		next_start[i*15 +: 15] = {1'b0, len_bytes[i*8 +: 6], len_bytes[i*8 + 8 +: 8]} + i[14:0] + 15'd2;
		more[i*9 +: 9] = next_start[i*15 + 6 +: 9] - 9'd1;
	end
end
always @(posedge clk) begin
	if (load) begin
		for (i = 0; i < 64; i = i + 1) begin
			for (b = 0; b < 6; b = b + 1)
				t_at_reg[b*64 + i] <= next_start[i*15 + b];
			for (b = 0; b < 9; b = b + 1)
				t_more_reg[b*64 + i] <= more[i*9 + b];
			t_stay_reg[i] <= next_start[i*15 + 6 +: 9] == 9'd0;
			t_huge_reg[i] <= |len_bytes[i*8 + 6 +: 2];
		end
		w_data_reg <= a_data;
		w_before_reg <= w_data_reg[511:496];
		w_sof_reg <= a_sof_reg;
		w_last_reg <= a_last;
		w_err_reg <= a_err;
		w_bytes_reg <= a_bytes;
		w_tail_reg <= a_data[511:496] == 16'd0 && a_bytes == 7'd64;
		w_tags_reg <= tags;
		w_j_reg <= ihl + {2'd0, tags} - 4'd5;
		if (a_sof_reg)
			w_time_reg <= a_time;
		a_sof_reg <= a_last;
	end
	if (a_take)
		w_valid_reg <= a_valid;
	if (rst) begin
		w_valid_reg <= 1'b0;
		a_sof_reg <= 1'b1;
	end
end
assign w_data = w_data_reg;
assign w_sof = w_sof_reg;
assign w_time = w_time_reg;
assign w_tags = w_tags_reg;
assign w_j = w_j_reg;

// --- the walk
reg [5:0]  at_reg;    // start of the next message, in the beat that is skip beats further
reg [8:0]  skip_reg;
reg        skipping_reg, done_reg, one_reg, first_reg;
reg [15:0] left_reg, nth_reg;
reg [7:0]  beat_reg;
reg        huge_reg, over_reg, long_reg, err_reg, full_reg;

wire have = w_valid_reg && (w_last_reg || a_valid) && room;
wire idle = first_reg ? head_none : done_reg;
wire one = first_reg ? head_one : one_reg;
wire [15:0] left = first_reg ? head_count : left_reg;
wire active = !w_sof_reg && !idle && !skipping_reg;
wire step = have && active;
wire stay = t_stay_reg[at_reg];
assign adv = have && (!active || one || full_reg || !stay);
reg  [5:0] next_at;
reg  [8:0] next_more;
always @* begin
	for (b = 0; b < 6; b = b + 1)
		next_at[b] = t_at_reg[{b[2:0], at_reg}];
	for (b = 0; b < 9; b = b + 1)
		next_more[b] = t_more_reg[{b[3:0], at_reg}];
end

always @(posedge clk) begin
	if (step) begin
		at_reg <= next_at;
		skip_reg <= next_more;
		skipping_reg <= !stay && next_more != 9'd0;
		done_reg <= one || full_reg;
		one_reg <= left == 16'd2;
		left_reg <= left - 16'd1;
		first_reg <= 1'b0;
		nth_reg <= nth_reg + 16'd1;
		full_reg <= nth_reg == LAST - 16'd1;
		over_reg <= full_reg && !one;
		huge_reg <= huge_reg || t_huge_reg[at_reg];
	end else if (adv && skipping_reg) begin
		skip_reg <= skip_reg - 9'd1;
		skipping_reg <= skip_reg != 9'd1;
	end
	if (adv && w_sof_reg) begin
		at_reg <= {w_j_reg, 2'b00};
		skip_reg <= 9'd0;
		skipping_reg <= 1'b0;
		full_reg <= 1'b0;
		first_reg <= 1'b1;
		nth_reg <= 16'd0;
		over_reg <= 1'b0;
		huge_reg <= 1'b0;
	end
	if (adv) begin
		beat_reg <= w_last_reg ? 8'd0 : beat_reg + 8'd1;
		long_reg <= (!w_sof_reg && long_reg) || &beat_reg;
		err_reg <= (!w_sof_reg && err_reg) || w_err_reg;
	end
	if (rst)
		beat_reg <= 8'd0;
end

// --- V
reg         v_valid_reg, v_sof_reg, v_last_reg, tail_reg;
reg [511:0] v_data_reg;
reg [7:0]   v_beat_reg;
reg [6:0]   v_bytes_reg;
always @(posedge clk) begin
	v_valid_reg <= adv;
	v_sof_reg <= w_sof_reg;
	v_last_reg <= w_last_reg;
	v_beat_reg <= beat_reg;
	v_bytes_reg <= w_bytes_reg;
	v_data_reg <= w_data_reg;
	tail_reg <= w_tail_reg;
	if (rst)
		v_valid_reg <= 1'b0;
end
assign v_valid = v_valid_reg;
assign v_sof = v_sof_reg;
assign v_last = v_last_reg;
assign v_data = v_data_reg;
assign end_len = {v_beat_reg, 6'd0} + {7'd0, v_bytes_reg};
assign end_err = err_reg;
assign end_long = long_reg || over_reg;
// a last message without a byte, whose length ends the beat and the frame
assign end_tail = tail_reg && one && !skipping_reg && at_reg == 6'd0;
assign end_all = (idle || end_tail) && !huge_reg;
assign end_count = nth_reg;

// --- shift
wire [130*8-1:0] window = {a_data, w_data_reg, w_before_reg};
reg          s1_valid_reg, s2_valid_reg;
reg [74*8-1:0] s1_data_reg;
reg [2:0]    s1_by_reg;
reg [15:0]   s1_nth_reg, s2_nth_reg;
reg [13:0]   s1_pos_reg, s2_pos_reg;
reg [67*8-1:0] s2_data_reg;
reg [4:0]    s2_type_reg;
wire [7:0]   s1_first = s1_data_reg[{4'd0, s1_by_reg}*8 + 16 +: 8];
always @(posedge clk) begin
	s1_valid_reg <= step;
	s1_data_reg <= window[{4'd0, at_reg[5:3]}*64 +: 74*8];
	s1_by_reg <= at_reg[2:0];
	s1_nth_reg <= nth_reg;
	s1_pos_reg <= {beat_reg, at_reg};
	s2_valid_reg <= s1_valid_reg;
	s2_data_reg <= s1_data_reg[{4'd0, s1_by_reg}*8 +: 67*8];
	s2_nth_reg <= s1_nth_reg;
	s2_pos_reg <= s1_pos_reg;
	s2_type_reg <= {s1_first == "O", s1_first == "U", s1_first == "X", s1_first == "M", s1_first == "Q"};
	if (rst) begin
		s1_valid_reg <= 1'b0;
		s2_valid_reg <= 1'b0;
	end
end
assign m_valid = s2_valid_reg;
assign m_len = {s2_data_reg[7:0], s2_data_reg[15:8]};
assign m_data = s2_data_reg[16 +: 520];
assign m_nth = s2_nth_reg;
assign m_type = s2_type_reg;
assign m_pos = s2_pos_reg;

endmodule
`default_nettype wire
