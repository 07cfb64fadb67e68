package export_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"m2pt/experiment"
	"m2pt/export"
	"m2pt/internal/logreg"
	"m2pt/train"
)

// TestQuickstarts trains the quickstart of every modality and compares it with a
// linear model of what it sees.
func TestQuickstarts(t *testing.T) {
	if os.Getenv("M2PT_QUICKSTART") != "1" {
		t.Skip("the quickstarts are not trained: that takes some minutes; M2PT_QUICKSTART=1 does it")
	}
	dir := t.TempDir()
	for _, name := range []string{"quickstart", "quickstart_audio", "quickstart_point", "quickstart_video"} {
		t.Run(name, func(t *testing.T) {
			cfg, err := experiment.Load("../configs/"+name+".toml", []string{"output='" + filepath.Join(dir, name) + "'"})
			must(t, err)
			cfg.Aux(0).Output = filepath.Join(dir, filepath.Base(cfg.Aux(0).Output)) // three of them share one
			out := run(t, cfg)
			t.Logf("best %v at step %d of %d, %.0f s", out.Best, out.BestStep, out.Steps, out.Seconds)
			beatsRegression(t, cfg, out.Best.Top1/100)
			m := opened(t, out.Run)
			path := filepath.Join(dir, name+".safetensors")
			_, err = export.Write(m, export.Form{Out: path})
			must(t, err)
			if r, err := export.Verify(m, export.Form{Out: path}, device(t)); err != nil || !r.OK() || r.MaxLambda < 0.01 {
				t.Errorf("report %+v, %v", r, err)
			}
		})
	}
}

// TestQuickstart is the whole way, from two configs to a plain file, on a small
// relative of the quickstart.
func TestQuickstart(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: no model is trained to accuracy")
	}
	dir := t.TempDir()
	sets := []string{"output='" + filepath.Join(dir, "run") + "'", "aux.output='" + filepath.Join(dir, "aux") + "'"}
	cfg, err := experiment.Load(smallQuickstart(t, dir), sets)
	must(t, err)
	out := run(t, cfg)
	t.Logf("best %+v at step %d", out.Best, out.BestStep)
	m := opened(t, out.Run)

	t.Run("accuracy", func(t *testing.T) { beatsRegression(t, cfg, out.Best.Top1/100) })
	t.Run("lambda", func(t *testing.T) { lambdaCounts(t, m, out) })
	t.Run("evaluation", func(t *testing.T) {
		if got := evaluate(t, m.Model); got != out.Best || m.Step != out.BestStep {
			t.Errorf("read back: step %d: %+v, want step %d: %+v", m.Step, got, out.BestStep, out.Best)
		}
		if got := evaluate(t, changed(t, m, "blocks.0.mlp.fc2.bias", func(v []float32) { v[3] += 0.01 }).Model); got.Loss == out.Best.Loss {
			t.Errorf("loss %v in spite of another weight", got.Loss)
		}
	})
	for _, name := range []string{"m.safetensors", "m.npz", "folder"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name)
			_, err := export.Write(m, export.Form{Out: path})
			must(t, err)
			if r, err := export.Verify(m, export.Form{Out: path}, device(t)); err != nil || !r.OK() || r.MaxLambda < 0.01 {
				t.Errorf("report %+v, %v", r, err)
			}
		})
	}
}

// smallQuickstart writes two experiments that learn in seconds: textures with
// the help of shapes.
func smallQuickstart(t testing.TB, dir string) string {
	t.Helper()
	const common = `
tokenizer = { patch_size = 4 }
model = { embed_dim = 48, depth = 2, num_heads = 4, drop_path = 0.0 }
optimizer = { lr = 3e-3, layer_decay = 1.0 }
schedule = { warmup_epochs = 1 }
augment = { crop = "none", reprob = 0.0 }
`
	const aux = `data = { variant = "shapes", image_size = 16, samples = 1000, val_samples = 100 }
train = { epochs = 2, batch = 32 }
`
	const target = `data = { variant = "textures", image_size = 16, samples = 1000, val_samples = 400 }
train = { epochs = 8, batch = 32 }
pathway = { aux_config = "aux.toml" }
`
	must(t, os.WriteFile(filepath.Join(dir, "aux.toml"), []byte(aux+common), 0o644))
	path := filepath.Join(dir, "small.toml")
	must(t, os.WriteFile(path, []byte(target+common), 0o644))
	return path
}

// beatsRegression: the accuracy is far above that of softmax regression on raw
// pixels of the same data.
func beatsRegression(t *testing.T, cfg *experiment.Config, accuracy float64) {
	trainSet, err := train.OpenData(cfg, train.TrainSplit)
	must(t, err)
	valSet, err := train.OpenData(cfg, train.ValSplit)
	must(t, err)
	onTrain, linear, err := logreg.Accuracy(trainSet, valSet, 5)
	must(t, err)
	t.Logf("model %.3f, regression %.3f (%.3f in training)", accuracy, linear, onTrain)
	if accuracy < linear+0.2 {
		t.Errorf("accuracy %.3f, want 0.2 more than the %.3f of a linear model", accuracy, linear)
	}
}

// lambdaCounts: λ has moved, and the logits feel it.
func lambdaCounts(t *testing.T, m *train.Trained, out *train.Outcome) {
	top := 0.0
	for _, l := range out.Lambda {
		top = max(top, math.Abs(l.Value))
	}
	if want := 4 * m.Classifier.ViT.Depth; len(out.Lambda) != want || top < 0.01 {
		t.Errorf("%d values of λ, want %d; max|λ| %g, want at least 0.01", len(out.Lambda), want, top)
	}
	path := filepath.Join(t.TempDir(), "without.safetensors")
	_, err := export.Write(rescaled(t, m, func(float32) float32 { return 0 }), export.Form{Out: path})
	must(t, err)
	r, err := export.Verify(m, export.Form{Out: path}, device(t))
	must(t, err)
	if r.OK() {
		t.Errorf("without λ nothing changes: %+v", r)
	}
}
