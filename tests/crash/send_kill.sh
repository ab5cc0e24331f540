#!/usr/bin/env bash
# A named nmw-send that is killed with -9 again and again, and started again with --append, loses
# nothing: every message of the ring is in its file, in order; at most a burst a kill comes twice.
. "$(dirname "$0")/../cli/lib.sh"
need jq
[ -x "$B/bin/nmw-recv" ] || skip "nmw-recv is not built"
kills=15 count=60000 seed=${NMW_SEED:-$RANDOM}
echo "NMW_SEED=$seed"
RANDOM=$seed

for kind in jsonl text; do
	writer=(nmw-send -q "$kind:$T/out.$kind" -i flow --consumer audit --append --wait 3s)
	# paced, so that the kills fall into the run
	nmw-recv -q "gen:seed=$seed,count=$count,symbols=5" --pace 30kpps -o flow 2>"$T/src.err" &
	src=$!
	for ((i = 0; ; i++)); do
		"${writer[@]}" 2>"$T/err" &
		pid=$!
		if [ $i -lt $kills ]; then
			sleep "0.$(printf '%03d' $((RANDOM % 150 + 20)))"
			kill -9 $pid 2>"$T/kill.err"
		fi
		wait $pid 2>"$T/wait.err"
		got=$?
		[ $got = 0 ] && break
		# killed when it had left for good: the ring went with the last that needed it
		[ $got = 6 ] && ! kill -0 $src 2>"$T/kill.err" && grep -q 'not there after' "$T/err" && break
		[ $got = 137 ] || { cat "$T/err"; fail "exit $got"; }
	done
	echo "$kind: $i kills"
	wait $src || { cat "$T/src.err"; fail "source: exit $?"; }
done
jq -r .seq "$T/out.jsonl" >"$T/seq" || fail "a line is torn"
total=$((count + $(grep '"name":"login"' "$T/out.jsonl" | jq -r .seq | sort -u | wc -l)))
awk -v burst=32 '
	$1 > last + 1 { print "after " last " comes " $1; bad = 1 }
	$1 <= last { again += 1 }
	$1 > last { last = $1 }
	END { print last " messages, " again + 0 " of them twice"; exit bad }' "$T/seq" || fail "messages are missing"
got=$(sort -u "$T/seq" | wc -l)
[ "$got" = "$total" ] || fail "$got messages, $total expected"
[ "$(wc -l <"$T/seq")" -le $((total + kills * 32)) ] || fail "more than a burst a kill comes twice"
[ "$(wc -l <"$T/out.text")" -ge "$total" ] || fail "text: lines are missing"
