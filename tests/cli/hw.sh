#!/usr/bin/env bash
# The device: the design passes both readers without a warning, the core gives the events of the software book, and the
# quick proofs hold. The long forms are make -C hw check, soak, mutants, formal, gate.
set -u
cd "$(dirname "$0")/../.." || exit 2
for tool in verilator iverilog; do
	command -v $tool >/dev/null || { echo "$tool is missing: tools/deps hw" && exit 77; }
done
out=$(mktemp -d) || exit 2
trap 'rm -rf "$out"' EXIT
make -C hw --no-print-directory lint quick B="$out" || exit 1
if command -v yosys >/dev/null && command -v yosys-abc >/dev/null && command -v z3 >/dev/null; then
	make -C hw --no-print-directory quick-proofs B="$out"
else
	echo "no proofs: yosys, yosys-abc or z3 is missing: tools/deps hw"
fi
