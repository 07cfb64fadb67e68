package ops

import (
	"fmt"
	"math"
	"slices"
)

// Chamfer is the distance of point clouds pred [B, ..., S, 3] from target
// [B, ..., T, 3] (Fan et al., CVPR 2017): a sample's loss is the mean over all
// predicted points of the squared distance to the nearest target of their cloud
// plus the mean over all targets of that to the nearest prediction; with L1 half
// the sum of the means of the distances themselves. The first of equally near
// points counts. Outputs the loss [B] and, saved for the gradient, the int32 index
// of the target nearest to each prediction [B, ..., S] and of the prediction nearest
// to each target [B, ..., T]. A distance of zero has the gradient zero.
type Chamfer struct{ L1 bool }

// Chamfer is the distance of the predicted clouds from the target, CD-L1 or else
// CD-L2.
func (g *Graph) Chamfer(pred, target *Node, l1 bool) *Node {
	return g.Apply(Chamfer{l1}, pred, target)
}

func (k Chamfer) String() string { return fmt.Sprintf("chamfer(l1=%v)", k.L1) }

func (k Chamfer) Infer(in []Spec) ([]Spec, error) {
	p, t := in[0], in[1]
	n := len(p.Shape) - 2
	if n < 1 || len(t.Shape) != n+2 || !slices.Equal(p.Shape[:n], t.Shape[:n]) || p.last() != 3 || t.last() != 3 || p.Dtype != t.Dtype {
		return nil, fmt.Errorf("clouds %v do not fit targets %v", p, t)
	}
	return []Spec{p.like(p.Shape[0]), {p.Shape[:n+1], Int32}, {t.Shape[:n+1], Int32}}, nil
}

func (k Chamfer) DiffWRT(int) bool { return true }

func (k Chamfer) SymDiff(g *Graph, in []*Node, out, grad *Node) []*Node {
	dpred := g.Apply(ChamferGrad(k), in[0], in[1], grad, g.Out(out, 1), g.Out(out, 2))
	return []*Node{dpred, g.Out(dpred, 1)}
}

func (k Chamfer) Do(in, out []Buf) { byDtype(k, in, out, chamfer[float32], chamfer[float64]) }

func chamfer[T Float](k Chamfer, in, out []Buf) {
	loss := Of[T](out[0])
	clear(loss)
	for side, index := range out[1:] {
		from, to, nearest := Of[T](in[side]), Of[T](in[1-side]), Of[int32](index)
		_, S, _ := in[side].entries()
		_, N, _ := in[1-side].entries()
		perSample := len(nearest) / len(loss)
		for i := range nearest {
			var d T
			nearest[i], d = Closest(from[3*i:][:3], to[i/S*N*3:][:N*3])
			loss[i/perSample] += T(k.Term(float64(d)) / float64(perSample))
		}
	}
}

// Term is what a squared distance adds to the sum that is averaged.
func (k Chamfer) Term(squared float64) float64 {
	if k.L1 {
		return math.Sqrt(squared) / 2
	}
	return squared
}

// Closest finds the point of a cloud [N, 3] next to a given one [3], the first of
// equally near ones, and its squared distance.
func Closest[T Float](point, cloud []T) (index int32, squared T) {
	for i := 0; i < len(cloud); i += 3 {
		dx, dy, dz := point[0]-cloud[i], point[1]-cloud[i+1], point[2]-cloud[i+2]
		if d := dx*dx + dy*dy + dz*dz; i == 0 || d < squared {
			index, squared = int32(i/3), d
		}
	}
	return index, squared
}

// ChamferGrad takes pred, target, dloss [B] and the saved indices to the gradients
// of pred and of target.
type ChamferGrad Chamfer

func (k ChamferGrad) String() string { return Chamfer(k).String() + ".grad" }

func (k ChamferGrad) Infer(in []Spec) ([]Spec, error) {
	saved, err := Chamfer(k).Infer(in[:2])
	if err != nil {
		return nil, err
	}
	if !in[2].Equal(saved[0]) || !in[3].Equal(saved[1]) || !in[4].Equal(saved[2]) {
		return nil, fmt.Errorf("gradient %v and indices %v and %v do not fit clouds %v and %v", in[2], in[3], in[4], in[0], in[1])
	}
	return in[:2], nil
}

func (k ChamferGrad) Do(in, out []Buf) {
	byDtype(k, in, out, chamferGrad[float32], chamferGrad[float64])
}

func chamferGrad[T Float](k ChamferGrad, in, out []Buf) {
	dloss := Of[T](in[2])
	clear(Of[T](out[0]))
	clear(Of[T](out[1]))
	for side, index := range in[3:] {
		from, to, dfrom, dto := Of[T](in[side]), Of[T](in[1-side]), Of[T](out[side]), Of[T](out[1-side])
		_, S, _ := in[side].entries()
		_, N, _ := in[1-side].entries()
		perSample := index.Len() / len(dloss)
		for i, j := range Of[int32](index) {
			other := i/S*N + int(j)
			Pull(k, dloss[i/perSample]/T(perSample), from[3*i:][:3], to[3*other:][:3], dfrom[3*i:][:3], dto[3*other:][:3])
		}
	}
}

// Pull adds d times the gradient of what two points a and b [3] add to the sum,
// 2(a-b) or with L1 (a-b)/2|a-b|, to that of a and takes it from that of b.
func Pull[T Float](k ChamferGrad, d T, a, b, da, db []T) {
	x, y, z := a[0]-b[0], a[1]-b[1], a[2]-b[2]
	d *= 2
	if k.L1 {
		length := T(math.Sqrt(float64(x*x + y*y + z*z)))
		if length == 0 {
			return
		}
		d /= 4 * length
	}
	for i, v := range [3]T{d * x, d * y, d * z} {
		da[i] += v
		db[i] -= v
	}
}
