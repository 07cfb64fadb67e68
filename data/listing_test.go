package data

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m2pt/internal/fixture"
)

// content is a listing as text: its classes, and each item with its labels.
func content(l *Listing) string {
	s := strings.Join(l.Classes(), " ") + ":"
	for i := range l.Len() {
		s += fmt.Sprintf(" %s%v", l.Name(i), l.Labels(i))
	}
	return s
}

// checkListing compares a listing with its content, or an error with what it says.
func checkListing(t *testing.T, l *Listing, err error, want string) {
	t.Helper()
	switch {
	case err != nil && !strings.Contains(err.Error(), want):
		t.Errorf("error %v, want one that says %q", err, want)
	case err == nil && content(l) != want:
		t.Errorf("%q, want %q", content(l), want)
	}
}

func TestListing(t *testing.T) {
	l := NewListing("here", []string{"a", "b", "c"})
	for _, c := range []struct {
		labels []int
		want   string
	}{
		{[]int{2, 0}, ""}, {[]int{1}, ""}, {nil, "item: no label"}, {[]int{0, 1, 0}, "item: label 0 (a) comes twice"},
		{[]int{3}, "item: label 3: want 0 to 2"}, {[]int{0, -1}, "item: label -1: want 0 to 2"},
	} {
		if err := l.Add("item", c.labels...); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("labels %v: error %v, want %q", c.labels, err, c.want)
		}
	}
	absolute, err := filepath.Abs("there")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Add(absolute, 1, 2); err != nil {
		t.Fatal(err)
	}
	checkListing(t, l, nil, "a b c: item[2 0] item[1] "+absolute+"[1 2]")
	if l.Label(0) != 2 || l.Label(2) != 1 {
		t.Errorf("first labels %d and %d, want 2 and 1", l.Label(0), l.Label(2))
	}
	if l.Path(0) != filepath.Join("here", "item") || l.Path(2) != absolute {
		t.Errorf("paths %s and %s", l.Path(0), l.Path(2))
	}
}

func TestOpenTable(t *testing.T) {
	dir := fixture.Tree(t, map[string]string{
		"classes.txt": "cat\r\ndog\r\n\t\n",
		"list.csv":    "label,path,class,split\n1,a/x,dog,train\n0,\"y, 2\",cat,train\n1,z,dog,test\n",
		"high.csv":    "path,label,split\nx,2,train\n",
		"text.csv":    "path,label,split\nx,dog,train\n",
		"header.csv":  "path,class\nx,2\n",
		"splits.csv":  "path,label\n",
		"short.csv":   "path,label,split\nx,2\n",
		"long.csv":    "path,label,split\nx,0,train,9\n",
		"quote.csv":   "path,label,split\nx,\"0,train\n",
		"empty.csv":   "",
		"none.csv":    "path,label,split\nx,0,test\n\n\n",
		"sub/l.csv":   "path,label,split\n",
	})
	for _, c := range []struct{ name, file, split, want string }{
		{"train", "list.csv", "train", "cat dog: a/x[1] y, 2[0]"},
		{"val falls back on test", "list.csv", "val", "cat dog: z[1]"},
		{"other split", "list.csv", "extra", "list.csv: no sound of split extra"},
		{"no row", "none.csv", "train", "no sound of split train"},
		{"label out of range", "high.csv", "train", "x: label 2: want 0 to 1"},
		{"label in letters", "text.csv", "train", "x: label"},
		{"no label", "header.csv", "train", `no column "label"`},
		{"no split", "splits.csv", "train", `no column "split"`},
		{"short row", "short.csv", "train", "wrong number of fields"},
		{"long row", "long.csv", "train", "wrong number of fields"},
		{"open quote", "quote.csv", "train", "\""},
		{"empty", "empty.csv", "train", "header"},
		{"no classes", "sub/l.csv", "train", "class names"},
		{"no file", "lost.csv", "train", "lost.csv"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := OpenTable(filepath.Join(dir, c.file), c.split, "sound")
			checkListing(t, l, err, c.want)
		})
	}
}

func TestOpenFolders(t *testing.T) {
	dir := fixture.Tree(t, map[string]string{
		"a/train/dog/2": "", "a/train/dog/deep/1": "", "a/train/cat/3": "", "a/train/.hidden/x": "", "a/train/cat/.x": "", "a/train/cat/.y/z": "", "a/train/README": "",
		"a/validation/dog/4":     "",
		"b/train/cat/1":          "",
		"b/val/cow/2":            "",
		"c/test/cow/2":           "",
		"d/train/cat/deep/.wav":  "",
		"e/test/README":          "",
		"a/train/zebra/.ignored": "",
	})
	if err := os.Symlink(filepath.Join("..", "train", "dog"), filepath.Join(dir, "a", "validation", "cat")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, root, split string
		opt               FolderOptions
		want              string
		is                error
	}{
		{"train", "a", "train", FolderOptions{}, "cat dog zebra: cat/3[0] dog/2[1] dog/deep/1[1]", nil},
		{"flat", "a", "train", FolderOptions{Flat: true}, "cat dog zebra: cat/3[0] dog/2[1] dog/deep[1]", nil},
		{"test is val", "a", "test", FolderOptions{}, "cat dog zebra: cat/2[0] cat/deep/1[0] dog/4[1]", nil},
		{"val with a link", "a", "val", FolderOptions{}, "cat dog zebra: cat/2[0] cat/deep/1[0] dog/4[1]", nil},
		{"classes given", "a", "val", FolderOptions{Flat: true, Classes: []string{"dog", "cat"}}, "dog cat: cat/2[1] cat/deep[1] dog/4[0]", nil},
		{"unknown class", "b", "val", FolderOptions{}, `unknown class: "cow" has no directory in the training split`, ErrClass},
		{"unknown among those given", "b", "train", FolderOptions{Classes: []string{"cow"}}, `unknown class: "cat"`, ErrClass},
		{"no train", "c", "val", FolderOptions{}, "cow: cow/2[0]", nil},
		{"no split", "c", "train", FolderOptions{}, `split "train": no directory train`, fs.ErrNotExist},
		{"no files", "d", "train", FolderOptions{Item: "sound"}, "no files: want " + filepath.Join(dir, "d", "train", "<class>", "<sound>"), nil},
		{"no classes", "e", "test", FolderOptions{}, "no files", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := OpenFolders(filepath.Join(dir, c.root), c.split, c.opt)
			checkListing(t, l, err, c.want)
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("error %v is not %v", err, c.is)
			}
		})
	}
}

func TestWriteClasses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	for range 2 {
		if err := WriteClasses(dir, []string{"cat", "guinea pig"}); err != nil {
			t.Fatal(err)
		}
	}
	if lines, err := ReadLines(filepath.Join(dir, ClassFile)); err != nil || !slices.Equal(lines, []string{"cat", "guinea pig"}) {
		t.Errorf("classes %q, %v", lines, err)
	}
	if err := WriteClasses(dir, []string{"cat"}); err == nil || !strings.Contains(err.Error(), "has other classes") {
		t.Errorf("other classes: %v", err)
	}
}

// TestPipes: what may never end is refused without a wait, where it is listed and
// where it is read, through a link too.
func TestPipes(t *testing.T) {
	dir := fixture.Tree(t, map[string]string{"train/a/1": "", "train/a/3": "x", "lists/x": ""})
	pipe, link, file := filepath.Join(dir, "lists", "pipe"), filepath.Join(dir, "train", "a", "2"), filepath.Join(dir, "train", "a", "4")
	if out, err := exec.Command("mkfifo", pipe).CombinedOutput(); err != nil {
		t.Skipf("there are no pipes here: %v: %s", err, out)
	}
	for name, target := range map[string]string{link: pipe, file: filepath.Join(dir, "train", "a", "3")} {
		if err := os.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
	}
	for name, read := range map[string]func(path string) error{
		"ReadFile":  func(path string) error { _, err := ReadFile(path, nil, 9, ""); return err },
		"ReadLines": func(path string) error { _, err := ReadLines(path); return err },
		"EachRow":   func(path string) error { return EachRow(path, nil, nil) },
	} {
		for _, path := range []string{pipe, link} {
			if err := read(path); err == nil || !strings.Contains(err.Error(), "not a regular file") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if b, err := ReadFile(file, nil, 9, ""); err != nil || string(b) != "x" {
		t.Errorf("a link to a file: %q, %v", b, err)
	}
	if l, err := OpenFolders(dir, "train", FolderOptions{}); err != nil || l.Len() != 4 {
		t.Errorf("links are not listed: %v", err)
	}
	if err := os.Rename(pipe, filepath.Join(dir, "train", "a", "5")); err != nil {
		t.Fatal(err)
	}
	for _, flat := range []bool{false, true} {
		if _, err := OpenFolders(dir, "train", FolderOptions{Flat: flat}); err == nil || !strings.Contains(err.Error(), "neither a file nor a folder") {
			t.Errorf("flat %v: %v", flat, err)
		}
	}
}

// TestByteOrderMark: spreadsheets begin a file with one.
func TestByteOrderMark(t *testing.T) {
	dir := fixture.Tree(t, map[string]string{"x.csv": "\ufeffa,b\n1,2\n"})
	var got []string
	err := EachRow(filepath.Join(dir, "x.csv"), []string{"b", "a"}, func(row []string) error {
		got = append(got, row...)
		return nil
	})
	if err != nil || strings.Join(got, " ") != "2 1" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestReadFile(t *testing.T) {
	path := filepath.Join(fixture.Tree(t, map[string]string{"x": "12345"}), "x")
	if b, err := ReadFile(path, make([]byte, 2), 5, ""); err != nil || string(b) != "12345" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := ReadFile(path, nil, 4, "cut it"); err == nil || err.Error() != "more than 4 bytes: cut it" {
		t.Errorf("too large: %v", err)
	}
}
