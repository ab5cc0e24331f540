#!/usr/bin/env bash
# tests/run on a full disk: every test is told of, those whose results found no room have failed, and the last line comes.
. "$(dirname "$0")/lib.sh"
mkdir -p "$T/tree/tests/cli" "$T/tree/tests/unit" "$T/logs/test-logs"
cp tests/run "$T/tree/tests/run"
for name in one two; do
	printf '#!/bin/sh\nexit 0\n' >"$T/tree/tests/cli/$name.sh"
	chmod +x "$T/tree/tests/cli/$name.sh"
done
there() { (cd "$T/tree" && B=$T/logs NMW_TEST_TIMEOUT=20 tests/run cli/ >"$T/out" 2>"$T/err"); }

there || { cat "$T/out" "$T/err"; fail "exit $? with room"; }
[ "$(tail -n 1 "$T/out")" = "2 passed, 0 failed, 0 skipped" ] || { cat "$T/out"; fail "with room"; }
(cd "$T/tree" && B=$T/logs tests/run cli/ >/dev/full 2>"$T/err") && fail "what it says is lost, and it passes"
mount -t tmpfs -o size=64k,nr_inodes=3 none "$T/logs/test-logs" 2>"$T/err" || skip "no tmpfs may be mounted for a full disk"
touch "$T/logs/test-logs"/{1,2} # the last
there && fail "no room for results, and it passes"
[ "$(grep -c '^FAIL  cli/.*no result' "$T/out")" = 2 ] || { cat "$T/out" "$T/err"; fail "not told of each test"; }
[ "$(tail -n 1 "$T/out")" = "0 passed, 2 failed, 0 skipped" ] || { cat "$T/out" "$T/err"; fail "no last line"; }
exit 0
