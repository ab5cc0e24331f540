#!/usr/bin/env python3
"""One stream of orders through a kernel's socket and past the kernel at once, into two pipelines: nmw-stat compare finds
their outputs the same, and shows latency and loss of both; what one of them lost it tells."""
import json
import os
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dpdk_lib  # noqa: E402
import soup_client  # noqa: E402
from dpdk_lib import Link, mold, wait_until  # noqa: E402

ORDERS, BURST, UP = 1000, 20, 1  # UP: the client is there


def order(n):
    """Every second one buys what the one before sold."""
    return soup_client.ouch42_enter(token="T%d" % n, side="SB"[n % 2], shares=100, stock="AAPL", price=1500000 + n // 2 % 50)


def compare(link, *more):
    """Of the pipelines' outputs; joins both before anything is published, so that nothing is missed."""
    return subprocess.Popen([os.path.join(dpdk_lib.BIN, "nmw-stat"), "compare", "kernel", "card", "--hold", "--wait", "30s", *more],
                            env=link.env, stdout=subprocess.PIPE, text=True)


def pipeline(link, name, source, *more):
    recv = link.start("nmw-recv", source, "-o", name + ".in", "--min-consumers", "1", *more, near=True)
    match = link.start("nmw-match", "-i", name + ".in", "-o", name, "--min-consumers", "1", "--wait", "30s")
    return recv, match


def send(s, first):
    for n in range(first, first + ORDERS):
        s.sendto(mold("COMPARE", n, order(n)), ("10.9.0.1", 5000))
        if n % BURST == 0:
            time.sleep(0.002)


def run(link, lose):
    """What compare said, and its exit status. lose: orders that only the card sees, while the kernel drops them."""
    link.ip("-n", link.a, "addr", "replace", "10.9.0.1/24", "dev", "near")
    kernel, _ = pipeline(link, "kernel", "udp:10.9.0.1:5000")
    card, _ = pipeline(link, "card", "dpdk:net_af_packet0,iface=near,addr=10.9.0.1:5000,answer=off", *dpdk_lib.no_huge())
    both = compare(link, *(["--jsonl"] if lose else []))
    link.runs(card)
    link.runs(kernel, "udp: 1 lines")
    wait_until(lambda: len([r for r in link.stats()["rings"] if r["consumers"]]) == 4, 20, "all readers")
    s = link.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("10.9.0.2", 6000))
    send(s, 1)
    wait_until(lambda: link.published("kernel.in") == link.published("card.in") == UP + ORDERS, 20, "the orders")
    if lose:  # the kernel's socket hears nothing of these
        link.ip("-n", link.a, "addr", "del", "10.9.0.1/24", "dev", "near")
        for n in range(ORDERS + 1, ORDERS + 1 + lose):
            s.sendto(mold("COMPARE", n, order(n)), ("10.9.0.1", 5000))
        wait_until(lambda: link.published("card.in") == UP + ORDERS + lose, 20, "the orders that only the card sees")
    for p in (kernel, card):
        link.stop(p)
    said, _ = both.communicate(timeout=30)
    return said, both.returncode


def with_link(what):
    link = Link()
    try:
        what(link)
    finally:
        link.close()


def same(link):
    said, rc = run(link, 0)
    assert rc == 0 and "all the same" in said, "exit %d: %s" % (rc, said)
    assert "latency p99" in said, said
    print(said.strip())


def lost(link):
    said, rc = run(link, 10)
    *events, end = [json.loads(line) for line in said.splitlines()]
    assert rc == 1 and not end["same"], "exit %d: %s" % (rc, said)
    extra = [e for e in events if e["event"] == "extra"]
    assert extra and end["extra"] > end["missing"] and end["equal"] > 3 * ORDERS, said  # the ends differ, too
    print("what only the card had: %d messages" % end["extra"])


if __name__ == "__main__":
    dpdk_lib.need_dpdk()
    dpdk_lib.need_namespaces()
    with_link(same)
    with_link(lost)
