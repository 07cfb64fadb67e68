package train

import (
	"os/exec"
	"strings"
	"testing"
)

// TestResumeScript kills real processes; see the script.
func TestResumeScript(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if testing.Short() || err != nil {
		t.Skipf("-short, or no bash (%v): killed processes are not tried", err)
	}
	out, err := exec.Command(bash, "../scripts/resume_check.sh", t.TempDir()).CombinedOutput()
	if err != nil || strings.Count(string(out), "same bits") != 2 {
		t.Errorf("%v\n%s", err, out)
	}
}
