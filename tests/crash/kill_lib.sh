# Shared by the tests that kill an engine again and again: tests/cli/lib.sh is read before. An engine with a journal
# stands between named rings, orders and events; what the sink has at the end, $T/got, is to be $T/want, which an
# undisturbed nmw-match gives.
# NMW_SEED=N repeats a run, NMW_KILLS=N sets how many kills.
# shellcheck shell=bash
seed=${NMW_SEED:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
echo "NMW_SEED=$seed"
RANDOM=$seed
small="--orders 20k --ids 200k --symbols-max 64 --sessions 64 --timers 1k --window 256 --log-level warn -q"

# whole GEN: the undisturbed run
whole() {
	# shellcheck disable=SC2086
	nmw-recv "$1" -q 2>"$T/log" | nmw-match $small 2>>"$T/log" | nmw-send jsonl:"$T/want" -q 2>>"$T/log" ||
		{ cat "$T/log"; fail "the undisturbed run"; }
}

# around GEN PACE: source and sink
around() {
	nmw-send jsonl:"$T/got" -i events --consumer sink --wait 100s >"$T/send.log" 2>&1 &
	send=$!
	nmw-recv "$1" -o orders --slots 1K --pace "$2" >"$T/recv.log" 2>&1 &
	recv=$!
}

# killed N LEAST MOST COMMAND...: the engine, with options added, N times for LEAST to MOST milliseconds, then to its end;
# $kills is how often it was killed
killed() {
	local n=$1 least=$2 most=$3 ms m rc=137
	local bursts=(1 7 32 64 256) syncs=(none batch always)
	shift 3
	for ((kills = 0; rc == 137; kills++)); do
		# shellcheck disable=SC2086
		"$@" $small -i orders -o events --slots 1K --wait 100s --journal "$T/journal" --burst ${bursts[RANDOM % 5]} \
			--sync ${syncs[RANDOM % 3]} --snapshot-every $((RANDOM % 4 * 1500)) >>"$T/engine.log" 2>&1 &
		m=$!
		if [ "$kills" -lt "$n" ]; then
			ms=$((RANDOM % (most - least) + least))
			sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
			kill -9 $m 2>/dev/null
		fi
		wait $m 2>/dev/null
		rc=$?
	done
	kills=$((kills - 1))
	[ $rc = 0 ] || { cat "$T/engine.log"; fail "$* after $kills kills: exit $rc"; }
	wait "$send" || { cat "$T/send.log"; fail "nmw-send: exit $?"; }
	wait "$recv" || { cat "$T/recv.log"; fail "nmw-recv: exit $?"; }
	cmp "$T/want" "$T/got" || { cat "$T/engine.log"; fail "the output differs after $kills kills"; }
}
