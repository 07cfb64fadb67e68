package audio

import (
	"fmt"

	"m2pt/data"
	"m2pt/tokenizers/spectrogram"
)

// Options say how a clip becomes a spectrogram.
type Options struct {
	Rate      int     // Hz; clips of other rates are resampled
	Mels      int     // M, mel bands
	Frames    int     // T, one every 10 ms; longer clips are cut, shorter ones padded with zeros
	Mean, Std float64 // of the dataset's log-mel values: samples are (x - Mean) / (2 Std)

	// Targets gives samples a vector of shares besides their label, which is the
	// first one of the clip: 1 for each label, and in a mixture lam and 1-lam.
	Targets bool
	// Filterbanks is a folder of stored log-mel spectrograms that are read instead
	// of the clips: <file name without its extension>.npy, [frames, M], little
	// endian float32 or float64.
	Filterbanks string

	Augment Augment
}

// Augment is what training does to clips at random; the zero value does nothing.
type Augment struct {
	RollMag bool              // roll the waveform by any number of samples and scale it by 0.5 + Beta(10,10)
	Mixup   float64           // probability of lam*x + (1-lam)*another clip, lam ~ Beta(10,10)
	Masks   spectrogram.Masks // widest stripes of bands and frames to become 0 ahead of normalisation
	Noise   bool              // add uniform noise of a random amplitude up to 0.1, and roll by up to 10 frames
}

// NewDataset returns the clips of a source as spectrograms.
func NewDataset(src Source, opt Options) (data.Dataset, error) {
	bank, err := spectrogram.NewBank(opt.Rate, opt.Mels)
	if err != nil {
		return nil, fmt.Errorf("audio dataset: %w", err)
	}
	a := opt.Augment
	switch {
	case opt.Frames < 1 || !(opt.Std > 0):
		return nil, fmt.Errorf("audio dataset: %d frames, std %g: want at least one frame and a positive std", opt.Frames, opt.Std)
	case !(a.Mixup >= 0 && a.Mixup <= 1) || a.Masks.Mel < 0 || a.Masks.Time < 0:
		return nil, fmt.Errorf("audio dataset: mixup with probability %g, masks of %d bands and %d frames: want 0 to 1 and no negative widths", a.Mixup, a.Masks.Mel, a.Masks.Time)
	case a.Mixup > 0 && !opt.Targets:
		return nil, fmt.Errorf("audio dataset: mixup needs targets: a mixture has several labels")
	case a.RollMag && opt.Filterbanks != "":
		return nil, fmt.Errorf("audio dataset: stored filterbanks cannot be rolled and scaled as waveforms: switch roll_mag off")
	}
	return &dataset{src, opt, bank}, nil
}

type dataset struct {
	Source
	opt  Options
	bank *spectrogram.Bank
}

func (d *dataset) Layout() data.Layout {
	l := data.Layout{Values: []int{d.opt.Frames, d.opt.Mels}}
	if d.opt.Targets {
		l.Targets = len(d.Classes())
	}
	return l
}

func (d *dataset) NewReader() data.Reader {
	r := &reader{dataset: d}
	if d.opt.Filterbanks != "" {
		r.own, r.partner = &stored{dataset: d}, &stored{dataset: d}
		return r
	}
	tools := &tools{analyzer: d.bank.NewAnalyzer()}
	r.own, r.partner = &wave{dataset: d, tools: tools}, &wave{dataset: d, tools: tools}
	return r
}
