#!/usr/bin/env bash
# The tables of man/nmw-stat.1 are those of metrics.def.
. "$(dirname "$0")/lib.sh"
man/metrics.sh - >"$T/want"
[ "$(sed -n '/METRICS BEGIN/,/METRICS END/p' "$T/want" | grep -c '^.It Va')" = \
	"$(grep -cE '^NMW_(COUNTER|GAUGE|DROP|HIST)\(' libcommon/stat/metrics.def)" ] || fail "rows are missing"
grep -vE '^(NMW_|#|/\*| \*|$)' libcommon/stat/metrics.def && fail "metrics.def: one row a line: the man page is made from it"
diff -u man/nmw-stat.1 "$T/want" || fail "run man/metrics.sh: the man page is not that of metrics.def"
# every word that a ring or a tool can be in
awk '/^const char \*state_(tool|ring)_word/,/^}/' tools/nmw-stat/state.c | grep -oE '"[a-z]+"' | tr -d '"' | grep -vx unknown | sort -u >"$T/words"
[ "$(wc -l <"$T/words")" -ge 10 ] || fail "state.c: where are its words? $(cat "$T/words")"
while read -r word; do
	sed -n '/^\.Ss States/,/^\.Ss Options/p' man/nmw-stat.1 | grep -qx "\.It Cm $word" || fail "nmw-stat(1) does not tell what $word is"
done <"$T/words"
if command -v mandoc >/dev/null; then
	mandoc -Tlint -W warning man/nmw-stat.1 || fail "mandoc"
fi
exit 0
