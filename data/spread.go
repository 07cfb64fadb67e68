package data

// spread is a part of a dataset: n samples at equal distances, the first look at each.
type spread struct {
	Dataset
	n int
}

// Spread returns at most n samples of ds at equal distances, one look at each: all
// classes of a sorted dataset come in it.
func Spread(ds Dataset, n int) Dataset {
	if views := Views(ds); n*views < ds.Len() || views > 1 {
		return spread{ds, min(n, ds.Len()/views)}
	}
	return ds
}

// at is the item of the whole that is item i.
func (s spread) at(i int) int {
	views := Views(s.Dataset)
	return i * (s.Dataset.Len() / views) / s.n * views
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
