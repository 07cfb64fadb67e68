package data

import (
	"fmt"
	"slices"
	"testing"
)

// numbered is a dataset whose samples are their own index; each comes views times.
type numbered struct{ n, views int }

func (d numbered) Len() int          { return d.n * d.views }
func (d numbered) Classes() []string { return []string{"all"} }
func (d numbered) Layout() Layout    { return Layout{Values: []int{1}} }
func (d numbered) Name(i int) string { return fmt.Sprint(i) }
func (d numbered) NewReader() Reader { return d }
func (d numbered) Views() int        { return d.views }
func (d numbered) Read(key Key, dst *Sample) error {
	dst.Values[0] = float32(key.Sample)
	return nil
}

func TestSpread(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		set  numbered
		n    int
		want int // samples
	}{
		{"all", numbered{3, 1}, 5, 3},
		{"exactly all", numbered{3, 1}, 3, 3},
		{"some", numbered{10, 1}, 4, 4},
		{"one look at each", numbered{4, 3}, 4, 4},
		{"one look at some", numbered{4, 3}, 2, 2},
	} {
		s := Spread(c.set, c.n)
		if s.Len() != c.want || Views(s) != 1 {
			t.Errorf("%s: %d samples of %d views, want %d of one", c.name, s.Len(), Views(s), c.want)
		}
		r, dst := s.NewReader(), s.Layout().NewSample()
		for i := range s.Len() {
			if err := r.Read(Key{Sample: i}, dst); err != nil {
				t.Fatal(err)
			}
			got := int(dst.Values[0])
			if s.Name(i) != fmt.Sprint(got) {
				t.Errorf("%s: sample %d is named %s, want %d", c.name, i, s.Name(i), got)
			}
			sample, from, to := got/c.set.views, i*c.set.n/c.want, (i+1)*c.set.n/c.want
			if got%c.set.views != 0 || sample < from || sample >= to {
				t.Errorf("%s: sample %d is look %d, want the first at one of %d to %d", c.name, i, got, from, to-1)
			}
		}
	}
}

// TestSpreadOfTurns: classes that take turns come alike, whatever the distance between
// samples.
func TestSpreadOfTurns(t *testing.T) {
	t.Parallel()
	s := Spread(numbered{20000, 1}, 2000)
	count := make([]int, 10)
	for i := range s.Len() {
		var number int
		if _, err := fmt.Sscan(s.Name(i), &number); err != nil {
			t.Fatal(err)
		}
		count[number%10]++
	}
	if low, high := slices.Min(count), slices.Max(count); low < 150 || high > 250 {
		t.Errorf("samples of ten classes: %v", count)
	}
}
