#!/usr/bin/env bash
# Captures that nmw-send writes, read by stock tshark: nothing malformed, no bad checksum, no TCP
# trouble, every OUCH 4.2 message decoded with the fields that jsonl: shows.
. "$(dirname "$0")/../cli/lib.sh"
need tshark
need python3
[ -x "$B/bin/nmw-recv" ] || skip "nmw-recv is not built"

# shellcheck disable=SC2054
opts=(-o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE -o udp.check_checksum:TRUE
	-d tcp.port==9001,soupbintcp -d udp.port==26400,moldudp64)
bad='_ws.malformed or _ws.expert.severity >= 0x600000 or tcp.analysis.flags
	or ip.checksum.status == 0 or tcp.checksum.status == 0 or udp.checksum.status == 0
	or moldudp64.count.invalid or moldudp64.msglen.invalid or moldudp64.end_of_session_extra
	or ouch.unknown_message'

clean() { # CAPTURE MORE-OPTIONS...: tshark has nothing to say against it
	local f=$1
	shift
	tshark -n -r "$f" "${opts[@]}" "$@" -Y "$bad" >"$T/bad" 2>"$T/bad.err" || { cat "$T/bad.err"; fail "tshark $f"; }
	[ ! -s "$T/bad" ] || { head -n 5 "$T/bad"; fail "$f: tshark objects"; }
	! grep -i 'cut short' "$T/bad.err" || fail "$f is cut short"
}
fields() { # CAPTURE JSONL
	tshark -n -r "$1" "${opts[@]}" -T pdml 2>"$T/pdml.err" >"$T/pdml" || { cat "$T/pdml.err"; fail "tshark $1"; }
	python3 tests/golden/ouch_fields.py "$T/pdml" "$2" || fail "$1: fields differ"
}
count() { # CAPTURE FILTER: packets
	tshark -n -r "$1" "${opts[@]}" -Y "$2" 2>"$T/count.err" | wc -l
}

# orders of several sessions, with their logins
nmw-recv -q gen:seed=3,count=1000,symbols=5 2>"$T/err" | nmw-send -q pcap:"$T/in.pcap" jsonl:"$T/in.jsonl" 2>>"$T/err" ||
	{ cat "$T/err"; fail "generated flow"; }
clean "$T/in.pcap"
fields "$T/in.pcap" "$T/in.jsonl"
sessions=$(grep -c '"name":"login"' "$T/in.jsonl")
[ "$(count "$T/in.pcap" "soupbintcp.packet_type == 'L'")" = "$sessions" ] || fail "a login request a session"
[ "$(count "$T/in.pcap" "soupbintcp.packet_type == 'A'")" = "$sessions" ] || fail "a login accepted a session"
[ "$(count "$T/in.pcap" 'tcp.flags.syn == 1')" = $((2 * sessions)) ] || fail "a handshake a session"

# every kind of reply
probe=$SHARED/data/probes/ouch42_probe.pcap
if [ -r "$probe" ]; then
	nmw-recv -q --direction both pcap:"$probe" 2>"$T/err" | nmw-send -q pcap:"$T/probe.pcap" jsonl:"$T/probe.jsonl" 2>>"$T/err" ||
		{ cat "$T/err"; fail "probe"; }
	clean "$T/probe.pcap"
	fields "$T/probe.pcap" "$T/probe.jsonl"
fi

# market data: packed, and with its end of session
feed=$SHARED/data/aapl-20190130/feed.itch
if [ -r "$feed" ]; then
	nmw-recv -q itch:"$feed" 2>"$T/err" | nmw-send -q pcap:"$T/feed.pcap" --pack 1ms 2>>"$T/err" || fail "feed"
	clean "$T/feed.pcap"
	n=$(tshark -n -r "$T/feed.pcap" "${opts[@]}" -T fields -e moldudp64.count 2>"$T/count.err" | awk '$1 != 65535 { n += $1 } END { print n }')
	[ "$n" = 10054 ] || fail "feed: $n messages in packets, expected 10054"
	[ "$(tshark -n -r "$T/feed.pcap" "${opts[@]}" -T fields -e moldudp64.count 2>"$T/count.err" | tail -n 1)" = 65535 ] ||
		fail "feed: no end of session"
fi

# the other framing, jumbo frames, IPv6
nmw-recv -q gen:seed=4,count=1000,symbols=3 2>"$T/err" | nmw-send -q --framing mold pcap:"$T/mold.pcap" 2>>"$T/err" || fail "mold"
clean "$T/mold.pcap" -d udp.port==9001,moldudp64
nmw-recv -q gen:seed=5,count=1000,symbols=3 2>"$T/err" | nmw-send -q --mtu 9000 pcap:"$T/v6.pcap" --server '[2001:db8::1]:9001' \
	--client '[2001:db8::100]:40000' --feed '[ff02::42]:26400' --feed-source '[2001:db8::1]:26400' 2>>"$T/err" || fail "IPv6"
clean "$T/v6.pcap"

# replies of the engine
[ -x "$B/bin/nmw-match" ] || skip "nmw-match is not built"
nmw-recv -q gen:seed=6,count=2000,symbols=10 2>"$T/err" | nmw-match -q 2>>"$T/err" |
	nmw-send -q pcap:"$T/out.pcap" jsonl:"$T/out.jsonl" 2>>"$T/err" || { cat "$T/err"; fail "engine"; }
clean "$T/out.pcap"
fields "$T/out.pcap" "$T/out.jsonl"
[ "$(count "$T/out.pcap" "ouch.packet_type == 'E'")" -gt 0 ] || fail "no fill at all"
