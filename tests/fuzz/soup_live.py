#!/usr/bin/env python3
"""Thousands of damaged sessions, a flood of logins, silent and half-open connections: the server stands, counts them by
reason, and a client that behaves is served all the while.  NMW_FUZZ_SESSIONS=100000 for more, NMW_FUZZ_SEED=N for others."""
import os
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../cli"))
import live_lib as lib
from soup_client import Client, login_packet, ouch42_enter, packet

SESSIONS = int(os.environ.get("NMW_FUZZ_SESSIONS", "2000"))
SEED = int(os.environ.get("NMW_FUZZ_SEED", "1"))
ACCOUNTS = 64


class Good(threading.Thread):
    """A client that behaves: an order every 2 ms, each answered before the next."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.c = Client("127.0.0.1", port, "GOOD", lib.PASSWORD, timeout=20)
        self.c.expect("S")
        self.took, self.stop, self.error = [], False, None

    def run(self):
        try:
            n = 0
            while not self.stop:
                n += 1
                t = time.perf_counter()
                self.c.enter(token="G%d" % n, side="B", shares=1, stock="AAPL", price=10000, tif=0)
                self.c.expect("A", token="G%d" % n)
                self.took.append(time.perf_counter() - t)
                self.c.expect("C", token="G%d" % n)
                time.sleep(0.002)
        except Exception as e:
            self.error = e

    def check(self, during):
        if self.error:
            raise AssertionError("%s: the client that behaves: %s" % (during, self.error))
        t, self.took = sorted(self.took), []
        print("%s: %d orders answered, p50 %.2f ms, p99 %.2f ms, max %.2f ms" % (
            during, len(t), 1e3 * t[len(t) // 2], 1e3 * t[len(t) * 99 // 100], 1e3 * t[-1]))
        return t


def flood(x):
    """Wrong logins and right names, far more than can be checked; connections that say nothing."""
    idle = [socket.create_connection(("127.0.0.1", x.port)) for _ in range(300)]
    half = socket.create_connection(("127.0.0.1", x.port))
    half.sendall(login_packet("F001", "SECRET")[:20])
    for turn in range(20):
        many = []
        for i in range(100):
            s = socket.create_connection(("127.0.0.1", x.port))
            s.sendall(login_packet("F%03d" % (i % 3), "NO%d" % i))
            many.append(s)
        time.sleep(0.02)
        for s in many:
            s.close()
    time.sleep(1.3)
    gone = 0
    for s in idle + [half]:
        s.settimeout(0.5)
        try:
            gone += s.recv(1) == b""
        except OSError:
            gone += 1
        s.close()
    assert gone == 301, "%d of 301 connections without a login were closed in time" % gone


def slow(x):
    """Sends orders and reads nothing."""
    s = Client("127.0.0.1", x.port, "F000", lib.PASSWORD, next_seq=0)
    s.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.sock.settimeout(3)
    sent = 0
    try:
        while sent < 60000:
            s.raw(b"".join(packet("U", ouch42_enter("S%d" % (sent + i), "B", 1, "AAPL", 10000, tif=0))
                           for i in range(100)))
            sent += 100
    except OSError:
        pass
    print("slow reader: %d orders sent" % sent)
    s.close()


def main():
    h = lib.quick_hash()
    fuzz = os.path.join(lib.BIN, "../tests/fuzz/fuzz_soup")
    if not os.path.exists(fuzz):
        lib.skip("fuzz_soup is not built: make tests")
    accounts = [{"user": "F%03d" % i, "password": h, "codec": ("ouch42", "ouch50")[i % 2], "rate": "20kpps"}
                for i in range(ACCOUNTS)]
    accounts.append({"user": "GOOD", "password": h})
    for io in ["epoll"] + (["uring"] if lib.have_uring() else []):
        args = ["--io", io, "--login-timeout", "1s", "--login-delay", "300ms", "--flows", "1000"]
        with lib.Exchange(accounts, recv=args) as x:
            good = Good(x.port)
            good.start()
            time.sleep(0.5)
            good.check("quiet")
            out = subprocess.run([fuzz, str(x.port), str(SESSIONS), str(SEED), str(ACCOUNTS)], capture_output=True,
                                 text=True, timeout=1000)
            assert out.returncode == 0, out.stderr
            print("%s, seed %d: %s" % (io, SEED, out.stdout.strip()))
            good.check("mutated sessions")
            flood(x)
            good.check("flood of logins")
            slow(x)
            good.check("slow reader")
            good.stop = True
            good.join(20)
            for what in x.proc:
                assert not x.dead(what), "nmw-%s died: %s" % (what, x.log(what)[-3000:])
            lib.wait_until(lambda: x.stat().get("sessions_up") == 1, why="all but one session have ended")
            st = x.stat()
            good.c.close()
            rc = x.stop()
            assert rc == {"recv": 0, "match": 0, "send": 0}, rc
            for what in x.proc:
                assert "ERROR" not in x.log(what) and "runtime error" not in x.log(what), x.log(what)
            n_in, n_out, dropped = x.figures("recv")
            assert n_in == n_out + dropped, x.figures("recv")
            for name in ("connections", "logins", "logins_refused", "sessions_broken", "drop_bad_soup", "drop_too_long"):
                assert st.get(name, 0) > 0, "%s is not counted: %s" % (name, st)
            # who does not log in is closed when his time is up, or when others need his place: whichever is first
            assert st["logins_expired"] + st["connections_displaced"] >= 301, st
            print({k: v for k, v in st.items() if v and (k.startswith(("login", "conn", "sess", "drop")))})


if __name__ == "__main__":
    main()
