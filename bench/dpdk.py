#!/usr/bin/env python3
"""dpdk: against dpdk-testpmd with the same device, packets and cores, in turns.

    bench/dpdk.py [--seconds S] [--rounds N] [-j FILE] [CASE]...

null: net_null gives buffers as they are, 64 bytes each; both sides only receive.  testpmd touches no byte of a packet,
nmw-recv parses it and publishes the order in it; null-read: and another process on the other CPU reads it.
memif: testpmd sends 64-byte packets on the first CPU to the receiver on the second one.  nmw-recv and the reader of its
ring take turns there: what it has parsed is read while it is near, and the sender keeps its CPU.  Ratios of one round
are what counts.

latency: the round trip of an order over net_memif at 100,000 orders/s, open loop, counted from when it was due; the
client on the last CPU, the three stages take turns on the first (--wait-mode spin).  Beside it, measured by the same
rules, an echo over net_memif, and the same stages behind a kernel's UDP socket with io_uring on the loopback.
"""
import argparse
import contextlib
import json
import os
import re
import shutil
import statistics
import socket
import subprocess
import sys
import tempfile
import time

import host

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
B = os.path.abspath(os.environ.get("B", os.path.join(ROOT, "build/gcc-O2")))
CPUS = sorted(os.sched_getaffinity(0))
MEMIF = os.path.join(B, "bench/bench_memif_dpdk")
ORDER = "58" + "41" * 14 + "00000064"  # OUCH 4.2 cancel, 19 bytes: 61 with its headers
EAL = ["--no-pci", "--in-memory", "--no-telemetry"]
START = 2.0  # seconds until the programs run and the link is up


def on(cpu, argv):
    return ["taskset", "-c", str(cpu)] + argv


def testpmd(vdev, mode, cpu, prefix, more=()):
    """Forwards on `cpu`; its other thread only waits for its stdin, which we hold open."""
    argv = ["dpdk-testpmd", *EAL, "--file-prefix", prefix, "--vdev", vdev, "--lcores", "0@%d,1@%d" % (CPUS[0], cpu), "--",
            "--total-num-mbufs=16384", "--forward-mode=" + mode, "--stats-period", "1", "--no-lsc-interrupt", "-a", *more]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def end(p):
    if p.poll() is None:
        p.send_signal(2)
        try:
            p.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            p.kill()
            p.communicate()


def testpmd_rate(p, seconds):
    """Packets a second: the median of what it prints each second."""
    time.sleep(START + seconds)
    p.send_signal(2)
    out, _ = p.communicate(timeout=20)
    rates = [int(v) for v in re.findall(r"Rx-pps:\s+(\d+)", out) if int(v)]
    if len(rates) < 2:
        raise RuntimeError("dpdk-testpmd gave no figures: " + out.strip().splitlines()[-1])
    return statistics.median(rates[1:])


def published(env):
    out = subprocess.run([os.path.join(B, "bin/nmw-stat"), "--json"], stdout=subprocess.PIPE, text=True, env=env, check=True)
    rings = [r for r in json.loads(out.stdout)["rings"] if r["name"] == "bench"]
    return (int(rings[0]["published"]) if rings else 0), time.monotonic()


class Nmw:
    """nmw-recv on the last CPU, the reader of its ring on the first, or `beside` it."""

    def __init__(self, dev, *more, read=True, beside=False):
        with contextlib.ExitStack() as held:  # what is there goes when the rest cannot be had
            self.env = dict(os.environ, NMW_DIR=held.enter_context(host.ring_dir(128)))
            self.log = held.enter_context(tempfile.NamedTemporaryFile("w+", encoding="utf-8"))
            if read:
                held.callback(end, self.start(CPUS[-1 if beside else 0], "bench/bench_drain", "bench",
                                              *(["spin"] if beside else [])))
            held.callback(end, self.start(CPUS[-1], "bin/nmw-recv", "dpdk:" + dev, "-o", "bench", "--framing", "plain",
                                          "--wait-mode", "spin", "--slots", "8K" if beside else "32K", "--slot-size", "64",
                                          "--min-consumers", "1" if read else "0", *more))
            self.held = held.pop_all()

    def start(self, cpu, program, *argv):
        return subprocess.Popen(on(cpu, [os.path.join(B, program), *argv]), env=self.env, stdout=subprocess.DEVNULL,
                                stderr=self.log)

    def rate(self, seconds):
        time.sleep(START)
        a, t0 = published(self.env)
        time.sleep(seconds)
        b, t1 = published(self.env)
        if b == a:
            with open(self.log.name, encoding="utf-8") as f:
                raise RuntimeError("nothing came: " + f.read().strip())
        return (b - a) / (t1 - t0)

    def close(self):
        self.held.close()


def null(seconds, read=False):
    peer = testpmd_rate(testpmd("net_null0", "rxonly", CPUS[-1], "nmwb1"), seconds)
    n = Nmw("net_null0,addr=10.0.0.1:5000,fill=" + ORDER, "--codec", "ouch42", read=read)
    try:
        return n.rate(seconds), peer
    finally:
        n.close()


def null_read(seconds):
    return null(seconds, True)


def memif(seconds):
    where = tempfile.mkdtemp(prefix="nmw-memif.")
    path = os.path.join(where, "s")
    server = "net_memif0,role=server,socket=" + path
    client = "net_memif0,role=client,socket=" + path

    def sender():
        time.sleep(0.7)  # the server makes the socket
        return testpmd(client, "txonly", CPUS[0], "nmwb2", ["--txpkts=64"])
    try:
        p = testpmd(server, "rxonly", CPUS[-1], "nmwb3")
        s = sender()
        try:
            peer = testpmd_rate(p, seconds)
        finally:
            end(s)
            end(p)
        n = Nmw(server, "--codec", "itch50", beside=True)
        s = sender()
        try:
            return n.rate(seconds), peer
        finally:
            end(s)
            n.close()
    finally:
        shutil.rmtree(where, ignore_errors=True)


def client(argv, seconds):
    done = subprocess.run(on(CPUS[-1], argv), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=seconds + 30, check=False)
    return json.loads(done.stdout)["due"] if done.stdout.startswith("{") else print(done.stderr.strip(), file=sys.stderr)


def staged(recv, send, run):
    """What run() gives with three stages on the first CPU."""
    line = " --wait-mode spin | ".join(("nmw-recv " + recv, "nmw-match", "nmw-send " + send)) + " --wait-mode spin"
    with host.ring_dir() as rings:
        env = dict(os.environ, NMW_DIR=rings, PATH=os.path.join(B, "bin") + ":" + os.environ["PATH"])
        p = subprocess.Popen(on(CPUS[0], ["bash", "-c", line]), env=env, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            time.sleep(START)
            return run()
        finally:
            host.end_group(p)


def over_memif(seconds):
    with tempfile.TemporaryDirectory(prefix="nmw-memif.") as d:
        port = "role=server,mac=02:00:00:00:00:01,socket=" + d
        return staged(f"dpdk:net_memif0,{port}/in,addr=10.9.0.1:5000",
                      f"dpdk:net_memif0,{port}/out,addr=10.9.0.1/24:5000,hop=02:00:00:00:00:02,to=reply",
                      lambda: client([MEMIF, "-s", str(seconds), d + "/in", d + "/out"], seconds))


def over_udp(seconds):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        where = "127.0.0.1:%d" % s.getsockname()[1]
    return staged("udp:" + where, "udp:reply",
                  lambda: client([os.path.join(B, "bench/bench_live"), "-r", "100000", "-s", str(seconds), "udp", where], seconds))


def echo(seconds):
    with tempfile.TemporaryDirectory(prefix="nmw-memif.") as d:
        server = subprocess.Popen(on(CPUS[0], [MEMIF, "serve", d + "/s"]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(0.7)
            return client([MEMIF, "-s", str(seconds), "-e", d + "/s"], seconds)
        finally:
            end(server)


def latency(a):
    """Rows; a line a transport and round."""
    rows = []
    for name, run in (("nmw, net_memif", over_memif), ("echo, net_memif", echo), ("nmw, udp with io_uring", over_udp)):
        rounds = [got for got in (host.calm(lambda: run(int(a.seconds)), a.stolen, a.tries) for _ in range(a.rounds)) if got]
        state = host.core_state(os.path.join(B, "bench/bench_ring"))
        if not rounds:
            print(f"latency   {name}: no figures")
            continue
        mid = {m: statistics.median(r[0][m] for r in rounds) / 1e3 for m in ("p50", "p99", "p99.9")}
        print(f"latency   {name:24s}" + "".join(f" {m} {v:9.1f}" for m, v in mid.items()) +
              f" us, median of {len(rounds)}; cores {state}; stolen {max(r[1] for r in rounds):.1f} % of a CPU at most", flush=True)
        rows += [{"bench": "dpdk", "case": "round trip", "metric": m, "value": v, "unit": "us", "peer": name, "state": state}
                 for m, v in mid.items()]
    return rows


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--seconds", type=float, default=3)
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("-j", metavar="FILE", help="rows of figures, a line each")
    ap.add_argument("--stolen", type=float, default=0.5, help="percent of a CPU that the host may take in a round of latency")
    ap.add_argument("--tries", type=int, default=5, help="for a round of latency that the host leaves alone")
    ap.add_argument("case", nargs="*", help="null, null-read, memif, latency")
    a = ap.parse_args()
    host.raise_priority()
    if not shutil.which("dpdk-testpmd"):
        print("dpdk-testpmd is not installed: tools/deps bench")
        return 77
    version = subprocess.run([os.path.join(B, "bin/nmw-recv"), "--version"], stdout=subprocess.PIPE, text=True, check=True)
    if "dpdk 2" not in version.stdout:
        print("built without DPDK")
        return 77
    if len(CPUS) < 2:
        print("two CPUs are needed")
        return 77
    rows = []
    for name, case in (("null", null), ("null-read", null_read), ("memif", memif)):
        if a.case and name not in a.case:
            continue
        rounds = []
        for i in range(a.rounds):
            own, peer = case(a.seconds)
            rounds.append((own, peer))
            print("%-9s round %d: nmw-recv %6.2f M/s, testpmd %6.2f M/s, ratio %.2f" % (name, i + 1, own / 1e6, peer / 1e6, own / peer), flush=True)
        for peer, v in (("nmw", statistics.median(r[0] for r in rounds)), ("dpdk-testpmd", statistics.median(r[1] for r in rounds))):
            rows.append({"bench": "dpdk", "case": name, "metric": "packets", "value": v, "unit": "1/s", "peer": peer, "state": ""})
        rows.append({"bench": "dpdk", "case": name, "metric": "ratio", "value": statistics.median(o / p for o, p in rounds),
                     "unit": "", "peer": "nmw", "state": ""})
    if not a.case or "latency" in a.case:
        rows += latency(a)
    if a.j:
        with open(a.j, "w", encoding="utf-8") as f:
            f.writelines(json.dumps(r) + "\n" for r in rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
