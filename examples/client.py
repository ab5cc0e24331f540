#!/usr/bin/env python3
"""A client in a page: logs in (SoupBinTCP), enters an order (OUCH 4.2), prints what it is told.

    client.py ADDR:PORT USER PASSWORD [buy|sell SHARES SYMBOL PRICE] [--next N] [--seconds S]

--next: the first message that is wanted, 1 (default) for all of the day; 0 for the last one.
"""
import argparse
import socket
import struct
import time

NAMES = {"S": "system event", "A": "accepted", "U": "replaced", "C": "canceled", "D": "canceled by AIQ", "E": "executed",
         "J": "rejected", "P": "cancel pending", "I": "cancel rejected", "B": "broken trade"}


def packet(kind, payload=b""):
    return struct.pack(">Hc", 1 + len(payload), kind) + payload


def packets(sock):
    buf = b""
    while True:
        while len(buf) >= 2 and len(buf) >= 2 + int.from_bytes(buf[:2], "big"):
            n = 2 + int.from_bytes(buf[:2], "big")
            yield buf[2:3], buf[3:n]
            buf = buf[n:]
        try:
            more = sock.recv(65536)
        except socket.timeout:
            yield b"", b""
            continue
        if not more:
            return
        buf += more


def text(m):
    """The fields of a reply that a person looks for."""
    kind = chr(m[0])
    what = "%-12s" % NAMES.get(kind, kind)
    if kind == "S":
        return what + " " + chr(m[9])
    what += " %s" % m[9:23].decode().rstrip()
    if kind == "A":
        _, side, shares, stock, price = struct.unpack(">14scI8sI", m[9:40])
        return what + " %s %d %s %.4f" % (side.decode(), shares, stock.decode().rstrip(), price / 1e4)
    if kind == "E":
        shares, price = struct.unpack(">II", m[23:31])
        return what + " %d at %.4f" % (shares, price / 1e4)
    if kind == "C":
        return what + " %d, reason %c" % (int.from_bytes(m[23:27], "big"), m[27])
    return what + (" reason %c" % m[23] if kind == "J" else "")


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("server")
    a.add_argument("user")
    a.add_argument("password")
    a.add_argument("order", nargs="*")
    a.add_argument("--next", type=int, default=1)
    a.add_argument("--seconds", type=float, default=2)
    o = a.parse_args()
    host, port = o.server.rsplit(":", 1)
    s = socket.create_connection((host, int(port)), 5)
    s.sendall(packet(b"L", b"%-6s%-10s%10s%20d" % (o.user.encode(), o.password.encode(), b"", o.next)))
    end, seq = time.monotonic() + o.seconds, None
    for kind, m in packets(s):
        s.settimeout(0.2)
        if kind == b"J":
            raise SystemExit("login rejected: " + m.decode())
        if kind == b"A":
            seq = int(m[10:])
            print("session %s, next message %d" % (m[:10].decode().strip(), seq), flush=True)
            if len(o.order) == 4:
                side, shares, stock, price = o.order
                token = b"T%d" % (time.time_ns() // 1000000 % 10**10)
                s.sendall(packet(b"U", struct.pack(">c14sc I8sII4sccc I cc", b"O", token.ljust(14), side[:1].upper().encode(),
                                                   int(shares), stock.encode().ljust(8), round(float(price) * 1e4), 99998,
                                                   b"    ", b"Y", b"A", b"N", 0, b"N", b" ")))
        if kind == b"S":
            print("%6d  %s" % (seq, text(m)), flush=True)
            seq += 1
        if kind == b"Z" or time.monotonic() > end:
            s.sendall(packet(b"O"))
            return
    raise SystemExit("the server has closed the connection")


if __name__ == "__main__":
    main()
