// Package grouping cuts a point cloud into overlapping local groups, as the point
// tokenizer wants them.
//
// Vocabulary: a cloud is N points, xyz [N,3] of float32; a centre is a point that
// farthest-point sampling picked; a group is a centre and its M nearest points. A
// [Grouper] is one goroutine's memory for finding them.
//
// Farthest-point sampling (FPS) is that of the PointNet++ kernels: the first pick
// is point 0, each next one has the largest squared distance to the nearest pick
// so far, the lowest index among equals. Points with |p|² <= 1e-3 count as padding:
// they are never picked, and where nothing else is left the pick is point 0.
// Nearest points are ordered by squared distance, the lower index first among
// equals. Squared distances are dx·dx + dy·dy + dz·dz, each operation rounded to
// float32, so picks are the same on every machine.
//
// The package reads no files and draws no random numbers, and it does not move
// points: subtracting the centre is the graph's work.
package grouping
