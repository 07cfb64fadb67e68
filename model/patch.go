package model

import "fmt"

// MonoPatch sums a patch kernel [D, channels, area] over its channels, to
// [D, 1, area]: on an input that is the same in every channel both give the same
// tokens.
func MonoPatch(kernel []float32, channels, area int) ([]float32, error) {
	if channels <= 0 || area <= 0 || len(kernel)%(channels*area) != 0 {
		return nil, fmt.Errorf("mono patch kernel: %d values are not kernels of %d channels of %d", len(kernel), channels, area)
	}
	mono := make([]float32, len(kernel)/channels)
	for i, v := range kernel {
		mono[i/(channels*area)*area+i%area] += v
	}
	return mono, nil
}

// InflatePatch repeats a patch kernel of pictures [..., area] over the frames of a
// tubelet, to [..., frames, area], and divides it by their number (I3D, Carreira and
// Zisserman 2017): on a clip that stands still both give the same tokens.
func InflatePatch(kernel []float32, frames, area int) ([]float32, error) {
	if frames <= 0 || area <= 0 || len(kernel)%area != 0 {
		return nil, fmt.Errorf("inflate patch kernel: %d values are not kernels of %d over %d frames", len(kernel), area, frames)
	}
	out := make([]float32, len(kernel)*frames)
	for i := range out {
		out[i] = kernel[i/(frames*area)*area+i%area] / float32(frames)
	}
	return out, nil
}
