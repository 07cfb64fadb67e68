package parity

import (
	"fmt"
	"slices"

	"m2pt/data/audio"
	"m2pt/tokenizers/spectrogram"
)

// clip is recorded waveform [C, n] of 16-bit samples, less its mean.
func (r *replay) clip(name string, rate int) *audio.Clip {
	t := r.tensor(name)
	if len(t.Shape) != 2 {
		r.stop(fmt.Errorf("%q has shape %v, want [C n]", name, t.Shape))
	}
	C, n := t.Shape[0], t.Shape[1]
	c := new(audio.Clip)
	c.Resize(rate, C, n)
	for i, v := range r.numbers(t) {
		c.Samples[i%n*C+i/n] = float32(v / (1 << 15))
	}
	c.RemoveMean()
	return c
}

// logMel is the spectrogram [frames, mels] of the first channel of a clip; all
// its whole frames where frames is 0.
func (r *replay) logMel(c *audio.Clip, frames, mels int) []float32 {
	bank, err := spectrogram.NewBank(c.Rate, mels)
	r.must(err)
	if frames == 0 {
		frames = bank.Frames(c.Len())
	}
	var first []float32
	for sample := range slices.Chunk(c.Samples, c.Channels) {
		first = append(first, sample[0])
	}
	x := make([]float32, frames*mels)
	bank.NewAnalyzer().LogMel(x, first)
	return x
}

// scale is how spectrograms are normalised.
type scale struct{ Mean, Std float64 }

func (s scale) normalized(x []float32) []float32 {
	x = slices.Clone(x)
	spectrogram.Normalize(x, s.Mean, s.Std)
	return x
}

// rule compares normalised spectrograms as what they were before.
func (s scale) rule() rule {
	back := func(v []float64) []float64 {
		v = slices.Clone(v)
		for i := range v {
			v[i] = v[i]*2*s.Std + s.Mean
		}
		return v
	}
	l := logMel()
	return rule{l.limit, func(got, want []float64) float64 { return l.measure(back(got), back(want)) }}
}

// audioFbank: the log-mel spectrogram of a waveform, and padded or cut and
// normalised. Digital silence lies exactly at the floor.
func audioFbank(r *replay) {
	var m struct {
		scale
		Rate   int `json:"sample_rate"`
		Mels   int `json:"num_mel_bins"`
		Length int `json:"target_length"`
	}
	r.meta(&m)
	c, l := r.clip("in/wave_i16", m.Rate), logMel()
	if largest(convert[float64](c.Samples)) == 0 {
		l = equal()
	}
	x := r.logMel(c, 0, m.Mels)
	checkValues(r, l, "out/fbank", x)
	checkValues(r, l, "out/fbank_f32", x)
	checkValues(r, m.rule(), "out/normalized", m.normalized(r.logMel(c, m.Length, m.Mels)))
}

// audioWavemix: the spectrogram of two mixed waveforms, padded or cut.
func audioWavemix(r *replay) {
	var m struct {
		Lam    float32
		Rate   int `json:"sample_rate"`
		Length int `json:"target_length"`
	}
	r.meta(&m)
	const name = "out/fbank_padded_f32"
	c := r.clip("in/wave1_i16", m.Rate)
	c.Mix(r.clip("in/wave2_i16", m.Rate), m.Lam)
	checkValues(r, logMel(), name, r.logMel(c, m.Length, r.tensor(name).Shape[1]))
}

// audioSpecAug: a spectrogram with stripes masked where recorded uniforms say,
// then normalised.
func audioSpecAug(r *replay) {
	var m struct {
		scale
		FreqM, TimeM int
	}
	r.meta(&m)
	x := slices.Clone(r.floats("in/fbank"))
	masks := spectrogram.Masks{Mel: m.FreqM, Time: m.TimeM}
	masks.Apply(x, r.tensor("in/fbank").Shape[1], [4]float32(r.floats("in/uniform")))
	checkValues(r, equal(), "out/masked", x)
	checkValues(r, forward(), "out/normalized", m.normalized(x))
}
