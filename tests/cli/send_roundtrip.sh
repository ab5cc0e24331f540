#!/usr/bin/env bash
# What nmw-send writes as a capture reads back as the stream that it was, and a capture in the middle
# of a pipeline changes nothing: at any burst size the same bytes come out.
. "$(dirname "$0")/lib.sh"
need jq
for tool in nmw-recv nmw-send nmw-match; do [ -x "$B/bin/$tool" ] || skip "$tool is not built"; done

pipe() { # COMMAND LINE: every stage must end with 0
	bash -c "set -o pipefail; $1" 2>"$T/err" || { cat "$T/err"; fail "exit $?: $1"; }
}
same() { cmp "$1" "$2" || fail "$3"; }
# a capture does not keep addresses, and says "session name" in its own words
messages() { jq -c 'del(.addr, .port, .session_codec, .flags)' "$1"; }

spec=gen:seed=7,count=5k,symbols=20
pipe "nmw-recv -q $spec | nmw-match -q | nmw-send -q itch:$T/b.itch jsonl:$T/b.jsonl"
for burst in 1 7 64; do
	pipe "nmw-recv -q $spec --burst $burst | nmw-send -q pcap:$T/o$burst.pcap jsonl:$T/o.jsonl --burst $burst"
	same "$T/o1.pcap" "$T/o$burst.pcap" "burst $burst: another capture"
	pipe "nmw-recv -q pcap:$T/o$burst.pcap --burst $burst | nmw-send -q pcap:$T/p.pcap jsonl:$T/p.jsonl --burst $burst"
	same "$T/o1.pcap" "$T/p.pcap" "burst $burst: the capture of a capture differs"
	diff <(messages "$T/o.jsonl") <(messages "$T/p.jsonl") >"$T/diff" || { head -n 4 "$T/diff"; fail "other messages"; }
	pipe "nmw-recv -q pcap:$T/o$burst.pcap --burst $burst | nmw-match -q --burst $burst | nmw-send -q itch:$T/a.itch --burst $burst"
	same "$T/a.itch" "$T/b.itch" "burst $burst: the engine's feed differs"
done
[ -s "$T/b.itch" ] || fail "no market data at all"

# what the engine says, as a capture, and read back in both directions
pipe "nmw-recv -q $spec | nmw-match -q | nmw-send -q pcap:$T/m.pcap"
pipe "nmw-recv -q --direction both pcap:$T/m.pcap | nmw-send -q pcap:$T/n.pcap jsonl:$T/n.jsonl itch:$T/n.itch"
same "$T/m.pcap" "$T/n.pcap" "the capture of the engine's output differs"
same "$T/b.itch" "$T/n.itch" "its market data differs"
of() { jq -c "select(.channel == \"$2\") | del(.seq, .in_seq)" "$1"; }
for channel in reply feed; do
	diff <(of "$T/b.jsonl" $channel) <(of "$T/n.jsonl" $channel) >"$T/diff" ||
		{ head -n 4 "$T/diff"; fail "$channel messages differ"; }
done

# order entry over MoldUDP64: no logins, so the day begins with the first order
pipe "nmw-recv -q $spec | nmw-send -q --framing mold pcap:$T/u.pcap"
pipe "nmw-recv -q pcap:$T/u.pcap | nmw-match -q | nmw-send -q --channel feed jsonl:$T/u.jsonl"
for j in b u; do of "$T/$j.jsonl" feed | grep -v '"name":"system_event"' >"$T/$j.txt"; done
same "$T/b.txt" "$T/u.txt" "over MoldUDP64 the engine's feed differs"

# real packets
for f in "$SHARED"/data/{aapl-20190130,probes,nasdaq-real,jnx-real}/*.pcap; do
	[ -r "$f" ] || continue
	pipe "nmw-recv -q --direction both pcap:$f | nmw-send -q pcap:$T/x.pcap jsonl:$T/x.jsonl"
	pipe "nmw-recv -q --direction both pcap:$T/x.pcap | nmw-send -q pcap:$T/y.pcap jsonl:$T/y.jsonl"
	same "$T/x.pcap" "$T/y.pcap" "$f: the capture of a capture differs"
	for j in x y; do jq -c 'select(.channel != "control") | del(.seq, .in_seq)' "$T/$j.jsonl" >"$T/$j.txt"; done
	same "$T/x.txt" "$T/y.txt" "$f: other messages"
done
