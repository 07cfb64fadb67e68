// Package generated makes datasets out of random numbers, so that every program
// runs without a data file.
//
// The pictures of [Images] have ten classes that take learning: a class is a
// shape or a texture, and its position, size, angle, colours, contrast and phase
// vary, over shaded backgrounds with noise and distracting blobs. Light and dark
// swap at random, so neither the mean colour nor any single pixel tells the
// class, and a linear model on raw pixels stays near chance.
//
// The clips of [Sounds] have ten classes too, told apart by how pitch or loudness
// move: which pitches, how loud, how long, since when and with which timbre vary,
// over noise and distracting blips.
//
// Sample i of a split is a function of (seed, variant, split, i) alone: splits
// share nothing, and a longer split begins with the shorter one.
package generated

import (
	"fmt"
	"math"

	"m2pt/data/image"
	"m2pt/internal/philox"
)

// Options describe a generated set of pictures.
type Options struct {
	Variant string // what tells the classes apart: "shapes" or "textures"
	Split   string // any name: "train", "val", "test"
	Size    int    // side of the pictures in pixels
	Count   int    // number of pictures, classes in turn
	Seed    uint64
}

// Images is an image.Source of procedural pictures.
type Images struct {
	opt     Options
	purpose string
	classes []class
}

// class is a kind of picture: a function of a point, whose meaning is the
// variant's.
type class struct {
	name string
	at   func(x, y float64) float64
}

// NewImages returns the pictures that opt describes.
func NewImages(opt Options) (*Images, error) {
	s := &Images{opt: opt, purpose: "generated/" + opt.Variant + "/" + opt.Split}
	switch opt.Variant {
	case "shapes":
		s.classes = shapes()
	case "textures":
		s.classes = textures()
	default:
		return nil, fmt.Errorf("generated images: variant %q: want shapes or textures", opt.Variant)
	}
	if opt.Size < 8 || opt.Size > 4096 || opt.Count < 1 {
		return nil, fmt.Errorf("generated images: size %d, count %d: want a size of 8 to 4096 and at least one picture", opt.Size, opt.Count)
	}
	return s, nil
}

// Len returns Count.
func (s *Images) Len() int { return s.opt.Count }

// Classes returns the ten class names.
func (s *Images) Classes() []string {
	names := make([]string, len(s.classes))
	for i, c := range s.classes {
		names[i] = c.name
	}
	return names
}

// Name returns variant, split and number.
func (s *Images) Name(i int) string {
	return fmt.Sprintf("generated/%s/%s/%d", s.opt.Variant, s.opt.Split, i)
}

// Load draws picture i. It never fails.
func (s *Images) Load(i int, dst *image.Picture) (int32, error) {
	label := i % len(s.classes)
	dst.Resize(s.opt.Size, s.opt.Size)
	sc := scene{Rand: philox.New(s.opt.Seed, s.purpose, 0, uint64(i)), size: s.opt.Size, pix: dst.Pix}
	sc.begin()
	if s.opt.Variant == "shapes" {
		sc.figure(s.classes[label].at)
	} else {
		sc.pattern(s.classes[label].at)
	}
	sc.noise(48)
	return int32(label), nil
}

// colour is R, G, B in 0..255.
type colour [3]float64

// scene is a picture being drawn. Coordinates run over -1..1 in both
// directions, y down.
type scene struct {
	philox.Rand
	size       int
	pix        []uint8
	ink, paper colour
	tilt       [2]float64 // brightness slope of the picture
}

// begin draws two colours of unlike brightness, in random order, and a slope of
// brightness.
func (s *scene) begin() {
	dark, light := s.Range(30, 100), s.Range(155, 225)
	if s.IntN(2) == 0 {
		dark, light = light, dark
	}
	s.ink, s.paper = s.tinted(dark), s.tinted(light)
	s.tilt = [2]float64{s.Range(-25, 25), s.Range(-25, 25)}
}

// tinted is a random hue of a given brightness.
func (s *scene) tinted(brightness float64) colour {
	c := colour{s.Range(-40, 40), s.Range(-40, 40), s.Range(-40, 40)}
	mean := (c[0] + c[1] + c[2]) / 3
	for i := range c {
		c[i] += brightness - mean
	}
	return c
}

// paint fills the picture: share(x, y) of each pixel is ink, the rest paper.
func (s *scene) paint(share func(x, y float64) float64) {
	step := 2 / float64(s.size)
	for j := range s.size {
		y := (float64(j)+0.5)*step - 1
		for i := range s.size {
			x := (float64(i)+0.5)*step - 1
			a := min(max(share(x, y), 0), 1)
			light := s.tilt[0]*x + s.tilt[1]*y
			p := s.pix[3*(j*s.size+i):][:3]
			for c := range p {
				p[c] = level(s.paper[c] + a*(s.ink[c]-s.paper[c]) + light)
			}
		}
	}
}

// edge turns a signed distance (negative inside) into a share of ink that
// changes over one pixel.
func (s *scene) edge(d float64) float64 { return 0.5 - d*float64(s.size)/2 }

// noise adds independent triangular noise of the given half-width to each byte.
func (s *scene) noise(width int) {
	for i := 0; i < len(s.pix); i += 2 {
		w := s.Uint32()
		for k, p := range s.pix[i:min(i+2, len(s.pix))] {
			n := int(w>>(16*k))&0xff + int(w>>(16*k+8))&0xff - 255 // -255..255
			s.pix[i+k] = uint8(min(max(int(p)+n*width/256, 0), 255))
		}
	}
}

func level(v float64) uint8 { return uint8(min(max(math.Round(v), 0), 255)) }
