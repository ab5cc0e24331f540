#!/usr/bin/env bash
# nmw-match --journal: clean stops, snapshots, a cut tail, damage, wrong use, a full disk, lost input.
. "$(dirname "$0")/lib.sh"
need jq
small=(--orders 20k --ids 200k --symbols-max 64 --sessions 64 --timers 1k --window 256)
gen=gen:seed=9,count=40k,symbols=10
log=log.00000000000000000001

# what the messages say, without their place on the ring
said() { jq -c 'del(.seq)' "$@"; }
match() { # ARGUMENT...: on named rings
	nmw-match "${small[@]}" -i orders -o events --wait 20s --journal "$T/j" "$@"
}
start() { # the same in the background
	(exec nmw-match "${small[@]}" -i orders -o events --wait 20s --journal "$T/j" "$@" >"$T/match.log" 2>&1) &
	m=$!
}
# A run over named rings, in the background: recv, send; the sink appends its lines to a file a run.
feed() { # PACE
	nmw-recv "$gen" -o orders --slots 1K --pace "$1" >"$T/recv.log" 2>&1 &
	recv=$!
}
sink() {
	nmw-send jsonl:"$1" -i events --consumer sink --wait 20s >"$T/send.log" 2>&1 &
	send=$!
}

nmw-recv "$gen" -q 2>"$T/log" | nmw-match "${small[@]}" 2>>"$T/log" | nmw-send jsonl:"$T/want" -q 2>>"$T/log" ||
	{ cat "$T/log"; fail "the undisturbed run"; }

# ---- wrong use
expect 2 nmw-match --journal "$T/x" --symbols - -i none -o none
expect 2 nmw-match --journal "$T/x" --sync sometimes
for opt in --sync=batch --snapshot-every=0 --segment-size=64M; do # given, if only with the default
	expect 2 nmw-match -i none -o none $opt
	grep -q -- "${opt%=*}: there is no journal without" "$T/err" || { cat "$T/err"; fail "$opt alone: message"; }
done
expect 2 nmw-match --journal "$T/x" --segment-size 1M
expect 2 nmw-recv journal:"$T/none" -o none
mkdir "$T/empty"
expect 2 nmw-recv journal:"$T/empty" -o none
grep -q 'not a journal' "$T/err" || fail "an empty directory is not said to be no journal"

# ---- stopped by SIGTERM and started again: what the sinks got in turn is the whole
feed 16kpps
sink "$T/one"
start --sync always
until_published events 5000
kill -USR2 $m
for _ in $(seq 200); do
	ls "$T"/j/snap.* >"$T/log" 2>&1 && break
	sleep 0.02
done
ls "$T"/j/snap.* >"$T/log" 2>&1 || { cat "$T/match.log"; fail "no snapshot on SIGUSR2"; }
until_published events 8000
expect 6 nmw-match "${small[@]}" -i orders -o other --journal "$T/j"
grep -q "journal $T/j: another process writes it" "$T/err" || { cat "$T/err"; fail "two writers: message"; }
kill -TERM $m
wait $m || { cat "$T/match.log"; fail "SIGTERM: exit $?"; }
wait $send || fail "the first sink"
[ "$(find "$T/j" -name 'snap.*' | wc -l)" = 2 ] || fail "two snapshots are kept"
sink "$T/two"
match >"$T/match.log" 2>&1 || { cat "$T/match.log"; fail "the second run"; }
wait $send $recv || fail "the second sink"
grep -q ' 0 messages replayed' "$T/match.log" || { cat "$T/match.log"; fail "a clean stop leaves a snapshot of the end"; }
cmp <(said "$T/want") <(said "$T/one" "$T/two") || fail "two runs differ from one"

# ---- another configuration is refused
expect 2 nmw-match "${small[@]}" --self-match cancel-new -i orders -o events --journal "$T/j"
grep -q 'configuration [0-9a-f]* found, [0-9a-f]* expected' "$T/err" || { cat "$T/err"; fail "configuration: message"; }

# ---- a bit that flipped: exit 3 with file and offset, by the engine and by the reader
cp -r --sparse=always "$T/j" "$T/flip"
rm "$T"/flip/snap.*
python3 - "$T/flip/$log" <<'P' || skip "python3 is needed"
import sys
f = open(sys.argv[1], 'r+b')
f.seek(100000)
was = f.read(128)
f.seek(100000)
f.write(bytes(b ^ 1 for b in was)) # more than the padding of a batch
P
feed max
expect 3 timeout 60 nmw-match "${small[@]}" -i orders -o events --journal "$T/flip"
grep -qE "$T/flip/$log: damaged at offset [0-9]+, record [0-9]+" "$T/err" || { cat "$T/err"; fail "damage: message"; }
expect 3 nmw-recv journal:"$T/flip" -o out --min-consumers 0
grep -qE "$T/flip/$log: damaged at offset [0-9]+, record [0-9]+" "$T/err" || { cat "$T/err"; fail "damage: message of the reader"; }

# ---- something else in the place of a file: refused or passed over, never waited for
rm "$T/flip/$log"
mkfifo "$T/flip/$log"
expect 3 timeout 20 nmw-match "${small[@]}" -i orders -o events --journal "$T/flip"
grep -q "$T/flip/$log: not a regular file" "$T/err" || { cat "$T/err"; fail "a FIFO: message"; }
expect 3 timeout 20 nmw-recv journal:"$T/flip" -o out --min-consumers 0
cp -r --sparse=always "$T/j" "$T/odd"
rm "$T"/odd/snap.*
mkfifo "$T/odd/snap.99999999999999999999" "$T/odd/snap.00000000000000000005"
echo mine >"$T/odd/tmp.notes"
touch "$T/odd/tmp.log.00000000000000000007" "$T/odd/tmp.snap.00000000000000000007"
expect 6 timeout 20 nmw-match "${small[@]}" -i none -o events --wait 10ms --journal "$T/odd"
grep -q '1 damaged snapshots passed over' "$T/err" || { cat "$T/err"; fail "a FIFO for a snapshot: not said"; }
[ "$(cat "$T/odd/tmp.notes")" = mine ] || fail "a file that is none of the journal's went"
[ "$(find "$T/odd" -name 'tmp.*' | wc -l)" = 1 ] || fail "what a crash left half made stays"
kill -9 $recv # it waits for the named consumer
wait $recv 2>/dev/null
expect 0 nmw-stat reap

# ---- a tail that a crash cut: the reader ends before it and says so
rm -rf "$T/j"
feed 16kpps
sink "$T/torn"
start
until_published events 5000
kill -9 $m
wait $m 2>/dev/null
cp -r --sparse=always "$T/j" "$T/cut"
# the copy as if its last batch had not been finished: the last byte of its trailer is zero
python3 - "$T/cut/$log" <<'P' || skip "python3 is needed"
import struct, sys
f = open(sys.argv[1], 'r+b')
b = f.read()
off, last = 512, None
while b[off:off + 4] == b'JBAT':
    last, off = off, off + struct.unpack_from('<I', b, off + 20)[0]
f.seek(off - 1)
f.write(b'\0')
P
expect 0 nmw-recv journal:"$T/cut" -o out --min-consumers 0
grep -q 'are half written' "$T/err" || { cat "$T/err"; fail "a cut tail: the reader does not say so"; }
expect 3 nmw-recv journal:"$T/cut" -o out --min-consumers 0 --strict

# ---- an older copy of the journal does not know what was sent since: refused, not guessed
start --sync none
until_published events 9000
kill -9 $m
wait $m 2>/dev/null
mv "$T/j" "$T/newer"
cp -r --sparse=always "$T/cut" "$T/j"
expect 7 nmw-match "${small[@]}" -i orders -o events --wait 20s --journal "$T/j"
grep -q 'records are missing from its end' "$T/err" || { cat "$T/err"; fail "an old journal: message"; }
rm -rf "$T/j"
mv "$T/newer" "$T/j"

# ---- half a batch at the end, as a crash within a write leaves it: cut off, said, and it goes on
python3 - "$T/j/$log" <<'P'
import struct, sys
f = open(sys.argv[1], 'r+b')
b = f.read()
off = 512
while b[off:off + 4] == b'JBAT':
    off += struct.unpack_from('<I', b, off + 20)[0]
f.seek(off)
f.write(b[512:542])
P
expect 0 nmw-recv journal:"$T/j" -o out --min-consumers 0
grep -q 'are half written' "$T/err" || { cat "$T/err"; fail "half a batch: the reader does not say so"; }
match >"$T/match.log" 2>&1 || { cat "$T/match.log"; fail "half a batch: exit $?"; }
grep -qE 'journal .*: [0-9]+ bytes behind record [0-9]+ were cut off' "$T/match.log" || { cat "$T/match.log"; fail "half a batch: not said"; }
wait $send $recv || fail "the sink"
cmp "$T/want" "$T/torn" || fail "output after a kill and half a batch"

# ---- a full disk: exit 5, nothing is sent that is not logged, and it goes on when there is room
mkdir "$T/disk"
mount -t tmpfs -o size=7M none "$T/disk" 2>"$T/err" || skip "no tmpfs may be mounted for a full disk: the rest passed"
rm -rf "$T/j"
ln -s "$T/disk" "$T/j"
feed 40kpps
sink "$T/full"
match --segment-size 4M --sync always >"$T/match.log" 2>&1
[ $? = 5 ] || { cat "$T/match.log"; fail "a full disk: exit 5 expected"; }
grep -q 'cannot make the next segment: No space left on device: record [0-9]* and after were not taken: free some space' "$T/match.log" ||
	{ cat "$T/match.log"; fail "a full disk: message"; }
mount -o remount,size=64M "$T/disk"
match --segment-size 4M >"$T/match.log" 2>&1 || { cat "$T/match.log"; fail "after the full disk: exit $?"; }
wait $send $recv || fail "the sink after the full disk"
cmp "$T/want" "$T/full" || fail "output over a full disk"
exit 0
