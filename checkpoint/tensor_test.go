package checkpoint

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
)

// everyDtype is one tensor of each dtype, with NaN, Inf and extremes, a scalar
// and empty ones among them.
func everyDtype(t *testing.T) *Tensors {
	t.Helper()
	nan, inf := math.NaN(), math.Inf(1)
	return collect(t,
		New("f32", []int{2, 3}, []float32{0, float32(math.Copysign(0, -1)), float32(nan), float32(inf), -math.MaxFloat32, math.SmallestNonzeroFloat32}),
		Tensor{"f16", Float16, []int{3}, []byte{0, 0x3c, 0, 0xfc, 1, 0x7e}},
		Tensor{"bf16", BFloat16, []int{3}, []byte{0x80, 0x3f, 0x80, 0xff, 0xc1, 0x7f}},
		New("f64", []int{4}, []float64{math.Pi, nan, -inf, math.MaxFloat64}),
		New("i64", []int{2}, []int64{math.MinInt64, math.MaxInt64}),
		New("i32", []int{2}, []int32{math.MinInt32, math.MaxInt32}),
		New("i16", []int{2}, []int16{math.MinInt16, math.MaxInt16}),
		New("i8", []int{2}, []int8{math.MinInt8, math.MaxInt8}),
		New("u64", []int{2}, []uint64{0, math.MaxInt64}),
		New("u32", []int{2}, []uint32{0, math.MaxUint32}),
		New("u16", []int{2}, []uint16{0, math.MaxUint16}),
		New("u8", []int{5}, []uint8{0, 1, 127, 128, 255}),
		New("bool", []int{2}, []bool{true, false}),
		New("scalar", nil, []float32{42}),
		New("empty", []int{0}, []float32{}),
		New("empty too", []int{3, 0, 2}, []int64{}),
		New("blocks.10.attn.qkv.weight", []int{1, 1, 1, 2}, []float32{1, 2}),
		New("blocks.2.attn.qkv.weight", []int{1, 2}, []float32{3, 4}),
		New(`"quoted" \ <é> `+"\x01", []int{1}, []uint8{7}),
	)
}

func collect(t *testing.T, list ...Tensor) *Tensors {
	t.Helper()
	ts, err := Collect(list...)
	if err != nil {
		t.Fatal(err)
	}
	return ts
}

// wantSame fails unless got holds the tensors of want, bit for bit.
func wantSame(t *testing.T, got, want *Tensors) {
	t.Helper()
	if got == nil || got.Len() != want.Len() {
		t.Fatalf("got %v, want %d tensors", got, want.Len())
	}
	for w := range want.All() {
		g, err := got.Get(w.Name)
		if err != nil {
			t.Error(err)
			continue
		}
		if g.Dtype != w.Dtype || !slices.Equal(g.Shape, w.Shape) || !bytes.Equal(g.Data, w.Data) {
			t.Errorf("tensor %q: %v %v %v, want %v %v %v", w.Name, g.Dtype, g.Shape, g.Data, w.Dtype, w.Shape, w.Data)
		}
	}
}

func names(ts *Tensors) []string {
	var list []string
	for t := range ts.All() {
		list = append(list, t.Name)
	}
	return list
}

// wantError fails unless err contains every part.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one with %q", parts)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q lacks %q", err, part)
		}
	}
}

func TestAccessors(t *testing.T) {
	ts := everyDtype(t)
	floats := map[string][]float64{
		"f16": {1, math.Inf(-1), math.NaN()}, "bf16": {1, math.Inf(-1), math.NaN()},
		"f64": {math.Pi, math.NaN(), math.Inf(-1), math.MaxFloat64}, "scalar": {42}, "empty": {},
	}
	for name, want := range floats {
		tensor, _ := ts.Lookup(name)
		got, err := tensor.Float64s()
		if err != nil || !slices.EqualFunc(got, want, sameFloat) {
			t.Errorf("%s: Float64s %v, want %v (%v)", name, got, want, err)
		}
		narrow, err := tensor.Float32s()
		if err != nil || !slices.EqualFunc(narrow, want, func(g float32, w float64) bool { return sameFloat(float64(g), float64(float32(w))) }) {
			t.Errorf("%s: Float32s %v, want %v (%v)", name, narrow, want, err)
		}
	}
	integers := map[string][]int64{
		"i64": {math.MinInt64, math.MaxInt64}, "i32": {math.MinInt32, math.MaxInt32}, "i16": {math.MinInt16, math.MaxInt16},
		"i8": {-128, 127}, "u64": {0, math.MaxInt64}, "u32": {0, math.MaxUint32}, "u16": {0, 65535},
		"u8": {0, 1, 127, 128, 255}, "bool": {1, 0}, "empty too": {},
	}
	for name, want := range integers {
		tensor, _ := ts.Lookup(name)
		got, err := tensor.Int64s()
		if err != nil || !slices.Equal(got, want) || tensor.Len() != len(want) {
			t.Errorf("%s: Int64s %v, want %v (%v)", name, got, want, err)
		}
	}
	for name, want := range map[string][]byte{"u8": {0, 1, 127, 128, 255}, "bool": {1, 0}} {
		tensor, _ := ts.Lookup(name)
		if got, err := tensor.Bytes(); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: Bytes %v, want %v (%v)", name, got, want, err)
		}
	}
}

func sameFloat(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

func TestAccessorsRefuse(t *testing.T) {
	f32, u8 := New("x", []int{1}, []float32{1}), New("y", []int{1}, []uint8{1})
	_, err := u8.Float32s()
	wantError(t, err, `"y"`, "uint8", "floating")
	_, err = u8.Float64s()
	wantError(t, err, `"y"`, "uint8", "floating")
	_, err = f32.Int64s()
	wantError(t, err, `"x"`, "float32", "integer")
	_, err = f32.Bytes()
	wantError(t, err, `"x"`, "float32", "uint8 or bool")
	_, err = New("z", []int{1}, []uint64{math.MaxUint64}).Int64s()
	wantError(t, err, `"z"`, "18446744073709551615", "int64")
}

// TestFloat16 compares all finite float16 with the definition of the format.
func TestFloat16(t *testing.T) {
	for h := range 1 << 16 {
		sign, e, f := 1-2*float64(h>>15), h>>10&31, float64(h&1023)
		want := sign * math.Ldexp(1024+f, e-25)
		if e == 0 {
			want = sign * math.Ldexp(f, -24)
		}
		got := float64(float16ToFloat32(uint16(h)))
		switch {
		case e < 31 && (got != want || math.Signbit(got) != (h>>15 == 1)):
			t.Fatalf("%#04x: %v, want %v", h, got, want)
		case e == 31 && f == 0 && !math.IsInf(got, int(sign)), e == 31 && f != 0 && !math.IsNaN(got):
			t.Fatalf("%#04x: %v", h, got)
		}
	}
}

func TestElementsOnOtherMachines(t *testing.T) {
	want := []float64{1, -2.5, math.Inf(1)}
	data := encode(want)
	if !bytes.Equal(data, bytesOf(want)) {
		t.Error("bytesOf and encode differ")
	}
	if !slices.Equal(decode[float64](data), want) || !slices.Equal(valuesOf[float64](data), want) {
		t.Error("decode or valuesOf do not invert encode")
	}
	unaligned := append([]byte{0}, data...)[1:]
	if !slices.Equal(valuesOf[float64](unaligned), want) {
		t.Error("valuesOf fails on unaligned data")
	}
}

func TestAddRefuses(t *testing.T) {
	cases := map[string]struct {
		tensor Tensor
		want   string
	}{
		"no name":        {New("", []int{1}, []float32{1}), "without a name"},
		"taken":          {New("a", []int{1}, []float32{1}), `"a": name appears twice`},
		"too few bytes":  {New("x", []int{2}, []float32{1}), `"x": 4 bytes, want 8`},
		"too many bytes": {New("x", []int{}, []float32{1, 2}), `"x": 8 bytes, want 4`},
		"negative":       {New("x", []int{-1, -1}, []float32{1}), "negative"},
		"overflow":       {New("x", []int{1 << 31, 1 << 31, 4}, []float32{}), "too many elements"},
		"overflow by 0":  {New("x", []int{0, 1 << 31, 1 << 31, 4}, []float32{}), "too many elements"},
		"rank":           {New("x", make([]int, maxRank+1), []float32{}), "dimensions"},
		"dtype":          {Tensor{Name: "x", Dtype: 99}, "Dtype(99)"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			ts := collect(t, New("a", []int{1}, []float32{1}))
			wantError(t, ts.Add(c.tensor), c.want)
			if ts.Len() != 1 {
				t.Error("the refused tensor was added")
			}
		})
	}
	if _, err := Collect(New("x", []int{2}, []float32{1})); err == nil {
		t.Error("Collect accepts what Add refuses")
	}
}
