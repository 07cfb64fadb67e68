package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m2pt/internal/fixture"
)

// shardOf makes a shard of files in the order given: name, content, ...
func shardOf(t testing.TB, files ...any) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		content, ok := files[i+1].([]byte)
		if !ok {
			content = []byte(files[i+1].(string))
		}
		if err := w.WriteHeader(&tar.Header{Name: files[i].(string), Size: int64(len(content)), Typeflag: tar.TypeReg, Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// labelsOf loads all of a source: name=label, or name!error.
func labelsOf(s Source) []string {
	var list []string
	var p Picture
	for i := range s.Len() {
		if label, err := s.Load(i, &p); err != nil {
			list = append(list, s.Name(i)+"!"+err.Error())
		} else {
			list = append(list, fmt.Sprintf("%s=%d %dx%d", s.Name(i), label, p.W, p.H))
		}
	}
	return list
}

func TestShards(t *testing.T) {
	jpg, png := encoded(t, "jpeg", noiseImage(20, 10)), encoded(t, "png", noiseImage(10, 20))
	root := fixture.Tree(t, map[string][]byte{
		"set-train-000.tar": shardOf(t, "a.cls", "2\n", "a.jpg", jpg, "d/b.PNG", png, "d/b.cls", "0"),
		"set-train-001.tar": shardOf(t, "c.jpeg", jpg, "c.json", `{"width": 3, "label": 1}`, "e.png", png, "e.json", "{}", "e.cls", "1"),
		"set-val-000.tar":   shardOf(t, "v.cls", "1", "v.jpg", jpg),
		"pretrain-000.tar":  shardOf(t, "x.cls", "9", "x.jpg", jpg),
	})
	s, err := OpenShards(root, "train", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"set-train-000.tar:a=2 20x10", "set-train-000.tar:d/b=0 10x20", "set-train-001.tar:c=1 20x10", "set-train-001.tar:e=1 10x20"}
	if got := labelsOf(s); !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	classes, err := ShardClasses(root, "train")
	if err != nil || !slices.Equal(classes, []string{"0", "1", "2"}) || !slices.Equal(classes, s.Classes()) {
		t.Errorf("classes %q, %q (%v)", classes, s.Classes(), err)
	}
	v, err := OpenShards(root, "val", classes)
	if err != nil || v.Len() != 1 || len(v.Classes()) != 3 {
		t.Fatalf("%v (%v)", v, err)
	}
	if _, err := OpenShards(root, "train", classes[:2]); !errors.Is(err, ErrClass) || !strings.Contains(err.Error(), "set-train-000.tar:a has label 2") {
		t.Errorf("error %v", err)
	}
	if _, err := OpenShards(root, "extra", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// TestShardsDecoder: the decoder is the one chosen, as for a folder.
func TestShardsDecoder(t *testing.T) {
	turbo, err := OpenTurbo()
	if err != nil {
		t.Skip(err)
	}
	jpg := encoded(t, "jpeg", noiseImage(40, 30))
	s, err := OpenShards(fixture.Tree(t, map[string][]byte{"train.tar": shardOf(t, "a.jpg", jpg, "a.cls", "0")}), "train", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, u := range map[string]*Turbo{"go": nil, "turbo": turbo} {
		var got, want Picture
		s.UseTurbo(u)
		if _, err := s.Load(0, &got); err != nil {
			t.Fatal(err)
		}
		if err := u.Decode(jpg, &want); err != nil || !slices.Equal(got.Pix, want.Pix) {
			t.Errorf("%s: other pixels (%v)", name, err)
		}
	}
}

func TestShardFiles(t *testing.T) {
	one := shardOf(t, "a.jpg", "x", "a.cls", "0")
	files := map[string][]byte{}
	for _, path := range []string{
		"a/train/x.tar", "a/train/y.tar", "a/validation/x.tar", "b/Train_0.tar", "b/test_0.tar",
		"c/strain-0.tar", "c/train0.tar", "c/val.tar", "e/readme", "f/val-0.tar", "f/test-0.tar", "f/test-1.tar",
	} {
		files[path] = one
	}
	root := fixture.Tree(t, files)
	for _, c := range []struct {
		path, split string
		want        []string
	}{
		{"a", "train", []string{"a/train/x.tar", "a/train/y.tar"}},
		{"a", "val", []string{"a/validation/x.tar"}},
		{"b", "train", []string{"b/Train_0.tar"}},
		{"b", "val", []string{"b/test_0.tar"}},
		{"c", "train", []string{"c/train0.tar"}},
		{"c", "test", []string{"c/val.tar"}},
		{"a/{split}/*.tar", "val", []string{"a/validation/x.tar"}},
		{"a/{split}/{x,y}.tar", "train", []string{"a/train/x.tar", "a/train/y.tar"}},
		{"a/{split}/{y,z}.tar", "train", nil},
		{"f/{split}-{0..1}.tar", "test", []string{"f/test-0.tar", "f/test-1.tar"}},
		{"f/{split}-{0..1}.tar", "val", nil}, // not test's: one of its own is there
		{"a/train/x.tar", "train", nil},
		{"e", "train", nil},
		{"nowhere", "train", nil},
	} {
		t.Run(c.path+" "+c.split, func(t *testing.T) {
			got, err := shardFiles(filepath.Join(root, c.path), c.split)
			for i := range got {
				got[i], _ = filepath.Rel(root, got[i])
			}
			if !slices.Equal(got, c.want) || c.want == nil && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%q (%v), want %q", got, err, c.want)
			}
		})
	}
}

func TestShardClasses(t *testing.T) {
	one := shardOf(t, "a.jpg", "x", "a.cls", "4")
	for _, c := range []struct {
		name  string
		files map[string][]byte
		want  []string
	}{
		{"beside", map[string][]byte{"train/x.tar": one, "train/classes.txt": []byte("a\r\nb c\r\n"), "classes.txt": []byte("other")}, []string{"a", "b c"}},
		{"above", map[string][]byte{"train/x.tar": one, "classnames.txt": []byte("a\nb\n")}, []string{"a", "b"}},
		{"numbers", map[string][]byte{"train/x.tar": one}, []string{"0", "1", "2", "3", "4"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := ShardClasses(fixture.Tree(t, c.files), "train"); err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%q (%v), want %q", got, err, c.want)
			}
		})
	}
	if _, err := ShardClasses(t.TempDir(), "train"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// TestShardsCorrupt: each bad sample is an error of its own; the others are
// read.
func TestShardsCorrupt(t *testing.T) {
	jpg := encoded(t, "jpeg", noiseImage(20, 10))
	whole := shardOf(t,
		"a.cls", "1", "a.jpg", jpg[:len(jpg)/2],
		"b.cls", "one", "b.jpg", jpg,
		"c.jpg", jpg,
		"d.cls", "0",
		"e.json", `{"label": -1}`, "e.jpg", jpg,
		"f.json", `{"label": `, "f.jpg", jpg,
		"g.json", `{"caption": "x"}`, "g.jpg", jpg,
		"h.cls", "99999999999", "h.jpg", jpg,
		"i.cls", strings.Repeat(" ", maxLabelFile+1), "i.jpg", jpg,
		"j.cls", "0", "j.jpg", "",
		"k.cls", "1", "k.jpg", jpg,
		"l.cls", "1", "l.jpg", jpg)
	root := fixture.Tree(t, map[string][]byte{"train.tar": whole[:len(whole)-1024-512]})
	s, err := OpenShards(root, "train", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"decode JPEG", `"one"`, "c has .jpg but no .cls or .json", "no .jpg or", "label -1", "unexpected end of JSON", `no "label"`,
		"label 99999999999", "too large for a label", "the file is empty", "k=1", "cut off at offset"}
	got := labelsOf(s)
	if len(got) != len(want) {
		t.Fatalf("%d samples: %q", len(got), got)
	}
	for i := range want {
		name := fmt.Sprintf("train.tar:%c", 'a'+i)
		if !strings.Contains(got[i], want[i]) || !strings.HasPrefix(got[i], name) || !strings.HasPrefix(want[i], "k") && !strings.Contains(got[i], "!load "+name) {
			t.Errorf("sample %d: %q, want %q", i, got[i], want[i])
		}
	}
	if _, err := OpenShards(fixture.Tree(t, map[string][]byte{"train.tar": []byte("text")}), "train", nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
}

// TestShardsOtherPrograms: a shard packed by tar and by Python's tarfile.
func TestShardsOtherPrograms(t *testing.T) {
	root := fixture.Tree(t, map[string][]byte{"in/0001.jpg": encoded(t, "jpeg", noiseImage(20, 10)), "in/0001.cls": []byte("0"),
		"in/0002.png": encoded(t, "png", noiseImage(7, 9)), "in/0002.cls": []byte("1")})
	in := filepath.Join(root, "in")
	const script = `import sys, tarfile
with tarfile.open(sys.argv[1], "w") as t:
    t.add(sys.argv[2], arcname="")`
	for program, args := range map[string][]string{
		"tar":     {"--sort=name", "-C", in, "-cf", "OUT", "."},
		"python3": {"-c", script, "OUT", in},
	} {
		t.Run(program, func(t *testing.T) {
			if _, err := exec.LookPath(program); err != nil {
				t.Skip(err)
			}
			dir := t.TempDir()
			args = slices.Clone(args)
			args[slices.Index(args, "OUT")] = filepath.Join(dir, "train-0.tar")
			if b, err := exec.Command(program, args...).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, b)
			}
			s, err := OpenShards(dir, "train", nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := labelsOf(s), []string{"train-0.tar:0001=0 20x10", "train-0.tar:0002=1 7x9"}; !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

func FuzzParseLabel(f *testing.F) {
	f.Add("cls", []byte(" 12\n"))
	f.Add("json", []byte(`{"label": 3}`))
	f.Fuzz(func(t *testing.T, ext string, text []byte) {
		if label, err := parseLabel(ext, text); err == nil && (label < 0 || label >= maxClasses) {
			t.Errorf("%q: label %d", text, label)
		}
	})
}
