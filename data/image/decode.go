package image

import (
	"bytes"
	"errors"
	"fmt"
	stdimage "image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"strings"

	"golang.org/x/image/webp"
)

// maxPixels bounds what is decoded: a few header bytes may claim any size.
const maxPixels = 100 << 20

const jpegMagic = "\xff\xd8\xff"

// format is a file format, known by its first bytes.
type format struct {
	name   string
	magic  string
	toRGB  rowToRGB // where the decoder gives luma and chroma
	config func(io.Reader) (stdimage.Config, error)
	decode func(io.Reader) (stdimage.Image, error)
}

// formats lists the formats read, in the order tried.
func formats() []format {
	return []format{
		{"JPEG", jpegMagic, fullRange, jpeg.DecodeConfig, jpeg.Decode},
		{"PNG", "\x89PNG\r\n\x1a\n", nil, png.DecodeConfig, png.Decode},
		{"GIF", "GIF8", nil, gif.DecodeConfig, gif.Decode},
		{"WebP", "RIFF", videoRange, webp.DecodeConfig, webp.Decode},
	}
}

// Decode reads a JPEG, PNG, GIF (its first frame) or WebP file, told apart by
// content, into dst: upright by its EXIF orientation, alpha dropped, grey
// repeated, 16 bits cut to 8. Damaged files, other formats and pictures above
// 100 Mpixel are errors.
func Decode(file []byte, dst *Picture) error { return (*Turbo)(nil).Decode(file, dst) }

// Decode is [Decode] with JPEG decoded by the library; a file that the library
// complains about is decoded, or refused, by the standard library.
func (t *Turbo) Decode(file []byte, dst *Picture) (err error) {
	defer func() {
		if p := recover(); p != nil { // a decoder that trips over hostile bytes
			err = fmt.Errorf("decode picture: %v", p)
		}
	}()
	if t.decode(file, dst) {
		dst.turn(orientation(file))
		return nil
	}
	for _, f := range formats() {
		if !bytes.HasPrefix(file, []byte(f.magic)) {
			continue
		}
		img, err := f.read(file)
		if err != nil {
			return fmt.Errorf("decode %s: %w", f.name, err)
		}
		dst.set(img, f.toRGB)
		dst.turn(orientation(file))
		return nil
	}
	if len(file) == 0 {
		return errors.New("decode picture: the file is empty")
	}
	return errors.New("decode picture: not JPEG, PNG, GIF or WebP")
}

// Extension returns what the format of a picture file, told by content, is called
// in WebDataset shards: jpg, png, gif or webp. It is empty for others.
func Extension(file []byte) string {
	for _, f := range formats() {
		if bytes.HasPrefix(file, []byte(f.magic)) {
			return strings.Replace(strings.ToLower(f.name), "jpeg", "jpg", 1)
		}
	}
	return ""
}

func (f format) read(file []byte) (stdimage.Image, error) {
	c, err := f.config(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	if err := checkSize(c.Width, c.Height); err != nil {
		return nil, err
	}
	return f.decode(bytes.NewReader(file))
}

func checkSize(w, h int) error {
	if w < 1 || h < 1 || w > maxPixels/h {
		return fmt.Errorf("%d x %d pixels: want between 1 and %d in all", w, h, maxPixels)
	}
	return nil
}
