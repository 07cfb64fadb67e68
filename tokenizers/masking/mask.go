package masking

import (
	"fmt"
	"slices"

	"m2pt/internal/philox"
)

// Mask splits the tokens of a sample. It has scratch of its own: one goroutine at
// a time.
type Mask interface {
	// Visible is the number of tokens that the encoder sees, V.
	Visible() int
	// Masked is the number of tokens that the decoder predicts, M.
	Masked() int
	// Noise is how many numbers from [0,1) decide on a sample.
	Noise() int
	// Split fills visible [V] and masked [M] as noise says. Masks of point groups
	// may also ask for their centres [G,3]; others take nil.
	Split(visible, masked []int32, noise, centers []float32)
}

// Sampler draws a mask for the samples of a batch: one goroutine at a time.
type Sampler struct {
	Mask
	noise []float32
}

// NewSampler returns the sampler of a mask.
func NewSampler(m Mask) *Sampler { return &Sampler{m, make([]float32, m.Noise())} }

// Draw fills visible [B,V] and masked [B,M] for samples with the keys [B,2] =
// (epoch, position in it) and, where the mask asks for them, centres [B,G,3]: a row
// is a function of (seed, key, centres).
func (s *Sampler) Draw(seed uint64, keys []int32, centers []float32, visible, masked []int32) {
	B, V, M := len(keys)/2, s.Visible(), s.Masked()
	for b := range B {
		r := philox.New(seed, "token mask", uint64(keys[2*b]), uint64(keys[2*b+1]))
		for i := range s.noise {
			s.noise[i] = philox.Uniform(r.Uint32())
		}
		row := len(centers) / B
		s.Split(visible[b*V:][:V], masked[b*M:][:M], s.noise, centers[b*row:][:row])
	}
}

// Weigh fills weight [B,M] with the share of each masked token in the loss of its
// sample: 0 where the encoder has seen it (see [RunningCell]), equal shares that
// sum to 1 elsewhere.
func (s *Sampler) Weigh(weight []float32, visible, masked []int32) {
	V, M := s.Visible(), s.Masked()
	for b := range len(weight) / M {
		shares, seen, hidden := weight[b*M:][:M], visible[b*V:][:V], 0
		for m, token := range masked[b*M:][:M] {
			shares[m] = 0
			if !slices.Contains(seen, token) {
				shares[m] = 1
				hidden++
			}
		}
		for m := range shares {
			shares[m] /= float32(max(hidden, 1))
		}
	}
}

// counts are the sizes of a split.
type counts struct{ visible, masked int }

// Visible returns the number of tokens that the encoder sees, V.
func (c counts) Visible() int { return c.visible }

// Masked returns the number of tokens that the decoder predicts, M.
func (c counts) Masked() int { return c.masked }

// check refuses a split that leaves either side empty.
func (c counts) check(format string, args ...any) error {
	if c.visible < 1 || c.masked < 1 {
		return fmt.Errorf("token mask: %s: %d visible and %d masked: want at least one of each",
			fmt.Sprintf(format, args...), c.visible, c.masked)
	}
	return nil
}

// part lists the tokens in natural order; hidden repeats until there are as many
// as visible and masked hold.
func part(visible, masked []int32, hidden []bool) {
	v, m := 0, 0
	for i := range len(visible) + len(masked) {
		if hidden[i%len(hidden)] {
			masked[m] = int32(i)
			m++
		} else {
			visible[v] = int32(i)
			v++
		}
	}
}

// mark sets those of flags that tokens name to on and all others to off.
func mark(flags []bool, tokens []int32, on bool) {
	for i := range flags {
		flags[i] = !on
	}
	for _, i := range tokens {
		flags[i] = on
	}
}
