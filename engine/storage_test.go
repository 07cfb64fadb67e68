package engine

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"m2pt/ops"
)

// halves is the reference that keeps activations, their gradients and the weights that
// products read in bfloat16.
type halves struct{ Reference }

func (halves) Storage(k ops.Kind, in []Storage) (want, out []Storage) { return halve(k, in) }

// halfPlanner is halves without memory.
type halfPlanner struct{ Planner }

func (halfPlanner) Storage(k ops.Kind, in []Storage) (want, out []Storage) { return halve(k, in) }

// halve is the policy of both: h is bfloat16, f full, = what input 0 is kept in, for inputs
// and outputs in turn. What is not named is full.
func halve(k ops.Kind, in []Storage) (want, out []Storage) {
	policy := map[string][2]string{
		"add": {"==", "="}, "reshape": {"=", "="}, "scale": {"hf", "f"},
		"gelu": {"h", "h"}, "gelu.grad": {"hh", "h"},
		"linear": {"hhf", "h"}, "linear.dx": {"hh", "h"}, "linear.dw": {"hh", "f"}, "sum_rows": {"h", "f"},
		"layer_norm": {"hff", "hff"}, "layer_norm.grad": {"hfffh", "hff"},
		"attention": {"h", "hf"}, "attention.grad": {"hhfh", "h"},
		"drop_path": {"hhf", "h"}, "drop_path.grad": {"hf", "h"},
		"patches": {"", "h"}, "add_pos": {"hf", "h"}, "prepend": {"hf", "h"}, "pool": {"h", "h"}, "pool.grad": {"h", "h"},
		"pathway": {"fff", "h"},
	}[ops.Name(k)]
	storages := func(letters string) (list []Storage) {
		for _, l := range letters {
			list = append(list, map[rune]Storage{'h': BF16, 'f': Full, '=': in[0]}[l])
		}
		return list
	}
	return storages(policy[0]), storages(policy[1])
}

// TestEncode: rounding to nearest, ties to even; back again in the same memory.
func TestEncode(t *testing.T) {
	inf, nan := float32(math.Inf(1)), math.Float32frombits(0x7f800001)
	values := []float32{1, -2.5, 1 + 1.0/256, 1 + 3.0/256, 1 + 1.01/256, 1 - 1.0/1024, 0, inf, -inf, math.MaxFloat32, 1e-45, nan}
	want := []float32{1, -2.5, 1, 1 + 1.0/64, 1 + 1.0/128, 1, 0, inf, -inf, inf, 0, nan}
	memory := bytesOf(slices.Clone(values))
	kept := memory[len(memory)/2:]
	BF16.Encode(kept, values)
	got := make([]float32, len(values))
	BF16.Decode(got, kept)
	same(t, "apart", got, want)
	copy(bytesOf(got)[len(kept):], kept)
	BF16.Decode(got, bytesOf(got)[len(kept):])
	same(t, "from the end of the same memory", got, want)
	full := make([]byte, len(memory))
	Full.Encode(full, values)
	Full.Decode(got, full)
	same(t, "in full", got, values)
}

// TestTensorBytes: what is kept counts.
func TestTensorBytes(t *testing.T) {
	s := ops.F32(3, 5)
	if full, half := (Tensor{Spec: s}).Bytes(), (Tensor{Spec: s, Store: BF16}).Bytes(); full != 60 || half != 30 {
		t.Errorf("%d and %d bytes, want 60 and 30", full, half)
	}
}

// castSteps are the casts of a plan.
func castSteps(p *Program) (list []*step) {
	for _, s := range p.steps {
		if _, ok := s.kind.(Cast); ok {
			list = append(list, s)
		}
	}
	return list
}

// countingHalves counts the kernel calls of halves.
type countingHalves struct{ counting }

func (countingHalves) Storage(k ops.Kind, in []Storage) (want, out []Storage) { return halve(k, in) }

// TestWeightsAreCastOncePerUpdate: weights that products read are cast in the prepare
// stage, all others are not, and with a pathway its weights are made as they are wanted.
func TestWeightsAreCastOncePerUpdate(t *testing.T) {
	for _, c := range []struct {
		name    string
		pathway bool
		want    int // weights
	}{{"plain", false, 2 + 4*2}, {"pathway", true, 2}} {
		t.Run(c.name, func(t *testing.T) {
			v := small()
			v.accumulate, v.pathway = 2, c.pathway
			m := v.training()
			dev := countingHalves{counting{calls: map[string]int{}}}
			p := compile(t, m.job, newState(t, dev, m.Graph))
			type key struct {
				v  *value
				to Storage
			}
			seen, weights, others := map[key]bool{}, 0, 0
			for _, s := range castSteps(p) {
				if k := (key{s.in[0], s.out[0].store}); seen[k] {
					t.Errorf("%v is cast to %v twice", s, k.to)
				} else {
					seen[k] = true
				}
				switch {
				case s.stage == Prepare && strings.HasSuffix(s.in[0].state, "weight") && s.scope == s.in[0].state:
					weights++
				case s.stage == Micro && s.in[0].state == "" && s.out[0].store == BF16:
					others++
				}
			}
			if weights != c.want {
				t.Errorf("%d weights are cast, want %d", weights, c.want)
			}
			for step := 1; step <= 2; step++ {
				clear(dev.calls)
				update(t, p, v, step)
				if n := dev.calls["cast(bf16)"]; n != weights+2*others {
					t.Errorf("update %d: %d casts to bf16, want %d and twice %d", step, n, weights, others)
				}
			}
		})
	}
}

// TestOneCastForAllReaders, behind the step whose value it is where that saves memory,
// before the first reader elsewhere.
func TestOneCastForAllReaders(t *testing.T) {
	g := ops.NewGraph(ops.Float32)
	x, w := g.Feed("x", 2, 3), g.Param("w", 3, 3)
	full := g.Softmax(x)
	other := g.Softmax(full)
	half := g.GELU(full)
	both := g.Add(g.GELU(half), g.Linear(full, w, nil))
	late := g.Softmax(half)
	later := g.Apply(ops.Softmax{Log: true}, half)
	fetches := []Fetch{{"other", other}, {"both", both}, {"late", late}, {"later", later}}
	p := compile(t, Job{Graph: g, Fetches: fetches}, newState(t, halves{}, g))
	var got []string
	for _, s := range p.steps {
		got = append(got, s.stage.String()+" "+s.kind.String())
	}
	want := []string{
		"prepare cast(bf16)", "micro softmax(log=false)", "micro cast(bf16)", "micro softmax(log=false)", "micro gelu(0)", "micro gelu(0)",
		"micro linear(bias=false)", "micro add", "micro cast(full)", "micro softmax(log=false)", "micro softmax(log=true)",
	}
	if !slices.Equal(got, want) {
		t.Errorf("steps\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestStateThatMovesIsCastAnew: a state that the micro stage changes is cast in every
// stage that reads it, so that none sees an old one.
func TestStateThatMovesIsCastAnew(t *testing.T) {
	g := ops.NewGraph(ops.Float32)
	s := g.Param("s", 2)
	next := g.Add(g.Softmax(g.Feed("x", 2)), s)
	early, late := g.GELU(s), g.Apply(ops.ActivationGrad{Fn: "gelu"}, s, g.Accumulated(next))
	job := Job{Graph: g, Fetches: []Fetch{{"early", early}, {"late", late}}, Assigns: []Assign{{"s", next}}}
	state := newState(t, halves{}, g)
	p, ref := compile(t, job, state), newPlain(t, halves{}, job)
	for cycle := range 3 {
		x := []float32{float32(cycle), 0.3}
		copy(ref.feeds["x"].Raw(), bytesOf(x))
		must(t, Feed(p, "x", x))
		must(t, p.Micro())
		ref.step(0)
		must(t, p.Update())
		ref.run(Update, 0)
		same(t, "early", fetch(t, p, "early"), ref.read(early))
		same(t, "late", fetch(t, p, "late"), ref.read(late))
	}
}

// TestAssignedIsFull: what becomes a state is widened, straight into its place.
func TestAssignedIsFull(t *testing.T) {
	g := ops.NewGraph(ops.Float32)
	y := g.GELU(g.Feed("x", 3))
	job := Job{Graph: g, Fetches: []Fetch{{"y", y}}, Assigns: []Assign{{"a", y}, {"b", y}}}
	state := NewState(halves{})
	for _, name := range []string{"a", "b"} {
		must(t, state.Add(name, ops.F32(3)))
	}
	p := compile(t, job, state)
	must(t, Feed(p, "x", []float32{-1, 0.77, 3}))
	must(t, p.Micro())
	want := []float32{-0.15820312, 0.6015625, 3} // of bfloat16
	same(t, "a", get(t, state, "a"), want)
	same(t, "b", get(t, state, "b"), want)
	same(t, "fetched", fetch(t, p, "y"), want)
	if kinds := strings.Join(planKinds(p), " "); kinds != "cast gelu cast accumulate" {
		t.Errorf("steps %q, want one copy", kinds)
	}
}

func planKinds(p *Program) (list []string) {
	for _, r := range p.Plan() {
		list = append(list, r.Kind)
	}
	return list
}

// feedPlain gives a micro-step's feeds to a plain run.
func feedPlain(r *plain, b micro) {
	copy(r.feeds["pixels"].Raw(), b.pixels)
	copy(r.feeds["labels"].Raw(), bytesOf(b.labels))
	copy(r.feeds["sample_key"].Raw(), bytesOf(b.key))
	copy(r.feeds["seed"].Raw(), bytesOf(b.seed))
}

// TestHalvesSameBits trains on halves, with memory poisoned as values die, with borders
// and without, and step by step with values rounded by hand.
func TestHalvesSameBits(t *testing.T) {
	for _, recompute := range []bool{false, true} {
		v := small()
		v.accumulate, v.depth, v.recompute = 2, 3, recompute
		m := v.training()
		state := newState(t, halves{}, m.Graph)
		tr, l := planOf(t, m.job, state)
		checkLayout(t, tr, l)
		p, ref := compile(t, m.job, state), newPlain(t, halves{}, m.job)
		poison(p, l)
		for step := 1; step <= 2; step++ {
			update(t, p, v, step)
			copy(ref.feeds["hyper"].Raw(), bytesOf(hyper(step)))
			for i := range v.accumulate {
				feedPlain(ref, v.micro((2*step-2+i)*v.batch, 2*v.batch))
				ref.step(i)
			}
			ref.run(Update, 0)
			for _, f := range m.job.Fetches {
				sameBits(t, step, "fetch "+f.Name, fetch(t, p, f.Name), ref.read(f.Node))
			}
			for _, name := range state.Names() {
				sameBits(t, step, "state "+name, get(t, state, name), ops.Of[float32](ref.states[name]))
			}
		}
		for i, x := range fetch(t, p, "logits") {
			if math.Float32bits(x)&0xffff != 0 {
				t.Errorf("logit %d is %v, no bfloat16", i, x)
			}
		}
	}
}

// TestHalvesIsClose to the reference.
func TestHalvesIsClose(t *testing.T) {
	v := small()
	m := v.training()
	half, full := compile(t, m.job, newState(t, halves{}, m.Graph)), compile(t, m.job, newState(t, Reference{}, m.Graph))
	update(t, half, v, 1)
	update(t, full, v, 1)
	for _, f := range []string{"logits", "loss", "norm"} {
		if d := distance(fetch(t, half, f), fetch(t, full, f)); d > 2e-2 || d == 0 {
			t.Errorf("%s differs by %g", f, d)
		}
	}
}

// TestHalfTheMemory: what a training step of ViT-B keeps, and moves.
func TestHalfTheMemory(t *testing.T) {
	v := base()
	v.recompute = true
	for _, recompute := range []bool{false, true} {
		v.recompute = recompute
		full := planned(t, v)
		half := plannedOn(t, halfPlanner{}, v)
		a, b := float64(full.Memory().Arena), float64(half.Memory().Arena)
		t.Logf("recompute %v: arena %.0f MB, in full %.0f MB", recompute, b/1e6, a/1e6)
		if most := map[bool]float64{false: 0.56, true: 0.75}[recompute]; b > most*a {
			t.Errorf("recompute %v: arena of %.0f MB, in full %.0f, want %g of it at most", recompute, b/1e6, a/1e6, most)
		}
		if a, b := full.Memory().Values, half.Memory().Values; b > a*2/3 {
			t.Errorf("values of %d bytes, in full %d", b, a)
		}
	}
}

// TestRowsCountWhatIsKept: an operand in bfloat16 moves half the bytes.
func TestRowsCountWhatIsKept(t *testing.T) {
	g := ops.NewGraph(ops.Float32)
	y := g.Pool(g.Softmax(g.GELU(g.Feed("x", 2, 3, 8))), 1, 1)
	p := compile(t, Job{Graph: g, Fetches: []Fetch{{"y", y}}}, newState(t, halves{}, g))
	type row struct {
		kind  string
		bytes int64
	}
	var got []row
	for _, r := range p.Plan() {
		got = append(got, row{r.Kind, r.Bytes})
	}
	const x = 2 * 3 * 8 // elements
	want := []row{{"cast", 6 * x}, {"gelu", 4 * x}, {"cast", 6 * x}, {"softmax", 8 * x}, {"cast", 6 * x}, {"pool", 4 * x / 3}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("rows %v, want %v", got, want)
	}
}

// TestNonFiniteHalves: what is not finite is found where it is kept in bfloat16.
func TestNonFiniteHalves(t *testing.T) {
	g := ops.NewGraph(ops.Float32)
	x := g.Feed("x", 1, 2)
	y := g.Linear(x, g.Param("w", 1, 2), nil)
	state := newState(t, halves{}, g)
	p := compile(t, Job{Graph: g, Fetches: []Fetch{{"y", y}}}, state)
	must(t, Feed(p, "x", []float32{1e38, 1e38}))
	must(t, Set(state, "w", []float32{1e3, 1}))
	if got, err := p.FirstNonFinite(); err != nil || got != "micro  linear(bias=false)" {
		t.Errorf("%q, %v, want the product", got, err)
	}
}

// TestReferenceIsNoStorer: without one nothing is cast.
func TestReferenceIsNoStorer(t *testing.T) {
	p := planned(t, small())
	if n := len(castSteps(p)); n != 0 {
		t.Errorf("%d casts", n)
	}
	want, made := Storages(Reference{}, ops.Add{}, make([]Tensor, 2), make([]Tensor, 1))
	if !slices.Equal(want, []Storage{Full, Full}) || !slices.Equal(made, []Storage{Full}) {
		t.Errorf("kept as %v and %v", want, made)
	}
}
