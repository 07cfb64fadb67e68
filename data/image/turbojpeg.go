//go:build (linux || darwin) && (amd64 || arm64)

package image

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Turbo is libturbojpeg, loaded while the program runs. Its pixels are Pillow's,
// which has the same decoder. It is safe for concurrent use; a nil *Turbo is the
// standard library alone.
type Turbo struct {
	create, destroy, header, decompress uintptr // entry points

	idle sync.Pool // of *decompressor: one for each reader at work
}

// decompressor is a tjhandle and what a header is read into.
type decompressor struct {
	handle                         uintptr
	width, height, chroma, colours int32
}

// OpenTurbo loads libturbojpeg, 1.4 or later. An error says that it is not
// installed where the system looks.
func OpenTurbo() (*Turbo, error) {
	if runtime.GOOS == "darwin" {
		return openTurbo("libturbojpeg.dylib")
	}
	return openTurbo("libturbojpeg.so.0")
}

func openTurbo(name string) (*Turbo, error) {
	lib, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", name, err)
	}
	t := &Turbo{}
	for symbol, entry := range map[string]*uintptr{
		"tjInitDecompress":    &t.create,
		"tjDestroy":           &t.destroy,
		"tjDecompressHeader3": &t.header,
		"tjDecompress2":       &t.decompress,
	} {
		if *entry, err = purego.Dlsym(lib, symbol); err != nil {
			return nil, fmt.Errorf("load %s: %w", name, err)
		}
	}
	return t, nil
}

// decode reads a JPEG file into dst as stored, not turned. It reports whether the
// library did so without complaint: CMYK, a size out of bounds, and damage that it
// warns of and guesses over are left to the decoder that comes next. A handle that
// met an error is not used again: the library may leave it amid that file.
func (t *Turbo) decode(file []byte, dst *Picture) bool {
	if t == nil || !bytes.HasPrefix(file, []byte(jpegMagic)) {
		return false
	}
	d := t.decompressor()
	if !t.readHeader(d, file) || checkSize(int(d.width), int(d.height)) != nil {
		return false
	}
	dst.Resize(int(d.width), int(d.height))
	clean := t.readPixels(d, file, dst.Pix)
	if clean {
		t.idle.Put(d)
	}
	runtime.KeepAlive(d)
	return clean
}

// decompressor returns an idle one or a new one. Its handle is freed when the
// garbage collector finds it unused.
func (t *Turbo) decompressor() *decompressor {
	if d, ok := t.idle.Get().(*decompressor); ok {
		return d
	}
	d := &decompressor{}
	d.handle, _, _ = purego.SyscallN(t.create)
	destroy := t.destroy
	runtime.AddCleanup(d, func(handle uintptr) { purego.SyscallN(destroy, handle) }, d.handle)
	return d
}

// readHeader is
//
//	int tjDecompressHeader3(tjhandle, const unsigned char *jpegBuf, unsigned long jpegSize,
//	  int *width, int *height, int *jpegSubsamp, int *jpegColorspace)
func (t *Turbo) readHeader(d *decompressor, file []byte) bool {
	status, _, _ := purego.SyscallN(t.header, d.handle,
		uintptr(unsafe.Pointer(unsafe.SliceData(file))), uintptr(len(file)),
		uintptr(unsafe.Pointer(&d.width)), uintptr(unsafe.Pointer(&d.height)),
		uintptr(unsafe.Pointer(&d.chroma)), uintptr(unsafe.Pointer(&d.colours)))
	return int32(status) == 0
}

// readPixels is
//
//	int tjDecompress2(tjhandle, const unsigned char *jpegBuf, unsigned long jpegSize,
//	  unsigned char *dstBuf, int width, int pitch, int height, int pixelFormat, int flags)
//
// whose status is -1 after a warning, too.
func (t *Turbo) readPixels(d *decompressor, file, rgb []byte) bool {
	const (
		packed      = 0    // pitch: no gap between rows
		formatRGB   = 0    // TJPF_RGB
		accurateDCT = 4096 // TJFLAG_ACCURATEDCT: Pillow's inverse cosine transform
	)
	status, _, _ := purego.SyscallN(t.decompress, d.handle,
		uintptr(unsafe.Pointer(unsafe.SliceData(file))), uintptr(len(file)),
		uintptr(unsafe.Pointer(unsafe.SliceData(rgb))), uintptr(d.width), packed, uintptr(d.height), formatRGB, accurateDCT)
	return int32(status) == 0
}
