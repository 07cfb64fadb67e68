package shard

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func put(t testing.TB, path string, content []byte) string {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o644)); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t testing.TB, patterns ...string) *Set {
	t.Helper()
	s, err := Open(patterns...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// contents reads all that a set holds: "key: ext=content ..." for each sample.
func contents(t testing.TB, s *Set) []string {
	t.Helper()
	var lines []string
	for i := range s.Len() {
		line := s.Key(i) + ":"
		for k := range s.Count(i) {
			b, err := s.Entry(i, k).Read(nil)
			if err != nil {
				t.Fatal(err)
			}
			line += fmt.Sprintf(" %s=%s", s.Entry(i, k).Ext, b)
		}
		lines = append(lines, line)
	}
	return lines
}

func want(t testing.TB, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

// TestOtherPrograms reads shards that GNU tar and Python's tarfile have made of
// the same files, in each of their formats.
func TestOtherPrograms(t *testing.T) {
	long := strings.Repeat("directory/", 12) + "long"
	files := map[string]string{"a.jpg": "A", "a.cls": "0", "b/c.JPEG": "picture", "b/c.cls": "1", "b/c.seg.png": "S",
		long + ".cls": "long", "nodot": "x", ".hidden": "x", "__meta__/info.json": "x", "__x__.json": "x"}
	lines := []string{"a: cls=0 jpg=A", "b/c: jpeg=picture cls=1 seg.png=S", long + ": cls=long"}
	dir := t.TempDir()
	for name, content := range files {
		put(t, filepath.Join(dir, "in", name), []byte(content))
	}
	if err := os.Symlink("a.jpg", filepath.Join(dir, "in", "b", "link.jpg")); err != nil {
		t.Fatal(err)
	}
	const script = `import sys, tarfile
t = tarfile.open(sys.argv[1], "w", format=getattr(tarfile, sys.argv[2]))
t.add(sys.argv[3], arcname=".", filter=lambda i: i)
t.close()`
	for _, c := range [][]string{
		{"tar", "--format=gnu"}, {"tar", "--format=posix"}, {"tar", "--format=ustar"},
		{"python3", "GNU_FORMAT"}, {"python3", "PAX_FORMAT"}, {"python3", "USTAR_FORMAT"},
	} {
		t.Run(strings.Join(c, " "), func(t *testing.T) {
			if _, err := exec.LookPath(c[0]); err != nil {
				t.Skipf("%s is not installed", c[0])
			}
			out := filepath.Join(t.TempDir(), "x.tar")
			cmd := exec.Command("tar", c[1], "--sort=name", "-C", filepath.Join(dir, "in"), "-cf", out, ".")
			if c[0] == "python3" {
				cmd = exec.Command("python3", "-c", script, out, c[1], filepath.Join(dir, "in"))
			}
			if b, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, b)
			}
			want(t, contents(t, open(t, out)), lines)
		})
	}
}

// TestSparse: holes are content that lies nowhere, so the file is left out; what
// follows is found.
func TestSparse(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "in", "z.cls"), []byte("7"))
	f, err := os.Create(filepath.Join(dir, "in", "a.bin"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("end"), 4<<20); err != nil {
		t.Fatal(err)
	}
	f.Close()
	for _, format := range []string{"gnu", "posix"} {
		out := filepath.Join(dir, format+".tar")
		if b, err := exec.Command("tar", "-S", "--format="+format, "-C", filepath.Join(dir, "in"), "-cf", out, "a.bin", "z.cls").CombinedOutput(); err != nil {
			t.Skipf("tar cannot make sparse files: %v: %s", err, b)
		}
		if info, err := os.Stat(out); err != nil || info.Size() > 1<<20 {
			t.Skip("this file system has no holes")
		}
		want(t, contents(t, open(t, out)), []string{"z: cls=7"})
	}
}

// pack writes samples of 3 files each and returns the paths of the shards.
func pack(t testing.TB, dir string, n int, limit int64) []string {
	t.Helper()
	packed, shards, err := Write(dir, "x", 0, limit, func(yield func(Sample, error) bool) {
		for i := range n {
			text := []byte(strings.Repeat("picture ", 10*i) + fmt.Sprint(i))
			if !yield(Sample{fmt.Sprintf("d/%02d", i), []File{{"cls", fmt.Append(nil, i)}, {"json", []byte("{}")}, {"jpg", text}}}, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	files, err := List(dir)
	if err != nil || packed != n || len(files) != shards {
		t.Fatalf("%d samples in %d shards, want %d; files %q (%v)", packed, shards, n, files, err)
	}
	return files
}

func TestWrite(t *testing.T) {
	dir, again := t.TempDir(), t.TempDir()
	files := pack(t, dir, 20, 16<<10)
	if len(files) < 3 || filepath.Base(files[1]) != "x-000001.tar" {
		t.Errorf("shards %q", files)
	}
	pack(t, again, 20, 16<<10)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(files) {
		t.Errorf("%d files, want %d", len(entries), len(files))
	}
	for _, file := range files {
		a, err1 := os.ReadFile(file)
		b, err2 := os.ReadFile(filepath.Join(again, filepath.Base(file)))
		if err1 != nil || err2 != nil || !bytes.Equal(a, b) {
			t.Errorf("%s: not the same the second time (%v, %v)", file, err1, err2)
		}
		if len(a) > 16<<10 {
			t.Errorf("%s: %d bytes", file, len(a))
		}
	}
	s := open(t, dir)
	for i := range s.Len() {
		e, err := s.Find(i, "png", "jpg")
		if err != nil {
			t.Fatal(err)
		}
		b, err := e.Read(nil)
		if wantText := strings.Repeat("picture ", 10*i) + fmt.Sprint(i); err != nil || string(b) != wantText {
			t.Errorf("sample %d: %q (%v)", i, b, err)
		}
	}
	if s.Name(19) != filepath.Base(files[len(files)-1])+":d/19" || s.Count(0) != 3 || s.Len() != 20 {
		t.Errorf("%d samples, the last %q, %d files", s.Len(), s.Name(19), s.Count(0))
	}
	if _, err := s.Find(4, "png", "webp"); err == nil || !strings.Contains(err.Error(), "d/04 has .cls, .json, .jpg but no .png or .webp") {
		t.Errorf("error %v", err)
	}
	if _, n, err := Write(dir, "x", len(files), 1<<20, samples(2, 8)); err != nil || n != 1 {
		t.Errorf("%d shards more (%v)", n, err)
	}
	if more := open(t, dir); more.Len() != 22 || !strings.HasPrefix(more.Name(20), fmt.Sprintf("x-%06d.tar:", len(files))) {
		t.Errorf("%d samples with those added, the first of them %q", more.Len(), more.Name(20))
	}
	if len(pack(t, t.TempDir(), 5, 1)) != 5 {
		t.Error("a limit that nothing fits into: want a sample a shard")
	}
}

// TestTarList: other programs read what Write has written.
func TestTarList(t *testing.T) {
	files := pack(t, t.TempDir(), 2, 1<<20)
	b, err := exec.Command("tar", "--numeric-owner", "-tvf", files[0]).Output()
	if err != nil {
		t.Skipf("tar: %v", err)
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	if len(lines) != 6 || !strings.HasPrefix(lines[5], "-rw-r--r-- 0/0") || !strings.HasSuffix(lines[5], "d/01.jpg") {
		t.Errorf("tar lists\n%s", b)
	}
}

func TestWriteErrors(t *testing.T) {
	boom := errors.New("boom")
	ok := Sample{"a", []File{{"jpg", nil}}}
	for _, c := range []struct {
		name, want string
		samples    []Sample
		err        error
	}{
		{"the source fails", "boom", []Sample{ok, {Key: "b"}}, boom},
		{"dot in the key", `"a.b": file "jpg"`, []Sample{ok, {"a.b", ok.Files}}, nil},
		{"no name", `"d/"`, []Sample{{"d/", ok.Files}}, nil},
		{"capitals", `"JPG"`, []Sample{{"a", []File{{"JPG", nil}}}}, nil},
		{"no extension", `""`, []Sample{{"a", []File{{"", nil}}}}, nil},
		{"no files", "0 files", []Sample{{Key: "a"}}, nil},
		{"the key before", "keys must differ", []Sample{ok, ok}, nil},
		{"hidden from readers", "__a__", []Sample{{"__a__", ok.Files}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			_, _, err := Write(dir, "x", 0, 1<<20, func(yield func(Sample, error) bool) {
				for i, s := range c.samples {
					if i > 0 && c.err != nil {
						yield(Sample{}, c.err)
						return
					}
					if !yield(s, nil) {
						return
					}
				}
			})
			if err == nil || !strings.Contains(err.Error(), c.want) || c.err != nil && !errors.Is(err, c.err) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestList(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a-08.tar", "a-09.tar", "a-10.tar", "b-1.tar", "readme.txt", "sub[1]/x-0.tar", "{odd}.tar"} {
		put(t, filepath.Join(dir, name), nil)
	}
	for _, c := range []struct {
		pattern string
		want    []string
	}{
		{"", []string{"a-08.tar", "a-09.tar", "a-10.tar", "b-1.tar", "{odd}.tar"}},
		{"a-{08..10}.tar", []string{"a-08.tar", "a-09.tar", "a-10.tar"}},
		{"{b-1,a-{09..09}}.tar", nil},
		{"{b-1,a-09}.tar", []string{"b-1.tar", "a-09.tar"}},
		{"{b,a}-*.tar", []string{"b-1.tar", "a-08.tar", "a-09.tar", "a-10.tar"}},
		{"{a,b}-{08..08}.tar", nil},
		{"a-{08..11}.tar", nil},
		{"a-{10..08}.tar", nil},
		{"a-{0..99999999}.tar", nil},
		{"a-{0..9999}{0..9999}.tar", nil},
		{"a-{08.tar", nil},
		{"c-*.tar", nil},
		{"a-[.tar", nil},
		{"missing", nil},
		{"b-1.tar", []string{"b-1.tar"}},
		{"{odd}.tar", []string{"{odd}.tar"}},
		{"sub[1]", []string{"sub[1]/x-0.tar"}},
	} {
		t.Run(c.pattern, func(t *testing.T) {
			got, err := List(filepath.Join(dir, c.pattern))
			if (err == nil) != (c.want != nil) {
				t.Fatalf("%q, error %v", got, err)
			}
			for i, path := range got {
				got[i], _ = filepath.Rel(dir, path)
			}
			want(t, got, c.want)
		})
	}
	if _, err := List(filepath.Join(dir, "a-{08..11}.tar")); !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, ErrIncomplete) || !strings.Contains(err.Error(), "a-11.tar") {
		t.Errorf("error %v, want the missing file", err)
	}
}

// TestCut cuts a shard after each number of bytes: the samples ahead of the cut
// are there, reading the last one tells where it is.
func TestCut(t *testing.T) {
	dir := t.TempDir()
	whole, err := os.ReadFile(pack(t, dir, 4, 1<<20)[0])
	if err != nil {
		t.Fatal(err)
	}
	all := contents(t, open(t, dir))
	path := filepath.Join(t.TempDir(), "cut.tar")
	for n := 0; n <= len(whole)-1024; n += 64 {
		put(t, path, whole[:n])
		s, err := Open(path)
		if err != nil {
			if n >= 512 || !strings.Contains(err.Error(), path) {
				t.Fatalf("%d bytes: %v", n, err)
			}
			continue
		}
		last := s.Len() - 1
		for i := range last {
			e, err := s.Find(i, "jpg")
			if err != nil {
				t.Fatal(err)
			}
			if b, err := e.Read(nil); err != nil || !strings.HasSuffix(all[i], " jpg="+string(b)) {
				t.Fatalf("%d bytes: sample %d: %q (%v)", n, i, b, err)
			}
		}
		wantText := fmt.Sprintf("%s:d/%02d: the last sample of its shard may lack files: cut off at offset %d", path, last, n)
		if _, err := s.Find(last, "cls"); !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(err.Error(), wantText) {
			t.Fatalf("%d bytes: error %v, want %s", n, err, wantText)
		}
		if _, err := s.Entry(last, 0).Read(nil); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("%d bytes: read: %v", n, err)
		}
		s.Close()
	}
}

// header is a tar header for a file of any size.
func header(t testing.TB, name string, size int64) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := tar.NewWriter(&b).WriteHeader(&tar.Header{Name: name, Size: size, Typeflag: tar.TypeReg}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestDamage(t *testing.T) {
	whole, err := os.ReadFile(pack(t, t.TempDir(), 4, 1<<20)[0])
	if err != nil {
		t.Fatal(err)
	}
	flipped := slices.Clone(whole)
	flipped[10*512+100]++ // in the header of 01.jpg
	empty := make([]byte, 1024)
	for _, c := range []struct {
		name, open, read string // errors
		content          []byte
	}{
		{"empty", "the file is empty", "", nil},
		{"text", "no tar", "", []byte(strings.Repeat("no tar\n", 200))},
		{"compressed", "no tar", "", append([]byte("\x1f\x8b\x08\x00"), bytes.Repeat([]byte{7}, 2000)...)},
		{"short", "cut off", "", []byte("abc")},
		{"no entries", "no samples", "", empty},
		{"no samples", "no samples", "", append(header(t, "readme", 0), empty...)},
		{"damaged header", "", "not a tar header", flipped},
		{"larger than the file", "", "cut off at offset", append(header(t, "a.jpg", 1<<40), empty...)},
		{"as large as can be", "", "cut off at offset", append(header(t, "a.jpg", math.MaxInt64), empty...)},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := put(t, filepath.Join(t.TempDir(), "x.tar"), c.content)
			s, err := Open(path)
			if c.open != "" {
				if err == nil || !strings.Contains(err.Error(), c.open) || !strings.Contains(err.Error(), path) {
					t.Errorf("error %v, want %q", err, c.open)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if _, err := s.Find(s.Len()-1, "jpg"); err == nil || !strings.Contains(err.Error(), c.read) || !strings.Contains(err.Error(), "offset") {
				t.Errorf("error %v, want %q", err, c.read)
			}
		})
	}
}

func TestBounds(t *testing.T) {
	dir := t.TempDir()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := range maxFiles + 2 {
		if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("a.%d", i), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, put(t, filepath.Join(dir, "many.tar"), b.Bytes()))
	if _, err := s.Find(0, "1"); err == nil || !strings.Contains(err.Error(), "more than 65536 files") {
		t.Errorf("error %v", err)
	}
	name := append(header(t, "a.x", 0), header(t, strings.Repeat("d", maxName)+".cls", 0)...)
	s = open(t, put(t, filepath.Join(dir, "name.tar"), name))
	if _, err := s.Find(0, "x"); err == nil || !strings.Contains(err.Error(), "a name of 4100 bytes") {
		t.Errorf("error %v", err)
	}
	// A file of holes: 1 GiB and a byte that takes no room.
	f, err := os.Create(filepath.Join(dir, "large.tar"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = f.Write(header(t, "a.mp4", maxEntry+1)); err == nil {
		err = f.Truncate(512 + maxEntry + 512 + 1024)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	s = open(t, f.Name())
	if _, err := s.Entry(0, 0).Read(nil); err == nil || !strings.Contains(err.Error(), "1073741825 bytes") {
		t.Errorf("error %v", err)
	}
}

// TestShrunk: the shard is shorter than when it was opened.
func TestShrunk(t *testing.T) {
	path := pack(t, t.TempDir(), 4, 1<<20)[0]
	s := open(t, path)
	if err := os.Truncate(path, 600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Entry(2, 0).Read(nil); !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "x-000000.tar:d/02.cls at offset") {
		t.Errorf("error %v", err)
	}
}

func TestConcurrent(t *testing.T) {
	dir := t.TempDir()
	pack(t, dir, 20, 8<<10)
	s := open(t, dir)
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			var buf []byte
			for n := range 200 {
				i := (n*7 + worker) % s.Len()
				e, err := s.Find(i, "cls")
				if err == nil {
					buf, err = e.Read(buf)
				}
				if err != nil || string(buf) != fmt.Sprint(i) {
					t.Errorf("sample %d: %q (%v)", i, buf, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestReadReuses: reading into a buffer that is large enough allocates nothing.
func TestReadReuses(t *testing.T) {
	dir := t.TempDir()
	pack(t, dir, 3, 1<<20)
	s, buf := open(t, dir), make([]byte, 1<<10)
	if n := testing.AllocsPerRun(20, func() {
		e, _ := s.Find(2, "jpg")
		buf, _ = e.Read(buf)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzOpen(f *testing.F) {
	b, err := os.ReadFile(pack(f, f.TempDir(), 3, 1<<20)[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:1000])
	f.Add([]byte("text"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		path := put(t, filepath.Join(dir, fmt.Sprint(os.Getpid(), ".tar")), content)
		s, err := Open(path)
		if err != nil {
			return
		}
		defer s.Close()
		var buf []byte
		seen := map[string]bool{}
		for i := range s.Len() {
			key := s.Key(i)
			if key == "" || s.Count(i) < 1 || len(s.Name(i)) < len(key) {
				t.Fatalf("sample %d: key %q, %d files", i, key, s.Count(i))
			}
			for k := range s.Count(i) {
				e := s.Entry(i, k)
				seen[e.Ext] = true
				if buf, err = e.Read(buf); err == nil && (int64(len(buf)) != e.Size || e.Size > int64(len(content))) {
					t.Fatalf("%s: %d bytes, size %d", e.Ext, len(buf), e.Size)
				}
			}
			if _, err := s.Find(i, slices.Collect(maps.Keys(seen))...); err != nil && i < s.Len()-1 {
				t.Fatal(err)
			}
		}
	})
}
