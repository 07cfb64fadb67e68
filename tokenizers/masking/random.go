package masking

// Random hides single tokens, as MAE does: visible are those with the smallest
// noise, in the order of it.
type Random struct {
	counts
	order []int32
}

// NewRandom returns the mask of so many tokens that keeps
// floor(tokens*(1-ratio)) of them.
func NewRandom(tokens int, ratio float64) (*Random, error) {
	keep := int(float64(tokens) * (1 - ratio))
	c := counts{keep, tokens - keep}
	if err := c.check("ratio %g of %d tokens", ratio, tokens); err != nil {
		return nil, err
	}
	return &Random{c, make([]int32, tokens)}, nil
}

// Noise is one number per token.
func (r *Random) Noise() int { return len(r.order) }

// Split takes the tokens in the order of their noise.
func (r *Random) Split(visible, masked []int32, noise, _ []float32) {
	order := smallest(r.order, noise)
	copy(masked, order[copy(visible, order):])
}

// Tube hides the same tokens of every time slice, as VideoMAE does; tokens stay
// in natural order. Of one slice it is the random mask of Point-MAE's groups.
type Tube struct {
	counts
	seen   int // per slice
	order  []int32
	hidden []bool
}

// NewTube returns the mask of so many slices that hides floor(ratio*tokens) of
// the tokens of each.
func NewTube(slices, tokens int, ratio float64) (*Tube, error) {
	slices, hide := max(slices, 0), int(ratio*float64(tokens))
	c := counts{slices * (tokens - hide), slices * hide}
	if err := c.check("ratio %g of %d slices of %d tokens", ratio, slices, tokens); err != nil {
		return nil, err
	}
	return &Tube{c, tokens - hide, make([]int32, tokens), make([]bool, tokens)}, nil
}

// Noise is one number per token of a slice.
func (t *Tube) Noise() int { return len(t.order) }

// Split hides the tokens with the largest noise.
func (t *Tube) Split(visible, masked []int32, noise, _ []float32) {
	mark(t.hidden, smallest(t.order, noise)[t.seen:], true)
	part(visible, masked, t.hidden)
}

// Block hides the groups of a point cloud nearest to a random one, itself among
// them, as Point-MAE does; groups stay in natural order.
type Block struct {
	counts
	distance []float32
	order    []int32
	hidden   []bool
}

// NewBlock returns the mask of so many groups that hides floor(ratio*groups).
func NewBlock(groups int, ratio float64) (*Block, error) {
	hide := int(ratio * float64(groups))
	c := counts{groups - hide, hide}
	if err := c.check("ratio %g of %d groups", ratio, groups); err != nil {
		return nil, err
	}
	return &Block{c, make([]float32, groups), make([]int32, groups), make([]bool, groups)}, nil
}

// Noise is one number: which group is in the middle.
func (b *Block) Noise() int { return 1 }

// Split hides the groups whose centres [G,3] are nearest to the one that noise
// picks; of equally near ones the first.
func (b *Block) Split(visible, masked []int32, noise, centers []float32) {
	middle := centers[3*pick(noise[0], len(b.order)):]
	for g := range b.distance {
		dx, dy, dz := centers[3*g]-middle[0], centers[3*g+1]-middle[1], centers[3*g+2]-middle[2]
		b.distance[g] = dx*dx + dy*dy + dz*dz
	}
	mark(b.hidden, smallest(b.order, b.distance)[:b.masked], true)
	part(visible, masked, b.hidden)
}

// pick turns a number from [0,1) into one of n; float32 would round up to n.
func pick(u float32, n int) int { return int(float64(u) * float64(n)) }
