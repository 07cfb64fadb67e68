package parity

import (
	"fmt"
	"slices"
	"strings"

	"m2pt/heads"
	"m2pt/model"
	"m2pt/nn"
	"m2pt/ops"
	"m2pt/tokenizers"
	"m2pt/tokenizers/masking"
)

// autoencoder is a recorded masked autoencoder, the batch it is given and how the
// patches of its samples split.
type autoencoder struct {
	model.MAE
	shapes
	tokenizer tokenizers.Tokenizer
	mode      nn.Mode
	input     string // the batch is in/<input>
	batch     int
	feeds     constants
}

// Feeds of a replay beside the model's: the weights of masked patches [B, M] in the
// loss, and where each patch is among visible and masked [B, N].
const (
	weightFeed  = "weight"
	restoreFeed = "restore"
)

// autoencoder is the masked autoencoder with the recorded parameters and so many
// heads in its decoder. What its tokens are and how they split is for the kinds to
// say.
func (r *replay) autoencoder(m vitMeta, decoderHeads int, input string) *autoencoder {
	s := r.recordedShapes(func(name string) bool { return r.has("grad/" + name) })
	a := &autoencoder{shapes: s, input: input, batch: r.tensor("in/" + input).Shape[0]}
	a.ViT, a.Out = s.vit(m), s.dim("decoder_pred.weight", 0)
	m.NumHeads = decoderHeads
	a.Decoder = s.decoder().vit(m)
	a.Decoder.ClassToken = a.ViT.ClassToken
	switch {
	case s.has("decoder_embed.bias"):
		a.Embed = "full"
	case s.has("decoder_embed.weight"):
		a.Embed = "none"
	}
	return a
}

// decoder are the parameters of a decoder under the names of an encoder's.
func (s shapes) decoder() shapes {
	const prefix = "decoder_"
	d := shapes{map[string][]int{}, func(name string) bool { return s.trained(prefix + name) }}
	for name, shape := range s.of {
		if inner, ok := strings.CutPrefix(name, prefix); ok {
			d.of[inner] = shape
		}
	}
	return d
}

// split says which patches of every sample are visible, [B, V], and which are
// masked, [B, M]; these weigh the same in the loss.
func (a *autoencoder) split(visible, masked []int32) {
	V, M, class := len(visible)/a.batch, len(masked)/a.batch, int32(a.ViT.Tokens(0))
	a.ViT.Keep, a.Masked = a.ViT.Tokens(V), M
	var seen, all, restore []int32
	for b := range a.batch {
		v, m := visible[b*V:][:V], masked[b*M:][:M]
		seen = append(append(seen, make([]int32, class)...), behind(class, v)...)
		all = append(append(all, seen[b*a.ViT.Keep:]...), behind(class, m)...)
		restore = append(restore, inverse(slices.Concat(v, m))...)
	}
	a.feeds = constants{model.TokenIndexFeed: seen, model.DecoderIndexFeed: all,
		model.MaskedFeed: masked, weightFeed: repeat(1/float32(M), len(masked)), restoreFeed: restore}
	if a.Window > 0 {
		a.feeds[model.DecoderRestoreFeed] = a.places(all)
	}
}

// places is the feed of a decoder with windows, given which tokens it sees.
func (a *autoencoder) places(all []int32) []int32 {
	grid := a.tokenizer.Grid()
	n, seen := a.Places(grid), len(all)/a.batch
	restore := make([]int32, a.batch*n)
	for b := range a.batch {
		a.Restore(restore[b*n:][:n], all[b*seen:][:seen], grid)
	}
	return restore
}

// behind are the tokens of patches where so many others come first.
func behind(first int32, patches []int32) []int32 {
	tokens := slices.Clone(patches)
	for i := range tokens {
		tokens[i] += first
	}
	return tokens
}

// inverse is where each number is in a permutation. In lists of other kinds some
// are in no place, or in several.
func inverse(order []int32) []int32 {
	at := make([]int32, len(order))
	for i, p := range order {
		if int(p) < len(at) {
			at[p] = int32(i)
		}
	}
	return at
}

// draw splits by recorded noise: a row of each array decides on a sample.
func (a *autoencoder) draw(m masking.Mask, noise ...[]float32) {
	V, M := m.Visible(), m.Masked()
	visible, masked := make([]int32, a.batch*V), make([]int32, a.batch*M)
	for b := range a.batch {
		var row []float32
		for _, v := range noise {
			n := len(v) / a.batch
			row = append(row, v[b*n:][:n]...)
		}
		m.Split(visible[b*V:][:V], masked[b*M:][:M], row, nil)
	}
	a.split(visible, masked)
}

// where lists the entries of every row of in/<name> that have a value.
func (r *replay) where(name string, value int32) []int32 {
	shape := r.tensor("in/" + name).Shape
	var list []int32
	for i, v := range r.ints("in/" + name) {
		if v == value {
			list = append(list, int32(i%shape[1]))
		}
	}
	return list
}

// encoded builds the autoencoder for its batch. The network's logits are the
// predictions [B, M, P].
func (r *replay) encoded(a *autoencoder) network {
	n := r.part(a.batch)
	n.Mode, n.feeds = a.mode, a.feeds
	z, pred := a.Forward(n.Scope, a.tokenizer, r.feed(n.Graph, a.input), n.show)
	for _, name := range []string{"latent", "encoder", "x_vis"} { // as the kinds call it
		n.show(name, z)
	}
	n.Logits = pred
	r.declares(n, a.shapes)
	return n
}

// index declares a feed [B, count] of patches.
func (a *autoencoder) index(n network, name string, count int) *ops.Node {
	return n.Graph.Declare(name, ops.Spec{Shape: []int{a.batch, count}, Dtype: ops.Int32}, ops.PerBatch)
}

// predictions are those of all patches [B, N, P] in their order, visible ones
// included.
func (a *autoencoder) predictions(n network) *ops.Node {
	d, first := a.Decoder, a.Decoder.Tokens(0)
	N := a.ViT.Keep - first + a.Masked
	if a.Window > 0 {
		first = 0
	}
	y := n.Entries(n.out(fmt.Sprintf("decoder_block%d", d.Depth-1)), first, N)
	y = n.Linear("decoder_pred", n.LayerNorm("decoder_norm", y, d.Dim, d.Eps), d.Dim, a.Out, nn.Zeros)
	if a.Window > 0 { // in the grid's order already
		return y
	}
	return n.Gather(y, a.index(n, restoreFeed, N))
}

// pixels is the reconstruction of what the patches show.
func (a *autoencoder) pixels(norm string) heads.Pixels {
	kernel := a.of["patch_embed.proj.weight"]
	return heads.Pixels{Kernel: sizes(kernel[2:]).volume(), Channels: kernel[1], Norm: norm}
}

// squared is the loss of a reconstruction of patches.
func (r *replay) squared(a *autoencoder, p heads.Pixels) loss {
	return func(n network) *ops.Node {
		return p.Loss(n.Scope, r.feed(n.Graph, a.input), n.Logits, a.index(n, model.MaskedFeed, a.Masked), n.Feed(weightFeed, a.batch, a.Masked))
	}
}

// checkSplit compares which patches are masked, and their places.
func (r *replay) checkSplit(a *autoencoder) {
	shape := r.tensor("out/mask").Shape
	mask, masked := make([]float32, shape[0]*shape[1]), a.feeds[model.MaskedFeed].([]int32)
	for i, p := range masked {
		mask[i/a.Masked*shape[1]+int(p)] = 1
	}
	checkValues(r, equal(), "out/mask", mask)
	checkValues(r, equal(), "out/ids_restore", a.feeds[restoreFeed].([]int32))
}
