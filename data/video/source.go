package video

import "m2pt/data/image"

// Source is a list of labelled clips. It is safe for concurrent use.
type Source interface {
	Len() int
	Classes() []string
	Name(i int) string
	// Open opens clip i and returns its label. An error names the clip.
	Open(i int) (clip Clip, label int32, err error)
}

// Clip is a sequence of frames. It holds nothing that needs closing, and is not
// safe for concurrent use.
type Clip interface {
	// Len returns the number of frames, at least 1.
	Len() int
	// Read decodes the frames at, which ascend strictly below Len, one after
	// another into p, and calls use with k when p is frame at[k]. It ends with the
	// first error, that of use included; its own name the clip.
	Read(at []int, p *image.Picture, use func(k int) error) error
}
