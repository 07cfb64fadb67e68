package train

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestRewind: what lies after the step goes, and so does a line that a crash
// cut off; the rest stays byte for byte.
func TestRewind(t *testing.T) {
	const first, second = `{"kind":"train","step":1,"epoch":0.25,"loss":2.5}`, `{"kind":"eval","step":2,"epoch":0.5,"loss":2,"future":[1]}`
	const third = `{"kind":"train","step":3,"epoch":0.75,"loss":1.5}`
	for _, c := range []struct {
		name, before string
		step         int64
		after        string
	}{
		{"all kept", first + "\n" + second + "\n", 2, first + "\n" + second + "\n"},
		{"future dropped", first + "\n" + second + "\n" + third + "\n", 2, first + "\n" + second + "\n"},
		{"out of order", third + "\n" + first + "\n", 1, first + "\n"},
		{"torn last line", first + "\n" + second[:20], 3, first + "\n"},
		{"torn at its end", first + "\n" + second, 3, first + "\n" + second + "\n"},
		{"torn in the middle", second[:20] + "\n" + first + "\n", 3, first + "\n"},
		{"zeros of a crash", first + "\n" + strings.Repeat("\x00", 64), 3, first + "\n"},
		{"to the start", first + "\n", 0, ""},
		{"empty", "", 3, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := journal{t.TempDir()}
			write(t, j.path(), c.before)
			must(t, j.rewind(c.step))
			if got := read(t, j.path()); got != c.after {
				t.Errorf("left\n%swant\n%s", got, c.after)
			}
		})
	}
	if err := (journal{t.TempDir()}).rewind(1); err != nil {
		t.Errorf("no journal: %v", err)
	}
}

// TestSummary: one row per evaluation, drawn from the journal.
func TestSummary(t *testing.T) {
	j := journal{t.TempDir()}
	for _, r := range []Record{
		{Kind: "train", Step: 1, Loss: 9},
		{Kind: "eval", Step: 4, Epoch: 1, Loss: 2.25, Top1: 12.5, Top5: 50, TrainLoss: 2.5},
		{Kind: "eval", Step: 6, Epoch: 1.5, Loss: 1. / 3, Top1: 100. / 3, Top5: 100, TrainLoss: 1e-9},
		{Kind: "eval", Step: 8, Epoch: 2, Loss: 2, TrainLoss: 3, MultiLabel: &MultiLabel{MAP: 0.25}},
		{Kind: "eval", Step: 9, Epoch: 3, Loss: 1, TrainLoss: 2, Parts: &PartSegmentation{InstanceIoU: 0.75}},
	} {
		must(t, j.add(r))
	}
	must(t, j.summarise())
	const want = "epoch,step,train_loss,eval_loss,eval_top1,eval_top5,eval_map,eval_miou\n1,4,2.5,2.25,12.5,50,,\n1.5,6,1e-09,0.33333333,33.333333,100,,\n2,8,3,2,,,0.25,\n3,9,2,1,,,,0.75\n"
	if got := read(t, filepath.Join(j.dir, "summary.csv")); got != want {
		t.Errorf("summary\n%swant\n%s", got, want)
	}
	if err := j.add(Record{Loss: inf()}); err == nil {
		t.Error("a number that JSON lacks is recorded")
	}
	wantError(t, journal{filepath.Join(j.dir, "nosuch")}.add(Record{}), "metrics", "nosuch")
}

// TestJournalOfKilledRun: what a run recorded that was killed before its first
// checkpoint is not mixed with the records of the run that begins anew.
func TestJournalOfKilledRun(t *testing.T) {
	cfg := tiny(t, "train.epochs=1")
	write(t, filepath.Join(cfg.Output, "metrics.jsonl"), `{"kind":"train","step":1,"loss":7}`+"\n"+`{"kind":"train","st`)
	trained(t, cfg)
	text := read(t, filepath.Join(cfg.Output, "metrics.jsonl"))
	if n := strings.Count(text, `"kind":"train"`); n != 4 || strings.Contains(text, `"loss":7`) {
		t.Errorf("%d train records, want 4:\n%s", n, text)
	}
}
