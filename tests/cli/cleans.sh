#!/usr/bin/env bash
# lib.sh leaves nothing behind: no folder, no process, whether a test passes, fails, is skipped or stopped.
. "$(dirname "$0")/lib.sh"

cat >"$T/one.sh" <<'E2'
. "$1"
echo "$T" >"$2.dir"
nmw-recv gen:count=1M -o idle 2>"$T/log" &
echo $! >"$2.pid"
until [ -e "$NMW_DIR/idle.ring" ]; do sleep 0.01; done
nmw-recv gen:count=1M 2>"$T/log" | nmw-send null: --pace 10pps -q 2>"$T/log" &
touch "$2.ready"
case $3 in
pass) exit 0 ;;
fail) fail "as asked for" ;;
skip) skip "as asked for" ;;
stop) sleep 100 & wait $! ;;
esac
E2
for how in "pass 0" "fail 1" "skip 77" "stop 143"; do
	read -r what want <<<"$how"
	bash "$T/one.sh" tests/cli/lib.sh "$T/$what" "$what" >"$T/out" 2>&1 &
	test=$!
	if [ "$what" = stop ]; then
		until [ -e "$T/$what.ready" ]; do sleep 0.01; done
		kill -TERM $test
	fi
	wait $test
	got=$?
	[ $got = "$want" ] || { cat "$T/out"; fail "$what: exit $got, $want expected"; }
	[ ! -e "$(cat "$T/$what.dir")" ] || fail "$what: its folder is left"
	! kill -0 "$(cat "$T/$what.pid")" 2>/dev/null || fail "$what: a process is left"
done
echo "pass, fail, skip, stop"
