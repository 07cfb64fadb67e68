package main

import (
	"encoding/csv"
	"io"
	"math"
	"strconv"

	"m2pt/data"
	"m2pt/internal/atomicfile"
	"m2pt/train"
)

// evaluation gives its predictions to each, one after the other.
type evaluation func(each func(train.Prediction) error) (train.Result, error)

// table is what a CSV file of predictions has.
type table struct {
	header []string
	row    func(p train.Prediction, set data.Dataset) []string
}

// tableFor is the table of a model's predictions for a dataset.
func tableFor(m *train.Model, set data.Dataset) table {
	if m.Pretrainer != nil {
		return table{[]string{"file", "label", "label_name", "masked_loss"}, lossRow}
	}
	if _, ok := set.(data.Segmented); ok {
		return table{[]string{"file", "label", "label_name", "points", "correct_points", "iou"}, partsRow}
	}
	return table{[]string{"file", "label", "label_name", "prediction", "prediction_name", "probability", "correct"}, classRow}
}

// writePredictions writes a CSV row for every prediction of an evaluation. The file
// appears when that is complete.
func writePredictions(path string, t table, set data.Dataset, evaluate evaluation) (result train.Result, err error) {
	err = atomicfile.Write(path, 0o644, func(w io.Writer) error {
		c := csv.NewWriter(w)
		if err := c.Write(t.header); err != nil {
			return err
		}
		var err error
		if result, err = evaluate(func(p train.Prediction) error { return c.Write(t.row(p, set)) }); err != nil {
			return err
		}
		c.Flush()
		return c.Error()
	})
	return result, err
}

// classRow is the answer to one sample.
func classRow(p train.Prediction, set data.Dataset) []string {
	best, probability := answer(p.Logits)
	names := set.Classes()
	return []string{set.Name(p.Index), strconv.Itoa(p.Label), names[p.Label], strconv.Itoa(best), names[best],
		strconv.FormatFloat(probability, 'g', 6, 64), strconv.FormatBool(best == p.Label)}
}

// lossRow is how badly the masked tokens of one sample were told.
func lossRow(p train.Prediction, set data.Dataset) []string {
	return []string{set.Name(p.Index), strconv.Itoa(p.Label), set.Classes()[p.Label], strconv.FormatFloat(float64(p.Loss), 'g', 6, 64)}
}

// partsRow is the answer to the points of one shape.
func partsRow(p train.Prediction, set data.Dataset) []string {
	correct := 0
	for i, part := range p.Predicted {
		if part == p.Parts[i] {
			correct++
		}
	}
	return []string{set.Name(p.Index), strconv.Itoa(p.Label), set.Classes()[p.Label], strconv.Itoa(len(p.Parts)), strconv.Itoa(correct),
		strconv.FormatFloat(p.IoU, 'g', 6, 64)}
}

// answer is the class with the highest logit, the first of equals and NaN last,
// and its softmax probability.
func answer(logits []float32) (class int, probability float64) {
	for i, v := range logits {
		if top := logits[class]; v > top || top != top && v == v {
			class = i
		}
	}
	var sum float64
	for _, v := range logits {
		sum += math.Exp(float64(v - logits[class]))
	}
	return class, 1 / sum
}
