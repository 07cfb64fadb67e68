package names

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"m2pt/checkpoint"
)

// shapes are "NAME SHAPE" of all tensors, sorted.
func shapes(ts *checkpoint.Tensors) []string {
	var all []string
	for x := range ts.All() {
		all = append(all, fmt.Sprintf("%s %v", x.Name, x.Shape))
	}
	slices.Sort(all)
	return all
}

// differences are the lines of one list only.
func differences(got, want []string) string {
	var text strings.Builder
	for _, g := range got {
		if !slices.Contains(want, g) {
			fmt.Fprintf(&text, "\n\tgot  %s", g)
		}
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			fmt.Fprintf(&text, "\n\twant %s", w)
		}
	}
	return text.String()
}

// TestRead: every layout is told by its names, and each of its tensors becomes the
// one of ours.
func TestRead(t *testing.T) {
	for _, f := range files() {
		t.Run(f.name, func(t *testing.T) {
			theirs := f.theirs.tensors(t)
			source, err := Detect(theirs)
			must(t, err)
			if source != f.source {
				t.Errorf("detected %s, want %s", source, f.source)
			}
			ours, unknown, err := Read(theirs, f.source)
			must(t, err)
			if len(unknown) > 0 {
				t.Errorf("unknown: %q", unknown)
			}
			if d := differences(shapes(ours), shapes(f.ours.tensors(t))); d != "" {
				t.Errorf("read as:%s", d)
			}
		})
	}
}

// TestWrite: what is written is the whole model of the other project, and reading it
// gives back the same bytes.
func TestWrite(t *testing.T) {
	for _, f := range files() {
		t.Run(f.name, func(t *testing.T) {
			ours := f.ours.tensors(t)
			for x := range ours.All() {
				if strings.HasSuffix(x.Name, "attn.qkv.bias") {
					clear(x.Data[len(x.Data)/3 : 2*len(x.Data)/3]) // no source of clips has biases of keys
				}
			}
			theirs, err := Write(ours, f.source)
			must(t, err)
			if d := differences(shapes(theirs), shapes(f.theirs.tensors(t))); d != "" && !f.readOnly {
				t.Errorf("written as:%s", d)
			}
			again, unknown, err := Read(theirs, f.source)
			must(t, err)
			if d := differences(contents(again), contents(ours)); d != "" || len(unknown) > 0 {
				t.Errorf("there and back:%s\nunknown %q", d, unknown)
			}
		})
	}
}

// contents are "NAME SHAPE BYTES" of all tensors.
func contents(ts *checkpoint.Tensors) []string {
	var all []string
	for x := range ts.All() {
		all = append(all, fmt.Sprintf("%s %v %v %x", x.Name, x.Dtype, x.Shape, x.Data))
	}
	return all
}

// TestJoin: the order of the parts, and zeros for the bias that is not there.
func TestJoin(t *testing.T) {
	values := func(ts *checkpoint.Tensors, names ...string) (all []float32) {
		for _, name := range names {
			x, err := ts.Get(name)
			must(t, err)
			v, err := x.Float32s()
			must(t, err)
			all = append(all, v...)
		}
		return all
	}
	byName := map[string]file{}
	for _, f := range files() {
		byName[f.name] = f
	}
	none := make([]float32, 4)
	const hf = "encoder.layer.1.attention.attention."
	for _, c := range []struct {
		file, name string
		want       func(ts *checkpoint.Tensors) []float32
	}{
		{"Hugging Face ViT", "blocks.1.attn.qkv.weight", func(ts *checkpoint.Tensors) []float32 {
			return values(ts, "vit."+hf+"query.weight", "vit."+hf+"key.weight", "vit."+hf+"value.weight")
		}},
		{"Hugging Face ViT", "blocks.1.attn.qkv.bias", func(ts *checkpoint.Tensors) []float32 {
			return values(ts, "vit."+hf+"query.bias", "vit."+hf+"key.bias", "vit."+hf+"value.bias")
		}},
		{"Hugging Face VideoMAE, classifier", "blocks.1.attn.qkv.weight", func(ts *checkpoint.Tensors) []float32 {
			return values(ts, "videomae."+hf+"query.weight", "videomae."+hf+"key.weight", "videomae."+hf+"value.weight")
		}},
		{"Hugging Face VideoMAE, classifier", "blocks.1.attn.qkv.bias", func(ts *checkpoint.Tensors) []float32 {
			return slices.Concat(values(ts, "videomae."+hf+"q_bias"), none, values(ts, "videomae."+hf+"v_bias"))
		}},
		{"VideoMAE, pretrained", "blocks.0.attn.qkv.bias", func(ts *checkpoint.Tensors) []float32 {
			return slices.Concat(values(ts, "encoder.blocks.0.attn.q_bias"), none, values(ts, "encoder.blocks.0.attn.v_bias"))
		}},
		{"ours, clips pretrained", "decoder_blocks.0.attn.qkv.bias", func(ts *checkpoint.Tensors) []float32 {
			return slices.Concat(values(ts, "decoder_blocks.0.attn.q_bias"), none[:2], values(ts, "decoder_blocks.0.attn.v_bias"))
		}},
		{"Hugging Face ViT", "blocks.0.mlp.fc1.weight", func(ts *checkpoint.Tensors) []float32 {
			return values(ts, "vit.encoder.layer.0.intermediate.dense.weight")
		}},
		{"Point-MAE, pretrained", "norm.weight", func(ts *checkpoint.Tensors) []float32 { return values(ts, "MAE_encoder.norm.weight") }},
		{"Point-MAE, pretrained", "decoder_pred.weight", func(ts *checkpoint.Tensors) []float32 { return values(ts, "increase_dim.0.weight") }},
		{"VideoMAE, pretrained", "decoder_embed.weight", func(ts *checkpoint.Tensors) []float32 { return values(ts, "encoder_to_decoder.weight") }},
	} {
		t.Run(c.file+" "+c.name, func(t *testing.T) {
			theirs := byName[c.file].theirs.tensors(t)
			ours, _, err := Read(theirs, byName[c.file].source)
			must(t, err)
			if got, want := values(ours, c.name), c.want(theirs); !slices.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
		})
	}
}

// TestUnknown: a name that no rule has is reported as the file has it, in the file's
// order, and so are the parts of what is not whole.
func TestUnknown(t *testing.T) {
	for _, c := range []struct {
		name, file, old, to string
		want                []string
	}{
		{"misspelt", "timm", "blocks.{0,1}.mlp.fc1.weight", "blocks.{0,1}.mlp.fc3.weight", []string{"blocks.0.mlp.fc3.weight", "blocks.1.mlp.fc3.weight"}},
		{"not a parameter", "timm", "blocks.{0,1}.mlp.fc1.weight", "blocks.{0,1}.mlp.fc1.wait", []string{"blocks.0.mlp.fc1.wait", "blocks.1.mlp.fc1.wait"}},
		{"not a number", "MAE, pretrained", "decoder_blocks.0.mlp.fc1.weight", "decoder_blocks.00.mlp.fc1.weight", []string{"decoder_blocks.00.mlp.fc1.weight"}},
		{"no key", "Hugging Face ViTMAE", "decoder.decoder_layers.0.attention.attention.{query,key,value}.weight", "decoder.decoder_layers.0.attention.attention.{query,quay,value}.weight",
			[]string{"decoder.decoder_layers.0.attention.attention.query.weight", "decoder.decoder_layers.0.attention.attention.quay.weight", "decoder.decoder_layers.0.attention.attention.value.weight"}},
		{"no bias of v", "VideoMAE, pretrained", "decoder.blocks.0.attn.{q_bias,v_bias}", "decoder.blocks.0.attn.{q_bias,k_bias}",
			[]string{"decoder.blocks.0.attn.q_bias", "decoder.blocks.0.attn.k_bias"}},
		{"a pattern for a name", "timm", "blocks.{0,1}.mlp.fc1.weight", "blocks.{N,1}.mlp.fc1.{*,weight}",
			[]string{"blocks.N.mlp.fc1.*", "blocks.N.mlp.fc1.weight", "blocks.1.mlp.fc1.*"}},
		{"zeros for a name", "VideoMAE, fine-tuned", "patch_embed.proj.bias 4", "patch_embed.proj.bias 4\n{0,module.0} 4", []string{"0", "module.0"}},
		{"a wrapped one", "Point-MAE, pretrained on one device", "module.increase_dim.0.bias", "module.increase_dim.1.bias", []string{"module.increase_dim.1.bias"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := files()[slices.IndexFunc(files(), func(f file) bool { return f.name == c.file })]
			theirs := f.theirs.with(c.old, c.to).tensors(t)
			_, unknown, err := Read(theirs, f.source)
			must(t, err)
			if !slices.Equal(unknown, c.want) {
				t.Errorf("unknown %q, want %q", unknown, c.want)
			}
		})
	}
}

// TestErrors: the exact text of what cannot be read, told or written.
func TestErrors(t *testing.T) {
	read := func(source Source) func(ts *checkpoint.Tensors) error {
		return func(ts *checkpoint.Tensors) error { _, _, err := Read(ts, source); return err }
	}
	write := func(source Source) func(ts *checkpoint.Tensors) error {
		return func(ts *checkpoint.Tensors) error { _, err := Write(ts, source); return err }
	}
	detect := func(ts *checkpoint.Tensors) error { _, err := Detect(ts); return err }
	whole := func(ts *checkpoint.Tensors) error { _, err := WholeBiases(ts); return err }
	const attention = "encoder.layer.0.attention.attention."
	for _, c := range []struct {
		name string
		f    func(ts *checkpoint.Tensors) error
		in   layout
		want string
	}{
		{"nothing there", detect, "", "no tensors: the names of none of m2pt, timm, mae, audiomae, pointmae, videomae, hf-vit, hf-videomae: want a Vision Transformer with blocks called as one of them does"},
		{"another network", detect, "layer{1,2,3,4,5}.conv 2", `"layer1.conv", "layer2.conv", "layer3.conv" and 2 more: the names of none of m2pt, timm, mae, audiomae, pointmae, videomae, hf-vit, hf-videomae: want a Vision Transformer with blocks called as one of them does`},
		{"two projects", detect, "blocks.0.attn.qkv.weight 2\nmodule.blocks.blocks.0.attn.qkv.weight 2",
			`the names of more than one project, remove some or say which one: timm ("blocks.0.attn.qkv.weight"), pointmae ("module.blocks.blocks.0.attn.qkv.weight")`},
		{"two marks", detect, "blocks.0.attn.qkv.weight 2\nblocks.0.attn.q_bias 2\ndecoder_blocks.0.attn.tau 2\ndecoder_blocks.0.attn.qkv.weight 2\nblocks.blocks.3.attn.qkv.weight 2",
			`the names of more than one project, remove some or say which one: m2pt ("blocks.0.attn.qkv.weight", "blocks.0.attn.q_bias", "decoder_blocks.0.attn.qkv.weight"), audiomae ("blocks.0.attn.qkv.weight", "decoder_blocks.0.attn.qkv.weight", "decoder_blocks.0.attn.tau"), pointmae ("blocks.blocks.3.attn.qkv.weight")`},
		{"no such source", read("clip"), "", `names of "clip": want one of m2pt, timm, mae, audiomae, pointmae, videomae, hf-vit, hf-videomae`},
		{"parts of different shapes", read(HFViT), attention + "{query,key}.weight 4x4\n" + attention + "value.weight 2x4",
			`names of hf-vit: "` + attention + `query.weight" is float32 [4 4] and "` + attention + `value.weight" float32 [2 4]: want the same of both to join them to "blocks.0.attn.qkv.weight"`},
		{"numbers", read(HFViT), attention + "{query,key,value}.weight -", `names of hf-vit: "` + attention + `query.weight" is a number: want a vector or a matrix to join to "blocks.0.attn.qkv.weight"`},
		{"one name twice", read(TIMM), "norm.weight 4\nmodule.norm.weight 4", `names of timm: "norm.weight" and "module.norm.weight" are both "norm.weight" here: remove one of them`},
		{"no axis of 1", read(PointMAE), "increase_dim.0.weight 6x2", `names of pointmae: "increase_dim.0.weight" has shape [6 2], want a convolution of kernel size 1, whose last axis is 1`},
		{"no name", write(HFVideoMAE), "norm.weight 4\ncls_head_finetune.8.{weight,bias} 4", `names of hf-videomae: there are none for "cls_head_finetune.8.weight", "cls_head_finetune.8.bias": leave them out, or write another format`},
		{"fc_norm of a ViT", write(HFViT), "fc_norm.weight 4", `names of hf-vit: there are none for "fc_norm.weight": leave them out, or write another format`},
		{"signs for names", write(HFViT), "{-,0} 4", `names of hf-vit: there are none for "-", "0": leave them out, or write another format`},
		{"no thirds", write(HFViT), "blocks.0.attn.qkv.weight 4x4", `names of hf-vit: "blocks.0.attn.qkv.weight" has shape [4 4], want 3 equal parts`},
		{"half a bias", whole, "blocks.0.attn.q_bias 4\nnorm.bias 4", `"blocks.0.attn.q_bias" without the other half of a split bias`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.f(c.in.tensors(t)); err == nil || err.Error() != c.want {
				t.Errorf("error\n\t%v\nwant\n\t%s", err, c.want)
			}
		})
	}
}

// TestSplitBiases: whole to split and back, and what is split already stays.
func TestSplitBiases(t *testing.T) {
	in := layout("blocks.0.attn.qkv.bias 6\ndecoder_blocks.1.attn.qkv.bias 3\nblocks.1.attn.{q_bias,v_bias} 2\nnorm.bias 4\nodd.N.* 1").tensors(t)
	split, err := SplitBiases(in)
	must(t, err)
	want := layout("blocks.{0,1}.attn.{q_bias,v_bias} 2\ndecoder_blocks.1.attn.{q_bias,v_bias} 1\nnorm.bias 4\nodd.N.* 1")
	if d := differences(shapes(split), shapes(want.tensors(t))); d != "" {
		t.Errorf("split:%s", d)
	}
	v, err := split.Get("blocks.0.attn.v_bias")
	must(t, err)
	if got, _ := v.Float32s(); !slices.Equal(got, []float32{5, 6}) {
		t.Errorf("v_bias %v of the bias 1 to 6", got)
	}
	again, err := WholeBiases(split)
	must(t, err)
	b, err := again.Get("blocks.0.attn.qkv.bias")
	must(t, err)
	if got, _ := b.Float32s(); !slices.Equal(got, []float32{1, 2, 0, 0, 5, 6}) {
		t.Errorf("and whole again %v", got)
	}
}

// TestUnwrap: what is ahead of the model's own names goes, and no more.
func TestUnwrap(t *testing.T) {
	for name, want := range map[string]string{
		"blocks.0.attn.qkv.weight":                           "blocks.0.attn.qkv.weight",
		"module.blocks.3.mlp.fc1.weight":                     "blocks.3.mlp.fc1.weight",
		"_orig_mod.module.backbone.norm.weight":              "norm.weight",
		"state_dict.model.module.norm.weight":                "norm.weight",
		"model_state_dict.norm.weight":                       "norm.weight",
		"encoder.blocks.1.attn.proj.weight":                  "blocks.1.attn.proj.weight",
		"encoder.patch_embed.proj.bias":                      "patch_embed.proj.bias",
		"module.MAE_encoder.blocks.blocks.11.mlp.fc2.weight": "blocks.blocks.11.mlp.fc2.weight",
		"MAE_encoder.encoder.first_conv.0.weight":            "encoder.first_conv.0.weight",
		"encoder.second_conv.3.bias":                         "encoder.second_conv.3.bias",
		"decoder.blocks.0.attn.qkv.weight":                   "decoder.blocks.0.attn.qkv.weight",
		"encoder_to_decoder.weight":                          "encoder_to_decoder.weight",
		"model.vit.encoder.layer.0.output.dense.bias":        "encoder.layer.0.output.dense.bias",
		"base_model.module.norm.bias":                        "norm.bias",
		"model_ema.norm.bias":                                "model_ema.norm.bias",
		"module.":                                            "",
		"":                                                   "",
	} {
		if got := unwrap(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
}

// TestTables: all patterns of a rule have the same variables, and no two rules of a
// table are for one name, of ours or theirs.
func TestTables(t *testing.T) {
	variables := func(p pattern) []string {
		return slices.DeleteFunc(strings.Split(string(p), "."), func(s string) bool { return s != "N" && s != "*" })
	}
	for _, s := range Sources() {
		table, err := s.table()
		must(t, err)
		seen := map[string]int{}
		for _, r := range table.rules() {
			if r.ours != aside {
				seen["ours "+string(r.ours)]++
			}
			for _, p := range r.theirs {
				if p == zeros {
					if r.theirs[0] == zeros {
						t.Errorf("%s: %s begins with zeros", s, r.ours)
					}
					continue
				}
				seen["theirs "+string(p)]++
				if r.ours != aside && !slices.Equal(variables(p), variables(r.ours)) {
					t.Errorf("%s: %s is not for %s", s, p, r.ours)
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(seen)) {
			if seen[name] > 1 {
				t.Errorf("%s: %d rules for %s", s, seen[name], name)
			}
		}
	}
}

// FuzzRead: no names make it panic, and nothing is lost: every tensor is read, left
// aside or unknown.
func FuzzRead(f *testing.F) {
	for _, file := range files() {
		f.Add(string(file.source), strings.Join(slices.Collect(file.theirs.tensors(f).Names()), "\n"))
	}
	f.Fuzz(func(t *testing.T, source, list string) {
		ts := &checkpoint.Tensors{}
		for name := range strings.SplitSeq(list, "\n") {
			_ = ts.Add(checkpoint.New(name, []int{3}, []float32{1, 2, 3})) // names may repeat or be empty
		}
		if s, err := Detect(ts); err == nil && !slices.Contains(Sources(), s) {
			t.Fatalf("detected %q", s)
		}
		ours, unknown, err := Read(ts, Source(source))
		if err != nil {
			return
		}
		if ours.Len()+len(unknown) > ts.Len() {
			t.Fatalf("%d read and %d unknown of %d", ours.Len(), len(unknown), ts.Len())
		}
		if split, err := SplitBiases(ours); err == nil && split.Len() < ours.Len() {
			t.Fatalf("%d of %d after the biases were split", split.Len(), ours.Len())
		}
		theirs, err := Write(ours, Source(source))
		if err != nil {
			return
		}
		again, _, err := Read(theirs, Source(source))
		if err != nil || again.Len() > ours.Len() {
			t.Fatalf("there and back: %d of %d, %v", again.Len(), ours.Len(), err)
		}
	})
}
