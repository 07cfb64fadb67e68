package survey

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"

	"m2pt/data"
)

// fake is a dataset of values, of pixels of two channels, or of samples with
// several labels; sample i is unreadable where bad says so.
type fake struct {
	layout  data.Layout
	classes []string
	samples []data.Sample
	bad     map[int]bool
}

func (f *fake) Len() int               { return len(f.samples) }
func (f *fake) Classes() []string      { return f.classes }
func (f *fake) Layout() data.Layout    { return f.layout }
func (f *fake) Name(i int) string      { return fmt.Sprint("s", i) }
func (f *fake) NewReader() data.Reader { return f }

func (f *fake) Read(key data.Key, dst *data.Sample) error {
	if f.bad[key.Sample] {
		return fmt.Errorf("s%d is bad", key.Sample)
	}
	s := f.samples[key.Sample]
	copy(dst.Pixels, s.Pixels)
	copy(dst.Values, s.Values)
	copy(dst.Targets, s.Targets)
	dst.Label = s.Label
	return nil
}

func options(workers int) Options { return Options{Workers: workers} }

// TestMeasureValues compares with the two sums over all values at once, for any
// number of workers.
func TestMeasureValues(t *testing.T) {
	f := &fake{layout: data.Layout{Values: []int{2, 3}}, classes: []string{"a"}, bad: map[int]bool{4: true, 7: true}}
	var n, sum, squares float64
	for i := range 50 {
		s := data.Sample{}
		for k := range 6 {
			v := float32(math.Sin(float64(i*i+k))*3 + float64(i)/10)
			s.Values = append(s.Values, v)
			if !f.bad[i] {
				n, sum, squares = n+1, sum+float64(v), squares+float64(v)*float64(v)
			}
		}
		f.samples = append(f.samples, s)
	}
	first, err := Measure(context.Background(), f, options(1))
	if err != nil {
		t.Fatal(err)
	}
	mean := sum / n
	std := math.Sqrt(squares/n - mean*mean)
	if first.Samples != 48 || math.Abs(first.Mean[0]-mean) > 1e-12 || math.Abs(first.Std[0]-std) > 1e-12 {
		t.Errorf("%+v, want mean %v, std %v", first, mean, std)
	}
	for _, workers := range []int{2, 7} {
		if got, err := Measure(context.Background(), f, options(workers)); err != nil || !reflect.DeepEqual(got, first) {
			t.Errorf("%d workers: %+v (%v), want %+v", workers, got, err, first)
		}
	}
}

// TestMeasurePoints: each axis has its own moments.
func TestMeasurePoints(t *testing.T) {
	f := &fake{layout: data.Layout{Values: []int{2, 3}, Indices: []int{1, 2}}, classes: []string{"a"}, bad: map[int]bool{1: true}, samples: []data.Sample{
		{Values: []float32{1, 2, 0, 3, 2, 4}}, {}, {Values: []float32{5, 2, 0, 7, 2, 4}},
	}}
	got, err := Measure(context.Background(), f, options(2))
	if err != nil || got.Samples != 2 || !reflect.DeepEqual(got.Mean, []float64{4, 2, 2}) || !reflect.DeepEqual(got.Std, []float64{math.Sqrt(5), 0, 2}) {
		t.Errorf("%+v (%v)", got, err)
	}
}

func TestMeasurePixels(t *testing.T) {
	f := &fake{layout: data.Layout{Pixels: []int{2, 1, 2}}, classes: []string{"a"}, samples: []data.Sample{
		{Pixels: []uint8{0, 255, 7, 7}}, {Pixels: []uint8{0, 255, 7, 7}}, {Pixels: []uint8{0, 255, 7, 7}},
	}}
	got, err := Measure(context.Background(), f, options(2))
	if err != nil || got.Mean[0] != 0.5 || got.Std[0] != 0.5 || got.Mean[1] != 7./255 || got.Std[1] != 0 {
		t.Errorf("%+v (%v), want mean 0.5, %v and std 0.5, 0", got, err, 7./255)
	}
	f.bad = map[int]bool{0: true, 1: true, 2: true}
	if _, err := Measure(context.Background(), f, options(2)); err == nil {
		t.Error("no error without readable samples")
	}
}

// TestCheckLabels: each of several labels counts, and twins are those of equal
// content whatever their labels.
func TestCheckLabels(t *testing.T) {
	f := &fake{layout: data.Layout{Values: []int{1, 1}, Targets: 3}, classes: []string{"a", "b", "c"}, bad: map[int]bool{2: true}, samples: []data.Sample{
		{Values: []float32{1}, Targets: []float32{1, 1, 0}},
		{Values: []float32{2}, Targets: []float32{0, 1, 0}},
		{Values: []float32{1}, Targets: []float32{0, 0, 1}},
		{Values: []float32{1}, Targets: []float32{1, 1, 0}},
		{Values: []float32{2}, Targets: []float32{1, 0, 0}},
	}}
	calls := 0
	r, err := Check(context.Background(), f, Options{Workers: 3, Progress: func(done int) {
		if calls++; done != calls {
			t.Errorf("progress %d, want %d", done, calls)
		}
	}})
	if err != nil || calls != 5 {
		t.Fatalf("%d calls of progress, want 5 (%v)", calls, err)
	}
	if want := []Class{{"a", 3}, {"b", 3}, {"c", 0}}; !reflect.DeepEqual(r.Classes, want) {
		t.Errorf("classes %v, want %v", r.Classes, want)
	}
	if want := []string{"c"}; !reflect.DeepEqual(r.Empty(), want) {
		t.Errorf("empty %v, want %v", r.Empty(), want)
	}
	if len(r.Corrupt) != 1 || r.Corrupt[0].Name != "s2" || r.Corrupt[0].Index != 2 || r.Samples != 5 {
		t.Errorf("corrupt %v of %d", r.Corrupt, r.Samples)
	}
	if want := []Twin{{"s3", "s0", false}, {"s4", "s1", true}}; !reflect.DeepEqual(r.Twins(), want) {
		t.Errorf("twins %v, want %v", r.Twins(), want)
	}
	f.samples, f.bad = f.samples[1:3], nil
	other, err := Check(context.Background(), f, options(1))
	if err != nil {
		t.Fatal(err)
	}
	if want := []Twin{{"s0", "s1", false}, {"s1", "s0", true}}; !reflect.DeepEqual(other.Shared(r), want) {
		t.Errorf("shared %v, want %v", other.Shared(r), want)
	}
}

func TestCancel(t *testing.T) {
	f := &fake{layout: data.Layout{Pixels: []int{1, 1, 1}}, classes: []string{"a"}, samples: make([]data.Sample, 10000)}
	ctx, cancel := context.WithCancel(context.Background())
	opt := Options{Workers: 2, Progress: func(done int) {
		if done == 3 {
			cancel()
		}
		if done > 1000 {
			t.Fatalf("still reading after %d samples", done)
		}
	}}
	if _, err := Check(ctx, f, opt); !errors.Is(err, context.Canceled) {
		t.Errorf("check: %v, want %v", err, context.Canceled)
	}
	if _, err := Measure(ctx, f, opt); !errors.Is(err, context.Canceled) {
		t.Errorf("measure: %v, want %v", err, context.Canceled)
	}
}
