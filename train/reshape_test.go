package train

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"m2pt/checkpoint"
	"m2pt/model"
	"m2pt/tokenizers"
)

// TestReshape: weights of one modality, or of another size, start a model of another.
func TestReshape(t *testing.T) {
	t.Parallel()
	const dim = 16
	pictures := []string{"data.image_size=16", "tokenizer.patch_size=8"}
	resized := func(from, to [3]int) func(table []float32) []float32 { // behind a class token
		return func(table []float32) []float32 {
			v, err := model.ResizePosVolume(table[dim:], dim, from, to)
			must(t, err)
			return slices.Concat(table[:dim], v)
		}
	}
	mono := func(kernel []float32) []float32 {
		v, err := model.MonoPatch(kernel, 3, 64)
		must(t, err)
		return v
	}
	inflated := func(kernel []float32) []float32 {
		v, err := model.InflatePatch(kernel, 2, 64)
		must(t, err)
		return v
	}
	const kernel, pos = "patch_embed.proj.weight", "pos_embed"
	for _, c := range []struct {
		name        string
		from, to    []string
		kernel, pos func(v []float32) []float32 // nil: the same
		log         []string
	}{
		{"pictures to spectrograms", pictures, sounds(), mono, resized([3]int{1, 2, 2}, [3]int{1, 4, 2}), []string{
			`reshaped" tensor=pos_embed from="[1 5 16]" to="[1 9 16]"`, `reshaped" tensor=patch_embed.proj.weight from="[16 3 8 8]" to="[16 1 8 8]"`}},
		{"pictures to clips", pictures, clips("model.pos_embed=learned"), inflated, func(table []float32) []float32 {
			return slices.Concat(table[dim:], table[dim:])
		}, []string{`reshaped" tensor=patch_embed.proj.weight from="[16 3 8 8]" to="[16 3 2 8 8]"`, `not used" layers=[cls_token]`}},
		{"larger pictures to clips", []string{"data.image_size=32", "tokenizer.patch_size=8"}, clips("model.pos_embed=learned"), inflated, func(table []float32) []float32 {
			v, err := model.ResizePosVolume(table[dim:], dim, [3]int{1, 4, 4}, [3]int{2, 2, 2})
			must(t, err)
			return v
		}, nil},
		{"pictures to clips without a table", pictures, clips(), inflated, func([]float32) []float32 { return model.Sinusoid(dim, 8) },
			[]string{`not used" layers="[cls_token pos_embed]"`}},
		{"larger pictures", pictures, []string{"data.image_size=32", "tokenizer.patch_size=8"}, nil, resized([3]int{1, 2, 2}, [3]int{1, 4, 4}), nil},
		{"grey pictures", pictures, append(slices.Clone(pictures), "data.channels=1"), mono, nil, nil},
		{"shorter spectrograms", sounds("audio.frames=64"), sounds("audio.frames=16"), nil, func(table []float32) []float32 { return table[:(1+2*2)*dim] }, nil},
		{"longer spectrograms", sounds(), sounds("audio.frames=64"), nil, resized([3]int{1, 4, 2}, [3]int{1, 8, 2}), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ts := foreign{sets: c.from}.weights(t)
			var log strings.Builder
			tr := ready(t, tiny(t, append(slices.Clone(c.to), "model.init='"+saved(t, ts)+"'")...), logTo(&log))
			for name, f := range map[string]func([]float32) []float32{kernel: c.kernel, pos: c.pos, "blocks.1.mlp.fc2.weight": nil} {
				want := values(t, ts, name)
				if f != nil {
					want = f(want)
				}
				if got := state(t, tr, name); !slices.Equal(got, want) {
					t.Errorf("%s: %d values that differ from the %d wanted", name, len(got), len(want))
				}
			}
			for _, line := range c.log {
				if !strings.Contains(log.String(), line) {
					t.Errorf("log lacks %s:\n%s", line, log.String())
				}
			}
		})
	}
}

// TestReshapeRefuses: what cannot be reshaped is a misfit, and the report says why.
func TestReshapeRefuses(t *testing.T) {
	t.Parallel()
	pictures := []string{"data.image_size=16", "tokenizer.patch_size=8"}
	grey := append(slices.Clone(pictures), "data.channels=1")
	for _, c := range []struct {
		name     string
		from, to []string
		want     string
	}{
		{"other patches", pictures, []string{"data.image_size=16", "tokenizer.patch_size=4"}, `shape: "patch_embed.proj.weight" [16 3 8 8], want [16 3 4 4]: patches must be of the same size, and have three channels to be summed to one`},
		{"colours of grey", grey, pictures, `shape: "patch_embed.proj.weight" [16 1 8 8], want [16 3 8 8]`},
		{"pictures of clips", clips(), pictures, `shape: "patch_embed.proj.weight" [16 3 2 8 8], want [16 3 8 8]`},
		{"no class token", append(slices.Clone(pictures), "model.class_token=false"), pictures,
			`shape: "pos_embed" [1 4 16], want [1 5 16]: it has no position of a class token: set model.class_token = false`},
		{"no grid", sounds(), pictures, `shape: "pos_embed" [1 9 16], want [1 5 16]: 8 positions are no squares at 1 steps of time, nor frames of 2x2: name the run folder of the checkpoint, whose config tells`},
		{"another width", append(slices.Clone(pictures), "model.embed_dim=32"), pictures, `shape: "pos_embed" [1 5 32], want [1 5 16]: no table of width 16`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Run(t.Context(), tiny(t, append(slices.Clone(c.to), "model.init='"+saved(t, foreign{sets: c.from}.weights(t))+"'")...), options(t))
			wantError(t, err, c.want)
		})
	}
}

// TestGridOfRun: the config of a checkpoint's run tells the grid of its table, which a
// bare file leaves open.
func TestGridOfRun(t *testing.T) {
	t.Parallel()
	from := tiny(t, sounds("train.max_steps=1")...)
	trained(t, from)
	for path, ok := range map[string]bool{from.Output: true, newest(t, from).Path: true, saved(t, weights(t, from)): false} {
		o, err := loadOrigin(path, "auto")
		must(t, err)
		got, err := newFitter(ready(t, tiny(t)), o).grid(8)
		if (err == nil) != ok || ok && got != [3]int{1, 4, 2} {
			t.Errorf("%s: %v, %v", path, got, err)
		}
	}
}

// TestOtherGrid: a table of as many positions on another grid is resized, where the run
// of the checkpoint tells.
func TestOtherGrid(t *testing.T) {
	t.Parallel()
	from := tiny(t, sounds("train.max_steps=1")...) // 4x2 patches
	trained(t, from)
	to := tiny(t, sounds("audio.frames=16", "audio.mel_bins=32", "model.init='"+from.Output+"'")...) // 2x4
	table := state(t, ready(t, to), "pos_embed")
	if old := values(t, weights(t, from), "pos_embed"); len(table) != len(old) || slices.Equal(table, old) {
		t.Errorf("%d positions, as they were: %v", len(table), slices.Equal(table, old))
	}
}

// TestOtherClasses: rows of other classes are not taken for the model's, however many.
func TestOtherClasses(t *testing.T) {
	t.Parallel()
	from := tiny(t, "train.max_steps=1")
	trained(t, from)
	for variant, kept := range map[string]bool{"shapes": true, "textures": false} {
		tr := ready(t, tiny(t, "data.variant="+variant, "model.init='"+from.Output+"'"))
		if len(tr.classes) != 10 {
			t.Fatalf("%d classes", len(tr.classes))
		}
		if got := slices.Equal(state(t, tr, "head.weight"), values(t, weights(t, from), "head.weight")); got != kept {
			t.Errorf("%s: head kept: %v", variant, got)
		}
	}
}

// TestClipGrid: a table's number of positions tells its grid, or the user must.
func TestClipGrid(t *testing.T) {
	for _, c := range []struct {
		n    int
		own  [3]int
		want [3]int
		err  string
	}{
		{8 * 14 * 14, [3]int{8, 20, 20}, [3]int{8, 14, 14}, ""},
		{4 * 14 * 14, [3]int{8, 14, 14}, [3]int{4, 14, 14}, "4x14x14"}, // 8 steps of 98 are no squares
		{8 * 9, [3]int{2, 2, 2}, [3]int{}, "72 positions are 2x6x6 or 18x2x2"},
		{7, [3]int{2, 2, 2}, [3]int{}, "7 positions are no squares at 2 steps of time, nor frames of 2x2"},
	} {
		got, err := clipGrid(c.n, c.own)
		if err == nil && got != c.want || err != nil && !strings.Contains(err.Error(), c.err) || (err != nil) != (c.want == [3]int{}) {
			t.Errorf("%d positions for %v: %v, %v; want %v", c.n, c.own, got, err, c.want)
		}
	}
}

// TestAveragesBeside: a file with averaged weights that are not used is logged.
func TestAveragesBeside(t *testing.T) {
	t.Parallel()
	f := foreign{}
	for key, want := range map[string]int{"": 0, "model_ema": 1} {
		ts := f.weights(t)
		ts.Metadata = map[string]string{"format": "pt"}
		if key != "" {
			ts.Metadata[checkpoint.AveragesKey] = key
		}
		path := saved(t, ts)
		for _, set := range []string{"model.init='" + path + "'", "pathway = { aux = '" + path + "' }"} {
			var log strings.Builder
			ready(t, tiny(t, set), logTo(&log))
			if n := strings.Count(log.String(), `averaged weights beside the model's are not used" checkpoint=`+path+" key=model_ema"); n != want {
				t.Errorf("%q, %s: %d lines, want %d:\n%s", key, set, n, want, log.String())
			}
		}
	}
}

// TestSpectrogramsStill: on a spectrogram, a model that began with weights of
// pictures sees the tokens that the pictures' model sees in three equal channels.
func TestSpectrogramsStill(t *testing.T) {
	kernel := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	f := &fitter{tokens: tokenizers.Audio{}}
	got, err := f.kernel(checkpoint.New("patch_embed.proj.weight", []int{1, 3, 2, 2}, kernel), []int{1, 1, 2, 2})
	must(t, err)
	x := []float32{.5, -1, 2, 3}
	var three, one float32
	for c := range 3 {
		for i, v := range x {
			three += kernel[4*c+i] * v
		}
	}
	for i, v := range x {
		one += got[i] * v
	}
	if fmt.Sprint(three) != fmt.Sprint(one) {
		t.Errorf("token %v, want %v", one, three)
	}
}
