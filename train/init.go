package train

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"m2pt/checkpoint"
	"m2pt/experiment"
	"m2pt/model"
)

// initFrom starts the plain parameters from a checkpoint of the same blocks, as
// fine-tuning does: a head for other classes and the norm before it may start
// fresh, the norm of another pooling is left aside, and the position table is
// resized to the grid. Everything else must fit.
func (t *trainer) initFrom(path string) error {
	ts, err := loadPlain(path)
	if err != nil {
		return err
	}
	use := &checkpoint.Tensors{}
	for x := range ts.All() {
		x, fits, err := t.fit(path, x)
		if err != nil {
			return err
		}
		if !fits {
			continue
		}
		if err := use.Add(x); err != nil {
			return err
		}
	}
	for _, name := range t.names.model {
		if _, ok := use.Lookup(name); !ok && optional(name) {
			t.opt.Log.Info("model.init: starts fresh", "tensor", name)
		}
	}
	return load(t.state, "", use, func(name string) bool {
		_, _, _, term := model.SplitTerm(name)
		_, given := use.Lookup(name)
		return slices.Contains(t.names.model, name) && !term && (given || !optional(name))
	})
}

// fit makes a tensor of the checkpoint at path the size of the parameter of its
// name, where it can; false leaves it aside.
func (t *trainer) fit(path string, x checkpoint.Tensor) (_ checkpoint.Tensor, fits bool, err error) {
	want := t.state.Spec(x.Name).Shape
	same := slices.Equal(x.Shape, want)
	switch {
	case x.Name == "pos_embed" && !slices.Contains(t.names.model, x.Name):
		return x, false, nil // a table that is in no checkpoint of ours, or none at all
	case x.Name == "pos_embed" && !same:
		x, err = t.resizePos(path, x)
		return x, true, err
	case optional(x.Name) && !same:
		t.opt.Log.Info("model.init: not used", "tensor", x.Name, "shape", x.Shape, "want", want)
		return x, false, nil
	}
	return x, true, nil
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

// resizePos resizes a position table to the model's grid.
func (t *trainer) resizePos(path string, x checkpoint.Tensor) (checkpoint.Tensor, error) {
	v, err := x.Float32s()
	if err != nil {
		return x, err
	}
	tokens, vit := t.model.encoder()
	extra, grid, dim := vit.Tokens(0), tokens.Grid(), vit.Dim
	if len(x.Shape) != 3 || x.Shape[1] <= extra || x.Shape[2] != dim {
		return x, fmt.Errorf("tensor %q: shape %v, want [1 N %d]", x.Name, x.Shape, dim)
	}
	from, err := t.gridOf(path, x.Shape[1]-extra)
	if err != nil {
		return x, fmt.Errorf("tensor %q: %w", x.Name, err)
	}
	resized, err := model.ResizePosVolume(v[extra*dim:], dim, from, grid)
	if err != nil {
		return x, fmt.Errorf("tensor %q: %w", x.Name, err)
	}
	t.opt.Log.Info("model.init: position table resized", "from", from, "to", grid)
	return checkpoint.New(x.Name, []int{1, extra + model.Count(grid), dim}, slices.Concat(v[:extra*dim], resized)), nil
}

// gridOf is the grid of the checkpoint at path, whose table has n positions: its
// run's, or else what the number tells: a square picture, or of clips as many steps of
// time or frames as large as the model's.
func (t *trainer) gridOf(path string, n int) ([3]int, error) {
	if config, err := runConfig(path); err == nil {
		if cfg, err := experiment.LoadRun(config, nil); err == nil && model.Count(tokenizer(cfg).Grid()) == n {
			return tokenizer(cfg).Grid(), nil
		}
	}
	tokens, _ := t.model.encoder()
	own := tokens.Grid()
	side, frame := int(math.Sqrt(float64(n/own[0]))), own[1]*own[2]
	square, sameFrames := side*side*own[0] == n, own[0] > 1 && n%frame == 0
	switch {
	case square && sameFrames:
		return own, fmt.Errorf("%d positions are %dx%dx%d or %dx%dx%d: name the run folder of the checkpoint, whose config tells", n, own[0], side, side, n/frame, own[1], own[2])
	case square:
		return [3]int{own[0], side, side}, nil
	case sameFrames:
		return [3]int{n / frame, own[1], own[2]}, nil
	}
	return own, fmt.Errorf("%d positions are no squares at %d steps of time, nor frames of %dx%d: name the run folder of the checkpoint, whose config tells", n, own[0], own[1], own[2])
}
