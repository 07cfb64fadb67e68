package train

import (
	"slices"
	"testing"

	"m2pt/data"
	"m2pt/experiment"
)

// drawn returns the pixels of a split's first samples.
func drawn(t *testing.T, cfg *experiment.Config, split Split) (pix []uint8) {
	t.Helper()
	ds, err := OpenData(cfg, split)
	must(t, err)
	r, s := ds.NewReader(), ds.Layout().NewSample()
	for i := range 10 {
		must(t, r.Read(data.Key{Seed: cfg.Seed, Sample: i}, s))
		pix = append(pix, s.Pixels...)
	}
	return pix
}

// TestAugmentKeys: each key changes the pixels of training, and each in its own
// way, but those of evaluation never.
func TestAugmentKeys(t *testing.T) {
	const whole = "eval.crop_pct=1" // its default follows the crop
	plain := tiny(t, whole)
	seen := [][]uint8{drawn(t, plain, TrainSplit)}
	for _, set := range []string{
		"augment.crop=resized", "augment.crop=byol", "augment.crop=shift", "augment.color_jitter=0.4",
		"augment.auto_augment=rand-m9-mstd0.5-inc1", "augment.auto_augment=rand-m9-mstd0.5", "augment.auto_augment=rand-m9-mstd0.5-w0",
	} {
		cfg := tiny(t, whole, set)
		pix := drawn(t, cfg, TrainSplit)
		if slices.ContainsFunc(seen, func(p []uint8) bool { return slices.Equal(p, pix) }) {
			t.Errorf("%s: the training pixels of another setting", set)
		}
		seen = append(seen, pix)
		if !slices.Equal(drawn(t, cfg, ValSplit), drawn(t, plain, ValSplit)) {
			t.Errorf("%s: other evaluation pixels", set)
		}
	}
}

// TestRepeatedSamples: a run repeats samples as often as its experiment says.
func TestRepeatedSamples(t *testing.T) {
	tr := ready(t, tiny(t, "augment.repeated=4"))
	for b, err := range tr.train.Epoch(t.Context(), 0, 0) {
		must(t, err)
		if want := slices.Repeat(b.Index[:1], 4); !slices.Equal(b.Index[:4], want) || b.Index[4] == b.Index[0] {
			t.Errorf("samples %v of a batch, want each four times", b.Index)
		}
	}
}

// TestFill: what geometric operations bring in has the mean colour.
func TestFill(t *testing.T) {
	const augment = "augment.auto_augment=rand-m10-n4-inc1"
	if slices.Equal(drawn(t, tiny(t, augment), TrainSplit), drawn(t, tiny(t, augment, "data.mean=[0, 0, 0]"), TrainSplit)) {
		t.Error("the mean colour does not matter")
	}
}
