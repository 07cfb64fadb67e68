package image

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"m2pt/data"
	"m2pt/internal/randaug"
)

func recipe() RandAugment {
	return RandAugment{Policy: randaug.Policy{Magnitude: 9, Std: 0.5, Ops: 2, Increasing: true}, Fill: [3]uint8{124, 116, 104}}
}

// one is a source of a single picture, many times.
type one struct{ *Picture }

func (one) Len() int          { return 64 }
func (one) Classes() []string { return []string{"noise"} }
func (one) Name(i int) string { return fmt.Sprint("noise-", i) }
func (s one) Load(_ int, dst *Picture) (int32, error) {
	dst.Resize(s.W, s.H)
	copy(dst.Pix, s.Pix)
	return 0, nil
}

// epochOf returns the pixels of an epoch.
func epochOf(t *testing.T, ds data.Dataset, opt data.Options) (all []uint8) {
	t.Helper()
	l, err := data.NewLoader(ds, opt)
	if err != nil {
		t.Fatal(err)
	}
	for b, err := range l.Epoch(context.Background(), 1, 0) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b.Pixels...)
	}
	return all
}

// TestAugmentedBatches do not depend on workers; they differ from plain ones and
// from sample to sample, also where samples repeat.
func TestAugmentedBatches(t *testing.T) {
	src := one{noise(12, 12)}
	still := Eval{Short: 12, Crop: 12}
	plain := epochOf(t, NewDataset(src, still), data.Options{Batch: 16, Workers: 1})
	for name, augments := range map[string][]Augment{
		"RandAugment": {recipe()},
		"jitter":      {ColorJitter{0.4, 0.4, 0.4}},
		"both":        {recipe(), ColorJitter{0.4, 0.4, 0.4}},
	} {
		t.Run(name, func(t *testing.T) {
			ds := NewDataset(src, still, augments...)
			want := epochOf(t, ds, data.Options{Batch: 16, Workers: 1, Repeat: 2})
			if got := epochOf(t, ds, data.Options{Batch: 16, Workers: 4, Repeat: 2}); !slices.Equal(got, want) {
				t.Error("4 workers give other pixels than 1")
			}
			if slices.Equal(want, plain) {
				t.Error("nothing is augmented")
			}
			size, same := 3*12*12, 0
			for i := size; i < len(want); i += size {
				if slices.Equal(want[i:i+size], want[i-size:i]) {
					same++
				}
			}
			if same > 16 { // a quarter of the pairs: RandAugment skips half of its operations
				t.Errorf("%d neighbours of 63 are alike", same)
			}
		})
	}
}

// TestAugmentsInTurn: the second augment gets what the first one made.
func TestAugmentsInTurn(t *testing.T) {
	src, key := one{noise(8, 8)}, data.Key{Sample: 3}
	read := func(augments ...Augment) []uint8 {
		ds := NewDataset(src, Eval{Short: 8, Crop: 8}, augments...)
		s := ds.Layout().NewSample()
		if err := ds.NewReader().Read(key, s); err != nil {
			t.Fatal(err)
		}
		return s.Pixels
	}
	c := canvas(src.Picture)
	recipe().Apply(key, c)
	ColorJitter{0.4, 0.4, 0.4}.Apply(key, c)
	if got := read(recipe(), ColorJitter{0.4, 0.4, 0.4}); !slices.Equal(got, slices.Concat(c.Planes[:]...)) {
		t.Error("two augments are not one after the other")
	}
}

func TestAugmentAllocations(t *testing.T) {
	c := canvas(noise(32, 32))
	for name, a := range map[string]Augment{"RandAugment": recipe(), "jitter": ColorJitter{0.4, 0.4, 0.4}} {
		i := 0
		if n := testing.AllocsPerRun(200, func() { i++; a.Apply(data.Key{Sample: i}, c) }); n != 0 {
			t.Errorf("%s: %g allocations per sample", name, n)
		}
	}
}

func TestJitterDistribution(t *testing.T) {
	const n = 6000
	j := ColorJitter{Brightness: 0.4, Contrast: 0.2, Saturation: 1.5}
	orders := map[[3]int32]float64{}
	var sum [3]float64
	least, most := [3]float32{9, 9, 9}, [3]float32{}
	for i := range n {
		order, factor := j.draw(data.Key{Sample: i})
		orders[order] += 1.0 / n
		for k, f := range factor {
			sum[k] += float64(f) / n
			least[k], most[k] = min(least[k], f), max(most[k], f)
		}
	}
	for order, share := range orders {
		near(t, fmt.Sprint("share of order ", order), share, 1.0/6, 0.02)
	}
	for k, want := range [3][2]float64{{0.6, 1.4}, {0.8, 1.2}, {0, 2.5}} {
		near(t, "mean factor", sum[k], (want[0]+want[1])/2, 0.03)
		near(t, "least factor", float64(least[k]), want[0], 0.002)
		near(t, "largest factor", float64(most[k]), want[1], 0.002)
	}
}

// TestJitterOrder: the changes are made in the order drawn.
func TestJitterOrder(t *testing.T) {
	src, j := noise(5, 5), ColorJitter{0.4, 0.4, 0.4}
	for i := range 30 {
		key := data.Key{Sample: i}
		got, want := canvas(src), canvas(src)
		j.Apply(key, got)
		order, factor := j.draw(key)
		for _, k := range order {
			[]func(*Canvas, float32){(*Canvas).brightness, (*Canvas).contrast, (*Canvas).color}[k](want, factor[k])
		}
		if !slices.Equal(pixels(got), pixels(want)) {
			t.Errorf("sample %d: not order %v with factors %v", i, order, factor)
		}
	}
}

// TestJitterParts: a part of 0 leaves its property alone.
func TestJitterParts(t *testing.T) {
	src := noise(2, 2)
	for _, c := range []struct {
		name   string
		jitter ColorJitter
		do     func(c *Canvas, factor float32)
	}{
		{"brightness", ColorJitter{Brightness: 0.4}, (*Canvas).brightness},
		{"contrast", ColorJitter{Contrast: 0.4}, (*Canvas).contrast},
		{"saturation", ColorJitter{Saturation: 0.4}, (*Canvas).color},
	} {
		got := canvas(src)
		c.jitter.Apply(data.Key{Sample: 1}, got)
		if !slices.ContainsFunc(factors(20000), func(f float32) bool {
			want := canvas(src)
			c.do(want, f)
			return slices.Equal(pixels(want), pixels(got))
		}) {
			t.Errorf("%s: no factor of 0.6 to 1.4 gives the jittered picture", c.name)
		}
	}
	still := canvas(src)
	if (ColorJitter{}).Apply(data.Key{}, still); !slices.Equal(pixels(still), src.Pix) {
		t.Error("no jitter changes the picture")
	}
}

func factors(n int) []float32 {
	all := make([]float32, n+1)
	for i := range all {
		all[i] = 0.6 + 0.8*float32(i)/float32(n)
	}
	return all
}
