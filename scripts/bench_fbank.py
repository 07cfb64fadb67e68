"""Log-mel filterbank of 10 s clips at 16 kHz, the plain way: numpy and scipy, one
thread. Prints clips per second. See scripts/bench_fbank.sh."""
import time

import numpy as np
import scipy.fft

RATE, MELS, FRAME, SHIFT, SIZE = 16000, 128, 400, 160, 512


def bank():
    """Triangles linear in mel, [SIZE/2, MELS]."""
    mel = lambda f: 1127 * np.log(1 + f / 700)
    edges = np.linspace(mel(20), mel(RATE / 2), MELS + 2)
    bins = mel(np.arange(SIZE // 2) * RATE / SIZE)[:, None]
    up = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    down = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(up, down)).astype(np.float32)


def log_mel(wave, filters, window):
    """[T, MELS] of a waveform, as kaldi's fbank with a Hann window and no dither."""
    n = 1 + (len(wave) - FRAME) // SHIFT
    frames = np.lib.stride_tricks.as_strided(wave, (n, FRAME), (4 * SHIFT, 4))
    frames = frames - frames.mean(axis=1, keepdims=True)
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    frames = (frames - np.float32(0.97) * before) * window
    power = np.abs(scipy.fft.rfft(frames, SIZE, axis=1)[:, : SIZE // 2]) ** 2
    return np.log(np.maximum(power @ filters, np.float32(2**-23)))


def main():
    rng = np.random.default_rng(0)
    wave = rng.standard_normal(10 * RATE).astype(np.float32) * np.float32(0.1)
    filters, window = bank(), np.hanning(FRAME).astype(np.float32)
    log_mel(wave, filters, window)
    start, clips = time.perf_counter(), 0
    while time.perf_counter() - start < 2:
        log_mel(wave, filters, window)
        clips += 1
    print(f"numpy {np.__version__}, scipy {scipy.__version__}: {clips / (time.perf_counter() - start):.1f} clips/s")


if __name__ == "__main__":
    main()
