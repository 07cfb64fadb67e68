package shard

import (
	"cmp"
	"errors"
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
// number has, and {a,b} lists. Every file must exist: where some do not the error is
// an [ErrIncomplete].
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
	var missing error
	for _, name := range names {
		list, err := named(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = cmp.Or(missing, err)
		case err != nil:
			return nil, err
		}
		files = append(files, list...)
	}
	switch {
	case missing == nil:
		return files, nil
	case len(files) > 0:
		return nil, fmt.Errorf("shards %s: %w: %w", pattern, ErrIncomplete, missing)
	}
	return nil, fmt.Errorf("shards %s: %w", pattern, missing)
}

// ErrIncomplete is the error of a pattern of which some files are there and others are
// not: the set it means exists, and no other must be taken for it.
var ErrIncomplete = errors.New("some are there, and one is missing")

// named returns the file of that name, or what its wildcards stand for.
func named(name string) ([]string, error) {
	if strings.ContainsAny(name, "*?[") {
		return glob(name)
	}
	if _, err := os.Stat(name); err != nil {
		return nil, err
	}
	return []string{name}, nil
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
