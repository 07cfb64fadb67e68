// Package configs_test makes sure that every experiment here is one: it says what it
// claims and needs, it loads, and its network can be built.
package configs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"m2pt/experiment"
	"m2pt/train"
)

func TestConfigs(t *testing.T) {
	t.Setenv("M2PT_TARGET", "modelnet10")
	t.Setenv("M2PT_AUX", "fsdd")
	for _, path := range files(t) {
		t.Run(path, func(t *testing.T) {
			header(t, path)
			plan(t, path)
		})
	}
}

// TestPairs: pair.toml is every target with every auxiliary of another modality.
func TestPairs(t *testing.T) {
	small := []string{"cifar10", "fsdd", "modelnet10", "ut_interaction"}
	for _, target := range small {
		for _, aux := range small {
			if target == aux {
				continue
			}
			t.Run(target+"_"+aux, func(t *testing.T) {
				t.Setenv("M2PT_TARGET", target)
				t.Setenv("M2PT_AUX", aux)
				p := plan(t, "pair.toml")
				if len(p.Pathways) != 4*4 {
					t.Errorf("%d layers have a pathway, want the 4 of each of 4 blocks", len(p.Pathways))
				}
			})
		}
	}
}

// TestPretraining: the published recipes have the published numbers of parameters.
func TestPretraining(t *testing.T) {
	const (
		global  = 3_152_384          // a block 512 wide
		shifted = global + 7312 + 16 // AudioMAE's: with an MLP of offsets and τ of each head
		audio   = 136_992_768
	)
	for _, c := range []struct {
		file string
		want int
		sets []string
	}{
		{"imagenet_mae.toml", 111_907_840, nil},
		{"audioset_audiomae.toml", audio, nil},
		{"audioset_audiomae.toml", audio - 16*shifted + 8*global, []string{"mae.decoder=global", "mae.decoder_depth=8"}},
		{"audioset_audiomae.toml", audio + (1212-512)*(768+512), []string{"tokenizer.stride=10", "mae.decoder_window=6", "mae.mask=grid", "train.accumulate=512"}}, // longer tables
		{"shapenet_pointmae.toml", 114_337_376, nil},
		{"shapenet_pointmae.toml", 29_006_432, []string{"model.embed_dim=384"}},
		{"kinetics_videomae.toml", 94_210_944, nil},
		{"kinetics_videomae.toml", 94_210_944, []string{"mae.decoder_mask=running_cell"}},
	} {
		if got := plan(t, c.file, c.sets...).Parameters.Training; got != c.want {
			t.Errorf("%s %v: %d parameters, want %d", c.file, c.sets, got, c.want)
		}
	}
}

func files(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.toml", filepath.Join("bench", "*.toml")} {
		some, err := filepath.Glob(pattern)
		if err != nil || len(some) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(some), err)
		}
		all = append(all, some...)
	}
	return all
}

// header wants the comment at the head of a file to say everything, and a command
// that names the file.
func header(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var comment strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			break
		}
		comment.WriteString(line)
	}
	for _, want := range []string{"# Claim: ", "# Data: ", "# Hardware: ", "# Command: ", "-config configs/" + filepath.ToSlash(path)} {
		if !strings.Contains(comment.String(), want) {
			t.Errorf("the header has no %q", want)
		}
	}
}

// plan loads a file and builds its graphs, for which neither data nor weights are
// needed.
func plan(t *testing.T, path string, sets ...string) *train.Plan {
	t.Helper()
	cfg, err := experiment.Load(path, sets)
	if err != nil {
		t.Fatal(err)
	}
	p, err := train.NewPlan(cfg, train.Answers{Classes: 16, Parts: 50}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
