"""The host that a bench runs on: what it takes away, where its huge pages are, how far its CPUs are from each other."""
import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time

HUGE = "/dev/hugepages"
TICK = os.sysconf("SC_CLK_TCK")


def raise_priority():
    """For all that is measured alike: what else the machine does is not what is asked for."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -20)
    except PermissionError:
        print("without the right to raise its priority: other programs are part of the figures")


def stolen():
    """Seconds of CPU that the host gave to others since it was started, of all CPUs: steal in proc(5)."""
    with open("/proc/stat", encoding="ascii") as f:
        return int(f.readline().split()[8]) / TICK


def calm(measure, most, tries):
    """What measure() gives, again until the host took at most `most` percent of a CPU meanwhile: (what it gave in the
    calmest try, percent, tries), or None where it never gave anything."""
    best = None
    for n in range(1, tries + 1):
        begun, before = time.monotonic(), stolen()
        got = measure()
        took = 100 * (stolen() - before) / (time.monotonic() - begun)
        if got and (not best or took < best[1]):
            best = (got, took)
        if best and best[1] <= most:
            break
    return best and (*best, n)


def ring_parent(pages=64):
    """Where the rings of a bench lie: in huge pages, when so many of 2 MiB are free."""
    with open("/proc/meminfo", encoding="ascii") as f:
        free = int(re.search(r"HugePages_Free: *(\d+)", f.read())[1])
    return HUGE if free >= pages and os.path.ismount(HUGE) else "/dev/shm"


@contextlib.contextmanager
def ring_dir(pages=64):
    """A folder for rings, as long as the block lasts, however it ends."""
    path = tempfile.mkdtemp(prefix="nmw-bench-", dir=ring_parent(pages))
    try:
        os.chmod(path, 0o700)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def end_group(p):
    """Ends a pipeline that has a session of its own."""
    os.killpg(p.pid, 15)
    p.wait(20)


def core_state(bench_ring):
    """How far the two CPUs are from each other now: A, B or C as bench_ring has it, "?" where others were in the way."""
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as f:
        for _ in range(5):
            subprocess.run([bench_ring, "--rounds", "1", "-j", f.name, "1-line slot, batch 1, cannot sleep"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=60)
            rows = [json.loads(line) for line in f if line.strip()]
            if rows:
                return rows[0]["state"]
    return "?"
