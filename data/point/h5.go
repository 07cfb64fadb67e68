package point

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"m2pt/internal/atomicfile"
)

// childEnv makes this program read HDF5 files and nothing else; see [H5Child].
const childEnv = "M2PT_H5_CHILD"

// MinH5Limit is the least memory that reading HDF5 files may be limited to, in
// bytes: what the program takes for itself, and some.
const MinH5Limit = 128 << 20

// h5Job is what the child is told.
type h5Job struct {
	Files map[string][]string `json:"files"` // of each split
	Dir   string              `json:"dir"`
	Limit int64               `json:"limit"` // bytes
}

// ConvertH5 reads the HDF5 files of ModelNet or ScanObjectNN and writes the folder
// out, which [OpenShards] reads; it returns the number of clouds of each split. A
// file belongs to the split whose name, train, test or val, alone is in its own. It
// holds data [n,N,3 or more], of which the first three numbers count, and label
// [n]; all files have the same N. Class names are the lines of classes.txt or
// shape_names.txt beside the first file, those of train first, or else the numbers up to the largest
// label.
//
// The format lets a damaged file ask for any amount of memory, so this program,
// started anew, reads it with at most limit bytes of memory; [H5Child] must be
// called first thing in main. Out appears complete or not at all.
func ConvertH5(ctx context.Context, files []string, out string, limit int64) (map[string]int, error) {
	job := h5Job{Files: map[string][]string{}, Limit: limit}
	for _, file := range files {
		split, err := h5Split(file)
		if err == nil {
			file, err = filepath.Abs(file)
		}
		if err != nil {
			return nil, err
		}
		job.Files[split] = append(job.Files[split], file)
	}
	switch {
	case os.Getenv(childEnv) != "":
		return nil, errors.New("convert h5: this program does not call point.H5Child")
	case len(files) == 0:
		return nil, errors.New("convert h5: no files")
	case limit < MinH5Limit:
		return nil, fmt.Errorf("convert h5: a memory limit of %d bytes: want at least %d", limit, MinH5Limit)
	}
	var counts map[string]int
	var failed error // says all there is to say
	err := atomicfile.Folder(out, func(dir string) (err error) {
		if job.Dir, err = filepath.Abs(dir); err == nil {
			counts, failed = job.run(ctx)
		}
		return cmp.Or(err, failed)
	})
	return counts, cmp.Or(failed, err)
}

func h5Splits() []string { return []string{"train", "test", "val"} }

// h5Split tells the split from the name of a file.
func h5Split(file string) (string, error) {
	found := slices.DeleteFunc(h5Splits(), func(split string) bool {
		return !strings.Contains(strings.ToLower(filepath.Base(file)), split)
	})
	if len(found) != 1 {
		return "", fmt.Errorf("convert %s: want one of train, test and val in its name, which has %q", file, found)
	}
	return found[0], nil
}

// run has a child do the job.
func (j *h5Job) run(ctx context.Context) (map[string]int, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	task, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	said, complaint := head{}, head{}
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = append(os.Environ(), childEnv+"=1", "GOTRACEBACK=none")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(task), &said, &complaint
	if err := cmd.Run(); ctx.Err() != nil {
		return nil, ctx.Err()
	} else if err != nil {
		return nil, j.diagnose(cmd.ProcessState, string(said), string(complaint))
	}
	var done h5Done
	if err := json.Unmarshal(lastLine(said), &done); err != nil || done.Clouds == nil {
		return nil, errors.New("convert h5: this program does not call point.H5Child")
	}
	return done.Clouds, nil
}

// h5Done is the last line that a child says. The others are the files it begins.
type h5Done struct {
	Clouds map[string]int `json:"clouds"` // of each split
}

// diagnose tells how the child has failed.
func (j *h5Job) diagnose(state *os.ProcessState, said, complaint string) error {
	file := string(lastLine([]byte(said)))
	line, _, _ := strings.Cut(complaint, "\n")
	// The system kills who has too much; Go's runtime, refused a page, may fault.
	memory := !state.Exited() || strings.HasPrefix(complaint, "SIGSEGV")
	for _, words := range []string{"out of memory", "cannot allocate", "failed to allocate"} {
		memory = memory || strings.Contains(complaint, words)
	}
	switch {
	case memory:
		return fmt.Errorf("convert %s: reading it takes more than %d MB of memory: it is damaged, or the limit is too small (%s; %s)", file, j.Limit>>20, line, state)
	case state.ExitCode() == h5Refused:
		return errors.New(line)
	}
	return fmt.Errorf("convert %s: the reader crashed: the file is damaged, or of a kind it does not know (%s; %s)", file, line, state)
}

// lastLine returns the last line of a text, without its end.
func lastLine(text []byte) []byte {
	text = bytes.TrimSuffix(text, []byte("\n"))
	return text[bytes.LastIndexByte(text, '\n')+1:]
}

// head keeps the beginning of what is written to it.
type head []byte

func (h *head) Write(p []byte) (int, error) {
	const most = 64 << 10
	*h = append(*h, p[:min(len(p), most-len(*h))]...)
	return len(p), nil
}
