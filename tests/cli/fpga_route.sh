#!/usr/bin/env bash
# One exchange of both: nmw-recv --route gives the hot symbols to nmw-fpga run, the others to nmw-match, and one nmw-send
# takes the outputs of both. What is said to each order is what one nmw-match says, also while the hot symbols move
# between the device and its host's software, and when the device fails.
. "$(dirname "$0")/fpga_lib.sh"
need jq
export NMW_BITSTREAM=$SO
SMALL="-q --orders 50k --ids 100k --symbols-max 64 --sessions 64"
cat >"$T/routes.json" <<'JSON'
{"routes": [{"name": "hot", "symbols": ["S0000", "S0003", "S0007"]}], "rest": "cold"}
JSON

# what was said to each order, and of each symbol, without the numbers that an engine gives out
replies() {
	jq -rc 'select(.channel == "reply" and .name != "system_event") |
		del(.seq, .in_seq, .ts_ns, .timestamp, .order_reference_number, .previous_order_reference_number,
		.match_number)' "$@" | sort
}
both() { # NAME SPEC DEVICE
	local name=$1 spec=$2 p
	# shellcheck disable=SC2086
	nmw-recv "$spec" -q 2>"$T/log" | nmw-match $SMALL 2>>"$T/log" | nmw-send "jsonl:$T/$name.one" -q 2>>"$T/log" ||
		{ cat "$T/log"; fail "$name: one engine"; }
	# shellcheck disable=SC2086
	timeout 100 nmw-fpga run $SMALL --device "$3" -i "$name/hot" -o "$name.h" 2>"$T/$name.fpga" &
	p=($!)
	# shellcheck disable=SC2086
	timeout 100 nmw-match $SMALL -i "$name/cold" -o "$name.c" 2>"$T/$name.match" &
	p+=($!)
	timeout 100 nmw-send -i "$name.h" -i "$name.c" "jsonl:$T/$name.both" -q 2>"$T/$name.send" &
	p+=($!)
	nmw-recv "$spec" --route "$T/routes.json" -o "$name" --min-consumers 2 --pace 2kpps -q 2>"$T/$name.recv" &
	p+=($!)
	while kill -0 "${p[0]}" 2>/dev/null; do
		nmw-fpga return S0000 S0007 >>"$T/$name.moves" 2>"$T/err"
		nmw-fpga offload --all >>"$T/$name.moves" 2>"$T/err"
		sleep 0.05
	done
	for p in "${p[@]}"; do
		wait "$p" || { cat "$T/$name".{fpga,match,send,recv}; fail "$name: the pipeline"; }
	done
	cmp <(replies "$T/$name.one") <(replies "$T/$name.both") || fail "$name: not the same replies"
	[ "$(grep -c ' device ' "$T/$name.moves")" -ge 6 ] || { cat "$T/$name.moves" "$T/$name.fpga"; fail "$name: few moves"; }
	grep -qE '^S00(01|02|04|05|06|08|09) ' "$T/$name.moves" && fail "$name: cold symbols came to the device"
}
both a gen:seed=21,count=10k,symbols=10,codec=ouch42 sim
both b gen:seed=22,count=6k,symbols=10,codec=ouch50 sim:reset=3000
grep -q 'are in software now, nothing is lost' "$T/b.fpga" || { cat "$T/b.fpga"; fail "b: the device did not fail"; }
exit 0
