#!/usr/bin/env bash
# A device that fails hands its symbols to software by itself, at whatever moment and of whatever cause; offload puts them
# back on a device that was reset, until it fails again, and the output is nmw-match's. (A reset clears the simulated
# memories, a second's work: test_engine_moves has thousands of losses, of a device that is a model.)
# NMW_SEED=N repeats a choice of flows, NMW_LOSSES=N sets how many of each cause, 25 for a hundred.
. "$(dirname "$0")/fpga_lib.sh"
need jq
export NMW_BITSTREAM=$SO
seed=${NMW_SEED:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
losses=${NMW_LOSSES:-4}
[ -n "${NMW_STEPS:-}" ] && losses=1
echo "NMW_SEED=$seed"
RANDOM=$seed
SMALL="-q --orders 50k --ids 100k --symbols-max 64 --sessions 64"
bitstream "$T/lies.so" "-DREAL=\"$SO\"" -DLIES

times() { grep -c 'are in software now, nothing is lost' "$T/$1.err"; }
# dies NAME BURST CODEC OPTION...: a flow under which the device fails again and again
dies() {
	local name=$1 burst=$2 codec=$3 gen lost=0 p
	shift 3
	gen=gen:seed=$((seed + ${#name})),count=6k,symbols=8,codec=$codec
	# shellcheck disable=SC2086
	nmw-recv -q "$gen" 2>"$T/log" | nmw-match $SMALL 2>>"$T/log" | nmw-send -q "jsonl:$T/$name.want" 2>>"$T/log" ||
		{ cat "$T/log"; fail "nmw-match"; }
	for ((round = 1; round <= losses; round++)); do
		: >"$T/$name.err"
		nmw-send -q "jsonl:$T/$name.got" -i "$name$round.out" --wait 60s 2>"$T/$name.send" &
		p=($!)
		# shellcheck disable=SC2086
		nmw-fpga run $SMALL -i "$name$round.in" -o "$name$round.out" --wait 60s --burst "$burst" "$@" 2>"$T/$name.err" &
		p+=($!)
		nmw-recv -q "$gen" -o "$name$round.in" --slots 1K --pace 1kpps --wait 60s 2>"$T/$name.recv" &
		p+=($!)
		while kill -0 "${p[1]}" 2>/dev/null && [ $((lost + $(times "$name"))) -lt "$losses" ]; do
			nmw-fpga offload --lost >"$T/out" 2>"$T/log"
		done
		for p in "${p[@]}"; do
			wait "$p" || { cat "$T/$name".{recv,err,send}; fail "$name: the pipeline"; }
		done
		cmp "$T/$name.want" "$T/$name.got" || fail "$name: other output than nmw-match's"
		lost=$((lost + $(times "$name")))
		[ $lost -ge "$losses" ] && break
	done
	echo "$name: lost $lost times in $round runs"
	[ $lost -ge "$losses" ] || { tail -n 5 "$T/$name.err"; fail "$name: the device was lost $lost times only"; }
}
dies unmap 1 ouch42 --device sim:unmap=$((RANDOM % 900 + 300))
dies stuck 32 ouch50 --device sim:stuck=$((RANDOM % 900 + 300)) --watchdog 2000
dies reset 7 ouch42 --device sim:reset=$((RANDOM % 900 + 300))
dies lies 64 ouch50 --bitstream "$T/lies.so"
grep -q 'the design is faulty: load another: its [0-9]* symbols are in software now' "$T/lies.err" || fail "lies: not told"

# ---- what is said and counted; a device that does not answer any more
cp "$SO" "$T/gone.so"
nmw-send -q null: -i w.out --wait 60s 2>"$T/send" &
p=($!)
# shellcheck disable=SC2086
nmw-fpga run $SMALL -i w.in -o w.out --wait 60s --device sim:reset=500 --bitstream "$T/gone.so" 2>"$T/err1" &
p+=($!)
nmw-recv -q gen:seed=9,count=60k,symbols=3 -o w.in --slots 1K --pace 300pps --wait 60s 2>"$T/recv" &
p+=($!)
for ((i = 0; i < 400; i++)); do
	[ "$(nmw-fpga symbols --json 2>"$T/log" | jq -r .run.device)" = lost ] && break
	sleep 0.02
done
rm "$T/gone.so"
nmw-stat --json | jq -e '[.. | objects | select(has("device_losses"))] | map(.device_losses | tonumber) | max == 1' >"$T/jq" ||
	fail "device_losses"
expect 0 nmw-fpga symbols
grep -qE '^S000[0-2] +software +the device was lost$' "$T/out" || { cat "$T/out"; fail "symbols of a lost device"; }
grep -q '^lost: device sim: somebody else reset it' "$T/out" || { cat "$T/out"; fail "why it was lost"; }
expect 5 nmw-fpga offload --lost
grep -q 'gone.so: cannot read it' "$T/err" || { cat "$T/err"; fail "a device that does not answer"; }
cp "$SO" "$T/gone.so"
nmw-fpga offload --lost >"$T/out" 2>"$T/err" || [ $? = 5 ] || { cat "$T/err"; fail "offload of what was lost: exit $?"; }
grep -qE '^S000[0-2] +device ' "$T/out" || { cat "$T/out" "$T/err"; fail "offload of what was lost"; }
kill -INT "${p[2]}"
for p in "${p[@]}"; do
	wait "$p" || { cat "$T"/{recv,err1,send}; fail "the pipeline"; }
done
grep -q 'was reset, and answers' "$T/err1" || { cat "$T/err1"; fail "not said that it answers"; }
exit 0
