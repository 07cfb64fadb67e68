package image

import (
	"encoding/binary"
	"path/filepath"
	"testing"

	"m2pt/data"
	"m2pt/internal/fixture"
)

// TestFileAllocations: a sample in a JPEG file allocates what reading the file and
// calling the library do, also where the picture has to be turned upright. (The
// standard library's decoder allocates a picture each time.)
func TestFileAllocations(t *testing.T) {
	if fixture.Race {
		t.Skip("the race detector allocates, too")
	}
	lib := turbo(t)
	file := readAll(t, filepath.Join("testdata", "420.jpg"))
	src := openFolder(t, fixture.Tree(t, map[string][]byte{"train/a/upright.jpg": file, "train/a/turned.jpg": exif(file, binary.BigEndian, 6)}), "train")
	src.UseTurbo(lib)
	crop := RandomResizedCrop{Side: 24, Scale: [2]float64{0.5, 1}, Ratio: [2]float64{0.75, 4. / 3}, Flip: 0.5}
	ds := NewDataset(src, crop, recipe(), ColorJitter{0.4, 0.4, 0.4})
	r, dst := ds.NewReader(), ds.Layout().NewSample()
	var buf []byte
	for i := range src.Len() {
		files := testing.AllocsPerRun(50, func() { buf, _, _ = src.ReadFile(i, buf) })
		epoch := 0
		read := func() {
			if err := r.Read(data.Key{Sample: i, Epoch: epoch % 50}, dst); err != nil {
				t.Fatal(err)
			}
			epoch++
		}
		for range 50 {
			read() // buffers grow to their largest
		}
		const calls = 2 // into the library: the arguments of each
		if n := testing.AllocsPerRun(50, read); n > files+calls {
			t.Errorf("%s: %g allocations per sample, %g of them to read the file", src.Name(i), n, files)
		}
	}
}
