package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// stateVersion is the layout of a checkpoint folder this package writes.
const stateVersion = 1

// State is the content of a checkpoint's state.json.
type State struct {
	// Version is the layout of the folder; [Run.Save] sets it.
	Version int `json:"version"`
	// Step is the number of updates done.
	Step int64 `json:"step"`
	// Epoch is the epoch in progress, from 0.
	Epoch int `json:"epoch"`
	// Position is the number of samples of that epoch already used.
	Position int64 `json:"position"`
	// ConfigHash identifies the resolved config of the run.
	ConfigHash string `json:"config_hash,omitempty"`
	// Metrics are the latest values by name, "eval/top1".
	Metrics Metrics `json:"metrics,omitempty"`
	// Aux lists the frozen auxiliaries, in the run folder: see [Run.SaveAux].
	Aux []File `json:"aux,omitempty"`
	// Extra is whatever else the trainer keeps; it returns as the same JSON
	// value, not with the same blanks.
	Extra json.RawMessage `json:"extra,omitempty"`
	// Files lists the other files of the folder; [Run.Save] sets it.
	Files []File `json:"files"`
}

// File is a file that a checkpoint depends on.
type File struct {
	Name   string `json:"name"`   // without folder
	Size   int64  `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // of the content, hexadecimal
}

// Metrics maps names to values. Values that JSON lacks are kept as text: "NaN",
// "+Inf", "-Inf".
type Metrics map[string]float64

// MarshalJSON implements [json.Marshaler].
func (m Metrics) MarshalJSON() ([]byte, error) {
	out := make(map[string]any, len(m))
	for name, v := range m {
		out[name] = v
		if math.IsNaN(v) || math.IsInf(v, 0) {
			out[name] = strconv.FormatFloat(v, 'g', -1, 64)
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (m *Metrics) UnmarshalJSON(text []byte) error {
	var in map[string]json.RawMessage
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	*m = make(Metrics, len(in))
	for name, raw := range in {
		v, err := strconv.ParseFloat(string(bytes.Trim(raw, `"`)), 64)
		if err != nil {
			return fmt.Errorf("metric %q: %w", name, err)
		}
		(*m)[name] = v
	}
	return nil
}

// state.json starts with its own hash, so that a change of any byte shows:
// stateHead, 64 hexadecimal digits, and the text that they are the SHA-256 of.
const stateHead = "{\n  \"sha256\": \""

func encodeState(s State) ([]byte, error) {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode state: %w", err)
	}
	rest := "\"," + string(text[len("{"):]) + "\n"
	return fmt.Appendf(nil, "%s%x%s", stateHead, sha256.Sum256([]byte(rest)), rest), nil
}

func decodeState(text []byte) (*State, error) {
	rest, ok := bytes.CutPrefix(text, []byte(stateHead))
	if !ok || len(rest) < 2*sha256.Size {
		return nil, corrupt("does not begin with its SHA-256")
	}
	want, rest := string(rest[:2*sha256.Size]), rest[2*sha256.Size:]
	if got := fmt.Sprintf("%x", sha256.Sum256(rest)); got != want {
		return nil, corrupt("SHA-256 is %s, want %s", got, want)
	}
	var s State
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, corrupt("%w", err)
	}
	if s.Version != stateVersion {
		return nil, fmt.Errorf("layout version %d, this program reads %d: use the program that wrote it", s.Version, stateVersion)
	}
	return &s, nil
}
