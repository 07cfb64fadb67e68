"""What the parts of interop.sh share: named checks, our programs, experiments."""
import pathlib
import subprocess
import sys
import traceback

import numpy as np
import torch


class Failed(Exception):
    """What a check says where two sides differ."""


class Checks:
    """Runs named checks and prints a line for each."""

    def __init__(self):
        self.failed = 0

    def run(self, name, check, *args):
        """Runs check(*args), which returns what to print or raises."""
        try:
            print(f"ok      {name:56s} {check(*args)}", flush=True)
        except Exception as e:
            self.failed += 1
            print(f"FAILED  {name:56s} {type(e).__name__}: {e}", flush=True)
            if not isinstance(e, Failed):
                traceback.print_exc(file=sys.stderr)

    def exit(self):
        sys.exit(1 if self.failed else 0)


class Programs:
    """Our programs, in a working folder WORK with their binaries in WORK/bin."""

    def __init__(self, work):
        self.work = pathlib.Path(work)

    def __call__(self, name, *args):
        """Runs a program; what it says is told where it fails."""
        done = subprocess.run([self.work / "bin" / name, *map(str, args)], capture_output=True, text=True)
        if done.returncode != 0:
            raise Failed(f"{name} exits with {done.returncode}: {' / '.join(done.stderr.strip().splitlines()[-3:])}")

    def logits(self, checkpoint, *options):
        """Our answers to the validation samples, in their order."""
        out = self.work / "predictions.npz"
        self("m2pt-eval", "-checkpoint", checkpoint, "-predictions", out, *options)
        with np.load(out) as f:
            return f["logits"][np.argsort(f["index"])]


def toml(sections):
    """An experiment as a file's text, of {"section": {"key": value}}."""
    def text(v):
        return str(v).lower() if isinstance(v, bool) else repr(v)
    return "".join(f"[{s}]\n" + "".join(f"{k} = {text(v)}\n" for k, v in keys.items()) for s, keys in sections.items())


def alike(got, want, tolerance=2e-5):
    """Compares logits: the largest difference over the largest logit."""
    if got.shape != want.shape:
        raise Failed(f"shape {got.shape}, want {want.shape}")
    top = np.abs(want).max()
    delta = np.abs(got.astype(np.float64) - want).max() / top
    text = f"max|Δ|/max|logit| = {delta:.1e} (max|logit| {top:.3g}, {got.shape[0]} samples)"
    if not delta <= tolerance:
        raise Failed(text)
    return text


def bits(t):
    return t.detach().contiguous().reshape(-1).view(torch.uint8)


def same(got, want):
    """Compares names, types, shapes and bits."""
    if got.keys() != want.keys():
        raise Failed(f"names: {sorted(got.keys() ^ want.keys())}")
    for name, w in want.items():
        g = got[name]
        if g.dtype != w.dtype or g.shape != w.shape or not torch.equal(bits(g), bits(w)):
            raise Failed(f"{name}: {g.dtype} {tuple(g.shape)}, want {w.dtype} {tuple(w.shape)}, or other bits")
    return f"{len(want)} tensors, {len({w.dtype for w in want.values()})} element types, bit by bit"
