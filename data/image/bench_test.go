package image

import (
	"os"
	"testing"

	"m2pt/data"
	"m2pt/internal/fixture"
)

func BenchmarkEval(b *testing.B) {
	file, err := os.ReadFile(fixture.Data(b, "image/photos6/n02123159_tiger_cat.JPEG"))
	if err != nil {
		b.Fatal(err)
	}
	var p Picture
	if err := Decode(file, &p); err != nil {
		b.Fatal(err)
	}
	b.Run("decode 500x375", func(b *testing.B) {
		for b.Loop() {
			if err := Decode(file, &p); err != nil {
				b.Fatal(err)
			}
		}
	})
	for name, t := range map[string]Eval{"crop 224": {256, 224, Bicubic}, "whole 341x256": {256, 256, Bicubic}} {
		g := t.Geometry(data.Key{}, p.W, p.H)
		if t.Crop == 256 {
			g.Window.Min.X, g.Window.Max.X = 0, g.W
		}
		dst := make([]uint8, 3*g.Window.Dx()*g.Window.Dy())
		var r Resampler
		b.Run("resize "+name, func(b *testing.B) {
			for b.Loop() {
				if err := r.Render(dst, &p, g); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRead times one worker on samples of fine-tuning: a 500x375 JPEG file to
// 224x224.
func BenchmarkRead(b *testing.B) {
	path := fixture.Data(b, "image/photos6/n02123159_tiger_cat.JPEG")
	file, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	src := openFolder(b, fixture.Tree(b, map[string][]byte{"train/cat/0.jpg": file}), "train")
	crop := RandomResizedCrop{Side: 224, Scale: [2]float64{0.08, 1}, Ratio: [2]float64{3.0 / 4, 4.0 / 3}, Flip: 0.5}
	for name, augments := range map[string][]Augment{"plain": nil, "RandAugment": {recipe()}} {
		b.Run(name, func(b *testing.B) {
			ds := NewDataset(src, crop, augments...)
			r, s := ds.NewReader(), ds.Layout().NewSample()
			for i := 0; b.Loop(); i++ {
				if err := r.Read(data.Key{Epoch: i}, s); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
}

// BenchmarkAugment times each operation at magnitude 9, and the mean of the recipe,
// on 224x224.
func BenchmarkAugment(b *testing.B) {
	c := canvas(noise(224, 224))
	for op, name := range opNames() {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				c.do(newStep(opKind(op), 0.9, false, true), Bicubic, [3]uint8{})
			}
		})
	}
	for name, a := range map[string]Augment{
		"rand-m9-mstd0.5-inc1": recipe(),
		"jitter":               ColorJitter{0.4, 0.4, 0.4},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				a.Apply(data.Key{Sample: i}, c)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
}
