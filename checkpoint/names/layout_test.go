package names

import (
	"strconv"
	"strings"
	"testing"

	"m2pt/checkpoint"
)

// layout lists tensors, "NAME SHAPE" on a line, where {a,b} in a name stands for
// either and a shape is numbers joined by x.
type layout string

const (
	wb = ".{weight,bias}"
	bn = ".{weight,bias,running_mean,running_var}"

	// Encoders of width 4, two blocks.
	timmBlocks = `
		blocks.{0,1}.{norm1,norm2}` + wb + ` 4
		blocks.{0,1}.attn.qkv.weight 12x4
		blocks.{0,1}.attn.proj.weight 4x4
		blocks.{0,1}.attn.proj.bias 4
		blocks.{0,1}.mlp.fc1.weight 8x4
		blocks.{0,1}.mlp.fc1.bias 8
		blocks.{0,1}.mlp.fc2.weight 4x8
		blocks.{0,1}.mlp.fc2.bias 4`
	wholeBias = `
		blocks.{0,1}.attn.qkv.bias 12`
	patches = `
		patch_embed.proj.bias 4
		cls_token 1x1x4
		pos_embed 1x5x4`
	ourDecoder = `
		decoder_blocks.0.{norm1,norm2}` + wb + ` 2
		decoder_blocks.0.attn.qkv.weight 6x2
		decoder_blocks.0.attn.proj.weight 2x2
		decoder_blocks.0.attn.proj.bias 2
		decoder_blocks.0.mlp.fc1.weight 4x2
		decoder_blocks.0.mlp.fc1.bias 4
		decoder_blocks.0.mlp.fc2.weight 2x4
		decoder_blocks.0.mlp.fc2.bias 2
		decoder_norm` + wb + ` 2
		mask_token 1x1x2`
	decoderBias = `
		decoder_blocks.0.attn.qkv.bias 6`

	ourImage = patches + timmBlocks + wholeBias + `
		patch_embed.proj.weight 4x3x2x2`
	ourClips = timmBlocks + wholeBias + `
		patch_embed.proj.weight 4x3x2x2x2
		patch_embed.proj.bias 4`
	ourMAE = ourImage + ourDecoder + decoderBias + `
		norm` + wb + ` 4
		decoder_embed.weight 2x4
		decoder_embed.bias 2
		decoder_pos_embed 1x5x2
		decoder_pred.weight 12x2
		decoder_pred.bias 12`
	ourVideoMAE = ourClips + ourDecoder + decoderBias + `
		norm` + wb + ` 4
		decoder_embed.weight 2x4
		decoder_pred.weight 24x2
		decoder_pred.bias 24`
	swinNames = `
		decoder_blocks.0.attn.meta_mlp.{fc1,fc2}.weight 3x2
		decoder_blocks.0.attn.meta_mlp.{fc1,fc2}.bias 3
		decoder_blocks.0.attn.tau 2`
	head = `
		head.weight 3x4
		head.bias 3`

	pointTokens = `
		encoder.first_conv.0.weight 2x3x1
		encoder.first_conv.0.bias 2
		encoder.first_conv.1` + bn + ` 2
		encoder.first_conv.3.weight 3x2x1
		encoder.first_conv.3.bias 3
		encoder.second_conv.0.weight 6x6x1
		encoder.second_conv.0.bias 6
		encoder.second_conv.1` + bn + ` 6
		encoder.second_conv.3.weight 4x6x1
		encoder.second_conv.3.bias 4
		pos_embed.0.weight 128x3
		pos_embed.0.bias 128
		pos_embed.2.weight 4x128
		pos_embed.2.bias 4
		norm` + wb + ` 4`
	pointClass = `
		{cls_token,cls_pos} 1x1x4
		cls_head_finetune.0.weight 5x8
		cls_head_finetune.0.bias 5
		cls_head_finetune.{1,5}` + bn + ` 5
		cls_head_finetune.4.weight 5x5
		cls_head_finetune.4.bias 5
		cls_head_finetune.8.weight 3x5
		cls_head_finetune.8.bias 3`
	pointParts = `
		label_conv.0.weight 64x16x1
		label_conv.1` + bn + ` 64
		propagation_0.mlp_convs.{0,1}.weight 16x15x1
		propagation_0.mlp_convs.{0,1}.bias 16
		propagation_0.mlp_bns.{0,1}` + bn + ` 16
		convs{1,2,3}.weight 5x5x1
		convs{1,2,3}.bias 5
		bns{1,2}` + bn + ` 5`
	counts = `
		encoder.{first_conv,second_conv}.1.num_batches_tracked -`
	pointMAE = `
		decoder_pos_embed.0.weight 128x3
		decoder_pos_embed.0.bias 128
		decoder_pos_embed.2.weight 2x128
		decoder_pos_embed.2.bias 2`

	hfEncoderNames = `
		embeddings.patch_embeddings.projection.bias 4
		encoder.layer.{0,1}.{layernorm_before,layernorm_after}` + wb + ` 4
		encoder.layer.{0,1}.attention.attention.{query,key,value}.weight 4x4
		encoder.layer.{0,1}.attention.output.dense.weight 4x4
		encoder.layer.{0,1}.attention.output.dense.bias 4
		encoder.layer.{0,1}.intermediate.dense.weight 8x4
		encoder.layer.{0,1}.intermediate.dense.bias 8
		encoder.layer.{0,1}.output.dense.weight 4x8
		encoder.layer.{0,1}.output.dense.bias 4`
	hfViT = hfEncoderNames + `
		embeddings.cls_token 1x1x4
		embeddings.position_embeddings 1x5x4
		embeddings.patch_embeddings.projection.weight 4x3x2x2
		encoder.layer.{0,1}.attention.attention.{query,key,value}.bias 4
		layernorm` + wb + ` 4`
	hfVideo = hfEncoderNames + `
		embeddings.patch_embeddings.projection.weight 4x3x2x2x2
		encoder.layer.{0,1}.attention.attention.{q_bias,v_bias} 4`
	hfDecoder0 = `
		decoder.decoder_layers.0.{layernorm_before,layernorm_after}` + wb + ` 2
		decoder.decoder_layers.0.attention.attention.{query,key,value}.weight 2x2
		decoder.decoder_layers.0.attention.output.dense.weight 2x2
		decoder.decoder_layers.0.attention.output.dense.bias 2
		decoder.decoder_layers.0.intermediate.dense.weight 4x2
		decoder.decoder_layers.0.intermediate.dense.bias 4
		decoder.decoder_layers.0.output.dense.weight 2x4
		decoder.decoder_layers.0.output.dense.bias 2`
)

// in puts a prefix ahead of every name.
func (l layout) in(prefix string) layout {
	var out strings.Builder
	for line := range strings.Lines(string(l)) {
		if line = strings.TrimSpace(line); line != "" {
			out.WriteString(prefix + line + "\n")
		}
	}
	return layout(out.String())
}

// with replaces parts of names.
func (l layout) with(oldnew ...string) layout {
	return layout(strings.NewReplacer(oldnew...).Replace(string(l)))
}

// tensors are those of the layout, no number twice in them.
func (l layout) tensors(t testing.TB) *checkpoint.Tensors {
	t.Helper()
	ts := &checkpoint.Tensors{}
	next := float32(1)
	for line := range strings.Lines(string(l)) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		var shape []int
		n := 1
		for dim := range strings.SplitSeq(fields[1], "x") {
			if dim != "-" {
				d, err := strconv.Atoi(dim)
				must(t, err)
				shape, n = append(shape, d), n*d
			}
		}
		for _, name := range braces(fields[0]) {
			v := make([]float32, n)
			for i := range v {
				v[i], next = next, next+1
			}
			must(t, ts.Add(checkpoint.New(name, shape, v)))
		}
	}
	return ts
}

// braces are the names that {a,b} stands for.
func braces(name string) []string {
	before, rest, ok := strings.Cut(name, "{")
	if !ok {
		return []string{name}
	}
	choice, after, _ := strings.Cut(rest, "}")
	var all []string
	for c := range strings.SplitSeq(choice, ",") {
		for _, tail := range braces(after) {
			all = append(all, before+c+tail)
		}
	}
	return all
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// file is a checkpoint of another project and what it is in our names.
type file struct {
	name         string
	source       Source
	theirs, ours layout
	readOnly     bool // not what Write makes of it
}

// files are all layouts that are known.
func files() []file {
	videoMAE := layout(ourVideoMAE).with("decoder_blocks.0.attn.qkv.bias 6", "decoder.blocks.0.attn.{q_bias,v_bias} 2",
		"decoder_blocks", "decoder.blocks", "decoder_norm", "decoder.norm", "decoder_pred", "decoder.head", "decoder_embed", "encoder_to_decoder",
		"\t\tblocks.{0,1}.attn.qkv.bias 12", "\t\tencoder.blocks.{0,1}.attn.{q_bias,v_bias} 4",
		"\t\tblocks", "\t\tencoder.blocks", "\t\tpatch_embed", "\t\tencoder.patch_embed", "\t\tnorm", "\t\tencoder.norm")
	pointDecoder := layout(ourDecoder)
	pointTuned := layout(pointTokens) + layout(timmBlocks)
	pointOurs := pointTuned + pointMAE + pointDecoder + `
		decoder_pred.weight 6x2
		decoder_pred.bias 6`
	pointPretrained := layout(pointTokens).in("MAE_encoder.") + layout(timmBlocks).with("blocks.", "MAE_encoder.blocks.blocks.") + pointMAE +
		pointDecoder.with("decoder_blocks", "MAE_decoder.blocks", "decoder_norm", "MAE_decoder.norm") + `
		increase_dim.0.weight 6x2x1
		increase_dim.0.bias 6`
	return []file{
		{name: "timm", source: TIMM, theirs: ourImage + "\nnorm{.weight,.bias} 4" + head, ours: ourImage + "\nnorm{.weight,.bias} 4" + head},
		{name: "timm, layer scale", source: TIMM, theirs: ourImage + "\nblocks.{0,1}.{ls1,ls2}.gamma 4" + head,
			ours: ourImage + "\nblocks.{0,1}.{gamma_1,gamma_2} 4" + head},
		{name: "MAE, encoder alone", source: TIMM, theirs: ourImage + "\nnorm{.weight,.bias} 4", ours: ourImage + "\nnorm{.weight,.bias} 4"},
		{name: "MAE, fine-tuned", source: TIMM, theirs: ourImage + "\nfc_norm{.weight,.bias} 4" + head, ours: ourImage + "\nfc_norm{.weight,.bias} 4" + head},
		{name: "MAE, probe", source: TIMM, theirs: ourImage + "\nhead.0.{running_mean,running_var} 4\nhead.0.num_batches_tracked -\nhead.1.weight 3x4\nhead.1.bias 3",
			ours: ourImage + "\nhead.0.{running_mean,running_var} 4\nhead.1.weight 3x4\nhead.1.bias 3", readOnly: true},
		{name: "MAE, pretrained", source: MAE, theirs: ourMAE, ours: ourMAE},
		{name: "AudioMAE, pretrained", source: AudioMAE, theirs: ourMAE + swinNames, ours: ourMAE + swinNames},
		{name: "Point-MAE, pretrained", source: PointMAE, theirs: pointPretrained, ours: pointOurs},
		{name: "Point-MAE, pretrained on one device", source: PointMAE, theirs: (layout(counts).in("MAE_encoder.") + pointPretrained).in("module."), ours: pointOurs, readOnly: true},
		{name: "Point-MAE, classifier", source: PointMAE, theirs: (pointTuned + pointClass).with("blocks.", "blocks.blocks."), ours: pointTuned + pointClass},
		{name: "Point-MAE, parts", source: PointMAE, theirs: (pointTuned + pointParts).with("blocks.", "blocks.blocks."), ours: pointTuned + pointParts},
		{name: "VideoMAE, pretrained", source: VideoMAE, theirs: videoMAE, ours: ourVideoMAE},
		{name: "VideoMAE, fine-tuned", source: VideoMAE, theirs: layout(ourClips).with("qkv.bias 12", "{q_bias,v_bias} 4") + "\nfc_norm{.weight,.bias} 4" + head,
			ours: ourClips + "\nfc_norm{.weight,.bias} 4" + head},
		{name: "VideoMAE, all options", source: VideoMAE,
			theirs: layout(ourClips).with("qkv.bias 12", "{q_bias,v_bias} 4") + "\nblocks.{0,1}.{gamma_1,gamma_2} 4\nblocks.{0,1}.attn.scale 2x1x1\npos_embed 1x8x4\nnorm{.weight,.bias} 4" + head,
			ours:   ourClips + "\nblocks.{0,1}.{gamma_1,gamma_2} 4\nblocks.{0,1}.attn.scale 2x1x1\npos_embed 1x8x4\nnorm{.weight,.bias} 4" + head},
		{name: "Hugging Face ViT", source: HFViT, theirs: layout(hfViT).in("vit.") + layout(head).with("head", "classifier"),
			ours: ourImage + "\nnorm{.weight,.bias} 4" + head},
		{name: "Hugging Face ViT, bare", source: HFViT, theirs: hfViT + "\npooler.dense.weight 4x4\npooler.dense.bias 4", ours: ourImage + "\nnorm{.weight,.bias} 4", readOnly: true},
		{name: "Hugging Face ViTMAE", source: HFViT, theirs: layout(hfViT).in("vit.") + hfDecoder0 + `
			decoder.decoder_layers.0.attention.attention.{query,key,value}.bias 2
			decoder.decoder_norm` + wb + ` 2
			decoder.mask_token 1x1x2
			decoder.decoder_embed.weight 2x4
			decoder.decoder_embed.bias 2
			decoder.decoder_pos_embed 1x5x2
			decoder.decoder_pred.weight 12x2
			decoder.decoder_pred.bias 12`, ours: ourMAE},
		{name: "Hugging Face VideoMAE, pretrained", source: HFVideoMAE, theirs: layout(hfVideo).in("videomae.") + hfDecoder0 + `
			videomae.layernorm` + wb + ` 4
			decoder.decoder_layers.0.attention.attention.{q_bias,v_bias} 2
			decoder.norm` + wb + ` 2
			mask_token 1x1x2
			encoder_to_decoder.weight 2x4
			decoder.head.weight 24x2
			decoder.head.bias 24`, ours: ourVideoMAE},
		{name: "Hugging Face VideoMAE, classifier", source: HFVideoMAE, theirs: layout(hfVideo).in("videomae.") + "\nfc_norm{.weight,.bias} 4" + layout(head).with("head", "classifier"),
			ours: ourClips + "\nfc_norm{.weight,.bias} 4" + head},
		{name: "Hugging Face VideoMAE, no biases", source: HFVideoMAE,
			theirs: layout(hfVideo).with("encoder.layer.{0,1}.attention.attention.{q_bias,v_bias} 4", "").in("videomae.") + "\nfc_norm{.weight,.bias} 4" + layout(head).with("head", "classifier"),
			ours:   layout(ourClips).with("blocks.{0,1}.attn.qkv.bias 12", "") + "\nfc_norm{.weight,.bias} 4" + layout(head)},
		{name: "ours, cosine attention", source: M2PT, theirs: ourImage + "\nblocks.{0,1}.attn.scale 2x1x1" + head, ours: ourImage + "\nblocks.{0,1}.attn.scale 2x1x1" + head},
		{name: "ours, all options", source: M2PT, theirs: ourClips + "\nblocks.{0,1}.{gamma_1,gamma_2} 4\nblocks.{0,1}.attn.scale 2x1x1" + head,
			ours: ourClips + "\nblocks.{0,1}.{gamma_1,gamma_2} 4\nblocks.{0,1}.attn.scale 2x1x1" + head},
		{name: "ours, layer scale", source: M2PT, theirs: ourClips + "\nblocks.{0,1}.{gamma_1,gamma_2} 4" + head, ours: ourClips + "\nblocks.{0,1}.{gamma_1,gamma_2} 4" + head},
		{name: "ours, clouds", source: M2PT, theirs: pointTuned + pointClass, ours: pointTuned + pointClass},
		{name: "ours, clouds pretrained", source: M2PT, theirs: pointOurs, ours: pointOurs},
		{name: "ours, clips pretrained", source: M2PT, theirs: layout(ourVideoMAE).with("decoder_blocks.0.attn.qkv.bias 6", "decoder_blocks.0.attn.{q_bias,v_bias} 2",
			"blocks.{0,1}.attn.qkv.bias 12", "blocks.{0,1}.attn.{q_bias,v_bias} 4"), ours: ourVideoMAE, readOnly: true},
	}
}
