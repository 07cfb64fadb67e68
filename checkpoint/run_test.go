package checkpoint

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// snapshot is a small state of training that differs from step to step.
func snapshot(t *testing.T, step int64) Snapshot {
	t.Helper()
	v := float32(step)
	weights := func(suffix string) *Tensors {
		return collect(t,
			New("blocks.0.attn.qkv.weight"+suffix, []int{3, 2}, []float32{v, 1, 2, 3, float32(math.NaN()), float32(math.Inf(1))}),
			New("head.bias"+suffix, []int{2}, []float32{v, -v}))
	}
	return Snapshot{
		State: State{
			Step: step, Epoch: 3, Position: 17, ConfigHash: "c0ffee",
			Metrics: Metrics{"eval/top1": 0.1 + 0.2, "train/loss": math.NaN(), "up": math.Inf(1), "down": math.Inf(-1)},
			Extra:   json.RawMessage(`{"rng":[1,2]}`),
		},
		Model: weights(""), Optimizer: weights(".exp_avg"), EMA: weights(""),
	}
}

func saveSteps(t *testing.T, r Run, steps ...int64) {
	t.Helper()
	for _, step := range steps {
		if err := r.Save(snapshot(t, step), false); err != nil {
			t.Fatal(err)
		}
	}
}

func wantSteps(t *testing.T, r Run, want ...int64) {
	t.Helper()
	got, err := r.steps()
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("steps %v, want %v (%v)", got, want, err)
	}
}

func wantLatest(t *testing.T, r Run, step int64, rejected int) *Checkpoint {
	t.Helper()
	c, skipped, err := r.Latest()
	if err != nil {
		t.Fatal(err)
	}
	if c.State.Step != step || len(skipped) != rejected {
		t.Errorf("latest is step %d with %v rejected, want step %d with %d", c.State.Step, skipped, step, rejected)
	}
	return c
}

// wantNoTemporaries fails when something in dir has a temporary name.
func wantNoTemporaries(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if strings.Contains(path, ".tmp-") {
			t.Errorf("temporary %s is left", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestRunRoundTrip(t *testing.T) {
	run := Run{Dir: t.TempDir()}
	want := snapshot(t, 42)
	aux := collect(t, New("blocks.0.attn.qkv.weight", []int{2}, []float32{5, 6}))
	file, err := run.SaveAux(aux)
	if err != nil {
		t.Fatal(err)
	}
	want.State.Aux = []File{file}
	if err := run.Save(want, true); err != nil {
		t.Fatal(err)
	}
	c := wantLatest(t, run, 42, 0)
	if c.Path != filepath.Join(run.Dir, "checkpoints", "step-00000042") {
		t.Errorf("path %q", c.Path)
	}
	for name, part := range map[string]struct {
		load func() (*Tensors, error)
		want *Tensors
	}{"model": {c.Model, want.Model}, "optimizer": {c.Optimizer, want.Optimizer}, "ema": {c.EMA, want.EMA}} {
		got, err := part.load()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		wantSame(t, got, part.want)
	}
	auxes, err := c.Aux()
	if err != nil || len(auxes) != 1 {
		t.Fatalf("%d auxiliaries, %v", len(auxes), err)
	}
	wantSame(t, auxes[0], aux)
	wantNoTemporaries(t, run.Dir)
}

func TestStateRoundTrip(t *testing.T) {
	want := snapshot(t, 7).State
	want.Version = stateVersion
	want.Aux = []File{{"aux-01234567.safetensors", 5, "01234567"}}
	want.Files = []File{{modelFile, 9, "ab"}}
	text, err := encodeState(want)
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(text) {
		t.Errorf("no JSON: %s", text)
	}
	got, err := decodeState(text)
	if err != nil {
		t.Fatal(err)
	}
	if !math.IsNaN(got.Metrics["train/loss"]) {
		t.Errorf("NaN came back as %v", got.Metrics["train/loss"])
	}
	delete(got.Metrics, "train/loss")
	delete(want.Metrics, "train/loss")
	var extra map[string][]int
	if err := json.Unmarshal(got.Extra, &extra); err != nil || !slices.Equal(extra["rng"], []int{1, 2}) {
		t.Errorf("extra %s (%v)", got.Extra, err)
	}
	got.Extra, want.Extra = nil, nil
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("state %+v, want %+v", *got, want)
	}
}

func TestStateOfOtherVersion(t *testing.T) {
	text, err := encodeState(State{Version: stateVersion + 1})
	if err != nil {
		t.Fatal(err)
	}
	_, err = decodeState(text)
	wantError(t, err, "layout version 2", "reads 1")
}

func TestCheckpointWithoutOptionalParts(t *testing.T) {
	run := Run{Dir: t.TempDir()}
	s := snapshot(t, 1)
	s.Optimizer, s.EMA = nil, nil
	if err := run.Save(s, false); err != nil {
		t.Fatal(err)
	}
	c := wantLatest(t, run, 1, 0)
	optimizer, err1 := c.Optimizer()
	ema, err2 := c.EMA()
	if optimizer != nil || ema != nil || err1 != nil || err2 != nil {
		t.Errorf("optimizer %v %v, EMA %v %v, want nil", optimizer, err1, ema, err2)
	}
	if err := run.Save(Snapshot{}, false); err == nil {
		t.Error("saved a checkpoint without a model")
	}
}

func TestPointersAndPruning(t *testing.T) {
	run := Run{Dir: t.TempDir(), Keep: 2}
	saveSteps(t, run, 1)
	if err := run.Save(snapshot(t, 2), true); err != nil {
		t.Fatal(err)
	}
	saveSteps(t, run, 3, 4, 10)
	wantSteps(t, run, 10, 4, 2)
	for name, want := range map[string]int64{bestPointer: 2, lastPointer: 10} {
		if got, ok := run.pointee(name); !ok || got != want {
			t.Errorf("%s points at %d, want %d", name, got, want)
		}
	}
	c, rejected, err := run.Best()
	if err != nil || c.State.Step != 2 || len(rejected) > 0 {
		t.Errorf("best %+v, %v, %v", c, rejected, err)
	}
	if err := run.Save(snapshot(t, 11), true); err != nil {
		t.Fatal(err)
	}
	wantSteps(t, run, 11, 10)
	wantNoTemporaries(t, run.Dir)
}

func TestPointersAreHints(t *testing.T) {
	for name, text := range map[string]string{"gone": "step-00000009\n", "garbage": "../../etc\n", "empty": ""} {
		t.Run(name, func(t *testing.T) {
			run := Run{Dir: t.TempDir(), Keep: 1}
			for _, pointer := range []string{bestPointer, lastPointer} {
				if err := os.WriteFile(filepath.Join(run.Dir, pointer), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			saveSteps(t, run, 1)
			wantLatest(t, run, 1, 0)
			c, rejected, err := run.Best()
			if err != nil || c.State.Step != 1 || (len(rejected) == 1) != (name == "gone") {
				t.Errorf("best %v, %v, %v", c, rejected, err)
			}
		})
	}
}

func TestStepNames(t *testing.T) {
	for name, want := range map[string]int64{"step-00000001": 1, "step-12345678": 12345678, "step-123456789": 123456789} {
		if got, ok := parseStep(name); !ok || got != want || stepName(want) != name {
			t.Errorf("%s: %d %v", name, got, ok)
		}
	}
	for _, name := range []string{"step-1", "step-00000001.tmp-1-0", "step-", "step-0000000x", "step-+0000001", "xstep-00000001"} {
		if step, ok := parseStep(name); ok {
			t.Errorf("%s is taken for step %d", name, step)
		}
	}
}

// TestFailedSave breaks the last of the files that a checkpoint consists of.
func TestFailedSave(t *testing.T) {
	run := Run{Dir: t.TempDir(), Keep: 1}
	for _, step := range []int64{1, 2} { // the second replaces nothing it should not
		saveSteps(t, run, step)
		for _, broken := range []int64{step, step + 1} {
			s := snapshot(t, broken)
			s.State.Extra = json.RawMessage(`{"unfinished`)
			s.State.Position = 99
			wantError(t, run.Save(s, true), "save checkpoint", stepName(broken), "encode state")
			if c := wantLatest(t, run, step, 0); c.State.Position != 17 {
				t.Error("the failed save replaced the checkpoint")
			}
		}
		wantSteps(t, run, step)
		wantNoTemporaries(t, run.Dir)
		if _, ok := run.pointee(bestPointer); ok {
			t.Error("the failed save moved a pointer")
		}
	}
}

func TestSaveIntoVanishedRun(t *testing.T) {
	err := Run{Dir: filepath.Join(t.TempDir(), "gone")}.Save(snapshot(t, 1), false)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want ErrNotExist", err)
	}
}

func TestSaveReplacesSameStep(t *testing.T) {
	run := Run{Dir: t.TempDir()}
	saveSteps(t, run, 5)
	s := snapshot(t, 5)
	s.State.Position, s.EMA = 99, nil
	if err := run.Save(s, false); err != nil {
		t.Fatal(err)
	}
	c := wantLatest(t, run, 5, 0)
	if c.State.Position != 99 || exists(c.Path, emaFile) {
		t.Errorf("position %d, EMA left: %v", c.State.Position, exists(c.Path, emaFile))
	}
	wantSteps(t, run, 5)
	wantNoTemporaries(t, run.Dir)
}

func TestKilledSaveIsIgnoredAndCleaned(t *testing.T) {
	run := Run{Dir: t.TempDir()}
	saveSteps(t, run, 1)
	left := run.stepDir(2) + ".tmp-17-0"
	if err := os.Rename(run.stepDir(1), left); err != nil {
		t.Fatal(err)
	}
	saveSteps(t, run, 1)
	wantLatest(t, run, 1, 0)
	if err := run.Clean(); err != nil {
		t.Fatal(err)
	}
	wantNoTemporaries(t, run.Dir)
	wantLatest(t, run, 1, 0)
	if err := (Run{Dir: t.TempDir()}).Clean(); err != nil {
		t.Errorf("a new run: %v", err)
	}
}

func TestRewind(t *testing.T) {
	run := Run{Dir: t.TempDir()}
	saveSteps(t, run, 1, 2)
	if err := run.Save(snapshot(t, 3), true); err != nil {
		t.Fatal(err)
	}
	if err := run.Rewind(2); err != nil {
		t.Fatal(err)
	}
	wantSteps(t, run, 2, 1)
	wantLatest(t, run, 2, 0)
	if c, rejected, err := run.Best(); err != nil || c.State.Step != 2 || len(rejected) > 0 {
		t.Errorf("best %v, %v, %v", c, rejected, err)
	}
}

func TestSaveAux(t *testing.T) {
	run := Run{Dir: t.TempDir()}
	ts := collect(t, New("w", []int{2}, []float32{1, 2}))
	file, err := run.SaveAux(ts)
	if err != nil {
		t.Fatal(err)
	}
	if file.Name != "aux-"+file.SHA256[:8]+".safetensors" || len(file.SHA256) != 64 {
		t.Errorf("file %+v", file)
	}
	path := filepath.Join(run.Dir, file.Name)
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := run.SaveAux(ts); err != nil || again != file {
		t.Errorf("%+v, %v, want %+v", again, err, file)
	}
	if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) {
		t.Errorf("identical content was written again (%v)", err)
	}
	if err := os.Truncate(path, 3); err != nil {
		t.Fatal(err)
	}
	if _, err := run.SaveAux(ts); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, got, ts)
}

func TestSaveOnFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := mountSmall(dir); err != nil {
		t.Skipf("skipped: needs the right to mount a tmpfs: %v", err)
	}
	t.Cleanup(func() { _ = unmount(dir) })
	run := Run{Dir: dir}
	saveSteps(t, run, 1)
	s := snapshot(t, 2)
	s.EMA = collect(t, New("large", []int{1 << 19}, make([]float32, 1<<19)))
	wantError(t, run.Save(s, true), "no space left", "free some space")
	wantLatest(t, run, 1, 0)
	wantNoTemporaries(t, dir)
	saveSteps(t, run, 3)
	wantLatest(t, run, 3, 0)
}
