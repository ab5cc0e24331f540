// nmw_wire_out_pack: blocks are put where they will be in their frame, one frame growing for each
// destination. What waits for a destination is one frame, until it is sealed.
//
//   block --> place: where its frame ends --> shifted there --> banks of block RAM, byte by byte
//         \-> sum of its words ----------> sum of the frame
//
// A frame lies in its buffer as it will go out, from byte 62 on (66, 70 behind VLAN tags); what is
// before belongs to the headers. Each destination has four buffers: one that grows, up to three
// that are sealed. Whoever seals minds that: a fourth must not be sealed before the first was read.
//
// A frame of 1,408 bytes or more is full: a block for it waits, and all behind it, until the frame has
// been sealed. With the longest block a frame is 1,495 bytes, its UDP payload 1,453.
//
// Timing   a block a cycle, for any destinations. Of a block that is taken in cycle t:
//              t+1  the frame is open; if sealed, this block is in it
//              t+3  the sum has it
//              t+4  r_en with its address may be given; data a cycle later, held until the next r_en
//          seal takes what was placed before; what is placed in the same cycle begins a new frame.
//          q_*, sum: combinational, one read of distributed RAM.
// Reset    no frame is open; RAMs keep what they have.
`default_nettype none
module nmw_wire_out_pack #(
	parameter D = 4,     // destinations: 2^D
	parameter M = 88,    // bytes of the longest block, even
	parameter BANKS = 2  // words of 64 bytes that are written at once: 2^BANKS, M + 63 bytes at the least
) (
	input  wire            clk,
	input  wire            rst,

	input  wire            s_valid,
	output wire            s_ready,
	input  wire [D-1:0]    s_dest,
	input  wire [1:0]      s_tags,
	input  wire [6:0]      s_len,    // 0: nothing is placed
	input  wire [8*M-1:0]  s_bytes,
	input  wire [63:0]     s_time,

	output wire [(1<<D)-1:0] open,
	output wire [(1<<D)-1:0] heavy,   // half full, or more
	input  wire            seal,
	input  wire [D-1:0]    q_dest,   // which is sealed, which is asked for
	output wire            q_open,
	output wire [1:0]      q_buf,
	output wire [1:0]      q_tags,
	output wire [10:0]     q_size,   // bytes of the frame
	output wire [6:0]      q_count,
	output wire [6:0]      q_first,  // bytes of its first message
	output wire [63:0]     q_time,   // of its first message

	input  wire [D-1:0]    sum_dest,
	input  wire [1:0]      sum_buf,
	output wire [23:0]     sum,      // of all blocks as 16-bit words, not yet folded

	input  wire            r_en,
	input  wire [D-1:0]    r_dest,
	input  wire [1:0]      r_buf,
	input  wire [4:0]      r_word,
	output wire [511:0]    r_data
);

localparam N = 1 << BANKS;
localparam SPAN = BANKS == 1 ? 2 : 3; // words that a block may touch
localparam ROW = 5 - BANKS;    // bits of a row's number in a buffer
localparam A = D + 2 + ROW;
localparam L = 9;              // a byte on its way to its bank, and that it is one
localparam ROWS = 48;          // 16-bit words of a block, as many as make a tree

// --- place
(* ram_style = "distributed" *)
reg [21:0] grow_mem [0:(1<<D)-1];   // buffer, tags, bytes, messages
(* ram_style = "distributed" *)
reg [70:0] first_mem [0:(1<<D)-1];  // of the first message: time, bytes
reg [(1<<D)-1:0] open_reg, heavy_reg;

wire [1:0]  at_buf, at_tags;
wire [10:0] at_size;
wire [6:0]  at_count;
assign {at_buf, at_tags, at_size, at_count} = grow_mem[s_dest];
wire        fresh = !open_reg[s_dest] || (seal && q_dest == s_dest);
wire        half = at_size[10] || (at_size[9] && at_size[8]);                   // 768 bytes
wire        most = at_size[10] && (at_size[9] || (at_size[8] && at_size[7])); // 1,408 bytes
wire        full = open_reg[s_dest] && most; // in the cycle in which it is sealed, too: that is known late
wire        go = s_valid && !full && s_len != 7'd0;
wire [10:0] base = s_tags == 2'd0 ? 11'd62 : s_tags[1] ? 11'd70 : 11'd66;
wire [10:0] at = fresh ? base : at_size;
wire [1:0]  buf_no = at_buf + {1'b0, fresh};
wire [10:0] end_fresh = base + {4'd0, s_len};
wire [10:0] end_more = at_size + {4'd0, s_len};
wire [6:0]  len_first = s_len - 7'd2;

integer d;
initial begin : start_buffers
	integer n;
	for (n = 0; n < (1 << D); n = n + 1)
		grow_mem[n] = 22'd0;
end

always @(posedge clk) begin
	if (go)
		grow_mem[s_dest] <= {buf_no, fresh ? s_tags : at_tags, fresh ? end_fresh : end_more,
			fresh ? 7'd1 : at_count + 7'd1};
	if (go && fresh)
		first_mem[s_dest] <= {s_time, len_first};
	for (d = 0; d < (1 << D); d = d + 1) begin
		if (seal && q_dest == d[D-1:0]) begin
			open_reg[d] <= 1'b0;
			heavy_reg[d] <= 1'b0;
		end
		if (go && s_dest == d[D-1:0]) begin
			open_reg[d] <= 1'b1;
			heavy_reg[d] <= !fresh && half;
		end
	end
	if (rst) begin
		open_reg <= {(1<<D){1'b0}};
		heavy_reg <= {(1<<D){1'b0}};
	end
end

assign s_ready = !full;
assign open = open_reg;
assign heavy = heavy_reg;
assign q_open = open_reg[q_dest];
assign {q_buf, q_tags, q_size, q_count} = grow_mem[q_dest];
assign {q_time, q_first} = first_mem[q_dest];

// --- sum: three rows a cycle later, one a cycle after that, then added to the frame's
wire [16*ROWS-1:0] row0;
wire [8*ROWS-1:0]  row1;
wire [4*ROWS-1:0]  row2;
wire [2*ROWS-1:0]  row3;
wire [47:0]        row4;
genvar g;
generate
	for (g = 0; g < ROWS; g = g + 1) begin : word
		if (2*g < M) begin : some
			assign row0[16*g +: 16] = {s_bytes[16*g +: 8], s_bytes[16*g+8 +: 8]};
		end else begin : none
			assign row0[16*g +: 16] = 16'd0;
		end
	end
endgenerate
nmw_wire_csa #(.N(ROWS/6)) csa1 (.rows(row0), .sums(row1));
nmw_wire_csa #(.N(ROWS/12)) csa2 (.rows(row1), .sums(row2));
nmw_wire_csa #(.N(ROWS/24)) csa3 (.rows(row2), .sums(row3));
nmw_wire_csa #(.N(1)) csa4 (.rows(row3), .sums(row4));

// A block at an odd place of the frame has its bytes in the other halves of the words (RFC 1071, 2B).
reg [47:0] p_rows_reg;
reg [10:0] p_at_reg;
wire [47:0] turned = {p_rows_reg[39:32], p_rows_reg[47:40], p_rows_reg[23:16], p_rows_reg[31:24],
	p_rows_reg[7:0], p_rows_reg[15:8]};
wire [47:0] three = p_at_reg[0] ? turned : p_rows_reg;
wire [15:0] twice = (three[15:0] & three[31:16]) | (three[15:0] & three[47:32]) | (three[31:16] & three[47:32]);
wire [15:0] odd = three[15:0] ^ three[31:16] ^ three[47:32];

(* ram_style = "distributed" *)
reg [23:0] sum_mem [0:(4<<D)-1];
reg [16:0] r_sum_reg;

// --- shift: by 1 to 8 bytes, then by 16 and 32, then to the banks
reg              p_valid_reg, r_valid_reg;
reg              p_fresh_reg, r_fresh_reg;
reg [D+1:0]      p_buf_reg, r_buf_reg;
reg [L*M-1:0]    p_lanes_reg;
reg [10:4]       r_at_reg;
reg [L*(M+15)-1:0] r_lanes_reg;
integer          i;

wire [L*(M+1)-1:0]   by_1 = p_at_reg[0] ? {p_lanes_reg, {L{1'b0}}} : {{L{1'b0}}, p_lanes_reg};
wire [L*(M+3)-1:0]   by_2 = p_at_reg[1] ? {by_1, {(2*L){1'b0}}} : {{(2*L){1'b0}}, by_1};
wire [L*(M+7)-1:0]   by_4 = p_at_reg[2] ? {by_2, {(4*L){1'b0}}} : {{(4*L){1'b0}}, by_2};
wire [L*(M+15)-1:0]  by_8 = p_at_reg[3] ? {by_4, {(8*L){1'b0}}} : {{(8*L){1'b0}}, by_4};
wire [L*(M+31)-1:0]  by_16 = r_at_reg[4] ? {r_lanes_reg, {(16*L){1'b0}}} : {{(16*L){1'b0}}, r_lanes_reg};
wire [L*(M+63)-1:0]  by_32 = r_at_reg[5] ? {by_16, {(32*L){1'b0}}} : {{(32*L){1'b0}}, by_16};
wire [L*64*SPAN-1:0] spread = {{(L*(64*SPAN-M-63)){1'b0}}, by_32};

always @(posedge clk) begin
	p_valid_reg <= go;
	p_fresh_reg <= fresh;
	p_buf_reg <= {s_dest, buf_no};
	p_at_reg <= at;
	p_rows_reg <= row4;
	for (i = 0; i < M; i = i + 1)
		p_lanes_reg[L*i +: L] <= {s_len > i[6:0], s_bytes[8*i +: 8]};
	r_valid_reg <= p_valid_reg;
	r_fresh_reg <= p_fresh_reg;
	r_buf_reg <= p_buf_reg;
	r_at_reg <= p_at_reg[10:4];
	r_lanes_reg <= by_8;
	r_sum_reg <= {1'b0, odd} + {1'b0, twice[14:0], twice[15]};
	if (r_valid_reg)
		sum_mem[r_buf_reg] <= (r_fresh_reg ? 24'd0 : sum_mem[r_buf_reg]) + {7'd0, r_sum_reg};
	if (rst) begin
		p_valid_reg <= 1'b0;
		r_valid_reg <= 1'b0;
	end
end

assign sum = sum_mem[{sum_dest, sum_buf}];

// --- banks: word w of a buffer is in row w / N of bank w % N
wire [BANKS-1:0]  r_bank = r_at_reg[6 +: BANKS];
wire [512*N-1:0]  bank_data;
reg  [BANKS-1:0]  r_bank_reg;
genvar k;
generate
	for (g = 0; g < N; g = g + 1) begin : bank
		localparam [BANKS-1:0] G = g;
		wire [BANKS-1:0] nth;  // of the block's words
		wire             over; // it is in the next row
		wire [L*64-1:0]  lanes;
		if (BANKS == 1) begin : two
			assign nth = G ^ r_bank;
			assign over = r_bank && !G;
			assign lanes = nth ? spread[L*64 +: L*64] : spread[0 +: L*64];
		end else begin : four
			assign nth = {G[1] ^ r_bank[1] ^ (!G[0] && r_bank[0]), G[0] ^ r_bank[0]};
			assign lanes = {(L*64){nth == 2'd0}} & spread[0 +: L*64] | {(L*64){nth == 2'd1}} & spread[L*64 +: L*64]
				| {(L*64){nth == 2'd2}} & spread[L*64*(SPAN-1) +: L*64];
			assign over = G == 2'd0 ? |r_bank : G == 2'd1 ? r_bank[1] : G == 2'd2 && &r_bank;
		end
		reg [L*64-1:0]   w_lanes_reg;
		reg              w_valid_reg;
		reg [A-1:0]      w_addr_reg;
		wire [63:0]      w_en;
		wire [511:0]     w_data;
		for (k = 0; k < 64; k = k + 1) begin : lane
			assign w_en[k] = w_lanes_reg[L*k+8] && w_valid_reg;
			assign w_data[8*k +: 8] = w_lanes_reg[L*k +: 8];
		end
		always @(posedge clk) begin
			w_valid_reg <= r_valid_reg;
			w_lanes_reg <= lanes;
			w_addr_reg <= {r_buf_reg, r_at_reg[10 -: ROW] + {{(ROW-1){1'b0}}, over}};
		end
		nmw_wire_out_ram #(.ADDR_W(A)) ram (.clk(clk), .wen(w_en), .waddr(w_addr_reg), .wdata(w_data),
			.ren(r_en), .raddr({r_dest, r_buf, r_word[4 -: ROW]}), .rdata(bank_data[512*g +: 512]));
	end
endgenerate

always @(posedge clk)
	if (r_en)
		r_bank_reg <= r_word[BANKS-1:0];

assign r_data = bank_data[512*r_bank_reg +: 512];

endmodule
`default_nettype wire
