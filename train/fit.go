package train

import (
	"fmt"
	"slices"
	"strings"

	"m2pt/checkpoint"
	naming "m2pt/checkpoint/names"
	"m2pt/model"
	"m2pt/tokenizers"
)

// fitter makes the tensors of a checkpoint the parameters of a model. Every
// parameter must be there and every tensor have a place, but for these:
//
//   - what belongs to a task starts fresh where it is not there or has another shape,
//     and is left aside where the model has none: heads and the norm ahead of them, the
//     class token, the decoder of a masked autoencoder;
//   - a table of positions is cut or resized to the grid of the model, see [fitter.position];
//   - patch kernels of three channels are summed to one, those of pictures inflated to
//     tubelets, see [fitter.kernel];
//   - attentions without biases get zeros, which is the same; whole biases are split
//     where the model has no bias of keys, see [naming.SplitBiases].
type fitter struct {
	origin *origin
	names  []string         // of the model's plain parameters, in order
	shapes map[string][]int // theirs
	tokens tokenizers.Tokenizer
	vit    model.ViT
	// otherClasses: the run of the checkpoint has other classes than the model's, so
	// their rows mean something else even where they are as many.
	otherClasses bool

	report
	use *checkpoint.Tensors // so far
}

// report says what became of a checkpoint, in the order of the model's parameters
// or, of tensors, of the file.
type report struct {
	Source     naming.Source
	Loaded     []string // tensors that are parameters now
	Reshaped   []misfit // those of them whose shape was another
	Fresh      []string // parameters that the checkpoint need not have
	Unused     []string // tensors that the model need not have
	Missing    []misfit // other parameters that the checkpoint lacks
	Unexpected []misfit // other tensors that the model lacks
	Misshapen  []misfit // tensors of a parameter's name that cannot be made its shape
}

// misfit is a tensor with the shape it has in the checkpoint and the one that the
// model wants, nil where it is not there.
type misfit struct {
	name      string
	got, want []int
	reason    error // why it cannot be reshaped, nil where that speaks for itself
}

// fit matches all tensors, and fails with all misfits where there are some.
func (f *fitter) fit() (*checkpoint.Tensors, *report, error) {
	ts, err := f.origin.weights, error(nil)
	if f.vit.QKVBias == "split" {
		ts, err = naming.SplitBiases(ts)
	}
	if err != nil {
		return nil, nil, err
	}
	f.use = &checkpoint.Tensors{}
	for _, x := range f.origin.unknown {
		f.Unexpected = append(f.Unexpected, misfit{name: x.Name, got: x.Shape})
	}
	for x := range ts.All() {
		if err := f.place(x); err != nil {
			return nil, nil, err
		}
	}
	biased := slices.ContainsFunc(slices.Collect(f.origin.weights.Names()), isAttentionBias)
	for _, name := range f.names {
		_, given := f.use.Lookup(name)
		misshapen := slices.ContainsFunc(f.Misshapen, func(m misfit) bool { return m.name == name })
		switch {
		case given || misshapen:
		case optional(name) || isAttentionBias(name) && !biased:
			f.Fresh = append(f.Fresh, name)
		default:
			f.Missing = append(f.Missing, misfit{name: name, want: f.shapes[name]})
		}
	}
	return f.use, &f.report, f.report.err(f.origin.path)
}

// place finds what becomes of a tensor.
func (f *fitter) place(x checkpoint.Tensor) error {
	want, known := f.shapes[x.Name]
	m := misfit{name: x.Name, got: x.Shape, want: want}
	reshape := f.reshaper(x.Name)
	switch {
	case !known && (optional(x.Name) || x.Name == "pos_embed"): // a fixed table is in no checkpoint of ours
		f.Unused = append(f.Unused, x.Name)
		return nil
	case !known:
		f.Unexpected = append(f.Unexpected, m)
		return nil
	case f.otherClasses && answers(x.Name):
		f.Unused = append(f.Unused, x.Name)
		return nil
	case slices.Equal(x.Shape, want) && !(x.Name == "pos_embed" && f.otherGrid()):
	case reshape != nil:
		v, err := reshape(x, want)
		if err != nil {
			m.reason = err
			f.Misshapen = append(f.Misshapen, m)
			return nil
		}
		f.Reshaped = append(f.Reshaped, m)
		x = checkpoint.New(x.Name, want, v)
	case optional(x.Name):
		f.Unused = append(f.Unused, x.Name)
		return nil
	default:
		f.Misshapen = append(f.Misshapen, m)
		return nil
	}
	f.Loaded = append(f.Loaded, x.Name)
	return f.use.Add(x)
}

// reshaper is what makes a parameter of a tensor of another shape, nil where
// nothing does.
func (f *fitter) reshaper(name string) func(x checkpoint.Tensor, want []int) ([]float32, error) {
	switch name {
	case "pos_embed":
		return f.position
	case "patch_embed.proj.weight":
		return f.kernel
	}
	return nil
}

// optional are the parameters that a checkpoint for fine-tuning need not have:
// those of heads and the norm ahead of them, the class token, and the decoder of
// a masked autoencoder.
func optional(name string) bool {
	layer, _, _ := strings.Cut(name, ".")
	return slices.Contains([]string{"cls_token", "cls_pos", "head", "norm", "fc_norm", "cls_head_finetune", "label_conv", "propagation_0",
		"convs1", "convs2", "convs3", "bns1", "bns2", "mask_token", "decoder_embed", "decoder_pos_embed", "decoder_blocks",
		"decoder_norm", "decoder_pred"}, layer)
}

// answers tells whether a name is that of a parameter with a row for each class.
func answers(name string) bool {
	layer := name[:max(strings.LastIndex(name, "."), 0)]
	return slices.Contains([]string{"head", "head.1", "cls_head_finetune.8", "convs3"}, layer)
}

// isAttentionBias tells whether a name is that of a bias of queries, keys or values.
func isAttentionBias(name string) bool {
	return strings.HasSuffix(name, ".attn.qkv.bias") || strings.HasSuffix(name, ".attn.q_bias") || strings.HasSuffix(name, ".attn.v_bias")
}

// err lists all misfits, nil where there are none.
func (r *report) err(path string) error {
	var text strings.Builder
	for _, m := range r.Missing {
		fmt.Fprintf(&text, "\n\tmissing: %q %v", m.name, m.want)
	}
	for _, m := range r.Unexpected {
		fmt.Fprintf(&text, "\n\tunexpected: %q %v", m.name, m.got)
	}
	for _, m := range r.Misshapen {
		fmt.Fprintf(&text, "\n\tshape: %q %v, want %v", m.name, m.got, m.want)
		if m.reason != nil {
			fmt.Fprintf(&text, ": %v", m.reason)
		}
	}
	if text.Len() == 0 {
		return nil
	}
	return fmt.Errorf("%q, with names of %s, does not fit the model: set model and tokenizer to what it was trained with, or model.init_source where its names are another project's%s",
		path, r.Source, text.String())
}
