// Command shape prints how large the files and functions below a folder are,
// and fails where one is larger than a reader can hold in mind. Generated files
// do not count.
//
//	go -C tools run ./shape ..
package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
)

// Limits in lines, first to last of the file or function.
const (
	maxFile     = 600
	maxFunction = 80
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: shape FOLDER")
		os.Exit(2)
	}
	if err := run(os.Stdout, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(w io.Writer, root string) error {
	var code, tests shape
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".go":
			return nil
		case strings.HasSuffix(path, "_test.go"):
			return tests.addFile(root, path)
		}
		return code.addFile(root, path)
	})
	if err != nil {
		return err
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "\tfiles\tlines\tfile median, p90, max\tfunctions\tmedian, p90, max\tcomments")
	code.print(tw, "code")
	tests.print(tw, "tests")
	if err := tw.Flush(); err != nil {
		return err
	}
	if large := append(code.large, tests.large...); len(large) > 0 {
		return errors.New("too large:\n" + strings.Join(large, "\n"))
	}
	return nil
}

// shape is the sizes of a set of files.
type shape struct {
	files     []int // lines of each
	functions []int // lines of each
	comments  int   // lines that hold only comment
	large     []string
}

func (s *shape) addFile(root, path string) error {
	source, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if name, err := filepath.Rel(root, path); err == nil {
		path = name
	}
	return s.add(path, source)
}

// add counts a file of Go source.
func (s *shape) add(path string, source []byte) error {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	if ast.IsGenerated(file) {
		return nil
	}
	lines := strings.Count(string(source), "\n")
	s.files = append(s.files, lines)
	if lines > maxFile {
		s.large = append(s.large, fmt.Sprintf("%s: %d lines, want at most %d", path, lines, maxFile))
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		n := span(fset, f)
		s.functions = append(s.functions, n)
		if n > maxFunction {
			s.large = append(s.large, fmt.Sprintf("%s: %s: %d lines, want at most %d", fset.Position(f.Pos()), f.Name.Name, n, maxFunction))
		}
	}
	for _, c := range file.Comments {
		if startsLine(source, fset.Position(c.Pos())) {
			s.comments += span(fset, c)
		}
	}
	return nil
}

// span is the number of lines a node covers.
func span(fset *token.FileSet, n ast.Node) int {
	return fset.Position(n.End()-1).Line - fset.Position(n.Pos()).Line + 1
}

// startsLine reports whether only blanks stand before p in its line.
func startsLine(source []byte, p token.Position) bool {
	return strings.TrimSpace(string(source[p.Offset-p.Column+1:p.Offset])) == ""
}

func (s *shape) print(w io.Writer, title string) {
	lines := 0
	for _, n := range s.files {
		lines += n
	}
	fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%d\t%s\t%d %%\n", title, len(s.files), lines,
		distribution(s.files), len(s.functions), distribution(s.functions), 100*s.comments/max(lines, 1))
}

// distribution is median, 90th percentile and maximum.
func distribution(sizes []int) string {
	if len(sizes) == 0 {
		return "-"
	}
	sorted := slices.Sorted(slices.Values(sizes))
	at := func(percent int) int { return sorted[(len(sorted)-1)*percent/100] }
	return fmt.Sprintf("%d, %d, %d", at(50), at(90), at(100))
}
