"""Every element type arrives bit by bit: files that safetensors, PyTorch and NumPy
write are read by m2pt and written anew, as safetensors and npz, for them to read."""
import math
import sys

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from interop_checks import Checks, Programs, same

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
          torch.uint64, torch.uint32, torch.uint16, torch.uint8, torch.bool]


def samples():
    """Tensors of each element type with every kind of bits, NaNs and infinities too."""
    random = torch.Generator().manual_seed(4)
    tensors = {}
    for d in DTYPES:
        for shape in (), (1,), (3, 5, 7), (0, 4):
            size = math.prod(shape) * d.itemsize
            raw = torch.randint(0, 2 if d == torch.bool else 256, (size,), dtype=torch.uint8, generator=random)
            tensors[f"{str(d)[6:]}.{'x'.join(map(str, shape)) or 'scalar'}"] = raw.view(d).reshape(shape)
    for d, special in (torch.float32, [np.nan, np.inf, -np.inf, -0.0, 1e-45]), (torch.float16, [np.nan, np.inf, -np.inf, -0.0, 6e-8]):
        tensors[f"{str(d)[6:]}.special"] = torch.tensor(special, dtype=d)
    return tensors


def awkward():
    """Tensors that lie in memory as PyTorch's views do."""
    t = torch.arange(60, dtype=torch.float32).reshape(3, 4, 5)
    return {"transposed": t.transpose(0, 2), "sliced": t[1:, ::2], "shared": t, "parameter": torch.nn.Parameter(t[0].clone()),
            "expanded": t[0, 0].expand(4, 5), "nested": {"head": {"bias": t[0, 0]}}}


def load_npz(path):
    with np.load(path) as f:
        return {k: torch.from_numpy(f[k]) for k in f.files}


def save_npz(tensors, path):
    np.savez(path, **{k: v.detach().numpy() for k, v in tensors.items()})


def without_bfloat16(tensors):
    """What NumPy has: bfloat16 becomes float32, exactly."""
    return {k: v.float() if v.dtype == torch.bfloat16 else v for k, v in tensors.items()}


def flat(tensors):
    """Nested names joined by dots, as m2pt reads them."""
    out = {}
    for k, v in tensors.items():
        out.update({f"{k}.{n}": t for n, t in flat(v).items()} if isinstance(v, dict) else {k: v})
    return out


def travels(m2pt, tensors, file, save):
    """PyTorch or NumPy to m2pt, and back in both formats."""
    path = m2pt.work / file
    save(tensors, path)
    want = flat(tensors)
    out = m2pt.work / "rewritten"
    m2pt("rewrite", path, f"{out}.safetensors")
    m2pt("rewrite", path, f"{out}.npz")
    same(load_npz(f"{out}.npz"), without_bfloat16(want))
    return same(load_file(f"{out}.safetensors"), want)


def legacy(tensors, path):
    torch.save(tensors, path, _use_new_zipfile_serialization=False)


def main(work):
    checks, m2pt = Checks(), Programs(work)
    all_types = samples()
    checks.run("tensors: safetensors, there and back", travels, m2pt, all_types, "all.safetensors", save_file)
    checks.run("tensors: torch.save, zip", travels, m2pt, all_types, "zip.pth", torch.save)
    checks.run("tensors: torch.save, legacy", travels, m2pt, all_types, "legacy.pth", legacy)
    checks.run("tensors: torch.save of views, zip", travels, m2pt, awkward(), "views.pth", torch.save)
    checks.run("tensors: torch.save of views, legacy", travels, m2pt, awkward(), "views-legacy.pth", legacy)
    checks.run("tensors: NumPy's npz, there and back", travels, m2pt, without_bfloat16(all_types), "all.npz", save_npz)
    checks.exit()


if __name__ == "__main__":
    main(sys.argv[1])
