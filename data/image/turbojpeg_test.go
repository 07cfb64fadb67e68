package image

import (
	"encoding/binary"
	"fmt"
	stdimage "image"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"m2pt/internal/fixture"
)

// turbo loads libturbojpeg and skips the test where it is not installed.
func turbo(t testing.TB) *Turbo {
	t.Helper()
	lib, err := OpenTurbo()
	if err != nil {
		t.Skipf("libturbojpeg is not installed (Debian: libturbojpeg0): its test is skipped: %v", err)
	}
	return lib
}

// jpegs are the pictures of testdata and photos6, by name.
func jpegs(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.jpg")
	if err != nil || len(paths) == 0 {
		t.Fatalf("%v: no pictures in testdata", err)
	}
	root := os.Getenv("M2PT_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	photos, _ := filepath.Glob(filepath.Join(root, "image", "photos6", "*.JPEG"))
	files := map[string][]byte{}
	for _, path := range append(paths, photos...) {
		files[filepath.Base(path)] = readAll(t, path)
	}
	return files
}

func readAll(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestTurboEqualsPillow: see TestDecodeNearPillow.
func TestTurboEqualsPillow(t *testing.T) {
	lib := turbo(t)
	for _, name := range []string{"444.jpg", "422.jpg", "420.jpg"} {
		var p Picture
		file := readAll(t, filepath.Join("testdata", name))
		if !lib.decode(file, &p) {
			t.Fatalf("%s: the library refuses it", name)
		}
		if want := readAll(t, filepath.Join("testdata", name+".rgb")); !slices.Equal(p.Pix, want) {
			t.Errorf("%s: %dx%d differs from Pillow", name, p.W, p.H)
		}
	}
}

func TestTurboNearGo(t *testing.T) {
	lib := turbo(t)
	for name, file := range jpegs(t) {
		var got, want Picture
		must(t, Decode(file, &want))
		if !lib.decode(file, &got) {
			t.Fatalf("%s: the library refuses it", name)
		}
		if got.W != want.W || got.H != want.H || len(got.Pix) != len(want.Pix) {
			t.Fatalf("%s: %dx%d, want %dx%d", name, got.W, got.H, want.W, want.H)
		}
		most, sum := 0, 0
		for i, v := range want.Pix {
			d := max(int(got.Pix[i])-int(v), int(v)-int(got.Pix[i]))
			most, sum = max(most, d), sum+d
		}
		t.Logf("%s: largest difference %d, mean %.3f", name, most, float64(sum)/float64(len(want.Pix)))
		if most > 3 {
			t.Errorf("%s: differs by up to %d", name, most)
		}
	}
}

// cmyk makes a grey JPEG file of the standard library one of four components, all
// mid-grey.
func cmyk(t *testing.T) []byte {
	t.Helper()
	file := encoded(t, "jpeg", filled(stdimage.NewGray(stdimage.Rect(0, 0, 8, 8)), stdimage.Black))
	sof := strings.Index(string(file), "\xff\xc0")
	sos := strings.Index(string(file), "\xff\xda")
	out := append(slices.Clone(file[:sof]), "\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"...)
	out = append(out, 0xff, 0xc0, 0, 20, 8, 0, 8, 0, 8, 4)
	for c := range byte(4) {
		out = append(out, c+1, 0x11, 0)
	}
	out = append(out, file[sof+13:sos]...) // a grey frame header has 11 bytes
	out = append(out, 0xff, 0xda, 0, 14, 4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 63, 0)
	return append(out, 0x28, 0xa2, 0x8a, 0xff, 0xd9) // four blocks of zeros: 00 (DC), 1010 (end of block)
}

// TestTurboLeaves: what the library is not asked for, or complains about, is what
// the standard library makes of it, good or bad.
func TestTurboLeaves(t *testing.T) {
	lib := turbo(t)
	good := encoded(t, "jpeg", noiseImage(64, 48))
	ink := cmyk(t)
	huge := slices.Clone(good)
	sof := strings.Index(string(huge), "\xff\xc0")
	binary.BigEndian.PutUint32(huge[sof+5:], 0xffffffff)
	files := map[string][]byte{
		"empty":   nil,
		"text":    []byte("hello, world"),
		"PNG":     encoded(t, "png", noiseImage(9, 7)),
		"CMYK":    ink,
		"65535²":  huge,
		"no EOI":  good[:len(good)-2],
		"damaged": damaged(good),
	}
	for _, n := range []int{3, 4, 20, 200, len(good) / 2, len(good) - 10} {
		files[fmt.Sprintf("cut to %d bytes", n)] = good[:n]
	}
	for name, file := range files {
		var got, want Picture
		if lib.decode(file, &got) {
			t.Errorf("%s: decoded by the library", name)
		}
		if !lib.decode(good, &got) {
			t.Errorf("%s: the library refuses a good picture after it", name)
		}
		err, usual := lib.Decode(file, &got), Decode(file, &want)
		if (err == nil) != (usual == nil) || err != nil && err.Error() != usual.Error() {
			t.Errorf("%s: error %v, want %v", name, err, usual)
		}
		if err == nil && !slices.Equal(got.Pix, want.Pix) {
			t.Errorf("%s: other pixels", name)
		}
		if cut := name == "no EOI" || strings.HasPrefix(name, "cut"); cut && err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := lib.Decode(ink, &Picture{}); err != nil {
		t.Errorf("CMYK: %v", err)
	}
	if err := lib.Decode(huge, &Picture{}); err == nil || !strings.Contains(err.Error(), "65535 x 65535 pixels") {
		t.Errorf("65535²: error %v", err)
	}
}

// damaged puts a marker amid the entropy-coded data.
func damaged(file []byte) []byte {
	b := slices.Clone(file)
	copy(b[len(b)/2:], "\xff\xd9")
	return b
}

func TestTurboOrientation(t *testing.T) {
	lib := turbo(t)
	var stored, upright Picture
	file := encoded(t, "jpeg", noiseImage(20, 10))
	must(t, lib.Decode(file, &stored))
	must(t, lib.Decode(exif(file, binary.BigEndian, 6), &upright))
	stored.turn(6)
	if upright.W != 10 || !slices.Equal(upright.Pix, stored.Pix) {
		t.Errorf("%dx%d is not turned clockwise", upright.W, upright.H)
	}
}

// TestTurboConcurrent: readers share a library, and reuse their memory.
func TestTurboConcurrent(t *testing.T) {
	lib := turbo(t)
	files := [][]byte{encoded(t, "jpeg", noiseImage(64, 48)), encoded(t, "jpeg", noiseImage(31, 57))}
	want := make([]Picture, len(files))
	for i, file := range files {
		must(t, lib.Decode(file, &want[i]))
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			var p Picture
			for n := range 40 {
				i := n % len(files)
				if err := lib.Decode(files[i], &p); err != nil || !slices.Equal(p.Pix, want[i].Pix) {
					t.Errorf("picture %d: error %v or other pixels", i, err)
				}
				if n == 20 {
					runtime.GC() // frees idle handles
				}
			}
		})
	}
	wg.Wait()
}

func TestTurboFolder(t *testing.T) {
	lib := turbo(t)
	file := readAll(t, "testdata/420.jpg")
	f := openFolder(t, fixture.Tree(t, map[string][]byte{"train/cat/0.jpg": file, "train/cat/1.jpg": file[:len(file)/2]}), "train")
	f.UseTurbo(lib)
	var p Picture
	if _, err := f.Load(0, &p); err != nil || !slices.Equal(p.Pix, readAll(t, "testdata/420.jpg.rgb")) {
		t.Errorf("error %v, or pixels that are not the library's", err)
	}
	if _, err := f.Load(1, &p); err == nil || !strings.Contains(err.Error(), "1.jpg: decode JPEG") {
		t.Errorf("a file cut in half: error %v", err)
	}
}

func FuzzTurbo(f *testing.F) {
	lib := turbo(f)
	f.Add(encoded(f, "jpeg", noiseImage(9, 7)))
	f.Add(readAll(f, "testdata/420.jpg"))
	f.Fuzz(func(t *testing.T, file []byte) {
		var p Picture
		if err := lib.Decode(file, &p); err == nil && (p.W < 1 || p.H < 1 || len(p.Pix) != 3*p.W*p.H) {
			t.Errorf("%dx%d with %d bytes", p.W, p.H, len(p.Pix))
		}
	})
}

func BenchmarkJPEG(b *testing.B) {
	file := readAll(b, fixture.Data(b, "image/photos6/n02123159_tiger_cat.JPEG"))
	for name, open := range map[string]func(testing.TB) *Turbo{"go": func(testing.TB) *Turbo { return nil }, "turbo": turbo} {
		b.Run(name, func(b *testing.B) {
			lib := open(b)
			var p Picture
			b.ReportAllocs()
			for b.Loop() {
				must(b, lib.Decode(file, &p))
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
}
