package generated

import (
	"fmt"
	"math"

	"m2pt/data/audio"
	"m2pt/internal/philox"
)

// SoundRate is the sampling rate of generated sounds in Hz.
const SoundRate = 8000

// SoundOptions describe a generated set of sounds.
type SoundOptions struct {
	Split string // any name: "train", "val", "test"
	Count int    // number of clips, classes in turn
	Seed  uint64
}

// Clips have this many samples: at most as many as 64 frames of 25 ms every 10 ms
// hold.
const (
	minSound = 4400
	maxSound = 5240
)

// Sounds is an audio.Source of procedural clips, mono, 0.55 to 0.65 s long.
type Sounds struct {
	opt     SoundOptions
	purpose string
	classes []soundClass
	labels  [][]int32 // of each class
}

// soundClass is a kind of sound: the pitch, in octaves above the clip's own, and
// the loudness at a time t, 0..1, of the sound's duration.
type soundClass struct {
	name  string
	pitch func(t float64, v *voice) float64
	level func(t float64, v *voice) float64
}

// NewSounds returns the clips that opt describes.
func NewSounds(opt SoundOptions) (*Sounds, error) {
	if opt.Count < 1 {
		return nil, fmt.Errorf("generated sounds: count %d: want at least one clip", opt.Count)
	}
	s := &Sounds{opt: opt, purpose: "generated/sounds/" + opt.Split, classes: soundClasses()}
	for i := range s.classes {
		s.labels = append(s.labels, []int32{int32(i)})
	}
	return s, nil
}

// soundClasses differ in how pitch or loudness move, not in which pitches or how
// loud.
func soundClasses() []soundClass {
	steady := func(float64, *voice) float64 { return 0 }
	loud := func(float64, *voice) float64 { return 1 }
	return []soundClass{
		{"steady", steady, loud},
		{"rise", func(t float64, v *voice) float64 { return v.depth * (t - 0.5) }, loud},
		{"fall", func(t float64, v *voice) float64 { return v.depth * (0.5 - t) }, loud},
		{"hill", func(t float64, v *voice) float64 { return v.depth * (0.5 - math.Abs(2*t-1)) }, loud},
		{"valley", func(t float64, v *voice) float64 { return v.depth * (math.Abs(2*t-1) - 0.5) }, loud},
		{"vibrato", func(t float64, v *voice) float64 { return v.depth / 3 * math.Sin(2*math.Pi*v.beats*t) }, loud},
		{"trill", func(t float64, v *voice) float64 {
			return v.depth / 3 * math.Copysign(1, math.Sin(2*math.Pi*v.beats*t))
		}, loud},
		{"tremolo", steady, func(t float64, v *voice) float64 { return 0.5 - 0.5*math.Cos(2*math.Pi*v.beats*t) }},
		{"pulses", steady, func(t float64, v *voice) float64 { return pulse(v.beats * t) }},
		{"pairs", steady, func(t float64, v *voice) float64 { return pairs(v.beats * t) }},
	}
}

// pulse is a beat at each integer that fades within a third.
func pulse(t float64) float64 { return max(0, 1-3*(t-math.Floor(t))) }

// pairs are the beats of pulse with every second one early.
func pairs(t float64) float64 {
	if t = math.Mod(t, 2); t >= 0.55 {
		t -= 0.55
	}
	return max(0, 1-3*t)
}

// Len returns Count.
func (s *Sounds) Len() int { return s.opt.Count }

// Classes returns the ten class names.
func (s *Sounds) Classes() []string {
	names := make([]string, len(s.classes))
	for i, c := range s.classes {
		names[i] = c.name
	}
	return names
}

// Name returns split and number.
func (s *Sounds) Name(i int) string { return fmt.Sprintf("%s/%d", s.purpose, i) }

// Labels returns the class of clip i.
func (s *Sounds) Labels(i int) []int32 { return s.labels[i%len(s.classes)] }

// Load makes clip i. It never fails.
func (s *Sounds) Load(i int, dst *audio.Clip) error {
	r := philox.New(s.opt.Seed, s.purpose, 0, uint64(i))
	dst.Resize(SoundRate, 1, minSound+r.IntN(maxSound-minSound+1))
	clear(dst.Samples)
	v := voice{Rand: r, samples: dst.Samples}
	v.begin()
	v.sing(s.classes[i%len(s.classes)])
	for range v.IntN(3) {
		v.blip()
	}
	v.noise()
	return nil
}
