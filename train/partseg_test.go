package train

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
)

func newParts(t *testing.T) *PartTally {
	t.Helper()
	tally, err := NewPartTally([]string{"Mug", "Lamp", "Cap"}, [][]int32{{0, 1}, {2, 3, 4}, {5, 6}}, 7)
	if err != nil {
		t.Fatal(err)
	}
	return tally
}

// scores are logits that favour these parts.
func scores(parts ...int32) []float32 {
	v := make([]float32, 7*len(parts))
	for i, p := range parts {
		v[7*i+int(p)] = 1
	}
	return v
}

// TestPartTally counts two mugs and a lamp by hand; no cap occurs.
func TestPartTally(t *testing.T) {
	tally := newParts(t)
	for _, c := range []struct {
		name     string
		category int
		logits   []float32
		labels   []int32
		want     []int32
	}{
		// handle ½ of {0}, body ¾: IoU 1/2 and 2/3.
		{"a mug", 0, scores(0, 1, 1, 1), []int32{0, 0, 1, 1}, []int32{0, 1, 1, 1}},
		// Only body, none mistaken: both parts count 1.
		{"a mug without handle", 0, scores(1, 1), []int32{1, 1}, []int32{1, 1}},
		// The mug's and the cap's scores do not count; of equal ones the first wins.
		{"a lamp", 1, []float32{9, 9, 0, 0, 0, 9, 9, 9, 9, -1, -2, 0, 9, 9}, []int32{2, 3}, []int32{2, 4}},
	} {
		got, err := tally.Add(c.logits, c.labels, c.category)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: parts %v, want %v, %v", c.name, got, c.want, err)
		}
	}
	mugs, lamp := ((1./2+2./3)/2+1)/2, (1.+0+0)/3
	want := PartSegmentation{
		InstanceIoU:   (2*mugs + lamp) / 3,
		ClassIoU:      (mugs + lamp) / 2,
		Accuracy:      6. / 8,
		ClassAccuracy: (1./2 + 1 + 1 + 0) / 4, // handle, body, two parts of the lamp
		Categories:    []CategoryIoU{{"Mug", 2, mugs}, {"Lamp", 1, lamp}},
		Absent:        []string{"Cap"},
	}
	got := tally.Result()
	for _, f := range [][2]float64{{got.InstanceIoU, want.InstanceIoU}, {got.ClassIoU, want.ClassIoU}, {got.Accuracy, want.Accuracy}, {got.ClassAccuracy, want.ClassAccuracy}} {
		if math.Abs(f[0]-f[1]) > 1e-12 {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	near := func(a, b CategoryIoU) bool {
		return a.Name == b.Name && a.Shapes == b.Shapes && math.Abs(a.IoU-b.IoU) < 1e-12
	}
	if !slices.EqualFunc(got.Categories, want.Categories, near) || !slices.Equal(got.Absent, want.Absent) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestPartTallyEmpty: figures of no shapes can be written as JSON.
func TestPartTallyEmpty(t *testing.T) {
	text, err := json.Marshal(newParts(t).Result())
	if err != nil || !strings.Contains(string(text), `"instance_miou":0`) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestPartTallyRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		logits   int
		labels   []int32
		category int
		want     string
	}{
		"logits of another shape":    {13, []int32{0, 1}, 0, "13 logits for 2 points"},
		"no points":                  {0, nil, 0, "0 points"},
		"an unknown category":        {7, []int32{0}, 3, "category 3"},
		"a negative category":        {7, []int32{0}, -1, "category -1"},
		"a part beyond the last":     {7, []int32{7}, 0, "parts 7..7"},
		"a part before the first":    {14, []int32{-1, 0}, 0, "parts -1..0"},
		"a part of another one (ok)": {7, []int32{4}, 0, ""},
	} {
		_, err := newParts(t).Add(make([]float32, c.logits), c.labels, c.category)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	for name, parts := range map[string][][]int32{
		"too few":  {{0}},
		"no parts": {{0}, {}},
		"beyond":   {{0}, {2}},
		"negative": {{0}, {-1, 1}},
	} {
		if _, err := NewPartTally([]string{"a", "b"}, parts, 2); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
