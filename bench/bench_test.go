package bench

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"m2pt/cpu"
	"m2pt/engine"
	"m2pt/experiment"
)

// tiny is an experiment whose step takes a moment.
func tiny(t *testing.T, lines string) *experiment.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny.toml")
	text := `data = { image_size = 8 }
tokenizer = { patch_size = 4 }
model.embed_dim = 16
model.depth = 1
model.num_heads = 2
train = { batch = 4, accumulate = 2 }
` + lines
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cfg, err := experiment.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func device(t *testing.T) engine.Device {
	t.Helper()
	dev, err := cpu.Open(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	})
	return dev
}

// TestRun: the figures belong to the experiment as it is, agree with each other,
// and need neither data nor weights.
func TestRun(t *testing.T) {
	memory := map[string]float64{}
	for name, lines := range map[string]string{"plain": "", "joined": "pathway = { aux = '/nosuch' }\nmodel.init = '/nosuch'\n"} {
		cfg, dev := tiny(t, lines), device(t)
		r, err := Run(cfg, dev, 3)
		if err != nil {
			t.Fatal(err)
		}
		if r.Device != dev.Name() || r.Rounds != 3 || len(r.StepsMS) != 3 || r.StepMS <= 0 || r.CompileMS <= 0 || r.PeakGFLOPS <= 0 {
			t.Errorf("%s: %+v", name, r)
		}
		for what, ratio := range map[string]float64{
			"samples per second": r.SamplesPerS * r.StepMS / 4e3,
			"share of the peak":  r.GFLOPS / r.PeakGFLOPS / r.MFU,
		} {
			if math.Abs(ratio-1) > 1e-9 {
				t.Errorf("%s: %s is off by the factor %g", name, what, ratio)
			}
		}
		if r.HeapKB < 0 || r.HeapKB >= 100 {
			t.Errorf("%s: a step allocates %g kB on the Go heap, want less than 100", name, r.HeapKB)
		}
		if r.Interval[0] > r.PathwayOverhead || r.PathwayOverhead > r.Interval[1] {
			t.Errorf("%s: overhead %g outside its interval %v", name, r.PathwayOverhead, r.Interval)
		}
		if !strings.Contains(r.String(), "over 3 rounds") {
			t.Errorf("%s: %s", name, r)
		}
		memory[name] = r.PeakMemMB
	}
	if memory["joined"] <= memory["plain"] {
		t.Errorf("memory %v: W' takes none", memory)
	}
}

// TestAlone: the figures are those of the experiment's own steps, compared with nothing.
func TestAlone(t *testing.T) {
	for name, lines := range map[string]string{"plain": "", "joined": "pathway = { aux = '/nosuch' }\n"} {
		cfg, dev := tiny(t, lines), device(t)
		r, err := Alone(cfg, dev, 5)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.StepsMS) != 5 || r.Rounds != 5 || r.StepMS != quantile(r.StepsMS, 0.5) || slices.Min(r.StepsMS) <= 0 {
			t.Errorf("%s: median %g of %v, %d rounds", name, r.StepMS, r.StepsMS, r.Rounds)
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "overhead") || strings.Contains(r.String(), "overhead") || !strings.Contains(r.String(), "in 5 rounds") {
			t.Errorf("%s: an overhead of nothing in %s or %s", name, text, r)
		}
		both, err := Run(cfg, dev, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := r.GFLOPS*r.StepMS, both.GFLOPS*both.StepMS; math.Abs(got/want-1) > 1e-9 || r.PeakMemMB != both.PeakMemMB {
			t.Errorf("%s: %g operations, %g MB, beside the other side %g and %g", name, got, r.PeakMemMB, want, both.PeakMemMB)
		}
	}
}

// TestMasking: a masked autoencoder is compared with one that sees all, which is more
// work for every kind of mask.
func TestMasking(t *testing.T) {
	for name, sets := range map[string][]string{
		"pictures": {"data.image_size=16", "tokenizer.patch_size=4", "mae.decoder_dim=8"},
		"clouds":   {"tokenizer.kind=point", "point.points=32", "tokenizer.groups=16", "tokenizer.group_size=4", "tokenizer.widths=[4, 6, 8]"},
		"clips":    {"tokenizer.kind=video", "data.image_size=16", "video.frames=4", "tokenizer.patch_size=4", "mae.decoder_dim=8"},
		"sounds":   {"tokenizer.kind=audio", "audio.frames=32", "audio.mel_bins=16", "tokenizer.patch_size=4", "mae.mask=grid", "mae.decoder_dim=8"},
	} {
		path := filepath.Join(t.TempDir(), "mae.toml")
		text := "task = 'pretrain'\nmodel = { embed_dim = 16, depth = 2, num_heads = 2 }\nmae = { decoder_depth = 1, decoder_heads = 2 }\ntrain = { batch = 4 }\n"
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		cfg, err := experiment.Load(path, sets)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Run(cfg, device(t), 3)
		if err != nil {
			t.Fatal(err)
		}
		m := r.Masking
		if m == nil || m.Expected <= 1.1 || m.Gain <= 0 || m.Interval[0] > m.Gain || m.Gain > m.Interval[1] || r.PathwayOverhead != 0 {
			t.Errorf("%s: %+v of %+v", name, m, r)
		}
		if !strings.Contains(r.String(), "with nothing masked") {
			t.Errorf("%s: %s", name, r)
		}
	}
}

// TestProfile: every op of a step is listed, the shares add up, the largest
// first.
func TestProfile(t *testing.T) {
	p, err := ProfileOps(tiny(t, ""), device(t), 2)
	if err != nil {
		t.Fatal(err)
	}
	if p.PeakGFLOPS <= 0 || p.PeakGBPerS <= 0 || p.OpsMS <= 0 || p.StepMS < p.OpsMS || p.FloorMS <= 0 {
		t.Errorf("%+v", p)
	}
	seen, percent := map[string]bool{}, 0.0
	for i, s := range p.Ops {
		if seen[s.Op] || s.Calls < 1 || s.MS < 0 || s.MB <= 0 || s.FloorMS <= 0 || i > 0 && s.MS > p.Ops[i-1].MS {
			t.Errorf("share %d: %+v", i, s)
		}
		seen[s.Op] = true
		percent += s.Percent
	}
	if math.Abs(percent-100) > 1e-6 {
		t.Errorf("the shares add up to %g %%", percent)
	}
	for _, op := range []string{"attention", "attention.grad", "adamw", "grad_norm", "layer_norm", "cross_entropy"} {
		if !seen[op] {
			t.Errorf("no %s in %v", op, seen)
		}
	}
	var table strings.Builder
	if err := p.Print(&table); err != nil || strings.Count(table.String(), "\n") != len(p.Ops)+3 {
		t.Errorf("table of %d ops, %v:\n%s", len(p.Ops), err, table.String())
	}
}

// TestShares: rows of one kind become one share with its rates and floors, by arithmetic
// or by bytes, whichever is longer.
func TestShares(t *testing.T) {
	ms := time.Millisecond
	plan := []engine.Row{
		{Kind: "gelu", Calls: 1, FLOPs: 1e6, Bytes: 4e6}, {Kind: "linear", Calls: 2, FLOPs: 6e6, Bytes: 1e6},
		{Kind: "gelu", Calls: 2, Bytes: 1e6}, {Kind: "reshape", Bytes: 5e6}, {Kind: "gelu", Calls: 1, Recompute: true},
	}
	p := &Profile{PeakGFLOPS: 4, PeakGBPerS: 2}
	p.take(plan, []time.Duration{2 * ms, 20 * ms, 10 * ms, 0, 8 * ms}, 2)
	want := []Share{
		{Op: "linear", Calls: 2, MS: 10, Percent: 50, GFLOP: 0.012, GFLOPS: 1.2, MB: 2, GBPerS: 0.2, FloorMS: 3, Distance: 10. / 3},
		{Op: "gelu", Calls: 3, MS: 6, Percent: 30, GFLOP: 0.001, GFLOPS: 1. / 6, MB: 6, GBPerS: 1, FloorMS: 3, Distance: 2},
		{Op: "gelu again", Calls: 1, MS: 4, Percent: 20},
	}
	if p.OpsMS != 20 || p.FloorMS != 6 || len(p.Ops) != len(want) {
		t.Fatalf("%+v, want %+v", p, want)
	}
	for i, w := range want {
		g := p.Ops[i]
		if g.Op != w.Op || g.Calls != w.Calls {
			t.Errorf("share %d: %+v, want %+v", i, g, w)
		}
		for what, v := range map[string][2]float64{"ms": {g.MS, w.MS}, "percent": {g.Percent, w.Percent}, "GFLOP": {g.GFLOP, w.GFLOP}, "GFLOP/s": {g.GFLOPS, w.GFLOPS},
			"MB": {g.MB, w.MB}, "GB/s": {g.GBPerS, w.GBPerS}, "floor": {g.FloorMS, w.FloorMS}, "distance": {g.Distance, w.Distance}} {
			if math.Abs(v[0]-v[1]) > 1e-9 {
				t.Errorf("%s of %s: %g, want %g", what, g.Op, v[0], v[1])
			}
		}
	}
}

func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		x       []float64
		q, want float64
	}{
		{[]float64{3, 1, 2}, 0.5, 2}, {[]float64{4, 1, 3, 2}, 0.5, 2.5}, {[]float64{7}, 0.5, 7},
		{[]float64{10, 20}, 0, 10}, {[]float64{20, 10}, 1, 20}, {[]float64{0, 10, 20, 30, 40}, 0.9, 36},
	} {
		if got := quantile(c.x, c.q); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("quantile %g of %v: %g, want %g", c.q, c.x, got, c.want)
		}
	}
}

// TestMedianInterval: the k-th value from either end bounds the median with the
// probability that a binomial count (n, ½) is neither below k nor above n-k.
func TestMedianInterval(t *testing.T) {
	for _, n := range []int{1, 2, 3, 5, 6, 9, 10, 21, 22, 50, 101, 400} {
		x := make([]float64, n)
		for i := range x {
			x[i] = float64(n - i)
		}
		got := medianInterval(x)
		k := int(got[0])
		if got[1] != float64(n+1-k) {
			t.Errorf("%d values: %v is not symmetric", n, got)
		}
		if miss := outside(n, k); n >= 6 && miss > 0.05 || outside(n, k+2) <= 0.05 {
			t.Errorf("%d values: %v misses the median with probability %.4f, two ranks closer with %.4f", n, got, miss, outside(n, k+2))
		}
	}
}

// outside is the probability that the median is not between the k-th values
// from either end of n.
func outside(n, k int) float64 {
	p, sum := math.Pow(0.5, float64(n)), 0.0
	for i := range k {
		sum += p
		p *= float64(n-i) / float64(i+1)
	}
	return 2 * sum
}
