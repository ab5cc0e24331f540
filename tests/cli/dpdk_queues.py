#!/usr/bin/env python3
"""dpdk: with four queues: a ring each, every flow in order, counters that add up; and readers that are killed."""
import os
import re
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dpdk_lib  # noqa: E402
import soup_client  # noqa: E402
from dpdk_lib import Link, mold, skip, wait_until  # noqa: E402

QUEUES, FLOWS, EACH = 4, 16, 150


def order(flow, n):
    return soup_client.ouch42_enter(token="%02d%05d" % (flow, n), side="B", shares=100, stock="AAPL", price=1000000 + n)


def send_flows(link, rings):
    """Not faster than they are taken in: what the kernel's side of the driver drops, nobody counts."""
    socks = [link.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(FLOWS)]
    for n in range(EACH):
        for f, s in enumerate(socks):
            s.sendto(mold("F%d" % f, n + 1, order(f, n)), ("10.9.0.1", 5000))
        if n == 0 or n % 15 == 14:  # the first alone: what waits for a neighbour can be overtaken when it is known
            wait_until(lambda: sum(link.published(r) for r in rings) == FLOWS * (n + 2), 10, "what was sent so far")


def queues():
    link = Link(QUEUES)
    try:
        dev = "dpdk:net_af_packet0,iface=near,addr=10.9.0.1/24:5000,queues=%d" % QUEUES
        recv = link.start("nmw-recv", dev, "-o", "q", "--pages", "normal", "--slots", "4K", *dpdk_lib.no_huge(), near=True)
        link.runs(recv)
        rings = ["q.%d" % i for i in range(QUEUES)]
        sinks = [link.start("nmw-send", "jsonl:" + os.path.join(link.dir, r), "-i", r) for r in rings]
        wait_until(lambda: all(r["consumers"] for r in link.stats()["rings"]), 10, "the readers")
        send_flows(link, rings)
        total = FLOWS * (EACH + 1)  # and a LOGIN each
        wait_until(lambda: sum(link.published(r) for r in rings) == total, 10, "%d messages" % total)
        each = [link.published(r) for r in rings]
        log = link.stop(recv)
        for s in sinks:
            s.wait(10)
        assert sum(1 for n in each if n) > 1, "one queue has all: %s" % each
        check_flows(link, rings)
        assert [b[2:] for b in dpdk_lib.buffers(log)] == [(0, 0)] * QUEUES, log
        # a line of figures each: what came in went out or was dropped, and together they are what was sent
        rows = [tuple(map(int, m)) for m in re.findall(r"in (\d+) messages, out (\d+), dropped (\d+)", log)]
        assert len(rows) == QUEUES and all(i == o + d for i, o, d in rows), log
        assert sorted(o for _, o, _ in rows) == sorted(each), log
    finally:
        link.close()


def check_flows(link, rings):
    """A flow is on one ring, and there in the order in which it was sent."""
    where = {}
    for r in rings:
        with open(os.path.join(link.dir, r)) as f:
            for token in re.findall(r'"order_token":"(\d{7})"', f.read()):
                flow, n = int(token[:2]), int(token[2:])
                at, last = where.get(flow, (r, -1))
                assert at == r, "flow %d is on %s and %s" % (flow, at, r)
                assert n == last + 1, "flow %d: %d behind %d" % (flow, n, last)
                where[flow] = (r, n)
    assert len(where) == FLOWS and all(n == EACH - 1 for _, n in where.values()), "not all came: %s" % where


def flood(link, seconds):
    """A stream as fast as it goes, from a process of its own: pid and socket stay out of the way."""
    code = ("import socket,struct,time,sys\n"
            "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
            "end=time.monotonic()+%g; n=0\n"
            "x=b'X'+b'T%%013d'%%1+struct.pack('>I',0)\n"
            "while time.monotonic()<end:\n"
            "  for i in range(50):\n"
            "    n+=1; s.sendto(b'FLOOD     '+struct.pack('>QHH',n,1,len(x))+x,('10.9.0.1',5000))\n"
            "  time.sleep(0.0005)\n"
            "print(n)" % seconds)
    p = subprocess.Popen(["ip", "netns", "exec", link.b, sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    link.children.append(p)
    return p


def killed(on_full, named):
    """nmw-match is killed under load; another takes its place; all buffers are accounted for."""
    link = Link()
    try:
        dev = "dpdk:net_af_packet0,iface=near,addr=10.9.0.1/24:5000,buffers=3000,desc=256"
        recv = link.start("nmw-recv", dev, "-o", "orders", "--pages", "normal", "--slots", "2K", "--on-full", on_full,
                          *dpdk_lib.no_huge(), near=True)
        link.runs(recv)
        reader = ["-i", "orders", "-o", "events"] + (["--consumer", "m"] if named else [])
        sink = link.start("nmw-send", "null:", "-i", "events", "--wait", "0s")
        match = link.start("nmw-match", *reader)
        wait_until(lambda: any(r["consumers"] for r in link.stats()["rings"] if r["name"] == "orders"), 10, "nmw-match")
        load = flood(link, 3.0)
        for _ in range(3):
            time.sleep(0.4)
            match.kill()
            match.wait()
            time.sleep(0.3)  # the ring and the buffers run full
            assert recv.poll() is None, "nmw-recv ended: " + link.log(recv)
            match = link.start("nmw-match", *reader)
        load.wait(20)
        sent = int(load.stdout.read())
        wait_until(lambda: link.behind("orders") == 0, 20, "nmw-match to be done")
        log = link.stop(recv)
        match.wait(10)
        sink.kill()
        (total, free, held, away), = dpdk_lib.buffers(log)
        assert (free, held, away) == (total, 0, 0), log
        m = re.search(r"in (\d+) messages, out (\d+), dropped (\d+)(.*)", log)
        came, out, dropped = (int(v) for v in m.groups()[:3])
        assert came == out + dropped and out > 1000, log
        print("%s, %s: %d sent, %d came in, %d went out, %d dropped%s" %
              (on_full, "named" if named else "unnamed", sent, came, out, dropped, m.group(4)))
    finally:
        link.close()


def main():
    dpdk_lib.need_dpdk()
    dpdk_lib.need_namespaces()
    queues()
    killed("wait", False)
    killed("drop", True)


main()
