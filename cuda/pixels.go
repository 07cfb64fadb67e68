package cuda

import (
	"m2pt/engine"
	"m2pt/internal/philox"
	"m2pt/ops"
)

// pixelOp is the op of pictures. Targets are kept in full: those of a decoder are made alike
// by their small differences.
func pixelOp(k ops.Kind) *op {
	switch k := k.(type) {
	case ops.Normalize:
		return &op{"=", "a", func(c *call) { c.normalize(k) }}
	case ops.Patches:
		if k.ChannelsLast {
			return &op{"=", "f", func(c *call) { c.patches(k) }}
		}
		return &op{"=", "a", func(c *call) { c.patches(k) }}
	case ops.PatchesGrad:
		return &op{"=", "=", func(c *call) { c.patchesGrad(k) }}
	case ops.StandardizePatches:
		return &op{"f", "f", func(c *call) { c.standardizePatches(k) }}
	case ops.Mix:
		return &op{"=f", "=", (*call).mix}
	case ops.Erase:
		return &op{"=f", "=", func(c *call) { c.erase(k) }}
	case ops.MixTargets:
		return &op{"f", "f", (*call).mixTargets}
	case ops.OneHot:
		return &op{"f", "f", func(c *call) { c.oneHot(k) }}
	}
	return nil
}

// channels are some that a launch converts: how many from one on, and the maps a·v + b of
// the first four.
type channels struct {
	from, count int
	a, b        [4]float32
}

// channelsOf splits C channels, kept as dt, among launches.
func channelsOf(p ops.Pixels, C int, dt ops.Dtype) []channels {
	unit := 1.0
	if dt == ops.Uint8 {
		unit = 1.0 / 255
	}
	if u := float32(unit); p.Mean == nil {
		return []channels{{count: C, a: [4]float32{u, u, u, u}}}
	}
	var list []channels
	for from := 0; from < C; from += 4 {
		some := channels{from: from, count: min(4, C-from)}
		for i := range some.count {
			std := p.Std[from+i]
			some.a[i], some.b[i] = float32(unit/std), float32(-p.Mean[from+i]/std)
		}
		list = append(list, some)
	}
	return list
}

func (s channels) maps() []any {
	return []any{s.a[0], s.b[0], s.a[1], s.b[1], s.a[2], s.b[2], s.a[3], s.b[3]}
}

// keptAs tells a kernel over values like y how pixels x are kept.
func keptAs(x, y engine.Tensor) int {
	switch {
	case x.Dtype == ops.Uint8:
		return 0
	case x.Store == y.Store:
		return 1
	}
	return 2
}

func (c *call) normalize(k ops.Normalize) {
	x, y := c.in[0], c.out[0]
	B, C := x.Shape[0], x.Shape[1]
	for _, s := range channelsOf(k.Pixels, C, x.Dtype) {
		args := []any{keptAs(x, y), B, C, s.from, s.count, x.Len() / (B * C), c.y(0), c.x(0)}
		c.spread("normalize", y, y.Len()/C*s.count, append(args, s.maps()...)...)
	}
}

// cut is how kernels are told of patches of some channels.
func cut(k ops.Patches, geo ops.Geometry, s channels) []any {
	last := 0
	if k.ChannelsLast {
		last = 1
	}
	list := []any{last, geo.C, s.from, s.count}
	for _, sizes := range [][3]int{geo.Size, k.Kernel, k.Stride, geo.Grid} {
		list = append(list, sizes[0], sizes[1], sizes[2])
	}
	return list
}

// patches has a block for a row of patches, if possible with a thread for 16 bytes of a patch.
func (c *call) patches(k ops.Patches) {
	x, y := c.in[0], c.out[0]
	geo, _ := k.Geometry(x.Spec) // Infer has seen to the error
	for _, s := range channelsOf(k.Pixels, geo.C, x.Dtype) {
		args := append([]any{keptAs(x, y)}, cut(k, geo, s)...)
		args = append(append(args, c.y(0), c.x(0)), s.maps()...)
		entries := ceil(last(y)/geo.C*s.count, wide(y))
		g := grid{x: geo.B * geo.Grid[0] * geo.Grid[1], block: min(32*ceil(entries, 32), threads)}
		c.launch(name("patches", y), g, args...)
	}
}

func (c *call) patchesGrad(k ops.PatchesGrad) {
	dx := c.out[0]
	geo, _ := k.Patches.Geometry(k.Of) // Patches has seen to the error
	for _, s := range channelsOf(k.Patches.Pixels, geo.C, k.Of.Dtype) {
		args := append([]any{geo.B}, cut(k.Patches, geo, s)...)
		args = append(args, c.y(0), c.x(0), s.a[0], s.a[1], s.a[2], s.a[3])
		n := dx.Len() / geo.C * s.count
		c.launch(name("patches_grad", dx), grid{x: min(ceil(n, threads), maxBlocks), block: threads}, args...)
	}
}

// standardizePatches has a warp for a channel of each patch.
func (c *call) standardizePatches(k ops.StandardizePatches) {
	N, P := rows(c.in[0]), last(c.in[0])
	g := grid{x: min(ceil(N*k.Channels, threads/32), maxBlocks), block: threads}
	c.launch("standardize_patches", g, N, P, k.Channels, c.y(0), c.x(0), float32(k.VarEps), float32(k.StdEps))
}

// pictures are samples of n numbers in pictures [H, W].
func pictures(x engine.Tensor) (B, n, H, W int) {
	B = x.Shape[0]
	return B, x.Len() / B, x.Shape[len(x.Shape)-2], last(x)
}

// mix has a thread for the same pixels of two partners.
func (c *call) mix() {
	B, n, H, W := pictures(c.in[0])
	c.spread("mix", c.out[0], ceil(B, 2)*n, B, n, H, W, c.y(0), c.x(0), c.x(1), c.x(2))
}

func (c *call) erase(k ops.Erase) {
	mode := map[string]int{"const": 0, "rand": 1, "pixel": 2}[k.Mode]
	B, n, H, W := pictures(c.in[0])
	key := philox.Key(k.Seed, "erase noise")
	c.spread("erase", c.out[0], B*n, mode, B, n, n/c.in[0].Shape[1], H, W, key, c.y(0), c.x(0), c.x(1), c.x(2))
}

func (c *call) mixTargets() {
	y := c.out[0]
	c.launch("mix_targets", grid{x: min(ceil(y.Len(), threads), maxBlocks), block: threads},
		rows(y), last(y), c.y(0), c.x(0), c.x(1))
}

func (c *call) oneHot(k ops.OneHot) {
	y, off := c.out[0], k.Smoothing/float64(k.Classes)
	c.launch("one_hot", grid{x: min(ceil(y.Len(), threads), maxBlocks), block: threads},
		rows(y), k.Classes, c.y(0), c.x(0), float32(1-k.Smoothing+off), float32(off))
}
