package image

import (
	"fmt"
	stdimage "image"
	"testing"

	"m2pt/data"
	"m2pt/internal/fixture"
)

// picture returns the recorded array called name, [H,W,3], as a picture.
func picture(t *testing.T, f fixture.NPZ, name string) *Picture {
	t.Helper()
	pix, shape := fixture.Read[uint8](t, f, name)
	return &Picture{W: shape[1], H: shape[0], Pix: pix}
}

// interleave turns planes [3,h,w] into rows of RGB.
func interleave(planes []uint8, w, h int) []uint8 {
	out := make([]uint8, len(planes))
	for i := range w * h {
		for c := range 3 {
			out[3*i+c] = planes[c*w*h+i]
		}
	}
	return out
}

// render carries out g and returns rows of RGB.
func render(t testing.TB, src *Picture, g Geometry) []uint8 {
	t.Helper()
	w, h := g.Window.Dx(), g.Window.Dy()
	dst := make([]uint8, 3*w*h)
	var r Resampler
	if err := r.Render(dst, src, g); err != nil {
		t.Fatal(err)
	}
	return interleave(dst, w, h)
}

func checkEqual(t *testing.T, got, want []uint8) {
	t.Helper()
	differ := 0
	for i := range want {
		if got[i] != want[i] {
			differ++
		}
	}
	if len(got) != len(want) || differ > 0 {
		t.Errorf("%d of %d bytes differ from Pillow's %d", differ, len(got), len(want))
	}
}

var filters = map[string]Filter{"bicubic": Bicubic, "bilinear": Bilinear}

func TestResizeEqualsPillow(t *testing.T) {
	f := fixture.Open(t, "image_pil_resize")
	for i := range 5 {
		src := picture(t, f, fmt.Sprintf("in/image%d", i))
		for name, filter := range filters {
			want := picture(t, f, fmt.Sprintf("out/%s%d", name, i))
			t.Run(fmt.Sprintf("%s %dx%d to %dx%d", name, src.W, src.H, want.W, want.H), func(t *testing.T) {
				checkEqual(t, render(t, src, Geometry{
					Box: stdimage.Rect(0, 0, src.W, src.H), W: want.W, H: want.H,
					Window: stdimage.Rect(0, 0, want.W, want.H), Filter: filter,
				}), want.Pix)
			})
		}
	}
}

func TestEvalEqualsPillow(t *testing.T) {
	for _, name := range []string{"checker", "gradient", "noise", "small_float"} {
		f := fixture.Open(t, "image_eval_"+name)
		var meta struct {
			Crop  int `json:"crop"`
			Short int `json:"resize_short_side"`
		}
		f.Meta(t, &meta)
		src := picture(t, f, "in/image")
		for filterName, filter := range filters {
			t.Run(name+" "+filterName, func(t *testing.T) {
				g := Eval{meta.Short, meta.Crop, filter}.Geometry(data.Key{}, src.W, src.H)
				hw, _ := fixture.Read[int64](t, f, "out/"+filterName+"_resized_hw")
				if g.H != int(hw[0]) || g.W != int(hw[1]) {
					t.Errorf("resized to %dx%d, want %dx%d", g.W, g.H, hw[1], hw[0])
				}
				checkEqual(t, render(t, src, g), picture(t, f, "out/"+filterName+"_crop_u8").Pix)
			})
		}
	}
}

func TestResizedCropEqualsPillow(t *testing.T) {
	f := fixture.Open(t, "image_resized_crop")
	src := picture(t, f, "in/image")
	boxes, _ := fixture.Read[int64](t, f, "in/boxes_ijhw")
	for i := range 3 {
		y, x, h, w := int(boxes[4*i]), int(boxes[4*i+1]), int(boxes[4*i+2]), int(boxes[4*i+3])
		g := Geometry{Box: stdimage.Rect(x, y, x+w, y+h), W: 64, H: 64, Window: stdimage.Rect(0, 0, 64, 64)}
		name := fmt.Sprintf("out/bicubic%d", i)
		checkEqual(t, render(t, src, g), picture(t, f, name).Pix)
		g.Flip = true
		checkEqual(t, render(t, src, g), picture(t, f, name+"_flipped").Pix)
	}
}

// TestLinear compares with interpolation between the nearest pixels as PyTorch
// defines it without antialiasing: the centre of output o is at (o+0.5)*scale-0.5,
// and pixels at the edge extend beyond it.
func TestLinear(t *testing.T) {
	src := &Picture{W: 23, H: 17}
	src.Resize(src.W, src.H)
	r := data.Key{}.Rand("test")
	for i := range src.Pix {
		src.Pix[i] = uint8(r.IntN(256))
	}
	edge := func(v, n int) int { return min(max(v, 0), n-1) }
	for _, size := range [][2]int{{23, 17}, {46, 51}, {7, 5}, {40, 3}, {1, 1}} {
		w, h := size[0], size[1]
		got := render(t, src, Geometry{Box: stdimage.Rect(0, 0, 23, 17), W: w, H: h, Window: stdimage.Rect(0, 0, w, h), Filter: Linear})
		for i := range got {
			x, y := (float64(i/3%w)+0.5)*23/float64(w)-0.5, (float64(i/3/w)+0.5)*17/float64(h)-0.5
			x, y = max(x, 0), max(y, 0)
			at := func(dx, dy int) float64 {
				return float64(src.Pix[3*(edge(int(y)+dy, 17)*23+edge(int(x)+dx, 23))+i%3])
			}
			fx, fy := x-float64(int(x)), y-float64(int(y))
			want := (1-fy)*((1-fx)*at(0, 0)+fx*at(1, 0)) + fy*((1-fx)*at(0, 1)+fx*at(1, 1))
			if d := float64(got[i]) - want; d > 1.001 || d < -1.001 { // both passes round
				t.Fatalf("%dx%d: byte %d is %d, want %.2f", w, h, i, got[i], want)
			}
		}
	}
}
