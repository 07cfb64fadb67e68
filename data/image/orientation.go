package image

import (
	"bytes"
	"encoding/binary"
)

// orientation returns the EXIF orientation of a JPEG file, 1 to 8; 1, upright,
// where it says nothing usable.
func orientation(file []byte) int {
	for rest := file; ; {
		segment, kind, after := jpegSegment(rest)
		if segment == nil {
			return 1
		}
		if tiff, ok := bytes.CutPrefix(segment, []byte("Exif\x00\x00")); ok && kind == 0xe1 {
			return tiffOrientation(tiff)
		}
		rest = after
	}
}

// jpegSegment returns the payload of the first segment in b, its marker and
// what follows; nil where the headers end or are damaged. A leading SOI is
// passed over.
func jpegSegment(b []byte) (payload []byte, kind byte, after []byte) {
	b = bytes.TrimPrefix(b, []byte{0xff, 0xd8})
	if len(b) < 4 || b[0] != 0xff || b[1] == 0xda {
		return nil, 0, nil
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if n < 2 || 2+n > len(b) {
		return nil, 0, nil
	}
	return b[4 : 2+n], b[1], b[2+n:]
}

// tiffOrientation finds tag 0x0112, a SHORT, in the first directory.
func tiffOrientation(tiff []byte) int {
	var order binary.ByteOrder = binary.LittleEndian
	if bytes.HasPrefix(tiff, []byte("MM")) {
		order = binary.BigEndian
	}
	if len(tiff) < 8 {
		return 1
	}
	at := uint64(order.Uint32(tiff[4:]))
	if at+2 > uint64(len(tiff)) {
		return 1
	}
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(entries) < 12 {
			return 1
		}
		if order.Uint16(entries) == 0x0112 {
			if v := int(order.Uint16(entries[8:])); v >= 1 && v <= 8 {
				return v
			}
			return 1
		}
		entries = entries[12:]
	}
	return 1
}

// turn makes a picture stored with EXIF orientation o upright.
func (p *Picture) turn(o int) {
	if o == 1 {
		return
	}
	p.stored = append(p.stored[:0], p.Pix...)
	stored := Picture{W: p.W, H: p.H, Pix: p.stored}
	if o >= 5 { // rows and columns change places
		p.W, p.H = p.H, p.W
	}
	for y := range p.H {
		for x := range p.W {
			sx, sy := stored.origin(o, x, y)
			copy(p.Pix[3*(y*p.W+x):][:3], stored.Pix[3*(sy*stored.W+sx):])
		}
	}
}

// origin returns where pixel (x, y) of the upright picture is stored under
// orientation o.
func (p *Picture) origin(o, x, y int) (sx, sy int) {
	right, bottom := p.W-1, p.H-1
	switch o {
	case 2: // mirrored
		return right - x, y
	case 3: // turned by 180 degrees
		return right - x, bottom - y
	case 4: // upside down, mirrored
		return x, bottom - y
	case 5: // transposed
		return y, x
	case 6: // to be turned clockwise
		return y, bottom - x
	case 7: // transposed across the other diagonal
		return right - y, bottom - x
	case 8: // to be turned counter-clockwise
		return right - y, x
	}
	return x, y
}
