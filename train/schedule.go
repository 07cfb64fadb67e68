package train

import "math"

// Schedule is a linear warm-up from 0 followed by half a cosine, as a function
// of fractional epochs t:
//
//	t < Warmup: LR·t/Warmup
//	else:       MinLR + (LR-MinLR)·½(1 + cos(π(t-Warmup)/(Epochs-Warmup)))
type Schedule struct {
	LR, MinLR      float64
	Warmup, Epochs float64
}

// At is the learning rate at epoch t.
func (s Schedule) At(t float64) float64 {
	if t < s.Warmup {
		return s.LR * t / s.Warmup
	}
	if t >= s.Epochs { // also where warm-up takes the whole run
		return s.MinLR
	}
	return s.MinLR + (s.LR-s.MinLR)*0.5*(1+math.Cos(math.Pi*(t-s.Warmup)/(s.Epochs-s.Warmup)))
}
