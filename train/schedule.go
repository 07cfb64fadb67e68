package train

import "math"

// Names of the ways to run through a [Schedule].
const (
	// ScheduleCosine moves the rate at every update, by fractional epochs (MAE).
	ScheduleCosine = "cosine"
	// ScheduleEpochs keeps the rate through an epoch. It is that of the epoch
	// before, and epochs 0 and 1 share the first: timm's scheduler, stepped after
	// each epoch with the number of that epoch (Point-MAE).
	ScheduleEpochs = "cosine_epochs"
	// ScheduleSteps moves the rate at every update; the warm-up is of whole updates
	// and its last one has the full rate already (VideoMAE).
	ScheduleSteps = "cosine_steps"
)

// Schedule is a linear warm-up followed by half a cosine, as a function of
// epochs t:
//
//	t < Warmup: WarmupLR + (LR-WarmupLR)·t/Warmup
//	else:       MinLR + (LR-MinLR)·½(1 + cos(π(t-Warmup)/(Epochs-Warmup)))
//
// With [ScheduleEpochs] t is a whole number and the cosine starts at 0, hidden
// by the warm-up: its argument is π·t/Epochs. With [ScheduleSteps] the warm-up
// divides by Warmup less one update.
type Schedule struct {
	Name                string  // "" is ScheduleCosine
	LR, MinLR, WarmupLR float64 // the highest rate, the last and the first
	Warmup, Epochs      float64
	PerEpoch            int64 // updates; ScheduleSteps needs it, 0 stands for very many
}

// At is the learning rate at epoch t, a fraction within an epoch.
func (s Schedule) At(t float64) float64 {
	ramp, warm, crest := s.Warmup, s.Warmup, s.Warmup // the slope's length, its end, the cosine's start
	switch s.Name {
	case ScheduleEpochs:
		t, crest = max(math.Floor(t)-1, 0), 0
	case ScheduleSteps:
		if n := float64(s.PerEpoch); n > 0 {
			warm = math.Round(s.Warmup*n) / n
			ramp, crest = warm-1/n, warm
		}
	}
	switch {
	case t < warm && ramp > 0:
		return s.WarmupLR + (s.LR-s.WarmupLR)*t/ramp
	case t < warm: // one update of warm-up
		return s.WarmupLR
	case t >= s.Epochs: // also where warm-up takes the whole run
		return s.MinLR
	}
	return s.MinLR + (s.LR-s.MinLR)*0.5*(1+math.Cos(math.Pi*(t-crest)/(s.Epochs-crest)))
}
