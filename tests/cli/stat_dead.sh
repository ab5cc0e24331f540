#!/usr/bin/env bash
# What a kill -9 leaves behind is shown as dead, and nmw-stat reap removes it; the living stay.
. "$(dirname "$0")/lib.sh"
need jq


nmw-recv gen:seed=1,count=10k -o stays --name alive >"$T/live.log" 2>&1 &
live=$!
nmw-recv gen:seed=1,count=10k -o goes --name victim >"$T/victim.log" 2>&1 &
victim=$!
for _ in $(seq 100); do
	[ "$(nmw-stat --json | jq '(.tools | map(select(.state == "running")) | length) + (.rings | length)')" = 4 ] && break
	sleep 0.05
done
kill -9 $victim
wait $victim 2>/dev/null
expect 0 nmw-stat
grep -qE "^nmw-recv +$victim +victim +dead" "$T/out" || { cat "$T/out"; fail "list: dead tool"; }
grep -qE "^nmw-recv +$live +alive +running" "$T/out" || fail "list: the other lives"
grep -qE '^goes +dead' "$T/out" || fail "list: dead ring"
expect 0 nmw-stat --json
jq -e '(.tools[] | select(.instance == "victim") | .state == "dead" and (.alive | not) and .counters.in_messages >= 0) and
	(.rings[] | select(.name == "goes") | .state == "dead")' "$T/out" >"$T/jq" || fail "dead in JSON"
expect 0 nmw-stat --prometheus
grep -qE '^nmw_up\{.*instance="victim"\} 0$' "$T/out" || fail "dead in Prometheus"
grep -qE '^nmw_ring_live\{ring="goes"\} 0$' "$T/out" || fail "dead ring in Prometheus"

expect 0 nmw-stat reap --dry-run
grep -q '^ring goes: dead' "$T/out" || fail "reap --dry-run: the ring"
grep -q "^counters stat.nmw-recv.$victim.victim: dead" "$T/out" || fail "reap --dry-run: the counters"
[ "$(wc -l <"$T/out")" = 2 ] || { cat "$T/out"; fail "reap --dry-run names more than the dead"; }
expect 0 nmw-stat show goes
expect 0 nmw-stat reap --json
jq -e '(.removed | map(.name) | sort) == ["goes", "stat.nmw-recv.'$victim'.victim"] and (.dry_run | not)' "$T/out" >"$T/jq" ||
	{ cat "$T/out"; fail "reap --json"; }
expect 6 nmw-stat show goes
expect 6 nmw-stat show victim
expect 0 nmw-stat show stays
expect 0 nmw-stat show alive
expect 0 nmw-stat reap
grep -q '^nothing to remove$' "$T/out" || fail "nothing to remove: not said"

# A tool whose block cannot be made says so, counts for itself, and runs.
(
	mkdir "$NMW_DIR/stat.nmw-recv.$BASHPID"
	exec nmw-recv gen:seed=1,count=10 -o none --min-consumers 0 >"$T/own.log" 2>&1
) || { cat "$T/own.log"; fail "a tool without a block: exit $?"; }
grep -q 'warning: counters: .*: kept in private memory, nmw-stat cannot show them' "$T/own.log" || { cat "$T/own.log"; fail "private counters: not said"; }
grep -q 'in 14 messages, out 14' "$T/own.log" || { cat "$T/own.log"; fail "private counters: figures"; }
rmdir "$NMW_DIR"/stat.nmw-recv.*

# A file that is no block is named, and does no harm.
echo junk >"$NMW_DIR/stat.junk.1"
expect 0 nmw-stat
grep -q 'stat.junk.1: not a counter block' "$T/out" || { cat "$T/out"; fail "junk is not named"; }
expect 0 nmw-stat --prometheus
grep -q '^nmw_unreadable_files 1$' "$T/out" || fail "junk is not counted"
expect 6 nmw-stat check
exit 0
