package point

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m2pt/internal/fixture"
)

func TestShards(t *testing.T) {
	dir := t.TempDir()
	src := memory{ball(1, 100), ball(2, 64), ball(3, 10)}
	if _, err := WriteShards(t.Context(), dir, "train", src, 64); err != nil {
		t.Fatal(err)
	}
	if _, err := WriteShards(t.Context(), dir, "test", src[:1], 32); err != nil {
		t.Fatal(err)
	}
	s, err := OpenShards(dir, "train")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Len() != 3 || !slices.Equal(s.Classes(), src.Classes()) || s.Name(2) != "train/2" {
		t.Errorf("%d clouds of %v, the last one %s", s.Len(), s.Classes(), s.Name(2))
	}
	var c Cloud
	for i, want := range []int{64, 64, 10} { // different points
		label, err := s.Load(i, &c)
		if err != nil || label != int32(i%2) || c.Len() != 64 || len(c.Parts) > 0 {
			t.Fatalf("cloud %d: label %d, %d points, parts %v, %v", i, label, c.Len(), c.Parts, err)
		}
		seen := map[[3]float32]bool{}
		for k := 0; k < len(c.XYZ); k += 3 {
			seen[[3]float32(c.XYZ[k:])] = true
		}
		if len(seen) != want {
			t.Errorf("cloud %d: %d different points, want %d", i, len(seen), want)
		}
	}
	if _, err := s.Load(1, &c); err != nil || !slices.Equal(c.XYZ, src[1].XYZ) {
		t.Errorf("a cloud of as many points changed, %v", err)
	}
	if v, err := OpenShards(dir, "val"); err != nil || v.Len() != 1 || v.Name(0) != "test/0" {
		t.Errorf("val is not test: %v", err)
	} else if err := v.Close(); err != nil {
		t.Error(err)
	}
}

// TestShardsSkip: clouds that cannot be read are left out and told.
func TestShardsSkip(t *testing.T) {
	dir := t.TempDir()
	skipped, err := WriteShards(t.Context(), dir, "train", memory{ball(1, 8), {Parts: []int32{}}, {}, ball(4, 8)}, 8)
	if err != nil {
		t.Fatal(err)
	}
	if len(skipped) != 2 || skipped[0].Index != 1 || skipped[1].Name != "cloud 2" || skipped[1].Err == nil {
		t.Errorf("skipped %v", skipped)
	}
	s, err := OpenShards(dir, "train")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var c Cloud
	for i, want := range []Cloud{ball(1, 8), ball(4, 8)} {
		if label, err := s.Load(i, &c); err != nil || label != int32(i) || s.Len() != 2 || !slices.Equal(c.XYZ, want.XYZ) {
			t.Errorf("cloud %d of %d: label %d, %v, %v", i, s.Len(), label, c.XYZ, err)
		}
	}
}

// TestShardsTakeTheirPlace: a failure leaves what was there.
func TestShardsTakeTheirPlace(t *testing.T) {
	dir := t.TempDir()
	if _, err := WriteShards(t.Context(), dir, "train", memory{ball(1, 8)}, 8); err != nil {
		t.Fatal(err)
	}
	for name, src := range map[string]Source{
		"lost clouds":   memory{{Parts: []int32{}}, {}},
		"no cloud":      memory{},
		"other classes": &Shards{classes: []string{"other"}},
	} {
		if _, err := WriteShards(t.Context(), dir, "train", src, 8); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := WriteShards(t.Context(), dir, "train", memory{ball(1, 8)}, 0); err == nil {
		t.Error("clouds without points: no error")
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := WriteShards(stopped, dir, "train", memory{ball(1, 8), ball(2, 8)}, 8); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	s, err := OpenShards(dir, "train")
	if err != nil || s.Len() != 1 {
		t.Fatalf("the split that was there is gone: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("%d entries left, want classes.txt and train: %v, %v", len(entries), entries, err)
	}
}

func TestOpenShardsRefuses(t *testing.T) {
	array := func(dtype, shape string, bytes int) string {
		return string(npyHead(dtype, shape)) + strings.Repeat("\x00", bytes)
	}
	points, labels := array("<f4", "(2, 3, 3)", 72), array("<i4", "(2,)", 8)
	for name, c := range map[string]struct{ points, labels, classes, want string }{
		"no classes":      {points, labels, "", "label 0"},
		"no points":       {"", labels, "a\n", "points.npy of train: npy header"},
		"no labels":       {points, "", "a\n", "labels.npy of train: npy header"},
		"points cut":      {points[:190], labels, "a\n", "190 bytes, want 200"},
		"points too long": {points + "x", labels, "a\n", "201 bytes, want 200"},
		"absurd points":   {array("<f4", "(2, 999999999999, 3)", 72), labels, "a\n", "want float32"},
		"doubles":         {array("<f8", "(2, 3, 3)", 144), labels, "a\n", "want float32"},
		"flat":            {array("<f4", "(2, 9)", 72), labels, "a\n", "want float32"},
		"with normals":    {array("<f4", "(2, 3, 6)", 144), labels, "a\n", "want float32"},
		"more labels":     {points, array("<i4", "(3,)", 12), "a\n", "3 clouds as there are labels"},
		"labels cut":      {points, labels[:130], "a\n", "whole numbers"},
		"absurd labels":   {points, array("<i4", "(9999999999999999999,)", 8), "a\n", "labels.npy of train"},
		"many labels":     {points, array("<i8", "(4611686018427387904,)", 8), "a\n", "whole numbers"},
		"float labels":    {points, array("<f4", "(2,)", 8), "a\n", "whole numbers"},
		"label out":       {points, array("|u1", "(2,)", 1) + "\x01", "a\n", "label 1 is 1"},
		"label below":     {points, array("|i1", "(2,)", 1) + "\xff", "a\n", "label 1 is -1"},
	} {
		dir := fixture.Tree(t, map[string]string{"train/points.npy": c.points, "train/labels.npy": c.labels, "classes.txt": c.classes})
		if c.classes == "" {
			dir = fixture.Tree(t, map[string]string{"train/points.npy": c.points, "train/labels.npy": c.labels})
			c.want = "classes.txt"
		}
		if _, err := OpenShards(dir, "train"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one that says %q", name, err, c.want)
		}
	}
	if _, err := OpenShards(t.TempDir(), "train"); err == nil || !strings.Contains(err.Error(), "no directory train") {
		t.Errorf("no split: error %v", err)
	}
}

// FuzzShards: whatever the two files hold, the clouds that there are can be read.
func FuzzShards(f *testing.F) {
	head := npyHead("<f4", "(1, 2, 3)")
	f.Add(append(head, make([]byte, 24)...), append(npyHead("<i8", "(1,)"), make([]byte, 8)...))
	f.Fuzz(func(t *testing.T, points, labels []byte) {
		dir := fixture.Tree(t, map[string]string{"train/points.npy": string(points), "train/labels.npy": string(labels), "classes.txt": "a\nb\n"})
		s, err := OpenShards(dir, "train")
		if err != nil {
			return
		}
		defer s.Close()
		var c Cloud
		for i := range s.Len() {
			if _, err := s.Load(i, &c); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestOpenNumpyShards reads what NumPy writes: its headers are of other sizes.
func TestOpenNumpyShards(t *testing.T) {
	file, err := os.ReadFile(filepath.Join("testdata", "numpy_f4.npy"))
	if err != nil {
		t.Fatal(err)
	}
	points := strings.Replace(string(file), "(8, 6), }      ", "(2, 8, 3), }   ", 1)
	head := "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }\n"
	labels := "\x93NUMPY\x02\x00" + string(rune(len(head))) + "\x00\x00\x00" + head + "\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	s, err := OpenShards(fixture.Tree(t, map[string]string{"val/points.npy": points, "val/labels.npy": labels, "classes.txt": "a\nb\n"}), "val")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var c Cloud
	if label, err := s.Load(0, &c); err != nil || label != 1 || c.Len() != 8 {
		t.Errorf("label %d, %d points, %v", label, c.Len(), err)
	}
}
