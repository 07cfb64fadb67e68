package experiment

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Bounds that keep a hostile file from costing more than a moment: the TOML
// parser recurses into nested values, and its time grows steeply with the
// parts of a dotted key and the depth of inline tables.
const (
	maxFile     = 64 << 10 // bytes of a config file
	maxDots     = 64       // in one line
	maxBraces   = 256      // opened in a file
	maxProblems = 50       // reported before the rest of the keys is skipped
)

// Load reads the experiment in the TOML file path with the overrides sets, as
// -set takes them: "train.epochs=3", the value in TOML or a bare string.
// "aux.KEY=VALUE" overrides a key of the auxiliary experiments. The result is
// valid, and the experiments that aux_config names are loaded with it. Errors
// are [*UsageError].
func Load(path string, sets []string) (*Config, error) {
	return load(path, sets, nil)
}

// LoadRun is [Load] for an experiment whose weights are there: without the
// auxiliary experiments, which only training needs and whose files may be gone
// since. [Config.Aux] is nil, and [Config.Hash] is not that of Load.
func LoadRun(path string, sets []string) (*Config, error) {
	return read(path, sets, 0).result()
}

// load is Load for an experiment that the experiments in the files of chain
// lead to.
func load(path string, sets []string, chain []string) (*Config, error) {
	l := read(path, sets, len(chain))
	if len(l.problems) == 0 {
		l.auxiliaries(append(slices.Clone(chain), identity(path)))
	}
	return l.result()
}

// read gathers, checks and derives an experiment that depth others lead to.
func read(path string, sets []string, depth int) *loader {
	l := &loader{config: defaults("image"), where: map[string]string{}, aux: strings.Repeat("aux.", depth)}
	l.config.spelled = map[string]string{}
	l.file(path, "")
	l.sets(sets)
	l.defaultTo(path)
	if len(l.problems) == 0 {
		for _, p := range l.config.check() {
			l.problem(l.position(p.key, path), p.key, p.text)
		}
	}
	if len(l.problems) == 0 {
		l.config.derive()
	}
	return l
}

func (l *loader) result() (*Config, error) {
	if len(l.problems) > 0 {
		return nil, &UsageError{Problems: l.problems}
	}
	return l.config, nil
}

// loader gathers the layers of one experiment.
type loader struct {
	config   *Config
	where    map[string]string // position of what set a key, or began a section, last
	files    []string          // files being read, each including the next
	aux      string            // "aux." for each experiment that led to this one
	problems []string
}

// defaultTo fills in the defaults that depend on the file or on other keys.
func (l *loader) defaultTo(path string) {
	c := l.config
	if c.Output == "" {
		c.Output = outputFor(path)
	}
	l.modality()
	if _, ok := l.where["head.init_std"]; !ok && c.Head.Kind == "probe" {
		c.Head.InitStd = 0.01
	}
	if _, ok := l.where["schedule.warmup_lr"]; !ok && c.Schedule.Name == "cosine_epochs" {
		c.Schedule.WarmupLR = min(1e-6, c.learningRate())
	}
	if _, ok := l.where["schedule.warmup_epochs"]; !ok {
		c.Schedule.WarmupEpochs = min(c.Schedule.WarmupEpochs, float64(c.Train.Epochs)/10)
	}
}

// modality gives keys that no layer has set the defaults of the modality, the task
// and its decoder, where those are not the picture classifier's.
func (l *loader) modality() {
	own, usual := map[string]reflect.Value{}, map[string]string{}
	for _, f := range leaves(reflect.ValueOf(l.config).Elem(), "") {
		own[f.key] = f.value
	}
	picture := defaults("image")
	for _, f := range leaves(reflect.ValueOf(picture).Elem(), "") {
		usual[f.key] = f.text(picture)
	}
	other := defaults(l.config.Tokenizer.Kind)
	if l.config.Task == "pretrain" {
		other.usePretraining(l.config.Tokenizer.Kind)
	}
	if l.config.MAE.Decoder == "window" {
		other.MAE.DecoderDepth = 16
	}
	for _, f := range leaves(reflect.ValueOf(other).Elem(), "") {
		if _, set := l.where[f.key]; !set && f.text(other) != usual[f.key] {
			own[f.key].Set(f.value)
		}
	}
}

func (l *loader) problem(at, key, text string) {
	l.problems = append(l.problems, fmt.Sprintf("%s: %s: %s", at, key, text))
}

// position is where key was set last, or else where its section begins, or
// else the file.
func (l *loader) position(key, file string) string {
	section := key[:max(strings.LastIndex(key, "."), 0)]
	return cmp.Or(l.where[key], l.where[section], file)
}

// file applies the layers of one file: those it includes, then itself. The
// prefix of problems in reaching it is from.
func (l *loader) file(path, from string) {
	if slices.Contains(l.files, identity(path)) {
		l.problems = append(l.problems, from+"cycle: "+path+" leads back to itself")
		return
	}
	text, err := readFile(path)
	if err != nil {
		l.problems = append(l.problems, from+err.Error())
		return
	}
	tree, err := parse(text)
	if err != nil {
		l.problems = append(l.problems, path+syntaxError(err))
		return
	}
	y := &layer{name: path, dir: filepath.Dir(path), tree: tree, lines: indexLines(text)}
	l.files = append(l.files, identity(path))
	l.includes(y)
	l.files = l.files[:len(l.files)-1]
	l.apply(y)
}

// includes reads the files that y includes and takes the key from its tree.
func (l *loader) includes(y *layer) {
	v, ok := y.tree["include"]
	if !ok {
		return
	}
	delete(y.tree, "include")
	var list []string
	if err := assign(reflect.ValueOf(&list).Elem(), v); err != nil {
		l.problem(y.at("include"), "include", err.Error())
		return
	}
	for _, written := range list {
		if name := unset(written); name != "" {
			l.problem(y.at("include"), "include", fmt.Sprintf("environment variable %s is not set (%s)", name, written))
			continue
		}
		path := expand(written)
		if !filepath.IsAbs(path) && !strings.HasPrefix(written, "$") {
			path = filepath.Join(y.dir, path)
		}
		l.file(path, y.at("include")+": include: ")
	}
}

// readFile returns the text of a config file.
func readFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return "", err
	}
	if len(text) > maxFile {
		return "", fmt.Errorf("read %s: larger than %d KiB; is it an experiment?", path, maxFile>>10)
	}
	return string(text), nil
}

// parse returns the tables of a TOML document.
func parse(text string) (map[string]any, error) {
	number, braces := 0, 0
	for line := range strings.Lines(text) {
		number++
		braces += strings.Count(line, "{")
		if strings.Count(line, ".") > maxDots || braces > maxBraces {
			return nil, toml.ParseError{
				Message:  "keys or tables too deep for an experiment",
				Position: toml.Position{Line: number},
			}
		}
	}
	var tree map[string]any
	_, err := toml.Decode(text, &tree)
	return tree, err
}

// syntaxError formats an error of the TOML parser as ":line: message".
func syntaxError(err error) string {
	if syntax, ok := errors.AsType[toml.ParseError](err); ok {
		return fmt.Sprintf(":%d: %s", syntax.Position.Line, strings.TrimSuffix(syntax.Message, "."))
	}
	return ": " + err.Error()
}

// identity is the name by which a file is recognised when it is met again.
func identity(path string) string {
	path = absolute(".", path)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}
