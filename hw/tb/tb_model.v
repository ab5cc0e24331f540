// tb_model: the small core with its own search, any commands, beside the model of formal/f_core.vh: every
// assertion there is looked at in every cycle, and so is what is assumed of the search.
`timescale 1ns/1ps
module tb_model #(parameter CYCLES = 300000);
reg       clk = 0;
reg       any_valid, sell, any_owner, take, pick_a = 0, pick_b = 0, any_sym = 0;
reg [1:0] any_op, qty, any_min = 0;
reg [3:0] any_flags;
reg [2:0] px;
reg [7:0] any_handle;
reg [3:0] key;
integer   k, fills = 0, offs = 0, cuts = 0;
f_book #(.RULES(2), .PART(0)) top (.clk(clk), .any_valid(any_valid), .any_op(any_op), .sell(sell),
	.any_flags(any_flags), .any_sym(any_sym), .px(px), .qty(qty), .any_min(any_min),
	.any_owner(any_owner), .any_handle(any_handle), .take(take), .pick_a(pick_a), .pick_b(pick_b));
initial begin
	for (k = 0; k < CYCLES; k = k + 1) begin
		any_valid = $urandom_range(0, 9) != 0;
		take = $urandom_range(0, 3) != 0;
		any_op = $urandom_range(0, 2) != 0 ? 2'd1 : $urandom;
		any_flags = $urandom & $urandom & $urandom;
		any_owner = $urandom;
		sell = $urandom;
		px = $urandom;
		qty = $urandom;
		any_handle = $urandom;
		if ($urandom_range(0, 3) != 0) // of the order that has the slot
		begin
			key = top.dut.m_key[any_handle[1:0]*4 +: 4];
			any_handle = {top.dut.m_gen[any_handle[1:0]], any_handle[6], key[3], key[2:0] ^ {3{key[3]}}, any_handle[1:0]};
		end
		#1 clk = 1;
		if (top.dut.f_on && top.dut.e_fill)
			fills = fills + 1;
		if (top.dut.f_on && top.dut.del)
			offs = offs + 1;
		if (top.dut.f_on && top.dut.reduce)
			cuts = cuts + 1;
		if (top.dut.ready_reg && !top.dut.f_ok_reg) begin
			$display("cycle %0d: the search gave what is assumed it does not", k);
			$fatal;
		end
		#1 clk = 0;
	end
	$display("core and model alike in %0d cycles: %0d fills, %0d orders off, %0d reduced", CYCLES, fills, offs, cuts);
	$finish;
end
endmodule
