package ops

import (
	"fmt"
	"slices"
)

// Pixels says how stored pixels become numbers: uint8 is divided by 255; then,
// where Mean is set, x ← (x - Mean[c])/Std[c] per channel.
type Pixels struct{ Mean, Std []float64 }

func (p Pixels) check(in Spec) error {
	if len(p.Mean) != len(p.Std) || p.Mean != nil && (len(in.Shape) < 2 || len(p.Mean) != in.Shape[1]) {
		return fmt.Errorf("%d means and %d deviations for input %v", len(p.Mean), len(p.Std), in.Shape)
	}
	return nil
}

// affine gives a, b so that stored value v of channel c becomes a·v + b.
func (p Pixels) affine(c int, dt Dtype) (a, b float64) {
	a = 1
	if dt == Uint8 {
		a = 1.0 / 255
	}
	if p.Mean != nil {
		a, b = a/p.Std[c], -p.Mean[c]/p.Std[c]
	}
	return a, b
}

// stored reads element i of a pixel tensor.
func stored[T Float](x Buf, i int) float64 {
	if x.Dtype == Uint8 {
		return float64(Of[uint8](x)[i])
	}
	return float64(Of[T](x)[i])
}

// Normalize makes floating-point pixels [B, C, ...] of uint8 or float ones.
type Normalize struct {
	Pixels
	To Dtype
}

// Normalize scales pixels and normalises each channel; mean and std may be nil.
func (g *Graph) Normalize(x *Node, mean, std []float64) *Node {
	return g.Apply(Normalize{Pixels{mean, std}, g.Dtype}, x)
}

func (k Normalize) String() string { return fmt.Sprintf("normalize(%v,%v,%v)", k.Mean, k.Std, k.To) }

func (k Normalize) Infer(in []Spec) ([]Spec, error) {
	return []Spec{{in[0].Shape, k.To}}, k.check(in[0])
}

func (k Normalize) Do(in, out []Buf) { byDtype(k, in, out, normalize[float32], normalize[float64]) }

func normalize[T Float](k Normalize, in, out []Buf) {
	y, x := Of[T](out[0]), in[0]
	C := x.Shape[1]
	plane := x.Len() / x.Shape[0] / C
	for i := range y {
		a, b := k.affine(i/plane%C, x.Dtype)
		y[i] = T(a*stored[T](x, i) + b)
	}
}

// Patches cuts pictures [B, C, H, W] or clips [B, C, T, H, W] into patches
// [B, N, C·kt·kh·kw], so that a convolution becomes a linear layer: tokens run
// over time, row, column; entries over channel, time, row, column, the order of
// a convolution weight, or with ChannelsLast over time, row, column, channel.
// Strides smaller than the kernel overlap. Pixels are normalised on the way.
type Patches struct {
	Pixels
	Kernel, Stride [3]int // time, height, width; time is 1 for pictures
	ChannelsLast   bool
	To             Dtype
}

// Patches cuts x into patches of the given kernel and stride (time, height,
// width); mean and std may be nil.
func (g *Graph) Patches(x *Node, kernel, stride [3]int, mean, std []float64) *Node {
	return g.Apply(Patches{Pixels: Pixels{mean, std}, Kernel: kernel, Stride: stride, To: g.Dtype}, x)
}

// PatchTargets is Patches pixel by pixel with its channels together: what a decoder
// predicts.
func (g *Graph) PatchTargets(x *Node, kernel, stride [3]int, mean, std []float64) *Node {
	return g.Apply(Patches{Pixels{mean, std}, kernel, stride, true, g.Dtype}, x)
}

func (k Patches) String() string {
	return fmt.Sprintf("patches(%v,%v,last=%v,%v,%v,%v)", k.Kernel, k.Stride, k.ChannelsLast, k.Mean, k.Std, k.To)
}

// Geometry is how a batch of pictures lies in memory and splits into patches.
type Geometry struct {
	B, C int
	Size [3]int // time, height, width of the input
	Grid [3]int // patches along time, height, width
}

// Geometry of an input, which must be [B, C, H, W] or [B, C, T, H, W].
func (k Patches) Geometry(in Spec) (Geometry, error) {
	s := in.Shape
	if len(s) == 4 {
		s = slices.Insert(slices.Clone(s), 2, 1)
	}
	if len(s) != 5 {
		return Geometry{}, fmt.Errorf("input %v is neither [B C H W] nor [B C T H W]", in.Shape)
	}
	geo := Geometry{B: s[0], C: s[1], Size: [3]int(s[2:])}
	for i := range geo.Grid {
		if k.Stride[i] <= 0 || k.Kernel[i] <= 0 || k.Kernel[i] > geo.Size[i] {
			return geo, fmt.Errorf("patch %v with stride %v does not fit input %v", k.Kernel, k.Stride, in.Shape)
		}
		geo.Grid[i] = (geo.Size[i]-k.Kernel[i])/k.Stride[i] + 1
	}
	return geo, nil
}

func (k Patches) Infer(in []Spec) ([]Spec, error) {
	geo, err := k.Geometry(in[0])
	if err != nil {
		return nil, err
	}
	n := geo.Grid[0] * geo.Grid[1] * geo.Grid[2]
	return []Spec{{[]int{geo.B, n, geo.C * k.Kernel[0] * k.Kernel[1] * k.Kernel[2]}, k.To}}, k.check(in[0])
}

// each calls f with the index of every patch entry, that of the pixel it shows
// and the pixel's channel.
func (k Patches) each(geo Geometry, f func(entry, pixel, c int)) {
	S, G, K := geo.Size, geo.Grid, k.Kernel
	entry := 0
	for n := range geo.B * G[0] * G[1] * G[2] {
		b, t, y, x := n/(G[2]*G[1]*G[0]), n/(G[2]*G[1])%G[0]*k.Stride[0], n/G[2]%G[1]*k.Stride[1], n%G[2]*k.Stride[2]
		for e := range geo.C * K[0] * K[1] * K[2] {
			c, i := e/(K[2]*K[1]*K[0]), e%(K[2]*K[1]*K[0])
			if k.ChannelsLast {
				c, i = e%geo.C, e/geo.C
			}
			dt, dy, dx := i/(K[2]*K[1]), i/K[2]%K[1], i%K[2]
			f(entry, (((b*geo.C+c)*S[0]+t+dt)*S[1]+y+dy)*S[2]+x+dx, c)
			entry++
		}
	}
}

func (k Patches) DiffWRT(int) bool { return true }

// SymDiff gives no gradient for stored uint8 pixels, which nothing asks for.
func (k Patches) SymDiff(g *Graph, in []*Node, _, grad *Node) []*Node {
	return []*Node{g.Apply(PatchesGrad{k, SpecOf(in[0])}, grad)}
}

func (k Patches) Do(in, out []Buf) { byDtype(k, in, out, patches[float32], patches[float64]) }

func patches[T Float](k Patches, in, out []Buf) {
	geo, _ := k.Geometry(in[0].Spec)
	y := Of[T](out[0])
	k.each(geo, func(entry, pixel, c int) {
		a, b := k.affine(c, in[0].Dtype)
		y[entry] = T(a*stored[T](in[0], pixel) + b)
	})
}

// PatchesGrad adds the gradients of patch entries up in the pixels they show.
type PatchesGrad struct {
	Patches Patches
	Of      Spec // the pixels
}

func (k PatchesGrad) String() string { return fmt.Sprintf("%v.grad(%v)", k.Patches, k.Of) }

func (k PatchesGrad) Infer(in []Spec) ([]Spec, error) {
	return []Spec{{k.Of.Shape, k.Patches.To}}, nil
}

func (k PatchesGrad) Do(in, out []Buf) {
	byDtype(k, in, out, patchesGrad[float32], patchesGrad[float64])
}

func patchesGrad[T Float](k PatchesGrad, in, out []Buf) {
	geo, _ := k.Patches.Geometry(k.Of)
	dy, dx := Of[T](in[0]), Of[T](out[0])
	clear(dx)
	k.Patches.each(geo, func(entry, pixel, c int) {
		a, _ := k.Patches.affine(c, k.Of.Dtype)
		dx[pixel] += T(a) * dy[entry]
	})
}
