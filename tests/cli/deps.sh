#!/usr/bin/env bash
# tools/deps: silent when nothing is missing; else one update and one install, with root's rights or a clear end.
# Stand-ins for apt-get, sudo and id write down how they were called; nothing is installed.
. "$(dirname "$0")/lib.sh"

bin=$T/bin calls=$T/calls
mkdir "$bin"
for c in bash env grep cat tail mktemp rm; do ln -s "$(type -P $c)" "$bin/$c"; done
stand_in() { # NAME LINE...
	local name=$1
	shift
	printf '%s\n' "#!$(command -v bash)" "$@" >"$bin/$name"
	chmod +x "$bin/$name"
}
stand_in apt-get "echo apt-get \"\$@\" >>$calls"
stand_in sudo "echo sudo >>$calls" 'exec "$@"'
# shellcheck disable=SC2016
stand_in id 'echo "${FAKE_UID:-0}"'
deps() { PATH=$bin "$(command -v bash)" tools/deps "$@"; }

# every command of the list is there, as a name
sed -nE 's/^(build|test|lint|dpdk) +[^ ]+ +([a-z][^ ]*)$/\2/p' tools/deps | while read -r c; do ln -sf "$(type -P true)" "$bin/$c"; done
while read -r h; do
	[ -e "$h" ] || skip "$h is not there, so something is really missing"
done < <(sed -nE 's/^(build|test|lint|dpdk) +[^ ]+ +(\/.*)$/\2/p' tools/deps)

expect 0 deps
if [ -s "$T/out" ] || [ -s "$T/err" ] || [ -e "$calls" ]; then
	cat "$T/err"
	fail "not silent although nothing is missing"
fi

rm "$bin/jq" "$bin/mandoc"
expect 0 deps build
[ ! -e "$calls" ] || fail "installs what building does not need"
expect 0 deps build test
grep -qx 'tools/deps: installing jq' "$T/err" || fail "does not say what it installs"
[ "$(grep -c ' update$' "$calls")" = 1 ] || fail "not one update"
grep -q ' install -y --no-install-recommends jq$' "$calls" || fail "install: $(cat "$calls")"
grep -q sudo "$calls" && fail "sudo although root"
rm "$calls"

FAKE_UID=1000 expect 0 deps
grep -q sudo "$calls" || fail "an ordinary user: no sudo"
grep -q ' install -y --no-install-recommends jq mandoc$' "$calls" || fail "install: $(cat "$calls")"
rm "$calls" "$bin/sudo"
FAKE_UID=1000 expect 1 deps
grep -q 'missing: jq mandoc; not root and no sudo; let root run: apt-get install jq mandoc' "$T/err" || fail "$(cat "$T/err")"
[ ! -e "$calls" ] || fail "calls apt-get without rights"

stand_in apt-get 'echo E: broken >&2' 'exit 100'
expect 1 deps
grep -q 'E: broken' "$T/err" || fail "the words of apt-get are lost"
grep -q 'apt-get failed; try: apt-get install jq mandoc' "$T/err" || fail "$(cat "$T/err")"
rm "$bin/apt-get"
expect 1 deps
grep -q 'no apt-get here' "$T/err" || fail "$(cat "$T/err")"

# a kernel is unpacked into build/vm, not installed, and once
tree=$T/tree
mkdir -p "$tree/tools"
cp tools/deps "$tree/tools"
for c in sed head mkdir mv touch; do ln -sf "$(type -P $c)" "$bin/$c"; done
ln -sf "$(type -P true)" "$bin/qemu-system-x86_64"
stand_in apt-get "echo apt-get \"\$@\" >>$calls" 'case "$*" in *download*) touch kernel.deb ;; esac'
stand_in apt-cache 'echo "  Depends: linux-image-9-cloud"'
# shellcheck disable=SC2016
stand_in dpkg-deb 'mkdir -p "$3/boot"'
rm -f "$calls"
for _ in 1 2; do
	PATH=$bin "$(command -v bash)" "$tree/tools/deps" vm >"$T/out" 2>"$T/err" || { cat "$T/err"; fail "vm: exit $?"; }
done
[ -d "$tree/build/vm/boot" ] || fail "the kernel is not in build/vm: $(cat "$T/err")"
[ "$(grep -c 'download linux-image-9-cloud' "$calls")" = 1 ] || fail "vm: $(cat "$calls")"
stand_in dpkg-deb 'exit 1'
rm -r "$tree/build"
if PATH=$bin "$(command -v bash)" "$tree/tools/deps" vm 2>"$T/err"; then fail "a kernel that cannot be unpacked: exit 0"; fi
grep -q 'linux-image-cloud-amd64: cannot be downloaded and unpacked' "$T/err" || fail "$(cat "$T/err")"
[ ! -e "$tree/build/vm" ] || fail "half a kernel is left"
