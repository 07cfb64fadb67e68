package audio

import (
	"fmt"

	"m2pt/data"
	"m2pt/internal/philox"
	"m2pt/tokenizers/spectrogram"
)

// reader makes samples.
type reader struct {
	*dataset
	own, partner signal
	roll         philox.Rand // what happens to each signal alone; here, not on the heap for each sample
}

// signal is what mixup mixes, before the spectrogram is padded or cut: a
// waveform, or a stored spectrogram.
type signal interface {
	// load reads clip i and draws what happens to it alone.
	load(i int, r *philox.Rand) error
	// mix makes the signal lam*itself + (1-lam)*other, which is of its kind.
	mix(other signal, lam float32)
	// logMel fills dst [T,M].
	logMel(dst []float32) error
}

func (r *reader) Read(key data.Key, dst *data.Sample) error {
	r.roll = key.Rand("roll")
	if err := r.own.load(key.Sample, &r.roll); err != nil {
		return err
	}
	labels := r.Labels(key.Sample)
	clear(dst.Targets)
	if partner, lam := r.pair(key); partner >= 0 {
		r.own.mix(r.partner, lam)
		share(dst.Targets, labels, lam)
		share(dst.Targets, r.Labels(partner), 1-lam)
	} else {
		share(dst.Targets, labels, 1)
	}
	dst.Label = labels[0]
	if err := r.own.logMel(dst.Values); err != nil {
		return fmt.Errorf("spectrogram of %s: %w", r.Name(key.Sample), err)
	}
	r.finish(key, dst.Values)
	return nil
}

// share adds a share to the targets of labels; without targets it does nothing.
func share(targets []float32, labels []int32, lam float32) {
	if len(targets) == 0 {
		return
	}
	for _, label := range labels {
		targets[label] += lam
	}
}

// pair draws whether to mix, and then lam and another clip, loaded as the
// partner; an unreadable one gives way to the next draw (its own turn reports
// it). Without mixing the partner is -1.
func (r *reader) pair(key data.Key) (partner int, lam float32) {
	const tries = 8
	n := r.Len()
	draw := key.Rand("mixup")
	if draw.Float64() >= r.opt.Augment.Mixup || n < 2 {
		return -1, 1
	}
	lam = float32(draw.Beta(10, 10))
	for range tries {
		partner = draw.IntN(n - 1)
		if partner >= key.Sample {
			partner++
		}
		if r.partner.load(partner, &r.roll) == nil {
			return partner, lam
		}
	}
	return -1, 1
}

// finish masks, normalises and adds noise to a spectrogram.
func (r *reader) finish(key data.Key, x []float32) {
	draw := key.Rand("specaug")
	uniform := func() float32 { return philox.Uniform(draw.Uint32()) }
	r.opt.Augment.Masks.Apply(x, r.opt.Mels, [4]float32{uniform(), uniform(), uniform(), uniform()})
	spectrogram.Normalize(x, r.opt.Mean, r.opt.Std)
	if r.opt.Augment.Noise {
		draw = key.Rand("noise")
		steps := draw.IntN(20) - 10
		spectrogram.AddNoise(x, uniform()/10, uniform)
		spectrogram.Roll(x, steps*r.opt.Mels)
	}
}

// wave is a signal in time, of the dataset's rate and without mean.
type wave struct {
	*dataset
	*tools
	clip Clip
}

// tools are what the waves of a reader share.
type tools struct {
	analyzer  *spectrogram.Analyzer
	resampler Resampler
	loaded    Clip      // at another rate
	channel   []float32 // first of several
}

func (w *wave) load(i int, r *philox.Rand) error {
	if err := w.Load(i, &w.clip); err != nil {
		return err
	}
	if w.clip.Rate != w.opt.Rate {
		w.clip, w.loaded = w.loaded, w.clip
		if err := w.resampler.Run(&w.clip, &w.loaded, w.opt.Rate); err != nil {
			return fmt.Errorf("%s: %w", w.Name(i), err)
		}
	}
	w.clip.RemoveMean()
	if w.opt.Augment.RollMag {
		steps := r.IntN(w.clip.Len())
		w.clip.Roll(steps, float32(0.5+r.Beta(10, 10)))
	}
	return nil
}

func (w *wave) mix(other signal, lam float32) { w.clip.Mix(&other.(*wave).clip, lam) }

func (w *wave) logMel(dst []float32) error {
	if n := w.clip.Len(); n < w.bank.Frame() {
		return fmt.Errorf("%d samples at %d Hz are less than a frame of %d: remove the clip", n, w.opt.Rate, w.bank.Frame())
	}
	if w.clip.Channels > 1 {
		w.channel = w.clip.first(w.channel)
		w.analyzer.LogMel(dst, w.channel)
		return nil
	}
	w.analyzer.LogMel(dst, w.clip.Samples)
	return nil
}
