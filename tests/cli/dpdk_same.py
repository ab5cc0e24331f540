#!/usr/bin/env python3
"""Packets like the one before take a short way through nmw-recv dpdk:, all others a long one: with another client's packet
before each they all take the long one, and what comes of them, damaged ones too, is the same."""
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from dpdk_lib import BIN, need_dpdk, no_huge  # noqa: E402

PACKETS, SEED = 3000, 23
IP, UDP = 14, 34  # where their headers begin


def frame(port, token, more=0):
    order = b"X" + token.ljust(14).encode() + struct.pack(">I", 100)
    data = order + bytes(more)
    udp = struct.pack(">HHHH", port, 5000, 8 + len(data), 0)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + 8 + len(data), 1, 0, 64, 17, 0, bytes((10, 9, 0, 2)), bytes((10, 9, 0, 1)))
    return b"\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0" + ip + udp + data


def damaged(rng, p):
    """One of the things that the short way must see."""
    b = bytearray(p)

    def put(at, fmt, v):
        struct.pack_into(fmt, b, at, v)
    kind = rng.randrange(9)
    if kind == 0:
        b[rng.randrange(12, 42)] ^= 1 << rng.randrange(8)
    elif kind == 1:
        put(UDP + 4, ">H", rng.choice((0, 7, 8, 9, 20, 26, 27, 28, 60, 65535)))
    elif kind == 2:
        put(IP + 2, ">H", rng.choice((0, 20, 27, 28, 29, 46, 47, 48, 1500, 65535)))
    elif kind == 3:
        b = b[:rng.randrange(0, len(b))]
    elif kind == 4:
        put(IP + 6, ">H", rng.choice((0x2000, 1, 0x4000, 0x8000, 0x1fff)))
    elif kind == 5:
        b[IP] = rng.choice((0x46, 0x4f, 0x44, 0x65))
    elif kind == 6:
        b[IP + 8] = rng.randrange(256)
    elif kind == 7:
        b[IP + 1] = rng.randrange(256)
    else:
        b += bytes(rng.randrange(1, 30))  # padding of the link
    return bytes(b) or b"\0"


def capture(path, frames):
    with open(path, "wb") as f:
        f.write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65536, 1))
        for i, p in enumerate(frames):
            f.write(struct.pack("=IIII", 1 + i // 1000000, i % 1000000, len(p), len(p)) + p)


def take(where, name, frames):
    """The messages of client A in order, and what was dropped why."""
    path, ring = os.path.join(where, name), "r" + name
    capture(path, frames)
    env = dict(os.environ, NMW_DIR=where)
    dev = "dpdk:net_pcap0,rx_pcap=%s,addr=10.9.0.1:5000" % path
    with open(path + ".err", "w", encoding="utf-8") as err, open(path + ".out", "w", encoding="utf-8") as out:
        recv = subprocess.Popen([os.path.join(BIN, "nmw-recv"), dev, "-o", ring, "--framing", "plain", "--codec", "ouch42", *no_huge()],
                                env=env, stderr=err)
        send = subprocess.Popen([os.path.join(BIN, "nmw-send"), "jsonl:-", "-i", ring, "-q"], env=env, stdout=out, stderr=err)
        try:
            before, end = -1, time.monotonic() + 30
            while time.monotonic() < end:  # until nothing more comes
                time.sleep(0.3)
                now = os.path.getsize(path + ".out")
                if now and now == before:
                    break
                before = now
            recv.send_signal(2)
            rc = recv.wait(20), send.wait(20)
        finally:
            for p in (recv, send):
                if p.poll() is None:
                    p.kill()
    with open(path + ".err", encoding="utf-8") as f:
        said = f.read()
    assert rc[0] == 0, "exit %s: %s" % (rc, said)
    lines = open(path + ".out", encoding="utf-8").read().splitlines()
    messages = [re.sub(r'"(seq|ts_ns|timestamp|in_seq|session|message|time_ns)":("[^"]*"|\d+),?', "", m)
                for m in lines if '"BBB' not in m and '"port":6002' not in m]
    dropped = re.search(r"in \d+ messages, out (\d+), dropped ([^,]*(?:,[^,]*?\d+)*\)?)", said)
    return messages, dropped[2] if dropped else said, lines


def main():
    need_dpdk()
    rng = random.Random(SEED)
    flow = []
    for i in range(PACKETS):
        p = frame(6001, "AAA%d" % i, rng.choice((0, 0, 0, 4, 21)))
        flow.append(damaged(rng, p) if rng.random() < 0.3 else p)
    filler = [frame(6002, "BBB%d" % i) for i in range(PACKETS)]
    with tempfile.TemporaryDirectory(prefix="nmw-same.", dir=os.environ.get("NMW_TEST_SHM", "/dev/shm")) as where:
        os.chmod(where, 0o700)
        short, short_drops, _ = take(where, "short", flow)
        long, long_drops, all_lines = take(where, "long", [p for pair in zip(filler, flow) for p in pair])
    assert sum('"BBB' in m for m in all_lines) == PACKETS, "the other client's: %d" % sum('"BBB' in m for m in all_lines)
    for i, (a, b) in enumerate(zip(short, long)):
        assert a == b, "message %d: %s\nand with others before it: %s" % (i, a, b)
    assert len(short) == len(long) > PACKETS / 2, "%d and %d messages" % (len(short), len(long))
    assert short_drops == long_drops, "dropped %s, and with others before them %s" % (short_drops, long_drops)
    print("%d of %d packets are messages, dropped %s, both ways" % (len(short), PACKETS, short_drops))


if __name__ == "__main__":
    main()
