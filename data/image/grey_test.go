package image

import (
	"slices"
	"testing"

	"m2pt/data"
)

// patch is a Source of one picture.
type patch struct{ Picture }

func (patch) Len() int          { return 1 }
func (patch) Classes() []string { return []string{"a"} }
func (patch) Name(int) string   { return "patch" }
func (p patch) Load(_ int, dst *Picture) (int32, error) {
	dst.Resize(p.W, p.H)
	copy(dst.Pix, p.Pix)
	return 0, nil
}

// TestGrey: a single plane of Pillow's L, before the transform, for any augment.
func TestGrey(t *testing.T) {
	src := patch{Picture{W: 2, H: 2, Pix: []uint8{255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30}}}
	// Image.convert("L") of these pixels, and of them resized to one.
	for side, want := range map[int][]uint8{2: {76, 150, 29, 18}, 1: {69}} {
		ds := NewGreyDataset(src, Shift{Side: side, Filter: Bilinear}, ColorJitter{Saturation: 0.9})
		if got := ds.Layout().Pixels; !slices.Equal(got, []int{1, side, side}) {
			t.Fatalf("layout %v", got)
		}
		s := ds.Layout().NewSample()
		if err := ds.NewReader().Read(data.Key{}, s); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(s.Pixels, want) {
			t.Errorf("side %d: %v, want %v", side, s.Pixels, want)
		}
	}
}
