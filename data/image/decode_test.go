package image

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	stdimage "image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"slices"
	"strings"
	"testing"
)

// encoded returns a picture file.
func encoded(t testing.TB, kind string, img stdimage.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	var err error
	switch kind {
	case "jpeg":
		err = jpeg.Encode(&b, img, &jpeg.Options{Quality: 95})
	case "png":
		err = png.Encode(&b, img)
	case "gif":
		err = gif.Encode(&b, img, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// filled sets every pixel of m to c and returns it.
func filled[M interface {
	stdimage.Image
	Set(x, y int, c color.Color)
}](m M, c color.Color) M {
	b := m.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			m.Set(x, y, c)
		}
	}
	return m
}

// tinyWebP is a lossless 1x1 file with the colour (255, 0, 0).
const tinyWebP = "UklGRhwAAABXRUJQVlA4TA8AAAAvAAAAAAcQ/Y/+ByKi/wEA"

func TestDecodeKinds(t *testing.T) {
	r := stdimage.Rect(0, 0, 5, 3)
	webp, err := base64.StdEncoding.DecodeString(tinyWebP)
	if err != nil {
		t.Fatal(err)
	}
	half := color.NRGBA{200, 100, 50, 128}
	for _, c := range []struct {
		name      string
		file      []byte
		want      [3]uint8
		tolerance int
	}{
		{"JPEG", encoded(t, "jpeg", filled(stdimage.NewRGBA(r), color.RGBA{200, 100, 50, 255})), [3]uint8{200, 100, 50}, 2},
		{"grey JPEG", encoded(t, "jpeg", filled(stdimage.NewGray(r), color.Gray{77})), [3]uint8{77, 77, 77}, 1},
		{"PNG", encoded(t, "png", filled(stdimage.NewRGBA(r), color.RGBA{200, 100, 50, 255})), [3]uint8{200, 100, 50}, 0},
		{"PNG with alpha", encoded(t, "png", filled(stdimage.NewNRGBA(r), half)), [3]uint8{200, 100, 50}, 0},
		{"grey PNG", encoded(t, "png", filled(stdimage.NewGray(r), color.Gray{77})), [3]uint8{77, 77, 77}, 0},
		{"16-bit PNG with alpha", encoded(t, "png", filled(stdimage.NewNRGBA64(r), color.NRGBA64{0xc8ff, 0x64ff, 0x3280, 0x4000})), [3]uint8{200, 100, 50}, 0},
		{"transparent 16-bit PNG", encoded(t, "png", filled(stdimage.NewNRGBA64(r), color.NRGBA64{0xc8ff, 0x6400, 0x3280, 0})), [3]uint8{200, 100, 50}, 0},
		{"16-bit PNG", encoded(t, "png", filled(stdimage.NewNRGBA64(r), color.NRGBA64{0xc8ff, 0x6400, 0x3280, 0xffff})), [3]uint8{200, 100, 50}, 0},
		{"16-bit grey PNG", encoded(t, "png", filled(stdimage.NewGray16(r), color.Gray16{0x4dff})), [3]uint8{77, 77, 77}, 0},
		{"palette PNG", encoded(t, "png", stdimage.NewPaletted(r, color.Palette{half})), [3]uint8{200, 100, 50}, 0},
		{"GIF", encoded(t, "gif", stdimage.NewPaletted(r, color.Palette{color.RGBA{200, 100, 50, 255}})), [3]uint8{200, 100, 50}, 0},
		{"WebP", webp, [3]uint8{255, 0, 0}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var p Picture
			if err := Decode(c.file, &p); err != nil {
				t.Fatal(err)
			}
			if len(p.Pix) != 3*p.W*p.H || c.name != "WebP" && (p.W != 5 || p.H != 3) {
				t.Fatalf("%dx%d with %d bytes", p.W, p.H, len(p.Pix))
			}
			for i, v := range p.Pix {
				if d := int(v) - int(c.want[i%3]); d > c.tolerance || -d > c.tolerance {
					t.Fatalf("pixel %d: %v, want %v", i/3, p.Pix[i/3*3:i/3*3+3], c.want)
				}
			}
		})
	}
}

func TestConvertCMYK(t *testing.T) {
	var p Picture
	p.set(filled(stdimage.NewCMYK(stdimage.Rect(0, 0, 2, 1)), color.CMYK{255, 0, 128, 0}), nil)
	if want := []uint8{0, 255, 127, 0, 255, 127}; !slices.Equal(p.Pix, want) {
		t.Errorf("%v, want %v", p.Pix, want)
	}
}

// pngHeader is a PNG that claims a size and ends.
func pngHeader(w, h uint32) []byte {
	ihdr := []byte("IHDR............\x08\x02\x00\x00\x00")[:17]
	binary.BigEndian.PutUint32(ihdr[4:], w)
	binary.BigEndian.PutUint32(ihdr[8:], h)
	copy(ihdr[12:], "\x08\x02\x00\x00\x00")
	out := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), ihdr...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(ihdr))
}

func TestDecodeRefuses(t *testing.T) {
	good := encoded(t, "jpeg", noiseImage(64, 64))
	for _, c := range []struct {
		name string
		file []byte
		say  string
	}{
		{"empty", nil, "empty"},
		{"text", []byte("hello, world"), "not JPEG"},
		{"truncated JPEG", good[:len(good)/2], "JPEG"},
		{"JPEG header alone", good[:4], "JPEG"},
		{"bomb", pngHeader(60000, 60000), "3600000000"},
		{"no pixels", pngHeader(0, 10), "PNG"},
		{"WAV", []byte("RIFF\x00\x00\x00\x00WAVEfmt "), "WebP"},
	} {
		err := Decode(c.file, &Picture{})
		if err == nil || !strings.Contains(err.Error(), c.say) && !strings.Contains(err.Error(), "60000 x 60000") {
			t.Errorf("%s: error %v, want one that says %q", c.name, err, c.say)
		}
	}
}

func noiseImage(w, h int) stdimage.Image {
	m := stdimage.NewRGBA(stdimage.Rect(0, 0, w, h))
	p := noise(w, h)
	for i := range w * h {
		copy(m.Pix[4*i:], p.Pix[3*i:3*i+3])
		m.Pix[4*i+3] = 255
	}
	return m
}

// exif puts an orientation into a JPEG file.
func exif(file []byte, order binary.AppendByteOrder, orientation uint16) []byte {
	tiff := []byte("II*\x00")
	if order == binary.AppendByteOrder(binary.BigEndian) {
		tiff = []byte("MM\x00*")
	}
	tiff = order.AppendUint32(tiff, 8)
	tiff = order.AppendUint16(tiff, 2)
	for _, tag := range []uint16{0x0100, 0x0112} {
		tiff = order.AppendUint16(tiff, tag)
		tiff = order.AppendUint16(tiff, 3)
		tiff = order.AppendUint32(tiff, 1)
		tiff = order.AppendUint16(tiff, orientation)
		tiff = order.AppendUint16(tiff, 0)
	}
	segment := append([]byte("Exif\x00\x00"), tiff...)
	out := append([]byte{}, file[:2]...)
	out = append(out, 0xff, 0xe1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(segment)+2))
	return append(append(out, segment...), file[2:]...)
}

// TestOrientation: an F stored in each of the eight ways is read upright.
func TestOrientation(t *testing.T) {
	upright := []string{"###", "#..", "##.", "#.."}
	stored := map[uint16][]string{
		1: upright,
		2: {"###", "..#", ".##", "..#"},
		3: {"..#", ".##", "..#", "###"},
		4: {"#..", "##.", "#..", "###"},
		5: {"####", "#.#.", "#..."},
		6: {"#...", "#.#.", "####"},
		7: {"...#", ".#.#", "####"},
		8: {"####", ".#.#", "...#"},
	}
	for o, rows := range stored {
		const cell = 16 // large enough for blocks of chroma and luma
		m := stdimage.NewRGBA(stdimage.Rect(0, 0, cell*len(rows[0]), cell*len(rows)))
		for y := range m.Rect.Dy() {
			for x := range m.Rect.Dx() {
				m.Set(x, y, color.Gray{map[byte]uint8{'#': 255, '.': 0}[rows[y/cell][x/cell]]})
			}
		}
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			var p Picture
			if err := Decode(exif(encoded(t, "jpeg", m), order, o), &p); err != nil {
				t.Fatal(err)
			}
			var got []string
			for y := cell / 2; y < p.H; y += cell {
				row := ""
				for x := cell / 2; x < p.W; x += cell {
					row += map[bool]string{true: "#", false: "."}[p.Pix[3*(y*p.W+x)] > 127]
				}
				got = append(got, row)
			}
			if !slices.Equal(got, upright) {
				t.Errorf("orientation %d, %v: read as %q", o, order, got)
			}
		}
	}
}

func TestOrientationOfDamagedHeaders(t *testing.T) {
	good := exif(encoded(t, "jpeg", noiseImage(8, 8)), binary.LittleEndian, 6)
	if got := orientation(good); got != 6 {
		t.Fatalf("orientation %d, want 6", got)
	}
	for n := range 60 {
		if got := orientation(good[:n]); got != 1 && got != 6 {
			t.Errorf("cut to %d bytes: %d", n, got)
		}
	}
	for _, o := range []uint16{0, 9, 65535} {
		if got := orientation(exif(good[:2], binary.BigEndian, o)); got != 1 {
			t.Errorf("orientation %d is taken as %d", o, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, kind := range []string{"jpeg", "png", "gif"} {
		f.Add(encoded(f, kind, noiseImage(9, 7)))
	}
	f.Add(exif(encoded(f, "jpeg", noiseImage(9, 7)), binary.BigEndian, 5))
	webp, _ := base64.StdEncoding.DecodeString(tinyWebP)
	f.Add(webp)
	f.Add(pngHeader(60000, 60000))
	f.Fuzz(func(t *testing.T, file []byte) {
		var p Picture
		if err := Decode(file, &p); err == nil && (p.W < 1 || p.H < 1 || len(p.Pix) != 3*p.W*p.H) {
			t.Errorf("%dx%d with %d bytes", p.W, p.H, len(p.Pix))
		}
	})
}

func TestExtension(t *testing.T) {
	for content, want := range map[string]string{
		string(encoded(t, "jpeg", noiseImage(2, 2))): "jpg", string(encoded(t, "png", noiseImage(2, 2))): "png",
		"GIF89a": "gif", "RIFF....WEBP": "webp", "BM": "", "": "",
	} {
		if got := Extension([]byte(content)); got != want {
			t.Errorf("%.12q: %q, want %q", content, got, want)
		}
	}
}
