package experiment

import (
	"fmt"
	"math"
	"reflect"
	"time"
)

// assign converts the TOML value v to dst. Integers are numbers too; nothing
// else is converted.
func assign(dst reflect.Value, v any) error {
	switch x := v.(type) {
	case string:
		if dst.Kind() == reflect.String {
			dst.SetString(x)
			return nil
		}
	case bool:
		if dst.Kind() == reflect.Bool {
			dst.SetBool(x)
			return nil
		}
	case int64:
		if assignInt(dst, x) {
			return nil
		}
	case float64:
		if dst.Kind() == reflect.Float64 {
			dst.SetFloat(x)
			return nil
		}
	case []any:
		if dst.Kind() == reflect.Slice || dst.Kind() == reflect.Array && dst.Len() == len(x) {
			return assignList(dst, x)
		}
	}
	return fmt.Errorf("want %s, got %s", wanted(dst.Type()), describe(v))
}

func assignInt(dst reflect.Value, x int64) bool {
	switch {
	case dst.Kind() == reflect.Int && !dst.OverflowInt(x):
		dst.SetInt(x)
	case dst.Kind() == reflect.Uint64 && x >= 0:
		dst.SetUint(uint64(x))
	case dst.Kind() == reflect.Float64:
		dst.SetFloat(float64(x))
	default:
		return false
	}
	return true
}

// assignList fills an array of len(list), or replaces a slice.
func assignList(dst reflect.Value, list []any) error {
	items := dst
	if dst.Kind() == reflect.Slice {
		items = reflect.MakeSlice(dst.Type(), len(list), len(list))
	}
	for i, v := range list {
		if err := assign(items.Index(i), v); err != nil {
			return fmt.Errorf("item %d: %w", i+1, err)
		}
	}
	dst.Set(items)
	return nil
}

// wanted describes what a key of type t takes.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "an integer"
	case reflect.Uint64:
		return fmt.Sprintf("an integer from 0 to %d", math.MaxInt64)
	case reflect.Float64:
		return "a number"
	case reflect.Array:
		return fmt.Sprintf("a list of %d numbers", t.Len())
	case reflect.Slice:
		return "a list of strings"
	}
	return "a table"
}

// describe says what a TOML value is.
func describe(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("the string %q", v)
	case bool:
		return fmt.Sprintf("%t", v)
	case int64:
		return fmt.Sprintf("the integer %d", v)
	case float64:
		return "the number " + number(v)
	case []any:
		return fmt.Sprintf("a list of %d", len(v))
	case []map[string]any:
		return "a list of tables"
	case time.Time:
		return "a date"
	}
	return "a table"
}

// number formats a TOML float so that it does not look like an integer.
func number(x float64) string {
	if x == math.Trunc(x) && math.Abs(x) < 1e15 {
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprint(x)
}
