"""What the tests of live order entry share: an exchange of three programs on the loopback, accounts, clean-up."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
B = os.environ.get("B", os.path.join(ROOT, "build/gcc-O2"))
BIN = os.path.join(B if os.path.isabs(B) else os.path.join(ROOT, B), "bin")
PASSWORD = "SECRET"


def skip(why):
    print(why)
    sys.exit(77)


def wait_until(what, seconds=10.0, why=""):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        v = what()
        if v:
            return v
        time.sleep(0.01)
    raise AssertionError("did not happen in %g s: %s" % (seconds, why))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def quick_hash(password=PASSWORD):
    """A hash that costs a millisecond to check: a test with thousands of logins must not take minutes."""
    import ctypes
    try:
        lib = ctypes.CDLL("libcrypt.so.1")
    except OSError:
        skip("libcrypt.so.1 is not there")
    lib.crypt.restype = ctypes.c_char_p
    return lib.crypt(password.upper().encode(), b"$6$rounds=1000$nmwnmwnmw$").decode()


def have_uring():
    try:
        out = subprocess.run([os.path.join(BIN, "../tests/test_io")], capture_output=True, text=True)
    except OSError:
        return False
    return "io_uring:" not in out.stdout


class Exchange:
    """nmw-recv tcp: | nmw-match | nmw-send tcp:, on named rings, so that each part can be killed and started again."""

    def __init__(self, accounts, recv=(), match=(), send=(), sinks=("tcp:",), port=None):
        self.dir = tempfile.mkdtemp(prefix="nmw-live-")
        self.port = port or free_port()
        self.env = dict(os.environ, NMW_DIR=os.path.join(self.dir, "rings"))
        os.mkdir(self.env["NMW_DIR"], 0o700)
        self.accounts = os.path.join(self.dir, "accounts.json")
        fd = os.open(self.accounts, os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(fd, "w") as f:
            json.dump({"accounts": accounts}, f)
        self.args = {
            "recv": ["tcp:127.0.0.1:%d" % self.port, "--accounts", self.accounts, "-o", "orders"] + list(recv),
            "match": ["-i", "orders", "-o", "events"] + list(match),
            "send": list(sinks) + ["-i", "events"] + list(send),
        }
        self.proc = {}
        for what in ("recv", "match", "send"):
            self.start(what)
        wait_until(lambda: "port %d:" % self.port in self.log("recv") or self.dead("recv"), why="nmw-recv is ready")

    def start(self, what):
        log = open(os.path.join(self.dir, what + ".log"), "a")
        cmd = [os.path.join(BIN, "nmw-" + what)] + self.args[what]
        self.proc[what] = subprocess.Popen(cmd, env=self.env, stderr=log, stdout=log, stdin=subprocess.DEVNULL)
        log.close()

    def log(self, what):
        with open(os.path.join(self.dir, what + ".log")) as f:
            return f.read()

    def dead(self, what):
        return self.proc[what].poll() is not None

    def kill(self, what, sig=signal.SIGKILL):
        self.proc[what].send_signal(sig)
        return self.proc[what].wait(20)

    def stat(self, tool="nmw-recv"):
        """The counters of a tool, by name; drops as "drop_REASON"."""
        out = subprocess.run([os.path.join(BIN, "nmw-stat"), "--json"], env=self.env, capture_output=True, text=True)
        found = {}
        for t in json.loads(out.stdout)["tools"]:
            if t["tool"] == tool:
                found.update({k: int(v) for k, v in t.get("counters", {}).items()})
                found.update({"drop_" + k: int(v) for k, v in t.get("dropped", {}).items()})
        return found

    def rss_kb(self, what):
        with open("/proc/%d/status" % self.proc[what].pid) as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def figures(self, what):
        """(in, out, dropped) of the last line of figures."""
        m = re.findall(r"in (\d+) messages, out (\d+), dropped (\d+)", self.log(what))
        return tuple(int(v) for v in m[-1])

    def stop(self):
        """SIGTERM to the first; the others drain and end. Exit statuses."""
        rc = {"recv": self.kill("recv", signal.SIGTERM)}
        for what in ("match", "send"):
            rc[what] = self.proc[what].wait(20)
        return rc

    def close(self):
        for p in self.proc.values():
            if p.poll() is None:
                p.kill()
                p.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, tb):
        if kind:
            for what in self.args:
                print("---- nmw-%s\n%s" % (what, self.log(what)[-4000:]))
        self.close()
