package image

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"m2pt/data"
	"m2pt/internal/fixture"
)

// record is a CIFAR-10 record: a label and three even planes.
func record(label, r, g, b byte) []byte {
	out := []byte{label}
	for _, v := range []byte{r, g, b} {
		out = append(out, bytes.Repeat([]byte{v}, cifarPlane)...)
	}
	return out
}

func TestCIFAR10(t *testing.T) {
	dir := fixture.Tree(t, map[string][]byte{
		"batches.meta.txt": []byte("plane\ncar\nbird\n\n"),
		"data_batch_1.bin": slices.Concat(record(2, 1, 2, 3), record(0, 4, 5, 6)),
		"data_batch_2.bin": record(1, 7, 8, 9),
		"test_batch.bin":   record(2, 10, 11, 12),
	})
	for _, c := range []struct {
		split string
		i     int
		name  string
		label int32
		first byte
	}{
		{"train", 0, "data_batch_1.bin:0", 2, 1},
		{"train", 1, "data_batch_1.bin:1", 0, 4},
		{"train", 2, "data_batch_2.bin:0", 1, 7},
		{"test", 0, "test_batch.bin:0", 2, 10},
		{"val", 0, "test_batch.bin:0", 2, 10},
	} {
		s, err := OpenCIFAR10(dir, c.split)
		if err != nil {
			t.Fatal(err)
		}
		var p Picture
		label, err := s.Load(c.i, &p)
		pixel := []byte{c.first, c.first + 1, c.first + 2}
		if err != nil || label != c.label || s.Name(c.i) != c.name || !bytes.Equal(p.Pix, bytes.Repeat(pixel, cifarPlane)) {
			t.Errorf("%s %d: label %d, name %s, first pixel %v, error %v", c.split, c.i, label, s.Name(c.i), p.Pix[:3], err)
		}
	}
}

func TestOpenCIFAR10Refuses(t *testing.T) {
	names := []byte("plane\ncar\n")
	good := record(1, 0, 0, 0)
	for name, c := range map[string]struct {
		files map[string][]byte
		say   string
	}{
		"no names":     {map[string][]byte{"test_batch.bin": good}, "batches.meta.txt"},
		"no file":      {map[string][]byte{"batches.meta.txt": names}, "test_batch.bin"},
		"cut off":      {map[string][]byte{"batches.meta.txt": names, "test_batch.bin": good[:3000]}, "3000 bytes"},
		"empty":        {map[string][]byte{"batches.meta.txt": names, "test_batch.bin": nil}, "0 bytes"},
		"large labels": {map[string][]byte{"batches.meta.txt": names, "test_batch.bin": slices.Concat(good, record(2, 0, 0, 0))}, "record 1: label 2"},
	} {
		if _, err := OpenCIFAR10(fixture.Tree(t, c.files), "test"); err == nil || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: error %v, want one that says %q", name, err, c.say)
		}
	}
	if _, err := OpenCIFAR10(t.TempDir(), "holdout"); err == nil {
		t.Error("split holdout: no error")
	}
}

func FuzzCIFAR10(f *testing.F) {
	f.Add(record(9, 1, 2, 3))
	f.Add(slices.Concat(record(9, 1, 2, 3), record(10, 1, 2, 3)))
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, records []byte) {
		c := &CIFAR10{classes: make([]string, 10)}
		if err := c.add("fuzz", records); err != nil {
			return
		}
		var p Picture
		for i := range c.Len() {
			if label, err := c.Load(i, &p); err != nil || label < 0 || label > 9 {
				t.Errorf("record %d: label %d, error %v", i, label, err)
			}
		}
	})
}

func TestRealCIFAR10(t *testing.T) {
	dir := fixture.Data(t, "image/cifar10")
	for split, want := range map[string]int{"train": 1600, "test": 400} {
		c, err := OpenCIFAR10(dir, split)
		if err != nil {
			t.Fatal(err)
		}
		if c.Len() != want || len(c.Classes()) != 10 || c.Classes()[9] != "truck" {
			t.Errorf("%s: %d pictures of %v, want %d", split, c.Len(), c.Classes(), want)
		}
	}
}

// TestReadAllocatesNothing: transforming a picture that is in memory reuses the
// reader's buffers.
func TestReadAllocatesNothing(t *testing.T) {
	c := &CIFAR10{classes: make([]string, 10)}
	if err := c.add("test", record(3, 10, 20, 30)); err != nil {
		t.Fatal(err)
	}
	for name, tr := range map[string]Transform{
		"shift": Shift{Side: 32, Pad: 4, Flip: 0.5},
		"crop":  RandomResizedCrop{Side: 32, Scale: [2]float64{1, 1}, Ratio: [2]float64{1, 1}},
		"eval":  CropPct(32, 0, Bicubic),
	} {
		ds := NewDataset(c, tr)
		r, dst := ds.NewReader(), ds.Layout().NewSample()
		if n := testing.AllocsPerRun(10, func() {
			if err := r.Read(data.Key{}, dst); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%s: %g allocations per sample", name, n)
		}
	}
}
