//go:build m2ptemu || m2ptcuda

// The stages of scripts/gpu-check.sh, which run the same on the emulated kernels.
package cuda_test

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m2pt/cpu"
	"m2pt/cuda"
	"m2pt/engine"
	"m2pt/experiment"
	"m2pt/ops/opstest"
	"m2pt/parity"
	"m2pt/train"
)

// closed closes d at the end of the test, when all its memory must have been freed.
func closed(t testing.TB, d *cuda.Device) *cuda.Device {
	t.Cleanup(func() {
		if n := d.Used(); n != 0 {
			t.Errorf("%s: %d bytes were not freed", d.Name(), n)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// TestOps runs the conformance suite on the kernels.
func TestOps(t *testing.T) {
	for name, d := range variants(t) {
		t.Run(name, func(t *testing.T) {
			opstest.Run(t, d, opstest.Options{Full: 1e-5, BF16: 2e-2, MaxElements: caseElements})
		})
	}
}

// TestParity replays what was recorded of the reference, in float32.
func TestParity(t *testing.T) {
	dir := cmp.Or(os.Getenv("M2PT_FIXTURES"), "../../shared/fixtures")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("skipped: no fixtures in %s; M2PT_FIXTURES names their folder", dir)
	}
	results, err := parity.Folder(dir, open(t, engine.Full))
	if err != nil {
		t.Fatal(err)
	}
	if len(results) == 0 {
		t.Errorf("%s holds no fixtures", dir)
	}
	var table strings.Builder
	for _, r := range results {
		if r.Err != nil {
			t.Error(r.Err)
		}
	}
	if err := parity.Print(&table, results); err != nil {
		t.Error(err)
	}
	t.Log("\n" + table.String())
}

// tiny are experiments whose steps the emulation carries out in a moment: every kind of
// token, pathways, and what training draws and averages.
func tiny() map[string]string {
	return map[string]string{
		"image": `task = "classify"
data = { format = "generated", image_size = 16 }
tokenizer = { patch_size = 4 }
augment = { mixup = 0.8, cutmix = 1.0, reprob = 0.25 }
train = { batch = 8, accumulate = 2, ema_decay = 0.9, clip_grad = 1.0 }
pathway = { aux = "/nosuch" }
model = { embed_dim = 64, depth = 2, num_heads = 2, drop_path = 0.1 }
`,
		"audio": `task = "classify"
data = { format = "generated" }
audio = { frames = 32, mel_bins = 32 }
tokenizer = { kind = "audio", patch_size = 8 }
train = { batch = 4, grad_checkpointing = true }
model = { embed_dim = 48, depth = 3, num_heads = 3, global_pool = "avg" }
`,
		"point": `task = "classify"
data = { format = "generated" }
point = { points = 64 }
tokenizer = { kind = "point", groups = 8, group_size = 8, widths = [8, 16, 32] }
head = { hidden = 32, dropout = 0.2 }
train = { batch = 16 }
optimizer = { name = "sgd", lr = 0.005 }
pathway = { aux = "/nosuch" }
model = { embed_dim = 48, depth = 2, num_heads = 2 }
`,
		"video": `task = "classify"
data = { format = "generated", image_size = 16 }
video = { frames = 4 }
tokenizer = { kind = "video", patch_size = 8, tubelet_size = 2 }
train = { batch = 4 }
optimizer = { name = "sgd" }
model = { embed_dim = 32, depth = 2, num_heads = 2 }
`,
		"masked": `task = "pretrain"
data = { format = "generated", image_size = 16 }
tokenizer = { patch_size = 4 }
mae = { norm_target = true, decoder_dim = 32, decoder_depth = 1, decoder_heads = 2 }
train = { batch = 4 }
model = { embed_dim = 64, depth = 2, num_heads = 2 }
`,
	}
}

// load reads an experiment. Weights are large and rates high, so that losses move. Points are
// trained by SGD: the largest of a group is another one after the slightest rounding, and
// AdamW's first steps are as large for gradients that are next to nothing.
func load(t testing.TB, lines string) *experiment.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny.toml")
	if err := os.WriteFile(path, []byte(lines), 0o644); err != nil {
		t.Fatal(err)
	}
	sets := []string{"schedule.warmup_epochs=0"}
	if !strings.Contains(lines, "lr =") {
		sets = append(sets, "optimizer.lr=0.01")
	}
	if !strings.Contains(lines, "pretrain") {
		sets = append(sets, "head.init_std=0.3")
	}
	cfg, err := experiment.Load(path, sets)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// run trains the experiment on one batch and returns the loss of every step and all state
// at the end.
func run(t testing.TB, cfg *experiment.Config, dev engine.Device, steps int) (losses []float64, state map[string][]byte) {
	t.Helper()
	s, err := train.NewSynthetic(cfg, train.Answers{Classes: 10, Parts: 5}, dev)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range steps {
		if err := s.Step(); err != nil {
			t.Fatal(err)
		}
		losses = append(losses, s.Loss())
	}
	state = map[string][]byte{}
	for _, name := range s.State().Names() {
		v, err := engine.Get[float32](s.State(), name)
		if err != nil {
			t.Fatal(err)
		}
		if state[name], err = binary.Append(nil, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	return losses, state
}

// rounding is the references on the host, keeping values as another device does.
type rounding struct {
	engine.Reference
	engine.Storer
}

// TestTrain: losses follow those of the CPU device, and in bf16 those of the references
// rounded alike.
func TestTrain(t *testing.T) {
	host, err := cpu.Open(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	for name, lines := range tiny() {
		for _, store := range []engine.Storage{engine.Full, engine.BF16} {
			t.Run(fmt.Sprint(name, "/", store), func(t *testing.T) {
				cfg, d := load(t, lines), open(t, store)
				var other engine.Device = host
				if store == engine.BF16 {
					other = rounding{Storer: d}
				}
				want, _ := run(t, cfg, other, trainSteps)
				got, _ := run(t, cfg, d, trainSteps)
				follow(t, got, want, store)
				t.Logf("losses %.4f, on %s %.4f", got, other.Name(), want)
			})
		}
	}
}

// followed are the steps whose losses agree one by one.
const followed = 6

// follow compares the losses of two runs that differ in how they round. Training is chaotic:
// after a while a rounding moves single losses by more than an error would have to. So the
// first steps agree one by one, and of the rest how far the loss falls from there to the mean
// of its last quarter, to 10 %: roundings move that by 2 %, and where learning stops less than
// half is left of it.
func follow(t *testing.T, got, want []float64, store engine.Storage) {
	t.Helper()
	tolerance := 1e-4 // relative
	if store == engine.BF16 {
		tolerance = 2e-2
	}
	for i := range followed {
		if !near(got[i], want[i], tolerance) {
			t.Errorf("%v, step %d: loss %g, want %g within %g of it", store, i+1, got[i], want[i], tolerance)
		}
	}
	if len(want) == followed {
		return
	}
	from := want[followed-1]
	if fell, w := from-arrives(got), from-arrives(want); !near(fell, w, 0.1) || w <= 0 {
		t.Errorf("%v: from %g the loss falls by %g, want %g within 10 %% of it", store, from, fell, w)
	}
}

func near(got, want, tolerance float64) bool { return math.Abs(got-want) <= tolerance*math.Abs(want) }

// arrives is the mean of the last quarter of losses.
func arrives(losses []float64) float64 {
	last, sum := losses[len(losses)*3/4:], 0.0
	for _, l := range last {
		sum += l
	}
	return sum / float64(len(last))
}

// eager is a device whose kernels are never captured.
type eager struct {
	engine.Device
	engine.Storer
	engine.Fuser
}

// apart is a device that does two steps one after the other.
type apart struct {
	engine.Device
	engine.Storer
}

// TestFused: steps done at once agree with the same steps apart.
func TestFused(t *testing.T) {
	for _, store := range []engine.Storage{engine.Full, engine.BF16} {
		cfg, d := load(t, tiny()["masked"]), open(t, store)
		want, _ := run(t, cfg, apart{d, d}, trainSteps)
		got, _ := run(t, cfg, d, trainSteps)
		follow(t, got, want, store)
		if slices.Equal(got, want) && store == engine.BF16 {
			t.Error("fused and apart give the same bits: nothing was fused")
		}
	}
}

// TestFrozen: a frozen model with a pathway trains. Its norms want the gradient of their
// input alone, so that steps fuse other than in a model of which all trains.
func TestFrozen(t *testing.T) {
	cfg := load(t, strings.Replace(tiny()["image"], "model = {", "model = { frozen = true,", 1))
	d := open(t, engine.BF16)
	want, _ := run(t, cfg, rounding{Storer: d}, followed)
	got, _ := run(t, cfg, d, followed)
	follow(t, got, want, engine.BF16)
}

// TestReplay: two runs give the same bits, and so does one without replayed stages.
func TestReplay(t *testing.T) {
	for name, lines := range tiny() {
		t.Run(name, func(t *testing.T) {
			cfg, d := load(t, lines), open(t, engine.BF16)
			_, first := run(t, cfg, d, trainSteps)
			for what, dev := range map[string]engine.Device{"a second run": d, "a run without replay": eager{d, d, d}} {
				_, again := run(t, cfg, dev, trainSteps)
				for state, bits := range first {
					if !bytes.Equal(bits, again[state]) {
						t.Errorf("%s differs in %s", what, state)
					}
				}
			}
		})
	}
}

// TestMemory: steps after the second allocate nothing on the device, and steps that are
// replayed take nothing of the GPU's memory in other ways.
func TestMemory(t *testing.T) {
	d := open(t, engine.BF16)
	s, err := train.NewSynthetic(load(t, tiny()["image"]), train.Answers{Classes: 10, Parts: 5}, d)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	steps := func(n int) {
		for range n {
			if err := s.Step(); err != nil {
				t.Fatal(err)
			}
		}
	}
	steps(2)
	used := d.Used()
	steps(3)
	before := taken(t, d)
	steps(20)
	if n := d.Used(); n != used {
		t.Errorf("%d bytes are allocated after 25 steps, %d after two", n, used)
	}
	if n := taken(t, d); n > before {
		t.Errorf("%d bytes are taken after 25 steps, %d after five", n, before)
	}
}
