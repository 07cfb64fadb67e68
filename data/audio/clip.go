package audio

import "m2pt/tokenizers/spectrogram"

// maxValues bounds the samples of a clip, all channels together: a few header
// bytes may claim any length.
const maxValues = 64 << 20

// Clip is a waveform: Samples holds n times the values of all channels, about
// -1..1. Its memory is reused by the next clip loaded into it.
type Clip struct {
	Rate     int // samples per second
	Channels int
	Samples  []float32 // [n, Channels]
	file     []byte
}

// Len returns the number of samples of a channel.
func (c *Clip) Len() int { return len(c.Samples) / max(c.Channels, 1) }

// Resize sets the number of samples of each channel and makes room for them;
// their values are undefined until written.
func (c *Clip) Resize(rate, channels, n int) {
	c.Rate, c.Channels = rate, channels
	if cap(c.Samples) < n*channels {
		c.Samples = make([]float32, n*channels)
	}
	c.Samples = c.Samples[:n*channels]
}

// RemoveMean subtracts the mean of all samples of all channels.
func (c *Clip) RemoveMean() {
	sum := 0.0
	for _, v := range c.Samples {
		sum += float64(v)
	}
	mean := float32(sum / float64(len(c.Samples)))
	for i := range c.Samples {
		c.Samples[i] -= mean
	}
}

// Roll moves the clip by steps samples in time, what leaves the end coming in at
// the beginning, and multiplies it by gain.
func (c *Clip) Roll(steps int, gain float32) {
	spectrogram.Roll(c.Samples, steps*c.Channels)
	for i := range c.Samples {
		c.Samples[i] *= gain
	}
}

// Mix makes c lam*c + (1-lam)*other, less its mean. Both count as stereo: a mono
// clip stands in both channels, and of more than two channels the first two
// count. Other is cut to the length of c or continued by silence. Where both are
// mono the result stays so: both of its channels would be the same.
func (c *Clip) Mix(other *Clip, lam float32) {
	c.stereo(max(c.Channels, other.Channels))
	n, step := c.Len(), other.Channels
	for i := range n {
		for k := range c.Channels {
			v := lam * c.Samples[i*c.Channels+k]
			if i < other.Len() {
				v += (1 - lam) * other.Samples[i*step+min(k, step-1)]
			}
			c.Samples[i*c.Channels+k] = v
		}
	}
	c.RemoveMean()
}

// stereo makes c have at most two channels, and two where channels is more than
// one.
func (c *Clip) stereo(channels int) {
	n, from := c.Len(), c.Channels
	to := min(channels, 2)
	switch {
	case from < to: // from the end: no sample is overwritten before it is read
		c.Samples = append(c.Samples, c.Samples...)
		for i := n - 1; i >= 0; i-- {
			c.Samples[2*i], c.Samples[2*i+1] = c.Samples[i], c.Samples[i]
		}
	case from > to:
		for i := range n {
			copy(c.Samples[i*to:(i+1)*to], c.Samples[i*from:])
		}
		c.Samples = c.Samples[:n*to]
	}
	c.Channels = to
}

// first returns the first channel, in buf where there are others.
func (c *Clip) first(buf []float32) []float32 {
	if c.Channels == 1 {
		return c.Samples
	}
	buf = buf[:0]
	for i := 0; i < len(c.Samples); i += c.Channels {
		buf = append(buf, c.Samples[i])
	}
	return buf
}
