#!/usr/bin/env python3
"""Many sessions at once: every order answered once and in order, nothing dropped, memory flat.
NMW_LIVE_SESSIONS, NMW_LIVE_RATE (orders a second in all), NMW_LIVE_SECONDS, NMW_LIVE_BURST (orders a segment)."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import live_lib as lib


def setting(name, default):
    return int(os.environ.get("NMW_LIVE_" + name, default))


def main():
    load = os.path.join(lib.BIN, "../tests/fuzz/soup_load")
    if not os.path.exists(load):
        lib.skip("soup_load is not built: make tests")
    sessions, rate = setting("SESSIONS", 500), setting("RATE", 5000)
    seconds, burst = setting("SECONDS", 4), setting("BURST", 1)
    h = lib.quick_hash()
    accounts = [{"user": "L%04d" % i, "password": h} for i in range(sessions)]
    for io in ["epoll"] + (["uring"] if lib.have_uring() else []):
        n = str(max(1024, sessions))
        ids = str(max(4_000_000, 2 * rate * seconds))
        with lib.Exchange(accounts, recv=["--io", io], match=["--sessions", n, "--ids", ids],
                          send=["--session-memory", "64M"]) as x:
            p = subprocess.Popen([load, str(x.port), str(sessions), str(rate), str(seconds), str(burst)],
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            first = p.stdout.readline()
            time.sleep(max(1.0, seconds / 4))
            before = x.rss_kb("recv")
            out = first + p.communicate(timeout=seconds + 120)[0]
            grown = x.rss_kb("recv") - before
            assert p.returncode == 0, out
            # the ring's own pages count as they are touched for the first time
            assert grown < 12 * 1024, "nmw-recv grew by %d KiB" % grown
            st = x.stat()
            rc = x.stop()
            assert rc == {"recv": 0, "match": 0, "send": 0}, rc
            n_in, n_out, dropped = x.figures("recv")
            assert dropped == 0 and n_in == n_out >= rate * seconds + sessions, x.figures("recv")
            print("%s: %s  grown by %d KiB, %d waits for the ring, %d for buffers" % (
                io, out.replace("\n", "; "), grown, st["full_waits"], st["receive_stalls"]))


if __name__ == "__main__":
    main()
