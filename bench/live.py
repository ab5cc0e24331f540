#!/usr/bin/env python3
"""The round trip of an order over TCP and UDP on the loopback, beside sockperf's ping-pong and an echo.

    bench/live.py [--rounds N] [--seconds S] [--rate R] [--stolen PERCENT] [--tries N] [--fifo] [-j FILE]

Client (bench_live, open loop) on the last CPU; the pipeline, sockperf's server or the echo on the others.  All take
turns, round by round; each figure is the median of its rounds.  "due": an order's time counts from when it was due,
so with what it waited for those before it and for a client that was late; "sent": from when it was sent, as
sockperf's ping-pong counts, which sends the next when the last has come.  The echo is answered by one thread with
blocking calls and measured by the same client: what is more than that is nmw.  "spins": --wait-mode spin of all
stages, whose client sleeps while it awaits no reply and the next order is not near (with all CPUs busy the host takes
them away); beside sockperf's server that blocks, as a server does unless told otherwise, and beside one that spins.

A guest's CPU is taken away for other guests, for milliseconds (steal in proc(5)), and an open loop pays for each of
those as many times as orders were due: a round of anybody's in which the host took more than --stolen of a CPU is
measured again, up to --tries times.  The table says how many it took, and what was stolen in those that count.  The
rings lie where nmw puts them, in huge pages where there are some.  --fifo: all of it at real-time priorities (SCHED_FIFO), each
stage's above that of the one before it; for a machine that others use, too.
"""
import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import host

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
B = os.path.abspath(os.environ.get("B", os.path.join(ROOT, "build/gcc-O2")))
CLIENT = os.path.join(B, "bench/bench_live")
METRICS = ("p50", "p99", "p99.9")
COUNTS = ("due", "sent")
ACCOUNT = {"user": "ALICE", "password": "$6$rounds=1000$nmwnmwnmw$da106AGvfX3MqnXSAY.AhklV5lww5WVqGKpieU7MQvzd6gkW.5kCMt7Ql6XDDz47oFO2ftmP.mXXWMoEuluOI."}
CPUS = sorted(os.sched_getaffinity(0))


FIFO = []  # [True] with --fifo


def fifo(priority):
    return ["chrt", "-f", str(priority)] if FIFO else []


def on(cpus, argv):
    return ["taskset", "-c", ",".join(str(c) for c in cpus)] + argv


def server(argv):
    return fifo(10) + on(CPUS[:-1] or CPUS, argv)


def client(argv):
    return fifo(30) + on(CPUS[-1:], argv)


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def port_of(proto):
    return free_port(socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)


def measure(argv, limit):
    """The client's line, in us; None when it failed."""
    done = subprocess.run(client(argv), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=limit,
                          check=False)
    if not done.stdout.startswith("{"):
        print(f"bench/live.py: {done.stderr.strip()}", file=sys.stderr)
        return None
    r = json.loads(done.stdout)
    return {c: {m: r[c][m] / 1e3 for m in METRICS} for c in COUNTS}


def options(o, naps=False):
    return ["-r", str(o.rate), "-s", str(o.seconds)] + (["-w", "near"] if o.fifo or naps else [])


def echo(o, proto):
    where = f"127.0.0.1:{port_of(proto)}"
    with subprocess.Popen(server([CLIENT, "serve", proto, where])) as p:
        time.sleep(0.2)
        try:
            return measure([CLIENT] + options(o) + ["-e", proto, where], o.seconds + 10)
        finally:
            p.kill()


def sockperf(o, proto, spin):
    tcp = ["--tcp"] if proto == "tcp" else []
    args = tcp + ["-i", "127.0.0.1", "-p", str(port_of(proto))] + (["--nonblocked"] if spin else [])
    with subprocess.Popen(server(["sockperf", "server"] + args), stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as p:
        time.sleep(0.3)
        argv = ["sockperf", "ping-pong"] + args + ([] if spin else ["--nonblocked"]) + [
            "--full-rtt", "-m", "52", "-t", str(o.seconds), "--mps", str(o.rate)]
        try:
            out = subprocess.run(client(argv), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                 timeout=o.seconds + 20, check=False).stdout
        finally:
            p.kill()
    found = dict(re.findall(r"percentile (\d+\.\d+) = *([\d.]+)", out))
    try:
        return {"sent": {"p50": float(found["50.000"]), "p99": float(found["99.000"]), "p99.9": float(found["99.900"])}}
    except KeyError:
        print(f"bench/live.py: sockperf: {out.strip().splitlines()[-1:]}", file=sys.stderr)
        return None


def wait_for(texts, path, p):
    end = time.monotonic() + 10
    while time.monotonic() < end and p.poll() is None:
        with open(path, encoding="utf-8") as f:
            said = f.read()
            if all(text in said for text in texts):
                return
        time.sleep(0.02)
    with open(path, encoding="utf-8") as f:
        sys.exit(f"bench/live.py: the pipeline does not come up: {f.read().strip()}")


def nmw(o, proto, spin):
    with tempfile.TemporaryDirectory(prefix="nmw-live-") as tmp, host.ring_dir() as rings:
        accounts, log, port = os.path.join(tmp, "accounts.json"), os.path.join(tmp, "log"), port_of(proto)
        with open(os.open(accounts, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as f:
            json.dump({"accounts": [ACCOUNT]}, f)
        w = " --wait-mode spin" if spin else ""
        source = f"tcp:127.0.0.1:{port} --accounts {accounts}" if proto == "tcp" else f"udp:127.0.0.1:{port}"
        stages = (f"nmw-recv {source}", "nmw-match", f"nmw-send {'tcp:' if proto == 'tcp' else 'udp:reply'}")
        up = 0 if spin else 1  # stages that spin take turns: none may be above another
        line = " | ".join(" ".join(fifo(10 + i * up) + [s + w]) for i, s in enumerate(stages))
        with open(log, "w", encoding="utf-8") as err:
            p = subprocess.Popen(server(["bash", "-c", line]), stderr=err, start_new_session=True,
                                 env=dict(os.environ, NMW_DIR=rings))
        try:
            wait_for(("engine:", f"port {port}:" if proto == "tcp" else "udp: 1 lines"), log, p)
            who = [f"127.0.0.1:{port}"] + (["ALICE", "SECRET"] if proto == "tcp" else [])
            return measure([CLIENT] + options(o, spin) + [proto] + who, o.seconds + 10)
        finally:
            host.end_group(p)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--rounds", type=int, default=5)
    a.add_argument("--seconds", type=int, default=2)
    a.add_argument("--rate", type=int, default=10000)
    a.add_argument("--stolen", type=float, default=0.5)
    a.add_argument("--tries", type=int, default=5)
    a.add_argument("--fifo", action="store_true")
    a.add_argument("-j", metavar="FILE")
    o = a.parse_args()
    FIFO.extend([True] if o.fifo else [])
    os.environ["PATH"] = f"{B}/bin:{os.environ['PATH']}"
    host.raise_priority()
    # who spins at a real-time priority is stopped for 50 ms in a second
    peers = [("nmw", lambda o, proto: nmw(o, proto, False)), ("echo", echo)]
    if not o.fifo:
        peers.append(("nmw, spins", lambda o, proto: nmw(o, proto, True)))
    if shutil.which("sockperf"):
        peers += [("sockperf", lambda o, proto: sockperf(o, proto, False)),
                  ("sockperf, server spins", lambda o, proto: sockperf(o, proto, True))]
    else:
        print("sockperf is not installed: no figures beside it")
    found, state = {}, {}
    for _ in range(o.rounds):
        for proto in ("tcp", "udp"):
            for name, run in peers:
                got = host.calm(lambda: run(o, proto), o.stolen, o.tries)
                if got:
                    found.setdefault((proto, name), []).append(got[0])
                    state.setdefault((proto, name), []).append(got[1:])
    print(f"round trip at {o.rate} orders/s, us, median of {o.rounds} rounds of {o.seconds} s"
          f"{'' if len(CPUS) > 1 else '; ONE CPU: client and server share it'}; load {os.getloadavg()[0]:.1f}")
    mid = {k: {c: {m: statistics.median(r[c][m] for r in v) for m in METRICS} for c in v[0]} for k, v in found.items()}
    for (proto, name), by in sorted(mid.items()):
        took = state[proto, name]
        beside = {"nmw": ("sockperf", "echo"), "nmw, spins": ("sockperf", "sockperf, server spins")}.get(name, ())
        for c in by:
            line = f"{proto} {name:24s} {c:4s}" + "".join(f" {m} {by[c][m]:9.1f}" for m in METRICS)
            for peer in ((proto, b) for b in beside):
                base = mid.get(peer, {})
                if base:
                    base = base.get(c, base["sent"])
                    line += f"   of {peer[1]}: " + " ".join(f"{by[c][m] / base[m]:.2f}" for m in METRICS)
            print(line)
        print(f"    stolen {max(t[0] for t in took):.1f} % of a CPU at most, {sum(t[1] for t in took)} tries")
    rows = [{"bench": "live", "case": f"round trip, {proto}, from when {c}", "metric": m, "value": by[c][m], "unit": "us",
             "peer": name} for (proto, name), by in sorted(mid.items()) for c in by for m in METRICS]
    if o.j:
        with open(o.j, "a", encoding="utf-8") as f:
            f.writelines(json.dumps(r) + "\n" for r in rows)


if __name__ == "__main__":
    main()
