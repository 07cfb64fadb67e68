"""Sweeps of the training step; see bench_growth.sh.

bench_growth.py PROGRAM ROUNDS THREADS OUT
"""
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys

from bench_figure import Panel, draw
from bench_page import machine, wrap

CONFIG = "configs/bench/growth.toml"
BASE = {"batch": 8, "tokens": 128, "depth": 6, "width": 192}
SWEEPS = {
    "batch": [1, 2, 4, 8, 16, 32, 64, 128],
    "tokens": [64, 128, 256, 512, 1024, 1568],
    "depth": [2, 4, 6, 8, 12, 16, 24],
    "width": [96, 192, 288, 384, 576, 768],
}
FILL = 0.5  # seconds that the steps of a point take in a round, where 3 steps take less
LIMIT = 1.15  # of time per operation


def settings(model):
    """The model as keys of an experiment: patches of 16 x 16, 8 of them to 128 bins; heads
    of 32."""
    return {"train.batch": model["batch"], "audio.frames": model["tokens"] * 2, "model.depth": model["depth"],
            "model.embed_dim": model["width"], "model.num_heads": model["width"] // 32}


class Point:
    """One model's measurements."""

    def __init__(self, **change):
        self.model = BASE | change
        self.steps, self.process, self.peak = [], 0.0, 0.0

    def measure(self, program, threads):
        count = min(max(int(FILL * 1e3 / self.ms), 3), 40) if self.steps else 3
        sets = settings(self.model) | {"device.threads": threads}
        command = [program, "-config", CONFIG, "-alone", "-steps", str(count), "-json", *(w for k, v in sets.items() for w in ("-set", f"{k}={v}"))]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        text = child.stdout.read()
        errors = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        if status != 0:
            sys.exit(f"{self.model}: {errors}")
        r = json.loads(text)
        self.steps += r["steps_ms"]
        self.flop = r["gflops"] * r["step_ms"] / 1e3
        self.memory, self.device = r["memory"], r["device"]
        self.peak = max(self.peak, r["peak_gflops"])
        self.process = max(self.process, usage.ru_maxrss * 1024 / 1e6)

    @property
    def ms(self):
        return statistics.median(self.steps)

    @property
    def cost(self):
        """Milliseconds per GFLOP."""
        return self.ms / self.flop


def exponent(points, of, against):
    """The slope of a line through the logarithms, least squares."""
    x, y = ([math.log(f(p)) for p in points] for f in (against, of))
    return statistics.linear_regression(x, y).slope


def flags(points):
    """The points that take over LIMIT times as long per operation as the best of the
    smaller ones: beyond what fixed costs, which fall, and operations explain."""
    return [p for i, p in enumerate(points) if i and p.cost > LIMIT * min(q.cost for q in points[:i])]


def table(name, points, base):
    yield f"| {name} | ms/step | GFLOP | GFLOP/s | time per operation | arena MB | feeds MB | state MB | process MB |"
    yield "|---|---|---|---|---|---|---|---|---|"
    late = flags(points)
    for p in points:
        m = {k: v / 1e6 for k, v in p.memory.items()}
        yield (f"| {p.model[name]}{' (base)' if p is base else ''} | {p.ms:.1f} | {p.flop:.2f} | {1e3 / p.cost:.0f} | {p.cost / base.cost:.2f}{' **!**' if p in late else ''} "
               f"| {m['arena']:.1f} | {m['feeds']:.1f} | {m['state']:.1f} | {p.process:.0f} |")


def summary(name, points):
    time, flop = exponent(points, lambda p: p.ms, lambda p: p.flop), exponent(points, lambda p: p.flop, lambda p: p.model[name])
    arena = exponent(points, lambda p: p.memory["arena"], lambda p: p.model[name])
    late = flags(points)
    worst = "nothing grows faster than that explains" if not late else "faster than that explains: " + ", ".join(
        f"{p.model[name]} ({p.cost / min(q.cost for q in points[:points.index(p)]):.2f} times the least of the smaller ones)" for p in late)
    return f"Operations grow as {name}^{flop:.2f}, time as operations^{time:.2f}, the arena as {name}^{arena:.2f}; {worst}."


HEAD = """# How the training step grows

Measured {machine}
with `{command}`: one of batch, tokens, depth and width at a time, from
the small model of `{config}` (batch {batch}, {tokens} tokens of spectrogram patches and a class token, depth {depth},
width {width}, heads of 32), {device}, synthetic values. Times are medians of the steps of all
rounds ({rounds}); peak {peak:.0f} GFLOP/s, the best of all processes.

![time and memory against batch, tokens, depth and width]({figure})

Time per operation is that of the base model as 1. Fixed costs (starting threads, the head of 1,000 classes, small products)
make it fall as a model grows; where it is more than {limit} times that of the best smaller point, **!** marks it: that is growth that
operations do not explain, such as operands that a cache no longer holds. Exponents are slopes of lines through logarithms. Arena,
feeds and state are the device's memory; process is the whole process at its largest, with Go's heap and what compiling left there.
"""


def main():
    program, rounds, threads, out = sys.argv[1], int(sys.argv[2]), sys.argv[3], pathlib.Path(sys.argv[4])
    base = Point()
    sweeps = {name: [base if v == BASE[name] else Point(**{name: v}) for v in values] for name, values in SWEEPS.items()}
    points = list(dict.fromkeys(p for sweep in sweeps.values() for p in sweep))
    for r in range(rounds):
        for p in points:
            p.measure(program, threads)
        print(f"round {r + 1} of {rounds}: {len(points)} points", file=sys.stderr, flush=True)
    figure = out.with_suffix(".svg")
    command = "scripts/bench_growth.sh" + (f" -r {rounds}" if rounds != 3 else "") + (f" -t {threads}" if threads != "2" else "")
    lines = [HEAD.format(machine=machine(), command=command, config=CONFIG, device=base.device, rounds=rounds, peak=max(p.peak for p in points),
                         figure=figure.name, limit=LIMIT, **BASE)]
    for name, sweep in sweeps.items():
        lines += [f"## {name.capitalize()}", "", *table(name, sweep, base), "", summary(name, sweep), ""]
    out.write_text(wrap("\n".join(lines)).rstrip() + "\n")
    figure.write_text(draw(panels(sweeps, base)))


def panels(sweeps, base):
    """Above time, with what operations alone would make of the base's; below memory."""
    for name, sweep in sweeps.items():
        x = [p.model[name] for p in sweep]
        yield Panel(name, "ms per step", x, {"measured": [p.ms for p in sweep], "as operations": [p.flop * base.cost for p in sweep]})
    for name, sweep in sweeps.items():
        x = [p.model[name] for p in sweep]
        yield Panel(name, "MB", x, {"arena": [p.memory["arena"] / 1e6 for p in sweep], "state": [p.memory["state"] / 1e6 for p in sweep],
                                    "process": [p.process for p in sweep]})


if __name__ == "__main__":
    main()
