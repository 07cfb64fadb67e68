package pickle_test

import (
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"m2pt/checkpoint/pickle"
)

func read(data string, hooks pickle.Hooks) (any, error) {
	return pickle.Read(pickle.NewReader(strings.NewReader(data), int64(len(data))), hooks)
}

// known is a closed world with one function, f, and one thing outside.
func known() pickle.Hooks {
	return pickle.Hooks{
		Call: func(f pickle.Global, args pickle.Tuple) (any, error) {
			if f.Name != "f" {
				return nil, errors.New("refused " + f.String())
			}
			return args, nil
		},
		Persistent: func(id any) (any, error) {
			if id != "id" {
				return nil, errors.New("refused id")
			}
			return "outside", nil
		},
	}
}

func TestRead(t *testing.T) {
	set := func(name string, parts ...any) *pickle.Object {
		return &pickle.Object{Class: pickle.Global{Module: "builtins", Name: name}, Parts: parts}
	}
	class := pickle.Global{Module: "m", Name: "C"}
	cases := map[string]struct {
		data string
		want any
	}{
		"none":             {"N.", nil},
		"true":             {"\x80\x02\x88.", true},
		"false":            {"\x80\x05\x89.", false},
		"byte":             {"K\xff.", int64(255)},
		"two bytes":        {"M\x00\xff.", int64(0xff00)},
		"negative":         {"J\xfe\xff\xff\xff.", int64(-2)},
		"long of nothing":  {"\x8a\x00.", int64(0)},
		"long":             {"\x8a\x02\x00\x80.", int64(-32768)},
		"long of 8 bytes":  {"\x8b\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80.", int64(-1 << 63)},
		"long of 9 bytes":  {"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01.", pickle.Long("\x00\x00\x00\x00\x00\x00\x00\x00\x01")},
		"float":            {"G\xbf\xf8\x00\x00\x00\x00\x00\x00.", -1.5},
		"str":              {"X\x02\x00\x00\x00\xcf\x80.", "π"},
		"short str":        {"\x8c\x01a.", "a"},
		"large str":        {"\x8d\x01\x00\x00\x00\x00\x00\x00\x00a.", "a"},
		"str of Python 2":  {"U\x01a.", "a"},
		"bytes":            {"C\x01a.", []byte("a")},
		"tuples":           {")\x85(K\x01K\x02t\x86.", pickle.Tuple{pickle.Tuple{pickle.Tuple{}}, pickle.Tuple{int64(1), int64(2)}}},
		"list":             {"]K\x01a(K\x02K\x03e.", &pickle.List{Items: []any{int64(1), int64(2), int64(3)}}},
		"dict":             {"}U\x01aK\x01s(K\x02Nu.", &pickle.Dict{Entries: []pickle.Entry{{Key: "a", Value: int64(1)}, {Key: int64(2)}}}},
		"set":              {"\x8f(K\x01\x90.", set("set", int64(1))},
		"frozenset":        {"(K\x01\x91.", set("frozenset", int64(1))},
		"memo":             {"U\x01aq\x07h\x07\x86.", pickle.Tuple{"a", "a"}},
		"large memo":       {"U\x01ar\xff\xff\xff\xffj\xff\xff\xff\xff\x86.", pickle.Tuple{"a", "a"}},
		"memo by order":    {"U\x01a\x94U\x01b\x94h\x00\x87.", pickle.Tuple{"a", "b", "a"}},
		"frame":            {"\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00N.", nil},
		"popped":           {"NK\x010(N1.", nil},
		"global":           {"cm\nC\n.", class},
		"global of values": {"U\x01mU\x01C\x93.", class},
		"call":             {"cm\nf\nK\x01\x85R.", pickle.Tuple{int64(1)}},
		"outside":          {"U\x02idQ.", "outside"},
		"object":           {"cm\nC\nK\x01\x85\x81}b(K\x02e.", &pickle.Object{Class: class, Parts: []any{pickle.Tuple{int64(1)}, &pickle.Dict{}, int64(2)}}},
		"object and names": {"cm\nC\n)}\x92K\x01K\x02s.", &pickle.Object{Class: class, Parts: []any{pickle.Tuple{}, &pickle.Dict{}, int64(1), int64(2)}}},
		"state of a dict":  {"}}b.", &pickle.Dict{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := read(c.data, known())
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("%#v, want %#v (%v)", got, c.want, err)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	cases := map[string]struct {
		data, want string
		malformed  bool
	}{
		"nothing":                {"", "ends in the middle", true},
		"no end":                 {"N", "ends in the middle", true},
		"no value":               {".", "0 values", true},
		"two values":             {"NN.", "2 values", true},
		"a mark left":            {"(N.", "1 marks", true},
		"text beyond":            {"X\xff\xff\xff\xffa.", "4294967295 bytes of text, 2 are left", true},
		"text far beyond":        {"\x8e\xff\xff\xff\xff\xff\xff\xff\xffa.", "are left", true},
		"long beyond":            {"\x8b\xff\xff\xff\x7f.", "are left", true},
		"cut number":             {"J\x01", "ends in the middle", true},
		"no mark":                {"Nt.", "wants a mark", true},
		"below the mark":         {"N(\x85.", "wants 1 values, the stack has 0", true},
		"memo not set":           {"h\x01.", "memo 1 is not set", true},
		"memo of nothing":        {"q\x01.", "wants 1 values", true},
		"key without value":      {"}(Nu.", "key without a value", true},
		"a number as a list":     {"K\x01Na.", "fills a int64", true},
		"a list as a dict":       {"]NNs.", "fills a *pickle.List", true},
		"nothing to fill":        {"](" + "(e.", "wants 1 values", true},
		"call of a number":       {"K\x01)R.", "calls a int64", true},
		"call with a list":       {"cm\nf\n]R.", "with a *pickle.List", true},
		"instance of a number":   {"K\x01)\x81.", "instance of a int64", true},
		"state of a number":      {"K\x01}b.", "state of a int64", true},
		"nameless":               {"cm\n\n.", "name \"\"", true},
		"global of numbers":      {"K\x01K\x02\x93.", "name \"\"", true},
		"long name":              {"c" + strings.Repeat("x", 5000) + "\nC\n.", "line of more", true},
		"cut name":               {"cm", "ends in the middle", true},
		"unknown function":       {"cos\nsystem\n)R.", "refused os.system", false},
		"unknown id":             {"NQ.", "refused id", false},
		"protocol 0":             {"cos\nsystem\n(S'x'\ntR.", `byte 12: instruction 'S' is unknown or of protocol 0`, false},
		"instance of protocol 0": {"(ios\nsystem\n.", "protocol 0", false},
		"extension":              {"\x82\x01.", "unknown", false},
		"newer protocol":         {"\x80\x06N.", "protocol 6", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			v, err := read(c.data, known())
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, pickle.ErrMalformed) != c.malformed {
				t.Errorf("%v, %v, want %q, malformed %v", v, err, c.want, c.malformed)
			}
		})
	}
}

func TestReadWithoutHooks(t *testing.T) {
	for name, data := range map[string]string{"call": "cos\nsystem\n)R.", "outside": "NQ."} {
		if v, err := read(data, pickle.Hooks{}); err == nil {
			t.Errorf("%s: %v", name, v)
		}
	}
}

func TestReadOneAfterAnother(t *testing.T) {
	data := "K\x01.K\x02.rest"
	in := pickle.NewReader(strings.NewReader(data), int64(len(data)))
	for i := range int64(2) {
		v, err := pickle.Read(in, pickle.Hooks{})
		if v != i+1 || err != nil || in.Pos() != 3*(i+1) {
			t.Errorf("%v at %d, %v", v, in.Pos(), err)
		}
	}
	if err := in.End(); !errors.Is(err, pickle.ErrMalformed) {
		t.Errorf("%v, want that there is more", err)
	}
}

func TestLookupTakesTheLast(t *testing.T) {
	v, err := read("}(K\x01K\x00U\x01aK\x01U\x01aK\x02)Nu.", pickle.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	d := v.(*pickle.Dict)
	if got, ok := d.Lookup("a"); got != int64(2) || !ok {
		t.Errorf("%v, %v", got, ok)
	}
	if got, ok := d.Lookup("b"); ok {
		t.Errorf("%v", got)
	}
}

// TestMemory: what a pickle makes of each of its bytes is bounded, and so is how
// many bytes can make anything.
func TestMemory(t *testing.T) {
	const n = 1 << 18
	for name, instruction := range map[string]string{"marks": "(", "dicts": "}", "lists": "]", "sets": "\x8f", "memos": "\x94", "tuples": "\x85", "numbers": "K\xff"} {
		t.Run(name, func(t *testing.T) {
			data := "N" + strings.Repeat(instruction, n)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			if _, err := read(data, pickle.Hooks{}); err == nil {
				t.Error("no error")
			}
			runtime.ReadMemStats(&after)
			per := float64(after.TotalAlloc-before.TotalAlloc) / n
			t.Logf("%.0f bytes per instruction", per)
			if per > 200 {
				t.Errorf("%.0f bytes per instruction, want at most 200", per)
			}
		})
	}
	_, err := read(strings.Repeat("N", 5<<20), pickle.Hooks{})
	if err == nil || !strings.Contains(err.Error(), "instructions") {
		t.Errorf("%v, want the limit of instructions", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("\x80\x02}q\x00(U\x01aK\x01X\x01\x00\x00\x00b]q\x01(h\x00M\x01\x02eu."))
	f.Add([]byte("\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x01m\x8c\x01f\x93\x94K\x01\x85R."))
	f.Add([]byte("cm\nC\n)\x81}(U\x01aG\x00\x00\x00\x00\x00\x00\x00\x00\x8a\x01\xffub."))
	f.Add([]byte("(K\x01\x91\x8f(N\x90\x86U\x02idQ\x86."))
	f.Fuzz(func(t *testing.T, data []byte) {
		in := pickle.NewReader(strings.NewReader(string(data)), int64(len(data)))
		if _, err := pickle.Read(in, known()); err == nil && in.Pos() > int64(len(data)) {
			t.Errorf("read %d of %d bytes", in.Pos(), len(data))
		}
	})
}
