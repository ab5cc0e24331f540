#!/usr/bin/env bash
# nmw-stat doctor and sessions: what they say of this host, whatever it is.
. "$(dirname "$0")/lib.sh"
need jq

nmw-stat doctor >"$T/out" || [ $? = 5 ] || fail "doctor: exit status"
grep -q "looked at" "$T/out" || fail "doctor: no sum"
for what in io_uring "huge pages" "ring directory" net.core.rmem_max DPDK; do
	grep -q "$what" "$T/out" || fail "doctor says nothing of $what"
done
nmw-stat doctor --json >"$T/doctor.json" || [ $? = 5 ] || fail "doctor --json: exit status"
jq -e '.host | length >= 12' "$T/doctor.json" >"$T/jq" || fail "doctor --json: rows"
# each row that is not well has the command that mends it, and the others none
jq -e 'all(.host[]; (.state == "ok") == (.command == null) and (.found | length) > 0 and (.expected | length) > 0)' \
	"$T/doctor.json" >"$T/jq" || fail "doctor --json: a row without its command"
expect 2 nmw-stat doctor --prometheus

# a directory that cannot be used is a lack
NMW_DIR=/proc/none expect 5 nmw-stat doctor
grep -q "LACKS" "$T/out" || fail "doctor: a ring directory that cannot be is no lack"

expect 0 nmw-stat sessions
grep -q "no sessions" "$T/out" || fail "sessions: $(cat "$T/out")"
expect 0 nmw-stat sessions --json
jq -e '.sessions == []' "$T/out" >"$T/jq" || fail "sessions --json"
head -c 300 /dev/urandom >"$NMW_DIR/sessions.77"
expect 0 nmw-stat sessions
expect 0 nmw-stat reap
grep -q "sessions sessions.77: removed" "$T/out" || fail "reap: $(cat "$T/out")"
[ ! -e "$NMW_DIR/sessions.77" ] || fail "reap left sessions.77"
