package data

import "m2pt/internal/philox"

// spread is a part of a dataset: n samples, one of each of n equal stretches, the first
// look at each.
type spread struct {
	Dataset
	n int
}

// Spread returns at most n samples of ds, one look at each, spread over its length: all
// classes of a sorted dataset come in it, and of one in which they take turns. They are
// always the same.
func Spread(ds Dataset, n int) Dataset {
	if views := Views(ds); n*views < ds.Len() || views > 1 {
		return spread{ds, min(n, ds.Len()/views)}
	}
	return ds
}

// at is the item of the whole that is item i: one of its stretch, at random.
func (s spread) at(i int) int {
	views := Views(s.Dataset)
	samples := s.Dataset.Len() / views
	from, to := i*samples/s.n, (i+1)*samples/s.n
	r := philox.New(0, "spread", uint64(i), 0)
	return (from + r.IntN(to-from)) * views
}

func (s spread) Len() int          { return s.n }
func (s spread) Name(i int) string { return s.Dataset.Name(s.at(i)) }
func (s spread) NewReader() Reader { return spreadReader{s.Dataset.NewReader(), s} }

type spreadReader struct {
	Reader
	spread
}

func (r spreadReader) Read(key Key, dst *Sample) error {
	key.Sample = r.at(key.Sample)
	return r.Reader.Read(key, dst)
}
