"""Farthest-point sampling and nearest neighbours of point clouds, the plain way:
numpy, one thread. Prints clouds per second. See scripts/bench_grouping.sh."""
import time

import numpy as np


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


def nearest(xyz, centres, size):
    """Indices of the nearest points of each centre in ascending distance, [groups, size]."""
    norms = (xyz * xyz).sum(axis=1)
    apart = norms - 2 * (centres @ xyz.T)  # the centre's own norm does not change the order
    best = np.argpartition(apart, size - 1, axis=1)[:, :size]
    order = np.take_along_axis(apart, best, axis=1).argsort(axis=1)
    return np.take_along_axis(best, order, axis=1)


def clouds(n, count=8):
    """Points on the unit sphere."""
    xyz = np.random.default_rng(0).standard_normal((count, n, 3)).astype(np.float32)
    return xyz / np.linalg.norm(xyz, axis=2, keepdims=True)


def rate(n, work):
    """Runs of work per second, each on another cloud of n points."""
    xyz = clouds(n)
    work(xyz[0])
    start, runs = time.perf_counter(), 0
    while time.perf_counter() - start < 2:
        work(xyz[runs % len(xyz)])
        runs += 1
    return runs / (time.perf_counter() - start)


def main():
    for n, groups, size in (1024, 64, 32), (2048, 128, 32), (8192, 512, 32):
        speed = rate(n, lambda xyz: nearest(xyz, xyz[farthest(xyz, groups)], size))
        print(f"numpy {np.__version__}: group {n}/{groups}/{size}: {speed:.1f} clouds/s")
    print(f"numpy {np.__version__}: sample 1200 of 8192: {rate(8192, lambda xyz: farthest(xyz, 1200)):.1f} clouds/s")


if __name__ == "__main__":
    main()
