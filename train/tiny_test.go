package train

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m2pt/checkpoint"
	"m2pt/cpu"
	"m2pt/engine"
	"m2pt/experiment"
)

// tinyTOML is an experiment of 2 epochs of 4 steps that trains in moments.
const tinyTOML = `output = "run"
data = { image_size = 8, samples = 33, val_samples = 13, workers = 2 }
tokenizer = { patch_size = 4 }
model = { embed_dim = 16, depth = 2, num_heads = 2, drop_path = 0.0 }
train = { epochs = 2, batch = 8, log_every = 1, keep = 9 }
optimizer = { lr = 1e-2, layer_decay = 0.8 }
schedule = { warmup_epochs = 0 }
augment = { crop = "none", reprob = 0.0 }
head = { init_std = 0.1 }
`

// write makes a file, with its folders.
func write(t testing.TB, path, text string) string {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

// tiny is the tiny experiment with the given overrides, in a folder of its own.
// An override may be a [pathway] table in TOML's inline form.
func tiny(t testing.TB, sets ...string) *experiment.Config {
	t.Helper()
	text := tinyTOML
	sets = slices.DeleteFunc(slices.Clone(sets), func(s string) bool {
		table := strings.HasPrefix(s, "pathway =")
		if table {
			text += s + "\n"
		}
		return table
	})
	cfg, err := experiment.Load(write(t, filepath.Join(t.TempDir(), "tiny.toml"), text), sets)
	must(t, err)
	return cfg
}

// again is the same experiment loaded once more with further overrides.
func again(t testing.TB, cfg *experiment.Config, sets ...string) *experiment.Config {
	t.Helper()
	more, err := experiment.Load(filepath.Join(filepath.Dir(cfg.Output), "tiny.toml"), sets)
	must(t, err)
	return more
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// options are those of a run on a device of one thread, quiet, resuming where
// there is something to resume.
func options(t testing.TB, change ...func(*Options)) Options {
	t.Helper()
	opt := Options{Device: device(t, 1), Log: slog.New(slog.DiscardHandler), Resume: "auto"}
	for _, f := range change {
		f(&opt)
	}
	return opt
}

func device(t testing.TB, threads int) engine.Device {
	t.Helper()
	dev, err := cpu.Open(cpu.Options{Threads: threads})
	must(t, err)
	t.Cleanup(func() { must(t, dev.Close()) })
	return dev
}

// logTo collects log lines.
func logTo(lines *strings.Builder) func(*Options) {
	return func(o *Options) { o.Log = slog.New(slog.NewTextHandler(lines, nil)) }
}

// onStep calls f after every step.
func onStep(f func(Progress)) func(*Options) { return func(o *Options) { o.Progress = f } }

// stopAfter asks for an early end during a step.
func stopAfter(step int64) func(*Options) {
	stop := make(chan struct{})
	return func(o *Options) {
		o.Stop = stop
		o.Progress = func(p Progress) {
			if p.Step == step {
				close(stop)
			}
		}
	}
}

// trained runs an experiment to its end.
func trained(t testing.TB, cfg *experiment.Config, change ...func(*Options)) *Outcome {
	t.Helper()
	out, err := Run(context.Background(), cfg, options(t, change...))
	must(t, err)
	return out
}

// stopped runs an experiment until it is stopped after a step.
func stopped(t testing.TB, cfg *experiment.Config, step int64) {
	t.Helper()
	out, err := Run(context.Background(), cfg, options(t, stopAfter(step)))
	if !errors.Is(err, ErrStopped) || out.Steps != step {
		t.Fatalf("error %v after %+v, want ErrStopped after step %d", err, out, step)
	}
}

// ready is a trainer before its first step.
func ready(t testing.TB, cfg *experiment.Config, change ...func(*Options)) *trainer {
	t.Helper()
	opt := options(t, change...)
	aux, err := auxiliaries(context.Background(), cfg, opt)
	must(t, err)
	tr, err := prepare(cfg, opt, aux)
	must(t, err)
	t.Cleanup(tr.close)
	return tr
}

// newest is the checkpoint of the highest step of a run.
func newest(t testing.TB, cfg *experiment.Config) *checkpoint.Checkpoint {
	t.Helper()
	cp, _, err := checkpoint.Run{Dir: cfg.Output}.Latest()
	must(t, err)
	return cp
}

// weights are all parameters of the newest checkpoint, averages aside.
func weights(t testing.TB, cfg *experiment.Config) *checkpoint.Tensors {
	t.Helper()
	return parameters(t, newest(t, cfg))
}

func parameters(t testing.TB, cp *checkpoint.Checkpoint) *checkpoint.Tensors {
	t.Helper()
	all, err := cp.Model()
	must(t, err)
	aux, err := cp.Aux()
	must(t, err)
	for _, a := range aux {
		for x := range a.All() {
			must(t, all.Add(x))
		}
	}
	return all
}

// values are the elements of a tensor.
func values(t testing.TB, ts *checkpoint.Tensors, name string) []float32 {
	t.Helper()
	x, err := ts.Get(name)
	must(t, err)
	v, err := x.Float32s()
	must(t, err)
	return v
}

func tensors(t testing.TB, list ...checkpoint.Tensor) *checkpoint.Tensors {
	t.Helper()
	ts, err := checkpoint.Collect(list...)
	must(t, err)
	return ts
}

// bits names every file of the newest checkpoint by its hash, and the step.
func bits(t testing.TB, cfg *experiment.Config) string {
	t.Helper()
	cp := newest(t, cfg)
	text := fmt.Sprintf("step %d", cp.State.Step)
	for _, f := range cp.State.Files {
		text += fmt.Sprintf("\n%s %.16s", f.Name, f.SHA256)
	}
	return text
}

// wantUsage checks for an error that the user has to mend in config or flags.
func wantUsage(t testing.TB, err error, text string) {
	t.Helper()
	if _, ok := errors.AsType[*experiment.UsageError](err); !ok || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v, want an experiment.UsageError with %q", err, text)
	}
}

func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	for _, s := range parts {
		if err == nil || !strings.Contains(err.Error(), s) {
			t.Errorf("error %v, want one with %q", err, s)
		}
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	must(t, err)
	return string(text)
}
