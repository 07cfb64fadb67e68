package train

import (
	"slices"
	"testing"

	"m2pt/internal/philox"
)

// TestNearestGroup: the answer is nearer to groups than each of them, their mean and
// their centre; of groups of the same points it is that group.
func TestNearestGroup(t *testing.T) {
	t.Parallel()
	const size = 8
	r := philox.New(1, "groups", 0, 0)
	var groups, same [][]float32
	for range 40 {
		g := make([]float32, 3*size)
		for i := range g {
			if g[i] = float32(r.Norm()); i%3 == 2 {
				g[i] /= 10 // discs
			}
		}
		groups = append(groups, g)
		turned := slices.Concat(groups[0][3*len(same)%(3*size):], groups[0][:3*len(same)%(3*size)])
		same = append(same, turned)
	}
	mean := make([]float32, 3*size)
	for _, g := range groups {
		for i, v := range g {
			mean[i] += v / float32(len(groups))
		}
	}
	best := spacing(nearestGroup(groups), groups)
	for i, other := range append(slices.Clone(groups), mean, make([]float32, 3*size)) {
		if d := spacing(other, groups); d <= best {
			t.Errorf("group %d is at %v, the nearest at %v", i, d, best)
		}
	}
	if d := spacing(nearestGroup(same), same); d > 1e-12 {
		t.Errorf("%v from groups that are the same", d)
	}
}

// spacing is the mean Chamfer distance of squares from a group to others.
func spacing(a []float32, groups [][]float32) (sum float64) {
	one := func(from, to []float32) (sum float64) {
		for i := 0; i < len(from); i += 3 {
			j := nearestPoint(to, from[i:])
			for k := range 3 {
				d := float64(from[i+k] - to[j+k])
				sum += d * d
			}
		}
		return sum / float64(len(from)/3)
	}
	for _, g := range groups {
		sum += (one(a, g) + one(g, a)) / float64(len(groups))
	}
	return sum
}
