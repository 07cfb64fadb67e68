package cli

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"m2pt/experiment"
)

// TestCheckData: what evaluation and surveys read counts, weights do not.
func TestCheckData(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audioset.toml")
	text := "[data]\nformat = 'audioset'\npath = '/nosuch/data'\n[audio]\nlabels = '/nosuch/labels.csv'\n[tokenizer]\nkind = 'audio'\n" +
		"[model]\ninit = '/nosuch/weights.safetensors'\n[pathway]\naux = '/nosuch/aux.safetensors'\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := experiment.Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"data.path: /nosuch/data does not exist", "audio.labels: /nosuch/labels.csv does not exist"}
	usage, ok := CheckData(cfg).(*experiment.UsageError) //nolint:errorlint // it is returned as it is
	if !ok || !slices.Equal(usage.Problems, want) {
		t.Errorf("%v, want %v", usage, want)
	}
	if err := CheckData(experiment.Default()); err != nil {
		t.Errorf("generated data: %v", err)
	}
}
