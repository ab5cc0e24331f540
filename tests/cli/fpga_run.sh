#!/usr/bin/env bash
# nmw-fpga run takes nmw-match's place: the same bytes, whatever the flow, the burst, the rings and the device's pace;
# what the device cannot have is in software, counted under its reason; a journal of one goes on with the other.
. "$(dirname "$0")/fpga_lib.sh"
need jq
export NMW_BITSTREAM=$SO
SMALL="-q --orders 50k --ids 50k --symbols-max 256"

# out FILE SOURCE COMMAND...: the source through the command, to FILE.itch and FILE.jsonl; stderr to $T/err
out() {
	local file=$1 source=$2
	shift 2
	# shellcheck disable=SC2086
	nmw-recv -q "$source" 2>"$T/recv.err" | timeout 250 "$@" $SMALL 2>"$T/err" |
		nmw-send -q "itch:$T/$file.itch" "jsonl:$T/$file.jsonl" 2>"$T/send.err"
	local rc=("${PIPESTATUS[@]}")
	[ "${rc[*]}" = "0 0 0" ] || { cat "$T"/*err; fail "exit ${rc[*]}, 0 0 0 expected: $source: $*"; }
}
# same SOURCE OPTION...: of both tools; --device and the like, of nmw-fpga, are in DEVICE
DEVICE=()
same() {
	local source=$1
	shift
	out sw "$source" nmw-match "$@"
	[ -s "$T/sw.itch" ] || fail "no output: $source"
	out hw "$source" nmw-fpga run "${DEVICE[@]}" "$@"
	cmp "$T/sw.itch" "$T/hw.itch" || fail "other market data: $source: ${DEVICE[*]} $*"
	cmp "$T/sw.jsonl" "$T/hw.jsonl" || fail "other replies: $source: ${DEVICE[*]} $*"
}
same pcap:examples/day.pcap
same pcap:examples/day.pcap --symbols examples/symbols.json
for n in 1 16 100; do same "gen:seed=$n,count=8k,symbols=$n"; done
for stp in cancel-new cancel-old; do
	same gen:seed=5,count=4k,symbols=16,codec=ouch50 --self-match $stp
done
same gen:seed=6,count=3k,symbols=16 --burst 1
same gen:seed=6,count=3k,symbols=16 --burst 256
DEVICE=(--device "sim:full=1" --ring 8)
same gen:seed=7,count=2k,symbols=16
DEVICE=(--device "sim:latency=200,stall=30" --ring 64 --no-push)
same gen:seed=8,count=2k,symbols=100 --burst 7
DEVICE=()

DATA=$SHARED/aapl-20190130
[ -f "$DATA/feed.itch" ] || DATA=$SHARED/data/aapl-20190130
if [ -f "$DATA/feed.itch" ]; then
	same "itch:$DATA/feed.itch" --codec itch50 --check
	says 'replay: 746 of 746 executions reproduced' 'the final book equals the passive book'
fi

# What is where, and why, is in the counters: 16 books are for the first 16 of 100 symbols.
nmw-send -q null: -i events --wait 60s 2>"$T/send.err" &
send=$!
# shellcheck disable=SC2086
nmw-fpga run $SMALL -i orders -o events --wait 60s 2>"$T/err" &
run=$!
nmw-recv -q gen:seed=9,count=8k,symbols=100 -o orders --pace 4kpps 2>"$T/recv.err" &
recv=$!
counter() { nmw-stat --json | jq -r "[.. | objects | select(has(\"$1\")) | .$1 | tonumber] | max // 0"; }
for ((i = 0; i < 100; i++)); do
	[ "$(counter software_no_book)" = 84 ] && break
	sleep 0.1
done
nmw-stat --json >"$T/stat.json"
[ "$(counter software_no_book)" = 84 ] || { grep -o '"held[^,]*\|"software[^,]*' "$T/stat.json"; fail "84 symbols without a book"; }
[ "$(counter held_symbols)" = 16 ] || fail "$(counter held_symbols) symbols on the device, 16 expected"
wait $recv $run $send || { cat "$T"/*err; fail "the pipeline"; }

# One begins a day, the other goes on, each way, after it was killed.
nmw-recv -q gen:seed=10,count=6k,symbols=20 -o day --pace 600pps --slots 16K --wait 60s 2>"$T/recv.err" &
recv=$!
nmw-send -q "jsonl:$T/both.jsonl" -i both --consumer sink --wait 100s 2>"$T/send.err" &
send=$!
out whole gen:seed=10,count=6k,symbols=20 nmw-match
for tool in "nmw-fpga run" nmw-match "nmw-fpga run" nmw-match; do
	# shellcheck disable=SC2086
	$tool $SMALL -i day -o both --slots 1K --wait 60s --burst 16 --journal "$T/journal" --snapshot-every 500 2>>"$T/err" &
	m=$!
	sleep 1.2
	kill -9 $m 2>/dev/null
	wait $m 2>/dev/null
done
# shellcheck disable=SC2086
nmw-fpga run $SMALL -i day -o both --slots 1K --wait 60s --journal "$T/journal" 2>>"$T/err" || { cat "$T/err"; fail "to go on"; }
wait $recv $send || { cat "$T"/*err; fail "the sink"; }
cmp "$T/whole.jsonl" "$T/both.jsonl" || fail "a journal of both gives other output"
exit 0
