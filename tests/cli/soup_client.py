"""A SoupBinTCP client with OUCH 4.2 and 5.0, written from the published tables alone.

Shares nothing with the C sources: a mistake in their encoder is not repeated here.

As a module:
    c = Client("127.0.0.1", 9001, "ALICE", "secret", next_seq=1, codec="ouch42")
    c.enter(token="T1", side="B", shares=100, stock="AAPL", price=1500000)
    m = c.expect("A")              # the next sequenced message, decoded; m["seq"] is its number
By hand: python3 soup_client.py HOST:PORT USER PASSWORD [--codec ouch42|ouch50] [--next N] [--seconds S] prints what comes.
"""
import argparse
import select
import socket
import struct
import sys
import time

# name, bytes; a kind: a text, n big-endian unsigned number
OUCH42_OUT = {
    "S": [("event", "a1")],
    "A": [("token", "a14"), ("side", "a1"), ("shares", "n4"), ("stock", "a8"), ("price", "n4"), ("tif", "n4"),
          ("firm", "a4"), ("display", "a1"), ("ref", "n8"), ("capacity", "a1"), ("iso", "a1"), ("min_qty", "n4"),
          ("cross", "a1"), ("state", "a1"), ("bbo", "a1")],
    "U": [("token", "a14"), ("side", "a1"), ("shares", "n4"), ("stock", "a8"), ("price", "n4"), ("tif", "n4"),
          ("firm", "a4"), ("display", "a1"), ("ref", "n8"), ("capacity", "a1"), ("iso", "a1"), ("min_qty", "n4"),
          ("cross", "a1"), ("state", "a1"), ("old_token", "a14"), ("bbo", "a1")],
    "C": [("token", "a14"), ("decrement", "n4"), ("reason", "a1")],
    "D": [("token", "a14"), ("decrement", "n4"), ("reason", "a1"), ("prevented", "n4"), ("price", "n4"),
          ("liquidity", "a1")],
    "E": [("token", "a14"), ("shares", "n4"), ("price", "n4"), ("liquidity", "a1"), ("match", "n8")],
    "G": [("token", "a14"), ("shares", "n4"), ("price", "n4"), ("liquidity", "a1"), ("match", "n8"),
          ("ref_price", "n4"), ("ref_type", "a1")],
    "F": [("token", "a14"), ("shares", "n4"), ("price", "n4"), ("liquidity", "a1"), ("match", "n8"),
          ("reason", "a1")],
    "B": [("token", "a14"), ("match", "n8"), ("reason", "a1")],
    "J": [("token", "a14"), ("reason", "a1")],
    "P": [("token", "a14")],
    "I": [("token", "a14")],
    "T": [("token", "a14"), ("price", "n4"), ("display", "a1"), ("ref", "n8")],
    "M": [("token", "a14"), ("side", "a1"), ("shares", "n4")],
}
# "+": ends in a two-byte length and that many bytes of tags
OUCH50_OUT = {
    "S": [("event", "a1")],
    "A": [("urn", "n4"), ("side", "a1"), ("shares", "n4"), ("stock", "a8"), ("price", "n8"), ("tif", "a1"),
          ("display", "a1"), ("ref", "n8"), ("capacity", "a1"), ("iso", "a1"), ("cross", "a1"), ("state", "a1"),
          ("clordid", "a14"), "+"],
    "U": [("old_urn", "n4"), ("urn", "n4"), ("side", "a1"), ("shares", "n4"), ("stock", "a8"), ("price", "n8"),
          ("tif", "a1"), ("display", "a1"), ("ref", "n8"), ("capacity", "a1"), ("iso", "a1"), ("cross", "a1"),
          ("state", "a1"), ("clordid", "a14"), "+"],
    "C": [("urn", "n4"), ("decrement", "n4"), ("reason", "a1")],
    "D": [("urn", "n4"), ("decrement", "n4"), ("reason", "a1"), ("prevented", "n4"), ("price", "n8"),
          ("liquidity", "a1"), ("strategy", "a1")],
    "E": [("urn", "n4"), ("shares", "n4"), ("price", "n8"), ("liquidity", "a1"), ("match", "n8"), "+"],
    "B": [("urn", "n4"), ("match", "n8"), ("reason", "a1"), ("clordid", "a14")],
    "J": [("urn", "n4"), ("reason", "n2"), ("clordid", "a14")],
    "P": [("urn", "n4")],
    "I": [("urn", "n4")],
    "T": [("urn", "n4"), ("price", "n8"), ("display", "a1"), ("ref", "n8")],
    "M": [("urn", "n4"), ("side", "a1"), ("shares", "n4")],
    "R": [("urn", "n4"), ("reason", "a1"), "+"],
    "Q": [("next_urn", "n4")],
}


class Ended(Exception):
    """The server closed the connection, or ended the session (reason: 'closed', 'Z', 'J:A', 'J:S')."""


def text(s, n):
    return s.encode("ascii").ljust(n)[:n]


def num(v, n):
    return v.to_bytes(n, "big")


def decode(table, raw):
    """A sequenced message as a dictionary; fails on one that is not of the table to the byte."""
    kind = chr(raw[0])
    if kind not in table:
        raise ValueError("message type %r is not in the specification" % kind)
    m = {"type": kind, "ts": int.from_bytes(raw[1:9], "big")}
    if m["ts"] >= 86400 * 10**9:
        raise ValueError("timestamp of %d ns is not within a day" % m["ts"])
    at = 9
    for f in table[kind]:
        if f == "+":
            n = int.from_bytes(raw[at:at + 2], "big")
            m["tags"], at = decode_tags(raw[at + 2:at + 2 + n], n), at + 2 + n
            continue
        name, n = f[0], int(f[1][1:])
        part = raw[at:at + n]
        m[name] = int.from_bytes(part, "big") if f[1][0] == "n" else part.decode("ascii").rstrip()
        at += n
    if at != len(raw):
        raise ValueError("%s: %d bytes found, %d expected" % (kind, len(raw), at))
    return m


def decode_tags(raw, n):
    if len(raw) != n:
        raise ValueError("tags: %d bytes found, %d expected" % (len(raw), n))
    tags, at = {}, 0
    while at < n:
        size = raw[at]
        if size < 1 or at + 1 + size > n:
            raise ValueError("tag of %d bytes at %d of %d" % (size, at, n))
        tags[raw[at + 1]] = raw[at + 2:at + 1 + size]
        at += 1 + size
    return tags


def ouch42_enter(token, side, shares, stock, price, tif=99998, firm="", display="Y", capacity="A", iso="N", min_qty=0,
                 cross="N", customer=" "):
    return (b"O" + text(token, 14) + text(side, 1) + num(shares, 4) + text(stock, 8) + num(price, 4) + num(tif, 4) +
            text(firm, 4) + text(display, 1) + text(capacity, 1) + text(iso, 1) + num(min_qty, 4) + text(cross, 1) +
            text(customer, 1))


def ouch42_replace(token, new_token, shares, price, tif=99998, display="Y", iso="N", min_qty=0):
    return (b"U" + text(token, 14) + text(new_token, 14) + num(shares, 4) + num(price, 4) + num(tif, 4) +
            text(display, 1) + text(iso, 1) + num(min_qty, 4))


def ouch42_cancel(token, shares=0):
    return b"X" + text(token, 14) + num(shares, 4)


def ouch50_enter(urn, side, shares, stock, price, tif="0", display="Y", capacity="A", iso="N", cross="N", clordid="",
                 tags=b""):
    return (b"O" + num(urn, 4) + text(side, 1) + num(shares, 4) + text(stock, 8) + num(price, 8) + text(tif, 1) +
            text(display, 1) + text(capacity, 1) + text(iso, 1) + text(cross, 1) + text(clordid, 14) +
            num(len(tags), 2) + tags)


def ouch50_replace(urn, new_urn, shares, price, tif="0", display="Y", iso="N", clordid="", tags=b""):
    return (b"U" + num(urn, 4) + num(new_urn, 4) + num(shares, 4) + num(price, 8) + text(tif, 1) + text(display, 1) +
            text(iso, 1) + text(clordid, 14) + num(len(tags), 2) + tags)


def ouch50_cancel(urn, shares=0):
    return b"X" + num(urn, 4) + num(shares, 4)


def packet(kind, payload=b""):
    return struct.pack(">HB", 1 + len(payload), ord(kind)) + payload


def login_packet(user, password, session="", next_seq=1):
    return packet("L", text(user, 6) + text(password, 10) + text(session, 10) + b"%20d" % next_seq)


class Client:
    """One connection.  self.next is the number of the next sequenced message."""

    def __init__(self, host, port, user, password, next_seq=1, session="", codec="ouch42", timeout=5.0, login=True):
        self.sock = socket.create_connection((host, port), timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.timeout = timeout
        self.table = {"ouch42": OUCH42_OUT, "ouch50": OUCH50_OUT}[codec]
        self.codec = codec
        self.buf = b""
        self.heartbeats = 0
        self.last_sent = self.last_seen = time.monotonic()
        self.session, self.next = None, None
        if login:
            self.login(user, password, session, next_seq)

    def login(self, user, password, session="", next_seq=1):
        self.raw(login_packet(user, password, session, next_seq))
        kind, payload = self.packet()
        if kind == "J":
            raise Ended("J:" + payload.decode("ascii"))
        if kind != "A" or len(payload) != 30:
            raise ValueError("%s of %d bytes where Login Accepted was expected" % (kind, len(payload)))
        self.session = payload[:10].decode("ascii").strip()
        self.next = int(payload[10:].decode("ascii"))

    # ---- out
    def raw(self, data):
        self.sock.sendall(data)
        self.last_sent = time.monotonic()

    def send(self, message):
        self.raw(packet("U", message))

    def enter(self, **kw):
        self.send((ouch42_enter if self.codec == "ouch42" else ouch50_enter)(**kw))

    def replace(self, **kw):
        self.send((ouch42_replace if self.codec == "ouch42" else ouch50_replace)(**kw))

    def cancel(self, **kw):
        self.send((ouch42_cancel if self.codec == "ouch42" else ouch50_cancel)(**kw))

    def heartbeat(self):
        self.raw(packet("R"))

    def logout(self):
        self.raw(packet("O"))

    def close(self):
        self.sock.close()

    # ---- in
    def _whole(self):
        if len(self.buf) < 2:
            return None
        n = 2 + int.from_bytes(self.buf[:2], "big")
        if n < 3:
            raise ValueError("packet of length 0")
        if len(self.buf) < n:
            return None
        one, self.buf = self.buf[:n], self.buf[n:]
        return chr(one[2]), one[3:]

    def packet(self, timeout=None):
        """The next packet but debug; keeps the connection alive meanwhile. None: nothing came in time."""
        end = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            one = self._whole()
            if one and one[0] == "+":
                continue
            if one:
                return one
            now = time.monotonic()
            if now - self.last_sent > 1.0 and self.session is not None:
                self.heartbeat()
            ready, _, _ = select.select([self.sock], [], [], max(0.0, min(end - now, 0.5)))
            if ready:
                try:
                    data = self.sock.recv(65536)
                except ConnectionError:
                    data = b""
                if not data:
                    raise Ended("closed")
                self.buf += data
                self.last_seen = time.monotonic()
            elif now >= end:
                return None

    def message(self, timeout=None):
        """The next sequenced message, decoded, with its number and bytes. None: nothing came in time."""
        end = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            one = self.packet(max(0.0, end - time.monotonic()))
            if one is None:
                return None
            kind, payload = one
            if kind == "S":
                m = decode(self.table, payload)
                m["seq"], m["raw"] = self.next, payload
                self.next += 1
                return m
            if kind == "H":
                self.heartbeats += 1
            elif kind == "Z":
                raise Ended("Z")
            else:
                raise ValueError("packet %r from the server" % kind)

    def expect(self, kind, timeout=None, **fields):
        """The next sequenced message must be of that type and have these fields."""
        m = self.message(timeout)
        if m is None:
            raise AssertionError("nothing came, %s expected" % kind)
        found = {k: m.get(k) for k in fields}
        if m["type"] != kind or found != fields:
            raise AssertionError("%s %s expected, found %s" % (kind, fields, m))
        return m

    def quiet(self, seconds=0.3):
        m = self.message(seconds)
        if m is not None:
            raise AssertionError("nothing expected, found %s" % m)


def main():
    ap = argparse.ArgumentParser(description="Logs in and prints what comes.")
    ap.add_argument("where")
    ap.add_argument("user")
    ap.add_argument("password")
    ap.add_argument("--codec", default="ouch42", choices=["ouch42", "ouch50"])
    ap.add_argument("--next", type=int, default=1)
    ap.add_argument("--seconds", type=float, default=5.0)
    a = ap.parse_args()
    host, port = a.where.rsplit(":", 1)
    try:
        c = Client(host, int(port), a.user, a.password, next_seq=a.next, codec=a.codec)
        print("session %s, next %d" % (c.session, c.next), flush=True)
        end = time.monotonic() + a.seconds
        while (left := end - time.monotonic()) > 0:
            m = c.message(left)
            if m:
                print({k: v for k, v in m.items() if k != "raw"}, flush=True)
    except Ended as e:
        print("ended: %s" % e)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
