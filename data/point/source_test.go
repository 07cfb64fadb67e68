package point

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m2pt/internal/fixture"
)

// listing is a source as text: classes, and each cloud with its label and its
// number of points.
func listing(s Source) string {
	text := strings.Join(s.Classes(), " ") + ":"
	var c Cloud
	for i := range s.Len() {
		label, err := s.Load(i, &c)
		if err != nil {
			return err.Error()
		}
		text += fmt.Sprintf(" %s[%d]%d", s.Name(i), label, c.Len())
	}
	return text
}

// opening is a way to open a source of the folder dir.
type opening struct {
	name string
	open func(dir string) (Source, error)
	want string // the listing, or what an error says
}

func check(t *testing.T, files map[string]string, cases []opening) {
	t.Helper()
	dir := fixture.Tree(t, files)
	for _, c := range cases {
		s, err := c.open(dir)
		switch {
		case err != nil && !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: error %v, want one that says %q", c.name, err, c.want)
		case err == nil && !strings.Contains(listing(s), c.want):
			t.Errorf("%s: %q, want %q", c.name, listing(s), c.want)
		}
	}
}

const (
	one = "1 2 3\n"
	two = "1,2,3,0,0,1\n4,5,6,0,1,0\n"
)

func TestOpen(t *testing.T) {
	check(t, map[string]string{
		"classes.txt": "cat\ndog\n", "list.csv": "label,path,split\n1,a/x.xyz,train\n0,\"y, 2.pts\",train\n1,z.txt,test\n0,lost.xyz,extra\n",
		"a/x.xyz": one, "y, 2.pts": two, "z.txt": "",
		"train/b/2.txt": one, "train/b/sub/1.off": "OFF\n1 0 0\n1 2 3\n", "train/a/3.xyz": two, "test/y/4.txt": one,
	}, []opening{
		{"table", func(dir string) (Source, error) { return OpenCSV(filepath.Join(dir, "list.csv"), "train") }, "cat dog: a/x.xyz[1]1 y, 2.pts[0]2"},
		{"empty cloud", func(dir string) (Source, error) { return OpenCSV(filepath.Join(dir, "list.csv"), "val") }, "z.txt: 0 points"},
		{"cloud not there", func(dir string) (Source, error) { return OpenCSV(filepath.Join(dir, "list.csv"), "extra") }, "load "},
		{"no cloud", func(dir string) (Source, error) { return OpenCSV(filepath.Join(dir, "list.csv"), "whole") }, "list.csv: no cloud of split whole"},
		{"folders", func(dir string) (Source, error) { return OpenFolder(dir, "train") }, "a b: a/3.xyz[0]2 b/2.txt[1]1 b/sub/1.off[1]1"},
		{"unknown class", func(dir string) (Source, error) { return OpenFolder(dir, "val") }, `unknown class: "y"`},
	})
}

func TestOpenModelNet(t *testing.T) {
	names := make([]string, 10)
	for i := range names {
		names[i] = fmt.Sprintf("class_%d", i)
	}
	open := func(sub, split string, classes int) func(string) (Source, error) {
		return func(dir string) (Source, error) { return OpenModelNet(filepath.Join(dir, sub), split, classes) }
	}
	check(t, map[string]string{
		"a/modelnet10_shape_names.txt": strings.Join(names, "\n") + "\n", "a/modelnet10_train.txt": "class_3_0001\nclass_0_0002\n", "a/modelnet10_test.txt": "class_9_0003",
		"a/class_3/class_3_0001.txt": two, "a/class_0/class_0_0002.txt": one, "a/class_9/class_9_0003.txt": "1,2,3\nx",
		"b/modelnet40_shape_names.txt": "chair\n",
		"c/modelnet10_shape_names.txt": strings.Join(names, "\n"), "c/modelnet10_train.txt": "class_3_0001\nlamp\n",
	}, []opening{
		{"train", open("a", "train", 10), ": class_3/class_3_0001.txt[3]2 class_0/class_0_0002.txt[0]1"},
		{"test, damaged", open("a", "test", 10), `class_9_0003.txt: line 2: "x" is not a number`},
		{"val", open("a", "val", 10), "class_9_0003.txt"},
		{"extra", open("a", "extra", 10), "want train, val or test"},
		{"fifty", open("a", "train", 50), "10 or 40"},
		{"the other one", open("a", "train", 40), "modelnet40_shape_names.txt"},
		{"one class", open("b", "train", 40), "1 classes, want 40"},
		{"no class", open("c", "train", 10), `modelnet10_train.txt: /lamp.txt: class ""`},
		{"no list", open("c", "test", 10), "modelnet10_test.txt"},
	})
}

func TestOpenShapeNet(t *testing.T) {
	array := stored{t}.read
	open := func(sub, split string) func(string) (Source, error) {
		return func(dir string) (Source, error) { return OpenShapeNet(filepath.Join(dir, sub), split) }
	}
	check(t, map[string]string{
		"a/ShapeNet-55/train.txt": "03-b.npy\n02-a.npy\n", "a/ShapeNet-55/test.txt": "04-c.npy\n",
		"a/shapenet_pc/03-b.npy": array("numpy_f4.npy"), "a/shapenet_pc/02-a.npy": array("numpy_f8.npy"), "a/shapenet_pc/04-c.npy": array("numpy_f4.npy")[:150],
		"b/ShapeNet-55/train.txt": "a.npy\n", "b/ShapeNet-55/test.txt": "",
	}, []opening{
		{"train", open("a", "train"), "02 03 04: 03-b.npy[1]8 02-a.npy[0]8"},
		{"test, damaged", open("a", "test"), "04-c.npy: 22 bytes"},
		{"whole", open("a", "whole"), "04-c.npy"},
		{"extra", open("a", "extra"), "want train, val, test or whole"},
		{"no taxonomy", open("b", "train"), `"a.npy": want <taxonomy>`},
		{"no lists", open("c", "train"), "train.txt"},
	})
}

func TestOpenShapeNetPart(t *testing.T) {
	open := func(sub, split string) func(string) (Source, error) {
		return func(dir string) (Source, error) { return OpenShapeNetPart(filepath.Join(dir, sub), split) }
	}
	row := "1 2 3 0 0 1 %s\n"
	files := map[string]string{
		"a/train_test_split/shuffled_train_file_list.json": `["shape_data/02/y", "shape_data/01/x"]`, "a/train_test_split/shuffled_val_file_list.json": `["shape_data/01/z"]`,
		"a/train_test_split/shuffled_test_file_list.json": `["shape_data/02/other"]`,
		"a/01/x.txt": fmt.Sprintf(row+row, "0.000000", "3.000000"), "a/01/z.txt": fmt.Sprintf(row, "1"), "a/02/y.txt": fmt.Sprintf(row, "49"), "a/02/other.txt": fmt.Sprintf(row+row, "47", "0"),
		"b/synsetoffset2category.txt": "Airplane 01\n", "b/train_test_split/shuffled_test_file_list.json": `{"a": 1}`,
		"c/synsetoffset2category.txt": "Spaceship 01\n",
		"d/synsetoffset2category.txt": "Airplane 01\n", "d/train_test_split/shuffled_test_file_list.json": `["shape_data/07/x"]`,
		"e/synsetoffset2category.txt": "Airplane 01\n", "e/train_test_split/shuffled_test_file_list.json": `["shape_data/01/x"]`, "e/01/x.txt": "1 2 3\n",
		"f/synsetoffset2category.txt": "Airplane 01\n", "f/train_test_split/shuffled_test_file_list.json": `["shape_data/01/x"]`, "f/01/x.txt": fmt.Sprintf(row, "0.5"),
	}
	files["a/synsetoffset2category.txt"] = "Airplane\t01\nTable\t02\n"
	check(t, files, []opening{
		{"train and val", open("a", "train"), ": 02/y.txt[15]1 01/x.txt[0]2 01/z.txt[0]1"},
		{"part of another category", open("a", "test"), "point 1 is of part 0: Table has [47 48 49]"},
		{"extra", open("a", "extra"), "want train, val or test"},
		{"list of another kind", open("b", "test"), "shuffled_test_file_list.json"},
		{"unknown category", open("c", "test"), "Spaceship"},
		{"unknown folder", open("d", "test"), "07/x.txt"},
		{"no parts", open("e", "test"), "line 1: 3 numbers"},
		{"half a part", open("f", "test"), "part 0.5"},
		{"nothing", open("g", "test"), "synsetoffset2category.txt"},
	})
	s, err := OpenShapeNetPart(filepath.Join(fixture.Tree(t, files), "a"), "train")
	if err != nil {
		t.Fatal(err)
	}
	var c Cloud
	if _, err := s.Load(1, &c); err != nil || !slices.Equal(c.Parts, []int32{0, 3}) {
		t.Errorf("parts %v, %v: want [0 3]", c.Parts, err)
	}
	// The table of the benchmark.
	for class, want := range map[string][2]int32{"Airplane": {0, 3}, "Cap": {6, 7}, "Chair": {12, 15}, "Earphone": {16, 18}, "Knife": {22, 23}, "Motorbike": {30, 35}, "Skateboard": {44, 46}, "Table": {47, 49}} {
		parts := s.Parts()[slices.Index(s.Classes(), class)]
		if parts[0] != want[0] || parts[len(parts)-1] != want[1] {
			t.Errorf("%s has parts %v, want %v", class, parts, want)
		}
	}
}

// TestModelNet10 reads clouds that another program sampled.
func TestModelNet10(t *testing.T) {
	dir := fixture.Data(t, filepath.Join("point", "modelnet10"))
	for split, want := range map[string]int{"train": 240, "test": 80} {
		list, err := OpenCSV(filepath.Join(dir, "split.csv"), split)
		if err != nil {
			t.Fatal(err)
		}
		folder, err := OpenFolder(dir, split)
		if err != nil {
			t.Fatal(err)
		}
		if list.Len() != want || folder.Len() != want || !slices.Equal(list.Classes(), folder.Classes()) {
			t.Fatalf("%s: %d clouds in the list, %d in folders, want %d", split, list.Len(), folder.Len(), want)
		}
		var c Cloud
		for i := range want {
			label, err := list.Load(i, &c)
			if err != nil {
				t.Fatal(err)
			}
			class := list.Classes()[label]
			if c.Len() != 1024 || !strings.Contains(list.Name(i), class) {
				t.Errorf("%s: %d points, class %s", list.Name(i), c.Len(), class)
			}
		}
	}
}
