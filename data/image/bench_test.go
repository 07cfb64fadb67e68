package image

import (
	"os"
	"testing"

	"m2pt/data"
)

func BenchmarkEval(b *testing.B) {
	file, err := os.ReadFile(external(b, "M2PT_DATA", "data", "image/photos6/n02123159_tiger_cat.JPEG"))
	if err != nil {
		b.Fatal(err)
	}
	var p Picture
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
