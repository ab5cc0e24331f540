#!/usr/bin/env python3
"""levels.py NETLIST.json [--gate LEVELS AFTER_RAM] [--paths N]: logic levels and size of a mapped design.

A level is a LUT, a read of distributed RAM, or a carry chain from where it is entered to where it is left.
The wide multiplexers behind LUTs of a slice (MUXF7..9) are not counted, nor are buffers.
After a RAM: paths that begin at the output of a block RAM, whose clock-to-out is that of a level or more.
Exit 1: a gate is not kept."""
import argparse
import collections
import json
import sys

sys.setrecursionlimit(100000)
FLOPS = ("FDRE", "FDSE", "FDCE", "FDPE", "FD")
BLOCK = ("RAMB18", "RAMB36", "URAM")
FREE = ("MUXF", "BUFG", "IBUF", "OBUF")


def kind(t):
    if t.startswith(BLOCK):
        return "block"
    if t.startswith(FLOPS):
        return "flop"
    if t.startswith(("RAM", "SRL")):
        return "lutram"
    if t.startswith("CARRY"):
        return "carry"
    if t.startswith(FREE):
        return "free"
    return "lut"


class Netlist:
    def __init__(self, path):
        with open(path) as f:
            modules = json.load(f)["modules"]
        tops = [m for m in modules.values() if int(m.get("attributes", {}).get("top", "0"), 2)]
        self.cells = tops[0]["cells"]
        self.driver = {}
        self.names = {}
        for name, net in tops[0]["netnames"].items():
            for bit in net["bits"]:
                if bit not in self.names or not net["hide_name"]:
                    self.names[bit] = name
        for name, cell in self.cells.items():
            for port, bits in cell["connections"].items():
                if cell["port_directions"].get(port) == "output":
                    for bit in bits:
                        self.driver[bit] = (name, port)
        self.memo = {}

    def inputs(self, cell):
        c = self.cells[cell]
        for port, bits in c["connections"].items():
            if c["port_directions"].get(port) != "output":
                for bit in bits:
                    if isinstance(bit, int):
                        yield port, bit

    def arrival(self, bit):
        """((levels, after a RAM) or None for each start) and what came before, at a net."""
        if bit in self.memo:
            return self.memo[bit]
        if bit not in self.driver:
            return {"flop": (0, None, None)}
        cell, port = self.driver[bit]
        k = kind(self.cells[cell]["type"])
        if k == "flop":
            return {"flop": (0, None, None)}
        if k == "block":
            return {"block": (0, None, None)}
        self.memo[bit] = {}
        best = {}
        for p, b in self.inputs(cell):
            if k == "lutram" and not p.startswith(("A", "DPRA", "ADDR")):
                continue  # written with the clock
            if k == "lutram" and p.startswith("A") and self.cells[cell]["type"].endswith("D") and not p.startswith("ADDR"):
                continue
            for start, (n, _, _) in self.arrival(b).items():
                inside = k == "free" or (k == "carry" and p in ("CI", "CI_TOP") and self.is_carry(b))
                n += 0 if inside else 1
                if start not in best or n > best[start][0]:
                    best[start] = (n, b, cell)
        if k == "lutram" and not best:
            best = {"flop": (1, None, cell)}
        self.memo[bit] = best
        return best

    def is_carry(self, bit):
        return bit in self.driver and kind(self.cells[self.driver[bit][0]]["type"]) == "carry"

    def ends(self):
        for name, cell in self.cells.items():
            if kind(cell["type"]) in ("flop", "block", "lutram"):
                for port, bit in self.inputs(name):
                    if port not in ("C", "CLK", "WCLK", "CLKARDCLK", "CLKBWRCLK"):
                        yield name, port, bit

    def path(self, bit, start):
        out = []
        while bit is not None and bit in self.memo and start in self.memo[bit]:
            n, before, cell = self.memo[bit][start]
            out.append(f"{n} {self.cells[cell]['type'] if cell else '':8} {self.names.get(bit, bit)}")
            bit = before
        out.append(f"0 {start:8} {self.names.get(bit, bit)}")
        return out


def main():
    a = argparse.ArgumentParser()
    a.add_argument("netlist")
    a.add_argument("--gate", nargs=2, type=int)
    a.add_argument("--paths", type=int, default=0)
    a = a.parse_args()
    n = Netlist(a.netlist)
    count = collections.Counter(c["type"] for c in n.cells.values())
    lut = sum(v for t, v in count.items() if t.startswith(("LUT", "INV")))
    dist = sum(v * (8 if "16" in t else 4 if "M" in t else 2 if t.endswith("D") else 1)
               for t, v in count.items() if kind(t) == "lutram")
    flops = sum(v for t, v in count.items() if kind(t) == "flop")
    half = sum(v for t, v in count.items() if t.startswith("RAMB18"))
    full = sum(v for t, v in count.items() if t.startswith("RAMB36"))
    worst = collections.defaultdict(list)
    for name, port, bit in n.ends():
        for start, (levels, _, _) in n.arrival(bit).items():
            worst[start].append((levels, bit, n.names.get(n.cells[name]["connections"].get("Q", n.cells[name]["connections"].get("DO", [0]))[0], name) + "." + port))
    print(f"LUT {lut} + {dist} as RAM, FF {flops}, RAMB36 {full}, RAMB18 {half}")
    got = {}
    for start in ("flop", "block"):
        rows = sorted(worst[start], key=lambda r: -r[0])
        got[start] = rows[0][0] if rows else 0
        hist = collections.Counter(r[0] for r in rows)
        print(f"from {start}: worst {got[start]} levels; ends by level:",
              " ".join(f"{k}:{hist[k]}" for k in sorted(hist, reverse=True)[:6]))
        seen = set()
        for levels, bit, end in rows:
            key = end.rstrip("0123456789[]_.")
            if len(seen) >= a.paths:
                break
            if key in seen:
                continue
            seen.add(key)
            print(f"  {levels} to {end}")
            for line in n.path(bit, start):
                print("      " + line)
    if a.gate and (got["flop"] > a.gate[0] or got["block"] > a.gate[1]):
        print(f"gate: {got['flop']} levels and {got['block']} after a RAM found, at most {a.gate[0]} and {a.gate[1]} expected")
        sys.exit(1)


main()
