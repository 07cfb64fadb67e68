"""Makes train.h5, like ModelNet's ply_data_train0.h5, and test.h5, like ScanObjectNN's, with h5py 3.16.

Point k of cloud i of train.h5 is (i, k, i*k/4), of test.h5 (-i, k, .5).
"""
import h5py
import numpy as np

i, k = np.mgrid[0:3, 0:8].astype("f4")
with h5py.File("train.h5", "w") as f:
    f.create_dataset("data", data=np.stack([i, k, i * k / 4], -1), compression="gzip", chunks=(2, 4, 3))
    f.create_dataset("label", data=np.array([[2], [0], [1]], "u1"), compression="gzip")
    f.create_dataset("normal", data=np.zeros((3, 8, 3), "f4"))
with h5py.File("test.h5", "w") as f:
    f["data"] = np.stack([-i, k, 0 * i + 0.5], -1)[:2]
    f["label"] = np.array([1, 2], "i8")
    f["mask"] = np.zeros((2, 8), "i4")
