package experiment

func (c *Config) checkMAE(k *checks) {
	a, kind := c.MAE, c.Tokenizer.Kind
	k.oneOf("mae.mask", a.Mask, "random", "grid", "tube", "block")
	k.oneOf("mae.chamfer", a.Chamfer, "l1", "l2")
	share := func(key string, v float64) { k.want(key, v, 0 < v && v < 1, "above 0 and below 1") }
	share("mae.mask_ratio", a.MaskRatio)
	share("mae.mask_t_prob", a.MaskTProb)
	share("mae.mask_f_prob", a.MaskFProb)
	k.oneOf("mae.decoder_mask", a.DecoderMask, "none", "running_cell")
	k.want("mae.draw_every", a.DrawEvery, a.DrawEvery >= 0, "0 or more steps")
	k.within("mae.decoder_dim", a.DecoderDim, 0, maxDim)
	k.within("mae.decoder_depth", a.DecoderDepth, 1, maxDepth)
	k.within("mae.decoder_heads", a.DecoderHeads, 0, maxDim)
	if a.DecoderHeads >= 1 && a.DecoderDim%a.DecoderHeads != 0 {
		k.add("mae.decoder_heads", "is %d, which does not divide mae.decoder_dim = %d", a.DecoderHeads, a.DecoderDim)
	}
	if (a.Mask == "block") && kind != "point" || a.Mask == "grid" && kind != "audio" {
		k.add("mae.mask", "is %q: blocks are for point clouds, grids for sounds; tokenizer.kind is %q", a.Mask, kind)
	}
	if (a.Mask == "tube" || a.DecoderMask == "running_cell") && kind != "video" {
		k.add("mae.mask", "is %q and decoder_mask %q: tubes and running cells are for clips, tokenizer.kind is %q", a.Mask, a.DecoderMask, kind)
	}
	c.checkDecoder(k)
	if c.Task == "pretrain" {
		c.checkPretraining(k)
	}
}

func (c *Config) checkDecoder(k *checks) {
	a, t := c.MAE, c.Tokenizer
	k.oneOf("mae.decoder", a.Decoder, "global", "window")
	k.within("mae.decoder_window", a.DecoderWindow, 3, maxSide)
	if a.Decoder != "window" || a.DecoderWindow < 1 || t.stride() < 1 {
		return
	}
	if t.Kind != "audio" {
		k.add("mae.decoder", "is \"window\", which is for sounds; tokenizer.kind is %q", t.Kind)
	} else if n := (c.Audio.MelBins-t.PatchSize)/t.stride() + 1; n%a.DecoderWindow != 0 {
		k.add("mae.decoder_window", "is %d, which does not divide the %d patches along frequency", a.DecoderWindow, n)
	}
}

// checkPretraining refuses what only classification has.
func (c *Config) checkPretraining(k *checks) {
	m := c.Model
	if len(c.Pathway) > 0 {
		k.add("task", "is \"pretrain\", which has no pathways: they join the fine-tuning")
	}
	if m.PosEmbed == "sincos" && c.MAE.DecoderDim%4 != 0 {
		k.add("mae.decoder_dim", "is %d, want a multiple of 4 for its positions", c.MAE.DecoderDim)
	}
	if c.Tokenizer.Kind != "point" {
		k.want("mae.decoder_dim", c.MAE.DecoderDim, c.MAE.DecoderDim >= 1, isCount)
		k.want("mae.decoder_heads", c.MAE.DecoderHeads, c.MAE.DecoderHeads >= 1, isCount)
	}
	a, s := c.Augment, c.Audio
	for _, use := range []struct {
		key   string
		given bool
	}{
		{"model.frozen", m.Frozen}, {"model.init", m.Init != ""}, {"model.init_values", m.InitValues > 0}, {"model.cos_attn", m.CosAttn},
		{"augment.mixup", a.Mixes() && a.Mixup > 0}, {"augment.cutmix", a.Mixes() && a.Cutmix > 0}, {"augment.reprob", a.ReProb > 0},
		{"head.loss", c.Head.Loss != "cross_entropy"},
		{"eval.votes", c.Eval.Votes > 1}, {"eval.segments", c.Eval.Segments > 0},
		{"audio.mixup", s.Mixup > 0}, {"audio.mask_t_prob", s.MaskTProb > 0}, {"audio.mask_f_prob", s.MaskFProb > 0},
	} {
		if use.given {
			k.add(use.key, "is given, but task is \"pretrain\": it is for \"classify\"")
		}
	}
}
