#!/usr/bin/env bash
# What every tool does with its options: --help, --version, --print-config, completion, errors.
. "$(dirname "$0")/lib.sh"
need jq

# name and argument of every option that --help shows: "--burst N"
options() { sed -nE 's/^  (-., |    )(--[a-z0-9-]+ ?[^ ]*)  .*/\2/p' "$T/help"; }

one_line() { # FILE PATTERN
	[ "$(wc -l <"$1")" = 1 ] || { cat "$1"; fail "$tool: one line of message expected"; }
	grep -qE -- "$2" "$1" || { cat "$1"; fail "$tool: no '$2' in the message"; }
}

helps() {
	local letter
	expect 0 "$tool" --help
	cp "$T/out" "$T/help"
	[ ! -s "$T/err" ] || fail "$tool --help writes to stderr"
	[ "$(wc -l <"$T/help")" -le 55 ] || fail "$tool --help does not fit a screen: $(wc -l <"$T/help") lines"
	awk -v tool="$tool" 'length > 100 { print tool " --help: over 100 columns: " $0; bad = 1 } END { exit bad }' \
		"$T/help" || fail "too wide"
	[ "$(sed -n '/^Examples:/,$p' "$T/help" | grep -c "$tool")" -ge 2 ] || fail "$tool --help: two examples expected"
	[ "$(options | wc -l)" -ge 5 ] || fail "$tool --help: options not found"
	for letter in "-h" "--burst 0 --help" "--help --bogus" "--print-config --help"; do
		# shellcheck disable=SC2086
		expect "$([[ $letter == --burst* ]] && ! grep -q -- --burst "$T/help" && echo 2 || echo 0)" "$tool" $letter
	done
	[ "${NMW_GOLDEN:-}" = no ] || diff -u "tests/golden/help/$tool.txt" "$T/help" ||
		fail "$tool --help changed: run make golden if that was meant"
}

versions() {
	expect 0 "$tool" --version
	[ "$(head -n 1 "$T/out")" = "$tool $(sed -n 's/^VERSION := //p' Makefile)" ] || fail "$tool --version: first line"
	grep -q '^back ends: .' "$T/out" || fail "$tool --version names no back ends"
	expect 0 "$tool" -V
}

# What --print-config prints is JSON, has every option, and --config takes it back.
configs() {
	local o
	expect 0 "$tool" --print-config
	cp "$T/out" "$T/conf.json"
	jq -e . "$T/conf.json" >"$T/jq" || fail "$tool --print-config: not JSON"
	options | cut -d' ' -f1 | grep -vxE -- '--(config|print-config|completion|help|version)' >"$T/own"
	while read -r o; do
		o=${o#--}
		jq -e "has(\"${o//-/_}\")" "$T/conf.json" >"$T/jq" || fail "$tool --print-config lacks --$o"
	done <"$T/own"
	expect 0 "$tool" --print-config --config "$T/conf.json"
	cmp "$T/conf.json" "$T/out" || fail "$tool --config does not take back what --print-config printed"
	expect 0 "$tool" --print-config --config - <"$T/conf.json"
	cmp "$T/conf.json" "$T/out" || fail "$tool --config - differs"
	echo '{"frobnicate": 1}' >"$T/bad.json"
	expect 2 "$tool" --config "$T/bad.json"
	one_line "$T/err" "^$tool: .*bad.json: frobnicate: unknown key"
	echo '{"frobnicate": 1' >"$T/bad.json"
	expect 2 "$tool" --config "$T/bad.json"
	one_line "$T/err" "^$tool: .*bad.json: line 2, column 0: "
	expect 2 "$tool" --config "$T/none.json"
	one_line "$T/err" "^$tool: .*none.json: cannot open: No such file"
}

# A value that cannot be, for every option that takes a number, a time or one of some words.
bad_values() {
	local option arg bad
	while read -r option arg; do
		case $arg in
		N | COUNT | SIZE | TIME | RATE | *"|"*) ;;
		*) continue ;;
		esac
		for bad in 64Kjunk "" -1 +1 " 1" NaN 99999999999999999999999G; do
			expect 2 "$tool" "$option=$bad" </dev/null
			one_line "$T/err" "^$tool: $option: "
			[ ! -s "$T/out" ] || fail "$tool $option=$bad: writes to stdout"
		done
		grep -qE "out of range|not one of|not a" "$T/err" || fail "$tool $option: what is expected is not said"
	done < <(options)
}

unknown() {
	local option
	expect 2 "$tool" --frobnicate
	one_line "$T/err" "^$tool: --frobnicate: no such option"
	expect 2 "$tool" -Z
	one_line "$T/err" "^$tool: -Z: no such option"
	expect 2 "$tool" --hepl
	one_line "$T/err" "^$tool: --hepl: no such option: did you mean --help"
	expect 0 "$tool" --print-config --
	while read -r option; do
		expect 2 "$tool" "${option}x=1"
		one_line "$T/err" "^$tool: ${option}x: no such option: did you mean $option"
	done < <(options | cut -d' ' -f1)
}

# A flag takes no argument, anything else needs one.
arguments() {
	local option arg
	while read -r option arg; do
		if [ -n "$arg" ]; then
			expect 2 "$tool" "$option"
			one_line "$T/err" "^$tool: $option: an argument is missing: "
		else
			expect 2 "$tool" "$option=1"
			one_line "$T/err" "^$tool: $option: takes no argument"
		fi
	done < <(options)
}

streams() {
	local option rc
	for option in --help --version --print-config "--completion bash"; do
		# shellcheck disable=SC2086
		"$tool" $option >&- 2>"$T/err"
		rc=$?
		[ $rc = 1 ] || fail "$tool $option with a closed stdout: exit $rc, 1 expected"
		one_line "$T/err" "^$tool: stdout: cannot write: "
		# shellcheck disable=SC2086
		"$tool" $option >/dev/full 2>"$T/err"
		rc=$?
		[ $rc = 1 ] || fail "$tool $option to a full device: exit $rc, 1 expected"
		one_line "$T/err" "^$tool: stdout: cannot write: No space left on device"
		# shellcheck disable=SC2086
		"$tool" $option <&- 2>&- >"$T/out" || fail "$tool $option with closed stdin and stderr"
	done
	"$tool" --frobnicate 2>&-
	rc=$?
	[ $rc = 2 ] || fail "$tool --frobnicate with a closed stderr: exit $rc"
}

completes() { # the script is sound and completes an option of its own
	expect 0 "$tool" --completion bash
	bash -n "$T/out" || fail "$tool: completion script"
	if command -v shellcheck >/dev/null; then
		shellcheck -s bash -e SC2034 "$T/out" || fail "$tool: completion script"
	fi
	# shellcheck disable=SC2016
	env -i PATH="$PATH" bash --norc -c '. "$1"; COMP_WORDS=("$2" --vers) COMP_CWORD=1; "_${2//-/_}"; echo "${COMPREPLY[*]}"' \
		_ "$T/out" "$tool" >"$T/reply"
	[ "$(cat "$T/reply")" = --version ] || fail "$tool: completion of --vers gives '$(cat "$T/reply")'"
	expect 2 "$tool" --completion zsh
	one_line "$T/err" "^$tool: --completion: zsh: not one of bash"
}

# The environment and what goes before it.
environment() {
	grep -q -- --burst "$T/help" || return 0
	echo '{"burst": 3}' >"$T/burst.json"
	[ "$("$tool" --print-config --config "$T/burst.json" | jq .burst)" = 3 ] || fail "$tool: --config"
	[ "$(NMW_CONFIG=$T/burst.json "$tool" --print-config | jq .burst)" = 3 ] || fail "$tool: NMW_CONFIG"
	[ "$(NMW_BURST=5 "$tool" --print-config --config "$T/burst.json" | jq .burst)" = 5 ] || fail "$tool: NMW_BURST"
	[ "$(NMW_BURST=5 "$tool" --burst 7 --print-config --config "$T/burst.json" | jq .burst)" = 7 ] || fail "$tool: --burst"
	NMW_BURST=junk expect 2 "$tool" --print-config
	one_line "$T/err" "^$tool: NMW_BURST: junk: not a number"
}

# With --log-format json an error of the options is JSON too, wherever the option stands.
json_errors() {
	grep -q -- --log-format "$T/help" || return 0
	expect 2 "$tool" --frobnicate --log-format json
	jq -e '.level == "error" and .exit == 2 and (.msg | startswith("--frobnicate"))' "$T/err" >"$T/jq" ||
		fail "$tool: the error is not JSON: $(cat "$T/err")"
}

tools=0
for bin in "$B"/bin/nmw-*; do
	[ -x "$bin" ] || continue
	tool=$(basename "$bin") tools=$((tools + 1))
	helps
	versions
	configs
	bad_values
	unknown
	arguments
	streams
	completes
	environment
	json_errors
	echo "$tool: $(options | wc -l) options"
done
[ $tools -gt 0 ] || fail "no tools"
