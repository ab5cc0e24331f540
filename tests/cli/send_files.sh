#!/usr/bin/env bash
# nmw-send's files: several sinks, channels, counts that add up, full disks, readers that leave,
# signals in mid-write; each with its exit status.
. "$(dirname "$0")/lib.sh"
need jq
[ -x "$B/bin/nmw-recv" ] || skip "nmw-recv is not built"

source_() { nmw-recv -q "gen:seed=1,count=${1:-1000},symbols=3" 2>"$T/src.err"; }
send() { # STATUS ARGS...: nmw-send behind a source; its stderr in $T/err, stdout in $T/out
	local want=$1 got
	shift
	source_ "${messages:-1000}" | nmw-send "$@" >"$T/out" 2>"$T/err"
	got=${PIPESTATUS[1]}
	[ "$got" = "$want" ] || { cat "$T/err"; fail "exit $got, expected $want: nmw-send $*"; }
}
says() { grep -qE -- "$1" "$T/err" || { cat "$T/err"; fail "stderr does not say: $1"; }; }

# ---- several sinks, channels, --count
send 0 jsonl:- text:"$T/a.txt" pcap:"$T/a.pcap" null:
n=$(wc -l <"$T/out")
[ "$n" -gt 1000 ] || fail "$n messages: control messages are missing"
[ "$(wc -l <"$T/a.txt")" = "$n" ] || fail "text: other messages than jsonl:"
jq -e . <"$T/out" >"$T/jq" || fail "not JSON"
says "in $((4 * n)) messages, out $((4 * n)), dropped 0"
says "pcap:.*: $n messages out, 0 filtered, 0 dropped"
send 0 jsonl:- --channel control
[ "$(jq -r .channel <"$T/out" | sort -u)" = control ] || fail "--channel control lets others through"
says "in $n messages, out $((n - 1000)), dropped 1000 \(filtered 1000\)"
send 0 jsonl:- --channel order --count 10
[ "$(wc -l <"$T/out")" = 10 ] || fail "--count 10: $(wc -l <"$T/out") messages"
send 0 itch:-
[ "$(od -An -tx1 "$T/out")" = " 00 00" ] || fail "itch: without market data is the end mark only"
says "out 0, dropped $n \(filtered $n\)"

# ---- usage
for bad in foo:x pcap pcap: null:x "null: --channel x" "null: --server 1" "null: --rate 1kpps --pace 2x" \
	"null: --pace fast" "null: --mtu 100" "null: --pack 2s" "text:- jsonl:-" "itch:- --channel reply" \
	"null: --server [::1]:9001" "null: null: null: null: null:" "" "pcap:$T/none/x" "pcap:$T"; do
	# shellcheck disable=SC2086
	if [[ $bad = *::1* ]]; then send 2 pcap:- --server '[::1]:9001'; else send 2 $bad; fi
	[ "$(wc -l <"$T/err")" = 1 ] || { cat "$T/err"; fail "one line of message expected: nmw-send $bad"; }
done
source_ | nmw-send jsonl:- >&- 2>"$T/err"
[ "${PIPESTATUS[1]}" = 2 ] || { cat "$T/err"; fail "exit ${PIPESTATUS[1]} with a closed stdout"; }
if command -v script >"$T/which"; then
	script -qec "nmw-send pcap:-" /dev/null </dev/null >"$T/tty" 2>&1
	grep -q 'will not write binary data to a terminal' "$T/tty" || { cat "$T/tty"; fail "capture on a terminal"; }
fi

# ---- a full disk: exit 5, whole packets up to there, all counted
send 5 pcap:/dev/full
says 'pcap:/dev/full: write: No space left on device'
send 5 jsonl:/dev/full
says "in ([0-9]+) messages, out 0, dropped \1 \(sink_error \1\)"
send 5 jsonl:/dev/full jsonl:"$T/b.jsonl"
[ "$(wc -l <"$T/b.jsonl")" = "$n" ] || fail "the other sink did not go on"
whole() { # CAPTURE: reads to its end
	expect 0 nmw-recv -q --strict pcap:"$1" -o whole --min-consumers 0
}
full() { # FILE COMMAND...: what it left is whole
	messages=20000
	source_ 20000 | "${@:2}" >"$T/out" 2>"$T/err"
	[ "${PIPESTATUS[1]}" = 5 ] || { cat "$T/err"; fail "exit ${PIPESTATUS[1]}, expected 5: ${*:2}"; }
	messages=1000
	[ "$(stat -c %s "$1")" -gt 100000 ] || fail "$1: nothing written before the disk was full"
	local out dropped in_
	read -r in_ out dropped < <(sed -nE 's/.*in ([0-9]+) messages, out ([0-9]+), dropped ([0-9]+) \(sink_error.*/\1 \2 \3/p' "$T/err")
	[ "$in_" = $((out + dropped)) ] || { cat "$T/err"; fail "in $in_ is not out $out + dropped $dropped"; }
	[ "$out" -gt 0 ] || fail "nothing counted as written"
}
full "$T/limit.pcap" bash -c "ulimit -f 300; exec nmw-send pcap:$T/limit.pcap"
whole "$T/limit.pcap"
full "$T/limit.jsonl" bash -c "ulimit -f 300; exec nmw-send jsonl:$T/limit.jsonl"
jq -e . "$T/limit.jsonl" >"$T/jq" || fail "JSON lines on a full disk are cut"
if mkdir "$T/small" && mount -t tmpfs -o size=512k none "$T/small" 2>"$T/mount.err"; then
	full "$T/small/a.pcap" nmw-send pcap:"$T/small/a.pcap"
	whole "$T/small/a.pcap"
fi

# ---- a reader that leaves is no error
source_ 20000 | nmw-send jsonl:- 2>"$T/err" | head -n 1 >"$T/head"
[ "${PIPESTATUS[1]}" = 0 ] || { cat "$T/err"; fail "exit ${PIPESTATUS[1]} after head"; }
jq -e .seq "$T/head" >"$T/jq" || fail "no line arrived"
grep -q 'reader_gone [0-9]' "$T/err" || { cat "$T/err"; fail "reader_gone is not counted"; }

# ---- an idle stream is seen at once
mkfifo "$T/fifo"
(nmw-recv -q "gen:seed=1,count=3,symbols=1" --pace 10pps 2>"$T/src.err" | nmw-send -q jsonl:- >"$T/fifo" 2>"$T/err") &
read -r -t 5 line <"$T/fifo" || fail "nothing seen of an idle stream"
jq -e .seq <<<"$line" >"$T/jq" || fail "half a line seen"
wait

# ---- SIGTERM while a write is blocked: whole packets, exit 0
for signal in TERM INT; do
	nmw-recv -q gen:seed=1,count=2M,symbols=3 -o flow 2>"$T/src.err" &
	src=$!
	rm -f "$T/fifo" && mkfifo "$T/fifo"
	nmw-send pcap:- -i flow >"$T/fifo" 2>"$T/err" &
	pid=$!
	exec 3<"$T/fifo"
	sleep 0.3 # the pipe is full by now
	kill -$signal $pid
	sleep 0.2
	cat <&3 >"$T/cut.pcap" 3<&-
	exec 3<&-
	wait $pid || { cat "$T/err"; fail "SIG$signal: exit $?, expected 0"; }
	kill -TERM $src 2>"$T/kill.err"
	wait $src 2>"$T/wait.err"
	[ "$(stat -c %s "$T/cut.pcap")" -gt 100000 ] || fail "SIG$signal: nothing was drained"
	whole "$T/cut.pcap"
done

# ---- a second signal leaves at once, and says that something is lost
nmw-recv -q gen:seed=1,count=2M,symbols=3 -o flow 2>"$T/src.err" &
src=$!
rm -f "$T/fifo" && mkfifo "$T/fifo"
nmw-send jsonl:- -i flow >"$T/fifo" 2>"$T/err" &
pid=$!
exec 3<"$T/fifo"
sleep 0.3
kill -TERM $pid
sleep 0.1
kill -TERM $pid
wait $pid
got=$?
exec 3<&-
kill -TERM $src 2>"$T/kill.err"
wait $src 2>"$T/wait.err"
[ $got = 7 ] || { cat "$T/err"; fail "exit $got after a second signal, expected 7"; }
