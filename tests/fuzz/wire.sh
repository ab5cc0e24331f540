#!/usr/bin/env bash
# Mutated messages and packets through every reader of the wire folder. NMW_SEED and NMW_INPUTS choose others.
exec "${B:-build/gcc-O2}/tests/fuzz/fuzz_wire" "${NMW_SEED:-1}" "${NMW_INPUTS:-60000}"
