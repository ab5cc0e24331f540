#!/usr/bin/env bash
# nmw-stat reap removes rings and counter blocks of the dead, and nothing else: what is none, is damaged or of another
# version stays and is named, alike with and without -n.
. "$(dirname "$0")/lib.sh"
need jq

cp examples/day.pcap "$NMW_DIR/mine.ring"
head -c 100000 /dev/urandom >"$NMW_DIR/noise.ring"
: >"$NMW_DIR/empty.ring"
mkfifo "$NMW_DIR/fifo.ring"
echo junk >"$NMW_DIR/stat.notes.1"
for ring in old dead; do
	nmw-recv gen:seed=1,count=1k -o $ring --pages normal >"$T/recv.log" 2>&1 &
	pid=$!
	until [ -e "$NMW_DIR/$ring.ring" ]; do sleep 0.02; done
	nmw-send -i $ring --consumer desk --count 10 null: >"$T/send.log" 2>&1 || fail "a named consumer: $(cat "$T/send.log")"
	kill -9 $pid
	wait $pid 2>/dev/null
done
printf '\x63' | dd of="$NMW_DIR/old.ring" bs=1 seek=8 conv=notrunc status=none # its version
find "$NMW_DIR" | sort >"$T/before"

expect 0 nmw-stat -n reap
mv "$T/out" "$T/dry"
find "$NMW_DIR" | sort | diff - "$T/before" || fail "-n removes files"
expect 0 nmw-stat reap
for f in mine.ring noise.ring empty.ring fifo.ring old.ring stat.notes.1; do
	[ -e "$NMW_DIR/$f" ] || fail "$f was removed"
	name=${f%.ring}
	grep -q "^kept: .*$name: " "$T/out" || { cat "$T/out"; fail "$f: kept without a word"; }
done
cmp examples/day.pcap "$NMW_DIR/mine.ring" || fail "mine.ring was changed"
[ ! -e "$NMW_DIR/dead.ring" ] || fail "a dead ring stays"
grep -q '^ring dead: removed, [0-9]* messages that a consumer had not taken' "$T/out" || { cat "$T/out"; fail "dead: not told"; }
grep -q '^kept: ring old: version 99 found' "$T/out" || { cat "$T/out"; fail "another version: not told"; }
sed 's/: dead\b/: removed/' "$T/dry" | diff - "$T/out" || fail "-n reap says other than reap"

expect 0 nmw-stat reap
grep -q '^nothing to remove$' "$T/out" || fail "nothing to remove: not said"
expect 0 nmw-stat reap --json
jq -e '.removed == [] and (.kept | length) == 6 and (.kept | all(.why != ""))' "$T/out" >"$T/jq" || { cat "$T/out"; fail "kept in JSON"; }

# What a dead tool was asked at goes with its counters, unless another process has that number and listens there now.
for who in dead lives; do
	nmw-recv gen:seed=1,count=1k -o $who --pages normal >"$T/recv.log" 2>&1 &
	pid=$!
	until [ -e "$NMW_DIR/$who.ring" ]; do sleep 0.02; done
	kill -9 $pid
	wait $pid 2>/dev/null
	mv "$NMW_DIR/stat.nmw-recv.$pid" "$NMW_DIR/stat.nmw-fpga.$pid"
	listen="import socket, sys, time; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.bind(sys.argv[1]); s.listen()"
	python3 -c "$listen; sys.argv[2] == 'dead' or time.sleep(60)" "$NMW_DIR/control.nmw-fpga.$pid" $who &
	listener=$!
	[ $who = lives ] || wait $listener
	for ((i = 0; i < 200; i++)); do grep -q "control.nmw-fpga.$pid" /proc/net/unix || [ $who = dead ] && break; sleep 0.02; done
	expect 0 nmw-stat -n reap
	[ -S "$NMW_DIR/control.nmw-fpga.$pid" ] || fail "-n removes a socket"
	expect 0 nmw-stat reap
	[ ! -e "$NMW_DIR/stat.nmw-fpga.$pid" ] || fail "$who: counters of the dead stay"
	[ -S "$NMW_DIR/control.nmw-fpga.$pid" ] && left=lives || left=dead
	[ "$left" = "$who" ] || fail "$who: its socket: $(ls "$NMW_DIR")"
done
kill "$listener"
exit 0
