package image

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m2pt/data"
	"m2pt/internal/fixture"
)

// openFolder opens a split that has the classes of the split train.
func openFolder(t testing.TB, root, split string) *Folder {
	t.Helper()
	classes, err := FolderClasses(root, "train")
	if err != nil {
		t.Fatal(err)
	}
	f, err := OpenFolder(root, split, classes)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFolder(t *testing.T) {
	jpg, png := encoded(t, "jpeg", noiseImage(20, 10)), encoded(t, "png", noiseImage(10, 20))
	root := fixture.Tree(t, map[string][]byte{
		"train/dog/b.JPEG":        png, // told apart by content
		"train/dog/more/c.png":    png,
		"train/cat/x":             jpg,
		"validation/dog/only.png": png,
	})
	for split, want := range map[string][]string{
		"train": {"cat/x=0 20x10", "dog/b.JPEG=1 10x20", "dog/more/c.png=1 10x20"},
		"val":   {"dog/only.png=1 10x20"},
	} {
		if got := labelsOf(openFolder(t, root, split)); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", split, got, want)
		}
	}
}

func TestOpenFolderRefuses(t *testing.T) {
	root := fixture.Tree(t, map[string][]byte{"train/cat/x": nil, "val/dog/x": nil, "test/README": nil})
	for split, say := range map[string]string{"val": `unknown class: "dog"`, "test": "no files", "holdout": "no directory"} {
		if _, err := OpenFolder(root, split, []string{"cat"}); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: error %v, want one that says %q", split, err, say)
		}
	}
	if _, err := FolderClasses(root, "holdout"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("classes of no split: %v", err)
	}
}

// TestFolderClasses: labels count in the classes given, not in the split's own.
func TestFolderClasses(t *testing.T) {
	png := encoded(t, "png", noiseImage(1, 2))
	root := fixture.Tree(t, map[string][]byte{"training/ape/x": png, "training/cat/x": png, "training/dog/x": png, "val/cat/x": png, "val/dog/x": png})
	classes, err := FolderClasses(root, "training")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		split         string
		classes, want []string
	}{
		{"training", nil, []string{"ape/x=0 1x2", "cat/x=1 1x2", "dog/x=2 1x2"}},
		{"val", classes, []string{"cat/x=1 1x2", "dog/x=2 1x2"}},
		{"val", nil, []string{"cat/x=0 1x2", "dog/x=1 1x2"}},
	} {
		f, err := OpenFolder(root, c.split, c.classes)
		if err != nil {
			t.Fatal(err)
		}
		if got := labelsOf(f); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.split, got, c.want)
		}
	}
}

// TestDamagedFiles: a loader over a folder skips what cannot be read and says
// which files.
func TestDamagedFiles(t *testing.T) {
	good := encoded(t, "jpeg", noiseImage(40, 40))
	root := fixture.Tree(t, map[string][]byte{
		"train/a/1.jpg": good, "train/a/2.jpg": good[:len(good)/2], "train/a/3.jpg": nil,
		"train/b/4.jpg": good, "train/b/5.txt": []byte("notes"), "train/b/6.png": pngHeader(1<<20, 1<<20),
	})
	ds := NewDataset(openFolder(t, root, "train"), RandomResizedCrop{Side: 16, Scale: [2]float64{0.08, 1}, Ratio: [2]float64{0.75, 4.0 / 3}, Flip: 0.5})
	l, err := data.NewLoader(ds, data.Options{Batch: 3, Workers: 2, Shuffle: true, MaxSkipped: 4})
	if err != nil {
		t.Fatal(err)
	}
	batches := 0
	for b, err := range l.Epoch(context.Background(), 0, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if batches++; b.Valid != 3 {
			t.Errorf("batch of %d", b.Valid)
		}
	}
	var skipped []string
	for _, s := range l.Skipped() {
		skipped = append(skipped, s.Name)
		if !strings.Contains(s.Err.Error(), filepath.FromSlash(s.Name)) {
			t.Errorf("%s: error %q does not name the file", s.Name, s.Err)
		}
	}
	slices.Sort(skipped)
	if want := []string{"a/2.jpg", "a/3.jpg", "b/5.txt", "b/6.png"}; batches != 2 || !slices.Equal(skipped, want) {
		t.Errorf("%d batches, skipped %v, want 2 and %v", batches, skipped, want)
	}
}

func TestRealFolder(t *testing.T) {
	root := fixture.Data(t, "image/flowers12")
	for split, want := range map[string]int{"train": 96, "val": 36, "test": 36} {
		f := openFolder(t, root, split)
		if f.Len() != want || len(f.Classes()) != 12 {
			t.Errorf("%s: %d pictures of %d classes, want %d of 12", split, f.Len(), len(f.Classes()), want)
		}
		var p Picture
		for i := 0; i < f.Len(); i += 12 {
			if _, err := f.Load(i, &p); err != nil || p.W != 224 || p.H != 224 {
				t.Errorf("%s: %dx%d, error %v", f.Name(i), p.W, p.H, err)
			}
		}
	}
}
