#!/usr/bin/env bash
# The tables of man/nmw-stat.1 are those of metrics.def.
. "$(dirname "$0")/lib.sh"
man/metrics.sh - >"$T/want"
[ "$(sed -n '/METRICS BEGIN/,/METRICS END/p' "$T/want" | grep -c '^.It Va')" = \
	"$(grep -cE '^NMW_(COUNTER|GAUGE|DROP|HIST)\(' libcommon/stat/metrics.def)" ] || fail "rows are missing"
grep -vE '^(NMW_|#|/\*| \*|$)' libcommon/stat/metrics.def && fail "metrics.def: one row a line: the man page is made from it"
diff -u man/nmw-stat.1 "$T/want" || fail "run man/metrics.sh: the man page is not that of metrics.def"
if command -v mandoc >/dev/null; then
	mandoc -Tlint -W warning man/nmw-stat.1 || fail "mandoc"
fi
exit 0
