#!/usr/bin/env bash
# nmw-match --journal is killed with -9 at random moments (while it replays, logs, matches, sends or
# writes a snapshot), 30 times, with another burst size and sync mode each time: what the sink has
# at the end is what an undisturbed run gives, byte for byte.
# NMW_SEED=N repeats a run, NMW_KILLS=N sets how many kills.
. "$(dirname "$0")/../cli/lib.sh"
seed=${NMW_SEED:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
kills=${NMW_KILLS:-30}
echo "NMW_SEED=$seed"
RANDOM=$seed
gen=gen:seed=$seed,count=60k,symbols=10
small="--orders 20k --ids 200k --symbols-max 64 --sessions 64 --timers 1k --window 256 --log-level warn -q"

# shellcheck disable=SC2086
nmw-recv "$gen" -q 2>"$T/log" | nmw-match $small 2>>"$T/log" | nmw-send jsonl:"$T/want" -q 2>>"$T/log" ||
	{ cat "$T/log"; fail "the undisturbed run"; }

nmw-send jsonl:"$T/got" -i events --consumer sink --wait 60s >"$T/send.log" 2>&1 &
send=$!
nmw-recv "$gen" -o orders --slots 1K --pace 15kpps >"$T/recv.log" 2>&1 &
recv=$!
bursts=(1 7 32 64 256) syncs=(none batch always)
match() { # BURST SYNC SNAPSHOT-EVERY
	# shellcheck disable=SC2086
	exec nmw-match $small -i orders -o events --slots 1K --wait 60s --journal "$T/journal" \
		--burst "$1" --sync "$2" --snapshot-every "$3" >>"$T/match.log" 2>&1
}
ended=''
for ((i = 0; i < kills; i++)); do
	match "${bursts[RANDOM % 5]}" "${syncs[RANDOM % 3]}" $((RANDOM % 4 * 1500)) &
	m=$!
	sleep "0.$(printf %03d $((RANDOM % 200 + 5)))"
	kill -9 $m 2>/dev/null
	wait $m 2>/dev/null
	rc=$?
	[ $rc = 0 ] && ended=yes && break
	[ $rc = 137 ] || { cat "$T/match.log"; fail "nmw-match after $i kills: exit $rc"; }
done
if [ -z "$ended" ]; then
	match 32 batch 0 &
	m=$!
	wait $m || { cat "$T/match.log"; fail "nmw-match after $i kills: exit $?"; }
fi
wait $send || { cat "$T/send.log"; fail "nmw-send: exit $?"; }
wait $recv || { cat "$T/recv.log"; fail "nmw-recv: exit $?"; }
cmp "$T/want" "$T/got" || { cat "$T/match.log"; fail "the output differs after $i kills"; }
[ "$i" -ge $((kills < 30 ? kills / 2 : 15)) ] || fail "only $i kills: too slow a machine, or too short a stream"

# and the log alone gives it once more
# shellcheck disable=SC2086
nmw-recv journal:"$T/journal" -q 2>"$T/log" | nmw-match $small 2>>"$T/log" | nmw-send jsonl:"$T/again" -q 2>>"$T/log" ||
	{ cat "$T/log"; fail "nmw-recv journal:"; }
cmp "$T/want" "$T/again" || fail "nmw-recv journal: gives another output"
echo "$i kills, $(wc -l <"$T/got") outputs, $(du -sk "$T/journal" | cut -f1) KiB of journal"
exit 0
