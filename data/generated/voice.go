package generated

import (
	"math"

	"m2pt/internal/philox"
)

// voice is a sound being made: a tone of four harmonics with some breath.
type voice struct {
	philox.Rand
	samples []float32
	pitch   float64 // Hz, in the middle of what it moves over
	depth   float64 // octaves over which it moves
	beats   float64 // of loudness or pitch, in the whole sound
	timbre  [4]float64
	breath  float64 // share of noise
	gain    float64
	from    int // first sample of the sound
	length  int // samples
}

// begin draws what varies within a class.
func (v *voice) begin() {
	v.pitch = 300 * math.Exp2(v.Range(0, 2))
	v.depth = v.Range(0.7, 1.5)
	v.beats = v.Range(4, 7)
	v.timbre[0] = 1
	for k := 1; k < len(v.timbre); k++ {
		v.timbre[k] = v.timbre[k-1] * v.Range(0.1, 0.7)
	}
	v.breath = v.Range(0, 0.2)
	v.gain = 0.4 * math.Exp2(v.Range(-3, 0))
	v.length = int(v.Range(0.65, 0.95) * float64(len(v.samples)))
	v.from = v.IntN(len(v.samples) - v.length + 1)
}

// sing adds the sound of a class.
func (v *voice) sing(c soundClass) {
	phase := 0.0
	for n := range v.length {
		t := float64(n) / float64(v.length)
		f := v.pitch * math.Exp2(c.pitch(t, v))
		phase += f / SoundRate
		x := (1-v.breath)*v.tone(phase, f) + v.breath*v.hiss()
		v.samples[v.from+n] += float32(v.gain * c.level(t, v) * ramp(n, v.length) * x)
	}
}

// tone is the wave at a phase in periods, without harmonics that the rate does
// not hold: sin((k+1)x) = 2 cos(x) sin(kx) - sin((k-1)x).
func (v *voice) tone(phase, f float64) (sum float64) {
	sin, cos := math.Sincos(2 * math.Pi * phase)
	before := 0.0
	for k, a := range v.timbre {
		if float64(k+1)*f > 0.45*SoundRate {
			break
		}
		sum += a * sin
		before, sin = sin, 2*cos*sin-before
	}
	return sum / 2
}

// hiss is a uniform number in [-1, 1).
func (v *voice) hiss() float64 { return 2*float64(philox.Uniform(v.Uint32())) - 1 }

// ramp is the loudness of sample n of a sound without clicks at its ends: it rises
// and falls over 10 ms.
func ramp(n, length int) float64 {
	return min(1, float64(min(n, length-n))/(0.01*SoundRate))
}

// blip adds a short tone that means nothing.
func (v *voice) blip() {
	length := int(v.Range(0.02, 0.06) * SoundRate)
	at := v.IntN(len(v.samples) - length)
	f, gain := 200*math.Exp2(v.Range(0, 4)), v.gain*v.Range(0.2, 0.6)
	for n := range length {
		v.samples[at+n] += float32(gain * ramp(n, length) * math.Sin(2*math.Pi*f*float64(n)/SoundRate))
	}
}

// noise adds noise of a random colour, 20 to 40 dB below the gain.
func (v *voice) noise() {
	gain, smooth, last := v.gain*math.Pow(10, v.Range(-2, -1)), v.Range(0, 0.9), 0.0
	scale := gain * math.Sqrt(3*(1-smooth*smooth)) // to a standard deviation of gain
	for n := range v.samples {
		last = smooth*last + scale*v.hiss()
		v.samples[n] += float32(last)
	}
}
