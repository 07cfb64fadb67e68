package audio

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"m2pt/data"
	"m2pt/internal/fixture"
	"m2pt/tokenizers/spectrogram"
)

// tones is a source of tones in memory: clip i has i+1 steps of 100 Hz and the
// labels i%3 and, of every other clip, 3. Clips in bad cannot be read.
type tones struct {
	n    int
	rate int
	bad  map[int]bool
}

func (s *tones) Len() int             { return s.n }
func (s *tones) Classes() []string    { return []string{"a", "b", "c", "odd"} }
func (s *tones) Name(i int) string    { return "tones/" + string(rune('a'+i)) + ".wav" }
func (s *tones) Labels(i int) []int32 { return toneLabels()[i] }

// toneLabels are the labels of the first clips.
var toneLabels = sync.OnceValue(func() (labels [][]int32) {
	for i := range int32(20) {
		labels = append(labels, []int32{i % 3, 3}[:1+i%2])
	}
	return labels
})

var errSilent = errors.New("silent")

func (s *tones) Load(i int, dst *Clip) error {
	if s.bad[i] {
		return errSilent
	}
	dst.Resize(s.rate, 1, s.rate/2+10*i)
	for n := range dst.Samples {
		dst.Samples[n] = float32(.5*math.Sin(2*math.Pi*100*float64((i+1)*n)/float64(s.rate))) + .1
	}
	return nil
}

// plain are options without augmentation.
func plain() Options { return Options{Rate: 8000, Mels: 32, Frames: 40, Mean: -4, Std: 3} }

func newDataset(t testing.TB, src Source, opt Options) data.Dataset {
	t.Helper()
	ds, err := NewDataset(src, opt)
	if err != nil {
		t.Fatal(err)
	}
	return ds
}

func sample(t testing.TB, ds data.Dataset, key data.Key) *data.Sample {
	t.Helper()
	s := ds.Layout().NewSample()
	if err := ds.NewReader().Read(key, s); err != nil {
		t.Fatal(err)
	}
	return s
}

// features is the chain by hand from the filterbank on, without augmentation.
func features(t testing.TB, c *Clip, opt Options) []float32 {
	t.Helper()
	bank, err := spectrogram.NewBank(opt.Rate, opt.Mels)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, opt.Frames*opt.Mels)
	bank.NewAnalyzer().LogMel(x, c.first(nil))
	spectrogram.Normalize(x, opt.Mean, opt.Std)
	return x
}

func TestPlainSample(t *testing.T) {
	src := &tones{n: 6, rate: 8000}
	for _, frames := range []int{40, 80} { // cut, padded
		opt := plain()
		opt.Frames, opt.Targets = frames, true
		got := sample(t, newDataset(t, src, opt), data.Key{Seed: 9, Sample: 3})
		var c Clip
		if err := src.Load(3, &c); err != nil {
			t.Fatal(err)
		}
		c.RemoveMean()
		if !slices.Equal(got.Values, features(t, &c, opt)) {
			t.Errorf("%d frames: not the spectrogram of the clip", frames)
		}
		if got.Label != 0 || !slices.Equal(got.Targets, []float32{1, 0, 0, 1}) {
			t.Errorf("label %d, targets %v, want 0 and both labels", got.Label, got.Targets)
		}
	}
	if l := newDataset(t, src, plain()).Layout(); l.Targets != 0 || !slices.Equal(l.Values, []int{40, 32}) {
		t.Errorf("layout %+v", l)
	}
}

// TestOtherRate: a clip at another rate has the spectrogram of its resampled
// self, also when one at the right rate was read before.
func TestOtherRate(t *testing.T) {
	opt := plain()
	r := newDataset(t, &mixed{}, opt).NewReader()
	s := data.Layout{Values: []int{40, 32}}.NewSample()
	for i := range 4 {
		if err := r.Read(data.Key{Sample: i}, s); err != nil {
			t.Fatal(err)
		}
		var c, resampled Clip
		if err := (&mixed{}).Load(i, &c); err != nil {
			t.Fatal(err)
		}
		if err := new(Resampler).Run(&resampled, &c, 8000); err != nil {
			t.Fatal(err)
		}
		resampled.RemoveMean()
		if want := features(t, &resampled, opt); c.Rate != 8000 && !slices.Equal(s.Values, want) {
			t.Errorf("clip %d at %d Hz: other values", i, c.Rate)
		}
	}
}

// mixed is a source whose clips have different rates and channels.
type mixed struct{ tones }

func (*mixed) Len() int { return 4 }

func (*mixed) Load(i int, dst *Clip) error {
	rate := []int{8000, 11025, 16000, 11025}[i]
	if err := (&tones{rate: rate}).Load(i, dst); err != nil {
		return err
	}
	dst.stereo(1 + i%2)
	return nil
}

// TestMixup: targets are lam and 1-lam, a label of both clips counts 1, and
// values are those of the mixed waves.
func TestMixup(t *testing.T) {
	src := &tones{n: 6, rate: 8000}
	opt := plain()
	opt.Targets, opt.Augment.Mixup = true, 1
	ds := newDataset(t, src, opt)
	sum, partners := 0.0, map[int]bool{}
	r, got := ds.NewReader(), ds.Layout().NewSample()
	const n = 120
	for epoch := range n {
		key := data.Key{Seed: 1, Epoch: epoch, Sample: 1}
		if err := r.Read(key, got); err != nil {
			t.Fatal(err)
		}
		draw := key.Rand("mixup")
		draw.Float64()
		lam := float32(draw.Beta(10, 10))
		partner := draw.IntN(5)
		if partner >= 1 {
			partner++
		}
		sum += float64(lam)
		partners[partner] = true
		want := make([]float32, 4)
		for _, l := range src.Labels(1) {
			want[l] = lam
		}
		for _, l := range src.Labels(partner) {
			want[l] += 1 - lam
		}
		if !slices.Equal(got.Targets, want) || got.Label != 1 {
			t.Fatalf("epoch %d: targets %v, label %d, want %v and 1", epoch, got.Targets, got.Label, want)
		}
		if partner == 3 || partner == 5 {
			if got.Targets[3] != 1 {
				t.Fatalf("a label in both clips has share %g", got.Targets[3])
			}
		}
		if epoch < 5 {
			var a, b Clip
			_, _ = src.Load(1, &a), src.Load(partner, &b)
			a.RemoveMean()
			b.RemoveMean()
			a.Mix(&b, lam)
			if !slices.Equal(got.Values, features(t, &a, opt)) {
				t.Fatalf("epoch %d: not the spectrogram of the mixture", epoch)
			}
		}
	}
	if mean := sum / n; math.Abs(mean-.5) > .04 { // Beta(10,10): standard deviation .109
		t.Errorf("lam is %g on average, want .5", mean)
	}
	if len(partners) != 5 || partners[1] {
		t.Errorf("partners %v, want all but 1", partners)
	}
}

// TestMixupProbability counts how often samples are mixed, and whether an
// unreadable partner gives way to another.
func TestMixupProbability(t *testing.T) {
	opt := plain()
	opt.Targets, opt.Augment.Mixup = true, .3
	ds := newDataset(t, &tones{6, 8000, map[int]bool{0: true, 2: true}}, opt)
	count, n := 0.0, 500.0
	for epoch := range int(n) {
		s := sample(t, ds, data.Key{Epoch: epoch, Sample: 1})
		if s.Targets[1] != 1 || slices.Contains(s.Targets[:1], 1) || s.Targets[2] != 0 {
			count++
		}
	}
	// Partners 3, 4, 5 of labels 0, 1, 2 are readable; 4 has label 1 alone and
	// shares it, so that a third of the mixtures shows in label 3 only.
	p := .3 * 2 / 3
	if sigma := math.Sqrt(n * p * (1 - p)); math.Abs(count-n*p) > 4*sigma {
		t.Errorf("%g of %g samples are mixed with another class, want about %g", count, n, n*p)
	}
}

// TestAugmentations: each changes the sample, depends on the key alone, and
// leaves what it must not touch.
func TestAugmentations(t *testing.T) {
	src := &tones{n: 6, rate: 8000}
	base := sample(t, newDataset(t, src, plain()), data.Key{Sample: 2})
	for name, a := range map[string]Augment{
		"roll":  {RollMag: true},
		"bands": {Masks: spectrogram.Masks{Mel: 20}},
		"time":  {Masks: spectrogram.Masks{Time: 20}},
		"noise": {Noise: true},
	} {
		opt := plain()
		opt.Augment = a
		ds := newDataset(t, src, opt)
		first := sample(t, ds, data.Key{Seed: 1, Sample: 2})
		if slices.Equal(first.Values, base.Values) {
			t.Errorf("%s: nothing happens", name)
		}
		if again := sample(t, ds, data.Key{Seed: 1, Sample: 2}); !slices.Equal(first.Values, again.Values) {
			t.Errorf("%s: the same key twice differs", name)
		}
		for what, key := range map[string]data.Key{"seed": {Seed: 2, Sample: 2}, "epoch": {Seed: 1, Epoch: 1, Sample: 2}, "draw": {Seed: 1, Sample: 2, Draw: 1}} {
			if other := sample(t, ds, key); slices.Equal(first.Values, other.Values) {
				t.Errorf("%s: does not depend on the %s", name, what)
			}
		}
	}
}

// TestMaskedValues: stripes are 0 before normalisation, the rest is untouched,
// and padding is masked like everything else.
func TestMaskedValues(t *testing.T) {
	opt := plain()
	src := &tones{n: 3, rate: 8000}
	base := sample(t, newDataset(t, src, opt), data.Key{})
	opt.Augment.Masks = spectrogram.Masks{Mel: 16, Time: 20}
	zero := []float32{0}
	spectrogram.Normalize(zero, opt.Mean, opt.Std)
	ds, masked := newDataset(t, src, opt), 0
	for epoch := range 50 {
		for i, v := range sample(t, ds, data.Key{Epoch: epoch}).Values {
			if v == zero[0] && base.Values[i] != zero[0] {
				masked++
			} else if v != base.Values[i] {
				t.Fatalf("value %d is %g, neither masked nor %g", i, v, base.Values[i])
			}
		}
	}
	// Widths are uniform up to a half of both axes, truncated to a quarter less
	// half an entry on average: 1 - (1-.234)(1-.2375).
	if share := float64(masked) / (50 * 40 * 32); share < .32 || share > .51 {
		t.Errorf("%.3f of all values are masked, want about .416", share)
	}
}

// TestNoise: samples are rolled by -10 to 9 frames, and noise of up to 0.1 is added.
func TestNoise(t *testing.T) {
	opt := plain()
	src := &click{} // two frames are unlike all others
	clean := sample(t, newDataset(t, src, opt), data.Key{}).Values
	opt.Augment.Noise = true
	ds, steps, most, least := newDataset(t, src, opt), map[int]bool{}, float32(0), float32(1)
	for epoch := range 150 {
		noisy := sample(t, ds, data.Key{Epoch: epoch}).Values
		for k := -10; k < 10; k++ {
			rolled := slices.Clone(clean)
			spectrogram.Roll(rolled, k*opt.Mels)
			if added := difference(noisy, rolled); slices.Min(added) >= -1e-6 && slices.Max(added) <= .1 {
				steps[k] = true
				most, least = max(most, slices.Max(added)), min(least, slices.Max(added))
			}
		}
	}
	if len(steps) < 18 || most < .09 || least > .01 {
		t.Errorf("rolled by %d of 20 steps, noise up to %g at least and %g at most", len(steps), least, most)
	}
}

func difference(a, b []float32) []float32 {
	d := make([]float32, len(a))
	for i := range d {
		d[i] = a[i] - b[i]
	}
	return d
}

// TestRollMag: the clip is rolled along time by any amount, which shows in a clip
// that is silent but for one click.
func TestRollMag(t *testing.T) {
	opt := plain()
	opt.Mean, opt.Std, opt.Augment.RollMag = 0, .5, true
	ds := newDataset(t, &click{}, opt)
	frames := map[int]bool{}
	for epoch := range 150 {
		s := sample(t, ds, data.Key{Epoch: epoch})
		at, top := 0, float32(-16)
		for i, v := range s.Values {
			if v > top {
				at, top = i/opt.Mels, v
			}
		}
		frames[at] = true
	}
	if len(frames) < 30 {
		t.Errorf("the click comes in %d of 40 frames", len(frames))
	}
}

// TestRollGain: the level of a tone varies as 0.5 + Beta(10,10) does.
func TestRollGain(t *testing.T) {
	opt := plain()
	opt.Mean, opt.Std = 0, .5
	src := &tones{n: 4, rate: 8000}
	level := func(s *data.Sample) float64 { // of most frames, in the loudest band
		var tops []float32
		for row := range slices.Chunk(s.Values, opt.Mels) {
			tops = append(tops, slices.Max(row))
		}
		slices.Sort(tops)
		return float64(tops[len(tops)/2])
	}
	base := level(sample(t, newDataset(t, src, opt), data.Key{Sample: 3}))
	opt.Augment.RollMag = true
	ds := newDataset(t, src, opt)
	sum, squares, n := 0.0, 0.0, 150.0
	for epoch := range int(n) {
		gain := math.Exp((level(sample(t, ds, data.Key{Epoch: epoch, Sample: 3})) - base) / 2)
		sum, squares = sum+gain, squares+gain*gain
	}
	mean := sum / n
	if deviation := math.Sqrt(squares/n - mean*mean); math.Abs(mean-1) > .03 || math.Abs(deviation-.109) > .02 {
		t.Errorf("gain %.3f on average, standard deviation %.3f, want 1 and .109", mean, deviation)
	}
}

type click struct{ tones }

func (*click) Len() int { return 1 }

func (*click) Load(_ int, dst *Clip) error {
	dst.Resize(8000, 1, 3400)
	clear(dst.Samples)
	dst.Samples[100] = 1
	return nil
}

// room is a sample to read into.
func room(frames, mels int) *data.Sample {
	return data.Layout{Values: []int{frames, mels}, Targets: 4}.NewSample()
}

// everything switches all augmentation on.
func everything() Options {
	opt := plain()
	opt.Targets = true
	opt.Augment = Augment{RollMag: true, Mixup: .5, Masks: spectrogram.Masks{Mel: 8, Time: 10}, Noise: true}
	return opt
}

// TestWorkers: batches do not depend on the number of workers.
func TestWorkers(t *testing.T) {
	ds := newDataset(t, &tones{20, 11025, map[int]bool{7: true}}, everything())
	var want [][]float32
	for _, workers := range []int{1, 4} {
		l, err := data.NewLoader(ds, data.Options{Batch: 4, Workers: workers, Seed: 5, Weights: Weights(&tones{n: 20}), EpochLen: 48, MaxSkipped: 1})
		if err != nil {
			t.Fatal(err)
		}
		var got [][]float32
		for b, err := range l.Epoch(context.Background(), 0, 0) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, slices.Clone(b.Values), slices.Clone(b.Targets))
		}
		if want == nil {
			want = got
		}
		if len(got) != 24 || !slices.EqualFunc(got, want, slices.Equal[[]float32]) {
			t.Errorf("%d workers give other batches than 1", workers)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	opt := plain()
	r := newDataset(t, &tones{1, 8000, map[int]bool{0: true}}, opt).NewReader()
	if err := r.Read(data.Key{}, room(40, 32)); !errors.Is(err, errSilent) {
		t.Errorf("unreadable clip: error %v", err)
	}
	opt.Rate = 200000 // frames of 5000 samples
	r = newDataset(t, &short{}, opt).NewReader()
	if err := r.Read(data.Key{}, room(40, 32)); err == nil || !strings.Contains(err.Error(), "tones/a.wav") || !strings.Contains(err.Error(), "less than a frame") {
		t.Errorf("short clip: error %v", err)
	}
}

type short struct{ tones }

func (*short) Load(_ int, dst *Clip) error {
	dst.Resize(8000, 1, 100)
	clear(dst.Samples)
	return nil
}

func TestNewDatasetRefuses(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"rate":                  func(o *Options) { o.Rate = 0 },
		"bands":                 func(o *Options) { o.Mels = 0 },
		"frames":                func(o *Options) { o.Frames = 0 },
		"std":                   func(o *Options) { o.Std = 0 },
		"mixup":                 func(o *Options) { o.Targets, o.Augment.Mixup = true, 1.5 },
		"mixup without targets": func(o *Options) { o.Augment.Mixup = .5 },
		"masks":                 func(o *Options) { o.Augment.Masks.Time = -1 },
		"rolled filterbanks":    func(o *Options) { o.Filterbanks, o.Augment.RollMag = "x", true },
	} {
		opt := plain()
		change(&opt)
		if _, err := NewDataset(&tones{n: 1}, opt); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestReadAllocates nothing, whatever happens to the sample.
func TestReadAllocates(t *testing.T) {
	ds := newDataset(t, &tones{n: 6, rate: 11025}, everything())
	r, s, epoch := ds.NewReader(), ds.Layout().NewSample(), 0
	read := func() {
		for i := range 6 {
			if err := r.Read(data.Key{Epoch: epoch % 20, Sample: i}, s); err != nil {
				t.Fatal(err)
			}
		}
		epoch++
	}
	for range 20 {
		read() // buffers grow to their largest
	}
	if n := testing.AllocsPerRun(20, read); n != 0 {
		t.Errorf("%g allocations per epoch", n)
	}
}

func BenchmarkRead(b *testing.B) {
	list := fixture.Data(b, "audio/fsdd/split.csv")
	src, err := OpenCSV(list, "train")
	if err != nil {
		b.Fatal(err)
	}
	for name, opt := range map[string]Options{"plain": plain(), "everything": everything()} {
		opt.Mels, opt.Frames = 64, 96
		b.Run(name, func(b *testing.B) {
			ds := newDataset(b, src, opt)
			r, s := ds.NewReader(), ds.Layout().NewSample()
			for i := 0; b.Loop(); i++ {
				if err := r.Read(data.Key{Sample: i % src.Len()}, s); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "clips/s")
		})
	}
}
