#!/usr/bin/env python3
"""Sessions over their limits are slowed and lose nothing; silent ones end; the writer may die; without io_uring it serves."""
import ctypes
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import live_lib as lib
from soup_client import Client, Ended, ouch42_enter, packet

PX = 10000


def accounts():
    h = lib.quick_hash()
    return [{"user": "SLOW", "password": h, "rate": "1kpps"}, {"user": "FEW", "password": h, "outstanding": 64},
            {"user": "FREE", "password": h}]


def client(x, user, **kw):
    return Client("127.0.0.1", x.port, user, lib.PASSWORD, **kw)


def burst(n, name):
    return b"".join(packet("U", ouch42_enter("%s%d" % (name, i), "B", 1, "AAPL", PX, tif=0)) for i in range(n))


def answers(c, n, name):
    """Accepted and canceled of each, in order."""
    for i in range(n):
        c.expect("A", token="%s%d" % (name, i), timeout=20)
        c.expect("C", token="%s%d" % (name, i), timeout=20)


def rate(x):
    c = client(x, "SLOW")
    c.expect("S")
    free = client(x, "FREE")
    free.expect("S")
    t = time.monotonic()
    c.raw(burst(3000, "r"))
    for i in range(20):  # who is within the limits is not held back
        t1 = time.monotonic()
        free.enter(token="f%d" % i, side="B", shares=1, stock="AAPL", price=PX, tif=0)
        free.expect("A", token="f%d" % i)
        free.expect("C")
        assert time.monotonic() - t1 < 0.5, "an order of another session took %.3f s" % (time.monotonic() - t1)
    free.close()
    answers(c, 3000, "r")
    took = time.monotonic() - t
    # what had been read when the limit was met, 1,250 at most, went at once
    assert 1.7 <= took <= 9, "3,000 orders at 1,000 a second took %.2f s" % took
    assert x.stat()["throttled"] > 0
    c.close()


def outstanding(x):
    """The engine is stopped: no more than the limit (to a buffer's contents) get to the ring."""
    c = client(x, "FEW")
    c.expect("S")
    before = x.stat()["out_messages"]
    x.proc["match"].send_signal(signal.SIGSTOP)
    c.raw(burst(400, "o"))
    time.sleep(0.5)
    c.raw(burst(2000, "p"))
    time.sleep(0.5)
    out = x.stat()["out_messages"] - before
    x.proc["match"].send_signal(signal.SIGCONT)
    assert 64 <= out <= 64 + 2400 // 2, "%d messages were taken of a session that may have 64 outstanding" % out
    answers(c, 400, "o")
    answers(c, 2000, "p")
    c.logout()
    c.close()


def silence(x):
    quiet = client(x, "FREE", next_seq=0)
    t = time.monotonic()
    try:
        while True:
            quiet.last_sent = time.monotonic()  # so that it sends no heartbeats
            quiet.packet(0.3)
    except Ended:
        pass
    took = time.monotonic() - t
    assert 1.9 <= took <= 6, "a silent client was cut off after %.2f s, 2 to 3 s expected" % took
    silent = x.stat()["sessions_silent"]
    assert silent == 1, "%d silent sessions, 1 expected" % silent
    alive = client(x, "FREE", next_seq=0)
    t = time.monotonic()
    while time.monotonic() - t < 4:
        alive.packet(0.5)
    alive.close()


def deaths(x):
    """The engine dies and comes back, the reader dies and comes back: clients log in again and all is well."""
    c = client(x, "FREE", next_seq=0)
    while c.message(0.3):
        pass
    c.enter(token="before", side="B", shares=1, stock="AAPL", price=PX, tif=0)
    c.expect("A", token="before")
    c.expect("C")
    nxt = c.next
    x.kill("recv")
    x.start("recv")

    def again():
        try:
            return client(x, "FREE", next_seq=nxt, timeout=2)
        except (Ended, OSError, ValueError, TypeError):
            return None

    c = lib.wait_until(again, why="the reader is back")
    c.enter(token="after", side="B", shares=1, stock="AAPL", price=PX, tif=0)
    assert c.expect("A", token="after")["seq"] == nxt
    c.expect("C")
    c.close()


def forbid_io_uring():
    """A seccomp filter that answers io_uring_setup with EPERM, for this process and its children."""
    libc = ctypes.CDLL(None, use_errno=True)
    code = [(0x20, 0, 0, 0), (0x15, 0, 1, 425), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)]
    raw = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *c) for c in code))
    prog = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(code), ctypes.addressof(raw)))
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, prog, 0, 0):
        return False
    return True


def udp_serves(args, *words):
    """udp: takes what comes, and says the words; or that the kernel is too old for it."""
    where = tempfile.mkdtemp(prefix="nmw-udp-")
    port, log = lib.free_port(), os.path.join(where, "log")
    p = subprocess.Popen([os.path.join(lib.BIN, "nmw-recv"), "udp:127.0.0.1:%d" % port, "--framing", "plain", "-o", "u",
                          "--min-consumers", "0"] + args, env=dict(os.environ, NMW_DIR=where), stderr=open(log, "w"))
    try:
        lib.wait_until(lambda: "buffers of" in open(log).read() or p.poll() is not None, why="nmw-recv udp: is ready")
        if "is needed" in open(log).read():
            print("%s: %s" % (" ".join(args), open(log).read().splitlines()[-1]))
            return
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for _ in range(100):
            s.sendto(b"S" + bytes(11), ("127.0.0.1", port))
        time.sleep(0.3)
        p.send_signal(signal.SIGTERM)
        assert p.wait(20) == 0
        said = open(log).read()
        assert "in 100 messages, out 100, dropped 0" in said and all(w in said for w in words), said
    finally:
        p.kill()
        shutil.rmtree(where)


def fallback():
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)[1]
    if not forbid_io_uring():
        os._exit(77)
    try:
        with lib.Exchange(accounts()) as x:
            c = client(x, "FREE")
            c.expect("S")
            c.enter(token="T", side="B", shares=1, stock="AAPL", price=PX, tif=0)
            c.expect("A", token="T")
            c.close()
            said = x.log("recv")
            assert "seccomp" in said and "using epoll" in said and "buffers, epoll" in said, said
            assert x.stop()["recv"] == 0
        udp_serves([], "seccomp", "using epoll", "epoll")
        x = None
        try:
            x = lib.Exchange(accounts(), recv=["--io", "uring"])
        except AssertionError:
            pass
        lib.wait_until(lambda: x.dead("recv"), why="--io uring ends where io_uring is forbidden")
        said, rc = x.log("recv"), x.proc["recv"].returncode
        assert rc == 4 and "seccomp" in said, (rc, said)
        x.close()
        os._exit(0)
    except BaseException:
        import traceback
        traceback.print_exc()
        os._exit(1)


def tcp_serves(*recv):
    """Options of the transport change nothing that a client sees."""
    with lib.Exchange(accounts(), recv=list(recv)) as x:
        if x.dead("recv") and "is needed" in x.log("recv"):
            print("%s: %s" % (" ".join(recv), x.log("recv").splitlines()[-1]))
            return
        c = client(x, "FREE")
        c.expect("S")
        c.raw(burst(500, "q"))
        answers(c, 500, "q")
        limited = client(x, "FEW")
        limited.expect("S")
        limited.raw(burst(300, "l"))
        answers(limited, 300, "l")
        c.logout()
        rc = x.stop()
        assert rc == {"recv": 0, "match": 0, "send": 0}, rc
        assert x.figures("recv")[2] == 0, x.log("recv")


def main():
    kinds = ["epoll"] + (["uring"] if lib.have_uring() else [])
    for io in kinds:
        with lib.Exchange(accounts(), recv=["--io", io, "--client-timeout", "2s"]) as x:
            rate(x)
            outstanding(x)
            silence(x)
            deaths(x)
            rc = x.stop()
            assert rc == {"recv": 0, "match": 0, "send": 0}, rc
            print("%s: ok" % io)
    if "uring" in kinds:
        for args in (["--io", "uring"], ["--sqpoll"], ["--busy-poll", "50us"]):
            udp_serves(args, "io_uring")
        tcp_serves("--sqpoll")
        tcp_serves("--busy-poll", "50us")
        tcp_serves("--sqpoll", "--wait-mode", "spin")
    tcp_serves("--io", "epoll", "--busy-poll", "50us")
    status = fallback()
    assert status in (0, 77 << 8), "fallback: status %d" % status
    print("without io_uring: %s" % ("ok" if status == 0 else "not tested: no seccomp here"))


if __name__ == "__main__":
    main()
