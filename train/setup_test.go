package train

import (
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m2pt/data"
	"m2pt/model"
)

// pictures makes a dataset of one picture per "split/class" and returns its root.
func pictures(t testing.TB, classes ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, class := range classes {
		must(t, os.MkdirAll(filepath.Join(root, class), 0o755))
		f, err := os.Create(filepath.Join(root, class, "a.png"))
		must(t, err)
		must(t, png.Encode(f, image.NewGray(image.Rect(0, 0, 8, 8))))
		must(t, f.Close())
	}
	return root
}

// TestSplits: the configured training split says which classes there are, also
// those of validation.
func TestSplits(t *testing.T) {
	root := pictures(t, "fit/apple", "fit/banana", "fit/cherry", "val/banana", "val/cherry", "train/zebra", "other/durian", "own/banana")
	open := func(split Split, train, val string) (data.Dataset, error) {
		return OpenData(tiny(t, "data.format=folder", "data.path="+root, "data.train_split="+train, "data.val_split="+val), split)
	}
	for _, c := range []struct {
		name, train, val string
		want             []int32
	}{
		{"configured", "fit", "val", []int32{1, 2}},
		{"no training data", "nosuch", "own", []int32{0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			set, err := open(ValSplit, c.train, c.val)
			must(t, err)
			var labels []int32
			for i := range set.Len() {
				s := set.Layout().NewSample()
				must(t, set.NewReader().Read(data.Key{Sample: i}, s))
				labels = append(labels, s.Label)
			}
			if !slices.Equal(labels, c.want) {
				t.Errorf("labels %v of %v, want %v", labels, set.Classes(), c.want)
			}
		})
	}
	_, err := open(ValSplit, "fit", "other")
	wantUsage(t, err, `"durian"`)
	_, err = open(TrainSplit, "nosuch", "val")
	wantUsage(t, err, "nosuch")
}

// TestGrey: a model of one channel trains on and is evaluated with grey pictures.
func TestGrey(t *testing.T) {
	cfg := tiny(t, "data.channels=1", "data.mean=[0.5, 0.5, 0.5]", "data.std=[0.2, 0.2, 0.2]")
	for _, split := range []Split{TrainSplit, ValSplit} {
		set, err := OpenData(cfg, split)
		must(t, err)
		if got := set.Layout().Pixels; !slices.Equal(got, []int{1, 8, 8}) {
			t.Errorf("%s: layout %v, want [1 8 8]", split, got)
		}
	}
	out := trained(t, cfg)
	m, err := OpenModel(out.Run, "", nil)
	must(t, err)
	if got := result(t, m); got != out.Best {
		t.Errorf("evaluated %+v, in training %+v", got, out.Best)
	}
}

// TestOpenModelWithoutAuxConfig: a trained model needs its auxiliary's weights,
// which lie in the run folder, not the experiment that made them.
func TestOpenModelWithoutAuxConfig(t *testing.T) {
	aux := tiny(t)
	file := filepath.Join(filepath.Dir(aux.Output), "tiny.toml")
	out := trained(t, tiny(t, "pathway = { aux_config = '"+file+"', lambda_init = 0.5 }"))
	m, err := OpenModel(out.Run, "", nil)
	must(t, err)
	want := result(t, m)
	for _, c := range []struct {
		name   string
		change func() error
	}{
		{"invalid", func() error { return os.WriteFile(file, []byte("[train]\nbatch = -1\n"), 0o644) }},
		{"gone", func() error { return os.RemoveAll(filepath.Dir(file)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			must(t, c.change())
			m, err := OpenModel(out.Run, "", nil)
			must(t, err)
			if got := result(t, m); got != want || len(m.Classifier.ViT.Pathways) != 1 {
				t.Errorf("got %+v with %d pathways, want %+v", got, len(m.Classifier.ViT.Pathways), want)
			}
		})
	}
}

// TestManyAuxiliaries: what trains with any number of them can be read and
// folded.
func TestManyAuxiliaries(t *testing.T) {
	aux := trained(t, tiny(t)).Run
	list := strings.Repeat("{ aux = '"+aux+"', lambda_init = 0.01, layers = ['mlp.fc1'] }, ", 17)
	m, err := OpenModel(trained(t, tiny(t, "pathway = ["+list+"]")).Run, "", nil)
	must(t, err)
	result(t, m)
	merged, err := Merge(m.Weights)
	must(t, err)
	if terms := model.Terms("blocks.0.mlp.fc1", m.Weights.Names()); len(terms) != 17 {
		t.Errorf("%d terms, want 17", len(terms))
	}
	for name := range merged.Names() {
		if _, _, _, ok := model.SplitTerm(name); ok {
			t.Errorf("%s is left", name)
		}
	}
}

// result evaluates a model.
func result(t testing.TB, m *Model) Result {
	t.Helper()
	s, _, err := m.State(device(t, 1))
	must(t, err)
	defer s.Close()
	e, _, err := m.Evaluator(s, nil)
	must(t, err)
	defer e.Close()
	r, err := e.Run(t.Context(), nil)
	must(t, err)
	return r
}

// TestClassOfValidationOnly: such data ends the run before it starts.
func TestClassOfValidationOnly(t *testing.T) {
	root := pictures(t, "fit/banana", "fit/cherry", "val/banana", "val/durian")
	cfg := tiny(t, "data.format=folder", "data.path="+root, "data.train_split=fit", "train.batch=2")
	_, err := Run(t.Context(), cfg, options(t))
	wantUsage(t, err, `"durian"`)
	if _, err := os.Stat(cfg.Output); !os.IsNotExist(err) {
		t.Errorf("run folder is there: %v", err)
	}
}
