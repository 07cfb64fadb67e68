//go:build m2ptcuda

package cuda_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"m2pt/bench"
	"m2pt/engine"
	"m2pt/experiment"
)

// TestBench measures the experiments that M2PT_BENCH names, config files apart by spaces,
// and appends a line of JSON for each to the file M2PT_BENCH_OUT, in the words of
// scripts/bench_gpu.py: steps of the experiment alone, as PyTorch's are. What a pathway
// costs is measured after them, in turns with a step without.
func TestBench(t *testing.T) {
	configs := strings.Fields(os.Getenv("M2PT_BENCH"))
	if len(configs) == 0 {
		t.Skip("skipped: M2PT_BENCH names no experiments to measure")
	}
	out, err := os.OpenFile(os.Getenv("M2PT_BENCH_OUT"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatalf("M2PT_BENCH_OUT, which figures are written to: %v", err)
	}
	defer out.Close()
	dev := open(t, engine.BF16)
	for _, path := range configs {
		line, err := figures(t, path, dev)
		if err != nil {
			t.Fatalf("measure %q: %v", path, err)
		}
		if _, err := fmt.Fprintf(out, "%s\n", line); err != nil {
			t.Fatal(err)
		}
	}
}

const (
	aloneRounds   = 50 // as many as scripts/bench_gpu.py takes
	pathwayRounds = 21 // give the cost of a pathway an interval
)

// figures measures the experiment of a config file.
func figures(t *testing.T, path string, dev engine.Device) ([]byte, error) {
	cfg, err := experiment.Load(path, nil)
	if err != nil {
		return nil, err
	}
	r, err := bench.Alone(cfg, dev, aloneRounds)
	if err != nil {
		return nil, err
	}
	t.Log(r)
	turns, err := bench.Run(cfg, dev, pathwayRounds)
	if err != nil {
		return nil, err
	}
	t.Log(turns)
	return json.Marshal(map[string]any{
		"model": strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "gpu_"), ".toml"),
		"side":  fmt.Sprintf("m2pt, a pathway costs %+.1f %% [%+.1f, %+.1f]", 100*turns.PathwayOverhead, 100*turns.Interval[0], 100*turns.Interval[1]),
		"batch": cfg.Train.Batch, "device": r.Device, "steps_ms": r.StepsMS, "peak_mem_mb": r.PeakMemMB, "ready_s": r.CompileMS / 1e3,
	})
}
