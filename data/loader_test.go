package data

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"m2pt/internal/philox"
)

// numbers is a dataset whose sample i holds random bytes of its key; samples in
// bad cannot be read.
type numbers struct {
	n   int
	bad map[int]bool
}

func (d *numbers) Len() int          { return d.n }
func (d *numbers) Classes() []string { return []string{"even", "odd"} }
func (d *numbers) Layout() Layout    { return Layout{Pixels: []int{2, 3}, Values: []int{2}, Targets: 2} }
func (d *numbers) Name(i int) string { return fmt.Sprintf("number-%d", i) }
func (d *numbers) NewReader() Reader { return d }

var errBad = errors.New("unreadable")

func (d *numbers) Read(key Key, dst *Sample) error {
	r := key.Rand("pixels")
	for i := range dst.Pixels {
		dst.Pixels[i] = uint8(r.Uint32())
	}
	if d.bad[key.Sample] {
		return fmt.Errorf("read %s: %w", d.Name(key.Sample), errBad)
	}
	dst.Values[0], dst.Values[1] = float32(key.Sample), float32(r.Float64())
	dst.Label = int32(key.Sample % 2)
	dst.Targets[0], dst.Targets[1] = float32(key.Draw), float32(key.Sample)/2
	return nil
}

func newLoader(t testing.TB, ds Dataset, opt Options) *Loader {
	t.Helper()
	if opt.Workers == 0 {
		opt.Workers = 2
	}
	l, err := NewLoader(ds, opt)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// epoch returns copies of all batches of an epoch, and its error.
func epoch(l *Loader, n, start int) (all []Batch, err error) {
	for b, e := range l.Epoch(context.Background(), n, start) {
		if e != nil {
			return all, e
		}
		all = append(all, Batch{
			Pixels: slices.Clone(b.Pixels), Values: slices.Clone(b.Values), Labels: slices.Clone(b.Labels),
			Targets: slices.Clone(b.Targets), Keys: slices.Clone(b.Keys), Index: slices.Clone(b.Index), Valid: b.Valid,
		})
	}
	return all, nil
}

func mustEpoch(t *testing.T, l *Loader, n, start int) []Batch {
	t.Helper()
	all, err := epoch(l, n, start)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func indexes(batches []Batch) (all []int32) {
	for _, b := range batches {
		all = append(all, b.Index...)
	}
	return all
}

func equal(a, b Batch) bool {
	return slices.Equal(a.Pixels, b.Pixels) && slices.Equal(a.Values, b.Values) && slices.Equal(a.Labels, b.Labels) && slices.Equal(a.Targets, b.Targets) &&
		slices.Equal(a.Keys, b.Keys) && slices.Equal(a.Index, b.Index) && a.Valid == b.Valid
}

func TestBatchesDoNotDependOnWorkers(t *testing.T) {
	for _, eval := range []bool{false, true} {
		var want []Batch
		var skipped []Skip
		for _, workers := range []int{1, 2, 5} {
			l := newLoader(t, &numbers{103, map[int]bool{4: true, 5: true, 77: true}},
				Options{Batch: 8, Workers: workers, Seed: 3, Shuffle: true, Eval: eval, MaxSkipped: 5})
			got := append(mustEpoch(t, l, 0, 0), mustEpoch(t, l, 1, 0)...)
			if want == nil {
				want, skipped = got, l.Skipped()
				continue
			}
			if !slices.EqualFunc(got, want, equal) {
				t.Errorf("eval %v: %d workers give other batches than 1", eval, workers)
			}
			if fmt.Sprint(l.Skipped()) != fmt.Sprint(skipped) {
				t.Errorf("eval %v: %d workers skip %v, 1 skips %v", eval, workers, l.Skipped(), skipped)
			}
		}
	}
}

// panicking is a dataset whose reader panics over a sample.
type panicking struct{ numbers }

func (d *panicking) NewReader() Reader { return d }

func (d *panicking) Read(key Key, dst *Sample) error {
	if key.Sample == 3 {
		panic("index out of range")
	}
	return d.numbers.Read(key, dst)
}

// TestPanickingReader: a panic costs its sample, not the process.
func TestPanickingReader(t *testing.T) {
	l := newLoader(t, &panicking{numbers{n: 12}}, Options{Batch: 4, MaxSkipped: 1})
	if got := mustEpoch(t, l, 0, 0); len(got) != 3 {
		t.Errorf("%d batches, want 3", len(got))
	}
	if s := l.Skipped(); len(s) != 1 || s[0].Index != 3 || !strings.Contains(s[0].Err.Error(), "number-3: panic: index out of range") {
		t.Errorf("skipped %v, want number-3", s)
	}
}

func TestTrainingEpoch(t *testing.T) {
	l := newLoader(t, &numbers{n: 22}, Options{Batch: 5, Seed: 1, Shuffle: true})
	first, again, second := mustEpoch(t, l, 0, 0), mustEpoch(t, l, 0, 0), mustEpoch(t, l, 1, 0)
	if len(first) != 4 || l.Batches(0) != 4 {
		t.Fatalf("%d batches, Batches says %d, want 4: the incomplete one is dropped", len(first), l.Batches(0))
	}
	if !slices.EqualFunc(first, again, equal) {
		t.Error("the same epoch twice differs")
	}
	if slices.Equal(indexes(first), indexes(second)) {
		t.Error("two epochs have the same order")
	}
	sorted := slices.Sorted(slices.Values(indexes(first)))
	if len(slices.Compact(sorted)) != 20 {
		t.Errorf("an epoch of 20 samples repeats some: %v", sorted)
	}
	for k, b := range first {
		if b.Valid != 5 {
			t.Errorf("batch %d: valid %d, want 5", k, b.Valid)
		}
		for j := range 5 {
			if b.Keys[2*j] != 0 || int(b.Keys[2*j+1]) != 5*k+j {
				t.Errorf("batch %d row %d: key %v", k, j, b.Keys[2*j:2*j+2])
			}
			if b.Labels[j] != b.Index[j]%2 || b.Values[2*j] != float32(b.Index[j]) || b.Targets[2*j+1] != float32(b.Index[j])/2 {
				t.Errorf("batch %d row %d: label %d, value %g, target %g for sample %d", k, j, b.Labels[j], b.Values[2*j], b.Targets[2*j+1], b.Index[j])
			}
		}
	}
}

// TestStart: an epoch begun in the middle continues as the whole one does.
func TestStart(t *testing.T) {
	for _, eval := range []bool{false, true} {
		l := newLoader(t, &numbers{n: 22}, Options{Batch: 5, Seed: 1, Shuffle: true, Eval: eval})
		whole := mustEpoch(t, l, 3, 0)
		for k := range len(whole) {
			rest := mustEpoch(t, l, 3, 5*k)
			if !slices.EqualFunc(rest, whole[k:], equal) || l.Batches(5*k) != len(rest) {
				t.Errorf("eval %v: start at batch %d: other batches, or Batches %d != %d", eval, k, l.Batches(5*k), len(rest))
			}
		}
		if rest := mustEpoch(t, l, 3, 22); len(rest) != 0 {
			t.Errorf("start at the end gives %d batches", len(rest))
		}
		for _, start := range []int{-1, 23} {
			if _, err := epoch(l, 3, start); err == nil {
				t.Errorf("start %d: no error", start)
			}
		}
	}
}

func TestEvaluationPads(t *testing.T) {
	l := newLoader(t, &numbers{12, map[int]bool{2: true}}, Options{Batch: 5, Eval: true, MaxSkipped: 1})
	got := mustEpoch(t, l, 0, 0)
	want := []int32{0, 1, -1, 3, 4, 5, 6, 7, 8, 9, 10, 11, -1, -1, -1}
	if !slices.Equal(indexes(got), want) {
		t.Fatalf("indexes %v, want %v", indexes(got), want)
	}
	if got[0].Valid != 4 || got[1].Valid != 5 || got[2].Valid != 2 {
		t.Errorf("valid %d %d %d, want 4 5 2", got[0].Valid, got[1].Valid, got[2].Valid)
	}
	if row := got[0].Pixels[2*6 : 3*6]; !slices.Equal(row, make([]uint8, 6)) || got[0].Labels[2] != 0 {
		t.Errorf("the row of an unreadable sample holds %v, label %d", row, got[0].Labels[2])
	}
	if row := got[2].Targets[2*2:]; !slices.Equal(row, make([]float32, 6)) {
		t.Errorf("the targets of rows without a sample are %v", row)
	}
}

// TestReplacement: in training the next readable sample of the order takes the
// place of an unreadable one, also across the end.
func TestReplacement(t *testing.T) {
	var told []Skip
	l := newLoader(t, &numbers{6, map[int]bool{1: true, 2: true, 5: true}},
		Options{Batch: 3, MaxSkipped: 3, OnSkip: func(s Skip) { told = append(told, s) }})
	for range 2 {
		if got, want := indexes(mustEpoch(t, l, 0, 0)), []int32{0, 3, 3, 3, 4, 0}; !slices.Equal(got, want) {
			t.Errorf("indexes %v, want %v", got, want)
		}
	}
	if len(told) != 3 || told[0].Name != "number-1" || told[1].Index != 2 || !errors.Is(told[2].Err, errBad) {
		t.Errorf("told of %v, want samples 1, 2, 5 once each", told)
	}
	if fmt.Sprint(l.Skipped()) != fmt.Sprint(told) {
		t.Errorf("Skipped %v, told of %v", l.Skipped(), told)
	}
}

func TestSkipBudget(t *testing.T) {
	for _, c := range []struct {
		name      string
		bad, most int
		eval      bool
		fails     bool
	}{
		{"none allowed", 1, 0, false, true},
		{"one allowed", 1, 1, false, false},
		{"one too many", 3, 2, false, true},
		{"one too many in evaluation", 3, 2, true, true},
		{"enough in evaluation", 3, 3, true, false},
		{"nothing readable", 20, 1000, false, true},
		{"nothing readable in evaluation", 20, 1000, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := map[int]bool{}
			for i := range c.bad {
				bad[i] = true
			}
			l := newLoader(t, &numbers{20, bad}, Options{Batch: 4, MaxSkipped: c.most, Eval: c.eval})
			_, err := epoch(l, 0, 0)
			if (err != nil) != c.fails {
				t.Fatalf("error %v", err)
			}
			if c.fails && (!errors.Is(err, errBad) || !strings.Contains(err.Error(), "max_skipped")) {
				t.Errorf("unclear error: %v", err)
			}
		})
	}
}

func TestNewLoaderRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		n   int
		opt Options
	}{
		"no batch":     {5, Options{Workers: 1}},
		"no workers":   {5, Options{Batch: 1}},
		"budget":       {5, Options{Batch: 1, Workers: 1, MaxSkipped: -1}},
		"empty":        {0, Options{Batch: 1, Workers: 1}},
		"large batch":  {5, Options{Batch: 6, Workers: 1}},
		"length alone": {5, Options{Batch: 1, Workers: 1, EpochLen: 10}},
		"weights":      {5, Options{Batch: 1, Workers: 1, Weights: []float64{1, 2}}},
		"negative":     {2, Options{Batch: 1, Workers: 1, Weights: []float64{1, -1}}},
		"NaN":          {2, Options{Batch: 1, Workers: 1, Weights: []float64{1, math.NaN()}}},
		"all zero":     {2, Options{Batch: 1, Workers: 1, Weights: []float64{0, 0}}},
		"too heavy":    {2, Options{Batch: 1, Workers: 1, Weights: []float64{math.MaxFloat64, math.MaxFloat64}}},
		"short epoch":  {2, Options{Batch: 2, Workers: 1, Weights: []float64{1, 1}, EpochLen: 1}},
		"evaluation":   {2, Options{Batch: 1, Workers: 1, Weights: []float64{1, 1}, Eval: true}},
		"repeat":       {2, Options{Batch: 1, Workers: 1, Repeat: -1}},
		"many repeats": {2, Options{Batch: 1, Workers: 1, Repeat: 1<<16 + 1}},
		"repeat eval":  {2, Options{Batch: 1, Workers: 1, Repeat: 2, Eval: true}},
		"repeat draws": {2, Options{Batch: 1, Workers: 1, Repeat: 2, Weights: []float64{1, 1}}},
	} {
		if _, err := NewLoader(&numbers{n: c.n}, c.opt); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestLeavingEarly: a broken-off or cancelled epoch leaves no goroutine behind
// and the loader usable.
func TestLeavingEarly(t *testing.T) {
	before := runtime.NumGoroutine()
	l := newLoader(t, &numbers{n: 100}, Options{Batch: 4, Workers: 5, Seed: 1, Shuffle: true})
	want := mustEpoch(t, l, 0, 0)
	for k := range 10 {
		for _, err := range l.Epoch(context.Background(), k, 0) {
			if err != nil {
				t.Fatal(err)
			}
			if k%2 == 0 {
				break
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		var err error
		batches := 0
		for _, e := range l.Epoch(ctx, k, 0) {
			if batches++; batches == k {
				cancel()
			}
			err = e
		}
		if cancel(); k > 0 && !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled after %d batches: error %v", k, err)
		}
	}
	if !slices.EqualFunc(mustEpoch(t, l, 0, 0), want, equal) {
		t.Error("an epoch after broken-off ones differs")
	}
	for wait := 0; runtime.NumGoroutine() > before && wait < 100; wait++ {
		time.Sleep(time.Millisecond)
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines, %d before", after, before)
	}
}

// TestSteadyStateAllocations: an epoch allocates for itself, not per sample.
func TestSteadyStateAllocations(t *testing.T) {
	allocations := func(n int) float64 {
		l := newLoader(t, &numbers{n: n}, Options{Batch: 16, Seed: 1, Shuffle: true})
		return testing.AllocsPerRun(5, func() {
			for _, err := range l.Epoch(context.Background(), 0, 0) {
				if err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	if short, long := allocations(64), allocations(6400); long > short+5 {
		t.Errorf("%g allocations for 6400 samples, %g for 64", long, short)
	}
}

func TestKeyRand(t *testing.T) {
	key := Key{Seed: 7, Epoch: 2, Sample: 5}
	got, want := key.Rand("flip"), philox.New(7, "flip", 2, 5)
	first := want.Uint64()
	if got.Uint64() != first {
		t.Error("Rand is not the stream (seed, purpose, epoch, sample)")
	}
	key.Draw = 1
	if second := key.Rand("flip"); second.Uint64() == first {
		t.Error("a sample drawn twice gets the same random numbers twice")
	}
}
