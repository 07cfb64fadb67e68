// Package philox is the counter-based random generator behind every random
// decision of a run: weight initialisation, sample order, augmentation,
// drop-path.
//
// A number is a pure function of a key and a counter (Philox4x32-10, Salmon et
// al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). Nothing is
// consumed in sequence between samples, so any sample of any epoch can be
// recomputed alone, and results depend neither on worker count nor on batch
// layout.
//
// Vocabulary: a seed (with the purpose mixed in by [Key]) is the key; what the
// number is for (epoch, sample, element) goes into the counter. [New] reads
// numbers one after another from one such position.
package philox

import "math"

const (
	mult0 = 0xD2511F53
	mult1 = 0xCD9E8D57
	weyl0 = 0x9E3779B9
	weyl1 = 0xBB67AE85
)

// Block returns the four words at counter ctr of the stream with the given
// key: the ten-round Philox4x32 bijection.
func Block(key uint64, ctr [4]uint32) [4]uint32 {
	k0, k1 := uint32(key), uint32(key>>32)
	for range 10 {
		p0 := uint64(mult0) * uint64(ctr[0])
		p1 := uint64(mult1) * uint64(ctr[2])
		ctr = [4]uint32{uint32(p1>>32) ^ ctr[1] ^ k0, uint32(p1), uint32(p0>>32) ^ ctr[3] ^ k1, uint32(p0)}
		k0 += weyl0
		k1 += weyl1
	}
	return ctr
}

// Uniform maps a word to [0, 1) with 24 bits, exact in float32.
func Uniform(w uint32) float32 { return float32(w>>8) * (1.0 / (1 << 24)) }

// Hash is the 64-bit FNV-1a hash of name: it turns names of parameters, layers
// and purposes into key or counter words.
func Hash(name string) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(name); i++ {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return h
}

// Key mixes a purpose into a seed (SplitMix64 finaliser), so that two purposes
// never share numbers.
func Key(seed uint64, purpose string) uint64 {
	z := seed + 0x9E3779B97F4A7C15 + Hash(purpose)
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
	z = (z ^ (z >> 27)) * 0x94D049BB133111EB
	return z ^ (z >> 31)
}

// Rand reads numbers in sequence from one position (a, b) of a keyed stream.
// It is small enough to live on the stack and needs no closing. It is not safe
// for concurrent use.
type Rand struct {
	key  uint64
	ctr  [4]uint32
	buf  [4]uint32
	left int
}

// New returns the reader at position (a, b) of the stream named by seed and
// purpose; a and b are, say, epoch and sample index (their low 32 and 48 bits
// count).
func New(seed uint64, purpose string, a, b uint64) Rand {
	return Rand{key: Key(seed, purpose), ctr: [4]uint32{0, uint32(b>>32)<<16 | uint32(a>>32)&0xffff, uint32(a), uint32(b)}}
}

// Uint32 returns the next word.
func (r *Rand) Uint32() uint32 {
	if r.left == 0 {
		r.buf = Block(r.key, r.ctr)
		r.ctr[0]++
		r.left = 4
	}
	r.left--
	return r.buf[3-r.left]
}

// Uint64 returns the next two words.
func (r *Rand) Uint64() uint64 { return uint64(r.Uint32())<<32 | uint64(r.Uint32()) }

// Float64 returns a number in [0, 1) with 53 random bits.
func (r *Rand) Float64() float64 { return float64(r.Uint64()>>11) * (1.0 / (1 << 53)) }

// Range returns a number in [lo, hi).
func (r *Rand) Range(lo, hi float64) float64 { return lo + (hi-lo)*r.Float64() }

// IntN returns an integer in [0, n); n must be positive. The bias of the
// multiply-shift reduction is below n/2^64.
func (r *Rand) IntN(n int) int {
	hi, _ := mul64(r.Uint64(), uint64(n))
	return int(hi)
}

func mul64(a, b uint64) (hi, lo uint64) {
	const mask = 1<<32 - 1
	a0, a1, b0, b1 := a&mask, a>>32, b&mask, b>>32
	t := a1*b0 + (a0*b0)>>32
	w1 := t&mask + a0*b1
	return a1*b1 + t>>32 + w1>>32, a * b
}

// Norm returns a standard normal number (Box-Muller, cosine half only, so that
// one call always consumes the same four words).
func (r *Rand) Norm() float64 {
	u := 1 - r.Float64()
	v := r.Float64()
	return math.Sqrt(-2*math.Log(u)) * math.Cos(2*math.Pi*v)
}

// Perm writes a uniform permutation of 0..len(p)-1 into p (Fisher-Yates).
func (r *Rand) Perm(p []int32) {
	for i := range p {
		j := r.IntN(i + 1)
		p[i] = p[j]
		p[j] = int32(i)
	}
}

// Gamma returns a Gamma(shape, 1) number (Marsaglia and Tsang 2000, with the
// power boost for shape < 1).
func (r *Rand) Gamma(shape float64) float64 {
	if shape < 1 {
		u := 1 - r.Float64()
		return r.Gamma(shape+1) * math.Pow(u, 1/shape)
	}
	d := shape - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := r.Norm()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v *= v * v
		if math.Log(1-r.Float64()) < 0.5*x*x+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}

// Beta returns a Beta(a, b) number; a and b must be positive.
func (r *Rand) Beta(a, b float64) float64 {
	x, y := r.Gamma(a), r.Gamma(b)
	if x+y == 0 { // both underflowed: the mass sits at the ends
		if r.Float64() < a/(a+b) {
			return 1
		}
		return 0
	}
	return x / (x + y)
}
