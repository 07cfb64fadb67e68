package cuda

import (
	"errors"
	"fmt"
	"slices"

	"m2pt/cuda/driver"
	"m2pt/engine"
	"m2pt/ops"
)

// Device computes on what a driver drives. It and all that is made on it belong to one
// goroutine.
type Device struct {
	drv    driver.Driver
	store  engine.Storage // of activations and working weights
	room   scratch
	tables []driver.Pointer // of kernels
	used   int              // bytes
}

var (
	_ engine.Device   = (*Device)(nil)
	_ engine.Storer   = (*Device)(nil)
	_ engine.Capturer = (*Device)(nil)
)

// New returns a device on drv, which it closes with itself.
func New(drv driver.Driver, store engine.Storage) *Device {
	return &Device{drv: drv, store: store, room: scratch{drv: drv}}
}

// Name is, for example, "cuda (NVIDIA H200, bf16)".
func (d *Device) Name() string {
	if d.store == engine.BF16 {
		return fmt.Sprintf("cuda (%s, bf16)", d.drv.Name())
	}
	return fmt.Sprintf("cuda (%s, float32)", d.drv.Name())
}

// Used is the memory that Alloc has given and nobody has freed, in bytes.
func (d *Device) Used() int { return d.used }

// memory is a range of a device's memory.
type memory struct {
	dev  *Device
	at   driver.Pointer
	size int
}

func (m *memory) Size() int { return m.size }

// Free gives the memory back; again it does nothing.
func (m *memory) Free() {
	if m.at != 0 {
		m.dev.drv.Free(m.at)
		m.dev.used -= m.size
		m.at = 0
	}
}

// Alloc returns zeroed memory of the driver.
func (d *Device) Alloc(bytes int) (engine.Memory, error) {
	at, err := d.drv.Alloc(max(bytes, 1))
	if err != nil {
		return nil, err
	}
	d.used += bytes
	return &memory{d, at, bytes}, nil
}

// Kernel binds k to its operands, which must be kept as Storage tells. It refuses
// float64 and memory of other devices.
func (d *Device) Kernel(k ops.Kind, in, out []engine.Tensor) (engine.Kernel, error) {
	if err := d.check(k, in, out); err != nil {
		return nil, fmt.Errorf("%v on cuda: %w", k, err)
	}
	c := &call{Device: d, in: in, out: out}
	lookup(k).bind(c)
	if c.err != nil {
		return nil, fmt.Errorf("%v on cuda: %w", k, c.err)
	}
	return c.kernel(k), nil
}

func (d *Device) check(k ops.Kind, in, out []engine.Tensor) error {
	if err := engine.CheckOperands(k, in, out); err != nil {
		return err
	}
	for _, t := range slices.Concat(in, out) {
		if t.Dtype == ops.Float64 {
			return fmt.Errorf("operand is %v: this device computes in float32; build the graph with ops.Float32", t.Spec)
		}
		if m, ok := t.Mem.(*memory); !ok || m.dev != d {
			return fmt.Errorf("operand %v lies in %T: allocate it with this device's Alloc", t.Spec, t.Mem)
		}
	}
	if lookup(k) == nil {
		return errors.New("there is no kernel for it")
	}
	want, made := engine.Storages(d, k, in, out)
	if !slices.Equal(storages(in), want) || !slices.Equal(storages(out), made) {
		return fmt.Errorf("operands are kept as %v and %v, want %v and %v", storages(in), storages(out), want, made)
	}
	return nil
}

func storages(ts []engine.Tensor) []engine.Storage {
	list := make([]engine.Storage, len(ts))
	for i, t := range ts {
		list[i] = t.Store
	}
	return list
}

// Upload copies src to dst; src may be reused at once.
func (d *Device) Upload(dst engine.Tensor, src []byte) error {
	if len(src) != dst.Bytes() {
		return fmt.Errorf("upload %d bytes to %d", len(src), dst.Bytes())
	}
	return d.drv.Write(at(dst), src)
}

// Download waits for all kernels and copies src to the host.
func (d *Device) Download(dst []byte, src engine.Tensor) error {
	if len(dst) != src.Bytes() {
		return fmt.Errorf("download %d bytes to %d", src.Bytes(), len(dst))
	}
	return d.drv.Read(dst, at(src))
}

// at is where a tensor lies.
func at(t engine.Tensor) driver.Pointer { return t.Mem.(*memory).at + driver.Pointer(t.Off) }

// Capture records the kernels that run calls and returns what replays them at once.
func (d *Device) Capture(run func() error) (engine.Kernel, error) {
	replay, err := d.drv.Capture(run)
	return engine.Kernel(replay), err
}

// Sync waits for all kernels.
func (d *Device) Sync() error { return d.drv.Sync() }

// Close frees what the device holds besides its memory.
func (d *Device) Close() error {
	d.room.free()
	for _, p := range d.tables {
		d.drv.Free(p)
	}
	d.tables = nil
	return d.drv.Close()
}
