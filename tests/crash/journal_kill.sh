#!/usr/bin/env bash
# nmw-match --journal is killed with -9 at random moments (while it replays, logs, matches, sends or
# writes a snapshot), 30 times, with another burst size and sync mode each time: what the sink has
# at the end is what an undisturbed run gives, byte for byte.
. "$(dirname "$0")/../cli/lib.sh"
. "$(dirname "$0")/kill_lib.sh"
gen=gen:seed=$seed,count=60k,symbols=10
most=${NMW_KILLS:-30}

whole "$gen"
around "$gen" 15kpps
killed "$most" 5 205 nmw-match
[ "$kills" -ge $((most < 30 ? most / 2 : 15)) ] || fail "only $kills kills: too slow a machine, or too short a stream"

# and the log alone gives it once more
# shellcheck disable=SC2086
nmw-recv journal:"$T/journal" -q 2>"$T/log" | nmw-match $small 2>>"$T/log" | nmw-send jsonl:"$T/again" -q 2>>"$T/log" ||
	{ cat "$T/log"; fail "nmw-recv journal:"; }
cmp "$T/want" "$T/again" || fail "nmw-recv journal: gives another output"
echo "$kills kills, $(wc -l <"$T/got") outputs, $(du -sk "$T/journal" | cut -f1) KiB of journal"
exit 0
