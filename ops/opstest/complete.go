package opstest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// Complete fails where a kind in the source of package ops, in folder dir, has
// no case, or has a gradient and no case that [Gradients] compares.
func Complete(t *testing.T, dir string) {
	cases, gradients := map[string]bool{}, map[string]bool{}
	for _, c := range Cases() {
		kind := reflect.TypeOf(c.Kind).Name()
		cases[kind] = true
		gradients[kind] = gradients[kind] || c.differentiable()
	}
	methods, err := methodsOf(dir)
	if err != nil {
		t.Fatal(err)
	}
	kinds := 0
	for kind, has := range methods {
		if !has["Infer"] {
			continue
		}
		kinds++
		if !cases[kind] {
			t.Errorf("ops.%s: no case; add one to tables.go", kind)
		}
		if has["SymDiff"] && !gradients[kind] {
			t.Errorf("ops.%s: no case of at most %d elements to compare its gradient", kind, smallEnough)
		}
	}
	if kinds == 0 {
		t.Errorf("no kinds in %q", dir)
	}
}

// methodsOf lists the methods of every type in the Go files of a folder, tests
// aside.
func methodsOf(dir string) (map[string]map[string]bool, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	methods := map[string]map[string]bool{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range f.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil {
				typ := receiver(f)
				if methods[typ] == nil {
					methods[typ] = map[string]bool{}
				}
				methods[typ][f.Name.Name] = true
			}
		}
	}
	return methods, nil
}

// receiver is the name of the type a method belongs to.
func receiver(f *ast.FuncDecl) string {
	expr := f.Recv.List[0].Type
	if star, ok := expr.(*ast.StarExpr); ok {
		expr = star.X
	}
	if id, ok := expr.(*ast.Ident); ok {
		return id.Name
	}
	return "" // generic: no kind is
}
