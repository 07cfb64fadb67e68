package main

import (
	"context"
	"encoding/binary"
	"encoding/csv"
	"io"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"m2pt/data/audio"
	"m2pt/data/generated"
	"m2pt/experiment"
	"m2pt/train"
)

// writeSounds writes both splits of generated sounds as WAV files, and the
// tables that list them.
func writeSounds(ctx context.Context, dir string, cfg *experiment.Config) error {
	d := cfg.Data
	rows := [][]string{{"path", "label", "split"}}
	var classes []string
	for split, count := range counts(d) {
		src, err := generated.NewSounds(generated.SoundOptions{Split: string(split), Count: count, Seed: d.Seed})
		if err != nil {
			return err
		}
		classes = src.Classes()
		name := func(i int) string { return path.Join(string(split), number6(i)+".wav") }
		for i := range count {
			rows = append(rows, []string{name(i), strconv.Itoa(int(src.Labels(i)[0])), string(split)})
		}
		err = each(ctx, count, train.Workers(d), func() writer {
			var clip audio.Clip
			return func(i int) error {
				if err := src.Load(i, &clip); err != nil {
					return err
				}
				return writeFile(filepath.Join(dir, filepath.FromSlash(name(i))), func(w io.Writer) error { return encodeWAV(w, &clip) })
			}
		})
		if err != nil {
			return err
		}
	}
	err := writeFile(filepath.Join(dir, "classes.txt"), func(w io.Writer) error {
		_, err := io.WriteString(w, strings.Join(classes, "\n")+"\n")
		return err
	})
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, "split.csv"), func(w io.Writer) error { return csv.NewWriter(w).WriteAll(rows) })
}

// encodeWAV writes a clip as 32-bit floats, which keep its samples exactly.
func encodeWAV(w io.Writer, c *audio.Clip) error {
	const float, width, extra = 3, 4, 0
	size, frame := uint32(width*len(c.Samples)), uint16(width*c.Channels)
	for _, part := range []any{
		[]byte("RIFF"), 50 + size, []byte("WAVE"),
		[]byte("fmt "), uint32(18), uint16(float), uint16(c.Channels),
		uint32(c.Rate), uint32(c.Rate) * uint32(frame), frame, uint16(8 * width), uint16(extra),
		[]byte("fact"), uint32(4), uint32(c.Len()),
		[]byte("data"), size, c.Samples,
	} {
		if err := binary.Write(w, binary.LittleEndian, part); err != nil {
			return err
		}
	}
	return nil
}
