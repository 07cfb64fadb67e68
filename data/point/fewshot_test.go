package point

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// toys is a Source of clouds without points: cloud i has label i mod classes, and
// every cloud but those named is there.
type toys struct {
	name    string
	classes int
	labels  []int32
	loads   *int
}

// newToys makes per[class] clouds of each class, in turns.
func newToys(name string, per ...int) *toys {
	t := &toys{name: name, classes: len(per), loads: new(int)}
	for n := range slices.Max(per) {
		for class, most := range per {
			if n < most {
				t.labels = append(t.labels, int32(class))
			}
		}
	}
	return t
}

func (s *toys) Len() int          { return len(s.labels) }
func (s *toys) Name(i int) string { return fmt.Sprintf("%s/%d", s.name, i) }

func (s *toys) Classes() (names []string) {
	for k := range s.classes {
		names = append(names, fmt.Sprint("class", k))
	}
	return names
}

func (s *toys) Load(i int, _ *Cloud) (int32, error) {
	*s.loads++
	return s.labels[i], nil
}

// labelledToys knows its labels.
type labelledToys struct{ *toys }

func (s labelledToys) Label(i int) int32 { return s.labels[i] }

// counts checks a view of a fold: as many clouds of each class as said, whose
// labels are the fold's. It returns their names.
func counts(t *testing.T, f *Fold, view Source, each int) map[string]bool {
	t.Helper()
	names, per := map[string]bool{}, map[int32]int{}
	for i := range view.Len() {
		label, err := view.Load(i, nil)
		if err != nil {
			t.Fatal(err)
		}
		names[view.Name(i)] = true
		per[label]++
	}
	if len(names) != view.Len() || view.Len() != each*f.Way || len(per) != f.Way || !slices.Equal(view.Classes(), f.Classes) {
		t.Errorf("%d clouds, %d distinct, per label %v, classes %v; want %d of each of %v", view.Len(), len(names), per, view.Classes(), each, f.Classes)
	}
	for label, n := range per {
		if n != each {
			t.Errorf("%d clouds of label %d, want %d", n, label, each)
		}
	}
	return names
}

func TestNewFold(t *testing.T) {
	train, test := newToys("train", slices.Repeat([]int{50}, 12)...), newToys("test", slices.Repeat([]int{25}, 12)...)
	for _, way := range []int{5, 10} {
		for _, shot := range []int{10, 20} {
			seen := map[string]bool{}
			for fold := range 10 {
				e := Episode{Way: way, Shot: shot, Fold: fold, Seed: 3}
				f, err := NewFold(e, labelledToys{train}, labelledToys{test})
				if err != nil {
					t.Fatal(err)
				}
				order := func(a, b string) int { return slices.Index(train.Classes(), a) - slices.Index(train.Classes(), b) }
				if !slices.IsSortedFunc(f.Classes, order) {
					t.Errorf("classes %v are not in the order of the dataset", f.Classes)
				}
				again, err := NewFold(e, train, test)
				if err != nil || !reflect.DeepEqual(f, again) {
					t.Errorf("not the same again, or without labels known (%v)", err)
				}
				seen[fmt.Sprint(f.Classes, f.Train)] = true
				view, err := f.TrainOf(train)
				if err != nil {
					t.Fatal(err)
				}
				counts(t, f, view, shot)
				if view, err = f.TestOf(test); err != nil {
					t.Fatal(err)
				}
				counts(t, f, view, FewShotTest)
			}
			if len(seen) != 10 {
				t.Errorf("%d-way %d-shot: %d distinct folds of 10", way, shot, len(seen))
			}
		}
	}
	e := Episode{Way: 5, Shot: 10}
	a, _ := NewFold(e, train, test)
	e.Seed++
	if b, _ := NewFold(e, train, test); slices.Equal(a.Train, b.Train) {
		t.Error("the seed makes no difference")
	}
}

// TestFoldIsFixed: published results name folds; they must never change.
func TestFoldIsFixed(t *testing.T) {
	f, err := NewFold(Episode{Way: 2, Shot: 2, Fold: 1}, newToys("a", 22, 22, 22, 22), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := &Fold{Episode: Episode{Way: 2, Shot: 2, Fold: 1}, Classes: []string{"class2", "class3"},
		Train: []string{"a/2", "a/22", "a/79", "a/63"}, Test: f.Test}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("%q %q", f.Classes, f.Train)
	}
}

// TestFoldOfOneList: training and test clouds of one list are apart.
func TestFoldOfOneList(t *testing.T) {
	src := newToys("a", 30, 31, 40, 29, 99)
	for fold := range 20 {
		f, err := NewFold(Episode{Way: 4, Shot: 10, Fold: fold}, src, nil)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(f.Classes, "class3") {
			t.Error("class3 has too few clouds")
		}
		train, err1 := f.TrainOf(src)
		test, err2 := f.TestOf(src)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		names := counts(t, f, train, 10)
		for name := range counts(t, f, test, FewShotTest) {
			if names[name] {
				t.Errorf("fold %d: %s is in both", fold, name)
			}
		}
	}
}

func TestFoldErrors(t *testing.T) {
	for _, c := range []struct {
		name, want  string
		e           Episode
		train, test Source
	}{
		{"too many ways", "2 classes have 5 clouds to train with and 20 to test", Episode{Way: 3, Shot: 5}, newToys("a", 25, 25, 24), nil},
		{"too few to test", "1 classes have", Episode{Way: 2, Shot: 5}, newToys("a", 9, 9), newToys("b", 20, 19)},
		{"other classes", "classes of the splits differ", Episode{Way: 2, Shot: 5}, newToys("a", 9, 9), newToys("b", 20, 20, 20)},
		{"no way", "at least 1 way", Episode{Shot: 5}, newToys("a", 9), nil},
		{"no shot", "at least 1 way", Episode{Way: 5}, newToys("a", 9), nil},
		{"no fold", "at least 1 way", Episode{Way: 1, Shot: 1, Fold: -1}, newToys("a", 9), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := NewFold(c.e, c.train, c.test); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	f, err := NewFold(Episode{Way: 2, Shot: 5}, newToys("a", 25, 25), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.TrainOf(newToys("b", 25, 25)); err == nil || !strings.Contains(err.Error(), `cloud "a/`) {
		t.Errorf("other clouds: error %v", err)
	}
	if _, err := f.TrainOf(newToys("a", 25)); err == nil || !strings.Contains(err.Error(), `class "class1"`) {
		t.Errorf("fewer classes: error %v", err)
	}
	one := *f
	one.Classes = f.Classes[:1]
	view, err := one.TrainOf(newToys("a", 25, 25))
	if err != nil {
		t.Fatal(err)
	}
	for i := range view.Len() {
		if _, err = view.Load(i, nil); err != nil {
			break
		}
	}
	if err == nil || !strings.Contains(err.Error(), "none of the few-shot fold's") {
		t.Errorf("a class that is not there: error %v", err)
	}
}

func TestFoldFile(t *testing.T) {
	f, err := NewFold(Episode{Way: 2, Shot: 3, Fold: 7, Seed: 5}, newToys("a", 25, 25, 25), nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), f.Path())
	if err := f.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(filepath.ToSlash(path), "/2way_3shot/7.json") {
		t.Errorf("path %s", path)
	}
	if got, err := ReadFold(path); err != nil || !reflect.DeepEqual(got, f) {
		t.Errorf("got %+v (%v), want %+v", got, err, f)
	}
	for name, text := range map[string]string{"empty": "", "text": "no fold", "another kind": `{"a": 1}`, "wrong type": `{"classes": 3}`,
		"no test": `{"classes": ["a"], "train": ["b"]}`, "too large": strings.Repeat(" ", maxFold+1)} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := ReadFold(path); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v, want one of %s", err, path)
			}
		})
	}
	if _, err := ReadFold(path + "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}
