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
reg [18:0]  b_ip_reg, b_udp_reg;
reg [16:0]  c_ip_reg, c_udp_reg;
wire [17:0] hosts = {2'd0, a_entry_reg[95:80]} + {2'd0, a_entry_reg[79:64]}
	+ {2'd0, a_entry_reg[63:48]} + {2'd0, a_entry_reg[47:32]};
wire [16:0] ports = {1'b0, a_entry_reg[31:16]} + {1'b0, a_entry_reg[15:0]};

always @(posedge clk) begin
	a_valid_reg <= cli_wr || feed_on;
	a_dest_reg <= cli_wr ? {1'b0, cli_index} : 5'd16;
	a_entry_reg <= cli_wr ? cli_entry : feed_entry;
	b_valid_reg <= a_valid_reg;
	b_dest_reg <= a_dest_reg;
	b_entry_reg <= a_entry_reg;
	b_ip_reg <= {1'b0, hosts} + 19'hC511; // 4500 + 4000 (do not fragment) + 4011 (64 hops, UDP)
	b_udp_reg <= {1'b0, hosts} + {2'd0, ports} + 19'd17;
	c_valid_reg <= b_valid_reg;
	c_dest_reg <= b_dest_reg;
	c_entry_reg <= b_entry_reg;
	c_ip_reg <= {1'b0, b_ip_reg[15:0]} + {14'd0, b_ip_reg[18:16]};
	c_udp_reg <= {1'b0, b_udp_reg[15:0]} + {14'd0, b_udp_reg[18:16]};
	if (c_valid_reg) begin
		mem[c_dest_reg] <= {c_ip_reg[15:0] + {15'd0, c_ip_reg[16]}, c_udp_reg[15:0] + {15'd0, c_udp_reg[16]}, c_entry_reg};
		known_reg[c_dest_reg] <= 1'b1;
		tags_reg[2*c_dest_reg +: 2] <= c_entry_reg[193:192];
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
