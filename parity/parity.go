// Package parity replays recorded fixtures of the PyTorch reference: it rebuilds
// what a file describes out of the project's own packages (tokenizers, model,
// heads, train, ops, data), runs it by the engine on a device, and compares
// every number the file records.
//
// Vocabulary: a [Fixture] is one recorded file; its kind says what was recorded
// and is all that selects how it is replayed, sizes and options come from its
// meta and from the shapes of its tensors. A kind without a replay is "not
// covered"; a file of a covered kind that cannot be read fails, and so does one
// that records a result nothing was compared with.
//
// The file's names are used as they are: param/<name> is the parameter of that
// name, in/<name> a feed, and out/, loss/, grad*/, state/, final/ are results.
//
// The package holds no model of its own and no tolerance is looser than the
// reference's README gives (see rule).
package parity

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"m2pt/engine"
)

// kinds is how each covered kind of fixture is replayed.
func kinds() map[string]func(*replay) {
	return map[string]func(*replay){
		"reparam_linear":             reparamLinear,
		"vit_image_cls":              vitImageCls,
		"train_trajectory":           trainTrajectory,
		"primitives":                 primitives,
		"drop_path":                  dropPath,
		"drop_path_rates":            dropPathRates,
		"mixup":                      mixup,
		"optim_adamw":                optimAdamW,
		"clip_grad_norm":             clipGradNorm,
		"lr_schedule":                lrSchedule,
		"param_groups_lrd":           paramGroups,
		"timm_vit_keys":              timmKeys,
		"posembed_2d":                posEmbed2D,
		"posembed_2d_small":          posEmbed2DSmall,
		"posembed_interp":            posEmbedInterp,
		"image_transform_eval":       imageTransformEval,
		"pil_resize":                 pilResize,
		"image_resized_crop":         imageResizedCrop,
		"metrics_topk":               metricsTopK,
		"audio_fbank":                audioFbank,
		"audio_wavemix":              audioWavemix,
		"audio_specaug":              audioSpecAug,
		"vit_audio_cls":              vitAudioCls,
		"posembed_audio":             posEmbedAudio,
		"posembed_audio_cut":         posEmbedAudioCut,
		"posembed_interp_img2audio":  posEmbedInterp,
		"metrics_audio":              metricsAudio,
		"lr_schedule_point":          lrSchedulePoint,
		"lr_schedule_video":          lrScheduleVideo,
		"video_sinusoid_table":       videoSinusoidTable,
		"posembed_interp_video_time": posEmbedInterpTime,
		"optim_sgd":                  optimSGD,
		"optim_lars":                 optimLARS,
		"param_groups_video":         paramGroups,
		"param_groups_point":         paramGroupsPoint,
		"linprobe_head":              linprobeHead,
		"vit_video_cls":              vitVideoCls,
		"point_group":                pointGroup,
		"point_transforms":           pointTransforms,
		"point_encoder":              pointEncoder,
		"point_cls":                  pointCls,
		"point_feature_propagation":  pointFeaturePropagation,
		"point_partseg":              pointPartSeg,
		"metrics_partseg":            metricsPartSeg,
		"chamfer":                    chamfer,
		"mae_len_keep":               maskCounts,
		"video_masks":                videoMasks,
		"mae_image_pretrain":         maeImagePretrain,
		"mae_audio_pretrain":         maeAudioPretrain,
		"point_mae":                  pointMAE,
		"mae_video_pretrain":         maeVideoPretrain,
		"checkpoint_mae":             recordedCheckpoint,
		"checkpoint_half":            recordedCheckpoint,
		"checkpoint_odd_tensors":     recordedCheckpoint,
		"checkpoint_pointmae":        recordedCheckpoint,
		"checkpoint_with_numpy":      recordedCheckpoint,
		"checkpoint_crafted_ok":      recordedCheckpoint,
		"ckpt_*":                     readableCheckpoint,
		"crafted_ok*":                readableCheckpoint,
		"malformed_*":                harmfulCheckpoint,
		"refuse_*":                   harmfulCheckpoint,
	}
}

// Result is what replaying one file gave.
type Result struct {
	File, Kind string
	Covered    bool
	Compared   int // recorded results that were compared
	Worst      Worst
	Err        error // why the file failed; nil when it passed or is not covered
}

// Folder replays every fixture of a folder on a device, in order of file name.
// An error means that the folder cannot be read; failures of files are in the
// results.
func Folder(dir string, dev engine.Device) ([]Result, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("fixtures: %w", err)
	}
	var results []Result
	for _, e := range entries {
		if e.IsDir() || !isFixture(e.Name()) {
			continue
		}
		results = append(results, File(filepath.Join(dir, e.Name()), dev))
	}
	return results, nil
}

// File replays one fixture.
func File(path string, dev engine.Device) Result {
	f, err := Open(path)
	if err != nil {
		return Result{File: filepath.Base(path), Kind: "unreadable", Covered: true, Err: err}
	}
	return Replay(f, dev)
}

// Replay recomputes a fixture on a device and compares.
func Replay(f *Fixture, dev engine.Device) Result {
	r := &replay{Fixture: f, dev: dev, compared: map[string]bool{}, used: map[string]bool{}, derived: map[string][]float32{}}
	replayKind, ok := kinds()[f.Kind]
	if !ok {
		return Result{File: f.Name, Kind: f.Kind}
	}
	r.guard(replayKind)
	r.complete()
	err := errors.Join(r.failures...)
	if err != nil {
		err = fmt.Errorf("replay %q (%s) on %s: %w", f.Name, f.Kind, dev.Name(), err)
	}
	return Result{File: f.Name, Kind: f.Kind, Covered: true, Compared: len(r.compared), Worst: r.worst, Err: err}
}

// replay is a fixture being replayed. Its methods end the replay of the file by
// stop where something is missing, so that the kinds read as recipes.
type replay struct {
	*Fixture
	dev      engine.Device
	compared map[string]bool      // recorded results
	used     map[string]bool      // recorded parameters that a model has read
	derived  map[string][]float32 // parameters that no file holds: the model says what they are
	worst    Worst
	failures []error
}

// stopped is the panic of stop; it never leaves guard.
type stopped struct{ err error }

func (r *replay) stop(err error) { panic(stopped{err}) }

// must ends the replay on an error.
func (r *replay) must(err error) {
	if err != nil {
		r.stop(err)
	}
}

// guard runs a recipe and turns the end of it, foreseen or not, into a failure:
// a file with other shapes than its kind has may break any index.
func (r *replay) guard(recipe func(*replay)) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case stopped:
			r.failures = append(r.failures, p.err)
		default:
			r.failures = append(r.failures, fmt.Errorf("panic: %v", p))
		}
	}()
	recipe(r)
}

// complete fails a replay that left a recorded result or parameter out, or
// compared nothing.
func (r *replay) complete() {
	if len(r.failures) > 0 {
		return
	}
	for t := range r.All() {
		if isCounter(t.Name) {
			continue
		}
		if isResult(t.Name) && !r.compared[t.Name] {
			r.failures = append(r.failures, fmt.Errorf("%q is recorded but was not compared: extend the replay of its kind", t.Name))
		}
		if strings.HasPrefix(t.Name, "param/") && !r.used[t.Name] {
			r.failures = append(r.failures, fmt.Errorf("%q is recorded but the model has no such parameter", t.Name))
		}
	}
	if len(r.compared) == 0 {
		r.failures = append(r.failures, errors.New("nothing was compared: the file records no result"))
	}
}

// isCounter tells the batch counters of PyTorch's batch normalisation, which
// nothing computes with.
func isCounter(name string) bool { return strings.HasSuffix(name, ".num_batches_tracked") }

// Covered are the kinds that are replayed, sorted.
func Covered() []string {
	var names []string
	for name := range kinds() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
