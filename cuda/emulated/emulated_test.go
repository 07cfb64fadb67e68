//go:build m2ptemu

package emulated_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"m2pt/cuda/driver"
	"m2pt/cuda/driver/drivertest"
	"m2pt/cuda/emulated"
	"m2pt/cuda/kernels/emu"
)

func TestConformance(t *testing.T) {
	for _, seed := range []uint64{0, 5} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			drivertest.Run(t, func() (driver.Driver, error) { return emulated.Open(emulated.Options{Seed: seed}) })
		})
	}
}

func open(t *testing.T, o emulated.Options) driver.Driver {
	t.Helper()
	d, err := emulated.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestMemoryLimit(t *testing.T) {
	d := open(t, emulated.Options{Memory: 10 << 20})
	p, err := d.Alloc(6 << 20)
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Alloc(5 << 20)
	if !errors.Is(err, driver.ErrMemory) {
		t.Fatalf("error %v, want ErrMemory", err)
	}
	for _, want := range []string{"asked for 5.0 MiB", "free are 4.0 MiB of 10.0 MiB"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q, want %q in it", err, want)
		}
	}
	d.Free(p)
	if _, err := d.Alloc(10 << 20); err != nil {
		t.Error(err)
	}
	if _, err := emulated.Open(emulated.Options{Memory: -1}); err == nil {
		t.Error("a negative limit is accepted")
	}
}

// TestOverrun lets add write one element more than there is memory.
func TestOverrun(t *testing.T) {
	if emu.Sanitizer() == "address" {
		t.Skip("the sanitizer ends the program instead")
	}
	d := open(t, emulated.Options{})
	y, err := d.Alloc(4 * 9)
	if err != nil {
		t.Fatal(err)
	}
	x, err := d.Alloc(4 * 10)
	if err != nil {
		t.Fatal(err)
	}
	run, err := d.Launch(driver.Launch{Kernel: "copy_f32", Grid: [3]int{1, 1, 1}, Block: 32, Args: []uint64{10, uint64(y), uint64(x)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := run(); err == nil || !strings.Contains(err.Error(), "copy_f32: it wrote outside of the 36 bytes") {
		t.Errorf("error %v, want one that names kernel and memory", err)
	}
}

func TestWildPointers(t *testing.T) {
	d := open(t, emulated.Options{})
	p, err := d.Alloc(64)
	if err != nil {
		t.Fatal(err)
	}
	for _, y := range []driver.Pointer{1, p - 1, p + 64} {
		_, err := d.Launch(driver.Launch{Kernel: "copy_f32", Grid: [3]int{1, 1, 1}, Block: 32, Args: []uint64{1, uint64(y), uint64(p)}})
		if err == nil || !strings.Contains(err.Error(), "argument 1") {
			t.Errorf("%#x beside memory at %#x: error %v, want one about argument 1", y, p, err)
		}
		if err := d.Write(y, make([]byte, 65)); err == nil {
			t.Errorf("65 bytes are written to %#x beside 64 at %#x", y, p)
		}
	}
}

func TestNothingElseInCapture(t *testing.T) {
	d := open(t, emulated.Options{})
	for name, call := range map[string]func() error{
		"sync":    d.Sync,
		"close":   d.Close,
		"capture": func() error { _, err := d.Capture(func() error { return nil }); return err },
		"alloc":   func() error { _, err := d.Alloc(1); return err },
		"read":    func() error { return d.Read(nil, 0) },
	} {
		if _, err := d.Capture(call); err == nil || !strings.Contains(err.Error(), "capture is under way") {
			t.Errorf("%s in a capture: error %v", name, err)
		}
	}
}

// TestRunsDoNotAllocate runs a launch and a product that were bound before.
func TestRunsDoNotAllocate(t *testing.T) {
	d := open(t, emulated.Options{})
	p, err := d.Alloc(4096)
	if err != nil {
		t.Fatal(err)
	}
	launch, err := d.Launch(driver.Launch{
		Kernel: "add_f32", Grid: [3]int{1, 1, 1}, Block: 32, Args: []uint64{8, uint64(p), uint64(p), uint64(p)},
	})
	if err != nil {
		t.Fatal(err)
	}
	m := driver.Matrix{At: p}
	product, err := d.Product(driver.Product{M: 4, N: 4, K: 4, A: m, B: driver.Matrix{At: p + 512}, C: driver.Matrix{At: p + 1024}})
	if err != nil {
		t.Fatal(err)
	}
	for name, run := range map[string]driver.Run{"launch": launch, "product": product} {
		if n := testing.AllocsPerRun(10, func() {
			if err := run(); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("a %s allocates %g times", name, n)
		}
	}
}
