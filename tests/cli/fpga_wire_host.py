#!/usr/bin/env python3
"""nmw-fpga wire: what the device leaves to the host is answered: as nmw-match does where it needs no book, else by a
rejection with the code of the reason, in the client's own stream and in its place. Each message that nmw-match would take
has a twin with the same answer, so that whole streams are compared. NMW_WIRE_SEED (1) is another run, NMW_WIRE_RUNS
(1) more of them."""
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import wire_frames  # noqa: E402
from live_lib import BIN, skip  # noqa: E402
from soup_client import ouch50_cancel, ouch50_enter, ouch50_replace  # noqa: E402

SO = os.environ.get("NMW_BITSTREAM") or os.path.abspath(os.path.join(os.path.dirname(__file__), "../../hw/build/nmw_wire.so"))
SEED, RUNS = int(os.environ.get("NMW_WIRE_SEED", "1")), int(os.environ.get("NMW_WIRE_RUNS", "1"))
CENTER = 1825000
SYMBOLS = [{"symbol": "AAPL"}, {"symbol": "MSFT"}, {"symbol": "BAND", "band_low": "100.00", "band_high": "200.00"}]
EXPIRES, PEG, INST = b"\x05\x0f" + struct.pack(">I", 60), b"\x05\x07\0\0\0\1", b"\x02\x11N"
LONG = b"\x09\x01" + bytes(8) + b"\x05\x02FIRM" + b"\x05\x03" + struct.pack(">I", 1)


class Client:
    """Orders of one client, each as it goes to the device and its twin for the software."""

    def __init__(self, r, port):
        self.r, self.port, self.urn, self.used, self.seq, self.live = r, port, 0, 0, 1, []

    def price(self):
        return CENTER + 100 * self.r.randint(-5, 5)

    def order(self, **kw):
        self.urn += self.r.choice((1, 1, 1, 3))
        base = dict(urn=self.urn, side=self.r.choice("BS"), shares=100 * self.r.randint(1, 5), stock=self.r.choice(("AAPL", "MSFT")),
                    price=self.price(), clordid="C%d" % self.urn)
        return dict(base, **kw)

    def some(self):
        """(message to the device, to the software)."""
        r = self.r
        what = r.choices(("enter", "cancel", "replace", "hidden", "timed", "peg", "inst", "long", "query", "window", "symbol",
                          "band", "banded", "again"), (40, 14, 8, 4, 4, 4, 4, 2, 4, 4, 4, 2, 2, 2))[0]
        if what == "query":
            return (b"Q",) * 2
        if what in ("cancel", "replace") and self.live:
            urn = self.live.pop(r.randrange(len(self.live)))
            if what == "cancel":
                return (ouch50_cancel(urn),) * 2
            self.urn += 1
            self.live.append(self.urn)
            return (ouch50_replace(urn, self.urn, 100 * r.randint(1, 5), self.price(), clordid="R%d" % self.urn),) * 2
        odd = {"hidden": (dict(display="N"), dict(display="?")),
               "timed": (dict(tif="6", tags=EXPIRES), dict(tif="?", tags=EXPIRES)),
               "peg": (dict(tags=PEG), {}),
               "inst": (dict(tags=INST), dict(tif="?")),
               "long": (dict(tags=LONG), dict(tif="?")),
               "window": (dict(price=9000000), dict(price=0)),
               "symbol": (dict(stock="NONE"), {}),
               "band": (dict(stock="BAND"), dict(stock="NONE")),
               "banded": (dict(stock="BAND", price=3000000), dict(stock="AAPL", price=0))}.get(what)
        if what == "again" and self.used:
            return (ouch50_enter(**dict(self.order(), urn=self.used, tags=INST)),) * 2
        o = self.order()
        self.used = o["urn"]
        if not odd:
            self.live.append(o["urn"])
            return (ouch50_enter(**o),) * 2
        o = dict(o, **odd[0])
        return ouch50_enter(**o), ouch50_enter(**dict(o, **odd[1]))


def frame(port, seq, messages):
    mold = b"CLIENT    " + struct.pack(">QH", seq, len(messages)) + b"".join(struct.pack(">H", len(m)) + m for m in messages)
    ip = bytes([0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 1, 1, 10, 0, 0, 1])
    return wire_frames.sums(bytes.fromhex("020000000001") + bytes.fromhex("02000000000a") + b"\x08\0" + ip +
                            struct.pack(">HHHH", port, 9001, 0, 0) + mold)


def flow(r, n, most):
    clients = [Client(r, 40000 + i) for i in range(3)]
    device, software, ts = [], [], 1767623400 * 10**9
    while n > 0:
        c, k = r.choice(clients), min(most, r.choice((1, 1, 1, 2, 5)))
        pairs = [c.some() for _ in range(k)]
        ts += r.choice((0, r.randint(100, 2000)))  # often frames of one time
        for to, i in ((device, 0), (software, 1)):
            to.append((ts, frame(c.port, c.seq, [p[i] for p in pairs])))
        c.seq += k
        n -= k
    return device, software


def run(*args, rc=0, **kw):
    p = subprocess.run([os.path.join(BIN, args[0]), *args[1:]], capture_output=True, check=False, timeout=250, **kw)
    assert p.returncode == rc, "exit %d, %d expected: %s: %s" % (p.returncode, rc, args, p.stderr.decode())
    return p


def symbols(tmp, name, is_open):
    with open(tmp + name, "w", encoding="ascii") as f:
        json.dump({"open": is_open, "symbols": SYMBOLS if is_open else SYMBOLS[:2]}, f)
    return tmp + name


def wire(tmp, name, *args, rc=0):
    """Through a pipe, which is read once: a symbol that is not in the list has no book."""
    with open(name, "rb") as f:
        return run("nmw-fpga", "wire", "--bitstream", SO, "--in", "pcap:-", "--out", "pcap:" + tmp + "/hw.pcap", "--symbols",
                   symbols(tmp, "/open.json", True), "--center", "AAPL=182.50", "--center", "MSFT=182.50", "--unfit",
                   tmp + "/unfit", *args, rc=rc, stdin=f).stderr.decode()


def reasons(tmp):
    with open(tmp + "/unfit", encoding="ascii") as f:
        return [json.loads(line) for line in f]


def equal(tmp, seed, n, most, *args):
    device, software = flow(random.Random(seed), n, most)
    wire_frames.write(tmp + "/in.pcap", device)
    wire_frames.write(tmp + "/twin.pcap", software)
    said = wire(tmp, tmp + "/in.pcap", *args)
    assert "messages are left to the host: " in said and "--strict makes that exit 3" in said, said
    script = ("nmw-recv -q pcap:%s/twin.pcap --direction in --framing mold --codec ouch50 | nmw-match -q --symbols %s | "
              "nmw-send -q --framing mold pcap:%s/sw.pcap") % (tmp, symbols(tmp, "/closed.json", False), tmp)
    subprocess.run(["sh", "-ec", script], check=True, stderr=subprocess.DEVNULL, env=dict(os.environ, PATH=BIN + ":" + os.environ["PATH"]))
    rc = wire_frames.compare(tmp + "/sw.pcap", tmp + "/hw.pcap", tmp + "/in.pcap")
    assert rc == 0, "seed %d: other messages: %s" % (seed, args)
    left = reasons(tmp)
    assert {m["why"] for m in left} >= {"hidden", "timed", "tag", "appendage", "type", "window", "symbol"}, left
    assert {m["host"] for m in left} == {"rejected", "answered", "ignored"}, left
    return len(left)


def replacements(tmp):
    """A replacement that the device cannot do is rejected, and its order stays."""
    messages = [ouch50_enter(urn=1, side="B", shares=100, stock="AAPL", price=CENTER),
                ouch50_replace(1, 2, 100, 9000000, clordid="FAR"), ouch50_replace(1, 3, 100, CENTER, display="N", clordid="HIDE"),
                ouch50_replace(1, 4, 100, CENTER, tags=INST), ouch50_cancel(1)]
    wire_frames.write(tmp + "/in.pcap", [(10**18 + i, frame(40000, 1 + i, [m])) for i, m in enumerate(messages)])
    wire(tmp, tmp + "/in.pcap", "--strict", rc=3)
    got = wire_frames.streams(tmp + "/hw.pcap")[("10.0.1.1", 40000)]
    kinds = b"".join(m[:1] for m in got if m != ("end",))
    assert kinds == b"SAJJJCS", kinds
    j = [(struct.unpack(">IH", m[9:15]), m[15:29].strip()) for m in got if m[:1] == b"J"]
    assert j == [((2, 0x0F), b"FAR"), ((3, 0x03), b"HIDE"), ((4, 0x0F), b"")], j
    assert [(m["code"], m["same"]) for m in reasons(tmp)] == [(15, False), (3, False), (15, False)], reasons(tmp)


def many(tmp):
    """Frames that are all for the host, more than its queues have room for at a time, in jumbo frames."""
    messages = [ouch50_enter(urn=i + 1, side="B", shares=100, stock="NONE", price=CENTER) for i in range(9000)]
    frames = [(10**18 + i, frame(40000, 1 + i, messages[i:i + 150])) for i in range(0, len(messages), 150)]
    wire_frames.write(tmp + "/in.pcap", frames)
    wire(tmp, tmp + "/in.pcap", "--back-to-back")
    got = wire_frames.streams(tmp + "/hw.pcap")[("10.0.1.1", 40000)]
    assert [struct.unpack(">I", m[9:13])[0] for m in got if m[:1] == b"J"] == list(range(1, 9001)), len(got)


def main():
    if not os.path.exists(SO):
        skip("hw/build/nmw_wire.so is not there: make hw builds it, where verilator is")
    with tempfile.TemporaryDirectory() as tmp:
        os.mkdir(tmp + "/rings", 0o700)
        os.environ["NMW_DIR"] = tmp + "/rings"
        n = equal(tmp, SEED, 400, 5, "--device", "sim:stall=60", "--back-to-back")  # replies wait, answers keep their place
        for i in range(1, RUNS):
            n += equal(tmp, SEED + i, 400, 5, *(("--device", "sim:stall=%d" % (20 * i % 100), "--back-to-back") if i % 2 else ()))
        replacements(tmp)
        if RUNS > 1:
            many(tmp)
        print("%d messages that were left to the host are answered" % n)


if __name__ == "__main__":
    main()
