// nmw_wire_out_table: where each destination is: addresses, and the sums of what never changes.
//
// Destinations 0 to 15 are clients, written one by one as their first frames come; 16 is the feed,
// taken from its registers in every cycle in which no client is written. An entry is from the view
// of a frame that goes out.
//
// Timing   an entry is in force 4 cycles after it was written. Looked up combinationally, one read
//          of distributed RAM.
// Sums     of 16-bit words in ones' complement: of the IP header without length and identification
//          (which is 0: nothing is fragmented, RFC 6864), and of UDP's addresses, protocol and ports.
`default_nettype none
module nmw_wire_out_table (
	input  wire         clk,
	input  wire         rst,

	input  wire         cli_wr,
	input  wire [3:0]   cli_index,
	input  wire [257:0] cli_entry,
	input  wire         feed_on,
	input  wire [257:0] feed_entry,

	output wire [16:0]  known,  // was written
	output wire [33:0]  tags,   // VLAN tags of each, 0 to 2
	input  wire [4:0]   dest,
	// {outer tag, inner tag, tags, dst mac, src mac, src ip, dst ip, src port, dst port}
	output wire [257:0] entry,
	output wire [15:0]  ip_sum,
	output wire [15:0]  udp_sum
);

(* ram_style = "distributed" *)
reg [289:0] mem [0:31];
reg [16:0]  known_reg;
reg [33:0]  tags_reg;

reg         a_valid_reg, b_valid_reg, c_valid_reg;
reg [4:0]   a_dest_reg, b_dest_reg, c_dest_reg;
reg [257:0] a_entry_reg, b_entry_reg, c_entry_reg;
reg [17:0]  b_ip_reg, b_udp_reg;
reg [16:0]  c_ip_reg, c_udp_reg;
wire [47:0] ip_rows, udp_rows;
// 4500 + 4000 (do not fragment) + 4011 (64 hops, UDP)
nmw_wire_csa #(.N(1)) ip (.rows({a_entry_reg[95:32], 16'hC511, 16'd0}), .sums(ip_rows));
nmw_wire_csa #(.N(1)) udp (.rows(a_entry_reg[95:0]), .sums(udp_rows));
integer     i;

always @(posedge clk) begin
	a_valid_reg <= cli_wr || feed_on;
	a_dest_reg <= cli_wr ? {1'b0, cli_index} : 5'd16;
	a_entry_reg <= cli_wr ? cli_entry : feed_entry;
	b_valid_reg <= a_valid_reg;
	b_dest_reg <= a_dest_reg;
	b_entry_reg <= a_entry_reg;
	b_ip_reg <= {2'd0, ip_rows[15:0]} + {2'd0, ip_rows[31:16]} + {2'd0, ip_rows[47:32]};
	b_udp_reg <= {2'd0, udp_rows[15:0]} + {2'd0, udp_rows[31:16]} + {2'd0, udp_rows[47:32]} + 18'd17;
	c_valid_reg <= b_valid_reg;
	c_dest_reg <= b_dest_reg;
	c_entry_reg <= b_entry_reg;
	c_ip_reg <= {1'b0, b_ip_reg[15:0]} + {15'd0, b_ip_reg[17:16]};
	c_udp_reg <= {1'b0, b_udp_reg[15:0]} + {15'd0, b_udp_reg[17:16]};
	if (c_valid_reg) begin
		mem[c_dest_reg] <= {c_ip_reg[15:0] + {15'd0, c_ip_reg[16]}, c_udp_reg[15:0] + {15'd0, c_udp_reg[16]}, c_entry_reg};
		for (i = 0; i < 17; i = i + 1)
			if (c_dest_reg == i[4:0]) begin
				known_reg[i] <= 1'b1;
				tags_reg[2*i +: 2] <= c_entry_reg[193:192];
			end
	end
	if (rst) begin
		known_reg <= 17'd0;
		tags_reg <= 34'd0;
	end
end

assign {ip_sum, udp_sum, entry} = mem[dest];
assign known = known_reg;
assign tags = tags_reg;

endmodule
`default_nettype wire
