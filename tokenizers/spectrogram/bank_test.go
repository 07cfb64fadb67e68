package spectrogram

import (
	"math"
	"slices"
	"testing"

	"m2pt/internal/fixture"
)

func bank(t testing.TB, rate, mels int) *Bank {
	t.Helper()
	b, err := NewBank(rate, mels)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// silent is the level of an empty band, ln(2^-23).
var silent = float32(-23 * math.Ln2)

// logMel returns all whole frames of a wave.
func logMel(b *Bank, wave []float32) []float32 {
	out := make([]float32, b.Frames(len(wave))*b.Mels())
	b.NewAnalyzer().LogMel(out, wave)
	return out
}

// channel0 is the first channel of waves [C,n] of 16 bits, less the mean of all.
func channel0(raw []int16, channels int) []float32 {
	sum := 0.0
	for _, v := range raw {
		sum += float64(v)
	}
	mean := sum / float64(len(raw))
	out := make([]float32, len(raw)/channels)
	for i := range out {
		out[i] = float32((float64(raw[i]) - mean) / 32768)
	}
	return out
}

// TestRecorded compares with the reference: within 1e-3 above -10, 5e-2 below,
// where float32 cancels.
func TestRecorded(t *testing.T) {
	for _, name := range []string{"fsdd_0_jackson_0", "fsdd_3_nicolas_1", "fsdd_7_theo_3", "noise", "short", "silence", "stereo", "sweep", "tone_dc"} {
		t.Run(name, func(t *testing.T) {
			f := fixture.Open(t, "audio_fbank_"+name)
			var meta struct {
				Rate      int `json:"sample_rate"`
				Mels      int `json:"num_mel_bins"`
				Frames    int
				Length    int `json:"target_length"`
				Mean, Std float64
			}
			f.Meta(t, &meta)
			raw, shape := fixture.Read[int16](t, f, "in/wave_i16")
			want, _ := fixture.Read[float32](t, f, "out/fbank")
			b := bank(t, meta.Rate, meta.Mels)
			if n := b.Frames(shape[1]); n != meta.Frames {
				t.Fatalf("%d frames, want %d", n, meta.Frames)
			}
			wave := channel0(raw, shape[0])
			high, low := compare(t, logMel(b, wave), want, 1e-3, 5e-2)
			t.Logf("largest error %.2g above -10, %.2g below", high, low)

			normalized, _ := fixture.Read[float32](t, f, "out/normalized")
			got := make([]float32, meta.Length*meta.Mels)
			b.NewAnalyzer().LogMel(got, wave)
			Normalize(got, meta.Mean, meta.Std)
			compare(t, got, normalized, 5e-3, 5e-3)
		})
	}
}

// compare returns the largest errors of values above -10 and of the others.
func compare(t *testing.T, got, want []float32, highLimit, lowLimit float64) (high, low float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	for i, w := range want {
		d := math.Abs(float64(got[i] - w))
		if w > -10 {
			high = max(high, d)
		} else {
			low = max(low, d)
		}
	}
	if !(high <= highLimit && low <= lowLimit) {
		t.Errorf("largest error %.3g above -10, %.3g below: want at most %g and %g", high, low, highLimit, lowLimit)
	}
	return high, low
}

// TestBands checks the geometry against numbers computed by hand from the
// formulas: 128 bands at 16 kHz.
func TestBands(t *testing.T) {
	low, high := mel(20), mel(8000)
	if step := (high - low) / 129; math.Abs(low-31.748578) > 1e-6 || math.Abs(high-2840.037712) > 1e-6 || math.Abs(step-21.769683) > 1e-6 {
		t.Errorf("mel scale %.6f to %.6f, step %.6f", low, high, step)
	}
	bands := bank(t, 16000, 128).bands
	if n := len(bands[3].weights); n != 0 {
		t.Errorf("band 3 has %d bins, want none", n)
	}
	if n := len(bands[127].weights); n != 10 {
		t.Errorf("band 127 has %d bins, want 10", n)
	}
	if bands[64].first != 57 {
		t.Errorf("band 64 begins at bin %d, want 57", bands[64].first)
	}
	want := []float32{0.05235, 0.70028, 0.65979, 0.02768}
	if !slices.EqualFunc(bands[64].weights, want, func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-5 }) {
		t.Errorf("band 64 has weights %v, want %v", bands[64].weights, want)
	}
}

// TestTone checks golden numbers of a second of 440 Hz.
func TestTone(t *testing.T) {
	wave := make([]float32, 16000)
	for n := range wave {
		wave[n] = float32(0.5 * math.Sin(2*math.Pi*440*float64(n)/16000))
	}
	x := logMel(bank(t, 16000, 128), wave)
	if len(x) != 98*128 {
		t.Fatalf("%d values, want 98 frames of 128", len(x))
	}
	for _, c := range []struct {
		band int
		want float64
		tol  float64
	}{
		{0, -14.130, .1}, {1, -15.618, .3}, {10, -9.711, .02}, {24, 3.5365, 1e-4}, {25, 1.4256, 1e-4},
		{26, -.0167, 1e-4}, {27, -3.2859, 2e-4}, {28, -8.061, 2e-3}, {64, -15.9424, 1e-4}, {127, -15.9424, 1e-4},
	} {
		if d := math.Abs(float64(x[c.band]) - c.want); !(d <= c.tol) {
			t.Errorf("band %d: %.4f, want %.4f", c.band, x[c.band], c.want)
		}
	}
	if top := slices.Index(x[:128], slices.Max(x[:128])); top != 23 {
		t.Errorf("loudest band %d, want 23", top)
	}
}

// TestAgainstDefinition recomputes spectra term by term in float64, also where
// the frame is not 400 samples.
func TestAgainstDefinition(t *testing.T) {
	for _, rate := range []int{400, 8000, 16000, 22050, 44100} {
		b := bank(t, rate, 40)
		wave := make([]float32, b.frame+b.shift)
		for n := range wave {
			wave[n] = float32(math.Sin(float64(n*n%97))) + 0.3
		}
		compare(t, logMel(b, wave)[40:], definition(wave[b.shift:], rate, 40), 1e-3, 5e-2)
	}
}

// definition is the log-mel spectrum of one frame.
func definition(x []float32, rate, mels int) []float32 {
	size, mean, last := 1, 0.0, 0.0
	for size < len(x) {
		size *= 2
	}
	for _, v := range x {
		mean += float64(v) / float64(len(x))
	}
	frame := make([]float64, len(x))
	for n, v := range x {
		d := float64(v) - mean
		if n == 0 {
			last = d
		}
		frame[n] = (d - 0.97*last) * (0.5 - 0.5*math.Cos(2*math.Pi*float64(n)/float64(len(x)-1)))
		last = d
	}
	energy := make([]float64, mels)
	low := 1127 * math.Log(1+20.0/700)
	step := (1127*math.Log(1+float64(rate)/1400) - low) / float64(mels+1)
	for k := range size / 2 {
		re, im := 0.0, 0.0
		for n, v := range frame {
			sin, cos := math.Sincos(2 * math.Pi * float64(k*n%size) / float64(size))
			re, im = re+v*cos, im-v*sin
		}
		at := (1127*math.Log(1+float64(k*rate)/float64(size)/700) - low) / step
		for m := range energy {
			energy[m] += (re*re + im*im) * max(0, 1-math.Abs(at-float64(m+1)))
		}
	}
	out := make([]float32, mels)
	for m, e := range energy {
		out[m] = float32(math.Log(max(e, 1.1920928955078125e-07)))
	}
	return out
}

// TestLength: rows beyond the clip are 0, frames beyond dst are left out, and a
// clip shorter than a frame has none.
func TestLength(t *testing.T) {
	b := bank(t, 16000, 16)
	wave := make([]float32, 400+3*160+159)
	for n := range wave {
		wave[n] = float32(n%50) / 50
	}
	whole := logMel(b, wave)
	if len(whole) != 4*16 {
		t.Fatalf("%d values, want 4 frames of 16", len(whole))
	}
	for _, rows := range []int{0, 2, 4, 7} {
		got := slices.Repeat([]float32{7}, rows*16)
		b.NewAnalyzer().LogMel(got, wave)
		want := append(slices.Clone(whole), make([]float32, 7*16)...)[:rows*16]
		if !slices.Equal(got, want) {
			t.Errorf("%d rows: not the first frames and then zeros", rows)
		}
	}
	if n := b.Frames(399); n != 0 {
		t.Errorf("399 samples have %d frames, want 0", n)
	}
}

func TestSilence(t *testing.T) {
	for i, v := range logMel(bank(t, 16000, 128), make([]float32, 4000)) {
		if v != silent {
			t.Fatalf("value %d is %v, want %v", i, v, silent)
		}
	}
}

// TestLogarithm: within float32's rounding, or 1e-9 near 1, of the exact one; what is
// not finite stays so.
func TestLogarithm(t *testing.T) {
	row := []float32{floor, 1, 2, math.Nextafter32(1, 0), math.Nextafter32(1, 2), math.Nextafter32(2, 0), math.MaxFloat32}
	for x := float32(floor); x < 1e30; x *= 1.00137 {
		row = append(row, x)
	}
	got := slices.Clone(row)
	newLogarithm().apply(got)
	for i, x := range row {
		want := math.Log(float64(x))
		if d := math.Abs(float64(got[i]) - want); !(d <= 1e-9+6e-8*math.Abs(want)) {
			t.Errorf("ln %v = %v, want %v", x, got[i], want)
		}
	}
	odd := []float32{float32(math.Inf(1)), float32(math.NaN())}
	newLogarithm().apply(odd)
	if !math.IsInf(float64(odd[0]), 1) || !math.IsNaN(float64(odd[1])) {
		t.Errorf("ln of infinity and of no number: %v", odd)
	}
}

func TestNewBankRefuses(t *testing.T) {
	for name, c := range map[string][2]int{"no bands": {16000, 0}, "many bands": {16000, 1 << 20}, "low rate": {399, 8}, "high rate": {1 << 21, 8}} {
		if _, err := NewBank(c[0], c[1]); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	b := bank(t, 16000, 128)
	a, wave, dst := b.NewAnalyzer(), make([]float32, 16000), make([]float32, 128*128)
	if n := testing.AllocsPerRun(5, func() { a.LogMel(dst, wave) }); n != 0 {
		t.Errorf("%g allocations per clip", n)
	}
}

// BenchmarkLogMel is one clip of 10 s at 16 kHz.
func BenchmarkLogMel(b *testing.B) {
	k := bank(b, 16000, 128)
	a, wave, dst := k.NewAnalyzer(), make([]float32, 160000), make([]float32, 1024*128)
	for n := range wave {
		wave[n] = float32(n%37)/37 - 0.5
	}
	for b.Loop() {
		a.LogMel(dst, wave)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "clips/s")
}
