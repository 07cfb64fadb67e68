package train

import "math"

// looks merges predictions of several looks at one sample, which come one after the
// other: the mean of the logits, as in voting over point clouds, or of the
// probabilities, as over the views of a video.
type looks struct {
	per    int // looks at a sample, those that could not be read included
	logits bool
	answer func(*Prediction) error
	first  Prediction // of the sample at hand; Looks 0 is none
	sum    []float64
	loss   float64
}

func newLooks(per int, logits bool, answer func(*Prediction) error) *looks {
	return &looks{per: per, logits: logits, answer: answer}
}

// add takes the next look.
func (l *looks) add(p Prediction) error {
	if l.per == 1 {
		return l.answer(&p)
	}
	if l.first.Looks > 0 && p.Index/l.per != l.first.Index/l.per {
		if err := l.flush(); err != nil {
			return err
		}
	}
	if l.first.Looks == 0 {
		l.first, l.loss = p, 0
		l.first.Index, l.first.Looks = p.Index/l.per*l.per, 0
		l.sum = append(l.sum[:0], make([]float64, len(p.Logits))...)
	}
	l.first.Looks++
	l.loss += float64(p.Loss)
	share := p.Logits
	if !l.logits {
		share = probabilities(p.Logits)
	}
	for i, v := range share {
		l.sum[i] += float64(v)
	}
	return nil
}

// flush answers for the sample at hand.
func (l *looks) flush() error {
	p := l.first
	l.first.Looks = 0
	if p.Looks == 0 {
		return nil
	}
	p.Loss = float32(l.loss / float64(p.Looks))
	p.Logits = make([]float32, len(l.sum))
	for i, s := range l.sum {
		mean := s / float64(p.Looks)
		if !l.logits {
			mean = math.Log(mean) // whose softmax are the probabilities
		}
		p.Logits[i] = float32(mean)
	}
	return l.answer(&p)
}

// probabilities are the softmax of logits.
func probabilities(logits []float32) []float32 {
	top := math.Inf(-1)
	for _, v := range logits {
		top = math.Max(top, float64(v))
	}
	p, sum := make([]float32, len(logits)), 0.0
	for i, v := range logits {
		e := math.Exp(float64(v) - top)
		p[i], sum = float32(e), sum+e
	}
	for i := range p {
		p[i] = float32(float64(p[i]) / sum)
	}
	return p
}
