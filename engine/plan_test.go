package engine

import (
	"testing"

	"m2pt/ops"
)

// TestRows: what the rows of a plan say of one call and how many there are.
func TestRows(t *testing.T) {
	const x, row = 4 * 2 * 3 * 8, 4 * 8 // bytes of [2, 3, 8] and of [8]
	for _, c := range []struct {
		name       string
		accumulate int
		build      func(g *ops.Graph, x *ops.Node) *ops.Node
		want       []Row // Kind, Calls and Bytes
	}{
		{"operands once", 1, func(g *ops.Graph, x *ops.Node) *ops.Node { return g.Add(x, g.GELU(x)) },
			[]Row{{Kind: "gelu", Calls: 1, Bytes: 2 * x}, {Kind: "add", Calls: 1, Bytes: 3 * x}}},
		{"an operand twice", 1, func(g *ops.Graph, x *ops.Node) *ops.Node { return g.Add(x, x) },
			[]Row{{Kind: "add", Calls: 1, Bytes: 2 * x}}},
		{"one token", 1, func(g *ops.Graph, x *ops.Node) *ops.Node { return g.Pool(x, 1, 1) },
			[]Row{{Kind: "pool", Calls: 1, Bytes: 2 * (row + row)}}},
		{"the largest of two", 1, func(g *ops.Graph, x *ops.Node) *ops.Node { return g.MaxPool(x, 1, 2) },
			[]Row{{Kind: "max_pool", Calls: 1, Bytes: 2 * (2*row + 2*row)}}},
		{"two tokens", 1, func(g *ops.Graph, x *ops.Node) *ops.Node { return g.Entries(x, 1, 2) },
			[]Row{{Kind: "entries", Calls: 1, Bytes: 2 * (2*row + 2*row)}}},
		{"columns", 1, func(g *ops.Graph, x *ops.Node) *ops.Node { return g.Columns(x, 5, 6) },
			[]Row{{Kind: "columns", Calls: 1, Bytes: 4 * 2 * (6 + 6)}}},
		{"tokens by index", 1, func(g *ops.Graph, x *ops.Node) *ops.Node {
			return g.Gather(x, g.Declare("index", ops.Spec{Shape: []int{2, 1}, Dtype: ops.Int32}, ops.PerBatch))
		}, []Row{{Kind: "gather", Calls: 1, Bytes: 2 * (row + 4 + row)}}},
		{"one micro-step", 1, func(g *ops.Graph, x *ops.Node) *ops.Node { return g.Accumulated(g.GELU(x)) },
			[]Row{{Kind: "gelu", Calls: 1, Bytes: 2 * x}, {Kind: "accumulate", Bytes: 2 * x}}},
		{"micro-steps", 4, func(g *ops.Graph, x *ops.Node) *ops.Node { return g.Accumulated(g.GELU(x)) },
			[]Row{{Kind: "gelu", Calls: 4, Bytes: 2 * x}, {Kind: "accumulate", Calls: 4, Bytes: 2*x + 3*x/4}}},
		{"in place", 1, func(g *ops.Graph, x *ops.Node) *ops.Node { return g.Reshape(g.GELU(x), 6, 8) },
			[]Row{{Kind: "gelu", Calls: 1, Bytes: 2 * x}, {Kind: "reshape", Bytes: 2 * x}}},
		{"not in place", 1, func(g *ops.Graph, x *ops.Node) *ops.Node { return g.Reshape(x, 6, 8) },
			[]Row{{Kind: "reshape", Calls: 1, Bytes: 2 * x}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := ops.NewGraph(ops.Float32)
			y := c.build(g, g.Feed("x", 2, 3, 8))
			p := compile(t, Job{Graph: g, Fetches: []Fetch{{"y", y}}, Accumulate: c.accumulate}, newState(t, Reference{}, g))
			got := p.Plan()
			if len(got) != len(c.want) {
				t.Fatalf("%+v, want %+v", got, c.want)
			}
			for i, w := range c.want {
				if g := got[i]; g.Kind != w.Kind || g.Calls != w.Calls || g.Bytes != w.Bytes {
					t.Errorf("step %d: %s, %d calls of %d bytes, want %s, %d of %d", i, g.Kind, g.Calls, g.Bytes, w.Kind, w.Calls, w.Bytes)
				}
			}
		})
	}
}
