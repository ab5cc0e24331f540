#!/usr/bin/env bash
# The pipelines of README.md and man/nmw.7 run as they stand there; readme_live.sh has those for live clients.
. "$(dirname "$0")/lib.sh"
need jq
for tool in nmw-recv nmw-match nmw-send nmw-stat; do [ -x "$B/bin/$tool" ] || skip "$tool is not built"; done

# indented lines below a heading of README.md
block() { awk -v h="## $1" '/^## / { on = $0 == h } on && /^    / { print substr($0, 5) }' README.md; }
mapfile -t examples < <(
	sed -n '3,/^##/s/^    //p' README.md
	block "Five lines" | sed '/^nmw-match -i/,$d'
	sed -n 's/^\.Dl //p' man/nmw.7 | grep -v -e ' tap ' -e ' tcp:'
	sed -n '/^\.Bd/,/^\.Ed/p' man/nmw.7 | grep '|' | grep -v ' tcp:'
)
[ ${#examples[@]} -ge 9 ] || fail "no examples found"
named=$(block "Five lines" | sed -n '/^nmw-match -i/,$p')
[ "$(wc -l <<<"$named")" = 4 ] || fail "no named rings found"
[ "$(sed -n '/^nmw-match -i/,/^\.Ed/p' man/nmw.7 | sed '$d')" = "$(sed '$d' <<<"$named")" ] || fail "nmw.7 has other named rings"

cp examples/day.pcap examples/symbols.json "$T"
cp examples/day.pcap "$T/a.pcap"
cd "$T" || exit 1
for e in "${examples[@]}"; do
	bash -c "set -o pipefail; $e"$'\n''r=$?; wait; exit $r' >"$T/out" 2>"$T/err" || { cat "$T/err"; fail "exit $?: $e"; }
	[ -s "$T/out" ] || [ -s "$T/orders.pcap" ] || [[ $e = *null:* ]] || fail "nothing written: $e"
	echo "$e"
done
[ -s replies.pcap ] || fail "no replies"
cmp a.pcap b.pcap || fail "a capture that was replayed is another"
timeout 60 bash -c "$named"$'\nwait' >"$T/out" 2>"$T/err" || { cat "$T/err"; fail "named rings: exit $?"; }
grep -qE '^(TOOL|RING|nothing is running)' "$T/out" || { cat "$T/out" "$T/err"; fail "named rings: nmw-stat list"; }
[ -s out.pcap ] || fail "named rings: nothing written"
[ -z "$(ls -A "$NMW_DIR")" ] || fail "left behind: $(ls -A "$NMW_DIR")"
