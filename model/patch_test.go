package model

import (
	"slices"
	"testing"
)

func TestMonoPatch(t *testing.T) {
	got, err := MonoPatch([]float32{1, 2, 10, 20, 100, 200, 3, 4, 30, 40, 300, 400}, 3, 2)
	if want := []float32{111, 222, 333, 444}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, want %v, %v", got, want, err)
	}
	for _, c := range [][2]int{{3, 3}, {0, 2}, {3, 0}} {
		if _, err := MonoPatch(make([]float32, 12), c[0], c[1]); err == nil {
			t.Errorf("%v: no error", c)
		}
	}
}

func TestInflatePatch(t *testing.T) {
	got, err := InflatePatch([]float32{1, 2, 3, 4}, 4, 2)
	if want := []float32{.25, .5, .25, .5, .25, .5, .25, .5, .75, 1, .75, 1, .75, 1, .75, 1}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, want %v, %v", got, want, err)
	}
	for _, c := range [][2]int{{0, 3}, {2, 0}, {2, 5}} {
		if _, err := InflatePatch(make([]float32, 12), c[0], c[1]); err == nil {
			t.Errorf("%v: no error", c)
		}
	}
}
