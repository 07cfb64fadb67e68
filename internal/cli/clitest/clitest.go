// Package clitest is what the tests of the commands share: experiments that
// train in moments, a way to call a command, and what every command must do.
package clitest

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"m2pt/cpu"
	"m2pt/experiment"
	"m2pt/internal/cli"
	"m2pt/train"
)

// Main is the part of a command below main.
type Main func(args []string, stdout, stderr io.Writer) cli.Code

// Output is what a command left.
type Output struct {
	Code           cli.Code
	Stdout, Stderr string
}

// Run calls a command.
func (m Main) Run(args ...string) Output {
	var stdout, stderr bytes.Buffer
	code := m(args, &stdout, &stderr)
	return Output{code, stdout.String(), stderr.String()}
}

// JSON decodes the last line of stdout.
func (o Output) JSON(t testing.TB, v any) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(o.Stdout, "\n"), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), v); err != nil {
		t.Fatalf("last line of stdout: %v\nstdout: %s\nstderr: %s", err, o.Stdout, o.Stderr)
	}
}

// Want checks exit status and what stderr says.
func (o Output) Want(t testing.TB, code cli.Code, stderr ...string) {
	t.Helper()
	if o.Code != code {
		t.Errorf("exit status %d, want %d\nstderr: %s", o.Code, code, o.Stderr)
	}
	for _, s := range stderr {
		if !strings.Contains(o.Stderr, s) {
			t.Errorf("stderr lacks %q:\n%s", s, o.Stderr)
		}
	}
}

// Conform checks what every command must do.
func Conform(t *testing.T, name string, main Main) {
	t.Run("help", func(t *testing.T) {
		o := main.Run("-h")
		o.Want(t, cli.Done)
		for _, s := range []string{"Usage: " + name + " ", "EXIT STATUS", "128+n", "Example:\n  " + name + " ", "-json", "-version"} {
			if !strings.Contains(o.Stdout, s) {
				t.Errorf("help lacks %q:\n%s", s, o.Stdout)
			}
		}
	})
	t.Run("version", func(t *testing.T) {
		o := main.Run("-version")
		o.Want(t, cli.Done)
		if !strings.HasPrefix(o.Stdout, name+" ") || !strings.Contains(o.Stdout, "commit") {
			t.Errorf("version: %q", o.Stdout)
		}
	})
	for _, c := range []struct {
		name, want string
		args       []string
	}{
		{"unknown flag", "-bogus", []string{"-bogus"}},
		{"argument too many", `unexpected argument "here"`, []string{"here"}},
		{"nothing", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := main.Run(c.args...)
			o.Want(t, cli.Usage, name+": ", c.want)
			if o.Stdout != "" || strings.Count(o.Stderr, "\n") != 1 {
				t.Errorf("want one line on stderr: stdout %q, stderr %q", o.Stdout, o.Stderr)
			}
		})
	}
}

// Experiment writes a config that trains in moments, the given lines added, and
// returns its path. Its run folder is "run" beside it.
func Experiment(t testing.TB, lines ...string) string {
	t.Helper()
	return write(t, filepath.Join(t.TempDir(), "tiny.toml"), []byte(tiny+strings.Join(lines, "\n")+"\n"))
}

const tiny = `output = "run"
data = { image_size = 16, samples = 64, val_samples = 24 }
tokenizer = { patch_size = 4 }
model = { embed_dim = 32, depth = 2, num_heads = 2, drop_path = 0.1 }
train = { epochs = 2, batch = 16, log_every = 1 }
optimizer = { lr = 1e-3 }
augment = { crop = "none" }
`

func write(t testing.TB, path string, content []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// Train trains a config and returns what came of it.
func Train(t testing.TB, config string, sets ...string) *train.Outcome {
	t.Helper()
	cfg, err := experiment.Load(config, sets)
	if err != nil {
		t.Fatal(err)
	}
	dev, err := cpu.Open(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	out, err := train.Run(context.Background(), cfg, train.Options{Device: dev, Log: slog.New(slog.DiscardHandler), Resume: "never"})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Folder makes a dataset of n pictures per split in two classes, one file of
// each named split being no picture at all, and returns its root.
func Folder(t testing.TB, n int, corrupt ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, split := range []string{"train", "val"} {
		for i := range n {
			class := []string{"dark", "light"}[i%2]
			write(t, filepath.Join(root, split, class, string(rune('a'+i))+".png"), picture(t, uint8(i%2*200)))
		}
	}
	for _, split := range corrupt {
		write(t, filepath.Join(root, split, "dark", "a.png"), []byte("not a picture"))
	}
	return root
}

func picture(t testing.TB, grey uint8) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, 16, 16))
	for i := range m.Pix {
		m.Pix[i] = grey + uint8(i%50)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
