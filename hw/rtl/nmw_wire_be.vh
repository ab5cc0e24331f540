// nmw_wire_be: numbers of the wire, whose first byte is the highest; b has it in its lowest bits.
function [15:0] be16(input [15:0] b);
	be16 = {b[7:0], b[15:8]};
endfunction
function [31:0] be32(input [31:0] b);
	be32 = {be16(b[15:0]), be16(b[31:16])};
endfunction
function [63:0] be64(input [63:0] b);
	be64 = {be32(b[31:0]), be32(b[63:32])};
endfunction
function [47:0] be48(input [47:0] b);
	be48 = {be32(b[31:0]), be16(b[47:32])};
endfunction
