#!/usr/bin/env bash
# A stop signal while a stage still waits for its ring, or for the line that names it, ends it with 0.
. "$(dirname "$0")/lib.sh"

nmw-send null: -i nowhere --wait 60s 2>"$T/err" &
pid=$!
sleep 0.3
kill -TERM $pid
wait $pid || fail "a wait for a named ring: exit $?: $(cat "$T/err")"

mkfifo "$T/line"
sleep 60 >"$T/line" &
writer=$!
nmw-send null: --wait 60s <"$T/line" 2>"$T/err" &
pid=$!
sleep 0.3
kill -INT $pid 2>/dev/null || kill -TERM $pid
sleep 0.2
kill -TERM $pid 2>/dev/null
wait $pid
rc=$?
kill $writer
[ $rc = 0 ] || fail "a wait for the line on stdin: exit $rc: $(cat "$T/err")"

# An output ring that is full and that nobody reads: one signal ends the stage, which says what is lost.
nmw-recv gen:count=100k -o orders --pace max 2>"$T/recv.err" &
recv=$!
nmw-match -i orders -o events 2>"$T/err" &
match=$!
for _ in $(seq 100); do
	grep -q "waiting for a consumer" "$T/err" && break
	sleep 0.1
done
kill -TERM $match
rc=0
wait $match || rc=$?
[ $rc = 7 ] || fail "a full ring without a reader: exit $rc, not 7: $(cat "$T/err" "$T/recv.err")"
grep -qF -- "full, and stopped while nobody reads it" "$T/err" || fail "not said: $(cat "$T/err")"
kill -TERM $recv
wait $recv

# --after a consumer that is not there is said.
nmw-recv gen:count=10 -o quiet 2>"$T/recv.err" &
recv=$!
nmw-send null: -i quiet --after audit 2>"$T/err" &
send=$!
for _ in $(seq 100); do
	grep -q "nothing is read before consumer audit" "$T/err" && break
	sleep 0.1
done
grep -qF -- "nothing is read before consumer audit, which is not there" "$T/err" || fail "not said: $(cat "$T/err")"
timeout 20 nmw-send null: -i quiet --consumer audit 2>"$T/audit.err" || fail "$(cat "$T/audit.err")"
wait $send || fail "after the one it follows: exit $?: $(cat "$T/err")"
wait $recv

# So is one that was there and died, and what is missing when the producer has ended too.
nmw-recv -q gen:count=0 --pace 1kpps -o led 2>"$T/recv.err" &
recv=$!
nmw-send -q null: -i led --consumer lead 2>"$T/lead.err" &
lead=$!
until_published led 10
nmw-send null: -i led --after lead --wait 1s 2>"$T/err" &
send=$!
{ kill -9 $lead && wait $lead; } 2>"$T/kill.err"
for _ in $(seq 100); do
	grep -q "nothing is read before consumer lead" "$T/err" && break
	sleep 0.1
done
grep -qF -- "nothing is read before consumer lead, which is not there" "$T/err" || fail "not said: $(cat "$T/err")"
kill -TERM $recv
wait $recv
rc=0
wait $send || rc=$?
[ $rc = 6 ] || fail "without the one to follow: exit $rc, not 6: $(cat "$T/err")"
grep -qF -- "consumer lead, which is to be followed, is not there: start it with -i led --consumer lead" "$T/err" ||
	fail "not said: $(cat "$T/err")"
