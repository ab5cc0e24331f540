// nmw_fetch: reads commands from the host's TX ring by DMA, many lines in flight, in order.
//
// The ring has 2^log2 entries of 32 bytes, two a line of 64. The host writes entries and then `tail`
// (free running), at most a ring beyond `head`; this asks for lines up to it. A tail that is farther, or
// behind the head, is never followed: `far`, and nothing is handed on any more until reset. A line that has only its first entry is asked for
// again when the second is there. Answers come in any order: a line has the slot of a buffer as its
// tag, and leaves the buffer in the order in which it was asked for.
//
// Timing   a line every other cycle, so an entry a cycle; 2^LINES_LOG2 lines in flight cover as many
//          entries as twice that, which at one a cycle is the read latency that can be hidden.
// Ready    m_valid/m_ready; a stall holds the lines in the buffer, nothing is asked for beyond it.
`default_nettype none
module nmw_fetch #(
	parameter LINES_LOG2 = 7
) (
	input  wire         clk,
	input  wire         rst,
	input  wire         enable,
	input  wire [63:0]  base,    // IOVA, a multiple of the ring's bytes
	input  wire [3:0]   log2,    // entries, 3 to 12
	input  wire [31:0]  tail,
	output wire [31:0]  head,    // entries that have been handed on
	output wire         waiting, // lines are in flight
	output wire         far,     // the tail was more than a ring beyond the head
	output wire [63:0]  oldest,  // address of the line that is waited for longest

	output wire         rd_valid,
	input  wire         rd_ready,
	output wire [63:0]  rd_addr,
	output wire [LINES_LOG2-1:0] rd_tag,
	input  wire         rsp_valid,
	input  wire [LINES_LOG2-1:0] rsp_tag,
	input  wire [511:0] rsp_data,

	output wire         m_valid,
	input  wire         m_ready,
	output wire [255:0] m_data
);

localparam N = 1 << LINES_LOG2;
localparam NEAR_LOG2 = 2;
localparam [NEAR_LOG2:0] NEAR = 1 << NEAR_LOG2; // lines behind the buffer

// --- ask
reg [31:0] next_reg;          // entry that is asked for next
reg [31:0] more_reg;          // entries up to the tail, as of the cycle before
reg        look_reg;          // more_reg is of next_reg
reg [LINES_LOG2:0] ask_reg, take_reg; // lines asked for, lines taken out, free running
reg        rd_valid_reg;
reg [63:0] rd_addr_reg;
reg [LINES_LOG2-1:0] rd_tag_reg;
reg        full_reg;

reg [12:0] size_reg;          // entries; log2 stands still while the ring runs
reg [11:0] mask_reg;
reg [31:0] gap_reg, head_reg; // entries that the host has not got back, as of the cycle before
reg        far_reg;
wire [11:0] at = next_reg[11:0] & mask_reg;
wire two = !next_reg[0] && more_reg[31:1] != 31'd0;
wire ask = enable && !far_reg && look_reg && more_reg != 32'd0 && !full_reg && (!rd_valid_reg || rd_ready);

// what a line holds: {second entry is wanted, first entry is wanted}
(* ram_style = "distributed" *)
reg [1:0] parts [0:N-1];
(* ram_style = "distributed" *)
reg [10:0] where [0:N-1]; // which line of the ring
reg [N-1:0] here_reg; // answered and not yet taken

always @(posedge clk) begin
	size_reg <= 13'd1 << log2;
	mask_reg <= (12'd1 << log2) - 12'd1;
	gap_reg <= tail - head_reg;
	// a line beyond it may have been asked for in the meantime: its answer is not before the next cycle
	far_reg <= far_reg || (enable && gap_reg > {19'd0, size_reg});
	more_reg <= tail - next_reg;
	look_reg <= !ask;
	full_reg <= ask_reg[LINES_LOG2-1:0] == take_reg[LINES_LOG2-1:0]
		? ask_reg[LINES_LOG2] != take_reg[LINES_LOG2] : 1'b0;
	if (ask) begin
		next_reg <= next_reg + (two ? 32'd2 : 32'd1);
		ask_reg <= ask_reg + 1'b1;
		rd_addr_reg <= base | {47'd0, at[11:1], 6'd0};
		rd_tag_reg <= ask_reg[LINES_LOG2-1:0];
		parts[ask_reg[LINES_LOG2-1:0]] <= {two || next_reg[0], !next_reg[0]};
		where[ask_reg[LINES_LOG2-1:0]] <= at[11:1];
	end
	if (!rd_valid_reg || rd_ready)
		rd_valid_reg <= ask;
	if (rst) begin
		next_reg <= 32'd0;
		more_reg <= 32'd0;
		look_reg <= 1'b0;
		ask_reg <= {(LINES_LOG2+1){1'b0}};
		rd_valid_reg <= 1'b0;
		full_reg <= 1'b0;
		gap_reg <= 32'd0;
		far_reg <= 1'b0;
	end
end
wire unused = &{1'b0, at[0]};
assign rd_valid = rd_valid_reg;
assign rd_addr = rd_addr_reg;
assign rd_tag = rd_tag_reg;
assign far = far_reg;

// --- take, in order: buffer -> short queue of lines -> entries
wire [511:0] line;
wire [NEAR_LOG2:0] near_count;
wire         near_valid, near_get;
wire [513:0] near;
reg          out_reg;
reg [1:0]    out_parts_reg;
wire [LINES_LOG2-1:0] slot = take_reg[LINES_LOG2-1:0];
wire take = here_reg[slot] && !far_reg && near_count + {{NEAR_LOG2{1'b0}}, out_reg} < NEAR;

nmw_ram #(.ADDR_W(LINES_LOG2), .DATA_W(512)) buffer (.clk(clk), .we(rsp_valid), .waddr(rsp_tag),
	.wdata(rsp_data), .raddr(slot), .rdata(line));
nmw_fifo #(.W(514), .LOG2(NEAR_LOG2)) lines (.clk(clk), .flush(rst), .put(out_reg),
	.put_data({out_parts_reg, line}), .valid(near_valid), .get(near_get), .data(near),
	.count(near_count));

integer i;
always @(posedge clk) begin
	for (i = 0; i < N; i = i + 1)
		if (rsp_valid && rsp_tag == i[LINES_LOG2-1:0])
			here_reg[i] <= 1'b1;
		else if (take && slot == i[LINES_LOG2-1:0])
			here_reg[i] <= 1'b0;
	out_reg <= take;
	out_parts_reg <= parts[slot];
	if (take)
		take_reg <= take_reg + 1'b1;
	if (rst) begin
		here_reg <= {N{1'b0}};
		out_reg <= 1'b0;
		take_reg <= {(LINES_LOG2+1){1'b0}};
	end
end
assign waiting = ask_reg != take_reg;
assign oldest = base | {47'd0, where[slot], 6'd0};

// --- entries: the first of a line, then the second
reg         second_reg; // the line's first is done
reg         m_valid_reg;
reg [255:0] m_data_reg;
wire move = !m_valid_reg || m_ready;
wire [1:0] wanted = near[513:512];
wire upper = second_reg || !wanted[0];
assign near_get = near_valid && move && (upper || !wanted[1]);
always @(posedge clk) begin
	if (move) begin
		m_valid_reg <= near_valid;
		m_data_reg <= upper ? near[511:256] : near[255:0];
	end
	if (near_valid && move)
		second_reg <= !near_get;
	if (m_valid_reg && m_ready)
		head_reg <= head_reg + 32'd1;
	if (rst) begin
		m_valid_reg <= 1'b0;
		second_reg <= 1'b0;
		head_reg <= 32'd0;
	end
end
assign m_valid = m_valid_reg;
assign m_data = m_data_reg;
assign head = head_reg;

endmodule
`default_nettype wire
