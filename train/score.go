package train

import (
	"errors"

	"m2pt/data"
)

// scorer makes figures of predictions.
type scorer interface {
	add(p *Prediction) error
	result() Result
}

// scorer is the one for the samples at hand.
func (c Classifier) scorer(ds data.Dataset) (scorer, error) {
	classes := c.Head.Outputs()
	switch {
	case c.Loss == "bce":
		return &rankScore{classes: classes}, nil
	case c.Categories > 0:
		set, ok := ds.(data.Segmented)
		if !ok {
			return nil, errors.New("part segmentation: the data does not tell the parts of its classes")
		}
		parts, err := NewPartTally(set.Classes(), set.Parts(), classes)
		return &partScore{parts: parts}, err
	}
	return &classScore{}, nil
}

// classScore: one class per sample.
type classScore struct{ Tally }

func (s *classScore) add(p *Prediction) error {
	s.Add(p.Loss, p.Logits, int32(p.Label))
	return nil
}

func (s *classScore) result() Result { return s.Result() }

// rankScore: several classes per sample, which are ranked over all samples.
type rankScore struct {
	Tally
	classes         int
	scores, targets []float32
}

func (s *rankScore) add(p *Prediction) error {
	s.AddMean(float64(p.Loss), 1)
	s.scores, s.targets = append(s.scores, p.Logits...), append(s.targets, p.Targets...)
	return nil
}

func (s *rankScore) result() Result {
	r := s.Result()
	if r.Samples > 0 {
		m := RankMetrics(s.scores, s.targets, s.classes)
		r.MultiLabel = &m
	}
	return r
}

// partScore: a label for every point.
type partScore struct {
	Tally
	parts *PartTally
}

func (s *partScore) add(p *Prediction) (err error) {
	s.AddMean(float64(p.Loss), 1)
	if p.Predicted, err = s.parts.Add(p.Logits, p.Parts, p.Label); err == nil {
		p.IoU = shapeIoU(p.Predicted, p.Parts, s.parts.parts[p.Label])
	}
	return err
}

func (s *partScore) result() Result {
	r, parts := s.Result(), s.parts.Result()
	r.Parts = &parts
	return r
}
