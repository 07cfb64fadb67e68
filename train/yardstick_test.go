package train

import (
	"math"
	"slices"
	"testing"

	"m2pt/data"
	"m2pt/tokenizers/masking"
)

// TestConstantLoss computes the loss of the best constant anew, from the samples, for
// pictures of one patch row and for clouds.
func TestConstantLoss(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sets []string
		loss func(t *testing.T, y *yardsticks) float64
	}{
		"pictures": {pretraining("mae.mask_ratio=0.5"), constantOfPictures},
		"clouds":   {autoencoders()["clouds"], constantOfClouds},
	} {
		t.Run(name, func(t *testing.T) {
			tr := ready(t, tiny(t, c.sets...))
			r, err := tr.eval.Run(t.Context(), nil)
			must(t, err)
			if want := c.loss(t, tr.eval.yardsticks); math.Abs(r.Constant-want) > 1e-5*want {
				t.Errorf("a constant has the loss %v, want %v", r.Constant, want)
			}
		})
	}
}

// samples reads all samples of a dataset.
func samples(t *testing.T, set data.Dataset) (all []*data.Sample) {
	t.Helper()
	r := set.NewReader()
	for i := range set.Len() {
		s := set.Layout().NewSample()
		must(t, r.Read(data.Key{Sample: i}, s))
		all = append(all, s)
	}
	return all
}

// maskedTokens are those of held-out sample i.
func maskedTokens(y *yardsticks, i int, centers []float32) []int32 {
	m := masking.NewSampler(y.network.Mask)
	visible, masked := make([]int32, m.Visible()), make([]int32, m.Masked())
	m.Draw(y.cfg.Seed, []int32{0, int32(i)}, centers, visible, masked)
	return masked
}

// constantOfPictures: 2x2 patches of 4x4 pixels of 3 colours.
func constantOfPictures(t *testing.T, y *yardsticks) (loss float64) {
	patch := func(s *data.Sample, n int) (p []float64) {
		for i := range 4 * 4 * 3 {
			row, column, c := n/2*4+i/12, n%2*4+i/3%4, i%3
			v := float64(s.Pixels[(c*8+row)*8+column]) / 255
			p = append(p, (v-y.cfg.Data.Mean[c])/y.cfg.Data.Std[c])
		}
		return p
	}
	training, held := samples(t, y.sets[0]), samples(t, y.sets[1])
	var mean [4][48]float64
	for _, s := range training {
		for n := range mean {
			for i, v := range patch(s, n) {
				mean[n][i] += v / float64(len(training))
			}
		}
	}
	for i, s := range held {
		masked := maskedTokens(y, i, nil)
		for _, n := range masked {
			for j, v := range patch(s, int(n)) {
				loss += (v - mean[n][j]) * (v - mean[n][j]) / 48 / float64(len(masked)*len(held))
			}
		}
	}
	return loss
}

// constantOfClouds: 6 groups of 4 points around centres.
func constantOfClouds(t *testing.T, y *yardsticks) (loss float64) {
	group := func(s *data.Sample, g int32) (points [4][3]float64) {
		index := s.Indices[5*g:][:5]
		for i := range points {
			for k := range 3 {
				points[i][k] = float64(s.Values[3*index[1+i]+int32(k)] - s.Values[3*index[0]+int32(k)])
			}
		}
		return points
	}
	constant, err := y.bestConstant(t.Context())
	must(t, err)
	var told [4][3]float64
	for i, v := range constant[:12] {
		told[i/3][i%3] = float64(v)
	}
	held := samples(t, y.sets[1])
	nearest := func(from, to [4][3]float64) (sum float64) {
		for _, a := range from {
			var d []float64
			for _, b := range to {
				d = append(d, (a[0]-b[0])*(a[0]-b[0])+(a[1]-b[1])*(a[1]-b[1])+(a[2]-b[2])*(a[2]-b[2]))
			}
			sum += slices.Min(d) / 4
		}
		return sum
	}
	for i, s := range held {
		masked := maskedTokens(y, i, nil)
		for _, g := range masked {
			truth := group(s, g)
			loss += (nearest(told, truth) + nearest(truth, told)) / float64(len(masked)*len(held))
		}
	}
	return loss
}
