package audio

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"m2pt/data"
	"m2pt/internal/fixture"
)

// listing is a source as text: classes, and each clip with its labels.
func listing(f *Files) string {
	s := strings.Join(f.Classes(), " ") + ":"
	for i := range f.Len() {
		s += fmt.Sprintf(" %s%v", f.Name(i), f.Labels(i))
	}
	return s
}

// opening is a way to open a source of the folder dir.
type opening struct {
	name string
	open func(dir string) (*Files, error)
	want string // the listing, or what the error says
}

func check(t *testing.T, files map[string]string, cases []opening) {
	t.Helper()
	dir := fixture.Tree(t, files)
	for _, c := range cases {
		f, err := c.open(dir)
		switch {
		case err != nil && !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: error %v, want one that says %q", c.name, err, c.want)
		case err == nil && listing(f) != c.want:
			t.Errorf("%s: %q, want %q", c.name, listing(f), c.want)
		}
	}
}

func TestOpen(t *testing.T) {
	check(t, map[string]string{
		"classes.txt": "cat\ndog\n", "list.csv": "label,path,split\n1,a/x.wav,train\n",
		"train/dog/deep/1.flac": "", "train/cat/3.wav": "", "test/cow/2.wav": "",
	}, []opening{
		{"table", func(dir string) (*Files, error) { return OpenCSV(filepath.Join(dir, "list.csv"), "train") }, "cat dog: a/x.wav[1]"},
		{"no clip", func(dir string) (*Files, error) { return OpenCSV(filepath.Join(dir, "list.csv"), "extra") }, "list.csv: no clip of split extra"},
		{"folders", func(dir string) (*Files, error) { return OpenFolder(dir, "train") }, "cat dog: cat/3.wav[0] dog/deep/1.flac[1]"},
		{"unknown class", func(dir string) (*Files, error) { return OpenFolder(dir, "val") }, `unknown class: "cow"`},
	})
}

func TestOpenAudioSet(t *testing.T) {
	open := func(list, labels string) func(string) (*Files, error) {
		return func(dir string) (*Files, error) {
			return OpenAudioSet(filepath.Join(dir, list), filepath.Join(dir, labels))
		}
	}
	check(t, map[string]string{
		"labels.csv": "index,mid,display_name\n0,/m/a,Speech\n1,/m/b,\"Male, man\"\n2,/m/c,Dog\n",
		"gap.csv":    "index,mid,display_name\n0,/m/a,Speech\n2,/m/c,Dog\n",
		"twice.csv":  "index,mid,display_name\n0,/m/a,Speech\n1,/m/a,Dog\n",
		"two.json":   `{"data":[{"wav":"/x/1.wav","labels":"/m/c,/m/a"},{"wav":"2.wav","labels":"/m/b"}]}`,
		"other.json": `{"data":[{"wav":"1.wav","labels":"/m/z"}]}`,
		"none.json":  `{"data":[{"wav":"1.wav","labels":""}]}`,
		"same.json":  `{"data":[{"wav":"1.wav","labels":"/m/a,/m/a"}]}`,
		"empty.json": `{}`,
		"bad.json":   `{"data":[`,
	}, []opening{
		{"two clips", open("two.json", "labels.csv"), "Speech Male, man Dog: /x/1.wav[2 0] 2.wav[1]"},
		{"unknown label", open("other.json", "labels.csv"), `1.wav: label "/m/z" is not in the table`},
		{"no label", open("none.json", "labels.csv"), `1.wav: label "" is not in the table`},
		{"label twice", open("same.json", "labels.csv"), "comes twice"},
		{"no clips", open("empty.json", "labels.csv"), "no clips"},
		{"not JSON", open("bad.json", "labels.csv"), "bad.json"},
		{"gap in the table", open("two.json", "gap.csv"), `index "2", want 1`},
		{"id twice", open("two.json", "twice.csv"), "/m/a comes twice"},
	})
}

func TestOpenESC50(t *testing.T) {
	open := func(root string, fold int, split string) func(string) (*Files, error) {
		return func(dir string) (*Files, error) { return OpenESC50(filepath.Join(dir, root), fold, split) }
	}
	const header = "filename,fold,target,category,esc10,src_file,take\n"
	names := "dog" + strings.Repeat(" ", 48) + " owl:"
	check(t, map[string]string{
		"a/meta/esc50.csv": header + "1.wav,1,0,dog,True,1,A\n2.wav,2,49,owl,False,1,A\n3.wav,5,0,dog,True,1,B\n",
		"b/meta/esc50.csv": header + "1.wav,1,50,dog,True,1,A\n",
	}, []opening{
		{"train", open("a", 2, "train"), names + " 1.wav[0] 3.wav[0]"},
		{"val", open("a", 2, "val"), names + " 2.wav[49]"},
		{"test", open("a", 5, "test"), names + " 3.wav[0]"},
		{"empty fold", open("a", 3, "val"), "no clips in split val of fold 3"},
		{"no such fold", open("a", 6, "val"), "fold 6"},
		{"no such split", open("a", 1, "all"), `split "all"`},
		{"target", open("b", 1, "val"), `1.wav: target "50"`},
	})
}

func TestOpenSpeechCommands(t *testing.T) {
	open := func(split string) func(string) (*Files, error) {
		return func(dir string) (*Files, error) { return OpenSpeechCommands(dir, split) }
	}
	check(t, map[string]string{
		"yes/1.wav": "", "yes/2.wav": "", "no/1.wav": "", "no/3.wav": "", "_background_noise_/hum.wav": "",
		"validation_list.txt": "yes/2.wav\n", "testing_list.txt": "no/1.wav\nno/9.wav\n", "README.md": "",
	}, []opening{
		{"train", open("train"), "no yes: no/3.wav[0] yes/1.wav[1]"},
		{"val", open("val"), "no yes: yes/2.wav[1]"},
		{"test", open("test"), "no yes: no/1.wav[0]"},
		{"other", open("all"), `split "all"`},
	})
	check(t, map[string]string{"yes/1.wav": ""}, []opening{{"no lists", open("train"), "_list.txt"}})
}

// TestRecordings opens a real list.
func TestRecordings(t *testing.T) {
	list := fixture.Data(t, "audio/fsdd/split.csv")
	for split, n := range map[string]int{"train": 480, "test": 120} {
		f, err := OpenCSV(list, split)
		if err != nil {
			t.Fatal(err)
		}
		if f.Len() != n || len(f.Classes()) != 10 {
			t.Errorf("%s: %d clips of %d classes, want %d of 10", split, f.Len(), len(f.Classes()), n)
		}
		var c Clip
		for i := range f.Len() {
			if err := f.Load(i, &c); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	dir := fixture.Tree(t, map[string]string{"train/a/1.wav": "no sound"})
	f, err := OpenFolder(dir, "train")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Load(0, &Clip{}); err == nil || !strings.Contains(err.Error(), filepath.Join("a", "1.wav")) {
		t.Errorf("error %v does not name the file", err)
	}
}

func TestWeightsOfClasses(t *testing.T) {
	f := &Files{data.NewListing("", []string{"a", "b", "c"})}
	for _, labels := range [][]int{{0}, {0, 1}, {0}, {1, 2}} {
		if err := f.Add("clip", labels...); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []float64{1000 / 3.01, 1000/3.01 + 1000/2.01, 1000 / 3.01, 1000/2.01 + 1000/1.01} {
		if got := Weights(f)[i]; math.Abs(got-want) > 1e-9 {
			t.Errorf("clip %d weighs %g, want %g", i, got, want)
		}
	}
}
