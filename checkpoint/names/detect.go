package names

import (
	"fmt"
	"slices"
	"strings"

	"m2pt/checkpoint"
)

// Detect tells whose names a checkpoint has, by its blocks: where they are, how
// their biases are called, whether there is a decoder. Where the marks of several
// sources are there, the one that has all those of the others counts. Names that
// tell no source, or several, are an error.
func Detect(ts *checkpoint.Tensors) (Source, error) {
	var found []evidence
	for _, s := range Sources() {
		t, err := s.table()
		if err != nil {
			return "", err
		}
		for _, marks := range t.marks {
			if e, ok := look(ts, s, marks); ok {
				found = append(found, e)
			}
		}
	}
	best := slices.DeleteFunc(slices.Clone(found), func(e evidence) bool {
		return slices.ContainsFunc(found, func(f evidence) bool { return len(f.marks) > len(e.marks) && f.implies(e) })
	})
	if len(best) == 0 {
		return "", fmt.Errorf("%s: the names of none of %s: want a Vision Transformer with blocks called as one of them does", examples(slices.Collect(ts.Names())), list())
	}
	if first := best[0].source; !slices.ContainsFunc(best, func(e evidence) bool { return e.source != first }) {
		return first, nil
	}
	var texts []string
	for _, e := range best {
		texts = append(texts, fmt.Sprintf("%s (%s)", e.source, examples(e.names)))
	}
	return "", fmt.Errorf("the names of more than one project, remove some or say which one: %s", strings.Join(texts, ", "))
}

// evidence are the names in a checkpoint that match the marks of a source.
type evidence struct {
	source Source
	marks  []pattern
	names  []string
}

func look(ts *checkpoint.Tensors, s Source, marks []pattern) (evidence, bool) {
	e := evidence{source: s, marks: marks}
	for _, m := range marks {
		for name := range ts.Names() {
			if _, ok := m.match(unwrap(name)); ok {
				e.names = append(e.names, name)
				break
			}
		}
	}
	return e, len(e.names) == len(marks)
}

// implies tells whether all marks of f are among those of e.
func (e evidence) implies(f evidence) bool {
	return !slices.ContainsFunc(f.marks, func(m pattern) bool { return !slices.Contains(e.marks, m) })
}

// examples are a few of names, in order.
func examples(names []string) string {
	const few = 3
	text := "no tensors"
	if len(names) > 0 {
		text = fmt.Sprintf("%q", names[:min(len(names), few)])
		text = strings.ReplaceAll(strings.Trim(text, "[]"), `" "`, `", "`)
	}
	if more := len(names) - few; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func list() string {
	var all []string
	for _, s := range Sources() {
		all = append(all, string(s))
	}
	return strings.Join(all, ", ")
}
