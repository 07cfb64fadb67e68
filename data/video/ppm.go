package video

import (
	"bufio"
	"fmt"
	"io"

	"m2pt/data/image"
)

// readPPM reads a picture of 8-bit RGB in the PPM format as ffmpeg writes it: the
// lines "P6", width and height, "255", then the pixels. An end amid them is
// io.ErrUnexpectedEOF.
func readPPM(r *bufio.Reader, p *image.Picture) error {
	var w, h int
	header := make([]byte, 0, 32)
	for lines := 0; lines < 3; {
		b, err := r.ReadByte()
		if err == io.EOF {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		if header = append(header, b); len(header) == cap(header) {
			return fmt.Errorf("PPM header %q: too long", header)
		}
		if b == '\n' {
			lines++
		}
	}
	if _, err := fmt.Sscanf(string(header), "P6\n%d %d\n255\n", &w, &h); err != nil {
		return fmt.Errorf("PPM header %q: want P6, width, height and 255", header)
	}
	if w < 1 || h < 1 || w > maxFrame/h {
		return fmt.Errorf("PPM header: %d x %d pixels: want between 1 and %d in all", w, h, maxFrame)
	}
	p.Resize(w, h)
	if _, err := io.ReadFull(r, p.Pix); err == io.EOF {
		return io.ErrUnexpectedEOF
	} else if err != nil {
		return err
	}
	return nil
}
