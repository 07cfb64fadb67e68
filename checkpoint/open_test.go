package checkpoint

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// damaged is a run of two checkpoints with an auxiliary, and every file of the
// newest one.
func damaged(t *testing.T) (run Run, files []string) {
	t.Helper()
	run = Run{Dir: t.TempDir()}
	saveSteps(t, run, 1, 2)
	files, err := filepath.Glob(filepath.Join(run.stepDir(2), "*"))
	if err != nil || len(files) != 4 {
		t.Fatalf("files %q, %v", files, err)
	}
	return run, files
}

// wantFallback fails unless the newest checkpoint is found out and the one
// before it used.
func wantFallback(t *testing.T, run Run, what string) {
	t.Helper()
	c, rejected, err := run.Latest()
	if err != nil || c.State.Step != 1 || len(rejected) != 1 || rejected[0].Dir != run.stepDir(2) {
		t.Fatalf("%s: %+v, rejected %v, %v", what, c, rejected, err)
	}
	wantError(t, rejected[0].Err, run.stepDir(2))
}

func TestTruncationIsDetected(t *testing.T) {
	t.Parallel()
	run, files := damaged(t)
	for _, path := range files {
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 64 {
			n := i * len(whole) / 64
			if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
				t.Fatal(err)
			}
			wantFallback(t, run, "cut "+path)
		}
		if err := os.WriteFile(path, append(whole, 0), 0o600); err != nil {
			t.Fatal(err)
		}
		wantFallback(t, run, "lengthened "+path)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		wantFallback(t, run, "removed "+path)
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wantLatest(t, run, 2, 0)
}

func TestFlippedBitsAreDetected(t *testing.T) {
	t.Parallel()
	run, files := damaged(t)
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 256 {
			at := i * len(data) / 256
			data[at] ^= 1 << (i % 8)
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			wantFallback(t, run, "flipped "+path)
			data[at] ^= 1 << (i % 8)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wantLatest(t, run, 2, 0)
}

func TestDamagedAuxiliary(t *testing.T) {
	run := Run{Dir: t.TempDir()}
	saveSteps(t, run, 1)
	file, err := run.SaveAux(collect(t, New("w", []int{1}, []float32{1})))
	if err != nil {
		t.Fatal(err)
	}
	s := snapshot(t, 2)
	s.State.Aux = []File{file}
	if err := run.Save(s, false); err != nil {
		t.Fatal(err)
	}
	c := wantLatest(t, run, 2, 0)
	if err := os.Remove(filepath.Join(run.Dir, file.Name)); err != nil {
		t.Fatal(err)
	}
	wantFallback(t, run, "removed auxiliary")
	if _, err := c.Aux(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want ErrNotExist", err)
	}
}

func TestDamageAfterVerification(t *testing.T) {
	run := Run{Dir: t.TempDir()}
	saveSteps(t, run, 1)
	c := wantLatest(t, run, 1, 0)
	path := filepath.Join(c.Path, modelFile)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	ts, err := c.Model()
	if !errors.Is(err, ErrCorrupt) || ts != nil {
		t.Errorf("%v, %v, want ErrCorrupt", ts, err)
	}
	wantError(t, err, path, "SHA-256")
}

func TestCraftedStates(t *testing.T) {
	run := Run{Dir: t.TempDir()}
	saveSteps(t, run, 1, 2)
	good := wantLatest(t, run, 2, 0)
	cases := map[string]func(*State){
		"name leaves the folder": func(s *State) { s.Files[1].Name = "../step-00000001/optimizer.safetensors" },
		"absolute name":          func(s *State) { s.Files[1].Name = "/etc/passwd" },
		"folder as a file":       func(s *State) { s.Files[1].Name = "." },
		"aux leaves the run":     func(s *State) { s.Aux = []File{{Name: "../x"}} },
		"no model":               func(s *State) { s.Files = s.Files[1:] },
		"step of another folder": func(s *State) { s.Step = 3 },
		"newer layout":           func(s *State) { s.Version++ },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			s := *good.State
			s.Files = append([]File(nil), s.Files...)
			change(&s)
			text, err := encodeState(s)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(good.Path, stateFile), text, 0o600); err != nil {
				t.Fatal(err)
			}
			wantFallback(t, run, name)
		})
	}
}

func TestNothingToOpen(t *testing.T) {
	run := Run{Dir: t.TempDir()}
	if _, _, err := run.Latest(); !errors.Is(err, ErrNoCheckpoint) {
		t.Errorf("no checkpoint: %v, want ErrNoCheckpoint", err)
	}
	saveSteps(t, run, 1)
	if err := os.Truncate(filepath.Join(run.stepDir(1), modelFile), 5); err != nil {
		t.Fatal(err)
	}
	_, rejected, err := run.Latest()
	if !errors.Is(err, ErrCorrupt) || errors.Is(err, ErrNoCheckpoint) || len(rejected) != 1 {
		t.Errorf("all corrupt: %v, rejected %v", err, rejected)
	}
	wantError(t, err, run.Dir, "none of 1", modelFile, "restore")
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	run := Run{Dir: dir}
	if err := run.Save(snapshot(t, 1), true); err != nil {
		t.Fatal(err)
	}
	saveSteps(t, run, 2)
	loose := t.TempDir()
	for _, name := range []string{modelFile, "weights.npz", "renamed.bin"} {
		format := filepath.Ext(name)
		if format == ".bin" {
			format = ".safetensors"
		}
		path := filepath.Join(loose, name)
		if err := Save(path+format, snapshot(t, 9).Model); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+format, path); err != nil {
			t.Fatal(err)
		}
	}
	cases := map[string]struct {
		path string
		step int64
	}{
		"run folder":        {dir, 1},
		"run folder, slash": {dir + "/", 1},
		"best":              {filepath.Join(dir, "best"), 1},
		"last":              {filepath.Join(dir, "last"), 2},
		"checkpoint folder": {run.stepDir(2), 2},
		"folder of weights": {loose, 9},
		"safetensors":       {filepath.Join(loose, modelFile), 9},
		"npz":               {filepath.Join(loose, "weights.npz"), 9},
		"other extension":   {filepath.Join(loose, "renamed.bin"), 9},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			opened, rejected, err := Open(c.path)
			if err != nil || len(rejected) > 0 {
				t.Fatalf("%v, %v", rejected, err)
			}
			if (opened.State == nil) != (c.step == 9) || opened.State != nil && opened.State.Step != c.step {
				t.Errorf("state %+v, want step %d", opened.State, c.step)
			}
			ts, err := Load(c.path)
			if err != nil {
				t.Fatal(err)
			}
			wantSame(t, ts, snapshot(t, c.step).Model)
		})
	}
	t.Run("bare weights have no other parts", func(t *testing.T) {
		c, _, err := Open(loose)
		if err != nil {
			t.Fatal(err)
		}
		for name, part := range map[string]func() (*Tensors, error){"optimizer": c.Optimizer, "ema": c.EMA} {
			if ts, err := part(); ts != nil || err != nil {
				t.Errorf("%s: %v, %v", name, ts, err)
			}
		}
		if aux, err := c.Aux(); aux != nil || err != nil {
			t.Errorf("aux: %v, %v", aux, err)
		}
	})
}

func TestOpenFromWithin(t *testing.T) {
	run := Run{Dir: t.TempDir()}
	file, err := run.SaveAux(collect(t, New("w", []int{1}, []float32{1})))
	if err != nil {
		t.Fatal(err)
	}
	s := snapshot(t, 1)
	s.State.Aux = []File{file}
	if err := run.Save(s, false); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{run.Dir, run.stepDir(1)} {
		t.Chdir(dir)
		if _, err := Load("."); err != nil {
			t.Errorf("in %s: %v", dir, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cases := map[string]struct {
		path  string
		want  string
		cause error
	}{
		"missing":              {filepath.Join(dir, "no"), "no such file", fs.ErrNotExist},
		"empty folder":         {t.TempDir(), "want a run folder", ErrNoCheckpoint},
		"nothing":              {filepath.Join(t.TempDir(), "nosuch"), "nosuch", ErrNoCheckpoint},
		"empty file":           {write("empty.safetensors", ""), "neither safetensors nor npz", nil},
		"text":                 {write("x.safetensors", "hello world"), "neither safetensors nor npz", nil},
		"broken safetensors":   {write("b.safetensors", string(file(`{"a":1}`, 0))), "make or fetch the file again", ErrCorrupt},
		"broken npz":           {write("b.npz", "PK\x03\x04"), "make or fetch the file again", ErrCorrupt},
		"step without a state": {filepath.Dir(write("step-00000003/model.safetensors", "")), "another checkpoint", fs.ErrNotExist},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Load(c.path)
			wantError(t, err, c.want, strings.TrimSuffix(c.path, "/"))
			if c.cause != nil && !errors.Is(err, c.cause) {
				t.Errorf("error %v, want %v", err, c.cause)
			}
		})
	}
}
