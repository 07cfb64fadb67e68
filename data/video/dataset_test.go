package video

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"m2pt/data"
	"m2pt/data/image"
	"m2pt/internal/randaug"
)

// drawn is a Source whose clips all are n frames of w x h, drawn by pixel.
type drawn struct {
	n, w, h int
	pixel   func(frame, x, y int) [3]uint8
	broken  int // frame that fails, where it is not 0

	read []int // frames decoded last
}

func (s *drawn) Len() int                        { return 5 }
func (s *drawn) Classes() []string               { return []string{"a", "b"} }
func (s *drawn) Name(i int) string               { return fmt.Sprint("clip", i) }
func (s *drawn) Open(i int) (Clip, int32, error) { return &drawnClip{s}, int32(i % 2), nil }

type drawnClip struct{ *drawn }

func (c *drawnClip) Len() int { return c.n }

func (c *drawnClip) Read(at []int, p *image.Picture, use func(k int) error) error {
	c.read = slices.Clone(at)
	for k, f := range at {
		if f == c.broken && f != 0 {
			return errors.New("broken frame")
		}
		p.Resize(c.w, c.h)
		for i := range c.w * c.h {
			rgb := c.pixel(f, i%c.w, i/c.w)
			copy(p.Pix[3*i:], rgb[:])
		}
		if err := use(k); err != nil {
			return err
		}
	}
	return nil
}

// numbered frames tell their number by red, x by green and y by blue.
func numbered(f, x, y int) [3]uint8 { return [3]uint8{uint8(f), uint8(x), uint8(y)} }

// still frames are all alike.
func still(_, x, y int) [3]uint8 {
	return [3]uint8{uint8(37*x + 11*y), uint8(5 * x * y), uint8(200 - 3*y)}
}

func open(t testing.TB, src Source, opt Options) data.Dataset {
	t.Helper()
	ds, err := NewDataset(src, opt)
	if err != nil {
		t.Fatal(err)
	}
	return ds
}

func read(t testing.TB, ds data.Dataset, key data.Key) *data.Sample {
	t.Helper()
	s := ds.Layout().NewSample()
	if err := ds.NewReader().Read(key, s); err != nil {
		t.Fatal(err)
	}
	return s
}

func training(frames, size int) Options {
	return Options{Frames: frames, Size: size, Rate: 2, Filter: image.Linear, Train: true,
		Scale: [2]float64{0.08, 1}, Ratio: [2]float64{0.75, 1.3333}, Flip: 0.5}
}

// at returns the colours of pixel (x, y) of frame t in a sample.
func at(ds data.Dataset, s *data.Sample, t, x, y int) (rgb [3]uint8) {
	l := ds.Layout().Pixels
	for c := range rgb {
		rgb[c] = s.Pixels[((c*l[1]+t)*l[2]+y)*l[3]+x]
	}
	return rgb
}

// TestValidation: the middle of a clip, colours in planes, frames in order, each
// decoded once.
func TestValidation(t *testing.T) {
	src := &drawn{n: 40, w: 12, h: 8, pixel: numbered}
	ds := open(t, src, Options{Frames: 4, Size: 8, Rate: 3, Filter: image.Linear})
	if got := ds.Layout().Pixels; !slices.Equal(got, []int{3, 4, 8, 8}) {
		t.Fatalf("layout %v", got)
	}
	if data.Views(ds) != 1 || ds.Len() != 5 {
		t.Errorf("%d views, %d samples, want 1 and 5", data.Views(ds), ds.Len())
	}
	s := read(t, ds, data.Key{Sample: 3, Seed: 9})
	if s.Label != 1 {
		t.Errorf("label %d, want 1", s.Label)
	}
	for k, frame := range []int{14, 18, 22, 25} { // spread over the 12 frames from (40-12)/2 on
		for _, xy := range [][2]int{{0, 0}, {7, 0}, {3, 5}} {
			got := at(ds, s, k, xy[0], xy[1])
			if got != numbered(frame, xy[0]+2, xy[1]) { // the middle 8 columns of 12
				t.Errorf("frame %d, pixel %v: %v, want %v", k, xy, got, numbered(frame, xy[0]+2, xy[1]))
			}
		}
	}
	if again := read(t, ds, data.Key{Sample: 3, Seed: 10, Epoch: 4}); !slices.Equal(again.Pixels, s.Pixels) {
		t.Error("validation depends on seed or epoch")
	}
}

// TestRepeatedFrames: those of a short clip are decoded once and shown often.
func TestRepeatedFrames(t *testing.T) {
	src := &drawn{n: 3, w: 8, h: 8, pixel: numbered}
	ds := open(t, src, Options{Frames: 6, Size: 8, Sparse: true})
	s := read(t, ds, data.Key{})
	for k, frame := range []int{0, 0, 0, 0, 1, 2} {
		if got := at(ds, s, k, 4, 4); got != numbered(frame, 4, 4) {
			t.Errorf("frame %d is %v, want %v", k, got, numbered(frame, 4, 4))
		}
	}
	if !slices.Equal(src.read, []int{0, 1, 2}) {
		t.Errorf("decoded %v, want each frame once", src.read)
	}
}

// TestViews: look v of a clip is segment v/Crops, crop v%Crops.
func TestViews(t *testing.T) {
	for name, c := range map[string]struct {
		w, h  int
		start func(crop int) (x, y int)
	}{
		"landscape": {21, 8, func(j int) (int, int) { return j * 13 / 2, 0 }},
		"portrait":  {8, 21, func(j int) (int, int) { return 0, j * 13 / 2 }},
		"square":    {8, 8, func(int) (int, int) { return 0, 0 }},
	} {
		ds := open(t, &drawn{n: 50, w: c.w, h: c.h, pixel: numbered}, Options{Frames: 4, Size: 8, Rate: 2, Segments: 5, Crops: 3})
		if data.Views(ds) != 15 || ds.Len() != 75 || ds.Name(31) != "clip2" {
			t.Fatalf("%s: %d views, %d samples, number 31 is %s", name, data.Views(ds), ds.Len(), ds.Name(31))
		}
		for view := range 15 {
			s := read(t, ds, data.Key{Sample: 30 + view})
			x, y := c.start(view % 3)
			start := view / 3 * 21 / 4 // (25 - 4)/4 apart
			for k := range 4 {
				if got, want := at(ds, s, k, 1, 2), numbered(2*(start+k), x+1, y+2); got != want {
					t.Errorf("%s: view %d, frame %d: %v, want %v", name, view, k, got, want)
				}
			}
		}
	}
}

// TestOneView: a single segment and crop are the middle.
func TestOneView(t *testing.T) {
	ds := open(t, &drawn{n: 50, w: 20, h: 8, pixel: numbered}, Options{Frames: 5, Size: 8, Rate: 2, Segments: 1, Crops: 1})
	if got, want := at(ds, read(t, ds, data.Key{}), 0, 0, 0), numbered(20, 6, 0); got != want {
		t.Errorf("first pixel %v, want %v", got, want)
	}
	sparse := open(t, &drawn{n: 50, w: 20, h: 8, pixel: numbered}, Options{Frames: 5, Size: 8, Sparse: true, Segments: 2, Crops: 1})
	if got, want := at(sparse, read(t, sparse, data.Key{Sample: 1}), 1, 0, 0), numbered(15, 6, 0); got != want {
		t.Errorf("second sparse look: first pixel %v, want %v", got, want)
	}
}

// TestFramesIgnoreDraw: a repeated sample has the same frames in another crop.
func TestFramesIgnoreDraw(t *testing.T) {
	src := &drawn{n: 200, w: 30, h: 20, pixel: numbered}
	for name, sparse := range map[string]bool{"dense": false, "sparse": true} {
		opt := training(4, 8)
		opt.Sparse = sparse
		ds := open(t, src, opt)
		key := data.Key{Seed: 3, Epoch: 2, Sample: 1}
		first := read(t, ds, key)
		frames := src.read
		key.Draw = 1
		second := read(t, ds, key)
		if !slices.Equal(src.read, frames) {
			t.Errorf("%s: draw 1 has frames %v, draw 0 has %v", name, src.read, frames)
		}
		if slices.Equal(first.Pixels, second.Pixels) {
			t.Errorf("%s: both draws are the same", name)
		}
		key.Epoch = 3
		read(t, ds, key)
		if slices.Equal(src.read, frames) {
			t.Errorf("%s: another epoch has the same frames", name)
		}
	}
}

// TestClipConsistent: what is random is the same for all frames of a clip, and
// differs between clips.
func TestClipConsistent(t *testing.T) {
	policy, err := randaug.Parse("rand-m7-n4-mstd0.5-inc1")
	if err != nil {
		t.Fatal(err)
	}
	opt := training(4, 16)
	opt.Augments = []image.Augment{image.RandAugment{Policy: policy, Filter: image.Bicubic, Fill: [3]uint8{128, 128, 128}}}
	plain := training(4, 16)
	src := &drawn{n: 50, w: 40, h: 30, pixel: still}
	ds, unchanged := open(t, src, opt), open(t, src, plain)
	distinct, changed := map[string]bool{}, 0
	for epoch := range 30 {
		key := data.Key{Epoch: epoch}
		s := read(t, ds, key)
		distinct[string(s.Pixels)] = true
		if !slices.Equal(s.Pixels, read(t, unchanged, key).Pixels) {
			changed++
		}
		frame := 16 * 16
		for i := 0; i < len(s.Pixels); i += frame {
			if k := i / frame; k%4 > 0 && !slices.Equal(s.Pixels[i:i+frame], s.Pixels[i-frame:i]) {
				t.Fatalf("epoch %d: frame %d differs from the one before it", epoch, k%4)
			}
		}
	}
	if len(distinct) < 30 {
		t.Errorf("%d different samples in 30 epochs", len(distinct))
	}
	if changed < 20 { // all four operations are left out once in 16
		t.Errorf("augments change %d of 30 samples", changed)
	}
}

// TestMirror: half of the clips are mirrored, all frames of a clip or none.
func TestMirror(t *testing.T) {
	opt := training(2, 8)
	opt.Scale = [2]float64{1, 1}
	opt.Ratio = [2]float64{1, 1}
	ds := open(t, &drawn{n: 50, w: 8, h: 8, pixel: numbered}, opt)
	mirrored := 0
	for epoch := range 200 {
		s := read(t, ds, data.Key{Epoch: epoch})
		first, second := at(ds, s, 0, 0, 0)[1], at(ds, s, 1, 0, 0)[1]
		if first != second || first != 0 && first != 7 {
			t.Fatalf("left columns %d, %d", first, second)
		}
		if first == 7 {
			mirrored++
		}
	}
	if mirrored < 70 || mirrored > 130 {
		t.Errorf("%d of 200 mirrored", mirrored)
	}
}

// TestMultiScale: all frames of a clip show one of the boxes of image.MultiScaleCrop,
// here those of the frame's height at five places along it, or smaller ones.
func TestMultiScale(t *testing.T) {
	src := &drawn{n: 40, w: 24, h: 8, pixel: numbered}
	ds := open(t, src, Options{Frames: 3, Size: 8, Rate: 2, Train: true, MultiScale: true, Filter: image.Bilinear})
	whole := map[uint8]bool{}
	for i := range 300 {
		s := read(t, ds, data.Key{Epoch: i})
		left, right := at(ds, s, 0, 0, 0), at(ds, s, 0, 7, 7)
		for f := range 3 {
			if got := at(ds, s, f, 7, 7); got[1] != right[1] || got[2] != right[2] {
				t.Fatalf("frame %d ends at %v, the first at %v", f, got[1:], right[1:])
			}
		}
		if left[2] == 0 && right[2] == 7 && right[1]-left[1] == 7 {
			whole[left[1]] = true
		}
		if right[1] < left[1] || right[1] > 23 || right[2]-left[2] > 7 {
			t.Errorf("from %v to %v: mirrored or outside", left[1:], right[1:])
		}
	}
	if got := slices.Sorted(maps.Keys(whole)); !slices.Equal(got, []uint8{0, 4, 8, 12, 16}) {
		t.Errorf("squares as high as the frame begin at %v", got)
	}
}

// growing has frames of ever other sizes.
type growing struct{ drawn }

func (s *growing) Open(int) (Clip, int32, error) { return growingClip{s}, 0, nil }

type growingClip struct{ *growing }

func (c growingClip) Len() int { return 50 }

func (c growingClip) Read(at []int, p *image.Picture, use func(k int) error) error {
	for k := range at {
		p.Resize(20+k, 20)
		if err := use(k); err != nil {
			return err
		}
	}
	return nil
}

func TestReadErrors(t *testing.T) {
	opt := Options{Frames: 4, Size: 8, Rate: 2}
	for name, c := range map[string]struct {
		src  Source
		want string
	}{
		"a frame fails":      {&drawn{n: 8, w: 9, h: 9, pixel: still, broken: 5}, "broken frame"},
		"frames change size": {&growing{}, "frame 23 of clip0: 21x20 pixels, those of frames before it are 20x20"},
		"a sound clip":       {&drawn{n: 8, w: 9, h: 9, pixel: still}, ""},
	} {
		ds := open(t, c.src, opt)
		err := ds.NewReader().Read(data.Key{}, ds.Layout().NewSample())
		if got := fmt.Sprint(err); c.want == "" && err != nil || !strings.Contains(got, c.want) {
			t.Errorf("%s: error %q, want %q", name, got, c.want)
		}
	}
}

func TestNewDatasetRefuses(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"no frames":        func(o *Options) { o.Frames = 0 },
		"no size":          func(o *Options) { o.Size = 0 },
		"huge":             func(o *Options) { o.Size = 1 << 30 },
		"no rate":          func(o *Options) { o.Rate = 0 },
		"huge rate":        func(o *Options) { o.Rate = 1 << 40 },
		"scale of nothing": func(o *Options) { o.Scale[0] = 0 },
		"scale above 1":    func(o *Options) { o.Scale[1] = 1.5 },
		"ratio reversed":   func(o *Options) { o.Ratio = [2]float64{2, 1} },
		"flip above 1":     func(o *Options) { o.Flip = 1.5 },
		"views of train":   func(o *Options) { o.Segments, o.Crops = 2, 3 },
		"small short side": func(o *Options) { o.Train, o.Short = false, 4 },
		"crops alone":      func(o *Options) { o.Train, o.Crops = false, 3 },
		"segments alone":   func(o *Options) { o.Train, o.Segments = false, 3 },
		"negative views":   func(o *Options) { o.Train, o.Segments, o.Crops = false, -1, -1 },
		"many views":       func(o *Options) { o.Train, o.Segments, o.Crops = false, 1<<30, 1<<30 },
	} {
		opt := training(4, 8)
		change(&opt)
		if _, err := NewDataset(&drawn{}, opt); err == nil || !strings.HasPrefix(err.Error(), "video dataset: ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestShort: evaluation resizes to a short side larger than the crop.
func TestShort(t *testing.T) {
	ds := open(t, &drawn{n: 20, w: 24, h: 12, pixel: numbered}, Options{Frames: 2, Size: 8, Short: 12, Rate: 1, Segments: 1, Crops: 3})
	for j, x := range []int{0, 8, 16} {
		if got := at(ds, read(t, ds, data.Key{Sample: j}), 0, 0, 0); got[1] != uint8(x) || got[2] != 2 {
			t.Errorf("crop %d begins at (%d, %d), want (%d, 2)", j, got[1], got[2], x)
		}
	}
}
