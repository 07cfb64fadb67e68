package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math"
	"testing"
)

// FuzzState gives any text its hash, which blind changes break: a state that is
// accepted returns as the same text.
func FuzzState(f *testing.F) {
	for _, s := range []State{
		{Version: stateVersion},
		{Version: stateVersion, Step: 7, Metrics: Metrics{"a": 1.5, "b": math.NaN(), "c": math.Inf(-1)}, Extra: []byte(`{"x":[1]}`),
			Files: []File{{"model.safetensors", 8, "00"}}, Aux: []File{{"aux-0.safetensors", 8, "00"}}},
	} {
		text, err := encodeState(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text[len(stateHead)+2*sha256.Size:])
	}
	f.Fuzz(func(t *testing.T, rest []byte) {
		s, err := decodeState(fmt.Appendf(nil, "%s%x%s", stateHead, sha256.Sum256(rest), rest))
		if err != nil {
			return
		}
		once, err := encodeState(*s)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeState(once)
		if err != nil {
			t.Fatal(err)
		}
		if twice, err := encodeState(*again); err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%s, want %s (%v)", twice, once, err)
		}
	})
}
