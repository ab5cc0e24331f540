#!/usr/bin/env bash
# nmw-fpga wire: frames in, frames out: what each destination gets is what nmw-match would send it, in order; damaged
# frames are dropped and counted; what the device does not do is left to the host and said.
# NMW_WIRE_FRAMES (2k) frames are damaged, NMW_WIRE_SEED (1) is another run; the long form: NMW_WIRE_FRAMES=100000.
. "$(dirname "$0")/fpga_lib.sh"
need jq
need python3
SO=$PWD/hw/build/nmw_wire.so
[ -e "$SO" ] || skip "hw/build/nmw_wire.so is not there: make hw builds it, where verilator is"
export NMW_BITSTREAM=$SO
FRAMES=${NMW_WIRE_FRAMES:-2000} SEED=${NMW_WIRE_SEED:-1}
wire_frames() { python3 "$(dirname "$0")/wire_frames.py" "$@"; }
# symbols N: a list of N symbols and no others
symbols() {
	jq -n "{open: false, symbols: [range($1) | {symbol: (\"S\" + (\"000\\(.)\" | .[-4:]))}]}" >"$T/symbols.json"
}
flow() { # FILE SPEC: order entry in frames
	nmw-recv -q "gen:$2,codec=ouch50" 2>"$T/recv.err" | nmw-send -q --framing mold "pcap:$1" 2>"$T/send.err" ||
		fail "no frames: $(cat "$T"/*.err)"
}
software() { # IN OUT OPTION...
	local in=$1 out=$2
	shift 2
	nmw-recv -q "pcap:$in" --direction in --framing mold --codec ouch50 2>"$T/recv.err" | nmw-match -q "$@" 2>"$T/match.err" |
		nmw-send -q --framing mold "pcap:$out" 2>"$T/send.err" || fail "the software: $(cat "$T"/*.err)"
}
# same SPEC OPTION...: of both; WIRE are those of the device alone
WIRE=()
same() {
	local spec=$1
	shift
	flow "$T/in.pcap" "$spec"
	software "$T/in.pcap" "$T/sw.pcap" "$@"
	expect 0 nmw-fpga wire --in "pcap:$T/in.pcap" --out "pcap:$T/hw.pcap" --strict "${WIRE[@]}" "$@"
	wire_frames compare "$T/sw.pcap" "$T/hw.pcap" "$T/in.pcap" || fail "other messages: $spec: ${WIRE[*]} $*"
}

# ---- equal
same "seed=$SEED,count=1500,symbols=1"
says ' frames in, ' ' of market data' 'first word of an answer out'
cp "$T/hw.pcap" "$T/first.pcap"
expect 0 nmw-fpga wire -q --in "pcap:$T/in.pcap" --out "pcap:$T/hw.pcap"
cmp "$T/first.pcap" "$T/hw.pcap" || fail "two runs differ"
if command -v tshark >/dev/null; then
	tshark -r "$T/hw.pcap" -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE -d udp.port==26400,moldudp64 \
		-d udp.port==9001,moldudp64 -Y '_ws.malformed || ip.checksum.status == "Bad" || udp.checksum.status == "Bad"' \
		>"$T/bad" 2>"$T/tshark.err"
	[ ! -s "$T/bad" ] || fail "frames that are damaged: $(head -3 "$T/bad")"
	n=$(tshark -r "$T/hw.pcap" -d udp.port==26400,moldudp64 -d udp.port==9001,moldudp64 -Y moldudp64 2>"$T/tshark.err" | wc -l)
	[ "$n" = "$(python3 -c 'import sys; sys.path.insert(0, sys.argv[1]); import wire_frames as w; print(len(list(w.read(sys.argv[2]))))' \
		tests/cli "$T/hw.pcap")" ] || fail "tshark finds MoldUDP64 in $n frames only"
fi
symbols 16
WIRE=(--device sim:stall=40 --back-to-back)
same "seed=$((SEED + 10)),count=2500,symbols=16" --symbols "$T/symbols.json" --utc-offset=-5h
WIRE=()
same "seed=$((SEED + 20)),count=1500,symbols=16" --self-match cancel-old

# ---- a pipe is read once: symbols and windows are named
symbols 1
flow "$T/in.pcap" "seed=$SEED,count=300,symbols=1"
price=$(nmw-recv -q "pcap:$T/in.pcap" 2>"$T/err" | nmw-send -q jsonl:- 2>"$T/err" | jq -r 'select(.type == "O") | .price' | head -1)
software "$T/in.pcap" "$T/sw.pcap" --symbols "$T/symbols.json"
nmw-fpga wire -q --in pcap:- --out pcap:- --symbols "$T/symbols.json" --center "S0000=$price" <"$T/in.pcap" 2>"$T/err" |
	cat >"$T/hw.pcap" || fail "a pipe: $(cat "$T/err")"
wire_frames compare "$T/sw.pcap" "$T/hw.pcap" "$T/in.pcap" || fail "another stream through a pipe"

# ---- a file that is read, or cannot be written, is no place for the registers
cp "$T/in.pcap" "$T/same.pcap"
expect 2 nmw-fpga wire --in "pcap:$T/same.pcap" --out null: --registers "$T/same.pcap"
says '--registers: ' 'is being read'
cmp "$T/in.pcap" "$T/same.pcap" || fail "--registers: the input was overwritten"
expect 2 nmw-fpga wire --in "pcap:$T/in.pcap" --out null: --registers "$T/none/registers"
says '--registers: ' 'make its folder first'
expect 2 nmw-fpga wire --in "pcap:$T/in.pcap" --out pcap:- --registers -
says 'one of --out, --unfit and --registers'
expect 5 nmw-fpga wire -q --in "pcap:$T/in.pcap" --out null: --registers /dev/full
says '--registers: ' 'No space left on device'

# ---- what is not known is left to the host, and said
expect 3 nmw-fpga wire --in pcap:- --out null: --strict --unfit "$T/unfit.jsonl" <"$T/in.pcap"
says 'no symbol is known' 'messages are left to the host: symbol '
[ "$(jq -s 'all(.why == "symbol" and .type == "O" and .host == "rejected" and .code == 23)' "$T/unfit.jsonl")" = true ] ||
	fail "unfit: $(head -3 "$T/unfit.jsonl")"

# ---- a source without an order for the device: what it has, what is expected, what takes it
foreign() { # CAPTURE WORDS...
	local in=$1
	shift
	expect 3 nmw-fpga wire --in "pcap:$in" --out null:
	says 'no order for the device' 'expected OUCH 5.0 in MoldUDP64 over UDP and IPv4' "$@"
}
foreign examples/day.pcap 'packets with orders of OUCH 4.2 in SoupBinTCP' "nmw-recv pcap:examples/day.pcap | nmw-fpga run matches"
nmw-recv -q gen:count=20 2>"$T/err" | nmw-send -q --framing mold "pcap:$T/old.pcap" 2>>"$T/err" || fail "$(cat "$T/err")"
foreign "$T/old.pcap" 'packets with orders of OUCH 4.2 in MoldUDP64' 'nmw-fpga run matches'
foreign "$T/first.pcap" 'packets with market data of ITCH 5.0 in MoldUDP64' 'replies of OUCH' 'that is what an exchange sends'
expect 3 nmw-fpga wire --in "pcap:$T/in.pcap" --out null: --server 10.9.9.9:1
says 'no order for 10.9.9.9:1' 'found orders for ' 'leave --server out'

# ---- damaged frames
symbols 4
flow "$T/gen.pcap" "seed=$((SEED + 30)),count=$((FRAMES / 2 + 200)),symbols=4"
wire_frames mutate "$T/gen.pcap" "$T/in.pcap" "$SEED" "$FRAMES" >"$T/out" || fail "mutate"
for _ in 1 2 3 4 5 6; do
	expect 0 nmw-fpga wire --in "pcap:$T/in.pcap" --out "pcap:$T/hw.pcap" --unfit "$T/unfit.jsonl" --symbols "$T/symbols.json" \
		--registers "$T/registers.json"
	[ -s "$T/unfit.jsonl" ] || break
	wire_frames silence "$T/in.pcap" "$T/next.pcap" "$T/unfit.jsonl" || fail "silence"
	mv "$T/next.pcap" "$T/in.pcap"
done
[ ! -s "$T/unfit.jsonl" ] || fail "messages are still unfit: $(head -3 "$T/unfit.jsonl")"
wire_frames sound "$T/in.pcap" "$T/sound.pcap"
software "$T/sound.pcap" "$T/sw.pcap" --symbols "$T/symbols.json"
wire_frames compare "$T/sw.pcap" "$T/hw.pcap" "$T/in.pcap" damaged || fail "seed $SEED: $FRAMES damaged frames make a difference"
# in = let through + dropped; messages to the core = those that are for it
jq -e '[.blocks[].registers[] | {key: .name, value: (.value | tonumber)}] | from_entries |
	.frames_in == .frames and
	.frames == .frames_good + .damaged + .no_ipv4 + .bad_ip + .fragments + .not_udp + .bad_udp + .not_ours + .bad_mold +
		.bad_checksum + .too_long + .no_room + .other_session and
	.enters + .replaces + .cancels + .modifies + .unfit_seen ==
		.enters_seen + .replaces_seen + .cancels_seen + .modifies_seen + .unfit_parsed and
	.sent + .sent_bare == .frames_out and .sent_replies == .replies and .sent_feed == .feed and .faults == 0' \
	"$T/registers.json" >"$T/jq" || fail "counters do not add up: $(jq -c '[.blocks[].registers[] | {(.name): .value}] | add' "$T/registers.json")"

# ---- what goes wrong
flow "$T/in.pcap" "seed=$SEED,count=300,symbols=1"
expect 5 nmw-fpga wire --in "pcap:$T/in.pcap" --out null: --device sim:stuck=100 --watchdog 5000
says 'fault 5' 'the port is stuck'
expect 5 nmw-fpga wire --in "pcap:$T/in.pcap" --out null: --device sim:reset=100
says 'reset by somebody else'
expect 5 nmw-fpga wire --in "pcap:$T/in.pcap" --out null: --bitstream hw/build/nmw_book.so
says 'identity 0x4e4d5731 found, 0x4e4d5757 expected' 'nmw_wire.so'
expect 2 nmw-fpga wire --in "pcap:$T/in.pcap"
says '--in SOURCE and --out SINK are needed'
expect 2 nmw-fpga wire --in "$T/in.pcap" --out null:
says 'not a source of frames'
expect 2 nmw-fpga wire --in "pcap:$T/in.pcap" --out "$T/hw.pcap"
says 'not a sink of frames'
expect 2 nmw-fpga wire --in "pcap:$T/none.pcap" --out null:
expect 2 nmw-fpga wire --in "pcap:$T/in.pcap" --out null: --center S0000
says 'SYMBOL=PRICE is expected'
expect 2 nmw-fpga wire --in "pcap:$T/in.pcap" --out null: --center S0000=1 --center S0000=2
says '--center S0000=2: this symbol was given twice'
expect 5 nmw-fpga wire --in if:nmw-none --out null:
says 'No such device'
[ "${NMW_GOLDEN:-}" = no ] || diff -u tests/golden/help/nmw-fpga-wire.txt <(nmw-fpga wire --help) ||
	fail "nmw-fpga wire --help changed: run make golden if that was meant"
# what was loaded is remembered for each design
unset NMW_BITSTREAM
expect 5 nmw-fpga wire --in "pcap:$T/in.pcap" --out null:
says 'no bitstream is loaded' 'nmw_wire.so'
expect 0 nmw-fpga load "$SO"
expect 5 nmw-fpga info
expect 0 nmw-fpga wire -q --in "pcap:$T/in.pcap" --out null:
exit 0
