package train

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m2pt/checkpoint"
	"m2pt/data/point"
	"m2pt/engine"
	"m2pt/experiment"
	"m2pt/nn"
)

// clouds is a tiny experiment on generated point clouds.
func clouds(more ...string) []string {
	return append([]string{"tokenizer.kind=point", "point.points=32", "tokenizer.groups=6", "tokenizer.group_size=4", "tokenizer.widths=[4, 6, 8]",
		"head.hidden=8", "data.samples=33", "data.val_samples=13"}, more...)
}

// parts is clouds with labelled points.
func parts(more ...string) []string {
	return clouds(append([]string{"head.kind=parts", "head.widths=[8, 8, 8, 8]", "model.depth=3", "model.class_token=false"}, more...)...)
}

// clips is a tiny experiment on generated clips.
func clips(more ...string) []string {
	return append([]string{"tokenizer.kind=video", "video.frames=4", "video.rate=1", "data.image_size=16", "tokenizer.patch_size=8"}, more...)
}

// TestModalities trains on point clouds, points with labels and clips, and
// evaluates them again from the run folder.
func TestModalities(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		sets []string
	}{
		{"clouds", clouds()},
		{"clouds, everything random", clouds("point.rotate=true", "point.jitter=true", "point.flip=true", "point.drop_points=0.5", "point.sampling=random", "model.drop_path=0.3")},
		{"clouds, votes", clouds("eval.votes=3")},
		{"few shots", clouds("data.samples=60", "data.val_samples=200", "point.way=3", "point.shot=4", "train.batch=4")},
		{"parts", parts()},
		{"clips", clips()},
		{"clips, views", clips("eval.segments=2", "eval.crops=3")},
		{"clips, mixed and erased", clips("augment.mixup=0.8", "augment.cutmix=1", "augment.reprob=0.5", "augment.crop=resized", "augment.repeated=2", "augment.auto_augment=rand-m7-n4-mstd0.5-inc1")},
		{"clips, with all options", clips("model.init_values=0.1", "model.cos_attn=true", "model.pos_embed=learned", "video.sparse=true")},
		{"probe", []string{"head.kind=probe", "model.frozen=true", "optimizer.name=lars"}},
		{"sgd", []string{"optimizer.name=sgd", "optimizer.nesterov=true"}},
		{"epochs of clouds", clouds("schedule.name=cosine_epochs", "schedule.warmup_lr=1e-6")},
		{"steps of clips", clips("schedule.name=cosine_steps", "schedule.warmup_epochs=1")},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := tiny(t, append(c.sets, "train.epochs=2")...)
			out := trained(t, cfg)
			if segmented := cfg.Head.Kind == "parts"; segmented != (out.Eval.Parts != nil) || out.Eval.Samples == 0 {
				t.Errorf("evaluation %+v", out.Eval)
			}
			if got := reevaluated(t, cfg); got.Loss != out.Best.Loss || got.Score() != out.Best.Score() || got.Samples != out.Best.Samples {
				t.Errorf("evaluated again: %+v, want %+v", got, out.Best)
			}
		})
	}
}

// reevaluated is the evaluation of a run folder's best checkpoint.
func reevaluated(t *testing.T, cfg *experiment.Config) Result {
	t.Helper()
	m, err := OpenModel(cfg.Output, "", nil)
	must(t, err)
	return assessed(t, m)
}

// TestSameBitsElsewhere: point clouds and clips, with all that is random or carried
// over (running statistics and their averages too), end with the same bytes
// wherever they were stopped.
func TestSameBitsElsewhere(t *testing.T) {
	t.Parallel()
	for name, sets := range map[string][]string{
		"clouds": clouds("train.accumulate=2", "train.ema_decay=0.9", "train.clip_grad=1", "model.drop_path=0.2", "point.jitter=true"),
		"parts":  parts("train.ema_decay=0.9", "model.drop_path=0.2"),
		"clips":  clips(append(rich(), "augment.crop=resized")...),
		"lars":   {"head.kind=probe", "model.frozen=true", "optimizer.name=lars", "train.ema_decay=0.9"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := tiny(t, sets...)
			trained(t, cfg)
			other := tiny(t, sets...)
			stopped(t, other, 3)
			trained(t, again(t, other, append(slices.Clone(sets), "data.workers=3")...), func(o *Options) { o.Device = device(t, 3) })
			if got, want := bits(t, other), bits(t, cfg); got != want {
				t.Errorf("stopped and resumed:\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// TestRunningStatistics: they move away from their start, are averaged, and are
// those that evaluation uses.
func TestRunningStatistics(t *testing.T) {
	t.Parallel()
	const mean = "encoder.first_conv.1.running_mean"
	cfg := tiny(t, clouds("train.ema_decay=0.5")...)
	trained(t, cfg)
	cp := newest(t, cfg)
	model, err := cp.Model()
	must(t, err)
	ema, err := cp.EMA()
	must(t, err)
	now, averaged := values(t, model, mean), values(t, ema, mean)
	if slices.Max(now) == 0 || slices.Max(averaged) == 0 || slices.Equal(now, averaged) {
		t.Errorf("running mean %v, averaged %v", now, averaged)
	}
	optimizer, err := cp.Optimizer()
	must(t, err)
	for x := range optimizer.All() {
		if strings.HasPrefix(x.Name, mean) {
			t.Errorf("the optimizer keeps %s", x.Name)
		}
	}
}

// TestFewShots: training and test have their own clouds, of the same classes, and a
// written task is the drawn one.
func TestFewShots(t *testing.T) {
	t.Parallel()
	sets := clouds("data.samples=60", "data.val_samples=200", "train.batch=4")
	drawn := tiny(t, append(sets, "point.way=3", "point.shot=4", "point.fold=2")...)
	names := func(cfg *experiment.Config, split Split) []string {
		set, err := OpenPlain(cfg, split)
		must(t, err)
		var all []string
		for i := range set.Len() {
			all = append(all, set.Name(i))
		}
		return all
	}
	train, test := names(drawn, TrainSplit), names(drawn, ValSplit)
	if len(train) != 3*4 || len(test) != 3*20 || !strings.Contains(train[0], "train") || !strings.Contains(test[0], "val") {
		t.Errorf("%d training clouds %v..., %d test clouds %v..., want 12 and 60", len(train), train[0], len(test), test[0])
	}
	whole := tiny(t, sets...)
	a, err := Clouds(whole, TrainSplit)
	must(t, err)
	b, err := Clouds(whole, ValSplit)
	must(t, err)
	f, err := point.NewFold(point.Episode{Way: 3, Shot: 4, Fold: 2}, a, b)
	must(t, err)
	path := filepath.Join(t.TempDir(), "fold.json")
	must(t, f.WriteFile(path))
	written := tiny(t, append(sets, "point.fold_file='"+path+"'")...)
	if !slices.Equal(names(written, TrainSplit), train) || !slices.Equal(names(written, ValSplit), test) {
		t.Error("the written task is another one")
	}
}

// TestFrozen: with model.frozen only λ and the head change.
func TestFrozen(t *testing.T) {
	t.Parallel()
	for name, sets := range map[string][]string{
		"pictures": nil,
		"clouds":   clouds(),
		"probe":    {"head.kind=probe"},
	} {
		t.Run(name, func(t *testing.T) {
			aux := auxPath(t, "")
			tr := ready(t, tiny(t, append(slices.Clone(sets), "model.frozen=true", "train.epochs=1", aux)...))
			before := map[string][]float32{}
			for _, p := range tr.names.params {
				before[p.Name] = state(t, tr, p.Name)
			}
			must(t, tr.run(t.Context()))
			for _, p := range tr.names.params {
				free := strings.HasPrefix(p.Name, "head.") || strings.HasPrefix(p.Name, "cls_head_finetune.") || strings.HasSuffix(p.Name, "cross_modal_scale")
				if changed := !slices.Equal(state(t, tr, p.Name), before[p.Name]); changed != free {
					t.Errorf("%s: changed %v, want %v", p.Name, changed, free)
				}
			}
		})
	}
}

// TestAuxiliariesOfAllModalities: one model takes auxiliary models trained on every
// modality at once, of other depths and biases too.
func TestAuxiliariesOfAllModalities(t *testing.T) {
	t.Parallel()
	aux := []string{auxiliary(t), auxiliary(t, sounds("train.max_steps=1")...), auxiliary(t, clouds("model.depth=3")...), auxiliary(t, clips("model.depth=1")...)}
	table := "pathway = [{ aux = '" + strings.Join(aux, "' }, { aux = '") + "' }]"
	for name, sets := range map[string][]string{"clouds": clouds(), "clips": clips(), "pictures": nil} {
		t.Run(name, func(t *testing.T) {
			out := trained(t, tiny(t, append(slices.Clone(sets), table)...))
			count := map[int]int{}
			for _, l := range out.Lambda {
				count[l.Aux]++
				if l.Value == 0 {
					t.Errorf("λ of %s, auxiliary %d, has not moved", l.Layer, l.Aux)
				}
			}
			if want := map[int]int{0: 8, 1: 8, 2: 8, 3: 4}; !slices.Equal([]int{count[0], count[1], count[2], count[3]}, []int{want[0], want[1], want[2], want[3]}) {
				t.Errorf("λ by auxiliary %v, want %v", count, want)
			}
		})
	}
}

// TestDerived: the table of clips is in no checkpoint, and there when one is read.
func TestDerived(t *testing.T) {
	t.Parallel()
	cfg := tiny(t, clips("train.epochs=1")...)
	trained(t, cfg)
	if _, ok := weights(t, cfg).Lookup("pos_embed"); ok {
		t.Error("the checkpoint holds the table")
	}
	m, err := OpenModel(cfg.Output, "", nil)
	must(t, err)
	s, params, err := m.State(engine.Reference{})
	must(t, err)
	defer s.Close()
	i := slices.IndexFunc(params, func(p nn.Param) bool { return p.Name == "pos_embed" })
	got, err := engine.Get[float32](s, "pos_embed")
	must(t, err)
	if !params[i].Derived || !slices.Equal(got, params[i].Values(0)) || got[1] != 1 {
		t.Errorf("derived %v, table %v...", params[i].Derived, got[:4])
	}
}

// TestInitElsewhere: fine-tuning starts from a checkpoint of another head, with a
// learned table of another grid.
func TestInitElsewhere(t *testing.T) {
	t.Parallel()
	from := tiny(t, clips("model.pos_embed=learned", "train.epochs=1")...)
	trained(t, from)
	path := filepath.Join(t.TempDir(), "from.safetensors")
	must(t, checkpoint.Save(path, weights(t, from)))
	tr := ready(t, tiny(t, clips("model.pos_embed=learned", "data.image_size=24", "head.kind=probe", "model.init='"+path+"'")...))
	if got, want := state(t, tr, "blocks.0.mlp.fc1.weight"), values(t, weights(t, from), "blocks.0.mlp.fc1.weight"); !slices.Equal(got, want) {
		t.Error("the blocks are not those of the checkpoint")
	}
	if n := len(state(t, tr, "pos_embed")); n != 2*3*3*16 {
		t.Errorf("table of %d values", n)
	}
}

// TestPlanElsewhere: the published counts of parameters.
func TestPlanElsewhere(t *testing.T) {
	t.Parallel()
	base := func(sets ...string) []string { return append([]string{"model.name=vit_base"}, sets...) }
	for _, c := range []struct {
		name string
		sets []string
		a    Answers
		want int
	}{
		{"Point-MAE", base("tokenizer.kind=point", "model.num_heads=6"), Answers{Classes: 40}, 86291496},
		{"VideoMAE", base("tokenizer.kind=video"), Answers{Classes: 400}, 86534800},
	} {
		cfg, err := experiment.Load(write(t, filepath.Join(t.TempDir(), "plan.toml"), "train.batch = 2\n"), c.sets)
		must(t, err)
		p, err := NewPlan(cfg, c.a, 0)
		must(t, err)
		if p.Parameters.Training != c.want {
			t.Errorf("%s: %d parameters, want %d", c.name, p.Parameters.Training, c.want)
		}
	}
}
