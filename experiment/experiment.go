// Package experiment reads the TOML file that is an experiment, checks it and
// resolves it into numbers.
//
// Vocabulary: a key is written section.name ("train.epochs"; top-level keys
// have no section). A layer is one place that sets keys. Layers apply in this
// order, the later one winning key by key:
//
//	defaults < files of `include`, in turn < the file < each -set, in turn
//
// Within a layer a preset (model.name) comes before the numbers it stands for,
// and of two keys that exclude each other (lr and blr; aux and aux_config) the
// one in the later layer wins. A [pathway] table or -set pathway.KEY changes
// every pathway inherited from an earlier layer, or makes the first one;
// [[pathway]] starts the list anew.
//
// Keys are exact: another case, an unknown name or a wrong type is an error.
// All such problems are reported at once, one a line, as
// "file:line: key: what is wrong"; once there are none, so are all wrong
// values.
//
// Paths expand $NAME and ${NAME}. A relative path belongs to the place that
// says it: the folder of its file, or the working directory for -set and for a
// path that begins with a variable. [Config.Resolved] and [Config.Hash] keep
// the variables, so that a run can move to another machine.
//
// The package opens no dataset, no checkpoint and no device; [Config.Missing]
// only looks whether they are there.
package experiment

import "strings"

// UsageError says what is wrong with an experiment: the user has to change the
// file or the command line (exit status 2).
type UsageError struct {
	// Problems, at least one, each a line that names the key it is about.
	Problems []string
}

// Error returns the problems, one a line.
func (e *UsageError) Error() string { return strings.Join(e.Problems, "\n") }
