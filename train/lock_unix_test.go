//go:build unix

package train

import (
	"context"
	"testing"
)

// TestLock: one run folder has one writer; it is free again when the run ends.
func TestLock(t *testing.T) {
	cfg := tiny(t)
	first := ready(t, cfg)
	_, err := Run(context.Background(), cfg, options(t))
	wantError(t, err, cfg.Output, "in use by another process", "-out")
	first.close()
	if out := trained(t, cfg); out.Steps != 8 {
		t.Errorf("after the first is gone: %+v", out)
	}
}
