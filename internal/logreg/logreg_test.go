package logreg

import (
	"testing"

	"m2pt/data"
)

// dots is a dataset of two pixels; a rule says the label.
type dots struct{ label func(a, b uint8) int32 }

func (d dots) Len() int               { return 400 }
func (d dots) Classes() []string      { return []string{"no", "yes"} }
func (d dots) Layout() data.Layout    { return data.Layout{Pixels: []int{2}} }
func (d dots) Name(int) string        { return "dots" }
func (d dots) NewReader() data.Reader { return d }
func (d dots) Read(key data.Key, dst *data.Sample) error {
	r := key.Rand("dots")
	a, b := uint8(r.Uint32()), uint8(r.Uint32())
	dst.Pixels[0], dst.Pixels[1], dst.Label = a, b, d.label(a, b)
	return nil
}

// TestAccuracy: a half-plane is learnt, opposite quadrants cannot be.
func TestAccuracy(t *testing.T) {
	for _, c := range []struct {
		name     string
		rule     func(a, b uint8) bool
		min, max float64
	}{
		{"half-plane", func(a, b uint8) bool { return a > b }, 0.95, 1},
		{"quadrants", func(a, b uint8) bool { return (a > 127) != (b > 127) }, 0.35, 0.7},
	} {
		ds := dots{func(a, b uint8) int32 {
			if c.rule(a, b) {
				return 1
			}
			return 0
		}}
		onTrain, onTest, err := Accuracy(ds, ds, 100)
		if err != nil {
			t.Fatal(err)
		}
		if onTrain != onTest || onTest < c.min || onTest > c.max {
			t.Errorf("%s: accuracy %.3f and %.3f on the same data, want %.2f to %.2f", c.name, onTrain, onTest, c.min, c.max)
		}
	}
}
