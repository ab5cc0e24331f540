#!/usr/bin/env bash
# Captures of every link, of TCP in every disorder, in every file format.
. "$(dirname "$0")/lib.sh"
need jq
make=$B/tests/fuzz/make_capture
[ -x "$make" ] || skip "make_capture is not built: make tests"

# reads OPTIONS...: nmw-recv on stdin or a file; messages in $T/j, exit status in $status, figures in $T/f
reads() {
	nmw-recv "$@" 2>"$T/f" | nmw-send -q jsonl:"$T/j"
	status=${PIPESTATUS[0]}
}
numbers() { jq -r 'select(.name == "cancel_order") | .order_token[1:] | tonumber' "$T/j"; }
controls() { jq -r 'select(.channel == "control") | "\(.session) \(.name) \(.account)"' "$T/j"; }
figure() { grep -q -- "$1" "$T/f" || { cat "$T/f"; fail "$case: no '$1' in the figures"; }; }
# whole: all 40 messages in order, once
whole() { [ "$(numbers | xargs)" = "$(seq -s ' ' 40)" ] || { numbers | xargs; fail "$case: messages"; }; }

for case in eth4 eth6 vlan4 qinq6 sll4 sll26 raw4 raw6 null6 loop4; do
	"$make" $case >"$T/c.pcap" || fail "$case"
	reads --strict pcap:"$T/c.pcap"
	[ "$status" = 0 ] || fail "$case: exit $status"
	whole
	[ "$(controls)" = "1 login alice" ] || fail "$case: login"
	figure 'in 41 messages, out 41, dropped 0'
done

case="disorder"
for seed in $(seq 1 12); do
	"$make" segments "$seed" | nmw-recv --strict -q pcap:- 2>"$T/f" | nmw-send -q jsonl:"$T/j"
	[ "${PIPESTATUS[1]}" = 0 ] || fail "disorder, seed $seed"
	whole
done

case=hole
"$make" hole >"$T/c.pcap"
reads pcap:"$T/c.pcap"
[ "$status" = 0 ] || fail "hole: exit $status"
[ "$(numbers | xargs)" = "$(seq 40 | grep -vx 10 | xargs)" ] || fail "hole: messages"
reads --strict pcap:"$T/c.pcap"
[ "$status" = 3 ] || fail "hole --strict: exit $status"

case=midstream
"$make" midstream >"$T/c.pcap"
reads --strict pcap:"$T/c.pcap"
[ "$(numbers | xargs)" = "$(seq -s ' ' 4 40)" ] || fail "midstream: messages"
[ "$(controls)" = "1 login " ] || fail "midstream: login"

case=unfinished
"$make" unfinished >"$T/c.pcap"
reads pcap:"$T/c.pcap"
[ "$(numbers | xargs)" = "$(seq -s ' ' 39)" ] || fail "unfinished: messages"
figure 'dropped 1 (truncated_file 1)'

case=snapped
"$make" snapped >"$T/c.pcap"
reads --strict pcap:"$T/c.pcap"
[ "$status" = 3 ] || fail "snapped: exit $status"
[ "$(numbers | xargs)" = "$(seq 40 | awk '$1 % 4' | xargs)" ] || fail "snapped: messages"
figure 'dropped 10 (truncated_packet 10)'

case=flows
"$make" flows 3 >"$T/c.pcap"
reads --strict pcap:"$T/c.pcap"
whole
[ "$(controls | xargs)" = "1 login alice 2 login bob 3 login carol 4 login dave 5 login erin" ] || fail "flows: sessions"

case=ends
"$make" ends >"$T/c.pcap"
reads --strict pcap:"$T/c.pcap"
cat >"$T/want" <<-END
	1 login alice
	1 logout alice
	1 login alice
	2 login bob
	2 lost bob
	3 login carol
	3 lost carol
	4 login dave
	5 login erin
END
controls | diff "$T/want" - || fail "ends: sessions"
[ "$(jq -r 'select(.name == "cancel_order") | .session' "$T/j" | xargs)" = "1 1 2 3 4 5" ] || fail "ends: messages"
nmw-recv -q --cancel-on-disconnect pcap:"$T/c.pcap" 2>"$T/f" | nmw-send -q jsonl:"$T/j"
[ "$(jq -r 'select(.name == "login") | .flags' "$T/j" | sort -u)" = 1 ] || fail "ends: cancel on disconnect"

case=both
"$make" both >"$T/c.pcap"
for direction in "auto login cancel_order end" "in login cancel_order end" "out login system_event end" \
	"both login system_event cancel_order end"; do
	# shellcheck disable=SC2086
	set -- $direction
	reads --strict --direction "$1" pcap:"$T/c.pcap"
	shift
	[ "$(jq -r .name "$T/j" | xargs)" = "$*" ] || { jq -r .name "$T/j" | xargs; fail "both: $direction"; }
done

case=mold
"$make" mold >"$T/c.pcap"
reads pcap:"$T/c.pcap"
[ "$(numbers | xargs)" = "$(seq -s ' ' 8) $(seq -s ' ' 11 20) 100 101" ] || fail "mold: messages"
[ "$(jq -r 'select(.name == "gap") | "\(.first)+\(.count)"' "$T/j" | xargs)" = "9+2 21+2" ] || fail "mold: gaps"
[ "$(jq -r 'select(.name == "end") | .first' "$T/j")" = 23 ] || fail "mold: end"
figure 'dropped 3 (bad_mold 1, duplicate 2)'

case="mold in disorder"
for seed in $(seq 1 12); do
	"$make" molddisorder "$seed" >"$T/c.pcap"
	reads --strict pcap:"$T/c.pcap"
	[ "$status" = 0 ] || { cat "$T/f"; fail "mold in disorder, seed $seed: exit $status"; }
	whole
	[ "$(jq -r 'select(.channel == "control") | .name' "$T/j" | xargs)" = "login end" ] || fail "mold in disorder: controls"
	[ "$(tail -n 1 "$T/j" | jq -r .name)" = end ] || fail "mold in disorder: the end is not the last"
	jq -r .ts_ns "$T/j" | sort -c -n || fail "mold in disorder: time goes back"
done

# 2 is missing: 3 to 18 wait, 19 comes: a gap, and 2 is too late. 22 is given up at the end.
case="mold window"
"$make" moldwindow >"$T/c.pcap"
reads pcap:"$T/c.pcap"
[ "$(numbers | xargs)" = "1 $(seq -s ' ' 3 21) $(seq -s ' ' 23 40)" ] || { numbers | xargs; fail "mold window: messages"; }
[ "$(jq -r 'select(.name == "gap") | "\(.first)+\(.count)"' "$T/j" | xargs)" = "2+1 22+1" ] || fail "mold window: gaps"
figure 'dropped 1 (duplicate 1)'
reads --strict pcap:"$T/c.pcap"
[ "$status" = 3 ] || fail "mold window --strict: exit $status"

case="mold streams"
"$make" moldstreams >"$T/c.pcap"
reads pcap:"$T/c.pcap"
[ "$(numbers | sort -n | xargs)" = "$(for i in $(seq 0 69); do
	[ "$i" -lt 6 ] && echo $((10 * i + 1)) $((10 * i + 3)) || seq $((10 * i + 1)) $((10 * i + 3))
done | xargs)" ] || fail "mold streams: messages"
[ "$(jq -r 'select(.name == "gap") | .first' "$T/j" | xargs)" = "2 12 22 32 42 52" ] || fail "mold streams: gaps"
figure 'dropped 6 (duplicate 6)'
for flows in 1 3 64; do # streams are forgotten while something waits
	reads --flows $flows pcap:"$T/c.pcap"
	[ "$(numbers | sort -n | uniq -d | wc -l)" = 0 ] || fail "--flows $flows: twice"
done

case=plain
"$make" plain >"$T/c.pcap"
reads --strict pcap:"$T/c.pcap"
whole
reads --framing mold pcap:"$T/c.pcap"
figure 'dropped 40 (bad_mold 40)'
reads --framing soup pcap:"$T/c.pcap"
figure 'dropped 40 (filtered 40)'
reads --framing plain --codec ouch50 pcap:"$T/c.pcap"
[ "$(jq -r 'select(.channel == "order") | .codec' "$T/j" | sort | uniq -c | xargs)" = "40 ouch50" ] || fail "plain: forced codec"

case=noise
"$make" noise >"$T/c.pcap"
reads pcap:"$T/c.pcap"
whole
figure 'dropped 6 (filtered 3, bad_link 1, bad_ip 1, ip_fragment 1)'
reads --strict --filter 'ip src 10.0.0.1 and not ip[6:2] & 0x3fff != 0' pcap:"$T/c.pcap"
[ "$status" = 0 ] || fail "noise, filtered: exit $status"
whole

# ---- file formats -----------------------------------------------------------------------------------

case="file formats"
"$make" eth4 >"$T/c.pcap"
reads pcap:"$T/c.pcap"
jq -c 'del(.ingress_ns)' "$T/j" >"$T/want"
same() { jq -c 'del(.ingress_ns)' "$T/j" | cmp - "$T/want" || fail "$1 differs"; }
for how in big micro "micro big"; do
	# shellcheck disable=SC2086
	"$make" eth4 $how >"$T/d.pcap"
	reads --strict pcap:"$T/d.pcap"
	same "$how"
done
reads --strict pcap:- <"$T/c.pcap"
same stdin
gzip -c "$T/c.pcap" >"$T/c.pcap.gz"
zcat "$T/c.pcap.gz" | nmw-recv -q pcap:- 2>"$T/f" | nmw-send -q jsonl:"$T/j"
same gzip
if command -v zstd >"$T/which"; then
	zstd -q "$T/c.pcap" -o "$T/c.pcap.zst"
	zstdcat "$T/c.pcap.zst" | nmw-recv -q pcap:- 2>"$T/f" | nmw-send -q jsonl:"$T/j"
	same zstd
fi
if command -v editcap >"$T/which"; then
	for format in pcapng nsecpcap pcap; do
		editcap -F $format "$T/c.pcap" "$T/e.$format"
		reads --strict pcap:"$T/e.$format"
		same "$format"
	done
fi

# Cut inside a packet: the whole ones are read, one truncation is counted.
size=$(stat -c %s "$T/c.pcap")
head -c $((size - 10)) "$T/c.pcap" >"$T/d.pcap"
reads pcap:"$T/d.pcap"
[ "$status" = 0 ] || fail "cut: exit $status"
[ "$(numbers | xargs)" = "$(seq -s ' ' 39)" ] || fail "cut: messages"
figure 'dropped 1 (truncated_file 1)'
figure 'ends inside a packet'
reads --strict pcap:"$T/d.pcap"
[ "$status" = 3 ] || fail "cut --strict: exit $status"

# Whatever the burst: the same bytes.
"$make" segments 5 >"$T/c.pcap"
for burst in 1 7 32 256; do
	nmw-recv -q --burst $burst pcap:"$T/c.pcap" 2>"$T/f" | nmw-send -q jsonl:"$T/j.$burst"
	cmp "$T/j.$burst" "$T/j.1" || fail "--burst $burst"
done

# Small limits: nothing crashes, nothing is lost that fits them.
"$make" flows 3 >"$T/c.pcap"
reads --flows 1 --reassembly 1M pcap:"$T/c.pcap"
[ "$(numbers | wc -l)" = 40 ] || fail "--flows 1"
for slots in "--slots 2" "--slot-size 64 --frames 4K" "--slots 4 --slot-size 64 --frames 4K"; do
	# shellcheck disable=SC2086
	reads --strict $slots pcap:"$T/c.pcap"
	case=$slots
	whole
done
