package train

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"m2pt/internal/atomicfile"
)

// Record is one line of metrics.jsonl. Kind is "train" (one per log interval)
// or "eval" (one per evaluation).
type Record struct {
	Kind      string  `json:"kind"`
	Step      int64   `json:"step"`
	Epoch     float64 `json:"epoch"`
	Loss      float64 `json:"loss"`
	LR        float64 `json:"lr,omitempty"`
	GradNorm  float64 `json:"grad_norm,omitempty"`
	Rate      float64 `json:"samples_per_s,omitempty"`
	DataShare float64 `json:"data_share,omitempty"` // of the time, waiting for data
	Top1      float64 `json:"top1,omitempty"`
	Top5      float64 `json:"top5,omitempty"`
	TrainLoss float64 `json:"train_loss,omitempty"` // mean over the epoch
	// MultiLabel are the figures where samples have several classes.
	MultiLabel *MultiLabel `json:"multi_label,omitempty"`
	// Parts are the figures where every point has a label.
	Parts  *PartSegmentation `json:"parts,omitempty"`
	Lambda []Lambda          `json:"lambda,omitempty"`
	// Constant and Probe are those of masked autoencoders; see [Result].
	Constant float64 `json:"constant_loss,omitempty"`
	Probe    *Probe  `json:"probe,omitempty"`
}

// journal is a run's metrics.jsonl and the summary.csv drawn from it.
type journal struct{ dir string }

func (j journal) path() string { return filepath.Join(j.dir, "metrics.jsonl") }

// add appends a record.
func (j journal) add(r Record) (err error) {
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	f, err := os.OpenFile(j.path(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err = f.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}

// rewind drops what was recorded after a step: a resumed run writes it again.
func (j journal) rewind(step int64) error {
	old, err := os.ReadFile(j.path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	var kept bytes.Buffer
	lines := bufio.NewScanner(bytes.NewReader(old))
	lines.Buffer(nil, len(old)+1)
	for lines.Scan() {
		var r Record
		if json.Unmarshal(lines.Bytes(), &r) == nil && r.Step <= step { // a torn last line goes too
			kept.Write(append(lines.Bytes(), '\n'))
		}
	}
	return atomicfile.Write(j.path(), 0o644, func(w io.Writer) error { _, err := kept.WriteTo(w); return err })
}

// summarise writes summary.csv: one row per evaluation.
func (j journal) summarise() error {
	raw, err := os.ReadFile(j.path())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("summary: %w", err)
	}
	return atomicfile.Write(filepath.Join(j.dir, "summary.csv"), 0o644, func(w io.Writer) error {
		c := csv.NewWriter(w)
		if err := c.Write([]string{"epoch", "step", "train_loss", "eval_loss", "eval_top1", "eval_top5", "eval_map", "eval_miou"}); err != nil {
			return err
		}
		for line := range bytes.SplitSeq(raw, []byte("\n")) {
			var r Record
			if json.Unmarshal(line, &r) != nil || r.Kind != "eval" {
				continue
			}
			row := []string{number(r.Epoch), strconv.FormatInt(r.Step, 10), number(r.TrainLoss), number(r.Loss), number(r.Top1), number(r.Top5), "", ""}
			switch {
			case r.MultiLabel != nil:
				row[4], row[5], row[6] = "", "", number(r.MultiLabel.MAP)
			case r.Parts != nil:
				row[4], row[5], row[7] = "", "", number(r.Parts.InstanceIoU)
			}
			if err := c.Write(row); err != nil {
				return err
			}
		}
		c.Flush()
		return c.Error()
	})
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 8, 64) }
