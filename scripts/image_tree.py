#!/usr/bin/env python3
"""Makes a small picture tree in ImageNet's layout, with what real ones hold.

Three classes of 20 JPEGs in train/ and 4 in val/, of odd sizes: CMYK, grey,
EXIF-rotated, progressive and one truncated file among them. Everything is drawn;
nothing is downloaded.

Usage: image_tree.py FOLDER       (needs Pillow: pip install Pillow==13.0.0)
"""
import io
import os
import random
import sys

from PIL import Image, ImageDraw


def picture(rng, kind, size):
    """A picture whose class shows in its shapes: discs, bars or a grid."""
    img = Image.new("RGB", size, tuple(rng.randrange(256) for _ in range(3)))
    draw = ImageDraw.Draw(img)
    for _ in range(6):
        colour = tuple(rng.randrange(256) for _ in range(3))
        x, y = rng.randrange(size[0]), rng.randrange(size[1])
        r = rng.randrange(5, max(6, min(size) // 4))
        if kind == 0:
            draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)
        elif kind == 1:
            draw.rectangle((x, 0, x + r // 3, size[1]), fill=colour)
        else:
            draw.line((0, y, size[0], y), fill=colour, width=2)
            draw.line((x, 0, x, size[1]), fill=colour, width=2)
    return img


def jpeg(img, variant):
    """The picture as a file: plain, grey, CMYK, rotated by EXIF or progressive."""
    options = {"quality": 85}
    if variant == 1:
        img = img.convert("L")
    elif variant == 2:
        img = img.convert("CMYK")
    elif variant == 3:
        exif = Image.Exif()
        exif[0x0112] = 6
        options["exif"] = exif
    elif variant == 4:
        options["progressive"] = True
    out = io.BytesIO()
    img.save(out, "JPEG", **options)
    return out.getvalue()


def main(root):
    rng = random.Random(1)
    for split, count in (("train", 20), ("val", 4)):
        for kind, name in enumerate(("n01discs", "n02bars", "n03grid")):
            folder = os.path.join(root, split, name)
            os.makedirs(folder)
            for i in range(count):
                size = (rng.randrange(40, 500), rng.randrange(40, 500))
                data = jpeg(picture(rng, kind, size), i % 5)
                if split == "train" and kind == 1 and i == 5:
                    data = data[: len(data) // 2]
                with open(os.path.join(folder, f"{name}_{i:04d}.JPEG"), "wb") as f:
                    f.write(data)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
