#!/usr/bin/env bash
# A named consumer whose disk is full keeps its place: the next one of that name gets every message.
. "$(dirname "$0")/lib.sh"

nmw-recv -q gen:seed=3,count=2000 -o r 2>"$T/recv.err" &
recv=$!
nmw-send -q jsonl:/dev/full -i r --consumer desk 2>"$T/err"
rc=$?
[ $rc = 5 ] || fail "a full disk: exit $rc: $(cat "$T/err")"
nmw-send -q jsonl:"$T/all" -i r --consumer desk 2>>"$T/err" || fail "the second: exit $?: $(cat "$T/err")"
wait $recv || fail "nmw-recv: exit $?: $(cat "$T/recv.err")"
lines=$(wc -l <"$T/all")
[ "$lines" = 2004 ] || fail "$lines lines, 2004 (2000 messages, 4 logins) expected"
