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
