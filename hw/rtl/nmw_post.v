// nmw_post: writes events to the host's RX ring by DMA, two a line when two are there.
//
// The ring has 2^log2 entries of 32 bytes. An entry's phase bit (bit 23) says in which round it was
// written: 1 in the first, on a ring that was zeroed, then turning with every round; so the host
// finds new events in memory alone. `head` is what the host has taken, free running; an event waits
// until its entry is free. A head that is not among the last ring's events: `far`, and no event is taken
// any more until reset. An event that is alone is written in the cycle after, not kept.
//
// Timing   an event a cycle; event to write request 2 cycles, 1 more when it waits for its second.
// Ready    s_valid/s_ready and wr_valid/wr_ready; nothing is lost.
`default_nettype none
module nmw_post (
	input  wire         clk,
	input  wire         rst,
	input  wire         enable,
	input  wire [63:0]  base,   // IOVA, a multiple of the ring's bytes
	input  wire [3:0]   log2,   // entries, 3 to 12
	input  wire [31:0]  head,
	output wire [31:0]  tail,   // events that have been written
	output wire         far,    // the head was more than a ring behind the tail, or beyond it

	input  wire         s_valid,
	output wire         s_ready,
	input  wire [255:0] s_data, // bit 23 is 0

	output wire         wr_valid,
	input  wire         wr_ready,
	output wire [63:0]  wr_addr, // of the line
	output wire [1:0]   wr_half, // which of its halves
	output wire [511:0] wr_data
);

reg [31:0]  next_reg;
reg [31:0]  used_reg;
reg         room_reg;       // for three at the least
reg         far_reg;
reg [11:0]  mask_reg;
reg         kept_reg;       // a first event waits for its second
reg [255:0] kept_data_reg;
reg [63:0]  kept_addr_reg;
reg         wr_valid_reg;
reg [63:0]  wr_addr_reg;
reg [1:0]   wr_half_reg;
reg [511:0] wr_data_reg;

reg [12:0]  size_reg;       // entries; log2 stands still while the ring runs
wire [11:0] at = next_reg[11:0] & mask_reg;
wire [31:0] used = next_reg - head;
wire phase = (next_reg[12:0] & size_reg) == 13'd0;
wire [255:0] entry = {s_data[255:24], phase, s_data[22:0]};
wire [63:0] addr = base | {47'd0, at[11:1], 6'd0};

wire free = !wr_valid_reg || wr_ready;
wire s_get = s_valid && s_ready;
assign s_ready = enable && room_reg && free;

always @(posedge clk) begin
	size_reg <= 13'd1 << log2;
	mask_reg <= (12'd1 << log2) - 12'd1;
	used_reg <= used;
	far_reg <= far_reg || (enable && used_reg > {19'd0, size_reg});
	// two may be on their way: counted two cycles late
	room_reg <= used_reg[31:13] == 19'd0 && used_reg[12:0] + 13'd3 < size_reg && !far_reg;
	if (free) begin
		wr_valid_reg <= 1'b0;
		if (s_get && next_reg[0]) begin
			wr_valid_reg <= 1'b1;
			wr_half_reg <= {1'b1, kept_reg};
			wr_data_reg <= {entry, kept_data_reg};
			wr_addr_reg <= addr;
			kept_reg <= 1'b0;
		end else if (kept_reg) begin
			wr_valid_reg <= 1'b1;
			wr_half_reg <= 2'b01;
			wr_data_reg <= {256'd0, kept_data_reg};
			wr_addr_reg <= kept_addr_reg;
			kept_reg <= 1'b0;
		end
		if (s_get && !next_reg[0]) begin
			kept_reg <= 1'b1;
			kept_data_reg <= entry;
			kept_addr_reg <= addr;
		end
	end
	if (s_get)
		next_reg <= next_reg + 32'd1;
	if (rst) begin
		next_reg <= 32'd0;
		used_reg <= 32'd0;
		room_reg <= 1'b0;
		far_reg <= 1'b0;
		kept_reg <= 1'b0;
		wr_valid_reg <= 1'b0;
	end
end

wire unused = &{1'b0, at[0], s_data[23]};
assign tail = next_reg;
assign far = far_reg;
assign wr_valid = wr_valid_reg;
assign wr_addr = wr_addr_reg;
assign wr_half = wr_half_reg;
assign wr_data = wr_data_reg;

endmodule
`default_nettype wire
