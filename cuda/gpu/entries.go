//go:build m2ptcuda

package gpu

import (
	"fmt"
	"regexp"
	"strings"
)

// entry is a kernel that a PTX text declares.
type entry struct {
	name   string
	params int
}

var declaration = regexp.MustCompile(`\.entry\s+([\w$]+)\s*\(([^)]*)\)`)

// entries lists the kernels of a module. A parameter must fit a cell of a launch.
func entries(ptx []byte) ([]entry, error) {
	var list []entry
	for _, m := range declaration.FindAllStringSubmatch(string(ptx), -1) {
		e := entry{name: m[1], params: strings.Count(m[2], ".param")}
		if strings.Contains(m[2], ".b8") {
			return nil, fmt.Errorf("load kernel %q: it takes a structure; want parameters of at most 8 bytes", e.name)
		}
		list = append(list, e)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("load kernels: this is no PTX with kernels in it")
	}
	return list, nil
}
