# Shared by the shell tests: `. "$(dirname "$0")/lib.sh"`.  Gives a private ring directory and a scratch folder,
# both removed at the end, and a few words.
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
trap 'rm -rf "$T"' EXIT
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
need() { command -v "$1" >/dev/null || skip "$1 is not installed"; }
