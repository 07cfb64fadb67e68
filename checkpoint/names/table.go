package names

import (
	"fmt"
	"slices"
	"strings"

	"m2pt/checkpoint"
)

// table is the names of a source.
type table struct {
	// marks are names that tell the source, see [Detect]: all of a list are there.
	marks [][]pattern
	// encoder and rest are the rules; the encoder's names have a prefix within a
	// larger model.
	encoder, rest []rule
	// tuned and pretrained are that prefix, without and with a decoder.
	tuned, pretrained string
	// open passes on tensors that no rule has.
	open bool
}

// parse reads rules, one per line: ours, then theirs. In place of theirs "=" is the
// same name, and a "×1" behind it a convolution of kernel size 1.
func parse(text string) []rule {
	var rules []rule
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		r := rule{ours: pattern(fields[0])}
		for _, f := range fields[1:] {
			if f == "=" {
				f = fields[0]
			}
			name, conv := strings.CutSuffix(f, "×1")
			r.theirs, r.conv = append(r.theirs, pattern(name)), conv
		}
		rules = append(rules, r)
	}
	return rules
}

// within are the rules of parts of a model, of names within ours and theirs.
func within(ours, theirs string, rules []rule) []rule {
	put := func(prefix string, p pattern) pattern {
		if p == aside || p == zeros {
			return p
		}
		return pattern(prefix) + p
	}
	var all []rule
	for _, r := range rules {
		r.ours = put(ours, r.ours)
		r.theirs = slices.Clone(r.theirs)
		for i, p := range r.theirs {
			r.theirs[i] = put(theirs, p)
		}
		all = append(all, r)
	}
	return all
}

// rules are all of them.
func (t table) rules() []rule { return slices.Concat(t.encoder, t.rest) }

// reading is a table being applied to the tensors of a file.
type reading struct {
	rules  []rule
	open   bool
	groups []*group
	index  map[string]*group // by rule and name
}

// find returns the place of an unwrapped name of theirs: the group it is part of and
// which part; no group where it is left aside, as PyTorch's counts of batches are.
func (r *reading) find(name string) (g *group, part int, known bool) {
	if strings.HasSuffix(name, ".num_batches_tracked") {
		return nil, 0, true
	}
	for _, rule := range r.rules {
		for i, p := range rule.theirs {
			vars, ok := p.match(name)
			switch {
			case ok && rule.ours == aside:
				return nil, 0, true
			case ok:
				return r.group(rule, rule.ours.fill(vars)), i, true
			}
		}
	}
	if r.open {
		return r.group(rule{theirs: []pattern{pattern(name)}}, name), 0, true
	}
	return nil, 0, false
}

// group is the one that rule makes name of.
func (r *reading) group(rule rule, name string) *group {
	key := fmt.Sprint(name, rule.theirs)
	g, ok := r.index[key]
	if !ok {
		g = &group{rule: rule, name: name, parts: make([]checkpoint.Tensor, len(rule.theirs))}
		r.index[key], r.groups = g, append(r.groups, g)
	}
	return g
}

// read joins the tensors of a file to ours, and returns the names that are no part
// of them.
func (t table) read(ts *checkpoint.Tensors) (ours *checkpoint.Tensors, unknown []string, err error) {
	r := reading{rules: t.rules(), open: t.open, index: map[string]*group{}}
	whole := map[string]*group{} // by name of theirs
	for x := range ts.All() {
		g, part, known := r.find(unwrap(x.Name))
		if g != nil {
			if err := g.put(part, x); err != nil {
				return nil, nil, err
			}
		}
		if known {
			whole[x.Name] = g
		}
	}
	ours = &checkpoint.Tensors{Metadata: ts.Metadata}
	for _, g := range r.groups {
		if !g.complete() {
			continue
		}
		x, err := g.join()
		if err == nil {
			err = ours.Add(x)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	for name := range ts.Names() {
		if g, known := whole[name]; !known || g != nil && !g.complete() {
			unknown = append(unknown, name)
		}
	}
	return ours, unknown, nil
}

// write renames and cuts apart tensors of ours, all of which must have names.
func (t table) write(ts *checkpoint.Tensors) (*checkpoint.Tensors, error) {
	out := &checkpoint.Tensors{Metadata: ts.Metadata}
	rules := slices.Concat(within("", t.prefix(ts), t.encoder), t.rest)
	var nameless []string
	for x := range ts.All() {
		parts, known, err := cut(rules, x)
		switch {
		case err != nil:
			return nil, err
		case !known && t.open:
			parts = []checkpoint.Tensor{x}
		case !known:
			nameless = append(nameless, fmt.Sprintf("%q", x.Name))
		}
		for _, p := range parts {
			if err := out.Add(p); err != nil {
				return nil, err
			}
		}
	}
	if len(nameless) > 0 {
		return nil, fmt.Errorf("there are none for %s: leave them out, or write another format", strings.Join(nameless, ", "))
	}
	return out, nil
}

// prefix is what the encoder's names have in the model that the tensors of ours are.
func (t table) prefix(ts *checkpoint.Tensors) string {
	for name := range ts.Names() {
		if strings.HasPrefix(name, "decoder_") || name == "mask_token" {
			return t.pretrained
		}
	}
	return t.tuned
}

// cut makes theirs of a tensor of ours by the first of rules that is for its name.
func cut(rules []rule, x checkpoint.Tensor) (theirs []checkpoint.Tensor, known bool, err error) {
	for _, r := range rules {
		if vars, ok := r.ours.match(x.Name); ok {
			theirs, err = r.cut(x, vars)
			return theirs, true, err
		}
	}
	return nil, false, nil
}
