package image

import (
	"slices"
	"testing"

	"m2pt/data"
	"m2pt/internal/fixture"
)

// canvas is a picture as planes.
func canvas(p *Picture) *Canvas {
	c := &Canvas{}
	c.use(make([]uint8, len(p.Pix)), p.W, p.H)
	for i, v := range p.Pix {
		c.Planes[i%3][i/3] = v
	}
	return c
}

// pixels is a canvas as bytes R, G, B.
func pixels(c *Canvas) []uint8 {
	pix := make([]uint8, 3*c.W*c.H)
	for i := range pix {
		pix[i] = c.Planes[i%3][i/3]
	}
	return pix
}

// opNames are the operations as timm calls them.
func opNames() []string {
	return []string{"AutoContrast", "Equalize", "Invert", "Rotate", "Posterize", "Solarize", "SolarizeAdd", "Color",
		"Contrast", "Brightness", "Sharpness", "ShearX", "ShearY", "TranslateXRel", "TranslateYRel"}
}

// TestPillow compares every operation with what Pillow made of the same picture
// (scripts/pillow_augment.py), bit for bit.
func TestPillow(t *testing.T) {
	f := fixture.OpenNPZ(t, "testdata/augment.npz")
	var meta struct {
		Fill  [3]uint8
		Cases []struct {
			Picture, Op, Filter string
			Arg                 float64
		}
	}
	f.Meta(t, &meta)
	rest, _ := fixture.Read[uint8](t, f, "results")
	met := map[string]bool{}
	for _, k := range meta.Cases {
		src := picture(t, f, "picture/"+k.Picture)
		want := rest[:len(src.Pix)]
		rest = rest[len(src.Pix):]
		met[k.Op] = true
		filter := Bicubic
		if k.Filter == "bilinear" {
			filter = Bilinear
		}
		c := canvas(src)
		c.do(step{opKind(slices.Index(opNames(), k.Op)), k.Arg}, filter, meta.Fill)
		if got := pixels(c); !slices.Equal(got, want) {
			i := firstDifference(got, want)
			t.Errorf("%s(%g) %s of %s: byte %d of pixel (%d,%d) is %d, want %d", k.Op, k.Arg, k.Filter, k.Picture,
				i%3, i/3%src.W, i/3/src.W, got[i], want[i])
		}
	}
	if len(rest) != 0 || len(met) != numOps {
		t.Errorf("%d bytes left over; %d operations compared, want %d", len(rest), len(met), numOps)
	}
}

func firstDifference(a, b []uint8) int {
	for i, v := range a {
		if v != b[i] {
			return i
		}
	}
	return -1
}

// invert is an Augment that draws nothing.
type invert struct{}

func (invert) Apply(_ data.Key, c *Canvas) { c.invert() }

// paint sets the top left pixel.
type paint [3]uint8

func (p paint) Apply(_ data.Key, c *Canvas) { c.set(0, p[0], p[1], p[2]) }

func TestAugmentPicture(t *testing.T) {
	var c Canvas
	for _, w := range []int{3, 2} { // the memory of a larger picture serves a smaller one
		p := &Picture{W: w, H: 1, Pix: []uint8{10, 20, 30, 40, 50, 60, 70, 80, 90}[:3*w]}
		want := []uint8{1, 2, 3, 215, 205, 195, 185, 175, 165}[:3*w]
		c.Augment(data.Key{}, p, []Augment{invert{}, paint{1, 2, 3}})
		if !slices.Equal(p.Pix, want) {
			t.Errorf("width %d: %v, want %v", w, p.Pix, want)
		}
		c.Augment(data.Key{}, p, nil)
		if !slices.Equal(p.Pix, want) {
			t.Errorf("width %d: no augment makes %v", w, p.Pix)
		}
	}
}
