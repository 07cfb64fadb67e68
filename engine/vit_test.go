package engine

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"m2pt/internal/philox"
	"m2pt/ops"
)

// vit is a small Vision Transformer as the tests train it: uint8 pixels, class
// token, position table, pathways, drop-path, mean pool, smoothed labels.
type vit struct {
	batch, size, patch, width, heads, depth, classes int
	accumulate                                       int
	dropPath                                         float64
	pathway, recompute                               bool
}

// small is the ViT of most tests.
func small() vit {
	return vit{batch: 4, size: 8, patch: 4, width: 12, heads: 3, depth: 2, classes: 5, accumulate: 1, dropPath: 0.4, pathway: true}
}

// base is ViT-B/16 at 224 pixels.
func base() vit {
	return vit{batch: 64, size: 224, patch: 16, width: 768, heads: 12, depth: 12, classes: 1000, accumulate: 1, dropPath: 0.1, pathway: true}
}

// training is a ViT's graph under construction and the job to train it.
type training struct {
	vit
	*ops.Graph
	params []*ops.Node // trainable, in order
	key    *ops.Node
	// borders are what enters the blocks and what leaves the last one.
	borders []*ops.Node
	job     Job
}

func (v vit) training() *training {
	m := &training{vit: v, Graph: ops.NewGraph(ops.Float32)}
	m.key = m.Declare("sample_key", ops.Spec{Shape: []int{v.batch, 2}, Dtype: ops.Int32}, ops.PerBatch)
	logits := m.forward()
	labels := m.Declare("labels", ops.Spec{Shape: []int{v.batch}, Dtype: ops.Int32}, ops.PerBatch)
	loss := m.CrossEntropy(logits, m.OneHot(labels, v.classes, 0.1))
	seed := m.Feed("seed", v.batch)
	m.job = Job{Graph: m.Graph, Accumulate: v.accumulate, Fetches: []Fetch{{"logits", logits}, {"loss", loss}}}
	if v.recompute {
		m.job.Borders = m.borders
	}
	m.optimize(m.Grad([]*ops.Node{loss}, []*ops.Node{seed}, m.params))
	return m
}

func (m *training) param(name string, shape ...int) *ops.Node {
	p := m.Param(name, shape...)
	m.params = append(m.params, p)
	return p
}

func (m *training) linear(x *ops.Node, name string, in, out int) *ops.Node {
	defer m.Enter(name)()
	w, b := m.param(name+".weight", out, in), m.param(name+".bias", out)
	if m.pathway {
		l := m.param(name+".cross_modal_scale", 1)
		w = m.Pathway(w, []*ops.Node{l}, []*ops.Node{m.Param(name+".aux_weight", out, in)}, false)
	}
	return m.Linear(x, w, b)
}

func (m *training) norm(x *ops.Node, name string) *ops.Node {
	return m.LayerNorm(x, m.param(name+".weight", m.width), m.param(name+".bias", m.width), 1e-6)
}

func (m *training) forward() *ops.Node {
	n, D := m.size/m.patch*(m.size/m.patch)+1, m.width
	x := m.Declare("pixels", ops.Spec{Shape: []int{m.batch, 3, m.size, m.size}, Dtype: ops.Uint8}, ops.PerBatch)
	patch := [3]int{1, m.patch, m.patch}
	x = m.Patches(x, patch, patch, []float64{0.5, 0.4, 0.3}, []float64{0.2, 0.3, 0.25})
	x = m.Linear(x, m.param("patch_embed.weight", D, 3, m.patch, m.patch), m.param("patch_embed.bias", D))
	x = m.AddPos(m.Prepend(x, m.param("cls_token", 1, 1, D)), m.param("pos_embed", 1, n, D))
	m.borders = append(m.borders, x)
	for i := range m.depth {
		x = m.block(x, fmt.Sprintf("blocks.%d", i))
		m.borders = append(m.borders, x)
	}
	x = m.Pool(m.norm(x, "norm"), 1, n-1)
	return m.Linear(x, m.param("head.weight", m.classes, D), m.param("head.bias", m.classes))
}

func (m *training) block(x *ops.Node, name string) *ops.Node {
	D := m.width
	h := m.Attention(m.linear(m.norm(x, name+".norm1"), name+".attn.qkv", D, 3*D), m.heads)
	x = m.residual(x, m.linear(h, name+".attn.proj", D, D), name+".drop_path1")
	h = m.GELU(m.linear(m.norm(x, name+".norm2"), name+".mlp.fc1", D, 4*D))
	return m.residual(x, m.linear(h, name+".mlp.fc2", 4*D, D), name+".drop_path2")
}

func (m *training) residual(x, branch *ops.Node, name string) *ops.Node {
	return m.DropPath(x, branch, m.Uniform(m.key, 1, name), m.dropPath)
}

// optimize adds norm, clipping, AdamW and averages, and what they assign.
func (m *training) optimize(grads []*ops.Node) {
	if m.Err() != nil {
		return
	}
	for i := range grads {
		grads[i] = m.Accumulated(grads[i])
	}
	norm := m.GradNorm(grads...)
	clip := m.ClipFactor(norm, 0.5)
	hyper := m.Declare("hyper", ops.F32(3), ops.PerUpdate)
	m.job.Fetches = append(m.job.Fetches, Fetch{"norm", norm})
	assign := func(state string, n *ops.Node) { m.job.Assigns = append(m.job.Assigns, Assign{state, n}) }
	for i, p := range m.params {
		name, shape := p.Name(), ops.SpecOf(p).Shape
		exp, sq, ema := m.Param(name+".exp_avg", shape...), m.Param(name+".exp_avg_sq", shape...), m.Param("ema."+name, shape...)
		k := ops.AdamW{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.05, LRScale: 1}
		next := m.Apply(k, p, grads[i], exp, sq, hyper, clip)
		assign(name, next)
		assign(name+".exp_avg", m.Out(next, 1))
		assign(name+".exp_avg_sq", m.Out(next, 2))
		assign("ema."+name, m.Apply(ops.EMA{Decay: 0.9}, ema, next, clip))
	}
}

// initial is a state's first value: weights are random, keyed by name, and the
// pathway's λ is not zero; slots are zero; averages start at the weights.
func initial(name string, n int) []float32 {
	name = strings.TrimPrefix(name, "ema.")
	r := philox.New(1, name, 0, 0)
	v := make([]float32, n)
	for i := range v {
		switch {
		case strings.Contains(name, ".exp_avg"):
		case strings.Contains(name, "norm") && strings.HasSuffix(name, ".weight"):
			v[i] = float32(1 + 0.1*r.Norm())
		default:
			v[i] = float32(0.3 * r.Norm())
		}
	}
	return v
}

// newState makes room for a graph's state and gives it its first values.
func newState(t testing.TB, dev Device, g *ops.Graph) *State {
	t.Helper()
	if err := g.Err(); err != nil {
		t.Fatal(err)
	}
	s := NewState(dev)
	for _, in := range g.Inputs() {
		if in.Role != ops.State || s.Has(in.Name) {
			continue
		}
		must(t, s.Add(in.Name, in.Spec))
		must(t, Set(s, in.Name, initial(in.Name, in.Spec.Len())))
	}
	return s
}

func compile(t testing.TB, job Job, s *State) *Program {
	t.Helper()
	p, err := Compile(job, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// micro is what the host feeds for one micro-step: samples first, first+1, ...
// of an epoch, as many as the batch.
type micro struct {
	pixels      []uint8
	labels, key []int32
	seed        []float32
}

func (v vit) micro(first, perUpdate int) micro {
	var b micro
	for i := first; i < first+v.batch; i++ {
		r := philox.New(2, "sample", 0, uint64(i))
		for range 3 * v.size * v.size {
			b.pixels = append(b.pixels, uint8(r.Uint32()))
		}
		b.labels = append(b.labels, int32(r.IntN(v.classes)))
		b.key = append(b.key, 3, int32(i))
		b.seed = append(b.seed, 1/float32(perUpdate))
	}
	return b
}

// hyper is the AdamW feed of update step (from 1).
func hyper(step int) []float32 {
	t := float64(step)
	return []float32{0.01, float32(1 - math.Pow(0.9, t)), float32(1 - math.Pow(0.999, t))}
}

func feed(t testing.TB, p *Program, b micro) {
	t.Helper()
	must(t, Feed(p, "pixels", b.pixels))
	must(t, Feed(p, "labels", b.labels))
	must(t, Feed(p, "sample_key", b.key))
	must(t, Feed(p, "seed", b.seed))
}

// update runs update number step (from 1) of a training program over the
// samples that come next.
func update(t testing.TB, p *Program, v vit, step int) {
	t.Helper()
	perUpdate := v.batch * v.accumulate
	must(t, Feed(p, "hyper", hyper(step)))
	for i := range v.accumulate {
		feed(t, p, v.micro((step-1)*perUpdate+i*v.batch, perUpdate))
		must(t, p.Micro())
	}
	must(t, p.Update())
}

// fetch reads a fetch of any float32 program.
func fetch(t testing.TB, p *Program, name string) []float32 {
	t.Helper()
	v := make([]float32, p.fetched[name].Len())
	must(t, Read(p, name, v))
	return v
}

func get(t testing.TB, s *State, name string) []float32 {
	t.Helper()
	v, err := Get[float32](s, name)
	must(t, err)
	return v
}
