package generated

import (
	"fmt"
	"math"

	"m2pt/data/image"
	"m2pt/data/video"
	"m2pt/internal/philox"
)

// ClipOptions describe a generated set of clips.
type ClipOptions struct {
	Split  string // any name: "train", "val", "test"
	Count  int    // number of clips, classes in turn
	Frames int    // of each clip; the motion spans all of them
	Size   int    // side of the frames in pixels
	Seed   uint64
}

// Clips is a video.Source of procedural clips, to be taken whole and not mirrored,
// which would exchange classes.
//
// One figure among spots that drift anywhere moves as the class says, over a still
// pattern, in noise. The frame is a torus: what leaves it comes back on the other
// side. Place, size and colours of a figure have the same distribution in every
// frame of every class, so that no frame alone tells the class, and neither does
// any linear model of all frames.
type Clips struct {
	opt     ClipOptions
	purpose string
	classes []clipClass
	grounds []class
}

// clipClass is a kind of motion: it moves the figure of a clip to time t, 0..1.
type clipClass struct {
	name string
	move func(f *figure, t float64)
}

// figure is a disk; x and y run over a torus of circumference 2, size from 0 to 1.
type figure struct {
	x, y, size float64
	pace       float64 // of its motion, about 1
	turn       float64 // where its motion begins, 0..1
}

// clipClasses differ in motion alone.
func clipClasses() []clipClass {
	const reach = 1.6 // of a straight motion at pace 1
	circle := func(f *figure, t float64) {
		sin, cos := math.Sincos(2 * math.Pi * (f.turn + f.pace*t))
		f.x, f.y = f.x+0.45*cos, f.y+0.45*sin
	}
	grow := func(f *figure, t float64) {
		_, f.size = math.Modf(f.size + 1.4*f.pace*t + 4)
	}
	backwards := func(move func(*figure, float64)) func(*figure, float64) {
		return func(f *figure, t float64) { move(f, -t) }
	}
	return []clipClass{
		{"still", func(*figure, float64) {}},
		{"left", func(f *figure, t float64) { f.x -= reach * f.pace * t }},
		{"right", func(f *figure, t float64) { f.x += reach * f.pace * t }},
		{"up", func(f *figure, t float64) { f.y -= reach * f.pace * t }},
		{"down", func(f *figure, t float64) { f.y += reach * f.pace * t }},
		{"clockwise", circle}, // y is down
		{"anticlockwise", backwards(circle)},
		{"growing", grow}, // and small again once it is large
		{"shrinking", backwards(grow)},
		{"bouncing", func(f *figure, t float64) { f.y -= 0.9 * math.Abs(math.Sin(2*math.Pi*(f.turn+f.pace*t))) }},
	}
}

// NewClips returns the clips that opt describes.
func NewClips(opt ClipOptions) (*Clips, error) {
	if opt.Size < 8 || opt.Size > 4096 || opt.Count < 1 || opt.Frames < 1 {
		return nil, fmt.Errorf("generated clips: size %d, %d clips of %d frames: want a size of 8 to 4096, and at least one of both", opt.Size, opt.Count, opt.Frames)
	}
	return &Clips{opt, "generated/clips/" + opt.Split, clipClasses(), textures()}, nil
}

// Len returns Count.
func (s *Clips) Len() int { return s.opt.Count }

// Classes returns the ten class names.
func (s *Clips) Classes() []string {
	names := make([]string, len(s.classes))
	for i, c := range s.classes {
		names[i] = c.name
	}
	return names
}

// Name returns split and number.
func (s *Clips) Name(i int) string { return fmt.Sprintf("%s/%d", s.purpose, i) }

// Open returns clip i. It never fails.
func (s *Clips) Open(i int) (video.Clip, int32, error) {
	label := i % len(s.classes)
	c := &clip{Clips: s, index: i, move: s.classes[label].move, scene: scene{Rand: philox.New(s.opt.Seed, s.purpose, 0, uint64(i)), size: s.opt.Size}}
	c.begin()
	return c, int32(label), nil
}

// clip draws the frames of one clip.
type clip struct {
	*Clips
	scene
	index  int
	move   func(*figure, float64)
	figure figure
	drift  [2]struct{ x, y, dx, dy, r float64 } // spots, their motion over the clip
	ground func(x, y float64) float64           // share of ink behind it all
}

func (c *clip) begin() {
	c.scene.begin()
	c.figure = figure{x: c.Range(-1, 1), y: c.Range(-1, 1), size: c.Float64(), pace: c.Range(0.75, 1.25), turn: c.Float64()}
	for i := range c.IntN(len(c.drift) + 1) {
		d := &c.drift[i]
		d.x, d.y, d.r = c.Range(-1, 1), c.Range(-1, 1), c.Range(0.08, 0.14)
		d.dx, d.dy = c.Range(-1.5, 1.5), c.Range(-1.5, 1.5)
	}
	pattern, periods, contrast := c.grounds[c.IntN(len(c.grounds))].at, c.Range(1.5, 3), c.Range(0, 0.25)
	u, v := c.Range(0, 8), c.Range(0, 8)
	c.ground = func(x, y float64) float64 {
		return contrast * min(max(pattern(periods*x+u, periods*y+v), 0), 1)
	}
}

func (c *clip) Len() int { return c.opt.Frames }

// Read draws frames. It never fails.
func (c *clip) Read(at []int, p *image.Picture, use func(k int) error) error {
	for k, t := range at {
		p.Resize(c.size, c.size)
		c.pix = p.Pix
		c.frame(float64(t) / float64(c.opt.Frames))
		c.Rand = philox.New(c.Clips.opt.Seed, c.purpose+"/noise", uint64(t), uint64(c.index))
		c.noise(32)
		if err := use(k); err != nil {
			return err
		}
	}
	return nil
}

// frame draws the picture at time t, 0..1.
func (c *clip) frame(t float64) {
	f := c.figure
	c.move(&f, t)
	radius := 0.22 + 0.3*f.size
	c.paint(func(x, y float64) float64 {
		ink := max(c.ground(x, y), c.edge(around(x-f.x, y-f.y)-radius))
		for _, d := range c.drift {
			if d.r > 0 {
				ink = max(ink, c.edge(around(x-d.x-t*d.dx, y-d.y-t*d.dy)-d.r))
			}
		}
		return ink
	})
}

// around is the length of the shortest way (x, y) on a torus of circumference 2.
func around(x, y float64) float64 { return 2 * math.Hypot(fold(x/2), fold(y/2)) }
