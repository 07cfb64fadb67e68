package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nlpodyssey/safetensors"
)

func safetensorsBytes(t testing.TB, ts *Tensors) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := writeSafetensors(&b, ts); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func parseSafetensors(data []byte) (*Tensors, error) {
	return readSafetensors(bytes.NewReader(data), int64(len(data)), io.Discard)
}

// file returns a safetensors file with that header and body.
func file(header string, body int) []byte {
	data := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(data, header...), make([]byte, body)...)
}

func TestSafetensorsRoundTrip(t *testing.T) {
	want := everyDtype(t)
	want.Metadata = map[string]string{"format": "pt", "note": "ünïcode \"quoted\""}
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := Save(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, got, want)
	if !maps.Equal(got.Metadata, want.Metadata) {
		t.Errorf("metadata %v, want %v", got.Metadata, want.Metadata)
	}
	_, err = got.Get("absent")
	wantError(t, err, path, `"absent"`)
}

func TestSafetensorsEmpty(t *testing.T) {
	got, err := parseSafetensors(safetensorsBytes(t, &Tensors{}))
	if err != nil || got.Len() != 0 {
		t.Errorf("%v tensors, %v", got, err)
	}
}

func TestSafetensorsLayout(t *testing.T) {
	data := safetensorsBytes(t, collect(t,
		New("c", []int{1}, []uint8{1}), New("b", []int{1}, []float32{2}), New("a", []int{1}, []float32{3})))
	header := `{"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},` +
		`"c":{"dtype":"U8","shape":[1],"data_offsets":[8,9]}}`
	header += strings.Repeat(" ", -len(header)&7)
	want := append(file(header, 0), 0, 0, 0, 0x40, 0, 0, 0x40, 0x40, 1)
	if !bytes.Equal(data, want) {
		t.Errorf("file %q, want %q", data, want)
	}
}

func TestSafetensorsKeepsOrder(t *testing.T) {
	got, err := parseSafetensors(safetensorsBytes(t, collect(t,
		New("z", []int{1}, []float32{1}), New("m", []int{0}, []float32{}), New("a", []int{1}, []float32{3}))))
	if err != nil || !slices.Equal(names(got), []string{"z", "m", "a"}) {
		t.Errorf("order %v (%v)", names(got), err)
	}
}

// TestSafetensorsLibrary checks both directions against another implementation.
func TestSafetensorsLibrary(t *testing.T) {
	want := everyDtype(t)
	theirs, err := safetensors.Deserialize(safetensorsBytes(t, want))
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, fromLibrary(t, theirs), want)

	views := make(map[string]safetensors.TensorView)
	for _, v := range theirs.Tensors() {
		views[v.Name] = v.TensorView
	}
	data, err := safetensors.Serialize(views, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseSafetensors(data)
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, got, want)
}

func fromLibrary(t *testing.T, theirs safetensors.SafeTensors) *Tensors {
	t.Helper()
	ts := new(Tensors)
	for _, v := range theirs.Tensors() {
		d, ok := dtypeOfSafetensors(v.TensorView.DType().String())
		var shape []int
		for _, dim := range v.TensorView.Shape() {
			shape = append(shape, int(dim))
		}
		if err := ts.Add(Tensor{v.Name, d, shape, v.TensorView.Data()}); err != nil || !ok {
			t.Fatal(err, v.TensorView.DType())
		}
	}
	return ts
}

func TestSafetensorsRejects(t *testing.T) {
	const a = `"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}`
	huge := func(n uint64) []byte { return append(binary.LittleEndian.AppendUint64(nil, n), "{}"...) }
	cases := map[string]struct {
		data []byte
		want string
	}{
		"empty file":          {nil, "too few"},
		"header cut":          {file("{"+a+"}", 2)[:20], "header of"},
		"header too large":    {huge(maxSafetensorsHeader + 1), "limit"},
		"header length wraps": {huge(1<<64 - 8), "limit"},
		"no JSON":             {file("{nope", 0), "byte"},
		"unfinished JSON":     {file("{"+a, 2), "byte"},
		"not an object":       {file("[]", 0), "want {"},
		"null":                {file("null", 0), "want {"},
		"bytes after JSON":    {file("{"+a+"}{}", 2), "closing brace"},
		"not UTF-8":           {file("{\"\xff\":{}}", 0), "UTF-8"},
		"name twice":          {file("{"+a+","+a+"}", 2), `"a" appears twice`},
		"field twice":         {file(`{"a":{"dtype":"U8","dtype":"I8","shape":[]}}`, 1), `"dtype" appears twice`},
		"field missing":       {file(`{"a":{"dtype":"U8","shape":[2]}}`, 2), "data_offsets"},
		"field unknown":       {file(`{"a":{"DTYPE":"U8"}}`, 2), `unknown field "DTYPE"`},
		"tensor is no object": {file(`{"a":1}`, 2), "want {"},
		"no name":             {file(`{"":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 2), "without a name"},
		"dtype unknown":       {file(`{"a":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}}`, 2), `"F8_E4M3" is not supported`},
		"dtype is no string":  {file(`{"a":{"dtype":1}}`, 2), "want a string"},
		"shape negative":      {file(`{"a":{"dtype":"U8","shape":[-2],"data_offsets":[0,2]}}`, 2), "natural"},
		"shape fraction":      {file(`{"a":{"dtype":"U8","shape":[2.0],"data_offsets":[0,2]}}`, 2), "natural"},
		"shape overflows":     {file(`{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0), "too many elements"},
		"shape beyond int":    {file(`{"a":{"dtype":"U8","shape":[0,18446744073709551615],"data_offsets":[0,0]}}`, 0), "natural"},
		"shape nested":        {file(`{"a":{"dtype":"U8","shape":[[2]],"data_offsets":[0,2]}}`, 2), "natural"},
		"rank":                {file(`{"a":{"dtype":"U8","shape":[1`+strings.Repeat(",1", maxRank)+`],"data_offsets":[0,1]}}`, 1), "at most"},
		"one offset":          {file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0]}}`, 2), "data_offsets"},
		"offsets reversed":    {file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[2,0]}}`, 2), "data at 2 to 0"},
		"size mismatch":       {file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,2]}}`, 2), "want 0 to 8"},
		"hole before":         {file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3), "data at 1 to 3"},
		"hole between":        {file("{"+a+`,"b":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}}`, 5), "data at 3 to 5"},
		"overlap":             {file("{"+a+`,"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3), "data at 1 to 3"},
		"body too short":      {file("{"+a+"}", 1), "holds 1"},
		"body too long":       {file("{"+a+"}", 3), "holds 3"},
		"metadata no object":  {file(`{"__metadata__":[]}`, 0), "want {"},
		"metadata no string":  {file(`{"__metadata__":{"a":1}}`, 0), "want a string"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			ts, err := parseSafetensors(c.data)
			wantError(t, err, c.want)
			if ts != nil {
				t.Error("tensors beside an error")
			}
			if unsupported := name == "dtype unknown"; err != nil && errors.Is(err, ErrCorrupt) == unsupported {
				t.Errorf("errors.Is(%v, ErrCorrupt) = %v", err, !unsupported)
			}
		})
	}
}

func TestSafetensorsTruncated(t *testing.T) {
	data := safetensorsBytes(t, everyDtype(t))
	for n := range data {
		if _, err := parseSafetensors(data[:n]); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("cut to %d of %d bytes: %v, want ErrCorrupt", n, len(data), err)
		}
	}
}

func TestSafetensorsReservedName(t *testing.T) {
	err := writeSafetensors(io.Discard, collect(t, New("__metadata__", []int{1}, []float32{1})))
	wantError(t, err, "__metadata__", "reserved")
}

// failAfter is a writer whose disk is full after n bytes.
type failAfter int

var errFull = errors.New("disk full")

func (w *failAfter) Write(p []byte) (int, error) {
	if len(p) > int(*w) {
		return int(*w), errFull
	}
	*w -= failAfter(len(p))
	return len(p), nil
}

func TestWritersReportErrors(t *testing.T) {
	ts := everyDtype(t)
	for name, write := range map[string]func(io.Writer, *Tensors) error{"safetensors": writeSafetensors, "npz": writeNPZ} {
		var whole bytes.Buffer
		if err := write(&whole, ts); err != nil {
			t.Fatal(err)
		}
		for n := 0; n < whole.Len(); n += 13 {
			w := failAfter(n)
			if err := write(&w, ts); !errors.Is(err, errFull) {
				t.Errorf("%s: full after %d of %d bytes: %v, want errFull", name, n, whole.Len(), err)
			}
		}
	}
}

// FuzzSafetensors also holds every file that is accepted against another
// implementation, which must accept it and find the same.
func FuzzSafetensors(f *testing.F) {
	ts, err := Collect(New("a", []int{2}, []float32{1, 2}), New("b", nil, []uint8{3}), New("c", []int{0, 1}, []int64{}))
	if err != nil {
		f.Fatal(err)
	}
	ts.Metadata = map[string]string{"format": "pt"}
	f.Add(safetensorsBytes(f, ts))
	f.Add(file("{}", 0))
	f.Add(file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 2))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parseSafetensors(data)
		if err != nil {
			return
		}
		theirs, err := safetensors.Deserialize(data)
		if err != nil {
			t.Fatalf("accepted what the library refuses: %v", err)
		}
		wantSame(t, got, fromLibrary(t, theirs))
		again, err := parseSafetensors(safetensorsBytes(t, got))
		if err != nil {
			t.Fatal(err)
		}
		wantSame(t, again, got)
	})
}

func ExampleSave() {
	ts, err := Collect(New("head.weight", []int{2, 2}, []float32{1, 2, 3, 4}))
	if err != nil {
		fmt.Println(err)
	}
	err = Save("missing folder/model.safetensors", ts)
	fmt.Println(err != nil)
	err = Save("model.pth", ts)
	fmt.Println(err)
	// Output:
	// true
	// save "model.pth": unknown extension ".pth": use .safetensors or .npz
}
