#!/usr/bin/env bash
# A pipe that is slow or quiet: messages go on at once, signals and a dead reader are noticed; and pacing.
. "$(dirname "$0")/lib.sh"
need jq
make=$B/tests/fuzz/make_capture
[ -x "$make" ] || skip "make_capture is not built: make tests"
"$make" eth4 >"$T/c.pcap"
size=$(stat -c %s "$T/c.pcap")

wait_for() { # COMMAND...: until it holds, 5 s at most
	for _ in $(seq 100); do
		"$@" && return 0
		sleep 0.05
	done
	fail "did not happen in 5 s: $*"
}
lines_are() { [ -e "$T/out.txt" ] && [ "$(wc -l <"$T/out.txt")" = "$1" ]; }
ring_is_there() { [ -e "$NMW_DIR/live.ring" ]; }

mkfifo "$T/fifo"
nmw-recv -q -o live pcap:- <"$T/fifo" 2>"$T/f" &
recv=$!
exec 7>"$T/fifo"
wait_for ring_is_there
nmw-send -q -i live text:"$T/out.txt" 2>"$T/g" 7>&- &
send=$!
head -c $((size / 2)) "$T/c.pcap" >&7
wait_for lines_are 19
tail -c +$((size / 2 + 1)) "$T/c.pcap" >&7
wait_for lines_are 41
# Quiet now: a signal ends it, although nothing comes, and the reader has everything.
kill -TERM $recv
wait $recv || fail "stopped while it waited: exit $?"
wait $send || fail "its reader: exit $?"
lines_are 41 || fail "the reader has lost something"
exec 7>&-

# The stage behind dies while the input is quiet.
mkfifo "$T/fifo2"
rm -f "$T/out.txt"
nmw-recv -q pcap:- <"$T/fifo2" 2>"$T/f" > >(echo $BASHPID >"$T/pid" && exec nmw-send -q text:"$T/out.txt" 2>"$T/g") &
recv=$!
exec 7>"$T/fifo2"
cat "$T/c.pcap" >&7
wait_for lines_are 41
kill -9 "$(cat "$T/pid")"
wait $recv
status=$?
[ $status = 6 ] || [ $status = 7 ] || { cat "$T/f"; fail "its reader was killed: exit $status"; }
exec 7>&-

# --pace: 41 messages, a millisecond apart in the capture (and one SYN before them).
took() { # LEAST-MS OPTIONS...
	local least=$1 t0 ms
	shift
	t0=$(date +%s%N)
	nmw-recv -q "$@" pcap:"$T/c.pcap" 2>"$T/f" | nmw-send -q null:
	ms=$((($(date +%s%N) - t0) / 1000000))
	[ $ms -ge "$least" ] || fail "$*: took $ms ms, at least $least expected"
}
took 40 --pace original
took 160 --pace 0.25x
took 200 --pace 200pps
took 0 --pace max
