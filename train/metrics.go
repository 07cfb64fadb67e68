package train

import (
	"cmp"
	"fmt"
	"math"
	"strings"
)

// Tally sums per-sample results into means. It is part of a checkpoint, so that
// an epoch's figures survive a resume bit for bit.
type Tally struct {
	Count int     `json:"count"`
	Loss  float64 `json:"loss"` // sum
	Top1  int     `json:"top1"` // hits
	Top5  int     `json:"top5"`
}

// AddMean adds the mean loss of n samples alone.
func (t *Tally) AddMean(loss float64, n int) {
	t.Count += n
	t.Loss += loss * float64(n)
}

// Add adds a sample's loss and whether its label is among the best logits.
func (t *Tally) Add(loss float32, logits []float32, label int32) {
	t.AddMean(float64(loss), 1)
	switch r := Rank(logits, int(label)); {
	case r < 1:
		t.Top1++
		t.Top5++
	case r < 5:
		t.Top5++
	}
}

// Rank is how many classes score higher than label; among equal scores the
// lower index comes first. A label whose score is NaN ranks behind all classes.
func Rank(logits []float32, label int) int {
	rank, own := 0, logits[label]
	if own != own {
		return len(logits)
	}
	for i, v := range logits {
		if v > own || i < label && v == own {
			rank++
		}
	}
	return rank
}

// Result are the figures of an evaluation; accuracies in percent.
type Result struct {
	Samples int     `json:"samples"`
	Loss    float64 `json:"loss"`
	Top1    float64 `json:"top1"`
	Top5    float64 `json:"top5"`
	// MultiLabel are the figures that count where samples have several classes.
	MultiLabel *MultiLabel `json:"multi_label,omitempty"`
	// Parts are the figures that count where every point has a label.
	Parts *PartSegmentation `json:"parts,omitempty"`
	// Masked is set where Loss is the error of masked tokens. Constant is what the
	// best constant has, and Probe how much of the classes the encoder knows.
	Masked   bool    `json:"masked,omitempty"`
	Constant float64 `json:"constant_loss,omitempty"`
	Probe    *Probe  `json:"probe,omitempty"`
}

// Figure is a named result, for people.
type Figure struct {
	Name  string
	Value float64
}

// Figures are those that count for the samples at hand: accuracies, ranking
// metrics where samples have several classes, overlaps where points have labels.
func (r Result) Figures() []Figure {
	if r.Masked {
		return r.maskedFigures()
	}
	if p := r.Parts; p != nil {
		return []Figure{{"instance mIoU", p.InstanceIoU}, {"class mIoU", p.ClassIoU}, {"accuracy", p.Accuracy}, {"loss", r.Loss}}
	}
	if m := r.MultiLabel; m != nil {
		return []Figure{{"mAP", m.MAP}, {"mAUC", m.MAUC}, {"d'", m.DPrime}, {"loss", r.Loss}}
	}
	return []Figure{{"top-1", r.Top1}, {"top-5", r.Top5}, {"loss", r.Loss}}
}

// maskedFigures are those of masked autoencoders.
func (r Result) maskedFigures() []Figure {
	all := []Figure{{"masked loss", r.Loss}}
	if r.Constant > 0 {
		all = append(all, Figure{"constant's", r.Constant}, Figure{"ratio", r.Loss / r.Constant})
	}
	if p := r.Probe; p != nil {
		all = append(all, Figure{"probe top-1", p.Top1}, Figure{"+-", p.Error}, Figure{"gain", p.Gain}, Figure{"gain +-", p.GainError})
	}
	return all
}

// metrics are the figures under the names that state.json has.
func (r Result) metrics() map[string]float64 {
	names := map[string]string{"top-1": "top1", "top-5": "top5", "mAP": "map", "mAUC": "mauc", "d'": "d_prime",
		"instance mIoU": "instance_miou", "class mIoU": "class_miou", "masked loss": "loss",
		"constant's": "constant_loss", "probe top-1": "probe_top1", "+-": "probe_error", "gain": "probe_gain", "gain +-": "probe_gain_error"}
	all := map[string]float64{}
	for _, f := range r.Figures() {
		all[cmp.Or(names[f.Name], f.Name)] = f.Value
	}
	return all
}

func (r Result) String() string {
	var words []string
	for _, f := range r.Figures() {
		words = append(words, fmt.Sprintf("%s %v", f.Name, f.Value))
	}
	if r.MultiLabel != nil && len(r.MultiLabel.Skipped) > 0 {
		words = append(words, fmt.Sprintf("%d classes without positives or negatives", len(r.MultiLabel.Skipped)))
	}
	return strings.Join(words, "  ")
}

// Score is the figure that decides which checkpoint is best: top-1, the mean
// average precision, the mean overlap over shapes, or the masked loss, negated.
func (r Result) Score() float64 {
	switch {
	case r.Masked:
		return -r.Loss
	case r.MultiLabel != nil:
		return r.MultiLabel.MAP
	case r.Parts != nil:
		return r.Parts.InstanceIoU
	}
	return r.Top1
}

// Result is the mean over the samples so far.
func (t Tally) Result() Result {
	n := math.Max(float64(t.Count), 1)
	return Result{Samples: t.Count, Loss: t.Loss / n, Top1: 100 * float64(t.Top1) / n, Top5: 100 * float64(t.Top5) / n}
}
