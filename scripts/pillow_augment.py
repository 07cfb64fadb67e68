#!/usr/bin/env python3
"""Records what Pillow makes of small synthetic pictures: the operations of
RandAugment and colour jitter, for the tests of data/image.

Usage: python3 -m venv .cache/pillow
       .cache/pillow/bin/pip install Pillow==13.0.0 numpy==2.4.6
       .cache/pillow/bin/python scripts/pillow_augment.py data/image/testdata/augment.npz

The file holds picture/NAME [H,W,3]; "results", the pixels [H,W,3] of all cases
one after another; rotation/matrices [N,6] of rotation/degrees [N] for 224x200;
and meta/json: {"cases": [{"picture", "op", "arg", "filter"}]}.
"""
import json
import sys

import numpy as np
import PIL
from PIL import Image, ImageEnhance, ImageOps

FILL = (124, 116, 104)


def pictures():
    rng = np.random.default_rng(1)
    y, x = np.mgrid[0:19, 0:26]
    waves = np.stack([4 * x + 6 * y, 128 + 90 * np.sin(x / 3) * np.cos(y / 4), 230 - 9 * abs(x - y)], -1)
    disc = (x - 15) ** 2 + (y - 8) ** 2 < 20
    waves[disc] = (250, 30, 90)
    y, x = np.mgrid[0:40, 0:40]
    return {
        "waves": waves.clip(0, 255).astype(np.uint8),
        "noise": rng.integers(0, 256, (13, 11, 3)).astype(np.uint8),
        "dull": rng.integers(60, 75, (9, 14, 3)).astype(np.uint8),
        "checks": np.stack([(x // 5 + y // 5) % 2 * 255, x * 6, (x // 8) * 40], -1).astype(np.uint8),
        "flat": np.full((4, 5, 3), (9, 99, 199), np.uint8),
        "thin": rng.integers(0, 256, (7, 2, 3)).astype(np.uint8),
        "dot": np.array([[[3, 130, 254]]], np.uint8),
    }


def affine(matrix):
    return lambda im, resample: im.transform(im.size, Image.Transform.AFFINE, matrix(im), resample, fillcolor=FILL)


def solarize_add(im, add):
    return im.point([min(255, i + add) if i < 128 else i for i in range(256)] * 3)


def enhance(kind):
    return lambda im, factor: kind(im).enhance(factor)


# operation -> function of picture and argument, and the arguments recorded
COLOURS = {
    "AutoContrast": (lambda im, _: ImageOps.autocontrast(im), [0]),
    "Equalize": (lambda im, _: ImageOps.equalize(im), [0]),
    "Invert": (lambda im, _: ImageOps.invert(im), [0]),
    "Posterize": (ImageOps.posterize, [1, 3, 4]),
    "Solarize": (ImageOps.solarize, [0, 26, 128, 256]),
    "SolarizeAdd": (solarize_add, [0, 99, 110]),
    "Color": (enhance(ImageEnhance.Color), [0.0, 0.19, 1.0, 1.81, 1.4837]),
    "Contrast": (enhance(ImageEnhance.Contrast), [0.0, 0.19, 1.0, 1.81, 1.4837]),
    "Brightness": (enhance(ImageEnhance.Brightness), [0.0, 0.19, 1.0, 1.81, 1.4837]),
    "Sharpness": (enhance(ImageEnhance.Sharpness), [0.0, 0.19, 1.0, 1.81, 1.4837]),
}
SPACE = {
    "Rotate": (lambda arg: lambda im, f: im.rotate(arg, f, fillcolor=FILL), [0.0, 27.0, -30.0, 26.123456789, -0.01]),
    "ShearX": (lambda arg: affine(lambda im: (1, arg, 0, 0, 1, 0)), [0.27, -0.3, 0.123456789]),
    "ShearY": (lambda arg: affine(lambda im: (1, 0, 0, arg, 1, 0)), [0.27, -0.3, 0.123456789]),
    "TranslateXRel": (lambda arg: affine(lambda im: (1, 0, arg * im.size[0], 0, 1, 0)), [0.405, -0.45, 0.5]),
    "TranslateYRel": (lambda arg: affine(lambda im: (1, 0, 0, 0, 1, arg * im.size[1])), [0.405, -0.45, 0.5]),
}
FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
WHOLE = ("waves", "noise")  # pictures that meet every argument; the others meet two


class Recorder(Image.Image):
    """Keeps the matrix that rotate hands to transform."""

    def transform(self, size, method, data, *args, **kwargs):
        self.matrix = data


def rotation(degrees):
    im = Recorder()
    im._size = 224, 200
    im.rotate(degrees)
    return im.matrix


def main(path):
    arrays, cases, results = {}, [], []

    def record(picture, op, arg, filter, result):
        cases.append({"picture": picture, "op": op, "arg": arg, "filter": filter})
        results.append(np.asarray(result).ravel())

    for name, pixels in pictures().items():
        arrays["picture/" + name] = pixels
        im = Image.fromarray(pixels)
        few = slice(None if name in WHOLE else 2)
        for op, (function, args) in COLOURS.items():
            for arg in args[few]:
                record(name, op, arg, "", function(im, arg))
        for op, (make, args) in SPACE.items():
            for arg in args[few]:
                for filter, resample in FILTERS.items():
                    record(name, op, arg, filter, make(arg)(im, resample))
    degrees = np.random.default_rng(2).uniform(-30, 30, 200)
    arrays["rotation/degrees"] = degrees
    arrays["rotation/matrices"] = np.array([rotation(d) for d in degrees.tolist()])
    arrays["results"] = np.concatenate(results)
    meta = {"pillow": PIL.__version__, "fill": FILL, "cases": cases}
    arrays["meta/json"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    np.savez_compressed(path, **arrays)


if __name__ == "__main__":
    main(sys.argv[1])
