package ops

// Accumulate marks where a gradient becomes a sum over the micro-batches of one
// update. To gorgonia it is the identity; the engine adds into one buffer on
// every micro-step and runs what depends on it once per update.
type Accumulate struct{}

func (k Accumulate) String() string { return "accumulate" }

func (k Accumulate) Infer(in []Spec) ([]Spec, error) { return in[:1], nil }

func (k Accumulate) InPlace(int) []int { return []int{0} }

func (k Accumulate) Do(in, out []Buf) { copy(out[0].Raw(), in[0].Raw()) }

// Accumulated is n summed over micro-batches: n itself where it already
// derives from a sum.
func (g *Graph) Accumulated(n *Node) *Node {
	if g.err != nil || g.isSum(n) {
		return n
	}
	s := g.Apply(Accumulate{}, n)
	if s != nil {
		g.summed[s] = true
	}
	return s
}

func (g *Graph) isSum(n *Node) bool {
	if s, ok := g.summed[n]; ok {
		return s
	}
	s := false
	for _, c := range g.Children(n) {
		if s = g.isSum(c); s {
			break
		}
	}
	g.summed[n] = s
	return s
}
