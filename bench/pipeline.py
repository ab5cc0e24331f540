#!/usr/bin/env python3
"""Whole pipelines of processes on a capture in the page cache, beside tcpreplay sending the same capture.

    bench/pipeline.py [--size MB] [--runs N] [-j FILE] [--only pipeline|replay]

Messages a second: all messages of the capture over the wall time of the whole pipeline, the start of its processes
and the engine's memory included; each stage's own CPU time a message beside it.  The pipelines and tcpreplay take
turns.  tcpreplay sends the packets at top speed over a veth pair and to a dummy interface in a network namespace of
its own (nothing leaves the machine), which needs root; without it those rows are left out, and that is said.
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


def shell(line):
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, check=False)
    if done.returncode:
        sys.exit(f"bench/pipeline.py: {line}: exit {done.returncode}: {done.stderr.strip()}")
    return done


def capture(path, size_mb):
    """Makes the capture once; returns the number of messages in it."""
    count = size_mb * 1_000_000 // BYTES_A_MESSAGE
    note = path + ".count"
    if not (os.path.exists(path) and os.path.exists(note) and open(note, encoding="ascii").read() == str(count)):
        shell(f"nmw-recv -q gen:seed=1,count={count},symbols=100 | nmw-send -q pcap:{path}")
        with open(note, "w", encoding="ascii") as f:
            f.write(str(count))
    with open(path, "rb", buffering=0) as f:  # into the page cache
        while f.read(1 << 24):
            pass
    return count


def run_pipeline(stages, count):
    """Wall seconds, and the CPU seconds of each stage."""
    procs, before = [], subprocess.DEVNULL
    start = time.monotonic()
    for i, stage in enumerate(stages):
        last = i + 1 == len(stages)
        p = subprocess.Popen(stage, stdin=before, stdout=subprocess.DEVNULL if last else subprocess.PIPE,
                             stderr=subprocess.PIPE)
        if before is not subprocess.DEVNULL:
            before.close()
        before = p.stdout
        procs.append(p)
    cpu, wall = {}, 0.0
    for _ in procs:
        pid, status, usage = os.wait4(-1, 0)
        wall = time.monotonic() - start
        p = next(p for p in procs if p.pid == pid)
        p.returncode = os.waitstatus_to_exitcode(status)
        if p.returncode:
            sys.exit(f"bench/pipeline.py: {' '.join(p.args)}: exit {p.returncode}: {p.stderr.read().decode().strip()}")
        cpu[p.args[0]] = usage.ru_utime + usage.ru_stime
        p.stderr.close()
    return wall, cpu


def tcpreplay(path, interface):
    """Packets a second of tcpreplay, or the reason why there is none."""
    if not shutil.which("tcpreplay"):
        return None, "tcpreplay is not installed"
    if os.geteuid() != 0:
        return None, "a network namespace needs root"
    make = {"veth": "ip link add nmw0 type veth peer name nmw1 && ip link set nmw1 up",
            "dummy": "ip link add nmw0 type dummy"}[interface]
    line = (f"{make} && ip link set nmw0 up && "
            f"tcpreplay --quiet --topspeed --preload-pcap --limit=1000000 --intf1=nmw0 {path}")
    done = subprocess.run(["unshare", "-n", "bash", "-c", line], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    rate = re.search(r"([0-9.]+) pps", done.stdout)
    if done.returncode or not rate:
        return None, done.stdout.strip().splitlines()[-1] if done.stdout.strip() else "no output"
    return float(rate.group(1)), None


class Rows:
    """Figures on stdout for people and, a JSON object a line, in a file."""

    def __init__(self, path):
        self.file = open(path, "w", encoding="ascii") if path else None

    def put(self, bench, case, metric, value, unit, peer="nmw"):
        row = {"bench": bench, "case": case, "metric": metric, "value": round(value, 6), "unit": unit, "peer": peer,
               "state": ""}
        if self.file:
            print(json.dumps(row), file=self.file, flush=True)

    def series(self, bench, case, values, unit, peer="nmw"):
        self.put(bench, case, "best", max(values), unit, peer)
        self.put(bench, case, "median", statistics.median(values), unit, peer)


def packets_of(path):
    """Records of a classic capture."""
    n, at = 0, 24
    with open(path, "rb") as f:
        data = f.read()
    while at + 16 <= len(data):
        at += 16 + int.from_bytes(data[at + 8:at + 12], "little")
        n += 1
    return n


def measure_pipelines(rows, path, count, runs):
    match = ["nmw-match", "-q", "--log-level", "error"]
    recv, send = ["nmw-recv", "-q", "--log-level", "error"], ["nmw-send", "-q", "--log-level", "error", "null:"]
    gen = f"gen:seed=1,count={count},symbols=100"
    cases = [("recv pcap | send null", [recv + [f"pcap:{path}"], send]),
             ("recv pcap | match | send null", [recv + [f"pcap:{path}"], match, send]),
             ("recv gen | match | send null", [recv + [gen], match, send])]
    walls, cpus = {}, {}
    for _ in range(runs):
        for name, stages in cases:
            wall, cpu = run_pipeline(stages, count)
            walls.setdefault(name, []).append(count / wall)
            for stage, s in cpu.items():
                cpus.setdefault((name, stage), []).append(s * 1e9 / count)
    for name, _ in cases:
        rows.series("pipeline", name, walls[name], "messages/s")
        shares = []
        for (case, stage), ns in cpus.items():
            if case == name:
                rows.put("pipeline", f"{name}: {stage}", "cpu", statistics.median(ns), "ns/message")
                shares.append(f"{stage} {statistics.median(ns):.0f}")
        print(f"{name:32s} best {max(walls[name]) / 1e6:6.2f} M/s  median {statistics.median(walls[name]) / 1e6:6.2f} "
              f"M/s   CPU ns a message: {', '.join(shares)}", flush=True)


def measure_replay(rows, path, count, runs):
    """Packets of the capture a second: nmw-recv reads, takes apart and publishes each, tcpreplay sends each."""
    packets = packets_of(path)
    peers, why, ours = {"veth": [], "dummy": []}, {}, []
    for _ in range(runs):
        wall, _ = run_pipeline([["nmw-recv", "-q", "--log-level", "error", f"pcap:{path}"],
                                ["nmw-send", "-q", "--log-level", "error", "null:"]], count)
        ours.append(packets / wall)
        for interface, rates in peers.items():
            if interface not in why:
                rate, reason = tcpreplay(path, interface)
                if reason:
                    why[interface] = reason
                else:
                    rates.append(rate)
    rows.series("replay", "packets through nmw-recv into a ring and out", ours, "packets/s")
    print(f"nmw-recv pcap | nmw-send null    best {max(ours) / 1e6:6.2f} M packets/s  median "
          f"{statistics.median(ours) / 1e6:6.2f}", flush=True)
    for interface, rates in peers.items():
        if not rates:
            print(f"bench/pipeline.py: tcpreplay to a {interface} interface left out: {why[interface]}", flush=True)
            continue
        rows.series("replay", f"tcpreplay --topspeed, {interface}", rates, "packets/s", "tcpreplay")
        rows.put("replay", f"nmw over tcpreplay, {interface}", "ratio", max(ours) / max(rates), "x", "tcpreplay")
        print(f"tcpreplay --topspeed, {interface:10s} best {max(rates) / 1e6:6.2f} M packets/s  median "
              f"{statistics.median(rates) / 1e6:6.2f}   nmw is {max(ours) / max(rates):.1f} times as fast", flush=True)


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--size", type=int, default=200, help="MB of the capture (default 200)")
    args.add_argument("--runs", type=int, default=5)
    args.add_argument("--only", choices=["pipeline", "replay"])
    args.add_argument("-j", metavar="FILE", help="figures as JSON Lines")
    args = args.parse_args()

    folder = os.path.join(os.environ.get("B", "build/gcc-O2"), "bench")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"pipeline-{args.size}.pcap")
    rings = tempfile.mkdtemp(prefix="nmw-bench.", dir="/dev/shm") if "NMW_DIR" in os.environ else None
    if rings:
        os.environ["NMW_DIR"] = rings
    try:
        count = capture(path, args.size)
        rows = Rows(args.j)
        if args.only != "replay":
            measure_pipelines(rows, path, count, args.runs)
        if args.only != "pipeline":
            measure_replay(rows, path, count, args.runs)
    finally:
        if rings:
            shutil.rmtree(rings, ignore_errors=True)


if __name__ == "__main__":
    main()
