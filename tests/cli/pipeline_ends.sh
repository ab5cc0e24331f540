#!/usr/bin/env bash
# What a stage says and returns when its neighbour ends early, when a file may not grow, and when the
# ring directory belongs to somebody else.
. "$(dirname "$0")/lib.sh"

# run "STATUS STATUS..." COMMAND: the exit status of each stage of a pipeline
run() {
	local got
	got=$(timeout 30 bash -c "$2; echo \"\${PIPESTATUS[*]}\"" 2>"$T/err" | tail -n 1)
	[ "$got" = "$1" ] || { cat "$T/err"; fail "exit $got, expected $1: $2"; }
}
said() { grep -qE -- "$1" "$T/err" || { cat "$T/err"; fail "no '$1' in the message"; }; }

# The next stage left before the end: what it did not take is counted.
run "0 0" 'nmw-recv gen:seed=1,count=1k -q | nmw-send null: --count 10 -q'
said 'behind this one ended: 994 messages were not taken'
[ "$(grep -c 'were not taken' "$T/err")" = 1 ] || { cat "$T/err"; fail "said twice"; }
run "7 0" 'nmw-recv gen:seed=1,count=0 -q | nmw-send null: --count 10 -q'
said 'behind this one ended: [1-9][0-9]* messages were not taken'

# The next stage died with messages before it: that is loss.
# shellcheck disable=SC2016
run "7 137" 'nmw-recv gen:seed=1,count=0 -q | exec bash -c '\''(sleep 1; kill -STOP $$; sleep 1; kill -9 $$) </dev/null & exec nmw-send null: -q'\'''
said 'behind this one died: [1-9][0-9]* messages were not taken'

# The stage before ended before this one joined: its ring is not waited for.
printf 'nmw-ring 1 nmw-recv-1-0\n' >"$T/line"
run "0 6" "cat $T/line | nmw-send null: -q --wait 1h"
said 'the stage before this one ended'

nmw-stat reap >"$T/out"

# A limit on the size of files is an error, not a signal.
run "5 6" '(ulimit -f 100; exec nmw-recv gen:seed=1,count=1k -q --pages normal) | nmw-send null: -q'
said 'File too large'
[ -z "$(ls "$NMW_DIR")" ] || fail "left behind: $(ls "$NMW_DIR")"

# The owner of a directory can put any file in the place of a ring.
if [ "$(id -u)" = 0 ]; then
	mkdir -m 0700 "$T/theirs"
	chown 65534 "$T/theirs"
	NMW_DIR=$T/theirs expect 4 nmw-recv gen:count=1 -o x -q
	said 'theirs: belongs to another user .uid 65534.: set NMW_DIR'
	[ -z "$(ls "$T/theirs")" ] || fail "something was made in the directory of another user"
fi
echo "ends of a pipeline"
