# Shared by the shell tests: `. "$(dirname "$0")/lib.sh"`.  Gives a private ring directory and a scratch folder,
# both removed at the end, however it ends, and a few words.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
: "${B:=build/gcc-O2}"
[ -d "$B/bin" ] || { echo "no $B/bin: run make first" >&2; exit 1; }
B=$(cd "$B" && pwd)
export B PATH="$B/bin:$PATH"
T=$(mktemp -d)
export T NMW_DIR=$T/rings
mkdir -m 0700 "$NMW_DIR"
SHARED=${NMW_SHARED:-../shared}
offspring() { # PID: all that it started, and what they did
	local p
	for p in $(pgrep -P "$1"); do echo "$p" && offspring "$p"; done
}
finish() { # whatever still runs, is mounted or lies about goes
	local at
	# shellcheck disable=SC2046
	kill -9 $(offspring $$) 2>/dev/null
	wait 2>/dev/null
	while read -r _ at _; do
		case $at in "$T"/*) umount -l "$at" ;; esac
	done </proc/mounts
	rm -rf "$T" "$NMW_DIR"
}
trap finish EXIT
fail() { echo "FAIL: $*"; exit 1; }
skip() { echo "$*"; exit 77; }
# expect STATUS COMMAND...: runs it, stdout to $T/out, stderr to $T/err
expect() {
	local want=$1 got
	shift
	"$@" >"$T/out" 2>"$T/err"
	got=$?
	[ "$got" = "$want" ] || { cat "$T/err"; fail "exit $got, expected $want: $*"; }
}
published() { nmw-stat --json | jq -r "[.rings[] | select(.name == \"$1\") | .published | tonumber][0] // 0"; }
until_published() { # RING N
	local i
	for ((i = 0; i < 400; i++)); do
		[ "$(published "$1")" -ge "$2" ] && return
		sleep 0.02
	done
	fail "ring $1: $(published "$1") messages, $2 expected"
}
# veth_pair NAME: a namespace $ns with 10.9.0.2/24 on interface $there, its other end $here on this side
veth_pair() {
	ns=nmw-$1-$$ here=$1${$}a there=$1${$}b
	ip netns add "$ns" 2>/dev/null || skip "no network namespaces here"
	trap 'ip netns del "$ns"; ip link del "$here" 2>/dev/null; finish' EXIT
	ip link add "$here" type veth peer name "$there" netns "$ns" || skip "no veth here"
	ip link set "$here" up
	ip -n "$ns" link set "$there" up
	ip -n "$ns" addr add 10.9.0.2/24 dev "$there"
}
need() { command -v "$1" >/dev/null || skip "$1 is not installed"; }

# seen N FILE ARGUMENT...: N lines of tshark about a capture that is being written, which takes its time
seen() {
	local n=$1 file=$2 i
	shift 2
	for ((i = 0; i < 20; i++)); do
		[ "$(tshark -r "$file" "$@" 2>/dev/null | wc -l)" -ge "$n" ] && return
		sleep 0.5
	done
	return 1
}
