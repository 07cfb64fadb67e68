package checkpoint

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"
)

// TestKilledWhileSaving kills a process that does nothing but save, 12 times
// and each time a little later after its first save, and wants every checkpoint
// left under its final name valid.
func TestKilledWhileSaving(t *testing.T) {
	const folder = "M2PT_TEST_SAVE_FOREVER"
	if dir := os.Getenv(folder); dir != "" {
		for step := int64(1); ; step++ {
			saveSteps(t, Run{Dir: dir, Keep: 2}, step, step) // the second replaces the first
			fmt.Print(".")
		}
	}
	t.Parallel()
	run := Run{Dir: t.TempDir()}
	for i := range 12 {
		killAfterSave(t, folder+"="+run.Dir, time.Duration(i)*700*time.Microsecond)
		c, rejected, err := run.Latest()
		if err != nil || len(rejected) > 0 {
			t.Fatalf("kill %d: %+v, rejected %v, %v", i, c, rejected, err)
		}
		if err := run.Clean(); err != nil {
			t.Fatal(err)
		}
		wantNoTemporaries(t, run.Dir)
	}
}

// killAfterSave starts this test again as a process that saves, and kills it
// delay after its first save.
func killAfterSave(t *testing.T, environment string, delay time.Duration) {
	t.Helper()
	save := exec.Command(os.Args[0], "-test.run=^TestKilledWhileSaving$")
	save.Env = append(os.Environ(), environment)
	progress, err := save.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := save.Start(); err != nil {
		t.Skipf("skipped: cannot start a process: %v", err)
	}
	if _, err := io.ReadFull(progress, make([]byte, 1)); err != nil {
		t.Errorf("the saving process ended by itself: %v", err)
	}
	time.Sleep(delay)
	if err := save.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = save.Wait() // always "signal: killed"
}
