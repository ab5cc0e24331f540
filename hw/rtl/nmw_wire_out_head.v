// nmw_wire_out_head: headers of a sealed frame, then its words, as an AXI stream.
//
//   turn -> 1: size, sequence number, addresses -> 2: sum of the headers -> 3: and of the blocks
//        -> out: the header's word, then the words of the buffer, without a gap between
//
// What the header waits for: number and lengths of the messages are known when the frame is sealed,
// the sum of its blocks two cycles later; nothing else. Words follow each other, and frames too.
// A frame is 62 bytes at the least (66, 70 with tags), so that none needs padding.
//
// Timing   turn taken in cycle t, first word offered in t+4. At most three frames are sealed and not
//          yet read. m_axis_tuser is the time of the frame's first message, 0 without one.
// Reset    takes 32 cycles, in which sequence numbers begin at 1 and no turn is taken. A frame that is
//          going out is not broken off: one more word of a byte ends it, with m_axis_tuser_err; it is
//          shorter than its header says.
`default_nettype none
module nmw_wire_out_head (
	input  wire         clk,
	input  wire         rst,
	input  wire         port_rst,  // who takes the frames is reset too: none is owed its end
	input  wire [79:0]  session,   // its first byte in the low bits

	input  wire         g_valid,   // the turn
	input  wire [4:0]   g_dest,
	input  wire         g_ask,
	input  wire         g_ended,
	input  wire         g_open,    // the frame that it has
	input  wire [1:0]   g_buf,
	input  wire [1:0]   g_tags,
	input  wire [10:0]  g_size,
	input  wire [6:0]   g_count,
	input  wire [6:0]   g_first,
	input  wire [63:0]  g_time,
	input  wire [257:0] g_entry,   // where it goes
	input  wire [15:0]  g_ip_sum,
	input  wire [15:0]  g_udp_sum,
	output wire         g_take,

	output wire [4:0]   sum_dest,
	output wire [1:0]   sum_buf,
	input  wire [23:0]  sum,

	output wire         r_en,
	output wire [4:0]   r_dest,
	output wire [1:0]   r_buf,
	output wire [4:0]   r_word,
	input  wire [511:0] r_data,

	output wire [511:0] m_axis_tdata,
	output wire [63:0]  m_axis_tkeep,
	output wire         m_axis_tlast,
	output wire [63:0]  m_axis_tuser,
	output wire         m_axis_tuser_err, // with tlast: a reset cut the frame
	output wire         m_axis_tvalid,
	input  wire         m_axis_tready,
	output wire [1:0]   stat       // frames with messages, bare ones
);

// Sum of two, the carry coming in again: never 0 unless both are.
function [15:0] ones(input [15:0] a, input [15:0] b);
	reg [16:0] plain;
	reg [15:0] more;
	begin
		plain = {1'b0, a} + {1'b0, b};
		more = a + b + 16'd1;
		ones = plain[16] ? more : plain[15:0];
	end
endfunction

// --- the session's name, big-endian, and its sum
reg  [79:0] name_reg;
reg  [18:0] name_sum_reg;
reg  [15:0] name_ones_reg;
genvar g;
generate
	for (g = 0; g < 10; g = g + 1) begin : name
		always @(posedge clk)
			name_reg[72-8*g +: 8] <= session[8*g +: 8];
	end
endgenerate
always @(posedge clk) begin
	name_sum_reg <= {3'd0, name_reg[79:64]} + {3'd0, name_reg[63:48]} + {3'd0, name_reg[47:32]}
		+ {3'd0, name_reg[31:16]} + {3'd0, name_reg[15:0]};
	name_ones_reg <= ones(name_sum_reg[15:0], {13'd0, name_sum_reg[18:16]});
end

// --- 1: what is known when the turn is taken
(* ram_style = "distributed" *)
reg [63:0]  seq_mem [0:31];
reg [5:0]   start_reg;
reg [1:0]   ahead_reg;      // frames sealed and not yet read
reg         h1_valid_reg, h2_valid_reg, h3_valid_reg;
wire        read_done, h2_free, h3_free, step, take;
wire [63:0] g_seq = seq_mem[g_dest];
wire        starting = !start_reg[5];
wire        g_real = g_open || g_ask;
assign g_take = g_valid && !h1_valid_reg && ahead_reg != 2'd3 && !starting;

reg         h1_data_reg;
reg [4:0]   h1_dest_reg;
reg [1:0]   h1_buf_reg, h1_tags_reg;
reg [10:0]  h1_size_reg;
reg [15:0]  h1_count_reg, h1_ip_sum_reg, h1_udp_sum_reg;
reg [6:0]   h1_first_reg;
reg [63:0]  h1_time_reg, h1_seq_reg;
reg [257:0] h1_entry_reg;
wire [1:0]  tags = g_open ? g_tags : g_entry[193:192];

always @(posedge clk) begin
	if (starting || (g_take && g_open))
		seq_mem[starting ? start_reg[4:0] : g_dest] <= starting ? 64'd1 : g_seq + {57'd0, g_count};
	if (starting)
		start_reg <= start_reg + 6'd1;
	if (!h1_valid_reg) begin
		h1_data_reg <= g_open;
		h1_dest_reg <= g_dest;
		h1_buf_reg <= g_buf;
		h1_tags_reg <= tags;
		h1_size_reg <= g_open ? g_size : tags == 2'd0 ? 11'd62 : tags[1] ? 11'd70 : 11'd66;
		h1_count_reg <= g_open ? {9'd0, g_count} : {16{g_ended}};
		h1_first_reg <= g_open ? g_first : 7'd0;
		h1_time_reg <= g_open ? g_time : 64'd0;
		h1_seq_reg <= g_seq;
		h1_entry_reg <= g_entry;
		h1_ip_sum_reg <= g_ip_sum;
		h1_udp_sum_reg <= g_udp_sum;
	end
	h1_valid_reg <= h1_valid_reg ? !h2_free : g_take && g_real;
	ahead_reg <= ahead_reg + {1'b0, g_take && g_real} - {1'b0, read_done};
	if (rst) begin
		start_reg <= 6'd0;
		ahead_reg <= 2'd0;
		h1_valid_reg <= 1'b0;
	end
end

// --- 2: lengths, sums of the headers. A length comes in as the frame's size and a constant less.
reg         h2_data_reg;
reg [4:0]   h2_dest_reg, h2_last_reg;
reg [1:0]   h2_buf_reg, h2_tags_reg;
reg [5:0]   h2_end_reg;     // bytes of the last word, 0: all
reg [10:0]  h2_ip_len_reg, h2_udp_len_reg;
reg [15:0]  h2_count_reg;
reg [16:0]  h2_ip_sum_reg, h2_udp_sum_reg;
reg [6:0]   h2_first_reg;
reg [63:0]  h2_time_reg, h2_seq_reg;
reg [257:0] h2_entry_reg;
wire [10:0] extra = {7'd0, h1_tags_reg, 2'd0}; // bytes of tags
wire [15:0] size = {5'd0, h1_size_reg};
wire [15:0] less_ip = 16'd65535 - (16'd14 + {5'd0, extra});
wire [15:0] less_udp = 16'd65535 - 16'd2 * (16'd34 + {5'd0, extra});
wire [47:0] rows1, rows2;
nmw_wire_csa #(.N(1)) csa1 (.rows({h1_udp_sum_reg, name_ones_reg, size << 1, less_udp, h1_seq_reg[63:32]}), .sums(rows1));
nmw_wire_csa #(.N(1)) csa2 (.rows({rows1, h1_seq_reg[31:0], h1_count_reg}), .sums(rows2));
wire [15:0] udp_odd = rows2[15:0] ^ rows2[31:16] ^ rows2[47:32];
wire [15:0] udp_most = (rows2[15:0] & rows2[31:16]) | (rows2[15:0] & rows2[47:32]) | (rows2[31:16] & rows2[47:32]);
wire [15:0] ip_odd = h1_ip_sum_reg ^ size ^ less_ip;
wire [15:0] ip_most = (h1_ip_sum_reg & size) | (h1_ip_sum_reg & less_ip) | (size & less_ip);

always @(posedge clk) begin
	if (h2_free) begin
		h2_valid_reg <= h1_valid_reg;
		h2_data_reg <= h1_data_reg;
		h2_dest_reg <= h1_dest_reg;
		h2_buf_reg <= h1_buf_reg;
		h2_tags_reg <= h1_tags_reg;
		h2_last_reg <= h1_size_reg[5:0] == 6'd0 ? h1_size_reg[10:6] - 5'd1 : h1_size_reg[10:6];
		h2_end_reg <= h1_size_reg[5:0];
		h2_ip_len_reg <= h1_size_reg - 11'd14 - extra;
		h2_udp_len_reg <= h1_size_reg - 11'd34 - extra;
		h2_count_reg <= h1_count_reg;
		h2_ip_sum_reg <= {1'b0, ip_odd} + {1'b0, ip_most[14:0], ip_most[15]};
		h2_udp_sum_reg <= {1'b0, udp_odd} + {1'b0, udp_most[14:0], udp_most[15]};
		h2_first_reg <= h1_first_reg;
		h2_time_reg <= h1_time_reg;
		h2_seq_reg <= h1_seq_reg;
		h2_entry_reg <= h1_entry_reg;
	end
	if (rst)
		h2_valid_reg <= 1'b0;
end
assign h2_free = !h2_valid_reg || h3_free;
assign sum_dest = h2_dest_reg;
assign sum_buf = h2_buf_reg;

// --- 3: the header but for the checksum of UDP, whose sum is complete
reg         h3_data_reg;
reg [4:0]   h3_dest_reg, h3_last_reg;
reg [1:0]   h3_buf_reg, h3_tags_reg;
reg [24:0]  h3_sum_reg;
reg [63:0]  h3_keep_reg, h3_time_reg;
reg [559:0] h3_head_reg;    // 70 bytes, the first in the high bits
wire [15:0]  ip_check = ~ones(h2_ip_sum_reg[15:0], {15'd0, h2_ip_sum_reg[16]});
wire [399:0] ip = {32'h08004500, 5'd0, h2_ip_len_reg, 48'h000040004011, ip_check, h2_entry_reg[95:0],
	5'd0, h2_udp_len_reg, 16'd0, name_reg, h2_seq_reg, h2_count_reg};
wire [95:0]  macs = h2_entry_reg[191:96];
wire         unused = &{1'b0, h2_entry_reg[193:192]};
integer      i;

always @(posedge clk) begin
	if (h3_free) begin
		h3_valid_reg <= h2_valid_reg;
		h3_data_reg <= h2_data_reg;
		h3_dest_reg <= h2_dest_reg;
		h3_buf_reg <= h2_buf_reg;
		h3_tags_reg <= h2_tags_reg;
		h3_last_reg <= h2_last_reg;
		h3_sum_reg <= {8'd0, h2_udp_sum_reg} + {1'b0, h2_data_reg ? sum : 24'd0};
		h3_time_reg <= h2_time_reg;
		h3_head_reg <= h2_tags_reg[1] ? {macs, h2_entry_reg[257:194], ip}
			: h2_tags_reg[0] ? {macs, h2_entry_reg[257:226], ip, 32'd0}
			: {macs, ip, 9'd0, h2_first_reg, 48'd0};
		for (i = 0; i < 64; i = i + 1)
			h3_keep_reg[i] <= h2_end_reg == 6'd0 || h2_end_reg > i[5:0];
	end
	if (rst)
		h3_valid_reg <= 1'b0;
end
assign h3_free = !h3_valid_reg || take;

// --- out: the header's word, then those of the buffer, one ahead of them being read
reg         cur_valid_reg, cur_first_reg;
reg [4:0]   cur_dest_reg, cur_last_reg, cur_next_reg; // next: to be read
reg [1:0]   cur_buf_reg, cur_tags_reg;
reg         cur_end_reg;    // the word that is read is the last
reg [63:0]  cur_keep_reg, cur_time_reg;
reg [47:0]  cur_tail_reg;   // bytes of the header that are in the second word
reg         cut_reg;        // it ends with the next word
reg         m_valid_reg, m_last_reg, m_err_reg;
reg [511:0] m_data_reg;
reg [63:0]  m_keep_reg, m_user_reg;

// The carry comes in twice at the most; 0 would say that there is no checksum (RFC 768).
wire [15:0] folded = ones(h3_sum_reg[15:0], {7'd0, h3_sum_reg[24:16]});
wire        all = h3_sum_reg[15:0] == ~{7'd0, h3_sum_reg[24:16]};
wire [15:0] check = ~folded | {16{all}};
wire [559:0] header = h3_head_reg | (h3_tags_reg[1] ? {384'd0, check, 160'd0}
	: h3_tags_reg[0] ? {352'd0, check, 192'd0} : {320'd0, check, 224'd0});

assign step = !m_valid_reg || m_axis_tready;
assign take = step && !cur_valid_reg && h3_valid_reg;
assign r_en = step;
assign r_dest = cur_valid_reg ? cur_dest_reg : h3_dest_reg;
assign r_buf = cur_valid_reg ? cur_buf_reg : h3_buf_reg;
assign r_word = cur_valid_reg ? cur_next_reg : 5'd1;
assign read_done = cur_valid_reg ? step && cur_next_reg == cur_last_reg && !cur_end_reg
	: take && h3_last_reg <= 5'd1;

reg [511:0] body;
always @* begin
	body = r_data;
	for (i = 0; i < 6; i = i + 1)
		if (cur_first_reg && (cur_tags_reg[1] || (cur_tags_reg[0] && i < 2)))
			body[8*i +: 8] = cur_tail_reg[40-8*i +: 8];
	for (i = 0; i < 64; i = i + 1)
		if (cur_end_reg && !cur_keep_reg[i])
			body[8*i +: 8] = 8'd0;
end

always @(posedge clk) begin
	if (step) begin
		m_valid_reg <= cur_valid_reg || h3_valid_reg;
		m_last_reg <= cur_valid_reg ? cur_end_reg : h3_last_reg == 5'd0;
		for (i = 0; i < 64; i = i + 1)
			m_data_reg[8*i +: 8] <= cur_valid_reg ? body[8*i +: 8] : header[552-8*i +: 8];
		m_keep_reg <= !cur_valid_reg ? (h3_last_reg == 5'd0 ? h3_keep_reg : ~64'd0)
			: cut_reg ? 64'd1 : cur_end_reg ? cur_keep_reg : ~64'd0;
		m_err_reg <= cut_reg;
		m_user_reg <= cur_valid_reg ? cur_time_reg : h3_time_reg;
		if (cur_valid_reg) begin
			cur_valid_reg <= !cur_end_reg;
			cur_first_reg <= 1'b0;
			cur_next_reg <= cur_next_reg + 5'd1;
			cur_end_reg <= cur_next_reg == cur_last_reg;
		end else begin
			cur_valid_reg <= h3_valid_reg && h3_last_reg != 5'd0;
			cur_first_reg <= 1'b1;
			cur_next_reg <= 5'd2;
			cur_end_reg <= h3_last_reg == 5'd1;
			cur_dest_reg <= h3_dest_reg;
			cur_buf_reg <= h3_buf_reg;
			cur_tags_reg <= h3_tags_reg;
			cur_last_reg <= h3_last_reg;
			cur_keep_reg <= h3_keep_reg;
			cur_time_reg <= h3_time_reg;
			cur_tail_reg <= h3_head_reg[47:0];
		end
	end
	cut_reg <= cur_valid_reg && (cut_reg || rst) && !(step && cur_end_reg);
	if (rst) begin
		cur_end_reg <= 1'b1;
		if (step && !cur_valid_reg) // none begins
			{m_valid_reg, cur_valid_reg} <= 2'b00;
	end
	if (port_rst)
		{m_valid_reg, cur_valid_reg, cut_reg} <= 3'b000;
end

assign m_axis_tdata = m_data_reg;
assign m_axis_tkeep = m_keep_reg;
assign m_axis_tlast = m_last_reg;
assign m_axis_tuser = m_user_reg;
assign m_axis_tuser_err = m_err_reg;
assign m_axis_tvalid = m_valid_reg;
assign stat = {take && !h3_data_reg, take && h3_data_reg};

endmodule
`default_nettype wire
