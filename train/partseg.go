package train

import (
	"fmt"
	"slices"
)

// PartSegmentation are the figures of part segmentation; fractions, not percent.
type PartSegmentation struct {
	InstanceIoU   float64       `json:"instance_miou"`      // mean over shapes
	ClassIoU      float64       `json:"class_miou"`         // mean over the categories that occur, of their means
	Accuracy      float64       `json:"accuracy"`           // of points
	ClassAccuracy float64       `json:"class_avg_accuracy"` // mean over the parts that occur
	Categories    []CategoryIoU `json:"categories"`
	Absent        []string      `json:"absent_categories,omitempty"` // without shapes: left out of ClassIoU
}

// CategoryIoU is the mean over the shapes of a category.
type CategoryIoU struct {
	Name   string  `json:"name"`
	Shapes int     `json:"shapes"`
	IoU    float64 `json:"iou"`
}

// PartTally sums results of part segmentation over shapes. Every category has
// parts of its own, and a point is only ever taken for a part of its shape's
// category.
type PartTally struct {
	categories []string
	parts      [][]int32 // ids by category; they run over all categories
	iou        []float64 // sum over shapes, by category
	shapes     []int     // by category
	points     []int     // by part
	hits       []int     // by part
}

// NewPartTally counts for these categories and the ids of their parts; classes P
// is the number of ids, which run from 0.
func NewPartTally(categories []string, parts [][]int32, classes int) (*PartTally, error) {
	if len(parts) != len(categories) {
		return nil, fmt.Errorf("part segmentation: parts of %d categories, want %d", len(parts), len(categories))
	}
	for i, ids := range parts {
		if len(ids) == 0 || slices.Min(ids) < 0 || int(slices.Max(ids)) >= classes {
			return nil, fmt.Errorf("part segmentation: category %q has the parts %v: want some of 0..%d", categories[i], ids, classes-1)
		}
	}
	return &PartTally{categories, parts, make([]float64, len(parts)), make([]int, len(parts)), make([]int, classes), make([]int, classes)}, nil
}

// Add counts a shape of a category from its logits [N, P] and its true parts [N],
// and returns the parts that the logits say.
func (t *PartTally) Add(logits []float32, labels []int32, category int) ([]int32, error) {
	P := len(t.points)
	if len(labels) == 0 || len(logits) != len(labels)*P {
		return nil, fmt.Errorf("part segmentation: %d logits for %d points, want %d of each point", len(logits), len(labels), P)
	}
	if category < 0 || category >= len(t.parts) {
		return nil, fmt.Errorf("part segmentation: category %d, want 0..%d", category, len(t.parts)-1)
	}
	if low, high := slices.Min(labels), slices.Max(labels); low < 0 || int(high) >= P {
		return nil, fmt.Errorf("part segmentation: the shape has parts %d..%d, want 0..%d", low, high, P-1)
	}
	ids := t.parts[category]
	predicted := make([]int32, len(labels))
	for i := range predicted {
		predicted[i] = bestPart(logits[i*P:][:P], ids)
	}
	t.shapes[category]++
	t.iou[category] += shapeIoU(predicted, labels, ids)
	for i, label := range labels {
		t.points[label]++
		if predicted[i] == label {
			t.hits[label]++
		}
	}
	return predicted, nil
}

// bestPart is the id of the largest logit, the first of equal ones.
func bestPart(logits []float32, ids []int32) int32 {
	best := ids[0]
	for _, id := range ids[1:] {
		if logits[id] > logits[best] {
			best = id
		}
	}
	return best
}

// shapeIoU is the mean over ids of |predicted ∩ true| / |predicted ∪ true|, where a
// part that is in neither counts 1.
func shapeIoU(predicted, labels, ids []int32) float64 {
	sum := 0.0
	for _, id := range ids {
		both, either := 0, 0
		for i, label := range labels {
			p, l := predicted[i] == id, label == id
			if p && l {
				both++
			}
			if p || l {
				either++
			}
		}
		sum += ratio(both, either, 1)
	}
	return sum / float64(len(ids))
}

// Result are the figures over the shapes so far. Categories and parts that did
// not occur have no share in the means over them.
func (t *PartTally) Result() PartSegmentation {
	var r PartSegmentation
	shapes, iou := 0, 0.0
	for c, n := range t.shapes {
		if n == 0 {
			r.Absent = append(r.Absent, t.categories[c])
			continue
		}
		mean := t.iou[c] / float64(n)
		r.Categories = append(r.Categories, CategoryIoU{t.categories[c], n, mean})
		r.ClassIoU += mean
		shapes, iou = shapes+n, iou+t.iou[c]
	}
	if shapes == 0 {
		return r
	}
	r.InstanceIoU = iou / float64(shapes)
	r.ClassIoU /= float64(len(r.Categories))
	r.Accuracy, r.ClassAccuracy = accuracies(t.hits, t.points)
	return r
}

// accuracies are the share of hits among all points, and the mean of the shares
// of each part that occurs.
func accuracies(hits, points []int) (overall, perPart float64) {
	allHits, allPoints, occur := 0, 0, 0
	for part, n := range points {
		allHits, allPoints = allHits+hits[part], allPoints+n
		if n > 0 {
			occur++
			perPart += ratio(hits[part], n, 0)
		}
	}
	return ratio(allHits, allPoints, 0), perPart / float64(max(occur, 1))
}

// ratio is a/b, none where b is 0.
func ratio(a, b int, none float64) float64 {
	if b == 0 {
		return none
	}
	return float64(a) / float64(b)
}
