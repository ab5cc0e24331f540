#!/usr/bin/env bash
# Every message of OUCH 4.2 that tshark knows, made from the specification by a script that shares nothing with the codecs: stock tshark
# and jsonl: show the same fields and values, and what goes out again is what came in.
. "$(dirname "$0")/../cli/lib.sh"
need tshark
need python3
[ -x "$B/bin/nmw-recv" ] || skip "nmw-recv is not built"
[ -x "$B/bin/nmw-send" ] || skip "nmw-send is not built"

pdml() { # CAPTURE OUT
	tshark -n -r "$1" -d tcp.port==9001,soupbintcp -T pdml 2>"$T/pdml.err" >"$2" || { cat "$T/pdml.err"; fail "tshark $1"; }
}
python3 tests/golden/every_ouch42.py "$T/in.pcap" || fail "no capture"
nmw-recv -q --direction both pcap:"$T/in.pcap" 2>"$T/err" | nmw-send -q jsonl:"$T/in.jsonl" pcap:"$T/out.pcap" 2>>"$T/err" ||
	{ cat "$T/err"; fail "pipeline"; }
pdml "$T/in.pcap" "$T/in.pdml"
python3 tests/golden/ouch_fields.py "$T/in.pdml" "$T/in.jsonl" || fail "the fields of what came in differ"
pdml "$T/out.pcap" "$T/out.pdml"
python3 tests/golden/ouch_fields.py "$T/out.pdml" "$T/in.jsonl" || fail "the fields of what went out differ"
[ "$(grep -c '"codec":"ouch42"' "$T/in.jsonl")" = 20 ] || fail "not all of the 20 messages"
