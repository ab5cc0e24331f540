#!/usr/bin/env python3
"""Whole pipelines of processes on a capture in the page cache, beside tcpreplay sending the same capture.

    bench/pipeline.py [--size MB] [--runs N] [--json]

Prints messages a second: all messages of the capture over the wall time of the whole pipeline, the start of its
processes and the engine's memory included.  tcpreplay sends the packets at top speed over a veth pair
in a network namespace of its own (nothing leaves the machine), which needs root; without it that row is left
out, and says so.
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
import time

BYTES_A_MESSAGE = 109  # of the generator's usual mix as a capture


def capture(path, size_mb):
    """Makes the capture once; returns the number of messages in it."""
    count = size_mb * 1_000_000 // BYTES_A_MESSAGE
    note = path + ".count"
    if os.path.exists(path) and os.path.exists(note) and open(note).read() == str(count):
        return count
    shell(f"nmw-recv -q gen:seed=1,count={count},symbols=100 | nmw-send -q pcap:{path}")
    with open(note, "w", encoding="ascii") as f:
        f.write(str(count))
    return count


def shell(line):
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, check=False)
    if done.returncode:
        sys.exit(f"bench/pipeline.py: {line}: exit {done.returncode}: {done.stderr.strip()}")
    return done


def rates(line, count, runs):
    """Messages a second of each run."""
    out = []
    for _ in range(runs):
        start = time.monotonic()
        shell(line)
        out.append(count / (time.monotonic() - start))
    return out


def tcpreplay(path):
    """Packets a second of tcpreplay over a veth pair, or the reason why there is none."""
    if not shutil.which("tcpreplay"):
        return None, "tcpreplay is not installed"
    if os.geteuid() != 0:
        return None, "a network namespace needs root"
    line = ("ip link add nmw0 type veth peer name nmw1 && ip link set nmw0 up && ip link set nmw1 up && "
            f"tcpreplay --quiet --topspeed --preload-pcap --limit=1000000 --intf1=nmw0 {path}")
    done = subprocess.run(["unshare", "-n", "bash", "-c", line], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    rate = re.search(r"([0-9.]+) pps", done.stdout)
    if done.returncode or not rate:
        return None, done.stdout.strip().splitlines()[-1] if done.stdout.strip() else "no output"
    return float(rate.group(1)), None


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--size", type=int, default=200, help="MB of the capture (default 200)")
    args.add_argument("--runs", type=int, default=3)
    args.add_argument("--json", action="store_true")
    args = args.parse_args()

    folder = os.path.join(os.environ.get("B", "build/gcc-O2"), "bench")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"pipeline-{args.size}.pcap")
    rings = tempfile.mkdtemp(prefix="nmw-bench.") if "NMW_DIR" in os.environ else None
    if rings:
        os.environ["NMW_DIR"] = rings
    try:
        count = capture(path, args.size)
        with open(path, "rb") as f:  # into the page cache
            while f.read(1 << 24):
                pass
        peer, why = tcpreplay(path)
        lines = [
            ("recv pcap | send null", f"nmw-recv -q pcap:{path} | nmw-send -q null:"),
            ("recv pcap | match | send null", f"nmw-recv -q pcap:{path} | nmw-match -q | nmw-send -q null:"),
            ("recv gen | match | send null",
             f"nmw-recv -q gen:seed=1,count={count},symbols=100 | nmw-match -q | nmw-send -q null:"),
        ]
        for name, line in lines:
            got = rates(line, count, args.runs)
            row = {"bench": "pipeline", "name": name, "value": max(got), "median": statistics.median(got),
                   "unit": "messages/s"}
            if peer and "pcap" in name:
                row |= {"peer": "tcpreplay --topspeed over a veth pair, packets/s", "peer_value": peer,
                        "ratio": max(got) / peer}
            if args.json:
                print(json.dumps(row), flush=True)
            else:
                beside = f"  {row['ratio']:.1f} x tcpreplay" if "ratio" in row else ""
                print(f"{name:32s} best {max(got) / 1e6:6.2f} M/s  median "
                      f"{statistics.median(got) / 1e6:6.2f} M/s{beside}", flush=True)
        if why:
            print(f"bench/pipeline.py: tcpreplay left out: {why}", file=sys.stderr)
    finally:
        if rings:
            shutil.rmtree(rings, ignore_errors=True)


if __name__ == "__main__":
    main()
