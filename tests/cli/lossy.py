"""A wire that loses: UDP from one port to another, with a share of the datagrams left out.

lossy.py SEED PERCENT FROM-PORT:TO-PORT... : on 127.0.0.1, until it is killed; says "ready" first.
The seed and the order of packets decide which are lost; every line loses its own.
"""
import random
import select
import socket
import sys

seed, percent = int(sys.argv[1]), int(sys.argv[2])
lines = {}
for n, pair in enumerate(sys.argv[3:]):
    source, target = (int(p) for p in pair.split(":"))
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
    s.bind(("127.0.0.1", source))
    lines[s] = (target, random.Random(seed + n))
print("ready", flush=True)
while True:
    for s in select.select(list(lines), [], [])[0]:
        target, rng = lines[s]
        p = s.recv(65536)
        if rng.randrange(100) >= percent:
            s.sendto(p, ("127.0.0.1", target))
