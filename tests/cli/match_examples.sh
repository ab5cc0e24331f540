#!/usr/bin/env bash
# The examples of man/nmw-match.1 run as they stand there.
. "$(dirname "$0")/lib.sh"
mapfile -t examples < <(sed -n 's/^\.Dl //p' man/nmw-match.1)
[ ${#examples[@]} -ge 3 ] || fail "no examples found"
cp -r examples "$T/examples"
cd "$T" || exit 1
nmw-recv -q gen:seed=9,count=2k,symbols=3 2>recv.err | nmw-match -q 2>match.err | nmw-send -q itch:feed.itch 2>send.err
for e in "${examples[@]}"; do
	bash -c "set -o pipefail; $e" >out 2>err || { cat err; fail "$e"; }
done
[ -s day.jsonl ] || fail "nothing written"
grep -qE 'replay: ([1-9][0-9,]*) of \1 executions reproduced, 0 crossing adds, 0 unknown' err ||
	{ cat err; fail "the engine's own market data is not reproduced"; }
