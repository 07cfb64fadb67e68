package train

import (
	"fmt"
	"path/filepath"

	"m2pt/data"
	"m2pt/data/audio"
	"m2pt/data/generated"
	"m2pt/experiment"
	"m2pt/tokenizers/masking"
	"m2pt/tokenizers/spectrogram"
)

// openSounds opens a split of sounds as spectrograms.
func openSounds(cfg *experiment.Config, split, as Split) (data.Dataset, error) {
	src, err := soundSource(cfg, split)
	if err != nil {
		return nil, err
	}
	a := cfg.Audio
	opt := audio.Options{Rate: a.SampleRate, Mels: a.MelBins, Frames: a.Frames, Mean: a.Mean, Std: a.Std, Targets: cfg.Head.Loss == "bce",
		Filterbanks: a.Filterbanks}
	if as == TrainSplit {
		opt.Targets = opt.Targets || a.Mixup > 0
		opt.Augment = audio.Augment{RollMag: a.RollMag, Mixup: a.Mixup, Masks: spectrogram.Masks{Mel: a.FreqM, Time: a.TimeM}, Noise: a.Noise}
	}
	return audio.NewDataset(src, opt)
}

func soundSource(cfg *experiment.Config, split Split) (audio.Source, error) {
	d := cfg.Data
	name, count, names := d.TrainSplit, d.Samples, []string{"train", "train", "train.json"}
	if split == ValSplit {
		name, count, names = d.ValSplit, d.ValSamples, []string{"val", "val", "eval.json"}
	}
	or := func(usual string) string {
		if name != "" {
			return name
		}
		return usual
	}
	switch d.Format {
	case "generated":
		return generated.NewSounds(generated.SoundOptions{Split: string(split), Count: count, Seed: d.Seed})
	case "csv":
		return audio.OpenCSV(filepath.Join(d.Path, "split.csv"), or(names[0]))
	case "folder":
		return audio.OpenFolder(d.Path, or(names[1]))
	case "audioset":
		return audio.OpenAudioSet(filepath.Join(d.Path, or(names[2])), cfg.Audio.Labels)
	case "esc50":
		return audio.OpenESC50(d.Path, cfg.Audio.Fold, string(split))
	case "speechcommands":
		return audio.OpenSpeechCommands(d.Path, or(names[1]))
	}
	return nil, fmt.Errorf("format %q is not one of sounds", d.Format)
}

// soundWeights are the chances of training clips to be drawn, nil where each is
// used once.
func soundWeights(cfg *experiment.Config) ([]float64, error) {
	if cfg.Tokenizer.Kind != "audio" || !cfg.Audio.Weighted {
		return nil, nil
	}
	src, err := soundSource(cfg, TrainSplit)
	if err != nil {
		return nil, fmt.Errorf("weigh training clips: %w", err)
	}
	return audio.Weights(src), nil
}

// tokenMask is the structured mask of a spectrogram's tokens in training, nil
// where it is off.
func tokenMask(cfg *experiment.Config) (*masking.Structured, error) {
	a := cfg.Audio
	if cfg.Tokenizer.Kind != "audio" || a.MaskTProb == 0 && a.MaskFProb == 0 {
		return nil, nil
	}
	grid := tokenizer(cfg).Grid()
	return masking.NewStructured(grid[1], grid[2], a.MaskTProb, a.MaskFProb)
}
