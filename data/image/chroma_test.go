package image

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestDecodeNearPillow: testdata holds small pictures written by Pillow, and
// beside each the RGB bytes Pillow reads from it. Only the rounding of the
// inverse cosine transform may differ.
func TestDecodeNearPillow(t *testing.T) {
	for _, name := range []string{"444.jpg", "422.jpg", "420.jpg", "420.webp"} {
		t.Run(name, func(t *testing.T) {
			file, err := os.ReadFile(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(filepath.Join("testdata", name+".rgb"))
			if err != nil {
				t.Fatal(err)
			}
			var p Picture
			if err := Decode(file, &p); err != nil {
				t.Fatal(err)
			}
			if p.W != 21 || p.H != 13 || len(p.Pix) != len(want) {
				t.Fatalf("%dx%d, want 21x13", p.W, p.H)
			}
			most, sum := 0, 0
			for i, v := range want {
				d := max(int(p.Pix[i])-int(v), int(v)-int(p.Pix[i]))
				most, sum = max(most, d), sum+d
			}
			t.Logf("largest difference %d, mean %.3f", most, float64(sum)/float64(len(want)))
			if mean := float64(sum) / float64(len(want)); most > 3 || mean > 0.15 {
				t.Errorf("differs from Pillow by up to %d, on average by %.3f", most, mean)
			}
		})
	}
}

func TestStretch(t *testing.T) {
	for _, c := range []struct {
		name      string
		near, far []uint8
		even, odd int
		want      []uint8
	}{
		{"even width", []uint8{0, 100}, []uint8{0, 100}, 4, 8, []uint8{0, 25, 75, 100}},
		{"odd width", []uint8{0, 100, 20}, []uint8{0, 100, 20}, 4, 8, []uint8{0, 25, 75, 80, 40}},
		{"single", []uint8{9}, []uint8{9}, 8, 7, []uint8{9}},
		{"two rows", []uint8{100, 0}, []uint8{20, 0}, 8, 7, []uint8{80, 60, 20, 0}},
		{"largest", []uint8{255, 255}, []uint8{255, 255}, 8, 7, []uint8{255, 255, 255, 255}},
	} {
		got := make([]uint8, len(c.want))
		if stretch(got, c.near, c.far, c.even, c.odd); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
