package train

import (
	"cmp"
	"math"
	"slices"
)

// MultiLabel are the figures of multi-label evaluation, over the classes that
// have both positives and negatives. Fractions, not percent.
type MultiLabel struct {
	MAP      float64   `json:"map"`     // mean average precision
	MAUC     float64   `json:"mauc"`    // mean area under the ROC curve
	DPrime   float64   `json:"d_prime"` // of the mean area
	Accuracy float64   `json:"accuracy"`
	AP       []float64 `json:"-"` // per class, NaN where skipped
	AUC      []float64 `json:"-"`
	Skipped  []int     `json:"skipped_classes,omitempty"` // no positives, or no negatives
}

// RankMetrics evaluates scores [N, K] against targets [N, K]; a target above ½
// is positive. Accuracy compares the largest score with the largest target.
func RankMetrics(scores, targets []float32, classes int) MultiLabel {
	n := len(scores) / classes
	m := MultiLabel{AP: make([]float64, classes), AUC: make([]float64, classes)}
	column := make([]scored, n)
	counted := 0
	for k := range classes {
		for i := range column {
			column[i] = scored{scores[i*classes+k], targets[i*classes+k] > 0.5}
		}
		ap, auc := curves(column)
		m.AP[k], m.AUC[k] = ap, auc
		if math.IsNaN(ap) {
			m.Skipped = append(m.Skipped, k)
			continue
		}
		counted++
		m.MAP += ap
		m.MAUC += auc
	}
	for i := range n {
		if largest(scores[i*classes:][:classes]) == largest(targets[i*classes:][:classes]) {
			m.Accuracy += 1 / float64(n)
		}
	}
	if counted > 0 {
		m.MAP /= float64(counted)
		m.MAUC /= float64(counted)
		m.DPrime = DPrime(m.MAUC)
	}
	return m
}

// DPrime is the separation of two normal distributions of unit variance with
// this area under the ROC curve: √2·Φ⁻¹(AUC).
func DPrime(auc float64) float64 { return 2 * math.Erfinv(2*auc-1) }

type scored struct {
	score    float32
	positive bool
}

// curves are the average precision Σ (recall step)·precision and the area under
// the ROC curve of one class; samples of equal score share one threshold. NaN
// where there are no positives or no negatives.
func curves(s []scored) (ap, auc float64) {
	slices.SortStableFunc(s, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	positives := 0
	for _, x := range s {
		if x.positive {
			positives++
		}
	}
	if positives == 0 || positives == len(s) {
		return math.NaN(), math.NaN()
	}
	P, N := float64(positives), float64(len(s)-positives)
	tp, fp := 0, 0
	for i := 0; i < len(s); {
		oldTP, oldFP := tp, fp
		for at := i; i < len(s) && (i == at || s[i].score == s[at].score); i++ { // a NaN equals nothing
			if s[i].positive {
				tp++
			} else {
				fp++
			}
		}
		step := float64(tp-oldTP) / P
		ap += step * float64(tp) / float64(tp+fp)
		auc += float64(fp-oldFP) / N * float64(tp+oldTP) / 2 / P
	}
	return ap, auc
}

func largest(v []float32) int {
	best := 0
	for i, x := range v {
		if x > v[best] {
			best = i
		}
	}
	return best
}
