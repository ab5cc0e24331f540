#!/usr/bin/env bash
# Every real packet of the shared data is read, and says the same whichever way it comes.
. "$(dirname "$0")/lib.sh"
D=$SHARED/data
[ -d "$D" ] || skip "no shared data at $D"
need jq

# read_all FILE OPTIONS...: all its messages as JSON lines in $T/out.jsonl; its last figures in $T/figures
read_all() {
	local file=$1
	shift
	nmw-recv --direction both --strict "$@" "pcap:$file" 2>"$T/figures" | nmw-send -q jsonl:"$T/out.jsonl"
	status=${PIPESTATUS[0]}
}

# packet FILE CODEC CHANNEL NAME: one message, and nothing dropped
packet() {
	read_all "$D/$1"
	[ "$status" = 0 ] || fail "$1: exit $status"
	grep -q 'dropped 0' "$T/figures" || { cat "$T/figures"; fail "$1: dropped something"; }
	got=$(jq -r 'select(.channel != "control") | [.codec, .channel, .name] | join(" ")' "$T/out.jsonl")
	[ "$got" = "$2 $3 $4" ] || fail "$1: $got, expected $2 $3 $4"
}
packet nasdaq-real/AddOrderNoMpidAttributionMessage.pcap itch50 feed add_order
packet nasdaq-real/MarketParticipantPositionMessage.pcap itch50 feed market_participant_position
packet nasdaq-real/NetOrderImbalanceIndicatorMessage.pcap itch50 feed noii
packet nasdaq-real/OrderDeleteMessage.pcap itch50 feed order_delete
packet nasdaq-real/OrderExecutedMessage.pcap itch50 feed order_executed
packet nasdaq-real/OrderReplaceMessage.pcap itch50 feed order_replace
packet nasdaq-real/StockTradingActionMessage.pcap itch50 feed stock_trading_action
packet nasdaq-real/EnterOrderMessage.pcap ouch50 order enter_order
packet nasdaq-real/CancelOrderMessage.pcap ouch50 order cancel_order
packet nasdaq-real/OrderAcceptedMessage.pcap ouch50 reply accepted
packet nasdaq-real/CanceledMessage.pcap ouch50 reply canceled

# 1 + 38 messages with a gap between them, which is said in band and, with --strict, by the exit status
read_all "$D/nasdaq-real/Multiple.Packets.pcap"
[ "$status" = 3 ] || fail "Multiple.Packets: exit $status, 3 expected for the gap"
[ "$(jq -r 'select(.channel == "feed") | .name' "$T/out.jsonl" | wc -l)" = 39 ] || fail "Multiple.Packets: messages"
[ "$(jq -r 'select(.name == "gap") | "\(.first) \(.count)"' "$T/out.jsonl")" = "14764497 4244620" ] ||
	fail "Multiple.Packets: gap"

for f in ClientHeartbeatPacket ServerHeartbeatPacket; do
	read_all "$D/nasdaq-real/$f.pcap"
	[ "$status" = 0 ] || fail "$f: exit $status"
	[ ! -s "$T/out.jsonl" ] || fail "$f: messages"
done
read_all "$D/jnx-real/LoginRequestPacket.L.pcap"
[ "$(jq -r '[.name, .account, .port, .first] | join(" ")' "$T/out.jsonl")" = "login user 43628 0" ] || fail "login request"
read_all "$D/jnx-real/LoginAcceptedPacket.A.pcap"
[ "$(jq -r '[.name, .session_name, .first] | join(" ")' "$T/out.jsonl")" = "login 1689192121 135" ] || fail "login accepted"

# The hand-made flows: order, message by message.
read_all "$D/probes/ouch42_probe.pcap"
[ "$(jq -r .name "$T/out.jsonl" | xargs)" = "login system_event enter_order accepted replace_order replaced executed cancel_order canceled rejected end logout" ] ||
	{ jq -r .name "$T/out.jsonl" | xargs; fail "ouch42 probe"; }
[ "$(jq -r 'select(.channel != "control") | .codec' "$T/out.jsonl" | sort -u)" = ouch42 ] || fail "ouch42 probe: codec"
read_all "$D/probes/ouch50_probe.pcap"
[ "$(jq -r .name "$T/out.jsonl" | xargs)" = "login system_event enter_order accepted replace_order replaced executed cancel_order canceled rejected end" ] ||
	{ jq -r .name "$T/out.jsonl" | xargs; fail "ouch50 probe"; }

# By default only what an engine takes in: the client's messages.
nmw-recv -q pcap:"$D/probes/ouch42_probe.pcap" 2>"$T/figures" | nmw-send -q jsonl:"$T/out.jsonl"
[ "$(jq -r 'select(.channel != "control") | .channel' "$T/out.jsonl" | sort -u)" = order ] || fail "default direction"

# The feed as a capture and as a file: the same bytes.
for source in pcap:"$D/aapl-20190130/feed.pcap" itch:"$D/aapl-20190130/feed.itch"; do
	nmw-recv -q --strict "$source" 2>"$T/figures" | nmw-send -q itch:"$T/again.itch"
	[ "${PIPESTATUS[0]}" = 0 ] || fail "$source: exit status"
	cmp "$T/again.itch" "$D/aapl-20190130/feed.itch" || fail "$source"
done

# A real day file, cut in mid-message: 101 whole messages, one truncation.
nmw-recv itch:"$D/truncated-real.itch" 2>"$T/figures" | nmw-send -q jsonl:"$T/out.jsonl"
[ "${PIPESTATUS[0]}" = 0 ] || fail "truncated: exit status"
[ "$(wc -l <"$T/out.jsonl")" = 101 ] || fail "truncated: messages"
grep -q 'in 102 messages, out 101, dropped 1 (truncated_file 1)' "$T/figures" || { cat "$T/figures"; fail "truncated"; }
nmw-recv --strict -q itch:"$D/truncated-real.itch" 2>"$T/figures" | nmw-send -q null:
status=${PIPESTATUS[0]}
[ "$status" = 3 ] || fail "truncated --strict: exit $status"
