#!/usr/bin/env bash
# A file has one writer, whatever its name; it is emptied once the input is there, and never while it is the input.
. "$(dirname "$0")/lib.sh"
said() { grep -qE -- "$1" "$T/err" || { cat "$T/err"; fail "no '$1' in the message"; }; }
flow() { nmw-recv -q gen:seed=1,count=1k 2>"$T/src.err"; }

ln -s a.txt "$T/link.txt"
for other in "text:$T/./a.txt" "jsonl:$T/link.txt"; do
	flow | nmw-send text:"$T/a.txt" "$other" 2>"$T/err"
	[ "${PIPESTATUS[1]}" = 2 ] || fail "$other beside text:$T/a.txt was taken"
	said 'another sink or program writes to the same file'
done
flow | nmw-send jsonl:- text:"$T/o.txt" >"$T/o.txt" 2>"$T/err"
[ "${PIPESTATUS[1]}" = 2 ] || fail "stdout and a sink on one file"

nmw-recv -q gen:seed=1,count=0 --pace 100pps -o slow 2>"$T/src.err" &
recv=$!
nmw-send -q -i slow text:"$T/two.txt" 2>"$T/one.err" &
one=$!
until_published slow 1
expect 2 nmw-send -i slow jsonl:"$T/two.txt"
said 'another sink or program writes'
kill -TERM $recv $one
wait $recv $one

echo precious >"$T/kept"
expect 6 nmw-send -i none --wait 10ms pcap:"$T/kept" text:"$T/kept2"
[ "$(cat "$T/kept")" = precious ] || fail "emptied although the ring was not there"
flow | nmw-send -q pcap:"$T/io.pcap"
cp "$T/io.pcap" "$T/copy.pcap"
nmw-recv -q pcap:"$T/io.pcap" 2>"$T/src.err" | nmw-send -q pcap:"$T/io.pcap" 2>"$T/err"
[ "${PIPESTATUS[1]}" = 2 ] || fail "the input as output was taken"
said 'is being read'
cmp "$T/io.pcap" "$T/copy.pcap" || fail "the input was destroyed"
flow | nmw-send -q pcap:"$T/io.pcap" || fail "written over when nobody reads it"
cmp "$T/io.pcap" "$T/copy.pcap" || fail "another capture than before"

# A time that no capture holds is said.
nmw-recv -q gen:count=3,start=7258118400 2>"$T/src.err" | nmw-send -q pcap:"$T/late.pcap" 2>"$T/err"
said 'captures hold times up to 2106'
