// nmw_wire_out_turn: whose frame goes next, and who gets a heartbeat or the end of the session.
//
// The turn goes round the destinations that have a frame, or are owed a bare one; every other turn
// goes to one whose frame is half full, the feed first, which has as many messages as all clients
// together. When nobody has a frame, the turn is given ahead to a block that is just being placed. A turn for which there is nothing when it
// comes is let go. More messages may join the frame until its turn is taken.
//
// Heartbeats: to every destination with an address that had no frame in a whole period, so after
// one to two periods of silence. End of session: once when asked, then in place of heartbeats; what
// waits goes first.
//
// Timing   a turn each 2 cycles; a block placed in cycle t has its turn in t+1 when nobody waits,
//          else in t+3 at the earliest.
`default_nettype none
module nmw_wire_out_turn (
	input  wire        clk,
	input  wire        rst,
	input  wire [31:0] period,   // cycles, 0: no heartbeats
	input  wire        end_all,  // the end of all sessions, one cycle
	input  wire        end_feed,
	input  wire [16:0] known,    // destinations that have an address
	input  wire [16:0] open,     // and those that have a frame
	input  wire [16:0] heavy,    // that is half full

	input  wire        rep_valid, // blocks that are being placed
	input  wire [3:0]  rep_dest,
	input  wire        feed_valid,

	output wire        g_valid,
	output wire [4:0]  g_dest,
	output wire        g_ask,    // it is owed a bare frame
	output wire        g_ended,  // its session has ended
	input  wire        g_open,   // it has a frame
	input  wire        g_take
);

reg         p_valid_reg, h_valid_reg, h_last_reg, g_valid_reg;
reg [4:0]   p_dest_reg, h_dest_reg, g_dest_reg;
reg [16:0]  g_hot_reg, after_reg, beat_reg, end_reg, ended_reg, sent_reg;
reg [31:0]  count_reg;
reg         tick_reg;

wire [16:0] want = (open | beat_reg | end_reg) & ~(g_hot_reg & {17{g_valid_reg}});
wire [35:0] round = {1'b0, want, 1'b0, want & after_reg}; // those after the last one first
wire [5:0]  some;
wire [29:0] first;
genvar g;
generate
	for (g = 0; g < 6; g = g + 1) begin : group
		localparam [4:0] BASE = 6*(g % 3);
		wire [5:0] of = round[6*g +: 6];
		assign some[g] = |of;
		assign first[5*g +: 5] = of[0] ? BASE : of[1] ? BASE + 5'd1 : of[2] ? BASE + 5'd2
			: of[3] ? BASE + 5'd3 : of[4] ? BASE + 5'd4 : BASE + 5'd5;
	end
endgenerate
wire [4:0] p_dest = some[0] ? first[4:0] : some[1] ? first[9:5] : some[2] ? first[14:10]
	: some[3] ? first[19:15] : some[4] ? first[24:20] : first[29:25];
wire any = |some;
wire ahead = !p_valid_reg && !any && (rep_valid || feed_valid);
wire g_free = !g_valid_reg || g_take;
wire h_next = h_valid_reg && !h_last_reg;
wire [4:0] g_next = h_next ? h_dest_reg : p_valid_reg ? p_dest_reg : rep_valid ? {1'b0, rep_dest} : 5'd16;

// the feed, else the first client
wire [16:0] half = heavy & ~(g_hot_reg & {17{g_valid_reg}});
reg  [4:0]  h_dest;
integer     i;
always @* begin
	h_dest = 5'd16;
	for (i = 15; i >= 0; i = i - 1)
		if (half[i] && !half[16])
			h_dest = i[4:0];
end
wire [16:0] g_hot = 17'd1 << g_next;
wire [16:0] taken = g_hot_reg & {17{g_take}};

always @(posedge clk) begin
	p_valid_reg <= p_valid_reg ? !g_free || h_next : any;
	h_valid_reg <= h_valid_reg ? !g_free || !h_next : |half;
	if (!h_valid_reg)
		h_dest_reg <= h_dest;
	if (!p_valid_reg)
		p_dest_reg <= p_dest;
	if (g_free) begin
		g_valid_reg <= h_next || p_valid_reg || ahead;
		if (h_next || p_valid_reg)
			h_last_reg <= h_next;
		g_dest_reg <= g_next;
		g_hot_reg <= g_hot;
		if (p_valid_reg && !h_next)
			after_reg <= 17'h1fffe << p_dest_reg;
	end
	tick_reg <= period != 32'd0 && count_reg == 32'd1;
	count_reg <= tick_reg || count_reg == 32'd0 ? period : count_reg - 32'd1;
	sent_reg <= (tick_reg ? 17'd0 : sent_reg) | taken;
	beat_reg <= (beat_reg | (known & ~sent_reg & {17{tick_reg}})) & ~taken;
	end_reg <= (end_reg & ~(taken & {17{!g_open}})) | (known & {17{end_all}}) | {end_feed && known[16], 16'd0};
	ended_reg <= ended_reg | (known & {17{end_all}}) | {end_feed && known[16], 16'd0};
	if (rst) begin
		p_valid_reg <= 1'b0;
		h_valid_reg <= 1'b0;
		h_last_reg <= 1'b0;
		g_valid_reg <= 1'b0;
		after_reg <= 17'd0;
		beat_reg <= 17'd0;
		end_reg <= 17'd0;
		ended_reg <= 17'd0;
		sent_reg <= 17'd0;
		count_reg <= 32'd0;
		tick_reg <= 1'b0;
	end
end

assign g_valid = g_valid_reg;
assign g_dest = g_dest_reg;
assign g_ask = |(g_hot_reg & (beat_reg | end_reg));
assign g_ended = |(g_hot_reg & ended_reg);

endmodule
`default_nettype wire
