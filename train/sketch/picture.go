package sketch

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
)

// maxFrames bounds the frames of a clip that are drawn.
const maxFrames = 8

// unknown is the colour of NaN.
func unknown() color.RGBA { return color.RGBA{128, 128, 128, 255} }

// Draw draws a volume: a picture, a spectrogram or at most eight frames of a clip.
func (p Patches) Draw(volume []float32) (image.Image, error) {
	if err := p.check(volume); err != nil {
		return nil, fmt.Errorf("draw sample: %w", err)
	}
	return p.brush(volume)(volume), nil
}

// Row draws a volume, what the network saw of it, and that with what it told of the
// rest: three drawings, or one with them under one another where they are wide.
func (p Patches) Row(volume []float32, a Answer) ([]image.Image, error) {
	err := p.check(volume)
	if err == nil {
		grid := p.grid()
		err = a.check(grid[0]*grid[1]*grid[2], p.entries())
	}
	if err != nil {
		return nil, fmt.Errorf("draw reconstruction: %w", err)
	}
	draw := p.brush(volume)
	seen, told := p.restore(volume, a)
	return besides(draw(volume), draw(seen), draw(told)), nil
}

// brush draws volumes in the colours of the original.
func (p Patches) brush(original []float32) func(volume []float32) image.Image {
	if !p.Spectrogram {
		return p.strip
	}
	low, high := p.span(original)
	return func(volume []float32) image.Image { return p.spectrogram(volume, low, high) }
}

// strip draws frames of a volume evenly spaced side by side.
func (p Patches) strip(volume []float32) image.Image {
	var frames []image.Image
	for t := 0; t < p.Size[0]; t += (p.Size[0] + maxFrames - 1) / maxFrames {
		frames = append(frames, p.frame(volume, t))
	}
	return tile([][]image.Image{frames}, thin)
}

// frame draws frame t, three channels or more as red, green and blue, fewer as grey.
func (p Patches) frame(volume []float32, t int) image.Image {
	H, W := p.Size[1], p.Size[2]
	return raster(W, H, func(x, y int) color.RGBA {
		var rgb [3]uint8
		for i := range rgb {
			c := 0
			if p.Channels >= len(rgb) {
				c = i
			}
			v := float64(volume[((c*p.Size[0]+t)*H+y)*W+x])
			if math.IsNaN(v) {
				return unknown()
			}
			mean, std := p.scale(c)
			rgb[i] = level(v*std + mean)
		}
		return color.RGBA{rgb[0], rgb[1], rgb[2], 255}
	})
}

// spectrogram draws a volume [1, 1, H, W] of H frames and W bands.
func (p Patches) spectrogram(volume []float32, low, high float64) image.Image {
	frames, bands := p.Size[1], p.Size[2]
	return raster(frames, bands, func(x, y int) color.RGBA {
		v := float64(volume[x*bands+bands-1-y])
		if math.IsNaN(v) {
			return unknown()
		}
		return heat((v - low) / (high - low))
	})
}

// span is where nearly all numbers of a spectrogram lie, so that a few extreme ones do
// not take the contrast from the rest. Frames of one number are padding and left out.
func (p Patches) span(volume []float32) (low, high float64) {
	var x []float32
	for frame := range slices.Chunk(volume, p.Size[2]) {
		if slices.Max(frame) > slices.Min(frame) {
			x = append(x, frame...)
		}
	}
	if len(x) == 0 {
		x = append(x, volume...)
	}
	slices.Sort(x)
	low, high = float64(x[len(x)/100]), float64(x[len(x)-1-len(x)/200])
	return low, max(high, low+1e-6)
}

// heat is a colour for t in [0, 1], from nearly black over violet and red to pale
// yellow. In OKLab, where distance is difference to the eye, lightness rises evenly,
//
//	L = 0.16 + 0.8t, C = 0.03 + 0.13·sin πt, h = 290° + 170°·t
func heat(t float64) color.RGBA {
	t = max(0, min(t, 1))
	sin, cos := math.Sincos((290 + 170*t) * math.Pi / 180)
	chroma := 0.03 + 0.13*math.Sin(math.Pi*t)
	return oklab(0.16+0.8*t, chroma*cos, chroma*sin)
}

// oklab is the colour of lightness L, green to red a, blue to yellow b (B. Ottosson,
// "A perceptual color space for image processing", 2020).
func oklab(L, a, b float64) color.RGBA {
	l := math.Pow(L+0.3963377774*a+0.2158037573*b, 3)
	m := math.Pow(L-0.1055613458*a-0.0638541728*b, 3)
	s := math.Pow(L-0.0894841775*a-1.2914855480*b, 3)
	return color.RGBA{
		R: level(gamma(4.0767416621*l - 3.3077115913*m + 0.2309699292*s)),
		G: level(gamma(-1.2684380046*l + 2.6097574011*m - 0.3413193965*s)),
		B: level(gamma(-0.0041960863*l - 0.7034186147*m + 1.7076147010*s)),
		A: 255,
	}
}

// gamma is the transfer function of sRGB (IEC 61966-2-1).
func gamma(x float64) float64 {
	if x <= 0.0031308 {
		return 12.92 * x
	}
	return 1.055*math.Pow(x, 1/2.4) - 0.055
}

// level is the byte of a number, [0, 1] after clipping.
func level(v float64) uint8 { return uint8(255*max(0, min(v, 1)) + 0.5) }
