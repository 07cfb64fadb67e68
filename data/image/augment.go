package image

import "m2pt/data"

// Augment changes the pixels of a sample, after its [Transform]. What it draws
// is a function of the key, so that frames of one clip are changed alike.
type Augment interface {
	Apply(key data.Key, c *Canvas)
}

// ColorJitter changes brightness, contrast and saturation in random order, as
// torchvision's ColorJitter does, each by a factor drawn uniformly from 1-v to
// 1+v, not below 0.
type ColorJitter struct {
	Brightness, Contrast, Saturation float64 // v of each; 0: not changed
}

// Apply draws order and factors and carries them out.
func (j ColorJitter) Apply(key data.Key, c *Canvas) {
	order, factor := j.draw(key)
	for _, i := range order {
		switch i {
		case 0:
			c.brightness(factor[i])
		case 1:
			c.contrast(factor[i])
		case 2:
			c.color(factor[i])
		}
	}
}

// draw returns an order of the three properties and the factor of each.
func (j ColorJitter) draw(key data.Key) (order [3]int32, factor [3]float32) {
	r := key.Rand("jitter")
	r.Perm(order[:])
	for i, v := range [3]float64{j.Brightness, j.Contrast, j.Saturation} {
		factor[i] = float32(r.Range(max(1-v, 0), 1+v))
	}
	return order, factor
}
