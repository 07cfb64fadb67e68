package train

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"m2pt/checkpoint"
	"m2pt/data/image"
	"m2pt/experiment"
)

func noTurbo() (*image.Turbo, error)   { return nil, errors.New("no such file") }
func turboHere() (*image.Turbo, error) { return &image.Turbo{}, nil }

// folder is an experiment over picture files.
func folder(t testing.TB, sets ...string) *experiment.Config {
	t.Helper()
	root := pictures(t, "train/a", "train/b", "val/a")
	return tiny(t, append(sets, "data.format=folder", "data.path="+root)...)
}

func TestOpenTurbo(t *testing.T) {
	for _, c := range []struct {
		jpeg         string
		load         func() (*image.Turbo, error)
		turbo, fails bool
	}{
		{"auto", turboHere, true, false},
		{"auto", noTurbo, false, false},
		{"turbo", turboHere, true, false},
		{"turbo", noTurbo, false, true},
		{"go", turboHere, false, false},
	} {
		turbo, err := openTurbo(c.jpeg, c.load)
		if (turbo != nil) != c.turbo || (err != nil) != c.fails {
			t.Errorf("%s: library %v, error %v", c.jpeg, turbo != nil, err)
		}
		if c.fails {
			wantUsage(t, err, `data.jpeg: is "turbo", but libturbojpeg is not here (no such file): install it`)
		}
	}
}

// TestSettle: a run records what "auto" was, where it decodes pictures.
func TestSettle(t *testing.T) {
	cfg := folder(t)
	with, without := settle(cfg, turboHere), settle(cfg, noTurbo)
	if with.Data.JPEG != "turbo" || without.Data.JPEG != "go" || with.Hash() == without.Hash() {
		t.Errorf("settled as %q and %q", with.Data.JPEG, without.Data.JPEG)
	}
	if generated := tiny(t); settle(generated, turboHere).Hash() != generated.Hash() {
		t.Error("the library changes the hash of an experiment that reads no files")
	}
}

// TestResumeOtherDecoder: a run goes on only with the decoder it began with, and
// is told which that was.
func TestResumeOtherDecoder(t *testing.T) {
	for _, c := range []struct{ began, goes, say string }{
		{"turbo", "go", `it has data.jpeg "turbo", this one "go": is libturbojpeg installed?): choose another`},
		{"go", "turbo", `it has data.jpeg "go", this one "turbo"): choose another`},
		{"auto", "turbo", `it has data.jpeg "go", this one "turbo"): choose another`},
	} {
		began := folder(t, "data.jpeg="+c.began)
		s, err := openStore(began)
		must(t, err)
		must(t, s.writeConfig(began))
		ts := tensors(t, f32("head.bias", []int{1}, 0))
		must(t, s.run.Save(checkpoint.Snapshot{State: checkpoint.State{Step: 1, ConfigHash: s.hash}, Model: ts, Optimizer: ts}, false))
		must(t, s.close())
		other := again(t, began, "data.format=folder", "data.path="+began.Data.Path, "data.jpeg="+c.goes, "train.batch=2")
		_, err = newStore(other).find("auto", "-out", options(t).Log)
		wantUsage(t, err, c.say)
	}
}

// TestRunRecordsDecoder: config.toml of the run folder has no "auto".
func TestRunRecordsDecoder(t *testing.T) {
	cfg := folder(t, "train.batch=2", "train.epochs=1", "train.accumulate=1")
	_, err := Run(context.Background(), cfg, options(t))
	must(t, err)
	recorded, err := experiment.LoadRun(filepath.Join(cfg.Output, ConfigFile), nil)
	must(t, err)
	if got := recorded.Data.JPEG; got != "turbo" && got != "go" {
		t.Errorf("data.jpeg %q", got)
	}
}
