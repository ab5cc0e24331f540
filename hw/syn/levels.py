#!/usr/bin/env python3
"""levels.py NETLIST.json [PART.json...] [--gate LEVELS AFTER_RAM] [--paths N]: logic levels and size of a mapped design.

Modules of the netlist that are empty are taken from the parts, NAME.json or NAME:PARAMETER=VALUE,....json: the netlist of
each is put where it is used, so that paths go through from one to the other.

A level is a LUT, a read of distributed RAM, or a carry chain from where it is entered to where it is left.
The wide multiplexers behind LUTs of a slice (MUXF7..9) are not counted, nor are buffers.
After a RAM: paths that begin at the output of a block RAM, whose clock-to-out is that of a level or more.
Exit 1: a gate is not kept."""
import argparse
import collections
import json
import os
import re
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


def top_of(path):
    with open(path) as f:
        modules = json.load(f)["modules"]
    return next(m for m in modules.values() if int(m.get("attributes", {}).get("top", "0"), 2))


class Parts:
    """Mapped modules by name, and by those parameters that are not as the module has them."""

    def __init__(self, paths):
        self.rows = []
        for path in paths:
            name, _, params = os.path.basename(path)[:-len(".json")].partition(":")
            self.rows.append((name, dict(p.split("=") for p in params.split(",") if p), top_of(path)))
        self.rows.sort(key=lambda r: -len(r[1]))

    def find(self, cell):
        """The part that a cell is, or None."""
        name = re.search(r"nmw_\w+", cell["type"])
        for part, params, module in self.rows:
            if name and name.group() == part and all(self.same(cell, p, v) for p, v in params.items()):
                return module
        return None

    @staticmethod
    def same(cell, param, value):
        got = cell.get("parameters", {}).get(param)
        return got is not None and int(got, 2) == int(value)


class Netlist:
    def __init__(self, path, parts=()):
        top = top_of(path)
        self.cells = {}
        self.alias = {}  # a net that is another one
        self.bits = 0    # numbers that are taken
        self.names = {}
        self.put("", top, Parts(parts))
        for cell in self.cells.values():
            for bits in cell["connections"].values():
                bits[:] = [self.real(b) for b in bits]
        self.names = {self.real(b): n for b, n in self.names.items()}
        self.driver = {}
        for name, cell in self.cells.items():
            for port, bits in cell["connections"].items():
                if cell["port_directions"].get(port) == "output":
                    for bit in bits:
                        self.driver[bit] = (name, port)
        self.memo = {}

    def put(self, prefix, module, parts):
        """Its cells; those that are parts are put in their turn."""
        base = self.bits

        def own(bit):
            return bit + base if isinstance(bit, int) else bit

        for name, net in module["netnames"].items():
            for bit in map(own, net["bits"]):
                if bit not in self.names or not net["hide_name"]:
                    self.names[bit] = prefix + name
        all_bits = [b for net in module["netnames"].values() for b in net["bits"] if isinstance(b, int)]
        all_bits += [b for c in module["cells"].values() for bits in c["connections"].values() for b in bits if isinstance(b, int)]
        self.bits = base + max(all_bits, default=0) + 1
        for name, cell in module["cells"].items():
            connections = {port: [own(b) for b in bits] for port, bits in cell["connections"].items()}
            part = parts.find(cell)
            if part is None:
                if "nmw_" in cell["type"]:
                    sys.exit(f"levels.py: {prefix}{name}: {cell['type']} is none of the parts")
                self.cells[prefix + name] = dict(cell, connections=connections)
                continue
            inside = self.bits
            self.put(f"{prefix}{name}.", part, parts)
            for port, p in part["ports"].items():
                for mine, theirs in zip(connections.get(port, []), p["bits"]):
                    theirs = theirs + inside if isinstance(theirs, int) else theirs
                    a, b = (mine, theirs) if p["direction"] == "output" else (theirs, mine)
                    if isinstance(a, int):
                        self.alias[a] = b

    def real(self, bit):
        while bit in self.alias:
            bit = self.alias[bit]
        return bit

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
            if k == "lutram" and p.startswith("ADDR") and port.startswith("DO") and p[4:] != port[2:]:
                continue  # of another port
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
    a.add_argument("parts", nargs="*")
    a.add_argument("--gate", nargs=2, type=int)
    a.add_argument("--paths", type=int, default=0)
    a = a.parse_args()
    n = Netlist(a.netlist, a.parts)
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
