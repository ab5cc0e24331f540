#!/usr/bin/env python3
"""The simulated device beside nmw-match, on one capture: orders a second, and the device's cycles.

    bench/device.py [--count N] [--runs N] [-j FILE]

Orders a second are of the stage's own CPU time, its start taken off (a run of one order).  That is how fast the
design is simulated here; how fast a device were is what its cycles say, which do not depend on this machine: those of
random commands through full rings (nmw-fpga selftest), and those that a command of the capture took in the core.
"""
import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from pipeline import Rows, run_pipeline, shell  # noqa: E402  pylint: disable=wrong-import-position

SO = "hw/build/nmw_book.so"
RECV, SEND = ["nmw-recv", "-q", "--log-level", "error"], ["nmw-send", "-q", "--log-level", "error", "null:"]
STAGES = {"nmw-match": ["nmw-match", "-q", "--log-level", "error", "--lazy"],
          "nmw-fpga": ["nmw-fpga", "run", "-q", "--log-level", "error", "--lazy", "--bitstream", SO]}


def seconds(stage, path, runs):
    """CPU seconds of the stage, each run's."""
    return [run_pipeline([RECV + [f"pcap:{path}"], STAGES[stage], SEND], 1)[1][STAGES[stage][0]] for _ in range(runs)]


def latency(path):
    """Cycles of a command in the core: on average, at most."""
    line = f"nmw-recv -q pcap:{path} | nmw-fpga run --bitstream {SO} --lazy | nmw-send -q null:"
    said = shell(line).stderr
    found = re.search(r"a command took ([0-9.]+) on average, (\d+) at most", said)
    if not found:
        sys.exit(f"bench/device.py: {line}: no cycles in what it says: {said}")
    return float(found.group(1)), int(found.group(2))


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--count", type=int, default=50000, help="messages of the capture (default 50000)")
    args.add_argument("--runs", type=int, default=3)
    args.add_argument("-j", metavar="FILE", help="figures as JSON Lines")
    args = args.parse_args()
    if not os.path.exists(SO):
        sys.exit(f"bench/device.py: {SO} is not there: make hw")
    rows, folder = Rows(args.j), tempfile.mkdtemp(prefix="nmw-bench.", dir="/dev/shm")
    os.environ["NMW_DIR"] = f"{folder}/rings"
    os.mkdir(os.environ["NMW_DIR"], 0o700)
    try:
        for n in (1, args.count):
            shell(f"nmw-recv -q gen:seed=1,count={n},symbols=10 | nmw-send -q pcap:{folder}/{n}.pcap")
        rate = {}
        for stage in STAGES:
            start = min(seconds(stage, f"{folder}/1.pcap", args.runs))
            took = [max(s - start, 1e-6) for s in seconds(stage, f"{folder}/{args.count}.pcap", args.runs)]
            rate[stage] = [args.count / s for s in took]
            case = f"{stage}, 10 symbols" + (", simulation" if stage == "nmw-fpga" else "")
            rows.series("device", case, rate[stage], "orders/s", "nmw" if stage == "nmw-match" else "simulation")
            print(f"{case:36s} best {max(rate[stage]) / 1e3:9.1f} k orders/s of CPU time  median "
                  f"{statistics.median(rate[stage]) / 1e3:9.1f}")
        ratio = max(rate["nmw-match"]) / max(rate["nmw-fpga"])
        rows.put("device", "nmw-match over the simulation", "ratio", ratio, "x", "simulation")
        print(f"the simulation is {ratio:.0f} times slower than nmw-match: that says nothing of a device")
        mean, most = latency(f"{folder}/{args.count}.pcap")
        rows.put("device", "a command in the core, mean", "latency", mean, "cycles", "simulation")
        rows.put("device", "a command in the core, most", "latency", most, "cycles", "simulation")
        test = json.loads(shell(f"nmw-fpga selftest --json --commands 100k --bitstream {SO}").stdout)
        each = test["cycles"] / test["commands"]
        rows.put("device", "random commands of five mixes, full rings", "cycles", each, "cycles/command", "simulation")
        print(f"the device's cycles: {each:.2f} a command of five mixes through full rings; in the core a command of the "
              f"capture took {mean:.1f} on average, {most} at most")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
