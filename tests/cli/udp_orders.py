#!/usr/bin/env python3
"""Order entry over UDP: OUCH in MoldUDP64, a stream a client and a stream of replies to it; and a replayer."""
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import soup_client  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.path.abspath(os.path.join(os.environ.get("B", os.path.join(HERE, "../../build/gcc-O2")), "bin"))


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Client:
    def __init__(self, name, orders, replies):
        self.name, self.orders, self.replies = name.ljust(10).encode(), orders, replies
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(5)
        self.out, self.next, self.has, self.ended = 1, 1, [], False

    def send(self, *messages, seq=None):
        seq = self.out if seq is None else seq
        p = self.name + struct.pack(">QH", seq, len(messages))
        p += b"".join(struct.pack(">H", len(m)) + m for m in messages)
        self.sock.sendto(p, ("127.0.0.1", self.orders))
        self.out = max(self.out, seq + len(messages))

    def end(self):
        self.sock.sendto(self.name + struct.pack(">QH", self.out, 0xFFFF), ("127.0.0.1", self.orders))

    def packet(self):
        p, source = self.sock.recvfrom(65536)
        assert source == ("127.0.0.1", self.replies), "from %s:%d" % source
        name, seq, count = struct.unpack(">10sQH", p[:20])
        assert name == self.name, "replies are of session %r" % name
        blocks, at = [], 20
        for _ in range(0 if count == 0xFFFF else count):
            n, = struct.unpack(">H", p[at:at + 2])
            blocks.append(p[at + 2:at + 2 + n])
            at += 2 + n
        return seq, count, blocks

    def expect(self, kind, **fields):
        while len(self.has) < self.next:
            seq, count, blocks = self.packet()
            assert seq == len(self.has) + 1, "packet %d, %d expected" % (seq, len(self.has) + 1)
            assert count != 0xFFFF, "the stream of replies ended"
            self.has += blocks
        m = soup_client.decode(soup_client.OUCH42_OUT, self.has[self.next - 1])
        self.next += 1
        assert m["type"] == kind and all(m[k] == v for k, v in fields.items()), "%s %s expected: %s" % (kind, fields, m)
        return m

    def ask_again(self, first, count):
        self.sock.sendto(self.name + struct.pack(">QH", first, count), ("127.0.0.1", self.replies))
        while True:
            seq, count, blocks = self.packet()
            if count:
                return seq, blocks


def start(line, env, tmp):
    return subprocess.Popen(["bash", "-c", "set -o pipefail; " + line], env=env, cwd=tmp)


def wait_for(what, seconds=15):
    end = time.time() + seconds
    while not what():
        assert time.time() < end, "waited in vain"
        time.sleep(0.05)


def pid_of(env, tool):
    out = subprocess.run(["nmw-stat", "--json"], env=env, stdout=subprocess.PIPE, check=True).stdout
    return [int(t["pid"]) for t in json.loads(out)["tools"] if t["tool"] == tool and t["state"] == "running"]


def order(n, side, price=1000000):
    return soup_client.ouch42_enter(token="T%d" % n, side=side, shares=100, stock="AAPL", price=price)


def trade(env, tmp):
    orders, replies = free_port(), free_port()
    p = start("nmw-recv udp:127.0.0.1:%d 2>recv.err | nmw-match 2>match.err | "
              "nmw-send 'udp:reply?rerequest=127.0.0.1:%d' 2>send.err" % (orders, replies), env, tmp)
    wait_for(lambda: pid_of(env, "nmw-send"))
    a, b = Client("ALICE", orders, replies), Client("BOB", orders, replies)
    a.send(order(1, "B"), order(2, "B"))
    a.expect("S")
    a.expect("A", token="T1")
    a.expect("A", token="T2")
    b.send(order(1, "S"))
    b.expect("S")
    b.expect("A", token="T1")
    b.expect("E", shares=100)
    a.expect("E", token="T1")
    a.send(order(1, "B"), seq=1)  # a repeated packet is taken once
    a.send(order(3, "B"), seq=4)  # 3 is on its way still
    a.send(soup_client.ouch42_cancel("T2"), seq=3)
    a.expect("C", token="T2")
    a.expect("A", token="T3")
    assert a.ask_again(2, 2) == (2, a.has[1:3]), "what was lost does not come again"
    a.end()
    while a.packet()[1] != 0xFFFF:
        pass
    os.kill(pid_of(env, "nmw-recv")[0], signal.SIGTERM)
    assert p.wait(20) == 0, "the exchange ends with %d" % p.returncode


def stranger(env, tmp):
    """A receiver that was killed gives its session ids anew: who has one then has not the orders of who had it."""
    orders, replies = free_port(), free_port()
    recv = "nmw-recv udp:127.0.0.1:%d -o o 2>>recv.err" % orders
    first = start("exec " + recv, env, tmp)
    rest = start("nmw-match -i o -o e --wait 20s 2>match.err & "
                 "nmw-send 'udp:reply?rerequest=127.0.0.1:%d' -i e --wait 20s 2>send.err; wait" % replies, env, tmp)
    wait_for(lambda: pid_of(env, "nmw-send") and pid_of(env, "nmw-match") and pid_of(env, "nmw-recv"))
    a, b = Client("VICTIM", orders, replies), Client("OTHER", orders, replies)
    a.send(order(1, "B", 1000000))
    a.expect("S")
    a.expect("A", token="T1")
    first.kill()
    first.wait()
    again = start("exec " + recv, env, tmp)
    wait_for(lambda: pid_of(env, "nmw-recv"))
    b.send(soup_client.ouch42_cancel("T1"), order(1, "S", 2000000))
    b.expect("S")
    b.expect("A", token="T1", price=2000000)  # not canceled: that one is another's, this one is new
    b.send(soup_client.ouch42_cancel("T1"), order(2, "S", 1000000))
    b.expect("C", token="T1")
    b.expect("A", token="T2")
    b.expect("E", token="T2", shares=100)  # the victim's order was there
    again.send_signal(signal.SIGTERM)
    assert again.wait(20) == 0 and rest.wait(20) == 0


def replay(env, tmp):
    """What nmw-send sends is what nmw-recv receives, session by session."""
    port = free_port()
    p = start("nmw-recv udp:127.0.0.1:%d 2>r.err | nmw-send -q jsonl:got.jsonl 2>s.err" % port, env, tmp)
    wait_for(lambda: pid_of(env, "nmw-recv"))
    line = ("nmw-recv -q gen:seed=3,count=5000,sessions=3 2>g.err | "
            "nmw-send -q udp:127.0.0.1:%d jsonl:sent.jsonl --pace 50kpps 2>w.err" % port)
    assert subprocess.run(["bash", "-c", "set -o pipefail; " + line], env=env, cwd=tmp).returncode == 0
    sent = by_session(os.path.join(tmp, "sent.jsonl"))
    assert sum(len(v) for v in sent) == 5000
    wait_for(lambda: sum(len(v) for v in by_session(os.path.join(tmp, "got.jsonl"))) == 5000)
    assert by_session(os.path.join(tmp, "got.jsonl")) == sent, "not the orders that were sent"
    os.kill(pid_of(env, "nmw-recv")[0], signal.SIGTERM)
    assert p.wait(20) == 0


def by_session(path):
    """The orders of each session, without what is the stream's own; sorted, as ids may differ."""
    sessions = {}
    for line in open(path) if os.path.exists(path) else []:
        if not line.endswith("}\n"):
            continue
        m = json.loads(line)
        if m["channel"] == "order":
            own = {k: v for k, v in m.items() if k not in ("seq", "in_seq", "ts_ns", "session")}
            sessions.setdefault(m["session"], []).append(own)
    return sorted(sessions.values(), key=str)


def main():
    if not os.path.exists(os.path.join(BIN, "nmw-send")):
        print("nmw-send is not built")
        return 77
    tmp = tempfile.mkdtemp()
    env = dict(os.environ, NMW_DIR=os.path.join(tmp, "rings"), PATH=BIN + ":" + os.environ["PATH"])
    os.mkdir(os.path.join(tmp, "rings"), 0o700)
    try:
        trade(env, tmp)
        stranger(env, tmp)
        replay(env, tmp)
    except BaseException:
        for f in sorted(os.listdir(tmp)):
            if f.endswith(".err"):
                print(f, open(os.path.join(tmp, f)).read())
        raise
    finally:
        for pid in [pid for tool in ("nmw-recv", "nmw-match", "nmw-send") for pid in pid_of(env, tool)]:
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(tmp)
    return 0


if __name__ == "__main__":
    sys.exit(main())
