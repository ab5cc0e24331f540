// nmw_regs: the registers, as a list of blocks that describes itself.
//
// 64 bits each, at multiples of 8. A block begins with {next block's offset, version, type}; the list
// begins at 0 and ends with next = 0. What the host does not know it steps over.
//      0x000 IDENT     id and version, build
//      0x040 PARAMS    the sizes of nmw_params.vh that were built in
//      0x080 CONTROL   enable, reset; ready, fault, idle; fault and its address; watchdog
//      0x0C0 RINGS     base, log2, tail and head of TX and RX
//      0x140 COUNTERS  cycles, commands, events, fills, waits by cause, free slots, lines, latency
//      0x200 PUSH      a command written here goes to the core without the ring; the last word sends it
// Each register's place is in nmw_regs.vh.
//
// Timing   a write takes effect in the next cycle; a read is answered in the next cycle.
// Watchdog a DMA request that is not taken, or not answered, for as many cycles is a fault; 0: none is.
// Fault    stops the rings until reset; its first cause stays. What the host must not do is one too: a
//          doorbell that is more than its ring ahead, a push into the window of a command that waits.
`default_nettype none
module nmw_regs #(
	parameter SYM_W = 4,
	parameter L = 13,
	parameter TICKS = 6000,
	parameter SLOT_W = 14,
	parameter GEN_W = 8,
	parameter OWNER_W = 16,
	parameter K = 7,
	parameter B = 6,
	parameter LINES_LOG2 = 7,
	parameter [63:0] BUILD = 64'd0
) (
	input  wire         clk,
	input  wire         rst,
	input  wire         wr,
	input  wire [11:0]  addr,    // bytes, of writes and reads
	input  wire [63:0]  wdata,
	output wire [63:0]  rdata,

	output wire         soft_rst, // of all but the registers' own settings
	output wire         enable,
	input  wire         ready,
	input  wire         idle,
	output wire [63:0]  tx_base,
	output wire [3:0]   tx_log2,
	output wire [31:0]  tx_tail,
	input  wire [31:0]  tx_head,
	output wire [63:0]  rx_base,
	output wire [3:0]   rx_log2,
	output wire [31:0]  rx_head,
	input  wire [31:0]  rx_tail,
	output wire         push_valid,
	input  wire         push_ready,
	output wire [255:0] push_data,

	input  wire         rd_fault,   // a read, a write that the host does not allow
	input  wire         wr_fault,
	input  wire [63:0]  rd_fault_addr,
	input  wire [63:0]  rd_addr,    // of the read that waits longest
	input  wire [63:0]  wr_addr,    // of the write that is offered
	input  wire         tx_far,     // a doorbell beyond the ring
	input  wire         rx_far,
	input  wire         stuck_rd,   // asked and not answered in this cycle
	input  wire         stuck_wr,   // offered and not taken in this cycle

	input  wire         n_cmd,
	input  wire         n_event,
	input  wire         n_fill,
	input  wire [4:0]   n_wait,     // event, level, head, minimum, slot
	input  wire         n_rd,
	input  wire         n_wr,
	input  wire [SLOT_W:0] free,
	input  wire         lat_valid,  // a command is done: cycles since it was taken
	input  wire [15:0]  lat
);

// verilator lint_off UNUSEDPARAM
localparam // the lists are for all modules, each uses some
`include "nmw_params.vh"
;
localparam
`include "nmw_regs.vh"
;
// verilator lint_on UNUSEDPARAM

reg         enable_reg, fault_reg, push_valid_reg;
reg [3:0]   rst_reg;
reg [7:0]   cause_reg;
reg [63:0]  cause_addr_reg, tx_base_reg, rx_base_reg;
reg [3:0]   tx_log2_reg, rx_log2_reg;
reg [31:0]  tx_tail_reg, rx_head_reg, watch_reg, since_rd_reg, since_wr_reg;
reg [255:0] push_reg;
reg [63:0]  rdata_reg;
reg [47:0]  cycles_reg, cmds_reg, events_reg, fills_reg, rd_reg, wr_lines_reg, lat_sum_reg;
reg [47:0]  wait_reg [0:4];
reg [15:0]  lat_max_reg;
wire [31:0] at = {20'd0, addr[11:3], 3'd0};
reg         late_rd_reg, late_wr_reg;
// the window is one command's from its last word until it is taken
wire        push_wr = wr && at[11:5] == NMW_HW_REG_PUSH[11:5];
wire        push_clash = push_wr && push_valid_reg;
wire        push_open = push_wr && !push_valid_reg && !fault_reg;
wire        clear = rst || rst_reg[0];
integer     i;

always @(posedge clk) begin
	rst_reg <= {1'b0, rst_reg[3:1]};
	if (push_ready)
		push_valid_reg <= 1'b0;
	if (wr)
		case (at)
		NMW_HW_REG_CONTROL: begin
			enable_reg <= wdata[0];
			if (wdata[1])
				rst_reg <= 4'hf;
		end
		NMW_HW_REG_WATCHDOG: watch_reg <= wdata[31:0];
		NMW_HW_REG_TX_BASE: tx_base_reg <= {wdata[63:6], 6'd0};
		NMW_HW_REG_TX_LOG2: tx_log2_reg <= wdata[3:0];
		NMW_HW_REG_TX_TAIL: tx_tail_reg <= wdata[31:0];
		NMW_HW_REG_RX_BASE: rx_base_reg <= {wdata[63:6], 6'd0};
		NMW_HW_REG_RX_LOG2: rx_log2_reg <= wdata[3:0];
		NMW_HW_REG_RX_HEAD: rx_head_reg <= wdata[31:0];
		default: ;
		endcase
	for (i = 0; i < 4; i = i + 1)
		if (push_open && at[4:3] == i[1:0])
			push_reg[64*i +: 64] <= wdata;
	if (push_open && &at[4:3])
		push_valid_reg <= 1'b1;
	since_rd_reg <= stuck_rd ? since_rd_reg + 32'd1 : 32'd0;
	since_wr_reg <= stuck_wr ? since_wr_reg + 32'd1 : 32'd0;
	late_rd_reg <= stuck_rd && watch_reg != 32'd0 && since_rd_reg >= watch_reg;
	late_wr_reg <= stuck_wr && watch_reg != 32'd0 && since_wr_reg >= watch_reg;
	if (!fault_reg) begin
		fault_reg <= rd_fault || wr_fault || late_rd_reg || late_wr_reg || tx_far || rx_far || push_clash;
		cause_reg <= rd_fault ? NMW_HW_FAULT_READ[7:0] : wr_fault ? NMW_HW_FAULT_WRITE[7:0]
			: late_rd_reg ? NMW_HW_FAULT_READ_LATE[7:0] : late_wr_reg ? NMW_HW_FAULT_WRITE_LATE[7:0]
			: tx_far ? NMW_HW_FAULT_TX_TAIL[7:0] : rx_far ? NMW_HW_FAULT_RX_HEAD[7:0]
			: push_clash ? NMW_HW_FAULT_PUSH[7:0] : 8'd0;
		cause_addr_reg <= rd_fault ? rd_fault_addr : wr_fault ? wr_addr : late_rd_reg ? rd_addr
			: late_wr_reg ? wr_addr : 64'd0;
	end
	cycles_reg <= cycles_reg + 48'd1;
	cmds_reg <= cmds_reg + {47'd0, n_cmd};
	events_reg <= events_reg + {47'd0, n_event};
	fills_reg <= fills_reg + {47'd0, n_fill};
	rd_reg <= rd_reg + {47'd0, n_rd};
	wr_lines_reg <= wr_lines_reg + {47'd0, n_wr};
	for (i = 0; i < 5; i = i + 1)
		wait_reg[i] <= wait_reg[i] + {47'd0, n_wait[i]};
	if (lat_valid) begin
		lat_sum_reg <= lat_sum_reg + {32'd0, lat};
		if (lat > lat_max_reg)
			lat_max_reg <= lat;
	end
	if (rst) begin
		rst_reg <= 4'd0;
		watch_reg <= NMW_HW_WATCHDOG[31:0];
		tx_base_reg <= 64'd0;
		rx_base_reg <= 64'd0;
		tx_log2_reg <= NMW_HW_RING_LOG2[3:0];
		rx_log2_reg <= NMW_HW_RING_LOG2[3:0];
	end
	if (clear) begin
		enable_reg <= 1'b0;
		fault_reg <= 1'b0;
		cause_reg <= 8'd0;
		cause_addr_reg <= 64'd0;
		tx_tail_reg <= 32'd0;
		rx_head_reg <= 32'd0;
		push_valid_reg <= 1'b0;
		since_rd_reg <= 32'd0;
		since_wr_reg <= 32'd0;
		late_rd_reg <= 1'b0;
		late_wr_reg <= 1'b0;
		cycles_reg <= 48'd0;
		cmds_reg <= 48'd0;
		events_reg <= 48'd0;
		fills_reg <= 48'd0;
		rd_reg <= 48'd0;
		wr_lines_reg <= 48'd0;
		lat_sum_reg <= 48'd0;
		lat_max_reg <= 16'd0;
		for (i = 0; i < 5; i = i + 1)
			wait_reg[i] <= 48'd0;
	end
end

// a block's first word
function [63:0] block(input [31:0] next, input [15:0] kind);
	block = {next, 16'd1, kind};
endfunction

always @(posedge clk)
	case (at)
	NMW_HW_AT_IDENT: rdata_reg <= block(NMW_HW_AT_PARAMS, NMW_HW_BLOCK_IDENT[15:0]);
	NMW_HW_REG_ID: rdata_reg <= {NMW_HW_VERSION[31:0], NMW_HW_ID[31:0]};
	NMW_HW_REG_BUILD: rdata_reg <= BUILD;
	NMW_HW_AT_PARAMS: rdata_reg <= block(NMW_HW_AT_CONTROL, NMW_HW_BLOCK_PARAMS[15:0]);
	NMW_HW_REG_SIZES: rdata_reg <= {LINES_LOG2[7:0], B[7:0], K[7:0], OWNER_W[7:0], GEN_W[7:0], SLOT_W[7:0], L[7:0],
		SYM_W[7:0]};
	NMW_HW_REG_TICKS: rdata_reg <= {32'd0, TICKS[31:0]};
	NMW_HW_AT_CONTROL: rdata_reg <= block(NMW_HW_AT_RINGS, NMW_HW_BLOCK_CONTROL[15:0]);
	NMW_HW_REG_CONTROL: rdata_reg <= {63'd0, enable_reg};
	NMW_HW_REG_STATUS: rdata_reg <= {60'd0, idle, fault_reg, enable_reg, ready};
	NMW_HW_REG_FAULT: rdata_reg <= {56'd0, cause_reg};
	NMW_HW_REG_FAULT_ADDR: rdata_reg <= cause_addr_reg;
	NMW_HW_REG_WATCHDOG: rdata_reg <= {32'd0, watch_reg};
	NMW_HW_AT_RINGS: rdata_reg <= block(NMW_HW_AT_COUNTERS, NMW_HW_BLOCK_RINGS[15:0]);
	NMW_HW_REG_TX_BASE: rdata_reg <= tx_base_reg;
	NMW_HW_REG_TX_LOG2: rdata_reg <= {60'd0, tx_log2_reg};
	NMW_HW_REG_TX_TAIL: rdata_reg <= {32'd0, tx_tail_reg};
	NMW_HW_REG_TX_HEAD: rdata_reg <= {32'd0, tx_head};
	NMW_HW_REG_RX_BASE: rdata_reg <= rx_base_reg;
	NMW_HW_REG_RX_LOG2: rdata_reg <= {60'd0, rx_log2_reg};
	NMW_HW_REG_RX_TAIL: rdata_reg <= {32'd0, rx_tail};
	NMW_HW_REG_RX_HEAD: rdata_reg <= {32'd0, rx_head_reg};
	NMW_HW_AT_COUNTERS: rdata_reg <= block(NMW_HW_AT_PUSH, NMW_HW_BLOCK_COUNTERS[15:0]);
	NMW_HW_REG_CYCLES: rdata_reg <= {16'd0, cycles_reg};
	NMW_HW_REG_COMMANDS: rdata_reg <= {16'd0, cmds_reg};
	NMW_HW_REG_EVENTS: rdata_reg <= {16'd0, events_reg};
	NMW_HW_REG_FILLS: rdata_reg <= {16'd0, fills_reg};
	NMW_HW_REG_WAIT_EVENT: rdata_reg <= {16'd0, wait_reg[0]};
	NMW_HW_REG_WAIT_LEVEL: rdata_reg <= {16'd0, wait_reg[1]};
	NMW_HW_REG_WAIT_HEAD: rdata_reg <= {16'd0, wait_reg[2]};
	NMW_HW_REG_WAIT_MIN: rdata_reg <= {16'd0, wait_reg[3]};
	NMW_HW_REG_WAIT_SLOT: rdata_reg <= {16'd0, wait_reg[4]};
	NMW_HW_REG_FREE: rdata_reg <= {{(63-SLOT_W){1'b0}}, free};
	NMW_HW_REG_LINES_READ: rdata_reg <= {16'd0, rd_reg};
	NMW_HW_REG_LINES_WRITTEN: rdata_reg <= {16'd0, wr_lines_reg};
	NMW_HW_REG_LATENCY_SUM: rdata_reg <= {16'd0, lat_sum_reg};
	NMW_HW_REG_LATENCY_MAX: rdata_reg <= {48'd0, lat_max_reg};
	NMW_HW_AT_PUSH: rdata_reg <= block(32'd0, NMW_HW_BLOCK_PUSH[15:0]);
	NMW_HW_REG_PUSH_BUSY: rdata_reg <= {63'd0, push_valid_reg};
	default: rdata_reg <= 64'd0;
	endcase

assign rdata = rdata_reg;
assign soft_rst = rst_reg[0];
assign enable = enable_reg && !fault_reg;
assign tx_base = tx_base_reg;
assign tx_log2 = tx_log2_reg;
assign tx_tail = tx_tail_reg;
assign rx_base = rx_base_reg;
assign rx_log2 = rx_log2_reg;
assign rx_head = rx_head_reg;
assign push_valid = push_valid_reg;
assign push_data = push_reg;

wire unused = &{1'b0, addr[2:0]};

endmodule
`default_nettype wire
