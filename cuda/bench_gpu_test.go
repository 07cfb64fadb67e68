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
// scripts/bench_gpu.py.
func TestBench(t *testing.T) {
	out, err := os.OpenFile(os.Getenv("M2PT_BENCH_OUT"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Skip("no figures are asked for: M2PT_BENCH and M2PT_BENCH_OUT say which and where to")
	}
	defer out.Close()
	dev := open(t, engine.BF16)
	for _, path := range strings.Fields(os.Getenv("M2PT_BENCH")) {
		cfg, err := experiment.Load(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := bench.Run(cfg, dev, benchRounds)
		if err != nil {
			t.Fatal(err)
		}
		line, err := json.Marshal(map[string]any{
			"model": strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "gpu_"), ".toml"),
			"side":  fmt.Sprintf("m2pt, a pathway costs %+.1f %% [%+.1f, %+.1f]", 100*r.PathwayOverhead, 100*r.Interval[0], 100*r.Interval[1]),
			"batch": cfg.Train.Batch, "device": r.Device, "steps_ms": r.StepsMS, "peak_mem_mb": r.PeakMemMB, "ready_s": r.CompileMS / 1e3,
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(out, "%s\n", line); err != nil {
			t.Fatal(err)
		}
		t.Log(r)
	}
}

// benchRounds gives the overhead of a pathway an interval.
const benchRounds = 21
