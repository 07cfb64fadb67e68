"""The work of input pipelines, by Pillow, torchaudio, numpy and PyAV, beside ours; see
bench_input.sh.

bench_input.py make FOLDER                   writes the inputs
bench_input.py compare FOLDER PROGRAM PAIRS  theirs and ours in turn, as a table
"""

import io
import itertools
import os
import pathlib
import statistics
import subprocess
import sys
import time
import warnings

import av
import numpy as np
import torch
import torchaudio
from PIL import Image, features

RATE, MELS, FRAME, SHIFT, SIZE = 16000, 128, 400, 160, 512
CLOUDS = ((1024, 64, 32), (2048, 128, 32), (8192, 512, 32))
SIDE, SHORT, FRAMES, STEP = 224, 256, 16, 4


def make(folder):
    rng = np.random.default_rng(0)
    data = pathlib.Path(os.environ.get("M2PT_DATA", "/nowhere"))
    for kind, paths, invent in (
        ("image", data.glob("image/photos6/*.JPEG"), invent_photo),
        ("video", data.glob("video/clips/*.mp4"), invent_clip),
    ):
        into = folder / kind / "val" / "all"
        into.mkdir(parents=True)
        for path in paths:
            (into / path.name).write_bytes(path.read_bytes())
        print(f"{kind}: {len(list(into.iterdir())) or 'generated'} files")
        if not list(into.iterdir()):
            invent(into, rng)
    into = folder / "frames" / "val" / "all" / "clip"
    into.mkdir(parents=True)
    for k, picture in zip(range(FRAMES * STEP), pictures(next(folder.glob("video/val/all/*")))):
        picture.save(into / f"{k:03}.jpg", quality=92)
    t = np.arange(10 * RATE) / RATE
    sound = 0.2 * np.sin(2 * np.pi * (200 + 300 * t) * t) + 0.05 * rng.standard_normal(len(t))
    (sound - sound.mean()).astype("<f4").tofile(folder / "audio.f32")
    for n, groups, size in CLOUDS:
        xyz = rng.standard_normal((8, n, 3)).astype(np.float32)
        (xyz / np.linalg.norm(xyz, axis=2, keepdims=True)).astype("<f4").tofile(folder / f"cloud_{n}_{groups}_{size}.f32")


def texture(rng, w, h):
    """A picture about as hard to compress as a photo."""
    layers = [rng.integers(0, 256, (h >> k, w >> k, 3), dtype=np.uint8) for k in (2, 4, 6)]
    layers = [np.asarray(Image.fromarray(x).resize((w, h), Image.BICUBIC), dtype=np.float32) for x in layers]
    return np.mean(layers, axis=0).astype(np.uint8)


def invent_photo(into, rng):
    for i in range(6):
        Image.fromarray(texture(rng, 500, 375)).save(into / f"{i}.jpg", quality=92)


def invent_clip(into, rng):
    still = texture(rng, 480, 320)
    with av.open(into / "clip.mp4", "w") as file:
        stream = file.add_stream("mpeg4", rate=25, width=320, height=240, pix_fmt="yuv420p")
        for k in range(100):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(still[k % 80 :][:240, k:][:, :320]), format="rgb24")
            file.mux(stream.encode(frame))
        file.mux(stream.encode())


def planes(picture):
    return np.ascontiguousarray(np.asarray(picture).transpose(2, 0, 1))


def shorter(picture, resample):
    """Resize the short side, crop the centre: torchvision's Resize and CenterCrop."""
    w, h = picture.size
    w, h = (SHORT * w // h, SHORT) if w > h else (SHORT, SHORT * h // w)
    x, y = round((w - SIDE) / 2), round((h - SIDE) / 2)
    return picture.resize((w, h), resample).crop((x, y, x + SIDE, y + SIDE))


def photo(file):
    return planes(shorter(Image.open(io.BytesIO(file.read_bytes())).convert("RGB"), Image.BICUBIC))


def photo_box(file):
    """Without resizing what the crop leaves out: not quite the same pixels."""
    picture = Image.open(io.BytesIO(file.read_bytes())).convert("RGB")
    w, h = picture.size
    side = min(w, h) * SIDE / SHORT
    box = ((w - side) / 2, (h - side) / 2, (w + side) / 2, (h + side) / 2)
    return planes(picture.resize((SIDE, SIDE), Image.BICUBIC, box=box))


def middle(n):
    """The numbers of the FRAMES frames in the middle of n, STEP apart."""
    span = FRAMES * STEP
    end = (span + n) // 2
    return np.clip(np.linspace(end - span, end, FRAMES), end - span, end - 1).astype(int).tolist()


def decoded(file):
    with av.open(str(file)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        yield from container.decode(stream)


def pictures(file):
    return (frame.to_image() for frame in decoded(file))


def stack(frames):
    """[3, FRAMES, SIDE, SIDE]"""
    return np.ascontiguousarray(np.stack([np.asarray(shorter(f, Image.BILINEAR)) for f in frames]).transpose(3, 0, 1, 2))


def clip(file):
    at = middle(clip.lengths[file])
    return stack(frame.to_image() for k, frame in enumerate(itertools.islice(decoded(file), at[-1] + 1)) if k in at)


def frames(folder):
    files = sorted(folder.iterdir())
    return stack(Image.open(io.BytesIO(files[k].read_bytes())).convert("RGB") for k in middle(len(files)))


def fbank_torchaudio(wave):
    with torch.inference_mode():
        return torchaudio.compliance.kaldi.fbank(
            wave, htk_compat=True, sample_frequency=RATE, use_energy=False, window_type="hanning", num_mel_bins=MELS, dither=0.0, frame_shift=10
        ).numpy()


def triangles():
    """Mel bands, linear in mel, [SIZE/2, MELS]."""
    mel = lambda f: 1127 * np.log(1 + f / 700)
    edges = np.linspace(mel(20), mel(RATE / 2), MELS + 2)
    bins = mel(np.arange(SIZE // 2) * RATE / SIZE)[:, None]
    up = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    down = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(up, down)).astype(np.float32)


def fbank_numpy(wave, filters=triangles(), window=np.hanning(FRAME).astype(np.float32)):
    frames = np.lib.stride_tricks.sliding_window_view(wave, FRAME)[::SHIFT]
    frames = frames - frames.mean(axis=1, keepdims=True)
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    frames = (frames - np.float32(0.97) * before) * window
    power = np.abs(np.fft.rfft(frames, SIZE, axis=1)[:, : SIZE // 2]) ** 2
    return np.log(np.maximum(power @ filters, np.float32(2**-23)))


def farthest(xyz, groups):
    """Indices of the first picks, [groups]; points near the origin are padding."""
    near = np.where((xyz * xyz).sum(axis=1) <= 1e-3, np.float32(-1), np.float32(1e10))
    picks = np.zeros(groups, dtype=np.int64)
    for g in range(1, groups):
        apart = xyz - xyz[picks[g - 1]]
        np.minimum(near, (apart * apart).sum(axis=1), out=near)
        best = near.argmax()
        picks[g] = best if near[best] >= 0 else 0
    return picks


def group(xyz, groups, size):
    """Picks and, in ascending distance, the points nearest to each, [groups, 1+size]."""
    picks = farthest(xyz, groups)
    apart = (xyz * xyz).sum(axis=1) - 2 * (xyz[picks] @ xyz.T)  # the centre's own norm does not change the order
    best = np.argpartition(apart, size - 1, axis=1)[:, :size]
    order = np.take_along_axis(apart, best, axis=1).argsort(axis=1)
    return np.column_stack([picks, np.take_along_axis(best, order, axis=1)])


def works(folder):
    """(name of the benchmark, what, of whom, work, its inputs, comparison) of each row."""
    photos, clips, folders = (sorted((folder / kind / "val" / "all").iterdir()) for kind in ("image", "video", "frames"))
    clip.lengths = {file: sum(1 for _ in decoded(file)) for file in clips}
    sound = np.fromfile(folder / "audio.f32", "<f4")
    yield "image", "JPEG to 224", "Pillow", photo, photos, levels
    yield "image", "JPEG to 224", "Pillow, box", photo_box, photos, None
    yield "video", "video file to 16 frames of 224", "PyAV", clip, clips, levels
    yield "frames", "16 JPEG files to 224", "Pillow", frames, folders, levels
    yield "audio", "filterbank, 10 s", "torchaudio", fbank_torchaudio, [torch.from_numpy(sound)[None]], decibels
    yield "audio", "filterbank, 10 s", "numpy", fbank_numpy, [sound], decibels
    for n, groups, size in CLOUDS:
        xyz = np.fromfile(folder / f"cloud_{n}_{groups}_{size}.f32", "<f4").reshape(-1, n, 3)
        yield f"cloud_{n}_{groups}_{size}", f"groups {n}/{groups}/{size}", "numpy", lambda c, g=groups, s=size: group(c, g, s), xyz, indices


def levels(theirs, out, inputs):
    """Pixels of a video file differ by how each side interpolates chroma."""
    apart = np.abs(np.stack(theirs).astype(int).ravel() - np.fromfile(out, np.uint8))
    return apart.mean() <= 2, f"pixels differ by {apart.mean():.4f} levels on average, {apart.max()} at most"


def decibels(theirs, out, inputs):
    want = np.stack(theirs).ravel()
    apart, loud = np.abs(want - np.fromfile(out, "<f4")), want > -10
    return apart[loud].max() <= 1e-3 and apart.max() <= 5e-2, f"values differ by {apart[loud].max():.1e} at most"


def indices(theirs, out, inputs):
    """Where rounding decides the order of two points, they are about as far away."""
    a = np.stack(theirs)
    b = np.fromfile(out, "<i4").reshape(a.shape)
    far = [[((c[r[:, 1:]] - c[r[:, :1]]) ** 2).sum(axis=2) for c, r in zip(inputs, side)] for side in (a, b)]
    apart = np.abs(np.subtract(*map(np.array, far))).max()
    return (a[..., 0] == b[..., 0]).all() and apart <= 1e-6, f"same centres, {(a != b).mean():.1e} of the points others, at most {apart:.0e} farther"


def rate(work, inputs, seconds=1.0):
    """Inputs per second of processor time."""
    work(inputs[0])
    start, n = time.process_time(), 0
    while time.process_time() - start < seconds:
        work(inputs[n % len(inputs)])
        n += 1
    return n / (time.process_time() - start)


def ours(folder, program, name):
    """Inputs per second of processor time, bytes and allocations of each."""
    command = [program, "-test.run=^$", f"-test.bench=^BenchmarkInput$/^{name}$", "-test.benchtime=1s"]
    words = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=os.environ | {"M2PT_INPUT": str(folder)}).stdout.decode().split()
    before = lambda unit: float(words[words.index(unit) - 1])
    return 1 / before("cpu-s/op"), before("B/op"), before("allocs/op")


def spread(values, digits):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def compare(folder, program, pairs):
    libavcodec = ".".join(map(str, av.library_versions["libavcodec"]))
    print(f"numpy {np.__version__}, torch {torch.__version__}, torchaudio {torchaudio.__version__},", end=" ")
    print(f"Pillow {features.version('pil')} with libjpeg-turbo {features.version('libjpeg_turbo')}, PyAV {av.__version__} with libavcodec {libavcodec}")
    rows, failed = [], False
    for name, what, whom, work, inputs, same in works(folder):
        results = [(rate(work, inputs), *ours(folder, program, name)) for _ in range(int(pairs))]
        if same:
            good, how = same([work(x) for x in inputs], folder / f"{name}.out", inputs)
            print(f"{what}, {whom}: {how}" + ("" if good else ": NOT the same work"))
            failed |= not good
        a, b, size, n = zip(*results)
        ratio = spread([y / x for x, y in zip(a, b)], 2)
        rows.append(f"| {what} | {whom} | {spread(a, 1)} | {spread(b, 1)} | {ratio} | {statistics.median(size):.0f} in {statistics.median(n):.0f} |")
    print(f"\nPer second of one core, {pairs} pairs, load average {os.getloadavg()[0]:.1f}:\n")
    print("| | | theirs | ours | ours / theirs | our bytes each |\n|---|---|---|---|---|---|")
    print("\n".join(rows))
    return failed


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    mode, folder, *rest = sys.argv[1:]
    sys.exit({"make": make, "compare": compare}[mode](pathlib.Path(folder).resolve(), *rest))
