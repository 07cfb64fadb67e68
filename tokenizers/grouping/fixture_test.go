package grouping

import (
	"math"
	"path/filepath"
	"slices"
	"testing"

	"m2pt/internal/fixture"
)

// TestFixtures: indices are those of the reference, where there are equal
// distances too.
func TestFixtures(t *testing.T) {
	for _, path := range fixture.Recorded(t, "point_group_*.npz") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			f := fixture.OpenNPZ(t, path)
			xyz, shape := fixture.Read[float32](t, f, "in/xyz")
			fps, _ := fixture.Read[int64](t, f, "out/fps_idx")
			knn, knnShape := fixture.Read[int64](t, f, "out/knn_idx")
			center, _ := fixture.Read[float32](t, f, "out/center")
			around, _ := fixture.Read[float32](t, f, "out/neighborhood")
			dist, _ := fixture.Read[float32](t, f, "out/knn_dist")
			b, n, groups, size := shape[0], shape[1], knnShape[1], knnShape[2]
			var g Grouper
			dst := make([]int32, groups*(1+size))
			for s := range b {
				cloud := xyz[s*n*3:][:n*3]
				if err := g.Group(cloud, size, dst); err != nil {
					t.Fatal(err)
				}
				for k := range groups {
					at := s*groups + k
					row := dst[k*(1+size):][:1+size]
					if int64(row[0]) != fps[at] {
						t.Fatalf("cloud %d: centre %d is %d, want %d", s, k, row[0], fps[at])
					}
					c := point(cloud, row[0])
					if !slices.Equal(c[:], center[3*at:][:3]) {
						t.Fatalf("cloud %d: centre %d at %v, want %v", s, k, c, center[3*at:][:3])
					}
					for m, i := range row[1:] {
						at := at*size + m
						if int64(i) != knn[at] {
							t.Fatalf("cloud %d, group %d: neighbour %d is %d, want %d", s, k, m, i, knn[at])
						}
						p := point(cloud, i)
						rel := [3]float32{p[0] - c[0], p[1] - c[1], p[2] - c[2]}
						if !slices.Equal(rel[:], around[3*at:][:3]) {
							t.Fatalf("cloud %d, group %d: neighbour %d at %v, want %v", s, k, m, rel, around[3*at:][:3])
						}
						d := math.Sqrt(float64(squared(rel[0], rel[1], rel[2])))
						if math.Abs(d-float64(dist[at])) > 1e-6 {
							t.Fatalf("cloud %d, group %d: neighbour %d at distance %g, want %g", s, k, m, d, dist[at])
						}
					}
				}
			}
		})
	}
}
