package shard

import (
	"fmt"
	"iter"
	"testing"
)

// samples yields n samples of a picture's and a label's size.
func samples(n, size int) iter.Seq2[Sample, error] {
	return func(yield func(Sample, error) bool) {
		data := make([]byte, size)
		for i := range n {
			for k := range data {
				data[k] = byte(i * k)
			}
			if !yield(Sample{fmt.Sprintf("class/%06d", i), []File{{"cls", fmt.Append(nil, i%10)}, {"jpg", data}}}, nil) {
				return
			}
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	if _, _, err := Write(dir, "x", 0, 32<<20, samples(4000, 40<<10)); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for b.Loop() {
		s, err := Open(dir)
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}
