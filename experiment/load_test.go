package experiment_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"m2pt/experiment"
)

func mustLoad(t *testing.T, path string, sets ...string) *experiment.Config {
	t.Helper()
	c, err := experiment.Load(path, sets)
	if err != nil {
		t.Fatalf("load %s %q:\n%v", path, sets, err)
	}
	return c
}

func loadText(t *testing.T, text string, sets ...string) *experiment.Config {
	t.Helper()
	return mustLoad(t, writeFile(t, text), sets...)
}

// TestLoadRun: what is trained already is read without the experiments that
// made its auxiliaries; what it says itself is still checked.
func TestLoadRun(t *testing.T) {
	for _, file := range []string{"aux_missing", "aux_invalid", "aux_cycle"} {
		t.Run(file, func(t *testing.T) {
			path := filepath.Join("testdata", "bad", file+".toml")
			c, err := experiment.LoadRun(path, []string{"seed=3", "aux.seed=4"})
			if err != nil {
				t.Fatal(err)
			}
			if c.Seed != 3 || c.Pathway[0].AuxConfig == "" || c.Aux(0) != nil || c.Eval.Batch == 0 {
				t.Errorf("got %+v", c)
			}
			if _, err := experiment.LoadRun(path, []string{"sed=3"}); err == nil {
				t.Error("an unknown key was accepted")
			}
		})
	}
}

// TestPrecedence sets one key in every layer and takes the layers away from
// the top.
func TestPrecedence(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("deep.toml", "seed = 1\n[train]\nbatch = 10\nlog_every = 1\nkeep = 7")
	write("leaf.toml", "train.max_steps = 9")
	write("first.toml", "include = ['deep.toml', 'leaf.toml']\nseed = 2\n[train]\nbatch = 20\nlog_every = 2")
	write("second.toml", "include = ['leaf.toml']\nseed = 3\n[train]\nbatch = 30")
	main := write("main.toml", "include = ['first.toml', 'second.toml']\nseed = 4")

	c := mustLoad(t, main, "seed=5", "seed=6")
	if c.Seed != 6 {
		t.Errorf("last -set: seed = %d, want 6", c.Seed)
	}
	c = mustLoad(t, main)
	for _, tc := range []struct {
		layer     string
		got, want int
	}{
		{"the file itself", int(c.Seed), 4},
		{"the last include", c.Train.Batch, 30},
		{"the first include", c.Train.LogEvery, 2},
		{"the include of an include", c.Train.Keep, 7},
		{"a file included twice", c.Train.MaxSteps, 9},
		{"the default", c.Train.Epochs, 50},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: got %d, want %d", tc.layer, tc.got, tc.want)
		}
	}
	if len(c.Include) != 0 {
		t.Errorf("include = %q after loading, want none", c.Include)
	}
}

func TestDefaultIsEmptyFile(t *testing.T) {
	want := experiment.Default()
	if err := want.Validate(); err != nil {
		t.Fatal(err)
	}
	got := loadText(t, "")
	if filepath.Base(want.Output) != "experiment" {
		t.Errorf("output %s, want .../experiment", want.Output)
	}
	if g, w := resolved(t, got), resolved(t, want); g != w {
		t.Errorf("got\n%s\nwant\n%s", g, w)
	}
}

func TestDerived(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		sets       []string
		got        func(c *experiment.Config) any
		want       any
	}{
		{"lr from blr", "train.batch = 512\noptimizer.blr = 5e-4", nil, lr, 1e-3},
		{"lr absolute", "train.batch = 512\noptimizer.lr = 5e-4", nil, lr, 5e-4},
		{"lr over blr", "optimizer.blr = 5e-4", []string{"optimizer.lr=0.25"}, lr, 0.25},
		{"blr over lr", "optimizer.lr = 5e-4", []string{"optimizer.blr=0.5", "train.batch=64"}, lr, 0.125},
		{"stride is the patch", "tokenizer.patch_size = 8", nil, stride, 8},
		{"stride given", "tokenizer.stride = 8", nil, stride, 8},
		{"eval batch is the micro-batch", "train.batch = 64\ntrain.accumulate = 4", nil, evalBatch, 16},
		{"crop of a small image", "data.image_size = 224", nil, cropPct, 0.875},
		{"crop of a small image, byol", "augment.crop = 'byol'", nil, cropPct, 0.875},
		{"crop where training has none", "augment.crop = 'none'", nil, cropPct, 1.0},
		{"crop where training shifts", "data.image_size = 32\naugment.crop = 'shift'\ntokenizer.patch_size = 4", nil, cropPct, 1.0},
		{"crop of a large image", "data.image_size = 384", nil, cropPct, 1.0},
		{"warm-up of a long run", "train.epochs = 100", nil, warmup, 5.0},
		{"warm-up of a short run", "train.epochs = 3", nil, warmup, 3.0 / 10},
		{"warm-up given", "train.epochs = 3\nschedule.warmup_epochs = 2", nil, warmup, 2.0},
		{"tiny", "model.name = 'vit_tiny'", nil, shape, [3]int{192, 12, 3}},
		{"small", "model.name = 'vit_small'", nil, shape, [3]int{384, 12, 6}},
		{"base", "model.name = 'vit_base'", nil, shape, [3]int{768, 12, 12}},
		{"large", "model.name = 'vit_large'", nil, shape, [3]int{1024, 24, 16}},
		{"number before the preset", "[model]\ndepth = 6\nname = 'vit_tiny'", nil, shape, [3]int{192, 6, 3}},
		{"number over the preset", "model.name = 'vit_tiny'", []string{"model.depth=6"}, shape, [3]int{192, 6, 3}},
		{"preset over the number", "model.depth = 6", []string{"model.name=vit_tiny"}, shape, [3]int{192, 12, 3}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.got(loadText(t, tc.text, tc.sets...)); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func lr(c *experiment.Config) any        { return c.Optimizer.LR }
func stride(c *experiment.Config) any    { return c.Tokenizer.Stride }
func evalBatch(c *experiment.Config) any { return c.Eval.Batch }
func cropPct(c *experiment.Config) any   { return c.Eval.CropPct }
func warmup(c *experiment.Config) any    { return c.Schedule.WarmupEpochs }
func shape(c *experiment.Config) any {
	return [3]int{c.Model.EmbedDim, c.Model.Depth, c.Model.NumHeads}
}

func TestSetValues(t *testing.T) {
	for _, tc := range []struct {
		set  string
		got  func(c *experiment.Config) any
		want any
	}{
		{"name=plain words # and all", func(c *experiment.Config) any { return c.Name }, "plain words # and all"},
		{`name="quoted"`, func(c *experiment.Config) any { return c.Name }, "quoted"},
		{"name=2024", func(c *experiment.Config) any { return c.Name }, "2024"},
		{"name=a=b", func(c *experiment.Config) any { return c.Name }, "a=b"},
		{" train.epochs = 3 ", func(c *experiment.Config) any { return c.Train.Epochs }, 3},
		{"optimizer.lr=1", lr, 1.0},
		{"model.class_token=false", func(c *experiment.Config) any { return c.Model.ClassToken }, false},
		{"augment.scale=[0.5, 1]", func(c *experiment.Config) any { return c.Augment.Scale }, [2]float64{0.5, 1}},
		{"train={epochs=3}", func(c *experiment.Config) any { return c.Train.Epochs }, 3},
		{"device.name=cuda:1", func(c *experiment.Config) any { return c.Device.Name }, "cuda:1"},
	} {
		t.Run(tc.set, func(t *testing.T) {
			if got := tc.got(loadText(t, "", tc.set)); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestPathways(t *testing.T) {
	const one = "[pathway]\naux = '/w'\nlambda_init = 0.5\n"
	const two = "[[pathway]]\naux = '/w'\n[[pathway]]\naux = '/v'\nlambda_init = 0.5\n"
	for _, tc := range []struct {
		name, text string
		sets       []string
		want       string // AUX CONFIG LAMBDA of each
	}{
		{"none", "", nil, ""},
		{"one table", one, nil, "/w  0.5;"},
		{"two tables", two, nil, "/w  0;/v  0.5;"},
		{"inline list", "pathway = [{aux = '/w'}, {aux = '/v'}]", nil, "/w  0;/v  0;"},
		{"set changes one", one, []string{"pathway.lambda_init=1"}, "/w  1;"},
		{"set changes all", two, []string{"pathway.lambda_init=1"}, "/w  1;/v  1;"},
		{"set makes one", "", []string{"pathway.aux=/u"}, "/u  0;"},
		{"set replaces the list", two, []string{"pathway=[{aux='/u'}]"}, "/u  0;"},
		{"set empties the list", two, []string{"pathway=[]"}, ""},
		{"aux over aux_config", "pathway.aux_config = 'nosuch.toml'", []string{"pathway.aux=/u"}, "/u  0;"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ""
			for _, p := range loadText(t, tc.text, tc.sets...).Pathway {
				got += fmt.Sprintf("%s %s %v;", p.Aux, p.AuxConfig, p.LambdaInit)
				if !slices.Equal(p.Layers, experiment.Layers()) || !p.LambdaTrainable || p.AuxTrainable {
					t.Errorf("defaults of a pathway: %+v", p)
				}
			}
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestAux(t *testing.T) {
	t.Setenv("EXPERIMENT_TEST_DATA", "/data")
	c := mustLoad(t, "testdata/good/main.toml",
		"aux.seed=3", "aux.output=there", "pathway.aux_set=['train.epochs=7', 'model.init=w.pth']")
	aux := c.Aux(0)
	if aux == nil {
		t.Fatal("no auxiliary experiment")
	}
	if aux.Train.Epochs != 7 || aux.Seed != 3 {
		t.Errorf("epochs %d, seed %d; want 7 from aux_set and 3 from -set", aux.Train.Epochs, aux.Seed)
	}
	for path, want := range map[string]string{aux.Output: "there", aux.Model.Init: "w.pth"} {
		if abs, err := filepath.Abs(want); err != nil || path != abs {
			t.Errorf("a path said on the command line is %s, want %s (%v)", path, abs, err)
		}
	}
	if own := mustLoad(t, "testdata/good/main.toml").Aux(0).Output; !strings.HasSuffix(own, "experiment/testdata/aux-run") {
		t.Errorf("output of the auxiliary %s, want testdata/aux-run", own)
	}
	if aux := loadText(t, "pathway.aux = '/w'").Aux(0); aux != nil {
		t.Errorf("a checkpoint has the experiment %+v", aux)
	}
}

func TestPaths(t *testing.T) {
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("EXPERIMENT_TEST_ABS", "/data")
	t.Setenv("EXPERIMENT_TEST_REL", "rel")
	t.Setenv("EXPERIMENT_TEST_UNSET", "")
	for written, want := range map[string]string{
		"/abs/x":                       "/abs/x",
		"x":                            "DIR/x",
		"../x/./y":                     "DIR/../x/y",
		"$EXPERIMENT_TEST_ABS/x":       "/data/x",
		"${EXPERIMENT_TEST_ABS}x":      "/datax",
		"$EXPERIMENT_TEST_REL/x":       wd + "/rel/x",
		"x/$EXPERIMENT_TEST_REL":       "DIR/x/rel",
		"$EXPERIMENT_TEST_UNSET/x":     "$EXPERIMENT_TEST_UNSET/x",
		"cost$/${}/$1":                 "DIR/cost$/${}/$1",
		"$EXPERIMENT_TEST_ABS/$y-$1/é": "$EXPERIMENT_TEST_ABS/$y-$1/é",
	} {
		t.Run(written, func(t *testing.T) {
			path := writeFile(t, fmt.Sprintf("[model]\ninit = %q", written))
			want := filepath.Clean(strings.Replace(want, "DIR", filepath.Dir(path), 1))
			if got := mustLoad(t, path).Model.Init; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestMissing(t *testing.T) {
	t.Setenv("EXPERIMENT_TEST_UNSET", "")
	there := t.TempDir()
	text := "[data]\nformat = 'folder'\npath = '$EXPERIMENT_TEST_UNSET/flowers'\n[model]\ninit = '/nosuch/w.pth'\n" +
		"[[pathway]]\naux = '" + there + "'\n[[pathway]]\naux = '/nosuch/v.pth'\n"
	c := loadText(t, text)
	want := []string{
		"data.path: environment variable EXPERIMENT_TEST_UNSET is not set ($EXPERIMENT_TEST_UNSET/flowers)",
		"model.init: /nosuch/w.pth does not exist",
		"pathway[1].aux: /nosuch/v.pth does not exist",
	}
	if got := c.Missing(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := loadText(t, "").Missing(); got != nil {
		t.Errorf("generated data misses %q", got)
	}
}

func TestOutput(t *testing.T) {
	path := writeFile(t, "")
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, got, want string }{
		{"default", mustLoad(t, path).Output, wd + "/runs/experiment"},
		{"-set", mustLoad(t, path, "output=x").Output, wd + "/x"},
		{"file", loadText(t, "output = '/x'").Output, "/x"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.name, tc.got, tc.want)
		}
	}
}

// TestModalityDefaults: keys that nobody sets have the defaults of the modality,
// wherever it is set, and those that somebody sets do not.
func TestModalityDefaults(t *testing.T) {
	for _, c := range []struct {
		name, text     string
		bias, pos      string
		smoothing, eps float64
	}{
		{"image", "", "full", "learned", .1, 1e-6},
		{"sounds", "tokenizer.kind = 'audio'", "full", "learned", .1, 1e-6},
		{"point", "model.depth = 3\n[tokenizer]\nkind = 'point'", "none", "mlp", 0, 1e-5},
		{"point, set", "augment.smoothing = 0.1\ntokenizer.kind = 'point'\nmodel.qkv_bias = 'full'", "full", "mlp", .1, 1e-5},
		{"video", "tokenizer.kind = 'video'\noptimizer.lr = 1e-4", "split", "sinusoid", .1, 1e-6},
	} {
		got := loadText(t, c.text)
		if m := got.Model; m.QKVBias != c.bias || m.PosEmbed != c.pos || m.NormEps != c.eps || got.Augment.Smoothing != c.smoothing {
			t.Errorf("%s: qkv bias %s, positions %s, eps %g, smoothing %g, want %+v", c.name, m.QKVBias, m.PosEmbed, m.NormEps, got.Augment.Smoothing, c)
		}
	}
}
