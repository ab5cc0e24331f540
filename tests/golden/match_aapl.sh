#!/usr/bin/env bash
# A real feed, replayed: every execution reproduced, from both of its files; one edited order is seen.
. "$(dirname "$0")/../cli/lib.sh"
need python3
need jq
DATA=$SHARED/aapl-20190130
[ -f "$DATA/feed.itch" ] || DATA=$SHARED/data/aapl-20190130
[ -f "$DATA/feed.itch" ] || skip "no aapl-20190130 in $SHARED"
MATCH="nmw-match -q --codec itch50 --check --orders 20k --ids 1k --symbols-max 64"

# replay SOURCE STATUS [STATUS]: the pipeline, that of nmw-match, and of nmw-send; what nmw-match says to $T/err
replay() {
	# shellcheck disable=SC2086
	nmw-recv -q "$1" 2>"$T/recv.err" | $MATCH 2>"$T/err" | nmw-send -q "itch:$T/out.itch" 2>"$T/send.err"
	local rc=("${PIPESTATUS[@]}")
	[ "${rc[*]}" = "0 $2 ${3:-0}" ] || { cat "$T"/*err; fail "exit ${rc[*]}, expected 0 $2 ${3:-0}: $1"; }
}
says() { grep -qF -- "$1" "$T/err" || { cat "$T/err"; fail "not said: $1"; }; }

for source in "itch:$DATA/feed.itch" "pcap:$DATA/feed.pcap"; do
	replay "$source" 0
	says 'replay: 746 of 746 executions reproduced, 0 crossing adds, 0 unknown references, 5,805 live orders'
	says 'replay: the final book equals the passive book'
	[ -f "$T/first.itch" ] || cp "$T/out.itch" "$T/first.itch"
	cmp "$T/first.itch" "$T/out.itch" || fail "the two files of the feed give other market data"
done

# The market data that comes out is the feed again, but for its tracking and match numbers; and replays itself.
python3 - "$DATA/feed.itch" "$T/out.itch" <<'PY' || fail "the market data is not the feed's"
import sys
def messages(path):
    data, at, out = open(path, "rb").read(), 0, []
    while at < len(data):
        n = int.from_bytes(data[at:at + 2], "big")
        m = data[at + 2:at + 2 + n]
        at += 2 + n
        kind = m[:1]
        if kind not in b"AFECXDU" or not n:
            continue
        m = (b"A" if kind == b"F" else kind) + m[1:3] + m[5:36 if kind == b"F" else n]
        if kind == b"C":  # a printable one comes out as E: the price is the order's
            m = b"E" + m[1:]
        if kind in b"EC":
            m = m[:21]
        out.append(m)
    return out
a, b = messages(sys.argv[1]), messages(sys.argv[2])
bad = [i for i, (x, y) in enumerate(zip(a, b)) if x != y]
print(len(a), len(b), a[bad[0]] if bad else "", b[bad[0]] if bad else "")
sys.exit(a != b)
PY
cp "$T/out.itch" "$T/again.itch"
replay "itch:$T/again.itch" 0
says 'replay: 746 of 746 executions reproduced, 0 crossing adds, 0 unknown references, 5,805 live orders'

# edit KIND: $T/edited.itch has one message changed
edit() {
	python3 - "$DATA/feed.itch" "$T/edited.itch" "$1" <<'PY'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
at, adds, done = 0, {}, False
while at < len(data) and not done:
    n = int.from_bytes(data[at:at + 2], "big")
    m, kind = at + 2, data[at + 2:at + 3]
    ref = bytes(data[m + 11:m + 19])
    if kind == b"A":
        adds[ref] = m
    elif kind == b"E" and ref in adds:
        a = adds[ref]
        if sys.argv[3] == "price":  # the executed order was worse by a dollar when it was added
            px = int.from_bytes(data[a + 32:a + 36], "big")
            px += -10000 if data[a + 19:a + 20] == b"B" else 10000
            data[a + 32:a + 36] = px.to_bytes(4, "big")
        elif sys.argv[3] == "ref":  # an order is named that never was
            data[m + 11:m + 19] = (2**40).to_bytes(8, "big")
        done = True
    at += 2 + n
open(sys.argv[2], "wb").write(data)
PY
}
edit price
replay "itch:$T/edited.itch" 3
says 'replay: 745 of 746 executions reproduced'
says 'first execution that differs: 09:30:'
edit ref
replay "itch:$T/edited.itch" 0
says '1 unknown references'
MATCH="$MATCH --strict" replay "itch:$T/edited.itch" 3 6
