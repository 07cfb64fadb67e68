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
		want []float32
	}{
		{"all", numbered{3, 1}, 5, []float32{0, 1, 2}},
		{"exactly all", numbered{3, 1}, 3, []float32{0, 1, 2}},
		{"some", numbered{10, 1}, 4, []float32{0, 2, 5, 7}},
		{"one look at each", numbered{4, 3}, 4, []float32{0, 3, 6, 9}},
		{"one look at some", numbered{4, 3}, 2, []float32{0, 6}},
	} {
		s := Spread(c.set, c.n)
		var got []float32
		r, dst := s.NewReader(), s.Layout().NewSample()
		for i := range s.Len() {
			if err := r.Read(Key{Sample: i}, dst); err != nil {
				t.Fatal(err)
			}
			got = append(got, dst.Values[0])
			if name := fmt.Sprint(dst.Values[0]); s.Name(i) != name {
				t.Errorf("%s: sample %d is named %s, want %s", c.name, i, s.Name(i), name)
			}
		}
		if !slices.Equal(got, c.want) || Views(s) != 1 {
			t.Errorf("%s: %v, want %v; %d views", c.name, got, c.want, Views(s))
		}
	}
}
