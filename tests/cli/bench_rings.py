#!/usr/bin/env python3
"""The benches leave no folder of rings and no process when a program of theirs cannot be started."""
import os
import pathlib
import subprocess
import sys
import tempfile
import types

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import dpdk
import host
import live

started = []


class Refusing:
    """Starts `lasts` programs that only sleep, then refuses."""

    def __init__(self, lasts):
        self.lasts, self.popen = lasts, subprocess.Popen

    def __call__(self, argv, **more):
        if len(started) == self.lasts:
            raise FileNotFoundError(argv[0])
        started.append(self.popen(["sleep", "60"], stdout=subprocess.DEVNULL, start_new_session=True))
        return started[-1]


def refused(lasts, run):
    """Runs it in an empty place for rings, which has to be empty again."""
    started.clear()
    with tempfile.TemporaryDirectory() as place:
        host.ring_parent = lambda pages=0: place
        subprocess.Popen, real = Refusing(lasts), subprocess.Popen
        try:
            run()
            sys.exit("it was started")
        except FileNotFoundError:
            pass
        finally:
            subprocess.Popen = real
        left, alive = os.listdir(place), [p for p in started if p.poll() is None]
        for p in alive:
            p.kill()
        if left or alive:
            sys.exit(f"left: {left}, {len(alive)} programs")


options = types.SimpleNamespace(rate=1, seconds=1, fifo=False)
refused(0, lambda: live.nmw(options, "udp", False))
refused(0, lambda: live.nmw(options, "tcp", True))
refused(0, lambda: dpdk.staged("gen:", "null:", lambda: 0))
refused(0, lambda: dpdk.Nmw("net_null0"))
refused(1, lambda: dpdk.Nmw("net_null0"))
