#!/usr/bin/env bash
# Exit codes and messages of nmw-recv: object, what was found, what is expected, the remedy.
. "$(dirname "$0")/lib.sh"
make=$B/tests/fuzz/make_capture
[ -x "$make" ] || skip "make_capture is not built: make tests"
"$make" eth4 >"$T/c.pcap"
touch "$T/empty"
printf '\000\014S%011d' 0 >"$T/f.itch"
head -c 40000 /dev/zero | tr '\0' 'x' >"$T/text"
gzip -c "$T/c.pcap" >"$T/c.gz"
mkdir "$T/dir"

errs() { # STATUS PATTERN ARGUMENTS...
	local status=$1 pattern=$2
	shift 2
	expect "$status" nmw-recv -o never "$@" </dev/null
	grep -qE -- "$pattern" "$T/err" || { cat "$T/err"; fail "$*: no '$pattern'"; }
	[ "$(grep -c . "$T/err")" = 1 ] || { cat "$T/err"; fail "$*: one line of message expected"; }
	[ ! -s "$T/out" ] || fail "$*: writes to stdout"
	[ -z "$(ls "$NMW_DIR")" ] || fail "$*: left something in the ring directory"
}
errs 2 'SOURCE'
errs 2 'not a source: .*did you mean pcap:a\?' pcpa:a
errs 2 'not a source' nothing
errs 2 'not a source' ""
errs 2 "pcap: $T/none: open: No such file or directory: check the path" pcap:"$T/none"
errs 2 "itch: $T/none: open: No such file" itch:"$T/none"
errs 2 'is a directory' pcap:"$T/dir"
errs 3 'not a capture .*itch:FILE' pcap:"$T/text"
errs 3 'not a capture' pcap:"$T/empty"
errs 3 'is compressed: .*zcat FILE' pcap:"$T/c.gz"
errs 2 "filter 'tcp prot 5'.*pcap-filter" pcap:"$T/c.pcap" --filter 'tcp prot 5'
errs 2 'not a pace: max, original' pcap:"$T/c.pcap" --pace fast
errs 2 'codec ouch42: a BinaryFILE holds itch50' itch:"$T/f.itch" --codec ouch42
errs 2 'flows: .*1\.\.' pcap:"$T/c.pcap" --flows 0
if [ "$(id -u)" != 0 ]; then
	cp "$T/c.pcap" "$T/locked"
	chmod 0 "$T/locked"
	errs 4 'open: Permission denied' pcap:"$T/locked"
fi
# A link layer that is not understood: 802.11
"$make" eth4 | { head -c 20; printf '\151\0\0\0'; } >"$T/wifi.pcap"
errs 3 'link layer IEEE802_11 .105.: not understood' pcap:"$T/wifi.pcap"

# BinaryFILE has no magic: its first message is looked at.
nmw-recv itch:"$T/text" 2>"$T/err" | nmw-send -q null: 2>"$T/err2"
status=${PIPESTATUS[0]}
[ "$status" = 3 ] || fail "text as BinaryFILE: exit $status"
grep -q 'not a BinaryFILE of ITCH 5.0' "$T/err" || { cat "$T/err"; fail "text as BinaryFILE"; }

# Nor is what has no message at all one: an empty file, zeros, a first length beyond the end.
printf 'root:x:0:0:root:/root:/bin/sh\n' >"$T/passwd"
for no in "$T/empty" /dev/zero "$T/passwd"; do
	nmw-recv itch:"$no" 2>"$T/err" | nmw-send -q null: 2>"$T/err2"
	status=${PIPESTATUS[0]}
	[ "$status" = 3 ] || { cat "$T/err"; fail "$no as BinaryFILE: exit $status"; }
	grep -qE 'not a BinaryFILE of ITCH 5.0|is empty' "$T/err" || { cat "$T/err"; fail "$no as BinaryFILE"; }
done
printf '\0\0' | nmw-recv -q --strict itch:- 2>"$T/err" | nmw-send -q null:
status=${PIPESTATUS[*]}
[ "$status" = "0 0 0" ] || fail "an end mark alone: $status"

# Length 0 ends it; with more behind, it is no end but damage: what was before it goes on.
nothing() { # STATUS REASONS ARGUMENTS...
	local want="$1 $(($1 ? 6 : 0))" reasons=$2 # who is behind a stage that fails knows it
	shift 2
	timeout 20 nmw-recv "$@" 2>"$T/err" | nmw-send -q jsonl:"$T/out.jsonl"
	status=${PIPESTATUS[*]}
	[ "$status" = "$want" ] || { cat "$T/err"; fail "$*: $status, $want expected"; }
	grep -q "$reasons" "$T/err" || { cat "$T/err"; fail "$*: no '$reasons'"; }
}
{ cat "$T/f.itch" && head -c 300000 /dev/zero; } >"$T/hole.itch"
nothing 3 'bad_message 1' itch:"$T/hole.itch" --strict
grep -q 'length 0 at byte 14 ends it, but more follows' "$T/err" || { cat "$T/err"; fail "zeros: not said"; }
[ "$(wc -l <"$T/out.jsonl")" = 1 ] || fail "what was before the hole"
{ cat "$T/f.itch" && printf '\0\0'; } >"$T/whole.itch"
nothing 0 'out 1, dropped 0' itch:"$T/whole.itch" --strict

# Every type has its length. One that is damaged costs its message, and not those that it spans.
for _ in 1 2 3 4 5 6; do cat "$T/f.itch"; done >"$T/six.itch"
{ head -c 28 "$T/six.itch" && printf '\0\050' && tail -c +31 "$T/six.itch"; } >"$T/long.itch" # 40: two more
nothing 3 'in 6 messages, out 5, dropped 1 (bad_message 1)' itch:"$T/long.itch" --strict
grep -q 'long.itch: damaged at byte 28: type 0x53 in 40 bytes, 12 expected' "$T/err" || { cat "$T/err"; fail "where: not said"; }
nothing 0 'in 6 messages, out 5, dropped 1 (bad_message 1)' itch:"$T/long.itch"
{ head -c 28 "$T/six.itch" && printf '\0\005S1234' && tail -c +43 "$T/six.itch"; } >"$T/short.itch"
nothing 3 'in 6 messages, out 5, dropped 1 (bad_message 1)' itch:"$T/short.itch" --strict

# A word that would not be heeded
expect 2 nmw-recv itch:"$T/six.itch" --accounts accounts.json
grep -q -- '--accounts: itch: has no clients that log in' "$T/err" || fail "accounts"

# No ring and no pipe
expect 2 nmw-recv pcap:"$T/c.pcap"
grep -q 'no output' "$T/err" || fail "no output"
