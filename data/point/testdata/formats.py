"""Writes the cloud files of this folder with other programs than ours: the corners of
a box of 2 x 4 x 6. pip install numpy==2.2.6 trimesh==5.2.0 plyfile==1.1.5 pypcd4==1.5.1"""
import numpy as np
import trimesh
from plyfile import PlyData, PlyElement
from pypcd4 import Encoding, PointCloud

box = trimesh.creation.box(extents=(2, 4, 6))
v = np.asarray(box.vertices, dtype=np.float32)
box.export("trimesh.off")
box.export("trimesh_ascii.ply", encoding="ascii")
box.export("trimesh_binary.ply", encoding="binary")

many = np.tile(v, (8, 1))  # something to compress
fields = np.column_stack([many[:, 0], np.arange(64), many[:, 1:]]).astype(np.float32)
cloud = PointCloud.from_points(fields, ["x", "intensity", "y", "z"], [np.float32, np.uint16, np.float32, np.float32])
cloud.save("pypcd4_ascii.pcd", encoding=Encoding.ASCII)
cloud.save("pypcd4_binary.pcd", encoding=Encoding.BINARY)
cloud.save("pypcd4_binary_compressed.pcd", encoding=Encoding.BINARY_COMPRESSED)

reversed_axes = [("id", "u1"), ("z", "f8"), ("y", "f8"), ("x", "f8")]
vertices = PlyElement.describe(np.array([(i, *p[::-1]) for i, p in enumerate(v)], dtype=reversed_axes), "vertex")
faces = PlyElement.describe(np.array([([0, 1, 2],), ([0, 1, 2, 3],)], dtype=[("vertex_indices", "O")]), "face")
PlyData([vertices], byte_order=">").write("plyfile_big.ply")
PlyData([faces, vertices], byte_order="<").write("plyfile_faces_first.ply")

np.save("numpy_f4.npy", np.column_stack([v, v]))
np.save("numpy_f8.npy", v.astype(np.float64))
np.savetxt("numpy.txt", np.column_stack([v, v]), delimiter=",", fmt="%.6f")
