package parity_test

import (
	"cmp"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"m2pt/checkpoint"
	"m2pt/cpu"
	"m2pt/engine"
	"m2pt/parity"
)

// TestReplayNotices falsifies parameters, options and results one at a time;
// some file of the kind must notice. (Not every one has to: a change of a clip
// limit that nothing exceeds is none.)
func TestReplayNotices(t *testing.T) {
	files, dev := fixtures(t), open(t, cpu.Options{})
	for _, c := range slices.Concat(imageChanges(), audioChanges(), pointChanges(), videoChanges(), maskedChanges(), pretrainChanges(), trainChanges()) {
		t.Run(c.kind+"/"+c.name, func(t *testing.T) {
			tried := 0
			for _, f := range files {
				if f.Kind != c.kind {
					continue
				}
				if g, ok := c.apply(t, f); ok {
					tried++
					if parity.Replay(g, dev).Err != nil {
						return
					}
				}
			}
			if tried == 0 {
				t.Fatalf("no fixture of kind %s has it: what is falsified here is compared nowhere", c.kind)
			}
			t.Errorf("%d falsified files passed all the same", tried)
		})
	}
}

// TestReplayComparesEverything falsifies, in the first file of each kind, the
// first recorded result of each group.
func TestReplayComparesEverything(t *testing.T) {
	dev, seen := open(t, cpu.Options{}), map[string]bool{}
	for _, f := range fixtures(t) {
		for tensor := range f.All() {
			group, _, _ := strings.Cut(tensor.Name, "/")
			if seen[f.Kind+group] || slices.Contains([]string{"param", "in", "meta"}, group) {
				continue
			}
			seen[f.Kind+group] = true
			t.Run(f.Kind+"/"+group, func(t *testing.T) {
				g, _ := change{tensor: regexp.QuoteMeta(tensor.Name)}.apply(t, f)
				fails(t, g, dev)
			})
		}
	}
}

// TestReplayIsStrict: what a file holds and the replay does not know is a
// failure, and so is what it lacks.
func TestReplayIsStrict(t *testing.T) {
	files, dev := fixtures(t), open(t, cpu.Options{})
	i := slices.IndexFunc(files, func(f *parity.Fixture) bool { return f.Kind == "vit_image_cls" })
	if i < 0 {
		t.Fatal("no fixture of kind vit_image_cls")
	}
	f := files[i]
	with := func(name string) *parity.Fixture {
		g := rebuilt(t, f, func(tensor checkpoint.Tensor) (checkpoint.Tensor, bool) { return tensor, true })
		if err := g.Add(checkpoint.New(name, []int{1}, []float32{1})); err != nil {
			t.Fatal(err)
		}
		return g
	}
	without := func(name string) *parity.Fixture {
		return rebuilt(t, f, func(tensor checkpoint.Tensor) (checkpoint.Tensor, bool) { return tensor, tensor.Name != name })
	}
	for name, g := range map[string]*parity.Fixture{
		"another output":    with("out/attention"),
		"another loss":      with("loss/focal"),
		"another gradients": with("grad_focal/head.bias"),
		"another parameter": with("param/head.scale"),
		"frozen parameter":  without("grad/head.bias"),
		"missing parameter": without("param/head.bias"),
		"missing input":     without("in/x"),
	} {
		t.Run(name, func(t *testing.T) { fails(t, g, dev) })
	}
}

// TestFrozenParameters: what trains follows from the recorded gradients, and
// the others do not depend on it.
func TestFrozenParameters(t *testing.T) {
	files, dev := fixtures(t), open(t, cpu.Options{})
	if !slices.ContainsFunc(files, func(f *parity.Fixture) bool { return f.Kind == "vit_image_cls" }) {
		t.Fatal("no fixture of kind vit_image_cls")
	}
	for name, frozen := range map[string]string{
		"lambda":           `grad(_soft)?/.*\.cross_modal_scale`,
		"auxiliary weight": `grad(_soft)?/.*\.aux_weight`,
		"both":             `grad(_soft)?/.*\.(cross_modal_scale|aux_weight)`,
		"position table":   `grad(_soft)?/pos_embed`,
	} {
		t.Run(name, func(t *testing.T) {
			for _, f := range files {
				if f.Kind != "vit_image_cls" {
					continue
				}
				re := regexp.MustCompile("^" + frozen + "$")
				g := rebuilt(t, f, func(tensor checkpoint.Tensor) (checkpoint.Tensor, bool) { return tensor, !re.MatchString(tensor.Name) })
				if r := parity.Replay(g, dev); r.Err != nil {
					t.Error(r.Err)
				}
			}
		})
	}
}

// TestFileNamesDoNotMatter: a fixture under another name is replayed all the
// same, a truncated one fails.
func TestFileNamesDoNotMatter(t *testing.T) {
	dir, dev := t.TempDir(), open(t, cpu.Options{})
	for _, f := range fixtures(t) {
		if f.Kind != "reparam_linear" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(beside, f.Name))
		if err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string][]byte{"renamed.npz": data, "truncated.npz": data[:len(data)/2], "empty.npz": nil, "notes.txt": data} {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		results, err := parity.Folder(dir, dev)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			if passed := r.Err == nil && r.Covered; passed != (r.File == "renamed.npz") {
				t.Errorf("%s: covered %v, error %v", r.File, r.Covered, r.Err)
			}
		}
		if len(results) != 3 {
			t.Errorf("%d files replayed, want 3", len(results))
		}
		return
	}
	t.Skip("no fixture of kind reparam_linear")
}

// fixtures are the covered ones beside the repository and the project's own: what a
// replay notices is tested on known files, what it accepts on those of any folder.
// Small ones come first, as any file of a kind may notice.
func fixtures(t *testing.T) []*parity.Fixture {
	t.Helper()
	if _, err := os.Stat(beside); err != nil {
		t.Logf("no fixtures in %s: that replays notice differences is tested on the project's own recordings alone", beside)
	}
	var paths []string
	size := map[string]int64{}
	for _, dir := range []string{beside, own} {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			info, err := e.Info()
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, e.Name())
			paths, size[path] = append(paths, path), info.Size()
		}
	}
	slices.SortStableFunc(paths, func(a, b string) int { return cmp.Compare(size[a], size[b]) })
	var list []*parity.Fixture
	for _, path := range paths {
		if ext := filepath.Ext(path); ext != ".npz" && ext != ".json" {
			continue
		}
		f, err := parity.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(parity.Covered(), f.Kind) {
			list = append(list, f)
		}
	}
	return list
}

func fails(t *testing.T, f *parity.Fixture, dev engine.Device) {
	t.Helper()
	if r := parity.Replay(f, dev); r.Err == nil {
		t.Errorf("%s passed all the same", f.Name)
	}
}
