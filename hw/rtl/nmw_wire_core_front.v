// nmw_wire_core_front: messages into commands, by the exchange's rules.
//
//      s_msg -> [0: the index is asked] -> [1: keys are compared] -> [2: judged] -> command, context
//
// A message that asks for more than the index knows (REPLACE, MODIFY, a CANCEL that leaves shares)
// stays in stage 2 until every command of its book is done, so that what is open and executed is
// exact, and then is worked out in steps; so does an order when ways or slots may be short. All else
// goes at one message a cycle. A CANCEL right behind its order waits until the handle is known.
// What cannot be done is handed to the host whole, before anything of it was done.
//
// Timing   stage 2 is 3 cycles behind s_msg; REPLACE takes 12 cycles, the others of its kind 6.
`default_nettype none
module nmw_wire_core_front #(
	parameter SYM_W = 4,
	parameter L = 13,
	parameter TICKS = 6000,
	parameter SLOT_W = 14,
	parameter GEN_W = 8,
	parameter SET_W = 14,
	parameter CTX_LOG2 = 5,  // messages under way: 2^CTX_LOG2
	parameter MSG_W = 857, // NMW_MSG_W
	parameter CTX_W = 968, // NMW_WC_MSG + MSG_W
	parameter HANDLE_W = GEN_W + SYM_W + 1 + L + SLOT_W
) (
	input  wire                  clk,
	input  wire                  rst,

	input  wire                  s_msg_valid,
	output wire                  s_msg_ready,
	input  wire [MSG_W-1:0]      s_msg_data,

	input  wire                  cfg_closed,
	input  wire [1:0]            cfg_stp,     // 0 allow, 1 the new order yields, 2 the old one
	input  wire [15:0]           sym_listed,
	input  wire [15:0]           sym_trading,
	input  wire [16*32-1:0]      sym_base,
	input  wire [16*32-1:0]      sym_step,

	output wire [SET_W-1:0]      f_set,       // nmw_wire_core_index
	input  wire [7:0]            f_front,
	input  wire [7:0]            f_back,
	output wire [35:0]           f_want,
	input  wire [3:0]            f_hits,
	input  wire                  f_hit,
	input  wire                  f_sure,
	input  wire [4*HANDLE_W-1:0] f_handle,
	output wire                  fw_valid,
	output wire [SET_W-1:0]      fw_set,
	output wire [7:0]            fw_front,
	output wire [3:0]            fw_way,
	output wire [35:0]           fw_key,

	output wire [SLOT_W-1:0]     slot_addr,   // what is known of a resting order, a cycle later
	input  wire [31:0]           slot_open,
	input  wire [31:0]           slot_total,
	input  wire [7:0]            slot_side,

	output wire                  m_cmd_valid, // nmw_book
	input  wire                  m_cmd_ready,
	output wire [1:0]            m_cmd_op,
	output wire                  m_cmd_sell,
	output wire [3:0]            m_cmd_flags,
	output wire [SYM_W-1:0]      m_cmd_sym,
	output wire [L-1:0]          m_cmd_px,
	output wire [31:0]           m_cmd_qty,
	output wire [31:0]           m_cmd_min,
	output wire [15:0]           m_cmd_owner,
	output wire [HANDLE_W-1:0]   m_cmd_handle,
	input  wire [SLOT_W:0]       free,

	output wire                  ctx_put,     // to the back
	output wire [CTX_W-1:0]      ctx_data,
	input  wire                  ctx_room,
	input  wire                  done,        // a message is done with
	input  wire                  done_cmd,    // it had a command, of this book
	input  wire [SYM_W-1:0]      done_sym,
	output wire                  idle,        // no message is under way

	// pulses: 0 a message was taken, 1 ignored, 2 handed to the host, 3 rejected; waits, a cycle
	// each: 4 for a handle, 5 for the book to come to rest, 6 for ways or slots, 7 for room
	output wire [7:0]            stat
);

// verilator lint_off UNUSEDPARAM
localparam
`include "nmw_params.vh"
;
localparam
`include "nmw_wire_msg.vh"
;
localparam
`include "nmw_wire_core.vh"
;
localparam
`include "nmw_wire_reject.vh"
;
// verilator lint_on UNUSEDPARAM
localparam BOOKS = 1 << SYM_W;
localparam [31:0] QTY_MAX = 32'd999999;
localparam [31:0] TICKS_LIMIT = TICKS;

// Dense numbers of a client lie side by side; those of 16 clients far apart.
// verilator lint_off UNUSEDSIGNAL
function [SET_W-1:0] set_of;
	input [3:0] client;
	input [31:0] urn;
	set_of = urn[SET_W-1:0] ^ {client, {(SET_W-4){1'b0}}};
endfunction
// verilator lint_on UNUSEDSIGNAL

// why to the code of OUCH 5.0
function [7:0] code_of;
	input [4:0] why;
	case (why)
	NMW_WIRE_REJ_HALTED[4:0]: code_of = 8'h07;
	NMW_WIRE_REJ_CLOSED[4:0]: code_of = 8'h02;
	NMW_WIRE_REJ_SYMBOL[4:0]: code_of = 8'h17;
	NMW_WIRE_REJ_PRICE[4:0]: code_of = 8'h1D;
	NMW_WIRE_REJ_QTY[4:0]: code_of = 8'h13;
	NMW_WIRE_REJ_MIN_QTY[4:0]: code_of = 8'h0D;
	NMW_WIRE_REJ_DISPLAY[4:0]: code_of = 8'h03;
	NMW_WIRE_REJ_SIDE[4:0]: code_of = 8'h09;
	NMW_WIRE_REJ_CROSS[4:0]: code_of = 8'h14;
	NMW_WIRE_REJ_ISO[4:0]: code_of = 8'h08;
	NMW_WIRE_REJ_PEG[4:0]: code_of = 8'h05;
	NMW_WIRE_REJ_ROUTING[4:0]: code_of = 8'h16;
	NMW_WIRE_REJ_FAT_FINGER[4:0]: code_of = 8'h06;
	NMW_WIRE_REJ_RISK[4:0]: code_of = 8'h20;
	NMW_WIRE_REJ_REPLACE[4:0]: code_of = 8'h15;
	default: code_of = 8'h0F; // other
	endcase
endfunction
localparam [7:0] CODE_SYMBOL = 8'h17, CODE_HALTED = 8'h07;

// ---- stage 0 ------------------------------------------------------------------------------------------
wire             f0_valid, f0_move;
wire [MSG_W-1:0] f0_msg;
nmw_skid #(.W(MSG_W)) in (.clk(clk), .rst(rst), .s_valid(s_msg_valid), .s_ready(s_msg_ready),
	.s_data(s_msg_data), .m_valid(f0_valid), .m_ready(f0_move), .m_data(f0_msg));
wire f0_replace = f0_msg[NMW_MSG_KIND +: 3] == NMW_MSG_REPLACE[2:0];
wire [31:0] f0_urn = f0_replace ? f0_msg[NMW_MSG_ORIG +: 32] : f0_msg[NMW_MSG_URN +: 32];
wire [SET_W-1:0] f0_set = set_of(f0_msg[NMW_MSG_CLIENT +: 4], f0_urn);
wire [35:0] f0_key = {f0_msg[NMW_MSG_CLIENT +: 4], f0_urn};

// ---- stage 1 ------------------------------------------------------------------------------------------
reg              f1_valid_reg, f1_first_reg, f1_same_reg, f1_stale_reg, f1_old_reg, f1_taken_reg;
reg  [MSG_W-1:0] f1_msg_reg;
reg  [35:0]      f1_key_reg;
reg  [SET_W-1:0] f1_set_reg;
wire             f1_move;

reg              f2_valid_reg;
reg  [MSG_W-1:0] f2_msg_reg;
reg  [35:0]      f2_key_reg;
reg  [SET_W-1:0] f2_set_reg;
wire [3:0]  f2_client = f2_msg_reg[NMW_MSG_CLIENT +: 4];
wire [31:0] f2_urn = f2_msg_reg[NMW_MSG_URN +: 32];
wire [31:0] f2_qty = f2_msg_reg[NMW_MSG_QTY +: 32];
wire [3:0]  f2_sym = f2_msg_reg[NMW_MSG_SYM +: 4];
wire [SET_W-1:0] new_set = set_of(f2_client, f2_urn);
wire             f2_done, fast_done, slow_done;

// what the steps of stage 2 came to
reg [3:0]   s_kind_reg;
reg         s_cmd_reg, s_held_reg, s_more_reg, s_use_reg, s_min_reg;
reg [1:0]   s_op_reg;
reg [L-1:0] s_px_reg;

// Steps of stage 2, one bit each
localparam LOOK = 0, AGAIN = 1, TAKE = 2, REST = 3, READ = 4, LEFT = 5, JUDGE = 6, GO = 7, SHORT = 8, RETAKE = 9,
	OUT = 10, STEPS = 11;
reg  [STEPS-1:0] st_reg;
wire ask_old = st_reg[AGAIN] || st_reg[READ];
wire ask_new = st_reg[LEFT] || st_reg[SHORT]; // a replacement's own set
wire took = st_reg[TAKE] || st_reg[LEFT];
assign f_set = ask_old ? f2_set_reg : ask_new ? new_set : f0_set;

// compared: the message's key, or that of stage 2 when it asks again
reg  [35:0] want_reg;
assign f_want = want_reg;
wire [3:0] busy = f_front[3:0] ^ f_back[3:0];

// A message that stays in stage 1 keeps what it was told.
reg  [3:0] f1_hits_reg;
reg        f1_hit_reg, f1_sure_reg, f1_full_reg;
reg  [7:0] f1_front_reg, f1_back_reg;
reg  [4*HANDLE_W-1:0] f1_handles_reg;
wire now = took || f1_first_reg;

wire [7:0]  f1_tif = f1_msg_reg[NMW_MSG_TIF +: 8];
wire [3:0]  f1_sym = f1_msg_reg[NMW_MSG_SYM +: 4];
wire [31:0] f1_ticks = f1_msg_reg[NMW_MSG_TICKS +: 32];
wire [2:0]  f1_kind = f1_msg_reg[NMW_MSG_KIND +: 3];
wire [3:0]  f1_client = f1_msg_reg[NMW_MSG_CLIENT +: 4];
wire f1_known = f1_msg_reg[NMW_MSG_KNOWN];
wire f1_market = f1_msg_reg[NMW_MSG_MARKET];
wire f1_ioc = f1_tif == "3" || f1_market;
wire f1_named = f1_msg_reg[NMW_MSG_SYM_KNOWN];
wire f1_ticked = f1_msg_reg[NMW_MSG_TICKS_OK] && f1_ticks < TICKS_LIMIT;
wire f1_hides = f1_msg_reg[NMW_MSG_DISPLAY +: 8] == "N" && !f1_ioc; // ranks behind what is shown
wire f1_ruled = f1_msg_reg[NMW_MSG_REJECT +: 5] != 5'd0;
wire f1_enter = f1_kind == NMW_MSG_ENTER[2:0] && f1_known;
wire f1_cancel = f1_kind == NMW_MSG_CANCEL[2:0] && f1_known;
wire f1_replace = f1_kind == NMW_MSG_REPLACE[2:0] && f1_known;
wire f1_modify = f1_kind == NMW_MSG_MODIFY[2:0] && f1_known;
wire f1_reject = f1_ruled || (f1_named ? !sym_trading[f1_sym] : cfg_closed);
wire f1_unfit = !f1_named || (!f1_market && !f1_ticked) || f1_hides || f1_tif == "6";
wire f1_fits = f1_enter && !f1_reject && !f1_unfit;

always @(posedge clk) begin
	f1_first_reg <= f0_move;
	want_reg <= ask_old ? f2_key_reg : f0_move ? f0_key : f1_key_reg;
	if (f0_move) begin
		f1_msg_reg <= f0_msg;
		f1_key_reg <= f0_key;
		f1_set_reg <= f0_set;
		f1_same_reg <= f0_set == (f1_valid_reg ? f1_set_reg : f2_set_reg);
	end
	if (f1_first_reg) begin
		f1_hits_reg <= f_hits;
		f1_hit_reg <= f_hit;
		f1_sure_reg <= f_sure;
		f1_full_reg <= &busy;
		f1_front_reg <= f_front;
		f1_back_reg <= f_back;
		f1_handles_reg <= f_handle;
	end
	// a way of its set was made busy after it was told
	f1_old_reg <= !f0_move;
	f1_taken_reg <= f1_set_reg == new_set;
	if (slow_done && (s_held_reg || s_more_reg) && (f1_taken_reg || !f1_old_reg))
		f1_stale_reg <= 1'b1;
	if (f0_move)
		f1_stale_reg <= 1'b0;
	if (f0_move || f1_move)
		f1_valid_reg <= f0_move;
	if (rst)
		f1_valid_reg <= 1'b0;
end

// ---- stage 2: registers ---------------------------------------------------------------------------------
reg        f2_quick_reg, f2_zero_reg, f2_cancel_reg, f2_replace_reg, f2_host_reg, f2_end_reg, f2_enter_reg, f2_some_reg;
reg        f2_fits_reg, f2_hold_reg, f2_reject_reg, f2_unfit_reg;
reg        f2_ioc_reg, f2_market_reg, f2_ruled_reg, f2_later_reg, f2_stale_reg, f2_again_reg;
reg [7:0]  f2_code_reg;
reg        f2_new_reg;   // its number is above all that its client used
reg        f2_hit_reg, f2_sure_reg, f2_full_reg; // found, with its handle; no way is free
reg [3:0]  f2_hits_reg;
reg [7:0]  f2_front_reg, f2_back_reg;
reg [4*HANDLE_W-1:0] f2_handles_reg;

(* ram_style = "distributed" *)
reg [31:0] last_urn [0:15];
reg [4:0]  clear_reg;    // after reset: none has used any
wire [31:0] f1_urn = f1_msg_reg[NMW_MSG_URN +: 32];
wire       use_urn;
wire       same_client = f2_valid_reg && f2_client == f1_client;
always @(posedge clk) begin
	if (use_urn || !clear_reg[4])
		last_urn[clear_reg[4] ? f2_client : clear_reg[3:0]] <= clear_reg[4] ? f2_urn : 32'd0;
	if (!clear_reg[4])
		clear_reg <= clear_reg + 1'b1;
	if (rst)
		clear_reg <= 5'd0;
end

always @(posedge clk) begin
	if (f1_move) begin
		f2_msg_reg <= f1_msg_reg;
		f2_key_reg <= f1_key_reg;
		f2_set_reg <= f1_set_reg;
		f2_enter_reg <= f1_enter;
		f2_cancel_reg <= f1_cancel;
		f2_replace_reg <= f1_replace;
		f2_quick_reg <= !f1_cancel && !f1_replace && !f1_modify;
		f2_zero_reg <= f1_cancel && f1_msg_reg[NMW_MSG_QTY +: 32] == 32'd0;
		f2_host_reg <= f1_kind == NMW_MSG_UNFIT[2:0] || (f1_kind != NMW_MSG_NONE[2:0]
			&& f1_kind != NMW_MSG_DAY_END[2:0] && !f1_known);
		f2_some_reg <= f1_kind != NMW_MSG_NONE[2:0] && f1_kind != NMW_MSG_DAY_END[2:0];
		f2_end_reg <= f1_kind == NMW_MSG_DAY_END[2:0];
		f2_market_reg <= f1_market;
		f2_ioc_reg <= f1_ioc;
		f2_fits_reg <= f1_fits;
		f2_hold_reg <= f1_fits && !f1_ioc;
		f2_reject_reg <= f1_enter && f1_reject;
		f2_unfit_reg <= f1_enter && !f1_reject && f1_unfit;
		f2_code_reg <= f1_ruled ? code_of(f1_msg_reg[NMW_MSG_REJECT +: 5])
			: f1_named ? CODE_HALTED : CODE_SYMBOL;
		f2_ruled_reg <= f1_ruled;
		f2_later_reg <= f1_hides || f1_tif == "6";
		f2_new_reg <= same_client && use_urn ? f1_urn > f2_urn : f1_urn > last_urn[f1_client];
		f2_stale_reg <= f1_stale_reg || (f2_valid_reg && f1_same_reg);
		f2_again_reg <= 1'b0;
	end
	if (st_reg[TAKE]) begin
		f2_stale_reg <= 1'b0;
		f2_again_reg <= 1'b1;
	end
	if (f1_move || took) begin
		f2_hits_reg <= now ? f_hits : f1_hits_reg;
		f2_hit_reg <= now ? f_hit : f1_hit_reg;
		f2_sure_reg <= now ? f_sure : f1_sure_reg;
		f2_handles_reg <= now ? f_handle : f1_handles_reg;
	end
	if (f1_move || took || (st_reg[JUDGE] && f2_replace_reg) || st_reg[RETAKE]) begin
		f2_full_reg <= now || st_reg[JUDGE] || st_reg[RETAKE] ? &busy : f1_full_reg;
		f2_front_reg <= now || st_reg[JUDGE] || st_reg[RETAKE] ? f_front : f1_front_reg;
		f2_back_reg <= now || st_reg[JUDGE] || st_reg[RETAKE] ? f_back : f1_back_reg;
	end
	if (f1_move || f2_done)
		f2_valid_reg <= f1_move;
	if (rst)
		f2_valid_reg <= 1'b0;
end

// the order that it names
wire [HANDLE_W-1:0] f2_handle = {HANDLE_W{f2_hits_reg[0]}} & f2_handles_reg[0 +: HANDLE_W]
	| {HANDLE_W{f2_hits_reg[1]}} & f2_handles_reg[HANDLE_W +: HANDLE_W]
	| {HANDLE_W{f2_hits_reg[2]}} & f2_handles_reg[2*HANDLE_W +: HANDLE_W]
	| {HANDLE_W{f2_hits_reg[3]}} & f2_handles_reg[3*HANDLE_W +: HANDLE_W];
wire [SYM_W-1:0] h_sym = f2_handle[SLOT_W+L+1 +: SYM_W];
wire             h_sell = f2_handle[SLOT_W+L];
wire [SLOT_W-1:0] h_slot = f2_handle[SLOT_W-1:0];
reg  [SLOT_W-1:0] h_slot_reg; // it stands still long before what is known of it is needed
always @(posedge clk)
	h_slot_reg <= h_slot;
assign slot_addr = h_slot_reg;

// ---- what is under way --------------------------------------------------------------------------------------
// What is put counts a cycle late; who asks is two cycles behind.
reg  [CTX_LOG2+1:0] way_reg [0:BOOKS-1];       // commands of each book that are not done
reg  [CTX_LOG2+1:0] all_reg;                   // messages
reg  [BOOKS-1:0] still_reg;
reg  still_all_reg, slots_reg, some_slot_reg, put_reg, put_cmd_reg;
reg  [SYM_W-1:0] put_sym_reg;
wire has_cmd;                                  // what is put has a command
integer i;
always @(posedge clk) begin
	for (i = 0; i < BOOKS; i = i + 1) begin
		if ((put_cmd_reg && put_sym_reg == i[SYM_W-1:0]) != (done && done_cmd && done_sym == i[SYM_W-1:0]))
			way_reg[i] <= put_cmd_reg && put_sym_reg == i[SYM_W-1:0] ? way_reg[i] + 1'b1 : way_reg[i] - 1'b1;
		still_reg[i] <= way_reg[i] == {(CTX_LOG2+2){1'b0}} && !(put_cmd_reg && put_sym_reg == i[SYM_W-1:0]);
		if (rst)
			way_reg[i] <= {(CTX_LOG2+2){1'b0}};
	end
	if (put_reg != done)
		all_reg <= put_reg ? all_reg + 1'b1 : all_reg - 1'b1;
	still_all_reg <= all_reg == {(CTX_LOG2+2){1'b0}} && !put_reg;
	slots_reg <= free > (1 << CTX_LOG2) + 4;
	some_slot_reg <= free != {(SLOT_W+1){1'b0}};
	put_reg <= ctx_put;
	put_cmd_reg <= ctx_put && has_cmd;
	put_sym_reg <= m_cmd_sym;
	if (rst) begin
		all_reg <= {(CTX_LOG2+2){1'b0}};
		still_all_reg <= 1'b0;
		still_reg <= {BOOKS{1'b0}};
		put_reg <= 1'b0;
		put_cmd_reg <= 1'b0;
	end
end
assign idle = still_all_reg && !put_reg && !f0_valid && !f1_valid_reg && !f2_valid_reg;

// ---- stage 2: the messages that go at once -------------------------------------------------------------------
wire room = ctx_room && m_cmd_ready;
wire fast = f2_valid_reg && st_reg[LOOK] && !f2_stale_reg
	&& (f2_quick_reg || !f2_hit_reg || (f2_zero_reg && f2_sure_reg));
// an order that may find no place is judged when nothing is under way: then it is exact
wire f2_wait = f2_hold_reg && (f2_full_reg || !slots_reg) && !(still_all_reg && f2_again_reg);
wire no_place = f2_hold_reg && (f2_full_reg || !some_slot_reg);
assign fast_done = fast && room && !f2_wait;
wire slow_go = f2_valid_reg && st_reg[LOOK] && !f2_stale_reg && !f2_quick_reg && f2_hit_reg && f2_sure_reg && !f2_zero_reg;
wire again = f2_valid_reg && st_reg[LOOK] && (f2_stale_reg || (!f2_quick_reg && f2_hit_reg && !f2_sure_reg)
	|| (f2_quick_reg && f2_wait));

// ---- stage 2: the others, in steps ----------------------------------------------------------------------------
// Its order may be gone when its book is at rest: the index is asked once more beside the others.
reg [31:0] exec_reg, left_reg, base_reg;
reg [15:0] step_reg;
reg        more_reg, less_reg, none_reg, min_reg, side_ok_reg, big_reg, halted_reg, new_reg, dv_start_reg;
wire       dv_done, dv_ok;
wire [L-1:0] dv_ticks;
nmw_wire_core_ticks #(.L(L), .TICKS(TICKS)) divide (.clk(clk), .rst(rst), .start(dv_start_reg),
	.price(f2_msg_reg[NMW_MSG_PRICE +: 64]), .base(base_reg), .step(step_reg),
	.done(dv_done), .ok(dv_ok), .ticks(dv_ticks));
wire [7:0] f2_side = f2_msg_reg[NMW_MSG_SIDE +: 8];
wire f2_selling = f2_side == "S" || f2_side == "T" || f2_side == "E";
wire still = still_reg[h_sym];

always @(posedge clk) begin
	dv_start_reg <= slow_go;
	if (st_reg[LOOK]) begin
		base_reg <= sym_base[32*h_sym +: 32];
		step_reg <= sym_step[32*h_sym +: 16];
	end
	if (st_reg[READ]) begin
		exec_reg <= slot_total - slot_open;
		more_reg <= f2_qty > slot_total; // more, fewer shares are open than were
		less_reg <= f2_qty < slot_total;
		side_ok_reg <= f2_side == slot_side || (slot_side != "B" && f2_selling);
		big_reg <= f2_qty > QTY_MAX;
		halted_reg <= !sym_trading[h_sym];
		new_reg <= f2_new_reg;
	end
	if (st_reg[LEFT]) begin
		left_reg <= f2_qty > exec_reg ? f2_qty - exec_reg : 32'd0;
		none_reg <= f2_qty <= exec_reg;
	end
	min_reg <= f2_msg_reg[NMW_MSG_MIN_QTY +: 32] > left_reg;
	if (rst)
		dv_start_reg <= 1'b0;
end

// what becomes of it
reg [3:0] s_kind;
wire s_void = f2_ruled_reg || min_reg;
wire s_unfit = (!f2_market_reg && !dv_ok) || f2_later_reg;
wire s_moves = f2_hit_reg && new_reg && !halted_reg && !s_void && !s_unfit;
wire s_short = s_moves && !f2_ioc_reg && !none_reg && f2_full_reg;
wire s_ready = f2_market_reg || dv_done;
reg  s_wait_reg; // no way for the replacement: it asked again when nothing was under way
always @* begin
	s_kind = NMW_WK_NONE[3:0];
	if (!f2_hit_reg)
		;
	else if (f2_replace_reg) begin
		if (new_reg)
			s_kind = halted_reg ? NMW_WK_REJECT[3:0] : s_void ? NMW_WK_VOID[3:0]
				: s_unfit || s_short ? NMW_WK_HOST[3:0]
				: none_reg ? NMW_WK_NOTHING[3:0] : NMW_WK_REPLACE[3:0];
	end else if (f2_cancel_reg) begin
		if (less_reg)
			s_kind = none_reg ? NMW_WK_CANCEL[3:0] : NMW_WK_REDUCE[3:0];
	end else if (side_ok_reg && !big_reg && !none_reg)
		s_kind = more_reg ? NMW_WK_MORE[3:0] : less_reg ? NMW_WK_LESS[3:0] : NMW_WK_MODIFY[3:0];
end

wire s_replace = s_kind == NMW_WK_REPLACE[3:0];
wire s_more = s_kind == NMW_WK_MORE[3:0];
wire s_reduce = s_kind == NMW_WK_REDUCE[3:0] || s_kind == NMW_WK_LESS[3:0];
always @(posedge clk) begin
	s_kind_reg <= s_kind;
	s_cmd_reg <= s_replace || s_more || s_reduce || s_kind == NMW_WK_CANCEL[3:0] || s_kind == NMW_WK_VOID[3:0]
		|| s_kind == NMW_WK_NOTHING[3:0];
	s_op_reg <= s_replace || s_more ? NMW_HW_REPLACE[1:0] : s_reduce ? NMW_HW_REDUCE[1:0] : NMW_HW_CANCEL[1:0];
	s_held_reg <= s_replace && !f2_ioc_reg;
	s_more_reg <= s_more;
	s_min_reg <= s_replace;
	s_use_reg <= f2_replace_reg && f2_hit_reg && new_reg;
	s_px_reg <= s_more ? f2_handle[SLOT_W +: L] : dv_ticks;
	if (st_reg[LOOK])
		s_wait_reg <= 1'b0;
	if (st_reg[SHORT])
		s_wait_reg <= 1'b1;
end
assign slow_done = st_reg[OUT] && room;

// One step a cycle; those that wait stay.
reg [STEPS-1:0] step;
always @* begin
	step = {STEPS{1'b0}};
	step[AGAIN] = again;
	step[TAKE] = st_reg[AGAIN];
	step[REST] = slow_go || (st_reg[REST] && !still);
	step[READ] = st_reg[REST] && still;
	step[LEFT] = st_reg[READ];
	step[JUDGE] = st_reg[LEFT];
	step[GO] = (st_reg[JUDGE] && f2_replace_reg) || st_reg[RETAKE]
		|| (st_reg[GO] && (!s_ready || (s_short && !s_wait_reg && !still_all_reg)));
	step[SHORT] = st_reg[GO] && s_ready && s_short && !s_wait_reg && still_all_reg;
	step[RETAKE] = st_reg[SHORT];
	step[OUT] = (st_reg[JUDGE] && !f2_replace_reg) || (st_reg[GO] && s_ready && !(s_short && !s_wait_reg))
		|| (st_reg[OUT] && !room);
	step[LOOK] = (st_reg[LOOK] && !again && !slow_go) || st_reg[TAKE] || slow_done;
end
always @(posedge clk)
	st_reg <= rst ? {{(STEPS-1){1'b0}}, 1'b1} : step;

assign f1_move = f1_valid_reg && st_reg[LOOK] && (!f2_valid_reg || fast_done);
assign f0_move = f0_valid && (!f1_valid_reg || f1_move) && !ask_new && !ask_old;

// ---- out ----------------------------------------------------------------------------------------------------------
wire quick_enter = f2_fits_reg && f2_new_reg && !no_place;
wire quick_host = f2_host_reg || (f2_new_reg && (f2_unfit_reg || no_place));
wire quick_reject = f2_reject_reg && f2_new_reg;
wire quick_cancel = f2_zero_reg && f2_hit_reg;
wire [3:0] quick_kind = {4{quick_enter}} & NMW_WK_ENTER[3:0] | {4{quick_host}} & NMW_WK_HOST[3:0]
	| {4{quick_reject}} & NMW_WK_REJECT[3:0] | {4{quick_cancel}} & NMW_WK_CANCEL[3:0] | {4{f2_end_reg}} & NMW_WK_END[3:0];
wire [3:0] kind = st_reg[OUT] ? s_kind_reg : quick_kind;
wire some_kind = st_reg[OUT] ? s_kind_reg != NMW_WK_NONE[3:0]
	: quick_enter || quick_host || quick_reject || quick_cancel || f2_end_reg;
assign has_cmd = st_reg[OUT] ? s_cmd_reg : quick_enter || quick_cancel;
assign f2_done = fast_done || slow_done;
assign use_urn = f2_done && (st_reg[OUT] ? s_use_reg : f2_enter_reg && f2_new_reg);
assign m_cmd_valid = ctx_room && (st_reg[OUT] ? s_cmd_reg : fast && !f2_wait && (quick_enter || quick_cancel));
assign m_cmd_op = st_reg[OUT] ? s_op_reg : f2_enter_reg ? NMW_HW_ENTER[1:0] : NMW_HW_CANCEL[1:0];
assign m_cmd_sell = f2_enter_reg ? f2_msg_reg[NMW_MSG_SELL] : h_sell;
assign m_cmd_flags = {cfg_stp[1], {3{f2_enter_reg || s_min_reg}} & {f2_msg_reg[NMW_MSG_POST_ONLY], f2_market_reg, f2_ioc_reg}};
assign m_cmd_sym = f2_enter_reg ? f2_sym : h_sym;
assign m_cmd_px = f2_enter_reg ? f2_msg_reg[NMW_MSG_TICKS +: L] : s_px_reg;
assign m_cmd_qty = f2_enter_reg ? f2_qty : left_reg;
assign m_cmd_min = f2_enter_reg || s_min_reg ? f2_msg_reg[NMW_MSG_MIN_QTY +: 32] : 32'd0;
assign m_cmd_owner = cfg_stp != 2'd0 ? {12'd1, f2_client} : 16'd0;
assign m_cmd_handle = f2_handle;

// the way for an order that may rest: the first that is free
wire [2:0] busy2 = f2_front_reg[2:0] ^ f2_back_reg[2:0];
wire [3:0] free_way = {busy2 == 3'd7, !busy2[2] && busy2[1:0] == 2'd3, !busy2[1] && busy2[0], !busy2[0]};
wire is_more = st_reg[OUT] && s_more_reg;
wire held = st_reg[OUT] ? s_held_reg : f2_hold_reg;
wire [3:0] way = is_more ? f2_hits_reg : free_way;
assign fw_valid = f2_done && (st_reg[OUT] ? s_held_reg || s_more_reg : f2_hold_reg && quick_enter);
assign fw_set = new_set;
assign fw_front = {f2_front_reg[7:4] & ~way | f2_back_reg[7:4] & way,
	is_more ? f2_front_reg[3:0] : f2_front_reg[3:0] & ~way | ~f2_back_reg[3:0] & way};
assign fw_way = is_more ? 4'd0 : way;
assign fw_key = {f2_client, f2_urn};

// ---- the day, clients, names ------------------------------------------------------------------------------------------
// What is noted counts a cycle late: the one just noted is compared.
reg        opened_reg, greet_reg, name_reg;
reg [3:0]  greet_client_reg, name_sym_reg;
reg [15:0] greeted_reg, named_reg;
wire greet = f2_some_reg && f2_msg_reg[NMW_MSG_KNOWN] && !greeted_reg[f2_client]
	&& !(greet_reg && greet_client_reg == f2_client);
wire open = greet && !opened_reg && !greet_reg;
wire name = !st_reg[OUT] && quick_enter && !named_reg[f2_sym] && !sym_listed[f2_sym]
	&& !(name_reg && name_sym_reg == f2_sym);
always @(posedge clk) begin
	greet_reg <= f2_done && greet;
	greet_client_reg <= f2_client;
	name_reg <= f2_done && name;
	name_sym_reg <= f2_sym;
	greeted_reg <= greeted_reg | {16{greet_reg}} & (16'd1 << greet_client_reg);
	named_reg <= named_reg | {16{name_reg}} & (16'd1 << name_sym_reg);
	if (greet_reg)
		opened_reg <= 1'b1;
	if (rst) begin
		opened_reg <= 1'b0;
		greet_reg <= 1'b0;
		name_reg <= 1'b0;
		greeted_reg <= 16'd0;
		named_reg <= 16'd0;
	end
end

assign ctx_put = f2_done && (some_kind || greet);
wire [1:0] way_at = {way[3] | way[2], way[3] | way[1]};
assign ctx_data = {f2_msg_reg, 8'd0, st_reg[OUT] ? CODE_HALTED : f2_code_reg, // NMW_WC_CODE
	f2_qty, left_reg, {(16-SLOT_W){1'b0}}, h_slot, way_at, held || is_more,
	{(4-SYM_W){1'b0}}, m_cmd_sym, has_cmd, name, greet, open, kind};

reg [7:0] stat_reg;
always @(posedge clk)
	stat_reg <= {((fast && !f2_wait) || st_reg[OUT]) && !room, (fast && f2_wait) || (st_reg[GO] && s_ready && s_short),
		st_reg[REST] && !still, again && !f2_quick_reg && !f2_stale_reg,
		ctx_put && kind == NMW_WK_REJECT[3:0], ctx_put && kind == NMW_WK_HOST[3:0], f2_done && !some_kind && f2_some_reg,
		f2_done && f2_some_reg};
assign stat = stat_reg;

endmodule
`default_nettype wire
