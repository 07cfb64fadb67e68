"""Full-size files of the published layouts, ViT-B wide and of random numbers: m2pt-train
starts from each (model.init) and joins each (pathway.aux), and the tensors of its
checkpoint are those that were put in, bit by bit.

Every layout is a function of our tensors that makes the file as its project does. The
names and shapes are those of timm 1.0, MAE, AudioMAE, Point-MAE, VideoMAE V2 and
transformers, whose own classes check theirs."""
import argparse
import collections
import shutil
import sys

import torch
from safetensors.torch import load_file, save_file
from transformers import VideoMAEConfig, VideoMAEForPreTraining, VideoMAEForVideoClassification, ViTConfig, ViTForImageClassification

from interop_checks import Checks, Failed, Programs, toml

DIM, DEPTH = 768, 12


class Numbers:
    """Tensors of random numbers."""

    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, *shape):
        return torch.randn(shape, generator=self.generator) * 0.02

    def linear(self, name, out, inner):
        return {f"{name}.weight": self(out, *inner), f"{name}.bias": self(out)}

    def norm(self, name, dim):
        return {f"{name}.weight": 1 + self(dim), f"{name}.bias": self(dim)}

    def batch_norm(self, name, dim):
        return self.norm(name, dim) | {f"{name}.running_mean": self(dim), f"{name}.running_var": 1 + self(dim).abs()}

    def convolutions(self, name, inner, hidden, out):
        """Half of Point-MAE's PointNet: layers 0, 1 and 3 of a sequence."""
        ts = self.linear(f"{name}.0", hidden, [inner, 1]) | self.batch_norm(f"{name}.1", hidden)
        return ts | self.linear(f"{name}.3", out, [hidden, 1])

    def positions(self, name):
        """Point-MAE's positions of centres."""
        return self.linear(f"{name}.0", 128, [3]) | self.linear(f"{name}.2", DIM, [128])

    def decoder(self, depth, out, positions):
        """MAE's decoder."""
        ts = {"mask_token": self(1, 1, 512), "decoder_pos_embed": self(1, positions, 512)} | self.linear("decoder_embed", 512, [DIM])
        return ts | self.blocks("decoder_blocks", depth, 512) | self.norm("decoder_norm", 512) | self.linear("decoder_pred", out, [512])

    def blocks(self, prefix, depth, dim, bias="full"):
        ts = {}
        for i in range(depth):
            b = f"{prefix}.{i}"
            ts |= self.norm(f"{b}.norm1", dim) | self.linear(f"{b}.attn.qkv", 3 * dim, [dim]) | self.linear(f"{b}.attn.proj", dim, [dim])
            ts |= self.norm(f"{b}.norm2", dim) | self.linear(f"{b}.mlp.fc1", 4 * dim, [dim]) | self.linear(f"{b}.mlp.fc2", dim, [4 * dim])
            if bias == "none":
                del ts[f"{b}.attn.qkv.bias"]
            elif bias == "split":
                ts[f"{b}.attn.qkv.bias"][dim:2 * dim] = 0
        return ts


def vit(n, patch, positions, bias="full"):
    """Our tensors of an encoder of pictures, sounds or, without class token, clips."""
    ts = {} if positions is None else {"cls_token": n(1, 1, DIM), "pos_embed": n(1, positions, DIM)}
    return ts | n.linear("patch_embed.proj", DIM, patch) | n.blocks("blocks", DEPTH, DIM, bias) | n.norm("norm", DIM)


def pointnet(n):
    """Our tensors of an encoder of point clouds."""
    ts = n.convolutions("encoder.first_conv", 3, 128, 256) | n.convolutions("encoder.second_conv", 512, 512, DIM)
    return ts | n.positions("pos_embed") | n.blocks("blocks", DEPTH, DIM, "none") | n.norm("norm", DIM)


MODALITIES = {  # our tensors, and sections of an experiment
    "image": (lambda n: vit(n, [3, 16, 16], 197), {"tokenizer": {"kind": "image"}}),
    "audio": (lambda n: vit(n, [1, 16, 16], 513), {"tokenizer": {"kind": "audio"}}),
    "point": (pointnet, {"tokenizer": {"kind": "point"}, "train": {"max_steps": 1, "batch": 2}}),  # for batch norm
    "video": (lambda n: vit(n, [3, 2, 16, 16], None, "split"), {"tokenizer": {"kind": "video"}}),
}


# The wrappers of training programs.

def run(key, **more):
    """As MAE and its kin save a run: weights, optimizer, arguments."""
    def wrap(state):
        optimizer = {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 1e-3, "params": [0]}]}
        return {key: state, "optimizer": optimizer, "epoch": 399, "args": argparse.Namespace(lr=None, blr=1.5e-4), **more}
    return wrap


def prefixed(prefix, ts):
    return {prefix + k: v for k, v in ts.items()}


# The layouts: of our tensors ts and more numbers n to the weights of the file.

def pooled(ts):
    """Average pooling norms after it, under another name."""
    return {k.replace("norm.", "fc_norm.") if k.startswith("norm.") else k: v for k, v in ts.items()}


def timm(ts, n):
    return ts | n.linear("head", 1000, [DIM])


def finetuned(classes):
    return lambda ts, n: pooled(ts) | n.linear("head", classes, [DIM])


def mae(ts, n):
    return ts | n.decoder(8, 768, 197)


def audiomae(ts, n):
    """Its decoder is a Swin Transformer V2."""
    more = n.decoder(16, 256, 513)
    for i in range(16):
        a = f"decoder_blocks.{i}.attn"
        more |= n.linear(f"{a}.meta_mlp.fc1", 384, [2]) | n.linear(f"{a}.meta_mlp.fc2", 16, [384]) | {f"{a}.tau": n(16)}
    return ts | more


def point_names(ts):
    """Point-MAE's encoder calls its blocks twice, and PyTorch counts batches."""
    ts = {k.replace("blocks.", "blocks.blocks."): v for k, v in ts.items()}
    return ts | {k.replace("running_mean", "num_batches_tracked"): torch.tensor(7) for k in ts if k.endswith("running_mean")}


def point_pretrained(ts, n):
    decoder = n.blocks("blocks", 4, DIM, "none") | n.norm("norm", DIM)
    more = {"mask_token": n(1, 1, DIM)} | n.positions("decoder_pos_embed") | n.linear("increase_dim.0", 96, [DIM, 1])
    more |= prefixed("MAE_encoder.", point_names(ts)) | prefixed("MAE_decoder.", decoder)
    return prefixed("module.", more)


def point_finetuned(ts, n):
    ts = ts | {"cls_token": n(1, 1, DIM), "cls_pos": n(1, 1, DIM)} | n.linear("cls_head_finetune.8", 40, [256])
    for i, inner in (0, 2 * DIM), (4, 256):
        ts |= n.linear(f"cls_head_finetune.{i}", 256, [inner]) | n.batch_norm(f"cls_head_finetune.{i + 1}", 256)
    return point_names(ts)


def split(ts):
    """VideoMAE has no bias of keys."""
    out = {}
    for k, v in ts.items():
        if k.endswith("qkv.bias"):
            a, dim = k.removesuffix("qkv.bias"), len(v) // 3
            out |= {a + "q_bias": v[:dim].clone(), a + "v_bias": v[2 * dim:].clone()}
        else:
            out[k] = v
    return out


def video_pretrained(ts, n):
    decoder = split(n.blocks("blocks", 4, 384, "split")) | n.norm("norm", 384) | n.linear("head", 1536, [384])
    ts = prefixed("encoder.", split(ts)) | prefixed("decoder.", decoder)
    return ts | {"encoder_to_decoder.weight": n(384, DIM), "mask_token": n(1, 1, 384)}


def video_finetuned(ts, n):
    return split(pooled(ts)) | n.linear("head", 400, [DIM])


TRANSFORMERS = {
    "norm1": "layernorm_before", "norm2": "layernorm_after", "attn.proj": "attention.output.dense",
    "mlp.fc1": "intermediate.dense", "mlp.fc2": "output.dense", "blocks": "encoder.layer",
    "patch_embed.proj": "embeddings.patch_embeddings.projection", "cls_token": "embeddings.cls_token",
    "pos_embed": "embeddings.position_embeddings",
}


def transformers_of(encoder, cls, config, **arguments):
    """The tensors of a model of transformers, its encoder's from ours."""
    def layout(ts, n):
        out = {}
        for k, v in ts.items():
            if ".attn.qkv." in k:
                layer, kind = k.split(".attn.qkv.")
                a = layer.replace("blocks", "encoder.layer") + ".attention.attention."
                q, _, last = parts = [x.clone() for x in v.chunk(3)]
                out |= {f"{a}{name}.{kind}": x for name, x in zip(("query", "key", "value"), parts)} | {a + "q_bias": q, a + "v_bias": last}
                continue
            for ours, theirs in TRANSFORMERS.items():
                k = k.replace(ours, theirs)
            out["layer" + k if k.startswith("norm.") else k] = v
        state = cls(config(**arguments)).state_dict()
        ours = prefixed(encoder, out) | pooled(ts)
        return state | {k: v for k, v in ours.items() if k in state}
    return layout


VIT = transformers_of("vit.", ViTForImageClassification, ViTConfig, num_labels=1000)
VIDEOMAE = transformers_of("videomae.", VideoMAEForVideoClassification, VideoMAEConfig, num_labels=400)
VIDEOMAE_PRETRAINED = transformers_of("videomae.", VideoMAEForPreTraining, VideoMAEConfig)

LAYOUTS = [  # name, modality, file, layout, wrapper; each is joined to the next
    ("timm ViT-B/16", "image", "a.safetensors", timm, dict),
    ("AudioMAE pretrained", "audio", "b.pth", audiomae, run("model")),
    ("MAE pretrained", "image", "c.pth", mae, run("model", scaler={"scale": 65536.0})),
    ("Point-MAE pretrained", "point", "d.pth", point_pretrained, run("base_model", metrics={"acc": 0.0})),
    ("MAE fine-tuned", "image", "e.pth", finetuned(1000), run("model")),
    ("VideoMAE V2 pretrained", "video", "f.pth", video_pretrained, run("model")),
    ("M2PT zoo", "image", "g.pth", timm, collections.OrderedDict),
    ("Point-MAE fine-tuned", "point", "h.pth", point_finetuned, run("base_model", metrics={"acc": 93.8})),
    ("transformers ViT", "image", "i.safetensors", VIT, dict),
    ("VideoMAE V2 fine-tuned", "video", "j.pth", video_finetuned, run("module")),
    ("AudioMAE fine-tuned", "audio", "k.pth", finetuned(527), run("model")),
    ("transformers VideoMAE", "video", "l.safetensors", VIDEOMAE, dict),
    ("transformers VideoMAE pretrained", "video", "m.safetensors", VIDEOMAE_PRETRAINED, dict),
]


def make(work, layout):
    """Writes a file and returns its path and the tensors that are in it, as ours."""
    _, modality, file, convert, wrap = layout
    n = Numbers(sum(map(ord, file)))
    ours = MODALITIES[modality][0](n)
    path = work / file
    state = convert(ours, n)
    if not path.exists():
        save_file(state, path) if path.suffix == ".safetensors" else torch.save(wrap(state), path)
    return path, ours | {k: v for k, v in state.items() if k.startswith(("fc_norm.", "cls_token", "cls_pos"))}


def compare(which, got, want):
    missing = want.keys() - got.keys()
    other = [k for k in want.keys() - missing if not torch.equal(got[k], want[k])]
    if missing or other:
        raise Failed(f"{which}: missing {sorted(missing)[:3]} of {len(missing)}, different {sorted(other)[:3]} of {len(other)}")
    return f"{which} {len(want)} tensors"


def loads(m2pt, target, aux):
    """One update of the head alone, from one file, joined to another."""
    init, ours = make(m2pt.work, target)
    other, theirs = make(m2pt.work, aux)
    config, out = m2pt.work / "files.toml", m2pt.work / "files-run"
    config.write_text(toml({
        "data": {"format": "generated", "samples": 2, "val_samples": 1}, "model": {"name": "vit_base", "frozen": True, "init": str(init)},
        "pathway": {"aux": str(other), "lambda_trainable": False}, "train": {"max_steps": 1, "batch": 1}} | MODALITIES[target[1]][1]))
    try:
        m2pt("m2pt-train", "-config", config, "-out", out)
        state, = out.glob("checkpoints/*/model.safetensors")
        frozen, = out.glob("aux-*.safetensors")
        pooled_first = () if target[1] == "point" else ("norm.",)  # fc_norm has its place
        own = {k: v for k, v in split_where(ours, target[1]).items() if not k.startswith(pooled_first)}
        layers = {k.replace(".weight", ".aux_weight"): v for k, v in theirs.items() if k.startswith("blocks.") and v.ndim == 2}
        return compare("model.init", load_file(state), own) + ", " + compare("pathway.aux", load_file(frozen), layers)
    finally:
        shutil.rmtree(out, ignore_errors=True)


def split_where(ts, modality):
    """Our checkpoints of clips have VideoMAE's two biases."""
    return split(ts) if modality == "video" else ts


def main(work):
    checks, m2pt = Checks(), Programs(work)
    for target, aux in zip(LAYOUTS, LAYOUTS[1:] + LAYOUTS[:1]):
        checks.run(f"{target[0]} + {aux[0]}", loads, m2pt, target, aux)
        (m2pt.work / target[2]).unlink(missing_ok=target is not LAYOUTS[0])
    checks.exit()


if __name__ == "__main__":
    main(sys.argv[1])
