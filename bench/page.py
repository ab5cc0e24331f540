"""The page of bench/run: report.txt for people, report.json for programs, plots where gnuplot is."""
import json
import math
import os
import re
import shutil
import subprocess

COLOURS = {"nmw": "#1f77b4", "textbook": "#ff7f0e", "rte_ring": "#2ca02c", "ck_ring": "#9467bd", "tcpreplay": "#ff7f0e"}


def ratios(rows):
    """Of each case that a peer has as well: the peer's best over ours."""
    best = {}
    for r in rows:
        if r["metric"] == "best":
            best.setdefault((r["case"], r["unit"]), {})[r["peer"]] = r["value"]
    out = []
    for (case, unit), by in best.items():
        for peer, value in by.items():
            if peer != "nmw" and "nmw" in by and by["nmw"]:
                ratio = value / by["nmw"] if unit.startswith("ns") else by["nmw"] / value
                out.append((case, peer, ratio))
    return out


def text_of(report):
    m = report["machine"]
    lines = [f"nmw {m['commit']}, {m['when']}", f"{m['kernel']}, {m['cpus']} CPUs, {m['model']}",
             f"{m['compiler']}, huge pages {m['huge_pages']}, load {m['load']}",
             "Read the ratios: they are of one run. Absolute figures are of this machine in this hour."]
    for s in report["sections"]:
        lines += ["", f"== {s['name']} ({s['seconds']:.0f} s)"]
        if s["skipped"]:
            lines.append(f"no figures: {s['skipped']}")
            continue
        lines.append(s["text"].rstrip())
        for case, peer, ratio in ratios(s["rows"]):
            lines.append(f"ratio: {case}: {ratio:.1f} times as fast as {peer}")
    return "\n".join(lines) + "\n"


# ---- plots -------------------------------------------------------------------------------------------------------

def quoted(text):
    return '"' + text.replace("\\", "").replace('"', "'").replace("_", r"\\_") + '"'


def gnuplot(script):
    done = subprocess.run(["gnuplot"], input=script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    return done.returncode == 0, done.stdout.strip()


def bars(path, title, unit, items, log=False):
    """Horizontal bars: (label, value, peer), from the top down."""
    if unit.endswith("/s") and not unit.startswith("M"):
        unit, items = "M " + unit, [(label, v / 1e6, p) for label, v, p in items]
    items = list(reversed(items))
    low = 10 ** math.floor(math.log10(min(v for _, v, _ in items))) if log else 0
    data = "\n".join(f"{v} {i} {int(COLOURS.get(p, '#7f7f7f')[1:], 16)} {quoted(f'{v:,.0f}' if v >= 1000 else f'{v:.4g}')}"
                     for i, (_, v, p) in enumerate(items))
    tics = ", ".join(f"{quoted(label)} {i}" for i, (label, _, _) in enumerate(items))
    top = max(v for _, v, _ in items) * 1.12
    return gnuplot(f"""set terminal pngcairo size 1000,{90 + 24 * len(items)} font "Sans,10"
set output {quoted(path).replace(chr(92) * 2 + '_', '_')}
set title {quoted(title)}
set xlabel {quoted(unit)}
{"set logscale x" if log else ""}
set xrange [{low}:{top * 2 if log else top}]
set yrange [-0.6:{len(items) - 0.4}]
set ytics ({tics}) nomirror
set xtics nomirror
set grid x
set border 3
unset key
set style fill solid 0.9 noborder
$d << EOD
{data}
EOD
plot $d using 1:2:({low}):1:($2-0.36):($2+0.36):3 with boxxyerror lc rgb variable, \\
     $d using 1:2:4 with labels left offset 0.5,0
""")


AXES = ("symbols", "live", "depth")


def grown(rows, wanted):
    """Points of each axis from cases such as "1 symbols, 1000 live, depth 1000": the metric of a time says which
    grows; the same cases have the memory."""
    axis = {r["case"]: [] for r in rows}
    for r in rows:
        if r["metric"] in AXES:
            axis[r["case"]].append(r["metric"])
    series = {}
    for r in rows:
        found = re.match(r"(\d+) symbols, (\d+) live, depth (\d+)", r["case"])
        if not found or not wanted(r):
            continue
        for a in [r["metric"]] if r["metric"] in AXES else axis[r["case"]]:
            series.setdefault({"live": "live orders"}.get(a, a), set()).add((int(found.group(AXES.index(a) + 1)), r["value"]))
    return series


def curves(path, title, unit, series):
    """One small plot a series of points (x, y), x logarithmic."""
    body = ""
    for name, points in series.items():
        data = "\n".join(f"{x} {y}" for x, y in sorted(points))
        body += f"""$d << EOD
{data}
EOD
set xlabel {quoted(name)}
plot $d using 1:2 with linespoints pt 7 lw 2 lc rgb "{COLOURS['nmw']}"
"""
    return gnuplot(f"""set terminal pngcairo size 1200,420 font "Sans,10"
set output {quoted(path).replace(chr(92) * 2 + '_', '_')}
set multiplot layout 1,{len(series)} title {quoted(title)}
set logscale x
set format x "10^{{%T}}"
set yrange [0:*]
set ylabel {quoted(unit)}
set grid
unset key
{body}
unset multiplot
""")


def best_of(rows, metric="best"):
    return [(f"{r['case']} ({r['peer']})" if r["peer"] != "nmw" else r["case"], r["value"], r["peer"])
            for r in rows if r["metric"] == metric]


def plot_section(s, out):
    """The plots of a section: (file, drawn, what gnuplot said)."""
    rows, name = s["rows"], s["name"]
    jobs = []
    if name in ("engine", "stage"):
        jobs.append((f"{name}.png", lambda p: bars(p, f"{name}: cost of a message, best of the runs", "ns a message",
                                                   best_of(rows))))
    if name == "engine":
        one = [r for r in rows if r["bench"] == "book latency" and r["metric"].startswith("all ")]
        jobs.append(("latency.png", lambda p: bars(p, "engine: one message", "ns",
                                                   [(f"{r['case']}, {r['metric'][4:]}", r["value"], "nmw") for r in one],
                                                   log=True)))
    if name == "ring":
        for metric, what in (("rate", "messages through the ring"), ("p50", "there and back, median")):
            some = [r for r in rows if r["metric"] == metric and r["unit"] in ("M/s", "ns")]
            if some:
                jobs.append((f"ring-{metric}.png", lambda p, some=some, what=what: bars(
                    p, f"ring: {what}", some[0]["unit"],
                    [(f"{r['peer']} {r['case'].split(': ', 1)[-1]} [{r['state']}]", r["value"], r["peer"]) for r in some])))
    if name in ("pipeline", "replay"):
        jobs.append((f"{name}.png", lambda p: bars(p, f"{name}: best of the runs", rows[0]["unit"], best_of(rows))))
    if name == "instructions":
        jobs.append(("instructions.png", lambda p: bars(p, "instructions a message (callgrind)", "instructions",
                                                        best_of(rows, "instructions"))))
    if name == "growth":
        jobs.append(("growth.png", lambda p: curves(p, "books: a cancel or an entry as they grow", "ns",
                                                    grown(rows, lambda r: r["unit"] == "ns/command"))))
        jobs.append(("memory.png", lambda p: curves(p, "books: memory in use", "bytes an order",
                                                    grown(rows, lambda r: r["metric"] == "resident"))))
    return [(f, *draw(os.path.join(out, f))) for f, draw in jobs]


def draw(report, out):
    report["plots"] = []
    if not shutil.which("gnuplot"):
        return "no plots: gnuplot is not installed (tools/deps bench)"
    said = []
    for s in report["sections"]:
        if not s["rows"]:
            continue
        for name, drawn, why in plot_section(s, out):
            if drawn:
                report["plots"].append(name)
            else:
                said.append(f"no {name}: {why.splitlines()[-1] if why else 'gnuplot failed'}")
    return "\n".join(said)


def write(report, out):
    said = draw(report, out)
    text = text_of(report) + (f"\n{said}\n" if said else "")
    print(text)
    with open(os.path.join(out, "report.txt"), "w", encoding="utf-8") as f:
        f.write(text)
    rows = [r for s in report["sections"] for r in s["rows"]]
    with open(os.path.join(out, "report.json"), "w", encoding="utf-8") as f:
        json.dump({"machine": report["machine"], "plots": report["plots"],
                   "skipped": {s["name"]: s["skipped"] for s in report["sections"] if s["skipped"]},
                   "seconds": {s["name"]: s["seconds"] for s in report["sections"]}, "rows": rows}, f, indent=1)
        f.write("\n")
