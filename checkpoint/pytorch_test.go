package checkpoint

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"m2pt/checkpoint/pickle"
)

// Pieces of pickles, in the words of Python's pickletools.

func pickled(value string) string { return "\x80\x02" + value + "." }

func pyString(s string) string {
	return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s
}

func pyInt(n int64) string {
	return "\x8a\x08" + string(binary.LittleEndian.AppendUint64(nil, uint64(n)))
}

func pyTuple(items ...string) string { return "(" + strings.Join(items, "") + "t" }

func pyList(items ...string) string { return "](" + strings.Join(items, "") + "e" }

// pyDict is a dict of keys and values, which alternate.
func pyDict(items ...string) string { return "}(" + strings.Join(items, "") + "u" }

func pyGlobal(module, name string) string { return "c" + module + "\n" + name + "\n" }

func pyCall(module, name string, args ...string) string {
	return pyGlobal(module, name) + pyTuple(args...) + "R"
}

func pyInts(list ...int64) string {
	var items []string
	for _, n := range list {
		items = append(items, pyInt(n))
	}
	return pyTuple(items...)
}

func pyStorage(class, key string, numel int64) string {
	return pyTuple(pyString("storage"), pyGlobal("torch", class), pyString(key), pyString("cpu"), pyInt(numel)) + "Q"
}

// pyTensor is a view of the storage "0" of numel float32.
func pyTensor(numel, offset int64, shape, strides []int64) string {
	return pyCall("torch._utils", "_rebuild_tensor_v2",
		pyStorage("FloatStorage", "0", numel), pyInt(offset), pyInts(shape...), pyInts(strides...), "\x89", "N")
}

func pyVector(numel int64) string { return pyTensor(numel, 0, []int64{numel}, []int64{1}) }

// counting are the float32 0, 1, ... n-1.
func counting(n int) []byte {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(i)
	}
	return bytesOf(v)
}

// zipFile is a file of PyTorch since 1.6.
func zipFile(t testing.TB, value string, storages map[string][]byte) []byte {
	list := []member{{"x/data.pkl", []byte(pickled(value)), zip.Store}}
	for _, key := range slices.Sorted(maps.Keys(storages)) {
		list = append(list, member{"x/data/" + key, storages[key], zip.Store})
	}
	return archive(t, append(list, member{"x/version", []byte("3\n"), zip.Store})...)
}

// legacyFile is a file of an older PyTorch, with storages of float32.
func legacyFile(value string, storages map[string][]byte) []byte {
	var keys []string
	var body []byte
	for _, key := range slices.Sorted(maps.Keys(storages)) {
		keys = append(keys, pyString(key))
		body = binary.LittleEndian.AppendUint64(body, uint64(len(storages[key])/4))
		body = append(body, storages[key]...)
	}
	machine := pyDict(pyString("little_endian"), "\x88")
	start := pickled("\x8a\x0a"+string(legacyMagic)) + pickled("M\xe9\x03") + pickled(machine)
	return append([]byte(start+pickled(value)+pickled(pyList(keys...))), body...)
}

// parsePyTorch reads a part of a file in either form.
func parsePyTorch(data []byte, p part) (*Tensors, error) {
	r, size := bytes.NewReader(data), int64(len(data))
	if isPickle(string(data[:min(len(data), 9)])) {
		return readPyTorchLegacy(r, size, p)
	}
	return readZip(r, size, p)
}

// TestPyTorchViews reads views of the storage 0, 1, ... 11 in both forms.
func TestPyTorchViews(t *testing.T) {
	type ints = []int64
	cases := map[string]struct {
		offset         int64
		shape, strides ints
		want           []float32
	}{
		"whole":                {0, ints{3, 4}, ints{4, 1}, []float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
		"part":                 {4, ints{2, 2}, ints{2, 1}, []float32{4, 5, 6, 7}},
		"transposed":           {0, ints{4, 3}, ints{1, 4}, []float32{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}},
		"column":               {1, ints{3}, ints{4}, []float32{1, 5, 9}},
		"repeated":             {2, ints{2, 3}, ints{1, 0}, []float32{2, 2, 2, 3, 3, 3}},
		"scalar":               {11, nil, nil, []float32{11}},
		"last":                 {11, ints{1, 1}, ints{99, 7}, []float32{11}},
		"empty":                {50, ints{0, 3}, ints{3, 1}, []float32{}},
		"of a repeated scalar": {7, ints{3}, ints{0}, []float32{7, 7, 7}},
	}
	storages := map[string][]byte{"0": counting(12)}
	for name, c := range cases {
		value := pyDict(pyString("w"), pyTensor(12, c.offset, c.shape, c.strides))
		for form, data := range map[string][]byte{"zip": zipFile(t, value, storages), "legacy": legacyFile(value, storages)} {
			t.Run(name+" "+form, func(t *testing.T) {
				ts, err := parsePyTorch(data, modelPart)
				if err != nil {
					t.Fatal(err)
				}
				w, err := ts.Get("w")
				if err != nil {
					t.Fatal(err)
				}
				got, err := w.Float32s()
				if err != nil || !slices.Equal(got, c.want) || len(w.Shape) != len(c.shape) {
					t.Errorf("%v %v, want %v %v (%v)", w.Shape, got, c.shape, c.want, err)
				}
			})
		}
	}
}

// TestPyTorchParts: which tensors a file has, by the name they get.
func TestPyTorchParts(t *testing.T) {
	w := pyVector(3)
	model := pyDict(pyString("w"), w)
	namespace := pyGlobal("argparse", "Namespace") + ")\x81" + pyDict(pyString("lr"), "K\x01") + "b"
	cases := map[string]struct {
		value      string
		model, all []string
	}{
		"bare":               {model, []string{"w"}, []string{"w"}},
		"model of MAE":       {pyDict(pyString("epoch"), "K\x01", pyString("model"), model, pyString("args"), namespace), []string{"w"}, []string{"model.w"}},
		"first key of all":   {pyDict(pyString("state_dict"), pyDict(pyString("v"), w), pyString("model"), model), []string{"w"}, []string{"state_dict.v", "model.w"}},
		"name of the model":  {pyDict(pyString("model"), pyString("vit"), pyString("state_dict"), model), []string{"w"}, []string{"state_dict.w"}},
		"class of the model": {pyDict(pyString("model"), namespace, pyString("state_dict"), model), []string{"w"}, []string{"state_dict.w"}},
		"Point-MAE":          {pyDict(pyString("base_model"), pyDict(pyString("module.w"), w)), []string{"module.w"}, []string{"base_model.module.w"}},
		"segmentation":       {pyDict(pyString("model_state_dict"), model), []string{"w"}, []string{"model_state_dict.w"}},
		"DeepSpeed":          {pyDict(pyString("module"), model), []string{"w"}, []string{"module.w"}},
		"nested":             {pyDict(pyString("model"), pyDict(pyString("a"), pyDict(pyString("b"), w, pyString("c"), pyList(w, w)))), []string{"a.b", "a.c.0", "a.c.1"}, []string{"model.a.b", "model.a.c.0", "model.a.c.1"}},
		"ordered":            {pyGlobal("collections", "OrderedDict") + ")R(" + pyString("w") + w + "u" + pyDict(pyString("_metadata"), "}") + "b", []string{"w"}, []string{"w"}},
		"ordered, Python 2":  {pyCall("collections", "OrderedDict", pyList(pyList("U\x01w", w))), []string{"w"}, []string{"w"}},
		"parameter":          {pyDict(pyString("w"), pyCall("torch._utils", "_rebuild_parameter", w, "\x88", "N")), []string{"w"}, []string{"w"}},
		"subclass":           {pyDict(pyString("w"), pyCall("torch._tensor", "_rebuild_from_type_v2", pyGlobal("torch._utils", "_rebuild_parameter"), pyGlobal("my", "P"), pyTuple(w), "N")), []string{"w"}, []string{"w"}},
		"optimizer":          {pyDict(pyString("model"), model, pyString("optimizer"), pyDict(pyString("state"), pyDict("K\x00", pyDict(pyString("exp_avg"), w)))), []string{"w"}, []string{"model.w", "optimizer.state.0.exp_avg"}},
		"unknown class":      {pyDict(pyString("w"), w, pyString("x"), pyGlobal("my", "Config")+pyTuple("K\x01")+"\x81"), []string{"w"}, []string{"w"}},
		"path":               {pyDict(pyString("w"), w, pyString("x"), pyCall("pathlib", "PosixPath", pyString("/tmp"))), []string{"w"}, []string{"w"}},
		"key that is no str": {pyDict(pyString("w"), w, pyTuple("K\x01"), "K\x01"), []string{"w"}, []string{"w"}},
	}
	for name, c := range cases {
		data := zipFile(t, c.value, map[string][]byte{"0": counting(3)})
		for label, p := range map[string]struct {
			part part
			want []string
		}{"model": {modelPart, c.model}, "all": {whole, c.all}} {
			t.Run(name+" "+label, func(t *testing.T) {
				ts, err := parsePyTorch(data, p.part)
				if err != nil || !slices.Equal(names(ts), p.want) {
					t.Fatalf("%q, want %q (%v)", names(ts), p.want, err)
				}
				for w := range ts.All() {
					if !bytes.Equal(w.Data, counting(3)) {
						t.Errorf("%s: % x", w.Name, w.Data)
					}
				}
			})
		}
	}
}

// TestPyTorchAverages: the model wins over averaged weights beside it, of which its
// tensors tell.
func TestPyTorchAverages(t *testing.T) {
	model, ema := pyDict(pyString("w"), pyVector(3)), pyDict(pyString("v"), pyVector(3))
	for _, c := range []struct {
		name, value string
		part        part
		want        string
	}{
		{"MAE", pyDict(pyString("model_ema"), ema, pyString("model"), model), modelPart, "model_ema"},
		{"timm", pyDict(pyString("state_dict"), model, pyString("state_dict_ema"), ema), modelPart, "state_dict_ema"},
		{"none", pyDict(pyString("model"), model), modelPart, ""},
		{"nothing in them", pyDict(pyString("model"), model, pyString("model_ema"), "N"), modelPart, ""},
		{"bare", model, modelPart, ""},
		{"everything", pyDict(pyString("model_ema"), ema, pyString("model"), model), whole, ""},
	} {
		ts, err := parsePyTorch(zipFile(t, c.value, map[string][]byte{"0": counting(3)}), c.part)
		if err != nil || ts.Metadata[AveragesKey] != c.want || c.part == nil || ts.Len() != 1 && c.name != "everything" || names(ts)[0] == "v" {
			t.Errorf("%s: %v beside %q, want %q", c.name, err, names(ts), c.want)
		}
	}
}

func TestPyTorchDtypes(t *testing.T) {
	for d, row := range dtypes {
		t.Run(row.name, func(t *testing.T) {
			size := int64(row.size)
			value := pyCall("torch._utils", "_rebuild_tensor_v2",
				pyStorage(strings.TrimPrefix(row.storage, "torch."), "7", 2), pyInt(0), pyInts(2), pyInts(1), "\x89", "N")
			if row.storage == "" {
				storage := pyTuple(pyString("storage"), pyGlobal("torch.storage", "UntypedStorage"), pyString("7"), pyString("cpu"), pyInt(2*size)) + "Q"
				value = pyCall("torch._utils", "_rebuild_tensor_v3", storage, pyInt(0), pyInts(2), pyInts(1), "\x89", "N", pyGlobal("torch", row.name))
			}
			data := counting(4)[:2*size]
			ts, err := parsePyTorch(zipFile(t, pyDict(pyString("w"), value), map[string][]byte{"7": data}), modelPart)
			if err != nil {
				t.Fatal(err)
			}
			w, _ := ts.Lookup("w")
			if w.Dtype != Dtype(d) || !bytes.Equal(w.Data, data) {
				t.Errorf("%v % x, want %v % x", w.Dtype, w.Data, Dtype(d), data)
			}
		})
	}
}

func TestPyTorchSharesStorages(t *testing.T) {
	value := pyDict(pyString("a"), pyVector(3), pyString("b"), pyVector(3))
	ts, err := parsePyTorch(zipFile(t, value, map[string][]byte{"0": counting(3)}), modelPart)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := ts.Lookup("a")
	b, _ := ts.Lookup("b")
	if &a.Data[0] != &b.Data[0] {
		t.Error("tied tensors are held twice")
	}
}

func TestPyTorchRejects(t *testing.T) {
	storages := map[string][]byte{"0": counting(3)}
	w := pyDict(pyString("w"), pyVector(3))
	tensor := func(numel, offset int64, shape, stride int64) []byte {
		return zipFile(t, pyDict(pyString("w"), pyTensor(numel, offset, []int64{shape}, []int64{stride})), storages)
	}
	value := func(v string) []byte { return zipFile(t, v, storages) }
	object := pyGlobal("my", "Model") + pyTuple(pyVector(3)) + "\x81"
	shared := "]q\x00"
	for i := range byte(40) {
		shared += string([]byte{']', 'q', i + 1, '(', 'h', i, 'h', i, 'e'})
	}
	bomb := ")q\x000" // a tuple of two of a tuple of two of ...
	for i := range byte(40) {
		bomb += string([]byte{'h', i, 'h', i, 0x86, 'q', i + 1, '0'})
	}
	deep := strings.Repeat("]", 99) + pyVector(3) + strings.Repeat("a", 99)
	pending := strings.TrimSuffix(pyVector(3), "tR") + pyDict(pyString("neg"), "\x88") + "tR"
	part := strings.TrimSuffix(pyStorage("FloatStorage", "0", 3), "tQ") + pyTuple(pyString("1"), "K\x00", "K\x01") + "tQ"
	const huge = 1 << 40
	cases := map[string]struct {
		data    []byte
		want    string
		corrupt bool
	}{
		"storage too small":     {tensor(4, 0, 4, 1), "has 12 bytes, want 16", true},
		"storage too large":     {tensor(2, 0, 2, 1), "has 12 bytes, want 8", true},
		"huge storage":          {tensor(math.MaxInt64, 0, 1, 1), "elements", true},
		"negative storage":      {tensor(-1, 0, 1, 1), "-1 elements", true},
		"beyond":                {tensor(3, 1, 3, 1), "storage of 3 elements", true},
		"bomb in a message":     {value(bomb + pyTuple(pyString("storage"), pyGlobal("torch", "FloatStorage"), pyString("0"), pyString("cpu"), "h\x28") + "Q"), "pickle.Tuple", true},
		"stride beyond":         {tensor(3, 0, 2, 3), "storage of 3 elements", true},
		"stride that overflows": {tensor(3, 0, 5, math.MaxInt64/2), "storage of 3 elements", true},
		"negative offset":       {tensor(3, -1, 1, 1), "natural", true},
		"negative stride":       {tensor(3, 2, 3, -1), "natural", true},
		"shape that overflows":  {value(pyDict(pyString("w"), pyTensor(3, 0, []int64{huge, huge}, []int64{0, 0}))), "too many elements", true},
		"repeated for ever":     {tensor(3, 0, huge, 0), "repeat more than the file holds", true},
		"rank of the strides":   {value(pyDict(pyString("w"), pyTensor(3, 0, []int64{3}, nil))), "strides", true},
		"storage missing":       {zipFile(t, w, nil), "missing", true},
		"two sizes":             {value(pyDict(pyString("w"), pyVector(3), pyString("v"), pyVector(2))), "12 bytes of float32 and 8", true},
		"class of storage":      {value(pyDict(pyString("w"), pyStorage("ComplexFloatStorage", "0", 3))), "not supported", false},
		"call":                  {value(pyDict(pyString("w"), pyVector(3), pyString("x"), pyCall("os", "system", pyString("touch pwned")))), `refused to call "os.system"`, false},
		"call by another way":   {value(pyDict(pyString("w"), pyCall("torch._tensor", "_rebuild_from_type_v2", pyGlobal("os", "system"), "N", pyTuple(pyString("touch pwned")), "N"))), `refused to call "os.system"`, false},
		"object":                {value(object), "my.Model", false},
		"object as the model":   {value(pyDict(pyString("model"), object)), "my.Model", false},
		"object among tensors":  {value(pyDict(pyString("w"), pyVector(3), pyString("x"), object)), `"x": tensors within an object`, false},
		"tensor under a tuple":  {value(pyDict(pyString("w"), pyVector(3), pyTuple("K\x01"), pyVector(3))), "tensors within", false},
		"no tensor":             {value(pyDict(pyString("lr"), "K\x01")), "none of its 1 keys", false},
		"empty model":           {value(pyDict(pyString("model"), "}")), "no tensor", false},
		"number":                {value("K\x01"), "want a dict of tensors", false},
		"name twice":            {value(pyDict(pyString("w"), pyVector(3), pyString("w"), pyVector(3))), "twice", true},
		"names that meet":       {value(pyDict(pyString("a.b"), pyVector(3), pyString("a"), pyDict(pyString("b"), pyVector(3)))), "twice", true},
		"name that is no text":  {value(pyDict(pyString("\xff"), pyVector(3))), "UTF-8", true},
		"long name":             {value(pyDict(pyString(strings.Repeat("x", 5000)), pyVector(3))), "more than 1024 bytes", true},
		"cycle":                 {value("}q\x00(" + pyString("w") + pyVector(3) + pyString("x") + "h\x00u"), "shared too often", true},
		"deep":                  {value(pyDict(pyString("v"), pyVector(3), pyString("w"), deep)), "64 deep", true},
		"pending negation":      {value(pyDict(pyString("w"), pending)), "pending negation", false},
		"part of a storage":     {value(pyDict(pyString("w"), part)), "unknown kind of storage", false},
		"shared without end":    {value(pyDict(pyString("w"), pyVector(3), pyString("x"), shared)), "shared too often", true},
		"more than a pickle":    {archive(t, member{"x/data.pkl", []byte(pickled(w) + "junk"), zip.Store}), "before its last 4 bytes", true},
		"big endian":            {archive(t, member{"x/data.pkl", nil, zip.Store}, member{"x/byteorder", []byte("big"), zip.Store}), "byte order", false},
		"compressed":            {archive(t, member{"x/data.pkl", []byte(pickled(w)), zip.Deflate}), "compressed", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { wantRejected(t, c.data, c.want, c.corrupt) })
	}
}

func TestLegacyPyTorchRejects(t *testing.T) {
	storages := map[string][]byte{"0": counting(3)}
	w := pyDict(pyString("w"), pyVector(3))
	twice := pyDict(pyString("w"), pyVector(3), pyString("v"), strings.ReplaceAll(pyVector(3), pyString("0"), pyString("1")))
	cases := map[string]struct {
		data    []byte
		want    string
		corrupt bool
	}{
		"missing":      {legacyFile(w, nil), "do not list the 1", true},
		"too small":    {legacyFile(w, map[string][]byte{"0": counting(2)}), "do not fit", true},
		"too large":    {legacyFile(w, map[string][]byte{"0": counting(4)}), "4 elements", true},
		"other key":    {legacyFile(w, map[string][]byte{"1": counting(3)}), "belongs to no tensor", true},
		"key twice":    {bytes.Replace(legacyFile(twice, map[string][]byte{"0": counting(3), "1": counting(3)}), []byte(pyString("0")+pyString("1")), []byte(pyString("0")+pyString("0")), 1), "listed twice", true},
		"call at once": {[]byte(pickled(pyCall("os", "system", pyString("touch pwned")))), "no call is allowed", false},
		"other pickle": {[]byte(pickled("K\x01")), "none of PyTorch's files", false},
		"cut":          {legacyFile(w, storages)[:60], "ends in the middle", true},
		"big endian":   {bytes.Replace(legacyFile(w, storages), []byte("endian\x88"), []byte("endian\x89"), 1), "little-endian", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { wantRejected(t, c.data, c.want, c.corrupt) })
	}
}

func wantRejected(t *testing.T, data []byte, want string, isCorrupt bool) {
	t.Helper()
	ts, err := parsePyTorch(data, modelPart)
	wantError(t, err, want)
	if ts != nil || errors.Is(err, ErrCorrupt) != isCorrupt {
		t.Errorf("%v, corrupt %v, want %v: %v", ts, !isCorrupt, isCorrupt, err)
	}
}

func TestPyTorchChecksum(t *testing.T) {
	data := zipFile(t, pyDict(pyString("w"), pyVector(3)), map[string][]byte{"0": counting(3)})
	at := bytes.Index(data, counting(3))
	data[at] ^= 1
	_, err := parsePyTorch(data, modelPart)
	if !errors.Is(err, ErrCorrupt) {
		t.Errorf("%v, want ErrCorrupt", err)
	}
}

// allocation is how many bytes f allocates in all.
func allocation(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestPyTorchMemory: a file whose weights all lie in order is held once, one of
// transposed weights by one storage more.
func TestPyTorchMemory(t *testing.T) {
	const side, layers = 256, 64
	for name, strides := range map[string][]int64{"in order": {side, 1}, "transposed": {1, side}} {
		t.Run(name, func(t *testing.T) {
			var items []string
			storages := make(map[string][]byte)
			for i := range layers {
				key := fmt.Sprint(i)
				storages[key] = counting(side * side)
				items = append(items, pyString(key), pyCall("torch._utils", "_rebuild_tensor_v2",
					pyStorage("FloatStorage", key, side*side), pyInt(0), pyInts(side, side), pyInts(strides...), "\x89", "N"))
			}
			data := zipFile(t, pyDict(items...), storages)
			allocated := allocation(func() {
				if _, err := parsePyTorch(data, modelPart); err != nil {
					t.Error(err)
				}
			})
			limit := uint64(len(data)) + 1<<20
			if name == "transposed" {
				limit *= 2 // in all; storages that were copied are garbage
			}
			if allocated > limit {
				t.Errorf("%d bytes allocated for a file of %d, want at most %d", allocated, len(data), limit)
			}
		})
	}
}

// TestStoragesAreReadOnce: however many views a storage has.
func TestStoragesAreReadOnce(t *testing.T) {
	opened := 0
	s := &storage{dtype: Float32, size: 48, open: func() (io.ReadCloser, error) {
		opened++
		return io.NopCloser(bytes.NewReader(counting(12))), nil
	}}
	w := &view{storage: s, dtype: Float32, shape: []int{4, 3}, strides: []int{1, 4}}
	if ts, err := materialize([]named{{"w", w}, {"v", w}}, s.size); err != nil || ts.Len() != 2 || opened != 1 {
		t.Errorf("%v (%v), opened %d times", ts, err, opened)
	}
}

// TestBrokenDisk: what the disk says is passed on, not taken for a fault of the file.
func TestBrokenDisk(t *testing.T) {
	_, err := pickle.Read(pickle.NewReader(iotest.ErrReader(os.ErrPermission), 9), pickle.Hooks{})
	if !errors.Is(err, os.ErrPermission) || errors.Is(err, pickle.ErrMalformed) {
		t.Errorf("%v, want %v", err, os.ErrPermission)
	}
}
