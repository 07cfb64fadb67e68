package ops

import (
	"fmt"
	"math"
)

// Group cuts a point cloud into neighbourhoods: row g of index [B, G, 1+M]
// int32 names in the cloud [B, N, 3] the centre of group g and then its M
// neighbours. Outputs the neighbours minus their centre [B, G, M, 3] and the
// centres [B, G, 3].
type Group struct{}

// Group gathers neighbourhoods, relative to their centres, and the centres.
func (g *Graph) Group(cloud, index *Node) (neighbourhoods, centres *Node) {
	n := g.Apply(Group{}, cloud, index)
	return n, g.Out(n, 1)
}

func (k Group) String() string { return "group" }

func (k Group) Infer(in []Spec) ([]Spec, error) {
	x, i := in[0].Shape, in[1]
	if len(x) != 3 || len(i.Shape) != 3 || i.Shape[0] != x[0] || i.Shape[2] < 2 || i.Dtype != Int32 {
		return nil, fmt.Errorf("index %v does not fit cloud %v", i, x)
	}
	G, M := i.Shape[1], i.Shape[2]-1
	return []Spec{in[0].like(x[0], G, M, x[2]), in[0].like(x[0], G, x[2])}, nil
}

func (k Group) Do(in, out []Buf) { byDtype(k, in, out, group[float32], group[float64]) }

func group[T Float](_ Group, in, out []Buf) {
	x, y, centres := Of[T](in[0]), Of[T](out[0]), Of[T](out[1])
	N, D := in[0].Shape[1], in[0].last()
	G, M := out[0].Shape[1], out[0].Shape[2]
	for j, i := range Of[int32](in[1]) {
		g, m := j/(1+M), j%(1+M)
		point, centre := x[(g/G*N+int(i))*D:][:D], centres[g*D:][:D]
		if m == 0 {
			copy(centre, point)
			continue
		}
		for e, v := range point {
			y[(g*M+m-1)*D+e] = v - centre[e]
		}
	}
}

// nearest is how many centres a point is interpolated from, where there are as
// many.
const nearest = 3

// Interpolate carries features [B, G, D] of centres [B, G, 3] over to points
// [B, N, 3] (feature propagation of PointNet++, Qi et al., NIPS 2017): y [B, N, D]
// is the mean of the k = min(3, G) nearest centres' features, weighted by
// 1/(d²+10⁻⁸), d² the squared distance, the first of equally near centres first.
// Further outputs, saved for the gradient: their index [B, N, k] int32 and
// weight [B, N, k], which sums to 1. Only the features have a gradient.
type Interpolate struct{}

// Interpolate carries features of centres over to points.
func (g *Graph) Interpolate(points, centers, features *Node) *Node {
	return g.Apply(Interpolate{}, points, centers, features)
}

func (k Interpolate) String() string { return "interpolate" }

func (k Interpolate) Infer(in []Spec) ([]Spec, error) {
	p, c, f := in[0].Shape, in[1].Shape, in[2].Shape
	if len(p) != 3 || len(c) != 3 || len(f) != 3 || c[0] != p[0] || f[0] != p[0] || p[2] != 3 || c[2] != 3 || f[1] != c[1] {
		return nil, fmt.Errorf("points %v, centres %v and features %v do not fit", p, c, f)
	}
	near := []int{p[0], p[1], min(nearest, c[1])}
	return []Spec{in[0].like(p[0], p[1], f[2]), {near, Int32}, in[0].like(near...)}, nil
}

func (k Interpolate) DiffWRT(i int) bool { return i == 2 }

func (k Interpolate) SymDiff(g *Graph, in []*Node, out, grad *Node) []*Node {
	dfeatures := g.Apply(InterpolateGrad{SpecOf(in[1]).Shape[1]}, grad, g.Out(out, 1), g.Out(out, 2))
	return []*Node{nil, nil, dfeatures}
}

func (k Interpolate) Do(in, out []Buf) {
	byDtype(k, in, out, interpolate[float32], interpolate[float64])
}

func interpolate[T Float](_ Interpolate, in, out []Buf) {
	points, centers, f := Of[T](in[0]), Of[T](in[1]), Of[T](in[2])
	y, index, weight := Of[T](out[0]), Of[int32](out[1]), Of[T](out[2])
	N, G, D, K := in[0].Shape[1], in[1].Shape[1], in[2].last(), out[1].last()
	clear(y)
	for i := range len(points) / 3 {
		b := i / N
		idx, w := index[i*K:][:K], weight[i*K:][:K]
		Nearest(points[i*3:][:3], centers[b*G*3:][:G*3], idx, w)
		for j, g := range idx {
			addScaled(y[i*D:][:D], w[j], f[(b*G+int(g))*D:][:D])
		}
	}
}

// Nearest finds the len(index) centres [G, 3] next to a point [3], the nearest
// first, and their weights, which are proportional to 1/(d²+10⁻⁸) and sum to 1.
func Nearest[T Float](point, centers []T, index []int32, weight []T) {
	clear(index)
	for j := range weight {
		weight[j] = T(math.Inf(1)) // the squared distance, until all are known
	}
	for g := range len(centers) / 3 {
		dx, dy, dz := point[0]-centers[3*g], point[1]-centers[3*g+1], point[2]-centers[3*g+2]
		insert(index, weight, int32(g), dx*dx+dy*dy+dz*dz)
	}
	var sum T
	for j, d := range weight {
		weight[j] = 1 / (d + 1e-8)
		sum += weight[j]
	}
	for j := range weight {
		weight[j] /= sum
	}
}

// insert puts centre g at squared distance d behind those that are as near,
// unless all places are taken by nearer ones.
func insert[T Float](index []int32, dist []T, g int32, d T) {
	j := len(dist)
	for ; j > 0 && d < dist[j-1]; j-- {
		if j < len(dist) {
			index[j], dist[j] = index[j-1], dist[j-1]
		}
	}
	if j < len(dist) {
		index[j], dist[j] = g, d
	}
}

// InterpolateGrad takes dy [B, N, D], index and weight to the gradient of the
// features of G centres [B, G, D].
type InterpolateGrad struct{ G int }

func (k InterpolateGrad) String() string { return fmt.Sprintf("interpolate.grad(%d)", k.G) }

func (k InterpolateGrad) Infer(in []Spec) ([]Spec, error) {
	dy, index, weight := in[0], in[1], in[2]
	if index.Dtype != Int32 || !index.Equal(Spec{weight.Shape, Int32}) || index.rows() != dy.rows() {
		return nil, fmt.Errorf("index %v and weight %v do not fit gradient %v", index, weight, dy)
	}
	return []Spec{dy.like(dy.Shape[0], k.G, dy.Shape[2])}, nil
}

func (k InterpolateGrad) Do(in, out []Buf) {
	byDtype(k, in, out, interpolateGrad[float32], interpolateGrad[float64])
}

func interpolateGrad[T Float](k InterpolateGrad, in, out []Buf) {
	dy, weight, df := Of[T](in[0]), Of[T](in[2]), Of[T](out[0])
	N, D, K := in[0].Shape[1], in[0].last(), in[1].last()
	clear(df)
	for j, g := range Of[int32](in[1]) {
		i := j / K
		addScaled(df[(i/N*k.G+int(g))*D:][:D], weight[j], dy[i*D:][:D])
	}
}
