package export_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m2pt/checkpoint"
	"m2pt/cpu"
	"m2pt/engine"
	"m2pt/experiment"
	"m2pt/export"
	"m2pt/internal/cli/clitest"
	"m2pt/model"
	"m2pt/train"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func device(t testing.TB) engine.Device {
	t.Helper()
	dev, err := cpu.Open(cpu.Options{Threads: 1})
	must(t, err)
	t.Cleanup(func() { must(t, dev.Close()) })
	return dev
}

// joined is a trained tiny model with two auxiliary models, with every λ at
// least 0.1 from zero: the tiny model is young, so more than that.
func joined(t testing.TB) *train.Trained {
	t.Helper()
	aux := func(sets ...string) string {
		return clitest.Train(t, clitest.Experiment(t), append(sets, "train.epochs=1")...).Run
	}
	config := clitest.Experiment(t, "pathway = [{ aux = '"+aux("seed=8")+"' }, { aux = '"+aux("seed=9", "model.depth=1")+"' }]")
	m := opened(t, clitest.Train(t, config).Run)
	n := 0
	return rescaled(t, m, func(lambda float32) float32 { n++; return lambda + 0.3*float32(1+n%3)*float32(1-n%2*2) })
}

// opened reads a model back.
func opened(t testing.TB, path string, sets ...string) *train.Trained {
	t.Helper()
	m, err := train.OpenTrained(path, "", sets)
	must(t, err)
	return m
}

// with is the model with other weights.
func with(m *train.Trained, ts *checkpoint.Tensors) *train.Trained {
	out, inner := *m, *m.Model
	inner.Weights = ts
	out.Model = &inner
	return &out
}

// rescaled is the model with another λ in every term.
func rescaled(t testing.TB, m *train.Trained, f func(lambda float32) float32) *train.Trained {
	t.Helper()
	out := with(m, &checkpoint.Tensors{})
	for x := range m.Weights.All() {
		if _, name, _, ok := model.SplitTerm(x.Name); ok && name == model.ScaleName {
			v, err := x.Float32s()
			must(t, err)
			x = checkpoint.New(x.Name, x.Shape, []float32{f(v[0])})
		}
		must(t, out.Weights.Add(x))
	}
	return out
}

// TestVerify: every form computes what the model does, with its auxiliary
// models counting; a file without them does not.
func TestVerify(t *testing.T) {
	t.Parallel()
	m := joined(t)
	for _, name := range []string{"m.safetensors", "m.npz", "folder"} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), name)
			s, err := export.Write(m, export.Form{Out: out})
			must(t, err)
			if s.Folded != 8 || s.Path != out {
				t.Errorf("summary %+v, want 8 layers folded", s)
			}
			r, err := export.Verify(m, export.Form{Out: out}, device(t))
			must(t, err)
			if !r.OK() || r.MaxLambda < 0.1 || r.MaxLogit == 0 {
				t.Errorf("report %+v", r)
			}
			if r.MaxDelta == 0 {
				t.Error("no difference at all: pathways are not computed apart")
			}
		})
	}
	without := filepath.Join(t.TempDir(), "without.safetensors")
	_, err := export.Write(rescaled(t, m, func(float32) float32 { return 0 }), export.Form{Out: without})
	must(t, err)
	r, err := export.Verify(m, export.Form{Out: without}, device(t))
	must(t, err)
	if r.OK() || r.MaxDelta < 100*r.Tolerance*r.MaxLogit {
		t.Errorf("without λW': report %+v, want more than 100 times the tolerance", r)
	}
}

// TestVerifyFails: one number changed in the file shows, and so does a file of
// another model.
func TestVerifyFails(t *testing.T) {
	t.Parallel()
	m := joined(t)
	out := filepath.Join(t.TempDir(), "m.safetensors")
	_, err := export.Write(m, export.Form{Out: out})
	must(t, err)
	good, err := checkpoint.Load(out)
	must(t, err)
	for _, c := range []struct {
		name   string
		change func(v []float32) []float32
		want   string
	}{
		{"changed", func(v []float32) []float32 { v[0] += 0.5; return v }, ""},
		{"NaN", func(v []float32) []float32 { v[0] = float32(math.NaN()); return v }, ""},
		{"missing", func([]float32) []float32 { return nil }, "head.weight"},
		{"another shape", func(v []float32) []float32 { return v[:320/2] }, "shape [5 32]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := &checkpoint.Tensors{}
			for x := range good.All() {
				if v, err := x.Float32s(); x.Name == "head.weight" {
					must(t, err)
					if v = c.change(slices.Clone(v)); v == nil {
						continue
					}
					x = checkpoint.New(x.Name, []int{len(v) / 32, 32}, v)
				}
				must(t, bad.Add(x))
			}
			path := filepath.Join(t.TempDir(), "bad.safetensors")
			must(t, checkpoint.Save(path, bad))
			r, err := export.Verify(m, export.Form{Out: path}, device(t))
			if c.want == "" && (err != nil || r.OK()) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("report %+v, error %v, want one with %q", r, err, c.want)
			}
		})
	}
}

// timmNames are the names and shapes of timm's VisionTransformer with 10 classes,
// in the order of its state dict but for the head's.
func timmNames(dim, depth, tokens, patch int) []string {
	hidden := 4 * dim
	list := []string{fmt.Sprint("cls_token", []int{1, 1, dim}), fmt.Sprint("pos_embed", []int{1, tokens, dim}),
		fmt.Sprint("patch_embed.proj.weight", []int{dim, 3, patch, patch}), fmt.Sprint("patch_embed.proj.bias", []int{dim}),
		fmt.Sprint("fc_norm.weight", []int{dim}), fmt.Sprint("fc_norm.bias", []int{dim}),
		fmt.Sprint("head.weight", []int{10, dim}), fmt.Sprint("head.bias", []int{10})}
	for i := range depth {
		for _, l := range []struct {
			name    string
			out, in int
		}{{"norm1", dim, 0}, {"attn.qkv", 3 * dim, dim}, {"attn.proj", dim, dim}, {"norm2", dim, 0}, {"mlp.fc1", hidden, dim}, {"mlp.fc2", dim, hidden}} {
			shape := []int{l.out, l.in}
			if l.in == 0 {
				shape = shape[:1]
			}
			list = append(list, fmt.Sprintf("blocks.%d.%s.weight%v", i, l.name, shape), fmt.Sprintf("blocks.%d.%s.bias[%d]", i, l.name, l.out))
		}
	}
	slices.Sort(list)
	return list
}

// TestNames: the file holds timm's tensors and nothing else, as float32.
func TestNames(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]*train.Trained{"joined": joined(t), "plain": plain(t)} {
		for _, form := range []string{"m.safetensors", "m.npz", "folder"} {
			t.Run(name+" "+form, func(t *testing.T) {
				out := filepath.Join(t.TempDir(), form)
				s, err := export.Write(m, export.Form{Out: out})
				must(t, err)
				ts, err := checkpoint.Load(out)
				must(t, err)
				var got []string
				elements := 0
				for x := range ts.All() {
					got = append(got, fmt.Sprint(x.Name, x.Shape))
					elements += x.Len()
					if x.Dtype != checkpoint.Float32 {
						t.Errorf("%s is %v", x.Name, x.Dtype)
					}
				}
				slices.Sort(got)
				if want := timmNames(32, 2, 17, 4); !slices.Equal(got, want) {
					t.Errorf("tensors\n%q, want\n%q", got, want)
				}
				if s.Tensors != len(got) || s.Parameters != elements {
					t.Errorf("summary %+v, want %d tensors, %d parameters", s, len(got), elements)
				}
			})
		}
	}
}

func plain(t testing.TB) *train.Trained {
	t.Helper()
	m := opened(t, clitest.Train(t, clitest.Experiment(t), "train.epochs=1").Run)
	return m
}

// TestSplitBias: the biases of q and v leave as timm's single one, and the file
// loads with the config of its run.
func TestSplitBias(t *testing.T) {
	t.Parallel()
	trained := clitest.Train(t, clitest.Experiment(t), "model.qkv_bias=split", "optimizer.lr=1e-2")
	m := opened(t, trained.Run)
	out := filepath.Join(t.TempDir(), "m.safetensors")
	_, err := export.Write(m, export.Form{Out: out})
	must(t, err)
	ts, err := checkpoint.Load(out)
	must(t, err)
	var got []string
	for x := range ts.All() {
		got = append(got, fmt.Sprint(x.Name, x.Shape))
	}
	slices.Sort(got)
	if want := timmNames(32, 2, 17, 4); !slices.Equal(got, want) {
		t.Errorf("tensors\n%q, want\n%q", got, want)
	}
	if r, err := export.Verify(m, export.Form{Out: out}, device(t)); err != nil || !r.OK() || r.MaxLogit == 0 {
		t.Errorf("report %+v, %v", r, err)
	}
	again, err := train.OpenModel(out, filepath.Join(trained.Run, train.ConfigFile), nil)
	must(t, err)
	if got := evaluate(t, again); got != trained.Best {
		t.Errorf("exported %+v, trained %+v", got, trained.Best)
	}
}

// TestWriteRefuses leaves nothing behind.
func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	m := plain(t)
	taken := filepath.Join(t.TempDir(), "taken")
	must(t, os.WriteFile(taken, nil, 0o644))
	broken := with(m, &checkpoint.Tensors{})
	must(t, broken.Weights.Add(checkpoint.New("fc.aux_weight", []int{1}, []float32{1})))
	for _, c := range []struct {
		name, out, want string
		m               *train.Trained
	}{
		{"extension", filepath.Join(t.TempDir(), "m.onnx"), "want a .safetensors or .npz file", m},
		{"below a file", filepath.Join(taken, "m.npz"), "taken", m},
		{"half a pathway", filepath.Join(t.TempDir(), "m.npz"), "fc.weight", broken},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := export.Write(c.m, export.Form{Out: c.out})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
			if _, err := os.Stat(c.out); err == nil {
				t.Errorf("%s is there", c.out)
			}
		})
	}
}

// TestWriteKeeps: a folder with other content, a run or one of its checkpoints
// among them, is refused and stays as it is.
func TestWriteKeeps(t *testing.T) {
	t.Parallel()
	m := plain(t)
	foreign := t.TempDir()
	must(t, os.WriteFile(filepath.Join(foreign, "thesis"), []byte("thesis"), 0o644))
	run := filepath.Dir(filepath.Dir(m.Path))
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o644))
	project := t.TempDir()
	must(t, os.WriteFile(filepath.Join(project, "README.md"), []byte("my project"), 0o644))
	nested := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(nested, "README.md"), 0o755))
	for name, out := range map[string]string{"foreign": foreign, "project": project, "nested": nested, "run": run, "checkpoint": m.Path, "file": file} {
		t.Run(name, func(t *testing.T) {
			before := content(t, out)
			_, err := export.Write(m, export.Form{Out: out})
			if _, usage := errors.AsType[*experiment.UsageError](err); err == nil || usage == (name == "file") {
				t.Errorf("error %v", err)
			}
			if after := content(t, out); !maps.Equal(before, after) {
				t.Errorf("%s was changed", out)
			}
		})
	}
}

// content reads the files of a folder.
func content(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		files[path] = string(text)
		return err
	}))
	return files
}

// TestBeyond: what the library cannot be told makes no folder, and a file that says
// what to set.
func TestBeyond(t *testing.T) {
	t.Parallel()
	for _, set := range []string{"model.norm_eps=2e-5", "tokenizer.stride=2", "model.cos_attn=true", "model.pos_embed=sinusoid", "head.kind=probe"} {
		t.Run(set, func(t *testing.T) {
			m := opened(t, clitest.Train(t, clitest.Experiment(t), "train.epochs=1", set).Run)
			key, _, _ := strings.Cut(set, "=")
			folder := filepath.Join(t.TempDir(), "folder")
			_, err := export.Write(m, export.Form{Out: folder})
			if _, usage := errors.AsType[*experiment.UsageError](err); !usage || !strings.Contains(err.Error(), key) {
				t.Errorf("folder: error %v, want one about %s", err, key)
			}
			if _, err := os.Stat(folder); err == nil {
				t.Error("the folder is there")
			}
			out := export.Form{Out: filepath.Join(t.TempDir(), "m.safetensors")}
			s, err := export.Write(m, out)
			if err != nil || len(s.Beyond) != 1 || !strings.HasPrefix(s.Beyond[0], key) {
				t.Errorf("file: %+v, %v", s, err)
			}
			if r, err := export.Verify(m, out, device(t)); err != nil || !r.OK() {
				t.Errorf("file: report %+v, %v", r, err)
			}
		})
	}
}

// TestExportedModel: a file loads with the config of its run, with the same figures as
// the model it came from; only unmerged it has pathways.
func TestExportedModel(t *testing.T) {
	t.Parallel()
	m := joined(t)
	config := filepath.Join(t.TempDir(), "config.toml")
	text, err := m.Config.Resolved()
	must(t, err)
	must(t, os.WriteFile(config, text, 0o644))
	for _, f := range []export.Form{{Out: "m.safetensors"}, {Out: "m.npz"}, {Out: "u.safetensors", Unmerged: true}} {
		f.Out = filepath.Join(t.TempDir(), f.Out)
		_, err := export.Write(m, f)
		must(t, err)
		exported, err := train.OpenModel(f.Out, config, nil)
		must(t, err)
		if (exported.Classifier.ViT.Pathways != nil) != f.Unmerged {
			t.Errorf("%+v: %d pathways", f, len(exported.Classifier.ViT.Pathways))
		}
		if got, want := evaluate(t, exported), evaluate(t, m.Model); math.Abs(got.Loss-want.Loss) > 1e-5 || got.Samples != want.Samples {
			t.Errorf("%+v: exported %+v, joined %+v", f, got, want)
		}
	}
}

// evaluate reads the model's figures on its validation data.
func evaluate(t testing.TB, m *train.Model) train.Result {
	t.Helper()
	s, _, err := m.State(device(t))
	must(t, err)
	defer s.Close()
	e, _, err := m.Evaluator(s, nil)
	must(t, err)
	defer e.Close()
	r, err := e.Run(context.Background(), nil)
	must(t, err)
	return r
}

// run trains an experiment on both cores.
func run(t testing.TB, cfg *experiment.Config) *train.Outcome {
	t.Helper()
	dev, err := cpu.Open(cpu.Options{})
	must(t, err)
	defer dev.Close()
	out, err := train.Run(context.Background(), cfg, train.Options{Device: dev, Log: slog.New(slog.DiscardHandler), Resume: "never"})
	must(t, err)
	return out
}
