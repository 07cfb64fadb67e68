package point_test

import (
	"fmt"
	"log"

	"m2pt/data"
	"m2pt/data/generated"
	"m2pt/data/point"
)

func Example() {
	src, err := generated.NewClouds(generated.CloudOptions{Variant: "shapes", Split: "train", Count: 100, Points: 2048})
	if err != nil {
		log.Fatal(err)
	}
	ds, err := point.NewDataset(src, point.Options{
		Points: 1024, Groups: 64, GroupSize: 32,
		Sampling: "fps", UnitSphere: true,
		Train: true, Augment: point.Augment{ScaleTranslate: true},
	})
	if err != nil {
		log.Fatal(err)
	}
	sample := ds.Layout().NewSample()
	if err := ds.NewReader().Read(data.Key{Sample: 3}, sample); err != nil {
		log.Fatal(err)
	}
	fmt.Println(ds.Classes()[sample.Label], len(sample.Values), "coordinates,", len(sample.Indices), "indices")
	// Output: cone 3072 coordinates, 2112 indices
}
