#!/usr/bin/env python3
"""dpdk: against dpdk-testpmd with the same device, packets and cores, in turns.

    bench/dpdk.py [--seconds S] [--rounds N] [-j FILE]

null: net_null gives buffers as they are, 64 bytes each; both sides only receive.  testpmd touches no byte of a packet,
nmw-recv parses it and publishes the order in it; null-read: and another process on the other CPU reads it.
memif: testpmd sends 64-byte packets on the first CPU, the receiver has the second one to itself; the reader of the ring
runs on the first.  Ratios of one round are what counts.
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

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
B = os.path.abspath(os.environ.get("B", os.path.join(ROOT, "build/gcc-O2")))
CPUS = sorted(os.sched_getaffinity(0))
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


def ring_dir():
    """Where the ring lies: huge pages as testpmd has them, when enough are free."""
    huge = "/dev/hugepages"
    with open("/proc/meminfo", encoding="ascii") as f:
        free = int(re.search(r"HugePages_Free:\s+(\d+)", f.read()).group(1))
    return huge if free > 128 and os.path.ismount(huge) else "/dev/shm"


def published(env):
    out = subprocess.run([os.path.join(B, "bin/nmw-stat"), "--json"], stdout=subprocess.PIPE, text=True, env=env, check=True)
    rings = [r for r in json.loads(out.stdout)["rings"] if r["name"] == "bench"]
    return (int(rings[0]["published"]) if rings else 0), time.monotonic()


class Nmw:
    """nmw-recv on the last CPU, the reader of its ring on the first."""

    def __init__(self, dev, *more, read=True):
        self.dir = tempfile.mkdtemp(prefix="nmw-bench.", dir=ring_dir())
        os.chmod(self.dir, 0o700)
        self.env = dict(os.environ, NMW_DIR=self.dir)
        self.log = tempfile.NamedTemporaryFile("w+", encoding="utf-8")
        self.recv = subprocess.Popen(on(CPUS[-1], [os.path.join(B, "bin/nmw-recv"), "dpdk:" + dev, "-o", "bench",
                                                   "--framing", "plain", "--wait-mode", "spin", "--slots", "32K", "--slot-size", "64",
                                                   "--min-consumers", "1" if read else "0", *more]),
                                     env=self.env, stdout=subprocess.DEVNULL, stderr=self.log)
        self.reader = not read or subprocess.Popen(on(CPUS[0], [os.path.join(B, "bench/bench_drain"), "bench"]), env=self.env,
                                       stdout=subprocess.DEVNULL, stderr=self.log)

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
        end(self.recv)
        if self.reader is not True:
            end(self.reader)
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)


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
        n = Nmw(server, "--codec", "itch50")
        s = sender()
        try:
            return n.rate(seconds), peer
        finally:
            end(s)
            n.close()
    finally:
        shutil.rmtree(where, ignore_errors=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--seconds", type=float, default=3)
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("-j", metavar="FILE", help="rows of figures, a line each")
    ap.add_argument("case", nargs="*", help="null, null-read, memif")
    a = ap.parse_args()
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
    if a.j:
        with open(a.j, "w", encoding="utf-8") as f:
            f.writelines(json.dumps(r) + "\n" for r in rows)
    return 0


sys.exit(main())
