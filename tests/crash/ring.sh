#!/usr/bin/env bash
# kill -9 at random moments and before every system call: no ring is lost, none hangs, none corrupts.
# SEED=N repeats a run.
. "$(dirname "$0")/../cli/lib.sh"
SEED=${SEED:-$(date +%s)}
echo "seed $SEED"
for round in 0 1 2; do
	"$B/tests/crash/crash_ring" random $((SEED + round)) 60 || fail "seed $((SEED + round))"
done
"$B/tests/crash/crash_ring" syscalls || fail "syscalls"
