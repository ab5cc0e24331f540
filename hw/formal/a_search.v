// nmw_search as its proof (f_search) has it: what it gives out is bound by assumptions in f_core.vh.
`default_nettype none
module nmw_search #(
	parameter C_W = 5, parameter L = 13, parameter B = 6, parameter SLOT_W = 14,
	parameter ORDER_W = 70, parameter K = 7
) (
	input wire clk, input wire rst, input wire run, input wire stop, input wire raised, input wire many,
	input wire [C_W-1:0] c, input wire [L-1:0] floor, input wire [K-1:0] used,
	input wire t_mine, input wire t_below, input wire [L-1:0] t_idx, input wire u_valid, input wire u_set,
	input wire p1_valid, input wire [C_W-1:0] p1_c, input wire p2_valid, input wire [C_W-1:0] p2_c,
	input wire [(1<<(L-B))-1:0] row, output wire [C_W+L-B-1:0] word_addr, input wire [(1<<B)-1:0] word,
	output wire [C_W+L-1:0] level_addr, input wire [2*SLOT_W:0] level,
	output wire [SLOT_W-1:0] order_addr, input wire [ORDER_W-1:0] order,
	output wire out_valid, input wire out_get, output wire [L-1:0] out_idx,
	output wire [SLOT_W-1:0] out_head, output wire [SLOT_W-1:0] out_tail,
	output wire out_last, output wire [ORDER_W-1:0] out_order, output wire out_end, output wire clash
);
(* anyseq *) reg a_valid;
(* anyseq *) reg a_end;
(* anyseq *) reg [L-1:0] a_idx;
(* anyseq *) reg [SLOT_W-1:0] a_head;
(* anyseq *) reg [SLOT_W-1:0] a_tail;
(* anyseq *) reg [ORDER_W-1:0] a_order;
assign out_valid = a_valid && run;
assign out_end = a_end && run && !a_valid;
assign out_idx = a_idx;
assign out_head = a_head;
assign out_tail = a_tail;
assign out_last = a_head == a_tail;
assign out_order = a_order;
assign clash = 1'b0;
assign word_addr = 0;
assign level_addr = 0;
assign order_addr = 0;
endmodule
`default_nettype wire
