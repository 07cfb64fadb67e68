package image

import (
	"slices"
	"testing"
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
	f := openNPZ(t, "testdata/augment.npz")
	var meta struct {
		Fill  [3]uint8
		Cases []struct {
			Picture, Op, Filter string
			Arg                 float64
		}
	}
	f.meta(t, &meta)
	rest, _ := read[uint8](t, f, "results")
	met := map[string]bool{}
	for _, k := range meta.Cases {
		src := f.picture(t, "picture/"+k.Picture)
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
