package audio

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// TestResampleSine: a sine well below both Nyquist rates stays the same sine.
func TestResampleSine(t *testing.T) {
	var r Resampler
	for _, c := range []struct{ from, to int }{{44100, 16000}, {8000, 16000}, {8000, 24000}, {16000, 8000}, {48000, 16000}, {22050, 8000}, {16000, 44100}, {11025, 16001}} {
		t.Run(fmt.Sprintf("%d to %d", c.from, c.to), func(t *testing.T) {
			sine := func(n, rate int) float64 { return math.Sin(2*math.Pi*440*float64(n)/float64(rate) + 1) }
			src, dst := &Clip{Rate: c.from, Channels: 2}, &Clip{}
			for n := range c.from / 4 {
				src.Samples = append(src.Samples, float32(sine(n, c.from)), 1)
			}
			if err := r.Run(dst, src, c.to); err != nil {
				t.Fatal(err)
			}
			if want := (c.from/4*c.to + c.from - 1) / c.from; dst.Len() != want || dst.Rate != c.to || dst.Channels != 2 {
				t.Fatalf("%d samples of %d channels at %d Hz, want %d of 2 at %d", dst.Len(), dst.Channels, dst.Rate, want, c.to)
			}
			edge := 8*c.to/min(c.from, c.to) + 1
			ofSine, ofConstant := 0.0, 0.0
			for n := edge; n < dst.Len()-edge; n++ {
				ofSine = max(ofSine, math.Abs(float64(dst.Samples[2*n])-sine(n, c.to)))
				ofConstant = max(ofConstant, math.Abs(float64(dst.Samples[2*n+1])-1))
			}
			t.Logf("largest error %.2g of a sine, %.2g of a constant", ofSine, ofConstant)
			if ofSine > 1e-3 || ofConstant > 1e-3 {
				t.Errorf("largest error %.2g of a sine, %.2g of a constant, want at most 1e-3", ofSine, ofConstant)
			}
		})
	}
}

// TestResampleRemoves what the lower rate cannot hold.
func TestResampleRemoves(t *testing.T) {
	src, dst := &Clip{Rate: 16000, Channels: 1}, &Clip{}
	for n := range 4000 {
		src.Samples = append(src.Samples, float32(math.Sin(2*math.Pi*6000*float64(n)/16000)))
	}
	var r Resampler
	if err := r.Run(dst, src, 8000); err != nil {
		t.Fatal(err)
	}
	inside := dst.Samples[20 : dst.Len()-20]
	if top := max(slices.Max(inside), -slices.Min(inside)); top > 2e-3 {
		t.Errorf("6 kHz at a rate of 8 kHz keeps amplitude %g", top)
	}
}

// TestResampleDefinition recomputes samples, edges included, as a convolution of
// all input samples in float64.
func TestResampleDefinition(t *testing.T) {
	src := &Clip{Rate: 6, Channels: 1}
	for n := range 40 {
		src.Samples = append(src.Samples, float32(n*n%17)/17)
	}
	for _, to := range []int{4, 5, 6, 9, 12} {
		dst := &Clip{}
		var r Resampler
		if err := r.Run(dst, src, to); err != nil {
			t.Fatal(err)
		}
		base := .99 * float64(min(6, to))
		for m, got := range dst.Samples {
			want := 0.0
			for i, x := range src.Samples {
				d := base * (float64(i)/6 - float64(m)/float64(to))
				if math.Abs(d) < 6 {
					sinc := 1.0
					if d != 0 {
						sinc = math.Sin(math.Pi*d) / (math.Pi * d)
					}
					want += float64(x) * sinc * math.Pow(math.Cos(math.Pi*d/12), 2) * base / 6
				}
			}
			if math.Abs(float64(got)-want) > 1e-6 {
				t.Fatalf("6 to %d Hz: sample %d is %g, want %g", to, m, got, want)
			}
		}
	}
}

func TestResampleRefuses(t *testing.T) {
	src := &Clip{Rate: 1, Channels: 1, Samples: make([]float32, 1<<13)}
	var r Resampler
	if err := r.Run(&Clip{}, src, 16000); err == nil {
		t.Error("a clip grows beyond all bounds without an error")
	}
}

func BenchmarkResample(b *testing.B) {
	src, dst := &Clip{Rate: 44100, Channels: 1, Samples: make([]float32, 441000)}, &Clip{}
	var r Resampler
	for b.Loop() {
		if err := r.Run(dst, src, 16000); err != nil {
			b.Fatal(err)
		}
	}
}
