#!/usr/bin/env python3
"""nmw-fpga wire at an interface: orders come in over a veth pair, answers and market data go out there."""
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import wire_frames  # noqa: E402

B = os.path.abspath(os.environ.get("B", "build/gcc-O2")) + "/bin/"
SO = os.path.abspath("hw/build/nmw_wire.so")
ORDERS = 200


def skip(why):
    print(why)
    sys.exit(77)


def ip(*args):
    return subprocess.run(["ip", *args], stderr=subprocess.DEVNULL, check=False).returncode == 0


def inside(tmp):
    """In a namespace of its own."""
    if not (ip("link", "add", "near", "type", "veth", "peer", "name", "far") and
            all(ip("link", "set", n, "up") for n in ("near", "far"))):
        skip("no veth pair can be made here")
    flow = tmp + "/in.pcap"
    recv = subprocess.Popen([B + "nmw-recv", "-q", "gen:seed=3,count=%d,symbols=1,codec=ouch50" % ORDERS], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL)
    subprocess.run([B + "nmw-send", "-q", "--framing", "mold", "pcap:" + flow], stdin=recv.stdout, check=True)
    recv.wait()
    frames = [p for _, p in wire_frames.read(flow)]
    enter = next(p for p in frames if p[wire_frames.MESSAGE:wire_frames.MESSAGE + 1] == b"O")
    at = wire_frames.MESSAGE + 10
    symbol, price = enter[at:at + 8].decode().strip(), int.from_bytes(enter[at + 8:at + 16], "big")
    far = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    far.bind(("far", 0))
    far.settimeout(0.2)
    args = [B + "nmw-fpga", "wire", "--bitstream", SO, "--in", "if:near", "--out", "if:near",
            "--center", "%s=%d.%04d" % (symbol, price // 10000, price % 10000)]
    tool = subprocess.Popen(args, stderr=subprocess.PIPE, text=True)
    line = tool.stderr.readline()
    assert "books in use" in line, line
    time.sleep(0.2)
    came, n = [], 0
    end = time.monotonic() + 100
    while time.monotonic() < end and (n < len(frames) or tool.poll() is None):
        if n < len(frames):
            far.send(frames[n])
            n += 1
        elif n == len(frames):
            n += 1
            time.sleep(2)
            tool.send_signal(signal.SIGINT)
        try:
            while True:
                p, at = far.recvfrom(65535)
                if at[2] != socket.PACKET_OUTGOING and wire_frames.datagram(p):
                    came.append((0, p))
                if n < len(frames):
                    break
        except socket.timeout:
            pass
        far.settimeout(0.002 if n < len(frames) else 0.2)
    said = line + tool.communicate()[1]
    assert tool.returncode == 0, said
    wire_frames.write(tmp + "/out.pcap", came)
    out = wire_frames.streams(tmp + "/out.pcap")
    feed = out[("239.192.0.1", 26400)]
    replies = [m for k, v in out.items() if k[1] != 26400 for m in v]
    entered = sum(m[:1] == b"A" for m in replies)
    asked = sum(p[wire_frames.MESSAGE:wire_frames.MESSAGE + 1] == b"O" for p in frames)
    assert entered == asked, "%d orders accepted, %d expected\n%s" % (entered, asked, said)
    assert feed[-1] == ("end",) and feed[0][:1] == b"S", feed
    print("%d orders over an interface, %d replies, %d of market data" % (asked, len(replies), len(feed)))


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    if not os.path.exists(SO):
        skip("hw/build/nmw_wire.so is not there: make hw builds it, where verilator is")
    if os.geteuid() != 0:
        skip("needs root, for a namespace with a veth pair")
    if len(sys.argv) == 1:
        with tempfile.TemporaryDirectory() as tmp:
            os.mkdir(tmp + "/rings", 0o700)
            env = dict(os.environ, NMW_DIR=tmp + "/rings")
            if subprocess.run(["unshare", "-n", "true"], stderr=subprocess.DEVNULL, check=False).returncode:
                skip("no network namespace can be made here")
            sys.exit(subprocess.run(["unshare", "-n", sys.executable, os.path.abspath(__file__), tmp], env=env,
                                    check=False).returncode)
    inside(sys.argv[1])


if __name__ == "__main__":
    main()
