package video

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"m2pt/data"
	"m2pt/data/image"
	"m2pt/internal/fixture"
)

// needFFmpeg skips a test where the program is not installed.
func needFFmpeg(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed: reading video files is not tested")
	}
}

// makeVideo writes n frames 32x16, whose red is 8 times their number, with the
// program ffmpeg; the arguments say how.
func makeVideo(t testing.TB, path string, n int, args ...string) {
	t.Helper()
	needFFmpeg(t)
	var raw bytes.Buffer
	for number := range n {
		for i := range 32 * 16 {
			raw.Write([]byte{uint8(8 * number), uint8(4 * (i % 32)), uint8(8 * (i / 32))})
		}
	}
	all := append([]string{"-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "32x16", "-r", "25", "-i", "pipe:0"}, args...)
	cmd := exec.Command("ffmpeg", append(all, "-y", path)...)
	cmd.Stdin = &raw
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make %s: %v: %s", path, err, out)
	}
}

// lossless keeps red, green and blue as they are.
func lossless(more ...string) []string {
	return append([]string{"-c:v", "ffv1", "-pix_fmt", "bgr0"}, more...)
}

// folderOf makes a folder dataset of one file and opens it.
func folderOf(t testing.TB, name string, file []byte) *Files {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "train", "a", name), file)
	f, err := OpenFolder(dir, "train")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// content makes a video and returns its bytes.
func content(t testing.TB, ext string, n int, args ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clip."+ext)
	makeVideo(t, path, n, args...)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestVideoFiles: every frame that ffmpeg decodes is one frame of the clip, in
// order, whatever its time.
func TestVideoFiles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file []byte
		near int // tolerance of a lossy codec
	}{
		"lossless.mkv":     {content(t, "mkv", 20, lossless()...), 0},
		"uneven times.mkv": {content(t, "mkv", 20, lossless("-vf", "setpts='if(gt(N,7),N*3,N)'")...), 0},
		"-i B frames.mp4":  {content(t, "mp4", 20, "-c:v", "mpeg4", "-bf", "2", "-q:v", "2"), 12},
	} {
		f := folderOf(t, name, c.file)
		got := reds(t, f, 0)
		if len(got) != 20 {
			t.Errorf("%s: %d frames, want 20", name, len(got))
		}
		for k, red := range got {
			if d := red - 8*k; d > c.near || -d > c.near {
				t.Errorf("%s: frame %d has red %d, want %d", name, k, red, 8*k)
			}
		}
	}
}

// TestVideoSelection: only the frames asked for come, each where it belongs.
func TestVideoSelection(t *testing.T) {
	t.Parallel()
	f := folderOf(t, "clip.mkv", content(t, "mkv", 30, lossless()...))
	for _, at := range [][]int{{0}, {29}, {3, 4}, {0, 4, 8, 12, 17, 21, 25, 29}, {1, 2, 3, 5, 8, 13, 21}} {
		clip, _, err := f.Open(0)
		if err != nil {
			t.Fatal(err)
		}
		var p image.Picture
		var got []int
		if err := clip.Read(at, &p, func(k int) error {
			if p.W != 32 || p.H != 16 || p.Pix[3*(5*32+7)+1] != 4*7 || p.Pix[3*(5*32+7)+2] != 8*5 {
				return fmt.Errorf("%dx%d, pixel (7,5) is %v", p.W, p.H, p.Pix[3*(5*32+7):][:3])
			}
			got = append(got, int(p.Pix[0])/8)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, at) {
			t.Errorf("frames %v, want %v", got, at)
		}
	}
}

// TestSelection: the condition holds for the wanted numbers alone.
func TestSelection(t *testing.T) {
	for want, at := range map[string][]int{
		"between(n,3,3)*not(mod(n-3,1))":                                                               {3},
		"between(n,3,3)*not(mod(n-3,1))+between(n,5,5)*not(mod(n-5,1))":                                {3, 5},
		"between(n,0,12)*not(mod(n-0,4))+between(n,17,25)*not(mod(n-17,4))":                            {0, 4, 8, 12, 17, 21, 25},
		"between(n,0,99999)*not(mod(n-0,1))":                                                           count(100000),
		"between(n,1,1)*not(mod(n-1,1))+between(n,9,11)*not(mod(n-9,1))":                               {1, 9, 10, 11},
		"between(n,1,1)*not(mod(n-1,1))+between(n,3,3)*not(mod(n-3,1))+between(n,9,9)*not(mod(n-9,1))": {1, 3, 9},
	} {
		if got := selection(at); got != want {
			t.Errorf("%v: %s, want %s", at[:min(len(at), 9)], got, want)
		}
	}
}

func count(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

// TestRealVideos: the AVI says that it has 96 frames; 95 can be decoded.
func TestRealVideos(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	for name, want := range map[string][3]int{"h264_demo.mp4": {280, 340, 256}, "s2_39_17_5.avi": {95, 384, 260}} {
		file, err := os.ReadFile(fixture.Data(t, filepath.Join("video", "clips", name)))
		if err != nil {
			t.Fatal(err)
		}
		f := folderOf(t, name, file)
		clip, _, err := f.Open(0)
		if err != nil {
			t.Fatal(err)
		}
		var p image.Picture
		if err := clip.Read([]int{want[0] - 1}, &p, func(int) error { return nil }); err != nil {
			t.Error(err)
		}
		if got := [3]int{clip.Len(), p.W, p.H}; got != want {
			t.Errorf("%s: %v frames, width, height, want %v", name, got, want)
		}
		ds := open(t, f, training(16, 112))
		read(t, ds, data.Key{})
		// What was decodable of the first half is a clip, or a clear error.
		f = folderOf(t, name, file[:len(file)/2])
		switch clip, _, err := f.Open(0); {
		case err != nil && !strings.Contains(err.Error(), name):
			t.Errorf("%s: cut off: error %v", name, err)
		case err == nil && (clip.Len() < 10 || clip.Len() >= want[0]):
			t.Errorf("%s: cut off: %d frames", name, clip.Len())
		case err == nil:
			reds(t, f, 0)
		}
	}
}

func TestBrokenVideos(t *testing.T) {
	t.Parallel()
	whole := content(t, "mp4", 20, "-c:v", "mpeg4")
	absurd := content(t, "avi", 3, "-c:v", "rawvideo", "-pix_fmt", "bgr24")
	at := bytes.Index(absurd, []byte("strf")) + 8 // BITMAPINFOHEADER: size, width, height
	copy(absurd[at+4:], "\x00\x00\x01\x00\x00\x00\x01\x00")
	for name, file := range map[string][]byte{
		"cut off.mp4": whole[:len(whole)-800], "empty.mp4": nil, "text.mp4": []byte("not a video\n"),
		"picture.txt": []byte("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/x.mp4\n"), "absurd.avi": absurd,
		"zeros.mkv": make([]byte, 5000),
	} {
		f := folderOf(t, name, file)
		_, _, err := f.Open(0)
		if err == nil || !strings.Contains(err.Error(), name) || len(err.Error()) > 2*maxMessage || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestNoFFmpeg: one clear error at once, and frame folders work.
func TestNoFFmpeg(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	dir := t.TempDir()
	write(t, filepath.Join(dir, "train", "a", "b", "1.png"), pngFile(t, 7, 8, 8))
	f, err := OpenFolder(dir, "train")
	if err != nil {
		t.Fatal(err)
	}
	reds(t, f, 0)
	write(t, filepath.Join(dir, "train", "a", "c.mp4"), nil)
	if f, err = OpenFolder(dir, "train"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Open(1); err == nil || !strings.Contains(err.Error(), "c.mp4: video files are decoded by the program ffmpeg") {
		t.Errorf("a video file among folders: %v", err)
	}
	write(t, filepath.Join(dir, "train", "a", "a.mp4"), nil)
	if _, err := OpenFolder(dir, "train"); !errors.Is(err, exec.ErrNotFound) || !strings.Contains(err.Error(), "install the package ffmpeg") {
		t.Errorf("a video file first: %v", err)
	}
}

// script is a stand-in for ffmpeg.
func script(t *testing.T, text string) *ffmpeg {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no shell scripts on Windows: failures of ffmpeg are not tested")
	}
	path := filepath.Join(t.TempDir(), "ffmpeg")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o777); err != nil {
		t.Fatal(err)
	}
	return &ffmpeg{program: path, stall: time.Minute}
}

func TestProcess(t *testing.T) {
	t.Parallel()
	own := errors.New("own")
	for name, c := range map[string]struct {
		script string
		read   func(io.Reader) error
		stall  time.Duration
		want   string
	}{
		"complains":        {script: "echo no such codec >&2; exit 3", want: "exit status 3: no such codec"},
		"complains a lot":  {script: "i=0; while [ $i -lt 3000 ]; do echo all is lost, all is lost >&2; i=$((i+1)); done; exit 1", want: "all is lost"},
		"says nothing":     {script: "exec sleep 1000", stall: 50 * time.Millisecond, want: "gave nothing for 50ms"},
		"child holds pipe": {script: "sleep 5; echo", stall: 50 * time.Millisecond, want: "gave nothing for 50ms"},
		"reader fails":     {script: "while echo frame; do :; done", read: func(io.Reader) error { return own }, want: "own"},
		"ends untold":      {script: "", read: func(io.Reader) error { return io.ErrUnexpectedEOF }, want: "no reason given; frames of a clip must be of one size"},
		"ends too early":   {script: "echo sorry >&2", read: func(io.Reader) error { return io.ErrUnexpectedEOF }, want: "unexpected EOF: sorry"},
		"all is well":      {script: "echo warning >&2; echo frame=1", want: "<nil>"},
	} {
		t.Run(name, func(t *testing.T) {
			f := script(t, c.script)
			if c.stall > 0 {
				f.stall = c.stall
			}
			if c.read == nil {
				c.read = func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err }
			}
			err := f.run(nil, c.read)
			if got := fmt.Sprint(err); !strings.Contains(got, c.want) || len(got) > maxMessage+200 {
				t.Errorf("error of %d bytes %.200q, want %q", len(got), got, c.want)
			}
		})
	}
	gone := &ffmpeg{program: filepath.Join(t.TempDir(), "gone"), stall: time.Minute}
	if _, err := gone.open("clip.mp4"); err == nil || !strings.Contains(err.Error(), "open clip clip.mp4") {
		t.Errorf("a program that is gone: %v", err)
	}
}

// TestFrameCount: the last report counts; a process that lies is not believed.
func TestFrameCount(t *testing.T) {
	for reports, want := range map[string]string{
		"frame=3\nfps=0\nprogress=continue\nframe= 17\nprogress=end\n": "17 <nil>",
		"":              "0 <nil>",
		"frame=-4\n":    `0 frames: "-4": want 0 to 1073741824`,
		"frame=9e9\n":   `0 frames: "9e9": want 0 to 1073741824`,
		"frames=7\n":    "0 <nil>",
		"frame=7 frame": `0 frames: "7 frame": want 0 to 1073741824`,
	} {
		n, err := countFrames(strings.NewReader(reports))
		if got := fmt.Sprint(n, " ", err); got != want {
			t.Errorf("%q: %s, want %s", reports, got, want)
		}
	}
	f := script(t, "echo frame=0")
	if _, err := f.open("clip.mp4"); err == nil || !strings.Contains(err.Error(), "no frame can be decoded") {
		t.Errorf("no frames: %v", err)
	}
}

func TestReadPPM(t *testing.T) {
	for file, want := range map[string]string{
		"P6\n2 1\n255\nabcdef":                   "<nil>",
		"":                                       "unexpected EOF",
		"P6\n2 1\n255\n":                         "unexpected EOF",
		"P6\n2 1\n255\nabcde":                    "unexpected EOF",
		"P6\n2 ":                                 "unexpected EOF",
		"P5\n2 1\n255\nabcdef":                   "want P6",
		"P6\n2 1\n65535\nabcdef":                 "want P6",
		"P6\n2 x\n255\nabcdef":                   "want P6",
		"P6\n0 1\n255\n":                         "0 x 1 pixels",
		"P6\n-2 -1\n255\nabcdef":                 "-2 x -1 pixels",
		"P6\n99999 99999\n255\nabcdef":           "99999 x 99999 pixels",
		"P6\n99999999999999999999 1\n255\n":      "want P6",
		"P6\n" + strings.Repeat("1", 100) + "\n": "too long",
	} {
		var p image.Picture
		err := readPPM(bufio.NewReader(strings.NewReader(file)), &p)
		if got := fmt.Sprint(err); !strings.Contains(got, want) {
			t.Errorf("%q: %s, want %s", file, got, want)
		}
		if err == nil && (p.W != 2 || p.H != 1 || string(p.Pix) != "abcdef") {
			t.Errorf("%q: %+v", file, p)
		}
	}
}

func FuzzReadPPM(f *testing.F) {
	f.Add([]byte("P6\n2 1\n255\nabcdef"))
	f.Add([]byte("P6\n3000 2000\n255\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		var p image.Picture
		if err := readPPM(bufio.NewReader(bytes.NewReader(file)), &p); err == nil && 3*p.W*p.H != len(p.Pix) {
			t.Errorf("%dx%d with %d bytes", p.W, p.H, len(p.Pix))
		}
	})
}

// TestChangedFile: a file that has become shorter since it was counted is an error.
func TestChangedFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "clip.mkv")
	makeVideo(t, path, 20, lossless()...)
	f := newFFmpeg()
	clip, err := f.open(path)
	if err != nil {
		t.Fatal(err)
	}
	makeVideo(t, path, 5, lossless()...)
	var p image.Picture
	err = clip.Read([]int{2, 12}, &p, func(int) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "frame 12 of 20") {
		t.Errorf("error %v", err)
	}
}
