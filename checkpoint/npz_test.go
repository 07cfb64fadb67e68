package checkpoint

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sbinet/npyio/npz"

	"m2pt/internal/fixture"
)

// member is an entry of a zip archive.
type member struct {
	name   string
	data   []byte
	method uint16
}

func archive(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, m := range members {
		w, err := z.CreateHeader(&zip.FileHeader{Name: m.name, Method: m.method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(m.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// npyFile is a version 1 file with that header and body.
func npyFile(header string, body ...byte) []byte {
	n := len(header) + 1
	return append(append([]byte(npyMagic), 1, 0, byte(n), byte(n>>8)), header+"\n"+string(body)...)
}

func describe(descr, order, shape string) string {
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }", descr, order, shape)
}

func parseNPZ(data []byte) (*Tensors, error) {
	return readZip(bytes.NewReader(data), int64(len(data)), modelPart)
}

func TestNPZRoundTrip(t *testing.T) {
	want := everyDtype(t)
	path := filepath.Join(t.TempDir(), "x.npz")
	if err := Save(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(names(got), names(want)) {
		t.Errorf("order %q, want %q", names(got), names(want))
	}
	widened := new(Tensors) // NumPy has no bfloat16
	for w := range want.All() {
		if w.Dtype == BFloat16 {
			v, _ := w.Float32s()
			w = New(w.Name, w.Shape, v)
		}
		if err := widened.Add(w); err != nil {
			t.Fatal(err)
		}
	}
	wantSame(t, got, widened)
}

func TestNPZLibraryReads(t *testing.T) {
	var b bytes.Buffer
	if err := writeNPZ(&b, collect(t, New("w", []int{2, 2}, []float32{1, 2, 3, 4}))); err != nil {
		t.Fatal(err)
	}
	var got []float32
	if err := npz.Read(bytes.NewReader(b.Bytes()), "w.npy", &got); err != nil || !slices.Equal(got, []float32{1, 2, 3, 4}) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestNPYStart(t *testing.T) {
	got := npyStart(New("x", []int{2, 3}, []float32(nil)))
	want := "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2,3,), }"
	if !strings.HasPrefix(string(got), want) || len(got)%npyAlign != 0 || got[len(got)-1] != '\n' {
		t.Errorf("header %q", got)
	}
}

func TestNPYReads(t *testing.T) {
	version2 := slices.Insert(npyFile(describe("|u1", "False", "(2,)"), 1, 2), 10, 0, 0)
	version2[6] = 2
	cases := map[string]struct {
		data  []byte
		shape []int
		want  []int64
	}{
		"plain":       {npyFile(describe("|u1", "False", "(2, 3)"), 1, 2, 3, 4, 5, 6), []int{2, 3}, []int64{1, 2, 3, 4, 5, 6}},
		"fortran":     {npyFile(describe("|u1", "True", "(2, 3)"), 1, 2, 3, 4, 5, 6), []int{2, 3}, []int64{1, 3, 5, 2, 4, 6}},
		"fortran i2":  {npyFile(describe("<i2", "True", "(2, 2)"), 1, 0, 2, 0, 3, 0, 4, 0), []int{2, 2}, []int64{1, 3, 2, 4}},
		"fortran 3-d": {npyFile(describe("|u1", "True", "(2, 1, 3)"), 1, 2, 3, 4, 5, 6), []int{2, 1, 3}, []int64{1, 3, 5, 2, 4, 6}},
		"scalar":      {npyFile(describe("|i1", "False", "()"), 0xff), nil, []int64{-1}},
		"empty":       {npyFile(describe("<i8", "True", "(0, 3)")), []int{0, 3}, []int64{}},
		"version 2":   {version2, []int{2}, []int64{1, 2}},
	}
	for name, c := range cases {
		for method, label := range map[uint16]string{zip.Store: "stored", zip.Deflate: "deflated"} {
			t.Run(name+" "+label, func(t *testing.T) {
				ts, err := parseNPZ(archive(t, member{"param/x.npy", c.data, method}))
				if err != nil {
					t.Fatal(err)
				}
				x, err := ts.Get("param/x")
				if err != nil {
					t.Fatal(err)
				}
				got, err := x.Int64s()
				if err != nil || !slices.Equal(got, c.want) || !slices.Equal(x.Shape, c.shape) {
					t.Errorf("%v %v, want %v %v (%v)", x.Shape, got, c.shape, c.want, err)
				}
			})
		}
	}
}

func TestNPZRejects(t *testing.T) {
	good := npyFile(describe("|u1", "False", "(2,)"), 1, 2)
	one := func(data []byte) []byte { return archive(t, member{"x.npy", data, zip.Store}) }
	header := func(descr, order, shape string) []byte { return one(npyFile(describe(descr, order, shape), 1, 2)) }
	replace := func(data []byte, old, new string) []byte { return bytes.ReplaceAll(data, []byte(old), []byte(new)) }
	version := func(v byte) []byte {
		data := slices.Clone(good)
		data[6] = v
		return one(data)
	}
	deflated := archive(t, member{"x.npy", npyFile(describe("|u1", "False", "(4096,)"), make([]byte, 4096)...), zip.Deflate})
	cases := map[string]struct {
		data []byte
		want string
	}{
		"no archive":        {[]byte("PK\x03\x04"), "zip"},
		"other member":      {archive(t, member{"notes.txt", good, zip.Store}), "no npz"},
		"name twice":        {archive(t, member{"x.npy", good, zip.Store}, member{"x.npy", good, zip.Store}), "appears twice"},
		"no name":           {archive(t, member{".npy", good, zip.Store}), "without a name"},
		"empty member":      {one(nil), "npy header"},
		"magic":             {one(replace(good, "NUMPY", "NUMPI")), "magic"},
		"version 3":         {version(3), "version 3"},
		"version 2, short":  {version(2), "npy header"},
		"header cut":        {one(good[:30]), "npy header"},
		"no line end":       {one(append([]byte(npyMagic), 1, 0, 2, 0, '{', '}')), "npy header"},
		"no dictionary":     {one(npyFile("{}", 1, 2)), "npy header"},
		"huge shape":        {header("<f4", "False", "(99999999999,)"), "want 400000000074"},
		"negative shape":    {header("|u1", "False", "(-2,)"), "negative"},
		"two negatives":     {header("|u1", "False", "(-1, -2)"), "negative"},
		"overflowing shape": {header("<f4", "False", "(4294967296, 4294967296, 4294967296)"), "too many elements"},
		"dimension > int64": {header("|u1", "False", "(99999999999999999999,)"), "npy header"},
		"rank":              {header("|u1", "False", "(1"+strings.Repeat(", 1", maxRank)+",)"), "dimensions"},
		"shape no tuple":    {header("|u1", "False", "2"), ""},
		"shape no number":   {header("|u1", "False", "(a,)"), "npy header"},
		"order":             {header("|u1", "Maybe", "(2,)"), "fortran_order"},
		"big endian":        {header(">i2", "False", "(1,)"), `">i2" is not supported`},
		"object":            {header("|O", "False", "(2,)"), "not supported"},
		"string":            {header("<U1", "False", "(2,)"), "not supported"},
		"no dtype":          {header("", "False", "(2,)"), "not supported"},
		"structured":        {one(npyFile("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", 1, 2)), "not supported"},
		"too few bytes":     {header("|u1", "False", "(3,)"), "want"},
		"too many bytes":    {header("|u1", "False", "(1,)"), "want"},
		"checksum":          {replace(one(good), "\n\x01\x02", "\n\x01\x03"), "checksum"},
		"method":            {replace(deflated, "\x08\x00\x08\x00", "\x08\x00\x63\x00"), "npz member"},
		"bomb":              {bomb(t, deflated), "cannot expand"},
		"shared bytes":      {sharedBytes(t, one(good)), "do not fit"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			ts, err := parseNPZ(c.data)
			wantError(t, err, c.want)
			if ts != nil {
				t.Error("tensors beside an error")
			}
		})
	}
}

// directory is where the central directory of an archive begins.
func directory(t *testing.T, data []byte) int {
	t.Helper()
	at := bytes.Index(data, []byte("PK\x01\x02"))
	if at < 0 {
		t.Fatal("no central directory")
	}
	return at
}

// bomb makes the directory claim that its member expands to 2 GiB.
func bomb(t *testing.T, data []byte) []byte {
	data = slices.Clone(data)
	copy(data[directory(t, data)+24:], "\x00\x00\x00\x80")
	return data
}

// sharedBytes makes the directory claim that its member is longer than the
// archive, as members that share their bytes are together.
func sharedBytes(t *testing.T, data []byte) []byte {
	data = slices.Clone(data)
	copy(data[directory(t, data)+20:], "\xff\xff\xff\x00\xff\xff\xff\x00")
	return data
}

func TestNPZTruncated(t *testing.T) {
	var b bytes.Buffer
	if err := writeNPZ(&b, everyDtype(t)); err != nil {
		t.Fatal(err)
	}
	for n := range b.Len() {
		if _, err := parseNPZ(b.Bytes()[:n]); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("cut to %d of %d bytes: %v, want ErrCorrupt", n, b.Len(), err)
		}
	}
}

// TestFixtures reads recorded arrays that NumPy wrote; with -short an eighth of
// the files.
func TestFixtures(t *testing.T) {
	t.Parallel()
	paths := fixture.Recorded(t, "*.npz")
	if testing.Short() { // the race detector makes inflating slow
		paths = paths[:len(paths)/8+1]
	}
	tensors := 0
	for _, path := range paths {
		ts, err := Load(path)
		if err != nil {
			t.Error(err)
			continue
		}
		for x := range ts.All() {
			tensors++
			_, floating := x.Float64s()
			_, integer := x.Int64s()
			if (floating == nil) == (integer == nil) {
				t.Errorf("%s: %q: %v and %v", path, x.Name, floating, integer)
			}
		}
		if meta, ok := ts.Lookup("meta/json"); ok {
			if text, err := meta.Bytes(); err != nil || text[0] != '{' {
				t.Errorf("%s: meta/json %q (%v)", path, text, err)
			}
		}
	}
	t.Logf("%d tensors in %d files", tensors, len(paths))
}

// TestBareNPY: an array outside an archive is called like its file.
func TestBareNPY(t *testing.T) {
	data := npyFile(describe("|u1", "False", "(2,)"), 1, 2)
	path := filepath.Join(t.TempDir(), "blocks.0.npy")
	for name, c := range map[string]struct {
		data []byte
		want error
	}{"whole": {data, nil}, "cut": {data[:len(data)-1], ErrCorrupt}, "longer": {append(slices.Clone(data), 3), ErrCorrupt}} {
		if err := os.WriteFile(path, c.data, 0o644); err != nil {
			t.Fatal(err)
		}
		ts, err := Load(path)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if c.want == nil {
			wantSame(t, ts, collect(t, New("blocks.0", []int{2}, []uint8{1, 2})))
		}
	}
}

func FuzzNPY(f *testing.F) {
	f.Add(npyFile(describe("<f4", "False", "(1, 1)"), 0, 0, 0x80, 0x3f))
	f.Add(npyFile(describe("|u1", "True", "(2, 3)"), 1, 2, 3, 4, 5, 6))
	f.Add(npyFile(describe("<f2", "False", "()"), 1, 2))
	f.Add(npyFile(describe("<f4", "False", "(-1, 4611686018427387904)")))
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := readNPY(bytes.NewReader(data), uint64(len(data)))
		if err != nil {
			return
		}
		x.Name = "x"
		if err := x.check(); err != nil {
			t.Error(err)
		}
	})
}

func FuzzNPZ(f *testing.F) {
	u8 := npyFile(describe("|u1", "False", "(2,)"), 1, 2)
	f.Add(archive(f, member{"x.npy", u8, zip.Store}, member{"y.npy", u8, zip.Deflate}))
	f.Add(archive(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		ts, err := parseNPZ(data)
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := writeNPZ(&b, ts); err != nil {
			t.Fatal(err)
		}
		again, err := parseNPZ(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		wantSame(t, again, ts)
	})
}
