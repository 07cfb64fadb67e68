package main

import (
	"archive/zip"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m2pt/checkpoint"
	"m2pt/inspect"
	"m2pt/internal/cli"
	"m2pt/internal/cli/clitest"
	"m2pt/train"
)

func command(args ...string) clitest.Output { return clitest.Main(run).Run(args...) }

func TestConform(t *testing.T) {
	for word, operands := range map[string][]string{"list": {"nosuch"}, "diff": {"nosuch", "nosuch"}, "lambda": {"nosuch"}} {
		t.Run(word, func(t *testing.T) {
			clitest.Conform(t, "m2pt-inspect "+word, func(args []string, stdout, stderr io.Writer) cli.Code {
				return run(slices.Concat([]string{word}, operands, args), stdout, stderr)
			})
		})
	}
}

// save writes tensors to a file in a new folder.
func save(t testing.TB, name string, list ...checkpoint.Tensor) string {
	t.Helper()
	ts, err := checkpoint.Collect(list...)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := checkpoint.Save(path, ts); err != nil {
		t.Fatal(err)
	}
	return path
}

func write(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExitStatus(t *testing.T) {
	one := save(t, "one.safetensors", checkpoint.New("x", []int{2}, []float32{1, 2}))
	near := save(t, "near.npz", checkpoint.New("x", []int{2}, []float32{1, 2.25}))
	other := save(t, "other.npz", checkpoint.New("y", []int{1}, []float32{1}))
	damaged := write(t, "damaged.safetensors", "\xff\x00\x00\x00\x00\x00\x00\x00{")
	for _, c := range []struct {
		name string
		args []string
		code cli.Code
		want string
	}{
		{"no sub-command", nil, cli.Usage, "m2pt-inspect: name a sub-command: list, diff or lambda"},
		{"unknown sub-command", []string{"lsit", "x"}, cli.Usage, `no sub-command "lsit"`},
		{"list nothing", []string{"list"}, cli.Usage, "name PATH"},
		{"list what is not there", []string{"list", "nosuch"}, cli.Usage, "nosuch"},
		{"list what is damaged", []string{"list", damaged}, cli.Failed, "corrupt"},
		{"bad pattern", []string{"list", one, "-match", "["}, cli.Usage, "-match"},
		{"pattern of nothing", []string{"list", one, "-match", "z*"}, cli.Failed, "none of its 1 tensors"},
		{"one to compare", []string{"diff", one}, cli.Usage, "name B"},
		{"equal", []string{"diff", one, one}, cli.Done, ""},
		{"different", []string{"diff", one, near}, cli.Failed, "different"},
		{"within tolerance", []string{"diff", one, "-tolerance", "0.25", near}, cli.Done, ""},
		{"beyond tolerance", []string{"diff", one, near, "-tolerance", "0.2"}, cli.Failed, "different"},
		{"other names", []string{"diff", one, other}, cli.Failed, "different"},
		{"no tolerance", []string{"diff", one, one, "-tolerance", "NaN"}, cli.Usage, "-tolerance"},
		{"damaged is not different", []string{"diff", one, damaged}, cli.Usage, "corrupt"},
		{"no pathway", []string{"lambda", one}, cli.Failed, "no tensor belongs to a pathway"},
	} {
		t.Run(c.name, func(t *testing.T) { command(c.args...).Want(t, c.code, c.want) })
	}
	if o := command("diff", "-h"); !strings.Contains(o.Stdout, "1      different") {
		t.Errorf("help of diff: %s", o.Stdout)
	}
}

// bare takes the file of tensor x out of an npz.
func bare(t testing.TB, npz string) string {
	t.Helper()
	archive, err := zip.OpenReader(npz)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	data, err := fs.ReadFile(archive, "x.npy")
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "x.npy", string(data))
}

func TestListFormats(t *testing.T) {
	x := checkpoint.New("x", []int{2}, []float32{3, float32(math.NaN())})
	for name, path := range map[string]string{"safetensors": save(t, "a.safetensors", x), "npz": save(t, "a.npz", x), "npy": bare(t, save(t, "a.npz", x))} {
		t.Run(name, func(t *testing.T) {
			o := command("list", path, "-json")
			o.Want(t, cli.Done)
			var got listed
			o.JSON(t, &got)
			want := inspect.Tensor{Name: "x", Shape: []int{2}, Dtype: "float32", Elements: 2, Bytes: 8, Norm: 3, Min: 3, Max: 3, NonFinite: 1}
			if len(got.Tensors) != 1 || got.Path != path || got.Tensors[0].Name != want.Name || got.Tensors[0].Norm != 3 || got.Total.NonFinite != 1 {
				t.Errorf("%+v, want %+v", got, want)
			}
			if !strings.Contains(o.Stdout, "1 tensors, 2 elements, 8 bytes") || !strings.Contains(o.Stdout, "float32") {
				t.Errorf("stdout: %s", o.Stdout)
			}
		})
	}
}

func TestDiffPrints(t *testing.T) {
	a := save(t, "a.npz", checkpoint.New("x", []int{1}, []float32{1}), checkpoint.New("s", []int{1}, []float32{1}), checkpoint.New("a", nil, []float32{1}))
	b := save(t, "b.npz", checkpoint.New("x", []int{1}, []float32{2}), checkpoint.New("s", []int{2}, []float32{1, 2}), checkpoint.New("b", nil, []float32{1}))
	o := command("diff", a, b, "-json")
	o.Want(t, cli.Failed)
	for _, want := range []string{"only in A: a\n", "only in B: b\n", "s: float32 [1] in A, float32 [2] in B\n", "x       1      0.5"} {
		if !strings.Contains(o.Stdout, want) {
			t.Errorf("stdout lacks %q:\n%s", want, o.Stdout)
		}
	}
	var got inspect.Comparison
	if o.JSON(t, &got); got.Equal || got.Differing != 1 || got.Max != 1 || len(got.Deltas) != 1 || got.Deltas[0].Relative != 0.5 {
		t.Errorf("%+v", got)
	}
}

func TestMatch(t *testing.T) {
	path := save(t, "a.npz", checkpoint.New("in/x", nil, []float32{1}), checkpoint.New("blocks.0.a", nil, []float32{1}), checkpoint.New("blocks.10.a", nil, []float32{1}))
	for glob, want := range map[string][]string{
		"*":          {"in/x", "blocks.0.a", "blocks.10.a"},
		"blocks.*":   {"blocks.0.a", "blocks.10.a"},
		"blocks.?.a": {"blocks.0.a"},
		"in/*":       {"in/x"},
		"x":          nil,
	} {
		o := command("list", "-match", glob, path, "-json")
		if want == nil {
			o.Want(t, cli.Failed, "none of its 3 tensors")
			continue
		}
		var got listed
		o.JSON(t, &got)
		var names []string
		for _, x := range got.Tensors {
			names = append(names, x.Name)
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s: %q, want %q", glob, names, want)
		}
	}
}

// TestRun: a run is listed with its frozen W′, is equal to itself only, and shows
// the λ that training reported.
func TestRun(t *testing.T) {
	aux := clitest.Experiment(t)
	for name, sets := range map[string][]string{
		"frozen":               nil,
		"trained":              {"pathway.aux_trainable=true"},
		"averaged":             {"train.ema_decay=0.5", "eval.ema=true"},
		"trained and averaged": {"pathway.aux_trainable=true", "train.ema_decay=0.5", "eval.ema=true"},
	} {
		t.Run(name, func(t *testing.T) {
			config := clitest.Experiment(t, "pathway = { aux_config = '"+aux+"', lambda_init = 0.1 }", "[schedule]", "warmup_epochs = 0")
			trained := clitest.Train(t, config, append(sets, "train.epochs=1")...)
			o := command("lambda", trained.Run, "-json")
			o.Want(t, cli.Done)
			var got measured
			o.JSON(t, &got)
			wantLambdas(t, got, trained.Lambda)
			command("diff", trained.Run, trained.Run).Want(t, cli.Done)
			command("diff", trained.Run, filepath.Dir(aux)+"/run").Want(t, cli.Failed)
			var l listed
			if command("list", "-match", "*.aux_weight", trained.Run, "-json").JSON(t, &l); l.Total.Tensors != 8 {
				t.Errorf("%d tensors of auxiliary models, want 8", l.Total.Tensors)
			}
		})
	}
}

func wantLambdas(t *testing.T, got measured, want []train.Lambda) {
	t.Helper()
	if len(want) != 8 || len(got.Terms) != len(want) || len(got.Kinds) != 4 || got.Kinds[0].Terms != 2 {
		t.Fatalf("%+v, want %+v", got, want)
	}
	for _, w := range want {
		i := slices.IndexFunc(got.Terms, func(g inspect.Term) bool { return g.Layer == w.Layer })
		if i < 0 || float64(got.Terms[i].Lambda) != w.Value || math.Abs(float64(got.Terms[i].Share)-w.Share) > 1e-9 {
			t.Errorf("%+v, want %+v", got.Terms, w)
		}
	}
}
