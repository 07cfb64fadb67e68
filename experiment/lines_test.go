package experiment

import "testing"

func TestIndexLines(t *testing.T) {
	const text = `# comment = 1
seed = 1

description = """
[fake]
key = 2 # " '
"""
list = [ # [x]
  [1], "]", 'it''s',
  [2],
]
[train] # comment
epochs = 3
 [ data ]
	path = 'c:\dir\'
seed = 4
table = { a = 1, b = "}" }
[[pathway]]
aux = "x"
[[pathway]]
aux = "y"
order = "z"
`
	index := indexLines(text)
	for key, want := range map[string]int{
		"seed":             2,
		"description":      4,
		"list":             8,
		"train":            12,
		"train.epochs":     13,
		"train.nosuch":     12,
		"data":             14,
		"data.path":        15,
		"data.seed":        16,
		"data.table":       17,
		"data.table.b":     17,
		"pathway":          18,
		"pathway.aux":      19,
		"pathway[0].aux":   19,
		"pathway[1].aux":   21,
		"pathway[1].order": 22,
		"pathway[1].other": 20,
		"2":                0,
		"train.2":          12,
		"fake":             0,
		"key":              0,
		"comment":          0,
		"":                 0,
	} {
		if got := index.find(key); got != want {
			t.Errorf("%s: line %d, want %d", key, got, want)
		}
	}
}

func TestEditDistance(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"lr", "lr", 0},
		{"lr", "blr", 1},
		{"depht", "depth", 1},
		{"epocs", "epochs", 1},
		{"layer-decay", "layer_decay", 1},
		{"abc", "", 3},
		{"sitting", "kitten", 3},
	} {
		if got := editDistance(tc.a, tc.b); got != tc.want {
			t.Errorf("%q to %q: %d, want %d", tc.a, tc.b, got, tc.want)
		}
	}
}

func TestNearest(t *testing.T) {
	candidates := []string{"train.batches", "train.batch", "eval.patch"}
	for word, want := range map[string]string{
		"batc":        "train.batch",
		"BATCH":       "train.batch",
		"batched":     "train.batches",
		"natch":       "train.batch",
		"zebra":       "",
		"microbatch":  "",
		"b":           "",
		"batchesssss": "",
	} {
		if got := nearest(word, candidates); got != want {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
}
