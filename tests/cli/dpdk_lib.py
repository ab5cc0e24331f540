"""What the tests of dpdk: share: a veth pair between two namespaces, programs in one, kernel sockets in the other."""
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from live_lib import BIN, skip, wait_until  # noqa: E402

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def need_dpdk():
    version = subprocess.run([os.path.join(BIN, "nmw-recv"), "--version"], capture_output=True, text=True).stdout
    if "dpdk 2" not in version:
        skip("built without DPDK")


def need_namespaces():
    if os.geteuid() != 0:
        skip("namespaces need root")
    if not shutil.which("ip"):
        skip("ip is not installed")
    if subprocess.run(["ip", "netns", "add", "nmwtry%d" % os.getpid()], capture_output=True).returncode:
        skip("network namespaces are not to be had here")
    subprocess.run(["ip", "netns", "del", "nmwtry%d" % os.getpid()], capture_output=True)


def no_huge():
    """EAL without hugepages, so that the test needs none."""
    return ["--", "--no-huge", "-m", "64"]


class Link:
    """veth `near` in namespace a (the programs), `far` in b (the kernel's sockets), 10.9.0.1 and 10.9.0.2."""

    def __init__(self, queues=1):
        self.a, self.b = "nmwa%d" % os.getpid(), "nmwb%d" % os.getpid()
        self.dir = tempfile.mkdtemp(prefix="nmw-dpdk.", dir=os.environ.get("NMW_TEST_SHM", "/dev/shm"))
        self.rings = os.path.join(self.dir, "rings")
        os.mkdir(self.rings, 0o700)
        self.env = dict(os.environ, NMW_DIR=self.rings)
        self.children, self.files = [], {}
        self.ip("netns", "add", self.a)
        self.ip("netns", "add", self.b)
        q = ["numtxqueues", str(queues), "numrxqueues", str(queues)]
        self.ip("link", "add", "near", "netns", self.a, *q, "type", "veth", "peer", "name", "far", "netns", self.b, *q)
        for ns, dev in ((self.a, "near"), (self.b, "far")):
            subprocess.run(["ip", "netns", "exec", ns, "sysctl", "-qw", "net.ipv6.conf.%s.accept_dad=0" % dev],
                           capture_output=True)
            self.ip("-n", ns, "link", "set", dev, "up")
            self.ip("-n", ns, "link", "set", "lo", "up")
        self.ip("-n", self.b, "addr", "add", "10.9.0.2/24", "dev", "far")
        self.ip("-n", self.b, "addr", "add", "fd09::2/64", "dev", "far", "nodad")

    def ip(self, *args):
        r = subprocess.run(("ip",) + args, capture_output=True, text=True)
        assert r.returncode == 0, "ip %s: %s" % (" ".join(args), r.stderr)

    def inside(self, name, what):
        """what() with this thread in that namespace: sockets stay where they were made."""
        back = os.open("/proc/self/ns/net", os.O_RDONLY)
        there = os.open("/var/run/netns/" + name, os.O_RDONLY)
        try:
            assert libc.setns(there, CLONE_NEWNET) == 0
            return what()
        finally:
            libc.setns(back, CLONE_NEWNET)
            os.close(there)
            os.close(back)

    def socket(self, *args, ns=None):
        return self.inside(ns or self.b, lambda: socket.socket(*args))

    def start(self, tool, *args, near=False, out=None):
        """A program, in the namespace of `near` or in none of these; its log is self.log(child)."""
        log = open(os.path.join(self.dir, "log%d" % len(self.children)), "w+")
        cmd = (["ip", "netns", "exec", self.a] if near else []) + [os.path.join(BIN, tool), *args]
        p = subprocess.Popen(cmd, stdin=subprocess.DEVNULL, stdout=out or subprocess.DEVNULL, stderr=log, env=self.env)
        self.children.append(p)
        self.files[p] = log
        return p

    def log(self, p):
        self.files[p].flush()
        with open(self.files[p].name) as f:
            return f.read()

    def runs(self, p, what="MAC ", seconds=20):
        def look():
            assert p.poll() is None, "it ended: " + self.log(p)
            return what in self.log(p)
        wait_until(look, seconds, "the device to start: " + self.log(p))

    def stop(self, p, want=0, seconds=20):
        p.send_signal(signal.SIGINT)
        rc = p.wait(seconds)
        assert rc == want, "exit %d, %d expected: %s" % (rc, want, self.log(p))
        return self.log(p)

    def stats(self):
        out = subprocess.run([os.path.join(BIN, "nmw-stat"), "--json"], capture_output=True, text=True, env=self.env)
        return json.loads(out.stdout)

    def published(self, ring):
        return sum(int(r["published"]) for r in self.stats()["rings"] if r["name"] == ring)

    def behind(self, ring):
        """Messages that the slowest reader has still to read."""
        r = [r for r in self.stats()["rings"] if r["name"] == ring][0]
        return int(r["published"]) - min(int(c["cursor"]) for c in r["consumers"])

    def close(self):
        for p in self.children:
            if p.poll() is None:
                p.kill()
            p.wait()
        for ns in (self.a, self.b):
            subprocess.run(["ip", "netns", "del", ns], capture_output=True)
        shutil.rmtree(self.dir, ignore_errors=True)


def mold(name, seq, *messages):
    p = name.ljust(10).encode() + struct.pack(">QH", seq, len(messages))
    return p + b"".join(struct.pack(">H", len(m)) + m for m in messages)


def buffers(log):
    """[(all, free, waiting, with the driver)] of each queue, as nmw-recv says at its end."""
    rows = re.findall(r"queue \d+: (\d+) buffers: (\d+) free, (\d+) wait for a reader, (\d+) with", log)
    return [tuple(int(v) for v in r) for r in rows]
