package experiment

// Config is one experiment. After [Load] every field holds its final value:
// presets are numbers, paths are absolute, nothing is left to be derived.
//
// Struct tags drive decoding and hashing: `path` marks a file name (or -set
// entries, which may hold one), `or` names the key that this one replaces
// (setting one clears the other), `hash:"-"` marks what does not change the
// result and `hash:"VALUE"` a value that counts as the default does.
type Config struct {
	// Include lists files read before this one, each overriding the one
	// before; this file overrides them all. Empty once loaded.
	Include []string `toml:"include" hash:"-"`

	// Task is what is trained: "classify" (default) or "pretrain" (a masked
	// autoencoder; see [MAE]).
	Task string `toml:"task"`
	// Seed keys every random number of the run: 0 (default) .. 2^63-1.
	Seed uint64 `toml:"seed"`
	// Output is the run folder. Default: "runs/" and the base name of the
	// config file, in the working directory.
	Output string `toml:"output" path:"file" hash:"-"`
	// Name is a title for reports. Default: empty.
	Name string `toml:"name" hash:"-"`
	// Description says what the experiment shows. Default: empty.
	Description string `toml:"description" hash:"-"`

	Data      Data      `toml:"data"`
	Audio     Audio     `toml:"audio"`
	Point     Point     `toml:"point"`
	Video     Video     `toml:"video"`
	Tokenizer Tokenizer `toml:"tokenizer"`
	Model     Model     `toml:"model"`
	// Pathway lists the auxiliary models, none by default. Written as one
	// [pathway] table or as several [[pathway]].
	Pathway   []Pathway `toml:"pathway"`
	Head      Head      `toml:"head"`
	MAE       MAE       `toml:"mae"`
	Train     Train     `toml:"train"`
	Optimizer Optimizer `toml:"optimizer"`
	Schedule  Schedule  `toml:"schedule"`
	Augment   Augment   `toml:"augment"`
	Eval      Eval      `toml:"eval"`
	Device    Device    `toml:"device"`

	// spelled maps a path with its environment variables expanded to the way
	// the file wrote it.
	spelled map[string]string
}

// Data says where the samples come from and the shape they are given.
type Data struct {
	// Format of the dataset: "generated" (procedural, needs no files;
	// default), "folder" (SPLIT/CLASS/FILE), of pictures, clips and clouds also
	// "shards" (tar files or, of clouds, npy files, as m2pt-data makes them), of
	// all but pictures "csv" (path,label,...,split). Of pictures "cifar10"
	// (binary version); of sounds "audioset" (JSON), "esc50", "speechcommands";
	// of point clouds "modelnet10", "modelnet40", "shapenet", "shapenetpart"; of
	// clips "list" (train.csv, val.csv, as VideoMAE's).
	Format string `toml:"format"`
	// Path of the dataset's root folder; empty for "generated".
	Path string `toml:"path" path:"file"`
	// TrainSplit is the training folder under Path. Default: empty = found by
	// its usual names.
	TrainSplit string `toml:"train_split"`
	// ValSplit is the validation folder under Path. Default: empty = found by
	// its usual names.
	ValSplit string `toml:"val_split"`

	// Variant of the generated dataset: of pictures "shapes" or "textures", of point
	// clouds "shapes" or "parts". Default: empty = "shapes", or "parts" for that head.
	Variant string `toml:"variant"`
	// Samples generated for training, >= 1. Default 2000.
	Samples int `toml:"samples"`
	// ValSamples generated for validation, >= 1. Default 500.
	ValSamples int `toml:"val_samples"`
	// Seed of the generated dataset, apart from the seed of the run: 0
	// (default) .. 2^63-1.
	Seed uint64 `toml:"seed"`

	// ImageSize is the side of the square model input, pixels. Default 224.
	ImageSize int `toml:"image_size"`
	// Channels of the model input: 3 (default) or 1.
	Channels int `toml:"channels"`
	// Mean is subtracted from pixels scaled to 0..1, per channel. Default:
	// ImageNet's (0.485, 0.456, 0.406).
	Mean [3]float64 `toml:"mean"`
	// Std divides them afterwards, > 0. Default: ImageNet's (0.229, 0.224,
	// 0.225).
	Std [3]float64 `toml:"std"`

	// JPEG is what decodes JPEG files: "turbo" (libturbojpeg, an error where it
	// is not installed), "go" (the standard library) or "auto" (default; turbo
	// where it is installed, else go). Pixels differ by up to 3 levels, so a run
	// over a "folder" of pictures settles "auto" before it begins and is resumed
	// only with the decoder it began with.
	JPEG string `toml:"jpeg" hash:"go"`

	// Workers is the number of goroutines that prepare samples; 0 (default)
	// = one per CPU.
	Workers int `toml:"workers" hash:"-"`
	// MaxSkipped is how many corrupt samples a run may replace before it
	// gives up, >= 0. Default 10.
	MaxSkipped int `toml:"max_skipped" hash:"-"`
}

// Tokenizer says how an input becomes tokens.
type Tokenizer struct {
	// Kind: "image" (default), "audio" (see [Audio]), "point" (see [Point]) or
	// "video" (see [Video]). Defaults of other keys depend on it.
	Kind string `toml:"kind"`
	// PatchSize is the side of a square patch, pixels. Default 16.
	PatchSize int `toml:"patch_size"`
	// Stride between patches, pixels; must divide image_size - patch_size.
	// 0 (default) = patch_size, which Load fills in. Images and sounds only.
	Stride int `toml:"stride"`
	// TubeletSize is the number of frames of a token of a clip; divides
	// video.frames. Default 2.
	TubeletSize int `toml:"tubelet_size"`
	// Groups is the number of groups, hence tokens, of a point cloud. Default 64.
	Groups int `toml:"groups"`
	// GroupSize is the number of neighbours in a group. Default 32.
	GroupSize int `toml:"group_size"`
	// Widths are the channels of the PointNet that makes a token of a group.
	// Default 128, 256, 512.
	Widths [3]int `toml:"widths"`
}

// Model is the Vision Transformer, in timm's words.
type Model struct {
	// Name of a preset that gives EmbedDim, Depth and NumHeads: "vit_tiny"
	// (192, 12, 3), "vit_small" (384, 12, 6), "vit_base" (768, 12, 12;
	// default), "vit_large" (1024, 24, 16). A number beside the name, or in a
	// later layer, wins over the preset.
	Name string `toml:"name" hash:"-"`
	// EmbedDim is the width D of a token.
	EmbedDim int `toml:"embed_dim"`
	// Depth is the number of blocks.
	Depth int `toml:"depth"`
	// NumHeads of the attention; divides EmbedDim.
	NumHeads int `toml:"num_heads"`
	// MLPRatio is the hidden width of the MLP over EmbedDim, > 0. Default 4.
	MLPRatio float64 `toml:"mlp_ratio"`
	// QKVBias: "full" (default; one bias for q, k, v), "split" (biases of q
	// and v, none for k; default for clips), "none" (default for point clouds).
	QKVBias string `toml:"qkv_bias"`
	// GlobalPool: "avg" (default; mean of the patch tokens, then fc_norm) or
	// "token" (the class token after norm).
	GlobalPool string `toml:"global_pool"`
	// ClassToken is prepended to the patch tokens. Default true, for clips false.
	ClassToken bool `toml:"class_token"`
	// PosEmbed: "learned" (default) or "sincos" (fixed; EmbedDim a multiple of 4),
	// "sinusoid" (fixed, by the order of the tokens; default for clips), "mlp" (of
	// a group's centre, ahead of every block; only and default for point clouds).
	PosEmbed string `toml:"pos_embed"`
	// NormEps is the epsilon of every LayerNorm, > 0. Default 1e-6, for point
	// clouds 1e-5.
	NormEps float64 `toml:"norm_eps"`
	// DropPath is the rate of stochastic depth at the last block, rising
	// linearly from 0 at the first: 0 .. < 1. Default 0.1.
	DropPath float64 `toml:"drop_path"`
	// WeightInit draws the linear weights of the blocks: "normal" (default;
	// N(0, 0.02^2), timm), "xavier" (Glorot uniform, MAE), "fan_in"
	// (U(+-1/sqrt(fan-in)), PyTorch's default). Narrow models trained from
	// scratch learn faster with the last two. In task "pretrain" the tokenizer
	// follows, but for clips, and the decoder always has "xavier".
	WeightInit string `toml:"weight_init"`
	// InitValues is where the layer scale of every branch starts; 0 (default) = no
	// layer scale.
	InitValues float64 `toml:"init_values"`
	// CosAttn: cosine attention with a learned scale per head. Default false.
	CosAttn bool `toml:"cos_attn"`
	// Frozen keeps all but lambda and the head from training, without drop path:
	// linear probing. Default false.
	Frozen bool `toml:"frozen"`
	// Init is a checkpoint the weights start from. Default: empty = random.
	Init string `toml:"init" path:"file"`
	// InitSource is the project whose names Init's tensors have, out of [Sources].
	// Default "auto": their names tell.
	InitSource string `toml:"init_source"`
}

// Pathway joins the model to one auxiliary model: W + lambda*W'.
type Pathway struct {
	// Aux is the auxiliary checkpoint. Give this or AuxConfig.
	Aux string `toml:"aux" path:"file" or:"aux_config"`
	// AuxSource is the project whose names Aux's tensors have, out of [Sources].
	// Default "auto": their names tell.
	AuxSource string `toml:"aux_source"`
	// AuxConfig is the experiment that makes the auxiliary; it is trained
	// first when its result is missing. See [Config.Aux].
	AuxConfig string `toml:"aux_config" path:"file" or:"aux" hash:"-"`
	// AuxSet overrides keys of AuxConfig, each "KEY=VALUE" as after -set;
	// `-set aux.KEY=VALUE` appends to it. Default: none.
	AuxSet []string `toml:"aux_set" path:"set" hash:"-"`
	// Layers of every block that get the pathway, out of [Layers]. Default:
	// all four.
	Layers []string `toml:"layers"`
	// LambdaInit is the starting value of every lambda. Default 0.
	LambdaInit float64 `toml:"lambda_init"`
	// LambdaTrainable: whether lambda learns. Default true.
	LambdaTrainable bool `toml:"lambda_trainable"`
	// AuxTrainable: whether W' learns. Default false; true reproduces the
	// reference.
	AuxTrainable bool `toml:"aux_trainable"`
	// Order pairs block i with auxiliary block i ("forward", default) or
	// depth-1-i ("reversed").
	Order string `toml:"order"`

	experiment *Config // what AuxConfig names, loaded
}

// Audio says how sound becomes a spectrogram, and how training changes it, where
// tokenizer.kind is "audio".
type Audio struct {
	// SampleRate that clips are resampled to, Hz. Default 16000.
	SampleRate int `toml:"sample_rate"`
	// MelBins is the number M of mel bands. Default 128.
	MelBins int `toml:"mel_bins"`
	// Frames is the number T of frames, 10 ms each; clips are padded or cut to
	// it. Default 1024.
	Frames int `toml:"frames"`
	// Mean of the log-mel values, subtracted. Default -4.2677393 (AudioSet).
	Mean float64 `toml:"mean"`
	// Std of the log-mel values, > 0; they are divided by twice this. Default
	// 4.5689974 (AudioSet).
	Std float64 `toml:"std"`
	// Labels is the file of class names of AudioSet (index,mid,display_name).
	// Default: empty.
	Labels string `toml:"labels" path:"file"`
	// Filterbanks is a folder of precomputed log-mel spectrograms, NAME.npy
	// [frames, mel bins] for each clip, read instead of the clips. Default:
	// empty.
	Filterbanks string `toml:"filterbanks" path:"file"`
	// Weighted draws training clips with replacement, rare classes as often as
	// frequent ones. Default false.
	Weighted bool `toml:"weighted"`
	// EpochLen is the number of clips of an epoch where Weighted is on; 0
	// (default) = as many as there are.
	EpochLen int `toml:"epoch_len"`
	// Fold of ESC-50 that is held out, 1 (default) .. 5.
	Fold int `toml:"fold"`
	// Mixup is the probability that a training clip is mixed with another, as
	// waveforms; 0 (default) = off.
	Mixup float64 `toml:"mixup"`
	// RollMag rolls training clips in time and scales them. Default false.
	RollMag bool `toml:"roll_mag_aug"`
	// FreqM is the largest width of the masked frequency stripe, mel bands; 0
	// (default) = off.
	FreqM int `toml:"freqm"`
	// TimeM is the largest width of the masked time stripe, frames; 0
	// (default) = off.
	TimeM int `toml:"timem"`
	// Noise adds noise to training spectrograms and rolls them. Default false.
	Noise bool `toml:"noise"`
	// MaskTProb is the share of time rows of tokens that training drops, 0
	// (default) .. < 1.
	MaskTProb float64 `toml:"mask_t_prob"`
	// MaskFProb is the share of frequency columns of tokens that training
	// drops, 0 (default) .. < 1.
	MaskFProb float64 `toml:"mask_f_prob"`
}

// Point says how a cloud becomes groups of points, and how training changes it,
// where tokenizer.kind is "point".
type Point struct {
	// Points is the number of points that the model sees. Default 1024.
	Points int `toml:"points"`
	// UnitSphere moves the mean to the origin and the farthest point to distance
	// 1. Default true.
	UnitSphere bool `toml:"unit_sphere"`
	// Sampling of training: "fps" (default; farthest points of a denser choice,
	// then any of them), "random", "replace" (with replacement).
	Sampling string `toml:"sampling"`
	// ScaleTranslate scales each axis by 2/3 .. 3/2 and moves it by up to 0.2.
	// Default true.
	ScaleTranslate bool `toml:"scale_translate"`
	// ScaleShift scales by 0.8 .. 1.25 and moves by up to 0.1. Default false.
	ScaleShift bool `toml:"scale_shift"`
	// Rotate turns about the Up axis. Default false.
	Rotate bool `toml:"rotate"`
	// Flip mirrors a horizontal axis. Default false.
	Flip bool `toml:"flip"`
	// Up is the vertical axis: "x", "y" (default) or "z".
	Up string `toml:"up"`
	// Jitter moves every point by N(0, 0.01^2), 0.05 at most. Default false.
	Jitter bool `toml:"jitter"`
	// DropPoints is the largest share of points left out, 0 (default) .. < 1.
	DropPoints float64 `toml:"drop_points"`
	// Way is the number of classes of a few-shot task; 0 (default) = off.
	Way int `toml:"way"`
	// Shot is the number of training clouds of each class of a few-shot task.
	// Default 10.
	Shot int `toml:"shot"`
	// Fold of the few-shot task, 0 (default) .. 65536: which classes and clouds.
	Fold int `toml:"fold"`
	// FoldFile is a few-shot task written by m2pt-data fewshot, used instead of one
	// drawn by Way, Shot, Fold and data.seed. Default: empty.
	FoldFile string `toml:"fold_file" path:"file"`
}

// Video says how a video becomes a clip, where tokenizer.kind is "video".
type Video struct {
	// Frames of a clip. Default 16.
	Frames int `toml:"frames"`
	// Rate is the number of frames from one to the next. Default 4.
	Rate int `toml:"rate"`
	// Sparse takes one frame of each of as many equal parts of the video, instead
	// of frames Rate apart. Default false.
	Sparse bool `toml:"sparse"`
	// Short is what the short side is resized to ahead of the crop of evaluation,
	// pixels; 0 (default) = data.image_size.
	Short int `toml:"short"`
	// Pattern of the names of frame files, for data.format "list". Default
	// "img_{:05}.jpg".
	Pattern string `toml:"pattern"`
	// FirstFrame is the number of the first frame file, 0 or 1 (default).
	FirstFrame int `toml:"first_frame"`
}

// Head turns tokens into answers.
type Head struct {
	// Kind: "linear" (default), "probe" (batch norm without weights, then linear:
	// MAE's linear probing), "point" (default for point clouds: two hidden layers;
	// Point-MAE) or "parts" (part segmentation: a class for every point).
	Kind string `toml:"kind"`
	// Hidden is the width of the hidden layers of "point". Default 256.
	Hidden int `toml:"hidden"`
	// Widths of the hidden layers of "parts": two of feature propagation, two
	// ahead of the logits. 0 stands for 4*embed_dim, 1024, 512, 256, which Load
	// fills in. Default 0, 0, 0, 0.
	Widths [4]int `toml:"widths"`
	// Dropout in the head, 0 .. < 1. Default 0, for point clouds 0.5.
	Dropout float64 `toml:"dropout"`
	// Loss: "cross_entropy" (default; one class per sample) or "bce" (binary
	// cross-entropy; any number of classes per sample).
	Loss string `toml:"loss"`
	// InitStd is the standard deviation of the initial weights of "linear" and
	// "probe", >= 0. Default 2e-5, of a probe 0.01.
	InitStd float64 `toml:"init_std"`
}

// MAE is the masked autoencoder of task "pretrain". Keys of other sections have
// defaults of their own there, the published recipes': weight_init "xavier" (of point
// clouds "normal"), drop_path 0 (0.1), betas 0.9, 0.95 (0.9, 0.999), pos_embed
// "sincos" of pictures and sounds, layer_decay 1, min_lr 0, augment.scale 0.2, 1,
// smoothing and reprob 0, and for clips another augment.crop.
type MAE struct {
	// Mask: "random" (default), "grid" (time rows and frequency columns of a
	// spectrogram), "tube" (the same places in every step of time; default for
	// clips) or "block" (groups near a random one, of point clouds).
	Mask string `toml:"mask"`
	// MaskRatio is the share of tokens that "random", "tube" and "block" hide, above
	// 0 and below 1. Default 0.75, for sounds 0.8, for clips 0.9, for point clouds
	// 0.6.
	MaskRatio float64 `toml:"mask_ratio"`
	// MaskTProb is the share of time rows that "grid" hides. Default 0.7.
	MaskTProb float64 `toml:"mask_t_prob"`
	// MaskFProb is the share of frequency columns that "grid" hides. Default 0.3.
	MaskFProb float64 `toml:"mask_f_prob"`
	// DecoderMask is which tokens are told: "none" (default; all hidden ones) or
	// "running_cell" (of clips, half of all: VideoMAE V2).
	DecoderMask string `toml:"decoder_mask"`
	// Decoder: "global" (default), whose blocks attend to all tokens at once, or
	// "window" (of sounds: AudioMAE's own, with Swin V2's blocks).
	Decoder string `toml:"decoder"`
	// DecoderWindow is how many patches of time and of frequency a window of "window"
	// has, 3 or more; divides the patches along frequency. Default 4; AudioMAE has 6
	// with overlapping patches.
	DecoderWindow int `toml:"decoder_window"`
	// DecoderDim is the decoder's width; 0 (default for point clouds) = embed_dim,
	// which Load fills in. Default 512, for clips 384.
	DecoderDim int `toml:"decoder_dim"`
	// DecoderDepth is the number of its blocks. Default 8, for clips and point
	// clouds 4, with windows 16.
	DecoderDepth int `toml:"decoder_depth"`
	// DecoderHeads of its attention; divides DecoderDim; 0 (default for point
	// clouds) = num_heads, which Load fills in. Default 16, for clips 6.
	DecoderHeads int `toml:"decoder_heads"`
	// NormTarget standardises the pixels of each patch, of clips each channel of it,
	// before they are compared. Default false, for sounds and clips true.
	NormTarget bool `toml:"norm_target"`
	// Chamfer is the distance between point groups: "l2" (default; of squares) or
	// "l1".
	Chamfer string `toml:"chamfer"`
	// DrawEvery is the number of steps between drawings of what is told of some
	// held-out samples, reconstructions/step-*.png in the run folder; 0 (default) =
	// one at each evaluation.
	DrawEvery int `toml:"draw_every" hash:"-"`
}

// Train is the training loop.
type Train struct {
	// Epochs, >= 1. Default 50.
	Epochs int `toml:"epochs"`
	// MaxSteps ends the run after so many updates; 0 (default) = off. The
	// schedule does not change.
	MaxSteps int `toml:"max_steps"`
	// Batch is the number of samples per update, over all devices. Default 64.
	Batch int `toml:"batch"`
	// Accumulate splits Batch into so many micro-batches, >= 1 (default);
	// divides Batch.
	Accumulate int `toml:"accumulate"`
	// GradCheckpointing keeps only what enters each transformer block and computes
	// the rest again for the backward pass: a fraction of the memory for a fifth
	// more work, the same results to the bit. Default false.
	GradCheckpointing bool `toml:"grad_checkpointing" hash:"-"`
	// ClipGrad is the largest gradient norm; 0 (default) = no clipping.
	ClipGrad float64 `toml:"clip_grad"`
	// EMADecay of the averaged weights, 0 .. < 1; 0 (default) = no average.
	EMADecay float64 `toml:"ema_decay"`
	// NonFinite is what a non-finite loss or gradient does: "stop" (default)
	// the run, or "skip" the update.
	NonFinite string `toml:"non_finite"`
	// CheckpointEvery is the number of updates between checkpoints; 0
	// (default) = at the end of each epoch.
	CheckpointEvery int `toml:"checkpoint_every" hash:"-"`
	// Keep is how many of the newest checkpoints stay on disk, >= 1. Default 2.
	Keep int `toml:"keep" hash:"-"`
	// LogEvery is the number of updates between two log lines, >= 1. Default 20.
	LogEvery int `toml:"log_every" hash:"-"`
}

// MicroBatch is the number of samples of one forward and backward pass.
func (t Train) MicroBatch() int { return t.Batch / t.Accumulate }

// Optimizer makes an update out of gradients.
type Optimizer struct {
	// Name: "adamw" (default), "sgd" or "lars" (MAE's linear probing).
	Name string `toml:"name"`
	// Momentum of sgd and lars, 0 .. < 1. Default 0.9.
	Momentum float64 `toml:"momentum"`
	// Nesterov momentum of sgd. Default false.
	Nesterov bool `toml:"nesterov"`
	// LR is the learning rate, > 0. Load sets it to blr*batch/256 where BLR
	// is given instead.
	LR float64 `toml:"lr" or:"blr"`
	// BLR is the learning rate for a batch of 256, > 0. Default 1e-3; 0 once
	// loaded, when it has become LR.
	BLR float64 `toml:"blr" or:"lr"`
	// Betas of the two moments, 0 .. < 1. Default 0.9, 0.999.
	Betas [2]float64 `toml:"betas"`
	// Eps added to the root of the second moment, > 0. Default 1e-8.
	Eps float64 `toml:"eps"`
	// WeightDecay, decoupled, >= 0. Default 0.05.
	WeightDecay float64 `toml:"weight_decay"`
	// LayerDecay multiplies the learning rate once per layer from the head
	// down: > 0 .. 1 (off; default for point clouds). Default 0.75.
	LayerDecay float64 `toml:"layer_decay"`
}

// Schedule moves the learning rate.
type Schedule struct {
	// Name: "cosine" (default; linear warm-up, then half a cosine to MinLR),
	// "cosine_epochs" (once per epoch, as Point-MAE steps timm's scheduler),
	// "cosine_steps" (VideoMAE's table of steps).
	Name string `toml:"name"`
	// WarmupLR is the learning rate at the start of warm-up, 0 .. LR. Default 0;
	// 1e-6 for "cosine_epochs", whose first two epochs have it.
	WarmupLR float64 `toml:"warmup_lr"`
	// WarmupEpochs of linear warm-up from WarmupLR, 0 .. train.epochs, fractions
	// allowed. Default 5, or a tenth of train.epochs where that is less.
	WarmupEpochs float64 `toml:"warmup_epochs"`
	// MinLR is the learning rate at the end, 0 .. LR. Default 1e-6.
	MinLR float64 `toml:"min_lr"`
}

// Augment changes the training samples.
type Augment struct {
	// Crop: "resized" (random resized crop, default), "byol" (the same with a
	// single draw, its sides cut to the image's: MAE's linear probing), "shift"
	// (padded by Shift, then a random crop of the same size), "none",
	// "multi_scale" (one of a few shapes at one of 13 places; default for clips in
	// task "pretrain", VideoMAE). Clips: "resized", "multi_scale" or "none" (a
	// square as high as the frame).
	Crop string `toml:"crop"`
	// Scale is the range of the area of a resized crop over the image's:
	// 0 < low <= high <= 1. Default 0.08, 1.
	Scale [2]float64 `toml:"scale"`
	// Ratio is the range of its width over height: 0 < low <= high. Default
	// 3/4, 4/3.
	Ratio [2]float64 `toml:"ratio"`
	// Shift is the largest shift either way, pixels, >= 0. Default 4.
	Shift int `toml:"shift"`
	// HFlip is the probability of a left-right flip. Default 0.5, for clips in task
	// "pretrain" 0.
	HFlip float64 `toml:"hflip"`
	// Interpolation: "bicubic" (default), "bilinear", or "linear" (default for
	// clips, but in task "pretrain" "bilinear"; between the nearest pixels only, not
	// smoothed where it shrinks).
	Interpolation string `toml:"interpolation"`
	// AutoAugment is RandAugment in timm's words: "rand", then any of mN
	// (magnitude 0 .. 10, default 10), nN (operations, default 2), mstdX (noise
	// of the magnitude, default 0), inc1 (operations grow with it), w0 (weighted
	// choice). MAE's is "rand-m9-mstd0.5-inc1". Pictures are turned with
	// Interpolation onto the mean colour, clips bicubically onto grey. Default:
	// empty = off.
	AutoAugment string `toml:"auto_augment"`
	// ColorJitter draws factors of brightness, contrast and saturation from 1
	// minus it (0 at least) to 1 plus it, >= 0; 0 (default) = off. Not with
	// AutoAugment.
	ColorJitter float64 `toml:"color_jitter"`
	// Repeated is how often each drawn sample comes in a row, augmented anew, 1
	// (default) .. 65536. The length of an epoch stays, so it sees fewer samples.
	Repeated int `toml:"repeated"`
	// Mixup is alpha of Beta(alpha, alpha), >= 0; 0 (default) = off.
	Mixup float64 `toml:"mixup"`
	// Cutmix is its alpha, >= 0; 0 (default) = off.
	Cutmix float64 `toml:"cutmix"`
	// CutmixMinmax draws the box's sides from this range of the image's side,
	// 0 < low <= high <= 1; 0, 0 (default) = sides from lambda. Needs cutmix.
	CutmixMinmax [2]float64 `toml:"cutmix_minmax"`
	// MixupProb is the probability that a batch (or element) is mixed.
	// Default 1.
	MixupProb float64 `toml:"mixup_prob"`
	// MixupSwitchProb is the probability of cutmix where both are on. Default
	// 0.5.
	MixupSwitchProb float64 `toml:"mixup_switch_prob"`
	// MixupMode draws lambda per "batch" (default), "pair" or "elem".
	MixupMode string `toml:"mixup_mode"`
	// Smoothing of the labels, 0 .. < 1. Default 0.1, for point clouds 0.
	Smoothing float64 `toml:"smoothing"`
	// ReProb is the probability of random erasing. Default 0.25, for point clouds
	// 0.
	ReProb float64 `toml:"reprob"`
	// ReMode fills the erased box: "pixel" (default; normal noise per pixel),
	// "rand" (one normal colour), "const" (0).
	ReMode string `toml:"remode"`
}

// Mixes reports whether batches are mixed, so that targets are soft.
func (a Augment) Mixes() bool { return (a.Mixup > 0 || a.Cutmix > 0) && a.MixupProb > 0 }

// Eval is the evaluation during and after training.
type Eval struct {
	// Every is the number of epochs between evaluations, >= 1 (default).
	Every int `toml:"every"`
	// Batch is the number of samples at once, >= 1. 0 (default) = the
	// micro-batch of training, which Load fills in.
	Batch int `toml:"batch" hash:"-"`
	// CropPct is the centre crop over the resized short side, 0.01 .. 1. 0
	// (default) = a rule, which Load fills in: timm's, 0.875 up to 224 pixels,
	// else 1; always 1 where augment.crop is "shift" or "none", which train on
	// whole pictures.
	CropPct float64 `toml:"crop_pct"`
	// Votes is how many differently sampled and scaled versions of a point cloud
	// an answer is the mean of, >= 1 (default).
	Votes int `toml:"votes"`
	// Segments is how many parts of a video an answer is the mean of; 0 (default)
	// = one clip from its middle.
	Segments int `toml:"segments"`
	// Crops is how many crops of each part, side by side, an answer is the mean
	// of; 0 (default) where Segments is 0, else 1 or more.
	Crops int `toml:"crops"`
	// EMA evaluates the averaged weights where train.ema_decay is on. Default
	// true.
	EMA bool `toml:"ema"`
	// Probe is what tells of every evaluation of task "pretrain" how much of the
	// classes the encoder's features know: "ridge" (regression on the mean token,
	// each sample by the fit to all others, over at most 2,000 samples of each
	// split) or "none" (default).
	Probe string `toml:"probe" hash:"-"`
}

// Device is what computes.
type Device struct {
	// Name: "cpu" (default), "cuda" or "cuda:INDEX".
	Name string `toml:"name" hash:"-"`
	// Threads of the CPU device; 0 (default) = all.
	Threads int `toml:"threads" hash:"-"`
	// Precision of stored activations and working weights: "float32"
	// (default) or "bf16", which the cpu refuses.
	Precision string `toml:"precision"`
}
