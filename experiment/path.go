package experiment

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// variable matches $NAME and ${NAME}; any other dollar sign is itself.
var variable = regexp.MustCompile(`\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})`)

// locate makes the path written in a file of folder dir absolute and expands
// its variables. It returns the result and its spelling, absolute but with the
// variables. While a variable is not set (or empty) the result is the
// spelling, for unset to find.
func locate(dir, written string) (path, spelling string) {
	if written == "" {
		return "", ""
	}
	if strings.HasPrefix(written, "$") {
		dir, spelling = ".", written
	} else {
		spelling = absolute(dir, written)
	}
	if unset(written) != "" {
		return spelling, spelling
	}
	return absolute(dir, expand(written)), spelling
}

func absolute(dir, path string) string {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	// Abs fails only where the working directory is gone; the path as it is
	// then fails where it is opened, with its name.
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

func expand(s string) string {
	return variable.ReplaceAllStringFunc(s, func(v string) string {
		return os.Getenv(strings.Trim(v, "${}"))
	})
}

// unset names the first variable of s that has no value, or returns "".
func unset(s string) string {
	for _, m := range variable.FindAllStringSubmatch(s, -1) {
		if name := m[1] + m[2]; os.Getenv(name) == "" {
			return name
		}
	}
	return ""
}

// Missing returns one line for each dataset or weights file that the
// experiment reads and that is not there, or whose environment variable is not
// set. An auxiliary experiment has its own Missing.
func (c *Config) Missing() []string {
	var lines []string
	check := func(key, path string) {
		if line := missing(path); line != "" {
			lines = append(lines, key+": "+line)
		}
	}
	check("data.path", beforePattern(c.Data.Path))
	check("audio.labels", c.Audio.Labels)
	check("point.fold_file", c.Point.FoldFile)
	check("audio.filterbanks", c.Audio.Filterbanks)
	check("model.init", c.Model.Init)
	for i, p := range c.Pathway {
		check(pathwayKey(i, len(c.Pathway))+".aux", p.Aux)
	}
	return lines
}

// beforePattern is the folder of a path that is a pattern, such as
// shards/{train,val}-*.tar, and of any other the path itself.
func beforePattern(path string) string {
	for strings.ContainsAny(filepath.Base(path), "{*?") || strings.ContainsAny(filepath.Dir(path), "{*?") {
		path = filepath.Dir(path)
	}
	return path
}

// missing says why path cannot be read, or returns "". An empty path names
// nothing and misses nothing.
func missing(path string) string {
	if path == "" {
		return ""
	}
	if name := unset(path); name != "" {
		return fmt.Sprintf("environment variable %s is not set (%s)", name, path)
	}
	if _, err := os.Stat(path); os.IsNotExist(err) {
		return path + " does not exist"
	} else if err != nil {
		return err.Error()
	}
	return ""
}

// pathwayKey is how messages name pathway i of n: "pathway" or "pathway[1]".
func pathwayKey(i, n int) string {
	if n == 1 {
		return "pathway"
	}
	return fmt.Sprintf("pathway[%d]", i)
}
