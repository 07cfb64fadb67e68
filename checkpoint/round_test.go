package checkpoint

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"
)

// TestRoundTrip: every 16-bit float survives, NaN as a quiet one.
func TestRoundTrip(t *testing.T) {
	for _, c := range []struct {
		d     Dtype
		to    func(uint16) float32
		of    func(float32) uint16
		quiet uint16
	}{{Float16, float16ToFloat32, float16OfFloat32, 0x200}, {BFloat16, bfloat16ToFloat32, bfloat16OfFloat32, 0x40}} {
		for h := range 1 << 16 {
			f := c.to(uint16(h))
			want := uint16(h)
			if f != f {
				want |= c.quiet
			}
			if got := c.of(f); got != want {
				t.Fatalf("%v %#04x = %g becomes %#04x", c.d, h, f, got)
			}
		}
	}
}

// TestRoundNearest: between two neighbours the nearer is taken, half way the even
// one.
func TestRoundNearest(t *testing.T) {
	for _, c := range []struct {
		d  Dtype
		to func(uint16) float32
	}{{Float16, float16ToFloat32}, {BFloat16, bfloat16ToFloat32}} {
		for h := uint16(0); ; h++ {
			low, high := c.to(h), c.to(h+1)
			if math.IsInf(float64(high), 0) {
				break
			}
			middle := float32((float64(low) + float64(high)) / 2)
			even := h + h&1
			for _, x := range []struct {
				v    float32
				want uint16
			}{{math.Nextafter32(middle, low), h}, {middle, even}, {math.Nextafter32(middle, high), h + 1}} {
				if x.v == low || x.v == high || float64(middle) != (float64(low)+float64(high))/2 {
					continue // float32 has no number between
				}
				got := rounded(t, c.d, x.v, -x.v)
				if got[0] != x.want || got[1] != x.want|0x8000 {
					t.Fatalf("%v: ±%g becomes %#04x, want %#04x", c.d, x.v, got, x.want)
				}
			}
		}
	}
}

func rounded(t *testing.T, d Dtype, v ...float32) []uint16 {
	t.Helper()
	x, err := New("x", []int{len(v)}, v).Round(d)
	if err != nil || x.Dtype != d || x.Len() != len(v) {
		t.Fatalf("round %v to %v: %+v, %v", v, d, x, err)
	}
	out := make([]uint16, len(v))
	for i := range out {
		out[i] = binary.LittleEndian.Uint16(x.Data[2*i:])
	}
	return out
}

func TestRoundOverflow(t *testing.T) {
	for _, c := range []struct {
		d    Dtype
		v    float32
		want string
	}{
		{Float16, 65519.99, ""},
		{Float16, 65520, `tensor "w": 65520 is too large for float16`},
		{Float16, -1e6, `tensor "w": -1e+06 is too large for float16`},
		{Float16, float32(math.Inf(-1)), ""},
		{BFloat16, 1e38, ""},
		{BFloat16, math.MaxFloat32, `tensor "w": 3.4028235e+38 is too large for bfloat16`},
		{Int8, 1, "want float32, float16 or bfloat16"},
	} {
		_, err := New("w", []int{1}, []float32{c.v}).Round(c.d)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v of %g: error %v, want %q", c.d, c.v, err, c.want)
		}
	}
}

// TestRoundOthers: only floating tensors are rounded, of any width.
func TestRoundOthers(t *testing.T) {
	steps := New("steps", []int{1}, []int64{3})
	if x, err := steps.Round(Float16); err != nil || x.Dtype != Int64 {
		t.Errorf("%+v, %v", x, err)
	}
	for _, x := range []Tensor{New("x", []int{1}, []float64{1.5}), {Name: "x", Dtype: BFloat16, Shape: []int{1}, Data: []byte{0xc0, 0x3f}}} {
		for _, d := range []Dtype{Float32, Float16, BFloat16} {
			y, err := x.Round(d)
			if err != nil {
				t.Fatal(err)
			}
			if v, err := y.Float32s(); err != nil || y.Dtype != d || v[0] != 1.5 {
				t.Errorf("%v as %v: %v of %v, %v", x.Dtype, d, v, y.Dtype, err)
			}
		}
	}
}

// TestRoundDoubles: float64 is rounded once, and what is too large is named.
func TestRoundDoubles(t *testing.T) {
	for _, c := range []struct {
		d    Dtype
		v    float64
		want float64
	}{
		{Float32, 1 + 0x1p-24 + 0x1p-40, 1 + 0x1p-23},
		{BFloat16, 1 + 0x1p-8 + 0x1p-40, 1 + 0x1p-7}, // half way for float32, above it in truth
		{BFloat16, 1 + 0x1p-8 - 0x1p-40, 1},
		{BFloat16, -1 - 0x1p-8 - 0x1p-40, -1 - 0x1p-7},
		{Float16, 1 + 0x1p-11 + 0x1p-40, 1 + 0x1p-10},
		{Float16, 1 + 3*0x1p-11 - 0x1p-40, 1 + 0x1p-10},
		{Float16, math.Inf(-1), math.Inf(-1)},
		{BFloat16, 0x1p-200, 0},
	} {
		x, err := New("x", []int{1}, []float64{c.v}).Round(c.d)
		if err != nil {
			t.Fatal(err)
		}
		if got := x.Numbers()[0]; got != c.want {
			t.Errorf("%v of %v is %v, want %v", c.d, c.v, got, c.want)
		}
	}
	for _, d := range []Dtype{Float32, Float16, BFloat16} {
		if _, err := New("x", []int{1}, []float64{1e300}).Round(d); err == nil || !strings.Contains(err.Error(), `"x": 1e+300 is too large`) {
			t.Errorf("1e300 as %v: %v", d, err)
		}
	}
}
