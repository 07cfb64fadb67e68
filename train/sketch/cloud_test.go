package sketch

import (
	"image"
	"image/color"
	"math"
	"strings"
	"testing"
)

// axesCloud are the six points one unit from the middle on the axes. They fill the
// drawing's height: a unit is 115/cos 25° = 126.9 pixels.
func axesCloud(middle ...float32) []float32 {
	points := []float32{1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1}
	for i := range points {
		if middle != nil {
			points[i] += middle[i%3]
		}
	}
	return points
}

// TestProjection: who stands in front of a cloud, 30° to the side and 25° above, sees
// of the axis to the right cos 30° to the right and sin 30° sin 25° up, of that away
// sin 30° to the left and cos 30° sin 25° up, of that up cos 25° up; wherever the
// cloud is.
func TestProjection(t *testing.T) {
	right, away, top := image.Pt(237, 100), image.Pt(64, 81), image.Pt(127, 12)
	left, front, bottom := image.Pt(17, 154), image.Pt(190, 173), image.Pt(127, 242)
	for _, c := range []struct {
		up   string
		want [6]image.Point // of x, -x, y, -y, z, -z
	}{
		{"z", [6]image.Point{right, left, away, front, top, bottom}},
		{"y", [6]image.Point{right, left, top, bottom, front, away}},
		{"x", [6]image.Point{top, bottom, right, left, away, front}},
	} {
		t.Run(c.up, func(t *testing.T) {
			for _, points := range [][]float32{axesCloud(), axesCloud(5, -3, 8)} {
				v := newView(points, c.up)
				for i, want := range c.want {
					at := v.project(points[3*i:])
					if got := image.Pt(int(math.Round(at[0])), int(math.Round(at[1]))); got != want {
						t.Errorf("point %v is at %v, want %v", points[3*i:3*i+3], got, want)
					}
				}
			}
		})
	}
}

// TestNearHidesFar: of two points on one line of sight the near one is seen, wherever
// it stands in the list, and less pale than the far one were.
func TestNearHidesFar(t *testing.T) {
	// The line of sight, z up: away from the viewer and down.
	sight := []float64{math.Cos(tilt) * 0.5, math.Cos(tilt) * math.Sqrt(3) / 2, -math.Sin(tilt)}
	points := axesCloud()
	for _, depth := range []float64{0.2, -0.3, 0.4} {
		for _, s := range sight {
			points = append(points, float32(depth*s))
		}
	}
	m, err := Cloud{Points: points, Size: 1, Up: "z"}.Draw()
	if err != nil {
		t.Fatal(err)
	}
	far := math.Cos(tilt) * math.Sqrt(3) / 2 // depth of y, the farthest point
	mix := func(v float64, depth float64) uint8 {
		white := 0.65 * (depth + far) / (2 * far)
		return uint8(math.Round(v*(1-white) + 255*white))
	}
	shade := func(depth float64) color.RGBA {
		return color.RGBA{mix(24, depth), mix(90, depth), mix(180, depth), 255}
	}
	expect(t, "cloud", m, map[image.Point]color.RGBA{
		{127, 127}: shade(-0.3), {129, 128}: shade(-0.3), {129, 129}: white(), {130, 127}: white(),
		{190, 173}: blue(), {64, 81}: shade(far), {0, 0}: white()})
}

// TestCloudRow: points on the axes in three groups of two, x, y and z: the network saw
// x, and of the others the centres; of z it told the middle
// and z, of y no number and -y.
func TestCloudRow(t *testing.T) {
	c := Cloud{Points: axesCloud(), Groups: []int32{0, 0, 1, 2, 2, 3, 5, 4, 5}, Size: 2, Up: "z"}
	nan := float32(math.NaN())
	row, err := c.Row(Answer{[]int32{0}, []int32{2, 1}, []float32{0, 0, 1, 0, 0, 2, nan, 0, 0, 0, -2, 0}}) // from -z and y
	if err != nil || len(row) != 3 {
		t.Fatalf("%d drawings, %v", len(row), err)
	}
	shade := func(c color.RGBA, depth float64) color.RGBA {
		far := math.Cos(tilt) * math.Sqrt(3) / 2
		return paler(c, (depth+far)/(2*far))
	}
	x, left, away, front := image.Pt(237, 100), image.Pt(17, 154), image.Pt(64, 81), image.Pt(190, 173)
	top, bottom, middle := image.Pt(127, 12), image.Pt(127, 242), image.Pt(127, 127)
	right, down := math.Cos(tilt)/2, math.Sin(tilt) // depths
	expect(t, "original", row[0], map[image.Point]color.RGBA{x: shade(blue(), right), left: shade(blue(), -right), away: shade(blue(), 9),
		front: blue(), top: shade(blue(), -down), bottom: shade(blue(), down), middle: white()})
	expect(t, "masked", row[1], map[image.Point]color.RGBA{x: shade(blue(), right), left: shade(blue(), -right), away: shade(unknown(), 9),
		front: white(), top: white(), bottom: shade(unknown(), down), middle: white()})
	expect(t, "reconstructed", row[2], map[image.Point]color.RGBA{x: shade(blue(), right), left: shade(blue(), -right), away: white(),
		front: orange(), top: shade(orange(), -down), bottom: white(), middle: shade(orange(), 0)})
}

func TestCloudRefusals(t *testing.T) {
	groups := []int32{0, 0, 1}
	for _, c := range []struct {
		name string
		c    Cloud
		a    Answer
		want string
	}{
		{"no points", Cloud{Size: 2, Up: "z"}, Answer{}, "0 coordinates"},
		{"no whole points", Cloud{Points: make([]float32, 4), Size: 2, Up: "z"}, Answer{}, "4 coordinates"},
		{"no size", Cloud{Points: axesCloud(), Up: "z"}, Answer{}, "groups of 0"},
		{"no whole groups", Cloud{axesCloud(), groups, 3, "z"}, Answer{}, "groups of 3 from 3 indices"},
		{"no such point", Cloud{axesCloud(), []int32{0, 0, 6}, 2, "z"}, Answer{}, "point 6 of 6"},
		{"no such axis", Cloud{axesCloud(), groups, 2, "w"}, Answer{}, `axis "w" up: want x, y or z`},
		{"no such group", Cloud{axesCloud(), groups, 2, "z"}, Answer{Visible: []int32{1}}, "token 1 of 1"},
		{"told too little", Cloud{axesCloud(), groups, 2, "z"}, Answer{Masked: []int32{0}, Pred: make([]float32, 5)}, "5 numbers told, want 6"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := c.c.Row(c.a); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}
