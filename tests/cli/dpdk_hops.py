#!/usr/bin/env python3
"""nmw-send dpdk: packets to a next hop that is not known yet wait, in order, and hold nobody else up until too many do: then
all wait, for a second at most. Nothing is lost to who answers in time; what who never answers misses is counted, on each line.
The far end says where it is when this program says so."""
import os
import re
import select
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dpdk_lib  # noqa: E402
from dpdk_lib import Link, wait_until  # noqa: E402

ETH_ALL, ARP, IPV4, RCVBUFFORCE = 3, 0x806, 0x800, 33
KNOWN, LATE = "10.9.0.2", "10.9.0.3"  # the kernel answers for the first
PORT, ROOM = 26400, 512  # packets that wait where one is waited for
SHORT = ["--mtu", "576"]  # 12 messages a packet
LOST = "no_neighbor|neighbor_full|sink_error|line_missed"


class Far:
    """All that comes to the far end, and the answer for LATE."""

    def __init__(self, link):
        self.s = link.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_ALL))
        self.s.setsockopt(socket.SOL_SOCKET, RCVBUFFORCE, 32 << 20)
        self.s.bind(("far", ETH_ALL))
        self.mac = self.s.getsockname()[4]
        self.asked, self.got = None, {KNOWN: [], LATE: []}  # (first number, messages)

    def take(self):
        while select.select([self.s], [], [], 0)[0]:
            p, where = self.s.recvfrom(65535)
            kind = struct.unpack(">H", p[12:14])[0]
            if where[2] == socket.PACKET_OUTGOING:
                continue
            if kind == ARP and p[20:22] == b"\0\1" and p[38:42] == socket.inet_aton(LATE):
                self.asked = p[22:32]
            to = socket.inet_ntoa(p[30:34]) if kind == IPV4 and p[23] == 17 else None
            if to in self.got and struct.unpack(">H", p[36:38])[0] == PORT:
                self.got[to].append(struct.unpack(">QH", p[52:62]))
                assert to != LATE or p[:6] == self.mac, "to another card"

    def answer(self):
        assert self.asked, "nobody asked"
        self.s.send(self.asked[:6] + self.mac + struct.pack(">HHHBBH", ARP, 1, IPV4, 6, 4, 2) + self.mac +
                    socket.inet_aton(LATE) + self.asked)

    def numbers(self, who):
        return [seq + i for seq, n in self.got[who] if n != 0xFFFF for i in range(n)]

    def ended(self, who):
        return any(n == 0xFFFF for _, n in self.got[who])


def counted(log, name):
    found = re.findall(name + r" (\d+)", log)
    return int(found[-1]) if found else 0


def run(to, rate, count, packets, *more, held=False):
    """Answers for LATE when KNOWN has had so many packets (0: never); held: and gets no more. What LATE missed, the log."""
    link = Link()
    try:
        far = Far(link)
        send = link.start("nmw-send", "dpdk:net_af_packet0,iface=near,addr=10.9.0.1/24:9000,session=S1,to=" +
                          "+".join("%s:%d" % (a, PORT) for a in to), "-i", "feed", "--wait", "20s", *more, *dpdk_lib.no_huge(),
                          near=True)
        match = link.start("nmw-match", "-q", "-i", "orders", "-o", "feed", "--wait", "20s")
        recv = link.start("nmw-recv", "-q", "gen:seed=5,symbols=1,count=%d" % count, "--pace", rate, "-o", "orders")

        def some():
            far.take()
            return len(far.got[KNOWN]) >= packets
        wait_until(some, 30, "packets to who is known: " + link.log(send))
        if held:
            time.sleep(0.2)
            far.take()
            assert len(far.got[KNOWN]) <= packets + 32, "%d packets: nobody waited" % len(far.got[KNOWN])
        assert not far.got[LATE], "sent to who did not say where it is"
        if packets:
            far.answer()

        def done():
            far.take()
            return all(p.poll() is not None for p in (recv, match, send))
        wait_until(done, 60, "the end")
        for p in recv, match, send:
            assert p.returncode == 0, link.log(p)
        far.take()
        all_of, late = far.numbers(KNOWN), far.numbers(LATE)
        assert far.ended(KNOWN), "no end"
        assert all_of == list(range(1, all_of[-1] + 1)), "who is known misses some"
        assert late == list(range(1, len(late) + 1)), "order: %s" % late[:5]
        return len(all_of) - len(late), link.log(send)
    finally:
        link.close()


def main():
    dpdk_lib.need_dpdk()
    dpdk_lib.need_namespaces()
    missed, log = run([KNOWN, LATE], "100pps", 40, 8)
    assert missed == 0 and not re.search(LOST, log), (missed, log)
    missed, log = run([LATE, KNOWN], "max", 16000, ROOM, *SHORT, held=True)
    assert missed == 0 and not re.search(LOST, log), (missed, log)
    missed, log = run([LATE, KNOWN], "max", 16000, 0, *SHORT)
    assert missed and counted(log, "no_neighbor") == missed, (missed, log)
    assert "10.9.0.3 does not say where it is" in log, log
    missed, log = run([KNOWN, LATE], "max", 16000, 0, *SHORT)
    assert missed and counted(log, "line_missed") == missed and "no_neighbor" not in log, (missed, log)


if __name__ == "__main__":
    main()
