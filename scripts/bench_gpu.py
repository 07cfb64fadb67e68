"""PyTorch's side of the GPU benchmarks; see gpu-check.sh.

bench_gpu.py steps MODEL BATCH [--compile MODE] [--pathway]   one process: times of its steps
bench_gpu.py table FILE...                                    figures of runs, as a table

The model is a plain ViT of torch.nn: pre-norm blocks, scaled_dot_product_attention, GELU,
class token, in autocast to bf16 with float32 weights and fused AdamW, as its users write
it, the loss read after each step. Pictures, spectrograms or clips lie on the device as
patches. Needs PyTorch alone.
"""
import argparse
import json
import pathlib
import statistics
import sys
import time

CLASSES = 1000
WARMUP, STEPS = 10, 50

# width, depth, heads, tokens, numbers of a patch
MODELS = {
    "vit_b16": (768, 12, 12, 196, 768),
    "vit_s16": (384, 12, 6, 196, 768),
    "vit_ti16": (192, 12, 3, 196, 768),
    "audio_b16": (768, 12, 12, 512, 256),
    "video_b16": (768, 12, 12, 1568, 1536),
}


def network(model, pathway):
    import torch
    import torch.nn.functional as F
    from torch import nn

    width, depth, heads, tokens, patch = MODELS[model]

    class Pathway(nn.Linear):
        """W + λW' in each forward pass, as the method's authors publish it."""

        def __init__(self, *size):
            super().__init__(*size)
            self.register_buffer("aux", torch.randn_like(self.weight))
            self.scale = nn.Parameter(torch.zeros(1))

        def forward(self, x):
            return F.linear(x, self.weight + self.scale * self.aux, self.bias)

    linear = Pathway if pathway else nn.Linear

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
            self.qkv, self.proj = linear(width, 3 * width), linear(width, width)
            self.fc1, self.fc2 = linear(width, 4 * width), linear(4 * width, width)

        def forward(self, x):
            b, n, d = x.shape
            q, k, v = self.qkv(self.norm1(x)).view(b, n, 3, heads, d // heads).permute(2, 0, 3, 1, 4)
            x = x + self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, d))
            return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))

    class ViT(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Linear(patch, width)
            self.cls, self.pos = nn.Parameter(torch.zeros(1, 1, width)), nn.Parameter(0.02 * torch.randn(1, tokens + 1, width))
            self.blocks = nn.Sequential(*(Block() for _ in range(depth)))
            self.norm, self.head = nn.LayerNorm(width, eps=1e-6), nn.Linear(width, CLASSES)

        def forward(self, x):
            x = self.embed(x)
            x = torch.cat((self.cls.expand(len(x), -1, -1), x), 1) + self.pos
            return self.head(self.norm(self.blocks(x))[:, 0])

    return ViT()


def steps(args):
    import torch
    import torch.nn.functional as F

    torch.set_float32_matmul_precision("high")
    model = network(args.model, args.pathway).cuda()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.05, fused=True)
    forward = torch.compile(model, mode=args.compile) if args.compile else model
    _, _, _, tokens, patch = MODELS[args.model]
    x, labels = torch.randn(args.batch, tokens, patch, device="cuda"), torch.randint(CLASSES, (args.batch,), device="cuda")

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", torch.bfloat16):
            loss = F.cross_entropy(forward(x), labels, label_smoothing=0.1)
        loss.backward()
        optimizer.step()
        loss.item()  # waits for the update, as m2pt's steps do

    start = time.perf_counter()
    for _ in range(WARMUP):
        step()
    ready, times = time.perf_counter() - start, []
    for _ in range(STEPS):
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1e3)
    side = (f"torch {torch.__version__} " + (f"compiled, {args.compile}" if args.compile else "eager")) + (", pathway" if args.pathway else "")
    print(json.dumps({"model": args.model, "side": side, "batch": args.batch, "steps_ms": times, "ready_s": ready,
                      "device": torch.cuda.get_device_name(), "peak_mem_mb": torch.cuda.max_memory_allocated() / 1e6}))


def flops(model):
    """Of a training step for one sample: three times those of the forward pass."""
    width, depth, _, tokens, patch = MODELS[model]
    n = tokens + 1
    return 3 * (2 * tokens * patch * width + depth * (24 * n * width**2 + 4 * n * n * width) + 2 * width * CLASSES)


PEAK = 989e12  # of an H100's and H200's tensor cores in bf16, dense


def table(args):
    print("| model | side | batch | ms/step (least to most) | samples/s | TFLOP/s | of 989 | memory, MB |\n|---|---|---|---|---|---|---|---|")
    for file in args.files:
        for line in file.read_text().splitlines():
            if not line.startswith("{"):  # a compiler's messages
                continue
            r = json.loads(line)
            ms = statistics.median(r["steps_ms"])
            rate = r["batch"] / ms * 1e3
            speed = rate * flops(r["model"])
            print(f"| `{r['model']}` | {r['side']} | {r['batch']} | {ms:.2f} ({min(r['steps_ms']):.2f} to {max(r['steps_ms']):.2f}) "
                  f"| {rate:.0f} | {speed / 1e12:.0f} | {100 * speed / PEAK:.1f} % | {r['peak_mem_mb']:.0f} |")
    print("\nMemory of m2pt is the arena, feeds and state of the step, without workspaces of kernels and products; of PyTorch the most that\n"
          "tensors took at once (`max_memory_allocated`). Neither counts the driver's context and code, nor what an allocator keeps free.")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    modes = p.add_subparsers(required=True)
    s = modes.add_parser("steps")
    s.add_argument("model", choices=MODELS)
    s.add_argument("batch", type=int)
    s.add_argument("--compile", choices=("default", "max-autotune"))
    s.add_argument("--pathway", action="store_true")
    s.set_defaults(run=steps)
    t = modes.add_parser("table")
    t.add_argument("files", type=pathlib.Path, nargs="+")
    t.set_defaults(run=table)
    args = p.parse_args()
    args.run(args)


if __name__ == "__main__":
    sys.exit(main())
