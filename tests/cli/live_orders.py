#!/usr/bin/env python3
"""An order's life over TCP, by a client that shares no code with the project; OUCH 4.2 and 5.0, both back ends."""
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import live_lib as lib
from soup_client import Client, Ended, login_packet, ouch42_enter, ouch50_enter, packet

PX = 1500000  # 150.0000


def accounts():
    h = lib.quick_hash()
    return [{"user": "ALICE", "password": h}, {"user": "bob", "password": h, "session": "DAY1"},
            {"user": "CAROL", "password": h, "codec": "ouch50", "cancel_on_disconnect": True},
            {"user": "DAVE", "password": h, "codec": "ouch50"}]


class Orders:
    """The same order in both protocols: an id is n."""

    def __init__(self, x, user, codec, **kw):
        self.codec, self.stock = codec, "AAPL" if codec == "ouch42" else "MSFT"
        self.c = Client("127.0.0.1", x.port, user, lib.PASSWORD, codec=codec, **kw)

    def id(self, n):
        return {"token": "T%d" % n} if self.codec == "ouch42" else {"urn": n}

    def old(self, n):
        return {"old_token": "T%d" % n} if self.codec == "ouch42" else {"old_urn": n}

    def enter(self, n, side, shares, price=PX):
        self.c.enter(side=side, shares=shares, stock=self.stock, price=price, **self.id(n))

    def replace(self, n, new, shares, price):
        ids = {"new_token": "T%d" % new} if self.codec == "ouch42" else {"new_urn": new}
        self.c.replace(shares=shares, price=price, **self.id(n), **ids)

    def cancel(self, n, shares=0):
        self.c.cancel(shares=shares, **self.id(n))


def life(x, one, other, codec):
    a, b = Orders(x, one, codec), Orders(x, other, codec)
    assert a.c.expect("S", event="S")["seq"] == 1
    b.c.expect("S", event="S")
    a.enter(1, "B", 100)
    m = a.c.expect("A", side="B", shares=100, stock=a.stock, price=PX, state="L", **a.id(1))
    assert m["seq"] == 2, m
    a.replace(1, 2, 300, PX - 100)
    a.c.expect("U", shares=300, price=PX - 100, **a.id(2), **a.old(1))
    a.cancel(2, 200)
    a.c.expect("C", decrement=100, reason="U", **a.id(2))
    b.enter(1, "S", 150, PX - 100)
    b.c.expect("A", state="L", **b.id(1))
    match = b.c.expect("E", shares=150, price=PX - 100, liquidity="R", **b.id(1))["match"]
    a.c.expect("E", shares=150, price=PX - 100, liquidity="A", match=match, **a.id(2))
    a.cancel(2)
    assert a.c.expect("C", decrement=50, reason="U", **a.id(2))["seq"] == 6
    # byte by byte, then fifty packets in one segment with a heartbeat and a debug packet between them
    whole = packet("U", message(a, 3))
    for i in range(len(whole)):
        a.c.raw(whole[i:i + 1])
    a.c.expect("A", **a.id(3))
    many = b"".join(packet("U", message(a, n)) + packet("R") + packet("+", b"x" * 300) for n in range(4, 54))
    for cut in (many[:777], many[777:]):
        a.c.raw(cut)
        time.sleep(0.02)
    for n in range(4, 54):
        a.c.expect("A", **a.id(n))
    b.c.quiet(1.3)
    assert b.c.heartbeats >= 1, "no heartbeat of the server in 1.3 s"
    for o in (a, b):
        o.c.logout()
        try:
            while o.c.packet(3):
                pass
            raise AssertionError("the connection stands 3 s after the logout")
        except Ended as e:
            assert str(e) == "closed", e


def message(o, n):
    if o.codec == "ouch42":
        return ouch42_enter("T%d" % n, "B", 10, "AAPL", PX - 50000)
    return ouch50_enter(n, "B", 10, "MSFT", PX - 50000)


def interrupted(x, user, other, codec):
    """Cut off again and again while messages come: with the next number each time, nothing is missed or twice."""
    a = Orders(x, user, codec)
    first = a.c.next
    while a.c.message(0.3):
        pass
    base = a.c.next
    a.enter(100, "B", 100000, PX + 1000)
    b = Orders(x, other, codec)
    seen, n = {}, 1000
    for turn in range(12):
        for _ in range(40):
            n += 1
            b.enter(n, "S", 1, PX + 1000)
        for _ in range(turn * 3):
            m = a.c.message(5)
            assert m["seq"] not in seen, m
            seen[m["seq"]] = m["raw"]
        nxt = a.c.next
        a.c.close()
        a.c = Client("127.0.0.1", x.port, user, lib.PASSWORD, next_seq=nxt, codec=codec)
        assert a.c.next == nxt, (a.c.next, nxt)
    while len(seen) < 481:
        m = a.c.message(5)
        assert m and m["seq"] not in seen, m
        seen[m["seq"]] = m["raw"]
    a.c.quiet()
    assert sorted(seen) == list(range(base, base + 481)), "holes"
    a.c.close()
    again = Client("127.0.0.1", x.port, user, lib.PASSWORD, next_seq=1, codec=codec)
    for seq in range(1, base + 481):
        m = again.message(5)
        assert m["seq"] == seq and seen.get(seq, m["raw"]) == m["raw"], m
    again.quiet()
    again.close()
    # 0: from the latest message on
    late = Client("127.0.0.1", x.port, user, lib.PASSWORD, next_seq=0, codec=codec)
    assert late.message()["seq"] == base + 480
    late.quiet()
    late.close()
    assert first == 1


def refused(x):
    def login(user, password, session=""):
        c = Client("127.0.0.1", x.port, user, password, login=False)
        t = time.monotonic()
        c.raw(login_packet(user, password, session))
        return c.packet(3), time.monotonic() - t

    for user, password in (("ALICE", "wrong"), ("NOBODY", "SECRET"), ("", "")):
        got, seconds = login(user, password)
        assert got == ("J", b"A") and seconds >= 0.2, (user, got, seconds)
    # who knows a name does not keep its owner out; nor does a name that is not there keep anybody out
    for user in ("ALICE", "NOBODY"):
        guesses = [Client("127.0.0.1", x.port, user, "", login=False) for _ in range(20)]
        for g in guesses:
            g.raw(login_packet(user, "wrong"))
        Client("127.0.0.1", x.port, "ALICE", "SECRET", next_seq=0).close()
        for g in guesses:
            assert g.packet(5) == ("J", b"A")
    got, _ = login("BOB", "SECRET", "OTHER")
    assert got == ("J", b"S"), got
    for user, password, session in (("bob", "secret", "day1"), ("BOB", "SECRET", ""), ("Bob", "SecreT", "DAY1")):
        c = Client("127.0.0.1", x.port, user, password, session=session)
        assert c.session == "DAY1", c.session
        c.close()
    # the account comes again: its first connection ends
    one = Client("127.0.0.1", x.port, "ALICE", "SECRET", next_seq=0)
    two = Client("127.0.0.1", x.port, "ALICE", "SECRET", next_seq=0)
    try:
        while one.packet(3):
            pass
        raise AssertionError("two connections of one account")
    except Ended:
        pass
    two.message()
    two.enter(token="still", side="B", shares=1, stock="AAPL", price=100)
    two.expect("A", token="still")
    two.close()


def no_password(x):
    """Whoever may read the ring does not learn one: of a login that comes whole, cut, or is not answered."""
    cut = Client("127.0.0.1", x.port, "ALICE", "SECRET", login=False)
    whole = login_packet("ALICE", "SECRET", "")
    cut.raw(whole[:25])
    time.sleep(0.05)
    cut.raw(whole[25:])
    assert cut.packet(3)[0] == "A"
    left = Client("127.0.0.1", x.port, "ALICE", "SECRET", login=False)
    left.raw(whole[:25])
    time.sleep(0.05)
    for c in (cut, left):
        c.close()
    Client("127.0.0.1", x.port, "ALICE", "SECRET", next_seq=0).close()
    for name in os.listdir(x.env["NMW_DIR"]):
        path = os.path.join(x.env["NMW_DIR"], name)
        if os.path.isfile(path):
            with open(path, "rb") as f:
                has = f.read()
            assert b"SECRET" not in has and b"wrong" not in has, "a password in %s" % name


def disconnect(x):
    """Carol asked for cancel on disconnect, Dave did not."""
    for user, canceled in (("CAROL", True), ("DAVE", False)):
        o = Orders(x, user, "ouch50", next_seq=0)
        o.c.message()
        o.enter(100001, "B", 5, PX - 60000)
        o.c.expect("A", urn=100001)
        nxt = o.c.next
        o.c.close()
        time.sleep(0.2)
        o = Orders(x, user, "ouch50", next_seq=nxt)
        if canceled:
            o.c.expect("C", urn=100001, decrement=5)
        o.c.quiet()
        o.c.close()


def run(io):
    with lib.Exchange(accounts(), recv=["--io", io, "--login-delay", "200ms"]) as x:
        cap = capture(x)
        life(x, "ALICE", "bob", "ouch42")
        if cap:  # not what follows: the dissector gives up at 500 packets in a segment
            check_capture(x, cap)
        interrupted(x, "ALICE", "bob", "ouch42")
        life(x, "CAROL", "DAVE", "ouch50")
        interrupted(x, "DAVE", "CAROL", "ouch50")
        refused(x)
        no_password(x)
        disconnect(x)
        rc = x.stop()
        assert rc == {"recv": 0, "match": 0, "send": 0}, rc
        for what in ("recv", "match"):
            n_in, n_out, dropped = x.figures(what)
            assert dropped == 0 and (what != "recv" or n_in == n_out), (what, x.figures(what))
        assert io in ("auto",) or "buffers, " + {"uring": "io_uring"}.get(io, io) in x.log("recv"), x.log("recv")


def capture(x):
    """tshark on the loopback, where it is allowed."""
    if not shutil.which("tshark"):
        return None
    path = os.path.join(x.dir, "lo.pcap")
    p = subprocess.Popen(["tshark", "-q", "-i", "lo", "-f", "tcp port %d" % x.port, "-w", path],
                         stderr=subprocess.PIPE, text=True)
    x.proc["tshark"] = p  # ended with the exchange, whatever happens
    line = p.stderr.readline()
    while line and "Capturing on" not in line:
        line = p.stderr.readline()
    if p.poll() is not None:
        return None
    time.sleep(0.5)
    return p, path


def check_capture(x, cap):
    p, path = cap
    time.sleep(0.5)
    p.terminate()
    p.wait(10)

    def fields(*args):
        cmd = ["tshark", "-r", path, "-d", "tcp.port==%d,soupbintcp" % x.port] + list(args)
        got = subprocess.run(cmd, capture_output=True, text=True)
        assert got.returncode == 0 or "cut short" in got.stderr, got.stderr
        return got.stdout

    bad = fields("-Y", "_ws.malformed or ouch.unknown_message")
    assert bad == "", bad[:2000]
    out = fields("-T", "fields", "-e", "ouch.packet_type").replace(",", "\n").replace("'", "").split()
    counts = {k: out.count(k) for k in set(out)}
    soup = fields("-T", "fields", "-e", "soupbintcp.packet_type").replace(",", "\n").replace("'", "").split()
    assert soup.count("S") + soup.count("U") == len(out), "%d messages, %d decoded" % (
        soup.count("S") + soup.count("U"), len(out))
    assert len(out) > 100 and {"O", "A", "E", "C", "U", "X"} <= set(counts), counts
    print("tshark: %s" % dict(sorted(counts.items())))


def main():
    kinds = ["epoll"] + (["uring"] if lib.have_uring() else [])
    for io in kinds:
        run(io)
        print("%s: ok" % io)
    if len(kinds) == 1:
        print("io_uring may not be used here: epoll alone was tested")


if __name__ == "__main__":
    main()
