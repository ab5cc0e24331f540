#!/usr/bin/env bash
# nmw-fpga run --journal is killed with -9 at random moments under load and started again on the same rings: what the
# sink has at the end is what an undisturbed nmw-match gives, byte for byte.
# NMW_SEED=N repeats a run, NMW_KILLS=N sets how many kills.
. "$(dirname "$0")/../cli/fpga_lib.sh"
seed=${NMW_SEED:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
kills=${NMW_KILLS:-6}
echo "NMW_SEED=$seed"
RANDOM=$seed
gen=gen:seed=$seed,count=40k,symbols=20
small="--orders 20k --ids 200k --symbols-max 64 --sessions 64 --timers 1k --window 256 --log-level warn -q"
export NMW_BITSTREAM=$SO

# shellcheck disable=SC2086
nmw-recv "$gen" -q 2>"$T/log" | nmw-match $small 2>>"$T/log" | nmw-send jsonl:"$T/want" -q 2>>"$T/log" ||
	{ cat "$T/log"; fail "the undisturbed run"; }

nmw-send jsonl:"$T/got" -i events --consumer sink --wait 100s >"$T/send.log" 2>&1 &
send=$!
nmw-recv "$gen" -o orders --slots 1K --pace 4kpps >"$T/recv.log" 2>&1 &
recv=$!
bursts=(1 7 32 64 256)
run() { # BURST SNAPSHOT-EVERY
	# shellcheck disable=SC2086
	exec nmw-fpga run $small -i orders -o events --slots 1K --wait 100s --journal "$T/journal" --burst "$1" \
		--snapshot-every "$2" >>"$T/run.log" 2>&1
}
for ((i = 0; i < kills; i++)); do
	run "${bursts[RANDOM % 5]}" $((RANDOM % 4 * 1500)) &
	m=$!
	sleep "$((RANDOM % 2)).$(printf %03d $((RANDOM % 700 + 300)))"
	kill -9 $m 2>/dev/null
	wait $m 2>/dev/null
	rc=$?
	[ $rc = 0 ] && break
	[ $rc = 137 ] || { cat "$T/run.log"; fail "nmw-fpga after $i kills: exit $rc"; }
done
run 32 0 &
m=$!
wait $m || { cat "$T/run.log"; fail "nmw-fpga after $i kills: exit $?"; }
wait $send || { cat "$T/send.log"; fail "nmw-send: exit $?"; }
wait $recv || { cat "$T/recv.log"; fail "nmw-recv: exit $?"; }
cmp "$T/want" "$T/got" || { cat "$T/run.log"; fail "the output differs after $i kills"; }
[ "$i" -ge 2 ] || fail "only $i kills: too slow a machine, or too short a stream"
echo "$i kills, $(wc -l <"$T/got") outputs"
exit 0
