package train

import (
	"math"
	"slices"
	"testing"
)

// TestLooks: answers are means over the looks that could be read, of logits or of
// probabilities, and each sample gets one.
func TestLooks(t *testing.T) {
	ln := func(p ...float64) []float32 {
		var v []float32
		for _, x := range p {
			v = append(v, float32(math.Log(x)))
		}
		return v
	}
	in := []Prediction{ // looks 0 and 2 of sample 0, look 1 of sample 2: sample 1 is unreadable
		{Index: 0, Label: 1, Loss: 1, Looks: 1, Logits: ln(.5, .5)},
		{Index: 2, Label: 1, Loss: 3, Looks: 1, Logits: ln(.9, .1)},
		{Index: 7, Label: 0, Loss: 5, Looks: 1, Logits: ln(.25, .75)},
	}
	for _, c := range []struct {
		name   string
		per    int
		logits bool
		want   []Prediction
	}{
		{"probabilities", 3, false, []Prediction{{Index: 0, Label: 1, Loss: 2, Looks: 2, Logits: ln(.7, .3)}, {Index: 6, Label: 0, Loss: 5, Looks: 1, Logits: ln(.25, .75)}}},
		{"logits", 3, true, []Prediction{{Index: 0, Label: 1, Loss: 2, Looks: 2, Logits: ln(math.Sqrt(.45), math.Sqrt(.05))}, {Index: 6, Label: 0, Loss: 5, Looks: 1, Logits: ln(.25, .75)}}},
		{"one look", 1, false, in},
	} {
		var got []Prediction
		l := newLooks(c.per, c.logits, func(p *Prediction) error {
			q := *p
			q.Logits = slices.Clone(p.Logits)
			got = append(got, q)
			return nil
		})
		for _, p := range in {
			must(t, l.add(p))
		}
		must(t, l.flush())
		same := slices.EqualFunc(got, c.want, func(a, b Prediction) bool {
			near := slices.EqualFunc(a.Logits, b.Logits, func(x, y float32) bool { return math.Abs(float64(x-y)) < 1e-6 })
			return near && a.Index == b.Index && a.Label == b.Label && a.Loss == b.Loss && a.Looks == b.Looks
		})
		if !same {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
