package shard

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// maxShards bounds what braces may stand for.
const maxShards = 1 << 20

// List returns the files that a pattern stands for: a file; the *.tar files of a
// folder, sorted; or, where neither is there, what is left after braces and then
// wildcards are expanded. {000..017} counts, with as many digits as its first
// number has, and {a,b} lists. Every file must exist.
func List(pattern string) ([]string, error) {
	info, err := os.Stat(pattern)
	switch {
	case err == nil && info.IsDir():
		return glob(filepath.Join(escape(pattern), "*.tar"))
	case err == nil:
		return []string{pattern}, nil
	}
	names, err := expand(pattern)
	if err != nil {
		return nil, fmt.Errorf("shards %s: %w", pattern, err)
	}
	var files []string
	for _, name := range names {
		if !strings.ContainsAny(name, "*?[") {
			if _, err := os.Stat(name); err != nil {
				return nil, fmt.Errorf("shards %s: %w", pattern, err)
			}
			files = append(files, name)
			continue
		}
		list, err := glob(name)
		if err != nil {
			return nil, err
		}
		files = append(files, list...)
	}
	return files, nil
}

// glob is filepath.Glob with at least one file.
func glob(pattern string) ([]string, error) {
	files, err := filepath.Glob(pattern)
	if err == nil && len(files) == 0 {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, fmt.Errorf("shards %s: %w", pattern, err)
	}
	return files, nil
}

// escape makes a path a glob pattern for itself.
func escape(path string) string {
	return strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]").Replace(path)
}

// expand replaces each {..} of a pattern by what it stands for.
func expand(pattern string) ([]string, error) {
	before, rest, found := strings.Cut(pattern, "{")
	if !found {
		return []string{pattern}, nil
	}
	inside, after, found := strings.Cut(rest, "}")
	if !found {
		return nil, fmt.Errorf("a brace is not closed")
	}
	words, err := alternatives(inside)
	if err != nil {
		return nil, err
	}
	tails, err := expand(after)
	if err != nil {
		return nil, err
	}
	if len(words) > maxShards/len(tails) {
		return nil, fmt.Errorf("braces stand for more than %d files", maxShards)
	}
	var all []string
	for _, word := range words {
		for _, tail := range tails {
			all = append(all, before+word+tail)
		}
	}
	return all, nil
}

// alternatives returns what the inside of a brace stands for.
func alternatives(inside string) ([]string, error) {
	count := regexp.MustCompile(`^(\d+)\.\.(\d+)$`).FindStringSubmatch(inside)
	if count == nil {
		return strings.Split(inside, ","), nil
	}
	from, err1 := strconv.Atoi(count[1])
	to, err2 := strconv.Atoi(count[2])
	if err1 != nil || err2 != nil || from > to || to-from >= maxShards {
		return nil, fmt.Errorf("{%s}: want a range of 1 to %d numbers", inside, maxShards)
	}
	var words []string
	for n := from; n <= to; n++ {
		words = append(words, fmt.Sprintf("%0*d", len(count[1]), n))
	}
	return words, nil
}
