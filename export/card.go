package export

import (
	"bytes"
	_ "embed"
	"fmt"
	"path/filepath"
	"strings"
	"text/template"

	"m2pt/train"
)

//go:embed card.tmpl
var cardText string

// library is what a model card says of who loads the model.
type library struct {
	Name string // library_name
	Task string // pipeline_tag, empty where the hub has none
	Load string // Python that loads FOLDER
}

// facts are what a model card tells.
type facts struct {
	*train.Trained
	Library  library
	Title    string
	Load     string
	Notes    []string
	Encoder  bool
	Origin   string // which weights
	Dtype    string
	Figures  []train.Figure
	Metric   string // the hub's word for the first figure
	Lambdas  string // a table
	Resolved string // the config
}

// card is the README.md of a folder.
func card(l layout, m *train.Trained, f Form) ([]byte, error) {
	name := filepath.Base(f.Out)
	x := facts{Trained: m, Library: l.card(m), Title: m.Config.Name, Notes: l.notes(m), Encoder: encoderOnly(m), Origin: origin(m), Dtype: f.Dtype.String()}
	x.Load = strings.ReplaceAll(x.Library.Load, "FOLDER", name)
	if x.Title == "" {
		x.Title = name
	}
	if err := x.evaluate(); err != nil {
		return nil, err
	}
	text, err := m.Config.Public()
	if err != nil {
		return nil, err
	}
	x.Resolved = string(text)
	t, err := template.New("card").Funcs(words()).Parse(cardText)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, x)
	return b.Bytes(), err
}

// words are the functions that the card's text uses.
func words() template.FuncMap {
	return template.FuncMap{
		"join": func(list []string) string { return strings.Join(list, ", ") },
		"base": func(path string) string { return path[strings.LastIndexByte(path, '/')+1:] },
	}
}

// origin says which weights they are.
func origin(m *train.Trained) string {
	from := filepath.Base(m.Path)
	if m.MeanOf != nil {
		var steps []string
		for _, path := range m.MeanOf {
			steps = append(steps, filepath.Base(path))
		}
		from = "the mean of " + strings.Join(steps, ", ")
	}
	if m.Averaged {
		from += fmt.Sprintf(", running averages (EMA, decay %g)", m.Config.Train.EMADecay)
	}
	return from
}

// evaluate fills in what the last evaluation told.
func (x *facts) evaluate() error {
	r := x.Eval
	if r == nil {
		return nil
	}
	x.Figures = train.Result{Loss: r.Loss, Top1: r.Top1, Top5: r.Top5, MultiLabel: r.MultiLabel, Parts: r.Parts, Masked: x.Encoder}.Figures()
	x.Metric = map[string]string{"top-1": "accuracy", "mAP": "mean_average_precision", "instance mIoU": "mean_iou"}[x.Figures[0].Name]
	if len(r.Lambda) == 0 {
		return nil
	}
	var b strings.Builder
	err := train.PrintLambdas(&b, r.Lambda)
	x.Lambdas = b.String()
	return err
}
