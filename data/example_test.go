package data_test

import (
	"context"
	"fmt"

	"m2pt/data"
	"m2pt/data/generated"
	"m2pt/data/image"
)

// Two epochs over generated pictures, shifted and mirrored at random.
func Example() {
	pictures, err := generated.NewImages(generated.Options{Variant: "shapes", Split: "train", Size: 32, Count: 100})
	if err != nil {
		fmt.Println(err)
		return
	}
	train := image.NewDataset(pictures, image.Shift{Side: 32, Pad: 4, Flip: 0.5})
	loader, err := data.NewLoader(train, data.Options{Batch: 48, Workers: 2, Shuffle: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	for epoch := range 2 {
		for batch, err := range loader.Epoch(context.Background(), epoch, 0) {
			if err != nil {
				fmt.Println(err)
				return
			}
			fmt.Println("epoch", epoch, "rows", batch.Valid, "bytes", len(batch.Pixels), "first key", batch.Keys[:2])
		}
	}
	// Output:
	// epoch 0 rows 48 bytes 147456 first key [0 0]
	// epoch 0 rows 48 bytes 147456 first key [0 48]
	// epoch 1 rows 48 bytes 147456 first key [1 0]
	// epoch 1 rows 48 bytes 147456 first key [1 48]
}
