package experiment_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"m2pt/experiment"
)

// resolved is c as TOML without the output path.
func resolved(t testing.TB, c *experiment.Config) string {
	t.Helper()
	text, err := c.Resolved()
	if err != nil {
		t.Fatal(err)
	}
	before, after, _ := strings.Cut(string(text), "output = ")
	_, after, _ = strings.Cut(after, "\n")
	return before + after
}

func TestResolvedRoundTrip(t *testing.T) {
	t.Setenv("EXPERIMENT_TEST_DATA", "../data")
	t.Setenv("EXPERIMENT_TEST_UNSET", "")
	for _, tc := range []struct {
		name, text string
		sets       []string
	}{
		{"defaults", "", nil},
		{"includes, pathway, auxiliary", "include = ['GOOD/main.toml']", []string{"aux.train.epochs=6", "aux.model.init=w"}},
		{"several pathways", "[[pathway]]\naux = 'w'\norder = 'reversed'\n[[pathway]]\naux_config = 'GOOD/aux.toml'", nil},
		{"unset variable", "model.init = '$EXPERIMENT_TEST_UNSET/w.pth'", nil},
		{"odd strings", `description = "a\"b\\c\n\u0001 é"`, []string{`name='''`}},
		{"odd numbers", "optimizer.weight_decay = 1e-300\nseed = 9223372036854775807\naugment.mixup = 0.1", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			good, err := filepath.Abs("testdata/good")
			if err != nil {
				t.Fatal(err)
			}
			roundTrip(t, loadText(t, strings.ReplaceAll(tc.text, "GOOD", good), tc.sets...))
		})
	}
}

// roundTrip wants the resolved TOML of c to load as the same experiment.
func roundTrip(t *testing.T, c *experiment.Config) {
	t.Helper()
	text, err := c.Resolved()
	if err != nil {
		t.Fatal(err)
	}
	again := loadText(t, string(text))
	if got, want := again.Output, c.Output; got != want {
		t.Errorf("output %s, want %s", got, want)
	}
	if got, want := resolved(t, again), resolved(t, c); got != want {
		t.Errorf("read back as\n%s\nwant\n%s", got, want)
	}
	if got, want := again.Hash(), c.Hash(); got != want {
		t.Errorf("hash %s after reading back, want %s", got, want)
	}
}

// TestResolvedHasEveryKey compares with a recorded file: who adds a key or
// changes a default sees it here.
func TestResolvedHasEveryKey(t *testing.T) {
	want, err := os.ReadFile("testdata/resolved.toml")
	if err != nil {
		t.Fatal(err)
	}
	c := loadText(t, "pathway.aux = '/weights/aux.safetensors'")
	if got := resolved(t, c); got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestResolvedKeepsVariables(t *testing.T) {
	t.Setenv("EXPERIMENT_TEST_DATA", "/here")
	path := writeFile(t, "[data]\nformat = 'folder'\npath = '$EXPERIMENT_TEST_DATA/flowers'")
	here := mustLoad(t, path)
	if !strings.Contains(resolved(t, here), `path = "$EXPERIMENT_TEST_DATA/flowers"`) {
		t.Errorf("the variable is gone:\n%s", resolved(t, here))
	}
	t.Setenv("EXPERIMENT_TEST_DATA", "/there")
	there := mustLoad(t, path)
	if there.Data.Path != "/there/flowers" {
		t.Errorf("path %s, want /there/flowers", there.Data.Path)
	}
	if here.Hash() != there.Hash() {
		t.Error("the hash depends on the value of a variable")
	}
}

func TestHash(t *testing.T) {
	const text = "[optimizer]\nlr = 0.001\n[train]\nepochs = 3\nbatch = 64\n[pathway]\naux = '/w'\n"
	base := loadText(t, text).Hash()
	for _, tc := range []struct {
		name, text string
		sets       []string
		same       bool
	}{
		{"order and comments", "# x\n[pathway]\naux = '/w'\n[train]\nbatch = 64 # y\nepochs = 3\n[optimizer]\nlr = 1e-3", nil, true},
		{"a default spelled out", text, []string{"augment.hflip=0.5"}, true},
		{"blr for the same lr", text, []string{"optimizer.blr=0.004"}, true},
		{"preset by its numbers", text, []string{"model={name='', embed_dim=768, depth=12, num_heads=12}"}, true},
		{"output", text, []string{"output=/elsewhere"}, true},
		{"name and description", text, []string{"name=a", "description=b"}, true},
		{"workers and threads", text, []string{"data.workers=3", "device.threads=1", "device.name=cuda"}, true},
		{"logs and checkpoints", text, []string{"train.log_every=1", "train.keep=9", "train.checkpoint_every=5"}, true},
		{"what is kept for the backward pass", text, []string{"train.grad_checkpointing=true"}, true},
		{"the standard library's JPEG decoder", text, []string{"data.jpeg=go"}, true},
		{"libturbojpeg", text, []string{"data.jpeg=turbo"}, false},
		{"lr", text, []string{"optimizer.lr=0.002"}, false},
		{"seed", text, []string{"seed=1"}, false},
		{"batch", text, []string{"train.batch=32"}, false},
		{"preset", text, []string{"model.name=vit_tiny"}, false},
		{"precision", text, []string{"device.precision=bf16"}, false},
		{"init", text, []string{"model.init=/v"}, false},
		{"aux", text, []string{"pathway.aux=/v"}, false},
		{"no pathway", text, []string{"pathway=[]"}, false},
		{"two pathways", text, []string{"pathway=[{aux='/w'},{aux='/w'}]"}, false},
		{"a bool", text, []string{"model.class_token=false"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := loadText(t, tc.text, tc.sets...).Hash(); (got == base) != tc.same {
				t.Errorf("hash equal = %v, want %v", got == base, tc.same)
			}
		})
	}
}

// TestHashIsStable fails when stored hashes lose their meaning.
func TestHashIsStable(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"", "12b2467eb1c55b117bd8f72a8f88f672d6c5cd974034c6e5651ea00024587439"},
		{"optimizer.lr = 0.001\nmodel.name = 'vit_tiny'", "9ddf480e930ad8e4f4f7e0a619f58b4cc923f65e09c7edaad1b68cce2609724a"},
	} {
		if got := loadText(t, tc.text).Hash(); got != tc.want {
			t.Errorf("%q: hash %s, want %s; change hashVersion if this is meant", tc.text, got, tc.want)
		}
	}
}

// TestWithJPEG: "auto" is settled where picture files are read, here in an
// auxiliary experiment only, and enters the hash.
func TestWithJPEG(t *testing.T) {
	good, err := filepath.Abs("testdata/good/aux.toml")
	if err != nil {
		t.Fatal(err)
	}
	folder := []string{"aux.data.format=folder", "aux.data.path=/pictures"}
	c := loadText(t, "pathway.aux_config = '"+good+"'", folder...)
	turbo, goes := c.WithJPEG("turbo"), c.WithJPEG("go")
	if turbo.Data.JPEG != "auto" || turbo.Aux(0).Data.JPEG != "turbo" || goes.Aux(0).Data.JPEG != "go" || c.Aux(0).Data.JPEG != "auto" {
		t.Errorf("generated pictures %q; a folder %q and %q, was %q", turbo.Data.JPEG, turbo.Aux(0).Data.JPEG, goes.Aux(0).Data.JPEG, c.Aux(0).Data.JPEG)
	}
	if turbo.Hash() == goes.Hash() || goes.Hash() != c.Hash() {
		t.Error("the hash does not tell turbo from go, or go from before")
	}
	if kept := turbo.Aux(0).WithJPEG("go").Data.JPEG; kept != "turbo" {
		t.Errorf("a settled decoder becomes %q", kept)
	}
}

func TestHashCountsAuxiliary(t *testing.T) {
	good, err := filepath.Abs("testdata/good/aux.toml")
	if err != nil {
		t.Fatal(err)
	}
	text := "pathway.aux_config = '" + good + "'"
	base := loadText(t, text).Hash()
	if loadText(t, text, "aux.train.log_every=7").Hash() != base {
		t.Error("the log interval of the auxiliary changes the hash")
	}
	if loadText(t, text, "aux.seed=7").Hash() == base {
		t.Error("the seed of the auxiliary does not change the hash")
	}
}

// TestPublic: of paths other people see the last element, or the variable.
func TestPublic(t *testing.T) {
	t.Setenv("EXPERIMENT_TEST_DATA", "/home/me/data")
	c, err := experiment.Load(writeFile(t, "output = '/home/me/runs/first'\npathway = { aux = '/home/me/aux.pth' }\n[data]\nformat = 'cifar10'\npath = '$EXPERIMENT_TEST_DATA/cifar'\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.Public()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`output = "first"`, `aux = "aux.pth"`, `path = "$EXPERIMENT_TEST_DATA/cifar"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(string(text), "/home/me") {
		t.Errorf("a local path in\n%s", text)
	}
}
