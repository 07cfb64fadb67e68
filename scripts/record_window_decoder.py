"""Records parity/testdata/window_decoder_*.npz: small masked autoencoders of spectrograms
whose decoder attends within shifted windows, as AudioMAE's does.

It is a reference of our own, written from the formulas of AudioMAE (Huang et al., NeurIPS
2022) and Swin V2 (Liu et al., CVPR 2022), and shares nothing with the Go code. It computes
in float64 what float32 parameters and inputs give. PyTorch on the CPU is all it needs:

    python scripts/record_window_decoder.py parity/testdata
"""
import json
import math
import pathlib
import sys

import numpy as np
import torch
from torch.nn.functional import gelu, layer_norm, linear

EPS = 1e-6  # of layer normalisations
SHIFT = 2   # rows of time by which every other block moves its windows
HIDDEN = 384

FILES = {
    # 12 x 8 tokens: 3 x 2 windows, the last two of shifted blocks with rows of both ends.
    "window_decoder_shifted": dict(img_size=[24, 16], patch_size=2, embed_dim=8, depth=1, num_heads=2,
                                   decoder_embed_dim=16, decoder_depth=2, decoder_num_heads=4, decoder_window=4,
                                   mask_ratio=0.8, norm_pix_loss=True, tau=[0.004, 0.3, 0.7, 1.5], seed=1),
    # 11 x 12 tokens, padded to 12 x 12: 2 x 2 windows.
    "window_decoder_padded": dict(img_size=[22, 24], patch_size=2, embed_dim=8, depth=1, num_heads=2,
                                  decoder_embed_dim=8, decoder_depth=2, decoder_num_heads=2, decoder_window=6,
                                  mask_ratio=0.7, norm_pix_loss=False, tau=[0.2, 1.0], seed=2),
}


def parameters(m):
    """Every parameter by its published name, with values that matter."""
    rng = np.random.default_rng(m["seed"])
    D, E, P = m["embed_dim"], m["decoder_embed_dim"], m["patch_size"]
    tokens = m["img_size"][0] // P * (m["img_size"][1] // P)
    params = {}

    def add(name, *shape, mean=0.0, std=None):
        std = std or (shape[-1] ** -0.5 if len(shape) > 1 else 0.2)
        params[name] = torch.from_numpy(rng.normal(mean, std, shape).astype(np.float32))

    def layer(name, inner, outer):
        add(name + ".weight", outer, inner)
        add(name + ".bias", outer)

    def norm(name, d):
        add(name + ".weight", d, mean=1.0)
        add(name + ".bias", d)

    def block(name, d):
        norm(name + ".norm1", d)
        layer(name + ".attn.qkv", d, 3 * d)
        layer(name + ".attn.proj", d, d)
        norm(name + ".norm2", d)
        layer(name + ".mlp.fc1", d, 4 * d)
        layer(name + ".mlp.fc2", 4 * d, d)

    add("cls_token", 1, 1, D)
    add("pos_embed", 1, 1 + tokens, D, std=0.5)
    add("mask_token", 1, 1, E)
    add("decoder_pos_embed", 1, 1 + tokens, E, std=0.5)
    add("patch_embed.proj.weight", D, 1, P, P, std=1 / P)
    add("patch_embed.proj.bias", D)
    for i in range(m["depth"]):
        block(f"blocks.{i}", D)
    norm("norm", D)
    layer("decoder_embed", D, E)
    for i in range(m["decoder_depth"]):
        name = f"decoder_blocks.{i}"
        block(name, E)
        params[name + ".attn.tau"] = torch.tensor(np.roll(m["tau"], i), dtype=torch.float32)
        layer(name + ".attn.meta_mlp.fc1", 2, HIDDEN)
        layer(name + ".attn.meta_mlp.fc2", HIDDEN, m["decoder_num_heads"])
    norm("decoder_norm", E)
    layer("decoder_pred", E, P * P)
    return params


class Reference:
    """The network: its formulas, one by one."""

    def __init__(self, meta, params):
        self.m, self.p = meta, params
        self.grid = [side // meta["patch_size"] for side in meta["img_size"]]

    def layer(self, name, x):
        return linear(x, self.p[name + ".weight"].flatten(1), self.p[name + ".bias"])

    def norm(self, name, x):
        return layer_norm(x, x.shape[-1:], self.p[name + ".weight"], self.p[name + ".bias"], EPS)

    def mlp(self, name, x):
        return self.layer(name + ".fc2", gelu(self.layer(name + ".fc1", x)))

    def heads(self, name, x, heads):
        """q, k and v, [..., heads, tokens, width]."""
        B, N, D = x.shape
        return self.layer(name + ".qkv", x).view(B, N, 3, heads, D // heads).permute(2, 0, 3, 1, 4)

    def joined(self, name, o):
        return self.layer(name + ".proj", o.transpose(1, 2).flatten(2))

    def global_block(self, name, x, heads):
        """x + attention(LN x), then + mlp(LN x): a ViT's."""
        q, k, v = self.heads(name + ".attn", self.norm(name + ".norm1", x), heads)
        p = (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).softmax(-1)
        x = x + self.joined(name + ".attn", p @ v)
        return x + self.mlp(name + ".mlp", self.norm(name + ".norm2", x))

    def window_block(self, name, x, shift):
        """x + LN(attention(x)), then + LN(mlp(x)), of a grid x [B, rows, columns, D]."""
        x = x + self.norm(name + ".norm1", self.shifted_attention(name + ".attn", x, shift))
        return x + self.norm(name + ".norm2", self.mlp(name + ".mlp", x))

    def shifted_attention(self, name, x, shift):
        B, rows, columns, D = x.shape
        w = self.m["decoder_window"]
        x = torch.roll(x, -shift, dims=1)
        x = x.view(B, rows // w, w, columns // w, w, D).transpose(2, 3).reshape(-1, w * w, D)
        x = self.window_attention(name, x, self.mask(rows, columns, shift))
        x = x.view(B, rows // w, columns // w, w, w, D).transpose(2, 3).reshape(B, rows, columns, D)
        return torch.roll(x, shift, dims=1)

    def window_attention(self, name, x, mask):
        q, k, v = self.heads(name, x, self.m["decoder_num_heads"])
        lengths = q.norm(dim=-1, keepdim=True) @ k.norm(dim=-1, keepdim=True).transpose(-2, -1)
        scores = q @ k.transpose(-2, -1) / lengths.clamp(min=1e-6)
        scores = scores / self.p[name + ".tau"].clamp(min=0.01).view(-1, 1, 1) + self.bias(name + ".meta_mlp")
        windows = mask.shape[0]
        scores = scores.view(-1, windows, *scores.shape[1:]) + mask[:, None]
        return self.joined(name, scores.flatten(0, 1).softmax(-1) @ v)

    def bias(self, name):
        """[heads, n, n] of query and key, without the dropout of training."""
        w = self.m["decoder_window"]
        places = torch.cartesian_prod(torch.arange(w), torch.arange(w))
        delta = (places[:, None] - places[None]).double()
        offsets = delta.sign() * (1 + delta.abs()).log()
        return self.layer(name + ".fc2", self.layer(name + ".fc1", offsets).relu()).permute(2, 0, 1)

    def mask(self, rows, columns, shift):
        """-100 between tokens of different regions of time, [windows, n, n]."""
        w = self.m["decoder_window"]
        region = torch.zeros(rows, columns)
        if shift:
            region[-w:-shift], region[-shift:] = 1, 2
        region = region.view(rows // w, w, columns // w, w).transpose(1, 2).reshape(-1, w * w)
        return -100.0 * (region[:, :, None] != region[:, None]).double()

    def patches(self, x):
        P, (rows, columns) = self.m["patch_size"], self.grid
        return x.view(-1, rows, P, columns, P).transpose(2, 3).reshape(-1, rows * columns, P * P)

    def run(self, x, noise):
        p, (rows, columns), out = self.p, self.grid, {}
        B, N = noise.shape
        keep = int(N * (1 - self.m["mask_ratio"]))
        order = noise.argsort(dim=1)
        restore = order.argsort(dim=1)
        pick = lambda tokens, index: tokens.gather(1, index[..., None].expand(-1, -1, tokens.shape[-1]))

        tokens = self.layer("patch_embed.proj", self.patches(x)) + p["pos_embed"][:, 1:]
        cls = (p["cls_token"] + p["pos_embed"][:, :1]).expand(B, -1, -1)
        z = torch.cat([cls, pick(tokens, order[:, :keep])], 1)
        for i in range(self.m["depth"]):
            z = self.global_block(f"blocks.{i}", z, self.m["num_heads"])
        z = out["latent"] = self.norm("norm", z)

        y = self.layer("decoder_embed", z)[:, 1:]
        y = pick(torch.cat([y, p["mask_token"].expand(B, N - keep, -1)], 1), restore)
        y = (y + p["decoder_pos_embed"][:, 1:]).view(B, rows, columns, -1)
        missing = -rows % self.m["decoder_window"]
        y = torch.cat([y, y[:, -1:].expand(-1, missing, -1, -1)], 1)
        for i in range(self.m["decoder_depth"]):
            y = self.window_block(f"decoder_blocks.{i}", y, i % 2 * SHIFT)
            out[f"decoder_block{i}"] = y.flatten(1, 2)
        pred = out["pred"] = self.layer("decoder_pred", self.norm("decoder_norm", y))[:, :rows].flatten(1, 2)

        target = self.patches(x)
        if self.m["norm_pix_loss"]:
            target = (target - target.mean(-1, keepdim=True)) / (target.var(-1, keepdim=True) + 1e-6).sqrt()
        mask = out["mask"] = (restore >= keep).double()
        out["ids_restore"] = restore
        return out, ((pred - target).square().mean(-1) * mask).sum() / mask.sum()


def record(name, meta, folder):
    meta = dict(meta, kind="mae_audio_pretrain", ln_eps=EPS, mask_2d=False)
    rng = np.random.default_rng(100 + meta["seed"])
    x = torch.from_numpy(rng.normal(0, 1, [2, 1, *meta["img_size"]]).astype(np.float32))
    params = parameters(meta)
    fixed = ["pos_embed", "decoder_pos_embed"]
    exact = {k: v.double().requires_grad_(k not in fixed) for k, v in params.items()}
    reference = Reference(meta, exact)
    noise = torch.from_numpy(rng.random([2, math.prod(reference.grid)]).astype(np.float32))
    out, loss = reference.run(x.double(), noise)
    loss.backward()

    arrays = {"meta/json": np.frombuffer(json.dumps(meta, sort_keys=True).encode(), np.uint8),
              "in/x": x.numpy(), "in/noise": noise.numpy(), "loss/recon": loss.detach().numpy().reshape(1)}
    for k, v in params.items():
        arrays["param/" + k] = v.numpy()
    for k, v in out.items():
        v = v.detach().numpy()
        arrays["out/" + k] = v if v.dtype == np.int64 else v.astype(np.float32)
    for k, v in exact.items():
        if v.requires_grad:
            arrays["grad/" + k] = v.grad.numpy().astype(np.float32)
    path = folder / (name + ".npz")
    np.savez_compressed(path, **arrays)
    print(f"{path}: {path.stat().st_size} bytes, loss {loss.item():.6f}")


if __name__ == "__main__":
    torch.use_deterministic_algorithms(True)
    for name, meta in FILES.items():
        record(name, meta, pathlib.Path(sys.argv[1]))
