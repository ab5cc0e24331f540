#!/usr/bin/env python3
"""dpdk: over a veth pair, with each driver that can: ARP, ping, groups, orders where the driver put them."""
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dpdk_lib  # noqa: E402
import ring_python  # noqa: E402
import soup_client  # noqa: E402
from dpdk_lib import Link, mold, skip, wait_until  # noqa: E402

ORDERS, FRAME_HEAD = 200, 14 + 20 + 8


def order(n):
    return soup_client.ouch42_enter(token="T%d" % n, side="BS"[n % 2], shares=100, stock="AAPL", price=1000000 + n)


def checksum(b):
    s = sum(struct.unpack(">%dH" % (len(b) // 2), b))
    while s >> 16:
        s = (s & 0xFFFF) + (s >> 16)
    return ~s & 0xFFFF


def ping4(link):
    s = link.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    s.settimeout(5)
    data = struct.pack(">BBHHH", 8, 0, 0, 77, 1) + bytes(range(48))
    data = data[:2] + struct.pack(">H", checksum(data)) + data[4:]
    s.sendto(data, ("10.9.0.1", 0))
    while True:
        p, source = s.recvfrom(2048)
        if p[20] == 0:
            assert source[0] == "10.9.0.1" and p[24:] == data[4:] and checksum(p[20:]) == 0, "the echo differs"
            return


def ping6(link):
    s = link.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    s.settimeout(5)
    data = struct.pack(">BBHHH", 128, 0, 0, 77, 1) + bytes(range(48))
    s.sendto(data, ("fd09::1", 0))
    while True:
        p, source = s.recvfrom(2048)
        if p[0] == 129:
            assert source[0] == "fd09::1" and p[4:] == data[4:]
            return


class Capture:
    """All frames of the far end, by a packet socket; written as a capture at the end."""

    def __init__(self, link):
        self.s = link.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        self.s.bind(("far", 3))
        self.s.setblocking(False)
        self.frames = []

    def take(self):
        try:
            while True:
                self.frames.append(self.s.recv(65536))
        except BlockingIOError:
            return self.frames

    def decode(self, path):
        if not dpdk_lib.shutil.which("tshark"):
            return None
        with open(path, "wb") as f:
            f.write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65536, 1))
            for i, p in enumerate(self.take()):
                f.write(struct.pack("=IIII", 1, i, len(p), len(p)) + p)
        r = subprocess.run(["tshark", "-r", path, "-T", "fields", "-e", "frame.protocols", "-e", "_ws.malformed",
                            "-e", "arp.opcode", "-e", "icmp.type", "-e", "icmp.checksum.status"],
                           capture_output=True, text=True)
        assert r.returncode == 0, r.stderr
        return [line.split("\t") for line in r.stdout.splitlines()]


def in_place(link, ring, n):
    """Where each payload lies: in the driver's buffers, behind the headers that came with it."""
    tap = ring_python.Tap(os.path.join(link.rings, ring + ".ring"))
    seen = 0
    for seq in range(tap.oldest(), n + 1):
        assert tap.ready(seq)
        _, _, _, off, _, length, channel, _ = struct.unpack_from("=QQQQIHBB", tap.m, tap.slot(seq) + 8)
        if channel != 1:  # orders
            continue
        at = tap.frames + off - 22 - FRAME_HEAD  # MoldUDP64's header and the block's length before it
        head = tap.m[at:at + FRAME_HEAD]
        assert head[12:14] == b"\x08\x00" and head[26:34] == socket.inet_aton("10.9.0.2") + socket.inet_aton("10.9.0.1")
        assert tap.m[at + FRAME_HEAD:at + FRAME_HEAD + 10] == b"CLIENT    ", "not where the driver put it"
        seen += 1
    tap.drop()
    assert seen == ORDERS, "%d of %d orders lie in the driver's buffers" % (seen, ORDERS)


def one(driver):
    link = Link()
    try:
        dev = "dpdk:net_%s0,iface=near,addr=10.9.0.1/24:5000" % driver
        recv = link.start("nmw-recv", dev, "-o", "orders", "--pages", "normal", *dpdk_lib.no_huge(), near=True)
        try:
            link.runs(recv)
        except AssertionError as e:
            if "driver" in str(e) and ("refused" in str(e) or "no driver" in str(e)):
                return "%s: %s" % (driver, str(e).splitlines()[-1])
            raise
        capture = Capture(link)
        reader = link.start("nmw-send", "null:", "-i", "orders", "--consumer", "kept")
        wait_until(lambda: any(r["consumers"] for r in link.stats()["rings"]), 10, "the reader")
        reader.kill()  # its place is kept: what comes now stays where it is
        reader.wait()
        ping4(link)
        s = link.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for n in range(ORDERS):
            s.sendto(mold("CLIENT", n + 1, order(n)), ("10.9.0.1", 5000))
            if n % 20 == 19:
                time.sleep(0.002)
        wait_until(lambda: link.published("orders") > ORDERS, 10, "%d orders" % ORDERS)  # and the LOGIN
        in_place(link, "orders", ORDERS + 1)
        s.sendto(b"x" * 30, ("10.9.0.1", 5001))  # to nobody
        reader = link.start("nmw-send", "null:", "-i", "orders", "--consumer", "kept")
        wait_until(lambda: link.behind("orders") == 0, 10, "the reader to be done")
        rows = capture.decode(os.path.join(link.dir, "link.pcap"))
        log = link.stop(recv)
        assert "out %d, dropped" % (ORDERS + 1) in log, log
        if driver == "af_packet":  # net_af_xdp keeps those of its fill ring
            assert dpdk_lib.buffers(log)[0][2:] == (0, 0), log
        reader.wait(10)
        if rows is not None:
            assert not [r for r in rows if r[1]], "malformed"
            assert [r for r in rows if r[2] == "2"], "no ARP reply"
            assert [r for r in rows if r[3] == "0" and r[4] in ("1", "Good")], "no good echo reply"
        return None
    finally:
        link.close()


def ipv6_and_groups():
    link = Link()
    try:
        dev = "dpdk:net_af_packet0,iface=near,addr=[fd09::1]/64:5000"
        recv = link.start("nmw-recv", dev, "-o", "orders", "--pages", "normal", *dpdk_lib.no_huge(), near=True)
        link.runs(recv)
        sink = link.start("nmw-send", "null:", "-i", "orders")
        ping6(link)
        s = link.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        s.sendto(mold("CLIENT", 1, order(1)), ("fd09::1", 5000))
        wait_until(lambda: link.published("orders") == 2, 10, "an order over IPv6")
        link.stop(recv)
        sink.wait(10)
        capture = Capture(link)
        recv = link.start("nmw-recv", "dpdk:net_af_packet0,iface=near,addr=10.9.0.1/24,group=239.1.1.1:6000", "-o", "feed",
                          "--pages", "normal", *dpdk_lib.no_huge(), near=True)
        link.runs(recv)
        sink = link.start("nmw-send", "null:", "-i", "feed")
        join = socket.inet_aton("10.9.0.1") + socket.inet_aton("224.0.0.22")
        wait_until(lambda: any(p[26:34] == join and p[38] == 0x22 and p[50:54] == socket.inet_aton("239.1.1.1")
                               for p in capture.take()), 10, "a membership report")
        s = link.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("10.9.0.2"))
        s.sendto(mold("FEED", 1, b"S" + bytes(10) + b"O"), ("239.1.1.1", 6000))
        s.sendto(mold("FEED", 1, b"S" + bytes(10) + b"O"), ("239.1.1.2", 6000))
        wait_until(lambda: link.published("feed") == 1, 10, "a message of the group")
        link.stop(recv)
        leave = [p for p in capture.take() if p[26:34] == join and p[38] == 0x22 and p[46] == 3]
        assert leave, "the group was not left"
        sink.wait(10)
    finally:
        link.close()


def interface_goes():
    """net_af_packet says nothing when its interface is down or taken away: both ends do."""
    link = Link()
    try:
        recv = link.start("nmw-recv", "dpdk:net_af_packet0,iface=near,addr=10.9.0.1/24:5000", "-o", "orders",
                          "--pages", "normal", *dpdk_lib.no_huge(), near=True)
        link.runs(recv)
        source = link.start("nmw-recv", "gen:seed=1,count=100M", "--pace", "2kpps", "-o", "feed")
        send = link.start("nmw-send", "dpdk:net_af_packet0,iface=near,addr=10.9.0.1/24:9000,answer=off,"
                          "hop=02:00:00:00:00:02,to=10.9.0.2:5001", "-i", "feed", *dpdk_lib.no_huge(), near=True)
        wait_until(lambda: link.published("feed") > 100, 10, "messages to send")
        link.ip("-n", link.b, "link", "set", "far", "down")
        for p, words in ((recv, "link is down"), (send, "the link is down: packets are lost")):
            wait_until(lambda p=p, words=words: words in link.log(p), 10, words)
        link.ip("-n", link.b, "link", "set", "far", "up")
        wait_until(lambda: "link is up" in link.log(recv).split("link is down", 1)[1], 10, "the link to be up again")
        link.ip("-n", link.a, "link", "del", "near")
        wait_until(lambda: link.log(recv).count("link is down") == 2, 10, "the interface to be missed")
        link.stop(recv)
        source.send_signal(signal.SIGINT)
        source.wait(10)
        log = link.stop(send) if send.poll() is None else link.log(send)
        assert "sink_error" in log, log
    finally:
        link.close()


def main():
    dpdk_lib.need_dpdk()
    dpdk_lib.need_namespaces()
    left_out = [why for why in (one("af_packet"), one("af_xdp")) if why]
    ipv6_and_groups()
    interface_goes()
    if left_out:
        skip("the rest holds; " + "; ".join(left_out))


main()
