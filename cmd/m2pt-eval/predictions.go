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

// writePredictions writes a CSV row for every prediction that evaluate gives to
// row. The file appears when the evaluation is complete.
func writePredictions(path string, set data.Dataset, evaluate func(row func(train.Prediction) error) (train.Result, error)) (result train.Result, err error) {
	header, row := []string{"file", "label", "label_name", "prediction", "prediction_name", "probability", "correct"}, classRow
	if _, ok := set.(data.Segmented); ok {
		header, row = []string{"file", "label", "label_name", "points", "correct_points", "iou"}, partsRow
	}
	err = atomicfile.Write(path, 0o644, func(w io.Writer) error {
		t := csv.NewWriter(w)
		if err := t.Write(header); err != nil {
			return err
		}
		var err error
		if result, err = evaluate(func(p train.Prediction) error { return t.Write(row(p, set)) }); err != nil {
			return err
		}
		t.Flush()
		return t.Error()
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
