package survey

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"

	"m2pt/data"
)

// Report is what a split holds.
type Report struct {
	Samples int         // listed, readable or not
	Classes []Class     // in the order of labels
	Corrupt []data.Skip // unreadable, in the order of the dataset

	names   []string
	labels  [][]int32 // of each sample, nil where it is corrupt
	digests []digest
}

// Class is how many readable samples have a label. Where samples have several,
// each of them counts.
type Class struct {
	Name    string `json:"name"`
	Samples int    `json:"samples"`
}

// Twin is a sample with the same content as an earlier one.
type Twin struct {
	Name     string `json:"name"`
	Of       string `json:"of"`
	Conflict bool   `json:"conflict"` // their labels differ
}

// digest stands for the content of a sample.
type digest [sha256.Size]byte

// Check reads every sample of a split. The only error is that of ctx.
func Check(ctx context.Context, set data.Dataset, opt Options) (*Report, error) {
	r := &Report{Samples: set.Len(), names: make([]string, set.Len()), labels: make([][]int32, set.Len()), digests: make([]digest, set.Len())}
	failed, err := read(ctx, set, opt, func() visitor {
		var bytes []byte
		return func(i int, s *data.Sample) {
			bytes = content(bytes[:0], s)
			r.names[i], r.labels[i], r.digests[i] = set.Name(i), labels(s), sha256.Sum256(bytes)
		}
	})
	if err != nil {
		return nil, err
	}
	r.Corrupt = skips(set, failed)
	for _, name := range set.Classes() {
		r.Classes = append(r.Classes, Class{Name: name})
	}
	for _, labels := range r.labels {
		for _, label := range labels {
			r.Classes[label].Samples++
		}
	}
	return r, nil
}

// labels returns the classes of a sample: those with a share, or its only one.
func labels(s *data.Sample) []int32 {
	if len(s.Targets) == 0 {
		return []int32{s.Label}
	}
	list := []int32{}
	for label, share := range s.Targets {
		if share > 0 {
			list = append(list, int32(label))
		}
	}
	return list
}

// content appends the bytes of a sample's pixels and values.
func content(dst []byte, s *data.Sample) []byte {
	dst = append(dst, s.Pixels...)
	for _, v := range s.Values {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(v))
	}
	return dst
}

// Empty returns the names of the classes without a readable sample.
func (r *Report) Empty() []string {
	var names []string
	for _, c := range r.Classes {
		if c.Samples == 0 {
			names = append(names, c.Name)
		}
	}
	return names
}

// Twins returns the samples that equal an earlier one of the split.
func (r *Report) Twins() []Twin { return r.twins(map[digest]int{}, r) }

// Shared returns the samples that equal one of another split: what leaks from
// training to validation. Both splits must be of one dataset, so that labels
// mean the same.
func (r *Report) Shared(other *Report) []Twin {
	first := map[digest]int{}
	other.twins(first, other)
	return r.twins(first, other)
}

// twins looks each sample up in first, the first sample of the report in that
// has a content; where r is in, contents that are not there yet are added.
func (r *Report) twins(first map[digest]int, in *Report) []Twin {
	var list []Twin
	for i, d := range r.digests {
		if r.labels[i] == nil {
			continue
		}
		switch k, ok := first[d]; {
		case ok:
			list = append(list, Twin{r.names[i], in.names[k], !slices.Equal(r.labels[i], in.labels[k])})
		case r == in:
			first[d] = i
		}
	}
	return list
}
