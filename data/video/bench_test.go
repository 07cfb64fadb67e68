package video

import (
	"testing"

	"m2pt/data"
	"m2pt/data/image"
	"m2pt/internal/fixture"
	"m2pt/internal/randaug"
)

// BenchmarkRead makes training samples of 16 frames of 224 x 224 out of frame
// folders.
func BenchmarkRead(b *testing.B) {
	policy, err := randaug.Parse("rand-m7-n4-mstd0.5-inc1")
	if err != nil {
		b.Fatal(err)
	}
	f, err := OpenCSV(fixture.Data(b, "video/ut_interaction/split.csv"), "train")
	if err != nil {
		b.Fatal(err)
	}
	for name, augments := range map[string][]image.Augment{
		"plain":       nil,
		"randaugment": {image.RandAugment{Policy: policy, Filter: image.Bicubic}},
	} {
		b.Run(name, func(b *testing.B) {
			opt := training(16, 224)
			opt.Augments = augments
			ds := open(b, f, opt)
			r, s := ds.NewReader(), ds.Layout().NewSample()
			for i := 0; b.Loop(); i++ {
				if err := r.Read(data.Key{Sample: i % ds.Len(), Epoch: i / ds.Len()}, s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
