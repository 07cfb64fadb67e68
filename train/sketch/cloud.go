package sketch

import (
	"fmt"
	"image"
	"image/color"
	"iter"
	"math"
	"slices"
)

// Cloud is a point cloud cut into groups of neighbouring points.
type Cloud struct {
	Points []float32 // [N, 3]
	Groups []int32   // [G, 1+S]: of each group the number of its centre and its points
	Size   int       // S
	Up     string    // the axis that points up: "x", "y" or "z"
}

// Draw draws all points.
func (c Cloud) Draw() (image.Image, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("draw cloud: %w", err)
	}
	return newView(c.Points, c.Up).draw(dots{c.Points, blue()}), nil
}

// Row draws three clouds: all points; the visible groups and grey the centres of the
// masked ones, of which the network knows only these; and the visible groups with
// what it told of the masked ones in another hue.
func (c Cloud) Row(a Answer) ([]image.Image, error) {
	err := c.check()
	if err == nil {
		err = a.check(len(c.Groups)/(1+c.Size), 3*c.Size)
	}
	if err != nil {
		return nil, fmt.Errorf("draw reconstruction of a cloud: %w", err)
	}
	v := newView(c.Points, c.Up)
	seen := dots{c.members(a.Visible), blue()}
	return []image.Image{
		v.draw(dots{c.Points, blue()}),
		v.draw(seen, dots{c.centers(a.Masked), unknown()}),
		v.draw(seen, dots{c.told(a), orange()}),
	}, nil
}

func (c Cloud) check() error {
	if len(c.Points) == 0 || len(c.Points)%3 != 0 || c.Size <= 0 || len(c.Groups)%(1+c.Size) != 0 {
		return fmt.Errorf("%d coordinates, groups of %d from %d indices", len(c.Points), c.Size, len(c.Groups))
	}
	for _, i := range c.Groups {
		if i < 0 || 3*int(i) >= len(c.Points) {
			return fmt.Errorf("a group has point %d of %d", i, len(c.Points)/3)
		}
	}
	_, err := axes(c.Up)
	return err
}

func (c Cloud) point(i int32) []float32 { return c.Points[3*i : 3*i+3] }

// members are the points [V·S, 3] of groups.
func (c Cloud) members(groups []int32) (points []float32) {
	for _, g := range groups {
		row := c.Groups[int(g)*(1+c.Size):][:1+c.Size]
		for _, i := range row[1:] {
			points = append(points, c.point(i)...)
		}
	}
	return points
}

// centers are those [M, 3] of groups.
func (c Cloud) centers(groups []int32) (points []float32) {
	for _, g := range groups {
		points = append(points, c.point(c.Groups[int(g)*(1+c.Size)])...)
	}
	return points
}

// told are the points [M·S, 3] that an answer places around the centres of groups.
func (c Cloud) told(a Answer) []float32 {
	points, centers := slices.Clone(a.Pred), c.centers(a.Masked)
	for i := range points {
		points[i] += centers[i/(3*c.Size)*3+i%3]
	}
	return points
}

// dots are points [N, 3] of one colour.
type dots struct {
	points []float32
	color  color.RGBA
}

func blue() color.RGBA   { return color.RGBA{24, 90, 180, 255} }
func orange() color.RGBA { return color.RGBA{226, 92, 8, 255} }

// Of drawings of clouds: side and margin in pixels, and how far to the side and above
// of the front the viewer stands.
const (
	side, margin = 255, 12
	turn, tilt   = 30 * math.Pi / 180, 25 * math.Pi / 180
)

// view takes a point of space to its column, row and depth in a drawing, the sums of
// its coordinates times the first three of four numbers and the last. Depth is 0 for
// the nearest and 1 for the farthest of the points that the view was made for.
type view [3][4]float64

// newView is an orthographic view that shows all points as large as it can.
func newView(points []float32, up string) (v view) {
	frame, _ := axes(up)
	sinT, cosT := math.Sincos(turn)
	sinP, cosP := math.Sincos(tilt)
	for i := range 3 {
		right, top, away := frame[0][i]*cosT-frame[2][i]*sinT, frame[1][i], frame[0][i]*sinT+frame[2][i]*cosT
		v[0][i], v[1][i], v[2][i] = right, -top*cosP-away*sinP, away*cosP-top*sinP
	}
	low, high := v.bounds(points)
	scale := (side - 1 - 2*margin) / max(high[0]-low[0], high[1]-low[1], 1e-9)
	scales, middle := [3]float64{scale, scale, 1 / max(high[2]-low[2], 1e-9)}, [3]float64{side / 2, side / 2, 0.5}
	for k, scale := range scales {
		for i := range 3 {
			v[k][i] *= scale
		}
		v[k][3] = middle[k] - scale*(low[k]+high[k])/2
	}
	return v
}

// axes are the directions right, up and away from a viewer who stands in front of
// what has the given axis up.
func axes(up string) ([3][3]float64, error) {
	x, y, z := [3]float64{1, 0, 0}, [3]float64{0, 1, 0}, [3]float64{0, 0, 1}
	switch up {
	case "x":
		return [3][3]float64{y, x, z}, nil
	case "y":
		return [3][3]float64{x, y, {0, 0, -1}}, nil
	case "z":
		return [3][3]float64{x, z, y}, nil
	}
	return [3][3]float64{}, fmt.Errorf("axis %q up: want x, y or z", up)
}

// project takes a point to column, row and depth.
func (v view) project(p []float32) (at [3]float64) {
	for k, f := range v {
		at[k] = float64(p[0])*f[0] + float64(p[1])*f[1] + float64(p[2])*f[2] + f[3]
	}
	return at
}

// bounds are the least and the greatest column, row and depth of points.
func (v view) bounds(points []float32) (low, high [3]float64) {
	low = v.project(points)
	high = low
	for p := range slices.Chunk(points, 3) {
		for k, x := range v.project(p) {
			low[k], high[k] = min(low[k], x), max(high[k], x)
		}
	}
	return low, high
}

// draw draws points as discs five pixels wide, near ones over far ones.
func (v view) draw(clouds ...dots) image.Image {
	m := raster(side, side, func(int, int) color.RGBA { return white() })
	nearest := slices.Repeat([]float64{math.Inf(1)}, side*side)
	for _, c := range clouds {
		for p := range slices.Chunk(c.points, 3) {
			place := v.project(p)
			for at := range disc(place) {
				if i := at.Y*side + at.X; place[2] < nearest[i] {
					nearest[i] = place[2]
					m.SetRGBA(at.X, at.Y, paler(c.color, place[2]))
				}
			}
		}
	}
	return m
}

// disc are the pixels of the drawing around a place.
func disc(place [3]float64) iter.Seq[image.Point] {
	center := image.Pt(int(math.Round(place[0])), int(math.Round(place[1])))
	return func(yield func(image.Point) bool) {
		for i := range 25 {
			d := image.Pt(i%5-2, i/5-2)
			if at := center.Add(d); d.X*d.X+d.Y*d.Y <= 5 && at.In(image.Rect(0, 0, side, side)) && !yield(at) {
				return
			}
		}
	}
}

// paler mixes a colour with white, by its depth: not at all at 0, by 0.65 at 1.
func paler(c color.RGBA, depth float64) color.RGBA {
	t := 0.65 * max(0, min(depth, 1))
	mix := func(v uint8) uint8 { return level((float64(v)*(1-t) + 255*t) / 255) }
	return color.RGBA{mix(c.R), mix(c.G), mix(c.B), 255}
}
