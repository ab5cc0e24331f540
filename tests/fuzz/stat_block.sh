#!/usr/bin/env bash
# A counter block of a dead tool with random bytes changed, 40 times (NMW_SEED=N repeats): nmw-stat
# shows it or names it, in every form, and its JSON is JSON and its exposition is well formed.
. "$(dirname "$0")/../cli/lib.sh"
need jq
seed=${NMW_SEED:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
echo "NMW_SEED=$seed"
RANDOM=$seed
nmw-recv gen:seed=1,count=10k -o orders >"$T/recv.log" 2>&1 &
recv=$!
for _ in $(seq 100); do
	[ -e "$NMW_DIR/stat.nmw-recv.$recv" ] && [ -e "$NMW_DIR/orders.ring" ] && break
	sleep 0.05
done
kill -9 $recv
wait $recv 2>/dev/null
block=$NMW_DIR/stat.nmw-recv.$recv
cp "$block" "$T/block"
size=$(stat -c %s "$block")
shown=0 named=0
for ((i = 0; i < 40; i++)); do
	cp "$T/block" "$block"
	for ((k = RANDOM % 8; k >= 0; k--)); do
		# half of them in the head, where names and sizes are
		at=$(((RANDOM << 15 | RANDOM) % (RANDOM % 2 ? size : 1400)))
		printf '%b' "\\x$(printf %02x $((RANDOM % 256)))" | dd of="$block" bs=1 seek=$at conv=notrunc status=none
	done
	for form in "" "show --all" --json "20ms 1 --json" --prometheus; do
		# shellcheck disable=SC2086
		expect 0 nmw-stat $form
		[[ $form != *json* ]] || jq -e .tools "$T/out" >"$T/jq" || fail "change $i: nmw-stat $form: not JSON"
		LC_ALL=C grep -q $'[\001-\010\013-\037\177-\377]' "$T/out" && fail "change $i: nmw-stat $form: control characters"
	done
	if grep -qE '^nmw_unreadable_files 1$' "$T/out"; then named=$((named + 1)); else shown=$((shown + 1)); fi
done
[ $shown -gt 0 ] || fail "shown $shown, named $named"
echo "shown $shown, named $named"
exit 0
