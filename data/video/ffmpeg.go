package video

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"m2pt/data/image"
)

// ffmpeg decodes video files in a process of that program. It is safe for
// concurrent use.
type ffmpeg struct {
	program string
	missing error         // why there is none
	stall   time.Duration // without output for so long, a process is killed
	lengths sync.Map      // path -> frames
}

const (
	maxFrame   = 36 << 20 // pixels of a frame: a little more than 8192x4320
	maxMessage = 1 << 10  // bytes that are kept of what a process complains of
)

// newFFmpeg looks the program up.
func newFFmpeg() *ffmpeg {
	f := &ffmpeg{stall: time.Minute}
	if f.program, f.missing = exec.LookPath("ffmpeg"); f.missing != nil {
		f.missing = fmt.Errorf("video files are decoded by the program ffmpeg: %w: install the package ffmpeg, or use folders or shards of frames, which need none", f.missing)
	}
	return f
}

// renumber gives frames the times 0, 1/25 s, 2/25 s and so on, so that every decoded
// frame comes out once, whatever its own time is.
const renumber = "settb=1/25,setpts=N"

// input are the arguments that read a file and nothing else, neither network nor
// standard input.
func input(path string) []string {
	return []string{"-nostdin", "-v", "error", "-filter_threads", "1", "-threads", "1", "-protocol_whitelist", "file",
		"-max_pixels", strconv.Itoa(maxFrame), "-i", "file:" + path, "-map", "0:V:0"}
}

// open counts the frames of a file, the first time by decoding it: what files say
// of themselves is often wrong.
func (f *ffmpeg) open(path string) (*videoFile, error) {
	if f.missing != nil {
		return nil, fmt.Errorf("open clip %s: %w", path, f.missing)
	}
	if n, ok := f.lengths.Load(path); ok {
		return &videoFile{f, path, n.(int)}, nil
	}
	n := 0
	args := append(input(path), "-vf", renumber, "-r", "25", "-f", "null", "-progress", "pipe:1", "-")
	err := f.run(args, func(out io.Reader) (err error) {
		n, err = countFrames(out)
		return err
	})
	if err == nil && n == 0 {
		err = errors.New("no frame can be decoded")
	}
	if err != nil {
		return nil, fmt.Errorf("open clip %s: %w", path, err)
	}
	f.lengths.Store(path, n)
	return &videoFile{f, path, n}, nil
}

// countFrames reads the reports of -progress, lines of name=value.
func countFrames(reports io.Reader) (n int, err error) {
	lines := bufio.NewScanner(reports)
	for lines.Scan() {
		value, ok := strings.CutPrefix(lines.Text(), "frame=")
		if !ok {
			continue
		}
		if n, err = number(strings.TrimSpace(value), 0, maxFrames); err != nil {
			return 0, fmt.Errorf("frames: %w", err)
		}
	}
	return n, lines.Err()
}

// run starts the program and has read read its output. The process is gone when run
// returns.
func (f *ffmpeg) run(args []string, read func(io.Reader) error) error {
	ctx, kill := context.WithCancel(context.Background())
	defer kill()
	cmd := exec.CommandContext(ctx, f.program, args...)
	cmd.WaitDelay = time.Second // for a child of the process that holds a pipe
	message := &message{}
	cmd.Stderr = message
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	var stalled atomic.Bool
	watchdog := time.AfterFunc(f.stall, func() { stalled.Store(true); kill() })
	defer watchdog.Stop()
	if err := cmd.Start(); err != nil {
		return err
	}
	err = read(&watched{out, watchdog, f.stall})
	early := errors.Is(err, io.ErrUnexpectedEOF)
	if err != nil && !early { // after an early end it is about to tell why
		kill()
	}
	died := cmd.Wait()
	switch {
	case stalled.Load():
		return fmt.Errorf("%s gave nothing for %v and was killed", f.program, f.stall)
	case early || err == nil && died != nil:
		return fmt.Errorf("%s: %w: %s", f.program, cmp.Or(err, died), cmp.Or(message.String(), "no reason given; frames of a clip must be of one size"))
	}
	return err
}

// watched is the output of a process, each piece of which puts the watchdog off.
type watched struct {
	io.Reader
	watchdog *time.Timer
	stall    time.Duration
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.Reader.Read(b)
	w.watchdog.Reset(w.stall)
	return n, err
}

// message keeps the first bytes of what a process complains of.
type message struct{ text []byte }

func (m *message) Write(b []byte) (int, error) {
	m.text = append(m.text, b[:min(len(b), maxMessage-len(m.text))]...)
	return len(b), nil
}

// String is the message in one line.
func (m *message) String() string {
	return strings.ReplaceAll(strings.TrimSpace(string(m.text)), "\n", "; ")
}

// videoFile is a clip of a video file.
type videoFile struct {
	*ffmpeg
	path string
	n    int
}

func (v *videoFile) Len() int { return v.n }

// Read decodes the file once, up to the last frame that is wanted. Frames come as
// PPM pictures, which tell their own size.
func (v *videoFile) Read(at []int, p *image.Picture, use func(k int) error) error {
	filter := "select='" + selection(at) + "'," + renumber + ",scale=flags=bilinear+accurate_rnd+full_chroma_int+bitexact,format=rgb24"
	args := append(input(v.path), "-vf", filter, "-r", "25", "-frames:v", strconv.Itoa(len(at)), "-threads", "1", "-c:v", "ppm", "-f", "image2pipe", "pipe:1")
	var failed error // of use
	err := v.run(args, func(out io.Reader) error {
		pictures := bufio.NewReader(out) // for headers: pixels pass it by
		for k, i := range at {
			if err := readPPM(pictures, p); err != nil {
				return fmt.Errorf("frame %d of %d: %w", i, v.n, err)
			}
			if failed = use(k); failed != nil {
				return failed
			}
		}
		return nil
	})
	if err != nil && failed == nil {
		return fmt.Errorf("decode clip %s: %w", v.path, err)
	}
	return failed
}

// selection is the condition that a frame is wanted, in ffmpeg's language, where n
// is its number: frames at equal distances make one term.
func selection(at []int) string {
	var terms []string
	for len(at) > 0 {
		last, step := 0, 1
		for i := 1; i < len(at) && (i == 1 || at[i]-at[i-1] == step); i++ {
			last, step = i, at[i]-at[i-1]
		}
		if last == 1 { // two frames are no series: the second may begin one
			last, step = 0, 1
		}
		terms = append(terms, fmt.Sprintf("between(n,%d,%d)*not(mod(n-%d,%d))", at[0], at[last], at[0], step))
		at = at[last+1:]
	}
	return strings.Join(terms, "+")
}
