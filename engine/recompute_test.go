package engine

import (
	"reflect"
	"strings"
	"testing"

	"m2pt/ops"
)

// TestRecomputeSameBits trains with borders and without: parameters, slots,
// averages, losses and gradient norms are the same to the bit, memory poisoned as
// values die.
func TestRecomputeSameBits(t *testing.T) {
	for _, c := range []struct {
		name       string
		depth      int
		accumulate int
		pathway    bool
	}{
		{"two blocks", 2, 1, false},
		{"pathway", 4, 1, true},
		{"micro-batches", 4, 3, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := small()
			v.depth, v.accumulate, v.pathway = c.depth, c.accumulate, c.pathway
			plain := v.training()
			v.recompute = true
			m := v.training()
			state, want := newState(t, Reference{}, m.Graph), newState(t, Reference{}, plain.Graph)
			tr, l := planOf(t, m.job, state)
			checkLayout(t, tr, l)
			p, ref := compile(t, m.job, state), compile(t, plain.job, want)
			poison(p, l)
			for step := 1; step <= 3; step++ {
				update(t, p, v, step)
				update(t, ref, v, step)
				for _, f := range m.job.Fetches {
					sameBits(t, step, "fetch "+f.Name, fetch(t, p, f.Name), fetch(t, ref, f.Name))
				}
				for _, name := range state.Names() {
					sameBits(t, step, "state "+name, get(t, state, name), get(t, want, name))
				}
			}
		})
	}
}

// residual is a training whose blocks x + dropout(batch norm(x·W)) move running
// statistics; each also reads what the first has made.
func residual(recompute bool) Job {
	g := ops.NewGraph(ops.Float32)
	x, seed := g.Feed("x", 4, 6), g.Feed("seed", 4, 6)
	key := g.Declare("key", ops.Spec{Shape: []int{4, 2}, Dtype: ops.Int32}, ops.PerBatch)
	job := Job{Graph: g, Accumulate: 2}
	var weights, borders []*ops.Node
	shared := g.GELU(x)
	x = g.Add(x, x)
	for _, name := range []string{"a", "b", "c", "d"} {
		borders = append(borders, x)
		w, mean, variance := g.Param(name, 6, 6), g.Param(name+".mean", 6), g.Param(name+".var", 6)
		y := g.BatchNorm(g.Linear(g.GELU(g.Add(x, shared)), w, nil), nil, nil, mean, variance, ops.BatchNorm{Eps: 1e-5, Momentum: 0.1, Train: true})
		job.Assigns = append(job.Assigns, Assign{name + ".mean", g.Out(y, 3)}, Assign{name + ".var", g.Out(y, 4)})
		x = g.Add(x, g.Dropout(g.GELU(y), key, 0.5, 7, name))
		weights = append(weights, w)
	}
	if recompute {
		job.Borders = append(borders, x)
	}
	job.Fetches = []Fetch{{"y", x}}
	for i, d := range g.Grad([]*ops.Node{x}, []*ops.Node{seed}, weights) {
		job.Fetches = append(job.Fetches, Fetch{"d" + weights[i].Name(), g.Accumulated(d)})
	}
	return job
}

// TestRecomputeMovesStatisticsOnce: a batch normalisation that runs twice moves its
// running statistics once, and dropout drops the same elements both times.
func TestRecomputeMovesStatisticsOnce(t *testing.T) {
	var got [2]map[string][]float32
	for i, recompute := range []bool{false, true} {
		job := residual(recompute)
		dev := counting{calls: map[string]int{}}
		state := newState(t, dev, job.Graph)
		p := compile(t, job, state)
		for cycle := range uint64(2) {
			for micro := range uint64(2) {
				must(t, Feed(p, "x", initial(string(rune('x'+2*cycle+micro)), 24)))
				must(t, Feed(p, "seed", initial("seed", 24)))
				must(t, Feed(p, "key", []int32{1, 1, 1, 2, 1, 3, 1, int32(cycle)}))
				must(t, p.Micro())
			}
			must(t, p.Update())
		}
		got[i] = map[string][]float32{}
		for _, f := range job.Fetches {
			got[i][f.Name] = fetch(t, p, f.Name)
		}
		for _, name := range state.Names() {
			got[i][name] = get(t, state, name)
		}
		norm := ops.BatchNorm{Eps: 1e-5, Momentum: 0.1, Train: true, Plain: true}.String()
		if n, want := dev.calls[norm], 4*(4+3*i); n != want {
			t.Errorf("recompute %v: %d batch normalisations, want %d", recompute, n, want)
		}
	}
	for name, want := range got[0] {
		sameBits(t, 2, name, got[1][name], want)
	}
}

// planned is the program of v on a device that holds no memory.
func planned(t testing.TB, v vit) *Program { t.Helper(); return plannedOn(t, Planner{}, v) }

func plannedOn(t testing.TB, dev Device, v vit) *Program {
	t.Helper()
	m := v.training()
	must(t, m.Err())
	s := NewState(dev)
	for _, in := range m.Inputs() {
		if in.Role == ops.State {
			must(t, s.Add(in.Name, in.Spec))
		}
	}
	return compile(t, m.job, s)
}

// TestRecomputeOnce: every block but the last runs again, once, without what its
// backward pass does not read: mlp.fc2 and the residual connection behind it. What
// depends on state alone does not. FLOPs count the model's own.
func TestRecomputeOnce(t *testing.T) {
	v := small()
	v.depth = 12
	plain := planned(t, v)
	v.recompute = true
	p := planned(t, v)
	first, again := map[string]int{}, map[string]int{}
	for _, r := range p.Plan() {
		if r.Recompute {
			again[r.Kind]++
		} else {
			first[r.Kind]++
		}
	}
	want := map[string]int{"layer_norm": 22, "linear": 33, "attention": 11, "gelu": 11, "drop_path": 11, "uniform": 22}
	if !reflect.DeepEqual(again, want) {
		t.Errorf("run again: %v, want %v", again, want)
	}
	count := map[string]int{}
	for _, r := range plain.Plan() {
		count[r.Kind]++
	}
	if !reflect.DeepEqual(first, count) {
		t.Errorf("beside that: %v, want the plain plan's %v", first, count)
	}
	if p.FLOPs() != plain.FLOPs() {
		t.Errorf("%d FLOPs, without recomputing %d", p.FLOPs(), plain.FLOPs())
	}
	var text strings.Builder
	must(t, p.Print(&text))
	if n := strings.Count(text.String(), "attention(heads=3) again"); n != 11 {
		t.Errorf("the printed plan has %d steps of attention again, want 11", n)
	}
}

// TestRecomputeLate: a segment runs again when the backward pass of the next one
// is done: right before the first step that reads it.
func TestRecomputeLate(t *testing.T) {
	v := small()
	v.depth, v.recompute = 12, true
	p := planned(t, v)
	runs := 0
	for i, s := range p.steps {
		if !s.recompute || p.steps[i+1].recompute {
			continue
		}
		runs++
		reads := false
		for _, in := range p.steps[i+1].in {
			reads = reads || in.def >= 0 && p.steps[in.def].recompute
		}
		if !reads {
			t.Errorf("step %d, %v, reads nothing of what has just run again", i+1, p.steps[i+1])
		}
	}
	if runs != 11 {
		t.Errorf("%d places where steps run again, want one per block but the last, 11", runs)
	}
}

// TestRecomputeSavesMemory: what is left of the arena. At batch 8 four fifths of
// that are the gradients, 346 MB.
func TestRecomputeSavesMemory(t *testing.T) {
	for _, c := range []struct {
		name  string
		batch int
		most  float64 // share of the plain arena
	}{
		{"ViT-B/16, batch 8", 8, 0.45},
		{"ViT-B/16, batch 64", 64, 0.18},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := base()
			v.batch, v.pathway = c.batch, false
			plain := planned(t, v)
			v.recompute = true
			p := planned(t, v)
			with, without := float64(p.Memory().Arena), float64(plain.Memory().Arena)
			t.Logf("arena %.1f MB, without recomputing %.1f MB", with/1e6, without/1e6)
			if with > c.most*without {
				t.Errorf("arena %.0f of %.0f MB, want %g at most", with/1e6, without/1e6, c.most)
			}
		})
	}
}

// TestFewBorders: with less than a segment between the first and the last, and with
// borders that nothing needs, the plan is the plain one.
func TestFewBorders(t *testing.T) {
	v := small()
	plain := planned(t, v)
	want := plain.Plan()
	for _, c := range []struct {
		name    string
		borders func(m *training) []*ops.Node
	}{
		{"none", func(*training) []*ops.Node { return nil }},
		{"empty", func(*training) []*ops.Node { return []*ops.Node{} }},
		{"one", func(m *training) []*ops.Node { return m.borders[:1] }},
		{"two", func(m *training) []*ops.Node { return m.borders[:2] }},
		{"inputs", func(m *training) []*ops.Node { return m.params[:5] }},
		{"sums", func(m *training) []*ops.Node { return m.Children(m.job.Fetches[2].Node) }}, // of the norm
		{"in reverse", func(m *training) []*ops.Node { return []*ops.Node{m.borders[2], m.borders[1], m.borders[0]} }},
		{"dead ends", func(m *training) []*ops.Node {
			x := m.borders[0]
			return []*ops.Node{m.GELU(x), m.ReLU(x), m.Softmax(x), m.Add(x, x)}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := v.training()
			m.job.Borders = c.borders(m)
			p := compile(t, m.job, newState(t, idle{}, m.Graph))
			if got := p.Plan(); !reflect.DeepEqual(got, want) || p.Memory().Arena != plain.Memory().Arena {
				t.Errorf("%d steps in an arena of %d bytes, want the plain %d in %d", len(got), p.Memory().Arena, len(want), plain.Memory().Arena)
			}
		})
	}
}

// TestBorderOfNothing: a border without a node is an error.
func TestBorderOfNothing(t *testing.T) {
	m := small().training()
	m.job.Borders = []*ops.Node{m.borders[0], nil, m.borders[1]}
	_, err := Compile(m.job, newState(t, idle{}, m.Graph))
	if err == nil || !strings.Contains(err.Error(), "border 1: no node") {
		t.Errorf("error %v, want one that names border 1", err)
	}
}
