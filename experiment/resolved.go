package experiment

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Resolved returns the experiment as TOML with every key, in a fixed order.
// Paths keep their environment variables. [Load] reads it back to the same
// experiment.
func (c *Config) Resolved() ([]byte, error) { return c.encode(c.spelling) }

// Public is Resolved for other people's eyes: of a path that does not begin with an
// environment variable it has the last element alone.
func (c *Config) Public() ([]byte, error) {
	return c.encode(func(path string) string {
		if s := c.spelling(path); strings.HasPrefix(s, "$") || s == "" {
			return s
		}
		return filepath.Base(path)
	})
}

// encode writes c with its paths as spell has them.
func (c *Config) encode(spell func(path string) string) ([]byte, error) {
	spelled := *c
	spelled.Pathway = slices.Clone(c.Pathway)
	for _, f := range leaves(reflect.ValueOf(&spelled).Elem(), "") {
		if f.tag("path") == "file" {
			f.value.SetString(spell(f.value.String()))
		}
	}
	var b bytes.Buffer
	enc := toml.NewEncoder(&b)
	enc.Indent = ""
	if err := enc.Encode(spelled); err != nil {
		return nil, fmt.Errorf("encode experiment: %w", err)
	}
	return b.Bytes(), nil
}

func (c *Config) spelling(path string) string {
	if s, ok := c.spelled[path]; ok {
		return s
	}
	return path
}

// Hash returns the SHA-256, in hex, of what affects the result of a loaded
// experiment. It does not count: output, name, description; the name of a
// model preset (its numbers count); data.workers, data.max_skipped;
// train.grad_checkpointing, train.checkpoint_every, train.keep, train.log_every;
// eval.batch; device.name, device.threads. A path counts as it is spelled, variables and
// all, so an experiment keeps its hash where only the value of a variable
// changes; the contents of data and weights do not count. An aux_config counts
// by the hash of its experiment. Of data.jpeg only "turbo" counts: "go" decoded
// every picture before there was a choice, and "auto" is none yet; see
// [Config.WithJPEG].
//
// Keys at their default are left out, so a key added later changes no hash;
// whoever changes a default has to change hashVersion.
func (c *Config) Hash() string {
	base, usual := Default(), map[string]string{}
	base.Pathway = slices.Repeat([]Pathway{defaultPathway()}, len(c.Pathway))
	for _, f := range leaves(reflect.ValueOf(base).Elem(), "") {
		usual[f.key] = f.text(c)
	}
	h := sha256.New()
	fmt.Fprintln(h, hashVersion)
	for _, f := range leaves(reflect.ValueOf(c).Elem(), "") {
		if text := f.text(c); f.counts(text, usual[f.key]) {
			fmt.Fprintf(h, "%s = %s\n", f.key, text)
		}
	}
	for i, p := range c.Pathway {
		if p.experiment != nil {
			fmt.Fprintf(h, "%s = %s\n", pathwayKey(i, len(c.Pathway)), p.experiment.Hash())
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

const hashVersion = "m2pt experiment 1"

// leaf is one key of a configuration with its value.
type leaf struct {
	key   string
	field reflect.StructField
	value reflect.Value
}

func (f leaf) tag(name string) string { return f.field.Tag.Get(name) }

// text is the value as Hash counts it.
func (f leaf) text(c *Config) string {
	if f.tag("path") == "file" {
		return fmt.Sprintf("%q", c.spelling(f.value.String()))
	}
	return fmt.Sprintf("%#v", f.value.Interface())
}

// counts reports whether a value, as text, enters the hash.
func (f leaf) counts(text, usual string) bool {
	tag := f.tag("hash")
	return tag != "-" && text != usual && (tag == "" || text != fmt.Sprintf("%q", tag))
}

// leaves lists the keys below the struct v, whose key is section, in the order
// of the fields.
func leaves(v reflect.Value, section string) []leaf {
	var list []leaf
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := f.Tag.Get("toml")
		if name == "" {
			continue
		}
		switch sub := v.Field(i); {
		case sub.Kind() == reflect.Struct:
			list = append(list, leaves(sub, join(section, name))...)
		case sub.Type() == reflect.TypeFor[[]Pathway]():
			for j := range sub.Len() {
				list = append(list, leaves(sub.Index(j), pathwayKey(j, sub.Len()))...)
			}
		default:
			list = append(list, leaf{join(section, name), f, sub})
		}
	}
	return list
}
