package train

import (
	"math"
	"testing"

	"m2pt/engine"
	"m2pt/nn"
)

// TestOverlappingPatches: of patches that overlap on a grid that is not square, the
// tables of positions and, where every prediction is the last layer's bias, the loss
// are those computed here from the values of the spectrograms and what is masked.
func TestOverlappingPatches(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		grid patchGrid
		sets []string
	}{
		"single patches":         {patchGrid{5, 5, 2}, []string{"tokenizer.stride=5", "mae.norm_target=false"}}, // 4 frames and 3 bands stay at the edges
		"standardised":           {patchGrid{5, 5, 2}, []string{"tokenizer.stride=5", "mae.norm_target=true"}},
		"whole rows and columns": {patchGrid{4, 7, 3}, []string{"tokenizer.stride=4", "mae.norm_target=false", "mae.mask=grid", "mae.mask_t_prob=0.5", "mae.mask_f_prob=0.5"}},
		"side by side":           {patchGrid{8, 4, 2}, []string{"mae.norm_target=false"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := tiny(t, pretraining(sounds(c.sets...)...)...)
			tr := ready(t, cfg)
			isSinCos(t, "pos_embed", state(t, tr, "pos_embed"), c.grid, cfg.Model.EmbedDim)
			isSinCos(t, "decoder_pos_embed", state(t, tr, "decoder_pos_embed"), c.grid, cfg.MAE.DecoderDim)

			bias := make([]float32, patchSide*patchSide)
			for i := range bias {
				bias[i] = float32(math.Sin(float64(i)))
			}
			must(t, engine.Set(tr.state, "decoder_pred.weight", make([]float32, len(bias)*cfg.MAE.DecoderDim)))
			must(t, engine.Set(tr.state, "decoder_pred.bias", bias))
			const batch = 3
			p := tr.model.(Pretrainer)
			samples := p.RandomBatch(batch)
			e, err := newEvaluator(cfg, p, tr.state, nil, nil, batch)
			must(t, err)
			defer func() { must(t, e.Close()) }()
			must(t, e.forward(samples))

			f, err := p.feeder(cfg, nn.Eval, batch)
			must(t, err)
			m := f.(*masked)
			m.sampler.Draw(cfg.Seed, samples.Keys, nil, m.visible, m.masked)
			if n := len(m.visible) + len(m.masked); n != batch*c.grid.rows*c.grid.columns {
				t.Fatalf("%d visible and masked patches, want those of %d grids %+v", n, batch, c.grid)
			}
			for b := range batch {
				want := c.grid.loss(row(samples.Values, b, batch), row(m.masked, b, batch), bias, cfg.MAE.NormTarget)
				if got := float64(e.loss[b]); math.Abs(got-want) > 1e-5*want {
					t.Errorf("sample %d: loss %v, want %v", b, got, want)
				}
			}
		})
	}
}

// patchGrid is where patches of spectrograms lie.
type patchGrid struct{ stride, rows, columns int }

const (
	patchSide = 8
	bands     = 16 // of a spectrogram
)

// loss is the mean squared difference of pred and each of the patches.
func (g patchGrid) loss(spectrogram []float32, patches []int32, pred []float32, norm bool) (sum float64) {
	for _, token := range patches {
		corner := int(token)/g.columns*g.stride*bands + int(token)%g.columns*g.stride
		var patch []float64
		for y := range patchSide {
			for x := range patchSide {
				patch = append(patch, float64(spectrogram[corner+y*bands+x]))
			}
		}
		if norm {
			patch = standardised(patch)
		}
		for i, v := range patch {
			sum += (float64(pred[i]) - v) * (float64(pred[i]) - v)
		}
	}
	return sum / float64(len(pred)*len(patches))
}

// standardised is v less its mean over its unbiased deviation.
func standardised(v []float64) []float64 {
	n, sum, squares := float64(len(v)), 0.0, 0.0
	for _, x := range v {
		sum += x
		squares += x * x
	}
	mean := sum / n
	variance := (squares - n*mean*mean) / (n - 1)
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = (x - mean) / math.Sqrt(variance+1e-6)
	}
	return out
}

// isSinCos checks a table of a grid: sines and cosines of the column, then of the
// row, of every token; nothing for the class token.
func isSinCos(t *testing.T, name string, table []float32, g patchGrid, dim int) {
	t.Helper()
	if n := 1 + g.rows*g.columns; len(table) != n*dim {
		t.Fatalf("%s: %d numbers, want %d tokens of %d", name, len(table), n, dim)
	}
	q := dim / 4
	for i, v := range table {
		token, channel, want := i/dim-1, i%dim, 0.0
		if token >= 0 {
			at := [2]int{token % g.columns, token / g.columns}[channel/(2*q)]
			angle := float64(at) / math.Pow(1e4, float64(channel%q)/float64(q))
			want = [2]float64{math.Sin(angle), math.Cos(angle)}[channel/q%2]
		}
		if math.Abs(float64(v)-want) > 1e-6 {
			t.Fatalf("%s: channel %d of token %d is %v, want %v", name, channel, token, v, want)
		}
	}
}
