package ops

import (
	"fmt"
	"math"
	"slices"

	"m2pt/internal/philox"
)

// Mix is mixup and cutmix of a batch x [B, ..., H, W] with its reverse: sample
// b has partner B-1-b. Where box [B, 4] int32 (top, bottom, left, right) is
// empty, y = λ_b·x + (1-λ_b)·partner; else the partner's pixels inside the box
// replace x's. λ [B] comes from the host, for cutmix corrected to the area.
type Mix struct{}

// Mix mixes every sample with its partner.
func (g *Graph) Mix(x, lambda, box *Node) *Node { return g.Apply(Mix{}, x, lambda, box) }

func (k Mix) String() string { return "mix" }

func (k Mix) Infer(in []Spec) ([]Spec, error) {
	x, l := in[0], in[1]
	if len(x.Shape) < 3 || l.Len() != x.Shape[0] {
		return nil, fmt.Errorf("lambda %v does not fit pixels %v", l.Shape, x.Shape)
	}
	return in[:1], checkBoxes(in[2], x.Shape[0])
}

func checkBoxes(s Spec, batch int) error {
	if len(s.Shape) != 2 || s.Shape[0] != batch || s.Shape[1] != 4 || s.Dtype != Int32 {
		return fmt.Errorf("boxes are %v, want int32 [%d 4]", s, batch)
	}
	return nil
}

func (k Mix) Do(in, out []Buf) { byDtype(k, in, out, mix[float32], mix[float64]) }

func mix[T Float](_ Mix, in, out []Buf) {
	x, lambda, y := Of[T](in[0]), Of[T](in[1]), Of[T](out[0])
	B, n := in[0].Shape[0], in[0].Len()/in[0].Shape[0]
	for i, v := range x {
		b := i / n
		partner := x[(B-1-b)*n+i%n]
		switch box := boxOf(in[2], b); {
		case box.empty():
			y[i] = lambda[b]*v + (1-lambda[b])*partner
		case box.has(in[0].Spec, i):
			y[i] = partner
		default:
			y[i] = v
		}
	}
}

// rect is a box of pixels, bottom and right excluded.
type rect struct{ top, bottom, left, right int }

func boxOf(boxes Buf, b int) rect {
	v := Of[int32](boxes)[4*b:]
	return rect{int(v[0]), int(v[1]), int(v[2]), int(v[3])}
}

func (r rect) empty() bool { return r.top >= r.bottom || r.left >= r.right }

// has reports whether element i of a tensor [..., H, W] lies in the box.
func (r rect) has(s Spec, i int) bool {
	W := s.last()
	y, x := i/W%s.Shape[len(s.Shape)-2], i%W
	return r.top <= y && y < r.bottom && r.left <= x && x < r.right
}

// MixTargets mixes target rows t [B, K] as Mix mixed the pixels:
// λ_b·t_b + (1-λ_b)·t_{B-1-b}.
type MixTargets struct{}

// MixTargets mixes every target with its partner's.
func (g *Graph) MixTargets(t, lambda *Node) *Node { return g.Apply(MixTargets{}, t, lambda) }

func (k MixTargets) String() string { return "mix_targets" }

func (k MixTargets) Infer(in []Spec) ([]Spec, error) {
	if len(in[0].Shape) != 2 || in[1].Len() != in[0].Shape[0] {
		return nil, fmt.Errorf("lambda %v does not fit targets %v", in[1].Shape, in[0].Shape)
	}
	return in[:1], nil
}

func (k MixTargets) Do(in, out []Buf) { byDtype(k, in, out, mixTargets[float32], mixTargets[float64]) }

func mixTargets[T Float](_ MixTargets, in, out []Buf) {
	t, lambda, y := Of[T](in[0]), Of[T](in[1]), Of[T](out[0])
	B, K := in[0].Shape[0], in[0].Shape[1]
	for i, v := range t {
		b := i / K
		y[i] = lambda[b]*v + (1-lambda[b])*t[(B-1-b)*K+i%K]
	}
}

// OneHot makes target rows [..., K] of labels [...] int32, smoothed by s:
// s/K everywhere and 1 - s + s/K at the label.
type OneHot struct {
	Classes   int
	Smoothing float64
	To        Dtype
}

// OneHot makes target rows of labels.
func (g *Graph) OneHot(labels *Node, classes int, smoothing float64) *Node {
	return g.Apply(OneHot{classes, smoothing, g.Dtype}, labels)
}

func (k OneHot) String() string {
	return fmt.Sprintf("one_hot(%d,%g,%v)", k.Classes, k.Smoothing, k.To)
}

func (k OneHot) Infer(in []Spec) ([]Spec, error) {
	if in[0].Dtype != Int32 || k.Classes < 1 {
		return nil, fmt.Errorf("labels are %v, want int32", in[0])
	}
	return []Spec{{append(slices.Clone(in[0].Shape), k.Classes), k.To}}, nil
}

func (k OneHot) Do(in, out []Buf) { byDtype(k, in, out, oneHot[float32], oneHot[float64]) }

func oneHot[T Float](k OneHot, in, out []Buf) {
	t := Of[T](out[0])
	off := k.Smoothing / float64(k.Classes)
	for i := range t {
		t[i] = T(off)
	}
	for b, label := range Of[int32](in[0]) {
		row := t[b*k.Classes:][:k.Classes] // a label outside is not the next row's
		row[label] = T(1 - k.Smoothing + off)
	}
}

// Erase is random erasing: the pixels of x [B, C, ..., H, W] inside the box of
// their sample become noise. Mode "pixel" draws N(0,1) per element, "rand" per
// channel, "const" writes 0. Inputs x, box [B, 4] int32, sample key [B, 2]
// int32 (see Uniform).
type Erase struct {
	Mode string
	Seed uint64
}

// Erase erases the given boxes.
func (g *Graph) Erase(x, box, sampleKey *Node, mode string, seed uint64) *Node {
	return g.Apply(Erase{mode, seed}, x, box, sampleKey)
}

func (k Erase) String() string { return fmt.Sprintf("erase(%s,%d)", k.Mode, k.Seed) }

func (k Erase) Infer(in []Spec) ([]Spec, error) {
	if k.Mode != "pixel" && k.Mode != "rand" && k.Mode != "const" {
		return nil, fmt.Errorf("unknown mode %q", k.Mode)
	}
	if len(in[0].Shape) < 4 {
		return nil, fmt.Errorf("pixels %v, want [B C ... H W]", in[0].Shape)
	}
	if err := checkSampleKey(in[2]); err != nil {
		return nil, err
	}
	return in[:1], checkBoxes(in[1], in[0].Shape[0])
}

func (k Erase) InPlace(int) []int { return []int{0} }

func (k Erase) Do(in, out []Buf) { byDtype(k, in, out, erase[float32], erase[float64]) }

func erase[T Float](k Erase, in, out []Buf) {
	y, s := Of[T](out[0]), in[0].Spec
	n := s.Len() / s.Shape[0]
	plane := n / s.Shape[1]
	for i, v := range Of[T](in[0]) {
		if !boxOf(in[1], i/n).has(s, i) {
			y[i] = v
			continue
		}
		key := Of[int32](in[2])[i/n*2:]
		switch k.Mode {
		case "pixel":
			y[i] = T(k.Noise(key, i%n))
		case "rand":
			y[i] = T(k.Noise(key, i%n/plane))
		default:
			y[i] = 0
		}
	}
}

// Noise is standard normal number i of a sample (Box-Muller).
func (k Erase) Noise(sampleKey []int32, i int) float64 {
	w := sampleBlock(k.Seed, "erase noise", sampleKey, i)
	u := 1 - float64(philox.Uniform(w[0]))
	return math.Sqrt(-2*math.Log(u)) * math.Cos(2*math.Pi*float64(philox.Uniform(w[1])))
}
