#!/usr/bin/env bash
# The tables of man/nmw-stat.1 are those of metrics.def, and its examples run.
. "$(dirname "$0")/lib.sh"
awk -f man/metrics.awk libcommon/stat/metrics.def >"$T/want"
[ "$(grep -c '^.It Va' "$T/want")" = "$(grep -cE '^NMW_(COUNTER|GAUGE|DROP|HIST)\(' libcommon/stat/metrics.def)" ] ||
	fail "metrics.awk misses rows of metrics.def: one row a line"
sed -n '/METRICS BEGIN/,/METRICS END/p' man/nmw-stat.1 | sed '1d;$d' >"$T/found"
diff -u "$T/want" "$T/found" || fail "man/nmw-stat.1: put the output of man/metrics.awk between its METRICS lines"
if command -v mandoc >/dev/null; then
	mandoc -Tlint -W warning man/nmw-stat.1 || fail "mandoc"
fi
exit 0
