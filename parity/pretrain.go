package parity

import (
	"strings"

	"m2pt/checkpoint"
	"m2pt/heads"
	"m2pt/model"
	"m2pt/nn"
	"m2pt/ops"
	"m2pt/tokenizers/masking"
	"m2pt/train"
)

// pretrainMeta are the hyper-parameters of a masked autoencoder of pictures or
// spectrograms that the shapes of its parameters do not tell.
type pretrainMeta struct {
	vitMeta
	DecoderHeads int     `json:"decoder_num_heads"`
	MaskRatio    float64 `json:"mask_ratio"`
	Mask2D       bool    `json:"mask_2d"`
	MaskTProb    float64 `json:"mask_t_prob"`
	MaskFProb    float64 `json:"mask_f_prob"`
	NormPix      bool    `json:"norm_pix_loss"`
	Window       int     `json:"decoder_window"`
}

// maeImagePretrain: the mask, what encoder and decoder make of the patches, these
// cut and put together, and both losses with their gradients.
func maeImagePretrain(r *replay) {
	var m pretrainMeta
	r.meta(&m)
	a := r.picturePretraining(m, "imgs")
	build := func() network {
		n := r.encoded(a)
		pixels, pred := r.feed(n.Graph, a.input), a.predictions(n)
		patches := ops.Patches{Kernel: a.pixels("").Kernel, Stride: a.pixels("").Kernel, ChannelsLast: true, To: n.Dtype}
		n.show("pred", pred)
		n.show("patchify", n.PatchTargets(pixels, patches.Kernel, patches.Stride, nil, nil))
		// Patches side by side: the adjoint of cutting puts them together.
		n.show("unpatchify_pred", n.Apply(ops.PatchesGrad{Patches: patches, Of: ops.SpecOf(pixels)}, pred))
		return n
	}
	plain, standardised := r.squared(a, a.pixels("")), r.squared(a, a.pixels("patch"))
	r.forward(build(), map[string]loss{"pix": plain, "norm_pix": standardised})
	r.backward(build(), "grad", plain)
	r.backward(build(), "grad_normpix", standardised)
	r.checkSplit(a)
}

// maeAudioPretrain: the same of spectrograms, with one loss.
func maeAudioPretrain(r *replay) {
	var m pretrainMeta
	r.meta(&m)
	a := r.picturePretraining(m, "x")
	build := func() network {
		n := r.encoded(a)
		n.show("pred", a.predictions(n))
		return n
	}
	norm := ""
	if m.NormPix {
		norm = "patch"
	}
	recon := r.squared(a, a.pixels(norm))
	r.forward(build(), map[string]loss{"recon": recon})
	r.backward(build(), "grad", recon)
	r.checkSplit(a)
}

// picturePretraining is the autoencoder of a batch in/<input> that recorded noise
// masks: single patches, or whole rows and columns. Its decoder may have windows.
func (r *replay) picturePretraining(m pretrainMeta, input string) *autoencoder {
	a := r.autoencoder(m.vitMeta, m.DecoderHeads, input)
	a.tokenizer, a.Window = a.shapes.tokenizer(r.tensor("in/" + input).Shape[1:]), m.Window
	rows, columns := a.tokenizer.Grid()[1], a.tokenizer.Grid()[2]
	if m.Mask2D {
		mask, err := masking.NewGrid(rows, columns, m.MaskTProb, m.MaskFProb)
		r.must(err)
		a.draw(mask, r.floats("in/noise_t"), r.floats("in/noise_f"))
		return a
	}
	mask, err := masking.NewRandom(rows*columns, m.MaskRatio)
	r.must(err)
	a.draw(mask, r.floats("in/noise"))
	return a
}

// pointMAE: tokens of the visible groups, rebuilt and true neighbours of the masked
// ones, the loss, its gradients, and running statistics.
func pointMAE(r *replay) {
	r.edit(pointMAENames)
	var m struct {
		vitMeta
		groupMeta
		DecoderHeads int `json:"decoder_num_heads"`
		Loss         string
	}
	r.meta(&m)
	c := r.clouds("in/pts")
	a := r.autoencoder(m.vitMeta, m.DecoderHeads, "pts")
	t := a.pointTokenizer("encoder.", m.groupMeta, c.N)
	a.tokenizer, a.mode = t, nn.Train
	a.split(r.where("mask", 0), r.where("mask", 1))
	a.feeds[train.GroupFeed] = r.group(c, m.Groups, m.Size)
	h := heads.Points{Size: m.Size, L1: m.Loss == "cdl1"}
	local := func(n network) *ops.Node {
		neighbours, _ := t.Neighbours(n.Scope, r.feed(n.Graph, a.input))
		return neighbours
	}
	build := func() network {
		n := r.encoded(a)
		target := h.Targets(n.Scope, local(n), a.index(n, model.MaskedFeed, a.Masked))
		n.show("rebuild", n.Reshape(n.Logits, a.batch*a.Masked, m.Size, 3))
		n.show("gt", n.Reshape(target, a.batch*a.Masked, m.Size, 3))
		return n
	}
	chamfer := func(n network) *ops.Node {
		return h.Loss(n.Scope, local(n), n.Logits, a.index(n, model.MaskedFeed, a.Masked))
	}
	r.forward(build(), map[string]loss{m.Loss: chamfer})
	r.backward(build(), "grad", chamfer)
}

// pointMAENames turns Point-MAE's names into those of [model.MAE], and its last
// convolution of kernel size 1 into the linear layer that it is.
func pointMAENames(t *checkpoint.Tensor) {
	t.Name = strings.NewReplacer("/MAE_encoder.blocks.blocks.", "/blocks.", "/MAE_encoder.", "/",
		"/MAE_decoder.blocks.blocks.", "/decoder_blocks.", "/MAE_decoder.", "/decoder_",
		"/increase_dim.0.", "/decoder_pred.").Replace(t.Name)
	if strings.HasSuffix(t.Name, "/decoder_pred.weight") {
		t.Shape = t.Shape[:2]
	}
}

// maeVideoPretrain: tokens of the visible tubelets, predictions of the decoded
// ones, what these show, which of them count, the loss, its gradients and the
// position tables.
func maeVideoPretrain(r *replay) {
	r.edit(videoMAENames)
	var m struct {
		vitMeta
		EncoderHeads int  `json:"encoder_heads"`
		DecoderHeads int  `json:"decoder_heads"`
		Normalize    bool `json:"normalize_target"`
		Mean, Std    []float64
	}
	r.meta(&m)
	m.NumHeads = m.EncoderHeads
	a := r.autoencoder(m.vitMeta, m.DecoderHeads, "x")
	a.tokenizer = a.shapes.tokenizer(r.tensor("in/x").Shape[1:])
	a.split(r.where("mask", 0), r.where("decode_mask", 0))
	r.weighHidden(a)
	p := a.pixels("")
	for c, mean := range m.Mean { // targets show the clip as it was: x·std + mean
		p.Input.Mean, p.Input.Std = append(p.Input.Mean, -mean/m.Std[c]), append(p.Input.Std, 1/m.Std[c])
	}
	if m.Normalize {
		p.Norm = "channel"
	}
	build := func() network {
		n := r.encoded(a)
		n.show("pred", n.Logits)
		n.show("labels", p.Targets(n.Scope, r.feed(n.Graph, a.input), a.index(n, model.MaskedFeed, a.Masked)))
		return n
	}
	recon := r.squared(a, p)
	r.forward(build(), map[string]loss{"recon": recon})
	r.backward(build(), "grad", recon)
	checkValues(r, table(), "out/encoder_pos_table", r.derived["pos_embed"])
	checkValues(r, table(), "out/decoder_pos_table", r.derived["decoder_pos_embed"])
}

func videoMAENames(t *checkpoint.Tensor) {
	t.Name = strings.NewReplacer("/encoder.", "/", "/encoder_to_decoder.", "/decoder_embed.",
		"/decoder.head.", "/decoder_pred.", "/decoder.", "/decoder_").Replace(t.Name)
}

// weighHidden gives the decoded patches that were hidden from the encoder, of the
// whole batch, equal weights in the mean loss, and the others none.
func (r *replay) weighHidden(a *autoencoder) {
	mask, hidden := r.ints("in/mask"), []uint8(nil)
	N, count := len(mask)/a.batch, 0
	for i, p := range a.feeds[model.MaskedFeed].([]int32) {
		h := mask[i/a.Masked*N+int(p)]
		hidden = append(hidden, uint8(h))
		count += int(h)
	}
	checkValues(r, equal(), "out/loss_mask", hidden)
	weight := convert[float32](hidden)
	for i := range weight {
		weight[i] *= float32(a.batch) / float32(count)
	}
	a.feeds[weightFeed] = weight
}
