package point

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// box is the corners of the box that testdata/formats.py stores.
func box() []float32 {
	var xyz []float32
	for i := range 8 {
		for k, half := range []float32{1, 2, 3} {
			if i>>(2-k)&1 == 0 {
				half = -half
			}
			xyz = append(xyz, half)
		}
	}
	return xyz
}

// TestDecode reads files that other programs made.
func TestDecode(t *testing.T) {
	for name, want := range map[string][]float32{
		"trimesh_ascii.ply": box(), "trimesh_binary.ply": box(),
		"plyfile_big.ply": box(), "plyfile_faces_first.ply": box(),
		"pypcd4_ascii.pcd": slices.Repeat(box(), 8), "pypcd4_binary.pcd": slices.Repeat(box(), 8),
		"pypcd4_binary_compressed.pcd": slices.Repeat(box(), 8),
		"numpy_f4.npy":                 box(), "numpy_f8.npy": box(), "numpy.txt": box(),
	} {
		file, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		c := Cloud{Parts: []int32{1}}
		if err := Decode(file, 1, &c); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !slices.Equal(c.XYZ, want) || len(c.Parts) > 0 {
			t.Errorf("%s: %v, parts %v, want %v", name, c.XYZ, c.Parts, want)
		}
	}
}

// pcdHead is the header of a cloud of two points.
func pcdHead(fields, size, kind, count, data string) string {
	return "# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\nFIELDS " + fields + "\nSIZE " + size + "\nTYPE " + kind +
		"\nCOUNT " + count + "\nWIDTH 2\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS 2\nDATA " + data + "\n"
}

// TestDecodeByHand reads what is unusual.
func TestDecodeByHand(t *testing.T) {
	want := []float32{1, 2, 3, -4, 5.5, 6}
	for name, file := range map[string]string{
		"spaces":            "1 2 3\n  -4\t5.5  6  \r\n",
		"commas and more":   "1,2,3,0.1,red\n-4,5.5,6,.2,blue",
		"names of columns":  "x,y,z,intensity\n1,2,3,9\n-4,5.5,6,9\n",
		"number of points":  "2\n1 2 3\n-4 5.5 6\n",
		"comments":          "# a cloud\n// of two\n\n1 2 3 # first\n-4 55e-1 6\n",
		"off without faces": "OFF\n# nothing but vertices\n2 0 0\n1 2 3\n-4 5.5 6\n",
		"off, glued":        "OFF2 0 0\n1 2 3\n-4 5.5 6\n",
		"off with colours":  "COFF\n2 0 0\n1 2 3 255 0 0\n-4 5.5 6 0 0 0\n",
		"pcd, other order":  pcdHead("label z rgb x y", "4 4 4 4 4", "U F F F F", "2 1 1 1 1", "ascii") + "7 8 3 0 1 2\n7 8 6 0 -4 5.5\n",
		"pcd, integers":     pcdHead("x y z", "1 4 4", "I F F", "1 1 1", "binary") + "\x01\x00\x00\x00\x40\x00\x00\x40\x40\xfc\x00\x00\xb0\x40\x00\x00\xc0\x40",
		"pcd, as it comes":  "VERSION .7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nWIDTH 1\nHEIGHT 2\nDATA ascii\n1 2 3\n-4 5.5 6\n",
		"ply, crlf":         "ply\r\nformat ascii 1.0\r\ncomment made by hand\r\nelement camera 1\r\nproperty float f\r\nelement vertex 2\r\nproperty uchar red\r\nproperty float x\r\nproperty float y\r\nproperty float z\r\nend_header\r\n50\r\n255 1 2 3\r\n0 -4 5.5 6\r\n",
	} {
		var c Cloud
		if err := Decode([]byte(file), 0, &c); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !slices.Equal(c.XYZ, want) {
			t.Errorf("%s: %v, want %v", name, c.XYZ, want)
		}
	}
}

// damage is a damaged file, and what the error has to say.
type damage struct{ file, want string }

// corrupt are damaged files of all formats.
func corrupt(t testing.TB) map[string]damage {
	s := stored{t}
	all := s.damagedClouds()
	maps.Copy(all, s.damagedMeshes())
	return all
}

// stored are the files in testdata.
type stored struct{ testing.TB }

func (s stored) read(name string) string {
	file, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		s.Fatal(err)
	}
	return string(file)
}

func (s stored) cut(name string) string { file := s.read(name); return file[:len(file)-5] }

func (s stored) swap(name, old, with string) string {
	file := s.read(name)
	if !strings.Contains(file, old) {
		s.Fatalf("%s has no %q", name, old)
	}
	return strings.Replace(file, old, with, 1)
}

// damagedClouds are text, PCD files and arrays.
func (s stored) damagedClouds() map[string]damage {
	return map[string]damage{
		"empty":                  {"", "0 points"},
		"text, other":            {"hello\nworld\n", "line 2"},
		"text, picture":          {"\x89PNG\r\n\x1a\n\x00\x00", "not a point cloud"},
		"text, flat":             {"1 2\n3 4\n", "2 numbers"},
		"text, nan":              {"1 2 3\nnan 1 2\n", "point 1 is at"},
		"text, infinite":         {"1 2 3\n1 1e99 2\n", "point 1 is at"},
		"text, head alone":       {"x y z\n", "0 points"},
		"pcd, cut":               {s.cut("pypcd4_binary.pcd"), "cut off"},
		"pcd, cut text":          {s.cut("pypcd4_ascii.pcd")[:1000], "point "},
		"pcd, cut compressed":    {s.cut("pypcd4_binary_compressed.pcd"), "cut off"},
		"pcd, cut header":        {s.read("pypcd4_binary.pcd")[:60], "no line DATA"},
		"pcd, no fields":         {"# .PCD\nVERSION 0.7\nPOINTS 1\nDATA ascii\n1 2 3\n", "want x, y and z"},
		"pcd, no z":              {pcdHead("x y w", "4 4 4", "F F F", "1 1 1", "ascii") + "1 2 3\n", "want x, y and z"},
		"pcd, no types":          {"# .PCD\nFIELDS x y z\nPOINTS 1\nDATA binary\n", "field x"},
		"pcd, words":             {s.swap("pypcd4_ascii.pcd", "POINTS 64", "POINTS many"), "POINTS"},
		"pcd, absurd":            {s.swap("pypcd4_binary.pcd", "POINTS 64", "POINTS 999999999999"), "POINTS"},
		"pcd, too many":          {s.swap("pypcd4_binary.pcd", "POINTS 64", "POINTS 9999999"), "cut off"},
		"pcd, too many as text":  {s.swap("pypcd4_ascii.pcd", "POINTS 64", "POINTS 9999999"), "cut off"},
		"pcd, too many, packed":  {s.swap("pypcd4_binary_compressed.pcd", "POINTS 64", "POINTS 9999999"), "bytes of values, want"},
		"pcd, size of another":   {s.swap("pypcd4_binary_compressed.pcd", "POINTS 64", "POINTS 10"), "bytes of values, want"},
		"pcd, wide":              {s.swap("pypcd4_binary.pcd", "COUNT 1 1", "COUNT 1 65536"), "cut off"},
		"pcd, short of types":    {s.swap("pypcd4_binary.pcd", "TYPE F U F F", "TYPE F U F"), "3 values for 4 fields"},
		"pcd, unknown type":      {s.swap("pypcd4_binary.pcd", "TYPE F U F F", "TYPE F U F X"), "type X"},
		"pcd, half floats":       {s.swap("pypcd4_binary.pcd", "SIZE 4 2 4 4", "SIZE 4 2 4 2"), "2 bytes"},
		"pcd, unknown data":      {s.swap("pypcd4_binary.pcd", "DATA binary", "DATA zipped"), "zipped"},
		"pcd, fields twice":      {"# .PCD\nFIELDS x y z\nCOUNT 1 1 1\nFIELDS a x y z\nPOINTS 1\nDATA ascii\n1 2 3 4\n", "field x"},
		"pcd, zip bomb":          {pcdHead("x y z", "4 4 4", "F F F", "1 1 1", "binary_compressed") + "\x03\x00\x00\x00\xff\xff\xff\xffabc", "header is damaged"},
		"pcd, copy from nowhere": {pcdHead("x y z", "4 4 4", "F F F", "1 1 1", "binary_compressed") + "\x03\x00\x00\x00\x18\x00\x00\x00\xe0\xff\xff", "damaged"},
		"pcd, copy cut off":      {pcdHead("x y z", "4 4 4", "F F F", "1 1 1", "binary_compressed") + "\x01\x00\x00\x00\x18\x00\x00\x00\xe0", "damaged"},
		"pcd, short of values":   {pcdHead("x y z", "4 4 4", "F F F", "1 1 1", "binary_compressed") + "\x02\x00\x00\x00\x18\x00\x00\x00\x00a", "damaged"},
		"npy, cut":               {s.cut("numpy_f4.npy"), "cut off"},
		"npy, cut header":        {s.read("numpy_f4.npy")[:40], "npy"},
		"npy, magic alone":       {npyMagic, "npy"},
		"npy, absurd":            {s.swap("numpy_f4.npy", "(8, 6), }    ", "(88888888, 6)"), "npy"},
		"npy, too many":          {s.swap("numpy_f4.npy", "(8, 6), }    ", "(88888, 6), }"), "cut off"},
		"npy, wide":              {s.swap("numpy_f4.npy", "(8, 6), }         ", "(1, 99999999999), }"[:18]), "npy"},
		"npy, negative":          {s.swap("numpy_f4.npy", "(8, 6), }", "(-8,6), }"), "shape [-8 6]"},
		"npy, flat":              {s.swap("numpy_f4.npy", "(8, 6), } ", "(24, 2), }"), "shape [24 2]"},
		"npy, whole numbers":     {s.swap("numpy_f4.npy", "<f4", "<i4"), "want floats"},
		"npy, big endian":        {s.swap("numpy_f4.npy", "<f4", ">f4"), "little endian"},
		"npy, columns":           {s.swap("numpy_f4.npy", "False, 'shape': (8, 6), }", "True, 'shape': (8, 6), } "), "C order"},
		"npy, long header":       {npyMagic + "\x02\x00\xff\xff\xff\xff{'descr'", "npy header"},
	}
}

// damagedMeshes are PLY and OFF files.
func (s stored) damagedMeshes() map[string]damage {
	return map[string]damage{
		"ply, cut":                {s.cut("plyfile_big.ply"), "cut off"},
		"ply, cut faces":          {s.read("plyfile_faces_first.ply")[:230], "cut off"},
		"ply, cut text":           {s.read("trimesh_ascii.ply")[:240], "point 1"},
		"ply, cut header":         {s.read("plyfile_big.ply")[:50], "no line end_header"},
		"ply, absurd":             {s.swap("plyfile_big.ply", "vertex 8", "vertex 99999999"), "want 1 to"},
		"ply, absurd text":        {s.swap("trimesh_ascii.ply", "vertex 8", "vertex 99999999"), "want at most"},
		"ply, absurd faces":       {s.swap("plyfile_faces_first.ply", "face 2", "face 99999999"), "skip 99999999"},
		"ply, unknown format":     {s.swap("plyfile_big.ply", "binary_big_endian", "binary_middle_endian"), "middle"},
		"ply, unknown type":       {s.swap("plyfile_big.ply", "property double x", "property quad x"), "unknown type"},
		"ply, no x":               {s.swap("plyfile_big.ply", "property double x", "property double u"), "no x, y and z"},
		"ply, no vertices":        {s.swap("plyfile_big.ply", "vertex", "corner"), "no element vertex"},
		"ply, no format":          {"ply\nend_header\n", "no line format"},
		"ply, property of none":   {"ply\nformat ascii 1.0\nproperty float x\n", "ahead of any element"},
		"ply, list of vertices":   {"ply\nformat ascii 1.0\nelement vertex 1\nproperty list uchar int x\nend_header\n", "have a list"},
		"ply, list of float size": {"ply\nformat ascii 1.0\nelement vertex 1\nproperty list float int x\nend_header\n", "unknown type"},
		"off, cut":                {s.cut("trimesh.off"), "corner"},
		"off, cut vertices":       {s.read("trimesh.off")[:150], "point 3"},
		"off, absurd":             {s.swap("trimesh.off", "8 12 0", "888888888 12 0"), "vertices"},
		"off, absurd faces":       {s.swap("trimesh.off", "8 12 0", "8 1212121212 0"), "faces"},
		"off, no numbers":         {"OFF\n", "vertices"},
		"off, corner outside":     {"OFF\n3 1 0\n0 0 0\n0 0 1\n0 1 0\n3 0 1 3\n", "corner 2"},
		"off, flat":               {"OFF\n3 1 0\n0 0 0\n0 0 1\n0 0 2\n3 0 1 2\n", "no surface"},
		"off, absurd corners":     {"OFF\n3 1 0\n0 0 0\n0 0 1\n0 1 0\n33333333 0 1 2\n", "corners"},
		"off, nan":                {"OFF\n3 1 0\n0 0 nan\n0 0 1\n0 1 0\n3 0 1 2\n", "point 0 is at"},
	}
}

// TestCorrupt: a clear error, and no more memory than the file's size allows.
func TestCorrupt(t *testing.T) {
	for name, c := range corrupt(t) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := Decode([]byte(c.file), 0, new(Cloud))
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one that says %q", name, err, c.want)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
			t.Errorf("%s: %d bytes allocated for a file of %d", name, n, len(c.file))
		}
	}
}

// TestTooMany: reading stops at the limits, not after the file.
func TestTooMany(t *testing.T) {
	var full Cloud
	for name, decode := range map[string]func() error{
		"points":    func() error { return decodeText([]byte("1 2 3\nx y z\n"), &full) },
		"parts":     func() error { return decodeParts([]byte("1 2 3 4\nx y z\n"), &full) },
		"triangles": func() error { return full.mesh.addFace([]byte("3 0 1 2")) },
	} {
		full.Resize(maxPoints, false)
		full.mesh.vertices, full.mesh.corners = make([]float32, 9), make([][3]int32, maxTriangles)
		if err := decode(); err == nil || !strings.Contains(err.Error(), "more than ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestMesh: points lie on the faces, evenly, the same ones for the same seed.
func TestMesh(t *testing.T) {
	file, err := os.ReadFile(filepath.Join("testdata", "trimesh.off"))
	if err != nil {
		t.Fatal(err)
	}
	var a, b, c Cloud
	for cloud, seed := range map[*Cloud]uint64{&a: 1, &b: 1, &c: 2} {
		if err := Decode(file, seed, cloud); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(a.XYZ, b.XYZ) || slices.Equal(a.XYZ, c.XYZ) {
		t.Error("points are not a function of the seed")
	}
	if a.Len() != MeshPoints {
		t.Fatalf("%d points, want %d", a.Len(), MeshPoints)
	}
	on := [3]int{} // points on the faces across each axis
	for i := 0; i < len(a.XYZ); i += 3 {
		found := false
		for k, half := range []float64{1, 2, 3} {
			v := math.Abs(float64(a.XYZ[i+k]))
			if v > half+1e-6 {
				t.Fatalf("point %v is outside", a.XYZ[i:i+3])
			}
			if !found && math.Abs(v-half) < 1e-6 {
				on[k]++
				found = true
			}
		}
		if !found {
			t.Fatalf("point %v is inside", a.XYZ[i:i+3])
		}
	}
	for k, area := range []float64{48. / 88, 24. / 88, 16. / 88} {
		if share := float64(on[k]) / MeshPoints; math.Abs(share-area) > 0.03 {
			t.Errorf("%.3f of the points are on the faces across axis %d, want %.3f", share, k, area)
		}
	}
}

// TestPolygons: a face of more corners is a fan.
func TestPolygons(t *testing.T) {
	var c Cloud
	if err := Decode([]byte("OFF\n4 1 0\n0 0 0\n2 0 0\n2 1 0\n0 1 0\n4 0 1 2 3 0.1 0.2 0.3\n"), 0, &c); err != nil {
		t.Fatal(err)
	}
	UnitSphere(c.XYZ)
	var low, high int
	for i := 0; i < len(c.XYZ); i += 3 {
		if c.XYZ[i] < 0 {
			low++
		} else {
			high++
		}
	}
	if low < MeshPoints*4/10 || high < MeshPoints*4/10 {
		t.Errorf("%d points left of the middle, %d right of it", low, high)
	}
}

// TestTriangle: a quarter of a triangle's points are in the corner that is half as
// high, whichever corner it is.
func TestTriangle(t *testing.T) {
	for _, corners := range []string{"0 1 2", "1 2 0", "2 0 1"} {
		var c Cloud
		if err := Decode([]byte("OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 "+corners), 0, &c); err != nil {
			t.Fatal(err)
		}
		near := 0
		for i := 0; i < len(c.XYZ); i += 3 {
			if c.XYZ[i]+c.XYZ[i+1] < 0.5 {
				near++
			}
		}
		if share := float64(near) / MeshPoints; math.Abs(share-0.25) > 0.02 {
			t.Errorf("corners %s: %.3f of the points in a quarter of the area", corners, share)
		}
	}
}

// TestScalars reads numbers of all kinds.
func TestScalars(t *testing.T) {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, v := range []any{int8(-3), uint8(253), int16(-300), uint16(65000), int32(-70000), uint32(4e9), int64(-5e9), uint64(5e9), float32(-1.5), float64(1e-3)} {
			var b bytes.Buffer
			if err := binary.Write(&b, order, v); err != nil {
				t.Fatal(err)
			}
			name := fmt.Sprintf("%T", v)
			s := scalar{name[0] - 'a' + 'A', b.Len()}
			if got := s.read(b.Bytes(), order); !s.valid() || fmt.Sprint(got) != fmt.Sprint(toFloat(v)) {
				t.Errorf("%v of %s: %v", v, name, got)
			}
		}
	}
	for _, s := range []scalar{{}, {'F', 2}, {'F', 1}, {'I', 3}, {'U', 16}, {'X', 4}} {
		if s.valid() {
			t.Errorf("%c%d is valid", s.kind, s.size)
		}
	}
}

func toFloat(v any) float64 {
	var f float64
	if _, err := fmt.Sscan(fmt.Sprint(v), &f); err != nil {
		return math.NaN()
	}
	return f
}

// FuzzDecode: a cloud or an error.
func FuzzDecode(f *testing.F) {
	paths, err := filepath.Glob(filepath.Join("testdata", "*.*"))
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		file, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if len(file) < 4<<10 {
			f.Add(file)
		}
	}
	for _, c := range corrupt(f) {
		f.Add([]byte(c.file))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		var c Cloud
		if err := Decode(file, 0, &c); err != nil {
			return
		}
		if err := c.check(); err != nil || len(c.Parts) > 0 {
			t.Errorf("%d points, parts %v, %v", c.Len(), c.Parts, err)
		}
	})
}

func FuzzDecodeParts(f *testing.F) {
	f.Add([]byte("1 2 3 0 0 1 12\n"))
	f.Add([]byte("1,2,3,4\n5 6 7 1e40\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		var c Cloud
		if err := decodeParts(file, &c); err == nil && len(c.Parts) != c.Len() {
			t.Errorf("%d points, %d parts", c.Len(), len(c.Parts))
		}
	})
}

// BenchmarkDecodeText reads a cloud of ModelNet40's text files: 10,000 points with
// normals.
func BenchmarkDecodeText(b *testing.B) {
	var file bytes.Buffer
	c := ball(1, 10000)
	for i := 0; i < len(c.XYZ); i += 3 {
		p := c.XYZ[i:]
		fmt.Fprintf(&file, "%.6f,%.6f,%.6f,%.6f,%.6f,%.6f\n", p[0], p[1], p[2], 0.1, 0.2, 0.3)
	}
	b.SetBytes(int64(file.Len()))
	for b.Loop() {
		if err := Decode(file.Bytes(), 0, &c); err != nil {
			b.Fatal(err)
		}
	}
}
