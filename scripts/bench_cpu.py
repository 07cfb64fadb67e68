"""The page of figures of the CPU device; see bench_cpu.sh.

bench_cpu.py WORK ROUNDS OUT    WORK holds m2pt-bench and kernel.test
"""
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tomllib

from bench_page import machine, wrap

CONFIGS = pathlib.Path("configs/bench")
STEPS = [  # config, what to say of it, settings
    ("vit32_4", "(dim 192, depth 6, 64 tokens)", []),
    ("vit_ti16_224", "", []),
    ("vit_ti16_224", "1 thread", ["device.threads=1"]),
    ("vit_b16_224", "", []),
]
PRETRAINING = [
    ("mae_vit_b16_224", "decoder of 8 layers, 512 wide", []),
    ("mae_vit_b16_224", "decoder of 1 layer, 64 wide", ["mae.decoder_depth=1", "mae.decoder_dim=64", "mae.decoder_heads=2"]),
]
PROFILES = ["vit32_4", "vit_ti16_224", "vit_b16_224", "mae_vit_b16_224"]
PROFILED = 5  # steps
SMALL = 0.5  # percent of a step: ops that take less are added up
MODELS = {4160: "vit32_4", 1576: "vit_ti16_224", 788: "vit_b16_224"}  # by the rows of their products


class Bench:
    def __init__(self, work, rounds):
        self.work, self.rounds = pathlib.Path(work), rounds

    def program(self, config, *options, sets=()):
        """What m2pt-bench measures; two threads unless sets say otherwise."""
        words = [w for s in ["device.threads=2", *sets] for w in ("-set", s)]
        command = [self.work / "m2pt-bench", "-config", CONFIGS / f"{config}.toml", *options, "-json", *words]
        print(f"{config} {' '.join([*options, *sets])}", file=sys.stderr, flush=True)
        return json.loads(output(command))

    def step(self, config, sets):
        return self.program(config, "-steps", str(self.rounds), sets=sets)

    def profile(self, config, sets=()):
        return self.program(config, "-profile", "-steps", str(min(self.rounds, PROFILED)), sets=sets)

    def products(self, name):
        """Benchmark name -> {unit: median of three}."""
        print(f"Benchmark{name}", file=sys.stderr, flush=True)
        command = [self.work / "kernel.test", "-test.run=^$", f"-test.bench=^Benchmark{name}$", f"-test.benchtime={7 * self.rounds}ms", "-test.count=3"]
        found = {}
        for line in output(command).splitlines():
            if match := re.match(rf"Benchmark{name}/(.*?)(-\d+)?\s+\d+\s+(.*)", line):
                words = match[3].split()
                for value, unit in zip(words[::2], words[1::2]):
                    found.setdefault(match[1], {}).setdefault(unit, []).append(float(value))
        return {name: {unit: statistics.median(values) for unit, values in units.items()} for name, units in found.items()}


def output(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}")
    return done.stdout


def page(b):
    floors = {t: b.profile("vit32_4", [f"device.threads={t}"]) for t in (1, 2)}
    steps = [(name, note, b.step(name, sets)) for name, note, sets in STEPS]
    masked = [(name, note, b.step(name, sets)) for name, note, sets in PRETRAINING]
    profiles = {name: b.profile(name) for name in PROFILES}
    gemm, attention = b.products("Gemm"), b.products("Attention")
    for p in profiles.values():  # the best of the run
        floors[2] = max(floors[2], p, key=lambda f: f["peak_gb_per_s"])
    peaks = {1: floors[1]["peak_gflops"], 2: max(p["peak_gflops"] for p in [floors[2], *profiles.values()])}
    base = next(r for name, _, r in steps if name == "vit_b16_224")
    yield HEAD.format(machine=machine(), device=base["device"], rounds=b.rounds, peak1=peaks[1], peak2=peaks[2],
                      memory1=floors[1]["peak_gb_per_s"], memory2=floors[2]["peak_gb_per_s"])
    yield STEP
    yield from step_rows(steps)
    yield pathway(base, floors[2]["peak_gb_per_s"])
    yield MASKED
    yield from masked_rows(masked)
    yield PROFILE
    for name, p in profiles.items():
        yield from profile_rows(name, p)
    yield PRODUCTS
    yield from gemm_rows(gemm)
    yield ATTENTION
    for name in dict.fromkeys(n.rsplit("/", 1)[0] for n in attention):
        yield f"| {name.replace('*', ' · ').replace('T', 'ᵀ')} | " + " | ".join(cells(attention, name)) + " |"


def label(name, note):
    return f"`{name}`" + (f" {note}" if note.startswith("(") else f", {note}" if note else "")


def batch(name):
    return tomllib.loads((CONFIGS / f"{name}.toml").read_text())["train"]["batch"]


def step_rows(steps):
    for name, note, r in steps:
        low, high = (100 * v for v in r["pathway_overhead_95"])
        yield (f"| {label(name, note)} | {batch(name)} | {r['samples_per_s']:.4g} | {r['step_ms']:.0f} | {r['gflops']:.0f} | {100 * r['mfu']:.0f} % "
               f"| {r['peak_mem_mb']:.0f} | {r['heap_kb']:.1f} | {r['compile_ms']:.0f} | {100 * r['pathway_overhead']:+.1f} % [{low:+.1f}, {high:+.1f}] |")


def masked_rows(masked):
    for name, note, r in masked:
        m = r["masking"]
        yield (f"| {label(name, note)} | {batch(name)} | {r['samples_per_s']:.4g} | {r['step_ms']:.0f} | {r['gflops']:.0f} | {100 * r['mfu']:.0f} % "
               f"| {r['peak_mem_mb']:.0f} | {m['gain']:.2f} [{m['gain_95'][0]:.2f}, {m['gain_95'][1]:.2f}] | {m['expected']:.2f} |")


def pathway(r, bandwidth):
    """What the pathway has to move for the linear layers of ViT-B's twelve blocks."""
    weights = 12 * 12 * 768**2 * 4 / 1e9
    ms = 1e3 * 5 * weights / bandwidth
    return (f"\nWhat the pathway must cost on ViT-B/16, by bytes: Ŵ reads W and W′ and writes Ŵ, {3 * weights:.1f} GB; dλ reads dŴ and W′, {2 * weights:.1f} GB; "
            f"together about {ms:.0f} ms at {bandwidth:.0f} GB/s, {100 * ms / r['step_ms']:.1f} % of a step of batch {batch('vit_b16_224')}. "
            "Both run once per update: at larger batches the share falls.")


def profile_rows(name, p):
    yield (f"\n`{name}`, batch {batch(name)}: step {p['step_ms']:.0f} ms, ops {p['ops_ms']:.0f} ms, their floor {p['floor_ms']:.0f} ms; "
           f"peak {p['peak_gflops']:.0f} GFLOP/s, memory {p['peak_gb_per_s']:.1f} GB/s.\n")
    yield "| op | calls | ms | share | GFLOP/s | of peak | MB | GB/s | of memory | floor ms | ms / floor |"
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for s in (s for s in p["ops"] if s["percent"] >= SMALL):
        rate = f"{s['gflops']:.0f} | {100 * s['gflops'] / p['peak_gflops']:.0f} %" if s["gflops"] else "|"
        yield (f"| {s['op']} | {s['calls']} | {s['ms']:.1f} | {s['percent']:.1f} % | {rate} | {s['mb']:.0f} | {s['gb_per_s']:.1f} "
               f"| {100 * s['gb_per_s'] / p['peak_gb_per_s']:.0f} % | {s['floor_ms']:.1f} | {s['distance']:.1f} |")
    rest = [s for s in p["ops"] if s["percent"] < SMALL]
    calls, ms, percent, floor = (sum(s[k] for s in rest) for k in ("calls", "ms", "percent", "floor_ms"))
    yield f"| {len(rest)} others | {calls} | {ms:.1f} | {percent:.1f} % | | | | | | {floor:.1f} | |"


def gemm_rows(gemm):
    for name in dict.fromkeys(n.rsplit("/", 1)[0] for n in gemm):
        form, m, n, k = re.fullmatch(r"(\w+)/m=(\d+)/n=(\d+)/k=(\d+)", name).groups()
        model = MODELS[int(k if form == "TN" else m)]
        yield f"| `{model}` | {form} | {m} | {n} | {k} | " + " | ".join(cells(gemm, name)) + " |"


def cells(found, name):
    for threads in 1, 2:
        r = found[f"{name}/threads={threads}"]
        yield f"{r['GFLOP/s']:.0f} | {r['%peak']:.0f} % | {r['%peak-best']:.0f} %"


HEAD = """# Training step on the CPU

Written by `scripts/bench_cpu.sh`, measured {machine}: {device}, float32, synthetic pixels.

| what the machine does at most | 1 thread | 2 threads |
|---|---|---|
| independent multiply-adds in registers, GFLOP/s | {peak1:.0f} | {peak2:.0f} |
| memory, y += x over 2 x 128 MiB, GB/s read and written | {memory1:.1f} | {memory2:.1f} |

These are the best of the run; tables give shares of what was measured in the same process. Steps are medians of {rounds} rounds, each of one step and
one of its other side (with and without a pathway; with nothing masked), in alternating order. What is compared is the median of
the rounds' ratios, with its 95 % interval.
"""

STEP = """## Steps

`m2pt-bench -config configs/bench/NAME.toml`. Compile is graph, gradient and plan together. Memory is arena, feeds and state of the step
without the pathway; heap is what a step allocates on the Go heap.

| config | batch | samples/s | ms/step | GFLOP/s | share of peak | MB | heap kB | compile ms | pathway overhead |
|---|---|---|---|---|---|---|---|---|---|"""

MASKED = """
## Masked pretraining

The encoder sees a quarter of the patches. Gain is the time of a step in which it sees them all (but two) over that of a step; by
operations is the same ratio of operations, which is what to expect. The decoder sees all patches on both sides, so a small one
shows what the encoder alone gains.

| config | batch | samples/s | ms/step | GFLOP/s | share of peak | MB | gain | by operations |
|---|---|---|---|---|---|---|---|---|"""

PROFILE = """
## Where the time goes

`m2pt-bench -profile`, ops one after another, mean of a few steps. The floor of an op is a roofline's: the larger of its operations at the
peak and its bytes, each operand read and each result written once, at the rate of memory. An op whose operands a cache still
holds can be faster than its floor; one whose arithmetic is not counted (exponentials, norms) has a floor of bytes alone."""

PRODUCTS = """
## Matrix products

The linear layers of the three models: NT is y = x·Wᵀ + b, NN dx = dy·W, TN dW = dyᵀ·x; C is m x n, sums are over k. `BenchmarkGemm` of
cpu/kernel, calls on the same operands: the mean of a run, median of three runs, and the fastest call, as the peak is the fastest of its kind.

| model | form | m | n | k | 1 thread, GFLOP/s | of peak | fastest | 2 threads, GFLOP/s | of peak | fastest |
|---|---|---|---|---|---|---|---|---|---|---|"""

ATTENTION = """
Products of attention (`BenchmarkAttention`: 8 pictures of ViT-Ti/16, 3 heads of 64, 197 tokens, a head at a time on each thread):

| product | 1 thread, GFLOP/s | of peak | fastest | 2 threads, GFLOP/s | of peak | fastest |
|---|---|---|---|---|---|---|"""


def main():
    work, rounds, out = sys.argv[1:]
    text = "\n".join(page(Bench(work, int(rounds))))
    pathlib.Path(out).write_text(wrap(text) + "\n")


if __name__ == "__main__":
    main()
