#!/usr/bin/env python3
"""nmw-fpga wire at a network card of DPDK's and at sockets: a client of the kernel's sends orders of OUCH 5.0 in MoldUDP64
over a veth pair, and has its replies and the market data by the same way. NMW_WIRE_DRIVERS="af_packet af_xdp" are tried."""
import os
import select
import socket
import subprocess
import struct
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dpdk_lib  # noqa: E402
import wire_frames  # noqa: E402
from dpdk_lib import Link, mold, skip, wait_until  # noqa: E402
from live_lib import free_port  # noqa: E402
from soup_client import ouch50_cancel, ouch50_enter  # noqa: E402

SO = os.environ.get("NMW_BITSTREAM") or os.path.abspath(os.path.join(os.path.dirname(__file__), "../../hw/build/nmw_wire.so"))
ORDERS = 60
SLOW = 100  # s: a simulated device among other programs
SERVER, GROUP = ("10.9.0.1", 9000), ("239.192.0.1", 26400)


def unpack(packet):
    """(session, first number, messages); None: the end of the session."""
    name, seq, n = packet[:10], *struct.unpack(">QH", packet[10:20])
    if n == 0xFFFF:
        return name, seq, None
    out, at = [], 20
    for _ in range(n):
        size, = struct.unpack_from(">H", packet, at)
        out.append(packet[at + 2:at + 2 + size])
        at += 2 + size
    assert at == len(packet), "blocks and datagram have different lengths"
    return name, seq, out


class Stream:
    """What a socket gets: one session of MoldUDP64 without a hole."""

    def __init__(self, sock, source=None):
        self.sock, self.source, self.messages, self.next, self.ended = sock, source, [], 1, False
        sock.setblocking(False)

    def take(self):
        while True:
            try:
                packet, source = self.sock.recvfrom(65535)
            except BlockingIOError:
                return self.messages
            assert self.source in (None, source), "from %s, not %s" % (source, self.source)
            name, seq, got = unpack(packet)
            assert name == b"NMW0000000" and seq == self.next, (name, seq, self.next)
            if got is None:
                self.ended = True
            else:
                self.messages += got
                self.next += len(got)

    def wait(self, what, n):
        wait_until(lambda: sum(m[:1] in what for m in self.take()) >= n, SLOW,
                   "%d of %s: %s" % (n, what, [m[:1] for m in self.messages]))


def group_socket(link):
    s = link.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(GROUP)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP[0]) + socket.inet_aton("10.9.0.2"))
    return s


def orders(link, client, far, feed):
    """Orders that rest, trade and are canceled, some in one datagram; every one is answered."""
    seq = urn = 0
    for i in range(ORDERS // 3):
        urn += 3
        three = [ouch50_enter(urn=urn - 2, side="S", shares=100, stock="AAPL", price=1825000 + 100 * i),
                 ouch50_enter(urn=urn - 1, side="B", shares=40, stock="AAPL", price=1825000 + 100 * i),
                 ouch50_cancel(urn=urn - 2)]
        if i % 2:
            client.sendto(mold("CLIENT", seq + 1, *three), SERVER)
        else:
            for k, m in enumerate(three):
                client.sendto(mold("CLIENT", seq + 1 + k, m), SERVER)
        seq += 3
    far.wait((b"C",), ORDERS // 3)
    feed.wait((b"D",), ORDERS // 3)
    kinds = [bytes(m[:1]) for m in far.messages]
    assert kinds[0] == b"S" and kinds.count(b"A") == 2 * (ORDERS // 3) and kinds.count(b"E") == 2 * (ORDERS // 3), kinds
    kinds = [bytes(m[:1]) for m in feed.messages]
    assert kinds.count(b"A") == ORDERS // 3 and kinds.count(b"E") == ORDERS // 3, kinds


def run(name, ends, prepare, says):
    link = Link()
    try:
        prepare(link)
        tool = link.start("nmw-fpga", "wire", "--bitstream", SO, "--center", "AAPL=182.50", *ends, near=True)
        try:
            link.runs(tool, "books in use", SLOW)
        except AssertionError as e:
            if "driver" in str(e) and ("refused" in str(e) or "no driver" in str(e)):
                return "%s: %s" % (name, str(e).splitlines()[-1])
            raise
        client = link.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.setsockopt(socket.SOL_SOCKET, 11, 1)  # SO_NO_CHECK: a veth pair leaves the checksum to nobody
        client.bind(("10.9.0.2", 0))
        far, feed = Stream(client, SERVER), Stream(group_socket(link))
        client.sendto(b"x" * 30, (SERVER[0], SERVER[1] + 1))  # to nobody here
        client.sendto(b"no MoldUDP64", SERVER)
        orders(link, client, far, feed)
        log = link.stop(tool, seconds=SLOW)
        assert far.take() and far.messages[-1][:1] == b"S" and far.messages[-1][9:10] == b"E", far.messages[-1]
        wait_until(lambda: feed.take() and feed.ended, SLOW, "the end of the feed")
        for w in says:
            assert w in log, "not said: %s: %s" % (w, log)
        return "%s: %d orders, %d replies, %d of market data" % (name, 2 * (ORDERS // 3), len(far.messages), len(feed.messages))
    finally:
        link.close()


def dpdk(driver):
    dev = "net_%s0" % driver
    ends = ["--in", "dpdk:%s,iface=near,addr=10.9.0.1/24:9000" % dev, "--out", "dpdk:" + dev, *dpdk_lib.no_huge()]
    return run("dpdk:" + dev, ends, lambda link: None, ["MAC ", "filtered", "bad_mold"])


def udp():
    def address(link):  # the system would send from the first one
        for ip in "10.9.0.3/24", "10.9.0.1/24":
            link.ip("-n", link.a, "addr", "add", ip, "dev", "near")
        return link
    ends = ["--in", "udp:0.0.0.0:9000", "--out", "udp:239.192.0.1:26400%near?ttl=2"]
    return run("udp:", ends, address, ["bad_mold"])


def answers_arp(link, tool):
    asks = link.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def answered():
        asks.sendto(b"?", ("10.9.0.1", 9))
        seen = subprocess.run(["ip", "-n", link.b, "neigh", "show", "10.9.0.1"], capture_output=True, text=True)
        return "lladdr" in seen.stdout
    wait_until(answered, SLOW, "an answer to ARP: " + link.log(tool))


def two_ports():
    """Each port says on its own link where it is, one that frames only go out of too; both have memory without -m."""
    link = Link()
    try:
        tool = link.start("nmw-fpga", "wire", "--bitstream", SO, "--center", "AAPL=182.50", "--in", "dpdk:net_ring0,addr=10.8.0.1/24:9000",
                          "--out", "dpdk:net_af_packet0,iface=near,addr=10.9.0.1/24", "--", "--no-huge", near=True)
        link.runs(tool, "books in use", SLOW)
        answers_arp(link, tool)
        link.stop(tool, seconds=SLOW)
    finally:
        link.close()


def capture_to_card():
    """Frames of a capture, which comes through a pipe and stays open: the port that they leave from answers ARP meanwhile."""
    link = Link()
    try:
        order = ouch50_enter(urn=1, side="B", shares=100, stock="AAPL", price=1825000)
        payload = mold("CLIENT", 1, order)
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), 0, 0x4000, 64, 17, 0, socket.inet_aton("10.9.0.2"),
                         socket.inet_aton("10.9.0.1"))
        path = os.path.join(link.dir, "in.pcap")
        frame = wire_frames.sums(bytes(12) + b"\x08\0" + ip + struct.pack(">HHHH", 5000, 9000, 0, 0) + payload)
        wire_frames.write(path, [(10**18, frame)])
        pipe = os.path.join(link.dir, "pipe")
        os.mkfifo(pipe)
        tool = link.start("nmw-fpga", "wire", "--bitstream", SO, "--center", "AAPL=182.50", "--in", "pcap:" + pipe,
                          "--out", "dpdk:net_af_packet0,iface=near,addr=10.9.0.1/24", *dpdk_lib.no_huge(), near=True)
        with open(pipe, "wb", buffering=0) as capture, open(path, "rb") as whole:
            capture.write(whole.read())
            link.runs(tool, "books in use", SLOW)
            answers_arp(link, tool)
        assert tool.wait(SLOW) == 0, link.log(tool)
    finally:
        link.close()


def from_capture():
    """Replies to orders of a capture leave from the address that was said, by reply= or --server."""
    client, feed = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    for s in client, feed:
        s.bind(("127.0.0.1", 0))
        s.settimeout(SLOW)
    at, group = client.getsockname(), "udp:127.0.0.1:%d" % feed.getsockname()[1]
    order = ouch50_enter(urn=1, side="B", shares=100, stock="AAPL", price=1825000)
    payload = mold("CLIENT", 1, order)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), 0, 0x4000, 64, 17, 0, socket.inet_aton("127.0.0.1"),
                     socket.inet_aton("127.0.0.1"))
    with tempfile.TemporaryDirectory() as tmp:
        os.mkdir(tmp + "/rings", 0o700)
        for option in "reply", "server":
            server = ("127.0.0.1", free_port())
            frame = wire_frames.sums(bytes(12) + b"\x08\0" + ip + struct.pack(">HHHH", at[1], server[1], 0, 0) + payload)
            wire_frames.write(tmp + "/in.pcap", [(10**18, frame)])
            where = "%s:%d" % server
            out = ["--out", group + "?reply=" + where] if option == "reply" else ["--out", group, "--server", where]
            r = subprocess.run([os.path.join(dpdk_lib.BIN, "nmw-fpga"), "wire", "--bitstream", SO, "--in", "pcap:" + tmp + "/in.pcap",
                                "--center", "AAPL=182.50", *out], capture_output=True, text=True, timeout=SLOW,
                               env=dict(os.environ, NMW_DIR=tmp + "/rings"))
            assert r.returncode == 0 and "replies leave from " + where in r.stderr, r
            kinds = b""
            while b"A" not in kinds:
                packet, source = client.recvfrom(65535)
                assert source == server, (source, server)
                kinds += b"".join(m[:1] for m in unpack(packet)[2] or [])
            while client in select.select([client], [], [], 0.1)[0]:
                client.recv(65535)


def refusals():
    """Exit status and what is said, without a device or an address."""
    def wire(rc, words, *args):
        r = subprocess.run([os.path.join(dpdk_lib.BIN, "nmw-fpga"), "wire", "--bitstream", SO, *args], capture_output=True,
                           text=True, timeout=60)
        assert r.returncode == rc, (rc, r)
        for w in words:
            assert w in r.stderr, (w, r.stderr)
    wire(2, ["IPv6", "speaks IPv4"], "--in", "udp:[::1]:9000", "--out", "null:")
    wire(2, ["one is expected"], "--in", "udp:127.0.0.1:9000,127.0.0.1:9001", "--out", "null:")
    wire(2, ["ip addr"], "--in", "udp:192.0.2.1:9000", "--out", "null:")
    wire(2, ["two places for market data"], "--in", "udp:127.0.0.1:9000", "--out", "udp:127.0.0.1:26401", "--feed", "239.1.1.1:26400")
    wire(2, ["nothing says which address replies leave from", "reply=ADDR:PORT"], "--in", "if:lo", "--out", "udp:")
    to = "udp:239.1.1.1:26400?reply="
    wire(2, ["replies cannot leave from a group's address"], "--in", "if:lo", "--out", to + "239.1.1.1:7001")
    wire(2, ["replies cannot leave from an address that no host can have"], "--in", "if:lo", "--out", to + "0.0.0.0:7001")
    wire(2, ["where market data goes is missing", "--feed ADDR:PORT"], "--in", "if:lo", "--out", "udp:?reply=127.0.0.1:7001")
    wire(2, ["--in: given twice", "if:lo", "leave one out"], "--in", "if:lo", "--in", "udp:127.0.0.1:9000", "--out", "null:")
    wire(2, ["--server: given twice"], "--in", "if:lo", "--server", "127.0.0.1:1", "--server", "127.0.0.1:2", "--out", "null:")
    for at, server in ("127.0.0.1:9000", "127.0.0.1:9000"), ("0.0.0.0:9000", "127.0.0.1:9001"):
        wire(2, ["--server " + server, "--in udp:" + at, "leave --server out"], "--in", "udp:" + at, "--server", server, "--out", "null:")
    for option in "server", "feed", "feed-source":
        wire(2, ["--%s: 0.0.0.0:1: no host can have it" % option], "--in", "if:lo", "--out", "null:", "--" + option, "0.0.0.0:1")
    wire(2, ["--feed-source 239.1.1.1:1: a group"], "--in", "if:lo", "--out", "null:", "--feed-source", "239.1.1.1:1")
    wire(2, ["replies leave from the socket of --in udp:"], "--in", "udp:127.0.0.1:%d" % free_port(), "--out", to + "127.0.0.1:1")
    wire(2, ["given twice"], "--in", "udp:127.0.0.1:9000", "--out", "udp:?ttl=1&ttl=2")
    wire(2, ["behind -- is for dpdk:DEV"], "--in", "udp:127.0.0.1:9000", "--out", "null:", "--", "--no-huge")
    wire(2, ["not a source of frames", "dpdk:DEV"], "--in", "dpkd:eth0", "--out", "null:")
    wire(2, ["queues=1"], "--in", "dpdk:net_null0,queues=2", "--out", "null:")
    wire(5, ["no such interface"], "--in", "dpdk:net_af_packet0,iface=nmw-none", "--out", "null:", *dpdk_lib.no_huge())
    wire(5, ["no driver of that name"], "--in", "udp:127.0.0.1:%d" % free_port(), "--out", "dpdk:net_nothing0", *dpdk_lib.no_huge())


def main():
    if not os.path.exists(SO):
        skip("hw/build/nmw_wire.so is not there: make hw builds it, where verilator is")
    dpdk_lib.need_namespaces()
    version = subprocess.run([os.path.join(dpdk_lib.BIN, "nmw-fpga"), "wire", "--version"], capture_output=True, text=True).stdout
    print(udp())
    from_capture()
    if "dpdk 2" not in version:
        r = subprocess.run([os.path.join(dpdk_lib.BIN, "nmw-fpga"), "wire", "--in", "dpdk:net_null0", "--out", "null:"],
                           capture_output=True, text=True)
        assert r.returncode == 5 and "built without DPDK" in r.stderr, r
        return
    refusals()
    two_ports()
    capture_to_card()
    for driver in os.environ.get("NMW_WIRE_DRIVERS", "af_packet").split():
        print(dpdk(driver))


if __name__ == "__main__":
    main()
