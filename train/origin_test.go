package train

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m2pt/checkpoint"
	naming "m2pt/checkpoint/names"
	"m2pt/experiment"
	"m2pt/internal/fixture"
)

// foreign is an experiment and the project whose names its weights are given.
type foreign struct {
	name    string
	source  naming.Source
	sets    []string // of the experiment that the weights are of
	tuned   []string // of the one that starts from them
	wrapper string   // ahead of every name
	extra   []string // names beside them, which are left aside
}

// origins are weights of every project, pretrained and fine-tuned.
func origins() []foreign {
	token := []string{"model.global_pool=token"}
	masked := autoencoders()
	return []foreign{
		{name: "timm", source: naming.TIMM, sets: token, tuned: token},
		{name: "the zoo of M2PT", source: naming.TIMM, sets: token, tuned: token, wrapper: "module."},
		{name: "MAE", source: naming.MAE, sets: masked["pictures"], tuned: []string{"data.image_size=16"}},
		{name: "AudioMAE, decoder as MAE's", source: naming.MAE, sets: masked["sounds"], tuned: sounds("data.samples=33", "train.batch=8")},
		{name: "AudioMAE", source: naming.AudioMAE, sets: masked["sounds"], tuned: sounds("data.samples=33", "train.batch=8"),
			extra: []string{"decoder_blocks.0.attn.tau", "decoder_blocks.0.attn.meta_mlp.fc1.weight", "decoder_blocks.0.attn.meta_mlp.fc1.bias"}},
		{name: "Point-MAE", source: naming.PointMAE, sets: masked["clouds"], tuned: clouds(), wrapper: "base_model.module.", extra: []string{"MAE_encoder.encoder.first_conv.1.num_batches_tracked"}},
		{name: "Point-MAE, classifier", source: naming.PointMAE, sets: clouds(), tuned: clouds()},
		{name: "Point-MAE, parts", source: naming.PointMAE, sets: parts(), tuned: parts()},
		{name: "VideoMAE", source: naming.VideoMAE, sets: masked["clips"], tuned: clips(), wrapper: "_orig_mod."},
		{name: "VideoMAE, classifier", source: naming.VideoMAE, sets: clips(), tuned: clips(), wrapper: "backbone."},
		{name: "Hugging Face ViT", source: naming.HFViT, sets: token, tuned: token},
		{name: "Hugging Face ViT with a pooler", source: naming.HFViT, sets: token, tuned: token, extra: []string{"vit.pooler.dense.weight", "vit.pooler.dense.bias"}},
		{name: "Hugging Face ViTMAE", source: naming.HFViT, sets: masked["pictures"], tuned: []string{"data.image_size=16"}},
		{name: "Hugging Face VideoMAE", source: naming.HFVideoMAE, sets: masked["clips"], tuned: clips()},
		{name: "Hugging Face VideoMAE, classifier", source: naming.HFVideoMAE, sets: clips(), tuned: clips()},
	}
}

// weights are the first ones of the experiment, under our names.
func (f foreign) weights(t testing.TB) *checkpoint.Tensors {
	t.Helper()
	tr := ready(t, tiny(t, append(slices.Clone(f.sets), "seed=77")...))
	ts, err := collect(tr.state, "", tr.names.model)
	must(t, err)
	for x := range ts.All() { // biases start at 0, which tells nothing
		for i := range x.Len() {
			x.Data[4*i+1] ^= byte(len(x.Name) + i)
		}
	}
	return ts
}

// theirs are tensors of ours as the project has them, each changed.
func (f foreign) theirs(t testing.TB, ts *checkpoint.Tensors, change func(x *checkpoint.Tensor)) *checkpoint.Tensors {
	t.Helper()
	all, err := naming.Write(ts, f.source)
	must(t, err)
	for _, name := range f.extra {
		must(t, all.Add(checkpoint.New(name, []int{1}, []float32{1})))
	}
	out := &checkpoint.Tensors{}
	for x := range all.All() {
		change(&x)
		x.Name = f.wrapper + x.Name
		must(t, out.Add(x))
	}
	return out
}

// file writes tensors of ours as the project has them and returns the path.
func (f foreign) file(t testing.TB, ts *checkpoint.Tensors) string {
	t.Helper()
	return saved(t, f.theirs(t, ts, func(*checkpoint.Tensor) {}))
}

func saved(t testing.TB, ts *checkpoint.Tensors) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "weights.safetensors")
	must(t, checkpoint.Save(path, ts))
	return path
}

// TestForeignInit: the same weights under the names of any project start a model with
// the same bits as under ours.
func TestForeignInit(t *testing.T) {
	t.Parallel()
	for _, f := range origins() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			ts := f.weights(t)
			var log strings.Builder
			got := ready(t, tiny(t, append(slices.Clone(f.tuned), "model.init='"+f.file(t, ts)+"'")...), logTo(&log))
			want := ready(t, tiny(t, append(slices.Clone(f.tuned), "model.init='"+saved(t, ts)+"'", "model.init_source=m2pt")...))
			fresh := ready(t, tiny(t, f.tuned...))
			changed := 0
			for _, name := range want.names.model {
				v := state(t, want, name)
				if !slices.Equal(state(t, got, name), v) {
					t.Errorf("%s differs", name)
				}
				if !slices.Equal(state(t, fresh, name), v) {
					changed++
				} else if !optional(name) {
					t.Errorf("%s starts fresh", name)
				}
			}
			if line := fmt.Sprintf("names=%s tensors=%d\n", f.source, changed); !strings.Contains(log.String(), line) {
				t.Errorf("log lacks %q:\n%s", line, log.String())
			}
		})
	}
}

// TestForeignAuxiliary: the same weights under the names of any project are the same
// auxiliary model, of which the rest may be missing or odd.
func TestForeignAuxiliary(t *testing.T) {
	t.Parallel()
	for _, f := range origins() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			ts := f.weights(t)
			theirs := f.theirs(t, ts, func(*checkpoint.Tensor) {})
			must(t, theirs.Add(checkpoint.New("odd", []int{1}, []int64{1})))
			a, err := LoadAuxiliary(saved(t, theirs), "auto")
			must(t, err)
			depth := 0
			for x := range a.Weights.All() {
				if !slices.Equal(values(t, a.Weights, x.Name), values(t, ts, x.Name)) {
					t.Errorf("%s differs", x.Name)
				}
				depth++
			}
			if a.Source != f.source || a.Depth*4 != depth || a.Depth < 2 {
				t.Errorf("%s, %d blocks, %d weights; want %s", a.Source, a.Depth, depth, f.source)
			}
		})
	}
}

// TestForeignMisfits: one name and one shape of every project are broken; the report
// says so, and nothing else.
func TestForeignMisfits(t *testing.T) {
	t.Parallel()
	mae := struct{ name, shape, want string }{"blocks.0.norm2.bias", "blocks.1.mlp.fc1.weight", `
	missing: "blocks.0.norm2.bias" [16]
	unexpected: "PREFIXblocks.0.norm2.bias.old" [16]
	shape: "blocks.1.mlp.fc1.weight" [1024], want [64 16]`}
	breaks := map[naming.Source]struct{ name, shape, want string }{
		naming.TIMM: {"patch_embed.proj.bias", "blocks.1.attn.proj.weight", `
	missing: "patch_embed.proj.bias" [16]
	unexpected: "PREFIXpatch_embed.proj.bias.old" [16]
	shape: "blocks.1.attn.proj.weight" [256], want [16 16]`},
		naming.MAE:      mae,
		naming.AudioMAE: mae,
		naming.PointMAE: {"encoder.first_conv.1.running_var", "blocks.blocks.0.mlp.fc2.weight", `
	missing: "encoder.first_conv.1.running_var" [4]
	unexpected: "PREFIXencoder.first_conv.1.running_var.old" [4]
	shape: "blocks.0.mlp.fc2.weight" [1024], want [16 64]`},
		naming.VideoMAE: {"blocks.1.attn.v_bias", "patch_embed.proj.weight", `
	missing: "blocks.1.attn.q_bias" [16]
	missing: "blocks.1.attn.v_bias" [16]
	unexpected: "PREFIXblocks.1.attn.q_bias" [16]
	unexpected: "PREFIXblocks.1.attn.v_bias.old" [16]
	shape: "patch_embed.proj.weight" [6144], want [16 3 2 8 8]: patches must be of the same size, and have three channels to be summed to one`},
		naming.HFViT: {"encoder.layer.0.attention.attention.key.weight", "embeddings.position_embeddings", `
	missing: "blocks.0.attn.qkv.weight" [48 16]
	unexpected: "vit.encoder.layer.0.attention.attention.query.weight" [16 16]
	unexpected: "vit.encoder.layer.0.attention.attention.key.weight.old" [16 16]
	unexpected: "vit.encoder.layer.0.attention.attention.value.weight" [16 16]
	shape: "pos_embed" [SIZE], want [1 TOKENS 16]: no table of width 16`},
		naming.HFVideoMAE: {"encoder.layer.1.attention.attention.q_bias", "encoder.layer.0.layernorm_after.weight", `
	missing: "blocks.1.attn.q_bias" [16]
	missing: "blocks.1.attn.v_bias" [16]
	unexpected: "videomae.encoder.layer.1.attention.attention.q_bias.old" [16]
	unexpected: "videomae.encoder.layer.1.attention.attention.v_bias" [16]
	shape: "blocks.0.norm2.weight" [16 1], want [16]`},
	}
	for _, f := range origins() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			b := breaks[f.source]
			prefix, size := "", 0
			path := saved(t, f.theirs(t, f.weights(t), func(x *checkpoint.Tensor) {
				switch before, found := strings.CutSuffix(x.Name, b.name); {
				case strings.HasSuffix(x.Name, b.shape) && len(x.Shape) > 1:
					x.Shape, size = []int{x.Len()}, x.Len()
				case strings.HasSuffix(x.Name, b.shape):
					x.Shape = append(slices.Clone(x.Shape), 1)
				case found && !strings.Contains(before, "decoder"):
					prefix = f.wrapper + before
					x.Name += ".old"
				}
			}))
			cfg := tiny(t, append(slices.Clone(f.tuned), "model.init='"+path+"'")...)
			_, err := Run(t.Context(), cfg, options(t))
			want := strings.NewReplacer("PREFIX", prefix, "SIZE", fmt.Sprint(size), "TOKENS", fmt.Sprint(size/16)).Replace(
				fmt.Sprintf("model.init: %q, with names of %s, does not fit the model: set model and tokenizer to what it was trained with, or model.init_source where its names are another project's%s", path, f.source, b.want))
			if err == nil || err.Error() != want {
				t.Errorf("error\n%v\nwant\n%s", err, want)
			}
		})
	}
}

// TestSources: the config knows those that there are.
func TestSources(t *testing.T) {
	want := []string{"auto"}
	for _, s := range naming.Sources() {
		want = append(want, string(s))
	}
	if got := experiment.Sources(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestSource: the source may be given; a wrong one is a misfit.
func TestSource(t *testing.T) {
	t.Parallel()
	f := origins()[0]
	path := f.file(t, f.weights(t))
	for source, ok := range map[string]bool{"timm": true, "m2pt": true, "mae": true, "auto": true, "hf-vit": false, "pointmae": false} {
		cfg := tiny(t, append(slices.Clone(f.tuned), "model.init='"+path+"'", "model.init_source="+source, "train.max_steps=1")...)
		_, err := Run(t.Context(), cfg, options(t))
		if (err == nil) != ok {
			t.Errorf("init, %s: %v", source, err)
		}
		_, err = LoadAuxiliary(path, source)
		if (err == nil) != ok {
			t.Errorf("auxiliary, %s: %v", source, err)
		}
	}
	both := f.weights(t)
	must(t, both.Add(checkpoint.New("blocks.blocks.0.attn.qkv.weight", []int{1}, []float32{1})))
	_, err := Run(t.Context(), tiny(t, "model.init='"+saved(t, both)+"'"), options(t))
	wantError(t, err, "model.init: the names of more than one project", "timm", "pointmae")
}

// TestBiases: a model starts from weights whose attentions have other biases: none are
// zeros, whole ones lose the keys', split ones get zeros for them.
func TestBiases(t *testing.T) {
	t.Parallel()
	sets := func(bias string) []string {
		return []string{"model.global_pool=token", "model.qkv_bias=" + bias}
	}
	for _, c := range []struct {
		from, to string
		want     map[string]func(whole []float32) []float32 // of the weights' bias, whole
	}{
		{"full", "split", map[string]func([]float32) []float32{
			"q_bias": func(b []float32) []float32 { return b[:16] }, "v_bias": func(b []float32) []float32 { return b[32:] }}},
		{"split", "full", map[string]func([]float32) []float32{
			"qkv.bias": func(b []float32) []float32 { return b }}},
		{"none", "full", map[string]func([]float32) []float32{
			"qkv.bias": func([]float32) []float32 { return make([]float32, 48) }}},
		{"none", "split", map[string]func([]float32) []float32{
			"v_bias": func([]float32) []float32 { return make([]float32, 16) }}},
	} {
		t.Run(c.from+" to "+c.to, func(t *testing.T) {
			f := foreign{source: naming.TIMM, sets: sets(c.from)}
			ts := f.weights(t)
			whole, err := naming.WholeBiases(ts)
			must(t, err)
			var bias []float32
			if c.from != "none" {
				bias = values(t, whole, "blocks.1.attn.qkv.bias")
			}
			tr := ready(t, tiny(t, append(sets(c.to), "model.init='"+saved(t, ts)+"'")...))
			for _, name := range slices.Sorted(maps.Keys(c.want)) {
				if got, want := state(t, tr, "blocks.1.attn."+name), c.want[name](bias); !slices.Equal(got, want) {
					t.Errorf("%s is %v, want %v", name, got, want)
				}
			}
		})
	}
	biased := foreign{sets: sets("full")}
	_, err := Run(t.Context(), tiny(t, append(sets("none"), "model.init='"+saved(t, biased.weights(t))+"'")...), options(t))
	wantError(t, err, `unexpected: "blocks.0.attn.qkv.bias" [48]`)
}

// TestRecordedInit: a model starts from files that PyTorch wrote for MAE.
func TestRecordedInit(t *testing.T) {
	t.Parallel()
	for _, path := range fixture.Recorded(t, "ckpt_mae_*.pth") {
		tr := ready(t, tiny(t, "data.image_size=16", "tokenizer.patch_size=8", "model.embed_dim=24", "model.mlp_ratio=2", "model.init='"+path+"'"))
		file, err := checkpoint.Load(path)
		must(t, err)
		for _, name := range tr.names.model {
			if x, ok := file.Lookup(name); ok && !optional(name) && !slices.Equal(state(t, tr, name), values(t, file, name)) {
				t.Errorf("%s: %s %v differs", filepath.Base(path), name, x.Shape)
			} else if !ok && !optional(name) {
				t.Errorf("%s has no %s", filepath.Base(path), name)
			}
		}
	}
}
