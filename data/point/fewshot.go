package point

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"m2pt/internal/atomicfile"
	"m2pt/internal/philox"
)

// FewShotTest is how many test clouds of each class few-shot learning has.
const FewShotTest = 20

// maxFold bounds the size of a fold's file in bytes.
const maxFold = 16 << 20

// Episode names a task of few-shot learning: tell Way classes apart after Shot
// training clouds of each. Folds are tasks that differ in classes and clouds.
type Episode struct {
	Way  int    `json:"way"`
	Shot int    `json:"shot"`
	Fold int    `json:"fold"`
	Seed uint64 `json:"seed"`
}

// Path returns where the fold of an episode lies below a folder:
// "5way_10shot/0.json".
func (e Episode) Path() string {
	return filepath.Join(fmt.Sprintf("%dway_%dshot", e.Way, e.Shot), fmt.Sprintf("%d.json", e.Fold))
}

// Fold is which classes and clouds an episode has. Clouds go by their names, so
// that a fold holds for a dataset however it is ordered.
type Fold struct {
	Episode
	Classes []string `json:"classes"` // [Way], in the order of the dataset; a label is an index
	Train   []string `json:"train"`   // Shot of each class, class after class
	Test    []string `json:"test"`    // FewShotTest of each class
}

// Labelled is a Source that knows the label of a cloud without loading it.
type Labelled interface {
	Source
	Label(i int) int32
}

// Label returns the label of cloud i.
func (s *Shards) Label(i int) int32 { return s.labels[i] }

// NewFold draws the fold of an episode: Way classes, of each Shot clouds of train
// and [FewShotTest] of test, or of what remains of train where test is nil. It
// depends on the episode and the lists alone. Classes with too few clouds are not
// drawn. Clouds of a source that is not [Labelled] are loaded for their labels.
func NewFold(e Episode, train, test Source) (*Fold, error) {
	f, err := newFold(e, train, test)
	if err != nil {
		return nil, fmt.Errorf("few-shot %d-way %d-shot fold %d: %w", e.Way, e.Shot, e.Fold, err)
	}
	return f, nil
}

func newFold(e Episode, train, test Source) (*Fold, error) {
	if e.Way < 1 || e.Shot < 1 || e.Fold < 0 {
		return nil, errors.New("want at least 1 way, 1 shot and fold 0")
	}
	if test != nil && !slices.Equal(train.Classes(), test.Classes()) {
		return nil, errors.New("the classes of the splits differ")
	}
	r := philox.New(e.Seed, "few-shot", uint64(e.Way)<<24|uint64(e.Shot), uint64(e.Fold))
	trains, err := drawn(&r, train)
	if err != nil {
		return nil, err
	}
	tests, from := make([][]int32, len(trains)), test
	if test == nil {
		from = train
		for class, clouds := range trains {
			k := min(e.Shot, len(clouds))
			trains[class], tests[class] = clouds[:k], clouds[k:]
		}
	} else if tests, err = drawn(&r, test); err != nil {
		return nil, err
	}
	classes, err := e.choose(&r, trains, tests)
	if err != nil {
		return nil, err
	}
	f := &Fold{Episode: e}
	for _, class := range classes {
		f.Classes = append(f.Classes, train.Classes()[class])
		f.Train = appendNames(f.Train, train, trains[class][:e.Shot])
		f.Test = appendNames(f.Test, from, tests[class][:FewShotTest])
	}
	return f, nil
}

// drawn lists the clouds of each class in random order.
func drawn(r *philox.Rand, src Source) ([][]int32, error) {
	known, _ := src.(Labelled)
	clouds := make([][]int32, len(src.Classes()))
	var cloud Cloud
	order := make([]int32, src.Len())
	r.Perm(order)
	for _, i := range order {
		var label int32
		var err error
		if known != nil {
			label = known.Label(int(i))
		} else if label, err = src.Load(int(i), &cloud); err != nil {
			return nil, err
		}
		clouds[label] = append(clouds[label], i)
	}
	return clouds, nil
}

// choose draws the classes, sorted, among those with enough clouds.
func (e Episode) choose(r *philox.Rand, trains, tests [][]int32) ([]int, error) {
	var enough []int
	for class := range trains {
		if len(trains[class]) >= e.Shot && len(tests[class]) >= FewShotTest {
			enough = append(enough, class)
		}
	}
	if len(enough) < e.Way {
		return nil, fmt.Errorf("%d classes have %d clouds to train with and %d to test: want fewer ways or shots, or more data", len(enough), e.Shot, FewShotTest)
	}
	order := make([]int32, len(enough))
	r.Perm(order)
	var classes []int
	for _, k := range order[:e.Way] {
		classes = append(classes, enough[k])
	}
	slices.Sort(classes)
	return classes, nil
}

func appendNames(names []string, src Source, clouds []int32) []string {
	for _, i := range clouds {
		names = append(names, src.Name(int(i)))
	}
	return names
}

// WriteFile writes the fold as JSON, and the folders it lies in.
func (f *Fold) WriteFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return atomicfile.Write(path, 0o666, func(w io.Writer) error {
		out := json.NewEncoder(w)
		out.SetIndent("", " ")
		return out.Encode(f)
	})
}

// ReadFold reads what [Fold.WriteFile] has written.
func ReadFold(path string) (*Fold, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("few-shot fold: %w", err)
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxFold+1))
	f := &Fold{}
	switch {
	case err != nil:
	case len(b) > maxFold:
		err = fmt.Errorf("more than %d bytes", maxFold)
	default:
		err = json.Unmarshal(b, f)
	}
	if err == nil && (len(f.Classes) == 0 || len(f.Train) == 0 || len(f.Test) == 0) {
		err = errors.New(`want "classes", "train" and "test" that are not empty`)
	}
	if err != nil {
		return nil, fmt.Errorf("few-shot fold %s: %w", path, err)
	}
	return f, nil
}

// TrainOf returns the training clouds of the fold in src.
func (f *Fold) TrainOf(src Source) (Source, error) { return f.of(src, f.Train) }

// TestOf returns the test clouds of the fold in src.
func (f *Fold) TestOf(src Source) (Source, error) { return f.of(src, f.Test) }

// subset is some clouds of a Source, with labels of their own.
type subset struct {
	Source
	classes []string
	clouds  []int   // in Source
	labels  []int32 // of the labels of Source; -1 for classes that are not there
}

func (f *Fold) of(src Source, names []string) (Source, error) {
	s := &subset{Source: src, classes: f.Classes}
	for _, class := range src.Classes() {
		s.labels = append(s.labels, int32(slices.Index(f.Classes, class)))
	}
	for _, class := range f.Classes {
		if !slices.Contains(src.Classes(), class) {
			return nil, fmt.Errorf("few-shot fold: class %q is none of the dataset's: was the fold drawn from another one?", class)
		}
	}
	index := make(map[string]int, src.Len())
	for i := range src.Len() {
		index[src.Name(i)] = i
	}
	for _, name := range names {
		i, ok := index[name]
		if !ok {
			return nil, fmt.Errorf("few-shot fold: cloud %q is none of the dataset's: was the fold drawn from another one?", name)
		}
		s.clouds = append(s.clouds, i)
	}
	return s, nil
}

func (s *subset) Len() int          { return len(s.clouds) }
func (s *subset) Classes() []string { return s.classes }
func (s *subset) Name(i int) string { return s.Source.Name(s.clouds[i]) }

func (s *subset) Load(i int, dst *Cloud) (int32, error) {
	label, err := s.Source.Load(s.clouds[i], dst)
	if err != nil {
		return 0, err
	}
	if label = s.labels[label]; label < 0 {
		return 0, fmt.Errorf("load %s: its class is none of the few-shot fold's: was the fold drawn from another dataset?", s.Name(i))
	}
	return label, nil
}
