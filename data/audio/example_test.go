package audio_test

import (
	"fmt"

	"m2pt/data"
	"m2pt/data/audio"
	"m2pt/data/generated"
	"m2pt/tokenizers/spectrogram"
)

// Generated sounds as spectrograms, mixed and masked at random.
func ExampleNewDataset() {
	sounds, err := generated.NewSounds(generated.SoundOptions{Split: "train", Count: 100})
	if err != nil {
		fmt.Println(err)
		return
	}
	train, err := audio.NewDataset(sounds, audio.Options{
		Rate: generated.SoundRate, Mels: 64, Frames: 64, Mean: -6, Std: 3,
		Targets: true,
		Augment: audio.Augment{RollMag: true, Mixup: 1, Masks: spectrogram.Masks{Mel: 8, Time: 8}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	sample := train.Layout().NewSample()
	if err := train.NewReader().Read(data.Key{Seed: 1, Sample: 3}, sample); err != nil {
		fmt.Println(err)
		return
	}
	sum := float32(0)
	for _, share := range sample.Targets {
		sum += share
	}
	fmt.Println("layout", train.Layout().Values, "label", train.Classes()[sample.Label], "shares", sum)
	// Output:
	// layout [64 64] label hill shares 1
}
