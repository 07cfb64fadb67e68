package parity

import (
	"fmt"
	stdimage "image"
	"slices"

	"m2pt/checkpoint"
	"m2pt/data"
	"m2pt/data/image"
	"m2pt/engine"
	"m2pt/ops"
)

// picture is recorded picture [H, W, 3].
func (r *replay) picture(name string) *image.Picture {
	t := r.tensor(name)
	if len(t.Shape) != 3 || t.Shape[2] != 3 {
		r.stop(fmt.Errorf("%q has shape %v, want [H W 3]", name, t.Shape))
	}
	pix, err := t.Bytes()
	r.must(err)
	return &image.Picture{W: t.Shape[1], H: t.Shape[0], Pix: pix}
}

// render carries a geometry out: planes [3, H, W].
func (r *replay) render(src *image.Picture, g image.Geometry) []uint8 {
	dst := make([]uint8, 3*g.Window.Dx()*g.Window.Dy())
	r.must(new(image.Resampler).Render(dst, src, g))
	return dst
}

// interleaved turns planes [3, n] into pixels [n, 3].
func interleaved(planes []uint8) []uint8 {
	n := len(planes) / 3
	pix := make([]uint8, len(planes))
	for i, v := range planes {
		pix[i%n*3+i/n] = v
	}
	return pix
}

func (r *replay) filter(name string) image.Filter {
	f, err := image.ParseFilter(name)
	r.must(err)
	return f
}

// imageTransformEval: size after the resize, centre crop, and normalised pixels,
// whole or as channel means.
func imageTransformEval(r *replay) {
	var m struct {
		Crop      int
		Short     int `json:"resize_short_side"`
		Mean, Std []float64
	}
	r.meta(&m)
	src := r.picture("in/image")
	for _, t := range r.match(`out/(.+)_crop_u8`) {
		name := "out/" + t[1]
		g := image.Eval{Short: m.Short, Crop: m.Crop, Filter: r.filter(t[1])}.Geometry(data.Key{}, src.W, src.H)
		checkValues(r, equal(), name+"_resized_hw", []int64{int64(g.H), int64(g.W)})
		planes := r.render(src, g)
		checkValues(r, equal(), name+"_crop_u8", interleaved(planes))
		r.checkNormalized(name+"_normalized", planes, m.Crop, m.Mean, m.Std)
	}
}

func (r *replay) checkNormalized(name string, planes []uint8, side int, mean, std []float64) {
	g := ops.NewGraph(ops.Float32)
	x := g.Declare("pixels", ops.Spec{Shape: []int{1, 3, side, side}, Dtype: ops.Uint8}, ops.PerBatch)
	got, err := r.run(g, constants{"pixels": planes}, engine.Fetch{Name: name, Node: g.Normalize(x, mean, std)})[0].Float32s()
	r.must(err)
	if r.has(name) {
		checkValues(r, forward(), name, got)
	}
	var means []float64
	for plane := range slices.Chunk(got, side*side) {
		means = append(means, r.numbers(r.mean(checkpoint.New(name, []int{len(plane)}, plane)))...)
	}
	checkValues(r, forward(), name+"_channel_mean", means)
}

// pilResize: in/image<i> resized to the recorded size.
func pilResize(r *replay) {
	for _, t := range r.match(`out/([a-z]+)(\d+)`) {
		src, to := r.picture("in/image"+t[2]), r.tensor(t[0]).Shape
		g := resize(stdimage.Rect(0, 0, src.W, src.H), to[1], to[0])
		g.Filter = r.filter(t[1])
		checkValues(r, equal(), t[0], interleaved(r.render(src, g)))
	}
}

// imageResizedCrop: box i of in/image (top, left, height, width) resized to a
// square, and its mirror image.
func imageResizedCrop(r *replay) {
	var m struct{ Size int }
	r.meta(&m)
	src, boxes := r.picture("in/image"), r.ints("in/boxes_ijhw")
	for _, t := range r.match(`out/([a-z]+)(\d+)(_flipped)?`) {
		b := boxes[4*r.integer(t[2]):][:4]
		top, left, h, w := int(b[0]), int(b[1]), int(b[2]), int(b[3])
		g := resize(stdimage.Rect(left, top, left+w, top+h), m.Size, m.Size)
		g.Filter, g.Flip = r.filter(t[1]), t[3] != ""
		checkValues(r, equal(), t[0], interleaved(r.render(src, g)))
	}
}

func resize(box stdimage.Rectangle, w, h int) image.Geometry {
	return image.Geometry{Box: box, W: w, H: h, Window: stdimage.Rect(0, 0, w, h)}
}

// mixup: mixup or cutmix of a batch. Cutmix's box was drawn at random; some
// centre must give it.
func mixup(r *replay) {
	var m struct {
		Cutmix         bool
		Lam, Smoothing float64
		NumClasses     int `json:"num_classes"`
	}
	r.meta(&m)
	mix := mixing{lam: m.Lam, smoothing: m.Smoothing, classes: m.NumClasses, x: "out/x", target: "out/target"}
	if m.Cutmix {
		x := r.tensor("in/x").Shape
		h, w := x[2], x[3]
		mix.box = [4]int32(r.ints("out/bbox_ylyhxlxh"))
		checkValues(r, equal(), "out/bbox_ylyhxlxh", r.cutBox(mix.box, m.Lam, h, w))
		ch, cw := data.CutSize(m.Lam, h, w)
		checkValues(r, equal(), "out/cut_hw", []int64{int64(ch), int64(cw)})
		mix.lam = data.Kept(mix.box, h, w)
		checkValues(r, exact64(), "out/lam_corrected", []float64{mix.lam})
	}
	r.mix(mix)
}

// cutBox is the box that data draws around some centre, the wanted one if any
// centre gives it.
func (r *replay) cutBox(want [4]int32, lam float64, h, w int) []int32 {
	for centre := range h * w {
		if got := data.CutBox(lam, h, w, centre/w, centre%w); got == want {
			return got[:]
		}
	}
	r.stop(fmt.Errorf("no centre gives box %v", want))
	return nil
}
