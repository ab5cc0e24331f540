#!/usr/bin/env python3
"""Clients that go and come back: every reply once and in order, whatever they were connected to.

The exchange in one line, two clients that share no code with it (OUCH 4.2 and 5.0), and a feed reader.
"""
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import soup_client  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.path.abspath(os.path.join(os.environ.get("B", os.path.join(HERE, "../../build/gcc-O2")), "bin"))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Feed(threading.Thread):
    """Counts the messages of a MoldUDP64 stream and checks its numbers."""

    def __init__(self):
        super().__init__(daemon=True)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(20)
        self.port = self.sock.getsockname()[1]
        self.next, self.heartbeats, self.ended, self.types = 1, 0, False, ""
        self.error = None

    def run(self):
        try:
            while not self.ended:
                self.packet(self.sock.recv(65536))
        except Exception as e:  # the main thread says it
            self.error = e

    def packet(self, p):
        session, seq, count = struct.unpack(">10sQH", p[:20])
        assert seq == self.next, "packet %d, %d expected" % (seq, self.next)
        self.heartbeats += count == 0
        self.ended = count == 0xFFFF
        at = 20
        for _ in range(0 if self.ended else count):
            n, = struct.unpack(">H", p[at:at + 2])
            self.types += chr(p[at + 2])
            at += 2 + n
            self.next += 1
        assert at == len(p)


class Exchange:
    def __init__(self, tmp, port, send_args, feed=None):
        self.tmp, self.port = tmp, port
        self.env = dict(os.environ, NMW_DIR=os.path.join(tmp, "rings"), PATH=BIN + ":" + os.environ["PATH"])
        sink = "tcp: " + ("udp:127.0.0.1:%d" % feed.port if feed else "")
        line = ("nmw-recv tcp:127.0.0.1:%d --accounts %s/accounts.json 2>%s/recv.err | nmw-match 2>%s/match.err | "
                "nmw-send %s %s 2>%s/send.err" % (port, tmp, tmp, tmp, sink, send_args, tmp))
        self.shell = subprocess.Popen(["bash", "-c", "set -o pipefail; " + line], env=self.env, start_new_session=True)
        end = time.time() + 10
        while time.time() < end:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("the exchange does not come up: " + self.said())

    def said(self):
        return "".join(open(os.path.join(self.tmp, f)).read() for f in os.listdir(self.tmp) if f.endswith(".err"))

    def pid(self, tool):
        out = subprocess.run(["nmw-stat", "--json"], env=self.env, stdout=subprocess.PIPE, check=True).stdout
        return next(t["pid"] for t in json.loads(out)["tools"] if t["tool"] == tool)

    def stop(self):
        os.kill(int(self.pid("nmw-recv")), signal.SIGTERM)
        rc = self.shell.wait(20)
        assert rc == 0, "exit %d: %s" % (rc, self.said())


def accounts(tmp):
    def hashed(password):
        return subprocess.run([os.path.join(BIN, "nmw-recv"), "--hash-password"], input=password.encode(),
                              stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    rows = [{"user": u, "password": hashed(p), "codec": c}
            for u, p, c in [("ALICE", "secret", "ouch42"), ("BOB", "hidden", "ouch50")]]
    with open(os.path.join(tmp, "accounts.json"), "w") as f:
        json.dump({"accounts": rows}, f)
    os.chmod(os.path.join(tmp, "accounts.json"), 0o600)
    os.mkdir(os.path.join(tmp, "rings"), 0o700)


def alice(port, next_seq=1, session=""):
    return soup_client.Client("127.0.0.1", port, "ALICE", "secret", next_seq=next_seq, session=session)


def bob(port, next_seq=1):
    return soup_client.Client("127.0.0.1", port, "BOB", "hidden", next_seq=next_seq, codec="ouch50")


def all_until(c, last):
    """Messages until the one numbered last."""
    out = []
    while c.next <= last:
        m = c.message()
        assert m, "message %d does not come" % c.next
        assert m["seq"] == len(out) + (out[0]["seq"] if out else m["seq"])
        out.append(m)
    return out


def conversation(port, rounds, cut_every):
    """Alice rests orders, Bob takes them; Alice is cut off again and again. What each was told."""
    a, b = alice(port), bob(port)
    assert (a.next, b.next) == (1, 1)
    a_has, b_has = [], []
    a_has.append(a.expect("S", event="S"))
    b_has.append(b.expect("S", event="S"))
    for i in range(1, rounds + 1):
        a.enter(token="T%d" % i, side="B", shares=100, stock="AAPL", price=1000000 + i)
        a_has.append(a.expect("A", token="T%d" % i, shares=100, state="L"))
        if i % cut_every == 0:
            a.close()  # what comes from here on comes while she is away
        b.enter(urn=i, side="S", shares=40, stock="AAPL", price=1000000 + i, tif="3")
        b_has.append(b.expect("A", urn=i, state="L"))
        b_has.append(b.expect("E", urn=i, shares=40))
        if i % cut_every == 0:
            a = alice(port, next_seq=len(a_has) + 1)
            assert a.next == len(a_has) + 1, "accepted at %d, %d asked for" % (a.next, len(a_has) + 1)
        a_has.append(a.expect("E", token="T%d" % i, shares=40))
        a.cancel(token="T%d" % i)
        a_has.append(a.expect("C", token="T%d" % i, decrement=60))
    a.quiet(0.1)
    b.quiet(0.1)
    assert [m["seq"] for m in a_has] == list(range(1, len(a_has) + 1))
    assert [m["seq"] for m in b_has] == list(range(1, len(b_has) + 1))
    return a, b, a_has, b_has


def same_again(port, a, a_has):
    """A replay from any number is what was told before, to the byte."""
    for first in (1, 2, len(a_has) // 2, len(a_has)):
        a.close()
        a = alice(port, next_seq=first)
        assert a.next == first
        got = all_until(a, len(a_has))
        assert [m["raw"] for m in got] == [m["raw"] for m in a_has[first - 1:]], "replay from %d differs" % first
        a.quiet(0.05)
    a.close()
    a = alice(port, next_seq=len(a_has) + 1000)
    assert a.next == len(a_has) + 1, "beyond the end: %d" % a.next
    return a


def one_line(tmp):
    feed, port = Feed(), free_port()
    feed.start()
    x = Exchange(tmp, port, "", feed)
    a, b, a_has, _ = conversation(port, 60, 7)
    a = same_again(port, a, a_has)
    session = a.session
    a.close()
    try:
        alice(port, session="NOSUCH")
        raise AssertionError("a session that is not there was accepted")
    except soup_client.Ended as e:
        assert str(e) == "J:S", str(e)
    a = alice(port, next_seq=1, session=session)
    time.sleep(1.5)
    all_until(a, len(a_has))
    a.quiet(0.1)
    assert a.heartbeats or a.packet(2)[0] == "H", "no heartbeat after a second of silence"
    out = subprocess.run(["nmw-stat", "sessions", "--json"], env=x.env, stdout=subprocess.PIPE, check=True).stdout
    rows = {s["account"]: s for s in json.loads(out)["sessions"]}
    assert rows["ALICE"]["state"] == "up" and rows["ALICE"]["next"] == str(len(a_has) + 1), rows
    assert rows["BOB"]["protocol"] == "ouch50", rows
    x.stop()
    a.expect("S", event="E")
    try:
        a.message()
        raise AssertionError("the session does not end")
    except soup_client.Ended as e:
        assert str(e) == "Z", "ended by %s" % e
    feed.join(20)
    assert feed.ended and not feed.error, "feed: %s" % feed.error
    assert feed.types.count("A") == 60 and feed.types.count("E") == 60, feed.types
    a.close()
    b.close()
    print("one line: %d replies, %d feed messages, %d heartbeats" % (len(a_has), feed.next - 1, feed.heartbeats))


class Parts:
    """The same exchange of named rings, whose parts die and come back."""

    def __init__(self, tmp, port):
        self.tmp, self.port, self.run, self.writers = tmp, port, {}, 0
        self.env = dict(os.environ, NMW_DIR=os.path.join(tmp, "rings"), PATH=BIN + ":" + os.environ["PATH"])
        os.mkdir(os.path.join(tmp, "log"), 0o700)
        self.start("nmw-recv", "tcp:127.0.0.1:%d" % port, "--accounts", tmp + "/accounts.json", "-o", "orders")
        self.start("nmw-match", "-i", "orders", "-o", "events")
        self.start_writer()

    def start(self, tool, *args):
        err = open(os.path.join(self.tmp, tool + ".err"), "a")
        self.run[tool] = subprocess.Popen([tool, *args, "--wait", "0s"], env=self.env, stderr=err)

    def start_writer(self):
        # the only port that is there need not be named
        sink = "tcp:" if self.writers % 2 else "tcp:%d" % self.port
        self.writers += 1
        self.start("nmw-send", sink, "-i", "events", "--consumer", "writer",
                   "--session-log", os.path.join(self.tmp, "log"))

    def kill_writer(self):
        self.run["nmw-send"].kill()
        self.run["nmw-send"].wait()

    def said(self):
        return "".join(open(os.path.join(self.tmp, f)).read() for f in os.listdir(self.tmp) if f.endswith(".err"))

    def stop(self):
        for tool in ("nmw-recv", "nmw-match", "nmw-send"):
            self.run[tool].terminate()
        for tool in ("nmw-recv", "nmw-match", "nmw-send"):
            rc = self.run[tool].wait(20)
            assert rc == 0, "%s: exit %d: %s" % (tool, rc, self.said())

    def end(self):
        for p in self.run.values():
            if p.poll() is None:
                p.kill()
                p.wait()


class Steady:
    """A client that comes back with the number that it wants whenever it is cut off."""

    def __init__(self, dial):
        self.dial, self.has, self.logins, self.c = dial, [], 0, None
        self.come_back()

    def come_back(self):
        end = time.time() + 20
        while time.time() < end:
            try:
                self.c = self.dial(len(self.has) + 1)
                self.logins += 1
                assert self.c.next == len(self.has) + 1, "at %d, %d asked for" % (self.c.next, len(self.has) + 1)
                return
            except (OSError, soup_client.Ended, ValueError, TypeError):
                time.sleep(0.1)
        raise AssertionError("cannot log in again")

    def take(self, timeout=0.01):
        try:
            m = self.c.message(timeout)
            while m:
                self.has.append(m)
                m = self.c.message(0.0)
        except (soup_client.Ended, OSError):
            self.come_back()

    def send(self, **kw):
        try:
            self.c.enter(**kw)
        except OSError:
            self.come_back()
            self.c.enter(**kw)


def writer_killed(tmp):
    """kill -9 of the writer at any moment: nothing is lost, nothing comes twice, the numbers go on."""
    port = free_port()
    x = Parts(tmp, port)
    try:
        time.sleep(0.3)
        a = Steady(lambda n: alice(port, n))
        b = Steady(lambda n: bob(port, n))
        sent = 0
        for kill in range(6):
            for _ in range(150):
                sent += 1
                a.send(token="T%d" % sent, side="B", shares=10, stock="MSFT", price=2000000)
                b.send(urn=sent, side="S", shares=10, stock="MSFT", price=2000000)
                a.take(0.0)
                b.take(0.0)
            x.kill_writer()
            if kill % 2:
                time.sleep(0.2)
            x.start_writer()
        # an order that went to a connection which was being cut off may not have arrived: OUCH says send it again
        end = time.time() + 20
        while time.time() < end and not complete(a.has, b.has, sent):
            a.take(0.2)
            b.take(0.2)
            for n in range(1, sent + 1):
                if "T%d" % n not in {m.get("token") for m in a.has}:
                    a.send(token="T%d" % n, side="B", shares=10, stock="MSFT", price=2000000)
        check_all(a, sent, "token")
        check_all(b, sent, "urn")
        assert (a.logins, b.logins) == (1, 1), "clients were cut off: %d, %d logins" % (a.logins, b.logins)
        same_again(port, a.c, a.has).close()
        x.stop()
        print("writer killed 6 times: %d replies, %d logins" % (len(a.has) + len(b.has), a.logins + b.logins))
    except BaseException:
        print(x.said())
        raise
    finally:
        x.end()


def complete(a_has, b_has, sent):
    return len({m["token"] for m in a_has if m["type"] == "A"}) == sent


def check_all(c, sent, key):
    assert [m["seq"] for m in c.has] == list(range(1, len(c.has) + 1)), "numbers are not in order"
    accepted = [m[key] for m in c.has if m["type"] == "A"]
    assert len(accepted) == len(set(accepted)), "a reply came twice"
    shares = {}
    for m in c.has:
        if m["type"] == "E":
            shares[m["match"]] = shares.get(m["match"], 0) + 1
    assert all(n == 1 for n in shares.values()), "an execution came twice"


def main():
    if not os.path.exists(os.path.join(BIN, "nmw-send")):
        print("nmw-send is not built")
        return 77
    tmp = tempfile.mkdtemp()
    try:
        accounts(tmp)
        one_line(tmp)
        writer_killed(tmp)
    finally:
        shutil.rmtree(tmp)
    return 0


if __name__ == "__main__":
    sys.exit(main())
