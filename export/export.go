// Package export writes trained models for others to load: as a plain Vision
// Transformer that costs nothing extra, every pathway folded, Ŵ = W + Σₖ λₖ·W′ₖ,
// or with W, W′ and λ apart.
//
// Vocabulary: a [Form] is what is written and where. A file holds tensors alone, in
// timm's names as far as timm has them. A folder has the layout of Hugging Face's hub
// for the library of its modality: timm for pictures and sounds, transformers
// (VideoMAE) for clips, Point-MAE's code for point clouds. It holds weights in that
// library's names, its config.json and a model card. What the library cannot be told
// makes no folder.
//
// The package trains nothing and fetches or uploads nothing.
package export

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"m2pt/checkpoint"
	"m2pt/checkpoint/names"
	"m2pt/experiment"
	"m2pt/model"
	"m2pt/train"
)

// Form is what to write and where.
type Form struct {
	// Out is a .safetensors or .npz file by its extension, otherwise a folder.
	Out string
	// Dtype of floating tensors: Float32 (the zero value), Float16 or BFloat16.
	Dtype checkpoint.Dtype
	// Unmerged leaves W, W′ and λ apart, under the names of package model.
	Unmerged bool
}

// Dtypes are those a [Form] may have.
func Dtypes() []checkpoint.Dtype {
	return []checkpoint.Dtype{checkpoint.Float32, checkpoint.Float16, checkpoint.BFloat16}
}

// folder reports whether the form is one.
func (f Form) folder() bool { return filepath.Ext(f.Out) == "" }

// check refuses what cannot be written of a model.
func (f Form) check(l layout, m *train.Trained) error {
	ext := filepath.Ext(f.Out)
	switch {
	case !f.folder() && ext != ".safetensors" && ext != ".npz":
		return misused("want a .safetensors or .npz file, or a folder without extension")
	case f.Dtype == checkpoint.BFloat16 && ext == ".npz":
		return misused("NumPy has no bfloat16: write a .safetensors file, or float16")
	case f.Unmerged && m.Averaged && m.TrainsAuxiliary():
		return misused("W′ trained, so the running averages are of W + λ·W′: write them merged, or the parameters with -set eval.ema=false")
	case f.Unmerged && f.folder():
		return misused("config.json describes a plain model: write unmerged weights to a .safetensors or .npz file")
	case f.folder():
		return checkFolder(f.Out, l.beyond(m))
	}
	return nil
}

// Summary says what was written.
type Summary struct {
	Path       string `json:"path"`
	Dtype      string `json:"dtype"`
	Tensors    int    `json:"tensors"`
	Parameters int    `json:"parameters"`
	Folded     int    `json:"folded"` // layers that had a pathway
	EMA        bool   `json:"ema"`    // the weights are running averages of those that trained
	// Beyond says what the tensors do not and the library cannot be told: whoever
	// loads them has to set it.
	Beyond []string `json:"beyond,omitempty"`
}

// Write writes a model. A form that cannot be, a folder that holds anything else, and
// one for a model that its config.json cannot describe are an
// [experiment.UsageError] and change nothing.
func Write(m *train.Trained, f Form) (Summary, error) {
	s, l := Summary{Path: f.Out, Dtype: f.Dtype.String(), EMA: m.Averaged}, layoutOf(m)
	if err := f.check(l, m); err != nil {
		return s, fmt.Errorf("export to %s: %w", f.Out, err)
	}
	ts, err := f.tensors(m)
	if err != nil {
		return s, fmt.Errorf("export %s: %w", m.Path, err)
	}
	s.Tensors = ts.Len()
	for t := range ts.All() {
		s.Parameters += t.Len()
		if slices.ContainsFunc(t.Numbers(), func(v float64) bool { return v-v != 0 }) {
			return s, fmt.Errorf("export %s: tensor %q is not finite: its training diverged, name an earlier checkpoint", m.Path, t.Name)
		}
	}
	if !f.Unmerged {
		s.Folded = len(joinedLayers(m.Weights))
	}
	if f.folder() {
		s.Beyond = l.notes(m)
		err = writeFolder(l, m, ts, f)
	} else {
		s.Beyond = append(l.beyond(m), l.notes(m)...)
		if err = os.MkdirAll(filepath.Dir(f.Out), 0o755); err == nil {
			err = checkpoint.Save(f.Out, ts)
		}
	}
	if err != nil {
		return s, fmt.Errorf("export to %s: %w", f.Out, err)
	}
	return s, nil
}

// tensors are those that the form holds of a model.
func (f Form) tensors(m *train.Trained) (*checkpoint.Tensors, error) {
	ts, err := m.Weights, error(nil)
	if !f.Unmerged {
		ts, err = train.Merge(ts)
	}
	if err == nil {
		ts, err = names.WholeBiases(ts)
	}
	if src := f.names(m); err == nil && src != names.M2PT {
		ts, err = names.Write(ts, src)
	}
	if err != nil {
		return nil, err
	}
	out := &checkpoint.Tensors{Metadata: map[string]string{"format": "pt"}} // which transformers insists on
	for t := range ts.All() {
		if t, err = t.Round(f.Dtype); err == nil {
			err = out.Add(t)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// names is whose names the tensors have: in a file of pictures or sounds timm's, where
// it has one for each of them; in other files ours.
func (f Form) names(m *train.Trained) names.Source {
	l := layoutOf(m)
	_, pictures := l.(timm)
	if f.folder() || pictures && !f.Unmerged && !m.Classifier.ViT.CosAttn {
		return l.source()
	}
	return names.M2PT
}

// joinedLayers is the set of layers that have a pathway.
func joinedLayers(ts *checkpoint.Tensors) map[string]bool {
	layers := map[string]bool{}
	for t := range ts.All() {
		if layer, _, _, ok := model.SplitTerm(t.Name); ok {
			layers[layer] = true
		}
	}
	return layers
}

func misused(problem string) error { return &experiment.UsageError{Problems: []string{problem}} }
