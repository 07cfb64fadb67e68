package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"m2pt/checkpoint"
	"m2pt/checkpoint/names"
	"m2pt/internal/atomicfile"
	"m2pt/tokenizers"
	"m2pt/train"
)

// The files of an exported folder. Not every layout has all of them.
const (
	configFile       = "config.json"
	preprocessorFile = "preprocessor_config.json"
	modelFile        = "model.safetensors"
	cardFile         = "README.md"
)

// layout is how the library of a modality stores its models.
type layout interface {
	// source is whose names its tensors have.
	source() names.Source
	// beyond lists why the library cannot build the model.
	beyond(m *train.Trained) []string
	// notes lists what the library does otherwise, in a model that it can build.
	notes(m *train.Trained) []string
	// files are the JSON files beside the weights.
	files(m *train.Trained) map[string]any
	// card is what a model card says of the library.
	card(m *train.Trained) library
}

var (
	_ layout = timm{}
	_ layout = videoMAE{}
	_ layout = pointMAE{}
)

func layoutOf(m *train.Trained) layout {
	switch m.Classifier.Tokenizer.(type) {
	case tokenizers.Video:
		return videoMAE{}
	case tokenizers.Point:
		return pointMAE{}
	}
	return timm{}
}

// encoderOnly reports whether the model is what is left of a masked autoencoder,
// which has no head.
func encoderOnly(m *train.Trained) bool { return m.Config.Task == "pretrain" }

// checkFolder refuses a folder for a model that is beyond the library, and one whose
// content would be lost.
func checkFolder(dir string, beyond []string) error {
	if beyond != nil {
		return misused("config.json cannot describe the model; write a .safetensors file instead: " + strings.Join(beyond, "; "))
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var files []string
	for _, e := range entries {
		if !e.Type().IsRegular() || !slices.Contains([]string{configFile, preprocessorFile, modelFile, cardFile}, e.Name()) {
			return misused(fmt.Sprintf("the folder holds %s, which is no part of an export: name a new folder, or an earlier export to replace", e.Name()))
		}
		files = append(files, e.Name())
	}
	if len(files) > 0 && !(slices.Contains(files, configFile) && slices.Contains(files, modelFile)) {
		return misused(fmt.Sprintf("the folder holds %s and is no earlier export: name a new folder", strings.Join(files, ", ")))
	}
	return nil
}

func writeFolder(l layout, m *train.Trained, ts *checkpoint.Tensors, f Form) error {
	files := map[string][]byte{}
	for name, content := range l.files(m) {
		text, err := json.MarshalIndent(content, "", "  ")
		if err != nil {
			return err
		}
		files[name] = append(text, '\n')
	}
	var err error
	if files[cardFile], err = card(l, m, f); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(f.Out), 0o755); err != nil {
		return err
	}
	return atomicfile.Folder(f.Out, func(tmp string) error {
		for name, text := range files {
			err := atomicfile.Write(filepath.Join(tmp, name), 0o644, func(w io.Writer) error { _, err := w.Write(text); return err })
			if err != nil {
				return err
			}
		}
		return checkpoint.Save(filepath.Join(tmp, modelFile), ts)
	})
}
