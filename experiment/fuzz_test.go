package experiment_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"m2pt/experiment"
)

// FuzzLoad wants every text to load and survive a round trip, or to fail with
// a UsageError that says something.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.toml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text), "train.epochs=3")
	}
	f.Add("pathway = [{aux='w'}]", "pathway.layers=['attn.qkv']")
	f.Fuzz(func(t *testing.T, text, set string) {
		c, err := experiment.Load(writeFile(t, text), []string{set})
		if err == nil {
			roundTrip(t, c)
			return
		}
		var usage *experiment.UsageError
		if !errors.As(err, &usage) || len(usage.Problems) == 0 || err.Error() == "" {
			t.Errorf("error %#v", err)
		}
	})
}
