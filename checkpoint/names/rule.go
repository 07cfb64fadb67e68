package names

import (
	"fmt"
	"slices"
	"strings"

	"m2pt/checkpoint"
)

// pattern is a name in which a segment N stands for a number and * for a
// [parameter] of a layer: "blocks.N.norm1.*".
type pattern string

// parameter lists what * stands for.
func parameter() []string { return []string{"weight", "bias", "running_mean", "running_var"} }

// match returns what the variable segments of the pattern are in name. No name
// matches aside or zeros.
func (p pattern) match(name string) (vars []string, ok bool) {
	if p == aside || p == zeros {
		return nil, false
	}
	want, got := strings.Split(string(p), "."), strings.Split(name, ".")
	if len(want) != len(got) {
		return nil, false
	}
	for i, w := range want {
		ok := w == got[i]
		switch w {
		case "N":
			ok = isNumber(got[i])
		case "*":
			ok = slices.Contains(parameter(), got[i])
		}
		if !ok {
			return nil, false
		}
		if w == "N" || w == "*" {
			vars = append(vars, got[i])
		}
	}
	return vars, true
}

// isNumber tells whether s is a number as PyTorch writes them.
func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == "" && (s == "0" || s[0] != '0')
}

// fill is the name that the pattern makes of its variables.
func (p pattern) fill(vars []string) string {
	segments := strings.Split(string(p), ".")
	for i, s := range segments {
		if s == "N" || s == "*" {
			segments[i], vars = vars[0], vars[1:]
		}
	}
	return strings.Join(segments, ".")
}

// rule says that tensors of theirs, joined along the first axis, are one of ours.
// All its patterns have the same variables in the same order.
type rule struct {
	ours   pattern   // aside where we have no such tensor
	theirs []pattern // zeros stands for as many zeros as another part has
	conv   bool      // theirs is a convolution of kernel size 1: [out, in, 1] where ours is [out, in]
}

const (
	aside pattern = "-"
	zeros pattern = "0"
)

// group are the tensors that a rule joins to one.
type group struct {
	rule
	name  string              // ours
	parts []checkpoint.Tensor // by their places in rule.theirs, without a name where not found
}

// put adds the part at place i.
func (g *group) put(i int, x checkpoint.Tensor) error {
	if old := g.parts[i].Name; old != "" {
		return fmt.Errorf("%q and %q are both %q here: remove one of them", old, x.Name, g.name)
	}
	g.parts[i] = x
	return nil
}

// complete tells whether all parts are there.
func (g *group) complete() bool {
	for i, p := range g.parts {
		if p.Name == "" && g.theirs[i] != zeros {
			return false
		}
	}
	return true
}

// join makes one tensor of a complete group.
func (g *group) join() (checkpoint.Tensor, error) {
	x := g.parts[0]
	x.Shape = slices.Clone(x.Shape)
	if n := len(g.parts); n > 1 {
		if err := g.alike(); err != nil {
			return x, err
		}
		data := make([]byte, n*len(x.Data)) // zeros where a part has no data
		for i, p := range g.parts {
			copy(data[i*len(x.Data):], p.Data)
		}
		x.Data = data
		x.Shape[0] *= n
	}
	if last := len(x.Shape) - 1; g.conv {
		if last < 0 || x.Shape[last] != 1 {
			return x, fmt.Errorf("%q has shape %v, want a convolution of kernel size 1, whose last axis is 1", x.Name, x.Shape)
		}
		x.Shape = x.Shape[:last]
	}
	x.Name = g.name
	return x, nil
}

// alike refuses parts that cannot be joined. The first one is never zeros.
func (g *group) alike() error {
	x := g.parts[0]
	for _, p := range g.parts {
		if p.Name != "" && (p.Dtype != x.Dtype || !slices.Equal(p.Shape, x.Shape)) {
			return fmt.Errorf("%q is %v %v and %q %v %v: want the same of both to join them to %q",
				x.Name, x.Dtype, x.Shape, p.Name, p.Dtype, p.Shape, g.name)
		}
	}
	if len(x.Shape) == 0 {
		return fmt.Errorf("%q is a number: want a vector or a matrix to join to %q", x.Name, g.name)
	}
	return nil
}

// cut makes theirs of a tensor x of ours, with vars in their names: the inverse of
// [group.join].
func (r rule) cut(x checkpoint.Tensor, vars []string) ([]checkpoint.Tensor, error) {
	n := len(r.theirs)
	if n > 1 && (len(x.Shape) == 0 || x.Shape[0]%n != 0) {
		return nil, fmt.Errorf("%q has shape %v, want %d equal parts", x.Name, x.Shape, n)
	}
	shape := slices.Clone(x.Shape)
	if n > 1 {
		shape[0] /= n
	}
	if r.conv {
		shape = append(shape, 1)
	}
	var all []checkpoint.Tensor
	size := len(x.Data) / n
	for i, p := range r.theirs {
		if p != zeros {
			data := x.Data[i*size : (i+1)*size : (i+1)*size]
			all = append(all, checkpoint.Tensor{Name: p.fill(vars), Dtype: x.Dtype, Shape: shape, Data: data})
		}
	}
	return all, nil
}
