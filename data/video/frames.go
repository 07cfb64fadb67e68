package video

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"m2pt/data"
	"m2pt/data/image"
)

// maxFile bounds the size of a frame's file in bytes.
const maxFile = 256 << 20

// frames is a clip of one picture file per frame.
type frames struct {
	dir   string
	n     int
	file  func(k int) string // name of frame k
	turbo *image.Turbo
}

// openFrames opens a folder of frames.
func openFrames(dir string, turbo *image.Turbo) (*frames, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open clip: %w", err)
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("open clip %s: the folder has no files: want one picture for each frame", dir)
	}
	slices.SortFunc(names, natural)
	return &frames{dir: dir, n: len(names), turbo: turbo, file: func(k int) string { return names[k] }}, nil
}

// natural compares names with the numbers in them by value.
func natural(a, b string) int {
	whole := cmp.Compare(a, b)
	for a != "" && b != "" {
		m, n := digits(a), digits(b)
		if m == 0 || n == 0 {
			if a[0] != b[0] {
				return cmp.Compare(a[0], b[0])
			}
			a, b = a[1:], b[1:]
			continue
		}
		x, y := strings.TrimLeft(a[:m], "0"), strings.TrimLeft(b[:n], "0")
		if c := cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y)); c != 0 {
			return c
		}
		a, b = a[m:], b[n:]
	}
	return cmp.Or(cmp.Compare(len(a), len(b)), whole)
}

// digits is the length of the number that s begins with.
func digits(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }

func (f *frames) Len() int { return f.n }

func (f *frames) Read(at []int, p *image.Picture, use func(k int) error) error {
	for k, i := range at {
		path := filepath.Join(f.dir, f.file(i))
		if err := f.load(path, p); err != nil {
			return fmt.Errorf("load frame %s: %w", path, err)
		}
		if err := use(k); err != nil {
			return err
		}
	}
	return nil
}

func (f *frames) load(path string, p *image.Picture) (err error) {
	if p.File, err = data.ReadFile(path, p.File, maxFile, "too large for a picture"); err != nil {
		return err
	}
	return f.turbo.Decode(p.File, p)
}
