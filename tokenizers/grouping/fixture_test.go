package grouping

import (
	"archive/zip"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sbinet/npyio"
)

// fixtures returns the recorded files of a kind, and skips the test where there
// are none.
func fixtures(t *testing.T, pattern string) []string {
	t.Helper()
	dir := os.Getenv("M2PT_FIXTURES")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "fixtures")
	}
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Skipf("fixtures %s are not there (set M2PT_FIXTURES): their test is skipped", pattern)
	}
	return paths
}

// read returns the array called name of an npz file, and its shape.
func read[T any](t *testing.T, path, name string) (v []T, shape []int) {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	e, err := z.Open(name + ".npy")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	r, err := npyio.NewReader(e)
	if err == nil {
		err = r.Read(&v)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v, r.Header.Descr.Shape
}

// TestFixtures: indices are those of the reference, where there are equal
// distances too.
func TestFixtures(t *testing.T) {
	for _, path := range fixtures(t, "point_group_*.npz") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			xyz, shape := read[float32](t, path, "in/xyz")
			fps, _ := read[int64](t, path, "out/fps_idx")
			knn, knnShape := read[int64](t, path, "out/knn_idx")
			center, _ := read[float32](t, path, "out/center")
			around, _ := read[float32](t, path, "out/neighborhood")
			dist, _ := read[float32](t, path, "out/knn_dist")
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
