package experiment

import (
	"reflect"
	"slices"
	"strings"
)

// formats are those of the modality.
func (c *Config) formats() []string {
	switch c.Tokenizer.Kind {
	case "audio":
		return []string{"generated", "folder", "csv", "audioset", "esc50", "speechcommands"}
	case "point":
		return []string{"generated", "folder", "csv", "modelnet10", "modelnet40", "shapenet", "shapenetpart", "shards"}
	case "video":
		return []string{"generated", "folder", "csv", "list", "shards"}
	}
	return []string{"generated", "folder", "cifar10", "shards"}
}

// variants are those of the generated data.
func (c *Config) variants() []string {
	switch {
	case c.Head.Kind == "parts":
		return []string{"parts"}
	case c.Tokenizer.Kind == "point":
		return []string{"shapes", "parts"}
	case c.Tokenizer.Kind == "image":
		return []string{"shapes", "textures"}
	}
	return nil
}

func (c *Config) checkPositions(k *checks) {
	m, point := c.Model, c.Tokenizer.Kind == "point"
	k.oneOf("model.pos_embed", m.PosEmbed, "learned", "sincos", "sinusoid", "mlp")
	switch {
	case point != (m.PosEmbed == "mlp"):
		k.add("model.pos_embed", "is %q with tokenizer.kind = %q: \"mlp\" is for point clouds, and they for it", m.PosEmbed, c.Tokenizer.Kind)
	case m.PosEmbed == "sincos" && m.EmbedDim%4 != 0:
		k.add("model.pos_embed", "is \"sincos\", which needs model.embed_dim = %d to be a multiple of 4", m.EmbedDim)
	case m.PosEmbed == "sincos" && c.Tokenizer.Kind == "video":
		k.add("model.pos_embed", "is \"sincos\", the table of pictures: clips have \"sinusoid\" or \"learned\"")
	}
}

func (c *Config) checkHead(k *checks) {
	h := c.Head
	k.oneOf("head.kind", h.Kind, "linear", "probe", "point", "parts")
	if c.Task != "pretrain" {
		c.checkHeadKind(k)
	}
	k.oneOf("head.loss", h.Loss, "cross_entropy", "bce")
	if h.Loss == "bce" && c.Tokenizer.Kind != "audio" {
		k.add("head.loss", "is \"bce\", which needs samples of several classes: tokenizer.kind = \"audio\"")
	}
	k.want("head.init_std", h.InitStd, notNegative(h.InitStd), isNotNegative)
	k.within("head.hidden", h.Hidden, 1, maxDim)
	for _, w := range h.Widths {
		k.within("head.widths", w, 0, maxDim)
	}
	k.want("head.dropout", h.Dropout, decay(h.Dropout), isDecay)
}

// checkHeadKind wants what the kind of head needs.
func (c *Config) checkHeadKind(k *checks) {
	h, point := c.Head, c.Tokenizer.Kind == "point"
	if (h.Kind == "point" || h.Kind == "parts") && !point {
		k.add("head.kind", "is %q, which needs tokenizer.kind = \"point\"", h.Kind)
	}
	switch {
	case h.Kind == "point" && !c.Model.ClassToken:
		k.add("head.kind", "is \"point\", which needs model.class_token = true")
	case h.Kind == "parts" && (c.Model.ClassToken || c.Model.Depth%3 != 0):
		k.add("head.kind", "is \"parts\", which needs model.class_token = false and a model.depth that 3 divides")
	}
	if of := []string{"generated", "shapenetpart"}; h.Kind == "parts" && !slices.Contains(of, c.Data.Format) {
		k.add("head.kind", "is \"parts\", which needs labelled points: data.format = \"generated\" or \"shapenetpart\"")
	}
	if t := c.Train; h.Kind != "linear" && t.Accumulate >= 1 && t.Batch >= 1 && t.MicroBatch() < 2 {
		k.add("train.batch", "gives micro-batches of %d, but batch normalisation needs 2 samples or more", t.MicroBatch())
	}
}

const (
	maxPoints = 1 << 19
	maxViews  = 1000
)

func (c *Config) checkPoint(k *checks) {
	p, t, a := c.Point, c.Tokenizer, c.Augment
	k.within("point.points", p.Points, 1, maxPoints)
	k.oneOf("point.sampling", p.Sampling, "fps", "random", "replace")
	k.oneOf("point.up", p.Up, "x", "y", "z")
	k.want("point.drop_points", p.DropPoints, decay(p.DropPoints), isDecay)
	k.want("point.way", p.Way, p.Way == 0 || 2 <= p.Way && p.Way <= 1<<16, "2 to 65536, or 0 for off")
	k.within("point.shot", p.Shot, 1, 1<<16)
	k.within("point.fold", p.Fold, 0, 1<<16)
	if p.FoldFile != "" && p.Way > 0 {
		k.add("point.fold_file", "and way are both given; keep one")
	}
	if p.ScaleTranslate && p.ScaleShift {
		k.add("point.scale_shift", "and scale_translate are both on; keep one")
	}
	k.within("tokenizer.groups", t.Groups, 1, maxTokens)
	k.within("tokenizer.group_size", t.GroupSize, 1, maxTokens)
	for _, w := range t.Widths {
		k.within("tokenizer.widths", w, 1, maxDim)
	}
	if t.Groups > p.Points || t.GroupSize > p.Points {
		k.add("tokenizer.groups", "gives %d groups of %d of point.points = %d", t.Groups, t.GroupSize, p.Points)
	}
	if a.Mixes() || a.ReProb > 0 {
		k.add("augment.mixup", "cutmix and reprob change pixels; point clouds have none: set them to 0")
	}
}

func (c *Config) checkVideo(k *checks) {
	v, t := c.Video, c.Tokenizer
	k.within("video.frames", v.Frames, 1, 1<<12)
	k.within("video.rate", v.Rate, 1, 1<<12)
	k.within("video.short", v.Short, 0, maxSide)
	k.within("video.first_frame", v.FirstFrame, 0, 1)
	k.within("tokenizer.tubelet_size", t.TubeletSize, 1, 1<<12)
	if v.Frames >= 1 && t.TubeletSize >= 1 && v.Frames%t.TubeletSize != 0 {
		k.add("tokenizer.tubelet_size", "is %d, which does not divide video.frames = %d", t.TubeletSize, v.Frames)
	}
	if t.TubeletSize >= 1 && t.PatchSize >= 1 {
		side := c.Data.ImageSize / t.PatchSize
		if n := v.Frames / t.TubeletSize * side * side; n > maxTokens {
			k.add("tokenizer.tubelet_size", "gives %d tubelets, want %d at most", n, maxTokens)
		}
	}
	if v.Short > 0 && v.Short < c.Data.ImageSize {
		k.add("video.short", "is %d, smaller than data.image_size = %d", v.Short, c.Data.ImageSize)
	}
	if t.Stride > 0 && t.Stride != t.PatchSize {
		k.add("tokenizer.stride", "is %d, but tubelets do not overlap: leave it out", t.Stride)
	}
	if crop := c.Augment.Crop; crop == "byol" || crop == "shift" {
		k.add("augment.crop", "is %q, but clips have \"resized\", \"multi_scale\" or \"none\"", crop)
	}
	if c.Data.Channels != 3 {
		k.add("data.channels", "is %d, but clips have 3", c.Data.Channels)
	}
}

// checkOthers refuses what another modality is told.
func (c *Config) checkOthers(k *checks) {
	sections := map[string]string{"audio": "audio", "point": "point", "video": "video"}
	delete(sections, c.Tokenizer.Kind)
	usual := map[string]string{}
	base := defaults(c.Tokenizer.Kind)
	for _, f := range leaves(reflect.ValueOf(base).Elem(), "") {
		usual[f.key] = f.text(base)
	}
	for _, f := range leaves(reflect.ValueOf(c).Elem(), "") {
		section, _, _ := strings.Cut(f.key, ".")
		if kind, other := sections[section]; other && f.text(c) != usual[f.key] {
			k.add(f.key, "is given, but tokenizer.kind is %q: it is for %q", c.Tokenizer.Kind, kind)
		}
	}
	if a := c.Augment; c.Tokenizer.Kind == "audio" || c.Tokenizer.Kind == "point" {
		if a.AutoAugment != "" || a.ColorJitter > 0 {
			k.add("augment.auto_augment", "and color_jitter change pictures and clips; tokenizer.kind is %q", c.Tokenizer.Kind)
		}
	}
	if c.Head.Kind == "probe" && c.Head.Dropout > 0 {
		k.add("head.dropout", "is %v, but a \"probe\" has none", c.Head.Dropout)
	}
}

func (c *Config) checkViews(k *checks) {
	e, kind := c.Eval, c.Tokenizer.Kind
	k.within("eval.votes", e.Votes, 1, maxViews)
	if e.Votes > 1 && (kind != "point" || c.Head.Kind == "parts") {
		k.add("eval.votes", "is %d, but only the classes of point clouds are voted on", e.Votes)
	}
	k.within("eval.segments", e.Segments, 0, maxViews)
	k.within("eval.crops", e.Crops, 0, maxViews)
	if e.Segments*e.Crops > maxViews {
		k.add("eval.segments", "times crops are %d views, want %d at most", e.Segments*e.Crops, maxViews)
	}
	if (e.Segments > 0 || e.Crops > 0) && kind != "video" {
		k.add("eval.segments", "and crops are given, but tokenizer.kind is %q, want \"video\"", kind)
	} else if (e.Segments > 0) != (e.Crops > 0) {
		k.add("eval.crops", "is %d and segments %d: give both or neither", e.Crops, e.Segments)
	}
}
