"""Both sides answer the same samples alike: models that m2pt trains and exports, read
by timm and transformers, and models that PyTorch saves, read by m2pt."""
import argparse
import collections
import functools
import sys

import numpy as np
import timm
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from timm.models.vision_transformer import VisionTransformer
from transformers import VideoMAEConfig, VideoMAEForVideoClassification, VideoMAEImageProcessor, ViTConfig, ViTForImageClassification

from interop_checks import Checks, Programs, alike, same, toml

CLASSES = 10
MEAN, STD = [0.5, 0.4, 0.3], [0.25, 0.2, 0.3]  # not anyone's default
SIZES = {  # embed_dim, depth, heads
    "vit_base": (768, 12, 12),
    "vit_tiny": (192, 12, 3),
}
ONCE = {  # one update with a large learning rate moves biases and lambdas off 0
    "head": {"init_std": 0.05},
    "train": {"epochs": 1, "batch": 2, "max_steps": 1},
    "optimizer": {"lr": 0.01, "layer_decay": 1.0},
    "schedule": {"warmup_epochs": 0},
    "eval": {"crop_pct": 1.0},
}
# An update that changes next to nothing.
STILL = ONCE | {"optimizer": {"lr": 1e-12, "weight_decay": 0.0}, "schedule": {"warmup_epochs": 0, "min_lr": 0.0}}


def randomise(model, seed):
    """Gives every parameter values that matter, biases and norms too."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.normal_(0, p[0].numel() ** -0.5 if p.ndim > 1 and "token" not in name else 0.2, generator=g)
            if "norm" in name and name.endswith("weight"):
                p.add_(1)
    return model.eval()


def answers(model, samples):
    with torch.inference_mode():
        return torch.cat([model(x[None]) for x in samples]).numpy()


def pictures(work, size):
    """A picture of noise for each class, as PNG files in both splits."""
    rng = np.random.default_rng(size)
    root = work / f"pictures{size}"
    for k in range(CLASSES):
        picture = Image.fromarray(rng.integers(0, 256, (size, size, 3), dtype=np.uint8))
        for split in "train", "val":
            folder = root / split / f"class{k}"
            folder.mkdir(parents=True)
            picture.save(folder / "0.png")
    return root


def opened(root):
    return [Image.open(root / "val" / f"class{k}" / "0.png") for k in range(CLASSES)]


class Pictures:
    """A Vision Transformer of pictures on both sides."""

    def __init__(self, m2pt, name, size, patch, pool):
        self.m2pt, self.name, self.size, self.patch, self.pool = m2pt, name, size, patch, pool
        self.root = pictures(m2pt.work, size)
        self.dir = m2pt.work / name
        self.dir.mkdir()
        self.config = self.experiment("plain", {})

    def experiment(self, name, more):
        path = self.dir / f"{name}.toml"
        path.write_text(toml({
            "data": {"format": "folder", "path": str(self.root), "image_size": self.size, "mean": MEAN, "std": STD},
            "tokenizer": {"patch_size": self.patch}, "model": {"name": self.name, "global_pool": self.pool},
            "augment": {"crop": "none"}, **ONCE} | more))
        return path

    def model(self):
        dim, depth, heads = SIZES[self.name]
        return VisionTransformer(img_size=self.size, patch_size=self.patch, embed_dim=dim, depth=depth, num_heads=heads,
                                 num_classes=CLASSES, global_pool=self.pool)

    def samples(self):
        mean, std = (torch.tensor(v).view(3, 1, 1) for v in (MEAN, STD))
        return [(torch.from_numpy(np.array(p)).permute(2, 0, 1) / 255 - mean) / std for p in opened(self.root)]

    @functools.cached_property
    def theirs(self):
        """A model of PyTorch and its answers."""
        model = randomise(self.model(), 1)
        return model, answers(model, self.samples())

    def saved(self, file, wrap, save):
        """A model that PyTorch saves answers alike here."""
        model, want = self.theirs
        path = self.dir / file
        save(wrap(model.state_dict()), path)
        return alike(self.m2pt.logits(path, "-config", self.config), want)

    def train(self):
        """Trains a model with pathways to the one of random weights."""
        aux = self.dir / "aux.safetensors"
        save_file(randomise(self.model(), 2).state_dict(), aux)
        config = self.experiment("pathway", {"pathway": {"aux": str(aux), "lambda_init": 0.1}})
        self.m2pt("m2pt-train", "-config", config, "-out", self.dir / "run")
        self.ours = self.m2pt.logits(self.dir / "run")
        return f"{self.ours.shape[0]} samples evaluated, pathways apart from the weights"

    def exported(self):
        """The exported file is what timm's model of the same arguments loads."""
        out = self.dir / "exported.safetensors"
        self.m2pt("m2pt-export", "-checkpoint", self.dir / "run", "-out", out)
        model = self.model().eval()
        model.load_state_dict(load_file(out), strict=True)
        return alike(answers(model, self.samples()), self.ours)

    def folder(self):
        """timm builds the model and prepares its input from the exported folder alone."""
        out = self.dir / "exported"
        self.m2pt("m2pt-export", "-checkpoint", self.dir / "run", "-out", out)
        model = timm.create_model(f"local-dir:{out}", pretrained=True).eval()
        transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model), is_training=False)
        return alike(answers(model, [transform(p) for p in opened(self.root)]), self.ours)

    def rounded(self, dtype):
        """An export of 16 bits has PyTorch's rounding of every number."""
        out = self.dir / "rounded.safetensors"
        self.m2pt("m2pt-export", "-checkpoint", self.dir / "run", "-out", out, "-dtype", str(dtype)[6:])
        want = {k: v.to(dtype) for k, v in load_file(self.dir / "exported.safetensors").items()}
        return same(load_file(out), want)


def legacy(obj, path):
    torch.save(obj, path, _use_new_zipfile_serialization=False)


def run_of_mae(state):
    """A checkpoint as MAE's programs save it."""
    return {"model": state, "optimizer": {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 1e-3, "params": [0]}]},
            "epoch": 3, "scaler": {"scale": 65536.0}, "args": argparse.Namespace(model="vit_base_patch16", lr=None, data_path="/x")}


FORMS = [("zip.pth", dict, torch.save), ("ordered.pth", collections.OrderedDict, torch.save), ("run-legacy.pth", run_of_mae, legacy),
         ("legacy.pth", dict, legacy), ("run.pth", run_of_mae, torch.save), ("saved.safetensors", dict, save_file)]


def check_pictures(checks, p, forms):
    for file, wrap, save in forms:
        checks.run(f"{p.name}: PyTorch to m2pt, {file}", p.saved, file, wrap, save)
    checks.run(f"{p.name}: m2pt trains a pathway", p.train)
    checks.run(f"{p.name}: m2pt to timm, strict", p.exported)
    checks.run(f"{p.name}: m2pt to timm, local-dir", p.folder)


def spectrograms(work, frames, mels):
    """A spectrogram for each class in a .npy file, and the list that names its sound."""
    rng = np.random.default_rng(3)
    root = work / "sounds"
    (root / "banks").mkdir(parents=True)
    rows = ["path,label,split"]
    values = rng.normal(-4, 4, (CLASSES, frames, mels)).astype(np.float32)
    for k, v in enumerate(values):
        np.save(root / "banks" / f"{k}.npy", v)
        (root / f"{k}.wav").touch()  # the filterbank stands in for it
        rows += [f"{k}.wav,{k},train", f"{k}.wav,{k},val"]
    (root / "split.csv").write_text("\n".join(rows) + "\n")
    (root / "classes.txt").write_text("".join(f"{k}\n" for k in range(CLASSES)))
    return root, values


def check_sounds(m2pt):
    """An exported model of sounds is timm's of one channel."""
    root, values = spectrograms(m2pt.work, 256, 64)
    config = m2pt.work / "sounds.toml"
    config.write_text(toml({
        "data": {"format": "csv", "path": str(root)}, "tokenizer": {"kind": "audio", "patch_size": 16},
        "audio": {"mel_bins": 64, "frames": 256, "filterbanks": str(root / "banks"), "mean": -4.0, "std": 2.5},
        "model": {"name": "vit_tiny"}, **ONCE}))
    run, out = m2pt.work / "sounds-run", m2pt.work / "sounds-exported"
    m2pt("m2pt-train", "-config", config, "-out", run)
    m2pt("m2pt-export", "-checkpoint", run, "-out", out)
    model = timm.create_model(f"local-dir:{out}", checkpoint_path=out / "model.safetensors").eval()
    samples = torch.from_numpy((values + 4) / (2 * 2.5))[:, None]
    return alike(answers(model, samples), m2pt.logits(run))


def hf_size(name):
    dim, depth, heads = SIZES[name]
    return {"hidden_size": dim, "num_hidden_layers": depth, "num_attention_heads": heads, "intermediate_size": 4 * dim}


def save_hf(model, folder):
    model.save_pretrained(folder)
    return str(folder / "model.safetensors")


def adopt(m2pt, config):
    """Our answers, once a run has started from another's file."""
    run = config.with_suffix(".run")
    m2pt("m2pt-train", "-config", config, "-out", run)
    return m2pt.logits(run)


def adopt_pictures(p):
    """m2pt starts from the file that transformers saves."""
    model = randomise(ViTForImageClassification(ViTConfig(
        image_size=p.size, patch_size=p.patch, layer_norm_eps=1e-6, num_labels=CLASSES, **hf_size(p.name))), 7)
    file = save_hf(model, p.dir / "saved")
    config = p.experiment("adopt", STILL | {"model": {"name": p.name, "global_pool": "token", "init": file, "frozen": True}})
    return alike(adopt(p.m2pt, config), answers(lambda x: model(x).logits, p.samples()))


FRAMES, SIDE = 4, 32


def clips(work):
    """A clip of noise for each class, as folders of PNG files in VideoMAE's lists."""
    rng = np.random.default_rng(5)
    root = work / "clips"
    for k in range(CLASSES):
        folder = root / str(k)
        folder.mkdir(parents=True)
        for i in range(FRAMES):
            Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)).save(folder / f"{i + 1:05}.png")
    for split in "train", "val":
        (root / f"{split}.csv").write_text("".join(f"{k} {FRAMES} {k}\n" for k in range(CLASSES)))
    return root


class Clips:
    """A VideoMAE on both sides."""

    def __init__(self, m2pt):
        self.m2pt, self.root = m2pt, clips(m2pt.work)

    def experiment(self, name, model, more=ONCE):
        path = self.m2pt.work / f"{name}.toml"
        path.write_text(toml(more | {
            "data": {"format": "list", "path": str(self.root), "image_size": SIDE, "mean": MEAN, "std": STD},
            "tokenizer": {"kind": "video", "patch_size": 8}, "model": {"name": "vit_tiny", **model},
            "video": {"frames": FRAMES, "rate": 1, "pattern": "{:05}.png"}, "augment": {"crop": "none"}}))
        return path

    def answers(self, model, processor):
        clips = ([Image.open(self.root / str(k) / f"{i + 1:05}.png") for i in range(FRAMES)] for k in range(CLASSES))
        with torch.inference_mode():
            return torch.cat([model(**processor(c, return_tensors="pt")).logits for c in clips]).numpy()

    def exported(self):
        """transformers builds the model and prepares its input from the exported folder alone."""
        run, out = self.m2pt.work / "clips-run", self.m2pt.work / "clips-exported"
        self.m2pt("m2pt-train", "-config", self.experiment("clips", {}), "-out", run)
        self.m2pt("m2pt-export", "-checkpoint", run, "-out", out)
        model = VideoMAEForVideoClassification.from_pretrained(out).eval()
        model.fc_norm.eps = 1e-6  # which its config does not reach
        return alike(self.answers(model, VideoMAEImageProcessor.from_pretrained(out)), self.m2pt.logits(run))

    def adopted(self):
        """m2pt starts from the file that transformers saves."""
        model = randomise(VideoMAEForVideoClassification(VideoMAEConfig(
            image_size=SIDE, patch_size=8, num_frames=FRAMES, layer_norm_eps=1e-5, num_labels=CLASSES, **hf_size("vit_tiny"))), 6)
        file = save_hf(model, self.m2pt.work / "clips-saved")
        config = self.experiment("clips-adopt", {"init": file, "norm_eps": 1e-5, "frozen": True}, STILL)
        return alike(adopt(self.m2pt, config), self.answers(model, VideoMAEImageProcessor(
            size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}, image_mean=MEAN, image_std=STD)))


def main(work):
    checks, m2pt = Checks(), Programs(work)
    tiny, base, videos = Pictures(m2pt, "vit_tiny", 64, 8, "token"), Pictures(m2pt, "vit_base", 224, 16, "avg"), Clips(m2pt)
    check_pictures(checks, tiny, FORMS)
    check_pictures(checks, base, FORMS[-3:])
    for dtype in torch.float16, torch.bfloat16:
        checks.run(f"{tiny.name}: m2pt to PyTorch, {str(dtype)[6:]}", tiny.rounded, dtype)
    checks.run(f"{tiny.name}: transformers to m2pt, ViT", adopt_pictures, tiny)
    checks.run("sounds: m2pt to timm, in_chans=1", check_sounds, m2pt)
    checks.run("clips: m2pt to transformers, VideoMAE", videos.exported)
    checks.run("clips: transformers to m2pt, VideoMAE", videos.adopted)
    checks.exit()


if __name__ == "__main__":
    main(sys.argv[1])
