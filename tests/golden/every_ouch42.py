"""every_ouch42.py PCAP: writes a SoupBinTCP flow that holds every message of OUCH 4.2 that tshark knows (all
but Trade Now), in both directions, with the older short forms."""
import struct
import sys

CLIENT, SERVER = (bytes([10, 0, 0, 1]), 40000), (bytes([10, 0, 0, 2]), 9001)
TIME = struct.pack(">Q", 34200000000001)
TOKEN, OLD = b"ORDER1".ljust(14), b"ORDER0".ljust(14)
STOCK = b"AAPL    "
PRICE = struct.pack(">I", 1625001)
ORDER = b"T" + struct.pack(">I", 123456) + STOCK + PRICE  # side, shares, stock, price
INBOUND = [
    b"O" + TOKEN + ORDER + struct.pack(">I", 99998) + b"FIRM" + b"PAY" + struct.pack(">I", 7) + b"NR",
    b"O" + TOKEN + ORDER + struct.pack(">I", 0) + b"FI  " + b"NPN" + struct.pack(">I", 0) + b"N",
    b"U" + OLD + TOKEN + struct.pack(">I", 999999) + PRICE + struct.pack(">I", 99999) + b"YN" + struct.pack(">I", 8),
    b"X" + TOKEN + struct.pack(">I", 9),
    b"M" + TOKEN + b"E" + struct.pack(">I", 10),
]
ACK = ORDER + struct.pack(">I", 99999) + b"FIRM" + b"Y" + struct.pack(">Q", 2**40 + 1) + b"PN" + struct.pack(">I", 11) + b"OL"
FILL = TOKEN + struct.pack(">I", 300) + PRICE + b"A" + struct.pack(">Q", 2**41 + 1)
OUTBOUND = [
    b"S" + TIME + b"S",
    b"A" + TIME + TOKEN + ACK + b"2",
    b"A" + TIME + TOKEN + ACK,
    b"U" + TIME + TOKEN + ACK + OLD + b"N",
    b"C" + TIME + TOKEN + struct.pack(">I", 12) + b"U",
    b"D" + TIME + TOKEN + struct.pack(">I", 13) + b"Q" + struct.pack(">I", 14) + PRICE + b"R",
    b"E" + TIME + FILL,
    b"G" + TIME + FILL + struct.pack(">I", 1625002) + b"I",
    b"F" + TIME + FILL + b"N",
    b"B" + TIME + TOKEN + struct.pack(">Q", 2**42 + 1) + b"E",
    b"J" + TIME + TOKEN + b"X",
    b"P" + TIME + TOKEN,
    b"I" + TIME + TOKEN,
    b"T" + TIME + TOKEN + PRICE + b"N" + struct.pack(">Q", 2**43 + 1),
    b"M" + TIME + TOKEN + b"S" + struct.pack(">I", 15),
]


def soup(kind, payload):
    return struct.pack(">H", len(payload) + 1) + kind + payload


def frame(src, dst, seq, ack, data):
    ip_len = 40 + len(data)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, ip_len, 1, 0x4000, 64, 6, 0, src[0], dst[0])
    total = sum(struct.unpack(">10H", ip))
    total = (total & 0xFFFF) + (total >> 16)
    ip = ip[:10] + struct.pack(">H", 0xFFFF - total) + ip[12:]
    tcp = struct.pack(">HHIIBBHHH", src[1], dst[1], seq, ack, 0x50, 0x18, 65535, 0, 0)
    return b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + tcp + data


def main(path):
    flow = [(True, soup(b"L", b"user  " + b"password  " + b" " * 10 + b"1".rjust(20))),
            (False, soup(b"A", b"SESSION001" + b"1".rjust(20)))]
    flow += [(True, soup(b"U", m)) for m in INBOUND]
    flow += [(False, soup(b"S", m)) for m in OUTBOUND]
    seq = {True: 1000, False: 5000}
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1))
        for i, (up, data) in enumerate(flow):
            ends = (CLIENT, SERVER) if up else (SERVER, CLIENT)
            f = frame(*ends, seq[up], seq[not up], data)
            out.write(struct.pack("<IIII", 1767623400, i, len(f), len(f)) + f)
            seq[up] += len(data)


main(sys.argv[1])
