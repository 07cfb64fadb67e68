package data

import "fmt"

// Skip is a sample that could not be read.
type Skip struct {
	Index int    // in the dataset
	Name  string // as Dataset.Name says
	Err   error  // names the sample too
}

// skips collects unreadable samples. The consumer adds the failures of each
// batch in order, so count, log and the point where the budget ends do not
// depend on workers.
type skips struct {
	views int // looks at each sample, which count once
	seen  map[int]bool
	list  []Skip
}

// add notes the failures of a batch and fails when they exceed the budget.
func (s *skips) add(rows []row, opt *Options) error {
	for i := range rows {
		for _, f := range rows[i].failed {
			if s.seen[f.Index/s.views] {
				continue
			}
			s.seen[f.Index/s.views] = true
			s.list = append(s.list, f)
			if opt.OnSkip != nil {
				opt.OnSkip(f)
			}
			if len(s.list) > opt.MaxSkipped {
				return fmt.Errorf("data loader: %d unreadable samples, %d are allowed: repair or remove them, or raise max_skipped; the last one: %w",
					len(s.list), opt.MaxSkipped, f.Err)
			}
		}
	}
	return nil
}
