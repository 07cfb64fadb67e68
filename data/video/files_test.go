package video

import (
	"bytes"
	stdimage "image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m2pt/data"
	"m2pt/data/image"
	"m2pt/internal/fixture"
)

func write(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
}

// painted is a picture w x h whose red is its number.
func painted(number, w, h int) stdimage.Image {
	m := stdimage.NewNRGBA(stdimage.Rect(0, 0, w, h))
	for i := range w * h {
		m.Set(i%w, i/w, color.NRGBA{uint8(number), uint8(10 * (i % w)), uint8(10 * (i / w)), 255})
	}
	return m
}

func pngFile(t testing.TB, number, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, painted(number, w, h)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jpegFile(t testing.TB, number, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, painted(number, w, h), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// reds returns the red of the first pixel of each frame of a clip.
func reds(t testing.TB, src Source, i int) (all []int) {
	t.Helper()
	clip, _, err := src.Open(i)
	if err != nil {
		t.Fatal(err)
	}
	at := make([]int, clip.Len())
	for k := range at {
		at[k] = k
	}
	var p image.Picture
	if err := clip.Read(at, &p, func(int) error { all = append(all, int(p.Pix[0])); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// names and labels of a source.
func listing(t testing.TB, src Source) (names []string, labels []int32) {
	t.Helper()
	for i := range src.Len() {
		_, label, err := src.Open(i)
		if err != nil {
			t.Fatal(err)
		}
		names, labels = append(names, src.Name(i)), append(labels, label)
	}
	return names, labels
}

func TestOpenFolder(t *testing.T) {
	root := t.TempDir()
	for _, number := range []int{1, 2, 9, 10, 11} { // 10 sorts before 9 as text
		write(t, filepath.Join(root, "train", "wave", "clip1", "f"+string(rune('0' + number/10))[0:number/10]+string(rune('0'+number%10))+".png"), pngFile(t, number, 3, 2))
	}
	write(t, filepath.Join(root, "train", "wave", "clip1", ".hidden"), []byte("x"))
	write(t, filepath.Join(root, "train", "clap", "b", "1.png"), pngFile(t, 7, 3, 2))
	write(t, filepath.Join(root, "train", ".cache", "b", "1.png"), nil)
	write(t, filepath.Join(root, "val", "wave", "c", "1.png"), pngFile(t, 8, 3, 2))
	f, err := OpenFolder(root, "train")
	if err != nil {
		t.Fatal(err)
	}
	names, labels := listing(t, f)
	if !slices.Equal(names, []string{"clap/b", "wave/clip1"}) || !slices.Equal(labels, []int32{0, 1}) {
		t.Errorf("clips %v with labels %v", names, labels)
	}
	if got := reds(t, f, 1); !slices.Equal(got, []int{1, 2, 9, 10, 11}) {
		t.Errorf("frames %v: want them by number", got)
	}
	write(t, filepath.Join(root, "val", "jump", "c", "1.png"), nil)
	if _, err := OpenFolder(root, "val"); err == nil || !strings.Contains(err.Error(), `video folder `) || !strings.Contains(err.Error(), `unknown class: "jump"`) {
		t.Errorf("unknown class: %v", err)
	}
}

func TestNatural(t *testing.T) {
	want := []string{"", "1.jpg", "01.jpg", "2.jpg", "10.jpg", "a", "a1b2", "a1b10", "a2", "a99999999999999999999", "a100000000000000000000", "b"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, natural)
	want[1], want[2] = want[2], want[1] // equal by value: by text
	if !slices.Equal(got, want) {
		t.Errorf("order %q, want %q", got, want)
	}
}

func TestPattern(t *testing.T) {
	for s, want := range map[string]string{
		"img_{:05}.jpg": "img_00042.jpg", "{:06d}.png": "000042.png", "f{}.jpg": "f42.jpg", "f{:d}": "f42", "{:01}": "42",
		"x": "", "{:5}": "", "{:05}{:05}": "", "{:05x}": "", "{": "", "{:0123}": "",
	} {
		p, err := parsePattern(s)
		if (err != nil) != (want == "") {
			t.Errorf("%s: error %v", s, err)
		} else if err == nil && p.name(42) != want {
			t.Errorf("%s: %q, want %q", s, p.name(42), want)
		}
	}
}

// lists makes a dataset of two frame folders with VideoMAE's lists.
func lists(t *testing.T) string {
	dir := t.TempDir()
	for number := range 6 {
		write(t, filepath.Join(dir, "clips", "one", "img_0000"+string(rune('0'+number))+".jpg"), jpegFile(t, 20*number, 16, 16))
	}
	write(t, filepath.Join(dir, "clips", "with space", "img_00001.jpg"), jpegFile(t, 9, 16, 16))
	write(t, filepath.Join(dir, "train.csv"), []byte("clips/one 5 3\n\"clips/with space\" 1 0\n"))
	write(t, filepath.Join(dir, "val.csv"), []byte("clips/one 4 1\r\n"))
	return dir
}

func TestOpenList(t *testing.T) {
	dir := lists(t)
	f, err := OpenList(dir, "train", ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	names, labels := listing(t, f)
	if !slices.Equal(names, []string{"clips/one", "clips/with space"}) || !slices.Equal(labels, []int32{3, 0}) {
		t.Errorf("clips %q with labels %v", names, labels)
	}
	near := func(got, want []int) bool {
		return slices.EqualFunc(got, want, func(a, b int) bool { return a-b < 8 && b-a < 8 })
	}
	if got := reds(t, f, 0); !near(got, []int{20, 40, 60, 80, 100}) {
		t.Errorf("frames %v, want 1 to 5", got)
	}
	for _, split := range []string{"val", "test"} {
		f, err := OpenList(dir, split, ListOptions{ZeroBased: true})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(f.Classes(), []string{"0", "1", "2", "3"}) {
			t.Errorf("%s: classes %v, want those of train", split, f.Classes())
		}
		if got := reds(t, f, 0); !near(got, []int{0, 20, 40, 60}) {
			t.Errorf("%s: frames %v, want 0 to 3", split, got)
		}
	}
	write(t, filepath.Join(dir, "classes.txt"), []byte("a\nb\nc\nd\ne\n"))
	elsewhere := t.TempDir()
	if err := os.Rename(filepath.Join(dir, "clips"), filepath.Join(elsewhere, "clips")); err != nil {
		t.Fatal(err)
	}
	f, err = OpenList(dir, "train", ListOptions{Root: elsewhere})
	if err != nil {
		t.Fatal(err)
	}
	if reds(t, f, 0); len(f.Classes()) != 5 {
		t.Errorf("classes %v, want those of classes.txt", f.Classes())
	}
	write(t, filepath.Join(dir, "classes.txt"), []byte("a\nb\nc\n"))
	if _, err := OpenList(dir, "train", ListOptions{}); err == nil || !strings.Contains(err.Error(), "clips/one: label 3: want 0 to 2") {
		t.Errorf("label above the classes: %v", err)
	}
}

func TestOpenListRefuses(t *testing.T) {
	for content, want := range map[string]string{
		"":                            "the list is empty",
		"clip\n":                      "want a video and its label",
		"a clip with spaces.mp4 3\n":  "put paths with spaces in quotes",
		"clip.mp4 -1\n":               "label",
		"clip.mp4 one\n":              "label",
		"clip.mp4 99999999999999\n":   "label",
		"clip.mp4 70000\n":            "want 0 to 65535",
		"folder 0 1\n":                "frames",
		"folder -3 1\n":               "frames",
		"folder 99999999999 1\n":      "frames",
		"clip.mp4 1\nfolder 12 1\n":   "wrong number of fields",
		"\"clip.mp4 1\n":              "\"",
		"\x00\x01\x02\xff binary 1\n": "",
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "train.csv"), []byte(content))
		_, err := OpenList(dir, "train", ListOptions{})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "train.csv") {
			t.Errorf("%q: error %v, want %q", content, err, want)
		}
	}
	if _, err := OpenList(t.TempDir(), "test", ListOptions{}); err == nil || !strings.Contains(err.Error(), "no file test.csv, val.csv") {
		t.Errorf("no list: %v", err)
	}
	if _, err := OpenList(lists(t), "train", ListOptions{Pattern: "img.jpg"}); err == nil || !strings.Contains(err.Error(), "img_{:05}.jpg") {
		t.Errorf("pattern: %v", err)
	}
}

func FuzzList(f *testing.F) {
	f.Add("clips/one 5 3\n\"clips/with space\" 1 0\n")
	f.Add("video.mp4 3\r\n\r\nother.mp4 0")
	f.Add("a 1 2 3\n")
	f.Fuzz(func(t *testing.T, text string) {
		lines, err := parseList(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, l := range lines {
			if l.path == "" || l.label < 0 || l.label > maxLabel || l.frames < 0 || l.frames > maxFrames {
				t.Errorf("line %+v of %q", l, text)
			}
		}
	})
}

// TestBrokenFrames: a clip that cannot be read is an error that names the file.
func TestBrokenFrames(t *testing.T) {
	whole := jpegFile(t, 3, 16, 16)
	huge := pngFile(t, 3, 16, 16)
	copy(huge[16:], "\x7f\xff\xff\xff\x7f\xff\xff\xff") // width and height in the header
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"truncated":  {whole[:len(whole)/2], "2.jpg: decode JPEG"},
		"empty":      {nil, "2.jpg: decode picture: the file is empty"},
		"wrong type": {[]byte("<html>not found</html>"), "2.jpg: decode picture: not JPEG"},
		"absurd":     {huge, "2.jpg: decode PNG"},
		"other size": {jpegFile(t, 3, 17, 16), "frame 1 of "},
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "train", "a", "clip", "1.jpg"), whole)
		write(t, filepath.Join(dir, "train", "a", "clip", "2.jpg"), c.file)
		f, err := OpenFolder(dir, "train")
		if err != nil {
			t.Fatal(err)
		}
		ds := open(t, f, Options{Frames: 2, Size: 8, Sparse: true})
		if err := ds.NewReader().Read(data.Key{}, ds.Layout().NewSample()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

func TestMissingClips(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "classes.txt"), []byte("a\n"))
	write(t, filepath.Join(dir, "split.csv"), []byte("path,label,split\nempty,0,train\ngone,0,train\n"))
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o777); err != nil {
		t.Fatal(err)
	}
	f, err := OpenCSV(filepath.Join(dir, "split.csv"), "train")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCSV(filepath.Join(dir, "split.csv"), "val"); err == nil || !strings.Contains(err.Error(), "split.csv: no clip of split val, validation, test") {
		t.Errorf("no clip: %v", err)
	}
	for i, want := range []string{"the folder has no files", "no such file"} {
		if _, _, err := f.Open(i); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), f.Name(i)) {
			t.Errorf("%s: %v, want %q", f.Name(i), err, want)
		}
	}
}

// TestUTInteraction reads the real clips.
func TestUTInteraction(t *testing.T) {
	path := fixture.Data(t, "video/ut_interaction/split.csv")
	for split, want := range map[string]int{"train": 36, "val": 24, "test": 24} {
		f, err := OpenCSV(path, split)
		if err != nil {
			t.Fatal(err)
		}
		if f.Len() != want || len(f.Classes()) != 6 {
			t.Fatalf("%s: %d clips of %d classes, want %d of 6", split, f.Len(), len(f.Classes()), want)
		}
		opt := Options{Frames: 8, Size: 64, Rate: 2, Filter: image.Linear, Segments: 2, Crops: 3}
		if split == "train" {
			opt = training(8, 64)
		}
		ds := open(t, f, opt)
		r, s, counts := ds.NewReader(), ds.Layout().NewSample(), make([]int, 6)
		for i := range ds.Len() {
			if err := r.Read(data.Key{Sample: i}, s); err != nil {
				t.Fatal(err)
			}
			counts[s.Label]++
		}
		if counts[0] != ds.Len()/6 || slices.Min(counts) != slices.Max(counts) {
			t.Errorf("%s: %v clips per class", split, counts)
		}
	}
}
