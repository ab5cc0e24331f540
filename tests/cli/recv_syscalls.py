#!/usr/bin/env python3
"""With 32 packets or more in flight, at most one system call for 16 of them on the receiving side: udp: and tcp:."""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import live_lib as lib
from soup_client import Client, ouch42_enter, packet

UDP_SEGMENT = 103
BURST, BURSTS = 64, 100
TIMES = 4  # udp: bursts that are in flight together
CLIENTS = 256  # tcp: each has an order in flight


def stopped(p):
    with open("/proc/%d/stat" % p) as f:
        return f.read().rsplit(") ", 1)[1][0] in "Tt"


class Traced:
    """Counts the system calls of a process, all threads, while it is stopped and goes on again and again."""

    def __init__(self, pid, where):
        self.out = os.path.join(where, "strace")
        self.p = subprocess.Popen(["strace", "-f", "-q", "-c", "-o", self.out, "-p", str(pid)], stderr=subprocess.PIPE)
        time.sleep(0.7)

    def calls(self):
        self.p.send_signal(signal.SIGINT)
        self.p.wait(20)
        with open(self.out) as f:
            text = f.read()
        print(text)
        return int(re.search(r"^\S+\s+\S+\s+\S+\s+(\d+)(?:\s+\d+)?\s+total", text, re.M).group(1))


def waiting(port):
    """Bytes in the receive queue of the UDP sockets of a port: what is not taken from there before the next burst
    comes may be lost to it."""
    with open("/proc/net/udp") as f:
        rows = [line.split() for line in f.readlines()[1:]]
    return sum(int(r[4].split(":")[1], 16) for r in rows if int(r[1].split(":")[1], 16) == port)


def bursts(pid, send, taken=lambda: True):
    """What is sent while it is stopped is in flight when it goes on; the next comes when that is taken."""
    for _ in range(BURSTS):
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.001)
        lib.wait_until(lambda: stopped(pid), why="stopped")
        send()
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.004)
        lib.wait_until(taken, why="a burst is taken")


def mold(n, seq):
    block = b"".join(len(m).to_bytes(2, "big") + m for m in [b"S" + bytes(11)] * n)
    return b"TEST      " + seq.to_bytes(8, "big") + n.to_bytes(2, "big") + block


def udp(io):
    where = tempfile.mkdtemp(prefix="nmw-calls-")
    port = lib.free_port()
    env = dict(os.environ, NMW_DIR=where)
    log = open(os.path.join(where, "log"), "w+")
    p = subprocess.Popen([os.path.join(lib.BIN, "nmw-recv"), "udp:127.0.0.1:%d" % port, "--io", io, "-o", "r",
                          "--min-consumers", "0"], env=env, stderr=log)
    try:
        lib.wait_until(lambda: "buffers of" in open(log.name).read(), why="nmw-recv is ready")
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.connect(("127.0.0.1", port))
        size = len(mold(4, 1))
        s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, size)
        seq = [1]

        def send():
            for _ in range(TIMES):
                s.send(b"".join(mold(4, seq[0] + 4 * i) for i in range(BURST)))
                seq[0] += 4 * BURST

        t = Traced(p.pid, where)
        bursts(p.pid, send, lambda: waiting(port) == 0)
        calls = t.calls()
        p.send_signal(signal.SIGTERM)
        assert p.wait(20) == 0
        n = int(re.findall(r"in (\d+) messages", open(log.name).read())[-1])
        assert n == 4 * TIMES * BURST * BURSTS, "%d messages of %d" % (n, 4 * TIMES * BURST * BURSTS)
        return calls, TIMES * BURST * BURSTS
    finally:
        if p.poll() is None:
            p.kill()
            p.wait()
        shutil.rmtree(where)


def tcp(io):
    accounts = [{"user": "C%03d" % i, "password": lib.quick_hash()} for i in range(CLIENTS)]
    with lib.Exchange(accounts, recv=["--io", io]) as x:
        clients = [Client("127.0.0.1", x.port, a["user"], lib.PASSWORD) for a in accounts]
        for c in clients:
            c.expect("S")
        n = [0]

        def send():
            n[0] += 1
            for i, c in enumerate(clients):
                c.raw(packet("U", ouch42_enter("t%d" % n[0], "B", 1, "AAPL", 10000, tif=0)))

        t = Traced(x.proc["recv"].pid, x.dir)
        bursts(x.proc["recv"].pid, send)
        calls = t.calls()
        for c in clients:
            for i in range(1, BURSTS + 1):
                c.expect("A", token="t%d" % i, timeout=20)
                c.expect("C", timeout=20)
        return calls, CLIENTS * BURSTS


def main():
    if not shutil.which("strace"):
        lib.skip("strace is not there: apt install strace")
    kinds = ["epoll"] + (["uring"] if lib.have_uring() else [])
    for what, most in ((udp, kinds), (tcp, ["uring"] if "uring" in kinds else [])):
        for io in most:
            calls, packets = what(io)
            print("%s %s: %d system calls for %d packets: %.1f packets a call" % (
                what.__name__, io, calls, packets, packets / calls))
            assert 16 * calls <= packets, "%s %s: more than one call for 16 packets" % (what.__name__, io)


if __name__ == "__main__":
    main()
