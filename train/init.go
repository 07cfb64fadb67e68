package train

import (
	"log/slog"
	"slices"
	"strings"

	"m2pt/engine"
	"m2pt/model"
)

// initFrom starts the plain parameters from the checkpoint that model.init names, as
// fine-tuning does: see [fitter].
func (t *trainer) initFrom() error {
	m, log := t.cfg.Model, t.opt.Log
	o, err := loadOrigin(m.Init, m.InitSource)
	if err != nil {
		return err
	}
	use, r, err := newFitter(t, o).fit()
	if err != nil {
		return err
	}
	logAverages(log, o.path, o.averages)
	r.log(log, o.path)
	for x := range use.All() {
		v, err := x.Float32s()
		if err != nil {
			return err
		}
		if err := engine.Set(t.state, x.Name, v); err != nil {
			return err
		}
	}
	return nil
}

// log says what was loaded, reshaped, left fresh and left aside.
func (r *report) log(log *slog.Logger, path string) {
	log.Info("model.init", "checkpoint", path, "names", r.Source, "tensors", len(r.Loaded))
	for _, x := range r.Reshaped {
		log.Info("model.init: reshaped", "tensor", x.name, "from", x.got, "to", x.want)
	}
	for _, name := range r.Fresh {
		log.Info("model.init: starts fresh", "tensor", name)
	}
	if len(r.Unused) > 0 {
		log.Info("model.init: not used", "layers", layers(r.Unused))
	}
}

// logAverages says that a file has averaged weights under key, which may be empty.
func logAverages(log *slog.Logger, path, key string) {
	if key != "" {
		log.Info("averaged weights beside the model's are not used", "checkpoint", path, "key", key)
	}
}

// newFitter is the fitter of a checkpoint to the run's model.
func newFitter(t *trainer, o *origin) *fitter {
	f := &fitter{origin: o, shapes: map[string][]int{}, report: report{Source: o.source}}
	f.tokens, f.vit = t.model.encoder()
	f.otherClasses = o.classes != nil && !slices.Equal(o.classes, t.classes)
	for _, name := range t.names.model {
		if _, _, _, term := model.SplitTerm(name); !term {
			f.names = append(f.names, name)
			f.shapes[name] = t.state.Spec(name).Shape
		}
	}
	return f
}

// layers are the first parts of names, each once, in order.
func layers(names []string) []string {
	var all []string
	for _, name := range names {
		if layer, _, _ := strings.Cut(name, "."); !slices.Contains(all, layer) {
			all = append(all, layer)
		}
	}
	return all
}
