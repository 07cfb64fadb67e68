package train

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"

	"m2pt/data"
	"m2pt/engine"
	"m2pt/experiment"
	"m2pt/internal/atomicfile"
	"m2pt/nn"
	"m2pt/ops"
	"m2pt/tokenizers"
	"m2pt/train/sketch"
)

// drawer draws what a masked autoencoder tells of some held-out samples, always the
// same ones with the same masks, so that drawings of a run compare.
type drawer struct {
	cfg    *experiment.Config
	net    Pretrainer
	feeds  *masked
	prog   *engine.Program
	pred   []float32 // [B, M, P]
	loader *data.Loader
	dir    string
}

// shown is how many samples a drawing has.
const shown = 6

// drawingsFolder is where drawings lie in a run folder.
const drawingsFolder = "reconstructions"

func newDrawer(cfg *experiment.Config, p Pretrainer, state *engine.State, bind map[string]string) (*drawer, error) {
	set, err := OpenPlain(cfg, ValSplit)
	if err != nil {
		return nil, err
	}
	set = data.Spread(set, shown)
	d := &drawer{cfg: cfg, net: p, dir: filepath.Join(cfg.Output, drawingsFolder)}
	if d.loader, err = data.NewLoader(set, data.Options{Batch: set.Len(), Workers: 1, Seed: cfg.Seed, Eval: true, MaxSkipped: cfg.Data.MaxSkipped}); err != nil {
		return nil, err
	}
	n := p.Build(nn.Eval, set.Len(), 0)
	if err := n.Err(); err != nil {
		return nil, err
	}
	d.pred = make([]float32, ops.SpecOf(n.Pred).Len())
	d.feeds = p.masks(cfg, set.Len())
	d.prog, err = engine.Compile(engine.Job{Graph: n.Graph, Bind: bind, Fetches: []engine.Fetch{{Name: "pred", Node: n.Pred}}}, state)
	return d, err
}

// save writes the drawing of the weights as they are after a step.
func (d *drawer) save(ctx context.Context, step int64) error {
	sheet, err := d.draw(ctx)
	if err == nil {
		err = os.MkdirAll(d.dir, 0o755)
	}
	if err == nil {
		path := filepath.Join(d.dir, fmt.Sprintf("step-%08d.png", step))
		err = atomicfile.Write(path, 0o644, func(w io.Writer) error { return png.Encode(w, sheet) })
	}
	if err != nil {
		return fmt.Errorf("draw reconstructions: %w", err)
	}
	return nil
}

// draw tells of the samples and draws a row for each.
func (d *drawer) draw(ctx context.Context) (image.Image, error) {
	var rows [][]image.Image
	for b, err := range d.loader.Epoch(ctx, 0, 0) {
		if err != nil {
			return nil, err
		}
		if err := firstOf(func() error { return d.feeds.feed(d.prog, b) }, d.prog.Micro, func() error { return engine.Read(d.prog, "pred", d.pred) }); err != nil {
			return nil, err
		}
		for i, index := range b.Index {
			if index < 0 {
				continue
			}
			r, err := d.row(b, i)
			if err != nil {
				return nil, err
			}
			rows = append(rows, r)
		}
	}
	if rows == nil {
		return nil, errors.New("no sample is readable")
	}
	return sketch.Sheet(rows), nil
}

// row draws sample i of a batch.
func (d *drawer) row(b *data.Batch, i int) ([]image.Image, error) {
	n := len(b.Index)
	a := sketch.Answer{Visible: row(d.feeds.visible, i, n), Masked: row(d.feeds.masked, i, n), Pred: row(d.pred, i, n)}
	if t, ok := d.net.Tokenizer.(tokenizers.Point); ok {
		return sketch.Cloud{Points: row(b.Values, i, n), Groups: row(b.Indices, i, n), Size: t.Size, Up: d.cfg.Point.Up}.Row(a)
	}
	p := d.net.patches()
	if len(b.Pixels) > 0 {
		return p.Row(p.Numbers(row(b.Pixels, i, n)), a)
	}
	return p.Row(row(b.Values, i, n), a)
}

// patches are how samples are shown: see [sketch.Patches].
func (p Pretrainer) patches() sketch.Patches {
	px := p.Pixels
	s := sketch.Patches{Channels: px.Channels, Kernel: px.Kernel, Stride: px.Stride, Norm: px.Norm, Mean: px.Input.Mean, Std: px.Input.Std}
	switch t := p.Tokenizer.(type) {
	case tokenizers.Audio:
		s.Size, s.Spectrogram = [3]int{1, t.Frames, t.Mels}, true
	case tokenizers.Image:
		s.Size = [3]int{1, t.Size[0], t.Size[1]}
	case tokenizers.Video:
		s.Size = [3]int{t.Frames, t.Size[0], t.Size[1]}
	}
	return s
}

// Close frees the program.
func (d *drawer) Close() error { return d.prog.Close() }
