#!/usr/bin/env python3
"""The example of two exchanges behind HAProxy, in network namespaces of its own: who logs in decides where; a
pipeline that dies or hangs is taken out, and its sessions come back to it and miss nothing."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import live_lib as lib
from soup_client import Client, Ended, login_packet

FRONT = ("10.91.1.1", 9001)
EXCHANGE = os.path.join(lib.ROOT, "examples/haproxy/exchange")
PX = 1000000


def enter_namespaces():
    """Runs this test again where namespaces and mounts are its own."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    for program in ("haproxy", "ip", "unshare"):
        if not shutil.which(program):
            lib.skip("%s is not installed" % program)
    private = ["unshare", "--net", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    inside = ("mount -t tmpfs tmpfs /run && ip link set lo up && ip netns add probe && "
              "ip netns exec probe true >/dev/null")
    probe = subprocess.run(private + ["sh", "-c", inside], capture_output=True, text=True)
    if probe.returncode:
        lib.skip("no namespaces here: %s" % probe.stderr.strip())
    inside = "mount -t tmpfs tmpfs /run && ip link set lo up && exec \"$@\""
    os.execvp("unshare", private + ["sh", "-c", inside, "sh", sys.executable, os.path.abspath(__file__), "inside"])


class Front:
    def __init__(self, where):
        self.dir = where
        self.env = dict(os.environ, PATH=lib.BIN + ":" + os.environ["PATH"])

    def exchange(self, *what):
        subprocess.run([EXCHANGE, self.dir] + list(what), env=self.env, check=True, timeout=30)

    def status(self, backend):
        """UP or DOWN, as HAProxy sees the pipeline."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(os.path.join(self.dir, "haproxy.sock"))
            s.sendall(b"show stat\n")
            text = b"".join(iter(lambda: s.recv(65536), b"")).decode()
        head, *rows = [line.split(",") for line in text.splitlines() if line]
        for r in rows:
            if r[0] == backend and r[1] == backend:
                return r[head.index("status")].split()[0]
        raise AssertionError("no server %s in:\n%s" % (backend, text))

    def wait(self, backend, status):
        lib.wait_until(lambda: self.status(backend) == status, 15, "%s is %s" % (backend, status))

    def part(self, name, tool):
        """Process id of a part of a pipeline."""
        with open(os.path.join(self.dir, name, "group")) as f:
            group = f.read().strip()
        out = subprocess.run(["pgrep", "-g", group, "-x", tool], capture_output=True, text=True, check=True)
        return int(out.stdout)

    def logs(self):
        for name in ("general", "hot"):
            with open(os.path.join(self.dir, name, "log")) as f:
                print("---- %s\n%s" % (name, f.read()[-4000:]))


def login(user, next_seq=1, **kw):
    return Client(FRONT[0], FRONT[1], user, "secret", next_seq=next_seq, **kw)


def is_cut(c, seconds):
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            c.message(0.2)
    except (Ended, OSError):
        return True
    return False


def refused(user):
    try:
        login(user).close()
    except (Ended, OSError):
        return True
    return False


def told(c, first):
    """What the client has been told from number first on."""
    out = []
    while True:
        m = c.message(0.5)
        if not m:
            return out
        assert m["seq"] == first + len(out), m
        out.append(m)


def chosen_by_name(x):
    a, h1, h2 = login("ALICE"), login("hot1"), login("HOT2", codec="ouch50")
    for c in (a, h1, h2):
        c.expect("S", event="S")
    a.enter(token="A1", side="B", shares=100, stock="MSFT", price=PX)
    a.expect("A", token="A1", state="L")
    a.enter(token="A2", side="B", shares=100, stock="NVDA", price=PX)
    a.expect("J", token="A2")
    h1.enter(token="H1", side="B", shares=500, stock="NVDA", price=PX)
    h1.expect("A", token="H1", state="L")
    h1.enter(token="H2", side="B", shares=100, stock="MSFT", price=PX)
    h1.expect("J", token="H2")
    h2.enter(urn=1, side="S", shares=200, stock="NVDA", price=PX)
    h2.expect("A", urn=1)
    h2.expect("E", urn=1, shares=200)
    h1.expect("E", token="H1", shares=200)
    h2.close()
    return a, h1


def what_is_no_login(x):
    try:
        login("NOBODY")
        raise AssertionError("NOBODY was let in")
    except Ended as e:
        assert str(e) == "J:A", e
    with socket.create_connection(FRONT, 5) as s:
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        s.settimeout(5)
        assert s.recv(100) == b"", "an answer to what is no login"
    c = login("BOB", login=False)
    for b in login_packet("BOB", "secret"):
        c.raw(bytes([b]))
        time.sleep(0.002)
    assert c.packet(5)[0] == "A", "a login byte by byte is not answered"
    c.close()


def dies_and_comes_back(x, a, h1):
    before = h1.next
    x.exchange("kill", "hot")
    assert is_cut(h1, 5), "the client of a pipeline that died is still connected"
    x.wait("hot", "DOWN")
    assert refused("HOT1"), "a pipeline that is out lets clients in"
    assert x.status("general") == "UP"
    a.enter(token="A3", side="B", shares=100, stock="MSFT", price=PX)
    a.expect("A", token="A3")
    x.exchange("start", "hot")
    x.wait("hot", "UP")
    h2 = login("HOT2", codec="ouch50", next_seq=4)  # before HOT1, whose order it meets
    h2.enter(urn=2, side="S", shares=300, stock="NVDA", price=PX)
    h2.expect("A", urn=2, seq=4)
    h2.expect("E", urn=2, shares=300)
    h2.close()
    h1 = login("HOT1", next_seq=before)
    got = told(h1, before)
    assert [(m["type"], m["shares"]) for m in got] == [("E", 300)], got
    again = login("HOT1", next_seq=1)
    whole = told(again, 1)
    assert [m["type"] for m in whole] == ["S", "A", "J", "E", "E"], whole
    return again


def hangs_and_comes_back(x, h1):
    pid = x.part("hot", "nmw-match")
    os.kill(pid, signal.SIGSTOP)
    try:
        x.wait("hot", "DOWN")
        assert is_cut(h1, 5), "the client of a pipeline that hangs is still connected"
    finally:
        os.kill(pid, signal.SIGCONT)
    x.wait("hot", "UP")
    h1 = login("HOT1", next_seq=h1.next)
    h1.enter(token="H9", side="B", shares=100, stock="TSLA", price=PX)
    h1.expect("A", token="H9")


def inside():
    where = tempfile.mkdtemp(prefix="nmw-haproxy-")
    x = Front(where)
    try:
        x.exchange("up")
        for name in ("general", "hot"):
            x.wait(name, "UP")
        a, h1 = chosen_by_name(x)
        what_is_no_login(x)
        h1 = dies_and_comes_back(x, a, h1)
        hangs_and_comes_back(x, h1)
        assert not is_cut(a, 0.3), "the clients of the other pipeline were cut off"
    except BaseException:
        x.logs()
        raise
    finally:
        x.exchange("down")
        shutil.rmtree(where, ignore_errors=True)
    print("chosen by name; died, hung, and came back")


if __name__ == "__main__":
    if sys.argv[1:] == ["inside"]:
        inside()
    else:
        enter_namespaces()
