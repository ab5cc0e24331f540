// nmw_book as the stream path sees it, behind its own header: a register behind each of its inputs and before each of its
// outputs. The core itself is measured by itself.
localparam CMD_W = 2 + 1 + 4 + SYM_W + L + 1 + 2*QTY_W + OWNER_W + TAG_W + HANDLE_W;
localparam EVT_W = 3 + 4 + 1 + 1 + SYM_W + L + 2*QTY_W + TAG_W + HANDLE_W;

reg              ready_reg;
wire             cmd_ready, r_valid, move;
wire [CMD_W-1:0] r_data;
always @(posedge clk)
	ready_reg <= !rst;
assign ready = ready_reg;
assign s_cmd_ready = cmd_ready && ready_reg;
nmw_skid #(.W(CMD_W)) command (.clk(clk), .rst(rst), .s_valid(s_cmd_valid && ready_reg), .s_ready(cmd_ready),
	.s_data({s_cmd_op, s_cmd_sell, s_cmd_flags, s_cmd_sym, s_cmd_px, s_cmd_range, s_cmd_qty, s_cmd_min,
		s_cmd_owner, s_cmd_tag, s_cmd_handle}),
	.m_valid(r_valid), .m_ready(move), .m_data(r_data));

// what there is of a command in every bit of what comes out, so that nothing of it is left out
reg [EVT_W-1:0]  mid_reg, out_reg;
reg              mid_valid_reg, out_valid_reg;
reg [SLOT_W+7:0] other_reg;
assign move = !out_valid_reg || m_evt_ready;
always @(posedge clk) begin
	if (move) begin
		mid_valid_reg <= r_valid;
		mid_reg <= r_data[EVT_W-1:0];
		out_valid_reg <= mid_valid_reg;
		out_reg <= mid_reg;
	end
	other_reg <= {{(SLOT_W+8+EVT_W-CMD_W){1'b0}}, r_data[CMD_W-1:EVT_W]} ^ other_reg;
	if (rst) begin
		mid_valid_reg <= 1'b0;
		out_valid_reg <= 1'b0;
		other_reg <= {(SLOT_W+8){1'b0}};
	end
end
assign m_evt_valid = out_valid_reg;
assign {m_evt_kind, m_evt_reason, m_evt_last, m_evt_sell, m_evt_sym, m_evt_px, m_evt_qty, m_evt_left, m_evt_tag,
	m_evt_handle} = out_reg;
assign {free, stat_cmd, stat_fill, stat_wait_evt, stat_wait_level, stat_wait_head, stat_wait_min, stat_wait_slot} = other_reg;

endmodule
`default_nettype wire
