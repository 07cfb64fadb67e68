package train

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m2pt/checkpoint"
	"m2pt/experiment"
	"m2pt/internal/fixture"
)

// auxPath is a [pathway] to a fresh auxiliary model of the tiny experiment,
// whose weights nothing has trained, with more keys of the table.
func auxPath(t testing.TB, keys string, sets ...string) string {
	t.Helper()
	return "pathway = { aux = '" + auxiliary(t, sets...) + "'" + keys + " }"
}

// auxiliary is a checkpoint that is not the model it shall help.
func auxiliary(t testing.TB, sets ...string) string {
	t.Helper()
	cfg := tiny(t, append([]string{"seed=99", "train.max_steps=1"}, sets...)...)
	trained(t, cfg)
	path := filepath.Join(t.TempDir(), "aux.safetensors")
	must(t, checkpoint.Save(path, weights(t, cfg)))
	return path
}

// TestFrozenZero: with every λ fixed at 0 the run is the plain run, bit for bit.
func TestFrozenZero(t *testing.T) {
	t.Parallel()
	plain, joined := tiny(t, rich()...), tiny(t, append(rich(), auxPath(t, ", lambda_trainable = false"))...)
	a, b := trained(t, plain), trained(t, joined)
	if a.Eval != b.Eval {
		t.Errorf("evaluation %+v, plain %+v", b.Eval, a.Eval)
	}
	want, got := weights(t, plain), weights(t, joined)
	for x := range want.All() {
		if !sameBits(values(t, got, x.Name), values(t, want, x.Name)) {
			t.Errorf("%s differs", x.Name)
		}
	}
	if n := got.Len() - want.Len(); n != 2*8 {
		t.Errorf("%d tensors more, want λ and W' of 8 layers", n)
	}
}

// TestPairs: which tensor of the auxiliary model is W′ of which layer.
func TestPairs(t *testing.T) {
	t.Parallel()
	deep, shallow := auxiliary(t, "model.depth=3"), auxiliary(t, "model.depth=1")
	for _, c := range []struct {
		name, aux, keys string
		want            map[int]int // auxiliary block by block
		layers          []string
	}{
		{"forward", deep, "", map[int]int{0: 0, 1: 1}, experiment.Layers()},
		{"reversed", deep, ", order = 'reversed'", map[int]int{0: 2, 1: 1}, experiment.Layers()},
		{"forward, shallower", shallow, "", map[int]int{0: 0}, experiment.Layers()},
		{"reversed, shallower", shallow, ", order = 'reversed'", map[int]int{0: 0}, experiment.Layers()},
		{"some layers", deep, ", layers = ['mlp.fc2', 'attn.qkv']", map[int]int{0: 0, 1: 1}, []string{"attn.qkv", "mlp.fc2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log strings.Builder
			tr := ready(t, tiny(t, "pathway = { aux = '"+c.aux+"'"+c.keys+" }"), logTo(&log))
			from, err := checkpoint.Load(c.aux)
			must(t, err)
			var names []string
			for i := range 2 {
				j, ok := c.want[i]
				for _, layer := range c.layers {
					if !ok {
						continue
					}
					name := fmt.Sprintf("blocks.%d.%s.aux_weight", i, layer)
					names = append(names, name)
					if !slices.Equal(state(t, tr, name), values(t, from, fmt.Sprintf("blocks.%d.%s.weight", j, layer))) {
						t.Errorf("%s is not that of auxiliary block %d", name, j)
					}
				}
			}
			if !slices.Equal(tr.names.frozen, names) {
				t.Errorf("covered %q, want %q", tr.names.frozen, names)
			}
			if !strings.Contains(log.String(), "pathway pairs blocks in order") {
				t.Errorf("no word of the depths in the log:\n%s", log.String())
			}
		})
	}
}

// TestTraining: what learns and what stays, by configuration.
func TestTraining(t *testing.T) {
	t.Parallel()
	const scale, aux = "blocks.1.mlp.fc1.cross_modal_scale", "blocks.1.mlp.fc1.aux_weight"
	for _, c := range []struct {
		name, keys           string
		scaleMoves, auxMoves bool
		auxFiles             int
	}{
		{"as a rule", "", true, false, 1},
		{"lambda fixed", ", lambda_init = 0.5, lambda_trainable = false", false, false, 1},
		{"lambda begins elsewhere", ", lambda_init = 0.5", true, false, 1},
		{"W' trains", ", lambda_init = 0.5, aux_trainable = true", true, true, 0},
		{"W' alone trains", ", lambda_init = 0.5, lambda_trainable = false, aux_trainable = true", false, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := tiny(t, auxPath(t, c.keys))
			tr := ready(t, cfg)
			scale0, aux0 := state(t, tr, scale), state(t, tr, aux)
			if scale0[0] != float32(cfg.Pathway[0].LambdaInit) {
				t.Errorf("lambda begins at %g", scale0[0])
			}
			tr.close()
			out := trained(t, cfg)
			got := weights(t, cfg)
			if moved := values(t, got, scale)[0] != scale0[0]; moved != c.scaleMoves {
				t.Errorf("lambda moves: %v, want %v", moved, c.scaleMoves)
			}
			if moved := !slices.Equal(values(t, got, aux), aux0); moved != c.auxMoves {
				t.Errorf("W' moves: %v, want %v", moved, c.auxMoves)
			}
			if n := len(newest(t, cfg).State.Aux); n != c.auxFiles {
				t.Errorf("%d files of frozen weights, want %d", n, c.auxFiles)
			}
			if len(out.Lambda) != 8 || out.Lambda[6].Layer != "blocks.1.mlp.fc1" || float32(out.Lambda[6].Value) != values(t, got, scale)[0] {
				t.Errorf("reported %+v", out.Lambda)
			}
		})
	}
}

// TestTwoAuxiliaries: terms add up, each with its own λ; the result does not
// depend on which is called the first.
func TestTwoAuxiliaries(t *testing.T) {
	t.Parallel()
	a, b := auxiliary(t), auxiliary(t, "seed=77", "model.depth=1")
	pair := func(a, b, first, second string) *experiment.Config {
		cfg := tiny(t, "pathway = [{ aux = '"+a+"'"+first+" }, { aux = '"+b+"'"+second+" }]")
		trained(t, cfg)
		return cfg
	}
	const one, two = ", lambda_init = 0.25", ", lambda_init = -0.5, layers = ['attn.qkv']"
	x, y := weights(t, pair(a, b, one, two)), weights(t, pair(b, a, two, one))
	for first, second := range map[string]string{
		"blocks.0.attn.qkv.cross_modal_scale": "blocks.0.attn.qkv.cross_modal_scale.1", "blocks.0.attn.qkv.aux_weight.1": "blocks.0.attn.qkv.aux_weight",
		"blocks.1.mlp.fc1.cross_modal_scale": "blocks.1.mlp.fc1.cross_modal_scale.1",
	} {
		if d := distance(values(t, x, first), values(t, y, second)); d > 2e-3 {
			t.Errorf("%s and %s differ by %g", first, second, d)
		}
	}
	if _, ok := x.Lookup("blocks.1.attn.qkv.aux_weight.1"); ok {
		t.Error("the shallow model reaches block 1")
	}
	merged, err := Merge(x)
	must(t, err)
	const layer = "blocks.0.attn.qkv."
	want := slices.Clone(values(t, x, layer+"weight"))
	for _, k := range []string{"", ".1"} {
		for i, v := range values(t, x, layer+"aux_weight"+k) {
			want[i] += values(t, x, layer+"cross_modal_scale"+k)[0] * v
		}
	}
	if d := distance(values(t, merged, layer+"weight"), want); d > 1e-6 || merged.Len() != weights(t, plainRun(t)).Len() {
		t.Errorf("merged weight differs by %g; %d tensors", d, merged.Len())
	}
}

func plainRun(t testing.TB, sets ...string) *experiment.Config {
	t.Helper()
	cfg := tiny(t, append(sets, "train.max_steps=1")...)
	trained(t, cfg)
	return cfg
}

// TestAverages: e ← d·e + (1-d)·Ŵ, from the initial values on, where W′ trains;
// W and λ have averages of their own where it does not. The averages are what is
// evaluated and what is loaded.
func TestAverages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, keys string
		folded     bool
	}{{"frozen", ", lambda_init = 0.5", false}, {"trained", ", lambda_init = 0.5, aux_trainable = true", true}} {
		t.Run(c.name, func(t *testing.T) {
			table := auxPath(t, c.keys)
			var past []*checkpoint.Tensors
			start := ready(t, tiny(t, table))
			ts, err := collect(start.state, "", slices.Concat(start.names.model, start.names.frozen))
			must(t, err)
			past = append(past, ts)
			cfg := tiny(t, table, "train.ema_decay=0.75", "train.max_steps=2", "train.checkpoint_every=1")
			out := trained(t, cfg)
			for _, step := range []string{"step-00000001", "step-00000002"} {
				cp, _, err := checkpoint.Open(filepath.Join(cfg.Output, "checkpoints", step))
				must(t, err)
				past = append(past, parameters(t, cp))
			}
			o, err := loadOrigin(cfg.Output, "auto")
			must(t, err)
			loaded := o.weights
			ema, err := newest(t, cfg).EMA()
			must(t, err)
			for x := range loaded.All() {
				if d := distance(values(t, loaded, x.Name), averaged(t, past, x.Name, c.folded)); d > 1e-6 && x.Name != "pos_embed" {
					t.Errorf("loaded %s differs from the average by %g", x.Name, d)
				}
			}
			if l := values(t, ema, "blocks.0.attn.qkv.cross_modal_scale")[0]; (l == 0) != c.folded {
				t.Errorf("average of lambda %g", l)
			}
			if got := evaluated(t, cfg.Output); got != out.Eval || got == evaluated(t, plainFile(t, past[2], cfg)) {
				t.Errorf("evaluated %+v, in training %+v", got, out.Eval)
			}
		})
	}
}

// averaged is the mean of the merged weights of steps 0, 1 and 2; where W′ is
// frozen, W and λ are averaged apart.
func averaged(t testing.TB, past []*checkpoint.Tensors, name string, folded bool) []float32 {
	t.Helper()
	mix := func(of func(ts *checkpoint.Tensors) []float32) []float32 {
		e := slices.Clone(of(past[0]))
		for _, ts := range past[1:] {
			for i, v := range of(ts) {
				e[i] = 0.75*e[i] + 0.25*v
			}
		}
		return e
	}
	layer, isWeight := strings.CutSuffix(name, ".weight")
	_, joined := past[0].Lookup(layer + ".aux_weight")
	if folded || !isWeight || !joined {
		return mix(func(ts *checkpoint.Tensors) []float32 {
			merged, err := Merge(ts)
			must(t, err)
			return values(t, merged, name)
		})
	}
	w := mix(func(ts *checkpoint.Tensors) []float32 { return values(t, ts, name) })
	scale := mix(func(ts *checkpoint.Tensors) []float32 { return values(t, ts, layer+".cross_modal_scale") })
	for i, v := range values(t, past[0], layer+".aux_weight") {
		w[i] += scale[0] * v
	}
	return w
}

// plainFile writes weights merged, in the run's folder, whose config they need.
func plainFile(t testing.TB, ts *checkpoint.Tensors, cfg *experiment.Config) string {
	t.Helper()
	merged, err := Merge(ts)
	must(t, err)
	path := filepath.Join(cfg.Output, "plain.safetensors")
	must(t, checkpoint.Save(path, merged))
	return path
}

// evaluated are the figures of a checkpoint read back.
func evaluated(t testing.TB, path string) Result {
	t.Helper()
	m, err := OpenModel(path, "", nil)
	must(t, err)
	return assessed(t, m)
}

// TestWrongAuxiliary: what cannot be joined is named.
func TestWrongAuxiliary(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.safetensors")
	must(t, checkpoint.Save(empty, tensors(t, f32("head.weight", []int{1}, 1))))
	wide := auxiliary(t, "model.embed_dim=32")
	for _, c := range []struct {
		name, aux string
		want      []string
	}{
		{"width", wide, []string{wide, `tensor "blocks.0.attn.qkv.weight": shape [96 32], want [48 16]`, "width and MLP ratio"}},
		{"MLP ratio", auxiliary(t, "model.mlp_ratio=2"), []string{`tensor "blocks.0.mlp.fc1.weight": shape [32 16], want [64 16]`}},
		{"no blocks", empty, []string{empty, `"head.weight": the names of none of m2pt, timm,`}},
		{"nothing there", "/nosuch/aux.pth", []string{`auxiliary "/nosuch/aux.pth"`, "no such file"}},
		{"no weights", write(t, filepath.Join(t.TempDir(), "x.pth"), "not a checkpoint"), []string{"auxiliary", "x.pth"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Run(context.Background(), tiny(t, "pathway = { aux = '"+c.aux+"' }"), options(t))
			wantError(t, err, c.want...)
		})
	}
}

// TestChangedAuxiliary: a run does not go on with other frozen weights than it
// began with.
func TestChangedAuxiliary(t *testing.T) {
	t.Parallel()
	path := auxiliary(t)
	cfg := tiny(t, "pathway = { aux = '"+path+"' }")
	stopped(t, cfg, 2)
	good := read(t, path)
	write(t, path, read(t, auxiliary(t, "seed=98")))
	_, err := Run(context.Background(), cfg, options(t))
	wantUsage(t, err, "auxiliary weights")
	write(t, path, good)
	if out := trained(t, cfg); out.StartStep != 2 {
		t.Errorf("with the right ones: %+v", out)
	}
}

// TestHeadCounts: an auxiliary model of other heads gives one warning.
func TestHeadCounts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "aux.toml"), tinyTOML)
	config := write(t, filepath.Join(dir, "tiny.toml"), tinyTOML+"pathway = { aux_config = 'aux.toml' }\n")
	for set, want := range map[string]int{"model.num_heads=2": 0, "model.num_heads=4": 1} {
		cfg, err := experiment.Load(config, []string{set, "output=" + filepath.Join(dir, set), "aux.output=" + filepath.Join(dir, "aux"), "aux.train.max_steps=1"})
		must(t, err)
		var log strings.Builder
		ready(t, cfg, logTo(&log))
		if n := strings.Count(log.String(), "level=WARN"); n != want {
			t.Errorf("%s: %d warnings, want %d:\n%s", set, n, want, log.String())
		}
	}
}

// TestChain: the auxiliary experiment is trained first, gone on with after an
// interruption, reused when finished, refused when it is another.
func TestChain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "aux", "tiny.toml"), tinyTOML)
	config := write(t, filepath.Join(dir, "main", "tiny.toml"), tinyTOML+"pathway = { aux_config = '../aux/tiny.toml' }\n")
	chain := func(sets ...string) *experiment.Config {
		cfg, err := experiment.Load(config, sets)
		must(t, err)
		return cfg
	}
	cfg := chain("aux.seed=3")
	var order []string
	watch := onStep(func(p Progress) { order = append(order, fmt.Sprintf("%s %d of %d", p.Run, p.Step, p.Steps)) })
	aux := cfg.Aux(0)

	_, err := Run(context.Background(), cfg, options(t, stopAfter(3)))
	if !errors.Is(err, ErrStopped) || newest(t, aux).State.Step != 3 {
		t.Fatalf("error %v, want the auxiliary experiment stopped", err)
	}
	wantError(t, err, "auxiliary experiment")
	out := trained(t, cfg, watch)
	if len(order) != 5+8 || order[0] != "run 4 of 8" || out.StartStep != 0 || out.Steps != 8 {
		t.Errorf("interrupted: steps %q, outcome %+v", order, out)
	}
	alone := tiny(t, "seed=3")
	trained(t, alone)
	if bits(t, alone) != bits(t, aux) {
		t.Error("the auxiliary model is not what its experiment makes alone")
	}

	must(t, os.RemoveAll(cfg.Output))
	order = nil
	trained(t, cfg, watch, resume("never"))
	if len(order) != 8 {
		t.Errorf("finished: steps %q", order)
	}
	must(t, os.RemoveAll(cfg.Output))
	want := bits(t, aux)
	_, err = Run(context.Background(), chain("aux.seed=4"), options(t))
	wantUsage(t, err, "another experiment")
	if _, err := os.Stat(cfg.Output); err == nil || bits(t, aux) != want {
		t.Error("a refused chain leaves something behind")
	}
}

// TestRecordedAuxiliary: files of PyTorch with the names of other projects are
// auxiliary models.
func TestRecordedAuxiliary(t *testing.T) {
	for _, path := range append(fixture.Recorded(t, "ckpt_mae_*.pth"), fixture.Recorded(t, "ckpt_pointmae_*.pth")...) {
		a, err := LoadAuxiliary(path, "auto")
		must(t, err)
		name := filepath.Base(path)
		if _, err := a.Weights.Get(fmt.Sprintf("blocks.%d.attn.qkv.weight", a.Depth-1)); err != nil || a.Depth == 0 {
			t.Errorf("%s: %d blocks, %v", name, a.Depth, err)
		}
	}
}
