package train

import (
	"m2pt/data"
	"m2pt/engine"
	"m2pt/experiment"
	"m2pt/heads"
	"m2pt/model"
	"m2pt/nn"
	"m2pt/ops"
	"m2pt/tokenizers"
	"m2pt/tokenizers/masking"
)

// Names of the feeds of a pretraining graph, beside the input's.
const (
	MaskedFeed     = model.MaskedFeed
	MaskWeightFeed = "mask_weight" // [B, M]: the share of each in its sample's loss
)

// Pretrainer is a masked autoencoder of one modality: the path of a batch from
// stored samples to the error of what the network tells of the tokens it has not
// seen.
type Pretrainer struct {
	Tokenizer tokenizers.Tokenizer
	MAE       model.MAE
	Pixels    heads.Pixels // of pictures, spectrograms and clips
	Points    heads.Points // of point clouds
	Mask      masking.Mask
}

// Build builds the network from stored samples to loss.
func (p Pretrainer) Build(mode nn.Mode, batch int, seed uint64) Net {
	var way Net
	n := p.build(mode, batch, seed, func(s nn.Scope, x, _ *ops.Node) *ops.Node {
		_, pred := p.MAE.Forward(s, p.Tokenizer, x, way.pass)
		return pred
	})
	n.Borders = way.Borders
	return n
}

// build builds the loss of what tell makes of samples x: [B, M, P] for the tokens
// masked [B, M].
func (p Pretrainer) build(mode nn.Mode, batch int, seed uint64, tell func(s nn.Scope, x, masked *ops.Node) *ops.Node) Net {
	s, x := p.input(mode, batch, seed)
	masked := integers(s, MaskedFeed, batch, p.MAE.Masked)
	pred := tell(s, x, masked)
	if s.Err() != nil {
		return Net{Scope: s}
	}
	if t, ok := p.Tokenizer.(tokenizers.Point); ok {
		local, _ := t.Neighbours(s, x)
		return Net{Scope: s, Pred: pred, Loss: p.Points.Loss(s, local, pred, masked)}
	}
	return Net{Scope: s, Pred: pred, Loss: p.Pixels.Loss(s, x, pred, masked, s.Feed(MaskWeightFeed, batch, p.MAE.Masked))}
}

// input begins a graph with its stored samples.
func (p Pretrainer) input(mode nn.Mode, batch int, seed uint64) (nn.Scope, *ops.Node) {
	s, in := nn.NewScope(ops.Float32, mode, batch, seed), p.Tokenizer.Input()
	return s, s.Graph.Declare(InputFeed, ops.Spec{Shape: append([]int{batch}, in.Shape...), Dtype: in.Dtype}, ops.PerBatch)
}

func (p Pretrainer) encoder() (tokenizers.Tokenizer, model.ViT) { return p.Tokenizer, p.MAE.ViT }

// RandomBatch is a batch of random samples, always the same one.
func (p Pretrainer) RandomBatch(size int) *data.Batch { return randomBatch(p.Tokenizer, size, 1, 1) }

// masked draws the masks of a pretrainer's batches and writes them into the program
// with their samples.
type masked struct {
	seed     uint64
	sampler  *masking.Sampler
	mae      model.MAE
	grid     [3]int
	extra    int // tokens ahead of the patches: the class token
	lossSeed []float32

	visible, masked []int32 // patches
	tokens, decoder []int32 // tokens, the class token counted
	restore         []int32 // [B, N′] of a decoder with windows
	weight          []float32
	centers         []float32 // [B, G, 3] of point clouds
}

func (p Pretrainer) feeder(cfg *experiment.Config, _ nn.Mode, b int) (feeder, error) {
	return p.masks(cfg, b), nil
}

// masks draws those of batches of b samples.
func (p Pretrainer) masks(cfg *experiment.Config, b int) *masked {
	V, M, extra := p.Mask.Visible(), p.Mask.Masked(), p.MAE.ViT.Tokens(0)
	grid := p.Tokenizer.Grid()
	f := &masked{seed: cfg.Seed, sampler: masking.NewSampler(p.Mask), mae: p.MAE, grid: grid, extra: extra, lossSeed: lossSeed(cfg, b),
		visible: make([]int32, b*V), masked: make([]int32, b*M), tokens: make([]int32, b*(V+extra)), decoder: make([]int32, b*(V+M+extra)),
		weight: make([]float32, b*M), restore: make([]int32, b*p.MAE.Places(grid))}
	if t, ok := p.Tokenizer.(tokenizers.Point); ok {
		f.centers = make([]float32, 3*b*t.Groups)
	}
	return f
}

// place copies the centres of a batch's groups.
func (f *masked) place(b *data.Batch, batch int) {
	groups := len(f.centers) / 3
	if groups == 0 {
		return
	}
	row, cloud := len(b.Indices)/groups, len(b.Values)/batch
	for g := range groups {
		sample := g / (groups / batch)
		copy(f.centers[3*g:3*g+3], b.Values[sample*cloud+3*int(b.Indices[g*row]):])
	}
}

func (f *masked) feed(p *engine.Program, b *data.Batch) error {
	f.place(b, len(b.Keys)/2)
	f.sampler.Draw(f.seed, b.Keys, f.centers, f.visible, f.masked)
	f.sampler.Weigh(f.weight, f.visible, f.masked)
	V, M := f.sampler.Visible(), f.sampler.Masked()
	for i := range len(b.Keys) / 2 {
		row := f.decoder[i*(f.extra+V+M):][:f.extra+V+M]
		for k, patch := range f.visible[i*V:][:V] {
			row[f.extra+k] = patch + int32(f.extra)
		}
		copy(f.tokens[i*(f.extra+V):][:f.extra+V], row)
		for k, patch := range f.masked[i*M:][:M] {
			row[f.extra+V+k] = patch + int32(f.extra)
		}
		if n := f.mae.Places(f.grid); n > 0 {
			f.mae.Restore(f.restore[i*n:][:n], row, f.grid)
		}
	}
	return firstError(FeedSamples(p, b), feedIf(p, nn.SampleKeyFeed, b.Keys), feedIf(p, SeedFeed, f.lossSeed), feedIf(p, model.TokenIndexFeed, f.tokens),
		feedIf(p, model.DecoderIndexFeed, f.decoder), feedIf(p, model.DecoderRestoreFeed, f.restore), feedIf(p, MaskedFeed, f.masked), feedIf(p, MaskWeightFeed, f.weight))
}

// newPretrainer is the masked autoencoder of an experiment.
func newPretrainer(cfg *experiment.Config) (Pretrainer, error) {
	t, m, a := tokenizer(cfg), cfg.Model, cfg.MAE
	mask, err := patchMask(cfg, t.Grid())
	if err != nil {
		return Pretrainer{}, misused("mae.mask: %v", err)
	}
	p := Pretrainer{Tokenizer: t, Mask: mask, Pixels: pixels(cfg), Points: heads.Points{Size: cfg.Tokenizer.GroupSize, L1: a.Chamfer == "l1"}}
	v := model.ViT{Dim: m.EmbedDim, Depth: m.Depth, Heads: m.NumHeads, MLPRatio: m.MLPRatio, QKVBias: m.QKVBias, ClassToken: m.ClassToken,
		PosEmbed: m.PosEmbed, WeightInit: m.WeightInit, Eps: m.NormEps, DropPath: m.DropPath}
	v.Keep = v.Tokens(mask.Visible())
	d := v
	d.Dim, d.Depth, d.Heads, d.Keep, d.WeightInit = a.DecoderDim, a.DecoderDepth, a.DecoderHeads, 0, "xavier"
	if d.PosEmbed == "learned" {
		d.PosEmbed = "sincos"
	}
	p.MAE = model.MAE{ViT: v, Decoder: d, Embed: "full", TokenizerInit: cfg.Tokenizer.Kind != "video", Masked: mask.Masked(), Out: p.Pixels.Out()}
	if a.Decoder == "window" {
		p.MAE.Window = a.DecoderWindow
	}
	switch kind := cfg.Tokenizer.Kind; {
	case kind == "video":
		p.MAE.Embed = "none"
	case kind == "point" && d.Dim == v.Dim:
		p.MAE.Embed = ""
	}
	if cfg.Tokenizer.Kind == "point" {
		p.MAE.Out = p.Points.Out()
	}
	return p, nil
}

// patchMask is the mask of an experiment.
func patchMask(cfg *experiment.Config, grid [3]int) (mask masking.Mask, err error) {
	a := cfg.MAE
	switch {
	case a.Mask == "grid":
		mask, err = masking.NewGrid(grid[1], grid[2], a.MaskTProb, a.MaskFProb)
	case a.Mask == "tube":
		mask, err = masking.NewTube(grid[0], grid[1]*grid[2], a.MaskRatio)
	case a.Mask == "block":
		mask, err = masking.NewBlock(grid[2], a.MaskRatio)
	case cfg.Tokenizer.Kind == "point":
		mask, err = masking.NewTube(1, grid[2], a.MaskRatio) // random, in natural order
	default:
		mask, err = masking.NewRandom(model.Count(grid), a.MaskRatio)
	}
	if err != nil || a.DecoderMask != "running_cell" {
		return mask, err
	}
	return masking.NewRunningCell(mask, grid[0], grid[1], grid[2])
}

// pixels are what the experiment's autoencoder tells of patches: of pictures their
// normalised pixels, of clips stored ones.
func pixels(cfg *experiment.Config) heads.Pixels {
	t, norm := cfg.Tokenizer, cfg.MAE.NormTarget
	px := heads.Pixels{Kernel: [3]int{1, t.PatchSize, t.PatchSize}, Stride: [3]int{1, t.Stride, t.Stride}, Channels: cfg.Data.Channels}
	switch t.Kind {
	case "image":
		px.Input = heads.Normalised{Mean: cfg.Data.Mean[:px.Channels], Std: cfg.Data.Std[:px.Channels]}
	case "audio":
		px.Channels = 1
	case "video":
		px.Kernel[0], px.Stride[0] = t.TubeletSize, t.TubeletSize
		if norm {
			px.Norm = "channel"
		}
		return px
	}
	if norm {
		px.Norm = "patch"
	}
	return px
}

// lossScore: the error of what the network tells of masked tokens.
type lossScore struct{ Tally }

func (p Pretrainer) scorer(data.Dataset) (scorer, error) { return &lossScore{}, nil }

func (s *lossScore) add(p *Prediction) error {
	s.AddMean(float64(p.Loss), 1)
	return nil
}

func (s *lossScore) result() Result {
	r := s.Result()
	r.Masked = true
	return r
}
