#!/usr/bin/env python3
"""nmw-send dpdk: a next hop that is not known yet holds nobody else up: packets to it wait, in order and up to a bound; what
there is no room for is counted, and nothing else. The far end says where it is when this program says so."""
import os
import re
import select
import socket
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dpdk_lib  # noqa: E402
from dpdk_lib import Link, wait_until  # noqa: E402

ETH_ALL, ARP, IPV4 = 3, 0x806, 0x800
KNOWN, LATE = "10.9.0.2", "10.9.0.3"  # the kernel answers for the first
PORT, ROOM = 26400, 64


class Far:
    """All that comes to the far end, and the answer for LATE."""

    def __init__(self, link):
        self.s = link.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_ALL))
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
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


def run(to, rate, count, packets):
    """Answers for LATE when KNOWN has had so many packets; what LATE missed, and what was counted."""
    link = Link()
    try:
        far = Far(link)
        send = link.start("nmw-send", "dpdk:net_af_packet0,iface=near,addr=10.9.0.1/24:9000,session=S1,to=" +
                          "+".join("%s:%d" % (a, PORT) for a in to), "-i", "feed", "--wait", "20s", *dpdk_lib.no_huge(), near=True)
        match = link.start("nmw-match", "-q", "-i", "orders", "-o", "feed", "--wait", "20s")
        recv = link.start("nmw-recv", "-q", "gen:seed=5,symbols=1,count=%d" % count, "--pace", rate, "-o", "orders")

        def some():
            far.take()
            return len(far.got[KNOWN]) >= packets
        wait_until(some, 30, "packets to who is known: " + link.log(send))
        assert not far.got[LATE], "sent to who did not say where it is"
        far.answer()

        def done():
            far.take()
            return all(p.poll() is not None for p in (recv, match, send))
        wait_until(done, 60, "the end")
        for p in recv, match, send:
            assert p.returncode == 0, link.log(p)
        far.take()
        assert far.ended(KNOWN) and far.ended(LATE), "no end"
        all_of, late = far.numbers(KNOWN), far.numbers(LATE)
        assert all_of == list(range(1, all_of[-1] + 1)), "who is known misses some"
        assert late == sorted(set(late)) and late[0] == 1, "order: %s" % late[:5]
        counted = re.findall(r"no_neighbor (\d+)", link.log(send))
        return len(all_of) - len(late), int(counted[-1]) if counted else 0, late
    finally:
        link.close()


def main():
    dpdk_lib.need_dpdk()
    dpdk_lib.need_namespaces()
    missed, counted, _ = run([KNOWN, LATE], "100pps", 40, 8)
    assert (missed, counted) == (0, 0), (missed, counted)
    missed, counted, late = run([LATE, KNOWN], "1kpps", 400, ROOM + 20)
    assert missed == counted and missed > 0, (missed, counted)
    hole = next(i for i, n in enumerate(late) if n != i + 1)
    assert hole >= ROOM, "%d messages waited" % hole
    print("%d messages waited, %d had no room" % (hole, missed))


if __name__ == "__main__":
    main()
