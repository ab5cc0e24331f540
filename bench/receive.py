#!/usr/bin/env python3
"""UDP reception on one core beside the receivers of sockperf, iperf3 and a bare recvmmsg loop, in turn, in one run.

    bench/receive.py [--seconds S] [-j FILE]     B=build/gcc-O2

Two cores: the sender has one, the receiver the other.  "a CPU second" is what the receiver took in by the time it
used, so that a sender that is slower than the receiver does not decide; a system call is counted by strace in a run
of its own, with bursts of 64 packets.  nmw-recv writes to a ring that nobody reads.
"""
import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
B = os.path.abspath(os.environ.get("B", os.path.join(ROOT, "build/gcc-O2")))
PORT = 27400 + os.getpid() % 500
rows = []


def pin(cpu, argv):
    return ["taskset", "-c", str(cpu)] + argv


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        v = f.read().rsplit(") ", 1)[1].split()
    return (int(v[11]) + int(v[12])) / os.sysconf("SC_CLK_TCK")


def blast(seconds, messages, rate=0):
    out = subprocess.run(pin(0, [f"{B}/bench/bench_udp", str(PORT), str(seconds), str(messages), str(rate)]),
                         stdout=subprocess.PIPE, text=True, check=True).stdout
    return int(out.split()[0])


def tp(seconds, size):
    out = subprocess.run(pin(0, ["sockperf", "tp", "-i", "127.0.0.1", "-p", str(PORT), "-m", str(size), "-t", str(seconds)]),
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout
    found = re.search(r"Total of (\d+) messages sent", out)
    return int(found.group(1)) if found else 0


def say(name, metric, case, value, cpu, seconds, each=1):
    rate, per_cpu = value * each / seconds, value * each / cpu if cpu else 0
    print(f"{case:44s} {name:22s} {rate / 1e3:9.0f} k/s {per_cpu / 1e3:9.0f} k a CPU second", flush=True)
    for unit, v in ((metric + "/s", rate), (metric + " a CPU second", per_cpu)):
        rows.append({"bench": "receive", "case": case, "metric": unit, "value": v, "unit": unit, "peer": name})


def nmw(io, case, seconds, send, framing=(), each=1):
    with tempfile.TemporaryDirectory(prefix="nmw-bench.", dir="/dev/shm") as d:
        p = subprocess.Popen(pin(1, [f"{B}/bin/nmw-recv", f"udp:127.0.0.1:{PORT}", "--io", io, "-o", "r", "--min-consumers", "0",
                                     *framing]), env=dict(os.environ, NMW_DIR=d), stderr=subprocess.PIPE, text=True)
        time.sleep(0.7)
        before = cpu_seconds(p.pid)
        send()
        time.sleep(0.2)
        cpu = cpu_seconds(p.pid) - before
        p.send_signal(signal.SIGTERM)
        found = re.search(r"in (\d+) messages", p.communicate(timeout=20)[1].splitlines()[-1])
        say(f"nmw-recv {io}", "messages", case, int(found.group(1)) / each, cpu, seconds, each)


def bare(case, seconds, send):
    p = subprocess.Popen(pin(1, [f"{B}/bench/bench_udp", "recv", str(PORT), str(seconds + 1)]), stdout=subprocess.PIPE, text=True)
    time.sleep(0.3)
    before = cpu_seconds(p.pid)
    send()
    time.sleep(0.2)  # what the socket holds is received now; it costs as much
    cpu = cpu_seconds(p.pid) - before
    say("recvmmsg, no more", "messages", case, int(p.communicate(timeout=20)[0].split()[0]), cpu, seconds)


def sockperf_server(case, seconds, send):
    p = subprocess.Popen(pin(1, ["sockperf", "server", "-i", "127.0.0.1", "-p", str(PORT)]), stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True)
    time.sleep(0.5)
    before = cpu_seconds(p.pid)
    sent = send()
    time.sleep(0.2)
    cpu = cpu_seconds(p.pid) - before
    p.send_signal(signal.SIGINT)
    out = p.communicate(timeout=20)[0]
    found = re.search(r"[Tt]otal (?:of )?(\d+) messages received", out)
    if found:
        say("sockperf server", "messages", case, int(found.group(1)), cpu, seconds)
    else:
        print(f"{case:44s} sockperf server says nothing of what it received ({sent} were sent)")


def iperf(case, seconds, size):
    p = subprocess.Popen(pin(1, ["iperf3", "-s", "-1", "-p", str(PORT)]), stdout=subprocess.DEVNULL)
    time.sleep(0.5)
    before = cpu_seconds(p.pid)
    c = subprocess.Popen(pin(0, ["iperf3", "-c", "127.0.0.1", "-p", str(PORT), "-u", "-b", "0", "-l", str(size), "-t", str(seconds),
                                 "-J"]), stdout=subprocess.PIPE, text=True)
    time.sleep(seconds)
    cpu = cpu_seconds(p.pid) - before
    s = json.loads(c.communicate(timeout=20)[0])["end"]["sum_received"]
    p.wait(10)
    say("iperf3 -s", "messages", case, s["packets"] - s["lost_packets"], cpu, s["seconds"])


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--seconds", type=int, default=2)
    a.add_argument("-j", metavar="FILE")
    a = a.parse_args()
    s, plain = a.seconds, ["--framing", "plain", "--codec", "itch50"]
    case = "one message of 36 bytes a datagram"
    for io in ("uring", "epoll"):
        nmw(io, case, s, lambda: blast(s, 0), plain)
    bare(case, s, lambda: blast(s, 0))
    case = "MoldUDP64, 30 messages a packet"
    for io in ("uring", "epoll"):
        nmw(io, case, s, lambda: blast(s, 30), each=30)
    if shutil.which("sockperf"):
        case = "36 bytes, sent by sockperf tp"
        for io in ("uring", "epoll"):
            nmw(io, case, s, lambda: tp(s, 36), plain)
        sockperf_server(case, s, lambda: tp(s, 36))
    else:
        print("sockperf is not there: apt install sockperf")
    if shutil.which("iperf3"):
        iperf("64 bytes, sent by iperf3 -u -b 0", s, 64)
    else:
        print("iperf3 is not there: apt install iperf3")
    if a.j:
        with open(a.j, "a", encoding="utf-8") as f:
            f.writelines(json.dumps(r) + "\n" for r in rows)


if __name__ == "__main__":
    sys.exit(main())
