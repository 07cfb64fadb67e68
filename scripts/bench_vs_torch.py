"""Our training step beside PyTorch's; see bench_vs_torch.sh.

bench_vs_torch.py versions
bench_vs_torch.py check WORK MODEL...       both sides do the same work; leaves in
                                            WORK/MODEL what the other modes need
bench_vs_torch.py compare WORK MODEL...     alternating pairs, as a table
bench_vs_torch.py steps WORK MODEL          one process of theirs: times of its steps
bench_vs_torch.py ops WORK MODEL            what their ops take
"""
import argparse
import json
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib

import torch
import torch.nn.functional as F

from interop_checks import Checks, Failed, Programs

CONFIGS = pathlib.Path(__file__).parent.parent / "configs" / "bench"
CLASSES = 1000
UPDATES = 3
LR = 1e-3
WARMUP = 3
# One update moves biases off 0 and norms off 1; the weights after it are those that
# both sides start from.
START = {"head.init_std": 0.05, "model.weight_init": "fan_in", "train.epochs": 1, "optimizer.layer_decay": 1.0}
# With the usual eps of 1e-8 an update is as large where the gradient is next to nothing,
# rounding decides its sign, and the largest difference says nothing: the bias of keys
# has no gradient but rounding. With the usual layer decay of 0.75 the lowest norms, whose
# weights are near 1, move by about a thousand times the spacing of float32 there.
RUN = {"train.epochs": UPDATES, "optimizer.eps": 1e-4, "optimizer.layer_decay": 0.9}
# One batch is an epoch: its order cannot matter. The learning rate is constant.
BOTH = {"data.format": "folder", "augment.crop": "none", "augment.hflip": 0.0,
        "optimizer.lr": LR, "schedule.min_lr": LR, "schedule.warmup_epochs": 0,
        "eval.every": 1000, "train.log_every": 1, "train.keep": 1}


class Training:
    """The training step of an experiment as PyTorch's users write it."""

    def __init__(self, folder, compiled=False, pathway=False):
        from safetensors.torch import load_file
        from timm.models.vision_transformer import VisionTransformer

        self.config = c = tomllib.loads((folder / "run" / "config.toml").read_text())
        m, self.batch, self.size = c["model"], c["train"]["batch"], c["data"]["image_size"]
        self.model = VisionTransformer(
            img_size=self.size, patch_size=c["tokenizer"]["patch_size"], embed_dim=m["embed_dim"], depth=m["depth"],
            num_heads=m["num_heads"], mlp_ratio=m["mlp_ratio"], global_pool=m["global_pool"], class_token=m["class_token"], num_classes=CLASSES)
        self.model.load_state_dict(load_file(folder / "start.safetensors"), strict=True)
        if not self.model.blocks[0].attn.fused_attn:
            raise Failed("timm's attention is not scaled_dot_product_attention")
        if pathway:
            for block in self.model.blocks:
                for part, name in (block.attn, "qkv"), (block.attn, "proj"), (block.mlp, "fc1"), (block.mlp, "fc2"):
                    setattr(part, name, Pathway(getattr(part, name)))
        o = c["optimizer"]
        self.optimizer = torch.optim.AdamW(self.groups(o), lr=o["lr"], betas=o["betas"], eps=o["eps"], fused=True)
        self.forward = torch.compile(self.model) if compiled else self.model

    def groups(self, o):
        """MAE's: rates fall from the head down; vectors, class token and positions do not decay."""
        groups, depth = {}, len(self.model.blocks)
        for name, p in self.model.named_parameters():
            part, *rest = name.split(".")
            layer = int(rest[0]) + 1 if part == "blocks" else 0 if part in ("cls_token", "pos_embed", "patch_embed") else depth + 1
            decay = o["weight_decay"] if p.ndim > 1 and part not in ("cls_token", "pos_embed") else 0.0
            lr = o["lr"] * o["layer_decay"] ** (depth + 1 - layer)
            groups.setdefault((lr, decay), []).append(p)
        return [{"params": ps, "lr": lr, "weight_decay": decay} for (lr, decay), ps in groups.items()]

    def step(self, x, labels):
        """One update; the loss before it."""
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.forward(x), labels, label_smoothing=self.config["augment"]["smoothing"])
        loss.backward()
        self.optimizer.step()
        return loss.item()

    @torch.inference_mode()
    def infer(self, x, _):
        """The logits."""
        return self.forward(x)

    def random(self):
        g = torch.Generator().manual_seed(0)
        return torch.randn(self.batch, 3, self.size, self.size, generator=g), torch.randint(CLASSES, (self.batch,), generator=g)


class Pathway(torch.nn.Linear):
    """A linear layer that adds λW' to its weight in each forward pass, as the method's authors publish it."""

    def __init__(self, plain):
        super().__init__(plain.in_features, plain.out_features)
        self.load_state_dict(plain.state_dict())
        self.register_buffer("aux", torch.randn_like(self.weight))
        self.scale = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return F.linear(x, self.weight + self.scale * self.aux, self.bias)


def versions(_):
    from importlib.metadata import version

    cpu = next((line.split(": ")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    print(f"{cpu}, {os.cpu_count()} cores, {platform.system()} {platform.release()}")
    print("Python", platform.python_version(), *(f"{p} {version(p)}" for p in ("torch", "timm")))
    print(*(line for line in torch.__config__.show().splitlines() if "Build settings" not in line), sep="\n")


def pictures(root, count, size):
    """Pictures of noise, the k-th of class k of CLASSES, as m2pt reads them and as a
    batch of PyTorch, 0 to 1."""
    import numpy as np
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    for split, some in ("train", pixels), ("val", pixels[:1]):
        for k in range(CLASSES):
            folder = root / split / f"{k:04d}"
            folder.mkdir(parents=True)
            if k < len(some):
                Image.fromarray(some[k]).save(folder / "0.png")
    return torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255


def check(args):
    checks = Checks()
    for model in args.model:
        checks.run(f"{model}: {UPDATES} updates on both sides", same_work, Programs(args.work), model)
    checks.exit()


def same_work(m2pt, model):
    """Both sides train on the same pictures from the same weights."""
    from safetensors.torch import load_file

    folder, config = m2pt.work / model, CONFIGS / f"{model}.toml"
    plain = tomllib.loads(config.read_text())
    x = pictures(folder / "pictures", plain["train"]["batch"], plain["data"]["image_size"])
    for name, keys in ("start", START), ("run", RUN | {"model.init": folder / "start.safetensors"}):
        sets = BOTH | {"data.path": folder / "pictures"} | keys
        m2pt("m2pt-train", "-config", config, "-out", folder / name, *(word for k, v in sets.items() for word in ("-set", f"{k}={v}")))
        m2pt("m2pt-export", "-checkpoint", folder / name, "-out", folder / f"{name}.safetensors")
    records = map(json.loads, (folder / "run" / "metrics.jsonl").read_text().splitlines())
    ours = [r["loss"] for r in records if r["kind"] == "train"]

    theirs = Training(folder)
    mean, std = (torch.tensor(theirs.config["data"][k]).view(3, 1, 1) for k in ("mean", "std"))
    losses = [theirs.step((x - mean) / std, torch.arange(len(x))) for _ in range(UPDATES)]
    return alike(ours, losses, load_file(folder / "start.safetensors"), load_file(folder / "run.safetensors"), theirs.model.state_dict())


def alike(ours, theirs, start, our_end, their_end):
    """Compares the losses, and of each tensor what the updates changed: the largest
    difference over the largest change."""
    if len(ours) != len(theirs):
        raise Failed(f"{len(ours)} losses, want {len(theirs)}")
    loss = max(abs(a - b) / abs(b) for a, b in zip(ours, theirs))
    deltas = {}
    for name, w in start.items():
        a, b = our_end[name].double() - w.double(), their_end[name].double() - w.double()
        deltas[name] = ((a - b).abs().max() / b.abs().max()).item()
    worst = max(deltas, key=deltas.get)
    text = (f"losses {', '.join(f'{v:.5f}' for v in theirs)}, ours differ by {loss:.1e} of them; updates by "
            f"{deltas[worst]:.1e} of the largest in {worst}, {statistics.median(deltas.values()):.1e} in the median of {len(deltas)} tensors")
    if not (loss <= 1e-5 and deltas[worst] <= 1e-3):
        raise Failed(text)
    return text


def steps(args):
    """Times of steps, ms."""
    torch.set_num_threads(args.threads)
    t = Training(args.work / args.model[0], args.compile, args.kind == "pathway")
    x, labels = t.random()
    step = t.step
    if args.kind == "inference":
        t.model.eval()
        step = t.infer
    times = []
    for _ in range(WARMUP + args.steps):
        start = time.perf_counter()
        step(x, labels)
        times.append((time.perf_counter() - start) * 1e3)
    print(json.dumps({"steps_ms": times[WARMUP:]}))


def ops(args):
    """Prints what PyTorch's ops take of a step, without what they call."""
    torch.set_num_threads(args.threads)
    t = Training(args.work / args.model[0], args.compile)
    x, labels = t.random()
    for _ in range(WARMUP):
        t.step(x, labels)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as p:
        for _ in range(args.steps):
            t.step(x, labels)
    rows = sorted(((e.self_cpu_time_total / 1e3 / args.steps, e.count // args.steps, e.key) for e in p.key_averages()), reverse=True)
    total = sum(ms for ms, _, _ in rows)
    print(f"{'op':>48s}  calls       ms     %")
    for ms, calls, name in rows[:14]:
        print(f"{name[:48]:>48s}  {calls:5d}  {ms:7.2f}  {100 * ms / total:4.1f}")


def busy():
    """Seconds that all processors have worked, for us, others or the host's others."""
    user, nice, system, _, _, irq, softirq, steal = map(int, open("/proc/stat").readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def call(command):
    """What a program prints, on both streams."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]} exits with {done.returncode}: {done.stderr}")
    return done.stdout, done.stderr


# A process counts as its own the memory of the one it was started from, and with PyTorch
# in it that is more than ours takes: a small one in between starts it and tells.
STARTER = """import os, sys
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(child, 0)
print(usage.ru_maxrss, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))"""


def measure(command):
    """The figures that a program prints last, the most memory it held, MB, and how many
    processors others used meanwhile."""
    start, before = time.perf_counter(), busy() - children()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        status = subprocess.run([sys.executable, "-I", "-S", "-c", STARTER, *map(str, command)], stdout=out, stderr=err).returncode
        out.seek(0), err.seek(0)
        said = err.read().decode()
        if status != 0:
            sys.exit(f"{command[0]} exits with {status}: {said}")
        figures = json.loads(out.read().splitlines()[-1])
    return figures, int(said.splitlines()[-1]) * 1024 / 1e6, max(busy() - children() - before, 0) / (time.perf_counter() - start)


def ours(args, model, option, kind="training"):
    config = args.work / model / "run" / "config.toml"
    if kind == "pathway":
        include, config = config, args.work / model / "pathway.toml"
        config.write_text(f'include = ["{include}"]\n[pathway]\naux = "of random weights"\n')
    if kind == "inference":
        option = "-eval"
    return [args.work / "bin" / "m2pt-bench", "-config", config, "-set", f"device.threads={args.threads}", "-steps", args.steps, option, "-json"]


def theirs(args, model, mode, kind="training"):
    return [sys.executable, __file__, mode, args.work, model, "--steps", args.steps, "--threads", args.threads, "--kind", kind, *["--compile"] * args.compile]


def compare(args):
    print(f"\n{args.threads} threads, PyTorch {'compiled' if args.compile else 'eager'}, {args.pairs} pairs of fresh processes, {args.steps} steps each; "
          f"load average {os.getloadavg()[0]:.1f}", flush=True)
    rows = [pairs(args, model, kind) for kind in args.kind.split(",") for model in args.model]
    if args.ops:
        for model in args.model:
            print(f"\n{model}, ours:\n{call(ours(args, model, '-profile'))[1]}\n{model}, theirs:\n{call(theirs(args, model, 'ops'))[0]}", flush=True)
    print("\n| step | model | batch | theirs, ms | ours, ms | theirs, images/s | ours, images/s | theirs, GFLOP/s | ours, GFLOP/s | ours / theirs | theirs, MB | ours, MB | used by others |\n"
          "|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    print(*rows, sep="\n")


def pairs(args, model, kind):
    """Measures both sides in turn; a row of the table: medians, and of the ratio of speeds
    the least and most of the pairs. Memory is that of the whole process, with the
    program, and theirs with PyTorch, in it."""
    batch = tomllib.loads((args.work / model / "run" / "config.toml").read_text())["train"]["batch"]
    times, memory, used, peaks = {"ours": [], "theirs": []}, {"ours": [], "theirs": []}, [], []
    for i in range(args.pairs):
        sides = {"ours": ours(args, model, "-alone", kind), "theirs": theirs(args, model, "steps", kind)}
        for side in ("ours", "theirs") if i % 2 == 0 else ("theirs", "ours"):
            figures, most, others = measure(sides[side])
            times[side].append(statistics.median(figures["steps_ms"]))
            memory[side].append(most)
            used.append(others)
            if side == "ours":
                gflop = figures["gflops"] * figures["step_ms"] / 1e3
                peaks.append(figures["peak_gflops"])
        print(f"{kind}, {model}, pair {i + 1}: ours {times['ours'][-1]:.1f} ms, theirs {times['theirs'][-1]:.1f} ms; "
              f"others used {max(used[-2:]):.2f} processors", flush=True)
    ratios = [b / a for a, b in zip(times["ours"], times["theirs"])]
    us, them = statistics.median(times["ours"]), statistics.median(times["theirs"])
    print(f"{kind}, {model}: {gflop:.1f} GFLOP a step, peak {max(peaks):.0f} GFLOP/s", flush=True)
    return (f"| {kind} | `{model}` | {batch} | {them:.1f} | {us:.1f} | {batch / them * 1e3:.2f} | {batch / us * 1e3:.2f} | {gflop / them * 1e3:.0f} | {gflop / us * 1e3:.0f} "
            f"| {them / us:.2f} ({min(ratios):.2f} to {max(ratios):.2f}) | {statistics.median(memory['theirs']):.0f} | {statistics.median(memory['ours']):.0f} | {statistics.median(used):.2f} |")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    modes = {f.__name__: f for f in (versions, check, compare, steps, ops)}
    p.add_argument("mode", choices=modes)
    p.add_argument("work", type=pathlib.Path, nargs="?")
    p.add_argument("model", nargs="*")
    for name, count in ("pairs", 5), ("steps", 5), ("threads", 2):
        p.add_argument(f"--{name}", type=int, default=count)
    p.add_argument("--kind", default="training,pathway,inference")
    p.add_argument("--compile", action="store_true")
    p.add_argument("--ops", action="store_true")
    args = p.parse_args()
    modes[args.mode](args)


if __name__ == "__main__":
    main()
