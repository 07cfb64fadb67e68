package image

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m2pt/data"
)

// tree writes files (slash-separated path -> content) below a new directory.
func tree(t testing.TB, files map[string][]byte) string {
	t.Helper()
	root := t.TempDir()
	for path, content := range files {
		path = filepath.Join(root, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

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
	root := tree(t, map[string][]byte{
		"train/dog/b.JPEG":        png, // told apart by content
		"train/dog/a.jpg":         jpg,
		"train/dog/more/c.png":    png,
		"train/dog/.hidden":       nil,
		"train/cat/x":             jpg,
		"train/.cache/x.jpg":      jpg,
		"train/bird/x.jpg":        jpg,
		"train/README":            nil,
		"validation/dog/only.png": png,
	})
	if err := os.Symlink(filepath.Join(root, "train", "cat"), filepath.Join(root, "train", "zebra")); err != nil {
		t.Fatal(err)
	}
	f := openFolder(t, root, "train")
	if want := []string{"bird", "cat", "dog", "zebra"}; !slices.Equal(f.Classes(), want) {
		t.Errorf("classes %v, want %v", f.Classes(), want)
	}
	var names []string
	var labels []int32
	var p Picture
	for i := range f.Len() {
		label, err := f.Load(i, &p)
		if err != nil {
			t.Fatal(err)
		}
		names, labels = append(names, f.Name(i)), append(labels, label)
	}
	if want := []string{"bird/x.jpg", "cat/x", "dog/a.jpg", "dog/b.JPEG", "dog/more/c.png", "zebra/x"}; !slices.Equal(names, want) {
		t.Errorf("files %v, want %v", names, want)
	}
	if want := []int32{0, 1, 2, 2, 2, 3}; !slices.Equal(labels, want) {
		t.Errorf("labels %v, want %v", labels, want)
	}
	val := openFolder(t, root, "val")
	if label, err := val.Load(0, &p); val.Len() != 1 || label != 2 || err != nil || p.W != 10 || p.H != 20 {
		t.Errorf("val: %d files, label %d of the first, error %v, %dx%d", val.Len(), label, err, p.W, p.H)
	}
}

func TestOpenFolderRefuses(t *testing.T) {
	root := tree(t, map[string][]byte{"train/cat/x": nil, "val/dog/x": nil, "test/README": nil})
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
	root := tree(t, map[string][]byte{"training/ape/x": nil, "training/cat/x": nil, "training/dog/x": nil, "val/cat/x": nil, "val/dog/x": nil})
	classes, err := FolderClasses(root, "training")
	if err != nil {
		t.Fatal(err)
	}
	for split, want := range map[string][]int32{"training": {0, 1, 2}, "val": {1, 2}} {
		f, err := OpenFolder(root, split, classes)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(f.labels, want) || !slices.Equal(f.Classes(), []string{"ape", "cat", "dog"}) {
			t.Errorf("%s: labels %v of %v, want %v", split, f.labels, f.Classes(), want)
		}
	}
	own, err := OpenFolder(root, "val", nil)
	if err != nil || !slices.Equal(own.labels, []int32{0, 1}) {
		t.Errorf("on its own: labels %v, %v", own.labels, err)
	}
}

// TestDamagedFiles: a loader over a folder skips what cannot be read and says
// which files.
func TestDamagedFiles(t *testing.T) {
	good := encoded(t, "jpeg", noiseImage(40, 40))
	root := tree(t, map[string][]byte{
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
	root := external(t, "M2PT_DATA", "data", "image/flowers12")
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
