package ops

import (
	"fmt"
	"math"
)

// StandardizePatches makes targets of patches [..., P], entries ordered as in
// [Graph.PatchTargets]: of each patch and channel, of which there are Channels,
// y = (x - mean) / (√(variance + VarEps) + StdEps), the variance unbiased. One
// channel takes the whole patch together. Targets have no gradient.
type StandardizePatches struct {
	Channels       int
	VarEps, StdEps float64
}

// StandardizePatches makes the entries of each patch alike in mean and deviation.
func (g *Graph) StandardizePatches(x *Node, k StandardizePatches) *Node { return g.Apply(k, x) }

func (k StandardizePatches) String() string {
	return fmt.Sprintf("standardize_patches(%d,%g,%g)", k.Channels, k.VarEps, k.StdEps)
}

func (k StandardizePatches) Infer(in []Spec) ([]Spec, error) {
	if P := in[0].last(); k.Channels < 1 || P%k.Channels != 0 || P/k.Channels < 2 {
		return nil, fmt.Errorf("patches %v are not two pixels or more of %d channels", in[0], k.Channels)
	}
	return in[:1], nil
}

func (k StandardizePatches) InPlace(int) []int { return []int{0} }

func (k StandardizePatches) Do(in, out []Buf) {
	byDtype(k, in, out, standardizePatches[float32], standardizePatches[float64])
}

func standardizePatches[T Float](k StandardizePatches, in, out []Buf) {
	x, y, P := Of[T](in[0]), Of[T](out[0]), in[0].last()
	for i := 0; i < len(x); i += P {
		for c := range k.Channels {
			Standardize(k, y[i+c:i+P], x[i+c:i+P])
		}
	}
}

// Standardize is StandardizePatches of every Channels-th entry of x, in float64; y
// may be x.
func Standardize[T Float](k StandardizePatches, y, x []T) {
	n, mean, squares := float64((len(x)+k.Channels-1)/k.Channels), 0.0, 0.0
	for i := 0; i < len(x); i += k.Channels {
		mean += float64(x[i])
	}
	mean /= n
	for i := 0; i < len(x); i += k.Channels {
		squares += (float64(x[i]) - mean) * (float64(x[i]) - mean)
	}
	scale := 1 / (math.Sqrt(squares/(n-1)+k.VarEps) + k.StdEps)
	for i := 0; i < len(x); i += k.Channels {
		y[i] = T((float64(x[i]) - mean) * scale)
	}
}

// SquaredError is the weighted squared error of predicted patches pred [B, M, P],
// loss_b = Σₘ w_bm · meanₚ (pred_bmp - target_bmp)², weight [B, M], loss [B].
type SquaredError struct{}

// SquaredError is the squared error of each patch, weighted and summed.
func (g *Graph) SquaredError(pred, target, weight *Node) *Node {
	return g.Apply(SquaredError{}, pred, target, weight)
}

func (k SquaredError) String() string { return "squared_error" }

func (k SquaredError) Infer(in []Spec) ([]Spec, error) {
	x, w := in[0], in[2]
	if len(x.Shape) != 3 || !x.Equal(in[1]) || !w.Equal(x.like(x.Shape[:2]...)) {
		return nil, fmt.Errorf("predictions %v, targets %v, weights %v", x, in[1], w)
	}
	return []Spec{x.like(x.Shape[0])}, nil
}

func (k SquaredError) DiffWRT(i int) bool { return i == 0 }

func (k SquaredError) SymDiff(g *Graph, in []*Node, _, grad *Node) []*Node {
	return []*Node{g.Apply(SquaredErrorGrad{}, in[0], in[1], in[2], grad), nil, nil}
}

func (k SquaredError) Do(in, out []Buf) {
	byDtype(k, in, out, squaredError[float32], squaredError[float64])
}

func squaredError[T Float](_ SquaredError, in, out []Buf) {
	t, w, loss := Of[T](in[1]), Of[T](in[2]), Of[T](out[0])
	M, P := in[0].Shape[1], in[0].Shape[2]
	clear(loss)
	for i, v := range Of[T](in[0]) {
		e := v - t[i]
		loss[i/(M*P)] += w[i/P] * e * e / T(P)
	}
}

// SquaredErrorGrad takes pred, target, weight, dloss to
// dpred = 2·dloss·w·(pred - target)/P.
type SquaredErrorGrad struct{}

func (k SquaredErrorGrad) String() string { return "squared_error.grad" }

func (k SquaredErrorGrad) Infer(in []Spec) ([]Spec, error) {
	loss, err := SquaredError{}.Infer(in[:3])
	if err != nil {
		return nil, err
	}
	if !in[3].Equal(loss[0]) {
		return nil, fmt.Errorf("gradient %v of a loss %v", in[3], loss[0])
	}
	return in[:1], nil
}

func (k SquaredErrorGrad) InPlace(int) []int { return []int{0, 1} }

func (k SquaredErrorGrad) Do(in, out []Buf) {
	byDtype(k, in, out, squaredErrorGrad[float32], squaredErrorGrad[float64])
}

func squaredErrorGrad[T Float](_ SquaredErrorGrad, in, out []Buf) {
	t, w, dloss, dpred := Of[T](in[1]), Of[T](in[2]), Of[T](in[3]), Of[T](out[0])
	M, P := in[0].Shape[1], in[0].Shape[2]
	for i, v := range Of[T](in[0]) {
		dpred[i] = 2 * dloss[i/(M*P)] * w[i/P] * (v - t[i]) / T(P)
	}
}
