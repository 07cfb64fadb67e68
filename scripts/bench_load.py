"""Loads files of weights with PyTorch, safetensors and our readers; see bench_load.sh.

bench_load.py make FOLDER                   writes vit_b.pth and vit_b.safetensors
bench_load.py load FILE                     loads FILE, adds up every tensor; prints
                                            seconds, seconds of processors, the sum
bench_load.py idle FILE                     only imports what load needs
bench_load.py compare FOLDER PROGRAM PAIRS  theirs and ours in turn, as tables
"""

import os
import statistics
import subprocess
import sys
import time


def make(folder):
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    shapes = {"cls_token": (1, 1, 768), "pos_embed": (1, 197, 768)}
    shapes |= {"patch_embed.proj.weight": (768, 3, 16, 16), "patch_embed.proj.bias": (768,)}
    for i in range(12):
        for name, out, inner in (("attn.qkv", 2304, 768), ("attn.proj", 768, 768), ("mlp.fc1", 3072, 768), ("mlp.fc2", 768, 3072)):
            shapes |= {f"blocks.{i}.{name}.weight": (out, inner), f"blocks.{i}.{name}.bias": (out,)}
        for name in ("norm1", "norm2"):
            shapes |= {f"blocks.{i}.{name}.weight": (768,), f"blocks.{i}.{name}.bias": (768,)}
    shapes |= {"norm.weight": (768,), "norm.bias": (768,), "head.weight": (1000, 768), "head.bias": (1000,)}
    weights = {name: torch.randn(shape) for name, shape in shapes.items()}
    torch.save(weights, os.path.join(folder, "vit_b.pth"))
    save_file(weights, os.path.join(folder, "vit_b.safetensors"))


def reader(path):
    if path.endswith(".safetensors"):
        import safetensors.torch  # imports torch

        return lambda: safetensors.torch.load_file(path)
    import torch

    return lambda: torch.load(path, map_location="cpu", weights_only=True, mmap=False)


def load(path):
    read = reader(path)
    start, busy = time.perf_counter(), time.process_time()
    total = sum(t.float().sum().item() for t in read().values())
    print(time.perf_counter() - start, time.process_time() - busy, total)


def idle(path):
    reader(path)
    print()


def measure(command, **env):
    """The words that command prints, and what it used."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | env)
    words = child.stdout.read().decode().split()
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"{command} failed")
    return words, usage


def theirs(path, mode="load"):
    words, usage = measure([sys.executable, __file__, mode, path])
    return [*map(float, words), usage.ru_maxrss / 1024]


def ours(path, program):
    words, usage = measure([program, "-test.run=^$", "-test.bench=^BenchmarkLoad$", "-test.benchtime=1x"], M2PT_LOAD=path)

    def before(unit):
        return float(words[words.index(unit) - 1])

    return [before("ns/op") / 1e9, usage.ru_utime + usage.ru_stime, before("sum"), usage.ru_maxrss / 1024]


def compare(folder, program, pairs):
    import platform
    from importlib.metadata import version

    print(f"Python {platform.python_version()}, torch {version('torch')}, safetensors {version('safetensors')}, {os.cpu_count()} cores")
    for name in ("vit_b.pth", "vit_b.safetensors"):
        path = os.path.join(folder, name)
        with open(path, "rb") as f:  # into the page cache
            while f.read(1 << 24):
                pass
        rounds = [(theirs(path), ours(path, program)) for _ in range(int(pairs))]
        for a, b in rounds:
            if abs(a[2] - b[2]) > 1e-3 * abs(a[2]):
                sys.exit(f"{name}: sums differ: {a[2]} and {b[2]}")
        print(f"\n{name}, {os.path.getsize(path) / 1e6:.1f} MB, {pairs} pairs; their process before loading: {theirs(path, 'idle')[-1]:.0f} MiB\n")
        print("| | theirs | ours | ours / theirs |\n|---|---|---|---|")
        for what, i, scale in (("time, ms", 0, 1000), ("time of processors, ms", 1, 1000), ("peak memory, MiB", 3, 1)):
            a, b = ([r[side][i] * scale for r in rounds] for side in (0, 1))
            print(f"| {what} | {spread(a, 0)} | {spread(b, 0)} | {spread([y / x for x, y in zip(a, b)], 2)} |")


def spread(values, digits):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


if __name__ == "__main__":
    mode, *rest = sys.argv[1:]
    {"make": make, "load": load, "idle": idle, "compare": compare}[mode](*rest)
