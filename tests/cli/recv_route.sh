#!/usr/bin/env bash
# --route: two engines behind one ring, each with its symbols: together they say to every order what one engine does;
# a ring that is taken up keeps its routes; death of one does not stop the other.
. "$(dirname "$0")/lib.sh"
need jq

cat >"$T/routes.json" <<'JSON'
{"routes": [{"name": "hot", "symbols": ["S0000", "S0003", "S0007"]}], "rest": "cold"}
JSON

# what was said to each order, without the numbers that an engine gives out
replies() {
	jq -rc 'select(.channel == "reply" and .name != "system_event") |
		del(.seq, .in_seq, .ts_ns, .timestamp, .order_reference_number, .previous_order_reference_number,
		.match_number)' "$@" | sort
}

both() { # NAME SPEC [BURST]: one engine, then two
	local name=$1 spec=$2 burst=${3:-32}
	nmw-recv "$spec" -q 2>/dev/null | nmw-match --no-feed -q 2>/dev/null | nmw-send jsonl:"$T/$name.one" -q || fail "$name"
	timeout 60 nmw-match -i "$name/hot" -o "$name.h" --no-feed -q --burst "$burst" 2>"$T/$name.eh" &
	timeout 60 nmw-match -i "$name/cold" -o "$name.c" --no-feed -q 2>"$T/$name.ec" &
	timeout 60 nmw-send -i "$name.h" jsonl:"$T/$name.hot" -q 2>/dev/null &
	timeout 60 nmw-send -i "$name.c" jsonl:"$T/$name.cold" -q 2>/dev/null &
	nmw-recv "$spec" --route "$T/routes.json" -o "$name" --min-consumers 2 -q 2>"$T/$name.er" ||
		fail "$name: $(cat "$T/$name.er")"
	wait
	if [ ! -s "$T/$name.hot" ] || [ ! -s "$T/$name.cold" ]; then
		fail "$name: $(cat "$T/$name.eh" "$T/$name.ec")"
	fi
	cmp <(replies "$T/$name.one") <(replies "$T/$name.hot" "$T/$name.cold") || fail "$name: not the same replies"
	[ "$(jq -r '(.stock // .symbol) | select(.)' "$T/$name.hot" | sort -u | tr '\n' ' ')" = 'S0000 S0003 S0007 ' ] ||
		fail "$name: other symbols came to the hot engine"
	jq -r '(.stock // .symbol) | select(.)' "$T/$name.cold" | grep -qE '^S000[037]$' && fail "$name: hot symbols elsewhere"
}
both a gen:seed=11,count=20k,symbols=10,codec=ouch42
both b gen:seed=12,count=20k,symbols=10,codec=ouch50 1

# orders with frames of their own: a capture, and a feed by locate code
nmw-recv gen:seed=13,count=3k,symbols=10 -q 2>/dev/null | nmw-send pcap:"$T/day.pcap" -q 2>/dev/null
both c pcap:"$T/day.pcap"
nmw-recv gen:seed=14,count=3k,symbols=10 -q 2>/dev/null | nmw-match -q 2>/dev/null | nmw-send itch:"$T/feed" -q 2>/dev/null
timeout 60 nmw-send -i f/hot jsonl:"$T/f.hot" -q --wait 20s 2>/dev/null &
timeout 60 nmw-send -i f itch:"$T/f.all" -q --wait 20s 2>/dev/null &
nmw-recv itch:"$T/feed" --route "$T/routes.json" -o f --min-consumers 2 -q 2>/dev/null || fail "feed"
wait
cmp "$T/feed" "$T/f.all" || fail "who takes no route has not everything"
[ "$(jq -r '(.stock // .symbol) | select(.)' "$T/f.hot" | sort -u | tr '\n' ' ')" = 'S0000 S0003 S0007 ' ] || fail "feed: symbols"

# the engine of one route dies: it is put out, the other goes on to the end
nmw-match -i d/hot -o d.h --no-feed -q 2>/dev/null &
dies=$!
timeout 60 nmw-match -i d/cold -o d.c --no-feed -q 2>/dev/null &
timeout 60 nmw-send -i d.c jsonl:"$T/d.cold" -q 2>/dev/null &
timeout 60 nmw-send -i d.h null: -q 2>/dev/null &
timeout 60 nmw-recv gen:seed=15,count=30k,symbols=10 --pace 60kpps --route "$T/routes.json" -o d --min-consumers 2 -q \
	2>/dev/null &
recv=$!
until_published d 2000
kill -9 $dies
wait $recv || fail "the source stopped with one of its engines"
nmw-stat reap >/dev/null
wait
nmw-recv gen:seed=15,count=30k,symbols=10 -q 2>/dev/null | nmw-match --no-feed -q 2>/dev/null |
	nmw-send jsonl:"$T/d.one" -q || fail "d"
cmp <(replies "$T/d.one" | grep -vE '"stock":"S000[037]"' | grep '"stock"') \
	<(replies "$T/d.cold" | grep '"stock"') || fail "the other engine lost something"

# little memory for tokens: what names an order that was forgotten goes to all, and the replies are the same
nmw-recv gen:seed=16,count=5k,symbols=10 -q --route "$T/routes.json" --route-orders 10 -o g --min-consumers 0 2>"$T/err" &
recv=$!
timeout 60 nmw-match -i g/hot -o g.h --no-feed -q 2>/dev/null &
timeout 60 nmw-send -i g.h null: -q 2>/dev/null &
wait $recv || fail "$(cat "$T/err")"
nmw-stat reap >/dev/null
wait

# a route that nobody takes: the other one goes on, what went by is counted and said once
timeout 60 nmw-match -i u/hot -o u.h --no-feed -q 2>/dev/null &
timeout 60 nmw-send -i u.h null: -q 2>/dev/null &
nmw-recv gen:seed=17,count=9k,symbols=10 --route "$T/routes.json" -o u --slots 1024 --min-consumers 1 2>"$T/err" ||
	fail "$(cat "$T/err")"
wait
[ "$(grep -c 'ring u: nobody takes route cold: ' "$T/err")" = 1 ] || fail "not said once: $(cat "$T/err")"
cold=$(nmw-recv gen:seed=17,count=9k,symbols=10 --route "$T/routes.json" -o v --min-consumers 1 -q 2>/dev/null &
	timeout 60 nmw-send -i v/cold jsonl:- -q --wait 20s 2>/dev/null | grep -c '"channel":"order"')
unread=$(grep -o 'route_unread [0-9]*' "$T/err" | tail -1)
[ "$unread" = "route_unread $cold" ] || fail "u: $unread, $cold messages are of the route"
grep 'nobody takes route hot' "$T/err" && fail "a route that was taken"

# that is said while all of its messages still lie there, and nmw-stat shows who takes what
timeout 60 nmw-send -i w/hot null: --consumer sink -q 2>/dev/null &
nmw-recv gen:seed=17,count=9k,symbols=10 --route "$T/routes.json" -o w --pace 200pps --min-consumers 1 2>"$T/err" &
recv=$!
for ((i = 0; i < 80; i++)); do
	grep -q 'ring w: nobody takes route cold: ' "$T/err" && break
	sleep 0.1
done
[ "$i" -lt 80 ] || fail "w: not said: $(cat "$T/err")"
nmw-stat show w >"$T/show" && nmw-stat --json >"$T/json"
kill -INT $recv
wait $recv
wait
grep -q '^  routes    hot, cold (nobody takes it)$' "$T/show" || fail "$(cat "$T/show")"
grep -q '^  consumer  sink, route hot, pid ' "$T/show" || fail "$(cat "$T/show")"
jq -e '.rings[] | select(.name == "w") | .routes == ["hot", "cold"] and .consumers[0].route == "hot"' "$T/json" >/dev/null ||
	fail "$(cat "$T/json")"
grep -q 'nobody takes route hot' "$T/err" && fail "a route that was taken"

# packets of a card, each like the one before: an order of one symbol, as often as there is time for; the other route's
# reader gets the login only
if nmw-recv --version | grep -q dpdk; then
	order=4f$(printf '41%.0s' {1..14})4200000064$(printf S0000 | od -An -tx1 | tr -d " ")20202000002710ffffffff41424344594f4e000000004e52
	for route in hot cold; do
		timeout 60 nmw-send -i n/$route null: 2>"$T/n.$route" &
	done
	timeout 60 nmw-recv "dpdk:net_null0,size=91,addr=10.0.0.1:5000,fill=$order" --framing plain --codec ouch42 \
		--route "$T/routes.json" -o n --min-consumers 2 -q -- --no-huge -m 64 2>"$T/err" &
	recv=$!
	until_published n 100000
	kill -INT $recv
	wait $recv || fail "n: $(cat "$T/err")"
	wait
	grep -qE 'in [0-9]{5,} messages' "$T/n.hot" || fail "n: $(cat "$T/n.hot")"
	grep -qE 'in [01] messages' "$T/n.cold" || fail "n: another route's messages: $(cat "$T/n.cold")"
fi

# errors
timeout 20 nmw-recv gen:seed=1,count=10 --route "$T/routes.json" -o e --min-consumers 2 -q 2>/dev/null &
expect 6 nmw-send -i e/warm null:
grep -q 'ring e: no route warm: there are hot cold' "$T/err" || fail "$(cat "$T/err")"
[ "$(nmw-stat show e --json | jq '.rings[0].published | tonumber')" = 0 ] || fail "who was refused counted as a reader"
timeout 20 nmw-send -i e null: -q 2>/dev/null &
timeout 20 nmw-send -i e/hot null: -q 2>"$T/err" || fail "e: $(cat "$T/err")"
wait
expect 2 nmw-recv gen:seed=1,count=10 --route-orders 5 -o x
grep -q -- '--route-orders: has no effect without --route' "$T/err" || fail "$(cat "$T/err")"
bad() { # WORDS JSON
	echo "$2" >"$T/bad.json"
	expect 2 nmw-recv gen:seed=1,count=10 --route "$T/bad.json" -o x
	grep -qe "$1" "$T/err" || fail "$2: $(cat "$T/err")"
}
bad 'routes: is missing' '{}'
bad 'name: is missing' '{"routes": [{"symbols": ["A"]}]}'
bad 'symbols: none' '{"routes": [{"name": "x", "symbols": []}]}'
bad 'symbols\[1\]: a number found, a string expected' '{"routes": [{"name": "x", "symbols": ["A", 5]}]}'
bad 'symbols: a string found, a list expected' '{"routes": [{"name": "x", "symbols": "A"}]}'
bad 'symbols\[0\]: null found, a string expected' '{"routes": [{"name": "x", "symbols": [null]}]}'
bad 'symbols\[0\]: string of 0 bytes, 1..8 allowed' '{"routes": [{"name": "x", "symbols": [""]}]}'
bad 'symbols\[0\]: "A B": not a symbol' '{"routes": [{"name": "x", "symbols": ["A B"]}]}'
bad 'A: is there twice' '{"routes": [{"name": "x", "symbols": ["A"]}, {"name": "y", "symbols": ["A"]}]}'
bad 'one too many' '{"routes": [{"name": "a", "symbols": ["A"]}, {"name": "b", "symbols": ["B"]}, {"name": "c", "symbols":
	["C"]}, {"name": "d", "symbols": ["D"]}, {"name": "e", "symbols": ["E"]}], "rest": "f"}'
bad 'letters, digits' '{"routes": [{"name": "a/b", "symbols": ["A"]}]}'
expect 2 nmw-match -i e/hot -i e/cold -o y
grep -q 'named twice, one ring: give one of them, or -i e for all' "$T/err" || fail "$(cat "$T/err")"
