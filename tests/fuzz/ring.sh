#!/usr/bin/env bash
# A ring file with a byte changed, 600 times: refused, called corrupt or counted, never a crash or a hang.
# SEED=N repeats a run.
. "$(dirname "$0")/../cli/lib.sh"
SEED=${SEED:-$(date +%s)}
"$B/tests/fuzz/fuzz_ring" "$SEED" 600 || fail "seed $SEED: exit $?"
[ -z "$(ls -A "$NMW_DIR")" ] || fail "files left: $(ls -A "$NMW_DIR")"
