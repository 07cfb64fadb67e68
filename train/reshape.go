package train

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"m2pt/checkpoint"
	"m2pt/experiment"
	"m2pt/model"
	"m2pt/ops"
	"m2pt/tokenizers"
)

// kernel is a patch kernel [D, C, (frames,) P, P] in the shape of another modality's:
// summed over its channels where the model has one, repeated over time where the
// model has tubelets.
func (f *fitter) kernel(x checkpoint.Tensor, want []int) ([]float32, error) {
	v, err := x.Float32s()
	if err != nil {
		return nil, err
	}
	shape := slices.Clone(x.Shape)
	if len(shape) >= 4 && shape[1] > 1 && want[1] == 1 {
		v, err = model.MonoPatch(v, shape[1], ops.F32(shape[2:]...).Len())
		shape[1] = 1
	}
	if err == nil && len(shape) == 4 && len(want) == 5 {
		v, err = model.InflatePatch(v, want[2], ops.F32(shape[2:]...).Len())
		shape = slices.Insert(shape, 2, want[2])
	}
	if err == nil && !slices.Equal(shape, want) {
		err = errors.New("patches must be of the same size, and have three channels to be summed to one")
	}
	return v, err
}

// position is a table of positions [1, N, D] on the model's grid: the rows of the first
// moments where the checkpoint's spectrograms are longer and as high, whose frames last
// as long as the model's; resized otherwise. The row of the class token comes first
// where there is one.
func (f *fitter) position(x checkpoint.Tensor, _ []int) ([]float32, error) {
	v, err := x.Float32s()
	if err != nil {
		return nil, err
	}
	own, dim, extra, kept := f.tokens.Grid(), f.vit.Dim, 0, f.vit.Tokens(0)
	if _, class := f.origin.weights.Lookup("cls_token"); class {
		extra = 1
	}
	if len(x.Shape) != 3 || x.Shape[0] != 1 || x.Shape[1] <= extra || x.Shape[2] != dim {
		return nil, fmt.Errorf("no table of width %d", dim)
	}
	if kept > extra {
		return nil, errors.New("it has no position of a class token: set model.class_token = false")
	}
	from, err := f.grid(x.Shape[1] - extra)
	if err != nil {
		return nil, err
	}
	class, patches := v[:kept*dim], v[extra*dim:]
	if _, sound := f.tokens.(tokenizers.Audio); sound && from[2] == own[2] && from[1] > own[1] {
		patches, err = model.CutPos(patches, dim, 0, [2]int(from[1:]), [2]int(own[1:]))
	} else {
		patches, err = model.ResizePosVolume(patches, dim, from, own)
	}
	return slices.Concat(class, patches), err
}

// grid is the grid of the checkpoint, whose table has n positions: its run's, or else
// what its patch kernel and the number tell: of pictures a square, of spectrograms as
// high as the model's, of clips as many steps of time or frames as large as the
// model's.
func (f *fitter) grid(n int) ([3]int, error) {
	if grid, ok := f.origin.grid(); ok && model.Count(grid) == n {
		return grid, nil
	}
	own, channels, flat := f.tokens.Grid(), 0, false
	if kernel, ok := f.origin.weights.Lookup("patch_embed.proj.weight"); ok && len(kernel.Shape) > 1 {
		channels, flat = kernel.Shape[1], len(kernel.Shape) == 4
	}
	_, sound := f.tokens.(tokenizers.Audio)
	switch side := int(math.Sqrt(float64(n))); {
	case sound && channels == 1 && n%own[2] == 0:
		return [3]int{1, n / own[2], own[2]}, nil
	case flat && side*side == n:
		return [3]int{1, side, side}, nil
	}
	return clipGrid(n, own)
}

// clipGrid is the grid of clips that have n positions, for a model whose grid is own.
func clipGrid(n int, own [3]int) ([3]int, error) {
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

// otherGrid tells whether the run of the checkpoint has another grid than the model.
func (f *fitter) otherGrid() bool {
	grid, ok := f.origin.grid()
	return ok && grid != f.tokens.Grid()
}

// grid is the grid of the run that the checkpoint belongs to, if it does to one.
func (o *origin) grid() (grid [3]int, ok bool) {
	config, err := runConfig(o.at)
	if err != nil {
		return grid, false
	}
	cfg, err := experiment.LoadRun(config, nil)
	if err != nil {
		return grid, false
	}
	return tokenizer(cfg).Grid(), true
}
