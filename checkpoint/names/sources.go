package names

import "fmt"

// Rules of a block, within ours and theirs. A name that ends in .* is that of a
// layer.
const (
	timmBlock = `
		norm1.*      =
		attn.qkv.*   =
		attn.proj.*  =
		norm2.*      =
		mlp.fc1.*    =
		mlp.fc2.*    =
		gamma_1      ls1.gamma
		gamma_2      ls2.gamma`
	pointBlock = `
		norm1.*      =
		attn.qkv.*   =
		attn.proj.*  =
		norm2.*      =
		mlp.fc1.*    =
		mlp.fc2.*    =`
	videoBlock = `
		gamma_1          =
		gamma_2          =
		norm1.*          =
		attn.qkv.weight  =
		attn.qkv.bias    attn.q_bias 0 attn.v_bias
		attn.scale       =
		attn.proj.*      =
		norm2.*          =
		mlp.fc1.*        =
		mlp.fc2.*        =`
	hfBlock = `
		norm1.*          layernorm_before.*
		attn.qkv.weight  attention.attention.query.weight attention.attention.key.weight attention.attention.value.weight
		attn.proj.*      attention.output.dense.*
		norm2.*          layernorm_after.*
		mlp.fc1.*        intermediate.dense.*
		mlp.fc2.*        output.dense.*`
	hfBias = `
		attn.qkv.bias    attention.attention.query.bias attention.attention.key.bias attention.attention.value.bias`
	hfSplitBias = `
		attn.qkv.bias    attention.attention.q_bias 0 attention.attention.v_bias`
	ownBias = `
		attn.qkv.bias    attn.q_bias 0 attn.v_bias`
)

// Rules of what is around the blocks.
const (
	timmRest = `
		cls_token           =
		pos_embed           =
		patch_embed.proj.*  =
		norm.*              =
		fc_norm.*           =
		head.*              =
		head.N.*            =`
	maeDecoder = `
		mask_token          =
		decoder_embed.*     =
		decoder_pos_embed   =
		decoder_norm.*      =
		decoder_pred.*      =`
	pointEncoder = `
		cls_token                  =
		cls_pos                    =
		encoder.first_conv.N.*     =
		encoder.second_conv.N.*    =
		pos_embed.N.*              =
		norm.*                     =`
	pointRest = `
		cls_head_finetune.N.*      =
		label_conv.N.*             =
		propagation_0.mlp_convs.N.*  =
		propagation_0.mlp_bns.N.*  =
		convs1.*                   =
		convs2.*                   =
		convs3.*                   =
		bns1.*                     =
		bns2.*                     =
		mask_token                 =
		decoder_pos_embed.N.*      =
		decoder_norm.*             MAE_decoder.norm.*
		decoder_pred.weight        increase_dim.0.weight×1
		decoder_pred.bias          increase_dim.0.bias`
	videoDecoder = `
		mask_token                 =
		decoder_embed.weight       encoder_to_decoder.weight
		decoder_norm.*             decoder.norm.*
		decoder_pred.*             decoder.head.*`
	hfEncoder = `
		cls_token                  embeddings.cls_token
		pos_embed                  embeddings.position_embeddings
		patch_embed.proj.*         embeddings.patch_embeddings.projection.*
		norm.*                     layernorm.*
		-                          pooler.dense.*`
	hfHead = `
		head.*                     classifier.*`
	hfPooled = `
		fc_norm.*                  =`
	hfDecoder = `
		mask_token                 decoder.mask_token
		decoder_embed.*            decoder.decoder_embed.*
		decoder_pos_embed          decoder.decoder_pos_embed
		decoder_norm.*             decoder.decoder_norm.*
		decoder_pred.*             decoder.decoder_pred.*`
	swin = `
		attn.tau                   =
		attn.meta_mlp.fc1.*        =
		attn.meta_mlp.fc2.*        =`
)

// Names that tell a source.
const (
	blocks     pattern = "blocks.N.attn.qkv.weight"
	split      pattern = "blocks.N.attn.q_bias"
	cosine     pattern = "blocks.N.attn.scale"
	scaled     pattern = "blocks.N.gamma_1"
	decoder    pattern = "decoder_blocks.N.attn.qkv.weight"
	swinBlocks pattern = "decoder_blocks.N.attn.tau"
	cloud      pattern = "encoder.first_conv.N.weight"
	points     pattern = "blocks.blocks.N.attn.qkv.weight"
	hfBlocks   pattern = "encoder.layer.N.attention.attention.query.weight"
	hfSplit    pattern = "encoder.layer.N.attention.attention.q_bias"
	hfMean     pattern = "fc_norm.weight"
	hfEmbed    pattern = "encoder_to_decoder.weight"
)

// table returns the names of the source.
func (s Source) table() (table, error) {
	switch s {
	case M2PT:
		return table{
			marks: [][]pattern{{blocks, cloud}, {blocks, cloud, decoder}, {blocks, split, decoder}, {blocks, cosine}, {blocks, scaled}},
			rest:  append(each("blocks", "blocks", ownBias), each("decoder_blocks", "decoder_blocks", ownBias)...),
			open:  true,
		}, nil
	case TIMM:
		return table{marks: [][]pattern{{blocks}}, rest: timm()}, nil
	case MAE:
		return table{marks: [][]pattern{{blocks, decoder}}, rest: mae()}, nil
	case AudioMAE:
		return table{marks: [][]pattern{{blocks, decoder, swinBlocks}}, rest: append(mae(), each("decoder_blocks", "decoder_blocks", swin)...)}, nil
	case PointMAE:
		return table{
			marks:      [][]pattern{{points}},
			encoder:    append(parse(pointEncoder), each("blocks", "blocks.blocks", pointBlock)...),
			rest:       append(parse(pointRest), each("decoder_blocks", "MAE_decoder.blocks", pointBlock)...),
			pretrained: "MAE_encoder.",
		}, nil
	case VideoMAE:
		return table{
			marks:      [][]pattern{{blocks, split}, {blocks, split, cosine}, {blocks, split, scaled}},
			encoder:    append(parse(timmRest), each("blocks", "blocks", videoBlock)...),
			rest:       append(parse(videoDecoder), each("decoder_blocks", "decoder.blocks", videoBlock)...),
			pretrained: "encoder.",
		}, nil
	case HFViT:
		return table{
			marks:      [][]pattern{{hfBlocks}},
			encoder:    append(parse(hfEncoder), each("blocks", "encoder.layer", hfBlock+hfBias)...),
			rest:       append(parse(hfHead+hfDecoder), each("decoder_blocks", "decoder.decoder_layers", hfBlock+hfBias)...),
			tuned:      "vit.",
			pretrained: "vit.",
		}, nil
	case HFVideoMAE:
		return table{
			marks:      [][]pattern{{hfBlocks, hfSplit}, {hfBlocks, hfMean}, {hfBlocks, hfEmbed}},
			encoder:    append(parse(hfEncoder), each("blocks", "encoder.layer", hfBlock+hfSplitBias)...),
			rest:       append(parse(hfHead+hfPooled+videoDecoder), each("decoder_blocks", "decoder.decoder_layers", hfBlock+hfSplitBias)...),
			tuned:      "videomae.",
			pretrained: "videomae.",
		}, nil
	}
	return table{}, fmt.Errorf("names of %q: want one of %s", s, list())
}

func timm() []rule { return append(parse(timmRest), each("blocks", "blocks", timmBlock)...) }

func mae() []rule {
	return append(append(timm(), parse(maeDecoder)...), each("decoder_blocks", "decoder_blocks", timmBlock)...)
}

// each are the rules of numbered blocks.
func each(ours, theirs, block string) []rule {
	return within(ours+".N.", theirs+".N.", parse(block))
}
