#!/bin/sh
# Writes the tables of man/nmw-stat.1, between its METRICS lines, from libcommon/stat/metrics.def.
# `man/metrics.sh -` prints the page instead.
set -eu
cd "$(dirname "$0")/.."
page=man/nmw-stat.1
new=$(mktemp)
trap 'rm -f "$new"' EXIT
awk '
function table(kind, title, i, name, help, unit) {
	print ".Ss " title "\n.Bl -tag -width tcp_retransmits -compact"
	for (i = 1; i <= n; i++) {
		if (index(row[i], kind "(") != 1) continue
		name = help = unit = row[i]
		sub(/^[A-Z_]*\(/, "", name); sub(/,.*/, "", name)
		sub(/^[^"]*"/, "", help); sub(/"\)$/, "", help); gsub(/-/, "\\-", help)
		sub(/^[^,]*, */, "", unit); sub(/,.*/, "", unit)
		if (kind == "NMW_COUNTER" || kind == "NMW_GAUGE") help = help " (" unit ")"
		print ".It Va " name "\n" help
	}
	print ".El"
}
FNR == NR { if (/^NMW_(COUNTER|GAUGE|DROP|HIST)\(/) row[++n] = $0; next }
/METRICS END/ { skip = 0 }
!skip
/METRICS BEGIN/ {
	table("NMW_COUNTER", "Counters")
	table("NMW_GAUGE", "Gauges")
	table("NMW_DROP", "Reasons for which a message is dropped")
	table("NMW_HIST", "Histograms")
	skip = 1
}' libcommon/stat/metrics.def $page >"$new"
if [ "${1:-}" = - ]; then cat "$new"; else cat "$new" >$page; fi
