package cpu

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"runtime/pprof"
	"testing"
	"time"

	"m2pt/engine"
	"m2pt/ops"
)

// TestLabelSamples: nearly all time of two threads that do nothing but attention's
// gradient is labelled so, which it is not if only the calling thread is. Without
// LabelSamples none is.
func TestLabelSamples(t *testing.T) {
	for name, labels := range map[string]bool{"labelled": true, "plain": false} {
		d := open(t, Options{Threads: 2})
		if labels {
			d.LabelSamples()
		}
		run := gradient(t, d)
		var profile bytes.Buffer
		if err := pprof.StartCPUProfile(&profile); err != nil {
			t.Skipf("a CPU profile is taken already: %v", err)
		}
		for begin := time.Now(); time.Since(begin) < time.Second/2; {
			if err := run(); err != nil {
				t.Error(err)
			}
		}
		pprof.StopCPUProfile()
		all, of := samples(t, &profile)
		switch n := of["attention.grad"]; {
		case all < 10:
			t.Logf("%s: %d samples say nothing", name, all)
		case labels && n < all*8/10, !labels && n > 0:
			t.Errorf("%s: %d of %d samples are labelled attention.grad, and %v", name, n, all, of)
		}
	}
}

// gradient is a kernel of some milliseconds on both threads.
func gradient(t *testing.T, d *Device) engine.Kernel {
	k, f := ops.AttentionGrad{Heads: 4}, ops.F32
	in := []engine.Tensor{place(t, d, f(2, 256, 768)), place(t, d, f(2, 256, 256)), place(t, d, f(2, 4, 256)), place(t, d, f(2, 256, 256))}
	run, err := d.Kernel(k, in, []engine.Tensor{place(t, d, f(2, 256, 768))})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// samples counts the samples of a profile, and those by their label op. The format is
// proto/profile.proto of github.com/google/pprof: Profile{sample: 2, string_table: 6},
// Sample{value: 2, label: 3}, Label{key: 1, str: 2}.
func samples(t *testing.T, r io.Reader) (all int, byOp map[string]int) {
	t.Helper()
	z, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	message, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range fields(message, 6) {
		names = append(names, string(s))
	}
	byOp = map[string]int{}
	for _, s := range fields(message, 2) {
		count := number(fields(s, 2)[0])
		all += count
		for _, label := range fields(s, 3) {
			if names[number(fields(label, 1)[0])] == "op" {
				byOp[names[number(fields(label, 2)[0])]] += count
			}
		}
	}
	return all, byOp
}

// fields are the values of a field of a protobuf message: bytes, or a varint's.
func fields(message []byte, field uint64) (values [][]byte) {
	for len(message) > 0 {
		key, n := binary.Uvarint(message)
		value := message[n:]
		size, n := binary.Uvarint(value)
		if key&7 == 2 {
			value = value[n:]
			n = int(size)
		}
		if key>>3 == field {
			values = append(values, value[:n])
		}
		message = value[n:]
	}
	return values
}

// number is a varint, the first of several.
func number(varint []byte) int {
	v, _ := binary.Uvarint(varint)
	return int(v)
}
