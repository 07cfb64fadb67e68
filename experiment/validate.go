package experiment

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"m2pt/internal/randaug"
)

// Validate checks every value, alone and against the others, and returns a
// [*UsageError] with one line per problem, or nil. It takes a Config before or
// after its zeros are derived.
func (c *Config) Validate() error {
	var lines []string
	for _, p := range c.check() {
		lines = append(lines, p.key+": "+p.text)
	}
	if len(lines) == 0 {
		return nil
	}
	return &UsageError{Problems: lines}
}

// problem is what is wrong with a key.
type problem struct{ key, text string }

// checks gathers problems.
type checks struct{ problems []problem }

func (k *checks) add(key, format string, args ...any) {
	k.problems = append(k.problems, problem{key, fmt.Sprintf(format, args...)})
}

// want adds a problem unless the value of key is right.
func (k *checks) want(key string, value any, right bool, need string) {
	if !right {
		k.add(key, "is %v, want %s", value, need)
	}
}

// oneOf wants value in the list allowed.
func (k *checks) oneOf(key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		k.add(key, "is %q, want %s", value, strings.Join(allowed, " or "))
	}
}

// within wants value in low..high. The upper bounds are far above what anyone
// computes: they turn a slip of the keyboard into a message.
func (k *checks) within(key string, value, low, high int) {
	k.want(key, value, low <= value && value <= high, fmt.Sprintf("%d to %d", low, high))
}

const (
	maxSamples = 100_000_000
	maxSide    = 1 << 14 // pixels
	maxTokens  = 1 << 16
	maxBatch   = 1 << 16
	maxPixels  = 1 << 34 // of a batch, channels counted
	maxDim     = 1 << 14
	maxDepth   = 1 << 10
	maxRatio   = 1 << 6
	maxEpochs  = 1_000_000
	maxThreads = 1 << 12
)

// No comparison holds for NaN, so each of these is false for it.

func finite(x float64) bool      { return math.Abs(x) <= math.MaxFloat64 }
func positive(x float64) bool    { return x > 0 && finite(x) }
func notNegative(x float64) bool { return x >= 0 && finite(x) }
func probability(x float64) bool { return x >= 0 && x <= 1 }
func decay(x float64) bool       { return x >= 0 && x < 1 }

const (
	isPositive    = "a number above 0"
	isNotNegative = "0 or more"
	isCount       = "1 or more"
	isProbability = "0 to 1"
	isDecay       = "0 or more and below 1"
)

func (c *Config) check() []problem {
	k := &checks{}
	c.checkTop(k)
	c.checkData(k)
	c.checkTokenizer(k)
	c.checkModel(k)
	for i := range c.Pathway {
		c.Pathway[i].check(k, pathwayKey(i, len(c.Pathway)))
	}
	c.checkHead(k)
	c.checkMAE(k)
	c.checkOthers(k)
	c.checkTrain(k)
	c.checkOptimizer(k)
	c.checkSchedule(k)
	c.checkCrop(k)
	c.checkColours(k)
	c.checkMixup(k)
	c.checkEval(k)
	c.checkDevice(k)
	return k.problems
}

func (c *Config) checkTop(k *checks) {
	k.oneOf("task", c.Task, "classify", "pretrain")
	k.want("seed", c.Seed, c.Seed <= math.MaxInt64, "2^63-1 or less")
	if c.Output == "" {
		k.add("output", "is empty, want a folder")
	} else if name := unset(c.Output); name != "" {
		k.add("output", "environment variable %s is not set (%s)", name, c.Output)
	}
}

func (c *Config) checkData(k *checks) {
	d := c.Data
	k.oneOf("data.format", d.Format, c.formats()...)
	if generated := d.Format == "generated"; generated && d.Path != "" {
		k.add("data.path", "is given, but format \"generated\" reads no files")
	} else if !generated && d.Path == "" {
		k.add("data.path", "is empty; format %q needs the folder of the dataset", d.Format)
	}
	if d.Format == "generated" {
		if v := c.variants(); d.Variant != "" && !slices.Contains(v, d.Variant) {
			k.add("data.variant", "is %q, want %s", d.Variant, cmp.Or(strings.Join(v, " or "), "none"))
		}
	}
	k.within("data.samples", d.Samples, 1, maxSamples)
	k.within("data.val_samples", d.ValSamples, 1, maxSamples)
	k.want("data.seed", d.Seed, d.Seed <= math.MaxInt64, "2^63-1 or less")
	k.within("data.image_size", d.ImageSize, 1, maxSide)
	k.want("data.channels", d.Channels, d.Channels == 1 || d.Channels == 3, "1 or 3")
	for i := range d.Mean {
		k.want("data.mean", d.Mean[i], finite(d.Mean[i]), "numbers")
		k.want("data.std", d.Std[i], positive(d.Std[i]), "numbers above 0")
	}
	k.oneOf("data.jpeg", d.JPEG, "auto", "turbo", "go")
	k.within("data.workers", d.Workers, 0, maxThreads)
	k.want("data.max_skipped", d.MaxSkipped, d.MaxSkipped >= 0, isNotNegative)
}

func (c *Config) checkTokenizer(k *checks) {
	t, size := c.Tokenizer, c.Data.ImageSize
	k.oneOf("tokenizer.kind", t.Kind, "image", "audio", "point", "video")
	k.within("tokenizer.patch_size", t.PatchSize, 1, maxSide)
	k.within("tokenizer.stride", t.Stride, 0, maxSide)
	if t.PatchSize < 1 || t.Stride < 0 || size < 1 {
		return
	}
	switch t.Kind {
	case "audio":
		c.checkAudio(k)
		return
	case "point":
		c.checkPoint(k)
		return
	case "video":
		c.checkVideo(k)
	}
	if t.PatchSize > size {
		k.add("tokenizer.patch_size", "is %d, larger than the image (data.image_size = %d)", t.PatchSize, size)
	} else if (size-t.PatchSize)%t.stride() != 0 {
		k.add("tokenizer.patch_size", "patches of %d every %d pixels do not tile data.image_size = %d",
			t.PatchSize, t.stride(), size)
	} else if side := (size-t.PatchSize)/t.stride() + 1; side*side > maxTokens {
		k.add("tokenizer.patch_size", "gives %d patches, want %d at most", side*side, maxTokens)
	}
}

func (c *Config) checkModel(k *checks) {
	m := c.Model
	if m.Name != "" {
		k.oneOf("model.name", m.Name, presetNames()...)
	}
	k.within("model.embed_dim", m.EmbedDim, 1, maxDim)
	k.within("model.depth", m.Depth, 1, maxDepth)
	k.within("model.num_heads", m.NumHeads, 1, maxDim)
	if m.NumHeads >= 1 && m.EmbedDim%m.NumHeads != 0 {
		k.add("model.num_heads", "is %d, which does not divide model.embed_dim = %d", m.NumHeads, m.EmbedDim)
	}
	k.want("model.mlp_ratio", m.MLPRatio, 0 < m.MLPRatio && m.MLPRatio <= maxRatio, fmt.Sprintf("above 0 and at most %d", maxRatio))
	k.oneOf("model.qkv_bias", m.QKVBias, "full", "split", "none")
	k.oneOf("model.global_pool", m.GlobalPool, "avg", "token")
	if m.GlobalPool == "token" && !m.ClassToken && c.Tokenizer.Kind != "video" {
		k.add("model.global_pool", "is \"token\", which needs model.class_token = true")
	}
	c.checkPositions(k)
	k.oneOf("model.init_source", m.InitSource, Sources()...)
	k.oneOf("model.weight_init", m.WeightInit, "normal", "xavier", "fan_in")
	k.want("model.init_values", m.InitValues, notNegative(m.InitValues), isNotNegative)
	for i, p := range c.Pathway {
		if m.Frozen && p.AuxTrainable {
			k.add(pathwayKey(i, len(c.Pathway))+".aux_trainable", "is on, but model.frozen leaves only lambda and the head to train")
		}
	}
	k.want("model.norm_eps", m.NormEps, positive(m.NormEps), isPositive)
	k.want("model.drop_path", m.DropPath, decay(m.DropPath), isDecay)
}

func (p *Pathway) check(k *checks, key string) {
	switch {
	case p.Aux == "" && p.AuxConfig == "":
		k.add(key, "names no auxiliary model; give aux (a checkpoint) or aux_config (an experiment)")
	case p.Aux != "" && p.AuxConfig != "":
		k.add(key+".aux", "and aux_config are both given; keep one")
	case p.AuxConfig == "" && len(p.AuxSet) > 0:
		k.add(key+".aux_set", "is given without aux_config")
	}
	k.oneOf(key+".aux_source", p.AuxSource, Sources()...)
	if len(p.Layers) == 0 {
		k.add(key+".layers", "is empty, want some of %s", strings.Join(Layers(), ", "))
	}
	for i, layer := range p.Layers {
		k.oneOf(key+".layers", layer, Layers()...)
		if slices.Contains(p.Layers[:i], layer) {
			k.add(key+".layers", "names %q twice", layer)
		}
	}
	k.want(key+".lambda_init", p.LambdaInit, finite(p.LambdaInit), "a number")
	k.oneOf(key+".order", p.Order, "forward", "reversed")
}

func (c *Config) checkTrain(k *checks) {
	t := c.Train
	k.within("train.epochs", t.Epochs, 1, maxEpochs)
	k.want("train.max_steps", t.MaxSteps, t.MaxSteps >= 0, isNotNegative)
	k.within("train.batch", t.Batch, 1, maxBatch)
	k.within("train.accumulate", t.Accumulate, 1, maxBatch)
	if t.Batch >= 1 && t.Accumulate >= 1 && t.Batch%t.Accumulate != 0 {
		k.add("train.accumulate", "is %d, which does not divide train.batch = %d", t.Accumulate, t.Batch)
	} else if t.Batch >= 1 && t.Accumulate >= 1 {
		c.checkPixels(k, "train.batch", t.MicroBatch())
	}
	k.want("train.clip_grad", t.ClipGrad, notNegative(t.ClipGrad), isNotNegative)
	k.want("train.ema_decay", t.EMADecay, decay(t.EMADecay), isDecay)
	k.oneOf("train.non_finite", t.NonFinite, "stop", "skip")
	k.want("train.checkpoint_every", t.CheckpointEvery, t.CheckpointEvery >= 0, isNotNegative)
	k.want("train.keep", t.Keep, t.Keep >= 1, isCount)
	k.want("train.log_every", t.LogEvery, t.LogEvery >= 1, isCount)
}

// checkPixels wants memory for batches of so many samples to be thinkable.
func (c *Config) checkPixels(k *checks, key string, samples int) {
	d := c.Data
	n := float64(samples) * float64(d.Channels) * float64(d.ImageSize) * float64(d.ImageSize)
	switch t := c.Tokenizer; t.Kind {
	case "video":
		n *= float64(c.Video.Frames)
	case "point":
		channels := t.Widths[0] + t.Widths[1] + t.Widths[2]
		n = float64(samples) * (3*float64(c.Point.Points) + float64(t.Groups)*float64(t.GroupSize)*float64(channels))
	}
	if n > maxPixels {
		k.add(key, "gives batches of %.3g values, want %.3g at most: smaller samples or fewer", n, float64(maxPixels))
	}
}

func (c *Config) checkOptimizer(k *checks) {
	o := c.Optimizer
	k.oneOf("optimizer.name", o.Name, "adamw", "sgd", "lars")
	k.want("optimizer.momentum", o.Momentum, decay(o.Momentum), isDecay)
	if o.Nesterov && o.Name != "sgd" {
		k.add("optimizer.nesterov", "is on, but optimizer.name is %q: only \"sgd\" has it", o.Name)
	}
	k.want("optimizer.lr", o.LR, notNegative(o.LR), isPositive)
	k.want("optimizer.blr", o.BLR, notNegative(o.BLR), isPositive)
	switch {
	case o.LR > 0 && o.BLR > 0:
		k.add("optimizer.lr", "and blr are both given; keep one")
	case o.LR == 0 && o.BLR == 0:
		k.add("optimizer.lr", "and blr are both 0; give one")
	case o.BLR > 0 && !finite(c.learningRate()):
		k.add("optimizer.blr", "is %v, too large for train.batch = %d", o.BLR, c.Train.Batch)
	}
	for _, beta := range o.Betas {
		k.want("optimizer.betas", beta, decay(beta), isDecay)
	}
	k.want("optimizer.eps", o.Eps, positive(o.Eps), isPositive)
	k.want("optimizer.weight_decay", o.WeightDecay, notNegative(o.WeightDecay), isNotNegative)
	k.want("optimizer.layer_decay", o.LayerDecay, o.LayerDecay > 0 && o.LayerDecay <= 1, "above 0 and at most 1 (off)")
}

func (c *Config) checkSchedule(k *checks) {
	s, lr := c.Schedule, c.learningRate()
	k.oneOf("schedule.name", s.Name, "cosine", "cosine_epochs", "cosine_steps")
	k.want("schedule.warmup_lr", s.WarmupLR, notNegative(s.WarmupLR), isNotNegative)
	if lr > 0 && s.WarmupLR > lr {
		k.add("schedule.warmup_lr", "is %v, above the learning rate %v", s.WarmupLR, lr)
	}
	k.want("schedule.warmup_epochs", s.WarmupEpochs, notNegative(s.WarmupEpochs), isNotNegative)
	if c.Train.Epochs >= 1 && s.WarmupEpochs > float64(c.Train.Epochs) {
		k.add("schedule.warmup_epochs", "is %v, longer than the run (train.epochs = %d)", s.WarmupEpochs, c.Train.Epochs)
	}
	k.want("schedule.min_lr", s.MinLR, notNegative(s.MinLR), isNotNegative)
	if lr > 0 && s.MinLR > lr {
		k.add("schedule.min_lr", "is %v, above the learning rate %v", s.MinLR, lr)
	}
}

func (c *Config) checkAudio(k *checks) {
	a, t := c.Audio, c.Tokenizer
	k.within("audio.sample_rate", a.SampleRate, 400, 1<<20)
	k.within("audio.mel_bins", a.MelBins, 1, 1<<12)
	k.within("audio.frames", a.Frames, 1, 1<<16)
	k.want("audio.mean", a.Mean, finite(a.Mean), "a number")
	k.want("audio.std", a.Std, positive(a.Std), isPositive)
	k.within("audio.fold", a.Fold, 1, 5)
	k.within("audio.epoch_len", a.EpochLen, 0, maxSamples)
	if a.EpochLen > 0 && !a.Weighted {
		k.add("audio.epoch_len", "is given, but audio.weighted is off")
	}
	if a.Filterbanks != "" && a.RollMag {
		k.add("audio.filterbanks", "is given, but audio.roll_mag_aug needs waveforms")
	}
	k.want("audio.mixup", a.Mixup, probability(a.Mixup), isProbability)
	k.within("audio.freqm", a.FreqM, 0, a.MelBins)
	k.within("audio.timem", a.TimeM, 0, a.Frames)
	k.want("audio.mask_t_prob", a.MaskTProb, decay(a.MaskTProb), isDecay)
	k.want("audio.mask_f_prob", a.MaskFProb, decay(a.MaskFProb), isDecay)
	if t.PatchSize > min(a.MelBins, a.Frames) {
		k.add("tokenizer.patch_size", "is %d, larger than the spectrogram (audio.frames = %d, audio.mel_bins = %d)", t.PatchSize, a.Frames, a.MelBins)
	} else if n := ((a.Frames-t.PatchSize)/t.stride() + 1) * ((a.MelBins-t.PatchSize)/t.stride() + 1); n > maxTokens {
		k.add("tokenizer.patch_size", "gives %d patches, want %d at most", n, maxTokens)
	}
	if c.Data.Format == "audioset" && a.Labels == "" {
		k.add("audio.labels", "is empty; format \"audioset\" needs its list of classes")
	}
	if (a.Mixup > 0 || c.Head.Loss == "bce") && c.Augment.Smoothing > 0 {
		k.add("augment.smoothing", "is %v, but targets of mixed clips and of several classes are not smoothed: set it to 0", c.Augment.Smoothing)
	}
}

func (c *Config) checkCrop(k *checks) {
	a := c.Augment
	k.oneOf("augment.crop", a.Crop, "resized", "byol", "multi_scale", "shift", "none")
	k.want("augment.scale", a.Scale, 0 < a.Scale[0] && a.Scale[0] <= a.Scale[1] && a.Scale[1] <= 1,
		"a range within 0 to 1, low first")
	k.want("augment.ratio", a.Ratio, 0 < a.Ratio[0] && a.Ratio[0] <= a.Ratio[1] && finite(a.Ratio[1]),
		"a range above 0, low first")
	k.within("augment.shift", a.Shift, 0, maxSide)
	k.want("augment.hflip", a.HFlip, probability(a.HFlip), isProbability)
	k.oneOf("augment.interpolation", a.Interpolation, "bicubic", "bilinear", "linear")
	k.want("augment.repeated", a.Repeated, a.Repeated >= 1 && a.Repeated <= 1<<16, "1 to 65536")
	k.want("augment.reprob", a.ReProb, probability(a.ReProb), isProbability)
	k.oneOf("augment.remode", a.ReMode, "pixel", "rand", "const")
}

func (c *Config) checkColours(k *checks) {
	a := c.Augment
	k.want("augment.color_jitter", a.ColorJitter, notNegative(a.ColorJitter), isNotNegative)
	if a.AutoAugment == "" {
		return
	}
	if _, err := randaug.Parse(a.AutoAugment); err != nil {
		k.add("augment.auto_augment", "is %q: %v", a.AutoAugment, err)
	}
	if a.ColorJitter > 0 {
		k.add("augment.color_jitter", "is %v, but augment.auto_augment takes its place; keep one", a.ColorJitter)
	}
}

func (c *Config) checkMixup(k *checks) {
	a, t := c.Augment, c.Train
	k.want("augment.mixup", a.Mixup, notNegative(a.Mixup), isNotNegative)
	k.want("augment.cutmix", a.Cutmix, notNegative(a.Cutmix), isNotNegative)
	if box := a.CutmixMinmax; box != [2]float64{} {
		k.want("augment.cutmix_minmax", box, 0 < box[0] && box[0] <= box[1] && box[1] <= 1,
			"a range within 0 to 1, low first")
		if a.Cutmix == 0 {
			k.add("augment.cutmix_minmax", "is given, but augment.cutmix = 0 is off")
		}
	}
	k.want("augment.mixup_prob", a.MixupProb, probability(a.MixupProb), isProbability)
	k.want("augment.mixup_switch_prob", a.MixupSwitchProb, probability(a.MixupSwitchProb), isProbability)
	k.oneOf("augment.mixup_mode", a.MixupMode, "batch", "pair", "elem")
	k.want("augment.smoothing", a.Smoothing, decay(a.Smoothing), isDecay)
	if a.Mixes() && t.Accumulate >= 1 && t.MicroBatch()%2 != 0 {
		k.add("train.batch", "gives micro-batches of %d, but mixup and cutmix pair samples and need an even number", t.MicroBatch())
	}
}

func (c *Config) checkEval(k *checks) {
	e := c.Eval
	k.want("eval.every", e.Every, e.Every >= 1, isCount)
	k.within("eval.batch", e.Batch, 0, maxBatch)
	c.checkPixels(k, "eval.batch", e.Batch)
	c.checkViews(k)
	k.oneOf("eval.probe", e.Probe, "none", "ridge")
	if e.Probe != "none" && c.Task != "pretrain" {
		k.add("eval.probe", "is %q, which is for task \"pretrain\"", e.Probe)
	}
	k.want("eval.crop_pct", e.CropPct, e.CropPct == 0 || 0.01 <= e.CropPct && e.CropPct <= 1, "0.01 to 1, or 0 for the default")
}

var deviceName = regexp.MustCompile(`^(cpu|cuda(:[0-9]{1,4})?)$`)

func (c *Config) checkDevice(k *checks) {
	d := c.Device
	if !deviceName.MatchString(d.Name) {
		k.add("device.name", "is %q, want cpu, cuda or cuda:INDEX", d.Name)
	}
	k.within("device.threads", d.Threads, 0, maxThreads)
	k.oneOf("device.precision", d.Precision, "float32", "bf16")
}
