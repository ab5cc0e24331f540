#!/usr/bin/env bash
# The exchange for live clients of README.md, as it stands there.
. "$(dirname "$0")/lib.sh"
for tool in nmw-recv nmw-match nmw-send; do [ -x "$B/bin/$tool" ] || skip "$tool is not built"; done
need python3
block=$(sed -n '/^## An exchange for live clients/,/^## /s/^    //p' README.md)
[ -n "$block" ] || fail "no lines found"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
block=${block//9001/$port}
block=${block//:26400/:$((port % 20000 + 30000))}
ln -s "$PWD/examples" "$T/examples"
cd "$T" || exit 1
set -m
(
	eval "$block"
	sleep 2
) >"$T/out" 2>"$T/err" &
wait $!
kill -TERM -- -$! 2>"$T/kill"
grep -q "executed .* 100 at 150.2500" out || { cat out err; fail "no execution"; }
[ "$(grep -c 'accepted' out)" = 2 ] || { cat out err; fail "two orders are accepted"; }
grep -q '^ALICE .* ouch42 *\(up\|away\)' out || { cat out err; fail "nmw-stat sessions does not show ALICE"; }
grep -q 'order_executed .* executed_shares=100' out || { cat out err; fail "no market data"; }
