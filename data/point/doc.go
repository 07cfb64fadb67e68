// Package point reads point clouds for classification and part segmentation, and
// makes samples of them.
//
// Vocabulary: a [Source] lists labelled clouds and loads them; a [Cloud] is the
// points of one, in any number; [Files] are clouds in files of many formats (see
// [Decode]), listed as datasets list them; a part is what a single point belongs to,
// numbered through over all classes. [NewDataset] joins a source and [Options] into
// a data.Dataset with samples of N points and their groups.
//
// A sample is made in this order: load, normalise to the unit sphere, choose N
// points, augment, find G groups of M points around a centre (package grouping).
//
// Shape letters: N points of a sample, G groups, M points of a group, n points of a
// cloud in a file.
//
// The package has no colours, normals or faces: formats that carry them are read
// without, and meshes become points on their surface.
package point
