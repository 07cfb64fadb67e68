package train

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"m2pt/engine"
	"m2pt/model"
	"m2pt/nn"
)

// pathwayLayer names the parameters of a layer that pathways cover.
type pathwayLayer struct {
	name, weight string
	terms        []struct{ scale, aux string }
	auxTrained   bool
}

// pathwayLayers finds the covered layers in declaration order.
func pathwayLayers(params []nn.Param) []pathwayLayer {
	var layers []pathwayLayer
	for _, p := range params {
		layer, name, _, ok := model.SplitTerm(p.Name)
		if !ok {
			continue
		}
		if len(layers) == 0 || layers[len(layers)-1].name != layer {
			layers = append(layers, pathwayLayer{name: layer, weight: layer + ".weight"})
		}
		l := &layers[len(layers)-1]
		if name == model.ScaleName {
			l.terms = append(l.terms, struct{ scale, aux string }{scale: p.Name})
			continue
		}
		l.terms[len(l.terms)-1].aux = p.Name
		l.auxTrained = l.auxTrained || !p.Fixed
	}
	return layers
}

// Lambda is one pathway term of one layer.
type Lambda struct {
	Layer string  `json:"layer"`
	Aux   int     `json:"aux"` // which auxiliary model, from 0
	Value float64 `json:"lambda"`
	// Share is ‖λW′‖/‖W‖: how much of the layer comes from the auxiliary model.
	Share float64 `json:"share"`
}

// lambdas are those of the weights that evaluation uses. Where W′ trains, the
// averages hold Ŵ and no λ, so there they are the parameters'.
func (t *trainer) lambdas() ([]Lambda, error) {
	bind := map[string]string{}
	if t.cfg.Eval.EMA {
		bind = t.names.bind()
	}
	for _, l := range pathwayLayers(t.names.params) {
		if l.auxTrained {
			delete(bind, l.weight)
			for _, term := range l.terms {
				delete(bind, term.scale)
			}
		}
	}
	return Lambdas(t.names.params, t.state, bind)
}

// Lambdas reads λ of every layer; bind names the states to read instead of
// parameters, as in engine.Job.
func Lambdas(params []nn.Param, state *engine.State, bind map[string]string) ([]Lambda, error) {
	get := func(name string) ([]float32, error) {
		if to, ok := bind[name]; ok {
			name = to
		}
		return engine.Get[float32](state, name)
	}
	var out []Lambda
	for _, l := range pathwayLayers(params) {
		w, err := get(l.weight)
		if err != nil {
			return nil, err
		}
		for _, t := range l.terms {
			scale, err := get(t.scale)
			if err != nil {
				return nil, err
			}
			aux, err := get(t.aux)
			if err != nil {
				return nil, err
			}
			_, _, k, _ := model.SplitTerm(t.scale)
			v := float64(scale[0])
			share := 0.0
			if n := norm(w); n > 0 {
				share = math.Abs(v) * norm(aux) / n
			}
			out = append(out, Lambda{l.name, k, v, share})
		}
	}
	return out, nil
}

func norm(x []float32) float64 {
	var s float64
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return math.Sqrt(s)
}

// PrintLambdas writes the table of λ per layer.
func PrintLambdas(w io.Writer, ls []Lambda) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "layer\taux\tlambda\t|λW'|/|W|\t")
	for _, l := range ls {
		fmt.Fprintf(tw, "%s\t%d\t%+.6f\t%.4f\t\n", l.Layer, l.Aux, l.Value, l.Share)
	}
	return tw.Flush()
}
