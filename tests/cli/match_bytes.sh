#!/usr/bin/env bash
# The same input gives the same bytes: at any burst, through small rings and frames, by way of a capture.
. "$(dirname "$0")/lib.sh"
set -o pipefail
SMALL="--orders 50k --ids 50k --symbols-max 256"

# run OUT OPTIONS: a generated day through nmw-match with these options
run() {
	local out=$1
	shift
	# shellcheck disable=SC2086
	nmw-recv -q "$GEN" | nmw-match -q $SMALL "$@" | nmw-send -q "jsonl:$T/$out" ||
		fail "the pipeline with $*"
	[ -s "$T/$out" ] || fail "no output with $*"
}
for version in ouch42 ouch50; do
	GEN=gen:seed=5,count=5k,symbols=20,codec=$version
	run a
	for options in "--burst 1" "--burst 7" "--burst 64" "--burst 256" "--slots 16 --burst 16" \
		"--slot-size 64 --frames 64K" "--wait-mode park" "--lazy"; do
		# shellcheck disable=SC2086
		run b $options
		cmp "$T/a" "$T/b" || fail "$version: $options gives other bytes"
	done
	nmw-recv -q "$GEN" | nmw-send -q "pcap:$T/day.pcap"
	for i in 1 2; do
		# shellcheck disable=SC2086
		nmw-recv -q "$([ $i = 1 ] && echo "$GEN" || echo "pcap:$T/day.pcap")" |
			nmw-match -q $SMALL | nmw-send -q "itch:$T/$i.itch" || fail "the pipeline"
	done
	cmp "$T/1.itch" "$T/2.itch" || fail "$version: by way of a capture, other market data"
done

# What is not wanted is not written, and what is stays the same.
GEN=gen:seed=5,count=2k,symbols=20
run all
run replies --no-feed
run feed --no-replies
need jq
jq -c 'select(.channel == "feed") | del(.seq)' "$T/all" >"$T/all.feed"
jq -c 'del(.seq) | select(.channel != "control")' "$T/feed" | cmp - "$T/all.feed" || fail "--no-replies"
jq -c 'select(.channel != "feed") | del(.seq)' "$T/all" >"$T/all.replies"
jq -c 'del(.seq)' "$T/replies" | cmp - "$T/all.replies" || fail "--no-feed"
