"""Frames of order entry and of what answers them: read, compared, damaged. Shares no code with the project.

    wire_frames.py compare SOFTWARE DEVICE IN [damaged]
                                                messages of each destination, in order, are the same; sequences and
                                                checksums are right (clients of SOFTWARE are numbered as they came IN)
    wire_frames.py mutate IN OUT SEED N         N frames that are damaged or odd, put between those of IN
    wire_frames.py sound IN OUT                 without the frames whose checksums are wrong
    wire_frames.py silence IN OUT UNFIT         with a message that nobody knows for each in UNFIT
"""
import json
import random
import struct
import sys

CLIENT, PORT = "10.0.1.1", 40000
MOLD = 14 + 20 + 8  # where MoldUDP64 begins in a frame without tags
MESSAGE = MOLD + 20 + 2


def read(path):
    with open(path, "rb") as f:
        b = f.read()
    assert struct.unpack("<I", b[:4])[0] == 0xA1B23C4D, "a nanosecond capture is expected"
    at = 24
    while at < len(b):
        s, ns, n, _ = struct.unpack("<4I", b[at:at + 16])
        yield s * 10**9 + ns, b[at + 16:at + 16 + n]
        at += 16 + n


def write(path, frames):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1))
        for ts, p in frames:
            f.write(struct.pack("<4I", ts // 10**9, ts % 10**9, len(p), len(p)) + p)


def total(b):
    b += b"\0" * (len(b) % 2)
    s = sum(struct.unpack(">%dH" % (len(b) // 2), b))
    while s >> 16:
        s = (s & 0xFFFF) + (s >> 16)
    return s


def datagram(p):
    """(IP header, UDP header and payload), or None when it is none, or cut, or its checksums are wrong."""
    kind, at = struct.unpack(">H", p[12:14])[0] if len(p) >= 14 else 0, 14
    while kind in (0x8100, 0x88A8, 0x9100) and len(p) >= at + 4:
        kind, at = struct.unpack(">H", p[at + 2:at + 4])[0], at + 4
    ip = p[at:]
    if kind != 0x800 or len(ip) < 28 or ip[0] >> 4 != 4:
        return None
    head, whole = (ip[0] & 15) * 4, struct.unpack(">H", ip[2:4])[0]
    if head < 20 or whole < head + 8 or len(ip) < whole or ip[9] != 17 or total(ip[:head]) != 0xFFFF:
        return None
    udp = ip[head:whole]
    n, check = struct.unpack(">HH", udp[4:8])
    if n < 8 or n > len(udp):
        return None
    pseudo = ip[12:20] + struct.pack(">HH", 17, n)
    if check and total(pseudo + udp[:n]) != 0xFFFF:
        return None
    return ip[:head], udp[:n]


def streams(path):
    """Messages by destination; ('end',) is an end of session."""
    out, following = {}, {}
    for _, p in read(path):
        d = datagram(p)
        assert d, "a frame that is no datagram, or whose checksum is wrong: %s" % p.hex()
        ip, udp = d
        key = ".".join(map(str, ip[16:20])), struct.unpack(">H", udp[2:4])[0]
        m = udp[8:]
        seq, n = struct.unpack(">QH", m[10:20])
        to = out.setdefault(key, [])
        assert seq == following.get(key, 1), "%s: sequence number %d, %d expected" % (key, seq, following.get(key, 1))
        if n == 0xFFFF:
            to.append(("end",))
            continue
        following[key], at = seq + n, 20
        for _ in range(n):
            size = struct.unpack(">H", m[at:at + 2])[0]
            to.append(m[at + 2:at + 2 + size])
            at += 2 + size
        assert at == len(m), "%s: blocks end at %d of %d bytes" % (key, at, len(m))
    return out


def clients(path):
    """Where each client's answers go, as nmw-send numbers clients."""
    order = {}
    for _, p in read(path):
        d = datagram(p)
        if d and len(d[1]) > 28:
            key = ".".join(map(str, d[0][12:16])), struct.unpack(">H", d[1][:2])[0]
            order.setdefault(key, (CLIENT, PORT + len(order)))
    return order


def compare(software, device, came, damaged=None):
    a, b, to = streams(software), streams(device), clients(came)
    b = {to.get(k, k): v for k, v in b.items()}
    if damaged:  # nmw-send ends no session behind an input that was not whole
        b = {k: [m for m in v if m != ("end",)] for k, v in b.items()}
    for key in sorted(set(a) | set(b)):
        x, y = a.get(key, []), b.get(key, [])
        if x == y:
            continue
        at = next((i for i, (p, q) in enumerate(zip(x, y)) if p != q), min(len(x), len(y)))
        print("%s:%d: %d messages of the software, %d of the device; the first that differs is %d:" % (
            key + (len(x), len(y), at + 1)))
        print(" ", x[at] if at < len(x) else "none", "\n ", y[at] if at < len(y) else "none")
        return 1
    print("%d destinations, %d messages are the same" % (len(a), sum(map(len, a.values()))))
    return 0


# ---- damage

def sums(p):
    """Right lengths and checksums for what is in the frame now."""
    b = bytearray(p)
    b[16:18] = struct.pack(">H", len(b) - 14)
    b[24:26] = b"\0\0"
    b[24:26] = struct.pack(">H", ~total(bytes(b[14:34])) & 0xFFFF)
    b[38:40] = struct.pack(">H", len(b) - 34)
    b[40:42] = b"\0\0"
    s = ~total(bytes(b[26:34]) + struct.pack(">HH", 17, len(b) - 34) + bytes(b[34:])) & 0xFFFF
    b[40:42] = struct.pack(">H", s or 0xFFFF)
    return bytes(b)


def some_bytes(r, p, lo, hi, most):
    b = bytearray(p)
    for _ in range(r.randint(1, most)):
        at = r.randrange(lo, hi)
        b[at] = r.choice([r.randrange(256), b[at] ^ 1 << r.randrange(8), ord(r.choice("OUXMQBSTEYN03P "))])
    return bytes(b)


def in_message(r, p):
    """Numbers of orders stay near: what comes after a high one is ignored."""
    b = bytearray(some_bytes(r, p, MESSAGE, len(p), 3))
    b[MESSAGE + 1:MESSAGE + 4] = p[MESSAGE + 1:MESSAGE + 4]
    if p[MESSAGE] == ord("U"):
        b[MESSAGE + 5:MESSAGE + 8] = p[MESSAGE + 5:MESSAGE + 8]
    return sums(bytes(b))


def anywhere(r, p):
    return some_bytes(r, p, 0, len(p), 4)


def cut(r, p):
    return p[:r.randrange(1, len(p))]


def cut_right(r, p):
    return sums(p[:r.randrange(MOLD + 1, len(p))])


def longer(r, p):
    return p + r.randbytes(r.randint(1, 200))


def longer_right(r, p):
    return sums(p + r.randbytes(r.randint(1, 100)))


def noise(r, _):
    return r.randbytes(r.randint(14, 1514))


def block_length(r, p):
    return sums(p[:MOLD + 20] + struct.pack(">H", r.choice([0, 1, 9, 47, 0xFFFF, r.randrange(65536)])) + p[MESSAGE:])


def count(r, p):
    return sums(p[:MOLD + 18] + struct.pack(">H", r.choice([2, 3, 1000, 0xFFFE])) + p[MOLD + 20:])


def header(r, p):
    b = bytearray(p)
    at, value = r.choice([(20, 0x20), (20, 0x80), (21, 1), (23, 6), (23, 1), (14, 0x44), (14, 0x65), (15, 0xB8), (22, 1)])
    b[at] = value
    b[24:26] = b"\0\0"
    b[24:26] = struct.pack(">H", ~total(bytes(b[14:34])) & 0xFFFF)
    return bytes(b)


def tagged(r, p):
    tag = struct.pack(">HH", r.choice([0x8100, 0x88A8]), r.randrange(65536))
    inner = struct.pack(">HH", 0x8100, 7) if r.random() < 0.3 else b""
    return p[:12] + tag + inner + p[12:]


def no_checksum(_, p):
    return p[:40] + b"\0\0" + p[42:]


KINDS = [in_message] * 8 + [anywhere] * 4 + [cut, cut_right, longer, longer_right, noise, block_length, count, header, tagged,
                            no_checksum]


def mutate(came, out, seed, n):
    """Each damaged frame comes before the one it was made of: what is lost is there again."""
    r = random.Random(seed)
    frames = list(read(came))
    first, left = min(60, len(frames) // 2), n
    result, ts = [], frames[0][0]
    for i, (_, p) in enumerate(frames):
        while i >= first and left and r.random() < left / (left + len(frames) - 1 - i):
            q = r.choice(KINDS)(r, p)
            d = datagram(q)
            # what is in order, but says another sequence, session or client: other tests
            if d and (d[1][8:26] != p[MOLD:MOLD + 18] or d[0][12:20] != p[26:34] or d[1][:4] != p[34:38]):
                continue
            ts, left = ts + 1000, left - 1
            result.append((ts, q))
        ts += 1000
        result.append((ts, p))
    write(out, result)
    print(len(result), n - left)
    return 0


def sound(came, out):
    write(out, [x for x in read(came) if datagram(x[1])])
    return 0


def silence(came, out, unfit):
    """What the device left to the host is made a message that neither knows: the sequence stays whole."""
    frames = list(read(came))
    with open(unfit, encoding="ascii") as f:
        for left in map(json.loads, f):
            i = int(left["frame"])
            ts, p = frames[i]
            at = p.index(datagram(p)[1]) + 8 + 20
            for _ in range(left["message"]):
                at += 2 + struct.unpack(">H", p[at:at + 2])[0]
            q = p[:at + 2] + b"!" + p[at + 3:]
            frames[i] = ts, sums(q) if p[12:14] == b"\x08\0" else None
    write(out, [x for x in frames if x[1]])
    return 0


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "compare":
        sys.exit(compare(*rest))
    if what == "mutate":
        sys.exit(mutate(rest[0], rest[1], int(rest[2]), int(rest[3])))
    if what == "silence":
        sys.exit(silence(*rest))
    sys.exit(sound(*rest))
