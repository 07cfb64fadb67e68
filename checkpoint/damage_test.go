package checkpoint

import (
	"archive/zip"
	"bytes"
	"testing"

	"m2pt/internal/philox"
)

// TestDamagedMemory: a file that is cut, or has bytes flipped, overwritten or added,
// is refused without taking more memory than twice its size.
func TestDamagedMemory(t *testing.T) {
	values := counting(1 << 14)
	array := npyFile(describe("<f4", "False", "(128, 128)"), values...)
	zeros := npyFile(describe("<f4", "False", "(512, 512)"), make([]byte, 1<<20)...)
	plain := collect(t, Tensor{"a", Float32, []int{128, 128}, values}, Tensor{"b", Uint8, []int{1 << 16}, values})
	for name, c := range map[string]struct {
		data []byte
		read func([]byte) (*Tensors, error)
	}{
		"safetensors":       {safetensorsBytes(t, plain), parseSafetensors},
		"npy":               {array, parseNPY},
		"npz":               {archive(t, member{"a.npy", array, zip.Store}, member{"b.npy", array, zip.Store}), parseNPZ},
		"npz deflated":      {archive(t, member{"a.npy", array, zip.Deflate}, member{"b.npy", array, zip.Deflate}), parseNPZ},
		"npz that explodes": {archive(t, member{"a.npy", zeros, zip.Deflate}, member{"b.npy", zeros, zip.Deflate}), parseNPZ},
	} {
		t.Run(name, func(t *testing.T) {
			refused, most := 0, 0
			for i := range 300 {
				r := philox.New(1, "damage of "+name, uint64(i), 0)
				file := corrupted(c.data, &r)
				var err error
				n := int(allocation(func() { _, err = c.read(file) }))
				if err == nil {
					continue // the numbers may be any, where no checksum is
				}
				refused++
				if most = max(most, n-2*len(file)); most > 1<<20 {
					t.Fatalf("%d bytes allocated for a file of %d, want at most twice that and 1 MiB: %v", n, len(file), err)
				}
			}
			if t.Logf("%d refused, at most %d bytes more than twice the file", refused, most); refused == 0 {
				t.Error("nothing was refused")
			}
		})
	}
}

func parseNPY(data []byte) (*Tensors, error) {
	x, err := readNPY(bytes.NewReader(data), uint64(len(data)))
	if err != nil {
		return nil, err
	}
	x.Name = "x"
	return Collect(x)
}
