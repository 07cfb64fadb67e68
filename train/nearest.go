package train

import "math"

// nearestGroup is a group of points [S, 3] whose Chamfer distance, of squares, to all of
// groups is smallest on average, as far as descent from the first of them finds it. By
// turns points are paired,
//
//	each point of the answer with its nearest in every group,
//	each point of every group with its nearest in the answer,
//
// and moved to the mean of their partners, as in Lloyd's algorithm (1982): neither makes
// the distance larger. Where distances count instead of squares the answer is near the
// best, not the best.
func nearestGroup(groups [][]float32) []float32 {
	const rounds = 30
	best := groups[0]
	for range rounds {
		sum, partners := make([]float64, len(best)), make([]float64, len(best)/3)
		meet := func(i int, p []float32) {
			partners[i/3]++
			for k, v := range p[:3] {
				sum[i+k] += float64(v)
			}
		}
		for _, g := range groups {
			for i := 0; i < len(best); i += 3 {
				meet(i, g[nearestPoint(g, best[i:]):])
				meet(nearestPoint(best, g[i:]), g[i:])
			}
		}
		best = make([]float32, len(sum))
		for i, v := range sum {
			best[i] = float32(v / partners[i/3])
		}
	}
	return best
}

// nearestPoint is where in points [S, 3] the one nearest to p begins.
func nearestPoint(points, p []float32) int {
	at, least := 0, float32(math.Inf(1))
	for i := 0; i < len(points); i += 3 {
		x, y, z := points[i]-p[0], points[i+1]-p[1], points[i+2]-p[2]
		if d := x*x + y*y + z*z; d < least {
			at, least = i, d
		}
	}
	return at
}
