#!/usr/bin/env python3
"""A consumer, a tap and a producer that know a ring only from nmw-ring(5), against those in C."""

import errno
import fcntl
import mmap
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

B = os.environ.get("B", "build/gcc-O2")
TALK = os.path.join(B, "tests/crash/ring_talk")
NO_FRAME = 2**64 - 1
PATTERN = bytes(range(256)) * 3


def payload_of(seq):
    return PATTERN[seq % 256 : seq % 256 + seq * 37 % 301]


# ---- what the page says ----


def fnv1a(data):
    h = 0xCBF29CE484222325
    for b in data:
        h = (h ^ b) * 0x100000001B3 % 2**64
    return h


def lock(fd, byte, kind=fcntl.F_WRLCK):
    """F_OFD_SETLK; False when another has it."""
    try:
        fcntl.fcntl(fd, 37, struct.pack("hh4xqqi4x", kind, os.SEEK_SET, byte, 1, 0))
        return True
    except OSError as e:
        if e.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise


def locked(fd, byte):
    """F_OFD_GETLK"""
    r = fcntl.fcntl(fd, 36, struct.pack("hh4xqqi4x", fcntl.F_WRLCK, os.SEEK_SET, byte, 1, 0))
    return struct.unpack_from("h", r)[0] != fcntl.F_UNLCK


class Ring:
    def map(self, writable):
        size = os.fstat(self.fd).st_size
        prot = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
        self.m = mmap.mmap(self.fd, size, prot=prot)
        self.u64 = memoryview(self.m).cast("Q")  # loads and stores whole words
        self.u32 = memoryview(self.m).cast("I")

    def check(self):
        m = self.m
        assert m[0:8] == b"NMWRING1"
        (self.version, hdr_sz, file_sz, self.ctl, self.slots, self.frames, self.frame_sz, self.cnt,
         self.slot_sz, page, self.flags, consumers) = struct.unpack_from("=IIQQQQQQIIII", m, 8)
        up = lambda x: (x + page - 1) // page * page
        assert self.version == 1 and hdr_sz == 256 and consumers == 16
        assert self.ctl == up(256) and self.slots == self.ctl + up(2176)
        assert self.frames == self.slots + up(self.cnt * self.slot_sz)
        assert file_sz == self.frames + self.frame_sz == len(m)
        assert struct.unpack_from("=Q", m, 120)[0] == fnv1a(m[0:120])

    def slot(self, seq):
        return self.slots + seq % self.cnt * self.slot_sz

    def oldest(self):
        claim, floor = self.u64[192 // 8], self.u64[208 // 8]
        return max(claim - self.cnt, 1, floor + 1)

    def line(self, i):
        return self.ctl + 128 + 128 * i

    def ready(self, seq):
        return self.u64[self.slot(seq) // 8] == seq

    def read(self, seq):
        at = self.slot(seq)
        ts, ingress, in_seq, off, session, n, channel, codec = struct.unpack_from(
            "=QQQQIHBB", self.m, at + 8)
        if off == NO_FRAME:
            assert n <= self.slot_sz - 48
            data = self.m[at + 48 : at + 48 + n]
        else:
            assert off + n <= self.frame_sz
            data = self.m[self.frames + off : self.frames + off + n]
        return ts, session, channel, data

    def closed(self):
        return self.u32[148 // 4] == 1

    def take_join(self):
        while not lock(self.fd, 32):
            time.sleep(0.001)

    def anybody(self):
        return any(self.u32[self.line(i) // 4 + 2] and locked(self.fd, 1 + i) for i in range(16))

    def drop(self):
        """As if killed: descriptor and mapping go, and with them the locks."""
        os.close(self.fd)
        self.u64.release()
        self.u32.release()
        self.m.close()


class Tap(Ring):
    def __init__(self, path):
        self.fd = os.open(path, os.O_RDONLY)
        self.map(False)
        self.check()
        self.next = self.oldest()


class Consumer(Ring):
    def __init__(self, path, name=b""):
        self.fd = os.open(path, os.O_RDWR)
        self.map(True)
        self.check()
        self.named = 3 if name else 2
        self.take_join()
        assert os.path.samestat(os.fstat(self.fd), os.stat(path))
        if not (name and self.rejoin(name)):
            self.join(name)
        lock(self.fd, 32, fcntl.F_UNLCK)

    def name_of(self, i):
        return self.m[self.line(i) + 16 : self.line(i) + 48].rstrip(b"\0")

    def rejoin(self, name):
        for i in range(16):
            if self.u32[self.line(i) // 4 + 2] == 3 and self.name_of(i) == name:
                assert lock(self.fd, 1 + i), "a consumer of that name is running"
                self.i = i
                self.next = self.u64[self.line(i) // 8] + 1
                return True
        return False

    def join(self, name):
        for i in range(16):
            if self.u32[self.line(i) // 4 + 2] != 3 and lock(self.fd, 1 + i):
                break
        else:
            raise RuntimeError("16 consumers")
        self.i, at = i, self.line(i)
        self.m[at + 16 : at + 48] = name.ljust(32, b"\0")
        self.u64[at // 8] = self.oldest() - 1
        self.u32[at // 4 + 2] = 1
        self.u64[at // 8] = self.oldest() - 1
        self.u32[at // 4 + 2] = self.named
        self.next = self.u64[at // 8] + 1

    def release(self):
        self.u64[self.line(self.i) // 8] = self.next - 1

    def leave(self, path):
        self.take_join()
        self.u32[self.line(self.i) // 4 + 2] = 0
        lock(self.fd, 1 + self.i, fcntl.F_UNLCK)
        if self.closed() and lock(self.fd, 0):
            if not self.anybody():
                os.unlink(path)
            lock(self.fd, 0, fcntl.F_UNLCK)
        lock(self.fd, 32, fcntl.F_UNLCK)
        self.drop()


class Producer(Ring):
    def __init__(self, path, cnt=32, slot_sz=128, frame_sz=8192, page=4096):
        self.path = path
        tmp = os.path.join(os.path.dirname(path), ".%s.%d.0.tmp" % (
            os.path.basename(path)[:-5], os.getpid()))
        self.fd = os.open(tmp, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        assert lock(self.fd, 0)
        up = lambda x: (x + page - 1) // page * page
        ctl, slots = up(256), up(256) + up(2176)
        frames = slots + up(cnt * slot_sz)
        os.posix_fallocate(self.fd, 0, frames + frame_sz)
        self.map(True)
        g = struct.pack("=8sIIQQQQQQIIIIQ32x", b"NMWRING1", 1, 256, frames + frame_sz, ctl, slots,
                        frames, frame_sz, cnt, slot_sz, page, 0, 16, time.time_ns())
        self.m[8:120] = g[8:]
        self.m[120:128] = struct.pack("=Q", fnv1a(g))
        self.m[128:144] = b"python".ljust(16, b"\0")
        self.u64[192 // 8] = 1
        self.m[0:8] = g[:8]
        os.rename(tmp, path)
        self.check()
        self.next = self.limit = 1
        self.head, self.used = 0, []

    def low(self):
        low = self.next - 1
        held = max(self.limit - self.cnt - 1, 0)
        for i in range(16):
            state = self.u32[self.line(i) // 4 + 2]
            at = self.u64[self.line(i) // 8]
            if state == 1:
                low = min(low, max(at, held))
            elif state in (2, 3):
                if at >= self.next or at < held:
                    self.u32[self.line(i) // 4 + 2] = 4
                else:
                    low = min(low, at)
        return low

    def room(self):
        if self.next < self.limit:
            return True
        new = min(self.low() + self.cnt + 1, self.next + self.cnt // 2)
        if new > self.limit:
            self.u64[200 // 8] = self.next - 1
            if new > self.u64[192 // 8]:
                self.u64[192 // 8] = new
            self.limit = max(self.limit, min(new, self.low() + self.cnt + 1))
        return self.next < self.limit

    def frame(self, n):
        """One frame after the other; all of them are given back at the end of the area."""
        if self.head + n > self.frame_sz:
            last = self.used[-1]
            if self.low() < last:
                return None
            self.u64[208 // 8] = last
            if self.low() < last:
                return None
            self.head, self.used = 0, []
        off, self.head = self.head, self.head + n
        self.used.append(self.next)
        return off

    def put(self, data, ts, session):
        at = self.slot(self.next)
        off = NO_FRAME
        if len(data) > self.slot_sz - 48:
            off = self.frame(len(data))
            if off is None:
                return False
            self.m[self.frames + off : self.frames + off + len(data)] = data
        else:
            self.m[at + 48 : at + 48 + len(data)] = data
        struct.pack_into("=QQQQIHBB", self.m, at + 8, ts, 0, 0, off, session, len(data), 3, 0)
        self.u64[at // 8] = self.next
        self.next += 1
        if self.u32[self.ctl // 4]:
            self.u32[self.ctl // 4] = 0
            self.u32[self.ctl // 4 + 1] = (self.u32[self.ctl // 4 + 1] + 1) % 2**32
            # no futex in Python's library: a reader sleeps for a millisecond at most, since this
            # producer says that it takes no part in the barrier
        return True

    def close(self):
        self.u64[200 // 8] = self.next - 1
        self.u32[148 // 4] = 1
        self.take_join()
        if not self.anybody():
            os.unlink(self.path)
        lock(self.fd, 0, fcntl.F_UNLCK)
        lock(self.fd, 32, fcntl.F_UNLCK)
        self.drop()


# ---- the tests ----


def wait_for(path):
    for _ in range(5000):
        if os.path.exists(path):
            return
        time.sleep(0.002)
    sys.exit("FAIL: no " + path)


def expect(ring, seq):
    got = ring.read(seq)
    want = (seq * 1000, seq % 5, 3, payload_of(seq))
    assert got == want, (seq, got, want)


def talk(*args):
    return subprocess.Popen([TALK, *map(str, args)], stdout=subprocess.PIPE, text=True)


def consume(path, count):
    p = talk("put", "c", count, 2)
    wait_for(path)
    other = talk("get", "c")
    c, t = Consumer(path), Tap(path)
    seen = missed = 0
    while True:
        closed = c.closed()
        if c.ready(c.next):
            expect(c, c.next)
            c.next += 1
            if c.next % 16 == 0:
                c.release()
        elif closed:
            break
        else:
            c.release()
        while t.ready(t.next):
            got = t.read(t.next)
            if t.next < t.oldest():
                break
            assert got[3] == payload_of(t.next), t.next
            t.next += 1
            seen += 1
        if t.next < t.oldest():
            missed += t.oldest() - t.next
            t.next = t.oldest()
    c.release()
    assert c.next - 1 == count == c.u64[200 // 8], (c.next, count)
    assert seen + missed == count, (seen, missed)
    c.leave(path)
    assert p.wait(20) == 0 and other.communicate(timeout=20)[0] == "%d\n" % count
    assert not os.path.exists(path)
    print("consumer: %d messages; tap: %d, %d missed" % (count, seen, missed))


def come_back(path):
    p = talk("put", "n", 5000, 1)
    wait_for(path)
    c = Consumer(path, b"py")
    for _ in range(30):
        while not c.ready(c.next):
            time.sleep(0.001)
        expect(c, c.next)
        c.next += 1
    c.release()
    c.drop()  # the lock is gone, the cursor stays
    time.sleep(0.2)
    other = talk("get", "n", "py")
    assert other.communicate(timeout=20)[0] == "%d\n" % (5000 - 30)
    assert p.wait(20) == 0
    print("named consumer: left after 30, the rest came later")


def produce(path, count):
    p = Producer(path)
    other = talk("get", "p")
    while p.low() == p.next - 1 and not any(p.u32[p.line(i) // 4 + 2] for i in range(16)):
        time.sleep(0.001)
    for _ in range(count):
        while not (p.room() and p.put(payload_of(p.next), p.next * 1000, p.next % 5)):
            time.sleep(0.0001)
    p.close()
    assert other.communicate(timeout=20)[0] == "%d\n" % count
    assert not os.path.exists(path)
    print("producer: %d messages" % count)


def resume(path):
    """Python's producer dies; one in C goes on after its last message."""
    p = Producer(path, cnt=64, frame_sz=16384)
    c = Consumer(path, b"me")
    while p.room() and p.next <= 20:
        p.put(payload_of(p.next), p.next * 1000, p.next % 5)
    p.drop()
    other = talk("put", "r", 10, 0)
    for _ in range(30):
        while not c.ready(c.next):
            time.sleep(0.001)
        expect(c, c.next)
        c.next += 1
        c.release()
    assert other.wait(20) == 0
    c.leave(path)
    assert not os.path.exists(path)
    print("resumed: 20 messages of one, 10 of the other")


def example(path):
    """The example of the page prints what is there."""
    page = open("man/nmw-ring.5").read()
    code = page.split("import mmap", 1)[1].split(".Ed")[0]
    code = "import mmap" + code.replace("/dev/shm/nmw/orders.ring", path)
    assert talk("put", "e", 20, 0, "die").wait(20) == 0
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    want = "".join("%d %d\n" % (i, i * 37 % 301) for i in range(1, 21))
    assert out.stdout == want, out.stdout
    print("example: 20 messages")


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    if not os.path.exists(TALK):
        sys.exit("no %s: run make tests first" % TALK)
    d = tempfile.mkdtemp(dir=os.environ.get("NMW_TEST_SHM"))
    os.environ["NMW_DIR"] = d
    path = lambda name: os.path.join(d, name + ".ring")
    try:
        consume(path("c"), 20000)
        come_back(path("n"))
        produce(path("p"), 5000)
        resume(path("r"))
        example(path("e"))
    finally:
        shutil.rmtree(d)


if __name__ == "__main__":
    main()
